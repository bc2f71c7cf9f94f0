"""The panels for credentials, variables, sandbox faults and environments, and the input for secrets."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from .. import html
from ..environments import Environments
from ..errors import SettingsError, UsageError
from ..openapi import SecurityScheme
from ..secrets import Secret, is_secret_header, is_secret_name
from ..session import Session
from ..yaml import YamlError, dump_yaml, load_yaml
from .widgets import (
    Status,
    add_classes,
    button,
    dropdown,
    horizontal,
    html_widget,
    replace_children,
    text_input,
    vertical,
)

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
        self.widget = text_input(text, kind=widgets.Password)
        self._typed = ""
        self.widget.observe(status.report_errors(self._store), "value")

    def take(self) -> str:
        """Return the typed text once; empty if nothing was typed."""
        typed, self._typed = self._typed, ""
        self.widget.placeholder = ""
        return typed

    def _store(self, change: dict[str, Any]) -> None:
        if change["new"]:
            self._typed = change["new"]
            self.widget.value = ""
            self.widget.placeholder = "entered; click the button to use it"


class CredentialsPanel:
    """Each security scheme of the document: what it is, whether a credential is set, and inputs to enter one."""

    def __init__(self, session: Session, status: Status, changed: Callable[[], None]) -> None:
        self._session, self._status, self._changed = session, status, changed
        self.inputs: dict[str, list[widgets.Widget]] = {}
        self._rows = vertical([])
        self._token = html_widget()
        note = html.muted(
            "Credentials entered here stay in memory, for the hosts of this environment, until the kernel stops."
        )
        head = html_widget(str(note))
        self.widget = vertical([self._token, head, self._rows], "anb-panel", "anb-hidden")

    def draw(self) -> None:
        """Show the current state of every scheme."""
        spec = self._session.spec
        self._token.value = str(draw_token(self._session))
        schemes = [spec.scheme(name) for name in spec.scheme_names]
        none = [html_widget(str(html.muted("The document declares no security scheme.")))]
        replace_children(self._rows, [self._row(scheme) for scheme in schemes] or none)

    def _row(self, scheme: SecurityScheme) -> widgets.Widget:
        secret = self._session.effective_environment.secret_for(scheme.name)
        pasted = secret is not None and secret != self._session.environment.secret_for(scheme.name)
        message = html.pill(f"set: {secret.source}", "good") if secret else html.pill("not set", "quiet")
        about = html.join([html.tag("strong", scheme.name), " ", describe_scheme(scheme), " ", message])
        fields = [SecretInput(text, self._status) for text in _FIELDS.get(scheme.kind, ("Paste the credential",))]
        self.inputs[scheme.name] = [field.widget for field in fields]
        use, drop = button(f"Use for {scheme.name}", "anb-plain"), button(f"Forget {scheme.name}", "anb-link")
        use.on_click(self._status.report_errors(lambda _: self._take(scheme, fields)))
        drop.on_click(self._status.report_errors(lambda _: self._remove_credential(scheme)))
        parts = [
            html_widget(str(about)),
            *self.inputs[scheme.name],
            use,
            *([drop] if pasted else []),
        ]
        return horizontal(parts, "anb-wrap", "anb-credential")

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


class VariablesPanel:
    """Every variable with its scope and source, and inputs to set one."""

    def __init__(self, session: Session, status: Status, changed: Callable[[], None]) -> None:
        self._session = session
        self._table = html_widget()
        self.name = text_input("Name", placeholder="deploymentId")
        self.value = text_input("Value", placeholder="text, number, or {{variable}}")
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
        row = horizontal([self.name, self.value, self.secret, save, drop])
        self.widget = vertical([self._table, add_classes(row, "anb-wrap")], "anb-panel", "anb-hidden")
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
        self.kind = dropdown("Fault", options=list(FAULT_KINDS))
        self.times = text_input("Times", value="1")
        self.operation = text_input("Operation", value="*")
        self._list = html_widget()
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
        row = horizontal([self.kind, self.times, self.operation, add, clear, reset])
        self.widget = vertical([self._list, add_classes(row, "anb-wrap")], "anb-panel", "anb-hidden")
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


_APPROVAL_CHOICES = [("only in production", ""), ("yes", True), ("no", False)]
"""The value for "none" is an empty text: a dropdown whose value is None looks empty."""


class EnvironmentsPanel:
    """The fields of an environment's file. `saved` gets the name of an environment that was written or removed."""

    def __init__(self, environments: Environments, status: Status, saved: Callable[[str], None]) -> None:
        self._environments, self._status, self._saved = environments, status, saved
        self.which, self.other = _choice("Environment to edit"), _choice("Compare with")
        self.name = _field_input("New name", "eu-test")
        self.fields: dict[str, Any] = {
            "base_url": _field_input("Base URL", "https://api.example.com/v1; empty for the document's first"),
            "spec": _field_input("Document", "a path, a URL, or a bundled name"),
            "extends": _choice("Extends"),
            "production": _choice("Production", [("no", ""), ("yes", True)]),
            "guard": _choice("Ask before unsafe requests", _APPROVAL_CHOICES),
            "color": _field_input("Colour", "#5e35b1"),
            "variables": _area("Variables", "region: eu\nworkspaceId: ck…"),
            "credentials": _area("Credentials, by reference", "token: env:MY_API_TOKEN"),
            "headers": _area("Headers", "X-Team: data"),
        }
        self._message = html_widget()
        self.widget = add_classes(vertical(self._parts()), "anb-panel", "anb-hidden")
        self.which.observe(status.report_errors(lambda _: self._show()), "value")
        for name in _SECRET_CHECKS:
            self.fields[name].observe(status.report_errors(partial(self._remove_typed_secret, name)), "value")

    def _remove_typed_secret(self, name: str, change: dict[str, Any]) -> None:
        """Remove a secret typed in clear text at once, since the text may be saved with the notebook."""
        if _SECRET_CHECKS[name](change["new"]):
            self.fields[name].value = ""
            raise SettingsError(
                f"{name} contained what looks like a secret in clear text; it was removed and not stored.",
                "Enter a reference, such as env:NAME, dotenv:NAME or keyring:service/name.",
            )

    def draw(self) -> None:
        """Show the current environments."""
        names, now = list(self._environments), self.which.value
        self.which.options = names
        self.other.options = names
        self.other.value = names[-1]
        self.fields["extends"].options = [("none", ""), *((name, name) for name in names)]
        self.which.value = now if now in names else names[0]
        self._show()

    def _parts(self) -> list[widgets.Widget]:
        acts: dict[str, Callable[[], None]] = {
            "Save": self._save,
            "Duplicate as…": self._copy,
            "Create environment": self._create,
            "Remove environment": self._remove,
        }
        compare = button("Compare", "anb-plain", "Show the differences between the two")
        compare.on_click(self._status.report_errors(lambda _: self._compare()))
        buttons = [button(text, "anb-plain") for text in acts]
        for made, act in zip(buttons, acts.values(), strict=True):
            made.on_click(self._status.report_errors(lambda _, act=act: act()))
        note = html.muted(
            f"One file each in {self._environments.folder}/, without a secret in it: to review and to share."
        )
        head = html_widget(str(note))
        grid = add_classes(vertical(list(self.fields.values())), "anb-fields")
        rows = [horizontal([self.which, self.name], "anb-wrap"), grid, horizontal(buttons, "anb-wrap")]
        return [head, *rows, horizontal([self.other, compare], "anb-wrap"), self._message]

    def _show(self) -> None:
        """Show the settings in the selected environment's own file; inherited values appear as hints."""
        if self.which.value is None:
            return
        own = self._environments.own_fields(self.which.value)
        for name, control in self.fields.items():
            control.value = _control_value(control, own.get(name))

    def _typed(self) -> dict[str, Any]:
        return {name: _field_value(name, control) for name, control in self.fields.items()}

    def _save(self) -> None:
        self._environments.edit(self.which.value, **self._typed())
        self._done(self.which.value, f"{self.which.value} is saved.")

    def _copy(self) -> None:
        self._environments.copy(self.which.value, self._new_name())
        self._done(self._new_name(), f"{self._new_name()} is a duplicate of {self.which.value}.")

    def _create(self) -> None:
        name = self._new_name()
        self._environments.create(name, **{key: value for key, value in self._typed().items() if value is not None})
        self._done(name, f"{name} is created.")

    def _remove(self) -> None:
        name = self.which.value
        self._environments.remove(name)
        self._done(name, f"{name} is removed.")

    def _compare(self) -> None:
        compared = self._environments.compare(self.which.value, self.other.value)
        self._message.value = compared._repr_html_()

    def _new_name(self) -> str:
        name: str = self.name.value.strip()
        if not name:
            raise UsageError("The new environment has no name.", "Enter one in the field New name.")
        return name

    def _done(self, name: str, message: str) -> None:
        self._message.value = ""
        self.draw()
        if name in list(self.which.options):
            self.which.value = name
        self._saved(name)
        self._status.show_message(message, "good")


