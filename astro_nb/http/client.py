"""The client: sends prepared requests, blocking or in the background, and fetches documents.

`request_flow` decides what to do next. Two short drivers do it: one blocks the cell that called it, the other runs on
the client's event loop. Connections stay open as long as the client lives, since opening one takes many times as long
as a request.
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
from .background import Running, current_stop, run_on_loop
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
from .transport import SENDING_ERRORS, Transports, failure_of

_MOST_DOCUMENT_REQUESTS = 5  # the document's and those of its redirects
_DOCUMENT_HEADERS = (("Accept", "*/*"), ("Accept-Encoding", "gzip, deflate"))

OnExchange = Callable[[Exchange], Exchange]
"""Called with the exchange when it is over, to store it; returns the stored one."""


class Client:
    """Sends prepared requests over connections that stay open.

    Args:
        timeout: seconds to "connect", and to "read" the next chunk of a response.
        retries: how often and how long to retry.
        transport: an httpx transport, sync and async, in place of the network.
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
            Stopped: the work that this is part of was cancelled; its attribute `exchange` likewise, if the request had
                begun.
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
        raise DocumentNotFound(
            f"There is no document at {url}: {_reason(result)}.", "Check the address, or save it as a file."
        )

    def bypass_proxy(self, base_url: str) -> None:
        """Reach a server, such as the embedded sandbox, without a proxy, whatever the environment says."""
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
        transport = self._transports.blocking()
        try:
            return transport.send(step.request, self._timeout)
        except SENDING_ERRORS as error:
            return failure_of(error, step.request)
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
        transport = self._transports.background()
        try:
            return await transport.send(step.request, self._timeout)
        except SENDING_ERRORS as error:
            return failure_of(error, step.request)
        except BaseException as error:  # noqa: BLE001  # raised again, without the frames below
            raise error.with_traceback(None) from None


def _reason(result: StepResult) -> str:
    """Return why there is no document."""
    if isinstance(result, Failure):
        return result.message.rstrip(".")
    if isinstance(result, Response) and result.status not in REDIRECTS:
        return f"the server responded with {result.status}"
    return "the server redirects in a circle"
