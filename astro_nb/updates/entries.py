"""The entries of a list by what they are known by, so that one can be changed and the others left."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import UsageError
from ..fields import Field

_USUAL = ("key", "name", "id")


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


def known_of(told: Any, listed: Field | None, now: list[Any], names: list[str]) -> Known | None:
    """How the entries of a list are known: as the overlay says, else by the usual fields; None where nothing names one.

    Args:
        told: what the overlay's `entries` says of this list: `[by]`, `[by, value]` or `[by, value, new]`.
        listed: the list's field, where the document describes it.
        now: the entries there are.
        names: the names that are asked for, which tell an id from a name.
    """
    if isinstance(told, list) and told:
        new = told[2] if len(told) > 2 and isinstance(told[2], Mapping) else {}
        return Known(str(told[0]), str(told[1]) if len(told) > 1 and told[1] else "", new)
    item = listed.item if listed else None
    declared = [child.name for form in item.forms for child in form.children] if item else []
    seen = list(dict.fromkeys([*declared, *(str(n) for entry in now if isinstance(entry, Mapping) for n in entry)]))
    candidates = [n for n in _USUAL if n in seen] + [n for n in seen if n.endswith(("Id", "_id"))]
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
