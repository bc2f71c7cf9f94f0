"""One operation and what it is made of, read from the document when first looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from ..message import bare, is_json
from .faults import entries, faults_of, kind_of, mapping, part, part_or

if TYPE_CHECKING:
    from .table import Spec

Location = Literal["path", "query", "header", "cookie"]
Schema = Mapping[str, Any]

NOTE = "x-astro-nb-"
"""Prefix of the extensions by which an overlay tells what the document leaves unsaid."""

_STYLE = {"path": "simple", "query": "form", "header": "simple", "cookie": "form"}
_SAFE = {"GET", "HEAD", "OPTIONS", "TRACE"}
_OURS = {"accept", "content-type", "authorization"}
"""Header parameters that are to be ignored: a request says these by itself (OpenAPI 3.1.1, section 4.8.12.1)."""


@dataclass(frozen=True)
class Parameter:
    """One parameter, with the defaults of the OpenAPI specification (3.1.1, section 4.8.12) filled in."""

    key: str
    name: str
    location: Location
    required: bool
    schema: Schema
    description: str = ""
    example: Any = None
    style: str = "simple"
    explode: bool = False
    allow_reserved: bool = False
    media_type: str | None = None
    deprecated: bool = False


@dataclass(frozen=True)
class RequestBody:
    """The body of a request: a schema, an example and an encoding by media type, in the document's order."""

    required: bool
    content: Mapping[str, Mapping[str, Any]]
    description: str = ""

    @property
    def media_type(self) -> str:
        """The media type used when none is asked for: JSON where it is offered, else the first."""
        return next(filter(is_json, self.content), next(iter(self.content)))

    def schema(self, media_type: str | None = None) -> Schema:
        """The schema of one media type; an empty schema where none is stated."""
        return _schema(_by_type(self.content, media_type or self.media_type) or {})


@dataclass(frozen=True)
class ResponseSpec:
    """What the document says of one response: its media types and their schemas."""

    status: str
    description: str
    content: Mapping[str, Mapping[str, Any]]

    def schema(self, media_type: str = "application/json") -> Schema | None:
        """The schema of a media type, exact or by range; None where the media type is not declared."""
        main = media_type.partition("/")[0].lower()
        found = (_by_type(self.content, candidate) for candidate in (media_type, f"{main}/*", "*/*"))
        return next((_schema(media) for media in found if media is not None), None)


