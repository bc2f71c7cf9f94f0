"""Waiting ends one way or the other, tells what it saw, and takes no old state for the result of a change."""

from __future__ import annotations

import contextlib
import itertools
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import astro_nb as anb
from astro_nb.environments import Environment
from astro_nb.errors import PickError, Stopped, UsageError, WaitFailed, WaitTimeout
from astro_nb.exchange import Exchange
from astro_nb.history import History
from astro_nb.http import Client, Retries
from astro_nb.jsonpath import compile_condition
from astro_nb.polling import Transitions, Waited
from astro_nb.runbooks.cells import calls
from astro_nb.runbooks.steps import steps_of
from astro_nb.secrets import Secret


class Clock:
    """Time that passes when somebody sleeps, so that no test waits."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


def opened(clock: Clock, base_url: str, spec: Any = None, token: str = "") -> anb.Workbench:
    """A workbench on a server, over HTTP; nothing is tried twice, and its time is the clock's."""
    held = {"token": Secret.in_memory(token or "none", "TOKEN")}
    here = Environment("here", base_url=base_url, credentials=held, **({"spec": spec} if isinstance(spec, str) else {}))
    api = anb.connect(here, spec=None if isinstance(spec, str) else spec, history=None)
    api.session.client.close()
    api.session.client = Client(retries=Retries(attempts=1), sleep=clock.sleep, clock=clock)
    return api


@pytest.fixture
def box(clock: Clock) -> Iterator[anb.Sandbox]:
    """A sandbox at its own pace, by the clock."""
    with anb.Sandbox(clock=clock, limits=False) as started:
        yield started


@pytest.fixture
def api(clock: Clock, box: anb.Sandbox) -> Iterator[anb.Workbench]:
    """A workbench on that sandbox, which it takes for any server."""
    workbench = opened(clock, box.url, "astro-v1", box.token())
    yield workbench
    workbench.close()


@pytest.fixture
def made(api: anb.Workbench) -> str:
    """The id of a Deployment that has just been created."""
    home = api.call("ListWorkspaces")["$.workspaces[0].id"]
    return str(api.call("CreateDeployment", name="new", workspaceId=home, isDevelopmentMode=True)["$.id"])


def update(api: anb.Workbench, key: str, **changes: Any) -> Exchange:
    """Write a Deployment again as it is, with changes."""
    now = api.call("GetDeployment", deploymentId=key).json()
    names = (
        "name", "executor", "schedulerSize", "isCicdEnforced", "isDagDeployEnabled", "isHighAvailability", "type",
        "workspaceId", "resourceQuotaCpu", "resourceQuotaMemory", "defaultTaskPodCpu", "defaultTaskPodMemory",
        "workerQueues", "isDevelopmentMode",
    )  # fmt: skip
    body = {**{n: now[n] for n in names if n in now}, "environmentVariables": [], "description": "", **changes}
    done = api.call("UpdateDeployment", deploymentId=key, body=body)
    assert done.ok, done
    return done


def assert_grace(grace: float, waited: float, real: float) -> None:
    """A grace was waited, less the real time that has passed since the change began: that goes by the wall's clock."""
    assert grace - (time.monotonic() - real) <= waited <= grace + 0.01


def states(transitions: Transitions) -> list[str]:
    return [t.state for t in transitions]


# --- what is waited for -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "until",
    [
        "settled",
        "HEALTHY",
        ("UNHEALTHY", "HEALTHY"),
        ["settled", "UNHEALTHY"],
        lambda r: r["$.status"] == "HEALTHY",
        "$.status == 'HEALTHY'",
        "@.status == 'HEALTHY' && @.isDevelopmentMode == true",
        "$[?@ == 'HEALTHY']",
        "!(@.status == 'CREATING')",
        "match($.status, 'HEALTHY|UNHEALTHY')",
    ],
)
def test_waiting_ends_when_it_is_so(until: Any, made: str, api: anb.Workbench, clock: Clock) -> None:
    """A new Deployment is waited for in every way of saying it; all is kept, as one group."""
    exchange = api.wait("GetDeployment", until=until, deploymentId=made)
    assert exchange["$.status"] == "HEALTHY"
    assert states(exchange.transitions) == ["CREATING", "HEALTHY"]
    group = [e for e in api.session.exchanges if e.via.startswith("wait:")]
    assert group[0]["$.status"] == "CREATING"
    assert len({e.via for e in group}) == 1
    assert 20 <= clock.seconds < 30, "what was created has no older state: no grace is waited"


