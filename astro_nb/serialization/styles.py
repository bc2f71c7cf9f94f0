"""Parameters as text, by the table of styles in the OpenAPI specification (3.1.1, section 4.8.12.2 and appendix E).

The specification does not define nested values in the style `deepObject`. They are written for qs, which most servers
use: members of members in brackets, `a[b][c]=1`; a list of scalars repeats its name, and any other list is numbered,
`a[b][0][c]=1`.

Errors name the place of a value, never the value.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urljoin

from ..call import UNSET, Upload
from ..data import walk
from ..errors import MissingArgument, UsageError
from ..json_text import has_infinite, read_json, write_json
from ..messages import bare_media_type, is_json
from ..openapi import Operation, Parameter

_FORBIDDEN = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")
_NOT_FINITE = re.compile(rb"NaN|Infinity")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_SURROGATE = "contains half of a character (a lone surrogate), which cannot be sent"
_REMOVE_SURROGATE = "Take it out: a text was cut in the middle of a character, or decoded wrongly."
_JSON_TYPES = "Give texts, finite numbers, booleans, None, lists, and dicts whose keys are texts."


def to_text(value: Any, place: str) -> str:
    """Return a value as text: empty for None, RFC 3339 for a `datetime` (UTC if it has no zone), else JSON.

    Raises:
        UsageError: JSON cannot represent it; `place` begins the message.
    """
    if isinstance(value, str):
        return value
    if type(value) is int:
        return str(value)
    if value is None:
        return ""
    text = to_json(value, place).decode()
    return str(read_json(text).data) if text.startswith('"') else text


def to_json(value: Any, place: str) -> bytes:
    """Return a value as JSON; NumPy numbers, `datetime` and dataclasses are allowed.

    Raises:
        UsageError: JSON cannot represent it; `place` begins the message, and `data["location"]` leads on from there.
    """
    try:
        written = _write(value)
    except TypeError as error:
        raise _json_error(place, _location_of(value, _is_unwritable), f"cannot be written as JSON: {error}") from error
    if _NOT_FINITE.search(written) and has_infinite(value):
        raise _json_error(place, _location_of(value, has_infinite), "is not a finite number, and JSON has no others")
    if b"\\ud" in written and _has_surrogate(value):
        raise _json_error(place, _location_of(value, _has_surrogate), _SURROGATE)
    return written


def _write(value: Any) -> bytes:
    return write_json(value, _encode_other, dataclasses=False)


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
    return text if text.isalnum() and text.isascii() else quote(to_utf8(text, place), safe=safe)


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
    """Return what JSON does not have: a dataclass as its fields, a `datetime` as RFC 3339."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type | Upload):
        return {entry.name: getattr(value, entry.name) for entry in dataclasses.fields(value)}
    if not isinstance(value, datetime) or value != value:  # pandas.NaT
        raise TypeError(f"JSON has no value of the type {type(value).__name__}")
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
        _write(value)
    except TypeError:
        return True
    return False


def _has_surrogate(value: Any) -> bool:
    """Whether a text in a value, or a name, contains half of a character."""
    texts = (text for _, inner in walk(value) for text in (inner if isinstance(inner, dict) else (inner,)))
    return any(isinstance(text, str) and _LONE_SURROGATE.search(text) for text in texts)


Pairs = list[tuple[str, str]]
"""Names and values as they are in the message: in a query both are percent-encoded."""

_FORM = "application/x-www-form-urlencoded"
_RESERVED = {"query": ":/?[]@!$'()*+,;=", "path": "!$&'()*,:@;=", "cookie": ":/?#[]@!$&'()*+="}
_ALLOWED_IN_PATH = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in "\\`")
_PATH = re.compile(f"/[{re.escape(_ALLOWED_IN_PATH)}]*")
"""A path that can follow a host: it begins with a slash, for otherwise it would change the host."""

_EXPRESSION = re.compile(r"\{([^{}]+)\}")
_PERCENT_TRIPLE = re.compile("(%[0-9A-Fa-f]{2})")
_SEPARATOR = "(?:[/\\\\;]|%(?:25)*(?:2f|5c|3b))"
_DOT_SEGMENT = re.compile(f"{_SEPARATOR}(?:\\.|%(?:25)*2e){{1,2}}(?:{_SEPARATOR}|$)", re.IGNORECASE)
"""A segment of one or two dots, in every spelling that a server may decode before it resolves the path."""


