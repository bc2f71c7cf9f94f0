"""The one handler that turns a callback's failure into a visible row."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Any

import ipywidgets as widgets

from .. import html
from ..errors import AstroNbError
from .style import layout


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
