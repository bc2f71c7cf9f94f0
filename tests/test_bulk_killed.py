"""A kernel is killed during many creates: after another run each resource exists exactly once."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import astro_nb as anb
from astro_nb.environments import Environment
from astro_nb.http import Retries
from astro_nb.secrets import Secret

SCRIPT = """
import os, sys
from pathlib import Path
import pandas as pd
import astro_nb as anb
from astro_nb.bulk import sending
from astro_nb.environments import Environment

url, count, workspace = sys.argv[1], int(sys.argv[2]), sys.argv[3]
sending.SETTLE_TIME = 1.0  # the sandbox has carried out a request by then
limits = {"POST": 1000, "GET": 1000}
here = Environment("class", base_url=url, credentials={"token": "env:KILLED_TOKEN"}, limits=limits)
api = anb.connect(here, history=Path("history"))
rows = pd.DataFrame({"objectKey": [f"KEY_{n}" for n in range(count)], "value": [f"worth-{n}" for n in range(count)]})
work = api.bulk(
    "CreateEnvironmentObject", rows, columns={"environmentVariable.value": "value"},
    objectType="ENVIRONMENT_VARIABLE", scope="WORKSPACE", scopeEntityId=workspace,
    environmentVariable={"isSecret": True},
)
print("resumed", work.resumed, flush=True)
work.run()
print("counts", work.counts, flush=True)
api.close()
"""


@pytest.fixture
def served() -> Iterator[anb.Sandbox]:
    """Return a sandbox without limits that outlives the kernels."""
    with anb.Sandbox(limits=False, speed=0) as started:
        yield started


class Kernel:
    """A process that runs a bulk, like a kernel."""

    def __init__(self, served: anb.Sandbox, folder: Path, count: int) -> None:
        self.folder = folder
        root = Path(anb.__file__).resolve().parents[1]
        workspace = next(iter(read_list(served, "ListWorkspaces")))["id"]
        self.command = [sys.executable, "-c", SCRIPT, served.url, str(count), workspace]
        self.environment = {**os.environ, "KILLED_TOKEN": served.token(), "PYTHONPATH": str(root)}

    def start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.command,
            cwd=self.folder,
            env=self.environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def run(self) -> str:
        """Run it to its end, and return its output."""
        with self.start() as process:
            out, err = process.communicate(timeout=180)
        assert process.returncode == 0, err[-2000:]
        return out

    def kill_after(self, served: anb.Sandbox, more: int) -> None:
        """Kill it after so many more requests to the sandbox."""
        wanted = served.requests + more
        with self.start() as process:
            deadline = time.monotonic() + 120
            while served.requests < wanted and process.poll() is None and time.monotonic() < deadline:
                time.sleep(0.002)
            assert process.poll() is None, process.communicate()[1][-2000:]
            process.send_signal(signal.SIGKILL)


def read_list(served: anb.Sandbox, operation: str) -> list[Any]:
    """Return all items of a list, without a history."""
    here = Environment("look", base_url=served.url, credentials={"token": Secret.in_memory(served.token())})
    api = anb.connect(here, history=None, retries=Retries(attempts=1))
    try:
        return api.pages(operation).items()
    finally:
        api.close()


def count_keys(served: anb.Sandbox) -> Counter[str]:
    """Return how often each row's environment object exists."""
    keys = (str(item["objectKey"]) for item in read_list(served, "ListEnvironmentObjects"))
    return Counter(key for key in keys if key.startswith("KEY_"))


def post_statuses(served: anb.Sandbox) -> Counter[int]:
    """Return the statuses of all creates; 0 if the connection broke.

    A 400 is left out: it is a request that the killed kernel had not sent completely. A duplicate is a 409.
    """
    every = (seen.status for seen in served.log if seen.operation == "CreateEnvironmentObject")
    return Counter(status for status in every if status != 400)


def test_each_row_is_created_once_after_several_kills(served: anb.Sandbox, tmp_path: Path) -> None:
    """500 creates, killed three times: 500 resources exist, and none was requested twice."""
    kernel = Kernel(served, tmp_path, 500)
    for more in (90, 130, 110):
        kernel.kill_after(served, more)
    output = kernel.run()
    assert "'done': 500" in output
    assert int(output.split()[1]) >= 300  # it continued the run
    assert count_keys(served) == Counter({f"KEY_{n}": 1 for n in range(500)})
    assert post_statuses(served) == {200: 500}


def test_a_lost_response_and_a_kill(served: anb.Sandbox, tmp_path: Path) -> None:
    """A connection broke after a create was carried out, then a kill: the resource is not created again."""
    kernel = Kernel(served, tmp_path, 60)
    served.faults.add("reset", operation="CreateEnvironmentObject", times=3, done=True)
    kernel.kill_after(served, 30)
    assert "'done': 60" in kernel.run()
    assert count_keys(served) == Counter({f"KEY_{n}": 1 for n in range(60)})
    assert post_statuses(served) == {200: 57, 0: 3}


