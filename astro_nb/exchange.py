"""One call and what came of it.

An Exchange never raises for what a server answered; `ok` says whether it went well. Secret fields of the answer are
stars wherever the exchange is read, shown or stored; `reveal()` gives them on purpose, in memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

import orjson

from . import html
from .call import Call
from .contract import Violation
from .errors import PickError
from .fields import Field, mask, redact, response_field
from .frames import items_frame
from .message import Request, Response, header
from .pick import find, pick
from .spec import Operation

if TYPE_CHECKING:
    from pandas import DataFrame

SECRET_HEADERS = ("set-cookie", "authorization", "proxy-authorization", "cookie", "x-api-key")
_ENVELOPE = {
    "message": "$.message",
    "requestId": "$.requestId",
    "statusCode": "$.statusCode",
    "fieldErrors": "$.fieldErrors",
}
_FALLBACKS = ("$.message", "$.detail", "$.title", "$.error.message", "$.error_description", "$.error")


@dataclass(frozen=True)
class Attempt:
    """One try at a request: when it began (seconds after the first), how long it took, what came, and what then."""

    number: int
    began: float
    elapsed: float
    outcome: str
    then: str = ""
    waited: float = 0.0


@dataclass(frozen=True)
class Failure:
    """Why no answer came: the kind, what happened, whose fault it is, what to do."""

    kind: str
    message: str
    fault: str
    todo: str


@dataclass(frozen=True)
class FieldError:
    """What a server said of one field of the request."""

    field: str
    message: str
    code: str = ""


@dataclass(frozen=True)
class ErrorFacts:
    """What an unsuccessful exchange says of itself."""

    message: str
    request_id: str
    status: int | None
    field_errors: tuple[FieldError, ...] = ()


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
        via: "call", or what the call was part of: "wait" or "pages", with the group's id after a colon.
    """

    id: str
    operation: Operation
    call: Call
    request: Request
    started: datetime
    elapsed: float
    answer: Response | None = None
    failure: Failure | None = None
    attempts: tuple[Attempt, ...] = ()
    violations: tuple[Violation, ...] = ()
    environment: str = ""
    via: str = "call"

    @property
    def ok(self) -> bool:
        """Whether an answer of a status below 400 came."""
        return self.answer is not None and self.answer.status < 400

    @property
    def status(self) -> int | None:
        """The status of the answer; None where none came."""
        return self.answer.status if self.answer else None

    @property
    def status_text(self) -> str:
        """The status in words: "200 OK", or what went wrong instead."""
        if self.answer:
            return f"{self.answer.status} {self.answer.reason}".strip()
        return self.failure.kind if self.failure else "no answer"

    @property
    def size(self) -> int:
        """Bytes of the answer's body."""
        return len(self.answer.body) if self.answer else 0

    @property
    def headers(self) -> dict[str, str]:
        """The answer's headers by name; those that carry credentials are stars."""
        pairs = self.answer.headers if self.answer else ()
        return {name: "*****" if name.lower() in SECRET_HEADERS else value for name, value in pairs}

    @property
    def request_id(self) -> str:
        """The id by which the server's operators find this request; empty where it gave none."""
        if not self.answer:
            return ""
        return header(self.answer.headers, "x-request-id") or str(self._envelope("requestId") or "")

    @cached_property
    def error(self) -> ErrorFacts | None:
        """What went wrong, or None where the exchange is ok."""
        if self.ok:
            return None
        if self.answer is None:
            return ErrorFacts(self.failure.message if self.failure else "No answer came.", "", None)
        message = self._envelope("message") or self._other_message() or self.answer.text.strip()[:300]
        raw = self._envelope("fieldErrors")
        found = [e for e in raw if isinstance(e, Mapping)] if isinstance(raw, list) else []
        errors = [FieldError(str(e.get("field", "")), str(e.get("message", "")), str(e.get("code", ""))) for e in found]
        return ErrorFacts(str(message) or self.status_text, self.request_id, self.status, tuple(errors))

    def json(self) -> Any:
        """The answer's body as plain data, secret fields as stars.

        Raises:
            PickError: there is no answer, or it is not JSON.
        """
        return self._masked

    @property
    def text(self) -> str:
        """The answer's body as text, secret fields as stars; empty where there is none."""
        if self.answer is None:
            return ""
        if not self.answer.is_json:
            return self.answer.text
        same = self._masked == self.answer.json()
        return self.answer.text if same else orjson.dumps(self._masked, option=orjson.OPT_INDENT_2).decode()

    def reveal(self) -> Any:
        """The answer's body with its secrets in the clear. Do not end a cell with it: the notebook would keep them."""
        return self._answered().json()

    def __getitem__(self, path: str) -> Any:
        """The value at a JSONPath; a secret comes as a `Secret`, which can be set as a variable without being shown."""
        return pick(self._redacted, path)

    def __contains__(self, path: str) -> bool:
        return bool(self.answer and self.answer.is_json and find(self.answer.json(), path))

    @property
    def items(self) -> list[Any]:
        """The entries of a list answer, secret fields as stars; a single object is a list of one."""
        path = self._items_path()
        if path != "$":
            return list(pick(self._masked, path))
        return self._masked if isinstance(self._masked, list) else [self._masked]

    def frame(self) -> DataFrame:
        """The answer as a DataFrame, one row per item, dtypes from the schema."""
        return items_frame(self.items, self.item_field, self.lead)

    @property
    def field(self) -> Field | None:
        """The field tree of the answer, where the document declares it."""
        return response_field(self.operation, self.answer.status, self.answer.media_type) if self.answer else None

    def __repr__(self) -> str:
        head = f"<{self.operation.id} → {self.status_text}"
        if self.ok:
            return f"{head}, {size_words(self.size)}>"
        told = f": {self.error.message}" if self.error else ""
        return f"{head}{told}{f', requestId {self.request_id}' if self.request_id else ''}>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/plain": repr(self), "text/html": str(draw(self))}

    @cached_property
    def _masked(self) -> Any:
        return mask(self.field, self._answered().json())

    @cached_property
    def _redacted(self) -> Any:
        return redact(self.field, self._answered().json())

    def _answered(self) -> Response:
        if self.answer is None:
            told = self.failure.message if self.failure else "No answer came."
            raise PickError(told, self.failure.todo if self.failure else "Send the request again.")
        return self.answer

    def _envelope(self, part: str) -> Any:
        if not (self.answer and self.answer.is_json):
            return None
        paths = self.operation.spec.notes.get("error") or _ENVELOPE
        return next((value for _, value in find(self.answer.json(), str(paths.get(part, "$.-")))), None)

    def _other_message(self) -> Any:
        if not (self.answer and self.answer.is_json):
            return None
        texts = (value for path in _FALLBACKS for _, value in find(self.answer.json(), path))
        return next((text for text in texts if isinstance(text, str)), None)

    def _items_path(self) -> str:
        note = self.operation.notes.get("page") or {}
        named = str(note.get("items", ""))
        data = self._masked
        if named and named != "$" and isinstance(data, Mapping) and isinstance(data.get(named), list):
            return f"$['{named}']"
        lists = [k for k, v in data.items() if isinstance(v, list)] if isinstance(data, Mapping) and not named else []
        paged = isinstance(data, Mapping) and ({"totalCount", "total_entries", "total", "limit"} & set(data))
        return f"$['{lists[0]}']" if len(lists) == 1 and paged else "$"

    @property
    def lead(self) -> tuple[str, ...]:
        """The columns that tell things apart: name, id and state, where the overlay names them."""
        item, state = self.operation.notes.get("item") or {}, self.operation.notes.get("settled") or {}
        return tuple(str(v) for v in (item.get("name"), item.get("id"), state.get("state", "status")) if v)

    @property
    def item_field(self) -> Field | None:
        """The field tree of one item of the answer."""
        field, path = self.field, self._items_path()
        if field is not None and path != "$":
            field = field.child(path[3:-2])
        return field.item if field is not None and field.kind == "array" else field


