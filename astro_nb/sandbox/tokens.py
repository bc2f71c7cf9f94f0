"""Tokens that are made and known here alone, shaped like real ones, and whom they stand for."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import orjson

from ..errors import UnknownName
from .clock import cuid, read_stamp
from .template import compiled, compiled_fields

if TYPE_CHECKING:
    from .state import World


DAY = 86_400


@dataclass(frozen=True)
class Grant:
    """What a role allows: patterns of permissions, methods (empty for all), and the one thing it is bound to."""

    allow: tuple[str, ...]
    methods: tuple[str, ...] = ()
    kind: str = ""
    id: str = ""

    def covers(self, permissions: Iterable[str], method: str) -> bool:
        """Whether the grant includes every one of the permissions."""
        fits = not self.methods or method in self.methods
        return fits and all(any(_fits(p, pattern) for pattern in self.allow) for p in permissions)


@dataclass(frozen=True)
class Subject:
    """Who sends a request: never the token itself."""

    key: str
    profile: Mapping[str, Any] = field(default_factory=dict)
    grants: tuple[Grant, ...] = (Grant(("*",)),)


ANYONE = Subject("anyone")


@lru_cache(maxsize=4096)
def _fits(permission: str, pattern: str) -> bool:
    return fnmatchcase(permission, pattern)


class Tokens:
    """Makes tokens and reads them; what `access` of the sandbox file says is all that it knows of roles."""

    def __init__(self, world: World, access: Mapping[str, Any]) -> None:
        self._world, self._access = world, access
        self._kind = str((access.get("tokens") or {}).get("kind", ""))
        self._claims = compiled((access.get("tokens") or {}).get("claims") or {})
        self._profile = compiled((access.get("tokens") or {}).get("profile") or {})
        self._roles = compiled((access.get("tokens") or {}).get("roles") or "{roles}")
        self._key = f"astro-nb sandbox {world.seed}".encode()

    @property
    def needed(self) -> bool:
        """Whether this sandbox knows of tokens at all."""
        return bool(self._access)

    def mint(self, scope: str, ids: Mapping[str, str], expired: bool = False) -> str:
        """A token of one of the scopes that the sandbox file names, for the ids given or else its usual ones.

        Raises:
            UnknownName: there is no such scope.
        """
        scopes = self._access.get("scopes") or {"organization": {}}
        if scope not in scopes:
            raise UnknownName("token scope", scope, scopes)
        plan = scopes[scope]
        usual = self._world.scope({}, **ids)
        bound = {**{name: make(usual) for name, make in compiled_fields(plan.get("ids"))}, **ids}
        named = self._world.scope({}, **bound)
        now = int(self._world.pace.now().timestamp())
        claims = {
            "scope": scope,
            "permissions": [f"{name}:{value}" for name, value in bound.items()],
            "roles": compiled(plan.get("roles") or [])(named),
            "profile": compiled(plan.get("profile") or {})(named),
            "sub": cuid(self._world.seed, "token", scope, *bound.values()),
            "iat": now - (2 * DAY if expired else 0),
            "exp": now + (-DAY if expired else 365 * DAY),
        }
        return self._signed(claims)

    def mint_for(self, item: Mapping[str, Any]) -> str:
        """The token of a stored record; its serial number says which rotation it is of."""
        claims = {**self._claims(self._world.scope(item)), "apiTokenId": item["id"], "serial": item.get("_serial")}
        ends = read_stamp(item.get("endAt"))
        return self._signed({**claims, **({"exp": int(ends.timestamp())} if ends else {})})

    def read(self, token: str) -> tuple[Subject | None, str]:
        """Whom a token stands for; or None, and the row of `refusals` that says why not."""
        parts = token.split(".")
        if len(parts) != 3:
            return None, "malformed"
        if not hmac.compare_digest(self._signature(f"{parts[0]}.{parts[1]}"), parts[2]):
            return None, "unknown"
        claims = _decoded(parts[1])
        if not isinstance(claims, Mapping):
            return None, "malformed"
        if claims.get("exp", float("inf")) <= self._world.pace.now().timestamp():
            return None, "expired"
        return self._stored(claims) if "apiTokenId" in claims else (self._subject(claims), "")

    def _stored(self, claims: Mapping[str, Any]) -> tuple[Subject | None, str]:
        item = self._world.store.find(self._kind, str(claims["apiTokenId"]))
        if item is None or item.get("_serial") != claims.get("serial"):
            return None, "revoked"
        kind = self._world.kinds[self._kind]
        scope = self._world.scope(item)
        self._world.store.touch(kind, item, lastUsedAt=scope.names["now"])
        return Subject(str(item["id"]), self._profile(scope), self._grants(self._roles(scope))), ""

    def _subject(self, claims: Mapping[str, Any]) -> Subject:
        return Subject(str(claims["sub"]), claims["profile"], self._grants(claims["roles"]))

    def _grants(self, roles: Iterable[Mapping[str, Any]]) -> tuple[Grant, ...]:
        return tuple(grant for role in roles for grant in self._granted(role))

    def _granted(self, role: Mapping[str, Any]) -> Iterable[Grant]:
        known = self._access.get("roles") or {}
        name, entity = str(role.get("role", "")), str(role.get("entityId", ""))
        plan = known.get(name)
        if plan:
            on = str(plan.get("on", ""))
            yield Grant(tuple(plan["allow"]), tuple(plan.get("methods") or ()), on, entity if on else "")
            return
        custom = self._access.get("custom-roles") or {}
        for item in self._world.store.all(str(custom["kind"])) if custom else ():
            if name in (item.get("name"), item.get("id")):
                yield Grant(tuple(item.get("permissions") or ()), (), str(custom.get("on", "")), entity)

    def _signed(self, claims: Mapping[str, Any]) -> str:
        head = _encoded({"alg": "HS256", "typ": "JWT", "kid": "sandbox"})
        body = f"{head}.{_encoded(claims)}"
        return f"{body}.{self._signature(body)}"

    def _signature(self, body: str) -> str:
        return _base64(hmac.digest(self._key, body.encode(), "sha256"))


def _encoded(data: Mapping[str, Any]) -> str:
    return _base64(orjson.dumps(data))


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decoded(part: str) -> Any:
    try:
        return orjson.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (ValueError, binascii.Error):
        return None
