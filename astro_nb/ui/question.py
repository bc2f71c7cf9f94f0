"""What a guarded environment asks before an unsafe request is sent: what it would change, and the name of the thing."""

from __future__ import annotations

from collections.abc import Callable

import ipywidgets as widgets

from ..guard import Change
from ..html import esc
from .parts import button, line, set_hidden, stack
from .status import Status
from .style import classed, layout, shared_style


class Question:
    """Shows a change, and takes the name that confirms it; `confirmed` gets what reads it, once typing has arrived."""

    def __init__(self, status: Status, confirmed: Callable[[Callable[[], str]], None]) -> None:
        self._change = widgets.HTML("", layout=layout())
        text = widgets.Text(
            description="Name",
            continuous_update=False,
            description_allow_html=True,
            layout=layout(),
            style=shared_style(widgets.widget_string.TextStyle),
        )
        self.name = classed(text, "anb-field")
        self.send = button("Yes, send it", "anb-send", "Send the request, if the name is right")
        self.stop = button("Send nothing", "anb-plain")
        row = line([self.send, self.stop], "anb-wrap")
        self.widget = classed(stack([self._change, self.name, row]), "anb-question", "anb-hidden")
        self.send.on_click(status.guard(lambda _: confirmed(lambda: self.name.value)))
        self.stop.on_click(status.guard(lambda _: self.clear()))

    def ask(self, change: Change) -> None:
        """Show what would change, and ask."""
        self._change.value = str(change.html())
        self.name.value = ""
        self.name.description = f"Type the {change.named_by} <b>{esc(change.name)}</b> to send it"
        set_hidden(self.widget, False)
        self.name.focus()

    def clear(self) -> None:
        """Take the question away; nothing is sent."""
        set_hidden(self.widget, True)
        self._change.value = self.name.value = ""
