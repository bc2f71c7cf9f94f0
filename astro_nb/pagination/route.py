"""Which places of a counted list are here, and which are not.

Where the reading of a list stands: what came, and what is to be asked for next.
"""

from __future__ import annotations

import sys
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..call import Call
from ..exchange import Exchange
from .paging import Paging
from .reading import COUNTED, Page, page_number, read_page

Range = tuple[int, int]
"""Places in a list: the first, and the one after the last."""


@dataclass(frozen=True)
class Part:
    """What one page brought.

    Attributes:
        place: where its first item stands in the list, from 0.
        items: the items.
        total: how many items the list had when it was asked, where the server told.
        again: whether it was asked for though its places were here already, for the list had moved.
    """

    place: int
    items: list[Any]
    total: int | None = None
    again: bool = False

    @property
    def end(self) -> int:
        """The place after its last item."""
        return self.place + len(self.items)


def missing(parts: Iterable[Part], start: int, total: int, known: bool, moved: bool) -> list[Range]:
    """The places from `start` to `total` that no part holds for sure.

    Args:
        parts: what came.
        start: the first place that is wanted.
        total: how many items the list has, as it was told last.
        known: whether items can be told apart; where they cannot, asking again would help nobody.
        moved: whether an item came twice, so that those which came anew do not stand at the end.
    """
    gaps, at = [], start
    for first, end in sorted(_sure(part, total, moved) if known else (part.place, part.end) for part in parts):
        if end > first > at:
            gaps.append((at, min(first, total)))
        at = max(at, end) if end > first else at
    return [(a, b) for a, b in (*gaps, (at, total)) if a < b]


def pieces(ranges: Iterable[Range], step: int) -> Iterator[Range]:
    """Ranges cut into such as one page can hold."""
    for first, end in ranges:
        yield from ((at, min(at + step, end)) for at in range(first, end, step))


def without(ranges: Iterable[Range], vain: Sequence[Range]) -> Iterator[Range]:
    """The ranges that were not asked for in vain."""
    return (r for r in ranges if not any(a <= r[0] and r[1] <= b for a, b in vain))


def _sure(part: Part, total: int, moved: bool) -> Range:
    """The places that a part holds still, whatever moved since.

    Of a list that is shorter by d, an item stands where it stood, or up to d places before: the last d places of a part
    may have been taken by items that it does not hold. Of one that is longer the same is true of the first places.
    """
    less = (total if part.total is None else part.total) - total
    return part.place + (max(0, -less) if moved else 0), part.end - max(0, less)


BLIND = (*COUNTED, "link")
"""Styles that ask for a place in the list: a server that does not look at it sends the same page for ever."""
_ASKED_AGAIN, _AT_LEAST = 3, 20
"""Requests for a list that does not stand still: so many times those that it has pages for, and a few."""
_MOST_EMPTY = 20
"""Pages without an item, one after another, after which a server's "there is more" is not believed."""


