"""The explorer: one widget to find, call and read an API."""

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
from .context_bar import ContextBar
from .form import FormView
from .inputs import SuggestedValue
from .lists import HistoryView, OperationsView
from .request import Actions, RequestOptions, RequestViews, Sender
from .response import ResponseView
from .widgets import Status, add_classes, close_tree, horizontal, html_widget, set_hidden, style_sheet, vertical

if TYPE_CHECKING:
    from ..sandbox import Sandbox, SandboxClient


class FormAssistant:
    """Fills forms of one session: variables, suggestions, secrets, previews of templates."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def fill_from_variables(self, form: Form) -> None:
        """Fill each empty required parameter with the variable of the same name, if there is one."""
        for field in form.parameters:
            at = ("parameters", field.name)
            if field.required and field.name in self._session.variables and not form.get(at):
                form.set(at, f"{{{{{field.name}}}}}")

    def offers(self, operation: Operation, field: Field) -> list[SuggestedValue]:
        """Suggest values for a field: from earlier responses, then the variables."""
        found = self._session.linking.suggestions(field.name, 30, operation=operation.id, field=field)
        seen = [SuggestedValue(f"{s.label} · {s.reason}", s.value) for s in found]
        return [*seen, *(SuggestedValue(f"{{{{{name}}}}}", f"{{{{{name}}}}}") for name in self._session.variables)]

    def keep_secret(self, text: str, field: Field) -> str:
        """Store a typed secret in memory as a session variable; return its template."""
        name = field.name or "secret"
        self._session.variables.set(name, Secret.in_memory(text, name), "typed in the explorer")
        return f"{{{{{name}}}}}"

    def preview_template(self, value: Any) -> str:
        """Resolve the templates in a value, secrets masked; or return why that fails."""
        try:
            return str(self._session.resolve(value))
        except AstroNbError as error:
            return str(error)


def operation_heading(operation: Operation) -> html.Markup:
    name = html.tag("strong", operation.id, style="font-size:1.15em")
    head = html.tag("div", html.method_pill(operation.method), " ", name, " ", html.code(operation.path_key))
    needs = f"Required permission: {', '.join(operation.permissions)}." if operation.permissions else ""
    summary = html.tag(
        "div", operation.summary, ". " if operation.summary else "", html.muted(needs), style="margin:4px 0"
    )
    warned = [html.tag("div", html.pill("document", "warn"), " ", text) for text in operation.warnings]
    return html.tag("div", head, summary, *warned, html.details("Documentation", operation_html(operation)))


def welcome_html(session: Session) -> html.Markup:
    title = html.tag("strong", f"{session.spec.title} {session.spec.version}", style="font-size:1.15em")
    return html.tag("div", title, html.tag("div", "Select an operation, or search for one."))


def static_summary(session: Session) -> html.Markup:
    """Static HTML for front ends without widgets and for exported notebooks."""
    title = html.tag("strong", f"{session.spec.title} {session.spec.version}")
    line = html.tag("div", f"{len(session.spec)} operations at {session.environment.base_url}")
    return html.tag(
        "div", title, line, html.muted("The explorer needs a running kernel. Run the cell again to open it.")
    )


class FormMemory:
    """Restores the last values of each operation's form.

    Values of this session take precedence over those of the history. A parameter value entered in one operation is
    reused by others that require a parameter of the same name.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._calls: dict[str, Call] = {}
        self._named: dict[str, Any] = {}

    def keep(self, form: Form) -> None:
        """Remember the values of a form before another replaces it."""
        call = form.draft()
        self._calls[form.operation.id] = call
        self._named |= {
            field.name: call.parameters[field.name] for field in form.parameters if field.name in call.parameters
        }

    def form(self, operation: Operation, call: Call | None = None) -> Form:
        """Build the form of an operation: with the given call, else with its last values."""
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
        """The last call sent to this server, in earlier sessions too."""
        found = self._session.history.latest(operation.id, self._session.environment.base_url or "")
        return found.call if found else None


