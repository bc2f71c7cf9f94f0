"""Why a document itself is at fault where no valid value was found: its schema cannot be met, or its example breaks it.

What is returned is proven from the document. An empty text means that it is not known to be at fault.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ..call import UNSET
from ..data import Location
from ..openapi import Spec
from .field import Field
from .validation import is_valid

_MAX_PARTS = 200  # parts of one schema that are looked at
_MAX_NAMES = 5  # listed in a reason
_UNION_KEYS = ("oneOf", "anyOf")


def find_contradiction(field: Field | None, schema: Any, value: Any, location: Location, keyword: str) -> str:
    """Return why the document is at fault for a violation in a value that was made from it; empty if it may not be.

    Args:
        field: the field of the whole value.
        schema: its schema as the document has it.
        value: the value, made from the document's examples, defaults and schemas.
        location: where the violation is.
        keyword: the keyword of the schema that is violated.
    """
    if field is None:
        return ""
    trail = list(_trail(field, value, location))
    checks: tuple[Callable[[], str], ...] = (
        lambda: _find_own_example(trail),
        lambda: _find_endless(trail),
        lambda: _find_overlap(trail, keyword),
        lambda: next(filter(None, (_find_impossible_name(entry) for entry, _ in reversed(trail))), ""),
        lambda: next(filter(None, (entry.info.contradiction for entry, _ in reversed(trail))), ""),
        lambda: _find_conflict(_parts_at(field.spec, [schema], location)),
        lambda: _find_closed_part(_parts_at(field.spec, [schema], location), keyword),
        lambda: _find_read_only_item(location, keyword),
        lambda: _find_unreadable_pattern(trail, keyword),
    )
    return next(filter(None, (check() for check in checks)), "")


Trail = list[tuple[Field, Any]]
"""The fields that lead to a location, each with its value; unions as such, followed by their branches."""


def _trail(field: Field, value: Any, location: Location) -> Iterator[tuple[Field, Any]]:
    current: Field | None = field
    for depth in range(len(location) + 1):
        while current is not None:
            yield current, value
            if current.kind != "union":
                break
            branch = current.branch_for(value)
            current = branch.field if branch else None
        if current is None or depth == len(location):
            return
        step = location[depth]
        if isinstance(step, int):
            current = current.item_at(step)
            value = value[step] if isinstance(value, list) and step < len(value) else UNSET
        else:
            current = current.member(str(step))
            value = value.get(step, UNSET) if isinstance(value, dict) else UNSET


def _find_own_example(trail: Trail) -> str:
    """Return that the value is the document's own, or in one that is."""
    for field, value in trail:
        if value is UNSET or value is None:
            continue
        own = [*field.info.examples, *field.body_examples.values()]
        if value in own:
            return "This is the document's own example, which breaks its schema."
        if value == field.info.default:
            return "This is the document's own default, which breaks its schema."
    return ""


def _find_endless(trail: Trail) -> str:
    """Return that a schema requires itself: then every valid value would be endless."""
    for number, (field, _) in enumerate(trail):
        inside = trail[number + 1 :]
        again = next((n for n, (other, _) in enumerate(inside) if other.schema == field.schema), None)
        if again is not None and field.kind in ("object", "array") and all(f.required for f, _ in inside[: again + 1]):
            return "The document's schema requires itself, so that no value of finite size is valid."
    return ""


def _find_overlap(trail: Trail, keyword: str) -> str:
    if not keyword.startswith("oneOf"):
        return ""
    for field, value in reversed(trail):
        if field.kind == "union" and sum(is_valid(branch.field, value) for branch in field.branches) > 1:
            return "It matches several of them, and the document has no discriminator."
    return ""


def _find_impossible_name(field: Field) -> str:
    """Return that an object requires a name that it does not allow."""
    schema = field.schema
    closed = schema.get("additionalProperties") is False or schema.get("unevaluatedProperties") is False
    required, declared = schema.get("required"), schema.get("properties") or {}
    if not isinstance(required, list) or not isinstance(declared, Mapping):
        return ""
    for name in required:
        if declared.get(name) is False or (closed and name not in declared and not schema.get("patternProperties")):
            return f"The document requires {name} and does not allow it."
    return ""


