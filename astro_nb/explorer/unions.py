"""A union: which form it takes, and that form below it."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from ..call import UNSET
from ..html import escape, prose
from ..schema import Branch, Field
from .controls import as_json
from .inputs import NULL_LABEL, UNSET_LABEL, About, type_of
from .places import Mark, Place
from .widgets import classed, layout, replace, shared_style, stack

if TYPE_CHECKING:
    from .form import FormView


JSON_LABEL = "JSON"
_UNSET, _NULL, _JSON = 0, -1, -2
"""What can be chosen beside the branches, which are numbered from 1."""


class Chooser:
    """The choice of a branch, and the branch.

    What a branch had is kept while another one is looked at, in this form and nowhere else.
    """

    def __init__(self, view: FormView, about: About, place: Place) -> None:
        self._view, self._about, self._place = view, about, place
        self._field = about.field
        self._branches = list(about.field.branches)
        self._tag = next((b.tag[0] for b in self._branches if b.tag), "")
        key = (*place.at, tuple(b.label for b in self._branches))
        self._memory: dict[str, Any] = view.memory.setdefault(key, {"chosen": None, "held": {}})
        self._now = self._current()
        self._inner = stack([])
        self._select = self._selector()
        self._select.observe(view.status.guard(lambda change: self._choose(change["new"])), "value")
        view.marks.add(Mark(place, self._select, self._write))
        self.widget: widgets.Box = stack([self._select, self._inner])
        self._show()
        view.watch(place, self.widget, self._follow)

    def _current(self) -> int:
        """The number of what the present value is."""
        value, chosen = self._view.form.get(self._place.at), self._memory["chosen"]
        if value is UNSET:
            return chosen if chosen is not None and chosen > 0 else _UNSET
        if value is None and self._field.nullable:
            return _NULL
        if chosen == _JSON or (isinstance(value, dict) and self._tag in value):
            return _JSON if chosen == _JSON else self._number(self._field.branch_by_tag(value)) or _JSON
        if chosen and chosen > 0 and self._may_be(self._branches[chosen - 1], value):
            return int(chosen)
        return self._guessed(value)

    def _guessed(self, value: Any) -> int:
        if self._field.branch_by_tag(value) or value == {}:
            return _UNSET  # the branch that is assumed without a discriminator, or none yet
        found = self._field.branch_for(value)
        likely = (b for b in self._branches if b.tag is None and _knows(b.field, value))
        return self._number(found or next(likely, None)) or _JSON

    def _number(self, branch: Branch | None) -> int:
        return next((n for n, b in enumerate(self._branches, 1) if b is branch), 0)

    def _may_be(self, branch: Branch, value: Any) -> bool:
        return branch.tag is None and not self._view.cannot_show(branch.field, self._place)

    def _choose(self, number: int) -> None:
        if number == self._now:
            return
        form, at = self._view.form, self._place.at
        old = form.get(at)
        if old is not UNSET:
            self._memory["held"][self._now] = old
        before, self._now, self._memory["chosen"] = self._now, number, number
        form.set(at, self._value(number, before, old))
        self._show()
        self._view.changed()

    def _value(self, number: int, before: int, old: Any) -> Any:
        """The value of what is chosen: what both know goes along, and what it had is back."""
        held = self._memory["held"].get(number, UNSET)
        if number in (_NULL, _JSON):
            return None if number == _NULL else old
        branch = self._branches[number - 1].field if number else self._default()
        if branch is None:
            return UNSET
        if branch.kind not in ("object", "map"):
            return branch.info.choices[0] if len(branch.info.choices) == 1 else held
        tag = self._branches[number - 1].tag if number else None
        return {**({tag[0]: tag[1]} if tag else {}), **self._kept(branch, before, held), **self._along(branch, old)}

    def _along(self, branch: Field, old: Any) -> dict[str, Any]:
        """What the value has that another branch knows too, without the discriminator."""
        last = old if isinstance(old, dict) else {}
        return {n: v for n, v in last.items() if n != self._tag and branch.member(n) is not None}

    def _kept(self, branch: Field, before: int, held: Any) -> dict[str, Any]:
        """What a branch had that the one before did not know: what both know may have been taken out meanwhile."""
        known = self._branches[before - 1].field.children_by_name if before > 0 else {}
        old = held if isinstance(held, dict) else {}
        return {n: v for n, v in old.items() if n != self._tag and n not in known}

    def _default(self) -> Field | None:
        found = None if self._place.is_deep else self._field.default_branch
        return found.field if found else None

    def _show(self) -> None:
        replace(self._inner, self._drawn())

    def _drawn(self) -> list[widgets.Widget]:
        view, place, now = self._view, self._place, self._now
        if now == _JSON:
            reason = "" if self._memory["chosen"] == _JSON else "It fits none of the forms."
            return [as_json(view, self._about, place, reason)]
        field = self._branches[now - 1].field if now > 0 else self._default() if now == _UNSET else None
        if field is None:
            return []
        if field.kind == "object" and not view.cannot_show(field, place):
            return view.object(field, place, without=self._tag)
        return [view.any(About(field, title=self._about.title), place)]

    def _follow(self) -> None:
        """A value that was typed as JSON may fit a branch now, one that was taken out none."""
        now = self._current()
        if now != self._now and _JSON in (now, self._now):
            self._now = now
            self._select.value = now
            self._show()

    def _selector(self) -> widgets.Dropdown:
        labels = [(text, number) for number, text in enumerate(_labels(self._branches), 1)]
        nulls = [(NULL_LABEL, _NULL)] if self._field.nullable else []
        style = shared_style(widgets.widget_description.DescriptionStyle)
        made = widgets.Dropdown(
            options=[(UNSET_LABEL, _UNSET), *labels, *nulls, (JSON_LABEL, _JSON)],
            value=self._now,
            description=self._label(""),
            description_allow_html=True,
            layout=layout(),
            style=style,
        )
        return classed(made, "anb-field")

    def _write(self, wrong: str, becomes: str) -> None:
        told = self._label(wrong)
        if self._select.description != told:
            self._select.description = told

    def _label(self, wrong: str) -> str:
        need = ' <span class="anb-need">required</span>' if self._about.required else ""
        lines = (("anb-help", self._help()), ("anb-wrong", wrong))
        told = "".join(f'<span class="{kind}">{prose(text)}</span>' for kind, text in lines if text)
        name = self._tag or self._about.name
        return f'<b>{escape(name)}</b> <span class="anb-type">chooses the form</span>{need}{told}'

    def _help(self) -> str:
        """What the chooser is about: the discriminator's own description, and what is assumed without it."""
        tag = self._tag
        described = next((c.info.description for b in self._branches if (c := b.field.child(tag))), "") if tag else ""
        default = self._field.default_branch
        assumed = f"Left out, the server assumes `{default.label}`." if default else ""
        return " ".join(filter(None, [described or self._field.info.description, self._about.help, assumed]))


def _labels(branches: list[Branch]) -> list[str]:
    """The branches' labels, without a number where they are told apart without it."""
    bare = [_bare(branch) for branch in branches]
    count = Counter(bare)
    taken = {UNSET_LABEL, NULL_LABEL, JSON_LABEL}
    return [
        text if count[text] == 1 and text not in taken else branch.label
        for text, branch in zip(bare, branches, strict=True)
    ]


def _bare(branch: Branch) -> str:
    text = re.sub(r" \(\d+\)\Z", "", branch.label)
    return type_of(branch.field) if text == branch.field.type_name else text


def _knows(field: Field, value: Any) -> bool:
    """Whether an unfinished object is likely to be this one: all its names are known."""
    return isinstance(value, dict) and field.kind == "object" and value.keys() <= field.children_by_name.keys()
