"""Bodies as bytes, by their media type.

| media type                          | encoder                          |
|-------------------------------------|----------------------------------|
| JSON, and YAML, which contains it   | `to_json`                        |
| CBOR (RFC 8949)                     | `to_cbor`                        |
| application/x-www-form-urlencoded   | `encode_form`                    |
| multipart/* (RFC 2046, RFC 7578)    | `encode_multipart`               |
| XML (RFC 7303)                      | `xml.xml_of`                     |
| JSON Lines, JSON text sequences     | `_encode_sequence`               |
| any other                           | text or bytes as they are        |

A new media type is a row in `_BODIES`, or a family in `_encoder`.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from ..call import UNSET, Call, OmittedUpload, Upload
from ..environments import Resolver
from ..errors import UsageError
from ..json_text import read_json
from ..messages import bare_media_type, is_cbor, is_json, is_yaml
from ..openapi import Operation, Parameter, reference_name
from ..openapi.parameters import is_token
from ..schema import Field, body_field, content_encoding, encode_content, read_field
from .styles import Pairs, build_pairs, has_forbidden_characters, join_pairs, percent_encode, to_json, to_text, to_utf8

BINARY = "application/octet-stream"
Encoding = Mapping[str, Any]
"""The document's Encoding Object of one part (OpenAPI 3.1.1, section 4.8.15)."""


@dataclass(frozen=True)
class BodyDescription:
    """What the document declares about the body of a message.

    Attributes:
        declared_type: the media type in the document; may be a range.
        media: the media type that the message will have.
    """

    operation: Operation
    declared_type: str
    media: str

    @property
    def entry(self) -> Mapping[str, Any]:
        """The Media Type Object; empty if the document does not declare the type."""
        return self.operation.body.entry(self.declared_type) if self.operation.body else {}

    @property
    def field(self) -> Field | None:
        """The schema as a field; None if there is none."""
        return body_field(self.operation, self.declared_type)

    @property
    def component_name(self) -> str:
        """The name of the schema's component; empty if it is not one."""
        schema = self.entry.get("schema")
        ref = schema.get("$ref") if isinstance(schema, Mapping) else None
        return reference_name(ref) if isinstance(ref, str) else ""

    @property
    def part_encodings(self) -> Mapping[str, Encoding]:
        """The Encoding Objects by the names of the parts."""
        found = self.entry.get("encoding")
        return {k: v for k, v in found.items() if isinstance(v, Mapping)} if isinstance(found, Mapping) else {}

    def positional_encoding(self, index: int) -> Encoding:
        """Return the encoding of the part at that position (OpenAPI 3.2, 4.15: `prefixEncoding`, `itemEncoding`)."""
        prefix, rest = self.entry.get("prefixEncoding"), self.entry.get("itemEncoding")
        found = prefix[index] if isinstance(prefix, list) and index < len(prefix) else rest
        return found if isinstance(found, Mapping) else {}


def member_of(field: Field | None, name: str, whole: Any) -> Field | None:
    """Return the field of a property; of a union in the branch that the whole value belongs to."""
    if field is not None and field.kind == "union":
        branch = field.branch_for(whole)
        field = branch.field if branch else None
    return field.member(name) if field else None


def matches_media_range(media: str, allowed: str) -> bool:
    """Whether a media type is one of a list of types and ranges, separated by commas."""
    kind = bare_media_type(media)
    main = kind.partition("/")[0]
    return any(bare_media_type(entry) in (kind, f"{main}/*", "*/*", "*") for entry in allowed.split(","))


def part_media_type(value: Any, encoding: Encoding, field: Field | None) -> str:
    """Return the content type of a part; empty if it is not declared.

    A file's own type if the document allows it, else the document's first type that is not a range: of its
    `contentType`, else of the schema's `contentMediaType`.
    """
    own = value.media_type if isinstance(value, Upload) else ""
    of_schema = field.schema.get("contentMediaType") if field and not own else None
    declared = str(encoding.get("contentType") or of_schema or "")
    if own and (not declared or matches_media_range(own, declared)):
        return own
    first = next((text.strip() for text in declared.split(",") if "*" not in text), "")
    return first or (BINARY if isinstance(value, bytes | Upload) else "")


