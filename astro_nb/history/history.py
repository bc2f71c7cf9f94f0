"""A row of entries, each read when it is looked at.

What was sent and what came back, append-only.

Rule 1: an entry is masked before it comes here, its answer without the secrets that were sent; the file holds none.
Rule 2: meta and bodies lie apart, so that listing is quick; bodies are kept once by content, and large ones are cut.
Rule 3: an entry is in the file when `add` returns, and stays there whatever becomes of this process.
"""

from __future__ import annotations

import hashlib
import sqlite3
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import orjson

from ..errors import UnknownName, UsageError
from ..exchange import Exchange
from ..frames import make_frame
from ..messages import is_under_base_url
from ..openapi import Spec
from ..secrets import redact
from .codec import COLUMNS, ERROR_COLUMNS, LARGEST_BODY, body_of, detail_of, restored, row_of
from .database import Database
from .journal import Journal

if TYPE_CHECKING:
    from ..frames import DataFrame


class ExchangeList(Sequence[Exchange]):
    """Entries of a history by their ids, oldest first."""

    def __init__(self, keys: Sequence[str], get: Callable[[str], Exchange]) -> None:
        self._keys, self._get = keys, get

    def __repr__(self) -> str:
        return f"<ExchangeList of {len(self)} exchanges>"

    def __len__(self) -> int:
        return len(self._keys)

    @overload
    def __getitem__(self, which: int) -> Exchange: ...

    @overload
    def __getitem__(self, which: slice) -> ExchangeList: ...

    def __getitem__(self, which: int | slice) -> Exchange | ExchangeList:
        return ExchangeList(self._keys[which], self._get) if isinstance(which, slice) else self._get(self._keys[which])


FOLDER = Path(".astro_nb")

MOST_RECENT = 500
"""Exchanges that are held in memory as they are, secrets in their answers included."""
MOST_HELD = 64 * 1024 * 1024
"""Bytes of requests and answers that are held so."""
_LONGEST_SECRET = 100_000  # characters, in whatever spelling
_INSERT = "INSERT INTO entry VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_LISTED = (
    "SELECT key, started, operation, status, ok, elapsed, size, request_id, message, environment, detail FROM entry"
)
_HAS = "instr(folded(operation || ' ' || coalesce(status, '') || ' ' || message || ' ' || request_id), ?)"


