"""A stored thing as an answer that keeps the document's contract.

What the document does not declare is dropped, and what it requires and the thing lacks is filled with a sample. A value
that is there is left as it is, even where an enum does not name it: so do real servers, and a client must bear it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..schema import Field, make_sample
from ..schema.validation import matches_shape

Shape = Callable[[Any], Any]


def shape(field: Field) -> Shape:
    """The function that gives a value the outward form of a field; inner parts are prepared when first needed."""
    return _SHAPES.get(field.kind, _scalar)(field)


def _object(field: Field) -> Shape:
    parts = [(child.name, child.required, child, _Late(child)) for child in field.children if not child.info.write_only]
    names = {child.name for child in field.children}
    extra = bool(field.schema.get("additionalProperties")) or not names

    def shaped(value: Any) -> Any:
        value = value if isinstance(value, Mapping) else {}
        out = {}
        for name, required, child, inner in parts:
            found = value.get(name)
            if found is not None:
                out[name] = inner(found)
            elif name in value and child.nullable:
                out[name] = None
            elif required:
                out[name] = None if child.nullable else make_sample(child)
        if extra:
            out.update({k: v for k, v in value.items() if k not in names and not k.startswith("_")})
        return out

    return shaped


def _array(field: Field) -> Shape:
    inner = _Late(field.item) if field.item else _same
    return lambda value: [inner(entry) for entry in value] if isinstance(value, list) else make_sample(field)


def _map(field: Field) -> Shape:
    inner = _Late(field.item) if field.item else _same

    def shaped(value: Any) -> Any:
        entries = value.items() if isinstance(value, Mapping) else ()
        return {name: inner(entry) for name, entry in entries if not str(name).startswith("_")}

    return shaped


def _union(field: Field) -> Shape:
    def shaped(value: Any) -> Any:
        branch = field.branch_for(value)
        if branch is None:
            return make_sample(field)
        return shape(branch.field)(value)

    return shaped


def _scalar(field: Field) -> Shape:
    def shaped(value: Any) -> Any:
        return value if matches_shape(field, value) else make_sample(field)

    return shaped


def _same(value: Any) -> Any:
    return value


class _Late:
    """A shape that is prepared at its first use, so that a recursive schema costs nothing until it is met."""

    def __init__(self, field: Field) -> None:
        self._field = field
        self._shape: Shape | None = None

    def __call__(self, value: Any) -> Any:
        if self._shape is None:
            self._shape = shape(self._field)
        return self._shape(value)


_SHAPES: dict[str, Callable[[Field], Shape]] = {
    "object": _object,
    "array": _array,
    "map": _map,
    "union": _union,
    "choice": lambda field: _same,
    "any": lambda field: _same,
    "file": lambda field: _same,
}
