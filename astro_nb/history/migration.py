"""History files of older formats, rewritten in place as the present one.

| format | what is different in it                                                                       |
|-------:|-----------------------------------------------------------------------------------------------|
|      1 | the headers of a response are an object                                                       |
|      2 | there is no journal of runs                                                                   |
|      3 | the group of an entry is text, such as "wait:<id>:<goal>:<timeout>"; attempts say less as data |
|      4 | the present format: group and attempts are JSON objects                                       |

The file of the older format is kept beside the new one, as `<name>.format-<number>.sqlite`.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import orjson

from ..exchange import CallGroup

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
    """The format of a history file; 0 if there is nothing in it yet."""
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
    """The copies that were kept of a history file when it was migrated."""
    return (file for number in range(1, FORMAT) if (file := _backup_path(path, number)).exists())


def upgrade_detail(detail: bytes) -> bytes:
    """The detail of an entry of an older format in the present one; what is no JSON stays as it is."""
    try:
        old = orjson.loads(detail)
    except orjson.JSONDecodeError:
        return detail
    response = old.pop("answer")
    if response and isinstance(response["headers"], dict):
        response["headers"] = list(response["headers"].items())
    attempts = [_upgrade_attempt(attempt) for attempt in old["attempts"]]
    return orjson.dumps({**old, "response": response, "attempts": attempts, "group": group_of(old.pop("via"))})


def group_of(via: str) -> CallGroup:
    """The group that a text of format 3 means, such as "bulk:<id>:<row>"."""
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
