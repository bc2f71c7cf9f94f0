"""What a response says about the rest of its list: the number of items, the next page, or that there is none.

A list is whole only if something says so. `read_signals` reads these signals in the headers and in the body (at the top
and in the objects around a list), whether or not the document declares them:

| signal                              | examples                                                                      |
|-------------------------------------|-------------------------------------------------------------------------------|
| the number of items                 | `total`, `X-Total-Count`, `Content-Range: items 0-24/100` (RFC 9110, 14.4)    |
| the number of pages                 | `total_pages`, `X-WP-TotalPages`                                              |
| a flag                              | `has_more`, `hasNextPage`, `isLast`, `IsTruncated`, `incomplete_results`      |
| a link or a token for the next page | `Link: <…>; rel=next` (RFC 8288), `next`, `@odata.nextLink`, `X-Next-Cursor`  |
| what is left                        | `remainingItemCount`                                                          |

A name is a row of a table. Case, `_` and `-` are ignored, and in headers the words `X`, `WP` and `Pagination`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import orjson

from ..messages import Headers, Response

TOTAL_FIELDS = (
    "totalCount", "total_entries", "total", "total_items", "total_results", "total_size", "total_elements",
    "total_records", "total_rows", "total_hits", "total_item_count", "items_total", "records_total", "num_found",
    "nb_hits", "full_count", "@odata.count", "odata.count", "count",
)  # fmt: skip
"""The fields and headers with the number of items in the list, the likeliest first."""

VAGUE_TOTAL_FIELDS = ("count",)
"""Those of them with the number of items on the page, for some servers."""

ENVELOPE_FIELDS = (
    "meta", "metadata", "pagination", "paging", "page_info", "response_metadata", "links", "cursors", "next", "page",
    "pages", "pager", "result_info", "list_info", "page_metadata",
)  # fmt: skip
"""The objects in a response that may hold signals."""

MAX_ENVELOPE_DEPTH = 2

_PAGE_COUNT_FIELDS = (
    "total_pages", "page_count", "pages_count", "num_pages", "number_of_pages", "pages_total", "pages", "last_page",
    "max_page", "page_total",
)  # fmt: skip
_CURRENT_PAGE_FIELDS = ("page", "current_page", "page_number", "page_no", "page_index", "number")
_REMAINING_FIELDS = ("remaining_item_count", "remaining_items", "remaining_count", "remaining")
_MORE_FLAGS = (
    "has_more", "has_next", "has_next_page", "has_more_items", "has_more_results", "has_more_pages", "more",
    "more_available", "more_items", "more_results", "more_results_available", "is_truncated",
)  # fmt: skip
_CUT_FLAGS = ("truncated", "incomplete_results", "incomplete", "partial")
"""Flags that say something only if they are true: GitHub's `incomplete_results` is false on every page."""

_LAST_FLAGS = ("is_last", "last", "is_last_page", "last_page", "is_final", "is_end", "end_of_list", "done", "no_more")
_NEXT_FIELDS = (
    "next_page_token", "next_token", "next_cursor", "next_continuation_token", "continuation_token", "next_marker",
    "next_page_cursor", "next_page_key", "next_page_id", "next_key", "ms_continuation", "@odata.nextLink",
    "odata.nextLink", "next_link", "next_url", "next_uri", "next_page_url", "next_page_uri", "next_page_link",
    "next_href", "next_records_url", "next_offset", "next_start", "next_page_start", "next_page", "next",
    "next_range", "end_cursor",
)  # fmt: skip
"""The fields and headers for the next page; `next_href` is also `{"next": {"href": …}}`. Null is none."""

_RELATED_LINKS = ("first", "last", "prev", "previous")
"""Relations of links that a paginating server sends. If one is there and `next` is not, the page is the last one."""

_IGNORED_HEADER_WORDS = ("x", "wp", "pagination", "paging")
_CONTENT_RANGE = re.compile(r"\s*([!#$%&'*+.^_`|~\w-]+)[ =](?:(\d{1,18})-(\d{1,18})|\*)/(\d{1,18}|\*)\s*", re.ASCII)
_PARTIAL_CONTENT = 206
_MAX_DIGITS = 18


class Verdict(NamedTuple):
    """Whether there is another page, by the first signal that says so, and which signal that is; empty if none does."""

    kind: Literal["more", "last", ""]
    reason: str


@dataclass(frozen=True)
class Signals:
    """What a response says about the rest of its list.

    Attributes:
        verdict: whether there is another page.
        total: the number of items in the list.
        link: the target of the Link header for the next page.
        next: the token or the URL for the next page in the body, or in another header.
        page: the number of this page, if the body has it.
        sources: the places in which a next page was given; one that is missing on a later page means that it is last.
    """

    verdict: Verdict
    total: int | None = None
    link: str | None = None
    next: str | int | None = None
    page: int | None = None
    sources: frozenset[str] = frozenset()


