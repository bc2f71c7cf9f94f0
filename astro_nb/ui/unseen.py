"""A control for a secret that is used later: what is typed leaves it at once, and waits in memory."""

from __future__ import annotations

from typing import Any

import ipywidgets as widgets

from .status import Status
from .style import layout, shared_style


class Unseen:
    """A password control. A synchronised trait may be saved with the notebook, so the text does not stay in it."""

    def __init__(self, text: str, status: Status) -> None:
        style = shared_style(widgets.widget_string.TextStyle)
        self.widget = widgets.Password(description=text, continuous_update=False, layout=layout(), style=style)
        self._held = ""
        self.widget.observe(status.guard(self._hold), "value")

    def take(self) -> str:
        """What was typed, once; empty where nothing was."""
        held, self._held = self._held, ""
        self.widget.placeholder = ""
        return held

    def _hold(self, change: dict[str, Any]) -> None:
        if change["new"]:
            self._held = change["new"]
            self.widget.value = ""
            self.widget.placeholder = "typed; waits for the button"
