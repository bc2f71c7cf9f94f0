"""Send the rows of a run, each marked in the journal before it is sent and after its response."""

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

from .. import html
from ..call import Call
from ..errors import SettingsError, UsageError
from ..exchange import CallGroup
from ..history import Journal, Mark, Run
from ..http import current_stop
from ..progress import OnProgress
from ..secrets import redact
from ..session import ConcurrentCalls, Session, session_secrets
from .results import mark_state

_SHORTEST_TIME = 1e-6  # seconds; a rate is never divided by zero


class InterruptHandler:
    """Counts interrupts within a `with` block instead of raising them; from the second one on it calls `cancel`.

    For work in the background, which no interrupt reaches, a call of its `cancel()` counts as an interrupt.

    Attributes:
        count: the number of interrupts so far.
    """

    def __init__(self, cancel: Callable[[], None]) -> None:
        self._cancel = cancel
        self._restore = ExitStack()
        self.count = 0

    def __enter__(self) -> InterruptHandler:
        stop = current_stop.get()
        if stop is not None:  # the calls within the block do not end when it is set
            self._restore.callback(stop.watch(self._interrupt))
            self._restore.callback(current_stop.reset, current_stop.set(None))
        elif threading.current_thread() is threading.main_thread():
            previous = signal.signal(signal.SIGINT, self._handle_signal)
            self._restore.callback(signal.signal, signal.SIGINT, previous)
        return self

    def __exit__(self, *exception: object) -> None:
        self._restore.close()

    def _handle_signal(self, number: int, frame: FrameType | None) -> None:
        self._interrupt()

    def _interrupt(self) -> None:
        self.count += 1
        if self.count > 1:
            self._cancel()


class RowSender:
    """Sends the rows of one run, several at once.

    Attributes:
        marks: the state of each row that was started, kept up to date.
        interrupts: how often the user interrupted the run.
        connection_error: why no more rows are started: the server cannot be reached; else empty.
    """

    def __init__(self, session: Session, run: Run, marks: dict[int, Mark], on_progress: OnProgress | None) -> None:
        self._session, self._run, self._on_progress = session, run, on_progress
        self._journal: Journal = session.history.journal
        self._calls: ConcurrentCalls[int] = ConcurrentCalls(session)
        self._began = session.client.clock()
        self._ended = self._not_done = 0
        self.marks = marks
        self.interrupts = 0
        self.connection_error = ""

    def send(self, rows: Iterable[tuple[int, Call]], parallel: int) -> None:
        """Send rows. The first interrupt starts no more of them, the second one cancels the active ones.

        Raises:
            SettingsError: no more rows can be sent, and the active ones have ended; or the history cannot be written,
                and they are cancelled.
        """
        waiting = deque(rows)
        total = len(waiting)
        try:
            with InterruptHandler(self._calls.cancel) as interrupts:
                while waiting or len(self._calls):
                    while waiting and len(self._calls) < parallel and not (interrupts.count or self.connection_error):
                        self._start_or_finish(*waiting.popleft())
                    self.interrupts = interrupts.count
                    if not len(self._calls):
                        break
                    self._finish_next()
                    self._report(total)
        finally:
            self._calls.cancel()
            self._finish_all()

    def mark(self, number: int, mark: Mark) -> None:
        """Record the state of a row, here and in the journal."""
        mark = self._redact(mark) if mark.note or mark.found is not None else mark
        self._journal.mark(self._run, number, mark)
        self.marks[number] = mark

    def _redact(self, mark: Mark) -> Mark:
        """Return a mark without the session's secrets: a list may contain them as plain text."""
        secrets = list(session_secrets(self._session.variables, self._session.effective_environment).values.values())
        found = orjson.loads(redact(orjson.dumps(mark.found, default=str).decode(), secrets))
        return replace(mark, note=redact(mark.note, secrets), found=found)

    def _start_or_finish(self, number: int, call: Call) -> None:
        """Start a row; if nothing can be sent any more, wait for the active ones and raise."""
        try:
            self._start(number, call)
        except SettingsError:
            self._finish_all()
            raise

    def _start(self, number: int, call: Call) -> None:
        before = self.marks.get(number)
        self.mark(number, Mark("begun", time.time()))
        try:
            self._calls.start(number, call, CallGroup("bulk", self._run.id, row=number))
        except UsageError as error:  # nothing was sent, and only this row is wrong
            self.mark(number, Mark("invalid", time.time(), note=str(error)))
        except BaseException:
            self._restore_mark(number, before)
            raise

    def _finish_next(self) -> None:
        """Wait for the next row to end, and record its outcome."""
        number, exchange = self._calls.next()
        state = mark_state(exchange)
        if exchange.failure is not None and exchange.failure.kind == "connect":
            self.connection_error = exchange.failure.message
        self.mark(number, Mark(state, time.time(), exchange.id))
        self._ended += 1
        self._not_done += state != "done"

    def _finish_all(self) -> None:
        while len(self._calls):
            self._finish_next()

    def _restore_mark(self, number: int, before: Mark | None) -> None:
        if before is not None:
            self.mark(number, before)
        else:
            self._journal.unmark(self._run, number)
            del self.marks[number]

    def _report(self, total: int) -> None:
        if self._on_progress is None:
            return
        elapsed = max(self._session.client.clock() - self._began, _SHORTEST_TIME)
        rate = self._ended / elapsed
        counts = f"{self._ended:,} of {html.pluralize(total, 'row')}, {self._not_done:,} not done, {rate:.1f} rows/s"
        self._on_progress(self._ended / total, f"{counts}, {self._remaining_text(total, elapsed, rate)}")

    def _remaining_text(self, total: int, elapsed: float, rate: float) -> str:
        """Return how long the run will still take, or took."""
        if self._ended == total:
            return f"in {_minutes_text(elapsed)}"
        if self.interrupts:
            active = html.pluralize(len(self._calls), "active request")
            return f"stopping after {active}; interrupt again to cancel"
        return f"{_minutes_text((total - self._ended) / rate)} left"


def _minutes_text(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
