"""What an unsafe operation does, to what, and which operation reads that."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

from ..call import Call
from ..openapi import Operation, reader_at, shape_of, upwards

Action = Literal["create", "update", "delete", "act"]

_PARAMETER = re.compile(r"\{([^{}/]*)\}")


def deed_of(operation: Operation) -> Action:
    """What an operation does, by its method, its path and the overlay's note."""
    own = reader_at(operation, operation.path)
    if operation.method == "DELETE":
        return "delete" if own or is_thing(operation) else "act"
    if "update" in operation.notes or operation.method in ("PUT", "PATCH"):
        return "update"
    if own and not lists(own) and is_thing(operation):  # else it may be a list whose entries cannot be read one by one
        return "update"
    return "create" if own or _has_items(operation) else "act"


def reader_of(operation: Operation) -> Operation | None:
    """The safe operation that reads what an operation changes.

    It is the one of the overlay's note, else the one at the same path; for a single thing else the list that it stands
    in, for all others the nearest one above that reads a single thing.
    """
    named = str((operation.notes.get("update") or {}).get("read", ""))
    noted = next((o for o in operation.spec if o.id == named and o.is_safe), None)
    path, *above = upwards(operation.path)
    own = noted or reader_at(operation, path)
    if own and not lists(own):
        return own
    if is_thing(operation):
        return reader_at(operation, above[0]) if above else None
    found = (reader_at(operation, path) for path in above)
    return next((reader for reader in found if reader and not lists(reader)), None)


def call_to_read(reader: Operation, operation: Operation, call: Call) -> Call:
    """The call that reads what another call is about, by the values of its path."""
    theirs, ours = _PARAMETER.findall(reader.path), _PARAMETER.findall(operation.path)
    placed = dict(zip(theirs, ours, strict=False))
    wanted = {p.key: placed.get(p.name, p.key) if p.location == "path" else p.key for p in reader.parameters}
    given = {key: call.parameters[ours] for key, ours in wanted.items() if ours in call.parameters}
    return Call(reader.id, {**_largest_page(reader), **given}, security=call.security)


def _largest_page(reader: Operation) -> dict[str, Any]:
    note = reader.notes.get("page")
    limit = note.get("limit") if isinstance(note, Mapping) else None
    return {str(limit): note["most"]} if isinstance(note, Mapping) and limit and "most" in note else {}


def is_thing(operation: Operation) -> bool:
    """Whether a path names a single thing."""
    return shape_of(operation.path).endswith("}")


def last_parameter(operation: Operation) -> str:
    """The parameter that names the thing of an operation; empty where its path has none."""
    return next(iter(reversed(_PARAMETER.findall(operation.path))), "")


def _has_items(operation: Operation) -> bool:
    """Whether single things stand below a path, so that it is the collection of them."""
    shape = shape_of(operation.path)
    return not shape.endswith("}") and any(shape_of(o.path) == f"{shape}/{{}}" for o in operation.spec)


def lists(operation: Operation) -> bool:
    """Whether an operation reads a list of things."""
    return "page" in operation.notes or _has_items(operation)
