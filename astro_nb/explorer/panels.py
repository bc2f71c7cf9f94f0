"""The panels for credentials, variables and sandbox faults, and the input for secrets."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from .. import html
from ..openapi import SecurityScheme
from ..secrets import Secret
from ..session import Session
from .widgets import Status, add_classes, button, replace_children, shared_layout, shared_style

if TYPE_CHECKING:
    from ..sandbox import Sandbox, SandboxClient


class _HideWidgetValues(logging.Filter):
    """Remove widget values from DEBUG records of the kernel's comms, since they include secrets."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Cut the content of a record; the record itself stays."""
        if isinstance(record.msg, str) and record.msg.startswith("handle_") and isinstance(record.args, tuple):
            record.args = (*record.args[:1], *("…" for _ in record.args[1:]))
        return True


logging.getLogger("Comm").addFilter(_HideWidgetValues())


class SecretInput:
    """A password input. The text leaves the synchronised trait at once, since that may be saved with the notebook."""

    def __init__(self, text: str, status: Status) -> None:
        style = shared_style(widgets.widget_string.TextStyle)
        self.widget = widgets.Password(description=text, continuous_update=False, layout=shared_layout(), style=style)
        self._held = ""
        self.widget.observe(status.report_errors(self._store), "value")

    def take(self) -> str:
        """Return the typed text once; empty if nothing was typed."""
        held, self._held = self._held, ""
        self.widget.placeholder = ""
        return held

    def _store(self, change: dict[str, Any]) -> None:
        if change["new"]:
            self._held = change["new"]
            self.widget.value = ""
            self.widget.placeholder = "entered; click the button to use it"


class CredentialsPanel:
    """Each security scheme of the document: what it is, whether a credential is set, and inputs to enter one."""

    def __init__(self, session: Session, status: Status, changed: Callable[[], None]) -> None:
        self._session, self._status, self._changed = session, status, changed
        self.inputs: dict[str, list[widgets.Widget]] = {}
        self._rows = widgets.VBox([], layout=shared_layout())
        self._token = widgets.HTML("", layout=shared_layout())
        note = html.muted(
            "Credentials entered here stay in memory, for the hosts of this environment, until the kernel stops."
        )
        head = widgets.HTML(str(note), layout=shared_layout())
        self.widget = add_classes(
            widgets.VBox([self._token, head, self._rows], layout=shared_layout()), "anb-panel", "anb-hidden"
        )

    def draw(self) -> None:
        """Show the current state of every scheme."""
        spec = self._session.spec
        self._token.value = str(draw_token(self._session))
        schemes = [spec.scheme(name) for name in spec.scheme_names]
        none = [widgets.HTML(str(html.muted("The document declares no security scheme.")), layout=shared_layout())]
        replace_children(self._rows, [self._row(scheme) for scheme in schemes] or none)

    def _row(self, scheme: SecurityScheme) -> widgets.Widget:
        held = self._session.effective_environment.secret_for(scheme.name)
        pasted = held is not None and held != self._session.environment.secret_for(scheme.name)
        message = html.pill(f"set: {held.source}", "good") if held else html.pill("not set", "quiet")
        about = html.join([html.tag("strong", scheme.name), " ", describe_scheme(scheme), " ", message])
        fields = [SecretInput(text, self._status) for text in _FIELDS.get(scheme.kind, ("Paste the credential",))]
        self.inputs[scheme.name] = [field.widget for field in fields]
        use, drop = button(f"Use for {scheme.name}", "anb-plain"), button(f"Forget {scheme.name}", "anb-link")
        use.on_click(self._status.report_errors(lambda _: self._take(scheme, fields)))
        drop.on_click(self._status.report_errors(lambda _: self._remove_credential(scheme)))
        parts = [
            widgets.HTML(str(about), layout=shared_layout()),
            *self.inputs[scheme.name],
            use,
            *([drop] if pasted else []),
        ]
        return add_classes(widgets.HBox(parts, layout=shared_layout()), "anb-wrap", "anb-credential")

    def _take(self, scheme: SecurityScheme, fields: list[SecretInput]) -> None:
        typed = [field.take() for field in fields]
        if not any(typed):
            self._status.show_message(f"No credential entered for {scheme.name}: paste it first.", "warn")
            return
        self._session.credentials.add(scheme.name, ":".join(typed))
        self._done(f"Requests that need {scheme.name} now use this credential.")

    def _remove_credential(self, scheme: SecurityScheme) -> None:
        self._session.credentials.remove(scheme.name)
        self._done(f"The credential for {scheme.name} is removed.")

    def _done(self, text: str) -> None:
        self.draw()
        self._changed()
        self._status.show_message(text, "good")


def draw_token(session: Session) -> html.Markup:
    """Draw what is known of the token, and whether it suffices for the requests so far; never the token."""
    rows = [(html.tag("strong", name), value) for name, value in session.credentials.token_panel().rows]
    needs = html.Markup(session.privileges()._repr_mimebundle_()["text/html"])
    known = html.table(["token", "value"], rows)
    return html.join([known, html.details("Permissions needed so far", needs)])


