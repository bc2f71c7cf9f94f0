"""The list of operations, by tag and by search, and the history list."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets as widgets

from .. import html
from ..diff import compare_lines
from ..exchange import Exchange, format_duration
from ..html import METHOD_TONES
from ..openapi import Operation, Spec
from ..session import Session
from .widgets import (
    Status,
    button,
    dropdown,
    horizontal,
    html_widget,
    replace_children,
    set_hidden,
    text_input,
    vertical,
)

MAX_OPERATIONS = 60
"""Operations shown at once; further search results are counted, further operations of a tag open on click."""


class OperationsView:
    """Collapsible tags, and a search over id, path, summary, tag and field names. `chosen` gets the operation."""

    def __init__(self, spec: Spec, status: Status, chosen: Callable[[Operation], None]) -> None:
        self._spec, self._status, self._chosen = spec, status, chosen
        self._current = ""
        self._buttons: dict[str, list[widgets.Button]] = {}
        self.search = text_input(
            "Search operations", "anb-wide", "anb-search", "anb-hide-label",
            placeholder=f"Search {len(spec)} operations",
            tooltip="Words of an id, a path, a summary, a tag or a field",
            continuous_update=True,
        )  # fmt: skip
        self.search.observe(status.report_errors(lambda change: self._find(change["new"])), "value")
        self._listed: tuple[bool, list[str]] = (False, [])
        grouped = _group_by_tag(spec)
        tags = [self._tag(tag, grouped[tag]) for tag in spec.tags if tag in grouped]
        self._tags = vertical(tags)
        self._found = vertical([])
        holder = vertical([self._tags, self._found], "anb-list")
        self.widget = vertical([self.search, holder], "anb-side")

    def mark(self, operation: Operation) -> None:
        """Highlight the open operation."""
        for name in {self._current, operation.id}:
            for made in self._buttons.get(name, []):
                rest = tuple(c for c in made._dom_classes if c != "anb-current")
                made._dom_classes = (*rest, "anb-current") if name == operation.id else rest
        self._current = operation.id

    def _tag(self, tag: str, operations: list[Operation]) -> widgets.Widget:
        """Build the heading of a tag; its operations are built when it is opened."""
        head = button(_tag_label(tag, operations, False), "anb-tag", self._spec.tags[tag] or tag)
        whole = vertical([head])

        def show(opened: bool) -> None:
            head.description = _tag_label(tag, operations, opened)
            if opened and len(whole.children) == 1:
                whole.children = (head, self._entries(operations))
            for inner in whole.children[1:]:
                set_hidden(inner, not opened)

        def turn(_: Any) -> None:
            show(all("anb-hidden" in inner._dom_classes for inner in whole.children[1:]))

        head.on_click(self._status.report_errors(turn))
        if len(self._spec) <= 12:
            show(True)
        return whole

    def _entries(self, operations: list[Operation]) -> widgets.Widget:
        """Build the first operations of a tag, and a button for the others."""
        holder = vertical([self._entry(each) for each in operations[:MAX_OPERATIONS]])
        rest = operations[MAX_OPERATIONS:]
        if rest:
            more = button(f"Show {len(rest)} more", "anb-link")
            holder.children = (*holder.children, more)

            def draw(_: Any) -> None:
                holder.children = (*holder.children[:-1], *(self._entry(each) for each in rest))
                more.close()

            more.on_click(self._status.report_errors(draw))
        return holder

    def _entry(self, operation: Operation) -> widgets.Button:
        kind = f"anb-{operation.method.lower()}" if operation.method in METHOD_TONES else "anb-other"
        current = ("anb-current",) if operation.id == self._current else ()
        made = button(operation.id, "anb-op", operation.summary or operation.path_key, kind, *current)
        made.on_click(self._status.report_errors(lambda _: self._chosen(operation)))
        self._buttons.setdefault(operation.id, []).append(made)
        return made

    def _find(self, words: str) -> None:
        found: list[Any] = self._spec.search(words) if words.strip() else []
        listed = (bool(words.strip()), [operation.id for operation in found])
        if listed == self._listed:  # an unchanged result keeps the focus while the user types
            return
        self._listed = listed
        drawn: list[widgets.Widget] = [self._entry(operation) for operation in found[:MAX_OPERATIONS]]
        if words.strip():
            message = f"{len(found)} found" if found else "Nothing found. Try part of a name or of a field name."
            more = f"; {len(found) - MAX_OPERATIONS} are not shown" if len(found) > MAX_OPERATIONS else ""
            drawn.insert(0, html_widget(f'<span class="anb-note">{message}{more}</span>'))
        replace_children(self._found, drawn)
        set_hidden(self._tags, bool(words.strip()))


def _group_by_tag(spec: Spec) -> dict[str, list[Operation]]:
    """Group the operations by tag, in one pass: large documents have more than a thousand."""
    found: dict[str, list[Operation]] = {}
    for operation in spec:
        for tag in dict.fromkeys(operation.tags):
            found.setdefault(tag, []).append(operation)
    return found


def _tag_label(tag: str, operations: list[Operation], opened: bool) -> str:
    return f"{'▾' if opened else '▸'} {tag} ({len(operations)})"


PAGE_SIZE = 200


class HistoryView:
    """A searchable list of history entries. `reopen` gets the entry to show."""

    def __init__(self, session: Session, status: Status, reopen: Callable[[Exchange], None]) -> None:
        self._session = session
        self.search = text_input(
            "Search history", "anb-wide", "anb-hide-label",
            placeholder="Search history",
            tooltip="Search operation, status, message or requestId",
            continuous_update=True,
        )  # fmt: skip
        self.list = dropdown(
            "History entries", "anb-wide", "anb-hide-label", kind=widgets.SelectMultiple, options=[], rows=7
        )
        self._compared = html_widget()
        opened = button("Reopen", "anb-plain", "Open the request and response again without sending")
        compared = button("Compare selected", "anb-plain")
        self.search.observe(status.report_errors(lambda _: self.draw()), "value")
        opened.on_click(status.report_errors(lambda _: self._reopen(status, reopen)))
        compared.on_click(status.report_errors(lambda _: self._compare(status)))
        row = horizontal([self.search, opened, compared])
        head = html_widget("<b>History</b>")
        parts = [head, row, self.list, self._compared]
        self.widget = vertical(parts, "anb-history")
        self.draw()

    def draw(self) -> None:
        """List the entries that match the search, newest first."""
        rows = self._session.history.rows(self.search.value, PAGE_SIZE)
        self.list.options = [(_line(row), row["id"]) for row in rows]

    def _reopen(self, status: Status, reopen: Callable[[Exchange], None]) -> None:
        if not self.list.value:
            status.show_message("Select an entry of the history first.", "warn")
            return
        reopen(self._session.history.get(self.list.value[0]))

    def _compare(self, status: Status) -> None:
        if len(self.list.value) != 2:
            status.show_message("Select two entries to compare: hold Ctrl and click the second one.", "warn")
            return
        newer, older = (self._session.history.get(key) for key in self.list.value)
        self._compared.value = str(compare_exchanges(older, newer))


def _line(row: dict[str, Any]) -> str:
    status = row["status"] if row["status"] is not None else "–"
    text = f"{row['when']:%H:%M:%S}  {status!s:>4}  {row['operation']}  {format_duration(row['seconds'])}"
    return f"{text}  {row['message'][:60]}" if row["message"] else text


_MAX_DIFF_LINES = 300


def compare_exchanges(older: Exchange, newer: Exchange) -> html.Markup:
    """Show the differences of two exchanges: request, then response body, line by line."""
    named = " compared with ".join(f"{e.operation.id} {e.started:%H:%M:%S}" for e in (older, newer))
    parts = [html.tag("div", named)]
    for title, left, right in (
        ("Request", _request_as_text(older), _request_as_text(newer)),
        ("Response", older.text, newer.text),
    ):
        lines = compare_lines(left, right)
        count = "no differences" if not lines else "1 line" if len(lines) == 1 else f"{len(lines)} lines"
        parts.append(html.details(f"{title}: {count}", *map(_diff_line, lines[:_MAX_DIFF_LINES]), is_open=True))
    return html.tag("div", *parts)


def _request_as_text(exchange: Exchange) -> str:
    request = exchange.request
    return f"{request.method} {request.url}\n{request.body.decode('utf-8', 'replace')}"


def _diff_line(line: str) -> html.Markup:
    tones = {"+": html.TONES["good"][0], "-": html.TONES["bad"][0]}
    border = f"border-left:3px solid {tones.get(line[:1], 'transparent')};padding-left:6px"
    return html.tag("div", line, style=f"font-family:{html.MONO};font-size:.88em;white-space:pre-wrap;{border}")
