"""Suggest values from earlier responses for a field that needs one."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..data import Location
from ..exchange import Exchange
from ..jsonpath import find, to_path
from ..openapi import Operation, id_field, label_of
from ..schema import Field
from ..schema.validation import is_valid
from ..secrets import MASK
from .producers import USABLE, Producer
from .response_objects import Words, is_kind_of, parse_name, split_words

_MAX_DEPTH = 6  # steps from the root of a response
_MAX_OBJECTS = 100_000  # of all responses together, the newest first: a fifth of a second


@dataclass(frozen=True)
class Suggestion:
    """A value from a response: its label, the reason to suggest it, and its exchange and JSONPath."""

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
    """Return the values for a field of that name from earlier responses, each value once.

    First come those that a producer returns, in the order of the exchanges. Then come those of the same name: for a
    field `deploymentId` any `deploymentId`, and the `id` of whatever is a deployment.

    Args:
        name: the name of the parameter or field.
        exchanges: where to look, the newest first.
        most: how many values.
        sources: the producers of the field.
        field: its description, if known: then a value has to match its kind, its choices and its format.
    """
    exchanges, wanted = list(exchanges), _item_or_self(field)
    paths: dict[str, list[str]] = {}
    for producer in sources:
        if producer.score >= USABLE:
            paths.setdefault(producer.operation.id, []).append(producer.path)
    produced = (s for exchange in exchanges for s in _suggest_at(exchange, paths.get(exchange.operation.id, ())))
    named = (s for exchange in exchanges for s in _suggest_by_name(name, exchange))
    found: dict[Any, Suggestion] = {}
    for suggestion in itertools.islice(itertools.chain(produced, named), _MAX_OBJECTS):
        if suggestion is not None and (wanted is None or _accepts(wanted, suggestion.value)):
            found.setdefault(suggestion.value, suggestion)
        if len(found) >= most:
            break
    return list(found.values())


def _item_or_self(field: Field | None) -> Field | None:
    return field.item if field is not None and field.kind == "array" else field


def _accepts(field: Field, value: Any) -> bool:
    """Whether a field takes a value; a text field takes a number, written out."""
    return is_valid(field, value) or (field.kind == "text" and isinstance(value, int) and is_valid(field, str(value)))


def _is_usable(value: Any) -> bool:
    return isinstance(value, str | int) and not isinstance(value, bool) and value not in ("", MASK)


def _has_json(exchange: Exchange) -> bool:
    return bool(exchange.ok and exchange.response and exchange.response.is_json)


def _suggest_at(exchange: Exchange, paths: Sequence[str]) -> Iterator[Suggestion]:
    """Yield what a response has at the paths of its producer."""
    if not paths or not _has_json(exchange):
        return
    for path in paths:
        for location, value in find(exchange.json(), path):
            if _is_usable(value):
                parent = find(exchange.json(), to_path(location[:-1]))[0][1] if location else None
                label = _label(parent, exchange.operation) if isinstance(parent, Mapping) else ""
                reason = f"from {exchange.operation.id}"
                yield Suggestion(value, label or str(value), reason, exchange.id, to_path(location))


def _suggest_by_name(name: str, exchange: Exchange) -> Iterator[Suggestion | None]:
    """Yield what each object of a response offers for a name; None if it offers nothing."""
    if not _has_json(exchange):
        return
    parsed = parse_name(name)
    resource = parsed.resources[0] if parsed.resources and parsed.key == "id" else ()
    own_key = id_field(exchange.operation)
    for location, item in _objects(exchange.json()):
        is_own = bool(resource) and own_key in item and _is_resource(exchange, location, resource)
        key = own_key if is_own else name
        value = item.get(key)
        if not _is_usable(value):
            yield None
            continue
        label = _label(item, exchange.operation) if is_own else str(item.get(key.removesuffix("Id") + "Name") or value)
        yield Suggestion(value, label, f"from {exchange.operation.id}", exchange.id, to_path((*location, key)))


def _objects(data: Any, location: Location = ()) -> Iterator[tuple[Location, Mapping[str, Any]]]:
    """Yield every object of a response with its location, down to a depth at which ids of other resources are."""
    if isinstance(data, Mapping):
        yield location, data
        for key, value in data.items():
            if isinstance(value, list | Mapping) and len(location) < _MAX_DEPTH:
                yield from _objects(value, (*location, str(key)))
    elif isinstance(data, list):
        for index, value in enumerate(data):
            yield from _objects(value, (*location, index))


def _is_resource(exchange: Exchange, location: Location, resource: Words) -> bool:
    """Whether an object of a response is a resource: by the key above it, else by the path of the operation."""
    key = next((step for step in reversed(location) if isinstance(step, str)), "")
    steps = [step for step in exchange.operation.path.split("/") if step and not step.startswith("{")]
    return is_kind_of(split_words(key or (steps[-1] if steps else "")), resource)


def _label(item: Mapping[str, Any], operation: Operation) -> str:
    return label_of(item, operation) or str(item.get(id_field(operation), ""))
