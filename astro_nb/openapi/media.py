"""What travels: the body of a request and what a response holds, by media type."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..messages import bare_media_type, is_json
from .malformed import kind_of

Schema = Mapping[str, Any]
Content = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class RequestBody:
    """The body of a request: a schema, an example and an encoding by media type, in the document's order."""

    required: bool
    content: Content
    description: str = ""

    @property
    def media_type(self) -> str:
        """The media type used when none is asked for: JSON where it is offered, else the first."""
        return next(filter(is_json, self.content), next(iter(self.content)))

    def schema(self, media_type: str | None = None) -> Schema:
        """The schema of one media type; an empty schema where none is stated."""
        return schema_in(_by_type(self.content, media_type or self.media_type) or {})


@dataclass(frozen=True)
class ResponseSpec:
    """What the document says of one response: its media types and their schemas."""

    status: str
    description: str
    content: Content

    def schema(self, media_type: str = "application/json") -> Schema | None:
        """The schema of a media type, exact or by range; None where the media type is not declared."""
        main = media_type.partition("/")[0].lower()
        found = (_by_type(self.content, candidate) for candidate in (media_type, f"{main}/*", "*/*"))
        return next((schema_in(media) for media in found if media is not None), None)


def schema_in(holder: Mapping[str, Any]) -> Schema:
    """The schema in a parameter or a media type; an empty one where none is stated.

    A media type of items that follow one another is a list of them (OpenAPI 3.2, section 4.14.3).
    """
    items = holder.get("itemSchema")
    if holder.get("schema") is None and items is not None:
        return {"type": "array", "items": _schema(items)}
    return {} if holder.get("schema") is None else _schema(holder["schema"])


def _schema(schema: Any) -> Schema:
    if isinstance(schema, Mapping | bool):
        return schema  # type: ignore[return-value]  # true and false are schemas too; all readers know
    raise TypeError(f"{kind_of(schema)} stands where a schema belongs")


def _by_type(content: Content, media_type: str) -> Mapping[str, Any] | None:
    """The entry of a media type: as it is written, else by its bare name."""
    if media_type in content:
        return content[media_type]
    wanted = bare_media_type(media_type)
    return next((media for name, media in content.items() if bare_media_type(name) == wanted), None)
