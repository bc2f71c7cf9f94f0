"""What came of a row, in a word and a sentence."""

from __future__ import annotations

from collections.abc import Mapping

from ..exchange import Exchange
from ..history import Mark

OUTCOMES = ("done", "failed", "unknown", "invalid", "not sent")
"""What may come of a row."""

DOUBTFUL = ("begun", "unknown")
"""The states of a mark of which nobody knows whether the row was carried out."""

LEFT = (*DOUBTFUL, "cancelled", "invalid")
"""The states of a mark that a run goes on with."""

_TOLD: Mapping[str, str] = {"begun": "unknown", "cancelled": "not sent"}


def state_of(exchange: Exchange) -> str:
    """The state of a mark: the outcome of its exchange, or "cancelled" where nothing can have been done yet."""
    unsent = exchange.failure is not None and exchange.failure.kind in ("cancelled", "connect")
    return "cancelled" if unsent and exchange.outcome == "failed" else exchange.outcome


def told_outcome(mark: Mark) -> str:
    """The outcome of a row that was begun, as it is told."""
    return _TOLD.get(mark.state, mark.state)


def told_message(mark: Mark, exchange: Exchange | None) -> str:
    """What there is to say of a row that was begun; empty where it is done."""
    error = exchange.error.message if exchange and exchange.error and mark.state != "done" else ""
    advice = exchange.advice if exchange and mark.state == "unknown" else ""
    lost = "It was under way when the kernel ended." if mark.state == "begun" else ""
    return " ".join(part for part in (mark.note or error, advice, lost) if part)
