"""A real HTTP server on loopback whose responses come from a function."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from astro_nb.messages import Request, Response

Respond = Callable[[Request], Response]

POLL_INTERVAL = 0.01
"""Seconds until a server notices that it has to stop."""


def json_response(data: Any = None, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a JSON response; `headers` may replace its Content-Type."""
    fields = {"Content-Type": "application/json", **(headers or {})}
    return Response(status, tuple(fields.items()), json.dumps({} if data is None else data).encode())


class LocalServer(ThreadingHTTPServer):
    """An HTTP server on loopback, on a free port, for any method; a context manager.

    Attributes:
        respond: returns the response to a request, whose URL is the target as received (path and query); by default
            an empty JSON object. A test may set another function at any time.
        requests: the requests received, in order.
        url: the address, without a slash at its end.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, respond: Respond | None = None, host: str = "127.0.0.1") -> None:
        super().__init__((host, 0), _Handler)
        self.respond: Respond = respond or (lambda request: json_response())
        self.requests: list[Request] = []
        self.url = f"http://{host}:{self.server_port}"
        self._thread = threading.Thread(target=self.serve_forever, args=(POLL_INTERVAL,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.shutdown()
        self.server_close()
        self._thread.join()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore a connection that the client closes early, as one that cancels does."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: LocalServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each response waits for 40 ms

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        request = Request(self.command, self.path, tuple(self.headers.items()), body)
        self.server.requests.append(request)
        response = self.server.respond(request)
        self.send_response(response.status)
        for name, value in response.headers:
            self.send_header(name, value)
        if not any(name.lower() == "content-length" for name, _ in response.headers):
            self.send_header("Content-Length", str(len(response.body)))
        self.end_headers()
        self.wfile.write(response.body)

    do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_GET  # noqa: N815  # the names that http.server calls

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the name in http.server
        """Log nothing."""
