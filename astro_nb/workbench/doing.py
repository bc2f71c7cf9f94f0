"""Everything that a workbench sends."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from ..call import UNSET, Call
from ..exchange import Exchange
from ..paging import Pages
from ..progress import Progress
from ..rounds import read_pages, wait_for
from ..session import Session
from ..waiting import Until


class Doing:
    """Whatever is sent in a session: one call, or many for one wish."""

    session: Session

    def call(self, operation: str, /, *, body: Any = UNSET, **arguments: Any) -> Exchange:
        """Send one request. Arguments are parameters first, then fields of the body, in the document's spelling."""
        return self.session.call(operation, body=body, **arguments)

    def send(self, call: Call) -> Exchange:
        """Send a `Call`: for what keywords cannot say, such as further headers or another media type."""
        return self.session.send(call)

    def pages(self, operation: str, /, *, resume: bool = False, **arguments: Any) -> Pages:
        """Read every page of a list, many at once where that can be; `.frame()` makes a table of it.

        With `resume` the unfinished reading of this same call goes on, as after an interrupt.
        """
        return read_pages(self.session, operation, lambda: Progress(f"Pages of {operation}"), resume, **arguments)

    def wait(
        self,
        operation: str,
        /,
        until: Until = "settled",
        timeout: float = 600.0,
        every: float | None = None,
        **arguments: Any,
    ) -> Exchange:
        """Ask again until a state is reached; see `rounds.wait_for`."""
        progress = Progress(f"Waiting for {operation}")
        return wait_for(self.session, operation, until, timeout, every, progress, **arguments)

    def allow_unsafe(self) -> AbstractContextManager[None]:
        """`with api.allow_unsafe():` sends unsafe calls to a production environment without a question."""
        return self.session.guard.allow_unsafe()

    def confirmed(self, name: str) -> AbstractContextManager[None]:
        """`with api.confirmed("demo"):` answers the question of production; what has another name is refused."""
        return self.session.guard.confirmed(name)
