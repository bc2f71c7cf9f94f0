"""What the sandbox does for every API: lists, the gateway, permissions, and refusals."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from support.sandbox import NOW, Caller, Clock, send_raw

from astro_nb.environments.environment import read_token
from astro_nb.errors import UnknownName
from astro_nb.messages import Request
from astro_nb.openapi import Spec
from astro_nb.sandbox import Sandbox
from astro_nb.sandbox.requests import Route, Router

pytest_plugins = ["support.sandbox_fixtures"]

# ── Lists ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_pages_join_without_gap_or_double(caller: Caller) -> None:
    """Pages of 20 by default; offset and limit reach every item once, and a page past the end is empty."""
    seen: list[str] = []
    while True:
        page = caller("ListDeployments", offset=len(seen)).json()
        if not page["deployments"]:
            break
        assert (page["offset"], page["limit"], page["totalCount"]) == (len(seen), 20, 48)
        seen += [d["id"] for d in page["deployments"]]
    assert len(seen) == len(set(seen)) == 48
    assert caller("ListDeployments", limit=0).json()["deployments"] == []


def test_filters_and_sorts(caller: Caller) -> None:
    """Every declared filter selects, repeated keys are alternatives, and sorts order in both directions."""
    workspace = caller.first("ListWorkspaces", names=["Analytics"])
    mine = caller("ListDeployments", workspaceIds=[workspace["id"]], limit=100).json()["deployments"]
    assert {d["workspaceName"] for d in mine} == {"Analytics"}
    names = [mine[0]["name"], mine[3]["name"]]
    assert [d["name"] for d in caller("ListDeployments", names=names).json()["deployments"]] == names
    assert caller("ListDeployments", deploymentIds=[mine[2]["id"]]).json()["totalCount"] == 1
    ordered = [d["name"] for d in caller("ListDeployments", sorts=["name:desc"], limit=100).json()["deployments"]]
    assert ordered == sorted(ordered, reverse=True)
    assert caller("ListClusters", provider="GCP").json()["clusters"][0]["cloudProvider"] == "GCP"
    assert {t["name"] for t in caller("ListTeams", workspaceId=workspace["id"]).json()["teams"]} == {
        "Analysts", "Analytics Engineers"
    }  # fmt: skip
    assert 0 < caller("ListUsers", workspaceId=workspace["id"]).json()["totalCount"] < 24
    assert caller("ListApiTokens", includeOnlyOrganizationTokens="true").json()["totalCount"] == 2
    assert caller("ListApiTokens", workspaceId=workspace["id"]).json()["tokens"][0]["name"] == "ci-analytics"
    assert (
        caller("ListEnvironmentObjects", objectType="CONNECTION", workspaceId=workspace["id"]).json()["totalCount"] == 1
    )
    roles = caller("ListRoles", includeDefaultRoles="true").json()
    assert len(roles["roles"]) == 3
    assert len(roles["defaultRoles"]) > 5
    assert not caller("ListRoles").json().get("defaultRoles")
    assert {g["scope"] for g in caller("ListPermissionGroups", scopeType="DAG").json()} == {"DAG"}
    assert [o["provider"] for o in caller("GetClusterOptions", type="DEDICATED", provider="AWS").json()] == ["AWS"]


def test_wrong_spelling_of_arrays_selects_nothing(caller: Caller) -> None:
    """`names=a,b` is one name with a comma, and `names[]=a` is no parameter at all: as in the real API."""
    some = [d["name"] for d in caller("ListDeployments", limit=2).json()["deployments"]]
    assert caller("ListDeployments", names=",".join(some)).json()["totalCount"] == 0
    path = f"organizations/{caller.ids['organizationId']}/deployments?names[]={some[0]}"
    response = caller.client.get(path, headers={"Authorization": f"Bearer {caller.token}"})
    assert response.json()["totalCount"] == 48


@pytest.mark.parametrize(
    ("name", "arguments", "field"),
    [
        ("ListDeployments", {"limit": "ten"}, "limit"),
        ("ListWorkspaces", {"limit": 1001}, "limit"),
        ("ListDeployments", {"offset": -1}, "offset"),
        ("ListDeployments", {"sorts": ["colour:asc"]}, "sorts"),
        ("GetClusterOptions", {}, "type"),
        ("GetOrganization", {"isLookUpOnly": "perhaps"}, "isLookUpOnly"),
        ("GetOrganizationAuditLogs", {"startDate": "yesterday"}, "startDate"),
    ],
)
def test_bad_parameters_are_refused(caller: Caller, name: str, arguments: dict[str, Any], field: str) -> None:
    """A parameter that does not match its declaration is a 400 in the error envelope that names the field."""
    response = caller(name, status=400, **arguments)
    problem = orjson.loads(response.content)
    assert problem["fieldErrors"][0]["field"] == field
    assert problem["message"].startswith("Invalid request: ")
    assert problem["requestId"] == response.headers["x-request-id"]
    assert problem["statusCode"] == 400


# ── The gateway and permissions ───────────────────────────────────────────────────────────────────────────────────────


def test_gateway_speaks_plain_text(paused: Sandbox) -> None:
    """Without a token 403, with a malformed, expired or foreign one 401: plain text, in the words of the real API."""
    expected = {
        "": (403, "RBAC: access denied"),
        "nonsense": (401, "Jwt is not in the form of Header.Payload.Signature with two dots and 3 sections"),
        paused.token(expired=True): (401, "Jwt is expired"),
        paused.token()[:-2] + "xx": (401, "Jwt verification fails"),
    }
    for token, (status, text) in expected.items():
        response = send_raw(paused, "GET", "/organizations", token=token)
        assert (response.status, response.text, response.media_type) == (status, text, "text/plain")
        assert dict(response.headers)["X-Request-Id"]


def test_claims_of_tokens(paused: Sandbox) -> None:
    """Tokens of every scope are JWTs whose claims carry the ids and the expiry, as real ones do."""
    notes = paused.spec.extensions.token
    names = {scope: set(read_token(paused.token(scope), notes).variables) for scope in ("organization", "workspace")}
    assert names == {"organization": {"organizationId"}, "workspace": {"organizationId", "workspaceId"}}
    assert not read_token(paused.token()).expired(NOW)
    assert read_token(paused.token(expired=True)).expired(NOW)
    with pytest.raises(UnknownName, match="token scope"):
        paused.token("planet")


def test_workspace_token_sees_its_workspace(caller: Caller, paused: Sandbox) -> None:
    """A Workspace token lists only its own Workspace, reads nothing else, and creates nothing elsewhere."""
    workspaces = caller("ListWorkspaces").json()["workspaces"]
    home, other = workspaces[1]["id"], workspaces[2]["id"]
    foreign = caller.first("ListDeployments", workspaceIds=[other])
    caller.token = paused.token("workspace", workspaceId=home)
    assert {d["workspaceId"] for d in caller("ListDeployments", limit=100).json()["deployments"]} == {home}
    assert [w["id"] for w in caller("ListWorkspaces").json()["workspaces"]] == [home]
    assert caller("GetDeployment", deploymentId=foreign["id"], status=403).json()["statusCode"] == 403
    caller("CreateDeployment", {"name": "mine", "workspaceId": home}, status=200)
    caller("CreateDeployment", {"name": "theirs", "workspaceId": other}, status=403)
    assert "organization.users.get" in caller("ListUsers", status=403).json()["message"]


def test_member_reads_and_no_more(caller: Caller, paused: Sandbox) -> None:
    """A member's token may read everything and change nothing, `.access` permissions included."""
    deployment = caller.first("ListDeployments")["id"]
    caller.token = paused.token("member")
    caller("ListDeployments", status=200)
    caller("ListApiTokens", status=200)
    caller("DeleteDeployment", deploymentId=deployment, status=403)
    caller("CreateWorkspace", {"name": "no"}, status=403)
    caller("CreateApiToken", {"name": "no", "scope": "ORGANIZATION", "role": "ORGANIZATION_OWNER"}, status=403)


