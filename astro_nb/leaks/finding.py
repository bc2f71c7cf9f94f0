"""One leak: where it stands, what it is, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ..frames import records_frame

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

_ROTATE = "then rotate the secret: whoever had the file has it"
_TODO = {
    "code": "Take it out of the cell (a Secret, or os.environ)",
    "output": "Clear the output of the cell",
    "widget state": "Clear the widget state (restart the kernel, clear all outputs, save)",
    "metadata": "Take it out of the metadata",
    "attachment": "Take the attachment out of the cell",
    "markdown": "Take it out of the text",
    "entry": "Forget it: api.history.clear()",
    "body": "Forget it: api.history.clear()",
}
_OF_FILE = "Take it out of the file; where git has it: git rm --cached FILE"
"""What to do first, by the first words of the part."""


@dataclass(frozen=True)
class Finding:
    """One leak; the secret itself is never in it.

    Attributes:
        file: the file, as it was named.
        cell: the number of the cell in its notebook, from 1; None outside of cells.
        cell_id: the cell's id.
        part: of a cell "code", "markdown", "output 2", "metadata" or "attachment a.png"; of a notebook "widget state"
            or "metadata"; of a history the entry; empty for a file as a whole.
        line: the line in that part, from 1; None where it has none.
        kind: "known secret", or what it looks like.
        secret: the reference of a known secret; the first characters of a possible one, starred.
        known: whether it is one for certain.
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
        """Where it stands, in words: `demo.ipynb, cell 3 (a1b2), output 1, line 2`."""
        cell = f"cell {self.cell}{f' ({self.cell_id})' if self.cell_id else ''}" if self.cell else ""
        line = f"line {self.line}" if self.line else ""
        return ", ".join(filter(None, (self.file, cell, self.part, line)))

    @property
    def todo(self) -> str:
        """What to do about it."""
        first = next((words for part, words in _TODO.items() if self.part.startswith(part)), _OF_FILE)
        return f"{first}, {_ROTATE}."

    def __str__(self) -> str:
        return f"{self.place}: {self.kind if self.known else f'possible {self.kind}'}, {self.secret}"

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON data."""
        told = {**asdict(self), "todo": self.todo}
        return {"cellId" if name == "cell_id" else name: value for name, value in told.items()}


def findings_frame(findings: Iterable[Finding]) -> DataFrame:
    """Findings as a DataFrame, one row each."""
    return records_frame([finding.to_dict() for finding in findings], COLUMNS)
