"""Send a call again and again until a condition holds, and the result of that."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from math import inf
from typing import Any

from .. import html
from ..call import Call
from ..errors import UsageError, WaitFailed, WaitTimeout
from ..exchange import CallGroup, Exchange, draw_exchange
from ..http import new_id
from ..openapi import Operation
from ..session import Session
from .conditions import Condition, Evaluation, Until, build_condition
from .states import TransitionLog, Transitions, duration_text, find_last_change, grace_of, state_of, state_text

OnWaitProgress = Callable[[float | None, str, html.Markup], None]
"""Called with the share of the timeout that has passed, a text, and the states so far as a strip."""

_FIRST_PAUSE, _PAUSE_GROWTH, _LONGEST_PAUSE = 0.5, 1.3, 10.0  # seconds between two requests
_SHORTEST_REST = 0.001  # seconds; with less time left no other request is sent


@dataclass(frozen=True)
class WaitOptions:
    """How long to wait, and how often to send the request.

    Attributes:
        timeout: the longest time to wait, in seconds.
        every: seconds between two requests; by default 0.5 s, growing to 10 s.
        grace: seconds after a change for which an unchanged state is not trusted; by default the overlay's value,
            or else 10 s.
        speed: returns how many times faster than real time the server runs; only a sandbox runs faster.
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


@dataclass(frozen=True, repr=False)
class WaitResult:
    """The exchange that ended a wait, and the states that were seen.

    Every attribute of the exchange can be read here: `result.ok`, `result.json()`, `result["$.status"]`.

    Attributes:
        exchange: the last exchange, as the history holds it.
        transitions: the states that were seen, with when, how long and why; `.frame()` makes a table of them.
    """

    exchange: Exchange
    transitions: Transitions

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self.exchange, name)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *(name for name in dir(self.exchange) if not name.startswith("_"))})

    def __getitem__(self, path: str) -> Any:
        return self.exchange[path]

    def __contains__(self, path: str) -> bool:
        return path in self.exchange

    def __repr__(self) -> str:
        return f"{repr(self.exchange)[:-1]}; {self.transitions}>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        drawn = html.join([self.transitions.draw(), draw_exchange(self.exchange)])
        return {"text/plain": repr(self), "text/html": str(drawn)}


def wait_for(
    session: Session,
    operation: str,
    until: Until = "settled",
    options: WaitOptions = WaitOptions(),  # frozen
    on_progress: OnWaitProgress | None = None,
    /,
    **arguments: Any,
) -> WaitResult:
    """Send a call until a condition holds; see `Workbench.wait`.

    Every exception that ends the wait, KeyboardInterrupt too, has the states that were seen as its attribute
    `transitions`.

    Raises:
        UsageError: the condition is malformed; nothing was sent.
        WaitTimeout: the condition did not hold in time.
        WaitFailed: the condition cannot hold any more.
    """
    call = session.build_call(operation, arguments)
    condition = build_condition(session.spec.operation(operation), until)
    condition = replace(condition, texts=tuple(session.redact(list(condition.texts))))
    wait = _Wait(session, call, condition, options, on_progress)
    try:
        with session.pin_environment():
            return wait.run()
    except BaseException as error:  # raised again, with the states that were seen
        error.transitions = wait.log.snapshot()  # type: ignore[attr-defined]  # documented above
        raise


