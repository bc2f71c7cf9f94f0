"""Work measured in processes of its own, and a sandbox in another one."""

from __future__ import annotations

import contextlib
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

PROGRAM = Path(sys.executable).with_name("astro-nb")


class Served(NamedTuple):
    """A sandbox in another process: its base URL, and a token that may do everything there."""

    url: str
    token: str


@contextlib.contextmanager
def sandbox_process() -> Iterator[Served]:
    """`astro-nb sandbox` without rate limits, ended at the close."""
    command = [str(PROGRAM), "sandbox", "--port", "0", "--no-limits"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            facts: dict[str, str] = {}
            for line in process.stdout:
                if "Ctrl-C" in line:
                    break
                name, _, value = re.sub(r"\s{2,}", "\t", line.strip()).partition("\t")
                facts[name] = value
            yield Served(facts["Sandbox"], facts["Token"])
        finally:
            process.terminate()


def medians(jobs: Mapping[str, Callable[[], float]], times: int) -> dict[str, float]:
    """The median of each job's figures; the jobs take turns, so that noise falls on all alike."""
    found: dict[str, list[float]] = {name: [] for name in jobs}
    for turn in range(times + 1):
        for name, job in jobs.items():
            figure = job()
            if turn:  # the first turn warms caches
                found[name].append(figure)
    return {name: statistics.median(figures) for name, figures in found.items()}


def process_seconds(code: str, **environ: str) -> float:
    """How long a Python process takes over the code, from its start to its end."""
    return seconds_of(lambda: printed(code, **environ))


def printed(code: str, **environ: str) -> str:
    """What a Python process prints that runs the code, in an empty folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-c", code]
        return subprocess.run(
            command, env={**os.environ, **environ}, cwd=folder, stdout=subprocess.PIPE, text=True, check=True
        ).stdout


def seconds_of(job: Callable[[], object]) -> float:
    """How long a function takes."""
    begun = time.perf_counter()
    job()
    return time.perf_counter() - begun
