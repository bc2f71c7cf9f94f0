"""One file read as what it is, by a table of kinds, and looked through piece by piece."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import orjson

from ..errors import SettingsError
from ..history import texts_in
from ..leaks import Finding, Known, find_known, find_leaks, pieces_of

LARGEST = 100 * 1024 * 1024
"""Bytes of one file that are looked through."""

_SQLITE = b"SQLite format 3\0"
_PACKED = (b"\x1f\x8b", b"PK\x03\x04", b"BZh", b"\xfd7zXZ", b"7z\xbc\xaf", b"\x28\xb5\x2f\xfd")
_BOMS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


@dataclass(frozen=True)
class Looked:
    """What was found in a file, and what has to be said of how it was looked through."""

    findings: tuple[Finding, ...]
    notes: tuple[str, ...] = ()


def read(path: Path, known: Known) -> Looked:
    """Look through one file; what cannot be read is told."""
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        return Looked((), (f"it cannot be read ({error.strerror})",))
    notes = (f"only its first {LARGEST // 1_000_000} MB",) if len(data) > LARGEST else ()
    looked = _KINDS[_kind_of(path, data)](path, data[:LARGEST], known)
    return Looked(tuple(dict.fromkeys(looked.findings)), (*notes, *looked.notes))


def _kind_of(path: Path, data: bytes) -> str:
    if data.startswith(_SQLITE):
        return "database"
    if path.suffix == ".ipynb":
        return "notebook"
    return "text" if data[:2] in _BOMS or b"\0" not in data[:8192] else "binary"


def _of_text(path: Path, data: bytes, known: Known) -> Looked:
    return Looked(tuple(find_leaks(_decoded(data), known, Finding(str(path)))))


def _of_notebook(path: Path, data: bytes, known: Known) -> Looked:
    try:
        notebook = orjson.loads(data)
    except orjson.JSONDecodeError:
        return Looked(_of_text(path, data, known).findings, ("a damaged notebook: looked through as text",))
    if not isinstance(notebook, Mapping):
        return _of_text(path, data, known)
    found = [
        finding
        for piece in pieces_of(notebook)
        for finding in find_leaks(piece.text, known, Finding(str(path), piece.cell, piece.cell_id, piece.part))
    ]
    return Looked(tuple(map(_without_line, found)))


def _of_database(path: Path, data: bytes, known: Known) -> Looked:
    """A database row by row, what is packed unpacked; then its bytes, for what was deleted and not yet written over."""
    notes: tuple[str, ...] = ()
    found: list[Finding] = []
    try:
        for part, content in texts_in(path):
            found += find_leaks(_decoded(_unpacked(content)), known, Finding(str(path), part=part))
    except SettingsError as error:
        notes = (error.what,)
    told = {finding.secret for finding in found}
    rest = _of_bytes(path, data, known)
    found += [finding for finding in rest if finding.secret not in told]
    return Looked(tuple(map(_without_any_line, found)), notes)


def _of_binary(path: Path, data: bytes, known: Known) -> Looked:
    kind = "compressed: not looked into" if data.startswith(_PACKED) else "binary: known secrets alone were looked for"
    return Looked(tuple(_of_bytes(path, data, known)), (kind,))


def _of_bytes(path: Path, data: bytes, known: Known) -> list[Finding]:
    wide = [data.decode(code, "ignore") for code in ("utf-16-le", "utf-16-be")]
    texts: Iterable[str] = (data.decode("latin-1"), *wide, wide[0] and data[1:].decode("utf-16-le", "ignore"))
    return [_without_any_line(f) for text in texts for f in find_known(text, known, Finding(str(path), part="bytes"))]


_KINDS: Mapping[str, Callable[[Path, bytes, Known], Looked]] = {
    "binary": _of_binary,
    "database": _of_database,
    "notebook": _of_notebook,
    "text": _of_text,
}
"""How each kind of file is looked through; a new kind is a new row."""


def _decoded(data: bytes) -> str:
    code = _BOMS.get(data[:2], "utf-8")
    return data.decode(code, "replace").replace("\r\n", "\n")


def _unpacked(content: bytes) -> bytes:
    """What zlib packed, up to a bound; all else as it is."""
    try:
        return zlib.decompressobj().decompress(content, LARGEST)
    except zlib.error:
        return content


def _without_line(finding: Finding) -> Finding:
    """Lines are of use in what people see as lines: code, prose and outputs, not in the JSON of the rest."""
    return finding if finding.part.startswith(_WITH_LINES) else _without_any_line(finding)


_WITH_LINES = ("code", "markdown", "raw", "output")


def _without_any_line(finding: Finding) -> Finding:
    return replace(finding, line=None)
