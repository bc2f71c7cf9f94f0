"""Secrets lifted out of a call before anyone keeps it."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace
from typing import Any

from .call import UNSET, Call
from .environment import MASK, Literal, Secret, Variables, names_in
from .exchange import SECRET_HEADERS
from .fields import body_field, lift, parameters_by_name
from .message import Request
from .spec import Operation


def lift_call(operation: Operation, call: Call, variables: Variables) -> Call:
    """The call without literal secrets: each becomes a session variable, and the call holds its template."""

    def keep(secret: Secret) -> str:
        return "{{" + _variable(secret, operation, variables) + "}}"

    def header(name: str, value: Any) -> Any:
        plain = name.lower() in SECRET_HEADERS and isinstance(value, str) and value and not names_in(value)
        return keep(Secret.held(value, name)) if plain else lift(None, value, keep)

    fields = parameters_by_name(operation)
    parameters = {k: written(lift(fields.get(k), v, keep)) for k, v in call.parameters.items()}
    described = body_field(operation, call.media_type)
    body = call.body if call.body is UNSET else written(lift(described, call.body, keep))
    headers = {name: header(name, value) for name, value in call.headers.items()}
    return replace(call, parameters=parameters, body=body, headers=headers)


def written(value: Any) -> Any:
    """A value as a call may be written down: a `Literal` becomes the template that stands for it, and stays literal."""
    if isinstance(value, Literal):
        return value.template
    if isinstance(value, dict):
        return {name: written(inner) for name, inner in value.items()}
    return [written(inner) for inner in value] if isinstance(value, list) else value


def starred(request: Request) -> Request:
    """A request for the eye: the headers that carry credentials are stars, whatever stood in them."""
    shown = tuple(
        (name, MASK if name.lower() in SECRET_HEADERS and MASK not in value else value)
        for name, value in request.headers
    )
    return request if shown == request.headers else replace(request, headers=shown)


def _variable(secret: Secret, operation: Operation, variables: Variables) -> str:
    """The name of the variable that holds a secret: the one that does, else a new one named after it."""
    same = next((v.name for v in variables.entries() if v.value == secret), None)
    if same:
        return same
    base = re.sub(r"\W+", "_", secret.reference.partition(":")[2]).strip("_")
    base = base if base and not base[0].isdigit() else f"secret_{base}".rstrip("_")
    numbered = (base if n == 1 else f"{base}{n}" for n in itertools.count(1))
    name = next(name for name in numbered if name not in variables)
    variables.set(name, secret, f"given to {operation.id}")
    return name
