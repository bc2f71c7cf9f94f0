r"""Templates: what `{{name}}` becomes.

| template                         | becomes                                                               |
|----------------------------------|-----------------------------------------------------------------------|
| `{{name}}`                       | the variable's value; with its type if the template is the whole text |
| `{{name:-default}}`              | the default, if there is no such variable                             |
| `{{$uuid}}`                      | a dynamic value, generated at each use                                |
| `{{responses.GetThing.name}}`    | a value of an earlier response                                        |
| `\{{name}}`                      | the text `{{name}}`                                                   |
| `\{{`                            | the text `{{`                                                         |

Any other `{{` is a mistake, and is refused: braces are never sent instead of a value. What came from a server is a
`LiteralText`: nothing in it is a template.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, final

from .call import UNSET, Upload
from .data import replace_values
from .errors import UnknownName, UsageError
from .json_text import write_json
from .plain import Placeholder, plain_value
from .secrets import Reference, Secret

NAME = r"[A-Za-z_][\w.-]*+"
_DEFAULT = r"(?::-((?:[^{}]|\{(?!\{)|\}(?!\}))*+))?+"  # ends where another template starts, for texts may be hostile
_RESPONSE = (
    r"responses(?=[.\[])(?:[^{}'\":]|:(?!-)|:-(?=\d+\s*[\]:,])"  # the last: a slice of a JSONPath such as [0:-1]
    r"|'(?:[^{}'\\]|\\[^{}])*+'|\"(?:[^{}\"\\]|\\[^{}])*+\")*+"
)
_TEMPLATE = re.compile(r"(\\?)\{\{\s*+(" + _RESPONSE + r"|\$?" + NAME + r")\s*+" + _DEFAULT + r"\}\}")
_PART = re.compile(_TEMPLATE.pattern + r"|(\\?)(\{\{)(?!\\*+\{)")  # a template, or an opening that begins none
_CLOSED = re.compile(r"\{\{([^{}]*)\}\}")
_LONGEST_SHOWN = 40  # characters of a malformed template
_LONGEST_CHAIN = 64  # variables that refer to each other


@final
class LiteralText(str, Placeholder):
    """A text that is never resolved, such as one that a server sent: its braces are braces."""

    __slots__ = ()

    @property
    def template(self) -> str:
        """The template that resolves to this text: every `{{` in it escaped."""
        return _PART.sub(lambda match: "\\" + match[0], self)


def keep_literal(text: str, old: Any) -> str:
    """Return an edited text in which each `{{name}}` of the old text is literal, if that is a `LiteralText`."""
    if not isinstance(old, LiteralText):
        return text
    known = {match[0] for match in _PART.finditer(old)}
    found = [match[0] for match in _PART.finditer(text)]
    if known.issuperset(found):
        return LiteralText(text) if found else text
    return _PART.sub(lambda match: "\\" + match[0] if match[0] in known else match[0], text)


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
    """Return the names of the templates in nested data, in order of appearance, also those that `resolve` refuses."""
    if isinstance(data, str):
        parts = _PART.finditer(data) if "{{" in data and type(data) is not LiteralText else ()
        return [name for part in parts if (name := _name_of(part)) is not None]
    if isinstance(data, Mapping):
        return [name for value in data.values() for name in template_names(value)]
    return [name for value in data for name in template_names(value)] if isinstance(data, list | tuple) else []


def _name_of(part: re.Match[str]) -> str | None:
    """Return the name in a template, or between other double braces; None if they are escaped or not closed."""
    if part[2] is not None:
        return None if part[1] else part[2].rstrip()
    closed = None if part[4] else _CLOSED.match(part.string, part.start())
    return closed[1].strip() if closed else None


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
        UsageError: double braces are no template, or variables refer to each other in a circle or in a long chain.
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
        return _PART.sub(lambda part: self._part(part, chain), text)

    def _part(self, part: re.Match[str], chain: tuple[str, ...]) -> str:
        """Return the text that a part of a text becomes."""
        if part[1] or part[4]:
            return part[0][1:]
        if part[2] is None:
            raise _malformed(part, chain)
        return _to_text(self._template(part, chain), part[2].rstrip())

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


def _malformed(part: re.Match[str], chain: tuple[str, ...]) -> UsageError:
    """Return the error for double braces that are no template."""
    closed, where = _CLOSED.match(part.string, part.start()), f" (in the variable {chain[-1]})" if chain else ""
    escape = "write \\{{ to send two braces as they are."
    if closed is None:
        rest = part.string[part.start() :]
        shown = rest[:_LONGEST_SHOWN] + ("…" if len(rest) > _LONGEST_SHOWN else "")
        return UsageError(f"{shown!r}{where} begins a template that does not end.", f"Write {{{{name}}}}, or {escape}")
    name = closed[1].strip()
    what = f"{name[:_LONGEST_SHOWN]!r} cannot be the name of a variable" if name else "{{}} has no name"
    todo = (
        "A name has letters, digits, '_', '-' and '.', and begins with a letter. For a part of a value, set a variable "
        f'first (api.variables["name"] = …) and write {{{{name}}}}; or {escape}'
    )
    return UsageError(f"{what}{where}: nothing was sent.", todo)


def _to_text(value: Any, name: str) -> str:
    """Return a value as it is written inside a text, which is as it is written alone: a text as it is, else as JSON."""
    plain = value if isinstance(value, str) else plain_value(value, name)
    if isinstance(plain, bytes | Upload):
        raise UsageError(f"{name} is a file, which cannot be a part of a text.", "Give the template alone, or a text.")
    return plain if isinstance(plain, str) else write_json(plain).decode()
