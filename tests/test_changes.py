"""One field of a resource is changed, and the rest stays: what is merged, what is sent, what is reported."""

from __future__ import annotations

import builtins
import copy
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import nbformat
import pytest
from hypothesis import HealthCheck, event, example, given, settings
from hypothesis import strategies as st

import astro_nb as anb
from astro_nb.changes import ChangeResult
from astro_nb.environments import Environment
from astro_nb.errors import ConcurrentChange, MissingArgument, SettingsError, UnknownName, UnsafeRefused, UsageError
from astro_nb.exchange import Exchange
from astro_nb.http import Retries
from astro_nb.openapi import load
from astro_nb.runbooks import run
from astro_nb.sandbox.behavior import Behavior, Change, Resource
from astro_nb.secrets import redact
from astro_nb.templates import LiteralText
from astro_nb.workbench import SANDBOX_URL

PLANTED = "planted-password-99"


@pytest.fixture
def api() -> Iterator[anb.Workbench]:
    """A workbench on a sandbox without delays."""
    workbench = anb.connect(history=None, retries=Retries(attempts=1))
    sandbox_of(workbench).limits, sandbox_of(workbench).speed = False, 0
    yield workbench
    workbench.close()


@pytest.fixture(scope="module")
def shared_api() -> Iterator[anb.Workbench]:
    """One workbench for a test that changes the same resource many times."""
    workbench = anb.connect(history=None)
    sandbox_of(workbench).limits, sandbox_of(workbench).speed = False, 0
    yield workbench
    workbench.close()


def sandbox_of(api: anb.Workbench) -> anb.Sandbox:
    assert isinstance(api.sandbox, anb.Sandbox)
    return api.sandbox


def require_approval(api: anb.Workbench) -> None:
    """Mark the environment as production."""
    here = api.environment
    api.session.switch(Environment("live", base_url=here.base_url, credentials=here.credentials, production=True))


def rich_deployment(api: anb.Workbench, count: int = 30) -> str:
    """A Deployment with thirty variables, a tenth of them secret, and two queues."""
    variables = [
        {"key": f"KEY_{n}", "value": f"{PLANTED}-{n}" if n % 10 == 3 else f"value {n}", "isSecret": n % 10 == 3}
        for n in range(count)
    ]
    queue = {"astroMachine": "A5", "minWorkerCount": 1, "maxWorkerCount": 7, "workerConcurrency": 9}
    made = api.call(
        "CreateDeployment", name="rich", workspaceId=api.call("ListWorkspaces")["$.workspaces[0].id"],
        executor="CELERY", environmentVariables=variables, contactEmails=["a@example.com", "b@example.com"],
        workerQueues=[{**queue, "name": "default", "isDefault": True}, {**queue, "name": "heavy", "isDefault": False}],
    )  # fmt: skip
    assert made.ok, made
    return str(made["$.id"])


def stored_deployment(api: anb.Workbench, deployment: str) -> dict[str, Any]:
    """The Deployment as the sandbox stores it, secrets included."""
    item = sandbox_of(api).engine.state.find("deployment", deployment)
    assert item is not None
    return copy.deepcopy(item)


def values(api: anb.Workbench, deployment: str) -> dict[str, Any]:
    return {v["key"]: v.get("value") for v in stored_deployment(api, deployment)["environmentVariables"]}


def change(api: anb.Workbench, deployment: str, /, **more: Any) -> ChangeResult:
    return api.change("UpdateDeployment", deploymentId=deployment, **more)


def writes(api: anb.Workbench) -> list[Exchange]:
    return [e for e in api.history if e.group.kind == "change" and e.request.method != "GET"]


def kinds(done: ChangeResult) -> dict[str, str]:
    return {row.path: row.kind for row in done.change.rows if row.kind != "unchanged"}


# --- one variable of thirty -------------------------------------------------------------------------------------------


