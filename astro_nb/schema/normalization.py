"""Normalized schemas: references resolved, `allOf` merged, null removed, types inferred, invalid keywords dropped.

Also decides the kind of a field, whether it is a secret, and the name of its type.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any, Literal

from ..errors import DanglingReference
from ..json_text import Number
from ..openapi import PREFIX, Spec, read_extensions, reference_name
from ..secrets import (
    is_harmless_by_prose,
    is_secret_by_prose,
    is_secret_name,
    is_secrets_name,
    may_be_secret_name,
)
from .discriminators import (
    UNION_KEYS,
    TaggedBranch,
    families_of,
    is_discriminator,
    is_null,
    read_family,
    reference_of,
    target_of,
)

Schema = Mapping[str, Any]


def drop_invalid_keywords(schema: Schema) -> dict[str, Any]:
    """Return a copy of a schema without keywords whose value is invalid, with exclusive bounds as numbers."""
    plain = bounds_as_numbers(schema)
    return {key: value for key, value in plain.items() if (check := SHAPES.get(key)) is None or check(value)}


def bounds_as_numbers(schema: Schema) -> Schema:
    """Return the schema with exclusive bounds as numbers, as in OpenAPI 3.1; 3.0 has booleans (section 4.7.24)."""
    for exclusive, bound in _EXCLUSIVE_BOUNDS:
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
    return isinstance(value, Number) and not isinstance(value, bool) and -math.inf < value < math.inf


def _is_count(value: Any) -> bool:
    return _is_number(value) and not isinstance(value, Decimal) and 0 <= value == int(value)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_name_list(value: Any) -> bool:
    return _is_list(value) and all(map(_is_text, value))


def _is_type(value: Any) -> bool:
    listed = value if isinstance(value, list) else [value]
    return bool(listed) and all(_is_text(kind) and kind in _TYPES for kind in listed)


_EXCLUSIVE_BOUNDS = (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum"))
_TYPES = frozenset(("string", "number", "integer", "boolean", "array", "object", "null"))

SHAPES: dict[str, Callable[[Any], bool]] = {
    "type": _is_type,
    "const": lambda value: True,
    "required": _is_name_list,
    "uniqueItems": lambda value: isinstance(value, bool),
    "multipleOf": lambda value: _is_number(value) and value > 0,
    "dependentRequired": lambda value: _is_mapping(value) and all(map(_is_name_list, value.values())),
    "discriminator": is_discriminator,
    **dict.fromkeys(("format", "pattern"), _is_text),
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), _is_number),
    **dict.fromkeys(("minLength", "maxLength", "minItems", "maxItems"), _is_count),
    **dict.fromkeys(("minProperties", "maxProperties", "minContains", "maxContains"), _is_count),
    **dict.fromkeys(("enum", "allOf", "anyOf", "oneOf", "prefixItems"), _is_list),
    **dict.fromkeys(("items", "additionalProperties", "unevaluatedItems", "unevaluatedProperties"), _is_schema),
    **dict.fromkeys(("contains", "propertyNames", "not", "if", "then", "else"), _is_schema),
    **dict.fromkeys(("properties", "patternProperties", "dependentSchemas"), _is_mapping),
}
"""What each keyword's value must be. Keywords that are not listed, such as prose and extensions, limit no value."""


Merged = dict[int, list[Any]]
"""The lists of parts that were merged, by identity, so that each is merged once."""

_TYPE_HINTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("object", ("properties", "additionalProperties", "patternProperties", "required", "minProperties")),
    ("array", ("items", "prefixItems", "minItems", "maxItems", "uniqueItems")),
    ("string", ("pattern", "minLength", "maxLength", "format")),
    ("number", ("minimum", "maximum", "multipleOf", "exclusiveMinimum", "exclusiveMaximum")),
)
_PROSE = ("title", "description", "example", "examples", "default", "deprecated", "readOnly", "writeOnly")


def normalize(spec: Spec, schema: Any) -> tuple[dict[str, Any], bool]:
    """Return the schema in one piece and whether it allows null.

    References are resolved, `allOf` is merged but for conditions, null is removed, and a missing type is inferred. A
    schema whose discriminator chooses among the schemas that inherit from it becomes the union of these.

    Raises:
        DanglingReference: the schema itself is a reference that points nowhere.
    """
    plain, null = _plain(spec, schema, {}, _NONE)
    if "type" not in plain and not any(key in plain for key in ("oneOf", "anyOf")):
        plain |= _infer_type(plain)
    return plain, bool(null)


