"""What each field of an environment's file has to be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ..errors import SettingsError, UnknownName
from .credentials import require_credential
from .outside import typed
from .secret import Secret
from .settings import Environment

FIELDS = tuple(field.name for field in fields(Environment))


def checked(data: dict[str, Any], path: Path) -> dict[str, Any]:
    """The fields of an environment, each of its kind.

    Raises:
        UnknownName: there is no such field.
        SettingsError: one is not of its kind; what stands there is not repeated.
    """
    unknown = sorted(str(name) for name in data if name not in FIELDS)
    if unknown:
        raise UnknownName(f"field of an environment ({path})", unknown[0], FIELDS)
    told = dict(data)
    if isinstance(told.get("hosts"), str | tuple):
        told["hosts"] = [told["hosts"]] if isinstance(told["hosts"], str) else list(told["hosts"])
    for name, rule in _RULES.items():
        if name in told and not rule.holds(told[name]):
            raise SettingsError(f"`{name}` in {path} is not what it has to be.", f"Write {rule.wanted}.")
    return {**told, "hosts": tuple(told["hosts"])} if "hosts" in told else told


_METHODS = ("GET", "HEAD", "OPTIONS", "TRACE", "POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True)
class _Rule:
    """What a field has to be: the test, and what to write, in words."""

    holds: Callable[[Any], bool]
    wanted: str


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_value(value: Any) -> bool:
    try:
        typed(value)
    except SettingsError:
        return False
    return True


def _is_credential(value: Any) -> bool:
    try:
        require_credential(value)
    except SettingsError:
        return False
    return not isinstance(value, str) or not value or Secret.is_reference(value)


def _is_server(value: Any) -> bool:
    try:
        parts = urlsplit(value) if isinstance(value, str) else urlsplit("")
    except ValueError:
        return False
    return value == "sandbox" or (parts.scheme in ("http", "https") and bool(parts.hostname))


def _is_above_zero(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0


def _names(holds: Callable[[Any], bool], *only: str) -> Callable[[Any], bool]:
    """The test for names and values: every name a text, one of `only` where some are given, and every value so."""
    return lambda value: (
        isinstance(value, dict)
        and all(isinstance(name, str) and name in (only or (name,)) and holds(inner) for name, inner in value.items())
    )


_RULES = {
    "spec": _Rule(_is_text, "a path, a URL or a bundled name, such as astro-v1"),
    "base_url": _Rule(_is_server, "the address of a server, such as https://api.example.com/v1, or sandbox"),
    "production": _Rule(lambda value: isinstance(value, bool), "true or false"),
    "color": _Rule(_is_text, "a CSS colour in quotes, such as '#5e35b1'"),
    "credentials": _Rule(
        _names(_is_credential),
        "schemes and secret references: {token: env:NAME, login: {username: me, password: env:NAME}}",
    ),
    "variables": _Rule(_names(_is_value), "names and values: {region: eu, zone: {from: env:ZONE, secret: false}}"),
    "headers": _Rule(_names(_is_text), "names and texts, numbers in quotes: {X-Team: data}"),
    "hosts": _Rule(lambda value: isinstance(value, list) and all(map(_is_text, value)), "a list: [files.example.com]"),
    "timeout": _Rule(_names(_is_above_zero, "connect", "read"), "seconds: {connect: 10, read: 60}"),
    "overlay": _Rule(_is_text, "a path, a URL or a bundled name"),
    "extends": _Rule(lambda value: isinstance(value, str) and bool(value), "the name of another environment"),
    "limits": _Rule(_names(_is_above_zero, *_METHODS), "requests per second by method: {GET: 25, POST: 10}"),
    "guard": _Rule(lambda value: isinstance(value, bool), "true or false"),
}
"""What a file may say, field by field; a new field is a new row."""
