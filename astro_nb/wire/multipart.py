"""Values as the parts of a multipart body (RFC 2046, RFC 7578)."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from ..call import Upload
from ..errors import UsageError
from ..fields import Field, read
from ..message import bare, is_json
from ..spec import Operation
from .described import BINARY, Described, Encoding, content_of, is_xml, member_of, part_type
from .forms import each, fields_of, styled
from .texts import bytes_of, is_name, is_unfit, json_of, text_of

_ESCAPES = str.maketrans({'"': "%22", "\r": "%0D", "\n": "%0A"})
"""In names, and nothing else: UTF-8 stands as it is (RFC 7578, sections 2 and 5.1; WHATWG HTML, 4.10.21.8)."""


@dataclass(frozen=True)
class Part:
    """One part: what stands in its header, and its content."""

    headers: tuple[tuple[str, str], ...]
    content: bytes


def multipart(body: Any, described: Described) -> tuple[bytes, str]:
    """A body of parts: named ones of a mapping, unnamed ones of a list (other than a form's)."""
    is_form = bare(described.media) == "multipart/form-data"
    parts = list(_placed(body, described) if isinstance(body, list) and not is_form else _named(body, described))
    contents = [part.content for part in parts]
    boundary = next(text for n in itertools.count(1) if not _occurs(text := f"astro_nb-{n}", contents))
    lines = [piece for part in parts for piece in _written(part, boundary)]
    kind = described.media.partition(";")[0].strip()
    return b"".join([*lines, f"--{boundary}--\r\n".encode()]), f"{kind}; boundary={boundary}"


def _named(body: Any, described: Described) -> Iterator[Part]:
    field, encodings = described.field, described.encodings
    for name, value in fields_of(body, described.media):
        encoding = encodings.get(name, {})
        pairs = None if any(isinstance(v, bytes | Upload) for v in each(value)) else styled(name, value, encoding)
        if pairs is not None:  # nothing is percent-encoded in a part (OpenAPI 3.1.1, appendix E.3)
            yield from (_text_part(unquote(key), unquote(text), name) for key, text in pairs)
            continue
        member, extra = member_of(field, name, body), _extra(described.operation, encoding)
        whole = is_json(str(encoding.get("contentType"))) and isinstance(value, list) and member is None
        for entry in [value] if whole else each(value):
            inner = member.item if member and member.kind == "array" and isinstance(value, list) else member
            yield _part(f'form-data; name="{_escaped(name)}"', name, entry, encoding, inner, extra)


def _placed(body: list[Any], described: Described) -> Iterator[Part]:
    """Parts told apart by their place alone (OpenAPI 3.2, section 4.14.4)."""
    field = described.field
    for index, value in enumerate(body):
        encoding = described.positional(index)
        member = field.entry(index) if field else None
        yield _part("", str(index), value, encoding, member, _extra(described.operation, encoding))


def _part(
    disposition: str, name: str, value: Any, encoding: Encoding, field: Field | None, extra: tuple[tuple[str, str], ...]
) -> Part:
    kind = part_type(value, encoding, field)
    content, kind = _content(f"body.{name}", name, value, kind, field)
    file = value.name if isinstance(value, Upload) else name if isinstance(value, bytes) and disposition else ""
    if file:
        plain = file.replace("\\", "/").rpartition("/")[2]
        disposition = f'{disposition or "attachment"}; filename="{_escaped(plain)}"'
    ours = {"content-disposition"} if disposition else set()
    extra = tuple((key, text) for key, text in extra if key.lower() not in ours)  # a part has one name
    said = [("Content-Disposition", disposition), ("Content-Type", kind), *extra]
    return Part(tuple((name, value) for name, value in said if value), content)


def _content(at: str, name: str, value: Any, kind: str, field: Field | None) -> tuple[bytes, str]:
    if isinstance(value, bytes | Upload):
        return content_of(value), kind or BINARY
    structured = isinstance(value, dict | list)
    if is_json(kind) or (structured and not kind):
        return json_of(value, at), kind or "application/json"
    if structured and is_xml(kind):
        from .xml import xml_of  # imported at first use, with the standard library's writer

        return xml_of(value, field, name, at), kind
    if structured:
        raise UsageError(f"{at} is sent as {kind}, and only JSON is made of objects and lists.", "Give it as a text.")
    return bytes_of(text_of(value, at), at), kind


def _text_part(name: str, text: str, at: str) -> Part:
    return Part((("Content-Disposition", f'form-data; name="{_escaped(name)}"'),), bytes_of(text, f"body.{at}"))


def _extra(operation: Operation, encoding: Encoding) -> tuple[tuple[str, str], ...]:
    """The headers of a part whose value the document fixes: by `const`, an `enum` of one, or a default."""
    listed = encoding.get("headers")
    found = []
    for name, entry in listed.items() if isinstance(listed, Mapping) else ():
        schema = read(operation.spec, operation.spec.resolve(entry).get("schema", {})).schema
        only = list(schema.get("enum") or [])
        value = schema.get("const", only[0] if len(only) == 1 else schema.get("default"))
        if value is not None and name.lower() != "content-type":
            found.append((str(name), text_of(value, str(name))))
    return tuple(found)


def _written(part: Part, boundary: str) -> Iterator[bytes]:
    head = [f"--{boundary}"]
    for name, value in part.headers:
        if is_unfit(name + value) or not is_name(name):
            raise UsageError(
                f"The header {name[:60]!r} of a part holds what no header can hold.", "Take it out of the value."
            )
        head.append(f"{name}: {value}")
    yield "\r\n".join([*head, "", ""]).encode()
    yield part.content
    yield b"\r\n"


def _escaped(name: str) -> str:
    bytes_of(name, "body")  # half of a character is told
    return name.translate(_ESCAPES)


def _occurs(boundary: str, contents: list[bytes]) -> bool:
    return any(boundary.encode() in content for content in contents)
