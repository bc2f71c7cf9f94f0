"""How an operation pages, and what one page holds: its items, the total, and the call for the next page.

This includes the Link header (RFC 8288), and lists sent as lines of JSON (NDJSON).

The overlay declares it (`x-astro-nb-page`). Otherwise it is inferred from the names of the query parameters and of the
fields of the response, by the tables below.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson

from ..call import Call
from ..exchange import Exchange, item_field
from ..jsonpath import find, to_path
from ..messages import Headers
from ..openapi import Operation, PageExtension
from ..schema import Field, mask_secrets, parameter_fields, read_field
from ..templates import as_literal

_POSITION_PARAMETERS: Mapping[str, tuple[str, ...]] = {
    "offset": ("offset", "skip", "$skip", "start", "startAt"),
    "page": ("page", "page_number", "page_no", "page[number]"),
    "cursor": (
        "cursor", "page_token", "next_token", "continuation_token", "continuation", "continue", "next_cursor",
        "page_cursor", "page[cursor]", "page[after]", "marker", "scroll_id", "after", "token", "next",
    ),
}  # fmt: skip
"""The query parameters for the position, by style. The first one that an operation has decides the style.

Here as in the following tables, case, `_` and `-` are ignored.
"""

_LIMIT_PARAMETERS = (
    "limit", "per_page", "page_size", "page[size]", "size", "max_results", "max_items", "max_keys", "$top", "top",
    "first", "count",
)  # fmt: skip
"""The query parameters for the page size."""

_TOTAL_FIELDS = ("totalCount", "total_entries", "total", "total_items", "total_results", "total_size", "count")
"""The response fields with the number of items in the list."""

_VAGUE_TOTAL_FIELDS = ("count",)
"""Those of them with the number of items on the page, for some servers."""

_CURSOR_FIELDS = (
    "next_page_token", "next_token", "next_cursor", "next_continuation_token", "continuation_token", "continuation",
    "continue", "next_marker", "next_page_cursor", "end_cursor", "scroll_id", "cursor", "marker", "next_page", "next",
    "after", "next_link", "next_url", "next_page_url", "@odata.nextLink", "href",
)  # fmt: skip
"""The response fields that ask for the next page: with a token, or with a URL that holds one."""

_ENVELOPE_FIELDS = (
    "meta", "metadata", "pagination", "paging", "page_info", "response_metadata", "links", "cursors", "next",
)  # fmt: skip
"""The objects in a response that may hold the cursor or the total."""

_MAX_ENVELOPE_DEPTH = 2

_STYLE_ALIASES = {"token": "cursor", "page_number": "page"}
_PARAMETER_STYLES = ("offset", "page", "search", "cursor")  # they need a query parameter for the position
_STYLES = (*_PARAMETER_STYLES, "link", "whole", "lines")

_MAX_PAGE_SIZE = 1000
_DEFAULT_PAGE_SIZE = 100  # if the document declares no maximum


@dataclass(frozen=True)
class Paging:
    """How an operation pages.

    Attributes:
        style: "offset", "page", "search" (a cursor and an offset), "cursor", "link" (RFC 8288), "whole" (no pages) or
            "lines" (NDJSON).
        items: the key of the array that holds the items; "$" if the response is the array.
        total: the key of the number of items in the list; empty if there is none.
        parameter: the query parameter for the position: an offset, a page number or a cursor.
        limit: the query parameter for the page size; empty if there is none.
        max_size: the largest page size.
        cursor: the key of the cursor in the response.
        sort: the order to ask for, so that no item is missed; empty if the operation cannot sort.
        other_items: the keys of further arrays that hold items of other kinds.
        first: the number of the first page.
        vague: whether the total may be the number of items on the page.
    """

    style: str
    items: str
    total: str = ""
    parameter: str = ""
    limit: str = ""
    max_size: int = _MAX_PAGE_SIZE
    cursor: str = ""
    sort: str = ""
    other_items: tuple[str, ...] = ()
    first: int = 1
    vague: bool = False


def paging_of(operation: Operation) -> Paging | None:
    """Return how an operation pages, or None if it does not return a list.

    The overlay declares it; otherwise it is inferred from the parameters and the response.
    """
    page = operation.extensions.page
    declared = _declared_paging(operation, page) if page else None
    return declared or _infer_paging(operation)


def first_call(paging: Paging, call: Call) -> Call:
    """Return the call for the first page: with the largest page size and a stable order, unless it has its own."""
    added: dict[str, Any] = {}
    if paging.limit and paging.limit not in call.parameters:
        added[paging.limit] = paging.max_size
    if paging.sort and "sorts" not in call.parameters:
        added["sorts"] = [paging.sort]
    return call.with_parameters(**added)


def _declared_paging(operation: Operation, page: PageExtension) -> Paging | None:
    """Return the paging that the overlay declares; None if its style or its position parameter does not exist."""
    style = _STYLE_ALIASES.get(page.style, page.style) or "offset"
    parameter = page.parameter or page.offset or ("cursor" if style == "cursor" else "")
    fields = _query_fields(operation)
    lacks_cursor = style == "search" and not page.cursor
    lacks_parameter = style in _PARAMETER_STYLES and parameter not in fields
    if style not in _STYLES or lacks_parameter or lacks_cursor:
        return None
    return Paging(
        style=style,
        items=page.items or "$",
        total=page.total,
        parameter=parameter,
        limit=page.limit if page.limit in fields else "",
        max_size=_MAX_PAGE_SIZE if page.most is None else page.most,
        cursor=page.cursor,
        sort=page.sort if "sorts" in fields else "",
        other_items=page.also,
        first=_first_page(fields.get(parameter)) if page.first is None else page.first,
    )


def _infer_paging(operation: Operation) -> Paging | None:
    """Return the paging that the names of the parameters and of the response fields suggest."""
    schema = operation.success.schema() if operation.success else None
    response = read_field(operation.spec, schema) if schema is not None else None
    items, fields = operation.spec.resources.items_key(operation), _query_fields(operation)
    if operation.method != "GET" or not items:
        return None
    style, parameter = _find_style(fields)
    limit, total = _find_name(fields, _LIMIT_PARAMETERS), _find_path(response, _TOTAL_FIELDS)
    cursor = _find_path(response, _CURSOR_FIELDS) if style == "cursor" else ""
    if items == "$" and style in ("page", "cursor"):
        style = "link"  # a bare array cannot hold a cursor or a total: they are in the headers
    if not style or (style == "cursor" and not cursor):
        return Paging("whole", items) if items == "$" else None
    return Paging(
        style=style,
        items=items,
        total=total,
        parameter=parameter,
        limit=limit,
        max_size=_max_page_size(fields.get(limit)),
        cursor=cursor,
        first=_first_page(fields[parameter]),
        vague=_find_name((total,), _VAGUE_TOTAL_FIELDS) != "",
    )


def _query_fields(operation: Operation) -> dict[str, Field]:
    """Return the fields of the query parameters, by key."""
    keys = {p.key for p in operation.parameters if p.location == "query"}
    return {field.name: field for field in parameter_fields(operation) if field.name in keys}


def _find_style(parameters: Iterable[str]) -> tuple[str, str]:
    """Return the style and its position parameter; both empty if there is none."""
    names = list(parameters)
    candidates = ((style, _find_name(names, known)) for style, known in _POSITION_PARAMETERS.items())
    return next(((style, name) for style, name in candidates if name), ("", ""))


def _find_name(names: Iterable[str], wanted: Iterable[str]) -> str:
    """Return the name that comes first in the wanted names; empty if there is none."""
    known = {_normalize(name): name for name in names}
    return next((known[_normalize(name)] for name in wanted if _normalize(name) in known), "")


def _find_path(response: Field | None, wanted: Iterable[str]) -> str:
    """Return the key, or the JSONPath, of the first wanted field in a response; empty if there is none."""
    for path, names in _scalar_fields(response):
        name = _find_name(names, wanted)
        if name:
            return to_path((*path, name)) if path else name
    return ""


def _scalar_fields(response: Field | None, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], list[str]]]:
    """Yield the names of the scalar fields of a response, then those of its envelope objects, each with its path."""
    if response is None:
        return
    yield path, [child.name for child in response.children if child.kind not in ("array", "object")]
    objects = [child for child in response.children if child.kind == "object"]
    for child in objects if len(path) < _MAX_ENVELOPE_DEPTH else ():
        if _find_name((child.name,), _ENVELOPE_FIELDS):
            yield from _scalar_fields(child, (*path, child.name))


def _normalize(name: str) -> str:
    return name.replace("_", "").replace("-", "").lower()


def _max_page_size(limit: Field | None) -> int:
    """Return the largest page size that a parameter allows, from 1 to the limit of this package."""
    maximum = limit.schema.get("maximum", _DEFAULT_PAGE_SIZE) if limit else _DEFAULT_PAGE_SIZE
    return int(max(1, min(_MAX_PAGE_SIZE, maximum))) if isinstance(maximum, int | float) else _DEFAULT_PAGE_SIZE


def _first_page(field: Field | None) -> int:
    """Return the number of the first page: the parameter's default, or 0 if that is its minimum, or else 1."""
    if field is None:
        return 1
    default = field.info.default
    if isinstance(default, int) and not isinstance(default, bool):
        return default
    return 0 if field.schema.get("minimum") == 0 else 1


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

    A parameter that the URL does not change has the value of the call, so that a template stays a template.
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
