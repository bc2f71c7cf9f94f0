"""The sandbox's own time: its clock, time stamps, the life cycles of resources, rate limits; and repeatable ids.

Life cycles are computed from the clock when a resource is read; there are no timers. At speed 0 nothing takes time:
every transition that has begun is over, and every new one is over at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_CUID_LENGTH = 25


def cuid(*parts: object) -> str:
    """Return an id of 25 characters that looks like a cuid; the same parts give the same id."""
    return "cm" + word(_CUID_LENGTH - 2, *parts)


def word(length: int, *parts: object) -> str:
    """Return `length` lower-case letters and digits (up to 48); the same parts give the same word."""
    data = "\x1f".join(map(str, parts)).encode()
    number = int.from_bytes(blake2b(data, digest_size=32).digest(), "big")
    digits = []
    for _ in range(length):
        number, digit = divmod(number, 36)
        digits.append(_DIGITS[digit])
    return "".join(digits)


class Sequence:
    """Ids in order: the n-th id of a label depends on the seed, the label and n alone."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._counts: Counter[str] = Counter()

    def next(self, label: str) -> str:
        """Return the next id of a label."""
        self._counts[label] += 1
        return cuid(self.seed, label, self._counts[label])


FOREVER = float("inf")
_AGE = 1e9  # sandbox seconds: longer than any life cycle


class Clock:
    """A clock that runs `speed` times as fast as the one it is based on.

    Attributes:
        lag: sandbox seconds for which a resource still shows its old state after a change; None for what its life
            cycle declares.
    """

    def __init__(self, clock: Callable[[], float], now: Callable[[], datetime], speed: float) -> None:
        self._clock, self._now = clock, now
        self._passed, self._mark = 0.0, clock()
        self._speed = speed
        self.lag: float | None = None

    @property
    def speed(self) -> float:
        """How many times faster than real time life cycles run; 0 ends every transition at once."""
        return self._speed

    @speed.setter
    def speed(self, speed: float) -> None:
        if speed < 0:
            raise ValueError("The speed is 0 or more.")
        self._passed = self.time() + (_AGE if speed == 0 else 0.0)
        self._mark, self._speed = self._clock(), speed

    def time(self) -> float:
        """Return the sandbox seconds since the sandbox was created."""
        return self._passed + (self._clock() - self._mark) * self._speed

    def start(self) -> float:
        """Return the sandbox time at which a transition that begins now counts as begun."""
        return self.time() - (_AGE if self._speed == 0 else 0.0)

    def real(self) -> float:
        """Return real seconds, for rate limits: they do not run faster."""
        return self._clock()

    def now(self) -> datetime:
        """Return the wall clock's time in UTC."""
        return self._now().astimezone(UTC)

    def seconds_until(self, moment: datetime) -> float:
        """Return the sandbox seconds from now to a moment of the wall clock."""
        return (moment - self.now()) / timedelta(seconds=1) * (self._speed or _AGE)


def format_timestamp(moment: datetime) -> str:
    """Return a moment as an RFC 3339 time in UTC, such as `2026-03-14T09:30:00Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_timestamp(text: object) -> datetime | None:
    """Return the moment that an RFC 3339 time names, or None if the text is not one."""
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Timeline:
    """The states that a resource passes through, each until a sandbox time, and the state in which it ends."""

    through: tuple[tuple[str, float], ...]
    end: str

    def at(self, time: float) -> tuple[str, float]:
        """Return the state at a time, and the time until which it lasts."""
        return next(((state, until) for state, until in self.through if until > time), (self.end, FOREVER))


@dataclass(frozen=True)
class Event:
    """What an event does to the state of a resource.

    Attributes:
        to: the state in which it ends.
        through: the states before that, in order, each with its seconds.
        keep: final states that the event does not change.
        back: the state that follows when the event is limited in time.
    """

    to: str
    through: Mapping[str, float] = field(default_factory=dict)
    keep: tuple[str, ...] = ()
    back: str = ""


@dataclass(frozen=True)
class LifeCycle:
    """The states of a resource over time.

    Attributes:
        state_field: the field that holds the state.
        events: each event by its name; `create` begins the life.
        fails: whether a resource fails, for training; a final state then becomes the one in `failures`.
        lag: seconds for which the old state is still shown after an event, as gateways that cache do.
    """

    state_field: str
    events: Mapping[str, Event]
    fails: Callable[[Mapping[str, Any]], bool] | None = None
    failures: Mapping[str, str] = field(default_factory=dict)
    lag: float = 0.0

    def begin(
        self, event: str, item: Mapping[str, Any], start: float, lasts: float = FOREVER, lag: float | None = None
    ) -> Timeline:
        """Return the timeline that an event begins at the time `start`.

        Args:
            event: the name of the event.
            item: the resource, with its present timeline in `_timeline`.
            start: sandbox time.
            lasts: seconds after which the event's state `back` takes over.
            lag: overrides the lag of the life cycle.
        """
        change, before = self.events[event], item.get("_timeline")
        if isinstance(before, Timeline) and before.end in change.keep:
            return before
        lag = self.lag if lag is None else lag
        steps, time = [], start
        if isinstance(before, Timeline) and lag > 0:
            time = start + lag
            steps.append((before.at(start)[0], time))
        for state, seconds in change.through.items():
            time += seconds
            steps.append((state, time))
        end = self.failures.get(change.to, change.to) if self.fails and self.fails(item) else change.to
        if lasts < FOREVER and change.back:
            return Timeline((*steps, (end, start + lasts)), change.back)
        return Timeline(tuple(steps), end)


@dataclass
class RateLimits:
    """Token buckets by subject and by what is counted together: full at first, refilled at the declared rate.

    Attributes:
        enabled: whether the limits apply.
        retry_after: whether a 429 carries `Retry-After`.
    """

    enabled: bool = True
    retry_after: bool = True
    _buckets: dict[tuple[str, str], tuple[float, float]] = field(default_factory=dict, repr=False)

    def clear(self) -> None:
        """Fill every bucket."""
        self._buckets.clear()

    def take(self, subject: str, label: str, count: float, per: float, now: float) -> float:
        """Take one request out of a bucket of `count` per `per` seconds; return 0, or the seconds until one is free."""
        rate = count / per
        left, at = self._buckets.get((subject, label), (count, now))
        left = min(count, left + (now - at) * rate)
        is_free = left >= 1 - 1e-9  # a bucket that was refilled in parts may be a rounding error short of 1
        self._buckets[subject, label] = (left - 1 if is_free else left, now)
        return 0.0 if is_free else (1 - left) / rate
