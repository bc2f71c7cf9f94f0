"""What the explorer knows beside the form: values to offer, variables to fill in, secrets to keep, words to show."""

from __future__ import annotations

from typing import Any

from .. import html
from ..environment import Secret
from ..errors import AstroNbError
from ..fields import Field
from ..form import Form
from ..ops import draw_operation
from ..session import Session
from ..spec import Operation
from .inputs import Offer


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
        found = self._session.suggestions(field.name, 30, operation=operation.id, field=field)
        seen = [Offer(f"{s.label} · {s.reason}", s.value) for s in found]
        return [*seen, *(Offer(f"{{{{{name}}}}}", f"{{{{{name}}}}}") for name in self._session.variables)]

    def keep_secret(self, text: str, field: Field) -> str:
        """Hold a typed secret in memory, as a session variable; the template that stands for it."""
        name = field.name or "secret"
        self._session.variables.set(name, Secret.held(text, name), "typed in the explorer")
        return f"{{{{{name}}}}}"

    def becomes(self, value: Any) -> str:
        """What templates resolve to, secrets as stars; or why they do not."""
        try:
            return str(self._session.shown(value))
        except AstroNbError as error:
            return str(error)


def heading(operation: Operation) -> html.Markup:
    name = html.tag("strong", operation.id, style="font-size:1.15em")
    head = html.tag("div", html.method_pill(operation.method), " ", name, " ", html.code(operation.path))
    needs = f"Needs the permission {', '.join(operation.permissions)}." if operation.permissions else ""
    summary = html.tag(
        "div", operation.summary, ". " if operation.summary else "", html.quiet(needs), style="margin:4px 0"
    )
    warned = [html.tag("div", html.pill("document", "warn"), " ", text) for text in operation.warnings]
    return html.tag("div", head, summary, *warned, html.fold("Documentation", draw_operation(operation)))


def welcome(session: Session) -> html.Markup:
    title = html.tag("strong", f"{session.spec.title} {session.spec.version}", style="font-size:1.15em")
    return html.tag("div", title, html.tag("div", "Choose an operation, or search for one."))


def fallback(session: Session) -> html.Markup:
    """What a front end without widgets shows, and an exported notebook keeps."""
    title = html.tag("strong", f"{session.spec.title} {session.spec.version}")
    line = html.tag("div", f"{len(session.spec)} operations at {session.environment.base_url}")
    return html.tag(
        "div", title, line, html.quiet("The explorer needs a running kernel: run the cell again to open it.")
    )
