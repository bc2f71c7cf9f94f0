"""How a list pages that nobody made a note of: by the names of its parameters, and of what its answer holds.

How an operation pages: where the items stand, how many there are, and which parameter asks for the next ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..call import Call
from ..jsonpath import to_path
from ..openapi import Operation, PageExtension
from ..schema import Field, parameter_fields, read_field

STYLES: Mapping[str, tuple[str, ...]] = {
    "offset": ("offset", "skip", "$skip", "start", "startAt"),
    "page": ("page", "page_number", "page_no", "page[number]"),
    "cursor": (
        "cursor", "page_token", "next_token", "continuation_token", "continuation", "continue", "next_cursor",
        "page_cursor", "page[cursor]", "page[after]", "marker", "scroll_id", "after", "token", "next",
    ),
}  # fmt: skip
"""The parameters that move on, by style; the first that an operation has decides. Case, `_` and `-` do not count."""
LIMITS = (
    "limit", "per_page", "page_size", "page[size]", "size", "max_results", "max_items", "max_keys", "$top", "top",
    "first", "count",
)  # fmt: skip
TOTALS = ("totalCount", "total_entries", "total", "total_items", "total_results", "total_size", "count")
VAGUE = ("count",)
"""Totals that with some servers count the page alone."""
CURSORS = (
    "next_page_token", "next_token", "next_cursor", "next_continuation_token", "continuation_token", "continuation",
    "continue", "next_marker", "next_page_cursor", "end_cursor", "scroll_id", "cursor", "marker", "next_page", "next",
    "after", "next_link", "next_url", "next_page_url", "@odata.nextLink", "href",
)  # fmt: skip
"""What of an answer asks for the next page: a token, or an address that holds one."""
AROUND = ("meta", "metadata", "pagination", "paging", "page_info", "response_metadata", "links", "cursors", "next")
"""Objects beside the items in which a cursor, or a total, may stand."""


def queries(operation: Operation) -> dict[str, Field]:
    """The fields of the query parameters, by key."""
    wanted = {p.key for p in operation.parameters if p.location == "query"}
    return {field.name: field for field in parameter_fields(operation) if field.name in wanted}


def moving(names: Iterable[str]) -> tuple[str, str]:
    """The style of a list and the parameter that moves on in it, by the names of the parameters; empty for neither."""
    known = list(names)
    found = ((style, named(known, row)) for style, row in STYLES.items())
    return next(((style, name) for style, name in found if name), ("", ""))


def named(names: Iterable[str], wanted: Iterable[str]) -> str:
    """The name that comes first among the wanted ones; empty where there is none."""
    known = {_plain(name): name for name in names}
    return next((known[_plain(name)] for name in wanted if _plain(name) in known), "")


def answer_of(operation: Operation) -> Field | None:
    """The field of the answer that is declared for success."""
    declared = operation.success
    schema = declared.schema() if declared else None
    return read_field(operation.spec, schema) if schema is not None else None


def place_of(answer: Field | None, wanted: Iterable[str]) -> str:
    """Where one of the wanted names stands in an answer, or in what lies around its items; empty where nowhere."""
    for way, fields in _around(answer):
        found = named(fields, wanted)
        if found:
            return to_path((*way, found)) if way else found
    return ""


def _around(answer: Field | None, way: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], list[str]]]:
    """The scalars of an answer, then those of the objects around its items, each with the way there."""
    if answer is None:
        return
    yield way, [child.name for child in answer.children if child.kind not in ("array", "object")]
    inner = [child for child in answer.children if child.kind == "object" and named((child.name,), AROUND)]
    for child in inner if len(way) < 2 else ():
        yield from _around(child, (*way, child.name))


def _plain(name: str) -> str:
    return name.replace("_", "").replace("-", "").lower()


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
        other_items: the keys of further arrays that hold items of other kinds.
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
    other_items: tuple[str, ...] = ()
    first: int = 1
    vague: bool = False


def paging_of(operation: Operation) -> Paging | None:
    """How an operation pages: by the overlay's note, else inferred from parameters and answer; None if it does not."""
    page = operation.extensions.page
    declared = _declared(operation, page) if page else None
    return declared or _inferred(operation)


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


def _declared(operation: Operation, page: PageExtension) -> Paging | None:
    """The paging that the overlay declares; None where its style, or the parameter that moves on, does not exist."""
    style = _ALSO_CALLED.get(page.style, page.style) or "offset"
    parameter = page.parameter or page.offset or ("cursor" if style == "cursor" else "")
    known = queries(operation)
    lacks_cursor = style == "search" and not page.cursor
    if style not in _STYLES or (style in _MOVED_BY and parameter not in known) or lacks_cursor:
        return None
    return Paging(
        style=style,
        items=page.items or "$",
        total=page.total,
        parameter=parameter,
        limit=page.limit if page.limit in known else "",
        most=LARGEST if page.most is None else page.most,
        cursor=page.cursor,
        sort=page.sort if "sorts" in known else "",
        other_items=page.also,
        first=_first_page(known.get(parameter)) if page.first is None else page.first,
    )


def _inferred(operation: Operation) -> Paging | None:
    """By names alone: what moves on, what limits, and where the items, the total and the cursor stand."""
    answer = answer_of(operation)
    items, known = operation.spec.resources.items_key(operation), queries(operation)
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
    counted = isinstance(field.info.default, int) and not isinstance(field.info.default, bool)
    return int(field.info.default) if counted else 0 if field.schema.get("minimum") == 0 else 1
