"""A table becomes many requests: mapped, looked at, sent, stopped, gone on with, and joined with what came of it."""

from __future__ import annotations

import builtins
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import astro_nb as anb
from astro_nb.bulk import Bulk
from astro_nb.bulk import reconcile as finding
from astro_nb.environments import Environment
from astro_nb.errors import MissingArgument, SecretMissing, SettingsError, UnknownName, UnsafeRefused, UsageError
from astro_nb.history import Mark
from astro_nb.http import Retries
from astro_nb.secrets import Secret

FAST = {"GET": 5000, "POST": 5000, "DELETE": 5000}
PLANTED = "planted-secret-"


@pytest.fixture
def api(tmp_path: Path) -> Iterator[anb.Workbench]:
    """A workbench on a fresh sandbox without limits, its history in a file; nothing is tried twice."""
    workbench = anb.connect(history=tmp_path / "history", retries=Retries(attempts=1))
    sandbox_of(workbench).limits, sandbox_of(workbench).speed = False, 0
    here = workbench.environment
    switch(workbench, Environment("class", base_url=here.base_url, credentials=here.credentials, limits=FAST))
    yield workbench
    workbench.close()


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that is asked for something has done it by then."""
    monkeypatch.setattr(finding, "SETTLED", 0.1)


def switch(api: anb.Workbench, environment: Environment) -> None:
    api.session.switch(environment)


def sandbox_of(api: anb.Workbench) -> anb.Sandbox:
    assert isinstance(api.sandbox, anb.Sandbox)
    return api.sandbox


def home(api: anb.Workbench) -> str:
    return str(api.call("ListWorkspaces", limit=1)["$.workspaces[0].id"])


def objects(api: anb.Workbench, rows: Any, /, **more: Any) -> Bulk:
    """The creates of environment variables, one for each row."""
    kind = {"objectType": "CONNECTION"} if "connection" in more else {"objectType": "ENVIRONMENT_VARIABLE"}
    content = {} if "connection" in more else {"environmentVariable": {"isSecret": False}}
    same = {"scope": "WORKSPACE", "scopeEntityId": home(api)}
    return api.bulk("CreateEnvironmentObject", rows, **{**kind, **content, **same, **more})


def keyed(count: int, stem: str = "KEY") -> pd.DataFrame:
    return pd.DataFrame({"objectKey": [f"{stem}_{n}" for n in range(count)]})


def made(api: anb.Workbench, stem: str = "KEY") -> Counter[str]:
    """How often each key is there."""
    keys = (str(item["objectKey"]) for item in api.pages("ListEnvironmentObjects").items())
    return Counter(key for key in keys if key.startswith(stem))


def where(work: Bulk) -> dict[str, str]:
    return {m.target.name: m.column for m in work.mapping}


def posts(api: anb.Workbench) -> list[int]:
    return [seen.status for seen in sandbox_of(api).log if seen.method == "POST"]


# --- which column goes where ------------------------------------------------------------------------------------------


def test_columns_are_proposed_by_their_names(api: anb.Workbench) -> None:
    """The same name, the way into the body, and the same name otherwise written; each with its reason."""
    rows = pd.DataFrame({"object_key": ["A"], "environmentVariable.value": ["v"], "Auto Link Deployments": [True]})
    work = objects(api, rows)
    assert where(work) == {
        "objectKey": "object_key",
        "environmentVariable.value": "environmentVariable.value",
        "autoLinkDeployments": "Auto Link Deployments",
    }
    reasons = {m.target.name: m.reason for m in work.mapping}
    assert reasons["objectKey"] == "the same name, written otherwise"
    assert reasons["environmentVariable.value"] == "the same name"


def test_what_is_listed_goes_where_its_id_is_asked_for(api: anb.Workbench) -> None:
    """The id of a listed Deployment is the deploymentId of what is done to it, unless there is one of that name."""
    frame = api.pages("ListDeployments").frame()
    work = api.bulk("DeleteDeployment", frame)
    assert where(work)["deploymentId"] == "id"
    assert "as ListDeployments lists it" in work.mapping[-1].reason
    assert set(work.unused) >= {"createdBy.id", "name"}
    assert [f"/{key}" in url for key, url in zip(frame["id"], work.preview()["url"], strict=True)] == [True] * len(
        frame
    )
    assert where(api.bulk("DeleteDeployment", frame.assign(deploymentId=frame["id"])))["deploymentId"] == "deploymentId"


@pytest.mark.parametrize("operation", ["CreateDeployment", "ListDeployments"])
def test_an_id_is_not_the_collection_it_stands_in(operation: str, api: anb.Workbench) -> None:
    """The id of a thing is never taken for the Organization in which others are made or listed."""
    work = api.bulk(operation, [{"id": "x"}])
    assert work.unused == ["id"]


def test_what_is_said_goes_before_what_is_proposed(api: anb.Workbench) -> None:
    """A column goes where it is said to go, and then nowhere else; a constant's place is taken."""
    rows = [{"objectKey": "A", "key": "B", "scope": "DEPLOYMENT", "worth": "v"}]
    work = objects(api, rows, columns={"objectKey": "key", "environmentVariable.value": "worth"})
    assert where(work) == {"objectKey": "key", "environmentVariable.value": "worth"}
    assert work.unused == ["objectKey", "scope"]
    assert '"scope":"WORKSPACE"' in work.preview()["body"][0]


