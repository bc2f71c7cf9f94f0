"""The panels that open below the bar: variables, and faults of the sandbox."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from .. import html
from ..environment import Secret
from ..session import Session
from .parts import button
from .status import Status
from .style import classed, layout, shared_style
from .unseen import Unseen

if TYPE_CHECKING:  # whoever explores a real server does not wait for it
    from ..sandbox import Sandbox, SandboxClient


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
            value: Any = Secret.held(typed, self.name.value) if typed else _typed(self.value.value)
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
        self._table.value = variables._repr_html_() if variables else str(html.quiet("There are no variables yet."))

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
        self._list.value = str(html.join([html.quiet(intro), *(html.tag("div", text) for text in armed)]))


def _typed(text: str) -> Any:
    """A typed value: a whole number or true/false where it looks like one, else text."""
    words = {"true": True, "false": False, "null": None}
    if text in words:
        return words[text]
    return int(text) if text.lstrip("-").isdigit() and len(text) < 16 and not text.startswith("0") else text
