"""What the document says of a body's media type: its schema, and the encoding of its parts.

Names and values as a form (application/x-www-form-urlencoded).

Values as the parts of a multipart body (RFC 2046, RFC 7578).

Bodies as bytes, by a table of media types.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from ..call import UNSET, Call, OmittedUpload, Upload
from ..environments import Resolver
from ..errors import UsageError
from ..messages import bare_media_type, is_json
from ..openapi import Operation, Parameter, reference_name
from ..schema import Field, body_field, read_field
from .styles import Pairs, pairs_of, query_of
from .text import is_name, is_unfit, quoted, to_json, to_text, to_utf8

BINARY = "application/octet-stream"
Encoding = Mapping[str, Any]
"""The document's Encoding Object of one part (OpenAPI 3.1.1, section 4.8.15)."""


@dataclass(frozen=True)
class Described:
    """A media type of a body: as the document names it, and the type that the message is to have."""

    operation: Operation
    asked: str
    media: str

    @property
    def entry(self) -> Mapping[str, Any]:
        """The Media Type Object; empty where the document knows no such type."""
        content = self.operation.body.content if self.operation.body else {}
        wanted = bare_media_type(self.asked)
        named = next((entry for name, entry in content.items() if bare_media_type(name) == wanted), {})
        return content.get(self.asked, named)

    @property
    def field(self) -> Field | None:
        """The schema as a field; None where there is none."""
        return body_field(self.operation, self.asked)

    @property
    def component(self) -> str:
        """The name of the component that the schema is; empty where it is none."""
        schema = self.entry.get("schema")
        ref = schema.get("$ref") if isinstance(schema, Mapping) else None
        return reference_name(ref) if isinstance(ref, str) else ""

    @property
    def encodings(self) -> Mapping[str, Encoding]:
        """The encoding of each named part."""
        found = self.entry.get("encoding")
        return {k: v for k, v in found.items() if isinstance(v, Mapping)} if isinstance(found, Mapping) else {}

    def positional(self, index: int) -> Encoding:
        """The encoding of the part at that place (OpenAPI 3.2, section 4.15: `prefixEncoding`, `itemEncoding`)."""
        prefix, rest = self.entry.get("prefixEncoding"), self.entry.get("itemEncoding")
        found = prefix[index] if isinstance(prefix, list) and index < len(prefix) else rest
        return found if isinstance(found, Mapping) else {}


def member_of(field: Field | None, name: str, whole: Any) -> Field | None:
    """The field of a property, in the branch of a union that the whole value belongs to."""
    if field is not None and field.kind == "union":
        branch = field.branch_for(whole)
        field = branch.field if branch else None
    return field.member(name) if field else None


def fits(media: str, allowed: str) -> bool:
    """Whether a media type is one of a list of types and ranges, divided by commas."""
    kind = bare_media_type(media)
    main = kind.partition("/")[0]
    return any(bare_media_type(entry) in (kind, f"{main}/*", "*/*", "*") for entry in allowed.split(","))


def part_type(value: Any, encoding: Encoding, field: Field | None) -> str:
    """The content type of a part; empty where nothing says it.

    A file's own where the document allows it, else the first of the document's that is no range (its `contentType`,
    else the schema's `contentMediaType`).
    """
    own = value.media_type if isinstance(value, Upload) else ""
    listed = str(encoding.get("contentType") or _said_by(field, own))
    if own and (not listed or fits(own, listed)):
        return own
    found = _first(text.strip() for text in listed.split(","))
    return found or (BINARY if isinstance(value, bytes | Upload) else "")


def is_xml(media: str) -> bool:
    """Whether a media type carries XML (RFC 7303)."""
    kind = bare_media_type(media)
    return kind in ("application/xml", "text/xml") or kind.endswith("+xml")


