"""The sandbox: one function from a request to a response, its front ends, and what can be changed while it runs."""

from __future__ import annotations

import atexit
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ..fork import renew_after_fork
from ..messages import Request, Response
from ..openapi import Spec, load
from .behavior import Behavior
from .clock import Clock
from .engine import Engine, Served
from .faults import Faults

if TYPE_CHECKING:
    from .front_ends import SandboxTransport, Server

_LOG_LENGTH = 1000


@dataclass(frozen=True)
class LoggedRequest:
    """A request that the sandbox has handled; never its body, never its token.

    Attributes:
        operation: the id of the operation; empty if the request matched none.
        status: the status of the response; 0 if the connection broke before it.
        at: when it was handled, in UTC.
    """

    method: str
    path: str
    operation: str
    status: int
    request_id: str
    at: datetime


class Sandbox:
    """A server for one document that never leaves this machine.

    Args:
        spec: the document, a `Spec` or anything that `load` takes; by default the bundled Astro API v1.
        seed: the same seed gives the same resources, ids and random values.
        speed: how many times faster than real time life cycles run; 0 for no waiting at all.
        limits: whether the rate limits of the document's overlay apply.
        behavior: what the API does beyond its document; by default Astro's if the document is Astro's, else inferred.
        clock: seconds that only grow, for life cycles and rate limits.
        now: the wall clock, for time stamps.

    Attributes:
        faults: errors and delays on purpose.
        requests: how many requests it has handled.
    """

    def __init__(
        self,
        spec: Any = None,
        *,
        seed: int = 0,
        speed: float = 1.0,
        limits: bool = True,
        behavior: Behavior | None = None,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.spec = spec if isinstance(spec, Spec) else load() if spec is None else load(spec)
        self.faults: Faults = Faults(seed)
        self.engine = Engine(self.spec, seed, Clock(clock, now, speed), self.faults, behavior)
        self._lock = threading.RLock()
        self.limits = limits
        self._log: deque[LoggedRequest] = deque(maxlen=_LOG_LENGTH)
        self._server: Server | None = None
        self._process = os.getpid()
        self.requests = 0
        renew_after_fork(self._renew)

    def _renew(self) -> None:
        self._lock = threading.RLock()

    def __repr__(self) -> str:
        return f"<Sandbox of {self.spec.title}: {self.url or 'in process'}>"

    def __enter__(self) -> Sandbox:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def handle(self, request: Request) -> Response:
        """Return the response to a request, with the faults that apply to it. Thread-safe.

        Raises:
            ConnectionResetError: a fault of kind `reset` or `reset_midway` broke the connection.
        """
        served = self.serve(request)
        if served.latency:
            time.sleep(served.latency)
        if served.broken.startswith("reset"):
            raise ConnectionResetError("A fault of the sandbox reset the connection.")
        return served.response

    def serve(self, request: Request) -> Served:
        """Return the response and how it travels: for the front ends, which can also be late or break off."""
        with self._lock:
            self.requests += 1
            served = self.engine.serve(request)
            path = urlsplit(request.url).path
            status = 0 if served.broken == "reset" else served.response.status
            now = self.engine.clock.now()
            self._log.append(LoggedRequest(request.method, path, served.operation, status, served.request_id, now))
            return served

    def start(self, port: int = 0) -> Sandbox:
        """Serve over HTTP on 127.0.0.1, on a free port unless one is given. Does nothing if it serves already.

        Raises:
            SettingsError: the port is in use.
        """
        from .front_ends import Server  # imported on first use: most sandboxes never open a port

        if self._server is None:
            self._server, self._process = Server(self, port), os.getpid()
            atexit.register(self.stop)
        return self

    def stop(self) -> None:
        """Stop serving: when this returns, the port is closed and every thread has ended. Safe to repeat.

        In a process that was forked nothing happens: the parent serves on, and its connections are left alone.
        """
        server, self._server = self._server, None
        if server is not None and os.getpid() == self._process:
            server.close()
            atexit.unregister(self.stop)

    @property
    def url(self) -> str:
        """The base URL of the API over HTTP; empty while the sandbox does not serve."""
        return f"{self._server.origin}{self.engine.base}" if self._server else ""

    @property
    def in_process_url(self) -> str:
        """The base URL for the in-process transport: a loopback address, so that tokens may be sent to it."""
        return f"http://localhost{self.engine.base}"

    def transport(self) -> SandboxTransport:
        """Return an in-process transport for httpx clients, sync and async alike."""
        from .front_ends import SandboxTransport  # imported on first use: only this front end needs httpx

        return SandboxTransport(self)

    @property
    def connections(self) -> int:
        """The TCP connections that the HTTP server has accepted since it was started."""
        return self._server.connections if self._server else 0

    @property
    def log(self) -> tuple[LoggedRequest, ...]:
        """The last 1000 requests, oldest first."""
        return tuple(self._log)

    def token(self, scope: str = "organization", *, expired: bool = False, **ids: str) -> str:
        """Return a token of the sandbox, shaped like a real one.

        Args:
            scope: for Astro: organization (may do everything), workspace, deployment or member (may only read).
            expired: whether it has expired already.
            ids: what it is bound to, such as `workspaceId`; by default the first of its kind.

        Raises:
            UnknownName: there is no such scope.
        """
        with self._lock:
            return self.engine.state.tokens.create(scope, ids, expired)

    def reset(self) -> None:
        """Return to the seed: resources, ids and rate limits as in the beginning. Faults and the log stay."""
        with self._lock:
            self.engine.reset()

    @property
    def speed(self) -> float:
        """How many times faster than real time life cycles run; 0 ends every transition at once.

        Raises:
            ValueError: when set below 0.
        """
        return self.engine.clock.speed

    @speed.setter
    def speed(self, speed: float) -> None:
        with self._lock:
            self.engine.clock.speed = speed

    @property
    def lag(self) -> float | None:
        """Sandbox seconds for which the old state is still shown after a change; None for what the API declares.

        Raises:
            ValueError: when set below 0.
        """
        return self.engine.clock.lag

    @lag.setter
    def lag(self, lag: float | None) -> None:
        if lag is not None and lag < 0:
            raise ValueError("The lag is 0 or more.")
        self.engine.clock.lag = lag

    @property
    def limits(self) -> bool:
        """Whether rate limits apply."""
        return self.engine.limits.enabled

    @limits.setter
    def limits(self, enabled: bool) -> None:
        self.engine.limits.enabled = enabled

    @property
    def retry_after(self) -> bool:
        """Whether a 429 carries `Retry-After`."""
        return self.engine.limits.retry_after

    @retry_after.setter
    def retry_after(self, enabled: bool) -> None:
        self.engine.limits.retry_after = enabled
