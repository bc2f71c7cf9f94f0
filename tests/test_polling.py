"""A wait ends in one of its ways, reports the states it saw, and does not trust a state from before a change."""

from __future__ import annotations

import contextlib
import itertools
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.servers import LocalServer, json_response

import astro_nb as anb
from astro_nb.environments import Environment
from astro_nb.errors import PickError, Stopped, UsageError, WaitFailed, WaitTimeout
from astro_nb.exchange import Exchange
from astro_nb.history import History
from astro_nb.http import Client, Retries
from astro_nb.jsonpath import compile_condition
from astro_nb.messages import Request, Response
from astro_nb.polling import Transitions, WaitResult
from astro_nb.runbooks.cells import call_sources
from astro_nb.runbooks.steps import group_into_steps
from astro_nb.secrets import Secret


class Clock:
    """A clock that only sleeping moves, so that no test waits."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


def open_workbench(clock: Clock, base_url: str, spec: Any = None, token: str = "") -> anb.Workbench:
    """Return a workbench on a server, over HTTP, without retries, that uses the clock."""
    held = {"token": Secret.in_memory(token or "none", "TOKEN")}
    here = Environment("here", base_url=base_url, credentials=held, **({"spec": spec} if isinstance(spec, str) else {}))
    api = anb.connect(here, spec=None if isinstance(spec, str) else spec, history=None)
    api.session.client.close()
    api.session.client = Client(retries=Retries(attempts=1), sleep=clock.sleep, clock=clock)
    return api


@pytest.fixture
def box(clock: Clock) -> Iterator[anb.Sandbox]:
    """A sandbox in real time, by the clock."""
    with anb.Sandbox(clock=clock, limits=False) as started:
        yield started


@pytest.fixture
def api(clock: Clock, box: anb.Sandbox) -> Iterator[anb.Workbench]:
    """A workbench that uses this sandbox like any other server."""
    workbench = open_workbench(clock, box.url, "astro-v1", box.token())
    yield workbench
    workbench.close()


@pytest.fixture
def deployment_id(api: anb.Workbench) -> str:
    """The id of a Deployment that has just been created."""
    home = api.call("ListWorkspaces")["$.workspaces[0].id"]
    return str(api.call("CreateDeployment", name="new", workspaceId=home, isDevelopmentMode=True)["$.id"])


def update(api: anb.Workbench, key: str, **changes: Any) -> Exchange:
    """Update a Deployment to its current values and some changes."""
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
    """Assert that a grace period passed, less the real time since the change began, which the wall clock measures."""
    assert grace - (time.monotonic() - real) <= waited <= grace + 0.01


def states(transitions: Transitions) -> list[str]:
    return [t.state for t in transitions]


# --- conditions -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "until",
    [
        "settled",
        "HEALTHY",
        "healthy",
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
def test_a_wait_ends_when_the_condition_holds(until: Any, deployment_id: str, api: anb.Workbench, clock: Clock) -> None:
    """Every kind of condition ends a wait for a new Deployment; the exchanges are stored as one group."""
    exchange = api.wait("GetDeployment", until=until, deploymentId=deployment_id)
    assert exchange["$.status"] == "HEALTHY"
    assert states(exchange.transitions) == ["CREATING", "HEALTHY"]
    group = [e for e in api.session.exchanges if e.group.kind == "wait"]
    assert group[0]["$.status"] == "CREATING"
    assert len({e.group for e in group}) == 1
    assert 20 <= clock.seconds < 30, "a new resource has no older state: there is no grace period"


@pytest.mark.parametrize("until", ["READY", "FAILED", "HEALTY", "", "GONE", (), ("HEALTHY", "READY")])
def test_an_unknown_state_raises_before_anything_is_sent(
    until: Any, deployment_id: str, api: anb.Workbench, box: anb.Sandbox
) -> None:
    """A state that the document does not list raises: a script that waits for it would never end."""
    count = box.requests
    with pytest.raises(UsageError):
        api.wait("GetDeployment", until=until, deploymentId=deployment_id)
    assert box.requests == count


@pytest.mark.parametrize(
    "until",
    ["$.status = 'HEALTHY'", "$.status == HEALTHY", "$.", "$[?@.status == 'HEALTHY'", "$.a] [?@.b", "@.a][?@.b",
     "length(@.a)", "!", "(", "match($.status)", ("HEALTHY", "$.x ="), "(" * 5000],
)  # fmt: skip
def test_a_malformed_condition_raises_before_anything_is_sent(until: Any, api: anb.Workbench, box: anb.Sandbox) -> None:
    """The error says how a condition is written."""
    with pytest.raises(PickError) as caught:
        api.wait("GetDeployment", until=until, deploymentId="x")
    assert "not a condition" in caught.value.what
    assert "$.status == 'HEALTHY'" in caught.value.todo
    assert box.requests == 0


def test_settled_needs_a_declaration_in_the_overlay(api: anb.Workbench, box: anb.Sandbox) -> None:
    """If the overlay lists no states, "settled" raises before anything is sent; a condition works."""
    with pytest.raises(UsageError, match="ListWorkspaces") as caught:
        api.wait("ListWorkspaces")
    assert "predicate" in caught.value.todo
    assert box.requests == 0
    assert api.wait("ListWorkspaces", until="$.workspaces[?@.name]").ok


@pytest.mark.parametrize("seconds", [{"timeout": -1}, {"every": -0.5}, {"grace": -1}, {"timeout": float("nan")}])
def test_negative_seconds_raise(seconds: dict[str, float], api: anb.Workbench, box: anb.Sandbox) -> None:
    """A negative time is the caller's mistake: it raises before anything is sent."""
    with pytest.raises(UsageError, match="no number of seconds"):
        api.wait("GetDeployment", deploymentId="x", **seconds)
    assert box.requests == 0


