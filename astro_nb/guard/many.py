"""What many calls of one operation would change: one question for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..call import UNSET
from .change import Change, Planned, Read, what_would_change
from .comparing import Entry, Row

SHOWN = 5
"""Calls of which it is told what they would change."""


@dataclass(frozen=True, repr=False)
class ManyChanges(Change):
    """What many calls would change, the first ones told; `calls` is how many there are, `left` how many are to go."""

    calls: int = 0
    left: int = 0

    @property
    def headline(self) -> str:
        """What it is, in a line."""
        rest = f" ({self.left:,} are left)" if self.left != self.calls else ""
        return f"{self.call.operation}, {self.calls:,} times, in {self.environment}{rest}."


def what_many_would_change(plans: Sequence[Planned], count: int, left: int, read: Read) -> ManyChanges:
    """What the first of many calls would change, by the thing's name; `read` is asked once for each at the most."""
    first = plans[0]
    changes = [what_would_change(plan, read) for plan in plans[:SHOWN]]
    rows = tuple(row for number, change in enumerate(changes, 1) for row in _told(number, change))
    trouble = next((change.trouble for change in changes if change.trouble), "")
    named = f"{count} {first.operation.id}"
    told = changes[0]
    return ManyChanges(
        told.call, told.deed, named, "count and operation", rows, told.environment, told.method, first.operation.path,
        UNSET, trouble, count, left,
    )  # fmt: skip


def _told(number: int, change: Change) -> list[Row]:
    """The rows of one change, each below the name of its thing; of what is deleted the name is enough."""
    thing = Entry("", f"{number} {change.name}")
    if change.deed == "delete":
        return [Row((thing,), change.name, UNSET, "removed")]
    return [replace(row, steps=(thing, *row.steps)) for row in change.rows]
