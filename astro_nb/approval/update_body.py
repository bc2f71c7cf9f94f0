"""The current state of a resource, converted to a body of its update.

A response has more than the body of an update may hold: read-only fields, other names, secrets that it does not
return. What has to be converted is declared in the overlay's `x-astro-nb-update`; see specs/README.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..call import UNSET
from ..data import copy_data
from ..diff import DiffKind, Entry, OmissionRule, Steps, StoredValue
from ..openapi import UpdateExtension
from ..schema import Field, active_rules
from ..secrets import MASK

_MAX_DEPTH = 40  # levels of a state that are compared with the fields of the body
_OPEN_KINDS = ("map", "any")
_UNLESS = "leave-out-when "

_OMITTED_BY_METHOD: Mapping[str, DiffKind] = {"PUT": "removed", "PATCH": "unchanged", "DELETE": "removed"}
"""RFC 9110, section 9.3.4, and RFC 5789: PUT replaces, PATCH changes what it names. POST may do either."""


# --- what the document declares ---------------------------------------------------------------------------------------


def writable_part(field: Field | None, state: Any) -> Any:
    """Return the part of a state that a body may hold.

    Fields that the body does not declare are dropped, and so are read-only ones, null or empty values where these are
    not allowed, and what the rules of the overlay exclude. Of a union the branch that the state matches decides.
    Without a schema all of the state is returned.
    """
    return state if field is None else _writable(field, state, _MAX_DEPTH)


def drop_excluded_fields(field: Field | None, body: Any, given: Any) -> Any:
    """Return a body without the fields that the overlay's rules exclude, at every level; fields in `given` stay.

    Rules may exclude each other's fields, so they are evaluated again after each field that is dropped.
    """
    branch = _branch_of(field, body) if field else None
    if branch is None or not isinstance(body, Mapping):
        return body
    named = given if isinstance(given, Mapping) else {}
    left = {name: drop_excluded_fields(branch.member(name), value, named.get(name)) for name, value in body.items()}
    left = _without_excluded_by(branch, left, named)
    while excluded := [name for name in active_rules(branch, left).hidden if name in left and name not in named]:
        del left[excluded[0]]
    return left


def _without_excluded_by(branch: Field, body: dict[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return a body without the fields that the given ones exclude, even if those fields require each other."""
    named = {name: body[name] for name in given if name in body}
    out = [name for name in active_rules(branch, named).hidden if name in body and name not in given]
    rest = {name: value for name, value in body.items() if name not in out}
    excluded = [name for name in out if name in active_rules(branch, {**rest, name: body[name]}).hidden]
    return {name: value for name, value in body.items() if name not in excluded}


def _writable(field: Field, value: Any, depth: int) -> Any:
    branch = _branch_of(field, value)
    if branch is None or depth <= 0:
        return value
    if isinstance(value, list):
        pairs = ((branch.item_at(index), entry) for index, entry in enumerate(value))
        return [entry if item is None else _writable(item, entry, depth - 1) for item, entry in pairs]
    if not isinstance(value, Mapping) or branch.kind in _OPEN_KINDS or not (branch.children or branch.item):
        return value
    members = {name: (branch.member(name), inner) for name, inner in value.items()}
    writable = {
        name: _writable(member, inner, depth - 1)
        for name, (member, inner) in members.items()
        if member is not None and not member.info.read_only and _allows_emptiness_of(member, inner)
    }
    return drop_excluded_fields(branch, writable, {})


def _branch_of(field: Field, value: Any) -> Field | None:
    """Return the field, or the branch of a union that a value matches; None if no branch is known to match."""
    for _ in range(_MAX_DEPTH):
        if field.kind != "union":
            return field
        branch = field.branch_for(value)
        if branch is None:
            return None
        field = branch.field
    return None


def _allows_emptiness_of(field: Field, value: Any) -> bool:
    """Whether a field may be null, or empty, if the value is: servers return these where there is no value."""
    if value is None:
        return field.nullable or field.kind == "any"
    return not (isinstance(value, str) and value == "" and field.kind == "choice" and "" not in field.info.choices)


# --- what the overlay declares ----------------------------------------------------------------------------------------


