"""Which operation reads a path, whatever its parameters are called there."""

from __future__ import annotations

import re

from .model import Operation

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
