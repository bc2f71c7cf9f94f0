"""Buttons, and boxes whose widgets come and go."""

from __future__ import annotations

import ipywidgets as widgets

from .style import classed, layout, shared_style


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
