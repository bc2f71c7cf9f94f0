"""Link requests to earlier responses: suggest values, resolve references, and keep values as variables."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from functools import cache
from operator import attrgetter
from typing import Any, Protocol

from ..data import FoundObject, get_value, leaves
from ..environments import Environment, Provenance, Variable, Variables
from ..errors import MissingArgument, UnknownName, UsageError
from ..exchange import Exchange
from ..json_text import Number
from ..jsonpath import find_each, to_path
from ..messages import is_under_base_url
from ..openapi import Operation, Spec, id_field, label_of
from ..schema import Field, body_fields, parameter_fields
from ..schema.validation import is_valid
from ..secrets import MASK, Secret
from .producers import USABLE, Producer, producers, producers_of
from .response_objects import Words, is_kind_of, parse_name, split_words
from .response_references import PENDING, Responses, value_at

_MAX_VALUES = 10_000  # of all responses together that are looked at for one field, the newest first


@dataclass(frozen=True)
class Suggestion:
    """A value from a response: its label, the reason to suggest it, and its exchange and JSONPath."""

    value: Any
    label: str
    reason: str
    exchange_id: str
    path: str


def suggest(
    name: str,
    exchanges: Iterable[Exchange],
    most: int = 50,
    sources: Iterable[Producer] = (),
    field: Field | None = None,
) -> list[Suggestion]:
    """Return the values for a field of that name from earlier responses, each value once.

    First come those that a producer returns, in the order of the exchanges. Then come those of the same name: for a
    field `deploymentId` any `deploymentId`, and the `id` of whatever is a deployment.

    Args:
        name: the name of the parameter or field.
        exchanges: where to look, the newest first.
        most: how many values.
        sources: the producers of the field.
        field: its description, if known: then a value has to match its kind, its choices and its format.
    """
    exchanges, wanted = list(exchanges), _item_or_self(field)
    paths: dict[str, list[str]] = {}
    for producer in sources:
        if producer.score >= USABLE:
            paths.setdefault(producer.operation.id, []).append(producer.path)
    produced = (s for exchange in exchanges for s in _suggest_at(exchange, paths.get(exchange.operation.id, ())))
    named = (s for exchange in exchanges for s in _suggest_by_name(name, exchange))
    found: dict[Any, Suggestion] = {}
    for suggestion in itertools.islice(itertools.chain(produced, named), _MAX_VALUES):
        if wanted is None or _accepts(wanted, suggestion.value):
            found.setdefault(suggestion.value, suggestion)
        if len(found) >= most:
            break
    return list(found.values())


def _item_or_self(field: Field | None) -> Field | None:
    return field.item if field is not None and field.kind == "array" else field


def _accepts(field: Field, value: Any) -> bool:
    """Whether a field takes a value; a text field takes a number, written out."""
    return is_valid(field, value) or (field.kind == "text" and isinstance(value, int) and is_valid(field, str(value)))


def _is_usable(value: Any) -> bool:
    return isinstance(value, str | int) and not isinstance(value, bool) and value not in ("", MASK)


def _has_json(exchange: Exchange) -> bool:
    return bool(exchange.ok and exchange.response and exchange.response.is_json)


def _suggest_at(exchange: Exchange, paths: Sequence[str]) -> Iterator[Suggestion]:
    """Yield what a response has at the paths of its producer."""
    if not paths or not _has_json(exchange):
        return
    for path in paths:
        for location, value in find_each(exchange.json(), path):
            if _is_usable(value):
                parent = get_value(exchange.json(), location[:-1]) if location else None
                label = _label(parent, exchange.operation) if isinstance(parent, Mapping) else ""
                reason = f"from {exchange.operation.id}"
                yield Suggestion(value, label or str(value), reason, exchange.id, to_path(location))


def _suggest_by_name(name: str, exchange: Exchange) -> Iterator[Suggestion]:
    """Yield what the objects of a response offer for a name."""
    if not _has_json(exchange):
        return
    parsed = parse_name(name)
    resource = parsed.resources[0] if parsed.resources and parsed.key == "id" else ()
    own_key = id_field(exchange.operation)
    index, is_resource = exchange.objects_by_name, _resource_test(exchange, resource)
    own = [found for found in index.get(own_key, ()) if is_resource(found)] if resource else []
    numbers = {found.number for found in own}
    for found, _ in itertools.groupby(heapq.merge(own, index.get(name, ()), key=attrgetter("number"))):
        item, is_own = found.value, found.number in numbers
        key = own_key if is_own else name
        value = item.get(key)
        if _is_usable(value):
            label = _label(item, exchange.operation) if is_own else item.get(key.removesuffix("Id") + "Name") or value
            source = f"from {exchange.operation.id}"
            yield Suggestion(value, str(label), source, exchange.id, to_path((*found.location, key)))


def _resource_test(exchange: Exchange, resource: Words) -> Callable[[FoundObject], bool]:
    """Return whether an object of a response is a resource: by the name above it, else by the operation's path."""
    steps = [step for step in exchange.operation.path.split("/") if step and not step.startswith("{")]

    @cache
    def is_kind(key: str) -> bool:
        return is_kind_of(split_words(key or (steps[-1] if steps else "")), resource)

    return lambda found: is_kind(next((step for step in reversed(found.location) if isinstance(step, str)), ""))