class _Value(NamedTuple):
    """A value that may be a signal: its name in lower case without `_` and `-`, where it is, and itself."""

    name: str
    place: str
    value: Any


@dataclass(frozen=True)
class _Reading:
    """What the tables are applied to."""

    response: Response | None
    data: Any
    body: Sequence[_Value]
    headers: Sequence[_Value]
    page: int | None
    seen: frozenset[str]

    def named(self, names: Iterable[str]) -> Iterator[_Value]:
        """Yield the values with these names, in the order of the names; those of the body first."""
        wanted = [normalize_name(name) for name in names]
        for values in (self.body, self.headers):
            yield from (value for name in wanted for value in values if value.name == name)


def read_signals(
    response: Response | None,
    data: Any,
    page_size: int,
    page: int | None = None,
    seen: frozenset[str] = frozenset(),
) -> Signals:
    """Return what a response says about the rest of its list.

    Args:
        response: the response.
        data: its body as plain data.
        page_size: the number of items in it.
        page: the number of this page from 1, if pages are numbered.
        seen: the sources of earlier pages.
    """
    headers = response.headers if response is not None else ()
    reading = _Reading(response, data, list(_body_values(data)), list(_header_values(headers)), page, seen)
    found, link = _find_next(reading), find_link(headers, "next")
    sources = {*([found.place] if found and not _is_empty(found.value) else []), *(["Link"] if link else [])}
    verdicts = (rule(reading) for rule in _RULES)
    value = found.value if found and isinstance(found.value, str | int) and not _is_empty(found.value) else None
    current = (count for each in reading.named(_CURRENT_PAGE_FIELDS) if (count := _to_count(each.value)) is not None)
    return Signals(
        verdict=next((verdict for verdict in verdicts if verdict is not None), Verdict("", "")),
        total=_read_total(reading, page_size),
        link=link,
        next=None if isinstance(value, bool) else value,
        page=next(current, None),
        sources=frozenset(sources),
    )


def normalize_name(name: str) -> str:
    """Return a name in lower case, without `_` and `-`."""
    return name.replace("_", "").replace("-", "").lower()


def find_link(headers: Headers, relation: str) -> str | None:
    """Return the first target of a Link header with this relation type (RFC 8288, section 3.3), or None."""
    return next((target for target, relations in _links(headers) if relation in relations), None)


def read_content_range(headers: Headers) -> tuple[str, int | None] | None:
    """Return the Content-Range of a list and its complete length, if it is known; no bytes (RFC 9110, 14.4)."""
    value = next((value for name, value in headers if name.lower() == "content-range"), "")
    match = _CONTENT_RANGE.fullmatch(value)
    if match is None or match[1].lower() == "bytes":
        return None
    return value.strip(), None if match[4] == "*" else int(match[4])


# --- the rules, in order of priority ----------------------------------------------------------------------------------


def _by_flag(reading: _Reading) -> Verdict | None:
    flags = [(True, each) for each in reading.named(_MORE_FLAGS)] + [(False, e) for e in reading.named(_LAST_FLAGS)]
    for is_more, each in flags:
        if isinstance(each.value, bool):
            return Verdict("more" if each.value is is_more else "last", f"`{each.place}` is {str(each.value).lower()}")
    cut = next((each for each in reading.named(_CUT_FLAGS) if each.value is True), None)
    return Verdict("more", f"`{cut.place}` is true") if cut else None


def _by_link(reading: _Reading) -> Verdict | None:
    headers = reading.response.headers if reading.response is not None else ()
    relations = {relation for _, found in _links(headers) for relation in found}
    if "next" in relations:
        return Verdict("more", "the Link header has a next page")
    if "Link" in reading.seen or relations & set(_RELATED_LINKS):
        return Verdict("last", "the Link header has no next page")
    return None


def _by_next(reading: _Reading) -> Verdict | None:
    found = _find_next(reading)
    if found is not None:
        is_empty = _is_empty(found.value)
        return Verdict("last" if is_empty else "more", f"`{found.place}` is {'empty' if is_empty else 'given'}")
    if reading.seen - {"Link"}:
        return Verdict("last", f"`{min(reading.seen - {'Link'})}` is not given any more")
    names = {normalize_name(str(name)) for name in _links_object(reading.data)}
    if "next" not in names and names & set(_RELATED_LINKS):
        return Verdict("last", "its links have no next page")
    return None


def _by_page_count(reading: _Reading) -> Verdict | None:
    for each in reading.named(_PAGE_COUNT_FIELDS):
        count = _to_count(each.value)
        if count is not None:
            page = reading.page or 1
            return Verdict("last" if page >= count else "more", f"`{each.place}` is {count}, and this is page {page}")
    return None


