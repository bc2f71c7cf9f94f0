"""Bodies as bytes, by a table of media types."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import httpx

from ..call import UNSET, Call
from ..environment import Values
from ..errors import UsageError
from ..message import bare, is_json
from ..spec import Operation, Parameter
from .styles import Pairs, pairs_of, query_of
from .texts import bytes_of, json_of, quoted, text_of

Encodings = Mapping[str, Mapping[str, Any]]
"""The document's `encoding` of each property of a form (OpenAPI 3.1.1, section 4.8.15)."""

Encoder = Callable[[Any, str, Encodings], tuple[bytes, str]]
Part = tuple[str | None, bytes, str | None]
"""File name, content and content type of a part; None leaves the line out."""

_BINARY = "application/octet-stream"
_USUAL = {"*": "application/json", "application": "application/json", "text": "text/plain"}
_STYLED = {"style", "explode", "allowReserved"}


def body_of(operation: Operation, call: Call, values: Values) -> tuple[bytes, str]:
    """The body of a call and its content type; both are empty where there is none.

    Raises:
        UsageError: its media type cannot say it.
    """
    if call.body is UNSET:
        return b"", ""
    body, declared = values.fill(call.body), operation.body
    asked = call.media_type or (declared.media_type if declared else "application/json")
    media = _concrete(asked, body) if "*" in asked else asked
    if is_json(media):
        return json_of(body, "body"), media
    encode = _BODIES.get(bare(media), _raw)
    return encode(body, media, _encodings(declared.content.get(asked) if declared else None))


def _concrete(asked: str, body: Any) -> str:
    """The usual type in a range: a message has one type (RFC 9110, section 8.3)."""
    main = bare(asked).partition("/")[0]
    return _BINARY if isinstance(body, bytes) else _USUAL.get(main, _BINARY)


def _encodings(media: Mapping[str, Any] | None) -> Encodings:
    found = (media or {}).get("encoding")
    return {k: v for k, v in found.items() if isinstance(v, Mapping)} if isinstance(found, Mapping) else {}


def _raw(body: Any, media: str, encodings: Encodings) -> tuple[bytes, str]:
    return (body if isinstance(body, bytes) else bytes_of(text_of(body, "body"), "body")), media


def _urlencoded(body: Any, media: str, encodings: Encodings) -> tuple[bytes, str]:
    pairs = [pair for name, value in _fields(body, media) for pair in _pairs(name, value, encodings.get(name, {}))]
    return query_of(pairs).encode(), media


def _pairs(name: str, value: Any, encoding: Mapping[str, Any]) -> Pairs:
    if _STYLED & encoding.keys():
        style = str(encoding.get("style") or "form")
        explode, reserved = bool(encoding.get("explode", style == "form")), bool(encoding.get("allowReserved"))
        field = Parameter(name, name, "query", False, {}, style=style, explode=explode, allow_reserved=reserved)
        return pairs_of((field,), {name: value})
    at = f"body.{name}"
    texts = [json_of(value, at).decode()] if is_json(_part_type(encoding)) else [text_of(v, at) for v in _each(value)]
    return [(quoted(name, at), quoted(text, at)) for text in texts]


def _multipart(body: Any, media: str, encodings: Encodings) -> tuple[bytes, str]:
    kinds = {name: _part_type(encoding) for name, encoding in encodings.items()}
    parts = [(name, _part(name, v, kinds.get(name, ""))) for name, value in _fields(body, media) for v in _each(value)]
    if not parts:
        return b"--astro_nb--\r\n", "multipart/form-data; boundary=astro_nb"
    request = httpx.Request("POST", "http://localhost/", files=parts)
    return request.read(), request.headers["Content-Type"]


def _part(name: str, value: Any, kind: str) -> Part:
    at = f"body.{name}"
    if isinstance(value, bytes):
        return name, value, kind or _BINARY
    structured = isinstance(value, dict | list)
    if is_json(kind) or (structured and not kind):
        return None, json_of(value, at), kind or "application/json"
    if structured:
        raise UsageError(f"{at} is sent as {kind}, and only JSON is made of objects and lists.", "Give it as a text.")
    return None, bytes_of(text_of(value, at), at), kind or None


def _part_type(encoding: Mapping[str, Any]) -> str:
    """The content type that the document gives a part: the first that is no range; empty where there is none."""
    types = (text.strip() for text in str(encoding.get("contentType") or "").split(","))
    return next((text for text in types if "*" not in text), "")


def _fields(body: Any, media: str) -> list[tuple[str, Any]]:
    if not isinstance(body, Mapping):
        raise UsageError(f"A body of type {media} has to be names and values.", "Give a dict.")
    return [(text_of(name, "body"), value) for name, value in body.items()]


def _each(value: Any) -> list[Any]:
    """What a name is repeated for: the entries of a list; null is nothing."""
    return [v for v in (value if isinstance(value, list) else [value]) if v is not None]


_BODIES: dict[str, Encoder] = {
    "application/x-www-form-urlencoded": _urlencoded,
    "multipart/form-data": _multipart,
}
