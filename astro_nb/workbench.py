"""The room that knows all the others: introductions only.

`connect` puts an environment, a document, a client and a history together; every method of the `Workbench` passes on to
the room that does the work.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import ops as operations_room
from .call import UNSET, Call
from .client import Client
from .environment import Environment, Environments, Secret, Variable, Variables, load_environment
from .exchange import Exchange
from .history import FOLDER, Errors, History
from .pace import Retries
from .paging import Pages
from .progress import Progress
from .rounds import read_pages, wait_for
from .session import Session, permissions
from .spec import Spec, load
from .waiting import Until

if TYPE_CHECKING:  # imported at first use: scripts against a server need none of them
    from .frames import DataFrame
    from .privileges import Privileges
    from .runbook import Runbook
    from .sandbox import Sandbox, SandboxClient
    from .scan import Scan
    from .ui import Explorer

SANDBOX_URL = "ASTRO_NB_SANDBOX_URL"
"""Operating-system variable with the address of a sandbox that runs already; `astro-nb lab` sets it."""


SANDBOX_SPEED = 10.0
"""How many times faster than life the embedded sandbox runs: a Deployment is created in seconds, not in minutes."""


class Workbench:
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
        self.session = session
        self.sandbox = sandbox
        self.spec: Spec = session.spec
        self.variables: Variables = session.variables
        self.history: History = session.history
        self.ops = operations_room.operations(session.spec, session.call)

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
        from .runbook import Runbook

        return Runbook(self.session)

    @property
    def errors(self) -> Errors:
        """The exchanges that did not go well."""
        return self.history.errors

    def call(self, operation: str, /, *, body: Any = UNSET, **arguments: Any) -> Exchange:
        """Send one request. Arguments are parameters first, then fields of the body, in the document's spelling."""
        return self.session.call(operation, body=body, **arguments)

    def send(self, call: Call) -> Exchange:
        """Send a `Call`: for what keywords cannot say, such as further headers or another media type."""
        return self.session.send(call)

    def allow_unsafe(self) -> AbstractContextManager[None]:
        """`with api.allow_unsafe():` sends unsafe calls to a production environment without a question."""
        return self.session.guard.allow_unsafe()

    def confirmed(self, name: str) -> AbstractContextManager[None]:
        """`with api.confirmed("demo"):` answers the question of production; what has another name is refused."""
        return self.session.guard.confirmed(name)

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

    def explore(self, operation: str | None = None) -> Explorer:
        """The explorer, open at one operation if it is named."""
        from .ui import Explorer

        return Explorer(self.session, self.sandbox, operation)

    def keep(self, response: Exchange, path: str, as_: str, secret: bool = False) -> Variable:
        """Set a variable to a value of an answer: `api.keep(created, "$.token", as_="token")`. A secret stays one."""
        return self.session.keep(response, path, as_, secret)

    def sources(self, operation: str) -> DataFrame:
        """Which operations answer what this one asks for: field, operation, path and reason, the best first."""
        from .origin import sources_frame

        return sources_frame(self.spec.operation(operation))

    def uses(self, operation: str) -> DataFrame:
        """Which operations take what this one answers: operation, field, path and reason, the likeliest first."""
        from .origin import uses_frame

        return uses_frame(self.spec.operation(operation))

    def permissions(self) -> list[str]:
        """The permissions that everything done in this session needed: what a token for it should have."""
        return permissions(self.session.trail)

    def privileges(self, operation: str | None = None, *, notebook: str | Path | None = None) -> Privileges:
        """What a token needs, against what this one has: for an operation, for a notebook, or for all that was done.

        `.frame()` makes a table of it, `.ticket` a text for whoever creates the token.

        Raises:
            UnknownName: there is no such operation.
            RunbookError: there is no such notebook.
        """
        if notebook is None:
            return self.session.privileges(operation)
        from .privileges import calls_in
        from .runbook import code_of

        called, told = calls_in(self.spec, code_of(notebook))
        return self.session.privileges_for(Counter(called), told)

    def scan(self, paths: Iterable[str | Path] | None = None) -> Scan:
        """Look for secrets in files: by default in the folder of this notebook, with all that this session knows."""
        from .leaks import known_of
        from .scan import scan

        known = known_of(self.variables, self.session.acting, self.history.recent())
        return scan([Path()] if paths is None else paths, known=known)

    def close(self) -> None:
        """Close connections and the history, and stop the sandbox if it is ours."""
        self.session.client.close()
        self.history.close()
        from .sandbox import Sandbox

        if isinstance(self.sandbox, Sandbox):
            self.sandbox.stop()

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        return self.explore()._repr_mimebundle_()


