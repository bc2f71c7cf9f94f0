"""Typed text to values and values to text for editing, by the field; and which values a control can show."""

from __future__ import annotations

import contextlib
import itertools
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ..call import UNSET, Upload
from ..data import replace_values, walk
from ..json_text import JsonError, Number, parse_number, read_json, write_json
from ..schema import Field
from ..templates import LiteralText, as_literal, template_names

Parsed = tuple[Any, str]
"""A value, and why the text is not a value of the field; empty if it is."""

_SCALARS = (str, Number, type(None))
_WHOLE = re.compile(r"[+-]?\d+", re.ASCII)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def parse_text(field: Field, text: str) -> Parsed:
    """Return the value of a typed text for a field, and why it is not valid (empty if it is).

    A template stays text until it is resolved, and so does text that contains one and is not a value itself. Empty
    text is UNSET. Quotes, as in JSON, make text of what would be something else without them: `""`, `"null"`, or `"5"`
    for a number.
    """
    if text == "":
        return UNSET, ""
    if field.kind == "choice" and text in field.info.choices:  # also one that looks like a template
        return as_literal(text), ""
    if field.kind not in ("text", "file") and _is_template(text.strip()):
        return text.strip(), ""
    value, error = _PARSERS.get(field.kind, _parse_text)(field, text)
    return (text, "") if error and value == text and template_names(text) else (value, error)


def format_value(field: Field, value: Any) -> str:
    """Return a value as text for editing: the simplest text that `parse_text` reads as this value."""
    if value is UNSET:
        return ""
    text = next((text for text in _candidate_texts(field, value) if _is_read_as(field, text, value)), None)
    return str(value if text is None and isinstance(value, str) else as_json(value) if text is None else text)


def read_typed_json(text: str) -> Any:
    """Return JSON that was typed, as plain data.

    Raises:
        JsonError: it is not JSON, or it has a name twice in one object, or a number that is not finite.
    """
    data, notes = read_json(text)
    if notes:
        raise JsonError(notes[0].message.rstrip("."))
    return data


def as_json(value: Any) -> str:
    """Return a value as JSON text, objects and lists indented by two; placeholders stand for files and other types."""
    return write_json(value, _placeholder, indent=True, any_keys=True, dataclasses=False).decode()


def restore_literals(value: Any, old: Any) -> Any:
    """Return what was read from JSON text, with every text literal that is so in the old value."""
    literals = {text for _, text in walk(old) if isinstance(text, LiteralText)}
    if not literals:
        return value
    return replace_values(value, lambda v: LiteralText(v) if isinstance(v, str) and v in literals else UNSET)


def restore_files(value: Any, old: Any) -> Any:
    """Return what was read from JSON text, with the files of the old value in place of their placeholders."""
    if isinstance(value, dict) and isinstance(old, dict):
        return {name: restore_files(inner, old.get(name)) for name, inner in value.items()}
    if isinstance(value, list) and isinstance(old, list):
        return [restore_files(inner, before) for inner, before in itertools.zip_longest(value, old[: len(value)])]
    return old if isinstance(old, bytes | Upload) and value == _placeholder(old) else value


def _placeholder(value: Any) -> str:
    """Return the text that stands for a value that JSON does not have, such as a file."""
    if isinstance(value, Upload):
        return f"<{value.name}, {len(value.content)} bytes>"
    return f"<{len(value)} bytes>" if isinstance(value, bytes) else str(value)


def _candidate_texts(field: Field, value: Any) -> Iterator[str]:
    """Yield texts that may stand for a value, the simplest first: itself, in quotes, lines, JSON."""
    if isinstance(value, str):
        if _is_typable(value):
            yield value
        yield json.dumps(value, ensure_ascii=not _is_typable(value))
    if isinstance(value, list) and field.item and all(isinstance(entry, _SCALARS) for entry in value):
        yield "\n".join(format_value(field.item, entry) for entry in value)
    yield as_json(value)


def _is_read_as(field: Field, text: str, value: Any) -> bool:
    """Whether a text is read as exactly this value; an invalid one only if it may have been typed so."""
    parsed, error = parse_text(field, text)
    entry = field.item if field.kind == "array" and isinstance(value, list) else field
    return repr(parsed) == repr(value) and (not error or (entry is not None and entry.kind != "any"))


def _is_typable(text: str) -> bool:
    """Whether a control keeps a text unchanged: none keeps a carriage return, and lone surrogates cannot be sent."""
    return "\r" not in text and not any("\ud800" <= char <= "\udfff" for char in text)


def _parse_text(field: Field, text: str) -> Parsed:
    return _or_text(field, text, "")


def _or_text(field: Field, text: str, error: str) -> Parsed:
    """Return text that is not a value of the field's kind: as null if that is allowed, without quotes, or as it is."""
    if field.nullable and text.strip() == "null":
        return None, ""
    inner = _unquote(text)
    return (text if inner is None or _is_plain_text(field, inner) else inner), error


def _unquote(text: str) -> str | None:
    """Return the content of a JSON string; None if the text is not one."""
    if len(text) < 2 or text[0] != '"' or text[-1] != '"':
        return None
    try:
        value = json.loads(text)
    except json.JSONDecodeError:
        return None
    return value if isinstance(value, str) else None


