"""Group recorded exchanges into steps.

Rule 1: a single call is a step; all requests of one wait, one paginated list, one change or one bulk are one step.
Rule 2: the same read repeated by hand while the state is still changing is one wait.
Rule 3: a group that failed becomes a single call with its last request and response; a change stays a change.
"""

from __future__ import annotations

import builtins
import keyword
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

from ..call import UNSET, Call
from ..environments import Environment, Environments, Variables
from ..exchange import Exchange
from ..openapi import Operation, Spec
from ..polling import state_of
from ..schema import snake_case

_Path = tuple[str, ...]
_ValuesByPath = dict[_Path, Any]
"""The values of a call by path, which begins with "parameters" or "body"."""


def shared_call(exchanges: Sequence[Exchange]) -> Call:
    """The call with what all rows have in common."""
    every = _row_calls(exchanges)
    parts = [_call_values(call) for call in every]
    parameters = {
        location[1]: value for location, value in _common_values(parts).items() if location[0] == "parameters"
    }
    body: Any = UNSET
    if any(call.body is not UNSET for call in every):
        whole = next((value for location, value in _common_values(parts).items() if location == ("body",)), None)
        body = {} if whole is None else whole
        for location, value in _common_values(parts).items():
            if location[0] == "body" and len(location) > 1:
                _put_nested(body, location[1:], value)
    return replace(every[-1], parameters=parameters, body=body)


def own_values(exchanges: Sequence[Exchange]) -> list[dict[str, Any]]:
    """The values particular to each row, by the column name `api.bulk` takes: `environmentVariable.value`."""
    parts = [_call_values(call) for call in _row_calls(exchanges)]
    same = _common_values(parts)
    return [{".".join(location[1:]): value for location, value in row.items() if location not in same} for row in parts]


def _row_calls(exchanges: Sequence[Exchange]) -> list[Call]:
    """The last call of each row, in row order."""
    found = {exchange.group.row or 0: exchange.call for exchange in exchanges}
    return [found[number] for number in sorted(found)]


def _call_values(call: Call) -> _ValuesByPath:
    parts: _ValuesByPath = {("parameters", key): value for key, value in call.parameters.items()}
    return {**parts, **(dict(_named_values(("body",), call.body)) if call.body is not UNSET else {})}


def _named_values(location: _Path, value: Any) -> Iterator[tuple[_Path, Any]]:
    """The values inside an object, as deep as their names can be joined by dots."""
    if not isinstance(value, Mapping) or not value or any("." in str(name) for name in value):
        yield location, value
        return
    for name, inner in value.items():
        yield from _named_values((*location, name), inner)


def _common_values(parts: Sequence[_ValuesByPath]) -> _ValuesByPath:
    """The values that are present and equal in all rows."""
    first, *others = parts
    return {
        location: value
        for location, value in first.items()
        if all(location in o and o[location] == value for o in others)
    }


def _put_nested(container: dict[str, Any], location: _Path, value: Any) -> None:
    for step in location[:-1]:
        container = container.setdefault(step, {})
    container[location[-1]] = value


StepKind = Literal["call", "wait", "pages", "change", "bulk"]

RESERVED = frozenset(
    {
        *("Path", "anb", "api", "base_url", "display", "document", "environment", "rows", "sent"),
        *keyword.kwlist,
        *dir(builtins),
    }
)
"""Names that no step or parameter may take: those the notebook uses itself, and Python's own."""

MANUAL_WAIT_TIMEOUT = 600.0
"""The timeout in seconds of a wait that was done by hand."""


class Recorded(Protocol):
    """What a recording needs of a session: what was sent, and with which variables and environment."""

    @property
    def exchanges(self) -> Sequence[Exchange]: ...

    @property
    def group_calls(self) -> Mapping[str, Call]: ...

    @property
    def variables(self) -> Variables: ...

    @property
    def environment(self) -> Environment: ...

    @property
    def effective_environment(self) -> Environment: ...

    @property
    def environments(self) -> Environments: ...

    @property
    def spec(self) -> Spec: ...


