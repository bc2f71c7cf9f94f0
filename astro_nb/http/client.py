"""The client: sends prepared requests, blocking or in the background, and fetches documents.

`request_flow` decides what to do next. Two short drivers do it: one blocks the cell that called it, the other runs on
the client's event loop. Connections stay open as long as the client lives, since opening one takes many times as long
as a request.

`Running` is work in the background that can be waited for, awaited or cancelled.
"""

from __future__ import annotations

import asyncio
import os
import random
import threading
import time
from collections.abc import Callable, Coroutine, Generator, Mapping
from concurrent.futures import Future
from contextlib import suppress
from contextvars import ContextVar, copy_context
from typing import Any, Generic, ParamSpec, TypeVar

from ..errors import AstroNbError, DocumentNotFound, Stopped
from ..exchange import Exchange, Failure
from ..messages import Request, Response, header
from .oauth import TokenStore
from .request_flow import (
    CANCELLED,
    REDIRECTS,
    Authorize,
    OnAttempt,
    PreparedRequest,
    RequestFlow,
    Send,
    Step,
    StepResult,
    Wait,
    cancelled_exchange,
    redirect_address,
    request_flow,
)
from .retry import Retries
from .transport import Transports

T = TypeVar("T")
P = ParamSpec("P")


class Running(Generic[T]):
    """Work in the background: `result()` or `await` returns its result, `cancel()` ends it."""

    def __init__(self, future: Future[T], cancel: Callable[[], None]) -> None:
        self._future = future
        self._cancel = cancel
        self._process = os.getpid()

    def __repr__(self) -> str:
        return f"<Running, {'done' if self.done else 'in progress'}>"

    @property
    def done(self) -> bool:
        """Whether it has ended."""
        return self._future.done()

    def result(self, timeout: float | None = None) -> T:
        """Return the result; wait for it up to `timeout` seconds, and then raise TimeoutError.

        Raises:
            Stopped: it was cancelled, or it runs in another process, of which this one is a fork.
        """
        self._require_own_process()
        return self._future.result(timeout)

    def cancel(self) -> None:
        """End it. The exchange of a request has the failure "cancelled"; longer work raises Stopped."""
        self._cancel()

    def when_done(self, handler: Callable[[Running[T]], None]) -> None:
        """Call `handler` with this object when it has ended, on the thread that ended it."""
        self._future.add_done_callback(lambda _: handler(self))

    def _require_own_process(self) -> None:
        if not self.done and os.getpid() != self._process:
            raise Stopped("It runs in the process that this one was forked from.", "Start it again in this one.")

    def __await__(self) -> Generator[Any, None, T]:
        """Wait for the result; if the waiting task is cancelled, so is the work."""
        return self._wait().__await__()

    async def _wait(self) -> T:
        self._require_own_process()
        try:
            return await asyncio.shield(asyncio.wrap_future(self._future))
        except asyncio.CancelledError:
            self.cancel()
            raise


