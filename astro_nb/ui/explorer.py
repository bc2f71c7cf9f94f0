"""The explorer: one widget in which an API is found, called and read."""

from __future__ import annotations

from typing import Any

import ipywidgets as widgets

from .. import html
from ..call import UNSET, Call
from ..client import Running
from ..environment import Secret, load_environment
from ..errors import AstroNbError
from ..exchange import Attempt, Exchange
from ..fields import Field
from ..form import Form
from ..ops import draw_operation
from ..sandbox import Sandbox, SandboxClient
from ..session import Session
from ..spec import Operation
from .actions import Actions
from .answer import AnswerView
from .bar import Bar
from .details import Details
from .form import FormView
from .inputs import Offer
from .operations import OperationsView
from .panels import FaultsPanel, VariablesPanel
from .parts import close_all, set_hidden
from .past import HistoryView
from .status import Status
from .style import classed, layout, sheet


class Explorer:
    """An API on the screen: choose an operation, fill its form, send, and read what comes back.

    Everything that it does is one line of Python, and it shows that line.
    """

    def __init__(
        self, session: Session, sandbox: Sandbox | SandboxClient | None = None, operation: str | None = None
    ) -> None:
        self.session = session
        self.status = Status()
        self.form: FormView | None = None
        self._running: Running | None = None
        self._pressed = False
        self._last: dict[str, Call] = {}
        self.variables = VariablesPanel(session, self.status, self._changed)
        self.faults = FaultsPanel(sandbox, self.status) if sandbox is not None else None
        self.bar = Bar(session, self.status, self._switch, self._panels())
        self.operations = OperationsView(session.spec, self.status, self.show)
        self.actions = Actions(
            self.status, self.send, self.cancel, lambda: self._refill(True), lambda: self._refill(False)
        )
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
        return {**data, "text/html": str(_fallback(self.session)), "text/plain": repr(self)}, metadata

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
        self._prefill(form)
        self.form = FormView(form, self.status, self._offers, self._keep_secret, self._changed)
        self._place.children = (self.form.widget,)
        if old is not None:
            close_all(old.widget)
        self._title.value = str(_heading(operation))
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
        operation, call = self.form.form.operation, self.session.lifted(self.form.form.to_call())
        if self.session.environment.production and not operation.is_safe and not confirmed:
            request = self.session.preview(call)
            self.actions.ask(f"{self.session.environment.name}: send {request.method} {request.url}?")
            return
        self.actions.ask("")
        self.status.say(f"Sending {operation.id} …")
        self._running = self.session.start(call, self.status.guard(self._arrived), self.status.guard(self._tried))
        self.actions.busy(not self._running.done)

    def cancel(self) -> None:
        """End the request that is under way."""
        if self._running:
            self._running.cancel()

    def reopen(self, exchange: Exchange) -> None:
        """Show an earlier exchange again, form and answer; nothing is sent."""
        self.show(exchange.operation, exchange.call)
        self.answer.show(exchange)
        self.status.say(f'Shown from the history; nothing was sent. In Python: api.history["{exchange.id}"]')

    # --- what happens -------------------------------------------------------------------------------------------------

    def _arrived(self, exchange: Exchange) -> None:
        self.actions.busy(False)
        self.status.say("" if exchange.ok else f"{exchange.operation.id}: {exchange.status_text}.", "bad")
        self.answer.show(exchange)
        self.history.draw()
        if self.form is not None and exchange.error and exchange.operation.id == self.form.form.operation.id:
            told = {("body", *_steps(e.field)): f"The server says: {e.message}" for e in exchange.error.field_errors}
            self.form.mark(told, self._becomes)

    def _tried(self, attempt: Attempt) -> None:
        if attempt.waited:
            most = self.session.client.retries.attempts
            self.status.say(
                f"{attempt.outcome}, attempt {attempt.number + 1} of {most}, in {attempt.waited:.1f} s", "warn"
            )

    def _changed(self) -> None:
        """After every change: mark what is wrong, and redraw what is shown of the request."""
        if self.form is None:
            return
        problems = self.form.form.problems(self.session.shown)
        if not self._pressed:  # what is merely empty yet is no mistake
            problems = {at: text for at, text in problems.items() if self.form.form.get(at) is not UNSET}
        elsewhere = self.form.mark(problems, self._becomes)
        count = len(problems)
        self.actions.send.tooltip = f"Send, although {count} fields look wrong" if count else "Send the request"
        told = next((f"{'.'.join(map(str, at[1:])) or 'body'}: {text}" for at, text in elsewhere.items()), "")
        self.status.say(told, "warn")
        self.details.draw(self.form.form)

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
            self._prefill(self.form.form)
            self._redraw()

    # --- small parts --------------------------------------------------------------------------------------------------

    def _panels(self) -> dict[str, Any]:
        found = {"Variables": lambda: _toggle(self.variables)}
        return {**found, "Faults": lambda: _toggle(self.faults)} if self.faults else found

    def _assembled(self) -> widgets.VBox:
        self._title = widgets.HTML(str(_welcome(self.session)), layout=layout())
        self._place = widgets.VBox([], layout=layout())
        below = widgets.VBox([self.actions.question, self.actions.widget, self.details.widget], layout=layout())
        self._below = classed(below, "anb-below", "anb-hidden")
        parts = [self._title, self._place, self._below, self.answer.widget, self.history.widget]
        work = classed(widgets.VBox(parts, layout=layout()), "anb-work")
        main = classed(widgets.HBox([self.operations.widget, work], layout=layout()), "anb-main")
        panels = [panel.widget for panel in (self.variables, self.faults) if panel]
        whole = [sheet(), self.bar.widget, self.status.widget, *panels, main]
        return classed(widgets.VBox(whole, layout=layout()), "anb")

    def _prefill(self, form: Form) -> None:
        """A required parameter takes the variable of its name, where there is one."""
        for field in form.parameters:
            if field.required and field.name in self.session.variables and not form.get(("parameters", field.name)):
                form.set(("parameters", field.name), f"{{{{{field.name}}}}}")

    def _offers(self, field: Field) -> list[Offer]:
        """Values seen in earlier answers, then the variables."""
        seen = [Offer(f"{s.label} · {s.reason}", s.value) for s in self.session.suggestions(field.name, 30)]
        return [*seen, *(Offer(f"{{{{{name}}}}}", f"{{{{{name}}}}}") for name in self.session.variables)]

    def _keep_secret(self, text: str, field: Field) -> str:
        name = field.name or "secret"
        self.session.variables.set(name, Secret.held(text, name), "typed in the explorer")
        self.variables.draw()
        return f"{{{{{name}}}}}"

    def _becomes(self, value: Any) -> str:
        try:
            return str(self.session.shown(value))
        except AstroNbError as error:
            return str(error)