def content_of(value: bytes | Upload) -> bytes:
    """The bytes of a file.

    Raises:
        UsageError: the history has kept no more of it than its name.
    """
    if isinstance(value, OmittedUpload):
        name = f"The file {value.name!r}" if value.name else "The file"
        raise UsageError(
            f"{name} of {_sized(value.original_size)} was too large to be kept: its content is gone.",
            "Give the file again.",
        )
    return value if isinstance(value, bytes) else value.content


def _sized(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 1_000_000 else f"{size} bytes"


def _said_by(field: Field | None, own: str) -> str:
    schema = field.schema if field and not own else {}
    return str(schema.get("contentMediaType") or "")


def _first(types: Iterable[str]) -> str:
    return next((text for text in types if "*" not in text), "")


_STYLED = {"style", "explode", "allowReserved"}


def urlencoded(body: Any, described: Described) -> tuple[bytes, str]:
    """A form; a text is one already.

    A space is %20, which every reader of forms knows; `+` is for a plus in the older half of them (OpenAPI 3.1.1,
    appendix E).
    """
    if isinstance(body, str):
        return to_utf8(body, "body"), described.media
    found: Pairs = []
    for name, value in fields_of(body, described.media):
        encoding = described.encodings.get(name, {})
        found += styled(name, value, encoding) or _pairs(name, value, _type(body, name, value, described))
    return query_of(found).encode(), described.media


def styled(name: str, value: Any, encoding: Encoding) -> Pairs | None:
    """The pairs of a field whose encoding names a style; None where it names none: then its content type counts."""
    if not _STYLED & encoding.keys():
        return None
    style = str(encoding.get("style") or "form")
    explode, reserved = bool(encoding.get("explode", style == "form")), bool(encoding.get("allowReserved"))
    field = Parameter(name, name, "query", False, {}, style=style, explode=explode, allow_reserved=reserved)
    return pairs_of((field,), {name: value})


def fields_of(body: Any, media: str) -> list[tuple[str, Any]]:
    """The names and values of a body.

    Raises:
        UsageError: it is none of names and values.
    """
    if not isinstance(body, Mapping):
        raise UsageError(f"A body of type {media} has to be names and values.", "Give a dict.")
    return [(to_text(name, "body"), value) for name, value in body.items()]


def each(value: Any) -> list[Any]:
    """What a name is repeated for: the entries of a list; null is nothing."""
    return [v for v in (value if isinstance(value, list) else [value]) if v is not None]


def _type(body: Any, name: str, value: Any, described: Described) -> str:
    return part_type(value, described.encodings.get(name, {}), member_of(described.field, name, body))


def _pairs(name: str, value: Any, media: str) -> Pairs:
    at = f"body.{name}"
    texts = [to_json(value, at).decode()] if is_json(media) else [to_text(v, at) for v in each(value)]
    return [(quoted(name, at), quoted(text, at)) for text in texts]


_ESCAPES = str.maketrans({'"': "%22", "\r": "%0D", "\n": "%0A"})
"""In names, and nothing else: UTF-8 stands as it is (RFC 7578, sections 2 and 5.1; WHATWG HTML, 4.10.21.8)."""


@dataclass(frozen=True)
class Part:
    """One part: what stands in its header, and its content."""

    headers: tuple[tuple[str, str], ...]
    content: bytes


def multipart(body: Any, described: Described) -> tuple[bytes, str]:
    """A body of parts: named ones of a mapping, unnamed ones of a list (other than a form's)."""
    is_form = bare_media_type(described.media) == "multipart/form-data"
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
        member = field.item_at(index) if field else None
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
        return to_json(value, at), kind or "application/json"
    if structured and is_xml(kind):
        from .xml import xml_of  # imported at first use, with the standard library's writer

        return xml_of(value, field, name, at), kind
    if structured:
        raise UsageError(f"{at} is sent as {kind}, and only JSON is made of objects and lists.", "Give it as a text.")
    return to_utf8(to_text(value, at), at), kind


def _text_part(name: str, text: str, at: str) -> Part:
    return Part((("Content-Disposition", f'form-data; name="{_escaped(name)}"'),), to_utf8(text, f"body.{at}"))


def _extra(operation: Operation, encoding: Encoding) -> tuple[tuple[str, str], ...]:
    """The headers of a part whose value the document fixes: by `const`, an `enum` of one, or a default."""
    listed = encoding.get("headers")
    found = []
    for name, entry in listed.items() if isinstance(listed, Mapping) else ():
        schema = read_field(operation.spec, operation.spec.resolve(entry).get("schema", {})).schema
        only = list(schema.get("enum") or [])
        value = schema.get("const", only[0] if len(only) == 1 else schema.get("default"))
        if value is not None and name.lower() != "content-type":
            found.append((str(name), to_text(value, str(name))))
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
    to_utf8(name, "body")  # half of a character is told
    return name.translate(_ESCAPES)


def _occurs(boundary: str, contents: list[bytes]) -> bool:
    return any(boundary.encode() in content for content in contents)


Encoder = Callable[[Any, Described], tuple[bytes, str]]

_USUAL = {"*": "application/json", "application": "application/json", "text": "text/plain"}
_RECORD = {"json-seq": (b"\x1e", b"\n")}  # RFC 7464
_LINE = (b"", b"\n")
_SEQUENCES = ("jsonl", "x-ndjson", "ndjson", "json-lines", "x-jsonlines", "json-seq")


def body_of(operation: Operation, call: Call, values: Resolver) -> tuple[bytes, str]:
    """The body of a call and its content type; both are empty where there is none.

    Raises:
        UsageError: its media type cannot say it, or it is a file whose content is gone.
    """
    if call.body is UNSET:
        return b"", ""
    body, declared = values.resolve(call.body), operation.body
    asked = call.media_type or (declared.media_type if declared else "application/json")
    media = _concrete(asked, body) if "*" in asked else asked
    if isinstance(body, bytes | Upload):
        return content_of(body), media
    if is_json(media):
        return to_json(body, "body"), media
    return _encoder(media)(body, Described(operation, asked, media))


def _concrete(asked: str, body: Any) -> str:
    """The file's own type, or the usual type in a range: a message has one type (RFC 9110, section 8.3)."""
    if isinstance(body, Upload) and body.media_type and fits(body.media_type, asked):
        return body.media_type
    main = bare_media_type(asked).partition("/")[0]
    return BINARY if isinstance(body, bytes | Upload) else _USUAL.get(main, BINARY)


def _encoder(media: str) -> Encoder:
    kind = bare_media_type(media)
    if kind in _BODIES:
        return _BODIES[kind]
    if kind.startswith("multipart/"):
        return multipart
    if is_xml(media):
        return _xml
    return _sequence if kind.rpartition("/")[2].rpartition("+")[2] in _SEQUENCES else _raw


def _raw(body: Any, described: Described) -> tuple[bytes, str]:
    return to_utf8(to_text(body, "body"), "body"), described.media


def _xml(body: Any, described: Described) -> tuple[bytes, str]:
    if isinstance(body, str):
        return _raw(body, described)
    from .xml import xml_of  # imported at first use, with the standard library's writer

    return xml_of(body, described.field, described.component, "body"), described.media


def _sequence(body: Any, described: Described) -> tuple[bytes, str]:
    """A list as one JSON text after the other (OpenAPI 3.2, section 4.14.3: sequential media types)."""
    if not isinstance(body, list):
        return _raw(body, described)
    before, after = _RECORD.get(bare_media_type(described.media).rpartition("/")[2].rpartition("+")[2], _LINE)
    texts = (to_json(entry, f"body.{index}") for index, entry in enumerate(body))
    return b"".join(before + text + after for text in texts), described.media


_BODIES: dict[str, Encoder] = {"application/x-www-form-urlencoded": urlencoded}
"""Encoders by media type; families of media types have theirs in `_encoder`."""
