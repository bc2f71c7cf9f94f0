"""Which column goes where: as it was said, else as it is proposed, with the reason."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from ..errors import UnknownName, UsageError
from ..openapi import ID_FIELD, Operation, id_field, last_parameter
from ..schema import Field, body_fields, parameter_fields, snake_case

Steps = tuple[str, ...]
Spelling = Callable[[str], str]
"""How names are compared: as they are, or whatever way they are written."""


@dataclass(frozen=True)
class Target:
    """A place that takes a value: the name of a parameter, or the way into the body."""

    steps: Steps
    field: Field
    in_body: bool

    @property
    def name(self) -> str:
        """As it is written: `environmentVariable.value`."""
        return ".".join(self.steps)


@dataclass(frozen=True)
class Mapped:
    """A column and the place that it goes to; `reason` says in words how that is known."""

    target: Target
    column: str
    reason: str


def targets(operation: Operation) -> dict[str, Target]:
    """The places at the top, by name: parameters first, then fields of the body, as in a call."""
    found = {f.name: Target((f.name,), f, False) for f in parameter_fields(operation)}
    for inner in body_fields(operation):
        found.setdefault(inner.name, Target((inner.name,), inner, True))
    return found


def target_of(operation: Operation, name: str) -> Target:
    """The place of a name, which may be the way into the body.

    Raises:
        UnknownName: there is no such parameter or field.
    """
    known = targets(operation)
    found = _reached(known, name, str) or _reached(known, name.removesuffix("_"), str)
    if found is None:
        raise UnknownName(f"parameter or field of {operation.id}", name, known)
    return found


def mapped(
    operation: Operation, columns: Iterable[str], said: Mapping[str, str], fixed: Iterable[Steps]
) -> tuple[Mapped, ...]:
    """Every column that goes somewhere: those that were said, then those that are proposed.

    Args:
        operation, columns: what is called, and the columns that there are.
        said: columns by the place that they go to.
        fixed: the places that have the same value in all rows.

    Raises:
        UnknownName: there is no such column, parameter or field.
        UsageError: one place would be given two values.
    """
    columns, fixed = tuple(columns), list(fixed)
    found = [Mapped(target_of(operation, name), _column(column, columns), "as given") for name, column in said.items()]
    _require_apart([m.target.steps for m in found], fixed)
    taken = [*fixed, *(m.target.steps for m in found)]
    for proposal in _proposed(operation, [c for c in columns if c not in said.values()]):
        if not any(_overlap(proposal.target.steps, steps) for steps in taken):
            taken.append(proposal.target.steps)
            found.append(proposal)
    return tuple(found)


def unused(columns: Iterable[str], found: Iterable[Mapped]) -> list[str]:
    """The columns that go nowhere."""
    used = {m.column for m in found}
    return [column for column in columns if column not in used]


def _proposed(operation: Operation, columns: list[str]) -> Iterator[Mapped]:
    """The proposals, the surest first."""
    known = targets(operation)
    for read, reason in ((str, "the same name"), (snake_case, "the same name, written otherwise")):
        for column in columns:
            target = _reached(known, column, read)
            if target is not None:
                yield Mapped(target, column, reason)
    yield from _own_id(operation, known, columns)


def _own_id(operation: Operation, known: Mapping[str, Target], columns: list[str]) -> Iterator[Mapped]:
    """The id of a listed thing, for the parameter that names the thing; a collection is not one of its things."""
    own = last_parameter(operation)
    key = next((p.key for p in operation.parameters if p.location == "path" and p.name == own), "")
    resources = operation.spec.resources
    if not key or resources.role(operation).action == "create" or resources.is_list(operation):
        return
    reader = resources.reader_at(operation.path.partition("/{" + own + "}")[0])
    column = id_field(reader) if reader else ID_FIELD
    if column in columns and key in known:
        listed = f", as {reader.id} lists it" if reader else ""
        yield Mapped(known[key], column, f"the {column} of the thing{listed}")


def _reached(known: Mapping[str, Target], name: str, read: Spelling) -> Target | None:
    """The place that a name means, steps compared as they are `read`."""
    top = _alike(known, name, read)
    if top is not None:
        return known[top]
    first, *rest = name.split(".")
    top = _alike(known, first, read)
    if top is None or not rest or not known[top].in_body:
        return None
    steps, field = [top], known[top].field
    for step in rest:
        found = _member(field, step, read)
        if found is None:
            return None
        step, field = found
        steps.append(step)
    return Target(tuple(steps), field, True)


def _member(field: Field, step: str, read: Spelling) -> tuple[str, Field] | None:
    """What a step leads to in an object, with the step as the document spells it."""
    for form in field.alternatives:
        like = _alike(form.children_by_name, step, read)
        if like is not None and not form.children_by_name[like].info.read_only:
            return like, form.children_by_name[like]
        if form.item is not None and form.kind != "array":
            return step, form.item
    return None


def _alike(known: Iterable[str], name: str, read: Spelling) -> str | None:
    wanted = read(name)
    return next((other for other in known if read(other) == wanted), None)


def _column(column: str, columns: tuple[str, ...]) -> str:
    if str(column) not in columns:
        raise UnknownName("column", str(column), columns)
    return str(column)


def _require_apart(places: list[Steps], fixed: list[Steps]) -> None:
    for number, steps in enumerate(places):
        others = [*places[:number], *fixed]
        if any(map(partial(_overlap, steps), others)):
            name = ".".join(steps)
            raise UsageError(f"{name} would be given two values.", "Give it by a column, or as one value for all rows.")


def _overlap(one: Steps, other: Steps) -> bool:
    """Whether one place is the other, or stands in it."""
    shared = min(len(one), len(other))
    return one[:shared] == other[:shared]
