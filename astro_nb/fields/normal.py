"""A schema made plain: references followed, `allOf` merged, null taken out, the type inferred."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..spec import Spec

Schema = Mapping[str, Any]

_DEEPEST = 16
_HINTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("object", ("properties", "additionalProperties", "patternProperties", "required")),
    ("array", ("items", "prefixItems", "minItems", "maxItems")),
    ("string", ("pattern", "minLength", "maxLength", "format")),
    ("number", ("minimum", "maximum", "multipleOf", "exclusiveMinimum", "exclusiveMaximum")),
)


def normal(spec: Spec, schema: Any, depth: int) -> tuple[dict[str, Any], bool]:
    """The schema with references followed, `allOf` merged, null taken out and the type made plain."""
    if not isinstance(schema, Mapping):
        return {}, False
    plain = dict(spec.resolve(schema))
    if depth < _DEEPEST and plain.get("allOf"):
        plain = _merge_all(spec, plain, depth)
    nullable = bool(plain.pop("nullable", False))
    plain, null = _without_null_type(plain)
    plain, null_branch = _without_null_branch(spec, plain, depth)
    nullable |= null or null_branch or None in (plain.get("enum") or ())
    if "type" not in plain and not any(plain.get(k) for k in ("oneOf", "anyOf")):
        plain = {**plain, **_inferred(plain)}
    return plain, nullable


def _merge_all(spec: Spec, schema: dict[str, Any], depth: int) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    own = {k: v for k, v in schema.items() if k != "allOf"}
    parts = [normal(spec, part, depth + 1)[0] for part in schema["allOf"]]
    for part in [*parts, own]:
        for key, value in part.items():
            merged[key] = _MERGES[key](merged[key], value) if key in merged and key in _MERGES else value
    return merged


_MERGES: dict[str, Any] = {
    "properties": lambda a, b: {**a, **b},
    "required": lambda a, b: list(dict.fromkeys([*a, *b])),
    "enum": lambda a, b: [v for v in a if v in b] or b,
    "minimum": max,
    "maximum": min,
    "minLength": max,
    "maxLength": min,
}


def _without_null_type(schema: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    kinds = schema.get("type")
    if not isinstance(kinds, list):
        return schema, False
    rest = [k for k in kinds if k != "null"]
    if len(rest) == 1:
        return {**schema, "type": rest[0]}, len(rest) < len(kinds)
    bare = {k: v for k, v in schema.items() if k != "type"}
    return {**bare, "anyOf": [{"type": k} for k in rest]}, len(rest) < len(kinds)


def _without_null_branch(spec: Spec, schema: dict[str, Any], depth: int) -> tuple[dict[str, Any], bool]:
    for key in ("oneOf", "anyOf"):
        branches = schema.get(key)
        if not isinstance(branches, list):
            continue
        rest = [b for b in branches if not _is_null(b)]
        bare = {k: v for k, v in schema.items() if k != key}
        if len(rest) == 1 and depth < _DEEPEST:
            inner, nullable = normal(spec, rest[0], depth + 1)
            return {**inner, **bare}, nullable or len(rest) < len(branches)
        return ({**bare, key: rest} if rest else bare), len(rest) < len(branches)
    return schema, False


def _is_null(schema: Any) -> bool:
    return isinstance(schema, Mapping) and (
        schema.get("type") == "null" or schema.get("enum") == [None] or ("const" in schema and schema["const"] is None)
    )


def _inferred(schema: Schema) -> dict[str, str]:
    values = schema.get("enum") or ([schema["const"]] if "const" in schema else [])
    if values:
        return {}
    return next(({"type": kind} for kind, keys in _HINTS if any(key in schema for key in keys)), {})
