"""What can be done with a form: send, cancel, fill, clear."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import ipywidgets as widgets

from .parts import button, set_hidden
from .status import Status
from .style import classed, layout

SETTLE = 0.15
"""Seconds between the press of Send and the reading of the form: the last typing arrives after the press."""


class Actions:
    """The row of buttons below a form."""

    def __init__(
        self,
        status: Status,
        send: Callable[[], None],
        cancel: Callable[[], None],
        fill: Callable[[], None],
        clear: Callable[[], None],
    ) -> None:
        self._status = status
        self.send = button("Send", "anb-send", "Send the request")
        self.cancel = button("Cancel", "anb-plain", "End the request that is under way")
        self.fill = button("Fill with example", "anb-plain", "Fill every field that has an example")
        self.clear = button("Clear", "anb-plain", "Unset every field")
        buttons = [self.send, self.cancel, self.fill, self.clear]
        self.widget = classed(widgets.HBox(buttons, layout=layout()), "anb-actions")
        self.send.on_click(status.guard(lambda _: self.settled(send)))
        for made, handler in ((self.cancel, cancel), (self.fill, fill), (self.clear, clear)):
            made.on_click(status.guard(lambda _, run=handler: run()))
        self._waiting = False
        self.busy(False)

    def busy(self, busy: bool) -> None:
        """Show Cancel while a request is under way, and keep Send from being pressed twice."""
        self.send.disabled = busy
        set_hidden(self.cancel, not busy)

    def settled(self, action: Callable[[], Any]) -> None:
        """Act once the last typing has arrived; a second press in the meantime, or while one is sent, is none."""
        if self._waiting or self.send.disabled:
            return
        self._waiting = True
        timer = threading.Timer(SETTLE, self._status.guard(lambda: self._act(action)))
        timer.daemon = True
        timer.start()

    def _act(self, action: Callable[[], Any]) -> None:
        self._waiting = False
        action()