@pytest.mark.parametrize("until", ["READY", "FAILED", "healthy", "HEALTY", "", "GONE", (), ("HEALTHY", "READY")])
def test_an_invented_state_is_refused_at_once(until: Any, made: str, api: anb.Workbench, box: anb.Sandbox) -> None:
    """A state that the document does not know is never waited for: scripts that do so wait for ever."""
    count = box.requests
    with pytest.raises(UsageError):
        api.wait("GetDeployment", until=until, deploymentId=made)
    assert box.requests == count


@pytest.mark.parametrize(
    "until",
    ["$.status = 'HEALTHY'", "$.status == HEALTHY", "$.", "$[?@.status == 'HEALTHY'", "$.a] [?@.b", "@.a][?@.b",
     "length(@.a)", "!", "(", "match($.status)", ("HEALTHY", "$.x ="), "(" * 5000],
)  # fmt: skip
def test_a_malformed_condition_is_refused_at_once(until: Any, api: anb.Workbench, box: anb.Sandbox) -> None:
    """It raises before anything is sent, in a sentence that says how a condition is written."""
    with pytest.raises(PickError) as caught:
        api.wait("GetDeployment", until=until, deploymentId="x")
    assert "not a condition" in caught.value.what
    assert "$.status == 'HEALTHY'" in caught.value.todo
    assert box.requests == 0


def test_what_is_never_settled_is_said(api: anb.Workbench, box: anb.Sandbox) -> None:
    """Where the overlay knows no states, "settled" is refused before anything is sent; a condition does."""
    with pytest.raises(UsageError, match="ListWorkspaces") as caught:
        api.wait("ListWorkspaces")
    assert "predicate" in caught.value.todo
    assert box.requests == 0
    assert api.wait("ListWorkspaces", until="$.workspaces[?@.name]").ok


@pytest.mark.parametrize("seconds", [{"timeout": -1}, {"every": -0.5}, {"grace": -1}, {"timeout": float("nan")}])
def test_seconds_are_zero_or_more(seconds: dict[str, float], api: anb.Workbench, box: anb.Sandbox) -> None:
    """A negative time is the caller's mistake, told before anything is sent."""
    with pytest.raises(UsageError, match="no number of seconds"):
        api.wait("GetDeployment", deploymentId="x", **seconds)
    assert box.requests == 0


@pytest.mark.parametrize("until", ["gone", ["HEALTHY", "gone"], lambda r: r.status == 404])
def test_a_thing_may_be_waited_for_to_be_gone(until: Any, made: str, api: anb.Workbench) -> None:
    """Whoever waits for a 404 gets it: what is waited for is asked before an answer is called hopeless."""
    api.call("DeleteDeployment", deploymentId=made)
    gone = api.wait("GetDeployment", until=until, deploymentId=made)
    assert gone.status == 404
    assert len([e for e in api.session.exchanges if e.via.startswith("wait:")]) == 1


def test_a_predicate_is_not_troubled_by_what_passes(made: str, api: anb.Workbench, box: anb.Sandbox) -> None:
    """A predicate that reads the answer is not so yet where a 502 holds no such value; a 404 ends the wait."""
    box.faults.add("html", operation="GetDeployment")
    box.faults.add("reset", operation="GetDeployment")

    def healthy(response: Exchange) -> bool:
        return bool(response["$.status"] == "HEALTHY")

    assert api.wait("GetDeployment", until=healthy, deploymentId=made).ok
    with pytest.raises(WaitFailed, match="nope"):
        api.wait("GetDeployment", until=healthy, deploymentId="nope")


def test_a_predicate_that_fails_is_the_callers(made: str, api: anb.Workbench) -> None:
    """An error inside a predicate comes through as it is, with what was seen."""
    with pytest.raises(PickError) as caught:
        api.wait("GetDeployment", until=lambda r: bool(r["$.nothing"]), deploymentId=made)
    assert states(caught.value.transitions) == ["CREATING"]  # type: ignore[attr-defined]  # put there by the wait


def test_a_predicate_is_asked_once_an_answer(made: str, api: anb.Workbench) -> None:
    """A predicate may count: it is asked once of every exchange, in order."""
    asked: list[str] = []

    def third(response: Exchange) -> bool:
        asked.append(response.id)
        return len(asked) == 3

    api.wait("GetDeployment", until=third, deploymentId=made)
    assert asked == [e.id for e in api.session.exchanges if e.via.startswith("wait:")]


# --- how it ends badly ------------------------------------------------------------------------------------------------


