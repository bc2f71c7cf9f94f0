"""The condition that ends a wait.

| `until`                              | the wait ends when                                      |
|--------------------------------------|---------------------------------------------------------|
| `"settled"`                          | the overlay lists the state as good                     |
| `"HEALTHY"`                          | the resource is in that state, in any case of letters   |
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

from ..errors import PickError, UnknownName, UsageError, closest_names
from ..exchange import Exchange
from ..jsonpath import compile_condition, is_condition
from ..openapi import Operation, StateExtension
from .fields import Path, failed_beside, same_word, state_fields, state_paths_in
from .states import listed_states, state_of

Until = str | Sequence[str] | Callable[[Exchange], bool]
"""A condition as the caller gives it; see the table at the head of this module."""

PREDICATE = "a predicate"
_GONE = (404, 410)
_MAX_NAMED_STATES = 20  # in an error
_TRANSIENT_CLIENT_ERRORS = (408, 425, 429)
"""4xx statuses that may disappear without a change by the caller; any other 4xx ends a wait."""


@dataclass(frozen=True)
class Evaluation:
    """What a response means for a wait.

    Attributes:
        result: whether the condition is met, is pending, or cannot be met any more.
        by_state: whether only the state of the resource decided that.
        reason: why it failed, as a clause, if that is neither a state nor a status.
    """

    result: Literal["met", "failed", "pending"]
    by_state: bool = False
    reason: str = ""


@dataclass(frozen=True)
class Alternative:
    """One of the conditions that end a wait.

    Attributes:
        matches: whether the condition holds for an exchange.
        uses_state: whether the condition reads the state of the resource.
        states: the states that meet the condition, if it is a set of states.
        path: where the state is; empty if the document does not declare that.
    """

    matches: Callable[[Exchange], bool]
    uses_state: bool
    states: frozenset[str] = frozenset()
    path: Path = ()


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

    @property
    def path(self) -> Path:
        """Where the state is that the condition reads; empty if it reads none, or the document does not declare it."""
        return next((each.path for each in self.alternatives if each.states), ())

    def evaluate(self, exchange: Exchange) -> Evaluation:
        """Evaluate the condition for an exchange. A predicate is called at most once."""
        for alternative in sorted(self.alternatives, key=lambda each: each.uses_state):
            if alternative.matches(exchange):
                return Evaluation("met", alternative.uses_state)
        if exchange.ok and state_of(exchange, self.path) in self.bad_states:
            return Evaluation("failed", by_state=True)
        if exchange.ok and exchange.operation.extensions.settled is None:
            return self._evaluate_by_name(exchange)
        return Evaluation("failed" if _is_permanent_error(exchange) else "pending")

    def _evaluate_by_name(self, exchange: Exchange) -> Evaluation:
        """Evaluate a state for which there is no overlay: whether it means a failure, or the response has none."""
        wanted = [each for each in self.alternatives if each.states]
        if not wanted or exchange.response is None or not exchange.response.is_json:
            return Evaluation("pending")
        data, words = exchange.json(), [word for each in wanted for word in each.states]
        for path in [each.path or next(iter(state_paths_in(data)), ()) for each in wanted]:
            failed = failed_beside(data, path, words) if path else ""
            if failed:
                return Evaluation("failed", True, f"a state is {failed!r}, which is not {self.text}")
        is_declared = any(field.is_named for field in state_fields(exchange.operation)) or self.path
        if len(wanted) == len(self.alternatives) and not is_declared and not state_paths_in(data):
            return Evaluation("failed", reason=f"the response has no field for a state, so it is never {self.text}")
        return Evaluation("pending")


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
    exact = _find_states(operation, lambda choice: choice == text)
    if exact is not None:
        return exact
    if text == "settled":
        return _match_states(_settled_states(operation), next((f.path for f in state_fields(operation)), ()))
    if text == "gone":
        return Alternative(lambda exchange: exchange.status in _GONE, uses_state=False)
    if is_condition(text):
        return _match_jsonpath(operation, text)
    return _find_states(operation, lambda choice: same_word(choice, text)) or _match_any_state(operation, text)


def _find_states(operation: Operation, is_wanted: Callable[[str], bool]) -> Alternative | None:
    """Return the condition for the states that the document lists for a field; None if it lists no such state."""
    for field in state_fields(operation):
        states = set(filter(is_wanted, field.choices))
        if states:
            return _match_states(states, field.path)
    return None


def _match_states(states: set[str], path: Path) -> Alternative:
    def matches(exchange: Exchange) -> bool:
        state = state_of(exchange, path) if exchange.ok else ""
        return bool(state) and any(same_word(state, wanted) for wanted in states)

    return Alternative(matches, uses_state=True, states=frozenset(states), path=path)


def _match_jsonpath(operation: Operation, text: str) -> Alternative:
    known = next((field.path[-1] for field in state_fields(operation)), StateExtension().state)
    holds, name = compile_condition(text), re.escape(known)

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


def _match_any_state(operation: Operation, state: str) -> Alternative:
    """Return the condition for a state that the document does not list.

    Raises:
        UnknownName: the operation cannot have it, by the overlay or by the document.
    """
    fields = state_fields(operation)
    named = [field for field in fields if field.is_named]
    listed = listed_states(operation, "good") | listed_states(operation, "bad")
    known = next((word for word in listed if same_word(word, state)), "")
    free = next((field for field in named if not field.choices), None)
    if known and fields:
        return _match_states({known}, fields[0].path)
    if not state or (named and free is None):
        words = sorted({choice for field in named for choice in field.choices})
        some = ", ".join(words[:_MAX_NAMED_STATES]) + (" …" if len(words) > _MAX_NAMED_STATES else "")
        todo = f"It can be {some}." if words else "Give the name of a state."
        hint = todo if closest_names(state, words) else ""
        raise UnknownName(f"state of {operation.id}", state, words, todo=todo, hint=hint)
    return _match_states({state}, free.path if free else ())


def _is_permanent_error(exchange: Exchange) -> bool:
    """Whether the same request will fail again, or the user has cancelled it."""
    status = exchange.status
    refused = status is not None and 400 <= status < 500 and status not in _TRANSIENT_CLIENT_ERRORS
    failure = exchange.failure
    is_final = failure is not None and (failure.permanent or failure.kind == "cancelled")
    return refused or is_final or exchange.outcome == "not carried out"


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
