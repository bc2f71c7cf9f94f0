"""Names that are free, each with its value: rows to add, to name, to copy and to remove."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from ..call import UNSET
from ..errors import UsageError
from ..html import escape
from ..schema import Field
from .controls import states
from .inputs import About, label
from .places import Mark, Place
from .widgets import button, classed, close_all, layout, line, set_hidden, shared_style, stack, words

if TYPE_CHECKING:
    from .form import FormView


MOST = 30
"""Rows that are drawn at once."""


class Pairs:
    """The free names of an object.

    Args:
        view: the form that it stands in.
        about: the object; what it is called is asked of it.
        item: what the values are.
        place: where the object stands.
        declared: names that have fields of their own.
    """

    def __init__(
        self, view: FormView, about: About, item: Field, place: Place, declared: frozenset[str] = frozenset()
    ) -> None:
        self.view, self.about, self.item, self.place, self.declared = view, about, item, place, declared
        self._count = MOST
        self.rows: list[Pair] = []
        self._holder = stack([], "anb-pairs")
        self._more = button("", "anb-link")
        self._add = button(f"+ Add to {about.name}", "anb-plain", f"Add a name and a value to {about.name}")
        self._add.on_click(view.status.guard(lambda _: self.add()))
        self._more.on_click(view.status.guard(lambda _: self._extend()))
        self.draw()
        whole = [] if declared else states(view, about, place, self.draw)
        self.widget = stack([*([] if declared else [self._head()]), self._holder, self._more, self._tools(whole)])

    def draw(self) -> None:
        """A row for each name that there is now."""
        names = self.names()
        self._drop_all()
        for name in names[: self._count]:
            self._append(Place((name,), self.place), name)
        left = len(names) - self._count
        self._more.description = f"Show {min(left, MOST)} more of {len(names)}"
        set_hidden(self._more, left <= 0)
        self._limit()

    def names(self) -> list[str]:
        """The free names that are set."""
        held = self.view.form.get(self.place.at)
        return [str(name) for name in held if name not in self.declared] if isinstance(held, dict) else []

    def add(self, value: Any = UNSET) -> None:
        """One more row, without a name yet; its value waits until it has one."""
        draft = Place(self.view.draft())
        if value is not UNSET:
            self.view.form.set(draft.at, value)
        self._append(draft, "").name.focus()
        self._limit()
        self.view.changed()

    def drop(self, pair: Pair) -> None:
        """Take a row away, with its value."""
        self.view.form.set(pair.place.at, UNSET)
        self.rows.remove(pair)
        self._show()
        close_all(pair.widget)
        self._limit()
        self._add.focus()
        self.view.changed()

    def named(self, pair: Pair, name: str) -> str:
        """Give a row a name; what is wrong with it, in words, and then nothing has changed."""
        taken = self.declared | {row.told for row in self.rows if row is not pair} | set(self.names())
        if name == pair.told:
            return ""
        if not name or name in taken:
            return "Give it a name." if not name else f"There is a {name} already: choose another name."
        self._move(pair, name)
        return ""

    def _move(self, pair: Pair, name: str) -> None:
        form, at = self.view.form, self.place.at
        value = form.get(pair.place.at)
        if pair.told and value is not UNSET:
            form.rename(at, pair.told, name)
        elif value is not UNSET:
            form.set(pair.place.at, UNSET)
            form.set((*at, name), value)
        pair.place.go((name,), self.place)
        pair.told = name

    def _append(self, place: Place, name: str) -> Pair:
        pair = Pair(self, place, name)
        self.rows.append(pair)
        self._show()
        return pair

    def _show(self) -> None:
        self._holder.children = tuple(pair.widget for pair in self.rows)

    def _drop_all(self) -> None:
        old, self.rows = self.rows, []
        self._show()
        for pair in old:
            close_all(pair.widget)

    def _extend(self) -> None:
        self._count += MOST
        self.draw()
        self.view.changed()

    def _limit(self) -> None:
        most = self.about.field.schema.get("maxProperties")
        self._add.disabled = most is not None and len(self.rows) + len(self.declared & set(self.names())) >= most

    def _head(self) -> widgets.Widget:
        head = words()

        def write(wrong: str, becomes: str) -> None:
            told = label(self.about, self.view.form.get(self.place.at), wrong)
            head.value = f'<div class="anb-field anb-head">{told}</div>'

        write("", "")
        self.view.marks.add(Mark(self.place, head, write))
        return head

    def _tools(self, whole: list[widgets.Widget]) -> widgets.Widget:
        return line([self._add, *whole], "anb-tools") if whole else self._add


class Pair:
    """One name with its value."""

    def __init__(self, pairs: Pairs, place: Place, told: str) -> None:
        self.place, self.told = place, told
        guard: Callable[..., Any] = pairs.view.status.guard
        style = shared_style(widgets.widget_string.TextStyle)
        text = widgets.Text(
            value=told,
            placeholder="a name of your own",
            continuous_update=False,
            description_allow_html=True,
            layout=layout(),
            style=style,
        )
        self.name = classed(text, "anb-field")
        self._describe("")
        about = About(
            pairs.item, title="Value"
        )  # and stays so: a label that is written anew undoes what is being typed
        value = pairs.view.any(about, place)
        duplicate, drop = button("Copy", "anb-link"), button("Remove", "anb-link")
        duplicate.on_click(guard(lambda _: pairs.add(pairs.view.form.get(place.at))))
        drop.on_click(guard(lambda _: pairs.drop(self)))
        tools = line([duplicate, drop], "anb-rowtools")
        self.widget = line([self.name, value, tools], "anb-pair")

        def renamed(_: Any) -> None:
            wrong = pairs.named(self, self.name.value.strip())
            self._describe(wrong)
            for made in (duplicate, drop):
                made.tooltip = f"{made.description} {self.told}"
            pairs.view.changed()

        self.name.observe(guard(renamed), "value")

    def _describe(self, wrong: str) -> None:
        waits = "" if self.told or wrong else "It is sent once it has a name."
        told = (
            f'<span class="anb-{"wrong" if wrong else "help"}">{escape(wrong or waits)}</span>'
            if wrong or waits
            else ""
        )
        self.name.description = f"<b>Name</b>{told}"


def map_of_names(view: FormView, about: About, place: Place) -> widgets.Widget:
    """A map: all its names are free."""
    item = about.field.item
    if item is None:
        raise UsageError(f"{about.name} has no values.", "Edit it as JSON.")
    return Pairs(view, about, item, place).widget
