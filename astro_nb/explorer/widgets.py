"""Shared parts of the explorer: style sheet, buttons, boxes, and the status line.

The style sheet is in an HTML widget of the explorer, so it works wherever widgets do. Rules are scoped to `.anb`, so
that nothing else in the notebook changes. Widths follow the width of the explorer (container queries).
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
def build_css() -> str:
    """Return the style sheet: theme colours as variables, a badge per method, then `explorer.css`."""
    variables = "".join(f"--anb-{name}: {value};" for name, value in _VARIABLES.items())
    badges = "".join(
        f'.anb button.anb-{method.lower()}::before {{content: "{method}"; background: {TONES[tone][0]};}}'
        for method, tone in METHOD_TONES.items()
    )
    return f".anb {{{variables}}}{badges}{(Path(__file__).parent / 'explorer.css').read_text(encoding='utf-8')}"


@lru_cache(maxsize=1)
def shared_layout() -> widgets.Layout:
    """Return the layout that all widgets share: one each would cost a model; sizes come from the style sheet."""
    return widgets.Layout()


@lru_cache(maxsize=8)
def shared_style(kind: type) -> object:
    """Return the style object that all widgets of a class share."""
    return kind()


def style_sheet() -> widgets.HTML:
    """Return the widget that holds the style sheet."""
    return html_widget(f"<style>{build_css()}</style>")


def add_classes(widget: widgets.DOMWidget, *names: str) -> widgets.DOMWidget:
    """Add CSS classes to a widget, and return it."""
    widget._dom_classes = (*widget._dom_classes, *names)
    return widget


def button(text: str, kind: str, tip: str = "", *more: str) -> widgets.Button:
    """Create a button; `kind` is its class in the style sheet."""
    style = shared_style(widgets.ButtonStyle)
    about = {"description": text, "tooltip": tip or text, "layout": shared_layout(), "style": style}
    return widgets.Button(**about, _dom_classes=(kind, *more))  # setting them later costs another message


def html_widget(html: str = "") -> widgets.HTML:
    """Create an HTML widget."""
    return widgets.HTML(html, layout=shared_layout(), style=shared_style(widgets.widget_string.HTMLStyle))


def text_input(
    description: str, *names: str, kind: type[widgets.Widget] = widgets.Text, **options: Any
) -> widgets.DOMWidget:
    """Create a text input with CSS classes, by default one that reports its value when typing has ended."""
    style = shared_style(widgets.widget_string.TextStyle)
    options = {"description": description, "continuous_update": False, **options}
    return kind(**options, layout=shared_layout(), style=style, _dom_classes=names)


def dropdown(
    description: str, *names: str, kind: type[widgets.Widget] = widgets.Dropdown, **options: Any
) -> widgets.DOMWidget:
    """Create a dropdown, or another selection, with CSS classes."""
    style = shared_style(widgets.widget_description.DescriptionStyle)
    return kind(description=description, **options, layout=shared_layout(), style=style, _dom_classes=names)


def vertical(children: list[widgets.Widget], *names: str) -> widgets.Box:
    """Stack widgets vertically."""
    return add_classes(widgets.VBox(children, layout=shared_layout()), *names)


def horizontal(children: list[widgets.Widget], *names: str) -> widgets.Box:
    """Place widgets side by side."""
    return add_classes(widgets.HBox(children, layout=shared_layout()), *names)


def replace_children(holder: widgets.Box, children: list[widgets.Widget]) -> None:
    """Replace the children of a box, and close those that are removed."""
    old, holder.children = holder.children, tuple(children)
    for widget in old:
        if widget not in children:
            close_tree(widget)


def set_hidden(widget: widgets.DOMWidget, hidden: bool) -> None:
    """Hide or show a widget without rebuilding it."""
    rest = tuple(name for name in widget._dom_classes if name != "anb-hidden")
    names = (*rest, "anb-hidden") if hidden else rest
    if names != tuple(widget._dom_classes):
        widget._dom_classes = names


def is_hidden(widget: widgets.DOMWidget) -> bool:
    """Whether a widget is hidden."""
    return "anb-hidden" in widget._dom_classes


def close_tree(widget: widgets.Widget) -> None:
    """Close a widget and its descendants; ipywidgets keeps them otherwise."""
    for child in getattr(widget, "children", ()):
        close_tree(child)
    widget.close()


def focus_first(widget: widgets.Widget) -> bool:
    """Focus the first input in a widget; return whether there is one."""
    if isinstance(widget, _INPUT_TYPES) and not widget.disabled:
        widget.focus()
        return True
    return not _is_concealed(widget) and any(map(focus_first, getattr(widget, "children", ())))


def _is_concealed(widget: widgets.Widget) -> bool:
    return isinstance(widget, widgets.DOMWidget) and is_hidden(widget)


_INPUT_TYPES = (widgets.Text, widgets.Textarea, widgets.Dropdown)


class Status:
    """The status line below the bar: progress, errors and what to do. Screen readers announce it."""

    def __init__(self) -> None:
        self.widget = html_widget()
        self.last_error: BaseException | None = None
        self.lock = threading.RLock()

    def show_message(self, text: str, tone: str = "quiet") -> None:
        """Show one sentence; an empty text clears the line."""
        mark = html.join([html.pill(_TONE_LABELS[tone], tone), " "]) if tone in _TONE_LABELS else ""
        self.widget.value = str(html.tag("div", mark, text, role="status", style="padding:4px 14px")) if text else ""

    def report_errors(self, handler: Callable[..., Any]) -> Callable[..., None]:
        """Wrap a callback so that its errors are shown in the status line, and no two callbacks run at once."""

        @functools.wraps(handler)
        def guarded(*args: Any, **kwargs: Any) -> None:
            try:
                with self.lock:
                    handler(*args, **kwargs)
            except AstroNbError as error:
                self.last_error = error
                self.show_message(str(error), "bad")
            except Exception as error:  # noqa: BLE001  # exceptions in widget callbacks are invisible otherwise
                self.last_error = error
                self.show_message(f"astro_nb failed here ({type(error).__name__}: {error}). Please report it.", "bad")

        return guarded


_TONE_LABELS = {"bad": "Error", "warn": "Note", "good": "Done"}
