"""The condition that ends a wait.

| `until`                              | the wait ends when                                      |
|--------------------------------------|---------------------------------------------------------|
| `"settled"`                          | the overlay lists the state as good                     |
| `"HEALTHY"`                          | the resource is in that state                           |
| `"gone"`                             | the response is a 404 or a 410                          |
| `"$.status == 'HEALTHY'"`            | the JSONPath condition holds for the response           |
| `["HEALTHY", "gone"]`                | one of several conditions holds                         |
| `lambda response: response["$.ok"]`  | the predicate returns true for the exchange             |
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from ..errors import PickError, UnknownName, UsageError
from ..exchange import Exchange
from ..jsonpath import compile_condition, is_condition
from ..openapi import Operation
from .states import listed_states, state_key, state_of, states_of

Until = str | Sequence[str] | Callable[[Exchange], bool]
"""A condition as the caller gives it; see the table at the head of this module."""

PREDICATE = "a predicate"
_GONE = (404, 410)
_TRANSIENT_CLIENT_ERRORS = (408, 425, 429)
"""4xx statuses that may disappear without a change by the caller; any other 4xx ends a wait."""


@dataclass(frozen=True)
class Evaluation:
    """What a response means for a wait.

    Attributes:
        result: whether the condition is met, is pending, or cannot be met any more.
        by_state: whether only the state of the resource decided that.
    """

    result: Literal["met", "failed", "pending"]
    by_state: bool = False


@dataclass(frozen=True)
class Alternative:
    """One of the conditions that end a wait.

    Attributes:
        matches: whether the condition holds for an exchange.
        uses_state: whether the condition reads the state of the resource.
        states: the states that meet the condition, if it is a set of states.
    """

    matches: Callable[[Exchange], bool]
    uses_state: bool
    states: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Condition:
    """The condition that ends a wait.

    Attributes:
        texts: the alternatives as they were given; only `PREDICATE` for a predicate.
        alternatives: the wait ends when one of them holds.
        bad_states: the states in which the wait fails.
    """

    texts: tuple[str, ...]
    alternatives: tuple[Alternative, ...]
    bad_states: frozenset[str]

    @property
    def text(self) -> str:
        """The condition as it is shown."""
        return self.texts[0] if len(self.texts) == 1 else json.dumps(self.texts, ensure_ascii=False)

    def evaluate(self, exchange: Exchange) -> Evaluation:
        """Evaluate the condition for an exchange. A predicate is called at most once."""
        for alternative in sorted(self.alternatives, key=lambda each: each.uses_state):
            if alternative.matches(exchange):
                return Evaluation("met", alternative.uses_state)
        if exchange.ok and state_of(exchange) in self.bad_states:
            return Evaluation("failed", by_state=True)
        return Evaluation("failed" if _is_permanent_error(exchange) else "pending")


def build_condition(operation: Operation, until: Until) -> Condition:
    """Return the condition for an operation. Nothing is sent.

    Raises:
        UsageError: neither the document nor the overlay declares when the operation is settled, or the operation has
            no such state, or a JSONPath condition is malformed.
    """
    if callable(until):
        return Condition((PREDICATE,), (Alternative(_tolerate_errors(until), uses_state=False),), frozenset())
    texts = (until,) if isinstance(until, str) else tuple(until)
    if not texts:
        raise UsageError("The wait has no condition.", "Give a state, several states, a condition or a predicate.")
    alternatives = tuple(_build_alternative(operation, text) for text in texts)
    wanted = frozenset(state for alternative in alternatives for state in alternative.states)
    bad = listed_states(operation, "bad") if any(each.uses_state for each in alternatives) else set()
    return Condition(texts, alternatives, frozenset(bad) - wanted)


def _build_alternative(operation: Operation, text: str) -> Alternative:
    if text in states_of(operation):
        return _match_states({text})
    if text == "settled":
        return _match_states(_settled_states(operation))
    if text == "gone":
        return Alternative(lambda exchange: exchange.status in _GONE, uses_state=False)
    if is_condition(text):
        return _match_jsonpath(operation, text)
    return _match_states({_require_state(operation, text)})


def _match_states(states: set[str]) -> Alternative:
    def matches(exchange: Exchange) -> bool:
        return exchange.ok and state_of(exchange) in states

    return Alternative(matches, uses_state=True, states=frozenset(states))


def _match_jsonpath(operation: Operation, text: str) -> Alternative:
    holds, name = compile_condition(text), re.escape(state_key(operation).rpartition(".")[2])

    def matches(exchange: Exchange) -> bool:
        return exchange.ok and exchange.response is not None and exchange.response.is_json and holds(exchange.json())

    return Alternative(matches, uses_state=re.search(rf"(?<!\w){name}(?!\w)", text) is not None)


def _settled_states(operation: Operation) -> set[str]:
    good = listed_states(operation, "good")
    if good:
        return good
    raise UsageError(
        f"The overlay does not declare when {operation.id} is settled.",
        "Give the name of a state, a condition such as $.status == 'DONE', or a predicate: until=lambda response: …",
    )


def _require_state(operation: Operation, state: str) -> str:
    """Return the state if the operation can have it; any name is accepted if the document lists no states."""
    states = states_of(operation)
    listed = listed_states(operation, "good") | listed_states(operation, "bad")
    if not state or (states and state not in listed):
        raise UnknownName(f"state of {operation.id}", state, states, todo="" if states else "Give the name of a state.")
    return state


def _is_permanent_error(exchange: Exchange) -> bool:
    """Whether the same request will fail again, or the user has cancelled it."""
    status = exchange.status
    refused = status is not None and 400 <= status < 500 and status not in _TRANSIENT_CLIENT_ERRORS
    return refused or (exchange.failure is not None and exchange.failure.kind == "cancelled")


def _tolerate_errors(predicate: Callable[[Exchange], bool]) -> Callable[[Exchange], bool]:
    """Return a predicate that is false if it cannot read the body of an error response."""

    def matches(exchange: Exchange) -> bool:
        try:
            return bool(predicate(exchange))
        except PickError:
            if exchange.ok:  # the mistake is in the predicate
                raise
            return False

    return matches
