"""Records as pandas DataFrames, without changing any value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pandas import DataFrame as DataFrame
    from pandas import Series


TIME = "datetime64[ns, UTC]"
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


def make_frame(rows: Iterable[Mapping[str, Any]], columns: Mapping[str, str], index: str | None = None) -> DataFrame:
    """Return rows as a DataFrame with these columns and dtypes; a column whose values do not match has dtype object."""
    import pandas as pd  # imported at first use: it is slow to load, and not everyone needs tables

    records = list(rows)
    present, empty = set().union(*records), [None] * len(records)  # many declared columns never occur
    data = {
        name: _make_column([record.get(name) for record in records] if name in present else empty, dtype)
        for name, dtype in columns.items()
    }
    frame = pd.DataFrame(data, columns=list(columns), index=range(len(records)))
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


def _make_column(values: list[Any], dtype: str) -> Series[Any]:
    import pandas as pd

    plain = pd.Series(values, dtype="object")
    if not _matches_dtype(values, dtype):
        return plain
    try:
        if dtype == TIME:
            return pd.to_datetime(plain, utc=True, format="ISO8601").dt.as_unit("ns")
        return plain.astype(pd.api.types.pandas_dtype(dtype))
    except (TypeError, ValueError, OverflowError):
        return plain


def _matches_dtype(values: list[Any], dtype: str) -> bool:
    """Whether a column of that dtype can contain every value unchanged."""
    types, allowed = set(map(type, values)) - {type(None)}, _ALLOWED_TYPES.get(dtype, (object,))
    if not all(issubclass(value_type, allowed) for value_type in types):
        return False
    if bool in types and dtype in ("Int64", "Float64"):  # a bool is an int in Python
        return False
    return dtype != "Float64" or int not in types or _are_exact(values)


def _are_exact(values: list[Any]) -> bool:
    """Whether every integer is exact as a float."""
    return all(abs(value) <= _MAX_EXACT_FLOAT for value in values if isinstance(value, int))
