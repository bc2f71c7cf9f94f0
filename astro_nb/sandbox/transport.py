"""The in-process front end of the sandbox: a transport for httpx, without a socket."""

from __future__ import annotations

import asyncio
import gzip
import time
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING

import httpx

from ..messages import Request, header
from .engine import PIECES, Served, split_body

if TYPE_CHECKING:
    from .sandbox import Sandbox


class SandboxTransport(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Hands every request to a sandbox. Latency counts against the client's read timeout, as over a socket."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def __repr__(self) -> str:
        return f"<SandboxTransport to {self._sandbox!r}>"

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Return the response to a request of a sync client.

        Raises:
            httpx.TransportError: a fault broke the connection.
        """
        served = self._sandbox.serve(_to_request(request, request.read()))
        wait, late = _wait(request, served)
        if wait:
            time.sleep(wait)
        return _to_httpx(request, served, late)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Return the response to a request of an async client.

        Raises:
            httpx.TransportError: a fault broke the connection.
        """
        served = self._sandbox.serve(_to_request(request, await request.aread()))
        wait, late = _wait(request, served)
        if wait:
            await asyncio.sleep(wait)
        return _to_httpx(request, served, late)

    __call__ = handle_request
    """The transport is a side effect for respx, too."""


class _Stream(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body that arrives in pieces, and may break off."""

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
        if self._served.broken:
            yield body[: len(body) // 2], 0.0
        elif drip:
            yield from ((piece, drip / PIECES) for piece in split_body(body))
        else:
            yield body, 0.0

    def _finish(self) -> None:
        problem = _ERRORS.get(self._served.broken)
        if problem:
            raise problem[0](problem[1])


_ERRORS: dict[str, tuple[type[httpx.TransportError], str]] = {
    "reset": (httpx.ReadError, "A fault of the sandbox reset the connection before the response."),
    "reset_midway": (httpx.ReadError, "A fault of the sandbox reset the connection inside the response."),
    "short": (httpx.RemoteProtocolError, "peer closed connection without sending complete message body"),
}


def _to_request(request: httpx.Request, body: bytes) -> Request:
    headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers.raw)
    return Request(request.method, str(request.url), headers, body, secret=True)


def _wait(request: httpx.Request, served: Served) -> tuple[float, bool]:
    """Return the seconds to wait, and whether the client's read timeout ends before the response comes."""
    timeout = (request.extensions.get("timeout") or {}).get("read")
    if timeout is None or served.latency <= timeout:
        return served.latency, False
    return float(timeout), True


def _to_httpx(request: httpx.Request, served: Served, late: bool) -> httpx.Response:
    if late:
        raise httpx.ReadTimeout("The sandbox took longer than the read timeout.", request=request)
    if served.broken == "reset":
        error, text = _ERRORS["reset"]
        raise error(text, request=request)
    response = served.response
    is_gzip = header(response.headers, "content-encoding") == "gzip"
    body = gzip.compress(response.body, 6) if is_gzip else response.body
    headers = list(response.headers)
    if response.status != 204:
        headers.append(("Content-Length", str(len(body))))
    extensions = {"http_version": b"HTTP/1.1", "reason_phrase": response.reason.encode()}
    return httpx.Response(
        response.status, headers=headers, stream=_Stream(body, served), extensions=extensions, request=request
    )
