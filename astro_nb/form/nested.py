"""Values at their places in nested data: read, put, taken out."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Mapping
from typing import Any

from ..call import UNSET
from ..errors import UsageError

Location = tuple[str | int, ...]
"""("parameters", key) or ("body", …): where a value stands in a form."""


def value_at(data: Any, location: Location) -> Any:
    """The value at a location; UNSET where there is none."""
    for step in location:
        if isinstance(data, Mapping) and step in data:
            data = data[str(step)]
        elif isinstance(data, list) and isinstance(step, int) and 0 <= step < len(data):
            data = data[step]
        else:
            return UNSET
    return data


def put(data: dict[str, Any], location: Location, value: Any) -> None:
    """Put a value at a location; objects and lists on the way are made where they are missing or of another shape.

    Raises:
        UsageError: an entry of a list was skipped; nothing has changed.
    """
    _require_rows(data, location)
    node: Any = data
    for step, following in itertools.pairwise(location):
        node = _opened(node, step, [] if isinstance(following, int) else {})
    _store(node, location[-1], value)


def take_out(holder: Any, step: str | int) -> None:
    """Take a value out of an object or a list, if it is there."""
    if isinstance(holder, dict):
        holder.pop(str(step), None)
    elif isinstance(holder, list) and isinstance(step, int) and 0 <= step < len(holder):
        del holder[step]


def as_held(data: Any, location: Location) -> Location:
    """A location with every step as the data has it: a name of digits in an object is a name, not a number."""
    held: list[str | int] = []
    for step in location:
        held.append(str(step) if isinstance(data, dict) else step)
        data = value_at(data, (held[-1],))
    return tuple(held)


def copied(value: Any) -> Any:
    """Plain data as a copy in which nothing is shared, not even what the original has twice."""
    if isinstance(value, dict):
        return {name: copied(inner) for name, inner in value.items()}
    return [copied(inner) for inner in value] if isinstance(value, list) else copy.copy(value)


def related(one: Location, other: Location) -> bool:
    """Whether two locations are the same, or one of them lies inside the other."""
    depth = min(len(one), len(other))
    return one[:depth] == other[:depth]


def _require_rows(data: Any, location: Location) -> None:
    for depth, step in enumerate(location):
        if isinstance(step, int):
            rows = value_at(data, location[:depth])
            length = len(rows) if isinstance(rows, list) else 0
            if not 0 <= step <= length:
                where = ".".join(map(str, location[:depth]))
                raise UsageError(f"{where} has {length} entries: there is no place {step}.", "Add entries in order.")


def _opened(node: Any, step: str | int, empty: Any) -> Any:
    """The child at a step, made where it is missing or of another shape."""
    child = value_at(node, (step,))
    if not isinstance(child, type(empty)):
        _store(node, step, empty)
        return empty
    return child


def _store(node: Any, step: str | int, value: Any) -> None:
    if isinstance(node, list) and step == len(node):
        node.append(value)
    else:
        node[step] = value
