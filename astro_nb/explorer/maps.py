"""The members of a map: rows with a name and a value to add, rename, duplicate and remove."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from ..call import UNSET
from ..errors import UsageError
from ..html import escape
from ..schema import Field
from .controls import state_buttons
from .inputs import FieldLabel, label_html
from .places import FieldPath, ProblemTarget
from .widgets import (
    add_classes,
    button,
    close_tree,
    horizontal,
    html_widget,
    set_hidden,
    shared_layout,
    shared_style,
    vertical,
)

if TYPE_CHECKING:
    from .form import FormView


PAGE_SIZE = 30
"""Members shown at once."""


class MapControl:
    """The undeclared members of an object.

    Args:
        view: the form it belongs to.
        about: the label of the object.
        item: the field of the values.
        path: the path of the object.
        declared: names that have fields of their own.
    """

    def __init__(
        self, view: FormView, about: FieldLabel, item: Field, path: FieldPath, declared: frozenset[str] = frozenset()
    ) -> None:
        self.view, self.about, self.item, self.path, self.declared = view, about, item, path, declared
        self._count = PAGE_SIZE
        self.rows: list[MapEntry] = []
        self._holder = vertical([], "anb-pairs")
        self._more = button("", "anb-link")
        self._add = button(f"+ Add to {about.name}", "anb-plain", f"Add a name and a value to {about.name}")
        self._add.on_click(view.status.report_errors(lambda _: self.add()))
        self._more.on_click(view.status.report_errors(lambda _: self._show_more()))
        self.draw()
        whole = [] if declared else state_buttons(view, about, path, self.draw)
        self.widget = vertical([*([] if declared else [self._head()]), self._holder, self._more, self._tools(whole)])

    def draw(self) -> None:
        """Show a row for each current name."""
        names = self.names()
        self._clear_entries()
        for name in names[: self._count]:
            self._append(FieldPath((name,), self.path), name)
        left = len(names) - self._count
        self._more.description = f"Show {min(left, PAGE_SIZE)} more of {len(names)}"
        set_hidden(self._more, left <= 0)
        self._update_limits()

    def names(self) -> list[str]:
        """The undeclared names that are set."""
        held = self.view.form.get(self.path.location)
        return [str(name) for name in held if name not in self.declared] if isinstance(held, dict) else []

    def add(self, value: Any = UNSET) -> None:
        """Add a row without a name; its value is sent once it has one."""
        draft = FieldPath(self.view.draft())
        if value is not UNSET:
            self.view.form.set(draft.location, value)
        self._append(draft, "").name.focus()
        self._update_limits()
        self.view.changed()

    def drop(self, pair: MapEntry) -> None:
        """Remove a row with its value."""
        self.view.form.set(pair.path.location, UNSET)
        self.rows.remove(pair)
        self._show()
        close_tree(pair.widget)
        self._update_limits()
        self._add.focus()
        self.view.changed()

    def rename(self, pair: MapEntry, name: str) -> str:
        """Rename a row; return the problem with the name, and change nothing then."""
        taken = self.declared | {row.name_text for row in self.rows if row is not pair} | set(self.names())
        if name == pair.name_text:
            return ""
        if not name or name in taken:
            return "Enter a name." if not name else f"{name} already exists. Choose another name."
        self._move(pair, name)
        return ""

    def _move(self, pair: MapEntry, name: str) -> None:
        form, at = self.view.form, self.path.location
        value = form.get(pair.path.location)
        if pair.name_text and value is not UNSET:
            form.rename(at, pair.name_text, name)
        elif value is not UNSET:
            form.set(pair.path.location, UNSET)
            form.set((*at, name), value)
        pair.path.move_to((name,), self.path)
        pair.name_text = name

    def _append(self, path: FieldPath, name: str) -> MapEntry:
        pair = MapEntry(self, path, name)
        self.rows.append(pair)
        self._show()
        return pair

    def _show(self) -> None:
        self._holder.children = tuple(pair.widget for pair in self.rows)

    def _clear_entries(self) -> None:
        old, self.rows = self.rows, []
        self._show()
        for pair in old:
            close_tree(pair.widget)

    def _show_more(self) -> None:
        self._count += PAGE_SIZE
        self.draw()
        self.view.changed()

    def _update_limits(self) -> None:
        most = self.about.field.schema.get("maxProperties")
        self._add.disabled = most is not None and len(self.rows) + len(self.declared & set(self.names())) >= most

    def _head(self) -> widgets.Widget:
        head = html_widget()

        def write(problem: str, resolved: str) -> None:
            text = label_html(self.about, self.view.form.get(self.path.location), problem)
            head.value = f'<div class="anb-field anb-head">{text}</div>'

        write("", "")
        self.view.problem_targets.add(ProblemTarget(self.path, head, write))
        return head

    def _tools(self, whole: list[widgets.Widget]) -> widgets.Widget:
        return horizontal([self._add, *whole], "anb-tools") if whole else self._add


class MapEntry:
    """One member: a name and its value."""

    def __init__(self, pairs: MapControl, path: FieldPath, text: str) -> None:
        self.path, self.name_text = path, text
        guard: Callable[..., Any] = pairs.view.status.report_errors
        style = shared_style(widgets.widget_string.TextStyle)
        text = widgets.Text(
            value=text,
            placeholder="name",
            continuous_update=False,
            description_allow_html=True,
            layout=shared_layout(),
            style=style,
        )
        self.name = add_classes(text, "anb-field")
        self._describe("")
        about = FieldLabel(pairs.item, title="Value")  # fixed: a label that changes undoes typing in progress
        value = pairs.view.any(about, path)
        duplicate, drop = button("Duplicate", "anb-link"), button("Remove", "anb-link")
        duplicate.on_click(guard(lambda _: pairs.add(pairs.view.form.get(path.location))))
        drop.on_click(guard(lambda _: pairs.drop(self)))
        tools = horizontal([duplicate, drop], "anb-rowtools")
        self.widget = horizontal([self.name, value, tools], "anb-pair")

        def renamed(_: Any) -> None:
            problem = pairs.rename(self, self.name.value.strip())
            self._describe(problem)
            for made in (duplicate, drop):
                made.tooltip = f"{made.description} {self.name_text}"
            pairs.view.changed()

        self.name.observe(guard(renamed), "value")

    def _describe(self, problem: str) -> None:
        waits = "" if self.name_text or problem else "Sent once it has a name."
        text = (
            f'<span class="anb-{"problem" if problem else "help"}">{escape(problem or waits)}</span>'
            if problem or waits
            else ""
        )
        self.name.description = f"<b>Name</b>{text}"


def build_map(view: FormView, about: FieldLabel, path: FieldPath) -> widgets.Widget:
    """Build the control of a map."""
    item = about.field.item
    if item is None:
        raise UsageError(f"{about.name} has no values.", "Edit it as JSON.")
    return MapControl(view, about, item, path).widget
