"""The form seen from other sides: the request as it will be sent, the body as JSON, the call as code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets as widgets

from .. import html
from ..errors import AstroNbError
from ..form import Form
from ..session import Session
from ..snippets import SNIPPETS
from .parts import set_hidden
from .status import Status
from .style import classed, layout, shared_style

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
        call = self._session.lifted(form.to_call())
        try:
            if self.view.value == REQUEST:
                return html.block(request_text(self._session, call))
            return html.copyable(self._session.snippet(self.view.value, call))
        except AstroNbError as error:
            return html.quiet(str(error))

    def _take(self, text: str) -> None:
        if self._form is not None and self.view.value == JSON and text != self._form.body_text():
            self._form.type_body(text)
            self._typed()


def request_text(session: Session, call: Any) -> str:
    """The request as it will be sent, secrets as stars."""
    request = session.preview(call)
    headers = "\n".join(f"{name}: {value}" for name, value in request.headers)
    body = request.body.decode("utf-8", "replace")
    return f"{request.method} {request.url}\n{headers}" + (f"\n\n{body}" if body else "")


_TIPS = {FORM: "Show nothing more", REQUEST: "The request as it will be sent", JSON: "The body as JSON, to edit"}
