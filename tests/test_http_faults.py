"""Every way in which the network or a server fails, for every class of method: what comes of it; nothing is doubled."""

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

READ = 1.0  # seconds of patience with an answer


@dataclass(frozen=True)
class Trouble:
    """One way to fail, and what must come of it.

    Attributes:
        kind, options: the sandbox's fault.
        safe: attempts and outcome of what is safe to repeat.
        unsafe: attempts and outcome of what is not.
        done: whether the server has carried it out before it fails.
        first: what the first attempt is told to have come to.
    """

    kind: str
    first: str
    safe: tuple[int, str] = (2, "done")
    unsafe: tuple[int, str] = (1, "unknown")
    done: bool = False
    options: dict[str, Any] = field(default_factory=dict)


def date(seconds: float) -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


TROUBLES = {
    "429": Trouble("rate_limit", "429", unsafe=(2, "done")),
    "429, Retry-After 2": Trouble("rate_limit", "429", unsafe=(2, "done"), options={"retry_after": 2}),
    "429, a date": Trouble("rate_limit", "429", unsafe=(2, "done"), options={"retry_after": date(3)}),
    "429, an hour": Trouble("rate_limit", "429", (1, "failed"), (1, "failed"), options={"retry_after": 3600}),
    "500": Trouble("status", "500", options={"code": 500}),
    "500, done": Trouble("status", "500", done=True, options={"code": 500}),
    "501": Trouble("status", "501", (1, "failed"), (1, "failed"), options={"code": 501}),
    "503, Retry-After 1": Trouble("status", "503", options={"code": 503, "retry_after": 1}),
    "502 in HTML": Trouble("html", "502"),
    "502 in HTML, done": Trouble("html", "502", done=True),
    "reset before": Trouble("reset", "broken"),
    "reset before, done": Trouble("reset", "broken", done=True),
    "reset in the middle": Trouble("reset_midway", "broken", done=True),
    "time-out": Trouble("latency", "timeout", done=True, options={"seconds": 2 * READ}),
    "truncated JSON": Trouble("truncated", "20", (1, "done"), (1, "done"), done=True),
    "wrong length": Trouble("short", "broken", done=True),
    "slow drip": Trouble("drip", "20", (1, "done"), (1, "done"), done=True, options={"seconds": 1.3 * READ}),
}
BODILESS = ("truncated JSON", "slow drip", "wrong length", "reset in the middle")
"""They befall a body, and a deletion answers without one."""


@dataclass
class Field:
    """A sandbox with a thing to read, to change and to delete, and a client whose waits take no time."""

    sandbox: Sandbox
    api: anb.Workbench
    slept: list[float]
    thing: str

    def names(self) -> list[str]:
        """The names of all Workspaces, as a client without any trouble sees them."""
        self.sandbox.faults.clear()
        return [item["name"] for item in self.api.pages("ListWorkspaces").items()]

    def read(self) -> Exchange:
        return self.api.call("GetWorkspace", workspaceId=self.thing)

    def create(self) -> Exchange:
        return self.api.call("CreateWorkspace", name="made once")

    def update(self) -> Exchange:
        return self.api.call(
            "UpdateWorkspace", workspaceId=self.thing, name="changed", description="", cicdEnforcedDefault=False
        )

    def delete(self) -> Exchange:
        return self.api.call("DeleteWorkspace", workspaceId=self.thing)


@pytest.fixture
def ground() -> Iterator[Field]:
    with Sandbox(limits=False) as sandbox:
        token = Secret.in_memory(sandbox.token(), "TOKEN")
        limits = {"GET": 1000.0, "POST": 1000.0, "DELETE": 1000.0}
        environment = Environment("faults", base_url=sandbox.url, credentials={"token": token}, limits=limits)
        api, slept = anb.connect(environment, history=None), list[float]()
        made = api.call("CreateWorkspace", name="thing")
        api.session.client.close()
        api.session.client = Client({"read": READ, "connect": 5}, sleep=slept.append)
        yield Field(sandbox, api, slept, made["$.id"])
        api.close()


def befall(ground: Field, trouble: Trouble, operation: str) -> None:
    settings = {**trouble.options, **({"done": True} if trouble.done and trouble.kind in DONE else {})}
    ground.sandbox.faults.add(trouble.kind, operation=operation, times=1, **settings)


