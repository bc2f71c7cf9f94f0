"""Nested plain data (dicts, lists and scalars): reading, changing and walking it.

A `Location` names a place in nested data as the steps that lead there, such as `("deployments", 0, "id")`. A step into
a dict is a name, a step into a list is an index.

| to do what                                          | use                         |
|-----------------------------------------------------|-----------------------------|
| read the value at a location                        | `get_value`                 |
| set, or remove, the value at a location             | `put_value`, `remove_value` |
| build a copy with another value at a location       | `replace_value`             |
| visit every value, containers included              | `walk`                      |
| visit every scalar, up to a limit                   | `leaves`                    |
| find the objects that have a member of a name       | `index_objects`             |
| build a copy in which some values are replaced      | `replace_values`            |
| build a copy with other values at some locations    | `with_replacements`         |
| build a copy that shares nothing with the original  | `copy_data`                 |
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from .call import UNSET
from .errors import UsageError

Location = tuple[str | int, ...]
"""The steps that lead to a place in nested data."""

MAX_LEAVES = 2000
"""How many scalars `leaves` yields by default."""


def children(value: Any) -> list[tuple[str | int, Any]] | None:
    """Return the members of a dict or the items of a list, each with its step; None for a scalar."""
    if isinstance(value, dict):
        return list(value.items())
    if isinstance(value, list):
        return list(enumerate(value))
    return None


def get_value(data: Any, location: Location, default: Any = UNSET) -> Any:
    """Return the value at a location, or `default` if there is none."""
    for step in location:
        if isinstance(data, Mapping) and step in data:
            data = data[str(step)]
        elif isinstance(data, list) and isinstance(step, int) and 0 <= step < len(data):
            data = data[step]
        else:
            return default
    return data


def put_value(data: dict[str, Any], location: Location, value: Any) -> None:
    """Set the value at a location, in place.

    Dicts and lists on the way are created where they are missing or of another type.

    Raises:
        UsageError: The location skips an item of a list; nothing is changed.
    """
    _require_items(data, location)
    node: Any = data
    for step, following in itertools.pairwise(location):
        node = _child_container(node, step, [] if isinstance(following, int) else {})
    _store(node, location[-1], value)


def with_value(data: Any, location: Location, value: Any) -> Any:
    """Return a copy of an object with a value at a location. Only the objects on the way are copied.

    Missing objects on the way are created; `data` may be UNSET.

    Raises:
        UsageError: Something other than an object is on the way.
    """
    if data is UNSET:
        data = {}
    if not isinstance(data, Mapping):
        what = f"{location[0]!r} can only be added to an object."
        raise UsageError(what, "Give the object itself, or all of its fields.")
    first, *rest = location
    inner = with_value(data.get(first, UNSET), tuple(rest), value) if rest else value
    return {**data, first: inner}


def replace_value(data: Any, location: Location, value: Any) -> Any:
    """Return a copy of nested data with another value at an existing location; what is not on the way is not copied."""
    if not location:
        return value
    step: Any = location[0]
    copied = data.copy()
    copied[step] = replace_value(data[step], location[1:], value)
    return copied


def remove_value(container: Any, step: str | int) -> None:
    """Remove a member of a dict or an item of a list, in place, if it exists."""
    if isinstance(container, dict):
        container.pop(str(step), None)
    elif isinstance(container, list) and isinstance(step, int) and 0 <= step < len(container):
        del container[step]


def walk(data: Any, at: Location = ()) -> Iterator[tuple[Location, Any]]:
    """Yield every value in `data`, containers before their contents, as (location, value).

    The work depends on how much is read. The data must not be changed meanwhile.
    """
    stack: list[Iterator[tuple[Location, Any]]] = [iter([(at, data)])]
    while stack:
        for where, value in stack[-1]:
            yield where, value
            if isinstance(value, dict | list):
                stack.append(child_values(where, value))
                break
        else:
            stack.pop()


def child_values(where: Location, value: dict[Any, Any] | list[Any]) -> Iterator[tuple[Location, Any]]:
    """Yield the children of a value with their locations."""
    for step, child in value.items() if isinstance(value, dict) else enumerate(value):
        yield (*where, step), child


def leaves(data: Any, limit: int = MAX_LEAVES, at: Location = ()) -> Iterator[tuple[Location, Any]]:
    """Yield every scalar in `data` as (location, value), depth first, at most `limit` of them."""
    scalars = ((where, value) for where, value in walk(data, at) if not isinstance(value, (dict, list)))
    return itertools.islice(scalars, limit)


class FoundObject(NamedTuple):
    """An object in nested data: its number in document order, its location, and itself."""

    number: int
    location: Location
    value: Mapping[str, Any]


def index_objects(data: Any, most: int, depth: int) -> dict[str, list[FoundObject]]:
    """Return the objects in `data` by the names of their members, in document order.

    Args:
        data: nested plain data.
        most: how many objects are indexed, the first ones.
        depth: how many steps from the root of an object are followed into it.
    """
    index: dict[str, list[FoundObject]] = {}
    stack: list[Iterator[tuple[Location, Any]]] = [iter([((), data)])]
    numbers = iter(range(most))
    while stack:
        for where, value in stack[-1]:
            if isinstance(value, dict):
                number = next(numbers, None)
                if number is None:
                    return index
                found = FoundObject(number, where, value)
                for name in value:
                    index.setdefault(name, []).append(found)
            if isinstance(value, list) or (isinstance(value, dict) and len(where) < depth):
                stack.append(child_values(where, value))
                break
        else:
            stack.pop()
    return index


def replace_values(data: Any, change: Callable[[Any], Any]) -> Any:
    """Return a copy of `data` in which `change` has replaced some values.

    `change` is called with each value, containers before their contents. It returns the replacement, or UNSET to keep
    the value and visit its contents.
    """
    changed = change(data)
    if changed is not UNSET:
        return changed
    if isinstance(data, dict):
        return {name: replace_values(value, change) for name, value in data.items()}
    return [replace_values(value, change) for value in data] if isinstance(data, list) else data


def with_replacements(value: Any, found: Mapping[Location, Any]) -> Any:
    """Return a copy with other values at some locations, which shares everything else with the original."""
    if () in found or not found:
        return found.get((), value)
    copies: dict[Location, Any] = {(): value.copy()}
    for location, new in found.items():
        for depth in range(1, len(location)):
            if location[:depth] not in copies:
                container, step = copies[location[: depth - 1]], location[depth - 1]
                copies[location[:depth]] = container[step] = container[step].copy()
        copies[location[:-1]][location[-1]] = new
    return copies[()]


def copy_data(data: Any) -> Any:
    """Return a deep copy, at any depth; a container that occurs twice is copied twice."""
    copied = _copy_one(data)
    pending = [(data, copied)]
    for source, target in pending:  # grows while it is walked
        for step, value in children(source) or ():
            inner = _copy_one(value)
            if isinstance(target, list):
                target.append(inner)
            else:
                target[step] = inner
            pending.append((value, inner))
    return copied


def _copy_one(value: Any) -> Any:
    """Return a copy of a scalar; for a container, an empty one. An open file has no copy: it is returned as it is."""
    if isinstance(value, dict | list):
        return {} if isinstance(value, dict) else []
    return value if hasattr(value, "read") else copy.copy(value)


def with_known_steps(data: Any, location: Location) -> Location:
    """Return a location with each step as `data` has it: in a dict, a step of digits is a str, not an index."""
    found: list[str | int] = []
    for step in location:
        found.append(str(step) if isinstance(data, dict) else step)
        data = get_value(data, (found[-1],))
    return tuple(found)


def locations_overlap(one: Location, other: Location) -> bool:
    """Whether two locations are equal, or one of them lies inside the other."""
    depth = min(len(one), len(other))
    return one[:depth] == other[:depth]


def _require_items(data: Any, location: Location) -> None:
    for depth, step in enumerate(location):
        if isinstance(step, int):
            items = get_value(data, location[:depth])
            length = len(items) if isinstance(items, list) else 0
            if not 0 <= step <= length:
                where, items_text = ".".join(map(str, location[:depth])), f"{length} item{'' if length == 1 else 's'}"
                raise UsageError(f"{where} has {items_text}: there is no item {step}.", "Add items in order.")


def _child_container(node: Any, step: str | int, empty: Any) -> Any:
    """Return the child at a step, created if it is missing or of another type."""
    child = get_value(node, (step,))
    if not isinstance(child, type(empty)):
        _store(node, step, empty)
        return empty
    return child


def _store(node: Any, step: str | int, value: Any) -> None:
    if isinstance(node, list) and step == len(node):
        node.append(value)
    else:
        node[step] = value