def build_path(operation: Operation, parameters: tuple[Parameter, ...], given: Mapping[str, Any]) -> str:
    """Return the path with the values of its parameters.

    Raises:
        MissingArgument: a parameter has no value.
        UsageError: a segment of dots would lead to another resource.
    """
    path = operation.path
    for parameter in parameters:
        text = _path_segment(parameter, given.get(parameter.key))
        if not text:
            raise _missing_error(operation, parameter)
        path = path.replace(f"{{{parameter.name}}}", text)
    if not _PATH.fullmatch(path):  # the document's part of the path may contain anything
        path = percent_encode(f"/{path.removeprefix('/')}", "path", _ALLOWED_IN_PATH)
    if parameters and ("." in path or "%" in path) and _DOT_SEGMENT.search(path):
        raise UsageError(
            f"A segment of dots in {operation.path} would lead to another resource: nothing was sent.",
            f"Give the id itself as {' and '.join(p.key for p in parameters)}.",
        )
    return path


def build_path_query(operation: Operation, given: Mapping[str, Any]) -> Pairs:
    """Return the pairs that the key of `paths` fixes in the query: the name of each, and the pair as it is sent.

    Percent-encoding is kept as the document has it, and what a query cannot contain is encoded.

    Raises:
        MissingArgument: a parameter in it has no value.
    """
    by_name = {p.name: p for p in operation.parameters if p.location == "path"} | {
        p.key: p for p in operation.parameters if p.location in ("path", "query")
    }

    def fill(pair: str) -> str:
        pieces = []
        for number, piece in enumerate(_EXPRESSION.split(pair)):
            parameter = by_name.get(piece) if number % 2 else None
            if parameter is None:
                literal = f"{{{piece}}}" if number % 2 else piece
                pieces.append(_encode_reserved(literal, operation.id, _RESERVED["query"]))
            elif text := _path_segment(replace(parameter, style="simple"), given.get(parameter.key)):
                pieces.append(text)
            else:
                raise _missing_error(operation, parameter)
        return "".join(pieces)

    return [(name, fill(pair)) for name, pair in operation.fixed_query]


def build_pairs(parameters: tuple[Parameter, ...], given: Mapping[str, Any]) -> Pairs:
    """Return the names and values of the parameters in one location (query, header or cookie)."""
    found: Pairs = []
    for parameter in parameters:
        value = given.get(parameter.key)
        if value is not None and value is not UNSET:
            found += _parameter_pairs(parameter, value)
    return found


def join_pairs(pairs: Pairs) -> str:
    """Return encoded pairs as a query or a form."""
    return "&".join([f"{name}={value}" for name, value in pairs])


def _path_segment(parameter: Parameter, value: Any) -> str:
    if parameter.media_type and value is not None:
        return _encode_value(parameter, _encode_content(parameter, value))
    value = _without_undefined(value)
    if value is None or (value == "" and parameter.style != "matrix"):
        return ""
    return _PATH_STYLES.get(parameter.style, _simple)(parameter, value)


def _parameter_pairs(parameter: Parameter, value: Any) -> Pairs:
    if parameter.media_type:
        return [(_encode_name(parameter, parameter.name), _encode_value(parameter, _encode_content(parameter, value)))]
    value = _without_undefined(value)
    if value is None:
        return []
    if parameter.location == "header":
        return [(parameter.name, _simple(parameter, value))]
    return _PAIR_STYLES.get(parameter.style, _form)(parameter, value)


def _encode_content(parameter: Parameter, value: Any) -> str:
    """Return a value in the parameter's media type: JSON, a form, or text as it is."""
    media = parameter.media_type or ""
    if bare_media_type(media) == _FORM and isinstance(value, Mapping):
        inner = Parameter(parameter.key, "", "query", False, {}, style="form", explode=True)
        members = ((replace(inner, name=str(name)), v) for name, v in value.items())
        return join_pairs([pair for member, v in members for pair in _parameter_pairs(member, v)])
    return to_json(value, parameter.key).decode() if is_json(media) else to_text(value, parameter.key)


def build_whole_query(parameters: tuple[Parameter, ...], given: Mapping[str, Any]) -> str:
    """Return the query of a parameter `in: querystring` (OpenAPI 3.2, section 4.12.1); empty if it has no value."""
    found = ((p, value) for p in parameters if (value := given.get(p.key)) is not None and value is not UNSET)
    parameter, value = next(found, (None, None))
    if parameter is None:
        return ""
    safe = f"%&{_RESERVED['query']}" if bare_media_type(parameter.media_type or "") == _FORM else ""
    return percent_encode(_encode_content(parameter, value), parameter.key, safe)


def _without_undefined(value: Any) -> Any:
    """Return a value without what RFC 6570, section 2.3, calls undefined: null, empty lists, empty mappings."""
    if isinstance(value, list):
        return [v for v in value if v is not None and v is not UNSET] or None
    if isinstance(value, Mapping):
        return {k: v for k, v in value.items() if v is not None and v is not UNSET} or None
    return None if value is UNSET else value


def _encode_value(parameter: Parameter, value: Any) -> str:
    """Return a value, or an item of one, as it is sent."""
    text = to_text(value, parameter.key)
    if _is_unencoded(parameter):
        return _require_no_semicolon(parameter, text)
    if not parameter.allow_reserved:
        return percent_encode(text, parameter.key)
    return _encode_reserved(text, parameter.key, _RESERVED[parameter.location])


