"""A button that opens a group, whose widgets are built when it is opened.

The fields of an object: those that are needed or set, then the others folded, then what no control shows.

The fields of an object in which one value decides over the others: they come and go, and the rest stays.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from ..call import UNSET
from ..html import escape
from ..schema import Field, active_rules, read_field
from .controls import states
from .inputs import About, folded, headline
from .maps import Pairs
from .places import Mark, Place
from .widgets import button, classed, is_hidden, layout, replace, set_hidden, shared_style, stack, words

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
    made = Opener(view, (*place.at, about.field.type_name), build, opened, about.field.info.description)

    def write(wrong: str, becomes: str) -> None:
        made.say(headline(about, view.form.get(place.at), wrong))

    write("", "")
    view.marks.add(Mark(place, made.head, write, lambda: made.is_open))
    return made


Draw = Callable[[Field], widgets.Widget]
MOST = 60
"""Fields that are drawn at once; the others come when they are asked for."""


def object_group(view: FormView, about: About, place: Place) -> widgets.Widget:
    """An object inside another value: a group that is open when it is needed or set."""
    content = stack([])

    def fill() -> None:
        replace(content, fields_of(view, about.field, place))

    def build() -> list[widgets.Widget]:
        fill()
        return [content, *states(view, about, place, fill)]

    opened = (about.required or view.is_set(place.at)) and not place.is_deep
    return group(view, about, place, build, opened).widget


def fields_of(view: FormView, field: Field, place: Place, without: str = "") -> list[widgets.Widget]:
    """The parts of an object; `without` names a field that is drawn elsewhere."""
    shown = [c for c in field.children if not c.info.read_only and c.name != without]
    if field.info.extensions.rules or field.info.extensions.union:
        ruled = Ruled(view, field, place, shown, partial(many, view))
        return ruled.widgets + _others(view, field, place, ruled.shown | {without})
    needed = {c.name for c in shown if c.required}
    given = {c.name for c in shown if c.name not in needed and view.is_set((*place.at, c.name))}
    if len(given) > MOST:
        given = set()

    def draw(child: Field) -> widgets.Widget:
        return view.any(About(child, child.required), place.inside(child.name))

    first = [child for child in shown if child.name in needed | given]
    made = many(view, sorted(first, key=lambda child: child.name not in needed), draw)
    rest = [child for child in shown if child.name not in needed | given]
    if rest:
        fold = Opener(view, (*place.at, "more", field.type_name), lambda: many(view, rest, draw), False)
        fold.say(folded(len(rest), "field", field.name))
        made.append(fold.widget)
    return made + _others(view, field, place, {c.name for c in shown} | {without})


def many(view: FormView, fields: list[Field], draw: Draw) -> list[widgets.Widget]:
    """Fields, the first of them at once; with many of them a box to filter by name, and a button for more."""
    if len(fields) <= MOST:
        return [draw(field) for field in fields]
    style = shared_style(widgets.widget_string.TextStyle)
    hint = f"among {len(fields)} fields; press Enter"
    search = widgets.Text(
        description="Filter fields", placeholder=hint, continuous_update=False, layout=layout(), style=style
    )
    holder, more = stack([]), button("", "anb-link")
    count = MOST

    def show() -> None:
        typed = search.value.strip().lower()
        found = [field for field in fields if typed in field.name.lower()]
        replace(holder, [draw(field) for field in found[:count]])
        left = len(found) - count
        more.description = f"Show {min(left, MOST)} more of {len(found)}"
        set_hidden(more, left <= 0)

    def filtered(_: object) -> None:
        nonlocal count
        count = MOST
        show()
        view.changed()

    def extended(_: object) -> None:
        nonlocal count
        count += MOST
        show()
        view.changed()

    search.observe(view.status.guard(filtered), "value")
    more.on_click(view.status.guard(extended))
    show()
    return [classed(search, "anb-field", "anb-filter"), holder, more]


def extra_of(field: Field) -> Field | None:
    """What an object's values without a property of their own are; None where there are to be none."""
    if field.item is None and field.schema.get("additionalProperties") is True:
        return read_field(field.spec, {}, field.name, True, field.secret)
    return field.item


def _others(view: FormView, field: Field, place: Place, shown: set[str]) -> list[widgets.Widget]:
    """Names that are free, where there may be some; and a word on those that are set, and that no control shows."""
    value = view.form.get(place.at)
    present = [str(name) for name in value] if isinstance(value, dict) else []
    extra = extra_of(field)
    declared = shown | field.children_by_name.keys()
    made: list[widgets.Widget] = []
    if extra is not None:
        about = About(field, title=field.name or "the body")
        made.append(Pairs(view, about, extra, place, frozenset(declared)).widget)
    unseen = [name for name in present if name not in shown and (extra is None or name in declared)]
    return [*made, *([_note(unseen)] if unseen else [])]


def _note(names: list[str]) -> widgets.Widget:
    listed = ", ".join(names[:20]) + (" …" if len(names) > 20 else "")
    told = f"{len(names)} more {'value is' if len(names) == 1 else 'values are'} set in JSON: {listed}"
    return words(f'<div class="anb-note">{escape(told)}</div>')


