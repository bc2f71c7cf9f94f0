"""Conditions inside a schema: `if`, `dependentSchemas`, `dependentRequired`, and what only they, or a `not`, name.

What they name is a field like any other. What they require depends on the value (JSON Schema 2020-12: Core, section
10.2.2, and Validation, section 6.5.4).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..call import UNSET
from ..data import replace_values
from ..openapi import Spec
from ..templates import LiteralText
from .discriminators import UNION_KEYS
from .normalization import Schema
from .validation import compile_schema

_MAX_DEPTH = 12  # conditions inside one another
_KEYWORDS = ("allOf", "if", "dependentSchemas", "dependentRequired", "not")
"""The keywords of a normalized schema that may hold conditions."""


@dataclass(frozen=True)
class Condition:
    """Names that are required if something holds: `holds` takes the value of the object, `reason` describes it."""

    names: tuple[str, ...]
    holds: Callable[[Mapping[str, Any]], bool]
    reason: str


@dataclass(frozen=True)
class Conditions:
    """The conditions of an object.

    Attributes:
        properties: the schemas of the properties that they name, by name; a name without a schema has none.
        required: what they require.
    """

    properties: Mapping[str, list[Any]] = field(default_factory=dict)
    required: tuple[Condition, ...] = ()


def read_conditions(spec: Spec, schema: Schema) -> Conditions:
    """Return the conditions of a normalized schema."""
    if not any(key in schema for key in _KEYWORDS):
        return Conditions()
    reader = _Reader(spec)
    reader.read(schema, (), 0)
    return Conditions(reader.properties, tuple(reader.required))


@dataclass(frozen=True)
class _Test:
    holds: Callable[[Mapping[str, Any]], bool]
    reason: str


class _Reader:
    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self.properties: dict[str, list[Any]] = {}
        self.required: list[Condition] = []

    def read(self, schema: Any, tests: tuple[_Test, ...] | None, depth: int) -> None:
        """Read a schema that applies if all tests hold; None if what it requires is only one of several ways."""
        plain = self._spec.resolve_or_empty(schema)
        if depth > _MAX_DEPTH:
            return
        if depth:
            self._declare(plain)
        if tests:
            self._require(plain.get("required"), tests)
        for part in _list(plain, "allOf"):
            self.read(part, tests, depth + 1)
        self._read_if(plain, tests, depth)
        for name, inner in _map(plain, "dependentSchemas").items():
            self._name(name)
            self.read(inner, _and(tests, _given(name)), depth + 1)
        for name, names in _map(plain, "dependentRequired").items():
            self._name(name)
            self._require(names, _and(tests, _given(name)))
        for part in [*(b for key in UNION_KEYS if depth for b in _list(plain, key)), *_one(plain, "not")]:
            self.read(part, None, depth + 1)

    def _read_if(self, plain: Schema, tests: tuple[_Test, ...] | None, depth: int) -> None:
        if "if" not in plain:
            return
        condition = plain["if"]
        for name in [*_map(self._spec.resolve_or_empty(condition), "properties")]:
            self._name(name)
        compiled = compile_schema(self._spec, "request", condition)
        reason = _describe(self._spec.resolve_or_empty(condition))

        def holds(value: Mapping[str, Any]) -> bool:
            plain_value = replace_values(value, lambda v: str(v) if type(v) is LiteralText else UNSET)
            try:
                return compiled.is_valid(plain_value)
            except ValueError:  # not JSON, such as a file
                return False

        self.read(plain.get("then", {}), _and(tests, _Test(holds, reason)), depth + 1)
        otherwise = _Test(lambda value: not holds(value), f"not: {reason}")
        self.read(plain.get("else", {}), _and(tests, otherwise), depth + 1)

    def _declare(self, plain: Schema) -> None:
        for name, inner in _map(plain, "properties").items():
            schemas = self._name(name)
            if inner not in schemas and inner is not False:
                schemas.append(inner)
        for name in _list(plain, "required"):
            self._name(name)

    def _name(self, name: Any) -> list[Any]:
        return self.properties.setdefault(str(name), [])

    def _require(self, names: Any, tests: tuple[_Test, ...] | None) -> None:
        wanted = tuple(map(str, names)) if isinstance(names, list) else ()
        for name in wanted:
            self._name(name)
        if wanted and tests:
            reason = " and ".join(test.reason for test in tests)
            self.required.append(Condition(wanted, lambda value: all(test.holds(value) for test in tests), reason))


def _and(tests: tuple[_Test, ...] | None, test: _Test) -> tuple[_Test, ...] | None:
    return None if tests is None else (*tests, test)


def _given(name: Any) -> _Test:
    return _Test(lambda value: name in value, f"{name} is given")


def _describe(condition: Schema) -> str:
    """Return when a condition holds, as a phrase; a general one if it is too complex for that."""
    words = []
    for name, schema in _map(condition, "properties").items():
        known = schema if isinstance(schema, Mapping) else {}
        values = [known["const"]] if "const" in known else known.get("enum")
        if not isinstance(values, list):
            return "a condition of the document holds"
        words.append(f"{name} is {' or '.join(str(v).lower() if isinstance(v, bool) else str(v) for v in values)}")
    named = _map(condition, "properties")
    words += [f"{name} is given" for name in _list(condition, "required") if name not in named]
    return " and ".join(words) or "a condition of the document holds"


def _list(schema: Schema, key: str) -> list[Any]:
    value = schema.get(key)
    return value if isinstance(value, list) else []


def _map(schema: Schema, key: str) -> Mapping[Any, Any]:
    value = schema.get(key)
    return value if isinstance(value, Mapping) else {}


def _one(schema: Schema, key: str) -> list[Any]:
    return [schema[key]] if key in schema else []
