"""What a JSON Web Token says of itself (RFC 7519), read without a request and never trusted for security."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson

from ..errors import TokenExpired
from ..templates import as_literal

_LATEST = 1e11  # seconds: the year 5138, and in milliseconds the year 1973


@dataclass(frozen=True)
class TokenFacts:
    """The facts in a token's claims, none of them secret.

    Attributes:
        is_jwt: whether the token could be read at all.
        expires: when it ends, in UTC; None where it does not say.
        variables: names and values that it carries, such as `organizationId`.
        claims: the remaining plain claims, for display.
        permissions: the permissions that it names, such as `deployment.get` or `workspace.*`; mostly none.
    """

    is_jwt: bool
    expires: datetime | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    claims: Mapping[str, Any] = field(default_factory=dict)
    permissions: tuple[str, ...] = ()

    def expired(self, now: datetime | None = None) -> bool:
        """Whether its time has passed."""
        return self.expires is not None and self.expires <= (now or datetime.now(UTC))

    def require_valid(self, source: str, now: datetime | None = None) -> None:
        """Raise TokenExpired when its time has passed."""
        if self.expires is not None and self.expired(now):
            ago = f"{self.expires:%Y-%m-%d %H:%M} UTC"
            raise TokenExpired(
                f"The token ({source}) expired on {ago}: nothing was sent.",
                "Create or rotate an API token, set it anew, and call `connect` again.",
                expires=self.expires,
            )

    @property
    def scope(self) -> str:
        """The narrowest thing that the token is bound to, in words."""
        bound = [name.removesuffix("Id") for name in self.variables if name.endswith("Id")]
        return bound[-1].capitalize() if bound else "unknown"


def read_token(token: str, notes: Mapping[str, Any] | None = None) -> TokenFacts:
    """The facts of a token.

    Args:
        token: the token as it is sent.
        notes: the overlay's `token` note: `list` names the claim that is a list of `name:value`, and `variables` the
            names that become variables, the widest first.
    """
    claims = _claims(token)
    if claims is None:
        return TokenFacts(False)
    notes = notes or {}
    listed = claims.get(str(notes.get("list", "")))
    variables = _variables(listed, notes.get("variables") or ())
    named = tuple(e for e in listed if isinstance(e, str) and ":" not in e) if isinstance(listed, list) else ()
    plain = {k: v for k, v in claims.items() if isinstance(v, str | int | float | bool) and k != "exp"}
    return TokenFacts(True, _expiry(claims.get("exp")), variables, plain, named)


def require_valid(token: str, source: str) -> None:
    """Raise TokenExpired when a token says that its time has passed; it is asked of every token that is sent."""
    key = hash(token)  # so that none is held here
    if key not in _ends:
        if len(_ends) >= _MOST:
            _ends.clear()
        _ends[key] = _expiry((_claims(token) or {}).get("exp"))
    ends = _ends[key]
    if ends is not None:
        TokenFacts(True, ends).require_valid(source)


_MOST = 64  # tokens whose end is remembered
_ends: dict[int, datetime | None] = {}


def _variables(entries: Any, wanted: Iterable[str]) -> dict[str, str]:
    """The values of the wanted names, in the order of those names; a name that has several has none."""
    pairs = [str(e).partition(":") for e in entries] if isinstance(entries, list) else []
    found = {name: {value for key, _, value in pairs if key == name and value} for name in wanted}
    return {name: as_literal(values.pop()) for name, values in found.items() if len(values) == 1}


def _expiry(exp: Any) -> datetime | None:
    """The time that `exp` means, in seconds or, where they would lie in a far future, milliseconds; None for none."""
    if isinstance(exp, bool) or not isinstance(exp, int | float):
        return None
    try:
        return datetime.fromtimestamp(exp / 1000 if exp > _LATEST else exp, UTC)
    except (OverflowError, ValueError, OSError):  # beyond the calendar
        return None


def _claims(token: str) -> dict[str, Any] | None:
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        claims = orjson.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, binascii.Error):
        return None
    return claims if isinstance(claims, dict) else None