def test_one_variable_of_thirty(api: anb.Workbench) -> None:
    """Thirty variables, three of them secret, two queues: one is changed, everything else is identical in the store."""
    deployment = rich_deployment(api)
    before = stored_deployment(api, deployment)
    done = change(api, deployment, environmentVariables={"KEY_7": "eu"})
    assert (done.ok, done.sent, kinds(done)) == (True, True, {"environmentVariables[KEY_7].value": "changed"})
    after = stored_deployment(api, deployment)
    entry = next(v for v in before["environmentVariables"] if v["key"] == "KEY_7")
    entry["value"] = "eu"
    changes = {name for name in before if before[name] != after[name] and name != "environmentVariables"}
    assert changes <= {"updatedAt", "updatedBy", "_timeline"}
    stripped = [
        [{k: v for k, v in variable.items() if k != "updatedAt"} for variable in state["environmentVariables"]]
        for state in (before, after)
    ]
    assert stripped[0] == stripped[1]
    assert before["workerQueues"] == after["workerQueues"]
    assert sum(PLANTED in v for v in values(api, deployment).values()) == 3
    assert [e.request.method for e in api.history if e.group.kind == "change"] == ["GET", "GET", "POST"]
    assert done["$.id"] == deployment
    assert done.change.frame()["kind"].tolist().count("changed") == 1


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({"REGION": "eu"}, {"REGION": "eu"}),
        ({"KEY_1": None}, {"KEY_1": None}),
        ({"NOT_THERE": None}, {}),
        ({"KEY_1": {"value": "other"}}, {"KEY_1": "other"}),
        ({"KEY_3": {"isSecret": True}}, {}),
        ({"KEY_3": "a-new-secret"}, {"KEY_3": "a-new-secret"}),
        ({"NEW": {"isSecret": True, "value": "another-secret"}}, {"NEW": "another-secret"}),
        ({"KEY_1": {"isSecret": True}}, {}),
        ({"KEY_1": {"key": "RENAMED"}}, {"KEY_1": None, "RENAMED": "value 1"}),
        ({}, {}),
    ],
)
def test_entries_are_changed_by_their_key(given: dict[str, Any], wanted: dict[str, Any], api: anb.Workbench) -> None:
    """A list given as a mapping is changed entry by entry; stored secrets stay, and none is shown."""
    deployment = rich_deployment(api, 5)
    model = {**values(api, deployment), **wanted}
    done = change(api, deployment, environmentVariables=given)
    assert done.ok, done
    assert values(api, deployment) == {key: value for key, value in model.items() if value is not None}
    everything = [repr(done), done._repr_mimebundle_()["text/html"], str(done.change.rows), str(done.exchange.call)]
    everything += [json.dumps([e.call.to_dict() for e in api.history]), str(api.session.group_calls)]
    everything += [e.request.body.decode() for e in writes(api)]
    assert not any(secret in text for text in everything for secret in ("a-new-secret", "another-secret", PLANTED))


def test_lists_given_as_lists_replace(api: anb.Workbench) -> None:
    """Entries that the list leaves out are removed, and shown; a stored secret stays if it is left out."""
    deployment = rich_deployment(api, 5)
    given = [{"key": "KEY_3", "isSecret": True}, {"key": "ONLY", "value": "1", "isSecret": False}]
    shown = change(api, deployment, environmentVariables=given, contactEmails=["b@example.com"], dry_run=True)
    assert (shown.ok, shown.sent, len(writes(api))) == (True, False, 0)
    gone = {path for path, kind in kinds(shown).items() if kind == "removed"}
    assert {"environmentVariables[KEY_0]", "contactEmails[a@example.com]"} <= gone | {"contactEmails[a@example.com]"}
    assert change(api, deployment, environmentVariables=given, contactEmails=["b@example.com"]).ok
    assert values(api, deployment) == {"KEY_3": f"{PLANTED}-3", "ONLY": "1"}
    assert stored_deployment(api, deployment)["contactEmails"] == ["b@example.com"]


def test_queues_keep_their_ids(api: anb.Workbench) -> None:
    """A queue is identified by its name, and keeps its id; one that is removed is the only one."""
    deployment = rich_deployment(api, 1)
    before = {queue["name"]: queue["id"] for queue in stored_deployment(api, deployment)["workerQueues"]}
    assert change(api, deployment, workerQueues={"heavy": {"maxWorkerCount": 3}}).ok
    queues = {queue["name"]: queue for queue in stored_deployment(api, deployment)["workerQueues"]}
    assert {name: queue["id"] for name, queue in queues.items()} == before
    assert (queues["heavy"]["maxWorkerCount"], queues["default"]["maxWorkerCount"]) == (3, 7)
    assert change(api, deployment, workerQueues={"heavy": None}).ok
    assert [queue["name"] for queue in stored_deployment(api, deployment)["workerQueues"]] == ["default"]


