"""The panel in which environments are made, copied, changed, compared and removed: each is a plain file to review."""

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
from .widgets import Status, button, classed, layout, line, shared_style, stack

_ASKS = [("in production only", ""), ("yes", True), ("no", False)]
"""What is chosen for nothing is an empty text: a list whose value is None looks empty."""


class EnvironmentsPanel:
    """Fields for what an environment's file says. `saved` gets the name of one that was written or removed."""

    def __init__(self, environments: Environments, status: Status, saved: Callable[[str], None]) -> None:
        self._environments, self._status, self._saved = environments, status, saved
        self.which, self.other = _choice("Environment to edit"), _choice("Compare with")
        self.name = _text("Name of a new one", "eu-test")
        self.fields: dict[str, Any] = {
            "base_url": _text("Base URL", "https://api.example.com/v1; empty for the document's first"),
            "spec": _text("Document", "a path, a URL, or a bundled name"),
            "extends": _choice("Extends"),
            "production": _choice("Production", [("no", ""), ("yes", True)]),
            "guard": _choice("Asks before it changes anything", _ASKS),
            "color": _text("Colour", "#5e35b1"),
            "variables": _area("Variables", "region: eu\nworkspaceId: ck…"),
            "credentials": _area("Credentials, by reference", "token: env:MY_API_TOKEN"),
            "headers": _area("Headers", "X-Team: data"),
        }
        self._told = widgets.HTML("", layout=layout())
        self.widget = classed(stack(self._parts()), "anb-panel", "anb-hidden")
        self.which.observe(status.guard(lambda _: self._show()), "value")
        for name in _OPEN:
            self.fields[name].observe(status.guard(partial(self._cleared, name)), "value")

    def _cleared(self, name: str, change: dict[str, Any]) -> None:
        """A secret that was typed in the clear leaves the control at once: its text may be saved with the notebook."""
        if _OPEN[name](change["new"]):
            self.fields[name].value = ""
            raise SettingsError(
                f"{name} held what looks like a secret in the clear: it was taken out, and kept nowhere.",
                "Write a reference, such as env:NAME, dotenv:NAME or keyring:service/name.",
            )

    def draw(self) -> None:
        """Tell the environments as they are now."""
        names, now = list(self._environments), self.which.value
        self.which.options = names
        self.other.options = names
        self.other.value = names[-1]
        self.fields["extends"].options = [("nothing", ""), *((name, name) for name in names)]
        self.which.value = now if now in names else names[0]
        self._show()

    def _parts(self) -> list[widgets.Widget]:
        acts: dict[str, Callable[[], None]] = {
            "Save": self._save,
            "Copy to the new name": self._copy,
            "Create with the new name": self._create,
            "Remove this environment": self._remove,
        }
        compare = button("Compare", "anb-plain", "Show where the two differ")
        compare.on_click(self._status.guard(lambda _: self._compare()))
        buttons = [button(text, "anb-plain") for text in acts]
        for made, act in zip(buttons, acts.values(), strict=True):
            made.on_click(self._status.guard(lambda _, act=act: act()))
        note = html.muted(
            f"One file each in {self._environments.folder}/, without a secret in it: to review and to share."
        )
        head = widgets.HTML(str(note), layout=layout())
        grid = classed(stack(list(self.fields.values())), "anb-fields")
        rows = [line([self.which, self.name], "anb-wrap"), grid, line(buttons, "anb-wrap")]
        return [head, *rows, line([self.other, compare], "anb-wrap"), self._told]

    def _show(self) -> None:
        """What the file of the chosen one says; what it inherits stands as a hint."""
        if self.which.value is None:
            return
        said = self._environments.own_fields(self.which.value)
        for name, control in self.fields.items():
            control.value = _as_typed(control, said.get(name))

    def _typed(self) -> dict[str, Any]:
        return {name: _value(name, control) for name, control in self.fields.items()}

    def _save(self) -> None:
        self._environments.edit(self.which.value, **self._typed())
        self._done(self.which.value, f"{self.which.value} is saved.")

    def _copy(self) -> None:
        self._environments.copy(self.which.value, self._new_name())
        self._done(self._new_name(), f"{self._new_name()} is a copy of {self.which.value}.")

    def _create(self) -> None:
        name = self._new_name()
        self._environments.create(name, **{key: value for key, value in self._typed().items() if value is not None})
        self._done(name, f"{name} is made.")

    def _remove(self) -> None:
        name = self.which.value
        self._environments.remove(name)
        self._done(name, f"{name} is removed.")

    def _compare(self) -> None:
        compared = self._environments.compare(self.which.value, self.other.value)
        self._told.value = compared._repr_html_()

    def _new_name(self) -> str:
        name: str = self.name.value.strip()
        if not name:
            raise UsageError("The new environment has no name.", "Write one beside the list.")
        return name

    def _done(self, name: str, told: str) -> None:
        self._told.value = ""
        self.draw()
        if name in list(self.which.options):
            self.which.value = name
        self._saved(name)
        self._status.say(told, "good")


