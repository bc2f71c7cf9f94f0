"""Send a form: the buttons, the confirmation, the request in progress, its options, and other views of the form."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import ipywidgets as widgets

from .. import html
from ..approval import Change, needs_approval
from ..call import Call
from ..codegen import SNIPPETS
from ..errors import AstroNbError, UnsafeRefused
from ..exchange import Attempt, Exchange
from ..forms import Form, format_headers
from ..html import escape
from ..http import Running, in_background
from ..openapi import Action
from ..serialization import SecurityChoice
from ..session import Session
from .widgets import (
    Status,
    add_classes,
    button,
    dropdown,
    horizontal,
    html_widget,
    set_hidden,
    shared_layout,
    shared_style,
    text_input,
    vertical,
)

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
        self.widget = horizontal(buttons, "anb-actions")
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
        self._change = html_widget()
        self.name = text_input("Name", "anb-field", description_allow_html=True)
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
        self._pending = call = self._session.extract_secrets(call)
        if not needs_approval(self._session.spec.operation(call.operation), self._session.environment):
            self._start(call, None)
            return
        self._status.show_message(f"Checking what {call.operation} would change …")
        self._actions.set_busy(True)
        look = self._executor.submit(self._session.preview_change, call)
        look.add_done_callback(self._status.report_errors(self._on_change_read))

    def confirm(self, typed: Callable[[], str]) -> None:
        """Send the pending call if the name is right."""
        self._actions.run_after_typing(lambda: self._send_confirmed(typed()))

    def _on_change_read(self, look: Future[Change]) -> None:
        self._actions.set_busy(False)
        self.confirmation.show(look.result())
        self._status.show_message("Nothing has been sent yet: this environment asks before unsafe requests.", "warn")

    def _send_confirmed(self, name: str) -> None:
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


class RequestOptions:
    """A collapsible section below the form. `changed` is called after every change."""

    def __init__(self, session: Session, status: Status, changed: Callable[[], None]) -> None:
        self._session, self._changed = session, changed
        self._form: Form | None = None
        self._values: list[str | None] = []
        tip = "Which of the document's security schemes the request uses"
        self.security = dropdown("Auth", "anb-field", options=[], tooltip=tip)
        hint = "X-Trace: on\none header per line"
        self.headers = text_input("Extra headers", "anb-field", kind=widgets.Textarea, placeholder=hint, rows=2)
        self._head = button("▸ Request options", "anb-link", "Security scheme and extra headers", "anb-opener")
        self._inner = vertical([self.security, self.headers], "anb-group", "anb-hidden")
        self.widget = vertical([self._head, self._inner], "anb-options")
        self._head.on_click(status.report_errors(lambda _: self._open("anb-hidden" in self._inner._dom_classes)))
        self.security.observe(status.report_errors(self._security_chosen), "value")
        self.headers.observe(status.report_errors(self._headers_typed), "value")

    def show(self, form: Form) -> None:
        """Show the options of a form."""
        self._form = None  # changes below are not made by the user
        choices = self._session.credentials.choices(form.operation)
        self.security.options = [(_choice_label(choice), number) for number, choice in enumerate(choices)]
        self._values = [choice.value for choice in choices]
        self.security.value = self._values.index(form.security) if form.security in self._values else 0
        set_hidden(self.security, len(choices) < 3)
        self.headers.value = form.headers_text
        self._open(bool(form.headers_text) or form.security is not None)
        self._form = form

    def _open(self, opened: bool) -> None:
        self._head.description = f"{'▾' if opened else '▸'} Request options"
        set_hidden(self._inner, not opened)

    def _security_chosen(self, change: dict[str, int]) -> None:
        if self._form is not None and change["new"] is not None:
            self._form.security = self._values[change["new"]]
            self._changed()

    def _headers_typed(self, change: dict[str, str]) -> None:
        if self._form is not None:
            self._form.set_headers_text(change["new"])
            call = Call(self._form.operation.id, headers=self._form.headers)
            headers = self._session.extract_secrets(call).headers
            if headers != self._form.headers:  # a typed credential leaves the control at once
                self.headers.value = format_headers(headers)
            self._changed()


def _choice_label(choice: SecurityChoice) -> str:
    """The label of a security choice: what it is, its name in the document, and whether a credential is set."""
    name = f"{choice.label} ({choice.value})" if choice.value else choice.label
    return name if choice.is_available else f"{name} · no credential yet"


FORM, REQUEST, JSON = "Form only", "Request", "Body as JSON"


class RequestViews:
    """The choice of views below the form. `typed` is called after the JSON was edited."""

    def __init__(self, session: Session, status: Status, typed: Callable[[], None]) -> None:
        self._session, self._typed = session, typed
        self._form: Form | None = None
        views = [FORM, REQUEST, JSON, *SNIPPETS]
        self.view = widgets.ToggleButtons(
            options=views,
            value=FORM,
            tooltips=[_TIPS.get(view, f"Copy as {view}") for view in views],
            layout=shared_layout(),
            style=shared_style(widgets.ToggleButtonsStyle),
        )
        names = ("anb-wide", "anb-code", "anb-hide-label", "anb-hidden")
        self.json = text_input(JSON, *names, kind=widgets.Textarea, rows=12, tooltip=JSON)
        self._shown = html_widget()
        self.widget = vertical([add_classes(self.view, "anb-views"), self._shown, self.json])
        self.view.observe(status.report_errors(lambda _: self._draw()), "value")
        self.json.observe(status.report_errors(lambda change: self._take(change["new"])), "value")

    def draw(self, form: Form) -> None:
        """Show the current state of a form."""
        self._form = form
        self._draw()

    def _draw(self) -> None:
        set_hidden(self.json, self.view.value != JSON)
        if self._form is None:
            return
        if self.view.value == JSON:
            self.json.value = self._form.body_text()
        wrong = self._form.input_errors.get(("body",), "") if self.view.value == JSON else ""
        shown = html.muted(wrong) if wrong else "" if self.view.value in (FORM, JSON) else self._message(self._form)
        self._shown.value = str(shown)

    def _message(self, form: Form) -> html.Markup:
        try:
            call = self._session.extract_secrets(form.to_call())
            if self.view.value == REQUEST:
                return html.block(preview_text(self._session, call))
            return html.copyable(self._session.snippet(self.view.value, call))
        except AstroNbError as error:
            return html.muted(str(error))

    def _take(self, text: str) -> None:
        if self._form is not None and self.view.value == JSON and text != self._form.body_text():
            self._form.set_body_text(text)
            self._typed()


def preview_text(session: Session, call: Any) -> str:
    """Return the request as it will be sent, secrets masked."""
    request = session.preview(call)
    headers = "\n".join(f"{name}: {value}" for name, value in request.headers)
    body = request.body.decode("utf-8", "replace")
    return f"{request.method} {request.url}\n{headers}" + (f"\n\n{body}" if body else "")


_TIPS = {FORM: "Show the form only", REQUEST: "The request as it will be sent", JSON: "The body as JSON, to edit"}
