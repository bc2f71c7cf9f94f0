"""What few requests need beside the values of their fields: another scheme to authorise with, further headers.

The form seen from other sides: the request as it will be sent, the body as JSON, the call as code.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import ipywidgets as widgets

from .. import html
from ..call import Call
from ..codegen import SNIPPETS
from ..errors import AstroNbError, UsageError
from ..forms import Form
from ..serialization import SecurityChoice
from ..session import Session
from .widgets import Status, button, classed, layout, set_hidden, shared_style


class RequestOptions:
    """A fold below the form. `changed` is called after every change."""

    def __init__(self, session: Session, status: Status, changed: Callable[[], None]) -> None:
        self._session, self._changed = session, changed
        self._form: Form | None = None
        self._values: list[str | None] = []
        self.security = _dropdown("Authorise with", "Which of the document's security schemes the request uses")
        self.headers = widgets.Textarea(
            description="Further headers",
            placeholder="X-Trace: on\none header a line",
            rows=2,
            continuous_update=False,
            layout=layout(),
            style=shared_style(widgets.widget_string.TextStyle),
        )
        self._head = button("▸ Request options", "anb-link", "Credentials and further headers", "anb-opener")
        parts = [classed(self.security, "anb-field"), classed(self.headers, "anb-field")]
        self._inner = classed(widgets.VBox(parts, layout=layout()), "anb-group", "anb-hidden")
        self.widget = classed(widgets.VBox([self._head, self._inner], layout=layout()), "anb-options")
        self._head.on_click(status.guard(lambda _: self._open("anb-hidden" in self._inner._dom_classes)))
        self.security.observe(status.guard(self._security_chosen), "value")
        self.headers.observe(status.guard(self._headers_typed), "value")

    def show(self, form: Form) -> None:
        """Show what a form has."""
        self._form = None  # what is set now was chosen before
        choices = self._session.credentials.choices(form.operation)
        self.security.options = [(_choice_label(choice), number) for number, choice in enumerate(choices)]
        self._values = [choice.value for choice in choices]
        self.security.value = self._values.index(form.security) if form.security in self._values else 0
        set_hidden(self.security, len(choices) < 3)
        self.headers.value = _written(form.headers)
        self._open(bool(form.headers) or form.security is not None)
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
            call = Call(self._form.operation.id, headers=read_headers(change["new"]))
            self._form.headers = dict(self._session.extract_secrets(call).headers)
            if self._form.headers != call.headers:  # a credential was typed: it leaves the control at once
                self.headers.value = _written(self._form.headers)
            self._changed()


def read_headers(text: str) -> dict[str, str]:
    """Headers as they are typed, one `Name: value` a line.

    Raises:
        UsageError: a line has no colon, or nothing before it.
    """
    found = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        name, colon, value = line.partition(":")
        if not (colon and name.strip()):
            raise UsageError("A further header has no name and colon.", "Write one `Name: value` a line.")
        found[name.strip()] = value.strip()
    return found


def _written(headers: Mapping[str, str]) -> str:
    return "\n".join(f"{name}: {value}" for name, value in headers.items())


def _choice_label(choice: SecurityChoice) -> str:
    """Return a way to authenticate as an option: its name, what the document calls it, and whether it is available."""
    name = f"{choice.label} ({choice.value})" if choice.value else choice.label
    return name if choice.is_available else f"{name} · no credential yet"


def _dropdown(text: str, tip: str) -> widgets.Dropdown:
    style = shared_style(widgets.widget_description.DescriptionStyle)
    return widgets.Dropdown(options=[], description=text, tooltip=tip, layout=layout(), style=style)


FORM, REQUEST, JSON = "Form only", "Request", "Body as JSON"


class Details:
    """A choice of views below the form. `typed` is called when the JSON was edited."""

    def __init__(self, session: Session, status: Status, typed: Callable[[], None]) -> None:
        self._session, self._typed = session, typed
        self._form: Form | None = None
        views = [FORM, REQUEST, JSON, *SNIPPETS]
        self.view = widgets.ToggleButtons(
            options=views,
            value=FORM,
            tooltips=[_TIPS.get(view, f"Copy as {view}") for view in views],
            layout=layout(),
            style=shared_style(widgets.ToggleButtonsStyle),
        )
        style = shared_style(widgets.widget_string.TextStyle)
        area = widgets.Textarea(
            rows=12, description=JSON, continuous_update=False, tooltip=JSON, layout=layout(), style=style
        )
        self.json = classed(area, "anb-wide", "anb-code", "anb-hush", "anb-hidden")
        self._shown = widgets.HTML("", layout=layout())
        self.widget = widgets.VBox([classed(self.view, "anb-views"), self._shown, self.json], layout=layout())
        self.view.observe(status.guard(lambda _: self._draw()), "value")
        self.json.observe(status.guard(lambda change: self._take(change["new"])), "value")

    def draw(self, form: Form) -> None:
        """Show a form as it is now."""
        self._form = form
        self._draw()

    def _draw(self) -> None:
        set_hidden(self.json, self.view.value != JSON)
        if self._form is None:
            return
        if self.view.value == JSON:
            self.json.value = self._form.body_text()
        self._shown.value = "" if self.view.value in (FORM, JSON) else str(self._told(self._form))

    def _told(self, form: Form) -> html.Markup:
        call = self._session.extract_secrets(form.to_call())
        try:
            if self.view.value == REQUEST:
                return html.block(request_text(self._session, call))
            return html.copyable(self._session.snippet(self.view.value, call))
        except AstroNbError as error:
            return html.muted(str(error))

    def _take(self, text: str) -> None:
        if self._form is not None and self.view.value == JSON and text != self._form.body_text():
            self._form.set_body_text(text)
            self._typed()


def request_text(session: Session, call: Any) -> str:
    """The request as it will be sent, secrets as stars."""
    request = session.preview(call)
    headers = "\n".join(f"{name}: {value}" for name, value in request.headers)
    body = request.body.decode("utf-8", "replace")
    return f"{request.method} {request.url}\n{headers}" + (f"\n\n{body}" if body else "")


_TIPS = {FORM: "Show nothing more", REQUEST: "The request as it will be sent", JSON: "The body as JSON, to edit"}
