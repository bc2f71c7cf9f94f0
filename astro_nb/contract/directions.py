"""Which properties of a schema travel in one direction alone, whichever part of it says so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from ..errors import DanglingReference
from ..spec import Spec

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
