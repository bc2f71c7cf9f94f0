"""The figures of a row, and the registry of rows."""

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
        aim_of: which of the two the aim applies to.
        reference: the same work by other means; None if there is none.
        against: what the reference is.
        unit: of ours, and of the references.
        beside: further measurements of the same run by description: other references, and other ways of ours.
        notes: remarks for the reader, such as a peer that could not be installed.
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
        """Return ours divided by the reference."""
        return self.ours / self.reference if self.reference else None


Row = Callable[[], Figures]
_rows: dict[str, Row] = {}


def row(measure: Row) -> Row:
    """Register a function as a row with its name; its docstring says what is measured."""
    _rows[measure.__name__] = measure
    return measure


def rows() -> Mapping[str, Row]:
    """Return every row by name, in the order of registration."""
    return _rows
