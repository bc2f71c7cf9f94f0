"""What can be done with a form: send, cancel, fill, clear.

What a guarded environment asks before an unsafe request is sent: what it would change, and the name of the thing.

One request under way: asked about in production, told as it goes on, and cancelled.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import ipywidgets as widgets

from ..approval import Change, needs_approval
from ..call import Call
from ..errors import UnsafeRefused
from ..exchange import Attempt, Exchange
from ..html import escape
from ..http import Running, in_background
from ..session import Session
from .widgets import Status, button, classed, layout, line, set_hidden, shared_style, stack

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
        self.name.description = f"Type the {change.named_by} <b>{escape(change.name)}</b> to send it"
        set_hidden(self.widget, False)
        self.name.focus()

    def clear(self) -> None:
        """Take the question away; nothing is sent."""
        set_hidden(self.widget, True)
        self._change.value = self.name.value = ""


class Sending:
    """Sends in the background, so that the notebook goes on. `arrived` gets the exchange."""

    def __init__(self, session: Session, status: Status, actions: Actions, arrived: Callable[[Exchange], None]) -> None:
        self._session, self._status, self._actions, self._arrived = session, status, actions, arrived
        self.question = Question(status, self.confirm)
        self._looks = ThreadPoolExecutor(1, "astro_nb-look")
        self._asked: Call | None = None
        self._running: Running[Exchange] | None = None

    def send(self, call: Call) -> None:
        """Send a call; where the environment is guarded, an unsafe one is looked at first, and asked about."""
        self.question.clear()
        self._asked = call
        if not needs_approval(self._session.spec.operation(call.operation), self._session.environment):
            self._start(call, None)
            return
        self._status.say(f"Looking at what {call.operation} would change …")
        self._actions.busy(True)
        look = self._looks.submit(self._session.preview_change, call)
        look.add_done_callback(self._status.guard(self._looked))

    def confirm(self, typed: Callable[[], str]) -> None:
        """Send what was asked about, if the name is right."""
        self._actions.settled(lambda: self._confirmed(typed()))

    def _looked(self, look: Future[Change]) -> None:
        self._actions.busy(False)
        self.question.ask(look.result())
        self._status.say("Nothing is sent yet: this environment asks before anything is changed.", "warn")

    def _confirmed(self, name: str) -> None:
        if self._asked is not None:
            self.question.clear()
            self._start(self._asked, name)

    def _start(self, call: Call, confirmed: str | None) -> None:
        """Send on another thread: what the call refers to is asked for there too, and Cancel reaches that as well."""
        self._status.say(f"Sending {call.operation} …")
        self._actions.busy(True)
        tried = self._status.guard(self._tried)
        self._running = in_background(lambda: self._session.start(call, tried, confirmed).result())
        self._running.when_done(self._status.guard(self._ended))

    def cancel(self) -> None:
        """End the request that is under way."""
        if self._running:
            self._running.cancel()

    def _ended(self, running: Running[Exchange]) -> None:
        self._actions.busy(False)
        try:
            exchange = running.result()
        except UnsafeRefused as refused:
            if "change" in refused.data:  # the name was wrong: it may be given again
                self.question.ask(refused.data["change"])
            raise
        self._arrived(exchange)

    def _tried(self, attempt: Attempt) -> None:
        told = attempt.progress(self._session.client.retries.attempts)
        if told:
            self._status.say(told, "warn")
