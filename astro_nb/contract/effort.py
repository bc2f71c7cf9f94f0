"""How much work a schema asks for at one place of a value, so that a hostile one is not begun."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

MOST = 50_000
"""Schemas that one value may have to be held against at one place; real documents need some hundreds."""

_HERE = ("not", "if", "then", "else")
_LISTED = ("allOf", "anyOf", "oneOf")


def asks_too_much(schema: Any) -> bool:
    """Whether a translated schema, or one that it refers to, unfolds to more than can be checked."""
    definitions = schema.get("$defs", {}) if isinstance(schema, Mapping) else {}
    effort = _Effort(definitions)
    try:
        return any(effort.of(start) > MOST for start in (schema, *definitions.values()))
    except RecursionError:
        return True


class _Effort:
    """Counts how many schemas apply to one and the same value, each definition once."""

    def __init__(self, definitions: Mapping[str, Any]) -> None:
        self._definitions = definitions
        self._known: dict[str, int] = {}

    def of(self, node: Any) -> int:
        """The count of a schema and of all that apply beside it; one that is being counted already counts once."""
        if not isinstance(node, Mapping):
            return 1
        total = 1
        for part in _parts(node):
            total += self.of(part)
            if total > MOST:
                return total
        ref = node.get("$ref")
        return total + (self._definition(ref.rpartition("/")[2]) if isinstance(ref, str) else 0)

    def _definition(self, name: str) -> int:
        if name not in self._known:
            self._known[name] = 1
            self._known[name] = self.of(self._definitions.get(name))
        return self._known[name]


def _parts(node: Mapping[str, Any]) -> Iterator[Any]:
    for key in _LISTED:
        yield from node.get(key, ())
    for key in _HERE:
        if key in node:
            yield node[key]
    yield from node.get("dependentSchemas", {}).values()
