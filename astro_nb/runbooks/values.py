"""A file in a notebook: a path among the parameters, read when the notebook is run.

Each value of a call as what gives it again: an expression, a parameter, a template, or itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from ..call import UNSET, Call, OmittedUpload, Upload
from ..codegen import literal
from ..data import Location
from ..environments import Variable, Variables
from ..pagination import first_call, paging_of
from ..schema import Field, body_field, parameter_fields
from ..secrets import MASK, Reference, Secret
from ..templates import is_response_reference, resolve, template_names
from .source_code import Expression, Parameters
from .sources import Answers, Found, Wanted, find_secret, find_source, still_means, value_sent, value_then, will_answer
from .steps import Step, own

_SHORT = 1000
"""Bytes of a text file that stand in the notebook itself."""


def file_source(value: bytes | Upload, field: str, step: Step, parameters: Parameters) -> Expression:
    """What gives a file again: of a short text the text itself, of all else what the path in a parameter leads to.

    Args:
        value: the file.
        field: the name of the field that it is the value of; empty where it is the whole body.
        step: the step that sends it.
        parameters: where the path becomes one.
    """
    upload = value if isinstance(value, Upload) else Upload("", value)
    name = upload.name or field or "file"
    content = _short_text(upload)
    if content is None:
        wanted = f"{field}_file" if field and not field.endswith("file") else field or "file"
        about = f"The file that {step.operation.id} sends, as a path."
        content = f"Path({parameters.name_for(name, wanted, step.name.partition('_')[2], about)}).read_bytes()"
    if not isinstance(value, Upload):
        return Expression(content)
    told = [literal(name), content, *([literal(upload.media_type)] if upload.media_type else [])]
    return Expression(f"anb.Upload({', '.join(told)})")


def _short_text(upload: Upload) -> str | None:
    """What a file holds as source, where that is a short text; None for all else."""
    if isinstance(upload, OmittedUpload) or upload.size > _SHORT:
        return None
    try:
        text = upload.content.decode()
    except UnicodeDecodeError:
        return None
    return f"{literal(text)}.encode()" if all(c.isprintable() or c in "\r\n\t" for c in text) else None


_NAME = re.compile(r"name|.*Name")


@dataclass(frozen=True)
class Woven:
    """A step's call with its values woven in, and the variables to set before it, as lines of source.

    Of a bulk, `rows` are the rows, and the call is what is the same in all of them.
    """

    call: Call
    before: tuple[str, ...] = ()
    rows: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True)
class _Place:
    """Where a value stands: in which step, where in its call, and the field that describes it."""

    step: Step
    location: Location
    field: Field | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        return next((str(step) for step in reversed(self.location) if isinstance(step, str)), "")

    @property
    def is_choice(self) -> bool:
        return self.field is not None and self.field.kind in ("choice", "boolean")

    @property
    def is_name(self) -> bool:
        return len(self.location) == 2 and self.location[0] == "body" and bool(_NAME.fullmatch(self.name))

    def into(self, key: str | int, whole: Any) -> _Place:
        field = self.field
        if field is not None and field.kind == "union":
            branch = field.branch_for(whole)
            field = branch.field if branch else None
        inner = (field.child(str(key)) or field.item) if field else None
        return _Place(self.step, (*self.location, key), inner)


class Weaver:
    """Goes through the steps in order and knows, at each, what the earlier ones hold.

    Attributes:
        secrets: the session's secrets that the notebook has to set, by name.
    """

    def __init__(self, variables: Variables, parameters: Parameters) -> None:
        self._variables, self._parameters = variables, parameters
        self._earlier: list[Answers] = []
        self._typed, self._sent = set[str](), set[str]()
        self._set: dict[str, str] = {}
        self._before: list[str] = []
        self._keeping: set[str] = set()
        self.secrets: dict[str, Secret] = {}

    def weave(self, step: Step) -> Woven:
        """The call of a step; the steps before it have been woven already."""
        call, self._before, self._sent = _as_given(step), [], set()
        fields = {f.name: f for f in parameter_fields(step.operation)}
        parameters = {
            key: self._value(value, _Place(step, ("parameters", key), fields.get(key)))
            for key, value in call.parameters.items()
            if not _fills_itself(key, value, fields.get(key), call, self._variables)
        }
        body = _Place(step, ("body",), body_field(step.operation, call.media_type))
        whole = UNSET if call.body is UNSET else self._value(call.body, body)
        headers = {key: self._value(value, _Place(step, ("headers", key))) for key, value in call.headers.items()}
        rows = _rows(step, partial(self._keep, place=_Place(step, ("rows",))))
        if step.kind != "bulk":  # whose answers are many: nobody can tell which one a later value came from
            self._earlier.append(Answers(step, frozenset(self._sent)))
        return Woven(replace(call, parameters=parameters, body=whole, headers=headers), tuple(self._before), rows)

    def _value(self, value: Any, place: _Place) -> Any:
        if isinstance(value, str):
            return self._text(value, place)
        if isinstance(value, Mapping):
            self._keep(template_names([*value]), place)  # an entry may be named by a variable
            return {key: self._value(inner, place.into(key, value)) for key, inner in value.items()}
        if isinstance(value, list | tuple):
            return [self._value(inner, place.into(index, value)) for index, inner in enumerate(value)]
        if isinstance(value, bytes | Upload):
            where = place.name if len(place.location) > 1 else ""
            return file_source(value, where, place.step, self._parameters)
        return value

    def _text(self, text: str, place: _Place) -> Any:
        if not (names := template_names(text)):
            return self._plain(text, place)
        name = _alone(text)
        return self._template(text, name, place) if name else self._mixed(text, names, place)

    def _template(self, text: str, name: str, place: _Place) -> Any:
        """A template that is all of its text."""
        lasting = _lasting(self._variables, name)
        if name.startswith("$") or lasting:
            self._sent |= {lasting.value} if lasting and isinstance(lasting.value, str) else set()
            return text
        current = text if is_response_reference(name) else next((v.value for v in self._variables.all(name)), UNSET)
        referred = next(filter(is_response_reference, template_names(current)), "")
        if referred:
            return self._referring(text, referred, place)
        if isinstance(current, Secret):
            self._keep_secret(name, current)
            return text
        if isinstance(current, Reference):
            self._set_before(name, _anew(current))
            return text
        value = value_then(current, value_sent(place.step.exchange, place.location), self._variables)
        return text if value is UNSET else self._plain(value, place, name)

    def _referring(self, text: str, name: str, place: _Place) -> Any:
        """A template that refers to an answer: what gives that in a step, else the reference, else what was sent."""
        sent = value_sent(place.step.exchange, place.location)
        found = self._found(sent, place, name) if isinstance(sent, str) else None
        self._sent |= {sent} if isinstance(sent, str) else set()
        if found and not found.echo:
            return Expression(found.source)
        self._keep(template_names(text), place)
        return text if sent is UNSET or will_answer(name, place.step, self._earlier) else self._plain(sent, place)

    def _mixed(self, text: str, names: list[str], place: _Place) -> str:
        """Templates inside a longer text stay, and the session's variables among them are set before the call."""
        sent = value_sent(place.step.exchange, place.location)
        if isinstance(sent, str) and not still_means(text, sent, self._variables):
            return sent
        self._keep(names, place)
        return text

    def _plain(self, value: Any, place: _Place, variable: str = "") -> Any:
        """A value without templates: chained, a parameter, or itself. `variable` held it, where one did."""
        if not isinstance(value, str):
            return self._parameter(value, place, variable) if variable else value
        found = None if place.is_choice else self._found(value, place, variable)
        self._sent.add(value)
        if found and not found.echo:
            return Expression(found.source)
        self._typed.add(value)
        if variable or place.is_name:
            return self._parameter(value, place, variable)
        known = None if place.is_choice else self._parameters.holding(value)
        if known or found:
            return Expression(known or (found.source if found else ""))
        return value

    def _found(self, value: str, place: _Place, variable: str) -> Found | None:
        if template_names(value):
            return None
        wanted = Wanted(value, place.name, value in self._typed)
        found = find_source(wanted, self._earlier, self._parameters.holding)
        if found is None and variable and variable != place.name:
            found = find_source(replace(wanted, name=variable), self._earlier, self._parameters.holding)
        return found

    def _parameter(self, value: Any, place: _Place, variable: str) -> Expression:
        self._keep(template_names(value), place)
        wanted = variable or place.name
        about = sentence(place.field.description) if place.field else f"What {{{{{wanted}}}}} stands for."
        subject = place.step.name.partition("_")[2]
        return Expression(
            self._parameters.name_for(value, wanted, subject, about or f"{place.name} of {place.step.operation.id}.")
        )

    def _keep(self, names: Iterable[str], place: _Place) -> None:
        """See to it that the session variables of these names are set when the call is made."""
        for name in names:
            variable = next(iter(self._variables.all(name)), None)
            if variable is None or variable.scope != "session" or name in self._keeping:
                continue
            if isinstance(variable.value, Secret):
                self._keep_secret(name, variable.value)
            elif isinstance(variable.value, Reference):
                self._set_before(name, _anew(variable.value))
            else:
                self._keeping.add(name)
                unnamed = _Place(place.step, ("variables", name))
                self._set_before(name, self._plain(variable.value, unnamed, name).source)
                self._keeping.discard(name)

    def _keep_secret(self, name: str, secret: Secret) -> None:
        source = find_secret(secret, self._earlier, self._parameters.holding)
        if source:
            self._set_before(name, source)
        elif self._set.get(name) is None and not _lasting(self._variables, name):
            self.secrets[name] = secret

    def _set_before(self, name: str, source: str) -> None:
        if self._set.get(name) != source:
            self._set[name] = source
            self._before.append(f"api.variables[{literal(name)}] = {source}")


