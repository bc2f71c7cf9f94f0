"""Everything that a workbench sends."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from ..call import UNSET, Call
from ..client import Running, in_background
from ..exchange import Exchange
from ..paging import Pages
from ..progress import Progress
from ..rounds import Patience, read_pages, wait_for
from ..session import Session
from ..updates import Changed, change
from ..waiting import Until, Waited

if TYPE_CHECKING:
    from ..sandbox import Sandbox, SandboxClient

if TYPE_CHECKING:
    from ..bulk import Bulk

T = TypeVar("T")
P = ParamSpec("P")


class Doing:
    """Whatever is sent in a session: one call, or many for one wish."""

    session: Session
    sandbox: Sandbox | SandboxClient | None

    def __init__(self) -> None:
        self._beside: set[Running[Any]] = set()  # what goes on in the background

    def call(self, operation: str, /, *, body: Any = UNSET, **arguments: Any) -> Exchange:
        """Send one request. Arguments are parameters first, then fields of the body, in the document's spelling."""
        return self.session.call(operation, body=body, **arguments)

    def start(self, operation: str, /, *, body: Any = UNSET, **arguments: Any) -> Running[Exchange]:
        """Send one request in the background: `await` it, ask for its `result()`, or `cancel()` it.

        Production is not asked about here: send it within `with api.confirmed(name):` or `with api.allow_unsafe():`.
        """
        return self.session.start(self.session.arrange(operation, arguments, body))

    def in_background(self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Running[T]:
        """Do longer work beside the notebook: `await api.in_background(api.wait, "GetDeployment", …)`.

        What it gives may be awaited, asked for its `result()`, or ended with `cancel()`, requests under way included.
        """
        running = in_background(work, *args, **kwargs)
        self._beside.add(running)
        running.when_done(self._beside.discard)
        return running

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
        grace: float | None = None,
        **arguments: Any,
    ) -> Waited:
        """Ask again and again until something is so. What comes back is the last exchange, with its `transitions`.

        Args:
            operation, arguments: what reads the state; as for `call`.
            until: "settled" (the overlay knows the states), the name of a state, "gone" (a 404), a condition in
                JSONPath (`$.status == 'HEALTHY'`, `$.items[?@.ready == true]`), several of them of which one is
                enough, or a predicate, which is asked of every exchange, failed ones too.
            timeout: seconds, at the most.
            every: seconds between two requests; by default from 0.5 s, growing to 10 s.
            grace: seconds after a change by this session for which a state that has not moved since is not taken for
                its result; by default what the overlay says, else 10. A predicate knows no grace unless it is given.

        Raises:
            UsageError: the document knows the states, and this is none of them, or a condition is malformed; nothing
                was sent.
            WaitTimeout: time ran out; the error tells the last state.
            WaitFailed: a terminal state, or an answer that will not change by waiting (401, 403, 404 …).
        """
        patience = Patience(timeout, every, grace, self._speed)
        return wait_for(self.session, operation, until, patience, Progress(f"Waiting for {operation}"), **arguments)

    def _speed(self) -> float:
        """How many times faster than real time the server lives: a sandbox's speed, where requests go to it."""
        sandbox = self.sandbox
        here = (self.session.environment.base_url or "").rstrip("/")
        return sandbox.speed if sandbox is not None and here == sandbox.url.rstrip("/") else 1.0

    def change(self, operation: str, /, *, body: Any = UNSET, dry_run: bool = False, **arguments: Any) -> Changed:
        """Change something of a thing, and leave the rest of it as it is: read, merge, show the difference, write.

        Arguments are parameters first, then the fields that change, in the document's spelling:

        - an object is merged field by field; `None` removes a field (RFC 7396);
        - a list given as a mapping is changed entry by entry: `environmentVariables={"REGION": "eu"}` sets a value or
          adds it, `{"REGION": {"isSecret": True, "value": …}}` changes these fields of it, `{"OLD": None}` removes it,
          and every other entry stays;
        - a list given as a list replaces the old one, and so does any other value.

        Stored secrets are kept; a `Secret` given as a bare value is stored as one. Where nothing would change, nothing
        is sent. With `dry_run` the difference is told, and nothing is sent.

        Raises:
            UsageError: the operation is no update of a thing that can be read; what to use instead is told.
            ConcurrentChange: somebody else changed the thing meanwhile; nothing was written.
        """
        return change(self.session, operation, body=body, dry_run=dry_run, **arguments)

    def bulk(
        self,
        operation: str,
        rows: Any,
        /,
        columns: Mapping[str, str] | None = None,
        *,
        body: Any = UNSET,
        **constants: Any,
    ) -> Bulk:
        """A table as many requests: `api.bulk("CreateWorkspace", frame).run()`. Looking at it sends nothing.

        `columns` says which column goes where (`{"environmentVariable.value": "value"}`), what it leaves out is
        proposed, and arguments are the same in all rows; see `bulk.Bulk`.
        """
        from ..bulk import bulk

        return bulk(self.session, operation, rows, columns, body, Progress(f"Bulk of {operation}"), **constants)

    def allow_unsafe(self) -> AbstractContextManager[None]:
        """`with api.allow_unsafe():` sends unsafe calls to a production environment without a question."""
        return self.session.guard.allow_unsafe()

    def confirmed(self, name: str) -> AbstractContextManager[None]:
        """`with api.confirmed("demo"):` answers the question of production; what has another name is refused."""
        return self.session.guard.confirmed(name)
