"""What came back, looked at from several sides: body, table, headers, contract, timeline, and values to pick."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import ipywidgets as widgets
import orjson

from .. import html
from ..data import leaves
from ..errors import AstroNbError
from ..exchange import Attempt, Exchange, draw_body, draw_error, draw_headline, format_duration
from ..frames import first_rows
from ..jsonpath import to_path
from ..secrets import Secret
from ..session import Session
from .widgets import Status, button, classed, layout, shared_style

TABS = ("Body", "Table", "Headers", "Contract", "Timeline", "Use a value")
MOST_PATHS = 2000


class AnswerView:
    """One exchange on the screen. `used` is told the name of a variable that was set from it."""

    def __init__(self, session: Session, status: Status, used: Callable[[str], None]) -> None:
        self._session, self._used, self._guard = session, used, status.guard
        self._exchange: Exchange | None = None
        self._head = widgets.HTML("", layout=layout())
        self._tabs = widgets.ToggleButtons(
            options=TABS, value=TABS[0], tooltips=[f"Show {t.lower()}" for t in TABS], layout=layout(),
            style=shared_style(widgets.ToggleButtonsStyle),
        )  # fmt: skip
        self._tabs.observe(self._guard(lambda change: self._draw_tab()), "value")
        self._content = classed(widgets.VBox([], layout=layout()), "anb-scroll")
        inner = widgets.VBox([self._head, self._tabs, self._content], layout=layout())
        self.widget = classed(inner, "anb-answer", "anb-hidden")

    def show(self, exchange: Exchange) -> None:
        """Show an exchange from its body."""
        self._exchange = exchange
        self._head.value = str(html.join([draw_headline(exchange), draw_error(exchange), support_note(exchange)]))
        self.widget._dom_classes = tuple(c for c in self.widget._dom_classes if c != "anb-hidden")
        if self._tabs.value == TABS[0]:
            self._draw_tab()
        else:
            self._tabs.value = TABS[0]

    def _draw_tab(self) -> None:
        if self._exchange is None:
            return
        old = self._content.children
        self._content.children = tuple(self._tab(self._exchange))
        for widget in old:
            widget.close()

    def _tab(self, exchange: Exchange) -> list[widgets.Widget]:
        if self._tabs.value == "Use a value":
            return self._picker(exchange)
        return [widgets.HTML(str(_DRAWN[self._tabs.value](exchange)), layout=layout())]

    def _picker(self, exchange: Exchange) -> list[widgets.Widget]:
        """A searchable list of paths with previews; the chosen value becomes a variable."""
        paths = value_paths(exchange)
        if not paths:
            return [
                widgets.HTML(str(html.muted("There is no value to pick: the answer is not JSON.")), layout=layout())
            ]
        common = {"layout": layout(), "style": shared_style(widgets.widget_string.TextStyle)}
        plain = {"layout": layout(), "style": shared_style(widgets.widget_description.DescriptionStyle)}
        hint = "Search paths and values"
        search = classed(
            widgets.Text(description=hint, placeholder=hint, tooltip=hint, **common), "anb-wide", "anb-hush"
        )
        select = classed(
            widgets.Select(description="Paths and values", options=paths, rows=10, **plain),
            "anb-wide",
            "anb-hush",
            "anb-history",
        )
        first = _variable_name(exchange, paths[0][1])
        name = widgets.Text(value=first, description="Variable", continuous_update=False, **common)
        take = button("Use as variable", "anb-plain")

        def find(change: Any) -> None:
            words = change["new"].casefold().split()
            select.options = [(t, p) for t, p in paths if all(w in t.casefold() for w in words)]

        def rename(change: Any) -> None:
            name.value = _variable_name(exchange, str(change["new"] or ""))

        def use(_: Any) -> None:
            if select.value:
                self._session.linking.keep(exchange, select.value, name.value)
                self._used(name.value)

        search.observe(self._guard(find), "value")
        select.observe(self._guard(rename), "value")
        take.on_click(self._guard(use))
        return [search, select, widgets.HBox([name, take], layout=layout())]


def value_paths(exchange: Exchange) -> list[tuple[str, str]]:
    """Every scalar of an answer as (path with a preview, path), secrets as stars."""
    if not (exchange.response and exchange.response.is_json):
        return []
    found = itertools.islice(leaves(exchange.json(), MOST_PATHS), MOST_PATHS)
    return [(f"{to_path(at)} = {_preview(value)}", to_path(at)) for at, value in found]


def _preview(value: Any) -> str:
    text = orjson.dumps(value).decode() if not isinstance(value, Secret) else "*****"
    return text if len(text) <= 60 else text[:57] + "…"


def _variable_name(exchange: Exchange, path: str) -> str:
    """A name for the variable: `deploymentId` for the `id` of a deployment, else the last key of the path."""
    key = path.rpartition(".")[2].partition("[")[0].strip("'$]") or "value"
    if key != "id":
        return key
    parent = path.rpartition(".")[0].rpartition(".")[2].partition("[")[0].strip("$")
    steps = [s for s in exchange.operation.path.split("/") if s and not s.startswith("{")]
    thing = parent or (steps[-1] if steps else "thing")
    words = thing.replace("-", " ").split()
    camel = words[0] + "".join(w.title() for w in words[1:])
    return camel.removesuffix("s") + "Id"


def support_note(exchange: Exchange) -> html.Markup:
    """For an error of the server: a paragraph to paste into a message to its operators."""
    if exchange.ok or not exchange.request_id:
        return html.Markup("")
    error = exchange.error
    text = (
        f"{exchange.operation.id} ({exchange.request.method} {exchange.request.url.partition('?')[0]}) answered "
        f"{exchange.status_text} at {exchange.started:%Y-%m-%d %H:%M:%S} UTC. requestId: {exchange.request_id}. "
        f"Message: {error.message if error else ''}"
    )
    return html.details("Text for support", html.block(text))


def draw_table(exchange: Exchange) -> html.Markup:
    """The answer as a table of its first rows."""
    if not (exchange.response and exchange.response.is_json):
        return html.muted("The answer is not JSON: there is no table.")
    try:
        frame = exchange.frame()
    except AstroNbError as error:
        return html.muted(str(error))
    line = html.muted(f"{len(frame)} rows, {len(frame.columns)} columns. In Python: api.history[-1].frame()")
    shown = frame.dropna(axis="columns", how="all") if len(frame) else frame
    rows = [[_cell(value) for value in row] for row in first_rows(shown, 100)]
    return html.join([line, html.table([str(c) for c in shown.columns], rows, limit=100, wrap=False)])


def _cell(value: Any) -> str:
    if isinstance(value, list | dict):
        text = orjson.dumps(value, default=str).decode()
    else:
        text = (
            "" if value is None else value.strftime("%Y-%m-%d %H:%M:%S") if hasattr(value, "strftime") else str(value)
        )
    return text if len(text) <= 80 else text[:77] + "…"


def draw_headers(exchange: Exchange) -> html.Markup:
    """The headers of the answer and of the request as it was shown."""
    sent = html.details("Sent", html.table(["header", "value"], exchange.request.headers))
    return html.join([html.table(["header", "value"], exchange.headers.items()), sent])


def draw_contract(exchange: Exchange) -> html.Markup:
    """How request and response depart from the document, checked in full."""
    if not exchange.response:
        return html.muted("There is no response to check.")
    violations = exchange.check()
    if not violations:
        return html.join(
            [html.pill("matches the spec", "good"), " ", html.muted("request and response were checked in full")]
        )
    rows = [
        (html.pill(v.severity, "bad" if v.severity == "error" else "quiet"), html.code(v.path), v.message)
        for v in violations
    ]
    return html.table(["weight", "where", "what"], rows)


def draw_timeline(exchange: Exchange) -> html.Markup:
    """Every attempt as a bar, with what came and what was done then."""
    whole = max(exchange.elapsed, 1e-6)
    rows = []
    for attempt in exchange.attempts:
        tone = "good" if attempt.outcome.startswith("2") else "bad"
        held = (
            f"Waited {format_duration(attempt.rate_limit_wait)} for the rate limit. " if attempt.rate_limit_wait else ""
        )
        told = f"{held}{attempt.decision}"
        rows.append(
            (attempt.number, attempt.outcome, format_duration(attempt.elapsed), _bar(attempt, whole, tone), told)
        )
    return html.table(["attempt", "came", "took", "when", "then"], rows)


def _bar(attempt: Attempt, whole: float, tone: str) -> html.Markup:
    left, width = 100 * attempt.started / whole, max(1.0, 100 * attempt.elapsed / whole)
    color = f"height:10px;border-radius:2px;background:{html.TONES[tone][0]}"
    return html.tag(
        "div", html.tag("div", style=f"margin-left:{left:.1f}%;width:{width:.1f}%;{color}"), style="width:260px"
    )


_DRAWN: dict[str, Callable[[Exchange], html.Markup]] = {
    "Body": draw_body,
    "Table": draw_table,
    "Headers": draw_headers,
    "Contract": draw_contract,
    "Timeline": draw_timeline,
}