def _label(item: Mapping[str, Any], operation: Operation) -> str:
    return label_of(item, operation) or str(item.get(id_field(operation), ""))


_MAX_EXCHANGES = 500  # of this session that are searched
_MAX_STORED = 50  # exchanges of the history that are read for an earlier response
_MAX_LEAVES = 1000  # of one picked value that are searched


class SearchableHistory(Protocol):
    """What linking needs of a history."""

    def recent(self, most: int = ...) -> list[Exchange]: ...

    def rows(self, search: str = ..., most: int = ...) -> list[dict[str, Any]]: ...

    def get(self, key: str) -> Exchange: ...


class Linking:
    """The responses of a session as a source of values for its next requests.

    It gives the variables their provenance: one that is set to a value of a response knows which response, and where.

    Args:
        spec: the document.
        variables: the session's.
        history: the session's.
        environment: returns the session's environment of now.
    """

    def __init__(
        self, spec: Spec, variables: Variables, history: SearchableHistory, environment: Callable[[], Environment]
    ) -> None:
        self._spec, self._variables, self._history, self._environment = spec, variables, history, environment
        variables.find_provenance = self.find_provenance
        variables.hint = self.hint

    # --- earlier responses --------------------------------------------------------------------------------------------

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
        recent = self._history.recent() if everywhere else [e for e in self._history.recent() if self.is_here(e)]
        asking = self._spec.operation(operation) if operation else None
        sources = producers(asking, name) if asking else producers_of(self._spec, name)
        return suggest(name, recent, most, sources, field or (_input_field(asking, name) if asking else None))

    def is_here(self, exchange: Exchange) -> bool:
        """Whether an exchange belongs to the present environment: its server, or the one that the operation names."""
        environment = self._environment()
        if exchange.environment != environment.name:
            return False
        base_url = environment.base_url
        has_own_server = bool(exchange.operation.servers)
        return has_own_server or not base_url or is_under_base_url(exchange.request.url, base_url)

    def latest(self, operation: Operation) -> Exchange | None:
        """Return the latest good response of an operation: of this session and environment, else of the history."""
        recent = (e for e in self._history.recent(_MAX_EXCHANGES) if e.operation.id == operation.id and e.ok)
        here = next(filter(self.is_here, recent), None)
        return here or next(self._stored(operation), None)

    def _stored(self, operation: Operation) -> Iterator[Exchange]:
        """Yield the good responses of an operation in the history that came from the same server."""
        base_url = self._environment().base_url
        for row in self._history.rows(operation.id, _MAX_STORED) if base_url else ():
            if row["operation"] == operation.id and row["ok"]:
                exchange = self._history.get(row["id"])
                if is_under_base_url(exchange.request.url, base_url or ""):
                    yield exchange

    # --- references ---------------------------------------------------------------------------------------------------

    def responses_to_send(
        self, call: Callable[[Operation, tuple[str, ...]], Exchange], calling: tuple[str, ...]
    ) -> Responses:
        """Return the responses for a request that is about to be sent; safe operations are called for them.

        Args:
            call: calls an operation; it gets the ids of the operations that are being called.
            calling: the ids of the operations that are being called already.
        """

        def call_once(operation: Operation) -> Exchange:
            if operation.id in calling:
                circle = " → ".join([*calling, operation.id])
                raise UsageError(
                    f"Responses refer to each other in a circle: {circle}.", "Give one of them a plain value."
                )
            try:
                return call(operation, (*calling, operation.id))
            except (MissingArgument, UnknownName) as error:
                what = f"{operation.id} would have to be called for a value of its response: {error.what}"
                raise KeyError(UsageError(what, error.todo)) from error

        return Responses(self._spec, self.latest, call_once)

    def responses_to_show(self, sent: Responses | None = None, pending: str | None = PENDING) -> Responses:
        """Return the responses for a preview: nothing is sent, and those that were `sent` are shown as they were."""
        return Responses(self._spec, self.latest, None, pending, dict(sent.used) if sent else {})

    # --- variables ----------------------------------------------------------------------------------------------------

    def keep(self, exchange: Exchange, path: str, as_: str, secret: bool = False) -> Variable:
        """Set a variable to a value of a response, with its provenance. A secret stays one, and is not shown.

        Args:
            exchange: the exchange of the response.
            path: the JSONPath of the value; of several matches the first.
            as_: the name of the variable.
            secret: whether it is a secret, even if the document does not say so.

        Raises:
            UsageError: the response has no such value, or it cannot be a secret.
        """
        try:
            value = value_at(exchange, path)
        except KeyError as error:
            raise error.args[0] from None
        if secret and not isinstance(value, Secret):
            if isinstance(value, bool) or not isinstance(value, str | Number):
                raise UsageError(f"{path} holds no scalar, so it cannot be one secret.", "Pick the secret itself.")
            value = Secret.in_memory(value, as_)
        self._variables.set(as_, value, provenance_at(exchange, path))
        return self._variables.all(as_)[0]

    def find_provenance(self, value: Any) -> Provenance | None:
        """Return the place in a response from which a value was picked; None if it was not."""
        return find_provenance(value, self._history.recent(_MAX_EXCHANGES))

    def hint(self, name: str) -> str:
        """Return a sentence on where a missing variable could come from; empty if that is unknown."""
        best = next(iter(producers_of(self._spec, name)), None)
        if best is None:
            return ""
        path, call = best.path.replace("[*]", "[0]"), f'api.call("{best.operation.id}"'
        arguments = "" if best.operation.is_safe else ", …"
        return f'{best.operation.id} returns it: api.variables["{name}"] = {call}{arguments})["{path}"]'


