"""The entries of a list by what they are known by, so that one can be changed and the others left.

A change merged into a body: what it names is changed, all else stays.

Objects merge field by field as in RFC 7396: `None` removes. A list that is given as a list replaces the old one; given
as a mapping, it is changed entry by entry, and the names of the mapping are those of the entries.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..approval import Hidden, Lost, Steps
from ..call import UNSET
from ..errors import UsageError
from ..openapi import ENTRY_KEYS, EntriesExtension
from ..schema import Field
from ..secrets import MASK
from ..templates import template_names


@dataclass(frozen=True)
class Known:
    """How the entries of a list are known.

    Attributes:
        by: the field whose value names an entry.
        value: the field that is meant where an entry is given as a bare value; empty where none is.
        new: what an entry that is added has besides.
    """

    by: str
    value: str = ""
    new: Mapping[str, Any] = field(default_factory=dict)

    def place(self, entries: list[Any], name: Any) -> int | None:
        """Where the entry of that name stands; None where there is none.

        Raises:
            UsageError: several entries have that name.
        """
        found = [
            n for n, entry in enumerate(entries) if isinstance(entry, Mapping) and str(entry.get(self.by)) == str(name)
        ]
        if len(found) > 1:
            raise UsageError(f"{len(found)} entries have the {self.by} {name!r}.", "Give the list whole, as a list.")
        return found[0] if found else None


def known_of(declared: EntriesExtension | None, listed: Field | None, now: list[Any], names: list[str]) -> Known | None:
    """How the entries of a list are known: as the overlay says, else by the usual fields; None where nothing names one.

    Args:
        declared: what the overlay says about this list.
        listed: the list's field, where the document describes it.
        now: the entries there are.
        names: the names that are asked for, which tell an id from a name.
    """
    if declared:
        return Known(declared.by, declared.value, declared.new)
    item = listed.item if listed else None
    fields = [child.name for form in item.alternatives for child in form.children] if item else []
    seen = list(dict.fromkeys([*fields, *(str(n) for entry in now if isinstance(entry, Mapping) for n in entry)]))
    candidates = [n for n in ENTRY_KEYS if n in seen] + [n for n in seen if n.endswith(("Id", "_id"))]
    sure = [name for name in candidates if _names_each(now, name)]
    if not sure:
        return None
    by = max(sure, key=lambda field: sum(str(entry.get(field)) in names for entry in now))  # the first of the best
    return Known(by, _value(by, seen))


def _names_each(entries: list[Any], name: str) -> bool:
    values = [entry.get(name) if isinstance(entry, Mapping) else None for entry in entries]
    plain = all(isinstance(value, str | int) and not isinstance(value, bool) for value in values)
    return plain and len({str(value) for value in values}) == len(values)


def _value(by: str, names: list[str]) -> str:
    """The field of a bare value: `value` where there is one, else the only other field."""
    others = [name for name in names if name != by]
    return "value" if "value" in others else others[0] if len(others) == 1 else ""


@dataclass(frozen=True)
class Merger:
    """What merging into the body of one operation has to know.

    Attributes:
        operation: its id, for what is told.
        entries: what the overlay's `entries` says, by dotted path.
        lost: what it means that a value is left out.
        shown: a text with its templates resolved, secrets as stars: an entry may be named by a variable.
    """

    operation: str
    entries: Mapping[str, EntriesExtension]
    lost: Lost
    shown: Callable[[Any], Any]

    def merge(self, now: Any, change: Any, field: Field | None, at: Steps = ()) -> Any:
        """A value with a change merged into it.

        Raises:
            UsageError: something is to be removed that cannot be, or an entry cannot be told from the others.
        """
        if not isinstance(change, Mapping):
            return change
        if isinstance(now, Hidden):
            now = now.value
        form = _form(field, {**now, **change} if isinstance(now, Mapping) else now)
        if isinstance(now, list) or (form is not None and form.kind == "array"):
            return self._listed(now if isinstance(now, list) else [], change, form, at)
        merged = dict(now) if isinstance(now, Mapping) else {}
        for name, value in change.items():
            inner, there = form.member(name) if form else None, (*at, name)
            if value is None:
                self._remove(merged, name, inner, there)
            else:
                merged[name] = self.merge(merged.get(name, UNSET), value, inner, there)
        return merged

    def _remove(self, merged: dict[str, Any], name: str, field: Field | None, at: Steps) -> None:
        loss = self.lost(at)
        if field is not None and field.nullable and loss != "removed":
            merged[name] = None
        elif loss == "kept" and name in merged:
            raise UsageError(
                f"{_told(at)} cannot be removed: what {self.operation} leaves out stays as it is.",
                "Give it an empty value instead.",
            )
        else:
            merged.pop(name, None)

    def _listed(self, now: list[Any], change: Mapping[str, Any], field: Field | None, at: Steps) -> list[Any]:
        """A list with some entries changed, added or removed; the others keep their places."""
        known, item = self.known(now, change, field, at), field.item if field else None
        merged: list[Any] = list(now)
        for name, value in change.items():
            place = known.place(merged, self.named(name))
            if value is None:
                merged = [entry for index, entry in enumerate(merged) if index != place]
                continue
            patch = value if isinstance(value, Mapping) else self._bare(known, value, item, (*at, name))
            if place is not None:
                merged[place] = self.merge(merged[place], patch, item, (*at, place))
            else:
                merged.append(self.merge({known.by: name, **known.new}, patch, item, (*at, len(merged))))
        return merged

    def known(self, now: Any, change: Mapping[str, Any], field: Field | None, at: Steps) -> Known:
        """How the entries of a list are known.

        Raises:
            UsageError: nothing names them.
        """
        entries = now if isinstance(now, list) else []
        names = [self.named(name) for name in change]
        found = known_of(self.entries.get(_told(at)), field, entries, names)
        if found is None:
            raise UsageError(f"Nothing names the entries of {_told(at)}.", "Give the list whole, as a list.")
        return found

    def named(self, name: str) -> str:
        """The name of an entry, templates resolved."""
        return str(self.shown(name) if template_names(name) else name)

    def _bare(self, known: Known, value: Any, item: Field | None, at: Steps) -> Mapping[str, Any]:
        """A bare value as the field that it means; a secret sets the flag that keeps it one."""
        if not known.value or isinstance(value, list):
            raise UsageError(
                f"{_told(at)} is an object: a bare value does not say which field of it is meant.",
                f'Name it: {{"{at[-1]}": {{"field": value}}}}.',
            )
        form = _form(item, {})
        meant = form.child(known.value) if form else None
        is_secret = bool(template_names(value)) and MASK in str(self.shown(value))
        flag = {meant.secret_when: True} if is_secret and meant and meant.secret_when else {}
        return {known.value: value, **flag}


def as_given(merger: Merger, change: Any, merged: Any, field: Field | None, at: Steps = ()) -> Any:
    """A change once more, its values as they stand in what it was merged into: secrets have become templates there."""
    if not isinstance(change, Mapping):
        return change if merged is UNSET else merged
    form = _form(field, merged)
    if isinstance(merged, list):
        known, item = merger.known(merged, change, form, at), form.item if form else None
        return {name: _entry_given(merger, known, name, value, merged, item, at) for name, value in change.items()}
    holder = merged if isinstance(merged, Mapping) else {}
    return {
        name: None
        if value is None
        else as_given(merger, value, holder.get(name, UNSET), form.member(name) if form else None, (*at, name))
        for name, value in change.items()
    }


def _entry_given(
    merger: Merger, known: Known, name: str, value: Any, merged: list[Any], item: Field | None, at: Steps
) -> Any:
    """What was given for one entry of a list; it is found by its name as given, or as resolved."""
    place = known.place(merged, name)
    place = known.place(merged, merger.named(name)) if place is None else place
    if value is None or place is None:
        return value
    if isinstance(value, Mapping):
        return as_given(merger, value, merged[place], item, (*at, place))
    return merged[place].get(known.value, value)


def _form(field: Field | None, value: Any) -> Field | None:
    """The field itself, or the branch of a union that a value belongs to."""
    while field is not None and field.kind == "union":
        branch = field.branch_for(value)
        field = branch.field if branch else None
    return field


def _told(at: Steps) -> str:
    return ".".join(str(step) for step in at if isinstance(step, str))
