"""What of a value a body can hold: the rest is the server's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..fields import Field, rule_view

_DEEPEST = 40
_OPEN = ("map", "any")


def held_by(field: Field | None, value: Any) -> Any:
    """The part of a state that a body can hold: by its fields, of a union by those of the branch that it names.

    What the body does not know, what only answers have, what is null or empty where it cannot be, and what the rules of
    the overlay rule out, goes. Where the document says nothing, all of it stays.
    """
    return value if field is None else _held(field, value, _DEEPEST)


def ruled(field: Field | None, value: Any, given: Any) -> Any:
    """A body without the fields that the rules of the overlay rule out, all the way down; what was `given` stays.

    Rules may rule each other's fields out: they are asked anew after each one that goes.
    """
    form = _form(field, value) if field else None
    if form is None or not isinstance(value, Mapping):
        return value
    kept = given if isinstance(given, Mapping) else {}
    left = {name: ruled(form.member(name), inner, kept.get(name)) for name, inner in value.items()}
    left = _without_excluded(form, left, kept)
    while gone := [name for name in rule_view(form, left).hidden if name in left and name not in kept]:
        del left[gone[0]]
    return left


def _without_excluded(form: Field, body: dict[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """A body without the fields that what was given excludes, though they may require each other."""
    named = {name: body[name] for name in given if name in body}
    out = [name for name in rule_view(form, named).hidden if name in body and name not in given]
    rest = {name: value for name, value in body.items() if name not in out}
    gone = [name for name in out if name in rule_view(form, {**rest, name: body[name]}).hidden]
    return {name: value for name, value in body.items() if name not in gone}


def _held(field: Field, value: Any, depth: int) -> Any:
    form = _form(field, value)
    if form is None or depth <= 0:
        return value
    if isinstance(value, list):
        pairs = ((form.entry(index), entry) for index, entry in enumerate(value))
        return [entry if item is None else _held(item, entry, depth - 1) for item, entry in pairs]
    if not isinstance(value, Mapping) or form.kind in _OPEN or not (form.children or form.item):
        return value
    members = {name: (form.member(name), inner) for name, inner in value.items()}
    kept = {
        name: _held(member, inner, depth - 1)
        for name, (member, inner) in members.items()
        if member is not None and not member.read_only and _can_be(member, inner)
    }
    return ruled(form, kept, {})


def _form(field: Field, value: Any) -> Field | None:
    """The field itself, or the branch of a union that a value belongs to; None where that is not known."""
    for _ in range(_DEEPEST):
        if field.kind != "union":
            return field
        branch = field.branch_for(value)
        if branch is None:
            return None
        field = branch.field
    return None


def _can_be(field: Field, value: Any) -> bool:
    """Whether a field can be null, or empty, where the value is: servers answer so where there is nothing."""
    if value is None:
        return field.nullable or field.kind == "any"
    return not (isinstance(value, str) and value == "" and field.kind == "choice" and "" not in field.choices)
