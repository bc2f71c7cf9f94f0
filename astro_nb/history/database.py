"""The database of a history: one file, shared by threads and processes. Older formats are migrated when it is opened.

| format | what is different in it                                                                       |
|-------:|-----------------------------------------------------------------------------------------------|
|      1 | the headers of a response are an object                                                       |
|      2 | there is no journal of runs                                                                   |
|      3 | the group of an entry is text, such as "wait:<id>:<goal>:<timeout>"; attempts have fewer fields |
|      4 | the present format: group and attempts are JSON objects                                       |

The file of the older format stays in the same folder, as `<name>.format-<number>.sqlite`.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import orjson

from ..errors import NewerFormat, SettingsError
from ..exchange import CallGroup
from ..fork import hold_during_fork, renew_after_fork
from ..json_text import JsonError, read_json, write_json

FORMAT = 4

_ENTRY = """
CREATE TABLE IF NOT EXISTS entry (
  id INTEGER PRIMARY KEY, key TEXT UNIQUE NOT NULL, environment TEXT NOT NULL, operation TEXT NOT NULL,
  started REAL NOT NULL, elapsed REAL NOT NULL, status INTEGER, ok INTEGER NOT NULL, request_id TEXT NOT NULL,
  message TEXT NOT NULL, size INTEGER NOT NULL, detail BLOB NOT NULL, body TEXT
);
"""
_TABLES = f"""
{_ENTRY}
CREATE TABLE IF NOT EXISTS body (hash TEXT PRIMARY KEY, content BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS failed ON entry (id) WHERE ok = 0;
CREATE TABLE IF NOT EXISTS run (
  id TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, operation TEXT NOT NULL, environment TEXT NOT NULL,
  rows INTEGER NOT NULL, begun REAL NOT NULL, ended REAL, owner TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS run_row (
  run TEXT NOT NULL, number INTEGER NOT NULL, state TEXT NOT NULL, at REAL NOT NULL, exchange TEXT NOT NULL,
  note TEXT NOT NULL, found BLOB, PRIMARY KEY (run, number)
) WITHOUT ROWID;
PRAGMA user_version={FORMAT};
COMMIT;
"""
_COPY = """
INSERT INTO entry SELECT
  id, key, environment, operation, started, elapsed, status, ok, request_id, message, size, upgrade_detail(detail), body
FROM old_entry
"""


def format_of(connection: sqlite3.Connection) -> int:
    """Return the format of a history file; 0 if there is nothing in it yet."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def migrate(connection: sqlite3.Connection, path: Path | None) -> None:
    """Create the tables, or rewrite those of an older format after a copy of the file was made.

    All of it is one transaction: if it fails, the file is as it was.
    """
    connection.execute("BEGIN IMMEDIATE")  # another process may be migrating the same file
    version = format_of(connection)
    if 0 < version < FORMAT:
        if path is not None:
            _back_up(path, version)
        connection.create_function("upgrade_detail", 1, upgrade_detail, deterministic=True)
        for statement in ("ALTER TABLE entry RENAME TO old_entry", _ENTRY, _COPY, "DROP TABLE old_entry"):
            connection.execute(statement)
    _execute(connection, _TABLES)


def backups(path: Path) -> Iterator[Path]:
    """Return the copies that were made of a history file when it was migrated."""
    return (file for number in range(1, FORMAT) if (file := _backup_path(path, number)).exists())


def upgrade_detail(detail: bytes) -> bytes:
    """Return the detail of an entry of an older format in the present one; what is not JSON stays as it is."""
    try:
        old = read_json(detail).data
    except JsonError:
        return detail
    response = old.pop("answer")
    if response and isinstance(response["headers"], dict):
        response["headers"] = list(response["headers"].items())
    attempts = [_upgrade_attempt(attempt) for attempt in old["attempts"]]
    return write_json({**old, "response": response, "attempts": attempts, "group": group_of(old.pop("via"))})


def group_of(via: str) -> CallGroup:
    """Return the group that a text of format 3 means, such as "bulk:<id>:<row>"."""
    kind, _, rest = via.partition(":")
    id_, _, rest = rest.partition(":")
    if kind == "wait":
        goal, _, timeout = rest.rpartition(":")
        names = tuple(orjson.loads(goal)) if goal.startswith('["') else (goal,)
        return CallGroup("wait", id_, names, float(timeout))
    if kind == "bulk":
        return CallGroup("bulk", id_, row=int(rest))
    if kind in ("pages", "change"):
        return CallGroup(kind, id_)  # type: ignore[arg-type]  # one of the two
    return {"reference": CallGroup("reference"), "guard": CallGroup("approval")}.get(kind, CallGroup())


def _upgrade_attempt(old: dict[str, Any]) -> dict[str, Any]:
    return {
        "number": old["number"],
        "started": old["began"],
        "elapsed": old["elapsed"],
        "outcome": old["outcome"],
        "decision": old.get("then", ""),
        "retry_in": old.get("waited", 0.0),
        "rate_limit_wait": old.get("held", 0.0),
        "may_have_been_done": _may_have_been_done(old["outcome"]),
    }


def _may_have_been_done(outcome: str) -> bool:
    """Whether an attempt may have been carried out, by the text of a status or of a kind of failure."""
    if outcome in ("timeout", "broken", "too large", "cancelled"):
        return True
    return outcome.startswith("5") and outcome not in ("501", "505")


def _execute(connection: sqlite3.Connection, script: str) -> None:
    """Run statements in the transaction that is open; `executescript` would commit it first."""
    for statement in script.split(";"):
        if statement.strip():
            connection.execute(statement)


def _backup_path(path: Path, version: int) -> Path:
    return path.with_name(f"{path.stem}.format-{version}{path.suffix}")


def _back_up(path: Path, version: int) -> None:
    target = _backup_path(path, version)
    unfinished = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(unfinished)) as copy:
            source.backup(copy)
        os.replace(unfinished, target)
    except BaseException:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
        raise


_FORK_TIMEOUT = 2.0  # seconds that a fork waits for a query
_abandoned: list[sqlite3.Connection] = []
"""Connections of the parent of a forked process, or to files that were deleted: held, so that nothing closes them."""
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
        own: the name of the folder that is ours, which git is made to ignore.
    """

    def __init__(self, path: Path | None, own: str) -> None:
        self._path = path
        self._lock = threading.RLock()
        self._is_held = False
        hold_during_fork(self._hold, self._release)
        renew_after_fork(self._renew)
        self._own = own
        self._open: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None
        self.rows("SELECT 1")

    def rows(self, query: str, *values: Any) -> list[Any]:
        """Return the rows of a query."""
        with self._lock, _readable_errors(self._path):
            return self._connection().execute(query, values).fetchall()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Open a transaction."""
        with self._lock, _readable_errors(self._path), self._connection() as connection:
            yield connection

    def clear(self) -> None:
        """Delete every entry, also from the copies that a migration made."""
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

    def _hold(self) -> None:
        """Let nobody use the connection while the process is forked, unless that takes too long."""
        self._is_held = self._lock.acquire(timeout=_FORK_TIMEOUT)

    def _release(self) -> None:
        if self._is_held:
            self._is_held = False
            self._lock.release()

    def _renew(self) -> None:
        """Give a forked process a connection of its own; a history in memory goes on as a copy.

        SQLite's connections may not be used in a child, nor closed there (sqlite.org, "How To Corrupt", section 2.6).
        """
        self._lock = threading.RLock()
        self._abandon()

    def _abandon(self) -> None:
        """Leave the connection to a file alone, neither used nor closed."""
        if self._path is not None and self._open is not None:
            _abandoned.append(self._open)
            self._open = None

    def _connection(self) -> sqlite3.Connection:
        if self._open is not None and self._path is not None and _file_of(self._path) != self._file:
            self._abandon()  # the file was deleted or replaced: what is written to the old one would be lost
        if self._open is None:
            if self._path is not None:
                _make_folder(self._path.parent, self._own)
            where = ":memory:" if self._path is None else self._path
            connection = sqlite3.connect(where, timeout=_LOCK_TIMEOUT, check_same_thread=False)
            try:
                _prepare(connection, self._path)
            except BaseException:
                connection.close()
                raise
            self._open = connection
            self._file = _file_of(self._path) if self._path is not None else None
        return self._open


def _file_of(path: Path) -> tuple[int, int] | None:
    """Return what identifies the file at a path, whatever is written to it; None if there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


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
    """Create the folder of the file. If it is ours, git is made to ignore it."""
    ours, ignore = folder.name == own or not folder.exists(), folder / ".gitignore"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if ours and not ignore.exists():
            ignore.write_text("*\n", encoding="utf-8")
    except OSError as error:
        what, todo = _OTHER_ERROR
        raise SettingsError(what.format(path=folder, error=error), todo) from error


@contextmanager
def _readable_errors(path: Path | None) -> Iterator[None]:
    try:
        yield
    except sqlite3.DatabaseError as error:
        what, todo = _ERRORS.get(getattr(error, "sqlite_errorcode", 0) & 0xFF, _OTHER_ERROR)
        raise SettingsError(what.format(path=path, error=error), todo) from error
