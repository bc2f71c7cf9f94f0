"""The field that stands at a place of a body, by the branches that the present values choose."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..fields import Field
from .nested import Location

Get = Callable[[Location], Any]


def standing(body: Field | None, get: Get, location: Location) -> Field | None:
    """The field at a location of the body, of a union the branch that its value belongs to; None where none stands."""
    if not location or location[0] != "body":
        return None
    return _branch(declared(body, get, location), get, location)


def declared(body: Field | None, get: Get, location: Location) -> Field | None:
    """The field at a location of the body, before its own branch is chosen."""
    field = body
    for depth, step in enumerate(location[1:], 1):
        field = _branch(field, get, location[:depth])
        if field is not None:
            field = field.entry(step) if isinstance(step, int) else field.member(step)
    return field


def _branch(field: Field | None, get: Get, at: Location) -> Field | None:
    while field is not None and field.kind == "union":
        branch = field.branch_for(get(at))
        field = branch.field if branch else None
    return field
