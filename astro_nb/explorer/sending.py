"""Sending a form: the buttons, the confirmation in guarded environments, and the request in progress."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import ipywidgets as widgets

from ..approval import Change, needs_approval
from ..call import Call
from ..errors import UnsafeRefused
from ..exchange import Attempt, Exchange
from ..html import escape
from ..http import Running, in_background
from ..openapi import Action
from ..session import Session
from .widgets import Status, add_classes, button, horizontal, set_hidden, shared_layout, shared_style, vertical

SEND_DELAY = 0.15
"""Seconds between the click on Send and reading the form: pending input arrives after the click."""


class Actions:
    """The row of buttons below a form: Send, Cancel, Fill with example, Clear."""

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
        self.cancel = button("Cancel", "anb-plain", "Cancel the request in progress")
        self.fill = button("Fill with example", "anb-plain", "Fill every field that has an example")
        self.clear = button("Clear", "anb-plain", "Unset every field")
        buttons = [self.send, self.cancel, self.fill, self.clear]
        self.widget = add_classes(widgets.HBox(buttons, layout=shared_layout()), "anb-actions")
        self.send.on_click(status.report_errors(lambda _: self.run_after_typing(send)))
        for made, handler in ((self.cancel, cancel), (self.fill, fill), (self.clear, clear)):
            made.on_click(status.report_errors(lambda _, run=handler: run()))
        self._waiting = False
        self.set_busy(False)

    def set_busy(self, busy: bool) -> None:
        """Show Cancel and disable Send while a request is in progress."""
        self.send.disabled = busy
        set_hidden(self.cancel, not busy)

    def run_after_typing(self, action: Callable[[], Any]) -> None:
        """Run the action once pending input has arrived; ignore further clicks until then."""
        if self._waiting or self.send.disabled:
            return
        self._waiting = True
        timer = threading.Timer(SEND_DELAY, self._status.report_errors(lambda: self._act(action)))
        timer.daemon = True
        timer.start()

    def _act(self, action: Callable[[], Any]) -> None:
        self._waiting = False
        action()


_CONFIRM_LABELS: Mapping[Action, str] = {"create": "Create", "update": "Update", "delete": "Delete"}


class Confirmation:
    """Shows a change and asks for the name that confirms it. `confirmed` gets a function that reads the input."""

    def __init__(self, status: Status, confirmed: Callable[[Callable[[], str]], None]) -> None:
        self._change = widgets.HTML("", layout=shared_layout())
        text = widgets.Text(
            description="Name",
            continuous_update=False,
            description_allow_html=True,
            layout=shared_layout(),
            style=shared_style(widgets.widget_string.TextStyle),
        )
        self.name = add_classes(text, "anb-field")
        self.send = button("Confirm", "anb-send", "Send the request if the name is right")
        self.stop = button("Cancel", "anb-plain", "Do not send the request")
        row = horizontal([self.send, self.stop], "anb-wrap")
        self.widget = add_classes(vertical([self._change, self.name, row]), "anb-question", "anb-hidden")
        self.send.on_click(status.report_errors(lambda _: confirmed(lambda: self.name.value)))
        self.stop.on_click(status.report_errors(lambda _: self.clear()))

    def show(self, change: Change) -> None:
        """Show what would change, and ask for confirmation."""
        self._change.value = str(change.html())
        self.name.value = ""
        self.name.description = f"Type the {change.named_by} <b>{escape(change.name)}</b> to confirm"
        self.send.description = _CONFIRM_LABELS.get(change.action, "Confirm")
        set_hidden(self.widget, False)
        self.name.focus()

    def clear(self) -> None:
        """Hide the confirmation; nothing is sent."""
        set_hidden(self.widget, True)
        self._change.value = self.name.value = ""


class Sender:
    """Sends in the background, so that the notebook stays usable. `arrived` gets the exchange."""

    def __init__(self, session: Session, status: Status, actions: Actions, arrived: Callable[[Exchange], None]) -> None:
        self._session, self._status, self._actions, self._on_response = session, status, actions, arrived
        self.confirmation = Confirmation(status, self.confirm)
        self._executor = ThreadPoolExecutor(1, "astro_nb-look")
        self._pending: Call | None = None
        self._running: Running[Exchange] | None = None

    def send(self, call: Call) -> None:
        """Send a call; in a guarded environment an unsafe call is previewed and confirmed first."""
        self.confirmation.clear()
        self._pending = call
        if not needs_approval(self._session.spec.operation(call.operation), self._session.environment):
            self._start(call, None)
            return
        self._status.show_message(f"Checking what {call.operation} would change …")
        self._actions.set_busy(True)
        look = self._executor.submit(self._session.preview_change, call)
        look.add_done_callback(self._status.report_errors(self._on_change_read))

    def confirm(self, typed: Callable[[], str]) -> None:
        """Send the pending call if the name is right."""
        self._actions.run_after_typing(lambda: self._confirmed(typed()))

    def _on_change_read(self, look: Future[Change]) -> None:
        self._actions.set_busy(False)
        self.confirmation.show(look.result())
        self._status.show_message("Nothing has been sent yet: this environment asks before unsafe requests.", "warn")

    def _confirmed(self, name: str) -> None:
        if self._pending is not None:
            self.confirmation.clear()
            self._start(self._pending, name)

    def _start(self, call: Call, confirmed: str | None) -> None:
        """Send on another thread, including the calls it refers to, so that Cancel reaches all of them."""
        self._status.show_message(f"Sending {call.operation} …")
        self._actions.set_busy(True)
        tried = self._status.report_errors(self._on_attempt)
        self._running = in_background(lambda: self._session.start(call, tried, confirmed).result())
        self._running.when_done(self._status.report_errors(self._on_finished))

    def cancel(self) -> None:
        """Cancel the request in progress."""
        if self._running:
            self._running.cancel()

    def _on_finished(self, running: Running[Exchange]) -> None:
        self._actions.set_busy(False)
        try:
            exchange = running.result()
        except UnsafeRefused as refused:
            if "change" in refused.data:  # the name was wrong: ask again
                self.confirmation.show(refused.data["change"])
            raise
        self._on_response(exchange)

    def _on_attempt(self, attempt: Attempt) -> None:
        message = attempt.progress(self._session.client.retries.attempts)
        if message:
            self._status.show_message(message, "warn")
