"""Each value of a recorded call as notebook source: an expression, a parameter, a template, or a literal."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
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
from .sources import (
    SoughtValue,
    Source,
    StepResponses,
    can_resolve_reference,
    find_secret,
    find_source,
    provenance_when_sent,
    resolves_to,
    value_sent,
    value_when_sent,
)
from .steps import RESERVED, Step, own_values, unique_name

WIDTH = 100
"""The longest line in columns, as in snippets."""

_INDENT = 4


@dataclass(frozen=True)
class Expression:
    """Source that is written as it is, without quotes: the notebook computes the value."""

    source: str


def render(value: Any, indent: int = 0, before: int = 0, width: int = WIDTH) -> str:
    """Return a value as Python source: on one line if it fits, else one item per line.

    Args:
        value: plain data, with expressions anywhere but in keys.
        indent: the indentation of the first line, in columns.
        before: the columns of the first line that are already used.
        width: the longest line, in columns.
    """
    line = _inline(value)
    if not isinstance(value, Mapping | list | tuple) or not value or indent + before + len(line) < width:
        return line
    inner = indent + _INDENT
    opened, closed = "{}" if isinstance(value, Mapping) else "[]"
    entries = [f"{' ' * inner}{head}{render(v, inner, len(head), width)}," for head, v in _members(value)]
    return "\n".join([opened, *entries, " " * indent + closed])


def render_call(head: str, first: str, arguments: Iterable[tuple[str, Any]] = (), width: int = WIDTH) -> str:
    """Return the source of a function call: `head(first, name=value, …)`.

    Args:
        head: the function, with the assignment before it.
        first: the first argument as source.
        arguments: the other arguments, each as its prefix ("name=", "**") and value.
        width: the longest line, in columns.
    """
    given = list(arguments)
    line = f"{head}({', '.join([first, *(prefix + _inline(value) for prefix, value in given)])})"
    if "\n" not in line and (len(line) <= width or not given):
        return line
    rows = [first, *(prefix + render(value, _INDENT, len(prefix), width) for prefix, value in given)]
    rows[0] = first.replace("\n", "\n" + " " * _INDENT)
    end = "," if given else ""
    return "\n".join([f"{head}(", *(f"{' ' * _INDENT}{row}{end}" for row in rows), ")"])


def _inline(value: Any) -> str:
    if isinstance(value, Expression):
        return value.source
    if isinstance(value, Mapping):
        return "{" + ", ".join(head + _inline(inner) for head, inner in _members(value)) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_inline, value)) + "]"
    return literal(value)


def _members(value: Mapping[Any, Any] | list[Any] | tuple[Any, ...]) -> list[tuple[str, Any]]:
    if isinstance(value, Mapping):
        return [(f"{literal(key)}: ", inner) for key, inner in value.items()]
    return [("", inner) for inner in value]


_MIN_PARAMETER_LENGTH = 3  # characters; shorter texts match by chance


@dataclass(frozen=True)
class Parameter:
    """One parameter: its name in the notebook, the recorded value, and a comment."""

    name: str
    value: Any
    comment: str


class Parameters:
    """The parameters of a runbook; equal texts share one parameter."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = {*RESERVED, *taken}
        self._found: dict[tuple[str, str], Parameter] = {}

    def __iter__(self) -> Iterator[Parameter]:
        return iter(self._found.values())

    def __len__(self) -> int:
        return len(self._found)

    def name_for(self, value: Any, wanted: str, subject: str = "", comment: str = "") -> str:
        """Return the name of the parameter for a value; create the parameter if there is none.

        Args:
            value: plain data.
            wanted: the preferred name.
            subject: a prefix to use if the name is taken: `name`, then `workspace_name`.
            comment: the description for the reader of the notebook.
        """
        key = _parameter_key(value, wanted)
        if key not in self._found:
            plain = _to_identifier(wanted)
            free = plain if plain not in self._taken or not subject else f"{_to_identifier(subject)}_{plain}"
            self._found[key] = Parameter(unique_name(free, self._taken), value, comment)
        return self._found[key].name

    def holding(self, text: str) -> str | None:
        """Return the name of the parameter with exactly this text, or None."""
        found = self._found.get(_parameter_key(text, "")) if len(text) >= _MIN_PARAMETER_LENGTH else None
        return found.name if found else None


