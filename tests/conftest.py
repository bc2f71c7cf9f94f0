"""What the tests share: real things, made fresh or made once."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from lab import Lab, missing, running_lab

if TYPE_CHECKING:
    from astro_nb import Sandbox, Workbench

SHARED = Path(__file__).resolve().parents[2] / "shared"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests come last: they are slow, and Playwright keeps an event loop running on the main thread."""
    items.sort(key=lambda item: "lab" in getattr(item, "fixturenames", ()))


@pytest.fixture(autouse=True)
def no_outside_sandbox(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test talks to a sandbox that happens to run on this machine."""
    monkeypatch.delenv("ASTRO_NB_SANDBOX_URL", raising=False)


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """JupyterLab in a browser, one for the whole run; skipped where there is none, failed where CI lacks it."""
    reason = missing()
    if reason:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"No browser tests: {reason}.")
    with running_lab() as opened:
        yield opened


@pytest.fixture(autouse=True)
def only_loopback(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test whose pages asked for anything beyond this machine fails when it ends."""
    if "lab" not in request.fixturenames:
        yield
        return
    opened: Lab = request.getfixturevalue("lab")
    yield
    try:
        opened.assert_loopback()
    finally:
        opened.forget()


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
    """The folder of documents and fixtures that lies beside the repository."""
    if not SHARED.is_dir():
        pytest.skip(f"{SHARED} does not exist: its documents are not part of the repository.")
    return SHARED
