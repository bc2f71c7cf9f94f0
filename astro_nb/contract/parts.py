"""A multipart body read back as the values that were meant, by the fields that it was made from.

openapi-core reads the parts as texts alone; this reader is independent of the writer in `wire`, so that each keeps the
other honest.
"""

from __future__ import annotations

from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from typing import Any

import orjson

from ..fields import Field
from ..message import Headers, header, is_json


def read_parts(field: Field | None, headers: Headers, body: bytes) -> dict[str, Any]:
    """The values of a multipart body by name (RFC 7578); a name that repeats, or that means a list, is a list."""
    found: dict[str, list[Any]] = {}
    for part in _parts(headers, body):
        name = str(part.get_param("name", "", header="content-disposition"))
        found.setdefault(name, []).append(_value(_entry(field, name), part))
    return {name: values if len(values) > 1 or _is_list(field, name) else values[0] for name, values in found.items()}


def _parts(headers: Headers, body: bytes) -> list[EmailMessage]:
    head = f"Content-Type: {header(headers, 'content-type')}\r\n\r\n".encode("utf-8", "replace")
    message = BytesParser(policy=policy.HTTP).parsebytes(head + body)
    return [part for part in message.iter_parts() if isinstance(part, EmailMessage)]


def _member(field: Field | None, name: str) -> Field | None:
    known = (form.member(name) for form in field.forms) if field is not None else ()
    return next((member for member in known if member is not None), None)


def _is_list(field: Field | None, name: str) -> bool:
    member = _member(field, name)
    return member is not None and member.kind == "array"


def _entry(field: Field | None, name: str) -> Field | None:
    member = _member(field, name)
    return member.item if member is not None and member.kind == "array" else member


def _value(field: Field | None, part: EmailMessage) -> Any:
    content = part.get_payload(decode=True)
    raw = content if isinstance(content, bytes) else b""
    if part.get_filename() is not None:
        return raw.decode("latin-1")  # a file is a string to a schema, whatever it holds
    text = raw.decode("utf-8", "replace")
    kind = field.kind if field is not None else "text"
    as_json = is_json(part.get_content_type()) if "content-type" in part else False
    return _parsed(text) if as_json or kind not in ("text", "file", "choice") else _chosen(field, text)


def _chosen(field: Field | None, text: str) -> Any:
    """A choice by its text: `1` may stand for the number."""
    choices = field.choices if field is not None and field.kind == "choice" else ()
    other = text if not choices or any(isinstance(choice, str) for choice in choices) else _parsed(text)
    return next((choice for choice in choices if str(choice) == text), other)


def _parsed(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