@pytest.mark.parametrize("until", ["gone", ["HEALTHY", "gone"], lambda r: r.status == 404])
def test_a_wait_can_end_with_a_404(until: Any, deployment_id: str, api: anb.Workbench) -> None:
    """A wait for a 404 ends well: the condition is evaluated before a response counts as permanent error."""
    api.call("DeleteDeployment", deploymentId=deployment_id)
    gone = api.wait("GetDeployment", until=until, deploymentId=deployment_id)
    assert gone.status == 404
    assert len([e for e in api.session.exchanges if e.group.kind == "wait"]) == 1


def test_a_predicate_tolerates_transient_errors(deployment_id: str, api: anb.Workbench, box: anb.Sandbox) -> None:
    """A predicate that cannot read the body of a 502 is pending; a 404 ends the wait."""
    box.faults.add("html", operation="GetDeployment")
    box.faults.add("reset", operation="GetDeployment")

    def healthy(response: Exchange) -> bool:
        return bool(response["$.status"] == "HEALTHY")

    assert api.wait("GetDeployment", until=healthy, deploymentId=deployment_id).ok
    with pytest.raises(WaitFailed, match="nope"):
        api.wait("GetDeployment", until=healthy, deploymentId="nope")


def test_an_error_in_a_predicate_is_raised(deployment_id: str, api: anb.Workbench) -> None:
    """An error inside a predicate is raised as it is, with the states that were seen."""
    with pytest.raises(PickError) as caught:
        api.wait("GetDeployment", until=lambda r: bool(r["$.nothing"]), deploymentId=deployment_id)
    assert states(caught.value.transitions) == ["CREATING"]  # type: ignore[attr-defined]  # set by the wait


def test_a_predicate_is_called_once_per_exchange(deployment_id: str, api: anb.Workbench) -> None:
    """A predicate may count: it is called once with every exchange, in order."""
    seen: list[str] = []

    def is_third(response: Exchange) -> bool:
        seen.append(response.id)
        return len(seen) == 3

    api.wait("GetDeployment", until=is_third, deploymentId=deployment_id)
    assert seen == [e.id for e in api.session.exchanges if e.group.kind == "wait"]


# --- timeouts and failures --------------------------------------------------------------------------------------------


def test_a_timeout_reports_condition_time_and_state(
    deployment_id: str, api: anb.Workbench, box: anb.Sandbox, clock: Clock
) -> None:
    """WaitTimeout has the condition, the timeout, the last state and for how long; the wait ends on time."""
    box.speed = 0.5
    for timeout in (0, 0.3, 17.0):
        began = clock.seconds
        with pytest.raises(WaitTimeout, match=r"GetDeployment .* settled .* CREATING") as caught:
            api.wait("GetDeployment", timeout=timeout, deploymentId=deployment_id)
        assert clock.seconds - began == pytest.approx(timeout, abs=0.01)
        assert caught.value.data["last"] == "CREATING"
        assert caught.value.data["exchange"] is api.history[-1]
    assert "for 17 s" in caught.value.what


