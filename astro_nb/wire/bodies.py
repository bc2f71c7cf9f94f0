"""Bodies as bytes, by a table of media types."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

import httpx
import orjson

from ..call import UNSET, Call
from ..environment import Values
from ..errors import UsageError
from ..message import is_json
from ..spec import Operation
from .styles import text_of


def body_of(operation: Operation, call: Call, values: Values) -> tuple[bytes, str]:
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
    return "&".join(f"{quote(str(k), safe='')}={quote(text_of(v), safe='')}" for k, v in pairs).encode(), media


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
    return None, text_of(value).encode(), None


def _raw(body: Any, media: str) -> tuple[bytes, str]:
    return (body if isinstance(body, bytes) else text_of(body).encode()), media


_BODIES: dict[str, Callable[[Any, str], tuple[bytes, str]]] = {
    "application/x-www-form-urlencoded": _urlencoded,
    "multipart/form-data": _multipart,
}
