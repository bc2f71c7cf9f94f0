"""Work in the background that can be waited for, awaited or cancelled."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Generator
from concurrent.futures import Future
from contextlib import suppress
from contextvars import ContextVar, copy_context
from typing import Any, Generic, ParamSpec, TypeVar

from ..errors import Stopped
from ..exchange import Exchange

T = TypeVar("T")
P = ParamSpec("P")


class Running(Generic[T]):
    """Work in the background: `result()` or `await` returns its result, `cancel()` ends it."""

    def __init__(self, future: Future[T], cancel: Callable[[], None]) -> None:
        self._future = future
        self._cancel = cancel

    def __repr__(self) -> str:
        return f"<Running, {'done' if self.done else 'in progress'}>"

    @property
    def done(self) -> bool:
        """Whether it has ended."""
        return self._future.done()

    def result(self, timeout: float | None = None) -> T:
        """Return the result; wait for it up to `timeout` seconds, and then raise TimeoutError."""
        return self._future.result(timeout)

    def cancel(self) -> None:
        """End it. The exchange of a request has the failure "cancelled"; longer work raises Stopped."""
        self._cancel()

    def when_done(self, handler: Callable[[Running[T]], None]) -> None:
        """Call `handler` with this object when it has ended, on the thread that ended it."""
        self._future.add_done_callback(lambda _: handler(self))

    def __await__(self) -> Generator[Any, None, T]:
        """Wait for the result; if the waiting task is cancelled, so is the work."""
        return self._wait().__await__()

    async def _wait(self) -> T:
        try:
            return await asyncio.shield(asyncio.wrap_future(self._future))
        except asyncio.CancelledError:
            self.cancel()
            raise


class Stop:
    """A flag that ends work: set by whoever cancels it, checked wherever the work sends or waits."""

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
