"""The sandbox's own time: how long ago things were begun, at the speed that was asked for.

Life cycles are computed from this time when something is read; there are no timers. At speed 0 there is no waiting:
whatever was begun is over, and whatever is begun is over at once.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

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
