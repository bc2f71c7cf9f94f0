"""What can be done with a form: send, cancel, fill, clear; and the question that production asks first."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import ipywidgets as widgets

from .. import html
from .parts import button, set_hidden
from .status import Status
from .style import classed, layout

SETTLE = 0.15
"""Seconds between the press of Send and the reading of the form: the last typing arrives after the press."""


class Actions:
    """The row of buttons below a form. `send` is told whether the question of production was answered."""

    def __init__(
        self,
        status: Status,
        send: Callable[[bool], None],
        cancel: Callable[[], None],
        fill: Callable[[], None],
        clear: Callable[[], None],
    ) -> None:
        self._status = status
        self.send = button("Send", "anb-send", "Send the request")
        self.cancel = button("Cancel", "anb-plain", "End the request that is under way")
        self.fill = button("Fill with example", "anb-plain", "Fill every field that has an example")
        self.clear = button("Clear", "anb-plain", "Unset every field")
        self.confirm, keep = button("Yes, send it", "anb-send"), button("No", "anb-plain")
        self._question = widgets.HTML("", layout=layout())
        row = widgets.HBox([self._question, self.confirm, keep], layout=layout())
        self.question = classed(row, "anb-question", "anb-hidden")
        buttons = [self.send, self.cancel, self.fill, self.clear]
        self.widget = classed(widgets.HBox(buttons, layout=layout()), "anb-actions")
        self.send.on_click(status.guard(lambda _: self._settled(lambda: send(False))))
        self.confirm.on_click(status.guard(lambda _: self._settled(lambda: send(True))))
        keep.on_click(status.guard(lambda _: self.ask("")))
        for made, handler in ((self.cancel, cancel), (self.fill, fill), (self.clear, clear)):
            made.on_click(status.guard(lambda _, run=handler: run()))
        self._waiting = False
        self.busy(False)

    def busy(self, busy: bool) -> None:
        """Show Cancel while a request is under way, and keep Send from being pressed twice."""
        self.send.disabled = busy
        set_hidden(self.cancel, not busy)

    def ask(self, question: str) -> None:
        """Ask before something is sent; an empty question takes the old one away."""
        self._question.value = str(html.join([html.pill("PRODUCTION", "bad"), " ", question])) if question else ""
        set_hidden(self.question, not question)

    def _settled(self, action: Callable[[], Any]) -> None:
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
