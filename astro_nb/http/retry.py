"""What is retried, when, and why not.

| outcome                              | retried for        | attempts | after                                     |
|--------------------------------------|--------------------|---------:|-------------------------------------------|
| 429                                  | every method       |      all | Retry-After, else 1, 2, 4, 8 s … jittered |
| no connection was made               | every method       |        2 | 1 s jittered                              |
| 408, 425, 502, 503, 504              | idempotent methods |      all | Retry-After, else 1, 2, 4, 8 s … jittered |
| any other 5xx except 501 and 505     | idempotent methods |        3 | Retry-After, else 1, 2 s jittered         |
| the connection broke, or a time-out  | idempotent methods |      all | 1, 2, 4, 8 s … jittered                   |
| anything else                        | nothing            |        1 |                                           |

A 429 is refused before any work is done, so even a create can be repeated. Idempotent are the methods that HTTP calls
so (RFC 9110, section 9.2.2), and the operations that the overlay declares so. A 500 may be a bug of the server, which
ten attempts do not cure. A failure that is permanent, such as a certificate that is not trusted, is not retried at all.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from ..exchange import Failure
from ..messages import Response, header

_SECONDS = re.compile(r"[0-9]+(\.[0-9]+)?")
"""Whole seconds by the standard; some servers send fractions."""


@dataclass(frozen=True)
class Retries:
    """How often and how long to retry.

    Attributes:
        attempts: the most attempts, the first one included.
        base: seconds before the second attempt; doubled for each one after that.
        cap: the longest single wait, in seconds; if a server asks for more, the request is not retried.
        total: the most seconds for all attempts and waits together.
    """

    attempts: int = 10
    base: float = 1.0
    cap: float = 60.0
    total: float = 600.0


@dataclass(frozen=True)
class Decision:
    """Whether to retry: the seconds to wait first (None for no retry), and the reason as text."""

    wait: float | None
    reason: str


@dataclass(frozen=True)
class _Rule:
    """A row of the table: for every method or only for idempotent ones, and the most attempts (None for all)."""

    every_method: bool
    attempts: int | None = None


_RULES: Mapping[int | str, _Rule] = {
    429: _Rule(every_method=True),
    "connect": _Rule(every_method=True, attempts=2),
    **dict.fromkeys((408, 425, 502, 503, 504, "timeout", "broken"), _Rule(every_method=False)),
}
"""By status, or by kind of failure."""
_SERVER_ERROR = _Rule(every_method=False, attempts=3)
_NEVER_SUPPORTED = (501, 505)
"""Statuses of a server that cannot do what is asked, now or later."""
_REASONS: Mapping[int | str, str] = {429: "429, too many requests", "connect": "no connection"}
_UNCERTAIN_FAILURES = ("timeout", "broken", "not http", "transport", "too large", "cancelled")


def decide(
    retries: Retries,
    is_idempotent: bool,
    outcome: Response | Failure,
    attempt: int,
    elapsed: float,
    chance: Callable[[], float] = random.random,
) -> Decision:
    """Return what to do after an attempt.

    Args:
        retries: the limits.
        is_idempotent: whether the request may be repeated without harm.
        outcome: the response or the failure.
        attempt: the number of this attempt, counted from 1.
        elapsed: seconds since the first attempt began.
        chance: a number in [0, 1) for the jitter.
    """
    key = _key(outcome)
    rule, reason = _rule(key), _REASONS.get(key, str(key))
    if rule is None or (isinstance(outcome, Failure) and outcome.permanent):
        return Decision(None, reason)
    if not (is_idempotent or rule.every_method):
        return Decision(None, f"{reason}, not repeated: it may have been carried out")
    if attempt >= min(retries.attempts, rule.attempts or retries.attempts):
        return Decision(None, f"{reason}; given up after {attempt} attempts")
    return _decide_wait(retries, outcome, reason, attempt, elapsed, chance)


def may_have_been_done(outcome: Response | Failure) -> bool:
    """Whether the server may have carried out a request that ended like this, without saying so."""
    if isinstance(outcome, Response):
        return outcome.status >= 500 and outcome.status not in _NEVER_SUPPORTED
    return outcome.kind in _UNCERTAIN_FAILURES


def retry_after(response: Response, now: datetime | None = None) -> float | None:
    """Return the seconds that a server asks to wait (RFC 9110, section 10.2.3); None if it does not say.

    A date is compared with the Date of the response, if there is one: the clock of this computer may be wrong.
    """
    text = header(response.headers, "retry-after").strip()
    if _SECONDS.fullmatch(text):
        return float(text)
    when = _parse_date(text)
    if when is None:
        return None
    server_time = _parse_date(header(response.headers, "date").strip())
    return max(0.0, (when - (server_time or now or datetime.now(UTC))).total_seconds())


def _parse_date(text: str) -> datetime | None:
    """Return a date of HTTP (RFC 9110, section 5.6.7); None if the text is none."""
    try:
        when = parsedate_to_datetime(text)
    except (TypeError, ValueError, OverflowError):
        return None
    return when if when.tzinfo else when.replace(tzinfo=UTC)


def _key(outcome: Response | Failure) -> int | str:
    return outcome.status if isinstance(outcome, Response) else outcome.kind


def _rule(key: int | str) -> _Rule | None:
    is_server_error = isinstance(key, int) and key >= 500 and key not in _NEVER_SUPPORTED
    return _RULES.get(key) or (_SERVER_ERROR if is_server_error else None)


def _decide_wait(
    retries: Retries,
    outcome: Response | Failure,
    reason: str,
    attempt: int,
    elapsed: float,
    chance: Callable[[], float],
) -> Decision:
    """Return how long to wait before the next attempt, unless that is too long."""
    asked = retry_after(outcome) if isinstance(outcome, Response) else None
    if asked is not None and asked > retries.cap:
        return Decision(None, f"the server asks to wait {asked:.0f} s, longer than the cap of {retries.cap:.0f} s")
    is_useless = asked == 0 and attempt > 1  # a "0", or a date in the past, did not help the first time
    wait = asked if asked is not None and not is_useless else _back_off(retries, attempt, chance)
    if elapsed + wait > retries.total:
        return Decision(None, f"{reason}; another attempt would exceed the total of {retries.total:.0f} s")
    return Decision(wait, reason)


def _back_off(retries: Retries, attempt: int, chance: Callable[[], float]) -> float:
    """Return an exponential wait whose upper half is jitter, so that many clients do not retry at the same moment."""
    longest = min(retries.cap, retries.base * 2.0 ** (attempt - 1))
    return longest * (0.5 + chance() / 2)
