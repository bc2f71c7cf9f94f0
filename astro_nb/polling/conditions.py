"""What is waited for, in the words of whoever waits."""

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
from .states import noted, state_key, state_of, states_of

Until = str | Sequence[str] | Callable[[Exchange], bool]
"""What is waited for.

"settled" (the overlay knows the states), the name of a state, "gone" (a 404 or 410), a condition in JSONPath
(`$.status == 'HEALTHY'`, `$.items[?@.ready == true]`), several of them of which one is enough, or a predicate.
"""

PREDICATE = "a predicate"
_GONE = (404, 410)
_MAY_PASS = (408, 425, 429)
"""Refusals that end by themselves; any other 4xx stays what it is, however long one asks."""


@dataclass(frozen=True)
class Wish:
    """One thing that is enough: whether it is so, and whether it is the state that tells."""

    is_so: Callable[[Exchange], bool]
    tells_state: bool
    states: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Verdict:
    """What an answer means for a wait, and whether it is the state alone that says so."""

    end: Literal["reached", "lost", "not yet"]
    by_state: bool = False


@dataclass(frozen=True)
class Goal:
    """What is waited for.

    Attributes:
        words: what it is, as it is told and written down; `until_of` reads it.
        wishes: each is enough.
        bad: states that end the wait badly.
    """

    words: str
    wishes: tuple[Wish, ...]
    bad: frozenset[str]

    def judge(self, exchange: Exchange) -> Verdict:
        """What an answer means for the wait; every predicate is asked once at the most."""
        for wish in sorted(self.wishes, key=lambda wish: wish.tells_state):
            if wish.is_so(exchange):
                return Verdict("reached", wish.tells_state)
        if exchange.ok and state_of(exchange) in self.bad:
            return Verdict("lost", True)
        return Verdict("lost" if _is_hopeless(exchange) else "not yet")


def goal_of(operation: Operation, until: Until) -> Goal:
    """What is waited for, looked at before anything is sent.

    Raises:
        UsageError: the document does not know what "settled" means here, or has no such state; or a condition is
            malformed.
    """
    if callable(until):
        return Goal(PREDICATE, (Wish(_guarded(until), False),), frozenset())
    words = (until,) if isinstance(until, str) else tuple(until)
    if not words:
        raise UsageError("Nothing is waited for.", "Give a state, several, a condition or a predicate.")
    wishes = tuple(_wish(operation, word) for word in words)
    wanted = frozenset(state for wish in wishes for state in wish.states)
    bad = noted(operation, "bad") if any(wish.tells_state for wish in wishes) else set()
    written = words[0] if len(words) == 1 else json.dumps(words, ensure_ascii=False)
    return Goal(written, wishes, frozenset(bad) - wanted)


def until_of(words: str) -> str | tuple[str, ...]:
    """What `Goal.words` was made of."""
    return tuple(json.loads(words)) if words.startswith('["') else words


def _wish(operation: Operation, word: str) -> Wish:
    if word in states_of(operation):
        return _state_wish({word})
    if word == "settled":
        return _state_wish(_settled(operation))
    if word == "gone":
        return Wish(lambda exchange: exchange.status in _GONE, False)
    if is_condition(word):
        return _condition_wish(operation, word)
    return _state_wish({_known(operation, word)})


def _state_wish(states: set[str]) -> Wish:
    return Wish(lambda exchange: exchange.ok and state_of(exchange) in states, True, frozenset(states))


def _condition_wish(operation: Operation, text: str) -> Wish:
    holds, name = compile_condition(text), re.escape(state_key(operation).rpartition(".")[2])

    def is_so(exchange: Exchange) -> bool:
        return exchange.ok and exchange.response is not None and exchange.response.is_json and holds(exchange.json())

    return Wish(is_so, re.search(rf"(?<!\w){name}(?!\w)", text) is not None)


def _settled(operation: Operation) -> set[str]:
    good = noted(operation, "good")
    if good:
        return good
    raise UsageError(
        f"The overlay does not say when {operation.id} is settled.",
        "Give the name of a state, a condition such as $.status == 'DONE', or a predicate: until=lambda response: …",
    )


def _known(operation: Operation, state: str) -> str:
    """A state that the document, or else the overlay, knows; any where the document gives no list of them."""
    states = states_of(operation)
    if not state or (states and state not in noted(operation, "good") | noted(operation, "bad")):
        raise UnknownName(f"state of {operation.id}", state, states, todo="" if states else "Give the name of a state.")
    return state


def _is_hopeless(exchange: Exchange) -> bool:
    """Whether an answer stays the same however long one asks, or the user has had enough."""
    refused = exchange.status is not None and 400 <= exchange.status < 500 and exchange.status not in _MAY_PASS
    return refused or (exchange.failure is not None and exchange.failure.kind == "cancelled")


def _guarded(predicate: Callable[[Exchange], bool]) -> Callable[[Exchange], bool]:
    """A predicate that is asked of every exchange: what it cannot read in one that failed is not so yet."""

    def is_so(exchange: Exchange) -> bool:
        try:
            return bool(predicate(exchange))
        except PickError:
            if exchange.ok:  # the predicate's own mistake
                raise
            return False

    return is_so
