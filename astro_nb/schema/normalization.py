"""The shape that each keyword of a schema must have to mean anything: documents are other people's.

A schema made plain: references followed, `allOf` merged, null taken out, the type inferred.

What a plain schema is drawn as, openly or as a secret.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Literal

from ..errors import DanglingReference
from ..openapi import NOTE, Spec, reference_name
from ..secrets import is_secret_name

Schema = Mapping[str, Any]


def shaped(schema: Schema) -> dict[str, Any]:
    """A copy of a schema without the keywords that make no sense, its exclusive bounds as numbers."""
    plain = numeric(schema)
    return {key: value for key, value in plain.items() if (check := SHAPES.get(key)) is None or check(value)}


def numeric(schema: Schema) -> Schema:
    """The schema with bounds as they are since OpenAPI 3.1: 3.0 has booleans beside them (section 4.7.24)."""
    for exclusive, bound in _BOOLEANS:
        if exclusive in schema and isinstance(schema[exclusive], bool):
            rest = {key: value for key, value in schema.items() if key != exclusive}
            if schema[exclusive] and bound in rest:
                rest[exclusive] = rest.pop(bound)
            schema = rest
    return schema


def _is_mapping(value: Any) -> bool:
    return isinstance(value, Mapping)


def _is_schema(value: Any) -> bool:
    return isinstance(value, Mapping | bool)


def _is_list(value: Any) -> bool:
    return isinstance(value, list) and bool(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and -math.inf < value < math.inf


def _is_count(value: Any) -> bool:
    return _is_number(value) and 0 <= value == int(value)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_names(value: Any) -> bool:
    return _is_list(value) and all(map(_is_text, value))


def _is_type(value: Any) -> bool:
    listed = value if isinstance(value, list) else [value]
    return bool(listed) and all(_is_text(kind) and kind in _TYPES for kind in listed)


def _is_discriminator(value: Any) -> bool:
    mapping = value.get("mapping") if isinstance(value, Mapping) else None
    return (
        isinstance(value, Mapping)
        and _is_text(value.get("propertyName"))
        and (mapping is None or (isinstance(mapping, Mapping) and all(map(_is_text, mapping.values()))))
    )


_BOOLEANS = (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum"))
_TYPES = frozenset(("string", "number", "integer", "boolean", "array", "object", "null"))

SHAPES: dict[str, Callable[[Any], bool]] = {
    "type": _is_type,
    "const": lambda value: True,
    "required": _is_names,
    "uniqueItems": lambda value: isinstance(value, bool),
    "multipleOf": lambda value: _is_number(value) and value > 0,
    "dependentRequired": lambda value: _is_mapping(value) and all(map(_is_names, value.values())),
    "discriminator": _is_discriminator,
    **dict.fromkeys(("format", "pattern"), _is_text),
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), _is_number),
    **dict.fromkeys(("minLength", "maxLength", "minItems", "maxItems"), _is_count),
    **dict.fromkeys(("minProperties", "maxProperties", "minContains", "maxContains"), _is_count),
    **dict.fromkeys(("enum", "allOf", "anyOf", "oneOf", "prefixItems"), _is_list),
    **dict.fromkeys(("items", "additionalProperties", "unevaluatedItems", "unevaluatedProperties"), _is_schema),
    **dict.fromkeys(("contains", "propertyNames", "not", "if", "then", "else"), _is_schema),
    **dict.fromkeys(("properties", "patternProperties", "dependentSchemas"), _is_mapping),
}
"""What each keyword's value must be. What is not listed here says nothing of a value: prose, extensions."""


Merged = dict[int, list[Any]]
"""The lists of parts that were merged, by identity: each adds what it has once, however many ways lead to it."""

_HINTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("object", ("properties", "additionalProperties", "patternProperties", "required", "minProperties")),
    ("array", ("items", "prefixItems", "minItems", "maxItems", "uniqueItems")),
    ("string", ("pattern", "minLength", "maxLength", "format")),
    ("number", ("minimum", "maximum", "multipleOf", "exclusiveMinimum", "exclusiveMaximum")),
)
_PROSE = ("title", "description", "example", "examples", "default", "deprecated", "readOnly", "writeOnly")


