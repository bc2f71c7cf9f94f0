"""Ways out: one request goes out, and its whole answer comes back.

Connections of our own are httpcore's, on which httpx itself sends: what httpx does between takes longer than checking
and keeping the answer, and all of it is done here already. A transport that was given is httpx's, and is spoken to as
such. There is no answer larger than `LARGEST_ANSWER`, packed or unpacked.
"""

from __future__ import annotations

import contextlib
import re
import ssl
from collections.abc import AsyncIterable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Protocol
from urllib.parse import urlsplit

import httpcore
import httpx

from ..message import Request, Response, header
from ..wire import from_httpx, to_httpx
from .failures import LARGEST_ANSWER, TooLarge

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