@pytest.mark.parametrize(
    ("columns", "constants", "error", "words"),
    [
        ({"objectKey": "nope"}, {}, UnknownName, "no column named 'nope'"),
        ({"objectKy": "a"}, {}, UnknownName, "objectKey"),
        ({"environmentVariable.worth": "a"}, {}, UnknownName, "environmentVariable.worth"),
        ({"objectKey": "a"}, {"objectKey": "x"}, UsageError, "objectKey would be given two values"),
        ({"connection": "a", "connection.host": "b"}, {}, UsageError, "would be given two values"),
        ({}, {"nope": 1}, UnknownName, "no parameter or field of CreateEnvironmentObject named 'nope'"),
    ],
)
def test_what_cannot_be_mapped_is_refused(
    columns: Any, constants: Any, error: type[Exception], words: str, api: anb.Workbench
) -> None:
    """A name that does not exist, and a place with two values, are told before anything is sent."""
    with pytest.raises(error, match=words):
        api.bulk("CreateEnvironmentObject", [{"a": 1, "b": 2}], columns=columns, **constants)


@pytest.mark.parametrize("rows", [7, "text", [1, 2], {"a": 1}, [{"a": 1}, "b"]])
def test_what_is_no_table_is_refused(rows: Any, api: anb.Workbench) -> None:
    """Rows are a DataFrame, mappings, or an answer."""
    with pytest.raises(UsageError, match="The rows are no table"):
        api.bulk("CreateWorkspace", rows)


def test_two_columns_of_one_name_are_refused(api: anb.Workbench) -> None:
    """Nobody could tell which of them is meant."""
    with pytest.raises(UsageError, match="Two columns are called 'name'"):
        api.bulk("CreateWorkspace", pd.DataFrame([["a", "b"]], columns=["name", "name"]))


def test_cells_are_plain_python(api: anb.Workbench) -> None:
    """Numbers of NumPy, dates, gaps of every kind and lists arrive as what they mean; a gap is left out."""
    moment = pd.Timestamp("2026-01-02T03:04:05Z")
    rows = pd.DataFrame(
        {
            "objectKey": pd.Categorical(["A", "B", "C"]),
            "connection.port": [5432, None, np.nan],  # pandas makes floats of them
            "connection.login": [moment, pd.NaT, moment],
            "autoLinkDeployments": pd.array([True, pd.NA, False], dtype="boolean"),
            "links": [[{"scope": "DEPLOYMENT", "scopeEntityId": np.str_("x")}], None, []],
            "connection.extra": [None, {"n": np.int64(3), "deep": [np.float64(0.5)]}, None],
        }
    )
    work = objects(api, rows, connection={"type": "t"})
    parsed = [pd.io.json.ujson_loads(body) for body in work.preview()["body"]]
    assert parsed[0]["connection"] == {"type": "t", "port": 5432, "login": moment.isoformat()}
    assert [p.get("autoLinkDeployments") for p in parsed] == [True, None, False]
    assert parsed[0]["links"] == [{"scope": "DEPLOYMENT", "scopeEntityId": "x"}]
    assert "links" not in parsed[1]
    assert "port" not in parsed[1]["connection"]
    assert set(parsed[1]["connection"]["extra"]) == {"n", "deep"}


def test_a_cell_is_never_resolved(api: anb.Workbench) -> None:
    """What a cell holds may come from anybody: braces in it are braces; in a constant they are a variable."""
    api.variables["secret"] = Secret.in_memory("never-to-be-sent")
    api.variables["note"] = "resolved"
    rows = [{"objectKey": "A", "environmentVariable.value": "{{secret}} {{nope}}"}]
    work = objects(api, rows, description="{{note}}").run()
    assert work.counts["done"] == 1
    found = next(item for item in api.pages("ListEnvironmentObjects").items() if item["objectKey"] == "A")
    assert found["environmentVariable"]["value"] == "{{secret}} {{nope}}"
    assert found["description"] == "resolved"


# --- before it is sent ------------------------------------------------------------------------------------------------


def test_a_preview_tells_what_would_be_sent_and_what_is_wrong(api: anb.Workbench) -> None:
    """A row for each row, by its index; the problems in words; nothing is sent."""
    rows = pd.DataFrame({"objectKey": ["A", None, "C"], "connection.port": [1, 2, "x"]}, index=["one", "two", "three"])
    work = objects(api, rows, connection={"type": "t"})
    before = sandbox_of(api).requests
    preview = work.preview()
    assert sandbox_of(api).requests == before
    assert list(preview.index) == ["one", "two", "three"]
    assert preview["valid"].tolist() == [True, False, False]
    assert preview["problems"]["two"] == "objectKey: objectKey is required."
    assert "connection.port" in preview["problems"]["three"]
    assert list(preview["method"]) == ["POST"] * 3
    assert preview["url"]["one"].endswith("/environment-objects")


