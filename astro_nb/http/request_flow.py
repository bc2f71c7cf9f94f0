"""What to do to get one request done, without network and clock: attempts, waits, redirects, tokens, the exchange.

`request_flow` is a generator: it yields the next step (send this, wait so long, get a token) and is sent the result of
the step. The client drives it, blocking or on an event loop.
"""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urljoin, urlsplit

from ..call import Call
from ..contract import Violation, check_response
from ..environments import Grant, Provenance
from ..errors import DocumentNotFound, show_warning
from ..exchange import SINGLE_CALL, WAITING, Attempt, CallGroup, Exchange, Failure
from ..messages import Request, Response, header
from ..openapi import Operation
from ..secrets import redact, redact_bytes, redact_data
from .echoes import common_secrets, redact_echoes
from .failures import as_connection_failure
from .oauth import Token
from .rate_limit import Rate, RateLimiter, limiter_for
from .retry import Decision, Retries, decide, may_have_been_done, retry_after

OnAttempt = Callable[[Attempt], None]
"""Called with every attempt when it is over, and with one that is `WAITING` for the rate limit."""


@dataclass(frozen=True)
class PreparedRequest:
    """A call that is ready to be sent.

    Attributes:
        operation, call: the operation, and the call with its templates.
        shown: the request as it is shown: secrets are masked.
        request: the request as it is sent.
        secrets: the values in it that are removed from whatever the server returns.
        environment: the name of the environment.
        group: what it is sent for.
        grant: how to get the token that it is sent with; None if it needs none.
        rate: how often the server may be asked; None for no limit.
        provenance: where the values of its variables came from, by name, as far as it is known.
    """

    operation: Operation
    call: Call
    shown: Request
    request: Request = field(repr=False)
    secrets: frozenset[str] = field(default=frozenset(), repr=False)
    environment: str = ""
    group: CallGroup = SINGLE_CALL
    grant: Grant | None = field(default=None, repr=False)
    rate: Rate | None = None
    provenance: Mapping[str, Provenance] = field(default_factory=dict)

    def __reduce__(self) -> Any:
        raise TypeError("A prepared request holds secrets: it cannot be copied or pickled.")


@dataclass(frozen=True)
class Authorize:
    """Step: get a token, other than the one that was `refused`. The result is a `Token` or a `Failure`."""

    grant: Grant = field(repr=False)
    refused: str = field(default="", repr=False)


@dataclass(frozen=True)
class Send:
    """Step: send a request. The result is a `Response` or a `Failure`."""

    request: Request


@dataclass(frozen=True)
class Wait:
    """Step: let time pass. The result is None, or `CANCELLED`."""

    seconds: float


Step = Send | Wait | Authorize
StepResult = Response | Failure | Token | None
RequestFlow = Generator[Step, StepResult, Exchange]

CANCELLED = Failure("cancelled", "The request was cancelled.", "You cancelled it.", "Send it again when you are ready.")
REDIRECTS = (301, 302, 303, 307, 308)
_REDIRECT_CIRCLE = Failure(
    "redirect",
    "The server redirects in a circle.",
    "This is the server's fault.",
    "Check the base URL, its scheme and its last slash; ask the operators of the server.",
    permanent=True,
)
_MOST_REDIRECTS = 10
_SHORTEST_REPORTED_WAIT = 0.5  # seconds
_CROSS_ORIGIN_HEADERS = ("accept", "accept-encoding", "user-agent")
_counter = itertools.count()


def request_flow(
    prepared: PreparedRequest,
    retries: Retries,
    clock: Callable[[], float],
    chance: Callable[[], float],
    on_attempt: OnAttempt | None = None,
) -> RequestFlow:
    """Yield the steps that get a request done; return the exchange.

    Args:
        prepared: the request.
        retries: how often and how long to retry.
        clock: seconds, from anywhere.
        chance: a number in [0, 1) for the jitter of the waits.
        on_attempt: called with each attempt.
    """
    started, zero = datetime.now(UTC), clock()
    attempts: list[Attempt] = []
    tokens = set[str]()
    limiter = limiter_for(prepared.rate, clock) if prepared.rate else None
    for number in itertools.count(1):
        delay = yield from _wait_for_rate_limit(prepared, limiter, clock, number, on_attempt)
        if delay is None:
            outcome: Response | Failure = CANCELLED
            break
        if number == 1:
            started, zero = datetime.now(UTC), clock()
        began = clock() - zero
        outcome = yield from _send_authorized(prepared, tokens)
        elapsed = clock() - zero
        decision = decide(retries, prepared.operation.is_idempotent, outcome, number, elapsed, chance)
        if limiter and decision.wait is not None and isinstance(outcome, Response) and outcome.status == 429:
            limiter.pause(clock(), retry_after(outcome))
        attempts.append(_attempt(number, began, elapsed - began, outcome, decision, delay))
        _report(on_attempt, attempts[-1])
        if decision.wait is None:
            break
        if (yield Wait(decision.wait)) is CANCELLED:
            outcome = CANCELLED
            break
    sent = replace(prepared, secrets=prepared.secrets | tokens) if tokens else prepared
    return _exchange(sent, outcome, started, clock() - zero, tuple(attempts))


