"""What an operation can be found by: id, path, method, summary, tags, and the names of its fields."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..errors import DanglingReference
from .document import Document
from .faults import FAULTS, entries, mapping
from .model import Operation
from .references import resolve


def haystack(document: Document, operation: Operation) -> str:
    """One text, case folded, in which the words of a search are looked for."""
    head = [operation.id, operation.path, operation.method, operation.summary, *operation.tags]
    return " ".join([*head, *_names_or_none(document, operation)]).casefold()


def _names_or_none(document: Document, operation: Operation) -> list[str]:
    try:
        return list(_names(document, operation))
    except FAULTS:  # a malformed operation is still found by its id; `warnings` tells the fault
        return []


def _names(document: Document, operation: Operation) -> Iterator[str]:
    """Names of parameters and of body fields, one storey deep: enough to search by."""
    for entry in [*entries(operation.item.get("parameters")), *entries(operation.raw.get("parameters"))]:
        yield str(entry.get("name") or entry.get("$ref", ""))
    body = _resolved(document, operation.raw.get("requestBody"))
    for media in mapping(body.get("content")).values():
        yield from _properties(document, _resolved(document, media).get("schema"))


def _properties(document: Document, schema: Any, depth: int = 3) -> Iterator[str]:
    resolved = _resolved(document, schema)
    yield from map(str, mapping(resolved.get("properties")))
    if depth:
        for part in ("oneOf", "anyOf", "allOf"):
            for branch in entries(resolved.get(part)):
                yield from _properties(document, branch, depth - 1)


def _resolved(document: Document, node: Any) -> Mapping[str, Any]:
    """What a node stands for; nothing where it leads nowhere, which others tell."""
    try:
        return resolve(document, node)
    except DanglingReference:
        return {}
