"""What a body is drawn as, by the media type that carries it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ..call import Upload
from ..fields import Field
from ..message import bare, is_json

_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
_WRITTEN = ("xml", "yaml", "x-yaml", "csv", "x-ndjson", "javascript", "graphql", "sql", "toml")
_BUILT = ("any", "object", "map", "array", "union")


def as_sent(field: Field | None, media_type: str | None) -> Field | None:
    """The field of a body as it is typed: text as it stands, or a file, where the media type knows no JSON."""
    media = bare(media_type or "")
    if field is None or is_json(media) or media in _FORMS or "*" in media.partition("/")[0]:
        return field
    drawn = next((draw for applies, draw in _DRAWN if applies(media)), None)
    return drawn(field, media) if drawn else field


def with_files(field: Field | None, value: Any, media_type: str | None) -> Any:
    """A sample whose files are files: a server takes a part without a file's name for a text."""
    if field is None or is_json(media_type or ""):
        return value
    if field.kind == "file" and isinstance(value, str):
        return Upload(f"{field.name or 'sample'}.txt", value.encode(), "text/plain")
    if field.kind == "union":
        branch = field.branch_for(value)
        return with_files(branch.field, value, media_type) if branch else value
    if isinstance(value, dict):
        return {name: with_files(field.member(name), inner, media_type) for name, inner in value.items()}
    if isinstance(value, list):
        return [with_files(field.entry(index), inner, media_type) for index, inner in enumerate(value)]
    return value


def is_written(media: str) -> bool:
    """Whether a media type is one that people write: text, XML and their like."""
    main, _, kind = bare(media).partition("/")
    return main == "text" or kind in _WRITTEN or kind.rpartition("+")[2] in ("xml", "yaml")


def _as_text(field: Field, media: str) -> Field:
    return replace(field, kind="text", type_name=media) if field.kind in _BUILT else field


def _as_file(field: Field, media: str) -> Field:
    return replace(field, kind="file", type_name=media) if field.kind in ("any", "text") else field


_DRAWN: tuple[tuple[Callable[[str], bool], Callable[[Field, str], Field]], ...] = (
    (is_written, _as_text),
    (lambda media: bool(media), _as_file),
)
