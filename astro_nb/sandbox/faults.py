"""Faults: errors and delays on purpose, for some requests."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import UnknownName, UsageError

FAULT_KINDS: dict[str, Mapping[str, Any]] = {
    "latency": {"seconds": 1.0},
    "status": {"code": 503, "retry_after": None, "done": False},
    "rate_limit": {"retry_after": None},
    "html": {"done": False},
    "reset": {"done": False},
    "reset_midway": {},
    "truncated": {},
    "short": {},
    "drip": {"seconds": 2.0},
}
"""Each kind of fault with its options and their defaults. `done`: whether the operation runs before it fails.

latency: the response is `seconds` late. status: an error with that `code`. rate_limit: a 429. html: a 502 with a page
of HTML. reset: the connection breaks before the response. reset_midway: it breaks inside the response. truncated: the
JSON ends early, with the length that it has. short: the body is shorter than its declared length. drip: the body takes
`seconds`.
"""


@dataclass(frozen=True)
class Fault:
    """One fault: for which operation and method ("*" for all), and how many more times (None for always)."""

    kind: str
    operation: str = "*"
    method: str = "*"
    times: int | None = 1
    probability: float = 1.0
    options: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        where = " ".join(part for part in (self.method, self.operation) if part != "*") or "any operation"
        times = "always" if self.times is None else "once" if self.times == 1 else f"{self.times} times"
        chance = (
            "" if self.probability == 1 else f", one in {1 / self.probability:.3g}" if self.probability else ", never"
        )
        details = ", ".join(f"{name} {value}" for name, value in self.options.items() if value not in (None, False))
        return f"{self.kind}{f' ({details})' if details else ''} · {where} · {times}{chance}"

    def applies_to(self, operation: str, method: str) -> bool:
        """Whether the fault is for this operation and method."""
        return self.operation in ("*", operation) and self.method.upper() in ("*", method)

    def __getitem__(self, name: str) -> Any:
        return self.options[name]

    def to_dict(self) -> dict[str, Any]:
        """Return the fault as plain data."""
        plain = {name: getattr(self, name) for name in ("kind", "operation", "method", "times", "probability")}
        return {**plain, **self.options}


def make_fault(
    kind: str,
    *,
    operation: str = "*",
    method: str = "*",
    times: int | None = 1,
    probability: float = 1.0,
    **options: Any,
) -> Fault:
    """Return a fault with the defaults of its kind.

    Raises:
        UnknownName: there is no such kind, or it has no such option.
        UsageError: the number of times or the probability is out of range.
    """
    if kind not in FAULT_KINDS:
        raise UnknownName("fault", kind, FAULT_KINDS)
    for name in options:
        if name not in FAULT_KINDS[kind]:
            raise UnknownName(
                f"option of the fault {kind!r}",
                name,
                FAULT_KINDS[kind],
                todo="" if FAULT_KINDS[kind] else "It has none.",
            )
    if (times is not None and times < 1) or not 0 <= probability <= 1:
        raise UsageError("A fault needs `times` of 1 or more and a `probability` from 0 to 1.", "Correct the numbers.")
    return Fault(kind, operation, method, times, probability, {**FAULT_KINDS[kind], **options})


class Faults:
    """The faults that are active; each is used up by the requests that it applies to."""

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed
        self.clear()

    def __repr__(self) -> str:
        return f"<Faults: {', '.join(fault.kind for fault in self._faults) or 'none'}>"

    def __len__(self) -> int:
        return len(self._faults)

    def __iter__(self) -> Iterator[Fault]:
        return iter(tuple(self._faults))

    def add(self, kind: str, **settings: Any) -> Fault:
        """Add a fault; the settings are those of `make_fault`: operation, method, times, probability, and options.

        Raises:
            UnknownName: there is no such kind, or it has no such option.
        """
        fault = make_fault(kind, **settings)
        self._faults.append(fault)
        return fault

    def clear(self) -> None:
        """Remove all faults."""
        self._faults: list[Fault] = []
        self._chance = random.Random(self._seed)  # noqa: S311  # repeatable on purpose, not secret

    def take(self, operation: str, method: str) -> tuple[Fault, ...]:
        """Return the faults that apply to this request, every latency and the first of the others, and use them up."""
        taken: list[Fault] = []
        for fault in tuple(self._faults):
            second = fault.kind != "latency" and any(other.kind != "latency" for other in taken)
            if second or not fault.applies_to(operation, method) or self._chance.random() >= fault.probability:
                continue
            taken.append(fault)
            self._use(fault)
        return tuple(taken)

    def _use(self, fault: Fault) -> None:
        if fault.times is None:
            return
        at = next(i for i, other in enumerate(self._faults) if other is fault)
        left = fault.times - 1
        self._faults[at : at + 1] = [Fault(**{**vars(fault), "times": left})] if left else []
