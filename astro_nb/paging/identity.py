"""What tells the items of a list apart, and which came twice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

from ..spec import Operation
from .coverage import Part

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
