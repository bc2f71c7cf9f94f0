"""Values as texts, JSON and bytes. Errors name the place of a value, never the value."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urljoin

import orjson

from ..call import Upload
from ..errors import UsageError

_FORBIDDEN = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")
_OPTIONS = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NAIVE_UTC | orjson.OPT_UTC_Z | orjson.OPT_PASSTHROUGH_DATACLASS
_SURROGATE = "contains half of a character (a lone surrogate), which cannot be sent"
_REMOVE_SURROGATE = "Take it out: a text was cut in the middle of a character, or decoded wrongly."
_JSON_TYPES = "Give texts, finite numbers of at most 64 bits, booleans, None, lists, and dicts whose keys are texts."


def to_text(value: Any, place: str) -> str:
    """Return a value as text: empty for None, RFC 3339 for a `datetime` (UTC if it has no zone), else JSON.

    Args:
        value: a value that JSON can represent.
        place: where the value is, for the message.

    Raises:
        UsageError: JSON cannot represent it.
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
    """Return a value as JSON; NumPy numbers, `datetime` and dataclasses are allowed.

    Raises:
        UsageError: JSON cannot represent it; `place` begins the message, and `data["location"]` leads on from there.
    """
    try:
        written = orjson.dumps(value, _encode_other, _OPTIONS)
    except TypeError as error:
        raise _json_error(place, _location_of(value, _is_unwritable), f"cannot be written as JSON: {error}") from error
    if b"null" in written and _is_infinite(value):  # orjson writes them as null
        raise _json_error(place, _location_of(value, _is_infinite), "is not a finite number, and JSON has no others")
    return written


def has_forbidden_characters(text: str) -> bool:
    """Whether a text cannot be in a header: it has control characters other than tabs, or surrogates (RFC 9110)."""
    return not text.isprintable() and _FORBIDDEN.search(text) is not None


def join_url(base: str, address: str) -> str:
    """Return a URL resolved against a base URL; a malformed one is returned as it is, and is checked later."""
    try:
        return urljoin(f"{base.rstrip('/')}/", address)
    except ValueError:
        return address


def percent_encode(text: str, place: str, safe: str = "") -> str:
    """Return a text percent-encoded as UTF-8.

    Raises:
        UsageError: it contains half of a character.
    """
    if text.isalnum() and text.isascii():
        return text
    try:
        return quote(text, safe=safe)
    except UnicodeEncodeError as error:
        raise UsageError(f"{place} {_SURROGATE}.", _REMOVE_SURROGATE, place=place) from error


def to_utf8(text: str, place: str) -> bytes:
    """Return a text as UTF-8.

    Raises:
        UsageError: it contains half of a character.
    """
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise UsageError(f"{place} {_SURROGATE}.", _REMOVE_SURROGATE, place=place) from error


def _encode_other(value: Any) -> Any:
    """Return what orjson does not encode by itself: a dataclass as its fields, a `datetime` as RFC 3339."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type | Upload):
        return {entry.name: getattr(value, entry.name) for entry in dataclasses.fields(value)}
    if not isinstance(value, datetime) or value != value:  # pandas.NaT
        raise TypeError
    zoned = value if value.tzinfo else value.replace(tzinfo=UTC)
    return zoned.isoformat().replace("+00:00", "Z")


def _location_of(value: Any, is_wrong: Callable[[Any], bool]) -> tuple[Any, ...]:
    """Return the names and indexes that lead to the innermost value that is wrong."""
    pairs = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list | tuple) else ()
    return next(((step, *_location_of(inner, is_wrong)) for step, inner in pairs if is_wrong(inner)), ())


def _json_error(place: str, location: tuple[Any, ...], why: str) -> UsageError:
    where = ".".join(map(str, (place, *location)))
    return UsageError(f"{where} {why}.", _JSON_TYPES, location=location)


def _is_unwritable(value: Any) -> bool:
    try:
        orjson.dumps(value, _encode_other, _OPTIONS)
    except TypeError:
        return True
    return False


def _is_infinite(value: Any) -> bool:
    """Whether a value contains a number that is not finite."""
    plain = value.tolist() if hasattr(value, "tolist") else value
    if isinstance(plain, Mapping):
        return any(map(_is_infinite, plain.values()))
    if isinstance(plain, list | tuple):
        return any(map(_is_infinite, plain))
    return isinstance(plain, float) and not math.isfinite(plain)
