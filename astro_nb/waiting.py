"""When a thing is what one waits for, and when waiting has become pointless."""

from __future__ import annotations

from collections.abc import Callable

from .errors import PickError, UsageError, WaitFailed
from .exchange import Exchange
from .spec import Operation

Until = str | Callable[[Exchange], bool]
"""What is waited for: "settled" (the overlay knows the states), the name of a state, or a predicate."""


def condition(operation: Operation, until: Until) -> Callable[[Exchange], bool]:
    """What is waited for, as a predicate that raises WaitFailed when waiting has become pointless.

    Raises:
        UsageError: the document does not know what "settled" means for this operation.
    """
    note = operation.notes.get("settled")
    if until == "settled" and not note:
        raise UsageError(
            f"The overlay does not say when {operation.id} is settled.",
            "Give the name of a state, or a predicate: until=lambda response: …",
        )
    good = {until} if isinstance(until, str) and until != "settled" else set((note or {}).get("good", ()))
    bad = set((note or {}).get("bad", ())) - good

    def reached(exchange: Exchange) -> bool:
        state = state_of(exchange)
        hopeless = (
            exchange.status is not None and 400 <= exchange.status < 500 and exchange.status not in (408, 425, 429)
        )
        if (
            hopeless
            or (exchange.failure and exchange.failure.kind == "cancelled")
            or (state in bad and not callable(until))
        ):
            told = exchange.error.message if exchange.error else f"the state is {state}, {_reason(exchange)}"
            raise WaitFailed(f"Waiting ended: {told}.", "Mend that first.", state=state, exchange=exchange)
        return bool(until(exchange)) if callable(until) else exchange.ok and state in good

    return reached


def state_of(exchange: Exchange) -> str:
    """The state in an answer, where the overlay says it stands (else `status`); empty where there is none."""
    note = exchange.operation.notes.get("settled") or {}
    return _picked(exchange, str(note.get("state", "status")))


def _reason(exchange: Exchange) -> str:
    note = exchange.operation.notes.get("settled") or {}
    return _picked(exchange, str(note.get("reason", "statusReason"))) or "without a reason"


def _picked(exchange: Exchange, key: str) -> str:
    try:
        value = exchange[f"$.{key}"]
    except PickError:
        return ""
    return value if isinstance(value, str) else ""
