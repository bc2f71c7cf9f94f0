"""Whether an unsafe call may be sent to an environment that requires approval.

An approval is given by typing the name of the resource, or in a `with` block. A block holds for the thread that
entered it, and for background work that is started in it. `astro-nb run --allow-unsafe` approves all calls of its
kernel.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import Final

from ..call import Call
from ..environments import Environment
from ..errors import UnsafeRefused
from ..http import PreparedRequest
from ..openapi import Operation
from ..progress import in_notebook
from .change import Batch, Change, Read, describe_batch, describe_change

ALLOW_UNSAFE: Final = "ASTRO_NB_ALLOW_UNSAFE"
"""Environment variable of the operating system that approves all calls of a process, if it is "1"."""

_MAX_PREVIEWS = 8  # changes that were shown and can still be confirmed

_granted: ContextVar[tuple[tuple[Approval, str | None], ...]] = ContextVar("granted", default=())
"""The approvals of the `with` blocks around this code: whose it is, and the confirmed name; None for all calls."""


def needs_approval(operation: Operation, environment: Environment) -> bool:
    """Whether an operation has to be approved in an environment."""
    return environment.requires_approval and not operation.is_safe


class Approval:
    """The approvals of one session.

    Several methods take `read`, which sends a safe call, to read the state of the resource that a call would change.
    """

    def __init__(self) -> None:
        self._previews: list[tuple[Environment, Change]] = []

    def __repr__(self) -> str:
        return "<Approval>"

    # --- giving it ----------------------------------------------------------------------------------------------------

    def allow_unsafe(self) -> AbstractContextManager[None]:
        """Approve all unsafe calls within this block."""
        return self._grant(None)

    def confirmed(self, name: str) -> AbstractContextManager[None]:
        """Approve unsafe calls on the resource with this name within this block; calls on others raise."""
        return self._grant(name)

    def preview_change(self, prepared: PreparedRequest, environment: Environment, read: Read) -> Change:
        """Return what a call would change. From now on its name confirms the call, once."""
        change = describe_change(prepared, read)
        self._previews = [*self._previews, (environment, change)][-_MAX_PREVIEWS:]
        return change

    # --- asking for it ------------------------------------------------------------------------------------------------

    def require_approval(self, prepared: PreparedRequest, environment: Environment, read: Read) -> None:
        """Ask the user before an unsafe call is sent to an environment that requires approval.

        Raises:
            UnsafeRefused: the user did not type the name of the resource, or cannot be asked.
        """
        if not self._is_approved(prepared.operation, environment):
            self._require(describe_change(prepared, read))

    @contextmanager
    def approve_many(
        self, prepared: Sequence[PreparedRequest], calls: int, remaining: int, environment: Environment, read: Read
    ) -> Iterator[None]:
        """Ask the user once for many calls of one operation, and approve them within this block.

        Args:
            prepared: the first of the calls.
            calls, remaining: how many there are, and how many of them are not sent yet; `45 CreateWorkspace` confirms
                45 of them.
            environment: where they are sent.
            read: sends a safe call.

        Raises:
            UnsafeRefused: as for `require_approval`.
        """
        if prepared and not self._is_approved(prepared[0].operation, environment):
            self._require(describe_batch(prepared, Batch(calls, remaining), read))
        with self.allow_unsafe():
            yield

    def require_confirmed(
        self, prepared: PreparedRequest, environment: Environment, confirmed: str | None, read: Read
    ) -> None:
        """Check the approval of a call whose sender asks the user itself; `confirmed` is what the user typed.

        Raises:
            UnsafeRefused: the user typed nothing, or not the name of the resource.
        """
        if self._is_approved(prepared.operation, environment):
            return
        confirmed = self._confirmed_name() if confirmed is None else confirmed
        if confirmed is None:
            raise _not_confirmed(prepared.operation, environment)
        change = self._pop_preview(prepared.call, environment) or describe_change(prepared, read)
        _check_confirmation(change, confirmed)

    def _require(self, change: Change) -> None:
        name = self._confirmed_name()
        _check_confirmation(change, ask_for_name(change) if name is None else name)

    def _confirmed_name(self) -> str | None:
        """Return the name in the innermost `with api.confirmed(…)` around this code."""
        names = [name for approval, name in _granted.get() if approval is self and name is not None]
        return names[-1] if names else None

    def _is_approved(self, operation: Operation, environment: Environment) -> bool:
        if not needs_approval(operation, environment):
            return True
        return os.environ.get(ALLOW_UNSAFE) == "1" or (self, None) in _granted.get()

    def _pop_preview(self, call: Call, environment: Environment) -> Change | None:
        """The latest change that was shown for a call; it is removed, so that it is confirmed once."""
        matches = [pair for pair in self._previews if pair[0] == environment and pair[1].call == call]
        self._previews = [pair for pair in self._previews if pair not in matches]
        return matches[-1][1] if matches else None

    @contextmanager
    def _grant(self, name: str | None) -> Iterator[None]:
        token = _granted.set((*_granted.get(), (self, name)))
        try:
            yield
        finally:
            _granted.reset(token)


def ask_for_name(change: Change) -> str | None:
    """Show a change and ask the user to type its name; return None if there is no user to ask."""
    question = f'Type the {change.named_by} "{change.name}" to confirm, or anything else to cancel: '
    try:
        return input(question if display_change(change) else f"{change.text()}\n{question}")
    except (EOFError, OSError, RuntimeError):  # no terminal; a kernel without a front end raises the last
        return None


def display_change(change: Change) -> bool:
    """Display a change in the notebook, and return whether there is one."""
    if not in_notebook():
        return False
    from IPython.display import display

    display(change)  # type: ignore[no-untyped-call]  # IPython has no types here
    return True


def _check_confirmation(change: Change, typed: str | None) -> None:
    """Raise UnsafeRefused unless the typed text confirms the change."""
    if typed is None:
        raise UnsafeRefused(
            f"{change.headline} It was not confirmed, and there is no user to ask here: nothing was sent.",
            "To send it, run the notebook with `astro-nb run --allow-unsafe`, or call it inside "
            "`with api.allow_unsafe():`.",
            change=change,
        )
    if typed.strip() != change.name:
        raise UnsafeRefused(
            f"{change.headline} What was typed is not its {change.named_by}: nothing was sent.",
            f"To send it, call it again and type {change.name!r}.",
            change=change,
        )


def _not_confirmed(operation: Operation, environment: Environment) -> UnsafeRefused:
    return UnsafeRefused(
        f"{operation.id} is not confirmed, and {environment.name} requires approval of changes: nothing was sent.",
        "To send it, call it inside `with api.confirmed(name):`, or `with api.allow_unsafe():`.",
    )