def test_time_runs_out_in_words(made: str, api: anb.Workbench, box: anb.Sandbox, clock: Clock) -> None:
    """WaitTimeout tells what was waited for, how long, the last state, since when, and what was before; no overstay."""
    box.speed = 0.5
    for timeout in (0, 0.3, 17.0):
        began = clock.seconds
        with pytest.raises(WaitTimeout, match=r"GetDeployment .* settled .* CREATING") as caught:
            api.wait("GetDeployment", timeout=timeout, deploymentId=made)
        assert clock.seconds - began == pytest.approx(timeout, abs=0.01)
        assert caught.value.data["last"] == "CREATING"
        assert caught.value.data["exchange"] is api.history[-1]
    assert "for 17 s" in caught.value.what


def test_a_timeout_tells_what_was_seen_before(api: anb.Workbench) -> None:
    """UNHEALTHY may pass, so it is no end; the message tells how long it lasted, why, and what was before."""
    home = api.call("ListWorkspaces")["$.workspaces[0].id"]
    key = api.call("CreateDeployment", name="x", workspaceId=home, description="will fail")["$.id"]
    with pytest.raises(WaitTimeout) as caught:
        api.wait("GetDeployment", timeout=600, deploymentId=key)
    seen = caught.value.data["transitions"]
    assert states(seen) == ["CREATING", "UNHEALTHY"]
    assert seen[0].lasted + seen[1].lasted == pytest.approx(600, abs=1)
    assert "the last state was UNHEALTHY, for 57" in caught.value.what
    assert "heartbeat" in caught.value.what
    assert f"seen: CREATING 2{seen[0].lasted - 20:.0f} s, UNHEALTHY 57" in caught.value.what


def test_a_failed_cluster_ends_the_wait(api: anb.Workbench, clock: Clock) -> None:
    """CREATE_FAILED will not pass: it ends the wait at once."""
    body = {
        "cloudProvider": "AWS", "name": "to fail", "region": "us-east-1", "type": "DEDICATED",
        "vpcSubnetRange": "10.9.0.0/20",
    }  # fmt: skip
    key = api.call("CreateCluster", body=body)["$.id"]
    with pytest.raises(WaitFailed, match="CREATE_FAILED") as caught:
        api.wait("GetCluster", clusterId=key, timeout=3600)
    assert clock.seconds < 75
    assert "CREATING 6" in caught.value.what
    assert caught.value.data["state"] == "CREATE_FAILED"
    assert states(caught.value.data["transitions"]) == ["CREATING", "CREATE_FAILED"]
    assert api.wait("GetCluster", clusterId=key, until="CREATE_FAILED").ok, "whoever wants it gets it"


def deployed(api: anb.Workbench, key: str, description: str) -> str:
    """The id of a deploy that has just been finalized."""
    api.wait("GetDeployment", deploymentId=key)
    deploy = api.call("CreateDeploy", deploymentId=key, type="DAG_ONLY", description=description)["$.id"]
    done = api.call("FinalizeDeploy", deploymentId=key, deployId=deploy, dagTarballVersion="v1")
    assert done.ok, done
    return str(deploy)


def test_a_failed_deploy_ends_the_wait(made: str, api: anb.Workbench) -> None:
    """FAILED will not pass; a deploy that goes well is waited for by the same words, without a grace."""
    failing = deployed(api, made, "will fail")
    with pytest.raises(WaitFailed, match="FAILED") as caught:
        api.wait("GetDeploy", deploymentId=made, deployId=failing)
    assert states(caught.value.data["transitions"]) == ["INITIALIZED", "FAILED"]
    fine = deployed(api, made, "fine")
    done = api.wait("GetDeploy", deploymentId=made, deployId=fine)
    assert states(done.transitions) == ["INITIALIZED", "DEPLOYED"]


def test_a_404_ends_the_wait(api: anb.Workbench, box: anb.Sandbox) -> None:
    """A 404 ends the wait at once, with the server's words: an error is never read as "not yet"."""
    with pytest.raises(WaitFailed, match="nope") as caught:
        api.wait("GetDeployment", deploymentId="nope")
    assert caught.value.todo
    assert box.requests == 1


@pytest.mark.parametrize("code", [401, 403])
def test_a_refusal_ends_the_wait(code: int, made: str, api: anb.Workbench, box: anb.Sandbox) -> None:
    """Whoever may not look is told so, and does not take it for unhealthy, whatever he waits for."""
    for until in ("settled", "gone", "$.status == 'HEALTHY'", lambda response: False):
        count = box.requests
        box.faults.add("status", code=code, operation="GetDeployment")
        with pytest.raises(WaitFailed, match="told to answer with this error"):
            api.wait("GetDeployment", until=until, deploymentId=made)
        assert box.requests == count + 1


