"""Whether a state may be older than the last call that changed the thing.

A server may tell the old state for a while after a change was accepted. So a state counts only once something has
moved: another state was seen since that call, or it differs from the last one known before; else after a grace.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from urllib.parse import unquote, urlsplit

from ..errors import PickError
from ..exchange import Exchange
from ..message import is_below
from ..spec import Operation
from .states import state_in, state_of


@dataclass(frozen=True)
class Deed:
    """A call that may have changed a thing.

    Attributes:
        operation: its id.
        ended: when its answer came, UTC.
        before: the state of the thing that was last known before it; empty where none was.
        since: the states that were seen since, its own answer included.
    """

    operation: str
    ended: datetime
    before: str
    since: frozenset[str]

    def has_moved(self, state: str) -> bool:
        """Whether a state is another one than before, or others were seen since."""
        return self.before not in ("", state) or bool(self.since - {state})


def deed_before(trail: Sequence[Exchange], exchange: Exchange) -> Deed | None:
    """The last call that may have changed what an exchange reads; None where this session made none."""
    since: set[str] = set()
    earlier = reversed(trail)
    for one in earlier:
        if one.environment != exchange.environment:
            continue
        since.update(_states(one, exchange))
        if _touches(one, exchange):
            before = next((state for past in earlier for state in _states(past, exchange)), "")
            return Deed(one.operation.id, one.started + timedelta(seconds=one.elapsed), before, frozenset(since))
    return None


def _touches(one: Exchange, read: Exchange) -> bool:
    """Whether a call may have changed what another one reads: by the same path parameters, and perhaps more."""
    if one.operation.is_safe or not _may_have_changed(one):
        return False
    place = _place(read)
    if not place:
        return is_below(one.request.url.partition("?")[0], read.request.url.partition("?")[0])
    return place.items() <= _place(one).items() and _host(one) == _host(read)


def _may_have_changed(one: Exchange) -> bool:
    """Whether a call was done, or may have been; what was refused, and what made something new, changed nothing."""
    made = one.status == 201 and one.operation.method == "PUT"
    return not made and one.outcome != "failed"


def _states(one: Exchange, read: Exchange) -> Iterator[str]:
    """The state of a thing in an answer: in its own, or in a list's that it is in."""
    if not one.ok or _host(one) != _host(read):
        return
    here, there = _path(one), _path(read)
    if here == there:
        yield from filter(None, [_state_in(read.operation, one)])
    elif here == there.rpartition("/")[0]:
        yield from filter(None, _listed(one, read.operation, unquote(there.rpartition("/")[2])))


def _state_in(operation: Operation, one: Exchange) -> str:
    if one.operation is operation:
        return state_of(one)
    return state_in(operation, one.json()) if one.answer and one.answer.is_json else ""


def _listed(one: Exchange, operation: Operation, key: str) -> Iterator[str]:
    name = str((operation.notes.get("item") or {}).get("id", "id"))
    try:
        items = one.items if one.answer and one.answer.is_json else []
    except PickError:
        return
    yield from (state_in(operation, item) for item in items if isinstance(item, dict) and str(item.get(name)) == key)


def _host(one: Exchange) -> str:
    return urlsplit(one.request.url).netloc


def _path(one: Exchange) -> str:
    return urlsplit(one.request.url).path.rstrip("/")


def _place(one: Exchange) -> dict[str, str]:
    """The path parameters of a request, as they were sent."""
    found = _template(one.operation.path).search(_path(one))
    return dict(zip(re.findall(r"\{(.+?)\}", one.operation.path), found.groups(), strict=True)) if found else {}


@lru_cache(maxsize=256)
def _template(path: str) -> re.Pattern[str]:
    parts = re.split(r"\{.+?\}", path.rstrip("/"))
    return re.compile("([^/]+)".join(map(re.escape, parts)) + r"\Z")
