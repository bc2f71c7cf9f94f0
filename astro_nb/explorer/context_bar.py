"""The top of the explorer: environment, server, token, and the panels that open below."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

import ipywidgets as widgets

from .. import html
from ..environments import TokenFacts
from ..openapi import Server, ServerVariable
from ..sandbox import Sandbox, SandboxClient
from ..session import Session
from .panels import CredentialsPanel, EnvironmentsPanel, FaultsPanel, VariablesPanel
from .widgets import (
    Status,
    add_classes,
    button,
    dropdown,
    horizontal,
    html_widget,
    replace_children,
    set_hidden,
    text_input,
)


class EnvironmentBar:
    """Environment, base URL, token, and the buttons that open the panels."""

    def __init__(
        self, session: Session, status: Status, switch: Callable[[str], None], panels: dict[str, Callable[[], None]]
    ) -> None:
        self._session = session
        self.environment = dropdown(
            "Environment",
            "anb-hide-label",
            options=self._names(),
            value=session.environment.name,
            tooltip="The environment to send requests to",
        )
        self._updating = False
        self.environment.observe(
            status.report_errors(lambda change: None if self._updating else switch(change["new"])), "value"
        )
        self._facts = add_classes(html_widget(), "anb-facts")
        buttons = [button(text, "anb-plain") for text in panels]
        for made, open_panel in zip(buttons, panels.values(), strict=True):
            made.on_click(status.report_errors(lambda _, run=open_panel: run()))
        self.widget = horizontal(
            [self.environment, self._facts, horizontal([*buttons], "anb-panel-buttons")], "anb-bar"
        )
        self.draw()

    def update_environments(self) -> None:
        """Update the list of environments."""
        self._updating = True  # new options briefly select the first one
        self.environment.options = self._names()
        self.environment.value = self._session.environment.name
        self._updating = False

    def _names(self) -> list[str]:
        initial, current = self._session.initial_environment, self._session.environment
        return list(dict.fromkeys([initial.name, *self._session.environments, current.name]))

    def draw(self) -> None:
        """Show the current environment."""
        environment = self._session.environment
        mark = [html.pill("PRODUCTION", "bad")] if environment.production else []  # its name is next to it
        facts = [*mark, html.code(environment.base_url or ""), html.muted(describe_token(self._session))]
        color = "#b3261e" if environment.production else environment.color or "transparent"
        style = f"border-left:4px solid {html.escape(color)};padding-left:10px"
        self._facts.value = str(html.tag("div", *facts, style=style, class_="anb-row"))


def describe_token(session: Session) -> str:
    """Describe the token: source, scope and expiry; never the token itself."""
    secret, facts = session.credentials.token_secret(), session.credentials.token_facts()
    if secret is None:
        return "no token"
    if facts is None:
        return f"no token: {secret.source} is not set"
    if not facts.is_jwt:
        return f"token from {secret.source}"
    return f"token from {secret.source} · scope {facts.scope} · {_describe_expiry(facts)}"


def _describe_expiry(facts: TokenFacts) -> str:
    if facts.expires is None:
        return "does not expire"
    left = facts.expires - datetime.now(UTC)
    if left.total_seconds() <= 0:
        return f"expired on {facts.expires:%Y-%m-%d}"
    return f"expires in {left.days} days" if left.days > 1 else f"expires in {left.total_seconds() / 3600:.0f} h"


class ServerChooser:
    """The document's servers, and a control for each variable of the selected one. `chosen` gets the base URL.

    It is shown while requests go to a server of the document; an environment with its own base URL needs none.
    """

    def __init__(self, session: Session, status: Status, chosen: Callable[[str], None]) -> None:
        self._session, self._status, self._chosen = session, status, chosen
        self._servers = session.spec.server_list
        self._parts: dict[str, widgets.Widget] = {}
        self.server = dropdown(
            "Server",
            options=[(_label(server), number) for number, server in enumerate(self._servers)],
            tooltip="The server to send requests to, from the document",
        )
        self._variables = horizontal([])
        row = horizontal([self.server, self._variables])
        self.widget = add_classes(row, "anb-servers", "anb-wrap", "anb-hide-label")
        self.server.observe(status.report_errors(lambda _: self._take()), "value")
        self._draw_variables()
        self.draw()

    def draw(self) -> None:
        """Show the control if there is a choice and the current server is one of the document's."""
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
        self._parts = {variable.name: _variable_control(variable) for variable in given}
        for part in self._parts.values():
            part.observe(self._status.report_errors(lambda _: self._changed()), "value")
        replace_children(self._variables, list(self._parts.values()))