def test_a_timeout_lists_the_states_before(api: anb.Workbench) -> None:
    """UNHEALTHY may pass, so the wait continues; the message says how long it lasted, why, and what was before."""
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
    """CREATE_FAILED is final: it ends the wait at once."""
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
    assert api.wait("GetCluster", clusterId=key, until="CREATE_FAILED").ok, "a wait for this very state ends well"


def finalize_deploy(api: anb.Workbench, key: str, description: str) -> str:
    """Finalize a new deploy and return its id."""
    api.wait("GetDeployment", deploymentId=key)
    deploy = api.call("CreateDeploy", deploymentId=key, type="DAG_ONLY", description=description)["$.id"]
    done = api.call("FinalizeDeploy", deploymentId=key, deployId=deploy, dagTarballVersion="v1")
    assert done.ok, done
    return str(deploy)


def test_a_failed_deploy_ends_the_wait(deployment_id: str, api: anb.Workbench) -> None:
    """FAILED is final; the same wait ends well for a good deploy, without a grace period."""
    failing = finalize_deploy(api, deployment_id, "will fail")
    with pytest.raises(WaitFailed, match="FAILED") as caught:
        api.wait("GetDeploy", deploymentId=deployment_id, deployId=failing)
    assert states(caught.value.data["transitions"]) == ["INITIALIZED", "FAILED"]
    fine = finalize_deploy(api, deployment_id, "fine")
    done = api.wait("GetDeploy", deploymentId=deployment_id, deployId=fine)
    assert states(done.transitions) == ["INITIALIZED", "DEPLOYED"]


def test_a_404_ends_the_wait(api: anb.Workbench, box: anb.Sandbox) -> None:
    """A 404 ends the wait at once, with the server's message: an error is never read as "pending"."""
    with pytest.raises(WaitFailed, match="nope") as caught:
        api.wait("GetDeployment", deploymentId="nope")
    assert caught.value.todo
    assert box.requests == 1


@pytest.mark.parametrize("code", [401, 403])
def test_a_401_or_403_ends_the_wait(code: int, deployment_id: str, api: anb.Workbench, box: anb.Sandbox) -> None:
    """A token without permission raises, whatever the condition is."""
    for until in ("settled", "gone", "$.status == 'HEALTHY'", lambda response: False):
        count = box.requests
        box.faults.add("status", code=code, operation="GetDeployment")
        with pytest.raises(WaitFailed, match="this error"):
            api.wait("GetDeployment", until=until, deploymentId=deployment_id)
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
def test_transient_errors_do_not_end_the_wait(
    fault: tuple[str, dict[str, Any]], state: str, deployment_id: str, api: anb.Workbench, box: anb.Sandbox
) -> None:
    """A transient error is one of the transitions, and the wait continues."""
    box.faults.add(fault[0], operation="GetDeployment", times=2, **fault[1])
    done = api.wait("GetDeployment", deploymentId=deployment_id)
    assert states(done.transitions) == [state, "CREATING", "HEALTHY"]
    assert done.transitions[0].requests == 2
    assert done.transitions[0].kind == ("passing" if state == "200 OK" else "error")


def test_a_permanent_503_is_in_the_timeout(deployment_id: str, api: anb.Workbench, box: anb.Sandbox) -> None:
    """If the server is down all the time, the timeout says so."""
    box.faults.add("status", code=503, operation="GetDeployment", times=1000)
    with pytest.raises(WaitTimeout, match=r"in 60 s: .* 503 Service Unavailable, for 60 s"):
        api.wait("GetDeployment", timeout=60, deploymentId=deployment_id)


def test_an_interrupt_has_the_transitions(deployment_id: str, api: anb.Workbench, clock: Clock) -> None:
    """KeyboardInterrupt carries the states that were seen, whether between two requests or inside one."""

    def stop(seconds: float) -> None:
        clock.seconds += seconds
        if clock.seconds > 25:
            raise KeyboardInterrupt

    api.session.client = Client(sleep=stop, clock=clock)
    with pytest.raises(KeyboardInterrupt) as caught:
        api.wait("GetDeployment", until="HIBERNATING", deploymentId=deployment_id)
    assert states(caught.value.transitions) == ["CREATING", "HEALTHY"]  # type: ignore[attr-defined]  # set by the wait


# --- the result -------------------------------------------------------------------------------------------------------


