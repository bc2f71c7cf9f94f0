"""Rows as they are given, a DataFrame or mappings, as plain Python values.

One row as the arguments of one call: cells and constants put together, secrets out of sight.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any
from uuid import UUID

from ..call import UNSET, Call, Upload
from ..errors import UsageError
from ..frames import first_rows, make_frame
from ..openapi import Operation
from ..schema import Field, body_field, hold_secrets, mask_secrets, parameter_fields
from ..secrets import MASK, Secret
from ..templates import as_literal
from .mapping import Mapped, Steps, target_of

if TYPE_CHECKING:
    from ..frames import DataFrame


@dataclass(frozen=True)
class Given:
    """A table: its frame as it came, the names of its columns, and of each row the cells in which something stands."""

    frame: DataFrame = field(repr=False)
    columns: tuple[str, ...]
    rows: tuple[Mapping[str, Any], ...] = field(repr=False)


def read_rows(rows: Any) -> Given:
    """A DataFrame, what has a `frame()` (an answer, pages), or a list of mappings.

    A cell without a value (None, NaN, NaT, NA) is left out, and so is one that a mapping does not have.

    Raises:
        UsageError: it is none of these, or two columns have one name.
    """
    frame = _frame_of(rows)
    columns = tuple(str(column) for column in frame.columns)
    twice = next((name for name in columns if columns.count(name) > 1), None)
    if twice is not None:
        raise UsageError(f"Two columns are called {twice!r}.", "Give one of them another name.")
    plain = first_rows(frame, len(frame))
    return Given(frame, columns, tuple(_cells(columns, row) for row in plain))


def _frame_of(rows: Any) -> DataFrame:
    if hasattr(rows, "columns") and hasattr(rows, "index"):
        table: DataFrame = rows
        return table
    if callable(getattr(rows, "frame", None)):
        made: DataFrame = rows.frame()
        return made
    listed = list(rows) if isinstance(rows, Iterable) and not isinstance(rows, Mapping | str | bytes) else None
    if listed is None or not all(isinstance(row, Mapping) for row in listed):
        raise UsageError("The rows are no table.", "Give a DataFrame, a list of dicts, or an answer of the API.")
    return make_frame(listed, dict.fromkeys((name for row in listed for name in row), "object"))


def _cells(columns: tuple[str, ...], row: list[Any]) -> dict[str, Any]:
    cells = ((name, plain_value(value)) for name, value in zip(columns, row, strict=True) if value is not None)
    return {name: value for name, value in cells if value is not UNSET}


_AS_THEY_ARE = (str, bool, int, float, bytes, type(None), Secret, Upload)
_IN_WORDS = (datetime, date, time)


def plain_value(value: Any) -> Any:
    """A value without NumPy and pandas in it: moments as ISO 8601, scalars and arrays as Python's own."""
    if type(value) in _AS_THEY_ARE or value is UNSET:
        return value
    if isinstance(value, _IN_WORDS):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(name): plain_value(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain_value(inner) for inner in value]
    if isinstance(value, UUID) or getattr(getattr(value, "dtype", None), "kind", "") in ("M", "m"):
        return str(value)
    listed = getattr(value, "tolist", None)
    return plain_value(listed()) if callable(listed) and type(listed()) is not type(value) else value


@dataclass(frozen=True)
class Row:
    """One row, ready to become a call: no text of a cell is ever resolved, and no secret is in the clear.

    Attributes:
        number: its place, from 0.
        parameters, body: what is sent; templates stand in constants alone.
        cells: the cells by column, secrets as `Secret`; of what is not sent, the name of the column tells.
    """

    number: int
    parameters: Mapping[str, Any] = field(repr=False)
    body: Any = field(repr=False)
    cells: Mapping[str, Any] = field(repr=False)

    def masked(self, operation: Operation) -> Any:
        """All that is sent, secrets as stars: by it the same row is known again."""
        fields = {f.name: f for f in parameter_fields(operation)}
        parameters = {key: mask_secrets(fields.get(key), starred(value)) for key, value in self.parameters.items()}
        body = UNSET if self.body is UNSET else mask_secrets(body_field(operation), starred(self.body))
        return Call(operation.id, parameters, body).to_dict()


class Constants:
    """What is the same in all rows: arguments, and the body that they add to."""

    def __init__(self, operation: Operation, given: Mapping[str, Any], body: Any) -> None:
        self._operation = operation
        self.parameters: dict[str, Any] = {}
        self.body = body
        for name, value in given.items():
            target = target_of(operation, name)
            if target.in_body:
                self.body = put(self.body, target.steps, value)
            else:
                self.parameters[target.name] = value

    @property
    def places(self) -> list[Steps]:
        """The places that have a value."""
        return [*((name,) for name in self.parameters), *_leaves((), self.body)]

    def shown(self, steps: Steps) -> str:
        """The value of a place as it is shown, secrets as stars."""
        fields = {f.name: f for f in parameter_fields(self._operation)}
        if len(steps) == 1 and steps[0] in self.parameters:
            return str(starred(mask_secrets(fields.get(steps[0]), self.parameters[steps[0]])))
        return str(at(mask_secrets(body_field(self._operation), starred(self.body)), steps))


