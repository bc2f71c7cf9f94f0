"""A list as it is read: answers are taken in, in whatever order they come, and what is missing is known.

A list that was read, in words and as static HTML.

All pages of a list, with their provenance.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import orjson

from .. import html
from ..call import Call
from ..errors import PagesIncomplete, PickError, UsageError
from ..exchange import Exchange, lead, paged_frame
from ..frames import make_frame
from ..openapi import Operation
from .identity import COLUMNS, Fault, Identity, Rows, gap_of, identity_of, lined_up, notes_of, twice_row
from .paging import Paging
from .reading import page_field, placed
from .route import Route

if TYPE_CHECKING:
    from ..frames import DataFrame


class Gathering:
    """What came of a list so far.

    Attributes:
        operation: the operation that lists.
        exchanges: one for each page, in the order in which they were asked for.
        first: the call that the list began with.
    """

    def __init__(self, operation: Operation, paging: Paging, first: Call | None = None) -> None:
        self.operation = operation
        self.exchanges: list[Exchange] = []
        self.first = first
        self._paging = paging
        self._route = Route(paging, first)
        self._beside: dict[str, dict[bytes, Any]] = {key: {} for key in paging.also}
        self._fault: Fault | None = None

    @property
    def total(self) -> int | None:
        """How many items there are, where the server tells; as it was told last."""
        return self._route.total

    @property
    def expected(self) -> int | None:
        """How many items are to come, without those that an offset skips; None where nobody knows."""
        return None if self.total is None else max(0, self.total - self._route.start)

    @property
    def received(self) -> int:
        """How many items have come so far, repeated ones too."""
        return sum(len(part.items) for part in self._route.parts)

    @property
    def is_stopped(self) -> bool:
        """Whether something went wrong, so that nothing further is to be asked for."""
        return self._fault is not None

    def wanted(self) -> Iterator[Call]:
        """The calls for all that is missing, as far as that is known now; none after something went wrong."""
        if self._fault:
            return iter(())
        changed = self._route.changed
        return self._route.wanted(changed and self._identity is not None, changed and bool(self._rows.twice))

    def add(self, call: Call, exchange: Exchange) -> Call | None:
        """Take in one answer; the call for the next page, or None at the end or where the list cannot go on."""
        self.take(call, exchange)
        return next(self.wanted(), None)

    def take(self, call: Call, exchange: Exchange) -> None:
        """Take in one answer, in whatever order they come.

        Raises:
            PickError: the first answer is no list at all.
        """
        insort(self.exchanges, exchange, key=lambda sent: sent.started)
        self._changed()
        if not exchange.ok:
            self._fail(f"did not come ({exchange.status_text})", call, exchange)
            return
        call = placed(self._paging, call, exchange)
        try:
            page = self._route.read(call, exchange)
        except PickError as error:
            if not self._route.parts:
                raise
            self._fail(f"could not be read: {error.what.rstrip('.')}", call, exchange)
            return
        problem = self._route.take(call, page)
        for key, found in page.also.items():
            self._beside[key].update((orjson.dumps(item, option=orjson.OPT_SORT_KEYS), item) for item in found)
        if problem:
            self._fail(problem, call, exchange)

    def forgive(self) -> None:
        """Forget what went wrong: it is asked for again."""
        self._fault = None
        self._route.forgive()
        self._changed()

    def interrupted(self) -> None:
        """Whoever reads was stopped."""
        self._fault = Fault(f"The reading of {self.operation.id} was interrupted")
        self._changed()

    def _fail(self, what: str, call: Call, exchange: Exchange) -> None:
        """Something is amiss with a page; the first word of it stays."""
        words = f"Page {self._route.number(call)} of {self.operation.id} {what}"
        self._fault = self._fault or Fault(words, exchange)

    def _changed(self) -> None:
        for name in ("_identity", "_rows", "_shortfall"):
            self.__dict__.pop(name, None)

    @cached_property
    def _identity(self) -> Identity | None:
        return identity_of(self.operation, self._route.parts)

    @cached_property
    def _rows(self) -> Rows:
        return lined_up(self._route.parts, self._identity)

    @cached_property
    def _shortfall(self) -> Fault | None:
        unread = next(self.wanted(), None) is not None
        return self._fault or gap_of(self.operation.id, self._route, self._rows, self._identity, unread)


_MOST_ROWS, _MOST_COLUMNS, _LONGEST = 5, 8, 60


def told(pages: Pages) -> str:
    """A list in one line of text, and a line for each note."""
    count = counted(len(pages.exchanges), "page")
    state = "" if pages.complete else ", incomplete"
    head = f"<Pages of {pages.operation.id}: {len(pages)} items on {count}{state}>"
    return "\n".join([head, *(f"  {note}" for note in pages.notes)])


def draw(pages: Pages) -> html.Markup:
    """A list as static HTML: how many, whether all, what is to be known, and the first rows."""
    state = html.pill("complete", "good") if pages.complete else html.pill("incomplete", "bad")
    total = "" if pages.total is None else f" of {pages.total:,}"
    facts = f"{len(pages):,} items{total} · {counted(len(pages.exchanges), 'page')}"
    head = html.tag("div", state, " ", html.tag("strong", pages.operation.id), " ", html.muted(facts))
    notes = [html.tag("div", note, style=_NOTE) for note in pages.notes]
    return html.tag("div", head, *notes, _rows(pages), style=f"color:{html.TEXT}")


def counted(number: int, what: str) -> str:
    """A number of things: "1 page", "2,000 pages"."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


