"""One operation cut out of its document, with all that it refers to, as openapi-core can read it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from ..errors import DanglingReference
from ..spec import Operation
from .keywords import LISTS, MAPS, SCHEMAS, fault, is_empty

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


def _readable(node: Any, told: Told, name: Any = "") -> Any:
    """A copy whose schemas hold nothing that openapi-core would trip over."""
    if isinstance(node, list):
        return [_readable(value, told) for value in node]
    if not isinstance(node, Mapping):
        return node
    if name == "schema":
        return _schema(node, told)
    if name == "schemas":
        return {key: _schema(value, told) for key, value in node.items()}
    return {key: _readable(value, told, key) for key, value in node.items()}


def _schema(node: Any, told: Told) -> Any:
    if not isinstance(node, Mapping):
        return node
    return {key: _keyword(key, value, told) for key, value in node.items() if _is_kept(key, value, told)}


def _keyword(key: str, value: Any, told: Told) -> Any:
    if key in SCHEMAS:
        return _schema(value, told)
    if key in LISTS:
        return [_schema(part, told) for part in value]
    if key in MAPS:
        kept = (name for name in value if key != "patternProperties" or _is_kept("pattern", name, told))
        return {name: _schema(value[name], told) for name in kept}
    return value


def _is_kept(key: str, value: Any, told: Told) -> bool:
    if isinstance(value, bool) and key.startswith("exclusive"):
        return True  # as in OpenAPI 3.0
    wrong = _led_out(value) if key == "$ref" else fault(key, value, _compiles)
    if wrong and not is_empty(key, value):
        told[wrong] = None
    return not wrong


def _led_out(ref: Any) -> str:
    inside = isinstance(ref, str) and (ref == "#" or ref.startswith("#/"))
    return "" if inside else f"The reference {ref} leads out of the document."


@lru_cache(maxsize=1024)
def _compiles(pattern: str) -> bool:
    try:
        re.compile(pattern)
    except (re.error, OverflowError):
        return False
    return True
