"""The field that stands at a place of a body, by the branches that the present values choose.

What a body is drawn as, by the media type that carries it.

Values set, unset, listed and named: one nest of plain data, and what was typed into it that is no value.

The values of one form: three states to a field, in step with JSON, and told in words where they are wrong.

What is unset is not there; null is a value of its own. The body is kept as the JSON that it is, so that the form and
the JSON editor show one thing. A text that is no number where a number is wanted is kept, and told, not thrown away.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ..call import UNSET, Call, Upload
from ..data import Location, copy_data, get_value, locations_overlap, put_value, remove_value
from ..errors import UsageError
from ..messages import bare_media_type, is_json
from ..openapi import Operation
from ..schema import Field, body_example, body_field, make_sample, parameter_fields
from ..templates import template_names
from .parsing import as_json, parse_text, read_json, restored
from .problems import find_problems

Get = Callable[[Location], Any]


def field_at(body: Field | None, get: Get, location: Location) -> Field | None:
    """The field at a location of the body, of a union the branch that its value belongs to; None where none stands."""
    if not location or location[0] != "body":
        return None
    return _branch(declared_field(body, get, location), get, location)


def declared_field(body: Field | None, get: Get, location: Location) -> Field | None:
    """The field at a location of the body, before its own branch is chosen."""
    field = body
    for depth, step in enumerate(location[1:], 1):
        field = _branch(field, get, location[:depth])
        if field is not None:
            field = field.item_at(step) if isinstance(step, int) else field.member(step)
    return field


def _branch(field: Field | None, get: Get, at: Location) -> Field | None:
    while field is not None and field.kind == "union":
        branch = field.branch_for(get(at))
        field = branch.field if branch else None
    return field


_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
_WRITTEN = ("xml", "yaml", "x-yaml", "csv", "x-ndjson", "javascript", "graphql", "sql", "toml")
_BUILT = ("any", "object", "map", "array", "union")


def as_sent(field: Field | None, media_type: str | None) -> Field | None:
    """The field of a body as it is typed: text as it stands, or a file, where the media type knows no JSON."""
    media = bare_media_type(media_type or "")
    if field is None or is_json(media) or media in _FORMS or "*" in media.partition("/")[0]:
        return field
    drawn = next((draw for applies, draw in _DRAWN if applies(media)), None)
    return drawn(field, media) if drawn else field


def with_files(field: Field | None, value: Any, media_type: str | None) -> Any:
    """A sample whose files are files: a server takes a part without a file's name for a text."""
    if field is None or is_json(media_type or ""):
        return value
    if field.kind == "file" and isinstance(value, str):
        return Upload(f"{field.name or 'sample'}.txt", value.encode(), "text/plain")
    if field.kind == "union":
        branch = field.branch_for(value)
        return with_files(branch.field, value, media_type) if branch else value
    if isinstance(value, dict):
        return {name: with_files(field.member(name), inner, media_type) for name, inner in value.items()}
    if isinstance(value, list):
        return [with_files(field.item_at(index), inner, media_type) for index, inner in enumerate(value)]
    return value


def is_written(media: str) -> bool:
    """Whether a media type is one that people write: text, XML and their like."""
    main, _, kind = bare_media_type(media).partition("/")
    return main == "text" or kind in _WRITTEN or kind.rpartition("+")[2] in ("xml", "yaml")


def _as_text(field: Field, media: str) -> Field:
    return replace(field, kind="text", type_name=media) if field.kind in _BUILT else field


def _as_file(field: Field, media: str) -> Field:
    return replace(field, kind="file", type_name=media) if field.kind in ("any", "text") else field


_DRAWN: tuple[tuple[Callable[[str], bool], Callable[[Field, str], Field]], ...] = (
    (is_written, _as_text),
    (lambda media: bool(media), _as_file),
)


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
        return get_value(self._values, location)

    def set(self, location: Location, value: Any) -> None:
        """Set a value; UNSET takes it out, and with it every optional parent that has become empty.

        What was wrong there, in its parts, or in what it is a part of, is forgotten.

        Raises:
            UsageError: an entry of a list was skipped.
        """
        if value is UNSET:
            self._unset(location)
        else:
            put_value(self._values, location, copy_data(value))
        self._forget(location)

    def type_in(self, location: Location, field: Field, text: str) -> None:
        """Set what was typed; an empty text unsets, and one that is no value is kept and told in `faults`."""
        value, fault = parse_text(field, text)
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
        return field_at(self.body, self.get, location)

    def _rows(self, location: Location) -> list[Any]:
        rows = self.get(location)
        return list(rows) if isinstance(rows, list) else []

    def _forget(self, location: Location) -> None:
        self.faults = {at: text for at, text in self.faults.items() if not locations_overlap(at, location)}

    def _unset(self, location: Location) -> None:
        if self.get(location) is UNSET:
            return
        holder = self.get(location[:-1])
        if isinstance(holder, list):
            self._forget(location[:-1])  # the entries after it move up
        remove_value(holder, location[-1])
        if holder == {} and self._is_optional(location[:-1]):
            self._unset(location[:-1])

    def _is_optional(self, location: Location) -> bool:
        """Whether an object that has become empty goes with its last member; an entry of an array stays."""
        if location == ("parameters",) or isinstance(location[-1], int):
            return False
        field = declared_field(self.body, self.get, location) if location[0] == "body" else None
        return field is None or not field.required


