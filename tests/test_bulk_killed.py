"""A kernel that is killed in the middle of many creates: run again, exactly what was meant is there, each once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
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
from astro_nb.bulk import finding
from astro_nb.environment import Environment

url, count, workspace = sys.argv[1], int(sys.argv[2]), sys.argv[3]
finding.SETTLED = 1.0  # a sandbox that is asked for something has done it by then
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
    """A sandbox without limits, which outlives the kernels."""
    with anb.Sandbox(limits=False, speed=0) as started:
        yield started


class Kernel:
    """A process that does a bulk, as a kernel would."""

    def __init__(self, served: anb.Sandbox, folder: Path, count: int) -> None:
        self.folder = folder
        root = Path(anb.__file__).resolve().parents[1]
        workspace = next(iter(listed(served, "ListWorkspaces")))["id"]
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
        """Run it to its end, and what it told."""
        with self.start() as process:
            out, err = process.communicate(timeout=180)
        assert process.returncode == 0, err[-2000:]
        return out

    def kill_after(self, served: anb.Sandbox, more: int) -> None:
        """Kill it once the sandbox has seen so many more requests."""
        wanted = served.requests + more
        with self.start() as process:
            deadline = time.monotonic() + 120
            while served.requests < wanted and process.poll() is None and time.monotonic() < deadline:
                time.sleep(0.002)
            assert process.poll() is None, process.communicate()[1][-2000:]
            process.send_signal(signal.SIGKILL)


def listed(served: anb.Sandbox, operation: str) -> list[Any]:
    """All that an operation of the sandbox lists, without a history."""
    here = Environment("look", base_url=served.url, credentials={"token": Secret.in_memory(served.token())})
    api = anb.connect(here, history=None, retries=Retries(attempts=1))
    try:
        return api.pages(operation).items()
    finally:
        api.close()


def created(served: anb.Sandbox) -> Counter[str]:
    """How often each row's environment object is there."""
    keys = (str(item["objectKey"]) for item in listed(served, "ListEnvironmentObjects"))
    return Counter(key for key in keys if key.startswith("KEY_"))


def posts(served: anb.Sandbox) -> Counter[int]:
    """What the sandbox answered to creates; 0 where the connection broke.

    A 400 is left out: it is what the killed kernel had not sent to its end. One that is sent twice is a 409.
    """
    every = (seen.status for seen in served.log if seen.operation == "CreateEnvironmentObject")
    return Counter(status for status in every if status != 400)


def test_killed_again_and_again_each_row_is_made_once(served: anb.Sandbox, tmp_path: Path) -> None:
    """Of 500 creates, killed three times in the middle: 500 exist, each once, and none was asked for twice."""
    kernel = Kernel(served, tmp_path, 500)
    for more in (90, 130, 110):
        kernel.kill_after(served, more)
    told = kernel.run()
    assert "'done': 500" in told
    assert int(told.split()[1]) >= 300  # it went on, and did not begin anew
    assert created(served) == Counter({f"KEY_{n}": 1 for n in range(500)})
    assert posts(served) == {200: 500}


def test_an_answer_that_is_lost_beside_a_kill(served: anb.Sandbox, tmp_path: Path) -> None:
    """A connection that broke after the deed was done, and a kill: what is there already is not made again."""
    kernel = Kernel(served, tmp_path, 60)
    served.faults.add("reset", operation="CreateEnvironmentObject", times=3, done=True)
    kernel.kill_after(served, 30)
    assert "'done': 60" in kernel.run()
    assert created(served) == Counter({f"KEY_{n}": 1 for n in range(60)})
    assert posts(served) == {200: 57, 0: 3}


def test_one_that_did_not_happen_is_sent_again(served: anb.Sandbox, tmp_path: Path) -> None:
    """A connection that broke before the deed: it is not in the list, and so it is sent once more."""
    kernel = Kernel(served, tmp_path, 40)
    served.faults.add("reset", operation="CreateEnvironmentObject", times=2)
    kernel.kill_after(served, 20)
    assert "'done': 40" in kernel.run()
    assert created(served) == Counter({f"KEY_{n}": 1 for n in range(40)})
    assert posts(served) == {200: 40, 0: 2}


def test_a_run_that_is_under_way_is_not_run_by_another(served: anb.Sandbox, tmp_path: Path) -> None:
    """A second kernel refuses while the first one lives, says so, and sends nothing of it."""
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
    assert f"by another process, {first.pid}: nothing was sent." in err
    assert set(created(served).values()) == {1}


def test_no_secret_is_in_the_file(served: anb.Sandbox, tmp_path: Path) -> None:
    """After a kill, what the cells held is nowhere in the files of the history."""
    kernel = Kernel(served, tmp_path, 60)
    kernel.kill_after(served, 30)
    files = [path for path in (tmp_path / "history").iterdir() if path.is_file()]
    assert any("sqlite" in path.name for path in files)
    assert not any(b"worth-" in path.read_bytes() for path in files)
