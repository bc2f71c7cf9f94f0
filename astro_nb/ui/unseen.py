"""A control for a secret that is used later: what is typed leaves it at once, is not logged, and waits in memory."""

from __future__ import annotations

import logging
from typing import Any

import ipywidgets as widgets

from .status import Status
from .style import layout, shared_style


class _WithoutValues(logging.Filter):
    """The kernel's comms log at DEBUG what a front end sends: the values of all widgets, those of secrets too."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Cut what a message holds; that it came is still told."""
        if isinstance(record.msg, str) and record.msg.startswith("handle_") and isinstance(record.args, tuple):
            record.args = (*record.args[:1], *("…" for _ in record.args[1:]))
        return True


logging.getLogger("Comm").addFilter(_WithoutValues())


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
