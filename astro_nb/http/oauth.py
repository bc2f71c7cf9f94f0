"""Tokens of OAuth 2.0, got for a client and held in memory until shortly before they end (RFC 6749, section 4.4).

Rule 1: whoever wants the same token at the same time waits for the one request that gets it.
Rule 2: a token is in no repr, and no word of the server about it goes on with a secret inside.
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
from ..messages import Headers, Request, Response
from ..secrets import redact

EARLY = 30.0
"""Seconds before its end at which a token is not used any more; at most a tenth of its life."""

_LONGEST = 300  # characters of what the server says
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
    """A token as it is sent; `ends` is when it is not used any more, by the client's clock; None for not known."""

    value: str = field(repr=False)
    ends: float | None = None

    def __reduce__(self) -> Any:
        raise TypeError("A token is neither copied nor pickled.")


class Tokens:
    """The tokens of a client by what they were asked for with."""

    def __init__(self, send: Callable[[Request], Any], clock: Callable[[], float]) -> None:
        self._send, self._clock = send, clock
        self._lock = threading.Lock()
        self._locks: dict[Grant, threading.Lock] = {}
        self._held: dict[Grant, Token] = {}

    def obtain(self, grant: Grant, refused: str = "") -> Token | Failure:
        """A token that is good now; a new one where the one held is that which was `refused`."""
        with self._lock:
            lock = self._locks.setdefault(grant, threading.Lock())
        with lock:
            held = self._held.get(grant)
            if held and held.value != refused and (held.ends is None or self._clock() < held.ends):
                return held
            asked = self._clock()
            outcome = self._send(request_of(grant))
            found = token_of(outcome, grant, asked) if isinstance(outcome, Response) else _failed(outcome)
            self._held.pop(grant, None)
            if isinstance(found, Token):
                self._held[grant] = found
            return found


def request_of(grant: Grant) -> Request:
    """The request for a token (RFC 6749, sections 2.3.1 and 4.4.2)."""
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


def token_of(answer: Response, grant: Grant, asked: float) -> Token | Failure:
    """The token in an answer (RFC 6749, section 5.1), or what is wrong with it in words (section 5.2)."""
    data = answer.json() if answer.is_json else None
    told = data if isinstance(data, dict) else {}
    value = told.get("access_token")
    if answer.status != 200 or not isinstance(value, str) or not value.isprintable() or not value.strip():
        return _refused(answer, told, grant)
    if str(told.get("token_type", "bearer")).lower() != "bearer":
        return _failure(grant, "gives tokens of a type that is not supported", "Ask its operators for bearer tokens.")
    seconds = _seconds(told.get("expires_in"))
    return Token(value.strip(), None if seconds is None else asked + seconds - min(EARLY, seconds / 10))


def _seconds(given: Any) -> float | None:
    try:
        found = float(given)
    except (TypeError, ValueError):
        return None
    return found if 0 <= found < 1e10 else None


def _refused(answer: Response, told: dict[str, Any], grant: Grant) -> Failure:
    code, text = (str(told.get(name) or "") for name in ("error", "error_description"))
    why = ": ".join(filter(None, (code, text))) or f"it answered {answer.status} without a token"
    plain = "".join(c for c in redact(why, (grant.secret,)) if c.isprintable())[:_LONGEST]
    todo = _TODO.get(code, "Check the credential and its `token_url`.")
    return _failure(grant, f"gave no token ({plain.rstrip('.')})", todo)


def _failure(grant: Grant, what: str, todo: str) -> Failure:
    host = urlsplit(grant.url).netloc.rpartition("@")[2]
    return Failure("token", f"{host} {what}: the request itself was not sent.", "The client's credential.", todo)


def _failed(outcome: Any) -> Failure:
    """No answer at all: as for any request; what sends answers with nothing else."""
    assert isinstance(outcome, Failure)  # noqa: S101  # a driver answers a Send with an answer or a failure
    return outcome
