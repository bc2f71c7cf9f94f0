"""The state of a resource: where it stands in a response, what the overlay says about it, and whether it is stale.

A server may report the old state for a while after it has accepted a change. So a wait trusts a state only if it is not
older than the last call that changed the resource: if another state was seen since that call, if the state differs from
the last one known before the call, or if a grace period has passed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

from ..errors import PickError
from ..exchange import Exchange, printable
from ..jsonpath import pick
from ..messages import is_under_base_url
from ..openapi import Operation, StateExtension, id_field
from ..schema import Field, read_field

StateKind = Literal["good", "bad", "passing", "error"]
"""What a state means: the overlay lists it as good or bad, it is neither, or the request failed."""

GRACE = 10.0
"""The default grace period in seconds, if the overlay declares none."""

_MAX_STATE_LENGTH, _MAX_REASON_LENGTH = 60, 300


def state_of(exchange: Exchange) -> str:
    """Return the state of the resource in a response, or an empty string.

    The overlay declares where the state stands (`x-astro-nb-settled`); the default is `status`.
    """
    return _pick_text(exchange, state_key(exchange.operation))


def state_text(exchange: Exchange) -> str:
    """Return the state in a response, or else its status, as one line."""
    return _one_line(state_of(exchange) if exchange.ok else "", _MAX_STATE_LENGTH) or exchange.status_text


def state_kind(exchange: Exchange) -> StateKind:
    """Return what the state in a response means; "passing" if the overlay does not list it."""
    if not exchange.ok:
        return "error"
    state = state_of(exchange)
    kinds: tuple[StateKind, ...] = ("good", "bad")
    return next((kind for kind in kinds if state in listed_states(exchange.operation, kind)), "passing")


def state_reason(exchange: Exchange) -> str:
    """Return why the resource is in its state, or the error message, as one line; empty if there is neither."""
    key = _settled(exchange.operation).reason
    return _one_line(exchange.error.message if exchange.error else _pick_text(exchange, key), _MAX_REASON_LENGTH)


def states_of(operation: Operation) -> set[str]:
    """Return every state that the document declares for the response; empty if it declares no enum."""
    schema = operation.success.schema() if operation.success else None
    field: Field | None = read_field(operation.spec, schema) if schema is not None else None
    for step in state_key(operation).split("."):
        field = field.child(step) if field else None
    return {choice for choice in field.info.choices if isinstance(choice, str)} if field else set()


def listed_states(operation: Operation, kind: str) -> set[str]:
    """Return the states that the overlay lists as "good" or as "bad"."""
    settled = _settled(operation)
    return set(settled.good if kind == "good" else settled.bad)


def state_key(operation: Operation) -> str:
    """Return where the state stands in a response, as names joined by dots."""
    return _settled(operation).state


def grace_of(operation: Operation) -> float:
    """Return the grace period in seconds: how long after a change an unchanged state is not trusted."""
    grace = _settled(operation).grace
    return GRACE if grace is None else float(grace)


def _settled(operation: Operation) -> StateExtension:
    return operation.extensions.settled or StateExtension()


def _pick_text(exchange: Exchange, key: str) -> str:
    try:
        value = exchange[f"$.{key}"]
    except PickError:
        return ""
    return value if isinstance(value, str) else ""


def _one_line(text: str, max_length: int) -> str:
    """Return a server's text as one line of plain characters, cut to a length."""
    line = printable(" ".join(text[: 4 * max_length].split()), 4 * max_length)
    return line if len(line) <= max_length else f"{line[: max_length - 1]}…"


# --- the last change of a resource ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class LastChange:
    """The last call that may have changed a resource.

    Attributes:
        operation: the id of its operation.
        ended: when its response came, in UTC.
        state_before: the last state that was known before the call; empty if none was.
        states_since: the states that were seen since, including the one in the response of the call.
    """

    operation: str
    ended: datetime
    state_before: str
    states_since: frozenset[str]

    def is_reflected_in(self, state: str) -> bool:
        """Whether a state must be newer than the call: it differs from the one before, or another was seen since."""
        return self.state_before not in ("", state) or bool(self.states_since - {state})


def find_last_change(exchanges: Sequence[Exchange], exchange: Exchange) -> LastChange | None:
    """Return the last call of the session that may have changed the resource that `exchange` reads."""
    since: set[str] = set()
    backwards = reversed(exchanges)
    for earlier in backwards:
        if earlier.environment != exchange.environment:
            continue
        since.update(_states_in(earlier, exchange))
        if _may_change(earlier, exchange):
            before = next((state for older in backwards for state in _states_in(older, exchange)), "")
            ended = earlier.started + timedelta(seconds=earlier.elapsed)
            return LastChange(earlier.operation.id, ended, before, frozenset(since))
    return None


def _may_change(write: Exchange, read: Exchange) -> bool:
    """Whether a call may have changed what `read` reads: its path has the same parameters, and perhaps more."""
    if write.operation.is_safe or not _may_have_succeeded(write):
        return False
    parameters = _path_parameters(read)
    if not parameters:
        return is_under_base_url(write.request.url.partition("?")[0], read.request.url.partition("?")[0])
    return parameters.items() <= _path_parameters(write).items() and _host(write) == _host(read)


def _may_have_succeeded(write: Exchange) -> bool:
    """Whether a call changed an existing resource, or may have. A PUT with 201 has created one instead."""
    created = write.status == 201 and write.operation.method == "PUT"
    return not created and write.outcome != "failed"


def _states_in(exchange: Exchange, read: Exchange) -> Iterator[str]:
    """Yield the state of the resource that `read` reads, if the response holds the resource or lists it."""
    if not exchange.ok or _host(exchange) != _host(read):
        return
    path, read_path = _path(exchange), _path(read)
    if path == read_path:
        yield from filter(None, [_state_in_response(read.operation, exchange)])
    elif path == read_path.rpartition("/")[0]:
        yield from filter(None, _states_in_list(exchange, read.operation, unquote(read_path.rpartition("/")[2])))


def _state_in_response(operation: Operation, exchange: Exchange) -> str:
    if exchange.operation is operation:
        return state_of(exchange)
    return _state_in_data(operation, exchange.json()) if exchange.response and exchange.response.is_json else ""


def _states_in_list(exchange: Exchange, operation: Operation, resource_id: str) -> Iterator[str]:
    key = id_field(operation)
    try:
        items = exchange.items if exchange.response and exchange.response.is_json else []
    except PickError:
        return
    resources = (item for item in items if isinstance(item, dict) and str(item.get(key)) == resource_id)
    yield from (_state_in_data(operation, resource) for resource in resources)


def _state_in_data(operation: Operation, data: Any) -> str:
    try:
        value = pick(data, f"$.{state_key(operation)}")
    except PickError:
        return ""
    return value if isinstance(value, str) else ""


def _host(exchange: Exchange) -> str:
    return urlsplit(exchange.request.url).netloc


def _path(exchange: Exchange) -> str:
    return urlsplit(exchange.request.url).path.rstrip("/")


def _path_parameters(exchange: Exchange) -> dict[str, str]:
    """Return the path parameters of a request, as they were sent."""
    template = exchange.operation.path
    match = _path_pattern(template).search(_path(exchange))
    return dict(zip(re.findall(r"\{(.+?)\}", template), match.groups(), strict=True)) if match else {}


@lru_cache(maxsize=256)
def _path_pattern(template: str) -> re.Pattern[str]:
    parts = re.split(r"\{.+?\}", template.rstrip("/"))
    return re.compile("([^/]+)".join(map(re.escape, parts)) + r"\Z")
