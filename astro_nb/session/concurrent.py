"""Many calls under way at once, as many as the pace and the connections allow."""

from __future__ import annotations

from collections.abc import Callable, Generator, Hashable, Iterable
from contextlib import suppress
from queue import SimpleQueue
from typing import Generic, TypeVar

from ..call import Call
from ..errors import AstroNbError
from ..exchange import SINGLE_CALL, CallGroup, Exchange
from ..http import Running
from .session import Session

PARALLEL = 16
"""Calls under way at once: enough to keep the pace at half a second an answer."""

Key = TypeVar("Key", bound=Hashable)


class Many(Generic[Key]):
    """Calls under way, each by its key; whoever asks for the next gets what came first.

    They are sent in the background: started on the thread that calls `start`, whose leaves of the guard they have.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._running: dict[Key, Running[Exchange]] = {}
        self._ended: SimpleQueue[Key] = SimpleQueue()

    def __repr__(self) -> str:
        return f"<Many, {len(self)} under way>"

    def __len__(self) -> int:
        """How many are under way."""
        return len(self._running)

    def start(self, key: Key, call: Call, group: CallGroup = SINGLE_CALL) -> None:
        """Send one more.

        Raises:
            AstroNbError: as for `Session.start`; nothing was sent, and the others go on.
        """
        running = self._session.start(call, group=group)
        self._running[key] = running
        running.when_done(lambda _: self._ended.put(key))

    def next(self) -> tuple[Key, Exchange]:
        """The next one to end, and what came of it; waits for it.

        Raises:
            SettingsError: it could not be kept in the history.
        """
        key = self._ended.get()
        return key, self._running.pop(key).result()

    def cancel(self) -> None:
        """End all that is under way; `next` tells each as cancelled."""
        for running in list(self._running.values()):
            running.cancel()


def send_many(
    session: Session, calls: Iterable[tuple[Key, Call]], group: Callable[[Key], CallGroup], most: int = PARALLEL
) -> Generator[tuple[Key, Exchange]]:
    """Send calls, so many at once, and give each with its key as it ends, whatever comes of it.

    Whoever stops listening ends what is under way: it is cancelled, and kept in the history as such.
    """
    many: Many[Key] = Many(session)
    try:
        for key, call in calls:
            while len(many) >= most:
                yield many.next()
            many.start(key, call, group(key))
        while len(many):
            yield many.next()
    finally:
        many.cancel()
        while len(many):
            with suppress(AstroNbError):  # one that could not be kept must not hide why the others end
                many.next()