class Stop:
    """A flag that ends work: set to cancel it, checked wherever the work sends or waits."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._handlers: dict[int, Callable[[], None]] = {}

    def __repr__(self) -> str:
        return f"<Stop, {'set' if self.is_set else 'not set'}>"

    @property
    def is_set(self) -> bool:
        """Whether the work must end."""
        return self._event.is_set()

    def set(self) -> None:
        """End the work, and the requests that it has sent."""
        with self._lock:
            self._event.set()
            handlers = list(self._handlers.values())
        for handler in handlers:
            handler()

    def require_unset(self) -> None:
        """Raise Stopped if the work must end."""
        if self.is_set:
            raise _stopped()

    def require_unset_after(self, exchange: Exchange) -> Exchange:
        """Return the exchange; if the work must end, raise Stopped with it, so that it can be stored."""
        if not self.is_set:
            return exchange
        stopped = _stopped()
        stopped.exchange = exchange  # type: ignore[attr-defined]  # as `Client.send` documents
        raise stopped

    def wait(self, seconds: float) -> None:
        """Wait.

        Raises:
            Stopped: the work must end.
        """
        self._event.wait(seconds)
        self.require_unset()

    def watch(self, handler: Callable[[], None]) -> Callable[[], None]:
        """Call `handler` when the flag is set; the returned function ends that.

        Raises:
            Stopped: it is set already.
        """
        with self._lock:
            self.require_unset()
            self._handlers[id(handler)] = handler
        return lambda: self._unwatch(id(handler))

    def _unwatch(self, key: int) -> None:
        with self._lock:
            self._handlers.pop(key, None)


def _stopped() -> Stopped:
    return Stopped("It was cancelled.", "Call it again: what was received until then is in the history.")


current_stop: ContextVar[Stop | None] = ContextVar("current_stop", default=None)
"""The flag that ends the work running here; None if only an interrupt does."""


def run_on_loop(
    loop: asyncio.AbstractEventLoop,
    work: Callable[[], Coroutine[Any, Any, T]],
    finish: Callable[[asyncio.Task[T]], T],
) -> Running[T]:
    """Run work as a task of an event loop on another thread.

    Args:
        loop: the event loop.
        work: starts the work.
        finish: returns the result, however the task has ended; what it raises, the result raises.

    Raises:
        Stopped: the work that this is part of was cancelled; nothing was started.
    """
    future, tasks = Future[T](), list[asyncio.Task[T]]()

    def end(task: asyncio.Task[T]) -> None:
        try:
            future.set_result(finish(task))
        except BaseException as error:  # noqa: BLE001  # raised by `result`
            future.set_exception(error.with_traceback(None))  # its frames hold what was sent

    def begin() -> None:
        task = loop.create_task(work())
        task.add_done_callback(end)
        tasks.append(task)

    def cancel() -> None:
        with suppress(RuntimeError):  # the loop has ended, and the task with it
            loop.call_soon_threadsafe(lambda: tasks[0].cancel())

    stop = current_stop.get()
    if stop is not None:
        unwatch = stop.watch(cancel)
        future.add_done_callback(lambda _: unwatch())
    loop.call_soon_threadsafe(begin)
    return Running(future, cancel)


def in_background(work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Running[T]:
    """Run work on a thread of its own, with the context variables of the caller, such as approvals."""
    stop, future = Stop(), Future[T]()

    def run() -> None:
        current_stop.set(stop)
        try:
            future.set_result(work(*args, **kwargs))
        except BaseException as error:  # noqa: BLE001  # raised by `result`
            future.set_exception(error)

    threading.Thread(target=copy_context().run, args=(run,), name="astro_nb-background", daemon=True).start()
    return Running(future, stop.set)


_MOST_DOCUMENT_REQUESTS = 5  # the document's and those of its redirects
_DOCUMENT_HEADERS = (("Accept", "*/*"), ("Accept-Encoding", "gzip, deflate"))

OnExchange = Callable[[Exchange], Exchange]
"""Called with the exchange when it is over, to store it; returns the stored one."""


class Client:
    """Sends prepared requests over connections that stay open.

    Args:
        timeout: seconds to "connect", and to "read" the next chunk of a response.
        retries: how often and how long to retry.
        transport: an httpx transport, sync or async, in place of the network.
        sleep, clock, chance: what passes and measures time and gives the jitter; for tests that should not wait.
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
        self.sleep, self.clock, self._chance = sleep, clock, chance
        self._transports = Transports(transport)
        self._tokens = TokenStore(lambda request: self._do(Send(request)), clock)

    def __repr__(self) -> str:
        return "<Client>"

    def send(self, prepared: PreparedRequest, on_attempt: OnAttempt | None = None) -> Exchange:
        """Send a request and wait for the exchange.

        Raises:
            KeyboardInterrupt: the user stopped it; its attribute `exchange` is the exchange so far.
            Stopped: the work that this is part of was cancelled; its attribute `exchange` is also set, if the
                request had begun.
            SettingsError: the proxy or the certificates that the environment names cannot be used.
        """
        stop = current_stop.get()
        if stop is not None:
            return stop.require_unset_after(self.start(prepared, on_attempt).result())
        flow = self._flow(prepared, on_attempt)
        interrupt: KeyboardInterrupt | None = None
        result: StepResult = None
        while True:
            try:
                step = flow.send(result)
            except StopIteration as end:
                exchange: Exchange = end.value
                break
            try:
                result = self._do(step)
            except KeyboardInterrupt as error:
                interrupt, result = error, CANCELLED
        if interrupt is not None:
            interrupt.exchange = exchange  # type: ignore[attr-defined]  # documented above
            raise interrupt
        return exchange

    def start(
        self,
        prepared: PreparedRequest,
        on_attempt: OnAttempt | None = None,
        on_exchange: OnExchange = lambda exchange: exchange,
    ) -> Running[Exchange]:
        """Send a request in the background and return at once.

        Args:
            prepared, on_attempt: as for `send`.
            on_exchange: stores the exchange, on the client's thread; what it returns or raises is the result.

        Raises:
            Stopped: the work that this is part of was cancelled; nothing was sent.
        """
        return run_on_loop(
            self._transports.loop(),
            lambda: self._run(prepared, on_attempt),
            lambda task: on_exchange(cancelled_exchange(prepared) if task.cancelled() else task.result()),
        )

    def pause(self, seconds: float) -> None:
        """Wait.

        Raises:
            Stopped: the work that waits here was cancelled.
        """
        stop = current_stop.get()
        if stop is None:
            self.sleep(seconds)
        else:
            stop.wait(seconds)

    def fetch(self, url: str, /, *, same_host: bool = False) -> bytes:
        """Return the document at a URL. Redirects are followed, but never from https to http.

        Args:
            url: its address.
            same_host: whether a redirect to another host is refused.

        Raises:
            DocumentNotFound: the server does not return it.
        """
        result: StepResult = None
        for _ in range(_MOST_DOCUMENT_REQUESTS):
            result = self._do(Send(Request("GET", url, _DOCUMENT_HEADERS)))
            if isinstance(result, Response) and result.status == 200:
                return result.body
            if not isinstance(result, Response) or result.status not in REDIRECTS:
                break
            url = redirect_address(url, header(result.headers, "location"), same_host)
        todo = f"{result.todo.rstrip('.')}, or" if isinstance(result, Failure) else "Check the address, or"
        raise DocumentNotFound(f"There is no document at {url}: {_reason(result)}.", f"{todo} save it as a file.")

    def bypass_proxy(self, base_url: str) -> None:
        """Reach a server, such as the embedded sandbox, without a proxy, whatever the environment declares."""
        self._transports.bypass_proxy(base_url)

    def close(self) -> None:
        """Cancel what runs in the background and close all connections; safe to call twice."""
        self._transports.close()

    def _flow(self, prepared: PreparedRequest, on_attempt: OnAttempt | None) -> RequestFlow:
        return request_flow(prepared, self.retries, self.clock, self._chance, on_attempt)

    def _do(self, step: Step) -> StepResult:
        if isinstance(step, Wait):
            self.sleep(step.seconds)
            return None
        if isinstance(step, Authorize):
            return self._tokens.obtain(step.grant, step.refused)
        try:
            return self._transports.send(step.request, self._timeout)
        except AstroNbError:  # the settings cannot be used: nothing was sent
            raise
        except Exception as error:  # noqa: BLE001  # whatever a transport raises, the request may have been sent
            return self._transports.explain(error, step.request)
        except BaseException as error:  # noqa: BLE001  # raised again, without the frames below
            raise error.with_traceback(None) from None  # they hold the request in the clear

    async def _run(self, prepared: PreparedRequest, on_attempt: OnAttempt | None) -> Exchange:
        flow = self._flow(prepared, on_attempt)
        result: StepResult = None
        while True:
            try:
                step = flow.send(result)
            except StopIteration as end:
                exchange: Exchange = end.value
                return exchange
            try:
                result = await self._do_async(step)
            except asyncio.CancelledError:
                result = CANCELLED

    async def _do_async(self, step: Step) -> StepResult:
        if isinstance(step, Wait):
            await asyncio.sleep(step.seconds)
            return None
        if isinstance(step, Authorize):  # on a thread: it blocks while another call gets the same token
            return await asyncio.to_thread(self._tokens.obtain, step.grant, step.refused)
        try:
            return await self._transports.send_in_background(step.request, self._timeout)
        except AstroNbError:  # the settings cannot be used: nothing was sent
            raise
        except Exception as error:  # noqa: BLE001  # whatever a transport raises, the request may have been sent
            return await asyncio.to_thread(self._transports.explain, error, step.request)
        except BaseException as error:  # noqa: BLE001  # raised again, without the frames below
            raise error.with_traceback(None) from None


def _reason(result: StepResult) -> str:
    """Return why there is no document."""
    if isinstance(result, Failure):
        return result.message.rstrip(".")
    if isinstance(result, Response) and result.status not in REDIRECTS:
        return f"the server responded with {result.status}"
    return "the server redirects in a circle"
