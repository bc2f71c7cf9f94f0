"""The behavior of Astronomer's Astro API, for the sandbox."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from ...openapi import Spec
from ..behavior import Access, Behavior, Grant, Item, TokenScope
from ..state import State
from .data import astro_data
from .operations import ACTIONS
from .resources import RESOURCES
from .seed import SEEDS
from .uploads import UPLOAD_PATH, receive_upload

__all__ = ["behavior", "matches"]

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
        endpoints={UPLOAD_PATH: receive_upload},
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
