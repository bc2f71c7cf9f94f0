"""What is told of an exchange beside the answer itself: attempts, failures, errors."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import PickError
from ..jsonpath import find
from ..messages import Response
from ..openapi import ErrorPaths

_ENVELOPE = ErrorPaths("$.message", "$.requestId", "$.statusCode", "$.fieldErrors")
_FALLBACKS = ("$.message", "$.detail", "$.title", "$.error.message", "$.error_description", "$.error")


_LONGEST_MESSAGE, _LONGEST_PART = 2000, 500  # characters of what a server says
_MOST_FIELDS = 100

WAITING = "waiting"
"""The outcome of an attempt that is reported before it is sent, because the rate limit makes it wait."""


@dataclass(frozen=True)
class Attempt:
    """One try at a request.

    Attributes:
        number: from 1.
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


def plain(text: str, most: int) -> str:
    """A server's text, cut, and without the control characters that a terminal obeys."""
    told = text[:most]
    if not told.isprintable():
        told = "".join(sign for sign in told if sign.isprintable() or sign in "\n\t")
    return f"{told}…" if len(text) > most else told


def from_envelope(answer: Response | None, paths: ErrorPaths | None, part: str) -> Any:
    """One part of an error's envelope ("message", "request_id" …), by the overlay's paths; None if absent."""
    path = getattr(paths or _ENVELOPE, part)
    if answer is None or not answer.is_json or not path:
        return None
    try:
        return next((value for _, value in find(answer.json(), path)), None)
    except PickError:  # what is no path finds nothing
        return None


def error_of(answer: Response, paths: ErrorPaths | None, request_id: str, text: str) -> ErrorFacts:
    """What an unsuccessful answer says of itself: by its envelope, else by the usual names, else its masked text."""
    message = (
        from_envelope(answer, paths, "message") or _usual_message(answer) or _page_title(text) or text.strip()[:300]
    )
    raw = from_envelope(answer, paths, "field_errors")
    found = [e for e in raw[:_MOST_FIELDS] if isinstance(e, Mapping)] if isinstance(raw, list) else []
    parts = [[plain(str(e.get(name, "")), _LONGEST_PART) for name in ("field", "message", "code")] for e in found]
    told = plain(str(message) or f"{answer.status} {answer.reason}".strip(), _LONGEST_MESSAGE)
    return ErrorFacts(told, request_id, answer.status, tuple(FieldError(*part) for part in parts))


def _usual_message(answer: Response) -> Any:
    """The message of problem details (RFC 9457) and its like."""
    if not answer.is_json:
        return None
    texts = (value for path in _FALLBACKS for _, value in find(answer.json(), path))
    return next((text for text in texts if isinstance(text, str)), None)


def _page_title(text: str) -> str:
    """What a page of HTML calls itself: a gateway's answer, not the API's; empty where the text is no page."""
    if not _PAGE.match(text):
        return ""
    title = _TITLE.search(text)
    told = " ".join(html.unescape(title[1]).split())[:200] if title else "without a title"
    return f"{told} (a page of HTML, from something in between and not from the API)"


_PAGE = re.compile(r"\s*<(?:!doctype\s+html|html)\b", re.IGNORECASE)
_TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)