@pytest.mark.parametrize(
    ("fault", "state"),
    [
        (("html", {}), "502 Bad Gateway"),
        (("status", {"code": 500}), "500 Internal Server Error"),
        (("rate_limit", {}), "429 Too Many Requests"),
        (("reset", {}), "broken"),
        (("truncated", {}), "200 OK"),
    ],
)
def test_passing_trouble_is_waited_over(
    fault: tuple[str, dict[str, Any]], state: str, made: str, api: anb.Workbench, box: anb.Sandbox
) -> None:
    """What ends by itself is told among the states, and waiting goes on."""
    box.faults.add(fault[0], operation="GetDeployment", times=2, **fault[1])
    done = api.wait("GetDeployment", deploymentId=made)
    assert states(done.transitions) == [state, "CREATING", "HEALTHY"]
    assert done.transitions[0].requests == 2
    assert done.transitions[0].kind == ("passing" if state == "200 OK" else "error")


def test_trouble_that_stays_is_told_at_the_end(made: str, api: anb.Workbench, box: anb.Sandbox) -> None:
    """Where the server is down for all the time, the time-out says so."""
    box.faults.add("status", code=503, operation="GetDeployment", times=1000)
    with pytest.raises(WaitTimeout, match=r"in 60 s: .* 503 Service Unavailable, for 60 s"):
        api.wait("GetDeployment", timeout=60, deploymentId=made)


def test_an_interrupt_loses_nothing(made: str, api: anb.Workbench, clock: Clock) -> None:
    """The stop button gives back what was seen, whether it comes between two requests or inside one."""

    def stop(seconds: float) -> None:
        clock.seconds += seconds
        if clock.seconds > 25:
            raise KeyboardInterrupt

    api.session.client = Client(sleep=stop, clock=clock)
    with pytest.raises(KeyboardInterrupt) as caught:
        api.wait("GetDeployment", until="HIBERNATING", deploymentId=made)
    assert states(caught.value.transitions) == ["CREATING", "HEALTHY"]  # type: ignore[attr-defined]  # put there


# --- what comes back --------------------------------------------------------------------------------------------------


def test_what_comes_back_is_the_last_exchange(made: str, api: anb.Workbench) -> None:
    """It can be used as the exchange that the history holds; what is picked from it is known again there."""
    done, kept = api.wait("GetDeployment", deploymentId=made), api.history[-1]
    assert isinstance(done, Waited)
    assert (done.id, done.size, done.ok, done.json(), done.request_id) == (
        kept.id, kept.size, kept.ok, kept.json(), kept.request_id
    )  # fmt: skip
    api.variables["found"] = done["$.id"]
    assert f"exchange {kept.id}" in api.variables.all("found")[0].source
    assert done.frame().shape[0] == 1


def test_transitions_make_a_table(made: str, api: anb.Workbench) -> None:
    """One row per state: when (UTC), seconds, state, how long, why, how many requests, and the request's id."""
    done = api.wait("GetDeployment", every=1, deploymentId=made)
    frame = done.transitions.frame()
    assert list(frame.columns) == ["when", "seconds", "state", "lasted", "reason", "requests", "requestId"]
    assert str(frame["when"].dtype) == "datetime64[ns, UTC]"
    assert frame["state"].tolist() == ["CREATING", "HEALTHY"]
    assert frame["requests"].tolist() == [20, 1]
    assert frame["seconds"].tolist() == [0, 20]
    assert frame["lasted"].tolist() == [20, 0]
    assert frame["reason"][0] == "Resources are being made ready"
    assert frame["requestId"][1] == done.request_id


def test_a_wait_is_drawn_and_told(made: str, api: anb.Workbench) -> None:
    """The strip has each state in words, in colours that stand on both themes; the text has them too."""
    done = api.wait("GetDeployment", every=1, deploymentId=made)
    assert repr(done) == f"<GetDeployment → 200 OK, {done.size / 1000:.1f} kB; CREATING 20 s, HEALTHY>"
    drawn = done._repr_mimebundle_()["text/html"]
    assert "CREATING 20 s</span>" in drawn
    assert "HEALTHY</span>" in drawn
    assert "2 states, 21 requests" in drawn
    assert made in drawn
    assert repr(done.transitions) == "<Transitions: CREATING 20 s, HEALTHY>"
    assert "<style" not in drawn + done.transitions._repr_mimebundle_()["text/html"]


