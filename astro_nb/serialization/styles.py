"""Parameters as text, by the table of the OpenAPI specification (3.1.1, section 4.8.12.2 and appendix E).

What it leaves open is read as qs, the reader of most servers for `deepObject`, reads it: members of members have a
bracket each, `a[b][c]=1`; a list of scalars repeats its name, and one that holds more is numbered, `a[b][0][c]=1`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from ..call import UNSET
from ..errors import MissingArgument, UsageError
from ..messages import bare_media_type, is_json
from ..openapi import Operation, Parameter
from .text import quoted, to_json, to_text

Pairs = list[tuple[str, str]]
"""Names and values as they stand in the message: in a query both are encoded."""

_RESERVED = {"query": ":/?[]@!$'()*+,;=", "path": "!$&'()*,:@;=", "cookie": ":/?#[]@!$&'()*+="}
_AS_IT_IS = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in "\\`")
_WRITTEN = re.compile(f"/[{re.escape(_AS_IT_IS)}]*")
"""A path as it can stand behind a host: one that begins otherwise would change the host."""

_PLAIN = ("header", "cookie")
_TRIPLE = re.compile("(%[0-9A-Fa-f]{2})")
_DIVIDER = "(?:[/\\\\;]|%(?:25)*(?:2f|5c|3b))"
_CLIMBING = re.compile(f"{_DIVIDER}(?:\\.|%(?:25)*2e){{1,2}}(?:{_DIVIDER}|$)", re.IGNORECASE)
"""A step of one or two dots, in whatever spelling a server may decode before it looks where the path leads."""


def path_of(operation: Operation, parameters: tuple[Parameter, ...], given: Mapping[str, Any]) -> str:
    """The path with its parameters in it.

    Raises:
        MissingArgument: nothing would stand where a parameter belongs.
        UsageError: a step of dots would lead to another resource.
    """
    path = operation.path
    for parameter in parameters:
        text = _step(parameter, given.get(parameter.key))
        if not text:
            raise _missing(operation, parameter)
        path = path.replace(f"{{{parameter.name}}}", text)
    if not _WRITTEN.fullmatch(path):  # the document's own words, in which anything may stand
        path = quoted(f"/{path.removeprefix('/')}", "path", _AS_IT_IS)
    if parameters and ("." in path or "%" in path) and _CLIMBING.search(path):
        raise UsageError(
            f"A step of dots in {operation.path} would lead to another resource: nothing was sent.",
            f"Give the id itself as {' and '.join(p.key for p in parameters)}.",
        )
    return path


def pairs_of(parameters: tuple[Parameter, ...], given: Mapping[str, Any]) -> Pairs:
    """The names and values that the parameters of one place are sent as."""
    found: Pairs = []
    for parameter in parameters:
        value = given.get(parameter.key)
        if value is not None and value is not UNSET:
            found += _pairs(parameter, value)
    return found


def query_of(pairs: Pairs) -> str:
    """Pairs, encoded already, as a query or as a form."""
    return "&".join([f"{name}={value}" for name, value in pairs])


def _step(parameter: Parameter, value: Any) -> str:
    if parameter.media_type and value is not None:
        return _encode(parameter, _content(parameter, value))
    value = _defined(value)
    if value is None or (value == "" and parameter.style != "matrix"):
        return ""
    return _PATH_STYLES.get(parameter.style, _simple)(parameter, value)


def _pairs(parameter: Parameter, value: Any) -> Pairs:
    if parameter.media_type:
        return [(_name(parameter), _encode(parameter, _content(parameter, value)))]
    value = _defined(value)
    if value is None:
        return []
    if parameter.location == "header":
        return [(parameter.name, _simple(parameter, value))]
    return _PAIR_STYLES.get(parameter.style, _form)(parameter, value)


def _content(parameter: Parameter, value: Any) -> str:
    """A value as its media type writes it: JSON, a form, or a text as it is."""
    media = parameter.media_type or ""
    if bare_media_type(media) == "application/x-www-form-urlencoded" and isinstance(value, Mapping):
        inner = Parameter(parameter.key, "", "query", False, {}, style="form", explode=True)
        return query_of([pair for name, v in value.items() for pair in _pairs(replace(inner, name=str(name)), v)])
    return to_json(value, parameter.key).decode() if is_json(media) else to_text(value, parameter.key)


def whole_query(parameters: tuple[Parameter, ...], given: Mapping[str, Any]) -> str:
    """The query that a parameter `in: querystring` is (OpenAPI 3.2, section 4.12.1); empty where none is given."""
    found = [(p, value) for p in parameters if (value := given.get(p.key)) is not None and value is not UNSET]
    for parameter, value in found:
        text = _content(parameter, value)
        is_form = bare_media_type(parameter.media_type or "") == "application/x-www-form-urlencoded"
        return quoted(text, parameter.key, f"%&{_RESERVED['query']}" if is_form else "")
    return ""


def _defined(value: Any) -> Any:
    """A value without what RFC 6570, section 2.3, calls undefined: null, and what has no members beside it."""
    if isinstance(value, list):
        return [v for v in value if v is not None and v is not UNSET] or None
    if isinstance(value, Mapping):
        return {k: v for k, v in value.items() if v is not None and v is not UNSET} or None
    return None if value is UNSET else value


def _encode(parameter: Parameter, value: Any) -> str:
    """A value, or an entry of one, as it is sent."""
    text = to_text(value, parameter.key)
    if _is_plain(parameter):
        return _uncut(parameter, text)
    if not parameter.allow_reserved:
        return quoted(text, parameter.key)
    safe = _RESERVED[parameter.location]  # RFC 6570, section 3.2.3: triples pass too
    parts = enumerate(_TRIPLE.split(text))
    return "".join(part if number % 2 else quoted(part, parameter.key, safe) for number, part in parts)


def _key(parameter: Parameter, key: Any) -> str:
    """A name, the parameter's or a member's, as it is sent: whatever is allowed in values, it is told from them."""
    text = to_text(key, parameter.key)
    return _uncut(parameter, text) if _is_plain(parameter) else quoted(text, parameter.key, "$")


def _uncut(parameter: Parameter, text: str) -> str:
    """A text that nothing encodes, in one piece: what stands behind a semicolon would be a cookie of its own."""
    if parameter.location == "cookie" and ";" in text:
        what = f"{parameter.key} holds a semicolon, which ends a cookie: nothing was sent."
        raise UsageError(what, "Take it out, or encode it as the server reads it, often as %3B.")
    return text


def _is_plain(parameter: Parameter) -> bool:
    """Whether nothing is percent-encoded: in headers, and in cookies but for the style `form` (3.2, appendix D.1)."""
    return parameter.location in _PLAIN and (parameter.location == "header" or not _is_form(parameter))


def _is_form(parameter: Parameter) -> bool:
    return parameter.style == "form" and not parameter.media_type


def _name(parameter: Parameter) -> str:
    return _key(parameter, parameter.name)


def _parts(parameter: Parameter, value: Any) -> list[str]:
    """What a value is expanded to: its entries; its names and values, as equations where it is exploded."""
    if isinstance(value, list):
        return [_encode(parameter, v) for v in value]
    if not isinstance(value, Mapping):
        return [_encode(parameter, value)]
    pairs = [(_key(parameter, k), _encode(parameter, v)) for k, v in value.items()]
    return [f"{k}={v}" for k, v in pairs] if parameter.explode else [text for pair in pairs for text in pair]


def _simple(parameter: Parameter, value: Any) -> str:
    return ",".join(_parts(parameter, value))


def _label(parameter: Parameter, value: Any) -> str:
    return "." + ("." if parameter.explode else ",").join(_parts(parameter, value))


def _matrix(parameter: Parameter, value: Any) -> str:
    name, parts = _name(parameter), _parts(parameter, value)
    if not (parameter.explode and isinstance(value, list | Mapping)):
        parts = [f"{name}={','.join(parts)}"]
    elif isinstance(value, list):
        parts = [f"{name}={part}" for part in parts]
    return "".join(f";{part.removesuffix('=') if part.find('=') == len(part) - 1 else part}" for part in parts)


def _form(parameter: Parameter, value: Any, joint: str = ",") -> Pairs:
    if parameter.explode and isinstance(value, Mapping):
        return [(_key(parameter, k), _encode(parameter, v)) for k, v in value.items()]
    name, parts = _name(parameter), _parts(parameter, value)
    return [(name, part) for part in parts] if parameter.explode else [(name, joint.join(parts))]


def _deep_object(parameter: Parameter, value: Any) -> Pairs:
    if not isinstance(value, Mapping):
        return _form(parameter, value)
    return _nested(parameter, _name(parameter), value)


def _nested(parameter: Parameter, name: str, value: Any) -> Pairs:
    value = _defined(value)
    if isinstance(value, Mapping):
        inside = [(f"{name}%5B{_key(parameter, key)}%5D", inner) for key, inner in value.items()]
    elif isinstance(value, list):
        plain = not any(isinstance(entry, list | Mapping) for entry in value)
        inside = [(name if plain else f"{name}%5B{index}%5D", entry) for index, entry in enumerate(value)]
    else:
        return [] if value is None else [(name, _encode(parameter, value))]
    return [pair for within, inner in inside for pair in _nested(parameter, within, inner)]


def _missing(operation: Operation, parameter: Parameter) -> MissingArgument:
    return MissingArgument(
        f"{operation.id} needs {parameter.key}: it is part of the path {operation.path}.",
        f'Give it as an argument, or once for all: api.variables["{parameter.key}"] = …',
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
