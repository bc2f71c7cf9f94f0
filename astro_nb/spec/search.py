"""What an operation can be found by: id, path, method, summary, tags, and the names of its fields."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..errors import DanglingReference
from .document import Document
from .model import Operation
from .references import resolve


def haystack(document: Document, operation: Operation) -> str:
    """One text, case folded, in which the words of a search are looked for."""
    head = [operation.id, operation.path, operation.method, operation.summary, *operation.tags]
    return " ".join([*head, *_names(document, operation)]).casefold()


def _names(document: Document, operation: Operation) -> Iterator[str]:
    """Names of parameters and of body fields, one storey deep: enough to search by."""
    for entry in [*(operation.item.get("parameters") or []), *(operation.raw.get("parameters") or [])]:
        yield str(entry.get("name") or entry.get("$ref", ""))
    for media in ((operation.raw.get("requestBody") or {}).get("content") or {}).values():
        yield from _properties(document, media.get("schema") or {})


def _properties(document: Document, schema: Mapping[str, Any], depth: int = 3) -> Iterator[str]:
    try:
        resolved = resolve(document, schema)
    except DanglingReference:
        return
    yield from map(str, resolved.get("properties") or {})
    if depth:
        for part in ("oneOf", "anyOf", "allOf"):
            for branch in resolved.get(part) or []:
                yield from _properties(document, branch, depth - 1)
