"""Operations and security schemes of a document. The parts of an operation are parsed when they are first read."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ..errors import DanglingReference, DocumentError
from .extensions import Extensions, loader_warnings, malformed_extensions, read_extensions
from .malformed import READ_ERRORS, as_list, as_mapping, find_faults, parsed_part, parsed_part_or
from .parameters import Content, Parameter, RequestBody, ResponseSpec, read_parameters, read_path_query, read_schema
from .servers import Server

if TYPE_CHECKING:
    from .spec import Spec

_STATUS = re.compile(r"[1-5](\d\d|XX|xx)|default|x-.*")
_SAFE_METHODS = {"GET", "HEAD", "OPTIONS", "TRACE", "QUERY"}
_IDEMPOTENT_METHODS = {"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"}


# --- security schemes -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class OAuthFlow:
    """One OAuth 2 flow, by its name in OpenAPI 3. URLs that the flow does not declare are empty."""

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


def read_security_scheme(name: str, raw: Mapping[str, Any], scopes: Any) -> SecurityScheme:
    """Return a security scheme of the document; an HTTP scheme has the name of its scheme as its kind."""
    kind = str(raw.get("type", "bearer"))
    kind = str(raw.get("scheme", "bearer")).lower() if kind == "http" else kind
    return SecurityScheme(
        name=name,
        kind=kind,
        location=str(raw.get("in", "")),
        parameter=str(raw.get("name", "")),
        scopes=tuple(map(str, scopes)) if isinstance(scopes, list | tuple) else (),
        description=_text_or_empty(raw.get("description")),
        flows=_read_flows(raw.get("flows")),
        openid_url=_text_or_empty(raw.get("openIdConnectUrl")),
    )


def _read_flows(raw: Any) -> dict[str, OAuthFlow]:
    """Return the flows; a malformed one is ignored, since a credential can be used without a flow."""
    flows = raw.items() if isinstance(raw, Mapping) else ()
    return {str(kind): _read_flow(str(kind), flow) for kind, flow in flows if isinstance(flow, Mapping)}


def _read_flow(kind: str, raw: Mapping[str, Any]) -> OAuthFlow:
    keys = ("tokenUrl", "authorizationUrl", "refreshUrl", "deviceAuthorizationUrl")
    token, authorization, refresh, device = (_text_or_empty(raw.get(key)) for key in keys)
    scopes = raw.get("scopes")
    by_name = {str(k): _text_or_empty(text) for k, text in scopes.items()} if isinstance(scopes, Mapping) else {}
    return OAuthFlow(kind, token, authorization, refresh, by_name, device)


def _text_or_empty(value: Any) -> str:
    return value if isinstance(value, str) else ""


# --- operations -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Operation:
    """One operation of a document. Its fields are plain data; its properties are parsed when they are first read.

    Attributes:
        path: The path template, without a query.
        path_query: The query that the key of `paths` has, as the document writes it; usually empty.
        path_key: The key of `paths`, with its query and its fragment, for people.
    """

    id: str
    method: str
    path: str
    tags: tuple[str, ...]
    summary: str
    raw: Mapping[str, Any] = field(repr=False)
    item: Mapping[str, Any] = field(repr=False)
    spec: Spec = field(repr=False)
    path_query: str = ""
    path_key: str = ""

    def __post_init__(self) -> None:
        if not self.path_key:
            object.__setattr__(self, "path_key", self.path)

    def __repr__(self) -> str:
        return f"<Operation {self.id}: {self.method} {self.path_key}>"

    @property
    def description(self) -> str:
        """The description, in Markdown; empty if there is none."""
        return _text_or_empty(self.raw.get("description"))

    @property
    def deprecated(self) -> bool:
        """Whether the document marks this operation as deprecated."""
        return bool(self.raw.get("deprecated"))

    @property
    def is_safe(self) -> bool:
        """Whether the method is safe, that is, read-only (RFC 9110, section 9.2.1)."""
        return self.method in _SAFE_METHODS

    @property
    def is_idempotent(self) -> bool:
        """Whether the same request may be sent twice without harm: by the overlay, else by the method.

        RFC 9110, section 9.2.2, names the idempotent methods; `x-astro-nb-repeatable` of an operation overrules it.
        """
        declared = self.extensions.repeatable
        return self.method in _IDEMPOTENT_METHODS if declared is None else bool(declared)

    @cached_property
    def extensions(self) -> Extensions:
        """The overlay's extensions for this operation."""
        return read_extensions(self.raw)

    @parsed_part_or(())
    def permissions(self) -> tuple[str, ...]:
        """The permissions that the operation needs, if the document lists them (`x-permission`-like lists)."""
        listed = as_list(self.raw.get(self.spec.extensions.permission))
        return tuple(str(entry["action"] if isinstance(entry, Mapping) else entry) for entry in listed)

    @parsed_part_or(())
    def servers(self) -> tuple[str, ...]:
        """The base URLs of this operation or its path, which override the document's; usually none."""
        return tuple(server.fill() for server in self._servers)

    @property
    def server_list(self) -> tuple[Server, ...]:
        """The servers behind `servers`, with their variables."""
        try:
            return self._servers
        except (DocumentError, *READ_ERRORS):  # reported in `warnings`
            return ()

    @cached_property
    def _servers(self) -> tuple[Server, ...]:
        return self.spec.read_servers(self.raw.get("servers") or self.item.get("servers"))

    @parsed_part
    def parameters(self) -> tuple[Parameter, ...]:
        """The parameters of the path and of the operation, which override those of the path."""
        return self._parameters_and_warnings[0]

    @cached_property
    def _parameters_and_warnings(self) -> tuple[tuple[Parameter, ...], list[str]]:
        own, shared = self.raw.get("parameters"), self.item.get("parameters")
        return read_parameters(self.path, shared, own, self.spec.resolve, self.path_query)

    @cached_property
    def fixed_query(self) -> tuple[tuple[str, str], ...]:
        """The pairs in `path_query` that no parameter stands for: each with its name, and as the document writes it."""
        return read_path_query(self.path_query).fixed

    def parameter(self, key: str) -> Parameter | None:
        """Return the parameter with that key, or None."""
        return next((parameter for parameter in self.parameters if parameter.key == key), None)

    @parsed_part
    def body(self) -> RequestBody | None:
        """The request body, or None if the operation takes none."""
        raw = self.spec.resolve(as_mapping(self.raw.get("requestBody")))
        content = self._read_content(raw)
        description = _text_or_empty(raw.get("description"))
        return RequestBody(bool(raw.get("required")), content, description) if content else None

    @parsed_part
    def responses(self) -> Mapping[str, ResponseSpec]:
        """The declared responses by status: "200", "4XX" or "default"."""
        responses = {}
        for key, entry in as_mapping(self.raw.get("responses")).items():
            status = str(key).strip()
            if status.startswith("x-"):
                continue
            raw = self.spec.resolve(as_mapping(entry))
            content = {media_type.lower(): media for media_type, media in self._read_content(raw).items()}
            responses[status] = ResponseSpec(status, _text_or_empty(raw.get("description")), content)
        return responses

    def _read_content(self, raw: Mapping[str, Any]) -> Content:
        declared = as_mapping(raw.get("content"))
        content = {str(name): self.spec.resolve(as_mapping(media)) for name, media in declared.items()}
        for media in content.values():
            read_schema(media)  # raises TypeError if the schema is malformed
        return content

    def response(self, status: int) -> ResponseSpec | None:
        """Return what is declared for a status: exactly, by its class ("4XX"), or by "default"; else None."""
        for key in (str(status), f"{status // 100}XX", f"{status // 100}xx", "default"):
            if key in self.responses:
                return self.responses[key]
        return None

    @cached_property
    def success(self) -> ResponseSpec | None:
        """The declared response with the lowest 2xx status."""
        return next((r for status, r in sorted(self.responses.items()) if status.startswith("2")), None)

    @parsed_part
    def security(self) -> tuple[tuple[SecurityScheme, ...], ...]:
        """The alternatives to authenticate, each the schemes needed together; an empty one means "none needed"."""
        own = self.raw.get("security")
        alternatives = as_list(own if own is not None else self.spec.document.get("security"))
        return tuple(
            tuple(self.spec.scheme(name, scopes) for name, scopes in as_mapping(schemes).items())
            for schemes in alternatives
        )

    @parsed_part_or(())
    def _tags(self) -> tuple[str, ...]:
        return read_tags(self.raw)

    @cached_property
    def warnings(self) -> tuple[str, ...]:
        """What is wrong with this operation in the document; usually nothing."""
        found = (
            *loader_warnings(self.raw),
            *malformed_extensions(self.raw),
            *find_faults(self),
            *self.spec.operation_warnings(self.id),
            *_find_oddities(self),
        )
        return tuple(dict.fromkeys(found))