def test_a_wait_is_told_as_it_goes(made: str, api: anb.Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each request tells the states so far, how long the present one lasts and why, and the time that is left."""
    told: list[tuple[float | None, str, str]] = []
    monkeypatch.setattr("astro_nb.workbench.workbench.Progress", lambda label: lambda *given: told.append(given))
    api.wait("GetDeployment", every=5, timeout=100, deploymentId=made)
    assert [words for _, words, _ in told] == [
        "CREATING for 0.0 s: Resources are being made ready · 100 s left",
        "CREATING for 5.0 s: Resources are being made ready · 95 s left",
        "CREATING for 10 s: Resources are being made ready · 90 s left",
        "CREATING for 15 s: Resources are being made ready · 85 s left",
        "HEALTHY after 20 s",
    ]
    assert [fraction for fraction, _, _ in told] == [0, 0.05, 0.1, 0.15, 1.0]
    assert "CREATING 15 s" in told[3][2]
    assert "HEALTHY" in told[4][2]


# --- states that are older than the last change -----------------------------------------------------------------------


def test_a_stale_state_is_not_taken_for_the_result(
    made: str, api: anb.Workbench, box: anb.Sandbox, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Right after an update the old HEALTHY is still told: the wait sees it move before it believes it."""
    api.wait("GetDeployment", deploymentId=made)
    box.lag = 5
    assert update(api, made, description="new")["$.status"] == "HEALTHY"
    told: list[str] = []
    monkeypatch.setattr("astro_nb.workbench.workbench.Progress", lambda label: lambda _, words, __: told.append(words))
    began = clock.seconds
    done = api.wait("GetDeployment", deploymentId=made)
    assert states(done.transitions) == ["HEALTHY", "DEPLOYING", "HEALTHY"]
    assert 20 <= clock.seconds - began < 30
    assert "HEALTHY, but UpdateDeployment was" in told[0]
    assert "not taken for its result yet" in told[0]


@pytest.mark.parametrize("until", ["settled", "HEALTHY", "$.status == 'HEALTHY'", ["HEALTHY", "UNHEALTHY"]])
def test_what_does_not_move_is_believed_after_the_grace(
    until: Any, made: str, api: anb.Workbench, box: anb.Sandbox, clock: Clock
) -> None:
    """A change that moves no state costs the grace of the overlay; given, it is another one; 0 asks once."""
    api.wait("GetDeployment", deploymentId=made)
    box.lag, real = 1000, time.monotonic()
    update(api, made)
    began = clock.seconds
    assert api.wait("GetDeployment", until=until, grace=0, deploymentId=made).transitions[0].requests == 1
    assert clock.seconds == began
    api.wait("GetDeployment", until=until, grace=4, deploymentId=made)
    assert_grace(4, clock.seconds - began, real)
    real = time.monotonic()
    update(api, made)
    began = clock.seconds
    api.wait("GetDeployment", until=until, deploymentId=made)
    assert_grace(15, clock.seconds - began, real)


def test_a_time_out_tells_that_a_state_did_not_count(made: str, api: anb.Workbench, box: anb.Sandbox) -> None:
    """Where the time is shorter than the grace, the error says why the state was not believed, and what to do."""
    api.wait("GetDeployment", deploymentId=made)
    box.lag = 1000
    update(api, made)
    with pytest.raises(WaitTimeout, match="HEALTHY, but UpdateDeployment was") as caught:
        api.wait("GetDeployment", timeout=3, deploymentId=made)
    assert "grace=0" in caught.value.todo


def test_another_state_than_before_is_new(made: str, api: anb.Workbench, clock: Clock) -> None:
    """What was HEALTHY, by an answer or by a list, and hibernates now has moved: it is believed at once."""
    api.wait("GetDeployment", deploymentId=made)
    for hibernating, state in ((True, "HIBERNATING"), (False, "HEALTHY")):
        done = api.call("UpdateDeploymentHibernationOverride", deploymentId=made, isHibernating=hibernating)
        assert done.ok, done
        began = clock.seconds
        assert api.wait("GetDeployment", deploymentId=made)["$.status"] == state
        assert clock.seconds == began


def test_a_list_tells_the_state_before(made: str, api: anb.Workbench, clock: Clock) -> None:
    """The state that a list showed is known: a Deployment that hibernates now has moved."""
    clock.seconds += 60
    api.call("ListDeployments", limit=100)
    api.call("UpdateDeploymentHibernationOverride", deploymentId=made, isHibernating=True)
    api.wait("GetDeployment", deploymentId=made)
    assert clock.seconds == 60


@pytest.mark.parametrize("refused", [True, False])
def test_only_what_may_have_changed_the_thing_counts(
    refused: bool, made: str, api: anb.Workbench, clock: Clock
) -> None:
    """A call that was refused changed nothing, nor did one to another Deployment."""
    api.wait("GetDeployment", deploymentId=made)
    if refused:
        assert api.call("UpdateDeployment", deploymentId=made, body={"nonsense": 1}).status == 400
    else:
        other = api.call("ListDeployments", limit=1)["$.deployments[0].id"]
        update(api, other)
    began = clock.seconds
    api.wait("GetDeployment", deploymentId=made)
    assert clock.seconds == began


def test_a_predicate_knows_no_grace_unless_it_is_given(made: str, api: anb.Workbench, clock: Clock) -> None:
    """A predicate decides by itself; with a grace it is held like a state."""
    api.wait("GetDeployment", deploymentId=made)
    real = time.monotonic()
    api.call("DeleteDeploymentHibernationOverride", deploymentId=made)
    began = clock.seconds
    api.wait("GetDeployment", until=lambda r: r["$.status"] == "HEALTHY", deploymentId=made)
    assert clock.seconds == began
    api.wait("GetDeployment", until=lambda r: r["$.status"] == "HEALTHY", grace=3, deploymentId=made)
    assert_grace(3, clock.seconds - began, real)


def test_the_grace_of_a_sandbox_is_as_quick_as_it() -> None:
    """In the embedded sandbox, which lives ten times as fast, the grace is a tenth; elsewhere it is whole."""
    api = anb.connect(history=None)
    assert isinstance(api.sandbox, anb.Sandbox)
    key = next(d["id"] for d in api.call("ListDeployments", limit=100).items if d["status"] == "HEALTHY")
    api.sandbox.lag = 1000
    api.sandbox.speed = 100
    began = time.monotonic()
    update(api, key)
    assert api.wait("GetDeployment", deploymentId=key).ok
    assert 0.15 <= time.monotonic() - began < 10, "15 s at a hundredth"
    assert api._speed() == 100
    api.session.switch(Environment("another", base_url="https://api.example"))
    assert api._speed() == 1
    api.close()


# --- what is written down ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("until", "written"),
    [
        ("settled", 'until="settled"'),
        (("HEALTHY", "$.status == 'UNHEALTHY'"), """until=["HEALTHY", "$.status == 'UNHEALTHY'"]"""),
        ("$['status'] == 'HEALTHY' || 'a:b:c' == \"x\"", "|| 'a:b:c' == "),
        (lambda response: response["$.status"] == "HEALTHY", 'until="HEALTHY"'),
    ],
)
def test_a_runbook_waits_for_the_same(until: Any, written: str, made: str, api: anb.Workbench) -> None:
    """What was waited for stands in the runbook as it was given; a predicate as the state that came."""
    api.wait("GetDeployment", until=until, timeout=60, deploymentId=made)
    steps = steps_of(api.session.exchanges)
    assert [step.kind for step in steps] == ["call", "call", "wait"]
    line = calls(api.session, steps)[3]
    assert written in line
    assert "timeout=60" in line
    compile(line, "runbook", "exec")


