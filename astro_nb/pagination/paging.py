"""How an operation pages: where the items are, how many there are, and which parameter asks for the next page.

The overlay declares it (`x-astro-nb-page`). Otherwise it is inferred from the names of the query parameters and of the
fields of the response, by the tables below.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..call import Call
from ..jsonpath import to_path
from ..openapi import Operation, PageExtension
from ..schema import Field, parameter_fields, read_field

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
