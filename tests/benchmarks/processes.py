"""Measurements in separate processes, and a sandbox in another process."""

from __future__ import annotations

import atexit
import contextlib
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(sys.executable).with_name("astro-nb")


class Served(NamedTuple):
    """A sandbox in another process: its base URL, and a token that may do everything there."""

    url: str
    token: str


@contextlib.contextmanager
def sandbox_process(limits: bool = False) -> Iterator[Served]:
    """`astro-nb sandbox`, without rate limits unless they are asked for; ended at the close."""
    command = [str(PROGRAM), "sandbox", "--port", "0", "--limits" if limits else "--no-limits"]
    with subprocess.Popen(command, env={**os.environ, **from_here()}, stdout=subprocess.PIPE, text=True) as process:
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


@cache
def from_here() -> dict[str, str]:
    """Return the environment variables to import this package, compiled as an installed one is.

    Where the environment forbids bytecode, every import would be compiled again; here a run has a folder for it.
    """
    folder = tempfile.mkdtemp(prefix="astro_nb-bytecode-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    return {"PYTHONPATH": path, "PYTHONPYCACHEPREFIX": folder, "PYTHONDONTWRITEBYTECODE": ""}


class Cost(NamedTuple):
    """The cost of a whole process: seconds, and its peak memory in millions of bytes."""

    seconds: float
    megabytes: float


def process_costs(jobs: Mapping[str, Callable[[], Cost]], times: int) -> dict[str, Cost]:
    """Return the median costs of each job; the jobs take turns, after a first turn that warms caches."""
    found: dict[str, list[Cost]] = {name: [] for name in jobs}
    for turn in range(times + 1):
        for name, job in jobs.items():
            cost = job()
            if turn:
                found[name].append(cost)
    return {name: Cost(*map(statistics.median, zip(*costs, strict=True))) for name, costs in found.items()}


def process_cost(code: str, *arguments: str, python: str | Path = sys.executable, **environ: str) -> Cost:
    """Return the cost of a Python process that runs the code.

    The process reports its own peak memory: what the system reports for a child includes its parent.
    """
    with tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter()
        done = subprocess.run(
            [str(python), "-c", code + _PEAK, *arguments],
            env={**os.environ, **from_here(), **environ},
            cwd=folder,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        return Cost(time.perf_counter() - begun, int(done.stdout.split()[-1]) / 1e6)


_PEAK = """
try:
    with open("/proc/self/status") as _status:
        print(next(1024 * int(_line.split()[1]) for _line in _status if _line.startswith("VmHWM:")))
except OSError:
    import resource
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def medians(jobs: Mapping[str, Callable[[], float]], times: int) -> dict[str, float]:
    """Return the median of each job's figures; the jobs take turns, so that noise affects all alike."""
    found: dict[str, list[float]] = {name: [] for name in jobs}
    for turn in range(times + 1):
        for name, job in jobs.items():
            figure = job()
            if turn:  # the first turn warms caches
                found[name].append(figure)
    return {name: statistics.median(figures) for name, figures in found.items()}


def process_seconds(code: str, **environ: str) -> float:
    """Return the seconds that a Python process takes for the code, from start to end."""
    return seconds_of(lambda: printed(code, **environ))


def printed(code: str, **environ: str) -> str:
    """Return what a Python process prints that runs the code in an empty folder."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-c", code]
        return subprocess.run(
            command,
            env={**os.environ, **from_here(), **environ},
            cwd=folder,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        ).stdout


def seconds_of(job: Callable[[], object]) -> float:
    """Return the seconds that a function takes."""
    begun = time.perf_counter()
    job()
    return time.perf_counter() - begun
