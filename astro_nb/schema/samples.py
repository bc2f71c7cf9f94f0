"""A believable, valid value for a field: the example first, else one made from the schema."""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..call import UNSET, Call
from ..openapi import Operation
from .field import Field
from .operations import active_rules, body_example, body_field, parameter_fields
from .validation import SAMPLES, is_valid, texts_like

_DEEPEST = 8
_MOST = 20  # entries of an array, however many are asked for
_MOST_PARTS = 5_000  # values in one sample, tried ones included
_LONGEST = 100_000  # characters of a text, however many are asked for


@dataclass(frozen=True)
class _Way:
    """How a sample is made: with what is optional or not, how deep by now, and how many values may still be made."""

    full: bool
    depth: int = 0
    left: list[int] = field(default_factory=lambda: [_MOST_PARTS])

    @property
    def is_at_its_end(self) -> bool:
        return self.depth >= _DEEPEST or self.left[0] <= 0


def make_sample(field: Field, full: bool = False) -> Any:
    """A valid value: required fields only, or with `full` the optional ones that have an example too.

    It is the caller's own, never a part of the document. A document that asks for thousands of values gets some of
    them.
    """
    return _made(field, _Way(full))


def _made(field: Field, way: _Way) -> Any:
    full, way.left[0] = way.full, way.left[0] - 1
    if full and field.whole is not UNSET and is_valid(field, field.whole):
        return copy.deepcopy(field.whole)
    if field.stated:
        return copy.deepcopy(field.stated[0])
    return _MAKERS[field.kind](field, way)


def example_call(operation: Operation, full: bool = False) -> Call:
    """A call of the operation that is filled with samples: required parameters, and the body where there is one.

    A body is the example that the document gives of the whole, where there is one that keeps to the schema.
    """
    parameters = {f.name: make_sample(f) for f in parameter_fields(operation) if f.required}
    body, whole = body_field(operation), body_example(operation)
    return Call(operation.id, parameters, whole if body is None or whole is not UNSET else make_sample(body, full))


def _deeper(way: _Way) -> _Way:
    return replace(way, depth=way.depth + 1)


def _object(field: Field, way: _Way) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for child in field.children:
        wanted = child.required or (way.full and not child.secret and _has_example(child))
        if wanted and not child.read_only and not way.is_at_its_end:
            value[child.name] = _made(child, _deeper(way))
    for _ in range(3):  # a rule may arm another
        for name in _missing(field, value):
            late = field.child(name)
            if late is not None:
                value[name] = _made(late, _deeper(way))
    hidden = active_rules(field, value).hidden
    return _filled(field, {name: v for name, v in value.items() if name not in hidden}, way)


def _filled(field: Field, value: dict[str, Any], way: _Way) -> dict[str, Any]:
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
            value[name] = _made(inner, _deeper(way)) if inner and not way.is_at_its_end else {}
    return value


def _missing(field: Field, value: Mapping[str, Any]) -> list[str]:
    view = active_rules(field, value)
    alternatives = [names[0] for names, _ in view.one_of if not any(n in value for n in names)]
    return [name for name in [*view.required, *alternatives] if name not in value]


def _has_example(field: Field) -> bool:
    return field.example is not None or field.kind in ("choice", "boolean")


def _array(field: Field, way: _Way) -> list[Any]:
    least = int(field.schema.get("minItems", 0))
    wanted = max(least, 1 if (field.required or way.full) and not way.is_at_its_end else 0)
    count = min(wanted, int(field.schema.get("maxItems", wanted)), _MOST) if way.left[0] > 0 else 0
    found: list[Any] = []
    for index in range(count):
        values = _variants(field.entry(index), _deeper(way))
        unique = field.schema.get("uniqueItems")
        found += itertools.islice((value for value in values if not unique or value not in found), 1)
    return found


def _variants(field: Field | None, way: _Way) -> Iterator[Any]:
    """The sample, and others beside it where more than one is needed."""
    if field is None:
        return
    first = _made(field, way)
    yield first
    yield from (choice for choice in field.choices if choice != first)
    others = (_another(first, number) for number in range(2, _MOST + 2))
    yield from (value for value in others if value is not None and is_valid(field, value))


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


def _union(field: Field, way: _Way) -> Any:
    """By the default branch, else by the first whose sample keeps to the union, for `oneOf` asks for exactly one."""
    sure = field.default_branch
    forms = field.forms if way.is_at_its_end else [sure.field] if sure else [b.field for b in field.branches]
    return _first(field, (_made(form, _deeper(way)) for form in forms[:_DEEPEST])) if forms else None


def _first(field: Field, candidates: Iterator[Any]) -> Any:
    """The first candidate that keeps to the field, else the first at all."""
    first = next(candidates)
    return next((value for value in itertools.chain([first], candidates) if is_valid(field, value)), first)


def _text(field: Field, way: _Way) -> str:
    return str(_first(field, _texts(field)))


def _texts(field: Field) -> Iterator[str]:
    usual = SAMPLES.get(field.format, f"my-{field.name.lower()}" if field.name else "example")
    least = min(int(field.schema.get("minLength", 0)), _LONGEST)
    for text in (usual, *_TEXTS):
        padded = text.ljust(least, text[-1:] if text != usual else "x")
        yield padded[: int(field.schema.get("maxLength", len(padded)))]
    yield from texts_like(field.schema.get("pattern", ""))


def _number(field: Field, way: _Way) -> int | float:
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
        yield bound
        if math.isfinite(bound / step):
            yield from (math.ceil(bound / step) * step, math.floor(bound / step) * step)
            yield from (bound + step, (math.floor(bound / step) + 1) * step, (math.ceil(bound / step) - 1) * step)
    if low is not None and high is not None:
        yield (low + high) / 2
        if math.isfinite((low + high) / 2 / step):
            yield round((low + high) / 2 / step) * step


def _choice(field: Field, way: _Way) -> Any:
    return copy.deepcopy(field.choices[0]) if field.choices else None


_MAKERS: dict[str, Callable[[Field, _Way], Any]] = {
    "text": _text,
    "integer": _number,
    "number": _number,
    "boolean": lambda field, way: False,
    "choice": _choice,
    "object": _object,
    "map": lambda field, way: _filled(field, {}, way),
    "array": _array,
    "union": _union,
    "file": lambda field, way: SAMPLES.get(field.format, "sample content"),
    "any": lambda field, way: None if field.schema.get("type") == "null" else {},
}

_TEXTS = ("a", "A", "1", "aa", "Aa", "a1", "A1", "abc-123", "abc", "ABC", "123", "a.b", "a/b", "a@b.example", "#000000")
"""Texts for patterns: one of them keeps to most."""
