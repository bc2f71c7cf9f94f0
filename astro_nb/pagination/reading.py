"""The Link header (RFC 8288): which address stands in which relation to an answer.

What one answer of a list holds: its items, the total, and the call for the next page.
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

_NAME, _VALUE = r'[^\s=;,"<>]+', r'"(?:[^"\\]|\\.)*"|[^\s;,"]*'
_PARAMETER = re.compile(rf"\s*;\s*({_NAME})(?:\s*=\s*({_VALUE}))?")
_LINK = re.compile(rf"<([^<>]*)>((?:\s*;\s*{_NAME}(?:\s*=\s*(?:{_VALUE}))?)*)")


def target_of(headers: Headers, relation: str) -> str | None:
    """The first target that stands in this relation, whatever else the header fields hold; None where none does."""
    values = (value for name, value in headers if name.lower() == "link")
    links = (link for value in values for link in _LINK.findall(value))
    return next((target for target, parameters in links if relation in _relations(parameters)), None)


def _relations(parameters: str) -> list[str]:
    """The relations of a link: the words of its first `rel`, without regard to case (section 3.3)."""
    told = next((value for name, value in _PARAMETER.findall(parameters) if name.lower() == "rel"), "")
    return str(told).strip('"').lower().split()


COUNTED = ("offset", "search", "page")
"""Styles whose place in the list is a number in the call."""
_ADDRESS = re.compile(r"https?://|[/?][^\s]*[?=]")
"""An address where others have a token."""
_DIGITS = 18
"""Digits of a place in a list, at the most."""
_LARGEST = 256 * 1024 * 1024
"""Bytes that a packed answer is unpacked to, at the most."""


@dataclass(frozen=True)
class Page:
    """One page.

    Attributes:
        items: the items, in order.
        total: how many there are in all, where the answer tells.
        following: the call for the next page; None at the end.
        also: items of another kind, by the key of their array.
        problem: what of the answer could not be read, as a clause; empty where all could.
    """

    items: list[Any]
    total: int | None
    following: Call | None
    also: dict[str, list[Any]] = field(default_factory=dict)
    problem: str = ""


def read_page(paging: Paging, call: Call, exchange: Exchange, seen: int) -> Page:
    """What one answer holds.

    Args:
        paging: how the operation pages.
        call: the call that asked for this page.
        exchange: what came of it.
        seen: items received before it, those that an offset skipped included.
    """
    if paging.style == "lines":
        return _lines(paging, exchange)
    data = exchange.json()
    items = _items(data, paging.items)
    total, count = _total(paging, data, len(items)), seen + len(items)
    done = paging.style in COUNTED and (not items or (total is not None and count >= total))
    following = None if done else _FOLLOWING[paging.style](paging, call, exchange, count)
    also = {key: _items(data, key) for key in paging.also}
    return Page(items, total, following, also)


def skipped(paging: Paging, call: Call) -> int:
    """Items that the first call skips by its offset."""
    return number_of(call.parameters.get(paging.parameter), 0) if paging.style in ("offset", "search") else 0


def placed(paging: Paging, call: Call, exchange: Exchange) -> Call:
    """The call with its place in the list as the number that was sent, where the call holds a text or a template."""
    if paging.style not in COUNTED or not isinstance(call.parameters.get(paging.parameter), str):
        return call
    text = call.parameters[paging.parameter]
    number = number_of(_sent(exchange).get(paging.parameter, [text])[0], paging.first if paging.style == "page" else 0)
    return call.with_parameters(**{paging.parameter: number})


def page_field(paging: Paging, exchange: Exchange) -> Field | None:
    """The field tree of one item; None where the document does not declare it."""
    return item_field(exchange) if paging.style != "lines" else _line_field(exchange)


def page_number(paging: Paging, call: Call) -> int:
    """The number of the page that a call asks for, or its offset."""
    return number_of(call.parameters.get(paging.parameter), paging.first if paging.style == "page" else 0)


def _total(paging: Paging, data: Any, count: int) -> int | None:
    """How many items there are in all, where the answer tells that and not how many are on this page."""
    told = _first(data, paging.total) if paging.total else None
    known = isinstance(told, int) and not isinstance(told, bool) and told >= 0
    return told if known and not (paging.vague and told == count) else None


def _items(data: Any, key: str) -> list[Any]:
    found = data if key == "$" else _first(data, key)
    return list(found) if isinstance(found, list) else []


def _first(data: Any, key: str) -> Any:
    path = key if key.startswith("$") else to_path((key,))
    return next((value for _, value in find(data, path)), None)


def number_of(value: Any, default: int) -> int:
    """A place in a list as a number, where it is one."""
    if isinstance(value, int):
        return value
    return int(value) if isinstance(value, str) and value.isdecimal() and len(value) <= _DIGITS else default


def _sent(exchange: Exchange) -> dict[str, list[str]]:
    """The query as it was sent, secrets as stars."""
    return parse_qs(urlsplit(exchange.request.url).query, keep_blank_values=True)


# --- lines of JSON ----------------------------------------------------------------------------------------------------


def _lines(paging: Paging, exchange: Exchange) -> Page:
    """Every line as an item; a line that is no JSON is told, and the others are read."""
    field, items, bad = _line_field(exchange), [], []
    for number, line in _numbered(exchange):
        try:
            items.append(mask_secrets(field, orjson.loads(line)))
        except orjson.JSONDecodeError:
            bad.append(number)
    shown = ", ".join(map(str, bad[:5])) + (" …" if len(bad) > 5 else "")
    problem = f"has lines that are not JSON ({shown})" if bad else ""
    return Page(items, None, None, problem=problem)


def _numbered(exchange: Exchange) -> Iterator[tuple[int, bytes]]:
    body = _unpacked(exchange.response.body if exchange.response else b"")
    return ((number, line) for number, line in enumerate(body.split(b"\n"), 1) if line.strip())


def _unpacked(body: bytes) -> bytes:
    """The body itself, out of the gzip that some servers send as it is, without a word in the headers."""
    if not body.startswith(b"\x1f\x8b"):
        return body
    try:
        return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(body, _LARGEST)
    except zlib.error:
        return body


def _line_field(exchange: Exchange) -> Field | None:
    """The field of one line, where the document declares one: a schema of plain bytes tells nothing of it."""
    declared = exchange.field
    each = declared.item if declared is not None and declared.kind == "array" else declared
    return each if each is not None and each.kind in ("object", "map", "union") else None


# --- the call for the next page, by style -----------------------------------------------------------------------------


def _by_offset(paging: Paging, call: Call, exchange: Exchange, count: int) -> Call:
    return call.with_parameters(**{paging.parameter: count})


def _by_page(paging: Paging, call: Call, exchange: Exchange, count: int) -> Call:
    return call.with_parameters(**{paging.parameter: page_number(paging, call) + 1})


def _by_search(paging: Paging, call: Call, exchange: Exchange, count: int) -> Call | None:
    cursor = _first(exchange.json(), paging.cursor)
    return call.with_parameters(**{paging.cursor: as_literal(cursor), paging.parameter: count}) if cursor else None


def _by_cursor(paging: Paging, call: Call, exchange: Exchange, count: int) -> Call | None:
    cursor = _first(exchange.json(), paging.cursor)
    if not isinstance(cursor, str | int) or isinstance(cursor, bool) or cursor == "":
        return None
    if isinstance(cursor, str) and _ADDRESS.match(cursor):
        return _following(call, exchange, cursor)
    return call.with_parameters(**{paging.parameter: as_literal(cursor)})


def _by_link(paging: Paging, call: Call, exchange: Exchange, count: int) -> Call | None:
    target = target_of(exchange.response.headers if exchange.response else (), "next")
    return _following(call, exchange, target) if target is not None else None


def _following(call: Call, exchange: Exchange, target: str) -> Call:
    """The address of the next page, taken apart into parameters of the operation; no other host is ever asked.

    What the address does not change stays as the call says it, so that a template, and a secret, stays one.
    """
    query = target.partition("?")[2].partition("#")[0]
    told, sent = parse_qs(query, keep_blank_values=True), _sent(exchange)
    known = {p.name: p.key for p in exchange.operation.parameters if p.location == "query"}
    changed = {known[name]: values for name, values in told.items() if name in known and values != sent.get(name)}
    found: dict[str, Any] = {key: values if len(values) > 1 else values[0] for key, values in changed.items()}
    return call.with_parameters(**as_literal(found))


def _never(paging: Paging, call: Call, exchange: Exchange, count: int) -> None:
    return None


_FOLLOWING: dict[str, Callable[[Paging, Call, Exchange, int], Call | None]] = {
    "offset": _by_offset,
    "page": _by_page,
    "search": _by_search,
    "cursor": _by_cursor,
    "link": _by_link,
    "whole": _never,
}
