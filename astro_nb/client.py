"""The only window to the network and the only clock.

A request's way (attempts, waits, redirects) is a generator without network: `_conversation` yields what to do next and
is told what came of it. Two short drivers turn it: `send` blocks the cell that called it, `start` runs on a thread of
its own so that the notebook goes on, and can be cancelled. Both share one pool of connections each, for as long as the
client lives: a new connection for each request costs many times the request itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import random
import ssl
import threading
import time
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx

from .call import Call
from .contract import check_response
from .errors import DocumentNotFound
from .exchange import Attempt, Exchange, Failure
from .message import Request, Response, header
from .pace import Retries, decide, repeatable
from .spec import Operation
from .wire import from_httpx, to_httpx

LARGEST_ANSWER = 256 * 1024 * 1024
"""Bytes of an answer that are read; a larger one is a failure that says so."""

Note = Callable[[Attempt], None]


@dataclass(frozen=True)
class Plan:
    """A call ready to be sent: as it is shown, as it goes out, and the secrets in it that nobody may store."""

    operation: Operation
    call: Call
    shown: Request
    request: Request = field(repr=False)
    secrets: frozenset[str] = field(default=frozenset(), repr=False)
    environment: str = ""
    via: str = "call"


@dataclass(frozen=True)
class _Send:
    request: Request


@dataclass(frozen=True)
class _Wait:
    seconds: float


Outcome = Response | Failure | None
Conversation = Generator[_Send | _Wait, Outcome, Exchange]


class Running:
    """A request under way in the background: `result()` waits for its exchange, `cancel()` ends it."""

    def __init__(self, future: Future[Exchange], task: Callable[[], None]) -> None:
        self._future = future
        self._cancel = task

    def __repr__(self) -> str:
        return f"<Running, {'done' if self.done else 'under way'}>"

    @property
    def done(self) -> bool:
        """Whether it has ended."""
        return self._future.done()

    def result(self, timeout: float | None = None) -> Exchange:
        """The exchange; waits up to `timeout` seconds and then raises TimeoutError."""
        return self._future.result(timeout)

    def cancel(self) -> None:
        """End the request; its exchange says that it was cancelled."""
        self._cancel()

    def when_done(self, handler: Callable[[Exchange], None]) -> None:
        """Call `handler` with the exchange, on the client's thread."""
        self._future.add_done_callback(lambda future: handler(future.result()))


