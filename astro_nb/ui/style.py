"""How the explorer looks: one style sheet, in the colours of the front end's theme.

It rides in an HTML widget of the explorer, so it works wherever the widgets do. Every rule stands below `.anb`, so that
nothing else in the notebook changes. Widths follow the explorer's own width (container queries), not the window's.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import ipywidgets as widgets

from ..html import LINE, METHOD_TONES, MONO, PANEL, QUIET, TEXT, TONES

_VARIABLES = {"line": LINE, "panel": PANEL, "quiet": QUIET, "text": TEXT, "mono": MONO}


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
