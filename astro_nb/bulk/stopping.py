"""The stop button of a notebook, pressed once and pressed twice."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from contextlib import ExitStack
from types import FrameType

from ..client import current_stop


class Stopping:
    """Within a `with` block an interrupt raises nothing: the first is noted, and from the second on `cancel` is called.

    For work in the background, which no interrupt reaches, so does its `cancel()`.
    """

    def __init__(self, cancel: Callable[[], None]) -> None:
        self._cancel = cancel
        self._left = ExitStack()
        self.times = 0

    def __enter__(self) -> Stopping:
        stop = current_stop.get()
        if stop is not None:  # what is sent within goes on when it is set
            self._left.callback(stop.watch(self._asked))
            self._left.callback(current_stop.reset, current_stop.set(None))
        elif threading.current_thread() is threading.main_thread():
            before = signal.signal(signal.SIGINT, self._interrupted)
            self._left.callback(signal.signal, signal.SIGINT, before)
        return self

    def __exit__(self, *raised: object) -> None:
        self._left.close()

    def _interrupted(self, number: int, frame: FrameType | None) -> None:
        self._asked()

    def _asked(self) -> None:
        self.times += 1
        if self.times > 1:
            self._cancel()