def state_to_body(state: Any, update: UpdateExtension | None) -> Any:
    """Return a state with the overlay's `x-astro-nb-update` applied.

    `from` renames fields, `keep` marks values that the server keeps if they are left out, `over` and `strip` remove
    fields. Paths that do not exist in the state are ignored.
    """
    update = update or UpdateExtension()
    body = copy_data(state)
    for new, old in update.sources.items():
        _rename(body, old.split("."), new.split("."))
    for path, how in update.keep.items():
        _mark_stored(body, path.split("."), how.removeprefix(_UNLESS) if how.startswith(_UNLESS) else "")
    for path, flag in update.over.items():
        for parent, name in list(_existing_places(body, path.split("."))):
            if not _is_flag_set(body, parent[name], flag):
                del parent[name]
    for path in update.strip:
        for parent, name in list(_existing_places(body, path.split("."))):
            del parent[name]
    return body


def omission_rule(update: UpdateExtension | None, method: str) -> OmissionRule:
    """Return what happens to a value that a body leaves out: as the overlay declares it, else as the method does."""
    replaces_all = update is not None and update.whole
    replaced = set(update.replaces) if update else set[str]()

    def kind_of_omission(steps: Steps) -> DiffKind:
        names = [step for step in steps if not isinstance(step, Entry | int)]
        is_in_list = len(names) < len(steps)  # a list that is given replaces the whole list
        if replaces_all or is_in_list or (names and names[0] in replaced):
            return "removed"
        if update is None:
            return _OMITTED_BY_METHOD.get(method, "unknown")
        return "unchanged" if len(steps) <= 1 else "unknown"

    return kind_of_omission


def unprotected_secrets(body: Any, update: UpdateExtension | None) -> list[str]:
    """Return the paths of secrets that would stay if they are left out, but are no longer flagged as secret."""
    keep = update.keep if update else {}
    flagged = [(path, how.removeprefix(_UNLESS)) for path, how in keep.items() if how.startswith(_UNLESS)]
    return [
        path
        for path, flag in flagged
        for parent, name in _places(body, path.split("."))
        if isinstance(parent.get(name), StoredValue) and not flag.startswith("/") and parent.get(flag, True) is not True
    ]


def without_stored_values(body: Any) -> Any:
    """Return a body without the values that the server keeps if they are left out: what is sent."""
    if isinstance(body, Mapping):
        return {name: without_stored_values(v) for name, v in body.items() if not isinstance(v, StoredValue)}
    if isinstance(body, list):
        return [without_stored_values(entry) for entry in body if not isinstance(entry, StoredValue)]
    return body


# --- paths such as `queues[].podCpu` ----------------------------------------------------------------------------------


def _existing_places(data: Any, steps: list[str]) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield the objects that have the field named by a path, each with the name of the field."""
    for parent, name in _places(data, steps):
        if name in parent:
            yield parent, name


def _places(data: Any, steps: list[str]) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield the objects that may have the field named by a path, each with the name of the field."""
    if not isinstance(data, dict) or not steps:
        return
    name, each, _ = steps[0].partition("[]")
    if len(steps) == 1:
        yield data, name
        return
    inner = data.get(name)
    for item in inner if each and isinstance(inner, list) else [inner]:
        yield from _places(item, steps[1:])


def _mark_stored(data: Any, steps: list[str], flag: str) -> None:
    """Mark the values at a path as stored by the server, where their flag is set; also those it does not return.

    The flag is a field of the same object, or, if it begins with a slash, a path from the root.
    """
    for parent, name in _places(data, steps):
        if (not flag and name in parent) or (flag and _is_flag_set(data, parent, flag)):
            value = parent.get(name)
            parent[name] = StoredValue(UNSET if value in (None, "", MASK) else value)


def _is_flag_set(root: Any, parent: Mapping[str, Any], flag: str) -> bool:
    steps = flag.removeprefix("/").split(".")
    start = root if flag.startswith("/") else parent
    return any(inner.get(name) is True for inner, name in _existing_places(start, steps))


def _rename(data: Any, old: list[str], new: list[str]) -> None:
    """Copy a value to another name, below the steps that both paths share."""
    if not isinstance(data, dict):
        return
    if old[0] == new[0] and len(old) > 1 and len(new) > 1:
        name, each, _ = old[0].partition("[]")
        inner = data.get(name)
        for item in inner if each and isinstance(inner, list) else [inner]:
            _rename(item, old[1:], new[1:])
        return
    value = next((parent[name] for parent, name in _existing_places(data, old)), UNSET)
    if value is not UNSET:
        _set_if_missing(data, new, value)


def _set_if_missing(data: dict[str, Any], steps: list[str], value: Any) -> None:
    *parents, last = steps
    for step in parents:
        inner = data.setdefault(step, {})
        if not isinstance(inner, dict):
            return
        data = inner
    data.setdefault(last, value)
