"""What each row of a table would send and what is wrong with it, and the outcome of each row, as DataFrames."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ..call import UNSET, Call
from ..contract import Violation, check_parameter, check_request_body
from ..data import Location, get_value
from ..environments import Environment
from ..errors import AstroNbError, PickError, UnknownName, UsageError
from ..exchange import Exchange
from ..frames import make_frame
from ..history import History, Mark
from ..json_text import JsonError, read_json, write_json
from ..jsonpath import pick
from ..messages import Request, is_json, media_type
from ..openapi import Operation
from ..schema import body_field, broken_rules
from ..secrets import MASK, Secret, redact
from ..session import Session
from .rows import ColumnMapping, Constants, InputTable, Row, RowBuilder, mask_objects, top_level_targets

if TYPE_CHECKING:
    from ..frames import DataFrame


OUTCOMES = ("done", "failed", "unknown", "invalid", "not sent")
"""The possible outcomes of a row."""

UNRESOLVED_STATES = ("begun", "unknown")
"""The states of a mark for which it is unknown whether the row was carried out."""

PENDING_STATES = (*UNRESOLVED_STATES, "cancelled", "invalid")
"""The states of a mark that another run continues with."""

_OUTCOME_OF_STATE: Mapping[str, str] = {"begun": "unknown", "cancelled": "not sent"}

_BLANK_ROW = "The row has no value."

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
    """Return the state of a row: "done", "failed" or "unknown", or "cancelled" if nothing can have been done."""
    unsent = exchange.failure is not None and exchange.failure.kind in ("cancelled", "connect")
    outcome = "failed" if exchange.outcome == "not carried out" else exchange.outcome
    return "cancelled" if unsent and outcome == "failed" else outcome


def mark_outcome(mark: Mark) -> str:
    """Return the outcome of a row that was started."""
    return _OUTCOME_OF_STATE.get(mark.state, mark.state)


def mark_message(mark: Mark, exchange: Exchange | None) -> str:
    """Return the message for a row that was started; empty if it is done."""
    error = exchange.error.message if exchange and exchange.error and mark.state != "done" else ""
    advice = exchange.advice if exchange and mark.state in ("unknown", "failed") else ""
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


_PREVIEW_COLUMNS = {"method": "string", "url": "string", "body": "object", "valid": "boolean", "problems": "string"}


@dataclass(frozen=True)
class CheckedRow:
    """A row that was checked.

    Attributes:
        call: its call; None if there cannot be one.
        request: the request as it would be sent, secrets masked; None if there cannot be one.
        problems: what is wrong, in sentences.
    """

    call: Call | None
    request: Request | None
    problems: tuple[str, ...]

    @property
    def is_valid(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems

    @property
    def content(self) -> Any:
        """The body as it would be sent: plain data if it is JSON, else text; None if there is none."""
        return _read_body(self.request) if self.request is not None and self.request.body else None


class BatchPlan:
    """A table as many requests of one operation. Nothing is sent.

    Attributes:
        operation: the operation that is called.
        table: the table as it was given.
        mapping: where each column goes, and why.
        constants: the values that are the same in all rows.
        unused: the columns that are not sent.
        empty: the columns that could be sent, but have no value in any row.
        rows: the rows, ready to become calls.
    """

    def __init__(
        self,
        session: Session,
        operation: Operation,
        table: InputTable,
        mapping: tuple[ColumnMapping, ...],
        constants: Constants,
    ) -> None:
        self.operation, self.table, self.mapping, self.constants = operation, table, mapping, constants
        used = {m.column for m in mapping}
        self.unused = [column for column in table.columns if column not in used]
        self.empty = [c for c in table.columns if table.rows and c in used and not any(c in row for row in table.rows)]
        builder = RowBuilder(operation, mapping, constants)
        self.rows = tuple(builder.build(number, cells) for number, cells in enumerate(table.rows))
        self._session = session
        self._checked: dict[int, CheckedRow] = {}
        self._checked_in: Environment | None = None

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def environment(self) -> str:
        """The name of the environment that the rows are sent to."""
        return self._session.environment.name

    @property
    def checked(self) -> dict[int, CheckedRow]:
        """Each row as it would be sent now, with its problems, by its number."""
        if self._checked_in is not self._session.environment:
            self._checked, self._checked_in = {}, self._session.environment
        calls = {row.number: self._build_call(row) for row in self.rows if not self._is_valid(row)}
        blank = {
            row.number for row in self.rows if self.mapping and not any(m.column in row.cells for m in self.mapping)
        }
        for number, call in calls.items():  # after all calls are built: each makes variables of its secrets
            checked = call if isinstance(call, CheckedRow) else check_call(self._session, self.operation, call)
            problems = (_BLANK_ROW, *checked.problems) if number in blank else checked.problems
            self._checked[number] = replace(checked, problems=problems)
        return self._checked

    def preview(self) -> DataFrame:
        """Return what would be sent as a DataFrame with the index of the rows: method, url, body, valid, problems."""
        checked = self.checked
        frame = make_frame([self._preview_row(checked[number]) for number in range(len(self))], _PREVIEW_COLUMNS)
        frame.index = self.table.frame.index
        return frame

    @property
    def fingerprint(self) -> str:
        """A hash that identifies the same rows in the same environment, also in a later session; without secrets."""
        session = self._session
        rows = [row.masked_call(self.operation) for row in self.rows]
        place = [self.operation.id, session.environment.name, session.environment.base_url]
        text = write_json([place, rows], str, any_keys=True).decode()
        return hashlib.blake2b(redact(text, _lasting_secrets(session)).encode(), digest_size=16).hexdigest()

    def _preview_row(self, checked: CheckedRow) -> dict[str, Any]:
        row = {"method": self.operation.method, "valid": checked.is_valid, "problems": " ".join(checked.problems)}
        if checked.request is None:
            return row
        content = checked.content
        body = content if content is None or isinstance(content, str) else write_json(content).decode()
        return {**row, "url": checked.request.url, "body": body}

    def _build_call(self, row: Row) -> Call | CheckedRow:
        try:
            return self._session.build_call(self.operation.id, row.parameters, row.body)
        except UsageError as error:
            return CheckedRow(None, None, (str(error),))

    def _is_valid(self, row: Row) -> bool:
        return row.number in self._checked and self._checked[row.number].is_valid


def check_call(session: Session, operation: Operation, call: Call) -> CheckedRow:
    """Return a call with its problems. Nothing is sent."""
    try:
        request = session.preview(call)
        parameters = {key: session.resolve(value) for key, value in call.parameters.items()}
    except AstroNbError as error:
        return CheckedRow(call, None, (str(error),))
    problems = [*_check_parameters(operation, parameters), *_check_body(operation, call, request)]
    return CheckedRow(call, request, tuple(dict.fromkeys(problems)))


def _check_parameters(operation: Operation, parameters: Mapping[str, Any]) -> Iterator[str]:
    for key, value in parameters.items():
        if value == "" and _is_required(operation, key):
            yield f"{key}: a value is required."
        yield from (f"{key}: {v.message}" for v in check_parameter(operation, key, value) if _is_error(v, value))


def _check_body(operation: Operation, call: Call, request: Request) -> Iterator[str]:
    if call.body is UNSET:
        if operation.body is not None and operation.body.required:
            yield "A body is required."
        return
    if operation.body is None or not is_json(media_type(request.headers)):
        return
    body = _read_body(request)
    for violation in check_request_body(operation, body, call.media_type):
        if _is_error(violation, body):
            yield _at_location(violation.location, violation.message)
    for problem in broken_rules(body_field(operation, call.media_type), body):
        yield _at_location(problem.location, problem.message)


def _is_error(violation: Violation, value: Any) -> bool:
    """Whether a violation is an error; a masked value is not checked."""
    found = get_value(value, violation.location, None)
    return violation.severity == "error" and not (isinstance(found, str) and MASK in found)


def _at_location(location: Location, message: str) -> str:
    where = ".".join(map(str, location))
    return f"{where}: {message}" if where else message


def _is_required(operation: Operation, key: str) -> bool:
    parameter = operation.parameter(key)
    return parameter is not None and parameter.required


def _read_body(request: Request) -> Any:
    try:
        return read_json(request.body).data
    except JsonError:
        return request.body.decode("utf-8", "replace")


def _lasting_secrets(session: Session) -> set[str]:
    """Return the values of the secrets that are the same in a later session."""
    environment = session.effective_environment
    named = [variable.value for variable in session.variables.entries()]
    named += [environment.secret_for(name) for name in environment.credentials]
    return {s.value_if_available() for s in named if isinstance(s, Secret) and not s.is_in_memory} - {""}
