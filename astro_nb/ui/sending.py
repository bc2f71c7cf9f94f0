"""One request under way: asked about in production, told as it goes on, and cancelled."""

from __future__ import annotations

from collections.abc import Callable

from ..call import Call
from ..client import Running
from ..exchange import Attempt, Exchange
from ..session import Session
from .actions import Actions
from .status import Status


class Sending:
    """Sends in the background, so that the notebook goes on. `arrived` gets the exchange."""

    def __init__(self, session: Session, status: Status, actions: Actions, arrived: Callable[[Exchange], None]) -> None:
        self._session, self._status, self._actions, self._arrived = session, status, actions, arrived
        self._running: Running | None = None

    def send(self, call: Call, confirmed: bool = False) -> None:
        """Send a call; in a production environment an unsafe method asks first, unless it was confirmed."""
        operation, environment = self._session.spec.operation(call.operation), self._session.environment
        if environment.production and not operation.is_safe and not confirmed:
            request = self._session.preview(call)
            self._actions.ask(f"{environment.name}: send {request.method} {request.url}?")
            return
        self._actions.ask("")
        self._status.say(f"Sending {operation.id} …")
        self._actions.busy(True)
        started = False
        try:
            done, tried = self._status.guard(self._ended), self._status.guard(self._tried)
            self._running = self._session.start(call, done, tried)
            started = True
        finally:
            if not started:
                self._actions.busy(False)

    def cancel(self) -> None:
        """End the request that is under way."""
        if self._running:
            self._running.cancel()

    def _ended(self, exchange: Exchange) -> None:
        self._actions.busy(False)
        self._arrived(exchange)

    def _tried(self, attempt: Attempt) -> None:
        if attempt.waited:
            most = self._session.client.retries.attempts
            told = f"{attempt.outcome}, attempt {attempt.number + 1} of {most}, in {attempt.waited:.1f} s"
            self._status.say(told, "warn")