def _rows(step: Step, keep: Callable[[Iterable[str]], None]) -> tuple[Mapping[str, Any], ...]:
    """The rows of a bulk; none of any other step."""
    rows = own(step.exchanges) if step.kind == "bulk" else []
    return tuple({name: _cell(cell, keep) for name, cell in row.items()} for row in rows)


def _cell(value: Any, keep: Callable[[Iterable[str]], None]) -> Any:
    """A cell of a bulk: nothing in it is a template but the name of a secret, which the notebook looks up."""
    if isinstance(value, Mapping):
        return {name: _cell(inner, keep) for name, inner in value.items()}
    if isinstance(value, list):
        return [_cell(inner, keep) for inner in value]
    if not isinstance(value, str):
        return value
    keep(template_names(value))
    name = _alone(value)
    return Expression(f"api.variables[{literal(name)}]") if name else resolve(value, _Names(), lambda _: MASK)


def _lasting(variables: Variables, name: str) -> Variable | None:
    found = variables.all(name)
    return found[0] if found and found[0].scope != "session" else None


def _fills_itself(key: str, value: Any, field: Field | None, call: Call, variables: Variables) -> bool:
    """Whether the workbench fills this in by itself: a required parameter that a lasting variable is named like."""
    variable = _lasting(variables, key)
    asked = value == f"{{{{{key}}}}}" and field is not None and field.required
    return bool(asked and variable) and not is_special(call)


