"""Every variable as a row: its value, what it hides, where it came from, and who names it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from typing import TYPE_CHECKING, Any

from .. import html
from ..tables import records_frame
from .outside import Reference
from .scrubbing import scrub
from .secret import MASK, Secret
from .templates import names_in
from .variables import Variable, Variables

if TYPE_CHECKING:
    from ..tables import DataFrame

_LONGEST = 200  # characters of a value in a table; the frame has all of them

_TYPES: Sequence[tuple[type | tuple[type, ...], str]] = (
    (Secret, "secret"),
    (Reference, "text"),
    (bool, "boolean"),
    (int, "integer"),
    (float, "number"),
    (str, "text"),
    (Mapping, "object"),
    ((list, tuple), "list"),
    (type(None), "null"),
)
"""The word for each kind of value; the first that fits counts."""


@dataclass(frozen=True)
class Standing:
    """A variable as it stands among the others.

    Attributes:
        name: as in `{{name}}`.
        value: for display: a secret is stars, a template is not resolved.
        type: "template" for a text that names variables, "secret", or the kind of its value.
        scope: the one whose value counts.
        shadows: the scopes whose values it hides, each with where that value came from.
        source: where the value came from.
        used_by: what names it: operations called, headers, other variables.
    """

    name: str
    value: str
    type: str
    scope: str
    shadows: tuple[str, ...]
    source: str
    used_by: tuple[str, ...]


_COLUMNS = tuple(field.name for field in fields(Standing))
_HEADS = ("variable", "value", "type", "scope", "shadows", "from", "used by")


def standings(variables: Variables) -> list[Standing]:
    """Every variable, in order of name."""
    entries = variables.entries()
    held = [v.value.reveal() for name in variables for v in variables.all(name) if _is_held(v.value)]
    uses = _uses([*variables.places(), *((f"variable {v.name}", v.value) for v in entries)])
    return [_standing(entry, variables.all(entry.name)[1:], held, uses) for entry in entries]


def rows_frame(rows: Sequence[Standing]) -> DataFrame:
    """The rows as a DataFrame; what may be several is one text."""
    return records_frame(
        [dict(zip(_COLUMNS, _plain(row), strict=True)) for row in rows], dict.fromkeys(_COLUMNS, "string")
    )


def rows_table(rows: Sequence[Standing]) -> str:
    """The rows as static HTML."""
    if not rows:
        return str(html.quiet("There are no variables yet."))
    return str(html.table(_HEADS, [_drawn(row) for row in rows]))


def _standing(
    entry: Variable, hidden: Sequence[Variable], held: Iterable[str], uses: Mapping[str, Sequence[str]]
) -> Standing:
    shadows = tuple(v.scope if v.source in ("", v.scope) else f"{v.scope} ({v.source})" for v in hidden)
    used = tuple(uses.get(entry.name, ()))
    return Standing(entry.name, scrub(entry.shown, held), _type(entry.value), entry.scope, shadows, entry.source, used)


def _type(value: Any) -> str:
    if isinstance(value, str) and names_in(value):
        return "template"
    return next((word for kind, word in _TYPES if isinstance(value, kind)), type(value).__name__)


def _uses(places: Iterable[tuple[str, Any]]) -> dict[str, list[str]]:
    """Who names each variable, each once and in order of first use."""
    found: dict[str, dict[str, None]] = {}
    for place, data in places:
        for name in names_in(data):
            found.setdefault(name, {})[place] = None
    return {name: list(used) for name, used in found.items()}


def _is_held(value: Any) -> bool:
    return isinstance(value, Secret) and value.is_held


def _plain(row: Standing) -> list[str]:
    return [", ".join(cell) if isinstance(cell, tuple) else cell for cell in astuple(row)]


def _drawn(row: Standing) -> list[Any]:
    name, value, *others = _plain(row)
    shown = html.quiet(value) if value == MASK else value[:_LONGEST] + (" …" if len(value) > _LONGEST else "")
    return [html.code(name), shown, *others]
