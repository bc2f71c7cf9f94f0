"""Tokens that the sandbox makes and reads: shaped like real ones, known here alone."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson

from ..errors import UnknownName
from .behavior import Access, Grant
from .clock import cuid, format_timestamp, parse_timestamp

if TYPE_CHECKING:
    from .state import State


DAY = 86_400  # seconds


@dataclass(frozen=True)
class Subject:
    """Who sends a request; never holds the token itself."""

    key: str
    profile: Mapping[str, Any] = field(default_factory=dict)
    grants: tuple[Grant, ...] = (Grant(("*",)),)


ANYONE = Subject("anyone")


class Tokens:
    """Makes tokens (JWTs, RFC 7519, signed with a key of this sandbox) and reads them."""

    def __init__(self, state: State, access: Access | None) -> None:
        self._state, self._access = state, access
        self._key = f"astro-nb sandbox {state.seed}".encode()

    @property
    def required(self) -> bool:
        """Whether requests need a token at all."""
        return self._access is not None

    def create(self, scope: str, ids: Mapping[str, str], expired: bool = False) -> str:
        """Return a token of a scope, bound to the given ids or else to the scope's own.

        Raises:
            UnknownName: there is no such scope.
        """
        if self._access is None:
            return self._sign({"scope": scope})
        if scope not in self._access.scopes:
            raise UnknownName("token scope", scope, self._access.scopes)
        plan, state = self._access.scopes[scope], self._state
        usual = {name: (state.first(resource) or {}).get("id", "") for name, resource in plan.ids.items()}
        bound = {**usual, **ids}
        number = list(self._access.scopes).index(scope) + 1
        profile = {"id": cuid(state.seed, "sandboxToken", number), "name": f"sandbox-{scope}"}
        now = int(state.clock.now().timestamp())
        claims = {
            "scope": scope,
            "permissions": [f"{name}:{value}" for name, value in bound.items()],
            "roles": [{"role": plan.role, "entityId": bound[plan.bound_to]}],
            "profile": self._access.profile(profile),
            "sub": cuid(state.seed, "token", scope, *bound.values()),
            "iat": now - (2 * DAY if expired else 0),
            "exp": now + (-DAY if expired else 365 * DAY),
        }
        return self._sign(claims)

    def create_for(self, item: Mapping[str, Any]) -> str:
        """Return the token of a stored record; its serial number changes with each rotation."""
        claims = self._access.claims(item) if self._access else {}
        ends = parse_timestamp(item.get("endAt"))
        expiry = {"exp": int(ends.timestamp())} if ends else {}
        return self._sign({**claims, "apiTokenId": item["id"], "serial": item.get("_serial"), **expiry})

    def read(self, token: str) -> tuple[Subject | None, str]:
        """Return the subject of a token; or None and the name of the gateway's error (see `checks.GATEWAY`)."""
        parts = token.split(".")
        if len(parts) != 3:
            return None, "malformed"
        if not hmac.compare_digest(self._signature(f"{parts[0]}.{parts[1]}"), parts[2]):
            return None, "unknown"
        claims = _decode(parts[1])
        if not isinstance(claims, Mapping):
            return None, "malformed"
        if claims.get("exp", float("inf")) <= self._state.clock.now().timestamp():
            return None, "expired"
        if "apiTokenId" in claims:
            return self._read_stored(claims)
        return Subject(str(claims["sub"]), claims["profile"], self._grants(claims["roles"])), ""

    def _read_stored(self, claims: Mapping[str, Any]) -> tuple[Subject | None, str]:
        access = self._access
        item = self._state.find(access.tokens, claims["apiTokenId"]) if access else None
        if access is None or item is None or item.get("_serial") != claims.get("serial"):
            return None, "revoked"
        now = format_timestamp(self._state.clock.now())
        self._state.touch(self._state.resources[access.tokens], item, lastUsedAt=now)
        return Subject(str(item["id"]), access.profile(item), self._grants(access.roles(item))), ""

    def _grants(self, roles: Iterable[Mapping[str, Any]]) -> tuple[Grant, ...]:
        if self._access is None:
            return ()
        return tuple(grant for role in roles for grant in self._access.grants(self._state, role))

    def _sign(self, claims: Mapping[str, Any]) -> str:
        head = _base64(orjson.dumps({"alg": "HS256", "typ": "JWT", "kid": "sandbox"}))
        body = f"{head}.{_base64(orjson.dumps(claims))}"
        return f"{body}.{self._signature(body)}"

    def _signature(self, body: str) -> str:
        return _base64(hmac.digest(self._key, body.encode(), "sha256"))


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(part: str) -> Any:
    try:
        return orjson.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (ValueError, binascii.Error):
        return None
