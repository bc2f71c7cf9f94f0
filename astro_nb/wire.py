"""Between our words and HTTP's, both ways.

`build_request(operation, call, values)` is pure, and called twice: with shown values for the eye, with revealed ones
for the transport. Parameters are serialised by the table of the OpenAPI specification (3.1.1, section 4.8.12.2 and
appendix E); what it leaves open follows RFC 6570.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import orjson

from .call import UNSET, Call
from .environment import Values
from .errors import MissingArgument, UsageError
from .message import Headers, Request, Response, is_json
from .spec import Operation, Parameter, SecurityScheme

USER_AGENT = "astro_nb"
_RESERVED = ":/?#[]@!$&'()*+,;="
_SAFE_IN_PATH = "!$&'()*,:@;="

Pairs = list[tuple[str, str]]


def build_request(operation: Operation, call: Call, values: Values) -> Request:
    """The request that a call means.

    Args:
        operation: the operation called.
        call: its arguments, still holding templates.
        values: how templates resolve; whether secrets become stars or are revealed.

    Raises:
        UnknownName: a variable or a parameter does not exist.
        MissingArgument: a path parameter has no value.
        SecretRefused: a secret would leave its hosts, or go out in the clear.
    """
    given = values.fill(dict(call.parameters))
    path = _path(operation, given)
    query = _pairs(operation, given, "query")
    headers = [*values.fill(dict(values.environment.headers)).items(), *_pairs(operation, given, "header")]
    cookies = _pairs(operation, given, "cookie")
    _authenticate(operation, values, headers, query, cookies)
    body, content = _body(operation, call, values)
    headers += [("Content-Type", content)] if content else []
    headers += list(values.fill(dict(call.headers)).items())
    if cookies:
        headers.append(("Cookie", "; ".join(f"{name}={value}" for name, value in cookies)))
    url = _base_url(values) + path + (f"?{_query(query)}" if query else "")
    return _checked(Request(operation.method, url, _finished(operation, headers), body, bool(values.used)), values)


def to_httpx(request: Request) -> httpx.Request:
    """Our request as httpx's, ready for a transport."""
    headers = [(k.encode("ascii", "replace"), v.encode("utf-8")) for k, v in request.headers]
    if request.body or request.method in ("POST", "PUT", "PATCH"):
        headers.append((b"Content-Length", str(len(request.body)).encode()))
    host = urlsplit(request.url).netloc.rpartition("@")[2].encode()
    return httpx.Request(
        request.method, request.url, headers=[(b"Host", host), *headers], stream=httpx.ByteStream(request.body)
    )


def from_httpx(response: httpx.Response, body: bytes) -> Response:
    """httpx's response, its body read, as ours."""
    headers = tuple((k.decode("ascii", "replace"), v.decode("utf-8", "replace")) for k, v in response.headers.raw)
    return Response(response.status_code, headers, body, response.reason_phrase, response.http_version)


def _base_url(values: Values) -> str:
    base = values.environment.base_url or ""
    if urlsplit(base).scheme not in ("http", "https"):
        raise UsageError(f"{base!r} is not the URL of a server.", 'Give one: connect(…, base_url="https://…").')
    return base.rstrip("/")


def _checked(request: Request, values: Values) -> Request:
    if values.used:
        values.environment.require_home(request.url)
    for name, value in request.headers:
        if any(c in name + value for c in "\r\n\0"):
            raise UsageError(f"The header {name} holds a line break.", "Take it out of the value.")
    return request


def _finished(operation: Operation, headers: Pairs) -> Headers:
    """The headers, each name once (the last wins), with those that every request needs."""
    found: dict[str, tuple[str, str]] = {}
    standard = [("User-Agent", USER_AGENT), ("Accept", _accept(operation)), ("Accept-Encoding", "gzip, deflate")]
    for name, value in [*standard, *headers]:
        found[name.lower()] = (name, str(value))
    return tuple(found.values())


def _accept(operation: Operation) -> str:
    kinds = dict.fromkeys(m for r in operation.responses.values() for m in r.content)
    return ", ".join([*kinds, "*/*;q=0.5"]) if kinds else "*/*"


# --- parameters: a table of styles ------------------------------------------------------------------------------------


def _path(operation: Operation, given: Mapping[str, Any]) -> str:
    path = operation.path
    for parameter in operation.parameters:
        if parameter.location == "path":
            value = given.get(parameter.key, UNSET)
            if value is UNSET or value is None or value == "":
                raise MissingArgument(
                    f"{operation.id} needs {parameter.key}: it is part of the path {operation.path}.",
                    f'Give it as an argument, or once for all: api.variables["{parameter.key}"] = …',
                    missing=[parameter.key],
                )
            path = path.replace(f"{{{parameter.name}}}", _PATH_STYLES[parameter.style](parameter, value))
    return path


def _pairs(operation: Operation, given: Mapping[str, Any], location: str) -> Pairs:
    found: Pairs = []
    for parameter in operation.parameters:
        value = given.get(parameter.key, UNSET)
        if parameter.location == location and value is not UNSET and value is not None:
            found += _one(parameter, value)
    return found


def _one(parameter: Parameter, value: Any) -> Pairs:
    if parameter.media_type:
        return [(parameter.name, _encode(parameter, orjson.dumps(value).decode()))]
    if parameter.location == "header":
        return [(parameter.name, _simple(parameter, value, lambda p, text: text))]
    style = _QUERY_STYLES.get(parameter.style, _form)
    return style(parameter, value)


