"""Whether a value matches a schema. Only this module uses jsonschema-rs.

| question                                                     | function         |
|--------------------------------------------------------------|------------------|
| is a value valid: type, bounds, formats, all the way down?   | `is_valid`       |
| has a value the outward shape of a field: type, names, tags? | `matches_shape`  |
| what is wrong with a value?                                  | `compile_schema` |

A schema is translated to a self-contained JSON Schema (draft 2020-12), for requests or for responses:

1. Only what the schema reaches is included, as `$defs`.
2. A discriminator chooses the branch, and only that branch is checked. Without its property any branch may match. One
   on a parent chooses among the schemas that inherit from it; a response may have a value that is not known there.
3. What only the other direction carries (`readOnly`, `writeOnly`) is not required, whichever part declares it.
4. A keyword with an invalid value, or a reference that points nowhere, is dropped with a warning; the document is never
   rejected.
5. A request may match two models if nothing selects one of them: a `oneOf` of named objects without a discriminator
   is checked as `anyOf`. Alternatives written in place exclude one another, and responses are checked as declared.
6. `nullable` adds null to the `type` next to it and to nothing else: an `enum` has to list it (OpenAPI 3.0.3, section
   4.7.24.1).
7. `int32` and `int64` are bounds: JSON Schema has no formats of numbers.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

from ..errors import DanglingReference
from ..json_text import Number
from ..openapi import Spec, read_extensions
from .discriminators import (
    Discriminator,
    TaggedBranch,
    families_of,
    is_discriminator,
    is_null,
    read_discriminator,
    read_family,
    union_key,
)
from .normalization import SHAPES, bounds_as_numbers, strip_family

if TYPE_CHECKING:
    from .field import Field


INSIDE = (
    *("additionalProperties", "items", "contains", "propertyNames", "unevaluatedProperties", "unevaluatedItems"),
    *("properties", "patternProperties", "prefixItems"),
)
"""Keywords whose schemas apply to a part of the value; those of all others apply to the value itself."""
SCHEMAS = ("not", "if", "then", "else", *INSIDE[:6])
"""Keywords that hold a schema."""
LISTS = ("allOf", "anyOf", "oneOf", "prefixItems")
"""Keywords that hold a list of schemas."""
MAPS = ("properties", "patternProperties", "dependentSchemas")
"""Keywords that hold schemas by name."""

Direction = Literal["request", "response", "either"]
"""Which messages a value is in; "either" for the document's own examples."""
OTHER_FLAGS: Mapping[Direction, tuple[str, ...]] = {
    "request": ("readOnly",),
    "response": ("writeOnly",),
    "either": ("readOnly", "writeOnly"),
}
"""The flags of properties that the other direction carries."""

INTEGER_BITS = {"int32": 32, "int64": 64}
"""The sizes of the integer formats (OpenAPI Format Registry)."""

Names = frozenset[str]
Visited = dict[int, Any]
"""The lists of parts that were read, by identity, so that each is read once."""

_NO_NAMES: Names = frozenset()
_REQUIRING = frozenset(("required", "allOf", "anyOf", "oneOf", "if", "then", "else", "not", "dependentSchemas"))
"""Keywords that require a name, or may hold one that does."""


def is_empty(key: str, value: Any) -> bool:
    """Whether a keyword requires nothing."""
    return key != "const" and value in (None, [])


def keyword_problem(key: str, value: Any, compiles: Callable[[str], bool]) -> str:
    """Return why a keyword cannot be checked; empty if it can, or if it is not about values."""
    check = SHAPES.get(key)
    if check is None or (check(value) and (key != "pattern" or compiles(value))):
        return ""
    quoted = f": {value}" if isinstance(value, str | Number) else ""
    return f"The keyword {key}{quoted} cannot be checked here."


def flagged_names(spec: Spec, schema: Mapping[str, Any], flags: tuple[str, ...]) -> Names:
    """Return the properties that any part of the schema flags, if something in the schema may require them."""
    if _REQUIRING.isdisjoint(schema):
        return _NO_NAMES
    return frozenset(name for flag in flags for name in _names_with_flag(spec, schema, flag, {}))


