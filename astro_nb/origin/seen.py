"""Values that earlier answers hold, for a field that asks for one."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..environment import MASK
from ..exchange import Exchange
from ..pick import Location, leaves, to_path

_DEEPEST = 6  # steps from the root of an answer
_MOST_LEAVES = 100_000
_MOST_OBJECTS = 100_000  # of all answers together, the newest first: a fifth of a second
_LABELS = ("name", "fullName", "username", "objectKey", "ipAddressRange", "title", "description", "key")


@dataclass(frozen=True)
class Suggestion:
    """A value that was seen, what it is called, and where: exchange and path."""

    value: Any
    label: str
    reason: str
    exchange_id: str
    path: str


def suggest(name: str, exchanges: Iterable[Exchange], most: int = 50) -> list[Suggestion]:
    """The values for a field of that name from earlier answers, newest first, each value once.

    A field `deploymentId` is offered `deploymentId` wherever it stood, and the `id` of what an operation about
    deployments answered.
    """
    found: dict[Any, Suggestion] = {}
    seen = (suggestion for exchange in exchanges for suggestion in _in_answer(name, exchange))
    for suggestion in itertools.islice(seen, _MOST_OBJECTS):
        if suggestion is not None:
            found.setdefault(suggestion.value, suggestion)
        if len(found) >= most:
            break
    return list(found.values())


def source_of(value: Any, exchanges: Iterable[Exchange]) -> tuple[Exchange, str] | None:
    """The latest earlier answer that holds a text, and the JSONPath to it; None where it came from elsewhere."""
    if not isinstance(value, str) or len(value) < 8:
        return None
    for exchange in exchanges:
        if exchange.ok and exchange.answer and exchange.answer.is_json:
            for location, leaf in leaves(exchange.json(), _MOST_LEAVES):
                if leaf == value:
                    return exchange, to_path(location)
    return None


def thing(name: str) -> str:
    """What an id is of: `deploymentId` and `deployment_id` give "deployment", `userIds` gives "user"; else empty."""
    match = re.fullmatch(r"(?:.*\.)?(\w+?)(?:_[iI][dD]s?|(?<=[^\WA-Z_])I[dD]s?)", name)
    return match[1].lower().rstrip("_") if match else ""


def _in_answer(name: str, exchange: Exchange) -> Iterator[Suggestion | None]:
    """What each object of an answer offers, in turn; None where it offers nothing."""
    if not (exchange.ok and exchange.answer and exchange.answer.is_json):
        return
    wanted = thing(name)
    own_key = _own_id(exchange, wanted)
    for at, item in _objects(exchange.json()):
        own = bool(own_key) and own_key in item and _is_about(exchange, at, wanted)
        key = own_key if own else name
        value = item.get(key)
        if not isinstance(value, str | int) or isinstance(value, bool) or value in ("", MASK):
            yield None
            continue
        label = _label(item) if own else str(item.get(key.removesuffix("Id") + "Name") or value)
        yield Suggestion(value, label, f"from {exchange.operation.id}", exchange.id, to_path((*at, key)))


def _objects(data: Any, at: Location = ()) -> Iterator[tuple[Location, Mapping[str, Any]]]:
    """Every object of an answer with its place, down to a depth where ids of other things stand."""
    if isinstance(data, Mapping):
        yield at, data
        for key, value in data.items():
            if isinstance(value, list | Mapping) and len(at) < _DEEPEST:
                yield from _objects(value, (*at, str(key)))
    elif isinstance(data, list):
        for index, value in enumerate(data):
            yield from _objects(value, (*at, index))


def _own_id(exchange: Exchange, wanted: str) -> str:
    note = exchange.operation.notes.get("item") or {}
    return str(note.get("id", "id")) if wanted else ""


def _is_about(exchange: Exchange, at: Location, wanted: str) -> bool:
    """Whether an object of an answer is one of the things wanted: by the key it stands under, else by the path."""
    key = next((step for step in reversed(at) if isinstance(step, str)), "")
    if key:
        return _singular(key).endswith(wanted)
    steps = [s for s in exchange.operation.path.split("/") if s and not s.startswith("{")]
    return bool(steps) and _singular(steps[-1].replace("-", "")).endswith(wanted)


def _singular(word: str) -> str:
    word = word.lower()
    return word[:-3] + "y" if word.endswith("ies") else word.removesuffix("s")


def _label(item: Mapping[str, Any]) -> str:
    return next(
        (str(item[key]) for key in _LABELS if isinstance(item.get(key), str) and item[key]), str(item.get("id", ""))
    )