def test_the_result_has_the_last_exchange(deployment_id: str, api: anb.Workbench) -> None:
    """Its attributes are those of the exchange in the history; a value picked from it has that exchange as source."""
    done, stored = api.wait("GetDeployment", deploymentId=deployment_id), api.history[-1]
    assert isinstance(done, WaitResult)
    assert done.exchange is stored
    assert {"json", "transitions", "request_id"} <= set(dir(done))
    assert "$.id" in done
    assert "$.nothing" not in done
    with pytest.raises(AttributeError):
        done.nonsense  # noqa: B018  # the attribute is looked up
    assert (done.id, done.size, done.ok, done.json(), done.request_id) == (
        stored.id, stored.size, stored.ok, stored.json(), stored.request_id
    )  # fmt: skip
    api.variables["found"] = done["$.id"]
    assert f"exchange {stored.id}" in api.variables.all("found")[0].source
    assert done.frame().shape[0] == 1


def test_transitions_make_a_table(deployment_id: str, api: anb.Workbench) -> None:
    """One row per state: when (UTC), seconds, state, how long, why, how many requests, and the request's id."""
    done = api.wait("GetDeployment", every=1, deploymentId=deployment_id)
    frame = done.transitions.frame()
    assert list(frame.columns) == ["when", "seconds", "state", "lasted", "reason", "requests", "requestId"]
    assert str(frame["when"].dtype) == "datetime64[ns, UTC]"
    assert frame["state"].tolist() == ["CREATING", "HEALTHY"]
    assert frame["requests"].tolist() == [20, 1]
    assert frame["seconds"].tolist() == [0, 20]
    assert frame["lasted"].tolist() == [20, 0]
    assert frame["reason"][0] == "Resources are being made ready"
    assert frame["requestId"][1] == done.request_id


def test_the_result_displays_the_states(deployment_id: str, api: anb.Workbench) -> None:
    """The HTML has a strip with each state and its duration; the text has them too."""
    done = api.wait("GetDeployment", every=1, deploymentId=deployment_id)
    assert repr(done) == f"<GetDeployment → 200 OK, {done.size / 1000:.1f} kB; CREATING 20 s, HEALTHY>"
    drawn = done._repr_mimebundle_()["text/html"]
    assert "CREATING 20 s</span>" in drawn
    assert "HEALTHY</span>" in drawn
    assert "2 states, 21 requests" in drawn
    assert deployment_id in drawn
    assert repr(done.transitions) == "<Transitions: CREATING 20 s, HEALTHY>"
    assert "<style" not in drawn + done.transitions._repr_mimebundle_()["text/html"]


