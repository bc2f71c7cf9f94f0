"""Collects the pages of a list: its items in order, duplicates among them, and what is missing.

Pages may be added in any order, and one that failed may be added again later.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import Any

from .. import html
from ..call import Call
from ..errors import PickError
from ..exchange import Exchange
from ..json_text import write_json
from ..openapi import ID_FIELD, Operation
from .paging import Paging, resolve_position
from .tracker import PageTracker, PlacedPage

_NO_SUCH_PAGE = (404, 416)  # RFC 9110, sections 15.5.5 and 15.5.17
_MAX_NAMED_IDS, _MAX_ID_LENGTH = 3, 60

_RESUME = "Continue with pages.resume(), or take what there is with partial=True."
_READ_AGAIN = "Read the list again, or take what there is with partial=True."
_DECLARE = "Take what there is with partial=True, or declare in an overlay how the list pages (x-astro-nb-page)."
_UNCONFIRMED = (
    "Nothing in the response says that this is the whole list, and the document declares no parameter for another page."
)


@dataclass(frozen=True)
class Identity:
    """The field that identifies the items of a list.

    Attributes:
        field: the name of the field, or names joined by dots.
        is_declared: whether the overlay declares it; otherwise it is a guess.
    """

    field: str
    is_declared: bool

    def of(self, item: Any) -> str | int | None:
        """Return the id of an item, or None if it has none."""
        value = item.get(self.field) if isinstance(item, dict) else None
        if value is None and "." in self.field:
            value = reduce(_get_member, self.field.split("."), item)
        return value if isinstance(value, str | int) else None


@dataclass(frozen=True)
class Duplicate:
    """An item that is on two pages: its id, where it was found again, and where it was first. All count from 1."""

    id: str | int
    page: int
    position: int
    first_page: int
    first_position: int


@dataclass(frozen=True)
class OrderedItems:
    """The items of all pages in the order of the list.

    Attributes:
        items: the items.
        places: the page and the position of each item, from 1.
        duplicates: the items that are on two pages although no range was requested twice.
    """

    items: list[Any]
    places: list[tuple[int, int]]
    duplicates: list[Duplicate]


@dataclass(frozen=True)
class Shortfall:
    """Why a list is incomplete.

    Attributes:
        problem: the reason, as a sentence without its full stop.
        exchange: the exchange that failed, if one did.
        todo: what to do.
    """

    problem: str
    exchange: Exchange | None = None
    todo: str = _RESUME


class PageCollector:
    """The pages of a list that have been received so far.

    Attributes:
        operation: the operation that lists.
        paging: how it pages.
        first_call: the call for the first page.
        exchanges: one per page, in the order in which they were sent.
    """

    def __init__(self, operation: Operation, paging: Paging, first_call: Call | None = None) -> None:
        self.operation = operation
        self.paging = paging
        self.first_call = first_call
        self.exchanges: list[Exchange] = []
        self._tracker = PageTracker(paging, first_call)
        self._other_items: dict[str, dict[bytes, Any]] = {key: {} for key in paging.other_items}
        self._failure: Shortfall | None = None

    @property
    def total(self) -> int | None:
        """The number of items in the list, as the last response declared it; None if none did."""
        return self._tracker.total

    @property
    def expected(self) -> int | None:
        """The number of items to read: the total without those that an offset skips; None if it is unknown."""
        return None if self.total is None else max(0, self.total - self._tracker.start)

    @property
    def received(self) -> int:
        """The number of items that have been received, duplicates included."""
        return sum(len(page.items) for page in self._tracker.pages)

    @property
    def has_failed(self) -> bool:
        """Whether a page failed, so that no further one is requested."""
        return self._failure is not None

    @property
    def other_items(self) -> dict[str, list[Any]]:
        """Items of other kinds, each once, by the key of their array."""
        return {key: list(items.values()) for key, items in self._other_items.items()}

    def next_calls(self) -> Iterator[Call]:
        """Return the calls for all that is missing, as far as it is known now; none after a failure."""
        if self._failure:
            return iter(())
        changed = self._tracker.has_changed
        return self._tracker.next_calls(
            changed and self.identity is not None, changed and bool(self.ordered.duplicates)
        )

    def add(self, call: Call, exchange: Exchange) -> None:
        """Add the response to a call, in any order.

        Raises:
            PickError: the first response is not a list.
        """
        insort(self.exchanges, exchange, key=lambda sent: sent.started)
        self._clear_cache()
        if exchange.status in _NO_SUCH_PAGE and self._tracker.accept_end():
            return
        if not exchange.ok:
            self._fail(f"failed ({exchange.status_text})", self._tracker.page_number(call), exchange)
            return
        call = resolve_position(self.paging, call, exchange)
        try:
            page = self._tracker.read(call, exchange)
        except PickError as error:
            if not self._tracker.pages:
                raise
            self._fail(f"could not be read: {error.what.rstrip('.')}", self._tracker.page_number(call), exchange)
            return
        number = self._tracker.page_number(call)
        problem = self._tracker.add(call, page)
        for key, items in page.other_items.items():
            self._other_items[key].update((write_json(item, sort=True), item) for item in items)
        if problem:
            self._fail(problem, number, exchange)

    def retry(self) -> None:
        """Forget the failure, so that what failed is requested again."""
        self._failure = None
        self._tracker.retry()
        self._clear_cache()

    def interrupt(self) -> None:
        """Mark the list as interrupted."""
        self._failure = Shortfall(f"The reading of {self.operation.id} was interrupted")
        self._clear_cache()

    @cached_property
    def identity(self) -> Identity | None:
        """The field that identifies items."""
        return find_identity(self.operation, self._tracker.pages)

    @cached_property
    def ordered(self) -> OrderedItems:
        """The items that have been received, in the order of the list."""
        return order_items(self._tracker.pages, self.identity)

    @cached_property
    def shortfall(self) -> Shortfall | None:
        """Why the list is incomplete; None if it is complete, as far as the responses declare it."""
        return self._failure or self._find_shortfall()

    @property
    def is_confirmed(self) -> bool:
        """Whether something says that this is the whole list: a response, the document or the overlay."""
        return self.shortfall is None and (self.total is not None or bool(self._tracker.end))

    @property
    def gap(self) -> str:
        """Why the list is, or may be, incomplete, in sentences; empty if something says that it is whole."""
        if self.shortfall:
            return f"{self.shortfall.problem}. {self.shortfall.todo}"
        return "" if self.is_confirmed else _UNCONFIRMED

    def notes(self) -> Iterator[str]:
        """Yield what to know about this list, in sentences: what is missing, duplicates, and changes meanwhile."""
        if self.gap:
            yield self.gap
        if self.ordered.duplicates:
            yield _describe_duplicates(self.ordered.duplicates, self.identity)
        if self._tracker.has_changed:
            totals = self._tracker.totals
            yield f"The list changed while it was read: it had {min(totals)} to {max(totals)} items."

    def _find_shortfall(self) -> Shortfall | None:
        name, tracker, identity = self.operation.id, self._tracker, self.identity
        if next(self.next_calls(), None) is not None:
            return Shortfall(f"{name} was not read to its end")
        is_guess = identity is not None and not identity.is_declared
        distinct = len(self.ordered.items) - (len(self.ordered.duplicates) if is_guess else 0)
        if self.expected is not None and distinct < self.expected:
            count = html.pluralize(distinct, "different item")
            return Shortfall(f"{name}: the server declares a total of {self.expected}, but sent only {count}")
        if tracker.has_changed and tracker.is_positional and not (identity and tracker.is_random_access):
            return Shortfall(f"{name} changed while it was read: items may be missing or duplicated", None, _READ_AGAIN)
        return self._find_doubt()

    def _find_doubt(self) -> Shortfall | None:
        """Return why there may be another page that cannot be requested; None if there is none."""
        name, tracker = self.operation.id, self._tracker
        if tracker.more:
            return Shortfall(f"{name} has more items than were received: {tracker.more}", None, _DECLARE)
        is_whole = self.paging.style == "whole" and not self.paging.limit  # by the document: see `is_confirmed`
        if tracker.total is None and not tracker.end and not is_whole:
            problem = f"{name} may be incomplete: nothing in the response says that there is no other page"
            return Shortfall(problem, None, _DECLARE)
        return None

    def _fail(self, what: str, number: int, exchange: Exchange) -> None:
        """Record what is wrong with a page; the first failure counts."""
        problem = f"Page {number} of {self.operation.id} {what}"
        self._failure = self._failure or Shortfall(problem, exchange)

    def _clear_cache(self) -> None:
        for name in ("identity", "ordered", "shortfall"):
            self.__dict__.pop(name, None)


def find_identity(operation: Operation, pages: Iterable[PlacedPage]) -> Identity | None:
    """Return the field that identifies items, or None if there is none.

    The overlay declares it; otherwise it is "id", if every item has one that is unique on its page.
    """
    item = operation.extensions.item
    if item and item.id:
        return Identity(item.id, is_declared=True)
    usual = Identity(ID_FIELD, is_declared=False)
    for page in pages:
        ids = {usual.of(item) for item in page.items}
        if None in ids or len(ids) < len(page.items):
            return None
    return usual


def order_items(pages: Sequence[PlacedPage], identity: Identity | None) -> OrderedItems:
    """Return all items in the order of the list.

    An item that is received again because its range was requested again, or because the server sent more than was
    requested, is left out. Any other item that is received again was moved, or is in the list twice: a duplicate.
    """
    ordered, first_places = OrderedItems([], [], []), _FirstPlaces({})
    reached = pages[0].offset if pages else 0
    for number, page in enumerate(pages, 1):
        overlap = reached - page.offset
        for position, item in enumerate(page.items, 1):
            if first_places.accept(ordered, page, identity, item, (number, position), position <= overlap):
                ordered.items.append(item)
                ordered.places.append((number, position))
        reached = max(reached, page.end)
    return ordered


@dataclass(frozen=True)
class _FirstPlaces:
    """Where each item was first, and whether that page was requested again."""

    places: dict[str | int, tuple[int, int, bool]]

    def accept(
        self,
        ordered: OrderedItems,
        page: PlacedPage,
        identity: Identity | None,
        item: Any,
        place: tuple[int, int],
        overlaps: bool,
    ) -> bool:
        """Whether to keep an item; a duplicate is added to the duplicates."""
        key = identity.of(item) if identity else None
        if identity is None or key is None:
            return not overlaps
        first = self.places.setdefault(key, (*place, page.is_repeat))
        if first[:2] == place:
            return True
        if overlaps or page.is_repeat or first[2]:
            return False
        ordered.duplicates.append(Duplicate(key, *place, *first[:2]))
        return not identity.is_declared


def _get_member(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, Mapping) else None


def _describe_duplicates(duplicates: Sequence[Duplicate], identity: Identity | None) -> str:
    count = f"{html.pluralize(len(duplicates), 'item')} {'is' if len(duplicates) == 1 else 'are'}"
    ids = list(dict.fromkeys(str(each.id)[:_MAX_ID_LENGTH] for each in duplicates))
    more = f" and {len(ids) - _MAX_NAMED_IDS} more" if len(ids) > _MAX_NAMED_IDS else ""
    field = identity.field if identity else ""
    kept = "each counts once" if identity and identity.is_declared else f"all count, because {field!r} is a guess"
    named = ", ".join(ids[:_MAX_NAMED_IDS]) + more
    return f"{count} on more than one page, by {field!r} ({named}); {kept}. See pages.duplicates."
