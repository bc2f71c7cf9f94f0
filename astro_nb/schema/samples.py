"""Sample values: valid and realistic, from the document's examples first, else made from the schema."""

from __future__ import annotations

import copy
import itertools
import math
import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, TypeVar

from ..call import UNSET, Call
from ..json_text import Number
from ..openapi import Operation
from ..templates import as_literal
from .field import Field
from .operations import active_rules, body_example, body_field, parameter_fields, without_read_only
from .validation import is_valid

T = TypeVar("T")

_MAX_DEPTH = 8
_MAX_ITEMS = 20  # of an array, however many the schema requires
_MAX_VALUES = 5_000  # in one sample, including rejected candidates
_MAX_LENGTH = 100_000  # characters of a text, however many the schema requires
_MAX_REPEATS = 50_000  # characters that a pattern requires, repeats multiplied; beyond it no text is made


@dataclass(frozen=True)
class _Options:
    """How a sample is made: with optional fields or not, the current depth, and how many values may still be made."""

    full: bool
    depth: int = 0
    left: list[int] = field(default_factory=lambda: [_MAX_VALUES])

    @property
    def is_exhausted(self) -> bool:
        return self.depth >= _MAX_DEPTH or self.left[0] <= 0

    def one_level_deeper(self) -> _Options:
        return replace(self, depth=self.depth + 1)


def make_sample(field: Field, full: bool = False) -> Any:
    """Return a valid value: required fields only, or with `full` also the optional ones that have an example.

    The value shares nothing with the document. If the schema requires thousands of values, the sample has only some.
    """
    return _make(field, _Options(full))


def _make(field: Field, options: _Options) -> Any:
    options.left[0] -= 1
    given = itertools.chain(field.valid_body_examples if options.full else (), _examples(field, options))
    whole = next(given, UNSET)
    return _MAKERS[field.kind](field, options) if whole is UNSET else copy.deepcopy(whole)


def _examples(field: Field, options: _Options) -> Iterator[Any]:
    """Yield the document's valid examples and default; of an object that shall be small, only the default."""
    examples = field.info.examples if options.full or not field.has_parts else ()
    candidates = (value for value in (*examples, field.info.default) if value is not None)
    return (value for value in candidates if is_valid(field, value))


def example_call(operation: Operation, full: bool = False) -> Call:
    """Return a call with samples: the required parameters, and the body if the operation takes one.

    The body is the document's first valid example of the whole body, if there is one. Braces in the document's texts
    are literal: they are no templates.
    """
    parameters = {f.name: make_sample(f) for f in parameter_fields(operation) if f.required}
    body, whole = body_field(operation), body_example(operation)
    if body is not None and whole is UNSET:
        whole = without_read_only(body, make_sample(body, full))
    return Call(operation.id, as_literal(parameters), as_literal(whole))


def preset_values(field: Field, depth: int = 0) -> Any:
    """Return the values that an object has to have and that cannot be others; UNSET if there are none.

    These are the required properties with one allowed value, also inside required objects.
    """
    if field.kind == "choice" and len(field.info.choices) == 1 and not field.nullable and not field.secret:
        return copy.deepcopy(field.info.choices[0])
    if field.kind != "object" or depth >= _MAX_DEPTH:
        return UNSET
    required = (child for child in field.children if child.required and not child.info.read_only)
    values = {child.name: preset_values(child, depth + 1) for child in required}
    return {name: value for name, value in values.items() if value is not UNSET} or UNSET


def _object(field: Field, options: _Options) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for child in field.children:
        optional = options.full and not child.secret and child.name not in field.conditional_names
        wanted = child.required or (optional and _has_example(child))
        if wanted and not child.info.read_only and not options.is_exhausted:
            value[child.name] = _make(child, options.one_level_deeper())
    for _ in range(3):  # a value that a rule requires may make another rule apply
        for name in _missing(field, value):
            needed = field.child(name)
            if needed is not None:
                value[name] = _make(needed, options.one_level_deeper())
    hidden = active_rules(field, value).hidden
    return _complete(field, {name: v for name, v in value.items() if name not in hidden}, options)