def _anew(reference: Reference) -> str:
    """The code that reads a value from outside again."""
    return f"anb.Reference({literal(reference.reference)})"


def is_special(call: Call) -> bool:
    """Whether a call has more to it than arguments: headers, a media type or a way to authenticate of its own."""
    return bool(call.headers or call.media_type or call.security is not None)


def _as_given(step: Step) -> Call:
    """The call as it was asked for: of a list without what reading page by page adds of itself."""
    call = step.call
    paging = paging_of(step.operation) if step.kind == "pages" else None
    if paging is None:
        return call
    for name in (paging.limit, "sorts"):
        bare = replace(call, parameters={k: v for k, v in call.parameters.items() if k != name})
        if name in call.parameters and first_call(paging, bare).parameters.get(name) == call.parameters[name]:
            call = bare
    return call


class _Names:
    """Stands for the variables where only the name of a template is asked for."""

    def value_of(self, name: str) -> Any:
        return (name,)

    def known(self) -> list[str]:
        return []


def _alone(text: str) -> str:
    """The name of a template that is all of a text; empty where there is more to the text."""
    found = resolve(text, _Names(), lambda secret: MASK)
    return str(found[0]) if isinstance(found, list) else ""


def sentence(text: str) -> str:
    """The first sentence of a description, on one line."""
    plain = " ".join(text.split())
    match = re.match(r".+?[.!?](?=\s+[A-Z`*\[]|\Z)", plain)
    return match[0] if match else plain