def test_rate_limits_by_token_and_method(spec: Spec, clock: Clock) -> None:
    """25 GET and 10 POST in a second, 2 audit logs in a minute, by token; past it a plain 429, until time passes."""
    server = Sandbox(spec, clock=clock, now=clock.now)
    token, other = server.token(), server.token("member")
    organization = read_token(token, spec.extensions.token).variables["organizationId"]
    statuses = [send_raw(server, "GET", "/organizations", token=token).status for _ in range(27)]
    assert statuses == [200] * 25 + [429] * 2
    assert send_raw(server, "GET", "/organizations", token=other).status == 200
    posts = [send_raw(server, "POST", f"/organizations/{organization}/teams", {}, token).status for _ in range(11)]
    assert posts == [400] * 10 + [429]
    refused = send_raw(server, "GET", "/organizations", token=token)
    assert (refused.media_type, dict(refused.headers)["Retry-After"]) == ("text/plain", "1")
    assert not refused.is_json
    clock.seconds += 1 / 25
    assert send_raw(server, "GET", "/organizations", token=token).status == 200
    logs = [send_raw(server, "GET", f"/organizations/{organization}/audit-logs", token=token) for _ in range(3)]
    assert [response.status for response in logs] == [200, 200, 429]
    assert dict(logs[2].headers)["Retry-After"] == "30"
    server.retry_after = False
    assert "Retry-After" not in dict(
        send_raw(server, "GET", f"/organizations/{organization}/audit-logs", token=token).headers
    )
    server.limits = False
    assert send_raw(server, "GET", f"/organizations/{organization}/audit-logs", token=token).status == 200


def test_unknown_paths_and_methods(paused: Sandbox) -> None:
    """An unknown path is 404 and a wrong method 405 (with `Allow`), both in the document's envelope."""
    lost = send_raw(paused, "GET", "/nowhere")
    assert (lost.status, set(lost.json())) == (404, {"message", "requestId", "statusCode"})
    wrong = send_raw(paused, "PATCH", "/organizations")
    assert (wrong.status, dict(wrong.headers)["Allow"], wrong.json()["statusCode"]) == (405, "GET", 405)
    assert paused.handle(Request("GET", "http://localhost/v2/organizations")).status == 404


def test_ids_are_checked_from_the_top_down(caller: Caller) -> None:
    """A wrong organization is 404 even for lists, and a deploy is routes below its own Deployment alone."""
    caller("ListDeployments", organizationId="cm000000000000000000000xx", status=404)
    one, two = caller("ListDeployments", limit=2).json()["deployments"]
    deploy = caller.first("ListDeploys", deploymentId=one["id"])
    caller("GetDeploy", deploymentId=one["id"], deployId=deploy["id"], status=200)
    caller("GetDeploy", deploymentId=two["id"], deployId=deploy["id"], status=404)


def test_two_templates_of_one_path(spec: Spec) -> None:
    """`/roles/{customRoleId}` and `/roles/{roleId}` share a path; the method tells them apart."""
    router = Router(spec)
    routes = {m: router.find(m, "/organizations/o1/roles/r%201") for m in ("GET", "POST", "DELETE")}
    assert {m: r.operation.id for m, r in routes.items() if isinstance(r, Route)} == {
        "GET": "GetCustomRole", "POST": "UpdateCustomRole", "DELETE": "DeleteCustomRole"
    }  # fmt: skip
    assert isinstance(routes["GET"], Route)
    assert routes["GET"].path == {"organizationId": "o1", "roleId": "r 1"}