def _names_with_flag(spec: Spec, schema: Any, flag: str, visited: Visited) -> Iterator[str]:
    plain = spec.resolve_or_empty(schema)
    properties = plain.get("properties")
    for name, inner in properties.items() if isinstance(properties, Mapping) else ():
        if _has_flag(spec, inner, flag, {}):
            yield str(name)
    for part in _all_of(plain, visited):
        yield from _names_with_flag(spec, part, flag, visited)


def _has_flag(spec: Spec, schema: Any, flag: str, visited: Visited) -> bool:
    if isinstance(schema, Mapping) and "$ref" not in schema and "allOf" not in schema:
        return schema.get(flag) is True
    plain = spec.resolve_or_empty(schema)
    return plain.get(flag) is True or any(_has_flag(spec, part, flag, visited) for part in _all_of(plain, visited))


def _all_of(schema: Mapping[str, Any], visited: Visited) -> list[Any]:
    parts = schema.get("allOf")
    if not isinstance(parts, list) or id(parts) in visited:
        return []
    visited[id(parts)] = parts
    return parts


MAX_SCHEMAS = 50_000
"""Schemas that may apply to one value at one place; real documents need some hundreds."""

_IN_PLACE = ("not", "if", "then", "else")
_IN_PLACE_LISTS = ("allOf", "anyOf", "oneOf")


def is_too_large(schema: Any) -> bool:
    """Whether a translated schema, or one that it refers to, unfolds to more than can be checked in time."""
    definitions = schema.get("$defs", {}) if isinstance(schema, Mapping) else {}
    effort = _Effort(definitions)
    try:
        return any(effort.count(start) > MAX_SCHEMAS for start in (schema, *definitions.values()))
    except RecursionError:
        return True


class _Effort:
    """Counts the schemas that apply to one value, each definition once."""

    def __init__(self, definitions: Mapping[str, Any]) -> None:
        self._definitions = definitions
        self._known: dict[str, int] = {}

    def count(self, node: Any) -> int:
        """Return the count of a schema and of all that apply with it; one that is being counted counts as one."""
        if not isinstance(node, Mapping):
            return 1
        total = 1
        for part in _in_place(node):
            total += self.count(part)
            if total > MAX_SCHEMAS:
                return total
        ref = node.get("$ref")
        return total + (self._definition(ref.rpartition("/")[2]) if isinstance(ref, str) else 0)

    def _definition(self, name: str) -> int:
        if name not in self._known:
            self._known[name] = 1
            self._known[name] = self.count(self._definitions.get(name))
        return self._known[name]


def _in_place(node: Mapping[str, Any]) -> Iterator[Any]:
    """Yield the schemas that apply to the same value as this one."""
    for key in _IN_PLACE_LISTS:
        yield from node.get(key, ())
    for key in _IN_PLACE:
        if key in node:
            yield node[key]
    yield from node.get("dependentSchemas", {}).values()


@dataclass(frozen=True)
class _Context:
    """What the schemas around one apply to the same value.

    Attributes:
        foreign: the names that the other direction carries.
        below: the schemas that are inherited from, by identity: their discriminators choose nothing there.
    """

    foreign: Names = _NO_NAMES
    below: frozenset[int] = frozenset()


_NOWHERE = _Context()


