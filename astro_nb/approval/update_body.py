"""What of a value a body can hold: the rest is the server's own.

The present state of a thing, told as the body of its update would tell it.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from ..call import UNSET
from ..openapi import UpdateExtension
from ..schema import Field, active_rules
from ..secrets import MASK
from .diff import Entry, Hidden, Kind, Lost, Steps

_DEEPEST = 40
_OPEN = ("map", "any")


def held_by(field: Field | None, value: Any) -> Any:
    """The part of a state that a body can hold: by its fields, of a union by those of the branch that it names.

    What the body does not know, what only answers have, what is null or empty where it cannot be, and what the rules of
    the overlay rule out, goes. Where the document says nothing, all of it stays.
    """
    return value if field is None else _held(field, value, _DEEPEST)


def ruled(field: Field | None, value: Any, given: Any) -> Any:
    """A body without the fields that the rules of the overlay rule out, all the way down; what was `given` stays.

    Rules may rule each other's fields out: they are asked anew after each one that goes.
    """
    form = _form(field, value) if field else None
    if form is None or not isinstance(value, Mapping):
        return value
    kept = given if isinstance(given, Mapping) else {}
    left = {name: ruled(form.member(name), inner, kept.get(name)) for name, inner in value.items()}
    left = _without_excluded(form, left, kept)
    while gone := [name for name in active_rules(form, left).hidden if name in left and name not in kept]:
        del left[gone[0]]
    return left


def _without_excluded(form: Field, body: dict[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """A body without the fields that what was given excludes, though they may require each other."""
    named = {name: body[name] for name in given if name in body}
    out = [name for name in active_rules(form, named).hidden if name in body and name not in given]
    rest = {name: value for name, value in body.items() if name not in out}
    gone = [name for name in out if name in active_rules(form, {**rest, name: body[name]}).hidden]
    return {name: value for name, value in body.items() if name not in gone}


def _held(field: Field, value: Any, depth: int) -> Any:
    form = _form(field, value)
    if form is None or depth <= 0:
        return value
    if isinstance(value, list):
        pairs = ((form.item_at(index), entry) for index, entry in enumerate(value))
        return [entry if item is None else _held(item, entry, depth - 1) for item, entry in pairs]
    if not isinstance(value, Mapping) or form.kind in _OPEN or not (form.children or form.item):
        return value
    members = {name: (form.member(name), inner) for name, inner in value.items()}
    kept = {
        name: _held(member, inner, depth - 1)
        for name, (member, inner) in members.items()
        if member is not None and not member.info.read_only and _can_be(member, inner)
    }
    return ruled(form, kept, {})


def _form(field: Field, value: Any) -> Field | None:
    """The field itself, or the branch of a union that a value belongs to; None where that is not known."""
    for _ in range(_DEEPEST):
        if field.kind != "union":
            return field
        branch = field.branch_for(value)
        if branch is None:
            return None
        field = branch.field
    return None


def _can_be(field: Field, value: Any) -> bool:
    """Whether a field can be null, or empty, where the value is: servers answer so where there is nothing."""
    if value is None:
        return field.nullable or field.kind == "any"
    return not (isinstance(value, str) and value == "" and field.kind == "choice" and "" not in field.info.choices)


_UNLESS = "leave-out-when "


def as_body(state: Any, update: UpdateExtension | None) -> Any:
    """Return a resource's state as the body of its update would hold it, by the overlay's `x-astro-nb-update`.

    `from` is taken over, `keep` is hidden, `over` and `strip` are removed. Places that are not there are passed over.
    """
    update = update or UpdateExtension()
    told = _copied(state)
    for new, old in update.sources.items():
        _move(told, old.split("."), new.split("."))
    for path, how in update.keep.items():
        _hide(told, path.split("."), how.removeprefix(_UNLESS) if how.startswith(_UNLESS) else "")
    for path, flag in update.over.items():
        for holder, name in list(_places(told, path.split("."))):
            if not _is_set(told, holder[name], flag):
                del holder[name]
    for path in update.strip:
        for holder, name in list(_places(told, path.split("."))):
            del holder[name]
    return told


def lost_by(update: UpdateExtension | None, method: str) -> Lost:
    """What it means for a value that the body leaves it out: by the overlay, else by the method."""
    whole = update is not None and update.whole
    replaced = set(update.replaces) if update else set[str]()

    def lost(steps: Steps) -> Kind:
        names = [step for step in steps if not isinstance(step, Entry | int)]
        if whole or len(names) < len(steps) or (names and names[0] in replaced):  # a list that is given is given whole
            return "removed"
        if update is None:
            return _BY_METHOD.get(method, "unknown")
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


def _hide(data: Any, steps: list[str], flag: str) -> None:
    """Hide a secret where its flag is set; it is there then even if the answer does not name it.

    The flag stands beside it, or, with a slash before it, below the root.
    """
    for holder, name in _holders(data, steps):
        if (not flag and name in holder) or (flag and _is_set(data, holder, flag)):
            value = holder.get(name)
            holder[name] = Hidden(UNSET if value in (None, "", MASK) else value)


def _is_set(data: Any, holder: Mapping[str, Any], flag: str) -> bool:
    at = flag.removeprefix("/").split(".")
    return any(inner.get(name) is True for inner, name in _holders(data if flag.startswith("/") else holder, at))


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


def uncovered(body: Any, update: UpdateExtension | None) -> list[str]:
    """The secrets of a body that would be kept by leaving them out, and whose flag says now that they are none."""
    keep = update.keep if update else {}
    flagged = [(path, how.removeprefix(_UNLESS)) for path, how in keep.items() if how.startswith(_UNLESS)]
    return [
        path
        for path, flag in flagged
        for holder, name in _holders(body, path.split("."))
        if isinstance(holder.get(name), Hidden) and not flag.startswith("/") and holder.get(flag, True) is not True
    ]


def sendable(body: Any) -> Any:
    """A body without what stays by being left out."""
    if isinstance(body, Mapping):
        return {name: sendable(value) for name, value in body.items() if not isinstance(value, Hidden)}
    return [sendable(entry) for entry in body if not isinstance(entry, Hidden)] if isinstance(body, list) else body
