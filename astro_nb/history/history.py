"""What was sent and what came back, append-only.

Rule 1: an entry is masked before it comes here and scrubbed of every secret that was sent; the file holds none.
Rule 2: meta and bodies lie apart, so that listing is quick; bodies are kept once by content, and large ones are cut.
Rule 3: a file written by a later version is refused with words, and left as it is.
"""

from __future__ import annotations

import hashlib
import sqlite3
import threading
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from ..environment import scrub
from ..errors import NewerFormat, UnknownName, UsageError
from ..exchange import Exchange
from ..frames import records_frame
from ..spec import Spec
from .entry import COLUMNS, ERROR_COLUMNS, LARGEST_BODY, detail_of, restored, row_of

if TYPE_CHECKING:
    from ..frames import DataFrame

FORMAT = 1
FOLDER = Path(".astro_nb")

_SCHEMA = """
CREATE TABLE IF NOT EXISTS entry (
  id INTEGER PRIMARY KEY, key TEXT UNIQUE NOT NULL, environment TEXT NOT NULL, operation TEXT NOT NULL,
  started REAL NOT NULL, elapsed REAL NOT NULL, status INTEGER, ok INTEGER NOT NULL, request_id TEXT NOT NULL,
  message TEXT NOT NULL, size INTEGER NOT NULL, via TEXT NOT NULL, detail BLOB NOT NULL, body TEXT
);
CREATE TABLE IF NOT EXISTS body (hash TEXT PRIMARY KEY, content BLOB NOT NULL);
"""
MOST_RECENT = 500
"""Exchanges that are held in memory as they are, secrets in their answers included."""
MOST_HELD = 64 * 1024 * 1024
"""Bytes of answers that are held so."""
_INSERT = "INSERT INTO entry VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_LISTED = (
    "SELECT key, started, operation, status, ok, elapsed, size, request_id, message, environment, detail FROM entry"
)


