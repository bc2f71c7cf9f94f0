"""Ids that look like real ones and are the same on every run.

The sandbox's own time: how long ago things were begun, at the speed that was asked for.

Life cycles are computed from this time when something is read; there are no timers. At speed 0 there is no waiting:
whatever was begun is over, and whatever is begun is over at once.

How often a subject may ask: token buckets, full at first and filled again at the rate stated.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import blake2b

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def cuid(*parts: object) -> str:
    """An id of 25 characters in the manner of cuid, made from the parts: the same parts give the same id."""
    return "cm" + word(23, *parts)


def word(length: int, *parts: object) -> str:
    """Lower-case letters and digits, `length` of them (up to 48), made from the parts."""
    data = "\x1f".join(map(str, parts)).encode()
    number = int.from_bytes(blake2b(data, digest_size=32).digest(), "big")
    found = []
    for _ in range(length):
        number, digit = divmod(number, 36)
        found.append(_DIGITS[digit])
    return "".join(found)


class Sequence:
    """Ids in order: the n-th id of a label depends on the seed, the label and n alone."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._counts: Counter[str] = Counter()

    def next(self, label: str) -> str:
        """The following id of that label."""
        self._counts[label] += 1
        return cuid(self.seed, label, self._counts[label])


_AGE = 1e9  # sandbox seconds: longer than any life cycle


class Pace:
    """A clock that runs `speed` times as fast as the one it is given.

    Attributes:
        lag: sandbox seconds for which the state before a change is still told; None for what the sandbox file says.
    """

    def __init__(self, clock: Callable[[], float], now: Callable[[], datetime], speed: float) -> None:
        self._clock, self._now = clock, now
        self._passed, self._mark = 0.0, clock()
        self._speed = speed
        self.lag: float | None = None

    @property
    def speed(self) -> float:
        """How many times faster than real time life cycles run; 0 for at once; never less."""
        return self._speed

    @speed.setter
    def speed(self, speed: float) -> None:
        if speed < 0:
            raise ValueError("The speed is 0 or more.")
        self._passed = self.time() + (_AGE if speed == 0 else 0.0)
        self._mark, self._speed = self._clock(), speed

    def time(self) -> float:
        """Sandbox seconds since the beginning."""
        return self._passed + (self._clock() - self._mark) * self._speed

    def start(self) -> float:
        """The sandbox time at which something that begins now is held to begin."""
        return self.time() - (_AGE if self._speed == 0 else 0.0)

    def real(self) -> float:
        """Real seconds, for rate limits: they do not run faster."""
        return self._clock()

    def now(self) -> datetime:
        """The wall clock's time, in UTC."""
        return self._now().astimezone(UTC)

    def until(self, moment: datetime) -> float:
        """Sandbox seconds from now to a moment of the wall clock."""
        return (moment - self.now()) / timedelta(seconds=1) * (self._speed or _AGE)


def stamp(moment: datetime) -> str:
    """A moment as the documents write it: `2026-03-14T09:30:00Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def read_stamp(text: object) -> datetime | None:
    """The moment that a text means (RFC 3339), or None when it means none."""
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


@dataclass
class Limits:
    """Buckets by subject and by what is counted together.

    Attributes:
        on: whether the limits hold.
        retry_after: whether a refusal says in `Retry-After` when to come again.
    """

    on: bool = True
    retry_after: bool = True
    _buckets: dict[tuple[str, str], tuple[float, float]] = field(default_factory=dict, repr=False)

    def clear(self) -> None:
        """Fill every bucket."""
        self._buckets.clear()

    def take(self, subject: str, label: str, count: float, per: float, now: float) -> float:
        """Take one request out of a bucket of `count` in `per` seconds: 0, or the seconds until there is one."""
        rate = count / per
        left, at = self._buckets.get((subject, label), (count, now))
        left = min(count, left + (now - at) * rate)
        taken = left >= 1 - 1e-9  # what was refilled in parts is not lost to rounding
        self._buckets[subject, label] = (left - 1 if taken else left, now)
        return 0.0 if taken else (1 - left) / rate
