"""Secrets in a value, found by its Field tree and by names: masked, held in memory, or extracted.

| to do what                                              | use               |
|---------------------------------------------------------|-------------------|
| show or store a value                                   | `mask_secrets`    |
| pick a secret from a response without showing it        | `hold_secrets`    |
| put templates in place of the secrets of a call         | `extract_secrets` |
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any

from ..call import UNSET, Upload
from ..data import Location, replace_values, with_replacements
from ..json_text import Number, write_json
from ..secrets import MASK, Secret, is_random, is_secret_name, is_secrets_name, may_be_secret_name
from ..templates import template_names
from .field import Field
from .normalization import NEVER_SECRET_BY_NAME
from .validation import matches_shape

Replace = Callable[[Any, str], Any]
"""Returns the replacement of a secret, from its value and its name."""
Path = tuple[Any, str | int] | None
"""A location as linked steps, the last step outermost: a `Location` is built only if a secret is found."""

_CONTAINERS = (dict, list)
_CACHED_NAMES = 8192
_SCALARS = frozenset((str, int, float, Decimal, bool, type(None)))
_NO_NAMES: frozenset[str] = frozenset()
_NO_FIELDS: Mapping[str, Field] = {}


SecretNames = Mapping[str, str | None]
"""Names of secret fields, each with the sibling that decides whether it is one; None if none does."""

Names = Callable[[], SecretNames]


def _no_names() -> SecretNames:
    return {}


def mask_secrets(field: Field | None, value: Any, names: Names = _no_names) -> Any:
    """Return the value with every secret masked: those that the field tree marks, and any whose name means one.

    Without a field (a response that the document does not declare) names alone decide. A value without secrets is
    returned itself.

    Args:
        field: the field of the value; None if the document does not declare it.
        value: the value.
        names: returns further names that mean a secret, where the field tree declares nothing; called if that occurs.
    """
    return _Search(lambda secret, name: MASK, names=names).replace(field, value)


def hold_secrets(field: Field | None, value: Any, names: Names = _no_names) -> Any:
    """Return the value with every secret as a `Secret` held in memory, so that one can be picked without showing it.

    A secret that is an object or a list keeps its structure: its scalars become the secrets. The arguments are those of
    `mask_secrets`.
    """

    def hold(leaf: Any, name: str) -> Secret:
        return _as_secret(leaf, name or "response", captured=True)

    return _Search(hold, leaves=True, names=names).replace(field, value)


def extract_secrets(field: Field | None, value: Any, keep: Callable[[Secret], str]) -> Any:
    """Return the value with a template in place of every secret.

    Templates, null, empty texts and booleans stay. A secret that is an object or a list keeps its structure: its
    scalars are extracted one by one. A number is sent as text, since a `Secret` holds text only.

    Args:
        field: the field of the value.
        value: the value, for example the body of a call.
        keep: called with each secret; returns the template that replaces it.
    """

    def extract(leaf: Any, name: str) -> Any:
        stays = bool(template_names(leaf)) if isinstance(leaf, str) else isinstance(leaf, bool)
        return leaf if stays or leaf == "" else keep(_as_secret(leaf, _variable_name(name)))

    def keep_objects(inner: Any) -> Any:
        """Replace `Secret` objects anywhere."""
        if isinstance(inner, Secret):
            return keep(inner)
        if isinstance(inner, tuple):
            return replace_values(list(inner), keep_objects)
        return UNSET

    return _Search(extract, leaves=True).replace(field, replace_values(value, keep_objects))


def has_secret(field: Field | None, value: Any) -> bool:
    """Whether a value holds a secret anywhere."""
    return bool(mask_secrets(field, value) != value)


def _as_secret(leaf: Any, name: str, captured: bool = False) -> Secret:
    value = leaf if isinstance(leaf, str | Number) else write_json(leaf, str).decode()
    return Secret.in_memory(value, name, captured)


def _variable_name(name: str) -> str:
    """Return a name that a variable can have."""
    plain = re.sub(r"[^A-Za-z0-9_.-]+", "_", name)
    return plain if re.match("[A-Za-z_]", plain) else f"secret_{plain}".rstrip("_")


class _Search:
    """One search for secrets, without recursion: a response may be nested as deep as the parser allows."""

    def __init__(self, substitute: Replace, leaves: bool = False, names: Names = _no_names) -> None:
        self._substitute = substitute
        self._names = names
        self._known_names: SecretNames | None = None
        self._leaves = leaves
        self._found: dict[Location, Any] = {}
        self._pending: list[tuple[Field | None, Any, Path]] = []

    def replace(self, field: Field | None, value: Any) -> Any:
        """Return the value with secrets replaced; parts without secrets are shared, not copied."""
        self._visit(field, value, None)
        for inner, container, path in self._pending:  # grows while it is read
            (self._visit_object if isinstance(container, dict) else self._visit_list)(inner, container, path)
        return with_replacements(value, self._found)

    def _visit(self, field: Field | None, value: Any, path: Path) -> None:
        if field is not None:
            is_other_kind = field.kind in NEVER_SECRET_BY_NAME and _is_secret_by_name(field.name, value)
            if field.secret or is_other_kind or (field.may_be_secret and _looks_secret(value)):
                self._add(value, field.name, path)
                return
            if field.kind == "union":
                for form in _matching_alternatives(field, value):
                    self._visit(form, value, path)
                return
        if isinstance(value, _CONTAINERS):
            self._pending.append((field, value, path))

    def _visit_object(self, field: Field | None, value: dict[str, Any], path: Path) -> None:
        plain, children = (field.scalar_names, field.children_by_name) if field else (_NO_NAMES, _NO_FIELDS)
        if plain.issuperset(value) and _SCALARS.issuperset(map(type, value.values())):
            return  # most objects of a response are like this
        for name, inner in value.items():
            if name in plain and type(inner) in _SCALARS:
                continue
            child = children.get(name)
            is_secret = (
                child.secret_when and value.get(child.secret_when) if child else self._is_undeclared_secret(value, name)
            )
            if is_secret and inner:
                self._add(inner, name, (path, name))
            elif type(inner) not in _SCALARS or field is not None:
                self._visit(child or (field.item if field else None), inner, (path, name))

    def _is_undeclared_secret(self, siblings: dict[str, Any], name: str) -> bool:
        """Whether a member that its object does not declare is a secret: by its name, or as one that is declared."""
        value = siblings[name]
        if _is_secret_by_name(name, value):
            return True
        if self._known_names is None:
            self._known_names = self._names()
        if name not in self._known_names or isinstance(value, bool):
            return False
        when = self._known_names[name]
        return when is None or bool(siblings.get(when))

    def _visit_list(self, field: Field | None, value: list[Any], path: Path) -> None:
        if (field is None or field.has_scalars) and _SCALARS.issuperset(map(type, value)):
            return
        for index, inner in enumerate(value):
            self._visit(field.item_at(index) if field else None, inner, (path, index))

    def _add(self, value: Any, name: str, path: Path) -> None:
        pending = [(value, name, path)]
        for leaf, leaf_name, at in pending:  # grows while it is read
            if self._leaves and isinstance(leaf, dict):
                pending += [(v, f"{leaf_name}.{k}" if leaf_name else str(k), (at, k)) for k, v in leaf.items()]
            elif self._leaves and isinstance(leaf, list):
                pending += [(v, leaf_name, (at, k)) for k, v in enumerate(leaf)]
            elif leaf is not None and not isinstance(leaf, Secret | Upload | bytes):
                location = _location(at)
                if location not in self._found:
                    self._found[location] = self._substitute(leaf, leaf_name)


def _matching_alternatives(field: Field, value: Any) -> Iterable[Field]:
    """Return the branch that the value chooses; else every one that it matches, for any of them may mark a secret."""
    tagged = field.branch_by_tag(value)
    forms = (tagged.field if tagged else field).alternatives
    return forms if len(forms) == 1 else [form for form in forms if matches_shape(form, value)] or forms


def _is_secret_by_name(name: Any, value: Any) -> bool:
    """Whether an undeclared value is a secret by its name; a flag or a count is not."""
    is_meant = _IS_SECRET[_meaning(name)] if isinstance(name, str) else None
    return is_meant is not None and not isinstance(value, int | Secret) and is_meant(value)


def _looks_secret(value: Any) -> bool:
    return isinstance(value, str) and is_random(value)


@lru_cache(maxsize=_CACHED_NAMES)
def _meaning(name: str) -> str:
    kinds = {"secret": is_secret_name, "secrets": is_secrets_name, "hint": may_be_secret_name}
    return next((kind for kind, has in kinds.items() if has(name)), "")


_IS_SECRET: dict[str, Callable[[Any], bool] | None] = {
    "": None,
    "secret": lambda value: True,
    "secrets": lambda value: isinstance(value, list) and all(isinstance(inner, str) for inner in value),
    "hint": _looks_secret,
}
"""Whether a value is a secret, by what its name means."""


def _location(path: Path) -> Location:
    steps: list[str | int] = []
    while path is not None:
        path, step = path
        steps.append(step)
    return tuple(reversed(steps))