def test_a_runbook_waits_for_a_thing_to_be_gone(made: str, api: anb.Workbench) -> None:
    """A wait that ended well with a 404 is a wait, not a call that is expected to fail."""
    api.call("DeleteDeployment", deploymentId=made)
    api.wait("GetDeployment", until="gone", deploymentId=made)
    steps = steps_of(api.session.exchanges)
    assert (steps[-1].kind, steps[-1].until) == ("wait", "gone")
    assert 'until="gone"' in calls(api.session, steps)[4]


def test_a_secret_in_a_condition_is_not_kept(made: str, api: anb.Workbench) -> None:
    """A condition may compare with a secret that is known here: what is kept of it, and told, has stars."""
    api.variables["hidden"] = Secret.in_memory("planted-password-99")
    with pytest.raises(WaitTimeout) as caught:
        api.wait("GetDeployment", until="$.name == 'planted-password-99'", timeout=1, deploymentId=made)
    kept = [e.via for e in api.history]
    assert "planted" not in f"{kept} {caught.value} {steps_of(api.session.exchanges)}"
    assert "$.name == '*****'" in kept[-1]


# --- models -----------------------------------------------------------------------------------------------------------

THINGS = {
    "openapi": "3.1.0",
    "info": {"title": "Things", "version": "1"},
    "paths": {
        "/things/{id}": {
            "get": {
                "operationId": "getThing",
                "x-astro-nb-settled": {"state": "state", "good": ["UP"], "bad": ["BROKEN"], "grace": 300},
                "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}],
                "responses": {"200": {"description": "A thing."}},
            },
            "post": {
                "operationId": "changeThing",
                "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}],
                "responses": {"200": {"description": "A thing."}},
            },
        }
    },
}

Answer = tuple[int, str]
"""A status, and the state in the answer; no JSON where it is empty."""


