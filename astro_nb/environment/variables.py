"""Variables in their scopes, and what `{{name}}` stands for.

A template that is alone keeps its value's type; inside a text it becomes text. `{{name:-default}}` gives a default,
`{{$uuid}}` and its like are made anew each time, a backslash before the braces keeps them: `\\{{name}}`. What came from
a server is a `Literal`, in which nothing is a template.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, final

import orjson

from ..errors import UnknownName, UsageError
from .dynamic import DYNAMIC, chance
from .reference import Reference
from .secret import MASK, Secret

if TYPE_CHECKING:
    from ..tables import DataFrame
    from .listing import Standing

SCOPES = ("session", "environment", "token", "shared")
"""Scopes, the winning one first."""

_NAME = r"[A-Za-z_][\w.-]*+"
_DEFAULT = r"(?::-((?:[^}]|\}(?!\}))*+))?+"
_TEMPLATE = re.compile(r"(\\?)\{\{\s*+(\$?" + _NAME + r")\s*+" + _DEFAULT + r"\}\}")
_DEEPEST = 64
_WRITTEN_AS_JSON = (bool, dict, list, type(None))


@final
class Literal(str):
    """A text that is never resolved, such as one that a server sent: its braces are braces."""

    __slots__ = ()

    @property
    def template(self) -> str:
        """The template that resolves to this text: every `{{name}}` in it escaped."""
        return _TEMPLATE.sub(lambda match: "\\" + match[0], self)


def escape(text: str) -> str:
    """The template that resolves to a text, whatever it holds."""
    return Literal(text).template


def verbatim(data: Any) -> Any:
    """Plain data whose texts are never resolved: those with braces become `Literal`, all else stays what it is."""
    if isinstance(data, str):
        return Literal(data) if "{{" in data else data
    if isinstance(data, dict):
        return {name: verbatim(value) for name, value in data.items()}
    return [verbatim(value) for value in data] if isinstance(data, list) else data


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


class Lookup(Protocol):
    """What resolving needs: the value of a name, and the names there are."""

    def value_of(self, name: str) -> Any: ...

    def known(self) -> Iterable[str]: ...


class Variables(MutableMapping[str, Any]):
    """All variables by name; the innermost scope wins, and what is set goes to the session.

    >>> variables = Variables(environment={"region": "eu"})
    >>> variables["region"] = "us"
    >>> variables["region"], variables.all("region")[1].scope
    ('us', 'environment')

    Attributes:
        hint: where a variable that does not exist could come from, in a sentence; empty where nobody knows.
        places: what may name variables beside other variables: the name of each place, and its data.
    """

    def __init__(self, seed: int | None = None, **scopes: Mapping[str, Any]) -> None:
        self._scopes: dict[str, dict[str, Variable]] = {scope: {} for scope in SCOPES}
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
        if not re.fullmatch(_NAME, name):
            raise UsageError(
                f"{name!r} cannot be a variable's name.", "Use letters, digits, '_', '-' and '.'; begin with a letter."
            )
        self._scopes[scope][name] = Variable(name, value, scope, source or "set in Python")

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


def names_in(data: Any) -> list[str]:
    """The names of the templates inside plain data, in order of appearance."""
    if isinstance(data, str):
        templates = _TEMPLATE.finditer(data) if "{{" in data and type(data) is not Literal else ()
        return [match[2] for match in templates if not match[1]]
    if isinstance(data, Mapping):
        return [name for value in data.values() for name in names_in(value)]
    return [name for value in data for name in names_in(value)] if isinstance(data, list | tuple) else []


def resolve(
    data: Any, lookup: Lookup, secret: Callable[[Secret], Any], hint: Callable[[str], str] = lambda name: ""
) -> Any:
    """Plain data with every `{{name}}` replaced; `secret` says what a secret becomes (stars, or its value).

    A `Literal` becomes the text that it is, in the data and as the value of a variable, and so does what is read from
    outside.

    Raises:
        UnknownName: a variable does not exist; the nearest names are offered, and what `hint` says of it.
        UsageError: variables refer to each other in a circle, or in too long a chain.
        SettingsError: a value that is read from outside is not there.
    """
    return _Resolving(lookup, secret, hint).value(data, ())


@dataclass(frozen=True)
class _Resolving:
    """What stays the same on the way through data; `inside` are the names on the way."""

    lookup: Lookup
    secret: Callable[[Secret], Any]
    hint: Callable[[str], str]

    def value(self, data: Any, inside: tuple[str, ...]) -> Any:
        if type(data) is Literal:
            return str(data)
        if isinstance(data, str):
            return self._text(data, inside) if "{{" in data else data
        if isinstance(data, Secret):
            return self.secret(data)
        if isinstance(data, Reference):
            return data.read()
        if isinstance(data, Mapping):
            return {key: self.value(inner, inside) for key, inner in data.items()}
        if isinstance(data, list | tuple):
            return [self.value(inner, inside) for inner in data]
        return data

    def _text(self, text: str, inside: tuple[str, ...]) -> Any:
        alone = _TEMPLATE.fullmatch(text)
        if alone and not alone[1]:
            return self._template(alone, inside)
        return _TEMPLATE.sub(lambda m: m[0][1:] if m[1] else _as_text(self._template(m, inside)), text)

    def _template(self, match: re.Match[str], inside: tuple[str, ...]) -> Any:
        name, default = match[2], match[3]
        if name in inside or len(inside) >= _DEEPEST:
            raise _endless(name, inside)
        try:
            found = self.lookup.value_of(name)
        except KeyError:
            if default is not None:
                return default.rstrip()
            raise UnknownName("variable", name, self.lookup.known(), todo=_set_it(name), hint=self.hint(name)) from None
        return self.value(found, (*inside, name))


def _endless(name: str, inside: tuple[str, ...]) -> UsageError:
    """What to raise where a variable stands for itself, or the way to its value is too long."""
    way = " → ".join([*inside, name])
    if name in inside:
        what = f"Variables refer to each other in a circle: {way}."
    else:
        what = f"More than {_DEEPEST} variables refer to each other in a chain: {way} …"
    return UsageError(what, "Give one of them a plain value.")


def _as_text(value: Any) -> str:
    """A value inside a text, as it is written in JSON; a text is itself."""
    if isinstance(value, _WRITTEN_AS_JSON):
        return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    return str(value)


def _require_scope(scope: str) -> None:
    if scope not in SCOPES:
        raise UnknownName("scope of variables", scope, SCOPES)


def _set_it(name: str) -> str:
    return f'Set it first: api.variables["{name}"] = …'
