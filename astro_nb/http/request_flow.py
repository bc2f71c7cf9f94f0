"""The way of one request, without network or clock: attempts, waits, redirects, and what is told in the end.

A conversation is a generator: it yields what to do next (send this, wait so long) and is sent what came of it. Whoever
turns it decides whether the notebook waits meanwhile.
"""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urljoin, urlsplit

from ..call import Call
from ..contract import check_response
from ..environments import Grant
from ..errors import DocumentNotFound
from ..exchange import SINGLE_CALL, WAITING, Attempt, CallGroup, Exchange, Failure, may_have_been_done
from ..messages import Request, Response, header
from ..openapi import Operation
from ..secrets import redact
from .oauth import Token
from .rate_limit import Budget, Rate, budget_of
from .retry import Decision, Retries, decide, retry_after

OnAttempt = Callable[[Attempt], None]
"""Told of every attempt as it ends."""


@dataclass(frozen=True)
class PreparedRequest:
    """A call ready to be sent: as it is shown, as it goes out, and the secrets in it that nobody may store.

    Where there is a `grant`, it goes out with a token that is got for it; where there is a `rate`, no faster.
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

    def __reduce__(self) -> Any:
        raise TypeError("A plan holds secrets: it is neither copied nor pickled.")


@dataclass(frozen=True)
class Authorize:
    """Get a token, other than the one that was `refused`, and tell it."""

    grant: Grant = field(repr=False)
    refused: str = field(default="", repr=False)


@dataclass(frozen=True)
class Send:
    """Send this, and tell what came."""

    request: Request


@dataclass(frozen=True)
class Wait:
    """Let this many seconds pass."""

    seconds: float


Step = Send | Wait | Authorize
Outcome = Response | Failure | Token | None
Conversation = Generator[Step, Outcome, Exchange]

CANCELLED = Failure("cancelled", "The request was cancelled.", "You cancelled it.", "Send it again when you are ready.")
_TOLD = 0.5  # seconds: who waits less for a turn is not told
REDIRECTS = (301, 302, 303, 307, 308)
_CIRCLE = Failure("broken", "The server redirects in a circle.", "This is the server's fault.", "Check the base URL.")
_MOST_REDIRECTS = 10
_HARMLESS = ("accept", "accept-encoding", "user-agent")
_counter = itertools.count()


def converse(
    plan: PreparedRequest,
    retries: Retries,
    clock: Callable[[], float],
    chance: Callable[[], float],
    note: OnAttempt | None = None,
) -> Conversation:
    """Try, wait, try again; then tell what came of it all.

    Args:
        plan: what to send.
        retries: how often and how long to try.
        clock: seconds, from anywhere.
        chance: a number in [0, 1) for the jitter of the waits.
        note: told of each attempt.
    """
    started, zero = datetime.now(UTC), clock()
    attempts: list[Attempt] = []
    safe, tokens = plan.operation.is_idempotent, set[str]()
    budget = budget_of(plan.rate, clock) if plan.rate else None
    for number in itertools.count(1):
        held = yield from _paced(plan, budget, clock, number, note)
        if held is None:
            outcome: Response | Failure = CANCELLED
            break
        if number == 1:
            started, zero = datetime.now(UTC), clock()
        began = clock() - zero
        outcome = yield from _authorized(plan, tokens)
        spent = clock() - zero
        kind = outcome if isinstance(outcome, Response) else outcome.kind
        decision = decide(retries, safe, kind, number, spent, chance)
        if budget and decision.wait is not None and isinstance(outcome, Response) and outcome.status == 429:
            budget.put_off(clock(), retry_after(outcome))
        attempts.append(_attempt(number, began, spent - began, outcome, decision, held))
        if note:
            note(attempts[-1])
        if decision.wait is None:
            break
        if (yield Wait(decision.wait)) is CANCELLED:
            outcome = CANCELLED
            break
    sent = replace(plan, secrets=plan.secrets | tokens) if tokens else plan
    return _told(sent, outcome, started, clock() - zero, tuple(attempts))


def _paced(
    plan: PreparedRequest, budget: Budget | None, clock: Callable[[], float], number: int, note: OnAttempt | None
) -> Generator[Step, Outcome, float | None]:
    """Wait for a slot of the budget: the seconds that took, or None where the request was cancelled meanwhile."""
    if budget is None:
        return 0.0
    since = clock()
    slot = budget.reserve(since)
    if slot.wait <= 0:
        return 0.0
    while slot.wait > 0:
        if slot.wait > _TOLD and note:
            note(
                Attempt(
                    number, 0.0, 0.0, WAITING, f"waiting {slot.wait:.1f} s for the rate limit ({plan.rate})", slot.wait
                )
            )
        if (yield Wait(slot.wait)) is CANCELLED:
            budget.give_back(slot)
            return None
        if budget.is_as_of(slot):
            break
        slot = budget.reserve(clock())  # a refusal has put it off
    return clock() - since


def never_sent(plan: PreparedRequest) -> Exchange:
    """The exchange of a request that was cancelled before it began."""
    return _told(plan, CANCELLED, datetime.now(UTC), 0.0, ())


def new_id() -> str:
    """An id for an exchange: unique on this machine, and later ones sort after earlier ones."""
    return f"{time.time_ns() // 1000:016x}{os.getpid() & 0xFFFF:04x}{next(_counter) & 0xFFFF:04x}"


def redirect_of(request: Request, outcome: Response | Failure) -> Request | None:
    """The request that a redirect asks for; None where there is none to follow.

    Only what changes nothing is followed, and nothing but harmless headers goes along to another origin: no body that
    holds a secret either.
    """
    if not isinstance(outcome, Response) or outcome.status not in REDIRECTS or request.method not in ("GET", "HEAD"):
        return None
    location = header(outcome.headers, "location")
    if not location:
        return None
    try:
        target = replace(request, url=urljoin(request.url, location))
        same = _origin(target.url) == _origin(request.url)
    except ValueError:  # an address that cannot be read is not followed: the answer is what it is
        return None
    if same:
        return target
    kept = tuple((k, v) for k, v in request.headers if k.lower() in _HARMLESS)
    return replace(target, headers=kept, body=b"" if request.secret else request.body, secret=False)


def moved_to(url: str, location: str, same_host: bool) -> str:
    """The address to which a redirect leads from a document's.

    Raises:
        DocumentNotFound: it is none, it is on another host where it `stays`, or it leads from https to plain http.
    """
    try:
        target = urljoin(url, location)
        (before, host), (after, other) = _origin(url), _origin(target)
    except ValueError:
        target, before, after, host, other = "", "http", "", "", ""
    if not location or after not in (before, "https") or (same_host and other != host):
        what = f"The server of {url} redirects to {target[:200] or 'no address'}, where no document is fetched from."
        raise DocumentNotFound(what, "Give the other address itself if it is to be trusted, or save it as a file.")
    return target


def _authorized(plan: PreparedRequest, tokens: set[str]) -> Generator[Step, Outcome, Response | Failure]:
    """Send with a token, where one is to be got; and once more with a new one, where the server refused it."""
    if plan.grant is None:
        return (yield from _follow(plan.request))
    refused = ""
    while True:
        token = yield Authorize(plan.grant, refused)
        if not isinstance(token, Token):
            assert isinstance(token, Failure)  # noqa: S101  # a driver answers an Authorize with one of the two
            return replace(token, kind="connect") if token.kind in ("timeout", "broken") else token  # nothing was sent
        tokens.add(token.value)
        outcome = yield from _follow(plan.request.with_header("Authorization", f"Bearer {token.value}"))
        if refused or not isinstance(outcome, Response) or outcome.status != 401:
            return outcome
        refused = token.value


def _follow(request: Request) -> Generator[Step, Outcome, Response | Failure]:
    for _ in range(_MOST_REDIRECTS):
        outcome = yield Send(request)
        assert isinstance(outcome, Response | Failure)  # noqa: S101  # a driver answers a Send with one of them
        target = redirect_of(request, outcome)
        if target is None:
            return outcome
        request = target
    return _CIRCLE


def _told(
    plan: PreparedRequest, outcome: Response | Failure, started: datetime, elapsed: float, attempts: tuple[Attempt, ...]
) -> Exchange:
    answer = _clean(outcome, plan.secrets) if isinstance(outcome, Response) else None
    return Exchange(
        id=new_id(),
        operation=plan.operation,
        call=plan.call,
        request=plan.shown,
        started=started,
        elapsed=elapsed,
        response=answer,
        failure=outcome if isinstance(outcome, Failure) else None,
        attempts=attempts,
        violations=check_response(plan.operation, answer) if answer else (),
        environment=plan.environment,
        group=plan.group,
    )


def _clean(answer: Response, secrets: frozenset[str]) -> Response:
    """The answer without the secrets that were sent: a server that echoes them gives them to nobody."""
    if not secrets:
        return answer
    answer = _in_plain_bytes(answer, secrets)
    text = answer.body.decode("latin-1")  # byte for byte, whatever it is
    body = redact(text, secrets)
    told = "\n".join([value for _, value in answer.headers])  # no value has a line break
    same, reason = redact(told, secrets) == told, redact(answer.reason, secrets)
    if same and body == text and reason == answer.reason:
        return answer
    headers = answer.headers if same else tuple((name, redact(value, secrets)) for name, value in answer.headers)
    return replace(answer, body=body.encode("latin-1"), headers=headers, reason=reason)


def _in_plain_bytes(answer: Response, secrets: frozenset[str]) -> Response:
    """The answer in UTF-8 where it holds a secret in a charset (such as UTF-16) whose bytes would hide it."""
    if b"\0" not in answer.body[:1000] or "charset" not in header(answer.headers, "content-type"):
        return answer
    cleaned = redact(answer.text, secrets)
    if cleaned == answer.text:
        return answer
    plain = [(k, v) for k, v in answer.headers if k.lower() != "content-type"]
    return replace(
        answer, body=cleaned.encode(), headers=(*plain, ("Content-Type", f"{answer.media_type}; charset=utf-8"))
    )


def _attempt(
    number: int, began: float, elapsed: float, outcome: Response | Failure, decision: Decision, held: float
) -> Attempt:
    came, wait = (f"{outcome.status}" if isinstance(outcome, Response) else outcome.kind), decision.wait
    again = "" if came == decision.reason else decision.reason
    then = f"tried again after {wait:.1f} s ({decision.reason})" if wait is not None else again
    return Attempt(number, began, elapsed, came, then, wait or 0.0, held, may_have_been_done(came))


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc.lower()
