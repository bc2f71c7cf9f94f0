"""All that is prepared once for an operation, so that a request finds it ready."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ..fields import Field, body_field, parameter_fields
from ..spec import Operation, Parameter
from .infer import deed_of, list_part, success_field, success_status
from .knowledge import Deed, Kind, Knowledge
from .shape import Shape, shape

_PAGE = {"offset": "offset", "limit": "limit"}
_NOTHING = Kind("")


@dataclass(frozen=True)
class Envelope:
    """How a list is wrapped: the name of the items (empty for a bare array), of the total, and one item's shape."""

    items: str
    total: str
    item: Shape
    wrap: Shape


class Plan:
    """An operation with what it does, to which kind, below which things, and in which form it answers."""

    def __init__(self, operation: Operation, kinds: Mapping[str, Kind], knowledge: Knowledge) -> None:
        self.operation = operation
        self.deed: Deed = deed_of(operation, kinds, knowledge)
        self.kind = kinds.get(self.deed.kind, _NOTHING)
        self.above = tuple(_above(operation.path, kinds))
        self.status = success_status(operation)

    def __repr__(self) -> str:
        return f"<Plan {self.operation.id}: {self.deed.does} {self.deed.kind}>"

    @cached_property
    def parameters(self) -> tuple[tuple[Parameter, Field], ...]:
        """The parameters outside the path, each with its field."""
        pairs = zip(self.operation.parameters, parameter_fields(self.operation), strict=True)
        return tuple((parameter, field) for parameter, field in pairs if parameter.location in ("query", "header"))

    @cached_property
    def body(self) -> Field | None:
        """The field of the body, or None."""
        return body_field(self.operation)

    @cached_property
    def body_names(self) -> tuple[str, ...]:
        """The names that a body may hold at its top, over all branches."""
        holders = [b.field for b in self.body.branches] or [self.body] if self.body else []
        return tuple(dict.fromkeys(child.name for holder in holders for child in holder.children))

    @cached_property
    def answer(self) -> Field | None:
        """The field of the answer of success; None where it has no JSON body."""
        return success_field(self.operation)

    @cached_property
    def shape(self) -> Shape | None:
        """The form of the answer of success."""
        return shape(self.answer) if self.answer else None

    @cached_property
    def envelope(self) -> Envelope | None:
        """How the answer wraps a list; None where it is none."""
        wanted = self.deed.options.get("items")
        child = self.answer.child(str(wanted)) if self.answer and wanted else None
        part = (str(wanted), child.item) if child and child.item else list_part(self.answer)
        if part is None or self.answer is None:
            return None
        total = next((c.name for c in self.answer.children if re.search(r"(?i)total|count", c.name)), "")
        return Envelope(part[0], total, shape(part[1]), shape(self.answer))

    @cached_property
    def media_type(self) -> str:
        """The media type of the answer of success: JSON where it is offered, else the first declared."""
        content: Mapping[str, Any] = self.operation.success.content if self.operation.success else {}
        return next((m for m in content if "json" in m and "nd" not in m), next(iter(content), ""))


def _above(path: str, kinds: Mapping[str, Kind]) -> list[tuple[str, Kind]]:
    """The kinds that the path's parameters name, in order: each by the collection that stands before it."""
    by_path = {kind.at: kind for kind in kinds.values() if kind.at}
    found, before = [], ""
    for segment in path.strip("/").split("/"):
        if segment.startswith("{") and segment.endswith("}") and before in by_path:
            found.append((segment[1:-1], by_path[before]))
        before = f"{before}/{segment}"
    return found
