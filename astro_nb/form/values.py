"""The values of one form: three states to a field, in step with JSON, and told in words where they are wrong.

What is unset is not there; null is a value of its own. The body is kept as the JSON that it is, so that the form and
the JSON editor show one thing. A text that is no number where a number is wanted is kept, and told, not thrown away.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ..call import UNSET, Call
from ..environment import names_in
from ..fields import body_example, body_field, parameter_fields, sample
from ..spec import Operation
from .entries import Entries
from .media import as_sent, with_files
from .nested import Location, copied
from .problems import problems_of
from .typed import as_json, read_json, restored

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
        kept = {k: v for k, v in self._values["parameters"].items() if names_in(v)}
        samples = {f.name: sample(f) for f in self.parameters if f.required and f.name not in kept}
        self._values = copied({"parameters": {**samples, **kept}})  # an example is the document's own
        if self.body is not None:
            whole = body_example(self.operation, self.media_type)
            made = copied(sample(self.body, full)) if whole is UNSET else whole
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
            known = {name for form in self.body.forms for name in body if form.member(name) is not None}
            old = {**(old if isinstance(old, dict) else {}), **{n: v for n, v in body.items() if n in known}}
        if old is not UNSET:
            self._values["body"] = old

    def take(self, call: Call) -> None:
        """Show a call: its values replace all others, and its media type is the form's."""
        media_type = call.media_type or (self.operation.body.media_type if self.operation.body else None)
        self.__init__(self.operation, media_type)  # type: ignore[misc]  # as new, and nothing else
        self._values = copied({"parameters": dict(call.parameters)})
        self.headers, self.security = dict(call.headers), call.security
        if call.body is not UNSET:
            self._values["body"] = copied(call.body)

    def to_call(self) -> Call:
        """The call as it stands; nothing is resolved."""
        values = copied(self._values)
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
        return problems_of(self, resolve)

    def _other_media_type(self) -> str | None:
        body = self.operation.body
        return self.media_type if body and self.media_type != body.media_type else None
