"""Which operation a method and a path mean."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

from ..spec import Operation

_HOLE = re.compile(r"\{([^{}]+)\}")


@dataclass(frozen=True)
class Route:
    """An operation that was found, and what its path parameters hold."""

    operation: Operation
    path: Mapping[str, str]


@dataclass
class _Node:
    """One segment of the paths: fixed ones by text, then templates by pattern, then what ends here by method."""

    fixed: dict[str, _Node] = field(default_factory=dict)
    open: dict[str, _Node] = field(default_factory=dict)
    ends: dict[str, Operation] = field(default_factory=dict)


class Router:
    """The document's paths as a tree; two templates of one shape share their place, and the method tells them apart."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        self._root = _Node()
        for operation in operations:
            node = self._root
            for segment in operation.path.strip("/").split("/"):
                node = _child(node, segment)
            node.ends.setdefault(operation.method, operation)

    def find(self, method: str, path: str) -> Route | frozenset[str]:
        """The route; or the methods that the path does have, none at all where the path is unknown."""
        segments = path.strip("/").split("/")
        best: frozenset[str] = frozenset()
        for node in _walk(self._root, segments):
            operation = node.ends.get(method)
            if operation is not None:
                return Route(operation, _values(operation.path, segments))
            best |= frozenset(node.ends)
        return best


def _child(node: _Node, segment: str) -> _Node:
    if "{" not in segment:
        return node.fixed.setdefault(segment, _Node())
    return node.open.setdefault(_pattern(segment), _Node())


def _pattern(segment: str) -> str:
    parts = _HOLE.split(segment)
    return "".join("(.+)" if i % 2 else re.escape(part) for i, part in enumerate(parts))


def _walk(node: _Node, segments: list[str]) -> Iterable[_Node]:
    if not segments:
        yield node
        return
    first, rest = segments[0], segments[1:]
    if first in node.fixed:
        yield from _walk(node.fixed[first], rest)
    for pattern, child in node.open.items():
        if first and (pattern == "(.+)" or re.fullmatch(pattern, first)):
            yield from _walk(child, rest)


def _values(template: str, segments: list[str]) -> dict[str, str]:
    values: dict[str, str] = {}
    for part, segment in zip(template.strip("/").split("/"), segments, strict=True):
        names = _HOLE.findall(part)
        if names:
            found = re.fullmatch(_pattern(part), segment)
            values.update(zip(names, map(unquote, found.groups() if found else ()), strict=False))
    return values
