"""Which properties of a schema travel in one direction alone, whichever part of it says so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..errors import DanglingReference
from ..spec import Spec

Names = frozenset[str]
Trail = tuple[int, ...]
"""The lists of parts that are being read, so that a schema that is a part of itself comes to an end."""

_ASKING = frozenset(("required", "allOf", "anyOf", "oneOf", "if", "then", "else", "not", "dependentSchemas"))
"""Keywords that require a name, or may hold one that does."""


def names_of(spec: Spec, schema: Mapping[str, Any], flag: str) -> Names:
    """The properties that carry the flag (`readOnly`, `writeOnly`), by any part, where something may require them."""
    return frozenset() if _ASKING.isdisjoint(schema) else frozenset(_names(spec, schema, flag, ()))


def resolved(spec: Spec, schema: Any) -> Mapping[str, Any]:
    """What a schema stands for; nothing where its reference leads nowhere."""
    try:
        return spec.resolve(schema)
    except DanglingReference:
        return {}


def _names(spec: Spec, schema: Any, flag: str, trail: Trail) -> Iterator[str]:
    plain = resolved(spec, schema)
    properties = plain.get("properties")
    for name, inner in properties.items() if isinstance(properties, Mapping) else ():
        if _is_flagged(spec, inner, flag, ()):
            yield str(name)
    for part, way in _parts(plain, trail):
        yield from _names(spec, part, flag, way)


def _is_flagged(spec: Spec, schema: Any, flag: str, trail: Trail) -> bool:
    if isinstance(schema, Mapping) and "$ref" not in schema and "allOf" not in schema:
        return schema.get(flag) is True
    plain = resolved(spec, schema)
    return plain.get(flag) is True or any(_is_flagged(spec, part, flag, way) for part, way in _parts(plain, trail))


def _parts(schema: Mapping[str, Any], trail: Trail) -> Iterator[tuple[Any, Trail]]:
    parts = schema.get("allOf")
    for part in parts if isinstance(parts, list) and id(parts) not in trail else ():
        yield part, (*trail, id(parts))
