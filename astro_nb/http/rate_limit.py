"""How often a server may be asked: one limiter in this kernel for everything that the server counts together.

A limiter hands out reservations in order, at an even rate (the generic cell rate algorithm, ITU-T I.371): a reservation
says how long to wait, and the caller waits. After a quiet time some requests may go at once, fewer than the bucket of
the server holds, so that a request that is delayed on its way does not meet an empty bucket. If the server refuses a
request nevertheless, every reservation is made again.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from ..fork import renew_after_fork
from ..openapi import Operation, RateLimit

_SLOWDOWN = 1.01
"""How much slower than allowed: two clocks never run alike."""
_SPARE_SHARE = 5
"""One of so many requests is held back from those that may go at once."""
_DEFAULT_PAUSE = 5
"""The requests that a pause costs if the server does not say how long it is."""
_MOST_LIMITERS = 1000


@dataclass(frozen=True)
class Rate:
    """How many requests a server allows in how many seconds, and what it counts together.

    Attributes:
        label: what is counted: a method or an operation.
        count: requests.
        per: seconds.
        place: environment and base URL.
    """

    label: str
    count: float
    per: float
    place: tuple[str, str] = ("", "")

    def __str__(self) -> str:
        frequency = f"{self.count:g} a second" if self.per == 1 else f"{self.count:g} in {self.per:g} s"
        return f"{self.label}: {frequency}"


class Reservation(NamedTuple):
    """When to send a request: seconds from now. `pauses` shows whether the server has refused one since."""

    wait: float
    pauses: int


class RateLimiter:
    """Hands out reservations for one rate; safe to share between threads."""

    def __init__(self, rate: Rate) -> None:
        self._interval = _SLOWDOWN * rate.per / rate.count
        self._burst = max(1, int(rate.count - rate.count // _SPARE_SHARE)) - 1
        self._next: float | None = None  # when the next request is due, if none may go ahead of time
        self._paused_until = float("-inf")
        self._pauses = 0
        self._renew()
        renew_after_fork(self._renew)

    def _renew(self) -> None:
        self._lock = threading.Lock()

    def reserve(self, now: float) -> Reservation:
        """Reserve the next moment to send."""
        with self._lock:
            due = now if self._next is None else self._next
            start = max(now, due - self._burst * self._interval)
            self._next = max(due, start) + self._interval
            return Reservation(start - now, self._pauses)

    def cancel(self, reservation: Reservation) -> None:
        """Give a reservation back, so that later requests need not wait for it."""
        with self._lock:
            if self._next is not None and self.is_valid(reservation):
                self._next -= self._interval

    def is_valid(self, reservation: Reservation) -> bool:
        """Whether a reservation still holds: the server has refused no request since."""
        return reservation.pauses == self._pauses

    def pause(self, now: float, seconds: float | None) -> None:
        """Send nothing for some seconds, because the server refused a request; None if it did not say how long."""
        with self._lock:
            wait = _DEFAULT_PAUSE * self._interval if seconds is None else seconds
            self._paused_until = max(self._paused_until, now + wait)
            self._next = self._paused_until + self._burst * self._interval  # every reservation is made again
            self._pauses += 1


def rate_of(operation: Operation, place: tuple[str, str], limits: Mapping[str, float]) -> Rate | None:
    """Return how often an operation may be called; None for no limit.

    Args:
        operation: its own limit in the overlay goes first, then the environment's and the overlay's for its method.
        place: environment and base URL.
        limits: the environment's: requests a second by method; infinity for no limit.
    """
    if operation.extensions.limit:
        return _make_rate(operation.id, operation.extensions.limit, place)
    general = operation.spec.extensions.limits
    limit = RateLimit(limits[operation.method]) if operation.method in limits else general.get(operation.method)
    return _make_rate(operation.method, limit, place)


def limiter_for(rate: Rate, clock: Callable[[], float]) -> RateLimiter:
    """Return the limiter of a rate, the same one for everything in this process that uses the clock."""
    return _limiters.get(rate, clock)


class _Limiters:
    """The limiters of this process."""

    def __init__(self) -> None:
        self._known: dict[Hashable, RateLimiter] = {}
        self._renew()
        renew_after_fork(self._renew)

    def _renew(self) -> None:
        self._lock = threading.Lock()

    def get(self, rate: Rate, clock: Callable[[], float]) -> RateLimiter:
        key: Hashable = (rate, clock)
        with self._lock:
            if key not in self._known:
                while len(self._known) >= _MOST_LIMITERS:
                    del self._known[next(iter(self._known))]
                self._known[key] = RateLimiter(rate)
            return self._known[key]


_limiters = _Limiters()


def _make_rate(label: str, limit: RateLimit | None, place: tuple[str, str]) -> Rate | None:
    """Return the rate of a limit; None if there is none, or if it is infinite."""
    if limit is None or not (0 < limit.count < math.inf and 0 < limit.per < math.inf):
        return None
    return Rate(label, float(limit.count), float(limit.per), place)
