"""What a typed text means for a field, and how a value is shown for typing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from ..call import UNSET
from ..environment import names_in
from ..fields import Field


def parse(field: Field, text: str) -> tuple[Any, str]:
    """The value that a typed text means for a field, and what is wrong with it (empty when nothing is).

    A text with a template stays text until it is resolved. An empty text means UNSET.
    """
    if text == "":
        return UNSET, ""
    if names_in(text):
        return text, ""
    return _PARSERS.get(field.kind, _parse_text)(field, text)


def show(field: Field, value: Any) -> str:
    """The inverse of `parse`: a value as the text to edit."""
    if value is UNSET:
        return ""
    if isinstance(value, str) and field.kind not in ("any", "map"):
        return value
    if field.kind == "array" and isinstance(value, list) and all(isinstance(v, str | int | float) for v in value):
        return "\n".join(orjson.dumps(v).decode() if not isinstance(v, str) else v for v in value)
    option = orjson.OPT_INDENT_2 if isinstance(value, dict | list) else 0
    return orjson.dumps(value, option=option).decode()


def _parse_text(field: Field, text: str) -> tuple[Any, str]:
    return text, ""


def _parse_integer(field: Field, text: str) -> tuple[Any, str]:
    try:
        return int(text.strip()), ""
    except ValueError:
        return text, f"{text.strip()!r} is not a whole number."


def _parse_number(field: Field, text: str) -> tuple[Any, str]:
    try:
        number = float(text.strip())
    except ValueError:
        return text, f"{text.strip()!r} is not a number."
    return (int(number) if number.is_integer() and "." not in text and "e" not in text.lower() else number), ""


def _parse_lines(field: Field, text: str) -> tuple[Any, str]:
    if text.lstrip().startswith("["):
        return _parse_json(field, text)
    values, faults = [], []
    for line in filter(None, map(str.strip, text.splitlines())):
        value, fault = parse(field.item, line) if field.item else (line, "")
        values.append(value)
        faults.append(fault)
    return (values or UNSET), next(filter(None, faults), "")


def _parse_json(field: Field, text: str) -> tuple[Any, str]:
    try:
        return orjson.loads(text), ""
    except orjson.JSONDecodeError as error:
        return text, f"This is not JSON: {error}."


_PARSERS: dict[str, Callable[[Field, str], tuple[Any, str]]] = {
    "integer": _parse_integer,
    "number": _parse_number,
    "array": _parse_lines,
    "map": _parse_json,
    "any": _parse_json,
    "object": _parse_json,
}