def read_tags(raw: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the tags that an operation names."""
    return tuple(map(str, as_list(raw.get("tags"))))


# --- what is wrong with an operation that can be used nevertheless ----------------------------------------------------


def _find_oddities(operation: Operation) -> Iterator[str]:
    """Yield what is odd about the parts that can be read; `find_faults` has those that cannot."""
    for label, find in _ODDITIES.items():
        try:
            yield from [f"{label}: {text}" for text in find(operation)]
        except (DocumentError, *READ_ERRORS):
            continue


def _parameter_oddities(operation: Operation) -> list[str]:
    return operation._parameters_and_warnings[1]


def _body_oddities(operation: Operation) -> list[str]:
    declared = operation.spec.resolve(operation.raw.get("requestBody"))
    if declared and declared.get("content") is None:
        return ["it declares no content; it is ignored."]
    return _find_dangling(operation, operation.body.content if operation.body else {})


def _response_oddities(operation: Operation) -> list[str]:
    statuses = map(str, operation.raw.get("responses") or ())
    warnings = [f"{status!r} is not a status." for status in statuses if not _STATUS.fullmatch(status)]
    outside = [key for key in map(str, operation.raw) if key[:3].isdigit()]
    warnings += [f"{key} is next to `responses`, not inside; it is ignored." for key in outside]
    dangling = [text for r in operation.responses.values() for text in _find_dangling(operation, r.content)]
    return [*warnings, *dict.fromkeys(dangling)]


def _security_oddities(operation: Operation) -> list[str]:
    defined = operation.spec.scheme_names
    used = dict.fromkeys(scheme.name for alternative in operation.security for scheme in alternative)
    warnings = [f"the scheme {name} is not defined; it is ignored." for name in used if name not in defined]
    own = operation.raw.get("security")
    alternatives = as_list(operation.spec.document.get("security") if own is None else own)
    pairs = [pair for schemes in alternatives for pair in as_mapping(schemes).items()]
    malformed_scopes = dict.fromkeys(name for name, scopes in pairs if not isinstance(scopes, list))
    return warnings + [f"the scopes of {name} are not a list; they are ignored." for name in malformed_scopes]


def _find_dangling(operation: Operation, content: Content) -> list[str]:
    """Return the schemas whose references point nowhere; any value is valid for them."""
    warnings = []
    for media in content.values():
        try:
            operation.spec.resolve(read_schema(media))
        except DanglingReference as error:
            warnings.append(error.what)
    return list(dict.fromkeys(warnings))


_ODDITIES: dict[str, Callable[[Operation], list[str]]] = {
    "parameters": _parameter_oddities,
    "body": _body_oddities,
    "responses": _response_oddities,
    "security": _security_oddities,
}
