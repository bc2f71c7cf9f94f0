"""What can be turned on a sandbox while it runs.

The sandbox itself: one function from a request to a response, with its doors and its knobs.
"""

from __future__ import annotations

import atexit
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ..messages import Request, Response
from ..openapi import Spec, load
from .clock import Pace
from .engine import Engine, Served
from .faults import Faults

if TYPE_CHECKING:
    from .server import Server
    from .transport import SandboxTransport


class Knobs:
    """Speed, lag, limits, faults, tokens and the way back to the beginning.

    Attributes:
        engine: the sandbox without its doors; what it does is not safe to share between threads.
        faults: the things that go wrong on purpose.
    """

    def __init__(self, engine: Engine, faults: Faults) -> None:
        self.engine, self.faults = engine, faults
        self._lock = threading.RLock()

    def token(self, scope: str = "organization", *, expired: bool = False, **ids: str) -> str:
        """A token made here, shaped like a real one.

        Args:
            scope: organization (may do everything), workspace, deployment or member (may only read).
            expired: whether its time has passed already.
            ids: what it is bound to, such as `workspaceId`; by default the first of its kind.

        Raises:
            UnknownName: there is no such scope.
        """
        with self._lock:
            return self.engine.world.tokens.mint(scope, ids, expired)

    def reset(self) -> None:
        """Back to the seed: things, ids and rate limits as in the beginning. Faults and the log stay."""
        with self._lock:
            self.engine.reset()

    @property
    def speed(self) -> float:
        """How many times faster than real time life cycles run; 0 ends every transition at once.

        Raises:
            ValueError: when it is set below 0.
        """
        return self.engine.pace.speed

    @speed.setter
    def speed(self, speed: float) -> None:
        with self._lock:
            self.engine.pace.speed = speed

    @property
    def lag(self) -> float | None:
        """Sandbox seconds for which the old state is still told after a change; None for what the sandbox file says.

        Raises:
            ValueError: when it is set below 0.
        """
        return self.engine.pace.lag

    @lag.setter
    def lag(self, lag: float | None) -> None:
        if lag is not None and lag < 0:
            raise ValueError("The lag is 0 or more.")
        self.engine.pace.lag = lag

    @property
    def limits(self) -> bool:
        """Whether rate limits hold."""
        return self.engine.limits.on

    @limits.setter
    def limits(self, on: bool) -> None:
        self.engine.limits.on = on

    @property
    def retry_after(self) -> bool:
        """Whether a 429 says in `Retry-After` when to come again."""
        return self.engine.limits.retry_after

    @retry_after.setter
    def retry_after(self, on: bool) -> None:
        self.engine.limits.retry_after = on


@dataclass(frozen=True)
class Seen:
    """A request that was answered: never its body, never its token. `at` is in UTC; `operation` is empty for none."""

    method: str
    path: str
    operation: str
    status: int
    request_id: str
    at: datetime


class Sandbox(Knobs):
    """A server for one document that never leaves this machine.

    Args:
        spec: the document, a `Spec` or all that makes one; by default the bundled Astro v1.
        seed: the same seed gives the same things, ids and chances.
        speed: how many times faster than real time life cycles run; 0 for no waiting at all.
        limits: whether the rate limits of the document's overlay hold.
        knowledge: a sandbox file's content; by default the bundled one that fits the document, if any.
        clock: seconds that only grow, for life cycles and rate limits.
        now: the wall clock, for time stamps.
    """

    def __init__(
        self,
        spec: Any = None,
        *,
        seed: int = 0,
        speed: float = 1.0,
        limits: bool = True,
        knowledge: Mapping[str, Any] | None = None,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.spec = spec if isinstance(spec, Spec) else load() if spec is None else load(spec)
        faults = Faults(seed)
        super().__init__(Engine(self.spec, seed, Pace(clock, now, speed), faults, knowledge), faults)
        self.limits = limits
        self._log: deque[Seen] = deque(maxlen=1000)
        self._server: Server | None = None
        self.requests = 0

    def __repr__(self) -> str:
        return f"<Sandbox of {self.spec.title}: {self.url or 'in process'}>"

    def __enter__(self) -> Sandbox:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def handle(self, request: Request) -> Response:
        """The answer to a request, after whatever fault befalls it; may be called from several threads.

        Raises:
            ConnectionResetError: a fault of kind `reset` or `reset_midway` broke the connection.
        """
        served = self.serve(request)
        if served.latency:
            time.sleep(served.latency)
        if served.wire.startswith("reset"):
            raise ConnectionResetError("The sandbox broke the connection, as it was told to.")
        return served.response

    def serve(self, request: Request) -> Served:
        """The answer and how it is to travel: for the doors, which can do what a Response cannot say."""
        with self._lock:
            self.requests += 1
            served = self.engine.serve(request)
            path = urlsplit(request.url).path
            status = 0 if served.wire == "reset" else served.response.status
            self._log.append(
                Seen(request.method, path, served.operation, status, served.request_id, self.engine.pace.now())
            )
            return served

    def start(self, port: int = 0) -> Sandbox:
        """Serve over HTTP on 127.0.0.1, at a free port unless one is given; a sandbox that serves goes on serving.

        Raises:
            SettingsError: the port is taken.
        """
        from .server import Server  # imported at first use: most sandboxes never open a port

        if self._server is None:
            self._server = Server(self, port)
            atexit.register(self.stop)
        return self

    def stop(self) -> None:
        """Stop serving: the port is closed and every thread has ended when this returns. Safe to repeat."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
            atexit.unregister(self.stop)

    @property
    def url(self) -> str:
        """The base URL of the API over HTTP; empty while it is stopped."""
        return f"{self._server.origin}{self.engine.base}" if self._server else ""

    @property
    def in_process_url(self) -> str:
        """The base URL for the in-process door: loopback, so that tokens may be sent to it."""
        return f"http://localhost{self.engine.base}"

    def transport(self) -> SandboxTransport:
        """The in-process door: a transport for httpx clients, sync and async alike."""
        from .transport import SandboxTransport  # imported at first use: httpx is this door's business alone

        return SandboxTransport(self)

    @property
    def connections(self) -> int:
        """TCP connections that the HTTP server has accepted since it was started."""
        return self._server.connections if self._server else 0

    @property
    def log(self) -> tuple[Seen, ...]:
        """The last 1000 requests, oldest first."""
        return tuple(self._log)
