"""Variables in their scopes, the dynamic values, and a table of all variables for display.

| to do what                                                | use                          |
|-----------------------------------------------------------|------------------------------|
| read and set variables                                    | `Variables`                  |
| add a dynamic value such as `{{$uuid}}`                   | a row in `DYNAMIC`           |
| see each variable with what it hides and what uses it     | `Variables.rows()`, `frame()`|
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
from ..plain import plain_value
from ..secrets import MASK, Reference, Secret, redact
from ..templates import NAME, is_response_reference, template_names

if TYPE_CHECKING:
    from ..frames import DataFrame

SCOPES = ("session", "environment", "token", "shared")
"""Scopes in order of priority."""


@dataclass(frozen=True)
class Provenance:
    """The place in a response from which a value was taken.

    Attributes:
        operation: the id of the operation.
        path: the JSONPath in the response.
        exchange_id: the id of the exchange.
        started: when the exchange began, UTC.
    """

    operation: str
    path: str
    exchange_id: str
    started: datetime

    def __str__(self) -> str:
        """For display only."""
        return f"{self.operation} {self.path} (exchange {self.exchange_id}, {self.started:%Y-%m-%d %H:%M:%S} UTC)"


@dataclass(frozen=True)
class Variable:
    """One variable: its value (a `Secret` for secrets), its scope, and where the value came from.

    `source` describes that for people; `provenance` is the place in a response, if it came from one.
    """

    name: str
    value: Any
    scope: str
    source: str = ""
    provenance: Provenance | None = None

    @property
    def display_value(self) -> str:
        """The value for display; a secret is masked."""
        if isinstance(self.value, Secret):
            return MASK
        return self.value.display_value if isinstance(self.value, Reference) else str(self.value)


class Variables(MutableMapping[str, Any]):
    """All variables by name. The scope with the highest priority wins; what is set goes to the session.

    >>> variables = Variables(environment={"region": "eu"})
    >>> variables["region"] = "us"
    >>> variables["region"], variables.all("region")[1].scope
    ('us', 'environment')

    Attributes:
        find_provenance: returns the place in a response that a value came from, or None; called if the caller does
            not give its source.
        hint: returns a sentence on where a missing variable could come from, or an empty text.
        places: returns what may name variables, apart from other variables: the name of each place, and its data.
    """

    def __init__(self, seed: int | None = None, **scopes: Mapping[str, Any]) -> None:
        self._scopes: dict[str, dict[str, Variable]] = {scope: {} for scope in SCOPES}
        self.find_provenance: Callable[[Any], Provenance | None] = lambda value: None
        self.hint: Callable[[str], str] = lambda name: ""
        self.places: Callable[[], Iterable[tuple[str, Any]]] = tuple
        self.seed(seed)
        for scope, values in scopes.items():
            self.fill_scope(scope, values)

    def seed(self, seed: int | None) -> None:
        """Make the dynamic values repeatable from now on; None makes them random."""
        self._random = random_source(seed)

    def fill_scope(self, scope: str, values: Mapping[str, Any], source: str = "") -> None:
        """Replace all variables of one scope.

        Raises:
            UnknownName: there is no such scope.
            UsageError: a name is not valid in a template. The claims of a token may have any names.
        """
        _require_scope(scope)
        if scope != "token":
            for name in values:
                _require_name(name)
        self._scopes[scope] = {k: Variable(k, plain_value(v, k), scope, source or scope) for k, v in values.items()}

    def set(self, name: str, value: Any, source: str | Provenance = "", scope: str = "session") -> None:
        """Set a variable, with where its value came from.

        Raises:
            UsageError: the name is not valid in a template, or the value cannot be sent.
            UnknownName: there is no such scope.
        """
        _require_scope(scope)
        _require_name(name)
        origin = source or self.find_provenance(value) or "set in Python"
        provenance = origin if isinstance(origin, Provenance) else None
        self._scopes[scope][name] = Variable(name, plain_value(value, name), scope, str(origin), provenance)

    @staticmethod
    def is_name(name: str) -> bool:
        """Whether a template can name a variable like this."""
        return re.fullmatch(NAME, name) is not None and not is_response_reference(name)

    def all(self, name: str) -> list[Variable]:
        """Return every variable of that name: the winning one, then those that it hides."""
        return [self._scopes[scope][name] for scope in SCOPES if name in self._scopes[scope]]

    def in_scope(self, scope: str) -> dict[str, Any]:
        """Return the values of one scope by name.

        Raises:
            UnknownName: there is no such scope.
        """
        _require_scope(scope)
        return {name: variable.value for name, variable in self._scopes[scope].items()}

    def remove(self, name: str, scope: str = "session") -> None:
        """Remove a variable from a scope, if it is there.

        Raises:
            UnknownName: there is no such scope.
        """
        _require_scope(scope)
        self._scopes[scope].pop(name, None)

    def rows(self) -> list[VariableRow]:
        """Return every variable with what it hides, where it came from and what uses it; secrets are masked."""
        return variable_rows(self)

    def frame(self) -> DataFrame:
        """Return every variable as a DataFrame; secrets are masked."""
        rows = [dict(zip(_COLUMNS, _cells(row), strict=True)) for row in self.rows()]
        return make_frame(rows, dict.fromkeys(_COLUMNS, "string"))

    def entries(self) -> list[Variable]:
        """Return the winning variable of each name, in order of name."""
        return [self.all(name)[0] for name in self]

    def secrets(self) -> list[Secret]:
        """Return the secrets among the variables, also the hidden ones."""
        found = (variable.value for scope in self._scopes.values() for variable in list(scope.values()))  # threads set
        return [value for value in found if isinstance(value, Secret)]

    def value_of(self, name: str) -> Any:
        """Return the value of a template of this name, before it is resolved itself.

        Raises:
            KeyError: there is no such variable.
            UnknownName: there is no such dynamic value.
        """
        if not name.startswith("$"):
            return self[name]
        if name[1:] not in DYNAMIC:
            raise UnknownName("dynamic value", name, [f"${n}" for n in DYNAMIC])
        return DYNAMIC[name[1:]](self._random)

    def known(self) -> list[str]:
        """Return every name that a template may use."""
        return [*self, *(f"${name}" for name in DYNAMIC)]

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
        return f"<Variables {', '.join(f'{v.name}={v.display_value}' for v in self.entries()) or 'none'}>"

    def _repr_html_(self) -> str:
        rows = self.rows()
        if not rows:
            return str(html.muted("There are no variables yet."))
        return str(html.table(_HEADERS, [_html_cells(row) for row in rows]))

    def _ipython_key_completions_(self) -> list[str]:
        return list(self)


def _require_name(name: str) -> None:
    if not Variables.is_name(name):
        raise UsageError(
            f"{name!r} cannot be a variable's name.", "Use letters, digits, '_', '-' and '.'; begin with a letter."
        )


def _require_scope(scope: str) -> None:
    if scope not in SCOPES:
        raise UnknownName("scope of variables", scope, SCOPES)


# --- dynamic values ---------------------------------------------------------------------------------------------------

_ADJECTIVES = ("amber", "brisk", "calm", "eager", "lucid", "quiet", "rapid", "solar", "tidal", "vivid")
_NOUNS = ("aurora", "comet", "eclipse", "horizon", "meteor", "nebula", "orbit", "pulsar", "quasar", "zenith")
_ALPHANUMERIC = string.ascii_letters + string.digits
_PASSWORD_ALPHABETS = (string.ascii_lowercase, string.ascii_uppercase, string.digits, "-_.~")
"""The characters of a password, of each at least one; none has a meaning in URLs or shells."""

_PASSWORD_LENGTH = 20


def random_source(seed: int | None) -> random.Random:
    """Return the source of dynamic values: repeatable with a seed, else the operating system's."""
    return random.SystemRandom() if seed is None else random.Random(seed)  # noqa: S311  # repeatable on purpose