def is_xml(media: str) -> bool:
    """Whether a media type carries XML (RFC 7303)."""
    kind = bare_media_type(media)
    return kind in ("application/xml", "text/xml") or kind.endswith("+xml")


def file_content(value: bytes | Upload) -> bytes:
    """Return the bytes of a file.

    Raises:
        UsageError: the history has only its name.
    """
    if isinstance(value, OmittedUpload):
        name = f"The file {value.name!r}" if value.name else "The file"
        size = f"{value.original_size / 1e6:.1f} MB"  # only files of more than 1 MB are omitted
        raise UsageError(f"{name} of {size} was too large to be stored in the history.", "Give the file again.")
    return value if isinstance(value, bytes) else value.content


def content_as_text(value: bytes | Upload, field: Field | None, at: str) -> str:
    """Return a file as text, which is how media types without files have it.

    Raises:
        UsageError: the document does not declare how.
    """
    if not content_encoding(field):
        raise UsageError(
            f"{at} is a file, and the document does not say how it is written as text (contentEncoding, format: byte).",
            "Give a text, or choose the media type multipart/form-data if the operation has it.",
        )
    return encode_content(field, file_content(value)).decode()


_STYLED = {"style", "explode", "allowReserved"}


def encode_form(body: Any, description: BodyDescription) -> tuple[bytes, str]:
    """Return names and values as a form; a text is already one.

    A space becomes %20, because some servers read `+` as a plus (OpenAPI 3.1.1, appendix E).
    """
    if isinstance(body, str):
        return to_utf8(body, "body"), description.media
    found: Pairs = []
    for name, value in require_members(body, description.media):
        encoding, member = description.part_encodings.get(name, {}), member_of(description.field, name, body)
        value = _files_as_text(value, member, f"body.{name}")
        media = part_media_type(value, encoding, member)
        found += style_field(name, value, encoding) or _field_pairs(name, value, media)
    return join_pairs(found).encode(), description.media


def style_field(name: str, value: Any, encoding: Encoding) -> Pairs | None:
    """Return the pairs of a field whose encoding has a style; None if it has none: then its content type counts."""
    if not _STYLED & encoding.keys():
        return None
    style = str(encoding.get("style") or "form")
    explode, reserved = bool(encoding.get("explode", style == "form")), bool(encoding.get("allowReserved"))
    field = Parameter(name, name, "query", False, {}, style=style, explode=explode, allow_reserved=reserved)
    return build_pairs((field,), {name: value})


def require_members(body: Any, media: str) -> list[tuple[str, Any]]:
    """Return the names and values of a body.

    Raises:
        UsageError: it is not a mapping.
    """
    if not isinstance(body, Mapping):
        raise UsageError(f"A body of type {media} has to be a mapping of names to values.", "Give a dict.")
    return [(to_text(name, "body"), value) for name, value in body.items()]


def repeated_values(value: Any) -> list[Any]:
    """Return the values for which a name is repeated: the items of a list, without null."""
    return [v for v in (value if isinstance(value, list) else [value]) if v is not None]


def _field_pairs(name: str, value: Any, media: str) -> Pairs:
    at = f"body.{name}"
    texts = [to_json(value, at).decode()] if is_json(media) else [to_text(v, at) for v in repeated_values(value)]
    return [(percent_encode(name, at), percent_encode(text, at)) for text in texts]


_ESCAPES = str.maketrans({'"': "%22", "\r": "%0D", "\n": "%0A"})
"""In names; other characters are plain UTF-8 (RFC 7578, sections 2 and 5.1; WHATWG HTML, 4.10.21.8)."""


