"""Conditions on plain data, as a sandbox file states them.

A path is dotted; `[]` steps into every entry of a list: `roles[].entityId`. A condition maps paths to what must stand
there: a value, a list of values, null (nothing stands there), `{has: text}`, `{not: value}` or `{given: true}`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


def values_at(data: Any, path: str) -> list[Any]:
    """Everything that stands at a path; null counts as nothing."""
    found = [data]
    for step in path.split("."):
        name, every = step.removesuffix("[]"), step.endswith("[]")
        found = [entry[name] for entry in found if isinstance(entry, Mapping) and entry.get(name) is not None]
        if every:
            found = [item for entry in found if isinstance(entry, list) for item in entry]
    return found


def holds(conditions: Mapping[str, Any], data: Mapping[str, Any]) -> bool:
    """Whether every condition is met by the data."""
    return all(_met(wanted, values_at(data, path)) for path, wanted in conditions.items())


def _met(wanted: Any, found: list[Any]) -> bool:
    if wanted is None:
        return not found
    if isinstance(wanted, Mapping):
        return all(_TESTS[name](value, found) for name, value in wanted.items())
    if isinstance(wanted, list):
        return any(value in wanted for value in found)
    return wanted in found


_TESTS: dict[str, Callable[[Any, list[Any]], bool]] = {
    "has": lambda text, found: any(str(text).lower() in str(value).lower() for value in found),
    "not": lambda value, found: not _met(value, found),
    "given": lambda wanted, found: bool(found) == bool(wanted),
}
