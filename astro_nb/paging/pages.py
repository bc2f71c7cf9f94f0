"""All pages of a list, with their provenance."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from ..errors import PagesIncomplete, UsageError
from ..exchange import lead
from ..frames import paged_frame, records_frame
from .drawing import draw, told
from .gathering import Gathering
from .reading import page_field
from .telling import COLUMNS, notes_of, twice_row

if TYPE_CHECKING:
    from ..frames import DataFrame


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
        return records_frame(map(twice_row, self._rows.twice), COLUMNS)

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