class History:
    """The exchanges of one API, newest last; in a file, or in memory where there is none.

    Args:
        spec: the document, for reading entries back.
        path: the file; None keeps the history in memory.
    """

    def __init__(self, spec: Spec, path: Path | None = None) -> None:
        self._spec = spec
        self.path = path
        self._threads = threading.local()
        self._lock = threading.Lock()
        self._memory = sqlite3.connect(":memory:", check_same_thread=False) if path is None else None
        self._recent: dict[str, Exchange] = {}
        self._held = 0
        self._prepare()

    def __repr__(self) -> str:
        return f"<History of {len(self)} entries{f' in {self.path}' if self.path else ''}>"

    def __len__(self) -> int:
        return int(self._database.execute("SELECT COUNT(*) FROM entry").fetchone()[0])

    def __iter__(self) -> Iterator[Exchange]:
        """Every entry, oldest first."""
        for (key,) in self._database.execute("SELECT key FROM entry ORDER BY id").fetchall():
            yield self.get(key)

    def add(self, exchange: Exchange, secrets: Iterable[str] = ()) -> Exchange:
        """Keep an exchange. `secrets` are the values that were sent; they are taken out of what is stored."""
        secrets = tuple(secrets)
        message = scrub(exchange.error.message, secrets) if exchange.error else ""
        detail = scrub(orjson.dumps(detail_of(exchange)).decode(), secrets).encode()
        asked = scrub(exchange.request_id, secrets)
        row = (
            exchange.id, exchange.environment, exchange.operation.id, exchange.started.timestamp(), exchange.elapsed,
            exchange.status, exchange.ok, asked, message, exchange.size, exchange.via, detail,
        )  # fmt: skip
        with self._lock, self._database as database:
            database.execute(_INSERT, (*row, self._keep_body(database, exchange, secrets)))
        self._remember(exchange)
        return exchange

    def get(self, key: str) -> Exchange:
        """The entry of that id: with its secrets while it is recent, masked when read back from the file.

        Raises:
            UnknownName: there is no such entry.
        """
        if key in self._recent:
            return self._recent[key]
        found = self._database.execute("SELECT detail, body FROM entry WHERE key = ?", (key,)).fetchone()
        if found is None:
            raise UnknownName("entry of the history", key, [], todo="`api.history.frame()` lists the ids.")
        return restored(self._spec, key, orjson.loads(found[0]), self._content(found[1]))

    def __getitem__(self, which: int | str) -> Exchange:
        """An entry by id, or by position as in a list: `history[-1]` is the latest."""
        if isinstance(which, str):
            return self.get(which)
        order, skip = ("DESC", -which - 1) if which < 0 else ("ASC", which)
        query = f"SELECT key FROM entry ORDER BY id {order} LIMIT 1 OFFSET ?"  # noqa: S608  # ASC or DESC, from the line above
        found = self._database.execute(query, (skip,)).fetchone()
        if found is None:
            raise UsageError(
                f"The history has {len(self)} entries; there is no entry {which}.", "Send something first."
            )
        return self.get(found[0])

    def recent(self, most: int = 200) -> list[Exchange]:
        """The exchanges of this session, newest first."""
        return list(self._recent.values())[: -most - 1 : -1]

    def frame(self, search: str = "", most: int = 1000) -> DataFrame:
        """The latest entries as a DataFrame, newest first; `search` keeps those in which every word occurs."""
        return records_frame(self.rows(search, most), COLUMNS)

    def rows(self, search: str = "", most: int = 1000, errors: bool = False) -> list[dict[str, Any]]:
        """The latest entries as plain rows, newest first."""
        words = search.casefold().split()
        clauses = [
            "lower(operation || ' ' || coalesce(status, '') || ' ' || message || ' ' || request_id) LIKE ?"
        ] * len(words)
        clauses += ["ok = 0"] if errors else []
        where = f"WHERE {' AND '.join(clauses)}" if clauses else ""
        query = f"{_LISTED} {where} ORDER BY id DESC LIMIT ?"
        found = self._database.execute(query, (*(f"%{word}%" for word in words), most))
        return [row_of(entry) for entry in found]

    @property
    def errors(self) -> Errors:
        """The exchanges that did not go well."""
        return Errors(self)

    def clear(self) -> None:
        """Forget everything, in the file too."""
        with self._lock, self._database as database:
            database.execute("DELETE FROM entry")
            database.execute("DELETE FROM body")
        self._recent.clear()
        self._held = 0

    @property
    def _database(self) -> sqlite3.Connection:
        if self._memory is not None:
            return self._memory
        if not hasattr(self._threads, "connection"):
            assert self.path is not None  # noqa: S101  # else there is a memory
            connection = sqlite3.connect(self.path, timeout=10.0)
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=NORMAL")
            self._threads.connection = connection
        found: sqlite3.Connection = self._threads.connection
        return found

    def _prepare(self) -> None:
        if self.path is not None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            ignore = self.path.parent / ".gitignore"
            if not ignore.exists():
                ignore.write_text("*\n", encoding="utf-8")
        try:
            version = self._database.execute("PRAGMA user_version").fetchone()[0]
        except sqlite3.DatabaseError as error:
            raise NewerFormat(
                f"{self.path} is not a history ({error}).", "Move the file away; a new one is made."
            ) from error
        if version > FORMAT:
            raise NewerFormat(
                f"{self.path} has format {version}; this astro_nb reads {FORMAT}.",
                "Update astro_nb, or use another folder.",
            )
        with self._database as database:
            database.executescript(f"{_SCHEMA} PRAGMA user_version={FORMAT};")

    def _remember(self, exchange: Exchange) -> None:
        """Keep the latest exchanges as they are, up to a number and a size."""
        self._recent[exchange.id] = exchange
        self._held += exchange.size
        while len(self._recent) > 1 and (len(self._recent) > MOST_RECENT or self._held > MOST_HELD):
            oldest = next(iter(self._recent))
            self._held -= self._recent.pop(oldest).size

    def _keep_body(self, database: sqlite3.Connection, exchange: Exchange, secrets: tuple[str, ...]) -> str | None:
        """Keep the answer's body by its content, once; the key to find it by."""
        if exchange.answer is None or not exchange.answer.body:
            return None
        content = scrub(exchange.text, secrets).encode()[:LARGEST_BODY]
        key = hashlib.blake2b(content, digest_size=16).hexdigest()
        if database.execute("SELECT 1 FROM body WHERE hash = ?", (key,)).fetchone() is None:
            database.execute("INSERT OR IGNORE INTO body VALUES (?, ?)", (key, zlib.compress(content, 1)))
        return key

    def _content(self, key: str | None) -> bytes:
        if key is None:
            return b""
        found = self._database.execute("SELECT content FROM body WHERE hash = ?", (key,)).fetchone()
        return zlib.decompress(found[0]) if found else b""


class Errors:
    """The part of a history that did not go well."""

    def __init__(self, history: History) -> None:
        self._history = history

    def __repr__(self) -> str:
        return f"<Errors, {len(self)} of {len(self._history)} entries>"

    def __len__(self) -> int:
        return len(self._history.rows(most=100_000, errors=True))

    def frame(self, search: str = "", most: int = 1000) -> DataFrame:
        """When, operation, status, message, requestId and fieldErrors of each failed exchange, newest first."""
        rows = self._history.rows(search, most, errors=True)
        return records_frame(rows, ERROR_COLUMNS)
