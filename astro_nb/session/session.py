"""Calls that are resolved, sent and stored.

A session is a document, an environment with its credentials, variables, a client and a history. Python code and the
explorer send through it, so that every exchange is in the history, whatever its outcome.

Every call takes the same steps: `extract_secrets` moves literal secrets into variables, `prepare` resolves the call
into a request to send and a masked one to show, the approval is checked, and the client's exchange is stored.

`ConcurrentCalls` sends many calls at once, as many as the rate limit and the connections allow.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

from ..approval import Approval, Change
from ..call import UNSET, Call
from ..codegen import SNIPPETS, without_file_contents
from ..environments import DynamicValues, Environment, Environments, Mode, Resolver, Variable, Variables
from ..errors import AstroNbError, Stopped, UnknownName
from ..exchange import SINGLE_CALL, CallGroup, Exchange
from ..history import ExchangeList, History
from ..http import Client, OnAttempt, PreparedRequest, Running, rate_of
from ..linking import Linking, Responses
from ..messages import Request, header
from ..openapi import Operation, Spec
from ..permissions import Privileges, privileges_of_calls, privileges_of_exchanges
from ..schema import build_call
from ..secrets import Secret, redact_data
from ..serialization import build_request, build_request_pair
from .credentials import Credentials, Target
from .secrets import extract_secrets_from, mask_headers, session_secrets

MAX_PARALLEL = 16
"""Calls that are sent at the same time: enough for the usual rate limits if a response takes half a second."""

Key = TypeVar("Key", bound=Hashable)


class ConcurrentCalls(Generic[Key]):
    """Calls that are being sent in the background, each by a key. `next` returns the one that ends first.

    They are started on the thread that calls `start`, and have the approvals of its `with` blocks.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._running: dict[Key, Running[Exchange]] = {}
        self._ended: SimpleQueue[Key] = SimpleQueue()

    def __repr__(self) -> str:
        return f"<ConcurrentCalls, {len(self)} running>"

    def __len__(self) -> int:
        """The number of running calls."""
        return len(self._running)

    def start(self, key: Key, call: Call, group: CallGroup = SINGLE_CALL) -> None:
        """Send one more call.

        Raises:
            AstroNbError: as for `Session.start`; nothing was sent, and the other calls continue.
        """
        running = self._session.start(call, group=group)
        self._running[key] = running
        running.when_done(lambda _: self._ended.put(key))

    def next(self) -> tuple[Key, Exchange]:
        """Wait for the next call to end, and return its key and exchange."""
        key = self._ended.get()
        return key, self._running.pop(key).result()

    def cancel(self) -> None:
        """Cancel all running calls; `next` returns each of them as cancelled."""
        for running in list(self._running.values()):
            running.cancel()


def send_many(
    session: Session,
    calls: Iterable[tuple[Key, Call]],
    group: Callable[[Key], CallGroup],
    max_parallel: int = MAX_PARALLEL,
) -> Generator[tuple[Key, Exchange]]:
    """Send calls, several at the same time, and yield each key and exchange as it ends, whatever its outcome.

    When the generator is closed, the calls that are still running are cancelled, and stored as such.
    """
    concurrent: ConcurrentCalls[Key] = ConcurrentCalls(session)
    try:
        for key, call in calls:
            while len(concurrent) >= max_parallel:
                yield concurrent.next()
            concurrent.start(key, call, group(key))
        while len(concurrent):
            yield concurrent.next()
    finally:
        concurrent.cancel()
        while len(concurrent):
            with suppress(AstroNbError):  # a failure to store one must not hide the reason why the others end
                concurrent.next()


def open_session(
    spec: Spec, environment: Environment, variables: Variables, client: Client, history: History
) -> Session:
    """Return a session with its parts put together."""
    credentials = Credentials(spec, environment, variables)
    linking = Linking(spec, variables, history, lambda: credentials.environment)
    return Session(spec, credentials, variables, linking, client, history, Approval())


