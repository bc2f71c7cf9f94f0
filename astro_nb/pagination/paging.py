"""How an operation pages, and what one page holds: its items, the total, and the call for the next page.

This includes the Link header (RFC 8288), and lists sent as lines of JSON (NDJSON).

The overlay declares it (`x-astro-nb-page`). Otherwise it is inferred from the names of the query parameters and of the
fields of the response, by the tables below. What a response says about the rest of its list is read in `signals.py`.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from ..call import Call
from ..exchange import Exchange, item_field
from ..json_text import JsonError, read_json
from ..jsonpath import find, to_path
from ..openapi import Operation, PageExtension
from ..schema import Field, mask_secrets, parameter_fields, read_field, response_secret_names
from ..templates import as_literal
from .signals import (
    ENVELOPE_FIELDS,
    MAX_ENVELOPE_DEPTH,
    TOTAL_FIELDS,
    VAGUE_TOTAL_FIELDS,
    Signals,
    normalize_name,
    read_signals,
)

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

_CURSOR_FIELDS = (
    "next_page_token", "next_token", "next_cursor", "next_continuation_token", "continuation_token", "continuation",
    "continue", "next_marker", "next_page_cursor", "end_cursor", "scroll_id", "cursor", "marker", "next_page", "next",
    "after", "next_link", "next_url", "next_page_url", "@odata.nextLink", "href",
)  # fmt: skip
"""The response fields that ask for the next page: with a token, or with a URL that holds one."""

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
        knows_first: whether the document declares that; otherwise it is a guess.
        vague: whether the total may be the number of items on the page.
        is_declared: whether the overlay declares it.
        uses_total: whether totals count: not if the list is read from its middle, or if they prove to be wrong.
        default_size: the page size without `limit`, if the document declares it.
        is_bounded: whether the document declares the largest page size.
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
    knows_first: bool = True
    vague: bool = False
    is_declared: bool = False
    uses_total: bool = True
    default_size: int | None = None
    is_bounded: bool = False

    def declared_size(self, call: Call) -> int | None:
        """Return the number of items below which a page is short by the document: it is the last one; None if unknown.

        A server may send less than what is asked for, but not less than the document's maximum or default.
        """
        asked = call.parameters.get(self.limit) if self.limit else None
        size = _parse_number(asked, 0) or None
        if size is None:
            return self.default_size
        if self.is_bounded and size <= self.max_size:
            return size
        return None if self.default_size is None else min(size, self.default_size)


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
        is_declared=True,
        is_bounded=page.most is not None,
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
    limit, total = _find_name(fields, _LIMIT_PARAMETERS), _find_path(response, TOTAL_FIELDS)
    cursor = _find_path(response, _CURSOR_FIELDS) if style == "cursor" else ""
    if items == "$" and style == "cursor":
        style = "link"  # a bare array cannot hold a cursor: it is in the headers
    if not style or (style == "cursor" and not cursor):
        style, parameter = "whole", ""
    return Paging(
        style=style,
        items=items,
        total=total,
        parameter=parameter,
        limit=limit,
        max_size=_max_page_size(fields.get(limit)),
        cursor=cursor,
        first=_first_page(fields.get(parameter)),
        knows_first=style != "page" or _declares_first(fields[parameter]),
        vague=_find_name((total,), VAGUE_TOTAL_FIELDS) != "",
        default_size=_default_size(fields.get(limit)),
        is_bounded=limit in fields and "maximum" in fields[limit].schema,
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
    known = {normalize_name(name): name for name in names}
    return next((known[normalize_name(name)] for name in wanted if normalize_name(name) in known), "")


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
    for child in objects if len(path) < MAX_ENVELOPE_DEPTH else ():
        if _find_name((child.name,), ENVELOPE_FIELDS):
            yield from _scalar_fields(child, (*path, child.name))


def _max_page_size(limit: Field | None) -> int:
    """Return the largest page size that a parameter allows, from 1 to the limit of this package."""
    maximum = limit.schema.get("maximum", _DEFAULT_PAGE_SIZE) if limit else _DEFAULT_PAGE_SIZE
    return int(max(1, min(_MAX_PAGE_SIZE, maximum))) if isinstance(maximum, int | float) else _DEFAULT_PAGE_SIZE


def _default_size(limit: Field | None) -> int | None:
    default = limit.info.default if limit is not None else None
    return default if isinstance(default, int) and not isinstance(default, bool) and default > 0 else None


def _first_page(field: Field | None) -> int:
    """Return the number of the first page: the parameter's default, or 0 if that is its minimum, or else 1."""
    if field is None:
        return 1
    default = field.info.default
    if isinstance(default, int) and not isinstance(default, bool):
        return default
    return 0 if field.schema.get("minimum") == 0 else 1


