"""References inside a document, followed as far as they lead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import DanglingReference
from .document import Document
from .model import Schema

_MOST_HOPS = 32


def resolve(document: Document, node: Any) -> Schema:
    """What a node stands for, following `$ref` (to this document) as often as needed.

    Raises:
        DanglingReference: a reference points nowhere, outside the document, or in a circle.
    """
    if not isinstance(node, Mapping):
        return {}
    current: Schema = node
    for _ in range(_MOST_HOPS):
        ref = current.get("$ref")
        if not isinstance(ref, str):
            return current
        beside = {key: value for key, value in current.items() if key != "$ref"}
        target = lookup(document, ref)
        current = {**target, **beside} if beside else target
    raise DanglingReference(f"The reference {current.get('$ref')} leads in a circle.", "Mend the document.")


def lookup(document: Document, ref: str) -> Schema:
    """The mapping behind one reference such as `#/components/schemas/Deployment` (RFC 6901).

    Raises:
        DanglingReference: it points nowhere, or outside the document.
    """
    node: Any = document
    if not ref.startswith("#"):
        raise DanglingReference(f"The reference {ref} leads out of the document.", "Bundle the document into one file.")
    for step in ref[1:].strip("/").split("/") if len(ref) > 2 else []:
        key = step.replace("~1", "/").replace("~0", "~")
        node = node.get(key) if isinstance(node, Mapping) else None
    if not isinstance(node, Mapping):
        raise DanglingReference(
            f"The reference {ref} points nowhere.", "Mend the document, or use another operation.", ref=ref
        )
    return node
