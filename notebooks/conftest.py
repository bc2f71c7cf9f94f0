"""Run the notebooks without progress displays: whether one appears depends on the speed of the machine."""

from __future__ import annotations

import os

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Set the variable before the kernel of a notebook starts."""
    os.environ["ASTRO_NB_PROGRESS"] = "off"


def pytest_runtest_teardown(item: pytest.Item) -> None:
    """Leave the variable to other tests in this process as it was."""
    os.environ.pop("ASTRO_NB_PROGRESS", None)