def _parameter_key(value: Any, wanted: str) -> tuple[str, str]:
    """A text is identified by its value alone; a number also by its name, since a 5 can mean anything."""
    return (literal(value), "" if isinstance(value, str) and len(value) >= _MIN_PARAMETER_LENGTH else wanted)


def _to_identifier(name: str) -> str:
    plain = re.sub(r"\W+", "_", name).strip("_") or "value"
    return f"_{plain}" if plain[0].isdigit() else plain


_SHORT = 1000
"""Bytes of a text file that are written into the notebook itself; a larger one is read from a path."""


def file_source(value: bytes | Upload, field: str, step: Step, parameters: Parameters) -> Expression:
    """Return the source for a file: the text itself if it is short, else a read of the path in a parameter.

    Args:
        value: the file.
        field: the name of its field; empty if it is the whole body.
        step: the step that sends it.
        parameters: gets a parameter for the path.
    """
    upload = value if isinstance(value, Upload) else Upload("", value)
    name = upload.name or field or "file"
    content = _short_text(upload)
    if content is None:
        wanted = f"{field}_file" if field and not field.endswith("file") else field or "file"
        about = f"Path of the file that {step.operation.id} sends."
        content = f"Path({parameters.name_for(name, wanted, step.name.partition('_')[2], about)}).read_bytes()"
    if not isinstance(value, Upload):
        return Expression(content)
    arguments = [literal(name), content, *([literal(upload.media_type)] if upload.media_type else [])]
    return Expression(f"anb.Upload({', '.join(arguments)})")


def _short_text(upload: Upload) -> str | None:
    """The content of a file as source if it is a short text; None for anything else."""
    if isinstance(upload, OmittedUpload) or upload.size > _SHORT:
        return None
    try:
        text = upload.content.decode()
    except UnicodeDecodeError:
        return None
    return f"{literal(text)}.encode()" if all(c.isprintable() or c in "\r\n\t" for c in text) else None


_NAME = re.compile(r"name|.*Name")


@dataclass(frozen=True)
class ComposedCall:
    """The call of a step with expressions in place, and the lines that set variables before it.

    For a bulk, `rows` are the rows, and the call holds what they have in common.
    """

    call: Call
    before: tuple[str, ...] = ()
    rows: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True)
class _ValueContext:
    """The position of a value: its step, its location in the call, and the field that describes it."""

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

    def into(self, key: str | int, whole: Any) -> _ValueContext:
        field = self.field
        if field is not None and field.kind == "union":
            branch = field.branch_for(whole)
            field = branch.field if branch else None
        inner = (field.child(str(key)) or field.item) if field else None
        return _ValueContext(self.step, (*self.location, key), inner)


