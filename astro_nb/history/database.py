"""The file of a history: opened with care, shared by threads, and told in words where it cannot be used."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from ..errors import NewerFormat, SettingsError
from .migration import FORMAT, backups, format_of, migrate

_PATIENCE = 10.0  # seconds that another process may hold the file
_ELSE = ("{path} cannot be used ({error}).", "Make it writable, or keep the history in another folder.")
_WORDS: dict[int, tuple[str, str]] = {
    sqlite3.SQLITE_BUSY: (
        "{path} is held by another process ({error}).",
        "Close what holds it, or keep the history in another folder.",
    ),
    sqlite3.SQLITE_NOTADB: ("{path} is not a history ({error}).", "Move the file away; a new one is made."),
    sqlite3.SQLITE_CORRUPT: ("{path} is not a history ({error}).", "Move the file away; a new one is made."),
    sqlite3.SQLITE_FULL: ("There is no room for {path} ({error}).", "Make room, or keep the history elsewhere."),
}
"""What is wrong with a file, and what to do, by SQLite's primary result code."""


def texts_in(path: Path) -> Iterator[tuple[str, bytes]]:
    """Every text of any database, read and never changed: where it stands, and what it is.

    Raises:
        SettingsError: the file cannot be read.
    """
    with _in_words(path), closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        connection.text_factory = bytes
        owners = _owners(connection)
        for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            quoted = table.decode("utf-8", "replace").replace('"', '""')
            rows = connection.execute(f'SELECT * FROM "{quoted}"')  # noqa: S608  # the name is quoted
            columns = [column[0] for column in rows.description]
            for row in rows:
                yield from _texts_of(quoted, dict(zip(columns, row, strict=True)), owners)


def _owners(connection: sqlite3.Connection) -> dict[bytes, bytes]:
    """The entry that each body of a history belongs to; none in any other database."""
    with suppress(sqlite3.OperationalError):
        return dict(connection.execute("SELECT body, key || ' ' || operation FROM entry WHERE body IS NOT NULL"))
    return {}


def _texts_of(table: str, row: Mapping[str, Any], owners: Mapping[bytes, bytes]) -> Iterator[tuple[str, bytes]]:
    owner = owners.get(row.get("hash", b""), b"")
    named = (owner, row.get("key"), row.get("operation"))
    name = " ".join(value.decode("utf-8", "replace") for value in named if isinstance(value, bytes) and value)
    for column, value in row.items():
        if isinstance(value, bytes):
            yield f"{table} {name}, {column}" if name else f"{table}, {column}", value


class Database:
    """The tables of a history, in a file or in memory: one connection, and one thread in it at a time.

    Args:
        path: the file; None for memory.
        own: the name of a folder that is ours, and that git is to ignore.
    """

    def __init__(self, path: Path | None, own: str) -> None:
        self._path = path
        self._lock = threading.RLock()
        if path is not None:
            _make_folder(path.parent, own)
        self._open: sqlite3.Connection | None = None
        self.rows("SELECT 1")

    def rows(self, query: str, *values: Any) -> list[Any]:
        """What a query finds."""
        with self._lock, _in_words(self._path):
            return self._connection().execute(query, values).fetchall()

    @contextmanager
    def writing(self, **data: Any) -> Iterator[sqlite3.Connection]:
        """A transaction; `data` go with the error where the file cannot be written."""
        with self._lock, _in_words(self._path, **data), self._connection() as connection:
            yield connection

    def clear(self) -> None:
        """Delete every entry, also from the copies that a migration kept."""
        with self.writing() as connection:
            for table in ("entry", "body", "run", "run_row"):
                connection.execute(f"DELETE FROM {table}")  # noqa: S608  # a name from the line above
        self.rows("VACUUM")
        self.rows("PRAGMA wal_checkpoint(TRUNCATE)")
        for file in backups(self._path) if self._path is not None else ():
            file.unlink(missing_ok=True)

    def close(self) -> None:
        """Close the connection to a file; the next look opens it again."""
        with self._lock:
            if self._path is not None and self._open is not None:
                self._open.close()
                self._open = None

    def _connection(self) -> sqlite3.Connection:
        if self._open is None:
            where = ":memory:" if self._path is None else self._path
            connection = sqlite3.connect(where, timeout=_PATIENCE, check_same_thread=False)
            try:
                _prepare(connection, self._path)
            except BaseException:
                connection.close()
                raise
            self._open = connection
        return self._open


def _prepare(connection: sqlite3.Connection, path: Path | None) -> None:
    """Look whose file it is before anything in it is changed."""
    version = format_of(connection)
    if version > FORMAT:
        raise NewerFormat(
            f"{path} has format {version}; this astro_nb reads {FORMAT}.",
            "Update astro_nb, or use another folder.",
        )
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if tables and "entry" not in tables:
        raise SettingsError(
            f"{path} is not a history (it holds {', '.join(sorted(tables))}).", "Keep the history in another folder."
        )
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.create_function("folded", 1, str.casefold, deterministic=True)
    if version < FORMAT:
        migrate(connection, path)


def _make_folder(folder: Path, own: str) -> None:
    """The folder of the file; git is told to ignore it where it is ours, and no folder of anybody else."""
    ours, ignore = folder.name == own or not folder.exists(), folder / ".gitignore"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if ours and not ignore.exists():
            ignore.write_text("*\n", encoding="utf-8")
    except OSError as error:
        what, todo = _ELSE
        raise SettingsError(what.format(path=folder, error=error), todo) from error


@contextmanager
def _in_words(path: Path | None, **data: Any) -> Iterator[None]:
    try:
        yield
    except sqlite3.DatabaseError as error:
        what, todo = _WORDS.get(getattr(error, "sqlite_errorcode", 0) & 0xFF, _ELSE)
        raise SettingsError(what.format(path=path, error=error), todo, **data) from error
