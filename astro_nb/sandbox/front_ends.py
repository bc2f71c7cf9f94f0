"""The front ends of the sandbox: a transport for httpx without a socket, and a real server on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import socket
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import httpx

from ..errors import SettingsError
from ..messages import Headers, Request, Response, header
from .controls import control_response, is_control
from .engine import PIECES, Served, split_body
from .responses import text_response

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


_MOST_BYTES = 32 * 1024 * 1024
"""A larger request body is refused with 413 before it is read."""


class Server:
    """One listening socket on 127.0.0.1, served by daemon threads of its own."""

    def __init__(self, sandbox: Sandbox, port: int = 0) -> None:
        try:
            self._http = _Listener(("127.0.0.1", port), _Handler)
        except OSError as error:
            raise SettingsError(
                f"The sandbox cannot listen on port {port} ({error.strerror}).", "Leave the port out to get a free one."
            ) from error
        self._http.sandbox = sandbox
        self._thread = threading.Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, name="astro-nb sandbox", daemon=True
        )
        self._thread.start()

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    @property
    def connections(self) -> int:
        """The connections accepted so far."""
        return self._http.accepted

    def close(self) -> None:
        """Close the port and every connection, and wait until all threads have ended."""
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


class _Listener(ThreadingHTTPServer):
    """A threading server that knows its connections, so that it can close them."""

    daemon_threads = True
    request_queue_size = 128
    sandbox: Sandbox

    def __init__(self, *args: Any) -> None:
        self.accepted = 0
        self._open: dict[threading.Thread, socket.socket] = {}
        self._connections_lock = threading.Lock()
        self.closing = threading.Event()  # ends the wait of responses that are late
        super().__init__(*args)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve one connection on its own thread."""
        thread = threading.Thread(
            target=self._serve, args=(request, client_address), name="astro-nb sandbox connection", daemon=True
        )
        with self._connections_lock:
            self.accepted += 1
            self._open[thread] = request
        thread.start()

    def _serve(self, request: Any, client_address: Any) -> None:
        try:
            self.process_request_thread(request, client_address)
        finally:
            with self._connections_lock:
                self._open.pop(threading.current_thread(), None)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore a client that disconnects; print the traceback of any other error."""
        if not isinstance(sys.exc_info()[1], ConnectionError | TimeoutError):
            super().handle_error(request, client_address)

    def server_close(self) -> None:
        """Close the port, then every connection, and wait for their threads."""
        super().server_close()
        self.closing.set()
        with self._connections_lock:
            connections = list(self._open.items())
        for thread, connection in connections:
            _shut(connection)
            if thread is not threading.current_thread():
                thread.join(timeout=5)


class _Handler(BaseHTTPRequestHandler):
    """One connection: request after request, each response in one write."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    rbufsize = 65_536
    server: _Listener

    def respond(self) -> None:
        """Read a request, hand it to the sandbox, and write the response."""
        request = self._read()
        if request is None:
            return
        if is_control(self.server.sandbox, self.path):
            self._write(Served(control_response(self.server.sandbox, request)))
            return
        served = self.server.sandbox.serve(request)
        if served.latency:
            self.server.closing.wait(served.latency)
        self._write(served)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = do_TRACE = do_QUERY = respond  # noqa: N815  # http.server looks these names up

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the name is http.server's
        """Print nothing: requests are in the sandbox's log."""

    def _read(self) -> Request | None:
        headers: Headers = tuple((str(k), str(v)) for k, v in self.headers.items())
        length = header(headers, "content-length", "0")
        if header(headers, "transfer-encoding").lower() == "chunked":
            body = self._chunks()
        elif not length.isdigit():
            body = None
        else:
            body = self.rfile.read(int(length)) if int(length) <= _MOST_BYTES else None
        if body is None:
            self.close_connection = True
            is_too_large = length.isdigit() and int(length) > _MOST_BYTES
            status, text = (413, "the body is too large") if is_too_large else (400, "the body cannot be read")
            self._write(Served(text_response(status, text)))
            return None
        host = header(headers, "host") or f"127.0.0.1:{self.server.server_address[1]}"
        url = self.path if self.path.startswith("http") else f"http://{host}{self.path}"
        return Request(self.command, url, headers, body, secret=True)

    def _chunks(self) -> bytes | None:
        """Return a chunked body (RFC 9112, section 7.1); None if it is malformed or too large."""
        chunks, total = [], 0
        while size := _chunk_size(self.rfile.readline(100)):
            total += size
            if size < 0 or total > _MOST_BYTES:
                return None
            chunks.append(self.rfile.read(size))
            self.rfile.readline(4)
        while self.rfile.readline(65_536).strip():
            pass  # trailers are not used
        return b"".join(chunks)

    def _write(self, served: Served) -> None:
        if served.broken == "reset":
            self._close(reset=True)
            return
        head, body = self._encode(served.response)
        if served.broken in ("reset_midway", "short"):
            self.wfile.write(head + body[: len(body) // 2])
            self._close(reset=served.broken == "reset_midway")
        elif served.drip:
            self.wfile.write(head)
            for piece in split_body(body):
                self.server.closing.wait(served.drip / PIECES)
                self.wfile.write(piece)
        else:
            self.wfile.write(head + body)

    def _encode(self, response: Response) -> tuple[bytes, bytes]:
        """Return head and body as bytes; the body in gzip if `Content-Encoding` is gzip."""
        body = (
            gzip.compress(response.body, 6) if header(response.headers, "content-encoding") == "gzip" else response.body
        )
        extra: Headers = (("Date", self.date_time_string()), ("Server", "astro-nb-sandbox"))
        if response.status not in (204, 304) and response.status >= 200:
            extra = (*extra, ("Content-Length", str(len(body))))
        if self.close_connection:
            extra = (*extra, ("Connection", "close"))
        lines = [f"HTTP/1.1 {response.status} {response.reason}"]
        lines += [f"{name}: {value}" for name, value in (*response.headers, *extra)]
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", errors="replace")
        return head, b"" if self.command == "HEAD" or response.status == 204 else body

    def _close(self, reset: bool) -> None:
        """Close the connection, with a TCP reset or in good order."""
        self.close_connection = True
        if reset:
            linger = (1).to_bytes(4, "little") + (0).to_bytes(4, "little")
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.connection.close()
        else:
            _shut(self.connection)


def _chunk_size(line: bytes) -> int:
    """Return the size in the first line of a chunk; -1 if there is none."""
    try:
        return int(line.split(b";")[0], 16)
    except ValueError:
        return -1


def _shut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):  # it may have been closed from the other side
        connection.shutdown(socket.SHUT_RDWR)
