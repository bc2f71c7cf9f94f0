"""Where the items of a list answer stand, what each is, and what tells them apart.

One call and what came of it.

An Exchange never raises for what a server answered; `ok` says whether it went well. Secret fields of the answer are
stars wherever the exchange is read, shown or stored; `reveal()` gives them on purpose, in memory.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

import orjson

from ..call import Call
from ..contract import Violation
from ..errors import PickError
from ..jsonpath import find, pick
from ..messages import Request, Response, header
from ..openapi import Operation, StateExtension
from ..schema import Field, hold_secrets, mask_secrets, response_field
from ..secrets import MASK, is_secret_header
from ..templates import as_literal
from .attempts import Attempt, ErrorFacts, Failure, error_of, from_envelope, plain
from .display import draw, one_line
from .frames import items_frame
from .group import SINGLE_CALL, CallGroup
from .outcome import Outcome, advice_for, outcome_of

if TYPE_CHECKING:
    from ..frames import DataFrame


def item_field(exchange: Exchange) -> Field | None:
    """The field tree of one item of an answer; None where the document does not declare it."""
    field, path = exchange.field, exchange.operation.spec.resources.items_path(exchange.operation, exchange.json())
    if field is not None and path != "$":
        field = field.child(path[3:-2])
    return field.item if field is not None and field.kind == "array" else field


def lead(operation: Operation) -> tuple[str, ...]:
    """The columns that tell things apart: name, id and state, where the overlay names them."""
    item, state = operation.extensions.item, operation.extensions.settled
    named = (item.name, item.id) if item else ()
    return tuple(filter(None, (*named, (state or StateExtension()).state)))


_LONGEST_ID = 200  # characters


@dataclass(frozen=True, repr=False)
class Exchange:
    """One call and what came of it.

    Attributes:
        id: unique, and in order of time.
        operation: the operation called.
        call: what was meant, templates unresolved.
        request: what was sent, as shown: secrets are stars.
        failure: why no answer came; None where one did.
        attempts: every try, in order.
        started: when it began, UTC.
        elapsed: seconds from the first byte sent to the last one read, waiting between attempts included.
        violations: how the answer departs from the document.
        environment: name of the environment.
        picked: what was picked out of the answer lately, and where: a value is known again by itself, not by its looks.
        group: what it was sent for: a single call, or part of pages, a wait, a bulk or a change.
    """

    id: str
    operation: Operation
    call: Call
    request: Request
    started: datetime
    elapsed: float
    response: Response | None = None
    failure: Failure | None = None
    attempts: tuple[Attempt, ...] = ()
    violations: tuple[Violation, ...] = ()
    environment: str = ""
    group: CallGroup = SINGLE_CALL
    picked: deque[tuple[Any, str]] = field(default_factory=lambda: deque(maxlen=20), init=False, compare=False)

    @property
    def ok(self) -> bool:
        """Whether an answer of a status below 400 came."""
        return self.response is not None and self.response.status < 400

    @property
    def status(self) -> int | None:
        """The status of the answer; None where none came."""
        return self.response.status if self.response else None

    @property
    def status_text(self) -> str:
        """The status in words: "200 OK", or what went wrong instead."""
        if self.response:
            return plain(f"{self.response.status} {self.response.reason}".strip(), _LONGEST_ID)
        return self.failure.kind if self.failure else "no answer"

    @property
    def outcome(self) -> Outcome:
        """Whether the call was carried out: "done", "failed" or "unknown"."""
        return outcome_of(self)

    @property
    def advice(self) -> str:
        """What to do if the outcome is unknown, such as which operation to check with; else empty."""
        return advice_for(self)

    @property
    def size(self) -> int:
        """Bytes of the answer's body."""
        return len(self.response.body) if self.response else 0

    @property
    def headers(self) -> dict[str, str]:
        """The answer's headers by name; those that carry credentials are stars."""
        pairs = self.response.headers if self.response else ()
        return {name: MASK if is_secret_header(name) else value for name, value in pairs}

    @property
    def request_id(self) -> str:
        """The id by which the server's operators find this request; empty where it gave none."""
        told = header(self.response.headers, "x-request-id") if self.response else ""
        told = told or str(from_envelope(self.response, self.operation.spec.extensions.error, "request_id") or "")
        return plain(told, _LONGEST_ID)

    @cached_property
    def error(self) -> ErrorFacts | None:
        """What went wrong, or None where the exchange is ok."""
        if self.ok:
            return None
        if self.response is None:
            return ErrorFacts(self.failure.message if self.failure else "No answer came.", "", None)
        return error_of(self.response, self.operation.spec.extensions.error, self.request_id, self.text)

    def json(self) -> Any:
        """The answer's body as plain data, secret fields as stars.

        Raises:
            PickError: there is no answer, or it is not JSON.
        """
        return self._masked

    @property
    def text(self) -> str:
        """The answer's body as text, secret fields as stars; empty where there is none."""
        if self.response is None:
            return ""
        if not self.response.is_json:
            return self.response.text
        same = self._masked is self.response.json()  # nothing is copied where nothing is masked
        return self.response.text if same else orjson.dumps(self._masked, option=orjson.OPT_INDENT_2).decode()

    def reveal(self) -> Any:
        """The answer's body with its secrets in the clear. Do not end a cell with it: the notebook would keep them."""
        return self._answered().json()

    def __getitem__(self, path: str) -> Any:
        """The value at a JSONPath: a secret as a `Secret`, which shows nothing, and texts that are never resolved."""
        return _remembered(self.picked, as_literal(_picked(self, self._redacted, path)), path)

    def __contains__(self, path: str) -> bool:
        return bool(self.response and self.response.is_json and find(self.response.json(), path))

    @property
    def items(self) -> list[Any]:
        """The entries of a list answer, secret fields as stars; a single object is a list of one."""
        path = self.operation.spec.resources.items_path(self.operation, self._masked)
        if path != "$":
            return list(pick(self._masked, path))
        return self._masked if isinstance(self._masked, list) else [self._masked]

    def frame(self) -> DataFrame:
        """The answer as a DataFrame, one row per item, dtypes from the schema."""
        return items_frame(self.items, item_field(self), lead(self.operation))

    @property
    def field(self) -> Field | None:
        """The field tree of the answer, where the document declares it."""
        return response_field(self.operation, self.response.status, self.response.media_type) if self.response else None

    def __reduce__(self) -> Any:
        raise TypeError(
            "An exchange is not pickled: it may hold secrets. The history keeps it; read it back by its id."
        )

    def __deepcopy__(self, memo: Any) -> Exchange:
        return self

    def __repr__(self) -> str:
        return one_line(self)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/plain": repr(self), "text/html": str(draw(self))}

    @cached_property
    def _masked(self) -> Any:
        return mask_secrets(self.field, self._answered().json())

    @cached_property
    def _redacted(self) -> Any:
        return hold_secrets(self.field, self._answered().json())

    def _answered(self) -> Response:
        if self.response is None:
            told = self.failure.message if self.failure else "No answer came."
            raise PickError(told, self.failure.todo if self.failure else "Send the request again.")
        return self.response


def _picked(exchange: Exchange, data: Any, path: str) -> Any:
    """The value at a path; where an error was answered that has none, that is what is told."""
    try:
        return pick(data, path)
    except PickError as error:
        if exchange.ok or exchange.error is None or "path" not in error.data:
            raise
        what = f"{exchange.operation.id} ended with {exchange.status_text}: {exchange.error.message.rstrip('.')}."
        raise PickError(f"{what} It has no {path}.", "Mend that first.", path=path) from None


def _remembered(picked: deque[tuple[Any, str]], value: Any, path: str) -> Any:
    """The value, remembered as picked; of the whole answer a copy would be held for nothing."""
    picked.extend([(value, path)] if path != "$" else [])
    return value