class _Wait:
    """One wait, from its first request to its end."""

    def __init__(
        self,
        session: Session,
        call: Call,
        condition: Condition,
        options: WaitOptions,
        on_progress: OnWaitProgress | None,
    ) -> None:
        self._session, self._call, self._condition, self._options = session, call, condition, options
        self._on_progress = on_progress
        self._group = CallGroup("wait", new_id(), condition.texts, float(options.timeout))
        self._began, self._pause = session.client.clock(), _FIRST_PAUSE
        self._first_request: datetime | None = None
        self.log = TransitionLog(condition.path)

    def run(self) -> WaitResult:
        """Send the call until the condition holds.

        Raises:
            WaitTimeout, WaitFailed: as for `wait_for`.
        """
        timeout = self._options.timeout
        while True:
            exchange, elapsed = self._send()
            evaluation = self._condition.evaluate(exchange)
            distrust, grace_left = self._check_grace(exchange, evaluation, elapsed)
            if evaluation.result == "met" and not distrust:
                self._report(1.0, f"{self.log.last.state} after {duration_text(elapsed)}")
                return WaitResult(exchange, self.log.snapshot())
            left = timeout - elapsed
            failed = evaluation.result == "failed" and not distrust
            is_over = failed or left < _SHORTEST_REST
            self._report(1.0 if is_over else elapsed / timeout, self._progress_text(distrust, left))
            if failed:
                raise _build_failure(exchange, self.log.snapshot(), evaluation.reason)
            if is_over:
                raise _build_timeout(exchange, self.log.snapshot(), self._condition.text, timeout, distrust)
            self._session.pause(min(self._next_pause(), grace_left, left))

    def _send(self) -> tuple[Exchange, float]:
        """Send the call once; return the exchange and the seconds since the wait began."""
        exchange = self._session.send(self._call, self._group)
        elapsed = self._session.client.clock() - self._began
        self._first_request = self._first_request or exchange.started
        self.log.add(exchange, elapsed)
        return exchange, elapsed

    def _check_grace(self, exchange: Exchange, evaluation: Evaluation, elapsed: float) -> tuple[str, float]:
        """Return why a state is not trusted yet, and for how many seconds; an empty text if it is trusted."""
        applies = evaluation.by_state or self._options.grace is not None
        if evaluation.result == "pending" or not applies or not exchange.ok or self._options.grace == 0:
            return "", inf
        path = self._condition.path
        change, state = find_last_change(self._session.exchanges, exchange, path), state_of(exchange, path)
        if change is None or change.is_reflected_in(state):
            return "", inf
        age = max(0.0, ((self._first_request or exchange.started) - change.ended).total_seconds() + elapsed)
        left = self._grace(exchange.operation) - age
        text = f"{state}, but {change.operation} was sent {duration_text(age)} ago: the state may be from before."
        return (text, left + _SHORTEST_REST) if left > 0 else ("", inf)

    def _grace(self, operation: Operation) -> float:
        if self._options.grace is not None:
            return self._options.grace
        speed = self._options.speed()
        return grace_of(operation) / speed if speed else 0.0

    def _next_pause(self) -> float:
        if self._options.every is not None:
            return self._options.every
        pause, self._pause = self._pause, min(self._pause * _PAUSE_GROWTH, _LONGEST_PAUSE)
        return pause

    def _progress_text(self, distrust: str, left: float) -> str:
        """Return the current state with its reason, or why it is not trusted, and the time that is left."""
        last = self.log.last
        reason = f": {last.reason.rstrip('.')}" if last.reason else ""
        text = distrust.rstrip(".") or f"{last.state} for {duration_text(last.lasted)}{reason}"
        return text if left == inf else f"{text} · {duration_text(max(0.0, left))} left"

    def _report(self, fraction: float, text: str) -> None:
        if self._on_progress:
            self._on_progress(fraction, text, self.log.snapshot().draw_strip())


def _build_failure(exchange: Exchange, transitions: Transitions, why: str) -> WaitFailed:
    """Return the error for a state, or a response, that another request will not change; `why` may be empty."""
    last = transitions[-1]
    reason = last.reason or ("without a reason" if exchange.ok else exchange.status_text)
    what = why or (f"the state is {last.state}, {reason}" if exchange.ok else reason)
    return WaitFailed(
        f"Waiting ended: {what.rstrip('.')}{_list_seen(transitions)}.",
        "Fix that first, or give a condition such as $.status == 'DONE', or a predicate." if why else "Fix that first.",
        state=state_of(exchange),
        exchange=exchange,
        transitions=transitions,
    )


def _build_timeout(
    exchange: Exchange, transitions: Transitions, condition: str, timeout: float, distrust: str
) -> WaitTimeout:
    """Return the error for a timeout; `distrust` is why the wanted state was not trusted, if it was seen."""
    last = transitions[-1]
    reason = f" ({last.reason.rstrip('.')})" if last.reason else ""
    state = f"the last state was {last.state}, for {duration_text(last.lasted)}{reason}"
    return WaitTimeout(
        f"{exchange.operation.id} did not reach {condition} in {timeout:g} s: {state}{_list_seen(transitions)}."
        f"{f' {distrust}' if distrust else ''}",
        "Pass grace=0 to trust the state at once."
        if distrust
        else "Look at the last response, and wait longer if the state may still change.",
        last=state_text(exchange),
        exchange=exchange,
        transitions=transitions,
    )


def _list_seen(transitions: Transitions) -> str:
    """List the states that were seen, if there were several."""
    return f"; seen: {transitions}" if len(transitions) > 1 else ""
