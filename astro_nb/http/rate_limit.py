"""How fast to ask: a budget for everything in this kernel that a server counts together.

A budget gives slots in order, at an even pace (the generic cell rate algorithm, ITU-T I.371): whoever asks is told how
long to wait, and nobody waits in here. After a pause some slots are given at once, fewer than the server's own bucket
holds, so that what is late on its way to the server does not meet an empty one. A server that refuses all the same puts
off every slot.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from ..openapi import Operation

_SLOWER = 1.01
"""How much slower than allowed: two clocks are never the same."""
_SPARE = 5
"""One of so many is kept back of what may be sent at once."""
_PUT_OFF = 5
"""Slots that a refusal costs which does not say when to come again."""


@dataclass(frozen=True)
class Rate:
    """How much a server allows: so many requests in so many seconds, and what it counts together.

    Attributes:
        label: what is counted: a method, or an operation.
        count: requests.
        per: seconds.
        place: whose budget it is: environment and base URL.
    """

    label: str
    count: float
    per: float
    place: tuple[str, str] = ("", "")

    def __str__(self) -> str:
        often = f"{self.count:g} a second" if self.per == 1 else f"{self.count:g} in {self.per:g} s"
        return f"{self.label}: {often}"


class Slot(NamedTuple):
    """When to send: seconds from now, and by which state of the budget that was told."""

    wait: float
    state: int


class Budget:
    """The slots of one rate; safe to share between threads."""

    def __init__(self, rate: Rate) -> None:
        self._each = _SLOWER * rate.per / rate.count
        self._ahead = max(1, int(rate.count - rate.count // _SPARE)) - 1
        self._next: float | None = None  # when a slot comes, were none given ahead
        self._closed = float("-inf")  # until when a server has refused
        self._state = 0
        self._lock = threading.Lock()

    def reserve(self, now: float) -> Slot:
        """Take the next slot."""
        with self._lock:
            due = now if self._next is None else self._next
            start = max(now, due - self._ahead * self._each)
            self._next = max(due, start) + self._each
            return Slot(start - now, self._state)

    def give_back(self, slot: Slot) -> None:
        """A slot is not used after all: those who come later need not wait for it."""
        with self._lock:
            if self._next is not None and self.is_as_of(slot):
                self._next -= self._each

    def is_as_of(self, slot: Slot) -> bool:
        """Whether a slot still holds: no refusal has put it off since it was given."""
        return slot.state == self._state

    def put_off(self, now: float, seconds: float | None) -> None:
        """No slot for so many seconds, for a server has refused; None where it did not say how long."""
        with self._lock:
            wait = _PUT_OFF * self._each if seconds is None else seconds
            self._closed = max(self._closed, now + wait)
            self._next = self._closed + self._ahead * self._each  # slots that were given are given anew
            self._state += 1


def rate_of(operation: Operation, place: tuple[str, str], own: Mapping[str, float]) -> Rate | None:
    """How often an operation may be called; None where nobody says.

    Args:
        operation: its own limit in the overlay goes first, then the environment's and the overlay's for its method.
        place: environment and base URL.
        own: the environment's limits: requests a second by method; infinity for as fast as one likes.
    """
    noted = operation.notes.get("limit")
    if noted:
        return _rate(operation.id, noted, place)
    if operation.method in own:
        return _rate(operation.method, {"count": own[operation.method]}, place)
    limits = operation.spec.notes.get("limits") or {}
    return _rate(operation.method, limits.get(operation.method), place)


def budget_of(rate: Rate, clock: Callable[[], float]) -> Budget:
    """The budget of a rate, the same one for all in this process who go by that clock."""
    key: Hashable = (rate, clock)
    with _lock:
        if key not in _budgets:
            while len(_budgets) >= _MOST:
                del _budgets[next(iter(_budgets))]
            _budgets[key] = Budget(rate)
        return _budgets[key]


_MOST = 1000  # budgets that are remembered
_budgets: dict[Hashable, Budget] = {}
_lock = threading.Lock()


def _rate(label: str, noted: Any, place: tuple[str, str]) -> Rate | None:
    """A rate as an overlay notes it: `{count: 25, per: 1}`; None where it is not one, or as much as one likes."""
    try:
        count, per = float(noted["count"]), float(noted.get("per", 1))
    except (TypeError, KeyError, ValueError, AttributeError):
        return None
    return Rate(label, count, per, place) if 0 < count < math.inf and 0 < per < math.inf else None