def connect(
    environment: str | Environment | None = None,
    *,
    spec: Any = None,
    base_url: str | None = None,
    token: str | Secret | None = None,
    overlay: Any = None,
    variables: Mapping[str, Any] | None = None,
    history: str | Path | None = FOLDER,
    retries: Retries | None = None,
    transport: Any = None,
    seed: int | None = None,
) -> Workbench:
    """A workbench for an API.

    Args:
        environment: the name of an environment (built in: "sandbox", the default, and "astro"), or one made in Python.
        spec: another document: a path, a URL, a dict, a text.
        base_url: the server; by default the environment's, else the document's first.
        token: a secret reference such as "env:MY_TOKEN", or a `Secret`.
        overlay: what the document leaves unsaid; by default the overlay beside it.
        variables: session variables to begin with.
        history: the folder of the history; None keeps it in memory.
        retries: what is tried again, and how long.
        transport: an httpx transport in place of the network.
        seed: what random values such as `{{$uuid}}` follow, for runs that can be repeated.

    Raises:
        DocumentError: the document cannot be used.
        SettingsError: the environment is not set up, or its token has expired.
        UnknownName: there is no such environment.
    """
    chosen = _environment(environment, spec, base_url, token)
    client = Client(chosen.timeout, retries, transport)
    document = load(spec if spec is not None else chosen.spec, overlay or chosen.overlay, client.fetch)
    kept = History(document, Path(history) / f"{_slug(document.title)}.sqlite" if history is not None else None)
    return _opened(chosen, document, Variables(seed, session=dict(variables or {})), client, kept)


def _opened(chosen: Environment, spec: Spec, variables: Variables, client: Client, history: History) -> Workbench:
    """The workbench; where its token turns out to have expired, what was started for it is stopped again."""
    placed, sandbox = _placed(chosen, spec)
    workbench = Workbench(Session(spec, placed, variables, client, history), sandbox)
    try:
        workbench.environments.fill_shared(variables)
        _require_valid_token(workbench.session)
    except BaseException:
        workbench.close()
        raise
    return workbench


def _environment(
    given: str | Environment | None, spec: Any, base_url: str | None, token: str | Secret | None
) -> Environment:
    if given is None and (spec is not None or base_url is not None):
        given = Environment("default")
    chosen = given if isinstance(given, Environment) else load_environment(given or "sandbox")
    chosen = replace(chosen, base_url=base_url) if base_url else chosen
    return replace(chosen, credentials={**chosen.credentials, "token": token}) if token else chosen


def _placed(environment: Environment, spec: Spec) -> tuple[Environment, Sandbox | SandboxClient | None]:
    """The environment with its base URL known; the sandbox is started, or found, where it is meant."""
    if environment.base_url != "sandbox":
        return environment.at(environment.base_url or (spec.servers or ("",))[0]), None
    from .sandbox import Sandbox, SandboxClient

    running = os.environ.get(SANDBOX_URL)
    sandbox = SandboxClient(running) if running else Sandbox(spec, speed=SANDBOX_SPEED).start()
    credentials = environment.credentials or {"token": Secret.held(sandbox.token(), "SANDBOX_TOKEN")}
    return replace(environment, credentials=credentials).at(sandbox.url), sandbox


def _require_valid_token(session: Session) -> None:
    facts, secret = session.token_facts(), session.token_secret()
    if facts and secret:
        facts.require_valid(secret.source)


def _slug(title: str) -> str:
    return re.sub(r"\W+", "-", title.lower()).strip("-") or "api"