@dataclass(frozen=True)
class Part:
    """One part: its headers and its content."""

    headers: tuple[tuple[str, str], ...]
    content: bytes


def encode_multipart(body: Any, description: BodyDescription) -> tuple[bytes, str]:
    """Return a body of parts: named parts of a mapping, unnamed parts of a list (except in a form)."""
    is_form = bare_media_type(description.media) == "multipart/form-data"
    build_parts = _positional_parts if isinstance(body, list) and not is_form else _named_parts
    parts = list(build_parts(body, description))
    boundaries = (f"astro_nb-{n}" for n in itertools.count(1))
    boundary = next(text for text in boundaries if not any(text.encode() in part.content for part in parts))
    lines = [piece for part in parts for piece in _write_part(part, boundary)]
    kind = description.media.partition(";")[0].strip()
    return b"".join([*lines, f"--{boundary}--\r\n".encode()]), f"{kind}; boundary={boundary}"


def _named_parts(body: Any, description: BodyDescription) -> Iterator[Part]:
    field, part_encodings = description.field, description.part_encodings
    for name, value in require_members(body, description.media):
        encoding = part_encodings.get(name, {})
        has_file = any(isinstance(v, bytes | Upload) for v in repeated_values(value))
        pairs = None if has_file else style_field(name, value, encoding)
        if pairs is not None:  # parts are not percent-encoded (OpenAPI 3.1.1, appendix E.3)
            yield from (_text_part(unquote(key), unquote(text), name) for key, text in pairs)
            continue
        member, extra = member_of(field, name, body), _fixed_headers(description.operation, encoding)
        whole = is_json(str(encoding.get("contentType"))) and isinstance(value, list) and member is None
        for entry in [value] if whole else repeated_values(value):
            inner = member.item if member and member.kind == "array" and isinstance(value, list) else member
            yield _make_part(f'form-data; name="{_escape_name(name)}"', name, entry, encoding, inner, extra)


def _positional_parts(body: list[Any], description: BodyDescription) -> Iterator[Part]:
    """Yield parts without names, which only their position identifies (OpenAPI 3.2, section 4.14.4)."""
    field = description.field
    for index, value in enumerate(body):
        encoding = description.positional_encoding(index)
        member = field.item_at(index) if field else None
        yield _make_part("", str(index), value, encoding, member, _fixed_headers(description.operation, encoding))


def _make_part(
    disposition: str, name: str, value: Any, encoding: Encoding, field: Field | None, extra: tuple[tuple[str, str], ...]
) -> Part:
    declared = part_media_type(value, encoding, field)
    content, media = _encode_content(f"body.{name}", name, value, declared, field)
    is_file = isinstance(value, bytes) or (isinstance(value, str) and field is not None and field.kind == "file")
    file = value.name if isinstance(value, Upload) else name if is_file and disposition else ""
    if file:
        plain = file.replace("\\", "/").rpartition("/")[2]
        disposition = f'{disposition or "attachment"}; filename="{_escape_name(plain)}"'
    if disposition:  # a part has one name
        extra = tuple((key, text) for key, text in extra if key.lower() != "content-disposition")
    transfer = field.schema.get("contentEncoding") if field is not None and content_encoding(field) == "base64" else ""
    headers = [("Content-Disposition", disposition), ("Content-Type", media), *extra]
    headers += [("Content-Transfer-Encoding", "base64")] if transfer else []  # OpenAPI 3.1.1, section 4.8.15.1.1
    return Part(tuple((name, value) for name, value in headers if value), content)


