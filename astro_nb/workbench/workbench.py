"""An API in hand: every method passes on to the room that does the work."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import ops as operations_room
from ..environment import Environment, Environments, Variable, Variables
from ..exchange import Exchange
from ..history import Errors, History
from ..session import Session, permissions
from ..spec import Spec
from .attempts import Attempts
from .doing import Doing

if TYPE_CHECKING:  # imported at first use: scripts against a server need none of them
    from ..frames import DataFrame
    from ..privileges import Privileges
    from ..runbook import Runbook
    from ..sandbox import Sandbox, SandboxClient
    from ..scan import Scan
    from ..ui import Explorer


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
        session.tried = Attempts(session.client.retries.attempts)
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
        from ..runbook import Runbook

        return Runbook(self.session)

    @property
    def errors(self) -> Errors:
        """The exchanges that did not go well."""
        return self.history.errors

    def explore(self, operation: str | None = None) -> Explorer:
        """The explorer, open at one operation if it is named."""
        from ..ui import Explorer

        return Explorer(self.session, self.sandbox, operation)

    def keep(self, response: Exchange, path: str, as_: str, secret: bool = False) -> Variable:
        """Set a variable to a value of an answer: `api.keep(created, "$.token", as_="token")`. A secret stays one."""
        return self.session.keep(response, path, as_, secret)

    def sources(self, operation: str) -> DataFrame:
        """Which operations answer what this one asks for: field, operation, path and reason, the best first."""
        from ..origin import sources_frame

        return sources_frame(self.spec.operation(operation))

    def uses(self, operation: str) -> DataFrame:
        """Which operations take what this one answers: operation, field, path and reason, the likeliest first."""
        from ..origin import uses_frame

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
        from ..privileges import calls_in
        from ..runbook import code_of

        called, told = calls_in(self.spec, code_of(notebook))
        return self.session.privileges_for(Counter(called), told)

    def scan(self, paths: Iterable[str | Path] | None = None) -> Scan:
        """Look for secrets in files: by default in the folder of this notebook, with all that this session knows."""
        from ..leaks import known_of
        from ..scan import scan

        known = known_of(self.variables, self.session.acting, self.history.recent())
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
