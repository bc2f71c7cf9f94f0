"""Fixtures and settings that all tests share."""

from __future__ import annotations

import contextlib
import importlib
import os
import pkgutil
import signal
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest
from support.documents import SHARED
from support.lab import Lab, missing, running_lab
from xdist.scheduler.loadfile import LoadFileScheduling

import astro_nb

if TYPE_CHECKING:
    from pathlib import Path

    from astro_nb import Sandbox, Workbench

for module in pkgutil.walk_packages(astro_nb.__path__, "astro_nb."):
    importlib.import_module(module.name)  # hypothesis draws from the constants of what is loaded, whatever loaded it
hypothesis.settings.register_profile("repeatable", derandomize=True, deadline=None)
hypothesis.settings.register_profile("free", deadline=None, print_blob=True)
hypothesis.settings.load_profile("repeatable")

signal.signal(signal.SIGINT, signal.default_int_handler)  # shells start background jobs with Ctrl-C ignored

FIRST = ("test_leaks", "test_cli", "test_hostile", "test_architecture", ".ipynb")
"""Parts of the names of slow files, which start after the browser tests: a slow file that starts last keeps one worker
busy while the others are idle."""

LEAST_FILES = 4
"""The fewest files named on the command line for which several workers are started."""

_browser = contextlib.ExitStack()
_labs: list[Lab] = []


class Scheduling(LoadFileScheduling):  # type: ignore[misc]  # xdist ships no types
    """One file per worker, as `--dist loadfile`, with all browser tests in one worker: they share a JupyterLab."""

    def _split_scope(self, nodeid: str) -> str:
        file: str = super()._split_scope(nodeid)
        return "browser" if _is_browser_file(file) else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Replace the scheduler of `--dist loadfile`."""
    return Scheduling(config, log) if config.getoption("dist") == "loadfile" else None


@pytest.hookimpl(tryfirst=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """Run single files in one process: starting workers takes longer than most of them."""
    arguments = config.invocation_params.args
    files = [each for each in arguments if str(each).partition("::")[0].endswith((".py", ".ipynb"))]
    return 0 if 0 < len(files) < LEAST_FILES else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the browser tests, and sort the slow files first."""
    for item in items:
        if _needs_browser(item):
            item.add_marker("browser")
    items.sort(key=lambda item: _rank(item.nodeid.partition("::")[0]))


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(nextitem: pytest.Item | None) -> None:
    """Close the browser after its last test: Playwright keeps an event loop running in the main thread."""
    if _labs and (nextitem is None or not _needs_browser(nextitem)):
        _labs.clear()
        _browser.close()


@pytest.fixture
def lab() -> Iterator[Lab]:
    """JupyterLab in a browser, one for the whole run; skipped where there is none, failed where CI lacks it.

    A test whose pages requested anything beyond this machine fails when it ends.
    """
    reason = missing()
    if reason:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"No browser tests: {reason}.")
    if not _labs:
        _labs.append(_browser.enter_context(running_lab()))
    opened = _labs[0]
    yield opened
    try:
        opened.assert_loopback()
    finally:
        opened.clear()


@pytest.fixture(autouse=True)
def no_outside_sandbox(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test talks to a sandbox that happens to run on this machine."""
    monkeypatch.delenv("ASTRO_NB_SANDBOX_URL", raising=False)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """A fresh sandbox that listens on a port of its own."""
    from astro_nb import Sandbox

    with Sandbox() as started:
        yield started


@pytest.fixture
def api() -> Iterator[Workbench]:
    """A workbench on a fresh sandbox (`api.sandbox`), with its history in memory."""
    from astro_nb import connect

    workbench = connect(history=None)
    yield workbench
    workbench.close()


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of documents and fixtures beside the repository; skipped where there is none."""
    if not SHARED.is_dir():
        pytest.skip(f"{SHARED} does not exist: its documents are not part of the repository.")
    return SHARED


def _needs_browser(item: pytest.Item) -> bool:
    return "lab" in getattr(item, "fixturenames", ())


def _is_browser_file(file: str) -> bool:
    return "browser" in file.rpartition("/")[2]


def _rank(file: str) -> int:
    if _is_browser_file(file):
        return 0
    return 1 if any(part in file for part in FIRST) else 2