def _encode_content(at: str, name: str, value: Any, media: str, field: Field | None) -> tuple[bytes, str]:
    """Return the content of a part and its media type."""
    if isinstance(value, bytes | Upload):
        return encode_content(field, file_content(value)), media or BINARY
    structured = isinstance(value, dict | list)
    if is_cbor(media):
        return to_cbor(value, at), media
    if is_json(media) or (is_yaml(media) and structured) or (structured and not media):
        return to_json(value, at), media or "application/json"
    if structured and is_xml(media):
        from .xml import xml_of  # imported at first use

        return xml_of(value, field, name, at), media
    if structured:
        raise UsageError(f"{at} is sent as {media}, which has no objects and lists.", "Give it as a text.")
    return to_utf8(to_text(value, at), at), media


def _text_part(name: str, text: str, at: str) -> Part:
    return Part((("Content-Disposition", f'form-data; name="{_escape_name(name)}"'),), to_utf8(text, f"body.{at}"))


def _fixed_headers(operation: Operation, encoding: Encoding) -> tuple[tuple[str, str], ...]:
    """Return the headers of a part whose value the document fixes: by `const`, an `enum` of one value, or a default."""
    listed = encoding.get("headers")
    found = []
    for name, entry in listed.items() if isinstance(listed, Mapping) else ():
        schema = read_field(operation.spec, operation.spec.resolve(entry).get("schema", {})).schema
        only = list(schema.get("enum") or [])
        value = schema.get("const", only[0] if len(only) == 1 else schema.get("default"))
        if value is not None and name.lower() != "content-type":
            found.append((str(name), to_text(value, str(name))))
    return tuple(found)


def _write_part(part: Part, boundary: str) -> Iterator[bytes]:
    head = [f"--{boundary}"]
    for name, value in part.headers:
        if has_forbidden_characters(name + value) or not is_token(name):
            raise UsageError(
                f"The header {name[:60]!r} of a part contains a character that headers do not allow.",
                "Take it out of the value.",
            )
        head.append(f"{name}: {value}")
    yield "\r\n".join([*head, "", ""]).encode()
    yield part.content
    yield b"\r\n"


def _escape_name(name: str) -> str:
    to_utf8(name, "body")  # raises for half of a character
    return name.translate(_ESCAPES)


Encoder = Callable[[Any, BodyDescription], tuple[bytes, str]]

_USUAL_TYPES = {"*": "application/json", "application": "application/json", "text": "text/plain"}
_LINE_TYPES = ("jsonl", "x-ndjson", "ndjson", "json-lines", "x-jsonlines")
_SEQUENCE_PREFIXES = dict.fromkeys(_LINE_TYPES, b"") | {"json-seq": b"\x1e"}  # RFC 7464


def encode_body(operation: Operation, call: Call, values: Resolver) -> tuple[bytes, str]:
    """Return the body of a call and its content type; both are empty if there is no body.

    Raises:
        UsageError: its media type cannot represent it, or it is a file whose content was not stored.
    """
    if call.body is UNSET:
        return b"", ""
    body, declared = values.resolve(call.body), operation.body
    declared_type = call.media_type or (declared.media_type if declared else "application/json")
    media = _concrete_media_type(declared_type, body) if "*" in declared_type else declared_type
    description = BodyDescription(operation, declared_type, media)
    if isinstance(body, bytes | Upload):
        is_text = content_encoding(description.field) and not is_json(media)
        return (encode_content(description.field, file_content(body)) if is_text else file_content(body)), media
    return _encoder(media)(body, description)


def _encode_json(body: Any, description: BodyDescription) -> tuple[bytes, str]:
    try:
        return to_json(body, "body"), description.media
    except UsageError:
        plain = _files_as_text(body, description.field, "body")
        if plain is body:
            raise
        return to_json(plain, "body"), description.media


_NOT_IN_YAML = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


def to_cbor(value: Any, at: str) -> bytes:
    """Return a value as CBOR (RFC 8949); files are byte strings.

    Raises:
        UsageError: CBOR cannot represent it.
    """
    import cbor2  # imported at first use: few APIs have it

    def other(encoder: Any, inner: Any) -> None:
        encoder.encode(file_content(inner) if isinstance(inner, Upload) else read_json(to_json(inner, at)).data)

    return bytes(cbor2.dumps(value, default=other))


