"""Variables in their scopes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import UnknownName, UsageError
from .dynamic import DYNAMIC, chance
from .outside import Reference
from .secret import MASK, Secret
from .templates import NAME, refers

if TYPE_CHECKING:
    from ..tables import DataFrame
    from .listing import Standing

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
        return self.value.shown if isinstance(self.value, Reference) else str(self.value)


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
        return re.fullmatch(NAME, name) is not None and not refers(name)

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

    def drop(self, name: str, scope: str = "session") -> None:
        """Take a variable out of a scope; nothing happens where there is none."""
        _require_scope(scope)
        self._scopes[scope].pop(name, None)

    def rows(self) -> list[Standing]:
        """Every variable as it stands: what it hides, where it came from and who names it, secrets as stars."""
        from .listing import standings

        return standings(self)

    def frame(self) -> DataFrame:
        """Every variable as a DataFrame, secrets as stars."""
        from .listing import rows_frame

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
        from .listing import rows_table

        return rows_table(self.rows())

    def _ipython_key_completions_(self) -> list[str]:
        return list(self)


def _require_scope(scope: str) -> None:
    if scope not in SCOPES:
        raise UnknownName("scope of variables", scope, SCOPES)
