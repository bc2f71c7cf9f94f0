"""What came of a row, in a word and a sentence."""

from __future__ import annotations

from collections.abc import Mapping

from ..exchange import Exchange
from ..history import Mark
from ..pace import repeatable

OUTCOMES = ("done", "failed", "unknown", "invalid", "not sent")
"""What may come of a row."""

OPEN = ("begun", "unknown", "cancelled")
"""The states of a mark that a run goes on with: it finds out what became of the row."""

_TOLD: Mapping[str, str] = {"begun": "unknown", "cancelled": "failed"}
_MAY_HAVE_HAPPENED = ("broken", "timeout", "too large", "cancelled")
_LOOK = "It may have been carried out: look before you send it again."


def outcome_of(exchange: Exchange) -> str:  # TODO(lead): `Exchange.outcome` in its place, once it is there
    """What came of an exchange: "done", "failed", "unknown"; "cancelled" where it can be repeated without harm."""
    kind = exchange.failure.kind if exchange.failure else ""
    if exchange.ok:
        return "done"
    if repeatable(exchange.operation):
        return "cancelled" if kind == "cancelled" else "failed"
    return "unknown" if kind in _MAY_HAVE_HAPPENED or (exchange.status or 0) >= 500 else "failed"


def told_outcome(mark: Mark) -> str:
    """The outcome of a row that was begun, as it is told."""
    return _TOLD.get(mark.state, mark.state)


def told_message(mark: Mark, exchange: Exchange | None) -> str:
    """What there is to say of a row that was begun; empty where it is done."""
    error = exchange.error.message if exchange and exchange.error else ""
    if mark.state in ("begun", "unknown"):
        return " ".join(part for part in (mark.note or error, _LOOK) if part)
    return mark.note or error
