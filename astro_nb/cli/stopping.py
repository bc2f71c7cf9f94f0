"""When a command that goes on is to stop."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import threading
from collections.abc import Iterator

TICK = 0.1  # seconds between two looks at whether it is time to stop


@contextlib.contextmanager
def stop_signals() -> Iterator[threading.Event]:
    """An event that Ctrl-C, SIGTERM and a closed terminal set, instead of what they do otherwise."""
    stop = threading.Event()
    numbers = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in numbers}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def wait(stop: threading.Event, child: subprocess.Popen[bytes] | None = None) -> None:
    """Wait until it is time to stop, or the child has ended by itself."""
    while not stop.wait(TICK) and (child is None or child.poll() is None):
        pass
