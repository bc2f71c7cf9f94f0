"""Regular expressions of documents: short texts that they match, and whether they can be trusted with long ones.

Formats of text, such as `date-time`.

Whether a value fits a field: by its outward shape, or by all that the schema asks.
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from .field import Field


T = TypeVar("T")

_MOST_REPEATS = 10_000
"""A pattern that asks for more characters than this, repeats multiplied, gets no text."""


_NESTED = re.compile(r"\((?:[^()\\]|\\.)*(?:[+*|]|\{\d+,)(?:[^()\\]|\\.)*\)(?:[+*]|\{\d+,)")
"""A group that repeats or chooses, and is repeated itself without end."""


def is_endless(pattern: str) -> bool:
    """Whether trying a pattern may take time without end: Python's engine knows no limit."""
    return _NESTED.search(pattern) is not None


class _Least(random.Random):
    """Chance that always draws the first of a choice, and the least of a range, or a little more."""

    def __init__(self, more: int) -> None:
        super().__init__(0)
        self._more = more

    def randint(self, a: int, b: int) -> int:
        return min(a + self._more, b)

    def choice(self, seq: Any) -> Any:
        return seq[0]

    def sample(self, population: Sequence[T], k: int, *, counts: Any = None) -> list[T]:
        return list(population)[:k]


def texts_like(pattern: str) -> Iterator[str]:
    """Texts that a pattern may match, the shortest first; none where Python cannot read it or it asks for too much.

    What a pattern asks by looking ahead or behind is not heeded: whoever takes a text tries it.
    """
    if not pattern or math.prod(map(int, re.findall(r"\{(\d+)", pattern))) > _MOST_REPEATS:
        return
    import rstr  # imported at first use: most patterns are met without it

    for more in (0, 1, 2, 4, 8, 16):
        try:
            yield rstr.Rstr(_Least(more)).xeger(pattern)
        except (re.error, KeyError, ValueError, OverflowError, RecursionError):
            return


_TIME = r"([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?([zZ]|[+-]([01]\d|2[0-3]):[0-5]\d)"
_DAYS, _HOURS = r"(\d+D|\d+M(\d+D)?|\d+Y(\d+M(\d+D)?)?)", r"T(\d+S|\d+M(\d+S)?|\d+H(\d+M(\d+S)?)?)"
_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_CHAR = r"(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})"
_HOST = rf"//({_CHAR}*@)?(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~!$&'()*+,;=%-]*)(:\d*)?(/{_CHAR}*)*"
_RELATIVE = rf"(?![^/?#]*:)(/?({_CHAR}+/)*{_CHAR}*)(\?({_CHAR}|[/?])*)?(#({_CHAR}|[/?])*)?"
_URI = rf"[A-Za-z][A-Za-z0-9+.-]*:({_HOST}|(?!//)({_CHAR}|/)*)(\?({_CHAR}|[/?])*)?(#({_CHAR}|[/?])*)?"


def has_format(value: str, name: str) -> bool:
    """Whether a text has the format of that name; a format that is not known here binds nobody."""
    check = _CHECKS.get(name)
    return check is None or check(value)


def _is_date(value: str) -> bool:
    try:
        return len(value) == 10 and value[4] == value[7] == "-" and bool(date.fromisoformat(value))
    except ValueError:
        return False


def _is_date_time(value: str) -> bool:
    day, mark, time = value[:10], value[10:11], value[11:]
    return _is_date(day) and mark in ("T", "t") and bool(re.fullmatch(_TIME, time, re.ASCII))


def _is_address(version: int) -> Callable[[str], bool]:
    def check(value: str) -> bool:
        import ipaddress  # imported at first use: few documents have addresses

        try:
            return ipaddress.ip_address(value).version == version and "%" not in value
        except ValueError:
            return False

    return check


def _is_regex(value: str) -> bool:
    try:
        return bool(re.compile(value))
    except re.error:
        return False


def _like(pattern: str) -> Callable[[str], bool]:
    return lambda value: bool(re.fullmatch(pattern, value, re.ASCII))  # compiled, and kept, at first use


