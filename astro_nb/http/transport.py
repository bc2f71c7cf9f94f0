"""Requests sent with httpx: one client for the calls that block, one for those in the background.

Rule 1: exactly the headers of the request go out. Redirects, cookies and authentication are not left to httpx.
Rule 2: a response larger than `LARGEST_RESPONSE`, compressed or not, is a failure.
Rule 3: proxies and certificates are those of the operating system's environment (HTTP_PROXY, HTTPS_PROXY, ALL_PROXY,
NO_PROXY, SSL_CERT_FILE, SSL_CERT_DIR), unless a transport is given.
Rule 4: no log line holds more of a request than its method and host.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
import os
import ssl
import threading
import urllib.request
from collections.abc import AsyncIterable, Iterable, Iterator, Mapping
from contextvars import ContextVar
from functools import lru_cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, cast
from urllib.parse import urlsplit

import httpx

from ..errors import SettingsError, UsageError
from ..exchange import Failure
from ..fork import renew_after_fork
from ..messages import Request, Response, origin_of
from .codings import ResponseTooLarge, decode
from .failures import (
    LARGEST_RESPONSE,
    SENDING_ERRORS,
    failure_of,
    find_other_scheme,
    needs_probe,
)

Timeout = Mapping[str, float]
"""Seconds to "connect", to "read" and to "write" a chunk, and to get a connection from the "pool"."""

_LIMITS = httpx.Limits(max_connections=32, max_keepalive_connections=16, keepalive_expiry=30.0)
_NO_AUTH = httpx.Auth()  # httpx would make a header of a user and password in the URL
_CLOSING_TIMEOUT = 2.0  # seconds
_RAW_HEADERS = "astro_nb.raw_headers"


# --- messages ---------------------------------------------------------------------------------------------------------


def to_httpx(request: Request, timeout: Timeout | None = None) -> httpx.Request:
    """Return a request as httpx's class, with exactly our headers, ready to be sent."""
    headers = [(k.encode("ascii", "replace"), v.encode("utf-8")) for k, v in request.headers]
    if request.body or request.method in ("POST", "PUT", "PATCH"):
        headers.append((b"Content-Length", str(len(request.body)).encode()))
    host = urlsplit(request.url).netloc.rpartition("@")[2].encode()
    converted = httpx.Request(
        request.method,
        request.url,
        headers=[(b"Host", host), *headers],
        stream=httpx.ByteStream(request.body),
        extensions={"timeout": dict(timeout)} if timeout else None,
    )
    converted.method = request.method  # httpx writes it in capitals, but methods are case-sensitive (RFC 9110, 9.1)
    return converted


def from_httpx(response: httpx.Response, received: bytes) -> Response:
    """Return a response of httpx as ours.

    Args:
        response: the response.
        received: its body as it was received: httpx decodes only the first member of gzip data, and takes a cut body
            for a whole one.

    Raises:
        CodingError: the body cannot be decoded.
        ResponseTooLarge: it has more than `LARGEST_RESPONSE` bytes when it is decoded.
    """
    raw = response.extensions.get(_RAW_HEADERS, response.headers.raw)
    headers = tuple((k.decode("ascii", "replace"), _header_text(v)) for k, v in raw)
    body, note = decode(received, headers, response.status_code, LARGEST_RESPONSE)
    reason = response.extensions.get("reason_phrase")
    text = _header_text(reason) if isinstance(reason, bytes) else response.reason_phrase
    return Response(response.status_code, headers, body, text, response.http_version, note=note)


def _header_text(value: bytes) -> str:
    """Return the value of a header field: UTF-8, else ISO-8859-1, as RFC 9110, section 5.5, has it of old."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("iso-8859-1")


def _hide_redirect(response: httpx.Response) -> None:
    """Take the Location away from httpx: it would read the address even if it follows none, and raise if it cannot."""
    if response.has_redirect_location:
        response.extensions[_RAW_HEADERS] = response.headers.raw
        del response.headers["location"]


async def _hide_redirect_async(response: httpx.Response) -> None:
    _hide_redirect(response)


def _join(chunks: Iterable[bytes]) -> bytes:
    parts, size = [], 0
    for chunk in chunks:
        size += len(chunk)
        _require_size(size)
        parts.append(chunk)
    return b"".join(parts)


async def _join_async(chunks: AsyncIterable[bytes]) -> bytes:
    parts, size = [], 0
    async for chunk in chunks:
        size += len(chunk)
        _require_size(size)
        parts.append(chunk)
    return b"".join(parts)


def _require_size(size: int) -> None:
    if size > LARGEST_RESPONSE:
        raise ResponseTooLarge(f"more than {LARGEST_RESPONSE} bytes")


# --- clients ----------------------------------------------------------------------------------------------------------


def _client_options(transport: Any, direct: Iterable[str]) -> dict[str, Any]:
    """Return the arguments of httpx's two classes of clients.

    Args:
        transport: what sends in place of the network; None for the network.
        direct: the base URLs that are reached without a proxy.
    """
    options: dict[str, Any] = {
        "follow_redirects": False,
        "cookies": CookieJar(DefaultCookiePolicy(allowed_domains=())),  # httpx would store the cookies of responses
    }
    if transport is not None:
        return {**options, "transport": transport}
    origins = {f"{parts.scheme}://{parts.netloc}": None for parts in map(urlsplit, direct)}
    verify = _ssl_context(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))
    return {**options, "trust_env": True, "limits": _LIMITS, "verify": verify, "mounts": origins}


@lru_cache(maxsize=4)
def _ssl_context(file: str | None, folder: str | None) -> ssl.SSLContext:
    """Return the context for the variables' present values. Loading the certificates takes longer than a request."""
    return httpx.create_ssl_context()