class Things:
    """A small server that answers as it is told, the last answer again and again."""

    def __init__(self) -> None:
        self.script: list[Answer] = []
        self.numbers = itertools.count()
        told = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # else each answer waits for 40 ms

            def do_GET(self) -> None:
                status, state = told.script[0] if len(told.script) == 1 else told.script.pop(0)
                body = json.dumps({"state": state}).encode() if state else b"<html>"
                self.send_response(status)
                self.send_header("Content-Type", "application/json" if state else "text/html")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                self.do_GET()

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()


@pytest.fixture(scope="module")
def things() -> Iterator[tuple[Things, anb.Workbench, Clock]]:
    """That server, a workbench on it, and the time that both go by."""
    served, clock = Things(), Clock()
    api = opened(clock, f"http://127.0.0.1:{served.server.server_port}", THINGS)
    yield served, api, clock
    api.close()
    served.server.shutdown()
    served.server.server_close()
    served.thread.join()


ANSWERS = st.sampled_from([
    (200, "UP"), (200, "BUSY"), (200, "SLOW"), (200, "BROKEN"), (503, "UP"), (429, "BROKEN"), (500, ""), (200, ""),
    (404, "UP"), (403, ""),
])  # fmt: skip
STEADY = settings(max_examples=60, deadline=None)


def shown(answer: Answer) -> str:
    """What a wait calls an answer."""
    reasons = {200: "OK", 503: "Service Unavailable", 429: "Too Many Requests", 500: "Internal Server Error",
               404: "Not Found", 403: "Forbidden"}  # fmt: skip
    status, state = answer
    return state if status == 200 and state else f"{status} {reasons[status]}"


def model(answers: list[Answer]) -> tuple[str, list[tuple[str, int]]]:
    """How a wait of ten seconds ends that asks every second, and what it saw: each state, and how often."""
    asked, end = [], "timeout"
    for answer in [*answers, *[answers[-1]] * 11][:11]:
        asked.append(shown(answer))
        end = {"UP": "reached", "BROKEN": "failed", "404 Not Found": "failed", "403 Forbidden": "failed"}.get(
            asked[-1], "timeout"
        )
        if end != "timeout":
            break
    return end, [(state, len(list(group))) for state, group in itertools.groupby(asked)]


@STEADY
@given(answers=st.lists(ANSWERS, min_size=1, max_size=12))
def test_a_wait_ends_as_its_answers_say(answers: list[Answer], things: tuple[Things, anb.Workbench, Clock]) -> None:
    """Whatever a server answers, in whatever order, the end and the transitions are those of the model."""
    served, api, clock = things
    served.script, began = list(answers), clock.seconds
    end, seen = model(answers)
    try:
        found = api.wait("getThing", every=1, timeout=10, id=str(next(served.numbers))).transitions
        came = "reached"
    except WaitTimeout as error:
        found, came = error.data["transitions"], "timeout"
    except WaitFailed as error:
        found, came = error.data["transitions"], "failed"
    assert (came, [(t.state, t.requests) for t in found]) == (end, seen)
    assert clock.seconds - began == pytest.approx(sum(count for _, count in seen) - 1)
    assert sum(t.lasted for t in found) == pytest.approx(clock.seconds - began)
    assert len(found.frame()) == len(seen)


STATES = st.sampled_from(["", "UP", "BUSY"])


@STEADY
@given(before=STATES, answered=STATES, status=st.sampled_from([200, 500, 404]), after=st.lists(STATES, max_size=6))
def test_a_state_counts_when_something_has_moved(
    before: str, answered: str, status: int, after: list[str], things: tuple[Things, anb.Workbench, Clock]
) -> None:
    """UP is believed after a change once another state was known before or seen since, else after the grace."""
    served, api, _ = things
    key, polls = str(next(served.numbers)), [*after, "UP"]
    served.script = [(200, before), (status, answered), *((200, state) for state in polls)]
    if before:
        api.call("getThing", id=key)
    else:
        served.script.pop(0)
    api.call("changeThing", id=key)
    found = api.wait("getThing", every=100, timeout=5000, id=key)
    moved = before == "BUSY" or (status == 200 and answered == "BUSY") or status == 404
    asked = 0
    for number, state in enumerate([*polls, *["UP"] * 4]):
        moved, asked = moved or state == "BUSY", number + 1
        if state == "UP" and (moved or number >= 3):
            break
    assert sum(t.requests for t in found.transitions) == asked


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=10,
)
TEXTS = st.text(alphabet="$@.[]()!?='\"ab*|&<>12 ,:", max_size=12)


@settings(max_examples=400, deadline=None)
@given(text=TEXTS, value=JSON)
def test_any_text_is_a_condition_or_is_refused(text: str, value: Any) -> None:
    """A text either can be asked of any value, or raises what the user is told; nothing else comes out."""
    with contextlib.suppress(PickError):
        assert compile_condition(f"${text}")(value) in (True, False)


