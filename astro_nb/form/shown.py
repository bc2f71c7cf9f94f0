"""Which values the control of a field can show without losing any of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..call import UNSET, Upload
from ..fields import Field
from .typed import parse, show

_LINES = ("text", "integer", "number", "boolean", "choice", "any")


def is_shown(field: Field, value: Any) -> bool:
    """Whether a field's own control shows a value, and gives it back; else it is edited as JSON."""
    if value is UNSET:
        return True
    if value is None:
        return field.nullable or field.kind in ("any", "choice", "boolean", "union")
    return _SHOWN.get(field.kind, _is_typed)(field, value)


def has_lines(field: Field) -> bool:
    """Whether an array is typed as the lines of one text: its entries are scalars, and no secrets."""
    entries = [part for part in (*field.prefix, field.item) if part is not None]
    secret = field.secret or any(part.secret or part.secret_when for part in entries)
    return not field.prefix and not secret and all(part.kind in _LINES for part in entries)


def has_files(field: Field) -> bool:
    """Whether an array is a list of files."""
    return field.item is not None and field.item.kind == "file" and not field.prefix


def _is_array(field: Field, value: Any) -> bool:
    if has_files(field):
        return isinstance(value, list) and all(_is_file(field, entry) for entry in value)
    return _is_typed(field, value) if has_lines(field) else isinstance(value, list)


def _is_file(field: Field, value: Any) -> bool:
    return isinstance(value, Upload | bytes | str)


def _is_typed(field: Field, value: Any) -> bool:
    return repr(parse(field, show(field, value))[0]) == repr(value)


def _is_named(field: Field, value: Any) -> bool:
    return isinstance(value, Mapping)


def _is_chosen(field: Field, value: Any) -> bool:
    return not isinstance(value, Mapping | list) or value in field.choices


_SHOWN: dict[str, Callable[[Field, Any], bool]] = {
    "object": _is_named,
    "map": _is_named,
    "array": _is_array,
    "file": _is_file,
    "choice": _is_chosen,
    "boolean": _is_chosen,
    "union": lambda field, value: True,
}
