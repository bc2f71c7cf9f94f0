"""The values of one form: three states to a field, in step with JSON, and told in words where they are wrong.

What is unset is not there; null is a value of its own. The body is kept as the JSON that it is, so that the form and
the JSON editor show one thing. A text that is no number where a number is wanted is kept, and told, not thrown away.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from ..call import UNSET, Call
from ..environment import names_in
from ..fields import Field, body_field, parameter_fields, sample
from ..spec import Operation
from .problems import Location, problems_of
from .typed import parse


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
        node: Any = self._values
        for step in location:
            if isinstance(node, Mapping) and step in node:
                node = node[str(step)]
            elif isinstance(node, list) and isinstance(step, int) and step < len(node):
                node = node[step]
            else:
                return UNSET
        return node

    def set(self, location: Location, value: Any) -> None:
        """Set a value; UNSET takes it out, and with it every optional parent that has become empty."""
        self.faults.pop(location, None)
        if value is UNSET:
            self._unset(location)
            return
        node: Any = self._values
        for step, following in itertools.pairwise(location):
            node = _opened(node, step, [] if isinstance(following, int) else {})
        _put(node, location[-1], value)

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
        self.faults = {at: text for at, text in self.faults.items() if at[: len(location)] != location}
        self.set(location, rows or UNSET)

    def fill(self, full: bool = False) -> None:
        """Fill with samples: what is required, or with `full` everything that has an example."""
        kept = {k: v for k, v in self._values["parameters"].items() if names_in(v)}
        samples = {f.name: sample(f) for f in self.parameters if f.required and f.name not in kept}
        self._values = {"parameters": {**samples, **kept}}
        if self.body is not None:
            self._values["body"] = sample(self.body, full)
        self.faults = {}

    def clear(self) -> None:
        """Unset everything."""
        self.__init__(self.operation, self.media_type)  # type: ignore[misc]  # as new, and nothing else

    def take(self, call: Call) -> None:
        """Show a call: its values replace all others."""
        self._values = {"parameters": dict(call.parameters)}
        if call.body is not UNSET:
            self._values["body"] = copy.deepcopy(call.body)
        self.faults = {}

    def to_call(self) -> Call:
        """The call as it stands; nothing is resolved."""
        body = copy.deepcopy(self._values.get("body", UNSET))
        return Call(self.operation.id, dict(self._values["parameters"]), body, self._other_media_type())

    def body_text(self) -> str:
        """The body as JSON text, indented by two; empty where it is unset."""
        body = self._values.get("body", UNSET)
        return "" if body is UNSET else orjson.dumps(body, option=orjson.OPT_INDENT_2).decode()

    def type_body(self, text: str) -> None:
        """Take the body from JSON text; a text that is not JSON is told in `faults`, and the old body stays."""
        self.faults.pop(("body",), None)
        if not text.strip():
            self._values.pop("body", None)
            return
        try:
            self._values["body"] = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            self.faults[("body",)] = f"This is not JSON: {error}."

    def problems(self, resolve: Callable[[Any], Any]) -> dict[Location, str]:
        """What is wrong, by location and in words, with templates resolved by `resolve`; empty when all is well."""
        return problems_of(self, resolve)

    def _other_media_type(self) -> str | None:
        body = self.operation.body
        return self.media_type if body and self.media_type != body.media_type else None

    def _unset(self, location: Location) -> None:
        holder = self.get(location[:-1])
        if isinstance(holder, dict):
            holder.pop(str(location[-1]), None)
        elif isinstance(holder, list) and isinstance(location[-1], int) and location[-1] < len(holder):
            del holder[location[-1]]
        if (
            holder == {}
            and len(location) > 2
            and not isinstance(location[-2], int)
            and not self._required(location[:-1])
        ):
            self._unset(location[:-1])

    def field_at(self, location: Location) -> Field | None:
        """The field that stands at a location of the body, by the branches that the present values choose."""
        if not location or location[0] != "body":
            return None
        field = self.body
        for depth, step in enumerate(location[1:], 1):
            field = self._branch(field, location[:depth])
            field = (field.child(str(step)) or field.item) if field is not None else None
        return self._branch(field, location)

    def _branch(self, field: Field | None, at: Location) -> Field | None:
        if field is None or field.kind != "union":
            return field
        branch = field.branch_for(self.get(at))
        return branch.field if branch else None

    def _required(self, location: Location) -> bool:
        field = self.field_at(location)
        return field is not None and field.required


def _opened(node: Any, step: str | int, empty: Any) -> Any:
    """The child at a step, made where it is missing or of another shape."""
    if isinstance(node, list) and isinstance(step, int):
        while len(node) <= step:
            node.append({})
        if not isinstance(node[step], type(empty)):
            node[step] = empty
        return node[step]
    if not isinstance(node.get(step), type(empty)):
        node[step] = empty
    return node[step]


def _put(node: Any, step: str | int, value: Any) -> None:
    if isinstance(node, list) and isinstance(step, int) and step == len(node):
        node.append(value)
    else:
        node[step] = value
