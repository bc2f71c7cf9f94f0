"""Secrets of calls and sessions: extracted from a call before it is kept, and collected to be looked for."""

from __future__ import annotations

import contextlib
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..call import UNSET, Call
from ..data import leaves, replace_values
from ..environments import FOLDER, Environment, Variables, environment_names, environment_secrets, load_environment
from ..errors import AstroNbError
from ..exchange import Exchange
from ..messages import Request
from ..openapi import Operation
from ..plain import plain_value
from ..schema import body_field, extract_secrets, parameter_fields_by_name, read_files, whole_integers
from ..secrets import MASK, KnownSecrets, Secret, is_secret_header
from ..templates import LiteralText, template_names

_MOST_SCALARS = 1_000_000
"""Scalars of one response in which secrets are looked for."""


def extract_secrets_from(operation: Operation, call: Call, variables: Variables) -> Call:
    """Return the call as plain data without literal secrets: each becomes a session variable, its template stays.

    The result is marked, and a marked call is returned as it is: secrets are extracted once, however many steps a call
    takes before it is sent.
    """
    return call if call.is_extracted_for(operation) else _extract(operation, call, variables)


def add_headers(operation: Operation, call: Call, headers: Mapping[str, str]) -> Call:
    """Return an extracted call with further headers, none of which holds a secret."""
    return replace(call, headers={**call.headers, **headers}).mark_extracted(operation)


def _extract(operation: Operation, call: Call, variables: Variables) -> Call:

    def keep(secret: Secret) -> str:
        return "{{" + _variable_for(secret, operation, variables) + "}}"

    def header(name: str, value: Any) -> Any:
        is_literal = is_secret_header(name) and isinstance(value, str) and value and not template_names(value)
        return keep(Secret.in_memory(value, name)) if is_literal else extract_secrets(None, value, keep)

    fields = parameter_fields_by_name(operation)
    with contextlib.suppress(RecursionError):  # data that contain themselves: the next line refuses them
        call = read_files(call, body_field(operation, call.media_type))
    call = _to_plain_call(operation, call)
    parameters = {k: to_templates(extract_secrets(fields.get(k), v, keep)) for k, v in call.parameters.items()}
    field = body_field(operation, call.media_type)
    body = call.body if call.body is UNSET else to_templates(extract_secrets(field, call.body, keep))
    headers = {name: header(name, value) for name, value in call.headers.items()}
    return replace(call, parameters=parameters, body=body, headers=headers).mark_extracted(operation)


def _to_plain_call(operation: Operation, call: Call) -> Call:
    """Return a call whose values are plain data, so that what is sent can be stored. It shares nothing with the caller.

    Raises:
        UsageError: a value cannot be converted exactly; the message names its argument.
    """
    fields = parameter_fields_by_name(operation)
    field = body_field(operation, call.media_type)
    parameters = {
        key: whole_integers(fields.get(key), plain)
        for key, value in call.parameters.items()
        if (plain := plain_value(value, key)) is not UNSET
    }
    headers = {name: plain_value(value, name) for name, value in call.headers.items()}
    return replace(
        call, parameters=parameters, body=whole_integers(field, plain_value(call.body, "body")), headers=headers
    )


def to_templates(value: Any) -> Any:
    """Return nested data in which each `LiteralText` is the template that resolves to it: a call holds only these."""
    return replace_values(value, lambda inner: inner.template if isinstance(inner, LiteralText) else UNSET)


def mask_headers(request: Request) -> Request:
    """Return a request for display: every header that carries a credential is masked, whatever its value."""
    headers = tuple(
        (name, MASK if is_secret_header(name) and MASK not in value else value) for name, value in request.headers
    )
    return request if headers == request.headers else replace(request, headers=headers)


def _variable_for(secret: Secret, operation: Operation, variables: Variables) -> str:
    """Return the name of the variable that holds a secret; a new variable is named after the secret."""
    existing = next((v.name for v in variables.entries() if v.value == secret), None)
    if existing:
        return existing
    base = re.sub(r"\W+", "_", secret.reference.partition(":")[2]).strip("_")
    base = base if base and not base[0].isdigit() else f"secret_{base}".rstrip("_")
    numbered = (base if n == 1 else f"{base}{n}" for n in itertools.count(1))
    name = next(name for name in numbered if name not in variables)
    variables.set(name, secret, f"given to {operation.id}")
    return name


# --- the secrets to look for ------------------------------------------------------------------------------------------


def available_secrets(secrets: Iterable[Secret], folder: Path | None = None, keyring: bool = False) -> KnownSecrets:
    """Return the values of secrets as far as they are available without asking the user."""
    values: dict[str, str] = {}
    unknown: list[str] = []
    for secret in secrets:
        value = secret.value_if_available(folder, keyring)
        if value:
            values[_label(secret, value, values)] = value
        else:
            unknown.append(secret.reference)
    return KnownSecrets(values, tuple(dict.fromkeys(unknown)))


def environment_folder_secrets(folder: Path, keyring: bool = False) -> KnownSecrets:
    """Return the secrets of every environment: the built-in ones, and those under `environments/` in a folder."""
    secrets: list[Secret] = []
    malformed: list[str] = []
    for name in environment_names(folder / FOLDER):
        try:
            secrets += environment_secrets(load_environment(name, folder / FOLDER))
        except AstroNbError:  # it refers to no secret; the scan searches it like any file
            malformed.append(f"{FOLDER / name}.yaml")
    return available_secrets(secrets, folder, keyring) | KnownSecrets(unknown=tuple(malformed))


def session_secrets(variables: Variables, environment: Environment, exchanges: Iterable[Exchange] = ()) -> KnownSecrets:
    """Return the secrets of a session: its variables, its credentials, and those in its responses."""
    own = [*variables.secrets(), *environment_secrets(environment)]
    return available_secrets([*own, *(secret for exchange in exchanges for secret in response_secrets(exchange))])


def response_secrets(exchange: Exchange) -> Iterator[Secret]:
    """Yield the secret fields of a response."""
    if exchange.response and exchange.response.is_json:
        yield from (leaf for _, leaf in leaves(exchange["$"], _MOST_SCALARS) if isinstance(leaf, Secret))


def _label(secret: Secret, value: str, values: Mapping[str, str]) -> str:
    """Return the reference, with a number if another value has it already."""
    label, number = secret.reference, 2
    while values.get(label, value) != value:
        label, number = f"{secret.reference} ({number})", number + 1
    return label
