"""Every fault of the network or a server, for every class of method: attempts, outcome, and nothing done twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

import astro_nb as anb
from astro_nb.environments import Environment
from astro_nb.exchange import Exchange
from astro_nb.http import Client
from astro_nb.sandbox import Sandbox
from astro_nb.secrets import Secret

READ = 1.0  # seconds to wait for a response


@dataclass(frozen=True)
class FaultCase:
    """A fault, and the result that it must have.

    Attributes:
        kind, options: the sandbox's fault.
        safe: attempts and outcome of what is safe to repeat.
        unsafe: attempts and outcome of what is not.
        done: whether the server has carried it out before it fails.
        first: the outcome of the first attempt.
    """

    kind: str
    first: str
    safe: tuple[int, str] = (2, "done")
    unsafe: tuple[int, str] = (1, "unknown")
    done: bool = False
    options: dict[str, Any] = field(default_factory=dict)


def date(seconds: float) -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


FAULTS = {
    "429": FaultCase("rate_limit", "429", unsafe=(2, "done")),
    "429, Retry-After 2": FaultCase("rate_limit", "429", unsafe=(2, "done"), options={"retry_after": 2}),
    "429, a date": FaultCase("rate_limit", "429", unsafe=(2, "done"), options={"retry_after": date(3)}),
    "429, an hour": FaultCase("rate_limit", "429", (1, "failed"), (1, "failed"), options={"retry_after": 3600}),
    "500": FaultCase("status", "500", options={"code": 500}),
    "500, done": FaultCase("status", "500", done=True, options={"code": 500}),
    "501": FaultCase("status", "501", (1, "failed"), (1, "failed"), options={"code": 501}),
    "503, Retry-After 1": FaultCase("status", "503", options={"code": 503, "retry_after": 1}),
    "502 in HTML": FaultCase("html", "502"),
    "502 in HTML, done": FaultCase("html", "502", done=True),
    "reset before": FaultCase("reset", "broken"),
    "reset before, done": FaultCase("reset", "broken", done=True),
    "reset in the middle": FaultCase("reset_midway", "broken", done=True),
    "time-out": FaultCase("latency", "timeout", done=True, options={"seconds": 2 * READ}),
    "truncated JSON": FaultCase("truncated", "20", (1, "done"), (1, "done"), done=True),
    "wrong length": FaultCase("short", "broken", done=True),
    "slow drip": FaultCase("drip", "20", (1, "done"), (1, "done"), done=True, options={"seconds": 1.3 * READ}),
}
BODILESS = ("truncated JSON", "slow drip", "wrong length", "reset in the middle")
"""Faults of the body: a deletion has a response without one."""


@dataclass
class Setup:
    """A sandbox with a Workspace to read, change and delete, and a client whose waits take no time."""

    sandbox: Sandbox
    api: anb.Workbench
    slept: list[float]
    workspace_id: str

    def names(self) -> list[str]:
        """Return the names of all Workspaces, as a client without faults sees them."""
        self.sandbox.faults.clear()
        return [item["name"] for item in self.api.pages("ListWorkspaces").items()]

    def read(self) -> Exchange:
        return self.api.call("GetWorkspace", workspaceId=self.workspace_id)

    def create(self) -> Exchange:
        return self.api.call("CreateWorkspace", name="made once")

    def update(self) -> Exchange:
        return self.api.call(
            "UpdateWorkspace", workspaceId=self.workspace_id, name="changed", description="", cicdEnforcedDefault=False
        )

    def delete(self) -> Exchange:
        return self.api.call("DeleteWorkspace", workspaceId=self.workspace_id)


@pytest.fixture
def setup() -> Iterator[Setup]:
    with Sandbox(limits=False) as sandbox:
        token = Secret.in_memory(sandbox.token(), "TOKEN")
        limits = {"GET": 1000.0, "POST": 1000.0, "DELETE": 1000.0}
        environment = Environment("faults", base_url=sandbox.url, credentials={"token": token}, limits=limits)
        api, slept = anb.connect(environment, history=None), list[float]()
        made = api.call("CreateWorkspace", name="thing")
        api.session.client.close()
        api.session.client = Client({"read": READ, "connect": 5}, sleep=slept.append)
        yield Setup(sandbox, api, slept, made["$.id"])
        api.close()


def inject(setup: Setup, case: FaultCase, operation: str) -> None:
    settings = {**case.options, **({"done": True} if case.done and case.kind in DONE else {})}
    setup.sandbox.faults.add(case.kind, operation=operation, times=1, **settings)


DONE = ("status", "html", "reset")
CLASSES = {
    "GET": ("GetWorkspace", Setup.read, True),
    "create": ("CreateWorkspace", Setup.create, False),
    "update": ("UpdateWorkspace", Setup.update, True),
    "delete": ("DeleteWorkspace", Setup.delete, True),
}
MATRIX = [(name, kind) for name in FAULTS for kind in CLASSES if not (kind == "delete" and name in BODILESS)]


@pytest.mark.parametrize(("name", "kind"), MATRIX, ids=lambda value: value)
def test_the_outcome_is_as_the_table_says(name: str, kind: str, setup: Setup) -> None:
    """Attempts and outcome are those of the table; the server has done it once, or not at all if it refused."""
    case, (operation, act, safe) = FAULTS[name], CLASSES[kind]
    inject(setup, case, operation)
    exchange = act(setup)
    attempts, outcome = case.safe if safe else case.unsafe
    outcome = "failed" if kind == "GET" and outcome == "unknown" else outcome
    assert exchange.attempts[0].outcome.startswith(case.first)
    assert (len(exchange.attempts), exchange.outcome) == (attempts, outcome), exchange
    assert len(exchange.attempts) == 1 or exchange.attempts[0].decision.startswith("retried after")
    assert bool(exchange.advice) is (outcome == "unknown")
    names = setup.names()
    expected = {"GET": ["thing"], "create": ["thing", "made once"], "update": ["changed"], "delete": []}[kind]
    happened = outcome == "done" or case.done
    assert [n for n in names if n in ("thing", "made once", "changed")] == (expected if happened else ["thing"])


@pytest.mark.parametrize("operation", ["ListWorkspaces", "CreateWorkspace"])
def test_a_lasting_429_is_given_up_after_ten_attempts(operation: str, setup: Setup) -> None:
    """1, 2, 4, 8 … s, jittered, no wait over a minute; nothing was done."""
    setup.sandbox.faults.add("rate_limit", operation=operation, times=None)
    exchange = setup.api.call(operation, **({"name": "made once"} if operation.startswith("Create") else {}))
    assert [attempt.outcome for attempt in exchange.attempts] == ["429"] * 10
    waits = [attempt.retry_in for attempt in exchange.attempts[:-1]]
    assert all(0.5 * 2.0**n <= wait <= min(60, 2.0**n) for n, wait in enumerate(waits) if n < 6)
    assert exchange.outcome == "failed"
    assert "made once" not in setup.names()


def test_an_unknown_outcome_says_how_to_check(setup: Setup) -> None:
    """In the repr, in HTML, and as advice: the operation that lists what may have been created."""
    setup.sandbox.faults.add("reset", operation="CreateWorkspace", done=True)
    exchange = setup.create()
    assert "Look with ListWorkspaces before you send it again." in exchange.advice
    assert exchange.advice in repr(exchange)
    assert exchange.advice in exchange._repr_mimebundle_()["text/html"]
    assert ">unknown<" in exchange._repr_mimebundle_()["text/html"]
    assert exchange.advice in repr(setup.api.history.get(exchange.id))


def test_a_repeated_deletion_is_done(setup: Setup) -> None:
    """The first attempt deleted it and broke, the second one found it gone."""
    setup.sandbox.faults.add("reset", operation="DeleteWorkspace", done=True)
    exchange = setup.delete()
    assert exchange.status == 404
    assert exchange.outcome == "done"
    assert setup.delete().outcome == "failed"  # asked by hand for what is gone, it is


def test_truncated_json_is_a_violation(setup: Setup) -> None:
    """A response whose JSON ends early is done, and the contract check says that it is not JSON."""
    setup.sandbox.faults.add("truncated", operation="GetWorkspace")
    exchange = setup.read()
    assert [violation.message for violation in exchange.violations] == [
        "The body ends in the middle of JSON: it was cut.",
        "The body is declared as JSON, but it is not JSON.",
    ]


def test_a_wait_of_an_hour_ends_the_call(setup: Setup) -> None:
    """If a server asks to wait an hour, the call ends at once, the next one too, in the background as in a cell."""
    setup.sandbox.faults.add("rate_limit", operation="GetWorkspace", times=2, retry_after=3600)
    assert setup.read().status == 429
    running = setup.api.start("GetWorkspace", workspaceId=setup.workspace_id)
    assert running.result(5).status == 429
    assert setup.api.start("GetWorkspace", workspaceId=setup.workspace_id).result(5).ok
    assert setup.slept == []
