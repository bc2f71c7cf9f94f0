"""What a typed text means for a field, and how a value is shown for typing.

Which values the control of a field can show without losing any of them.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import orjson

from ..call import UNSET, Upload
from ..schema import Field
from ..templates import template_names

Parsed = tuple[Any, str]
"""A value, and what is wrong with it; the latter is empty when nothing is."""

_SCALARS = (str, int, float, type(None))
_LONG_NUMBER = re.compile(r"\d{16}")  # digits that a float may not hold
_WHOLE = re.compile(r"[+-]?\d+", re.ASCII)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def parse_text(field: Field, text: str) -> Parsed:
    """The value that a typed text means for a field, and what is wrong with it (empty when nothing is).

    A template stays text until it is resolved, and so does a text that holds one and is no value by itself. An empty
    text means UNSET; `""`, as JSON writes it, is the empty text, and so is any text in quotes that would mean something
    else without them: `"null"`, or `"5"` where a number is wanted.
    """
    if text == "":
        return UNSET, ""
    if field.kind not in ("text", "file") and _is_template(text.strip()):
        return text.strip(), ""
    value, fault = _PARSERS.get(field.kind, _parse_text)(field, text)
    return (text, "") if fault and value == text and template_names(text) else (value, fault)


def format_value(field: Field, value: Any) -> str:
    """The inverse of `parse`: a value as the text to edit; the plainest one that means the value again."""
    if value is UNSET:
        return ""
    found = next((text for text in _texts(field, value) if _means(field, text, value)), None)
    return found if found is not None else value if isinstance(value, str) else as_json(value)


def read_json(text: str) -> Any:
    """JSON text as plain data, whole numbers of any length.

    Raises:
        json.JSONDecodeError: it is none.
    """
    value = orjson.loads(text)  # strict, and refuses numbers without end
    return json.loads(text) if _LONG_NUMBER.search(text) else value


def as_json(value: Any) -> str:
    """A value as JSON text, objects and lists indented by two; what JSON cannot say is told in its place."""
    indent = orjson.OPT_INDENT_2 if isinstance(value, dict | list) else 0
    try:
        return orjson.dumps(value, option=indent | orjson.OPT_SERIALIZE_NUMPY).decode()
    except TypeError:  # bytes, more than 64 bits, half a character
        text = json.dumps(value, indent=2, ensure_ascii=False, default=_told)
        return text.encode(errors="backslashreplace").decode()


def restored(value: Any, old: Any) -> Any:
    """What was read from JSON text, with the old values back where the text only tells of them."""
    if isinstance(value, dict) and isinstance(old, dict):
        return {name: restored(inner, old.get(name)) for name, inner in value.items()}
    if isinstance(value, list) and isinstance(old, list):
        return [restored(inner, before) for inner, before in itertools.zip_longest(value, old[: len(value)])]
    return old if isinstance(old, bytes | Upload) and value == _told(old) else value


def _told(value: Any) -> str:
    """What stands in JSON text for a value that JSON cannot say, such as the bytes of a file."""
    if isinstance(value, Upload):
        return f"<{value.name}, {len(value.content)} bytes>"
    return f"<{len(value)} bytes>" if isinstance(value, bytes) else str(value)


def _texts(field: Field, value: Any) -> Iterator[str]:
    """The texts that may show a value, the plainest first: itself, in quotes, lines, JSON."""
    if isinstance(value, str):
        if _is_typable(value):
            yield value
        yield json.dumps(value, ensure_ascii=not _is_typable(value))
    if isinstance(value, list) and field.item and all(isinstance(entry, _SCALARS) for entry in value):
        yield "\n".join(format_value(field.item, entry) for entry in value)
    yield as_json(value)


def _means(field: Field, text: str, value: Any) -> bool:
    """Whether a text is read back as this very value; with a fault only where it may have been typed so."""
    parsed, fault = parse_text(field, text)
    entry = field.item if field.kind == "array" and isinstance(value, list) else field
    return repr(parsed) == repr(value) and (not fault or (entry is not None and entry.kind != "any"))


def _is_typable(text: str) -> bool:
    """Whether a control keeps a text as it is: none keeps a carriage return, and half a character cannot be sent."""
    return "\r" not in text and not any("\ud800" <= char <= "\udfff" for char in text)


def _parse_text(field: Field, text: str) -> Parsed:
    return _or_text(field, text, "")


def _or_text(field: Field, text: str, fault: str) -> Parsed:
    """What is no value of the field's own kind: null where it may be, a text in quotes, a text."""
    if field.nullable and text.strip() == "null":
        return None, ""
    inner = _unquoted(text)
    return (text if inner is None or _means_itself(field, inner) else inner), fault


