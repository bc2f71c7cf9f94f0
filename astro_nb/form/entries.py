"""Values set, unset, listed and named: one nest of plain data, and what was typed into it that is no value."""

from __future__ import annotations

from typing import Any

from ..call import UNSET
from ..errors import UsageError
from ..fields import Field
from .nested import Location, copied, put, related, take_out, value_at
from .standing import declared, standing
from .typed import parse


class Entries:
    """The values of a form by location.

    Attributes:
        body: the field of the body; None where there is none.
        faults: what was typed and is no value, by location, in words.
    """

    def __init__(self, body: Field | None, values: dict[str, Any]) -> None:
        self.body = body
        self.faults: dict[Location, str] = {}
        self._values = values

    def get(self, location: Location) -> Any:
        """The value at a location; UNSET where there is none."""
        return value_at(self._values, location)

    def set(self, location: Location, value: Any) -> None:
        """Set a value; UNSET takes it out, and with it every optional parent that has become empty.

        What was wrong there, in its parts, or in what it is a part of, is forgotten.

        Raises:
            UsageError: an entry of a list was skipped.
        """
        if value is UNSET:
            self._unset(location)
        else:
            put(self._values, location, copied(value))
        self._forget(location)

    def type_in(self, location: Location, field: Field, text: str) -> None:
        """Set what was typed; an empty text unsets, and one that is no value is kept and told in `faults`."""
        value, fault = parse(field, text)
        self.set(location, value)
        if fault:
            self.faults[location] = fault

    def add_row(self, location: Location, value: Any = UNSET) -> int:
        """Append an entry to an array; its index."""
        rows = self._rows(location)
        self.set(location, [*rows, {} if value is UNSET else value])
        return len(rows)

    def drop_row(self, location: Location, index: int) -> None:
        """Take an entry out of an array; an array that is empty then is unset."""
        rows = [row for number, row in enumerate(self._rows(location)) if number != index]
        self.set(location, rows or UNSET)

    def copy_row(self, location: Location, index: int) -> int:
        """Put a copy of an entry after it; the index of the copy."""
        rows = self._rows(location)
        self.set(location, [*rows[: index + 1], *rows[index : index + 1], *rows[index + 1 :]])
        return index + 1

    def move_row(self, location: Location, index: int, by: int) -> int:
        """Move an entry up or down by some places, at most to an end; its new index."""
        rows = self._rows(location)
        there = max(0, min(len(rows) - 1, index + by))
        rows.insert(there, rows.pop(index))
        self.set(location, rows)
        return there

    def rename(self, location: Location, old: str, new: str) -> None:
        """Give a value of an object another name; value and place stay.

        Raises:
            UsageError: the name is taken, or empty; nothing has changed.
        """
        held = self.get(location)
        names = list(held) if isinstance(held, dict) else []
        if old == new or old not in names:
            return
        if not new or new in names:
            what = f"There is a {new} already." if new else "A name must not be empty."
            raise UsageError(what, "Choose another name.")
        self.set(location, {new if name == old else name: value for name, value in held.items()})

    def field_at(self, location: Location) -> Field | None:
        """The field that stands at a location of the body, by the branches that the present values choose."""
        return standing(self.body, self.get, location)

    def _rows(self, location: Location) -> list[Any]:
        rows = self.get(location)
        return list(rows) if isinstance(rows, list) else []

    def _forget(self, location: Location) -> None:
        self.faults = {at: text for at, text in self.faults.items() if not related(at, location)}

    def _unset(self, location: Location) -> None:
        if self.get(location) is UNSET:
            return
        holder = self.get(location[:-1])
        if isinstance(holder, list):
            self._forget(location[:-1])  # the entries after it move up
        take_out(holder, location[-1])
        if holder == {} and self._is_optional(location[:-1]):
            self._unset(location[:-1])

    def _is_optional(self, location: Location) -> bool:
        """Whether an object that has become empty goes with its last member; an entry of an array stays."""
        if location == ("parameters",) or isinstance(location[-1], int):
            return False
        field = declared(self.body, self.get, location) if location[0] == "body" else None
        return field is None or not field.required
