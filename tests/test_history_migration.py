"""History files of older formats are migrated when they are opened, and a copy of the old file is kept."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson
import pytest

from astro_nb.errors import SettingsError
from astro_nb.exchange import CallGroup
from astro_nb.history import History
from astro_nb.history.database import FORMAT, backups, group_of
from astro_nb.openapi import load

SPEC = load()
WRITTEN = Path(__file__).parent / "data" / "history-format-3.sql"
"""A file of format 3, written by the version before: calls, pages, a bulk, a change, waits, an approval, a retry."""


def make_old(path: Path, version: int = 3) -> Path:
    """Write a history file of an older format."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as database:
        database.executescript(WRITTEN.read_text(encoding="utf-8"))
        if version < 3:
            database.executescript("DROP TABLE run; DROP TABLE run_row")
        if version < 2:
            database.execute("DROP INDEX failed")
            for key, detail in database.execute("SELECT key, detail FROM entry").fetchall():
                database.execute("UPDATE entry SET detail = ? WHERE key = ?", (with_header_object(detail), key))
        database.execute(f"PRAGMA user_version={version}")
        database.commit()
    return path


def with_header_object(detail: bytes) -> bytes:
    old = orjson.loads(detail)
    old["answer"] = {name: old["answer"][name] for name in ("status", "reason")} | {
        "headers": dict(old["answer"]["headers"])
    }
    return orjson.dumps(old)


def query(path: Path, statement: str) -> list[Any]:
    with closing(sqlite3.connect(path)) as database:
        return database.execute(statement).fetchall()


@pytest.mark.parametrize("version", [1, 2, 3])
def test_a_history_of_an_older_format_is_read_and_written_to(version: int, tmp_path: Path) -> None:
    """Every entry is there with its body, a new one is added, and the file has the present format."""
    path = make_old(tmp_path / "kept" / "api.sqlite", version)
    rows = query(path, "SELECT key, operation, status, size FROM entry ORDER BY id")
    history = History(SPEC, path)
    assert [(e.id, e.operation.id, e.status, e.size) for e in history] == rows
    assert len(rows) == 14
    assert history[0]["$.name"] == "old"
    assert dict(history[0].headers)["Content-Type"] == "application/json"
    assert (len(history.errors), history.errors.frame()["status"].tolist()) == (1, [404])
    history.add(history[-1].__class__(**{**vars_of(history[-1]), "id": "new"}))
    history.close()
    assert query(path, "PRAGMA user_version") == [(FORMAT,)]
    assert [e.id for e in History(SPEC, path)] == [*(key for key, *_ in rows), "new"]


def vars_of(exchange: Any) -> dict[str, Any]:
    names = ("operation", "call", "request", "started", "elapsed", "response", "attempts", "environment", "group")
    return {name: getattr(exchange, name) for name in names}


def test_groups_of_calls_are_migrated(tmp_path: Path) -> None:
    """Each entry has the group that the version before wrote as text."""
    history = History(SPEC, make_old(tmp_path / "api.sqlite"))
    groups = [exchange.group for exchange in history]
    assert [group.kind for group in groups] == [
        *("call", "pages", "pages", "pages", "bulk", "bulk", "change", "change", "change"),
        *("wait", "call", "wait", "approval", "reference"),
    ]
    assert len({group.id for group in groups if group.kind == "pages"}) == 1
    assert [group.row for group in groups if group.kind == "bulk"] == [0, 1]
    assert [(group.goal, group.timeout) for group in groups if group.kind == "wait"] == [
        (("$.name == 'older'", "gone"), 30.0),
        (("gone",), 5.0),
    ]


def test_attempts_are_migrated(tmp_path: Path) -> None:
    """An attempt that may have been carried out is marked as such."""
    first, second = History(SPEC, make_old(tmp_path / "api.sqlite"))[-2].attempts
    assert (first.outcome, first.may_have_been_done, second.outcome, second.may_have_been_done) == (
        *("502", True),
        *("200", False),
    )
    assert first.retry_in > 0
    assert "502" in first.decision


def test_runs_are_migrated(tmp_path: Path) -> None:
    """The journal of format 3 is the same afterwards."""
    path = make_old(tmp_path / "api.sqlite")
    before = query(path, "SELECT * FROM run_row")
    History(SPEC, path).close()
    assert query(path, "SELECT * FROM run_row") == before
    assert len(before) == 2


def test_the_old_file_stays_until_the_history_is_cleared(tmp_path: Path) -> None:
    """In the folder of the new file, unchanged; clearing the history deletes the copy too."""
    path = make_old(tmp_path / "api.sqlite")
    before = query(path, "SELECT * FROM entry")
    history = History(SPEC, path)
    (copy,) = backups(path)
    assert copy.name == "api.format-3.sqlite"
    assert (query(copy, "SELECT * FROM entry"), query(copy, "PRAGMA user_version")) == (before, [(3,)])
    history.clear()
    assert not copy.exists()
    assert len(history) == 0


def test_a_new_history_has_no_copy(tmp_path: Path) -> None:
    """Only a file of an older format is copied."""
    path = tmp_path / "api.sqlite"
    History(SPEC, path).close()
    History(SPEC, path).close()
    assert list(backups(path)) == []
    assert [file.name for file in tmp_path.glob("*.sqlite")] == ["api.sqlite"]


def test_a_failed_migration_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    """Nothing is half migrated; opened again once that is mended, it is read."""
    path = make_old(tmp_path / "api.sqlite")
    with closing(sqlite3.connect(path)) as database:
        database.execute("UPDATE entry SET detail = ? WHERE id = 5", (b'{"no": "entry"}',))
        database.commit()
    before = query(path, "SELECT * FROM entry")
    with pytest.raises(SettingsError, match=r"api\.sqlite"):
        History(SPEC, path)
    assert (query(path, "SELECT * FROM entry"), query(path, "PRAGMA user_version")) == (before, [(3,)])


@pytest.mark.parametrize(
    ("via", "group"),
    [
        ("call", CallGroup()),
        ("reference", CallGroup("reference")),
        ("guard", CallGroup("approval")),
        ("pages:1", CallGroup("pages", "1")),
        ("change:1", CallGroup("change", "1")),
        ("bulk:1:12", CallGroup("bulk", "1", row=12)),
        ("wait:1:a:b:c:1.5", CallGroup("wait", "1", ("a:b:c",), 1.5)),
        ('wait:1:["a:", "b"]:600', CallGroup("wait", "1", ("a:", "b"), 600.0)),
        ("of a version that nobody knows:1", CallGroup()),
    ],
)
def test_a_group_written_as_text(via: str, group: CallGroup) -> None:
    """Each text that format 3 wrote."""
    assert group_of(via) == group