def _uuid(r: random.Random) -> str:
    return str(uuid.UUID(int=r.getrandbits(128), version=4))


def _now(pattern: str) -> Callable[[random.Random], str]:
    return lambda r: datetime.now(UTC).strftime(pattern)


def _name(r: random.Random, separator: str = "-") -> str:
    return f"{r.choice(_ADJECTIVES)}{separator}{r.choice(_NOUNS)}{separator}{r.randint(100, 999)}"


def _password(r: random.Random) -> Secret:
    required = [r.choice(alphabet) for alphabet in _PASSWORD_ALPHABETS]
    characters = required + r.choices(_ALPHANUMERIC, k=_PASSWORD_LENGTH - len(required))
    r.shuffle(characters)
    return Secret.in_memory("".join(characters), "randomPassword")


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
"""The dynamic values by name; the names are Postman's where it has one. A new one is a new row."""


# --- the table of variables -------------------------------------------------------------------------------------------

_LONGEST = 200  # characters of a value in the HTML table; the DataFrame has all of them

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
"""The names of the types of values; the first match counts."""


@dataclass(frozen=True)
class VariableRow:
    """A variable as a row of the table.

    Attributes:
        name: as in `{{name}}`.
        value: for display: a secret is masked, a template is not resolved.
        type: "template" for a text that names variables, "secret", or the type of its value.
        scope: the scope that wins.
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
_HEADERS = ("variable", "value", "type", "scope", "shadows", "from", "used by")


def variable_rows(variables: Variables) -> list[VariableRow]:
    """Return every variable as a row, in order of name."""
    entries = variables.entries()
    secrets = [secret.reveal() for secret in variables.secrets() if secret.is_in_memory]
    users = _find_users([*variables.places(), *((f"variable {v.name}", v.value) for v in entries)])
    return [
        VariableRow(
            name=entry.name,
            value=redact(entry.display_value, secrets),
            type=_type_name(entry.value),
            scope=entry.scope,
            shadows=tuple(
                v.scope if v.source in ("", v.scope) else f"{v.scope} ({v.source})"
                for v in variables.all(entry.name)[1:]
            ),
            source=entry.source,
            used_by=tuple(users.get(entry.name, ())),
        )
        for entry in entries
    ]


def _type_name(value: Any) -> str:
    if isinstance(value, str) and template_names(value):
        return "template"
    return next((name for kind, name in _TYPES if isinstance(value, kind)), type(value).__name__)


def _find_users(places: Iterable[tuple[str, Any]]) -> dict[str, list[str]]:
    """Return the places that name each variable, none twice, in order of first use."""
    found: dict[str, dict[str, None]] = {}
    for place, data in places:
        for name in template_names(data):
            found.setdefault(name, {})[place] = None
    return {name: list(users) for name, users in found.items()}


def _cells(row: VariableRow) -> list[str]:
    return [", ".join(cell) if isinstance(cell, tuple) else cell for cell in astuple(row)]


def _html_cells(row: VariableRow) -> list[Any]:
    name, value, *others = _cells(row)
    shown = html.muted(value) if value == MASK else value[:_LONGEST] + (" …" if len(value) > _LONGEST else "")
    return [html.code(name), shown, *others]
