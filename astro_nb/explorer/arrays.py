"""The entries of an array, each a group of its own: to add, copy, move and remove."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from ..call import UNSET
from ..data import Location
from ..schema import Field
from .controls import states
from .groups import group
from .inputs import About, label
from .places import Mark, Place
from .widgets import button, close_all, focus_first, line, replace, set_hidden, stack, words

if TYPE_CHECKING:
    from .form import FormView


MOST = 30
"""Rows that are drawn at once."""
_OPEN = 3  # rows that are open at first

_EMPTY: dict[str, Callable[[], Any]] = {"object": dict, "map": dict, "array": list}
"""Entries that can be there before anything is filled in; all others come with their value."""


class Rows:
    """The entries of one array."""

    def __init__(self, view: FormView, about: About, place: Place) -> None:
        self.view, self.about, self.place = view, about, place
        self._most, self._waiting, self._known = MOST, False, 0
        self.rows: list[Row] = []
        self._holder = stack([])
        self._more = button("", "anb-link")
        self._add = button(f"+ Add to {about.name}", "anb-plain", about.field.info.description)
        self._add.on_click(view.status.guard(lambda _: self.add()))
        self._more.on_click(view.status.guard(lambda _: self._extend()))
        self._refresh()
        whole = states(view, about, place, self.redraw)
        tools = line([self._add, *whole], "anb-tools") if whole else self._add
        self.widget: widgets.Box = stack([self._head(), self._holder, self._more, tools])
        view.watch(place, self.widget, self._follow)

    def entries(self) -> list[Any]:
        """The entries there are."""
        held = self.view.form.get(self.place.at)
        return held if isinstance(held, list) else []

    def item(self, index: int) -> Field | None:
        """What the entry at an index is; None where there is to be none."""
        field = self.about.field
        return None if index >= len(field.prefix) and field.schema.get("items") is False else field.item_at(index)

    def redraw(self, first: int = 0) -> None:
        """Draw the entries from an index on anew, after they have changed places; the rows and their buttons stay."""
        self._waiting = False
        self._refresh()
        for row in self.rows[first:]:
            row.fill()

    def add(self) -> None:
        """One more entry, at the end."""
        count = len(self.entries())
        item = self.item(count)
        if self._waiting or item is None:
            self.view.status.say(f"Fill in the last entry of {self.about.name} first.", "warn")
            return
        self._most = max(self._most, count + 1)
        if item.kind in _EMPTY:
            self.view.form.add_row(self.place.at, _EMPTY[item.kind]())
        self._waiting = item.kind not in _EMPTY
        self._refresh()
        self.view.changed()
        focus_first(self.rows[-1].widget)

    def drop(self, index: int) -> None:
        """Take an entry away."""
        self.view.form.remove_row(self.place.at, index)
        self.redraw(index)
        last = min(index, len(self.rows) - 1)
        (self.rows[last].drop if self.rows else self._add).focus()
        self.view.changed()

    def copy(self, index: int) -> None:
        """Put a copy of an entry after it."""
        self._most += 1
        there = self.view.form.copy_row(self.place.at, index)
        self.redraw(there)
        self.view.changed()

    def move(self, index: int, by: int) -> None:
        """Move an entry up or down; the focus goes with it."""
        there = self.view.form.move_row(self.place.at, index, by)
        self.redraw(min(index, there))
        self.rows[there].focus(by)
        self.view.changed()

    def _follow(self) -> None:
        """An entry has got its value, or lost it: the others may have moved up."""
        count = len(self.entries())
        if count != self._known:
            fewer = count < self._known
            self._waiting = False
            self.redraw() if fewer else self._refresh()

    def _refresh(self) -> None:
        """As many rows as there are entries, and one for an entry that waits for its value."""
        self._known = len(self.entries())
        ahead = self._known < len(self.about.field.prefix) and not self.place.is_deep
        waiting = self._waiting or ahead
        wanted = min(self._known + waiting, self._most)
        for row in self.rows[wanted:]:
            close_all(row.widget)
        self.rows = self.rows[:wanted]
        for index in range(len(self.rows), wanted):
            self.rows.append(Row(self, index, self._known <= _OPEN or index == self._known - 1))
        self._holder.children = tuple(row.widget for row in self.rows)
        for row in self.rows:
            row.build_call(self._known)
        self._limit(wanted)

    def _limit(self, wanted: int) -> None:
        count, most = self._known, self.about.field.schema.get("maxItems")
        self._more.description = f"Show {min(count - wanted, MOST)} more of {count}"
        set_hidden(self._more, count <= wanted)
        self._add.disabled = (most is not None and count >= most) or self.item(count) is None
        set_hidden(self._add, wanted > count and not self._waiting)

    def _extend(self) -> None:
        self._most += MOST
        self._refresh()
        self.view.changed()

    def _head(self) -> widgets.Widget:
        head = words()

        def write(wrong: str, becomes: str) -> None:
            told = label(self.about, self.view.form.get(self.place.at), wrong)
            head.value = f'<div class="anb-field anb-head">{told}</div>'

        write("", "")
        self.view.marks.add(Mark(self.place, head, write))
        return head


class Row:
    """One entry with its buttons; it stays where it is, and shows whichever entry stands at its place."""

    def __init__(self, rows: Rows, index: int, opened: bool) -> None:
        self._rows, self._index, self._opened = rows, index, opened
        self._up, self._down = self._button("Move up", -1), self._button("Move down", 1)
        self._copy, self.drop = button("Copy", "anb-link"), button("Remove", "anb-link")
        guard = rows.view.status.guard
        self._copy.on_click(guard(lambda _: rows.copy(index)))
        self.drop.on_click(guard(lambda _: rows.drop(index)))
        self._head, self._inner = stack([], "anb-entry-head"), stack([], "anb-entry-inner")
        self._tools = line([self._up, self._down, self._copy, self.drop], "anb-rowtools")
        for made in self._tools.children:
            made.tooltip = f"{made.description} {rows.about.name} {index + 1}"
        self.widget: widgets.Box = stack([self._head, self._tools, self._inner], "anb-entry")
        self.fill()

    def fill(self) -> None:
        """Draw the entry that stands here now."""
        rows, place = self._rows, self._rows.place.inside(self._index)
        item = rows.item(self._index) or rows.about.field.item
        replace(self._head, [])
        replace(self._inner, [] if item is None else self._drawn(item, place))

    def build_call(self, count: int) -> None:
        """Show the buttons that can do something among so many entries."""
        set_hidden(self._tools, self._index >= count or self._index < len(self._rows.about.field.prefix))
        set_hidden(self._up, self._index == 0)
        set_hidden(self._down, self._index >= count - 1)

    def focus(self, by: int) -> None:
        """Give the focus to a button for moving on, or back where there is no further."""
        hidden = "anb-hidden" in (self._up if by < 0 else self._down)._dom_classes
        (self._up if (by < 0) != hidden else self._down).focus()

    def _button(self, text: str, by: int) -> widgets.Button:
        made = button(text, "anb-link")
        made.on_click(self._rows.view.status.guard(lambda _: self._rows.move(self._index, by)))
        return made

    def _drawn(self, item: Field, place: Place) -> list[widgets.Widget]:
        view = self._rows.view
        about = About(item, title=lambda: self._title(item, place.at))
        if item.kind != "object" or view.cannot_show(item, place):
            return [view.any(about, place)]
        made = group(view, about, place, lambda: view.object(item, place), self._opened)
        self._head.children = (made.head,)
        return [made.inner]

    def _title(self, item: Field, at: Location) -> str:
        told = _identity(item, self._rows.view.form.get(at))
        return f"{self._rows.about.name} {self._index + 1}" + (f": {told}" if told else "")


def _identity(item: Field, value: Any) -> str:
    """What tells an entry from the others: its first text that is set, or choice, required ones before all."""
    if not isinstance(value, dict):
        return ""
    plain = [c for c in item.children if c.kind in ("text", "choice") and not (c.secret or c.secret_when)]
    named = sorted(plain, key=lambda child: (not child.required, child.kind != "text"))
    told = next((value[c.name] for c in named if value.get(c.name, UNSET) not in (UNSET, None, "")), "")
    return str(told)[:60]
