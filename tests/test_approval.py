"""An unsafe call in production shows what it would change, and is sent only if the resource's name is typed."""

from __future__ import annotations

import builtins
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import nbformat
import pytest
from nbformat import v4
from typer.testing import CliRunner

import astro_nb as anb
from astro_nb.approval import ALLOW_UNSAFE, Change
from astro_nb.call import Call
from astro_nb.cli.program import app
from astro_nb.environments import Environment
from astro_nb.errors import UnknownName, UnsafeRefused
from astro_nb.exchange import Exchange
from astro_nb.http import Retries
from astro_nb.openapi import load

PLANTED = "planted-password-99"
KEPT = (
    "name", "type", "executor", "isCicdEnforced", "isDagDeployEnabled", "isHighAvailability", "schedulerSize",
    "workspaceId", "environmentVariables", "workerQueues",
)  # fmt: skip


@pytest.fixture
def api() -> Iterator[anb.Workbench]:
    """A workbench on a fresh sandbox that is marked as production."""
    workbench = anb.connect(history=None, retries=Retries(attempts=1))
    assert isinstance(workbench.sandbox, anb.Sandbox)
    workbench.sandbox.limits, workbench.sandbox.speed = False, 100
    here = workbench.environment
    workbench.session.switch(Environment("live", base_url=here.base_url, credentials=here.credentials, production=True))
    yield workbench
    workbench.close()


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The questions that the user is asked; fill the list with the answers, the last one first."""
    answers: list[str] = []

    def answer(prompt: str = "") -> str:
        if not answers:
            raise EOFError
        given = answers.pop()
        answers.insert(0, prompt)
        return given

    monkeypatch.setattr(builtins, "input", answer)
    return answers


def sent(api: anb.Workbench) -> list[tuple[str, str]]:
    """Return the requests that the sandbox received, as method and kind of group in the history."""
    assert isinstance(api.sandbox, anb.Sandbox)
    seen = [(e.request.method, e.group.kind) for e in api.history]
    assert api.sandbox.requests == len(seen)  # everything that is sent is stored
    return seen


def first(api: anb.Workbench) -> dict[str, Any]:
    """The first Deployment, with all its fields."""
    found: dict[str, Any] = api.call("ListDeployments", limit=1).json()["deployments"][0]
    return found


def preview_change(api: anb.Workbench, operation: str, /, body: Any = anb.UNSET, **arguments: Any) -> Change:
    return api.session.preview_change(api.session.build_call(operation, arguments, body))


def kinds(change: Change) -> dict[str, str]:
    return {row.path: row.kind for row in change.rows}


def test_an_update_shows_the_entries_that_it_removes(api: anb.Workbench) -> None:
    """Entries of a replaced list that the body leaves out are removed, one row each; other fields are unchanged."""
    deployment = first(api)
    body = {name: deployment[name] for name in KEPT if name in deployment}
    body["environmentVariables"] = [{"key": "ENVIRONMENT", "value": "next"}]
    change = preview_change(api, "UpdateDeployment", body, deploymentId=deployment["id"])
    row_kinds = kinds(change)
    lost = [v["key"] for v in deployment["environmentVariables"] if v["key"] != "ENVIRONMENT"]
    assert lost
    assert all(row_kinds[f"environmentVariables[{key}]"] == "removed" for key in lost)
    assert row_kinds["environmentVariables[ENVIRONMENT].value"] == "changed"
    assert (row_kinds["name"], row_kinds["description"]) == ("unchanged", "unchanged")
    assert not {"id", "status", "updatedAt", "webServerUrl"} & set(row_kinds)
    assert (change.action, change.name, change.named_by) == ("update", deployment["name"], "name")
    assert sent(api)[-1] == ("GET", "approval")
    assert f"- environmentVariables[{lost[0]}]" in change.text()
    assert change.html().index("removed") < change.html().index("changed")
    assert change.frame()["kind"].tolist() == list(row_kinds.values())


def test_the_rows_show_what_the_update_does(api: anb.Workbench) -> None:
    """After the update, the sandbox has the state that the rows predicted."""
    deployment = first(api)
    body = {name: deployment[name] for name in KEPT if name in deployment}
    body |= {"name": "renamed", "environmentVariables": [{"key": "NEW", "value": "1", "isSecret": False}]}
    change = preview_change(api, "UpdateDeployment", body, deploymentId=deployment["id"])
    with api.confirmed(deployment["name"]):
        assert api.call("UpdateDeployment", body=body, deploymentId=deployment["id"]).ok
    after = api.call("GetDeployment", deploymentId=deployment["id"]).json()
    assert after["name"] == next(row.then for row in change.rows if row.path == "name")
    assert [v["key"] for v in after["environmentVariables"]] == ["NEW"]
    assert kinds(change)["environmentVariables[NEW]"] == "added"


def test_deleting_asks_for_the_name(api: anb.Workbench, asked: list[str]) -> None:
    """Typing the name sends it; the question shows all that is deleted before anything is sent."""
    deployment = first(api)
    asked.append(deployment["name"])
    assert api.call("DeleteDeployment", deploymentId=deployment["id"]).status == 204
    assert sent(api) == [("GET", "call"), ("GET", "approval"), ("DELETE", "call")]
    assert deployment["name"] in asked[0]
    assert '- status: "HEALTHY"' in asked[0]
    assert [e.operation.id for e in api.session.exchanges] == ["ListDeployments", "DeleteDeployment"]


@pytest.mark.parametrize("answer", ["", "yes", "ORDERS-INGEST-PROD", "orders-ingest-prod2"])
def test_a_wrong_name_sends_nothing(answer: str, api: anb.Workbench, asked: list[str]) -> None:
    """Anything but the name raises an error that says what to do."""
    asked.append(answer)
    with pytest.raises(UnsafeRefused, match="nothing was sent") as caught:
        api.ops.delete_deployment(deploymentId=first(api)["id"])
    assert "orders-ingest-prod" in caught.value.todo
    assert [method for method, _ in sent(api)] == ["GET", "GET"]


def test_without_a_terminal_it_is_refused(api: anb.Workbench, asked: list[str]) -> None:
    """The error says how the call can be approved."""
    with pytest.raises(UnsafeRefused, match=r"astro-nb run --allow-unsafe.*allow_unsafe"):
        api.send(api.session.build_call("DeleteDeployment", {"deploymentId": first(api)["id"]}))
    assert "DELETE" not in dict(sent(api))


def test_an_approval_ends_with_its_block(api: anb.Workbench, asked: list[str]) -> None:
    """`allow_unsafe` asks and reads nothing; after it, and in another thread, approval is required again."""
    refused: list[UnsafeRefused] = []

    def elsewhere() -> None:
        with pytest.raises(UnsafeRefused) as caught:
            api.call("CreateWorkspace", name="elsewhere")
        refused.append(caught.value)

    with api.allow_unsafe():
        assert api.call("CreateWorkspace", name="allowed").ok
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
    assert refused
    with pytest.raises(UnsafeRefused):
        api.call("CreateWorkspace", name="after")
    assert [method for method, _ in sent(api)] == ["POST"]


def test_a_confirmed_name_approves_one_resource(api: anb.Workbench) -> None:
    """`confirmed` approves calls on the resource with the name, and no others."""
    with api.confirmed("mine"):
        assert api.call("CreateWorkspace", name="mine").ok
        with pytest.raises(UnsafeRefused, match="not its name"):
            api.call("CreateWorkspace", name="other")


@pytest.mark.parametrize("production", [True, False])
def test_safe_calls_and_other_environments_never_ask(production: bool, api: anb.Workbench) -> None:
    """Reading needs no approval, and neither do environments that do not require it."""
    here = api.environment
    api.session.switch(Environment("x", base_url=here.base_url, credentials=here.credentials, production=production))
    api.call("ListWorkspaces")
    api.pages("ListDeployments")
    assert production or api.call("CreateWorkspace", name="free").ok
    assert {kind for _, kind in sent(api)} <= {"call", "pages"}


def test_the_sandbox_requires_no_approval() -> None:
    """The embedded sandbox requires approval only if it is marked as production."""
    with_sandbox = anb.connect(history=None)
    assert with_sandbox.call("CreateWorkspace", name="free").ok
    with_sandbox.close()


def test_mistakes_are_reported_before_the_question(api: anb.Workbench, asked: list[str]) -> None:
    """A missing variable is reported before anything is read or asked."""
    with pytest.raises(UnknownName):
        api.call("DeleteDeployment", deploymentId="{{nowhere}}")
    assert (sent(api), asked) == ([], [])


@pytest.mark.parametrize("status", [403, 404, 503])
def test_the_id_confirms_a_resource_that_cannot_be_read(status: int, api: anb.Workbench, asked: list[str]) -> None:
    """The question says why it could not be read."""
    deployment = first(api)
    assert isinstance(api.sandbox, anb.Sandbox)
    api.sandbox.faults.add("status", code=status, operation="GetDeployment", times=2)
    change = preview_change(api, "DeleteDeployment", deploymentId=deployment["id"])
    assert (change.name, change.named_by) == (deployment["id"], "id")
    assert str(status) in change.read_error
    assert "could not be read" in change.text()
    asked.append(deployment["id"])
    assert api.call("DeleteDeployment", deploymentId=deployment["id"]).ok


def test_a_broken_connection_gives_no_name(api: anb.Workbench) -> None:
    """Without a response the id confirms it, and what the fields replace is unknown."""
    deployment = first(api)
    assert isinstance(api.sandbox, anb.Sandbox)
    api.sandbox.faults.add("reset", operation="GetDeployment")
    change = preview_change(api, "UpdateDeployment", {"name": "x"}, deploymentId=deployment["id"])
    assert (change.named_by, kinds(change)) == ("id", {"name": "unknown"})


@pytest.mark.parametrize(
    ("operation", "action", "reader"),
    [
        ("CreateDeployment", "create", "GetOrganization"),
        ("UpdateTeamRoles", "update", "GetTeam"),
        ("DeleteCustomRole", "delete", "GetCustomRole"),
        ("RotateApiToken", "act", "GetApiToken"),
        ("UpdateDeploymentHibernationOverride", "act", "GetDeployment"),
        ("DeleteDeploymentHibernationOverride", "act", "GetDeployment"),
        ("RemoveTeamMember", "delete", "ListTeamMembers"),
        ("DeleteUserInvite", "delete", None),
        ("CreateUserInvite", "create", "GetOrganization"),
    ],
)
def test_the_action_and_the_reader_of_an_operation(operation: str, action: str, reader: str | None) -> None:
    """They follow from method, path and overlay: the code names no operation of Astro."""
    found = load("astro-v1").operation(operation)
    read = found.spec.resources.reader_of(found)
    assert (found.spec.resources.role(found).action, read.id if read else None) == (action, reader)


def test_every_unsafe_operation_is_read_by_a_safe_one() -> None:
    """Over the whole document: each unsafe operation but one has a reader, and every reader is safe."""
    spec = load("astro-v1")
    readers = {operation.id: spec.resources.reader_of(operation) for operation in spec if not operation.is_safe}
    assert len(readers) == 43
    assert [name for name, reader in readers.items() if reader is None] == ["DeleteUserInvite"]
    assert {reader.method for reader in readers.values() if reader} == {"GET"}
    lists = {name for name, reader in readers.items() if reader and spec.resources.is_list(reader)}
    assert lists == {"DeleteAllowedIpAddressRange", "RemoveTeamMember"}


def test_an_overlay_cannot_have_something_unsafe_sent() -> None:
    """An extension may name the operation that reads the state, but an unsafe one is ignored."""
    ok = {"responses": {"200": {"description": "fine"}}}
    item = {"put": {"operationId": "change", **ok}, "delete": {"operationId": "wipe", **ok}}
    paths = {"/t/{id}": item, "/state": {"get": {"operationId": "look", **ok}}}
    document = {"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": paths}
    readers: list[str | None] = []
    for named in ("look", "wipe"):
        action = {"target": "$.paths['/t/{id}'].put", "update": {"x-astro-nb-update": {"read": named}}}
        spec = load(document, {"overlay": "1.0.0", "info": {"title": "x", "version": "1"}, "actions": [action]})
        reader = spec.resources.reader_of(spec.operation("change"))
        readers.append(reader.id if reader else None)
    assert readers == ["look", None]


def test_a_member_is_found_in_its_list(api: anb.Workbench) -> None:
    """A resource without an operation that reads it is found in the list above it."""
    team = api.call("ListTeams", limit=1)["$.teams[0].id"]
    member = api.call("ListTeamMembers", teamId=team).json()["teamMembers"][0]
    change = preview_change(api, "RemoveTeamMember", teamId=team, memberId=member["userId"])
    assert (change.name, change.action) == (member["username"], "delete")
    assert preview_change(api, "RemoveTeamMember", teamId=team, memberId="nobody").name == "nobody"


def test_secrets_are_masked_on_both_sides(api: anb.Workbench) -> None:
    """Neither a secret that is sent, typed or referenced, nor one in the state is in anything that can be displayed."""
    deployment = first(api)
    api.variables["hidden"] = anb.Secret.in_memory(PLANTED, "hidden")
    body = {name: deployment[name] for name in KEPT if name in deployment}
    body["environmentVariables"] = [
        {"key": "WAREHOUSE_PASSWORD", "isSecret": True, "value": PLANTED},
        {"key": "OTHER", "isSecret": False, "value": "x-{{hidden}}-y"},
    ]
    change = preview_change(api, "UpdateDeployment", body, deploymentId=deployment["id"])
    row_kinds = kinds(change)
    assert row_kinds["environmentVariables[WAREHOUSE_PASSWORD].value"] == "unknown"
    everything = [change.text(), change.html(), repr(change), change.frame().to_string(), str(change.rows)]
    everything += [str(change.call), str(change.state), json.dumps([e.call.to_dict() for e in api.history])]
    assert all(PLANTED not in text for text in everything)
    with pytest.raises(UnsafeRefused) as caught, api.confirmed("wrong"):
        api.call("UpdateDeployment", body=body, deploymentId=deployment["id"])
    assert PLANTED not in f"{caught.value} {caught.value.data}"


def test_a_secret_that_is_left_out_is_unchanged(api: anb.Workbench) -> None:
    """`{key, isSecret: true}` without a value keeps the stored one, and the row says so."""
    deployment = first(api)
    body = {name: deployment[name] for name in KEPT if name in deployment}
    body["environmentVariables"] = [
        {k: v for k, v in entry.items() if k in ("key", "isSecret") or (k == "value" and not entry["isSecret"])}
        for entry in deployment["environmentVariables"]
    ]
    change = preview_change(api, "UpdateDeployment", body, deploymentId=deployment["id"])
    assert "environmentVariables[WAREHOUSE_PASSWORD].value" in kinds(change)
    assert {k for p, k in kinds(change).items() if p.startswith("environmentVariables")} == {"unchanged"}


def start_and_wait(api: anb.Workbench, call: Call, confirmed: str | None) -> Exchange:
    running = api.session.start(call, confirmed=confirmed)
    return running.result(30)


def test_a_background_call_is_confirmed_by_its_sender(api: anb.Workbench) -> None:
    """`start` never asks: without the name it raises, with it it sends, and a preview confirms one call."""
    deployment = first(api)
    call = api.session.build_call("DeleteDeployment", {"deploymentId": deployment["id"]})
    with pytest.raises(UnsafeRefused, match="inside `with api"):
        start_and_wait(api, call, None)
    change = api.session.preview_change(call)
    with pytest.raises(UnsafeRefused, match="not its name"):
        start_and_wait(api, call, "wrong")
    reads = len(sent(api))
    api.session.preview_change(call)
    assert start_and_wait(api, call, change.name).status == 204
    assert len(sent(api)) == reads + 2  # one look, one deletion: what was looked at is not read again
    with pytest.raises(UnsafeRefused):
        start_and_wait(api, call, change.name)  # it is gone, so its id would be asked for


def test_a_block_confirms_background_calls(api: anb.Workbench) -> None:
    """`with api.confirmed(name):` holds for `api.start` and for background work; a wrong name does not."""
    deployment, other = api.call("ListDeployments")["$.deployments[0:2]"]
    with pytest.raises(UnsafeRefused, match="not its name"), api.confirmed("wrong"):
        api.start("DeleteDeployment", deploymentId=deployment["id"])
    with api.confirmed(deployment["name"]):
        assert api.start("DeleteDeployment", deploymentId=deployment["id"]).result(30).status == 204
    with api.confirmed(other["name"]):
        running = api.in_background(api.call, "DeleteDeployment", deploymentId=other["id"])
    assert running.result(30).status == 204


def test_a_preview_is_for_its_environment(api: anb.Workbench) -> None:
    """What was previewed in one environment confirms nothing in another."""
    call = api.session.build_call("CreateWorkspace", {"name": "mine"})
    api.session.preview_change(call)
    here = api.environment
    api.session.switch(Environment("two", base_url=here.base_url, credentials=here.credentials, production=True))
    with pytest.raises(UnsafeRefused):
        start_and_wait(api, call, "wrong")
    assert start_and_wait(api, call, "mine").ok


def test_the_id_replaces_a_name_that_cannot_be_typed() -> None:
    """A hostile name is escaped, and the id is to be typed instead; none of it becomes HTML."""
    evil = "<img src=x>\u202egnp\n\x1b[2J"

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"id": "7", "name": evil, "label": "<script>alert(1)</script>"})

    ok = {"responses": {"200": {"description": "fine"}}}
    where = [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}]
    item = {"parameters": where, "get": {"operationId": "get", **ok}, "delete": {"operationId": "wipe", **ok}}
    document = {"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": {"/t/{id}": item}}
    live = Environment("live", base_url="https://api.example.com", production=True)
    api = anb.connect(live, spec=document, history=None, transport=httpx.MockTransport(answer))
    change = preview_change(api, "wipe", id="7")
    assert (change.name, change.named_by) == ("7", "id")
    assert "<img" not in change.html()
    assert "<script" not in change.html()
    assert not {"\u202e", "\x1b"} & set(change.html() + change.text())
    api.close()


# --- without anybody there --------------------------------------------------------------------------------------------


@pytest.fixture
def notebook(tmp_path: Path, sandbox: anb.Sandbox, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A notebook that creates a Workspace in production."""
    monkeypatch.setenv("GUARDED_TOKEN", sandbox.token())
    where = f"'live', base_url={sandbox.url!r}, credentials={{'token': 'env:GUARDED_TOKEN'}}, production=True"
    connect = f"import astro_nb as anb\napi = anb.connect(anb.Environment({where}), history=None)"
    source = f"{connect}\napi.call('CreateWorkspace', name='made').ok"
    path = tmp_path / "make.ipynb"
    nbformat.write(v4.new_notebook(cells=[v4.new_code_cell(source)]), path)  # type: ignore[no-untyped-call]  # no types
    return path


