"""Which pages of a list have been received, and which calls are still needed.

Once the total and the page size are known, any page can be requested by its position. A list may change while it is
read: then the positions of items shift, and some ranges are requested again.
"""

from __future__ import annotations

import sys
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..call import Call
from ..exchange import Exchange
from .paging import NUMBERED, Page, Paging, ReadSoFar, read_page, requested_position
from .signals import read_signals

Range = tuple[int, int]
"""Offsets in a list: the first one, and the one after the last."""

POSITIONAL = (*NUMBERED, "link")
"""Styles that ask for a position in the list. A server that ignores it sends the same page again and again."""

_MAX_REQUESTS_PER_PAGE, _MIN_REQUESTS = 3, 20
"""The limit of requests for a list that keeps changing: so many per page, and at least so many in all."""

_MAX_PAGE_DIGITS = 18  # a longer number is no page
_MAX_EMPTY_PAGES = 20
"""The number of empty pages in a row after which a link to another page is not followed."""

_CIRCLE = "links to itself, or to an earlier page, as the next page"


@dataclass(frozen=True)
class PlacedPage:
    """The items of a page and where they are in the list.

    Attributes:
        offset: the offset of the first item, from 0.
        items: the items.
        total: the number of items in the list when the page was requested, if the server declares it.
        is_repeat: whether its range had been received before and was requested again because the list changed.
    """

    offset: int
    items: list[Any]
    total: int | None = None
    is_repeat: bool = False

    @property
    def end(self) -> int:
        """The offset after the last item."""
        return self.offset + len(self.items)


