"""Where a variable's value was taken from: an answer, told by the very object that was picked, not by its looks.

One answer feeding the next request: values offered, referred to, kept with their provenance, and traced.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from ..data import leaves
from ..environments import Environment, Variable, Variables
from ..errors import MissingArgument, UnknownName, UsageError
from ..exchange import Exchange
from ..jsonpath import to_path
from ..openapi import Operation, Spec
from ..schema import Field, body_fields, parameter_fields
from ..secrets import Secret
from .producers import producers, producers_of
from .response_references import PENDING, Responses, value_at
from .suggestions import Suggestion, suggest

_MOST_LEAVES = 1000
_WRITTEN = re.compile(r"(?s)(\S+) (\$.*) \(exchange (\S+), (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) UTC\)")


@dataclass(frozen=True)
class Provenance:
    """A place in an answer. Its text is a variable's `source`; `Provenance.read` is the inverse.

    >>> text = str(Provenance("ListDeployments", "$.deployments[0].id", "0006-1", datetime(2026, 6, 1, tzinfo=UTC)))
    >>> text
    'ListDeployments $.deployments[0].id (exchange 0006-1, 2026-06-01 00:00:00 UTC)'
    >>> Provenance.read(text).path
    '$.deployments[0].id'
    """

    operation: str
    path: str
    exchange_id: str
    when: datetime

    @classmethod
    def of(cls, exchange: Exchange, path: str) -> Provenance:
        """The provenance of what stands at a path of an answer."""
        return cls(exchange.operation.id, path, exchange.id, exchange.started.astimezone(UTC).replace(microsecond=0))

    @classmethod
    def read(cls, source: str) -> Provenance | None:
        """What a variable's source tells; None where it came from no answer."""
        found = _WRITTEN.fullmatch(source)
        if found is None:
            return None
        when = datetime.strptime(found[4], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
        return cls(found[1].replace("%20", " "), found[2], found[3], when)

    def __str__(self) -> str:
        name = re.sub(r"\s", "%20", self.operation)
        return f"{name} {self.path} (exchange {self.exchange_id}, {self.when:%Y-%m-%d %H:%M:%S} UTC)"


def provenance_of(value: Any, exchanges: Iterable[Exchange]) -> Provenance | None:
    """Where a value was picked, by `response["$…"]` or out of what that gave; None where it was not.

    The object itself is looked for: a text that is merely equal was typed by somebody, or came from elsewhere.
    """
    if not _is_unique(value):
        return None
    for exchange in exchanges:
        for held, path in reversed(exchange.picked):
            inner = next((at for at, found in _parts(held) if found is value), None)
            if inner is not None:
                return Provenance.of(exchange, path + inner if inner else path)
    return None


def _is_unique(value: Any) -> bool:
    """Whether Python makes a new object for each such value; of small numbers, short texts and constants it has one."""
    if value is None or isinstance(value, bool):
        return False
    if isinstance(value, int):
        return not -6 < value < 257
    return len(value) > 1 if isinstance(value, str) else True


def _parts(held: Any) -> Iterator[tuple[str, Any]]:
    yield "", held
    if isinstance(held, dict | list):
        for location, leaf in leaves(held, _MOST_LEAVES):
            yield to_path(location)[1:], leaf


_MOST = 500  # exchanges of this session that are looked at
_MOST_KEPT = 50  # entries of the history that are read for an earlier answer


class Answered(Protocol):
    """What chaining needs of a history."""

    def recent(self, most: int = ...) -> list[Exchange]: ...

    def rows(self, search: str = ..., most: int = ...) -> list[dict[str, Any]]: ...

    def get(self, key: str) -> Exchange: ...


class Linking:
    """What the answers of a session give to its next requests. Variables that are set tell where they came from.

    Args:
        spec, variables, history: the session's.
        environment: the session's, as it is when it is asked for.
    """

    def __init__(
        self, spec: Spec, variables: Variables, history: Answered, environment: Callable[[], Environment]
    ) -> None:
        self._spec, self._variables, self._history, self._environment = spec, variables, history, environment
        variables.provenance = self.source_of
        variables.hint = self.hint

    # --- what earlier answers hold ------------------------------------------------------------------------------------

    def suggestions(
        self,
        name: str,
        most: int = 50,
        *,
        operation: str | None = None,
        field: Field | None = None,
        everywhere: bool = False,
    ) -> list[Suggestion]:
        """Return values for a field from the responses in this environment, those of its producers first.

        Args:
            name: the name of a parameter, or of a field of a body.
            most: how many values.
            operation: the operation that has the parameter or field.
            field: its description; by default the operation's.
            everywhere: whether the responses of other environments count, too.
        """
        seen = self._history.recent() if everywhere else [e for e in self._history.recent() if self.is_here(e)]
        asked = self._spec.operation(operation) if operation else None
        sources = producers(asked, name) if asked else producers_of(self._spec, name)
        return suggest(name, seen, most, sources, field or (_field_of(asked, name) if asked else None))

    def is_here(self, exchange: Exchange) -> bool:
        """Whether an exchange was in the environment of now, with its server or the one that the operation names."""
        environment = self._environment()
        if exchange.environment != environment.name:
            return False
        return bool(exchange.operation.servers) or _is_below(exchange.request.url, environment.base_url or "")

    def latest(self, operation: Operation) -> Exchange | None:
        """The latest good answer of an operation: of this session and environment, else of the history, same server."""
        recent = (e for e in self._history.recent(_MOST) if e.operation.id == operation.id and e.ok)
        here = next(filter(self.is_here, recent), None)
        return here or next(self._kept(operation), None)

    def _kept(self, operation: Operation) -> Any:
        base = self._environment().base_url
        for row in self._history.rows(operation.id, _MOST_KEPT) if base else ():
            if row["operation"] == operation.id and row["ok"]:
                exchange = self._history.get(row["id"])
                if _is_below(exchange.request.url, base or ""):
                    yield exchange

    # --- templates ----------------------------------------------------------------------------------------------------

    def sending(self, ask: Callable[[Operation, tuple[str, ...]], Exchange], asking: tuple[str, ...]) -> Responses:
        """What a request refers to that is about to be sent; what is safe is called for it.

        Args:
            ask: calls an operation; it is told which ones are being called already.
            asking: those.
        """

        def called(operation: Operation) -> Exchange:
            if operation.id in asking:
                way = " → ".join([*asking, operation.id])
                raise UsageError(f"Answers refer to each other in a circle: {way}.", "Give one of them a plain value.")
            try:
                return ask(operation, (*asking, operation.id))
            except (MissingArgument, UnknownName) as error:
                what = f"{operation.id} would have to be called for a value of its answer: {error.what}"
                raise KeyError(UsageError(what, error.todo)) from error

        return Responses(self._spec, self.latest, called)

    def showing(self, sent: Responses | None = None, pending: str | None = PENDING) -> Responses:
        """What a request refers to that is only shown: nothing is sent, and what was `sent` is shown as it was."""
        return Responses(self._spec, self.latest, None, pending, dict(sent.taken) if sent else {})

    # --- variables ----------------------------------------------------------------------------------------------------

    def keep(self, exchange: Exchange, path: str, as_: str, secret: bool = False) -> Variable:
        """Set a variable to a value of a response, with its provenance. A secret stays one, and is not shown.

        Args:
            exchange: the exchange of the response.
            path: the JSONPath of the value; of several matches the first.
            as_: the name of the variable.
            secret: whether it is a secret, even if the document does not say so.
        """
        try:
            value = value_at(exchange, path)
        except KeyError as error:
            raise error.args[0] from None
        if secret and not isinstance(value, Secret):
            if isinstance(value, bool) or not isinstance(value, str | int | float):
                raise UsageError(f"{path} holds no scalar, so it cannot be one secret.", "Pick the secret itself.")
            value = Secret.in_memory(value, as_)
        self._variables.set(as_, value, str(Provenance.of(exchange, path)))
        return self._variables.all(as_)[0]

    def source_of(self, value: Any) -> str:
        """Where a value that was picked out of an answer stood; empty where it was not."""
        found = provenance_of(value, self._history.recent(_MOST))
        return str(found) if found else ""

    def hint(self, name: str) -> str:
        """Where a variable that does not exist could come from, in a sentence; empty where nobody knows."""
        first = next(iter(producers_of(self._spec, name)), None)
        if first is None:
            return ""
        path, called = first.path.replace("[*]", "[0]"), f'api.call("{first.operation.id}"'
        more = "" if first.operation.is_safe else ", …"
        return f'{first.operation.id} answers it: api.variables["{name}"] = {called}{more})["{path}"]'


def _field_of(operation: Operation, name: str) -> Field | None:
    return next((f for f in (*parameter_fields(operation), *body_fields(operation)) if f.name == name), None)


def _is_below(url: str, base: str) -> bool:
    """Whether an address is one of a server: its base, and not one that merely begins like it."""
    return not base or url == base or url.startswith((base.rstrip("/") + "/", base + "?"))
