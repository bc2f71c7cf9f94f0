"""A table on its way to a server, told in words and drawn as static HTML."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

import orjson

from .. import html
from .checking import Checked

if TYPE_CHECKING:
    from .bulk import Bulk

_MOST = 5  # rows that are shown as they would be sent
_LONGEST = 300  # characters of one body
_TONES = {"done": "good", "failed": "bad", "unknown": "warn", "invalid": "bad", "not sent": "quiet"}


def tell(bulk: Bulk) -> str:
    """As plain text."""
    arrows = [f"  {target} ← {source}  ({reason})" for target, source, reason in _mapping(bulk)]
    shown = [f"  {number}: {told}" for number, told in _shown(bulk)]
    return "\n".join([_headline(bulk), *arrows, *_notes(bulk), *(["First rows:", *shown] if shown else [])])


def draw(bulk: Bulk) -> html.Markup:
    """As static HTML."""
    counts = [html.pill(f"{n:,} {outcome}", _TONES[outcome]) for outcome, n in bulk.counts.items() if n]
    head = html.tag("div", html.method_pill(bulk.operation.method), " ", html.tag("strong", _headline(bulk)))
    where = [(html.code(target), html.code(source), reason) for target, source, reason in _mapping(bulk)]
    notes = [html.tag("div", html.quiet(note)) for note in _notes(bulk)]
    rows = [(number, html.code(told)) for number, told in _shown(bulk)]
    parts = [html.tag("div", html.join(counts, " ")), html.table(["goes to", "comes from", "why"], where), *notes]
    first = html.table(["row", "the first rows as they would be sent"], rows) if rows else ""
    return html.tag("div", head, *parts, first)


def _headline(bulk: Bulk) -> str:
    return f"{bulk.operation.id}, {len(bulk):,} times, in {bulk.environment}"


def _mapping(bulk: Bulk) -> Iterator[tuple[str, str, str]]:
    for m in bulk.mapping:
        yield m.target.name, m.column, m.reason
    for steps in bulk.constants.places:
        yield ".".join(map(str, steps)), bulk.constants.shown(steps), "the same in all rows"


def _notes(bulk: Bulk) -> Iterator[str]:
    counts = bulk.counts
    yield ", ".join(f"{count:,} {outcome}" for outcome, count in counts.items() if count) or "There are no rows."
    if bulk.unused:
        yield f"Not sent: {', '.join(map(repr, bulk.unused))}; no parameter and no field is called so."
    if counts["invalid"]:
        number, checked = next((n, c) for n, c in bulk.checked.items() if c.problems)
        yield f"Row {number} is invalid, for instance: {' '.join(checked.problems)}"
    if bulk.resumed and counts["not sent"]:
        yield (
            f"A run of these rows was begun before and not finished ({bulk.resumed:,} of them were begun): "
            "run() goes on with it, run(resume=False) begins anew."
        )
    if bulk.stopped and counts["not sent"]:
        yield "You stopped it: run() goes on."
    if counts["unknown"]:
        yield "What is unknown may have been carried out: run() looks for it, and sends again what did not happen."


def _shown(bulk: Bulk) -> Iterator[tuple[int, str]]:
    checked = bulk.checked
    waiting = (number for number, outcome in enumerate(bulk.outcomes) if outcome in ("not sent", "invalid"))
    for number in islice(waiting, _MOST):
        yield number, _line(checked[number])


def _line(checked: Checked) -> str:
    if checked.request is None:
        return " ".join(checked.problems)
    content: Any = checked.content
    told = content if isinstance(content, str) else orjson.dumps(content).decode() if content is not None else ""
    cut = told if len(told) <= _LONGEST else f"{told[:_LONGEST]}…"
    return f"{checked.request.method} {checked.request.url} {cut}".rstrip()
