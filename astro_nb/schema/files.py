"""Which fields of a body are files, and Python's files as values of them.

A file is written in several ways: `format: binary` (OpenAPI 3.0), `contentMediaType` or `contentEncoding` (3.1, section
4.8.14.3), an Encoding Object with a `contentType` (4.8.15), or a whole body of a binary media type.
"""

from __future__ import annotations

import base64
import io
import mimetypes
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

from ..call import UNSET, Call, Upload
from ..errors import UsageError
from ..messages import bare_media_type
from .field import Field

FILE = {"type": "string", "format": "binary"}

_TEXT_SUBTYPES = frozenset((
    "json", "xml", "yaml", "x-yaml", "csv", "x-ndjson", "ndjson", "jsonl", "x-jsonlines", "json-lines", "json-seq",
    "javascript", "x-javascript", "ecmascript", "graphql", "sql", "toml", "x-sh", "jwt", "jose", "x-pem-file",
    "x-www-form-urlencoded",
))  # fmt: skip


def is_text_media_type(media_type: str) -> bool:
    """Whether people write content of this media type as text: `text/*`, JSON, XML, YAML and so on."""
    main, _, subtype = bare_media_type(media_type).partition("/")
    return main == "text" or not {subtype, subtype.rpartition("+")[2]}.isdisjoint(_TEXT_SUBTYPES)


def is_binary_media_type(media_types: Any) -> bool:
    """Whether one of the media types, separated by commas, is binary: one that people do not write as text."""
    listed = [text.strip() for text in media_types.split(",")] if isinstance(media_types, str) else []
    return any("/" in text and not text.startswith("*") and not is_text_media_type(text) for text in listed)


# --- which fields are files -------------------------------------------------------------------------------------------


def mark_files(field: Field, media_type: str, encodings: Any) -> Field:
    """Return the field of a body in which each part of a form that is a file, or a list of files, has the kind `file`.

    Args:
        field: the field of the body.
        media_type: its media type.
        encodings: the Encoding Objects by the names of the parts, as the document has them.
    """
    if not bare_media_type(media_type).startswith("multipart/") or field.kind not in ("object", "array"):
        return field
    by_name = encodings if isinstance(encodings, Mapping) else {}
    changed = {}
    for child in field.children:
        encoding = by_name.get(child.name)
        schema = _file_schema(child, encoding if isinstance(encoding, Mapping) else {})
        if schema is not None:
            changed[child.name] = {"allOf": [field.schema["properties"][child.name], schema]}
            if child.kind == "union":
                changed[child.name] = {**_prose(child), **schema}
    if not changed:
        return field
    return replace(field, schema={**field.schema, "properties": {**field.schema["properties"], **changed}})


