"""One call and its result.

An exchange never raises because of what a server responded; `ok` says whether it succeeded. Secret fields of the
response are masked wherever the exchange is read, shown or stored; `reveal()` returns them on purpose, in memory.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ..call import UNSET, Call
from ..contract import Violation, check_request_fully, check_response_fully
from ..data import FoundObject, index_objects
from ..environments import Provenance
from ..errors import PickError
from ..jsonpath import find, pick
from ..messages import Request, Response, header, join_headers
from ..openapi import Operation
from ..schema import Field, response_field
from ..templates import as_literal
from .display import draw_exchange, item_field, items_frame, leading_columns, summary
from .masking import MaskedResponse
from .parts import (
    SINGLE_CALL,
    Attempt,
    CallGroup,
    ErrorDetails,
    Failure,
    Outcome,
    advice_for,
    envelope_value,
    is_redirect,
    outcome_of,
    printable,
    read_error,
    redirect_message,
)

if TYPE_CHECKING:
    from ..frames import DataFrame

_LONGEST_ID = 200  # characters
_MOST_PICKED = 20
_MOST_OBJECTS = 100_000  # that are indexed
_DEEPEST_OBJECT = 6  # steps from the root of a response: deeper there are no ids of other resources
_NO_RESPONSE = "There is no response."


@dataclass(frozen=True, repr=False)
class Exchange:
    """One call and its result.

    Attributes:
        id: unique, and in order of time.
        operation: the operation that was called.
        call: the call with its templates.
        request: the request as it is shown: secrets are masked.
        started: when the first attempt began, in UTC.
        elapsed: seconds from the first byte sent to the last one read, waits between attempts included.
        response: the response; None if there is none.
        failure: why there is no response; None if there is one.
        attempts: every attempt, in order.
        violations: how the response departs from the document, by the quick check; `check()` makes the full one.
        environment: the name of the environment.
        group: what it was sent for: a single call, or part of pages, a wait, a bulk or a change.
        provenance: where the values of the call's variables came from when it was sent, by the variable's name; without
            those that were not taken from a response.
        not_stored: why it is not in the history, but only in memory; empty if it is there.
        picked: the values that were picked from the response lately, with their paths, to recognize them by identity.
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
    provenance: Mapping[str, Provenance] = field(default_factory=dict)
    not_stored: str = field(default="", compare=False)
    picked: deque[tuple[Any, str]] = field(
        default_factory=lambda: deque(maxlen=_MOST_PICKED), init=False, compare=False
    )

    @property
    def ok(self) -> bool:
        """Whether there is a response with a status below 400 that is no redirect.

        A redirect is followed for GET and HEAD alone: for any other method it means that nothing was carried out.
        """
        return self.response is not None and self.response.status < 400 and not is_redirect(self)

    @property
    def status(self) -> int | None:
        """The status of the response; None if there is none."""
        return self.response.status if self.response else None

    @property
    def status_text(self) -> str:
        """The status with its reason, such as "200 OK", or the kind of the failure."""
        if self.response:
            return printable(f"{self.response.status} {self.response.reason}".strip(), _LONGEST_ID)
        return self.failure.kind if self.failure else "no response"

    @property
    def outcome(self) -> Outcome:
        """Whether the call was carried out: "done", "failed", "unknown", or "not carried out" for a redirect."""
        return outcome_of(self)

    @property
    def advice(self) -> str:
        """What to do if the outcome is unknown, such as which operation to check with, or about a redirect."""
        return advice_for(self)

    @property
    def size(self) -> int:
        """Bytes of the response's body, as it was received."""
        return self.response.size if self.response else 0

    @property
    def headers(self) -> dict[str, str]:
        """The response's headers by name; those that carry credentials are masked.

        Several values of a name are joined by a comma (RFC 9110, section 5.3).
        """
        return join_headers(self.masked.headers) if self.masked else {}

    @property
    def request_id(self) -> str:
        """The id by which the server's operators find this request; empty if the server returned none."""
        sent = header(self.response.headers, "x-request-id") if self.response else ""
        found = sent or envelope_value(self._envelope, self.operation.spec.extensions.error, "request_id") or ""
        return printable(str(found), _LONGEST_ID)

    @cached_property
    def error(self) -> ErrorDetails | None:
        """What went wrong; None if the exchange is ok."""
        if self.ok:
            return None
        if is_redirect(self):
            return ErrorDetails(redirect_message(self), self.request_id, self.status)
        if self.response is None:
            return ErrorDetails(self.failure.message if self.failure else _NO_RESPONSE, "", None)
        paths = self.operation.spec.extensions.error
        text = self._require_masked().error_text
        return read_error(self.response, self._envelope, paths, self.request_id, text)

    def check(self) -> tuple[Violation, ...]:
        """Check request and response against the document in full, with openapi-core; nothing is sent.

        Returns:
            How the request as it is shown, then the response, depart from the document; empty if they match. A masked
            value may violate the pattern of its field.
        """
        request = check_request_fully(self.operation, self.request)
        if self.response is None:
            return request
        if self.response.is_truncated:
            return (*request, Violation((), "Only the beginning of the body was stored.", "truncated", "note"))
        return (*request, *check_response_fully(self.operation, self.request, self.response))

    def json(self) -> Any:
        """Return the response's body as plain data, secret fields masked.

        Raises:
            PickError: there is no response, or it is not JSON.
        """
        return self._require_masked().data

    @property
    def text(self) -> str:
        """The response's body as text, secret fields masked; empty if there is none.

        A body that does not parse, and may hold a secret, is not shown: a sentence says so.
        """
        return self.masked.text if self.masked else ""

    def reveal(self) -> Any:
        """Return the response's body with its secrets. Do not end a cell with it: the notebook would store them.

        Returns:
            Plain data, or the text of a body that is not JSON.

        Raises:
            PickError: there is no response.
        """
        response = self._require_response()
        return response.json() if response.is_json else response.text

    @cached_property
    def masked(self) -> MaskedResponse | None:
        """What may be shown and stored of the response; None if there is none."""
        return MaskedResponse(self.operation, self.response) if self.response else None

    def __getitem__(self, path: str) -> Any:
        """Return the value at a JSONPath: a secret as a `Secret`, and text without templates in it.

        Raises:
            PickError: the path is malformed or finds nothing, or there is no response, or it is not JSON.
        """
        value = as_literal(_pick(self, self._require_masked().data_with_secrets, path))
        if path != "$":  # the whole response needs no provenance
            self.picked.append((value, path))
        return value

    def __contains__(self, path: str) -> bool:
        return bool(self.response and self.response.is_json and find(self.response.json(), path))

    @cached_property
    def objects_by_name(self) -> Mapping[str, list[FoundObject]]:
        """The objects in the response by the names of their members, secret fields masked: made once, for many forms.

        Raises:
            PickError: there is no response, or it is not JSON.
        """
        return index_objects(self.json(), _MOST_OBJECTS, _DEEPEST_OBJECT)

    @property
    def items(self) -> list[Any]:
        """The items of a list, secret fields masked; a single object is a list of one."""
        data = self.json()
        path = self.operation.spec.resources.items_path(self.operation, data)
        if path != "$":
            return list(pick(data, path))
        return data if isinstance(data, list) else [data]

    def frame(self) -> DataFrame:
        """Return the response as a DataFrame: one row per item, dtypes from the schema."""
        return items_frame(self.items, item_field(self), leading_columns(self.operation))

    @property
    def field(self) -> Field | None:
        """The field tree of the response; None if the document does not declare it."""
        return response_field(self.operation, self.response.status, self.response.media_type) if self.response else None

    def __reduce__(self) -> Any:
        raise TypeError("An exchange cannot be pickled: it may hold secrets. The history stores it; get it by its id.")

    def __deepcopy__(self, memo: Any) -> Exchange:
        return self

    def __repr__(self) -> str:
        return summary(self)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/plain": repr(self), "text/html": str(draw_exchange(self))}

    @property
    def _envelope(self) -> Any:
        """The masked body, which may be an error's; UNSET if it is not JSON."""
        return self.masked.data if self.masked and self.response and self.response.is_json else UNSET

    def _require_masked(self) -> MaskedResponse:
        self._require_response()
        assert self.masked is not None  # noqa: S101  # there is a response
        return self.masked

    def _require_response(self) -> Response:
        if self.response is None:
            message = self.failure.message if self.failure else _NO_RESPONSE
            raise PickError(message, self.failure.todo if self.failure else "Send the request again.")
        return self.response


def _pick(exchange: Exchange, data: Any, path: str) -> Any:
    """Return the value at a path; if an error response lacks it, the error includes what the server reported."""
    try:
        return pick(data, path)
    except PickError as error:
        if exchange.ok or exchange.error is None or "path" not in error.data:
            raise
        what = f"{exchange.operation.id} ended with {exchange.status_text}: {exchange.error.message.rstrip('.')}."
        raise PickError(f"{what} It has no {path}.", "Fix that first.", path=path) from None
