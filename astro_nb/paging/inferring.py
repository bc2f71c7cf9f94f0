"""How a list pages that nobody made a note of: by the names of its parameters, and of what its answer holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from ..fields import Field, parameter_fields, read
from ..pick import to_path
from ..spec import Operation

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
ITEMS = ("items", "results", "data", "value", "values", "records", "entries", "list")
"""Arrays that are the list, where there are others beside."""
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
    return read(operation.spec, schema) if schema is not None else None


def array_in(answer: Field | None, path: str) -> str:
    """The key of the array that holds the items: "$" for a bare one, empty where that is not clear.

    Of several it is the one that the path is named after, or that has a usual name.
    """
    if answer is None or answer.kind == "array":
        return "$" if answer else ""
    arrays = [child.name for child in answer.children if child.kind == "array"]
    return arrays[0] if len(arrays) == 1 else named(arrays, (path.rstrip("/").rpartition("/")[2], *ITEMS))


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
