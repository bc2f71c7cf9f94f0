"""Secrets taken out of a value by its Field tree, before anyone sees it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..environment import MASK, Secret, names_in
from .tree import SECRET_NAME, Field

Replace = Callable[[Any, str], Any]
"""What stands in place of a secret, from its value and its name."""


def mask(field: Field | None, value: Any) -> Any:
    """The value with every secret starred out: those that the field tree marks, and any whose name says so.

    Without a field (an answer that the document does not declare) names alone decide.
    """
    return _walk(field, value, lambda secret, name: MASK)


def redact(field: Field | None, value: Any) -> Any:
    """The value with every secret as a `Secret` held in memory, for picking one on purpose without showing it."""
    return _walk(field, value, lambda secret, name: Secret.held(str(secret), name or "answer"))


def lift(field: Field | None, value: Any, keep: Callable[[Secret], str]) -> Any:
    """The value with every secret handed to `keep`, which answers with the template that stands in its place.

    What is a template already, null or empty stays.
    """

    return _walk(field, _lifted_objects(value, keep), lambda secret, name: _lifted(secret, name, keep))


def _lifted(secret: Any, name: str, keep: Callable[[Secret], str]) -> Any:
    templated = isinstance(secret, str) and bool(names_in(secret))
    return secret if templated or secret in ("", None) else keep(Secret.held(str(secret), name or "secret"))


def _lifted_objects(value: Any, keep: Callable[[Secret], str]) -> Any:
    """`Secret` objects, wherever they stand, become templates too."""
    if isinstance(value, Secret):
        return keep(value)
    if isinstance(value, Mapping):
        return {name: _lifted_objects(inner, keep) for name, inner in value.items()}
    return [_lifted_objects(inner, keep) for inner in value] if isinstance(value, list | tuple) else value


def has_secret(field: Field | None, value: Any) -> bool:
    """Whether a value holds a secret anywhere."""
    return bool(mask(field, value) != value)


def _walk(field: Field | None, value: Any, hide: Replace) -> Any:
    if field is not None and field.secret and value is not None:
        return hide(value, field.name)
    if isinstance(value, Mapping):
        return _object(field, value, hide)
    if isinstance(value, list):
        item = field.item if field else None
        return [_walk(item, entry, hide) for entry in value]
    return value


def _object(field: Field | None, value: Mapping[str, Any], hide: Replace) -> dict[str, Any]:
    if field is not None and field.kind == "union":
        branch = field.branch_for(value)
        field = branch.field if branch else None
    return {name: _member(field, name, child, value, hide) for name, child in value.items()}


def _member(field: Field | None, name: str, value: Any, siblings: Mapping[str, Any], hide: Replace) -> Any:
    child = (field.child(name) or field.item) if field else None
    if child is None:
        secret = isinstance(value, str) and bool(value) and bool(SECRET_NAME.fullmatch(name))
        return hide(value, name) if secret else _walk(None, value, hide)
    if child.secret_when and siblings.get(child.secret_when) and value:
        return hide(value, name)
    return _walk(child, value, hide)
