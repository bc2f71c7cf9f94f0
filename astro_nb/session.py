"""Calls made: resolved, sent, and kept.

A session is what an environment, a document, variables, a client and a history are together. Python and the widgets
use this one way to send; whatever is sent, whatever comes of it, is in the history.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from .call import UNSET, Call
from .client import Client, Note, Plan, Running
from .environment import Environment, Secret, TokenFacts, Values, Variables, read_token
from .errors import SecretMissing
from .exchange import Exchange
from .fields import arrange, body_field, lift, parameter_fields
from .history import History
from .message import Request
from .origin import Suggestion, suggest
from .snippets import SNIPPETS
from .spec import Operation, Spec
from .wire import build_request


class Session:
    """One document, one environment, and everything that was sent there."""

    def __init__(
        self, spec: Spec, environment: Environment, variables: Variables, client: Client, history: History
    ) -> None:
        self.spec = spec
        self.environment = self.home = environment
        self.variables = variables
        self.client = client
        self.history = history
        self._sent: list[str] = []
        self._fill_variables()

    def __repr__(self) -> str:
        return f"<Session {self.spec.title} at {self.environment.base_url}>"

    @property
    def trail(self) -> list[Exchange]:
        """Everything that was sent in this session, oldest first."""
        return [self.history.get(key) for key in self._sent]

    def switch(self, environment: Environment) -> None:
        """Go on in another environment; session variables stay, those of the old environment go."""
        self.environment = environment
        self._fill_variables()

    # --- the token ----------------------------------------------------------------------------------------------------

    def token_secret(self) -> Secret | None:
        """The secret that authenticates requests, or None where the environment has none."""
        secrets = (self.environment.secret_for(name) for name in [*self.spec.scheme_names, "token"])
        return next((secret for secret in secrets if secret), None)

    def token_facts(self) -> TokenFacts | None:
        """What the token says of itself; None where there is none."""
        secret = self.token_secret()
        try:
            return read_token(secret.reveal(), self.spec.notes.get("token")) if secret else None
        except SecretMissing:
            return None

    def _fill_variables(self) -> None:
        self.variables.fill_scope("environment", self.environment.typed_variables(), self.environment.name)
        facts = self.token_facts() if "token" in self.spec.notes else None
        self.variables.fill_scope("token", facts.variables if facts else {}, "the token's claims")

    # --- one call -----------------------------------------------------------------------------------------------------

    def arrange(self, operation: str, arguments: Mapping[str, Any], body: Any = UNSET) -> Call:
        """The call that Python arguments mean; secrets among them become session variables.

        Raises:
            UnknownName, MissingArgument: as for `fields.arrange`.
        """
        return self.lifted(arrange(self.spec.operation(operation), arguments, body, self.variables))

    def lifted(self, call: Call) -> Call:
        """The call without literal secrets: each becomes a session variable, and the call holds its template."""
        operation = self.spec.operation(call.operation)
        fields = {f.name: f for f in parameter_fields(operation)}

        def keep(secret: Secret) -> str:
            return "{{" + self._secret_variable(secret, operation) + "}}"

        parameters = {k: lift(fields.get(k), v, keep) for k, v in call.parameters.items()}
        body = call.body if call.body is UNSET else lift(body_field(operation, call.media_type), call.body, keep)
        return replace(call, parameters=parameters, body=body)

    def _secret_variable(self, secret: Secret, operation: Operation) -> str:
        same = next((v.name for v in self.variables.entries() if v.value == secret), None)
        if same:
            return same
        base = secret.reference.partition(":")[2] or "secret"
        numbered = (base if n == 1 else f"{base}{n}" for n in itertools.count(1))
        name = next(name for name in numbered if name not in self.variables)
        self.variables.set(name, secret, f"typed for {operation.id}")
        return name

    def plan(self, call: Call, via: str = "call") -> Plan:
        """A call made ready to be sent.

        Raises:
            UsageError: a name or a value is missing.
            SettingsError: a secret is missing, expired, or not for this host.
        """
        operation = self.spec.operation(call.operation)
        revealed = self._values("revealed")
        request = build_request(operation, call, revealed)
        shown = build_request(operation, call, self._values("shown"))
        return Plan(operation, call, shown, request, frozenset(revealed.used), self.environment.name, via)

    def call(self, operation: str, *, body: Any = UNSET, **arguments: Any) -> Exchange:
        """Send one request and wait for what comes of it."""
        return self.send(self.arrange(operation, arguments, body))

    def send(self, call: Call, via: str = "call", note: Note | None = None) -> Exchange:
        """Send a call and keep what came of it, an interrupted one too."""
        plan = self.plan(call, via)
        try:
            return self._kept(plan, self.client.send(plan, note))
        except KeyboardInterrupt as stop:
            self._kept(plan, stop.exchange)  # type: ignore[attr-defined]  # the client tells what it had to leave
            raise

    def start(self, call: Call, done: Callable[[Exchange], None], note: Note | None = None) -> Running:
        """Send in the background; `done` gets the exchange, once it is kept, on the client's thread."""
        plan = self.plan(call)
        running = self.client.start(plan, note)
        running.when_done(lambda exchange: done(self._kept(plan, exchange)))
        return running

    def preview(self, call: Call) -> Request:
        """The request as it will be sent, secrets as stars; nothing is sent."""
        return build_request(self.spec.operation(call.operation), call, self._values("shown"))

    def shown(self, value: Any) -> Any:
        """A value with its templates resolved, secrets as stars.

        Raises:
            UnknownName: a variable does not exist.
        """
        return self._values("shown").fill(value)

    def snippet(self, kind: str, call: Call) -> str:
        """A call as code of that kind: complete, secrets as look-ups."""
        operation = self.spec.operation(call.operation)
        return SNIPPETS[kind](operation, call, build_request(operation, call, self._values("named")))

    def suggestions(self, name: str, most: int = 50) -> list[Suggestion]:
        """Values for a field of that name from what was answered in this session."""
        return suggest(name, self.history.recent(), most)

    def _values(self, mode: Any) -> Values:
        return Values(self.variables, self.environment, self.spec.notes.get("token") or {}, mode)

    def _kept(self, plan: Plan, exchange: Exchange) -> Exchange:
        self._sent.append(exchange.id)
        return self.history.add(exchange, plan.secrets)


def permissions(exchanges: Iterable[Exchange]) -> list[str]:
    """The permissions that a row of exchanges needed, each once, in order of first need."""
    return list(dict.fromkeys(p for exchange in exchanges for p in exchange.operation.permissions))