def constraints(schema: Schema) -> dict[str, Any]:
    """Return the keywords that limit the value: all but prose and extensions."""
    return {k: v for k, v in schema.items() if k not in _PROSE and not str(k).startswith("x-")}


def _plain(spec: Spec, schema: Any, merged: Merged, below: frozenset[int]) -> tuple[dict[str, Any], bool | None]:
    """Return the schema and whether it allows null; None if it does not mention types at all.

    `below` are the schemas that the one being read inherits from: they are read as they are, not as unions.
    """
    own, below = _as_family(spec, schema, drop_invalid_keywords(spec.resolve(schema)), below)
    flagged = bool(own.pop("nullable", False))
    parts = own.pop("allOf", [])
    own, null = _without_null_type(own)
    own, branches, null = _without_null_branch(spec, own, null)
    own = _set_condition_apart(own)
    normalized = [*_parts(spec, parts, merged, below), *_parts(spec, branches, merged, below, null is True)]
    if not normalized:
        return own, True if flagged else null
    nulls = [null, *(part_null for _, part_null in normalized)]
    return _merge([*(part for part, _ in normalized), own]), flagged or _all_allow_null(nulls)


_NONE: frozenset[int] = frozenset()


def _as_family(
    spec: Spec, schema: Any, own: dict[str, Any], below: frozenset[int]
) -> tuple[dict[str, Any], frozenset[int]]:
    """Return a schema as the union of the schemas that it stands for, and what these inherit from.

    A part of a schema that inherits from it stays as it is, without its discriminator, and without its union if that
    consists of the schemas that inherit from it.
    """
    target = target_of(spec, schema)
    families, identity = families_of(spec), id(target)
    if identity in below:
        return strip_family(spec, own, target), below
    family, below = read_family(spec, target), below.union(families.ancestors(target), (identity,))
    if family is None:
        return own, below
    if family.branches[0].schema is target:  # it is at the bottom of its family
        fixed = {"properties": {family.name: {"enum": list(family.branches[0].values)}}}
        return {**strip_family(spec, own, target), "allOf": [*own.get("allOf", []), fixed]}, below
    branches = [_family_branch(spec, target, branch, family.name) for branch in family.branches]
    prose = {key: value for key, value in own.items() if key in _PROSE or key == "nullable"}
    return {**prose, "oneOf": branches, "discriminator": family.about_references(spec, branches)}, below


def strip_family(spec: Spec, own: Schema, target: Schema) -> dict[str, Any]:
    """Return the own keywords of a schema that others inherit from: without what chooses among these."""
    inherited = {id(schema) for schema, _ in families_of(spec).descendants(target)}
    dropped = {"discriminator"} if "discriminator" in own else set()
    for key in UNION_KEYS if dropped else ():
        if all(id(target_of(spec, branch)) in inherited for branch in own.get(key, ())):
            dropped.add(key)
    return {key: value for key, value in own.items() if key not in dropped}


def _family_branch(spec: Spec, head: Schema, branch: TaggedBranch, name: str) -> Any:
    """Return a branch of a family.

    One that others inherit from is read as itself alone; one that the mapping names, but that does not inherit from the
    head, has to match the head, too.
    """
    families, schema = families_of(spec), target_of(spec, branch.schema)
    fixed = {"properties": {name: {"enum": list(branch.values)}}}
    if reference_of(branch.schema) and id(head) not in families.ancestors(schema):
        return {"allOf": [_as_itself(spec, head), branch.schema, fixed]}
    if reference_of(branch.schema) and not families.descendants(schema):
        return branch.schema
    return _merge([_as_itself(spec, schema), fixed, {"type": "object"}])


def _as_itself(spec: Spec, schema: Schema) -> dict[str, Any]:
    """Return a schema that others inherit from, normalized, without these."""
    below = frozenset((id(schema), *families_of(spec).ancestors(schema)))
    plain, null = _plain(spec, schema, {}, below)
    return {**plain, "nullable": True} if null else plain