def _by_remaining(reading: _Reading) -> Verdict | None:
    for each in reading.named(_REMAINING_FIELDS):
        count = _to_count(each.value)
        if count is not None:
            return Verdict("more" if count else "last", f"`{each.place}` is {count}")
    return None


def _by_status(reading: _Reading) -> Verdict | None:
    if reading.response is None or reading.response.status != _PARTIAL_CONTENT:
        return None
    found = read_content_range(reading.response.headers)
    is_counted = found is not None and found[1] is not None
    return None if is_counted else Verdict("more", "the status is 206 (Partial Content)")


_RULES: tuple[Callable[[_Reading], Verdict | None], ...] = (
    _by_flag,
    _by_link,
    _by_next,
    _by_page_count,
    _by_remaining,
    _by_status,
)
"""The first rule with a verdict counts: servers send a cursor on the last page too, beside a flag that says so."""


def _read_total(reading: _Reading, page_size: int) -> int | None:
    headers = reading.response.headers if reading.response is not None else ()
    found = read_content_range(headers)
    if found is not None and found[1] is not None:
        return found[1]
    vague = {normalize_name(name) for name in VAGUE_TOTAL_FIELDS}
    for each in reading.named(TOTAL_FIELDS):
        count = _to_count(each.value)
        if count is not None and not (each.name in vague and count <= page_size):
            return count
    return None


def _find_next(reading: _Reading) -> _Value | None:
    """Return the value for the next page; one that is empty only if no other one is given."""
    found = [each for each in reading.named(_NEXT_FIELDS) if each.value is None or isinstance(each.value, str | int)]
    return next((each for each in found if not _is_empty(each.value)), found[0] if found else None)


# --- where signals are ------------------------------------------------------------------------------------------------


def _body_values(data: Any, path: tuple[str, ...] = ()) -> Iterator[_Value]:
    """Yield the scalars of an object, then those of its envelope objects; in `next` they are named `next…`."""
    if not isinstance(data, Mapping):
        return
    prefix = "next" if path and normalize_name(path[-1]) == "next" else ""
    for name, value in data.items():
        if not isinstance(value, Mapping | list):
            yield _Value(prefix + normalize_name(str(name)), ".".join((*path, str(name))), value)
    envelopes = {normalize_name(name) for name in ENVELOPE_FIELDS}
    for name, value in data.items() if len(path) < MAX_ENVELOPE_DEPTH else ():
        if normalize_name(str(name)) in envelopes:
            yield from _body_values(value, (*path, str(name)))


def _header_values(headers: Headers) -> Iterator[_Value]:
    """Yield the headers by the words of their names; one named only `X-Pagination` holds a JSON object."""
    for name, text in headers:
        words = [word for word in name.lower().split("-") if word not in _IGNORED_HEADER_WORDS]
        if words:
            yield _Value("".join(words), name, {"true": True, "false": False}.get(text.strip().lower(), text.strip()))
            continue
        try:
            yield from (each._replace(place=f"{name}: {each.place}") for each in _body_values(orjson.loads(text)))
        except orjson.JSONDecodeError:
            continue


def _links_object(data: Any) -> Mapping[Any, Any]:
    """Return the object of links beside a list, or an empty one."""
    members = data.items() if isinstance(data, Mapping) else ()
    links = (value for name, value in members if normalize_name(str(name)) == "links" and isinstance(value, Mapping))
    return next(links, {})


def _is_empty(value: Any) -> bool:
    """Whether a value for the next page says that there is none: null, false, an empty text or a negative number."""
    return value is None or value is False or value == "" or (isinstance(value, int) and value < 0)


def _to_count(value: Any) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= _MAX_DIGITS:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


_NAME, _VALUE = r'[^\s=;,"<>]+', r'"(?:[^"\\]|\\.)*"|[^\s;,"]*'
_LINK_PARAMETER = re.compile(rf"\s*;\s*({_NAME})(?:\s*=\s*({_VALUE}))?")
_LINK = re.compile(rf"<([^<>]*)>((?:\s*;\s*{_NAME}(?:\s*=\s*(?:{_VALUE}))?)*)")


def _links(headers: Headers) -> Iterator[tuple[str, list[str]]]:
    """Yield the links of the Link headers: the target of each, and its relation types."""
    for name, value in headers:
        if name.lower() == "link":
            yield from ((target, _relation_types(parameters)) for target, parameters in _LINK.findall(value))


def _relation_types(parameters: str) -> list[str]:
    """Return the words of the first `rel` of a link, in lower case."""
    value = next((value for name, value in _LINK_PARAMETER.findall(parameters) if name.lower() == "rel"), "")
    return str(value).strip('"').lower().split()