@dataclass(frozen=True)
class SecurityScheme:
    """One way to authenticate: its name in the document, its kind, and where the credential goes."""

    name: str
    kind: str  # "bearer", "basic", "apiKey", "oauth2", "openIdConnect", "mutualTLS" or another HTTP scheme
    location: str = ""
    parameter: str = ""
    scopes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Operation:
    """One operation of a document. The plain attributes cost nothing; the others are resolved when first read."""

    id: str
    method: str
    path: str
    tags: tuple[str, ...]
    summary: str
    raw: Mapping[str, Any] = field(repr=False)
    item: Mapping[str, Any] = field(repr=False)
    spec: Spec = field(repr=False)

    def __repr__(self) -> str:
        return f"<Operation {self.id}: {self.method} {self.path}>"

    @property
    def description(self) -> str:
        """The long text, in Markdown; empty where there is none."""
        return str(self.raw.get("description") or "")

    @property
    def deprecated(self) -> bool:
        """Whether the document advises against this operation."""
        return bool(self.raw.get("deprecated"))

    @property
    def is_safe(self) -> bool:
        """Whether the method promises to change nothing (RFC 9110, section 9.2.1)."""
        return self.method in _SAFE

    @cached_property
    def notes(self) -> Mapping[str, Any]:
        """What the overlay says of this operation, by the extension's name without its prefix."""
        return {key[len(NOTE) :]: value for key, value in self.raw.items() if str(key).startswith(NOTE)}

    @part_or(())
    def permissions(self) -> tuple[str, ...]:
        """The permissions that the operation needs, where the document names them (`x-permission`-like lists)."""
        named = entries(self.raw.get(str(self.spec.notes.get("permission", ""))))
        return tuple(str(e["action"] if isinstance(e, Mapping) else e) for e in named)

    @part_or(())
    def servers(self) -> tuple[str, ...]:
        """The base URLs of this operation or of its path alone, which go before the document's; mostly empty."""
        return self.spec.urls(self.raw.get("servers") or self.item.get("servers"))

    @part
    def parameters(self) -> tuple[Parameter, ...]:
        """Path-level and own parameters; an own one replaces the path's of the same name and place."""
        found: dict[tuple[str, str], Mapping[str, Any]] = {}
        for entry in [*entries(self.item.get("parameters")), *entries(self.raw.get("parameters"))]:
            resolved = self.spec.resolve(mapping(entry))
            found[str(resolved.get("in")), str(resolved.get("name"))] = resolved
        kept = {at: raw for at, raw in found.items() if _is_wanted(*at)}
        names = [name for _, name in kept]
        return tuple(
            _parameter(raw, name if names.count(name) == 1 else f"{where}.{name}")
            for (where, name), raw in kept.items()
        )

    def parameter(self, key: str) -> Parameter | None:
        """The parameter of that key, or None."""
        return next((p for p in self.parameters if p.key == key), None)

    @part
    def body(self) -> RequestBody | None:
        """The request body, or None where the operation takes none."""
        raw = self.spec.resolve(mapping(self.raw.get("requestBody")))
        content = self._content(raw)
        return RequestBody(bool(raw.get("required")), content, _text(raw)) if content else None

    @part
    def responses(self) -> Mapping[str, ResponseSpec]:
        """The declared responses by status: "200", "4XX" or "default"."""
        found = {}
        for status, entry in mapping(self.raw.get("responses")).items():
            raw = self.spec.resolve(mapping(entry))
            content = {media.lower(): entry for media, entry in self._content(raw).items()}
            found[str(status)] = ResponseSpec(str(status), _text(raw), content)
        return found

    def _content(self, raw: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
        found = {str(m): self.spec.resolve(mapping(v)) for m, v in mapping(raw.get("content")).items()}
        for media in found.values():
            _schema(media)
        return found

    def response(self, status: int) -> ResponseSpec | None:
        """What is declared for a status: exact, then its class ("4XX"), then "default"; else None."""
        for key in (str(status), f"{status // 100}XX", f"{status // 100}xx", "default"):
            if key in self.responses:
                return self.responses[key]
        return None

    @cached_property
    def success(self) -> ResponseSpec | None:
        """The first declared response of class 2XX."""
        return next((r for s, r in sorted(self.responses.items()) if s.startswith("2")), None)

    @part
    def security(self) -> tuple[tuple[SecurityScheme, ...], ...]:
        """The alternatives, each a set of schemes needed together; an empty alternative means "none needed"."""
        own = self.raw.get("security")
        wanted = entries(own if own is not None else self.spec.document.get("security"))
        return tuple(tuple(self.spec.scheme(n, scopes) for n, scopes in mapping(need).items()) for need in wanted)

    @part_or(())
    def _tags(self) -> tuple[str, ...]:
        return tags_of(self.raw)

    @cached_property
    def warnings(self) -> tuple[str, ...]:
        """What is wrong with this operation in the document, in words; mostly empty."""
        return faults_of(self)


def tags_of(raw: Mapping[str, Any]) -> tuple[str, ...]:
    """The tags that an operation names."""
    return tuple(map(str, entries(raw.get("tags"))))


def _is_wanted(where: str, name: str) -> bool:
    return where in _STYLE and not (where == "header" and name.lower() in _OURS)


def _by_type(content: Mapping[str, Mapping[str, Any]], media_type: str) -> Mapping[str, Any] | None:
    """The entry of a media type: as it is written, else by its bare name."""
    if media_type in content:
        return content[media_type]
    wanted = bare(media_type)
    return next((media for name, media in content.items() if bare(name) == wanted), None)


def _schema(holder: Mapping[str, Any]) -> Schema:
    """The schema in a parameter or a media type; an empty one where none is stated."""
    schema: Schema = {} if holder.get("schema") is None else holder["schema"]
    if isinstance(schema, Mapping | bool):
        return schema
    raise TypeError(f"{kind_of(schema)} stands where a schema belongs")


def _text(raw: Mapping[str, Any]) -> str:
    return str(raw.get("description") or "")


def _parameter(raw: Mapping[str, Any], key: str) -> Parameter:
    location: Location = raw["in"]
    style = str(raw.get("style") or _STYLE[location])
    content = mapping(raw.get("content"))
    media = next(iter(content), None)
    return Parameter(
        key=key,
        name=str(raw["name"]),
        location=location,
        required=bool(raw.get("required")) or location == "path",
        schema=_schema(raw if media is None else mapping(content[media])),
        description=_text(raw),
        example=_example(raw),
        style=style,
        explode=bool(raw.get("explode", style == "form")),
        allow_reserved=bool(raw.get("allowReserved")),
        media_type=media,
        deprecated=bool(raw.get("deprecated")),
    )


def _example(raw: Mapping[str, Any]) -> Any:
    if "example" in raw:
        return raw["example"]
    first = next(iter(mapping(raw.get("examples")).values()), None)
    return first.get("value") if isinstance(first, Mapping) else None