_TEMPLATE = "\N{OBJECT REPLACEMENT CHARACTER}"
"""What stands for a template while a text is looked through."""


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    """Names and plain texts in YAML, as they are typed; what stands in a mapping too."""
    marked = re.sub(r"\{\{.*?\}\}", _TEMPLATE, text)
    for given in re.split(r"[{},\n]", marked):
        name, colon, value = given.strip().partition(":")
        value = value.strip().strip("'\"")
        if colon and value not in ("", "true", "false") and _TEMPLATE not in value:
            yield name.strip("'\" "), value


def _has_open_credential(text: str) -> bool:
    plain = (v for n, v in _pairs(text) if n not in _PLAIN)
    return any(not Secret.is_reference(value) for value in plain)


def _has_open_secret(text: str) -> bool:
    told = ((n, v) for n, v in _pairs(text) if not Secret.is_reference(v))
    return any(is_secret_name(name) or is_secret_header(name) for name, _ in told)


_PLAIN = ("client_id", "username", "scopes", "token_url", "method")
"""What of a credential is no secret."""

_OPEN: dict[str, Callable[[str], bool]] = {
    "credentials": _has_open_credential,
    "variables": _has_open_secret,
    "headers": _has_open_secret,
}
"""Whether a text of these holds a secret in the clear."""


def _value(name: str, control: Any) -> Any:
    """What a control says for a field; None where it says nothing."""
    if isinstance(control, widgets.Dropdown):
        return None if control.value == "" else control.value
    text = control.value.strip()
    if not isinstance(control, widgets.Textarea):
        return text or None
    try:
        value = load_yaml(text.encode()) if text else None
    except YamlError as error:
        raise UsageError(f"{name} cannot be read: {error}.", "Write one `name: value` a line.") from error
    if value is not None and not isinstance(value, dict):
        raise UsageError(f"{name} are no names and values.", "Write one `name: value` a line.")
    return value


def _as_typed(control: Any, value: Any) -> Any:
    if isinstance(control, widgets.Dropdown):
        return value if any(value is given or value == given != "" for _, given in control.options) else ""
    if isinstance(control, widgets.Textarea):
        return dump_yaml(value).strip() if value else ""
    return "" if value is None else str(value)


def _choice(text: str, options: list[tuple[str, Any]] | None = None) -> widgets.Dropdown:
    style = shared_style(widgets.widget_description.DescriptionStyle)
    made = widgets.Dropdown(options=options or [], description=text, tooltip=text, layout=layout(), style=style)
    return classed(made, "anb-field")


def _text(text: str, hint: str) -> widgets.Text:
    style = shared_style(widgets.widget_string.TextStyle)
    made = widgets.Text(description=text, placeholder=hint, continuous_update=False, layout=layout(), style=style)
    return classed(made, "anb-field")


def _area(text: str, hint: str) -> widgets.Textarea:
    style = shared_style(widgets.widget_string.TextStyle)
    made = widgets.Textarea(
        description=text, placeholder=hint, rows=3, continuous_update=False, layout=layout(), style=style
    )
    return classed(made, "anb-field")
