"""Values as texts and bytes; what no text can say is told in words, with its place and without its value."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from urllib.parse import quote, urljoin

import orjson

from ..call import Upload
from ..errors import UsageError

_UNFIT = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
Steps = tuple[Any, ...]
"""Names and indexes on the way into a value."""

_OPTIONS = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NAIVE_UTC | orjson.OPT_UTC_Z | orjson.OPT_PASSTHROUGH_DATACLASS
_HALF = "holds half of a character (a lone surrogate), which cannot be sent"
_TAKE_OUT = "Take it out: such halves are left where a text was cut or decoded wrongly."
_WRITABLE = "Give texts, finite numbers of at most 64 bits, booleans, None, lists, and dicts whose keys are texts."


def to_text(value: Any, place: str) -> str:
    """A value as one text: itself, nothing for None, RFC 3339 for a moment (UTC where it names no zone), else JSON.

    Raises:
        UsageError: no text can say it; `place` is where it stands.
    """
    if isinstance(value, str):
        return value
    if type(value) is int or type(value) is float:
        return str(value)
    if value is None:
        return ""
    text = to_json(value, place).decode()
    return str(orjson.loads(text)) if text.startswith('"') else text


def to_json(value: Any, place: str) -> bytes:
    """A value as JSON; numbers of NumPy and moments are taken along.

    Raises:
        UsageError: JSON cannot say it; `place` is where it stands, and `data["location"]` the way from there.
    """
    try:
        written = orjson.dumps(value, _moment, _OPTIONS)
    except TypeError as error:
        raise _unwritten(place, _steps_to(value, _is_unwritable), f"cannot be written as JSON: {error}") from error
    if b"null" in written and _is_infinite(value):  # orjson writes null for them
        raise _unwritten(place, _steps_to(value, _is_infinite), "is no finite number, and JSON knows no other")
    return written


def is_unfit(text: str) -> bool:
    """Whether a header cannot hold a text: for control characters, tabs aside, or halves of characters (RFC 9110)."""
    return not text.isprintable() and _UNFIT.search(text) is not None


@lru_cache(maxsize=256)
def is_name(text: str) -> bool:
    """Whether a header can have that name (RFC 9110, section 5.6.2)."""
    return _TOKEN.fullmatch(text) is not None


def joined(base: str, address: str) -> str:
    """An address as it is meant against a base URL; one that cannot be read stays as it is, for whoever checks it."""
    try:
        return urljoin(f"{base.rstrip('/')}/", address)
    except ValueError:
        return address


def quoted(text: str, place: str, safe: str = "") -> str:
    """A text percent-encoded as UTF-8.

    Raises:
        UsageError: it holds half of a character.
    """
    if text.isalnum() and text.isascii():
        return text
    try:
        return quote(text, safe=safe)
    except UnicodeEncodeError as error:
        raise UsageError(f"{place} {_HALF}.", _TAKE_OUT, place=place) from error


def to_utf8(text: str, place: str) -> bytes:
    """A text as UTF-8.

    Raises:
        UsageError: it holds half of a character.
    """
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise UsageError(f"{place} {_HALF}.", _TAKE_OUT, place=place) from error


def _moment(value: Any) -> Any:
    """RFC 3339 for a `datetime` that orjson does not know; a dataclass as its fields, unless it is a file."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type | Upload):
        return {entry.name: getattr(value, entry.name) for entry in dataclasses.fields(value)}
    if not isinstance(value, datetime) or value != value:  # NaT of pandas is no moment
        raise TypeError
    zoned = value if value.tzinfo else value.replace(tzinfo=UTC)
    return zoned.isoformat().replace("+00:00", "Z")


def _steps_to(value: Any, is_wrong: Callable[[Any], bool]) -> Steps:
    """The way to the innermost place of a value at which something is wrong."""
    pairs = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list | tuple) else ()
    return next(((step, *_steps_to(inner, is_wrong)) for step, inner in pairs if is_wrong(inner)), ())


def _unwritten(place: str, steps: Steps, why: str) -> UsageError:
    where = ".".join(map(str, (place, *steps)))
    return UsageError(f"{where} {why}.", _WRITABLE, location=steps)


def _is_unwritable(value: Any) -> bool:
    try:
        orjson.dumps(value, _moment, _OPTIONS)
    except TypeError:
        return True
    return False


def _is_infinite(value: Any) -> bool:
    """Whether a value holds a number that is not finite."""
    plain = value.tolist() if hasattr(value, "tolist") else value
    if isinstance(plain, Mapping):
        return any(map(_is_infinite, plain.values()))
    if isinstance(plain, list | tuple):
        return any(map(_is_infinite, plain))
    return isinstance(plain, float) and not math.isfinite(plain)
