"""One answer feeds the next request: offered, referred to, kept with its provenance; never across environments."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import astro_nb as anb
from astro_nb.call import Call
from astro_nb.environments import Provenance
from astro_nb.errors import PickError, UnknownName, UsageError
from astro_nb.linking.linking import provenance_at
from astro_nb.linking.response_references import PENDING
from astro_nb.runbooks import run
from astro_nb.schema import body_fields
from astro_nb.secrets import MASK, Secret
from astro_nb.workbench import SANDBOX_URL

TOKEN = {"name": "ci", "role": "ORGANIZATION_MEMBER", "scope": "ORGANIZATION", "kind": "STANDARD"}


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[anb.Workbench]:
    """A workbench on a sandbox of its own, without limits and without waiting, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    bench = anb.connect(history=None)
    assert isinstance(bench.sandbox, anb.Sandbox)
    bench.sandbox.speed, bench.sandbox.limits = 0, False
    yield bench
    bench.close()


def sent_to(api: anb.Workbench, operation: str) -> int:
    """How many requests of an operation went out."""
    return sum(exchange.operation.id == operation for exchange in api.session.exchanges)


def made(api: anb.Workbench) -> list[str]:
    """A chain of five as it stands on a sandbox, each resource found through the one before."""
    (home,) = [each for each in api.pages("ListWorkspaces") if each["name"] == "Five"]
    (deployment,) = api.call("ListDeployments", workspaceIds=[home["id"]])["$.deployments"]
    (variable,) = api.call("ListEnvironmentObjects", deploymentId=deployment["id"])["$.environmentObjects"]
    (deploy,) = api.call("ListDeploys", deploymentId=deployment["id"])["$.deploys"]
    (token,) = api.call("ListApiTokens", workspaceId=home["id"])["$.tokens"]
    of_variable = [variable["objectKey"], variable["airflowVariable"]["value"]]
    return [home["name"], deployment["name"], deployment["status"], *of_variable, deploy["type"], token["name"]]


# --- suggestions ------------------------------------------------------------------------------------------------------


def test_suggestions_begin_with_what_a_producer_answered(api: anb.Workbench) -> None:
    """Ids of workspaces, by name and with the reason, before those that merely stand in a Deployment."""
    first = api.call("ListWorkspaces", limit=1)
    api.call("ListDeployments", limit=100)
    offered = api.session.linking.suggestions("workspaceId", operation="CreateDeployment")
    assert (offered[0].value, offered[0].label, offered[0].reason) == (
        first["$.workspaces[0].id"],
        first["$.workspaces[0].name"],
        "from ListWorkspaces",
    )
    assert {s.reason for s in offered} == {"from ListWorkspaces", "from ListDeployments"}
    assert [s.value for s in api.session.linking.suggestions("workspaceId", 1)] == [offered[0].value]


def test_an_id_by_another_name_is_offered(api: anb.Workbench) -> None:
    """`defaultClusterId` takes a cluster's id, `workspaceIds` those of workspaces: no answer calls them so."""
    cluster = api.call("ListClusters")["$.clusters[0].id"]
    assert cluster in {
        s.value for s in api.session.linking.suggestions("defaultClusterId", operation="CreateWorkspace")
    }
    workspace = api.call("ListWorkspaces")["$.workspaces[0].id"]
    assert workspace in {s.value for s in api.session.linking.suggestions("workspaceIds", operation="ListDeployments")}


def test_suggestions_match_kinds_and_choices(api: anb.Workbench) -> None:
    """A value that a field cannot take is not suggested for it."""
    api.call("ListDeployments")
    (executor,) = [f for f in body_fields(api.spec.operation("CreateDeployment")) if f.name == "executor"]
    values = [s.value for s in api.session.linking.suggestions("executor", field=executor)]
    assert set(values) <= set(executor.info.choices)
    assert values
    assert api.session.linking.suggestions("isDevelopmentMode", operation="CreateDeployment") == []


