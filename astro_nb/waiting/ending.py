"""How a wait ends badly, in words: the last state, how long it has been so, and what was seen before."""

from __future__ import annotations

from ..errors import WaitFailed, WaitTimeout
from ..exchange import Exchange
from .drawing import duration_words
from .states import seen_of, state_of
from .transitions import Transitions


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
