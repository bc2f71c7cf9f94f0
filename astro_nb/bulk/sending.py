"""Send the rows of a run, each marked in the journal before and after, and reconcile those whose response was lost."""

from __future__ import annotations

import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime
from types import FrameType
from typing import Any, Literal

from .. import html
from ..call import UNSET, Call
from ..errors import AstroNbError, SettingsError, UsageError
from ..exchange import CallGroup
from ..history import Journal, Mark, Run
from ..http import current_stop
from ..json_text import Number, write_json
from ..openapi import Operation, call_to_read, id_field, label_fields
from ..pagination import paging_of, read_pages
from ..progress import OnProgress
from ..secrets import MASK
from ..session import ConcurrentCalls, Session
from .plan import mark_state

SETTLE_TIME = 10.0
"""Seconds after which a server has carried out a request, or never will."""

MAX_CLOCK_SKEW = 600.0
"""Seconds by which the clocks of server and client may differ. An older resource was not created by this run."""


@dataclass(frozen=True)
class UnresolvedRow:
    """A row that may have been carried out: its call, and its mark in the journal."""

    call: Call
    mark: Mark


@dataclass(frozen=True)
class Resolution:
    """What became of an unresolved row.

    Attributes:
        state: "done", "not done" (it can be sent again), or "unknown".
        note: why, in sentences.
        item: the resource in the list, if the row is done.
    """

    state: Literal["done", "not done", "unknown"]
    note: str = ""
    item: Any = None


def reconcile(
    session: Session, operation: Operation, rows: Mapping[int, UnresolvedRow], claimed_ids: Iterable[str]
) -> dict[int, Resolution]:
    """Return what became of rows that may have been carried out.

    The list is read once, and a second time after the settle time if a row is not in it.

    Args:
        session: the session that reads.
        operation: the operation that was called.
        rows: the rows by number.
        claimed_ids: the ids of the resources that other rows have created.
    """
    if operation.is_idempotent:
        return {number: Resolution("not done") for number in rows}
    resources = operation.spec.resources
    reader = resources.reader_at(operation.path)
    if reader is None or not resources.is_list(reader) or paging_of(reader) is None:
        return {number: Resolution("unknown", "The document declares no list to look it up in.") for number in rows}
    resolutions = _look_up(session, reader, rows, set(claimed_ids))
    missing = [rows[number].mark for number, resolution in resolutions.items() if resolution.state == "not done"]
    delay = max((_settle_delay(mark, session.client.retries.total) for mark in missing), default=0.0)
    if delay > 0:
        session.pause(delay)
        resolutions = _look_up(session, reader, rows, set(claimed_ids))
    return resolutions


def _settle_delay(mark: Mark, retry_time: float) -> float:
    """Return the seconds for which a server may still be carrying out a row.

    A row that was started and has no end may have been sent at any time since: it may have waited for the rate limit
    or for a retry, for up to `retry_time`.
    """
    age = time.time() - mark.at
    if mark.state == "begun":
        return SETTLE_TIME if age < retry_time + SETTLE_TIME else 0.0
    return SETTLE_TIME - age


def _look_up(
    session: Session, reader: Operation, rows: Mapping[int, UnresolvedRow], claimed_ids: set[str]
) -> dict[int, Resolution]:
    lists_read: dict[bytes, _ListRead | str] = {}
    resolutions = {}
    for number, row in rows.items():
        operation = session.spec.operation(row.call.operation)
        arguments = _list_arguments(reader, call_to_read(reader, operation, row.call))
        key = write_json(arguments, str, sort=True)
        if key not in lists_read:
            lists_read[key] = _read_list(session, reader, arguments)
        found = lists_read[key]
        if isinstance(found, str):
            resolutions[number] = Resolution("unknown", found)
            continue
        resolution = _resolve(reader, _shown_body(session, row.call), found.items, claimed_ids, row.mark.at)
        if resolution.state == "not done" and found.gap:
            resolution = Resolution("unknown", f"{reader.id} does not list it, but may be incomplete. {found.gap}")
        resolutions[number] = resolution
        claimed_ids |= {_item_id(reader, resolutions[number].item)} - {""}
    return resolutions


def _list_arguments(reader: Operation, call: Call) -> dict[str, Any]:
    paging = paging_of(reader)
    return {key: value for key, value in call.parameters.items() if paging is None or key != paging.limit}


@dataclass(frozen=True)
class _ListRead:
    """The items of a list, and why it may be incomplete; that is empty if something says that it is whole."""

    items: list[Any]
    gap: str


def _read_list(session: Session, reader: Operation, arguments: Mapping[str, Any]) -> _ListRead | str:
    """Return the list, or a message if it could not be read to its end."""
    try:
        pages = read_pages(session, reader.id, None, **arguments)
        return _ListRead(pages.items(), pages.gap)
    except AstroNbError as error:
        return f"{reader.id} could not be read: {error.what}"


def _resolve(
    reader: Operation, body: Mapping[str, Any], items: list[Any], claimed_ids: set[str], sent_at: float
) -> Resolution:
    label = next((name for name in label_fields(reader) if _is_visible_scalar(body.get(name))), None)
    if label is None:
        return Resolution("unknown", f"It has no name to look for in {reader.id}.")
    matches = [item for item in items if _matches(item, body, label) and _item_id(reader, item) not in claimed_ids]
    if not matches:
        return Resolution("not done")
    if len(matches) > 1:
        return Resolution("unknown", f"{reader.id} lists {len(matches)} resources that match.")
    if _created_at(matches[0]) < sent_at - MAX_CLOCK_SKEW:
        return Resolution("unknown", f"{reader.id} lists a resource that matches, but is older than this run.")
    return Resolution("done", f"The response was lost; {reader.id} lists the resource.", matches[0])