def _complete(field: Field, value: dict[str, Any], options: _Options) -> dict[str, Any]:
    """Return the value with undeclared required names, and with as many names as `minProperties` requires."""
    known = {child.name for child in field.children}
    names = [name for name in field.schema.get("required", ()) if name not in known]
    optional = (child.name for child in field.children if not child.info.read_only)
    invented = (f"name{number}" for number in range(1, _MAX_ITEMS))
    least = field.schema.get("minProperties", 0)
    for name in itertools.chain(names, optional, invented):
        if name not in names and len(value) >= least:
            break
        if name not in value:
            inner = field.member(name)
            value[name] = _make(inner, options.one_level_deeper()) if inner and not options.is_exhausted else {}
    return value


def _missing(field: Field, value: Mapping[str, Any]) -> list[str]:
    rules = active_rules(field, value)
    alternatives = [names[0] for names, _ in rules.one_of if not any(n in value for n in names)]
    return [name for name in [*rules.required, *alternatives] if name not in value]


def _has_example(field: Field) -> bool:
    return field.info.example is not None or field.info.default is not None or field.kind in ("choice", "boolean")


def _array(field: Field, options: _Options) -> list[Any]:
    least = int(field.schema.get("minItems", 0))
    wanted = max(least, 1 if (field.required or options.full) and not options.is_exhausted else 0)
    count = min(wanted, int(field.schema.get("maxItems", wanted)), _MAX_ITEMS) if options.left[0] > 0 else 0
    items: list[Any] = []
    for index in range(count):
        values = _variants(field.item_at(index), options.one_level_deeper())
        unique = field.schema.get("uniqueItems")
        items += itertools.islice((value for value in values if not unique or value not in items), 1)
    return items


def _variants(field: Field | None, options: _Options) -> Iterator[Any]:
    """Yield the sample, then values that differ from it."""
    if field is None:
        return
    first = _make(field, options)
    yield first
    yield from (choice for choice in field.info.choices if choice != first)
    others = (_another(first, number) for number in range(2, _MAX_ITEMS + 2))
    yield from (value for value in others if value is not None and is_valid(field, value))


