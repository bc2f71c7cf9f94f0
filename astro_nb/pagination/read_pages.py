"""Every page of a list: the first one by itself, and the others as many at once as can be asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from itertools import islice
from typing import Any
from weakref import WeakKeyDictionary, ref

from ..call import Call
from ..errors import SettingsError, Stopped, UsageError
from ..exchange import CallGroup
from ..http import new_id
from ..progress import OnProgress
from ..session import Session
from ..session.concurrent import send_many
from .pages import Pages, counted
from .paging import first_call, paging_of

_MOST_UNFINISHED = 8
"""Lists whose reading was not finished that are held for each session."""

_TOGETHER = 250
"""Pages asked for together: a server may say that there are more than anybody can count."""

_unfinished: WeakKeyDictionary[Session, list[tuple[str | None, Pages]]] = WeakKeyDictionary()


def read_pages(
    session: Session,
    operation: str,
    bar: Callable[[], OnProgress] | None = None,
    resume: bool = False,
    /,
    **arguments: Any,
) -> Pages:
    """Every page of a list; those after the first are asked for together, where it is known where they stand.

    Args:
        session, operation: where to ask, and the operation that lists.
        bar: makes what is told of every page, anew for each time that is read: another cell shows another bar.
        resume: go on with the unfinished reading of this same call, where there is one; else read it from its start.
        arguments: as for `call`.

    Raises:
        UsageError: the operation does not list anything.
    """
    found = session.spec.operation(operation)
    paging = paging_of(found)
    if paging is None:
        raise UsageError(f"{operation} does not answer a list.", "Use api.call for it.")
    first = first_call(paging, session.build_call(operation, arguments))
    pages = (_begun(session, first) if resume else None) or Pages(found, paging, first)
    pages.reader = _reader(session, bar)
    return pages.resume()


def _reader(session: Session, bar: Callable[[], OnProgress] | None) -> Callable[[Pages], None]:
    """What reads a list, and later goes on with it; it does not keep the session alive."""
    found, url, group = ref(session), session.environment.base_url, CallGroup("pages", new_id())

    def read(pages: Pages) -> None:
        here = found()
        if here is None or here.environment.base_url != url:
            raise UsageError("The server that this list came from is not the one in use.", "Read the list anew there.")
        _read(here, pages, pages.exchanges[0].group if pages.exchanges else group, bar() if bar else None)

    return read


def _read(session: Session, pages: Pages, group: CallGroup, progress: OnProgress | None) -> None:
    """Ask for what is missing: what is known to be missing together, and what turns out then one after another."""
    pages.forgive()
    _hold(session, pages)
    told = _Told(pages, session.client.clock, progress)
    try:
        with session.pin_environment():
            _ask_all(session, pages, group, told)
    except (KeyboardInterrupt, Stopped, SettingsError):
        pages.interrupted()
        raise
    if pages.complete:
        _let_go(session, pages)


def _ask_all(session: Session, pages: Pages, group: CallGroup, told: _Told) -> None:
    if not pages.exchanges:
        _ask(session, pages, pages.wanted(), group, told)
    most = _TOGETHER
    while calls := list(islice(pages.wanted(), most)):
        most = most if len(calls) == most else 1
        _ask(session, pages, calls, group, told)
    session.pause(0)  # where this was cancelled, its last page was, and it ends as such


def _ask(session: Session, pages: Pages, calls: Iterable[Call], group: CallGroup, told: _Told) -> None:
    """Send calls and take in what comes; after a page that did not come no other one is sent."""
    asked: dict[int, Call] = {}

    def each() -> Iterator[tuple[int, Call]]:
        for number, call in enumerate(calls):
            if pages.is_stopped:
                return
            asked[number] = call
            yield number, call

    with closing(send_many(session, each(), lambda _: group)) as answers:
        for number, exchange in answers:
            pages.take(asked.pop(number), exchange)
            told()


class _Told:
    """Tells how the reading goes on: items, pages, how many a second, how long still."""

    def __init__(self, pages: Pages, clock: Callable[[], float], progress: OnProgress | None) -> None:
        self._pages, self._clock, self._progress = pages, clock, progress
        self._begun, self._before = clock(), pages.received

    def __call__(self) -> None:
        """Tell it now."""
        if self._progress is None:
            return
        here, expected = self._pages.received, self._pages.expected
        spent, came = self._clock() - self._begun, here - self._before
        rate = came / spent if spent > 0 else 0.0
        words = [f"{here:,} of {'?' if expected is None else f'{expected:,}'} items"]
        words += [counted(len(self._pages.exchanges), "page")]
        words += [f"{rate:,.0f} items/s"] if rate else []
        words += [f"{(expected - here) / rate:.0f} s left"] if expected and rate and expected > here else []
        self._progress(min(1.0, here / expected) if expected else None, ", ".join(words))


# --- what was not finished --------------------------------------------------------------------------------------------


def _begun(session: Session, first: Call) -> Pages | None:
    """The unfinished reading that began with this call, on the server that is asked now."""
    held = _unfinished.get(session, [])
    return next((pages for url, pages in held if url == session.environment.base_url and pages.first == first), None)


def _hold(session: Session, pages: Pages) -> None:
    """Keep a list until it is whole: a cell that is interrupted returns nothing."""
    held = [(url, other) for url, other in _unfinished.get(session, []) if other.first != pages.first]
    _unfinished[session] = [*held, (session.environment.base_url, pages)][-_MOST_UNFINISHED:]


def _let_go(session: Session, pages: Pages) -> None:
    _unfinished[session] = [(url, other) for url, other in _unfinished[session] if other is not pages]
