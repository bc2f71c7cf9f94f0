"""Regular expressions of documents: short texts that they match, and whether they can be trusted with long ones."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

T = TypeVar("T")

_MOST_REPEATS = 10_000
"""A pattern that asks for more characters than this, repeats multiplied, gets no text."""


_NESTED = re.compile(r"\((?:[^()\\]|\\.)*(?:[+*|]|\{\d+,)(?:[^()\\]|\\.)*\)(?:[+*]|\{\d+,)")
"""A group that repeats or chooses, and is repeated itself without end."""


def is_endless(pattern: str) -> bool:
    """Whether trying a pattern may take time without end: Python's engine knows no limit."""
    return _NESTED.search(pattern) is not None


class _Least(random.Random):
    """Chance that always draws the first of a choice, and the least of a range, or a little more."""

    def __init__(self, more: int) -> None:
        super().__init__(0)
        self._more = more

    def randint(self, a: int, b: int) -> int:
        return min(a + self._more, b)

    def choice(self, seq: Any) -> Any:
        return seq[0]

    def sample(self, population: Sequence[T], k: int, *, counts: Any = None) -> list[T]:
        return list(population)[:k]


def texts_like(pattern: str) -> Iterator[str]:
    """Texts that a pattern may match, the shortest first; none where Python cannot read it or it asks for too much.

    What a pattern asks by looking ahead or behind is not heeded: whoever takes a text tries it.
    """
    if not pattern or math.prod(map(int, re.findall(r"\{(\d+)", pattern))) > _MOST_REPEATS:
        return
    import rstr  # imported at first use: most patterns are met without it

    for more in (0, 1, 2, 4, 8, 16):
        try:
            yield rstr.Rstr(_Least(more)).xeger(pattern)
        except (re.error, KeyError, ValueError, OverflowError, RecursionError):
            return