def _text(value: Any) -> str:
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
        return encode(parameter, _text(v))

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
        return "".join(f";{parameter.name}={_encode(parameter, _text(v))}" for v in value)
    if parameter.explode and isinstance(value, Mapping):
        return "".join(f";{_encode(parameter, _text(k))}={_encode(parameter, _text(v))}" for k, v in value.items())
    return f";{parameter.name}={_simple(parameter, value)}"


def _form(parameter: Parameter, value: Any) -> Pairs:
    if isinstance(value, list):
        texts = [_encode(parameter, _text(v)) for v in value]
        return [(parameter.name, t) for t in texts] if parameter.explode else _joined(parameter, texts, ",")
    if isinstance(value, Mapping):
        pairs = [(_encode(parameter, str(k)), _encode(parameter, _text(v))) for k, v in value.items()]
        return pairs if parameter.explode else _joined(parameter, [t for pair in pairs for t in pair], ",")
    return [(parameter.name, _encode(parameter, _text(value)))]


def _delimited(parameter: Parameter, value: Any, joint: str) -> Pairs:
    if isinstance(value, Mapping):
        return _joined(parameter, [_encode(parameter, _text(t)) for pair in value.items() for t in pair], joint)
    if isinstance(value, list) and not parameter.explode:
        return _joined(parameter, [_encode(parameter, _text(v)) for v in value], joint)
    return _form(parameter, value)


def _deep_object(parameter: Parameter, value: Any) -> Pairs:
    if not isinstance(value, Mapping):
        return _form(parameter, value)
    found: Pairs = []
    for key, inner in value.items():
        for entry in inner if isinstance(inner, list) else [inner]:
            found.append((f"{parameter.name}[{_encode(parameter, str(key))}]", _encode(parameter, _text(entry))))
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


def _query(pairs: Pairs) -> str:
    return "&".join(f"{quote(name, safe='[]$.-_~%')}={value}" for name, value in pairs)


# --- bodies: a table of media types -----------------------------------------------------------------------------------


def _body(operation: Operation, call: Call, values: Values) -> tuple[bytes, str]:
    if call.body is UNSET:
        return b"", ""
    media = call.media_type or (operation.body.media_type if operation.body else "application/json")
    return _encoder(media)(values.fill(call.body), media)


def _encoder(media: str) -> Callable[[Any, str], tuple[bytes, str]]:
    bare = media.partition(";")[0].strip().lower()
    return _json if is_json(bare) or bare == "*/*" else _BODIES.get(bare, _raw)


def _json(body: Any, media: str) -> tuple[bytes, str]:
    return orjson.dumps(body), "application/json" if "*" in media else media


def _urlencoded(body: Any, media: str) -> tuple[bytes, str]:
    if not isinstance(body, Mapping):
        raise UsageError(f"A body of type {media} has to be names and values.", "Give a dict.")
    pairs = [(k, v) for k, value in body.items() for v in (value if isinstance(value, list) else [value])]
    return "&".join(f"{quote(str(k), safe='')}={quote(_text(v), safe='')}" for k, v in pairs).encode(), media


def _multipart(body: Any, media: str) -> tuple[bytes, str]:
    if not isinstance(body, Mapping):
        raise UsageError(f"A body of type {media} has to be names and values.", "Give a dict.")
    parts = [(k, _part(k, v)) for k, value in body.items() for v in (value if isinstance(value, list) else [value])]
    request = httpx.Request("POST", "http://localhost/", files=parts)
    return request.read(), request.headers["Content-Type"]


def _part(name: str, value: Any) -> tuple[str | None, bytes, str | None]:
    if isinstance(value, bytes):
        return name, value, "application/octet-stream"
    if isinstance(value, dict):
        return None, orjson.dumps(value), "application/json"
    return None, _text(value).encode(), None


def _raw(body: Any, media: str) -> tuple[bytes, str]:
    return (body if isinstance(body, bytes) else _text(body).encode()), media


_BODIES: dict[str, Callable[[Any, str], tuple[bytes, str]]] = {
    "application/x-www-form-urlencoded": _urlencoded,
    "multipart/form-data": _multipart,
}


# --- security: a table of schemes -------------------------------------------------------------------------------------


def _authenticate(operation: Operation, values: Values, headers: Pairs, query: Pairs, cookies: Pairs) -> None:
    """Add the credentials of the first alternative that the environment has secrets for; none fits: add nothing."""
    places = {"header": headers, "query": query, "cookie": cookies}
    for alternative in operation.security:
        if all(values.environment.secret_for(scheme.name) for scheme in alternative):
            for scheme in alternative:
                place, name, value = _credential(scheme, values.credential(scheme.name) or "", values.mode)
                places[place].append((name, quote(value, safe="*") if place == "query" else value))
            return


def _credential(scheme: SecurityScheme, value: str, mode: str) -> tuple[str, str, str]:
    if scheme.kind == "apiKey":
        return scheme.location or "header", scheme.parameter, value
    if scheme.kind == "basic" and mode == "revealed":
        value = base64.b64encode(value.encode()).decode()
    return "header", "Authorization", f"{_PREFIX.get(scheme.kind, 'Bearer')} {value}"


_PREFIX = {"basic": "Basic", "digest": "Digest"}
