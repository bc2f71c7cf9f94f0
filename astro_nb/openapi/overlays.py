"""What a document leaves unsaid, added by an OpenAPI Overlay 1.x document.

An overlay is a list of actions; each has a JSONPath `target` and either an `update`, merged into every match, or
`remove: true` (Overlay Specification 1.0.0, section 4.4). An action that fits nothing is told, not refused, so that one
overlay serves several versions of a document.

An overlay belongs to the document beside which it lies, and to those whose addresses it names: in `extends`, or, where
there are several, in `x-astro-nb-extends`.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from ..data import Location
from ..errors import DocumentInvalid, PickError
from ..jsonpath import find
from .documents import Document, as_path, bundled_folder, is_url, read
from .extensions import NOTE
from .external_references import Fetch
from .parsing import parse


def apply_overlay(document: Document, overlay: Document) -> tuple[Document, list[str]]:
    """The document with the overlay's actions applied in order, and a warning for each that fits nothing.

    Both are left as they are: only what an action touches is copied.

    Raises:
        DocumentInvalid: an action has a bad target, or leaves no document.
    """
    warnings: list[str] = []
    root: list[Any] = [document]
    ours: dict[int, Any] = {}
    for action in overlay.get("actions") or []:
        matches = _matches(root[0], action)
        if not matches:
            warnings.append(f"The overlay's target {action.get('target')} fits nothing in this document.")
        for location in sorted(matches, key=_lowest_last, reverse=True):
            _act(root, location, action, ours)
        if not (root and isinstance(root[0], dict)):
            raise DocumentInvalid("The overlay takes the whole document away.", "Give a target below $, or merge.")
    return root[0], warnings


def load_overlay(source: Any, fetch: Fetch | None = None) -> Document:
    """The overlay at `source`, which may be all that a document's source may be.

    Raises:
        DocumentNotFound: nothing lies there.
        DocumentInvalid: what lies there is no overlay.
    """
    if isinstance(source, Mapping):
        return check_overlay(dict(source), "the overlay")
    data, name = read(source, fetch)
    return check_overlay(parse(data, name), name)


def overlay_of(source: Any) -> Document | None:
    """The overlay that belongs to a document: `api.yaml` has `api.overlay.yaml`; an address has one that ships."""
    if is_url(source):
        return next((overlay for overlay in _bundled_overlays() if source in _extended(overlay)), None)
    path = as_path(source)
    beside = path.with_name(f"{path.stem}.overlay.yaml") if path else None
    return load_overlay(beside) if beside and beside.is_file() else None


def check_overlay(overlay: Any, name: str) -> Document:
    """The overlay itself when it is one.

    Raises:
        DocumentInvalid: it has no `overlay` version or no list of actions.
    """
    if isinstance(overlay, dict) and "overlay" in overlay and _are_actions(overlay.get("actions")):
        return overlay
    raise DocumentInvalid(f"{name} is not an OpenAPI Overlay.", "It needs `overlay: 1.0.0` and a list of `actions`.")


def _are_actions(actions: Any) -> bool:
    return actions is None or (isinstance(actions, list) and all(isinstance(a, dict) for a in actions))


def _bundled_overlays() -> Iterator[Document]:
    return map(load_overlay, sorted(bundled_folder().glob("*.overlay.yaml")))


def _extended(overlay: Document) -> list[Any]:
    several = overlay.get(f"{NOTE}extends")
    return [overlay.get("extends"), *(several if isinstance(several, list) else [])]


def _matches(document: Document, action: dict[str, Any]) -> list[Location]:
    try:
        return list(dict.fromkeys(location for location, _ in find(document, str(action.get("target", "")))))
    except PickError as error:
        raise DocumentInvalid(f"The overlay has a bad target. {error.what}", error.todo) from error


def _lowest_last(location: Location) -> tuple[int, list[int]]:
    """What is deep goes before what holds it, and a later entry of a list before an earlier one."""
    return len(location), [step if isinstance(step, int) else -1 for step in location]


def _act(root: list[Any], location: Location, action: dict[str, Any], ours: dict[int, Any]) -> None:
    holder: Any = root
    step: str | int = 0
    for following in location:
        holder, step = _own(holder, step, ours), following
    if action.get("remove"):
        del holder[step]
    elif "update" in action:
        merged = holder[step] = _merged(holder[step], action["update"])
        if merged is not action["update"]:
            ours[id(merged)] = merged


def _own(holder: Any, step: str | int, ours: dict[int, Any]) -> Any:
    """The child at `step`, copied at first touch: a shallow copy along the path is all that an update needs.

    What was copied is kept in `ours`, so that its id is not given to something else.
    """
    child = holder[step]
    if id(child) not in ours:
        child = holder[step] = copy.copy(child)
        ours[id(child)] = child
    return child


def _merged(old: Any, new: Any) -> Any:
    """Overlay 1.0.0, section 4.4.3: mappings merge recursively, lists are appended to, all else is replaced."""
    if isinstance(old, dict) and isinstance(new, dict):
        return {**old, **{key: _merged(old[key], value) if key in old else value for key, value in new.items()}}
    if isinstance(old, list):
        return [*old, *new] if isinstance(new, list) else [*old, new]
    return new
