"""What an exception of the transport means, in words: what happened, whose fault it is, what to do.

Ways out: one request goes out, and its whole answer comes back.

Connections of our own are httpcore's, on which httpx itself sends: what httpx does between takes longer than checking
and keeping the answer, and all of it is done here already. A transport that was given is httpx's, and is spoken to as
such. There is no answer larger than `LARGEST_ANSWER`, packed or unpacked.

The connections of a client, made when they are first needed and kept until it is closed.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import ssl
import threading
from collections.abc import AsyncIterable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Protocol
from urllib.parse import urlsplit

import httpcore
import httpx

from ..exchange import Failure
from ..messages import Request, Response, header

LARGEST_ANSWER = 256 * 1024 * 1024
"""Bytes of an answer that are read; a larger one is a failure that says so."""


class TooLarge(Exception):
    """An answer that is larger than is read."""


_BENEATH = (
    httpcore.TimeoutException,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.ProxyError,
    httpcore.UnsupportedProtocol,
)
"""What connections raise that httpx does not stand before."""

SENDING_ERRORS = (
    *(httpx.HTTPError, httpx.InvalidURL, OSError, ValueError, OverflowError, ExceptionGroup, TooLarge),
    *_BENEATH,
)
"""Everything that sending can raise."""

_SERVER = "The network, or the base URL."
_LOOK_FIRST = "Look whether it was carried out before you send again."

_FAILURES: tuple[tuple[type[Exception], str, str, str], ...] = (
    (
        httpx.ConnectTimeout,
        "connect",
        "The network or the server.",
        "Check the base URL and your network.",
    ),
    (
        httpx.ConnectError,
        "connect",
        _SERVER,
        "Check that the server runs and that the base URL is right.",
    ),
    (
        httpx.PoolTimeout,
        "timeout",
        "Too much is sent at once.",
        "Send fewer requests at a time.",
    ),
    (
        httpx.TimeoutException,
        "timeout",
        "The server is slow.",
        "Try again, or raise `timeout` of the environment.",
    ),
    (httpx.DecodingError, "broken", "The server.", "Tell its operators: the body is not coded as it says."),
    (httpx.UnsupportedProtocol, "invalid", "The base URL.", "Use http:// or https://."),
    (
        httpx.LocalProtocolError,
        "invalid",
        "The request.",
        "Look for odd characters in its headers.",
    ),
    (httpx.TransportError, "broken", "The server or the network.", _LOOK_FIRST),
    (ssl.SSLError, "connect", "The server's certificate.", "Check the base URL; ask its operators."),
    (OSError, "broken", "The network.", "Try again."),
    (TooLarge, "too large", "The answer.", "Ask for fewer items at once."),
)

_MESSAGES = {
    "connect": "No connection to {host} could be made",
    "timeout": "{host} did not answer in time",
    "broken": "The connection to {host} broke before the answer was complete",
    "invalid": "The request to {host} cannot be sent as it is",
    "too large": f"The answer of {{host}} is larger than {LARGEST_ANSWER // 1_000_000} MB",
}


def failure_of(error: Exception, request: Request) -> Failure:
    """The failure that an exception means; the request's path, headers and body are never part of it."""
    came = _as_httpx(error)
    for kind, name, fault, todo in _FAILURES:
        if issubclass(came, kind):
            detail = f" ({error})" if name == "connect" and str(error) else ""
            return Failure(name, _MESSAGES[name].format(host=_host(request)) + detail + ".", fault, todo)
    told = f"The request cannot be sent: {type(error).__name__}."
    return Failure("invalid", told, "The request is malformed.", "Check the URL and the headers.")


def _as_httpx(error: Exception) -> type[Exception]:
    """The kind of an error, in httpx's classes: httpcore's have the same names."""
    kind = type(error)
    return getattr(httpx, kind.__name__, kind) if isinstance(error, _BENEATH) else kind


def _host(request: Request) -> str:
    return urlsplit(request.url).netloc.rpartition("@")[2] or "the server"


def to_httpx(request: Request) -> httpx.Request:
    """Return a request as httpx's class, ready for a transport."""
    headers = [(k.encode("ascii", "replace"), v.encode("utf-8")) for k, v in request.headers]
    if request.body or request.method in ("POST", "PUT", "PATCH"):
        headers.append((b"Content-Length", str(len(request.body)).encode()))
    host = urlsplit(request.url).netloc.rpartition("@")[2].encode()
    converted = httpx.Request(
        request.method, request.url, headers=[(b"Host", host), *headers], stream=httpx.ByteStream(request.body)
    )
    converted.method = request.method  # httpx writes it in capitals, but methods are case-sensitive (RFC 9110, 9.1)
    return converted


