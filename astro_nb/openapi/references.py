"""References inside a document, followed as far as they lead."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from ..errors import DanglingReference
from .extensions import FILES, UNREAD

Node = Mapping[str, Any]

_WHOLE_FILE = re.compile(rf"#/{FILES}/([^/]*?)(\.json|\.ya?ml)?")
_IN_FILE = re.compile(rf"\A#/{FILES}/([^/]*)(.*)", re.DOTALL)
_MOST_HOPS = 32
_MEND = "Mend the document, or use another operation."


def reference_name(ref: str) -> str:
    """What a reference calls its target: the last step of its pointer; a whole file by its name without the ending."""
    whole = _WHOLE_FILE.fullmatch(ref)
    if whole:
        return whole[1].rpartition(":")[2]
    return unquote(ref.rpartition("/")[2]).replace("~1", "/").replace("~0", "~")


class _Hops:
    """How many references may still be followed for one question."""

    def __init__(self) -> None:
        self.left = _MOST_HOPS

    def hop(self, ref: str) -> None:
        self.left -= 1
        if self.left < 0:
            what = f"The reference {_short(ref)} leads in a circle, or on over more than {_MOST_HOPS} others."
            raise DanglingReference(what, "Mend the document.", ref=ref)


def resolve(document: Node, node: Any) -> Node:
    """What a node stands for, following `$ref` (to this document) as often as needed.

    Raises:
        DanglingReference: a reference points nowhere, outside the document, or in a circle.
    """
    return _resolved(document, node, None) if isinstance(node, Mapping) else {}


def lookup(document: Node, ref: str) -> Node:
    """The mapping behind one reference such as `#/components/schemas/Deployment` (RFC 6901, sections 4 and 6).

    Raises:
        DanglingReference: it points nowhere, or outside the document.
    """
    return _target(document, ref, _Hops())


def _resolved(document: Node, node: Node, hops: _Hops | None) -> Node:
    current = node
    while isinstance(ref := current.get("$ref"), str):
        hops = hops or _Hops()
        hops.hop(ref)
        beside = {key: value for key, value in current.items() if key != "$ref"}
        target = _target(document, ref, hops)
        current = {**target, **beside} if beside else target
    return current


def _target(document: Node, ref: str, hops: _Hops) -> Node:
    if not ref.startswith("#"):
        raise _led_out(document, ref)
    node: Any = document
    head, *steps = unquote(ref[1:]).split("/")
    for step in () if head else steps:
        node = _child(document, node, step.replace("~1", "/").replace("~0", "~"), hops)
    if head or not isinstance(node, Mapping):  # what does not begin with a slash is no pointer
        what = f"The reference {_short(ref)} points nowhere."
        raise DanglingReference(what, _MEND, ref=ref)
    return node


def _child(document: Node, node: Any, step: str, hops: _Hops) -> Any:
    """What stands below a node, or below what it refers to."""
    if isinstance(node, Mapping) and step not in node and isinstance(node.get("$ref"), str):
        node = _resolved(document, node, hops)
    if isinstance(node, Mapping):
        return node.get(step)
    counts = isinstance(node, list) and re.fullmatch("0|[1-9][0-9]{0,8}", step)
    return node[int(step)] if counts and int(step) < len(node) else None


def _led_out(document: Node, ref: str) -> DanglingReference:
    unread = document.get(UNREAD)
    why = unread.get(ref.partition("#")[0]) if isinstance(unread, Mapping) else None
    if why:
        return DanglingReference(f"The reference {_short(ref)} leads nowhere: {why}", _MEND, ref=ref)
    what = f"The reference {_short(ref)} leads out of the document."
    return DanglingReference(what, "Bundle the document into one file.", ref=ref)


def _short(ref: str) -> str:
    ref = _IN_FILE.sub(lambda match: f"{match[1].replace(':', '/')}#{match[2]}".rstrip("#"), ref)
    return ref if len(ref) <= 200 else f"{ref[:200]}…"
