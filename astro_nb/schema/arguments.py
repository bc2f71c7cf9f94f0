"""Python arguments in and out of a call: what a name means, and the signature that says so."""

from __future__ import annotations

import inspect
import re
from collections.abc import Container, Mapping
from dataclasses import replace
from keyword import iskeyword
from typing import Any, Literal

from ..call import UNSET, Call
from ..errors import MissingArgument, UnknownName, UsageError
from ..openapi import Operation
from .field import Field
from .operations import body_field, once, parameter_fields, parameters_by_name


def arrange(operation: Operation, arguments: Mapping[str, Any], body: Any = UNSET, known: Container[str] = ()) -> Call:
    """The call that keyword arguments mean: parameters first, then fields of an object body.

    A required parameter that is left out takes the variable of its name, where one is among `known`. An argument that
    is UNSET is left out on purpose, required or not.

    Raises:
        UnknownName: an argument is neither a parameter nor a field of the body.
        MissingArgument: a required parameter has neither argument nor variable.
    """
    fields = parameters_by_name(operation)
    inner: frozenset[str] = once(operation, "body names", lambda: frozenset(f.name for f in body_fields(operation)))
    parameters: dict[str, Any] = {}
    content: dict[str, Any] = {}
    for given, value in arguments.items():
        name = given if given in fields or given in inner else given.removesuffix("_")  # `from_` means `from`
        if name not in fields and name not in inner:
            todo = "" if fields or inner else "It takes no arguments."
            raise UnknownName(f"argument of {operation.id}", given, [*fields, *inner], todo=todo)
        (parameters if name in fields else content)[name] = value
    whole = _body(operation, body, {k: v for k, v in content.items() if v is not UNSET})
    parameters |= _from_variables(operation, fields, parameters, known)
    return Call(operation.id, {k: v for k, v in parameters.items() if v is not UNSET}, whole)


def body_fields(operation: Operation) -> tuple[Field, ...]:
    """The fields of an object body; of a union those of all branches, each name once."""
    body = body_field(operation)
    if body is None:
        return ()
    every = [{c.name: c for c in form.children if not c.read_only} for form in body.forms]
    if body.kind != "union":
        return tuple(every[0].values())
    names = dict.fromkeys(name for children in every for name in children)
    return tuple(_shared([children[name] for children in every if name in children], len(every)) for name in names)


def _shared(variants: list[Field], branches: int) -> Field:
    """One field for what several branches call by one name: all their choices, required only where all require it."""
    first, *rest = variants
    listed = [choice for variant in variants for choice in variant.choices]
    choices = [choice for index, choice in enumerate(listed) if choice not in listed[:index]]
    tag = bool(rest) and len(choices) == len(variants) and all(len(v.choices) == 1 for v in variants)
    required = not tag and len(variants) == branches and all(v.required for v in variants)
    return replace(first, required=required, schema={**first.schema, "enum": choices} if choices else first.schema)


def signature(operation: Operation) -> inspect.Signature:
    """A real signature: required parameters and fields first, all by keyword, enums as `Literal`."""
    unique: dict[str, Field] = {}
    for field in (*parameter_fields(operation), *body_fields(operation)):
        unique.setdefault(field.name, field)
    parameters = [_parameter(f) for f in sorted(unique.values(), key=lambda f: not f.required) if _is_name(f.name)]
    names = [p.name for p in parameters]
    if operation.body and "body" not in names:
        parameters.append(inspect.Parameter("body", inspect.Parameter.KEYWORD_ONLY, default=UNSET, annotation=Any))
    return inspect.Signature(parameters)


def snake(name: str) -> str:
    """The snake case of an operation's id: `ListDeployments` gives `list_deployments`."""
    words = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", name))
    plain = re.sub(r"\W+", "_", words).strip("_").lower()
    return f"op_{plain}" if not plain or plain[0].isdigit() else plain


def _body(operation: Operation, body: Any, content: dict[str, Any]) -> Any:
    if body is UNSET:
        needed = bool(operation.body and operation.body.required)
        return content if content or needed else UNSET
    if content and not isinstance(body, Mapping):
        raise UsageError("Fields can only be added to a body that is an object.", "Give body= alone.")
    return {**body, **content} if content else body


def _from_variables(
    operation: Operation, fields: Mapping[str, Field], given: Mapping[str, Any], known: Container[str]
) -> dict[str, str]:
    missing = [name for name, field in fields.items() if field.required and name not in given]
    lost = [name for name in missing if name not in known]
    if lost:
        raise MissingArgument(
            f"{operation.id} needs {' and '.join(lost)}.",
            f'Give it as an argument, or once for all: api.variables["{lost[0]}"] = …',
            missing=lost,
        )
    return {name: f"{{{{{name}}}}}" for name in missing}


_ANNOTATIONS: dict[str, Any] = {
    "text": str,
    "integer": int,
    "number": float,
    "boolean": bool,
    "array": list,
    "object": dict,
    "map": dict,
    "file": bytes,
}


def _annotation(field: Field) -> Any:
    if field.kind == "choice" and field.choices and all(isinstance(c, str | int) for c in field.choices):
        return Literal[field.choices]
    return _ANNOTATIONS.get(field.kind, Any)


def _parameter(field: Field) -> inspect.Parameter:
    default = inspect.Parameter.empty if field.required else UNSET
    return inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=_annotation(field))


def _is_name(name: str) -> bool:
    return name.isidentifier() and not iskeyword(name)
