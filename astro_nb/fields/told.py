"""What a schema tells of a value beside its structure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..spec import notes_of
from .shapes import Schema

_BOUNDS: tuple[tuple[str, str], ...] = (
    ("minLength", "at least {} characters"),
    ("maxLength", "at most {} characters"),
    ("minimum", "at least {}"),
    ("maximum", "at most {}"),
    ("exclusiveMinimum", "more than {}"),
    ("exclusiveMaximum", "less than {}"),
    ("multipleOf", "in steps of {}"),
    ("minItems", "at least {} entries"),
    ("maxItems", "at most {} entries"),
    ("pattern", "pattern {}"),
)


_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
    "null": (type(None),),
}


class Told:
    """What a plain schema tells, by name."""

    schema: Schema

    @property
    def description(self) -> str:
        """What to enter, or what the value tells; Markdown."""
        return str(self.schema.get("description") or self.schema.get("title") or "")

    @property
    def format(self) -> str:
        """The schema's format, such as "date-time"; empty where none is stated."""
        return str(self.schema.get("format") or "")

    @property
    def read_only(self) -> bool:
        """Whether only answers carry it."""
        return bool(self.schema.get("readOnly"))

    @property
    def write_only(self) -> bool:
        """Whether only requests carry it."""
        return bool(self.schema.get("writeOnly"))

    @property
    def deprecated(self) -> bool:
        """Whether the document advises against it."""
        return bool(self.schema.get("deprecated"))

    @property
    def default(self) -> Any:
        """What the server assumes when it is left out; None where none is stated."""
        return self.schema.get("default")

    @property
    def example(self) -> Any:
        """The document's example, or None."""
        if "example" in self.schema:
            return self.schema["example"]
        examples = self.schema.get("examples")
        return examples[0] if isinstance(examples, list) and examples else None

    @property
    def choices(self) -> tuple[Any, ...]:
        """The allowed values of a choice, null aside; of those that its type excludes none, where it leaves some."""
        listed = (self.schema["const"],) if "const" in self.schema else self.schema.get("enum") or ()
        given, kind = tuple(v for v in listed if v is not None), self.schema.get("type")
        return tuple(v for v in given if _is_of(kind, v)) or given if isinstance(kind, str) else given

    @property
    def contradiction(self) -> str:
        """Why no value can keep to the schema, in words; empty where one may."""
        kind, choices = self.schema.get("type"), self.choices
        wrong = isinstance(kind, str) and choices and not any(_is_of(kind, choice) for choice in choices)
        return (
            f"The document allows {len(choices)} values here, and none of them is of its type {kind}." if wrong else ""
        )

    @property
    def bounds(self) -> tuple[str, ...]:
        """The limits on the value, in words."""
        given = ((text, self.schema.get(key)) for key, text in _BOUNDS)
        return tuple(text.format(value) for text, value in given if value is not None)

    @property
    def notes(self) -> Mapping[str, Any]:
        """What the overlay says of this schema, by the extension's name without its prefix."""
        return notes_of(self.schema)


def _is_of(kind: str, value: Any) -> bool:
    if kind == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, _TYPES[kind]) and (isinstance(value, bool) == (kind == "boolean"))