def _declares_first(field: Field) -> bool:
    default = field.info.default
    return (isinstance(default, int) and not isinstance(default, bool)) or field.schema.get("minimum") in (0, 1)


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
        end: what says that this is the last page; empty if nothing does.
        more: what says that there is another page; empty if nothing does.
        sources: the places in which the next page was given.
        has_wrong_total: whether a total is declared that cannot be that of the list.
    """

    items: list[Any]
    total: int | None
    next_call: Call | None
    other_items: dict[str, list[Any]] = field(default_factory=dict)
    problem: str = ""
    end: str = ""
    more: str = ""
    sources: frozenset[str] = frozenset()
    has_wrong_total: bool = False


@dataclass(frozen=True)
class ReadSoFar:
    """What is known of a list before a page is read.

    Attributes:
        items: the number of items before the page, including those that an offset skipped.
        page_size: the number of items on the first page; 0 if there is none yet.
        sources: the places in which earlier pages gave the next one.
    """

    items: int = 0
    page_size: int = 0
    sources: frozenset[str] = frozenset()


def read_page(paging: Paging, call: Call, exchange: Exchange, before: ReadSoFar = ReadSoFar()) -> Page:  # frozen
    """Return what a response holds.

    Args:
        paging: how the operation pages.
        call: the call for this page.
        exchange: the call and its response.
        before: what was read before this page.

    Raises:
        PickError: the response is not JSON.
    """
    if paging.style == "lines":
        return _read_lines(paging, exchange)
    data = exchange.json()
    items, number = _get_items(data, paging.items), None
    if paging.style == "page":
        number = requested_position(paging, call) - paging.first + 1
    signals = read_signals(exchange.response, data, len(items), number, before.sources)
    total, count = _get_total(paging, data, len(items), signals), before.items + len(items)
    is_wrong = total is not None and count >= total and signals.verdict.kind == "more"
    if is_wrong:
        total = None
    next_call, end, more = _find_end(paging, call, exchange, _Position(len(items), count, total, before), signals)
    others = {key: _get_items(data, key) for key in paging.other_items}
    problem = _find_missing(paging.items, data)
    return Page(items, total, next_call, others, problem, end, more, signals.sources, is_wrong)


_ERROR_FIELDS = ("error", "errors", "error_message", "error_description", "message", "detail", "fault", "exception")


def _find_missing(key: str, data: Any) -> str:
    """Return why a response is not an empty list although it has no items, as a clause; empty if it is one.

    Some servers send null, or leave the items out, if there are none. An error that is sent as a success is no list.
    """
    if data is None:
        return ""
    if key == "$":
        return "" if isinstance(data, list) else "is not a list"
    found = find(data, key if key.startswith("$") else to_path((key,)))
    if found:
        return "" if found[0][1] is None or isinstance(found[0][1], list) else f"has no list at {key!r}"
    names = data if isinstance(data, Mapping) else ()
    error = _find_name(map(str, names), _ERROR_FIELDS)
    return f"has no {key!r}, but {error!r}" if error else "" if isinstance(data, Mapping) else f"has no {key!r}"


@dataclass(frozen=True)
class _Position:
    """Where a page ends: its number of items, the offset after them, the total, and what was read before it."""

    size: int
    count: int
    total: int | None
    before: ReadSoFar


def _find_end(
    paging: Paging, call: Call, exchange: Exchange, at: _Position, signals: Signals
) -> tuple[Call | None, str, str]:
    """Return the call for the next page, what says that there is none, and what says that there is one."""
    kind, reason = signals.verdict
    more = reason if kind == "more" else ""
    if at.total is not None and at.count >= at.total:
        end = f"the total of {at.total} is reached"
    elif kind == "last" and (at.total is None or paging.style not in NUMBERED):
        end = reason
    elif not at.size and paging.style in NUMBERED:
        return None, "" if more else "the page is empty", more and f"{more}, but the page is empty"
    else:
        end = ""
    if end and (paging.style in NUMBERED or kind == "last"):
        return None, end, ""
    next_call = _NEXT_CALL[paging.style](paging, call, exchange, at.count, signals)
    if next_call is not None and next_call.parameters == call.parameters:
        undeclared = _undeclared_parameters(exchange, signals)
        return (None, "", f"{more}, through {undeclared}") if undeclared else (next_call, "", more)
    if next_call is not None or more:
        return next_call, "", more
    return None, end or _assumed_end(paging, call, at), ""


def _assumed_end(paging: Paging, call: Call, at: _Position) -> str:
    """Return why a page without a link to another one is the last one; empty if it need not be."""
    if paging.is_declared:  # by an overlay: a cursor or a link that is not there is none
        return "the response has no next page"
    if paging.cursor:
        return "the response has no cursor"
    sizes = [size for size in (paging.declared_size(call), at.before.page_size) if size]
    return f"the page has less than {max(sizes)} items" if sizes and at.size < max(sizes) else ""


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


def _get_total(paging: Paging, data: Any, page_size: int, signals: Signals) -> int | None:
    """Return the number of items in the list, unless the number may be that of the items on this page."""
    if not paging.uses_total:
        return None
    total = _get_first(data, paging.total) if paging.total else None
    is_count = isinstance(total, int) and not isinstance(total, bool) and total >= 0
    if is_count and not (paging.vague and total == page_size):
        return total
    return signals.total


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
    names = lambda: response_secret_names(exchange.operation, exchange.status or 0)  # noqa: E731  # only read if needed
    for number, line in _numbered_lines(exchange):
        try:
            items.append(mask_secrets(field, read_json(line).data, names))
        except JsonError:
            bad.append(number)
    numbers = ", ".join(map(str, bad[:_MAX_BAD_LINES])) + (" …" if len(bad) > _MAX_BAD_LINES else "")
    problem = f"has lines that are not JSON ({numbers})" if bad else ""
    return Page(items, None, None, problem=problem, end="the lines are read to their end")


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


def _next_by_offset(paging: Paging, call: Call, exchange: Exchange, count: int, signals: Signals) -> Call:
    return call.with_parameters(**{paging.parameter: count})


def _next_by_page(paging: Paging, call: Call, exchange: Exchange, count: int, signals: Signals) -> Call:
    linked = _call_for_url(call, exchange, signals.link) if signals.link is not None else call
    if linked.parameters != call.parameters:
        return linked
    return call.with_parameters(**{paging.parameter: requested_position(paging, call) + 1})


def _next_by_search(paging: Paging, call: Call, exchange: Exchange, count: int, signals: Signals) -> Call | None:
    cursor = _cursor(paging, exchange)
    return call.with_parameters(**{paging.cursor: as_literal(cursor), paging.parameter: count}) if cursor else None


def _cursor(paging: Paging, exchange: Exchange) -> Any:
    """Return the cursor in a response; the document or the overlay says that it is one, whatever its name means."""
    return _get_first(exchange.response.json(), paging.cursor) if exchange.response else None


def _next_by_cursor(paging: Paging, call: Call, exchange: Exchange, count: int, signals: Signals) -> Call | None:
    cursor = _cursor(paging, exchange)
    return _call_for_token(paging, call, exchange, cursor)


def _next_by_link(paging: Paging, call: Call, exchange: Exchange, count: int, signals: Signals) -> Call | None:
    if signals.link is not None:
        return _call_for_url(call, exchange, signals.link)
    return _call_for_token(paging, call, exchange, signals.next)


def _call_for_token(paging: Paging, call: Call, exchange: Exchange, token: Any) -> Call | None:
    """Return the call for a cursor, which may be a token or a URL; None if it is empty or cannot be sent."""
    if not isinstance(token, str | int) or isinstance(token, bool) or token == "":
        return None
    if isinstance(token, str) and _URL.match(token):
        return _call_for_url(call, exchange, token)
    return call.with_parameters(**{paging.parameter: as_literal(token)}) if paging.parameter else None


def _call_for_url(call: Call, exchange: Exchange, url: str) -> Call:
    """Return the call with the query parameters of the next page's URL. Only the query is used: never another host.

    A parameter that the URL does not change has the value of the call, so that a template stays a template.
    """
    keys = _query_keys(exchange)
    changed = {keys[name]: values for name, values in _changed_query(exchange, url).items() if name in keys}
    parameters: dict[str, Any] = {key: values if len(values) > 1 else values[0] for key, values in changed.items()}
    return call.with_parameters(**as_literal(parameters))


def _undeclared_parameters(exchange: Exchange, signals: Signals) -> str:
    """Return the parameters of the next page's URL that the document does not declare, as a clause; or empty."""
    url = signals.link or (signals.next if isinstance(signals.next, str) else "")
    keys = _query_keys(exchange)
    names = [repr(name) for name in _changed_query(exchange, url) if name not in keys]
    return f"{', '.join(names)}, which the document does not declare" if names else ""


def _query_keys(exchange: Exchange) -> dict[str, str]:
    return {p.name: p.key for p in exchange.operation.parameters if p.location == "query"}


def _changed_query(exchange: Exchange, url: str) -> dict[str, list[str]]:
    """Return the query parameters of a URL that differ from those that were sent."""
    query, sent = url.partition("?")[2].partition("#")[0], _sent_query(exchange)
    values_by_name = parse_qs(query, keep_blank_values=True)
    return {name: values for name, values in values_by_name.items() if values != sent.get(name)}


_NEXT_CALL: dict[str, Callable[[Paging, Call, Exchange, int, Signals], Call | None]] = {
    "offset": _next_by_offset,
    "page": _next_by_page,
    "search": _next_by_search,
    "cursor": _next_by_cursor,
    "link": _next_by_link,
    "whole": _next_by_link,
}