def _toggle(panel: Any) -> None:
    panel.draw()
    set_hidden(panel.widget, "anb-hidden" not in panel.widget._dom_classes)


def _heading(operation: Operation) -> html.Markup:
    name = html.tag("strong", operation.id, style="font-size:1.15em")
    head = html.tag("div", html.method_pill(operation.method), " ", name, " ", html.code(operation.path))
    needs = f"Needs the permission {', '.join(operation.permissions)}." if operation.permissions else ""
    summary = html.tag(
        "div", operation.summary, ". " if operation.summary else "", html.quiet(needs), style="margin:4px 0"
    )
    warned = [html.tag("div", html.pill("document", "warn"), " ", text) for text in operation.warnings]
    return html.tag("div", head, summary, *warned, html.fold("Documentation", draw_operation(operation)))


def _welcome(session: Session) -> html.Markup:
    title = html.tag("strong", f"{session.spec.title} {session.spec.version}", style="font-size:1.15em")
    return html.tag("div", title, html.tag("div", "Choose an operation, or search for one."))


def _fallback(session: Session) -> html.Markup:
    """What a front end without widgets shows, and an exported notebook keeps."""
    title = html.tag("strong", f"{session.spec.title} {session.spec.version}")
    line = html.tag("div", f"{len(session.spec)} operations at {session.environment.base_url}")
    return html.tag(
        "div", title, line, html.quiet("The explorer needs a running kernel: run the cell again to open it.")
    )


def _steps(path: str) -> list[str | int]:
    """A field's path as servers write it (`workerQueues[0].name`, `/a/0`), as steps."""
    parts = path.replace("[", ".").replace("]", "").replace("/", ".").strip("$.").split(".")
    return [int(p) if p.isdigit() else p for p in parts if p and p != "body"]
