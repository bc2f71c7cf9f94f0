"""What is to be known of a list that was read, in sentences."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ..exchange import Exchange
from .identity import Identity, Rows, Twice
from .route import Route

_GO_ON = "Go on with pages.resume(), or take what there is with partial=True."
_ANEW = "Read the list anew, or take what there is with partial=True."
_SHOWN = 3

COLUMNS = {
    "id": "object",
    "page": "Int64",
    "position": "Int64",
    "first page": "Int64",
    "first position": "Int64",
}
"""What is told of an item that came again, with its dtype."""


@dataclass(frozen=True)
class Fault:
    """Why a list is not whole, as a sentence without its full stop; the exchange that tells more; what to do."""

    words: str
    exchange: Exchange | None = None
    todo: str = _GO_ON


def twice_row(twice: Twice) -> dict[str, object]:
    """An item that came again, by the names of `COLUMNS`."""
    values = (twice.id, twice.page, twice.position, twice.first_page, twice.first_position)
    return dict(zip(COLUMNS, values, strict=True))


def gap_of(name: str, route: Route, rows: Rows, identity: Identity | None, unread: bool) -> Fault | None:
    """Why what came is not all that there is; None where nothing says so.

    Args:
        name: the operation's.
        route: what came, and what was told of the total.
        rows: the items, lined up.
        identity: what tells them apart.
        unread: whether there is more to be asked for.
    """
    expected = None if route.total is None else route.total - route.start
    distinct = len(rows.items) - (len(rows.twice) if identity and not identity.noted else 0)
    if unread:
        return Fault(f"{name} was not read to its end")
    if expected is not None and distinct < expected:
        return Fault(f"{name}: the server says that there are {expected}, and only {distinct} different items came")
    if route.changed and route.is_blind and not (identity and route.is_counted):
        return Fault(f"{name} changed while it was read: items may be missing, or here twice", todo=_ANEW)
    return None


def notes_of(fault: Fault | None, rows: Rows, identity: Identity | None, route: Route) -> Iterator[str]:
    """What is missing and what to do about it, what came twice, what changed meanwhile."""
    if fault:
        yield f"{fault.words}. {fault.todo}"
    if rows.twice:
        yield _twice_words(rows.twice, identity)
    if route.changed:
        yield f"The list changed while it was read: it had {min(route.totals)} to {max(route.totals)} items."


def _twice_words(twice: Sequence[Twice], identity: Identity | None) -> str:
    count = f"{len(twice)} items came" if len(twice) > 1 else "One item came"
    ids = _listed(dict.fromkeys(str(each.id)[:60] for each in twice))
    known = identity.field if identity else ""
    kept = "each is here once" if identity and identity.noted else f"all are kept, for {known!r} is a guess"
    return f"{count} again on a later page, by {known!r} ({ids}); {kept}. See pages.duplicates."


def _listed(names: Iterable[str]) -> str:
    every = list(names)
    return ", ".join(every[:_SHOWN]) + (f" and {len(every) - _SHOWN} more" if len(every) > _SHOWN else "")
