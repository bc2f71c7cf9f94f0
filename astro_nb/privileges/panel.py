"""What is known of a token, as plain rows; the token itself is never among them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from ..environment import Secret, TokenFacts

_SOON = 7 * 86_400  # seconds


@dataclass(frozen=True)
class TokenPanel:
    """What is known of a token.

    Attributes:
        kind: "JSON Web Token", "opaque token" or "no token".
        scope: the narrowest thing that it is bound to: "deployment", "workspace", "organization"; else empty.
        bound: the ids that it is bound to, by name, the widest first.
        permissions: those that it names; mostly none.
        expires: when it ends, in UTC; None where it does not say.
        state: "valid", "ends soon" (within a week), "expired", or empty where it does not say.
        source: where it comes from, in words.
    """

    kind: str
    scope: str = ""
    bound: tuple[tuple[str, str], ...] = ()
    permissions: tuple[str, ...] = ()
    expires: datetime | None = None
    state: str = ""
    source: str = ""

    @property
    def rows(self) -> tuple[tuple[str, str], ...]:
        """Each fact in words: its name and its value."""
        ends = f"{self.expires:%Y-%m-%d %H:%M} UTC ({self.state})" if self.expires else "it does not say"
        bound = ", ".join(f"{name} {value}" for name, value in self.bound)
        if self.kind == NONE:
            return (("kind", self.kind),)
        return (
            ("kind", self.kind),
            ("scope", f"{self.scope} ({bound})" if bound else "it does not say"),
            ("permissions", ", ".join(self.permissions) or "it does not say: its roles decide"),
            ("expires", ends),
            ("source", self.source),
        )


NONE = "no token"


def token_panel(
    secret: Secret | None, facts: TokenFacts | None, names: Iterable[str], now: datetime | None = None
) -> TokenPanel:
    """What is known of a token, from where it comes from and what it says of itself.

    Args:
        secret: the reference of the token; None where there is none.
        facts: what it says of itself; None where it yields no value.
        names: the ids that it may be bound to, the widest first.
        now: the time by which it is judged.
    """
    if secret is None:
        return TokenPanel(NONE)
    if facts is None:
        return TokenPanel("token without a value", source=secret.source)
    bound = tuple((name, facts.variables[name]) for name in names if name in facts.variables)
    scope = bound[-1][0].removesuffix("Id") if bound else ""
    kind = "JSON Web Token" if facts.is_jwt else "opaque token"
    state = _state(facts.expires, now or datetime.now(UTC))
    return TokenPanel(kind, scope, bound, facts.permissions, facts.expires, state, secret.source)


def _state(expires: datetime | None, now: datetime) -> str:
    if expires is None:
        return ""
    left = (expires - now).total_seconds()
    return "expired" if left <= 0 else "ends soon" if left < _SOON else "valid"
