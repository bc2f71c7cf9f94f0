"""Records as pandas DataFrames, without changing any value."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pandas import DataFrame as DataFrame


TIME = "datetime64[ns, UTC]"
"""The dtype of times. A column has microseconds if nanoseconds cannot hold one of its times (before 1677, after 2262).
"""
_WIDE_TIME = "datetime64[us, UTC]"
_ALLOWED_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "Int64": (int, float),
    "Float64": (int, float),
    "boolean": (bool,),
    TIME: (str, datetime),
}
"""The types that a column of a dtype may contain; with others it has dtype object, or pandas would change them."""
_MAX_EXACT_FLOAT = 2**53
"""Integers up to this size are exact as a float."""
_MAX_NANOSECONDS, _MAX_MICROSECONDS = 9, 6
"""Digits after the point that each unit holds."""
_TIME_TEXT = re.compile(
    r"\d{4}-\d\d-\d\d(?:[Tt ]\d\d:\d\d(?::\d\d(?:\.(?P<fraction>\d+))?)?(?:[Zz]|[+-]\d\d(?::?\d\d)?)?)?", re.ASCII
)
"""A time as RFC 3339 has it, or a little less: pandas would also read "now" and "", and would cut a long fraction."""


def make_frame(rows: Iterable[Mapping[str, Any]], columns: Mapping[str, str], index: str | None = None) -> DataFrame:
    """Return rows as a DataFrame with these columns and dtypes; a column whose values do not match has dtype object."""
    import pandas as pd  # imported at first use: it is slow to load, and not everyone needs tables

    records = list(rows)
    present, empty = set().union(*records), [None] * len(records)  # many declared columns never occur
    typed: dict[str, Any] = {}
    objects: dict[str, list[Any]] = {}
    for name, dtype in columns.items():
        values = [record.get(name) for record in records] if name in present else empty
        column = _make_column(values, dtype)
        if column is None:
            objects[name] = values
        else:
            typed[name] = column
    index_of_rows = pd.RangeIndex(len(records))
    # all objects in one block: a column of its own is slow to make
    frame = pd.DataFrame(
        list(zip(*objects.values(), strict=True)), index_of_rows, pd.Index(list(objects), dtype=object), dtype=object
    )
    if typed:
        frame = pd.concat([pd.DataFrame(typed, index=index_of_rows), frame], axis="columns")[list(columns)]
    return frame.set_index(index) if index else frame


def index_rows(frame: DataFrame, keys: Sequence[tuple[Any, ...]], names: Sequence[str]) -> DataFrame:
    """Give a frame a MultiIndex of these keys, in place, and return it."""
    import pandas as pd

    frame.index = pd.MultiIndex.from_tuples(keys, names=list(names))
    return frame


def first_rows(frame: DataFrame, limit: int) -> list[list[Any]]:
    """Return the first rows of a frame as plain values; None for a missing one."""
    shown = frame.head(limit).astype(object)
    return [
        [None if is_missing else value for value, is_missing in zip(row, gaps, strict=True)]
        for row, gaps in zip(shown.to_numpy(), shown.isna().to_numpy(), strict=True)
    ]


def _make_column(values: list[Any], dtype: str) -> Any:
    """Return values as an array of a dtype; None if only dtype object keeps them as they are."""
    import pandas as pd

    if dtype == "object" or not _matches_dtype(values, dtype):
        return None
    wanted: Any = pd.api.types.pandas_dtype(dtype)
    try:
        return _make_times(values) if dtype == TIME else pd.array(values, dtype=wanted)
    except (TypeError, ValueError, OverflowError):
        return None


def _make_times(values: list[Any]) -> Any:
    """Return times in nanoseconds, or in microseconds if nanoseconds cannot hold them.

    Raises:
        ValueError, OverflowError: neither holds all of them, or one is no time.
    """
    import pandas as pd

    texts = [_TIME_TEXT.fullmatch(value) for value in values if isinstance(value, str)]
    if not all(texts):
        raise ValueError("not a time")
    digits = max((len(text["fraction"] or "") for text in texts if text), default=0)
    if digits > _MAX_NANOSECONDS:
        raise ValueError("too precise")
    try:
        return pd.to_datetime(pd.Series(values, dtype="object"), utc=True, format="ISO8601").dt.as_unit("ns").array
    except (ValueError, OverflowError):
        if digits > _MAX_MICROSECONDS:
            raise
    moments = [datetime.fromisoformat(value) if isinstance(value, str) else value for value in values]
    zoned = [moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC) if moment else None for moment in moments]
    return pd.Series(zoned, dtype=_WIDE_TIME).array


def _matches_dtype(values: list[Any], dtype: str) -> bool:
    """Whether a column of that dtype can contain every value unchanged."""
    types, allowed = set(map(type, values)) - {type(None)}, _ALLOWED_TYPES.get(dtype, (object,))
    if not all(issubclass(value_type, allowed) for value_type in types):
        return False
    if bool in types and dtype in ("Int64", "Float64"):  # a bool is an int in Python
        return False
    if float in types and any(value != value for value in values):  # NaN would become a missing value
        return False
    return dtype != "Float64" or int not in types or _are_exact(values)


def _are_exact(values: list[Any]) -> bool:
    """Whether every integer is exact as a float."""
    return all(abs(value) <= _MAX_EXACT_FLOAT for value in values if isinstance(value, int))
