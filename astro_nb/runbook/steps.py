"""What was sent, as the steps that somebody would tell of it.

Rule 1: a single call is a step; all requests of one wait, of one list read page by page, or of one change, are one.
Rule 2: the same question asked by hand again and again, while the state passes, is one wait.
Rule 3: a group that ended badly is what its last request was: a call that is answered like this. A change stays one.
"""

from __future__ import annotations

import builtins
import keyword
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from ..call import Call
from ..environment import Environment, Variables
from ..exchange import Exchange
from ..fields import snake
from ..spec import Operation, Spec
from ..waiting import state_of, until_of

Kind = Literal["call", "wait", "pages", "change"]

RESERVED = frozenset(
    {"Path", "anb", "api", "base_url", "display", "document", "environment", "sent", *keyword.kwlist, *dir(builtins)}
)
"""Names that no step and no parameter may take: what the notebook itself uses, and Python's own."""

BY_HAND = 600.0
"""Seconds that a wait may take which was done by hand."""


class Recorded(Protocol):
    """What a recording needs to know of a session: all that was sent, and what it was sent with."""

    @property
    def trail(self) -> Sequence[Exchange]: ...

    @property
    def meant(self) -> Mapping[str, Call]: ...

    @property
    def variables(self) -> Variables: ...

    @property
    def environment(self) -> Environment: ...

    @property
    def acting(self) -> Environment: ...

    @property
    def spec(self) -> Spec: ...


@dataclass(frozen=True)
class Step:
    """One step of a recording.

    Attributes:
        number: its place, from 1.
        kind: what it is done by: `api.call`, `api.wait`, `api.pages` or `api.change`.
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
        """What was meant: of a list the call for its first page."""
        return self.meant or self.exchanges[0 if self.kind == "pages" else -1].call

    @property
    def answered(self) -> bool:
        """Whether an answer came; without one there is nothing to do again."""
        return self.exchange.answer is not None

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
    return f"{kind}:{rest.partition(':')[0]}" if kind in ("wait", "pages", "change") else exchange.id


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
        return Step(number, "change", unique(snake(asked.operation), taken), tuple(group), meant=asked)
    kind, until, timeout = _manner(last, len(group)) if last.ok or _is_gone(last) else ("call", "", 0.0)
    return Step(number, kind, unique(snake(last.operation.id), taken), tuple(group), until, timeout)


def _is_gone(exchange: Exchange) -> bool:
    """Whether a thing was waited for to be gone, and is."""
    return exchange.via.startswith("wait:") and ":gone:" in exchange.via and exchange.status in (404, 410)


def _manner(exchange: Exchange, count: int) -> tuple[Kind, str | tuple[str, ...], float]:
    """What a group was done by, from its last exchange and the number of all."""
    kind, _, rest = exchange.via.partition(":")
    if kind == "pages":
        return "pages", "", 0.0
    if kind != "wait":
        waited = count > 1 and _state_of(exchange) == "good"
        return ("wait", state_of(exchange), BY_HAND) if waited else ("call", "", 0.0)
    until, _, timeout = rest.partition(":")[2].rpartition(":")
    return "wait", until_of(until), float(timeout)


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
