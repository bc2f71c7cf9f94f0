"""Work in the background: awaited, waited for, and cancelled with its requests."""

from __future__ import annotations

import asyncio
import threading
import time
from contextvars import ContextVar

import pytest

import astro_nb as anb
from astro_nb.errors import Stopped
from astro_nb.http import Running, Stop, current_stop, in_background


def quick(running: Running[object], seconds: float = 3.0) -> float:
    """Cancel work; return the seconds until it raised Stopped."""
    began = time.monotonic()
    running.cancel()
    with pytest.raises(Stopped):
        running.result(seconds)
    return time.monotonic() - began


def test_many_calls_are_awaited_together(api: anb.Workbench) -> None:
    """Ten calls that take half a second each run at the same time; a notebook cell would `await` the same way."""
    assert api.sandbox is not None
    api.sandbox.faults.add("latency", seconds=0.5, times=None)

    async def ten() -> list[anb.Exchange]:
        return list(await asyncio.gather(*(api.start("ListWorkspaces", limit=n) for n in range(1, 11))))

    began = time.monotonic()
    found = asyncio.run(ten())
    assert time.monotonic() - began < 3
    assert [exchange.call.parameters["limit"] for exchange in found] == list(range(1, 11))
    assert all(exchange.ok for exchange in found)
    assert len(api.history) == 10


def test_longer_work_is_awaited_too(api: anb.Workbench) -> None:
    """Pages return what they return in a cell; what work raises is raised."""

    async def work() -> tuple[int, BaseException]:
        pages = await api.in_background(api.pages, "ListDeployments")
        failed = await asyncio.gather(api.in_background(api.call, "NoSuchOperation"), return_exceptions=True)
        assert isinstance(failed[0], BaseException)
        return len(pages), failed[0]

    count, error = asyncio.run(work())
    assert count == len(api.pages("ListDeployments"))
    assert isinstance(error, anb.AstroNbError)
    assert "NoSuchOperation" in str(error)


def test_cancelling_ends_a_wait(api: anb.Workbench) -> None:
    """A wait that would never end ends at once, between two requests."""
    running = api.in_background(api.wait, "ListDeployments", until=lambda _: False, every=30.0)
    ended = time.monotonic() + 3
    while not len(api.history) and time.monotonic() < ended:
        time.sleep(0.01)
    assert quick(running) < 1
    assert len(api.history) == 1


def test_cancelling_ends_the_running_request(api: anb.Workbench) -> None:
    """A slow request is cancelled and stored as such; then the work raises Stopped."""
    assert api.sandbox is not None
    api.sandbox.faults.add("latency", seconds=20)

    def twice() -> None:
        api.call("ListDeployments")
        api.call("ListDeployments")

    running = api.in_background(twice)
    time.sleep(0.3)
    assert quick(running) < 1
    assert [e.failure.kind if e.failure else "" for e in api.history] == ["cancelled"]


def test_awaiting_that_is_cancelled_cancels_the_work(api: anb.Workbench) -> None:
    """A cell that is interrupted while it awaits work cancels it."""
    running = api.in_background(api.wait, "ListDeployments", until=lambda _: False, every=30.0)

    async def impatient() -> None:
        await asyncio.wait_for(running, 0.3)

    with pytest.raises(TimeoutError):
        asyncio.run(impatient())
    with pytest.raises(Stopped):
        running.result(2)


def test_cancelling_ends_the_reading_of_a_list(api: anb.Workbench) -> None:
    """It stops like any other work, and `resume` continues it."""
    assert api.sandbox is not None
    api.sandbox.faults.add("latency", seconds=20)
    running = api.in_background(api.pages, "ListDeployments")
    time.sleep(0.3)
    assert quick(running) < 1
    assert api.pages("ListDeployments", resume=True).complete


def test_cancelling_ends_no_other_work(api: anb.Workbench) -> None:
    """Neither other work in the background, nor the cell."""
    one, other = (api.in_background(api.wait, "ListDeployments", until=lambda _: False, every=0.05) for _ in range(2))
    quick(one)
    assert not other.done
    assert api.call("ListWorkspaces").ok
    quick(other)
    assert current_stop.get() is None


def test_context_variables_are_passed_on() -> None:
    """Work in the background sees the context variables of its caller, such as approvals."""
    approval: ContextVar[str] = ContextVar("approval", default="none")
    approval.set("given")
    running = in_background(approval.get)
    assert running.result(2) == "given"
    assert running.done
    assert repr(running) == "<Running, done>"


def test_a_stop_calls_its_watchers_once() -> None:
    """A watcher is called when it is set; one that was removed is not; a later one is refused."""
    stop, calls = Stop(), list[str]()
    unwatch = stop.watch(lambda: calls.append("ended before"))
    stop.watch(lambda: calls.append("under way"))
    unwatch()
    stop.set()
    assert calls == ["under way"]
    with pytest.raises(Stopped):
        stop.watch(lambda: calls.append("late"))
    with pytest.raises(Stopped):
        stop.wait(10)


def test_handlers_are_called_when_work_has_ended() -> None:
    """`when_done` passes the work itself, at once if it has ended already."""
    calls, go = list[Running[int]](), threading.Event()
    running = in_background(lambda: 7 if go.wait(5) else 0)
    running.when_done(calls.append)
    assert not calls
    go.set()
    assert running.result(2) == 7
    running.when_done(calls.append)
    ended = time.monotonic() + 2
    while len(calls) < 2 and time.monotonic() < ended:
        time.sleep(0.01)
    assert calls == [running, running]


def test_closing_ends_all_work(api: anb.Workbench) -> None:
    """A request, a wait and a bulk end at once, and nothing more is sent."""
    assert api.sandbox is not None
    api.sandbox.faults.add("latency", seconds=20, times=None)
    rows = [{"name": f"w{n}"} for n in range(40)]
    request = api.start("ListDeployments")
    wait = api.in_background(api.wait, "ListDeployments", until=lambda _: False, every=30.0)
    table = api.in_background(api.bulk("CreateWorkspace", rows).run)
    time.sleep(0.3)
    began = time.monotonic()
    api.close()
    failure = request.result(2).failure
    assert failure is not None
    assert failure.kind == "cancelled"
    with pytest.raises(Stopped):
        wait.result(2)
    counts = table.result(2).counts
    assert time.monotonic() - began < 3
    assert counts["unknown"] + counts["not sent"] == 40
    assert counts["not sent"] > 0
    assert {e.failure.kind for e in api.history if e.failure} == {"cancelled"}  # all that had begun is kept
