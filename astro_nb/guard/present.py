"""The present state of a thing, told as the body of its update would tell it."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..call import UNSET
from ..environment import MASK
from .comparing import Entry, Hidden, Kind, Lost, Steps

_UNLESS = "leave-out-when "


def as_body(state: Any, note: Mapping[str, Any]) -> Any:
    """A thing's state by the overlay's `update` note: `from` is taken over, `keep` is hidden, `strip` goes.

    What the note says of places that are not there says nothing.
    """
    told = _copied(state)
    for new, old in _pairs(note.get("from")):
        _move(told, old.split("."), new.split("."))
    for path, how in _pairs(note.get("keep")):
        beside = how.removeprefix(_UNLESS) if how.startswith(_UNLESS) else ""
        for holder, name in _places(told, path.split(".")):
            if not beside or holder.get(beside) is True:
                value = holder[name]
                holder[name] = Hidden(UNSET if value in (None, "", MASK) else value)
        _hide_absent(told, path.split("."), beside)
    for path in _texts(note.get("strip")):
        for holder, name in list(_places(told, path.split("."))):
            del holder[name]
    return told


def lost_by(note: Mapping[str, Any] | None, method: str) -> Lost:
    """What it means for a value that the body leaves it out: by the overlay's note, else by the method."""
    if note is None:
        return lambda steps: _BY_METHOD.get(method, "unknown")
    whole, replaced = bool(note.get("whole")), set(_texts(note.get("replaces")))

    def lost(steps: Steps) -> Kind:
        if whole or ".".join(str(s) for s in steps if not isinstance(s, Entry | int)).partition(".")[0] in replaced:
            return "removed"
        return "kept" if len(steps) <= 1 else "unknown"

    return lost


_BY_METHOD: Mapping[str, Kind] = {"PUT": "removed", "PATCH": "kept", "DELETE": "removed"}
"""RFC 9110, section 9.3.4, and RFC 5789: PUT replaces, PATCH changes what it names. POST may do either."""


def _copied(state: Any) -> Any:
    """A copy that can be changed; `Secret` objects are shared."""
    return copy.copy(state) if not isinstance(state, Mapping | list) else _deep(state)


def _deep(state: Any) -> Any:
    made: Any = {} if isinstance(state, Mapping) else []
    left = [(state, made)]
    for source, target in left:  # grows while it is walked
        items = source.items() if isinstance(source, Mapping) else enumerate(source)
        for key, value in items:
            if isinstance(value, Mapping | list):
                inner: Any = {} if isinstance(value, Mapping) else []
                left.append((value, inner))
                value = inner
            target.append(value) if isinstance(target, list) else target.__setitem__(key, value)
    return made


def _places(data: Any, steps: list[str]) -> Iterator[tuple[dict[str, Any], str]]:
    """The objects that have what a path such as `queues[].podCpu` names, each with its last step."""
    for holder, name in _holders(data, steps):
        if name in holder:
            yield holder, name


def _holders(data: Any, steps: list[str]) -> Iterator[tuple[dict[str, Any], str]]:
    """The objects in which the last step of a path may stand."""
    if not isinstance(data, dict) or not steps:
        return
    name, each, _ = steps[0].partition("[]")
    if len(steps) == 1:
        yield data, name
        return
    inner = data.get(name)
    for item in inner if each and isinstance(inner, list) else [inner]:
        yield from _holders(item, steps[1:])


def _hide_absent(data: Any, steps: list[str], beside: str) -> None:
    """A secret that the answer does not even name is there all the same, where the flag beside it says so."""
    if beside:
        for holder, name in _holders(data, steps):
            if holder.get(beside) is True:
                holder.setdefault(name, Hidden())


def _move(data: Any, old: list[str], new: list[str]) -> None:
    """Take a value over to another name, below the steps that both paths share."""
    if not isinstance(data, dict):
        return
    if old[0] == new[0] and len(old) > 1 and len(new) > 1:
        name, each, _ = old[0].partition("[]")
        inner = data.get(name)
        for item in inner if each and isinstance(inner, list) else [inner]:
            _move(item, old[1:], new[1:])
        return
    found = next((holder[name] for holder, name in _places(data, old)), UNSET)
    if found is not UNSET:
        _put(data, new, found)


def _put(data: dict[str, Any], steps: list[str], value: Any) -> None:
    *above, last = steps
    for step in above:
        inner = data.setdefault(step, {})
        if not isinstance(inner, dict):
            return
        data = inner
    data.setdefault(last, value)


def _pairs(given: Any) -> list[tuple[str, str]]:
    return [(str(k), str(v)) for k, v in given.items()] if isinstance(given, Mapping) else []


def _texts(given: Any) -> Iterable[str]:
    return [str(item) for item in given] if isinstance(given, list) else []
