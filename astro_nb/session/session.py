"""Calls made ready for the eye: arranged, previewed, and written as code; nothing is sent.

Calls made: resolved, sent, and kept.

A session is what an environment, a document, variables, a client and a history are together. Python and the widgets
use this one way to send; whatever is sent, whatever comes of it, is in the history.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..approval import Approval, Change
from ..call import UNSET, Call
from ..codegen import SNIPPETS, without_file_contents
from ..environments import DynamicValues, Environment, Mode, Resolver, Variable, Variables
from ..errors import Stopped, UnknownName
from ..exchange import SINGLE_CALL, CallGroup, Exchange
from ..history import ExchangeList, History
from ..http import Client, OnAttempt, PreparedRequest, Running, rate_of
from ..linking import Chained, Chaining, Responses
from ..messages import Request, header
from ..openapi import Operation, Spec
from ..permissions import Privileges, needs_of_calls, needs_of_trail
from ..schema import build_call
from ..secrets import Secret
from ..serialization import build_request, build_request_pair
from .credentials import Authenticated, require_held
from .secrets import extract_secrets_from, mask_headers


class Prepared(Chained, Authenticated):
    """Calls of one document, in one environment."""

    def build_call(self, operation: str, arguments: Mapping[str, Any], body: Any = UNSET) -> Call:
        """The call that Python arguments mean; secrets among them become session variables.

        Raises:
            UnknownName, MissingArgument: as for `fields.build_call`.
        """
        return self.extract_secrets(build_call(self.spec.operation(operation), arguments, body, self.variables))

    def extract_secrets(self, call: Call) -> Call:
        """The call without literal secrets: each becomes a session variable, and the call holds its template."""
        return extract_secrets_from(self.spec.operation(call.operation), call, self.variables)

    def preview(self, call: Call) -> Request:
        """The request as it will be sent, secrets as stars; nothing is sent."""
        return mask_headers(build_request(self.spec.operation(call.operation), call, self._values("masked")))

    def shown(self, value: Any) -> Any:
        """A value with its templates resolved, secrets as stars.

        Raises:
            UnknownName: a variable does not exist.
        """
        return self._values("masked").resolve(value)

    def snippet(self, kind: str, call: Call) -> str:
        """A call as code of that kind: complete, secrets as look-ups."""
        if kind not in SNIPPETS:
            raise UnknownName("kind of snippet", kind, SNIPPETS)
        operation, named = self.spec.operation(call.operation), self._values("named", self.chain.showing(pending=None))
        return SNIPPETS[kind](operation, call, build_request(operation, without_file_contents(call), named))

    def _values(self, mode: Mode, answers: Responses | None = None, dynamic: DynamicValues | None = None) -> Resolver:
        known, again = answers or self.chain.showing(), dynamic.replay() if dynamic else DynamicValues()
        return Resolver(self.variables, self.effective_environment, mode, dynamic=again, response_value=known.value_of)


class Session(Prepared):
    """One document, one environment, and everything that was sent there."""

    def __init__(
        self, spec: Spec, environment: Environment, variables: Variables, client: Client, history: History
    ) -> None:
        super().__init__(spec, environment, variables)
        self.home = environment
        self.client = client
        self.history = history
        self.approval = Approval(lambda call: self.send(call, CallGroup("approval")))
        self.chain = Chaining(spec, variables, history, lambda: self.environment)
        self.on_attempt: OnAttempt | None = None  # told of each attempt at what is sent from a cell
        self.group_calls: dict[str, Call] = {}  # the calls that were asked for, by group id
        self._sent: list[str] = []
        variables.places = self.places
        self._aside: dict[tuple[str, str | None], list[Variable]] = {}  # secrets of other environments and servers

    def __repr__(self) -> str:
        return f"<Session {self.spec.title} at {self.environment.base_url}>"

    @property
    def exchanges(self) -> ExchangeList:
        """Everything that was sent in this session, oldest first; what the guard read is in the history alone."""
        return ExchangeList(tuple(self._sent), self.history.get)

    @property
    def trail(self) -> ExchangeList:
        """The same as `exchanges`: the last cell of a runbook recorded before the rename asks for it."""
        return self.exchanges

    def places(self) -> list[tuple[str, Any]]:
        """What may name variables: the environment's headers, then every call of this session, each with its data."""
        headers = [(f"header {name}", value) for name, value in self.environment.headers.items()]
        calls = [exchange.call for exchange in self.exchanges]
        return [*headers, *((call.operation, (call.parameters, call.body, call.headers)) for call in calls)]

    def switch(self, environment: Environment) -> None:
        """Go on in another environment: session variables stay, those of the old environment go.

        A secret that lies in memory alone (typed, or captured from an answer) stays behind, for it belongs to the hosts
        that it was given for; it is there again on the way back.
        """
        held = [v for v in self.variables.entries() if v.scope == "session" and _is_held(v.value)]
        self._aside[self._place] = held
        for variable in held:
            del self.variables[variable.name]
        self.environment = environment
        self._fill_variables()
        for variable in self._aside.pop(self._place, []):
            self.variables.set(variable.name, variable.value, variable.source)

    def privileges(self, operation: str | None = None) -> Privileges:
        """What the token needs for everything that was sent to this environment, or for one operation.

        Raises:
            UnknownName: there is no such operation.
        """
        sent = [
            e for e in self.exchanges if e.environment == self.environment.name and operation in (None, e.operation.id)
        ]
        if operation is not None and not sent:
            return self.privileges_for({operation: 0})
        return needs_of_trail(sent, self.token_facts(), self.bindings, self._since)

    def privileges_for(self, used: Mapping[str, int], told: Iterable[str] = ()) -> Privileges:
        """What the token needs for operations that are called so many times; nothing is sent."""
        return needs_of_calls(self.spec, used, self.token_facts(), self.bindings, told)

    # --- one call -----------------------------------------------------------------------------------------------------

    def prepare(self, call: Call, group: CallGroup = SINGLE_CALL, asking: tuple[str, ...] = ()) -> PreparedRequest:
        """A call made ready to be sent; what it refers to and is not there yet is called for it, where that is safe.

        Raises:
            UsageError: a name or a value is missing.
            SettingsError: a secret is missing, expired, or not for this host, or this is part of what began elsewhere.
        """
        operation = self.spec.operation(call.operation)
        answers = self.chain.sending(self._ask, asking)
        revealed = self._values("revealed", answers)
        try:
            request, shown = build_request_pair(
                operation,
                call,
                revealed,
                lambda: self._values("masked", self.chain.showing(answers), revealed.dynamic),
            )
        except BaseException as error:  # noqa: BLE001  # raised again, without the frames below
            raise error.with_traceback(None) from None  # they hold secrets in the clear
        secrets = frozenset(revealed.revealed | self._values_near(typed=True))  # no answer shows what was typed here
        own = revealed.grants and header(request.headers, "authorization")  # what the call itself says goes before
        grant = None if own or not revealed.grants else revealed.grants[0]
        require_held(self, self._place)  # last: whatever was read above was read in one place
        rate = rate_of(operation, (self.environment.name, self.environment.base_url or ""), self.environment.limits)
        return PreparedRequest(
            operation, call, mask_headers(shown), request, secrets, self.environment.name, group, grant, rate
        )

    def call(self, operation: str, /, *, body: Any = UNSET, **arguments: Any) -> Exchange:
        """Send one request and wait for what comes of it."""
        return self._send(self.build_call(operation, arguments, body), SINGLE_CALL, None)

    def send(self, call: Call, group: CallGroup = SINGLE_CALL, note: OnAttempt | None = None) -> Exchange:
        """Send a call and keep what came of it, an interrupted one too."""
        return self._send(self.extract_secrets(call), group, note)

    def start(
        self,
        call: Call,
        note: OnAttempt | None = None,
        confirmed: str | None = None,
        group: CallGroup = SINGLE_CALL,
    ) -> Running[Exchange]:
        """Send in the background; the result is the exchange, once it is kept.

        An unsafe call to a guarded environment is not asked about here: `confirmed` is the name of `change_of(call)`,
        as the user typed it. Where `change_of` was not looked at, it is now, and that takes as long as a request.

        Raises:
            UnsafeRefused: it is not confirmed; nothing was sent.
        """
        plan = self.prepare(self.extract_secrets(call), group)
        self.approval.require_confirmed(plan, self.environment, confirmed)
        return self.client.start(plan, note, lambda exchange: self._kept(plan, exchange))

    def pause(self, seconds: float) -> None:
        """Let time pass.

        Raises:
            Stopped: the work that waits here was cancelled.
        """
        self.client.pause(seconds)

    def change_of(self, call: Call) -> Change:
        """What a call would change; one safe request at the most is sent for it, and the call itself is not."""
        return self.approval.change_of(self.prepare(self.extract_secrets(call)), self.environment)

    def _ask(self, operation: Operation, asking: tuple[str, ...]) -> Exchange:
        """Call an operation for what its answer holds; its required parameters are variables."""
        return self._send(self.build_call(operation.id, {}), CallGroup("reference"), None, asking)

    def _send(self, call: Call, group: CallGroup, note: OnAttempt | None, asking: tuple[str, ...] = ()) -> Exchange:
        plan = self.prepare(call, group, asking)
        self.approval.require_approval(plan, self.environment)
        try:
            return self._kept(plan, self.client.send(plan, note or self.on_attempt))
        except (KeyboardInterrupt, Stopped) as stop:
            left = getattr(stop, "exchange", None)  # what the client had to leave, if it had begun
            if left is not None:
                self._kept(plan, left)
            raise

    def _kept(self, plan: PreparedRequest, exchange: Exchange) -> Exchange:
        kept = self.history.add(exchange, plan.secrets, self._values_near())
        if plan.group.kind != "approval":
            self._sent.append(kept.id)  # last: what stands in the trail is in the history
        return kept


def _is_held(value: Any) -> bool:
    return isinstance(value, Secret) and value.is_in_memory


def permissions(exchanges: Iterable[Exchange]) -> list[str]:
    """The permissions that a row of exchanges needed, each once, in order of first need."""
    return list(dict.fromkeys(p for exchange in exchanges for p in exchange.operation.permissions))
