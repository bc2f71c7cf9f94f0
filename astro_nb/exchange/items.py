"""Where the items of a list answer stand, what each is, and what tells them apart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..fields import Field
from ..spec import Operation

if TYPE_CHECKING:
    from .exchange import Exchange


def items_path(operation: Operation, data: Any) -> str:
    """The JSONPath of the items in a list answer; "$" where the answer itself is the list, or the one thing."""
    note = operation.notes.get("page") or {}
    named = str(note.get("items", ""))
    if named and named != "$" and isinstance(data, Mapping) and isinstance(data.get(named), list):
        return f"$['{named}']"
    if not isinstance(data, Mapping) or named:
        return "$"
    lists = [key for key, value in data.items() if isinstance(value, list)]
    paged = {"totalCount", "total_entries", "total", "limit"} & set(data)
    return f"$['{lists[0]}']" if len(lists) == 1 and paged else "$"


def item_field(exchange: Exchange) -> Field | None:
    """The field tree of one item of an answer; None where the document does not declare it."""
    field, path = exchange.field, items_path(exchange.operation, exchange.json())
    if field is not None and path != "$":
        field = field.child(path[3:-2])
    return field.item if field is not None and field.kind == "array" else field


def lead(operation: Operation) -> tuple[str, ...]:
    """The columns that tell things apart: name, id and state, where the overlay names them."""
    item, state = operation.notes.get("item") or {}, operation.notes.get("settled") or {}
    return tuple(str(v) for v in (item.get("name"), item.get("id"), state.get("state", "status")) if v)
