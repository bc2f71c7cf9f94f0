"""Credentials in their places, by a table of schemes."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from ..environment import Values
from ..errors import UsageError
from ..spec import Operation, SecurityScheme
from .styles import Pairs
from .texts import bytes_of, is_unfit, quoted

Alternatives = tuple[tuple[SecurityScheme, ...], ...]

_BEARERS = ("bearer", "oauth2", "openIdConnect")
"""The kinds whose credential is sent as a bearer token: these, and no others, the credential `token` serves."""

_PREFIXES = dict.fromkeys(_BEARERS, "Bearer")


def alternatives_of(operation: Operation) -> Alternatives:
    """The alternatives that ask for a credential and can be met: declared schemes, and none beneath HTTP."""
    known = operation.spec.scheme_names
    able = ((need, all(s.name in known and s.kind != "mutualTLS" for s in need)) for need in operation.security)
    return tuple(need for need, is_able in able if need and is_able)


def authenticate(alternatives: Alternatives, values: Values, headers: Pairs, query: Pairs, cookies: Pairs) -> None:
    """Add the credentials of the first alternative that the environment has secrets for; none fits: add nothing."""
    held = values.environment.credentials
    for alternative in alternatives:
        if all(_is_held(held, scheme) for scheme in alternative):
            places = {"header": headers, "query": query, "cookie": cookies}
            for scheme in alternative:
                place, name, value = _credential(scheme, _value(scheme, values), values.mode)
                if place == "query":
                    name, value = quoted(name, scheme.name, "$"), quoted(value, scheme.name, "*")  # a mask stays one
                places[place].append((name, value))
            return


def _is_held(credentials: Mapping[str, Any], scheme: SecurityScheme) -> bool:
    return bool(credentials.get(scheme.name) or (scheme.kind in _BEARERS and credentials.get("token")))


def _value(scheme: SecurityScheme, values: Values) -> str:
    """The credential without the blanks that it was pasted with; a password is encoded, and sent with all it has."""
    given = values.credential(scheme.name) or ""
    value = given if scheme.kind == "basic" else given.strip()
    if value != given:
        values.used.add(value)
    if not value or (scheme.kind != "basic" and is_unfit(value)):
        raise UsageError(
            f"The credential for {scheme.name} is empty, or holds control characters: it cannot be sent.",
            "Copy it anew, without line breaks, to where the environment takes it from.",
        )
    return value


def _credential(scheme: SecurityScheme, value: str, mode: str) -> tuple[str, str, str]:
    if scheme.kind == "apiKey":
        return scheme.location or "header", scheme.parameter, value
    if scheme.kind == "basic" and mode == "revealed":
        value = base64.b64encode(bytes_of(value, scheme.name)).decode()
    return "header", "Authorization", f"{_PREFIXES.get(scheme.kind) or scheme.kind.capitalize()} {value}"
