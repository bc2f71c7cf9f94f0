"""The calls of a bulk, taken apart again: what is the same in all, and of each row what is its own.

What was sent, as the steps that somebody would tell of it.

Rule 1: a single call is a step; all requests of one wait, one list read page by page, one change or one bulk are one.
Rule 2: the same question asked by hand again and again, while the state passes, is one wait.
Rule 3: a group that ended badly is what its last request was: a call that is answered like this. A change stays one.
"""

from __future__ import annotations

import builtins
import keyword
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

from ..call import UNSET, Call
from ..environments import Environment, Variables
from ..exchange import Exchange
from ..openapi import Operation, Spec
from ..polling import parse_until, state_of
from ..schema import snake_case

Way = tuple[str, ...]
Parts = dict[Way, Any]
"""The values of a call by where they stand: the way begins with "parameters" or "body"."""


def shared(exchanges: Sequence[Exchange]) -> Call:
    """What is the same in the calls of all rows."""
    every = _calls(exchanges)
    parts = [_parts(call) for call in every]
    parameters = {way[1]: value for way, value in _same(parts).items() if way[0] == "parameters"}
    body: Any = UNSET
    if any(call.body is not UNSET for call in every):
        whole = next((value for way, value in _same(parts).items() if way == ("body",)), None)
        body = {} if whole is None else whole
        for way, value in _same(parts).items():
            if way[0] == "body" and len(way) > 1:
                _put(body, way[1:], value)
    return replace(every[-1], parameters=parameters, body=body)


def own(exchanges: Sequence[Exchange]) -> list[dict[str, Any]]:
    """Of each row what is its own, by the name that `api.bulk` knows the place by: `environmentVariable.value`."""
    parts = [_parts(call) for call in _calls(exchanges)]
    same = _same(parts)
    return [{".".join(way[1:]): value for way, value in row.items() if way not in same} for row in parts]


def _calls(exchanges: Sequence[Exchange]) -> list[Call]:
    """The last call of each row, in order of the rows."""
    found = {int(exchange.via.rpartition(":")[2]): exchange.call for exchange in exchanges}
    return [found[number] for number in sorted(found)]


def _parts(call: Call) -> Parts:
    parts: Parts = {("parameters", key): value for key, value in call.parameters.items()}
    return {**parts, **(dict(_leaves(("body",), call.body)) if call.body is not UNSET else {})}


def _leaves(way: Way, value: Any) -> Iterator[tuple[Way, Any]]:
    """The values of an object, as far as their names can be written with dots between them."""
    if not isinstance(value, Mapping) or not value or any("." in str(name) for name in value):
        yield way, value
        return
    for name, inner in value.items():
        yield from _leaves((*way, name), inner)


def _same(parts: Sequence[Parts]) -> Parts:
    """The parts that all have, and that are alike in all."""
    first, *others = parts
    return {way: value for way, value in first.items() if all(way in o and o[way] == value for o in others)}


def _put(holder: dict[str, Any], way: Way, value: Any) -> None:
    for step in way[:-1]:
        holder = holder.setdefault(step, {})
    holder[way[-1]] = value


Kind = Literal["call", "wait", "pages", "change", "bulk"]

RESERVED = frozenset(
    {
        *("Path", "anb", "api", "base_url", "display", "document", "environment", "rows", "sent"),
        *keyword.kwlist,
        *dir(builtins),
    }
)
"""Names that no step and no parameter may take: what the notebook itself uses, and Python's own."""

BY_HAND = 600.0
"""Seconds that a wait may take which was done by hand."""


class Recorded(Protocol):
    """What a recording needs to know of a session: all that was sent, and what it was sent with."""

    @property
    def exchanges(self) -> Sequence[Exchange]: ...

    @property
    def meant(self) -> Mapping[str, Call]: ...

    @property
    def variables(self) -> Variables: ...

    @property
    def environment(self) -> Environment: ...

    @property
    def effective_environment(self) -> Environment: ...

    @property
    def spec(self) -> Spec: ...


