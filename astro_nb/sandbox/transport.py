"""The sandbox's in-process door: a transport for httpx, without a socket."""

from __future__ import annotations

import asyncio
import gzip
import time
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING

import httpx

from ..messages import Request, header
from .engine import Served

if TYPE_CHECKING:
    from .sandbox import Sandbox


_PIECES = 10


class SandboxTransport(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Gives every request to a sandbox. Latency counts against the client's read timeout, as it would on the wire."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def __repr__(self) -> str:
        return f"<SandboxTransport to {self._sandbox!r}>"

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The sandbox's answer to a request of a sync client.

        Raises:
            httpx.TransportError: a fault said so.
        """
        served = self._sandbox.serve(_ours(request, request.read()))
        wait, late = _wait(request, served)
        if wait:
            time.sleep(wait)
        return _theirs(request, served, late)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The sandbox's answer to a request of an async client.

        Raises:
            httpx.TransportError: a fault said so.
        """
        served = self._sandbox.serve(_ours(request, await request.aread()))
        wait, late = _wait(request, served)
        if wait:
            await asyncio.sleep(wait)
        return _theirs(request, served, late)

    __call__ = handle_request
    """So that the door is a side effect for respx, too."""


class _Stream(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body that comes in pieces, and may break off."""

    def __init__(self, body: bytes, served: Served) -> None:
        self._body, self._served = body, served

    def __iter__(self) -> Iterator[bytes]:
        for piece, pause in self._pieces():
            time.sleep(pause)
            yield piece
        self._finish()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece, pause in self._pieces():
            await asyncio.sleep(pause)
            yield piece
        self._finish()

    def _pieces(self) -> Iterator[tuple[bytes, float]]:
        body, drip = self._body, self._served.drip
        if self._served.wire:
            yield body[: len(body) // 2], 0.0
        elif drip:
            size = max(1, -(-len(body) // _PIECES))
            yield from ((body[at : at + size], drip / _PIECES) for at in range(0, len(body), size))
        else:
            yield body, 0.0

    def _finish(self) -> None:
        problem = _BREAKS.get(self._served.wire)
        if problem:
            raise problem[0](problem[1])


_BREAKS: dict[str, tuple[type[httpx.TransportError], str]] = {
    "reset": (httpx.ReadError, "The sandbox broke the connection before the answer."),
    "reset_midway": (httpx.ReadError, "The sandbox broke the connection inside the answer."),
    "short": (httpx.RemoteProtocolError, "peer closed connection without sending complete message body"),
}


def _ours(request: httpx.Request, body: bytes) -> Request:
    headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers.raw)
    return Request(request.method, str(request.url), headers, body, secret=True)


def _wait(request: httpx.Request, served: Served) -> tuple[float, bool]:
    """Seconds to wait, and whether the client's patience ends before the answer comes."""
    patience = (request.extensions.get("timeout") or {}).get("read")
    if patience is None or served.latency <= patience:
        return served.latency, False
    return float(patience), True


def _theirs(request: httpx.Request, served: Served, late: bool) -> httpx.Response:
    if late:
        raise httpx.ReadTimeout("The sandbox was slower than the client's patience.", request=request)
    if served.wire == "reset":
        kind, text = _BREAKS["reset"]
        raise kind(text, request=request)
    ours = served.response
    body = gzip.compress(ours.body, 6) if header(ours.headers, "content-encoding") == "gzip" else ours.body
    headers = list(ours.headers)
    if ours.status != 204:
        headers.append(("Content-Length", str(len(body))))
    extensions = {"http_version": b"HTTP/1.1", "reason_phrase": ours.reason.encode()}
    return httpx.Response(
        ours.status, headers=headers, stream=_Stream(body, served), extensions=extensions, request=request
    )
