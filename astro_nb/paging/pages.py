"""All pages of a list, with their provenance."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..call import Call
from ..errors import PagesIncomplete
from ..exchange import Exchange, item_field, lead
from ..frames import paged_frame
from ..spec import Operation
from .scheme import Paging, read_page, skipped

if TYPE_CHECKING:
    from ..frames import DataFrame


class Pages:
    """All pages of a list, with their provenance. Iterating gives the items; `frame()` gives a table."""

    def __init__(self, operation: Operation, paging: Paging) -> None:
        self.operation = operation
        self._paging = paging
        self.exchanges: list[Exchange] = []
        self.total: int | None = None
        self._rows: list[tuple[int, int, Any]] = []
        self._skipped = 0

    def __repr__(self) -> str:
        state = "" if self.complete else ", incomplete"
        return f"<Pages of {self.operation.id}: {len(self)} items on {len(self.exchanges)} pages{state}>"

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.items())

    @property
    def complete(self) -> bool:
        """Whether every page came."""
        return all(exchange.ok for exchange in self.exchanges)

    def items(self, partial: bool = False) -> list[Any]:
        """The items in order.

        Raises:
            PagesIncomplete: a page is missing, and `partial` is not set.
        """
        if not self.complete and not partial:
            failed = self.exchanges[-1]
            raise PagesIncomplete(
                f"Page {len(self.exchanges)} of {self.operation.id} did not come ({failed.status_text}); "
                f"{len(self)} of {self.total or 'unknown'} items are here.",
                "Ask again, or take what there is with partial=True.",
                exchange=failed,
            )
        return [item for _, _, item in self._rows]

    def frame(self, partial: bool = False) -> DataFrame:
        """The items as a DataFrame, indexed by page and position (both from 1), dtypes from the schema."""
        items = self.items(partial)
        first = self.exchanges[0] if self.exchanges else None
        places = [(page, position) for page, position, _ in self._rows]
        return paged_frame(items, places, item_field(first) if first else None, lead(self.operation))

    def add(self, call: Call, exchange: Exchange) -> Call | None:
        """Take in one answer; the call for the next page, or None at the end or where a page did not come."""
        if not self.exchanges:
            self._skipped = skipped(self._paging, call)
        self.exchanges.append(exchange)
        if not exchange.ok:
            return None
        page = read_page(self._paging, call, exchange, self._skipped + len(self))
        self.total = page.total if page.total is not None else self.total
        number = len(self.exchanges)
        self._rows += [(number, position, item) for position, item in enumerate(page.items, 1)]
        return page.following
