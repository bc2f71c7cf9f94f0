"""The body of a form: the field at a location by the chosen branches, and what a media type means for the body."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ..call import Upload
from ..data import Location
from ..messages import bare_media_type, is_json
from ..schema import Field

Get = Callable[[Location], Any]
"""Returns the value at a location of the form."""

_FORM_TYPES = ("application/x-www-form-urlencoded", "multipart/form-data")
_TEXT_TYPES = ("xml", "yaml", "x-yaml", "csv", "x-ndjson", "javascript", "graphql", "sql", "toml")
_STRUCTURED = ("any", "object", "map", "array", "union")
"""Kinds of fields that are written as text in a body that is not JSON."""


def field_at(body: Field | None, get: Get, location: Location) -> Field | None:
    """Return the field at a location of the body, of a union the branch that its value belongs to; else None."""
    if not location or location[0] != "body":
        return None
    return _chosen_branch(declared_field(body, get, location), get, location)


def declared_field(body: Field | None, get: Get, location: Location) -> Field | None:
    """Return the field at a location of the body; a union there is returned as such."""
    field = body
    for depth, step in enumerate(location[1:], 1):
        field = _chosen_branch(field, get, location[:depth])
        if field is not None:
            field = field.item_at(step) if isinstance(step, int) else field.member(step)
    return field


def _chosen_branch(field: Field | None, get: Get, at: Location) -> Field | None:
    while field is not None and field.kind == "union":
        branch = field.branch_for(get(at))
        field = branch.field if branch else None
    return field


def edited_as(field: Field | None, media_type: str | None) -> Field | None:
    """Return the field of a body as it is edited: text or a file if the media type is neither JSON nor a form."""
    media = bare_media_type(media_type or "")
    if field is None or not media or is_json(media) or media in _FORM_TYPES or "*" in media.partition("/")[0]:
        return field
    if is_text_type(media):
        return _as_text(field, media) if field.kind in _STRUCTURED else field
    return replace(field, kind="file", type_name=media) if field.kind in ("any", "text") else field


def _as_text(field: Field, media: str) -> Field:
    """Return a field of text, with the description of the structure and its example if that is text."""
    prose = {key: field.schema[key] for key in ("title", "description", "deprecated") if key in field.schema}
    example = {"example": field.info.example} if isinstance(field.info.example, str) else {}
    return replace(field, kind="text", type_name=media, schema={"type": "string", **prose, **example})


def is_text_type(media_type: str) -> bool:
    """Whether people write bodies of this media type as text: `text/*`, XML, YAML and so on."""
    main, _, subtype = bare_media_type(media_type).partition("/")
    return main == "text" or subtype in _TEXT_TYPES or subtype.rpartition("+")[2] in ("xml", "yaml")


def with_uploads(field: Field | None, value: Any, media_type: str | None) -> Any:
    """Return a sample with `Upload`s for its files: a server takes a part without a file name for text."""
    if field is None or is_json(media_type or ""):
        return value
    if field.kind == "file" and isinstance(value, str):
        return Upload(f"{field.name or 'sample'}.txt", value.encode(), "text/plain")
    if field.kind == "union":
        branch = field.branch_for(value)
        return with_uploads(branch.field, value, media_type) if branch else value
    if isinstance(value, dict):
        return {name: with_uploads(field.member(name), inner, media_type) for name, inner in value.items()}
    if isinstance(value, list):
        return [with_uploads(field.item_at(index), inner, media_type) for index, inner in enumerate(value)]
    return value
