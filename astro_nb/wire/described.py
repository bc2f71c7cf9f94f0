"""What the document says of a body's media type: its schema, and the encoding of its parts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..call import CutUpload, Upload
from ..errors import UsageError
from ..fields import Field, body_field
from ..message import bare
from ..spec import Operation, name_of

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
        wanted = bare(self.asked)
        named = next((entry for name, entry in content.items() if bare(name) == wanted), {})
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
        return name_of(ref) if isinstance(ref, str) else ""

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
    kind = bare(media)
    main = kind.partition("/")[0]
    return any(bare(entry) in (kind, f"{main}/*", "*/*", "*") for entry in allowed.split(","))


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
    kind = bare(media)
    return kind in ("application/xml", "text/xml") or kind.endswith("+xml")


def content_of(value: bytes | Upload) -> bytes:
    """The bytes of a file.

    Raises:
        UsageError: the history has kept no more of it than its name.
    """
    if isinstance(value, CutUpload):
        name = f"The file {value.name!r}" if value.name else "The file"
        raise UsageError(
            f"{name} of {_sized(value.whole)} was too large to be kept: its content is gone.", "Give the file again."
        )
    return value if isinstance(value, bytes) else value.content


def _sized(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 1_000_000 else f"{size} bytes"


def _said_by(field: Field | None, own: str) -> str:
    schema = field.schema if field and not own else {}
    return str(schema.get("contentMediaType") or "")


def _first(types: Iterable[str]) -> str:
    return next((text for text in types if "*" not in text), "")