@dataclass(frozen=True)
class Step:
    """One step of a recording.

    Attributes:
        number: its place, from 1.
        kind: what it is done by: `api.call`, `api.wait`, `api.pages`, `api.change` or `api.bulk`.
        name: the variable that holds what came of it.
        exchanges: what was sent for it, in order.
        until: what a wait waited for: as it was given, or "a predicate".
        timeout: seconds that a wait may take.
        meant: of a change what was asked for, where no request of it says so.
    """

    number: int
    kind: Kind
    name: str
    exchanges: tuple[Exchange, ...]
    until: str | tuple[str, ...] = ""
    timeout: float = 0.0
    meant: Call | None = None

    @property
    def exchange(self) -> Exchange:
        """Its last exchange: the one that tells how it went."""
        return self.exchanges[-1]

    @property
    def operation(self) -> Operation:
        """The operation called."""
        last = self.exchange.operation
        return last.spec.operation(self.meant.operation) if self.meant else last

    @property
    def told(self) -> tuple[Exchange, ...]:
        """The exchanges that can be read from what came of it: of a change the last alone."""
        return self.exchanges[-1:] if self.kind == "change" else self.exchanges

    @property
    def call(self) -> Call:
        """What was meant: of a list the call for its first page, of a bulk what is the same in all rows."""
        if self.kind == "bulk":
            return shared(self.exchanges)
        return self.meant or self.exchanges[0 if self.kind == "pages" else -1].call

    @property
    def answered(self) -> bool:
        """Whether an answer came; without one there is nothing to do again."""
        return any(e.response is not None for e in (self.exchanges if self.kind == "bulk" else [self.exchange]))

    @property
    def title(self) -> str:
        """What it does, in the document's words."""
        return " ".join(self.operation.summary.split()).rstrip(".") or self.operation.id


def steps_of(
    trail: Iterable[Exchange], left_out: Collection[str] = (), meant: Mapping[str, Call] | None = None
) -> tuple[Step, ...]:
    """The steps of a row of exchanges, in order of their last one; those whose key is in `left_out` are not counted.

    `meant` says of groups what was asked for, by their key.
    """
    groups: dict[str, list[Exchange]] = {}
    for exchange in trail:
        key = group_key(exchange)
        groups[key] = [*groups.pop(key, []), exchange]
    kept: list[list[Exchange]] = []
    for group in (group for key, group in groups.items() if key not in left_out):
        if kept and _asked_again(kept[-1][-1], group[0]):
            kept[-1] += group
        else:
            kept.append(group)
    taken = set(RESERVED)
    return tuple(_step(number, group, taken, meant or {}) for number, group in enumerate(kept, 1))


def group_key(exchange: Exchange) -> str:
    """What the exchanges of one step have in common."""
    kind, _, rest = exchange.via.partition(":")
    return f"{kind}:{rest.partition(':')[0]}" if kind in ("wait", "pages", "change", "bulk") else exchange.id


def unique(wanted: str, taken: set[str]) -> str:
    """A name that is not taken yet, as near to the wanted one as can be; it is taken from then on."""
    base = f"{wanted}_" if wanted in RESERVED else wanted
    name, number = base, 1
    while name in taken:
        number += 1
        name = f"{wanted.rstrip('_')}_{number}"
    taken.add(name)
    return name


def _step(number: int, group: list[Exchange], taken: set[str], meant: Mapping[str, Call]) -> Step:
    last, asked = group[-1], meant.get(group_key(group[-1]))
    if asked is not None:
        return Step(number, "change", unique(snake_case(asked.operation), taken), tuple(group), meant=asked)
    kind, until, timeout = (
        _manner(last, len(group)) if last.ok or _is_gone(last) or _is_bulk(last) else ("call", "", 0.0)
    )
    if kind == "pages":  # they are asked for together, and come in any order
        group = sorted(group, key=lambda exchange: exchange.started)
    return Step(number, kind, unique(snake_case(last.operation.id), taken), tuple(group), until, timeout)


def _is_gone(exchange: Exchange) -> bool:
    """Whether a thing was waited for to be gone, and is."""
    return exchange.via.startswith("wait:") and ":gone:" in exchange.via and exchange.status in (404, 410)


def _manner(exchange: Exchange, count: int) -> tuple[Kind, str | tuple[str, ...], float]:
    """What a group was done by, from its last exchange and the number of all."""
    kind, _, rest = exchange.via.partition(":")
    if _is_bulk(exchange):
        return "bulk", "", 0.0
    if kind == "pages":
        return "pages", "", 0.0
    if kind != "wait":
        waited = count > 1 and _state_of(exchange) == "good"
        return ("wait", state_of(exchange), BY_HAND) if waited else ("call", "", 0.0)
    until, _, timeout = rest.partition(":")[2].rpartition(":")
    return "wait", parse_until(until), float(timeout)


def _is_bulk(exchange: Exchange) -> bool:
    return exchange.via.startswith("bulk:")


def _asked_again(before: Exchange, after: Exchange) -> bool:
    """Whether a question is the one before it, which was asked by hand while the state was passing."""
    single = all(group_key(exchange) == exchange.id for exchange in (before, after))
    same = before.call == after.call and before.request.url == after.request.url
    return single and same and before.operation.is_safe and _state_of(before) == "passing"


def _state_of(exchange: Exchange) -> str:
    """What the overlay calls the state in an answer: "good", "bad", else "passing"; empty where it says nothing."""
    note = exchange.operation.notes.get("settled") or {}
    state = state_of(exchange) if note and exchange.ok else ""
    return next((kind for kind in ("good", "bad") if state in note.get(kind, ())), "passing") if state else ""
