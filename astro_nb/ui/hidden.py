"""A field for a secret, which leaves the widget as soon as it is typed, and is not logged on its way."""

from __future__ import annotations

import logging
from typing import Any

import ipywidgets as widgets

from .style import layout, shared_style


class _WithoutValues(logging.Filter):
    """The kernel's comms log at DEBUG what a front end sends: the values of all widgets, those of secrets too."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Cut what a message holds; that it came is still told."""
        if isinstance(record.msg, str) and record.msg.startswith("handle_") and isinstance(record.args, tuple):
            record.args = (*record.args[:1], *("…" for _ in record.args[1:]))
        return True


logging.getLogger("Comm").addFilter(_WithoutValues())


class Hidden:
    """What is typed here is moved into memory at once: a synchronised value may be saved with the notebook."""

    def __init__(self, description: str) -> None:
        style = shared_style(widgets.widget_string.TextStyle)
        self.widget = widgets.Password(description=description, continuous_update=False, layout=layout(), style=style)
        self._typed = ""
        self.widget.observe(self._move, "value")

    def __repr__(self) -> str:
        return f"<Hidden {self.widget.description!r}>"

    def take(self) -> str:
        """What was typed, once; empty where nothing was."""
        typed, self._typed = self._typed, ""
        self.widget.placeholder = ""
        return typed

    def _move(self, change: Any) -> None:
        if change["new"]:
            self._typed = change["new"]
            self.widget.value = ""
            self.widget.placeholder = "typed, and held in memory"
