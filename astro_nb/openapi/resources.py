"""Which operation reads a path, whatever its parameters are called there.

Links: what the document itself says of where an answer's values go (OpenAPI, section "Link Object").
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import DanglingReference
from .malformed import as_mapping
from .operations import Operation

if TYPE_CHECKING:
    from .spec import Spec


_PARAMETER = re.compile(r"\{[^{}/]*\}")


def shape_of(path: str) -> str:
    """A path without the names of its parameters."""
    return _PARAMETER.sub("{}", path).rstrip("/")


def upwards(path: str) -> list[str]:
    """A path and every one above it, the nearest first."""
    steps = path.split("/")
    return ["/".join(steps[:end]) for end in range(len(steps), 1, -1)]


def reader_at(operation: Operation, path: str) -> Operation | None:
    """The operation of the same document that reads a path; None where there is none."""
    shape = shape_of(path)
    return next((other for other in operation.spec if other.method == "GET" and shape_of(other.path) == shape), None)


_BODY = "$response.body#"


@dataclass(frozen=True)
class Link:
    """One value of an answer that another operation takes.

    Attributes:
        source: the id of the operation that answers it.
        pointer: where it stands in the answer's body (RFC 6901).
        target: the id of the operation that takes it.
        parameter: the key of the parameter there; empty for the whole body.
    """

    source: str
    pointer: str
    target: str
    parameter: str


def links_of(spec: Spec) -> tuple[Link, ...]:
    """Every link of a document from a place in a good answer; one that leads nowhere is left out."""
    return tuple(link for operation in spec for link in _links(operation))


def _links(operation: Operation) -> Iterator[Link]:
    spec = operation.spec
    for status, response in _mapping(operation.raw.get("responses")).items():
        linked = _mapping(_resolved(spec, response).get("links")) if str(status)[:1] in "2d" else {}
        for link in linked.values():
            plain = _resolved(spec, link)
            target = _target(spec, plain)
            if target is not None:
                yield from _values(operation.id, target, plain)


def _values(source: str, target: Operation, link: Mapping[str, Any]) -> Iterator[Link]:
    given = {str(name): value for name, value in _mapping(link.get("parameters")).items()}
    for name, value in {**given, "": link.get("requestBody")}.items():
        if isinstance(value, str) and value.startswith(_BODY):
            place, _, bare = name.rpartition(".")  # "path.id" where two parameters share a name
            same = [p.key for p in target.parameters if p.key == name or (p.name, p.location) == (bare, place)]
            yield Link(source, value.removeprefix(_BODY), target.id, same[0] if same else name)


def _target(spec: Spec, link: Mapping[str, Any]) -> Operation | None:
    """The operation of a link, by its id or by its place in this document."""
    named, ref = link.get("operationId"), link.get("operationRef")
    if isinstance(named, str):
        return spec.operation(named) if named in spec else None
    if not isinstance(ref, str) or not ref.startswith("#"):
        return None
    try:
        raw = spec.lookup(ref)
    except DanglingReference:
        return None
    return next((operation for operation in spec if operation.raw is raw), None)


def _resolved(spec: Spec, node: Any) -> Mapping[str, Any]:
    try:
        return _mapping(spec.resolve(node))
    except DanglingReference:
        return {}


def _mapping(node: Any) -> Mapping[str, Any]:
    return as_mapping(node) if isinstance(node, Mapping) else {}
