"""Schemas as documents write them, and values as they describe them, to be drawn by Hypothesis."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from astro_nb.schema import Field


def obj(required: tuple[str, ...] = (), **properties: Any) -> dict[str, Any]:
    """The schema of an object."""
    return {"type": "object", "properties": properties, "required": list(required)}


NUMBERS = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
ODD = ["", "null", '"null"', '""', "[x]", "[1]", " a ", "a\nb", "\r", '"q"', "{{name}}", "{{x}} ", "{", "1", "true"]
TEXTS = st.text(max_size=8) | st.sampled_from(ODD)
ANYTHING = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXTS, inner, max_size=2),
    max_leaves=4,
)


def drawn(field: Field, depth: int = 4) -> st.SearchStrategy[Any]:
    """Values of a field, of the right type and structure."""
    made = DRAWN[field.kind](field, depth - 1)
    return st.none() | made if field.nullable and depth else made


def drawn_object(field: Field, depth: int) -> st.SearchStrategy[Any]:
    """Objects with what is required, and some of the rest."""
    needed = {c.name: drawn(c, depth) for c in field.children if c.required}
    others = {c.name: drawn(c, depth) for c in field.children if not c.required} if depth > 0 else {}
    return st.fixed_dictionaries(needed, optional=others)


def drawn_items(field: Field, depth: int) -> st.SearchStrategy[Any]:
    """Values of an array's or a map's entries."""
    return drawn(field.item, depth) if field.item else st.nothing()


DRAWN: dict[str, Callable[[Field, int], st.SearchStrategy[Any]]] = {
    "text": lambda f, d: TEXTS,
    "file": lambda f, d: TEXTS,
    "integer": lambda f, d: st.integers(-(2**63), 2**63 - 1),
    "number": lambda f, d: NUMBERS,
    "boolean": lambda f, d: st.booleans(),
    "choice": lambda f, d: st.sampled_from(f.info.choices),
    "object": drawn_object,
    "map": lambda f, d: (
        st.dictionaries(TEXTS, items, max_size=2) if (items := drawn_items(f, d)) is not None else st.just({})
    ),
    "array": lambda f, d: st.lists(items, max_size=2) if (items := drawn_items(f, d)) is not None else st.just([]),
    "union": lambda f, d: st.one_of([drawn(b.field, d) for b in f.branches]),
    "any": lambda f, d: ANYTHING,
}


NAMES = st.sampled_from(["a", "b", "name", "kind", "items", "x-y"])
SCALARS = st.sampled_from(
    [
        {"type": "string"},
        {"type": ["string", "null"]},
        {"type": "string", "format": "date-time", "nullable": True},
        {"type": "integer", "format": "int64"},
        {"type": ["integer", "null"]},
        {"type": "number"},
        {"type": "boolean"},
        {"enum": ["RED", "null", "", 5]},
        {"enum": ["A", None]},
        {"const": "fixed"},
        {},
    ]
)


def bigger(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Schemas made of others, as documents make them."""
    properties = st.dictionaries(NAMES, inner, min_size=1, max_size=3)
    return st.one_of(
        st.builds(lambda p, r: {**obj(**p), "required": sorted(p)[:r]}, properties, st.integers(0, 2)),
        st.builds(lambda p, extra: {**obj(**p), "additionalProperties": extra}, properties, inner),
        st.builds(lambda item: {"type": "object", "additionalProperties": item}, inner),
        st.builds(
            lambda item, null: {"type": ["array", "null"] if null else "array", "items": item}, inner, st.booleans()
        ),
        st.builds(lambda parts: {"type": "array", "prefixItems": parts}, st.lists(inner, min_size=1, max_size=2)),
        st.builds(lambda parts: {"anyOf": parts}, st.lists(inner, min_size=2, max_size=3)),
        st.builds(lambda part: {"anyOf": [part, {"type": "null"}]}, inner),
        st.builds(lambda one, other: {"allOf": [obj(**one), obj(**other)]}, properties, properties),
    )


SCHEMAS = st.recursive(SCALARS, bigger, max_leaves=6)