class PageTracker:
    """The pages of a list that have been received, and what is missing.

    Attributes:
        paging: how the operation pages.
        pages: the pages, in the order of the list.
        start: the offset of the first item that is wanted.
        total: the number of items in the list, as the last response declared it.
        totals: every total that a response declared.
        end: what says that the last page is the last one; empty if nothing does.
        more: what says that there is another page, although none can be requested; empty if nothing does.
    """

    def __init__(self, paging: Paging, first_call: Call | None) -> None:
        self.paging = paging
        self.pages: list[PlacedPage] = []
        self.start = 0
        self.total: int | None = None
        self.totals: set[int] = set()
        self.end = self.more = ""
        self._sources = frozenset[str]()
        self._next_call = first_call
        self._first_call: Call | None = None
        self._page_size = self._requests = self._empty_pages = 0
        self._exhausted: list[Range] = []  # were requested again and brought nothing new
        self._end = sys.maxsize  # the first offset that an empty page was received for
        self._seen_calls: set[str] = set()
        self._is_probing = False  # whether page 1 is requested to find out whether it is the first one
        self._last_items: list[Any] = []

    @property
    def has_changed(self) -> bool:
        """Whether responses declared different totals."""
        return len(self.totals) > 1

    @property
    def is_positional(self) -> bool:
        """Whether a change of the list shifts the positions of the items behind it."""
        return self.paging.style in POSITIONAL

    @property
    def is_random_access(self) -> bool:
        """Whether any page can be requested, because the total and the position of each page are known."""
        return self.total is not None and self._page_size > 0 and _KNOWS_POSITIONS[self.paging.style](self)

    def next_calls(self, has_identity: bool, has_shifted: bool) -> Iterator[Call]:
        """Yield the calls for what is missing: all of them with random access, else the one for the next page.

        Args:
            has_identity: whether items have ids.
            has_shifted: whether an item was received twice.
        """
        if not self.is_random_access:
            yield from [self._next_call] if self._next_call else []
            return
        total = self.total or 0
        if self._requests > _MAX_REQUESTS_PER_PAGE * (total // self._page_size) + _MIN_REQUESTS:
            return
        gaps = find_gaps(self.pages, self.start, total, has_identity, has_shifted)
        ranges = split_ranges(((a, min(b, self._end)) for a, b in gaps if a < self._end), self._page_size)
        assert self._first_call is not None  # noqa: S101  # for mypy: a page has been received
        wanted = _exclude_ranges(ranges, self._exhausted)
        yield from _CALLS[self.paging.style](self.paging, self._first_call, self._page_size, wanted)

    def retry(self) -> None:
        """Request again what was given up."""
        self._reset_exhausted()
        self._requests = self._empty_pages = 0

    def page_number(self, call: Call) -> int:
        """Return the number of the page that a call asks for, from 1."""
        if self.is_random_access:
            return (self.offset_of(call) - self.start) // self._page_size + 1
        return len(self.pages) + 1

    def offset_of(self, call: Call) -> int:
        """Return the offset of the first item of the page that a call asks for."""
        position = requested_position(self.paging, call)
        if self.paging.style == "page":
            is_known = self.is_random_access
            return (position - self.paging.first) * self._page_size if is_known else self._count_received()
        return position if self.paging.style in NUMBERED else self._count_received()

    def read(self, call: Call, exchange: Exchange) -> Page:
        """Return what a response holds.

        Raises:
            PickError: it is not JSON.
        """
        if self._first_call is None:
            self._begin(call, exchange)
        before = ReadSoFar(self.offset_of(call), self._page_size, self._sources)
        page = read_page(self.paging, call, exchange, before)
        return page if self.paging.knows_first else self._find_first(call, page)

    def _find_first(self, call: Call, page: Page) -> Page:
        """Return the first page; if it is not known whether it is page 0 or 1, the next call asks for page 1.

        A link to the next page says it. With a total, a page that was left out would be missed.
        """
        self.paging = replace(self.paging, knows_first=True)
        name = self.paging.parameter
        if page.next_call is None or page.total is not None or name in call.parameters:
            return page
        linked = page.next_call.parameters.get(name)
        if isinstance(linked, str):
            is_page = linked.isdecimal() and len(linked) <= _MAX_PAGE_DIGITS
            first = int(linked) - 1 if is_page else self.paging.first
            self.paging = replace(self.paging, first=first)
            return page
        self._is_probing, self.paging = True, replace(self.paging, first=0)
        return replace(page, next_call=call.with_parameters(**{name: 1}))

    def accept_end(self) -> bool:
        """Whether the list has ended before a page that does not exist: the last one was shorter than the first."""
        is_short = bool(self.pages) and len(self._last_items) < self._page_size
        if not is_short or self.paging.style not in ("page", "offset") or self.is_random_access:
            return False
        self._next_call, self.end = None, "the last page is short, and there is no page after it"
        return True

    def add(self, call: Call, page: Page) -> str:
        """Add a page; return what is wrong with it, as a clause, or an empty string."""
        if self._is_probing and self.pages:
            self._is_probing = False
            if page.items == self._last_items:  # pages count from 1: it was the first one again
                self._seen_calls.add(repr(call.parameters))
                self.paging = replace(self.paging, first=1)
                self._next_call = call.with_parameters(**{self.paging.parameter: 2})
                return ""
        problem = self._find_problem(call, page)
        if problem and problem != _CIRCLE:
            return problem
        is_random_access = self.is_random_access
        self._insert(call, page)
        self._next_call, self._sources = page.next_call, self._sources | page.sources
        if not is_random_access:
            self.end, self.more = page.end, "" if page.next_call else page.more
        elif page.has_wrong_total:
            self.more = page.more or "the last page asks for another one"
        if page.has_wrong_total and not is_random_access:
            self.paging, self.total = replace(self.paging, uses_total=False), None
            self.totals.clear()
        return problem or page.problem

    def _begin(self, call: Call, exchange: Exchange) -> None:
        """Begin with a call as it was sent. If it begins in the middle of the list, the total does not count it."""
        self._first_call, self._next_call = call, self._next_call or call
        if self.paging.style == "page" and self.paging.parameter not in call.parameters:
            number = read_signals(exchange.response, exchange.json(), 0).page
            if number in (0, 1):
                self.paging = replace(self.paging, first=number, knows_first=True)
        position = requested_position(self.paging, call)
        if self.paging.style in ("offset", "search"):
            self.start = position
        elif self.paging.parameter in call.parameters and (
            self.paging.style != "page" or position != self.paging.first
        ):
            self.paging = replace(self.paging, uses_total=False)

    def _insert(self, call: Call, page: Page) -> None:
        offset, size = self.offset_of(call), self._page_size or len(page.items)
        is_repeat = any(placed.offset <= offset < placed.end for placed in self.pages)
        placed = PlacedPage(offset, page.items, page.total, is_repeat)
        if page.total is not None and page.total != self.total:
            self._reset_exhausted()  # the list has changed: these ranges may hold something new
        if not page.items:
            self._end = min(self._end, offset)  # behind an empty page there is nothing
        elif is_repeat and self.paging.style == "page" and self._has_whole_page(placed):
            self._exhausted.append((offset, offset + size))
        # a page that was requested again comes before the one that it repeats
        find_index = bisect_left if is_repeat else bisect_right
        self.pages.insert(find_index(self.pages, offset, key=lambda other: other.offset), placed)
        self._page_size = size
        self._requests += 1
        self._last_items = page.items
        if page.total is not None:
            self.total = page.total
            self.totals.add(page.total)

    def _has_whole_page(self, placed: PlacedPage) -> bool:
        """Whether a page at this offset was received that is not shorter than this one."""
        return any(placed.end <= other.end for other in self.pages if other.offset == placed.offset)

    def _find_problem(self, call: Call, page: Page) -> str:
        """Return why the list cannot be continued with this page, as a clause, or an empty string."""
        self._empty_pages = 0 if page.items else self._empty_pages + 1
        self._seen_calls.add(repr(call.parameters))
        if self._is_same_page(call, page):
            return f"is the same as the one before: the server ignores {self.paging.parameter!r}"
        if self.is_random_access and self.paging.style == "page" and len(page.items) > self._page_size:
            return "is larger than the first one, so the positions of its items are unknown"
        if page.next_call is None or self.is_random_access:
            return ""
        if repr(page.next_call.parameters) in self._seen_calls:
            return _CIRCLE
        if self._empty_pages > _MAX_EMPTY_PAGES:
            return f"is empty, like the {_MAX_EMPTY_PAGES} pages before it, and links to another one"
        return ""

    def _reset_exhausted(self) -> None:
        """Allow every range to be requested again."""
        self._exhausted.clear()
        self._end = sys.maxsize

    def _is_same_page(self, call: Call, page: Page) -> bool:
        """Whether a page for a new position holds just what another page held."""
        if not self.is_positional or not page.items or not self.pages:
            return False
        offset = self.offset_of(call)
        if any(placed.offset <= offset < placed.end for placed in self.pages):
            return False
        return page.items == self._last_items or page.items == self.pages[0].items

    def _count_received(self) -> int:
        return self.start + sum(len(placed.items) for placed in self.pages)

    def _knows_page_size(self) -> bool:
        """Whether the server uses this page size: it was requested, or two pages have it."""
        requested = self._first_call.parameters.get(self.paging.limit) if self._first_call else None
        return requested == self._page_size or sum(len(placed.items) == self._page_size for placed in self.pages) > 1


def find_gaps(
    pages: Iterable[PlacedPage], start: int, total: int, has_identity: bool, has_shifted: bool
) -> list[Range]:
    """Return the ranges from `start` to `total` that no page holds for certain.

    Args:
        pages: the pages that were received.
        start: the first offset that is wanted.
        total: the number of items in the list, as the last response declared it.
        has_identity: whether items have ids; if not, another request would not help.
        has_shifted: whether an item was received twice, so that items were inserted before the end of the list.
    """
    gaps, position = [], start
    ranges = (_certain_range(page, total, has_shifted) if has_identity else (page.offset, page.end) for page in pages)
    for first, end in sorted(ranges):
        if end > first > position:
            gaps.append((position, min(first, total)))
        position = max(position, end) if end > first else position
    return [(a, b) for a, b in (*gaps, (position, total)) if a < b]


def split_ranges(ranges: Iterable[Range], size: int) -> Iterator[Range]:
    """Yield the ranges cut into pieces of a page each."""
    for first, end in ranges:
        yield from ((offset, min(offset + size, end)) for offset in range(first, end, size))


def _exclude_ranges(ranges: Iterable[Range], excluded: Sequence[Range]) -> Iterator[Range]:
    """Yield the ranges that do not lie in one of the excluded ranges."""
    return (r for r in ranges if not any(a <= r[0] and r[1] <= b for a, b in excluded))


def _certain_range(page: PlacedPage, total: int, has_shifted: bool) -> Range:
    """Return the offsets that a page still holds, whatever changed since it was received.

    In a list that is shorter by d, an item is where it was, or up to d places before: the last d places of the
    page may now hold items that it does not have. In a list that is longer, the same holds for its first places.
    """
    removed = (total if page.total is None else page.total) - total
    return page.offset + (max(0, -removed) if has_shifted else 0), page.end - max(0, removed)


def _calls_by_offset(paging: Paging, call: Call, size: int, ranges: Iterable[Range]) -> Iterator[Call]:
    for first, end in ranges:
        limit = {paging.limit: end - first} if paging.limit else {}
        yield call.with_parameters(**{paging.parameter: first, **limit})


def _calls_by_page(paging: Paging, call: Call, size: int, ranges: Iterable[Range]) -> Iterator[Call]:
    for number in dict.fromkeys(first // size for first, _ in ranges):
        yield call.with_parameters(**{paging.parameter: paging.first + number})


_KNOWS_POSITIONS: dict[str, Callable[[PageTracker], bool]] = {
    "offset": lambda tracker: True,
    "page": PageTracker._knows_page_size,
    **dict.fromkeys(("search", "cursor", "link", "whole", "lines"), lambda tracker: False),
}
_CALLS: dict[str, Callable[[Paging, Call, int, Iterable[Range]], Iterator[Call]]] = {
    "offset": _calls_by_offset,
    "page": _calls_by_page,
}
