"""The secrets that an environment refers to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

from .secret import Secret
from .settings import Environment


def references_of(environment: Environment) -> list[Secret]:
    """Every secret that an environment refers to, in whatever field, each once."""
    found = [secret for field in fields(environment) for secret in _secrets_in(getattr(environment, field.name))]
    return list(dict.fromkeys(found))


def _secrets_in(value: Any) -> Iterator[Secret]:
    if isinstance(value, Secret):
        yield value
    elif isinstance(value, str) and Secret.is_reference(value):
        yield Secret(value)
    elif isinstance(value, Mapping):
        yield from (secret for inner in value.values() for secret in _secrets_in(inner))
    elif isinstance(value, list | tuple):
        yield from (secret for inner in value for secret in _secrets_in(inner))