def from_httpx(response: httpx.Response, body: bytes) -> Response:
    """Return a response of httpx, whose body has been read, as ours."""
    headers = tuple((k.decode("ascii", "replace"), v.decode("utf-8", "replace")) for k, v in response.headers.raw)
    return Response(response.status_code, headers, body, response.reason_phrase, response.http_version)


Timeout = Mapping[str, float]
"""Seconds to "connect", to "read" and "write" a piece, and to get a connection of the "pool"."""

_MOST, _KEPT, _EXPIRY = 32, 16, 30.0
"""Connections at once, connections that are kept, and the seconds for which they are."""
_PLAIN = re.compile(
    r"(https?)://([a-z0-9.-]+)(?::(\d{1,5}))?(/(?:[A-Za-z0-9_~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2}|(?<!/)\.)*)", re.ASCII
)
"""An address that is as it is sent: nothing to encode in it, and no step such as `/../`."""
_PIECE = 65_536


class Door(Protocol):
    """Waits for the answer."""

    def exchange(self, request: Request, timeout: Timeout) -> Response: ...

    def close(self) -> None: ...


class AsyncDoor(Protocol):
    """Lets others go on meanwhile."""

    async def exchange(self, request: Request, timeout: Timeout) -> Response: ...

    async def aclose(self) -> None: ...


class Connections:
    """Pooled connections of our own."""

    def __init__(self) -> None:
        self._pool = httpcore.ConnectionPool(
            _tls(), max_connections=_MOST, max_keepalive_connections=_KEPT, keepalive_expiry=_EXPIRY
        )

    def exchange(self, request: Request, timeout: Timeout) -> Response:
        """Send a request, and read its answer."""
        answer = self._pool.handle_request(_outgoing(request, timeout))
        try:
            return _incoming(answer, _whole(_iterable(answer.stream)))
        finally:
            answer.close()

    def close(self) -> None:
        """Close them all."""
        self._pool.close()


class AsyncConnections:
    """Pooled connections of our own, on a loop."""

    def __init__(self) -> None:
        self._pool = httpcore.AsyncConnectionPool(
            _tls(), max_connections=_MOST, max_keepalive_connections=_KEPT, keepalive_expiry=_EXPIRY
        )

    async def exchange(self, request: Request, timeout: Timeout) -> Response:
        """Send a request, and read its answer."""
        answer = await self._pool.handle_async_request(_outgoing(request, timeout))
        try:
            return _incoming(answer, await _whole_async(answer.stream))
        finally:
            await answer.aclose()

    async def aclose(self) -> None:
        """Close them all."""
        await self._pool.aclose()


class Given:
    """A transport that was given; it is its owner who closes it."""

    def __init__(self, transport: httpx.BaseTransport) -> None:
        self._transport = transport

    def exchange(self, request: Request, timeout: Timeout) -> Response:
        """Send a request, and read its answer."""
        made = to_httpx(request)
        made.extensions = {"timeout": dict(timeout)}
        with contextlib.closing(self._transport.handle_request(made)) as answer:
            return from_httpx(answer, _whole(answer.iter_bytes()))

    def close(self) -> None:
        """Nothing."""


class AsyncGiven:
    """The same on a loop."""

    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        self._transport = transport

    async def exchange(self, request: Request, timeout: Timeout) -> Response:
        """Send a request, and read its answer."""
        made = to_httpx(request)
        made.extensions = {"timeout": dict(timeout)}
        async with contextlib.aclosing(await self._transport.handle_async_request(made)) as answer:
            return from_httpx(answer, await _whole_async(answer.aiter_bytes()))

    async def aclose(self) -> None:
        """Nothing."""


def _outgoing(request: Request, timeout: Timeout) -> httpcore.Request:
    url, host = _target(request.url)
    headers = [(b"Host", host), *((k.encode("ascii", "replace"), v.encode()) for k, v in request.headers)]
    if request.body or request.method in ("POST", "PUT", "PATCH"):
        headers.append((b"Content-Length", b"%d" % len(request.body)))
    return httpcore.Request(
        request.method, url, headers=headers, content=request.body, extensions={"timeout": dict(timeout)}
    )


def _target(address: str) -> tuple[httpcore.URL, bytes]:
    """Where a request goes, and what its Host header says; an address that is not plain is read by httpx."""
    plain = _PLAIN.fullmatch(address)
    if plain is None:
        url, host = httpx.URL(address), urlsplit(address).netloc.rpartition("@")[2]
        return httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path), host.encode()
    scheme, name, port, target = plain.groups()
    at = httpcore.URL(scheme=scheme, host=name, port=int(port) if port else None, target=target)
    return at, (f"{name}:{port}" if port else name).encode()


