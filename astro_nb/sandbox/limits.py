"""How often a subject may ask: token buckets, full at first and filled again at the rate stated."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Limits:
    """Buckets by subject and by what is counted together.

    Attributes:
        on: whether the limits hold.
        retry_after: whether a refusal says in `Retry-After` when to come again.
    """

    on: bool = True
    retry_after: bool = True
    _buckets: dict[tuple[str, str], tuple[float, float]] = field(default_factory=dict, repr=False)

    def clear(self) -> None:
        """Fill every bucket."""
        self._buckets.clear()

    def take(self, subject: str, label: str, count: float, per: float, now: float) -> float:
        """Take one request out of a bucket of `count` in `per` seconds: 0, or the seconds until there is one."""
        rate = count / per
        left, at = self._buckets.get((subject, label), (count, now))
        left = min(count, left + (now - at) * rate)
        taken = left >= 1 - 1e-9  # what was refilled in parts is not lost to rounding
        self._buckets[subject, label] = (left - 1 if taken else left, now)
        return 0.0 if taken else (1 - left) / rate