def _find_read_only_item(location: Location, keyword: str) -> str:
    is_item = keyword == "readOnly" and bool(location) and isinstance(location[-1], int)
    return "The document has read-only items in a list that is not read-only." if is_item else ""


def _find_unreadable_pattern(trail: Trail, keyword: str) -> str:
    """Return that a pattern is not one of ECMA-262, the syntax of JSON Schema (2020-12 Core, section 6.4)."""
    is_unreadable = keyword == "pattern" and bool(trail) and bool(trail[-1][0].compiled.warnings)
    return "The document's pattern cannot be read as JSON Schema writes patterns." if is_unreadable else ""


# --- schemas of which no value is both --------------------------------------------------------------------------------


def _parts_at(spec: Spec, schemas: list[Any], location: Location) -> list[Mapping[str, Any]]:
    """Return every schema that a value at a location has to match."""
    parts = _expand(spec, schemas)
    for step in location:
        inner = []
        for part in parts:
            properties, items = part.get("properties"), part.get("items")
            if isinstance(step, int):
                inner += [items] if isinstance(items, Mapping) else []
            elif isinstance(properties, Mapping) and step in properties:
                inner.append(properties[step])
            elif isinstance(part.get("additionalProperties"), Mapping):
                inner.append(part["additionalProperties"])
        parts = _expand(spec, inner)
    return parts


def _expand(spec: Spec, schemas: list[Any]) -> list[Mapping[str, Any]]:
    """Return schemas with everything that `allOf` adds to them, references followed."""
    pending, parts = list(schemas), list[Mapping[str, Any]]()
    while pending and len(parts) < _MAX_PARTS:
        plain = spec.resolve_or_empty(pending.pop())
        if plain and not any(plain is part for part in parts):
            parts.append(plain)
            listed = plain.get("allOf")
            pending += listed if isinstance(listed, list) else []
            for key in _UNION_KEYS:  # a single alternative is no choice
                branches = plain.get(key)
                pending += branches if isinstance(branches, list) and len(branches) == 1 else []
    return parts


_BOUNDS = (
    ("minimum", "maximum"),
    ("minLength", "maxLength"),
    ("minItems", "maxItems"),
    ("minProperties", "maxProperties"),
)


def _find_conflict(parts: list[Mapping[str, Any]]) -> str:
    """Return which requirements of the schemas no value meets together."""
    types = [_types(part["type"]) for part in parts if part.get("type")]
    if types and not frozenset.intersection(*types):
        names = " and ".join(dict.fromkeys(str(part["type"]) for part in parts if part.get("type")))
        return f"The document requires the types {names} at once."
    enums = [part["enum"] for part in parts if isinstance(part.get("enum"), list)]
    if len(enums) > 1 and not [value for value in enums[0] if all(value in other for other in enums[1:])]:
        return "The document lists allowed values several times, and no value is in all lists."
    for low, high in _BOUNDS:
        least = [part[low] for part in parts if isinstance(part.get(low), int | float)]
        most = [part[high] for part in parts if isinstance(part.get(high), int | float)]
        if least and most and max(least) > min(most):
            return f"The document has a {low} of {max(least)} and a {high} of {min(most)}."
    return ""


def _find_closed_part(parts: list[Mapping[str, Any]], keyword: str) -> str:
    """Return that a part of `allOf` forbids the names that another part declares."""
    if keyword not in ("additionalProperties", "falseSchema"):  # the latter if the part has no names at all
        return ""
    names = [frozenset(properties) for part in parts if isinstance(properties := part.get("properties"), Mapping)]
    for part in parts:
        if part.get("additionalProperties") is False and "patternProperties" not in part:
            forbidden = frozenset().union(*names) - frozenset(part.get("properties") or ())
            if forbidden:
                listed = ", ".join(sorted(map(str, forbidden))[:_MAX_NAMES])
                return f"The document declares {listed}, and forbids further names in another part of allOf."
    return ""


def _types(declared: Any) -> frozenset[str]:
    listed = frozenset(map(str, declared if isinstance(declared, list) else [declared]))
    return listed | {"integer"} if "number" in listed else listed
