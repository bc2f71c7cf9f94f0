"""Buttons for what typing cannot say of a value that has parts: empty, null, left out.

One control of a form, and what a change of it sets off.
"""

from __future__ import annotations

import copy
import itertools
import re
from collections.abc import Callable
from dataclasses import replace as changed_field
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from ..call import UNSET
from ..forms import fits_control
from ..schema import Field
from ..templates import template_names
from .inputs import About, Slot, label, make_input, note
from .places import Mark, Place
from .widgets import button, line, replace, set_hidden, stack, words

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


def leaf(view: FormView, about: About, place: Place) -> widgets.Widget:
    """A field that is one control."""
    field, guard = about.field, view.status.guard

    def typed(text: str) -> None:
        view.form.set_text(place.at, field, text)
        view.after(place)

    def chosen(value: Any) -> None:
        view.form.set(place.at, value)
        view.after(place)

    def secret(text: str) -> str:
        return view.keep_secret(text, changed_field(field, name=_variable(view, field, place)))

    slot = Slot(about, view.form.get(place.at), view.offers(field), typed, chosen, secret, guard)
    control, more = make_input(slot)
    if isinstance(control, widgets.Text | widgets.Textarea):
        box = stack([control, *more])
        view.marks.add(Mark(place, box, _below(view, about, place, box)))
        return box

    def write(wrong: str, becomes: str) -> None:
        told = label(about, view.form.get(place.at), wrong, becomes)
        if control.description != told:
            control.description = told

    view.marks.add(Mark(place, control, write))
    return control


def _below(view: FormView, about: About, place: Place, box: widgets.Box) -> Callable[[str, str], None]:
    """Tells below a control in which text may be on the way: a change of the control itself would undo the typing."""
    made: list[widgets.HTML] = []

    def write(wrong: str, becomes: str) -> None:
        told = note(about, view.form.get(place.at), wrong, becomes)
        if told and not made:
            made.append(words())
            box.children = (*box.children, made[0])
        if made and made[0].value != told:
            made[0].value = told

    write("", "")
    return write


def _variable(view: FormView, field: Field, place: Place) -> str:
    """The name for a typed secret: one that no other field of the form uses, or two entries would share one value."""
    base = re.sub(r"[^A-Za-z0-9_.-]+", "_", field.name).strip("_") or "secret"
    used = template_names([view.form.get((part,)) for part in ("parameters", "body", "drafts")])
    own = template_names(view.form.get(place.at))
    if len(own) == 1 and used.count(own[0]) == 1 and re.fullmatch(rf"{re.escape(base)}(_\d+)?", own[0]):
        return own[0]
    numbered = (base if number == 1 else f"{base}_{number}" for number in itertools.count(1))
    return next(name for name in numbered if name not in used)


def as_json(view: FormView, about: About, place: Place, reason: str) -> widgets.Widget:
    """A field as JSON, until its value fits its own control."""
    as_any = changed_field(about.field, kind="any", schema={}, type_name="JSON", nullable=True)
    told = About(as_any, about.required, " ".join(filter(None, [about.field.info.description, reason])), about.title)
    box = stack([leaf(view, told, place)])

    def follow() -> None:
        if fits_control(about.field, view.form.get(place.at)) and view.is_set(place.at):
            replace(box, [view.any(about, place)])

    if about.field.kind not in ("union", "any"):
        view.watch(place, box, follow)
    return box
