"""The explorer: one widget in which an API is found, called and read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from ..call import UNSET, Call
from ..environment import load_environment
from ..exchange import Exchange
from ..form import Form
from ..session import Session
from ..spec import Operation
from .actions import Actions
from .answer import AnswerView
from .assist import Assist, fallback, heading, welcome
from .bar import Bar
from .details import Details
from .form import FormView
from .operations import OperationsView
from .panels import FaultsPanel, VariablesPanel
from .parts import close_all, set_hidden
from .past import HistoryView
from .sending import Sending
from .status import Status
from .style import classed, layout, sheet

if TYPE_CHECKING:  # whoever explores a real server does not wait for it
    from ..sandbox import Sandbox, SandboxClient


class Explorer:
    """An API on the screen: choose an operation, fill its form, send, and read what comes back.

    Everything that it does is one line of Python, and it shows that line.
    """

    def __init__(
        self, session: Session, sandbox: Sandbox | SandboxClient | None = None, operation: str | None = None
    ) -> None:
        self.session = session
        self.status = Status()
        self.assist = Assist(session)
        self.form: FormView | None = None
        self._pressed = False
        self._last: dict[str, Call] = {}
        self.variables = VariablesPanel(session, self.status, self._changed)
        self.faults = FaultsPanel(sandbox, self.status) if sandbox is not None else None
        self.bar = Bar(session, self.status, self._switch, self._panels())
        self.operations = OperationsView(session.spec, self.status, self.show)
        self.actions = Actions(
            self.status, self.send, self._cancel, lambda: self._refill(True), lambda: self._refill(False)
        )
        self.sending = Sending(session, self.status, self.actions, self._arrived)
        self.details = Details(session, self.status, self._redraw)
        self.answer = AnswerView(session, self.status, self._used)
        self.history = HistoryView(session, self.status, self.reopen)
        self.widget = self._assembled()
        if operation:
            self.open(operation)

    def __repr__(self) -> str:
        return f"<Explorer of {self.session.spec.title}>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        bundle = self.widget._repr_mimebundle_(include=include, exclude=exclude) or {}
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        return {**data, "text/html": str(fallback(self.session)), "text/plain": repr(self)}, metadata

    # --- what it can do -----------------------------------------------------------------------------------------------

    def open(self, operation: str) -> None:
        """Open the form of an operation, with the values it had last.

        Raises:
            UnknownName: there is no such operation.
        """
        self.show(self.session.spec.operation(operation))

    def show(self, operation: Operation, call: Call | None = None) -> None:
        """Show an operation's form: with the call given, else with the values it had last."""
        old, self._pressed = self.form, False
        if old is not None:
            self._last[old.form.operation.id] = old.form.to_call()
        form = Form(operation)
        known = call or self._last.get(operation.id)
        if known:
            form.take(known)
        self.assist.prefill(form)
        self.form = FormView(form, self.status, self.assist.offers, self.assist.keep_secret, self._changed)
        self._place.children = (self.form.widget,)
        if old is not None:
            close_all(old.widget)
        self._title.value = str(heading(operation))
        self.operations.mark(operation)
        self.actions.ask("")
        set_hidden(self._below, False)
        self.status.say("")
        self._changed()

    def send(self, confirmed: bool = False) -> None:
        """Send the form as it stands; in a production environment an unsafe method asks first."""
        if self.form is None:
            return
        self._pressed = True
        self._changed()
        self.sending.send(self.session.lifted(self.form.form.to_call()), confirmed)

    def reopen(self, exchange: Exchange) -> None:
        """Show an earlier exchange again, form and answer; nothing is sent."""
        self.show(exchange.operation, exchange.call)
        self.answer.show(exchange)
        self.status.say(f'Shown from the history; nothing was sent. In Python: api.history["{exchange.id}"]')

    # --- what happens -------------------------------------------------------------------------------------------------

    def _arrived(self, exchange: Exchange) -> None:
        self.status.say("" if exchange.ok else f"{exchange.operation.id}: {exchange.status_text}.", "bad")
        self.history.draw()
        self.answer.show(exchange)
        if self.form is not None and exchange.error and exchange.operation.id == self.form.form.operation.id:
            told = {("body", *_steps(e.field)): f"The server says: {e.message}" for e in exchange.error.field_errors}
            self.form.mark(told, self.assist.becomes)

    def _changed(self) -> None:
        """After every change: mark what is wrong, and redraw what is shown of the request."""
        if self.form is None:
            return
        problems = self.form.form.problems(self.session.shown)
        if not self._pressed:  # what is merely empty yet is no mistake
            problems = {at: text for at, text in problems.items() if self.form.form.get(at) is not UNSET}
        elsewhere = self.form.mark(problems, self.assist.becomes)
        count = len(problems)
        self.actions.send.tooltip = f"Send, although {count} fields look wrong" if count else "Send the request"
        told = next((f"{'.'.join(map(str, at[1:])) or 'body'}: {text}" for at, text in elsewhere.items()), "")
        self.status.say(told, "warn")
        self.details.draw(self.form.form)

    def _cancel(self) -> None:
        self.sending.cancel()

    def _redraw(self) -> None:
        if self.form is not None:
            self.form.draw()
            self._changed()

    def _used(self, name: str) -> None:
        self.variables.draw()
        self._redraw()
        self.status.say(f"The variable {name} is set: use it as {{{{{name}}}}} in any field.", "good")

    def _switch(self, name: str) -> None:
        environment = load_environment(name) if name != self.session.home.name else self.session.home
        self.session.switch(environment.at(environment.base_url or next(iter(self.session.spec.servers), "")))
        self.bar.draw()
        self.variables.draw()
        self._changed()
        self.status.say(f"Requests go to {self.session.environment.base_url} now.", "good")

    def _refill(self, full: bool) -> None:
        if self.form is not None:
            self.form.form.fill(True) if full else self.form.form.clear()
            self.assist.prefill(self.form.form)
            self._redraw()

    def _panels(self) -> dict[str, Any]:
        found = {"Variables": lambda: _toggle(self.variables)}
        return {**found, "Faults": lambda: _toggle(self.faults)} if self.faults else found

    def _assembled(self) -> widgets.VBox:
        self._title = widgets.HTML(str(welcome(self.session)), layout=layout())
        self._place = widgets.VBox([], layout=layout())
        below = widgets.VBox([self.actions.question, self.actions.widget, self.details.widget], layout=layout())
        self._below = classed(below, "anb-below", "anb-hidden")
        parts = [self._title, self._place, self._below, self.answer.widget, self.history.widget]
        work = classed(widgets.VBox(parts, layout=layout()), "anb-work")
        main = classed(widgets.HBox([self.operations.widget, work], layout=layout()), "anb-main")
        panels = [panel.widget for panel in (self.variables, self.faults) if panel]
        whole = [sheet(), self.bar.widget, self.status.widget, *panels, main]
        return classed(widgets.VBox(whole, layout=layout()), "anb")


def _toggle(panel: Any) -> None:
    panel.draw()
    set_hidden(panel.widget, "anb-hidden" not in panel.widget._dom_classes)


def _steps(path: str) -> list[str | int]:
    """A field's path as servers write it (`workerQueues[0].name`, `/a/0`), as steps."""
    parts = path.replace("[", ".").replace("]", "").replace("/", ".").strip("$.").split(".")
    return [int(p) if p.isdigit() else p for p in parts if p and p != "body"]
