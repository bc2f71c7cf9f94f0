"""Which process holds a run, and whether it still lives.

What was begun and what came of it, row by row, so that a run of many goes on after the kernel has died.

Rule 1: a row is marked as begun before its request goes out, and with its outcome once its exchange is kept.
Rule 2: no secret is in it, and no hash of one: a run is known again by its rows as they are masked.
Rule 3: one process at a time holds a run.
"""

from __future__ import annotations

import os
import sqlite3
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson

from ..errors import UsageError
from .database import Database


def this_process() -> str:
    """This process: its number, and when it began where the system tells, for numbers are given again."""
    return f"{os.getpid()} {_began(os.getpid())}".rstrip()


def is_alive(owner: str) -> bool:
    """Whether another process than this one holds a run and still lives."""
    number, _, began = owner.partition(" ")
    if not number or int(number) == os.getpid() or sys.platform == "win32":  # there, asking would interrupt it
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it is there, and somebody else's
        pass
    return _began(int(number)) == began


def _began(number: int) -> str:
    """When a process began, in the system's own count; empty where it does not tell, or the process is dead."""
    try:
        told = Path(f"/proc/{number}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    state, *rest = told.rpartition(")")[2].split()
    return "dead" if state in ("Z", "X") else rest[18]


@dataclass(frozen=True)
class Run:
    """One run of many calls.

    Attributes:
        id: the id of its exchanges' group.
        fingerprint: by which the same rows are known again.
        operation, environment: what is called, and where.
        rows: how many there are.
        begun: when, in seconds since 1970.
    """

    id: str
    fingerprint: str
    operation: str
    environment: str
    rows: int
    begun: float = 0.0


@dataclass(frozen=True)
class Mark:
    """What is known of one row.

    Attributes:
        state: "begun", or what came of it.
        at: when that was so, in seconds since 1970.
        exchange: the id of its exchange; empty where none was kept.
        note: what is to be told of it beside that.
        found: what a list told of it, where its own answer was lost.
    """

    state: str
    at: float
    exchange: str = ""
    note: str = ""
    found: Any = None


class Journal:
    """The runs of a history. `with` a `claim`, a run belongs to this process alone."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def __repr__(self) -> str:
        ((count,),) = self._database.rows("SELECT COUNT(*) FROM run")
        return f"<Journal of {count} runs>"

    def unfinished(self, fingerprint: str) -> Run | None:
        """The latest run of these rows that did not come to its end."""
        found = self._database.rows(_UNFINISHED, fingerprint)
        return Run(*found[0][:-1]) if found else None

    def claim(self, run: Run, anew: bool = False) -> Run:
        """The run to go on with: the unfinished one of the same rows, else this one; it is this process's from now on.

        Args:
            run: what it is where there is none; one that was ended is open again.
            anew: whether an unfinished one is given up.

        Raises:
            UsageError: another process that lives holds it.
        """
        with self._database.writing() as connection:
            connection.execute("BEGIN IMMEDIATE")  # nobody else looks meanwhile
            found = connection.execute(_UNFINISHED, (run.fingerprint,)).fetchone()
            if found is not None and is_alive(found[-1]):
                raise _held(run, found[-1])
            if found is not None and anew:
                _end(connection, found[0])
            if found is None or anew:
                run = replace(run, begun=time.time())
                values = (run.id, run.fingerprint, run.operation, run.environment, run.rows, run.begun)
                connection.execute(_BEGIN, (*values, this_process()))
                return run
            connection.execute("UPDATE run SET owner = ? WHERE id = ?", (this_process(), found[0]))
            return Run(*found[:-1])

    def release(self, run: Run, finished: bool) -> None:
        """Let go of a run; one that is finished is not gone on with."""
        with self._database.writing() as connection:
            connection.execute("UPDATE run SET owner = '' WHERE id = ?", (run.id,))
            if finished:
                _end(connection, run.id)

    def marks(self, run: Run) -> dict[int, Mark]:
        """What is known of the rows that were begun, by their numbers."""
        query = "SELECT number, state, at, exchange, note, found FROM run_row WHERE run = ? ORDER BY number"
        return {
            number: Mark(state, at, exchange, note, orjson.loads(found) if found else None)
            for number, state, at, exchange, note, found in self._database.rows(query, run.id)
        }

    def mark(self, run: Run, number: int, mark: Mark) -> None:
        """Note what is known of a row; it is in the file when this returns."""
        found = orjson.dumps(mark.found, default=str) if mark.found is not None else None
        values = (run.id, number, mark.state, mark.at, mark.exchange, mark.note, found)
        with self._database.writing() as connection:
            connection.execute("INSERT OR REPLACE INTO run_row VALUES (?, ?, ?, ?, ?, ?, ?)", values)

    def unmark(self, run: Run, number: int) -> None:
        """Take back that a row was begun: nothing went out."""
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


def _end(connection: sqlite3.Connection, key: str) -> None:
    connection.execute("UPDATE run SET ended = ? WHERE id = ?", (time.time(), key))


def _held(run: Run, owner: str) -> UsageError:
    number = owner.partition(" ")[0]
    return UsageError(
        f"{run.operation} is being sent for these very rows by another process, {number}: nothing was sent.",
        "Wait until it has ended, or end it; then run this again, and it goes on where that one stopped.",
        process=int(number),
    )