def _is_plain_text(field: Field, text: str) -> bool:
    value = parse_text(field, text)[0] if _is_typable(text) else None
    return isinstance(value, str) and value == text


def _parse_integer(field: Field, text: str) -> Parsed:
    bare = text.strip()
    with contextlib.suppress(ValueError):  # more digits than Python converts
        if _WHOLE.fullmatch(bare):
            return int(bare), ""
    return _or_text(field, text, f"{bare!r} is not an integer.")


def _parse_number(field: Field, text: str) -> Parsed:
    whole, error = _parse_integer(field, text)
    if not error:
        return whole, ""
    bare = text.strip()
    with contextlib.suppress(ValueError):  # too large an exponent
        if _NUMBER.fullmatch(bare):
            return parse_number(bare), ""
    return whole, f"{bare!r} is not a number."


def _parse_boolean(field: Field, text: str) -> Parsed:
    known = {"true": True, "false": False}.get(text.strip())
    return _or_text(field, text, f"{text.strip()!r} is neither true nor false.") if known is None else (known, "")


def _parse_choice(field: Field, text: str) -> Parsed:
    """Return the choice that is displayed as this text; the contract reports what is not a choice."""
    by_text = {c if isinstance(c, str) else as_json(c): c for c in reversed(field.info.choices)}
    return (as_literal(by_text[text]), "") if text in by_text else _or_text(field, text, "")


def _parse_lines(field: Field, text: str) -> Parsed:
    if text.lstrip().startswith("["):
        return _parse_json(field, text)
    if field.nullable and text.strip() == "null":
        return None, ""
    values, errors = [], []
    for line in filter(None, map(str.strip, text.split("\n"))):
        value, error = parse_text(field.item, line) if field.item else (line, "")
        values.append(value)
        errors.append(error)
    return (values or UNSET), next(filter(None, errors), "")


def _parse_json(field: Field, text: str) -> Parsed:
    try:
        return read_typed_json(text), ""
    except JsonError as error:
        return text, f"This is not JSON: {error}."


def _parse_any(field: Field, text: str) -> Parsed:
    """Return JSON, or the text itself if it does not begin like JSON."""
    value, error = _parse_json(field, text)
    return (value, error) if not error or text.lstrip()[:1] in ("{", "[", '"') else (text, "")


def _parse_union(field: Field, text: str) -> Parsed:
    """Return JSON; scalars and all other text stay text if one of the branches is text."""
    value, error = _parse_json(field, text)
    is_text = any(branch.field.kind in ("text", "choice", "file") for branch in field.branches)
    return _or_text(field, text, "") if is_text and not isinstance(value, dict | list) else (value, error)


def _is_template(text: str) -> bool:
    """Whether a text is a single template."""
    alone = text.rfind("{{") == 0 and text.find("}}") == len(text) - 2
    return alone and bool(template_names(text))


_PARSERS: dict[str, Callable[[Field, str], Parsed]] = {
    "integer": _parse_integer,
    "number": _parse_number,
    "boolean": _parse_boolean,
    "choice": _parse_choice,
    "array": _parse_lines,
    "map": _parse_json,
    "any": _parse_any,
    "object": _parse_json,
    "union": _parse_union,
}


_LINE_KINDS = ("text", "integer", "number", "boolean", "choice", "any")


def fits_control(field: Field, value: Any) -> bool:
    """Whether a field's control can show a value without changing it; else it is edited as JSON."""
    if value is UNSET:
        return True
    if value is None:
        return field.nullable or field.kind in ("any", "choice", "boolean", "union")
    return _CONTROL_CHECKS.get(field.kind, _survives_editing)(field, value)


def is_line_list(field: Field) -> bool:
    """Whether an array is edited as lines of text: its items are scalars and not secrets."""
    items = [part for part in (*field.prefix, field.item) if part is not None]
    secret = field.secret or any(part.secret or part.secret_when for part in items)
    return not field.prefix and not secret and all(part.kind in _LINE_KINDS for part in items)


def is_file_list(field: Field) -> bool:
    """Whether an array is a list of files."""
    return field.item is not None and field.item.kind == "file" and not field.prefix


def _is_array(field: Field, value: Any) -> bool:
    if is_file_list(field):
        return isinstance(value, list) and all(_is_file(field, entry) for entry in value)
    return _survives_editing(field, value) if is_line_list(field) else isinstance(value, list)


def _is_file(field: Field, value: Any) -> bool:
    return isinstance(value, Upload | bytes | str)


def _survives_editing(field: Field, value: Any) -> bool:
    return repr(parse_text(field, format_value(field, value))[0]) == repr(value)


def _is_mapping(field: Field, value: Any) -> bool:
    return isinstance(value, Mapping)


def _is_choice(field: Field, value: Any) -> bool:
    return not isinstance(value, Mapping | list) or value in field.info.choices


_CONTROL_CHECKS: dict[str, Callable[[Field, Any], bool]] = {
    "object": _is_mapping,
    "map": _is_mapping,
    "array": _is_array,
    "file": _is_file,
    "choice": _is_choice,
    "boolean": _is_choice,
    "union": lambda field, value: True,
}
