"""The parts of an exchange: its group, attempts, failure or error, and its outcome."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urljoin, urlsplit

from ..call import UNSET
from ..errors import PickError
from ..jsonpath import find
from ..messages import Response, header
from ..openapi import ErrorPaths, Operation, paths_upwards

if TYPE_CHECKING:
    from .exchange import Exchange


GroupKind = Literal["call", "reference", "approval", "pages", "wait", "bulk", "change"]

WAITING = "waiting"
"""The outcome of an attempt that is reported before it is sent, because the rate limit makes it wait."""

_ENVELOPE = ErrorPaths("$.message", "$.requestId", "$.statusCode", "$.fieldErrors")
"""Where an error response holds its parts, unless the overlay declares other places."""
_USUAL_MESSAGES = ("$.message", "$.detail", "$.title", "$.error.message", "$.error_description", "$.error")
"""Where other error responses hold their message, such as problem details (RFC 9457)."""

_FIELD_ERROR_PARTS = ("field", "message", "code")
_LONGEST_MESSAGE, _LONGEST_FIELD_MESSAGE, _LONGEST_TITLE = 2000, 500, 200  # characters of what a server reports
_LONGEST_BODY_MESSAGE = 300  # characters of a body that is shown as the message
_MOST_FIELD_ERRORS = 100


@dataclass(frozen=True)
class CallGroup:
    """What a request was sent for. All requests of one wait, list, bulk or change have the same kind and id.

    Attributes:
        kind: "call" (one call), "reference" (sent to resolve `{{responses…}}`), "approval" (sent to show what an unsafe
            call would change), or the group that the request is part of: "pages", "wait", "bulk", "change".
        id: shared by the requests of a group; empty for a single request.
        goal: what a wait waits for: one or more states, conditions, "gone", "settled" or "a predicate".
        timeout: seconds that a wait may take.
        row: the number of the row in a bulk; None elsewhere.
    """

    kind: GroupKind = "call"
    id: str = ""
    goal: tuple[str, ...] = ()
    timeout: float = 0.0
    row: int | None = None


SINGLE_CALL = CallGroup()
"""The group of a request that was sent by itself."""


@dataclass(frozen=True)
class Attempt:
    """One attempt at a request.

    Attributes:
        number: counted from 1.
        started: seconds after the first attempt started.
        elapsed: seconds that it took.
        outcome: the status, or the kind of the failure.
        decision: what was done next, and why.
        retry_in: seconds until the next attempt; 0 if it was the last one.
        rate_limit_wait: seconds that the rate limit delayed it.
        may_have_been_done: whether the server may have carried out the request without saying so.
    """

    number: int
    started: float
    elapsed: float
    outcome: str
    decision: str = ""
    retry_in: float = 0.0
    rate_limit_wait: float = 0.0
    may_have_been_done: bool = False

    def progress(self, attempts: int) -> str:
        """Return one line for a progress bar: why and how long the request waits; empty if it does not.

        Args:
            attempts: how many there may be in all.
        """
        if self.outcome == WAITING:
            return self.decision
        if not self.retry_in:
            return ""
        return f"{self.outcome}, attempt {self.number + 1} of {attempts}, in {self.retry_in:.1f} s"


@dataclass(frozen=True)
class Failure:
    """Why there is no response.

    Attributes:
        kind: "connect" (no connection was made, so nothing was carried out), "timeout", "broken", "not http" (the
            response is no HTTP), "redirect" (redirects in a circle), "transport" (a given transport failed), "invalid",
            "too large", "token" or "cancelled".
        message: what happened.
        fault: whose fault it is.
        todo: what to do.
        permanent: whether the same request will fail again, so that it is not repeated.
    """

    kind: str
    message: str
    fault: str
    todo: str
    permanent: bool = False


@dataclass(frozen=True)
class FieldError:
    """What a server reports about one field of the request."""

    field: str
    message: str
    code: str = ""


@dataclass(frozen=True)
class ErrorDetails:
    """What an error response, or a failure, reports."""

    message: str
    request_id: str
    status: int | None
    field_errors: tuple[FieldError, ...] = ()


def read_error(response: Response, data: Any, paths: ErrorPaths | None, request_id: str, text: str) -> ErrorDetails:
    """Return what an error response reports.

    Args:
        response: the response.
        data: its body, secrets masked; UNSET if it is not JSON.
        paths: where its parts are, by the overlay.
        request_id: its request id.
        text: its masked text, the last resort for a message.
    """
    message = (
        envelope_value(data, paths, "message")
        or _usual_message(data)
        or _html_title(text)
        or text.strip()[:_LONGEST_BODY_MESSAGE]
        or f"{response.status} {response.reason}".strip()
    )
    errors = envelope_value(data, paths, "field_errors")
    entries = errors[:_MOST_FIELD_ERRORS] if isinstance(errors, list) else []
    fields = tuple(
        FieldError(*(printable(str(entry.get(name, "")), _LONGEST_FIELD_MESSAGE) for name in _FIELD_ERROR_PARTS))
        for entry in entries
        if isinstance(entry, Mapping)
    )
    return ErrorDetails(printable(str(message), _LONGEST_MESSAGE), request_id, response.status, fields)


def envelope_value(data: Any, paths: ErrorPaths | None, part: str) -> Any:
    """Return a part of an error response, such as "message" or "request_id", by the overlay's paths; None if absent."""
    path = getattr(paths or _ENVELOPE, part)
    if data is UNSET or not path:
        return None
    try:
        return next((value for _, value in find(data, path)), None)
    except PickError:  # a malformed path finds nothing
        return None


