"""A control for a secret that is used later: what is typed leaves it at once, is not logged, and waits in memory.

The panel in which a credential is given by hand: held in memory, for this session, shown nowhere.

The panels that open below the bar: variables, and faults of the sandbox.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from .. import html
from ..openapi import SecurityScheme
from ..secrets import Secret
from ..session import Session
from .widgets import Status, button, classed, layout, replace, shared_style

if TYPE_CHECKING:
    from ..sandbox import Sandbox, SandboxClient


class _WithoutValues(logging.Filter):
    """The kernel's comms log at DEBUG what a front end sends: the values of all widgets, those of secrets too."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Cut what a message holds; that it came is still told."""
        if isinstance(record.msg, str) and record.msg.startswith("handle_") and isinstance(record.args, tuple):
            record.args = (*record.args[:1], *("…" for _ in record.args[1:]))
        return True


logging.getLogger("Comm").addFilter(_WithoutValues())


class Unseen:
    """A password control. A synchronised trait may be saved with the notebook, so the text does not stay in it."""

    def __init__(self, text: str, status: Status) -> None:
        style = shared_style(widgets.widget_string.TextStyle)
        self.widget = widgets.Password(description=text, continuous_update=False, layout=layout(), style=style)
        self._held = ""
        self.widget.observe(status.guard(self._hold), "value")

    def take(self) -> str:
        """What was typed, once; empty where nothing was."""
        held, self._held = self._held, ""
        self.widget.placeholder = ""
        return held

    def _hold(self, change: dict[str, Any]) -> None:
        if change["new"]:
            self._held = change["new"]
            self.widget.value = ""
            self.widget.placeholder = "typed; waits for the button"


class CredentialsPanel:
    """Each security scheme of the document: what it is, what is held for it, and a place to paste another."""

    def __init__(self, session: Session, status: Status, changed: Callable[[], None]) -> None:
        self._session, self._status, self._changed = session, status, changed
        self.inputs: dict[str, list[widgets.Widget]] = {}
        self._rows = widgets.VBox([], layout=layout())
        self._token = widgets.HTML("", layout=layout())
        note = html.muted(
            "What is given here is held in memory, for the hosts of this environment, until the kernel ends."
        )
        head = widgets.HTML(str(note), layout=layout())
        self.widget = classed(widgets.VBox([self._token, head, self._rows], layout=layout()), "anb-panel", "anb-hidden")

    def draw(self) -> None:
        """Tell every scheme as it is now."""
        spec = self._session.spec
        self._token.value = str(token_facts(self._session))
        schemes = [spec.scheme(name) for name in spec.scheme_names]
        none = [widgets.HTML(str(html.muted("The document names no way to authenticate.")), layout=layout())]
        replace(self._rows, [self._row(scheme) for scheme in schemes] or none)

    def _row(self, scheme: SecurityScheme) -> widgets.Widget:
        held = self._session.effective_environment.secret_for(scheme.name)
        pasted = held is not None and held != self._session.environment.secret_for(scheme.name)
        told = html.pill(f"held: {held.source}", "good") if held else html.pill("nothing held", "quiet")
        about = html.join([html.tag("strong", scheme.name), " ", words_of(scheme), " ", told])
        fields = [Unseen(text, self._status) for text in _FIELDS.get(scheme.kind, ("Paste the credential",))]
        self.inputs[scheme.name] = [field.widget for field in fields]
        use, drop = button(f"Use for {scheme.name}", "anb-plain"), button(f"Forget {scheme.name}", "anb-link")
        use.on_click(self._status.guard(lambda _: self._take(scheme, fields)))
        drop.on_click(self._status.guard(lambda _: self._forget(scheme)))
        parts = [widgets.HTML(str(about), layout=layout()), *self.inputs[scheme.name], use, *([drop] if pasted else [])]
        return classed(widgets.HBox(parts, layout=layout()), "anb-wrap", "anb-credential")

    def _take(self, scheme: SecurityScheme, fields: list[Unseen]) -> None:
        typed = [field.take() for field in fields]
        if not any(typed):
            self._status.say(f"Nothing was given for {scheme.name}: paste the credential first.", "warn")
            return
        self._session.credentials.add(scheme.name, ":".join(typed))
        self._done(f"Requests that need {scheme.name} use what you gave.")

    def _forget(self, scheme: SecurityScheme) -> None:
        self._session.credentials.remove(scheme.name)
        self._done(f"What was given for {scheme.name} is forgotten.")

    def _done(self, text: str) -> None:
        self.draw()
        self._changed()
        self._status.say(text, "good")


def token_facts(session: Session) -> html.Markup:
    """What is known of the token, and whether it suffices for what was done so far; never the token."""
    rows = [(html.tag("strong", name), value) for name, value in session.credentials.token_panel().rows]
    needs = html.Markup(session.privileges()._repr_mimebundle_()["text/html"])
    known = html.table(["token", "what is known"], rows)
    return html.join([known, html.details("The permissions that all this needed so far", needs)])


