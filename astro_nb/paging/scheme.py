"""How an operation pages: where the items stand, how many there are, and which parameter asks for the next ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..call import Call
from ..fields import Field
from ..spec import Operation
from .inferring import CURSORS, LIMITS, TOTALS, VAGUE, answer_of, array_in, moving, named, place_of, queries

LARGEST = 1000
"""Items asked for at once, at the most."""


@dataclass(frozen=True)
class Paging:
    """How an operation pages.

    Attributes:
        style: "offset", "page", "search", "cursor", "link", "whole" or "lines" (NDJSON).
        items: the key of the array that holds the items; "$" for a bare array.
        total: the key of the total; empty where none is told.
        parameter: the query parameter that moves on (offset, page or cursor).
        limit: the query parameter for the size of a page; empty where there is none.
        most: the largest size of a page.
        cursor: the key of the answer that holds the cursor.
        sort: the order that is asked for, so that no item is missed; empty where the operation cannot sort.
        also: further arrays of the answer that hold items of another kind.
        first: the number of the first page.
        vague: whether the total may be the count of the page alone.
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
    first: int = 1
    vague: bool = False


def paging_of(operation: Operation) -> Paging | None:
    """How an operation pages: by the overlay's note, else inferred from parameters and answer; None if it does not."""
    note = operation.notes.get("page")
    noted = _from_note(operation, note) if isinstance(note, Mapping) else None
    return noted or _inferred(operation)


def first_call(paging: Paging, call: Call) -> Call:
    """The call for the first page: the largest page, unless the call asks for another size."""
    wanted: dict[str, Any] = {}
    if paging.limit and paging.limit not in call.parameters:
        wanted[paging.limit] = paging.most
    if paging.sort and "sorts" not in call.parameters:
        wanted["sorts"] = [paging.sort]
    return call.with_parameters(**wanted)


_ALSO_CALLED = {"token": "cursor", "page_number": "page"}


_MOVED_BY = ("offset", "page", "search", "cursor")
"""Styles that a parameter moves on."""
_STYLES = (*_MOVED_BY, "link", "whole", "lines")


def _from_note(operation: Operation, note: Mapping[str, Any]) -> Paging | None:
    """As a note says; None where it names a style, or a parameter that moves on, which there is not."""
    style = _ALSO_CALLED.get(told := str(note.get("style", "offset")), told)
    parameter = str(note.get("parameter") or note.get("offset") or ("cursor" if style == "cursor" else ""))
    known = queries(operation)
    limit, cursor, sort = (str(note.get(name, "")) for name in ("limit", "cursor", "sort"))
    if style not in _STYLES or (style in _MOVED_BY and parameter not in known) or (style == "search" and not cursor):
        return None
    return Paging(
        style=style,
        items=str(note.get("items", "$")),
        total=str(note.get("total", "")),
        parameter=parameter,
        limit=limit if limit in known else "",
        most=int(note.get("most", LARGEST)),
        cursor=cursor,
        sort=sort if "sorts" in known else "",
        also=tuple(note.get("also") or ()),
        first=int(note.get("first", _first_page(known.get(parameter)))),
    )


def _inferred(operation: Operation) -> Paging | None:
    """By names alone: what moves on, what limits, and where the items, the total and the cursor stand."""
    answer = answer_of(operation)
    items, known = array_in(answer, operation.path), queries(operation)
    if operation.method != "GET" or not items:
        return None
    style, parameter = moving(known)
    limit, total = named(known, LIMITS), place_of(answer, TOTALS)
    cursor = place_of(answer, CURSORS) if style == "cursor" else ""
    if items == "$" and style in ("page", "cursor"):
        style = "link"  # a bare array has no room for a cursor, nor for a total: the headers have it
    if not style or (style == "cursor" and not cursor):
        return Paging("whole", items) if items == "$" else None
    return Paging(
        style=style,
        items=items,
        total=total,
        parameter=parameter,
        limit=limit,
        most=_most(known.get(limit)),
        cursor=cursor,
        first=_first_page(known[parameter]),
        vague=named((total,), VAGUE) != "",
    )


def _most(limit: Field | None) -> int:
    """The largest page that a parameter allows, within reason."""
    told = limit.schema.get("maximum", 100) if limit else 100
    return int(max(1, min(LARGEST, told))) if isinstance(told, int | float) else 100


def _first_page(field: Field | None) -> int:
    """The number of the first page: the parameter's default, 0 where pages may be counted from it, else 1."""
    if field is None:
        return 1
    counted = isinstance(field.default, int) and not isinstance(field.default, bool)
    return int(field.default) if counted else 0 if field.schema.get("minimum") == 0 else 1
