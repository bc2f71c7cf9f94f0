"""Transitions as a strip: each state with its name, its time and its colour."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import html

if TYPE_CHECKING:
    from .transitions import Transition, Transitions

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
    head = [html.quiet(f"… {before} earlier "), *pieces] if before else pieces
    return html.tag("div", *head, style="line-height:1.9;margin:2px 0")


def draw(transitions: Transitions) -> html.Markup:
    """The strip, and below it, folded, each state with when and why."""
    rows = [
        (f"{t.when:%H:%M:%S}", t.state, duration_words(t.lasted) if t.lasted else "", t.reason, t.requests)
        for t in transitions
    ]
    counted = f"{len(rows)} state{'' if len(rows) == 1 else 's'}, {sum(t.requests for t in transitions)} requests"
    table = html.table(["when (UTC)", "state", "lasted", "reason", "requests"], rows)
    return html.tag("div", strip(transitions), html.fold(html.quiet(counted), table), style=f"color:{html.TEXT}")


def _piece(transition: Transition, width: int) -> html.Markup:
    background, color = html.TONES[_TONES[transition.kind]]
    style = (
        f"display:inline-block;box-sizing:border-box;min-width:{width}px;background:{background};color:{color};"
        "padding:0 7px;margin-right:2px;border-radius:3px;font-size:.85em;font-weight:600;white-space:nowrap"
    )
    return html.tag("span", _words(transition), style=style)


def _words(transition: Transition) -> str:
    return f"{transition.state} {duration_words(transition.lasted)}" if transition.lasted else transition.state