def test_nothing_is_suggested_from_another_environment(api: anb.Workbench) -> None:
    """Neither from one of another name nor from another server of the same, unless it is asked for."""
    api.call("ListDeployments")
    here = api.session.linking.suggestions("deploymentId")
    home = api.environment
    for other in (
        replace(home, name="other"),
        home.with_base_url((home.base_url or "") + "0"),
        home.with_base_url("http://127.0.0.1:1/v1"),
    ):
        api.session.switch(other)
        assert api.session.linking.suggestions("deploymentId") == []
        assert api.session.linking.suggestions("deploymentId", everywhere=True) == here
    api.session.switch(home)
    assert api.session.linking.suggestions("deploymentId") == here


# --- references -------------------------------------------------------------------------------------------------------


def test_a_reference_takes_the_latest_answer(api: anb.Workbench) -> None:
    """In a parameter, a body, a header and a variable; nothing is asked for it again."""
    made = api.call("CreateWorkspace", name="chained")
    text = "{{responses.CreateWorkspace.id}}"
    assert api.call("GetWorkspace", workspaceId=text)["$.id"] == made["$.id"]
    created = api.call("CreateDeployment", name="orders", workspaceId=text)
    assert created["$.workspaceId"] == made["$.id"]
    api.variables["home"] = text
    call = Call(
        "GetWorkspace",
        {"organizationId": "{{organizationId}}", "workspaceId": "{{home}}"},
        headers={"X-Of": f"of {text}"},
    )
    assert dict(api.send(call).request.headers)["X-Of"] == f"of {made['$.id']}"
    assert sent_to(api, "CreateWorkspace") == 1


def test_a_missing_response_is_requested_once(api: anb.Workbench) -> None:
    """A list that nobody called is called, its required parameters from the variables; then it is there."""
    text = "{{responses.ListDeployments.deployments[0].id}}"
    first = api.call("GetDeployment", deploymentId=text)
    assert first.ok
    assert [exchange.operation.id for exchange in api.session.exchanges] == ["ListDeployments", "GetDeployment"]
    assert api.call("GetDeployment", deploymentId=text)["$.id"] == first["$.id"]
    assert sent_to(api, "ListDeployments") == 1
    api.call("GetDeployment", deploymentId=text[:-2] + "; ask=always}}")
    assert sent_to(api, "ListDeployments") == 2


def test_a_preview_sends_nothing_and_shows_what_is_there(api: anb.Workbench) -> None:
    """Before: that it is read when sent. After: the value. A snippet has nothing for the former."""
    text = "{{responses.ListDeployments.deployments[0].id}}"
    call = api.session.build_call("GetDeployment", {"deploymentId": text})
    assert api.session.resolve(text) == PENDING
    assert "read%20when%20sent" in api.session.preview(call).url
    with pytest.raises(UsageError, match="ListDeployments"):
        api.session.snippet("curl", call)
    assert len(api.history) == 0
    value = api.call("ListDeployments")["$.deployments[0].id"]
    assert api.session.resolve(text) == value
    assert value in api.session.preview(call).url
    assert value in api.session.snippet("curl", call)
    assert len(api.history) == 1


def test_what_was_shown_is_what_was_sent(api: anb.Workbench) -> None:
    """The request that is kept has the value that the answer asked for it gave."""
    exchange = api.call("GetDeployment", deploymentId="{{responses.ListDeployments.deployments[1].id; ask=always}}")
    assert exchange.request.url.endswith(exchange["$.id"])


def test_unsafe_operations_are_never_called_automatically(api: anb.Workbench) -> None:
    """An error, and nothing is sent; a default takes the place of the value."""
    with pytest.raises(UsageError, match="not called automatically"):
        api.call("GetDeployment", deploymentId="{{responses.CreateDeployment.id}}")
    assert len(api.history) == 0
    assert api.session.resolve("{{responses.CreateDeployment.id:-none}}") == "none"


def test_a_call_that_is_impossible_is_reported(api: anb.Workbench) -> None:
    """An operation whose own parameters no variable gives: which one, and how to give it."""
    with pytest.raises(UsageError, match=r"GetWorkspace would have to be called.*workspaceId"):
        api.call("GetDeployment", deploymentId="{{responses.GetWorkspace.id}}")


