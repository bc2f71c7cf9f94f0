"""Which places of a counted list are here, and which are not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

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