class Explorer:
    """The explorer of an API: choose an operation, fill in its form, send, and read the response.

    Everything it does is one line of Python, and it shows that line.
    """

    def __init__(
        self, session: Session, sandbox: Sandbox | SandboxClient | None = None, operation: str | None = None
    ) -> None:
        self.session = session
        self.status = Status()
        self.assistant = FormAssistant(session)
        self.form: FormView | None = None
        self._send_clicked = False
        self.memory = FormMemory(session)
        self.context_bar = ContextBar(session, sandbox, self.status, self._on_environment_change, self._changed)
        self.operations = OperationsView(session.spec, self.status, self.show)
        fill, clear = partial(self._fill_or_clear, True), partial(self._fill_or_clear, False)
        self.actions = Actions(self.status, self.send, lambda: self.sending.cancel(), fill, clear)
        self.sending = Sender(session, self.status, self.actions, self._on_response)
        self.options = RequestOptions(session, self.status, self._changed)
        self.details = RequestViews(session, self.status, self._redraw_form)
        self.response = ResponseView(session, self.status, self._on_variable_saved)
        self.history = HistoryView(session, self.status, self.reopen)
        self.widget = self._build_widget()
        if operation:
            self.open(operation)

    def __repr__(self) -> str:
        return f"<Explorer of {self.session.spec.title}>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        bundle = self.widget._repr_mimebundle_(include=include, exclude=exclude) or {}
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        return {**data, "text/html": str(static_summary(self.session)), "text/plain": repr(self)}, metadata

    # --- what it can do -----------------------------------------------------------------------------------------------

    def open(self, operation: str) -> None:
        """Open the form of an operation, with its last values.

        Raises:
            UnknownName: there is no such operation.
        """
        self.show(self.session.spec.operation(operation))

    def show(self, operation: Operation, call: Call | None = None) -> None:
        """Show the form of an operation: with the given call, else with its last values."""
        if self.form is not None:
            self.memory.keep(self.form.form)
        form = self.memory.form(operation, call)
        self.assistant.fill_from_variables(form)
        self._show(form)

    def _show(self, form: Form) -> None:
        old, self._send_clicked = self.form, False
        offers = partial(self.assistant.offers, form.operation)
        self.form = FormView(form, self.status, offers, self.assistant.keep_secret, self._changed)
        self._place.children = (self.form.widget,)
        if old is not None:
            close_tree(old.widget)
        self._title.value = str(operation_heading(form.operation))
        self.options.show(form)
        self.operations.mark(form.operation)
        self.sending.confirmation.clear()
        set_hidden(self._below, False)
        self.status.show_message("")
        self._changed()

    def send(self) -> None:
        """Send the current form; a guarded environment asks before an unsafe request."""
        if self.form is None:
            return
        self._send_clicked = True
        self._changed()
        self.sending.send(self.form.form.to_call())

    def reopen(self, exchange: Exchange) -> None:
        """Show an earlier exchange again, form and response; nothing is sent."""
        self.show(exchange.operation, exchange.call)
        self.response.show(exchange)
        self.status.show_message(f'Shown from the history; nothing was sent. In Python: api.history["{exchange.id}"]')

    # --- what happens -------------------------------------------------------------------------------------------------

    def _on_response(self, exchange: Exchange) -> None:
        # a cancellation is not an error
        stopped = exchange.failure is not None and exchange.failure.kind == "cancelled"
        words = "" if exchange.ok else f"{exchange.operation.id}: {exchange.status_text}."
        self.status.show_message(words, "warn" if stopped else "bad")
        if exchange.ok and exchange.not_stored:
            self.status.show_message(f"Sent, but not in the history: {exchange.not_stored}", "warn")
        self.response.show(exchange)
        self._mark_server_errors(exchange)
        try:
            self.history.draw()
        except AstroNbError as error:
            self.status.show_message(
                f"{exchange.operation.id} was sent, but the history cannot be read: {error}", "warn"
            )

    def _mark_server_errors(self, exchange: Exchange) -> None:
        if self.form is not None and exchange.error and exchange.operation.id == self.form.form.operation.id:
            errors = exchange.error.field_errors
            messages = {("body", *_path_steps(error.field)): f"Server: {error.message}" for error in errors}
            self.form.mark(messages, self.assistant.preview_template)

    def _changed(self) -> None:
        """Mark problems and update the request views after every change."""
        if self.form is None:
            return
        problems = self.form.form.problems(self.session.resolve)
        if not self._send_clicked:  # an empty field is not an error before the first Send
            form = self.form.form
            problems = {at: t for at, t in problems.items() if form.get(at) is not UNSET or at in form.input_errors}
        elsewhere = self.form.mark(problems, self.assistant.preview_template)
        count = len(problems)
        self.actions.send.tooltip = _send_tooltip(count)
        message = next((f"{'.'.join(map(str, at[1:] or at))}: {text}" for at, text in elsewhere.items()), "")
        self.status.show_message(message, "warn")
        self.details.draw(self.form.form)

    def _redraw_form(self) -> None:
        if self.form is not None:
            self.form.draw()
            self._changed()

    def _on_variable_saved(self, name: str) -> None:
        self.context_bar.variables.draw()
        self._redraw_form()
        self.status.show_message(f"Saved as variable {name}: use it as {{{{{name}}}}} in any field.", "good")

    def _on_environment_change(self) -> None:
        if self.form is not None:
            self.options.show(self.form.form)
        self._changed()

    def _fill_or_clear(self, full: bool) -> None:
        if self.form is not None:
            self.form.form.fill(True) if full else self.form.form.clear()
            self.assistant.fill_from_variables(self.form.form)
            self._redraw_form()

    def _build_widget(self) -> widgets.VBox:
        self._title = html_widget(str(welcome_html(self.session)))
        self._place = vertical([])
        parts = [self.options.widget, self.sending.confirmation.widget, self.actions.widget, self.details.widget]
        below = vertical(parts)
        self._below = add_classes(below, "anb-below", "anb-hidden")
        parts = [self._title, self._place, self._below, self.response.widget, self.history.widget]
        work = vertical(parts, "anb-work")
        main = horizontal([self.operations.widget, work], "anb-main")
        whole = [style_sheet(), *self.context_bar.head, self.status.widget, *self.context_bar.panels, main]
        return vertical(whole, "anb")


def _send_tooltip(problems: int) -> str:
    if not problems:
        return "Send the request"
    return "Send although 1 field looks wrong" if problems == 1 else f"Send although {problems} fields look wrong"


def _path_steps(path: str) -> list[str | int]:
    """Split a field path as servers write it (`workerQueues[0].name`, `/a/0`) into steps."""
    parts = path.replace("[", ".").replace("]", "").replace("/", ".").strip("$.").split(".")
    return [int(p) if p.isdigit() else p for p in parts if p and p != "body"]
