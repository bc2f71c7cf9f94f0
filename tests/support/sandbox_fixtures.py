"""Fixtures of the sandbox's tests; a test module gets them with `pytest_plugins`."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from astro_nb.openapi import Spec, load
from astro_nb.sandbox import Sandbox
from support.sandbox import TLS, Caller, Clock


@pytest.fixture(scope="session")
def spec() -> Spec:
    """The bundled document of the Astro API."""
    return load()


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still."""
    return Clock()


@pytest.fixture
def paused(spec: Spec, clock: Clock) -> Iterator[Sandbox]:
    """A sandbox that serves, without rate limits, on that clock."""
    with Sandbox(spec, limits=False, clock=clock, now=clock.now) as running:
        yield running


@pytest.fixture
def caller(paused: Sandbox) -> Iterator[Caller]:
    """A caller of that sandbox over HTTP."""
    with httpx.Client(verify=TLS, base_url=paused.url + "/") as client:
        yield Caller(paused, client)