Many = Callable[[list[Field], Callable[[Field], widgets.Widget]], list[widgets.Widget]]


class Ruled:
    """The fields that are needed or were set, then the others folded; what a rule may change has boxes of its own.

    Nothing is drawn anew but what a rule has changed: the focus, and what is being typed, stay. What a field had that
    a rule takes away is kept in the form's memory until it comes back, and is not sent.

    Attributes:
        widgets: the parts.
    """

    def __init__(self, view: FormView, field: Field, place: Place, fields: list[Field], many: Many) -> None:
        self._view, self._field, self._place, self._many = view, field, place, many
        self._fields = {child.name: child for child in sorted(fields, key=_rank(field))}
        self._given = {name for name in self._fields if view.is_set((*place.at, name))}
        governed = [name for name in self._fields if name in _governed(field)]
        self._first: dict[str, widgets.Box] = {name: stack([]) for name in governed}
        self._inner: dict[str, widgets.Box] = {}
        self._abouts: dict[str, About] = {}
        self._read()
        self._fold = Opener(view, (*place.at, "more", field.type_name), self._others, False)
        self._fold_box = self._fold.widget
        before = [n for n in self._fields if n in self._first or self._is_first(n)]
        before.sort(key=lambda name: not self._fields[name].required)
        self.widgets: list[widgets.Widget] = [self._first.get(n) or self._drawn(n) for n in before]
        self.widgets.append(self._fold_box)
        for name in governed:
            self._fill(name)
        self._say()
        view.watch(place, self._fold_box, self._follow)

    @property
    def shown(self) -> set[str]:
        """The names that are there now, folded ones too."""
        return set(self._abouts)

    def _read(self) -> None:
        """What the rules say of the values there are."""
        rules = active_rules(self._field, self._view.form.get(self._place.at))
        why = {name: reason for names, reason in rules.one_of for name in names}
        self._abouts = {
            name: About(child, child.required or name in rules.required, why.get(name, ""))
            for name, child in self._fields.items()
            if name not in rules.hidden
        }

    def _is_first(self, name: str) -> bool:
        """Whether a field stands before the fold: it is needed or was set, and is not in the open fold already."""
        about, inner = self._abouts.get(name), self._inner.get(name)
        return about is not None and (about.required or name in self._given) and not (inner and inner.children)

    def _drawn(self, name: str) -> widgets.Widget:
        return self._view.any(self._abouts[name], self._place.inside(name))

    def _fill(self, name: str) -> None:
        """Draw a governed field where it stands now, and nowhere else."""
        home = self._first[name] if self._is_first(name) else self._inner.get(name)
        for box in filter(None, (self._first[name], self._inner.get(name))):
            replace(box, [self._drawn(name)] if box is home and name in self._abouts else [])

    def _others(self) -> list[widgets.Widget]:
        def draw(child: Field) -> widgets.Widget:
            if child.name not in self._first:
                return self._drawn(child.name)
            there = child.name in self._abouts and not self._is_first(child.name)
            self._inner[child.name] = stack([self._drawn(child.name)] if there else [])
            return self._inner[child.name]

        return self._many([f for n, f in self._fields.items() if n in self._first or not self._is_first(n)], draw)

    def _say(self) -> None:
        count = sum(not self._is_first(name) for name in self._abouts)
        self._fold.say(folded(count, "field", self._field.name))
        set_hidden(self._fold_box, not count)

    def _follow(self) -> None:
        """After each change inside: what a rule takes away is put aside, and what it brings back is as it was."""
        old = self._abouts
        self._read()
        if old.keys() != self._abouts.keys():
            self._put_aside(old.keys() - self._abouts.keys(), self._abouts.keys() - old.keys())
        for name in self._first:
            if _differ(old.get(name), self._abouts.get(name)):
                self._fill(name)
        self._say()

    def _put_aside(self, gone: set[str], back: set[str]) -> None:
        form, kept = self._view.form, self._view.memory.setdefault((*self._place.at, "aside"), {})
        for name in gone:
            value = form.get((*self._place.at, name))
            if value is not UNSET:
                kept[name] = value
                form.set((*self._place.at, name), UNSET)
        for name in back & kept.keys():
            form.set((*self._place.at, name), kept.pop(name))


def _rank(field: Field) -> Callable[[Field], int]:
    """The order of fields: what chooses among others comes first, and those come last."""
    union = field.info.extensions.union
    by, chosen = (union.by, set(union.branches.values())) if union else ("", set[str]())
    return lambda child: 0 if child.name == by else 2 if child.name in chosen else 1


def _governed(field: Field) -> set[str]:
    """The names that some rule of an object requires, hides or sets against another."""
    rules, union = field.info.extensions.rules, field.info.extensions.union
    named = {name for rule in rules for name in (*rule.require, *rule.hide, *rule.one_of)}
    return named | set(union.branches.values() if union else ())


def _differ(old: About | None, new: About | None) -> bool:
    if old is None or new is None:
        return old is not new
    return (old.required, old.help) != (new.required, new.help)