def _set_condition_apart(own: dict[str, Any]) -> dict[str, Any]:
    """Return a schema with its `if` in an `allOf`, so that it is not mixed with that of another part."""
    keys = ("if", "then", "else")
    condition = {key: own[key] for key in keys if key in own}
    rest = {key: value for key, value in own.items() if key not in keys}
    return {**rest, "allOf": [condition]} if "if" in condition else rest


def _all_allow_null(nulls: Iterable[bool | None]) -> bool | None:
    """Whether no part forbids null, and at least one allows it; None if none mentions types."""
    mentioned = {null for null in nulls if null is not None}
    return False not in mentioned if mentioned else None


def _parts(
    spec: Spec, parts: list[Any], merged: Merged, below: frozenset[int], null: bool = False
) -> Iterator[tuple[dict[str, Any], bool | None]]:
    """Yield each part, normalized; one whose reference points nowhere becomes a description of that."""
    if id(parts) in merged:
        return
    merged[id(parts)] = parts
    for part in parts:
        if null and is_null(spec, part):
            continue
        try:
            plain, part_null = _plain(spec, part, merged, below)
        except DanglingReference as error:
            plain, part_null = {"description": error.what}, None
        yield plain, null or part_null


def _without_null_type(schema: dict[str, Any]) -> tuple[dict[str, Any], bool | None]:
    types = schema.get("type")
    enum = schema.get("enum") or ([schema["const"]] if "const" in schema else None)
    null = None in enum if enum else None
    if not isinstance(types, list):
        return schema, null if types is None else bool(null) or types == "null"
    rest = [t for t in types if t != "null"] or ["null"]
    null = bool(null) or "null" in types
    if len(rest) == 1:
        return {**schema, "type": rest[0]}, null
    bare = {k: v for k, v in schema.items() if k != "type"}
    if any(key in schema for key in ("oneOf", "anyOf", "enum", "const")):
        return bare, null
    limits = constraints(bare)
    prose = {k: v for k, v in bare.items() if k not in limits}
    return {**prose, "anyOf": [{**limits, "type": t} for t in rest]}, null


def _without_null_branch(
    spec: Spec, schema: dict[str, Any], null: bool | None
) -> tuple[dict[str, Any], list[Any], bool | None]:
    """Return the schema without branches that are null; a single branch that is left becomes a part."""
    for key in ("oneOf", "anyOf"):
        branches = schema.get(key)
        if branches is None:
            continue
        rest = [b for b in branches if not is_null(spec, b)]
        has_null = len(rest) < len(branches)
        bare = {k: v for k, v in schema.items() if k != key}
        if not rest:
            return {"type": "null", **bare}, [], True
        if len(rest) == 1 and "discriminator" not in schema:
            return bare, branches, has_null or null
        null = has_null or any(_allows_null(spec, b) for b in rest) or bool(null)
        return {**bare, key: rest}, [], null
    return schema, [], null


def _allows_null(spec: Spec, schema: Any) -> bool:
    plain = spec.resolve_or_empty(schema)
    listed = ((plain.get("type"), "null"), (plain.get("enum"), None))
    return plain.get("nullable") is True or any(isinstance(of, list) and null in of for of, null in listed)


def _merge(parts: Iterable[Schema]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for part in parts:
        for key, value in part.items():
            if key in _ONE_EACH and merged.get(key, value) != value:
                merged["allOf"] = [*merged.get("allOf", []), {key: value}]
                continue
            both = _MERGES.get(key) if key in merged else None
            merged[key] = both(merged[key], value) if both else value
    return merged


_ONE_EACH = ("oneOf", "anyOf", "not")
"""Keywords of which the second one becomes a part of an `allOf`: both count."""


def _both(one: Any, other: Any) -> Any:
    """Return a schema that requires what both require."""
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
    "allOf": lambda a, b: [*a, *(part for part in b if part not in a)],
    "dependentSchemas": _each,
    "dependentRequired": lambda a, b: {**a, **{k: list(dict.fromkeys([*a.get(k, ()), *v])) for k, v in b.items()}},
    f"{PREFIX}rules": lambda a, b: [*a, *b] if isinstance(a, list) and isinstance(b, list) else b,
    **dict.fromkeys(("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"), max),
    **dict.fromkeys(("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"), min),
}