def _unquoted(text: str) -> str | None:
    """The text that a JSON string holds; None where it is none."""
    if len(text) < 2 or text[0] != '"' or text[-1] != '"':
        return None
    try:
        value = json.loads(text)
    except json.JSONDecodeError:
        return None
    return value if isinstance(value, str) else None


def _means_itself(field: Field, text: str) -> bool:
    value = parse_text(field, text)[0] if _is_typable(text) else None
    return isinstance(value, str) and value == text


def _parse_integer(field: Field, text: str) -> Parsed:
    bare = text.strip()
    with contextlib.suppress(ValueError):  # more digits than Python reads
        if _WHOLE.fullmatch(bare):
            return int(bare), ""
    return _or_text(field, text, f"{bare!r} is not a whole number.")


def _parse_number(field: Field, text: str) -> Parsed:
    whole, fault = _parse_integer(field, text)
    if not fault:
        return whole, ""
    bare = text.strip()
    if _NUMBER.fullmatch(bare) and math.isfinite(number := float(bare)):
        return number, ""
    return whole, f"{bare!r} is not a number."


def _parse_boolean(field: Field, text: str) -> Parsed:
    known = {"true": True, "false": False}.get(text.strip())
    return _or_text(field, text, f"{text.strip()!r} is neither true nor false.") if known is None else (known, "")


def _parse_choice(field: Field, text: str) -> Parsed:
    """One of the choices by the text that it is shown as; what is none of them is told by the contract."""
    by_text = {
        choice if isinstance(choice, str) else as_json(choice): choice for choice in reversed(field.info.choices)
    }
    return (by_text[text], "") if text in by_text else _or_text(field, text, "")


def _parse_lines(field: Field, text: str) -> Parsed:
    if text.lstrip().startswith("["):
        return _parse_json(field, text)
    if field.nullable and text.strip() == "null":
        return None, ""
    values, faults = [], []
    for line in filter(None, map(str.strip, text.split("\n"))):
        value, fault = parse_text(field.item, line) if field.item else (line, "")
        values.append(value)
        faults.append(fault)
    return (values or UNSET), next(filter(None, faults), "")


def _parse_json(field: Field, text: str) -> Parsed:
    try:
        return read_json(text), ""
    except json.JSONDecodeError as error:
        return text, f"This is not JSON: {error}."


def _parse_any(field: Field, text: str) -> Parsed:
    """JSON, or a text that does not begin like it."""
    value, fault = _parse_json(field, text)
    return (value, fault) if not fault or text.lstrip()[:1] in ("{", "[", '"') else (text, "")


def _parse_union(field: Field, text: str) -> Parsed:
    """JSON; any other text, and any scalar, is text where one of the branches is."""
    value, fault = _parse_json(field, text)
    is_text = any(branch.field.kind in ("text", "choice", "file") for branch in field.branches)
    return _or_text(field, text, "") if is_text and not isinstance(value, dict | list) else (value, fault)


def _is_template(text: str) -> bool:
    """Whether a text is one template and nothing else."""
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


_LINES = ("text", "integer", "number", "boolean", "choice", "any")


def fits_control(field: Field, value: Any) -> bool:
    """Whether a field's own control shows a value, and gives it back; else it is edited as JSON."""
    if value is UNSET:
        return True
    if value is None:
        return field.nullable or field.kind in ("any", "choice", "boolean", "union")
    return _SHOWN.get(field.kind, _is_typed)(field, value)


def is_line_list(field: Field) -> bool:
    """Whether an array is typed as the lines of one text: its entries are scalars, and no secrets."""
    entries = [part for part in (*field.prefix, field.item) if part is not None]
    secret = field.secret or any(part.secret or part.secret_when for part in entries)
    return not field.prefix and not secret and all(part.kind in _LINES for part in entries)


def is_file_list(field: Field) -> bool:
    """Whether an array is a list of files."""
    return field.item is not None and field.item.kind == "file" and not field.prefix


def _is_array(field: Field, value: Any) -> bool:
    if is_file_list(field):
        return isinstance(value, list) and all(_is_file(field, entry) for entry in value)
    return _is_typed(field, value) if is_line_list(field) else isinstance(value, list)


def _is_file(field: Field, value: Any) -> bool:
    return isinstance(value, Upload | bytes | str)


def _is_typed(field: Field, value: Any) -> bool:
    return repr(parse_text(field, format_value(field, value))[0]) == repr(value)


def _is_named(field: Field, value: Any) -> bool:
    return isinstance(value, Mapping)


def _is_chosen(field: Field, value: Any) -> bool:
    return not isinstance(value, Mapping | list) or value in field.info.choices


_SHOWN: dict[str, Callable[[Field, Any], bool]] = {
    "object": _is_named,
    "map": _is_named,
    "array": _is_array,
    "file": _is_file,
    "choice": _is_chosen,
    "boolean": _is_chosen,
    "union": lambda field, value: True,
}