def _shown_body(session: Session, call: Call) -> Mapping[str, Any]:
    """Return the body with its templates resolved and secrets masked."""
    body = session.resolve(call.body) if call.body is not UNSET else {}
    return body if isinstance(body, Mapping) else {}


def _item_id(reader: Operation, item: Any) -> str:
    return str(item.get(id_field(reader)) or "") if isinstance(item, Mapping) else ""


def _matches(item: Any, body: Mapping[str, Any], label: str) -> bool:
    """Whether a listed resource has the name in a body, and the same value in every other field that both have."""
    if not isinstance(item, Mapping) or item.get(label) != body[label]:
        return False
    shared = [name for name in body if _is_visible_scalar(body[name]) and _is_visible_scalar(item.get(name))]
    return all(item[name] == body[name] for name in shared)


def _is_visible_scalar(value: Any) -> bool:
    """Whether a value is a scalar that is neither empty nor masked."""
    return isinstance(value, str | Number) and value != "" and not (isinstance(value, str) and MASK in value)


def _created_at(item: Mapping[str, Any]) -> float:
    """Return when a resource was created, in seconds since 1970; infinity if it has no such time."""
    try:
        return datetime.fromisoformat(str(item.get("createdAt"))).timestamp()
    except (ValueError, OverflowError, OSError):
        return float("inf")


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
        history_error: why no more rows are started: the journal cannot be written; else empty.
    """

    def __init__(self, session: Session, run: Run, marks: dict[int, Mark], on_progress: OnProgress | None) -> None:
        self._session, self._run, self._on_progress = session, run, on_progress
        self._journal: Journal = session.history.journal
        self._calls: ConcurrentCalls[int] = ConcurrentCalls(session)
        self._began = session.client.clock()
        self._ended = self._not_done = 0
        self.marks = marks
        self.interrupts = 0
        self.connection_error = self.history_error = ""

    def send(self, rows: Iterable[tuple[int, Call]], parallel: int) -> None:
        """Send rows. The first interrupt starts no more of them, the second one cancels the active ones.

        Raises:
            SettingsError: no more rows can be sent, and the active ones have ended.
        """
        waiting = deque(rows)
        total = len(waiting)
        try:
            with InterruptHandler(self._calls.cancel) as interrupts:
                while waiting or len(self._calls):
                    while waiting and len(self._calls) < parallel and not (interrupts.count or self.is_stopping):
                        self._start_or_finish(*waiting.popleft())
                    self.interrupts = interrupts.count
                    if not len(self._calls):
                        break
                    self._finish_next()
                    self._report(total)
        finally:
            self._calls.cancel()
            self._finish_all()

    @property
    def is_stopping(self) -> bool:
        """Whether no more rows are started, because they could not be sent or recorded."""
        return bool(self.connection_error or self.history_error)

    def mark(self, number: int, mark: Mark) -> None:
        """Record the state of a row, here and in the journal.

        Raises:
            SettingsError: the journal cannot be written.
        """
        if mark.note or mark.found is not None:  # a list may contain secrets of the session as plain text
            mark = replace(mark, **self._session.redact({"note": mark.note, "found": mark.found}))
        self.marks[number] = mark
        self._journal.mark(self._run, number, mark)

    def _start_or_finish(self, number: int, call: Call) -> None:
        """Start a row; if nothing can be sent any more, wait for the active ones and raise."""
        try:
            self._start(number, call)
        except SettingsError:
            self._finish_all()
            raise

    def _start(self, number: int, call: Call) -> None:
        before = self.marks.get(number)
        if not self._mark_begun(number, before):
            return
        try:
            self._calls.start(number, call, CallGroup("bulk", self._run.id, row=number))
        except UsageError as error:  # nothing was sent, and only this row is wrong
            self.mark(number, Mark("invalid", time.time(), note=str(error)))
        except BaseException:
            self._restore_mark(number, before)
            raise

    def _mark_begun(self, number: int, before: Mark | None) -> bool:
        """Record that a row is begun; return whether it may be sent: what cannot be recorded is not.

        Raises:
            SettingsError: the journal cannot be written, and nothing was sent yet.
        """
        try:
            self.mark(number, Mark("begun", time.time()))
        except SettingsError as error:
            self._put_back(number, before)
            if not (self._ended or len(self._calls)):
                raise
            self.history_error = error.what
            return False
        return True

    def _finish_next(self) -> None:
        """Wait for the next row to end, and record its outcome."""
        number, exchange = self._calls.next()
        state = mark_state(exchange)
        if exchange.failure is not None and exchange.failure.kind == "connect":
            self.connection_error = exchange.failure.message
        try:
            self.mark(number, Mark(state, time.time(), exchange.id))
        except SettingsError as error:  # the row was sent: its mark is held in memory, and a note says so
            self.history_error = error.what
        self._ended += 1
        self._not_done += state != "done"

    def _finish_all(self) -> None:
        while len(self._calls):
            self._finish_next()

    def _restore_mark(self, number: int, before: Mark | None) -> None:
        self._put_back(number, before)
        if before is not None:
            self.mark(number, before)
        else:
            self._journal.unmark(self._run, number)

    def _put_back(self, number: int, before: Mark | None) -> None:
        if before is not None:
            self.marks[number] = before
        else:
            self.marks.pop(number, None)

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
