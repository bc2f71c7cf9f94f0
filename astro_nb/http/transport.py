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
import logging
import os
import ssl
import threading
from collections.abc import AsyncIterable, Iterable, Iterator, Mapping
from contextvars import ContextVar
from functools import lru_cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any
from urllib.parse import urlsplit

import httpx

from ..errors import SettingsError
from ..exchange import Failure
from ..messages import Request, Response

LARGEST_RESPONSE = 256 * 1024 * 1024
"""The most bytes of a response that are read."""

Timeout = Mapping[str, float]
"""Seconds to "connect", to "read" and to "write" a chunk, and to get a connection from the "pool"."""

_LIMITS = httpx.Limits(max_connections=32, max_keepalive_connections=16, keepalive_expiry=30.0)
_NO_AUTH = httpx.Auth()  # httpx would make a header of a user and password in the URL
_CLOSING_TIMEOUT = 2.0  # seconds
_RAW_HEADERS = "astro_nb.raw_headers"


class ResponseTooLarge(Exception):
    """The response has more than `LARGEST_RESPONSE` bytes."""


SENDING_ERRORS = (
    *(httpx.HTTPError, httpx.InvalidURL, OSError, ValueError, OverflowError, ExceptionGroup, ResponseTooLarge),
)
"""Every exception that sending a request can raise."""

_FAILURES: tuple[tuple[type[Exception], str, str, str], ...] = (
    (httpx.ConnectTimeout, "connect", "The network or the server.", "Check the base URL and your network."),
    (
        httpx.ConnectError,
        "connect",
        "The network, or the base URL.",
        "Check that the server runs and that the base URL is right.",
    ),
    (
        httpx.ProxyError,
        "connect",
        "The proxy of this computer.",
        "Check HTTP_PROXY and HTTPS_PROXY, or name the host in NO_PROXY.",
    ),
    (httpx.PoolTimeout, "timeout", "Too many requests are sent at once.", "Send fewer requests at a time."),
    (
        httpx.TimeoutException,
        "timeout",
        "The server is slow.",
        "Try again, or raise `timeout` in the environment.",
    ),
    (
        httpx.DecodingError,
        "broken",
        "The server.",
        "Tell its operators: the body does not have the encoding that its headers declare.",
    ),
    (httpx.UnsupportedProtocol, "invalid", "The base URL.", "Use http:// or https://."),
    (httpx.LocalProtocolError, "invalid", "The request.", "Check its headers for unusual characters."),
    (
        httpx.TransportError,
        "broken",
        "The server or the network.",
        "Check whether the request was carried out before you send it again.",
    ),
    (ssl.SSLError, "connect", "The server's certificate.", "Check the base URL; ask its operators."),
    (OSError, "broken", "The network.", "Try again."),
    (ResponseTooLarge, "too large", "The response.", "Ask for fewer items at once."),
)
"""For each exception: the kind of failure, whose fault it is, what to do. The first row that matches counts."""

_MESSAGES = {
    "connect": "No connection to {host} could be made",
    "timeout": "{host} did not respond in time",
    "broken": "The connection to {host} broke before the response was complete",
    "invalid": "The request to {host} cannot be sent as it is",
    "too large": f"The response of {{host}} is larger than {LARGEST_RESPONSE // 1_000_000} MB",
}


def failure_of(error: Exception, request: Request) -> Failure:
    """Return the failure that an exception means. It holds neither the path nor headers nor the body of the request."""
    for exception, kind, fault, todo in _FAILURES:
        if isinstance(error, exception):
            detail = f" ({error})" if kind == "connect" and str(error) else ""
            return Failure(kind, _MESSAGES[kind].format(host=_host(request)) + detail + ".", fault, todo)
    message = f"The request cannot be sent: {type(error).__name__}."
    return Failure("invalid", message, "The request is malformed.", "Check the URL and the headers.")


def _host(request: Request) -> str:
    return urlsplit(request.url).netloc.rpartition("@")[2] or "the server"


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


def from_httpx(response: httpx.Response, body: bytes) -> Response:
    """Return a response of httpx, whose body has been read, as ours."""
    raw = response.extensions.get(_RAW_HEADERS, response.headers.raw)
    headers = tuple((k.decode("ascii", "replace"), v.decode("utf-8", "replace")) for k, v in raw)
    return Response(response.status_code, headers, body, response.reason_phrase, response.http_version)


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
                return from_httpx(response, _join(response.iter_bytes()))

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
                return from_httpx(response, await _join_async(response.aiter_bytes()))

    async def aclose(self) -> None:
        """Close the connections. A transport that was given is left to its owner."""
        if self._is_ours:
            await self._client.aclose()


class Transports:
    """The two transports of a client and the event loop of the second one, made when they are first needed.

    Args:
        transport: an httpx transport, sync and async, in place of the network.
    """

    def __init__(self, transport: Any = None) -> None:
        self._given = transport
        self._direct: set[str] = set()
        self._lock = threading.Lock()
        self._blocking: BlockingTransport | None = None
        self._background: BackgroundTransport | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def bypass_proxy(self, base_url: str) -> None:
        """Reach a server without a proxy, whatever the environment declares; to be called before it is first used."""
        with self._lock:
            self._direct.add(base_url)
            blocking, self._blocking = self._blocking, None
        if blocking is not None:
            blocking.close()

    def blocking(self) -> BlockingTransport:
        """Return the transport for calls that wait.

        Raises:
            SettingsError: the proxy or the certificates that the environment names cannot be used.
        """
        with self._lock:
            if self._blocking is None:
                self._blocking = BlockingTransport(self._given, self._direct)
            return self._blocking

    def background(self) -> BackgroundTransport:
        """Return the transport of the loop; to be called on the loop's thread only. Raises as `blocking` does."""
        if self._background is None:
            self._background = BackgroundTransport(self._given, self._direct)
        return self._background

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
