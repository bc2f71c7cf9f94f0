"""The fields of an operation, each read once, and conditions between fields that the overlay declares.

`x-astro-nb-rules` is a list of rules. `when` maps the names of siblings to the values for which the rule applies: a
value, a list, or `present: true/false`. Then follows `require` (names), `hide` (names), or `one-of` (exactly one of
the names). `because` is the reason shown to the user. `x-astro-nb-union` is short for the rules of a union that the
document does not declare: `{by: objectType, branches: {CONNECTION: connection}}`.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from ..call import UNSET
from ..data import Location
from ..openapi import Operation, Parameter, Rule, Spec, read_examples
from .field import Field, read_field
from .files import mark_files

_MAX_UNIONS = 4  # unions inside unions


@dataclass(frozen=True)
class BrokenRule:
    """A rule that a value breaks: where in the value, and what is wrong there."""

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


def active_rules(field: Field, value: Any, conditions: bool = True) -> ActiveRules:
    """Return the rules of an object that apply to this value, and what the conditions of its schema require."""
    value = value if isinstance(value, Mapping) else {}
    required: dict[str, str] = {}
    hidden: dict[str, str] = {}
    one_of = []
    for condition in field.conditions.required if conditions and field.kind == "object" else ():
        if condition.holds(value):
            required.update(dict.fromkeys(condition.names, condition.reason))
    for rule in _declared_rules(field):
        if not _applies(rule.when, value):
            continue
        reason = rule.because or _reason(rule.when)
        required.update(dict.fromkeys(rule.require, reason))
        hidden.update(dict.fromkeys(rule.hide, reason))
        if rule.one_of:
            one_of.append((rule.one_of, reason))
    return ActiveRules(required, {k: v for k, v in hidden.items() if k not in required}, tuple(one_of))


def broken_rules(field: Field | None, value: Any, at: Location = ()) -> Iterator[BrokenRule]:
    """Yield every rule of the overlay that a value breaks, at any depth; the contract has the schema's conditions."""
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


def _broken_here(field: Field, value: Mapping[str, Any], at: Location) -> Iterator[BrokenRule]:
    active = active_rules(field, value, conditions=False)
    for name, reason in active.required.items():
        if name not in value:
            yield BrokenRule((*at, name), f"{name} is required: {reason}")
    for names, reason in active.one_of:
        if sum(name in value for name in names) != 1:
            yield BrokenRule((*at, names[0]), f"exactly one of {', '.join(names)} is needed: {reason}")


def _declared_rules(field: Field) -> Iterator[Rule]:
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


T = TypeVar("T")

_cache: WeakKeyDictionary[Operation, dict[Any, Any]] = WeakKeyDictionary()


def parameter_fields(operation: Operation) -> tuple[Field, ...]:
    """Return the fields of an operation's parameters, named by their keys, in the document's order."""
    spec = operation.spec
    return memoize(operation, "parameters", lambda: tuple(_parameter_field(spec, p) for p in operation.parameters))


def parameter_fields_by_name(operation: Operation) -> Mapping[str, Field]:
    """Return the fields of an operation's parameters by their keys."""
    return memoize(operation, "parameters by name", lambda: {f.name: f for f in parameter_fields(operation)})


def body_field(operation: Operation, media_type: str | None = None) -> Field | None:
    """Return the field of an operation's body; None if it takes none."""
    return memoize(operation, ("body", media_type), lambda: _read_body(operation, media_type))


def body_example(operation: Operation, media_type: str | None = None) -> Any:
    """Return a copy of the first valid example of a whole body, without read-only values; UNSET if there is none."""
    field = body_field(operation, media_type)
    found = next(field.valid_body_examples, UNSET) if field is not None else UNSET
    return without_read_only(field, copy.deepcopy(found))


def without_read_only(field: Field | None, value: Any) -> Any:
    """Return an example without the values that only responses carry, nor optional objects of nothing else.

    What an object requires stays if nothing else would be left of it: then it is sent although it is read-only.
    """
    for _ in range(_MAX_UNIONS):  # a union may contain itself
        branch = field.branch_for(value) if field is not None and field.kind == "union" else None
        field = branch.field if branch else field
    if field is None or field.kind == "union" or not isinstance(value, dict | list):
        return value
    if isinstance(value, list):
        return [without_read_only(field.item_at(index), inner) for index, inner in enumerate(value)]
    kept = {}
    for name, inner in value.items():
        child, rest = field.child(name), without_read_only(field.member(name), inner)
        if child is None or not (child.info.read_only or (rest == {} != inner and not child.required)):
            kept[name] = rest
    needed = {child.name for child in field.children if child.required}
    return kept or {name: inner for name, inner in value.items() if name in needed}


def response_field(operation: Operation, status: int, media_type: str = "application/json") -> Field | None:
    """Return the field of a response's body; None if the document does not declare it."""
    return memoize(operation, (status, media_type), lambda: _read_response(operation, status, media_type))


def memoize(operation: Operation, key: Any, compute: Callable[[], T]) -> T:
    """Return what `compute` returned for this operation and key the first time."""
    values = _cache.setdefault(operation, {})
    if key not in values:
        values[key] = compute()
    result: T = values[key]
    return result


def _read_body(operation: Operation, media_type: str | None) -> Field | None:
    body = operation.body
    if body is None:
        return None
    media = body.entry(media_type)
    field = read_field(operation.spec, body.schema(media_type), "", body.required)
    field = mark_files(field, media_type or body.media_type, media.get("encoding"))
    return replace(field, body_examples=read_examples(media, operation.spec.resolve_or_empty))


def _read_response(operation: Operation, status: int, media_type: str) -> Field | None:
    declared = operation.response(status)
    schema = declared.schema(media_type) if declared else None
    return read_field(operation.spec, schema) if schema is not None else None


_NOT_EMPTY = {"array": "minItems", "object": "minProperties", "map": "minProperties"}


def _parameter_field(spec: Spec, parameter: Parameter) -> Field:
    field = read_field(spec, parameter.schema, parameter.key, parameter.required)
    if field.kind == "any" and parameter.media_type is None:  # a parameter without a type is text
        field = replace(field, kind="text", type_name="string")
    extra: dict[str, Any] = {}
    is_styled = parameter.required and parameter.media_type is None  # then nothing is sent for an empty value
    if is_styled and (limit := _NOT_EMPTY.get(field.kind)):
        extra[limit] = max(1, field.schema.get(limit, 1))
    if parameter.description:
        extra["description"] = parameter.description
    if parameter.examples:
        extra["examples"] = [*parameter.examples.values(), *field.info.examples]
    plain = {key: value for key, value in field.schema.items() if key != "example" or "examples" not in extra}
    return replace(field, schema={**plain, **extra})
