"""What an exchange was sent for: a single call, or one request of many."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

GroupKind = Literal["call", "reference", "approval", "pages", "wait", "bulk", "change"]


@dataclass(frozen=True)
class CallGroup:
    """What a request was sent for. All requests of one wait, list, bulk or change have the same kind and id.

    Attributes:
        kind: "call" (one call), "reference" (sent to resolve `{{responses…}}`), "approval" (sent to show what an unsafe
            call would change), or the group that the request is part of: "pages", "wait", "bulk", "change".
        id: shared by the requests of a group; empty for a single request.
        goal: what a wait waits for: one or more states, conditions, "gone", "settled" or "a predicate".
        timeout: seconds that a wait may take.
        row: the number of the row in a bulk, counted from 0; None elsewhere.
    """

    kind: GroupKind = "call"
    id: str = ""
    goal: tuple[str, ...] = ()
    timeout: float = 0.0
    row: int | None = None


SINGLE_CALL = CallGroup()
"""The group of a request that was sent by itself."""