def test_progress_shows_state_reason_and_time_left(
    deployment_id: str, api: anb.Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each request reports the states so far, how long the current one has lasted, why, and the time left."""
    reports: list[tuple[float | None, str, str]] = []
    monkeypatch.setattr("astro_nb.workbench.workbench.Progress", lambda label: lambda *report: reports.append(report))
    api.wait("GetDeployment", every=5, timeout=100, deploymentId=deployment_id)
    assert [words for _, words, _ in reports] == [
        "CREATING for 0.0 s: Resources are being made ready · 100 s left",
        "CREATING for 5.0 s: Resources are being made ready · 95 s left",
        "CREATING for 10 s: Resources are being made ready · 90 s left",
        "CREATING for 15 s: Resources are being made ready · 85 s left",
        "HEALTHY after 20 s",
    ]
    assert [fraction for fraction, _, _ in reports] == [0, 0.05, 0.1, 0.15, 1.0]
    assert "CREATING 15 s" in reports[3][2]
    assert "HEALTHY" in reports[4][2]


# --- states from before the last change -------------------------------------------------------------------------------


def test_a_stale_state_does_not_end_the_wait(
    deployment_id: str, api: anb.Workbench, box: anb.Sandbox, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Right after an update the server still reports the old HEALTHY: the wait ends when the state has changed."""
    api.wait("GetDeployment", deploymentId=deployment_id)
    box.lag = 5
    assert update(api, deployment_id, description="new")["$.status"] == "HEALTHY"
    texts: list[str] = []
    monkeypatch.setattr("astro_nb.workbench.workbench.Progress", lambda label: lambda _, text, __: texts.append(text))
    began = clock.seconds
    done = api.wait("GetDeployment", deploymentId=deployment_id)
    assert states(done.transitions) == ["HEALTHY", "DEPLOYING", "HEALTHY"]
    assert 20 <= clock.seconds - began < 30
    assert "HEALTHY, but UpdateDeployment was sent" in texts[0]
    assert "the state may be from before" in texts[0]


@pytest.mark.parametrize("until", ["settled", "HEALTHY", "$.status == 'HEALTHY'", ["HEALTHY", "UNHEALTHY"]])
def test_an_unchanged_state_is_trusted_after_the_grace_period(
    until: Any, deployment_id: str, api: anb.Workbench, box: anb.Sandbox, clock: Clock
) -> None:
    """A change that changes no state costs the grace period: the overlay's, or the given one; 0 means none."""
    api.wait("GetDeployment", deploymentId=deployment_id)
    box.lag, real = 1000, time.monotonic()
    update(api, deployment_id)
    began = clock.seconds
    assert api.wait("GetDeployment", until=until, grace=0, deploymentId=deployment_id).transitions[0].requests == 1
    assert clock.seconds == began
    api.wait("GetDeployment", until=until, grace=4, deploymentId=deployment_id)
    assert_grace(4, clock.seconds - began, real)
    real = time.monotonic()
    update(api, deployment_id)
    began = clock.seconds
    api.wait("GetDeployment", until=until, deploymentId=deployment_id)
    assert_grace(15, clock.seconds - began, real)


def test_a_timeout_within_the_grace_period_says_so(deployment_id: str, api: anb.Workbench, box: anb.Sandbox) -> None:
    """If the timeout is shorter than the grace period, the error says why the state was not trusted, and what to do."""
    api.wait("GetDeployment", deploymentId=deployment_id)
    box.lag = 1000
    update(api, deployment_id)
    with pytest.raises(WaitTimeout, match="HEALTHY, but UpdateDeployment was sent") as caught:
        api.wait("GetDeployment", timeout=3, deploymentId=deployment_id)
    assert "grace=0" in caught.value.todo


def test_another_state_than_before_is_trusted(deployment_id: str, api: anb.Workbench, clock: Clock) -> None:
    """A state that differs from the last one before the change ends the wait at once."""
    api.wait("GetDeployment", deploymentId=deployment_id)
    for hibernating, state in ((True, "HIBERNATING"), (False, "HEALTHY")):
        done = api.call("UpdateDeploymentHibernationOverride", deploymentId=deployment_id, isHibernating=hibernating)
        assert done.ok, done
        began = clock.seconds
        assert api.wait("GetDeployment", deploymentId=deployment_id)["$.status"] == state
        assert clock.seconds == began


def test_a_list_shows_the_state_before(deployment_id: str, api: anb.Workbench, clock: Clock) -> None:
    """A state that a list showed counts as known: a Deployment that hibernates now has changed."""
    clock.seconds += 60
    api.call("ListDeployments", limit=100)
    api.call("UpdateDeploymentHibernationOverride", deploymentId=deployment_id, isHibernating=True)
    api.wait("GetDeployment", deploymentId=deployment_id)
    assert clock.seconds == 60


@pytest.mark.parametrize("refused", [True, False])
def test_only_calls_that_may_have_changed_the_resource_count(
    refused: bool, deployment_id: str, api: anb.Workbench, clock: Clock
) -> None:
    """A rejected call changed nothing, nor did one for another Deployment."""
    api.wait("GetDeployment", deploymentId=deployment_id)
    if refused:
        assert api.call("UpdateDeployment", deploymentId=deployment_id, body={"nonsense": 1}).status == 400
    else:
        other = api.call("ListDeployments", limit=1)["$.deployments[0].id"]
        update(api, other)
    began = clock.seconds
    api.wait("GetDeployment", deploymentId=deployment_id)
    assert clock.seconds == began


def test_a_predicate_has_no_grace_period_unless_one_is_given(
    deployment_id: str, api: anb.Workbench, clock: Clock
) -> None:
    """A predicate decides by itself; with a given grace period it waits like a state."""
    api.wait("GetDeployment", deploymentId=deployment_id)
    real = time.monotonic()
    api.call("DeleteDeploymentHibernationOverride", deploymentId=deployment_id)
    began = clock.seconds
    api.wait("GetDeployment", until=lambda r: r["$.status"] == "HEALTHY", deploymentId=deployment_id)
    assert clock.seconds == began
    api.wait("GetDeployment", until=lambda r: r["$.status"] == "HEALTHY", grace=3, deploymentId=deployment_id)
    assert_grace(3, clock.seconds - began, real)


def test_the_grace_period_is_scaled_by_the_speed_of_the_sandbox(
    deployment_id: str, api: anb.Workbench, box: anb.Sandbox, clock: Clock
) -> None:
    """In a sandbox that runs a tenth as fast the grace period is ten times as long; elsewhere it is as declared."""
    api.wait("GetDeployment", deploymentId=deployment_id)
    api.sandbox, box.lag, box.speed = box, 1000, 0.1
    real, began = time.monotonic(), clock.seconds
    update(api, deployment_id)
    assert api.wait("GetDeployment", deploymentId=deployment_id).ok
    assert_grace(150, clock.seconds - began, real)
    assert api._speed() == 0.1
    api.session.switch(Environment("another", base_url="https://api.example"))
    assert api._speed() == 1


# --- runbooks and history ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("until", "written"),
    [
        ("settled", 'until="settled"'),
        (("HEALTHY", "$.status == 'UNHEALTHY'"), """until=["HEALTHY", "$.status == 'UNHEALTHY'"]"""),
        ("$['status'] == 'HEALTHY' || 'a:b:c' == \"x\"", "|| 'a:b:c' == "),
        (lambda response: response["$.status"] == "HEALTHY", 'until="HEALTHY"'),
    ],
)
def test_a_runbook_has_the_same_condition(until: Any, written: str, deployment_id: str, api: anb.Workbench) -> None:
    """The condition stands in the runbook as it was given; a predicate as the state that was reached."""
    api.wait("GetDeployment", until=until, timeout=60, deploymentId=deployment_id)
    steps = group_into_steps(api.session.exchanges)
    assert [step.kind for step in steps] == ["call", "call", "wait"]
    line = call_sources(api.session, steps)[3]
    assert written in line
    assert "timeout=60" in line
    compile(line, "runbook", "exec")


