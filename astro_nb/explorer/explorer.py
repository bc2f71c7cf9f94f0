"""What the explorer knows beside the form: values to offer, variables to fill in, secrets to keep, words to show.

What was filled in before: the last values of each operation, and the values of names.

The explorer: one widget in which an API is found, called and read.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from .. import html
from ..call import UNSET, Call
from ..errors import AstroNbError
from ..exchange import Exchange
from ..forms import Form
from ..openapi import Operation
from ..schema import Field, operation_html
from ..secrets import Secret
from ..session import Session
from .context_bar import Whereabouts
from .form import FormView
from .inputs import Offer
from .lists import HistoryView, OperationsView
from .request import Details, RequestOptions
from .response import AnswerView
from .sending import Actions, Sending
from .widgets import Status, classed, close_all, layout, set_hidden, sheet

if TYPE_CHECKING:
    from ..sandbox import Sandbox, SandboxClient


class Assist:
    """Help with one session's forms."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def prefill(self, form: Form) -> None:
        """A required parameter takes the variable of its name, where there is one."""
        for field in form.parameters:
            at = ("parameters", field.name)
            if field.required and field.name in self._session.variables and not form.get(at):
                form.set(at, f"{{{{{field.name}}}}}")

    def offers(self, operation: Operation, field: Field) -> list[Offer]:
        """Values that earlier answers hold for a field of an operation, then the variables."""
        found = self._session.linking.suggestions(field.name, 30, operation=operation.id, field=field)
        seen = [Offer(f"{s.label} · {s.reason}", s.value) for s in found]
        return [*seen, *(Offer(f"{{{{{name}}}}}", f"{{{{{name}}}}}") for name in self._session.variables)]

    def keep_secret(self, text: str, field: Field) -> str:
        """Hold a typed secret in memory, as a session variable; the template that stands for it."""
        name = field.name or "secret"
        self._session.variables.set(name, Secret.in_memory(text, name), "typed in the explorer")
        return f"{{{{{name}}}}}"

    def becomes(self, value: Any) -> str:
        """What templates resolve to, secrets as stars; or why they do not."""
        try:
            return str(self._session.resolve(value))
        except AstroNbError as error:
            return str(error)


def heading(operation: Operation) -> html.Markup:
    name = html.tag("strong", operation.id, style="font-size:1.15em")
    head = html.tag("div", html.method_pill(operation.method), " ", name, " ", html.code(operation.path))
    needs = f"Needs the permission {', '.join(operation.permissions)}." if operation.permissions else ""
    summary = html.tag(
        "div", operation.summary, ". " if operation.summary else "", html.muted(needs), style="margin:4px 0"
    )
    warned = [html.tag("div", html.pill("document", "warn"), " ", text) for text in operation.warnings]
    return html.tag("div", head, summary, *warned, html.details("Documentation", operation_html(operation)))


def welcome(session: Session) -> html.Markup:
    title = html.tag("strong", f"{session.spec.title} {session.spec.version}", style="font-size:1.15em")
    return html.tag("div", title, html.tag("div", "Choose an operation, or search for one."))


def fallback(session: Session) -> html.Markup:
    """What a front end without widgets shows, and an exported notebook keeps."""
    title = html.tag("strong", f"{session.spec.title} {session.spec.version}")
    line = html.tag("div", f"{len(session.spec)} operations at {session.environment.base_url}")
    return html.tag(
        "div", title, line, html.muted("The explorer needs a running kernel: run the cell again to open it.")
    )


class Memory:
    """Makes the form of an operation as it was left.

    The values of this session go before those of the history; what a parameter was given in one operation it keeps in
    the next that asks for it by that name.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._calls: dict[str, Call] = {}
        self._named: dict[str, Any] = {}

    def keep(self, form: Form) -> None:
        """Remember a form as it stands, before another takes its place."""
        call = form.to_call()
        self._calls[form.operation.id] = call
        self._named |= {
            field.name: call.parameters[field.name] for field in form.parameters if field.name in call.parameters
        }

    def form(self, operation: Operation, call: Call | None = None) -> Form:
        """The form of an operation: with the call given, else with the values it had last."""
        known = call or self._calls.get(operation.id) or self._sent(operation)
        form = Form(operation, known.media_type if known else None)
        if known:
            form.load_call(known)
        for field in form.parameters:
            at = ("parameters", field.name)
            if field.required and field.name in self._named and not call and form.get(at) is UNSET:
                form.set(at, self._named[field.name])
        return form

    def _sent(self, operation: Operation) -> Call | None:
        """The last call that was sent to this very server, in an earlier session too."""
        found = self._session.history.latest(operation.id, self._session.environment.base_url or "")
        return found.call if found else None


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
        self.sending.send(self.form.form.to_call())

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
        problems = self.form.form.problems(self.session.resolve)
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
