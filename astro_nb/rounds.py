"""Many calls for one wish: every page of a list, or asking until a thing is so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .call import Call
from .client import new_id
from .errors import UsageError, WaitTimeout
from .exchange import Exchange
from .paging import Pages, first_call, paging_of
from .session import Session
from .waiting import Until, condition, state_of

Progress = Callable[[float | None, str], None]
"""Told of long work: the fraction done (None where unknown), and words."""


def read_pages(session: Session, operation: str, progress: Progress | None = None, /, **arguments: Any) -> Pages:
    """Every page of a list, read one after another.

    Raises:
        UsageError: the operation does not list anything.
    """
    found = session.spec.operation(operation)
    paging = paging_of(found)
    if paging is None:
        raise UsageError(f"{operation} does not answer a list.", "Use api.call for it.")
    call: Call | None = first_call(paging, session.arrange(operation, arguments))
    pages, via = Pages(found, paging), f"pages:{new_id()}"
    while call is not None:
        call = pages.add(call, session.send(call, via))
        if progress:
            progress(len(pages) / pages.total if pages.total else None, f"{len(pages)} of {pages.total or '?'} items")
    return pages


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
        session.client.sleep(pause)


def _timed_out(operation: str, goal: str, timeout: float, state: str, exchange: Exchange) -> WaitTimeout:
    return WaitTimeout(
        f"{operation} did not come to {goal} in {timeout:.0f} s; the last state was {state}.",
        "Look at the last answer, and wait longer if it still moves.",
        last=state,
        exchange=exchange,
    )
