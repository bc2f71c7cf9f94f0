"""What tells the items of a list apart, and which came twice.

What is to be known of a list that was read, in sentences.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

from ..exchange import Exchange
from ..openapi import Operation
from .route import Part, Route

_USUAL = "id"


@dataclass(frozen=True)
class Identity:
    """The field that tells items apart; `noted` says that the overlay knows it, and nobody had to guess."""

    field: str
    noted: bool

    def of(self, item: Any) -> str | int | None:
        """What an item is known by; None where it has nothing of the kind."""
        found = item.get(self.field) if isinstance(item, dict) else None
        if found is None and "." in self.field:
            found = reduce(_inner, self.field.split("."), item)
        return found if isinstance(found, str | int) else None


@dataclass(frozen=True)
class Twice:
    """An item that came again: what it is known by, where it stood, and where it had stood before."""

    id: str | int
    page: int
    position: int
    first_page: int
    first_position: int


@dataclass(frozen=True)
class Rows:
    """The items of all parts in the order of the list, each with its page and position, from 1.

    Attributes:
        items, places: the items, and where each stood.
        twice: those that came again and were not asked for again.
    """

    items: list[Any]
    places: list[tuple[int, int]]
    twice: list[Twice]


def identity_of(operation: Operation, parts: Iterable[Part]) -> Identity | None:
    """By the overlay's note, else "id" where every item has one that no page has twice; None where nothing tells."""
    noted = (operation.notes.get("item") or {}).get("id")
    if noted:
        return Identity(str(noted), True)
    usual = Identity(_USUAL, False)
    for part in parts:
        found = {usual.of(item) for item in part.items}
        if None in found or len(found) < len(part.items):
            return None
    return usual


def lined_up(parts: Sequence[Part], identity: Identity | None) -> Rows:
    """All items in order.

    What comes again because it was asked for again, or because a server gave more than it was asked for, is passed
    over in silence; anything else that comes again was moved, or is there twice, and is told.
    """
    rows, seen = Rows([], [], []), _Seen({})
    reached = parts[0].place if parts else 0
    for page, part in enumerate(parts, 1):
        covered = reached - part.place
        for position, item in enumerate(part.items, 1):
            if seen.passes(rows, part, identity, item, (page, position), position <= covered):
                rows.items.append(item)
                rows.places.append((page, position))
        reached = max(reached, part.end)
    return rows


@dataclass(frozen=True)
class _Seen:
    """Where each item stood first, and whether it came then because it was asked for again."""

    places: dict[str | int, tuple[int, int, bool]]

    def passes(
        self, rows: Rows, part: Part, identity: Identity | None, item: Any, place: tuple[int, int], covered: bool
    ) -> bool:
        """Whether an item is to be kept; one that came again is entered among them."""
        key = identity.of(item) if identity else None
        if identity is None or key is None:
            return not covered
        before = self.places.setdefault(key, (*place, part.again))
        if before[:2] == place:
            return True
        if covered or part.again or before[2]:
            return False
        rows.twice.append(Twice(key, *place, *before[:2]))
        return not identity.noted


def _inner(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, Mapping) else None


_GO_ON = "Go on with pages.resume(), or take what there is with partial=True."
_ANEW = "Read the list anew, or take what there is with partial=True."
_SHOWN = 3

COLUMNS = {
    "id": "object",
    "page": "Int64",
    "position": "Int64",
    "first page": "Int64",
    "first position": "Int64",
}
"""What is told of an item that came again, with its dtype."""


@dataclass(frozen=True)
class Fault:
    """Why a list is not whole, as a sentence without its full stop; the exchange that tells more; what to do."""

    words: str
    exchange: Exchange | None = None
    todo: str = _GO_ON


def twice_row(twice: Twice) -> dict[str, object]:
    """An item that came again, by the names of `COLUMNS`."""
    values = (twice.id, twice.page, twice.position, twice.first_page, twice.first_position)
    return dict(zip(COLUMNS, values, strict=True))


def gap_of(name: str, route: Route, rows: Rows, identity: Identity | None, unread: bool) -> Fault | None:
    """Why what came is not all that there is; None where nothing says so.

    Args:
        name: the operation's.
        route: what came, and what was told of the total.
        rows: the items, lined up.
        identity: what tells them apart.
        unread: whether there is more to be asked for.
    """
    expected = None if route.total is None else route.total - route.start
    distinct = len(rows.items) - (len(rows.twice) if identity and not identity.noted else 0)
    if unread:
        return Fault(f"{name} was not read to its end")
    if expected is not None and distinct < expected:
        return Fault(f"{name}: the server says that there are {expected}, and only {distinct} different items came")
    if route.changed and route.is_blind and not (identity and route.is_counted):
        return Fault(f"{name} changed while it was read: items may be missing, or here twice", todo=_ANEW)
    return None


def notes_of(fault: Fault | None, rows: Rows, identity: Identity | None, route: Route) -> Iterator[str]:
    """What is missing and what to do about it, what came twice, what changed meanwhile."""
    if fault:
        yield f"{fault.words}. {fault.todo}"
    if rows.twice:
        yield _twice_words(rows.twice, identity)
    if route.changed:
        yield f"The list changed while it was read: it had {min(route.totals)} to {max(route.totals)} items."


def _twice_words(twice: Sequence[Twice], identity: Identity | None) -> str:
    count = f"{len(twice)} items came" if len(twice) > 1 else "One item came"
    ids = _listed(dict.fromkeys(str(each.id)[:60] for each in twice))
    known = identity.field if identity else ""
    kept = "each is here once" if identity and identity.noted else f"all are kept, for {known!r} is a guess"
    return f"{count} again on a later page, by {known!r} ({ids}); {kept}. See pages.duplicates."


def _listed(names: Iterable[str]) -> str:
    every = list(names)
    return ", ".join(every[:_SHOWN]) + (f" and {len(every) - _SHOWN} more" if len(every) > _SHOWN else "")
