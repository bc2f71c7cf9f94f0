"""Applying an OpenAPI Overlay 1.x document to an OpenAPI document.

An overlay is a list of actions; each has a JSONPath `target` and either an `update`, merged into every match, or
`remove: true` (Overlay Specification 1.0.0, section 4.4). An action that matches nothing is a warning, not an error, so
that one overlay works for several versions of a document.

`api.overlay.yaml` belongs to `api.yaml` in the same folder, and to the documents whose URLs it names: in `extends`, or,
if there are several, in `x-astro-nb-extends`.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from ..data import Location
from ..errors import DocumentInvalid, PickError
from ..jsonpath import find
from .documents import Document, as_path, bundled_folder, is_url, read_source
from .extensions import EXTENDS
from .parsing import parse
from .references import Fetch


def apply_overlay(document: Document, overlay: Document) -> tuple[Document, list[str]]:
    """Return the document with the overlay's actions applied in order, and a warning for each that matches nothing.

    Both inputs are left unchanged: only what an action modifies is copied.

    Raises:
        DocumentInvalid: An action has an invalid target, or removes the whole document.
    """
    warnings: list[str] = []
    root: list[Any] = [document]
    copies: dict[int, Any] = {}
    for action in overlay.get("actions") or []:
        matches = _find_matches(root[0], action)
        if not matches:
            warnings.append(f"The overlay's target {action.get('target')} matches nothing in this document.")
        for location in sorted(matches, key=_by_depth_and_index, reverse=True):
            _apply_action(root, location, action, copies)
        if not (root and isinstance(root[0], dict)):
            raise DocumentInvalid("The overlay removes the whole document.", "Use a target below $, or an update.")
    return root[0], warnings


def load_overlay(source: Any, fetch: Fetch | None = None) -> Document:
    """Load an overlay from any source that a document can have.

    Raises:
        DocumentNotFound: There is nothing at the source.
        DocumentInvalid: The source is not an overlay.
    """
    if isinstance(source, Mapping):
        return check_overlay(dict(source), "the overlay")
    data, name = read_source(source, fetch)
    return check_overlay(parse(data, name), name)


def find_overlay(source: Any) -> Document | None:
    """Return the overlay of a document, or None: `api.overlay.yaml` for `api.yaml`, a bundled one for a URL."""
    if is_url(source):
        overlays = map(load_overlay, sorted(bundled_folder().glob("*.overlay.yaml")))
        return next((overlay for overlay in overlays if source in _extended_urls(overlay)), None)
    path = as_path(source)
    neighbor = path.with_name(f"{path.stem}.overlay.yaml") if path else None
    return load_overlay(neighbor) if neighbor and neighbor.is_file() else None


def check_overlay(overlay: Any, name: str) -> Document:
    """Return the overlay itself if it is one.

    Raises:
        DocumentInvalid: It has no `overlay` version or no list of actions.
    """
    if isinstance(overlay, dict) and "overlay" in overlay:
        actions = overlay.get("actions")
        if actions is None or (isinstance(actions, list) and all(isinstance(action, dict) for action in actions)):
            return overlay
    raise DocumentInvalid(f"{name} is not an OpenAPI Overlay.", "It needs `overlay: 1.0.0` and a list of `actions`.")


def _extended_urls(overlay: Document) -> list[Any]:
    several = overlay.get(EXTENDS)
    return [overlay.get("extends"), *(several if isinstance(several, list) else [])]


def _find_matches(document: Document, action: dict[str, Any]) -> list[Location]:
    try:
        return list(dict.fromkeys(location for location, _ in find(document, str(action.get("target", "")))))
    except PickError as error:
        raise DocumentInvalid(f"The overlay has an invalid target. {error.what}", error.todo) from error


def _by_depth_and_index(location: Location) -> tuple[int, list[int]]:
    """Return a sort key; in reverse it puts what is deep before its container, and later list items before earlier."""
    return len(location), [step if isinstance(step, int) else -1 for step in location]


def _apply_action(root: list[Any], location: Location, action: dict[str, Any], copies: dict[int, Any]) -> None:
    container: Any = root
    step: str | int = 0
    for following in location:
        container, step = _copy_child(container, step, copies), following
    if action.get("remove"):
        del container[step]
    elif "update" in action:
        merged = container[step] = _merge(container[step], action["update"])
        if merged is not action["update"]:
            copies[id(merged)] = merged


def _copy_child(container: Any, step: str | int, copies: dict[int, Any]) -> Any:
    """Return the child at `step`, replaced by a shallow copy unless it already is one.

    A shallow copy of each container on the way is all that an update needs. `copies` keeps the copies alive, so that
    their ids are not reused.
    """
    child = container[step]
    if id(child) not in copies:
        child = container[step] = copy.copy(child)
        copies[id(child)] = child
    return child


def _merge(old: Any, new: Any) -> Any:
    """Merge mappings recursively, append to lists, replace anything else (Overlay 1.0.0, section 4.4.3)."""
    if isinstance(old, dict) and isinstance(new, dict):
        return {**old, **{key: _merge(old[key], value) if key in old else value for key, value in new.items()}}
    if isinstance(old, list):
        return [*old, *new] if isinstance(new, list) else [*old, new]
    return new
