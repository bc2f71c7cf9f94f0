"""Groups of fields: collapsible sections, objects, and objects whose fields depend on rules."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from ..call import UNSET
from ..html import escape
from ..schema import Field, active_rules, further_properties, read_field
from .controls import MapControl, state_buttons
from .inputs import FieldLabel, FieldPath, ProblemTarget, collapsed_label, more_label
from .widgets import button, html_widget, is_hidden, replace_children, set_hidden, text_input, vertical

if TYPE_CHECKING:
    from .form import FormView


Build = Callable[[], list[widgets.Widget]]


class Collapsible:
    """A collapsible group with its button.

    Attributes:
        head: the button.
        inner: the box of the group.
    """

    def __init__(self, view: FormView, key: tuple[Any, ...], build: Build, opened: bool, tip: str = "") -> None:
        self._view, self._key, self._build = view, key, build
        self._text = ""
        self.head = button("", "anb-link", tip or "Open or close", "anb-opener")
        self.inner = vertical([], "anb-group")
        self.is_open = view.opened.get(key, opened and view.may_auto_open)
        if self.is_open:
            self.inner.children = tuple(build())
        set_hidden(self.inner, not self.is_open)
        self.head.on_click(view.status.report_errors(lambda _: self.toggle()))

    @property
    def widget(self) -> widgets.Box:
        """The button with the group below it."""
        return vertical([self.head, self.inner])

    def set_label(self, text: str) -> None:
        """Set the text of the button, after the triangle."""
        self._text = text
        label = f"{'▾' if self.is_open else '▸'} {text}"
        if self.head.description != label:
            self.head.description = label

    def toggle(self) -> None:
        """Open or close the group; it is built once."""
        self.is_open = self._view.opened[self._key] = is_hidden(self.inner)
        set_hidden(self.inner, not self.is_open)
        self.set_label(self._text)
        if self.is_open and not self.inner.children:
            self.inner.children = tuple(self._build())
            self._view.changed()

    def rebuild(self) -> None:
        """Rebuild the group if it was built."""
        if self.inner.children or self.is_open:
            replace_children(self.inner, self._build())


def build_group(view: FormView, about: FieldLabel, path: FieldPath, build: Build, opened: bool) -> Collapsible:
    """Build the group of one field; the button shows name, type, state and problem."""
    made = Collapsible(view, (*path.location, about.field.type_name), build, opened, about.field.info.description)

    def write(problem: str, resolved: str) -> None:
        made.set_label(collapsed_label(about, view.form.get(path.location), problem))

    write("", "")
    view.problem_targets.add(ProblemTarget(path, made.head, write, lambda: made.is_open))
    return made


BuildField = Callable[[Field], widgets.Widget]
PAGE_SIZE = 60
"""Fields shown at once; others are shown on request."""


def build_object_group(view: FormView, about: FieldLabel, path: FieldPath) -> widgets.Widget:
    """Build an object inside another value: a group that is open if it is required or set."""
    content = vertical([])

    def fill() -> None:
        replace_children(content, build_object_fields(view, about.field, path))

    def build() -> list[widgets.Widget]:
        fill()
        return [content, *state_buttons(view, about, path, fill)]

    opened = (about.required or view.is_set(path.location)) and not path.is_too_deep
    return build_group(view, about, path, build, opened).widget


def build_object_fields(view: FormView, field: Field, path: FieldPath, without: str = "") -> list[widgets.Widget]:
    """Build the parts of an object; `without` names a field that is shown elsewhere."""
    shown = [c for c in field.children if c.may_be_sent and c.name != without]
    if field.info.extensions.rules or field.info.extensions.union or field.conditions.required:
        ruled = RuledFields(view, field, path, shown, partial(build_fields, view))
        return ruled.widgets + _additional_widgets(view, field, path, ruled.shown | {without})
    needed = {c.name for c in shown if c.must_be_sent}
    given = {c.name for c in shown if c.name not in needed and view.is_set((*path.location, c.name))}
    if len(given) > PAGE_SIZE:
        given = set()

    def draw(child: Field) -> widgets.Widget:
        return view.any(FieldLabel(child, child.must_be_sent), path.child(child.name))

    drawn = needed | given
    first = [child for child in shown if child.name in drawn]
    made = build_fields(view, sorted(first, key=lambda child: child.name not in needed), draw)
    rest = [child for child in shown if child.name not in drawn]
    if rest:
        fold = Collapsible(
            view, (*path.location, "more", field.type_name), lambda: build_fields(view, rest, draw), False
        )
        fold.set_label(more_label(len(rest), "field", field.name))
        made.append(fold.widget)
    return made + _additional_widgets(view, field, path, {c.name for c in shown} | {without})


def build_fields(view: FormView, fields: list[Field], draw: BuildField) -> list[widgets.Widget]:
    """Build fields; if there are many, only the first ones, with a filter and a button for more."""
    if len(fields) <= PAGE_SIZE:
        return [draw(field) for field in fields]
    hint = f"among {len(fields)} fields; press Enter"
    search = text_input("Filter fields", "anb-field", "anb-filter", placeholder=hint)
    holder, more = vertical([]), button("", "anb-link")
    count = PAGE_SIZE

    def show() -> None:
        typed = search.value.strip().lower()
        found = [field for field in fields if typed in field.name.lower()]
        replace_children(holder, [draw(field) for field in found[:count]])
        left = len(found) - count
        more.description = f"Show {min(left, PAGE_SIZE)} more of {len(found)}"
        set_hidden(more, left <= 0)

    def show_up_to(limit: int) -> None:
        nonlocal count
        count = limit
        show()
        view.changed()

    search.observe(view.status.report_errors(lambda _: show_up_to(PAGE_SIZE)), "value")
    more.on_click(view.status.report_errors(lambda _: show_up_to(count + PAGE_SIZE)))
    show()
    return [search, holder, more]


def additional_field(field: Field) -> Field | None:
    """The field of undeclared members; None if there may be none."""
    if field.item is None and further_properties(field.schema) is True:
        return read_field(field.spec, {}, field.name, True, field.secret)
    return field.item


def _additional_widgets(view: FormView, field: Field, path: FieldPath, shown: set[str]) -> list[widgets.Widget]:
    """Build the undeclared members if allowed, and a note on members that no control shows."""
    value = view.form.get(path.location)
    present = [str(name) for name in value] if isinstance(value, dict) else []
    extra = additional_field(field)
    declared = shown | field.children_by_name.keys()
    made: list[widgets.Widget] = []
    if extra is not None:
        about = FieldLabel(field, title=field.name or "the body")
        made.append(MapControl(view, about, extra, path, frozenset(declared)).widget)
    unseen = [name for name in present if name not in shown and (extra is None or name in declared)]
    return [*made, *([_unshown_note(unseen)] if unseen else [])]


def _unshown_note(names: list[str]) -> widgets.Widget:
    listed = ", ".join(names[:20]) + (" …" if len(names) > 20 else "")
    label = f"{len(names)} more {'value is' if len(names) == 1 else 'values are'} set in JSON: {listed}"
    return html_widget(f'<div class="anb-note">{escape(label)}</div>')


BuildFields = Callable[[list[Field], Callable[[Field], widgets.Widget]], list[widgets.Widget]]


class RuledFields:
    """The fields of an object with rules: required or set fields first, others collapsed.

    Only what a rule changes is rebuilt, so that focus and typing survive. The value of a field that a rule hides is
    stored in the form's memory until the field is shown again, and is not sent.

    Attributes:
        widgets: the parts.
    """

    def __init__(self, view: FormView, field: Field, path: FieldPath, fields: list[Field], many: BuildFields) -> None:
        self._view, self._field, self._path, self._many = view, field, path, many
        self._fields = {child.name: child for child in sorted(fields, key=_field_order(field))}
        self._given = {name for name in self._fields if view.is_set((*path.location, name))}
        governed = [name for name in self._fields if name in _ruled_names(field)]
        self._first: dict[str, widgets.Box] = {name: vertical([]) for name in governed}
        self._inner: dict[str, widgets.Box] = {}
        self._abouts: dict[str, FieldLabel] = {}
        self._read()
        self._fold = Collapsible(view, (*path.location, "more", field.type_name), self._others, False)
        self._fold_box = self._fold.widget
        before = [n for n in self._fields if n in self._first or self._is_first(n)]
        before.sort(key=lambda name: not self._fields[name].must_be_sent)
        self.widgets: list[widgets.Widget] = [self._first.get(n) or self._drawn(n) for n in before]
        self.widgets.append(self._fold_box)
        for name in governed:
            self._fill(name)
        self._update_label()
        view.watch(path, self._fold_box, self._on_value_changed)

    @property
    def shown(self) -> set[str]:
        """The names of the fields that are not hidden by a rule."""
        return set(self._abouts)

    def _read(self) -> None:
        """Apply the rules to the current values."""
        rules = active_rules(self._field, self._view.form.get(self._path.location))
        why = {name: reason for names, reason in rules.one_of for name in names}
        self._abouts = {
            name: FieldLabel(child, child.must_be_sent or name in rules.required, why.get(name, ""))
            for name, child in self._fields.items()
            if name not in rules.hidden
        }

    def _is_first(self, name: str) -> bool:
        """Whether a field is shown before the collapsed ones: required or set, and not in the open section already."""
        about, inner = self._abouts.get(name), self._inner.get(name)
        return about is not None and (about.required or name in self._given) and not (inner and inner.children)

    def _drawn(self, name: str) -> widgets.Widget:
        return self._view.any(self._abouts[name], self._path.child(name))

    def _fill(self, name: str) -> None:
        """Build a field with rules in its current position only."""
        home = self._first[name] if self._is_first(name) else self._inner.get(name)
        for box in filter(None, (self._first[name], self._inner.get(name))):
            replace_children(box, [self._drawn(name)] if box is home and name in self._abouts else [])

    def _others(self) -> list[widgets.Widget]:
        def draw(child: Field) -> widgets.Widget:
            if child.name not in self._first:
                return self._drawn(child.name)
            there = child.name in self._abouts and not self._is_first(child.name)
            self._inner[child.name] = vertical([self._drawn(child.name)] if there else [])
            return self._inner[child.name]

        return self._many([f for n, f in self._fields.items() if n in self._first or not self._is_first(n)], draw)

    def _update_label(self) -> None:
        count = sum(not self._is_first(name) for name in self._abouts)
        self._fold.set_label(more_label(count, "field", self._field.name))
        set_hidden(self._fold_box, not count)

    def _on_value_changed(self) -> None:
        """Hide and show fields after each change inside."""
        old = self._abouts
        self._read()
        if old.keys() != self._abouts.keys():
            self._store_hidden(old.keys() - self._abouts.keys(), self._abouts.keys() - old.keys())
        for name in self._first:
            if _has_changed(old.get(name), self._abouts.get(name)):
                self._fill(name)
        self._update_label()

    def _store_hidden(self, gone: set[str], back: set[str]) -> None:
        form, stored = self._view.form, self._view.memory.setdefault((*self._path.location, "aside"), {})
        for name in gone:
            value = form.get((*self._path.location, name))
            if value is not UNSET:
                stored[name] = value
                form.set((*self._path.location, name), UNSET)
        for name in back & stored.keys():
            form.set((*self._path.location, name), stored.pop(name))


def _field_order(field: Field) -> Callable[[Field], int]:
    """The order of fields: a selecting field first, its variants last."""
    union = field.info.extensions.union
    by, chosen = (union.by, set(union.branches.values())) if union else ("", set[str]())
    return lambda child: 0 if child.name == by else 2 if child.name in chosen else 1


def _ruled_names(field: Field) -> set[str]:
    """The names that some rule requires, hides or excludes."""
    rules, union = field.info.extensions.rules, field.info.extensions.union
    named = {name for rule in rules for name in (*rule.require, *rule.hide, *rule.one_of)}
    named |= {name for condition in field.conditions.required for name in condition.names}
    return named | set(union.branches.values() if union else ())


def _has_changed(old: FieldLabel | None, new: FieldLabel | None) -> bool:
    if old is None or new is None:
        return old is not new
    return (old.required, old.help) != (new.required, new.help)