class ValueComposer:
    """Composes the values of steps in order; values from earlier responses become expressions.

    Attributes:
        secrets: the session secrets that the notebook has to set, by name.
    """

    def __init__(self, variables: Variables, parameters: Parameters) -> None:
        self._variables, self._parameters = variables, parameters
        self._earlier: list[StepResponses] = []
        self._typed_texts, self._sent_texts = set[str](), set[str]()
        self._set: dict[str, str] = {}
        self._before: list[str] = []
        self._in_progress: set[str] = set()
        self.secrets: dict[str, Secret] = {}

    def compose(self, step: Step) -> ComposedCall:
        """Compose the call of a step, after those of all earlier steps."""
        call, self._before, self._sent_texts = _requested_call(step), [], set()
        fields = {f.name: f for f in parameter_fields(step.operation)}
        parameters = {
            key: self._compose_value(value, _ValueContext(step, ("parameters", key), fields.get(key)))
            for key, value in call.parameters.items()
            if not _is_filled_by_default(key, value, fields.get(key), call, self._variables)
        }
        body = _ValueContext(step, ("body",), body_field(step.operation, call.media_type))
        whole = UNSET if call.body is UNSET else self._compose_value(call.body, body)
        headers = {
            key: self._compose_value(value, _ValueContext(step, ("headers", key)))
            for key, value in call.headers.items()
        }
        rows = _row_values(step, partial(self._set_variables, context=_ValueContext(step, ("rows",))))
        if step.kind != "bulk":  # a bulk has many responses: which one a later value came from is unknown
            self._earlier.append(StepResponses(step, frozenset(self._sent_texts)))
        return ComposedCall(
            replace(call, parameters=parameters, body=whole, headers=headers), tuple(self._before), rows
        )

    def _compose_value(self, value: Any, context: _ValueContext) -> Any:
        if isinstance(value, str):
            return self._compose_text(value, context)
        if isinstance(value, Mapping):
            self._set_variables(template_names([*value]), context)  # a key may hold a template
            return {key: self._compose_value(inner, context.into(key, value)) for key, inner in value.items()}
        if isinstance(value, list | tuple):
            return [self._compose_value(inner, context.into(index, value)) for index, inner in enumerate(value)]
        if isinstance(value, bytes | Upload):
            where = context.name if len(context.location) > 1 else ""
            return file_source(value, where, context.step, self._parameters)
        return value

    def _compose_text(self, text: str, context: _ValueContext) -> Any:
        if not (names := template_names(text)):
            return self._compose_literal(text, context)
        name = _single_template(text)
        return self._compose_template(text, name, context) if name else self._compose_mixed_text(text, names, context)

    def _compose_template(self, text: str, name: str, context: _ValueContext) -> Any:
        """Compose a text that is a single template."""
        lasting = _environment_variable(self._variables, name)
        if name.startswith("$") or lasting:
            self._sent_texts |= {lasting.value} if lasting and isinstance(lasting.value, str) else set()
            return text
        current = text if is_response_reference(name) else next((v.value for v in self._variables.all(name)), UNSET)
        referred = next(filter(is_response_reference, template_names(current)), "")
        if referred:
            return self._compose_reference(text, referred, context)
        if isinstance(current, Secret):
            self._set_secret(name, current)
            return text
        if isinstance(current, Reference):
            self._assign_before(name, _reference_source(current))
            return text
        value = value_when_sent(current, value_sent(context.step.exchange, context.location), self._variables)
        return text if value is UNSET else self._compose_literal(value, context, name)

    def _compose_reference(self, text: str, name: str, context: _ValueContext) -> Any:
        """Compose a reference to a response: an expression on a step, else the reference, else the value sent."""
        sent = value_sent(context.step.exchange, context.location)
        found = self._find_source(sent, context, name) if isinstance(sent, str) else None
        self._sent_texts |= {sent} if isinstance(sent, str) else set()
        if found and not found.is_echo:
            return Expression(found.source)
        self._set_variables(template_names(text), context)
        return (
            text
            if sent is UNSET or can_resolve_reference(name, context.step, self._earlier)
            else self._compose_literal(sent, context)
        )

    def _compose_mixed_text(self, text: str, names: list[str], context: _ValueContext) -> str:
        """Keep templates inside a longer text, and set the session variables they use before the call."""
        sent = value_sent(context.step.exchange, context.location)
        if isinstance(sent, str) and not resolves_to(text, sent, self._variables):
            return sent
        self._set_variables(names, context)
        return text

    def _compose_literal(self, value: Any, context: _ValueContext, variable: str = "") -> Any:
        """Compose a value without templates: an expression, a parameter, or a literal.

        `variable` is the name of the variable that contained it, if one did.
        """
        if not isinstance(value, str):
            return self._make_parameter(value, context, variable) if variable else value
        found = None if context.is_choice else self._find_source(value, context, variable)
        self._sent_texts.add(value)
        if found and not found.is_echo:
            return Expression(found.source)
        self._typed_texts.add(value)
        if variable or context.is_name:
            return self._make_parameter(value, context, variable)
        known = None if context.is_choice else self._parameters.holding(value)
        if known or found:
            return Expression(known or (found.source if found else ""))
        return value

    def _find_source(self, value: str, context: _ValueContext, variable: str) -> Source | None:
        if template_names(value):
            return None
        provenance = provenance_when_sent(variable, value, context.step.exchanges, self._variables)
        wanted = SoughtValue(value, context.name, value in self._typed_texts, provenance)
        found = find_source(wanted, self._earlier, self._parameters.holding)
        if found is None and variable and variable != context.name:
            found = find_source(replace(wanted, name=variable), self._earlier, self._parameters.holding)
        return found

    def _make_parameter(self, value: Any, context: _ValueContext, variable: str) -> Expression:
        self._set_variables(template_names(value), context)
        wanted = variable or context.name
        about = first_sentence(context.field.info.description) if context.field else f"The value of {{{{{wanted}}}}}."
        subject = context.step.name.partition("_")[2]
        return Expression(
            self._parameters.name_for(
                value, wanted, subject, about or f"{context.name} of {context.step.operation.id}."
            )
        )

    def _set_variables(self, names: Iterable[str], context: _ValueContext) -> None:
        """Set the session variables of these names before the call."""
        for name in names:
            variable = next(iter(self._variables.all(name)), None)
            if variable is None or variable.scope != "session" or name in self._in_progress:
                continue
            if isinstance(variable.value, Secret):
                self._set_secret(name, variable.value)
            elif isinstance(variable.value, Reference):
                self._assign_before(name, _reference_source(variable.value))
            else:
                self._in_progress.add(name)
                unnamed = _ValueContext(context.step, ("variables", name))
                self._assign_before(name, self._compose_literal(variable.value, unnamed, name).source)
                self._in_progress.discard(name)

    def _set_secret(self, name: str, secret: Secret) -> None:
        source = find_secret(secret, self._earlier, self._parameters.holding)
        if source:
            self._assign_before(name, source)
        elif self._set.get(name) is None and not _environment_variable(self._variables, name):
            self.secrets[name] = secret

    def _assign_before(self, name: str, source: str) -> None:
        if self._set.get(name) != source:
            self._set[name] = source
            self._before.append(f"api.variables[{literal(name)}] = {source}")