def printable(text: str, longest: int) -> str:
    """Return a server's text, shortened, and without the control characters that a terminal obeys."""
    shortened = text[:longest]
    if not shortened.isprintable():
        shortened = "".join(c for c in shortened if c.isprintable() or c in "\n\t")
    return f"{shortened}…" if len(text) > longest else shortened


def _usual_message(data: Any) -> str | None:
    if data is UNSET:
        return None
    values = (value for path in _USUAL_MESSAGES for _, value in find(data, path))
    return next((value for value in values if isinstance(value, str)), None)


def _html_title(text: str) -> str:
    """Return the title of an HTML page, which comes from a gateway and not from the API; empty for any other text."""
    if not _HTML.match(text):
        return ""
    found = _TITLE.search(text)
    title = " ".join(html.unescape(found[1]).split())[:_LONGEST_TITLE] if found else "without a title"
    return f"{title} (an HTML page, from a gateway and not from the API)"


_HTML = re.compile(r"\s*<(?:!doctype\s+html|html)\b", re.IGNORECASE)
_TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)


Outcome = Literal["done", "failed", "unknown", "not carried out"]

_GONE = (404, 410)
_NOT_MODIFIED = 304


def outcome_of(exchange: Exchange) -> Outcome:
    """Return whether a call was carried out: "done", "failed", "unknown", or "not carried out" for a redirect.

    A deletion that ends in a 404 or 410 is done if an earlier attempt may have done it. An unsafe call is "unknown" if
    an attempt ended in a 5xx, a time-out or a broken connection, and no later response settles it.
    """
    operation, response = exchange.operation, exchange.response
    uncertain = any(attempt.may_have_been_done for attempt in exchange.attempts)
    if is_redirect(exchange):
        return "unknown" if uncertain and not operation.is_safe else "not carried out"
    if response is not None and response.status < 500:
        is_gone = operation.method == "DELETE" and response.status in _GONE and uncertain
        return "done" if response.status < 400 or is_gone else "failed"
    return "unknown" if uncertain and not operation.is_safe else "failed"


def is_redirect(exchange: Exchange) -> bool:
    """Whether the response only says where else to ask (RFC 9110, section 15.4). What was followed is no redirect.

    A 304 answers a conditional request: a safe one is done with it.
    """
    response = exchange.response
    if response is None or not 300 <= response.status < 400:
        return False
    return not (response.status == _NOT_MODIFIED and exchange.operation.is_safe)


def redirect_message(exchange: Exchange) -> str:
    """Return what a redirect means: where it leads, and that nothing was carried out."""
    method, target = exchange.request.method, _redirect_target(exchange)
    where = f"redirects {method} to {target}" if target else f"answers {method} with a redirect to no address"
    return f"The server {where}, which is not followed: nothing was carried out."


def _redirect_target(exchange: Exchange) -> str:
    """Return the address of a redirect, without what may be a credential: user, query and fragment; empty if none."""
    location = header(exchange.response.headers, "location") if exchange.response else ""
    try:
        parts = urlsplit(urljoin(exchange.request.url, location)) if location else None
    except ValueError:
        parts = None
    if parts is None:
        return printable(location, _LONGEST_TITLE)
    query = "?…" if parts.query else ""
    return printable(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}{query}", _LONGEST_TITLE)


def _redirect_advice(exchange: Exchange) -> str:
    """Return what to do about a redirect: another base URL, if it leads to the same path elsewhere."""
    target, sent = _redirect_target(exchange), urlsplit(exchange.request.url)
    try:
        to = urlsplit(target)
    except ValueError:
        to = sent
    if to.netloc and (to.scheme, to.netloc) != (sent.scheme, sent.netloc) and to.path.endswith(sent.path):
        server = f"{to.scheme}://{to.netloc}{to.path.removesuffix(sent.path)}"
        return f"If you trust {server}, use it in the base URL instead, and send it again."
    if target:
        return "Check the path and its last slash in the document and the base URL, and whether you have to log in."
    return "Check the base URL; ask the operators of the server."


def advice_for(exchange: Exchange) -> str:
    """Return what to do about an unknown outcome, such as which operation to check with, or about a redirect."""
    outcome = outcome_of(exchange)
    if outcome == "not carried out":
        return _redirect_advice(exchange)
    if outcome != "unknown":
        return ""
    name = exchange.operation.id
    if exchange.operation.is_idempotent:
        return f"{name} may have been carried out; to send it again does no harm."
    reader = _nearest_reader(exchange.operation)
    look = f"Look with {reader.id} before you send it again" if reader else "Find out before you send it again"
    return f"{name} may have been carried out, and it is not safe to repeat. {look}."


def _nearest_reader(operation: Operation) -> Operation | None:
    """Return the operation that reads what this one changes: at its path, or at the nearest one above."""
    readers = (operation.spec.resources.reader_at(path) for path in paths_upwards(operation.path))
    return next((reader for reader in readers if reader), None)
