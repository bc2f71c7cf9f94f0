"""One control of a form, and the buttons that set a container to empty, null or unset."""

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
from .inputs import ControlContext, FieldLabel, label_html, make_input, note_html
from .places import FieldPath, ProblemTarget
from .widgets import button, horizontal, html_widget, replace_children, set_hidden, vertical

if TYPE_CHECKING:
    from .form import FormView


_EMPTY: dict[str, tuple[str, Any]] = {
    "object": ("Set to empty object", {}),
    "map": ("Set to empty object", {}),
    "array": ("Set to empty list", []),
}


def state_buttons(
    view: FormView, about: FieldLabel, path: FieldPath, redraw: Callable[[], None]
) -> list[widgets.Widget]:
    """Build a row of buttons that set empty, null or unset; no row if there is nothing to choose."""
    buttons = [(button(text, "anb-link", f"{text}: {about.name}"), value) for text, value in _state_choices(about)]
    if not buttons:
        return []

    def click(value: Any) -> None:
        view.form.set(path.location, copy.copy(value))
        redraw()
        view.changed()
        refresh("", "")
        next((made for made, _ in buttons if "anb-hidden" not in made._dom_classes), buttons[0][0]).focus()

    def refresh(problem: str, resolved: str) -> None:
        now = view.form.get(path.location)
        for made, value in buttons:
            set_hidden(made, type(now) is type(value) and now == value)

    for made, value in buttons:
        made.on_click(view.status.report_errors(lambda _, value=value: click(value)))
    row = horizontal([made for made, _ in buttons], "anb-states")
    refresh("", "")
    view.follow(ProblemTarget(path, row, refresh))
    return [row]


def _state_choices(about: FieldLabel) -> list[tuple[str, Any]]:
    field = about.field
    needs = any(child.required for child in field.children)
    found = [_EMPTY[field.kind]] if field.kind in _EMPTY and not (needs and about.required) else []
    found += [("Set to null", None)] if field.nullable else []
    return found + ([] if about.required else [("Unset", UNSET)])


def build_control(view: FormView, about: FieldLabel, path: FieldPath) -> widgets.Widget:
    """Build the control of a field that is a single control."""
    field, guard = about.field, view.status.report_errors

    def typed(text: str) -> None:
        view.form.set_text(path.location, field, text)
        view.after(path)

    def chosen(value: Any) -> None:
        view.form.set(path.location, value)
        view.after(path)

    def secret(text: str) -> str:
        return view.keep_secret(text, changed_field(field, name=_secret_variable(view, field, path)))

    slot = ControlContext(about, view.form.get(path.location), view.offers(field), typed, chosen, secret, guard)
    control, more = make_input(slot)
    if isinstance(control, widgets.Text | widgets.Textarea):
        box = vertical([control, *more])
        view.problem_targets.add(ProblemTarget(path, box, _note_writer(view, about, path, box)))
        return box

    def write(problem: str, resolved: str) -> None:
        text = label_html(about, view.form.get(path.location), problem, resolved)
        if control.description != text:
            control.description = text

    view.problem_targets.add(ProblemTarget(path, control, write))
    return control


def _note_writer(view: FormView, about: FieldLabel, path: FieldPath, box: widgets.Box) -> Callable[[str, str], None]:
    """Write notes below a text control; changing the control itself would undo typing in progress."""
    made: list[widgets.HTML] = []

    def write(problem: str, resolved: str) -> None:
        text = note_html(about, view.form.get(path.location), problem, resolved)
        if text and not made:
            made.append(html_widget())
            box.children = (*box.children, made[0])
        if made and made[0].value != text:
            made[0].value = text

    write("", "")
    return write


def _secret_variable(view: FormView, field: Field, path: FieldPath) -> str:
    """The variable name for a typed secret, unique in the form."""
    base = re.sub(r"[^A-Za-z0-9_.-]+", "_", field.name).strip("_") or "secret"
    used = template_names([view.form.get((part,)) for part in ("parameters", "body", "drafts")])
    own = template_names(view.form.get(path.location))
    if len(own) == 1 and used.count(own[0]) == 1 and re.fullmatch(rf"{re.escape(base)}(_\d+)?", own[0]):
        return own[0]
    numbered = (base if number == 1 else f"{base}_{number}" for number in itertools.count(1))
    return next(name for name in numbered if name not in used)


def build_json_control(view: FormView, about: FieldLabel, path: FieldPath, reason: str) -> widgets.Widget:
    """Build a JSON editor for a field, until its value fits the field's own control."""
    as_any = changed_field(about.field, kind="any", schema={}, type_name="JSON", nullable=True)
    text = FieldLabel(
        as_any, about.required, " ".join(filter(None, [about.field.info.description, reason])), about.title
    )
    box = vertical([build_control(view, text, path)])

    def follow() -> None:
        if fits_control(about.field, view.form.get(path.location)) and view.is_set(path.location):
            replace_children(box, [view.any(about, path)])

    if about.field.kind not in ("union", "any"):
        view.watch(path, box, follow)
    return box