def test_a_runbook_waits_for_a_404(deployment_id: str, api: anb.Workbench) -> None:
    """A wait that ended well with a 404 is a wait, not a call that is expected to fail."""
    api.call("DeleteDeployment", deploymentId=deployment_id)
    api.wait("GetDeployment", until="gone", deploymentId=deployment_id)
    steps = group_into_steps(api.session.exchanges)
    assert (steps[-1].kind, steps[-1].until) == ("wait", "gone")
    assert 'until="gone"' in call_sources(api.session, steps)[4]


def test_a_secret_in_a_condition_is_masked(deployment_id: str, api: anb.Workbench) -> None:
    """A known secret in a condition is masked in the history and in the error."""
    api.variables["hidden"] = Secret.in_memory("planted-password-99")
    with pytest.raises(WaitTimeout) as caught:
        api.wait("GetDeployment", until="$.name == 'planted-password-99'", timeout=1, deploymentId=deployment_id)
    stored = [e.group for e in api.history]
    assert "planted" not in f"{stored} {caught.value} {group_into_steps(api.session.exchanges)}"
    assert stored[-1].goal == ("$.name == '*****'",)


# --- models -----------------------------------------------------------------------------------------------------------

DOCUMENT = {
    "openapi": "3.1.0",
    "info": {"title": "Things", "version": "1"},
    "paths": {
        "/things/{id}": {
            "get": {
                "operationId": "getThing",
                "x-astro-nb-settled": {"state": "state", "good": ["UP"], "bad": ["BROKEN"], "grace": 300},
                "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}],
                "responses": {"200": {"description": "A resource."}},
            },
            "post": {
                "operationId": "changeThing",
                "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}],
                "responses": {"200": {"description": "A resource."}},
            },
        }
    },
}

Reply = tuple[int, str]
"""A status and the state in the body; no JSON if the state is empty."""


class ScriptedServer(LocalServer):
    """A server that sends the replies of a script, and the last one again and again."""

    def __init__(self) -> None:
        super().__init__(self.next_reply)
        self.script: list[Reply] = []
        self.numbers = itertools.count()

    def next_reply(self, request: Request) -> Response:
        """Return the next reply of the script."""
        status, state = self.script[0] if len(self.script) == 1 else self.script.pop(0)
        html = Response(status, (("Content-Type", "text/html"),), b"<html>")
        return json_response({"state": state}, status) if state else html


@pytest.fixture(scope="module")
def scripted() -> Iterator[tuple[ScriptedServer, anb.Workbench, Clock]]:
    """The server, a workbench on it, and its clock."""
    clock = Clock()
    with ScriptedServer() as server, contextlib.closing(open_workbench(clock, server.url, DOCUMENT)) as api:
        yield server, api, clock


