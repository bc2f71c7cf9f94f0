"""The outcome of a call for whoever needs it done, and what to do if it is unknown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from ..openapi import Operation, paths_upwards

if TYPE_CHECKING:
    from .exchange import Exchange

Outcome = Literal["done", "failed", "unknown"]

_GONE = (404, 410)


def outcome_of(exchange: Exchange) -> Outcome:
    """Return whether a call was carried out: "done", "failed" or "unknown".

    A deletion that ends in a 404 or 410 is done if an earlier attempt may have done it. An unsafe call is "unknown" if
    an attempt ended in a 5xx, a time-out or a broken connection, and no later response says more.
    """
    operation, response = exchange.operation, exchange.response
    uncertain = any(attempt.may_have_been_done for attempt in exchange.attempts)
    if response is not None and response.status < 500:
        is_gone = operation.method == "DELETE" and response.status in _GONE and uncertain
        return "done" if response.status < 400 or is_gone else "failed"
    return "unknown" if uncertain and not operation.is_safe else "failed"


def advice_for(exchange: Exchange) -> str:
    """Return what to do if the outcome is unknown, such as which operation to check with; else an empty text."""
    if outcome_of(exchange) != "unknown":
        return ""
    name = exchange.operation.id
    if exchange.operation.is_idempotent:
        return f"{name} may have been carried out; to send it again does no harm."
    reader = _nearest_reader(exchange.operation)
    look = f"Look with {reader.id} before you send it again" if reader else "Find out before you send it again"
    return f"{name} may have been carried out, and it is not safe to repeat. {look}."


def _nearest_reader(operation: Operation) -> Operation | None:
    """Return the operation that reads what this one changes: at its path, or at the nearest one above."""
    readers = (operation.spec.resources.reader_at(path) for path in paths_upwards(operation.path))
    return next((reader for reader in readers if reader), None)
