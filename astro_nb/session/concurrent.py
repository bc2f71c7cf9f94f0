"""Many calls that are sent at the same time, as many as the rate limit and the connections allow."""

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

MAX_PARALLEL = 16
"""Calls that are sent at the same time: enough for the usual rate limits if a response takes half a second."""

Key = TypeVar("Key", bound=Hashable)


class ConcurrentCalls(Generic[Key]):
    """Calls that are being sent in the background, each by a key. `next` returns the one that ends first.

    They are started on the thread that calls `start`, and have the approvals of its `with` blocks.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._running: dict[Key, Running[Exchange]] = {}
        self._ended: SimpleQueue[Key] = SimpleQueue()

    def __repr__(self) -> str:
        return f"<ConcurrentCalls, {len(self)} running>"

    def __len__(self) -> int:
        """The number of running calls."""
        return len(self._running)

    def start(self, key: Key, call: Call, group: CallGroup = SINGLE_CALL) -> None:
        """Send one more call.

        Raises:
            AstroNbError: as for `Session.start`; nothing was sent, and the other calls continue.
        """
        running = self._session.start(call, group=group)
        self._running[key] = running
        running.when_done(lambda _: self._ended.put(key))

    def next(self) -> tuple[Key, Exchange]:
        """Wait for the next call to end, and return its key and exchange.

        Raises:
            SettingsError: the exchange could not be stored in the history.
        """
        key = self._ended.get()
        return key, self._running.pop(key).result()

    def cancel(self) -> None:
        """Cancel all running calls; `next` returns each of them as cancelled."""
        for running in list(self._running.values()):
            running.cancel()


def send_many(
    session: Session,
    calls: Iterable[tuple[Key, Call]],
    group: Callable[[Key], CallGroup],
    max_parallel: int = MAX_PARALLEL,
) -> Generator[tuple[Key, Exchange]]:
    """Send calls, several at the same time, and yield each key and exchange as it ends, whatever its outcome.

    When the generator is closed, the calls that are still running are cancelled, and stored as such.
    """
    concurrent: ConcurrentCalls[Key] = ConcurrentCalls(session)
    try:
        for key, call in calls:
            while len(concurrent) >= max_parallel:
                yield concurrent.next()
            concurrent.start(key, call, group(key))
        while len(concurrent):
            yield concurrent.next()
    finally:
        concurrent.cancel()
        while len(concurrent):
            with suppress(AstroNbError):  # a failure to store one must not hide the reason why the others end
                concurrent.next()
