"""Known secrets, and what looks like a credential, found in texts and notebooks; notebooks with secrets masked."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from ..frames import make_frame
from .patterns import abbreviate, is_random, match_patterns
from .redaction import find_occurrences, redact_data, strip_ansi
from .references import MASK
from .texts import find_named_values

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
NAMED = "value of a secret's name"

_ROTATE = "then rotate the secret: everyone who had the file has it"
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
    patterns = list(match_patterns(rest))
    spans = [(offset, offset + len(value)) for offset, _, value in patterns]
    named = [
        (start, NAMED, rest[start:end])
        for start, end in find_named_values(rest)
        if is_random(rest[start:end]) and not any(start < upper and lower < end for lower, upper in spans)
    ]
    possible = {
        replace(at, line=_line(rest, offset), kind=kind, secret=abbreviate(value))
        for offset, kind, value in (*patterns, *named)
    }
    yield from sorted(possible, key=lambda finding: (finding.line or 0, finding.kind, finding.secret))


def _line(text: str, offset: int) -> int:
    return text.count("\n", 0, offset) + 1


_CELL_FIELDS = (
    *("cell_type", "id", "source", "outputs", "attachments", "metadata"),
    *("execution_count", "input", "prompt_number"),
)
_OUTPUT_FIELDS = ("output_type", "execution_count", "name", "data", "text", "traceback", "ename", "evalue")
"""Fields that are read one by one below, or hold no text; all others are read as they are."""


class NotebookPart(NamedTuple):
    """The text of one part, and where it is: as the fields of a `Finding`."""

    cell: int | None
    cell_id: str
    part: str
    text: str


def notebook_parts(notebook: Mapping[str, Any]) -> Iterator[NotebookPart]:
    """Yield everything in a notebook: code, outputs, attachments, metadata, the state of widgets."""
    metadata = _mapping(notebook.get("metadata"))
    yield from _widget_parts(metadata.get("widgets"))
    yield NotebookPart(None, "", "metadata", _lines({k: v for k, v in metadata.items() if k != "widgets"}))
    rest = {k: v for k, v in notebook.items() if k not in ("metadata", "cells", "nbformat", "nbformat_minor")}
    if rest:  # notebooks of format 3 have worksheets
        yield NotebookPart(None, "", "notebook", _lines(rest))
    cells = notebook.get("cells")
    for number, cell in enumerate(cells if isinstance(cells, list) else [], 1):
        yield from _cell_parts(number, _mapping(cell))


def redact_notebook(notebook: Any, known: KnownSecrets) -> Any:
    """Return the notebook, as plain data of the same types, with every known secret masked."""
    return redact_data(notebook, known.values.values()) if known.values else notebook


def _cell_parts(number: int, cell: Mapping[str, Any]) -> Iterator[NotebookPart]:
    cell_id = str(cell.get("id") or _mapping(cell.get("metadata")).get("id") or "")
    cell_type = "code" if cell.get("cell_type") == "code" else str(cell.get("cell_type") or "cell")
    parts = [(cell_type, _text(cell.get("source", cell.get("input", ""))))]
    outputs = cell.get("outputs")
    for position, output in enumerate(outputs if isinstance(outputs, list) else [], 1):
        parts.append((f"output {position}", "\n".join(filter(None, _output_texts(_mapping(output))))))
    for title, bundle in _mapping(cell.get("attachments")).items():
        parts.append((f"attachment {title}", "\n".join(_bundle_texts(_mapping(bundle)))))
    parts.append(("metadata", _lines(cell.get("metadata"))))
    parts.append(("metadata", _lines({k: v for k, v in cell.items() if k not in _CELL_FIELDS})))
    yield from (NotebookPart(number, cell_id, part, text) for part, text in parts if text)


def _output_texts(output: Mapping[str, Any]) -> Iterator[str]:
    for name in ("ename", "evalue"):
        if output.get(name):
            yield _text(output[name])
    yield strip_ansi(_text(output.get("text", "")))
    yield strip_ansi("\n".join(map(_text, output.get("traceback") or [])))
    yield from _bundle_texts(_mapping(output.get("data")))
    yield _lines({k: v for k, v in output.items() if k not in _OUTPUT_FIELDS})


def _bundle_texts(bundle: Mapping[str, Any]) -> Iterator[str]:
    """Yield the content of each media type; base64 of a text both as it is and decoded."""
    for media_type, value in bundle.items():
        text = _text(value)
        yield text
        if media_type.startswith(("text/", "application/")) and (decoded := _decode_base64(text)):
            yield decoded


def _widget_parts(widgets: Any) -> Iterator[NotebookPart]:
    for media_type, saved in _mapping(widgets).items():
        state = _mapping(_mapping(saved).get("state"))
        for model_id, model in state.items():
            label = f"{_mapping(model).get('model_name') or media_type} {model_id}"
            yield NotebookPart(None, "", f"widget state, {label}", _lines(model))
        rest = {k: v for k, v in _mapping(saved).items() if k != "state"}
        yield NotebookPart(None, "", "widget state", _lines(rest or (saved if not state else None)))


def _text(value: Any) -> str:
    if isinstance(value, list) and all(isinstance(line, str) for line in value):
        return "".join(value)
    return value if isinstance(value, str) else _lines(value)


def _lines(value: Any) -> str:
    """Return nested data as lines `name: value`, without escaping anything."""
    return "\n".join(_named_lines("", value))


def _named_lines(name: str, value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _named_lines(str(key), inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _named_lines(name, inner)
    elif value not in (None, ""):
        yield f"{name}: {value}" if name else str(value)


def _decode_base64(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode()
    except (ValueError, binascii.Error):
        return ""


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
