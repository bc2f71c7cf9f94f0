"""Credentials in their places, by a table of schemes."""

from __future__ import annotations

import base64
from urllib.parse import quote

from ..environment import Values
from ..spec import Operation, SecurityScheme
from .styles import Pairs


def authenticate(operation: Operation, values: Values, headers: Pairs, query: Pairs, cookies: Pairs) -> None:
    """Add the credentials of the first alternative that the environment has secrets for; none fits: add nothing."""
    places = {"header": headers, "query": query, "cookie": cookies}
    for alternative in operation.security:
        if all(values.environment.secret_for(scheme.name) for scheme in alternative):
            for scheme in alternative:
                place, name, value = _credential(scheme, values.credential(scheme.name) or "", values.mode)
                places[place].append((name, quote(value, safe="*") if place == "query" else value))
            return


def _credential(scheme: SecurityScheme, value: str, mode: str) -> tuple[str, str, str]:
    if scheme.kind == "apiKey":
        return scheme.location or "header", scheme.parameter, value
    if scheme.kind == "basic" and mode == "revealed":
        value = base64.b64encode(value.encode()).decode()
    return "header", "Authorization", f"{_PREFIX.get(scheme.kind, 'Bearer')} {value}"


_PREFIX = {"basic": "Basic", "digest": "Digest"}
