"""The history: every exchange that was sent, append-only, in one file per document and server.

Rule 1: no secret is in the file. Entries are masked before they are stored, and the secrets that were sent are removed.
Rule 2: metadata and bodies are stored apart, so that listing is quick; equal bodies are stored once, large ones cut.
Rule 3: an entry is in the file when `add` returns, whatever happens to this process afterwards; or it says why not.
"""

from __future__ import annotations

import hashlib
import sqlite3
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from ..errors import AstroNbError, UnknownName, UsageError, show_warning
from ..exchange import Exchange
from ..fork import renew_after_fork
from ..frames import make_frame
from ..json_text import read_json, write_json
from ..messages import is_under_base_url
from ..openapi import Spec
from ..secrets import redact, redact_bytes
from .codec import COLUMNS, ERROR_COLUMNS, LARGEST_BODY, decode_exchange, encode_exchange, list_row
from .database import Database
from .journal import Journal

if TYPE_CHECKING:
    from ..frames import DataFrame


class ExchangeList(Sequence[Exchange]):
    """Exchanges of a history by their ids, oldest first; each is read when it is accessed."""

    def __init__(self, ids: Sequence[str], get: Callable[[str], Exchange]) -> None:
        self._ids, self._get = ids, get

    def __repr__(self) -> str:
        return f"<ExchangeList of {len(self)} exchanges>"

    def __len__(self) -> int:
        return len(self._ids)

    @overload
    def __getitem__(self, position: int) -> Exchange: ...

    @overload
    def __getitem__(self, position: slice) -> ExchangeList: ...

    def __getitem__(self, position: int | slice) -> Exchange | ExchangeList:
        if isinstance(position, slice):
            return ExchangeList(self._ids[position], self._get)
        return self._get(self._ids[position])


FOLDER = Path(".astro_nb")

MOST_RECENT = 500
"""The latest exchanges that are held in memory as they are, with the secrets in their responses."""
LARGEST_RECENT = 64 * 1024 * 1024
"""The most bytes of requests and responses that are held so."""
_LONGEST_SECRET = 100_000  # characters, in any encoding
_MOST_CANDIDATES = 20  # entries in which the latest response of a server is searched for
_INSERT = "INSERT INTO entry VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_SELECT = (
    "SELECT key, started, operation, status, ok, elapsed, size, request_id, message, environment, detail FROM entry"
)
_CONTAINS = "instr(folded(operation || ' ' || coalesce(status, '') || ' ' || message || ' ' || request_id), ?)"


