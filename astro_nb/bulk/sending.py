"""The stop button of a notebook, pressed once and pressed twice.

The calls of many rows sent, each marked in the journal before it goes out and when it has ended.
"""

from __future__ import annotations

import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import replace
from types import FrameType

import orjson

from ..call import Call
from ..errors import SettingsError, UsageError
from ..exchange import CallGroup
from ..history import Journal, Mark, Run
from ..http import current_stop
from ..progress import OnProgress
from ..secrets import redact
from ..session import ConcurrentCalls, Session, session_secrets
from .results import state_of


class Stopping:
    """Within a `with` block an interrupt raises nothing: the first is noted, and from the second on `cancel` is called.

    For work in the background, which no interrupt reaches, so does its `cancel()`.
    """

    def __init__(self, cancel: Callable[[], None]) -> None:
        self._cancel = cancel
        self._left = ExitStack()
        self.times = 0

    def __enter__(self) -> Stopping:
        stop = current_stop.get()
        if stop is not None:  # what is sent within goes on when it is set
            self._left.callback(stop.watch(self._asked))
            self._left.callback(current_stop.reset, current_stop.set(None))
        elif threading.current_thread() is threading.main_thread():
            before = signal.signal(signal.SIGINT, self._interrupted)
            self._left.callback(signal.signal, signal.SIGINT, before)
        return self

    def __exit__(self, *raised: object) -> None:
        self._left.close()

    def _interrupted(self, number: int, frame: FrameType | None) -> None:
        self._asked()

    def _asked(self) -> None:
        self.times += 1
        if self.times > 1:
            self._cancel()


class Sending:
    """Sends the rows of one run, so many at once.

    Attributes:
        marks: what is known of each row, kept up to date.
        stopped: how often the user asked to stop.
        lost: why no more rows are begun: the server could not be reached; else empty.
    """

    def __init__(self, session: Session, run: Run, marks: dict[int, Mark], tell: OnProgress | None) -> None:
        self._session, self._run, self._tell = session, run, tell
        self._journal: Journal = session.history.journal
        self._many: ConcurrentCalls[int] = ConcurrentCalls(session)
        self._begun = session.client.clock()
        self._ended = self._failed = 0
        self.marks = marks
        self.stopped = 0
        self.lost = ""

    def send(self, rows: Iterable[tuple[int, Call]], parallel: int) -> None:
        """Send the rows; a first interrupt starts no more of them, a second one cancels what is under way.

        Raises:
            SettingsError: no more of them can be sent, and what was under way has ended; or none can be kept, and it
                is cancelled.
        """
        waiting = deque(rows)
        total = len(waiting)
        try:
            with Stopping(self._many.cancel) as stop:
                while waiting or len(self._many):
                    while waiting and len(self._many) < parallel and not (stop.times or self.lost):
                        self._started(*waiting.popleft())
                    self.stopped = stop.times
                    if not len(self._many):
                        break
                    self._take()
                    self._told(total)
        finally:
            self._many.cancel()
            while len(self._many):
                self._take()

    def mark(self, number: int, mark: Mark) -> None:
        """Note what is known of a row, here and in the journal."""
        mark = self._scrubbed(mark) if mark.note or mark.found is not None else mark
        self._journal.mark(self._run, number, mark)
        self.marks[number] = mark

    def _scrubbed(self, mark: Mark) -> Mark:
        """A mark without the secrets of the session: a list may tell them in a plain text."""
        known = list(session_secrets(self._session.variables, self._session.effective_environment).values.values())
        found = orjson.loads(redact(orjson.dumps(mark.found, default=str).decode(), known))
        return replace(mark, note=redact(mark.note, known), found=found)

    def _started(self, number: int, call: Call) -> None:
        """Send a row; where none can be sent any more, what is under way ends first."""
        try:
            self._start(number, call)
        except SettingsError:
            while len(self._many):
                self._take()
            raise

    def _start(self, number: int, call: Call) -> None:
        before = self.marks.get(number)
        self.mark(number, Mark("begun", time.time()))
        try:
            self._many.start(number, call, CallGroup("bulk", self._run.id, row=number))
        except UsageError as error:  # nothing went out, and it is this row's own fault
            self.mark(number, Mark("invalid", time.time(), note=str(error)))
        except BaseException:
            self._unmark(number, before)
            raise

    def _take(self) -> None:
        """Wait for the next row to end."""
        number, exchange = self._many.next()
        state = state_of(exchange)
        if exchange.failure is not None and exchange.failure.kind == "connect":
            self.lost = exchange.failure.message
        self.mark(number, Mark(state, time.time(), exchange.id))
        self._ended += 1
        self._failed += state != "done"

    def _unmark(self, number: int, before: Mark | None) -> None:
        if before is not None:
            self.mark(number, before)
        else:
            self._journal.unmark(self._run, number)
            del self.marks[number]

    def _told(self, total: int) -> None:
        if self._tell is None:
            return
        spent = max(self._session.client.clock() - self._begun, 1e-6)
        rate = self._ended / spent
        words = f"{self._ended:,} of {total:,}, {self._failed:,} not done, {rate:.1f} a second"
        self._tell(self._ended / total, f"{words}, {self._rest(total, spent, rate)}")

    def _rest(self, total: int, spent: float, rate: float) -> str:
        """How long it still takes, or took."""
        if self._ended == total:
            return f"in {_duration(spent)}"
        if self.stopped:
            return f"stopping: {len(self._many)} under way end first; stop again to cancel them"
        return f"{_duration((total - self._ended) / rate)} left"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
