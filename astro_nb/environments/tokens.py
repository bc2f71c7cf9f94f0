"""The claims of a JSON Web Token (RFC 7519), read without a request and never trusted for security."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson

from ..errors import TokenExpired
from ..openapi import TokenExtension
from ..templates import as_literal

_LATEST_SECONDS = 1e11  # the year 5138; a larger `exp` is in milliseconds (1e11 of them are in 1973)
_MOST_REMEMBERED = 64  # tokens


@dataclass(frozen=True)
class TokenFacts:
    """What a token's claims contain; none of it is secret.

    Attributes:
        is_jwt: whether the token could be read at all.
        expires: when it expires, in UTC; None if it has no such claim.
        variables: the variables that it provides, such as `organizationId`.
        claims: the remaining plain claims, for display.
        permissions: the permissions that it lists, such as `deployment.get` or `workspace.*`; usually none.
    """

    is_jwt: bool
    expires: datetime | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    claims: Mapping[str, Any] = field(default_factory=dict)
    permissions: tuple[str, ...] = ()

    def expired(self, now: datetime | None = None) -> bool:
        """Whether it has expired."""
        return self.expires is not None and self.expires <= (now or datetime.now(UTC))

    def require_valid(self, source: str, now: datetime | None = None) -> None:
        """Raise TokenExpired if it has expired."""
        if self.expires is not None and self.expired(now):
            raise TokenExpired(
                f"The token ({source}) expired on {self.expires:%Y-%m-%d %H:%M} UTC: nothing was sent.",
                "Create or rotate an API token, set it anew, and call `connect` again.",
                expires=self.expires,
            )

    @property
    def scope(self) -> str:
        """The narrowest resource that the token is bound to: "Workspace", or "unknown"."""
        bound = [name.removesuffix("Id") for name in self.variables if name.endswith("Id")]
        return bound[-1].capitalize() if bound else "unknown"


def read_token(token: str, extension: TokenExtension | None = None) -> TokenFacts:
    """Return what a token's claims contain.

    Args:
        token: the token as it is sent.
        extension: what the overlay says about the claims (`x-astro-nb-token`).
    """
    claims = _decode_claims(token)
    if claims is None:
        return TokenFacts(False)
    extension = extension or TokenExtension()
    listed = claims.get(extension.list)
    entries = listed if isinstance(listed, list) else []
    variables = _read_variables(entries, extension.variables)
    permissions = tuple(entry for entry in entries if isinstance(entry, str) and ":" not in entry)
    plain = {k: v for k, v in claims.items() if isinstance(v, str | int | float | bool) and k != "exp"}
    return TokenFacts(True, _expiry(claims.get("exp")), variables, plain, permissions)


_expiries: dict[int, datetime | None] = {}
"""When the latest tokens expire, by hash, so that no token is kept here."""


def require_valid(token: str, source: str) -> None:
    """Raise TokenExpired if a token has expired according to its claims. This is checked for every token sent."""
    key = hash(token)
    if key not in _expiries:
        if len(_expiries) >= _MOST_REMEMBERED:
            _expiries.clear()
        _expiries[key] = _expiry((_decode_claims(token) or {}).get("exp"))
    expires = _expiries[key]
    if expires is not None:
        TokenFacts(True, expires).require_valid(source)


def _read_variables(entries: list[Any], wanted: Iterable[str]) -> dict[str, str]:
    """Return the values of the wanted names, in the order of the names; a name with several values has none."""
    pairs = [str(entry).partition(":") for entry in entries]
    found = {name: {value for key, _, value in pairs if key == name and value} for name in wanted}
    return {name: as_literal(values.pop()) for name, values in found.items() if len(values) == 1}


def _expiry(exp: Any) -> datetime | None:
    if isinstance(exp, bool) or not isinstance(exp, int | float):
        return None
    try:
        return datetime.fromtimestamp(exp / 1000 if exp > _LATEST_SECONDS else exp, UTC)
    except (OverflowError, ValueError, OSError):  # beyond the calendar
        return None


def _decode_claims(token: str) -> dict[str, Any] | None:
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        claims = orjson.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, binascii.Error):
        return None
    return claims if isinstance(claims, dict) else None
