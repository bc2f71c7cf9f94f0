"""Where a value may come from: what earlier answers hold that a field asks for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .exchange import Exchange
from .pick import leaves, to_path

_MOST_PER_ANSWER = 200
_MOST_LEAVES = 100_000
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
    for exchange in exchanges:
        for suggestion in _in_answer(name, exchange):
            found.setdefault(suggestion.value, suggestion)
            if len(found) >= most:
                return list(found.values())
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
    match = re.fullmatch(r"(?:.*\.)?(\w+?)_?[iI][dD]s?", name)
    return match[1].lower().rstrip("_") if match else ""


def _in_answer(name: str, exchange: Exchange) -> Iterator[Suggestion]:
    if not (exchange.ok and exchange.answer and exchange.answer.is_json):
        return
    wanted = thing(name)
    own_key = _own_id(exchange, wanted)
    for number, (path, item) in enumerate(_objects(exchange.json())):
        if number > _MOST_PER_ANSWER:
            return
        key = own_key if own_key in item and _is_about(exchange, path, wanted) else name
        value = item.get(key)
        if isinstance(value, str | int) and not isinstance(value, bool) and value != "":
            label = _label(item) if key == own_key else str(item.get(key.removesuffix("Id") + "Name") or value)
            yield Suggestion(value, label, f"from {exchange.operation.id}", exchange.id, f"{path}.{key}")


def _objects(data: Any, path: str = "$", depth: int = 0) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if isinstance(data, Mapping):
        yield path, data
        for key, value in data.items():
            if isinstance(value, list | Mapping) and depth < 3:
                yield from _objects(value, f"{path}.{key}", depth + 1)
    elif isinstance(data, list):
        for index, value in enumerate(data):
            yield from _objects(value, f"{path}[{index}]", depth + 1)


def _own_id(exchange: Exchange, wanted: str) -> str:
    note = exchange.operation.notes.get("item") or {}
    return str(note.get("id", "id")) if wanted else ""


def _is_about(exchange: Exchange, path: str, wanted: str) -> bool:
    """Whether an object of an answer is one of the things wanted: by the key it stands under, else by the path."""
    key = re.sub(r"\[\d+\]$", "", path).rpartition(".")[2].rstrip("]")
    if key not in ("$", ""):
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