def _incoming(answer: httpcore.Response, raw: bytes) -> Response:
    headers = tuple((k.decode("ascii", "replace"), v.decode("utf-8", "replace")) for k, v in answer.headers)
    told = answer.extensions
    body = _unpacked(answer, raw) if raw and header(headers, "content-encoding") else raw
    reason, version = told.get("reason_phrase", b""), told.get("http_version", b"HTTP/1.1")
    return Response(answer.status, headers, body, reason.decode("ascii", "replace"), version.decode("ascii", "replace"))


class _Pieces(httpx.SyncByteStream):
    """Bytes in pieces, so that what unpacks to very much is noticed before it is all there."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw

    def __iter__(self) -> Iterator[bytes]:
        return (self._raw[at : at + _PIECE] for at in range(0, len(self._raw), _PIECE))


def _unpacked(answer: httpcore.Response, raw: bytes) -> bytes:
    """The body out of its content coding (RFC 9110, section 8.4).

    Raises:
        httpx.DecodingError: it is not coded as its headers say.
    """
    return _whole(httpx.Response(answer.status, headers=answer.headers, stream=_Pieces(raw)).iter_bytes())


def _iterable(stream: Any) -> Iterable[bytes]:
    return stream  # type: ignore[no-any-return]  # httpcore says that it may be either kind; this is a pool that waits


def _whole(chunks: Iterable[bytes]) -> bytes:
    parts, size = [], 0
    for chunk in chunks:
        size += len(chunk)
        _check_size(size)
        parts.append(chunk)
    return parts[0] if len(parts) == 1 else b"".join(parts)


async def _whole_async(chunks: AsyncIterable[bytes] | Any) -> bytes:
    parts, size = [], 0
    async for chunk in chunks:
        size += len(chunk)
        _check_size(size)
        parts.append(chunk)
    return b"".join(parts)


def _check_size(size: int) -> None:
    if size > LARGEST_ANSWER:
        raise TooLarge(f"more than {LARGEST_ANSWER} bytes")


@lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    """One TLS context for the process: loading the certificates takes longer than a request."""
    return httpx.create_ssl_context()


class _WithoutHeaders(logging.Filter):
    """httpcore logs the headers of answers at DEBUG: a server may echo a token there, and cookies are secrets too."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Cut what the headers are; that they came is still told."""
        if isinstance(record.msg, str) and "headers.complete" in record.msg:
            record.msg = record.msg.partition(" return_value=")[0]
        return True


_LAST = 2.0  # seconds that closing may take

for _name in ("httpcore.http11", "httpcore.http2", "httpcore.proxy"):
    logging.getLogger(_name).addFilter(_WithoutHeaders())


class Pools:
    """Two doors, one for each driver, and the loop on which the second one lives."""

    def __init__(self, given: Any = None) -> None:
        self._given = given
        self._lock = threading.Lock()
        self._blocking: Door | None = None
        self._background: AsyncDoor | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def blocking(self) -> Door:
        """The door for whoever waits."""
        with self._lock:
            if self._blocking is None:
                self._blocking = Connections() if self._given is None else Given(self._given)
            return self._blocking

    def background(self) -> AsyncDoor:
        """The door of the loop; asked for on the loop's thread alone."""
        if self._background is None:
            self._background = AsyncConnections() if self._given is None else AsyncGiven(self._given)
        return self._background

    def loop(self) -> asyncio.AbstractEventLoop:
        """The running loop, on a daemon thread of its own."""
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=self._loop.run_forever, name="astro_nb-client", daemon=True)
                self._thread.start()
            return self._loop

    def close(self) -> None:
        """End what is under way, close what was made here, and end the thread; safe to call twice."""
        with self._lock:
            loop, self._loop = self._loop, None
            thread, self._thread = self._thread, None
            blocking, self._blocking = self._blocking, None
            background, self._background = self._background, None
        if loop is not None:
            with contextlib.suppress(*SENDING_ERRORS, TimeoutError):  # nobody is left to tell
                asyncio.run_coroutine_threadsafe(_ended(background), loop).result(_LAST)
            loop.call_soon_threadsafe(loop.stop)
            if thread is not None and thread is not threading.current_thread():
                thread.join(_LAST)  # what it sent is held by it until it ends
        if blocking is not None:
            blocking.close()


async def _ended(door: AsyncDoor | None) -> None:
    """Cancel every task of the loop, so that whoever waits for one is told, and close the door."""
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=_LAST / 2)
    if door is not None:
        await door.aclose()
