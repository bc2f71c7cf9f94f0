"""Which column goes to which parameter or body field: as the caller says, or else as proposed, with the reason."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from ..data import Location, locations_overlap
from ..errors import UnknownName, UsageError
from ..openapi import ID_FIELD, Operation, id_field, last_parameter
from ..schema import Field, body_fields, parameter_fields, snake_case

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
    """A column, the place that it goes to, and the reason, in words."""

    target: Target
    column: str
    reason: str


def find_target(operation: Operation, name: str) -> Target:
    """Return the parameter or body field with a name, which may be a path into the body.

    Raises:
        UnknownName: there is no such parameter or field.
    """
    targets = top_level_targets(operation)
    target = _resolve(targets, name, str) or _resolve(targets, name.removesuffix("_"), str)
    if target is None:
        raise UnknownName(f"parameter or field of {operation.id}", name, targets)
    return target


def top_level_targets(operation: Operation) -> dict[str, Target]:
    """Return the parameters and the fields of the body by name, as in a call: parameters come first."""
    targets = {f.name: Target((f.name,), f, in_body=False) for f in parameter_fields(operation)}
    for field in body_fields(operation):
        targets.setdefault(field.name, Target((field.name,), field, in_body=True))
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
        UsageError: a parameter or field would get two values.
    """
    columns, constants = tuple(columns), list(constants)
    mappings = [
        ColumnMapping(find_target(operation, name), _require_column(column, columns), "as given")
        for name, column in given.items()
    ]
    _require_distinct([m.target.location for m in mappings], constants)
    taken = [*constants, *(m.target.location for m in mappings)]
    for proposal in _propose(operation, [c for c in columns if c not in given.values()]):
        if not any(locations_overlap(proposal.target.location, location) for location in taken):
            taken.append(proposal.target.location)
            mappings.append(proposal)
    return tuple(mappings)


def _propose(operation: Operation, columns: list[str]) -> Iterator[ColumnMapping]:
    """Yield the proposals, the most certain first."""
    targets = top_level_targets(operation)
    for spelling, reason in ((str, "the same name"), (snake_case, "the same name, spelled differently")):
        for column in columns:
            target = _resolve(targets, column, spelling)
            if target is not None:
                yield ColumnMapping(target, column, reason)
    yield from _propose_id(operation, targets, columns)


def _propose_id(operation: Operation, targets: Mapping[str, Target], columns: list[str]) -> Iterator[ColumnMapping]:
    """Propose the id of a listed resource for the parameter that identifies it, unless the path is a collection."""
    own = last_parameter(operation)
    key = next((p.key for p in operation.parameters if p.location == "path" and p.name == own), "")
    resources = operation.spec.resources
    if not key or resources.role(operation).action == "create" or resources.is_list(operation):
        return
    reader = resources.reader_at(operation.path.partition("/{" + own + "}")[0])
    column = id_field(reader) if reader else ID_FIELD
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