def _report(on_attempt: OnAttempt | None, attempt: Attempt) -> None:
    """Report an attempt. A report that fails, such as a display, does not end the request."""
    if on_attempt is None:
        return
    try:
        on_attempt(attempt)
    except Exception as error:  # noqa: BLE001  # the warning shows it; the response counts more
        show_warning(f"The progress of a request cannot be shown: {type(error).__name__}: {error}.")


def _wait_for_rate_limit(
    prepared: PreparedRequest,
    limiter: RateLimiter | None,
    clock: Callable[[], float],
    number: int,
    on_attempt: OnAttempt | None,
) -> Generator[Step, StepResult, float | None]:
    """Wait until the rate limit lets the request pass; return the seconds that took, or None if it was cancelled."""
    if limiter is None:
        return 0.0
    since = clock()
    reservation = limiter.reserve(since)
    if reservation.wait <= 0:
        return 0.0
    while reservation.wait > 0:
        if reservation.wait > _SHORTEST_REPORTED_WAIT:
            reason = f"waiting {reservation.wait:.1f} s for the rate limit ({prepared.rate})"
            _report(on_attempt, Attempt(number, 0.0, 0.0, WAITING, reason, reservation.wait))
        if (yield Wait(reservation.wait)) is CANCELLED:
            limiter.cancel(reservation)
            return None
        if limiter.is_valid(reservation):
            break
        reservation = limiter.reserve(clock())  # the server has refused another request in the meantime
    return clock() - since


def _send_authorized(prepared: PreparedRequest, tokens: set[str]) -> Generator[Step, StepResult, Response | Failure]:
    """Send with a token, if one is needed; if the server refuses it, once more with a new one."""
    if prepared.grant is None:
        return (yield from _send(prepared.request))
    refused = ""
    while True:
        token = yield Authorize(prepared.grant, refused)
        if not isinstance(token, Token):
            assert isinstance(token, Failure)  # noqa: S101  # the result of an Authorize is one of the two
            return as_connection_failure(token)
        tokens.add(token.value)
        outcome = yield from _send(prepared.request.with_header("Authorization", f"Bearer {token.value}"))
        if refused or not isinstance(outcome, Response) or outcome.status != 401:
            return outcome
        refused = token.value


def _send(request: Request) -> Generator[Step, StepResult, Response | Failure]:
    """Send a request and follow its redirects."""
    visited = set[str]()
    for _ in range(_MOST_REDIRECTS):
        visited.add(request.url)
        outcome = yield Send(request)
        assert isinstance(outcome, Response | Failure)  # noqa: S101  # the result of a Send is one of the two
        target = redirected_request(request, outcome)
        if target is None:
            return outcome
        if target.url in visited:
            return _REDIRECT_CIRCLE
        request = target
    return replace(_REDIRECT_CIRCLE, message=f"The server redirects more than {_MOST_REDIRECTS} times.")


def redirected_request(request: Request, outcome: Response | Failure) -> Request | None:
    """Return the request that a redirect asks for; None if there is none to follow (RFC 9110, section 15.4).

    Only GET and HEAD are followed. To another origin go only headers without secrets, and no body that holds one.
    """
    if not isinstance(outcome, Response) or outcome.status not in REDIRECTS or request.method not in ("GET", "HEAD"):
        return None
    location = header(outcome.headers, "location")
    if not location:
        return None
    try:
        target = replace(request, url=urljoin(request.url, location))
        is_same_origin = _origin(target.url) == _origin(request.url)
    except ValueError:  # a malformed address is not followed: the response stays what it is
        return None
    if is_same_origin:
        return target
    headers = tuple((k, v) for k, v in request.headers if k.lower() in _CROSS_ORIGIN_HEADERS)
    return replace(target, headers=headers, body=b"" if request.secret else request.body, secret=False)


