"""Buttons for what typing cannot say of a value that has parts: empty, null, left out."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from ..call import UNSET
from .labels import About
from .marks import Mark
from .parts import button, line, set_hidden
from .place import Place

if TYPE_CHECKING:
    from .form import FormView

_EMPTY: dict[str, tuple[str, Any]] = {
    "object": ("Set to empty object", {}),
    "map": ("Set to empty object", {}),
    "array": ("Set to empty list", []),
}


def states(view: FormView, about: About, place: Place, redraw: Callable[[], None]) -> list[widgets.Widget]:
    """A row of small buttons, those hidden that would change nothing; no row where there is no choice."""
    buttons = [(button(text, "anb-link", f"{text}: {about.name}"), value) for text, value in _choices(about)]
    if not buttons:
        return []

    def press(value: Any) -> None:
        view.form.set(place.at, copy.copy(value))
        redraw()
        view.changed()
        refresh("", "")
        next((made for made, _ in buttons if "anb-hidden" not in made._dom_classes), buttons[0][0]).focus()

    def refresh(wrong: str, becomes: str) -> None:
        now = view.form.get(place.at)
        for made, value in buttons:
            set_hidden(made, type(now) is type(value) and now == value)

    for made, value in buttons:
        made.on_click(view.status.guard(lambda _, value=value: press(value)))
    row = line([made for made, _ in buttons], "anb-states")
    refresh("", "")
    view.follow(Mark(place, row, refresh))
    return [row]


def _choices(about: About) -> list[tuple[str, Any]]:
    field = about.field
    needs = any(child.required for child in field.children)
    found = [_EMPTY[field.kind]] if field.kind in _EMPTY and not (needs and about.required) else []
    found += [("Set to null", None)] if field.nullable else []
    return found + ([] if about.required else [("Leave out", UNSET)])
