"""An operation as a Python function: name, signature, documentation, and a call from keyword arguments."""

from __future__ import annotations

import inspect
import itertools
import re
import textwrap
from collections.abc import Container, Mapping
from dataclasses import replace
from difflib import get_close_matches
from keyword import iskeyword
from typing import Any, Literal

from .. import html
from ..call import UNSET, Body, Call, Upload
from ..errors import MissingArgument, UnknownName, UsageError
from ..openapi import Operation, Spec
from ..plain import Placeholder, plain_value
from ..templates import template_names
from .field import Field
from .operations import body_field, memoize, parameter_fields, parameter_fields_by_name
from .validation import is_valid

_MAX_CHOICES = 8  # listed of a field's choices
_WIDTH = 88  # characters a line
_CLOSE = 0.75  # how similar a name is that is probably a misspelled one, from 0 to 1


def describe_operation(operation: Operation) -> str:
    """Return an operation's documentation as plain text: what it does, and each argument."""
    head = f"{operation.summary or operation.id}\n\n{operation.method} {operation.path_key}"
    parts = [head, textwrap.fill(operation.description, _WIDTH)]
    if operation.permissions:
        parts.append(f"Permission: {', '.join(operation.permissions)}")
    fields = [*parameter_fields(operation), *body_fields(operation)]
    if fields:
        parts.append("Arguments:\n" + "\n".join(map(_describe_argument, fields)))
    return "\n\n".join(part for part in parts if part)


def operation_html(operation: Operation) -> html.Markup:
    """Return an operation's documentation as static HTML."""
    fields = [*parameter_fields(operation), *body_fields(operation)]
    rows = [
        (html.code(f.name), describe_type(f), "required" if f.required else "", html.prose(f.info.description))
        for f in fields
    ]
    pill = html.method_pill(operation.method)
    return html.tag(
        "div",
        html.tag("div", pill, " ", html.tag("strong", operation.id), " ", html.code(operation.path_key)),
        html.tag("p", html.prose(operation.description or operation.summary)),
        html.table(["argument", "type", "required", "description"], rows) if rows else "",
    )


def describe_type(field: Field) -> str:
    """Return a field's type for people, with its choices."""
    if field.kind != "choice":
        return field.type_name
    choices = ", ".join(map(str, field.info.choices[:_MAX_CHOICES]))
    return choices + (" …" if len(field.info.choices) > _MAX_CHOICES else "")


def _describe_argument(field: Field) -> str:
    head = f"    {field.name} ({describe_type(field)}{', required' if field.required else ''})"
    text = textwrap.fill(field.info.description, _WIDTH, initial_indent=" " * 8, subsequent_indent=" " * 8)
    return f"{head}\n{text}" if text else head


def build_call(
    operation: Operation, arguments: Mapping[str, Any], body: Any = UNSET, known: Container[str] = ()
) -> Call:
    """Return the call for keyword arguments, which are parameters first, then fields of an object body.

    The argument `body` is what the operation declares under that name; if it declares nothing, the whole body. A `Body`
    is always the whole body. A name that the document does not declare, but allows in the body, is a field of the body.

    A required parameter that is left out becomes a template with the variable of its name. An argument that is UNSET
    is left out on purpose, even if it is required.

    Args:
        operation: the operation to call.
        arguments: values by name; a trailing underscore is ignored, so that `from_` means `from`.
        body: the whole body, plain or as a `Body`; fields among the arguments are added to it.
        known: the names of variables that can stand in for missing parameters.

    Raises:
        UnknownName: an argument is neither a parameter nor a field of the body.
        UsageError: the whole body is given twice, or a value does not match what the document says about other names.
        MissingArgument: a required parameter has neither an argument nor a variable.
    """
    fields = parameter_fields_by_name(operation)
    in_body = memoize(operation, "body names", lambda: frozenset(f.name for f in body_fields(operation)))
    arguments, body = take_body(operation, arguments, body)
    parameters: dict[str, Any] = {}
    content: dict[str, Any] = {}
    for argument, value in arguments.items():
        name = argument if argument in fields or argument in in_body else argument.removesuffix("_")
        if name not in fields and name not in in_body:
            name = _undeclared_name(operation, argument, value, [*fields, *in_body])
        (parameters if name in fields else content)[name] = value
    body = _merge_body(operation, body, {k: v for k, v in content.items() if v is not UNSET})
    parameters |= _variables_for_missing(operation, fields, parameters, known)
    return Call(operation.id, {k: v for k, v in parameters.items() if v is not UNSET}, body)


