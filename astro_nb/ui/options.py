"""What few requests need beside the values of their fields: another scheme to authorise with, further headers."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import ipywidgets as widgets

from ..call import Call
from ..errors import UsageError
from ..form import Form
from ..session import Session
from .parts import button, set_hidden
from .status import Status
from .style import classed, layout, shared_style


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
        choices = self._session.security_choices(form.operation)
        self.security.options = [(_words(*choice), number) for number, choice in enumerate(choices)]
        self._values = [value for _, value, _ in choices]
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
            self._form.headers = dict(self._session.lifted(call).headers)
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


def _words(label: str, value: str | None, is_held: bool) -> str:
    """A way to authorise: what it is, by which name the document calls it, and that nothing is held for it."""
    return label + (f" ({value})" if value else "") + ("" if is_held else " · no credential yet")


def _dropdown(text: str, tip: str) -> widgets.Dropdown:
    style = shared_style(widgets.widget_description.DescriptionStyle)
    return widgets.Dropdown(options=[], description=text, tooltip=tip, layout=layout(), style=style)