@dataclass(frozen=True)
class Step:
    """One step of a runbook.

    Attributes:
        number: its position, from 1.
        kind: the method that performs it: `api.call`, `api.wait`, `api.pages`, `api.change` or `api.bulk`.
        name: the variable its result is assigned to.
        exchanges: its requests and responses, in order.
        until: the condition of a wait as given, or "a predicate".
        timeout: the timeout of a wait, in seconds.
        requested: the requested change, since no single request holds it.
    """

    number: int
    kind: StepKind
    name: str
    exchanges: tuple[Exchange, ...]
    until: str | tuple[str, ...] = ""
    timeout: float = 0.0
    requested: Call | None = None

    @property
    def exchange(self) -> Exchange:
        """The last exchange: the one that decided the result."""
        return self.exchanges[-1]

    @property
    def operation(self) -> Operation:
        """The operation that is called."""
        last = self.exchange.operation
        return last.spec.operation(self.requested.operation) if self.requested else last

    @property
    def readable_exchanges(self) -> tuple[Exchange, ...]:
        """The exchanges whose responses later steps can read: all of them, or the last one of a change."""
        return self.exchanges[-1:] if self.kind == "change" else self.exchanges

    @property
    def call(self) -> Call:
        """The call to repeat: for a list the call for its first page, for a bulk what all rows have in common."""
        if self.kind == "bulk":
            return shared_call(self.exchanges)
        return self.requested or self.exchanges[0 if self.kind == "pages" else -1].call

    @property
    def has_response(self) -> bool:
        """Whether a response was received; without one there is nothing to repeat."""
        return any(e.response is not None for e in (self.exchanges if self.kind == "bulk" else [self.exchange]))

    @property
    def title(self) -> str:
        """The summary of the operation, or its id."""
        return " ".join(self.operation.summary.split()).rstrip(".") or self.operation.id


def group_into_steps(
    exchanges: Iterable[Exchange], left_out: Collection[str] = (), group_calls: Mapping[str, Call] | None = None
) -> tuple[Step, ...]:
    """Group exchanges into steps, in order of their last exchange.

    Args:
        exchanges: the exchanges, oldest first.
        left_out: the keys of the groups to leave out.
        group_calls: the requested changes, by group id.
    """
    groups: dict[str, list[Exchange]] = {}
    for exchange in exchanges:
        key = group_key(exchange)
        groups[key] = [*groups.pop(key, []), exchange]
    joined: list[list[Exchange]] = []
    for group in (group for key, group in groups.items() if key not in left_out):
        if joined and _repeats(joined[-1][-1], group[0]):
            joined[-1] += group
        else:
            joined.append(group)
    taken = set(RESERVED)
    return tuple(_make_step(number, group, taken, group_calls or {}) for number, group in enumerate(joined, 1))


def group_key(exchange: Exchange) -> str:
    """The key that the exchanges of one step share."""
    return exchange.group.id or exchange.id


def unique_name(wanted: str, taken: set[str]) -> str:
    """Return a name that is not taken yet, based on the wanted one, and mark it as taken."""
    base = f"{wanted}_" if wanted in RESERVED else wanted
    name, number = base, 1
    while name in taken:
        number += 1
        name = f"{wanted.rstrip('_')}_{number}"
    taken.add(name)
    return name


def _make_step(number: int, group: list[Exchange], taken: set[str], group_calls: Mapping[str, Call]) -> Step:
    last = group[-1]
    requested = group_calls.get(last.group.id)
    if requested is not None:
        return Step(
            number, "change", unique_name(snake_case(requested.operation), taken), tuple(group), requested=requested
        )
    is_complete = last.ok or _is_deleted(last) or _is_bulk(last)
    kind, until, timeout = _kind_until_timeout(last, len(group)) if is_complete else ("call", "", 0.0)
    if kind == "pages":  # they are requested concurrently and finish in any order
        group = sorted(group, key=lambda exchange: exchange.started)
    return Step(number, kind, unique_name(snake_case(last.operation.id), taken), tuple(group), until, timeout)


def _is_deleted(exchange: Exchange) -> bool:
    """Whether the group waited for a resource to be gone, and it is."""
    return exchange.group.kind == "wait" and "gone" in exchange.group.goal and exchange.status in (404, 410)


def _kind_until_timeout(exchange: Exchange, count: int) -> tuple[StepKind, str | tuple[str, ...], float]:
    """The kind, condition and timeout of a group, from its last exchange and its size."""
    sent_for = exchange.group
    if _is_bulk(exchange):
        return "bulk", "", 0.0
    if sent_for.kind == "pages":
        return "pages", "", 0.0
    if sent_for.kind != "wait":
        waited = count > 1 and _state_class(exchange) == "good"
        return ("wait", state_of(exchange), MANUAL_WAIT_TIMEOUT) if waited else ("call", "", 0.0)
    until = sent_for.goal[0] if len(sent_for.goal) == 1 else sent_for.goal
    return "wait", until, sent_for.timeout


def _is_bulk(exchange: Exchange) -> bool:
    return exchange.group.kind == "bulk"


def _repeats(before: Exchange, after: Exchange) -> bool:
    """Whether a read repeats the one before it, made by hand while the state was still changing."""
    single = all(group_key(exchange) == exchange.id for exchange in (before, after))
    same = before.call == after.call and before.request.url == after.request.url
    return single and same and before.operation.is_safe and _state_class(before) == "passing"


def _state_class(exchange: Exchange) -> str:
    """The class of the state in a response by the overlay: "good", "bad" or "passing"; empty if it has none."""
    settled = exchange.operation.extensions.settled
    state = state_of(exchange) if settled and exchange.ok else ""
    if not settled or not state:
        return ""
    return "good" if state in settled.good else "bad" if state in settled.bad else "passing"
