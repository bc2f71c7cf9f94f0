"""The items of a response as a table, with dtypes from the schema."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..frames import TIME, index_rows, make_frame
from ..openapi import Operation, StateExtension
from ..schema import Field

if TYPE_CHECKING:
    from ..frames import DataFrame
    from .exchange import Exchange

_DTYPES = {"text": "string", "choice": "string", "integer": "Int64", "number": "Float64", "boolean": "boolean"}
_SCALARS = frozenset((str, int, float, bool, type(None)))


def item_field(exchange: Exchange) -> Field | None:
    """Return the field tree of one item of a response; None if the document does not declare it."""
    field, path = exchange.field, exchange.operation.spec.resources.items_path(exchange.operation, exchange.json())
    if field is not None and path != "$":
        field = field.child(path[3:-2])
    return field.item if field is not None and field.kind == "array" else field


def leading_columns(operation: Operation) -> tuple[str, ...]:
    """Return the columns that come first: name, id and state, if the overlay names them."""
    item, state = operation.extensions.item, operation.extensions.settled or StateExtension()
    return tuple(filter(None, (*((item.name, item.id) if item else ()), state.state)))


def items_frame(items: Sequence[Any], field: Field | None = None, leading: Sequence[str] = ()) -> DataFrame:
    """Return items as a DataFrame: one row each, objects spread by one level (`createdBy.id`), lists as they are.

    Args:
        items: plain data; items that are not objects are in a column named "value".
        field: the field of an item, which gives the order and the dtypes of the columns.
        leading: the columns that come first.
    """
    rows = [_spread(item) if isinstance(item, Mapping) else {"value": item} for item in items]
    dtypes = _dtypes(field) if field is not None else {}
    present = dict.fromkeys(name for row in rows for name in row)
    declared = [name for name in dtypes if "." not in name or name in present]
    columns = {**{n: dtypes[n] for n in declared}, **{n: dtypes.get(n, "object") for n in present}}
    first = [name for name in leading if name in columns]
    return make_frame(rows, {**{n: columns[n] for n in first}, **columns})


def paged_frame(
    items: Sequence[Any], places: Sequence[tuple[int, int]], field: Field | None, leading: Sequence[str] = ()
) -> DataFrame:
    """Return items as `items_frame` does, indexed by page and position, both counted from 1."""
    return index_rows(items_frame(items, field, leading), places, ("page", "position"))


def _spread(item: Mapping[str, Any]) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for name, value in item.items():
        if (
            type(value) not in _SCALARS and isinstance(value, Mapping) and value
        ):  # the first test is quick, and mostly enough
            row.update({f"{name}.{inner}": nested for inner, nested in value.items()})
        else:
            row[name] = value
    return row


def _dtypes(field: Field) -> dict[str, str]:
    dtypes: dict[str, str] = {}
    for child in field.children:
        if child.kind == "object":
            dtypes.update({f"{child.name}.{inner.name}": _dtype(inner) for inner in child.children})
        else:
            dtypes[child.name] = _dtype(child)
    return dtypes if field.kind in ("object", "map", "union", "any") else {"value": _dtype(field)}


def _dtype(field: Field) -> str:
    if field.kind == "text" and field.info.format == "date-time":
        return TIME
    if field.kind == "choice" and not all(isinstance(choice, str) for choice in field.info.choices):
        return "object"
    return _DTYPES.get(field.kind, "object")
