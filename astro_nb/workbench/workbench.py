"""Attempts told in the cell that waits for them.

Everything that a workbench sends.

An API in hand: every method passes on to the room that does the work.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from ..call import UNSET, Call
from ..changes import Changed, change
from ..environments import Environment, Environments, Variable, Variables
from ..exchange import Attempt, Exchange
from ..history import Errors, History
from ..http import Running, in_background
from ..openapi import Spec
from ..pagination import Pages, read_pages
from ..polling import Until, WaitOptions, WaitResult, wait_for
from ..progress import Progress
from ..session import Session, permissions
from .ops import make_operations

if TYPE_CHECKING:
    from ..bulk import Bulk
    from ..explorer import Explorer
    from ..frames import DataFrame
    from ..permissions import Privileges
    from ..runbooks import Runbook
    from ..sandbox import Sandbox, SandboxClient
    from ..secret_scan import Scan


class Attempts:
    """Called with each attempt as it ends; says in the notebook why the next one waits, and how it ended."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._progress: Progress | None = None

    def __call__(self, attempt: Attempt) -> None:
        told = attempt.progress(self._most)
        if told:
            self._progress = self._progress or Progress("Sending", delay=0.0)
            self.show(None, told)
        elif self._progress:
            self.show(1.0, f"{attempt.outcome} at attempt {attempt.number}")
            self._progress = None

    def show(self, fraction: float | None, words: str) -> None:
        """Draw it."""
        if self._progress:
            self._progress(fraction, words)


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
        return self.session.start(self.session.build_call(operation, arguments, body))

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
    ) -> WaitResult:
        """Send a call until a condition holds; return the last exchange, with its `transitions`.

        Args:
            operation, arguments: the call that reads the state; as for `call`.
            until: "settled" (the overlay lists the states), the name of a state, "gone" (a 404), a condition in
                JSONPath (`$.status == 'HEALTHY'`, `$.items[?@.ready == true]`), several of these, of which one is
                enough, or a predicate, which is called with every exchange, failed ones too.
            timeout: the longest time to wait, in seconds.
            every: seconds between two requests; by default 0.5 s, growing to 10 s.
            grace: seconds after a change by this session for which an unchanged state is not trusted; by default the
                overlay's value, or else 10 s. For a predicate there is no grace period unless you give one.

        Raises:
            UsageError: the document lists the states, and this is none of them, or a condition is malformed; nothing
                was sent.
            WaitTimeout: the condition did not hold in time; the error has the last state.
            WaitFailed: a terminal state, or a response that another request will not change (401, 403, 404 …).
        """
        options = WaitOptions(timeout, every, grace, self._speed)
        return wait_for(self.session, operation, until, options, Progress(f"Waiting for {operation}"), **arguments)

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
        return self.session.approval.allow_unsafe()

    def confirmed(self, name: str) -> AbstractContextManager[None]:
        """`with api.confirmed("demo"):` answers the question of production; what has another name is refused."""
        return self.session.approval.confirmed(name)


class Workbench(Doing):
    """An API in hand: call it, explore it, look back, and write down what was done.

    Ending a cell with it shows the explorer.

    Attributes:
        spec: the document.
        variables: values by name, for `{{name}}`; set like a dict.
        history: everything that was sent, and what came back.
        ops: the operations as functions.
        sandbox: the embedded server; None in other environments.
    """

    def __init__(self, session: Session, sandbox: Sandbox | SandboxClient | None = None) -> None:
        super().__init__()
        self.session = session
        self.sandbox = sandbox
        self.spec: Spec = session.spec
        self.variables: Variables = session.variables
        self.history: History = session.history
        session.on_attempt = Attempts(session.client.retries.attempts)
        self.ops = make_operations(session.spec, session.call)

    def __repr__(self) -> str:
        at = f"{self.environment.name} at {self.environment.base_url}"
        return f"<astro_nb: {self.spec.title} {self.spec.version}, {len(self.spec)} operations, {at}>"

    @property
    def environment(self) -> Environment:
        """The environment that requests go to."""
        return self.session.environment

    @cached_property
    def environments(self) -> Environments:
        """The environments there are: the built-in ones, and those beside the notebook."""
        return Environments()

    @cached_property
    def runbook(self) -> Runbook:
        """What was done in this session, as a notebook to be."""
        from ..runbooks import Runbook

        return Runbook(self.session)

    @property
    def errors(self) -> Errors:
        """The exchanges that did not go well."""
        return self.history.errors

    def explore(self, operation: str | None = None) -> Explorer:
        """The explorer, open at one operation if it is named."""
        from ..explorer import Explorer

        return Explorer(self.session, self.sandbox, operation)

    def keep(self, response: Exchange | WaitResult, path: str, as_: str, secret: bool = False) -> Variable:
        """Set a variable to a value of an answer: `api.keep(created, "$.token", as_="token")`. A secret stays one."""
        exchange = response.exchange if isinstance(response, WaitResult) else response
        return self.session.keep(exchange, path, as_, secret)

    def sources(self, operation: str) -> DataFrame:
        """Which operations answer what this one asks for: field, operation, path and reason, the best first."""
        from ..linking import sources_frame

        return sources_frame(self.spec.operation(operation))

    def uses(self, operation: str) -> DataFrame:
        """Which operations take what this one answers: operation, field, path and reason, the likeliest first."""
        from ..linking import uses_frame

        return uses_frame(self.spec.operation(operation))

    def permissions(self) -> list[str]:
        """The permissions that everything done in this session needed: what a token for it should have."""
        return permissions(self.session.exchanges)

    def privileges(self, operation: str | None = None, *, notebook: str | Path | None = None) -> Privileges:
        """What a token needs, against what this one has: for an operation, for a notebook, or for all that was done.

        `.frame()` makes a table of it, `.ticket` a text for whoever creates the token.

        Raises:
            UnknownName: there is no such operation.
            RunbookError: there is no such notebook.
        """
        if notebook is None:
            return self.session.privileges(operation)
        from ..permissions import calls_in
        from ..runbooks import read_code_cells

        called, told = calls_in(self.spec, read_code_cells(notebook))
        return self.session.privileges_for(Counter(called), told)

    def scan(self, paths: Iterable[str | Path] | None = None) -> Scan:
        """Look for secrets in files: by default in the folder of this notebook, with all that this session knows."""
        from ..secret_scan import scan
        from ..session import session_secrets

        known = session_secrets(self.variables, self.session.effective_environment, self.history.recent())
        return scan([Path()] if paths is None else paths, known=known)

    def close(self) -> None:
        """End what goes on in the background, close connections and history, and stop the sandbox if it is ours."""
        for running in list(self._beside):
            running.cancel()
        self.session.client.close()
        self.history.close()
        from ..sandbox import Sandbox

        if isinstance(self.sandbox, Sandbox):
            self.sandbox.stop()

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        return self.explore()._repr_mimebundle_()
