"""What one response of a list holds: its items, the total, and the call for the next page.

Includes the Link header (RFC 8288), and lists that are sent as lines of JSON (NDJSON).
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson

from ..call import Call
from ..exchange import Exchange, item_field
from ..jsonpath import find, to_path
from ..messages import Headers
from ..schema import Field, mask_secrets
from ..templates import as_literal
from .paging import Paging

NUMBERED = ("offset", "search", "page")
"""Styles in which the call holds the position in the list as a number."""

_URL = re.compile(r"https?://|[/?][^\s]*[?=]")
"""Recognizes a URL where other servers send a token."""

_MAX_DIGITS = 18  # of a position in a list
_MAX_UNPACKED = 256 * 1024 * 1024  # bytes of an unpacked body
_MAX_BAD_LINES = 5  # that a message names


@dataclass(frozen=True)
class Page:
    """What one response of a list holds.

    Attributes:
        items: the items, in order.
        total: the number of items in the list, if the response declares it.
        next_call: the call for the next page; None at the end.
        other_items: items of other kinds, by the key of their array.
        problem: what could not be read, as a clause; empty if all could.
    """

    items: list[Any]
    total: int | None
    next_call: Call | None
    other_items: dict[str, list[Any]] = field(default_factory=dict)
    problem: str = ""


def read_page(paging: Paging, call: Call, exchange: Exchange, received: int) -> Page:
    """Return what a response holds.

    Args:
        paging: how the operation pages.
        call: the call for this page.
        exchange: the call and its response.
        received: the number of items before this page, including those that an offset skipped.

    Raises:
        PickError: the response is not JSON.
    """
    if paging.style == "lines":
        return _read_lines(paging, exchange)
    data = exchange.json()
    items = _get_items(data, paging.items)
    total, count = _get_total(paging, data, len(items)), received + len(items)
    is_last = paging.style in NUMBERED and (not items or (total is not None and count >= total))
    next_call = None if is_last else _NEXT_CALL[paging.style](paging, call, exchange, count)
    return Page(items, total, next_call, {key: _get_items(data, key) for key in paging.other_items})


def resolve_position(paging: Paging, call: Call, exchange: Exchange) -> Call:
    """Return the call with its position in the list as the number that was sent, instead of a text or a template."""
    if paging.style not in NUMBERED or not isinstance(call.parameters.get(paging.parameter), str):
        return call
    text = call.parameters[paging.parameter]
    sent = _sent_query(exchange).get(paging.parameter, [text])[0]
    return call.with_parameters(**{paging.parameter: _parse_number(sent, _first_position(paging))})


def requested_position(paging: Paging, call: Call) -> int:
    """Return the number of the page that a call asks for, or its offset."""
    return _parse_number(call.parameters.get(paging.parameter), _first_position(paging))


def page_item_field(paging: Paging, exchange: Exchange) -> Field | None:
    """Return the field tree of one item; None if the document does not declare it."""
    return item_field(exchange) if paging.style != "lines" else _line_field(exchange)


def find_link(headers: Headers, relation: str) -> str | None:
    """Return the first target of a Link header with this relation type (RFC 8288, section 3.3), or None."""
    values = (value for name, value in headers if name.lower() == "link")
    links = (link for value in values for link in _LINK.findall(value))
    return next((target for target, parameters in links if relation in _relation_types(parameters)), None)


_NAME, _VALUE = r'[^\s=;,"<>]+', r'"(?:[^"\\]|\\.)*"|[^\s;,"]*'
_LINK_PARAMETER = re.compile(rf"\s*;\s*({_NAME})(?:\s*=\s*({_VALUE}))?")
_LINK = re.compile(rf"<([^<>]*)>((?:\s*;\s*{_NAME}(?:\s*=\s*(?:{_VALUE}))?)*)")


def _relation_types(parameters: str) -> list[str]:
    """Return the words of the first `rel` of a link, in lower case."""
    value = next((value for name, value in _LINK_PARAMETER.findall(parameters) if name.lower() == "rel"), "")
    return str(value).strip('"').lower().split()


def _get_total(paging: Paging, data: Any, page_size: int) -> int | None:
    """Return the number of items in the list, unless the number may be that of the items on this page."""
    total = _get_first(data, paging.total) if paging.total else None
    is_count = isinstance(total, int) and not isinstance(total, bool) and total >= 0
    return total if is_count and not (paging.vague and total == page_size) else None


def _get_items(data: Any, key: str) -> list[Any]:
    items = data if key == "$" else _get_first(data, key)
    return list(items) if isinstance(items, list) else []


def _get_first(data: Any, key: str) -> Any:
    path = key if key.startswith("$") else to_path((key,))
    return next((value for _, value in find(data, path)), None)


def _first_position(paging: Paging) -> int:
    return paging.first if paging.style == "page" else 0


def _parse_number(value: Any, default: int) -> int:
    if isinstance(value, int):
        return value
    return int(value) if isinstance(value, str) and value.isdecimal() and len(value) <= _MAX_DIGITS else default


def _sent_query(exchange: Exchange) -> dict[str, list[str]]:
    """Return the query as it was sent, secrets masked."""
    return parse_qs(urlsplit(exchange.request.url).query, keep_blank_values=True)


# --- lines of JSON ----------------------------------------------------------------------------------------------------


def _read_lines(paging: Paging, exchange: Exchange) -> Page:
    """Return each line as an item; the problem names the lines that are not JSON."""
    field, items, bad = _line_field(exchange), [], []
    for number, line in _numbered_lines(exchange):
        try:
            items.append(mask_secrets(field, orjson.loads(line)))
        except orjson.JSONDecodeError:
            bad.append(number)
    numbers = ", ".join(map(str, bad[:_MAX_BAD_LINES])) + (" …" if len(bad) > _MAX_BAD_LINES else "")
    return Page(items, None, None, problem=f"has lines that are not JSON ({numbers})" if bad else "")


def _numbered_lines(exchange: Exchange) -> Iterator[tuple[int, bytes]]:
    body = _unpack(exchange.response.body if exchange.response else b"")
    return ((number, line) for number, line in enumerate(body.split(b"\n"), 1) if line.strip())


def _unpack(body: bytes) -> bytes:
    """Return the body, unpacked if it is a gzip file that no header declares."""
    if not body.startswith(b"\x1f\x8b"):
        return body
    try:
        return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(body, _MAX_UNPACKED)
    except zlib.error:
        return body


def _line_field(exchange: Exchange) -> Field | None:
    """Return the field of one line; None if the document declares only bytes."""
    declared = exchange.field
    item = declared.item if declared is not None and declared.kind == "array" else declared
    return item if item is not None and item.kind in ("object", "map", "union") else None


# --- the call for the next page, by style -----------------------------------------------------------------------------


def _next_by_offset(paging: Paging, call: Call, exchange: Exchange, count: int) -> Call:
    return call.with_parameters(**{paging.parameter: count})


def _next_by_page(paging: Paging, call: Call, exchange: Exchange, count: int) -> Call:
    return call.with_parameters(**{paging.parameter: requested_position(paging, call) + 1})


def _next_by_search(paging: Paging, call: Call, exchange: Exchange, count: int) -> Call | None:
    cursor = _get_first(exchange.json(), paging.cursor)
    return call.with_parameters(**{paging.cursor: as_literal(cursor), paging.parameter: count}) if cursor else None


def _next_by_cursor(paging: Paging, call: Call, exchange: Exchange, count: int) -> Call | None:
    cursor = _get_first(exchange.json(), paging.cursor)
    if not isinstance(cursor, str | int) or isinstance(cursor, bool) or cursor == "":
        return None
    if isinstance(cursor, str) and _URL.match(cursor):
        return _call_for_url(call, exchange, cursor)
    return call.with_parameters(**{paging.parameter: as_literal(cursor)})


def _next_by_link(paging: Paging, call: Call, exchange: Exchange, count: int) -> Call | None:
    target = find_link(exchange.response.headers if exchange.response else (), "next")
    return _call_for_url(call, exchange, target) if target is not None else None


def _call_for_url(call: Call, exchange: Exchange, url: str) -> Call:
    """Return the call with the query parameters of the next page's URL. Only the query is used: never another host.

    A parameter that the URL does not change keeps the value in the call, so that a template stays a template.
    """
    query = url.partition("?")[2].partition("#")[0]
    values_by_name, sent = parse_qs(query, keep_blank_values=True), _sent_query(exchange)
    keys = {p.name: p.key for p in exchange.operation.parameters if p.location == "query"}
    changed = {keys[name]: v for name, v in values_by_name.items() if name in keys and v != sent.get(name)}
    parameters: dict[str, Any] = {key: values if len(values) > 1 else values[0] for key, values in changed.items()}
    return call.with_parameters(**as_literal(parameters))


def _no_next_call(paging: Paging, call: Call, exchange: Exchange, count: int) -> None:
    return None


_NEXT_CALL: dict[str, Callable[[Paging, Call, Exchange, int], Call | None]] = {
    "offset": _next_by_offset,
    "page": _next_by_page,
    "search": _next_by_search,
    "cursor": _next_by_cursor,
    "link": _next_by_link,
    "whole": _no_next_call,
}
