"""The server that requests go to, where the document names several or leaves parts of an address open."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import ipywidgets as widgets

from ..session import Session
from ..spec import Server, ServerVariable
from .parts import replace, set_hidden
from .status import Status
from .style import classed, layout, shared_style


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
        set_hidden(self.widget, not (chooses and self._session.spec.serves(self._session.environment.base_url or "")))

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
