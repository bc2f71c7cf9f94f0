"""The state of a thing: where it stands in an answer, and what the overlay thinks of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from ..errors import PickError
from ..exchange import Exchange, plain
from ..fields import Field, read
from ..pick import pick
from ..spec import Operation

Kind = Literal["good", "bad", "passing", "error"]

GRACE = 10.0
"""Seconds after a change for which an unmoved state is not taken for its result, where the overlay says nothing."""

_LONGEST_STATE, _LONGEST_REASON = 60, 300


def state_of(exchange: Exchange) -> str:
    """The state in an answer, where the overlay says it stands (else `status`); empty where there is none."""
    return _picked(exchange, state_key(exchange.operation))


def reason_of(exchange: Exchange) -> str:
    """Why a thing is in its state, or what went wrong; in one line, and empty where nothing is said."""
    note = _note(exchange.operation)
    told = exchange.error.message if exchange.error else _picked(exchange, str(note.get("reason", "statusReason")))
    return one_line(told, _LONGEST_REASON)


def seen_of(exchange: Exchange) -> str:
    """The state in an answer, else its status, in one line."""
    return one_line(state_of(exchange) if exchange.ok else "", _LONGEST_STATE) or exchange.status_text


def kind_of(exchange: Exchange) -> Kind:
    """What the overlay thinks of the state in an answer; "passing" where it says nothing."""
    if not exchange.ok:
        return "error"
    state = state_of(exchange)
    kinds: tuple[Kind, ...] = ("good", "bad")
    return next((kind for kind in kinds if state in noted(exchange.operation, kind)), "passing")


def state_in(operation: Operation, data: Any) -> str:
    """The state in plain data of the kind that an operation answers; empty where there is none."""
    try:
        value = pick(data, f"$.{state_key(operation)}")
    except PickError:
        return ""
    return value if isinstance(value, str) else ""


def states_of(operation: Operation) -> set[str]:
    """Every state that the document gives the answer; none where it gives no list of them."""
    schema = operation.success.schema() if operation.success else None
    field: Field | None = read(operation.spec, schema) if schema is not None else None
    for step in state_key(operation).split("."):
        field = field.child(step) if field else None
    return {choice for choice in field.choices if isinstance(choice, str)} if field else set()


def noted(operation: Operation, kind: str) -> set[str]:
    """The states that the overlay calls good, or bad."""
    return set(_note(operation).get(kind, ()))


def state_key(operation: Operation) -> str:
    """Where the state stands: a path of names."""
    return str(_note(operation).get("state", "status"))


def grace_of(operation: Operation) -> float:
    """Seconds after a change for which an unmoved state is not taken for its result."""
    told = _note(operation).get("grace")
    return float(told) if isinstance(told, int | float) else GRACE


def one_line(text: str, most: int) -> str:
    """A server's text in one line of at most so many characters."""
    line = plain(" ".join(text[: 4 * most].split()), 4 * most)
    return line if len(line) <= most else f"{line[: most - 1]}…"


def _note(operation: Operation) -> Mapping[str, Any]:
    return operation.notes.get("settled") or {}


def _picked(exchange: Exchange, key: str) -> str:
    try:
        value = exchange[f"$.{key}"]
    except PickError:
        return ""
    return str(value) if isinstance(value, str) else ""