@contextlib.contextmanager
def _readable_settings() -> Iterator[None]:
    """Raise SettingsError if httpx cannot use the proxy or the certificates that the environment names."""
    try:
        yield
    except (httpx.InvalidURL, ValueError, ImportError, OSError) as error:
        raise SettingsError(
            f"The proxy or certificate settings of this computer cannot be used ({error}).",
            "Correct HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY, SSL_CERT_FILE or SSL_CERT_DIR.",
        ) from error


class BlockingTransport:
    """Sends a request and waits for the response."""

    def __init__(self, transport: httpx.BaseTransport | None, direct: Iterable[str] = ()) -> None:
        with _readable_settings():
            hooks = {"response": [_hide_redirect]}
            self._client = httpx.Client(**_client_options(transport, direct), event_hooks=hooks)
        self._is_ours = transport is None

    def send(self, request: Request, timeout: Timeout) -> Response:
        """Send a request and read the whole response."""
        with _short_logs():
            response = self._client.send(to_httpx(request, timeout), stream=True, auth=_NO_AUTH)
            with contextlib.closing(response):
                return from_httpx(response, _join(cast(Iterable[bytes], response.stream)))

    def close(self) -> None:
        """Close the connections. A transport that was given is left to its owner."""
        if self._is_ours:
            self._client.close()


class BackgroundTransport:
    """Sends requests on an event loop."""

    def __init__(self, transport: httpx.AsyncBaseTransport | None, direct: Iterable[str] = ()) -> None:
        with _readable_settings():
            hooks = {"response": [_hide_redirect_async]}
            self._client = httpx.AsyncClient(**_client_options(transport, direct), event_hooks=hooks)
        self._is_ours = transport is None

    async def send(self, request: Request, timeout: Timeout) -> Response:
        """Send a request and read the whole response."""
        with _short_logs():
            response = await self._client.send(to_httpx(request, timeout), stream=True, auth=_NO_AUTH)
            async with contextlib.aclosing(response):
                return from_httpx(response, await _join_async(cast(AsyncIterable[bytes], response.stream)))

    async def aclose(self) -> None:
        """Close the connections. A transport that was given is left to its owner."""
        if self._is_ours:
            await self._client.aclose()


