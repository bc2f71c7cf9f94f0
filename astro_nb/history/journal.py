"""The journal of bulk runs: which row was started and how it ended, so that a run can be resumed after a crash.

Rule 1: a row is marked as begun before its request is sent, and with its outcome once its exchange is stored.
Rule 2: no secret is in it, and no hash of one: a run is recognized by its masked rows.
Rule 3: one process at a time owns a run.
"""

from __future__ import annotations

import os
import sqlite3
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..json_text import read_json, write_json
from .database import Database


def this_process() -> str:
    """Return this process: its number, and its start time if the system reports it, since numbers are reused."""
    return f"{os.getpid()} {_start_time(os.getpid())}".rstrip()


def is_alive(owner: str) -> bool:
    """Whether the owner of a run is another process, and still running."""
    number, _, started = owner.partition(" ")
    if not number or int(number) == os.getpid() or sys.platform == "win32":  # on Windows `os.kill` would end it
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it runs, and belongs to another user
        pass
    return _start_time(int(number)) == started


def _start_time(number: int) -> str:
    """Return when a process started, in the system's own unit; empty if unknown, "dead" for a dead one."""
    try:
        text = Path(f"/proc/{number}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    state, *rest = text.rpartition(")")[2].split()
    return "dead" if state in ("Z", "X") else rest[18]


@dataclass(frozen=True)
class Run:
    """One bulk run.

    Attributes:
        id: the id of its exchanges' group.
        fingerprint: recognizes the same rows.
        operation, environment: what is called, and where.
        rows: the number of rows.
        begun: when it began, in seconds since 1970.
    """

    id: str
    fingerprint: str
    operation: str
    environment: str
    rows: int
    begun: float = 0.0


@dataclass(frozen=True)
class Mark:
    """What is known about one row.

    Attributes:
        state: "begun", or its outcome.
        at: the time of that state, in seconds since 1970.
        exchange: the id of its exchange; empty if none was stored.
        note: a further remark.
        found: what a list returned about it, if its own response was lost.
    """

    state: str
    at: float
    exchange: str = ""
    note: str = ""
    found: Any = None


class Journal:
    """The runs of a history. A run that this process has claimed belongs to it alone."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def __repr__(self) -> str:
        ((count,),) = self._database.rows("SELECT COUNT(*) FROM run")
        return f"<Journal of {count} run{'' if count == 1 else 's'}>"

    def unfinished(self, fingerprint: str) -> Run | None:
        """Return the latest run of these rows that was not finished; None if there is none."""
        found = self._database.rows(_UNFINISHED, fingerprint)
        return Run(*found[0][:-1]) if found else None

    def claim(self, run: Run, anew: bool = False) -> Run:
        """Return the run to continue, which this process owns from now on: an unfinished one of the rows, or `run`.

        Args:
            run: the run to start if none is unfinished; one that was finished is opened again.
            anew: whether an unfinished one is abandoned.

        Raises:
            UsageError: another running process owns it.
        """
        with self._database.writing() as connection:
            connection.execute("BEGIN IMMEDIATE")  # no other process can claim it in between
            found = connection.execute(_UNFINISHED, (run.fingerprint,)).fetchone()
            if found is not None and is_alive(found[-1]):
                raise _owned_elsewhere(run, found[-1])
            if found is not None and anew:
                _finish(connection, found[0])
            if found is None or anew:
                run = replace(run, begun=time.time())
                values = (run.id, run.fingerprint, run.operation, run.environment, run.rows, run.begun)
                connection.execute(_BEGIN, (*values, this_process()))
                return run
            connection.execute("UPDATE run SET owner = ? WHERE id = ?", (this_process(), found[0]))
            return Run(*found[:-1])

    def release(self, run: Run, finished: bool) -> None:
        """Give up the ownership of a run; one that is finished is not continued."""
        with self._database.writing() as connection:
            connection.execute("UPDATE run SET owner = '' WHERE id = ?", (run.id,))
            if finished:
                _finish(connection, run.id)

    def marks(self, run: Run) -> dict[int, Mark]:
        """Return the marks of the rows that were begun, by row number."""
        query = "SELECT number, state, at, exchange, note, found FROM run_row WHERE run = ? ORDER BY number"
        return {
            number: Mark(state, at, exchange, note, read_json(found).data if found else None)
            for number, state, at, exchange, note, found in self._database.rows(query, run.id)
        }

    def mark(self, run: Run, number: int, mark: Mark) -> None:
        """Store the mark of a row; it is in the file when this returns."""
        found = write_json(mark.found, str) if mark.found is not None else None
        values = (run.id, number, mark.state, mark.at, mark.exchange, mark.note, found)
        with self._database.writing() as connection:
            connection.execute("INSERT OR REPLACE INTO run_row VALUES (?, ?, ?, ?, ?, ?, ?)", values)

    def unmark(self, run: Run, number: int) -> None:
        """Remove the mark of a row for which nothing was sent."""
        with self._database.writing() as connection:
            connection.execute("DELETE FROM run_row WHERE run = ? AND number = ?", (run.id, number))


_UNFINISHED = (
    "SELECT id, fingerprint, operation, environment, rows, begun, owner FROM run "
    "WHERE fingerprint = ? AND ended IS NULL ORDER BY begun DESC LIMIT 1"
)

_BEGIN = (
    "INSERT INTO run VALUES (?, ?, ?, ?, ?, ?, NULL, ?) "
    "ON CONFLICT (id) DO UPDATE SET ended = NULL, owner = excluded.owner"
)


def _finish(connection: sqlite3.Connection, key: str) -> None:
    connection.execute("UPDATE run SET ended = ? WHERE id = ?", (time.time(), key))


def _owned_elsewhere(run: Run, owner: str) -> UsageError:
    number = owner.partition(" ")[0]
    return UsageError(
        f"Process {number} is sending {run.operation} for the same rows: nothing was sent.",
        "Wait until it has ended, or end it; then run this again: it continues where that one stopped.",
        process=int(number),
    )
