"""Work beside the notebook: awaited, waited for, and ended with what it has under way."""

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
    """How long it takes to end after it is cancelled; what it raises is Stopped."""
    began = time.monotonic()
    running.cancel()
    with pytest.raises(Stopped):
        running.result(seconds)
    return time.monotonic() - began


def test_many_calls_are_awaited_together(api: anb.Workbench) -> None:
    """Ten calls that take half a second each take no five seconds; a notebook cell would `await` the same."""
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
    """Pages and waits give what they give from a cell; what they raise is raised."""

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
    """A wait that would ask for ever ends at once, between two requests."""
    running = api.in_background(api.wait, "ListDeployments", until=lambda _: False, every=30.0)
    ended = time.monotonic() + 3
    while not len(api.history) and time.monotonic() < ended:
        time.sleep(0.01)
    assert quick(running) < 1
    assert len(api.history) == 1


def test_cancelling_ends_the_request_under_way(api: anb.Workbench) -> None:
    """A request whose answer is slow is cancelled, and kept as such; the work raises that it was stopped after it."""
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
    """A cell that is interrupted while it awaits ends what it awaits."""
    running = api.in_background(api.wait, "ListDeployments", until=lambda _: False, every=30.0)

    async def impatient() -> None:
        await asyncio.wait_for(running, 0.3)

    with pytest.raises(TimeoutError):
        asyncio.run(impatient())
    with pytest.raises(Stopped):
        running.result(2)


def test_cancelling_ends_the_reading_of_a_list(api: anb.Workbench) -> None:
    """It is stopped like any other work, and `resume` goes on with it."""
    assert api.sandbox is not None
    api.sandbox.faults.add("latency", seconds=20)
    running = api.in_background(api.pages, "ListDeployments")
    time.sleep(0.3)
    assert quick(running) < 1
    assert api.pages("ListDeployments", resume=True).complete


def test_what_is_stopped_is_stopped_alone(api: anb.Workbench) -> None:
    """The stop of one work is not that of another, nor of the cell."""
    one, other = (api.in_background(api.wait, "ListDeployments", until=lambda _: False, every=0.05) for _ in range(2))
    quick(one)
    assert not other.done
    assert api.call("ListWorkspaces").ok
    quick(other)
    assert current_stop.get() is None


def test_leaves_and_other_contexts_go_along() -> None:
    """Work in the background sees the context variables of whoever began it, such as the guard's leaves."""
    leave: ContextVar[str] = ContextVar("leave", default="none")
    leave.set("given")
    running = in_background(leave.get)
    assert running.result(2) == "given"
    assert running.done
    assert repr(running) == "<Running, done>"


def test_a_stop_tells_once_and_forgets() -> None:
    """Whoever watches is called when it is set; whoever has ended before is not; whoever comes later is refused."""
    stop, told = Stop(), list[str]()
    forget = stop.watch(lambda: told.append("ended before"))
    stop.watch(lambda: told.append("under way"))
    forget()
    stop.set()
    assert told == ["under way"]
    with pytest.raises(Stopped):
        stop.watch(lambda: told.append("late"))
    with pytest.raises(Stopped):
        stop.wait(10)


def test_listeners_are_told_when_it_is_over() -> None:
    """`when_done` gets the work itself, at once where it has ended already."""
    told, go = list[Running[int]](), threading.Event()
    running = in_background(lambda: 7 if go.wait(5) else 0)
    running.when_done(told.append)
    assert not told
    go.set()
    assert running.result(2) == 7
    running.when_done(told.append)
    ended = time.monotonic() + 2
    while len(told) < 2 and time.monotonic() < ended:
        time.sleep(0.01)
    assert told == [running, running]


def test_closing_ends_what_goes_on(api: anb.Workbench) -> None:
    """Whoever waits for a request, a wait or a table is told at once, and nothing more is sent."""
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