class Transports:
    """The two transports of a client and the event loop of the second one, made when they are first needed.

    In a process that was forked, all of them are made anew: connections and threads are those of the parent.

    Args:
        transport: an httpx transport in place of the network. One that is only sync is run on threads for what is sent
            in the background; one that is only async is run on the event loop for what blocks.

    Raises:
        UsageError: it is no transport of httpx.
    """

    def __init__(self, transport: Any = None) -> None:
        self._given = transport
        self._can_block, self._can_await = (True, True) if transport is None else _abilities(transport)
        if not self._can_block and not self._can_await:
            what = f"transport={type(transport).__name__} is no transport of httpx."
            raise UsageError(what, "Give an httpx.BaseTransport or an httpx.AsyncBaseTransport, or leave it out.")
        self._direct: set[str] = set()
        self._answering: set[str] = set()  # origins that speak the scheme of their URL
        self._other_schemes: dict[str, str] = {}
        self._start()
        renew_after_fork(self._start)

    def _start(self) -> None:
        """Begin without connections, loop and thread; in a child, those of the parent are left alone."""
        self._lock = threading.Lock()
        self._blocking: BlockingTransport | None = None
        self._background: BackgroundTransport | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def bypass_proxy(self, base_url: str) -> None:
        """Reach a server without a proxy, whatever the environment declares; to be called before it is first used."""
        with self._lock:
            self._direct.add(base_url)
            self._answering.add(origin_of(base_url))
            blocking, self._blocking = self._blocking, None
        if blocking is not None:
            blocking.close()

    def send(self, request: Request, timeout: Timeout) -> Response:
        """Send a request and wait for the response.

        Raises:
            SettingsError: the proxy or the certificates that the environment names cannot be used.
        """
        if not self._can_block:
            work = self.send_in_background(request, timeout)
            return asyncio.run_coroutine_threadsafe(work, self.loop()).result()
        response = self._blocking_transport().send(request, timeout)
        self._answering.add(origin_of(request.url))
        return response

    async def send_in_background(self, request: Request, timeout: Timeout) -> Response:
        """Send a request; to be awaited on the loop's thread only. Raises as `send` does."""
        if not self._can_await:
            return await asyncio.to_thread(self._blocking_transport().send, request, timeout)
        if self._background is None:
            self._background = BackgroundTransport(self._given, self._direct)
        response = await self._background.send(request, timeout)
        self._answering.add(origin_of(request.url))
        return response

    def explain(self, error: Exception, request: Request) -> Failure:
        """Return the failure that an exception means. To tell its cause, one connection may be opened."""
        if self._given is not None:
            return failure_of(error, request)
        origin, proxy = origin_of(request.url), self._proxy_for(request)
        if proxy or origin in self._answering or not needs_probe(error, origin.partition(":")[0]):
            return failure_of(error, request, proxy)
        if origin not in self._other_schemes:
            self._other_schemes[origin] = find_other_scheme(request)
        return failure_of(error, request, other_scheme=self._other_schemes[origin])

    def _proxy_for(self, request: Request) -> str:
        """Return the proxy of a request, without user and password; empty if there is none."""
        origin, proxies = origin_of(request.url), urllib.request.getproxies()
        scheme, _, host = origin.partition("://")
        proxy = proxies.get(scheme) or proxies.get("all") or ""
        if not proxy or origin in map(origin_of, self._direct) or urllib.request.proxy_bypass(host):
            return ""
        return origin_of(proxy if "://" in proxy else f"http://{proxy}").partition("://")[2]

    def _blocking_transport(self) -> BlockingTransport:
        with self._lock:
            if self._blocking is None:
                self._blocking = BlockingTransport(self._given, self._direct)
            return self._blocking

    def loop(self) -> asyncio.AbstractEventLoop:
        """Return the event loop, running on a daemon thread of its own."""
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=self._loop.run_forever, name="astro_nb-client", daemon=True)
                self._thread.start()
            return self._loop

    def close(self) -> None:
        """Cancel what is running, close the connections and end the thread; safe to call twice."""
        with self._lock:
            loop, self._loop = self._loop, None
            thread, self._thread = self._thread, None
            blocking, self._blocking = self._blocking, None
            background, self._background = self._background, None
        if loop is not None:
            with contextlib.suppress(*SENDING_ERRORS, TimeoutError):  # there is no one to report it to
                asyncio.run_coroutine_threadsafe(_end(background), loop).result(_CLOSING_TIMEOUT)
            loop.call_soon_threadsafe(loop.stop)
            if thread is not None and thread is not threading.current_thread():
                thread.join(_CLOSING_TIMEOUT)  # until it ends, its frames hold what was sent
        if blocking is not None:
            blocking.close()


def _abilities(transport: Any) -> tuple[bool, bool]:
    """Return whether a transport can be called, and whether it can be awaited."""
    if isinstance(transport, type):
        return False, False
    handler = getattr(transport, "handler", None)
    if isinstance(transport, httpx.MockTransport) and inspect.iscoroutinefunction(handler):
        return False, True
    methods = ("handle_request", "handle_async_request")
    can_block, can_await = (callable(getattr(transport, name, None)) for name in methods)
    return can_block, can_await


async def _end(transport: BackgroundTransport | None) -> None:
    """Cancel every task of the loop, so that those who wait for one get its result, and close the transport."""
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=_CLOSING_TIMEOUT / 2)
    if transport is not None:
        await transport.aclose()


# --- logs -------------------------------------------------------------------------------------------------------------

_is_sending: ContextVar[bool] = ContextVar("is_sending", default=False)
"""Whether a request of ours is being sent here: the log lines of other users of httpx are not changed."""


@contextlib.contextmanager
def _short_logs() -> Iterator[None]:
    before = _is_sending.set(True)
    try:
        yield
    finally:
        _is_sending.reset(before)


class _WithoutHeaders(logging.Filter):
    """Cuts response headers from httpcore's DEBUG lines: cookies are secrets, and a server may echo a token."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.msg, str) and "headers.complete" in record.msg:
            record.msg = record.msg.partition(" return_value=")[0]
        return True


class _WithoutPath(logging.Filter):
    """Cuts path, query and user from the URL in httpx's INFO lines: each of them may hold a secret."""

    def filter(self, record: logging.LogRecord) -> bool:
        if _is_sending.get() and isinstance(record.args, tuple):
            record.args = tuple(
                f"{part.scheme}://{part.netloc.decode('ascii')}" if isinstance(part, httpx.URL) else part
                for part in record.args
            )
        return True


for _name in ("httpcore.http11", "httpcore.http2", "httpcore.proxy"):
    logging.getLogger(_name).addFilter(_WithoutHeaders())
logging.getLogger("httpx").addFilter(_WithoutPath())
