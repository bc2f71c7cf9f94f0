"""The widgets of a form: required fields first, others collapsed, nested values built when opened."""

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
from .collections import ArrayControl, UnionControl
from .controls import FileControl, build_control, build_json_control, build_map
from .groups import Collapsible, build_fields, build_object_fields, build_object_group
from .inputs import (
    UNSET_LABEL,
    FieldLabel,
    FieldPath,
    ProblemTarget,
    ProblemTargets,
    SuggestedValue,
    is_secret_input,
    more_label,
)
from .widgets import Status, close_tree, dropdown, vertical

SuggestValues = Callable[[Field], list[SuggestedValue]]
BuildField = Callable[["FormView", FieldLabel, FieldPath], widgets.Widget]

_MAX_AUTO_OPEN = 120
"""Fields on the screen, up to which groups open by themselves."""


class FormView:
    """The widgets of one form.

    Args:
        form: the values.
        status: shows errors of callbacks.
        offers: returns suggestions for a field.
        keep_secret: stores a typed secret and returns its template.
        changed: called after each change of a value.

    Attributes:
        problem_targets: the parts that can show a problem.
        opened: the groups opened or closed by hand.
        memory: values that are not selected now: of other variants, and of fields hidden by a rule.
        name_inputs: the inputs of the names of undeclared members, by where problems with them are reported.
    """

    def __init__(
        self,
        form: Form,
        status: Status,
        offers: SuggestValues,
        keep_secret: Callable[[str, Field], str],
        changed: Callable[[], None],
    ) -> None:
        self.form, self.status, self.changed = form, status, changed
        self.offers, self.keep_secret = offers, keep_secret
        self.problem_targets = ProblemTargets()
        self.opened: dict[Any, bool] = {}
        self.memory: dict[Any, dict[str, Any]] = {}
        self._watches: list[tuple[FieldPath, widgets.Widget, Callable[[], None]]] = []
        self._followers: list[ProblemTarget] = []
        self._drafts = itertools.count()
        self.name_inputs: dict[Location, widgets.Widget] = {}
        self.widget = vertical([], "anb-form")
        self.draw()

    @property
    def may_auto_open(self) -> bool:
        """Whether groups may still open automatically: few fields are shown so far."""
        return len(self.problem_targets) < _MAX_AUTO_OPEN

    def draw(self) -> None:
        """Rebuild the form from its values; a value without a name is dropped."""
        self.memory.clear()
        self.form.set(("drafts",), UNSET)
        old = self.widget.children
        self.problem_targets, self._watches, self._followers = ProblemTargets(), [], []
        self.widget.children = tuple(self._parts())
        for widget in old:
            close_tree(widget)

    def mark(self, problems: dict[Location, str], resolved: Callable[[Any], str]) -> dict[Location, str]:
        """Show problems and resolved templates in the labels; return the problems that have no label."""
        self._drop_closed_names()
        left = self.problem_targets.show(self.form, problems, resolved)
        self._followers = [mark for mark in self._followers if mark.widget.comm is not None]
        for mark in self._followers:
            mark.write("", "")
        return left

    def _drop_closed_names(self) -> None:
        """Withdraw problems with names whose inputs were removed."""
        for at, entry in list(self.name_inputs.items()):
            if entry.comm is None:
                del self.name_inputs[at]
                self.form.accept(at)

    def follow(self, mark: ProblemTarget) -> None:
        """Update a part of the form on every change, without showing problems in it."""
        self._followers.append(mark)

    def watch(self, path: FieldPath, widget: widgets.Widget, changed: Callable[[], None]) -> None:
        """Call back after each change at a path or inside it, until the widget is closed."""
        self._watches.append((path, widget, changed))

    def draft(self) -> Location:
        """Return a location for a value that has no name yet; it is not part of the call."""
        return ("drafts", str(next(self._drafts)))

    def is_set(self, at: Location) -> bool:
        """Whether there is a value."""
        return self.form.get(at) is not UNSET

    def loses_value(self, field: Field, path: FieldPath) -> bool:
        """Whether the field's control would lose the value at a path."""
        return not is_secret_input(field) and not fits_control(field, self.form.get(path.location))

    def object(self, field: Field, path: FieldPath, without: str = "") -> list[widgets.Widget]:
        """Build the parts of an object."""
        return build_object_fields(self, field, path, without)

    def any(self, about: FieldLabel, path: FieldPath) -> widgets.Widget:
        """Build the control of a field; JSON, with the reason, if its own control is not possible."""
        if self.loses_value(about.field, path):
            return build_json_control(
                self, about, path, f"The current value does not have the type {about.field.type_name}: edit it as JSON."
            )
        try:
            return _builder_for(about.field)(self, about, path)
        except AstroNbError as error:
            return build_json_control(self, about, path, str(error))

    def after(self, path: FieldPath) -> None:
        """Notify the watchers of a path, then the rest of the explorer."""
        self._watches = [watch for watch in self._watches if watch[1].comm is not None]
        for watched, widget, changed in list(self._watches):
            if widget.comm is not None and _contains(watched, path):
                changed()
        self.changed()

    def _parts(self) -> Iterator[widgets.Widget]:
        def draw(field: Field) -> widgets.Widget:
            return self.any(FieldLabel(field, field.required), FieldPath(("parameters", field.name)))

        others = [f for f in self.form.parameters if not f.required]
        given = [f for f in others if self.is_set(("parameters", f.name))]
        rest = [f for f in others if not self.is_set(("parameters", f.name))]
        yield from (draw(field) for field in self.form.parameters if field.required)
        yield from self._body()
        yield from (draw(field) for field in given)
        if rest:
            fold = Collapsible(self, ("parameters", "more"), lambda: build_fields(self, rest, draw), False)
            fold.set_label(more_label(len(rest), "parameter"))
            yield fold.widget

    def _body(self) -> Iterator[widgets.Widget]:
        body, path = self.form.body, FieldPath(("body",))
        if body is None:
            return
        kinds = list(self.form.operation.body.content) if self.form.operation.body else []
        if len(kinds) > 1:
            yield _media_type_control(self, kinds)
        if self.form.examples:
            yield _example_control(self)
        if body.kind == "object" and body.children and not self.loses_value(body, path):
            yield from self.object(body, path)
        else:
            yield self.any(FieldLabel(body, body.required), path)