def test_a_create_that_was_not_carried_out_is_sent_again(served: anb.Sandbox, tmp_path: Path) -> None:
    """A connection broke before a create was carried out: it is not in the list, so it is sent again."""
    kernel = Kernel(served, tmp_path, 40)
    served.faults.add("reset", operation="CreateEnvironmentObject", times=2)
    kernel.kill_after(served, 20)
    assert "'done': 40" in kernel.run()
    assert count_keys(served) == Counter({f"KEY_{n}": 1 for n in range(40)})
    assert post_statuses(served) == {200: 40, 0: 2}


def test_a_second_process_cannot_continue_an_active_run(served: anb.Sandbox, tmp_path: Path) -> None:
    """While the first process is alive, the second one raises and sends nothing."""
    kernel = Kernel(served, tmp_path, 300)
    served.faults.add("latency", operation="CreateEnvironmentObject", times=None, seconds=0.2)
    with kernel.start() as first:
        begun = served.requests
        while served.requests < begun + 20 and first.poll() is None:
            time.sleep(0.01)
        with kernel.start() as second:
            _, err = second.communicate(timeout=120)
        assert first.poll() is None
        first.send_signal(signal.SIGKILL)
    assert second.returncode != 0
    assert f"Process {first.pid} is sending" in err
    assert set(count_keys(served).values()) == {1}


def test_no_secret_is_in_the_file(served: anb.Sandbox, tmp_path: Path) -> None:
    """After a kill, no file of the history has the value of a secret cell."""
    kernel = Kernel(served, tmp_path, 60)
    kernel.kill_after(served, 30)
    files = [path for path in (tmp_path / "history").iterdir() if path.is_file()]
    assert any("sqlite" in path.name for path in files)
    assert not any(b"worth-" in path.read_bytes() for path in files)


# --- runs of earlier versions -----------------------------------------------------------------------------------------


def write_unfinished_run(folder: Path) -> None:
    """Write a history in which the version before left a run unfinished.

    Its rows have the keys KEY_0 (done), KEY_1 (the response was lost), KEY_2 (it was being sent), and a fourth, which
    was not sent and is also the value of a secret.
    """
    folder.mkdir()
    script = Path(__file__).parent / "data" / "unfinished-bulk-format-3.sql"
    with closing(sqlite3.connect(folder / "astro-api.sqlite")) as database:
        database.executescript(script.read_text(encoding="utf-8"))


def test_a_run_of_an_earlier_version_is_continued(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The same rows have the same fingerprint as before 0.2, so what was done is not sent again."""
    write_unfinished_run(tmp_path / "history")
    sandbox = anb.Sandbox(limits=False, speed=0)
    monkeypatch.setenv("UNFINISHED_TOKEN", sandbox.token())
    monkeypatch.setenv("UNFINISHED_WORD", "LASTING_qT7xK94mZ")
    here = Environment("class", base_url="http://localhost/v1", credentials={"token": "env:UNFINISHED_TOKEN"})
    api = anb.connect(here, history=tmp_path / "history", transport=sandbox.transport(), retries=Retries(attempts=1))
    api.variables["workspaceId"] = str(api.call("ListWorkspaces", limit=1)["$.workspaces[0].id"])
    api.variables["word"] = Secret("env:UNFINISHED_WORD")
    kind = {"objectType": "ENVIRONMENT_VARIABLE", "scope": "WORKSPACE", "scopeEntityId": "{{workspaceId}}"}
    for key in ("KEY_0", "KEY_1"):  # that run had created them
        variable = {"isSecret": True, "value": "other"}
        assert api.call("CreateEnvironmentObject", objectKey=key, environmentVariable=variable, **kind).ok
    before = sandbox.requests
    keys = ["KEY_0", "KEY_1", "KEY_2", "LASTING_qT7xK94mZ"]
    work = api.bulk(
        "CreateEnvironmentObject",
        [{"objectKey": key, "value": f"worth-{number}"} for number, key in enumerate(keys)],
        columns={"environmentVariable.value": "value"},
        **kind,
        environmentVariable={"isSecret": True},
    )
    assert (work.resumed, work.outcomes) == (3, ["done", "unknown", "unknown", "not sent"])
    assert work.run().outcomes == ["done"] * 4
    posts = [seen.status for seen in sandbox.log[before:] if seen.operation == "CreateEnvironmentObject"]
    assert posts == [200, 200]
    created = [item["objectKey"] for item in api.pages("ListEnvironmentObjects").items() if item["objectKey"] in keys]
    assert sorted(created) == sorted(keys)
    assert work.frame()["message"].tolist()[1] == "The response was lost; ListEnvironmentObjects lists the resource."
    api.close()
