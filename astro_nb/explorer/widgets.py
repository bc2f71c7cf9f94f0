"""How the explorer looks: one style sheet, in the colours of the front end's theme.

It rides in an HTML widget of the explorer, so it works wherever the widgets do. Every rule stands below `.anb`, so that
nothing else in the notebook changes. Widths follow the explorer's own width (container queries), not the window's.

Buttons, and boxes whose widgets come and go.

The one handler that turns a callback's failure into a visible row.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import ipywidgets as widgets

from .. import html
from ..errors import AstroNbError
from ..html import BORDER, METHOD_TONES, MONO, MUTED, PANEL, TEXT, TONES

_VARIABLES = {"line": BORDER, "panel": PANEL, "quiet": MUTED, "text": TEXT, "mono": MONO}


@lru_cache(maxsize=1)
def css() -> str:
    """The style sheet: the theme's colours as variables, a badge for each method, then `explorer.css`."""
    variables = "".join(f"--anb-{name}: {value};" for name, value in _VARIABLES.items())
    badges = "".join(
        f'.anb button.anb-{method.lower()}::before {{content: "{method}"; background: {TONES[tone][0]};}}'
        for method, tone in METHOD_TONES.items()
    )
    return f".anb {{{variables}}}{badges}{(Path(__file__).parent / 'explorer.css').read_text(encoding='utf-8')}"


@lru_cache(maxsize=1)
def layout() -> widgets.Layout:
    """The layout of every widget of the explorer: each of its own would cost a model; sizes come from the sheet."""
    return widgets.Layout()


@lru_cache(maxsize=8)
def shared_style(kind: type) -> object:
    """One style object for all widgets of a kind."""
    return kind()


def sheet() -> widgets.HTML:
    """The widget that carries the style sheet."""
    return widgets.HTML(f"<style>{css()}</style>", layout=layout())


def classed(widget: widgets.DOMWidget, *names: str) -> widgets.DOMWidget:
    """The widget with CSS classes, set at once."""
    widget._dom_classes = (*widget._dom_classes, *names)
    return widget


def button(text: str, kind: str, tip: str = "", *more: str) -> widgets.Button:
    """A button of the explorer; `kind` is its class in the style sheet."""
    style = shared_style(widgets.ButtonStyle)
    about = {"description": text, "tooltip": tip or text, "layout": layout(), "style": style}
    return widgets.Button(**about, _dom_classes=(kind, *more))  # set at once: set later they are one more message


def words(html: str = "") -> widgets.HTML:
    """A piece of HTML."""
    return widgets.HTML(html, layout=layout(), style=shared_style(widgets.widget_string.HTMLStyle))


def stack(children: list[widgets.Widget], *names: str) -> widgets.Box:
    """Widgets one below the other."""
    return classed(widgets.VBox(children, layout=layout()), *names)


def line(children: list[widgets.Widget], *names: str) -> widgets.Box:
    """Widgets side by side."""
    return classed(widgets.HBox(children, layout=layout()), *names)


def replace(holder: widgets.Box, children: list[widgets.Widget]) -> None:
    """Put other widgets into a box; the old ones that are not among them are closed."""
    old, holder.children = holder.children, tuple(children)
    for widget in old:
        if widget not in children:
            close_all(widget)


def set_hidden(widget: widgets.DOMWidget, hidden: bool) -> None:
    """Hide or show a widget without taking it apart."""
    rest = tuple(name for name in widget._dom_classes if name != "anb-hidden")
    names = (*rest, "anb-hidden") if hidden else rest
    if names != tuple(widget._dom_classes):
        widget._dom_classes = names


def is_hidden(widget: widgets.DOMWidget) -> bool:
    """Whether a widget was hidden."""
    return "anb-hidden" in widget._dom_classes


def close_all(widget: widgets.Widget) -> None:
    """Close a widget and what is in it: ipywidgets would keep them for ever."""
    for child in getattr(widget, "children", ()):
        close_all(child)
    widget.close()


def focus_first(widget: widgets.Widget) -> bool:
    """Give the focus to the first control in a widget that takes a value; whether there is one."""
    if isinstance(widget, _TAKES) and not widget.disabled:
        widget.focus()
        return True
    return not _is_away(widget) and any(map(focus_first, getattr(widget, "children", ())))


def _is_away(widget: widgets.Widget) -> bool:
    return isinstance(widget, widgets.DOMWidget) and is_hidden(widget)


_TAKES = (widgets.Text, widgets.Textarea, widgets.Dropdown)


class Status:
    """A line of words below the bar: what goes on, what went wrong, what to do. Screen readers hear it."""

    def __init__(self) -> None:
        self.widget = widgets.HTML("", layout=layout())
        self.last_error: BaseException | None = None
        self.lock = threading.RLock()

    def say(self, text: str, tone: str = "quiet") -> None:
        """Show one sentence; an empty text clears the line."""
        mark = (
            html.join([html.pill({"bad": "Error", "warn": "Note", "good": "Done"}[tone], tone), " "])
            if tone in _MARKED
            else ""
        )
        self.widget.value = str(html.tag("div", mark, text, role="status", style="padding:4px 14px")) if text else ""

    def guard(self, handler: Callable[..., Any]) -> Callable[..., None]:
        """A callback that cannot fail unseen, and that never runs beside another one."""

        @functools.wraps(handler)
        def guarded(*args: Any, **kwargs: Any) -> None:
            try:
                with self.lock:
                    handler(*args, **kwargs)
            except AstroNbError as error:
                self.last_error = error
                self.say(str(error), "bad")
            except Exception as error:  # noqa: BLE001  # the one place: a callback's exception is seen by nobody otherwise
                self.last_error = error
                self.say(f"astro_nb failed here ({type(error).__name__}: {error}). Please report it.", "bad")

        return guarded


_MARKED = ("bad", "warn", "good")
