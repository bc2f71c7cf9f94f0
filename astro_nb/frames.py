"""Rows as a DataFrame that changes none of their values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pandas import DataFrame as DataFrame
    from pandas import Series


TIME = "datetime64[ns, UTC]"
_FITTING: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "Int64": (int, float),
    "Float64": (int, float),
    "boolean": (bool,),
    TIME: (str, datetime),
}
"""What may stand in a column of a dtype; a column with anything else stays as it came, for pandas would change it."""
_EXACT = 2**53
"""Whole numbers up to this are the same as a float."""


def make_frame(rows: Iterable[Mapping[str, Any]], columns: Mapping[str, str], index: str | None = None) -> DataFrame:
    """Rows as a DataFrame with exactly these columns and dtypes; a column that does not fit is kept as it came."""
    import pandas as pd  # imported at first use: it is slow to load, and not everyone looks at tables

    kept = list(rows)
    present, nothing = set().union(*kept), [None] * len(kept)  # many columns that are declared are never there
    data = {n: _column([r.get(n) for r in kept] if n in present else nothing, dtype) for n, dtype in columns.items()}
    frame = pd.DataFrame(data, columns=list(columns), index=range(len(kept)))
    return frame.set_index(index) if index else frame


def index_rows(frame: DataFrame, keys: Sequence[tuple[Any, ...]], names: Sequence[str]) -> DataFrame:
    """A frame whose rows go by keys of several parts; the frame itself is changed."""
    import pandas as pd

    frame.index = pd.MultiIndex.from_tuples(keys, names=list(names))
    return frame


def first_rows(frame: DataFrame, most: int) -> list[list[Any]]:
    """The first rows of a frame as plain values; None where nothing stands."""
    shown = frame.head(most).astype(object)
    return [
        [None if lost else value for value, lost in zip(row, gaps, strict=True)]
        for row, gaps in zip(shown.to_numpy(), shown.isna().to_numpy(), strict=True)
    ]


def _column(values: list[Any], dtype: str) -> Series[Any]:
    import pandas as pd

    plain = pd.Series(values, dtype="object")
    if not _fits(values, dtype):
        return plain
    try:
        if dtype == TIME:
            return pd.to_datetime(plain, utc=True, format="ISO8601").dt.as_unit("ns")
        return plain.astype(pd.api.types.pandas_dtype(dtype))
    except (TypeError, ValueError, OverflowError):
        return plain


def _fits(values: list[Any], dtype: str) -> bool:
    """Whether every value can stand in a column of that dtype without being changed."""
    kinds, allowed = set(map(type, values)) - {type(None)}, _FITTING.get(dtype, (object,))
    if not all(issubclass(kind, allowed) for kind in kinds) or (bool in kinds and dtype in ("Int64", "Float64")):
        return False
    return dtype != "Float64" or int not in kinds or _are_exact(values)


def _are_exact(values: list[Any]) -> bool:
    """Whether every whole number stays the same on its way through a float."""
    return all(abs(value) <= _EXACT for value in values if isinstance(value, int))
