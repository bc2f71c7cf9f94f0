"""Values drawn from a field, as hypothesis draws them: what the schema allows, the odd corners of it included."""

from __future__ import annotations

import math
from typing import Any

from hypothesis import strategies as st

from astro_nb.schema import Field, make_sample

DEEPEST = 4
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8) | st.floats(-1e9, 1e9),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)


def values(field: Field, depth: int = 0) -> st.SearchStrategy[Any]:
    """Values of a field; most of them keep to its schema, and whoever needs that asks the contract."""
    drawn = _BY_KIND[field.kind](field, depth)
    return st.none() | drawn if field.nullable and depth else drawn


def _text(field: Field, depth: int) -> st.SearchStrategy[Any]:
    if field.info.format or "pattern" in field.schema:
        return st.just(make_sample(field))
    least = int(field.schema.get("minLength", 0))
    most = min(int(field.schema.get("maxLength", least + 6)), least + 6)
    return st.text(st.characters(exclude_categories=["Cs"]), min_size=least, max_size=max(least, most))


def _number(field: Field, depth: int) -> st.SearchStrategy[Any]:
    low, high = field.schema.get("minimum", -1000), field.schema.get("maximum", 1000)
    if any(key in field.schema for key in ("exclusiveMinimum", "exclusiveMaximum", "multipleOf")) or low > high:
        return st.just(make_sample(field))
    low, high = max(low, -(2**53)), min(high, 2**53)
    if field.kind == "integer":
        return st.integers(math.ceil(low), math.floor(high))
    return st.floats(low, high, allow_nan=False) | st.integers(math.ceil(low), math.floor(high))


def _array(field: Field, depth: int) -> st.SearchStrategy[Any]:
    least = int(field.schema.get("minItems", 0))
    if field.prefix or (depth >= DEEPEST and not least):
        return st.just([] if not least else make_sample(field))
    most = min(int(field.schema.get("maxItems", least + 2)), least + 2)
    unique = {"unique_by": repr} if field.schema.get("uniqueItems") else {}
    item = values(field.item, depth + 1) if field.item is not None else JSON
    return st.lists(item, min_size=least, max_size=max(least, most), **unique)


def _object(field: Field, depth: int) -> st.SearchStrategy[Any]:
    asked = [child for child in field.children if not child.info.read_only]
    required = {child.name: st.deferred(lambda c=child: values(c, depth + 1)) for child in asked if child.required}
    if depth >= DEEPEST:
        return st.fixed_dictionaries(required)
    optional = {child.name: st.deferred(lambda c=child: values(c, depth + 1)) for child in asked if not child.required}
    return st.fixed_dictionaries(required, optional=optional)


def _map(field: Field, depth: int) -> st.SearchStrategy[Any]:
    item = JSON if field.item is None or field.item.kind == "any" else values(field.item, depth + 1)
    least = int(field.schema.get("minProperties", 0))
    return st.dictionaries(st.text(min_size=1, max_size=5), item, min_size=least, max_size=least + 2)


def _union(field: Field, depth: int) -> st.SearchStrategy[Any]:
    if depth > DEEPEST:
        return st.just(make_sample(field))
    return st.sampled_from(field.branches).flatmap(lambda branch: values(branch.field, depth + 1))


_BY_KIND = {
    "text": _text,
    "integer": _number,
    "number": _number,
    "boolean": lambda field, depth: st.booleans(),
    "choice": lambda field, depth: st.sampled_from(field.info.choices) if field.info.choices else st.none(),
    "array": _array,
    "object": _object,
    "map": _map,
    "union": _union,
    "file": lambda field, depth: st.text(max_size=5),
    "any": lambda field, depth: JSON,
}
