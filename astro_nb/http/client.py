"""The bytes of a document behind an address.

Two short drivers for one conversation: one blocks the cell that called it, one runs beside the notebook.

Each keeps its pool of connections as long as the client lives: a new connection for each request costs many times the
request itself.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Mapping
from typing import Any

from ..errors import DocumentNotFound
from ..exchange import Exchange, Failure
from ..messages import Request, Response, header
from .background import Running, current_stop, on_loop
from .oauth import Tokens
from .request_flow import (
    CANCELLED,
    REDIRECTS,
    Authorize,
    Conversation,
    OnAttempt,
    Outcome,
    PreparedRequest,
    Send,
    Step,
    Wait,
    converse,
    moved_to,
    never_sent,
)
from .retry import Retries
from .transport import SENDING_ERRORS, Pools, failure_of


def fetched(send: Callable[[Request], Outcome], url: str, same_host: bool) -> bytes:
    """What a server gives for an address, redirects followed as far as they may lead; see `Client.fetch`."""
    outcome: Outcome = None
    for _ in range(5):
        outcome = send(Request("GET", url, (("Accept", "*/*"), ("Accept-Encoding", "gzip, deflate"))))
        if isinstance(outcome, Response) and outcome.status == 200:
            return outcome.body
        if not isinstance(outcome, Response) or outcome.status not in REDIRECTS:
            break
        url = moved_to(url, header(outcome.headers, "location"), same_host)
    told = f"the server answered {outcome.status}" if isinstance(outcome, Response) else _told(outcome)
    raise DocumentNotFound(f"There is no document at {url}: {told}.", "Check the address, or save it as a file.")


def _told(outcome: Outcome) -> str:
    return outcome.message.rstrip(".") if isinstance(outcome, Failure) else "it redirects in a circle"


Kept = Callable[[Exchange], Exchange]
"""Keeps an exchange, and gives the one that was kept."""


class Client:
    """Sends plans over pooled connections.

    Args:
        timeout: seconds to connect, and between two pieces of an answer ("connect", "read").
        retries: what is tried again, and how long.
        transport: an httpx transport, sync and async, in place of the network.
        sleep, clock, chance: for tests that do not want to wait; rooms that wait use `pause` and `clock`.
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

    def send(self, plan: PreparedRequest, note: OnAttempt | None = None) -> Exchange:
        """Send and wait for the exchange.

        Raises:
            KeyboardInterrupt: the user stopped it; its attribute `exchange` tells what had to be left.
            Stopped: the work that this is part of was cancelled; its attribute `exchange` likewise, if it had begun.
        """
        stop = current_stop.get()
        if stop is not None:
            return stop.unless_set(self.start(plan, note).result())
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

    def start(
        self, plan: PreparedRequest, note: OnAttempt | None = None, kept: Kept = lambda exchange: exchange
    ) -> Running[Exchange]:
        """Send in the background; nothing blocks.

        Args:
            plan, note: as for `send`.
            kept: keeps the exchange, on the client's thread; what it gives is the result, what it raises too.

        Raises:
            Stopped: the work that this is part of was cancelled; nothing was sent.
        """
        return on_loop(
            self._pools.loop(),
            lambda: self._run(plan, note),
            lambda ended: kept(never_sent(plan) if ended.cancelled() else ended.result()),
        )

    def pause(self, seconds: float) -> None:
        """Let time pass.

        Raises:
            Stopped: the work that waits here was cancelled.
        """
        stop = current_stop.get()
        if stop is None:
            self.sleep(seconds)
        else:
            stop.wait(seconds)

    def fetch(self, url: str, /, *, same_host: bool = False) -> bytes:
        """The bytes behind a URL, for documents.

        Where it `stays`, no redirect may lead to another host; from https none leads to http in any case.

        Raises:
            DocumentNotFound: the server does not give them.
        """
        return fetched(lambda request: self._do(Send(request)), url, same_host)

    def close(self) -> None:
        """Cancel what is under way in the background, close all connections; safe to call twice."""
        self._pools.close()

    def _converse(self, plan: PreparedRequest, note: OnAttempt | None) -> Conversation:
        return converse(plan, self.retries, self.clock, self._chance, note)

    def _do(self, step: Step) -> Outcome:
        if isinstance(step, Wait):
            self.sleep(step.seconds)
            return None
        if isinstance(step, Authorize):
            return self._tokens.obtain(step.grant, step.refused)
        try:
            return self._pools.blocking().exchange(step.request, self._timeout)
        except SENDING_ERRORS as error:
            return failure_of(error, step.request)
        except BaseException as error:  # noqa: BLE001  # raised again, without the frames below
            raise error.with_traceback(None) from None  # they hold the request in the clear

    async def _run(self, plan: PreparedRequest, note: OnAttempt | None) -> Exchange:
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

    async def _do_async(self, step: Step) -> Outcome:
        if isinstance(step, Wait):
            await asyncio.sleep(step.seconds)
            return None
        if isinstance(step, Authorize):  # on a thread of its own: whoever waits for the same token blocks
            return await asyncio.to_thread(self._tokens.obtain, step.grant, step.refused)
        try:
            return await self._pools.background().exchange(step.request, self._timeout)
        except SENDING_ERRORS as error:
            return failure_of(error, step.request)
        except BaseException as error:  # noqa: BLE001  # raised again, without the frames below
            raise error.with_traceback(None) from None
