"""Where requests go, as whom, and with which variables: the top of the explorer."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import ipywidgets as widgets

from ..environment import Environments, load_environment, names
from ..sandbox import Sandbox, SandboxClient
from ..session import Session
from .bar import Bar
from .credentials import CredentialsPanel
from .environments import EnvironmentsPanel
from .panels import FaultsPanel, VariablesPanel
from .parts import set_hidden
from .servers import ServerChooser
from .status import Status


class Whereabouts:
    """The bar, the choice of servers, and the panels that open below them.

    `moved` is called when requests go elsewhere or as someone else, `changed` when a variable has changed.
    """

    def __init__(
        self,
        session: Session,
        sandbox: Sandbox | SandboxClient | None,
        status: Status,
        moved: Callable[[], None],
        changed: Callable[[], None],
    ) -> None:
        self._session, self._status, self._moved = session, status, moved
        self.variables = VariablesPanel(session, status, changed)
        self.credentials = CredentialsPanel(session, status, self._authorised)
        self.environments = EnvironmentsPanel(Environments(), status, self._written)
        self.faults = FaultsPanel(sandbox, status) if sandbox is not None else None
        panels: dict[str, Any] = {"Variables": self.variables, "Credentials": self.credentials}
        panels |= {"Environments": self.environments, "Faults": self.faults}
        self._panels = {name: panel for name, panel in panels.items() if panel is not None}
        self.bar = Bar(session, status, self._switch, {n: partial(_toggle, p) for n, p in self._panels.items()})
        self.servers = ServerChooser(session, status, self._serve)

    @property
    def head(self) -> list[widgets.Widget]:
        """What is always there."""
        return [self.bar.widget, self.servers.widget]

    @property
    def panels(self) -> list[widgets.Widget]:
        """What opens at a press."""
        return [panel.widget for panel in self._panels.values()]

    def _switch(self, name: str) -> None:
        session = self._session
        environment = load_environment(name) if name != session.home.name else session.home
        session.switch(environment.at(environment.base_url or next(iter(session.spec.servers), "")))
        self.servers.draw()
        self._tell()

    def _written(self, name: str) -> None:
        """An environment's file was written: it can be chosen; what the present one says now counts from here on."""
        self.bar.offer()
        if name == self._session.environment.name != self._session.home.name and name in names():
            self._switch(name)

    def _serve(self, base_url: str) -> None:
        self._session.switch(self._session.environment.at(base_url))
        self._tell()

    def _tell(self) -> None:
        self.variables.draw()
        self._authorised()
        self._status.say(f"Requests go to {self._session.environment.base_url} now.", "good")

    def _authorised(self) -> None:
        self.bar.draw()
        self._moved()


def _toggle(panel: Any) -> None:
    panel.draw()
    set_hidden(panel.widget, "anb-hidden" not in panel.widget._dom_classes)
