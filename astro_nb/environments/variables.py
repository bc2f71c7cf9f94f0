"""Values that are made anew at each use, by the names that Postman gives them where it has one.

Every variable as a row: its value, what it hides, where it came from, and who names it.

Variables in their scopes.
"""

from __future__ import annotations

import random
import re
import string
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import astuple, dataclass, fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from .. import html
from ..errors import UnknownName, UsageError
from ..frames import make_frame
from ..secrets.redaction import redact
from ..secrets.references import MASK, Reference, Secret
from ..templates import NAME, is_response_reference, template_names

if TYPE_CHECKING:
    from ..frames import DataFrame


_ADJECTIVES = ("amber", "brisk", "calm", "eager", "lucid", "quiet", "rapid", "solar", "tidal", "vivid")
_NOUNS = ("aurora", "comet", "eclipse", "horizon", "meteor", "nebula", "orbit", "pulsar", "quasar", "zenith")
_ALPHANUMERIC = string.ascii_letters + string.digits
_KINDS = (string.ascii_lowercase, string.ascii_uppercase, string.digits, "-_.~")  # URLs and shells leave them be
_PASSWORD = 20  # characters


def chance(seed: int | None) -> random.Random:
    """What dynamic values are drawn from: repeatable by a seed, else the operating system's own chance."""
    return random.SystemRandom() if seed is None else random.Random(seed)  # noqa: S311  # repeatable on purpose


def _uuid(r: random.Random) -> str:
    return str(uuid.UUID(int=r.getrandbits(128), version=4))


def _now(pattern: str) -> Callable[[random.Random], str]:
    return lambda r: datetime.now(UTC).strftime(pattern)


def _name(r: random.Random, between: str = "-") -> str:
    return f"{r.choice(_ADJECTIVES)}{between}{r.choice(_NOUNS)}{between}{r.randint(100, 999)}"


def _password(r: random.Random) -> Secret:
    """One of each kind of character, for servers that ask for it, and as many as make it hard to guess."""
    drawn = [r.choice(kind) for kind in _KINDS] + r.choices(_ALPHANUMERIC, k=_PASSWORD - len(_KINDS))
    r.shuffle(drawn)
    return Secret.in_memory("".join(drawn), "randomPassword")


DYNAMIC: dict[str, Callable[[random.Random], Any]] = {
    "uuid": _uuid,
    "guid": _uuid,
    "randomUUID": _uuid,
    "timestamp": lambda r: int(time.time()),
    "isoTimestamp": _now("%Y-%m-%dT%H:%M:%SZ"),
    "date": _now("%Y-%m-%d"),
    "randomInt": lambda r: r.randint(0, 1000),
    "randomBoolean": lambda r: r.random() < 0.5,
    "randomAlphaNumeric": lambda r: r.choice(_ALPHANUMERIC),
    "randomName": _name,
    "randomEmail": lambda r: f"{_name(r, '.')}@example.com",
    "randomPassword": _password,
}
"""What each name makes; those that are random follow the seed of the `Variables`."""


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
class VariableRow:
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


_COLUMNS = tuple(field.name for field in fields(VariableRow))
_HEADS = ("variable", "value", "type", "scope", "shadows", "from", "used by")


def variable_rows(variables: Variables) -> list[VariableRow]:
    """Every variable, in order of name."""
    entries = variables.entries()
    held = [v.value.reveal() for name in variables for v in variables.all(name) if _is_held(v.value)]
    uses = _uses([*variables.places(), *((f"variable {v.name}", v.value) for v in entries)])
    return [_standing(entry, variables.all(entry.name)[1:], held, uses) for entry in entries]


def rows_frame(rows: Sequence[VariableRow]) -> DataFrame:
    """The rows as a DataFrame; what may be several is one text."""
    return make_frame(
        [dict(zip(_COLUMNS, _plain(row), strict=True)) for row in rows], dict.fromkeys(_COLUMNS, "string")
    )


def rows_table(rows: Sequence[VariableRow]) -> str:
    """The rows as static HTML."""
    if not rows:
        return str(html.muted("There are no variables yet."))
    return str(html.table(_HEADS, [_drawn(row) for row in rows]))


def _standing(
    entry: Variable, hidden: Sequence[Variable], held: Iterable[str], uses: Mapping[str, Sequence[str]]
) -> VariableRow:
    shadows = tuple(v.scope if v.source in ("", v.scope) else f"{v.scope} ({v.source})" for v in hidden)
    used = tuple(uses.get(entry.name, ()))
    return VariableRow(
        entry.name, redact(entry.shown, held), _type(entry.value), entry.scope, shadows, entry.source, used
    )


def _type(value: Any) -> str:
    if isinstance(value, str) and template_names(value):
        return "template"
    return next((word for kind, word in _TYPES if isinstance(value, kind)), type(value).__name__)


def _uses(places: Iterable[tuple[str, Any]]) -> dict[str, list[str]]:
    """Who names each variable, each once and in order of first use."""
    found: dict[str, dict[str, None]] = {}
    for place, data in places:
        for name in template_names(data):
            found.setdefault(name, {})[place] = None
    return {name: list(used) for name, used in found.items()}


def _is_held(value: Any) -> bool:
    return isinstance(value, Secret) and value.is_in_memory


def _plain(row: VariableRow) -> list[str]:
    return [", ".join(cell) if isinstance(cell, tuple) else cell for cell in astuple(row)]


def _drawn(row: VariableRow) -> list[Any]:
    name, value, *others = _plain(row)
    shown = html.muted(value) if value == MASK else value[:_LONGEST] + (" …" if len(value) > _LONGEST else "")
    return [html.code(name), shown, *others]