def test_circles_are_reported(api: anb.Workbench) -> None:
    """Responses that need each other: the error shows the circle, and nothing is sent."""
    api.variables["workspaceId"] = "{{responses.GetDeployment.workspaceId}}"
    api.variables["deploymentId"] = "{{responses.GetWorkspace.id}}"
    with pytest.raises(
        UsageError, match=r"GetDeployment → GetWorkspace → GetDeployment|GetWorkspace → GetDeployment → Get"
    ):
        api.call("GetDeployment")
    assert len(api.history) == 0


def test_responses_of_another_environment_do_not_count(api: anb.Workbench) -> None:
    """In another environment an answer is missing; back home it is there."""
    made = api.call("CreateWorkspace", name="here")
    home, text = api.environment, "{{responses.CreateWorkspace.id:-none}}"
    api.session.switch(replace(home, name="other", base_url="http://127.0.0.1:1/v1"))
    assert api.session.resolve(text) == "none"
    api.session.switch(home)
    assert api.session.resolve(text) == made["$.id"]


def test_the_history_of_the_same_server_counts(tmp_path: Path) -> None:
    """A later session finds the answers of an earlier one in the file; secrets are not among them."""
    with anb.Sandbox(speed=0, limits=False) as sandbox:
        login = {
            "spec": "astro-v1",
            "base_url": sandbox.url,
            "token": Secret.in_memory(sandbox.token(), "T"),
            "history": tmp_path,
        }
        first = anb.connect(**login)
        made = first.call("CreateWorkspace", name="kept")
        refused = first.call("CreateWorkspace", name="kept")
        assert not refused.ok  # the latest answer, and not a good one
        assert first.call("CreateApiToken", **TOKEN).ok
        first.close()
        later = anb.connect(**login)
        assert later.session.resolve("{{responses.CreateWorkspace.id}}") == made["$.id"]
        with pytest.raises(UsageError, match="stores no secrets"):
            later.session.resolve("{{responses.CreateApiToken.token}}")
        later.session.switch(later.environment.with_base_url("http://127.0.0.1:1/v1"))
        assert later.session.resolve("{{responses.CreateWorkspace.id:-none}}") == "none"
        later.close()


def test_a_secret_of_an_answer_is_sent_and_never_shown(api: anb.Workbench) -> None:
    """A one-time token goes into a header by reference; it is stars in the preview, the request and the history."""
    made = api.call("CreateApiToken", **TOKEN)
    assert made.ok, made
    value = made.reveal()["token"]
    call = Call(
        "ListWorkspaces",
        {"organizationId": "{{organizationId}}"},
        headers={"X-Token": "t {{responses.CreateApiToken.token}}"},
    )
    assert dict(api.session.preview(call).headers)["X-Token"] == f"t {MASK}"
    plan = api.session.prepare(call)
    assert value in str(plan.request.headers)
    assert value in plan.secrets
    assert value not in repr(plan.shown.headers)
    assert value not in api.session.snippet("curl", call)


# --- variables --------------------------------------------------------------------------------------------------------


def test_a_picked_value_keeps_its_provenance(api: anb.Workbench) -> None:
    """Operation, path, exchange and time; of a value out of a picked object the whole path."""
    listed = api.call("ListDeployments")
    api.variables["deploymentId"] = listed["$.deployments[0].id"]
    found = api.variables.all("deploymentId")[0]
    assert found.provenance == Provenance("ListDeployments", "$.deployments[0].id", listed.id, listed.started)
    assert found.source == str(found.provenance)
    api.variables["name"] = listed["$.deployments[1]"]["name"]
    (name,) = api.variables.all("name")
    assert name.provenance
    assert name.provenance.path == "$.deployments[1].name"
    assert type(listed["$.deployments[0].id"]) is str


