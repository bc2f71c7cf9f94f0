"""All pages of a list, with their provenance."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import orjson

from ..call import Call
from ..errors import PagesIncomplete
from ..exchange import Exchange, lead
from ..frames import paged_frame
from ..spec import Operation
from .reading import Page, page_field, placed, read_page, skipped
from .scheme import Paging

if TYPE_CHECKING:
    from ..frames import DataFrame

_COUNTED_BLINDLY = ("offset", "page", "search", "link")
"""Styles that ask for a place in the list: a server that does not look at it sends the same page for ever."""


class Pages:
    """All pages of a list, with their provenance. Iterating gives the items; `frame()` gives a table of them.

    Attributes:
        exchanges: one for each page.
        total: how many items there are, where the server tells.
    """

    def __init__(self, operation: Operation, paging: Paging) -> None:
        self.operation = operation
        self._paging = paging
        self.exchanges: list[Exchange] = []
        self.total: int | None = None
        self._rows: list[tuple[int, int, Any]] = []
        self._beside: dict[str, dict[bytes, Any]] = {key: {} for key in paging.also}
        self._skipped = 0
        self._fault = ""
        self._last: list[Any] = []

    def __repr__(self) -> str:
        state = "" if self.complete else ", incomplete"
        return f"<Pages of {self.operation.id}: {len(self)} items on {len(self.exchanges)} pages{state}>"

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.items())

    @property
    def complete(self) -> bool:
        """Whether every page came, could be read, and was not the same one again."""
        return not self._fault

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
        if not self.complete and not partial:
            what = f"Page {len(self.exchanges)} of {self.operation.id} {self._fault}"
            raise PagesIncomplete(
                f"{what}; {len(self)} of {self.total or 'unknown'} items are here.",
                "Ask again, or take what there is with partial=True.",
                exchange=self.exchanges[-1],
            )
        return [item for _, _, item in self._rows]

    def frame(self, partial: bool = False) -> DataFrame:
        """The items as a DataFrame, indexed by page and position (both from 1), dtypes from the schema."""
        items = self.items(partial)
        first = next((exchange for exchange in self.exchanges if exchange.ok), None)
        places = [(page, position) for page, position, _ in self._rows]
        return paged_frame(items, places, page_field(self._paging, first) if first else None, lead(self.operation))

    def add(self, call: Call, exchange: Exchange) -> Call | None:
        """Take in one answer; the call for the next page, or None at the end or where the list cannot go on."""
        self.exchanges.append(exchange)
        if not exchange.ok:
            self._fault = f"did not come ({exchange.status_text})"
            return None
        call = placed(self._paging, call, exchange)
        if len(self.exchanges) == 1:
            self._skipped = skipped(self._paging, call)
        page = read_page(self._paging, call, exchange, self._skipped + len(self))
        self._fault = self._fault_of(page, call)
        if not self._is_again(page):
            self._take(page)
        return None if self._fault else page.following

    def _take(self, page: Page) -> None:
        self.total = page.total if page.total is not None else self.total
        number = len(self.exchanges)
        self._rows += [(number, position, item) for position, item in enumerate(page.items, 1)]
        for key, found in page.also.items():
            self._beside[key].update((orjson.dumps(item, option=orjson.OPT_SORT_KEYS), item) for item in found)
        self._last = page.items

    def _fault_of(self, page: Page, call: Call) -> str:
        """Why the list is not whole with this page, as a clause; empty where nothing is amiss."""
        if self._is_again(page):
            return f"is the same as the one before: the server does not go on by {self._paging.parameter!r}"
        return page.problem or ("names itself as the next one" if page.following == call else "")

    def _is_again(self, page: Page) -> bool:
        blind = self._paging.style in _COUNTED_BLINDLY
        return blind and bool(page.items) and page.items == self._last
