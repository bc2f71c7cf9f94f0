"""A table on its way to a server, told in words and drawn as static HTML."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

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
    troubles = [f"  {number}: {outcome}: {message}" for number, outcome, message in islice(_troubles(bulk), _MOST)]
    shown = [f"  {number}: {' '.join(told).rstrip()}" for number, *told in _shown(bulk)]
    lines = [_headline(bulk), *arrows, *filter(None, [_counted(bulk)]), *_notes(bulk)]
    return "\n".join([*lines, *_under("Not done:", troubles), *_under("First rows:", shown)])


def draw(bulk: Bulk) -> html.Markup:
    """As static HTML."""
    counts = [html.pill(f"{n:,} {outcome}", _TONES[outcome]) for outcome, n in bulk.counts.items() if n]
    head = html.join([html.method_pill(bulk.operation.method), " ", html.tag("strong", _headline(bulk))])
    where = [(html.code(target), html.code(source), reason) for target, source, reason in _mapping(bulk)]
    rows = [(number, html.code(path), html.code(body)) for number, path, body in _shown(bulk)]
    parts = [
        html.join([head, " ", *counts], " "),
        *(html.quiet(note) for note in _notes(bulk)),
        html.table(["goes to", "comes from", "why"], where) if where else "",
        _drawn_troubles(bulk),
        html.fold("The first rows as they would be sent", html.table(["row", "to", "body"], rows)) if rows else "",
    ]
    return html.tag("div", *(html.tag("div", part, style="margin:6px 0") for part in parts if part))


def _troubles(bulk: Bulk) -> Iterator[tuple[int, str, str]]:
    """The rows that failed, are unknown or invalid: the number of each, the outcome, and why."""
    for number, outcome in enumerate(bulk.outcomes):
        if outcome in ("failed", "unknown", "invalid"):
            yield number, outcome, str(bulk.result(number, outcome, {})["message"] or "")


def _drawn_troubles(bulk: Bulk) -> html.Markup:
    told = list(islice(_troubles(bulk), _MOST + 1))
    rows = [(n, html.pill(outcome, _TONES[outcome]), message) for n, outcome, message in told[:_MOST]]
    more = html.quiet("…and more: failures() and unknown() have them all.") if len(told) > _MOST else ""
    return html.join([html.table(["row", "outcome", "what is wrong"], rows), more]) if rows else html.Markup("")


def _headline(bulk: Bulk) -> str:
    count = len(bulk)
    return f"{bulk.operation.id} for {count:,} {'row' if count == 1 else 'rows'} in {bulk.environment}"


def _counted(bulk: Bulk) -> str:
    return ", ".join(f"{count:,} {outcome}" for outcome, count in bulk.counts.items() if count)


def _under(heading: str, lines: list[str]) -> list[str]:
    return [heading, *lines] if lines else []


def _mapping(bulk: Bulk) -> Iterator[tuple[str, str, str]]:
    for m in bulk.mapping:
        yield m.target.name, m.column, m.reason
    for steps in bulk.constants.places:
        yield ".".join(map(str, steps)), bulk.constants.shown(steps), "the same in all rows"


def _notes(bulk: Bulk) -> Iterator[str]:
    counts = bulk.counts
    if not len(bulk):
        yield "There are no rows."
    if bulk.unused:
        yield f"Left out, for no field is called so or it is given otherwise: {', '.join(map(repr, bulk.unused))}."
    if bulk.resumed and counts["not sent"]:
        yield (
            f"A run of these rows was begun before and not finished ({bulk.resumed:,} of them were begun): "
            "run() goes on with it, run(resume=False) begins anew."
        )
    if bulk.lost and counts["not sent"]:
        yield f"{bulk.lost} No more rows were begun: run() goes on."
    if bulk.stopped and counts["not sent"]:
        yield "You stopped it: run() goes on."
    if counts["unknown"]:
        yield "What is unknown may have been carried out: run() looks for it, and sends again what did not happen."


def _shown(bulk: Bulk) -> Iterator[tuple[int, str, str]]:
    """The first rows that may be sent: the number, the path and the body of each."""
    outcomes = bulk.outcomes
    for number in islice((n for n, outcome in enumerate(outcomes) if outcome == "not sent"), _MOST):
        checked = bulk.checked[number]
        if checked.request is not None:
            parts = urlsplit(checked.request.url)
            yield number, f"{parts.path}{'?' * bool(parts.query)}{parts.query}", _body(checked)


def _body(checked: Checked) -> str:
    content: Any = checked.content
    told = content if isinstance(content, str) else orjson.dumps(content).decode() if content is not None else ""
    return told if len(told) <= _LONGEST else f"{told[:_LONGEST]}…"
