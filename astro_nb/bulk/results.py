"""The outcome of each row, as a word and a message, and as DataFrames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import PickError, UnknownName
from ..exchange import Exchange
from ..frames import make_frame
from ..history import History, Mark
from ..jsonpath import pick
from ..openapi import Operation
from ..secrets import MASK
from .mapping import ColumnMapping, top_level_targets
from .rows import InputTable, Row, mask_objects

if TYPE_CHECKING:
    from ..frames import DataFrame

OUTCOMES = ("done", "failed", "unknown", "invalid", "not sent")
"""The possible outcomes of a row."""

UNRESOLVED_STATES = ("begun", "unknown")
"""The states of a mark for which it is unknown whether the row was carried out."""

PENDING_STATES = (*UNRESOLVED_STATES, "cancelled", "invalid")
"""The states of a mark that another run continues with."""

_OUTCOME_OF_STATE: Mapping[str, str] = {"begun": "unknown", "cancelled": "not sent"}

_RESULT_COLUMNS = {
    "outcome": "string",
    "status": "Int64",
    "message": "string",
    "requestId": "string",
    "attempts": "Int64",
    "seconds": "Float64",
    "exchange": "string",
}


def mark_state(exchange: Exchange) -> str:
    """Return the state of a row: the outcome of its exchange, or "cancelled" if nothing can have been done."""
    unsent = exchange.failure is not None and exchange.failure.kind in ("cancelled", "connect")
    return "cancelled" if unsent and exchange.outcome == "failed" else exchange.outcome


def mark_outcome(mark: Mark) -> str:
    """Return the outcome of a row that was started."""
    return _OUTCOME_OF_STATE.get(mark.state, mark.state)


def mark_message(mark: Mark, exchange: Exchange | None) -> str:
    """Return the message for a row that was started; empty if it is done."""
    error = exchange.error.message if exchange and exchange.error and mark.state != "done" else ""
    advice = exchange.advice if exchange and mark.state == "unknown" else ""
    interrupted = "It was being sent when the kernel died." if mark.state == "begun" else ""
    return " ".join(part for part in (mark.note or error, advice, interrupted) if part)


def row_result(
    history: History, outcome: str, mark: Mark | None, problems: Sequence[str], paths: Mapping[str, str]
) -> dict[str, Any]:
    """Return the result of one row by column, with the values at some JSONPaths in its response."""
    exchange = _find_exchange(history, mark)
    message = mark_message(mark, exchange) if mark else " ".join(problems)
    row: dict[str, Any] = {"outcome": outcome, "message": message or None}
    if exchange is not None:
        row |= {
            "status": exchange.status,
            "requestId": exchange.request_id or None,
            "attempts": len(exchange.attempts),
            "seconds": exchange.elapsed,
            "exchange": exchange.id,
        }
    return {**row, **{name: _pick_result(path, mark, exchange) for name, path in paths.items()}}


def _find_exchange(history: History, mark: Mark | None) -> Exchange | None:
    try:
        return history.get(mark.exchange) if mark and mark.exchange else None
    except UnknownName:  # the history was cleared since
        return None


def _pick_result(path: str, mark: Mark | None, exchange: Exchange | None) -> Any:
    """Return a value of the response, or of the item in a list that replaces it, secrets masked; None if missing."""
    try:
        if mark is not None and mark.found is not None:
            return pick(mark.found, path)
        return pick(exchange.json(), path) if exchange is not None and exchange.ok else None
    except PickError:
        return None


def join_results(
    table: InputTable, rows: Sequence[Row], results: Sequence[dict[str, Any]], picked: Mapping[str, str]
) -> DataFrame:
    """Return the table, secrets masked, with the result of each row in further columns."""
    frame = table.frame.copy()
    _replace_cells(frame, table, {name: [mask_objects(row.cells.get(name)) for row in rows] for name in table.columns})
    columns = make_frame(results, {**_RESULT_COLUMNS, **picked})
    for name in columns.columns:
        frame[f"bulk.{name}" if name in table.columns else name] = columns[name].array
    return frame


def select_rows(
    table: InputTable,
    rows: Sequence[Row],
    messages: Sequence[Any],
    operation: Operation,
    mapping: Sequence[ColumnMapping],
) -> DataFrame:
    """Return some rows as they were given, with secrets as `Secret`, and a message in a column that is not sent."""
    frame = table.frame.iloc[[row.number for row in rows]].copy()
    _replace_cells(frame, table, {name: [row.cells.get(name) for row in rows] for name in table.columns}, rows)
    taken = {m.column for m in mapping} | set(top_level_targets(operation))
    name = "bulk.message" if "message" in taken else "message"
    frame[name] = make_frame([{name: message} for message in messages], {name: "string"})[name].array
    return frame


def _replace_cells(
    frame: DataFrame, table: InputTable, cells: Mapping[str, list[Any]], rows: Sequence[Row] | None = None
) -> None:
    """Replace the columns in which a secret is hidden, in place."""
    labels = dict(zip(table.columns, table.frame.columns, strict=True))
    numbers = range(len(table.rows)) if rows is None else [row.number for row in rows]
    for name, values in cells.items():
        before = [table.rows[number].get(name) for number in numbers]
        if any(_hides_secret(old, new) for old, new in zip(before, values, strict=True)):
            frame[labels[name]] = make_frame([{name: value} for value in values], {name: "object"})[name].array


def _hides_secret(old: Any, new: Any) -> bool:
    return old is not None and repr(old) != repr(new) and (MASK in repr(new) or "<Secret " in repr(new))
