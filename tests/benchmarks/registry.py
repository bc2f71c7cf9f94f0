"""What a row of the table is, and the list of all rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

Unit = Literal["s", "MB", ""]
"""Seconds, millions of bytes, or a count."""


class Skipped(Exception):
    """A row that cannot be measured here; its text is the reason."""


@dataclass(frozen=True)
class Figures:
    """One measurement.

    Attributes:
        ours: seconds, millions of bytes, or a count.
        aim: the most that `ours`, or the ratio, is meant to be.
        aim_of: which of the two the aim is about.
        reference: the same work by other means; None where there is nothing to compare with.
        against: what the reference is.
        unit: of ours, and of the references.
        beside: what else was measured in the same run, by what it is: further references, and other ways of ours.
        notes: what the reader has to know, such as a peer that could not be installed.
    """

    ours: float
    aim: float
    aim_of: Literal["ours", "ratio"] = "ours"
    reference: float | None = None
    against: str = ""
    unit: Unit = "s"
    beside: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def ratio(self) -> float | None:
        """Ours over the reference."""
        return self.ours / self.reference if self.reference else None


Row = Callable[[], Figures]
_rows: dict[str, Row] = {}


def row(measure: Row) -> Row:
    """Enter a function as a row; its name is the row's, its docstring says what is measured."""
    _rows[measure.__name__] = measure
    return measure


def rows() -> Mapping[str, Row]:
    """Every row by name, in the order in which they were entered."""
    return _rows
