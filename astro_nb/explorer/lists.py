"""The operations to choose from: grouped by tag, and found by any word.

What was sent before: searched, opened again without sending, and two compared.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import Any

import ipywidgets as widgets

from .. import html
from ..exchange import Exchange, format_duration
from ..html import METHOD_TONES
from ..openapi import Operation, Spec
from ..session import Session
from .widgets import Status, button, classed, layout, replace, set_hidden, shared_style

MOST_FOUND = 60
"""Operations that are drawn at once; the rest of a search is counted, that of a tag comes at a press."""


class OperationsView:
    """Tags that open, and a search over id, path, summary, tag and field names. `chosen` gets the operation."""

    def __init__(self, spec: Spec, status: Status, chosen: Callable[[Operation], None]) -> None:
        self._spec, self._status, self._chosen = spec, status, chosen
        self._current = ""
        self._buttons: dict[str, list[widgets.Button]] = {}
        self.search = classed(
            widgets.Text(
                description="Search operations",
                placeholder=f"Search {len(spec)} operations",
                tooltip="Words of an id, a path, a summary, a tag or a field",
                continuous_update=True,
                layout=layout(),
                style=shared_style(widgets.widget_string.TextStyle),
            ),
            "anb-wide",
            "anb-search",
            "anb-hush",
        )
        self.search.observe(status.guard(lambda change: self._find(change["new"])), "value")
        self._listed: tuple[bool, list[str]] = (False, [])
        grouped = _grouped(spec)
        tags = [self._tag(tag, grouped[tag]) for tag in spec.tags if tag in grouped]
        self._tags = widgets.VBox(tags, layout=layout())
        self._found = widgets.VBox([], layout=layout())
        holder = classed(widgets.VBox([self._tags, self._found], layout=layout()), "anb-list")
        self.widget = classed(widgets.VBox([self.search, holder], layout=layout()), "anb-side")

    def mark(self, operation: Operation) -> None:
        """Show which operation is open."""
        for name in {self._current, operation.id}:
            for made in self._buttons.get(name, []):
                rest = tuple(c for c in made._dom_classes if c != "anb-current")
                made._dom_classes = (*rest, "anb-current") if name == operation.id else rest
        self._current = operation.id

    def _tag(self, tag: str, operations: list[Operation]) -> widgets.Widget:
        """A tag's heading; its operations are built when it is opened."""
        head = button(_tag_words(tag, operations, False), "anb-tag", self._spec.tags[tag] or tag)
        whole = widgets.VBox([head], layout=layout())

        def show(opened: bool) -> None:
            head.description = _tag_words(tag, operations, opened)
            if opened and len(whole.children) == 1:
                whole.children = (head, self._entries(operations))
            for inner in whole.children[1:]:
                set_hidden(inner, not opened)

        def turn(_: Any) -> None:
            show(all("anb-hidden" in inner._dom_classes for inner in whole.children[1:]))

        head.on_click(self._status.guard(turn))
        if len(self._spec) <= 12:
            show(True)
        return whole

    def _entries(self, operations: list[Operation]) -> widgets.Widget:
        """The first operations of a tag; a button draws the others."""
        holder = widgets.VBox([self._entry(each) for each in operations[:MOST_FOUND]], layout=layout())
        rest = operations[MOST_FOUND:]
        if rest:
            more = button(f"Show {len(rest)} more", "anb-link")
            holder.children = (*holder.children, more)

            def draw(_: Any) -> None:
                holder.children = (*holder.children[:-1], *(self._entry(each) for each in rest))
                more.close()

            more.on_click(self._status.guard(draw))
        return holder

    def _entry(self, operation: Operation) -> widgets.Button:
        kind = f"anb-{operation.method.lower()}" if operation.method in METHOD_TONES else "anb-other"
        current = ("anb-current",) if operation.id == self._current else ()
        made = button(operation.id, "anb-op", operation.summary or operation.path, kind, *current)
        made.on_click(self._status.guard(lambda _: self._chosen(operation)))
        self._buttons.setdefault(operation.id, []).append(made)
        return made

    def _find(self, words: str) -> None:
        found: list[Any] = self._spec.search(words) if words.strip() else []
        found = sorted(found, key=lambda operation: operation.id.casefold() != words.strip().casefold())
        listed = (bool(words.strip()), [operation.id for operation in found])
        if listed == self._listed:  # what has the focus keeps it while the rest of the word arrives
            return
        self._listed = listed
        drawn: list[widgets.Widget] = [self._entry(operation) for operation in found[:MOST_FOUND]]
        if words.strip():
            told = f"{len(found)} found" if found else "Nothing found. Try part of a name, or a field."
            more = f"; {len(found) - MOST_FOUND} are not drawn" if len(found) > MOST_FOUND else ""
            drawn.insert(0, widgets.HTML(f'<span class="anb-note">{told}{more}</span>', layout=layout()))
        replace(self._found, drawn)
        set_hidden(self._tags, bool(words.strip()))


