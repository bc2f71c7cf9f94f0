"""A union: the choice of a variant, and the control of that variant."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from ..call import UNSET
from ..html import escape, prose
from ..schema import Branch, Field
from .controls import build_json_control
from .inputs import NULL_LABEL, UNSET_LABEL, FieldLabel, type_label
from .places import FieldPath, ProblemTarget
from .widgets import add_classes, replace_children, shared_layout, shared_style, vertical

if TYPE_CHECKING:
    from .form import FormView


JSON_LABEL = "JSON"
_UNSET, _NULL, _JSON = 0, -1, -2
"""The choices besides the variants, which are numbered from 1."""


class UnionControl:
    """The choice of a variant, and its control.

    The values of a variant are kept while another one is shown, in this form only.
    """

    def __init__(self, view: FormView, about: FieldLabel, path: FieldPath) -> None:
        self._view, self._about, self._path = view, about, path
        self._field = about.field
        self._branches = list(about.field.branches)
        self._tag = next((b.tag[0] for b in self._branches if b.tag), "")
        key = (*path.location, tuple(b.label for b in self._branches))
        self._memory: dict[str, Any] = view.memory.setdefault(key, {"chosen": None, "held": {}})
        self._now = self._current()
        self._inner = vertical([])
        self._select = self._selector()
        self._select.observe(view.status.report_errors(lambda change: self._choose(change["new"])), "value")
        view.problem_targets.add(ProblemTarget(path, self._select, self._write))
        self.widget: widgets.Box = vertical([self._select, self._inner])
        self._show()
        view.watch(path, self.widget, self._on_value_changed)

    def _current(self) -> int:
        """The number of the variant the current value belongs to."""
        value, chosen = self._view.form.get(self._path.location), self._memory["chosen"]
        if value is UNSET:
            return chosen if chosen is not None and chosen > 0 else _UNSET
        if value is None and self._field.nullable:
            return _NULL
        if chosen == _JSON or (isinstance(value, dict) and self._tag in value):
            return _JSON if chosen == _JSON else self._number(self._field.branch_by_tag(value)) or _JSON
        if chosen and chosen > 0 and self._accepts(self._branches[chosen - 1], value):
            return int(chosen)
        return self._guess_branch(value)

    def _guess_branch(self, value: Any) -> int:
        if self._field.branch_by_tag(value) or value == {}:
            return _UNSET  # the default without a discriminator, or none yet
        found = self._field.branch_for(value)
        likely = (b for b in self._branches if b.tag is None and _knows_all_names(b.field, value))
        return self._number(found or next(likely, None)) or _JSON

    def _number(self, branch: Branch | None) -> int:
        return next((n for n, b in enumerate(self._branches, 1) if b is branch), 0)

    def _accepts(self, branch: Branch, value: Any) -> bool:
        return branch.tag is None and not self._view.loses_value(branch.field, self._path)

    def _choose(self, number: int) -> None:
        if number == self._now:
            return
        form, at = self._view.form, self._path.location
        old = form.get(at)
        if old is not UNSET:
            self._memory["held"][self._now] = old
        before, self._now, self._memory["chosen"] = self._now, number, number
        form.set(at, self._value(number, before, old))
        self._show()
        self._view.changed()

    def _value(self, number: int, before: int, old: Any) -> Any:
        """The value for the selected variant: shared members are carried over, its own earlier values restored."""
        held = self._memory["held"].get(number, UNSET)
        if number in (_NULL, _JSON):
            return None if number == _NULL else old
        branch = self._branches[number - 1].field if number else self._default()
        if branch is None:
            return UNSET
        if branch.kind not in ("object", "map"):
            return branch.info.choices[0] if len(branch.info.choices) == 1 else held
        tag = self._branches[number - 1].tag if number else None
        return {
            **({tag[0]: tag[1]} if tag else {}),
            **self._own_members(branch, before, held),
            **self._shared_members(branch, old),
        }

    def _shared_members(self, branch: Field, old: Any) -> dict[str, Any]:
        """The members that the other variant also declares, without the discriminator."""
        last = old if isinstance(old, dict) else {}
        return {n: v for n, v in last.items() if n != self._tag and branch.member(n) is not None}

    def _own_members(self, branch: Field, before: int, held: Any) -> dict[str, Any]:
        """The earlier members of a variant that the previous one does not declare."""
        known = self._branches[before - 1].field.children_by_name if before > 0 else {}
        old = held if isinstance(held, dict) else {}
        return {n: v for n, v in old.items() if n != self._tag and n not in known}

    def _default(self) -> Field | None:
        found = None if self._path.is_too_deep else self._field.default_branch
        return found.field if found else None

    def _show(self) -> None:
        replace_children(self._inner, self._drawn())

    def _drawn(self) -> list[widgets.Widget]:
        view, path, now = self._view, self._path, self._now
        if now == _JSON:
            reason = "" if self._memory["chosen"] == _JSON else "The value matches no variant."
            return [build_json_control(view, self._about, path, reason)]
        field = self._branches[now - 1].field if now > 0 else self._default() if now == _UNSET else None
        if field is None:
            return []
        if field.kind == "object" and not view.loses_value(field, path):
            return view.object(field, path, without=self._tag)
        return [view.any(FieldLabel(field, title=self._about.title), path)]

    def _on_value_changed(self) -> None:
        """Select the variant that a value typed as JSON matches, or JSON if it matches none."""
        now = self._current()
        if now != self._now and _JSON in (now, self._now):
            self._now = now
            self._select.value = now
            self._show()

    def _selector(self) -> widgets.Dropdown:
        labels = [(text, number) for number, text in enumerate(_branch_labels(self._branches), 1)]
        nulls = [(NULL_LABEL, _NULL)] if self._field.nullable else []
        style = shared_style(widgets.widget_description.DescriptionStyle)
        made = widgets.Dropdown(
            options=[(UNSET_LABEL, _UNSET), *labels, *nulls, (JSON_LABEL, _JSON)],
            value=self._now,
            description=self._label(""),
            description_allow_html=True,
            layout=shared_layout(),
            style=style,
        )
        return add_classes(made, "anb-field")

    def _write(self, problem: str, resolved: str) -> None:
        text = self._label(problem)
        if self._select.description != text:
            self._select.description = text

    def _label(self, problem: str) -> str:
        need = ' <span class="anb-required">required</span>' if self._about.required else ""
        lines = (("anb-help", self._help()), ("anb-problem", problem))
        text = "".join(f'<span class="{kind}">{prose(text)}</span>' for kind, text in lines if text)
        name = self._tag or self._about.name
        return f'<b>{escape(name)}</b> <span class="anb-type">variant</span>{need}{text}'

    def _help(self) -> str:
        """The help of the choice: the description of the discriminator, and the default variant."""
        tag = self._tag
        described = next((c.info.description for b in self._branches if (c := b.field.child(tag))), "") if tag else ""
        default = self._field.default_branch
        assumed = f"If unset, the server assumes `{default.label}`." if default else ""
        return " ".join(filter(None, [described or self._field.info.description, self._about.help, assumed]))


def _branch_labels(branches: list[Branch]) -> list[str]:
    """The labels of the variants, without a number where they differ anyway."""
    bare = [_plain_label(branch) for branch in branches]
    count = Counter(bare)
    taken = {UNSET_LABEL, NULL_LABEL, JSON_LABEL}
    return [
        text if count[text] == 1 and text not in taken else branch.label
        for text, branch in zip(bare, branches, strict=True)
    ]


def _plain_label(branch: Branch) -> str:
    text = re.sub(r" \(\d+\)\Z", "", branch.label)
    return type_label(branch.field) if text == branch.field.type_name else text


def _knows_all_names(field: Field, value: Any) -> bool:
    """Whether an incomplete object probably belongs to this variant: it declares all its names."""
    return isinstance(value, dict) and field.kind == "object" and value.keys() <= field.children_by_name.keys()