_NAMED = ("object", "union", "map")
"""Kinds of bodies that are names and values."""


class Form(Entries):
    """The values that a call is made of, without a widget.

    Attributes:
        operation: the operation to be called.
        parameters: the fields of its parameters.
        body: the field of its body; None where it takes none.
        media_type: what the body is sent as.
        headers: further headers by name.
        security: the security scheme that was chosen; None for the first that can be met.
    """

    def __init__(self, operation: Operation, media_type: str | None = None) -> None:
        self.operation = operation
        self.media_type = media_type or (operation.body.media_type if operation.body else None)
        self.parameters = parameter_fields(operation)
        self.headers: dict[str, str] = {}
        self.security: str | None = None
        super().__init__(as_sent(body_field(operation, self.media_type), self.media_type), {"parameters": {}})
        self._held: dict[str, Any] = {}  # bodies of other media types, looked at before
        if self.body is not None and self.body.required and self.body.kind in _NAMED:
            self._values["body"] = {}

    def __repr__(self) -> str:
        return f"<Form of {self.operation.id}>"

    def fill(self, full: bool = False) -> None:
        """Fill with samples: what is required, or with `full` everything that has an example.

        A body is the example that the document gives of the whole, where there is a good one.
        """
        kept = {k: v for k, v in self._values["parameters"].items() if template_names(v)}
        samples = {f.name: make_sample(f) for f in self.parameters if f.required and f.name not in kept}
        self._values = copy_data({"parameters": {**samples, **kept}})  # an example is the document's own
        if self.body is not None:
            whole = body_example(self.operation, self.media_type)
            made = copy_data(make_sample(self.body, full)) if whole is UNSET else whole
            self._values["body"] = with_files(self.body, made, self.media_type)
        self.faults = {}

    def clear(self) -> None:
        """Unset everything."""
        self.__init__(self.operation, self.media_type)  # type: ignore[misc]  # as new, and nothing else

    def ask_as(self, media_type: str) -> None:
        """Send the body as another media type: what both know goes along, and what the other had before is back."""
        parameters, body, held = self._values["parameters"], self.get(("body",)), dict(self._held)
        held[str(self.media_type)] = body
        headers, security = self.headers, self.security
        self.__init__(self.operation, media_type)  # type: ignore[misc]  # as new, and nothing else
        self.headers, self.security = headers, security
        self._values["parameters"], self._held = parameters, held
        old = held.get(media_type, UNSET)
        if self.body is not None and self.body.kind in _NAMED and isinstance(body, dict):
            known = {name for form in self.body.alternatives for name in body if form.member(name) is not None}
            old = {**(old if isinstance(old, dict) else {}), **{n: v for n, v in body.items() if n in known}}
        if old is not UNSET:
            self._values["body"] = old

    def take(self, call: Call) -> None:
        """Show a call: its values replace all others, and its media type is the form's."""
        media_type = call.media_type or (self.operation.body.media_type if self.operation.body else None)
        self.__init__(self.operation, media_type)  # type: ignore[misc]  # as new, and nothing else
        self._values = copy_data({"parameters": dict(call.parameters)})
        self.headers, self.security = dict(call.headers), call.security
        if call.body is not UNSET:
            self._values["body"] = copy_data(call.body)

    def to_call(self) -> Call:
        """The call as it stands; nothing is resolved."""
        values = copy_data(self._values)
        body, media_type = values.get("body", UNSET), self._other_media_type()
        return Call(self.operation.id, values["parameters"], body, media_type, dict(self.headers), self.security)

    def body_text(self) -> str:
        """The body as JSON text, indented by two; empty where it is unset. A file is told by its size."""
        body = self.get(("body",))
        return "" if body is UNSET else as_json(body)

    def type_body(self, text: str) -> None:
        """Take the body from JSON text; a text that is not JSON is told in `faults`, and the old body stays."""
        try:
            body = restored(read_json(text), self.get(("body",))) if text.strip() else UNSET
        except json.JSONDecodeError as error:
            self.faults[("body",)] = f"This is not JSON: {error}."
        else:
            self.set(("body",), body)

    def problems(self, resolve: Callable[[Any], Any]) -> dict[Location, str]:
        """What is wrong, by location and in words, with templates resolved by `resolve`; empty when all is well."""
        return find_problems(self, resolve)

    def _other_media_type(self) -> str | None:
        body = self.operation.body
        return self.media_type if body and self.media_type != body.media_type else None
