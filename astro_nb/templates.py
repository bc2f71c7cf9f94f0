r"""What `{{name}}` stands for.

A template that is alone keeps its value's type; inside a text it becomes text. `{{name:-default}}` gives a default,
`{{$uuid}}` and its like are made anew each time, a backslash before the braces keeps them: `\{{name}}`. What came from
a server is a `Literal`, in which nothing is a template. `{{responses.GetThing.name}}` refers to an answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, final

import orjson

from .errors import UnknownName, UsageError
from .secrets.references import Reference, Secret

NAME = r"[A-Za-z_][\w.-]*+"
_DEFAULT = r"(?::-((?:[^{}]|\{(?!\{)|\}(?!\}))*+))?+"  # it ends where another template begins: texts may be hostile
_ANSWER = (
    r"responses(?=[.\[])(?:[^{}'\":]|:(?!-)|:-(?=\d+\s*[\]:,])"  # the last: a slice of a JSONPath such as [0:-1]
    r"|'(?:[^{}'\\]|\\[^{}])*+'|\"(?:[^{}\"\\]|\\[^{}])*+\")*+"
)
_TEMPLATE = re.compile(r"(\\?)\{\{\s*+(" + _ANSWER + r"|\$?" + NAME + r")\s*+" + _DEFAULT + r"\}\}")
_DEEPEST = 64
_WRITTEN_AS_JSON = (bool, dict, list, type(None))


@final
class LiteralText(str):
    """A text that is never resolved, such as one that a server sent: its braces are braces."""

    __slots__ = ()

    @property
    def template(self) -> str:
        """The template that resolves to this text: every `{{name}}` in it escaped."""
        return _TEMPLATE.sub(lambda match: "\\" + match[0], self)


def escape(text: str) -> str:
    """The template that resolves to a text, whatever it holds."""
    return LiteralText(text).template


def as_literal(data: Any) -> Any:
    """Plain data whose texts are never resolved: those with braces become `Literal`, all else stays what it is."""
    if isinstance(data, str):
        return LiteralText(data) if "{{" in data else data
    if isinstance(data, dict):
        return {name: as_literal(value) for name, value in data.items()}
    return [as_literal(value) for value in data] if isinstance(data, list) else data


class Lookup(Protocol):
    """What resolving needs: the value of a name, and the names there are."""

    def value_of(self, name: str) -> Any: ...

    def known(self) -> Iterable[str]: ...


def is_response_reference(name: str) -> bool:
    """Whether the name of a template refers to an answer, and is none of a variable."""
    return name.startswith(("responses.", "responses["))


def template_names(data: Any) -> list[str]:
    """The names of the templates inside plain data, in order of appearance."""
    if isinstance(data, str):
        templates = _TEMPLATE.finditer(data) if "{{" in data and type(data) is not LiteralText else ()
        return [match[2].rstrip() for match in templates if not match[1]]
    if isinstance(data, Mapping):
        return [name for value in data.values() for name in template_names(value)]
    return [name for value in data for name in template_names(value)] if isinstance(data, list | tuple) else []


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
        if type(data) is LiteralText:
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
        name, default = match[2].rstrip(), match[3]
        if name in inside or len(inside) >= _DEEPEST:
            raise _endless(name, inside)
        try:
            found = self.lookup.value_of(name)
        except KeyError as missing:
            if default is not None:
                return default.rstrip()
            if missing.args and isinstance(missing.args[0], UsageError):  # it says itself what is missing
                raise missing.args[0] from None
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


def _set_it(name: str) -> str:
    return f'Set it first: api.variables["{name}"] = …'
