"""What is tried again, when, and why not.

| what came                         | tried again for        | attempts | after                                     |
|-----------------------------------|------------------------|---------:|-------------------------------------------|
| 429                               | every method           |      all | Retry-After, else 1, 2, 4, 8 s … jittered |
| no connection was made            | every method           |      all | 1, 2, 4, 8 s … jittered                   |
| 408, 425, 502, 503, 504           | what is safe to repeat |      all | Retry-After, else 1, 2, 4, 8 s … jittered |
| any other 5xx but 501 and 505     | what is safe to repeat |        3 | Retry-After, else 1, 2 s jittered         |
| the connection broke, or time-out | what is safe to repeat |      all | 1, 2, 4, 8 s … jittered                   |
| anything else                     | nothing                |        1 |                                           |

A 429 was refused before any work was done, so even a create may be repeated. Safe to repeat are the methods that HTTP
calls idempotent (RFC 9110, section 9.2.2), and what the overlay marks so. A 500 may be the server's own mistake, which
asking ten times does not mend.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from ..exchange.outcome import _LASTING
from ..messages import Response, header

_SECONDS = re.compile(r"[0-9]+(\.[0-9]+)?")
"""Whole ones by the standard; some servers send parts of them."""


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


@dataclass(frozen=True)
class _Row:
    """A row of the table: for whatever method or only for what is safe to repeat, and how often at the most."""

    every_method: bool
    attempts: int | None = None


_TABLE: Mapping[str, _Row] = {
    "429": _Row(every_method=True),
    "connect": _Row(every_method=True),
    **dict.fromkeys(("408", "425", "502", "503", "504", "timeout", "broken"), _Row(every_method=False)),
    "5xx": _Row(every_method=False, attempts=3),
}
_WORDS: Mapping[str, str] = {"429": "429, too many requests", "connect": "no connection"}


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
    came = str(outcome.status) if isinstance(outcome, Response) else outcome
    row, why = _row_of(came), _WORDS.get(came, came)
    if row is None:
        return Decision(None, why)
    if not (safe or row.every_method):
        return Decision(None, f"{why}, not repeated: it may have been carried out")
    if attempt >= min(retries.attempts, row.attempts or retries.attempts):
        return Decision(None, f"{why}; given up after {attempt} attempts")
    return _waited(retries, outcome, why, attempt, spent, chance)


def retry_after(response: Response, now: datetime | None = None) -> float | None:
    """The seconds a server asks to wait (RFC 9110, section 10.2.3), by number or date; None if it does not say.

    A date is measured by the server's own clock, where its answer tells that: ours may be wrong.
    """
    text = header(response.headers, "retry-after").strip()
    if _SECONDS.fullmatch(text):
        return float(text)
    when = _moment(text)
    if when is None:
        return None
    there = _moment(header(response.headers, "date").strip())
    return max(0.0, (when - (there or now or datetime.now(UTC))).total_seconds())


def _moment(text: str) -> datetime | None:
    """A date of HTTP; None where it is none."""
    try:
        when = parsedate_to_datetime(text)
    except (TypeError, ValueError, OverflowError):
        return None
    return when if when.tzinfo else when.replace(tzinfo=UTC)


def _row_of(came: str) -> _Row | None:
    other = came.startswith("5") and came.isdigit() and came not in _LASTING
    return _TABLE.get(came) or (_TABLE["5xx"] if other else None)


def _waited(
    retries: Retries, outcome: Response | str, why: str, attempt: int, spent: float, chance: Callable[[], float]
) -> Decision:
    """How long to wait before the next attempt, if that is not too long."""
    asked = retry_after(outcome) if isinstance(outcome, Response) else None
    if asked is not None and asked > retries.cap:
        return Decision(None, f"the server asks to wait {asked:.0f} s, longer than the cap of {retries.cap:.0f} s")
    at_once = asked == 0 and attempt > 1  # "0", or a date that has passed, once more: it did not help the first time
    wait = asked if asked is not None and not at_once else _back_off(retries, attempt, chance)
    if spent + wait > retries.total:
        return Decision(None, f"{why}; the total of {retries.total:.0f} s would be passed")
    return Decision(wait, why)


def _back_off(retries: Retries, attempt: int, chance: Callable[[], float]) -> float:
    """Exponential, with the upper half jittered, so that many clients do not come back at one time."""
    full = min(retries.cap, retries.base * 2.0 ** (attempt - 1))
    return full * (0.5 + chance() / 2)
