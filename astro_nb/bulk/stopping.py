"""The stop button of a notebook, pressed once and pressed twice."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any


class Stopping:
    """Within a `with` block an interrupt raises nothing: the first is noted, and from the second on `cancel` is called.

    On another thread than the main one, which no interrupt reaches, it does nothing.
    """

    def __init__(self, cancel: Callable[[], None]) -> None:
        self._cancel = cancel
        self._before: Any = None
        self.times = 0

    def __enter__(self) -> Stopping:
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._asked)
        return self

    def __exit__(self, *raised: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def _asked(self, number: int, frame: FrameType | None) -> None:
        self.times += 1
        if self.times > 1:
            self._cancel()
