"""Match columns to parameters and body fields, and turn the rows of a table into the arguments of calls."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any

from ..call import UNSET, Call
from ..data import Location, get_value, locations_overlap, replace_values, walk, with_value
from ..errors import UnknownName, UsageError, closest_names
from ..frames import first_rows, make_frame
from ..openapi import Operation, field_named_by, id_field, last_parameter
from ..plain import plain_value
from ..schema import (
    Field,
    as_upload,
    body_field,
    body_fields,
    hold_secrets,
    mask_secrets,
    parameter_fields,
    snake_case,
    undeclared_fields,
    whole_integers,
)
from ..secrets import MASK, Secret
from ..templates import as_literal

if TYPE_CHECKING:
    from ..frames import DataFrame


Spelling = Callable[[str], str]
"""Converts names before they are compared: not at all, or to snake case."""


@dataclass(frozen=True)
class Target:
    """A parameter, or a field of the body.

    Attributes:
        location: the name of the parameter, or the location in the body.
        field: its schema.
        in_body: whether it is a field of the body.
    """

    location: Location
    field: Field
    in_body: bool

    @property
    def name(self) -> str:
        """Its name as the caller writes it: `environmentVariable.value`."""
        return ".".join(map(str, self.location))


@dataclass(frozen=True)
class ColumnMapping:
    """A column, the place that it goes to, and the reason."""

    target: Target
    column: str
    reason: str


def is_column_name(operation: Operation, name: str) -> bool:
    """Whether a column of this name would be sent."""
    return any(True for _ in _propose(operation, [name]))


def find_target(operation: Operation, name: str) -> Target:
    """Return the parameter or body field with a name, which may be a path into the body.

    Raises:
        UnknownName: there is no such parameter or field, and the body may not have others.
    """
    targets = top_level_targets(operation)
    target = _resolve(targets, name, str) or _resolve(targets, name.removesuffix("_"), str)
    if target is None:
        target = Target(
            (name,), undeclared_fields(operation, name, list(targets), "parameter or field")[0], in_body=True
        )
    return target


def top_level_targets(operation: Operation) -> dict[str, Target]:
    """Return the parameters and the fields of the body by name, as in a call: parameters come first."""
    targets = {f.name: Target((f.name,), f, in_body=False) for f in parameter_fields(operation)}
    for member in body_fields(operation):
        targets.setdefault(member.name, Target((member.name,), member, in_body=True))
    return targets


def map_columns(
    operation: Operation, columns: Iterable[str], given: Mapping[str, str], constants: Iterable[Location]
) -> tuple[ColumnMapping, ...]:
    """Return where each column goes: first what the caller gave, then what is proposed.

    Args:
        operation: the operation that is called.
        columns: the columns of the table.
        given: columns by the parameter or field that they go to.
        constants: the locations that have the same value in all rows.

    Raises:
        UnknownName: there is no such column, parameter or field.
        UsageError: a parameter or field would get two values, or two columns have its name in different spellings.
    """
    columns, constants = tuple(columns), list(constants)
    mappings = [
        ColumnMapping(find_target(operation, name), _require_column(column, columns), "as given")
        for name, column in given.items()
    ]
    _require_distinct([m.target.location for m in mappings], constants)
    taken = [*constants, *(m.target.location for m in mappings)]
    proposed: dict[Location, str] = {}
    for proposal in _propose(operation, [c for c in columns if c not in given.values()]):
        first = proposed.setdefault(proposal.target.location, proposal.column)
        if (
            first != proposal.column
            and proposal.reason in _BY_NAME
            and proposal.target.location in _locations(mappings)
        ):
            name = proposal.target.name
            raise UsageError(
                f"The columns {first!r} and {proposal.column!r} are both named like {name}.",
                f"Drop one of them, or choose one: columns={{{name!r}: {first!r}}}.",
            )
        if not any(locations_overlap(proposal.target.location, location) for location in taken):
            taken.append(proposal.target.location)
            mappings.append(proposal)
    return tuple(mappings)


_BY_NAME = ("the same name", "the same name, spelled differently")


def _locations(mappings: Iterable[ColumnMapping]) -> list[Location]:
    return [m.target.location for m in mappings if m.reason in _BY_NAME]


def _propose(operation: Operation, columns: list[str]) -> Iterator[ColumnMapping]:
    """Yield the proposals, the most certain first; a column is proposed for one field by its name.

    None is proposed for a read-only field: a table that was made of responses has values for it.
    """
    every, named = top_level_targets(operation), set[str]()
    targets = {name: target for name, target in every.items() if not (target.in_body and target.field.info.read_only)}
    for spelling in _SPELLINGS:
        for column in [column for column in columns if column not in named]:
            target = _resolve(targets, column, spelling)
            if target is not None:
                named.add(column)
                yield ColumnMapping(target, column, _BY_NAME[spelling is not str])
    yield from _propose_id(operation, targets, columns)


def _plain_name(name: str) -> str:
    """Return a name without case, spaces and punctuation."""
    return "".join(character for character in name.casefold() if character.isalnum())


_SPELLINGS: tuple[Spelling, ...] = (str, snake_case, _plain_name)
"""How names are compared, the most certain first."""


def require_used_columns(
    operation: Operation, table: InputTable, mappings: Iterable[ColumnMapping], constants: Iterable[Location]
) -> None:
    """Raise UsageError if the rows would be sent without what they hold: a column is misspelled, or none is sent.

    A column that the resource has in responses, such as the time of its creation, may be left out.
    """
    used, targets, constants = {m.column: m.target for m in mappings}, top_level_targets(operation), list(constants)
    if not table.rows or (constants and not table.columns):
        return
    unused = [column for column in table.columns if column not in used]
    if not any(column in row for row in table.rows for column in used):
        raise _nothing_sent(operation, table, list(used), targets)
    known = {_plain_name(name) for name in operation.spec.resources.fields(operation)}
    taken = {target.location[0] for target in used.values()} | {location[0] for location in constants if location}
    free = [name for name in targets if name not in taken]
    for column in unused:
        near = next((name for name in free if _is_misspelled(column, name)), None)
        if near is not None and _plain_name(column) not in known:
            raise UsageError(
                f"No parameter or field of {operation.id} is named {column!r}, and {near} has no value.",
                f"Rename the column to {near!r}, or drop it.",
            )


def _nothing_sent(operation: Operation, table: InputTable, used: list[str], targets: Iterable[str]) -> UsageError:
    near = list(dict.fromkeys(name for column in table.columns for name in closest_names(column, targets)))
    hint = f"Did you mean {' or '.join(near[:_MAX_LISTED_COLUMNS])}? " if near and not used else ""
    example = f"columns={{{next(iter(near or targets), 'field')!r}: {next(iter(table.columns), 'column')!r}}}"
    if used:
        what = f"have no value in any row: {_list_columns(used)}"
    else:
        what = f"are no parameters or fields of {operation.id}: {_list_columns(table.columns) or 'there are none'}"
    return UsageError(
        f"The columns {what}; nothing of the rows would be sent.",
        f"{hint}Rename them, say where they go ({example}), or use reset_index() if the values are in the index.",
    )


def _is_misspelled(column: str, name: str) -> bool:
    one, other = _plain_name(column), _plain_name(name)
    long_enough = min(len(one), len(other)) >= _SHORTEST_MISSPELLED
    return long_enough and SequenceMatcher(None, one, other).ratio() >= _MISSPELLED


_SHORTEST_MISSPELLED, _MISSPELLED = 4, 0.85
_MAX_LISTED_COLUMNS = 5


def _list_columns(names: Iterable[str]) -> str:
    listed = [repr(name) for name in names]
    return ", ".join(listed[:_MAX_LISTED_COLUMNS]) + (" …" if len(listed) > _MAX_LISTED_COLUMNS else "")


def _propose_id(operation: Operation, targets: Mapping[str, Target], columns: list[str]) -> Iterator[ColumnMapping]:
    """Propose the id of a listed resource for the parameter that identifies it, unless the path is a collection."""
    own = last_parameter(operation)
    key = next((p.key for p in operation.parameters if p.location == "path" and p.name == own), "")
    resources = operation.spec.resources
    if not key or resources.role(operation).action == "create" or resources.is_list(operation):
        return
    reader = resources.reader_at(operation.path.partition("/{" + own + "}")[0])
    column = id_field(reader) if reader else field_named_by(own, columns)
    if column in columns and key in targets:
        listed = f", as {reader.id} lists it" if reader else ""
        yield ColumnMapping(targets[key], column, f"the {column} of the resource{listed}")


def _resolve(targets: Mapping[str, Target], name: str, spelling: Spelling) -> Target | None:
    """Return the parameter or field that a name means, with each part compared in this spelling."""
    top = _find_name(targets, name, spelling)
    if top is not None:
        return targets[top]
    first, *rest = name.split(".")
    top = _find_name(targets, first, spelling)
    if top is None or not rest or not targets[top].in_body:
        return None
    location, field = [top], targets[top].field
    for part in rest:
        member = _find_member(field, part, spelling)
        if member is None:
            return None
        declared, field = member
        location.append(declared)
    return Target(tuple(location), field, in_body=True)


def _find_member(field: Field, name: str, spelling: Spelling) -> tuple[str, Field] | None:
    """Return a member of an object with its name as the document spells it."""
    for form in field.alternatives:
        declared = _find_name(form.children_by_name, name, spelling)
        if declared is not None and not form.children_by_name[declared].info.read_only:
            return declared, form.children_by_name[declared]
        if form.item is not None and form.kind != "array":
            return name, form.item
    return None


def _find_name(names: Iterable[str], wanted: str, spelling: Spelling) -> str | None:
    spelled = spelling(wanted)
    return next((name for name in names if spelling(name) == spelled), None)


def _require_column(column: str, columns: tuple[str, ...]) -> str:
    if str(column) not in columns:
        raise UnknownName("column", str(column), columns)
    return str(column)


def _require_distinct(locations: list[Location], constants: list[Location]) -> None:
    for number, location in enumerate(locations):
        if any(locations_overlap(location, other) for other in (*locations[:number], *constants)):
            name = ".".join(map(str, location))
            raise UsageError(f"{name} would get two values.", "Give it as a column, or as one value for all rows.")


@dataclass(frozen=True)
class InputTable:
    """A table as it was given.

    Attributes:
        frame: the DataFrame.
        columns: the names of its columns.
        rows: the cells of each row that have a value, as plain Python values.
    """

    frame: DataFrame = field(repr=False)
    columns: tuple[str, ...]
    rows: tuple[Mapping[str, Any], ...] = field(repr=False)


def read_table(rows: Any, is_wanted: Callable[[str], bool] = lambda name: False) -> InputTable:
    """Return a DataFrame, an object with `frame()` (an exchange, pages), or a list of mappings as a table.

    A cell without a value (None, NaN, NaT, NA) is left out. A named level of the index is also a column if it is
    wanted: `frame.set_index("id")` still has its ids.

    Raises:
        UsageError: it is none of these, or two columns have the same name.
    """
    frame = _with_index(_to_frame(rows), is_wanted)
    columns = tuple(str(column) for column in frame.columns)
    repeated = next((name for name in columns if columns.count(name) > 1), None)
    if repeated is not None:
        raise UsageError(f"Two columns are named {repeated!r}.", "Rename one of them.")
    return InputTable(frame, columns, tuple(_read_cells(columns, row) for row in _read_rows(frame)))


def _to_frame(rows: Any) -> DataFrame:
    if hasattr(rows, "columns") and hasattr(rows, "index"):
        table: DataFrame = rows
        return table
    if callable(getattr(rows, "frame", None)):
        frame: DataFrame = rows.frame()
        return frame
    records = list(rows) if isinstance(rows, Iterable) and not isinstance(rows, Mapping | str | bytes) else None
    if records is None or not all(isinstance(row, Mapping) for row in records):
        raise UsageError("These rows are not a table.", "Give a DataFrame, a list of dicts, or a response of the API.")
    return make_frame(records, dict.fromkeys((name for row in records for name in row), "object"))


def _with_index(frame: DataFrame, is_wanted: Callable[[str], bool]) -> DataFrame:
    """Return a table with the named levels of its index that are wanted as its first columns."""
    present = {str(column) for column in frame.columns}
    levels = [name for name in frame.index.names if name is not None and str(name) not in present]
    wanted = [name for name in levels if is_wanted(str(name))]
    if not wanted or list(frame.index.names) == _INDEX_OF_PAGES:
        return frame
    wide = frame.copy()
    for name in reversed(wanted):
        wide.insert(0, name, frame.index.get_level_values(list(frame.index.names).index(name)))
    wide.index = frame.index.set_names([None] * frame.index.nlevels)
    return wide


_INDEX_OF_PAGES = ["page", "position"]


def _read_cells(columns: tuple[str, ...], row: list[Any]) -> dict[str, Any]:
    cells = ((name, _plain_cell(value, name)) for name, value in zip(columns, row, strict=True) if value is not None)
    return {name: value for name, value in cells if value is not UNSET}


def _plain_cell(value: Any, column: str) -> Any:
    """Return a cell as plain data; what is none, such as an open file, as it is, for its row to be refused."""
    try:
        return plain_value(as_upload(value, column), column)
    except UsageError:
        return value


def _read_rows(frame: DataFrame) -> list[list[Any]]:
    """Return the rows of a frame; None for a missing cell. Integers that pandas made floats for a gap are integers."""
    rows = first_rows(frame, len(frame))
    for number, dtype in enumerate(frame.dtypes):
        cells = [row[number] for row in rows] if getattr(dtype, "kind", "") == "f" else []
        if None in cells and all(cell is None or float(cell).is_integer() for cell in cells):
            _require_exact(str(frame.columns[number]), cells)
            for row in rows:
                row[number] = None if row[number] is None else int(row[number])
    return rows


def _require_exact(column: str, cells: list[Any]) -> None:
    """Raise UsageError if pandas may have changed an integer when it made floats of a column with a gap."""
    if any(cell is not None and abs(cell) >= _FIRST_INEXACT_FLOAT for cell in cells):
        raise UsageError(
            f"The column {column!r} has integers of more digits than its dtype float64 holds: some may have changed.",
            f"Make the table with another dtype, such as pd.read_csv(…, dtype={{{column!r}: 'Int64'}}), or 'object'.",
        )


_FIRST_INEXACT_FLOAT = 2**53  # it may have been 2**53 + 1


@dataclass(frozen=True)
class Row:
    """One row, ready to become a call. No text of a cell is resolved as a template, and no secret is in clear.

    Attributes:
        number: the number of the row, from 0.
        parameters: the parameters that are sent; only constants may hold templates.
        body: the body that is sent.
        cells: the cells by column, with secrets as `Secret`; also those that are not sent, if their column's name
            declares that they are secret.
    """

    number: int
    parameters: Mapping[str, Any] = field(repr=False)
    body: Any = field(repr=False)
    cells: Mapping[str, Any] = field(repr=False)

    def masked_call(self, operation: Operation) -> Any:
        """Return what is sent as plain data, secrets masked. It identifies the row in a later session."""
        fields = {f.name: f for f in parameter_fields(operation)}
        parameters = {key: mask_secrets(fields.get(key), mask_objects(value)) for key, value in self.parameters.items()}
        body = UNSET if self.body is UNSET else mask_secrets(body_field(operation), mask_objects(self.body))
        return Call(operation.id, parameters, body).to_dict()


class Constants:
    """The values that are the same in all rows.

    Attributes:
        parameters: the parameters by name.
        body: the body that cells are added to; UNSET if there is none.
    """

    def __init__(self, operation: Operation, arguments: Mapping[str, Any], body: Any) -> None:
        self._operation = operation
        self.parameters: dict[str, Any] = {}
        self.body = _plain_cell(body, "body")
        for name, given in arguments.items():
            target, value = find_target(operation, name), _plain_cell(given, name)
            if target.in_body:
                self.body = with_value(self.body, target.location, value)
            else:
                self.parameters[target.name] = value

    @property
    def locations(self) -> list[Location]:
        """The parameters and the locations in the body that have a value. A list counts as one value."""
        parameters: list[Location] = [(name,) for name in self.parameters]
        if self.body is UNSET or isinstance(self.body, Mapping):
            return parameters + [location for location, value in walk(self.body) if _is_body_value(location, value)]
        return [*parameters, ()]

    def display_value(self, location: Location) -> str:
        """Return the value at a location as text, secrets masked."""
        fields = {f.name: f for f in parameter_fields(self._operation)}
        if len(location) == 1 and location[0] in self.parameters:
            name = str(location[0])
            return str(mask_objects(mask_secrets(fields.get(name), self.parameters[name])))
        return str(get_value(mask_secrets(body_field(self._operation), mask_objects(self.body)), location))


def _is_body_value(location: Location, value: Any) -> bool:
    is_object = isinstance(value, dict) and bool(value)
    return bool(location) and not is_object and not any(isinstance(step, int) for step in location)


class RowBuilder:
    """Builds rows from cells. Equal secrets of one column become one secret, so that there are few variables."""

    def __init__(self, operation: Operation, mapping: tuple[ColumnMapping, ...], constants: Constants) -> None:
        self._operation, self._mapping, self._constants = operation, mapping, constants
        self._fields = {f.name: f for f in parameter_fields(operation)}
        self._secrets: dict[tuple[str, type, Any], Secret] = {}

    def build(self, number: int, cells: Mapping[str, Any]) -> Row:
        """Return a row of the table."""
        parameters, body = dict(self._constants.parameters), self._constants.body
        mappings = [m for m in self._mapping if m.column in cells]
        for m in mappings:
            value = convert_cell(m.target.field, cells[m.column], not m.target.in_body)
            if m.target.in_body:
                body = with_value(body, m.target.location, value)
            else:
                parameters[m.target.name] = value
        hidden_body = hold_secrets(body_field(self._operation), body) if body is not UNSET else UNSET
        shown = {name: self._name_secrets(_hide_by_column(name, value), number) for name, value in cells.items()}
        for m in mappings:
            if m.target.in_body:
                hidden = self._name_secrets(get_value(hidden_body, m.target.location), number)
                body = with_value(body, m.target.location, as_literal(hidden))
            else:
                field = self._fields.get(m.target.name)
                hidden = self._name_secrets(hold_secrets(field, parameters[m.target.name]), number)
                parameters[m.target.name] = as_literal(hidden)
            shown[m.column] = hidden
        return Row(number, parameters, body, shown)

    def _name_secrets(self, value: Any, number: int) -> Any:
        """Return a value whose secrets are like those that a user types, named after their row."""
        return replace_values(value, lambda inner: self._name(inner, number) if isinstance(inner, Secret) else UNSET)

    def _name(self, secret: Secret, number: int) -> Any:
        if not secret.is_captured:
            return secret
        plain = secret.json_value()
        if isinstance(plain, bool) or plain == "":  # a flag, or empty: there is nothing to hide
            return plain
        label = secret.reference.partition(":")[2]
        return self._secrets.setdefault((label, type(plain), plain), Secret.in_memory(plain, f"{label}_{number + 1}"))


def _hide_by_column(column: str, value: Any) -> Any:
    """Hide a cell whose column has a secret name; it may go nowhere."""
    name = column.rpartition(".")[2]
    return hold_secrets(None, {name: value})[name]


def convert_cell(field: Field, value: Any, is_parameter: bool) -> Any:
    """Return a cell with the type of its field: a float without a fraction is an integer where the field is one.

    A whole number for a text parameter becomes text: in a URL both are the same.
    """
    value = whole_integers(field, value)
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    return str(value) if is_parameter and is_whole and field.kind == "text" else value


def mask_objects(value: Any) -> Any:
    """Return a value with a mask instead of each `Secret`."""
    return replace_values(value, _mask_object)


def _mask_object(value: Any) -> Any:
    if isinstance(value, tuple):
        return [mask_objects(inner) for inner in value]
    return MASK if isinstance(value, Secret) else UNSET
