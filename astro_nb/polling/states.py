"""The state of a resource in a response, whether it is stale, and the transitions that a wait saw.

A server may report the old state for a while after it has accepted a change. So a wait trusts a state only if it is not
older than the last call that changed the resource: if another state was seen since that call, if the state differs from
the last one known before the call, or if a grace period has passed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import unquote, urlsplit

from .. import html
from ..data import get_value
from ..errors import PickError
from ..exchange import Exchange, printable
from ..frames import TIME, make_frame
from ..messages import is_under_base_url
from ..openapi import Operation, StateExtension, id_field
from .fields import Path, is_failure, state_fields, state_paths_in

if TYPE_CHECKING:
    from ..frames import DataFrame


StateKind = Literal["good", "bad", "passing", "error"]
"""What a state means: the overlay lists it as good or bad, it is neither, or the request failed."""

GRACE = 10.0
"""The default grace period in seconds, if the overlay declares none."""

_MAX_STATE_LENGTH, _MAX_REASON_LENGTH = 60, 300


def state_of(exchange: Exchange, path: Path = ()) -> str:
    """Return the state of the resource in a response, or an empty string.

    Args:
        exchange: the response.
        path: where the state is; by default where the overlay or the document declares it, or else where it is found.
    """
    return _state_in_data(exchange.operation, _json_of(exchange), path)


def state_text(exchange: Exchange, path: Path = ()) -> str:
    """Return the state in a response, or else another state in it, or its status, as one line."""
    state = (state_of(exchange, path) or state_of(exchange)) if exchange.ok else ""
    return _one_line(state, _MAX_STATE_LENGTH) or exchange.status_text


def state_kind(exchange: Exchange, path: Path = ()) -> StateKind:
    """Return what the state in a response means; "passing" if neither the overlay nor its name says it."""
    if not exchange.ok:
        return "error"
    state = state_of(exchange, path)
    kinds: tuple[StateKind, ...] = ("good", "bad")
    found = next((kind for kind in kinds if state in listed_states(exchange.operation, kind)), None)
    if found is None and exchange.operation.extensions.settled is None and is_failure(state):
        return "bad"
    return found or "passing"


def state_reason(exchange: Exchange) -> str:
    """Return why the resource is in its state, or the error message, as one line; empty if there is neither."""
    key = _settled(exchange.operation).reason
    return _one_line(exchange.error.message if exchange.error else _pick_text(exchange, key), _MAX_REASON_LENGTH)


def listed_states(operation: Operation, kind: str) -> set[str]:
    """Return the states that the overlay lists as "good" or as "bad"."""
    settled = _settled(operation)
    return set(settled.good if kind == "good" else settled.bad)


def grace_of(operation: Operation) -> float:
    """Return the grace period in seconds: how long after a change an unchanged state is not trusted."""
    grace = _settled(operation).grace
    return GRACE if grace is None else float(grace)


def _settled(operation: Operation) -> StateExtension:
    return operation.extensions.settled or StateExtension()


def _pick_text(exchange: Exchange, key: str) -> str:
    value = get_value(_json_of(exchange), tuple(key.split(".")), "")
    return value if isinstance(value, str) else ""


def _json_of(exchange: Exchange) -> Any:
    """Return the response as plain data; None if it is not JSON."""
    try:
        return exchange.json() if exchange.response is not None and exchange.response.is_json else None
    except PickError:
        return None


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


def find_last_change(exchanges: Sequence[Exchange], exchange: Exchange, path: Path = ()) -> LastChange | None:
    """Return the last call of the session that may have changed the resource that `exchange` reads.

    Args:
        exchanges: the exchanges of the session.
        exchange: reads the resource.
        path: where its state is; by default as for `state_of`.
    """
    since: set[str] = set()
    backwards = reversed(exchanges)
    for earlier in backwards:
        if earlier.environment != exchange.environment:
            continue
        since.update(_states_in(earlier, exchange, path))
        if _may_change(earlier, exchange):
            before = next((state for older in backwards for state in _states_in(older, exchange, path)), "")
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
    return not created and write.outcome not in ("failed", "not carried out")


def _states_in(exchange: Exchange, read: Exchange, state_path: Path) -> Iterator[str]:
    """Yield the state of the resource that `read` reads, if the response holds the resource or lists it."""
    if not exchange.ok or _host(exchange) != _host(read):
        return
    path, read_path = _path(exchange), _path(read)
    if path == read_path:
        yield from filter(None, [_state_in_data(read.operation, _json_of(exchange), state_path)])
    elif path == read_path.rpartition("/")[0]:
        resource_id = unquote(read_path.rpartition("/")[2])
        yield from filter(None, _states_in_list(exchange, read.operation, resource_id, state_path))


def _states_in_list(exchange: Exchange, operation: Operation, resource_id: str, path: Path) -> Iterator[str]:
    key = id_field(operation)
    try:
        items = exchange.items if exchange.response and exchange.response.is_json else []
    except PickError:
        return
    resources = (item for item in items if isinstance(item, dict) and str(item.get(key)) == resource_id)
    yield from (_state_in_data(operation, resource, path) for resource in resources)


def _state_in_data(operation: Operation, data: Any, path: Path) -> str:
    """Return the text at a path, or else at the first of the fields that may hold the state and have one."""
    paths = [path] if path else [field.path for field in state_fields(operation) if field.is_named]
    if not path and operation.extensions.settled is None:
        paths += state_paths_in(data)
    values = (get_value(data, each, "") for each in paths)
    return next((value for value in values if isinstance(value, str) and value), "")


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


MAX_TRANSITIONS = 1000
"""The number of transitions that are stored; of a longer wait, the first one and the latest."""

MAX_DRAWN = 8
"""The number of states in a strip or a line; earlier ones are counted."""

COLUMNS = {
    "when": TIME,
    "seconds": "Float64",
    "state": "string",
    "lasted": "Float64",
    "reason": "string",
    "requests": "Int64",
    "requestId": "string",
}

_STRIP_WIDTH = 320  # pixels; a state is at least as wide as its text
_TONES = {"good": "good", "bad": "bad", "passing": "info", "error": "warn"}
_LONGEST_WITH_TENTHS, _LONGEST_IN_SECONDS = 10, 1000


@dataclass(frozen=True)
class Transition:
    """A state, from when it was first seen.

    Attributes:
        when: when the state was first seen, in UTC.
        seconds: the same in seconds since the wait began.
        state: the name of the state; the status if the request failed.
        kind: "good", "bad" or "passing" as the overlay declares, or "error".
        reason: why the resource is in this state, if the response declares it.
        request_id: the request id of the first response with this state.
        requests: the number of requests that saw this state.
        lasted: seconds until the next state was seen, or until the last request.
    """

    when: datetime
    seconds: float
    state: str
    kind: StateKind = "passing"
    reason: str = ""
    request_id: str = ""
    requests: int = 1
    lasted: float = 0.0


@dataclass(frozen=True, repr=False)
class Transitions:
    """The states that a wait saw, in order. `frame()` returns them as a DataFrame."""

    seen: tuple[Transition, ...] = ()
    left_out: int = 0

    def __len__(self) -> int:
        return len(self.seen)

    def __iter__(self) -> Iterator[Transition]:
        return iter(self.seen)

    def __getitem__(self, index: int) -> Transition:
        return self.seen[index]

    def __str__(self) -> str:
        """The states with their durations: CREATING 12 s, UNHEALTHY 580 s."""
        shown, earlier = self._last_few()
        texts = [_transition_text(t) for t in shown]
        return ", ".join([f"{earlier} earlier", *texts] if earlier else texts)

    def __repr__(self) -> str:
        return f"<Transitions: {self if self.seen else 'none'}>"

    def frame(self) -> DataFrame:
        """Return one row per state: when, seconds, state, how long it lasted, reason, requests, and request id."""
        rows = [{**asdict(t), "requestId": t.request_id or None, "reason": t.reason or None} for t in self.seen]
        return make_frame(rows, COLUMNS)

    def draw_strip(self) -> html.Markup:
        """Return the last states side by side as HTML, each as wide as its share of the time."""
        shown, earlier = self._last_few()
        total = sum(t.lasted for t in shown) or 1.0
        pieces = [_draw_piece(t, round(_STRIP_WIDTH * max(0.0, t.lasted) / total)) for t in shown]
        head = [html.muted(f"… {earlier} earlier "), *pieces] if earlier else pieces
        return html.tag("div", *head, style="line-height:1.9;margin:2px 0")

    def draw(self) -> html.Markup:
        """Return the strip as HTML, with a folded table of all states below it."""
        rows = [
            (f"{t.when:%H:%M:%S}", t.state, duration_text(t.lasted) if t.lasted else "", t.reason, t.requests)
            for t in self.seen
        ]
        requests = sum(t.requests for t in self.seen)
        summary = f"{html.pluralize(len(rows), 'state')}, {html.pluralize(requests, 'request')}"
        table = html.table(["when (UTC)", "state", "lasted", "reason", "requests"], rows)
        return html.tag("div", self.draw_strip(), html.details(html.muted(summary), table), style=f"color:{html.TEXT}")

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/plain": repr(self), "text/html": str(self.draw())}

    def _last_few(self) -> tuple[tuple[Transition, ...], int]:
        """Return the states that are shown, and the number of those before them."""
        shown = self.seen[-MAX_DRAWN:]
        return shown, len(self.seen) + self.left_out - len(shown)


class TransitionLog:
    """Collects the transitions of a running wait."""

    def __init__(self, path: Path = ()) -> None:
        self._path = path
        self._seen: list[Transition] = []
        self._left_out = 0

    def add(self, exchange: Exchange, seconds: float) -> None:
        """Record the state in a response that came this many seconds after the wait began."""
        state, last = state_text(exchange, self._path), self._seen[-1] if self._seen else None
        if last is not None:
            is_same = last.state == state
            reason = (state_reason(exchange) or last.reason) if is_same else last.reason
            self._seen[-1] = replace(
                last, lasted=seconds - last.seconds, requests=last.requests + is_same, reason=reason
            )
        if last is None or last.state != state:
            when = exchange.started + timedelta(seconds=exchange.elapsed)
            facts = (state_kind(exchange, self._path), state_reason(exchange), exchange.request_id)
            self._seen.append(Transition(when, seconds, state, *facts))
        if len(self._seen) > MAX_TRANSITIONS:
            del self._seen[1]
            self._left_out += 1

    @property
    def last(self) -> Transition:
        """The current state. At least one response must have been added."""
        return self._seen[-1]

    def snapshot(self) -> Transitions:
        """Return the transitions so far."""
        return Transitions(tuple(self._seen), self._left_out)


def duration_text(seconds: float) -> str:
    """Return a duration as text: 0.4 s, 12 s, 580 s, 25 min."""
    if seconds < _LONGEST_WITH_TENTHS:
        return f"{seconds:.1f} s"
    return f"{seconds:.0f} s" if seconds < _LONGEST_IN_SECONDS else f"{seconds / 60:.0f} min"


def _draw_piece(transition: Transition, width: int) -> html.Markup:
    background, color = html.TONES[_TONES[transition.kind]]
    style = (
        f"display:inline-block;box-sizing:border-box;min-width:{width}px;background:{background};color:{color};"
        "padding:0 7px;margin-right:2px;border-radius:3px;font-size:.85em;font-weight:600;white-space:nowrap"
    )
    return html.tag("span", _transition_text(transition), style=style)


def _transition_text(transition: Transition) -> str:
    return f"{transition.state} {duration_text(transition.lasted)}" if transition.lasted else transition.state
