r"""Templates: what `{{name}}` becomes.

| template                         | becomes                                                               |
|----------------------------------|-----------------------------------------------------------------------|
| `{{name}}`                       | the variable's value; with its type if the template is the whole text |
| `{{name:-default}}`              | the default, if there is no such variable                             |
| `{{$uuid}}`                      | a dynamic value, generated at each use                                |
| `{{responses.GetThing.name}}`    | a value of an earlier response                                        |
| `\{{name}}`                      | the text `{{name}}`                                                   |

What came from a server is a `LiteralText`: nothing in it is a template.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, final

from .call import UNSET
from .data import replace_values
from .errors import UnknownName, UsageError
from .json_text import write_json
from .plain import Placeholder
from .secrets import Reference, Secret

NAME = r"[A-Za-z_][\w.-]*+"
_DEFAULT = r"(?::-((?:[^{}]|\{(?!\{)|\}(?!\}))*+))?+"  # ends where another template starts, for texts may be hostile
_RESPONSE = (
    r"responses(?=[.\[])(?:[^{}'\":]|:(?!-)|:-(?=\d+\s*[\]:,])"  # the last: a slice of a JSONPath such as [0:-1]
    r"|'(?:[^{}'\\]|\\[^{}])*+'|\"(?:[^{}\"\\]|\\[^{}])*+\")*+"
)
_TEMPLATE = re.compile(r"(\\?)\{\{\s*+(" + _RESPONSE + r"|\$?" + NAME + r")\s*+" + _DEFAULT + r"\}\}")
_LONGEST_CHAIN = 64  # variables that refer to each other
_WRITTEN_AS_JSON = (bool, dict, list, type(None))


@final
class LiteralText(str, Placeholder):
    """A text that is never resolved, such as one that a server sent: its braces are braces."""

    __slots__ = ()

    @property
    def template(self) -> str:
        """The template that resolves to this text: every `{{name}}` in it escaped."""
        return _TEMPLATE.sub(lambda match: "\\" + match[0], self)


def keep_literal(text: str, old: Any) -> str:
    """Return an edited text in which each `{{name}}` of the old text is literal, if that is a `LiteralText`."""
    if not isinstance(old, LiteralText):
        return text
    known = {match[0] for match in _TEMPLATE.finditer(old)}
    found = [match[0] for match in _TEMPLATE.finditer(text)]
    if known.issuperset(found):
        return LiteralText(text) if found else text
    return _TEMPLATE.sub(lambda match: "\\" + match[0] if match[0] in known else match[0], text)


def as_literal(data: Any) -> Any:
    """Return nested data whose texts are never resolved: those with braces become `LiteralText`."""
    return replace_values(data, lambda value: LiteralText(value) if isinstance(value, str) and "{{" in value else UNSET)


class Lookup(Protocol):
    """What `resolve` needs: the value of a name, and all names."""

    def value_of(self, name: str) -> Any: ...

    def known(self) -> Iterable[str]: ...


def is_response_reference(name: str) -> bool:
    """Whether the name in a template refers to a response, and not to a variable."""
    return name.startswith(("responses.", "responses["))


def template_names(data: Any) -> list[str]:
    """Return the names of the templates in nested data, in order of appearance."""
    if isinstance(data, str):
        templates = _TEMPLATE.finditer(data) if "{{" in data and type(data) is not LiteralText else ()
        return [match[2].rstrip() for match in templates if not match[1]]
    if isinstance(data, Mapping):
        return [name for value in data.values() for name in template_names(value)]
    return [name for value in data for name in template_names(value)] if isinstance(data, list | tuple) else []


def resolve(
    data: Any, lookup: Lookup, secret: Callable[[Secret], Any], hint: Callable[[str], str] = lambda name: ""
) -> Any:
    """Return nested data with every template replaced.

    A `LiteralText` becomes a plain text, in the data and as the value of a variable, and so does the value of a
    `Reference`.

    Args:
        data: the data.
        lookup: the values by name.
        secret: returns what a secret becomes: the mask, or its value.
        hint: returns a sentence that helps with a variable that does not exist, or an empty text.

    Raises:
        UnknownName: a variable does not exist; the message offers similar names.
        UsageError: variables refer to each other in a circle, or in a chain that is too long.
        SettingsError: a `Reference` has no value.
    """
    return _Resolution(lookup, secret, hint).value(data, ())


@dataclass(frozen=True)
class _Resolution:
    """One call of `resolve`; `chain` holds the names of the variables that are being resolved."""

    lookup: Lookup
    secret: Callable[[Secret], Any]
    hint: Callable[[str], str]

    def value(self, data: Any, chain: tuple[str, ...]) -> Any:
        if type(data) is LiteralText:
            return str(data)
        if isinstance(data, str):
            return self._text(data, chain) if "{{" in data else data
        if isinstance(data, Secret):
            return self.secret(data)
        if isinstance(data, Reference):
            return data.read()
        if isinstance(data, Mapping):
            return {key: self.value(inner, chain) for key, inner in data.items()}
        if isinstance(data, list | tuple):
            return [self.value(inner, chain) for inner in data]
        return data

    def _text(self, text: str, chain: tuple[str, ...]) -> Any:
        whole = _TEMPLATE.fullmatch(text)
        if whole and not whole[1]:
            return self._template(whole, chain)
        return _TEMPLATE.sub(lambda m: m[0][1:] if m[1] else _to_text(self._template(m, chain)), text)

    def _template(self, match: re.Match[str], chain: tuple[str, ...]) -> Any:
        name, default = match[2].rstrip(), match[3]
        if name in chain or len(chain) >= _LONGEST_CHAIN:
            raise _chain_error(name, chain)
        try:
            found = self.lookup.value_of(name)
        except KeyError as missing:
            if default is not None:
                return default.rstrip()
            if missing.args and isinstance(missing.args[0], UsageError):  # it describes what is missing
                raise missing.args[0] from None
            todo = f'Set it first: api.variables["{name}"] = …'
            raise UnknownName("variable", name, self.lookup.known(), todo=todo, hint=self.hint(name)) from None
        return self.value(found, (*chain, name))


def _chain_error(name: str, chain: tuple[str, ...]) -> UsageError:
    names = " → ".join([*chain, name])
    if name in chain:
        what = f"Variables refer to each other in a circle: {names}."
    else:
        what = f"More than {_LONGEST_CHAIN} variables refer to each other in a chain: {names} …"
    return UsageError(what, "Give one of them a plain value.")


def _to_text(value: Any) -> str:
    """Return a value as it is written inside a text: a text as it is, all else as JSON."""
    if isinstance(value, _WRITTEN_AS_JSON):
        return write_json(value, str, any_keys=True).decode()
    return str(value)
