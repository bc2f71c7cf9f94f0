"""Rows as they are given, a DataFrame or mappings, as plain Python values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any
from uuid import UUID

from ..call import UNSET, Upload
from ..environment import Secret
from ..errors import UsageError
from ..tables import plain_rows, records_frame

if TYPE_CHECKING:
    from ..tables import DataFrame


@dataclass(frozen=True)
class Given:
    """A table: its frame as it came, the names of its columns, and of each row the cells in which something stands."""

    frame: DataFrame = field(repr=False)
    columns: tuple[str, ...]
    rows: tuple[Mapping[str, Any], ...] = field(repr=False)


def read_rows(rows: Any) -> Given:
    """A DataFrame, what has a `frame()` (an answer, pages), or a list of mappings.

    A cell without a value (None, NaN, NaT, NA) is left out, and so is one that a mapping does not have.

    Raises:
        UsageError: it is none of these, or two columns have one name.
    """
    frame = _frame_of(rows)
    columns = tuple(str(column) for column in frame.columns)
    twice = next((name for name in columns if columns.count(name) > 1), None)
    if twice is not None:
        raise UsageError(f"Two columns are called {twice!r}.", "Give one of them another name.")
    plain = plain_rows(frame, len(frame))
    return Given(frame, columns, tuple(_cells(columns, row) for row in plain))


def _frame_of(rows: Any) -> DataFrame:
    if hasattr(rows, "columns") and hasattr(rows, "index"):
        table: DataFrame = rows
        return table
    if callable(getattr(rows, "frame", None)):
        made: DataFrame = rows.frame()
        return made
    listed = list(rows) if isinstance(rows, Iterable) and not isinstance(rows, Mapping | str | bytes) else None
    if listed is None or not all(isinstance(row, Mapping) for row in listed):
        raise UsageError("The rows are no table.", "Give a DataFrame, a list of dicts, or an answer of the API.")
    return records_frame(listed, dict.fromkeys((name for row in listed for name in row), "object"))


def _cells(columns: tuple[str, ...], row: list[Any]) -> dict[str, Any]:
    cells = ((name, plain_value(value)) for name, value in zip(columns, row, strict=True) if value is not None)
    return {name: value for name, value in cells if value is not UNSET}


_AS_THEY_ARE = (str, bool, int, float, bytes, type(None), Secret, Upload)
_IN_WORDS = (datetime, date, time)


def plain_value(value: Any) -> Any:
    """A value without NumPy and pandas in it: moments as ISO 8601, scalars and arrays as Python's own."""
    if type(value) in _AS_THEY_ARE or value is UNSET:
        return value
    if isinstance(value, _IN_WORDS):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(name): plain_value(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain_value(inner) for inner in value]
    if isinstance(value, UUID) or getattr(getattr(value, "dtype", None), "kind", "") in ("M", "m"):
        return str(value)
    listed = getattr(value, "tolist", None)
    return plain_value(listed()) if callable(listed) and type(listed()) is not type(value) else value
