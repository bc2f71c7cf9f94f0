"""Conditions between fields that the schema cannot state, as data from the overlay.

A rule is a mapping: `when` maps sibling names to the values that arm it (a list, or `present: true/false`), then one
of `require`, `hide` (names), or `one-of` (exactly one of the names); `because` says why, in words. `union` is short for
the rules of an undeclared union: `{by: objectType, branches: {CONNECTION: connection}}`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .tree import Field

Location = tuple[str | int, ...]


@dataclass(frozen=True)
class Problem:
    """Something wrong at one place of a value: where, and what in words."""

    location: Location
    message: str


@dataclass(frozen=True)
class RuleView:
    """What the rules say of an object's fields for one value: names with their reasons."""

    required: Mapping[str, str] = field(default_factory=dict)
    hidden: Mapping[str, str] = field(default_factory=dict)
    one_of: tuple[tuple[tuple[str, ...], str], ...] = ()


def rule_view(field: Field, value: Any) -> RuleView:
    """Which fields of an object are required or out of place for this value."""
    value = value if isinstance(value, Mapping) else {}
    required: dict[str, str] = {}
    hidden: dict[str, str] = {}
    one_of = []
    for rule in _rules(field):
        if not _armed(rule.get("when") or {}, value):
            continue
        reason = str(rule.get("because") or _reason(rule.get("when") or {}))
        required.update(dict.fromkeys(rule.get("require") or (), reason))
        hidden.update(dict.fromkeys(rule.get("hide") or (), reason))
        if rule.get("one-of"):
            one_of.append((tuple(rule["one-of"]), reason))
    return RuleView(required, {k: v for k, v in hidden.items() if k not in required}, tuple(one_of))


def broken_rules(field: Field | None, value: Any, at: Location = ()) -> Iterator[Problem]:
    """Every rule that a value breaks, all the way down."""
    if field is None:
        return
    if field.kind == "union":
        branch = field.branch_for(value)
        if branch:
            yield from broken_rules(branch.field, value, at)
    elif field.kind == "array" and isinstance(value, list):
        for index, entry in enumerate(value):
            yield from broken_rules(field.entry(index), entry, (*at, index))
    elif field.kind in ("object", "map") and isinstance(value, Mapping):
        yield from _broken_here(field, value, at)
        for name, inner in value.items():
            yield from broken_rules(field.member(name), inner, (*at, name))


def _broken_here(field: Field, value: Mapping[str, Any], at: Location) -> Iterator[Problem]:
    view = rule_view(field, value)
    for name, reason in view.required.items():
        if name not in value:
            yield Problem((*at, name), f"{name} is required: {reason}")
    for names, reason in view.one_of:
        given = [name for name in names if name in value]
        if len(given) != 1:
            yield Problem((*at, names[0]), f"exactly one of {', '.join(names)} is needed: {reason}")


def _rules(field: Field) -> Iterator[Mapping[str, Any]]:
    yield from field.notes.get("rules") or ()
    union = field.notes.get("union")
    if union:
        everyone = set(union["branches"].values())
        for value, name in union["branches"].items():
            when = {union["by"]: [value]}
            yield {"when": when, "require": [name], "hide": sorted(everyone - {name})}


def _armed(when: Mapping[str, Any], value: Mapping[str, Any]) -> bool:
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
