"""What a schema says about a value beside its structure: description, format, bounds, choices, examples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ..openapi import Extensions, read_extensions
from .normalization import Schema

_BOUNDS: tuple[tuple[str, str], ...] = (
    ("minLength", "at least {} characters"),
    ("maxLength", "at most {} characters"),
    ("minimum", "at least {}"),
    ("maximum", "at most {}"),
    ("exclusiveMinimum", "more than {}"),
    ("exclusiveMaximum", "less than {}"),
    ("multipleOf", "in steps of {}"),
    ("minItems", "at least {} items"),
    ("maxItems", "at most {} items"),
    ("pattern", "pattern {}"),
)
"""The keywords that limit a value, with their wording."""

_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
    "null": (type(None),),
}


@dataclass(frozen=True)
class FieldInfo:
    """The documentation and the limits of one field, read from its schema.

    Attributes:
        schema: the schema, normalized.
    """

    schema: Schema

    @property
    def description(self) -> str:
        """What the value means, or what to enter; Markdown."""
        return str(self.schema.get("description") or self.schema.get("title") or "")

    @property
    def format(self) -> str:
        """The schema's format, such as "date-time"; empty if it has none."""
        return str(self.schema.get("format") or "")

    @property
    def read_only(self) -> bool:
        """Whether only responses carry the field."""
        return bool(self.schema.get("readOnly"))

    @property
    def write_only(self) -> bool:
        """Whether only requests carry the field."""
        return bool(self.schema.get("writeOnly"))

    @property
    def deprecated(self) -> bool:
        """Whether the document marks the field as deprecated."""
        return bool(self.schema.get("deprecated"))

    @property
    def default(self) -> Any:
        """The value that the server assumes if the field is left out; None if the document declares none."""
        return self.schema.get("default")

    @property
    def example(self) -> Any:
        """The document's example, or the first of several; None if there is none."""
        if "example" in self.schema:
            return self.schema["example"]
        examples = self.schema.get("examples")
        return examples[0] if isinstance(examples, list) and examples else None

    @property
    def choices(self) -> tuple[Any, ...]:
        """The allowed values except null.

        Values that the schema's type excludes are left out, unless that would leave none.
        """
        listed = (self.schema["const"],) if "const" in self.schema else self.schema.get("enum") or ()
        values, type_ = tuple(v for v in listed if v is not None), self.schema.get("type")
        return tuple(v for v in values if _has_type(type_, v)) or values if isinstance(type_, str) else values

    @property
    def contradiction(self) -> str:
        """Why no value can match the schema; empty if one may."""
        type_, choices = self.schema.get("type"), self.choices
        if not isinstance(type_, str) or not choices or any(_has_type(type_, choice) for choice in choices):
            return ""
        if len(choices) == 1:
            return f"The document allows one value here, and it is not of its type {type_}."
        return f"The document allows {len(choices)} values here, and none of them is of its type {type_}."

    @property
    def bounds(self) -> tuple[str, ...]:
        """The limits on the value, as short phrases such as "at most 20 characters"."""
        limits = ((text, self.schema.get(keyword)) for keyword, text in _BOUNDS)
        return tuple(_bound(text, value) for text, value in limits if value is not None)

    @cached_property
    def extensions(self) -> Extensions:
        """What the overlay says about the schema."""
        return read_extensions(self.schema)


def _bound(text: str, value: Any) -> str:
    return text.format(value).removesuffix("s") if value == 1 else text.format(value)


def _has_type(type_: str, value: Any) -> bool:
    if type_ == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, _TYPES[type_]) and (isinstance(value, bool) == (type_ == "boolean"))
