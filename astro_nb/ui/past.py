"""What was sent before: searched, opened again without sending, and two compared."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import Any

import ipywidgets as widgets

from .. import html
from ..exchange import Exchange, time_words
from ..session import Session
from .parts import button
from .status import Status
from .style import classed, layout, shared_style

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
    text = f"{row['when']:%H:%M:%S}  {status!s:>4}  {row['operation']}  {time_words(row['seconds'])}"
    return f"{text}  {row['message'][:60]}" if row["message"] else text


def compare(older: Exchange, newer: Exchange) -> html.Markup:
    """The difference between two exchanges: request, then body, line by line."""
    named = " against ".join(f"{e.operation.id} {e.started:%H:%M:%S}" for e in (older, newer))
    parts = [html.tag("div", named)]
    for title, left, right in (("Request", _sent(older), _sent(newer)), ("Answer", older.text, newer.text)):
        lines = list(difflib.unified_diff(left.splitlines(), right.splitlines(), lineterm="", n=1))[2:]
        told = f"{title}: {len(lines)} lines" if lines else f"{title}: no difference"
        parts.append(html.fold(told, *map(_colored, lines[:300]), opened=True))
    return html.tag("div", *parts)


def _sent(exchange: Exchange) -> str:
    request = exchange.request
    return f"{request.method} {request.url}\n{request.body.decode('utf-8', 'replace')}"


def _colored(line: str) -> html.Markup:
    tones = {"+": html.TONES["good"][0], "-": html.TONES["bad"][0]}
    border = f"border-left:3px solid {tones.get(line[:1], 'transparent')};padding-left:6px"
    return html.tag("div", line, style=f"font-family:{html.MONO};font-size:.88em;white-space:pre-wrap;{border}")