def normal(spec: Spec, schema: Any) -> tuple[dict[str, Any], bool]:
    """The schema in one piece: references followed, `allOf` merged, null taken out, typed; and whether null may be.

    Raises:
        DanglingReference: the schema itself is a reference that leads nowhere.
    """
    plain, null = _plain(spec, schema, {})
    if "type" not in plain and not any(key in plain for key in ("oneOf", "anyOf")):
        plain |= _inferred(plain)
    return plain, bool(null)


def constraints(schema: Schema) -> dict[str, Any]:
    """What of a schema limits the value: all but prose and extensions."""
    return {k: v for k, v in schema.items() if k not in _PROSE and not str(k).startswith("x-")}


def _plain(spec: Spec, schema: Any, merged: Merged) -> tuple[dict[str, Any], bool | None]:
    """The schema and whether null may be: None where nothing is said of types at all."""
    own = shaped(spec.resolve(schema))
    flagged = bool(own.pop("nullable", False))
    parts = own.pop("allOf", [])
    own, null = _without_null_type(own)
    own, branches, null = _without_null_branch(spec, own, null)
    read = [*_parts(spec, parts, merged), *_parts(spec, branches, merged, null is True)]
    if not read:
        return own, True if flagged else null
    said = [null, *(n for _, n in read)]
    return _merged([*(part for part, _ in read), own]), flagged or _all(said)


def _all(said: Iterable[bool | None]) -> bool | None:
    """Null may be where no part refuses it, and one at least names it."""
    told = {n for n in said if n is not None}
    return False not in told if told else None


def _parts(
    spec: Spec, parts: list[Any], merged: Merged, null: bool = False
) -> Iterator[tuple[dict[str, Any], bool | None]]:
    """Each part read; one whose reference leads nowhere says so, and costs the others nothing."""
    if id(parts) in merged:
        return
    merged[id(parts)] = parts
    for part in parts:
        if null and _is_null(spec, part):
            continue
        try:
            plain, said = _plain(spec, part, merged)
        except DanglingReference as error:
            plain, said = {"description": error.what}, None
        yield plain, null or said


def _without_null_type(schema: dict[str, Any]) -> tuple[dict[str, Any], bool | None]:
    kinds = schema.get("type")
    enum = schema.get("enum") or ([schema["const"]] if "const" in schema else None)
    null = None in enum if enum else None
    if not isinstance(kinds, list):
        return schema, null if kinds is None else bool(null) or kinds == "null"
    rest = [k for k in kinds if k != "null"] or ["null"]
    null = bool(null) or "null" in kinds
    if len(rest) == 1:
        return {**schema, "type": rest[0]}, null
    bare = {k: v for k, v in schema.items() if k != "type"}
    if any(key in schema for key in ("oneOf", "anyOf", "enum", "const")):
        return bare, null
    limits = constraints(bare)
    prose = {k: v for k, v in bare.items() if k not in limits}
    return {**prose, "anyOf": [{**limits, "type": k} for k in rest]}, null


def _without_null_branch(
    spec: Spec, schema: dict[str, Any], null: bool | None
) -> tuple[dict[str, Any], list[Any], bool | None]:
    """The schema without its branches that are null; where one is left it is no branch, but a part."""
    for key in ("oneOf", "anyOf"):
        branches = schema.get(key)
        if branches is None:
            continue
        rest = [b for b in branches if not _is_null(spec, b)]
        named = len(rest) < len(branches)
        bare = {k: v for k, v in schema.items() if k != key}
        if not rest:
            return {"type": "null", **bare}, [], True
        if len(rest) == 1:
            return bare, branches, named or null
        null = named or any(_names_null(spec, b) for b in rest) or bool(null)
        return {**bare, key: rest}, [], null
    return schema, [], null


def _is_null(spec: Spec, schema: Any) -> bool:
    plain = _resolved(spec, schema)
    return (
        plain.get("type") in ("null", ["null"])
        or plain.get("enum") == [None]
        or ("const" in plain and plain["const"] is None)
    )


