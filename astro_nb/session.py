"""Calls made: resolved, sent, and kept.

A session is what an environment, a document, variables, a client and a history are together. Python and the widgets
use this one way to send; whatever is sent, whatever comes of it, is in the history.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from .call import UNSET, Call
from .client import Client, Note, Plan, Running, new_id
from .environment import Environment, Secret, TokenFacts, Values, Variables, read_token
from .errors import PagesIncomplete, PickError, SecretMissing, UsageError, WaitFailed, WaitTimeout
from .exchange import Exchange
from .fields import arrange, body_field, lift, parameter_fields
from .frames import items_frame
from .history import History
from .message import Request
from .origin import Suggestion, suggest
from .paging import Paging, first_call, paging_of, read_page, skipped
from .snippets import SNIPPETS
from .spec import Operation, Spec
from .wire import build_request

if TYPE_CHECKING:
    from pandas import DataFrame

Progress = Callable[[float | None, str], None]
"""Told of long work: the fraction done (None where unknown), and words."""

Until = str | Callable[[Exchange], bool]


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
        self.trail: list[Exchange] = []
        self._fill_variables()

    def __repr__(self) -> str:
        return f"<Session {self.spec.title} at {self.environment.base_url}>"

    def switch(self, environment: Environment) -> None:
        """Go on in another environment; session variables stay, those of the old environment go."""
        self.environment = environment
        self._fill_variables()

    # --- the token ----------------------------------------------------------------------------------------------------

    def token_secret(self) -> Secret | None:
        """The secret that authenticates requests, or None where the environment has none."""
        schemes = (
            {s.name for op in self.spec for need in op.security for s in need} if len(self.spec) < 200 else {"token"}
        )
        return next((s for name in sorted(schemes) if (s := self.environment.secret_for(name))), None)

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

    # --- many calls ---------------------------------------------------------------------------------------------------

    def pages(self, operation: str, progress: Progress | None = None, **arguments: Any) -> Pages:
        """Every page of a list, read one after another.

        Raises:
            UsageError: the operation does not list anything.
        """
        found = self.spec.operation(operation)
        paging = paging_of(found)
        if paging is None:
            raise UsageError(f"{operation} does not answer a list.", "Use api.call for it.")
        call: Call | None = first_call(paging, self.arrange(operation, arguments))
        pages, via = Pages(found, paging), f"pages:{new_id()}"
        while call is not None:
            call = pages.add(call, self.send(call, via))
            if progress:
                progress(
                    len(pages) / pages.total if pages.total else None, f"{len(pages)} of {pages.total or '?'} items"
                )
        return pages

    def wait(
        self,
        operation: str,
        until: Until = "settled",
        timeout: float = 600.0,
        every: float | None = None,
        progress: Progress | None = None,
        **arguments: Any,
    ) -> Exchange:
        """Ask again and again until something is so.

        Args:
            operation: the operation that reads the state.
            until: "settled" (the overlay knows the states), the name of a state, or a predicate on the exchange.
            timeout: seconds, at the most.
            every: seconds between two requests; by default from 0.5 s, growing to 10 s.
            progress: told of each request.
            arguments: as for `call`.

        Raises:
            WaitTimeout: time ran out; the error tells the last state.
            WaitFailed: a terminal state, or an answer that will not change by waiting (401, 403, 404 …).
        """
        found = self.spec.operation(operation)
        call, reached = self.arrange(operation, arguments), condition(found, until)
        via, begun, pause = (
            f"wait:{new_id()}:{until if isinstance(until, str) else 'a predicate'}:{timeout}",
            time.monotonic(),
            0.5,
        )
        while True:
            exchange = self.send(call, via)
            spent = time.monotonic() - begun
            state = state_of(exchange)
            if progress:
                progress(min(spent / timeout, 1.0), f"{operation}: {state or exchange.status_text}, {spent:.0f} s")
            if reached(exchange):
                return exchange
            pause = every if every is not None else min(pause * 1.3, 10.0)
            if spent + pause > timeout:
                raise WaitTimeout(
                    f"{operation} did not come to {until if isinstance(until, str) else 'it'} in {timeout:.0f} s; "
                    f"the last state was {state or exchange.status_text}.",
                    "Look at the last answer, and wait longer if it still moves.",
                    last=state,
                    exchange=exchange,
                )
            time.sleep(pause)

    def _values(self, mode: Any) -> Values:
        return Values(self.variables, self.environment, self.spec.notes.get("token") or {}, mode)

    def _kept(self, plan: Plan, exchange: Exchange) -> Exchange:
        self.trail.append(exchange)
        return self.history.add(exchange, plan.secrets)


class Pages:
    """All pages of a list, with their provenance. Iterating gives the items; `frame()` gives a table."""

    def __init__(self, operation: Operation, paging: Paging) -> None:
        self.operation = operation
        self._paging = paging
        self.exchanges: list[Exchange] = []
        self.total: int | None = None
        self._rows: list[tuple[int, int, Any]] = []
        self._skipped = 0

    def __repr__(self) -> str:
        state = "" if self.complete else ", incomplete"
        return f"<Pages of {self.operation.id}: {len(self)} items on {len(self.exchanges)} pages{state}>"

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.items())

    @property
    def complete(self) -> bool:
        """Whether every page came."""
        return all(exchange.ok for exchange in self.exchanges)

    def items(self, partial: bool = False) -> list[Any]:
        """The items in order.

        Raises:
            PagesIncomplete: a page is missing, and `partial` is not set.
        """
        if not self.complete and not partial:
            failed = self.exchanges[-1]
            raise PagesIncomplete(
                f"Page {len(self.exchanges)} of {self.operation.id} did not come ({failed.status_text}); "
                f"{len(self)} of {self.total or 'unknown'} items are here.",
                "Ask again, or take what there is with partial=True.",
                exchange=failed,
            )
        return [item for _, _, item in self._rows]

    def frame(self, partial: bool = False) -> DataFrame:
        """The items as a DataFrame, indexed by page and position (both from 1), dtypes from the schema."""
        import pandas as pd  # imported at first use, as everywhere

        items = self.items(partial)
        first = self.exchanges[0] if self.exchanges else None
        frame = items_frame(items, first.item_field if first else None, first.lead if first else ())
        frame.index = pd.MultiIndex.from_tuples([(p, n) for p, n, _ in self._rows], names=["page", "position"])
        return frame

    def add(self, call: Call, exchange: Exchange) -> Call | None:
        """Take in one answer; the call for the next page, or None at the end or where a page did not come."""
        if not self.exchanges:
            self._skipped = skipped(self._paging, call)
        self.exchanges.append(exchange)
        if not exchange.ok:
            return None
        page = read_page(self._paging, call, exchange, self._skipped + len(self))
        self.total = page.total if page.total is not None else self.total
        number = len(self.exchanges)
        self._rows += [(number, position, item) for position, item in enumerate(page.items, 1)]
        return page.following


def condition(operation: Operation, until: Until) -> Callable[[Exchange], bool]:
    """What is waited for, as a predicate that raises WaitFailed when waiting has become pointless.

    Raises:
        UsageError: the document does not know what "settled" means for this operation.
    """
    note = operation.notes.get("settled")
    if until == "settled" and not note:
        raise UsageError(
            f"The overlay does not say when {operation.id} is settled.",
            "Give the name of a state, or a predicate: until=lambda response: …",
        )
    good = {until} if isinstance(until, str) and until != "settled" else set((note or {}).get("good", ()))
    bad = set((note or {}).get("bad", ())) - good

    def reached(exchange: Exchange) -> bool:
        state = state_of(exchange)
        hopeless = (
            exchange.status is not None and 400 <= exchange.status < 500 and exchange.status not in (408, 425, 429)
        )
        if (
            hopeless
            or (exchange.failure and exchange.failure.kind == "cancelled")
            or (state in bad and not callable(until))
        ):
            told = exchange.error.message if exchange.error else f"the state is {state}, {_reason(exchange)}"
            raise WaitFailed(f"Waiting ended: {told}.", "Mend that first.", state=state, exchange=exchange)
        return bool(until(exchange)) if callable(until) else exchange.ok and state in good

    return reached


def state_of(exchange: Exchange) -> str:
    """The state in an answer, where the overlay says it stands (else `status`); empty where there is none."""
    note = exchange.operation.notes.get("settled") or {}
    return _picked(exchange, str(note.get("state", "status")))


def _reason(exchange: Exchange) -> str:
    note = exchange.operation.notes.get("settled") or {}
    return _picked(exchange, str(note.get("reason", "statusReason"))) or "without a reason"


def _picked(exchange: Exchange, key: str) -> str:
    try:
        value = exchange[f"$.{key}"]
    except PickError:
        return ""
    return value if isinstance(value, str) else ""


def permissions(exchanges: Iterable[Exchange]) -> list[str]:
    """The permissions that a row of exchanges needed, each once, in order of first need."""
    return list(dict.fromkeys(p for exchange in exchanges for p in exchange.operation.permissions))
