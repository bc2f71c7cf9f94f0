"""Conditions between the fields of an object that JSON Schema cannot express, declared by the overlay.

`x-astro-nb-rules` is a list of rules. `when` maps the names of siblings to the values for which the rule applies: a
value, a list, or `present: true/false`. Then follows `require` (names), `hide` (names), or `one-of` (exactly one of
the names). `because` is the reason shown to the user. `x-astro-nb-union` is short for the rules of a union that the
document does not declare: `{by: objectType, branches: {CONNECTION: connection}}`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..data import Location
from ..openapi import Rule
from .field import Field


@dataclass(frozen=True)
class Problem:
    """A rule that a value breaks.

    Attributes:
        location: where in the value.
        message: what is wrong.
    """

    location: Location
    message: str


@dataclass(frozen=True)
class ActiveRules:
    """The rules that apply to one value of an object.

    Attributes:
        required: the reason by the name of each field that is required.
        hidden: the reason by the name of each field that must not be given.
        one_of: names of which exactly one is required, with the reason.
    """

    required: Mapping[str, str]
    hidden: Mapping[str, str]
    one_of: tuple[tuple[tuple[str, ...], str], ...]


def active_rules(field: Field, value: Any) -> ActiveRules:
    """Return the rules of an object that apply to this value."""
    value = value if isinstance(value, Mapping) else {}
    required: dict[str, str] = {}
    hidden: dict[str, str] = {}
    one_of = []
    for rule in _rules(field):
        if not _applies(rule.when, value):
            continue
        reason = rule.because or _reason(rule.when)
        required.update(dict.fromkeys(rule.require, reason))
        hidden.update(dict.fromkeys(rule.hide, reason))
        if rule.one_of:
            one_of.append((rule.one_of, reason))
    return ActiveRules(required, {k: v for k, v in hidden.items() if k not in required}, tuple(one_of))


def broken_rules(field: Field | None, value: Any, at: Location = ()) -> Iterator[Problem]:
    """Yield every rule that a value breaks, at any depth."""
    if field is None:
        return
    if field.kind == "union":
        branch = field.branch_for(value)
        if branch:
            yield from broken_rules(branch.field, value, at)
    elif field.kind == "array" and isinstance(value, list):
        for index, item in enumerate(value):
            yield from broken_rules(field.item_at(index), item, (*at, index))
    elif field.kind in ("object", "map") and isinstance(value, Mapping):
        yield from _broken_here(field, value, at)
        for name, inner in value.items():
            yield from broken_rules(field.member(name), inner, (*at, name))


def _broken_here(field: Field, value: Mapping[str, Any], at: Location) -> Iterator[Problem]:
    active = active_rules(field, value)
    for name, reason in active.required.items():
        if name not in value:
            yield Problem((*at, name), f"{name} is required: {reason}")
    for names, reason in active.one_of:
        if sum(name in value for name in names) != 1:
            yield Problem((*at, names[0]), f"exactly one of {', '.join(names)} is needed: {reason}")


def _rules(field: Field) -> Iterator[Rule]:
    yield from field.info.extensions.rules
    union = field.info.extensions.union
    if union:
        names = set(union.branches.values())
        for value, name in union.branches.items():
            yield Rule({union.by: [value]}, (name,), tuple(sorted(names - {name})))


def _applies(when: Mapping[str, Any], value: Mapping[str, Any]) -> bool:
    return all(_matches(condition, name in value, value.get(name)) for name, condition in when.items())


def _matches(condition: Any, present: bool, value: Any) -> bool:
    if isinstance(condition, Mapping):
        return present == bool(condition.get("present", True))
    return present and value in (condition if isinstance(condition, list) else [condition])


def _reason(when: Mapping[str, Any]) -> str:
    words = []
    for name, condition in when.items():
        if isinstance(condition, Mapping):
            words.append(f"{name} is {'given' if condition.get('present', True) else 'left out'}")
        else:
            values = condition if isinstance(condition, list) else [condition]
            words.append(f"{name} is {' or '.join(map(str, values))}")
    return " and ".join(words) or "always"