def whole_integers(field: Field | None, value: Any) -> Any:
    """Return plain data in which a float without a fraction is an integer where the field is one.

    A column of pandas with gaps has 5.0 for 5, and so has a value picked from it; many servers refuse that as an id.
    """
    if field is None or not _has_whole_float(value):
        return value
    if isinstance(value, dict):
        branch = field.branch_for(value) if field.kind == "union" else None
        chosen = branch.field if branch else field
        return {name: whole_integers(chosen.member(name), inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [whole_integers(field.item_at(index), inner) for index, inner in enumerate(value)]
    is_integer = field.kind == "integer" or any(type(c) is int and c == value for c in field.info.choices)
    return int(value) if is_integer else value


def _has_whole_float(value: Any) -> bool:
    """Whether a value is, or contains, a float without a fraction; most values do not."""
    if isinstance(value, dict):
        return any(map(_has_whole_float, value.values()))
    return any(map(_has_whole_float, value)) if isinstance(value, list) else type(value) is float and value.is_integer()


def declares_body(operation: Operation) -> bool:
    """Whether a parameter or a field of the body is called `body`: then `body=` means that."""
    return "body" in parameter_fields_by_name(operation) or any(f.name == "body" for f in body_fields(operation))


def take_body(operation: Operation, arguments: Mapping[str, Any], body: Any) -> tuple[dict[str, Any], Any]:
    """Return the arguments without the whole body, and the whole body; `arguments` and `body` are as for `build_call`.

    Raises:
        UsageError: the body is given twice, or something else is given as a `Body`.
    """
    named = arguments.get("body", UNSET)
    is_whole = isinstance(named, Body) or not declares_body(operation)
    rest = {name: value for name, value in arguments.items() if name != "body" or not is_whole}
    wrong = next((name for name, value in rest.items() if isinstance(value, Body)), None)
    if wrong is not None:
        raise UsageError(f"{wrong} is not a whole body.", f"Give it as it is, without Body: {wrong}=…")
    if is_whole and named is not UNSET:
        if body is not UNSET:
            raise UsageError("The body is given twice.", "Give it once.")
        body = named
    return rest, body.value if isinstance(body, Body) else body


def _undeclared_name(operation: Operation, argument: str, value: Any, known: list[str]) -> str:
    """Return the name of a field that the document does not declare, but allows in the body.

    Raises:
        UnknownName: as for `undeclared_fields`.
        UsageError: the value does not match what the document says about other names.
    """
    name = argument.removesuffix("_") if iskeyword(argument.removesuffix("_")) else argument
    allowed = undeclared_fields(operation, name, known)
    plain = plain_value(value, name) if value is not UNSET else UNSET
    is_open = plain is UNSET or template_names(plain) or isinstance(plain, Placeholder | Upload)
    if not is_open and not any(is_valid(member, plain) for member in allowed):
        raise UsageError(
            f"{operation.id} declares no argument {name}, and its value does not match what the document allows for "
            f"other names: {describe_type(allowed[0])}.",
            f"Correct it, or give the whole body: {_whole_body(operation)}.",
        )
    return name


def undeclared_fields(operation: Operation, name: str, known: list[str], kind: str = "argument") -> list[Field]:
    """Return the fields that a name without a declaration may have in the body: one of each alternative that allows it.

    Args:
        operation: the operation.
        name: the name.
        known: the names that are declared.
        kind: what to call a name in a message.

    Raises:
        UnknownName: none allows it, or it is probably a misspelled one of the known names.
    """
    allowed = _allowed_fields(operation, name)
    if not allowed or get_close_matches(name, known, 1, _CLOSE):
        todo = "" if known or allowed else "It takes no arguments."
        hint = f"To send it all the same, give it in the whole body: {_whole_body(operation)}." if allowed else ""
        raise UnknownName(f"{kind} of {operation.id}", name, known, todo=todo, hint=hint)
    return allowed


def _allowed_fields(operation: Operation, name: str) -> list[Field]:
    body = body_field(operation)
    members = (form.undeclared(name) for form in body.alternatives) if body is not None else ()
    return [member for member in members if member is not None]


def _whole_body(operation: Operation) -> str:
    return "anb.Body(…)" if declares_body(operation) else "body=…"


def body_fields(operation: Operation) -> tuple[Field, ...]:
    """Return the fields of an object body; for a union those of all branches, each name once."""
    body = body_field(operation)
    if body is None:
        return ()
    branches = [{c.name: _as_argument(c) for c in form.children if c.may_be_sent} for form in body.alternatives]
    if body.kind != "union":
        return tuple(branches[0].values())
    names = dict.fromkeys(name for children in branches for name in children)
    return tuple(_merge_variants([c[name] for c in branches if name in c], len(branches)) for name in names)


def _as_argument(field: Field) -> Field:
    return field if field.required == field.must_be_sent else replace(field, required=False)


def _merge_variants(variants: list[Field], branches: int) -> Field:
    """Return one field for a name that several branches have, with all choices; required if all branches require it."""
    first, *rest = variants
    listed = [choice for variant in variants for choice in variant.info.choices]
    choices = [choice for index, choice in enumerate(listed) if choice not in listed[:index]]
    is_tag = bool(rest) and len(choices) == len(variants) and all(len(v.info.choices) == 1 for v in variants)
    required = not is_tag and len(variants) == branches and all(v.required for v in variants)
    return replace(first, required=required, schema={**first.schema, "enum": choices} if choices else first.schema)


def signature(operation: Operation) -> inspect.Signature:
    """Return the signature of an operation: keyword-only, required arguments first, enums as `Literal`."""
    unique: dict[str, Field] = {}
    for field in (*parameter_fields(operation), *body_fields(operation)):
        unique.setdefault(field.name, field)
    parameters = [_parameter(f) for f in sorted(unique.values(), key=lambda f: not f.required) if _is_name(f.name)]
    names = [p.name for p in parameters]
    if operation.body and "body" not in names:
        parameters.append(inspect.Parameter("body", inspect.Parameter.KEYWORD_ONLY, default=UNSET, annotation=Any))
    if _allowed_fields(operation, "") and "others" not in names:
        parameters.append(inspect.Parameter("others", inspect.Parameter.VAR_KEYWORD, annotation=Any))
    return inspect.Signature(parameters)


def python_names(spec: Spec) -> dict[str, Operation]:
    """Return the operations of a document by unique Python names, in the document's order.

    An operation whose id is a Python name already keeps it; other ids become snake case, numbered if two are the same.
    """
    reserved = {operation.id for operation in spec if python_name(operation.id) == operation.id}
    named: dict[str, Operation] = {}
    for operation in spec:
        plain = python_name(operation.id)
        candidates = itertools.chain((plain,), (f"{plain}_{number}" for number in itertools.count(2)))
        free = (name for name in candidates if name not in named and (name not in reserved or name == operation.id))
        named[next(free)] = operation
    return named


def python_name(name: str) -> str:
    """Return a name in snake case that is valid as a Python attribute."""
    plain = snake_case(name)
    return f"{plain}_" if iskeyword(plain) else plain


def snake_case(name: str) -> str:
    """Return an operation id in snake case: `ListDeployments` becomes `list_deployments`."""
    words = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", name))
    plain = re.sub(r"\W+", "_", words).strip("_").lower()
    return f"op_{plain}" if not plain or plain[0].isdigit() else plain


def _merge_body(operation: Operation, body: Any, content: dict[str, Any]) -> Any:
    if body is UNSET:
        required = bool(operation.body and operation.body.required)
        return content if content or required else UNSET
    body = body if isinstance(body, Mapping) or not content else plain_value(body, "body")
    if content and not isinstance(body, Mapping):
        todo = f"Pass {_whole_body(operation)} alone."
        raise UsageError("Fields can only be added to a body that is an object.", todo)
    return {**body, **content} if content else body


def _variables_for_missing(
    operation: Operation, fields: Mapping[str, Field], arguments: Mapping[str, Any], known: Container[str]
) -> dict[str, str]:
    missing = [name for name, field in fields.items() if field.required and name not in arguments]
    unknown = [name for name in missing if name not in known]
    if unknown:
        raise MissingArgument(
            f"{operation.id} needs {' and '.join(unknown)}.",
            f'Pass it as an argument, or set it for all calls: api.variables["{unknown[0]}"] = …',
            missing=unknown,
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
    if field.kind == "choice" and field.info.choices and all(isinstance(c, str | int) for c in field.info.choices):
        return Literal[field.info.choices]
    return _ANNOTATIONS.get(field.kind, Any)


def _parameter(field: Field) -> inspect.Parameter:
    default = inspect.Parameter.empty if field.required else UNSET
    return inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=_annotation(field))


def _is_name(name: str) -> bool:
    return name.isidentifier() and not iskeyword(name)
