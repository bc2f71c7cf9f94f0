"""Where requests go, and as whom: the bar at the top of the explorer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import ipywidgets as widgets

from .. import html
from ..environment import TokenFacts, names
from ..session import Session
from .parts import button, line
from .status import Status
from .style import classed, layout, shared_style


class Bar:
    """Environment, base URL, token, and the buttons that open the panels."""

    def __init__(
        self, session: Session, status: Status, switch: Callable[[str], None], panels: dict[str, Callable[[], None]]
    ) -> None:
        self._session = session
        self.environment = widgets.Dropdown(
            options=self._names(),
            value=session.environment.name,
            description="Environment",
            tooltip="The environment that requests go to",
            layout=layout(),
            style=shared_style(widgets.widget_description.DescriptionStyle),
        )
        classed(self.environment, "anb-hush")
        self._offering = False
        self.environment.observe(
            status.guard(lambda change: None if self._offering else switch(change["new"])), "value"
        )
        self._facts = classed(widgets.HTML("", layout=layout()), "anb-facts")
        buttons = [button(text, "anb-plain") for text in panels]
        for made, open_panel in zip(buttons, panels.values(), strict=True):
            made.on_click(status.guard(lambda _, run=open_panel: run()))
        self.widget = line([self.environment, self._facts, line([*buttons], "anb-doors")], "anb-bar")
        self.draw()

    def offer(self) -> None:
        """Offer the environments that there are now."""
        self._offering = True  # new options choose the first of them for a moment
        self.environment.options = self._names()
        self.environment.value = self._session.environment.name
        self._offering = False

    def _names(self) -> list[str]:
        return list(dict.fromkeys([self._session.home.name, *names(), self._session.environment.name]))

    def draw(self) -> None:
        """Tell the environment as it is now."""
        environment = self._session.environment
        mark = [html.pill("PRODUCTION", "bad")] if environment.production else []  # its name stands beside it
        facts = [*mark, html.code(environment.base_url or ""), html.quiet(token_words(self._session))]
        color = "#b3261e" if environment.production else environment.color or "transparent"
        style = f"border-left:4px solid {html.esc(color)};padding-left:10px"
        self._facts.value = str(html.tag("div", *facts, style=style, class_="anb-row"))


def token_words(session: Session) -> str:
    """The token in words: source, scope, and how long it lives; never the token."""
    secret, facts = session.token_secret(), session.token_facts()
    if secret is None:
        return "no token"
    if facts is None:
        return f"no token: {secret.source} is not set"
    if not facts.is_jwt:
        return f"token from {secret.source}"
    return f"token from {secret.source} · scope {facts.scope} · {_expiry(facts)}"


def _expiry(facts: TokenFacts) -> str:
    if facts.expires is None:
        return "does not expire"
    left = facts.expires - datetime.now(UTC)
    if left.total_seconds() <= 0:
        return f"expired on {facts.expires:%Y-%m-%d}"
    return f"expires in {left.days} days" if left.days > 1 else f"expires in {left.total_seconds() / 3600:.0f} h"
