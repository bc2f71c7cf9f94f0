"""Bodies as bytes, by a table of media types."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..call import UNSET, Call, Upload
from ..environment import Values
from ..message import bare, is_json
from ..spec import Operation
from .described import BINARY, Described, content_of, fits, is_xml
from .forms import urlencoded
from .multipart import multipart
from .texts import bytes_of, json_of, text_of

Encoder = Callable[[Any, Described], tuple[bytes, str]]

_USUAL = {"*": "application/json", "application": "application/json", "text": "text/plain"}
_RECORD = {"json-seq": (b"\x1e", b"\n")}  # RFC 7464
_LINE = (b"", b"\n")
_SEQUENCES = ("jsonl", "x-ndjson", "ndjson", "json-lines", "x-jsonlines", "json-seq")


def body_of(operation: Operation, call: Call, values: Values) -> tuple[bytes, str]:
    """The body of a call and its content type; both are empty where there is none.

    Raises:
        UsageError: its media type cannot say it, or it is a file whose content is gone.
    """
    if call.body is UNSET:
        return b"", ""
    body, declared = values.fill(call.body), operation.body
    asked = call.media_type or (declared.media_type if declared else "application/json")
    media = _concrete(asked, body) if "*" in asked else asked
    if isinstance(body, bytes | Upload):
        return content_of(body), media
    if is_json(media):
        return json_of(body, "body"), media
    return _encoder(media)(body, Described(operation, asked, media))


def _concrete(asked: str, body: Any) -> str:
    """The file's own type, or the usual type in a range: a message has one type (RFC 9110, section 8.3)."""
    if isinstance(body, Upload) and body.media_type and fits(body.media_type, asked):
        return body.media_type
    main = bare(asked).partition("/")[0]
    return BINARY if isinstance(body, bytes | Upload) else _USUAL.get(main, BINARY)


def _encoder(media: str) -> Encoder:
    kind = bare(media)
    if kind in _BODIES:
        return _BODIES[kind]
    if kind.startswith("multipart/"):
        return multipart
    if is_xml(media):
        return _xml
    return _sequence if kind.rpartition("/")[2].rpartition("+")[2] in _SEQUENCES else _raw


def _raw(body: Any, described: Described) -> tuple[bytes, str]:
    return bytes_of(text_of(body, "body"), "body"), described.media


def _xml(body: Any, described: Described) -> tuple[bytes, str]:
    if isinstance(body, str):
        return _raw(body, described)
    from .xml import xml_of  # imported at first use, with the standard library's writer

    return xml_of(body, described.field, described.component, "body"), described.media


def _sequence(body: Any, described: Described) -> tuple[bytes, str]:
    """A list as one JSON text after the other (OpenAPI 3.2, section 4.14.3: sequential media types)."""
    if not isinstance(body, list):
        return _raw(body, described)
    before, after = _RECORD.get(bare(described.media).rpartition("/")[2].rpartition("+")[2], _LINE)
    texts = (json_of(entry, f"body.{index}") for index, entry in enumerate(body))
    return b"".join(before + text + after for text in texts), described.media


_BODIES: dict[str, Encoder] = {"application/x-www-form-urlencoded": urlencoded}
"""Encoders by media type; families of media types have theirs in `_encoder`."""