@settings(max_examples=100, deadline=None)
@given(value=JSON, wanted=st.integers() | st.booleans() | st.text(alphabet="ab$@'\\", max_size=3))
def test_a_comparison_is_that_of_the_value(value: Any, wanted: Any) -> None:
    """`$.a == x` and `@.a == x` are so exactly where the value has it; a dollar in quotes is a dollar."""
    literal = json.dumps(wanted)
    has = isinstance(value, dict) and "a" in value and type(value["a"]) is type(wanted) and value["a"] == wanted
    for path in ("$.a", "@.a", "$['a']"):
        assert compile_condition(f"{path} == {literal}")(value) is has
        assert compile_condition(f"!({path} == {literal})")(value) is not has


@pytest.mark.parametrize("pattern", ["(a+)+b", "(a|aa)*b", "a*a*a*a*b", "(a{1,9}){1,9}b", "a" * 300])
def test_a_pattern_without_end_is_refused(pattern: str) -> None:
    """A server cannot make a wait hang by a text that a pattern never gets done with."""
    for function in ("match", "search"):
        began = time.monotonic()
        with pytest.raises(PickError):
            compile_condition(f"{function}($.x, '{pattern}')")({"x": "a" * 60})
        with pytest.raises(PickError):
            compile_condition(f"{function}($.x, $.p)")({"x": "a" * 60, "p": pattern})
        assert time.monotonic() - began < 5
    with pytest.raises(PickError, match="too long"):
        compile_condition("match($.x, 'a*b')")({"x": "a" * 3000})
    assert compile_condition("match($.x, 'a*b')")({"x": "aaab"})


@pytest.mark.parametrize("state", ["<b>x</b>", "A" * 5000, "a\nb\rc", "\u202e", ""])
def test_a_hostile_state_stays_text(state: str, things: tuple[Things, anb.Workbench, Clock]) -> None:
    """What a server calls a state is escaped, kept in one line, and cut."""
    served, api, _ = things
    served.script = [(200, state)]
    with pytest.raises(WaitTimeout) as caught:
        api.wait("getThing", timeout=1, every=1, id="x")
    drawn = caught.value.data["transitions"]._repr_mimebundle_()["text/html"]
    assert "<b>" not in drawn
    assert len(drawn) < 5000
    assert "\n" not in caught.value.what
    assert len(caught.value.what) < 500


def test_many_transitions_are_bounded(
    things: tuple[Things, anb.Workbench, Clock], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A state that flaps for hours is kept up to a number and drawn up to a few; the rest is counted."""
    served, api, _ = things
    monkeypatch.setattr("astro_nb.polling.transitions.MOST", 100)
    served.script = [(200, f"S{n}") for n in range(200)]
    with pytest.raises(WaitTimeout) as caught:
        api.wait("getThing", timeout=150, every=1, id="x")
    seen = caught.value.data["transitions"]
    assert (len(seen), seen.left_out, seen[0].state, seen[-1].state) == (100, 51, "S0", "S150")
    assert str(seen).startswith("143 earlier ones, S143 1.0 s, ")
    assert "… 143 earlier" in seen._repr_mimebundle_()["text/html"]


def test_a_history_of_long_answers_changes_nothing(made: str, api: anb.Workbench) -> None:
    """The size of a wait's last answer is that of the exchange, however the history keeps it."""
    assert isinstance(api.history, History)
    done = api.wait("GetDeployment", deploymentId=made)
    assert done.last is api.history[-1]
    assert done.size == len(done.response.body if done.response else b"")


def test_a_wait_may_go_on_beside_the_notebook() -> None:
    """In the background it gives the same; one that is stopped has what it saw."""
    api = anb.connect(history=None)
    assert isinstance(api.sandbox, anb.Sandbox)
    api.sandbox.speed = 100
    key = next(d["id"] for d in api.call("ListDeployments", limit=100).items if d["status"] == "HEALTHY")
    update(api, key)
    done = api.in_background(api.wait, "GetDeployment", every=0.02, deploymentId=key).result(20)
    assert states(done.transitions)[-1] == "HEALTHY"
    running = api.in_background(api.wait, "GetDeployment", until="UNHEALTHY", every=0.02, deploymentId=key)
    ended = time.monotonic() + 10
    while len([e for e in api.session.exchanges if ":UNHEALTHY:" in e.via]) < 2 and time.monotonic() < ended:
        time.sleep(0.01)
    running.cancel()
    with pytest.raises(Stopped) as caught:
        running.result(10)
    assert states(caught.value.transitions) == ["HEALTHY"]  # type: ignore[attr-defined]  # put there by the wait
    api.close()