def test_a_variable_that_is_missing_is_a_problem_until_it_is_set(api: anb.Workbench) -> None:
    """What planning finds is told by row, and looked at again."""
    work = objects(api, keyed(2), scopeEntityId="{{elsewhere}}")
    assert "no variable named 'elsewhere'" in work.preview()["problems"][0]
    assert work.counts["invalid"] == 2
    api.variables["elsewhere"] = home(api)
    assert work.counts["not sent"] == 2
    assert work.run().counts["done"] == 2


def test_a_parameter_that_is_missing_is_a_problem_of_its_row(api: anb.Workbench) -> None:
    """A cell without an id makes its row invalid, and no other."""
    work = api.bulk("GetDeployment", [{"deploymentId": "a"}, {"deploymentId": None}])
    assert list(work.preview()["valid"]) == [True, False]
    assert "needs deploymentId" in work.preview()["problems"][1]
    with pytest.raises(MissingArgument):
        api.call("GetDeployment")


def test_invalid_rows_are_not_sent_unless_they_are_meant(api: anb.Workbench) -> None:
    """The document's word keeps a row back; whoever wants to hear the server's word sends it."""
    rows = [{"objectKey": "KEY_0"}, {"description": "no key"}]
    work = objects(api, rows).run()
    assert work.counts == {"done": 1, "failed": 0, "unknown": 0, "invalid": 1, "not sent": 0}
    assert posts(api) == [200]
    work.run(send_invalid=True)
    assert work.counts == {"done": 1, "failed": 1, "unknown": 0, "invalid": 0, "not sent": 0}
    assert work.frame()["status"].tolist() == [200, 400]


def test_it_shows_itself(api: anb.Workbench) -> None:
    """Operation, mapping with reasons, counts, what is unused and the first rows: as text and as static HTML."""
    rows = keyed(9).assign(odd="<script>alert(1)</script>", description="<b>x</b>")
    rows.loc[3, "objectKey"] = None
    shown = objects(api, rows)._repr_mimebundle_()
    for part in ("CreateEnvironmentObject for 9 rows in class", "objectKey", "same name", "8 not sent", "1 invalid"):
        assert part in shown["text/plain"]
        assert part in shown["text/html"]
    assert "'odd'" in shown["text/plain"]
    assert "3: invalid: objectKey" in shown["text/plain"]
    assert "<b>x</b>" not in shown["text/html"]
    assert "&lt;b&gt;x&lt;/b&gt;" in shown["text/html"]


def test_no_rows_are_nothing_to_do(api: anb.Workbench) -> None:
    """An empty frame is shown, run and joined like any other."""
    work = objects(api, keyed(0)).run()
    assert (len(work), len(work.frame()), len(work.failures()), posts(api)) == (0, 0, 0, [])
    assert "There are no rows." in work._repr_mimebundle_()["text/plain"]


# --- what came of it --------------------------------------------------------------------------------------------------


def test_results_are_joined_to_the_rows(api: anb.Workbench) -> None:
    """Each row with its outcome, requestId, exchange and what is picked from its answer, by the same index."""
    rows = keyed(20).assign(team="data").set_index(pd.Index([f"row {n}" for n in range(20)]))
    work = objects(api, rows).run()
    frame = work.frame(pick={"newId": "$.id", "nothing": "$.nope"})
    assert list(frame.index) == list(rows.index)
    assert frame["team"].tolist() == ["data"] * 20
    assert set(frame["outcome"]) == {"done"}
    assert frame["nothing"].isna().all()
    by_key = {item["objectKey"]: item["id"] for item in api.pages("ListEnvironmentObjects").items()}
    assert frame["newId"].tolist() == [by_key[key] for key in frame["objectKey"]]
    exchange = api.history.get(frame["exchange"]["row 3"])
    assert exchange.call.body["objectKey"] == "KEY_3"
    assert exchange.request_id == frame["requestId"]["row 3"]
    assert exchange.group.kind == "bulk"
    assert exchange.group.row == 3


def test_what_the_rows_have_already_stays(api: anb.Workbench) -> None:
    """A column named like a result is not overwritten."""
    frame = api.pages("ListDeployments").frame()
    joined = api.bulk("GetDeployment", frame).run().frame()
    assert joined["status"].tolist() == frame["status"].tolist()
    assert joined["bulk.status"].tolist() == [200] * len(frame)