class Translation:
    """Translates one schema; collects its definitions, and a warning for what had to be dropped.

    Args:
        spec: the document.
        direction: whether requests or responses are checked.
        compiles: whether the validator can use a regular expression.
    """

    def __init__(self, spec: Spec, direction: Direction, compiles: Callable[[str], bool]) -> None:
        self.spec = spec
        self._warnings: dict[str, None] = {}
        self._other = OTHER_FLAGS[direction]
        self._is_request = direction == "request"
        self._compiles = compiles
        self._names: dict[tuple[str, _Context], str] = {}
        self._definitions: dict[str, Any] = {}
        self._is_3_0 = str(spec.document.get("openapi", "")).startswith("3.0")

    @property
    def warnings(self) -> tuple[str, ...]:
        """What had to be dropped, each once."""
        return tuple(self._warnings)

    def translate(self, schema: Any) -> dict[str, Any]:
        """Return the schema with its definitions."""
        root = self._schema(schema)
        return {"allOf": [root], "$defs": self._definitions} if self._definitions else root

    def _schema(self, schema: Any, context: _Context = _NOWHERE) -> Any:
        if not isinstance(schema, Mapping):
            return schema if isinstance(schema, bool) else {}
        context = replace(context, foreign=context.foreign | flagged_names(self.spec, schema, self._other))
        ref = schema.get("$ref")
        if isinstance(ref, str) and self._is_3_0:
            return self._reference(ref, context)
        plain = bounds_as_numbers(schema) if self._is_3_0 else schema
        plain = strip_family(self.spec, plain, schema) if id(schema) in context.below else plain
        out = {key: self._keyword(key, value, context) for key, value in plain.items() if self._is_usable(key, value)}
        if "required" in out:
            out["required"] = [name for name in dict.fromkeys(out["required"]) if name not in context.foreign]
        bound_integers(out)
        if self._is_3_0 and schema.get("nullable") is True and isinstance(out.get("type"), str):
            out["type"] = [out["type"], "null"]
        self._choose_branch(out, plain, context)
        return {**out, **self._reference(ref, context)} if isinstance(ref, str) else out

    def _reference(self, ref: str, context: _Context) -> dict[str, Any]:
        """Return a reference to the definition; an empty schema if it points nowhere."""
        key = (ref, context)
        if key not in self._names:
            try:
                target = self.spec.lookup(ref)
            except DanglingReference as error:
                self._warnings[error.what] = None
                return {}
            word = re.sub(r"[^A-Za-z0-9_.-]", "-", ref.rpartition("/")[2])
            name = self._names[key] = f"{len(self._names)}_{word}"
            self._definitions[name] = {}  # so that a recursive schema finds it while it is being translated
            above = families_of(self.spec).ancestors(target)
            self._definitions[name] = self._schema(target, replace(context, below=context.below.union(above)))
        return {"$ref": f"#/$defs/{self._names[key]}"}

    def _keyword(self, key: str, value: Any, context: _Context) -> Any:
        inner = _NOWHERE if key in INSIDE else context
        if key in SCHEMAS:
            return self._schema(value, inner)
        if key in LISTS:
            return [self._schema(part, inner) for part in value]
        if key in MAPS:
            usable = (n for n in value if key != "patternProperties" or self._is_usable("pattern", str(n)))
            return {str(name): self._schema(value[name], inner) for name in usable}
        return list(dict.fromkeys(value)) if key == "type" and isinstance(value, list) else value

    def _is_usable(self, key: str, value: Any) -> bool:
        if key not in SHAPES or is_empty(key, value):
            return False
        problem = keyword_problem(key, value, self._compiles)
        if problem:
            self._warnings[problem] = None
        return not problem and key != "discriminator"

    def _choose_branch(self, out: dict[str, Any], schema: Mapping[str, Any], context: _Context) -> None:
        """Check only the branch that the discriminator chooses; without one, a request may match several models."""
        about = read_discriminator(self.spec, schema)
        key = union_key(out)
        if about is not None and key:
            self._discriminate(out, schema, about, context)
        elif self._is_request and key == "oneOf" and all(map(self._is_model, schema["oneOf"])):
            out["allOf"] = [*out.get("allOf", []), {"anyOf": out.pop("oneOf")}]
        elif not key and is_discriminator(schema.get("discriminator")):
            self._discriminate_family(out, schema)

    def _is_model(self, branch: Any) -> bool:
        """Whether a branch is an object that the document has a name for; null may be among them."""
        if not (isinstance(branch, Mapping) and "$ref" in branch):
            return _is_null(branch)
        target = self.spec.resolve_or_empty(branch)
        return "properties" in target or "allOf" in target or target.get("type") == "object"

    def _discriminate(
        self, out: dict[str, Any], schema: Mapping[str, Any], about: Discriminator, context: _Context
    ) -> None:
        self._warnings |= dict.fromkeys(about.dangling)
        branches = [branch for branch in about.branches if not is_null(self.spec, branch.schema)]
        if not branches or not all(branch.values for branch in branches):
            return
        key = union_key(out)
        plain = out.pop(key)
        chosen = [_if_tagged(about.name, value, self._any_of(key, each, context)) for value, each in about.by_value()]
        known: dict[str, Any] = {"properties": {about.name: {"enum": [value for value, _ in about.by_value()]}}}
        label = read_extensions(schema).default_branch
        assumed = about.default or next((b for b in branches if label and label in map(str, b.values)), None)
        if about.default:  # `defaultMapping` counts for unknown values, too
            known = {"if": {"not": known}, "then": self._schema(about.default.schema, context)}
        without = self._schema(assumed.schema, context) if assumed else {"anyOf": plain}
        condition = {"if": _tagged(about.name), "then": {"allOf": [known, *chosen]}, "else": without}
        out["allOf"] = [*out.get("allOf", []), condition]

    def _any_of(self, key: str, branches: list[TaggedBranch], context: _Context) -> Any:
        """Return the schema of what one value chooses: a branch, or one of several."""
        translated = [self._schema(branch.schema, context) for branch in branches]
        return translated[0] if len(translated) == 1 else {"anyOf" if self._is_request else key: translated}

    def _discriminate_family(self, out: dict[str, Any], schema: Mapping[str, Any]) -> None:
        """Check a value as the schema that its discriminator chooses among those that inherit from this one."""
        family = read_family(self.spec, schema)
        if family is None:
            return
        self._warnings |= dict.fromkeys(family.dangling)
        heirs = [(value, b) for value, branches in family.by_value() for b in branches if b.schema is not schema]
        parts = [_if_tagged(family.name, value, self._schema(branch.schema)) for value, branch in heirs]
        if self._is_request:
            parts.append({"properties": {family.name: {"enum": [value for value, _ in family.by_value()]}}})
        out["allOf"] = [*out.get("allOf", []), {"if": _tagged(family.name), "then": {"allOf": parts}}]


