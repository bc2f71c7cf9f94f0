"""How an operation pages: where the items stand, how many there are, and which call asks for the next ones."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from ..call import Call
from ..exchange import Exchange
from ..fields import read
from ..message import header
from ..pick import find
from ..spec import Operation

LARGEST = 1000
"""Items asked for at once, at the most."""


@dataclass(frozen=True)
class Paging:
    """How an operation pages.

    Attributes:
        style: "offset", "page", "search", "cursor", "link" or "whole".
        items: the key of the array that holds the items; "$" for a bare array.
        total: the key of the total; empty where none is told.
        parameter: the query parameter that moves on (offset, page or cursor).
        limit: the query parameter for the size of a page; empty where there is none.
        most: the largest size of a page.
        cursor: the key of the answer that holds the cursor.
        also: further arrays of the answer that hold items of another kind.
    """

    style: str
    items: str
    total: str = ""
    parameter: str = ""
    limit: str = ""
    most: int = LARGEST
    cursor: str = ""
    sort: str = ""
    also: tuple[str, ...] = ()


@dataclass(frozen=True)
class Page:
    """One page: its items, the total where it is told, and the call for the next page (None at the end)."""

    items: list[Any]
    total: int | None
    following: Call | None


def paging_of(operation: Operation) -> Paging | None:
    """How an operation pages: by the overlay's note, else inferred from parameters and answer; None if it does not."""
    note = operation.notes.get("page")
    return _from_note(note) if isinstance(note, Mapping) else _inferred(operation)


def first_call(paging: Paging, call: Call) -> Call:
    """The call for the first page: the largest page, unless the call asks for another size."""
    wanted: dict[str, Any] = {}
    if paging.limit and paging.limit not in call.parameters:
        wanted[paging.limit] = paging.most
    if paging.sort and "sorts" not in call.parameters:
        wanted["sorts"] = [paging.sort]
    return call.with_parameters(**wanted)


def read_page(paging: Paging, call: Call, exchange: Exchange, seen: int) -> Page:
    """What one answer holds.

    Args:
        paging: how the operation pages.
        call: the call that asked for this page.
        exchange: what came of it.
        seen: items received before it, those that an offset skipped included.
    """
    data = exchange.json()
    items = _items(data, paging.items)
    total = _first(data, paging.total) if paging.total else None
    count = seen + len(items)
    done = not items or (isinstance(total, int) and count >= total)
    following = None if done else _FOLLOWING[paging.style](paging, call, exchange, count)
    return Page(items, total if isinstance(total, int) else None, following)


def skipped(paging: Paging, call: Call) -> int:
    """Items that the first call skips by its offset."""
    start = call.parameters.get(paging.parameter, 0) if paging.style in ("offset", "search") else 0
    return start if isinstance(start, int) else 0


def _items(data: Any, key: str) -> list[Any]:
    found = data if key == "$" else _first(data, key)
    return list(found) if isinstance(found, list) else []


def _first(data: Any, key: str) -> Any:
    path = key if key.startswith("$") else f"$['{key}']"
    return next((value for _, value in find(data, path)), None)


def _by_offset(paging: Paging, call: Call, exchange: Exchange, count: int) -> Call:
    return call.with_parameters(**{paging.parameter: count})


def _by_page(paging: Paging, call: Call, exchange: Exchange, count: int) -> Call:
    return call.with_parameters(**{paging.parameter: int(call.parameters.get(paging.parameter, 1)) + 1})


def _by_search(paging: Paging, call: Call, exchange: Exchange, count: int) -> Call | None:
    cursor = _first(exchange.json(), paging.cursor)
    return call.with_parameters(**{paging.cursor: cursor, paging.parameter: count}) if cursor else None


def _by_cursor(paging: Paging, call: Call, exchange: Exchange, count: int) -> Call | None:
    cursor = _first(exchange.json(), paging.cursor)
    return call.with_parameters(**{paging.parameter: cursor}) if cursor else None


def _by_link(paging: Paging, call: Call, exchange: Exchange, count: int) -> Call | None:
    """The target of `rel="next"` (RFC 8288), taken apart into parameters of the operation."""
    links = header(exchange.answer.headers, "link") if exchange.answer else ""
    match = re.search(r"<([^>]*)>[^,]*;\s*rel=\"?next\"?", links)
    if not match:
        return None
    known = {p.name for p in exchange.operation.parameters if p.location == "query"}
    pairs = parse_qsl(urlsplit(match[1]).query)
    return call.with_parameters(**{name: value for name, value in pairs if name in known})


def _never(paging: Paging, call: Call, exchange: Exchange, count: int) -> None:
    return None


_FOLLOWING: dict[str, Callable[[Paging, Call, Exchange, int], Call | None]] = {
    "offset": _by_offset,
    "page": _by_page,
    "search": _by_search,
    "cursor": _by_cursor,
    "link": _by_link,
    "whole": _never,
    "lines": _never,
}


def _from_note(note: Mapping[str, Any]) -> Paging:
    style = str(note.get("style", "offset"))
    parameter = str(note.get("parameter") or note.get("offset") or ("cursor" if style == "cursor" else ""))
    return Paging(
        style=style,
        items=str(note.get("items", "$")),
        total=str(note.get("total", "")),
        parameter=parameter,
        limit=str(note.get("limit", "")),
        most=int(note.get("most", LARGEST)),
        cursor=str(note.get("cursor", "")),
        sort=str(note.get("sort", "")),
        also=tuple(note.get("also") or ()),
    )


_STYLES = (("offset", "offset"), ("skip", "offset"), ("page", "page"), ("page_number", "page"))
_LIMITS = ("limit", "per_page", "page_size", "pageSize", "size")
_TOTALS = ("totalCount", "total_entries", "total_count", "total", "count")


def _inferred(operation: Operation) -> Paging | None:
    items, keys = _array_of(operation)
    if operation.method != "GET" or not items:
        return None
    queries = {p.key: p for p in operation.parameters if p.location == "query"}
    limit = next((name for name in _LIMITS if name in queries), "")
    total = next((name for name in _TOTALS if name in keys), "")
    for name, style in _STYLES:
        if name in queries:
            style = "link" if style == "page" and items == "$" else style
            most = queries[limit].schema.get("maximum", 100) if limit else 100
            return Paging(style, items, total, name, limit, min(int(most), LARGEST))
    return Paging("whole", items) if items == "$" else None


def _array_of(operation: Operation) -> tuple[str, set[str]]:
    """The key of the one array in the answer ("$" for a bare one; empty for none), and the keys beside it."""
    declared = operation.success
    schema = declared.schema() if declared else None
    if schema is None:
        return "", set()
    field = read(operation.spec, schema)
    if field.kind == "array":
        return "$", set()
    arrays = [child.name for child in field.children if child.kind == "array"]
    return (arrays[0] if len(arrays) == 1 else ""), {child.name for child in field.children}