def provenance_at(exchange: Exchange, path: str) -> Provenance:
    """Return the provenance of the value at a path of a response."""
    return Provenance(exchange.operation.id, path, exchange.id, exchange.started.astimezone(UTC))


def find_provenance(value: Any, exchanges: Iterable[Exchange]) -> Provenance | None:
    """Return where a value was picked by `response["$…"]`, or out of what that returned; None if it was not.

    The very object is sought: a text that is merely equal was typed, or came from elsewhere.
    """
    if not _is_unique(value):
        return None
    for exchange in exchanges:
        for picked, path in reversed(exchange.picked):
            inner = next((at for at, part in _parts(picked) if part is value), None)
            if inner is not None:
                return provenance_at(exchange, path + inner if inner else path)
    return None


def _is_unique(value: Any) -> bool:
    """Whether Python makes a new object for each such value; small integers, short texts and constants are shared."""
    if value is None or isinstance(value, bool):
        return False
    if isinstance(value, int):
        return not -6 < value < 257
    return len(value) > 1 if isinstance(value, str) else True


def _parts(picked: Any) -> Iterator[tuple[str, Any]]:
    yield "", picked
    if isinstance(picked, dict | list):
        for location, leaf in leaves(picked, _MAX_LEAVES):
            yield to_path(location)[1:], leaf


def _input_field(operation: Operation, name: str) -> Field | None:
    return next((f for f in (*parameter_fields(operation), *body_fields(operation)) if f.name == name), None)
