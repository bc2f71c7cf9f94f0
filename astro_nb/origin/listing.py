"""Producers and consumers as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..fields import body_fields, parameter_fields
from ..spec import Operation
from ..tables import records_frame
from .consumers import consumers
from .producers import producers

if TYPE_CHECKING:
    from ..tables import DataFrame

_MOST = 3  # producers of one field
_SOURCES = dict.fromkeys(("field", "operation", "path", "reason"), "string")
_USES = dict.fromkeys(("operation", "field", "path", "reason"), "string")


def sources_frame(operation: Operation) -> DataFrame:
    """Which operations answer what one asks for: a row for each field and producer, the best of each field first."""
    names = dict.fromkeys(f.name for f in (*parameter_fields(operation), *body_fields(operation)))
    found = ((name, producer) for name in names for producer in producers(operation, name)[:_MOST])
    rows = [{"field": n, "operation": p.operation.id, "path": p.path, "reason": p.reason} for n, p in found]
    return records_frame(rows, _SOURCES)


def uses_frame(operation: Operation) -> DataFrame:
    """Which operations take what one answers, the likeliest first."""
    rows = [
        {"operation": c.operation.id, "field": c.name, "path": c.path, "reason": c.reason} for c in consumers(operation)
    ]
    return records_frame(rows, _USES)