def created_workspaces(sandbox: anb.Sandbox) -> int:
    return sum(seen.operation == "CreateWorkspace" for seen in sandbox.log)


def test_a_headless_run_is_refused(notebook: Path, sandbox: anb.Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """`astro-nb run` fails, says what to do and what would have changed, and sends nothing unsafe."""
    monkeypatch.setenv(ALLOW_UNSAFE, "1")  # an approval of this process is not inherited
    done = CliRunner().invoke(app, ["run", str(notebook), "--output", str(notebook.with_name("out.ipynb"))])
    assert done.exit_code == 1
    assert "UnsafeRefused" in done.output
    assert "--allow-unsafe" in done.output
    assert created_workspaces(sandbox) == 0
    assert "Creates Workspace" in notebook.with_name("out.ipynb").read_text()


def test_a_headless_run_can_be_approved(notebook: Path, sandbox: anb.Sandbox) -> None:
    """`astro-nb run --allow-unsafe` approves this run, and leaves no trace in the notebook."""
    done = CliRunner().invoke(
        app, ["run", str(notebook), "--allow-unsafe", "--output", str(notebook.with_name("out.ipynb"))]
    )
    assert (done.exit_code, created_workspaces(sandbox)) == (0, 1), done.output
    assert "allow" not in notebook.with_name("out.ipynb").read_text().lower()


# --- many calls, one question -----------------------------------------------------------------------------------------


def prepared_calls(api: anb.Workbench, *names: str) -> list[Any]:
    return [api.session.prepare(api.session.build_call("CreateWorkspace", {"name": name})) for name in names]


def test_many_calls_are_confirmed_once(api: anb.Workbench, asked: list[str]) -> None:
    """One question says how many there are and shows the first; the approval ends with the block."""
    asked.append("7 CreateWorkspace")
    with api.session.approve_many(prepared_calls(api, "one", "two"), 7, 7):
        assert api.call("CreateWorkspace", name="one").ok
        assert api.call("CreateWorkspace", name="two").ok
    (prompt,) = asked
    assert "Calls CreateWorkspace 7 times in live." in prompt
    assert '"7 CreateWorkspace"' in prompt
    assert '"one"' in prompt
    assert '"two"' in prompt
    asked.clear()
    with pytest.raises(UnsafeRefused):
        api.call("CreateWorkspace", name="three")


def test_a_resumed_batch_is_confirmed_as_before(api: anb.Workbench, asked: list[str]) -> None:
    """The text to type has the count of all calls; the headline says how many remain."""
    with pytest.raises(UnsafeRefused, match=r"7 times in live \(3 remaining\)") as caught:  # noqa: SIM117  # one raises
        with api.session.approve_many(prepared_calls(api, "one"), 7, 3):
            raise AssertionError("not asked")
    assert caught.value.data["change"].name == "7 CreateWorkspace"
    with api.confirmed("7 CreateWorkspace"), api.session.approve_many(prepared_calls(api, "a"), 7, 3):
        pass
    with api.confirmed("a"), pytest.raises(UnsafeRefused):  # noqa: SIM117  # one raises
        with api.session.approve_many(prepared_calls(api, "a"), 7, 3):
            raise AssertionError("another name")
    assert sent(api) == []
