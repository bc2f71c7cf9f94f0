"""The explorer: one widget in which an API is found, called and read."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from ..call import UNSET, Call
from ..exchange import Exchange
from ..form import Form
from ..session import Session
from ..spec import Operation
from .actions import Actions
from .answer import AnswerView
from .assist import Assist, fallback, heading, welcome
from .details import Details
from .form import FormView
from .memory import Memory
from .operations import OperationsView
from .options import RequestOptions
from .parts import close_all, set_hidden
from .past import HistoryView
from .sending import Sending
from .status import Status
from .style import classed, layout, sheet
from .whereabouts import Whereabouts

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
        self.memory = Memory(session)
        self.where = Whereabouts(session, sandbox, self.status, self._moved, self._changed)
        self.operations = OperationsView(session.spec, self.status, self.show)
        self.actions = Actions(
            self.status, self.send, self._cancel, lambda: self._refill(True), lambda: self._refill(False)
        )
        self.sending = Sending(session, self.status, self.actions, self._arrived)
        self.options = RequestOptions(session, self.status, self._changed)
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
        if self.form is not None:
            self.memory.keep(self.form.form)
        form = self.memory.form(operation, call)
        self.assist.prefill(form)
        self._show(form)

    def _show(self, form: Form) -> None:
        old, self._pressed = self.form, False
        offers = partial(self.assist.offers, form.operation)
        self.form = FormView(form, self.status, offers, self.assist.keep_secret, self._changed)
        self._place.children = (self.form.widget,)
        if old is not None:
            close_all(old.widget)
        self._title.value = str(heading(form.operation))
        self.options.show(form)
        self.operations.mark(form.operation)
        self.sending.question.clear()
        set_hidden(self._below, False)
        self.status.say("")
        self._changed()

    def send(self) -> None:
        """Send the form as it stands; in a guarded environment an unsafe method asks first."""
        if self.form is None:
            return
        self._pressed = True
        self._changed()
        self.sending.send(self.session.lifted(self.form.form.to_call()))

    def reopen(self, exchange: Exchange) -> None:
        """Show an earlier exchange again, form and answer; nothing is sent."""
        self.show(exchange.operation, exchange.call)
        self.answer.show(exchange)
        self.status.say(f'Shown from the history; nothing was sent. In Python: api.history["{exchange.id}"]')

    # --- what happens -------------------------------------------------------------------------------------------------

    def _arrived(self, exchange: Exchange) -> None:
        stopped = exchange.failure is not None and exchange.failure.kind == "cancelled"  # no error: it was wished for
        words = "" if exchange.ok else f"{exchange.operation.id}: {exchange.status_text}."
        self.status.say(words, "warn" if stopped else "bad")
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
        self.where.variables.draw()
        self._redraw()
        self.status.say(f"The variable {name} is set: use it as {{{{{name}}}}} in any field.", "good")

    def _moved(self) -> None:
        if self.form is not None:
            self.options.show(self.form.form)
        self._changed()

    def _refill(self, full: bool) -> None:
        if self.form is not None:
            self.form.form.fill(True) if full else self.form.form.clear()
            self.assist.prefill(self.form.form)
            self._redraw()

    def _assembled(self) -> widgets.VBox:
        self._title = widgets.HTML(str(welcome(self.session)), layout=layout())
        self._place = widgets.VBox([], layout=layout())
        parts = [self.options.widget, self.sending.question.widget, self.actions.widget, self.details.widget]
        below = widgets.VBox(parts, layout=layout())
        self._below = classed(below, "anb-below", "anb-hidden")
        parts = [self._title, self._place, self._below, self.answer.widget, self.history.widget]
        work = classed(widgets.VBox(parts, layout=layout()), "anb-work")
        main = classed(widgets.HBox([self.operations.widget, work], layout=layout()), "anb-main")
        whole = [sheet(), *self.where.head, self.status.widget, *self.where.panels, main]
        return classed(widgets.VBox(whole, layout=layout()), "anb")


def _steps(path: str) -> list[str | int]:
    """A field's path as servers write it (`workerQueues[0].name`, `/a/0`), as steps."""
    parts = path.replace("[", ".").replace("]", "").replace("/", ".").strip("$.").split(".")
    return [int(p) if p.isdigit() else p for p in parts if p and p != "body"]
