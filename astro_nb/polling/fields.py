"""Which field of a response holds the state of its resource, and which words mean that it has failed.

The overlay declares the field (`x-astro-nb-settled`). Otherwise it is a field of the document whose name is that of a
state, such as `status`, `jobState` or `status.phase`, or one whose enum has the word that is waited for. If the
document declares none, it is looked for in the response.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from ..data import get_value
from ..openapi import Operation
from ..schema import Field, read_field

Path = tuple[str, ...]

STATE_NAMES = ("status", "state", "phase", "conclusion")
"""Names of fields with a state, the likeliest first. They may be the end of a longer name, such as `jobState`."""

ENUM_NAMES = ("result", "outcome", "stage", "health", "condition", "progress")
"""Names of fields with a state if the document lists its values."""

VALUE_NAMES = ("value", "name", "code", "label")
"""Names of the text in an object that is a state, such as `status.name`."""

_FAILURES = (
    "fail", "errored", "errors", "cancelled", "canceled", "aborted", "rejected", "timedout", "timeout", "expired",
    "crashed", "denied", "declined", "dead", "killed", "invalid", "broken",
)  # fmt: skip
_FAILURE_ENDS = ("failed", "failure", "error")

_TEXTS = ("text", "choice")  # kinds of fields
_MAX_DEPTH = 3


@dataclass(frozen=True)
class StateField:
    """A field that may hold a state.

    Attributes:
        path: its names from the top of the response.
        choices: the values that the document lists; empty if it may have any.
        is_named: whether its name is that of a state.
    """

    path: Path
    choices: frozenset[str]
    is_named: bool


_fields: WeakKeyDictionary[Operation, tuple[StateField, ...]] = WeakKeyDictionary()


def state_fields(operation: Operation) -> tuple[StateField, ...]:
    """Return the fields of the response that may hold the state, the likeliest first; one if the overlay names it."""
    if operation not in _fields:
        _fields[operation] = tuple(_read_fields(operation))
    return _fields[operation]


def state_paths_in(data: Any) -> tuple[Path, ...]:
    """Return where a response holds texts whose names are those of a state, the likeliest first."""
    return tuple(sorted(_paths_in(data, ()), key=_rank))


def same_word(one: str, other: str) -> bool:
    """Whether two words are the same state as users write it: without case, `_`, `-` and spaces."""
    return plain_word(one) == plain_word(other)


def plain_word(word: str) -> str:
    """Return a word without case, `_`, `-` and spaces."""
    return "".join(c for c in word.casefold() if c not in "_- ")


def is_failure(word: str) -> bool:
    """Whether a state means, by its name, that the resource has failed and that this does not change any more."""
    plain = plain_word(word)
    return plain in _FAILURES or plain.endswith(_FAILURE_ENDS)


def failed_beside(data: Any, path: Path, wanted: Iterable[str]) -> str:
    """Return the state that says that a resource has failed: at a path, or beside it; empty if none does.

    Args:
        data: the response.
        path: where the wanted state is looked for.
        wanted: the states that are waited for.
    """
    owner, own = get_value(data, path[:-1], None), plain_word(path[-1]) if path else ""
    words = {plain_word(word) for word in wanted}
    for name, value in owner.items() if isinstance(owner, Mapping) else ():
        is_state = plain_word(str(name)) == own or is_state_name(str(name))
        if is_state and isinstance(value, str) and is_failure(value) and plain_word(value) not in words:
            return value
    return ""


def is_state_name(name: str) -> bool:
    """Whether a field of this name holds a state."""
    return plain_word(name).endswith(STATE_NAMES)


def is_state_path(path: Path) -> bool:
    """Whether the field at a path holds a state: by its own name, or as the text of an object with such a name."""
    is_text = len(path) > 1 and plain_word(path[-1]) in VALUE_NAMES and is_state_name(path[-2])
    return is_text or is_state_name(path[-1])


def _read_fields(operation: Operation) -> Iterator[StateField]:
    schema = operation.success.schema() if operation.success else None
    response = read_field(operation.spec, schema) if schema is not None else None
    declared = operation.extensions.settled
    if declared is not None:
        path = tuple(declared.state.split("."))
        field = response
        for name in path:
            field = field.child(name) if field else None
        yield StateField(path, _choices(field) if field else frozenset(), is_named=True)
        return
    found: dict[Path, StateField] = {}
    for path, field in _walk(response, ()) if response is not None else ():
        choices, earlier = _choices(field), found.get(path)
        is_named = is_state_path(path) or (bool(choices) and plain_word(path[-1]) in ENUM_NAMES)
        if earlier is not None:  # in another branch of a union
            choices = choices | earlier.choices if choices and earlier.choices else frozenset()
        if is_named or choices:
            found[path] = StateField(path, choices, is_named)
    yield from sorted(found.values(), key=lambda each: (not each.is_named, _rank(each.path), not each.choices))


def _walk(field: Field, path: Path) -> Iterator[tuple[Path, Field]]:
    """Yield the texts and choices of an object and of the objects in it, with their paths."""
    for form in field.alternatives:
        for child in form.children:
            inner = (*path, child.name)
            if not child.secret and all(each.kind in _TEXTS for each in child.alternatives):
                yield inner, child
            elif len(inner) < _MAX_DEPTH:
                yield from _walk(child, inner)


def _paths_in(data: Any, path: Path) -> Iterator[Path]:
    for name, value in data.items() if isinstance(data, Mapping) else ():
        inner = (*path, str(name))
        if isinstance(value, str) and is_state_path(inner):
            yield inner
        elif len(inner) < _MAX_DEPTH:
            yield from _paths_in(value, inner)


def _choices(field: Field) -> frozenset[str]:
    """Return the values that the document lists, as an enum or as several constants; empty if it may have others."""
    constants = [[form.schema["const"]] if "const" in form.schema else [] for form in field.alternatives]
    lists = [[*form.info.choices, *constant] for form, constant in zip(field.alternatives, constants, strict=True)]
    return frozenset(c for choices in lists for c in choices if isinstance(c, str)) if all(lists) else frozenset()


def _rank(path: Path) -> tuple[int, int, int]:
    """Return the order of fields: by depth, then by name, exact names before longer ones."""
    word, names = plain_word(path[-1]), (*STATE_NAMES, *ENUM_NAMES)
    order = next((number for number, name in enumerate(names) if word.endswith(name)), len(names))
    return len(path), int(word not in names), order
