"""One leak: where it stands, what it is, and what to do about it.

What in a text is a known secret, or looks like one.

A notebook as the pieces in which a secret can stand.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from ..frames import make_frame
from .patterns import looks_in, starred
from .redaction import find_occurrences, redact
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
    return make_frame([finding.to_dict() for finding in findings], COLUMNS)


KNOWN = "known secret"


@dataclass(frozen=True)
class KnownSecrets:
    """The secrets that are looked for, by reference, and the references that yielded nothing."""

    values: dict[str, str] = field(default_factory=dict, repr=False)
    unknown: tuple[str, ...] = ()

    def __or__(self, other: KnownSecrets) -> KnownSecrets:
        """Those of both."""
        values = {**self.values, **other.values}
        unknown = dict.fromkeys((*self.unknown, *other.unknown))
        return KnownSecrets(values, tuple(name for name in unknown if name not in values))

    def __reduce__(self) -> str:
        raise TypeError("Known secrets are not pickled.")

    @property
    def references(self) -> tuple[str, ...]:
        """What is looked for, by reference."""
        return tuple(self.values)


def find_known_secrets(text: str, known: KnownSecrets, at: Finding) -> Iterator[Finding]:
    """The known secrets that a text holds, in any spelling; `at` is where the text stands."""
    for reference, value in known.values.items():
        for offset in find_occurrences(text, value):
            yield replace(at, line=_line(text, offset), kind=KNOWN, secret=reference, known=True)


def find_secrets(text: str, known: KnownSecrets, at: Finding) -> Iterator[Finding]:
    """The known secrets that a text holds, then what looks like a credential in the rest; each line once."""
    found = dict.fromkeys(find_known_secrets(text, known, at))
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


_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_OURS = ("cell_type", "id", "source", "outputs", "attachments", "metadata", "execution_count", "input", "prompt_number")
_MADE = ("output_type", "execution_count", "name", "data", "text", "traceback", "ename", "evalue")


class NotebookPart(NamedTuple):
    """One piece: its cell (number from 1, and id; None and empty outside of cells), its part, its text."""

    cell: int | None
    cell_id: str
    part: str
    text: str


def notebook_parts(notebook: Mapping[str, Any]) -> Iterator[NotebookPart]:
    """Everything that a notebook holds, piece by piece: code, outputs, attachments, metadata, the state of widgets."""
    metadata = _mapping(notebook.get("metadata"))
    yield from _widgets(metadata.get("widgets"))
    yield NotebookPart(None, "", "metadata", _lines({k: v for k, v in metadata.items() if k != "widgets"}))
    rest = {k: v for k, v in notebook.items() if k not in ("metadata", "cells", "nbformat", "nbformat_minor")}
    if rest:  # format 3 has worksheets
        yield NotebookPart(None, "", "notebook", _lines(rest))
    cells = notebook.get("cells")
    for number, cell in enumerate(cells if isinstance(cells, list) else [], 1):
        yield from _cell(number, _mapping(cell))


def redact_notebook(notebook: Any, known: KnownSecrets) -> Any:
    """The notebook with every known secret starred out, wherever it stands; as plain data of the same kinds."""
    secrets = tuple(known.values.values())
    return _starred(notebook, secrets) if secrets else notebook


def _cell(number: int, cell: Mapping[str, Any]) -> Iterator[NotebookPart]:
    name = str(cell.get("id") or _mapping(cell.get("metadata")).get("id") or "")
    kind = "code" if cell.get("cell_type") == "code" else str(cell.get("cell_type") or "cell")
    pieces = [(kind, _text(cell.get("source", cell.get("input", ""))))]
    outputs = cell.get("outputs")
    for place, output in enumerate(outputs if isinstance(outputs, list) else [], 1):
        pieces.append((f"output {place}", "\n".join(filter(None, _output(_mapping(output))))))
    for title, bundle in _mapping(cell.get("attachments")).items():
        pieces.append((f"attachment {title}", "\n".join(_bundle(_mapping(bundle)))))
    pieces.append(("metadata", _lines(cell.get("metadata"))))
    pieces.append(("metadata", _lines({k: v for k, v in cell.items() if k not in _OURS})))
    yield from (NotebookPart(number, name, part, text) for part, text in pieces if text)


def _output(output: Mapping[str, Any]) -> Iterator[str]:
    for part in ("ename", "evalue"):
        if output.get(part):
            yield _text(output[part])
    yield _ANSI.sub("", _text(output.get("text", "")))
    yield _ANSI.sub("", "\n".join(map(_text, output.get("traceback") or [])))
    yield from _bundle(_mapping(output.get("data")))
    yield _lines({k: v for k, v in output.items() if k not in _MADE})


def _bundle(bundle: Mapping[str, Any]) -> Iterator[str]:
    """What stands under each media type; base64 that turns out to be text is told as both."""
    for kind, value in bundle.items():
        text = _text(value)
        yield text
        if kind.startswith(("text/", "application/")) and (plain := _from_base64(text)):
            yield plain


def _widgets(widgets: Any) -> Iterator[NotebookPart]:
    for kind, saved in _mapping(widgets).items():
        state = _mapping(_mapping(saved).get("state"))
        for name, model in state.items():
            label = f"{_mapping(model).get('model_name') or kind} {name}"
            yield NotebookPart(None, "", f"widget state, {label}", _lines(model))
        rest = {k: v for k, v in _mapping(saved).items() if k != "state"}
        yield NotebookPart(None, "", "widget state", _lines(rest or (saved if not state else None)))


def _text(value: Any) -> str:
    if isinstance(value, list) and all(isinstance(line, str) for line in value):
        return "".join(value)
    return value if isinstance(value, str) else _lines(value)


def _lines(value: Any) -> str:
    """Plain data as lines, each value after its name: nothing in it is escaped anew."""
    return "\n".join(_each("", value))


def _each(name: str, value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _each(str(key), inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _each(name, inner)
    elif value not in (None, ""):
        yield f"{name}: {value}" if name else str(value)


def _from_base64(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode()
    except (ValueError, binascii.Error):
        return ""


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _starred(value: Any, secrets: tuple[str, ...]) -> Any:
    if isinstance(value, str):
        return _starred_text(value, secrets)
    if isinstance(value, int | float) and not isinstance(value, bool):
        told = redact(str(value), secrets)
        return value if told == str(value) else told
    if isinstance(value, dict):
        made = type(value)()
        made.update({_starred(name, secrets): _starred(inner, secrets) for name, inner in value.items()})
        return made
    return [_starred(inner, secrets) for inner in value] if isinstance(value, list) else value


def _starred_text(text: str, secrets: tuple[str, ...]) -> str:
    """The text without secrets; and without its colours, where one of them stands inside a secret."""
    told = redact(text, secrets)
    plain = _ANSI.sub("", told) if "\x1b" in told else told
    return told if redact(plain, secrets) == plain else redact(plain, secrets)
