"""How an operation pages: where the items stand, how many there are, and which parameter asks for the next ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..call import Call
from ..fields import Field, parameter_fields, read
from ..spec import Operation

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


def paging_of(operation: Operation) -> Paging | None:
    """How an operation pages: by the overlay's note, else inferred from parameters and answer; None if it does not."""
    note = operation.notes.get("page")
    return _from_note(operation, note) if isinstance(note, Mapping) else _inferred(operation)


def first_call(paging: Paging, call: Call) -> Call:
    """The call for the first page: the largest page, unless the call asks for another size."""
    wanted: dict[str, Any] = {}
    if paging.limit and paging.limit not in call.parameters:
        wanted[paging.limit] = paging.most
    if paging.sort and "sorts" not in call.parameters:
        wanted["sorts"] = [paging.sort]
    return call.with_parameters(**wanted)


def _from_note(operation: Operation, note: Mapping[str, Any]) -> Paging:
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
        first=int(note.get("first", _first_page(_queries(operation).get(parameter)))),
    )


_STYLES = (("offset", "offset"), ("skip", "offset"), ("page", "page"), ("page_number", "page"))
_LIMITS = ("limit", "per_page", "page_size", "pageSize", "size")
_TOTALS = ("totalCount", "total_entries", "total_count", "total", "count")


def _inferred(operation: Operation) -> Paging | None:
    items, keys = _array_of(operation)
    if operation.method != "GET" or not items:
        return None
    queries = _queries(operation)
    limit = next((name for name in _LIMITS if name in queries), "")
    total = next((name for name in _TOTALS if name in keys), "")
    for name, style in _STYLES:
        if name in queries:
            style = "link" if style == "page" and items == "$" else style
            most = queries[limit].schema.get("maximum", 100) if limit else 100
            return Paging(style, items, total, name, limit, min(int(most), LARGEST), first=_first_page(queries[name]))
    return Paging("whole", items) if items == "$" else None


def _queries(operation: Operation) -> dict[str, Field]:
    """The fields of the query parameters, by key."""
    wanted = {p.key for p in operation.parameters if p.location == "query"}
    return {field.name: field for field in parameter_fields(operation) if field.name in wanted}


def _first_page(field: Field | None) -> int:
    """The number of the first page: the parameter's default, 0 where pages may be counted from it, else 1."""
    if field is None:
        return 1
    counted = isinstance(field.default, int) and not isinstance(field.default, bool)
    return int(field.default) if counted else 0 if field.schema.get("minimum") == 0 else 1


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