def _tagged(name: str) -> dict[str, Any]:
    """Return the schema of objects that have a discriminator."""
    return {"type": "object", "required": [name]}


def _if_tagged(name: str, value: Any, then: Any) -> dict[str, Any]:
    return {"if": {"properties": {name: {"const": value}}}, "then": then}


def bound_integers(schema: dict[str, Any]) -> None:
    """Replace an integer format by its bounds, in place."""
    bits, types = INTEGER_BITS.get(str(schema.get("format"))), schema.get("type")
    if bits and not {"integer", "number"}.isdisjoint(types if isinstance(types, list) else [types]):
        del schema["format"]
        schema["minimum"] = max(-(2 ** (bits - 1)), schema.get("minimum", -math.inf))
        schema["maximum"] = min(2 ** (bits - 1) - 1, schema.get("maximum", math.inf))


def _is_null(schema: Any) -> bool:
    return isinstance(schema, Mapping) and schema.get("type") == "null"


TOO_LARGE = "The document's schema unfolds to more than can be checked."
"""The warning about a schema whose check could take forever."""

_ENDLESS = re.compile(r"\((?:[^()\\]|\\.)*(?:[+*|]|\{\d+,)(?:[^()\\]|\\.)*\)(?:[+*]|\{\d+,)")
"""A group that repeats or chooses, and that is repeated without limit."""


@dataclass(frozen=True)
class CompiledSchema:
    """A schema that values can be checked against; `warnings` are about what cannot be checked."""

    warnings: tuple[str, ...]
    _validator: Any = None

    def is_valid(self, value: Any) -> bool:
        """Whether a value matches.

        Raises:
            ValueError: the value is not JSON, or it is nested hundreds of levels deep.
        """
        return self._validator is None or bool(self._validator.is_valid(value))

    def iter_errors(self, value: Any) -> Iterator[Any]:
        """Yield the errors of a value, as jsonschema-rs has them; raises ValueError as `is_valid` does."""
        return iter(()) if self._validator is None else self._validator.iter_errors(value)


def compile_schema(spec: Spec, direction: Direction, schema: Any) -> CompiledSchema:
    """Return a schema of a document, compiled; what cannot be checked is left out with a warning."""
    import jsonschema_rs  # imported at first use: loading a document needs the memory first

    translation = Translation(spec, direction, pattern_compiles)
    try:
        whole = translation.translate(schema)
        if is_too_large(whole):
            return CompiledSchema((TOO_LARGE,))
        validator = jsonschema_rs.Draft202012Validator(whole, validate_formats=True, formats=_OWN_FORMATS)
    except RecursionError:
        return CompiledSchema((TOO_LARGE,))
    except (ValueError, jsonschema_rs.ValidationError) as error:
        reason = str(error).split("\n")[0]
        return CompiledSchema((f"The document's schema cannot be used: {reason}",))
    return CompiledSchema(translation.warnings, validator)


