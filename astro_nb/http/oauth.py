"""OAuth 2.0 access tokens by client credentials (RFC 6749, section 4.4), kept in memory until shortly before expiry.

Rule 1: calls that need the same token at the same time share the one request that gets it.
Rule 2: a token is in no repr, and no message of the server is passed on with a secret in it.
"""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_plus, urlsplit

from ..environments import Grant
from ..exchange import Failure
from ..fork import renew_after_fork
from ..messages import Headers, Request, Response
from ..secrets import redact

EARLY = 30.0
"""Seconds before its expiry at which a token is no longer used; at most a tenth of its lifetime."""

_LONGEST_LIFETIME = 1e10  # seconds
_LONGEST_MESSAGE = 300  # characters of what the server reports
_HEADERS = (
    ("User-Agent", "astro_nb"),
    ("Accept", "application/json"),
    ("Accept-Encoding", "gzip, deflate"),
    ("Content-Type", "application/x-www-form-urlencoded"),
)
_TODO = {
    "invalid_client": "Check the client's id and secret, and whether the server wants client_secret_post.",
    "unauthorized_client": "Have the client allowed to use client credentials.",
    "invalid_scope": "Correct `scopes` of the credential.",
}
"""What to do about an error, by its code (RFC 6749, section 5.2)."""


@dataclass(frozen=True)
class Token:
    """An access token. It is used until `expires`, by the client's clock; None if that is not known."""

    value: str = field(repr=False)
    expires: float | None = None

    def __reduce__(self) -> Any:
        raise TypeError("A token cannot be copied or pickled.")


class TokenStore:
    """The tokens of a client, by the grants that they were requested with.

    Args:
        send: sends a request; returns the response or the failure.
        clock: the client's clock.
    """

    def __init__(self, send: Callable[[Request], Any], clock: Callable[[], float]) -> None:
        self._send, self._clock = send, clock
        self._tokens: dict[Grant, Token] = {}
        self._renew()
        renew_after_fork(self._renew)

    def _renew(self) -> None:
        self._lock = threading.Lock()
        self._locks: dict[Grant, threading.Lock] = {}

    def obtain(self, grant: Grant, refused: str = "") -> Token | Failure:
        """Return a token that is valid now; a new one if the stored one has expired or is the `refused` one."""
        with self._lock:
            lock = self._locks.setdefault(grant, threading.Lock())
        with lock:
            stored = self._tokens.get(grant)
            if stored and stored.value != refused and (stored.expires is None or self._clock() < stored.expires):
                return stored
            requested = self._clock()
            outcome = self._send(token_request(grant))
            assert isinstance(outcome, Response | Failure)  # noqa: S101  # sending gives one of the two
            token = parse_token(outcome, grant, requested) if isinstance(outcome, Response) else outcome
            self._tokens.pop(grant, None)
            if isinstance(token, Token):
                self._tokens[grant] = token
            return token


def token_request(grant: Grant) -> Request:
    """Return the request for a token (RFC 6749, sections 2.3.1 and 4.4.2)."""
    pairs = [("grant_type", "client_credentials")]
    pairs += [("scope", " ".join(grant.scopes))] if grant.scopes else []
    headers: Headers = _HEADERS
    if grant.method == "client_secret_post":
        pairs += [("client_id", grant.client), ("client_secret", grant.secret)]
    else:
        login = f"{quote_plus(grant.client)}:{quote_plus(grant.secret)}"
        headers = (*headers, ("Authorization", f"Basic {base64.b64encode(login.encode()).decode()}"))
    body = "&".join(f"{name}={quote_plus(value)}" for name, value in pairs)
    return Request("POST", grant.url, headers, body.encode(), secret=True)


def parse_token(response: Response, grant: Grant, requested: float) -> Token | Failure:
    """Return the token in a response (RFC 6749, section 5.1), or the failure that it reports (section 5.2)."""
    content = response.json() if response.is_json else None
    data = content if isinstance(content, dict) else {}
    value = data.get("access_token")
    if response.status != 200 or not isinstance(value, str) or not value.isprintable() or not value.strip():
        return _error_failure(response, data, grant)
    if str(data.get("token_type", "bearer")).lower() != "bearer":
        return _failure(grant, "gives tokens of a type that is not supported", "Ask its operators for bearer tokens.")
    lifetime = _parse_lifetime(data.get("expires_in"))
    return Token(value.strip(), None if lifetime is None else requested + lifetime - min(EARLY, lifetime / 10))


def _parse_lifetime(value: Any) -> float | None:
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        return None
    return seconds if 0 <= seconds < _LONGEST_LIFETIME else None


def _error_failure(response: Response, data: dict[str, Any], grant: Grant) -> Failure:
    code, description = (str(data.get(name) or "") for name in ("error", "error_description"))
    reason = ": ".join(filter(None, (code, description))) or f"status {response.status} without a token"
    text = "".join(c for c in redact(reason, (grant.secret,)) if c.isprintable())[:_LONGEST_MESSAGE]
    todo = _TODO.get(code, "Check the credential and its `token_url`.")
    return _failure(grant, f"gave no token ({text.rstrip('.')})", todo)


def _failure(grant: Grant, what: str, todo: str) -> Failure:
    host = urlsplit(grant.url).netloc.rpartition("@")[2]
    return Failure("token", f"{host} {what}: the request itself was not sent.", "The client's credential.", todo)
