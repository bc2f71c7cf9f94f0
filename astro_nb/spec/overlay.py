"""What a document leaves unsaid, added by an OpenAPI Overlay 1.x document.

An overlay is a list of actions; each has a JSONPath `target` and either an `update`, merged into every match, or
`remove: true` (Overlay Specification 1.0.0, section 4.4). An action that fits nothing is told, not refused, so that one
overlay serves several versions of a document.
"""

from __future__ import annotations

import copy
from typing import Any

from ..errors import DocumentInvalid, PickError
from ..pick import find
from .document import Document


def apply_overlay(document: Document, overlay: Document) -> tuple[Document, list[str]]:
    """The document with the overlay's actions applied in order, and a warning for each that fits nothing.

    The document given is left as it is: only what an action touches is copied.
    """
    warnings: list[str] = []
    root: list[Document] = [document]
    copied: set[int] = set()
    for action in overlay.get("actions", []):
        matches = _matches(root[0], action.get("target", ""))
        if not matches:
            warnings.append(f"The overlay's target {action.get('target')} fits nothing in this document.")
        for location in sorted(matches, key=len, reverse=True):
            _act(root, location, action, copied)
    return root[0], warnings


def check_overlay(overlay: Any, name: str) -> Document:
    """The overlay itself when it is one.

    Raises:
        DocumentInvalid: it has no `overlay` version or no list of actions.
    """
    if isinstance(overlay, dict) and "overlay" in overlay and isinstance(overlay.get("actions", []), list):
        return overlay
    raise DocumentInvalid(f"{name} is not an OpenAPI Overlay.", "It needs `overlay: 1.0.0` and a list of `actions`.")


def _matches(document: Document, target: str) -> list[tuple[str | int, ...]]:
    try:
        return [location for location, _ in find(document, target)]
    except PickError as error:
        raise DocumentInvalid(f"The overlay has a bad target. {error.what}", error.todo) from error


def _act(root: list[Document], location: tuple[str | int, ...], action: dict[str, Any], copied: set[int]) -> None:
    holder: Any = root
    step: str | int = 0
    for following in location:
        holder, step = _own(holder, step, copied), following
    if action.get("remove"):
        del holder[step]
    elif "update" in action:
        holder[step] = _merged(holder[step], action["update"])
        copied.add(id(holder[step]))


def _own(holder: Any, step: str | int, copied: set[int]) -> Any:
    """The child at `step`, copied at first touch: a shallow copy along the path is all that an update needs."""
    child = holder[step]
    if id(child) not in copied:
        child = copy.copy(child)
        holder[step] = child
        copied.add(id(child))
    return child


def _merged(old: Any, new: Any) -> Any:
    """Overlay 1.0.0, section 4.4.3: mappings merge recursively, lists are appended to, all else is replaced."""
    if isinstance(old, dict) and isinstance(new, dict):
        return {**old, **{key: _merged(old[key], value) if key in old else value for key, value in new.items()}}
    if isinstance(old, list):
        return [*old, *new] if isinstance(new, list) else [*old, new]
    return new