@lru_cache(maxsize=1024)
def pattern_compiles(pattern: str) -> bool:
    """Whether jsonschema-rs can use a regular expression."""
    import jsonschema_rs  # as above

    try:
        jsonschema_rs.Draft202012Validator({"pattern": pattern})
    except (ValueError, jsonschema_rs.ValidationError):
        return False
    return True


def matches_pattern(pattern: str, text: str) -> bool:
    """Whether a regular expression of a document is found in a text; not if it cannot be used."""
    import jsonschema_rs  # as above

    return pattern_compiles(pattern) and bool(jsonschema_rs.Draft202012Validator({"pattern": pattern}).is_valid(text))


def is_endless(pattern: str) -> bool:
    """Whether a regular expression may take forever in Python's engine, which has no limit."""
    return _ENDLESS.search(pattern) is not None


def is_valid(field: Field, value: Any) -> bool:
    """Whether a value matches the whole schema of a field, bounds and formats included.

    It is for samples and for the document's own examples, which may hold what only requests or only responses carry.
    Messages are checked by `contract/`.
    """
    if value is None:
        return field.nullable or (field.kind == "any" and "type" not in field.schema)
    if not matches_type(field, value):
        return False
    if field.kind == "file" or (field.kind != "any" and _UNLIMITED.issuperset(field.schema)):
        return True
    try:
        return field.compiled.is_valid(value)
    except ValueError:  # not JSON, or nested too deeply
        return False


def has_format(field: Field, value: Any) -> bool:
    """Whether an integer or a text has the format of its field, whatever else its schema requires."""
    return bool(_format_validator(field.info.format, field.kind == "integer").is_valid(value))


@lru_cache(maxsize=256)
def _format_validator(format_: str, is_integer: bool) -> Any:
    import jsonschema_rs  # as above

    schema: dict[str, Any] = {"type": "integer" if is_integer else "string", "format": format_}
    bound_integers(schema)
    return jsonschema_rs.Draft202012Validator(schema, validate_formats=True, formats=_OWN_FORMATS)


def matches_shape(field: Field, value: Any) -> bool:
    """Whether a value has the outward shape of a field: its type, its required names, and its constants."""
    if value is None:
        return field.nullable
    if field.kind == "choice":
        return value in field.info.choices
    if not matches_type(field, value):
        return False
    return field.kind != "object" or (
        all(child.name in value for child in field.children if child.required) and _matches_constants(field, value)
    )


def matches_type(field: Field, value: Any) -> bool:
    """Whether a value that is not null has the type of a field."""
    return _TYPE_CHECKS[field.kind](value)


def _matches_constants(field: Field, value: Mapping[str, Any]) -> bool:
    constants = [c for c in field.children if c.kind == "choice" and len(c.info.choices) == 1]
    return all(c.name not in value or value[c.name] in c.info.choices for c in constants)


def _is_base64(text: str) -> bool:
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return False
    return True


_OWN_FORMATS: dict[str, Callable[[str], bool]] = {"byte": _is_base64}
"""Formats that jsonschema-rs does not know (OpenAPI Format Registry)."""

_UNLIMITED = frozenset(("type", "title", "description", "example", "default", "deprecated", "readOnly", "writeOnly"))
"""Keywords that limit no value: a scalar's schema with these only is decided by its type."""

_TYPE_CHECKS: Mapping[str, Callable[[Any], bool]] = {
    "text": lambda v: isinstance(v, str),
    "file": lambda v: isinstance(v, str | bytes),
    "integer": lambda v: isinstance(v, int) and not isinstance(v, bool),
    "number": lambda v: isinstance(v, Number) and not isinstance(v, bool),
    "boolean": lambda v: isinstance(v, bool),
    "choice": lambda v: True,
    "array": lambda v: isinstance(v, list),
    "object": lambda v: isinstance(v, Mapping),
    "map": lambda v: isinstance(v, Mapping),
    "union": lambda v: True,
    "any": lambda v: True,
}
"""The type of each kind of field."""
