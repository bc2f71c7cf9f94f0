"""The keywords of a schema that the contract judges.

Which properties of a schema travel in one direction alone, whichever part of it says so.

How much work a schema asks for at one place of a value, so that a hostile one is not begun.

An OpenAPI schema as a self-contained JSON Schema (draft 2020-12), for one direction of travel.

Rule 1: only what the schema reaches is carried along, as `$defs`.
Rule 2: a discriminator chooses the branch, and that branch alone is judged. Without its property any branch will do.
Rule 3: what only the other direction carries (`readOnly`, `writeOnly`) is not required, whichever part says so.
Rule 4: a keyword that makes no sense or leads nowhere is dropped and told; the document is never refused.
Rule 5: what is sent is not refused for fitting two models where nothing says which one is meant (`oneOf` without a
discriminator): they are judged as `anyOf`. Alternatives written in place exclude one another, and an answer is judged
as the document says.
Rule 6: `nullable` adds null to the `type` beside it, and to nothing else: an `enum` has to name it (3.0.3, 4.7.24.1).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

from ..errors import DanglingReference
from ..openapi import NOTE, Spec, reference_name
from ..schema.field import default_label
from ..schema.normalization import SHAPES, numeric

INSIDE = (
    *("additionalProperties", "items", "contains", "propertyNames", "unevaluatedProperties", "unevaluatedItems"),
    *("properties", "patternProperties", "prefixItems"),
)
"""Keywords whose schemas are for a part of the value; those of all others are for the value itself."""
SCHEMAS = ("not", "if", "then", "else", *INSIDE[:6])
LISTS = ("allOf", "anyOf", "oneOf", "prefixItems")
MAPS = ("properties", "patternProperties", "dependentSchemas")


def is_empty(key: str, value: Any) -> bool:
    """Whether a keyword asks for nothing."""
    return key != "const" and value in (None, [])


def fault(key: str, value: Any, compiles: Callable[[str], bool]) -> str:
    """Why a keyword cannot be judged, in words; empty where it can, and where it says nothing of a value."""
    check = SHAPES.get(key)
    if check is None or (check(value) and (key != "pattern" or compiles(value))):
        return ""
    shown = value if isinstance(value, str | int | float) else "as it stands"
    return f"The keyword {key}: {shown} cannot be checked here."


Direction = Literal["request", "response"]
OTHER = {"request": "readOnly", "response": "writeOnly"}
"""The flag of what the other direction carries alone."""

Names = frozenset[str]
Read = dict[int, Any]
"""The lists of parts that were read, by identity: each says what it has once, however many ways lead to it."""

_ASKING = frozenset(("required", "allOf", "anyOf", "oneOf", "if", "then", "else", "not", "dependentSchemas"))
"""Keywords that require a name, or may hold one that does."""


def names_of(spec: Spec, schema: Mapping[str, Any], flag: str) -> Names:
    """The properties that carry the flag (`readOnly`, `writeOnly`), by any part, where something may require them."""
    return frozenset() if _ASKING.isdisjoint(schema) else frozenset(_names(spec, schema, flag, {}))


def resolved(spec: Spec, schema: Any) -> Mapping[str, Any]:
    """What a schema stands for; nothing where its reference leads nowhere."""
    try:
        return spec.resolve(schema)
    except DanglingReference:
        return {}


def _names(spec: Spec, schema: Any, flag: str, read: Read) -> Iterator[str]:
    plain = resolved(spec, schema)
    properties = plain.get("properties")
    for name, inner in properties.items() if isinstance(properties, Mapping) else ():
        if _is_flagged(spec, inner, flag, {}):
            yield str(name)
    for part in _parts(plain, read):
        yield from _names(spec, part, flag, read)


def _is_flagged(spec: Spec, schema: Any, flag: str, read: Read) -> bool:
    if isinstance(schema, Mapping) and "$ref" not in schema and "allOf" not in schema:
        return schema.get(flag) is True
    plain = resolved(spec, schema)
    return plain.get(flag) is True or any(_is_flagged(spec, part, flag, read) for part in _parts(plain, read))


def _parts(schema: Mapping[str, Any], read: Read) -> list[Any]:
    parts = schema.get("allOf")
    if not isinstance(parts, list) or id(parts) in read:
        return []
    read[id(parts)] = parts
    return parts


MOST = 50_000
"""Schemas that one value may have to be held against at one place; real documents need some hundreds."""

_HERE = ("not", "if", "then", "else")
_LISTED = ("allOf", "anyOf", "oneOf")


def asks_too_much(schema: Any) -> bool:
    """Whether a translated schema, or one that it refers to, unfolds to more than can be checked."""
    definitions = schema.get("$defs", {}) if isinstance(schema, Mapping) else {}
    effort = _Effort(definitions)
    try:
        return any(effort.of(start) > MOST for start in (schema, *definitions.values()))
    except RecursionError:
        return True


class _Effort:
    """Counts how many schemas apply to one and the same value, each definition once."""

    def __init__(self, definitions: Mapping[str, Any]) -> None:
        self._definitions = definitions
        self._known: dict[str, int] = {}

    def of(self, node: Any) -> int:
        """The count of a schema and of all that apply beside it; one that is being counted already counts once."""
        if not isinstance(node, Mapping):
            return 1
        total = 1
        for part in _parts_effort(node):
            total += self.of(part)
            if total > MOST:
                return total
        ref = node.get("$ref")
        return total + (self._definition(ref.rpartition("/")[2]) if isinstance(ref, str) else 0)

    def _definition(self, name: str) -> int:
        if name not in self._known:
            self._known[name] = 1
            self._known[name] = self.of(self._definitions.get(name))
        return self._known[name]


def _parts_effort(node: Mapping[str, Any]) -> Iterator[Any]:
    for key in _LISTED:
        yield from node.get(key, ())
    for key in _HERE:
        if key in node:
            yield node[key]
    yield from node.get("dependentSchemas", {}).values()


_NONE: Names = frozenset()


class Translation:
    """One schema being translated: the definitions collected so far, and what had to be dropped."""

    def __init__(self, spec: Spec, direction: Direction, compiles: Callable[[str], bool]) -> None:
        self.spec = spec
        self._told: dict[str, None] = {}
        self._other = OTHER[direction]
        self._is_sent = direction == "request"
        self._compiles = compiles
        self._names: dict[tuple[str, Names], str] = {}
        self._defs: dict[str, Any] = {}
        self._old = str(spec.document.get("openapi", "")).startswith("3.0")

    @property
    def warnings(self) -> tuple[str, ...]:
        """What had to be dropped, in words, each once."""
        return tuple(self._told)

    def whole(self, schema: Any) -> dict[str, Any]:
        """The schema with its definitions."""
        root = self._schema(schema)
        return {"allOf": [root], "$defs": self._defs} if self._defs else root

    def _schema(self, schema: Any, foreign: Names = _NONE) -> Any:
        if not isinstance(schema, Mapping):
            return schema if isinstance(schema, bool) else {}
        foreign |= names_of(self.spec, schema, self._other)
        ref = schema.get("$ref")
        if isinstance(ref, str) and self._old:
            return self._reference(ref, foreign)
        plain = numeric(schema) if self._old else schema
        out = {key: self._keyword(key, value, foreign) for key, value in plain.items() if self._kept(key, value)}
        if "required" in out:
            out["required"] = [name for name in dict.fromkeys(out["required"]) if name not in foreign]
        if self._old and schema.get("nullable") is True and isinstance(out.get("type"), str):
            out["type"] = [out["type"], "null"]
        self._choose(out, schema, foreign)
        return {**out, **self._reference(ref, foreign)} if isinstance(ref, str) else out

    def _reference(self, ref: str, foreign: Names) -> dict[str, Any]:
        """A reference to the definition; nothing where it leads nowhere."""
        key = (ref, foreign)
        if key not in self._names:
            try:
                target = self.spec.lookup(ref)
            except DanglingReference as error:
                self._told[error.what] = None
                return {}
            word = re.sub(r"[^A-Za-z0-9_.-]", "-", ref.rpartition("/")[2])
            name = self._names[key] = f"{len(self._names)}_{word}"
            self._defs[name] = {}  # stands while it is translated: a recursive schema finds it
            self._defs[name] = self._schema(target, foreign)
        return {"$ref": f"#/$defs/{self._names[key]}"}

    def _keyword(self, key: str, value: Any, foreign: Names) -> Any:
        names = _NONE if key in INSIDE else foreign
        if key in SCHEMAS:
            return self._schema(value, names)
        if key in LISTS:
            return [self._schema(part, names) for part in value]
        if key in MAPS:
            return {str(name): self._schema(part, names) for name, part in value.items() if self._named(key, str(name))}
        return list(dict.fromkeys(value)) if key == "type" and isinstance(value, list) else value

    def _named(self, key: str, name: str) -> bool:
        return key != "patternProperties" or self._kept("pattern", name)

    def _kept(self, key: str, value: Any) -> bool:
        if key not in SHAPES or is_empty(key, value):
            return False
        wrong = fault(key, value, self._compiles)
        if wrong:
            self._told[wrong] = None
        return not wrong and key != "discriminator"

    # --- alternatives -------------------------------------------------------------------------------------------------

    def _choose(self, out: dict[str, Any], schema: Mapping[str, Any], foreign: Names) -> None:
        key = next((key for key in ("oneOf", "anyOf") if key in out), "")
        about = schema.get("discriminator")
        if key and about is not None and SHAPES["discriminator"](about):
            self._discriminate(out, schema, key, foreign)
        elif self._is_sent and key == "oneOf" and all(map(self._is_model, schema["oneOf"])):
            out["allOf"] = [*out.get("allOf", []), {"anyOf": out.pop("oneOf")}]

    def _is_model(self, branch: Any) -> bool:
        """Whether a branch is an object that the document has a name for; null may stand beside them."""
        if not (isinstance(branch, Mapping) and "$ref" in branch):
            return _is_null(branch)
        target = resolved(self.spec, branch)
        return "properties" in target or "allOf" in target or target.get("type") == "object"

    def _discriminate(self, out: dict[str, Any], schema: Mapping[str, Any], key: str, foreign: Names) -> None:
        name = schema["discriminator"]["propertyName"]
        branches = self._branches(schema, key)
        if not branches:
            return
        plain = out.pop(key)
        chosen = [
            {"if": {"properties": {name: {"const": value}}}, "then": self._reference(ref, foreign)}
            for value, ref in branches.items()
        ]
        has_it = {"type": "object", "required": [name]}
        known: dict[str, Any] = {"properties": {name: {"enum": list(branches)}}}
        label = default_label(schema)
        assumed = branches.get(label or str(schema.get(f"{NOTE}default-branch")))
        if label and assumed:  # it counts for a value that is not known, too
            known = {"if": {"not": known}, "then": self._reference(assumed, foreign)}
        without = self._reference(assumed, foreign) if assumed else {"anyOf": plain}
        condition = {"if": has_it, "then": {"allOf": [known, *chosen]}, "else": without}
        out["allOf"] = [*out.get("allOf", []), condition]

    def _branches(self, schema: Mapping[str, Any], key: str) -> dict[str, str]:
        """The reference of each branch by the value that chooses it; none where one cannot be chosen by name."""
        told = [b for b in schema[key] if not _is_null(b)]
        if not all(isinstance(b, Mapping) and isinstance(b.get("$ref"), str) for b in told):
            return {}
        named = dict(self._mapped(schema["discriminator"].get("mapping") or {}))
        refs = [b["$ref"] for b in told if b["$ref"] not in named.values()]
        return {**{reference_name(ref): ref for ref in refs}, **named}

    def _mapped(self, mapping: Mapping[Any, str]) -> Iterator[tuple[str, str]]:
        for value, target in mapping.items():
            ref = target if "/" in target else f"#/components/schemas/{target}"
            try:
                self.spec.lookup(ref)
            except DanglingReference:
                self._told[f"The discriminator's value {value} leads to {target}, which is nowhere."] = None
            else:
                yield str(value), ref


def _is_null(schema: Any) -> bool:
    return isinstance(schema, Mapping) and schema.get("type") == "null"