DONE = ("status", "html", "reset")
CLASSES = {
    "GET": ("GetWorkspace", Field.read, True),
    "create": ("CreateWorkspace", Field.create, False),
    "update": ("UpdateWorkspace", Field.update, True),
    "delete": ("DeleteWorkspace", Field.delete, True),
}
MATRIX = [(name, kind) for name in TROUBLES for kind in CLASSES if not (kind == "delete" and name in BODILESS)]


@pytest.mark.parametrize(("name", "kind"), MATRIX, ids=lambda value: value)
def test_the_outcome_is_as_the_table_says(name: str, kind: str, ground: Field) -> None:
    """Attempts and outcome are those of the table; the server has done it once, or not at all where it was refused."""
    trouble, (operation, act, safe) = TROUBLES[name], CLASSES[kind]
    befall(ground, trouble, operation)
    exchange = act(ground)
    attempts, outcome = trouble.safe if safe else trouble.unsafe
    outcome = "failed" if kind == "GET" and outcome == "unknown" else outcome
    assert exchange.attempts[0].outcome.startswith(trouble.first)
    assert (len(exchange.attempts), exchange.outcome) == (attempts, outcome), exchange
    assert len(exchange.attempts) == 1 or exchange.attempts[0].decision.startswith("retried after")
    assert bool(exchange.advice) is (outcome == "unknown")
    names = ground.names()
    expected = {"GET": ["thing"], "create": ["thing", "made once"], "update": ["changed"], "delete": []}[kind]
    happened = outcome == "done" or trouble.done
    assert [n for n in names if n in ("thing", "made once", "changed")] == (expected if happened else ["thing"])


@pytest.mark.parametrize("operation", ["ListWorkspaces", "CreateWorkspace"])
def test_a_429_that_goes_on_is_given_up_after_ten(operation: str, ground: Field) -> None:
    """1, 2, 4, 8 … s, jittered, no wait over a minute; ten attempts, each told; nothing was done."""
    ground.sandbox.faults.add("rate_limit", operation=operation, times=None)
    exchange = ground.api.call(operation, **({"name": "made once"} if operation.startswith("Create") else {}))
    assert [attempt.outcome for attempt in exchange.attempts] == ["429"] * 10
    waits = [attempt.retry_in for attempt in exchange.attempts[:-1]]
    assert all(0.5 * 2.0**n <= wait <= min(60, 2.0**n) for n, wait in enumerate(waits) if n < 6)
    assert exchange.outcome == "failed"
    assert "made once" not in ground.names()


def test_what_is_unknown_says_where_to_look(ground: Field) -> None:
    """In a line, in HTML, and as advice: the operation that lists what may have been made."""
    ground.sandbox.faults.add("reset", operation="CreateWorkspace", done=True)
    exchange = ground.create()
    assert "Look with ListWorkspaces before you send it again." in exchange.advice
    assert exchange.advice in repr(exchange)
    assert exchange.advice in exchange._repr_mimebundle_()["text/html"]
    assert ">unknown<" in exchange._repr_mimebundle_()["text/html"]
    assert exchange.advice in repr(ground.api.history.get(exchange.id))


def test_a_deletion_that_was_done_is_done(ground: Field) -> None:
    """The first attempt deleted it and broke, the second one found it gone: that is no failure."""
    ground.sandbox.faults.add("reset", operation="DeleteWorkspace", done=True)
    exchange = ground.delete()
    assert exchange.status == 404
    assert exchange.outcome == "done"
    assert ground.delete().outcome == "failed"  # asked by hand for what is gone, it is


def test_truncated_json_is_told(ground: Field) -> None:
    """An answer whose JSON ends early is what it is: its outcome is done, and the contract says that it is no JSON."""
    ground.sandbox.faults.add("truncated", operation="GetWorkspace")
    exchange = ground.read()
    assert [violation.message for violation in exchange.violations] == ["The body is declared as JSON and is not."]


def test_an_hour_is_not_waited_for_by_anyone(ground: Field) -> None:
    """A server that asks for an hour is told at once, for the next request too, in the background as in a cell."""
    ground.sandbox.faults.add("rate_limit", operation="GetWorkspace", times=2, retry_after=3600)
    assert ground.read().status == 429
    running = ground.api.start("GetWorkspace", workspaceId=ground.thing)
    assert running.result(5).status == 429
    assert ground.api.start("GetWorkspace", workspaceId=ground.thing).result(5).ok
    assert ground.slept == []
