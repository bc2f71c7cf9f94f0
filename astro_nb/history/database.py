"""The database of a history: one file, shared by threads and processes; its errors say what to do."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from ..errors import NewerFormat, SettingsError
from .migration import FORMAT, backups, format_of, migrate

_LOCK_TIMEOUT = 10.0  # seconds that another process may lock the file
_OTHER_ERROR = ("{path} cannot be used ({error}).", "Make it writable, or keep the history in another folder.")
_ERRORS: dict[int, tuple[str, str]] = {
    sqlite3.SQLITE_BUSY: (
        "{path} is locked by another process ({error}).",
        "Close that process, or keep the history in another folder.",
    ),
    sqlite3.SQLITE_NOTADB: ("{path} is not a history ({error}).", "Move the file away; a new one is created."),
    sqlite3.SQLITE_CORRUPT: ("{path} is not a history ({error}).", "Move the file away; a new one is created."),
    sqlite3.SQLITE_FULL: (
        "The disk has no room for {path} ({error}).",
        "Free some space, or keep the history in another folder.",
    ),
}
"""What is wrong and what to do, by SQLite's primary result code."""


def texts_in(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield every text of a SQLite database with its place, such as "entry <id>, detail". The file is only read.

    Raises:
        SettingsError: the file cannot be read.
    """
    with (
        _readable_errors(path),
        closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection,
    ):
        connection.text_factory = bytes
        owners = _owners(connection)
        for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            quoted = table.decode("utf-8", "replace").replace('"', '""')
            rows = connection.execute(f'SELECT * FROM "{quoted}"')  # noqa: S608  # the name is quoted
            columns = [column[0] for column in rows.description]
            for row in rows:
                yield from _texts_of(quoted, dict(zip(columns, row, strict=True)), owners)


def _owners(connection: sqlite3.Connection) -> dict[bytes, bytes]:
    """Return the entry of each body of a history; empty for any other database."""
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
    """The tables of a history, in a file or in memory, behind one connection that threads use in turn.

    Args:
        path: the file; None for memory.
        own: the name of the folder that is ours; git is told to ignore it.
    """

    def __init__(self, path: Path | None, own: str) -> None:
        self._path = path
        self._lock = threading.RLock()
        if path is not None:
            _make_folder(path.parent, own)
        self._open: sqlite3.Connection | None = None
        self.rows("SELECT 1")

    def rows(self, query: str, *values: Any) -> list[Any]:
        """Return the rows of a query."""
        with self._lock, _readable_errors(self._path):
            return self._connection().execute(query, values).fetchall()

    @contextmanager
    def writing(self, **data: Any) -> Iterator[sqlite3.Connection]:
        """A transaction. `data` is added to the error if the file cannot be written."""
        with self._lock, _readable_errors(self._path, **data), self._connection() as connection:
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
        """Close the connection to a file; the next access opens it again."""
        with self._lock:
            if self._path is not None and self._open is not None:
                self._open.close()
                self._open = None

    def _connection(self) -> sqlite3.Connection:
        if self._open is None:
            where = ":memory:" if self._path is None else self._path
            connection = sqlite3.connect(where, timeout=_LOCK_TIMEOUT, check_same_thread=False)
            try:
                _prepare(connection, self._path)
            except BaseException:
                connection.close()
                raise
            self._open = connection
        return self._open


def _prepare(connection: sqlite3.Connection, path: Path | None) -> None:
    """Check that the file is a history before anything in it is changed, and migrate an older format."""
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
    """Create the folder of the file. Git is told to ignore it if it is ours, and no other folder."""
    ours, ignore = folder.name == own or not folder.exists(), folder / ".gitignore"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if ours and not ignore.exists():
            ignore.write_text("*\n", encoding="utf-8")
    except OSError as error:
        what, todo = _OTHER_ERROR
        raise SettingsError(what.format(path=folder, error=error), todo) from error


@contextmanager
def _readable_errors(path: Path | None, **data: Any) -> Iterator[None]:
    try:
        yield
    except sqlite3.DatabaseError as error:
        what, todo = _ERRORS.get(getattr(error, "sqlite_errorcode", 0) & 0xFF, _OTHER_ERROR)
        raise SettingsError(what.format(path=path, error=error), todo, **data) from error
