"""Everything that a workbench sends."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, ParamSpec, TypeVar

from ..call import UNSET, Call
from ..client import Running, in_background
from ..exchange import Exchange
from ..paging import Pages
from ..progress import Progress
from ..rounds import read_pages, wait_for
from ..session import Session
from ..waiting import Until

T = TypeVar("T")
P = ParamSpec("P")


class Doing:
    """Whatever is sent in a session: one call, or many for one wish."""

    session: Session

    def call(self, operation: str, /, *, body: Any = UNSET, **arguments: Any) -> Exchange:
        """Send one request. Arguments are parameters first, then fields of the body, in the document's spelling."""
        return self.session.call(operation, body=body, **arguments)

    def start(self, operation: str, /, *, body: Any = UNSET, **arguments: Any) -> Running[Exchange]:
        """Send one request in the background: `await` it, ask for its `result()`, or `cancel()` it.

        Production is not asked about here: an unsafe call needs `with api.allow_unsafe():`.
        """
        return self.session.start(self.session.arrange(operation, arguments, body))

    def in_background(self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Running[T]:
        """Do longer work beside the notebook: `await api.in_background(api.wait, "GetDeployment", …)`.

        What it gives may be awaited, asked for its `result()`, or ended with `cancel()`, requests under way included.
        """
        return in_background(work, *args, **kwargs)

    def send(self, call: Call) -> Exchange:
        """Send a `Call`: for what keywords cannot say, such as further headers or another media type."""
        return self.session.send(call)

    def pages(self, operation: str, /, **arguments: Any) -> Pages:
        """Read every page of a list; `.frame()` makes a table of it."""
        return read_pages(self.session, operation, Progress(f"Pages of {operation}"), **arguments)

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
