"""Read every page of a list: the first one alone, then as many at once as can be requested by position."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from itertools import islice
from typing import Any
from weakref import WeakKeyDictionary, ref

from .. import html
from ..call import Call
from ..errors import SettingsError, Stopped, UsageError
from ..exchange import CallGroup
from ..http import new_id
from ..progress import OnProgress
from ..session import Session, send_many
from .collector import PageCollector
from .pages import Pages
from .paging import first_call, paging_of

_MAX_UNFINISHED = 8
"""The number of unfinished lists that are kept for each session."""

_MAX_TOGETHER = 250
"""The number of pages that are requested together: a server may declare any total."""

_unfinished: WeakKeyDictionary[Session, list[tuple[str | None, PageCollector]]] = WeakKeyDictionary()
"""The unfinished lists of each session, with the server's base URL: an interrupted cell returns nothing."""


def read_pages(
    session: Session,
    operation: str,
    make_progress: Callable[[], OnProgress] | None = None,
    resume: bool = False,
    /,
    **arguments: Any,
) -> Pages:
    """Return every page of a list.

    Args:
        session: the session that sends.
        operation: the id of the operation that lists.
        make_progress: makes the progress bar. It is called each time the list is read on: every cell has its own bar.
        resume: whether to continue an unfinished reading of the same call, if there is one.
        arguments: as for `call`.

    Raises:
        UsageError: the operation does not return a list.
    """
    declared = session.spec.operation(operation)
    paging = paging_of(declared)
    if paging is None:
        raise UsageError(f"{operation} does not return a list.", "Use api.call for it.")
    first = first_call(paging, session.build_call(operation, arguments))
    unfinished = _find_unfinished(session, first) if resume else None
    pages = Pages(unfinished or PageCollector(declared, paging, first), _make_reader(session, make_progress))
    return pages.resume()


def _make_reader(session: Session, make_progress: Callable[[], OnProgress] | None) -> Callable[[PageCollector], None]:
    """Return a function that requests what is missing of a list; it does not keep the session alive."""
    session_ref, base_url, new_group = ref(session), session.environment.base_url, CallGroup("pages", new_id())

    def read(collector: PageCollector) -> None:
        current = session_ref()
        if current is None or current.environment.base_url != base_url:
            raise UsageError("The session no longer uses the server of this list.", "Read the list again there.")
        group = collector.exchanges[0].group if collector.exchanges else new_group
        _read_missing(current, collector, group, make_progress() if make_progress else None)

    return read


def _read_missing(session: Session, collector: PageCollector, group: CallGroup, on_progress: OnProgress | None) -> None:
    """Request what is missing; the list is kept as unfinished until it is complete."""
    collector.retry()
    _keep_unfinished(session, collector)
    report = _ProgressReport(collector, session.client.clock, on_progress)
    try:
        with session.pin_environment():
            _send_missing(session, collector, group, report)
    except (KeyboardInterrupt, Stopped, SettingsError):
        collector.interrupt()
        raise
    if collector.shortfall is None:
        _unfinished[session] = [(url, other) for url, other in _unfinished[session] if other is not collector]


def _send_missing(session: Session, collector: PageCollector, group: CallGroup, report: _ProgressReport) -> None:
    """Send the calls that are known to be missing together, and those found out later one after another."""
    if not collector.exchanges:
        _send_calls(session, collector, collector.next_calls(), group, report)
    limit = _MAX_TOGETHER
    while calls := list(islice(collector.next_calls(), limit)):
        limit = limit if len(calls) == limit else 1
        _send_calls(session, collector, calls, group, report)
    session.pause(0)  # raises if the call was cancelled during the last page


def _send_calls(
    session: Session, collector: PageCollector, calls: Iterable[Call], group: CallGroup, report: _ProgressReport
) -> None:
    """Send calls and add their responses; after a failure no other call is sent."""
    sent: dict[int, Call] = {}

    def number_calls() -> Iterator[tuple[int, Call]]:
        for number, call in enumerate(calls):
            if collector.has_failed:
                return
            sent[number] = call
            yield number, call

    with closing(send_many(session, number_calls(), lambda _: group)) as exchanges:
        for number, exchange in exchanges:
            collector.add(sent.pop(number), exchange)
            report()


class _ProgressReport:
    """Reports items, pages, items per second, and the seconds left."""

    def __init__(self, collector: PageCollector, clock: Callable[[], float], on_progress: OnProgress | None) -> None:
        self._collector, self._clock, self._on_progress = collector, clock, on_progress
        self._began, self._received_before = clock(), collector.received

    def __call__(self) -> None:
        if self._on_progress is None:
            return
        received, expected = self._collector.received, self._collector.expected
        elapsed = self._clock() - self._began
        rate = (received - self._received_before) / elapsed if elapsed > 0 else 0.0
        total = "?" if expected is None else f"{expected:,}"
        parts = [f"{received:,} of {total} {'item' if expected == 1 else 'items'}"]
        parts += [html.pluralize(len(self._collector.exchanges), "page")]
        parts += [f"{rate:,.0f} items/s"] if rate else []
        parts += [f"{(expected - received) / rate:.0f} s left"] if expected and rate and expected > received else []
        self._on_progress(min(1.0, received / expected) if expected else None, ", ".join(parts))


def _find_unfinished(session: Session, first: Call) -> PageCollector | None:
    """Return the unfinished list that began with this call, on the server that the session uses now."""
    url = session.environment.base_url
    kept = _unfinished.get(session, [])
    return next((collector for base, collector in kept if base == url and collector.first_call == first), None)


def _keep_unfinished(session: Session, collector: PageCollector) -> None:
    others = [(url, kept) for url, kept in _unfinished.get(session, []) if kept.first_call != collector.first_call]
    _unfinished[session] = [*others, (session.environment.base_url, collector)][-_MAX_UNFINISHED:]
