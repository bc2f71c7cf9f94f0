"""The items of an array, each in a group: add, duplicate, move and remove."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from ..call import UNSET
from ..data import Location
from ..schema import Field
from .controls import state_buttons
from .groups import build_group
from .inputs import FieldLabel, label_html
from .places import FieldPath, ProblemTarget
from .widgets import button, close_tree, focus_first, horizontal, html_widget, replace_children, set_hidden, vertical

if TYPE_CHECKING:
    from .form import FormView


PAGE_SIZE = 30
"""Items shown at once."""
_SECRET_CHECKS = 3  # rows that are open initially

_EMPTY: dict[str, Callable[[], Any]] = {"object": dict, "map": dict, "array": list}
"""Empty values of items that can be added before anything is filled in; others appear with their value."""


class ArrayControl:
    """The control of one array."""

    def __init__(self, view: FormView, about: FieldLabel, path: FieldPath) -> None:
        self.view, self.about, self.path = view, about, path
        self._most, self._waiting, self._known = PAGE_SIZE, False, 0
        self.rows: list[ArrayItem] = []
        self._holder = vertical([])
        self._more = button("", "anb-link")
        self._add = button(f"+ Add to {about.name}", "anb-plain", about.field.info.description)
        self._add.on_click(view.status.report_errors(lambda _: self.add()))
        self._more.on_click(view.status.report_errors(lambda _: self._show_more()))
        self._update_items()
        whole = state_buttons(view, about, path, self.redraw)
        tools = horizontal([self._add, *whole], "anb-tools") if whole else self._add
        self.widget: widgets.Box = vertical([self._head(), self._holder, self._more, tools])
        view.watch(path, self.widget, self._on_value_changed)

    def entries(self) -> list[Any]:
        """The current items."""
        held = self.view.form.get(self.path.location)
        return held if isinstance(held, list) else []

    def item(self, index: int) -> Field | None:
        """The field of the item at an index; None if there may be none."""
        field = self.about.field
        return None if index >= len(field.prefix) and field.schema.get("items") is False else field.item_at(index)

    def redraw(self, first: int = 0) -> None:
        """Rebuild the items from an index on, after they changed position; the rows and buttons stay."""
        self._waiting = False
        self._update_items()
        for row in self.rows[first:]:
            row.fill()

    def add(self) -> None:
        """Add an item at the end."""
        count = len(self.entries())
        item = self.item(count)
        if self._waiting or item is None:
            self.view.status.show_message(f"Fill in the last item of {self.about.name} first.", "warn")
            return
        self._most = max(self._most, count + 1)
        if item.kind in _EMPTY:
            self.view.form.add_row(self.path.location, _EMPTY[item.kind]())
        self._waiting = item.kind not in _EMPTY
        self._update_items()
        self.view.changed()
        focus_first(self.rows[-1].widget)

    def drop(self, index: int) -> None:
        """Remove an item."""
        self.view.form.remove_row(self.path.location, index)
        self.redraw(index)
        last = min(index, len(self.rows) - 1)
        (self.rows[last].drop if self.rows else self._add).focus()
        self.view.changed()

    def copy(self, index: int) -> None:
        """Insert a duplicate after an item."""
        self._most += 1
        there = self.view.form.copy_row(self.path.location, index)
        self.redraw(there)
        self.view.changed()

    def move(self, index: int, by: int) -> None:
        """Move an item up or down; the focus follows."""
        there = self.view.form.move_row(self.path.location, index, by)
        self.redraw(min(index, there))
        self.rows[there].focus(by)
        self.view.changed()

    def _on_value_changed(self) -> None:
        """Update after an item got or lost its value: the others may have moved up."""
        count = len(self.entries())
        if count != self._known:
            fewer = count < self._known
            self._waiting = False
            self.redraw() if fewer else self._update_items()

    def _update_items(self) -> None:
        """Show a row per item, and one for an item that has no value yet."""
        self._known = len(self.entries())
        ahead = self._known < len(self.about.field.prefix) and not self.path.is_too_deep
        waiting = self._waiting or ahead
        wanted = min(self._known + waiting, self._most)
        for row in self.rows[wanted:]:
            close_tree(row.widget)
        self.rows = self.rows[:wanted]
        for index in range(len(self.rows), wanted):
            self.rows.append(ArrayItem(self, index, self._known <= _SECRET_CHECKS or index == self._known - 1))
        self._holder.children = tuple(row.widget for row in self.rows)
        for row in self.rows:
            row.update_buttons(self._known)
        self._update_limits(wanted)

    def _update_limits(self, wanted: int) -> None:
        count, most = self._known, self.about.field.schema.get("maxItems")
        self._more.description = f"Show {min(count - wanted, PAGE_SIZE)} more of {count}"
        set_hidden(self._more, count <= wanted)
        self._add.disabled = (most is not None and count >= most) or self.item(count) is None
        set_hidden(self._add, wanted > count and not self._waiting)

    def _show_more(self) -> None:
        self._most += PAGE_SIZE
        self._update_items()
        self.view.changed()

    def _head(self) -> widgets.Widget:
        head = html_widget()

        def write(problem: str, resolved: str) -> None:
            text = label_html(self.about, self.view.form.get(self.path.location), problem)
            head.value = f'<div class="anb-field anb-head">{text}</div>'

        write("", "")
        self.view.problem_targets.add(ProblemTarget(self.path, head, write))
        return head


class ArrayItem:
    """One row with its buttons; it shows whichever item is at its index."""

    def __init__(self, rows: ArrayControl, index: int, opened: bool) -> None:
        self._rows, self._index, self._opened = rows, index, opened
        self._up, self._down = self._button("Move up", -1), self._button("Move down", 1)
        self._copy, self.drop = button("Duplicate", "anb-link"), button("Remove", "anb-link")
        guard = rows.view.status.report_errors
        self._copy.on_click(guard(lambda _: rows.copy(index)))
        self.drop.on_click(guard(lambda _: rows.drop(index)))
        self._head, self._inner = vertical([], "anb-entry-head"), vertical([], "anb-entry-inner")
        self._tools = horizontal([self._up, self._down, self._copy, self.drop], "anb-rowtools")
        for made in self._tools.children:
            made.tooltip = f"{made.description} {rows.about.name} {index + 1}"
        self.widget: widgets.Box = vertical([self._head, self._tools, self._inner], "anb-entry")
        self.fill()

    def fill(self) -> None:
        """Build the item at this index."""
        rows, path = self._rows, self._rows.path.child(self._index)
        item = rows.item(self._index) or rows.about.field.item
        replace_children(self._head, [])
        replace_children(self._inner, [] if item is None else self._drawn(item, path))

    def update_buttons(self, count: int) -> None:
        """Show the buttons that apply, given the number of items."""
        set_hidden(self._tools, self._index >= count or self._index < len(self._rows.about.field.prefix))
        set_hidden(self._up, self._index == 0)
        set_hidden(self._down, self._index >= count - 1)

    def focus(self, by: int) -> None:
        """Focus the button to move further, or back if there is no further."""
        hidden = "anb-hidden" in (self._up if by < 0 else self._down)._dom_classes
        (self._up if (by < 0) != hidden else self._down).focus()

    def _button(self, text: str, by: int) -> widgets.Button:
        made = button(text, "anb-link")
        made.on_click(self._rows.view.status.report_errors(lambda _: self._rows.move(self._index, by)))
        return made

    def _drawn(self, item: Field, path: FieldPath) -> list[widgets.Widget]:
        view = self._rows.view
        about = FieldLabel(item, title=lambda: self._title(item, path.location))
        if item.kind != "object" or view.loses_value(item, path):
            return [view.any(about, path)]
        made = build_group(view, about, path, lambda: view.object(item, path), self._opened)
        self._head.children = (made.head,)
        return [made.inner]

    def _title(self, item: Field, at: Location) -> str:
        text = _item_summary(item, self._rows.view.form.get(at))
        return f"{self._rows.about.name} {self._index + 1}" + (f": {text}" if text else "")


def _item_summary(item: Field, value: Any) -> str:
    """A short summary of an item: its first text or choice that is set, required ones first."""
    if not isinstance(value, dict):
        return ""
    plain = [c for c in item.children if c.kind in ("text", "choice") and not (c.secret or c.secret_when)]
    named = sorted(plain, key=lambda child: (not child.required, child.kind != "text"))
    text = next((value[c.name] for c in named if value.get(c.name, UNSET) not in (UNSET, None, "")), "")
    return str(text)[:60]
