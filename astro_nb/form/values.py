"""The values of one form: three states to a field, in step with JSON, and told in words where they are wrong.

What is unset is not there; null is a value of its own. The body is kept as the JSON that it is, so that the form and
the JSON editor show one thing. A text that is no number where a number is wanted is kept, and told, not thrown away.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

from ..call import UNSET, Call
from ..environment import names_in
from ..fields import Field, body_example, body_field, parameter_fields, sample
from ..spec import Operation
from .nested import Location, put, related, take_out, value_at
from .problems import problems_of
from .typed import as_json, parse, read_json, restored


class Form:
    """The values that a call is made of, without a widget.

    Attributes:
        operation: the operation to be called.
        parameters: the fields of its parameters.
        body: the field of its body; None where it takes none.
        faults: what was typed and is no value, by location, in words.
    """

    def __init__(self, operation: Operation, media_type: str | None = None) -> None:
        self.operation = operation
        self.media_type = media_type or (operation.body.media_type if operation.body else None)
        self.parameters = parameter_fields(operation)
        self.body = body_field(operation, self.media_type)
        self.faults: dict[Location, str] = {}
        self._values: dict[str, Any] = {"parameters": {}}
        if self.body is not None and self.body.required and self.body.kind in ("object", "union", "map"):
            self._values["body"] = {}

    def __repr__(self) -> str:
        return f"<Form of {self.operation.id}>"

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
            put(self._values, location, copy.deepcopy(value))
        self._forget(location)

    def type_in(self, location: Location, field: Field, text: str) -> None:
        """Set what was typed; an empty text unsets, and one that is no value is kept and told in `faults`."""
        value, fault = parse(field, text)
        self.set(location, value)
        if fault:
            self.faults[location] = fault

    def add_row(self, location: Location, value: Any = UNSET) -> int:
        """Append an entry to an array; its index."""
        rows = self.get(location)
        rows = list(rows) if isinstance(rows, list) else []
        self.set(location, [*rows, {} if value is UNSET else value])
        return len(rows)

    def drop_row(self, location: Location, index: int) -> None:
        """Take an entry out of an array; an array that is empty then is unset."""
        rows = [row for number, row in enumerate(self.get(location) or []) if number != index]
        self.set(location, rows or UNSET)

    def fill(self, full: bool = False) -> None:
        """Fill with samples: what is required, or with `full` everything that has an example.

        A body is the example that the document gives of the whole, where there is a good one.
        """
        kept = {k: v for k, v in self._values["parameters"].items() if names_in(v)}
        samples = {f.name: sample(f) for f in self.parameters if f.required and f.name not in kept}
        self._values = copy.deepcopy({"parameters": {**samples, **kept}})  # an example is the document's own
        if self.body is not None:
            whole = body_example(self.operation, self.media_type)
            self._values["body"] = copy.deepcopy(sample(self.body, full)) if whole is UNSET else whole
        self.faults = {}

    def clear(self) -> None:
        """Unset everything."""
        self.__init__(self.operation, self.media_type)  # type: ignore[misc]  # as new, and nothing else

    def take(self, call: Call) -> None:
        """Show a call: its values replace all others."""
        self._values = copy.deepcopy({"parameters": dict(call.parameters)})
        if call.body is not UNSET:
            self._values["body"] = copy.deepcopy(call.body)
        self.faults = {}

    def to_call(self) -> Call:
        """The call as it stands; nothing is resolved."""
        values = copy.deepcopy(self._values)
        return Call(self.operation.id, values["parameters"], values.get("body", UNSET), self._other_media_type())

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
        return problems_of(self, resolve)

    def _other_media_type(self) -> str | None:
        body = self.operation.body
        return self.media_type if body and self.media_type != body.media_type else None

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

    def field_at(self, location: Location) -> Field | None:
        """The field that stands at a location of the body, by the branches that the present values choose."""
        if not location or location[0] != "body":
            return None
        return self._branch(self._declared(location), location)

    def _declared(self, location: Location) -> Field | None:
        """The field at a location of the body, before its own branch is chosen."""
        field = self.body
        for depth, step in enumerate(location[1:], 1):
            field = self._branch(field, location[:depth])
            field = (field.child(str(step)) or field.item) if field is not None else None
        return field

    def _branch(self, field: Field | None, at: Location) -> Field | None:
        if field is None or field.kind != "union":
            return field
        branch = field.branch_for(self.get(at))
        return branch.field if branch else None

    def _is_optional(self, location: Location) -> bool:
        """Whether an object that has become empty goes with its last member; an entry of an array stays."""
        if location == ("parameters",) or isinstance(location[-1], int):
            return False
        field = self._declared(location) if location[0] == "body" else None
        return field is None or not field.required
