"""The facade: one object for everything that a notebook does with an API. Every method delegates to a package.

`api.ops` has the operations as functions: `api.ops.list_deployments(limit=100)`. Every operation is a real attribute
with a signature and a docstring, so that completion and `help` work with and without jedi. Tags are attributes too:
`api.ops.deployment.list_deployments`.
"""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from .. import html
from ..call import UNSET, Call
from ..changes import ChangeResult, change
from ..environments import Environment, Environments, Variable, Variables
from ..exchange import Attempt, Exchange
from ..files import display_path
from ..history import Errors, History
from ..http import Running, in_background
from ..openapi import Operation, Spec
from ..pagination import Pages, read_pages
from ..permissions import Privileges, calls_in, permissions_of
from ..polling import Until, WaitOptions, WaitResult, wait_for
from ..progress import Progress
from ..schema import describe_operation, operation_html, python_name, python_names, signature
from ..session import Session, session_secrets

if TYPE_CHECKING:
    from ..bulk import Bulk
    from ..explorer import Explorer
    from ..frames import DataFrame
    from ..runbooks import Runbook
    from ..sandbox import Sandbox, SandboxClient
    from ..secret_scan import Scan


Caller = Callable[..., Exchange]
"""Sends an operation by its id, with its arguments as keywords: `Session.call`."""


class OperationFunction:
    """One operation, callable with the argument names of the document.

    Attributes:
        operation: the operation.
    """

    def __init__(self, operation: Operation, caller: Caller, name: str) -> None:
        self.operation = operation
        self._caller = caller
        self.__name__ = self.__qualname__ = name

    def __call__(self, /, *whole: Any, **arguments: Any) -> Exchange:
        return self._caller(self.operation.id, *whole, **arguments)

    def __repr__(self) -> str:
        return f"<{self.operation.id}: {self.operation.method} {self.operation.path_key}>"

    @property
    def __signature__(self) -> inspect.Signature:
        return signature(self.operation)

    @property
    def __doc__(self) -> str:  # type: ignore[override]  # computed when it is read
        return describe_operation(self.operation)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/plain": self.__doc__, "text/html": str(operation_html(self.operation))}


class Operations:
    """The operations of a document, or of one of its tags, as attributes."""

    def __init__(self, title: str, functions: Iterable[OperationFunction]) -> None:
        self._title = title
        self._functions = {function.__name__: function for function in functions}
        self.__dict__.update(self._functions)

    def __repr__(self) -> str:
        count = len(self._functions)
        return f"<{self._title}: {count} operation{'' if count == 1 else 's'}>"

    def __dir__(self) -> list[str]:
        return sorted(name for name in self.__dict__ if not name.startswith("_"))

    def __iter__(self) -> Iterator[OperationFunction]:
        return iter(self._functions.values())

    def __len__(self) -> int:
        return len(self._functions)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        rows = [(html.method_pill(f.operation.method), html.code(f.__name__), f.operation.summary) for f in self]
        plain = "\n".join(f"{f.operation.method:7}{f.__name__}  {f.operation.summary}" for f in self)
        return {"text/plain": plain, "text/html": str(html.table(["method", "api.ops", "summary"], rows))}


def make_operations(spec: Spec, caller: Caller) -> Operations:
    """Return all operations of a document as functions; an operation takes precedence over a tag of the same name."""
    functions = [OperationFunction(operation, caller, name) for name, operation in python_names(spec).items()]
    operations = Operations(spec.title, functions)
    for tag in spec.tags:
        tagged = Operations(tag, [function for function in functions if tag in function.operation.tags])
        operations.__dict__.setdefault(python_name(tag), tagged)
    return operations


T = TypeVar("T")
P = ParamSpec("P")


class AttemptProgress:
    """Reports in the cell why the next attempt of a request waits, and how the last one ended.

    Called with each attempt as it ends. Requests without a second attempt are not reported.
    """

    def __init__(self, max_attempts: int) -> None:
        self._max_attempts = max_attempts
        self._progress: Progress | None = None

    def __call__(self, attempt: Attempt) -> None:
        message = attempt.progress(self._max_attempts)
        if message:
            self._progress = self._progress or Progress("Sending", delay=0.0)
            self._progress(None, message)
        elif self._progress:
            self._progress(1.0, f"{attempt.outcome} at attempt {attempt.number}")
            self._progress = None