def _names_null(spec: Spec, schema: Any) -> bool:
    plain = _resolved(spec, schema)
    listed = ((plain.get("type"), "null"), (plain.get("enum"), None))
    return plain.get("nullable") is True or any(isinstance(of, list) and null in of for of, null in listed)


def _resolved(spec: Spec, schema: Any) -> Schema:
    try:
        return spec.resolve(schema)
    except DanglingReference:
        return {}


def _merged(parts: Iterable[Schema]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for part in parts:
        for key, value in part.items():
            both = _MERGES.get(key) if key in merged else None
            merged[key] = both(merged[key], value) if both else value
    return merged


def _both(one: Any, other: Any) -> Any:
    """A schema that asks what both ask."""
    if one == other or other is True:
        return one
    if one is True or other is False:
        return other
    return one if one is False else {"allOf": [one, other]}


def _each(one: Schema, other: Schema) -> dict[str, Any]:
    return {**one, **{name: _both(one[name], schema) if name in one else schema for name, schema in other.items()}}


_MERGES: dict[str, Callable[[Any, Any], Any]] = {
    "properties": _each,
    "patternProperties": _each,
    "items": _both,
    "additionalProperties": _both,
    "required": lambda a, b: list(dict.fromkeys([*a, *b])),
    "enum": lambda a, b: [v for v in a if v in b] or b,
    "type": lambda a, b: "integer" if {a, b} == {"integer", "number"} else b,
    "uniqueItems": lambda a, b: a or b,
    f"{NOTE}rules": lambda a, b: [*a, *b] if isinstance(a, list) and isinstance(b, list) else b,
    **dict.fromkeys(("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"), max),
    **dict.fromkeys(("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"), min),
}


def _inferred(schema: Schema) -> dict[str, str]:
    if schema.get("enum") or "const" in schema:
        return {}
    return next(({"type": kind} for kind, keys in _HINTS if any(key in schema for key in keys)), {})


Kind = Literal["text", "integer", "number", "boolean", "choice", "object", "map", "array", "union", "file", "any"]
_FORMS: dict[str, Kind] = {
    "string": "text",
    "integer": "integer",
    "number": "number",
    "boolean": "boolean",
    "array": "array",
    "object": "object",
}
OPEN = ("boolean", "integer")
"""Kinds that a name does not make secret: `password: true` says that there is one, `api_key: 5` how many there are."""


def kind_of(schema: Schema) -> Kind:
    """What a plain schema is drawn as."""
    if "enum" in schema or "const" in schema:
        return "choice"
    if "oneOf" in schema or "anyOf" in schema:
        return "union"
    found = _FORMS.get(str(schema.get("type")), "any")
    if found == "object" and not schema.get("properties"):
        closed = schema.get("additionalProperties") is False and not schema.get("patternProperties")
        return "object" if closed else "map"
    return "file" if found == "text" and schema.get("format") == "binary" else found


def secrecy(name: str, kind: Kind, schema: Schema) -> tuple[bool, str | None]:
    """Whether the value is a secret; or the name of the sibling that decides."""
    note = schema.get(f"{NOTE}secret")
    if isinstance(note, Mapping) and isinstance(note.get("when"), str):
        return False, note["when"]
    if note is not None:
        return bool(note), None
    by_format = kind == "text" and schema.get("format") == "password"
    return by_format or (kind not in OPEN and is_secret_name(name)), None


def type_name(schema: Any, plain: Schema, kind: Kind) -> str:
    """The type in words: the name of the schema where it has one."""
    if kind == "array":
        items = plain.get("items")
        stated = items.get("type", "any") if isinstance(items, Mapping) else "any"
        return f"list of {ref_name(items) or (' or '.join(map(str, stated)) if isinstance(stated, list) else stated)}"
    names = {"text": "string", "choice": "choice", "map": "names and values", "union": "one of", "any": "JSON"}
    return ref_name(schema) or names.get(kind, kind) + (f" ({plain['format']})" if plain.get("format") else "")


def ref_name(schema: Any) -> str:
    """The last word of a schema's reference; empty where it is none."""
    return reference_name(str(schema.get("$ref", ""))) if isinstance(schema, Mapping) else ""