def describe_scheme(scheme: SecurityScheme) -> str:
    """Describe a security scheme."""
    if scheme.kind == "apiKey":
        return f"API key in the {scheme.location} {scheme.parameter}"
    return _LIMITS.get(scheme.kind, f"HTTP {scheme.kind}")


_LIMITS = {
    "bearer": "bearer token",
    "basic": "user name and password",
    "oauth2": "OAuth 2.0 access token",
    "openIdConnect": "OpenID Connect token",
    "mutualTLS": "client certificate (not supported by astro_nb)",
}

_FIELDS = {
    "bearer": ("Paste the token",),
    "oauth2": ("Paste the token",),
    "openIdConnect": ("Paste the token",),
    "apiKey": ("Paste the key",),
    "basic": ("User name", "Password"),
    "mutualTLS": (),
}


def _text_input(text: str, **more: Any) -> widgets.Text:
    style = shared_style(widgets.widget_string.TextStyle)
    return widgets.Text(description=text, continuous_update=False, layout=shared_layout(), style=style, **more)


class VariablesPanel:
    """Every variable with its scope and source, and inputs to set one."""

    def __init__(self, session: Session, status: Status, changed: Callable[[], None]) -> None:
        self._session = session
        self._table = widgets.HTML("", layout=shared_layout())
        self.name = _text_input("Name", placeholder="deploymentId")
        self.value = _text_input("Value", placeholder="text, number, or {{variable}}")
        secret = SecretInput("or secret", status)
        self.secret = secret.widget
        save, drop = button("Set variable", "anb-plain"), button("Remove", "anb-plain")

        def set_one(_: Any) -> None:
            typed = secret.take()
            value: Any = Secret.in_memory(typed, self.name.value) if typed else _parse_value(self.value.value)
            session.variables.set(self.name.value.strip(), value, "set in the explorer")
            self._done(status, f"{self.name.value} is set.", changed)

        def remove(_: Any) -> None:
            session.variables.pop(self.name.value.strip(), None)
            self._done(status, f"{self.name.value} is removed from the session.", changed)

        save.on_click(status.report_errors(set_one))
        drop.on_click(status.report_errors(remove))
        row = widgets.HBox([self.name, self.value, self.secret, save, drop], layout=shared_layout())
        self.widget = add_classes(
            widgets.VBox([self._table, add_classes(row, "anb-wrap")], layout=shared_layout()), "anb-panel", "anb-hidden"
        )
        self.draw()

    def draw(self) -> None:
        """Show the current variables."""
        variables = self._session.variables
        self._table.value = variables._repr_html_() if variables else str(html.muted("No variables yet."))

    def _done(self, status: Status, text: str, changed: Callable[[], None]) -> None:
        self.draw()
        status.show_message(text, "good")
        changed()


class FaultsPanel:
    """Inject faults into the sandbox: for training, and to see how a client handles them."""

    def __init__(self, sandbox: Sandbox | SandboxClient, status: Status) -> None:
        from ..sandbox import FAULT_KINDS  # already loaded if there is a sandbox

        self._sandbox = sandbox
        style = shared_style(widgets.widget_description.DescriptionStyle)
        self.kind = widgets.Dropdown(
            options=list(FAULT_KINDS), description="Fault", layout=shared_layout(), style=style
        )
        self.times = _text_input("Times", value="1")
        self.operation = _text_input("Operation", value="*")
        self._list = widgets.HTML("", layout=shared_layout())
        add, clear, reset = (button(t, "anb-plain") for t in ("Enable", "Clear all", "Reset sandbox"))

        def enable(_: Any) -> None:
            sandbox.faults.add(self.kind.value, operation=self.operation.value or "*", times=int(self.times.value))
            self.draw()
            status.show_message(_fault_message(int(self.times.value), self.kind.value), "warn")

        def clear_all(_: Any) -> None:
            sandbox.faults.clear()
            self.draw()
            status.show_message("All faults are cleared.", "good")

        def reset_sandbox(_: Any) -> None:
            sandbox.reset()
            status.show_message("The sandbox is reset to its initial state.", "good")

        for made, handler in ((add, enable), (clear, clear_all), (reset, reset_sandbox)):
            made.on_click(status.report_errors(handler))
        row = widgets.HBox([self.kind, self.times, self.operation, add, clear, reset], layout=shared_layout())
        self.widget = add_classes(
            widgets.VBox([self._list, add_classes(row, "anb-wrap")], layout=shared_layout()), "anb-panel", "anb-hidden"
        )
        self.draw()

    def draw(self) -> None:
        """Show the enabled faults."""
        armed = [str(fault) for fault in self._sandbox.faults]
        intro = "An enabled fault affects the next requests to the sandbox: see how your client handles it."
        self._list.value = str(html.join([html.muted(intro), *(html.tag("div", text) for text in armed)]))


def _fault_message(times: int, fault_kind: str) -> str:
    requests = "The next request meets" if times == 1 else f"The next {times} requests meet"
    return f"{requests} the fault {fault_kind}."


def _parse_value(text: str) -> Any:
    """Parse a typed value: an integer, true, false or null if it looks like one, else text."""
    words = {"true": True, "false": False, "null": None}
    if text in words:
        return words[text]
    return int(text) if text.lstrip("-").isdigit() and len(text) < 16 and not text.startswith("0") else text
