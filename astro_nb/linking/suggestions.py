"""Values that earlier answers hold, for a field that asks for one."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..data import Location, leaves
from ..exchange import Exchange
from ..jsonpath import find, to_path
from ..openapi import Operation, id_field, label_of
from ..schema import Field
from ..schema.validation import is_valid
from ..secrets import MASK
from .producers import GOOD, Producer

_DEEPEST = 6  # steps from the root of an answer
_MOST_LEAVES = 100_000
_MOST_OBJECTS = 100_000  # of all answers together, the newest first: a fifth of a second


@dataclass(frozen=True)
class Suggestion:
    """A value that was seen, what it is called, and where: exchange and path."""

    value: Any
    label: str
    reason: str
    exchange_id: str
    path: str


def suggest(
    name: str,
    exchanges: Iterable[Exchange],
    most: int = 50,
    sources: Iterable[Producer] = (),
    field: Field | None = None,
) -> list[Suggestion]:
    """The values for a field of that name from earlier answers, each value once.

    First, newest first, those that stand where a producer answers the very thing; then those that are called the same:
    a field `deploymentId` is offered `deploymentId` wherever it stood, and the `id` of what an operation about
    deployments answered. Where the field is given, its kind, its choices and its format decide, too.
    """
    exchanges, wanted = list(exchanges), _entry_of(field)
    places: dict[str, list[str]] = {}
    for producer in sources:
        if producer.score >= GOOD - 0.05:
            places.setdefault(producer.operation.id, []).append(producer.path)
    produced = (s for exchange in exchanges for s in _at_places(exchange, places.get(exchange.operation.id, ())))
    named = (s for exchange in exchanges for s in _in_answer(name, exchange))
    found: dict[Any, Suggestion] = {}
    for suggestion in itertools.islice(itertools.chain(produced, named), _MOST_OBJECTS):
        if suggestion is not None and (wanted is None or _suits(wanted, suggestion.value)):
            found.setdefault(suggestion.value, suggestion)
        if len(found) >= most:
            break
    return list(found.values())


def _entry_of(field: Field | None) -> Field | None:
    """What one value has to be: of a list, its entry."""
    return field.item if field is not None and field.kind == "array" else field


def _suits(field: Field, value: Any) -> bool:
    """Whether a field takes a value: by kind, choices, bounds and format; a text takes a number, written out."""
    return is_valid(field, value) or (field.kind == "text" and isinstance(value, int) and is_valid(field, str(value)))


def _at_places(exchange: Exchange, paths: Sequence[str]) -> Iterator[Suggestion | None]:
    """What stands at the places of an answer that the document tells."""
    if not paths or not (exchange.ok and exchange.response and exchange.response.is_json):
        return
    for path in paths:
        for location, value in find(exchange.json(), path):
            if isinstance(value, str | int) and not isinstance(value, bool) and value not in ("", MASK):
                around = find(exchange.json(), to_path(location[:-1]))[0][1] if location else None
                label = _label(around, exchange.operation) if isinstance(around, Mapping) else ""
                told = f"from {exchange.operation.id}"
                yield Suggestion(value, label or str(value), told, exchange.id, to_path(location))


def source_of(value: Any, exchanges: Iterable[Exchange]) -> tuple[Exchange, str] | None:
    """The latest earlier answer that holds a text, and the JSONPath to it; None where it came from elsewhere."""
    if not isinstance(value, str) or len(value) < 8:
        return None
    for exchange in exchanges:
        if exchange.ok and exchange.response and exchange.response.is_json:
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
    if not (exchange.ok and exchange.response and exchange.response.is_json):
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
        label = _label(item, exchange.operation) if own else str(item.get(key.removesuffix("Id") + "Name") or value)
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
    return id_field(exchange.operation) if wanted else ""


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


def _label(item: Mapping[str, Any], operation: Operation) -> str:
    return label_of(item, operation) or str(item.get(id_field(operation), ""))