def _media_type_control(view: FormView, kinds: list[str]) -> widgets.Widget:
    now = view.form.media_type if view.form.media_type in kinds else kinds[0]
    made = dropdown("Body as", "anb-field", "anb-media", options=kinds, value=now)

    def choose(change: dict[str, Any]) -> None:
        view.form.set_media_type(change["new"])
        view.draw()
        view.changed()
        next(part for part in view.widget.children if "anb-media" in part._dom_classes).focus()

    made.observe(view.status.report_errors(choose), "value")
    return made


def _example_control(view: FormView) -> widgets.Widget:
    """The document's named examples of the body; the chosen one replaces the body."""
    names, body = list(view.form.examples), view.form.get(("body",))
    valid = view.form.valid_examples
    options = [(UNSET_LABEL, 0)]
    options += [(n if n in valid else f"{n} · not valid by the schema", i) for i, n in enumerate(names, 1)]
    now = next((i for i, name in enumerate(names, 1) if view.form.example(name) == body), 0)
    made = dropdown("Example", "anb-field", "anb-example", options=options, value=now)

    def choose(change: dict[str, Any]) -> None:
        if change["new"]:
            view.form.use_example(names[change["new"] - 1])
            view.draw()
            view.changed()
            next(part for part in view.widget.children if "anb-example" in part._dom_classes).focus()

    made.observe(view.status.report_errors(choose), "value")
    return made


def _builder_for(field: Field) -> BuildField:
    """The builder of a field, by kind; of an array by its items."""
    if field.kind == "array":
        kind = "files" if is_file_list(field) else "lines" if is_line_list(field) else "rows"
        return _ARRAYS[kind]
    return _BUILDERS.get(field.kind, build_control)


_ARRAYS: dict[str, BuildField] = {
    "files": lambda view, about, path: FileControl(view, about, path).widget,
    "lines": build_control,
    "rows": lambda view, about, path: ArrayControl(view, about, path).widget,
}

_BUILDERS: dict[str, BuildField] = {
    "object": build_object_group,
    "map": build_map,
    "union": lambda view, about, path: UnionControl(view, about, path).widget,
    "file": lambda view, about, path: FileControl(view, about, path).widget,
}


def _contains(watched: FieldPath, path: FieldPath | None) -> bool:
    while path is not None:
        if path is watched:
            return True
        path = path.parent
    return False


def dry_render(form: Form) -> str:
    """Return the error that drawing a form in the explorer raises, as text; empty if there is none."""
    status = Status()
    view = FormView(form, status, lambda field: [], lambda text, field: "", lambda: None)
    close_tree(view.widget)
    return str(status.last_error or "")
