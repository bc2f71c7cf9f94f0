"""Each document and server has a history of its own; the one of an earlier version is found."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from support.servers import LocalServer

import astro_nb as anb
from astro_nb.history import History
from astro_nb.openapi import load


def fastapi(*paths: str) -> dict[str, Any]:
    """Return a document as FastAPI makes it: each has the same title and no server."""
    items = {f"/{path}": {"get": {"operationId": path, "responses": {"200": {"description": ""}}}} for path in paths}
    return {"openapi": "3.1.0", "info": {"title": "FastAPI", "version": "0.1.0"}, "paths": items}


@pytest.fixture
def servers() -> Iterator[tuple[LocalServer, LocalServer]]:
    with LocalServer() as one, LocalServer() as other:
        yield one, other


def write(path: Path, document: dict[str, Any]) -> Path:
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def operations(spec: Any, url: str, folder: Path, *calls: str) -> list[str]:
    """Connect, call, and return the operations of the history."""
    api = anb.connect(spec=spec, base_url=url, history=folder)
    for name in calls:
        assert api.call(name).ok
    found = [exchange.operation.id for exchange in api.history]
    api.close()
    return found


@pytest.mark.parametrize("as_files", [True, False])
def test_documents_of_one_title_do_not_share_a_history(
    as_files: bool, tmp_path: Path, servers: tuple[LocalServer, LocalServer]
) -> None:
    """Two documents named FastAPI on one server, and one of them on two servers: three histories."""
    users, orders = fastapi("users", "health"), fastapi("orders", "health")
    sources: list[Any] = [users, orders]
    if as_files:
        sources = [write(tmp_path / "users.json", users), write(tmp_path / "orders.json", orders)]
    url, other = servers[0].url, servers[1].url
    folder = tmp_path / "history"
    assert operations(sources[0], url, folder, "users", "health") == ["users", "health"]
    assert operations(sources[1], url, folder, "orders", "health") == ["orders", "health"]
    assert operations(sources[0], other, folder, "health") == ["health"]
    assert operations(sources[0], f"{url}/", folder) == ["users", "health"]
    assert len(list(folder.glob("fastapi-*.sqlite"))) == 3


def test_a_document_that_grows_keeps_its_history(tmp_path: Path, servers: tuple[LocalServer, LocalServer]) -> None:
    """A file is known by its path, seen from the history, so that new operations and a moved project change nothing."""
    project = tmp_path / "project"
    project.mkdir()
    operations(write(project / "openapi.json", fastapi("a")), servers[0].url, project / ".astro_nb", "a")
    write(project / "openapi.json", fastapi("a", "b"))
    project.rename(tmp_path / "moved")
    moved = tmp_path / "moved"
    assert operations(moved / "openapi.json", servers[0].url, moved / ".astro_nb", "b") == ["a", "b"]


def test_the_history_of_an_earlier_version_is_found(tmp_path: Path, servers: tuple[LocalServer, LocalServer]) -> None:
    """Each document takes its own entries of the file that they shared; that file stays as it is."""
    both = fastapi("users", "orders", "health")
    earlier = tmp_path / "fastapi.sqlite"
    first = anb.connect(spec=both, base_url=servers[0].url, history=None)
    second = anb.connect(spec=both, base_url=servers[1].url, history=None)
    shared = History(load(both), earlier)
    for api, name in ((first, "users"), (second, "orders"), (second, "health")):
        shared.add(api.call(name))
    shared.close()
    before = earlier.read_bytes()
    users, orders = fastapi("users", "health"), fastapi("orders", "health")
    assert operations(users, servers[0].url, tmp_path, "health") == ["users", "health"]
    assert operations(orders, servers[1].url, tmp_path) == ["orders", "health"]
    assert operations(users, servers[1].url, tmp_path) == ["health"]
    assert operations(users, servers[0].url, tmp_path) == ["users", "health"]
    assert earlier.read_bytes() == before
    with closing(sqlite3.connect(earlier)) as database:
        assert database.execute("SELECT COUNT(*) FROM entry").fetchone() == (3,)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".fastapi")] == []


@pytest.mark.parametrize("content", [b"", b"something else entirely, " * 50])
def test_a_file_of_the_title_that_is_no_history_is_left(
    content: bytes, tmp_path: Path, servers: tuple[LocalServer, LocalServer]
) -> None:
    """It is neither read nor changed, and the history begins anew."""
    (tmp_path / "fastapi.sqlite").write_bytes(content)
    assert operations(fastapi("a"), servers[0].url, tmp_path, "a") == ["a"]
    assert (tmp_path / "fastapi.sqlite").read_bytes() == content
