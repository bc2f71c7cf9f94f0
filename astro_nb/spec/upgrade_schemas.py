"""Schemas of Swagger 2.0 as OpenAPI 3.0 says them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

_MOVED = (
    ("#/definitions/", "#/components/schemas/"),
    ("#/parameters/", "#/components/parameters/"),
    ("#/responses/", "#/components/responses/"),
)
_INLINE = (
    "type", "format", "items", "default", "enum", "multipleOf", "maximum", "exclusiveMaximum", "minimum",
    "exclusiveMinimum", "maxLength", "minLength", "pattern", "maxItems", "minItems", "uniqueItems", "x-nullable",
    "properties", "required", "additionalProperties",
)  # fmt: skip
"""What stands beside `in` and `name` in Swagger 2.0 and belongs to the schema; the last row is not allowed there."""

BINARY = {"type": "string", "format": "binary"}


def moved(ref: Any) -> Any:
    """A reference by the place that its target has in OpenAPI 3."""
    new = ((old, new) for old, new in _MOVED if isinstance(ref, str) and ref.startswith(old))
    return next((there + ref[len(here) :] for here, there in new), ref)


def schema_of(old: Any) -> Any:
    """A schema carried over; what is none is left as it is, for the reader to tell."""
    if not isinstance(old, Mapping):
        return old
    new = {key: _KEYWORDS.get(key, _as_it_is)(value) for key, value in old.items() if key != "x-nullable"}
    if old.get("x-nullable") is True:
        new["nullable"] = True
    if old.get("type") == "file":
        new.update(BINARY)
    if isinstance(old.get("type"), list):
        new.update(_single(old["type"]))
    return new


def inline_schema(old: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of a parameter, a header or a field of a form, whose keywords stand beside its name."""
    given = {key: old[key] for key in _INLINE if key in old and not (key == "required" and old[key] in (True, False))}
    made: dict[str, Any] = schema_of({**given, **(old["schema"] if isinstance(old.get("schema"), Mapping) else {})})
    made.pop("collectionFormat", None)
    return made


def is_array(old: Mapping[str, Any]) -> bool:
    """Whether a parameter, a header or a field of a form is a list of values."""
    return old.get("type") == "array" or (old.get("type") is None and "items" in old)


def _single(types: list[Any]) -> dict[str, Any]:
    """A list of types, which neither version knows but many write: one type beside null."""
    told = [name for name in types if name != "null"]
    return {"type": told[0], **({"nullable": True} if "null" in types else {})} if len(told) == 1 else {}


def _as_it_is(value: Any) -> Any:
    return value


def _each(value: Any) -> Any:
    return [schema_of(part) for part in value] if isinstance(value, list) else schema_of(value)


def _by_name(value: Any) -> Any:
    return {key: schema_of(part) for key, part in value.items()} if isinstance(value, Mapping) else value


def _discriminator(value: Any) -> Any:
    return {"propertyName": value} if isinstance(value, str) else value


def _items(value: Any) -> Any:
    found = _each(value)
    return {k: v for k, v in found.items() if k != "collectionFormat"} if isinstance(found, dict) else found


_KEYWORDS: dict[str, Callable[[Any], Any]] = {
    "$ref": moved,
    "allOf": _each,
    "anyOf": _each,
    "oneOf": _each,
    "not": schema_of,
    "items": _items,
    "additionalProperties": schema_of,
    "properties": _by_name,
    "patternProperties": _by_name,
    "definitions": _by_name,
    "discriminator": _discriminator,
}
"""How each keyword that holds schemas, or is said otherwise, is carried over; examples and defaults are no schemas."""
