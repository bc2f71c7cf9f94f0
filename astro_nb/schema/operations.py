"""The fields of an operation: of its parameters, its body, its answers.

Conditions between fields that the schema cannot state, as data from the overlay.

A rule is a mapping: `when` maps sibling names to the values that arm it (a list, or `present: true/false`), then one
of `require`, `hide` (names), or `one-of` (exactly one of the names); `because` says why, in words. `union` is short for
the rules of an undeclared union: `{by: objectType, branches: {CONNECTION: connection}}`.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from weakref import WeakKeyDictionary

from ..call import UNSET
from ..errors import DanglingReference
from ..messages import bare_media_type
from ..openapi import Operation, Parameter, Spec
from .field import Field, read_field
from .validation import is_valid

_kept: WeakKeyDictionary[Operation, dict[Any, Any]] = WeakKeyDictionary()


def parameter_fields(operation: Operation) -> tuple[Field, ...]:
    """The fields of an operation's parameters, named by their keys, in the document's order."""
    found: tuple[Field, ...] = cached(operation, "parameters", lambda: _parameters(operation))
    return found


def parameter_fields_by_name(operation: Operation) -> Mapping[str, Field]:
    """The fields of an operation's parameters by their keys."""
    found: Mapping[str, Field] = cached(operation, "by name", lambda: {f.name: f for f in parameter_fields(operation)})
    return found


def body_field(operation: Operation, media_type: str | None = None) -> Field | None:
    """The field of an operation's body; None where it takes none."""
    found: Field | None = cached(operation, ("body", media_type), lambda: _body(operation, media_type))
    return found


def body_example(operation: Operation, media_type: str | None = None) -> Any:
    """The document's example of a whole body, if it keeps to the schema, for the caller to change; else UNSET."""
    field = body_field(operation, media_type)
    known = field is not None and field.whole is not UNSET and is_valid(field, field.whole)
    return copy.deepcopy(field.whole) if field is not None and known else UNSET


def response_field(operation: Operation, status: int, media_type: str = "application/json") -> Field | None:
    """The field of an answer; None where the document does not declare it."""
    found: Field | None = cached(operation, (status, media_type), lambda: _response(operation, status, media_type))
    return found


def cached(operation: Operation, key: Any, read_it: Callable[[], Any]) -> Any:
    """What is read once for each operation, by a key of its own: every call and every answer needs it."""
    kept = _kept.setdefault(operation, {})
    if key not in kept:
        kept[key] = read_it()
    return kept[key]


def _parameters(operation: Operation) -> tuple[Field, ...]:
    return tuple(_parameter_field(operation.spec, parameter) for parameter in operation.parameters)


def _body(operation: Operation, media_type: str | None) -> Field | None:
    body = operation.body
    if body is None:
        return None
    wanted = bare_media_type(media_type or body.media_type)
    media = next((entry for name, entry in body.content.items() if bare_media_type(name) == wanted), {})
    found = read_field(operation.spec, body.schema(media_type), "", body.required)
    return replace(found, whole=_example(operation.spec, media))


def _example(spec: Spec, media: Mapping[str, Any]) -> Any:
    """The example of a media type, or the first of its examples."""
    if "example" in media:
        return media["example"]
    examples = media.get("examples")
    named = list(examples.values()) if isinstance(examples, Mapping) else []
    try:
        return spec.resolve(named[0]).get("value", UNSET) if named else UNSET
    except DanglingReference:
        return UNSET


def _response(operation: Operation, status: int, media_type: str) -> Field | None:
    declared = operation.response(status)
    schema = declared.schema(media_type) if declared else None
    return read_field(operation.spec, schema) if schema is not None else None


def _parameter_field(spec: Spec, parameter: Parameter) -> Field:
    found = read_field(spec, parameter.schema, parameter.key, parameter.required)
    if found.kind == "any" and parameter.media_type is None:  # where nothing is said, a parameter is text
        found = replace(found, kind="text", type_name="string")
    extra: dict[str, Any] = {}
    if parameter.description:
        extra["description"] = parameter.description
    if parameter.example is not None:
        extra["example"] = parameter.example
    return replace(found, schema={**found.schema, **extra})


Location = tuple[str | int, ...]


@dataclass(frozen=True)
class Problem:
    """Something wrong at one place of a value: where, and what in words."""

    location: Location
    message: str


@dataclass(frozen=True)
class ActiveRules:
    """What the rules say of an object's fields for one value: names with their reasons."""

    required: Mapping[str, str] = field(default_factory=dict)
    hidden: Mapping[str, str] = field(default_factory=dict)
    one_of: tuple[tuple[tuple[str, ...], str], ...] = ()


def active_rules(field: Field, value: Any) -> ActiveRules:
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
    return ActiveRules(required, {k: v for k, v in hidden.items() if k not in required}, tuple(one_of))


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
    view = active_rules(field, value)
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
