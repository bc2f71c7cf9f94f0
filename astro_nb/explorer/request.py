"""Request options (security, extra headers) and the other views of a form: request, JSON body, code."""

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
from .widgets import Status, add_classes, button, set_hidden, shared_layout, shared_style


class RequestOptions:
    """A collapsible section below the form. `changed` is called after every change."""

    def __init__(self, session: Session, status: Status, changed: Callable[[], None]) -> None:
        self._session, self._changed = session, changed
        self._form: Form | None = None
        self._values: list[str | None] = []
        self.security = _dropdown("Auth", "Which of the document's security schemes the request uses")
        self.headers = widgets.Textarea(
            description="Extra headers",
            placeholder="X-Trace: on\none header per line",
            rows=2,
            continuous_update=False,
            layout=shared_layout(),
            style=shared_style(widgets.widget_string.TextStyle),
        )
        self._head = button("▸ Request options", "anb-link", "Security scheme and extra headers", "anb-opener")
        parts = [add_classes(self.security, "anb-field"), add_classes(self.headers, "anb-field")]
        self._inner = add_classes(widgets.VBox(parts, layout=shared_layout()), "anb-group", "anb-hidden")
        self.widget = add_classes(widgets.VBox([self._head, self._inner], layout=shared_layout()), "anb-options")
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
        self.headers.value = _format_headers(form.headers)
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
            call = Call(self._form.operation.id, headers=parse_headers(change["new"]))
            self._form.headers = dict(self._session.extract_secrets(call).headers)
            if self._form.headers != call.headers:  # a typed credential leaves the control at once
                self.headers.value = _format_headers(self._form.headers)
            self._changed()


def parse_headers(text: str) -> dict[str, str]:
    """Parse headers typed one `Name: value` per line.

    Raises:
        UsageError: a line has no colon, or no name before it.
    """
    found = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        name, colon, value = line.partition(":")
        if not (colon and name.strip()):
            raise UsageError("A header line has no name or no colon.", "Enter one `Name: value` per line.")
        found[name.strip()] = value.strip()
    return found


def _format_headers(headers: Mapping[str, str]) -> str:
    return "\n".join(f"{name}: {value}" for name, value in headers.items())


def _choice_label(choice: SecurityChoice) -> str:
    """The label of a security choice: what it is, its name in the document, and whether a credential is set."""
    name = f"{choice.label} ({choice.value})" if choice.value else choice.label
    return name if choice.is_available else f"{name} · no credential yet"


def _dropdown(text: str, tip: str) -> widgets.Dropdown:
    style = shared_style(widgets.widget_description.DescriptionStyle)
    return widgets.Dropdown(options=[], description=text, tooltip=tip, layout=shared_layout(), style=style)


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
        style = shared_style(widgets.widget_string.TextStyle)
        area = widgets.Textarea(
            rows=12, description=JSON, continuous_update=False, tooltip=JSON, layout=shared_layout(), style=style
        )
        self.json = add_classes(area, "anb-wide", "anb-code", "anb-hide-label", "anb-hidden")
        self._shown = widgets.HTML("", layout=shared_layout())
        self.widget = widgets.VBox(
            [add_classes(self.view, "anb-views"), self._shown, self.json], layout=shared_layout()
        )
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
        self._shown.value = "" if self.view.value in (FORM, JSON) else str(self._message(self._form))

    def _message(self, form: Form) -> html.Markup:
        call = self._session.extract_secrets(form.to_call())
        try:
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
