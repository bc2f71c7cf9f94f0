"""Tables, with dtypes from the schema."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..frames import (
    TIME,  # named again: whoever makes frames takes them from here
    index_rows,
    make_frame,
)
from ..schema import Field

if TYPE_CHECKING:
    from ..frames import DataFrame


_DTYPES = {"text": "string", "choice": "string", "integer": "Int64", "number": "Float64", "boolean": "boolean"}

_SCALARS = frozenset((str, int, float, bool, type(None)))


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
    return make_frame(rows, {**{n: columns[n] for n in first}, **columns})


def paged_frame(
    items: Sequence[Any], places: Sequence[tuple[int, int]], field: Field | None, lead: Sequence[str] = ()
) -> DataFrame:
    """As `items_frame`, indexed by where each item stood: page and position, both from 1."""
    return index_rows(items_frame(items, field, lead), places, ("page", "position"))


def _spread(item: Mapping[str, Any]) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for name, value in item.items():
        if type(value) not in _SCALARS and isinstance(value, Mapping) and value:  # one look is enough for most
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
    if field.kind == "text" and field.info.format == "date-time":
        return TIME
    if field.kind == "choice" and not all(isinstance(choice, str) for choice in field.info.choices):
        return "object"
    return _DTYPES.get(field.kind, "object")
