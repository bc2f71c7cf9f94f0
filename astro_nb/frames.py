"""Tables, with dtypes from the schema."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from .fields import Field

if TYPE_CHECKING:
    from pandas import DataFrame as DataFrame  # named again: other rooms take it from here
    from pandas import Series

_DTYPES = {"text": "string", "choice": "string", "integer": "Int64", "number": "Float64", "boolean": "boolean"}
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


def items_frame(items: Sequence[Any], field: Field | None = None, lead: Sequence[str] = ()) -> DataFrame:
    """One row per item: scalars typed by the schema, objects spread one step (`createdBy.id`), lists as they are.

    Args:
        items: plain data; entries that are not objects stand in a column named "value".
        field: the item's field, which gives the order and dtypes of the columns.
        lead: the columns that come first, such as the name and the id.
    """
    rows = [_spread(item) if isinstance(item, Mapping) else {"value": item} for item in items]
    dtypes = _dtypes(field) if field is not None else {}
    present = dict.fromkeys(name for row in rows for name in row)
    known = (
        [name for name in dtypes if name in present or "." not in name] if rows else [n for n in dtypes if "." not in n]
    )
    columns = {**{n: dtypes[n] for n in known}, **{n: dtypes.get(n, "object") for n in present}}
    first = [name for name in lead if name in columns]
    return records_frame(rows, {**{n: columns[n] for n in first}, **columns})


def paged_frame(
    items: Sequence[Any], places: Sequence[tuple[int, int]], field: Field | None, lead: Sequence[str] = ()
) -> DataFrame:
    """As `items_frame`, indexed by where each item stood: page and position, both from 1."""
    import pandas as pd  # imported at first use

    frame = items_frame(items, field, lead)
    frame.index = pd.MultiIndex.from_tuples(places, names=["page", "position"])
    return frame


def records_frame(rows: Iterable[Mapping[str, Any]], columns: Mapping[str, str], index: str | None = None) -> DataFrame:
    """Rows as a DataFrame with exactly these columns and dtypes; a column that does not fit is kept as it came."""
    import pandas as pd  # imported at first use: it is slow to load, and not everyone looks at tables

    kept = list(rows)
    data = {name: _column([row.get(name) for row in kept], dtype) for name, dtype in columns.items()}
    frame = pd.DataFrame(data, columns=list(columns), index=range(len(kept)))
    return frame.set_index(index) if index else frame


def plain_rows(frame: DataFrame, most: int) -> list[list[Any]]:
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


def _spread(item: Mapping[str, Any]) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for name, value in item.items():
        if isinstance(value, Mapping) and value:
            row.update({f"{name}.{inner}": deep for inner, deep in value.items()})
        else:
            row[name] = value
    return row


def _dtypes(field: Field) -> dict[str, str]:
    found: dict[str, str] = {}
    for child in field.children:
        if child.kind == "object":
            found.update({f"{child.name}.{inner.name}": _dtype(inner) for inner in child.children})
        else:
            found[child.name] = _dtype(child)
    return found if field.kind in ("object", "map", "union", "any") else {"value": _dtype(field)}


def _dtype(field: Field) -> str:
    if field.kind == "text" and field.format == "date-time":
        return TIME
    if field.kind == "choice" and not all(isinstance(choice, str) for choice in field.choices):
        return "object"
    return _DTYPES.get(field.kind, "object")
