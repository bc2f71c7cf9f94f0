"""A form on the screen: required fields first, the others folded, everything deeper built when it is opened.

A form drawn and taken away again, for whoever wants to know whether it can be.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import ipywidgets as widgets

from ..call import UNSET
from ..data import Location
from ..errors import AstroNbError
from ..forms import Form, fits_control, is_file_list, is_line_list
from ..schema import Field
from .arrays import Rows
from .controls import as_json, leaf
from .groups import Opener, fields_of, many, object_group
from .inputs import About, Offer, folded, is_secret
from .maps import map_of_names
from .places import Mark, Marks, Place
from .unions import Chooser
from .uploads import Files
from .widgets import Status, classed, close_all, layout, shared_style

Offers = Callable[[Field], list[Offer]]
Draw = Callable[["FormView", About, Place], widgets.Widget]

_ROOMY = 120
"""Fields on the screen, up to which groups open by themselves."""


class FormView:
    """The widgets of one form.

    Args:
        form: the values.
        status: where a callback's failure is told.
        offers: what can be offered for a field.
        keep_secret: takes a typed secret and answers with the template that stands for it.
        changed: called after each change of a value.

    Attributes:
        marks: the parts that can tell what is wrong.
        opened: which groups were opened or closed by hand.
        memory: what is not chosen now: values of other branches, and of fields that a rule has taken away.
    """

    def __init__(
        self,
        form: Form,
        status: Status,
        offers: Offers,
        keep_secret: Callable[[str, Field], str],
        changed: Callable[[], None],
    ) -> None:
        self.form, self.status, self.changed = form, status, changed
        self.offers, self.keep_secret = offers, keep_secret
        self.marks = Marks()
        self.opened: dict[Any, bool] = {}
        self.memory: dict[Any, dict[str, Any]] = {}
        self._watches: list[tuple[Place, widgets.Widget, Callable[[], None]]] = []
        self._followers: list[Mark] = []
        self._drafts = itertools.count()
        self.widget = classed(widgets.VBox([], layout=layout()), "anb-form")
        self.draw()

    @property
    def is_roomy(self) -> bool:
        """Whether groups may still open by themselves: there are few fields on the screen yet."""
        return len(self.marks) < _ROOMY

    def draw(self) -> None:
        """Build the form anew from its values, which came from elsewhere."""
        self.memory.clear()
        old = self.widget.children
        self.marks, self._watches, self._followers = Marks(), [], []
        self.widget.children = tuple(self._parts())
        for widget in old:
            close_all(widget)

    def mark(self, problems: dict[Location, str], becomes: Callable[[Any], str]) -> dict[Location, str]:
        """Write what is wrong, and what templates become, into the labels; returns what has no label on the screen."""
        left = self.marks.tell(self.form, problems, becomes)
        self._followers = [mark for mark in self._followers if mark.widget.comm is not None]
        for mark in self._followers:
            mark.write("", "")
        return left

    def follow(self, mark: Mark) -> None:
        """Let a part of the form follow the values, without telling what is wrong."""
        self._followers.append(mark)

    def watch(self, place: Place, widget: widgets.Widget, changed: Callable[[], None]) -> None:
        """Call back after each change at a place or inside it, until the widget is closed."""
        self._watches.append((place, widget, changed))

    def draft(self) -> Location:
        """A location for a value that has no name yet; it is no part of the call."""
        return ("drafts", str(next(self._drafts)))

    def is_set(self, at: Location) -> bool:
        """Whether there is a value."""
        return self.form.get(at) is not UNSET

    def cannot_show(self, field: Field, place: Place) -> bool:
        """Whether the value at a place is of a shape that the field's control would lose."""
        return not is_secret(field) and not fits_control(field, self.form.get(place.at))

    def object(self, field: Field, place: Place, without: str = "") -> list[widgets.Widget]:
        """The parts of an object."""
        return fields_of(self, field, place, without)

    def any(self, about: About, place: Place) -> widgets.Widget:
        """Whatever a field is drawn as; where that cannot be, as JSON, with the reason."""
        if self.cannot_show(about.field, place):
            return as_json(self, about, place, f"What is set is no {about.field.type_name}: it is shown as JSON.")
        try:
            return _drawn_as(about.field)(self, about, place)
        except AstroNbError as error:
            return as_json(self, about, place, str(error))

    def after(self, place: Place) -> None:
        """A value has changed: those who watch it hear of it, then the rest of the explorer."""
        self._watches = [watch for watch in self._watches if watch[1].comm is not None]
        for watched, widget, changed in list(self._watches):
            if widget.comm is not None and _holds(watched, place):
                changed()
        self.changed()

    def _parts(self) -> Iterator[widgets.Widget]:
        def draw(field: Field) -> widgets.Widget:
            return self.any(About(field, field.required), Place(("parameters", field.name)))

        others = [f for f in self.form.parameters if not f.required]
        given = [f for f in others if self.is_set(("parameters", f.name))]
        rest = [f for f in others if not self.is_set(("parameters", f.name))]
        yield from (draw(field) for field in self.form.parameters if field.required)
        yield from self._body()
        yield from (draw(field) for field in given)
        if rest:
            fold = Opener(self, ("parameters", "more"), lambda: many(self, rest, draw), False)
            fold.say(folded(len(rest), "parameter"))
            yield fold.widget

    def _body(self) -> Iterator[widgets.Widget]:
        body, place = self.form.body, Place(("body",))
        if body is None:
            return
        kinds = list(self.form.operation.body.content) if self.form.operation.body else []
        if len(kinds) > 1:
            yield _media(self, kinds)
        if body.kind == "object" and body.children and not self.cannot_show(body, place):
            yield from self.object(body, place)
        else:
            yield self.any(About(body, body.required), place)


def _media(view: FormView, kinds: list[str]) -> widgets.Widget:
    style = shared_style(widgets.widget_description.DescriptionStyle)
    now = view.form.media_type if view.form.media_type in kinds else kinds[0]
    made = widgets.Dropdown(options=kinds, value=now, description="Body as", layout=layout(), style=style)

    def choose(change: dict[str, Any]) -> None:
        view.form.set_media_type(change["new"])
        view.draw()
        view.changed()
        next(part for part in view.widget.children if "anb-media" in part._dom_classes).focus()

    made.observe(view.status.guard(choose), "value")
    return classed(made, "anb-field", "anb-media")


def _drawn_as(field: Field) -> Draw:
    """How a field is drawn: by its kind; an array by what its entries are."""
    if field.kind == "array":
        kind = "files" if is_file_list(field) else "lines" if is_line_list(field) else "rows"
        return _ARRAYS[kind]
    return _DRAWN.get(field.kind, leaf)


_ARRAYS: dict[str, Draw] = {
    "files": lambda view, about, place: Files(view, about, place).widget,
    "lines": leaf,
    "rows": lambda view, about, place: Rows(view, about, place).widget,
}

_DRAWN: dict[str, Draw] = {
    "object": object_group,
    "map": map_of_names,
    "union": lambda view, about, place: Chooser(view, about, place).widget,
    "file": lambda view, about, place: Files(view, about, place).widget,
}


def _holds(watched: Place, place: Place | None) -> bool:
    while place is not None:
        if place is watched:
            return True
        place = place.holder
    return False


def problem_of_drawing(form: Form) -> str:
    """What goes wrong when a form is drawn as the explorer would draw it, in words; empty when nothing does."""
    status = Status()
    view = FormView(form, status, lambda field: [], lambda text, field: "", lambda: None)
    close_all(view.widget)
    return str(status.last_error or "")
