"""A process that is forked, and a current folder that changes: what `connect` has opened works on."""

from __future__ import annotations

import os
import signal
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import astro_nb as anb
from astro_nb.environments import environment_secrets
from astro_nb.errors import Stopped
from astro_nb.http import in_background

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no forks")

PATIENCE = 30.0  # seconds until a child counts as hanging


def in_child(work: Callable[[], object]) -> str:
    """Return what work returns in a forked process, as text; an error as its text; "hangs" if it does not end."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            text = str(work())
        except BaseException as error:  # noqa: BLE001  # reported to the parent
            text = f"{type(error).__name__}: {error}"
        os.write(writer, text.encode()[:60_000])
        os._exit(0)
    os.close(writer)
    alarm = threading.Timer(PATIENCE, os.kill, (child, signal.SIGKILL))
    alarm.start()
    with os.fdopen(reader, "rb") as pipe:
        text = pipe.read().decode()
    alarm.cancel()
    os.waitpid(child, 0)
    return text or "hangs"


@pytest.fixture(params=["file", "memory"])
def api(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[anb.Workbench]:
    """A workbench that has sent already, both ways, so that it has connections, a loop and an open history."""
    workbench = anb.connect(history=tmp_path / "history" if request.param == "file" else None)
    assert workbench.call("ListWorkspaces").ok
    assert workbench.start("ListWorkspaces").result(10).ok
    yield workbench
    workbench.close()


WAYS: dict[str, Callable[[anb.Workbench], object]] = {
    "call": lambda api: api.call("ListWorkspaces").ok,
    "start": lambda api: api.start("ListWorkspaces").result(10).ok,
    "in_background": lambda api: in_background(api.call, "ListWorkspaces").result(10).ok,
    "pages": lambda api: api.pages("ListWorkspaces").complete,
    "bulk": lambda api: api.bulk("CreateWorkspace", [{"name": f"w{n}"} for n in range(3)]).run().counts["done"] == 3,
    "wait": lambda api: api.wait("ListWorkspaces", until=lambda exchange: exchange.ok).ok,
    "history": lambda api: api.history[-1].ok and len(api.history.frame()) >= 2,
    "close": lambda api: api.close() is None,
}


@pytest.mark.parametrize("way", WAYS)
def test_every_way_to_send_answers_in_a_child(way: str, api: anb.Workbench) -> None:
    """And the parent's connections, history and sandbox go on."""
    assert in_child(lambda: WAYS[way](api)) == "True"
    assert api.call("ListWorkspaces").ok
    assert api.start("ListWorkspaces").result(10).ok
    assert len(api.history) >= 4


def test_children_share_a_history_while_threads_send(tmp_path: Path) -> None:
    """Forked while other threads use every lock: no child hangs, no exchange is lost, and the file is sound."""
    api = anb.connect(history=tmp_path)
    stop = threading.Event()
    sent: list[int] = []

    def work() -> None:
        while not stop.is_set():
            sent.append(api.call("ListWorkspaces").status or 0)

    threads = [threading.Thread(target=work, daemon=True) for _ in range(2)]
    for thread in threads:
        thread.start()
    time.sleep(0.1)
    answers = [in_child(lambda: all(api.call("ListWorkspaces").not_stored == "" for _ in range(2))) for _ in range(4)]
    stop.set()
    for thread in threads:
        thread.join()
    assert answers == ["True"] * 4
    assert set(sent) == {200}
    assert len(api.history) == len(sent) + 8
    assert api.history.path is not None
    with sqlite3.connect(api.history.path) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    api.close()


def test_work_of_the_parent_is_not_waited_for(api: anb.Workbench) -> None:
    """In a child nothing would ever end it: the error says so."""
    assert api.sandbox is not None
    api.sandbox.faults.add("latency", seconds=0.5)
    running = api.start("ListWorkspaces")
    assert in_child(running.result).startswith(f"{Stopped.__name__}: It runs in the process")
    assert running.result(10).ok


# --- the current folder -----------------------------------------------------------------------------------------------

ENVIRONMENT = """
base_url: http://127.0.0.1:9
spec: documents/main.yaml
credentials: {token: 'dotenv:KEY', login: {username: 'dotenv:WHO', password: 'dotenv:KEY'}}
variables: {key: 'dotenv:KEY', who: {from: 'dotenv:WHO', secret: false}}
"""
SHARED = "variables: {shared: {from: 'dotenv:WHO', secret: false}}\n"
MAIN = """
openapi: 3.0.3
info: {title: Folders, version: '1'}
paths:
  /p:
    get:
      operationId: read
      responses: {'200': {description: '', content: {application/json: {schema: {$ref: 'parts.yaml#/Thing'}}}}}
"""


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """The folder of the notebook, which is the current one, and another one with other values."""
    here, there = tmp_path / "here", tmp_path / "there"
    for folder, name in ((here, "here"), (there, "there")):
        (folder / "environments").mkdir(parents=True)
        (folder / ".env").write_text(f"KEY=key-of-{name}\nWHO=who-of-{name}\n")
    (here / "environments" / "mine.yaml").write_text(ENVIRONMENT)
    (here / "environments" / "_shared.yaml").write_text(SHARED)
    (here / "documents").mkdir()
    (here / "documents" / "main.yaml").write_text(MAIN)
    (here / "documents" / "parts.yaml").write_text("Thing: {type: object, properties: {a: {type: integer}}}\n")
    monkeypatch.chdir(here)
    return here, there


def test_locations_are_fixed_at_connect(folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Environments, `.env`, shared variables, the history and the document's files stay those of the first folder."""
    here, there = folders
    api = anb.connect("mine", retries=anb.Retries(attempts=1))
    monkeypatch.chdir(there)
    api.call("read")
    api.history.close()
    api.call("read")
    assert len(api.history) == 2
    assert "mine" in api.environments
    assert "mine" in api.explore().context_bar.bar.environment.options
    api.environments.create("more", extends="mine")
    for environment in (api.environment, api.environments["mine"], api.environments["more"]):
        secret = environment.secret_for("token")
        assert secret is not None
        assert secret.reveal() == "key-of-here"
        assert {each.value_if_available() for each in environment_secrets(environment)} == {
            "key-of-here",
            "who-of-here",
        }
    assert api.variables["key"].reveal() == "key-of-here"
    assert api.session.resolve("{{who}} {{shared}}") == "who-of-here who-of-here"
    assert {path.name for path in there.rglob("*")} == {"environments", ".env"}
    assert any((here / ".astro_nb").glob("*.sqlite"))
    api.close()


def test_two_workbenches_keep_their_folders(folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Each reads the `.env` of the folder in which it was connected."""
    here, there = folders
    (there / "environments" / "mine.yaml").write_text(ENVIRONMENT.replace("documents", str(here / "documents")))
    first = anb.connect("mine")
    monkeypatch.chdir(there)
    second = anb.connect("mine")
    monkeypatch.chdir(there.parent)
    assert first.variables["key"].reveal() == "key-of-here"
    assert second.variables["key"].reveal() == "key-of-there"
    assert first.history.path is not None
    assert second.history.path is not None
    assert (first.history.path.parent.parent, second.history.path.parent.parent) == (here, there)
    for api in (first, second):
        api.close()
