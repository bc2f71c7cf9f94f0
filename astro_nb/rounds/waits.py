"""Asking again and again until a thing is so."""

from __future__ import annotations

from typing import Any

from ..client import new_id
from ..errors import WaitTimeout
from ..exchange import Exchange
from ..session import Session
from ..waiting import Until, condition, state_of
from .told import Progress


def wait_for(
    session: Session,
    operation: str,
    /,
    until: Until = "settled",
    timeout: float = 600.0,
    every: float | None = None,
    progress: Progress | None = None,
    **arguments: Any,
) -> Exchange:
    """Ask again and again until something is so.

    Args:
        session, operation: where to ask, and the operation that reads the state.
        until: "settled" (the overlay knows the states), the name of a state, or a predicate, which is asked of every
            exchange, failed ones too: `lambda response: response.status == 404` waits until a thing is gone.
        timeout: seconds, at the most.
        every: seconds between two requests; by default from 0.5 s, growing to 10 s.
        progress, arguments: told of each request; and as for `call`.

    Raises:
        UnknownName: the document knows the states, and this is none of them; nothing was sent.
        WaitTimeout: time ran out; the error tells the last state.
        WaitFailed: a terminal state, or an answer that will not change by waiting (401, 403, 404 …).
    """
    call = session.arrange(operation, arguments)
    reached = condition(session.spec.operation(operation), until)
    goal = until if isinstance(until, str) else "a predicate"
    via, begun, pause = f"wait:{new_id()}:{goal}:{timeout}", session.client.clock(), 0.4
    while True:
        exchange = session.send(call, via)
        spent, state = session.client.clock() - begun, state_of(exchange) or exchange.status_text
        if progress:
            progress(min(spent / timeout, 1.0) if timeout else 1.0, f"{state}, {spent:.0f} s")
        if reached(exchange):
            return exchange
        pause = every if every is not None else min(pause * 1.3, 10.0)
        if spent + pause > timeout:
            raise _timed_out(operation, goal, timeout, state, exchange)
        session.pause(pause)


def _timed_out(operation: str, goal: str, timeout: float, state: str, exchange: Exchange) -> WaitTimeout:
    return WaitTimeout(
        f"{operation} did not come to {goal} in {timeout:.0f} s; the last state was {state}.",
        "Look at the last answer, and wait longer if it still moves.",
        last=state,
        exchange=exchange,
    )