_CHECKS: dict[str, Callable[[str], bool]] = {
    "date-time": _is_date_time,
    "date": _is_date,
    "time": _like(_TIME),
    "duration": _like(rf"P(\d+W|{_DAYS}({_HOURS})?|{_HOURS})"),
    "uuid": _like(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"),
    "email": _like(rf"{_ATOM}(\.{_ATOM})*@{_LABEL}(\.{_LABEL})*"),
    "idn-email": _like(r"(?!.*\.\.)[^@\s\"\[\]]+@[^@\s\"\[\]]+"),
    "uri": _like(_URI),
    "iri": _like(_URI),
    "uri-reference": _like(rf"{_URI}|{_RELATIVE}"),
    "iri-reference": _like(rf"{_URI}|{_RELATIVE}"),
    "uri-template": _like(rf"({_CHAR}|[/?#]|\{{[A-Za-z0-9_.,]+\}})*"),
    "hostname": _like(rf"(?=.{{1,253}}\Z){_LABEL}(\.{_LABEL})*"),
    "idn-hostname": _like(rf"{_LABEL}(\.{_LABEL})*"),
    "ipv4": _is_address(4),
    "ipv6": _is_address(6),
    "json-pointer": _like(r"(/([^~/]|~[01])*)*"),
    "regex": _is_regex,
    "relative-json-pointer": _like(r"(0|[1-9]\d*)(#|(/([^~/]|~[01])*)*)"),
}

SAMPLES = {
    "date-time": "2026-03-14T09:30:00Z",
    "date": "2026-03-14",
    "time": "09:30:00Z",
    "duration": "PT1H",
    "uuid": "6f1c1b1e-8f3a-4d55-9a57-0c2b8a1f6e42",
    "email": "ada.lindqvist@example.com",
    "idn-email": "ada.lindqvist@example.com",
    "uri": "https://example.com/",
    "url": "https://example.com/",
    "iri": "https://example.com/",
    "uri-reference": "/",
    "iri-reference": "/",
    "uri-template": "https://example.com/{id}",
    "hostname": "example.com",
    "idn-hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "json-pointer": "/a",
    "relative-json-pointer": "0/a",
    "regex": ".*",
    "byte": "c2FtcGxl",
}
"""A text of each format that is more than any text."""


_DEEPEST = 4  # unions inside unions


def matches_shape(field: Field, value: Any) -> bool:
    """Whether a value has the outward shape of a field: type, constants, and required names."""
    if value is None:
        return field.nullable
    if field.kind == "choice":
        return value in field.choices
    if field.kind == "object":
        needed = {c.name: c for c in field.children if c.required}
        return isinstance(value, Mapping) and all(n in value for n in needed) and _constants_fit(field, value)
    return _SHAPES[field.kind](value)


def is_valid(field: Field, value: Any, depth: int = 0) -> bool:
    """Whether a value keeps to the whole schema, bounds and formats included, all the way down.

    It is for the document's own examples and for samples; messages are judged by the contract.
    """
    if value is None:
        return field.nullable or (field.kind == "any" and "type" not in field.schema)
    if field.kind == "union":
        return depth < _DEEPEST and _union_keeps(field, value, depth)
    judge = _JUDGES.get(field.kind)
    shape = _SHAPES.get(field.kind)
    return shape(value) and judge(field, value) if judge and shape else matches_shape(field, value)


def _constants_fit(field: Field, value: Mapping[str, Any]) -> bool:
    fixed = [c for c in field.children if c.kind == "choice" and len(c.choices) == 1]
    return all(c.name not in value or value[c.name] in c.choices for c in fixed)


def _union_keeps(field: Field, value: Any, depth: int) -> bool:
    sure = field.sure_branch(value)
    if sure is not None:
        return is_valid(sure.field, value, depth + 1)
    count = sum(is_valid(branch.field, value, depth + 1) for branch in field.branches if branch.tag is None)
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
    return all(item is None or is_valid(item, entry) for item, entry in pairs)


def _object_keeps(field: Field, value: Mapping[str, Any]) -> bool:
    if not _within(field.schema, "minProperties", "maxProperties", len(value)):
        return False
    declared = {child.name for child in field.children if child.read_only or child.write_only}
    if any(name not in value and name not in declared for name in field.schema.get("required", ())):
        return False
    closed = field.schema.get("additionalProperties") is False
    for name, inner in value.items():
        child = field.member(name)
        if (child is None and closed) or (child is not None and not is_valid(child, inner)):
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
