"""Which file a history is in: one for each document and server.

Earlier versions had one file for each title, `<title>.sqlite`. Many documents have the same one: FastAPI calls each
"FastAPI". Now the name goes on with a hash of the document and the server. The documents that are bundled keep the
short name. When a history is opened for the first time, it begins with a copy of its entries in the file of its title,
which stays as it is.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ..json_text import JsonError, read_json
from ..messages import is_under_base_url
from ..openapi import Spec
from ..openapi.documents import as_path, bundled_folder, is_url

SANDBOX = "sandbox"
"""Stands for the server if it is the embedded sandbox, whose port is another one each time."""

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def history_path(folder: Path, spec: Spec, source: Any, server: str) -> Path:
    """Return the file of the history of a document and a server; its entries of an earlier version are copied to it.

    Args:
        folder: the folder of the histories.
        spec: the document.
        source: where it was loaded from, as for `load`.
        server: the base URL, or `SANDBOX`.
    """
    slug = re.sub(r"\W+", "-", spec.title.lower()).strip("-") or "api"
    earlier, place = folder / f"{slug}.sqlite", as_path(source)
    if place is not None and place.parent == bundled_folder():
        return earlier
    identity = "\n".join([spec.title, _identity(spec, source, place, folder), server.rstrip("/")])
    digest = hashlib.blake2b(identity.encode("utf-8", "surrogatepass"), digest_size=5).hexdigest()
    path = folder / f"{slug}-{digest}.sqlite"
    if earlier.is_file() and not path.exists():
        with suppress(sqlite3.DatabaseError, OSError):  # the earlier file is no history, or cannot be read: begin anew
            _copy_entries(earlier, path, spec, server)
    return path


def _identity(spec: Spec, source: Any, place: Path | None, folder: Path) -> str:
    """Return what identifies a document: its URL or its path, seen from the folder; without either, its operations."""
    if is_url(source):
        return str(source)
    if place is None:
        return " ".join(sorted(f"{operation.method} {operation.path}" for operation in spec))
    full = place.resolve()
    try:
        return Path(os.path.relpath(full, folder.resolve())).as_posix()
    except ValueError:  # on another drive of Windows
        return str(full)


def _copy_entries(earlier: Path, path: Path, spec: Spec, server: str) -> None:
    """Copy a history with those of its entries that belong to a document and a server; nothing if there are none."""
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with closing(sqlite3.connect(earlier)) as source, closing(sqlite3.connect(unfinished)) as copy:
            source.backup(copy)
            names = {operation.id for operation in spec}
            entries = copy.execute("SELECT id, operation, detail FROM entry").fetchall()
            others = [(key,) for key, name, detail in entries if name not in names or not _is_sent_to(detail, server)]
            copy.executemany("DELETE FROM entry WHERE id = ?", others)
            copy.commit()
        if len(others) < len(entries):
            _publish(unfinished, path)
    finally:
        for suffix in ("", "-wal", "-shm", "-journal"):
            unfinished.with_name(unfinished.name + suffix).unlink(missing_ok=True)


def _publish(unfinished: Path, path: Path) -> None:
    """Give a finished file its name. It never replaces the file of another process, where the system can do that."""
    try:
        os.link(unfinished, path)
    except FileExistsError:
        return
    except OSError:  # the file system has no hard links
        if not path.exists():
            os.replace(unfinished, path)


def _is_sent_to(detail: bytes, server: str) -> bool:
    """Whether the request of an entry went to a server."""
    try:
        url = str(read_json(detail).data["request"]["url"])
    except (JsonError, KeyError, TypeError):
        return False
    return urlsplit(url).hostname in _LOOPBACK if server == SANDBOX else is_under_base_url(url, server)