class Rows:
    """Makes rows of cells. Equal secrets of one column are one secret, so that variables stay few."""

    def __init__(self, operation: Operation, mapping: tuple[Mapped, ...], constants: Constants) -> None:
        self._operation, self._mapping, self._constants = operation, mapping, constants
        self._fields = {f.name: f for f in parameter_fields(operation)}
        self._secrets: dict[tuple[str, type, Any], Secret] = {}

    def row(self, number: int, cells: Mapping[str, Any]) -> Row:
        """One row of the table."""
        parameters, body = dict(self._constants.parameters), self._constants.body
        given = [m for m in self._mapping if m.column in cells]
        for m in given:
            value = fitted(m.target.field, cells[m.column], not m.target.in_body)
            if m.target.in_body:
                body = put(body, m.target.steps, value)
            else:
                parameters[m.target.name] = value
        veiled = hold_secrets(body_field(self._operation), body) if body is not UNSET else UNSET
        kept = {name: self._typed(_redacted(name, value), number) for name, value in cells.items()}
        for m in given:
            hidden = at(veiled, m.target.steps) if m.target.in_body else self._parameter(m.target.name, parameters)
            kept[m.column] = hidden = self._typed(hidden, number)
            if m.target.in_body:
                body = put(body, m.target.steps, as_literal(hidden))
            else:
                parameters[m.target.name] = as_literal(hidden)
        return Row(number, parameters, body, kept)

    def _parameter(self, name: str, parameters: Mapping[str, Any]) -> Any:
        return hold_secrets(self._fields.get(name), parameters[name])

    def _typed(self, value: Any, number: int) -> Any:
        """A value whose secrets are such as a user types: named after their row, and shown by no answer."""
        if isinstance(value, Secret):
            return self._secret(value, number) if value.is_captured else value
        if isinstance(value, Mapping):
            return {name: self._typed(inner, number) for name, inner in value.items()}
        return [self._typed(inner, number) for inner in value] if isinstance(value, list) else value

    def _secret(self, secret: Secret, number: int) -> Any:
        plain = secret.json_value()
        if isinstance(plain, bool) or plain == "":  # a flag, or nothing: it hides nothing
            return plain
        label = secret.reference.partition(":")[2]
        return self._secrets.setdefault((label, type(plain), plain), Secret.in_memory(plain, f"{label}_{number + 1}"))


def _redacted(column: str, value: Any) -> Any:
    """A cell that may go nowhere, by the name of its column alone."""
    name = column.rpartition(".")[2]
    return hold_secrets(None, {name: value})[name]


def fitted(field: Field, value: Any, is_parameter: bool) -> Any:
    """A cell as its field wants it, where that changes nothing: pandas makes 5432.0 of a number beside a gap."""
    if isinstance(value, float) and value.is_integer() and field.kind in ("integer", "text"):
        value = int(value)
    whole = isinstance(value, int) and not isinstance(value, bool)
    return str(value) if is_parameter and whole and field.kind == "text" else value  # in an address all is text


def starred(value: Any) -> Any:
    """A value with stars for every `Secret`."""
    if isinstance(value, Secret):
        return MASK
    if isinstance(value, Mapping):
        return {name: starred(inner) for name, inner in value.items()}
    return [starred(inner) for inner in value] if isinstance(value, list | tuple) else value


def put(holder: Any, steps: Steps, value: Any) -> Any:
    """An object with a value at a place; what is given stays as it is.

    Raises:
        UsageError: something else than an object stands on the way.
    """
    if holder is UNSET:
        holder = {}
    if not isinstance(holder, Mapping):
        raise UsageError(
            f"{steps[0]!r} can only be added to an object.", "Give the object itself, or all of its fields."
        )
    first, *rest = steps
    whole: dict[str, Any] = dict(holder)
    whole[first] = put(whole.get(first, UNSET), tuple(rest), value) if rest else value
    return whole


def at(value: Any, steps: Steps) -> Any:
    """What stands at a place."""
    for step in steps:
        value = value[step]
    return value


def _leaves(above: Steps, value: Any) -> Iterator[Steps]:
    if isinstance(value, Mapping) and (value or not above):
        for name, inner in value.items():
            yield from _leaves((*above, name), inner)
    elif value is not UNSET:
        yield above