class Route:
    """What of a list came, and what is missing.

    Attributes:
        parts: what came, in the order of the list.
        start: the place of the first item that is wanted.
        total: how many items the list has, as it was told last.
        totals: all that was told of it.
    """

    def __init__(self, paging: Paging, first: Call | None) -> None:
        self.paging = paging
        self.parts: list[Part] = []
        self.start = 0
        self.total: int | None = None
        self.totals: set[int] = set()
        self._next = first
        self._call: Call | None = None
        self._size = self._asked = self._empty = 0
        self._vain: list[Range] = []  # places that were asked for without anything new
        self._end = sys.maxsize  # the first place where nothing stood
        self._met: set[str] = set()
        self._lately: list[Any] = []

    @property
    def changed(self) -> bool:
        """Whether the server told different totals."""
        return len(self.totals) > 1

    @property
    def is_blind(self) -> bool:
        """Whether what moves in the list moves the places of all that stands behind it."""
        return self.paging.style in BLIND

    @property
    def is_counted(self) -> bool:
        """Whether it is known how many items there are and where each page stands: any page can be asked for."""
        return self.total is not None and self._size > 0 and _KNOWS_PLACES[self.paging.style](self)

    def wanted(self, known: bool, moved: bool) -> Iterator[Call]:
        """The calls for what is missing: all of them where the list is counted, else the one that goes on."""
        if not self.is_counted:
            yield from [self._next] if self._next else []
            return
        total = self.total or 0
        if self._asked > _ASKED_AGAIN * (total // self._size) + _AT_LEAST:
            return
        gaps = missing(self.parts, self.start, total, known, moved)
        ranges = pieces(((a, min(b, self._end)) for a, b in gaps if a < self._end), self._size)
        assert self._call is not None  # noqa: S101  # for the types: what is counted has begun
        yield from _CALLS[self.paging.style](self.paging, self._call, self._size, without(ranges, self._vain))

    def forgive(self) -> None:
        """Ask again for what was asked for in vain."""
        self._doubt()
        self._asked = self._empty = 0

    def number(self, call: Call) -> int:
        """The number of the page that a call asks for, from 1."""
        return (self.place(call) - self.start) // self._size + 1 if self.is_counted else len(self.parts) + 1

    def place(self, call: Call) -> int:
        """Where in the list the first item of the page stands that a call asks for."""
        place = page_number(self.paging, call)
        if self.paging.style == "page":
            return (place - self.paging.first) * self._size if self.is_counted else self._count()
        return place if self.paging.style in COUNTED else self._count()

    def begin(self, call: Call) -> None:
        """The call that the list begins with, as it was sent; whoever begins anywhere cannot be held to the total."""
        self._call, self._next = call, self._next or call
        place = page_number(self.paging, call)
        if self.paging.style in ("offset", "search"):
            self.start = place
        elif self.paging.parameter in call.parameters and (self.paging.style != "page" or place != self.paging.first):
            self.paging = replace(self.paging, total="")

    def read(self, call: Call, exchange: Exchange) -> Page:
        """What one answer holds.

        Raises:
            PickError: it is not JSON.
        """
        if self._call is None:
            self.begin(call)
        return read_page(self.paging, call, exchange, self.place(call))

    def take(self, call: Call, page: Page) -> str:
        """Take in one page; what is amiss with the way on, as a clause, and empty where nothing is."""
        problem = self._problem(call, page)
        if problem and problem != _CIRCLE:
            return problem
        self._enter(call, page)
        self._next = page.following
        return problem or page.problem

    def _enter(self, call: Call, page: Page) -> None:
        place, size = self.place(call), self._size or len(page.items)
        again = any(part.place <= place < part.end for part in self.parts)
        part = Part(place, page.items, page.total, again)
        if page.total is not None and page.total != self.total:
            self._doubt()  # the list has moved: what was in vain then need not be now
        if not page.items:
            self._end = min(self._end, place)  # where nothing stands, nothing stands beyond
        elif again and self.paging.style == "page" and any(part.end <= p.end for p in self.parts if p.place == place):
            self._vain.append((place, place + size))  # the whole page it was, and will be
        at = bisect_left(self.parts, place, key=lambda other: other.place)  # what was asked for again comes before
        self.parts.insert(at if again else bisect_right(self.parts, place, key=lambda other: other.place), part)
        self._size = size
        self._asked += 1
        self._lately = page.items
        if page.total is not None:
            self.total = page.total
            self.totals.add(page.total)

    def _problem(self, call: Call, page: Page) -> str:
        """Why the list cannot go on with this page."""
        self._empty = 0 if page.items else self._empty + 1
        self._met.add(repr(call.parameters))
        if self._is_again(call, page):
            return f"is the same as the one before: the server does not go on by {self.paging.parameter!r}"
        if self.is_counted and self.paging.style == "page" and len(page.items) > self._size:
            return "is larger than the first one, so that nobody knows where its items stand"
        if page.following is None or self.is_counted:
            return ""
        if repr(page.following.parameters) in self._met:
            return _CIRCLE
        return f"is empty, as {_MOST_EMPTY} before it, and names one more" if self._empty > _MOST_EMPTY else ""

    def _doubt(self) -> None:
        """Take no place any more for one that is asked for in vain."""
        self._vain.clear()
        self._end = sys.maxsize

    def _is_again(self, call: Call, page: Page) -> bool:
        """Whether a page holds just what another one held, though another place was asked for."""
        if not self.is_blind or not page.items or not self.parts:
            return False
        place = self.place(call)
        if any(part.place <= place < part.end for part in self.parts):
            return False
        return page.items == self._lately or page.items == self.parts[0].items

    def _count(self) -> int:
        return self.start + sum(len(part.items) for part in self.parts)

    def _knows_pages(self) -> bool:
        """Whether all pages but the last are known to be of the size of the first: two are, or it is what was asked."""
        asked = self._call.parameters.get(self.paging.limit) if self._call else None
        return asked == self._size or sum(len(part.items) == self._size for part in self.parts) > 1


def _by_offset(paging: Paging, call: Call, size: int, ranges: Iterable[Range]) -> Iterator[Call]:
    for first, end in ranges:
        limit = {paging.limit: end - first} if paging.limit else {}
        yield call.with_parameters(**{paging.parameter: first, **limit})


def _by_page(paging: Paging, call: Call, size: int, ranges: Iterable[Range]) -> Iterator[Call]:
    for number in dict.fromkeys(first // size for first, _ in ranges):
        yield call.with_parameters(**{paging.parameter: paging.first + number})


_CIRCLE = "names itself, or one before it, as the next one"
_KNOWS_PLACES: dict[str, Callable[[Route], bool]] = {
    "offset": lambda route: True,
    "page": Route._knows_pages,
    **dict.fromkeys(("search", "cursor", "link", "whole", "lines"), lambda route: False),
}
_CALLS: dict[str, Callable[[Paging, Call, int, Iterable[Range]], Iterator[Call]]] = {
    "offset": _by_offset,
    "page": _by_page,
}
