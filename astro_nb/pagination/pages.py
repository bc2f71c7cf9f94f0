"""Read every page of a list: its items, a DataFrame of them, and how the list is displayed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from itertools import islice
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, ref

from .. import html
from ..call import Call
from ..errors import PagesIncomplete, SettingsError, Stopped, UsageError
from ..exchange import CallGroup, Exchange, leading_columns, paged_frame
from ..frames import make_frame
from ..http import new_id
from ..openapi import Operation
from ..progress import OnProgress
from ..session import Session, send_many
from .collector import Duplicate, PageCollector
from .paging import first_call, page_item_field, paging_of

if TYPE_CHECKING:
    from ..frames import DataFrame


_DUPLICATE_COLUMNS = {
    "id": "object",
    "page": "Int64",
    "position": "Int64",
    "first page": "Int64",
    "first position": "Int64",
}
_MAX_ROWS, _MAX_COLUMNS, _MAX_TEXT = 5, 8, 60  # of the table that is displayed


class Pages:
    """All pages of a list. Iterating yields the items; `frame()` returns a DataFrame of them.

    A list is whole only if something says so: a total that is reached, a page that says that it is the last one, an
    empty or a short page. Any other list raises PagesIncomplete, unless you pass `partial=True`.
    """

    def __init__(self, collector: PageCollector, read: Callable[[PageCollector], object] | None = None) -> None:
        self._collector = collector
        self._read = read

    def __repr__(self) -> str:
        pages = html.pluralize(len(self.exchanges), "page")
        state = _STATES[self.complete, self._collector.is_confirmed][0]
        head = f"<Pages of {self.operation.id}: {html.pluralize(len(self), 'item')} on {pages}{state}>"
        return "\n".join([head, *(f"  {note}" for note in self.notes)])

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/plain": repr(self), "text/html": str(_draw_pages(self))}

    def __len__(self) -> int:
        return len(self._collector.ordered.items)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.items())

    @property
    def operation(self) -> Operation:
        """The operation that lists."""
        return self._collector.operation

    @property
    def first_call(self) -> Call | None:
        """The call for the first page."""
        return self._collector.first_call

    @property
    def exchanges(self) -> list[Exchange]:
        """The exchanges, one per page, in the order in which they were sent."""
        return self._collector.exchanges

    @property
    def total(self) -> int | None:
        """The number of items in the list, as the last response declared it; None if none did."""
        return self._collector.total

    @property
    def complete(self) -> bool:
        """Whether every page was received, and together they hold as many items as the server declares.

        If neither the server nor the document says anything about other pages, it is true, and `notes` says so.
        """
        return self._collector.shortfall is None

    @property
    def gap(self) -> str:
        """Why the list is, or may be, incomplete, in sentences; empty if something says that it is whole."""
        return self._collector.gap

    @property
    def notes(self) -> list[str]:
        """What to know about this list, in sentences: what is missing, duplicates, and changes while it was read."""
        return list(self._collector.notes())

    @property
    def duplicates(self) -> DataFrame:
        """The items that are on more than one page: the id, where it was found again, and where it was first."""
        return make_frame(map(_duplicate_row, self._collector.ordered.duplicates), _DUPLICATE_COLUMNS)

    @property
    def other_items(self) -> dict[str, list[Any]]:
        """Items of other kinds in the same responses, each once, by the key of their array.

        ListRoles: the items are the custom roles; `pages.other_items["defaultRoles"]` are the built-in ones.
        """
        return self._collector.other_items

    def items(self, partial: bool = False) -> list[Any]:
        """Return the items in order.

        Args:
            partial: whether to return the items of an incomplete list.

        Raises:
            PagesIncomplete: the list is incomplete, and `partial` is false.
        """
        shortfall = self._collector.shortfall
        if shortfall is not None and not partial:
            received = f"{len(self)} {f'of {self.total} ' if self.total else ''}items were received"
            raise PagesIncomplete(f"{shortfall.problem}; {received}.", shortfall.todo, exchange=shortfall.exchange)
        return list(self._collector.ordered.items)

    def frame(self, partial: bool = False) -> DataFrame:
        """Return the items as a DataFrame, indexed by page and position (both from 1), with dtypes from the schema.

        If the list is incomplete, or nothing says that it is whole, `frame.attrs["incomplete"]` says why.

        Args:
            partial: whether to return the items of an incomplete list.

        Raises:
            PagesIncomplete: the list is incomplete, and `partial` is false.
        """
        items, collector = self.items(partial), self._collector
        first = next((exchange for exchange in self.exchanges if exchange.ok), None)
        field = page_item_field(collector.paging, first) if first else None
        frame = paged_frame(items, collector.ordered.places, field, leading_columns(self.operation))
        if collector.gap:
            frame.attrs["incomplete"] = collector.gap
        return frame

    def resume(self) -> Pages:
        """Request what is missing, and nothing else; return this list.

        Raises:
            UsageError: the list was not read by `api.pages`, or the session now uses another server.
        """
        if self._read is None:
            raise UsageError("This list was not read by a workbench.", "Read it with api.pages.")
        self._read(self._collector)
        return self


def _duplicate_row(duplicate: Duplicate) -> dict[str, object]:
    """Return a duplicate by the names of the columns."""
    values = (
        duplicate.id, duplicate.page, duplicate.position, duplicate.first_page, duplicate.first_position
    )  # fmt: skip
    return dict(zip(_DUPLICATE_COLUMNS, values, strict=True))


_STATES = {
    (True, True): ("", "complete", "good"),
    (True, False): (", perhaps incomplete", "perhaps incomplete", "warn"),
    (False, False): (", incomplete", "incomplete", "bad"),
}
"""How a list is named in text and in HTML, and its tone: by whether it is complete, and whether something says so."""

_NOTE_STYLE = (
    f"border-left:3px solid {html.TONES['warn'][0]};padding:2px 0 2px 10px;margin:4px 0;overflow-wrap:anywhere"
)


def _draw_pages(pages: Pages) -> html.Markup:
    """Return a list as static HTML: the number of items, whether it is complete, the notes, and the first rows."""
    state = html.pill(*_STATES[pages.complete, pages._collector.is_confirmed][1:])
    total = "" if pages.total is None else f" of {pages.total:,}"
    noun = "item" if (pages.total if pages.total is not None else len(pages)) == 1 else "items"
    facts = f"{len(pages):,}{total} {noun} · {html.pluralize(len(pages.exchanges), 'page')}"
    head = html.tag("div", state, " ", html.tag("strong", pages.operation.id), " ", html.muted(facts))
    notes = [html.tag("div", note, style=_NOTE_STYLE) for note in pages.notes]
    return html.tag("div", head, *notes, _draw_first_rows(pages), style=f"color:{html.TEXT}")


def _draw_first_rows(pages: Pages) -> html.Markup:
    """Return the first items as a table; ids and names come first."""
    first_items = pages.items(partial=True)[:_MAX_ROWS]
    rows = [item if isinstance(item, Mapping) else {"value": item} for item in first_items]
    present = dict.fromkeys(str(name) for row in rows for name, value in row.items() if _is_scalar(value))
    leading = [name for name in leading_columns(pages.operation) if name in present]
    columns = list(dict.fromkeys([*leading, *present]))
    drawn = columns[:_MAX_COLUMNS]
    left_out = [(len(pages) - len(rows), "more item"), (len(columns) - len(drawn), "more column")]
    more = " and ".join(html.pluralize(count, noun) for count, noun in left_out if count)
    table = html.table([_cut(name) for name in drawn], [[_cut(row.get(name, "")) for name in drawn] for row in rows])
    return html.join([table if rows else "", html.muted(f"{more}: see .frame()") if more else ""])


def _is_scalar(value: Any) -> bool:
    return not isinstance(value, Mapping | list)


def _cut(value: Any) -> str:
    text = "" if value is None or not _is_scalar(value) else str(value)
    return text if len(text) <= _MAX_TEXT else f"{text[: _MAX_TEXT - 1]}…"


_MAX_UNFINISHED = 8
"""The number of unfinished lists that are remembered for each session."""

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
    """Request what is missing; the list is remembered as unfinished until it is complete."""
    collector.retry()
    _remember_unfinished(session, collector)
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
    unfinished = _unfinished.get(session, [])
    return next((collector for base, collector in unfinished if base == url and collector.first_call == first), None)


def _remember_unfinished(session: Session, collector: PageCollector) -> None:
    others = [(url, other) for url, other in _unfinished.get(session, []) if other.first_call != collector.first_call]
    _unfinished[session] = [*others, (session.environment.base_url, collector)][-_MAX_UNFINISHED:]
