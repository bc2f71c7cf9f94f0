"""One operation cut out of its document, with all that it refers to, as openapi-core can read it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from ..errors import DanglingReference
from ..spec import Operation

Told = dict[str, None]
"""What had to be left out, in words, each once."""


def cut(operation: Operation) -> tuple[dict[str, Any], tuple[str, ...]]:
    """A document of this operation alone; and what of it cannot be judged, in words."""
    document, told = operation.spec.document, Told()
    item = {operation.method.lower(): operation.raw, "parameters": operation.item.get("parameters") or []}
    found: dict[str, Any] = {
        "openapi": document["openapi"],
        "info": {"title": operation.id, "version": "1"},
        "servers": [{"url": "/"}],
        "paths": {operation.path: item},
        "components": {"securitySchemes": (document.get("components") or {}).get("securitySchemes") or {}},
    }
    if document.get("security"):
        found["security"] = document["security"]
    _carry(operation, item, found, told)
    return _readable(found, told), tuple(told)


def _carry(operation: Operation, start: Any, into: dict[str, Any], told: Told) -> None:
    """Copy everything that `start` refers to, at the place where the references look for it."""
    waiting, seen = list(_references(start)), set()
    while waiting:
        ref = waiting.pop()
        if ref in seen or not ref.startswith("#/"):
            continue
        seen.add(ref)
        target = _target(operation, ref, told)
        *steps, last = [s.replace("~1", "/").replace("~0", "~") for s in ref[2:].split("/")]
        holder: Any = into
        for step in steps:
            holder = holder.setdefault(step, {})
        holder.setdefault(last, target)
        waiting.extend(_references(target))


def _target(operation: Operation, ref: str, told: Told) -> Mapping[str, Any]:
    """What a reference leads to; where it leads nowhere, what allows anything."""
    try:
        return operation.spec.lookup(ref)
    except DanglingReference as error:
        told[error.what] = None
        return {}


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, Mapping):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)


def _readable(node: Any, told: Told) -> Any:
    """A copy without the patterns that Python cannot read: ECMA 262 allows some that `re` does not."""
    if isinstance(node, list):
        return [_readable(value, told) for value in node]
    if not isinstance(node, Mapping):
        return node
    kept = {key: _without_patterns(key, value, told) for key, value in node.items() if _is_readable(key, value, told)}
    return {key: _readable(value, told) for key, value in kept.items()}


def _without_patterns(key: Any, value: Any, told: Told) -> Any:
    if key != "patternProperties" or not isinstance(value, Mapping):
        return value
    return {pattern: schema for pattern, schema in value.items() if _is_readable("pattern", pattern, told)}


def _is_readable(key: Any, value: Any, told: Told) -> bool:
    if key != "pattern" or not isinstance(value, str) or _compiles(value):
        return True
    told[f"The pattern {value} cannot be judged here."] = None
    return False


@lru_cache(maxsize=1024)
def _compiles(pattern: str) -> bool:
    try:
        re.compile(pattern)
    except (re.error, OverflowError):
        return False
    return True
