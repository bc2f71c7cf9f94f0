"""What came of a scan.

One file read as what it is, by a table of kinds, and looked through piece by piece.

The files under a path, bounded, and none that lies elsewhere.

Files looked through for secrets: those that are known, and what looks like one.
"""

from __future__ import annotations

import os
import stat
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from . import html
from .errors import SecretMissing, SettingsError, UsageError
from .history import texts_in
from .secrets import Finding, KnownSecrets, Secret, find_known_secrets, find_secrets, findings_frame, notebook_parts
from .session import available_secrets, environment_folder_secrets

if TYPE_CHECKING:
    from .frames import DataFrame


@dataclass(frozen=True)
class Skipped:
    """A file that was not looked through, or not wholly, and why."""

    file: str
    why: str


@dataclass(frozen=True, repr=False)
class Scan:
    """What came of a scan.

    Attributes:
        findings: the leaks, file by file.
        files: how many files were looked through.
        skipped: those that were not, or not wholly.
        looked_for: the references of the secrets whose values were looked for.
        unknown: the references that yielded no value: theirs may be anywhere.
    """

    findings: tuple[Finding, ...]
    files: int
    skipped: tuple[Skipped, ...] = ()
    looked_for: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    def __len__(self) -> int:
        return len(self.findings)

    def __bool__(self) -> bool:
        return True  # a clean one is one too

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    def __repr__(self) -> str:
        return f"<Scan: {self.summary}>"

    @property
    def summary(self) -> str:
        """What came of it, in a sentence."""
        known = sum(finding.known for finding in self.findings)
        possible = _many(len(self) - known, "possible one")
        told = [
            f"{_many(known, 'known secret')} and {possible} in {_many(self.files, 'file')}",
            f"{_many(len(self.looked_for), 'value')} looked for, {len(self.unknown)} not to be had",
        ]
        return "; ".join([*told, *([f"{_many(len(self.skipped), 'thing')} skipped"] if self.skipped else [])])

    def frame(self) -> DataFrame:
        """The findings as a DataFrame, one row each."""
        return findings_frame(self.findings)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON data."""
        return {**asdict(self), "ok": self.ok, "findings": [finding.to_dict() for finding in self.findings]}

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/plain": repr(self), "text/html": str(draw(self))}


def draw(scan: Scan) -> html.Markup:
    """A scan as static HTML."""
    verdict = html.pill("clean", "good") if scan.ok else html.pill(f"{len(scan)} leaks", "bad")
    rows = [
        (
            finding.place,
            html.pill("known", "bad") if finding.known else html.pill("possible", "warn"),
            finding.kind,
            html.code(finding.secret),
            finding.todo,
        )
        for finding in scan.findings
    ]
    parts = [html.tag("div", verdict, " ", html.muted(scan.summary))]
    parts += [html.table(["where", "is it known", "kind", "secret", "what to do"], rows)] if rows else []
    if scan.unknown:
        parts.append(html.tag("div", html.muted(f"Not to be had, so not looked for: {', '.join(scan.unknown)}")))
    if scan.skipped:
        skipped = html.table(["file", "why"], [(skip.file, skip.why) for skip in scan.skipped])
        parts.append(html.details(f"{len(scan.skipped)} files skipped", skipped))
    return html.tag("div", *parts)


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


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


def read(path: Path, known: KnownSecrets) -> Looked:
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


def _of_text(path: Path, data: bytes, known: KnownSecrets) -> Looked:
    return Looked(tuple(find_secrets(_decoded(data), known, Finding(str(path)))))


def _of_notebook(path: Path, data: bytes, known: KnownSecrets) -> Looked:
    try:
        notebook = orjson.loads(data)
    except orjson.JSONDecodeError:
        return Looked(_of_text(path, data, known).findings, ("a damaged notebook: looked through as text",))
    if not isinstance(notebook, Mapping):
        return _of_text(path, data, known)
    found = [
        finding
        for piece in notebook_parts(notebook)
        for finding in find_secrets(piece.text, known, Finding(str(path), piece.cell, piece.cell_id, piece.part))
    ]
    return Looked(tuple(map(_without_line, found)))


def _of_database(path: Path, data: bytes, known: KnownSecrets) -> Looked:
    """A database row by row, what is packed unpacked; then its bytes, for what was deleted and not yet written over."""
    notes: tuple[str, ...] = ()
    found: list[Finding] = []
    try:
        for part, content in texts_in(path):
            found += find_secrets(_decoded(_unpacked(content)), known, Finding(str(path), part=part))
    except SettingsError as error:
        notes = (error.what,)
    told = {finding.secret for finding in found}
    rest = _of_bytes(path, data, known)
    found += [finding for finding in rest if finding.secret not in told]
    return Looked(tuple(map(_without_any_line, found)), notes)


def _of_binary(path: Path, data: bytes, known: KnownSecrets) -> Looked:
    kind = "compressed: not looked into" if data.startswith(_PACKED) else "binary: known secrets alone were looked for"
    return Looked(tuple(_of_bytes(path, data, known)), (kind,))


def _of_bytes(path: Path, data: bytes, known: KnownSecrets) -> list[Finding]:
    wide = [data.decode(code, "ignore") for code in ("utf-16-le", "utf-16-be")]
    texts: Iterable[str] = (data.decode("latin-1"), *wide, wide[0] and data[1:].decode("utf-16-le", "ignore"))
    return [
        _without_any_line(f)
        for text in texts
        for f in find_known_secrets(text, known, Finding(str(path), part="bytes"))
    ]


_KINDS: Mapping[str, Callable[[Path, bytes, KnownSecrets], Looked]] = {
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


MOST_FILES = 20_000
"""Files that are looked through in one scan."""

_FOREIGN = (".git", ".hg", ".svn", ".venv", "venv", "node_modules", "__pycache__", ".mypy_cache", ".ruff_cache", ".tox")
"""Folders of other programs: what they hold they have from elsewhere."""

Found = Path | Skipped


def files_under(paths: Iterable[Path]) -> Iterator[Found]:
    """Every regular file under the paths, each once, in order; what is not looked into is told.

    Raises:
        UsageError: there is nothing at a path.
    """
    seen: set[Path] = set()
    for path in paths:
        if not path.exists():
            raise UsageError(f"There is nothing at {path}.", "Give files and folders that exist.")
        for found in [path] if path.is_file() else _walked(path):
            key = Path(os.path.realpath(found)) if isinstance(found, Path) else Path(found.file)
            if key in seen:
                continue
            seen.add(key)
            if len(seen) > MOST_FILES:
                yield Skipped(str(path), f"only the first {MOST_FILES:,} files are looked through")
                return
            yield found


def _walked(folder: Path) -> Iterator[Found]:
    if not folder.is_dir():
        yield Skipped(str(folder), "neither a file nor a folder")
        return
    home = Path(os.path.realpath(folder))
    unread: list[OSError] = []
    for place, names, files in os.walk(folder, onerror=unread.append):
        names.sort()
        for name in [name for name in names if name in _FOREIGN or Path(place, name).is_symlink()]:
            names.remove(name)
            yield from _of_folder(Path(place, name), home)
        for name in sorted(files):
            yield from _of_file(Path(place, name), home)
    yield from (Skipped(str(error.filename), f"it cannot be read ({error.strerror})") for error in unread)


def _of_folder(path: Path, home: Path) -> Iterator[Skipped]:
    if not path.is_symlink():
        yield Skipped(str(path), "a folder of another program; name it to have it looked through")
    elif not _is_inside(path, home):
        yield Skipped(str(path), "a link out of the folder")


def _of_file(path: Path, home: Path) -> Iterator[Found]:
    if path.is_symlink():
        if not _is_inside(path, home):
            yield Skipped(str(path), "a link out of the folder")
        return  # what it leads to is met by itself
    if path.name == ".env":
        yield Skipped(str(path), "where secrets are kept: see that git ignores it")
    elif stat.S_ISREG(path.lstat().st_mode):
        yield path
    else:
        yield Skipped(str(path), "not a regular file")


def _is_inside(path: Path, home: Path) -> bool:
    return Path(os.path.realpath(path)).is_relative_to(home)


MOST_FINDINGS = 200
"""Findings that are told of one file."""

_SHORTEST = 6  # characters: shorter values would be found by chance


def scan(
    paths: Iterable[str | Path],
    secrets: Iterable[str] = (),
    keyring: bool = False,
    known: KnownSecrets | None = None,
) -> Scan:
    """Look through files and folders.

    Args:
        paths: files and folders; a folder is looked through with all below it.
        secrets: references of further secrets, such as `env:NAME`.
        keyring: whether the keyring may be asked for the values of its secrets.
        known: further secrets, with their values.

    Raises:
        UsageError: there is nothing at a path.
        SettingsError: what is given as a secret is no reference.
        SecretMissing: a secret that was named has no value.
    """
    places = [Path(path) for path in paths]
    wanted = _known(places, secrets, keyring) | (known or KnownSecrets())
    findings, skipped, files = list[Finding](), list[Skipped](), 0
    for found in files_under(places):
        if isinstance(found, Skipped):
            skipped.append(found)
            continue
        looked = read(found, wanted)
        files += 1
        skipped += [Skipped(str(found), why) for why in looked.notes]
        findings += looked.findings[:MOST_FINDINGS]
        if len(looked.findings) > MOST_FINDINGS:
            more = len(looked.findings) - MOST_FINDINGS
            skipped.append(Skipped(str(found), f"{more:,} more findings are not told"))
    short = tuple(f"{name} (too short)" for name, value in wanted.values.items() if len(value) < _SHORTEST)
    looked_for = tuple(name for name, value in wanted.values.items() if len(value) >= _SHORTEST)
    return Scan(tuple(findings), files, tuple(skipped), looked_for, (*wanted.unknown, *short))


def _known(places: Iterable[Path], named: Iterable[str], keyring: bool) -> KnownSecrets:
    """The secrets of the environments here and beside what is looked through, and those that were named."""
    folders = dict.fromkeys([Path.cwd(), *(path if path.is_dir() else path.absolute().parent for path in places)])
    known = KnownSecrets()
    for folder in folders:
        known |= environment_folder_secrets(folder, keyring)
    asked = available_secrets([Secret(reference) for reference in named], Path.cwd(), keyring=True)
    if asked.unknown:
        raise SecretMissing(
            f"The secret {asked.unknown[0]} has no value, so it cannot be looked for.", "Set it, or leave it out."
        )
    return known | asked