def test_templates_in_values_and_names(api: anb.Workbench) -> None:
    """A template is resolved for the request and stays in the call; it may also name an entry."""
    deployment = rich_deployment(api, 5)
    api.variables["which"], api.variables["region"] = "KEY_1", "eu"
    done = change(api, deployment, environmentVariables={"{{which}}": "{{region}}", "NEW": "in {{region}}"})
    assert values(api, deployment) | {"KEY_1": "eu", "NEW": "in eu"} == values(api, deployment)
    assert {"key": "KEY_1", "value": "{{region}}", "isSecret": False} in done.exchange.call.body["environmentVariables"]
    assert not change(api, deployment, environmentVariables={"{{which}}": "{{region}}"}).sent


def test_texts_of_the_server_are_no_templates(api: anb.Workbench) -> None:
    """Texts of the current state are sent back unchanged, with their braces."""
    deployment = rich_deployment(api, 1)
    assert change(api, deployment, environmentVariables={"MACRO": r"\{{ ds }}"}).ok
    assert change(api, deployment, description="another").ok
    assert values(api, deployment)["MACRO"] == "{{ ds }}"


def test_a_masked_secret_is_not_written_back(api: anb.Workbench) -> None:
    """Responses mask what was typed in this session: a text with the mask is not sent back."""
    deployment = rich_deployment(api, 1)
    assert change(api, deployment, environmentVariables={"URL": f"db://me:{PLANTED}@host"}).ok
    api.variables["password"] = anb.Secret.in_memory(PLANTED, "password")
    with pytest.raises(UsageError, match="secret of this session") as caught:
        change(api, deployment, description="another")
    assert PLANTED not in str(caught.value)
    assert change(api, deployment, description="another", environmentVariables={"URL": "db://me:{{password}}@host"}).ok
    assert values(api, deployment)["URL"] == f"db://me:{PLANTED}@host"


def test_a_secret_as_a_bare_value_is_stored_as_one(api: anb.Workbench) -> None:
    """A `Secret`, or a variable that holds one, is stored as plain text only on request."""
    deployment = rich_deployment(api, 2)
    api.variables["token"] = anb.Secret.in_memory(PLANTED, "token")
    given = {"NEW": anb.Secret.in_memory("another-secret", "x"), "KEY_1": "{{token}}"}
    assert change(api, deployment, environmentVariables=given).ok
    flags = {v["key"]: (v["isSecret"], v["value"]) for v in stored_deployment(api, deployment)["environmentVariables"]}
    assert (flags["NEW"], flags["KEY_1"]) == ((True, "another-secret"), (True, PLANTED))
    assert change(api, deployment, environmentVariables={"NEW": {"value": "{{token}}", "isSecret": False}}).ok
    assert not next(v for v in stored_deployment(api, deployment)["environmentVariables"] if v["key"] == "NEW")[
        "isSecret"
    ]


def test_a_secret_that_is_to_be_plain_needs_its_value(api: anb.Workbench) -> None:
    """The server does not return a stored secret: it cannot be made plain by its flag alone."""
    deployment = rich_deployment(api, 5)
    with pytest.raises(UsageError, match=r"environmentVariables\[\]\.value"):
        change(api, deployment, environmentVariables={"KEY_3": {"isSecret": False}})
    assert values(api, deployment)["KEY_3"] == f"{PLANTED}-3"