def test_failures_are_sent_again(api: anb.Workbench) -> None:
    """What a server refuses comes back as it was given, with a message, and is sent again as it is."""
    objects(api, [{"objectKey": "KEY_1"}]).run()
    rows = keyed(4).set_index(pd.Index([10, 11, 12, 13]))
    work = objects(api, rows).run()
    failed = work.failures()
    assert list(failed.index) == [11]
    assert list(failed.columns) == ["objectKey", "message"]
    assert "already exists" in failed["message"][11]
    key = next(item["id"] for item in api.pages("ListEnvironmentObjects").items() if item["objectKey"] == "KEY_1")
    api.call("DeleteEnvironmentObject", environmentObjectId=key)
    again = objects(api, failed)
    assert again.unused == ["message"]
    assert again.run().counts["done"] == 1
    assert made(api) == Counter({f"KEY_{n}": 1 for n in range(4)})


def test_an_answer_of_the_api_is_a_table(api: anb.Workbench) -> None:
    """An exchange or pages may be given as they are."""
    pages = api.pages("ListDeployments")
    assert api.bulk("GetDeployment", pages).run().counts["done"] == len(pages)


def test_a_finished_run_is_not_gone_on_with(api: anb.Workbench) -> None:
    """The same work has nothing more to do; the same rows given anew are a new run, and the server refuses them."""
    work = objects(api, keyed(3)).run()
    assert work.run().counts["done"] == 3
    assert posts(api) == [200] * 3
    again = objects(api, keyed(3))
    assert again.resumed == 0
    assert again.run().counts["failed"] == 3
    assert posts(api) == [200] * 3 + [409] * 3


# --- stopped, and gone on with ----------------------------------------------------------------------------------------


def interrupt_when(api: anb.Workbench, *counts: int) -> threading.Thread:
    """Press the stop button once the sandbox has seen so many requests more."""
    begun = sandbox_of(api).requests

    def press() -> None:
        for count in counts:
            time.sleep(0.1 * (count != counts[0]))  # the system makes one of two signals that come at once
            deadline = time.monotonic() + 20
            while sandbox_of(api).requests < begun + count and time.monotonic() < deadline:
                time.sleep(0.002)
            os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=press, daemon=True)
    thread.start()
    return thread


def test_a_first_interrupt_lets_what_is_under_way_end(api: anb.Workbench) -> None:
    """No more rows are begun, those under way end well, the results stay usable, and run() goes on."""
    work = objects(api, keyed(60))
    sandbox_of(api).faults.add("latency", operation="CreateEnvironmentObject", times=None, seconds=0.05)
    before = signal.getsignal(signal.SIGINT)
    thread = interrupt_when(api, 12)
    work.run(parallel=4)
    thread.join()
    counts = work.counts
    assert signal.getsignal(signal.SIGINT) is before
    assert 12 <= counts["done"] < 60
    assert counts["not sent"] == 60 - counts["done"]
    assert work.frame()["outcome"].value_counts()["done"] == counts["done"]
    assert "You stopped it" in work._repr_mimebundle_()["text/plain"]
    sandbox_of(api).faults.clear()
    assert work.run().counts["done"] == 60
    assert made(api) == Counter({f"KEY_{n}": 1 for n in range(60)})


@pytest.mark.usefixtures("at_once")
def test_a_second_interrupt_cancels_what_is_under_way(api: anb.Workbench) -> None:
    """What was under way is unknown; run() finds out what became of it, and each row is made once."""
    work = objects(api, keyed(30))
    sandbox_of(api).faults.add("latency", operation="CreateEnvironmentObject", times=None, seconds=0.4)
    thread = interrupt_when(api, 6, 7)
    work.run(parallel=4)
    thread.join()
    counts = work.counts
    assert work.stopped == 2
    assert counts["unknown"] > 0
    assert counts["done"] + counts["unknown"] + counts["not sent"] == 30
    assert work.unknown()["message"].str.contains("may have been carried out").all()
    sandbox_of(api).faults.clear()
    assert work.run().counts["done"] == 30
    assert made(api) == Counter({f"KEY_{n}": 1 for n in range(30)})


def test_in_the_background_cancel_is_the_stop_button(api: anb.Workbench) -> None:
    """Once, and no more rows are begun while those under way end well; twice, and they are cancelled."""
    sandbox_of(api).faults.add("latency", operation="CreateEnvironmentObject", times=None, seconds=0.3)
    first, second = objects(api, keyed(40)), objects(api, keyed(40, "SECOND"))
    running = api.in_background(first.run, parallel=4)
    until_seen(api, 6)
    running.cancel()
    counts = running.result(10).counts
    assert 0 < counts["done"] < 40
    assert counts["not sent"] == 40 - counts["done"]
    running = api.in_background(second.run, parallel=4)
    until_seen(api, 6)
    running.cancel()
    running.cancel()
    assert running.result(10).counts["unknown"] > 0
    sandbox_of(api).faults.clear()
    assert api.in_background(first.run).result(30).counts["done"] == 40
    assert made(api) >= Counter({f"KEY_{n}": 1 for n in range(40)})


