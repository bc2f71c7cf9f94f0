"""The behavior of Astronomer's Astro API, for the sandbox."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from ...messages import Request, Response, header
from ...openapi import Spec
from ..behavior import Access, Behavior, Grant, Item, Refused, TokenScope
from ..responses import empty_response, with_headers
from ..state import State
from .operations import ACTIONS
from .resources import RESOURCES, astro_data
from .seed import SEEDS

__all__ = ["behavior", "matches"]

_UPLOAD_PATH = "/-/upload/"
_TITLES = ("Astro API",)
_SERVERS = frozenset({"https://api.astronomer.io/v1"})
_GATEWAY = {
    "missing": (403, "RBAC: access denied"),
    "malformed": (401, "Jwt is not in the form of Header.Payload.Signature with two dots and 3 sections"),
    "expired": (401, "Jwt is expired"),
    "revoked": (401, "Jwt is no longer valid"),
    "unknown": (401, "Jwt verification fails"),
    "rate": (429, "Too many requests"),
}
_IN_ORGANIZATION = {"organizationId": "organization"}
_SCOPES = {
    "organization": TokenScope("ORGANIZATION_OWNER", "organizationId", _IN_ORGANIZATION),
    "workspace": TokenScope("WORKSPACE_OWNER", "workspaceId", {**_IN_ORGANIZATION, "workspaceId": "workspace"}),
    "deployment": TokenScope("DEPLOYMENT_ADMIN", "deploymentId", {**_IN_ORGANIZATION, "deploymentId": "deployment"}),
    "member": TokenScope("ORGANIZATION_MEMBER", "organizationId", _IN_ORGANIZATION),
}


def matches(spec: Spec) -> bool:
    """Whether a document describes the Astro API: by its title, or by one of its servers."""
    return spec.title in _TITLES or bool(_SERVERS & set(spec.servers))


@lru_cache(maxsize=1)
def behavior() -> Behavior:
    """Return the behavior of the Astro API."""
    return Behavior(
        resources=RESOURCES,
        actions=ACTIONS,
        seed=SEEDS,
        epoch=str(astro_data()["epoch"]),
        access=Access("apiToken", _claims, _profile, _roles, _grants, _SCOPES),
        gateway=_GATEWAY,
        endpoints={_UPLOAD_PATH: _receive_upload},
    )


def _claims(token: Mapping[str, Any]) -> Item:
    ids = {
        "apiTokenId": token["id"],
        "organizationId": token["organizationId"],
        "workspaceId": token.get("_workspaceId"),
        "deploymentId": token.get("_deploymentId"),
    }
    permissions = [f"{name}:{value}" for name, value in ids.items() if value is not None]
    return {"permissions": permissions, "scope": token["scope"].lower(), "sub": token["id"]}


def _profile(token: Mapping[str, Any]) -> Item:
    return {"id": token["id"], "apiTokenName": token["name"], "subjectType": "SERVICEKEY"}


def _roles(token: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    roles: list[Mapping[str, Any]] = token["roles"]
    return roles


def _grants(state: State, role: Mapping[str, Any]) -> Iterable[Grant]:
    """Yield what a role allows: one of Astro's own, or a custom role, which is bound to a Deployment."""
    name, entity = str(role.get("role", "")), str(role.get("entityId", ""))
    known = astro_data()["roles"].get(name)
    if known:
        scope = str(known.get("scope", ""))
        yield Grant(tuple(known["allow"]), tuple(known.get("methods") or ()), scope, entity if scope else "")
        return
    for item in state.all("role"):
        if name in (item.get("name"), item.get("id")):
            yield Grant(tuple(item.get("permissions") or ()), (), "deployment", entity)


def _receive_upload(state: State, request: Request) -> Response:
    """Take an upload to a signed URL, forget it, and respond with its version.

    Raises:
        Refused: the method, a header or the signature is wrong, or a token was sent.
    """
    if request.method != "PUT":
        raise Refused(405, "Method not allowed: an upload is a PUT", headers={"Allow": "PUT"})
    if header(request.headers, "x-ms-blob-type") != "BlockBlob":
        raise Refused(400, "The header x-ms-blob-type must be BlockBlob", plain=True)
    if header(request.headers, "authorization"):
        raise Refused(400, "The header authorization does not belong to a signed URL", plain=True)
    if "sig" not in dict(parse_qsl(urlsplit(request.url).query)):
        raise Refused(403, "The URL is not signed", plain=True)
    version = state.clock.now().strftime("%Y-%m-%dT%H:%M:%S.%f0Z")
    return with_headers(empty_response(201), {"x-ms-version-id": version})