def _another(value: Any, number: int) -> Any:
    """Return a different value of the same type; None if there is none."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, Number):
        return value + number - 1
    if isinstance(value, str):
        return f"{value[: -len(str(number))]}{number}"
    if isinstance(value, dict) and value:
        name = next((n for n, inner in value.items() if isinstance(inner, str | int)), next(iter(value)))
        return {**value, name: _another(value[name], number)}
    return None


def _union(field: Field, options: _Options) -> Any:
    """Return a sample of the default branch, else the first that is valid for the union: `oneOf` needs exactly one."""
    default = field.default_branch
    if options.is_exhausted:
        forms: Sequence[Field] = field.alternatives
    else:
        forms = [default.field] if default else [branch.field for branch in field.branches]
    inside = options.one_level_deeper()
    return _first_valid(field, (_make(form, inside) for form in forms[:_MAX_DEPTH])) if forms else None


def _first_valid(field: Field, candidates: Iterator[Any]) -> Any:
    """Return the first candidate that is valid, else the first of all."""
    first = next(candidates)
    return next((value for value in itertools.chain([first], candidates) if is_valid(field, value)), first)


def _text(field: Field, options: _Options) -> str:
    return str(_first_valid(field, _candidate_texts(field)))


def _candidate_texts(field: Field) -> Iterator[str]:
    usual = _FORMAT_SAMPLES.get(field.info.format, f"my-{field.name.lower()}" if field.name else "example")
    least = min(int(field.schema.get("minLength", 0)), _MAX_LENGTH)
    for text in (usual, *_COMMON_TEXTS):
        padded = text.ljust(least, text[-1:] if text != usual else "x")
        yield padded[: int(field.schema.get("maxLength", len(padded)))]
    yield from texts_like(field.schema.get("pattern", ""))


def _number(field: Field, options: _Options) -> int | float:
    numbers: Iterator[float] = _candidate_numbers(field.schema)
    if field.kind == "integer":
        return int(_first_valid(field, (int(number) for number in numbers)))
    number: float = _first_valid(field, numbers)
    return number


def _candidate_numbers(schema: Mapping[str, Any]) -> Iterator[float]:
    """Yield numbers that may be within the bounds, the likely ones first."""
    plain = {k: float(v) if isinstance(v, Decimal) else v for k, v in schema.items()}  # the two cannot be added
    plain = {k: v for k, v in plain.items() if v != math.inf and v != -math.inf}
    low = max((plain[k] for k in ("minimum", "exclusiveMinimum") if k in plain), default=None)
    high = min((plain[k] for k in ("maximum", "exclusiveMaximum") if k in plain), default=None)
    step = plain.get("multipleOf", 1)
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


def _choice(field: Field, options: _Options) -> Any:
    return copy.deepcopy(field.info.choices[0]) if field.info.choices else None


_MAKERS: dict[str, Callable[[Field, _Options], Any]] = {
    "text": _text,
    "integer": _number,
    "number": _number,
    "boolean": lambda field, options: False,
    "choice": _choice,
    "object": _object,
    "map": lambda field, options: _complete(field, {}, options),
    "array": _array,
    "union": _union,
    "file": lambda field, options: _FORMAT_SAMPLES.get(field.info.format, "sample content"),
    "any": lambda field, options: None if field.schema.get("type") == "null" else {},
}

_COMMON_TEXTS = (
    *("a", "A", "1", "aa", "Aa", "a1", "A1", "abc-123", "abc", "ABC", "123"),
    *("a.b", "a/b", "a@b.example", "#000000"),
)
"""Texts of which one matches most patterns."""


def texts_like(pattern: str) -> Iterator[str]:
    """Yield texts that a pattern may match, the shortest first; none if Python cannot read it or it needs too many.

    Lookaheads and lookbehinds are ignored, so the caller has to check each text.
    """
    if not pattern or math.prod(map(int, re.findall(r"\{(\d+)", pattern))) > _MAX_REPEATS:
        return
    import rstr  # imported at first use: few patterns need it

    for extra in (0, 1, 2, 4, 8, 16):
        try:
            yield rstr.Rstr(_Least(extra)).xeger(pattern)
        except (re.error, KeyError, ValueError, OverflowError, RecursionError):
            return


class _Least(random.Random):
    """Returns the first of several choices, and the least of a range or a little more."""

    def __init__(self, extra: int) -> None:
        super().__init__(0)
        self._extra = extra

    def randint(self, a: int, b: int) -> int:
        return min(a + self._extra, b)

    def choice(self, seq: Any) -> Any:
        return seq[0]

    def sample(self, population: Sequence[T], k: int, *, counts: Any = None) -> list[T]:
        return list(population)[:k]


_FORMAT_SAMPLES: Mapping[str, str] = {
    "date-time": "2026-03-14T09:30:00Z",
    "date": "2026-03-14",
    "time": "09:30:00Z",
    "duration": "PT1H",
    "uuid": "6f1c1b1e-8f3a-4d55-9a57-0c2b8a1f6e42",
    "email": "ada.lindqvist@example.com",
    "idn-email": "ada.lindqvist@example.com",
    "uri": "https://example.com/",
    "url": "https://example.com/",
    "iri": "https://example.com/",
    "uri-reference": "/",
    "iri-reference": "/",
    "uri-template": "https://example.com/{id}",
    "hostname": "example.com",
    "idn-hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "json-pointer": "/a",
    "relative-json-pointer": "0/a",
    "regex": ".*",
    "byte": "c2FtcGxl",
}
"""A sample of each format."""
