"""Progress of long work: a line of static HTML in a notebook, nothing elsewhere.

The display is updated in place. A saved notebook keeps its last state, where a widget would show "model not found".
The environment variable `ASTRO_NB_PROGRESS=off` turns it off, for runs whose outputs are compared.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import Any

from . import html
from .errors import show_warning

_DELAY = 0.4  # seconds: shorter work shows no progress
_INTERVAL = 0.1  # seconds between two updates
_BAR_WIDTH = 220  # pixels
_NO_PICTURE = html.Markup("")


class Progress:
    """Shows progress in notebooks, at most ten times a second.

    Called with the fraction done (None if unknown), a text, and optionally HTML to show below the text.

    Args:
        label: What is being done.
        delay: Seconds of work before progress is shown.
    """

    def __init__(self, label: str, delay: float = _DELAY) -> None:
        self._label, self._delay = label, delay
        self._started = self._last_shown = time.monotonic()
        self._handle: Any = None
        self._is_broken = False

    def __call__(self, fraction: float | None, words: str, picture: html.Markup = _NO_PICTURE) -> None:
        now = time.monotonic()
        if now - self._started < self._delay or (now - self._last_shown < _INTERVAL and fraction != 1.0):
            return
        self._last_shown = now
        if self._is_broken or not in_notebook() or os.environ.get("ASTRO_NB_PROGRESS") == "off":
            return
        try:
            self._show(fraction, words, picture)
        except Exception as error:  # noqa: BLE001  # the warning shows it; the work counts more than its display
            self._is_broken = True
            show_warning(f"Progress cannot be shown: {type(error).__name__}: {error}.")

    def _show(self, fraction: float | None, words: str, picture: html.Markup) -> None:
        from IPython.display import display

        bar = str(progress_bar(self._label, fraction, words, picture))
        bundle = {"text/plain": f"{self._label} · {words}", "text/html": bar}
        if self._handle is None:
            self._handle = display(bundle, raw=True, display_id=True)  # type: ignore[no-untyped-call]  # IPython has no types here
        else:
            self._handle.update(bundle, raw=True)


def progress_bar(label: str, fraction: float | None, words: str, picture: html.Markup = _NO_PICTURE) -> html.Markup:
    """Return the label, the text, the picture and a bar; no bar if the fraction is unknown or a picture is complete."""
    has_no_bar = fraction is None or (picture and fraction >= 1.0)
    width = f"{100 * min(1.0, max(0.0, fraction or 0.0)):.0f}%"
    inner = html.tag("div", style=f"width:{width};height:4px;background:{html.TONES['info'][0]}")
    style = f"background:{html.BORDER};height:4px;border-radius:2px;overflow:hidden;width:{_BAR_WIDTH}px"
    outer = html.tag("div", inner, style=style)
    return html.tag("div", html.tag("div", f"{label} · {words}"), picture, "" if has_no_bar else outer)


def in_notebook() -> bool:
    """Whether the code runs in a notebook, which shows what is displayed."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return bool(shell) and hasattr(shell, "kernel")


OnProgress = Callable[[float | None, str], None]
"""Called during long work with the fraction done (None if unknown) and a text."""