def _encode_reserved(text: str, place: str, safe: str) -> str:
    """Return a text percent-encoded except for reserved characters and what is encoded (RFC 6570, section 3.2.3)."""
    parts = enumerate(_PERCENT_TRIPLE.split(text))
    return "".join(part if number % 2 else percent_encode(part, place, safe) for number, part in parts)


def _encode_name(parameter: Parameter, key: Any) -> str:
    """Return the name of a parameter or a member as it is sent: what separates values is encoded in it."""
    text = to_text(key, parameter.key)
    if _is_unencoded(parameter):
        return _require_no_semicolon(parameter, text)
    return percent_encode(text, parameter.key, "$")


def _require_no_semicolon(parameter: Parameter, text: str) -> str:
    """Return a text that is not encoded. In a cookie it has no semicolon: the rest would be another cookie."""
    if parameter.location == "cookie" and ";" in text:
        what = f"{parameter.key} contains a semicolon, which ends a cookie: nothing was sent."
        raise UsageError(what, "Take it out, or encode it as the server reads it, often as %3B.")
    return text


def _is_unencoded(parameter: Parameter) -> bool:
    """Whether nothing is percent-encoded: in headers, and in cookies except in style `form` (3.2, appendix D.1)."""
    is_form = parameter.style == "form" and not parameter.media_type
    return parameter.location == "header" or (parameter.location == "cookie" and not is_form)


def _expand(parameter: Parameter, value: Any) -> list[str]:
    """Return the parts of a value: items; names and values, joined by "=" if the parameter is exploded."""
    if isinstance(value, list):
        return [_encode_value(parameter, v) for v in value]
    if not isinstance(value, Mapping):
        return [_encode_value(parameter, value)]
    pairs = [(_encode_name(parameter, k), _encode_value(parameter, v)) for k, v in value.items()]
    return [f"{k}={v}" for k, v in pairs] if parameter.explode else [text for pair in pairs for text in pair]


def _simple(parameter: Parameter, value: Any) -> str:
    return ",".join(_expand(parameter, value))


def _label(parameter: Parameter, value: Any) -> str:
    return "." + ("." if parameter.explode else ",").join(_expand(parameter, value))


def _matrix(parameter: Parameter, value: Any) -> str:
    name, parts = _encode_name(parameter, parameter.name), _expand(parameter, value)
    if not (parameter.explode and isinstance(value, list | Mapping)):
        parts = [f"{name}={','.join(parts)}"]
    elif isinstance(value, list):
        parts = [f"{name}={part}" for part in parts]
    return "".join(f";{part.removesuffix('=') if part.find('=') == len(part) - 1 else part}" for part in parts)


def _form(parameter: Parameter, value: Any, joint: str = ",") -> Pairs:
    if parameter.explode and isinstance(value, Mapping):
        return [(_encode_name(parameter, k), _encode_value(parameter, v)) for k, v in value.items()]
    name, parts = _encode_name(parameter, parameter.name), _expand(parameter, value)
    return [(name, part) for part in parts] if parameter.explode else [(name, joint.join(parts))]


def _deep_object(parameter: Parameter, value: Any) -> Pairs:
    if not isinstance(value, Mapping):
        return _form(parameter, value)
    return _nested_pairs(parameter, _encode_name(parameter, parameter.name), value)


def _nested_pairs(parameter: Parameter, name: str, value: Any) -> Pairs:
    value = _without_undefined(value)
    if isinstance(value, Mapping):
        inside = [(f"{name}%5B{_encode_name(parameter, key)}%5D", inner) for key, inner in value.items()]
    elif isinstance(value, list):
        plain = not any(isinstance(entry, list | Mapping) for entry in value)
        inside = [(name if plain else f"{name}%5B{index}%5D", entry) for index, entry in enumerate(value)]
    else:
        return [] if value is None else [(name, _encode_value(parameter, value))]
    return [pair for within, inner in inside for pair in _nested_pairs(parameter, within, inner)]


def _missing_error(operation: Operation, parameter: Parameter) -> MissingArgument:
    return MissingArgument(
        f"{operation.id} needs {parameter.key}: it is part of the path {operation.path}.",
        f'Give it as an argument, or once for all calls: api.variables["{parameter.key}"] = …',
        missing=[parameter.key],
    )


_PATH_STYLES: dict[str, Callable[[Parameter, Any], str]] = {"simple": _simple, "label": _label, "matrix": _matrix}
_PAIR_STYLES: dict[str, Callable[[Parameter, Any], Pairs]] = {
    "form": _form,
    "cookie": _form,
    "spaceDelimited": lambda parameter, value: _form(parameter, value, "%20"),
    "pipeDelimited": lambda parameter, value: _form(parameter, value, "%7C"),
    "deepObject": _deep_object,
}
