"""A list as it is read: answers are taken in, in whatever order they come, and what is missing is known."""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import orjson

from ..call import Call
from ..errors import PickError
from ..exchange import Exchange
from ..spec import Operation
from .identity import Identity, Rows, identity_of, lined_up
from .reading import placed
from .route import Route
from .scheme import Paging
from .telling import Fault, gap_of


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
