"""Variables in their scopes, and what `{{name}}` stands for.

A template that is alone keeps its value's type; inside a text it becomes text. `{{name:-default}}` gives a default,
`{{$uuid}}` and its like are made anew each time, a backslash before the braces keeps them: `\\{{name}}`. What came from
a server is a `Literal`, in which nothing is a template.
"""

from __future__ import annotations

import random
import re
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol, final

import orjson

from ..errors import UnknownName, UsageError
from .secret import MASK, Secret

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
        return MASK if isinstance(self.value, Secret) else str(self.value)


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
    """

    def __init__(self, seed: int | None = None, **scopes: Mapping[str, Any]) -> None:
        self._scopes: dict[str, dict[str, Variable]] = {scope: {} for scope in SCOPES}
        self._random = random.Random(seed)  # noqa: S311  # sample names and numbers, not keys
        for scope, values in scopes.items():
            self.fill_scope(scope, values)

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


def resolve(data: Any, lookup: Lookup, secret: Callable[[Secret], Any]) -> Any:
    """Plain data with every `{{name}}` replaced; `secret` says what a secret becomes (stars, or its value).

    A `Literal` becomes the text that it is, in the data and as the value of a variable.

    Raises:
        UnknownName: a variable does not exist; the nearest names are offered.
        UsageError: variables refer to each other in a circle, or in too long a chain.
    """
    return _resolve(data, lookup, secret, ())


def _resolve(data: Any, lookup: Lookup, secret: Callable[[Secret], Any], inside: tuple[str, ...]) -> Any:
    if type(data) is Literal:
        return str(data)
    if isinstance(data, str):
        return _resolve_text(data, lookup, secret, inside) if "{{" in data else data
    if isinstance(data, Secret):
        return secret(data)
    if isinstance(data, Mapping):
        return {key: _resolve(value, lookup, secret, inside) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_resolve(value, lookup, secret, inside) for value in data]
    return data


def _resolve_text(text: str, lookup: Lookup, secret: Callable[[Secret], Any], inside: tuple[str, ...]) -> Any:
    def value(match: re.Match[str]) -> Any:
        name, default = match[2], match[3]
        if name in inside or len(inside) >= _DEEPEST:
            raise _endless(name, inside)
        try:
            found = lookup.value_of(name)
        except KeyError:
            if default is not None:
                return default.rstrip()
            raise UnknownName("variable", name, lookup.known(), todo=_set_it(name)) from None
        return _resolve(found, lookup, secret, (*inside, name))

    alone = _TEMPLATE.fullmatch(text)
    if alone and not alone[1]:
        return value(alone)
    return _TEMPLATE.sub(lambda m: m[0][1:] if m[1] else _as_text(value(m)), text)


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


_ADJECTIVES = ("amber", "brisk", "calm", "eager", "lucid", "quiet", "rapid", "solar", "tidal", "vivid")
_NOUNS = ("aurora", "comet", "eclipse", "horizon", "meteor", "nebula", "orbit", "pulsar", "quasar", "zenith")

DYNAMIC: dict[str, Callable[[random.Random], Any]] = {
    "uuid": lambda r: str(uuid.UUID(int=r.getrandbits(128), version=4)),
    "timestamp": lambda r: int(time.time()),
    "isoTimestamp": lambda r: datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    "randomInt": lambda r: r.randint(0, 1000),
    "randomName": lambda r: f"{r.choice(_ADJECTIVES)}-{r.choice(_NOUNS)}-{r.randint(100, 999)}",
}
"""Values made anew at each use; those that are random follow the seed of the `Variables`."""