def _file_schema(field: Field, encoding: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return what makes the schema of a part that of a file, or of a list of files; None if it is none."""
    if field.kind == "array":
        item = field.item
        schema = _file_schema(item, encoding) if item is not None and not field.prefix else None
        return None if schema is None else {"items": schema}
    if field.kind == "union":
        branches = [branch.field for branch in field.branches]
        is_text = all(branch.kind in ("text", "file", "any") for branch in branches)
        is_file = any(branch.kind == "file" or _file_schema(branch, encoding) for branch in branches)
        return FILE if is_text and is_file else None
    if field.kind not in ("text", "any"):
        return None
    media_types = field.schema.get("contentMediaType"), encoding.get("contentType")
    return FILE if "contentEncoding" in field.schema or any(map(is_binary_media_type, media_types)) else None


def _prose(field: Field) -> dict[str, Any]:
    return {key: field.schema[key] for key in ("title", "description", "deprecated") if key in field.schema}


def takes_files(field: Field | None) -> bool:
    """Whether a value of a field may be a file: its content, or its content in base64."""
    if field is None:
        return False
    if field.kind == "union":
        return any(takes_files(branch.field) for branch in field.branches)
    declared = field.schema.keys() & {"contentMediaType", "contentEncoding"}
    return field.kind in ("file", "any") or (field.kind == "text" and (bool(declared) or field.info.format == "byte"))


# --- content as text --------------------------------------------------------------------------------------------------

_ENCODINGS: Mapping[str, Callable[[bytes], bytes]] = {
    "base64": base64.b64encode,
    "base64url": base64.urlsafe_b64encode,
    "base32": base64.b32encode,
    "base16": base64.b16encode,
}
"""The values of `contentEncoding` (RFC 2045, section 6.1; RFC 4648). Others leave the content as it is."""


def content_encoding(field: Field | None) -> str:
    """Return how a field's content is written as text; empty if it is sent as it is."""
    if field is None:
        return ""
    name = str(field.schema.get("contentEncoding") or ("base64" if field.info.format == "byte" else "")).lower()
    return name if name in _ENCODINGS else ""


def encode_content(field: Field | None, content: bytes) -> bytes:
    """Return content as the field declares it: in base64, or as it is."""
    name = content_encoding(field)
    return _ENCODINGS[name](content) if name else content


# --- Python's files ---------------------------------------------------------------------------------------------------


def read_files(call: Call, field: Field | None) -> Call:
    """Return a call in which Python's files are `Upload`s: paths, open files, and tuples of name, content and type.

    Args:
        call: the call.
        field: the field of its body.

    Raises:
        UsageError: a file is given for what is no file, or it cannot be read.
    """
    body = call.body
    if is_file(body):
        return replace(call, body=_read(body, "body", "body"))
    parameters = {name: _convert(None, value, name) for name, value in call.parameters.items()}
    return replace(call, parameters=parameters, body=body if body is UNSET else _convert(field, body, "body"))


def is_file(value: Any) -> bool:
    """Whether a value is one of Python's files: a path, or an object with bytes to read."""
    return isinstance(value, os.PathLike) or (hasattr(value, "read") and not isinstance(value, type))


def as_upload(value: Any, at: str) -> Any:
    """Return a tuple of a name, bytes and perhaps a media type as an upload; any other value as it is.

    For data without fields of its own, such as the cells of a table: nothing else has bytes after a text.
    """
    return _read_tuple(value, at) if isinstance(value, tuple) and _is_file_tuple(value, may_be_text=False) else value


def _convert(field: Field | None, value: Any, at: str) -> Any:
    if is_file(value):
        return _convert_file(field, value, at)
    if isinstance(value, bytearray | memoryview):
        return bytes(value)
    if isinstance(value, dict):
        branch = field.branch_for(value) if field is not None and field.kind == "union" else None
        chosen = branch.field if branch else field
        inner = {name: (chosen.member(str(name)) if chosen else None, item) for name, item in value.items()}
        return {name: _convert(member, item, f"{at}.{name}") for name, (member, item) in inner.items()}
    is_list = field is not None and field.kind == "array"
    own = field.item if field is not None and is_list else field
    may_be_text = field is not None and field.kind not in ("array", "any")  # these may hold two texts
    if isinstance(value, tuple) and takes_files(own) and _is_file_tuple(value, may_be_text):
        upload = _read_tuple(value, at)
        return [upload] if is_list else upload
    if isinstance(value, list | tuple) and not hasattr(value, "_fields"):
        items = [_convert(field.item_at(n) if is_list and field else None, v, f"{at}.{n}") for n, v in enumerate(value)]
        return items if any(new is not old for new, old in zip(items, value, strict=True)) else value
    return value


def _convert_file(field: Field | None, value: Any, at: str) -> Any:
    name = field.name if field is not None and field.name else "file"
    if field is not None and field.kind == "array" and takes_files(field.item):
        return [_read(value, at, name)]
    if takes_files(field):
        return _read(value, at, name)
    kind = f"a file ({type(value).__name__})"
    declared = f"the document has {field.type_name}" if field is not None else "no file can be sent"
    raise UsageError(
        f"{at} is given {kind}, but {declared} there: nothing was sent.",
        "Give its content as a text, or its name: str(path).",
    )


def _is_file_tuple(value: tuple[Any, ...], may_be_text: bool) -> bool:
    """Whether a tuple is the name, the content and perhaps the type of a file."""
    if len(value) not in (2, 3) or not isinstance(value[0], str | None):
        return False
    has_content = isinstance(value[1], bytes | bytearray | memoryview) or is_file(value[1])
    is_text = isinstance(value[1], str) and may_be_text
    return (has_content or is_text) and (len(value) == 2 or isinstance(value[2], str | None))


def _read_tuple(value: tuple[Any, ...], at: str) -> Upload:
    name, content, media_type = (*value, None)[:3]
    if is_file(content):
        read = _read(content, at, name or "")
        content, media_type = read.content, media_type or read.media_type
    content = content.encode() if isinstance(content, str) else bytes(content)
    return Upload(name or "", content, media_type if media_type is not None else _guess_type(name or ""))


def _read(value: Any, at: str, default: str) -> Upload:
    """Return a path or an open file as an upload; the position in an open file stays where it was."""
    if isinstance(value, os.PathLike):
        path = Path(os.fsdecode(value))
        try:
            return Upload(path.name, path.read_bytes(), _guess_type(path.name))
        except (OSError, ValueError) as error:  # ValueError: a path with a NUL
            why = getattr(error, "strerror", None) or str(error)
            _refuse(at, f"the file {str(path)!r} cannot be read ({why})", "Check the path.", error)
    if isinstance(value, io.TextIOBase):
        _refuse(at, "the file is open in text mode, so that its bytes are not known", 'Open it with open(…, "rb").')
    if getattr(value, "closed", False):
        _refuse(at, "the file is closed", "Call inside `with open(…)`, or give its path: Path(…).")
    own = getattr(value, "name", None)
    name = os.path.basename(own) if isinstance(own, str) and not own.startswith("<") else default
    return Upload(name, _read_content(value, at), _guess_type(name))


def _read_content(value: Any, at: str) -> bytes:
    try:
        start = value.tell() if value.seekable() else 0
        content = value.read()
        if value.seekable():
            value.seek(start)
    except AttributeError:  # it offers `read` alone
        start, content = 0, value.read()
    except (OSError, ValueError) as error:
        _refuse(at, f"the file cannot be read ({error})", 'Open it with open(…, "rb").', error)
    if not isinstance(content, bytes | bytearray):
        _refuse(at, f"a {type(value).__name__} has no bytes to read", "Give bytes, a path or an open file.")
    if start and not content:
        _refuse(at, "the file has been read to its end", "Go back with `file.seek(0)`, or give its path.")
    return bytes(content)


def _guess_type(name: str) -> str:
    return mimetypes.guess_type(name)[0] or ""


def _refuse(at: str, what: str, todo: str, cause: BaseException | None = None) -> NoReturn:
    raise UsageError(f"{at}: {what}; nothing was sent.", todo) from cause
