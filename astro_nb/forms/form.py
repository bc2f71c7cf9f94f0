"""The values of one form, without widgets.

A field is unset, null, or has a value: what is unset is not in the call, and null is a value of its own. The body is
kept as the JSON that it is, so that the form and the JSON editor show the same. Text that is not a value of its field,
such as letters for a number, is kept and reported, not discarded.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ..call import UNSET, Call
from ..data import Location, copy_data, get_value, locations_overlap, put_value, remove_value
from ..errors import UsageError
from ..openapi import Operation
from ..schema import Field, body_example, body_field, make_sample, parameter_fields
from ..templates import template_names
from .bodies import declared_field, edited_as, field_at, with_uploads
from .parsing import as_json, parse_text, read_json, restore_files
from .problems import find_problems

_NAMED = ("object", "union", "map")
"""Kinds of bodies that consist of names and values."""


class Form:
    """The values that a call is made of.

    A location starts with "parameters" or "body": `("parameters", "limit")`, `("body", "tags", 0)`.

    Attributes:
        operation: the operation to call.
        parameters: the fields of its parameters.
        body: the field of its body; None if it takes none.
        media_type: the media type of the body.
        headers: further headers by name.
        security: the security scheme that was chosen; None for the first one with credentials.
        input_errors: why typed text is not a value of its field, by location.
    """

    def __init__(self, operation: Operation, media_type: str | None = None) -> None:
        self.operation = operation
        self.parameters = parameter_fields(operation)
        self.media_type = media_type or self._default_media_type()
        self.body: Field | None = None
        self.clear()

    def __repr__(self) -> str:
        return f"<Form of {self.operation.id}>"

    def clear(self) -> None:
        """Unset everything; the media type stays."""
        self.headers: dict[str, str] = {}
        self.security: str | None = None
        self.input_errors: dict[Location, str] = {}
        self._values: dict[str, Any] = {"parameters": {}}
        self._other_bodies: dict[str, Any] = {}  # by media type, for switching back
        self._use_media_type(self.media_type)

    def get(self, location: Location) -> Any:
        """Return the value at a location; UNSET if there is none."""
        return get_value(self._values, location)

    def set(self, location: Location, value: Any) -> None:
        """Set a value; UNSET removes it, and every optional parent that becomes empty.

        Input errors at the location, in its parts and in its parents are cleared.

        Raises:
            UsageError: the location skips an item of a list.
        """
        if value is UNSET:
            self._unset(location)
        else:
            put_value(self._values, location, copy_data(value))
        self._clear_errors(location)

    def set_text(self, location: Location, field: Field, text: str) -> None:
        """Set what was typed; empty text unsets the value, and invalid text is kept with an input error."""
        value, error = parse_text(field, text)
        self.set(location, value)
        if error:
            self.input_errors[location] = error

    def body_text(self) -> str:
        """Return the body as JSON text, indented by two; empty if it is unset. A file appears as its name and size."""
        body = self.get(("body",))
        return "" if body is UNSET else as_json(body)

    def set_body_text(self, text: str) -> None:
        """Set the body from JSON text; if the text is not JSON, the body stays and the error is in `input_errors`."""
        try:
            body = restore_files(read_json(text), self.get(("body",))) if text.strip() else UNSET
        except json.JSONDecodeError as error:
            self.input_errors[("body",)] = f"This is not JSON: {error}."
        else:
            self.set(("body",), body)

    def add_row(self, location: Location, value: Any = UNSET) -> int:
        """Append an item to an array and return its index."""
        rows = self._rows(location)
        self.set(location, [*rows, {} if value is UNSET else value])
        return len(rows)

    def remove_row(self, location: Location, index: int) -> None:
        """Remove an item of an array; an array that becomes empty is unset."""
        rows = [row for number, row in enumerate(self._rows(location)) if number != index]
        self.set(location, rows or UNSET)

    def copy_row(self, location: Location, index: int) -> int:
        """Insert a copy after an item of an array and return the index of the copy."""
        rows = self._rows(location)
        self.set(location, [*rows[: index + 1], *rows[index : index + 1], *rows[index + 1 :]])
        return index + 1

    def move_row(self, location: Location, index: int, by: int) -> int:
        """Move an item of an array up or down by some places, at most to an end, and return its new index."""
        rows = self._rows(location)
        target = max(0, min(len(rows) - 1, index + by))
        rows.insert(target, rows.pop(index))
        self.set(location, rows)
        return target

    def rename(self, location: Location, old: str, new: str) -> None:
        """Rename a member of an object; its value and its position stay.

        Raises:
            UsageError: the new name is taken, or empty; nothing is changed.
        """
        value = self.get(location)
        names = list(value) if isinstance(value, dict) else []
        if old == new or old not in names:
            return
        if not new or new in names:
            what = f"There is a {new} already." if new else "A name must not be empty."
            raise UsageError(what, "Choose another name.")
        self.set(location, {new if name == old else name: inner for name, inner in value.items()})

    def field_at(self, location: Location) -> Field | None:
        """Return the field at a location of the body, by the branches that the present values choose."""
        return field_at(self.body, self.get, location)

    def fill(self, full: bool = False) -> None:
        """Fill with samples: what is required, or with `full` everything that has an example.

        The body is the document's example of the whole body if that is valid. Parameters with templates stay.
        """
        kept = {k: v for k, v in self._values["parameters"].items() if template_names(v)}
        samples = {f.name: make_sample(f) for f in self.parameters if f.required and f.name not in kept}
        self._values = {"parameters": copy_data({**samples, **kept})}
        if self.body is not None:
            whole = body_example(self.operation, self.media_type)
            body = make_sample(self.body, full) if whole is UNSET else whole
            self._values["body"] = with_uploads(self.body, body, self.media_type)
        self.input_errors = {}

    def set_media_type(self, media_type: str) -> None:
        """Change the media type of the body.

        Members that both types declare move to the new body; a body that was entered for the new type before is back.
        """
        body, bodies = self.get(("body",)), self._other_bodies
        bodies[str(self.media_type)] = body
        self._values.pop("body", None)
        self.input_errors = {}
        self._use_media_type(media_type)
        old = bodies.get(media_type, UNSET)
        if self.body is not None and self.body.kind in _NAMED and isinstance(body, dict):
            known = {name for form in self.body.alternatives for name in body if form.member(name) is not None}
            old = {**(old if isinstance(old, dict) else {}), **{n: v for n, v in body.items() if n in known}}
        if old is not UNSET:
            self._values["body"] = old

    def load_call(self, call: Call) -> None:
        """Replace all values and the media type by those of a call."""
        self.clear()
        self._use_media_type(call.media_type or self._default_media_type())
        self._values = copy_data({"parameters": dict(call.parameters)})
        self.headers, self.security = dict(call.headers), call.security
        if call.body is not UNSET:
            self._values["body"] = copy_data(call.body)

    def to_call(self) -> Call:
        """Return the call with these values; templates stay unresolved."""
        values = copy_data(self._values)
        media_type = None if self.media_type == self._default_media_type() else self.media_type
        body = values.get("body", UNSET)
        return Call(self.operation.id, values["parameters"], body, media_type, dict(self.headers), self.security)

    def problems(self, resolve: Callable[[Any], Any]) -> dict[Location, str]:
        """Return what is wrong by location, with templates resolved by `resolve`; empty if nothing is."""
        return {**find_problems(self, resolve), **self.input_errors}

    def _default_media_type(self) -> str | None:
        return self.operation.body.media_type if self.operation.body else None

    def _use_media_type(self, media_type: str | None) -> None:
        """Set the field of the body; a required body of names and values starts empty instead of unset."""
        self.media_type = media_type
        self.body = edited_as(body_field(self.operation, media_type), media_type)
        if self.body is not None and self.body.required and self.body.kind in _NAMED:
            self._values["body"] = {}

    def _rows(self, location: Location) -> list[Any]:
        rows = self.get(location)
        return list(rows) if isinstance(rows, list) else []

    def _clear_errors(self, location: Location) -> None:
        self.input_errors = {at: e for at, e in self.input_errors.items() if not locations_overlap(at, location)}

    def _unset(self, location: Location) -> None:
        if self.get(location) is UNSET:
            return
        parent = self.get(location[:-1])
        if isinstance(parent, list):
            self._clear_errors(location[:-1])  # the items after it move up
        remove_value(parent, location[-1])
        if parent == {} and self._is_optional(location[:-1]):
            self._unset(location[:-1])

    def _is_optional(self, location: Location) -> bool:
        """Whether an object is unset with its last member; an item of an array stays."""
        if location == ("parameters",) or isinstance(location[-1], int):
            return False
        field = declared_field(self.body, self.get, location) if location[0] == "body" else None
        return field is None or not field.required
