"""Transitions as a strip: each state with its name, its time and its colour.

Each change of state that a wait saw.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from .. import html
from ..exchange import Exchange
from ..frames import TIME, make_frame
from .states import Kind, kind_of, reason_of, seen_of

if TYPE_CHECKING:
    from ..frames import DataFrame


MOST_DRAWN = 8
"""States of a strip; those before them are counted."""

_WIDTH = 320  # pixels for all states together; a state is at least as wide as its words
_TONES = {"good": "good", "bad": "bad", "passing": "info", "error": "warn"}


def duration_words(seconds: float) -> str:
    """A duration in words, as short as they can be compared: 0.4 s, 12 s, 580 s, 25 min."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    return f"{seconds:.0f} s" if seconds < 1000 else f"{seconds / 60:.0f} min"


def one_line(transitions: Transitions) -> str:
    """The states with their durations, in words: CREATING 12 s, UNHEALTHY 580 s."""
    shown = transitions.seen[-MOST_DRAWN:]
    before = len(transitions) + transitions.left_out - len(shown)
    words = [_words(t) for t in shown]
    return ", ".join([f"{before} earlier ones", *words] if before else words)


def strip(transitions: Transitions) -> html.Markup:
    """The states side by side, each as wide as it lasted long."""
    shown = transitions.seen[-MOST_DRAWN:]
    before = len(transitions) + transitions.left_out - len(shown)
    total = sum(t.lasted for t in shown) or 1.0
    pieces = [_piece(t, round(_WIDTH * max(0.0, t.lasted) / total)) for t in shown]
    head = [html.muted(f"… {before} earlier "), *pieces] if before else pieces
    return html.tag("div", *head, style="line-height:1.9;margin:2px 0")


def draw(transitions: Transitions) -> html.Markup:
    """The strip, and below it, folded, each state with when and why."""
    rows = [
        (f"{t.when:%H:%M:%S}", t.state, duration_words(t.lasted) if t.lasted else "", t.reason, t.requests)
        for t in transitions
    ]
    counted = f"{len(rows)} state{'' if len(rows) == 1 else 's'}, {sum(t.requests for t in transitions)} requests"
    table = html.table(["when (UTC)", "state", "lasted", "reason", "requests"], rows)
    return html.tag("div", strip(transitions), html.details(html.muted(counted), table), style=f"color:{html.TEXT}")


def _piece(transition: Transition, width: int) -> html.Markup:
    background, color = html.TONES[_TONES[transition.kind]]
    style = (
        f"display:inline-block;box-sizing:border-box;min-width:{width}px;background:{background};color:{color};"
        "padding:0 7px;margin-right:2px;border-radius:3px;font-size:.85em;font-weight:600;white-space:nowrap"
    )
    return html.tag("span", _words(transition), style=style)


def _words(transition: Transition) -> str:
    return f"{transition.state} {duration_words(transition.lasted)}" if transition.lasted else transition.state


MOST = 1000
"""Transitions that are kept; of a longer wait the first one and the latest are."""

COLUMNS = {
    "when": TIME,
    "seconds": "Float64",
    "state": "string",
    "lasted": "Float64",
    "reason": "string",
    "requests": "Int64",
    "requestId": "string",
}


@dataclass(frozen=True)
class Transition:
    """A state, from when it was first seen.

    Attributes:
        when: the moment, UTC.
        seconds: since the wait began.
        state: its name; of a request that failed its status.
        kind: "good", "bad" or "passing", as the overlay has it, or "error".
        reason: why, where the answer says so.
        request_id: of the answer that showed it first.
        requests: how many were asked while it lasted.
        lasted: seconds until another state was seen, or until now.
    """

    when: datetime
    seconds: float
    state: str
    kind: Kind = "passing"
    reason: str = ""
    request_id: str = ""
    requests: int = 1
    lasted: float = 0.0


@dataclass(frozen=True, repr=False)
class Transitions:
    """The states that a wait saw, in order; `.frame()` makes a table of them."""

    seen: tuple[Transition, ...] = ()
    left_out: int = 0

    def __len__(self) -> int:
        return len(self.seen)

    def __iter__(self) -> Iterator[Transition]:
        return iter(self.seen)

    def __getitem__(self, index: int) -> Transition:
        return self.seen[index]

    def __str__(self) -> str:
        return one_line(self)

    def __repr__(self) -> str:
        return f"<Transitions: {self or 'none'}>" if self.seen else "<Transitions: none>"

    def frame(self) -> DataFrame:
        """When, seconds, state, how long it lasted, reason, requests asked meanwhile, and requestId."""
        rows = [{**asdict(t), "requestId": t.request_id or None, "reason": t.reason or None} for t in self.seen]
        return make_frame(rows, COLUMNS)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/plain": repr(self), "text/html": str(draw(self))}


class Log:
    """The transitions of a wait that is going on."""

    def __init__(self) -> None:
        self._seen: list[Transition] = []
        self._left_out = 0

    def add(self, exchange: Exchange, seconds: float) -> None:
        """Note what an answer showed, so many seconds after the wait began."""
        state, last = seen_of(exchange), self._seen[-1] if self._seen else None
        if last is not None:
            again = last.state == state
            lasted, requests = seconds - last.seconds, last.requests + again
            reason = (reason_of(exchange) or last.reason) if again else last.reason
            self._seen[-1] = last = replace(last, lasted=lasted, requests=requests, reason=reason)
        if last is None or last.state != state:
            when = exchange.started + timedelta(seconds=exchange.elapsed)
            told = (kind_of(exchange), reason_of(exchange), exchange.request_id)
            self._seen.append(Transition(when, seconds, state, *told))
        if len(self._seen) > MOST:
            del self._seen[1]
            self._left_out += 1

    @property
    def last(self) -> Transition:
        """The present state; there is one once something was added."""
        return self._seen[-1]

    def told(self) -> Transitions:
        """All of them up to now."""
        return Transitions(tuple(self._seen), self._left_out)
