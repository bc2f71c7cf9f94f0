"""A schema made plain: references followed, `allOf` merged, null taken out, the type inferred."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ..errors import DanglingReference
from ..spec import NOTE, Spec
from .shapes import Schema, shaped

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
