"""Where a variable's value was taken from: an answer, told by the very object that was picked, not by its looks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ..exchange import Exchange
from ..pick import leaves, to_path

_MOST_LEAVES = 1000
_WRITTEN = re.compile(r"(?s)(\S+) (\$.*) \(exchange (\S+), (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) UTC\)")


@dataclass(frozen=True)
class Provenance:
    """A place in an answer. Its text is a variable's `source`; `Provenance.read` is the inverse.

    >>> text = str(Provenance("ListDeployments", "$.deployments[0].id", "0006-1", datetime(2026, 6, 1, tzinfo=UTC)))
    >>> text
    'ListDeployments $.deployments[0].id (exchange 0006-1, 2026-06-01 00:00:00 UTC)'
    >>> Provenance.read(text).path
    '$.deployments[0].id'
    """

    operation: str
    path: str
    exchange_id: str
    when: datetime

    @classmethod
    def of(cls, exchange: Exchange, path: str) -> Provenance:
        """The provenance of what stands at a path of an answer."""
        return cls(exchange.operation.id, path, exchange.id, exchange.started.astimezone(UTC).replace(microsecond=0))

    @classmethod
    def read(cls, source: str) -> Provenance | None:
        """What a variable's source tells; None where it came from no answer."""
        found = _WRITTEN.fullmatch(source)
        if found is None:
            return None
        when = datetime.strptime(found[4], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
        return cls(found[1].replace("%20", " "), found[2], found[3], when)

    def __str__(self) -> str:
        name = re.sub(r"\s", "%20", self.operation)
        return f"{name} {self.path} (exchange {self.exchange_id}, {self.when:%Y-%m-%d %H:%M:%S} UTC)"


def provenance_of(value: Any, exchanges: Iterable[Exchange]) -> Provenance | None:
    """Where a value was picked, by `response["$…"]` or out of what that gave; None where it was not.

    The object itself is looked for: a text that is merely equal was typed by somebody, or came from elsewhere.
    """
    if not _is_unique(value):
        return None
    for exchange in exchanges:
        for held, path in reversed(exchange.picked):
            inner = next((at for at, found in _parts(held) if found is value), None)
            if inner is not None:
                return Provenance.of(exchange, path + inner if inner else path)
    return None


def _is_unique(value: Any) -> bool:
    """Whether Python makes a new object for each such value; of small numbers, short texts and constants it has one."""
    if value is None or isinstance(value, bool):
        return False
    if isinstance(value, int):
        return not -6 < value < 257
    return len(value) > 1 if isinstance(value, str) else True


def _parts(held: Any) -> Iterator[tuple[str, Any]]:
    yield "", held
    if isinstance(held, dict | list):
        for location, leaf in leaves(held, _MOST_LEAVES):
            yield to_path(location)[1:], leaf
