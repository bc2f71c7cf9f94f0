"""What came of a row, in a word and a sentence.

What came of the rows, as tables.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import orjson

from ..errors import PickError, UnknownName
from ..exchange import Exchange
from ..frames import make_frame
from ..history import History, Mark
from ..jsonpath import pick
from ..openapi import Operation
from ..secrets import MASK
from .mapping import Mapped, targets
from .plan import Checked
from .rows import Given, Row, starred

if TYPE_CHECKING:
    from ..frames import DataFrame


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


_RESULTS = {
    "outcome": "string",
    "status": "Int64",
    "message": "string",
    "requestId": "string",
    "attempts": "Int64",
    "seconds": "Float64",
    "exchange": "string",
}
_PREVIEW = {"method": "string", "url": "string", "body": "object", "valid": "boolean", "problems": "string"}


def preview(given: Given, operation: Operation, checked: Mapping[int, Checked]) -> DataFrame:
    """What would be sent, by the index of the rows."""
    rows = [_previewed(operation, checked[number]) for number in range(len(given.rows))]
    frame = make_frame(rows, _PREVIEW)
    frame.index = given.frame.index
    return frame


def _previewed(operation: Operation, checked: Checked) -> dict[str, Any]:
    request = checked.request
    told = {"method": operation.method, "valid": checked.valid, "problems": " ".join(checked.problems)}
    return {**told, "url": request.url, "body": _body(checked)} if request else told


def _body(checked: Checked) -> Any:
    request, content = checked.request, checked.content
    if request is None or content is None:
        return None
    return content if isinstance(content, str) else orjson.dumps(content).decode()


def result(
    history: History, outcome: str, mark: Mark | None, problems: Sequence[str], picked: Mapping[str, str]
) -> dict[str, Any]:
    """What came of one row, with values picked out of its answer."""
    exchange = _exchange(history, mark)
    told = told_message(mark, exchange) if mark else " ".join(problems)
    row: dict[str, Any] = {"outcome": outcome, "message": told or None}
    if exchange is not None:
        row |= {
            "status": exchange.status,
            "requestId": exchange.request_id or None,
            "attempts": len(exchange.attempts),
            "seconds": exchange.elapsed,
            "exchange": exchange.id,
        }
    return {**row, **{name: _picked(path, mark, exchange) for name, path in picked.items()}}


def _exchange(history: History, mark: Mark | None) -> Exchange | None:
    try:
        return history.get(mark.exchange) if mark and mark.exchange else None
    except UnknownName:  # the history was cleared since
        return None


def _picked(path: str, mark: Mark | None, exchange: Exchange | None) -> Any:
    """A value of an answer, or of what a list told in its place, secrets as stars; None where there is none."""
    try:
        if mark is not None and mark.found is not None:
            return pick(mark.found, path)
        return pick(exchange.json(), path) if exchange is not None and exchange.ok else None
    except PickError:
        return None


def joined(given: Given, rows: Sequence[Row], told: Sequence[dict[str, Any]], picked: Mapping[str, str]) -> DataFrame:
    """The rows as they were given, secrets as stars, and what came of each."""
    frame = given.frame.copy()
    _replace(frame, given, {name: [starred(row.cells.get(name)) for row in rows] for name in given.columns})
    results = make_frame(told, {**_RESULTS, **picked})
    for name in results.columns:
        frame[f"bulk.{name}" if name in given.columns else name] = results[name].array
    return frame


def selected(
    given: Given, rows: Sequence[Row], messages: Sequence[Any], operation: Operation, mapping: Sequence[Mapped]
) -> DataFrame:
    """Some rows as they were given, their secrets as `Secret`, and a message, which goes nowhere."""
    frame = given.frame.iloc[[row.number for row in rows]].copy()
    _replace(frame, given, {name: [row.cells.get(name) for row in rows] for name in given.columns}, rows)
    taken = {m.column for m in mapping} | set(targets(operation))
    name = "bulk.message" if "message" in taken else "message"
    frame[name] = make_frame([{name: message} for message in messages], {name: "string"})[name].array
    return frame


def _replace(frame: DataFrame, given: Given, cells: Mapping[str, list[Any]], rows: Sequence[Row] | None = None) -> None:
    """Put other values into the columns in which something is hidden."""
    labels = dict(zip(given.columns, given.frame.columns, strict=True))
    numbers = range(len(given.rows)) if rows is None else [row.number for row in rows]
    for name, values in cells.items():
        before = [given.rows[number].get(name) for number in numbers]
        if any(_hides(old, new) for old, new in zip(before, values, strict=True)):
            frame[labels[name]] = make_frame([{name: value} for value in values], {name: "object"})[name].array


def _hides(old: Any, new: Any) -> bool:
    """Whether a value stands for another one that is not to be seen."""
    return old is not None and repr(old) != repr(new) and (MASK in repr(new) or "<Secret " in repr(new))
