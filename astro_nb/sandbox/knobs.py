"""What can be turned on a sandbox while it runs."""

from __future__ import annotations

import threading

from .engine import Engine
from .faults import Faults


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
