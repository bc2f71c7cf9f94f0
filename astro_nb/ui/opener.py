"""A button that opens a group, whose widgets are built when it is opened."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from .labels import About, headline
from .marks import Mark
from .parts import button, is_hidden, replace, set_hidden, stack
from .place import Place

if TYPE_CHECKING:
    from .form import FormView

Build = Callable[[], list[widgets.Widget]]


class Opener:
    """A group with its button.

    Attributes:
        head: the button.
        inner: the box of the group.
    """

    def __init__(self, view: FormView, key: tuple[Any, ...], build: Build, opened: bool, tip: str = "") -> None:
        self._view, self._key, self._build = view, key, build
        self._text = ""
        self.head = button("", "anb-link", tip or "Open or close", "anb-opener")
        self.inner = stack([], "anb-group")
        self.is_open = view.opened.get(key, opened and view.is_roomy)
        if self.is_open:
            self.inner.children = tuple(build())
        set_hidden(self.inner, not self.is_open)
        self.head.on_click(view.status.guard(lambda _: self.toggle()))

    @property
    def widget(self) -> widgets.Box:
        """The button with the group below it."""
        return stack([self.head, self.inner])

    def say(self, text: str) -> None:
        """What stands on the button, beside the triangle."""
        self._text = text
        told = f"{'▾' if self.is_open else '▸'} {text}"
        if self.head.description != told:
            self.head.description = told

    def toggle(self) -> None:
        """Open the group, or close it; once built it stays."""
        self.is_open = self._view.opened[self._key] = is_hidden(self.inner)
        set_hidden(self.inner, not self.is_open)
        self.say(self._text)
        if self.is_open and not self.inner.children:
            self.inner.children = tuple(self._build())
            self._view.changed()

    def rebuild(self) -> None:
        """Build the group anew, if it was built."""
        if self.inner.children or self.is_open:
            replace(self.inner, self._build())


def group(view: FormView, about: About, place: Place, build: Build, opened: bool) -> Opener:
    """The group of one field, whose button tells name, type, state and what is wrong."""
    made = Opener(view, (*place.at, about.field.type_name), build, opened, about.field.description)

    def write(wrong: str, becomes: str) -> None:
        made.say(headline(about, view.form.get(place.at), wrong))

    write("", "")
    view.marks.add(Mark(place, made.head, write, lambda: made.is_open))
    return made