def size_words(size: int) -> str:
    """A number of bytes in words: 900 B, 12.3 kB, 4.5 MB."""
    if size < 1000:
        return f"{size} B"
    return f"{size / 1000:.1f} kB" if size < 1_000_000 else f"{size / 1e6:.1f} MB"


def time_words(seconds: float) -> str:
    """A duration in words: 85 ms, 1.24 s."""
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.2f} s"


def draw(exchange: Exchange) -> html.Markup:
    """An exchange as static HTML: status, facts, and the body as a tree, or what went wrong."""
    parts = [headline(exchange)]
    if exchange.error:
        parts.append(draw_error(exchange))
    elif exchange.answer and exchange.answer.body:
        parts.append(draw_body(exchange))
    return html.tag("div", *parts, style=f"color:{html.TEXT}")


def headline(exchange: Exchange) -> html.Markup:
    """Status, operation, time, size, attempts and requestId in one line."""
    tries = len(exchange.attempts)
    facts = [
        time_words(exchange.elapsed),
        size_words(exchange.size),
        f"{tries} attempts" if tries > 1 else "",
        f"requestId {exchange.request_id}" if exchange.request_id else "",
        f"{len(exchange.violations)} contract notes" if exchange.violations else "",
    ]
    told = " · ".join(fact for fact in facts if fact)
    status = html.pill(exchange.status_text, html.status_tone(exchange.status))
    name = html.tag("strong", exchange.operation.id)
    return html.tag("div", status, " ", name, " ", html.quiet(told), style="margin:2px 0 6px")


def draw_error(exchange: Exchange) -> html.Markup:
    """What went wrong, whose fault it is, and what to do."""
    error, failure = exchange.error, exchange.failure
    if error is None:
        return html.Markup("")
    rows = [(e.field, e.message, e.code) for e in error.field_errors]
    parts = [html.tag("div", error.message, style="font-weight:600;margin-bottom:4px;overflow-wrap:anywhere")]
    if rows:
        parts.append(html.table(["field", "what is wrong", "code"], rows))
    if failure:
        parts.append(html.tag("div", f"{failure.fault} {failure.todo}"))
    return html.tag("div", *parts, style=f"border-left:3px solid {html.TONES['bad'][0]};padding:2px 0 2px 10px")


def draw_body(exchange: Exchange) -> html.Markup:
    """The body: JSON as a tree, text as text, anything else by its size."""
    answer = exchange.answer
    if answer is None or not answer.body:
        return html.quiet("No body.")
    if answer.is_json:
        return html.tree(exchange.json())
    if b"\0" in answer.body[:1000]:
        return html.quiet(f"{size_words(exchange.size)} of {answer.media_type or 'binary data'}.")
    return html.block(exchange.text)
