"""What an overlay's notes have to be: whatever is malformed in one is left out, and told.

The extensions by which overlays and the loader add to a document.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

_LONGEST = 1000  # characters of one text
_LARGEST = 1e12  # of one number
_UNFIT: Final = object()


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= _LONGEST


def _is_name(value: Any) -> bool:
    return _is_text(value) and value != ""


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _is_number(value: Any) -> bool:
    """Whether a value is a number that is not negative, infinity included."""
    known = isinstance(value, int | float) and not isinstance(value, bool)
    return known and (0 <= value <= _LARGEST or value == float("inf"))


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _LARGEST


def _is_size(value: Any) -> bool:
    return _is_count(value) and value > 0


def _is_rate(value: Any) -> bool:
    """Whether a value says how many requests there may be in how many seconds."""
    parts = (value.get("count"), value.get("per", 1)) if isinstance(value, Mapping) else ()
    return bool(parts) and all(_is_number(part) and part != 0 for part in parts)


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


def _is_mapping(value: Any) -> bool:
    return isinstance(value, Mapping)


@dataclass(frozen=True)
class _Every:
    """A list, each entry of which is so."""

    shape: Any


@dataclass(frozen=True)
class _Named:
    """A mapping, each value of which is so."""

    shape: Any


@dataclass(frozen=True)
class _Having:
    """A mapping that is of no use without these members."""

    names: tuple[str, ...]
    shape: Mapping[str, Any]


_NAMES, _BY_NAME = _Every(_is_name), _Named(_is_name)
_SHAPES: Mapping[str, Any] = {
    "limits": _Named(_is_rate),
    "limit": _is_rate,
    "error": _BY_NAME,
    "token": {"list": _is_name, "variables": _NAMES},
    "permission": _is_name,
    "page": {
        **dict.fromkeys(("style", "items", "total", "parameter", "offset", "limit", "cursor", "sort"), _is_text),
        "most": _is_size,
        "first": _is_count,
        "also": _NAMES,
    },
    "item": {"id": _is_name, "name": _is_name},
    "settled": {
        **dict.fromkeys(("state", "reason"), _is_name),
        **dict.fromkeys(("good", "bad"), _NAMES),
        "grace": _is_number,
    },
    "repeatable": _is_flag,
    "update": {
        "read": _is_name,
        "whole": _is_flag,
        **dict.fromkeys(("replaces", "strip"), _NAMES),
        **dict.fromkeys(("from", "keep", "over"), _BY_NAME),
        **dict.fromkeys(("entries", "follow"), _Named(_is_list)),
    },
    "rules": _Every(
        {
            "when": _is_mapping,
            **dict.fromkeys(("require", "hide", "one-of"), _NAMES),
            "because": _is_text,
        }
    ),
    "union": _Having(("by", "branches"), {"by": _is_name, "branches": _BY_NAME}),
    "default-branch": _is_name,
}
"""What each note is: a test for plain values, a mapping for those whose members are known. All else is as it is."""


def sound_notes(notes: Mapping[str, Any]) -> dict[str, Any]:
    """The notes without what is malformed in them."""
    found = ((name, _read(_SHAPES.get(name), value, (name,), [])) for name, value in notes.items())
    return {name: value for name, value in found if value is not _UNFIT}


def faults_in(notes: Mapping[str, Any]) -> Iterator[str]:
    """What is malformed in notes, in words."""
    told: list[tuple[str, ...]] = []
    for name, value in notes.items():
        _read(_SHAPES.get(name), value, (name,), told)
    yield from (f"The overlay's note {'.'.join(at)[:100]} is malformed; it is left out." for at in dict.fromkeys(told))


def _read(shape: Any, value: Any, at: tuple[str, ...], told: list[tuple[str, ...]]) -> Any:
    """A value without what is not of its shape; `told` gets where that was."""
    if shape is None:
        return value
    read: Callable[..., Any] = _READERS.get(type(shape), _plain)
    found = read(shape, value, at, told)
    if found is _UNFIT:
        told.append(at)
    return found


def _plain(shape: Callable[[Any], bool], value: Any, at: tuple[str, ...], told: list[tuple[str, ...]]) -> Any:
    return value if shape(value) else _UNFIT


def _members(shape: Mapping[str, Any], value: Any, at: tuple[str, ...], told: list[tuple[str, ...]]) -> Any:
    if not isinstance(value, Mapping):
        return _UNFIT
    found = ((name, _read(shape.get(name), inner, (*at, str(name)), told)) for name, inner in value.items())
    return {name: inner for name, inner in found if inner is not _UNFIT}


def _named(shape: _Named, value: Any, at: tuple[str, ...], told: list[tuple[str, ...]]) -> Any:
    return _members(dict.fromkeys(value, shape.shape), value, at, told) if isinstance(value, Mapping) else _UNFIT


def _every(shape: _Every, value: Any, at: tuple[str, ...], told: list[tuple[str, ...]]) -> Any:
    if not isinstance(value, list):
        return _UNFIT
    found = [_read(shape.shape, inner, at, told) for inner in value]
    return [inner for inner in found if inner is not _UNFIT]


def _having(shape: _Having, value: Any, at: tuple[str, ...], told: list[tuple[str, ...]]) -> Any:
    found = _members(shape.shape, value, at, told)
    return found if found is not _UNFIT and all(name in found for name in shape.names) else _UNFIT


_READERS: Mapping[type, Callable[..., Any]] = {dict: _members, _Named: _named, _Every: _every, _Having: _having}


NOTE = "x-astro-nb-"
"""Prefix of the extensions by which an overlay tells what the document leaves unsaid."""

TOLD = f"{NOTE}told"
"""What the loader has to say of a document or an operation: a list of sentences."""

FILES = f"{NOTE}files"
"""The files that the document refers to, by a name of their own."""

UNREAD = f"{NOTE}unread"
"""Why a file that the document refers to is not among them, by its address."""

_LOADERS = {TOLD, FILES, UNREAD}


def notes_of(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """What an overlay says, by the extension's name without its prefix; what is malformed is left out."""
    said = _said(raw)
    return sound_notes(said) if said else said


def malformed(raw: Mapping[str, Any]) -> tuple[str, ...]:
    """What is malformed in what an overlay says, in words."""
    return tuple(faults_in(_said(raw)))


def _said(raw: Mapping[str, Any]) -> dict[str, Any]:
    ours = {str(key): value for key, value in raw.items() if str(key).startswith(NOTE) and key not in _LOADERS}
    return {key[len(NOTE) :]: value for key, value in ours.items()}


def told_of(raw: Mapping[str, Any]) -> tuple[str, ...]:
    """What the loader has to say of a document or an operation."""
    told = raw.get(TOLD)
    return tuple(map(str, told)) if isinstance(told, list) else ()
