"""How a wait ends badly, in words: the last state, how long it has been so, and what was seen before.

The last exchange of a wait, and all that was seen before it.

Asking again and again until a thing is so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from math import inf
from typing import Any

from .. import html
from ..call import Call
from ..errors import UsageError, WaitFailed, WaitTimeout
from ..exchange import Exchange, draw
from ..html import Markup
from ..http import new_id
from ..openapi import Operation
from ..secrets import redact
from ..session import Session, session_secrets
from .conditions import Goal, Until, Verdict, goal_of
from .states import deed_before, grace_of, seen_of, state_of
from .transitions import Log, Transitions, duration_words, strip
from .transitions import draw as draw_transitions


def failed(exchange: Exchange, transitions: Transitions) -> WaitFailed:
    """A terminal state, or an answer that will not change by waiting."""
    last = transitions[-1]
    told = last.reason or ("without a reason" if exchange.ok else exchange.status_text)
    what = f"the state is {last.state}, {told}" if exchange.ok else told
    return WaitFailed(
        f"Waiting ended: {what.rstrip('.')}{_before(transitions)}.",
        "Mend that first.",
        state=state_of(exchange),
        exchange=exchange,
        transitions=transitions,
    )


def timed_out(exchange: Exchange, transitions: Transitions, goal: str, timeout: float, held: str) -> WaitTimeout:
    """Time ran out; `held` says why a state that was wanted did not count."""
    last = transitions[-1]
    why = f" ({last.reason.rstrip('.')})" if last.reason else ""
    return WaitTimeout(
        f"{exchange.operation.id} did not come to {goal} in {timeout:g} s: the last state was {last.state}, for "
        f"{duration_words(last.lasted)}{why}{_before(transitions)}.{f' {held}' if held else ''}",
        "Give grace=0 to take it as it is." if held else "Look at the last answer, and wait longer if it still moves.",
        last=seen_of(exchange),
        exchange=exchange,
        transitions=transitions,
    )


def _before(transitions: Transitions) -> str:
    """What was seen, where it was more than the last state."""
    return f"; seen: {transitions}" if len(transitions) > 1 else ""


@dataclass(frozen=True, repr=False)
class Waited(Exchange):
    """The exchange that ended a wait; it can be used wherever an exchange can.

    Attributes:
        transitions: the states that were seen, with when, how long and why; `.frame()` makes a table of them.
        last: the exchange as the history holds it.
    """

    transitions: Transitions = field(default_factory=Transitions)
    last: Exchange | None = field(default=None, compare=False)

    @classmethod
    def of(cls, exchange: Exchange, transitions: Transitions) -> Waited:
        """The exchange, with what was seen; what is picked out of it counts as picked out of that one."""
        told = {f.name: getattr(exchange, f.name) for f in fields(Exchange) if f.init}
        made = cls(**told, transitions=transitions, last=exchange)
        object.__setattr__(made, "picked", exchange.picked)
        return made

    @property
    def size(self) -> int:
        """Bytes of the answer's body, as it came."""
        return self.last.size if self.last is not None else super().size

    def __repr__(self) -> str:
        return f"{super().__repr__()[:-1]}; {self.transitions}>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        drawn = html.join([draw_transitions(self.transitions), draw(self)])
        return {"text/plain": repr(self), "text/html": str(drawn)}


Told = Callable[[float | None, str, Markup], None]
"""Told of a wait: the part of the time that is used up, words, and the states so far as a strip."""

_FIRST, _GROWTH, _LONGEST = 0.5, 1.3, 10.0  # seconds between two requests
_NOTHING = 0.001  # seconds that are not worth another request


@dataclass(frozen=True)
class Patience:
    """How long to wait, and how often to ask.

    Attributes:
        timeout: seconds, at the most.
        every: seconds between two requests; by default from 0.5 s, growing to 10 s.
        grace: seconds after a change for which a state that has not moved is not taken for its result; by default
            what the overlay says, else 10.
        speed: how many times faster than real time the server's things live; more than 1 in a sandbox alone.
    """

    timeout: float = 600.0
    every: float | None = None
    grace: float | None = None
    speed: Callable[[], float] = lambda: 1.0

    def __post_init__(self) -> None:
        for name in ("timeout", "every", "grace"):
            seconds = getattr(self, name)
            if seconds is not None and not seconds >= 0:
                raise UsageError(f"{name}={seconds!r} is no number of seconds.", "Give 0 or more.")


