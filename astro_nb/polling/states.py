"""The state of a thing: where it stands in an answer, and what the overlay thinks of it.

Whether a state may be older than the last call that changed the thing.

A server may tell the old state for a while after a change was accepted. So a state counts only once something has
moved: another state was seen since that call, or it differs from the last one known before; else after a grace.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

from ..errors import PickError
from ..exchange import Exchange, plain
from ..jsonpath import pick
from ..messages import is_under_base_url
from ..openapi import Operation
from ..schema import Field, read_field

Kind = Literal["good", "bad", "passing", "error"]

GRACE = 10.0
"""Seconds after a change for which an unmoved state is not taken for its result, where the overlay says nothing."""

_LONGEST_STATE, _LONGEST_REASON = 60, 300


def state_of(exchange: Exchange) -> str:
    """The state in an answer, where the overlay says it stands (else `status`); empty where there is none."""
    return _picked(exchange, state_key(exchange.operation))


def reason_of(exchange: Exchange) -> str:
    """Why a thing is in its state, or what went wrong; in one line, and empty where nothing is said."""
    note = _note(exchange.operation)
    told = exchange.error.message if exchange.error else _picked(exchange, str(note.get("reason", "statusReason")))
    return one_line(told, _LONGEST_REASON)


def seen_of(exchange: Exchange) -> str:
    """The state in an answer, else its status, in one line."""
    return one_line(state_of(exchange) if exchange.ok else "", _LONGEST_STATE) or exchange.status_text


def kind_of(exchange: Exchange) -> Kind:
    """What the overlay thinks of the state in an answer; "passing" where it says nothing."""
    if not exchange.ok:
        return "error"
    state = state_of(exchange)
    kinds: tuple[Kind, ...] = ("good", "bad")
    return next((kind for kind in kinds if state in noted(exchange.operation, kind)), "passing")


def state_in(operation: Operation, data: Any) -> str:
    """The state in plain data of the kind that an operation answers; empty where there is none."""
    try:
        value = pick(data, f"$.{state_key(operation)}")
    except PickError:
        return ""
    return value if isinstance(value, str) else ""


def states_of(operation: Operation) -> set[str]:
    """Every state that the document gives the answer; none where it gives no list of them."""
    schema = operation.success.schema() if operation.success else None
    field: Field | None = read_field(operation.spec, schema) if schema is not None else None
    for step in state_key(operation).split("."):
        field = field.child(step) if field else None
    return {choice for choice in field.choices if isinstance(choice, str)} if field else set()


def noted(operation: Operation, kind: str) -> set[str]:
    """The states that the overlay calls good, or bad."""
    return set(_note(operation).get(kind, ()))


def state_key(operation: Operation) -> str:
    """Where the state stands: a path of names."""
    return str(_note(operation).get("state", "status"))


def grace_of(operation: Operation) -> float:
    """Seconds after a change for which an unmoved state is not taken for its result."""
    told = _note(operation).get("grace")
    return float(told) if isinstance(told, int | float) else GRACE


def one_line(text: str, most: int) -> str:
    """A server's text in one line of at most so many characters."""
    line = plain(" ".join(text[: 4 * most].split()), 4 * most)
    return line if len(line) <= most else f"{line[: most - 1]}…"


def _note(operation: Operation) -> Mapping[str, Any]:
    return operation.notes.get("settled") or {}


def _picked(exchange: Exchange, key: str) -> str:
    try:
        value = exchange[f"$.{key}"]
    except PickError:
        return ""
    return str(value) if isinstance(value, str) else ""


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
        return is_under_base_url(one.request.url.partition("?")[0], read.request.url.partition("?")[0])
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
    return state_in(operation, one.json()) if one.response and one.response.is_json else ""


def _listed(one: Exchange, operation: Operation, key: str) -> Iterator[str]:
    name = str((operation.notes.get("item") or {}).get("id", "id"))
    try:
        items = one.items if one.response and one.response.is_json else []
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