class Workbench:
    """An API: call it, explore it, read what was sent, and write it down as a runbook.

    A cell that ends with it displays the explorer.

    Attributes:
        session: what sends the calls.
        spec: the document.
        variables: values by name, for `{{name}}`; set like a dict.
        history: every exchange.
        ops: the operations as functions.
        sandbox: the embedded server; None in other environments.
    """

    def __init__(self, session: Session, sandbox: Sandbox | SandboxClient | None = None) -> None:
        self.session = session
        self.sandbox = sandbox
        self.spec: Spec = session.spec
        self.variables: Variables = session.variables
        self.history: History = session.history
        self.ops = make_operations(session.spec, session.call)
        self._background: set[Running[Any]] = set()
        session.on_attempt = AttemptProgress(session.client.retries.attempts)

    def __repr__(self) -> str:
        target = f"{self.environment.name} at {self.environment.base_url}"
        return f"<astro_nb: {self.spec.title} {self.spec.version}, {len(self.spec)} operations, {target}>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        return self.explore()._repr_mimebundle_()

    # --- sending ------------------------------------------------------------------------------------------------------

    def call(self, operation: str, body: Any = UNSET, /, **arguments: Any) -> Exchange:
        """Send one request. Arguments are parameters first, then fields of the body, in the document's spelling.

        `body=` gives the body whole, unless the operation itself declares something called `body`: then it means that,
        and `anb.Body(…)` gives the body whole.
        """
        return self.session.call(operation, body, **arguments)

    def send(self, call: Call) -> Exchange:
        """Send a `Call`: for what arguments cannot express, such as extra headers or another media type."""
        return self.session.send(call)

    def start(self, operation: str, body: Any = UNSET, /, **arguments: Any) -> Running[Exchange]:
        """Send one request in the background: `await` it, get its `result()`, or `cancel()` it.

        The arguments are those of `call`.

        It does not ask for approval: in production, start it within `with api.confirmed(name):` or
        `with api.allow_unsafe():`.
        """
        return self.session.start(self.session.build_call(operation, arguments, body))

    def in_background(self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Running[T]:
        """Run longer work in the background: `await api.in_background(api.wait, "GetDeployment", …)`.

        `await` it, get its `result()`, or `cancel()` it together with the requests that it is waiting for.
        """
        running = in_background(work, *args, **kwargs)
        self._background.add(running)
        running.when_done(self._background.discard)
        return running

    def pages(self, operation: str, /, *, resume: bool = False, **arguments: Any) -> Pages:
        """Read every page of a list, several at the same time if possible; `.frame()` makes a table of it.

        With `resume`, an unfinished reading of the same call is continued, for example after an interrupt.
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
            until: "settled" (the overlay lists the states), the name of a state (its field is that of the overlay or of
                the document, such as `status` or `job.state`; case is ignored), "gone" (a 404), a condition in
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

    def change(self, operation: str, body: Any = UNSET, /, *, dry_run: bool = False, **arguments: Any) -> ChangeResult:
        """Change a part of a resource and keep the rest: read it, merge, show the difference, and write it back.

        Arguments are parameters first, then the fields that change, in the document's spelling:

        - an object is merged field by field; `None` removes a field (RFC 7396);
        - a list given as a mapping is changed entry by entry: `environmentVariables={"REGION": "eu"}` sets a value or
          adds it, `{"REGION": {"isSecret": True, "value": …}}` changes these fields of the entry, `{"OLD": None}`
          removes it, and every other entry stays;
        - a list given as a list replaces the old one, and so does any other value.

        Stored secrets stay. A `Secret` given as a bare value is stored as a secret. If nothing would change,
        nothing is sent. With `dry_run` the difference is returned, and nothing is sent.

        Raises:
            UsageError: the operation does not update a resource that can be read; the message names the one to use.
            ConcurrentChange: someone else changed the resource in the meantime; nothing was sent.
        """
        return change(self.session, operation, body, dry_run=dry_run, **arguments)

    def bulk(
        self,
        operation: str,
        rows: Any,
        /,
        columns: Mapping[str, str] | None = None,
        **constants: Any,
    ) -> Bulk:
        """Send one request per row of a table: `api.bulk("CreateWorkspace", frame).run()`. Displaying it sends nothing.

        Args:
            operation: the operation.
            rows: the table.
            columns: which column goes where (`{"environmentVariable.value": "value"}`); the other columns are matched
                by name.
            constants: arguments that are the same in all rows, as for `call`; to a whole `body` the cells are added.
        """
        from ..bulk import prepare_bulk

        on_progress = Progress(f"Bulk of {operation}")
        return prepare_bulk(self.session, operation, rows, columns, UNSET, on_progress, **constants)

    def allow_unsafe(self) -> AbstractContextManager[None]:
        """Within `with api.allow_unsafe():`, unsafe calls are sent without asking for approval."""
        return self.session.approval.allow_unsafe()

    def confirmed(self, name: str) -> AbstractContextManager[None]:
        """Within `with api.confirmed("demo"):`, calls on the resource "demo" are approved; calls on others raise."""
        return self.session.approval.confirmed(name)

    # --- environments and values --------------------------------------------------------------------------------------

    @property
    def environment(self) -> Environment:
        """The environment that requests are sent to."""
        return self.session.environment

    @property
    def environments(self) -> Environments:
        """All environments: the built-in ones and those in the folder of the notebook."""
        return self.session.environments

    def keep(self, response: Exchange | WaitResult, path: str, as_: str, secret: bool = False) -> Variable:
        """Set a variable to a value of a response: `api.keep(created, "$.token", as_="token")`. A secret stays one."""
        exchange = response.exchange if isinstance(response, WaitResult) else response
        return self.session.linking.keep(exchange, path, as_, secret)

    def sources(self, operation: str) -> DataFrame:
        """Return which operations return what this one needs: field, operation, path and reason, the best first."""
        from ..linking import sources_frame

        return sources_frame(self.spec.operation(operation))

    def uses(self, operation: str) -> DataFrame:
        """Return which operations need what this one returns: operation, field, path and reason, the best first."""
        from ..linking import uses_frame

        return uses_frame(self.spec.operation(operation))

    # --- what was done ------------------------------------------------------------------------------------------------

    @property
    def errors(self) -> Errors:
        """The exchanges that failed."""
        return self.history.errors

    @cached_property
    def runbook(self) -> Runbook:
        """The calls of this session as a notebook that can be run again."""
        from ..runbooks import Runbook

        return Runbook(self.session)

    def permissions(self) -> list[str]:
        """Return the permissions that the calls of this session needed."""
        return permissions_of(self.session.exchanges)

    def privileges(self, operation: str | None = None, *, notebook: str | Path | None = None) -> Privileges:
        """Return what a token needs, compared with what this one has: for a call, a notebook, or all of the session.

        `.frame()` makes a table of it, `.ticket` a text for the person who creates the token.

        Raises:
            UnknownName: there is no such operation.
            RunbookError: there is no such notebook.
        """
        return self.session.privileges(operation) if notebook is None else _notebook_privileges(self.session, notebook)

    def scan(self, paths: Iterable[str | Path] | None = None) -> Scan:
        """Search files for secrets, including those of this session; by default the folder of this notebook."""
        from ..secret_scan import scan

        known = session_secrets(self.variables, self.session.effective_environment, self.history.recent())
        own = Path(display_path(self.environments.folder.parent))  # the folder in which `connect` was called
        return scan([own] if paths is None else paths, known=known)

    def explore(self, operation: str | None = None) -> Explorer:
        """Return the explorer, with an operation selected if one is given."""
        from ..explorer import Explorer

        return Explorer(self.session, self.sandbox, operation)

    def close(self) -> None:
        """Cancel background work, close connections and history, and stop the sandbox if this workbench started it."""
        for running in list(self._background):
            running.cancel()
        self.session.client.close()
        self.history.close()
        from ..sandbox import Sandbox

        if isinstance(self.sandbox, Sandbox):
            self.sandbox.stop()

    def _speed(self) -> float:
        """How many times faster than real time the server runs: a sandbox's speed, if requests are sent to it."""
        base_url = (self.environment.base_url or "").rstrip("/")
        is_sandbox = self.sandbox is not None and base_url == self.sandbox.url.rstrip("/")
        return self.sandbox.speed if self.sandbox is not None and is_sandbox else 1.0


def _notebook_privileges(session: Session, notebook: str | Path) -> Privileges:
    from ..runbooks import read_code_cells

    called, notes = calls_in(session.spec, read_code_cells(notebook))
    return session.privileges_of_calls(Counter(called), notes)