class Session:
    """One document, one environment at a time, and everything that was sent there.

    Attributes:
        environments: the environments of the folder that is current when the session is opened.
        spec, variables, client, history: the document, the variables, what sends, and what stores.
        credentials: the environment, and the credentials of requests.
        linking: values of responses for later requests.
        approval: the approvals of unsafe calls.
        initial_environment: the environment that the session was opened with.
        on_attempt: called with each attempt of a call that the caller waits for; None for no report.
        group_calls: the call that a group of requests was made for, by the group's id, where no request is that call.
    """

    def __init__(
        self,
        spec: Spec,
        credentials: Credentials,
        variables: Variables,
        linking: Linking,
        client: Client,
        history: History,
        approval: Approval,
    ) -> None:
        self.spec = spec
        self.credentials = credentials
        self.variables = variables
        self.linking = linking
        self.client = client
        self.history = history
        self.approval = approval
        self.initial_environment = credentials.environment
        self.environments = Environments()
        self.on_attempt: OnAttempt | None = None
        self.group_calls: dict[str, Call] = {}
        self._sent: list[str] = []
        self._stashed_secrets: dict[Target, list[Variable]] = {}  # variables that were left in other environments
        variables.places = self._templates_in_use

    def __repr__(self) -> str:
        return f"<Session {self.spec.title} at {self.environment.base_url}>"

    @property
    def exchanges(self) -> ExchangeList:
        """Everything that was sent in this session, oldest first, but for requests that only asked for approval."""
        return ExchangeList(tuple(self._sent), self.history.get)

    @property
    def trail(self) -> ExchangeList:
        """The same as `exchanges`: runbooks recorded before 0.2 read it in their last cell."""
        return self.exchanges

    # --- the environment ----------------------------------------------------------------------------------------------

    @property
    def environment(self) -> Environment:
        """The environment that requests are sent to."""
        return self.credentials.environment

    @property
    def effective_environment(self) -> Environment:
        """The environment with the credentials that were pasted for it."""
        return self.credentials.effective_environment

    def switch(self, environment: Environment) -> None:
        """Use another environment. Session variables stay; the variables of the old environment are removed.

        A variable with a secret in memory (typed, or captured from a response) is stashed, because the secret belongs
        to the hosts that it was given for. It is back when you switch back.
        """
        secrets = [v for v in self.variables.entries() if v.scope == "session" and _is_secret_in_memory(v.value)]
        self._stashed_secrets[self.credentials.target] = secrets
        for variable in secrets:
            del self.variables[variable.name]
        self.credentials.switch(environment)
        for variable in self._stashed_secrets.pop(self.credentials.target, []):
            self.variables.set(variable.name, variable.value, variable.provenance or variable.source)

    def pin_environment(self) -> AbstractContextManager[None]:
        """Within this block, sending raises if somebody switched the environment in the meantime."""
        return self.credentials.pin_environment()

    # --- without sending ----------------------------------------------------------------------------------------------

    def build_call(self, operation: str, arguments: Mapping[str, Any], body: Any = UNSET) -> Call:
        """Return the call for Python arguments, with secrets among them moved into session variables.

        Raises:
            UnknownName, MissingArgument: as for `schema.build_call`.
        """
        return self.extract_secrets(build_call(self.spec.operation(operation), arguments, body, self.variables))

    def extract_secrets(self, call: Call) -> Call:
        """Return the call without literal secrets: each is moved into a session variable, and replaced by its name.

        What it returns can be previewed, prepared and sent without being searched again.
        """
        return extract_secrets_from(self.spec.operation(call.operation), call, self.variables)

    def redact(self, data: Any) -> Any:
        """Return nested data without the secrets of this session, to be stored or shown outside of an exchange."""
        known = session_secrets(self.variables, self.effective_environment)
        return redact_data(data, known.values.values())

    def preview(self, call: Call) -> Request:
        """Return the request that a call would send, secrets masked."""
        return mask_headers(build_request(self.spec.operation(call.operation), call, self._resolver("masked")))

    def resolve(self, value: Any) -> Any:
        """Return a value with its templates resolved, secrets masked.

        Raises:
            UnknownName: a variable does not exist.
        """
        return self._resolver("masked").resolve(value)

    def snippet(self, snippet_kind: str, call: Call) -> str:
        """Return a call as code, with look-ups in place of secrets.

        Args:
            snippet_kind: a key of `codegen.SNIPPETS`: "python", "curl" …
            call: the call.

        Raises:
            UnknownName: there is no such kind of snippet, or no such variable.
        """
        if snippet_kind not in SNIPPETS:
            raise UnknownName("kind of snippet", snippet_kind, SNIPPETS)
        operation = self.spec.operation(call.operation)
        resolver = self._resolver("named", self.linking.responses_to_show(pending=None))
        return SNIPPETS[snippet_kind](operation, call, build_request(operation, without_file_contents(call), resolver))

    def privileges(self, operation: str | None = None) -> Privileges:
        """Return what the token needs for everything that was sent to this environment, or for one operation.

        Raises:
            UnknownName: there is no such operation.
        """
        here = self.environment.name
        sent = [e for e in self.exchanges if e.environment == here and operation in (None, e.operation.id)]
        if operation is not None and not sent:
            return self.privileges_of_calls({operation: 0})
        credentials = self.credentials
        return privileges_of_exchanges(sent, credentials.token_facts(), credentials.token_variables, credentials.since)

    def privileges_of_calls(self, counts: Mapping[str, int], notes: Iterable[str] = ()) -> Privileges:
        """Return what the token needs for operations, given how many times each is called."""
        facts, variables = self.credentials.token_facts(), self.credentials.token_variables
        return privileges_of_calls(self.spec, counts, facts, variables, notes)

    # --- sending ------------------------------------------------------------------------------------------------------

    def prepare(self, call: Call, group: CallGroup = SINGLE_CALL, asking: tuple[str, ...] = ()) -> PreparedRequest:
        """Return a call resolved into a request. Safe operations that it refers to are called first, if necessary.

        Args:
            call: a call without literal secrets.
            group: what it is sent for.
            asking: the operations that are being called for references already.

        Raises:
            UsageError: a name or a value is missing.
            SettingsError: a secret is missing, expired, or not for this host, or the environment was switched.
        """
        operation = self.spec.operation(call.operation)
        responses = self.linking.responses_to_send(self._call_for_reference, asking)
        resolver = self._resolver("revealed", responses)
        try:
            request, masked = build_request_pair(
                operation,
                call,
                resolver,
                lambda: self._resolver("masked", self.linking.responses_to_show(responses), resolver.dynamic),
            )
        except BaseException as error:  # noqa: BLE001  # raised again, without frames that hold secrets in the clear
            raise error.with_traceback(None) from None
        secrets = frozenset(resolver.revealed | self.credentials.secret_values(typed_only=True))
        has_own = resolver.grants and header(request.headers, "authorization")  # a header of the call takes precedence
        grant = None if has_own or not resolver.grants else resolver.grants[0]
        self.credentials.require_pinned()  # last: everything above was read from one environment
        environment = self.environment
        rate = rate_of(operation, (environment.name, environment.base_url or ""), environment.limits)
        return PreparedRequest(
            operation=operation,
            call=replace(call),  # not marked: whoever gets it from the exchange may alter its body in place
            shown=mask_headers(masked),
            request=request,
            secrets=secrets,
            environment=environment.name,
            group=group,
            grant=grant,
            rate=rate,
            provenance=resolver.provenance,
        )

    def call(self, operation: str, body: Any = UNSET, /, **arguments: Any) -> Exchange:
        """Send one request and return its exchange; `body` is a body given whole."""
        return self._send(self.build_call(operation, arguments, body), SINGLE_CALL, None)

    def send(self, call: Call, group: CallGroup = SINGLE_CALL, on_attempt: OnAttempt | None = None) -> Exchange:
        """Send a call and return its exchange. An interrupted one is stored, too."""
        return self._send(self.extract_secrets(call), group, on_attempt)

    def start(
        self,
        call: Call,
        on_attempt: OnAttempt | None = None,
        confirmed: str | None = None,
        group: CallGroup = SINGLE_CALL,
    ) -> Running[Exchange]:
        """Send a call in the background. The result is the exchange, once it is stored.

        Args:
            call: the call.
            on_attempt: called with each attempt.
            confirmed: what the user typed to approve the call: the name of `preview_change(call)`. If that was not
                called, the state of the resource is read now, which takes as long as a request.
            group: what it is sent for.

        Raises:
            UnsafeRefused: the call needs approval, and is not confirmed; nothing was sent.
        """
        prepared = self.prepare(self.extract_secrets(call), group)
        self.approval.require_confirmed(prepared, self.environment, confirmed, self._read_for_approval)
        return self.client.start(prepared, on_attempt, lambda exchange: self._store(prepared, exchange))

    def pause(self, seconds: float) -> None:
        """Wait.

        Raises:
            Stopped: the work that waits was cancelled.
        """
        self.client.pause(seconds)

    # --- approval -----------------------------------------------------------------------------------------------------

    def preview_change(self, call: Call) -> Change:
        """Return what a call would change. One safe request is sent at the most, and the call itself is not."""
        prepared = self.prepare(self.extract_secrets(call))
        return self.approval.preview_change(prepared, self.environment, self._read_for_approval)

    def require_approval(self, prepared: PreparedRequest) -> None:
        """Ask the user before an unsafe call, if the environment requires approval.

        Raises:
            UnsafeRefused: the user did not confirm it, or cannot be asked; nothing was sent.
        """
        self.approval.require_approval(prepared, self.environment, self._read_for_approval)

    def approve_many(
        self, prepared: Sequence[PreparedRequest], calls: int, remaining: int
    ) -> AbstractContextManager[None]:
        """Ask the user once for many calls of one operation, and approve them within this block.

        Args:
            prepared: the first of the calls.
            calls, remaining: how many there are, and how many of them are not sent yet.

        Raises:
            UnsafeRefused: as for `require_approval`.
        """
        return self.approval.approve_many(prepared, calls, remaining, self.environment, self._read_for_approval)

    def _read_for_approval(self, call: Call) -> Exchange:
        return self.send(call, CallGroup("approval"))

    # --- steps --------------------------------------------------------------------------------------------------------

    def _send(
        self, call: Call, group: CallGroup, on_attempt: OnAttempt | None, asking: tuple[str, ...] = ()
    ) -> Exchange:
        prepared = self.prepare(call, group, asking)
        self.require_approval(prepared)
        try:
            return self._store(prepared, self.client.send(prepared, on_attempt or self.on_attempt))
        except (KeyboardInterrupt, Stopped) as stop:
            interrupted = getattr(stop, "exchange", None)  # set by the client if the request had been sent
            if interrupted is not None:
                self._store(prepared, interrupted)
            raise

    def _store(self, prepared: PreparedRequest, exchange: Exchange) -> Exchange:
        further = (value for value in self.credentials.secret_values())  # read by `add`, which loses no exchange
        try:
            return self.history.add(exchange, prepared.secrets, further)
        finally:  # also after an interrupt; last: the history has what is in `exchanges`, or holds it in memory
            if prepared.group.kind != "approval":
                self._sent.append(exchange.id)

    def _call_for_reference(self, operation: Operation, asking: tuple[str, ...]) -> Exchange:
        """Call an operation for a value of its response; its required parameters are variables."""
        return self._send(self.build_call(operation.id, {}), CallGroup("reference"), None, asking)

    def _resolver(
        self, mode: Mode, responses: Responses | None = None, dynamic: DynamicValues | None = None
    ) -> Resolver:
        known = responses or self.linking.responses_to_show()
        again = dynamic.replay() if dynamic else DynamicValues()
        return Resolver(self.variables, self.effective_environment, mode, dynamic=again, response_value=known.value_of)

    def _templates_in_use(self) -> Iterator[tuple[str, Any]]:
        """Yield what may contain templates: the environment's headers and every call of this session, by name."""
        yield from ((f"header {name}", value) for name, value in self.environment.headers.items())
        for exchange in self.exchanges:
            call = exchange.call
            yield call.operation, (call.parameters, call.body, call.headers)


def _is_secret_in_memory(value: Any) -> bool:
    return isinstance(value, Secret) and value.is_in_memory
