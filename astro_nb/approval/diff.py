"""What becomes of a value, field by field."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from ..call import UNSET, Upload
from ..jsonpath import to_path
from ..secrets import MASK, Secret

Kind = Literal["added", "changed", "removed", "kept", "unknown"]

KINDS: tuple[Kind, ...] = ("removed", "changed", "added", "unknown", "kept")
"""Every kind of row, in the order in which they concern the reader."""

_DEEPEST = 40  # levels that are told apart; what is below is told as one value
_IDENTITIES = ("id", "key", "name")


class Entry(NamedTuple):
    """A step to the entry of a list that has a value in one of its fields; `field` is empty where it is the value."""

    field: str
    value: str | int


Steps = tuple[str | int | Entry, ...]
Lost = Callable[[Steps], Kind]
"""What it means that a value is there now, and is not in the body."""


@dataclass(frozen=True)
class Hidden:
    """A value that stays where it is unless another is sent; UNSET where the server does not tell it."""

    value: Any = UNSET


@dataclass(frozen=True)
class Row:
    """What becomes of one field; of a secret, `now` and `then` are stars.

    Attributes:
        steps: where it stands.
        now, then: what it is and what it will be; UNSET where it is not.
        kind: a row of `KINDS`.
        note: what the kind alone does not say.
    """

    steps: Steps
    now: Any
    then: Any
    kind: Kind
    note: str = ""

    @property
    def path(self) -> str:
        """Where it stands, for people: `environmentVariables[REGION].value`."""
        told = [f"[{step.value}]" if isinstance(step, Entry) else to_path((step,))[1:] for step in self.steps]
        return "".join(told).removeprefix(".") or "$"


def compare(now: Any, then: Any, lost: Lost = lambda steps: "removed") -> tuple[Row, ...]:
    """What becomes of each field of a value.

    Entries of a list are known by their id, key or name, where all have one; else by their place.
    """
    found = _compared((), now, then, lost)
    return tuple(Row(steps, *_shown(before, after), kind, note) for steps, before, after, kind, note in found)


Raw = tuple[Steps, Any, Any, Kind, str]


def _compared(steps: Steps, now: Any, then: Any, lost: Lost) -> Iterator[Raw]:
    if isinstance(now, Hidden):
        yield _hidden(steps, now.value, then)
    elif now is UNSET:
        yield (steps, now, then, "added", "")
    elif then is UNSET:
        yield (steps, now, then, lost(steps), "")
    elif (steps or not isinstance(now, Mapping)) and same(now, then):  # the root is told field by field
        yield (steps, now, then, "kept", "")
    elif len(steps) < _DEEPEST and isinstance(now, Mapping) and isinstance(then, Mapping):
        for name in dict.fromkeys((*now, *then)):
            yield from _compared((*steps, name), now.get(name, UNSET), then.get(name, UNSET), lost)
    elif len(steps) < _DEEPEST and isinstance(now, list) and isinstance(then, list) and _in_step(now, then):
        before, after = _entries(now, then)
        for step in dict.fromkeys((*before, *after)):
            yield from _compared((*steps, step), before.get(step, UNSET), after.get(step, UNSET), lost)
    else:
        yield (steps, now, then, "changed", "")


def _hidden(steps: Steps, now: Any, then: Any) -> Raw:
    """What becomes of a value that only a new one replaces."""
    if then is UNSET:
        return steps, Secret.in_memory("") if now is UNSET else now, then, "kept", "it is left out, so it stays"
    if now is UNSET:
        return steps, Secret.in_memory(""), then, "unknown", "it is replaced; the server does not tell what it was"
    return steps, now, then, "kept" if same(now, then) else "changed", ""


def same(one: Any, other: Any) -> bool:
    """Whether two values are the same JSON, secrets by what they hold; `true` is not 1."""
    left = [(one, other)]
    for a, b in left:  # grows while it is walked: values may be nested as deep as the parser allows
        if isinstance(a, Hidden) or isinstance(b, Hidden):
            return False
        if isinstance(a, Mapping) and isinstance(b, Mapping):
            if a.keys() != b.keys():
                return False
            left += [(a[name], b[name]) for name in a]
        elif isinstance(a, list) and isinstance(b, list):
            if len(a) != len(b):
                return False
            left += zip(a, b, strict=True)
        elif not _same_leaf(a, b):
            return False
    return True


def _same_leaf(a: Any, b: Any) -> bool:
    if isinstance(a, Secret) or isinstance(b, Secret):
        return bool(_held(a) == _held(b))
    if isinstance(a, Mapping | list) or isinstance(b, Mapping | list):
        return False
    return isinstance(a, bool) == isinstance(b, bool) and bool(a == b)


def _held(value: Any) -> Any:
    return value.json_value() if isinstance(value, Secret) else value


def _entries(now: list[Any], then: list[Any]) -> tuple[dict[int | Entry, Any], dict[int | Entry, Any]]:
    """The entries of two lists by what they are known by in both."""
    for known in _ways(now, then):
        before, after = [known(item) for item in now], [known(item) for item in then]
        if all(len({*found}) == len(found) and None not in found for found in (before, after)):
            return dict(zip(_steps(before), now, strict=True)), dict(zip(_steps(after), then, strict=True))
    return dict(enumerate(now)), dict(enumerate(then))


def _steps(found: list[Entry | None]) -> list[int | Entry]:
    return [step for step in found if step is not None]


def _ways(now: list[Any], then: list[Any]) -> Iterator[Callable[[Any], Entry | None]]:
    """How entries may be known: by the value itself, by the usual fields, by any id of something else."""
    yield lambda item: Entry("", item) if _is_name(item) else None
    every = [item for item in (*now, *then) if isinstance(item, Mapping)]
    ids = dict.fromkeys(str(name) for item in every for name in item if str(name).endswith(("Id", "_id")))
    for field in (*_IDENTITIES, *ids):
        yield lambda item, field=field: _named(item, field)  # type: ignore[misc]  # mypy does not infer the default


def _named(item: Any, field: str) -> Entry | None:
    value: Any = item.get(field) if isinstance(item, Mapping) else None
    return Entry(field, value) if _is_name(value) else None


def _is_name(value: Any) -> bool:
    return isinstance(value, str | int) and not isinstance(value, bool) and value != ""


def _in_step(now: list[Any], then: list[Any]) -> bool:
    """Whether entries can be told one by one: the order of plain values means something, that of objects does not."""
    if any(isinstance(item, Mapping | list) for item in (*now, *then)):
        return True
    before, after = _entries(now, then)
    kept = [step for step in after if step in before]
    return [step for step in before if step in after] == kept and list(after)[: len(kept)] == kept


def _shown(now: Any, then: Any, depth: int = 0) -> tuple[Any, Any]:
    """Both sides for the eye: what is a secret on one of them is stars on the other."""
    if depth < _DEEPEST and isinstance(now, Mapping) and isinstance(then, Mapping):
        both = {name: _shown(now.get(name, UNSET), then.get(name, UNSET), depth + 1) for name in (*now, *then)}
        return {name: both[name][0] for name in now}, {name: both[name][1] for name in then}
    if depth < _DEEPEST and isinstance(now, list) and isinstance(then, list) and len(now) == len(then):
        pairs = [_shown(a, b, depth + 1) for a, b in zip(now, then, strict=True)]
        return [a for a, _ in pairs], [b for _, b in pairs]
    if isinstance(now, Hidden | Secret) or isinstance(then, Hidden | Secret):
        return (now if now is UNSET else MASK), (then if then is UNSET else MASK)
    return plain(now, depth), plain(then, depth)


def plain(value: Any, depth: int = 0) -> Any:
    """A value for the eye: secrets are stars, files their names, and what is nested without end is cut."""
    if isinstance(value, Hidden | Secret):
        return MASK
    if isinstance(value, Upload | bytes):
        return f"<file {value.name}, {value.size} bytes>" if isinstance(value, Upload) else f"<{len(value)} bytes>"
    if not isinstance(value, Mapping | list):
        return str(value) if isinstance(value, str) else value
    if depth >= _DEEPEST:
        return "…"
    if isinstance(value, list):
        return [plain(item, depth + 1) for item in value]
    shown = {name: plain(item, depth + 1) for name, item in value.items()}
    return {name: item for name, item in shown.items() if item is not UNSET}
