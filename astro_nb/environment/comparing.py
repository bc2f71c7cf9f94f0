"""Two environments beside each other, field by field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .. import html
from ..call import UNSET
from ..tables import records_frame
from .outside import Reference
from .rules import FIELDS
from .saved import MERGED, is_same
from .secret import Secret
from .settings import Environment
from .templates import Literal

if TYPE_CHECKING:
    from ..tables import DataFrame

_COLUMNS = ("field", "one", "other", "one_inherited", "other_inherited", "same")
_LONGEST = 200


@dataclass(frozen=True)
class Row:
    """A field of two environments.

    Attributes:
        field: its name; for variables, headers and their like with the name in it: `variables.region`.
        one: its value in the one, a secret as its reference; UNSET where it has none.
        other: its value in the other.
        one_inherited: whether the one has it from the environment that it extends.
        other_inherited: the same of the other.
    """

    field: str
    one: Any
    other: Any
    one_inherited: bool = False
    other_inherited: bool = False

    @property
    def same(self) -> bool:
        """Whether both have the same value, or none."""
        if self.one is UNSET or self.other is UNSET:
            return self.one is self.other
        return is_same(self.one, self.other)


@dataclass(frozen=True)
class Comparison:
    """Two environments beside each other; ending a cell with it shows where they differ."""

    one: str
    other: str
    rows: tuple[Row, ...]

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def differing(self) -> tuple[Row, ...]:
        """The rows in which they differ."""
        return tuple(row for row in self.rows if not row.same)

    def frame(self) -> DataFrame:
        """Every row as a DataFrame; a value is written as text, and missing where there is none."""
        rows = [{name: _cell(getattr(row, name)) for name in _COLUMNS} for row in self.rows]
        kinds = {name: "boolean" if name in _COLUMNS[3:] else "string" for name in _COLUMNS}
        return records_frame(rows, kinds)

    def __repr__(self) -> str:
        return f"<{self.one} and {self.other} differ in {', '.join(r.field for r in self.differing) or 'nothing'}>"

    def _repr_html_(self) -> str:
        alike = [row for row in self.rows if row.same]
        differing = self._table(self.differing) if self.differing else html.quiet("They differ in nothing.")
        rest = html.fold(f"{len(alike)} alike", self._table(alike)) if alike else ""
        return str(html.join([differing, rest]))

    def _table(self, rows: Any) -> html.Markup:
        drawn = [(html.code(r.field), _drawn(r.one, r.one_inherited), _drawn(r.other, r.other_inherited)) for r in rows]
        return html.table(["field", self.one, self.other], drawn)


def compared(
    one: Environment, other: Environment, one_base: Environment | None, other_base: Environment | None
) -> Comparison:
    """Two environments field by field; the bases are what each would be by what it extends alone."""
    ours, theirs = told(one), told(other)
    base, their_base = told(one_base), told(other_base)
    rows = (
        Row(n, ours.get(n, UNSET), theirs.get(n, UNSET), _is_from(base, ours, n), _is_from(their_base, theirs, n))
        for n in sorted({**ours, **theirs}, key=_order)
    )
    return Comparison(one.name, other.name, tuple(rows))


def told(environment: Environment | None) -> dict[str, Any]:
    """The fields of an environment for the eye, names and values one by one, secrets as references."""
    if environment is None:
        return {}
    found: dict[str, Any] = {}
    for field in FIELDS:
        value = getattr(environment, field)
        if field in MERGED:
            found |= {f"{field}.{name}": _told(inner) for name, inner in value.items()}
        elif value is not None and field != "name":
            found[field] = _told(value)
    return found


def _told(value: Any) -> Any:
    """A value as it may be shown: where a secret or a plain reference stands, its reference."""
    if isinstance(value, Secret | Reference):
        return value.reference
    if isinstance(value, Mapping):
        return {name: _told(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_told(inner) for inner in value]
    return str(value) if isinstance(value, Literal) else value


def _is_from(base: Mapping[str, Any], own: Mapping[str, Any], name: str) -> bool:
    return name != "extends" and name in base and name in own and is_same(base[name], own[name])


def _order(name: str) -> int:
    return FIELDS.index(name.partition(".")[0])


def _cell(value: Any) -> Any:
    if value is UNSET or isinstance(value, bool | str):
        return None if value is UNSET else value
    return str(value)


def _drawn(value: Any, inherited: bool) -> html.Markup:
    if value is UNSET:
        return html.quiet("not set")
    text = str(value)
    shown = html.esc(text[:_LONGEST] + (" …" if len(text) > _LONGEST else ""))
    return html.join([shown, " ", html.quiet("(inherited)")]) if inherited else shown
