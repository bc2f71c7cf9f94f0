"""Secrets taken out of a value by its Field tree, before anyone sees it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import orjson

from ..call import Upload
from ..secrets import MASK, Secret, is_secret_name
from ..templates import template_names
from .field import Field
from .normalization import OPEN
from .validation import matches_shape

Replace = Callable[[Any, str], Any]
"""What stands in place of a secret, from its value and its name."""
Path = tuple[str | int, ...]
Trail = tuple[Any, str | int] | None
"""A way from the root, the last step outermost: it is made a `Path` only where a secret is found."""

_HOLDERS = (dict, list)
_SCALARS = frozenset((str, int, float, bool, type(None)))
_NOTHING: frozenset[str] = frozenset()
_NO_FIELDS: Mapping[str, Field] = {}


def mask_secrets(field: Field | None, value: Any) -> Any:
    """The value with every secret starred out: those that the field tree marks, and any whose name says so.

    Without a field (an answer that the document does not declare) names alone decide. A value that holds no secret
    comes back itself.
    """
    return _Hunt(lambda secret, name: MASK).replaced(field, value)


def hold_secrets(field: Field | None, value: Any) -> Any:
    """The value with every secret as a `Secret` held in memory, for picking one on purpose without showing it.

    A secret that is an object or a list keeps its form: its values are the secrets.
    """
    return _Hunt(lambda leaf, name: _held(leaf, name or "answer", captured=True), leaves=True).replaced(field, value)


def extract_secrets(field: Field | None, value: Any, keep: Callable[[Secret], str]) -> Any:
    """The value with every secret handed to `keep`, which answers with the template that stands in its place.

    What is a template already, null, empty or a flag stays. A secret that is an object or a list keeps its form: its
    values are lifted one by one. A number is sent as text then, for a `Secret` holds nothing else.
    """

    def lifted(leaf: Any, name: str) -> Any:
        stays = bool(template_names(leaf)) if isinstance(leaf, str) else isinstance(leaf, bool)
        return leaf if stays or leaf == "" else keep(_held(leaf, _variable(name)))

    return _Hunt(lifted, leaves=True).replaced(field, _lifted_objects(value, keep))


def has_secret(field: Field | None, value: Any) -> bool:
    """Whether a value holds a secret anywhere."""
    return bool(mask_secrets(field, value) != value)


def _held(leaf: Any, name: str, captured: bool = False) -> Secret:
    value = leaf if isinstance(leaf, str | int | float) else orjson.dumps(leaf, default=str).decode()
    return Secret.in_memory(value, name, captured)


def _variable(name: str) -> str:
    """A name that a variable can have."""
    plain = re.sub(r"[^A-Za-z0-9_.-]+", "_", name)
    return plain if re.match("[A-Za-z_]", plain) else f"secret_{plain}".rstrip("_")


def _lifted_objects(value: Any, keep: Callable[[Secret], str]) -> Any:
    """`Secret` objects, wherever they stand, become templates too."""
    if isinstance(value, Secret):
        return keep(value)
    if isinstance(value, Mapping):
        return {name: _lifted_objects(inner, keep) for name, inner in value.items()}
    return [_lifted_objects(inner, keep) for inner in value] if isinstance(value, list | tuple) else value


class _Hunt:
    """One search for secrets, level by level: an answer may be nested as deep as the parser allows."""

    def __init__(self, hide: Replace, leaves: bool = False) -> None:
        self._hide = hide
        self._leaves = leaves
        self._found: dict[Path, Any] = {}
        self._left: list[tuple[Field | None, Any, Trail]] = []

    def replaced(self, field: Field | None, value: Any) -> Any:
        """The value with what was found replaced; itself where nothing was: nothing is copied that need not be."""
        self._meet(field, value, None)
        for inner, holder, trail in self._left:  # grows as it goes
            (self._object if isinstance(holder, dict) else self._list)(inner, holder, trail)
        return _replaced(value, self._found)

    def _meet(self, field: Field | None, value: Any, trail: Trail) -> None:
        if field is not None:
            if field.secret or (field.kind in OPEN and _says_secret(field.name, value)):
                self._hit(value, field.name, trail)
                return
            if field.kind == "union":
                for form in _forms(field, value):
                    self._meet(form, value, trail)
                return
        if isinstance(value, _HOLDERS):
            self._left.append((field, value, trail))

    def _object(self, field: Field | None, value: dict[str, Any], trail: Trail) -> None:
        plain, named = (field.scalar_names, field.named) if field else (_NOTHING, _NO_FIELDS)
        if plain.issuperset(value) and _SCALARS.issuperset(map(type, value.values())):
            return  # most of an answer is of this kind: one look is enough
        for name, inner in value.items():
            if name in plain and type(inner) in _SCALARS:
                continue
            child = named.get(name)
            armed = child.secret_when and value.get(child.secret_when) if child else _says_secret(name, inner)
            if armed and inner:
                self._hit(inner, name, (trail, name))
            elif type(inner) not in _SCALARS or field is not None:
                self._meet(child or (field.item if field else None), inner, (trail, name))

    def _list(self, field: Field | None, value: list[Any], trail: Trail) -> None:
        if (field is None or field.has_scalars) and _SCALARS.issuperset(map(type, value)):
            return
        for index, inner in enumerate(value):
            self._meet(field.entry(index) if field else None, inner, (trail, index))

    def _hit(self, value: Any, name: str, trail: Trail) -> None:
        inside = [(value, name, trail)]
        for leaf, called, where in inside:  # grows as it goes
            if self._leaves and isinstance(leaf, dict):
                inside += [(v, f"{called}.{k}" if called else str(k), (where, k)) for k, v in leaf.items()]
            elif self._leaves and isinstance(leaf, list):
                inside += [(v, called, (where, k)) for k, v in enumerate(leaf)]
            elif leaf is not None and not isinstance(leaf, Secret | Upload | bytes):
                path = _path(where)
                if path not in self._found:
                    self._found[path] = self._hide(leaf, called)


def _forms(field: Field, value: Any) -> Iterable[Field]:
    """The branch that the value names; else every one that it fits, for any of them may know a secret."""
    sure = field.sure_branch(value)
    forms = (sure.field if sure else field).forms
    return forms if len(forms) == 1 else [form for form in forms if matches_shape(form, value)] or forms


def _says_secret(name: Any, value: Any) -> bool:
    """Whether an undeclared name tells of a secret: not of a flag or a count."""
    return isinstance(name, str) and is_secret_name(name) and not isinstance(value, int | Secret)


def _path(trail: Trail) -> Path:
    steps: list[str | int] = []
    while trail is not None:
        trail, step = trail
        steps.append(step)
    return tuple(reversed(steps))


def _replaced(value: Any, found: Mapping[Path, Any]) -> Any:
    """A copy with other values at some places, which shares with the old one all that is the same."""
    if () in found or not found:
        return found.get((), value)
    copies: dict[Path, Any] = {(): value.copy()}
    for path, new in found.items():
        for depth in range(1, len(path)):
            if path[:depth] not in copies:
                holder, step = copies[path[: depth - 1]], path[depth - 1]
                copies[path[:depth]] = holder[step] = holder[step].copy()
        copies[path[:-1]][path[-1]] = new
    return copies[()]
