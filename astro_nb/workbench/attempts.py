"""Attempts told in the cell that waits for them."""

from __future__ import annotations

from ..exchange import Attempt
from ..progress import Progress


class Attempts:
    """Called with each attempt as it ends; says in the notebook why the next one waits, and how it ended."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._progress: Progress | None = None

    def __call__(self, attempt: Attempt) -> None:
        told = attempt.words(self._most)
        if told:
            self._progress = self._progress or Progress("Sending", quiet=0.0)
            self.show(None, told)
        elif self._progress:
            self.show(1.0, f"{attempt.outcome} at attempt {attempt.number}")
            self._progress = None

    def show(self, fraction: float | None, words: str) -> None:
        """Draw it."""
        if self._progress:
            self._progress(fraction, words)
