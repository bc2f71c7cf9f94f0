"""Whether a value fits a field: by its outward shape, or by all that the schema asks."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from .formats import has_format
from .patterns import is_endless

if TYPE_CHECKING:
    from .tree import Field

_DEEPEST = 4  # unions inside unions


def fits(field: Field, value: Any) -> bool:
    """Whether a value has the outward shape of a field: type, constants, and required names."""
    if value is None:
        return field.nullable
    if field.kind == "choice":
        return value in field.choices
    if field.kind == "object":
        needed = {c.name: c for c in field.children if c.required}
        return isinstance(value, Mapping) and all(n in value for n in needed) and _constants_fit(field, value)
    return _SHAPES[field.kind](value)


def keeps(field: Field, value: Any, depth: int = 0) -> bool:
    """Whether a value keeps to the whole schema, bounds and formats included, all the way down.

    It is for the document's own examples and for samples; messages are judged by the contract.
    """
    if value is None:
        return field.nullable or (field.kind == "any" and "type" not in field.schema)
    if field.kind == "union":
        return depth < _DEEPEST and _union_keeps(field, value, depth)
    judge = _JUDGES.get(field.kind)
    shape = _SHAPES.get(field.kind)
    return shape(value) and judge(field, value) if judge and shape else fits(field, value)


def _constants_fit(field: Field, value: Mapping[str, Any]) -> bool:
    fixed = [c for c in field.children if c.kind == "choice" and len(c.choices) == 1]
    return all(c.name not in value or value[c.name] in c.choices for c in fixed)


def _union_keeps(field: Field, value: Any, depth: int) -> bool:
    sure = field.sure_branch(value)
    if sure is not None:
        return keeps(sure.field, value, depth + 1)
    count = sum(keeps(branch.field, value, depth + 1) for branch in field.branches if branch.tag is None)
    return count == 1 if "oneOf" in field.schema else count > 0


def _within(schema: Mapping[str, Any], least: str, most: str, count: float) -> bool:
    return bool(schema.get(least, count) <= count <= schema.get(most, count))


def _text_keeps(field: Field, value: str) -> bool:
    if not _within(field.schema, "minLength", "maxLength", len(value)):
        return False
    return has_format(value, field.format) and _matches(field.schema.get("pattern"), value)


def _matches(pattern: str | None, value: str) -> bool:
    """Whether a text matches a pattern; one that Python cannot read, or not in time, binds nobody here."""
    try:
        return pattern is None or is_endless(pattern) or re.search(pattern, value) is not None
    except re.error:
        return True


def _number_keeps(field: Field, value: float) -> bool:
    schema, step = field.schema, field.schema.get("multipleOf")
    if not _within(schema, "minimum", "maximum", value):
        return False
    if value <= schema.get("exclusiveMinimum", value - 1) or value >= schema.get("exclusiveMaximum", value + 1):
        return False
    return step is None or (math.isfinite(value / step) and abs(value / step - round(value / step)) < 1e-9)


def _array_keeps(field: Field, value: list[Any]) -> bool:
    if not _within(field.schema, "minItems", "maxItems", len(value)):
        return False
    if field.schema.get("uniqueItems") and any(entry in value[:index] for index, entry in enumerate(value)):
        return False
    if field.schema.get("items") is False and len(value) > len(field.prefix):
        return False
    pairs = ((field.entry(index), entry) for index, entry in enumerate(value))
    return all(item is None or keeps(item, entry) for item, entry in pairs)


def _object_keeps(field: Field, value: Mapping[str, Any]) -> bool:
    if not _within(field.schema, "minProperties", "maxProperties", len(value)):
        return False
    declared = {child.name for child in field.children if child.read_only or child.write_only}
    if any(name not in value and name not in declared for name in field.schema.get("required", ())):
        return False
    closed = field.schema.get("additionalProperties") is False
    for name, inner in value.items():
        child = field.member(name)
        if (child is None and closed) or (child is not None and not keeps(child, inner)):
            return False
    return True


_SHAPES: dict[str, Callable[[Any], bool]] = {
    "text": lambda v: isinstance(v, str),
    "file": lambda v: isinstance(v, str | bytes),
    "integer": lambda v: isinstance(v, int) and not isinstance(v, bool),
    "number": lambda v: isinstance(v, int | float) and not isinstance(v, bool),
    "boolean": lambda v: isinstance(v, bool),
    "array": lambda v: isinstance(v, list),
    "object": lambda v: isinstance(v, Mapping),
    "map": lambda v: isinstance(v, Mapping),
    "union": lambda v: True,
    "any": lambda v: True,
}

_JUDGES: dict[str, Callable[[Field, Any], bool]] = {
    "text": _text_keeps,
    "integer": _number_keeps,
    "number": _number_keeps,
    "array": _array_keeps,
    "object": _object_keeps,
    "map": _object_keeps,
}