SCOPES = ("session", "environment", "token", "shared")
"""Scopes, the winning one first."""


@dataclass(frozen=True)
class Variable:
    """One variable: its value (a `Secret` for secrets), its scope, and where the value came from."""

    name: str
    value: Any
    scope: str
    source: str = ""

    @property
    def shown(self) -> str:
        """The value for display; stars for a secret."""
        if isinstance(self.value, Secret):
            return MASK
        return self.value.display_value if isinstance(self.value, Reference) else str(self.value)


class Variables(MutableMapping[str, Any]):
    """All variables by name; the innermost scope wins, and what is set goes to the session.

    >>> variables = Variables(environment={"region": "eu"})
    >>> variables["region"] = "us"
    >>> variables["region"], variables.all("region")[1].scope
    ('us', 'environment')

    Attributes:
        provenance: where a value that is set came from, for those who do not say; empty where nobody knows.
        hint: where a variable that does not exist could come from, in a sentence; empty where nobody knows.
        places: what may name variables beside other variables: the name of each place, and its data.
    """

    def __init__(self, seed: int | None = None, **scopes: Mapping[str, Any]) -> None:
        self._scopes: dict[str, dict[str, Variable]] = {scope: {} for scope in SCOPES}
        self.provenance: Callable[[Any], str] = lambda value: ""
        self.hint: Callable[[str], str] = lambda name: ""
        self.places: Callable[[], Iterable[tuple[str, Any]]] = tuple
        self.seed(seed)
        for scope, values in scopes.items():
            self.fill_scope(scope, values)

    def seed(self, seed: int | None) -> None:
        """Draw the same dynamic values in the same order from now on; None for others each time."""
        self._random = chance(seed)

    def fill_scope(self, scope: str, values: Mapping[str, Any], source: str = "") -> None:
        """Replace all variables of one scope.

        Raises:
            UnknownName: there is no such scope.
        """
        _require_scope(scope)
        self._scopes[scope] = {k: Variable(k, v, scope, source or scope) for k, v in values.items()}

    def set(self, name: str, value: Any, source: str = "", scope: str = "session") -> None:
        """Set a variable and say where its value came from."""
        _require_scope(scope)
        if not self.is_name(name):
            raise UsageError(
                f"{name!r} cannot be a variable's name.", "Use letters, digits, '_', '-' and '.'; begin with a letter."
            )
        self._scopes[scope][name] = Variable(name, value, scope, source or self.provenance(value) or "set in Python")

    @staticmethod
    def is_name(name: str) -> bool:
        """Whether a template can name a variable so."""
        return re.fullmatch(NAME, name) is not None and not is_response_reference(name)

    def all(self, name: str) -> list[Variable]:
        """Every variable of that name, the winning one first; the others are shadowed by it."""
        return [self._scopes[scope][name] for scope in SCOPES if name in self._scopes[scope]]

    def in_scope(self, scope: str) -> dict[str, Any]:
        """The values of one scope by name.

        Raises:
            UnknownName: there is no such scope.
        """
        _require_scope(scope)
        return {name: variable.value for name, variable in self._scopes[scope].items()}

    def remove(self, name: str, scope: str = "session") -> None:
        """Take a variable out of a scope; nothing happens where there is none."""
        _require_scope(scope)
        self._scopes[scope].pop(name, None)

    def rows(self) -> list[VariableRow]:
        """Every variable as it stands: what it hides, where it came from and who names it, secrets as stars."""

        return variable_rows(self)

    def frame(self) -> DataFrame:
        """Every variable as a DataFrame, secrets as stars."""

        return rows_frame(self.rows())

    def entries(self) -> list[Variable]:
        """The winning variable of each name, in order of name."""
        return [self.all(name)[0] for name in self]

    def secrets(self) -> list[Secret]:
        """Every variable that is a secret, the shadowed ones too."""
        found = (variable.value for scope in self._scopes.values() for variable in scope.values())
        return [value for value in found if isinstance(value, Secret)]

    def value_of(self, name: str) -> Any:
        """The value that a template of this name stands for, before it is itself resolved."""
        if name.startswith("$"):
            return self._dynamic(name[1:])
        return self[name]

    def known(self) -> list[str]:
        """Every name that a template may use."""
        return [*self, *(f"${name}" for name in DYNAMIC)]

    def _dynamic(self, name: str) -> Any:
        if name not in DYNAMIC:
            raise UnknownName("dynamic value", f"${name}", [f"${n}" for n in DYNAMIC])
        return DYNAMIC[name](self._random)

    def __getitem__(self, name: str) -> Any:
        found = self.all(name)
        if not found:
            raise KeyError(name)
        return found[0].value

    def __setitem__(self, name: str, value: Any) -> None:
        self.set(name, value)

    def __delitem__(self, name: str) -> None:
        if name not in self._scopes["session"]:
            raise KeyError(name)
        del self._scopes["session"][name]

    def __iter__(self) -> Iterator[str]:
        return iter(sorted({name for scope in self._scopes.values() for name in scope}))

    def __len__(self) -> int:
        return len({name for scope in self._scopes.values() for name in scope})

    def __repr__(self) -> str:
        return f"<Variables {', '.join(f'{v.name}={v.shown}' for v in self.entries()) or 'none'}>"

    def _repr_html_(self) -> str:

        return rows_table(self.rows())

    def _ipython_key_completions_(self) -> list[str]:
        return list(self)


def _require_scope(scope: str) -> None:
    if scope not in SCOPES:
        raise UnknownName("scope of variables", scope, SCOPES)