def _infer_type(schema: Schema) -> dict[str, str]:
    if schema.get("enum") or "const" in schema:
        return {}
    return next(({"type": kind} for kind, keys in _TYPE_HINTS if any(key in schema for key in keys)), {})


Kind = Literal["text", "integer", "number", "boolean", "choice", "object", "map", "array", "union", "file", "any"]
_KINDS: dict[str, Kind] = {
    "string": "text",
    "integer": "integer",
    "number": "number",
    "boolean": "boolean",
    "array": "array",
    "object": "object",
}
NEVER_SECRET_BY_NAME = ("boolean", "integer")
"""Kinds that a name does not make secret: `password: true` means that there is one, `api_key: 5` how many there are."""


def kind_of(schema: Schema) -> Kind:
    """Return the kind of control for a normalized schema."""
    if "enum" in schema or "const" in schema:
        return "choice"
    if "oneOf" in schema or "anyOf" in schema:
        return "union"
    kind = _KINDS.get(str(schema.get("type")), "any")
    if kind == "object" and not schema.get("properties"):
        closed = schema.get("additionalProperties") is False and not schema.get("patternProperties")
        return "object" if closed else "map"
    return "file" if kind == "text" and schema.get("format") == "binary" else kind


def secrecy(name: str, kind: Kind, schema: Schema) -> tuple[bool, str | None]:
    """Return whether the value is a secret, and the name of the sibling that decides if there is one.

    The extension `x-astro-nb-secret` decides first, then the format `password`, then the name, and of a text the
    document's words about it (`secrets/patterns.py`).
    """
    declared = read_extensions(schema).secret
    if declared is not None:
        return declared.is_secret, declared.when or None
    if kind in NEVER_SECRET_BY_NAME:
        return False, None
    if any(schema.get(extension) is True for extension in SECRET_EXTENSIONS):
        return True, None
    if kind == "text" and (schema.get("format") in SECRET_FORMATS or is_secrets_name(name)):
        return True, None
    return is_secret_name(name) or (
        kind == "text" and is_secret_by_prose(name, *_prose(schema), schema.get("writeOnly") is True)
    ), None


SECRET_FORMATS = ("password", "secret", "jwt", "api-key", "apikey", "credential")
"""Formats of secrets: `password` of OpenAPI (section 4.4.3), and others in use."""

SECRET_EXTENSIONS = (
    *("x-sensitive", "x-secret", "x-is-secret", "x-is-sensitive", "x-ms-secret", "x-credential", "x-password"),
    *("x-speakeasy-param-sensitive", "x-speakeasy-terraform-sensitive"),
)
"""Extensions of other tools that mark a secret if they are true."""


def may_be_secret(name: str, kind: Kind, schema: Schema) -> bool:
    """Whether a value is a secret if it looks like one, by its name; the document's words may rule that out."""
    if kind in NEVER_SECRET_BY_NAME or kind == "choice" or read_extensions(schema).secret is not None:
        return False
    return may_be_secret_name(name) and not is_harmless_by_prose(*_prose(schema))


def _prose(schema: Schema) -> tuple[str, str]:
    title, description = (schema.get(key) for key in ("title", "description"))
    return title if isinstance(title, str) else "", description if isinstance(description, str) else ""


def type_name(schema: Any, plain: Schema, kind: Kind) -> str:
    """Return the type for people: the name of the schema if it has one."""
    if kind == "array":
        items = plain.get("items")
        types = items.get("type", "any") if isinstance(items, Mapping) else "any"
        return f"list of {ref_name(items) or (' or '.join(map(str, types)) if isinstance(types, list) else types)}"
    names = {"text": "string", "choice": "choice", "map": "names and values", "union": "one of", "any": "JSON"}
    return ref_name(schema) or names.get(kind, kind) + (f" ({plain['format']})" if plain.get("format") else "")


def ref_name(schema: Any) -> str:
    """Return the last part of a schema's reference; empty if the schema is not a reference."""
    return reference_name(str(schema.get("$ref", ""))) if isinstance(schema, Mapping) else ""
