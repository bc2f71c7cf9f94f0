"""Whether an unsafe call may be sent: asked of whoever sends it, and remembered no longer than told.

A leave is given in a `with` block and holds for the thread that entered it; `astro-nb run --allow-unsafe` gives one to
the kernel of that run.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from ..call import Call
from ..environments import Environment
from ..errors import UnsafeRefused
from ..openapi import Operation
from ..progress import in_notebook
from .change import Change, Planned, Read, what_many_would_change, what_would_change

ALLOW_UNSAFE: Final = "ASTRO_NB_ALLOW_UNSAFE"
"""Operating-system variable that gives leave to a whole process; `astro-nb run --allow-unsafe` sets it."""

_MOST = 8  # changes that were looked at and may yet be confirmed

_leaves: ContextVar[tuple[tuple[Approval, str | None], ...]] = ContextVar("leaves", default=())
"""What is given leave now: by which guard, and for the thing of which name; None for everything."""


class Approval:
    """Stands before the unsafe calls of one session. `read` sends a safe call and keeps what came of it."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self._looked_at: list[tuple[Environment, Change]] = []

    def __repr__(self) -> str:
        return "<Guard>"

    @contextmanager
    def allow_unsafe(self) -> Iterator[None]:
        """Send unsafe calls without a question, within this block."""
        with self._leave(None):
            yield

    @contextmanager
    def confirmed(self, name: str) -> Iterator[None]:
        """Answer the question with this name, within this block; another thing is refused."""
        with self._leave(name):
            yield

    def change_of(self, plan: Planned, environment: Environment) -> Change:
        """What a call would change; it may be confirmed by its name from now on, once."""
        change = what_would_change(plan, self._read)
        self._looked_at = [*self._looked_at, (environment, change)][-_MOST:]
        return change

    def require_approval(self, plan: Planned, environment: Environment) -> None:
        """Ask before an unsafe call goes to a guarded environment.

        Raises:
            UnsafeRefused: the answer is not the name of the thing, or nobody is there to answer.
        """
        if not self._is_free(plan.operation, environment):
            self._require(what_would_change(plan, self._read))

    @contextmanager
    def approve_many(self, plans: Sequence[Planned], count: int, left: int, environment: Environment) -> Iterator[None]:
        """Ask once before many calls of one operation, and send them without a question within this block.

        Args:
            plans: the first of them.
            count, left: how many there are, and how many are yet to be sent; `45 CreateX` confirms 45 of them.
            environment: where they go.

        Raises:
            UnsafeRefused: as for `require_leave`.
        """
        if plans and not self._is_free(plans[0].operation, environment):
            self._require(what_many_would_change(plans, count, left, self._read))
        with self.allow_unsafe():
            yield

    def _require(self, change: Change) -> None:
        """Raise UnsafeRefused unless the change is confirmed, in advance or now."""
        named = self._named()
        require_confirmed(change, _ask(change) if named is None else named)

    def require_confirmed(self, plan: Planned, environment: Environment, confirmed: str | None) -> None:
        """As `require_leave`, where the sender asks by itself; `confirmed` is what was answered.

        Raises:
            UnsafeRefused: nothing was answered, or not the name of the thing.
        """
        if self._is_free(plan.operation, environment):
            return
        confirmed = self._named() if confirmed is None else confirmed
        if confirmed is None:
            raise _unasked(plan.operation, environment)
        change = self._taken(plan.call, environment) or what_would_change(plan, self._read)
        require_confirmed(change, confirmed)

    def _named(self) -> str | None:
        """The name that was given in a `with api.confirmed(…)` around this."""
        names = [name for guard, name in _leaves.get() if guard is self and name is not None]
        return names[-1] if names else None

    def _is_free(self, operation: Operation, environment: Environment) -> bool:
        if not needs_approval(operation, environment):
            return True
        return os.environ.get(ALLOW_UNSAFE) == "1" or (self, None) in _leaves.get()

    def _taken(self, call: Call, environment: Environment) -> Change | None:
        """What was looked at for a call; it is forgotten, so that it is confirmed once."""
        found = [pair for pair in self._looked_at if pair[0] == environment and pair[1].call == call]
        self._looked_at = [pair for pair in self._looked_at if pair not in found]
        return found[-1][1] if found else None

    @contextmanager
    def _leave(self, name: str | None) -> Iterator[None]:
        token = _leaves.set((*_leaves.get(), (self, name)))
        try:
            yield
        finally:
            _leaves.reset(token)


def needs_approval(operation: Operation, environment: Environment) -> bool:
    """Whether an operation needs to be confirmed in an environment."""
    return environment.requires_approval and not operation.is_safe


def require_confirmed(change: Change, answer: str | None) -> None:
    """Raise UnsafeRefused unless the answer is the name that the change has to be confirmed by."""
    if answer is None:
        raise UnsafeRefused(
            f"{change.headline} Nobody is here to confirm it: nothing was sent.",
            "If it is meant, run the notebook with `astro-nb run --allow-unsafe`, or call it inside "
            "`with api.allow_unsafe():`.",
            change=change,
        )
    if answer.strip() != change.name:
        raise UnsafeRefused(
            f"{change.headline} What was given is not its {change.named_by}: nothing was sent.",
            f"If it is meant, call it again and give {change.name!r}.",
            change=change,
        )


def _unasked(operation: Operation, environment: Environment) -> UnsafeRefused:
    return UnsafeRefused(
        f"{operation.id} is not confirmed, and {environment.name} asks before anything is changed: nothing was sent.",
        "If it is meant, send it inside `with api.confirmed(name):`, or `with api.allow_unsafe():`.",
    )


def _ask(change: Change) -> str | None:
    """Show a change and ask for its name; None where nobody can answer."""
    question = f"Type the {change.named_by} “{change.name}” to send it, or anything else to send nothing: "
    try:
        return input(question if displayed(change) else f"{change.text()}\n{question}")
    except (
        EOFError,
        OSError,
        RuntimeError,
    ):  # no terminal, or none any more; a kernel without a front end says the last
        return None


def displayed(change: Change) -> bool:
    """Whether a notebook shows a change."""
    if not in_notebook():
        return False
    from IPython.display import display

    display(change)  # type: ignore[no-untyped-call]  # IPython has no types here
    return True