NAMES = st.sampled_from(["A", "B", "C", "D", "E", "lower", "key", "9"])
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=12).filter(
    lambda t: "*" not in t
)
CHANGES = st.none() | TEXTS | st.fixed_dictionaries({"value": TEXTS}, optional={"isSecret": st.booleans()})


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(start=st.dictionaries(NAMES, st.tuples(TEXTS, st.booleans())), changes=st.dictionaries(NAMES, CHANGES))
@example(start={"A": ("000000", False)}, changes={"B": {"value": "000000", "isSecret": True}})
@example(start={"A": ("000000", True)}, changes={"B": {"value": "000000", "isSecret": True}})
@example(start={"A": ("000000", True), "B": ("000000", False)}, changes={"A": "000000"})
@example(start={"A": ("admin", False), "B": ("1", False)}, changes={"C": {"value": "admin", "isSecret": True}})
@example(start={"A": ("7Kq2ZpXw9LmN", False)}, changes={"B": {"value": "7Kq2ZpXw9LmN", "isSecret": True}})
def test_entries_are_merged_like_a_dict(
    start: dict[str, tuple[str, bool]], changes: dict[str, Any], shared_api: anb.Workbench
) -> None:
    """The result is what `dict.update` would give, or an error if a plain value that stays contains a new secret.

    A new secret that is long or varied is masked wherever the server returns it, so such a value cannot be read, and is
    not written back. A common one, such as `000000`, is masked in its own field only.
    """
    api = shared_api
    deployment = api.variables.get("made") or rich_deployment(api, 1)
    api.variables["made"] = deployment
    store = sandbox_of(api).engine.state
    item = store.find("deployment", deployment)
    assert item is not None
    now = [{"key": key, "value": value, "isSecret": secret} for key, (value, secret) in start.items()]
    store.put(store.resources["deployment"], {**item, "environmentVariables": now})
    model = {key: {"value": value, "isSecret": secret} for key, (value, secret) in start.items()}
    for key, value in changes.items():
        if value is None:
            model.pop(key, None)
        else:
            old = model.get(key, {"isSecret": False})
            model[key] = {**old, **(value if isinstance(value, dict) else {"value": value})}
    escaped = {
        key: LiteralText(value).template
        if isinstance(value, str)
        else value and {**value, "value": LiteralText(value["value"]).template}
        for key, value in changes.items()
    }
    new_secrets = [v["value"] for v in changes.values() if isinstance(v, dict) and v.get("isSecret")]
    plain = [value for key, (value, secret) in start.items() if key not in changes and not secret]
    before = stored_deployment(api, deployment)
    try:
        if any(redact(value, new_secrets) != value for value in plain):
            event("a plain value contains a new secret")
            with pytest.raises(UsageError, match="contains a secret of this session"):
                change(api, deployment, environmentVariables=escaped)
            assert stored_deployment(api, deployment) == before
            return
        done = change(api, deployment, environmentVariables=escaped)
        assert done.ok, done
        found = {
            v["key"]: {"value": v["value"], "isSecret": v["isSecret"]}
            for v in stored_deployment(api, deployment)["environmentVariables"]
        }
        assert found == model
    finally:
        for name in [v.name for v in api.variables.entries() if v.scope == "session" and v.name != "made"]:
            del api.variables[name]


# --- what it is for ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operation", "given", "message"),
    [
        ("CreateDeployment", {"name": "x"}, r'api\.call\("CreateDeployment", …\)'),
        ("GetDeployment", {}, r'api\.call\("GetDeployment", …\)'),
        ("DeleteDeployment", {}, "does not update"),
        ("RotateApiToken", {}, "does not update"),
        ("UpdateDeploymentHibernationOverride", {}, "does not update"),
    ],
)
def test_only_updates_can_be_changes(operation: str, given: dict[str, Any], message: str, api: anb.Workbench) -> None:
    """The error says what to use instead, and nothing is sent."""
    with pytest.raises(UsageError, match=message):
        api.change(operation, **given)
    assert sandbox_of(api).requests == 0


def test_mistakes_are_reported_before_anything_is_sent(api: anb.Workbench) -> None:
    """Names that do not exist, missing arguments, and a variable that is not set."""
    with pytest.raises(UnknownName):
        api.change("UpdateDeployment", deploymentId="x", environmentVariable={})
    with pytest.raises(MissingArgument):
        api.change("UpdateDeployment", environmentVariables={})
    with pytest.raises(UnknownName):
        api.change("UpdateDeployment", deploymentId="x", description="{{nowhere}}")
    with pytest.raises(UsageError, match="mapping"):
        api.change("UpdateDeployment", deploymentId="x", body=[])
    assert sandbox_of(api).requests == 0


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"contactEmails": {"a@example.com": None}}, "Give the whole list"),
        ({"workerQueues": {"heavy": 3}}, "which of its fields"),
        ({"isDagDeployEnabled": None}, "cannot be removed"),
        ({"defaultTaskPodCpu": "{{cpu}}"}, "Give both"),
        ({"defaultTaskPodCpu": "half"}, "Give both"),
    ],
)
def test_ambiguous_changes_are_rejected(given: dict[str, Any], message: str, api: anb.Workbench) -> None:
    """The message says what to give instead, and nothing is written."""
    api.variables["cpu"] = "1"
    deployment = rich_deployment(api, 1)
    with pytest.raises(UsageError, match=message):
        change(api, deployment, **given)
    assert not writes(api)


