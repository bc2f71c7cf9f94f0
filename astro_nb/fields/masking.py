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

    Without a field (an answer that the document does not declare) names alone decide. A value that holds no secret
    comes back itself.
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
    """The value itself where it holds no secret: nothing is copied that need not be."""
    if field is not None and field.secret and value is not None:
        return hide(value, field.name)
    if isinstance(value, dict):
        return _object(field, value, hide)
    if isinstance(value, list):
        item = field.item if field else None
        walked = [_walk(item, entry, hide) for entry in value]
        return walked if any(new is not old for new, old in zip(walked, value, strict=True)) else value
    return value


def _object(field: Field | None, value: dict[str, Any], hide: Replace) -> dict[str, Any]:
    forms = _forms(field, value)
    rest = value.keys() - forms[0].scalar_names if len(forms) == 1 else value.keys()
    found: dict[str, Any] = {}
    for name in rest:
        new = _member(forms, name, value, hide)
        if new is not value[name]:
            found[name] = new
    return {**value, **found} if found else value


def _forms(field: Field | None, value: Any) -> tuple[Field, ...]:
    """What an object may be: itself, the branch that fits, or every branch where none is sure."""
    if field is None or field.kind != "union":
        return (field,) if field else ()
    branch = field.branch_for(value)
    return (branch.field,) if branch else tuple(branch.field for branch in field.branches)


def _member(forms: tuple[Field, ...], name: str, siblings: Mapping[str, Any], hide: Replace) -> Any:
    value, known = siblings[name], False
    for form in forms:
        child = form.child(name) or form.item
        if child is None:
            continue
        known = True
        if isinstance(value, dict) and not child.secret and value.keys() <= child.scalar_names:
            continue  # most objects in an answer are of this kind: one look is enough
        armed = child.secret_when and siblings.get(child.secret_when) and value
        new = hide(value, name) if armed else _walk(child, value, hide)
        if new is not value:
            return new
    secret = not known and isinstance(value, str) and bool(value) and bool(SECRET_NAME.fullmatch(name))
    return hide(value, name) if secret else value if known else _walk(None, value, hide)