def until_seen(api: anb.Workbench, more: int) -> None:
    """Wait until the sandbox has seen so many requests more."""
    wanted, deadline = sandbox_of(api).requests + more, time.monotonic() + 20
    while sandbox_of(api).requests < wanted and time.monotonic() < deadline:
        time.sleep(0.002)


def test_what_was_stopped_is_found_by_the_same_rows(api: anb.Workbench) -> None:
    """Another object of the same rows says that a run was begun, and goes on with it; resume=False begins anew."""
    work = objects(api, keyed(40))
    sandbox_of(api).faults.add("latency", operation="CreateEnvironmentObject", times=None, seconds=0.03)
    interrupt_when(api, 8).join(0)
    done = work.run(parallel=4).counts["done"]
    sandbox_of(api).faults.clear()
    again = objects(api, keyed(40))
    assert again.resumed == done
    assert "begun before and not finished" in again._repr_mimebundle_()["text/plain"]
    assert objects(api, keyed(39)).resumed == 0
    assert again.run().counts["done"] == 40
    assert made(api) == Counter({f"KEY_{n}": 1 for n in range(40)})
    assert again.run(resume=False).counts["failed"] == 40  # they are there already


def test_a_run_that_cannot_be_sent_is_not_begun(api: anb.Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret that is missing ends the run with its own words; no row is taken for begun."""
    monkeypatch.delenv("NOT_THERE", raising=False)
    work = objects(api, keyed(3), environmentVariable={"isSecret": True, "value": Secret("env:NOT_THERE")})
    with pytest.raises(SecretMissing):
        work.run()
    assert work.counts["not sent"] == 3
    monkeypatch.setenv("NOT_THERE", "here-now-99")
    assert work.run().counts["done"] == 3


# --- what may have happened -------------------------------------------------------------------------------------------


def lost(api: anb.Workbench, times: int = 1, done: bool = True) -> None:
    """Break the connection of creates, after the deed or before it."""
    sandbox_of(api).faults.add("reset", operation="CreateEnvironmentObject", times=times, done=done)


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("done", [True, False])
def test_a_create_whose_answer_was_lost_is_found_out(done: bool, api: anb.Workbench) -> None:
    """It is unknown, and no failure; run() looks into the list and sends it again only where it is not there."""
    lost(api, 2, done)
    work = objects(api, keyed(5)).run()
    assert work.counts == {"done": 3, "failed": 0, "unknown": 2, "invalid": 0, "not sent": 0}
    assert len(work.failures()) == 0
    assert list(work.unknown().columns) == ["objectKey", "message"]
    assert work.run().counts["done"] == 5
    assert made(api) == Counter({f"KEY_{n}": 1 for n in range(5)})
    frame = work.frame(pick={"newId": "$.id"})
    assert frame["newId"].notna().all()
    assert frame["newId"].nunique() == 5
    assert len(posts(api)) == (5 if done else 7)


@pytest.mark.usefixtures("at_once")
def test_what_is_alike_and_older_is_not_taken_for_it(api: anb.Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thing of the same name that was there before the run leaves the row unknown: it is neither done nor sent."""
    objects(api, [{"objectKey": "KEY_0"}]).run()
    monkeypatch.setattr(finding, "CLOCKS", -60.0)  # as if it had been made long ago
    lost(api, 1, done=False)
    work = objects(api, [{"objectKey": "KEY_0"}]).run().run()
    assert work.counts["unknown"] == 1
    assert "was there before" in work.unknown()["message"][0]
    assert posts(api) == [200, 0]


def test_a_server_is_given_its_time() -> None:
    """What has just ended, and what may have gone out just before the kernel died, is waited for; old rows are not."""
    now = time.time()
    assert 9 < finding._patience(Mark("unknown", now), 600) <= 10
    assert finding._patience(Mark("unknown", now - 11), 600) < 0
    assert finding._patience(Mark("begun", now - 300), 600) == 10
    assert finding._patience(Mark("begun", now - 3600), 600) == 0


@pytest.mark.usefixtures("at_once")
def test_two_that_are_alike_leave_it_unknown(api: anb.Workbench) -> None:
    """Where more than one listed thing could be it, nobody guesses."""
    spaces = [str(w["id"]) for w in api.pages("ListWorkspaces").items()][:2]
    for space in spaces:
        objects(api, [{"objectKey": "KEY_0"}], scopeEntityId=space).run()
    verdict = finding._verdict(
        api.spec.operation("ListEnvironmentObjects"),
        {"objectKey": "KEY_0"},
        api.pages("ListEnvironmentObjects").items(),
        set(),
        time.time(),
    )
    assert (verdict.state, verdict.note) == ("unknown", "ListEnvironmentObjects has 2 that are alike.")


@pytest.mark.usefixtures("at_once")
def test_what_another_row_has_made_is_not_taken_twice(api: anb.Workbench) -> None:
    """Of two equal rows one was done: the other's lost answer is not found in it."""
    operation = api.spec.operation("ListEnvironmentObjects")
    objects(api, [{"objectKey": "KEY_0"}]).run()
    items = [item for item in api.pages(operation.id).items() if item["objectKey"] == "KEY_0"]
    body = {"objectKey": "KEY_0"}
    assert finding._verdict(operation, body, items, set(), time.time()).state == "done"
    assert finding._verdict(operation, body, items, {items[0]["id"]}, time.time()).state == "again"


def test_what_no_list_tells_stays_unknown(api: anb.Workbench) -> None:
    """An act that is in no list is never sent again by itself."""
    key = api.call("ListDeployments", limit=1)["$.deployments[0].id"]
    sandbox_of(api).faults.add("reset", operation="CreateDeploy", done=True)
    sandbox_of(api).faults.add("reset", method="GET", times=None)
    work = api.bulk("CreateDeploy", [{"deploymentId": key, "type": "DAG_ONLY"}]).run()
    assert work.counts["unknown"] == 1
    assert work.run().counts["unknown"] == 1
    assert "could not be read" in work.unknown()["message"][0]
    assert len(posts(api)) == 1


def test_what_can_be_repeated_is_repeated(api: anb.Workbench) -> None:
    """A deletion whose answer was lost is sent again: it does no harm."""
    work = objects(api, keyed(4)).run()
    ids = work.frame(pick={"id": "$.id"})[["id"]]
    sandbox_of(api).faults.add("reset", method="DELETE", times=2, done=True)
    gone = api.bulk("DeleteEnvironmentObject", ids).run()
    assert gone.counts["done"] == 2
    gone.run()
    assert gone.counts["not sent"] == gone.counts["unknown"] == 0
    assert not made(api)


# --- production -------------------------------------------------------------------------------------------------------


@pytest.fixture
def live(api: anb.Workbench, monkeypatch: pytest.MonkeyPatch) -> anb.Workbench:
    """The workbench in an environment that asks first, with nobody there to answer."""
    here = api.environment
    guarded = Environment("live", base_url=here.base_url, credentials=here.credentials, production=True, limits=FAST)
    switch(api, guarded)

    def nobody(prompt: str = "") -> str:
        raise EOFError

    monkeypatch.setattr(builtins, "input", nobody)
    return api


def test_nobody_there_is_a_refusal(live: anb.Workbench) -> None:
    """One refusal that shows the first rows, and nothing is sent nor begun."""
    work = objects(live, keyed(45))
    with pytest.raises(UnsafeRefused, match="CreateEnvironmentObject, 45 times, in live") as caught:
        work.run()
    change = caught.value.data["change"]
    assert change.name == "45 CreateEnvironmentObject"
    assert "KEY_0" in change.text()
    assert "KEY_0" in change.html()
    assert posts(live) == []
    assert objects(live, keyed(45)).resumed == 0


def test_one_question_for_all_of_them(live: anb.Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The number and the operation are typed once; another number is refused."""
    prompts: list[str] = []
    answers = ["44 CreateEnvironmentObject", "45 CreateEnvironmentObject"]

    def answer(prompt: str = "") -> str:
        prompts.append(prompt)
        return answers[len(prompts) - 1]

    monkeypatch.setattr(builtins, "input", answer)
    work = objects(live, keyed(45))
    with pytest.raises(UnsafeRefused, match="not its count and operation"):
        work.run()
    assert posts(live) == []
    assert work.run().counts["done"] == 45
    assert len(prompts) == 2
    assert "“45 CreateEnvironmentObject”" in prompts[1]


def test_a_leave_is_given_in_advance(live: anb.Workbench) -> None:
    """`confirmed` with the words, or `allow_unsafe`; what is safe needs none; afterwards nothing is left of it."""
    frame = live.pages("ListDeployments").frame()
    assert live.bulk("GetDeployment", frame).run().counts["done"] == len(frame)
    with live.confirmed("3 CreateEnvironmentObject"):
        assert objects(live, keyed(3)).run().counts["done"] == 3
    with live.allow_unsafe():
        assert objects(live, keyed(2, "MORE")).run().counts["done"] == 2
    with pytest.raises(UnsafeRefused):
        live.call("CreateWorkspace", name="x")


def test_a_deletion_names_what_would_go(live: anb.Workbench) -> None:
    """Of a bulk deletion the first things are told by name."""
    frame = live.pages("ListDeployments").frame()
    with pytest.raises(UnsafeRefused) as caught:
        live.bulk("DeleteDeployment", frame).run()
    told = caught.value.data["change"].text()
    assert f"DeleteDeployment, {len(frame)} times, in live" in told
    assert all(name in told for name in frame["name"][:5])
    assert len(live.pages("ListDeployments").frame()) == len(frame)


# --- secrets ----------------------------------------------------------------------------------------------------------


def connections(api: anb.Workbench, count: int) -> Bulk:
    rows = pd.DataFrame(
        {
            "objectKey": [f"KEY_{n}" for n in range(count)],
            "password": [f"{PLANTED}{n}" for n in range(count)],
            "old.clientSecret": [f"{PLANTED}unused-{n}" for n in range(count)],
        }
    )
    return api.bulk(
        "CreateEnvironmentObject", rows, columns={"connection.password": "password"}, objectType="CONNECTION",
        scope="WORKSPACE", scopeEntityId=home(api), connection={"type": "postgres", "host": "h"},
    )  # fmt: skip


def test_no_secret_of_a_cell_is_seen(api: anb.Workbench, tmp_path: Path) -> None:
    """Not in what is shown, not in a preview, a result or a failure, and not in the files of the history."""
    work = connections(api, 6)
    lost(api)
    shown = [repr(work), *work._repr_mimebundle_().values(), work.preview().to_csv()]
    work.run()
    tables = [
        work.frame(pick={"all": "$"}),
        work.failures(),
        work.unknown(),
        api.history.frame(),
        api.variables.frame(),
    ]
    shown += [repr(work), *work._repr_mimebundle_().values(), *(table.to_csv() for table in tables)]
    assert not [text for text in shown if PLANTED in text]
    assert work.frame()["password"].tolist() == ["*****"] * 6
    assert all(isinstance(value, Secret) for value in work.unknown()["password"])
    api.close()
    files = [path for path in (tmp_path / "history").iterdir() if path.is_file()]
    assert files
    assert not [path for path in files if PLANTED.encode() in path.read_bytes()]


def test_secrets_arrive_and_are_named_by_row(api: anb.Workbench) -> None:
    """Each password reaches the server as it is; its variable is named after its field and its row."""
    work = connections(api, 3).run()
    assert work.counts["done"] == 3
    names = [api.history.get(key).call.body["connection"]["password"] for key in work.frame()["exchange"]]
    assert names == ["{{password_1}}", "{{password_2}}", "{{password_3}}"]
    assert [api.variables[f"password_{n}"].reveal() for n in (1, 2, 3)] == [f"{PLANTED}{n}" for n in range(3)]


def test_the_same_secret_is_one_variable(api: anb.Workbench) -> None:
    """Rows that share a password share its variable, and so do the same rows given again."""
    rows = keyed(4).assign(password=f"{PLANTED}same")
    arguments = {"objectType": "CONNECTION", "connection": {"type": "t"}}
    for _ in range(2):
        objects_of = api.bulk(
            "CreateEnvironmentObject", rows, columns={"connection.password": "password"}, scope="WORKSPACE",
            scopeEntityId="w", **arguments,
        )  # fmt: skip
        assert objects_of.counts["not sent"] == 4
    assert [name for name in api.variables if name.startswith("password")] == ["password_1"]


def test_a_secret_with_braces_is_sent_as_it_is(api: anb.Workbench) -> None:
    """A password that looks like a template is a password: neither resolved nor kept in the clear."""
    word = "pass{{organizationId}}word"
    rows = [{"objectKey": "KEY_0", "connection.password": word}]
    work = objects(api, rows, connection={"type": "t"}).run()
    assert work.counts["done"] == 1
    call = api.history.get(work.frame()["exchange"][0]).call
    assert call.body["connection"]["password"] == "{{password_1}}"
    assert api.session.prepare(call).secrets >= {word}


def test_failures_with_secrets_are_sent_again(api: anb.Workbench) -> None:
    """A secret is not to be seen in a table of failures, and is sent from it all the same."""
    connections(api, 1).run()
    failed = connections(api, 2).run().failures()
    assert isinstance(failed["password"][0], Secret)
    failed["objectKey"] = "OTHER"
    again = api.bulk(
        "CreateEnvironmentObject", failed, columns={"connection.password": "password"}, objectType="CONNECTION",
        scope="WORKSPACE", scopeEntityId=home(api), connection={"type": "postgres", "host": "h"},
    )  # fmt: skip
    assert again.run().counts["done"] == 1
    assert api.variables["password_1"].reveal() == f"{PLANTED}0"


def test_a_secret_decides_nothing_about_which_run_it_is(api: anb.Workbench) -> None:
    """What a run is known by does not change with a password: no trace of it is stored."""
    one, other = connections(api, 3), connections(api, 3)
    other._given.frame["password"] = "another"
    changed = api.bulk(
        "CreateEnvironmentObject", other._given.frame, columns={"connection.password": "password"},
        objectType="CONNECTION", scope="WORKSPACE", scopeEntityId=home(api),
        connection={"type": "postgres", "host": "h"},
    )  # fmt: skip
    assert one.fingerprint == changed.fingerprint
    assert one.fingerprint != connections(api, 4).fingerprint


def test_many_secrets_stay_quick(api: anb.Workbench) -> None:
    """500 rows with a password each are looked at within seconds."""
    begun = time.monotonic()
    work = connections(api, 500)
    assert work.counts["not sent"] == 500
    work.preview()
    assert time.monotonic() - begun < 6  # it takes less than a second


# --- runbooks ---------------------------------------------------------------------------------------------------------


def test_a_bulk_is_one_step_of_a_runbook(api: anb.Workbench) -> None:
    """Its rows and what is the same in all of them; secrets by name; it does the same again, elsewhere."""
    api.variables["home"] = api.call("CreateWorkspace", name="of-the-bulk")["$.id"]
    rows = keyed(250).assign(value=[f"{{{{v{n}}}}}" for n in range(250)])
    objects(api, rows, columns={"environmentVariable.value": "value"}, scopeEntityId="{{home}}").run()
    connections(api, 2).run()
    api.runbook.drop(2)  # the list that `home` asked for
    sources = api.runbook.source()
    source = "\n".join(sources)
    assert [step.kind for step in api.runbook.steps][:2] == ["call", "bulk"]
    assert 'scopeEntityId=create_workspace["$.id"]' in source
    assert '{"environmentVariable.value": "{{v249}}", "objectKey": "KEY_249"}' in source
    assert '"connection.password": api.variables["password_1"]' in source
    assert PLANTED not in source


def test_a_runbook_of_a_bulk_runs_again(api: anb.Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Headless, against a fresh sandbox: as many rows are done, or more; what failed then may go well now."""
    api.variables["home"] = api.call("CreateWorkspace", name="of-the-bulk")["$.id"]
    sandbox_of(api).faults.add("status", operation="CreateEnvironmentObject", code=400)
    objects(api, keyed(12), scopeEntityId="{{home}}").run()
    rows = [source for source in api.runbook.source() if "api.bulk(" in source]
    with anb.Sandbox(limits=False, speed=0) as other:
        here = Environment(
            "class", base_url=other.url, credentials={"token": Secret.in_memory(other.token())}, limits=FAST
        )
        fresh = anb.connect(here, history=None)
        try:
            space = {"create_workspace": fresh.call("CreateWorkspace", name="x"), "api": fresh}
            assert 'counts["done"] >= 11' in rows[0]
            for source in rows:
                exec(source, space)  # noqa: S102  # the cell of a runbook
            assert made(fresh) == Counter({f"KEY_{n}": 1 for n in range(12)})
        finally:
            fresh.close()


def test_a_moment_is_written_as_it_is_sent() -> None:
    """Moments of Python and of pandas become the same text."""
    from astro_nb.bulk.rows import plain_value

    moment = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
    assert plain_value(pd.Timestamp(moment)) == plain_value(moment) == "2026-01-02T03:04:00+00:00"
    assert plain_value(np.datetime64("2026-01-02")) == "2026-01-02"
    assert plain_value(np.array([1, 2])) == [1, 2]
    assert type(plain_value(np.int64(1))) is int


# --- at the pace that the server allows -------------------------------------------------------------------------------


def test_the_limits_are_met_and_nothing_is_lost() -> None:
    """200 GETs and 80 POSTs at once, at the document's limits: 95 % of the rate, under 1 % refused, each once."""
    with anb.Sandbox() as sandbox:
        paced = anb.connect(base_url=sandbox.url, token=Secret.in_memory(sandbox.token(), "TOKEN"), history=None)
        known = paced.call("CreateWorkspace", name="known")["$.id"]
        reads = paced.bulk("GetWorkspace", [{"workspaceId": known}] * 200)
        writes = paced.bulk("CreateWorkspace", [{"name": f"made {number}"} for number in range(80)])
        seen, began = sandbox.requests, time.monotonic()
        for running in [paced.in_background(reads.run), paced.in_background(writes.run)]:
            running.result(60)
        spent, asked = time.monotonic() - began, sandbox.requests - seen
        names = Counter(item["name"] for item in paced.pages("ListWorkspaces"))
        paced.close()
    assert (reads.counts["done"], writes.counts["done"]) == (200, 80)
    assert all(names[f"made {number}"] == 1 for number in range(80))
    assert asked - 280 <= 2
    assert spent <= 8 / 0.95


# --- another place meanwhile ------------------------------------------------------------------------------------------


def test_rows_go_to_no_other_server(api: anb.Workbench) -> None:
    """Whoever changes the environment while rows are sent ends the run: what is under way ends, and no row strays."""
    here, work = api.environment, objects(api, keyed(40))
    sandbox_of(api).faults.add("latency", operation="CreateEnvironmentObject", times=None, seconds=0.3)
    with anb.Sandbox(api.spec, seed=2) as other:
        there = Environment(
            "there", base_url=other.url, credentials={"token": Secret.in_memory(other.token(), "OTHER")}
        )
        running = api.in_background(work.run, parallel=4)
        until_seen(api, 6)
        switch(api, there)
        with pytest.raises(SettingsError, match=r"changed to 'there' .* began in 'class'"):
            running.result(10)
        assert other.requests == 0
    switch(api, here)
    assert 0 < work.counts["done"] < 40
    assert work.counts["done"] + work.counts["not sent"] == 40
    assert work.run().counts["done"] == 40
    assert made(api) == Counter({f"KEY_{n}": 1 for n in range(40)})
