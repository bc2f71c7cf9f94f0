"""When a thing is what one waits for, and when waiting has become pointless."""

from __future__ import annotations

from collections.abc import Callable

from .errors import PickError, UnknownName, UsageError, WaitFailed
from .exchange import Exchange
from .fields import Field, read
from .spec import Operation

Until = str | Callable[[Exchange], bool]
"""What is waited for: "settled" (the overlay knows the states), the name of a state, or a predicate."""

Reached = Callable[[Exchange], bool]

_MAY_PASS = (408, 425, 429)
"""Refusals that end by themselves; any other 4xx stays what it is, however long one asks."""


def condition(operation: Operation, until: Until) -> Reached:
    """What is waited for, as a predicate that raises WaitFailed when waiting has become pointless.

    A predicate is asked first, so that one may wait for a 404. Otherwise an answer that will not change by waiting
    (401, 403, 404 …) ends the wait: an error is never read as "not yet".

    Raises:
        UsageError: the document does not know what "settled" means here, or has no such state.
    """
    good = _wanted(operation, until)
    bad = set() if callable(until) else _noted(operation, "bad") - good

    def reached(exchange: Exchange) -> bool:
        state = state_of(exchange)
        so = _is_so(until, exchange) if callable(until) else exchange.ok and state in good
        if not so and (_is_hopeless(exchange) or state in bad):
            raise _pointless(exchange)
        return so

    return reached


def state_of(exchange: Exchange) -> str:
    """The state in an answer, where the overlay says it stands (else `status`); empty where there is none."""
    return _picked(exchange, _state_key(exchange.operation))


def _wanted(operation: Operation, until: Until) -> set[str]:
    """The states that end the wait well; none for a predicate."""
    if callable(until):
        return set()
    good = _noted(operation, "good")
    if until == "settled" and good:
        return good
    states = _states(operation)
    if until == "settled" and until not in states:
        raise UsageError(
            f"The overlay does not say when {operation.id} is settled.",
            "Give the name of a state, or a predicate: until=lambda response: …",
        )
    if not until or (states and until not in states | good | _noted(operation, "bad")):
        raise UnknownName(f"state of {operation.id}", until, states, todo="" if states else "Give the name of a state.")
    return {until}


def _states(operation: Operation) -> set[str]:
    """Every state that the document gives the answer; none where it gives no list of them."""
    schema = operation.success.schema() if operation.success else None
    field: Field | None = read(operation.spec, schema) if schema is not None else None
    for step in _state_key(operation).split("."):
        field = field.child(step) if field else None
    return {choice for choice in field.choices if isinstance(choice, str)} if field else set()


def _noted(operation: Operation, kind: str) -> set[str]:
    """The states that the overlay calls good, or bad."""
    return set((operation.notes.get("settled") or {}).get(kind, ()))


def _state_key(operation: Operation) -> str:
    return str((operation.notes.get("settled") or {}).get("state", "status"))


def _is_so(predicate: Callable[[Exchange], bool], exchange: Exchange) -> bool:
    try:
        return bool(predicate(exchange))
    except PickError:
        if exchange.ok:  # the predicate's own mistake
            raise
        return False


def _is_hopeless(exchange: Exchange) -> bool:
    """Whether an answer stays the same however long one asks, or the user has had enough."""
    refused = exchange.status is not None and 400 <= exchange.status < 500 and exchange.status not in _MAY_PASS
    return refused or (exchange.failure is not None and exchange.failure.kind == "cancelled")


def _pointless(exchange: Exchange) -> WaitFailed:
    state, note = state_of(exchange), exchange.operation.notes.get("settled") or {}
    reason = _picked(exchange, str(note.get("reason", "statusReason"))) or "without a reason"
    told = exchange.error.message.rstrip(".") if exchange.error else f"the state is {state}, {reason.rstrip('.')}"
    return WaitFailed(f"Waiting ended: {told}.", "Mend that first.", state=state, exchange=exchange)


def _picked(exchange: Exchange, key: str) -> str:
    try:
        value = exchange[f"$.{key}"]
    except PickError:
        return ""
    return value if isinstance(value, str) else ""
