"""Long work told as it goes on: a line of static HTML in a notebook, nothing elsewhere.

A display that is updated in place is kept in the notebook as it last was, where a widget would come back as "model not
found".

Who is told of long work as it goes on.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

from . import html

_QUIET = 0.4  # seconds: shorter work needs no progress
_EVERY = 0.1
_NO_PICTURE = html.Markup("")


class Progress:
    """Called with the fraction done (None where unknown) and words; draws at most ten times a second, in notebooks.

    A third argument is drawn below the words: HTML that shows more than a bar can.

    Args:
        label: what is done.
        quiet: seconds of work that needs no progress.
    """

    def __init__(self, label: str, quiet: float = _QUIET) -> None:
        self._label, self._quiet = label, quiet
        self._begun = self._drawn = time.monotonic()
        self._handle: Any = None

    def __call__(self, fraction: float | None, words: str, picture: html.Markup = _NO_PICTURE) -> None:
        now = time.monotonic()
        if now - self._begun < self._quiet or (now - self._drawn < _EVERY and fraction != 1.0):
            return
        self._drawn = now
        if in_notebook():
            self._show(fraction, words, picture)

    def _show(self, fraction: float | None, words: str, picture: html.Markup) -> None:
        from IPython.display import display

        bar = str(progress_bar(self._label, fraction, words, picture))
        drawn = {"text/plain": f"{self._label} · {words}", "text/html": bar}
        if self._handle is None:
            self._handle = display(drawn, raw=True, display_id=True)  # type: ignore[no-untyped-call]  # IPython has no types here
        else:
            self._handle.update(drawn, raw=True)


def progress_bar(label: str, fraction: float | None, words: str, picture: html.Markup = _NO_PICTURE) -> html.Markup:
    """A bar with its words and what else is shown; no bar where the fraction is unknown, or a picture stays alone."""
    alone = fraction is None or (picture and fraction >= 1.0)
    width = f"{100 * min(1.0, max(0.0, fraction or 0.0)):.0f}%"
    inner = html.tag("div", style=f"width:{width};height:4px;background:{html.TONES['info'][0]}")
    outer = html.tag(
        "div", inner, style=f"background:{html.BORDER};height:4px;border-radius:2px;overflow:hidden;width:220px"
    )
    return html.tag("div", html.tag("div", f"{label} · {words}"), picture, "" if alone else outer)


def in_notebook() -> bool:
    """Whether a notebook shows what is displayed."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return bool(shell) and hasattr(shell, "kernel")


OnProgress = Callable[[float | None, str], None]
"""Told of long work: the fraction done (None where unknown), and words."""