_TEMPLATE = "\N{OBJECT REPLACEMENT CHARACTER}"
"""The placeholder for a template while a text is searched."""


def _typed_pairs(text: str) -> Iterator[tuple[str, str]]:
    """Names and plain texts in YAML as typed, including those inside mappings."""
    marked = re.sub(r"\{\{.*?\}\}", _TEMPLATE, text)
    for given in re.split(r"[{},\n]", marked):
        name, colon, value = given.strip().partition(":")
        value = value.strip().strip("'\"")
        if colon and value not in ("", "true", "false") and _TEMPLATE not in value:
            yield name.strip("'\" "), value


def _has_open_credential(text: str) -> bool:
    plain = (v for n, v in _typed_pairs(text) if n not in _PLAIN)
    return any(not Secret.is_reference(value) for value in plain)


def _has_open_secret(text: str) -> bool:
    message = ((n, v) for n, v in _typed_pairs(text) if not Secret.is_reference(v))
    return any(is_secret_name(name) or is_secret_header(name) for name, _ in message)


_PLAIN = ("client_id", "username", "scopes", "token_url", "method")
"""The parts of a credential that are not secret."""

_SECRET_CHECKS: dict[str, Callable[[str], bool]] = {
    "credentials": _has_open_credential,
    "variables": _has_open_secret,
    "headers": _has_open_secret,
}
"""Whether a text of these fields contains a secret in clear text."""


