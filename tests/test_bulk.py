"""A table becomes many requests: mapped, previewed, sent, interrupted, continued, and joined with the results."""

from __future__ import annotations

import builtins
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import astro_nb as anb
from astro_nb.bulk import Bulk, sending
from astro_nb.environments import Environment
from astro_nb.errors import MissingArgument, SecretMissing, SettingsError, UnknownName, UnsafeRefused, UsageError
from astro_nb.history import Mark
from astro_nb.http import Retries
from astro_nb.secrets import Secret

FAST = {"GET": 5000, "POST": 5000, "DELETE": 5000}
PLANTED = "planted-secret-"


@pytest.fixture
def api(tmp_path: Path) -> Iterator[anb.Workbench]:
    """Return a workbench without retries, on a fresh sandbox without limits, with its history in a file."""
    workbench = anb.connect(history=tmp_path / "history", retries=Retries(attempts=1))
    sandbox_of(workbench).limits, sandbox_of(workbench).speed = False, 0
    here = workbench.environment
    switch(workbench, Environment("class", base_url=here.base_url, credentials=here.credentials, limits=FAST))
    yield workbench
    workbench.close()


@pytest.fixture
def short_settle_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Assume that the server has carried out a request after a tenth of a second."""
    monkeypatch.setattr(sending, "SETTLE_TIME", 0.1)


def switch(api: anb.Workbench, environment: Environment) -> None:
    api.session.switch(environment)


def sandbox_of(api: anb.Workbench) -> anb.Sandbox:
    assert isinstance(api.sandbox, anb.Sandbox)
    return api.sandbox


def workspace_id(api: anb.Workbench) -> str:
    return str(api.call("ListWorkspaces", limit=1)["$.workspaces[0].id"])


def create_objects(api: anb.Workbench, rows: Any, /, **more: Any) -> Bulk:
    """Return a bulk that creates environment objects, one for each row."""
    kind = {"objectType": "CONNECTION"} if "connection" in more else {"objectType": "ENVIRONMENT_VARIABLE"}
    content = {} if "connection" in more else {"environmentVariable": {"isSecret": False}}
    same = {"scope": "WORKSPACE", "scopeEntityId": workspace_id(api)}
    return api.bulk("CreateEnvironmentObject", rows, **{**kind, **content, **same, **more})


def key_table(count: int, stem: str = "KEY") -> pd.DataFrame:
    return pd.DataFrame({"objectKey": [f"{stem}_{n}" for n in range(count)]})


def count_keys(api: anb.Workbench, stem: str = "KEY") -> Counter[str]:
    """Return how often each key exists on the server."""
    keys = (str(item["objectKey"]) for item in api.pages("ListEnvironmentObjects").items())
    return Counter(key for key in keys if key.startswith(stem))


def columns_by_field(work: Bulk) -> dict[str, str]:
    return {m.target.name: m.column for m in work.plan.mapping}


def post_statuses(api: anb.Workbench) -> list[int]:
    return [seen.status for seen in sandbox_of(api).log if seen.method == "POST"]


# --- mapping ----------------------------------------------------------------------------------------------------------


def test_columns_are_proposed_by_their_names(api: anb.Workbench) -> None:
    """The same name, a path into the body, and the same name in another spelling; each with its reason."""
    rows = pd.DataFrame({"object_key": ["A"], "environmentVariable.value": ["v"], "Auto Link Deployments": [True]})
    work = create_objects(api, rows)
    assert columns_by_field(work) == {
        "objectKey": "object_key",
        "environmentVariable.value": "environmentVariable.value",
        "autoLinkDeployments": "Auto Link Deployments",
    }
    reasons = {m.target.name: m.reason for m in work.plan.mapping}
    assert reasons["objectKey"] == "the same name, spelled differently"
    assert reasons["environmentVariable.value"] == "the same name"


def test_the_id_of_a_list_is_proposed_for_the_path_parameter(api: anb.Workbench) -> None:
    """The id of a listed Deployment goes to deploymentId, unless there is a column of that name."""
    frame = api.pages("ListDeployments").frame()
    work = api.bulk("DeleteDeployment", frame)
    assert columns_by_field(work)["deploymentId"] == "id"
    assert "as ListDeployments lists it" in work.plan.mapping[-1].reason
    assert set(work.plan.unused) >= {"createdBy.id", "name"}
    assert [f"/{key}" in url for key, url in zip(frame["id"], work.preview()["url"], strict=True)] == [True] * len(
        frame
    )
    assert (
        columns_by_field(api.bulk("DeleteDeployment", frame.assign(deploymentId=frame["id"])))["deploymentId"]
        == "deploymentId"
    )


@pytest.mark.parametrize("operation", ["CreateDeployment", "ListDeployments"])
def test_an_id_is_not_proposed_for_a_collection(operation: str, api: anb.Workbench) -> None:
    """The id of a resource does not go to the organizationId of a create or a list."""
    with pytest.raises(UsageError, match="'id'; nothing of the rows would be sent"):
        api.bulk(operation, [{"id": "x"}])
    assert api.bulk(operation, [{"id": "x"}], columns={"organizationId": "id"}).plan.unused == []


def test_a_given_mapping_wins_over_a_proposed_one(api: anb.Workbench) -> None:
    """A column goes only where the caller says, and a constant wins over a proposed column."""
    rows = [{"objectKey": "A", "key": "B", "scope": "DEPLOYMENT", "worth": "v"}]
    work = create_objects(api, rows, columns={"objectKey": "key", "environmentVariable.value": "worth"})
    assert columns_by_field(work) == {"objectKey": "key", "environmentVariable.value": "worth"}
    assert work.plan.unused == ["objectKey", "scope"]
    assert '"scope":"WORKSPACE"' in work.preview()["body"][0]


@pytest.mark.parametrize(
    ("columns", "constants", "error", "words"),
    [
        ({"objectKey": "nope"}, {}, UnknownName, "no column named 'nope'"),
        ({"objectKy": "a"}, {}, UnknownName, "objectKey"),
        ({"environmentVariable.worth": "a"}, {}, UnknownName, "environmentVariable.worth"),
        ({"objectKey": "a"}, {"objectKey": "x"}, UsageError, "objectKey would get two values"),
        ({"connection": "a", "connection.host": "b"}, {}, UsageError, "would get two values"),
        ({}, {"nope": 1}, UnknownName, "no parameter or field of CreateEnvironmentObject named 'nope'"),
    ],
)
def test_a_wrong_mapping_raises(
    columns: Any, constants: Any, error: type[Exception], words: str, api: anb.Workbench
) -> None:
    """An unknown name, and a field with two values, raise before anything is sent."""
    with pytest.raises(error, match=words):
        api.bulk("CreateEnvironmentObject", [{"a": 1, "b": 2}], columns=columns, **constants)


@pytest.mark.parametrize("rows", [7, "text", [1, 2], {"a": 1}, [{"a": 1}, "b"]])
def test_rows_that_are_not_a_table_raise(rows: Any, api: anb.Workbench) -> None:
    """Rows are a DataFrame, a list of mappings, or a response."""
    with pytest.raises(UsageError, match="These rows are not a table"):
        api.bulk("CreateWorkspace", rows)


def test_two_columns_with_one_name_raise(api: anb.Workbench) -> None:
    """It would be unclear which of them is meant."""
    with pytest.raises(UsageError, match="Two columns are named 'name'"):
        api.bulk("CreateWorkspace", pd.DataFrame([["a", "b"]], columns=["name", "name"]))


def test_cells_are_plain_python(api: anb.Workbench) -> None:
    """NumPy numbers, dates and lists are sent as JSON; an empty cell of any kind is left out."""
    moment = pd.Timestamp("2026-01-02T03:04:05Z")
    rows = pd.DataFrame(
        {
            "objectKey": pd.Categorical(["A", "B", "C"]),
            "connection.port": [5432, None, np.nan],  # pandas converts these to floats
            "connection.login": [moment, pd.NaT, moment],
            "autoLinkDeployments": pd.array([True, pd.NA, False], dtype="boolean"),
            "links": [[{"scope": "DEPLOYMENT", "scopeEntityId": np.str_("x")}], None, []],
            "connection.extra": [None, {"n": np.int64(3), "deep": [np.float64(0.5)]}, None],
        }
    )
    work = create_objects(api, rows, connection={"type": "t"})
    parsed = [pd.io.json.ujson_loads(body) for body in work.preview()["body"]]
    assert parsed[0]["connection"] == {"type": "t", "port": 5432, "login": "2026-01-02T03:04:05Z"}
    assert [p.get("autoLinkDeployments") for p in parsed] == [True, None, False]
    assert parsed[0]["links"] == [{"scope": "DEPLOYMENT", "scopeEntityId": "x"}]
    assert "links" not in parsed[1]
    assert "port" not in parsed[1]["connection"]
    assert set(parsed[1]["connection"]["extra"]) == {"n", "deep"}


def test_a_cell_is_never_resolved(api: anb.Workbench) -> None:
    """Braces in a cell are sent as they are; in a constant they name a variable."""
    api.variables["secret"] = Secret.in_memory("never-to-be-sent")
    api.variables["note"] = "resolved"
    rows = [{"objectKey": "A", "environmentVariable.value": "{{secret}} {{nope}}"}]
    work = create_objects(api, rows, description="{{note}}").run()
    assert work.counts["done"] == 1
    found = next(item for item in api.pages("ListEnvironmentObjects").items() if item["objectKey"] == "A")
    assert found["environmentVariable"]["value"] == "{{secret}} {{nope}}"
    assert found["description"] == "resolved"


# --- preview ----------------------------------------------------------------------------------------------------------


def test_a_preview_has_requests_and_problems(api: anb.Workbench) -> None:
    """The preview has the index of the rows, and the problems of each; nothing is sent."""
    rows = pd.DataFrame({"objectKey": ["A", None, "C"], "connection.port": [1, 2, "x"]}, index=["one", "two", "three"])
    work = create_objects(api, rows, connection={"type": "t"})
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
    """A row with a missing variable is invalid, and checked again later."""
    work = create_objects(api, key_table(2), scopeEntityId="{{elsewhere}}")
    assert "no variable named 'elsewhere'" in work.preview()["problems"][0]
    assert work.counts["invalid"] == 2
    api.variables["elsewhere"] = workspace_id(api)
    assert work.counts["not sent"] == 2
    assert work.run().counts["done"] == 2


def test_a_parameter_that_is_missing_is_a_problem_of_its_row(api: anb.Workbench) -> None:
    """A cell without an id makes its row invalid, and no other."""
    work = api.bulk("GetDeployment", [{"deploymentId": "a"}, {"deploymentId": None}])
    assert list(work.preview()["valid"]) == [True, False]
    assert "needs deploymentId" in work.preview()["problems"][1]
    with pytest.raises(MissingArgument):
        api.call("GetDeployment")


def test_invalid_rows_are_sent_only_on_request(api: anb.Workbench) -> None:
    """An invalid row is not sent, unless send_invalid is set."""
    rows = [{"objectKey": "KEY_0"}, {"description": "no key"}]
    work = create_objects(api, rows).run()
    assert work.counts == {"done": 1, "failed": 0, "unknown": 0, "invalid": 1, "not sent": 0}
    assert post_statuses(api) == [200]
    work.run(send_invalid=True)
    assert work.counts == {"done": 1, "failed": 1, "unknown": 0, "invalid": 0, "not sent": 0}
    assert work.frame()["status"].tolist() == [200, 400]


def test_it_displays_the_plan(api: anb.Workbench) -> None:
    """Operation, mapping with reasons, counts, unused columns and the first rows: as text and as static HTML."""
    rows = key_table(9).assign(odd="<script>alert(1)</script>", description="<b>x</b>")
    rows.loc[3, "objectKey"] = None
    shown = create_objects(api, rows)._repr_mimebundle_()
    for part in ("CreateEnvironmentObject for 9 rows in class", "objectKey", "same name", "8 not sent", "1 invalid"):
        assert part in shown["text/plain"]
        assert part in shown["text/html"]
    assert "'odd'" in shown["text/plain"]
    assert "3: invalid: objectKey" in shown["text/plain"]
    assert "<b>x</b>" not in shown["text/html"]
    assert "&lt;b&gt;x&lt;/b&gt;" in shown["text/html"]


def test_an_empty_table(api: anb.Workbench) -> None:
    """An empty table can be displayed, run and joined."""
    work = create_objects(api, key_table(0)).run()
    assert (len(work), len(work.frame()), len(work.failures()), post_statuses(api)) == (0, 0, 0, [])
    assert "There are no rows." in work._repr_mimebundle_()["text/plain"]


# --- results ----------------------------------------------------------------------------------------------------------


def test_results_are_joined_to_the_rows(api: anb.Workbench) -> None:
    """Each row has its outcome, requestId, exchange and the picked values of its response, by the same index."""
    rows = key_table(20).assign(team="data").set_index(pd.Index([f"row {n}" for n in range(20)]))
    work = create_objects(api, rows).run()
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


def test_a_column_named_like_a_result_is_kept(api: anb.Workbench) -> None:
    """The result goes to a column with the prefix `bulk.`."""
    frame = api.pages("ListDeployments").frame()
    joined = api.bulk("GetDeployment", frame).run().frame()
    assert joined["status"].tolist() == frame["status"].tolist()
    assert joined["bulk.status"].tolist() == [200] * len(frame)


def test_failures_are_sent_again(api: anb.Workbench) -> None:
    """Failed rows are returned as they were given, with a message, and can be sent again."""
    create_objects(api, [{"objectKey": "KEY_1"}]).run()
    rows = key_table(4).set_index(pd.Index([10, 11, 12, 13]))
    work = create_objects(api, rows).run()
    failed = work.failures()
    assert list(failed.index) == [11]
    assert list(failed.columns) == ["objectKey", "message"]
    assert "already exists" in failed["message"][11]
    key = next(item["id"] for item in api.pages("ListEnvironmentObjects").items() if item["objectKey"] == "KEY_1")
    api.call("DeleteEnvironmentObject", environmentObjectId=key)
    again = create_objects(api, failed)
    assert again.plan.unused == ["message"]
    assert again.run().counts["done"] == 1
    assert count_keys(api) == Counter({f"KEY_{n}": 1 for n in range(4)})


def test_pages_are_a_table(api: anb.Workbench) -> None:
    """Pages can be passed as rows."""
    pages = api.pages("ListDeployments")
    assert api.bulk("GetDeployment", pages).run().counts["done"] == len(pages)


def test_a_finished_run_is_not_continued(api: anb.Workbench) -> None:
    """A finished bulk sends nothing more; the same rows again are a new run, which the server rejects."""
    work = create_objects(api, key_table(3)).run()
    assert work.run().counts["done"] == 3
    assert post_statuses(api) == [200] * 3
    again = create_objects(api, key_table(3))
    assert again.resumed == 0
    assert again.run().counts["failed"] == 3
    assert post_statuses(api) == [200] * 3 + [409] * 3


# --- interrupt and resume ---------------------------------------------------------------------------------------------


def interrupt_when(api: anb.Workbench, count: int, times: int = 1) -> threading.Thread:
    """Interrupt the run after so many more requests to the sandbox; never the test itself, if the run has ended."""
    begun, outside = sandbox_of(api).requests, signal.getsignal(signal.SIGINT)

    def interrupt() -> None:
        deadline = time.monotonic() + 20
        while sandbox_of(api).requests < begun + count and time.monotonic() < deadline:
            time.sleep(0.002)
        for number in range(times):
            time.sleep(0.1 * number)  # two signals at once would arrive as one
            if signal.getsignal(signal.SIGINT) is not outside:
                os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt, daemon=True)
    thread.start()
    return thread


def test_the_first_interrupt_lets_active_requests_end(api: anb.Workbench) -> None:
    """No more rows are started, active ones end, the results are usable, and run() continues."""
    work = create_objects(api, key_table(60))
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
    assert "You interrupted the run" in work._repr_mimebundle_()["text/plain"]
    sandbox_of(api).faults.clear()
    assert work.run().counts["done"] == 60
    assert count_keys(api) == Counter({f"KEY_{n}": 1 for n in range(60)})


@pytest.mark.usefixtures("short_settle_time")
def test_the_second_interrupt_cancels_active_requests(api: anb.Workbench) -> None:
    """Cancelled requests are unknown; run() reconciles them, and each resource is created once."""
    work = create_objects(api, key_table(30))
    sandbox_of(api).faults.add("latency", operation="CreateEnvironmentObject", times=None, seconds=3.0)
    thread = interrupt_when(api, 3, times=2)
    work.run(parallel=4)
    thread.join()
    counts = work.counts
    assert work.interrupts == 2
    assert counts["unknown"] > 0
    assert counts["done"] + counts["unknown"] + counts["not sent"] == 30
    assert work.unknown()["message"].str.contains("may have been carried out").all()
    sandbox_of(api).faults.clear()
    assert work.run().counts["done"] == 30
    assert count_keys(api) == Counter({f"KEY_{n}": 1 for n in range(30)})


def test_cancel_in_the_background_is_an_interrupt(api: anb.Workbench) -> None:
    """The first cancel() starts no more rows, the second one cancels the active ones."""
    sandbox_of(api).faults.add("latency", operation="CreateEnvironmentObject", times=None, seconds=0.3)
    first, second = create_objects(api, key_table(40)), create_objects(api, key_table(40, "SECOND"))
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
    assert count_keys(api) >= Counter({f"KEY_{n}": 1 for n in range(40)})


def until_seen(api: anb.Workbench, more: int) -> None:
    """Wait for so many more requests to the sandbox."""
    wanted, deadline = sandbox_of(api).requests + more, time.monotonic() + 20
    while sandbox_of(api).requests < wanted and time.monotonic() < deadline:
        time.sleep(0.002)


def test_an_unfinished_run_is_found_by_its_rows(api: anb.Workbench) -> None:
    """Another bulk of the same rows continues an unfinished run; resume=False sends all rows."""
    work = create_objects(api, key_table(40))
    sandbox_of(api).faults.add("latency", operation="CreateEnvironmentObject", times=None, seconds=0.03)
    interrupt_when(api, 8).join(0)
    done = work.run(parallel=4).counts["done"]
    sandbox_of(api).faults.clear()
    again = create_objects(api, key_table(40))
    assert again.resumed == done
    assert "was not finished; it started" in again._repr_mimebundle_()["text/plain"]
    assert create_objects(api, key_table(39)).resumed == 0
    assert again.run().counts["done"] == 40
    assert count_keys(api) == Counter({f"KEY_{n}": 1 for n in range(40)})
    assert again.run(resume=False).counts["failed"] == 40  # they exist already


def test_a_missing_secret_ends_the_run(api: anb.Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing secret raises its own error; no row counts as started."""
    monkeypatch.delenv("NOT_THERE", raising=False)
    work = create_objects(api, key_table(3), environmentVariable={"isSecret": True, "value": Secret("env:NOT_THERE")})
    with pytest.raises(SecretMissing):
        work.run()
    assert work.counts["not sent"] == 3
    monkeypatch.setenv("NOT_THERE", "here-now-99")
    assert work.run().counts["done"] == 3


