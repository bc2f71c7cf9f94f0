"""The calls of a bulk, taken apart again: what is the same in all, and of each row what is its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..call import UNSET, Call
from ..exchange import Exchange

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
