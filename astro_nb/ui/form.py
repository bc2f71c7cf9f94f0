"""A form on the screen: required fields first, the others folded, everything deeper built when it is opened."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import ipywidgets as widgets

from ..call import UNSET
from ..environment import names_in
from ..fields import Field, rule_view
from ..form import Form, Location
from .inputs import Offer, Slot, label, make_input
from .parts import button, chooser, close_all, rows, set_hidden
from .status import Status
from .style import classed, layout

Offers = Callable[[Field], list[Offer]]

_SCALARS = ("text", "integer", "number", "boolean", "choice", "any", "map", "file")


class FormView:
    """The widgets of one form.

    Args:
        form: the values.
        status: where a callback's failure is told.
        offers: what can be offered for a field.
        keep_secret: takes a typed secret and answers with the template that stands for it.
        changed: called after each change of a value.
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
        self._offers, self._keep_secret = offers, keep_secret
        self._leaves: dict[Location, tuple[Field, bool, widgets.DOMWidget]] = {}
        self.widget = classed(widgets.VBox([], layout=layout()), "anb-form")
        self.draw()

    def draw(self) -> None:
        """Build the form anew from its values."""
        old = self.widget.children
        self._leaves.clear()
        self.widget.children = tuple(self._parts())
        for widget in old:
            close_all(widget)

    def mark(self, problems: dict[Location, str], becomes: Callable[[Any], str]) -> dict[Location, str]:
        """Write what is wrong, and what templates become, into the labels; returns what has no label on the screen."""
        left = dict(problems)
        for at, (field, required, widget) in self._leaves.items():
            mine = [place for place in problems if place[: len(at)] == at]
            for place in mine:
                left.pop(place, None)
            value = self.form.get(at)
            shown = becomes(value) if value is not UNSET and names_in(value) else ""
            text = label(field, required, problems[mine[0]] if mine else "", shown)
            if widget.description != text:
                widget.description = text
        return left

    def forget(self, at: Location) -> None:
        """Let go of the labels below a place that is drawn anew."""
        for place in [p for p in self._leaves if p[: len(at)] == at]:
            del self._leaves[place]

    def object(self, field: Field, at: Location, without: str = "") -> list[widgets.Widget]:
        """The fields of an object: those that are needed or set, then the others in a fold."""
        view = rule_view(field, self.form.get(at))
        shown = [c for c in field.children if not c.read_only and c.name not in view.hidden and c.name != without]
        first = [c for c in shown if c.required or c.name in view.required or self._is_set((*at, c.name))]
        rest = [c for c in shown if c not in first]
        made = [self.any(c, (*at, c.name), c.required or c.name in view.required) for c in first]
        if rest:
            text = f"More: {len(rest)} optional fields" + (f" of {field.name}" if field.name else "")
            made.append(self._fold(text, rest, at, {name: why for names, why in view.one_of for name in names}))
        return made

    def any(self, field: Field, at: Location, required: bool, extra: str = "") -> widgets.Widget:
        """Whatever a field is drawn as."""
        if field.kind == "object" and field.children:
            text = f"{field.name} · {field.type_name}{' · required' if required else ''}"
            opened = required or self._is_set(at)
            return self._opener(text, lambda: self.object(field, at), opened, field.description)
        if field.kind == "union":
            return chooser(self, field, at)
        if field.kind == "array" and field.item is not None and field.item.kind not in _SCALARS:
            return rows(self, field, at, required)
        return self._leaf(field, at, required, extra)

    def _parts(self) -> Iterator[widgets.Widget]:
        others = [f for f in self.form.parameters if not f.required]
        yield from (self._leaf(f, ("parameters", f.name), True) for f in self.form.parameters if f.required)
        body = self.form.body
        if body is not None and body.kind == "object":
            yield from self.object(body, ("body",))
        elif body is not None:
            yield self.any(body, ("body",), body.required)
        if others:
            given = [f for f in others if self._is_set(("parameters", f.name))]
            yield from (self._leaf(f, ("parameters", f.name), False) for f in given)
            rest = [f for f in others if f not in given]
            yield self._fold(f"More: {len(rest)} optional parameters", rest, ("parameters",), {})

    def _is_set(self, at: Location) -> bool:
        return self.form.get(at) is not UNSET

    def _fold(self, text: str, fields: list[Field], at: Location, extra: dict[str, str]) -> widgets.Widget:
        def build() -> list[widgets.Widget]:
            return [self.any(f, (*at, f.name), f.required, extra.get(f.name, "")) for f in fields]

        return self._opener(text, build)

    def _opener(
        self, text: str, build: Callable[[], list[widgets.Widget]], opened: bool = False, tip: str = ""
    ) -> widgets.Widget:
        """A button that opens a group; its widgets are built when it is opened."""
        head = button(text, "anb-link", tip)
        inner = classed(widgets.VBox([], layout=layout()), "anb-group")

        def show(open_now: bool) -> None:
            head.description = f"{'▾' if open_now else '▸'} {text}"
            if open_now and not inner.children:
                inner.children = tuple(build())
                self.changed()
            set_hidden(inner, not open_now)

        head.on_click(self.status.guard(lambda _: show("anb-hidden" in inner._dom_classes)))
        if opened:
            inner.children = tuple(build())
        head.description = f"{'▾' if opened else '▸'} {text}"
        set_hidden(inner, not opened)
        return widgets.VBox([head, inner], layout=layout())

    def _leaf(self, field: Field, at: Location, required: bool, extra: str = "") -> widgets.Widget:
        guard = self.status.guard

        def typed(text: str) -> None:
            self.form.type_in(at, field, text)
            self.changed()

        def chosen(value: Any) -> None:
            self.form.set(at, value)
            self._redraw_if_ruled(at)
            self.changed()

        def secret(text: str) -> None:
            self.form.set(at, self._keep_secret(text, field))
            self.changed()

        value, offers = self.form.get(at), self._offers(field)
        made = make_input(Slot(field, value, offers, guard(typed), guard(chosen), guard(secret), required, extra))
        self._leaves[at] = (field, required, made)
        return made

    def _redraw_if_ruled(self, at: Location) -> None:
        """A choice may show, hide or require its siblings: then the form is drawn anew."""
        holder = self.form.field_at(at[:-1])
        if holder is not None and at[-1] in _armed_by(holder):
            self.draw()


def _armed_by(field: Field) -> set[str]:
    """The names whose values decide over other fields of an object."""
    named = {name for rule in field.notes.get("rules") or () for name in rule.get("when") or {}}
    union = field.notes.get("union") or {}
    return named | ({union["by"]} if union else set())