REPLIES = st.sampled_from([
    (200, "UP"), (200, "BUSY"), (200, "SLOW"), (200, "BROKEN"), (503, "UP"), (429, "BROKEN"), (500, ""), (200, ""),
    (404, "UP"), (403, ""),
])  # fmt: skip
STEADY = settings(max_examples=60, deadline=None)


def state_shown(reply: Reply) -> str:
    """Return the state that a wait shows for a reply."""
    reasons = {200: "OK", 503: "Service Unavailable", 429: "Too Many Requests", 500: "Internal Server Error",
               404: "Not Found", 403: "Forbidden"}  # fmt: skip
    status, state = reply
    return state if status == 200 and state else f"{status} {reasons[status]}"


def model(replies: list[Reply]) -> tuple[str, list[tuple[str, int]]]:
    """Return how a wait of ten seconds with a request each second ends, and each state with its number of requests."""
    states_seen, end = [], "timeout"
    for reply in [*replies, *[replies[-1]] * 11][:11]:
        states_seen.append(state_shown(reply))
        end = {"UP": "reached", "BROKEN": "failed", "404 Not Found": "failed", "403 Forbidden": "failed"}.get(
            states_seen[-1], "timeout"
        )
        if end != "timeout":
            break
    return end, [(state, len(list(group))) for state, group in itertools.groupby(states_seen)]


@STEADY
@given(replies=st.lists(REPLIES, min_size=1, max_size=12))
def test_a_wait_ends_as_the_model_says(
    replies: list[Reply], scripted: tuple[ScriptedServer, anb.Workbench, Clock]
) -> None:
    """Whatever the server replies, in whatever order, the end and the transitions are those of the model."""
    server, api, clock = scripted
    server.script, began = list(replies), clock.seconds
    end, seen = model(replies)
    try:
        found = api.wait("getThing", every=1, timeout=10, id=str(next(server.numbers))).transitions
        result = "reached"
    except WaitTimeout as error:
        found, result = error.data["transitions"], "timeout"
    except WaitFailed as error:
        found, result = error.data["transitions"], "failed"
    assert (result, [(t.state, t.requests) for t in found]) == (end, seen)
    assert clock.seconds - began == pytest.approx(sum(count for _, count in seen) - 1)
    assert sum(t.lasted for t in found) == pytest.approx(clock.seconds - began)
    assert len(found.frame()) == len(seen)


STATES = st.sampled_from(["", "UP", "BUSY"])


@STEADY
@given(before=STATES, in_reply=STATES, status=st.sampled_from([200, 500, 404]), after=st.lists(STATES, max_size=6))
def test_a_state_is_trusted_once_it_has_changed(
    before: str, in_reply: str, status: int, after: list[str], scripted: tuple[ScriptedServer, anb.Workbench, Clock]
) -> None:
    """UP is trusted after a change if another state was known before or seen since, else after the grace period."""
    server, api, _ = scripted
    key, polls = str(next(server.numbers)), [*after, "UP"]
    server.script = [(200, before), (status, in_reply), *((200, state) for state in polls)]
    if before:
        api.call("getThing", id=key)
    else:
        server.script.pop(0)
    api.call("changeThing", id=key)
    found = api.wait("getThing", every=100, timeout=5000, id=key)
    changed = before == "BUSY" or (status == 200 and in_reply == "BUSY") or status == 404
    requests = 0
    for number, state in enumerate([*polls, *["UP"] * 4]):
        changed, requests = changed or state == "BUSY", number + 1
        if state == "UP" and (changed or number >= 3):
            break
    assert sum(t.requests for t in found.transitions) == requests


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=10,
)
TEXTS = st.text(alphabet="$@.[]()!?='\"ab*|&<>12 ,:", max_size=12)


@settings(max_examples=400, deadline=None)
@given(text=TEXTS, value=JSON)
def test_any_text_is_a_condition_or_raises(text: str, value: Any) -> None:
    """A text either can be evaluated for any value or raises PickError, and nothing else."""
    with contextlib.suppress(PickError):
        assert compile_condition(f"${text}")(value) in (True, False)


