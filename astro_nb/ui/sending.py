"""One request under way: asked about in production, told as it goes on, and cancelled."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from ..call import Call
from ..client import Running, in_background
from ..errors import UnsafeRefused
from ..exchange import Attempt, Exchange
from ..guard import Change, is_guarded
from ..session import Session
from .actions import Actions
from .question import Question
from .status import Status


class Sending:
    """Sends in the background, so that the notebook goes on. `arrived` gets the exchange."""

    def __init__(self, session: Session, status: Status, actions: Actions, arrived: Callable[[Exchange], None]) -> None:
        self._session, self._status, self._actions, self._arrived = session, status, actions, arrived
        self.question = Question(status, self.confirm)
        self._looks = ThreadPoolExecutor(1, "astro_nb-look")
        self._asked: Call | None = None
        self._running: Running[Exchange] | None = None

    def send(self, call: Call) -> None:
        """Send a call; where the environment is guarded, an unsafe one is looked at first, and asked about."""
        self.question.clear()
        self._asked = call
        if not is_guarded(self._session.spec.operation(call.operation), self._session.environment):
            self._start(call, None)
            return
        self._status.say(f"Looking at what {call.operation} would change …")
        self._actions.busy(True)
        look = self._looks.submit(self._session.change_of, call)
        look.add_done_callback(self._status.guard(self._looked))

    def confirm(self, typed: Callable[[], str]) -> None:
        """Send what was asked about, if the name is right."""
        self._actions.settled(lambda: self._confirmed(typed()))

    def _looked(self, look: Future[Change]) -> None:
        self._actions.busy(False)
        self.question.ask(look.result())
        self._status.say("Nothing is sent yet: this environment asks before anything is changed.", "warn")

    def _confirmed(self, name: str) -> None:
        if self._asked is not None:
            self.question.clear()
            self._start(self._asked, name)

    def _start(self, call: Call, confirmed: str | None) -> None:
        """Send on another thread: what the call refers to is asked for there too, and Cancel reaches that as well."""
        self._status.say(f"Sending {call.operation} …")
        self._actions.busy(True)
        tried = self._status.guard(self._tried)
        self._running = in_background(lambda: self._session.start(call, tried, confirmed).result())
        self._running.when_done(self._status.guard(self._ended))

    def cancel(self) -> None:
        """End the request that is under way."""
        if self._running:
            self._running.cancel()

    def _ended(self, running: Running[Exchange]) -> None:
        self._actions.busy(False)
        try:
            exchange = running.result()
        except UnsafeRefused as refused:
            if "change" in refused.data:  # the name was wrong: it may be given again
                self.question.ask(refused.data["change"])
            raise
        self._arrived(exchange)

    def _tried(self, attempt: Attempt) -> None:
        told = attempt.words(self._session.client.retries.attempts)
        if told:
            self._status.say(told, "warn")