def redirect_address(url: str, location: str, same_host: bool) -> str:
    """Return the address to which the server of a document redirects.

    Raises:
        DocumentNotFound: there is none, it is on another host although `same_host`, or it leads from https to http.
    """
    try:
        target = urljoin(url, location)
        (before, host), (after, other) = _origin(url), _origin(target)
    except ValueError:
        target, before, after, host, other = "", "http", "", "", ""
    if not location or after not in (before, "https") or (same_host and other != host):
        what = f"The server of {url} redirects to {target[:200] or 'no address'}, which is not followed."
        raise DocumentNotFound(what, "Give the other address itself if it is to be trusted, or save it as a file.")
    return target


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc.lower()


# --- the exchange -----------------------------------------------------------------------------------------------------


def new_id() -> str:
    """Return an id for an exchange: unique on this machine, and later ones sort after earlier ones."""
    return f"{time.time_ns() // 1000:016x}{os.getpid() & 0xFFFF:04x}{next(_counter) & 0xFFFF:04x}"


def cancelled_exchange(prepared: PreparedRequest) -> Exchange:
    """Return the exchange of a request that was cancelled before it began."""
    return _exchange(prepared, CANCELLED, datetime.now(UTC), 0.0, ())


def _exchange(
    prepared: PreparedRequest,
    outcome: Response | Failure,
    started: datetime,
    elapsed: float,
    attempts: tuple[Attempt, ...],
) -> Exchange:
    response = redact_response(outcome, prepared.secrets) if isinstance(outcome, Response) else None
    if response is not None and prepared.request.secret:
        sent = common_secrets(prepared.shown, prepared.request, prepared.operation.path)
        response = redact_echoes(response, sent)
    return Exchange(
        id=new_id(),
        operation=prepared.operation,
        call=prepared.call,
        request=prepared.shown,
        started=started,
        elapsed=elapsed,
        response=response,
        failure=outcome if isinstance(outcome, Failure) else None,
        attempts=attempts,
        violations=_check_response(prepared.operation, response) if response else (),
        environment=prepared.environment,
        group=prepared.group,
        provenance=prepared.provenance,
    )


def _check_response(operation: Operation, response: Response) -> tuple[Violation, ...]:
    """Return how a response departs from the document; a check that fails is noted, and the response is returned."""
    try:
        return check_response(operation, response)
    except Exception as error:  # noqa: BLE001  # the violation shows it; the response counts more
        text = f"The response cannot be checked against the document: {type(error).__name__}."
        return (Violation((), text, "unchecked", "note"),)


def redact_response(response: Response, secrets: frozenset[str]) -> Response:
    """Return a response without the secrets that were sent, in case the server echoes them."""
    if not secrets:
        return response
    response = _expose_wide_charset(response, secrets)
    body, texts = redact_bytes(response.body, secrets), [response.reason, *(value for _, value in response.headers)]
    joined = "\n".join(texts)  # searched at once, because secrets are rare here
    reason, *values = texts if redact(joined, secrets) == joined else redact_data(texts, secrets)
    if body is response.body and [reason, *values] == texts:
        return response
    headers = tuple((name, value) for (name, _), value in zip(response.headers, values, strict=True))
    return replace(response, body=body, headers=headers, reason=reason)


_PLAIN_CHARSETS = ("utf-8", "utf8", "us-ascii", "ascii", "iso-8859", "latin", "windows-125")


def _expose_wide_charset(response: Response, secrets: frozenset[str]) -> Response:
    """Return a response in UTF-8 if it holds a secret in a charset, such as UTF-16, whose bytes would hide it."""
    declared = header(response.headers, "content-type").lower().partition("charset")[2].strip("=\"' ;")
    if b"\0" not in response.body[:1000] and (not declared or declared.startswith(_PLAIN_CHARSETS)):
        return response
    redacted = redact(response.text, secrets)
    if redacted == response.text:
        return response
    others = [(k, v) for k, v in response.headers if k.lower() != "content-type"]
    media_type = f"{response.media_type}; charset=utf-8"
    return replace(response, body=redacted.encode(), headers=(*others, ("Content-Type", media_type)))


def _attempt(
    number: int, began: float, elapsed: float, outcome: Response | Failure, decision: Decision, delay: float
) -> Attempt:
    text = str(outcome.status) if isinstance(outcome, Response) else outcome.kind
    reason = "" if text == decision.reason else decision.reason
    if decision.wait is not None:
        reason = f"retried after {decision.wait:.1f} s ({decision.reason})"
    return Attempt(number, began, elapsed, text, reason, decision.wait or 0.0, delay, may_have_been_done(outcome))