def _grouped(spec: Spec) -> dict[str, list[Operation]]:
    """The operations by tag, read once: a large document has more than a thousand."""
    found: dict[str, list[Operation]] = {}
    for operation in spec:
        for tag in dict.fromkeys(operation.tags):
            found.setdefault(tag, []).append(operation)
    return found


def _tag_words(tag: str, operations: list[Operation], opened: bool) -> str:
    return f"{'▾' if opened else '▸'} {tag} ({len(operations)})"


MOST = 200


class HistoryView:
    """A searchable list of entries. `reopen` gets the one that is to be shown again."""

    def __init__(self, session: Session, status: Status, reopen: Callable[[Exchange], None]) -> None:
        self._session = session
        style = shared_style(widgets.widget_string.TextStyle)
        self.search = widgets.Text(
            description="Search history",
            placeholder="Search history",
            tooltip="Search operation, status, message or requestId",
            layout=layout(),
            style=style,
        )
        plain = shared_style(widgets.widget_description.DescriptionStyle)
        self.list = widgets.SelectMultiple(
            options=[], rows=7, description="Entries of the history", layout=layout(), style=plain
        )
        self._compared = widgets.HTML("", layout=layout())
        opened, compared = (
            button("Open again", "anb-plain", "Show it again; nothing is sent"),
            button("Compare two", "anb-plain"),
        )
        self.search.observe(status.guard(lambda _: self.draw()), "value")
        opened.on_click(status.guard(lambda _: self._reopen(status, reopen)))
        compared.on_click(status.guard(lambda _: self._compare(status)))
        row = widgets.HBox([classed(self.search, "anb-wide", "anb-hush"), opened, compared], layout=layout())
        head = widgets.HTML("<b>History</b>", layout=layout())
        parts = [head, row, classed(self.list, "anb-wide", "anb-hush"), self._compared]
        self.widget = classed(widgets.VBox(parts, layout=layout()), "anb-history")
        self.draw()

    def draw(self) -> None:
        """List the entries that the search finds, newest first."""
        rows = self._session.history.rows(self.search.value, MOST)
        self.list.options = [(_line(row), row["id"]) for row in rows]

    def _reopen(self, status: Status, reopen: Callable[[Exchange], None]) -> None:
        if not self.list.value:
            status.say("Choose an entry of the history first.", "warn")
            return
        reopen(self._session.history.get(self.list.value[0]))

    def _compare(self, status: Status) -> None:
        if len(self.list.value) != 2:
            status.say("Choose two entries to compare: hold Ctrl and press the second one.", "warn")
            return
        newer, older = (self._session.history.get(key) for key in self.list.value)
        self._compared.value = str(compare(older, newer))


def _line(row: dict[str, Any]) -> str:
    status = row["status"] if row["status"] is not None else "–"  # noqa: RUF001  # a dash where a number would stand
    text = f"{row['when']:%H:%M:%S}  {status!s:>4}  {row['operation']}  {format_duration(row['seconds'])}"
    return f"{text}  {row['message'][:60]}" if row["message"] else text


def compare(older: Exchange, newer: Exchange) -> html.Markup:
    """The difference between two exchanges: request, then body, line by line."""
    named = " against ".join(f"{e.operation.id} {e.started:%H:%M:%S}" for e in (older, newer))
    parts = [html.tag("div", named)]
    for title, left, right in (("Request", _sent(older), _sent(newer)), ("Answer", older.text, newer.text)):
        lines = list(difflib.unified_diff(left.splitlines(), right.splitlines(), lineterm="", n=1))[2:]
        told = f"{title}: {len(lines)} lines" if lines else f"{title}: no difference"
        parts.append(html.details(told, *map(_colored, lines[:300]), is_open=True))
    return html.tag("div", *parts)


def _sent(exchange: Exchange) -> str:
    request = exchange.request
    return f"{request.method} {request.url}\n{request.body.decode('utf-8', 'replace')}"


def _colored(line: str) -> html.Markup:
    tones = {"+": html.TONES["good"][0], "-": html.TONES["bad"][0]}
    border = f"border-left:3px solid {tones.get(line[:1], 'transparent')};padding-left:6px"
    return html.tag("div", line, style=f"font-family:{html.MONO};font-size:.88em;white-space:pre-wrap;{border}")
