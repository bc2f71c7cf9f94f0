"""One operation and what it is made of, read from the document when first looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from ..errors import DocumentError

if TYPE_CHECKING:
    from .table import Spec

Location = Literal["path", "query", "header", "cookie"]
Schema = Mapping[str, Any]

NOTE = "x-astro-nb-"
"""Prefix of the extensions by which an overlay tells what the document leaves unsaid."""

_STYLE = {"path": "simple", "query": "form", "header": "simple", "cookie": "form"}
_SAFE = {"GET", "HEAD", "OPTIONS", "TRACE"}


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
        return next((m for m in self.content if "json" in m), next(iter(self.content)))

    def schema(self, media_type: str | None = None) -> Schema:
        """The schema of one media type; an empty schema where none is stated."""
        schema: Schema = self.content.get(media_type or self.media_type, {}).get("schema", {})
        return schema


@dataclass(frozen=True)
class ResponseSpec:
    """What the document says of one response: its media types and their schemas."""

    status: str
    description: str
    content: Mapping[str, Mapping[str, Any]]

    def schema(self, media_type: str = "application/json") -> Schema | None:
        """The schema of a media type, exact or by range; None where the media type is not declared."""
        main = media_type.partition("/")[0]
        for candidate in (media_type, f"{main}/*", "*/*"):
            if candidate in self.content:
                schema: Schema = self.content[candidate].get("schema", {})
                return schema
        return None


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

    @cached_property
    def permissions(self) -> tuple[str, ...]:
        """The permissions that the operation needs, where the document names them (`x-permission`-like lists)."""
        entries = self.raw.get(str(self.spec.notes.get("permission", "")), [])
        return tuple(str(e["action"] if isinstance(e, Mapping) else e) for e in entries or [])

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """Path-level and own parameters; an own one replaces the path's of the same name and place."""
        found: dict[tuple[str, str], Mapping[str, Any]] = {}
        for entry in [*self.item.get("parameters", []), *self.raw.get("parameters", [])]:
            resolved = self.spec.resolve(entry)
            found[str(resolved.get("in")), str(resolved.get("name"))] = resolved
        names = [name for _, name in found]
        return tuple(
            _parameter(raw, name if names.count(name) == 1 else f"{where}.{name}")
            for (where, name), raw in found.items()
            if where in _STYLE
        )

    def parameter(self, key: str) -> Parameter | None:
        """The parameter of that key, or None."""
        return next((p for p in self.parameters if p.key == key), None)

    @cached_property
    def body(self) -> RequestBody | None:
        """The request body, or None where the operation takes none."""
        raw = self.spec.resolve(self.raw.get("requestBody") or {})
        content = {str(m): self.spec.resolve(v) for m, v in (raw.get("content") or {}).items()}
        return RequestBody(bool(raw.get("required")), content, str(raw.get("description", ""))) if content else None

    @cached_property
    def responses(self) -> Mapping[str, ResponseSpec]:
        """The declared responses by status: "200", "4XX" or "default"."""
        found = {}
        for status, entry in (self.raw.get("responses") or {}).items():
            raw = self.spec.resolve(entry)
            content = {str(m).lower(): self.spec.resolve(v) for m, v in (raw.get("content") or {}).items()}
            found[str(status)] = ResponseSpec(str(status), str(raw.get("description", "")), content)
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

    @cached_property
    def security(self) -> tuple[tuple[SecurityScheme, ...], ...]:
        """The alternatives, each a set of schemes needed together; an empty alternative means "none needed"."""
        wanted = self.raw.get("security", self.spec.document.get("security")) or []
        return tuple(tuple(self.spec.scheme(name, scopes) for name, scopes in need.items()) for need in wanted)

    @cached_property
    def warnings(self) -> tuple[str, ...]:
        """What is wrong with this operation in the document, in words; mostly empty."""
        found = []
        for part in ("parameters", "body", "responses", "security"):
            try:
                getattr(self, part)
            except DocumentError as error:
                found.append(f"{part}: {error.what}")
        return tuple(found)


def _parameter(raw: Mapping[str, Any], key: str) -> Parameter:
    location: Location = raw["in"]
    style = str(raw.get("style") or _STYLE[location])
    content = raw.get("content") or {}
    media = next(iter(content), None)
    schema = content[media].get("schema", {}) if media else raw.get("schema", {})
    return Parameter(
        key=key,
        name=str(raw["name"]),
        location=location,
        required=bool(raw.get("required")) or location == "path",
        schema=schema,
        description=str(raw.get("description") or ""),
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
    first = next(iter((raw.get("examples") or {}).values()), None)
    return first.get("value") if isinstance(first, Mapping) else None
