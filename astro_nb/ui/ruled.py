"""The fields of an object in which one value decides over the others: they come and go, and the rest stays."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import ipywidgets as widgets

from ..call import UNSET
from ..fields import Field, rule_view
from .labels import About, folded
from .opener import Opener
from .parts import replace, set_hidden, stack
from .place import Place

if TYPE_CHECKING:
    from .form import FormView

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
        rules = rule_view(self._field, self._view.form.get(self._place.at))
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
    union = field.notes.get("union") or {}
    chosen = set((union.get("branches") or {}).values())
    return lambda child: 0 if child.name == union.get("by") else 2 if child.name in chosen else 1


def _governed(field: Field) -> set[str]:
    """The names that some rule of an object requires, hides or sets against another."""
    rules = field.notes.get("rules") or ()
    named = {name for rule in rules for part in ("require", "hide", "one-of") for name in rule.get(part) or ()}
    return named | set(((field.notes.get("union") or {}).get("branches") or {}).values())


def _differ(old: About | None, new: About | None) -> bool:
    if old is None or new is None:
        return old is not new
    return (old.required, old.help) != (new.required, new.help)
