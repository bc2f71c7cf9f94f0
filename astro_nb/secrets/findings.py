"""Secrets found in a text: known ones, and what looks like a credential."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ..frames import make_frame
from .patterns import abbreviate, match_patterns
from .redaction import find_occurrences
from .references import MASK

if TYPE_CHECKING:
    from ..frames import DataFrame


COLUMNS = {
    "file": "string",
    "cell": "Int64",
    "cellId": "string",
    "part": "string",
    "line": "Int64",
    "kind": "string",
    "secret": "string",
    "known": "boolean",
    "todo": "string",
}

KNOWN = "known secret"

_ROTATE = "then rotate the secret: whoever had the file has it"
_TODO = {
    "code": "Take it out of the cell (a Secret, or os.environ)",
    "output": "Clear the output of the cell",
    "widget state": "Clear the widget state (restart the kernel, clear all outputs, save)",
    "metadata": "Take it out of the metadata",
    "attachment": "Take the attachment out of the cell",
    "markdown": "Take it out of the text",
    "entry": "Delete it: api.history.clear()",
    "body": "Delete it: api.history.clear()",
}
"""What to do first, by the beginning of the part's name."""

_TODO_FOR_FILE = "Take it out of the file; if it is in git: git rm --cached FILE"


@dataclass(frozen=True)
class Finding:
    """One secret and where it was found; the secret itself is never part of it.

    Attributes:
        file: the file, as it was given.
        cell: the number of the cell in its notebook, from 1; None outside of cells.
        cell_id: the cell's id.
        part: of a cell "code", "markdown", "output 2", "metadata" or "attachment a.png"; of a notebook "widget state"
            or "metadata"; of a history the entry; empty for a file as a whole.
        line: the line in that part, from 1; None if the part has no lines.
        kind: "known secret", or the kind of credential that it looks like.
        secret: the reference of a known secret; else the first characters and stars.
        known: whether it is a known secret; else it only looks like one.
    """

    file: str
    cell: int | None = None
    cell_id: str = ""
    part: str = ""
    line: int | None = None
    kind: str = ""
    secret: str = ""
    known: bool = False

    @property
    def place(self) -> str:
        """Where it was found: `demo.ipynb, cell 3 (a1b2), output 1, line 2`."""
        cell = f"cell {self.cell}{f' ({self.cell_id})' if self.cell_id else ''}" if self.cell else ""
        line = f"line {self.line}" if self.line else ""
        return ", ".join(filter(None, (self.file, cell, self.part, line)))

    @property
    def todo(self) -> str:
        """What to do about it."""
        first = next((todo for part, todo in _TODO.items() if self.part.startswith(part)), _TODO_FOR_FILE)
        return f"{first}, {_ROTATE}."

    def __str__(self) -> str:
        return f"{self.place}: {self.kind if self.known else f'possible {self.kind}'}, {self.secret}"

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data."""
        data = {**asdict(self), "todo": self.todo}
        return {"cellId" if name == "cell_id" else name: value for name, value in data.items()}


def findings_frame(findings: Iterable[Finding]) -> DataFrame:
    """Return findings as a DataFrame with one row each."""
    return make_frame([finding.to_dict() for finding in findings], COLUMNS)


@dataclass(frozen=True)
class KnownSecrets:
    """The secrets to look for.

    Attributes:
        values: the secrets by reference.
        unknown: the references whose value is not available.
    """

    values: dict[str, str] = field(default_factory=dict, repr=False)
    unknown: tuple[str, ...] = ()

    def __or__(self, other: KnownSecrets) -> KnownSecrets:
        """Return the secrets of both."""
        values = {**self.values, **other.values}
        unknown = dict.fromkeys((*self.unknown, *other.unknown))
        return KnownSecrets(values, tuple(name for name in unknown if name not in values))

    def __reduce__(self) -> str:
        raise TypeError("Known secrets cannot be pickled.")

    @property
    def references(self) -> tuple[str, ...]:
        """The references of the secrets whose values are available."""
        return tuple(self.values)


def find_known_secrets(text: str, known: KnownSecrets, at: Finding) -> Iterator[Finding]:
    """Yield the known secrets that a text contains, in any spelling; `at` is the place of the text."""
    for reference, value in known.values.items():
        for offset in find_occurrences(text, value):
            yield replace(at, line=_line(text, offset), kind=KNOWN, secret=reference, known=True)


def find_secrets(text: str, known: KnownSecrets, at: Finding) -> Iterator[Finding]:
    """Yield the known secrets that a text contains, then what looks like a credential in the rest; no line twice."""
    found = dict.fromkeys(find_known_secrets(text, known, at))
    yield from found
    rest = text
    for value in known.values.values() if found else ():
        rest = rest.replace(value, MASK)
    # Masking moves offsets but no lines, and no pattern spans a known secret.
    possible = {
        replace(at, line=_line(rest, offset), kind=kind, secret=abbreviate(value))
        for offset, kind, value in match_patterns(rest)
    }
    yield from sorted(possible, key=lambda finding: (finding.line or 0, finding.kind, finding.secret))


def _line(text: str, offset: int) -> int:
    return text.count("\n", 0, offset) + 1
