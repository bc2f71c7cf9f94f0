"""A change told in words and drawn as a table."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .. import html
from ..call import UNSET
from .diff import KINDS, Row

if TYPE_CHECKING:
    from .change import Change


_MOST = 200  # rows that are told one by one
_LONGEST = 160  # characters of one value

_DEEDS: Mapping[str, str] = {
    "create": "makes {}",
    "update": "changes {}",
    "delete": "deletes {}",
    "act": "acts on {}",
}
_TONES = {"removed": "bad", "changed": "warn", "added": "good", "unknown": "info", "kept": "quiet"}
_SIGNS = {"removed": "-", "changed": "~", "added": "+", "unknown": "?", "kept": "="}
_NOTHING = "—"


_HEADINGS = ("change", "field", "now", "then")


def headline(change: Change) -> str:
    """What a change is, in a line: `DeleteDeployment deletes the thing named “demo” in live.`"""
    named = f"the thing with the {change.named_by} “{change.name}”"
    return f"{change.call.operation} {_DEEDS[change.action].format(named)} in {change.environment}."


def tell(change: Change) -> str:
    """A change as plain text."""
    told = [change.headline, f"{change.method} {visible(change.url)}", *_troubles(change)]
    lines = [_line(row) for row in _shown(change)[:_MOST]]
    return "\n".join([*told, *lines, *_left_out(change)])


def draw(change: Change) -> html.Markup:
    """A change as static HTML."""
    head = html.tag("div", html.tag("strong", visible(change.headline)))
    at = html.join([html.method_pill(change.method), html.code(visible(change.url))], " ")
    where = html.tag("div", at, style="overflow-wrap:anywhere")
    told = [html.tag("div", visible(text), role="alert") for text in _troubles(change)]
    table = html.table(_HEADINGS, [_drawn(row) for row in _shown(change)], _MOST)
    if change.action == "delete" and change.rows:  # the whole of it goes: its name says enough
        table = html.details(f"The {len(change.rows)} fields that go with it", table)
    return html.tag("div", head, where, *told, table, *_kept(change))


def visible(text: str) -> str:
    """A text in which nothing is invisible: what cannot be printed is written out."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def shown(value: Any) -> str:
    """A value as JSON in one line, cut where it is long."""
    if value is UNSET:
        return _NOTHING
    text = visible(json.dumps(value, ensure_ascii=False, default=str))
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _troubles(change: Change) -> list[str]:
    return [f"What it is now could not be read. {visible(change.trouble)}"] if change.trouble else []


def _shown(change: Change) -> list[Row]:
    """The rows that somebody has to see, the losses first."""
    told = [row for row in change.rows if row.kind != "kept"]
    return sorted(told, key=lambda row: KINDS.index(row.kind))


def _left_out(change: Change) -> list[str]:
    more, kept = len(_shown(change)) - _MOST, change.count("kept")
    told = [f"  and {more:,} more"] if more > 0 else []
    return told + ([f"  = {_stay(kept)}"] if kept else [])


def _stay(kept: int) -> str:
    return f"{kept} field{' stays as it is' if kept == 1 else 's stay as they are'}"


def _line(row: Row) -> str:
    values = {"added": shown(row.then), "removed": shown(row.now)}
    told = values.get(row.kind) or f"{shown(row.now)} → {shown(row.then)}"
    note = f"  ({row.note})" if row.note else ""
    return f"  {_SIGNS[row.kind]} {visible(row.path)}: {told}{note}"


def _drawn(row: Row) -> tuple[Any, ...]:
    kind = html.join([html.pill(row.kind, _TONES[row.kind]), html.tag("div", html.muted(row.note)) if row.note else ""])
    return kind, html.code(visible(row.path)), html.code(shown(row.now)), html.code(shown(row.then))


def _kept(change: Change) -> list[html.Markup]:
    rows = [row for row in change.rows if row.kind == "kept"]
    return [html.details(_stay(len(rows)), html.table(_HEADINGS, map(_drawn, rows)))] if rows else []