def _encode_cbor(body: Any, description: BodyDescription) -> tuple[bytes, str]:
    return to_cbor(body, "body"), description.media


def _encode_yaml(body: Any, description: BodyDescription) -> tuple[bytes, str]:
    """Return data as JSON, which every reader of YAML 1.2 reads; a text is YAML already.

    Characters that JSON has and YAML does not (YAML 1.2.2, section 5.1), or that YAML folds, are escaped.
    """
    if isinstance(body, str):
        return _encode_text(body, description)
    text = _encode_json(body, description)[0].decode()
    return _NOT_IN_YAML.sub(lambda match: f"\\u{ord(match[0]):04x}", text).encode(), description.media


def _files_as_text(value: Any, field: Field | None, at: str) -> Any:
    """Return a value with its files as text; the value itself if it has none."""
    if isinstance(value, bytes | Upload):
        return content_as_text(value, field, at)
    if isinstance(value, dict):
        inner = {k: _files_as_text(v, member_of(field, k, value), f"{at}.{k}") for k, v in value.items()}
        return inner if any(inner[name] is not value[name] for name in value) else value
    if isinstance(value, list):
        of = field.item_at if field is not None and field.kind == "array" else lambda index: None
        items = [_files_as_text(entry, of(index), f"{at}.{index}") for index, entry in enumerate(value)]
        return items if any(new is not old for new, old in zip(items, value, strict=True)) else value
    return value


def _concrete_media_type(declared_type: str, body: Any) -> str:
    """Return one type of a range: the file's own, or the usual one (RFC 9110, section 8.3)."""
    if isinstance(body, Upload) and body.media_type and matches_media_range(body.media_type, declared_type):
        return body.media_type
    main = bare_media_type(declared_type).partition("/")[0]
    return BINARY if isinstance(body, bytes | Upload) else _USUAL_TYPES.get(main, BINARY)


def _encoder(media: str) -> Encoder:
    kind = bare_media_type(media)
    for matches, encoder in _FAMILIES:
        if matches(media):
            return encoder
    if kind in _BODIES:
        return _BODIES[kind]
    if kind.startswith("multipart/"):
        return encode_multipart
    if is_xml(media):
        return _encode_xml
    return _encode_sequence if _suffix(kind) in _SEQUENCE_PREFIXES else _encode_text


def _suffix(media: str) -> str:
    return bare_media_type(media).rpartition("/")[2].rpartition("+")[2]


def _encode_text(body: Any, description: BodyDescription) -> tuple[bytes, str]:
    return to_utf8(to_text(body, "body"), "body"), description.media


def _encode_xml(body: Any, description: BodyDescription) -> tuple[bytes, str]:
    if isinstance(body, str):
        return _encode_text(body, description)
    from .xml import xml_of  # imported at first use

    return xml_of(body, description.field, description.component_name, "body"), description.media


def _encode_sequence(body: Any, description: BodyDescription) -> tuple[bytes, str]:
    """Return a list as a sequence of JSON texts (OpenAPI 3.2, section 4.14.3)."""
    if not isinstance(body, list):
        return _encode_text(body, description)
    prefix = _SEQUENCE_PREFIXES[_suffix(description.media)]
    texts = (to_json(entry, f"body.{index}") for index, entry in enumerate(body))
    return b"".join(prefix + text + b"\n" for text in texts), description.media


_FAMILIES: tuple[tuple[Callable[[str], bool], Encoder], ...] = (
    (is_json, _encode_json),
    (is_yaml, _encode_yaml),
    (is_cbor, _encode_cbor),
)
_BODIES: dict[str, Encoder] = {"application/x-www-form-urlencoded": encode_form}
"""Encoders by media type; those for families of media types are in `_encoder`."""