def test_what_cannot_be_read_is_not_written(api: anb.Workbench) -> None:
    """A missing resource and a failing server are returned as exchanges, and nothing is written."""
    gone = change(api, "cm0000000000000000000none", description="x")
    assert (gone.ok, gone.sent, gone.status) == (False, False, 404)
    assert "could not be read" in repr(gone)
    deployment = rich_deployment(api, 1)
    sandbox_of(api).faults.add("status", code=500, times=1)
    assert (change(api, deployment, description="x").status, len(writes(api))) == (500, 0)
    sandbox_of(api).faults.add("reset", times=1)
    assert (change(api, deployment, description="x").ok, len(writes(api))) == (False, 0)


def test_what_cannot_be_read_again_is_not_written(api: anb.Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The resource is read again right before the update: if that fails, nothing is sent."""
    deployment = rich_deployment(api, 1)
    require_approval(api)

    def answer(prompt: str = "") -> str:
        sandbox_of(api).faults.add("html", times=1)
        return "rich"

    monkeypatch.setattr(builtins, "input", answer)
    done = change(api, deployment, description="x")
    assert (done.ok, done.sent, len(writes(api))) == (False, False, 0)
    assert "could not be read again" in repr(done)


def test_a_rejected_update_is_the_result(api: anb.Workbench) -> None:
    """The response of the server is the result."""
    deployment = rich_deployment(api, 1)
    done = change(api, deployment, name=api.call("ListDeployments", limit=1)["$.deployments[0].name"])
    assert (done.ok, done.sent, done.status, done.altered) == (False, True, 400, ())


# --- someone else -----------------------------------------------------------------------------------------------------


def change_stored(api: anb.Workbench, deployment: str, **fields: Any) -> Callable[..., None]:
    """Change a Deployment in the store, as someone else would."""

    def write() -> None:
        store = sandbox_of(api).engine.state
        item = store.find("deployment", deployment)
        assert item is not None
        store.put(store.resources["deployment"], {**item, **fields})

    return write


def test_a_concurrent_change_is_noticed(api: anb.Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the user is asked, a second client changes the resource: nothing is overwritten."""
    deployment = rich_deployment(api, 5)
    require_approval(api)
    second = anb.connect(base_url=api.environment.base_url, spec="astro-v1", history=None,
                         token=anb.Secret.in_memory(sandbox_of(api).token(), "second"))  # fmt: skip

    def answer(prompt: str = "") -> str:
        assert "KEY_1" in prompt
        assert second.change("UpdateDeployment", deploymentId=deployment, environmentVariables={"KEY_2": "theirs"},
                             organizationId=api.variables["organizationId"]).ok  # fmt: skip
        return "rich"

    monkeypatch.setattr(builtins, "input", answer)
    with pytest.raises(ConcurrentChange, match=r"environmentVariables\[KEY_2\]\.value") as caught:
        change(api, deployment, environmentVariables={"KEY_1": "ours"})
    assert caught.value.data["fields"] == ["environmentVariables[KEY_2].value"]
    assert not writes(api)
    assert values(api, deployment)["KEY_2"] == "theirs"
    monkeypatch.setattr(builtins, "input", lambda prompt="": "rich")
    assert change(api, deployment, environmentVariables={"KEY_1": "ours"}).ok
    assert values(api, deployment) | {"KEY_1": "ours", "KEY_2": "theirs"} == values(api, deployment)
    second.close()


def test_read_only_fields_are_no_concurrent_change(api: anb.Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    """States, times and other fields that no body holds may change in the meantime."""
    deployment = rich_deployment(api, 5)
    require_approval(api)
    moved = change_stored(api, deployment, updatedAt="2031-01-01T00:00:00Z", imageTag="new", namespace="elsewhere")
    monkeypatch.setattr(builtins, "input", lambda prompt="": moved() or "rich")
    assert change(api, deployment, environmentVariables={"KEY_1": "ours"}).ok


def test_approval_is_asked_once(api: anb.Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    """One question per change; a wrong name sends nothing; an approval needs no question."""
    deployment = rich_deployment(api, 5)
    require_approval(api)
    asked: list[str] = []
    monkeypatch.setattr(builtins, "input", lambda prompt="": asked.append(prompt) or "wrong")
    with pytest.raises(UnsafeRefused):
        change(api, deployment, environmentVariables={"KEY_1": "ours"})
    assert (len(asked), len(writes(api))) == (1, 0)
    with api.confirmed("rich"):
        assert change(api, deployment, environmentVariables={"KEY_1": "ours"}).sent
    with api.allow_unsafe():
        assert change(api, deployment, environmentVariables={"KEY_1": "again"}).sent
    assert len(asked) == 1


# --- the result -----------------------------------------------------------------------------------------------------


def test_the_result_is_displayed(api: anb.Workbench) -> None:
    """Difference and response as text and as HTML, with hostile values escaped."""
    deployment = rich_deployment(api, 2)
    done = change(api, deployment, environmentVariables={"<b>": "<script>alert(1)</script>"})
    bundle = done._repr_mimebundle_()
    assert "<script>" not in bundle["text/html"]
    assert "&lt;script&gt;" in bundle["text/html"]
    assert "200 OK" in bundle["text/html"]
    assert "added" in bundle["text/html"]
    assert "UpdateDeployment → 200 OK" in bundle["text/plain"]


# --- another API ------------------------------------------------------------------------------------------------------


THING = {
    "type": "object",
    "required": ["name"],
    "properties": {
        "id": {"type": "string", "readOnly": True},
        "name": {"type": "string"},
        "note": {"type": "string", "nullable": True},
        "tags": {
            "type": "array",
            "items": {"type": "object", "properties": {"key": {"type": "string"}, "value": {"type": "string"}}},
        },
        "size": {"type": "integer"},
    },
}


def document_of(method: str) -> dict[str, Any]:
    """A small API without an overlay."""
    json_body = {"required": True, "content": {"application/json": {"schema": THING}}}
    responses = {"200": {"description": "it", "content": {"application/json": {"schema": THING}}}}
    every = {"application/json": {"schema": {"type": "array", "items": THING}}}
    one = {
        "parameters": [{"name": "thing", "in": "path", "required": True, "schema": {"type": "string"}}],
        "get": {"operationId": "read", "responses": responses},
        method: {"operationId": "write", "requestBody": json_body, "responses": responses},
    }
    all_ = {
        "get": {"operationId": "list", "responses": {"200": {"description": "all", "content": every}}},
        "post": {"operationId": "make", "requestBody": json_body, "responses": {"201": responses["200"]}},
    }
    about = {"title": "t", "version": "1"}
    return {"openapi": "3.0.3", "info": about, "paths": {"/things": all_, "/things/{thing}": one}}


@pytest.fixture(params=["put", "patch"])
def small_api(request: pytest.FixtureRequest) -> Iterator[anb.Workbench]:
    """A workbench on a sandbox of that API, with PUT or PATCH."""
    document = document_of(request.param)
    with anb.Sandbox(load(document), limits=False) as sandbox:
        workbench = anb.connect(spec=document, base_url=sandbox.url, history=None)
        yield workbench
        workbench.close()


def test_put_and_patch_of_any_document(small_api: anb.Workbench) -> None:
    """PUT sends the whole resource, PATCH the changed and the required fields; read-only fields are never sent."""
    small_api.call("make", name="one", note="n", size=3, tags=[{"key": "a", "value": "1"}, {"key": "b", "value": "2"}])
    made = small_api.call("list").json()[-1]["id"]
    done = small_api.change("write", thing=made, tags={"a": "9", "c": "3"})
    assert done.ok, done
    sent = json.loads(done.exchange.request.body)
    tags = [{"key": "a", "value": "9"}, {"key": "b", "value": "2"}, {"key": "c", "value": "3"}]
    whole = {"name": "one", "note": "n", "size": 3, "tags": tags}
    method = done.exchange.request.method
    assert sent == (whole if method == "PUT" else {"name": "one", "tags": tags})
    cleared = small_api.change("write", thing=made, note=None)
    assert cleared.ok
    assert json.loads(cleared.exchange.request.body).get("note", "left out") == (
        "left out" if method == "PUT" else None
    )


def test_a_list_that_takes_new_entries_is_not_changed() -> None:
    """A POST with a GET at its path is not an update if the path names no single resource."""
    document = document_of("put")
    del document["paths"]["/things/{thing}"]
    spec = load(document)
    assert spec.resources.role(spec.operation("make")).action == "create"
    api = anb.connect(spec=document, base_url="http://localhost", history=None)
    with pytest.raises(UsageError, match=r'Use api\.call\("make", …\)'):
        api.change("make", name="x")
    api.close()


def test_airflow_is_changed_by_patch(shared: Path) -> None:
    """With a foreign document, the changed and the required fields are sent."""
    source = shared / "specs" / "airflow3.yaml"
    with anb.Sandbox(load(source), limits=False) as sandbox:
        api = anb.connect(spec=source, base_url=sandbox.url, history=None)
        assert api.call("post_connection", connection_id="c", conn_type="pg", host="h", password=PLANTED, port=5).ok
        done = api.change("patch_connection", connection_id="c", host="new")
        assert json.loads(done.exchange.request.body) == {"connection_id": "c", "conn_type": "pg", "host": "new"}
        assert (done.ok, kinds(done), PLANTED in repr(done)) == (True, {"host": "changed"}, False)
        assert not api.change("patch_connection", connection_id="c", host="new").sent
        with pytest.raises(UsageError, match="no operation at its path"):
            api.change("patch_task_instance_dry_run", dag_id="d", dag_run_id="r", task_id="t")
        api.close()


def test_altered_values_are_reported() -> None:
    """A value that the server set to something else is reported as text and as a row."""
    document = document_of("put")

    def lower_note(change: Change, item: dict[str, Any]) -> None:
        item["note"] = item["note"].lower()

    behavior = Behavior({"thing": Resource("thing", "/things", touch=lower_note)})
    with anb.Sandbox(load(document), limits=False, behavior=behavior) as sandbox:
        api = anb.connect(spec=document, base_url=sandbox.url, history=None)
        made = api.call("make", name="one", note="n", size=3)["$.id"]
        assert api.change("write", thing=made, note="quiet").altered == ()
        done = api.change("write", thing=made, note="LOUD")
        assert [(row.path, row.now, row.then) for row in done.altered] == [("note", "LOUD", "loud")]
        assert 'note was sent as "LOUD"; the server set it to "loud".' in repr(done)
        api.close()


class TaggedServer:
    """A server of one resource with a strong entity tag (RFC 9110); `moves` lets it change once."""

    def __init__(self) -> None:
        self.thing: dict[str, Any] = {"id": "1", "name": "one", "size": 1}
        self.version, self.moves, self.breaks, self.asked = 1, False, False, [""]

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.method == "PUT":
            self.asked.append(request.headers.get("If-Match", ""))
            if self.moves:
                self.version += 1
            if request.headers.get("If-Match") != f'"{self.version}"':
                return httpx.Response(412, json={"message": "it has changed"})
            self.thing, self.version = {"id": "1", **json.loads(request.content)}, self.version + 1
            if self.breaks:
                self.breaks = False
                raise httpx.ReadError("broken", request=request)
        return httpx.Response(200, json=self.thing, headers={"ETag": f'"{self.version}"'})


def test_an_entity_tag_is_sent_with_the_update() -> None:
    """The update is sent with the entity tag of the state, and a 412 is a concurrent change."""
    server = TaggedServer()
    api = anb.connect(spec=document_of("put"), base_url="http://localhost", history=None,
                      retries=Retries(base=0.01), transport=httpx.MockTransport(server))  # fmt: skip
    assert api.change("write", thing="1", size=2).ok
    assert (server.asked[-1], server.thing) == ('"1"', {"id": "1", "name": "one", "size": 2})
    server.moves = True
    with pytest.raises(ConcurrentChange, match="nothing was written"):
        api.change("write", thing="1", size=3)
    assert server.thing["size"] == 2
    server.moves, server.breaks = False, True
    done = api.change("write", thing="1", size=4)  # the first attempt is carried out, and its response is lost
    assert (done.status, done.sent, len(done.exchange.attempts), server.thing["size"]) == (412, True, 2, 4)
    api.close()


# --- the runbook ------------------------------------------------------------------------------------------------------


def test_a_change_is_one_step_of_a_runbook(api: anb.Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its arguments are as they were given, ids come from responses, secrets from their variables."""
    monkeypatch.chdir(tmp_path)
    created = api.call("CreateDeployment", name="nightly", workspaceId=api.call("ListWorkspaces")["$.workspaces[0].id"])
    api.variables["region"] = "eu-central"
    given = {"REGION": "{{region}}", "TOKEN": {"isSecret": True, "value": PLANTED}}
    done = api.change("UpdateDeployment", deploymentId=created["$.id"], environmentVariables=given)
    api.change("UpdateDeployment", deploymentId=done["$.id"], environmentVariables={"REGION": "{{region}}"})
    api.call("GetDeployment", deploymentId=done["$.id"])
    steps = api.runbook.steps
    assert [(s.kind, s.operation.id) for s in steps[2:]] == [
        ("change", "UpdateDeployment"), ("change", "UpdateDeployment"), ("call", "GetDeployment")
    ]  # fmt: skip
    source = [cell for cell in api.runbook.source() if "api.change" in cell]
    assert 'deploymentId=create_deployment["$.id"]' in source[0]
    assert '"REGION": region' in source[0]
    assert "assert update_deployment.ok, update_deployment" in source[0]
    assert PLANTED not in "".join(api.runbook.source())
    written = api.runbook.write("change.ipynb")
    monkeypatch.setenv("SANDBOX_VALUE", "x")
    with anb.Sandbox(speed=0, limits=False, seed=7) as fresh:
        monkeypatch.setenv(SANDBOX_URL, fresh.url)
        for name in _secret_names(written):
            monkeypatch.setenv(name, PLANTED)
        result = run(written, {"region": "us-west"})
        assert result.ok, result.error
        shown = [o.data.get("text/html", "") for c in nbformat.read(result.output, as_version=4).cells
                 for o in c.get("outputs", []) if o.output_type == "display_data"]  # fmt: skip
        assert sum("Updates Deployment" in text for text in shown) == 1  # the second changes nothing
        item = next(d for d in fresh.engine.state.all("deployment") if d["name"] == "nightly")
        assert {v["key"]: v["value"] for v in item["environmentVariables"]} == {"REGION": "us-west", "TOKEN": PLANTED}


def _secret_names(path: Path) -> list[str]:
    import re

    return re.findall(r'anb\.Secret\(\\"env:(\w+)\\"\)', path.read_text())


def test_a_dry_run_is_no_step_of_a_runbook(api: anb.Workbench) -> None:
    """A dry run only reads."""
    deployment = rich_deployment(api, 1)
    change(api, deployment, description="x", dry_run=True)
    assert [s.kind for s in api.runbook.steps][-1] == "call"


def test_the_permissions_of_a_notebook_with_changes(
    api: anb.Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The permission of the reading is among them."""
    monkeypatch.chdir(tmp_path)
    change(api, rich_deployment(api, 1), description="x")
    written = api.runbook.write("needs.ipynb")
    assert "GetDeployment" in str(api.privileges(notebook=written).frame().to_string())


def test_a_switched_environment_ends_the_change(api: anb.Workbench) -> None:
    """If the environment is switched during a change, nothing is written: neither there, nor here."""
    key = rich_deployment(api)
    sandbox_of(api).faults.add("latency", operation="GetDeployment", seconds=0.5)
    running = api.in_background(api.change, "UpdateDeployment", deploymentId=key, name="strayed")
    time.sleep(0.2)
    before = sandbox_of(api).requests
    require_approval(api)
    with pytest.raises(SettingsError, match="switched to 'live'"):
        running.result(10)
    assert sandbox_of(api).requests <= before + 1
    assert all(seen.method != "POST" or "strayed" not in str(seen) for seen in sandbox_of(api).log)
    assert api.call("GetDeployment", deploymentId=key)["$.name"] == "rich"
