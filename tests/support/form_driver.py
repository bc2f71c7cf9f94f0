"""The widgets of the explorer in Python, without a front end: find, click, type, read."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import ipywidgets as widgets

from astro_nb.call import UNSET, Call
from astro_nb.explorer.form import FormView
from astro_nb.explorer.widgets import Status, close_tree
from astro_nb.forms import Form
from astro_nb.openapi import Operation

from .documents import make_operation

PATIENCE = 10.0
"""Seconds that a background task may take before the test fails."""


def walk(widget: Any) -> Iterator[Any]:
    """Yield a widget and every widget inside it."""
    yield widget
    for child in getattr(widget, "children", ()):
        yield from walk(child)


def visible_widgets(widget: Any) -> list[Any]:
    """Return the widgets on the screen: nothing inside a hidden one is."""
    if "anb-hidden" in widget._dom_classes:
        return []
    inner = [each for child in getattr(widget, "children", ()) for each in visible_widgets(child)]
    return [widget, *inner]


def label_of(widget: Any) -> str:
    """Return the label of a widget, empty if it has none."""
    return str(getattr(widget, "description", ""))


def controls_of(parts: list[Any], name: str) -> list[Any]:
    """Return the controls of the fields with this name; fail if there is none."""
    found = [part for part in parts if label_of(part).startswith(f"<b>{name}</b>")]
    assert found, f"no control {name} among {[label_of(part)[:60] for part in parts]}"
    return found


def text_below(parts: list[Any], control: Any) -> str:
    """Return the text below a control."""
    box = next(part for part in parts if control in getattr(part, "children", ()))
    return " ".join(child.value for child in box.children if isinstance(child, widgets.HTML))


def button_with(parts: list[Any], text: str) -> Any:
    """Return the first button that can be clicked with this text, or with exactly this tooltip."""
    buttons = [part for part in parts if isinstance(part, widgets.Button) and not part.disabled]
    return next(button for button in buttons if text in button.description or text == button.tooltip)


def choose(dropdown: Any, text: str) -> None:
    """Choose an option by its text."""
    dropdown.value = next(value for label, value in dropdown.options if label == text)


def wait_until(condition: Callable[[], Any]) -> None:
    """Wait until a condition holds; fail if it never does."""
    end = time.monotonic() + PATIENCE
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    assert condition()


class FormDriver:
    """A form with its widgets: what is visible, and what a user does."""

    def __init__(self, operation: Operation, body: Any = UNSET) -> None:
        self.form, self.status = Form(operation), Status()
        if body is not UNSET:
            self.form.load_call(Call(operation.id, body=body))
        self.secrets: dict[str, str] = {}
        self.view = FormView(self.form, self.status, lambda field: [], self._store, self._changed)
        self._changed()

    def _store(self, text: str, field: Any) -> str:
        self.secrets[field.name] = text
        return f"{{{{{field.name}}}}}"

    def _changed(self) -> None:
        view = getattr(self, "view", None)
        if view is not None:
            self.without_control = view.mark(self.form.problems(lambda value: value), lambda value: "known")

    @property
    def body(self) -> Any:
        return self.form.draft().body

    def visible(self) -> list[Any]:
        """Return the widgets on the screen."""
        return visible_widgets(self.view.widget)

    def controls(self, name: str) -> list[Any]:
        """Return the controls whose label starts with a name, if any."""
        return [part for part in self.visible() if label_of(part).startswith(f"<b>{name}</b>")]

    def controls_named(self, name: str) -> list[Any]:
        """Return the controls of the form itself, or of its fields, whose label is exactly this or starts with it."""
        return [part for part in self.visible() if label_of(part) == name] or self.controls(name)

    def choose_named(self, name: str, text: str) -> None:
        """Choose from the list of that name by the text of an option."""
        choose(self.controls_named(name)[0], text)
        assert self.status.last_error is None

    def control(self, name: str) -> Any:
        """Return the first control whose label starts with a name."""
        return controls_of(self.visible(), name)[0]

    def text_at(self, name: str) -> str:
        """Return the text at a control: its label, and what is below it."""
        control = self.control(name)
        return label_of(control) + text_below(self.visible(), control)

    def click(self, text: str) -> None:
        """Click the first button with this text, or with exactly this tooltip."""
        button_with(self.visible(), text).click()
        assert self.status.last_error is None

    def choose(self, name: str, text: str) -> None:
        """Choose from a list by the text of an option."""
        choose(self.control(name), text)
        assert self.status.last_error is None

    def open_all(self, levels: int = 4) -> None:
        """Open every group, some levels deep."""
        for _ in range(levels):
            closed = [w for w in self.visible() if label_of(w).startswith("▸")]
            for opener in closed[:40]:
                opener.click()
                assert self.status.last_error is None

    def text(self) -> str:
        """Return all text on the screen."""
        return " ".join(f"{getattr(w, 'description', '')} {getattr(w, 'value', '')}" for w in self.visible())

    def close(self) -> None:
        close_tree(self.view.widget)


def make_form(schema: Any, body: Any = UNSET, *, media_type: str = "application/json", **schemas: Any) -> FormDriver:
    """Return the form of a required body with this schema; `schemas` are those of the components."""
    return FormDriver(make_operation(schema, media_type=media_type, required=True, **schemas), body)
