"""The ways to authenticate that a document names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


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
