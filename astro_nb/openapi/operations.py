"""The ways to authenticate that a document names.

One operation and what it is made of, read from the document when first looked at.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ..errors import DanglingReference, DocumentError
from .extensions import malformed, notes_of, told_of
from .malformed import FAULTS, entries, faults_of, mapping, part, part_or
from .media import Content, RequestBody, ResponseSpec, schema_in
from .parameters import Parameter, read_parameters
from .servers import Server

if TYPE_CHECKING:
    from .spec import Spec


@dataclass(frozen=True)
class OAuthFlow:
    """One flow of OAuth 2, by the name that OpenAPI 3 has for it; addresses are empty where it has none."""

    kind: str  # "implicit", "password", "clientCredentials", "authorizationCode" or "deviceAuthorization"
    token_url: str = ""
    authorization_url: str = ""
    refresh_url: str = ""
    scopes: Mapping[str, str] = field(default_factory=dict)
    device_url: str = ""


@dataclass(frozen=True)
class SecurityScheme:
    """One way to authenticate: its name in the document, its kind, and where the credential goes."""

    name: str
    kind: str  # "bearer", "basic", "apiKey", "oauth2", "openIdConnect", "mutualTLS" or another HTTP scheme
    location: str = ""
    parameter: str = ""
    scopes: tuple[str, ...] = ()
    description: str = ""
    flows: Mapping[str, OAuthFlow] = field(default_factory=dict, hash=False)
    openid_url: str = ""


def read_scheme(name: str, raw: Mapping[str, Any], scopes: Any) -> SecurityScheme:
    """A security scheme of the document, its kind made plain."""
    kind = str(raw.get("type", "bearer"))
    kind = str(raw.get("scheme", "bearer")).lower() if kind == "http" else kind
    return SecurityScheme(
        name=name,
        kind=kind,
        location=str(raw.get("in", "")),
        parameter=str(raw.get("name", "")),
        scopes=tuple(map(str, scopes)) if isinstance(scopes, list | tuple) else (),
        description=_text(raw.get("description")),
        flows=_flows(raw.get("flows")),
        openid_url=_text(raw.get("openIdConnectUrl")),
    )


def _flows(raw: Any) -> dict[str, OAuthFlow]:
    """What is malformed is left out: a credential that one has already needs no flow."""
    given = raw.items() if isinstance(raw, Mapping) else ()
    return {str(kind): _flow(str(kind), flow) for kind, flow in given if isinstance(flow, Mapping)}


def _flow(kind: str, raw: Mapping[str, Any]) -> OAuthFlow:
    keys = ("tokenUrl", "authorizationUrl", "refreshUrl", "deviceAuthorizationUrl")
    token, authorization, refresh, device = (_text(raw.get(key)) for key in keys)
    scopes = raw.get("scopes")
    named = {str(name): _text(text) for name, text in scopes.items()} if isinstance(scopes, Mapping) else {}
    return OAuthFlow(kind, token, authorization, refresh, named, device)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


_STATUS = re.compile(r"[1-5](\d\d|XX|xx)|default|x-.*")
_SAFE = {"GET", "HEAD", "OPTIONS", "TRACE", "QUERY"}
_IDEMPOTENT = {*_SAFE, "PUT", "DELETE"} - {"QUERY"}


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
        return _text_model(self.raw)

    @property
    def deprecated(self) -> bool:
        """Whether the document advises against this operation."""
        return bool(self.raw.get("deprecated"))

    @property
    def is_safe(self) -> bool:
        """Whether the method promises to change nothing (RFC 9110, section 9.2.1)."""
        return self.method in _SAFE

    @property
    def is_idempotent(self) -> bool:
        """Whether the same request may be sent twice without harm: by the overlay, else by the method.

        RFC 9110, section 9.2.2, names the idempotent methods; `x-astro-nb-repeatable` of an operation overrules it.
        """
        declared = self.notes.get("repeatable")
        return self.method in _IDEMPOTENT if declared is None else bool(declared)

    @cached_property
    def notes(self) -> Mapping[str, Any]:
        """What the overlay says of this operation, by the extension's name without its prefix."""
        return notes_of(self.raw)

    @part_or(())
    def permissions(self) -> tuple[str, ...]:
        """The permissions that the operation needs, where the document names them (`x-permission`-like lists)."""
        named = entries(self.raw.get(str(self.spec.notes.get("permission", ""))))
        return tuple(str(e["action"] if isinstance(e, Mapping) else e) for e in named)

    @part_or(())
    def servers(self) -> tuple[str, ...]:
        """The base URLs of this operation or of its path alone, which go before the document's; mostly empty."""
        return tuple(server.fill() for server in self._servers)

    @property
    def server_list(self) -> tuple[Server, ...]:
        """The servers behind `servers`, with their variables."""
        try:
            return self._servers
        except (DocumentError, *FAULTS):  # told by the warnings
            return ()

    @cached_property
    def _servers(self) -> tuple[Server, ...]:
        return self.spec.read_servers(self.raw.get("servers") or self.item.get("servers"))

    @part
    def parameters(self) -> tuple[Parameter, ...]:
        """Path-level and own parameters; an own one replaces the path's of the same name and place."""
        return self._inputs[0]

    @cached_property
    def _inputs(self) -> tuple[tuple[Parameter, ...], list[str]]:
        return read_parameters(self.path, self.item.get("parameters"), self.raw.get("parameters"), self.spec.resolve)

    def parameter(self, key: str) -> Parameter | None:
        """The parameter of that key, or None."""
        return next((p for p in self.parameters if p.key == key), None)

    @part
    def body(self) -> RequestBody | None:
        """The request body, or None where the operation takes none."""
        raw = self.spec.resolve(mapping(self.raw.get("requestBody")))
        content = self._content(raw)
        return RequestBody(bool(raw.get("required")), content, _text_model(raw)) if content else None

    @part
    def responses(self) -> Mapping[str, ResponseSpec]:
        """The declared responses by status: "200", "4XX" or "default"."""
        found = {}
        for given, entry in mapping(self.raw.get("responses")).items():
            status = str(given).strip()
            if status.startswith("x-"):
                continue
            raw = self.spec.resolve(mapping(entry))
            content = {media.lower(): entry for media, entry in self._content(raw).items()}
            found[status] = ResponseSpec(status, _text_model(raw), content)
        return found

    def _content(self, raw: Mapping[str, Any]) -> Content:
        found = {str(m): self.spec.resolve(mapping(v)) for m, v in mapping(raw.get("content")).items()}
        for media in found.values():
            schema_in(media)
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
        found = (
            *told_of(self.raw),
            *malformed(self.raw),
            *faults_of(self),
            *self.spec.told_of(self.id),
            *_oddities(self),
        )
        return tuple(dict.fromkeys(found))