def words_of(scheme: SecurityScheme) -> str:
    """What a scheme is, in words."""
    if scheme.kind == "apiKey":
        return f"API key in the {scheme.location} {scheme.parameter}"
    return _WORDS.get(scheme.kind, f"HTTP {scheme.kind}")


_WORDS = {
    "bearer": "bearer token",
    "basic": "user name and password",
    "oauth2": "OAuth 2.0 access token",
    "openIdConnect": "OpenID Connect token",
    "mutualTLS": "client certificate, which astro_nb does not send",
}

_FIELDS = {
    "bearer": ("Paste the token",),
    "oauth2": ("Paste the token",),
    "openIdConnect": ("Paste the token",),
    "apiKey": ("Paste the key",),
    "basic": ("User name", "Password"),
    "mutualTLS": (),
}


def _text(text: str, **more: Any) -> widgets.Text:
    style = shared_style(widgets.widget_string.TextStyle)
    return widgets.Text(description=text, continuous_update=False, layout=layout(), style=style, **more)


class VariablesPanel:
    """Every variable with its scope and source, and a row to set one."""

    def __init__(self, session: Session, status: Status, changed: Callable[[], None]) -> None:
        self._session = session
        self._table = widgets.HTML("", layout=layout())
        self.name = _text("Name", placeholder="deploymentId")
        self.value = _text("Value", placeholder="a text, a number, or {{another}}")
        secret = Unseen("or secret", status)
        self.secret = secret.widget
        save, drop = button("Set variable", "anb-plain"), button("Remove", "anb-plain")

        def set_one(_: Any) -> None:
            typed = secret.take()
            value: Any = Secret.in_memory(typed, self.name.value) if typed else _typed(self.value.value)
            session.variables.set(self.name.value.strip(), value, "set in the explorer")
            self._done(status, f"{self.name.value} is set.", changed)

        def remove(_: Any) -> None:
            session.variables.pop(self.name.value.strip(), None)
            self._done(status, f"{self.name.value} is removed from the session.", changed)

        save.on_click(status.guard(set_one))
        drop.on_click(status.guard(remove))
        row = widgets.HBox([self.name, self.value, self.secret, save, drop], layout=layout())
        self.widget = classed(
            widgets.VBox([self._table, classed(row, "anb-wrap")], layout=layout()), "anb-panel", "anb-hidden"
        )
        self.draw()

    def draw(self) -> None:
        """Tell the variables as they are now."""
        variables = self._session.variables
        self._table.value = variables._repr_html_() if variables else str(html.muted("There are no variables yet."))

    def _done(self, status: Status, text: str, changed: Callable[[], None]) -> None:
        self.draw()
        status.say(text, "good")
        changed()


class FaultsPanel:
    """Make the sandbox misbehave on purpose: for training, and to see what a client does."""

    def __init__(self, sandbox: Sandbox | SandboxClient, status: Status) -> None:
        from ..sandbox import FAULT_KINDS  # loaded already where there is a sandbox

        self._sandbox = sandbox
        style = shared_style(widgets.widget_description.DescriptionStyle)
        self.kind = widgets.Dropdown(options=list(FAULT_KINDS), description="Fault", layout=layout(), style=style)
        self.times = _text("Times", value="1")
        self.operation = _text("Operation", value="*")
        self._list = widgets.HTML("", layout=layout())
        add, clear, reset = (button(t, "anb-plain") for t in ("Arm", "Disarm all", "Reset the sandbox"))

        def arm(_: Any) -> None:
            sandbox.faults.add(self.kind.value, operation=self.operation.value or "*", times=int(self.times.value))
            self.draw()
            status.say(f"The next {self.times.value} requests meet: {self.kind.value}.", "warn")

        def disarm(_: Any) -> None:
            sandbox.faults.clear()
            self.draw()
            status.say("All faults are disarmed.", "good")

        def anew(_: Any) -> None:
            sandbox.reset()
            status.say("The sandbox is as it was at the start.", "good")

        for made, handler in ((add, arm), (clear, disarm), (reset, anew)):
            made.on_click(status.guard(handler))
        row = widgets.HBox([self.kind, self.times, self.operation, add, clear, reset], layout=layout())
        self.widget = classed(
            widgets.VBox([self._list, classed(row, "anb-wrap")], layout=layout()), "anb-panel", "anb-hidden"
        )
        self.draw()

    def draw(self) -> None:
        """Tell which faults are armed."""
        armed = [str(fault) for fault in self._sandbox.faults]
        intro = "A fault is met by the next requests to the sandbox, so that you can see what your client makes of it."
        self._list.value = str(html.join([html.muted(intro), *(html.tag("div", text) for text in armed)]))


def _typed(text: str) -> Any:
    """A typed value: a whole number or true/false where it looks like one, else text."""
    words = {"true": True, "false": False, "null": None}
    if text in words:
        return words[text]
    return int(text) if text.lstrip("-").isdigit() and len(text) < 16 and not text.startswith("0") else text