# --- lost responses ---------------------------------------------------------------------------------------------------


def break_connections(api: anb.Workbench, times: int = 1, done: bool = True) -> None:
    """Break the connection of creates, after they were carried out or before."""
    sandbox_of(api).faults.add("reset", operation="CreateEnvironmentObject", times=times, done=done)


@pytest.mark.usefixtures("short_settle_time")
@pytest.mark.parametrize("done", [True, False])
def test_a_create_whose_response_was_lost_is_reconciled(done: bool, api: anb.Workbench) -> None:
    """It is unknown, not failed; run() reads the list and sends it again only if it is not in it."""
    break_connections(api, 2, done)
    work = create_objects(api, key_table(5)).run()
    assert work.counts == {"done": 3, "failed": 0, "unknown": 2, "invalid": 0, "not sent": 0}
    assert len(work.failures()) == 0
    assert list(work.unknown().columns) == ["objectKey", "message"]
    assert work.run().counts["done"] == 5
    assert count_keys(api) == Counter({f"KEY_{n}": 1 for n in range(5)})
    frame = work.frame(pick={"newId": "$.id"})
    assert frame["newId"].notna().all()
    assert frame["newId"].nunique() == 5
    assert len(post_statuses(api)) == (5 if done else 7)


@pytest.mark.usefixtures("short_settle_time")
def test_an_older_match_leaves_the_row_unknown(api: anb.Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    """If a resource of the same name is older than the run, the row is neither done nor sent again."""
    create_objects(api, [{"objectKey": "KEY_0"}]).run()
    monkeypatch.setattr(sending, "MAX_CLOCK_SKEW", -60.0)  # as if it had been created long ago
    break_connections(api, 1, done=False)
    work = create_objects(api, [{"objectKey": "KEY_0"}]).run().run()
    assert work.counts["unknown"] == 1
    assert "is older than this run" in work.unknown()["message"][0]
    assert post_statuses(api) == [200, 0]


def test_the_settle_delay() -> None:
    """There is a delay for rows that have just ended or may just have been sent, not for old ones."""
    now = time.time()
    assert 9 < sending._settle_delay(Mark("unknown", now), 600) <= 10
    assert sending._settle_delay(Mark("unknown", now - 11), 600) < 0
    assert sending._settle_delay(Mark("begun", now - 300), 600) == 10
    assert sending._settle_delay(Mark("begun", now - 3600), 600) == 0


@pytest.mark.usefixtures("short_settle_time")
def test_two_matches_leave_the_row_unknown(api: anb.Workbench) -> None:
    """If more than one listed resource matches, nothing is guessed."""
    spaces = [str(w["id"]) for w in api.pages("ListWorkspaces").items()][:2]
    for space in spaces:
        create_objects(api, [{"objectKey": "KEY_0"}], scopeEntityId=space).run()
    resolution = sending._resolve(
        api.spec.operation("ListEnvironmentObjects"),
        {"objectKey": "KEY_0"},
        api.pages("ListEnvironmentObjects").items(),
        set(),
        time.time(),
    )
    assert (resolution.state, resolution.note) == ("unknown", "ListEnvironmentObjects lists 2 resources that match.")


@pytest.mark.usefixtures("short_settle_time")
def test_a_resource_of_another_row_does_not_match(api: anb.Workbench) -> None:
    """Of two equal rows one is done: the other one does not match its resource."""
    operation = api.spec.operation("ListEnvironmentObjects")
    create_objects(api, [{"objectKey": "KEY_0"}]).run()
    items = [item for item in api.pages(operation.id).items() if item["objectKey"] == "KEY_0"]
    body = {"objectKey": "KEY_0"}
    assert sending._resolve(operation, body, items, set(), time.time()).state == "done"
    assert sending._resolve(operation, body, items, {items[0]["id"]}, time.time()).state == "not done"


def test_a_row_without_a_readable_list_stays_unknown(api: anb.Workbench) -> None:
    """If the list cannot be read, the row is not sent again."""
    key = api.call("ListDeployments", limit=1)["$.deployments[0].id"]
    sandbox_of(api).faults.add("reset", operation="CreateDeploy", done=True)
    sandbox_of(api).faults.add("reset", method="GET", times=None)
    work = api.bulk("CreateDeploy", [{"deploymentId": key, "type": "DAG_ONLY"}]).run()
    assert work.counts["unknown"] == 1
    assert work.run().counts["unknown"] == 1
    assert "could not be read" in work.unknown()["message"][0]
    assert len(post_statuses(api)) == 1


def test_an_idempotent_request_is_sent_again(api: anb.Workbench) -> None:
    """A deletion whose response was lost is sent again: it is idempotent."""
    work = create_objects(api, key_table(4)).run()
    ids = work.frame(pick={"id": "$.id"})[["id"]]
    sandbox_of(api).faults.add("reset", method="DELETE", times=2, done=True)
    gone = api.bulk("DeleteEnvironmentObject", ids).run()
    assert gone.counts["done"] == 2
    gone.run()
    assert gone.counts["not sent"] == gone.counts["unknown"] == 0
    assert not count_keys(api)


# --- production -------------------------------------------------------------------------------------------------------


@pytest.fixture
def live(api: anb.Workbench, monkeypatch: pytest.MonkeyPatch) -> anb.Workbench:
    """Return the workbench in an environment that asks for approval, without anybody to give it."""
    here = api.environment
    guarded = Environment("live", base_url=here.base_url, credentials=here.credentials, production=True, limits=FAST)
    switch(api, guarded)

    def nobody(prompt: str = "") -> str:
        raise EOFError

    monkeypatch.setattr(builtins, "input", nobody)
    return api


def test_without_approval_nothing_is_sent(live: anb.Workbench) -> None:
    """The error shows the first rows; nothing is sent or started."""
    work = create_objects(live, key_table(45))
    with pytest.raises(UnsafeRefused, match="Calls CreateEnvironmentObject 45 times in live") as caught:
        work.run()
    change = caught.value.data["change"]
    assert change.name == "45 CreateEnvironmentObject"
    assert "KEY_0" in change.text()
    assert "KEY_0" in change.html()
    assert post_statuses(live) == []
    assert create_objects(live, key_table(45)).resumed == 0


def test_all_rows_are_approved_at_once(live: anb.Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The user types the number and the operation once; another number is rejected."""
    prompts: list[str] = []
    replies = ["44 CreateEnvironmentObject", "45 CreateEnvironmentObject"]

    def reply(prompt: str = "") -> str:
        prompts.append(prompt)
        return replies[len(prompts) - 1]

    monkeypatch.setattr(builtins, "input", reply)
    work = create_objects(live, key_table(45))
    with pytest.raises(UnsafeRefused, match="not its count and operation"):
        work.run()
    assert post_statuses(live) == []
    assert work.run().counts["done"] == 45
    assert len(prompts) == 2
    assert '"45 CreateEnvironmentObject"' in prompts[1]


def test_approval_in_advance(live: anb.Workbench) -> None:
    """`confirmed` and `allow_unsafe` hold within their block; a safe operation needs no approval."""
    frame = live.pages("ListDeployments").frame()
    assert live.bulk("GetDeployment", frame).run().counts["done"] == len(frame)
    with live.confirmed("3 CreateEnvironmentObject"):
        assert create_objects(live, key_table(3)).run().counts["done"] == 3
    with live.allow_unsafe():
        assert create_objects(live, key_table(2, "MORE")).run().counts["done"] == 2
    with pytest.raises(UnsafeRefused):
        live.call("CreateWorkspace", name="x")


def test_a_bulk_deletion_names_the_resources(live: anb.Workbench) -> None:
    """The error of a bulk deletion has the names of the first resources."""
    frame = live.pages("ListDeployments").frame()
    with pytest.raises(UnsafeRefused) as caught:
        live.bulk("DeleteDeployment", frame).run()
    text = caught.value.data["change"].text()
    assert f"Calls DeleteDeployment {len(frame)} times in live" in text
    assert all(name in text for name in frame["name"][:5])
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
        scope="WORKSPACE", scopeEntityId=workspace_id(api), connection={"type": "postgres", "host": "h"},
    )  # fmt: skip


def test_secrets_in_cells_are_hidden(api: anb.Workbench, tmp_path: Path) -> None:
    """No display, preview, result, failure or history file has one."""
    work = connections(api, 6)
    break_connections(api)
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


def test_secrets_are_sent_and_named_by_row(api: anb.Workbench) -> None:
    """Each password is sent; its variable is named after its field and its row."""
    work = connections(api, 3).run()
    assert work.counts["done"] == 3
    names = [api.history.get(key).call.body["connection"]["password"] for key in work.frame()["exchange"]]
    assert names == ["{{password_1}}", "{{password_2}}", "{{password_3}}"]
    assert [api.variables[f"password_{n}"].reveal() for n in (1, 2, 3)] == [f"{PLANTED}{n}" for n in range(3)]


def test_the_same_secret_is_one_variable(api: anb.Workbench) -> None:
    """Rows with the same password share a variable, also in a second bulk of the same rows."""
    rows = key_table(4).assign(password=f"{PLANTED}same")
    arguments = {"objectType": "CONNECTION", "connection": {"type": "t"}}
    for _ in range(2):
        objects_of = api.bulk(
            "CreateEnvironmentObject", rows, columns={"connection.password": "password"}, scope="WORKSPACE",
            scopeEntityId="w", **arguments,
        )  # fmt: skip
        assert objects_of.counts["not sent"] == 4
    assert [name for name in api.variables if name.startswith("password")] == ["password_1"]


def test_a_secret_with_braces_is_sent_as_it_is(api: anb.Workbench) -> None:
    """A password that looks like a template is neither resolved nor stored in clear."""
    word = "pass{{organizationId}}word"
    rows = [{"objectKey": "KEY_0", "connection.password": word}]
    work = create_objects(api, rows, connection={"type": "t"}).run()
    assert work.counts["done"] == 1
    call = api.history.get(work.frame()["exchange"][0]).call
    assert call.body["connection"]["password"] == "{{password_1}}"
    assert api.session.prepare(call).secrets >= {word}


def test_failures_with_secrets_are_sent_again(api: anb.Workbench) -> None:
    """A secret is hidden in the table of failures, and sent from it."""
    connections(api, 1).run()
    failed = connections(api, 2).run().failures()
    assert isinstance(failed["password"][0], Secret)
    failed["objectKey"] = "OTHER"
    again = api.bulk(
        "CreateEnvironmentObject", failed, columns={"connection.password": "password"}, objectType="CONNECTION",
        scope="WORKSPACE", scopeEntityId=workspace_id(api), connection={"type": "postgres", "host": "h"},
    )  # fmt: skip
    assert again.run().counts["done"] == 1
    assert api.variables["password_1"].reveal() == f"{PLANTED}0"


def test_the_fingerprint_has_no_secret(api: anb.Workbench) -> None:
    """The fingerprint of a run does not change with a password."""
    one, other = connections(api, 3), connections(api, 3)
    other.plan.table.frame["password"] = "another"
    changed = api.bulk(
        "CreateEnvironmentObject", other.plan.table.frame, columns={"connection.password": "password"},
        objectType="CONNECTION", scope="WORKSPACE", scopeEntityId=workspace_id(api),
        connection={"type": "postgres", "host": "h"},
    )  # fmt: skip
    assert one.plan.fingerprint == changed.plan.fingerprint
    assert one.plan.fingerprint != connections(api, 4).plan.fingerprint


def test_many_secrets_are_as_many_variables(api: anb.Workbench) -> None:
    """500 rows with a password each have 500 variables, also after a preview."""
    work = connections(api, 500)
    assert work.counts["not sent"] == 500
    work.preview()
    assert len([name for name in api.variables if name.startswith("password_")]) == 500


# --- runbooks ---------------------------------------------------------------------------------------------------------


def test_a_bulk_is_one_step_of_a_runbook(api: anb.Workbench) -> None:
    """The step has the rows and the constants, and secrets by name."""
    api.variables["home"] = api.call("CreateWorkspace", name="of-the-bulk")["$.id"]
    rows = key_table(250).assign(value=[f"{{{{v{n}}}}}" for n in range(250)])
    create_objects(api, rows, columns={"environmentVariable.value": "value"}, scopeEntityId="{{home}}").run()
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
    """Run against a fresh sandbox, at least as many rows are done as in the recording."""
    api.variables["home"] = api.call("CreateWorkspace", name="of-the-bulk")["$.id"]
    sandbox_of(api).faults.add("status", operation="CreateEnvironmentObject", code=400)
    create_objects(api, key_table(12), scopeEntityId="{{home}}").run()
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
            assert count_keys(fresh) == Counter({f"KEY_{n}": 1 for n in range(12)})
        finally:
            fresh.close()


# --- rate limits ------------------------------------------------------------------------------------------------------


def test_the_limits_are_met_and_nothing_is_lost() -> None:
    """200 GETs and 80 POSTs at once, at the document's limits: under 1 % are rejected, and each is done once."""
    with anb.Sandbox() as sandbox:
        limited = anb.connect(base_url=sandbox.url, token=Secret.in_memory(sandbox.token(), "TOKEN"), history=None)
        known = limited.call("CreateWorkspace", name="known")["$.id"]
        reads = limited.bulk("GetWorkspace", [{"workspaceId": known}] * 200)
        writes = limited.bulk("CreateWorkspace", [{"name": f"made {number}"} for number in range(80)])
        before = sandbox.requests
        for running in [limited.in_background(reads.run), limited.in_background(writes.run)]:
            running.result(60)
        sent = sandbox.requests - before
        names = Counter(item["name"] for item in limited.pages("ListWorkspaces"))
        limited.close()
    assert (reads.counts["done"], writes.counts["done"]) == (200, 80)
    assert all(names[f"made {number}"] == 1 for number in range(80))
    assert sent - 280 <= 2


# --- a change of the environment --------------------------------------------------------------------------------------


def test_a_change_of_the_environment_ends_the_run(api: anb.Workbench) -> None:
    """If the environment changes while rows are sent, active requests end, and no row goes to the other server."""
    here, work = api.environment, create_objects(api, key_table(40))
    sandbox_of(api).faults.add("latency", operation="CreateEnvironmentObject", times=None, seconds=0.3)
    with anb.Sandbox(api.spec, seed=2) as other:
        there = Environment(
            "there", base_url=other.url, credentials={"token": Secret.in_memory(other.token(), "OTHER")}
        )
        running = api.in_background(work.run, parallel=4)
        until_seen(api, 6)
        switch(api, there)
        with pytest.raises(SettingsError, match=r"switched to 'there' .* started in 'class'"):
            running.result(10)
        assert other.requests == 0
    switch(api, here)
    assert 0 < work.counts["done"] < 40
    assert work.counts["done"] + work.counts["not sent"] == 40
    assert work.run().counts["done"] == 40
    assert count_keys(api) == Counter({f"KEY_{n}": 1 for n in range(40)})
