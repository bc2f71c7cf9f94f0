"""What is wrong with a value, in words that never hold a secret.

A violation is drawn, logged and stored. Objects and lists are never quoted, and a value only as `mask` would show it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..environment import MASK
from ..fields import Field, mask
from ..pick import Location


class Shown:
    """A value as it may be shown, its secrets starred out when the first violation asks for it."""

    def __init__(self, value: Any, field: Callable[[], Field | None]) -> None:
        self._value = value
        self._field = field
        self._masked: list[Any] = []

    def at(self, location: Location) -> str:
        """The value at a location in words: a plain one as it is, all else by what it is."""
        if not self._masked:
            self._masked.append(mask(self._field(), self._value))
        found = self._masked[0]
        for step in location:
            if found == MASK:
                return "The value"  # it stands inside a secret
            inside = found if isinstance(found, dict) else dict(enumerate(found)) if isinstance(found, list) else {}
            found = inside.get(step, inside.get(str(step), MASK))  # a name of digits is told as a number, "" not at all
        return _quoted(found)


def told(keyword: str, shown: str, limit: Any) -> str:
    """What is wrong, from the broken keyword, the value as it may be shown, and what the keyword asks for."""
    words = _WORDS.get(keyword)
    return words(shown, limit) if words else f"{shown} does not keep to {keyword}."


def _quoted(value: Any) -> str:
    if isinstance(value, dict | list):
        return "An object" if isinstance(value, dict) else "A list"
    text = "The value" if value == MASK else repr(value)
    return text if len(text) < 60 else text[:57] + "…"


def _listed(limit: Any) -> str:
    return ", ".join(map(str, limit[:12])) if isinstance(limit, list | tuple) else str(limit)


def _types(limit: Any) -> str:
    return " or ".join(map(str, limit)) if isinstance(limit, list | tuple) else str(limit)


_WORDS: dict[str, Callable[[str, Any], str]] = {
    "enum": lambda shown, limit: f"{shown} is not one of {_listed(limit)}.",
    "const": lambda shown, limit: f"{shown} is not {limit!r}.",
    "type": lambda shown, limit: f"{shown} is not of type {_types(limit)}.",
    "format": lambda shown, limit: f"{shown} is not a valid {limit}.",
    "pattern": lambda shown, limit: f"{shown} does not match {limit}.",
    "maxLength": lambda shown, limit: f"It is longer than {limit} characters.",
    "minLength": lambda shown, limit: f"It is shorter than {limit} characters.",
    "maximum": lambda shown, limit: f"{shown} is more than {limit}.",
    "minimum": lambda shown, limit: f"{shown} is less than {limit}.",
    "exclusiveMaximum": lambda shown, limit: f"{shown} is not less than {limit}.",
    "exclusiveMinimum": lambda shown, limit: f"{shown} is not more than {limit}.",
    "multipleOf": lambda shown, limit: f"{shown} is not a multiple of {limit}.",
    "minItems": lambda shown, limit: f"At least {limit} entries are needed.",
    "maxItems": lambda shown, limit: f"At most {limit} entries are allowed.",
    "uniqueItems": lambda shown, limit: "Its entries are not all different.",
    "contains": lambda shown, limit: "Its entries are not what they must contain.",
    "minProperties": lambda shown, limit: f"At least {limit} names are needed.",
    "maxProperties": lambda shown, limit: f"At most {limit} names are allowed.",
    "additionalProperties": lambda shown, limit: f"{_names(limit)} is not allowed here.",
    "unevaluatedProperties": lambda shown, limit: f"{_names(limit)} is not allowed here.",
    "falseSchema": lambda shown, limit: f"{shown} is not allowed here.",
    "not": lambda shown, limit: f"{shown} is what it must not be.",
    "anyOf": lambda shown, limit: f"{shown} fits none of the alternatives.",
    "oneOf": lambda shown, limit: f"{shown} does not fit exactly one of the alternatives.",
    "oneOfMultiple": lambda shown, limit: f"{shown} fits more than one of the alternatives.",
}


def _names(limit: Any) -> str:
    return _listed(limit) if isinstance(limit, list) and limit else "A name that is not declared"
