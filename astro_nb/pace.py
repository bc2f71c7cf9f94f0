"""How fast and how often to ask: what is tried again, when, and why not.

| what came                         | tried again for            | after                                    |
|-----------------------------------|----------------------------|------------------------------------------|
| 429                               | every method               | Retry-After, else 1, 2, 4, 8 s … jittered |
| no connection was made            | every method               | 1, 2, 4, 8 s … jittered                  |
| 408, 425, 502, 503, 504           | what is safe to repeat     | Retry-After, else 1, 2, 4, 8 s … jittered |
| the connection broke, or time-out | what is safe to repeat     | 1, 2, 4, 8 s … jittered                  |
| anything else                     | nothing                    |                                          |

A 429 was refused before any work was done, so even a create may be repeated. Safe to repeat are the methods that HTTP
calls idempotent (RFC 9110, section 9.2.2), and what the overlay marks so.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from .message import Response, header
from .spec import Operation

_IDEMPOTENT = {"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"}
_PASSING = {408, 425, 502, 503, 504}


@dataclass(frozen=True)
class Retries:
    """How often and how long to try.

    Attributes:
        attempts: tries in all.
        base: seconds before the second try; doubled each time.
        cap: the longest single wait, in seconds; a server that asks for more is not waited for.
        total: seconds for everything together.
    """

    attempts: int = 10
    base: float = 1.0
    cap: float = 60.0
    total: float = 600.0


@dataclass(frozen=True)
class Decision:
    """Whether to try again: the seconds to wait first (None: do not), and the reason in words."""

    wait: float | None
    reason: str


def repeatable(operation: Operation) -> bool:
    """Whether a request that may have been carried out can be sent again without harm."""
    note = operation.notes.get("repeatable")
    return operation.method in _IDEMPOTENT if note is None else bool(note)


def decide(
    retries: Retries,
    safe: bool,
    outcome: Response | str,
    attempt: int,
    spent: float,
    chance: Callable[[], float] = random.random,
) -> Decision:
    """What to do after an attempt.

    Args:
        retries: the limits.
        safe: whether the request is safe to repeat.
        outcome: the answer, or the kind of failure: "connect", "timeout", "broken", anything else.
        attempt: the number of this attempt, from 1.
        spent: seconds since the first attempt began.
        chance: a number in [0, 1) for the jitter.
    """
    again, why = _may_repeat(outcome, safe)
    if not again:
        return Decision(None, why)
    if attempt >= retries.attempts:
        return Decision(None, f"{why}; given up after {attempt} attempts")
    asked = retry_after(outcome) if isinstance(outcome, Response) else None
    if asked is not None and asked > retries.cap:
        return Decision(None, f"the server asks to wait {asked:.0f} s, longer than the cap of {retries.cap:.0f} s")
    wait = asked if asked is not None else _back_off(retries, attempt, chance)
    if spent + wait > retries.total:
        return Decision(None, f"{why}; the total of {retries.total:.0f} s would be passed")
    return Decision(wait, why)


def retry_after(response: Response, now: datetime | None = None) -> float | None:
    """The seconds a server asks to wait (RFC 9110, section 10.2.3), by number or date; None if it does not say."""
    text = header(response.headers, "retry-after").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        when = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return max(0.0, (when - (now or datetime.now(UTC))).total_seconds())


def _may_repeat(outcome: Response | str, safe: bool) -> tuple[bool, str]:
    if isinstance(outcome, Response):
        if outcome.status == 429:
            return True, "429, too many requests"
        passing = outcome.status in _PASSING
        unsafe = f"{outcome.status}, not repeated: it may have been carried out"
        return passing and safe, f"{outcome.status}" if safe or not passing else unsafe
    if outcome == "connect":
        return True, "no connection"
    if outcome in ("timeout", "broken"):
        return safe, outcome if safe else f"{outcome}, not repeated: it may have been carried out"
    return False, outcome


def _back_off(retries: Retries, attempt: int, chance: Callable[[], float]) -> float:
    """Exponential, with the upper half jittered, so that many clients do not come back at one time."""
    full = min(retries.cap, retries.base * 2.0 ** (attempt - 1))
    return full * (0.5 + chance() / 2)
