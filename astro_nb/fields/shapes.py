"""The shape that each keyword of a schema must have to mean anything: documents are other people's."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

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