class Client:
    """Sends plans over pooled connections.

    Args:
        timeout: seconds to connect, and between two pieces of an answer ("connect", "read").
        retries: what is tried again, and how long.
        transport: an httpx transport, sync and async, in place of the network.
        sleep, clock, chance: for tests that do not want to wait.
    """

    def __init__(
        self,
        timeout: Mapping[str, float] | None = None,
        retries: Retries | None = None,
        transport: Any = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        seconds = {"connect": 10.0, "read": 60.0, **(timeout or {})}
        self._timeout = {**seconds, "write": seconds["read"], "pool": seconds["connect"]}
        self.retries = retries or Retries()
        self._sleep, self._clock, self._chance = sleep, clock, chance
        self._given = transport
        self._lock = threading.Lock()
        self._blocking: Any = transport
        self._background: Any = transport
        self._loop: asyncio.AbstractEventLoop | None = None

    def __repr__(self) -> str:
        return "<Client>"

    def send(self, plan: Plan, note: Note | None = None) -> Exchange:
        """Send and wait for the exchange. KeyboardInterrupt ends the request, and is raised again once it is told."""
        conversation = self._conversation(plan, note)
        interrupted: KeyboardInterrupt | None = None
        outcome: Outcome = None
        while True:
            try:
                step = conversation.send(outcome)
            except StopIteration as end:
                exchange: Exchange = end.value
                if interrupted:
                    interrupted.exchange = exchange  # type: ignore[attr-defined]  # for whoever keeps the history
                    raise interrupted from None
                return exchange
            try:
                outcome = self._once(step)
            except KeyboardInterrupt as stop:
                interrupted, outcome = stop, CANCELLED

    def start(self, plan: Plan, note: Note | None = None) -> Running:
        """Send in the background; nothing blocks."""
        loop = self._running_loop()
        future: Future[Exchange] = Future()
        holder: list[asyncio.Task[None]] = []

        def begin() -> None:
            holder.append(loop.create_task(self._run(plan, note, future)))

        loop.call_soon_threadsafe(begin)
        return Running(future, lambda: _call_later(loop, lambda: holder[0].cancel()))

    def fetch(self, url: str) -> bytes:
        """The bytes behind a URL, for documents.

        Raises:
            DocumentNotFound: the server does not give them.
        """
        for _ in range(5):
            outcome = self._once(_Send(Request("GET", url, (("Accept", "*/*"), ("Accept-Encoding", "gzip, deflate")))))
            if not isinstance(outcome, Response) or outcome.status not in _REDIRECTS:
                break
            url = urljoin(url, header(outcome.headers, "location"))
        if isinstance(outcome, Response) and outcome.status == 200:
            return outcome.body
        told = f"the server answered {outcome.status}" if isinstance(outcome, Response) else "there was no answer"
        raise DocumentNotFound(f"There is no document at {url}: {told}.", "Check the address, or save it as a file.")

    def close(self) -> None:
        """Close all connections and end the background thread; safe to call twice."""
        loop, self._loop = self._loop, None
        if loop is not None:
            if self._background is not None and self._given is None:
                with contextlib.suppress(
                    httpx.HTTPError, OSError, TimeoutError
                ):  # closing for good: nobody is left to tell
                    asyncio.run_coroutine_threadsafe(self._background.aclose(), loop).result(2)
            loop.call_soon_threadsafe(loop.stop)
        if self._blocking is not None and self._given is None:
            self._blocking.close()
        self._blocking = self._background = self._given

    # --- drivers ------------------------------------------------------------------------------------------------------

    def _once(self, step: _Send | _Wait) -> Outcome:
        if isinstance(step, _Wait):
            self._sleep(step.seconds)
            return None
        try:
            with contextlib.closing(self._blocking_transport().handle_request(self._outgoing(step))) as answer:
                return from_httpx(answer, _capped(answer, answer.iter_bytes()))
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            return failure_of(error, step.request)

    async def _run(self, plan: Plan, note: Note | None, future: Future[Exchange]) -> None:
        conversation = self._conversation(plan, note)
        outcome: Outcome = None
        while True:
            try:
                step = conversation.send(outcome)
            except StopIteration as end:
                future.set_result(end.value)
                return
            try:
                outcome = await self._once_async(step)
            except asyncio.CancelledError:
                outcome = CANCELLED

    async def _once_async(self, step: _Send | _Wait) -> Outcome:
        if isinstance(step, _Wait):
            await asyncio.sleep(step.seconds)
            return None
        try:
            answer = await self._background_transport().handle_async_request(self._outgoing(step))
            try:
                chunks = [chunk async for chunk in answer.aiter_bytes()]
            finally:
                await answer.aclose()
            return from_httpx(answer, _capped(answer, chunks))
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            return failure_of(error, step.request)

    def _outgoing(self, step: _Send) -> httpx.Request:
        request = to_httpx(step.request)
        request.extensions = {"timeout": self._timeout}
        return request

    def _blocking_transport(self) -> Any:
        if self._blocking is None:
            with self._lock:
                self._blocking = self._blocking or httpx.HTTPTransport(verify=_tls(), limits=_LIMITS)
        return self._blocking

    def _background_transport(self) -> Any:
        if self._background is None:
            self._background = httpx.AsyncHTTPTransport(verify=_tls(), limits=_LIMITS)
        return self._background

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(target=self._loop.run_forever, name="astro_nb-client", daemon=True).start()
            return self._loop

    # --- the way of one request ---------------------------------------------------------------------------------------

    def _conversation(self, plan: Plan, note: Note | None) -> Conversation:
        """Try, wait, try again; then tell what came of it all."""
        started, zero = datetime.now(UTC), self._clock()
        attempts: list[Attempt] = []
        safe = repeatable(plan.operation)
        for number in itertools.count(1):
            began = self._clock() - zero
            outcome = yield from self._follow(plan.request)
            spent = self._clock() - zero
            kind = outcome if isinstance(outcome, Response) else outcome.kind
            decision = decide(self.retries, safe, kind, number, spent, self._chance)
            attempts.append(_attempt(number, began, spent - began, outcome, decision.wait, decision.reason))
            if note:
                note(attempts[-1])
            if decision.wait is None:
                break
            if (yield _Wait(decision.wait)) is CANCELLED:
                outcome = CANCELLED
                break
        return self._told(plan, outcome, started, self._clock() - zero, tuple(attempts))

    def _follow(self, request: Request) -> Generator[_Send, Outcome, Response | Failure]:
        """Send, and follow redirects of safe methods; to another origin nothing secret goes along."""
        for _ in range(10):
            outcome = yield _Send(request)
            assert isinstance(outcome, Response | Failure)  # noqa: S101  # a driver answers a _Send with one of them
            target = _redirect_of(request, outcome)
            if target is None:
                return outcome
            request = target
        return Failure(
            "broken", "The server redirects in a circle.", "This is the server's fault.", "Check the base URL."
        )

    def _told(
        self, plan: Plan, outcome: Response | Failure, started: datetime, elapsed: float, attempts: tuple[Attempt, ...]
    ) -> Exchange:
        answer = outcome if isinstance(outcome, Response) else None
        return Exchange(
            id=new_id(),
            operation=plan.operation,
            call=plan.call,
            request=plan.shown,
            started=started,
            elapsed=elapsed,
            answer=answer,
            failure=outcome if isinstance(outcome, Failure) else None,
            attempts=attempts,
            violations=check_response(plan.operation, answer) if answer else (),
            environment=plan.environment,
            via=plan.via,
        )


CANCELLED = Failure("cancelled", "The request was cancelled.", "You cancelled it.", "Send it again when you are ready.")
_REDIRECTS = (301, 302, 303, 307, 308)
_LIMITS = httpx.Limits(max_connections=32, max_keepalive_connections=16, keepalive_expiry=30.0)
_counter = itertools.count()


def new_id() -> str:
    """An id for an exchange: unique on this machine, and later ones sort after earlier ones."""
    return f"{time.time_ns() // 1000:016x}{os.getpid() & 0xFFFF:04x}{next(_counter) & 0xFFFF:04x}"


def failure_of(error: Exception, request: Request) -> Failure:
    """What an exception of the transport means, in words; the request's path and headers are never part of it."""
    for kind, name, fault, todo in _FAILURES:
        if isinstance(error, kind):
            detail = str(error) if name == "connect" else ""
            message = _MESSAGES[name].format(host=_host(request)) + (f" ({detail})" if detail else "")
            return Failure(name, message, fault, todo)
    return Failure(
        "invalid", f"The request cannot be sent: {type(error).__name__}.", "The request is malformed.", "Check the URL."
    )


_FAILURES: tuple[tuple[type[Exception], str, str, str], ...] = (
    (httpx.ConnectTimeout, "connect", "The network or the server.", "Check the base URL and your network."),
    (
        httpx.ConnectError,
        "connect",
        "The network, or the base URL.",
        "Check that the server runs and the base URL is right.",
    ),
    (httpx.PoolTimeout, "timeout", "Too much is sent at once.", "Send fewer requests at a time."),
    (httpx.TimeoutException, "timeout", "The server is slow.", "Try again, or raise `timeout` of the environment."),
    (httpx.DecodingError, "broken", "The server.", "Tell its operators: the body is not coded as it says."),
    (httpx.UnsupportedProtocol, "invalid", "The base URL.", "Use http:// or https://."),
    (
        httpx.TransportError,
        "broken",
        "The server or the network.",
        "Look whether it was carried out before you send again.",
    ),
    (ssl.SSLError, "connect", "The server's certificate.", "Check the base URL; ask its operators."),
    (OSError, "broken", "The network.", "Try again."),
    (OverflowError, "too large", "The answer.", "Ask for fewer items at once."),
)
_MESSAGES = {
    "connect": "No connection to {host} could be made",
    "timeout": "{host} did not answer in time",
    "broken": "The connection to {host} broke before the answer was complete",
    "invalid": "The address cannot be used: {host}",
    "too large": f"The answer of {{host}} is larger than {LARGEST_ANSWER // 1_000_000} MB",
}


def _host(request: Request) -> str:
    return urlsplit(request.url).netloc.rpartition("@")[2] or "the server"


def _attempt(
    number: int, began: float, elapsed: float, outcome: Response | Failure, wait: float | None, reason: str
) -> Attempt:
    came = f"{outcome.status}" if isinstance(outcome, Response) else outcome.kind
    then = f"tried again after {wait:.1f} s ({reason})" if wait is not None else ("" if came == reason else reason)
    return Attempt(number, began, elapsed, came, then, wait or 0.0)


def _capped(answer: httpx.Response, chunks: Any) -> bytes:
    parts, size = [], 0
    for chunk in chunks:
        size += len(chunk)
        if size > LARGEST_ANSWER:
            raise OverflowError(f"more than {LARGEST_ANSWER} bytes")
        parts.append(chunk)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _redirect_of(request: Request, outcome: Response | Failure) -> Request | None:
    if not isinstance(outcome, Response) or outcome.status not in _REDIRECTS or request.method not in ("GET", "HEAD"):
        return None
    location = header(outcome.headers, "location")
    if not location:
        return None
    target = replace(request, url=urljoin(request.url, location))
    if _origin(target.url) != _origin(request.url):
        kept = tuple((k, v) for k, v in request.headers if k.lower() in _HARMLESS)
        target = replace(target, headers=kept, secret=False)
    return target


_HARMLESS = ("accept", "accept-encoding", "user-agent")


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc.lower()


_tls_context: list[ssl.SSLContext] = []


def _tls() -> ssl.SSLContext:
    """One TLS context for the process: loading the certificates takes longer than a request."""
    if not _tls_context:
        _tls_context.append(httpx.create_ssl_context())
    return _tls_context[0]


def _call_later(loop: asyncio.AbstractEventLoop, job: Callable[[], Any]) -> None:
    with contextlib.suppress(RuntimeError):  # the loop has ended, and with it what was to be cancelled
        loop.call_soon_threadsafe(job)
