"""What in a text is a known secret, or looks like one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from ..environment import MASK, occurrences
from .finding import Finding
from .looks import looks_in, starred

KNOWN = "known secret"


@dataclass(frozen=True)
class Known:
    """The secrets that are looked for, by reference, and the references that yielded nothing."""

    values: dict[str, str] = field(default_factory=dict, repr=False)
    unknown: tuple[str, ...] = ()

    def __or__(self, other: Known) -> Known:
        """Those of both."""
        values = {**self.values, **other.values}
        unknown = dict.fromkeys((*self.unknown, *other.unknown))
        return Known(values, tuple(name for name in unknown if name not in values))

    def __reduce__(self) -> str:
        raise TypeError("Known secrets are not pickled.")

    @property
    def references(self) -> tuple[str, ...]:
        """What is looked for, by reference."""
        return tuple(self.values)


def find_known(text: str, known: Known, at: Finding) -> Iterator[Finding]:
    """The known secrets that a text holds, in any spelling; `at` is where the text stands."""
    for reference, value in known.values.items():
        for offset in occurrences(text, value):
            yield replace(at, line=_line(text, offset), kind=KNOWN, secret=reference, known=True)


def find_leaks(text: str, known: Known, at: Finding) -> Iterator[Finding]:
    """The known secrets that a text holds, then what looks like a credential in the rest; each line once."""
    found = dict.fromkeys(find_known(text, known, at))
    yield from found
    rest = text
    for value in known.values.values() if found else ():
        rest = rest.replace(value, MASK)
    shift = rest is not text  # lines stay, offsets do not: none of the looks spans a known secret
    seen = {
        replace(at, line=_line(rest if shift else text, offset), kind=kind, secret=starred(value))
        for offset, kind, value in looks_in(rest)
    }
    yield from sorted(seen, key=lambda finding: (finding.line or 0, finding.kind, finding.secret))


def _line(text: str, offset: int) -> int:
    return text.count("\n", 0, offset) + 1
