"""The states that a wait saw: as data, as text, as a table, and as a strip of colours."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from .. import html
from ..exchange import Exchange
from ..frames import TIME, make_frame
from .states import StateKind, state_kind, state_reason, state_text

if TYPE_CHECKING:
    from ..frames import DataFrame

MAX_TRANSITIONS = 1000
"""The number of transitions that are kept; a longer wait keeps the first one and the latest."""

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
        reason: why the resource is in this state, if the response says so.
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

    def __init__(self) -> None:
        self._seen: list[Transition] = []
        self._left_out = 0

    def add(self, exchange: Exchange, seconds: float) -> None:
        """Record the state in a response that came this many seconds after the wait began."""
        state, last = state_text(exchange), self._seen[-1] if self._seen else None
        if last is not None:
            is_same = last.state == state
            reason = (state_reason(exchange) or last.reason) if is_same else last.reason
            self._seen[-1] = replace(
                last, lasted=seconds - last.seconds, requests=last.requests + is_same, reason=reason
            )
        if last is None or last.state != state:
            when = exchange.started + timedelta(seconds=exchange.elapsed)
            facts = (state_kind(exchange), state_reason(exchange), exchange.request_id)
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