def _field_value(name: str, control: Any) -> Any:
    """The value of a control for a field; None if it is empty."""
    if isinstance(control, widgets.Dropdown):
        return None if control.value == "" else control.value
    text = control.value.strip()
    if not isinstance(control, widgets.Textarea):
        return text or None
    try:
        value = load_yaml(text.encode()) if text else None
    except YamlError as error:
        raise UsageError(f"{name} cannot be read: {error}.", "Enter one `name: value` per line.") from error
    if value is not None and not isinstance(value, dict):
        raise UsageError(f"{name} must be names with values.", "Enter one `name: value` per line.")
    return value


def _control_value(control: Any, value: Any) -> Any:
    if isinstance(control, widgets.Dropdown):
        return value if any(value is given or value == given != "" for _, given in control.options) else ""
    if isinstance(control, widgets.Textarea):
        return dump_yaml(value).strip() if value else ""
    return "" if value is None else str(value)


def _choice(text: str, options: list[tuple[str, Any]] | None = None) -> widgets.Dropdown:
    return dropdown(text, "anb-field", options=options or [], tooltip=text)


def _field_input(text: str, hint: str) -> widgets.Text:
    return text_input(text, "anb-field", placeholder=hint)


def _area(text: str, hint: str) -> widgets.Textarea:
    return text_input(text, "anb-field", kind=widgets.Textarea, placeholder=hint, rows=3)
