"""Controls of arrays (add, duplicate, move, remove) and of unions (the choice of a variant)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from ..call import UNSET
from ..data import Location
from ..html import escape, prose
from ..schema import Branch, Field, preset_values
from ..templates import as_literal
from .controls import build_head, build_json_control, state_buttons
from .groups import build_group
from .inputs import NULL_LABEL, UNSET_LABEL, FieldLabel, FieldPath, ProblemTarget, type_label
from .widgets import button, close_tree, dropdown, focus_first, horizontal, replace_children, set_hidden, vertical

if TYPE_CHECKING:
    from .form import FormView


JSON_LABEL = "JSON"
_UNSET, _NULL, _JSON = 0, -1, -2
"""The choices besides the variants, which are numbered from 1."""


class UnionControl:
    """The choice of a variant, and its control.

    The values of a variant are stored while another one is shown, in this form only.
    """

    def __init__(self, view: FormView, about: FieldLabel, path: FieldPath) -> None:
        self._view, self._about, self._path = view, about, path
        self._field = about.field
        self._branches = list(about.field.branches)
        self._tag = next((b.tag[0] for b in self._branches if b.tag), "")
        key = (*path.location, tuple(b.label for b in self._branches))
        self._memory: dict[str, Any] = view.memory.setdefault(key, {"chosen": None, "values": {}})
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
        if chosen and chosen > 0 and isinstance(value, dict) and self._branches[chosen - 1].is_chosen_by(value):
            return int(chosen)
        if chosen == _JSON or (isinstance(value, dict) and self._tag in value):
            return _JSON if chosen == _JSON else self._number(self._field.branch_by_tag(value)) or _JSON
        if chosen and chosen > 0 and self._accepts(self._branches[chosen - 1], value):
            return int(chosen)
        return self._guess_branch(value)

    def _guess_branch(self, value: Any) -> int:
        tagged = self._field.branch_by_tag(value)
        if value == {} or (tagged and not tagged.is_chosen_by(value)):
            return _UNSET  # none yet, or the default without a discriminator
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
            self._memory["values"][self._now] = old
        before, self._now, self._memory["chosen"] = self._now, number, number
        form.set(at, self._value(number, before, old))
        self._show()
        self._view.changed()

    def _value(self, number: int, before: int, old: Any) -> Any:
        """The value for the selected variant: shared members are carried over, its own earlier values restored."""
        stored = self._memory["values"].get(number, UNSET)
        if number in (_NULL, _JSON):
            return None if number == _NULL else old
        branch = self._branches[number - 1].field if number else self._default()
        if branch is None:
            return UNSET
        if branch.kind not in ("object", "map"):
            return as_literal(branch.info.choices[0]) if len(branch.info.choices) == 1 else stored
        tag = self._branches[number - 1].tag if number else None
        preset = preset_values(branch)
        return {
            **as_literal({tag[0]: tag[1]} if tag else {}),
            **as_literal({} if preset is UNSET else preset),
            **self._own_members(branch, before, stored),
            **self._shared_members(branch, old),
        }

    def _shared_members(self, branch: Field, old: Any) -> dict[str, Any]:
        """The members that the other variant also declares, without the discriminator."""
        last = old if isinstance(old, dict) else {}
        return {n: v for n, v in last.items() if n != self._tag and branch.member(n) is not None}

    def _own_members(self, branch: Field, before: int, stored: Any) -> dict[str, Any]:
        """The earlier members of a variant that the previous one does not declare."""
        known = self._branches[before - 1].field.children_by_name if before > 0 else {}
        old = stored if isinstance(stored, dict) else {}
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
        options = [(UNSET_LABEL, _UNSET), *labels, *nulls, (JSON_LABEL, _JSON)]
        return dropdown(self._label(""), "anb-field", options=options, value=self._now, description_allow_html=True)

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
        self.widget: widgets.Box = vertical([build_head(view, about, path), self._holder, self._more, tools])
        view.watch(path, self.widget, self._on_value_changed)

    def entries(self) -> list[Any]:
        """The current items."""
        value = self.view.form.get(self.path.location)
        return value if isinstance(value, list) else []

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
