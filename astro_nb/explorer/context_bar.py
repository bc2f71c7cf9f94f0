"""Where requests go, and as whom: the bar at the top of the explorer.

The server that requests go to, where the document names several or leaves parts of an address open.

Where requests go, as whom, and with which variables: the top of the explorer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

import ipywidgets as widgets

from .. import html
from ..environments import Environments, TokenFacts, environment_names, load_environment
from ..openapi import Server, ServerVariable
from ..sandbox import Sandbox, SandboxClient
from ..session import Session
from .environments import EnvironmentsPanel
from .panels import CredentialsPanel, FaultsPanel, VariablesPanel
from .widgets import Status, button, classed, layout, line, replace, set_hidden, shared_style


class Bar:
    """Environment, base URL, token, and the buttons that open the panels."""

    def __init__(
        self, session: Session, status: Status, switch: Callable[[str], None], panels: dict[str, Callable[[], None]]
    ) -> None:
        self._session = session
        self.environment = widgets.Dropdown(
            options=self._names(),
            value=session.environment.name,
            description="Environment",
            tooltip="The environment that requests go to",
            layout=layout(),
            style=shared_style(widgets.widget_description.DescriptionStyle),
        )
        classed(self.environment, "anb-hush")
        self._offering = False
        self.environment.observe(
            status.guard(lambda change: None if self._offering else switch(change["new"])), "value"
        )
        self._facts = classed(widgets.HTML("", layout=layout()), "anb-facts")
        buttons = [button(text, "anb-plain") for text in panels]
        for made, open_panel in zip(buttons, panels.values(), strict=True):
            made.on_click(status.guard(lambda _, run=open_panel: run()))
        self.widget = line([self.environment, self._facts, line([*buttons], "anb-doors")], "anb-bar")
        self.draw()

    def offer(self) -> None:
        """Offer the environments that there are now."""
        self._offering = True  # new options choose the first of them for a moment
        self.environment.options = self._names()
        self.environment.value = self._session.environment.name
        self._offering = False

    def _names(self) -> list[str]:
        return list(
            dict.fromkeys(
                [self._session.initial_environment.name, *environment_names(), self._session.environment.name]
            )
        )

    def draw(self) -> None:
        """Tell the environment as it is now."""
        environment = self._session.environment
        mark = [html.pill("PRODUCTION", "bad")] if environment.production else []  # its name stands beside it
        facts = [*mark, html.code(environment.base_url or ""), html.muted(token_words(self._session))]
        color = "#b3261e" if environment.production else environment.color or "transparent"
        style = f"border-left:4px solid {html.escape(color)};padding-left:10px"
        self._facts.value = str(html.tag("div", *facts, style=style, class_="anb-row"))


def token_words(session: Session) -> str:
    """The token in words: source, scope, and how long it lives; never the token."""
    secret, facts = session.credentials.token_secret(), session.credentials.token_facts()
    if secret is None:
        return "no token"
    if facts is None:
        return f"no token: {secret.source} is not set"
    if not facts.is_jwt:
        return f"token from {secret.source}"
    return f"token from {secret.source} · scope {facts.scope} · {_expiry(facts)}"


def _expiry(facts: TokenFacts) -> str:
    if facts.expires is None:
        return "does not expire"
    left = facts.expires - datetime.now(UTC)
    if left.total_seconds() <= 0:
        return f"expired on {facts.expires:%Y-%m-%d}"
    return f"expires in {left.days} days" if left.days > 1 else f"expires in {left.total_seconds() / 3600:.0f} h"


class ServerChooser:
    """The document's servers, and a control for each variable of the one that is chosen. `chosen` gets the base URL.

    It is there where requests go to a server of the document; an environment with a base URL of its own needs none.
    """

    def __init__(self, session: Session, status: Status, chosen: Callable[[str], None]) -> None:
        self._session, self._status, self._chosen = session, status, chosen
        self._servers = session.spec.server_list
        self._parts: dict[str, widgets.Widget] = {}
        self.server = widgets.Dropdown(
            options=[(_label(server), number) for number, server in enumerate(self._servers)],
            description="Server",
            tooltip="The server that requests go to, one of the document's",
            layout=layout(),
            style=shared_style(widgets.widget_description.DescriptionStyle),
        )
        self._variables = widgets.HBox([], layout=layout())
        row = widgets.HBox([self.server, self._variables], layout=layout())
        self.widget = classed(row, "anb-servers", "anb-wrap", "anb-hush")
        self.server.observe(status.guard(lambda _: self._take()), "value")
        self._draw_variables()
        self.draw()

    def draw(self) -> None:
        """Show it where there is anything to choose, and where the present server is one of the document's."""
        chooses = len(self._servers) > 1 or any(server.variables for server in self._servers)
        base_url = self._session.environment.base_url or ""
        set_hidden(self.widget, not (chooses and self._session.spec.has_server(base_url)))

    def _take(self) -> None:
        self._draw_variables()
        self._changed()

    def _changed(self) -> None:
        self._chosen(self._servers[self.server.value].fill(self._values()))

    def _values(self) -> Mapping[str, str]:
        return {name: str(part.value) for name, part in self._parts.items() if part.value}

    def _draw_variables(self) -> None:
        given = self._servers[self.server.value].variables if self._servers else ()
        self._parts = {variable.name: _control(variable) for variable in given}
        for part in self._parts.values():
            part.observe(self._status.guard(lambda _: self._changed()), "value")
        replace(self._variables, list(self._parts.values()))


def _label(server: Server) -> str:
    return f"{server.description.strip().splitlines()[0][:40]} · {server.url}" if server.description else server.url


def _control(variable: ServerVariable) -> widgets.Widget:
    """A choice where the document lists the values, else a text."""
    style = shared_style(widgets.widget_description.DescriptionStyle)
    about = {"description": variable.name, "tooltip": variable.description or variable.name, "layout": layout()}
    if variable.choices:
        return widgets.Dropdown(options=list(variable.choices), value=_first(variable), style=style, **about)
    style = shared_style(widgets.widget_string.TextStyle)
    return widgets.Text(value=variable.default, continuous_update=False, style=style, **about)


def _first(variable: ServerVariable) -> str:
    return variable.default if variable.default in variable.choices else variable.choices[0]


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
        environment = (
            load_environment(name) if name != session.initial_environment.name else session.initial_environment
        )
        session.switch(environment.with_base_url(environment.base_url or next(iter(session.spec.servers), "")))
        self.servers.draw()
        self._tell()

    def _written(self, name: str) -> None:
        """An environment's file was written: it can be chosen; what the present one says now counts from here on."""
        self.bar.offer()
        if (
            name == self._session.environment.name != self._session.initial_environment.name
            and name in environment_names()
        ):
            self._switch(name)

    def _serve(self, base_url: str) -> None:
        self._session.switch(self._session.environment.with_base_url(base_url))
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