def _row_values(step: Step, set_variables: Callable[[Iterable[str]], None]) -> tuple[Mapping[str, Any], ...]:
    """The rows of a bulk; empty for any other step."""
    rows = own_values(step.exchanges) if step.kind == "bulk" else []
    return tuple({name: _row_value(cell, set_variables) for name, cell in row.items()} for row in rows)


def _row_value(value: Any, set_variables: Callable[[Iterable[str]], None]) -> Any:
    """A value of a bulk row. Only secrets are templates there; the notebook reads them from its variables."""
    if isinstance(value, Mapping):
        return {name: _row_value(inner, set_variables) for name, inner in value.items()}
    if isinstance(value, list):
        return [_row_value(inner, set_variables) for inner in value]
    if not isinstance(value, str):
        return value
    set_variables(template_names(value))
    name = _single_template(value)
    return Expression(f"api.variables[{literal(name)}]") if name else resolve(value, _NameLookup(), lambda _: MASK)


def _environment_variable(variables: Variables, name: str) -> Variable | None:
    found = variables.all(name)
    return found[0] if found and found[0].scope != "session" else None


def _is_filled_by_default(key: str, value: Any, field: Field | None, call: Call, variables: Variables) -> bool:
    """Whether the workbench fills in the value: a required parameter with the name of an environment variable."""
    variable = _environment_variable(variables, key)
    asked = value == f"{{{{{key}}}}}" and field is not None and field.required
    return bool(asked and variable) and not needs_call_object(call)


def _reference_source(reference: Reference) -> str:
    """The code that reads an external value again."""
    return f"anb.Reference({literal(reference.reference)})"


def needs_call_object(call: Call) -> bool:
    """Whether a call has headers, a media type or a security choice, which have no keyword argument."""
    return bool(call.headers or call.media_type or call.security is not None)


def _requested_call(step: Step) -> Call:
    """The call as it was requested: for a list without the parameters that pagination adds."""
    call = step.call
    paging = paging_of(step.operation) if step.kind == "pages" else None
    if paging is None:
        return call
    for name in (paging.limit, "sorts"):
        bare = replace(call, parameters={k: v for k, v in call.parameters.items() if k != name})
        if name in call.parameters and first_call(paging, bare).parameters.get(name) == call.parameters[name]:
            call = bare
    return call


class _NameLookup:
    """Resolves each template to its own name, as a tuple of one."""

    def value_of(self, name: str) -> Any:
        return (name,)

    def known(self) -> list[str]:
        return []


def _single_template(text: str) -> str:
    """The name of the template if a text is a single template; else empty."""
    found = resolve(text, _NameLookup(), lambda secret: MASK)
    return str(found[0]) if isinstance(found, list) else ""


def first_sentence(text: str) -> str:
    """The first sentence of a description, on one line."""
    plain = " ".join(text.split())
    match = re.match(r".+?[.!?](?=\s+[A-Z`*\[]|\Z)", plain)
    return match[0] if match else plain
