"""How the cost of work grows with its input."""

from __future__ import annotations

import time
from collections.abc import Callable


def growth(work: Callable[[str], object], piece: str, start: str = "", size: int = 10_000) -> float:
    """Return how many times as much processor time a text takes that is four times as long.

    About 4 is linear, 16 quadratic. The text is `piece`, repeated; the better of two measurements counts.
    """
    texts = [start + piece * (length // len(piece)) for length in (size, 4 * size)]
    short, long = (min(_seconds(work, text) for _ in range(2)) for text in texts)
    return long / max(short, 0.001)


def _seconds(work: Callable[[str], object], text: str) -> float:
    begun = time.process_time()
    work(text)
    return time.process_time() - begun
