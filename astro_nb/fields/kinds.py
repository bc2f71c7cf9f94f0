"""What a plain schema is drawn as, openly or as a secret."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Literal

from ..spec import NOTE, name_of
from .shapes import Schema

Kind = Literal["text", "integer", "number", "boolean", "choice", "object", "map", "array", "union", "file", "any"]
SECRET_NAME = re.compile(
    r"(?i)(?:.*_)?(?:pass(?:word|wd|phrase)|(?:client_?)?secret|(?:private|api|secret)_?key|(?:access|refresh)_?token)\Z"
)
"""Names that say that their value is a secret, whatever the document says."""
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
    return by_format or (kind not in OPEN and names_secret(name)), None


@lru_cache(maxsize=4096)
def names_secret(name: str) -> bool:
    """Whether a name says that its value is a secret."""
    return bool(SECRET_NAME.fullmatch(name))


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
    return name_of(str(schema.get("$ref", ""))) if isinstance(schema, Mapping) else ""
