"""`$ref` inside a document: following references to what they point to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from ..errors import DanglingReference
from .extensions import FILES, UNREAD

Node = Mapping[str, Any]

_WHOLE_FILE = re.compile(rf"#/{FILES}/([^/]*?)(\.json|\.ya?ml)?")
_INSIDE_FILE = re.compile(rf"\A#/{FILES}/([^/]*)(.*)", re.DOTALL)
_MAX_HOPS = 32
_MAX_SHOWN = 200  # characters of a reference in a message
_ADVICE = "Fix the document, or use another operation."


def reference_name(ref: str) -> str:
    """Return the name of a reference's target: the last step of its pointer, or a file's name without its suffix."""
    whole_file = _WHOLE_FILE.fullmatch(ref)
    if whole_file:
        return whole_file[1].rpartition(":")[2]
    return unquote(ref.rpartition("/")[2]).replace("~1", "/").replace("~0", "~")


def resolve(document: Node, node: Any) -> Node:
    """Return a node with its `$ref` (within this document) followed, as often as needed.

    Keywords beside a `$ref` are merged into its target.

    Raises:
        DanglingReference: A reference points nowhere, outside the document, or in a circle.
    """
    return _resolve(document, node, None) if isinstance(node, Mapping) else {}


def lookup(document: Node, ref: str) -> Node:
    """Return the mapping that a reference such as `#/components/schemas/Deployment` points to (RFC 6901).

    Raises:
        DanglingReference: It points nowhere, or outside the document.
    """
    return _find_target(document, ref, _HopLimit())


class _HopLimit:
    """Counts how many references one resolution may still follow."""

    def __init__(self) -> None:
        self.left = _MAX_HOPS

    def count(self, ref: str) -> None:
        self.left -= 1
        if self.left < 0:
            what = f"The reference {_shorten(ref)} is circular, or leads through more than {_MAX_HOPS} others."
            raise DanglingReference(what, "Fix the document.", ref=ref)


def _resolve(document: Node, node: Node, hops: _HopLimit | None) -> Node:
    current = node
    while isinstance(ref := current.get("$ref"), str):
        hops = hops or _HopLimit()
        hops.count(ref)
        siblings = {key: value for key, value in current.items() if key != "$ref"}
        target = _find_target(document, ref, hops)
        current = {**target, **siblings} if siblings else target
    return current


def _find_target(document: Node, ref: str, hops: _HopLimit) -> Node:
    if not ref.startswith("#"):
        raise _external_reference_error(document, ref)
    node: Any = document
    head, *steps = unquote(ref[1:]).split("/")
    for step in () if head else steps:
        node = _find_child(document, node, step.replace("~1", "/").replace("~0", "~"), hops)
    if head or not isinstance(node, Mapping):  # a pointer begins with a slash
        raise DanglingReference(f"The reference {_shorten(ref)} points nowhere.", _ADVICE, ref=ref)
    return node


def _find_child(document: Node, node: Any, step: str, hops: _HopLimit) -> Any:
    """Return the child of a node, or of what the node refers to."""
    if isinstance(node, Mapping) and step not in node and isinstance(node.get("$ref"), str):
        node = _resolve(document, node, hops)
    if isinstance(node, Mapping):
        return node.get(step)
    is_index = isinstance(node, list) and re.fullmatch("0|[1-9][0-9]{0,8}", step)
    return node[int(step)] if is_index and int(step) < len(node) else None


def _external_reference_error(document: Node, ref: str) -> DanglingReference:
    unread = document.get(UNREAD)
    reason = unread.get(ref.partition("#")[0]) if isinstance(unread, Mapping) else None
    if reason:
        return DanglingReference(f"The reference {_shorten(ref)} points nowhere: {reason}", _ADVICE, ref=ref)
    what = f"The reference {_shorten(ref)} points outside the document."
    return DanglingReference(what, "Bundle the document into one file.", ref=ref)


def _shorten(ref: str) -> str:
    ref = _INSIDE_FILE.sub(lambda match: f"{match[1].replace(':', '/')}#{match[2]}".rstrip("#"), ref)
    return ref if len(ref) <= _MAX_SHOWN else f"{ref[:_MAX_SHOWN]}…"
