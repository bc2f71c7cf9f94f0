"""How a request ended for whoever needs it done: done, failed, or nobody knows."""

from __future__ import annotations

from typing import Final, Literal

from ..messages import Response
from ..openapi import Operation, reader_at, upwards
from .attempts import Attempt, Failure

Outcome = Literal["done", "failed", "unknown"]

_GONE = (404, 410)


class Ended:
    """What is sent and ends, in an answer or in a failure."""

    operation: Operation
    response: Response | None
    failure: Failure | None
    attempts: tuple[Attempt, ...]

    @property
    def outcome(self) -> Outcome:
        """What became of it: "done", "failed" or "unknown".

        A deletion whose thing is gone is done where an earlier attempt may have done it. Of what may change something
        and ended in a 5xx, a time-out or a broken connection, nobody knows; so too where an earlier attempt did, and
        no answer has told more since.
        """
        doubtful = any(attempt.may_have_been_done for attempt in self.attempts)
        if self.response is not None and self.response.status < 500:
            gone = self.operation.method == "DELETE" and self.response.status in _GONE and doubtful
            return "done" if self.response.status < 400 or gone else "failed"
        return "unknown" if doubtful and not self.operation.is_safe else "failed"

    @property
    def advice(self) -> str:
        """What to do where nobody knows what became of it, such as where to look; else empty."""
        if self.outcome != "unknown":
            return ""
        name = self.operation.id
        if self.operation.is_idempotent:
            return f"{name} may have been carried out; to send it again does no harm."
        reader = _reader(self.operation)
        look = f"Look with {reader.id} before you send it again" if reader else "Find out before you send it again"
        return f"{name} may have been carried out, and it is not safe to repeat. {look}."


def _reader(operation: Operation) -> Operation | None:
    """The operation that reads where this one changes something: at its path, else at the nearest one above."""
    found = (reader_at(operation, path) for path in upwards(operation.path))
    return next((reader for reader in found if reader), None)


_LASTING: Final = ("501", "505")
"""Statuses of a server that will never be able to."""


def may_have_been_done(came: str) -> bool:
    """Whether a request may have been carried out that ended like this: a status, or the kind of a failure."""
    return came in ("timeout", "broken", "too large", "cancelled") or (came.startswith("5") and came not in _LASTING)
