"""The differences between two values, field by field: what a change adds, changes, removes or leaves as it is.

`compare_values` returns one `DiffRow` per field. It is used to show what a request would change, what an update did
change, and whether somebody else changed a resource in the meantime. Nothing here draws or prints.

| kind      | before  | after   |
|-----------|---------|---------|
| added     | missing | present |
| changed   | present | another |
| removed   | present | missing |
| unchanged | present | equal, or left out of a body that keeps what it leaves out |
| unknown   | unknown | present, or left out with an undeclared effect |
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from .call import UNSET, Upload
from .jsonpath import to_path
from .plain import Placeholder
from .secrets import MASK, Secret

DiffKind = Literal["added", "changed", "removed", "unchanged", "unknown"]

DIFF_KINDS: tuple[DiffKind, ...] = ("removed", "changed", "added", "unknown", "unchanged")
"""Every kind of difference, the most important to the reader first."""

_MAX_DEPTH = 40  # levels that are compared field by field; anything deeper is compared as one value
_IDENTIFYING_FIELDS = ("id", "key", "name")


class Entry(NamedTuple):
    """A step to the item of a list that has this value in this field; `field` is empty if the item is the value."""

    field: str
    value: str | int


Steps = tuple[str | int | Entry, ...]
"""The location of a value, with the items of a list identified by a field where possible."""

OmissionRule = Callable[[Steps], DiffKind]
"""Returns what happens to a value that exists now and that the request leaves out."""


@dataclass(frozen=True)
class StoredValue(Placeholder):
    """A value that the server keeps unless another one is sent; UNSET if the server does not return it."""

    value: Any = UNSET


@dataclass(frozen=True)
class DiffRow:
    """The difference in one field. The values of a secret are masked.

    Attributes:
        steps: the location of the field.
        now, then: the value before and after; UNSET where there is none.
        kind: one of `DIFF_KINDS`.
        note: what the kind alone does not say.
    """

    steps: Steps
    now: Any
    then: Any
    kind: DiffKind
    note: str = ""

    @property
    def path(self) -> str:
        """The location as text: `environmentVariables[REGION].value`."""
        parts = [f"[{step.value}]" if isinstance(step, Entry) else to_path((step,))[1:] for step in self.steps]
        return "".join(parts).removeprefix(".") or "$"


def compare_values(now: Any, then: Any, omitted: OmissionRule = lambda steps: "removed") -> tuple[DiffRow, ...]:
    """Return the difference in each field of a value.

    Items of a list are matched by their value, id, key or name if these are unique in both lists, otherwise by
    position.

    Args:
        now, then: the value before and after, with secrets as `Secret`.
        omitted: what happens to a value that is missing in `then`.
    """
    return tuple(
        DiffRow(steps, *mask_both(before, after), kind, note)
        for steps, before, after, kind, note in _compare((), now, then, omitted)
    )


_Unmasked = tuple[Steps, Any, Any, DiffKind, str]


def _compare(steps: Steps, now: Any, then: Any, omitted: OmissionRule) -> Iterator[_Unmasked]:
    if isinstance(now, StoredValue):
        yield _compare_stored(steps, now.value, then)
    elif now is UNSET:
        yield (steps, now, then, "added", "")
    elif then is UNSET:
        yield (steps, now, then, omitted(steps), "")
    elif (steps or not isinstance(now, Mapping)) and is_equal(now, then):  # a root object always has a row per field
        yield (steps, now, then, "unchanged", "")
    elif len(steps) < _MAX_DEPTH and isinstance(now, Mapping) and isinstance(then, Mapping):
        for name in dict.fromkeys((*now, *then)):
            yield from _compare((*steps, name), now.get(name, UNSET), then.get(name, UNSET), omitted)
    elif len(steps) < _MAX_DEPTH and isinstance(now, list) and isinstance(then, list) and _are_comparable(now, then):
        before, after = _match_items(now, then)
        for step in dict.fromkeys((*before, *after)):
            yield from _compare((*steps, step), before.get(step, UNSET), after.get(step, UNSET), omitted)
    else:
        yield (steps, now, then, "changed", "")


def _compare_stored(steps: Steps, now: Any, then: Any) -> _Unmasked:
    """Compare a value that the server keeps unless another one is sent."""
    if then is UNSET:
        before = Secret.in_memory("") if now is UNSET else now
        return steps, before, then, "unchanged", "left out, so the server keeps it"
    if now is UNSET:
        return steps, Secret.in_memory(""), then, "unknown", "replaced; the server does not return the current value"
    return steps, now, then, "unchanged" if is_equal(now, then) else "changed", ""


def is_equal(one: Any, other: Any) -> bool:
    """Whether two values are the same JSON. Secrets are compared by their content; `true` is not 1."""
    pending = [(one, other)]
    for a, b in pending:  # grows while it is walked: values may be nested as deeply as the parser allows
        if isinstance(a, StoredValue) or isinstance(b, StoredValue):
            return False
        if isinstance(a, Mapping) and isinstance(b, Mapping):
            if a.keys() != b.keys():
                return False
            pending += [(a[name], b[name]) for name in a]
        elif isinstance(a, list) and isinstance(b, list):
            if len(a) != len(b):
                return False
            pending += zip(a, b, strict=True)
        elif not _is_equal_scalar(a, b):
            return False
    return True


def _is_equal_scalar(a: Any, b: Any) -> bool:
    if isinstance(a, Secret) or isinstance(b, Secret):
        return bool(_content(a) == _content(b))
    if isinstance(a, Mapping | list) or isinstance(b, Mapping | list):
        return False
    return isinstance(a, bool) == isinstance(b, bool) and bool(a == b)


def _content(value: Any) -> Any:
    return value.json_value() if isinstance(value, Secret) else value


# --- the items of two lists -------------------------------------------------------------------------------------------


def _match_items(now: list[Any], then: list[Any]) -> tuple[dict[int | Entry, Any], dict[int | Entry, Any]]:
    """Return the items of both lists by the first key that is unique in each, otherwise by position."""
    for key_of in _candidate_keys(now, then):
        before, after = [key_of(item) for item in now], [key_of(item) for item in then]
        if all(len({*keys}) == len(keys) and None not in keys for keys in (before, after)):
            return _by_key(before, now), _by_key(after, then)
    return dict(enumerate(now)), dict(enumerate(then))


def _by_key(keys: list[Entry | None], items: list[Any]) -> dict[int | Entry, Any]:
    return {key: item for key, item in zip(keys, items, strict=True) if key is not None}


def _candidate_keys(now: list[Any], then: list[Any]) -> Iterator[Callable[[Any], Entry | None]]:
    """Yield what may identify an item: the item itself, then the usual fields, then any id of another resource."""
    yield lambda item: Entry("", item) if _is_identifier(item) else None
    objects = [item for item in (*now, *then) if isinstance(item, Mapping)]
    ids = dict.fromkeys(str(name) for item in objects for name in item if str(name).endswith(("Id", "_id")))
    for field in (*_IDENTIFYING_FIELDS, *ids):
        yield lambda item, field=field: _entry_of(item, field)  # type: ignore[misc]  # mypy does not infer the default


def _entry_of(item: Any, field: str) -> Entry | None:
    value: Any = item.get(field) if isinstance(item, Mapping) else None
    return Entry(field, value) if _is_identifier(value) else None


def _is_identifier(value: Any) -> bool:
    return isinstance(value, str | int) and not isinstance(value, bool) and value != ""


def _are_comparable(now: list[Any], then: list[Any]) -> bool:
    """Whether two lists can be compared item by item: the order of scalars matters, that of objects does not."""
    if any(isinstance(item, Mapping | list) for item in (*now, *then)):
        return True
    before, after = _match_items(now, then)
    common = [step for step in after if step in before]
    return [step for step in before if step in after] == common and list(after)[: len(common)] == common


# --- display ----------------------------------------------------------------------------------------------------------


def mask_both(now: Any, then: Any, depth: int = 0) -> tuple[Any, Any]:
    """Return both sides as plain data; where one of them is a secret, both are masked."""
    if depth < _MAX_DEPTH and isinstance(now, Mapping) and isinstance(then, Mapping):
        both = {name: mask_both(now.get(name, UNSET), then.get(name, UNSET), depth + 1) for name in (*now, *then)}
        return {name: both[name][0] for name in now}, {name: both[name][1] for name in then}
    if depth < _MAX_DEPTH and isinstance(now, list) and isinstance(then, list) and len(now) == len(then):
        pairs = [mask_both(a, b, depth + 1) for a, b in zip(now, then, strict=True)]
        return [a for a, _ in pairs], [b for _, b in pairs]
    if isinstance(now, StoredValue | Secret) or isinstance(then, StoredValue | Secret):
        return (now if now is UNSET else MASK), (then if then is UNSET else MASK)
    return to_plain(now, depth), to_plain(then, depth)


def to_plain(value: Any, depth: int = 0) -> Any:
    """Return a value as plain data: secrets are masked, files are their names, and very deep nesting is cut."""
    if isinstance(value, StoredValue | Secret):
        return MASK
    if isinstance(value, Upload | bytes):
        return f"<file {value.name}, {value.size} bytes>" if isinstance(value, Upload) else f"<{len(value)} bytes>"
    if not isinstance(value, Mapping | list):
        return str(value) if isinstance(value, str) else value
    if depth >= _MAX_DEPTH:
        return "…"
    if isinstance(value, list):
        return [to_plain(item, depth + 1) for item in value]
    members = {name: to_plain(item, depth + 1) for name, item in value.items()}
    return {name: item for name, item in members.items() if item is not UNSET}


def compare_lines(before: str, after: str, context: int = 1) -> list[str]:
    """Return the lines of a unified diff of two texts, without its header; none where they are equal."""
    return list(difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=context))[2:]