def tags_of(raw: Mapping[str, Any]) -> tuple[str, ...]:
    """The tags that an operation names."""
    return tuple(map(str, entries(raw.get("tags"))))


def _text_model(raw: Mapping[str, Any]) -> str:
    return text if isinstance(text := raw.get("description"), str) else ""


# --- what is odd, and yet can be used ---------------------------------------------------------------------------------


def _oddities(operation: Operation) -> Iterator[str]:
    """What makes no part of the operation unreadable, part by part; `faults_of` tells what does."""
    for label, told in _ODD.items():
        try:
            yield from [f"{label}: {text}" for text in told(operation)]
        except (DocumentError, *FAULTS):
            continue


def _odd_parameters(operation: Operation) -> list[str]:
    return operation._inputs[1]


def _odd_body(operation: Operation) -> list[str]:
    given = operation.spec.resolve(operation.raw.get("requestBody"))
    if given and given.get("content") is None:
        return ["it states no content; it is left out."]
    return _dangling(operation, operation.body.content if operation.body else {})


def _odd_responses(operation: Operation) -> list[str]:
    told = [f"{s!r} is no status." for s in map(str, operation.raw.get("responses") or ()) if not _STATUS.fullmatch(s)]
    told += [f"{key} stands beside them, not among them." for key in map(str, operation.raw) if key[:3].isdigit()]
    found = [text for r in operation.responses.values() for text in _dangling(operation, r.content)]
    return [*told, *dict.fromkeys(found)]


def _odd_security(operation: Operation) -> list[str]:
    known = operation.spec.scheme_names
    named = dict.fromkeys(scheme.name for need in operation.security for scheme in need)
    told = [f"the scheme {name} is not defined; it is left out." for name in named if name not in known]
    own = operation.raw.get("security")
    needs = operation.spec.document.get("security") if own is None else own
    odd = [name for need in entries(needs) for name, scopes in mapping(need).items() if not isinstance(scopes, list)]
    return told + [f"the scopes of {name} are no list; they are left out." for name in dict.fromkeys(odd)]


def _dangling(operation: Operation, content: Content) -> list[str]:
    """The schemas that lead nowhere, of which any value is taken."""
    told = []
    for media in content.values():
        schema = schema_in(media)
        try:
            operation.spec.resolve(schema)
        except DanglingReference as error:
            told.append(error.what)
    return list(dict.fromkeys(told))


_ODD: dict[str, Callable[[Operation], list[str]]] = {
    "parameters": _odd_parameters,
    "body": _odd_body,
    "responses": _odd_responses,
    "security": _odd_security,
}
