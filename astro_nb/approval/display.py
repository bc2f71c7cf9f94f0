"""A change as plain text and as static HTML."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .. import html
from ..call import UNSET
from ..diff import DIFF_KINDS, DiffRow

if TYPE_CHECKING:
    from ..openapi import Action, Operation
    from .change import Change

_MAX_ROWS = 200  # rows that are shown
_MAX_VALUE_LENGTH = 160  # characters of one value

_HEADLINES: Mapping[Action, str] = {
    "create": "Creates {resource} in {environment}.",
    "update": "Updates {resource} in {environment}.",
    "delete": "Deletes {resource} in {environment}.",
}
_OTHER_HEADLINE = "Calls {operation} on {resource} in {environment}."
_BATCH_HEADLINE = "Calls {operation} {calls} in {environment}{remaining}."

_TONES = {"removed": "bad", "changed": "warn", "added": "good", "unknown": "info", "unchanged": "quiet"}
_SIGNS = {"removed": "-", "changed": "~", "added": "+", "unknown": "?", "unchanged": "="}
_HEADINGS = ("change", "field", "now", "then")
_NO_VALUE = "—"
_ACRONYMS = {"api": "API", "id": "ID", "ip": "IP"}


def headline(change: Change) -> str:
    """Return a change in one line: `Deletes Workspace "Training" in production.`"""
    operation, environment = change.call.operation, change.environment
    if change.batch:
        calls = "once" if change.batch.calls == 1 else f"{change.batch.calls:,} times"
        is_partial = change.batch.remaining != change.batch.calls
        remaining = f" ({change.batch.remaining:,} remaining)" if is_partial else ""
        return _BATCH_HEADLINE.format(operation=operation, calls=calls, environment=environment, remaining=remaining)
    text = _HEADLINES.get(change.action, _OTHER_HEADLINE)
    return text.format(operation=operation, resource=_resource(change), environment=environment)


def _resource(change: Change) -> str:
    kind = resource_name(change.operation, is_new=change.action == "create")
    if change.name == change.operation.id:  # nothing names it
        return f"{'an' if kind[0] in 'AEIOU' else 'a'} {kind}"
    return f'{kind} "{change.name}"' if change.named_by == "name" else f'{kind} with the id "{change.name}"'


def resource_name(operation: Operation, is_new: bool) -> str:
    """Return what the resource of an operation is called, by its path: `/api-tokens/{id}` is an "API token".

    Args:
        operation: an operation on it.
        is_new: whether the operation creates it, so that its path ends in the collection.
    """
    segments = operation.path.strip("/").split("/")
    ends = [n for n, segment in enumerate(segments) if segment.startswith("{")]
    before = segments if is_new or not ends else segments[: ends[-1]]
    collection = next((segment for segment in reversed(before) if "{" not in segment), "")
    words = re.findall(r"[A-Z]?[a-z]+|[A-Z]+|\d+", _singular(collection)) or ["resource"]
    first, *rest = (_ACRONYMS.get(word.lower(), word.lower()) for word in words)
    return " ".join([first[0].upper() + first[1:], *rest])


def _singular(word: str) -> str:
    if word.endswith("ies"):
        return f"{word[:-3]}y"
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "us")) else word


# --- text and HTML ----------------------------------------------------------------------------------------------------


def render_text(change: Change) -> str:
    """Return a change as plain text."""
    head = [change.headline, f"{change.method} {escape_invisible(change.url)}", *_warnings(change)]
    rows = _relevant_rows(change)
    lines = [_line(row) for row in rows[:_MAX_ROWS]]
    if len(rows) > _MAX_ROWS:
        lines.append(f"  and {len(rows) - _MAX_ROWS:,} more")
    unchanged = change.count("unchanged")
    return "\n".join([*head, *lines, *([f"  = {_unchanged_fields(unchanged)}"] if unchanged else [])])


def render_html(change: Change) -> html.Markup:
    """Return a change as static HTML."""
    head = html.tag("div", html.tag("strong", escape_invisible(change.headline)))
    target = html.join([html.method_pill(change.method), html.code(escape_invisible(change.url))], " ")
    where = html.tag("div", target, style="overflow-wrap:anywhere")
    warnings = [html.tag("div", escape_invisible(text), role="alert") for text in _warnings(change)]
    table = html.table(_HEADINGS, [_cells(row) for row in _relevant_rows(change)], _MAX_ROWS)
    if change.action == "delete" and change.rows:  # all of it is deleted: the name says enough
        fields = "The 1 field of it" if len(change.rows) == 1 else f"The {len(change.rows)} fields of it"
        table = html.details(fields, table)
    unchanged = [row for row in change.rows if row.kind == "unchanged"]
    rest = html.details(_unchanged_fields(len(unchanged)), html.table(_HEADINGS, map(_cells, unchanged)))
    return html.tag("div", head, where, *warnings, table, *([rest] if unchanged else []))


def escape_invisible(text: str) -> str:
    """Return a text in which characters that cannot be printed are written as escapes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def value_text(value: Any) -> str:
    """Return a value as one line of JSON, shortened if it is long."""
    if value is UNSET:
        return _NO_VALUE
    text = escape_invisible(json.dumps(value, ensure_ascii=False, default=str))
    return text if len(text) <= _MAX_VALUE_LENGTH else f"{text[:_MAX_VALUE_LENGTH]}…"


def _warnings(change: Change) -> list[str]:
    return [f"The current state could not be read. {change.read_error}"] if change.read_error else []


def _relevant_rows(change: Change) -> list[DiffRow]:
    """The rows that the user has to see, what is removed first."""
    rows = [row for row in change.rows if row.kind != "unchanged"]
    return sorted(rows, key=lambda row: DIFF_KINDS.index(row.kind))


def _unchanged_fields(count: int) -> str:
    return f"{count} field{'' if count == 1 else 's'} unchanged"


def _line(row: DiffRow) -> str:
    values = {"added": value_text(row.then), "removed": value_text(row.now)}
    value = values.get(row.kind) or f"{value_text(row.now)} → {value_text(row.then)}"
    note = f"  ({row.note})" if row.note else ""
    return f"  {_SIGNS[row.kind]} {escape_invisible(row.path)}: {value}{note}"


def _cells(row: DiffRow) -> tuple[Any, ...]:
    note = html.tag("div", html.muted(row.note)) if row.note else ""
    kind = html.join([html.pill(row.kind, _TONES[row.kind]), note])
    return kind, html.code(escape_invisible(row.path)), html.code(value_text(row.now)), html.code(value_text(row.then))