class History:
    """The exchanges of one API, newest last; in a file, or in memory where there is none.

    Args:
        spec: the document, for reading entries back.
        path: the file; None keeps the history in memory.

    Raises:
        NewerFormat: a later version wrote the file; it is left as it is.
        SettingsError: the file is no history, or cannot be used; it is left as it is.
    """

    def __init__(self, spec: Spec, path: Path | None = None) -> None:
        self._spec = spec
        self.path = path
        self._database = Database(path, FOLDER.name)
        self._lock = threading.Lock()
        self._recent: dict[str, Exchange] = {}
        self._held = 0

    def __repr__(self) -> str:
        return f"<History of {len(self)} entries{f' in {self.path}' if self.path else ''}>"

    def __len__(self) -> int:
        return int(self._database.rows("SELECT COUNT(*) FROM entry")[0][0])

    def __iter__(self) -> Iterator[Exchange]:
        """Every entry, oldest first."""
        for (key,) in self._database.rows("SELECT key FROM entry ORDER BY id"):
            yield self.get(key)

    def add(self, exchange: Exchange, secrets: Iterable[str] = (), further: Iterable[str] = ()) -> Exchange:
        """Keep an exchange. The secrets are taken out of what is stored.

        Args:
            exchange: what is to be kept.
            secrets: the values that were sent.
            further: values that were not sent with it, and that a server may give back all the same.

        Raises:
            SettingsError: the file cannot be written; `data["exchange"]` holds what was to be kept.
        """
        self._remember(exchange)
        sent = frozenset(secrets)
        secrets = sent.union(further)
        content = _cut(exchange, secrets, len(secrets) > len(sent))
        message = redact(exchange.error.message, secrets) if exchange.error else ""
        detail = redact(orjson.dumps(detail_of(exchange)).decode(), secrets).encode()
        row = (
            exchange.id, exchange.environment, exchange.operation.id, exchange.started.timestamp(), exchange.elapsed,
            exchange.status, exchange.ok, exchange.request_id, message, exchange.size, detail,
        )  # fmt: skip
        with self._database.writing(exchange=exchange) as connection:
            connection.execute(_INSERT, (*row, _keep_body(connection, content) if content else None))
        return exchange

    def get(self, key: str) -> Exchange:
        """The entry of that id: with its secrets while it is recent, masked when read back from the file.

        Raises:
            UnknownName: there is no such entry.
        """
        if key in self._recent:
            return self._recent[key]
        found = self._database.rows("SELECT size, detail, body FROM entry WHERE key = ?", key)
        if not found:
            raise UnknownName("entry of the history", key, [], todo="`api.history.frame()` lists the ids.")
        ((size, detail, body),) = found
        return restored(self._spec, key, size, orjson.loads(detail), self._content(body))

    def __getitem__(self, which: int | str) -> Exchange:
        """An entry by id, or by position as in a list: `history[-1]` is the latest."""
        if isinstance(which, str):
            return self.get(which)
        order, skip = ("DESC", -which - 1) if which < 0 else ("ASC", which)
        query = f"SELECT key FROM entry ORDER BY id {order} LIMIT 1 OFFSET ?"  # noqa: S608  # ASC or DESC, from the line above
        found = self._database.rows(query, skip)
        if not found:
            raise UsageError(
                f"The history has {len(self)} entries; there is no entry {which}.", "Send something first."
            )
        return self.get(found[0][0])

    def latest(self, operation: str, base_url: str) -> Exchange | None:
        """The latest exchange of an operation with a server, among its last few; None where there is none."""
        query = "SELECT key FROM entry WHERE operation = ? ORDER BY id DESC LIMIT 20"
        found = (self.get(key) for (key,) in self._database.rows(query, operation))
        return next((exchange for exchange in found if is_under_base_url(exchange.request.url, base_url)), None)

    def recent(self, most: int = 200) -> list[Exchange]:
        """The exchanges of this session, newest first."""
        return list(self._recent.values())[: -most - 1 : -1]

    def frame(self, search: str = "", most: int = 1000) -> DataFrame:
        """The latest entries as a DataFrame, newest first; `search` keeps those in which every word occurs."""
        return make_frame(self.rows(search, most), COLUMNS)

    def rows(self, search: str = "", most: int = 1000, errors: bool = False) -> list[dict[str, Any]]:
        """The latest entries as plain rows, newest first; words are sought whatever their case."""
        words = search.casefold().split()
        clauses = [_HAS] * len(words) + (["ok = 0"] if errors else [])
        where = f"WHERE {' AND '.join(clauses)}" if clauses else ""
        found = self._database.rows(f"{_LISTED} {where} ORDER BY id DESC LIMIT ?", *words, most)
        return [row_of(entry) for entry in found]

    @property
    def errors(self) -> Errors:
        """The exchanges that did not go well."""
        return Errors(self)

    @property
    def journal(self) -> Journal:
        """What was begun and what came of it, of every run of many calls."""
        return Journal(self._database)

    def failed(self) -> int:
        """How many exchanges did not go well."""
        return int(self._database.rows("SELECT COUNT(*) FROM entry WHERE ok = 0")[0][0])

    def clear(self) -> None:
        """Forget everything, in the file too."""
        with self._lock:
            self._recent.clear()
            self._held = 0
        self._database.clear()

    def close(self) -> None:
        """Close the file; looking into the history afterwards opens it again. A history in memory stays as it is."""
        self._database.close()

    def _remember(self, exchange: Exchange) -> None:
        """Keep the latest exchanges as they are, up to a number and a size."""
        with self._lock:
            self._recent[exchange.id] = exchange
            self._held += _weight(exchange)
            while len(self._recent) > 1 and (len(self._recent) > MOST_RECENT or self._held > MOST_HELD):
                oldest = next(iter(self._recent))
                self._held -= _weight(self._recent.pop(oldest))

    def _content(self, key: str | None) -> bytes:
        found = self._database.rows("SELECT content FROM body WHERE hash = ?", key) if key is not None else []
        return zlib.decompress(found[0][0]) if found else b""


class Errors:
    """The part of a history that did not go well."""

    def __init__(self, history: History) -> None:
        self._history = history

    def __repr__(self) -> str:
        return f"<Errors, {len(self)} of {len(self._history)} entries>"

    def __len__(self) -> int:
        return self._history.failed()

    def frame(self, search: str = "", most: int = 1000) -> DataFrame:
        """When, operation, status, message, requestId and fieldErrors of each failed exchange, newest first."""
        rows = self._history.rows(search, most, errors=True)
        return make_frame(rows, ERROR_COLUMNS)


def _weight(exchange: Exchange) -> int:
    return exchange.size + len(exchange.request.body)


def _cut(exchange: Exchange, secrets: frozenset[str], has_further: bool) -> bytes:
    """What is kept of an answer's body.

    The client has taken the secrets that were sent out of it: it is looked through again where there are others, or
    where it was laid out anew.
    """
    answer, content = exchange.response, body_of(exchange)
    if answer is not None and (has_further or content is not answer.body):
        whole = content[: LARGEST_BODY + _LONGEST_SECRET].decode("latin-1")  # byte for byte, whatever it is
        content = redact(whole, secrets).encode("latin-1")
    return content[:LARGEST_BODY]


def _keep_body(connection: sqlite3.Connection, content: bytes) -> str:
    """Keep a body by its content, once; the key to find it by."""
    key = hashlib.blake2b(content, digest_size=16).hexdigest()
    if connection.execute("SELECT 1 FROM body WHERE hash = ?", (key,)).fetchone() is None:
        connection.execute("INSERT OR IGNORE INTO body VALUES (?, ?)", (key, zlib.compress(content, 1)))
    return key
