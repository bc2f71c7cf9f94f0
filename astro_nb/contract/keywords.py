"""The keywords of a schema that the contract judges."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..fields.shapes import SHAPES

INSIDE = (
    *("additionalProperties", "items", "contains", "propertyNames", "unevaluatedProperties", "unevaluatedItems"),
    *("properties", "patternProperties", "prefixItems"),
)
"""Keywords whose schemas are for a part of the value; those of all others are for the value itself."""
SCHEMAS = ("not", "if", "then", "else", *INSIDE[:6])
LISTS = ("allOf", "anyOf", "oneOf", "prefixItems")
MAPS = ("properties", "patternProperties", "dependentSchemas")


def is_empty(key: str, value: Any) -> bool:
    """Whether a keyword asks for nothing."""
    return key != "const" and value in (None, [])


def fault(key: str, value: Any, compiles: Callable[[str], bool]) -> str:
    """Why a keyword cannot be judged, in words; empty where it can, and where it says nothing of a value."""
    check = SHAPES.get(key)
    if check is None or (check(value) and (key != "pattern" or compiles(value))):
        return ""
    shown = value if isinstance(value, str | int | float) else "as it stands"
    return f"The keyword {key}: {shown} cannot be checked here."
