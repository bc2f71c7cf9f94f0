"""References inside a document, followed as far as they lead."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

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
    """The mapping behind one reference such as `#/components/schemas/Deployment` (RFC 6901, sections 4 and 6).

    Raises:
        DanglingReference: it points nowhere, or outside the document.
    """
    node: Any = document
    if not ref.startswith("#"):
        raise DanglingReference(f"The reference {ref} leads out of the document.", "Bundle the document into one file.")
    head, *steps = unquote(ref[1:]).split("/")
    for step in steps:
        node = _child(node, step.replace("~1", "/").replace("~0", "~"))
    if head or not isinstance(node, Mapping):  # what does not begin with a slash is no pointer
        raise DanglingReference(
            f"The reference {ref} points nowhere.", "Mend the document, or use another operation.", ref=ref
        )
    return node


def _child(node: Any, step: str) -> Any:
    if isinstance(node, Mapping):
        return node.get(step)
    counts = isinstance(node, list) and re.fullmatch("0|[1-9][0-9]{0,8}", step)
    return node[int(step)] if counts and int(step) < len(node) else None