_NOTE = f"border-left:3px solid {html.TONES['warn'][0]};padding:2px 0 2px 10px;margin:4px 0;overflow-wrap:anywhere"


def _rows(pages: Pages) -> html.Markup:
    """The first items as a table: what tells them apart comes first."""
    shown = pages.items(partial=True)[:_MOST_ROWS]
    rows = [item if isinstance(item, Mapping) else {"value": item} for item in shown]
    present = dict.fromkeys(str(name) for row in rows for name, value in row.items() if _is_scalar(value))
    first = [name for name in lead(pages.operation) if name in present]
    columns = list(dict.fromkeys([*first, *present]))
    drawn = columns[:_MOST_COLUMNS]
    left = [counted(len(pages) - len(rows), "more item") if len(pages) > len(rows) else ""]
    left += [counted(len(columns) - len(drawn), "more column") if len(columns) > len(drawn) else ""]
    beyond = " and ".join(part for part in left if part)
    table = html.table([_cut(name) for name in drawn], [[_cut(row.get(name, "")) for name in drawn] for row in rows])
    return html.join([table if rows else "", html.muted(f"{beyond}: see .frame()") if beyond else ""])


def _is_scalar(value: Any) -> bool:
    return not isinstance(value, Mapping | list)


def _cut(value: Any) -> str:
    text = "" if value is None or not _is_scalar(value) else str(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


class Pages(Gathering):
    """All pages of a list, with their provenance. Iterating gives the items; `frame()` gives a table of them.

    Attributes:
        exchanges: one for each page, in the order in which they were asked for.
        total: how many items there are, where the server tells.
        reader: goes on with the reading; whoever reads sets it.
    """

    reader: Callable[[Pages], object] | None = None

    def __repr__(self) -> str:
        return told(self)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/plain": repr(self), "text/html": str(draw(self))}

    def __len__(self) -> int:
        return len(self._rows.items)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.items())

    @property
    def complete(self) -> bool:
        """Whether every page came and could be read, and together they hold what the server says there is."""
        return self._shortfall is None

    @property
    def notes(self) -> list[str]:
        """What is to be known of this list, in sentences: what is missing, what came twice, what changed meanwhile."""
        return list(notes_of(self._shortfall, self._rows, self._identity, self._route))

    @property
    def duplicates(self) -> DataFrame:
        """Items that came again, each with where it stood and where it had stood before."""
        return make_frame(map(twice_row, self._rows.twice), COLUMNS)

    @property
    def also(self) -> dict[str, list[Any]]:
        """Items of another kind that came beside the others, each once, by the key of their array.

        ListRoles: the items, and the table, are the custom roles; `pages.also["defaultRoles"]` are the built-in ones.
        """
        return {key: list(found.values()) for key, found in self._beside.items()}

    def items(self, partial: bool = False) -> list[Any]:
        """The items in order.

        Raises:
            PagesIncomplete: the list is not whole, and `partial` is not set.
        """
        lacking = self._shortfall
        if lacking is not None and not partial:
            what = f"{lacking.words}; {len(self)} of {self.total or 'unknown'} items are here."
            raise PagesIncomplete(what, lacking.todo, exchange=lacking.exchange)
        return list(self._rows.items)

    def frame(self, partial: bool = False) -> DataFrame:
        """The items as a DataFrame, indexed by page and position (both from 1), dtypes from the schema."""
        items = self.items(partial)
        first = next((exchange for exchange in self.exchanges if exchange.ok), None)
        return paged_frame(
            items, self._rows.places, page_field(self._paging, first) if first else None, lead(self.operation)
        )

    def resume(self) -> Pages:
        """Ask for what is missing, and for nothing else; gives this same list.

        Raises:
            UsageError: nothing reads this list.
        """
        if self.reader is None:
            raise UsageError("This list was not read by a workbench.", "Read it with api.pages.")
        self.reader(self)
        return self
