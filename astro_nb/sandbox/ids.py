"""Ids that look like real ones and are the same on every run."""

from __future__ import annotations

from collections import Counter
from hashlib import blake2b

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def cuid(*parts: object) -> str:
    """An id of 25 characters in the manner of cuid, made from the parts: the same parts give the same id."""
    return "cm" + word(23, *parts)


def word(length: int, *parts: object) -> str:
    """Lower-case letters and digits, `length` of them (up to 48), made from the parts."""
    data = "\x1f".join(map(str, parts)).encode()
    number = int.from_bytes(blake2b(data, digest_size=32).digest(), "big")
    found = []
    for _ in range(length):
        number, digit = divmod(number, 36)
        found.append(_DIGITS[digit])
    return "".join(found)


class Sequence:
    """Ids in order: the n-th id of a label depends on the seed, the label and n alone."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._counts: Counter[str] = Counter()

    def next(self, label: str) -> str:
        """The following id of that label."""
        self._counts[label] += 1
        return cuid(self.seed, label, self._counts[label])
