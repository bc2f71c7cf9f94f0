"""What was filled in before: the last values of each operation, and the values of names."""

from __future__ import annotations

from typing import Any

from ..call import UNSET, Call
from ..form import Form
from ..session import Session
from ..spec import Operation


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
            form.take(known)
        for field in form.parameters:
            at = ("parameters", field.name)
            if field.required and field.name in self._named and not call and form.get(at) is UNSET:
                form.set(at, self._named[field.name])
        return form

    def _sent(self, operation: Operation) -> Call | None:
        """The last call that was sent to this very server, in an earlier session too."""
        found = self._session.history.latest(operation.id, self._session.environment.base_url or "")
        return found.call if found else None
