"""The response: body, table, headers, contract, timeline, and values to save as variables."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import ipywidgets as widgets

from .. import html
from ..data import leaves
from ..errors import AstroNbError
from ..exchange import Attempt, Exchange, draw_body, draw_error, draw_headline, draw_notes, format_duration
from ..exchange.display import item_field, items_frame, leading_columns
from ..frames import first_rows
from ..json_text import write_json
from ..jsonpath import to_path
from ..secrets import Secret
from ..session import Session
from .widgets import (
    Status,
    add_classes,
    button,
    dropdown,
    horizontal,
    html_widget,
    set_hidden,
    shared_layout,
    shared_style,
    text_input,
    vertical,
)

VIEWS = ("Body", "Table", "Headers", "Contract", "Timeline", "Save as variable")
MAX_PATHS = 2000
_MAX_ROWS = 100  # rows of the table


class ResponseView:
    """The view of one exchange. `used` gets the name of a variable that was set from it."""

    def __init__(self, session: Session, status: Status, used: Callable[[str], None]) -> None:
        self._session, self._used, self._guard = session, used, status.report_errors
        self._exchange: Exchange | None = None
        self._head = html_widget()
        self._tabs = widgets.ToggleButtons(
            options=VIEWS, value=VIEWS[0], tooltips=[f"Show {t.lower()}" for t in VIEWS], layout=shared_layout(),
            style=shared_style(widgets.ToggleButtonsStyle),
        )  # fmt: skip
        self._tabs.observe(self._guard(lambda change: self._draw_tab()), "value")
        self._content = vertical([], "anb-scroll")
        inner = vertical([self._head, self._tabs, self._content])
        self.widget = add_classes(inner, "anb-response", "anb-hidden")

    def show(self, exchange: Exchange) -> None:
        """Show an exchange, starting with its body."""
        self._exchange = exchange
        parts = (draw_headline, draw_notes, draw_error, support_details)
        self._head.value = str(html.join(part(exchange) for part in parts))
        set_hidden(self.widget, False)
        if self._tabs.value == VIEWS[0]:
            self._draw_tab()
        else:
            self._tabs.value = VIEWS[0]

    def _draw_tab(self) -> None:
        if self._exchange is None:
            return
        old = self._content.children
        self._content.children = tuple(self._tab(self._exchange))
        for widget in old:
            widget.close()

    def _tab(self, exchange: Exchange) -> list[widgets.Widget]:
        if self._tabs.value == "Save as variable":
            return self._picker(exchange)
        return [html_widget(str(_VIEWS[self._tabs.value](exchange)))]

    def _picker(self, exchange: Exchange) -> list[widgets.Widget]:
        """Build a searchable list of paths with previews; the selected value becomes a variable."""
        paths = list_value_paths(exchange)
        if not paths:
            return [html_widget(str(html.muted("No values to save: the response is not JSON.")))]
        hint, names = "Search paths and values", ("anb-wide", "anb-hide-label")
        search = text_input(hint, *names, placeholder=hint, tooltip=hint, continuous_update=True)
        select = dropdown("Paths and values", *names, "anb-history", kind=widgets.Select, options=paths, rows=10)
        first = _suggest_variable_name(exchange, paths[0][1])
        name = text_input("Variable", value=first)
        take = button("Save as variable", "anb-plain")

        def find(change: Any) -> None:
            words = change["new"].casefold().split()
            select.options = [(t, p) for t, p in paths if all(w in t.casefold() for w in words)]

        def rename(change: Any) -> None:
            name.value = _suggest_variable_name(exchange, str(change["new"] or ""))

        def use(_: Any) -> None:
            if select.value:
                self._session.linking.keep(exchange, select.value, name.value)
                self._used(name.value)

        search.observe(self._guard(find), "value")
        select.observe(self._guard(rename), "value")
        take.on_click(self._guard(use))
        return [search, select, horizontal([name, take])]


def list_value_paths(exchange: Exchange) -> list[tuple[str, str]]:
    """List every scalar of a response as (path with a preview, path), secrets masked."""
    if not (exchange.response and exchange.response.is_json):
        return []
    found = itertools.islice(leaves(exchange.json(), MAX_PATHS), MAX_PATHS)
    return [(f"{to_path(at)} = {_preview_value(value)}", to_path(at)) for at, value in found]


def _preview_value(value: Any) -> str:
    text = write_json(value).decode() if not isinstance(value, Secret) else "*****"
    return text if len(text) <= 60 else text[:57] + "…"


def _suggest_variable_name(exchange: Exchange, path: str) -> str:
    """Suggest a variable name: `deploymentId` for the `id` of a deployment, else the last key of the path."""
    key = path.rpartition(".")[2].partition("[")[0].strip("'$]") or "value"
    if key != "id":
        return key
    parent = path.rpartition(".")[0].rpartition(".")[2].partition("[")[0].strip("$")
    steps = [s for s in exchange.operation.path.split("/") if s and not s.startswith("{")]
    resource = parent or (steps[-1] if steps else "resource")
    words = resource.replace("-", " ").split()
    camel = words[0] + "".join(w.title() for w in words[1:])
    return camel.removesuffix("s") + "Id"


def support_details(exchange: Exchange) -> html.Markup:
    """For a server error: a paragraph to paste into a support request."""
    if exchange.ok or not exchange.request_id:
        return html.Markup("")
    error = exchange.error
    text = (
        f"{exchange.operation.id} ({exchange.request.method} {exchange.request.url.partition('?')[0]}) returned "
        f"{exchange.status_text} at {exchange.started:%Y-%m-%d %H:%M:%S} UTC. requestId: {exchange.request_id}. "
        f"Message: {error.message if error else ''}"
    )
    return html.details("Text for support", html.block(text))


def draw_rows(exchange: Exchange) -> html.Markup:
    """Draw the response as a table of its first rows."""
    if not (exchange.response and exchange.response.is_json):
        return html.muted("The response is not JSON, so there is no table.")
    try:
        items = exchange.items
        frame = items_frame(items[:_MAX_ROWS], item_field(exchange), leading_columns(exchange.operation))
    except AstroNbError as error:
        return html.muted(str(error))
    first = f"the first {_MAX_ROWS} have " if len(items) > _MAX_ROWS else ""
    size = f"{html.pluralize(len(items), 'row')}, {first}{html.pluralize(len(frame.columns), 'column')}"
    line = html.muted(f"{size}. In Python: api.history[-1].frame()")
    shown = frame.dropna(axis="columns", how="all") if len(frame) else frame
    rows = [[_cell(value) for value in row] for row in first_rows(shown, _MAX_ROWS)]
    return html.join([line, html.table([str(c) for c in shown.columns], rows, limit=_MAX_ROWS, wrap=False)])


def _cell(value: Any) -> str:
    if isinstance(value, list | dict):
        text = write_json(value, str).decode()
    elif hasattr(value, "strftime"):
        text = value.strftime("%Y-%m-%d %H:%M:%S")
    else:
        text = "" if value is None else str(value)
    return text if len(text) <= 80 else text[:77] + "…"


def draw_headers(exchange: Exchange) -> html.Markup:
    """Draw the headers of the response, and of the request as shown."""
    sent = html.details("Sent", html.table(["header", "value"], exchange.request.headers))
    return html.join([html.table(["header", "value"], exchange.headers.items()), sent])


def draw_contract(exchange: Exchange) -> html.Markup:
    """Draw how request and response deviate from the document, checked in full."""
    if not exchange.response:
        return html.muted("There is no response to check.")
    violations = exchange.check()
    if not violations:
        checked = html.muted("request and response checked in full")
        return html.join([html.pill("matches the spec", "good"), " ", checked])
    rows = [
        (html.pill(v.severity, "bad" if v.severity == "error" else "quiet"), html.code(v.path), v.message)
        for v in violations
    ]
    return html.table(["severity", "path", "message"], rows)


def draw_timeline(exchange: Exchange) -> html.Markup:
    """Draw every attempt as a bar, with its result and the next step."""
    whole = max(exchange.elapsed, 1e-6)
    rows = []
    for attempt in exchange.attempts:
        tone = "good" if attempt.outcome.startswith("2") else "bad"
        wait = attempt.rate_limit_wait
        waited = f"Waited {format_duration(wait)} for the rate limit. " if wait else ""
        bar, duration = _bar(attempt, whole, tone), format_duration(attempt.elapsed)
        rows.append((attempt.number, attempt.outcome, duration, bar, f"{waited}{attempt.decision}"))
    return html.table(["attempt", "result", "duration", "timeline", "next step"], rows)


def _bar(attempt: Attempt, whole: float, tone: str) -> html.Markup:
    left, width = 100 * attempt.started / whole, max(1.0, 100 * attempt.elapsed / whole)
    color = f"height:10px;border-radius:2px;background:{html.TONES[tone][0]}"
    return html.tag(
        "div", html.tag("div", style=f"margin-left:{left:.1f}%;width:{width:.1f}%;{color}"), style="width:260px"
    )


_VIEWS: dict[str, Callable[[Exchange], html.Markup]] = {
    "Body": draw_body,
    "Table": draw_rows,
    "Headers": draw_headers,
    "Contract": draw_contract,
    "Timeline": draw_timeline,
}