def wait_for(
    session: Session,
    operation: str,
    until: Until = "settled",
    patience: Patience = Patience(),  # frozen
    progress: Told | None = None,
    /,
    **arguments: Any,
) -> Waited:
    """Ask again and again until something is so; see `Workbench.wait`.

    Whatever ends it, an interrupt too, has the states that were seen in its attribute `transitions`.
    """
    call = session.build_call(operation, arguments)
    goal = goal_of(session.spec.operation(operation), until)
    wait = _Wait(session, call, replace(goal, words=_shown(session, goal.words)), patience, progress)
    try:
        with session.pin_environment():
            return wait.ended()
    except BaseException as stop:  # raised again, with what was seen
        stop.transitions = wait.log.told()  # type: ignore[attr-defined]  # for whoever wants to know
        raise


def _shown(session: Session, words: str) -> str:
    """A goal without secrets, which a condition may name; no frame of the wait holds them."""
    return redact(words, session_secrets(session.variables, session.effective_environment).values.values())


class _Wait:
    """One wait, from its first request to its end."""

    def __init__(self, session: Session, call: Call, goal: Goal, patience: Patience, progress: Told | None) -> None:
        self._session, self._call, self._goal, self._patience = session, call, goal, patience
        self._progress = progress
        self._via = f"wait:{new_id()}:{goal.words}:{patience.timeout}"
        self._begun, self._pause = session.client.clock(), _FIRST
        self._first: datetime | None = None
        self.log = Log()

    def ended(self) -> Waited:
        """Wait, and give the last exchange.

        Raises:
            WaitTimeout, WaitFailed: as for `Workbench.wait`.
        """
        while True:
            exchange, spent = self._asked()
            verdict = self._goal.judge(exchange)
            held, rest = self._held(exchange, verdict, spent)
            if verdict.end == "reached" and not held:
                self._tell(1.0, f"{self.log.last.state} after {duration_words(spent)}")
                return Waited.of(exchange, self.log.told())
            left = self._patience.timeout - spent
            lost = verdict.end == "lost" and not held
            over = lost or left < _NOTHING
            self._tell(1.0 if over else spent / self._patience.timeout, self._words(held, left))
            if lost:
                raise failed(exchange, self.log.told())
            if over:
                raise timed_out(exchange, self.log.told(), self._goal.words, self._patience.timeout, held)
            self._session.pause(min(self._next_pause(), rest, left))

    def _asked(self) -> tuple[Exchange, float]:
        exchange = self._session.send(self._call, self._via)
        spent = self._session.client.clock() - self._begun
        self._first = self._first or exchange.started
        self.log.add(exchange, spent)
        return exchange, spent

    def _held(self, exchange: Exchange, verdict: Verdict, spent: float) -> tuple[str, float]:
        """Why a state is not taken for the result of the last change, and for how long; nothing where it is."""
        asked = verdict.by_state or self._patience.grace is not None
        if verdict.end == "not yet" or not asked or not exchange.ok or self._patience.grace == 0:
            return "", inf
        deed, state = deed_before(self._session.exchanges, exchange), state_of(exchange)
        if deed is None or deed.has_moved(state):
            return "", inf
        age = max(0.0, ((self._first or exchange.started) - deed.ended).total_seconds() + spent)
        rest = self._grace(exchange.operation) - age
        words = f"{state}, but {deed.operation} was {duration_words(age)} ago: not taken for its result yet."
        return (words, rest + _NOTHING) if rest > 0 else ("", inf)

    def _grace(self, operation: Operation) -> float:
        if self._patience.grace is not None:
            return self._patience.grace
        speed = self._patience.speed()
        return grace_of(operation) / speed if speed else 0.0

    def _next_pause(self) -> float:
        if self._patience.every is not None:
            return self._patience.every
        pause, self._pause = self._pause, min(self._pause * _GROWTH, _LONGEST)
        return pause

    def _words(self, held: str, left: float) -> str:
        """The present state, why it does not count or what it is about, and the time that is left."""
        last = self.log.last
        reason = f": {last.reason.rstrip('.')}" if last.reason else ""
        told = held.rstrip(".") or f"{last.state} for {duration_words(last.lasted)}{reason}"
        return told if left == inf else f"{told} · {duration_words(max(0.0, left))} left"

    def _tell(self, fraction: float, words: str) -> None:
        if self._progress:
            self._progress(fraction, words, strip(self.log.told()))
