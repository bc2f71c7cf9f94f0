"""A believable, valid value for a field: the example first, else one made from the schema."""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ..call import UNSET, Call
from ..spec import Operation
from .fit import keeps
from .formats import SAMPLES
from .patterns import texts_like
from .places import body_example, body_field, parameter_fields
from .rules import rule_view
from .tree import Field

_DEEPEST = 8
_MOST = 20  # entries of an array, however many are asked for


def sample(field: Field, full: bool = False, _depth: int = 0) -> Any:
    """A valid value: required fields only, or with `full` the optional ones that have an example too.

    It is the caller's own, never a part of the document.
    """
    if full and field.whole is not UNSET and keeps(field, field.whole):
        return copy.deepcopy(field.whole)
    if field.stated:
        return copy.deepcopy(field.stated[0])
    return _MAKERS[field.kind](field, full, _depth)


def example_call(operation: Operation, full: bool = False) -> Call:
    """A call of the operation that is filled with samples: required parameters, and the body where there is one.

    A body is the example that the document gives of the whole, where there is one that keeps to the schema.
    """
    parameters = {f.name: sample(f) for f in parameter_fields(operation) if f.required}
    body, whole = body_field(operation), body_example(operation)
    return Call(operation.id, parameters, whole if body is None or whole is not UNSET else sample(body, full))


def _object(field: Field, full: bool, depth: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for child in field.children:
        wanted = child.required or (full and not child.secret and _has_example(child))
        if wanted and not child.read_only and depth < _DEEPEST:
            value[child.name] = sample(child, full, depth + 1)
    for _ in range(3):  # a rule may arm another
        for name in _missing(field, value):
            late = field.child(name)
            if late is not None:
                value[name] = sample(late, full, depth + 1)
    hidden = rule_view(field, value).hidden
    return _filled(field, {name: v for name, v in value.items() if name not in hidden}, full, depth)


def _filled(field: Field, value: dict[str, Any], full: bool, depth: int) -> dict[str, Any]:
    """With the names that are required and not declared, and as many as there must be."""
    known = {child.name for child in field.children}
    names = [name for name in field.schema.get("required", ()) if name not in known]
    optional = (child.name for child in field.children if not child.read_only)
    invented = (f"name{number}" for number in range(1, _MOST))
    least = field.schema.get("minProperties", 0)
    for name in itertools.chain(names, optional, invented):
        if name not in names and len(value) >= least:
            break
        if name not in value:
            inner = field.member(name)
            value[name] = sample(inner, full, depth + 1) if inner and depth < _DEEPEST else {}
    return value


def _missing(field: Field, value: Mapping[str, Any]) -> list[str]:
    view = rule_view(field, value)
    alternatives = [names[0] for names, _ in view.one_of if not any(n in value for n in names)]
    return [name for name in [*view.required, *alternatives] if name not in value]


def _has_example(field: Field) -> bool:
    return field.example is not None or field.kind in ("choice", "boolean")


def _array(field: Field, full: bool, depth: int) -> list[Any]:
    least = int(field.schema.get("minItems", 0))
    wanted = max(least, 1 if (field.required or full) and depth < _DEEPEST else 0)
    count = min(wanted, int(field.schema.get("maxItems", wanted)), _MOST)
    found: list[Any] = []
    for index in range(count):
        values = _variants(field.entry(index), full, depth + 1)
        unique = field.schema.get("uniqueItems")
        found += itertools.islice((value for value in values if not unique or value not in found), 1)
    return found


def _variants(field: Field | None, full: bool, depth: int) -> Iterator[Any]:
    """The sample, and others beside it where more than one is needed."""
    if field is None:
        return
    first = sample(field, full, depth)
    yield first
    yield from (choice for choice in field.choices if choice != first)
    others = (_another(first, number) for number in range(2, _MOST + 2))
    yield from (value for value in others if value is not None and keeps(field, value))


def _another(value: Any, number: int) -> Any:
    """A value like this one, and different; None where there is none."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + number - 1
    if isinstance(value, str):
        return f"{value[: -len(str(number))]}{number}"
    if isinstance(value, dict) and value:
        name = next((n for n, inner in value.items() if isinstance(inner, str | int)), next(iter(value)))
        return {**value, name: _another(value[name], number)}
    return None


def _union(field: Field, full: bool, depth: int) -> Any:
    """By the default branch, else by the first whose sample keeps to the union, for `oneOf` asks for exactly one."""
    sure = field.default_branch
    forms = field.forms if depth > _DEEPEST else [sure.field] if sure else [b.field for b in field.branches]
    return _first(field, (sample(form, full, depth + 1) for form in forms[:_DEEPEST])) if forms else None


def _first(field: Field, candidates: Iterator[Any]) -> Any:
    """The first candidate that keeps to the field, else the first at all."""
    first = next(candidates)
    return next((value for value in itertools.chain([first], candidates) if keeps(field, value)), first)


def _text(field: Field, full: bool, depth: int) -> str:
    return str(_first(field, _texts(field)))


def _texts(field: Field) -> Iterator[str]:
    usual = SAMPLES.get(field.format, f"my-{field.name.lower()}" if field.name else "example")
    least = int(field.schema.get("minLength", 0))
    for text in (usual, *_TEXTS):
        padded = text.ljust(least, text[-1:] if text != usual else "x")
        yield padded[: int(field.schema.get("maxLength", len(padded)))]
    yield from texts_like(field.schema.get("pattern", ""))


def _number(field: Field, full: bool, depth: int) -> int | float:
    numbers: Iterator[float] = _numbers(field.schema)
    if field.kind == "integer":
        return int(_first(field, (int(number) for number in numbers)))
    found: float = _first(field, numbers)
    return found


def _numbers(schema: Mapping[str, Any]) -> Iterator[float]:
    """Numbers that may keep to the bounds, the likely ones first."""
    low = max((schema[k] for k in ("minimum", "exclusiveMinimum") if k in schema), default=None)
    high = min((schema[k] for k in ("maximum", "exclusiveMaximum") if k in schema), default=None)
    step = schema.get("multipleOf", 1)
    yield 1 if low is None else low
    for bound in (n for n in (low, high, 0) if n is not None):
        yield from (bound, math.ceil(bound / step) * step, math.floor(bound / step) * step)
        yield from (bound + step, (math.floor(bound / step) + 1) * step, (math.ceil(bound / step) - 1) * step)
    if low is not None and high is not None:
        yield from ((low + high) / 2, round((low + high) / 2 / step) * step)


def _choice(field: Field, full: bool, depth: int) -> Any:
    return copy.deepcopy(field.choices[0]) if field.choices else None


_MAKERS: dict[str, Callable[[Field, bool, int], Any]] = {
    "text": _text,
    "integer": _number,
    "number": _number,
    "boolean": lambda field, full, depth: False,
    "choice": _choice,
    "object": _object,
    "map": lambda field, full, depth: _filled(field, {}, full, depth),
    "array": _array,
    "union": _union,
    "file": lambda field, full, depth: "sample content",
    "any": lambda field, full, depth: None if field.schema.get("type") == "null" else {},
}

_TEXTS = ("a", "A", "1", "aa", "Aa", "a1", "A1", "abc-123", "abc", "ABC", "123", "a.b", "a/b", "a@b.example", "#000000")
"""Texts for patterns: one of them keeps to most."""
