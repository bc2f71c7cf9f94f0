"""Two short drivers for one conversation: one blocks the cell that called it, one runs beside the notebook.

Each keeps its pool of connections as long as the client lives: a new connection for each request costs many times the
request itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Callable, Generator, Iterable, Mapping
from concurrent.futures import Future
from typing import Any

import httpx

from ..exchange import Exchange
from ..pace import Retries
from ..wire import from_httpx, to_httpx
from .conversation import (
    CANCELLED,
    Authorize,
    Conversation,
    Note,
    Outcome,
    Plan,
    Send,
    Step,
    Wait,
    converse,
    never_sent,
)
from .documents import fetched
from .failures import LARGEST_ANSWER, SENDING_ERRORS, TooLarge, failure_of
from .pools import Pools
from .tokens import Tokens

Kept = Callable[[Exchange], Exchange]
"""Keeps an exchange, and gives the one that was kept."""


class Running:
    """A request under way in the background: `result()` waits for its exchange, `cancel()` ends it."""

    def __init__(self, future: Future[Exchange], cancel: Callable[[], None]) -> None:
        self._future = future
        self._cancel = cancel

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

    def when_done(self, handler: Callable[[Running], None]) -> None:
        """Call `handler` with this, once it has ended, on the client's thread."""
        self._future.add_done_callback(lambda _: handler(self))

    def __await__(self) -> Generator[Any, None, Exchange]:
        """The exchange, in `await`; whoever is cancelled while waiting cancels the request."""
        return self._awaited().__await__()

    async def _awaited(self) -> Exchange:
        try:
            return await asyncio.shield(asyncio.wrap_future(self._future))
        except asyncio.CancelledError:
            self.cancel()
            raise


class Client:
    """Sends plans over pooled connections.

    Args:
        timeout: seconds to connect, and between two pieces of an answer ("connect", "read").
        retries: what is tried again, and how long.
        transport: an httpx transport, sync and async, in place of the network.
        sleep, clock, chance: for tests that do not want to wait; rooms that wait take the first two from here.
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
        self._pools = Pools(transport)
        self._tokens = Tokens(lambda request: self._do(Send(request)), clock)

    def __repr__(self) -> str:
        return "<Client>"

    def send(self, plan: Plan, note: Note | None = None) -> Exchange:
        """Send and wait for the exchange.

        Raises:
            KeyboardInterrupt: the user stopped it; its attribute `exchange` tells what had to be left.
        """
        conversation = self._converse(plan, note)
        stopped: KeyboardInterrupt | None = None
        outcome: Outcome = None
        while True:
            try:
                step = conversation.send(outcome)
            except StopIteration as end:
                exchange: Exchange = end.value
                break
            try:
                outcome = self._do(step)
            except KeyboardInterrupt as stop:
                stopped, outcome = stop, CANCELLED
        if stopped is not None:
            stopped.exchange = exchange  # type: ignore[attr-defined]  # for whoever keeps the history
            raise stopped
        return exchange

    def start(self, plan: Plan, note: Note | None = None, kept: Kept = lambda exchange: exchange) -> Running:
        """Send in the background; nothing blocks.

        Args:
            plan, note: as for `send`.
            kept: keeps the exchange, on the client's thread; what it gives is the result, what it raises too.
        """
        loop = self._pools.loop()
        future: Future[Exchange] = Future()
        tasks: list[asyncio.Task[Exchange]] = []

        def begin() -> None:
            task = loop.create_task(self._run(plan, note))
            task.add_done_callback(lambda ended: self._settle(future, ended, plan, kept))
            tasks.append(task)

        def cancel() -> None:
            with contextlib.suppress(RuntimeError):  # the loop has ended, and with it what was to be cancelled
                loop.call_soon_threadsafe(lambda: tasks[0].cancel())

        loop.call_soon_threadsafe(begin)
        return Running(future, cancel)

    def fetch(self, url: str, /, *, stays: bool = False) -> bytes:
        """The bytes behind a URL, for documents.

        Where it `stays`, no redirect may lead to another host; from https none leads to http in any case.

        Raises:
            DocumentNotFound: the server does not give them.
        """
        return fetched(lambda request: self._do(Send(request)), url, stays)

    def close(self) -> None:
        """Close all connections and end the background thread; safe to call twice."""
        self._pools.close()

    def _converse(self, plan: Plan, note: Note | None) -> Conversation:
        return converse(plan, self.retries, self.clock, self._chance, note)

    def _do(self, step: Step) -> Outcome:
        if isinstance(step, Wait):
            self.sleep(step.seconds)
            return None
        if isinstance(step, Authorize):
            return self._tokens.obtain(step.grant, step.refused)
        try:
            with contextlib.closing(self._pools.blocking().handle_request(self._outgoing(step))) as answer:
                return from_httpx(answer, _whole(answer.iter_bytes()))
        except SENDING_ERRORS as error:
            return failure_of(error, step.request)
        except BaseException as error:  # noqa: BLE001  # raised again, without the frames below
            raise error.with_traceback(None) from None  # they hold the request in the clear

    async def _run(self, plan: Plan, note: Note | None) -> Exchange:
        conversation = self._converse(plan, note)
        outcome: Outcome = None
        while True:
            try:
                step = conversation.send(outcome)
            except StopIteration as end:
                exchange: Exchange = end.value
                return exchange
            try:
                outcome = await self._do_async(step)
            except asyncio.CancelledError:
                outcome = CANCELLED

    def _settle(self, future: Future[Exchange], ended: asyncio.Task[Exchange], plan: Plan, kept: Kept) -> None:
        """Hand on how a task ended, whatever it was: nobody may wait for ever."""
        try:
            exchange = never_sent(self._converse(plan, None)) if ended.cancelled() else ended.result()
            future.set_result(kept(exchange))
        except BaseException as error:  # noqa: BLE001  # whoever asks for the result gets it
            future.set_exception(error.with_traceback(None))  # its frames hold the plan

    async def _do_async(self, step: Step) -> Outcome:
        if isinstance(step, Wait):
            await asyncio.sleep(step.seconds)
            return None
        if isinstance(step, Authorize):  # on a thread of its own: whoever waits for the same token blocks
            return await asyncio.to_thread(self._tokens.obtain, step.grant, step.refused)
        try:
            answer = await self._pools.background().handle_async_request(self._outgoing(step))
            async with contextlib.aclosing(answer):
                return from_httpx(answer, await _whole_async(answer))
        except SENDING_ERRORS as error:
            return failure_of(error, step.request)
        except BaseException as error:  # noqa: BLE001  # raised again, without the frames below
            raise error.with_traceback(None) from None

    def _outgoing(self, step: Send) -> httpx.Request:
        request = to_httpx(step.request)
        request.extensions = {"timeout": self._timeout}
        return request


def _whole(chunks: Iterable[bytes]) -> bytes:
    parts, size = [], 0
    for chunk in chunks:
        size += len(chunk)
        _check_size(size)
        parts.append(chunk)
    return parts[0] if len(parts) == 1 else b"".join(parts)


async def _whole_async(answer: httpx.Response) -> bytes:
    parts, size = [], 0
    async for chunk in answer.aiter_bytes():
        size += len(chunk)
        _check_size(size)
        parts.append(chunk)
    return b"".join(parts)


def _check_size(size: int) -> None:
    if size > LARGEST_ANSWER:
        raise TooLarge(f"more than {LARGEST_ANSWER} bytes")
