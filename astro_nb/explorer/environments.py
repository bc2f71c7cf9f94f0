"""The panel to create, duplicate, edit, compare and remove environments, which are plain files."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import ipywidgets as widgets

from .. import html
from ..environments import Environments
from ..errors import SettingsError, UsageError
from ..secrets import Secret, is_secret_header, is_secret_name
from ..yaml import YamlError, dump_yaml, load_yaml
from .widgets import Status, add_classes, button, horizontal, shared_layout, shared_style, vertical

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
        self._message = widgets.HTML("", layout=shared_layout())
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
        head = widgets.HTML(str(note), layout=shared_layout())
        grid = add_classes(vertical(list(self.fields.values())), "anb-fields")
        rows = [horizontal([self.which, self.name], "anb-wrap"), grid, horizontal(buttons, "anb-wrap")]
        return [head, *rows, horizontal([self.other, compare], "anb-wrap"), self._message]

    def _show(self) -> None:
        """Show the settings in the selected environment's own file; inherited values appear as hints."""
        if self.which.value is None:
            return
        said = self._environments.own_fields(self.which.value)
        for name, control in self.fields.items():
            control.value = _control_value(control, said.get(name))

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
    style = shared_style(widgets.widget_description.DescriptionStyle)
    made = widgets.Dropdown(options=options or [], description=text, tooltip=text, layout=shared_layout(), style=style)
    return add_classes(made, "anb-field")


def _field_input(text: str, hint: str) -> widgets.Text:
    style = shared_style(widgets.widget_string.TextStyle)
    made = widgets.Text(
        description=text, placeholder=hint, continuous_update=False, layout=shared_layout(), style=style
    )
    return add_classes(made, "anb-field")


def _area(text: str, hint: str) -> widgets.Textarea:
    style = shared_style(widgets.widget_string.TextStyle)
    made = widgets.Textarea(
        description=text, placeholder=hint, rows=3, continuous_update=False, layout=shared_layout(), style=style
    )
    return add_classes(made, "anb-field")
