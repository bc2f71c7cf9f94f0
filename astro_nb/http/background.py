"""Work under way beside whoever began it: waited for, awaited, or stopped."""

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
    """Work under way in the background: `result()` or `await` gives what came of it, `cancel()` ends it."""

    def __init__(self, future: Future[T], cancel: Callable[[], None]) -> None:
        self._future = future
        self._cancel = cancel

    def __repr__(self) -> str:
        return f"<Running, {'done' if self.done else 'under way'}>"

    @property
    def done(self) -> bool:
        """Whether it has ended."""
        return self._future.done()

    def result(self, timeout: float | None = None) -> T:
        """What came of it; waits up to `timeout` seconds and then raises TimeoutError."""
        return self._future.result(timeout)

    def cancel(self) -> None:
        """End it: the exchange of a request says that it was cancelled, longer work raises Stopped."""
        self._cancel()

    def when_done(self, handler: Callable[[Running[T]], None]) -> None:
        """Call `handler` with this, once it has ended, on the thread that ended it."""
        self._future.add_done_callback(lambda _: handler(self))

    def __await__(self) -> Generator[Any, None, T]:
        """What came of it, in `await`; whoever is cancelled while waiting cancels the work."""
        return self._awaited().__await__()

    async def _awaited(self) -> T:
        try:
            return await asyncio.shield(asyncio.wrap_future(self._future))
        except asyncio.CancelledError:
            self.cancel()
            raise


class Stop:
    """Whether work is to end: set by whoever cancels it, looked at wherever the work sends or waits."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._handlers: dict[int, Callable[[], None]] = {}

    def __repr__(self) -> str:
        return f"<Stop, {'set' if self.is_set else 'not set'}>"

    @property
    def is_set(self) -> bool:
        """Whether the work is to end."""
        return self._event.is_set()

    def set(self) -> None:
        """End the work, and what it has under way."""
        with self._lock:
            self._event.set()
            handlers = list(self._handlers.values())
        for handler in handlers:
            handler()

    def require_unset(self) -> None:
        """Raise Stopped where the work is to end."""
        if self.is_set:
            raise _stopped()

    def unless_set(self, exchange: Exchange) -> Exchange:
        """An exchange; where the work is to end, it goes with the error, for whoever keeps the history."""
        if not self.is_set:
            return exchange
        stopped = _stopped()
        stopped.exchange = exchange  # type: ignore[attr-defined]  # as with an interrupt
        raise stopped

    def wait(self, seconds: float) -> None:
        """Let time pass.

        Raises:
            Stopped: the work is to end.
        """
        self._event.wait(seconds)
        self.require_unset()

    def watch(self, handler: Callable[[], None]) -> Callable[[], None]:
        """Call `handler` when it is set; the function given back ends that.

        Raises:
            Stopped: it is set already.
        """
        with self._lock:
            self.require_unset()
            self._handlers[id(handler)] = handler
        return lambda: self._forget(id(handler))

    def _forget(self, key: int) -> None:
        with self._lock:
            self._handlers.pop(key, None)


def _stopped() -> Stopped:
    return Stopped("It was cancelled.", "Call it again: what had come until then is in the history.")


current_stop: ContextVar[Stop | None] = ContextVar("current_stop", default=None)
"""By what the work that runs here is stopped; None where nothing but an interrupt does."""


def on_loop(
    loop: asyncio.AbstractEventLoop,
    work: Callable[[], Coroutine[Any, Any, T]],
    settled: Callable[[asyncio.Task[T]], T],
) -> Running[T]:
    """Work as a task of a loop that runs on another thread.

    Args:
        loop: where it runs.
        work: begins it.
        settled: what came of it, however the task ended; what it raises, the result raises.

    Raises:
        Stopped: what this is part of was cancelled; nothing was begun.
    """
    future, tasks = Future[T](), list[asyncio.Task[T]]()

    def end(task: asyncio.Task[T]) -> None:
        try:
            future.set_result(settled(task))
        except BaseException as error:  # noqa: BLE001  # whoever asks for the result gets it
            future.set_exception(error.with_traceback(None))  # its frames hold what was sent

    def begin() -> None:
        task = loop.create_task(work())
        task.add_done_callback(end)
        tasks.append(task)

    def cancel() -> None:
        with suppress(RuntimeError):  # the loop has ended, and with it what was to be cancelled
            loop.call_soon_threadsafe(lambda: tasks[0].cancel())

    stop = current_stop.get()
    if stop is not None:
        forget = stop.watch(cancel)
        future.add_done_callback(lambda _: forget())
    loop.call_soon_threadsafe(begin)
    return Running(future, cancel)


def in_background(work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Running[T]:
    """Work on a thread of its own, with the leaves of the guard that hold here."""
    stop, future = Stop(), Future[T]()

    def run() -> None:
        current_stop.set(stop)
        try:
            future.set_result(work(*args, **kwargs))
        except BaseException as error:  # noqa: BLE001  # whoever asks for the result gets it
            future.set_exception(error)

    threading.Thread(target=copy_context().run, args=(run,), name="astro_nb-background", daemon=True).start()
    return Running(future, stop.set)
