"""Secrets lifted out of a call before anyone keeps it.

Which secrets are known here: those of environments and those of a session, without asking anybody.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..call import UNSET, Call
from ..data import leaves
from ..environments import FOLDER, Environment, Variables, environment_names, environment_secrets, load_environment
from ..errors import AstroNbError
from ..exchange import Exchange
from ..messages import Request
from ..openapi import Operation
from ..schema import body_field, extract_secrets, parameter_fields_by_name
from ..secrets import MASK, Secret, is_secret_header
from ..secrets.findings import KnownSecrets
from ..templates import LiteralText, template_names


def extract_secrets_from(operation: Operation, call: Call, variables: Variables) -> Call:
    """The call without literal secrets: each becomes a session variable, and the call holds its template."""

    def keep(secret: Secret) -> str:
        return "{{" + _variable(secret, operation, variables) + "}}"

    def header(name: str, value: Any) -> Any:
        plain = is_secret_header(name) and isinstance(value, str) and value and not template_names(value)
        return keep(Secret.in_memory(value, name)) if plain else extract_secrets(None, value, keep)

    fields = parameter_fields_by_name(operation)
    parameters = {k: to_templates(extract_secrets(fields.get(k), v, keep)) for k, v in call.parameters.items()}
    described = body_field(operation, call.media_type)
    body = call.body if call.body is UNSET else to_templates(extract_secrets(described, call.body, keep))
    headers = {name: header(name, value) for name, value in call.headers.items()}
    return replace(call, parameters=parameters, body=body, headers=headers)


def to_templates(value: Any) -> Any:
    """A value as a call may be written down: a `Literal` becomes the template that stands for it, and stays literal."""
    if isinstance(value, LiteralText):
        return value.template
    if isinstance(value, dict):
        return {name: to_templates(inner) for name, inner in value.items()}
    return [to_templates(inner) for inner in value] if isinstance(value, list) else value


def mask_headers(request: Request) -> Request:
    """A request for the eye: the headers that carry credentials are stars, whatever stood in them."""
    shown = tuple(
        (name, MASK if is_secret_header(name) and MASK not in value else value) for name, value in request.headers
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


_MOST_LEAVES = 1_000_000


def available_secrets(secrets: Iterable[Secret], folder: Path | None = None, keyring: bool = False) -> KnownSecrets:
    """The values of secrets where they are to be had without asking anybody; the references of the others."""
    values: dict[str, str] = {}
    unknown: list[str] = []
    for secret in secrets:
        value = secret.value_if_available(folder, keyring)
        if value:
            values[_name_for(secret, value, values)] = value
        else:
            unknown.append(secret.reference)
    return KnownSecrets(values, tuple(dict.fromkeys(unknown)))


def environment_folder_secrets(folder: Path, keyring: bool = False) -> KnownSecrets:
    """The secrets of every environment: the built-in ones, and those under `environments/` in a folder."""
    secrets: list[Secret] = []
    broken: list[str] = []
    for name in environment_names(folder / FOLDER):
        try:
            secrets += environment_secrets(load_environment(name, folder / FOLDER))
        except AstroNbError:  # what is no environment refers to nothing: it is told, and looked through like any file
            broken.append(f"{FOLDER / name}.yaml")
    return available_secrets(secrets, folder, keyring) | KnownSecrets(unknown=tuple(broken))


def session_secrets(
    variables: Variables, effective_environment: Environment, exchanges: Iterable[Exchange] = ()
) -> KnownSecrets:
    """The secrets of a session: its variables, its credentials, and those in its answers."""
    held = [v.value for name in variables for v in variables.all(name) if isinstance(v.value, Secret)]
    return available_secrets(
        [*held, *environment_secrets(effective_environment), *(s for e in exchanges for s in response_secrets(e))]
    )


def response_secrets(exchange: Exchange) -> Iterator[Secret]:
    """The secret fields of an answer."""
    if exchange.response and exchange.response.is_json:
        yield from (leaf for _, leaf in leaves(exchange["$"], _MOST_LEAVES) if isinstance(leaf, Secret))


def _name_for(secret: Secret, value: str, values: Mapping[str, str]) -> str:
    """The reference; with a number where another value has it already."""
    name, number = secret.reference, 2
    while values.get(name, value) != value:
        name, number = f"{secret.reference} ({number})", number + 1
    return name