@settings(max_examples=100, deadline=None)
@given(value=JSON, wanted=st.integers() | st.booleans() | st.text(alphabet="ab$@'\\", max_size=3))
def test_a_comparison_compares_values(value: Any, wanted: Any) -> None:
    """`$.a == x` and `@.a == x` hold exactly if the value has it; a dollar in quotes is a dollar."""
    literal = json.dumps(wanted)
    has = isinstance(value, dict) and "a" in value and type(value["a"]) is type(wanted) and value["a"] == wanted
    for path in ("$.a", "@.a", "$['a']"):
        assert compile_condition(f"{path} == {literal}")(value) is has
        assert compile_condition(f"!({path} == {literal})")(value) is not has


@pytest.mark.parametrize("pattern", ["(a+)+b", "(a|aa)*b", "a*a*a*a*b", "(a{1,9}){1,9}b", "a" * 300])
def test_a_slow_pattern_raises(pattern: str) -> None:
    """A server cannot make a wait hang with a text on which a pattern backtracks."""
    for function in ("match", "search"):
        with pytest.raises(PickError):
            compile_condition(f"{function}($.x, '{pattern}')")({"x": "a" * 60})
        with pytest.raises(PickError):
            compile_condition(f"{function}($.x, $.p)")({"x": "a" * 60, "p": pattern})
    with pytest.raises(PickError, match="too long"):
        compile_condition("match($.x, 'a*b')")({"x": "a" * 3000})
    assert compile_condition("match($.x, 'a*b')")({"x": "aaab"})


@pytest.mark.parametrize("state", ["<b>x</b>", "A" * 5000, "a\nb\rc", "\u202e", ""])
def test_a_hostile_state_is_escaped(state: str, scripted: tuple[ScriptedServer, anb.Workbench, Clock]) -> None:
    """The text of a state is escaped, one line, and cut."""
    server, api, _ = scripted
    server.script = [(200, state)]
    with pytest.raises(WaitTimeout) as caught:
        api.wait("getThing", timeout=1, every=1, id="x")
    drawn = caught.value.data["transitions"]._repr_mimebundle_()["text/html"]
    assert "<b>" not in drawn
    assert len(drawn) < 5000
    assert "\n" not in caught.value.what
    assert len(caught.value.what) < 500


def test_many_transitions_are_bounded(
    scripted: tuple[ScriptedServer, anb.Workbench, Clock], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A limited number of transitions is kept and a few are drawn; the rest is counted."""
    server, api, _ = scripted
    monkeypatch.setattr("astro_nb.polling.states.MAX_TRANSITIONS", 100)
    server.script = [(200, f"S{n}") for n in range(200)]
    with pytest.raises(WaitTimeout) as caught:
        api.wait("getThing", timeout=150, every=1, id="x")
    seen = caught.value.data["transitions"]
    assert (len(seen), seen.left_out, seen[0].state, seen[-1].state) == (100, 51, "S0", "S150")
    assert str(seen).startswith("143 earlier, S143 1.0 s, ")
    assert "… 143 earlier" in seen._repr_mimebundle_()["text/html"]


def test_the_size_is_that_of_the_response(deployment_id: str, api: anb.Workbench) -> None:
    """The size of the last response is that of the exchange, however the history stores it."""
    assert isinstance(api.history, History)
    done = api.wait("GetDeployment", deploymentId=deployment_id)
    assert done.exchange is api.history[-1]
    assert done.size == len(done.response.body if done.response else b"")


def test_a_wait_in_the_background() -> None:
    """In the background the result is the same; a cancelled wait has the states it saw."""
    api = anb.connect(history=None)
    assert isinstance(api.sandbox, anb.Sandbox)
    api.sandbox.speed = 100
    key = next(d["id"] for d in api.call("ListDeployments", limit=100).items if d["status"] == "HEALTHY")
    update(api, key)
    done = api.in_background(api.wait, "GetDeployment", every=0.02, deploymentId=key).result(20)
    assert states(done.transitions)[-1] == "HEALTHY"
    running = api.in_background(api.wait, "GetDeployment", until="UNHEALTHY", every=0.02, deploymentId=key)
    ended = time.monotonic() + 10
    while len([e for e in api.session.exchanges if e.group.goal == ("UNHEALTHY",)]) < 2 and time.monotonic() < ended:
        time.sleep(0.01)
    running.cancel()
    with pytest.raises(Stopped) as caught:
        running.result(10)
    assert states(caught.value.transitions) == ["HEALTHY"]  # type: ignore[attr-defined]  # set by the wait
    api.close()
