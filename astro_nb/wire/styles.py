"""Parameters as text, by the table of the OpenAPI specification (3.1.1, section 4.8.12.2 and appendix E)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

import orjson

from ..call import UNSET
from ..errors import MissingArgument
from ..spec import Operation, Parameter

Pairs = list[tuple[str, str]]

_RESERVED = ":/?#[]@!$&'()*+,;="
_SAFE_IN_PATH = "!$&'()*,:@;="


def path_of(operation: Operation, parameters: tuple[Parameter, ...], given: Mapping[str, Any]) -> str:
    path = operation.path
    for parameter in parameters:
        value = given.get(parameter.key, UNSET)
        if value is UNSET or value is None or value == "":
            raise MissingArgument(
                f"{operation.id} needs {parameter.key}: it is part of the path {operation.path}.",
                f'Give it as an argument, or once for all: api.variables["{parameter.key}"] = …',
                missing=[parameter.key],
            )
        path = path.replace(f"{{{parameter.name}}}", _PATH_STYLES.get(parameter.style, _simple)(parameter, value))
    return path


def pairs_of(parameters: tuple[Parameter, ...], given: Mapping[str, Any]) -> Pairs:
    found: Pairs = []
    for parameter in parameters:
        value = given.get(parameter.key, UNSET)
        if value is not UNSET and value is not None:
            found += _one(parameter, value)
    return found


def _one(parameter: Parameter, value: Any) -> Pairs:
    if parameter.media_type:
        return [(parameter.name, _encode(parameter, orjson.dumps(value).decode()))]
    if parameter.location == "header":
        return [(parameter.name, _simple(parameter, value, lambda p, text: text))]
    style = _QUERY_STYLES.get(parameter.style, _form)
    return style(parameter, value)


def text_of(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: ""}[value]
    return orjson.dumps(value).decode() if isinstance(value, dict | list) else str(value)


def _encode(parameter: Parameter, text: str) -> str:
    if parameter.location in ("header", "cookie"):
        return text
    if parameter.location == "path":
        return quote(text, safe=_SAFE_IN_PATH) if parameter.allow_reserved else quote(text, safe="")
    return quote(text, safe=_RESERVED.replace("&", "").replace("#", "") if parameter.allow_reserved else "")


def _simple(parameter: Parameter, value: Any, encode: Callable[[Parameter, str], str] = _encode) -> str:
    def one(v: Any) -> str:
        return encode(parameter, text_of(v))

    if isinstance(value, list):
        return ",".join(map(one, value))
    if isinstance(value, Mapping):
        joint = "=" if parameter.explode else ","
        return ",".join(f"{one(k)}{joint}{one(v)}" for k, v in value.items())
    return one(value)


def _label(parameter: Parameter, value: Any) -> str:
    joint = "." if parameter.explode else ","
    return "." + _simple(parameter, value).replace(",", joint)


def _matrix(parameter: Parameter, value: Any) -> str:
    if parameter.explode and isinstance(value, list):
        return "".join(f";{parameter.name}={_encode(parameter, text_of(v))}" for v in value)
    if parameter.explode and isinstance(value, Mapping):
        return "".join(f";{_encode(parameter, text_of(k))}={_encode(parameter, text_of(v))}" for k, v in value.items())
    return f";{parameter.name}={_simple(parameter, value)}"


def _form(parameter: Parameter, value: Any) -> Pairs:
    if isinstance(value, list):
        texts = [_encode(parameter, text_of(v)) for v in value]
        return [(parameter.name, t) for t in texts] if parameter.explode else _joined(parameter, texts, ",")
    if isinstance(value, Mapping):
        pairs = [(_encode(parameter, str(k)), _encode(parameter, text_of(v))) for k, v in value.items()]
        return pairs if parameter.explode else _joined(parameter, [t for pair in pairs for t in pair], ",")
    return [(parameter.name, _encode(parameter, text_of(value)))]


def _delimited(parameter: Parameter, value: Any, joint: str) -> Pairs:
    if isinstance(value, Mapping):
        return _joined(parameter, [_encode(parameter, text_of(t)) for pair in value.items() for t in pair], joint)
    if isinstance(value, list) and not parameter.explode:
        return _joined(parameter, [_encode(parameter, text_of(v)) for v in value], joint)
    return _form(parameter, value)


def _deep_object(parameter: Parameter, value: Any) -> Pairs:
    if not isinstance(value, Mapping):
        return _form(parameter, value)
    found: Pairs = []
    for key, inner in value.items():
        for entry in inner if isinstance(inner, list) else [inner]:
            found.append((f"{parameter.name}[{_encode(parameter, str(key))}]", _encode(parameter, text_of(entry))))
    return found


def _joined(parameter: Parameter, texts: list[str], joint: str) -> Pairs:
    return [(parameter.name, joint.join(texts))] if texts else []


_PATH_STYLES: dict[str, Callable[[Parameter, Any], str]] = {"simple": _simple, "label": _label, "matrix": _matrix}
_QUERY_STYLES: dict[str, Callable[[Parameter, Any], Pairs]] = {
    "form": _form,
    "spaceDelimited": lambda p, v: _delimited(p, v, "%20"),
    "pipeDelimited": lambda p, v: _delimited(p, v, "%7C"),
    "deepObject": _deep_object,
}


def query_of(pairs: Pairs) -> str:
    return "&".join(f"{quote(name, safe='[]$.-_~%')}={value}" for name, value in pairs)
