"""Files searched for secrets: known ones, and what looks like a credential.

`scan(paths)` reads every file as what it is, by the table `_READERS`: a notebook part by part, a database row by row,
all else as text or as bytes. What it does not read is listed in `Scan.skipped` with the reason.
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
from .secrets import (
    Finding,
    KnownSecrets,
    Secret,
    find_known_secrets,
    find_secrets,
    findings_frame,
    is_distinctive,
    notebook_parts,
)
from .session import available_secrets, environment_folder_secrets

if TYPE_CHECKING:
    from .frames import DataFrame

LARGEST = 100 * 1024 * 1024
"""Bytes of one file that are searched."""

MOST_FILES = 20_000
"""Files that are searched in one scan."""

MOST_FINDINGS = 200
"""Findings that are listed for one file."""

_COMMON = "short or common: only looked for after a name such as password"
_SAMPLE = 8192  # bytes that decide whether a file is text
_SQLITE = b"SQLite format 3\0"
_COMPRESSED = (b"\x1f\x8b", b"PK\x03\x04", b"BZh", b"\xfd7zXZ", b"7z\xbc\xaf", b"\x28\xb5\x2f\xfd")
_BYTE_ORDER_MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}

_SKIPPED_FOLDERS = (
    *(".git", ".hg", ".svn", ".venv", "venv", "node_modules", "__pycache__"),
    *(".mypy_cache", ".ruff_cache", ".tox"),
)
"""Folders of other programs: what they contain was written elsewhere."""


@dataclass(frozen=True)
class Skipped:
    """A file that was not searched, or not completely, and why."""

    file: str
    why: str


@dataclass(frozen=True, repr=False)
class Scan:
    """The result of a scan.

    Attributes:
        findings: the secrets that were found, file by file.
        files: how many files were searched.
        skipped: the files that were not searched, or not completely.
        looked_for: the references of the secrets whose values were looked for.
        unknown: the references whose value is not available: these secrets may be anywhere.
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
        return True  # also without findings

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    def __repr__(self) -> str:
        return f"<Scan: {self.summary}>"

    @property
    def summary(self) -> str:
        """The result in one sentence."""
        known = sum(finding.known for finding in self.findings)
        possible = _count(len(self) - known, "possible one")
        parts = [
            f"{_count(known, 'known secret')} and {possible} in {_count(self.files, 'file')}",
            f"{_count(len(self.looked_for), 'value')} looked for, {len(self.unknown)} not available",
        ]
        return "; ".join([*parts, *([f"{_count(len(self.skipped), 'file')} skipped"] if self.skipped else [])])

    def frame(self) -> DataFrame:
        """Return the findings as a DataFrame with one row each."""
        return findings_frame(self.findings)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data."""
        return {**asdict(self), "ok": self.ok, "findings": [finding.to_dict() for finding in self.findings]}

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/plain": repr(self), "text/html": str(_render(self))}


def _render(scan: Scan) -> html.Markup:
    """Return a scan as static HTML."""
    verdict = html.pill("clean", "good") if scan.ok else html.pill(_count(len(scan), "finding"), "bad")
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
        parts.append(html.tag("div", html.muted(f"Not available, so not looked for: {', '.join(scan.unknown)}")))
    if scan.skipped:
        skipped = html.table(["file", "why"], [(skip.file, skip.why) for skip in scan.skipped])
        parts.append(html.details(f"{_count(len(scan.skipped), 'file')} skipped", skipped))
    return html.tag("div", *parts)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


# --- the scan ---------------------------------------------------------------------------------------------------------


def scan(
    paths: Iterable[str | Path],
    secrets: Iterable[str] = (),
    keyring: bool = False,
    known: KnownSecrets | None = None,
) -> Scan:
    """Search files and folders for secrets.

    Args:
        paths: files and folders; a folder is searched with everything below it.
        secrets: references of further secrets, such as `env:NAME`.
        keyring: whether the keyring may be asked for the values of its secrets.
        known: further secrets, with their values.

    Raises:
        UsageError: a path does not exist.
        SettingsError: an entry of `secrets` is not a reference.
        SecretMissing: an entry of `secrets` has no value.
    """
    places = [Path(path) for path in paths]
    wanted = _load_secrets(places, secrets, keyring) | (known or KnownSecrets())
    findings, skipped, files = list[Finding](), list[Skipped](), 0
    for found in files_under(places):
        if isinstance(found, Skipped):
            skipped.append(found)
            continue
        result = search_file(found, wanted)
        files += 1
        skipped += [Skipped(str(found), reason) for reason in result.limits]
        findings += result.findings[:MOST_FINDINGS]
        if len(result.findings) > MOST_FINDINGS:
            more = len(result.findings) - MOST_FINDINGS
            skipped.append(Skipped(str(found), f"{_count(more, 'more finding')} not listed"))
    common = tuple(f"{name} ({_COMMON})" for name, value in wanted.values.items() if not is_distinctive(value))
    looked_for = tuple(name for name, value in wanted.values.items() if is_distinctive(value))
    return Scan(tuple(findings), files, tuple(skipped), looked_for, (*wanted.unknown, *common))


def _load_secrets(places: Iterable[Path], references: Iterable[str], keyring: bool) -> KnownSecrets:
    """Return the secrets of the environments here and where it searches, and those that were named."""
    folders = dict.fromkeys([Path.cwd(), *(path if path.is_dir() else path.absolute().parent for path in places)])
    known = KnownSecrets()
    for folder in folders:
        known |= environment_folder_secrets(folder, keyring)
    named = available_secrets([Secret(reference) for reference in references], Path.cwd(), keyring=True)
    if named.unknown:
        raise SecretMissing(
            f"The secret {named.unknown[0]} has no value, so it cannot be looked for.", "Set it, or leave it out."
        )
    return known | named


# --- one file ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class FileResult:
    """The findings in one file, and the reasons why it was not searched completely."""

    findings: tuple[Finding, ...]
    limits: tuple[str, ...] = ()


def search_file(path: Path, known: KnownSecrets) -> FileResult:
    """Return what is found in one file."""
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        return FileResult((), (f"it cannot be read ({error.strerror})",))
    limits = (f"only its first {LARGEST // 1_000_000} MB",) if len(data) > LARGEST else ()
    result = _READERS[_file_type(path, data)](path, data[:LARGEST], known)
    return FileResult(tuple(dict.fromkeys(result.findings)), (*limits, *result.limits))


def _file_type(path: Path, data: bytes) -> str:
    if data.startswith(_SQLITE):
        return "database"
    if path.suffix == ".ipynb":
        return "notebook"
    return "text" if data[:2] in _BYTE_ORDER_MARKS or b"\0" not in data[:_SAMPLE] else "binary"


def _search_text(path: Path, data: bytes, known: KnownSecrets) -> FileResult:
    return FileResult(tuple(find_secrets(_decode(data), known, Finding(str(path)))))


def _search_notebook(path: Path, data: bytes, known: KnownSecrets) -> FileResult:
    try:
        notebook = orjson.loads(data)
    except orjson.JSONDecodeError:
        return FileResult(_search_text(path, data, known).findings, ("a damaged notebook: searched as text",))
    if not isinstance(notebook, Mapping):
        return _search_text(path, data, known)
    found = [
        finding
        for cell, cell_id, part, text in notebook_parts(notebook)
        for finding in find_secrets(text, known, Finding(str(path), cell, cell_id, part))
    ]
    return FileResult(tuple(f if f.part.startswith(_PARTS_WITH_LINES) else replace(f, line=None) for f in found))


_PARTS_WITH_LINES = ("code", "markdown", "raw", "output")
"""Parts of a notebook that people see as lines; the others are JSON."""


def _search_database(path: Path, data: bytes, known: KnownSecrets) -> FileResult:
    """Search a database row by row, decompressed; then its bytes, for deleted rows that are not yet overwritten."""
    limits: tuple[str, ...] = ()
    found: list[Finding] = []
    try:
        for part, content in texts_in(path):
            found += find_secrets(_decode(_decompress(content)), known, Finding(str(path), part=part))
    except SettingsError as error:
        limits = (error.what,)
    secrets = {finding.secret for finding in found}
    found += [finding for finding in _search_bytes(path, data, known) if finding.secret not in secrets]
    return FileResult(tuple(replace(finding, line=None) for finding in found), limits)


def _search_binary(path: Path, data: bytes, known: KnownSecrets) -> FileResult:
    compressed = data.startswith(_COMPRESSED)
    limit = "compressed: its content is not searched" if compressed else "binary: searched for known secrets only"
    return FileResult(tuple(_search_bytes(path, data, known)), (limit,))


def _search_bytes(path: Path, data: bytes, known: KnownSecrets) -> list[Finding]:
    wide = [data.decode(encoding, "ignore") for encoding in ("utf-16-le", "utf-16-be")]
    texts: Iterable[str] = (data.decode("latin-1"), *wide, wide[0] and data[1:].decode("utf-16-le", "ignore"))
    at = Finding(str(path), part="bytes")
    return [replace(finding, line=None) for text in texts for finding in find_known_secrets(text, known, at)]


_READERS: Mapping[str, Callable[[Path, bytes, KnownSecrets], FileResult]] = {
    "binary": _search_binary,
    "database": _search_database,
    "notebook": _search_notebook,
    "text": _search_text,
}
"""How each type of file is searched. A new type is a new row."""


def _decode(data: bytes) -> str:
    encoding = _BYTE_ORDER_MARKS.get(data[:2], "utf-8")
    return data.decode(encoding, "replace").replace("\r\n", "\n")


def _decompress(content: bytes) -> bytes:
    """Return what zlib compressed, up to a limit; other content as it is."""
    try:
        return zlib.decompressobj().decompress(content, LARGEST)
    except zlib.error:
        return content


# --- the files --------------------------------------------------------------------------------------------------------


def files_under(paths: Iterable[Path]) -> Iterator[Path | Skipped]:
    """Yield every regular file under the paths, in order and none twice, and what is skipped.

    Raises:
        UsageError: a path does not exist.
    """
    seen: set[Path] = set()
    for path in paths:
        if not path.exists():
            raise UsageError(f"There is nothing at {path}.", "Give files and folders that exist.")
        for found in [path] if path.is_file() else _walk_folder(path):
            key = Path(os.path.realpath(found)) if isinstance(found, Path) else Path(found.file)
            if key in seen:
                continue
            seen.add(key)
            if len(seen) > MOST_FILES:
                yield Skipped(str(path), f"only the first {MOST_FILES:,} files are searched")
                return
            yield found


def _walk_folder(folder: Path) -> Iterator[Path | Skipped]:
    if not folder.is_dir():
        yield Skipped(str(folder), "neither a file nor a folder")
        return
    root = Path(os.path.realpath(folder))
    errors: list[OSError] = []
    for place, folders, files in os.walk(folder, onerror=errors.append):
        folders.sort()
        for name in [name for name in folders if name in _SKIPPED_FOLDERS or Path(place, name).is_symlink()]:
            folders.remove(name)
            yield from _check_folder(Path(place, name), root)
        for name in sorted(files):
            yield from _check_file(Path(place, name), root)
    yield from (Skipped(str(error.filename), f"it cannot be read ({error.strerror})") for error in errors)


def _check_folder(path: Path, root: Path) -> Iterator[Skipped]:
    if not path.is_symlink():
        yield Skipped(str(path), "a folder of another program; name it to have it searched")
    elif not _is_inside(path, root):
        yield Skipped(str(path), "a link out of the folder")


def _check_file(path: Path, root: Path) -> Iterator[Path | Skipped]:
    if path.is_symlink():
        if not _is_inside(path, root):
            yield Skipped(str(path), "a link out of the folder")
        return  # its target is found by itself
    if path.name == ".env":
        yield Skipped(str(path), "the place for secrets: make sure that git ignores it")
    elif stat.S_ISREG(path.lstat().st_mode):
        yield path
    else:
        yield Skipped(str(path), "not a regular file")


def _is_inside(path: Path, folder: Path) -> bool:
    return Path(os.path.realpath(path)).is_relative_to(folder)