def _label(server: Server) -> str:
    return f"{server.description.strip().splitlines()[0][:40]} · {server.url}" if server.description else server.url


def _variable_control(variable: ServerVariable) -> widgets.Widget:
    """A dropdown if the document lists values, else a text field."""
    tip = variable.description or variable.name
    if not variable.choices:
        return text_input(variable.name, value=variable.default, tooltip=tip)
    default = variable.default if variable.default in variable.choices else variable.choices[0]
    return dropdown(variable.name, options=list(variable.choices), value=default, tooltip=tip)


class ContextBar:
    """The environment bar, the server choice, and the panels below.

    `moved` is called when requests go to another server or use another credential, `changed` when a variable changes.
    """

    def __init__(
        self,
        session: Session,
        sandbox: Sandbox | SandboxClient | None,
        status: Status,
        moved: Callable[[], None],
        changed: Callable[[], None],
    ) -> None:
        self._session, self._status, self._on_environment_change = session, status, moved
        self.variables = VariablesPanel(session, status, changed)
        self.credentials = CredentialsPanel(session, status, self._on_credentials_changed)
        self.environments = EnvironmentsPanel(session.environments, status, self._on_file_saved)
        self.faults = FaultsPanel(sandbox, status) if sandbox is not None else None
        panels: dict[str, Any] = {"Variables": self.variables, "Credentials": self.credentials}
        panels |= {"Environments": self.environments, "Faults": self.faults}
        self._panels = {name: panel for name, panel in panels.items() if panel is not None}
        self.bar = EnvironmentBar(
            session, status, self._switch, {n: partial(_toggle_panel, p) for n, p in self._panels.items()}
        )
        self.servers = ServerChooser(session, status, self._use_server)

    @property
    def head(self) -> list[widgets.Widget]:
        """The widgets that are always visible."""
        return [self.bar.widget, self.servers.widget]

    @property
    def panels(self) -> list[widgets.Widget]:
        """The widgets that open on click."""
        return [panel.widget for panel in self._panels.values()]

    def _switch(self, name: str) -> None:
        session = self._session
        initial = session.initial_environment
        environment = initial if name == initial.name else session.environments[name]
        session.switch(environment.with_base_url(environment.base_url or next(iter(session.spec.servers), "")))
        self.servers.draw()
        self._refresh()

    def _on_file_saved(self, name: str) -> None:
        """Update the list; if the current environment was saved, use its new settings from now on."""
        self.bar.update_environments()
        is_current = name == self._session.environment.name != self._session.initial_environment.name
        if is_current and name in self._session.environments:
            self._switch(name)

    def _use_server(self, base_url: str) -> None:
        self._session.switch(self._session.environment.with_base_url(base_url))
        self._refresh()

    def _refresh(self) -> None:
        self.variables.draw()
        self._on_credentials_changed()
        self._status.show_message(f"Requests now go to {self._session.environment.base_url}.", "good")

    def _on_credentials_changed(self) -> None:
        self.bar.draw()
        self._on_environment_change()


def _toggle_panel(panel: Any) -> None:
    panel.draw()
    set_hidden(panel.widget, "anb-hidden" not in panel.widget._dom_classes)
