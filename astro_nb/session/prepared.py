"""Calls made ready for the eye: arranged, previewed, and written as code; nothing is sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..call import UNSET, Call
from ..chaining import Chained
from ..environment import Drawn, Mode, Values
from ..errors import UnknownName
from ..fields import arrange
from ..lifting import lift_call, starred
from ..message import Request
from ..responses import Responses
from ..snippets import SNIPPETS, by_name
from ..wire import build_request
from .authenticated import Authenticated


class Prepared(Chained, Authenticated):
    """Calls of one document, in one environment."""

    def arrange(self, operation: str, arguments: Mapping[str, Any], body: Any = UNSET) -> Call:
        """The call that Python arguments mean; secrets among them become session variables.

        Raises:
            UnknownName, MissingArgument: as for `fields.arrange`.
        """
        return self.lifted(arrange(self.spec.operation(operation), arguments, body, self.variables))

    def lifted(self, call: Call) -> Call:
        """The call without literal secrets: each becomes a session variable, and the call holds its template."""
        return lift_call(self.spec.operation(call.operation), call, self.variables)

    def preview(self, call: Call) -> Request:
        """The request as it will be sent, secrets as stars; nothing is sent."""
        return starred(build_request(self.spec.operation(call.operation), call, self._values("shown")))

    def shown(self, value: Any) -> Any:
        """A value with its templates resolved, secrets as stars.

        Raises:
            UnknownName: a variable does not exist.
        """
        return self._values("shown").fill(value)

    def snippet(self, kind: str, call: Call) -> str:
        """A call as code of that kind: complete, secrets as look-ups."""
        if kind not in SNIPPETS:
            raise UnknownName("kind of snippet", kind, SNIPPETS)
        operation, named = self.spec.operation(call.operation), self._values("named", self.chain.showing(pending=None))
        return SNIPPETS[kind](operation, call, build_request(operation, by_name(call), named))

    def _values(self, mode: Mode, answers: Responses | None = None, drawn: Drawn | None = None) -> Values:
        known, again = answers or self.chain.showing(), drawn.again() if drawn else Drawn()
        return Values(self.variables, self.acting, mode, drawn=again, answer=known.value_of)