def test_a_runbook_reads_a_variable_where_it_was_taken_from(api: anb.Workbench) -> None:
    """Two responses hold the same id: the one that it was picked from counts, not the one that looks better."""
    api.call("CreateWorkspace", name="here")
    listed = api.call("ListWorkspaces")
    place = next(n for n, workspace in enumerate(listed.items) if workspace["name"] == "here")
    for path in ("create", f"$.workspaces[{place}].id"):
        api.variables["workspaceId"] = api.session.exchanges[0]["$.id"] if path == "create" else listed[path]
        api.call("GetWorkspace", workspaceId="{{workspaceId}}")
        call = [cell for cell in api.runbook.source() if "GetWorkspace" in cell][-1]
        assert ("create_workspace[" in call, "list_workspaces[" in call) == (path == "create", path != "create"), call


def test_an_equal_value_has_no_provenance(api: anb.Workbench) -> None:
    """A value that is merely equal was set in Python, and so was one that was changed; a source that is given stays."""
    listed = api.call("ListDeployments")
    value = listed["$.deployments[0].id"]
    typed = json.loads(json.dumps([value, listed["$.totalCount"], True]))
    for given in (*typed, value + "x", value.upper(), value[:1]):
        api.variables["x"] = given
        assert api.variables.all("x")[0].source == "set in Python", given
    api.variables.set("x", value, "typed in the explorer")
    assert api.variables.all("x")[0].source == "typed in the explorer"


def test_a_value_is_kept_in_one_line(api: anb.Workbench) -> None:
    """`api.keep` tells the provenance of any kind of value; what is not there is an error."""
    listed = api.call("ListDeployments")
    kept = api.keep(listed, "$.totalCount", as_="count")
    assert (kept.value, api.variables["count"]) == (listed["$.totalCount"],) * 2
    assert kept.provenance == provenance_at(listed, "$.totalCount")
    assert api.keep(listed, "$..id", as_="first").value == listed["$..id"][0]
    with pytest.raises(UsageError, match=r"does not have \$\.gone"):
        api.keep(listed, "$.gone", as_="gone")
    with pytest.raises(PickError):
        listed["$.gone"]


def test_a_one_time_token_is_captured_without_being_shown(api: anb.Workbench) -> None:
    """It becomes a secret variable; so does a value with secret=True, and nothing shows either."""
    made = api.call("CreateApiToken", **TOKEN)
    value = made.reveal()["token"]
    kept = api.keep(made, "$.token", as_="token")
    said = api.keep(made, "$.name", as_="label", secret=True)
    for variable in (kept, said):
        assert isinstance(variable.value, Secret)
        assert variable.display_value == MASK
    assert kept.value.reveal() == value
    for shown in (repr(kept), repr(api.variables), kept.source, str(api.variables.rows())):
        assert value not in shown
    with pytest.raises(UsageError, match="no scalar"):
        api.keep(made, "$.roles", as_="roles", secret=True)


def test_an_unknown_variable_tells_where_it_could_come_from(api: anb.Workbench) -> None:
    """The operation that answers it, as a line of code that works."""
    hint = api.session.linking.hint("deploymentId")
    assert hint == (
        'ListDeployments returns it: api.variables["deploymentId"] = api.call("ListDeployments")["$.deployments[0].id"]'
    )
    api.variables["deploymentId"] = api.call("ListDeployments")["$.deployments[0].id"]  # what it says
    assert api.call("GetDeployment").ok
    assert api.session.linking.hint("description") == api.session.linking.hint("no such thing") == ""
    with pytest.raises(UnknownName, match="ListTeams returns it"):
        api.session.resolve("{{teamId}}")


def test_sources_and_uses_are_frames(api: anb.Workbench) -> None:
    """What CreateDeployment needs and who answers it; where the answer of CreateWorkspace goes."""
    sources = api.sources("CreateDeployment")
    first = sources[sources["field"] == "workspaceId"].iloc[0]
    assert (first["operation"], first["path"]) == ("ListWorkspaces", "$.workspaces[*].id")
    assert list(sources.columns) == ["field", "operation", "path", "reason"]
    uses = api.uses("CreateWorkspace")
    assert {"GetWorkspace", "CreateDeployment"} <= set(uses["operation"])