class History:
    """The exchanges of one API, newest last, in a file or in memory.

    Args:
        spec: the document, to read entries with.
        path: the file; None for a history in memory.

    Raises:
        NewerFormat: a later version of astro_nb wrote the file; it is left as it is.
        SettingsError: the file is not a history, or cannot be used; it is left as it is.
    """

    def __init__(self, spec: Spec, path: Path | None = None) -> None:
        self._spec = spec
        self.path = path
        self._database = Database(path, FOLDER.name)
        self._renew()
        renew_after_fork(self._renew)
        self._recent: dict[str, Exchange] = {}
        self._unstored: dict[str, Exchange] = {}
        self._recent_size = 0

    def _renew(self) -> None:
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"<History of {len(self)} entries{f' in {self.path}' if self.path else ''}>"

    def __len__(self) -> int:
        return int(self._database.rows("SELECT COUNT(*) FROM entry")[0][0])

    def __iter__(self) -> Iterator[Exchange]:
        """Iterate over all entries, oldest first."""
        for (key,) in self._database.rows("SELECT key FROM entry ORDER BY id"):
            yield self.get(key)

    def add(self, exchange: Exchange, secrets: Iterable[str] = (), further: Iterable[str] = ()) -> Exchange:
        """Store an exchange, without the secrets, and return it.

        An exchange was sent: it is never lost. If it cannot be stored, it is held in memory, its `not_stored` says why,
        and a warning is shown.

        Args:
            exchange: the exchange.
            secrets: the values that were sent.
            further: values that were not sent with it, but that a server may return.
        """
        self._unstored[exchange.id] = exchange  # held until it is stored: an interrupt does not lose it
        try:
            self._store(exchange, secrets, further)
            del self._unstored[exchange.id]
        except Exception as error:  # noqa: BLE001  # whatever it is, the exchange is returned, and says so
            reason = str(error) if isinstance(error, AstroNbError) else f"{type(error).__name__}: {error}."
            exchange = replace(exchange, not_stored=redact(reason, frozenset(secrets)))
            self._unstored[exchange.id] = exchange
            show_warning(f"{exchange.operation.id} was sent, but is not in the history: {exchange.not_stored}")
        self._remember(exchange)
        return exchange

    def _store(self, exchange: Exchange, secrets: Iterable[str], further: Iterable[str]) -> None:
        """Write an exchange to the file.

        Raises:
            SettingsError: the file cannot be written.
        """
        sent = frozenset(secrets)
        secrets = sent.union(further)
        content = _body_to_store(exchange, secrets, len(secrets) > len(sent))
        texts = (exchange.error.message if exchange.error else "", write_json(encode_exchange(exchange)).decode())
        message, detail = (redact(text, secrets) for text in texts)
        row = (
            exchange.id, exchange.environment, exchange.operation.id, exchange.started.timestamp(), exchange.elapsed,
            exchange.status, exchange.ok, exchange.request_id, message, exchange.size, detail.encode(),
        )  # fmt: skip
        with self._database.writing() as connection:
            connection.execute(_INSERT, (*row, _store_body(connection, content) if content else None))

    def get(self, key: str) -> Exchange:
        """Return the entry with an id: as it was sent while it is recent, masked if it is read from the file.

        Raises:
            UnknownName: there is no such entry.
        """
        held = self._recent.get(key) or self._unstored.get(key)
        if held is not None:
            return held
        found = self._database.rows("SELECT size, detail, body FROM entry WHERE key = ?", key)
        if not found:
            raise UnknownName("entry of the history", key, [], todo="`api.history.frame()` lists the ids.")
        ((size, detail, body),) = found
        return decode_exchange(self._spec, key, size, read_json(detail).data, self._read_body(body))

    def __getitem__(self, key: int | str) -> Exchange:
        """Return an entry by its id, or by its position as in a list: `history[-1]` is the latest.

        Raises:
            UnknownName, UsageError: there is no such entry.
        """
        if isinstance(key, str):
            return self.get(key)
        order, skip = ("DESC", -key - 1) if key < 0 else ("ASC", key)
        query = f"SELECT key FROM entry ORDER BY id {order} LIMIT 1 OFFSET ?"  # noqa: S608  # ASC or DESC, from the line above
        found = self._database.rows(query, skip)
        if not found:
            raise UsageError(f"The history has {len(self)} entries; there is no entry {key}.", "Send something first.")
        return self.get(found[0][0])

    def latest(self, operation: str, base_url: str) -> Exchange | None:
        """Return the latest exchange of an operation with a server, among its last few; None if there is none."""
        query = "SELECT key FROM entry WHERE operation = ? ORDER BY id DESC LIMIT ?"
        found = (self.get(key) for (key,) in self._database.rows(query, operation, _MOST_CANDIDATES))
        return next((exchange for exchange in found if is_under_base_url(exchange.request.url, base_url)), None)

    def recent(self, most: int = 200) -> list[Exchange]:
        """Return the exchanges of this session, newest first."""
        return list(self._recent.values())[: -most - 1 : -1]

    def frame(self, search: str = "", most: int = 1000) -> DataFrame:
        """Return the latest entries as a DataFrame, newest first.

        Args:
            search: words that must all occur in operation, status, message or request id, in any case.
            most: the most rows.
        """
        return make_frame(self.rows(search, most), COLUMNS)

    def rows(self, search: str = "", most: int = 1000, errors: bool = False) -> list[dict[str, Any]]:
        """Return the latest entries as `frame` does, as plain dicts; with `errors` only those that failed."""
        words = search.casefold().split()
        clauses = [_CONTAINS] * len(words) + (["ok = 0"] if errors else [])
        where = f"WHERE {' AND '.join(clauses)}" if clauses else ""
        found = self._database.rows(f"{_SELECT} {where} ORDER BY id DESC LIMIT ?", *words, most)
        return [list_row(entry) for entry in found]

    @property
    def errors(self) -> Errors:
        """The exchanges that are not ok."""
        return Errors(self)

    @property
    def journal(self) -> Journal:
        """The journal of bulk runs."""
        return Journal(self._database)

    def count_failed(self) -> int:
        """Return how many exchanges are not ok."""
        return int(self._database.rows("SELECT COUNT(*) FROM entry WHERE ok = 0")[0][0])

    def clear(self) -> None:
        """Delete all entries and runs, in the file too."""
        with self._lock:
            self._recent.clear()
            self._unstored.clear()
            self._recent_size = 0
        self._database.clear()

    def close(self) -> None:
        """Close the file; the next access opens it again. A history in memory stays as it is."""
        self._database.close()

    def _remember(self, exchange: Exchange) -> None:
        """Hold the latest exchanges in memory, up to a number and a size."""
        with self._lock:
            self._recent[exchange.id] = exchange
            self._recent_size += _memory_size(exchange)
            while len(self._recent) > 1 and (len(self._recent) > MOST_RECENT or self._recent_size > LARGEST_RECENT):
                oldest = next(iter(self._recent))
                self._recent_size -= _memory_size(self._recent.pop(oldest))

    def _read_body(self, key: str | None) -> bytes:
        found = self._database.rows("SELECT content FROM body WHERE hash = ?", key) if key is not None else []
        return zlib.decompress(found[0][0]) if found else b""


class Errors:
    """The exchanges of a history that are not ok."""

    def __init__(self, history: History) -> None:
        self._history = history

    def __repr__(self) -> str:
        return f"<Errors, {len(self)} of {len(self._history)} entries>"

    def __len__(self) -> int:
        return self._history.count_failed()

    def frame(self, search: str = "", most: int = 1000) -> DataFrame:
        """Return when, operation, status, message, requestId and fieldErrors of each one, newest first."""
        return make_frame(self._history.rows(search, most, errors=True), ERROR_COLUMNS)


def _memory_size(exchange: Exchange) -> int:
    return exchange.size + len(exchange.request.body)


def _body_to_store(exchange: Exchange, secrets: frozenset[str], has_further: bool) -> bytes:
    """Return what is stored of a response's body.

    The client has removed the secrets that were sent: the body is searched again only if there are others, or if it
    was formatted again.
    """
    response, content = exchange.response, exchange.masked.body if exchange.masked else b""
    if response is not None and (has_further or content is not response.body):
        content = redact_bytes(content[: LARGEST_BODY + _LONGEST_SECRET], secrets)
    return content[:LARGEST_BODY]


def _store_body(connection: sqlite3.Connection, content: bytes) -> str:
    """Store a body, unless an equal one is stored already; return its key."""
    key = hashlib.blake2b(content, digest_size=16).hexdigest()
    if connection.execute("SELECT 1 FROM body WHERE hash = ?", (key,)).fetchone() is None:
        connection.execute("INSERT OR IGNORE INTO body VALUES (?, ?)", (key, zlib.compress(content, 1)))
    return key