# --- written down -----------------------------------------------------------------------------------------------------


def test_references_are_replayed_on_a_fresh_sandbox(api: anb.Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A chain of five by references becomes picks from the steps; it runs headless elsewhere, on other ids."""
    api.call("CreateWorkspace", name="chained")
    api.call("CreateDeployment", name="orders", workspaceId="{{responses.CreateWorkspace.id}}")
    api.variables["deployed"] = "{{responses.CreateDeployment.id}}"
    api.call("GetDeployment", deploymentId="{{deployed}}")
    api.call(
        "CreateDeploy",
        deploymentId="{{responses.CreateDeployment.id}}",
        type="DAG_ONLY",
        description="of {{responses.CreateDeployment.name}}",
    )
    api.call("GetCluster", clusterId="{{responses.ListClusters.clusters[0].id}}")
    source = "\n".join(api.runbook.source())
    assert 'workspaceId=create_workspace["$.id"]' in source
    assert "of {{responses.CreateDeployment.name}}" in source
    path = api.runbook.write("chain.ipynb")
    with anb.Sandbox(speed=0, limits=False, seed=7) as fresh:
        monkeypatch.setenv(SANDBOX_URL, fresh.url)
        assert run(path).ok


def test_a_chain_of_five_is_replayed_on_a_fresh_sandbox(api: anb.Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kept, picked and referred to: workspace, Deployment, variable, deploy, and a token that is written nowhere."""
    home = api.call("CreateWorkspace", name="Five")
    api.keep(home, "$.id", as_="workspaceId")
    created = api.call("CreateDeployment", name="of-five", workspaceId="{{workspaceId}}")
    api.variables["deploymentId"] = created["$.id"]
    api.wait("GetDeployment", timeout=30)
    api.call(
        "CreateEnvironmentObject",
        objectType="AIRFLOW_VARIABLE",
        objectKey="region",
        scope="DEPLOYMENT",
        scopeEntityId="{{deploymentId}}",
        airflowVariable={"value": "emea"},
    )
    api.call("CreateDeploy", deploymentId="{{responses.CreateDeployment.id}}", type="DAG_ONLY")
    token = api.call(
        "CreateApiToken", name="ci", role="WORKSPACE_MEMBER", scope="WORKSPACE", entityId="{{workspaceId}}"
    )
    api.keep(token, "$.token", as_="token")
    api.send(Call("ListWorkspaces", {"organizationId": "{{organizationId}}"}, headers={"X-Token": "{{token}}"}))
    path = api.runbook.write("five.ipynb")
    text = path.read_text()
    assert 'api.variables[\\"token\\"] = create_api_token[\\"$.token\\"]' in text
    expected = ["Five", "of-five", "HEALTHY", "region", "emea", "DAG_ONLY", "ci"]
    assert made(api) == expected
    assert not [value for value in (home["$.id"], created["$.id"], token.reveal()["token"]) if value in text]
    with anb.Sandbox(speed=0, limits=False, seed=7) as fresh:
        monkeypatch.setenv(SANDBOX_URL, fresh.url)
        result = run(path)
        assert result.ok, result.error
        with contextlib.closing(anb.connect(history=None)) as elsewhere:
            assert made(elsewhere) == expected


def test_every_response_of_the_sandbox_can_be_used(api: anb.Workbench) -> None:
    """Of each list that is called, the first id goes by reference into the operation that gets one."""
    pairs: list[tuple[str, str, Any]] = [
        ("GetWorkspace", "workspaceId", "{{responses.ListWorkspaces.workspaces[0].id}}"),
        ("GetTeam", "teamId", "{{responses.ListTeams.teams[0].id}}"),
        ("GetUser", "userId", "{{responses.ListUsers.users[0].id}}"),
        ("GetApiToken", "tokenId", "{{responses.ListApiTokens.tokens[0].id}}"),
        ("GetCluster", "clusterId", "{{responses.ListClusters.$..id}}"),
    ]
    for operation, name, text in pairs:
        assert api.call(operation, **{name: text}).ok, operation
