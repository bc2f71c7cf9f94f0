"""The sandbox behaves like the Astro API: its seed, Deployments, and every other resource."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import orjson
import pytest
from support.sandbox import TLS, Caller, Clock, minimal_deployment, replacement, send_raw

from astro_nb.environments.environment import read_token
from astro_nb.errors import UsageError
from astro_nb.openapi import Spec
from astro_nb.sandbox import Sandbox, SandboxClient
from astro_nb.sandbox.clock import Event, LifeCycle, Timeline

pytest_plugins = ["support.sandbox_fixtures"]

# ── The seed ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_seed_is_believable(caller: Caller) -> None:
    """The seed holds an organization with every state that lessons need."""
    deployments = caller("ListDeployments", limit=100).json()
    states = [d["status"] for d in deployments["deployments"]]
    assert deployments["totalCount"] == len(states) == 48
    assert states.count("UNHEALTHY") == 2
    assert states.count("DEPLOYING") == 1
    assert 3 <= states.count("HIBERNATING") <= 14
    assert all(d["isDevelopmentMode"] for d in deployments["deployments"] if d["status"] == "HIBERNATING")
    assert len({d["workspaceId"] for d in deployments["deployments"]}) == 4
    counts = {
        name: caller(name, limit=1).json()["totalCount"]
        for name in ("ListWorkspaces", "ListClusters", "ListUsers", "ListTeams", "ListApiTokens", "ListRoles")
    }
    assert counts == {
        "ListWorkspaces": 4, "ListClusters": 3, "ListUsers": 24, "ListTeams": 6, "ListApiTokens": 8, "ListRoles": 3
    }  # fmt: skip
    objects = caller("ListEnvironmentObjects", limit=50).json()["environmentObjects"]
    assert len(objects) == 12
    assert {o["objectType"] for o in objects} == {
        "CONNECTION", "ENVIRONMENT_VARIABLE", "AIRFLOW_VARIABLE", "METRICS_EXPORT"
    }  # fmt: skip
    assert all(
        caller("ListTeamMembers", teamId=t["id"]).json()["teamMembers"] for t in caller("ListTeams").json()["teams"]
    )
    assert caller("ListDeploys", deploymentId=deployments["deployments"][0]["id"]).json()["totalCount"] >= 2


def test_seed_repeats_itself(spec: Spec, clock: Clock) -> None:
    """The same seed gives the same bytes, whatever was read before; another seed gives others."""

    def deployments(seed: int, *before: str) -> bytes:
        server = Sandbox(spec, seed=seed, clock=clock, now=clock.now)
        token = server.token()
        organization = send_raw(server, "GET", "/organizations", token=token).json()["organizations"][0]["id"]
        for path in before:
            send_raw(server, "GET", f"/organizations/{organization}/{path}", token=token)
        return send_raw(server, "GET", f"/organizations/{organization}/deployments", token=token).body

    assert deployments(0) == deployments(0, "teams", "environment-objects", "users")
    assert deployments(0) != deployments(1)


def test_dates_lie_in_the_past(caller: Caller) -> None:
    """Nothing in the seed was created after now, nor changed before it was created."""
    for name in ("ListDeployments", "ListWorkspaces", "ListUsers", "ListTeams", "ListApiTokens", "ListClusters"):
        items = next(v for v in caller(name, limit=100).json().values() if isinstance(v, list))
        assert all(i["createdAt"] <= i["updatedAt"] <= "2026-07-01" for i in items), name


def test_a_clock_before_the_epoch(spec: Spec, clock: Clock) -> None:
    """If the clock is before the seed's epoch, the seed is dated by the clock, not in the future."""
    early = datetime(2025, 1, 1, tzinfo=UTC)
    server = Sandbox(spec, clock=clock, now=lambda: early)
    token = server.token()
    organization = send_raw(server, "GET", "/organizations", token=token).json()["organizations"][0]["id"]
    items = send_raw(server, "GET", f"/organizations/{organization}/deployments", token=token).json()["deployments"]
    assert max(i["createdAt"] for i in items) < "2025-01-01T00:00:01Z"


# ── Deployments ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_life_of_a_deployment(caller: Caller, clock: Clock) -> None:
    """A minimal body creates a Deployment that becomes HEALTHY, is listed, updated and deleted, and is then a 404."""
    made = caller.create("CreateDeployment", minimal_deployment(caller))
    assert made["status"] == "CREATING"
    assert (made["type"], made["executor"], made["schedulerSize"]) == ("STANDARD", "CELERY", "SMALL")
    assert len(made["id"]) == 25
    assert made["createdBy"]["subjectType"] == "SERVICEKEY"
    where = {"deploymentId": made["id"]}
    clock.seconds += 19
    assert caller("GetDeployment", **where).json()["status"] == "CREATING"
    clock.seconds += 2
    read = caller("GetDeployment", **where).json()
    assert read["status"] == "HEALTHY"
    assert caller("ListDeployments").json()["totalCount"] == 49
    changed = caller.create("UpdateDeployment", replacement(read, name="etl-2"), **where)
    assert (changed["name"], changed["status"]) == ("etl-2", "DEPLOYING")
    clock.seconds += 16
    assert caller("GetDeployment", **where).json()["status"] == "HEALTHY"
    response = caller("DeleteDeployment", status=204, **where)
    assert response.content == b""
    caller("GetDeployment", status=404, **where)
    caller("DeleteDeployment", status=404, **where)


def test_empty_type_means_standard(caller: Caller) -> None:
    """An empty discriminator stands for STANDARD; an unknown one is refused."""
    assert caller.create("CreateDeployment", minimal_deployment(caller, "one", type=""))["type"] == "STANDARD"
    caller("CreateDeployment", minimal_deployment(caller, "two", type="ENORMOUS"), status=400)


def test_duplicate_name_is_a_400(caller: Caller) -> None:
    """A second Deployment of a name in a Workspace is refused in the real API's words; elsewhere the name is free."""
    caller.create("CreateDeployment", minimal_deployment(caller))
    problem = caller("CreateDeployment", minimal_deployment(caller), status=400).json()
    assert problem["message"] == "Invalid request: Deployment name 'etl' already exists in this workspace"
    other = caller.first("ListWorkspaces", names=["Analytics"])["id"]
    caller.create("CreateDeployment", minimal_deployment(caller, workspaceId=other))


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        ({}, "name", "required"),
        ({"name": 7, "workspaceId": "x"}, "name", "type"),
        ({"name": "x", "workspaceId": "nowhere"}, "workspaceId", "exists"),
        ({"name": "x" * 501, "workspaceId": "x"}, "name", "maxLength"),
        ({"name": "x", "workspaceId": "x", "executor": "SLURM"}, "executor", "enum"),
        (
            {"name": "x", "workspaceId": "x", "environmentVariables": [{"key": "A"}]},
            "environmentVariables[0].isSecret",
            "required",
        ),
    ],
)
def test_bad_bodies_are_refused(caller: Caller, body: Any, field: str, code: str) -> None:
    """A body that does not match the document is a 400 that names each field and its rule."""
    problem = caller("CreateDeployment", body, status=400).json()
    assert {"field": field, "code": code}.items() <= problem["fieldErrors"][0].items()
    assert problem["message"].startswith("Invalid request: ")


def test_body_that_is_not_json(caller: Caller) -> None:
    """A body that is not JSON, or missing, is refused before anything is created."""
    path = f"organizations/{caller.ids['organizationId']}/deployments"
    for content in (b"{", b""):
        response = caller.client.post(path, content=content, headers={"Authorization": f"Bearer {caller.token}"})
        assert response.status_code == 400
        assert response.json()["message"].startswith("Invalid request: ")


def test_update_replaces_lists(caller: Caller) -> None:
    """An update removes the entries that it leaves out; the others keep their ids, and a secret its value."""
    variables = [
        {"key": "KEEP", "value": "1", "isSecret": False},
        {"key": "DROP", "value": "2", "isSecret": False},
        {"key": "PASSWORD", "value": "hunter2", "isSecret": True},
    ]
    made = caller.create("CreateDeployment", minimal_deployment(caller, environmentVariables=variables))
    where = {"deploymentId": made["id"]}
    queue = made["workerQueues"][0]
    body = replacement(made)
    body["environmentVariables"] = [v for v in body["environmentVariables"] if v["key"] != "DROP"]
    more = {
        "astroMachine": "A20",
        "isDefault": False,
        "maxWorkerCount": 3,
        "minWorkerCount": 0,
        "name": "big",
        "workerConcurrency": 8,
    }
    body["workerQueues"].append(more)
    after = caller.create("UpdateDeployment", body, **where)
    assert [v["key"] for v in after["environmentVariables"]] == ["KEEP", "PASSWORD"]
    assert after["workerQueues"][0]["id"] == queue["id"]
    assert after["workerQueues"][1]["podMemory"] == "8Gi"
    stored = caller.sandbox.engine.state.find("deployment", made["id"])
    assert stored is not None
    assert stored["environmentVariables"][1]["value"] == "hunter2"
    emptied = caller.create("UpdateDeployment", replacement(after, environmentVariables=[]), **where)
    assert emptied["environmentVariables"] == []


def test_queues_belong_to_celery(caller: Caller) -> None:
    """A KUBERNETES Deployment has no worker queues, and going back to CELERY brings the default one."""
    made = caller.create("CreateDeployment", minimal_deployment(caller, executor="KUBERNETES"))
    assert "workerQueues" not in made
    body = {
        k: v for k, v in replacement({**made, "workerQueues": []}, executor="CELERY").items() if k != "workerQueues"
    }
    after = caller.create("UpdateDeployment", body, deploymentId=made["id"])
    assert [q["name"] for q in after["workerQueues"]] == ["default"]


def test_secrets_never_come_back(caller: Caller, spec: Spec) -> None:
    """No secret of the seed, and none that is sent, is in any response, list or read."""
    secret = "pl4nted-s3cr3t"
    variables = [{"key": "P", "value": secret, "isSecret": True}]
    made = caller.create("CreateDeployment", minimal_deployment(caller, environmentVariables=variables))
    connection = {"type": "http", "password": secret, "extra": {"token": secret}, "login": "ada"}
    scope = {"scope": "WORKSPACE", "scopeEntityId": made["workspaceId"]}
    created = caller.create(
        "CreateEnvironmentObject", {"objectType": "CONNECTION", "objectKey": "c", "connection": connection, **scope}
    )
    read = caller("GetEnvironmentObject", environmentObjectId=created["id"]).json()
    assert "password" in read["setFields"]
    assert read["connection"] == {"type": "http", "login": "ada"}
    caller.ids["deploymentId"] = made["id"]
    for operation in spec:
        if operation.method == "GET" and "{" not in operation.path.replace("{organizationId}", ""):
            arguments = {"type": "DEDICATED"} if operation.id == "GetClusterOptions" else {}
            assert not any(s in caller(operation.id, **arguments).text for s in (secret, "s3cr3t")), operation.id
    assert secret not in caller("GetDeployment").text
    shown = caller("ListEnvironmentObjects", showSecrets="true", objectKey="c").json()["environmentObjects"][0]
    assert shown["connection"]["password"] == secret


def test_failing_on_purpose(caller: Caller, clock: Clock) -> None:
    """A Deployment with "fail" in its description becomes UNHEALTHY with a reason, until the word is gone."""
    made = caller.create("CreateDeployment", minimal_deployment(caller, description="This will FAIL"))
    clock.seconds += 30
    read = caller("GetDeployment", deploymentId=made["id"]).json()
    assert read["status"] == "UNHEALTHY"
    assert read["statusReason"]
    caller.create("UpdateDeployment", replacement(read, description="Mended"), deploymentId=made["id"])
    clock.seconds += 30
    assert caller("GetDeployment", deploymentId=made["id"]).json()["status"] == "HEALTHY"


def test_lag(caller: Caller, clock: Clock) -> None:
    """With a lag the old state is still shown after a change, then those of the change; a new resource has no lag."""
    made = caller.create("CreateDeployment", minimal_deployment(caller))
    assert made["status"] == "CREATING"
    clock.seconds += 30
    caller.sandbox.lag = 5
    read = caller("GetDeployment", deploymentId=made["id"]).json()
    after = caller.create("UpdateDeployment", replacement(read, description="new"), deploymentId=made["id"])
    assert (after["status"], after["description"]) == ("HEALTHY", "new")
    shown = []
    for seconds in (4.9, 0.2, 14.8, 0.2):
        clock.seconds += seconds
        shown.append(caller("GetDeployment", deploymentId=made["id"]).json()["status"])
    assert shown == ["HEALTHY", "DEPLOYING", "DEPLOYING", "HEALTHY"]
    assert caller.create("CreateDeployment", minimal_deployment(caller, "second"))["status"] == "CREATING"
    caller.sandbox.lag = None
    assert caller.create("UpdateDeployment", replacement(read), deploymentId=made["id"])["status"] == "DEPLOYING"
    with pytest.raises(ValueError, match="0 or more"):
        caller.sandbox.lag = -1


def test_lag_of_a_life_cycle(spec: Spec) -> None:
    """A life cycle may declare a lag; the control overrides it, also from another process."""
    cycle = LifeCycle("status", {"update": Event("A", {"B": 10})}, lag=3.0)
    before = Timeline((), "A")
    assert cycle.begin("update", {"_timeline": before}, 100.0).through == (("A", 103.0), ("B", 113.0))
    assert cycle.begin("update", {"_timeline": before}, 100.0, lag=0.0).through == (("B", 110.0),)
    assert cycle.begin("update", {}, 100.0).through == (("B", 110.0),)
    with Sandbox(spec) as server:
        client = SandboxClient(server.url)
        assert client.lag is None
        client.lag = 2
        assert (server.lag, client.lag) == (2.0, 2.0)
        client.lag = None
        assert server.lag is None
        with pytest.raises(UsageError):
            client.lag = -1


def test_speed(caller: Caller, clock: Clock) -> None:
    """At speed 10 a second is worth ten; at 0 every transition that has begun is over, and stays so."""
    caller.sandbox.speed = 10
    made = caller.create("CreateDeployment", minimal_deployment(caller))
    clock.seconds += 2.1
    assert caller("GetDeployment", deploymentId=made["id"]).json()["status"] == "HEALTHY"
    second = caller.create("CreateDeployment", minimal_deployment(caller, "second"))
    assert second["status"] == "CREATING"
    caller.sandbox.speed = 0
    assert caller("GetDeployment", deploymentId=second["id"]).json()["status"] == "HEALTHY"
    third = caller.create("CreateDeployment", minimal_deployment(caller, "third"))
    assert third["status"] == "HEALTHY"
    caller.sandbox.speed = 1
    assert caller("GetDeployment", deploymentId=third["id"]).json()["status"] == "HEALTHY"


def test_hibernation(caller: Caller, clock: Clock) -> None:
    """Only a Deployment in development mode can hibernate; the override ends by DELETE, or by itself at its time."""
    awake = caller.create("CreateDeployment", minimal_deployment(caller))
    asleep = caller.create("CreateDeployment", minimal_deployment(caller, "dev", isDevelopmentMode=True))
    clock.seconds += 30
    caller("UpdateDeploymentHibernationOverride", {"isHibernating": True}, deploymentId=awake["id"], status=400)
    where = {"deploymentId": asleep["id"]}
    shown = caller("UpdateDeploymentHibernationOverride", {"isHibernating": True}, status=200, **where).json()
    assert shown == {"isActive": True, "isHibernating": True}
    read = caller("GetDeployment", **where).json()
    assert read["status"] == "HIBERNATING"
    assert read["scalingSpec"]["hibernationSpec"]["override"]["isHibernating"]
    assert read["scalingStatus"]["hibernationStatus"]["isHibernating"]
    caller("DeleteDeploymentHibernationOverride", status=204, **where)
    read = caller("GetDeployment", **where).json()
    assert read["status"] == "HEALTHY"
    assert "override" not in read["scalingSpec"]["hibernationSpec"]
    until = (clock.now() + timedelta(hours=1)).isoformat()
    caller("UpdateDeploymentHibernationOverride", {"isHibernating": True, "overrideUntil": until}, status=200, **where)
    assert caller("GetDeployment", **where).json()["status"] == "HIBERNATING"
    clock.seconds += 3700
    assert caller("GetDeployment", **where).json()["status"] == "HEALTHY"


def test_deploy_from_create_to_rollback(caller: Caller, clock: Clock) -> None:
    """A deploy is created, uploaded to the signed URL without a token, finalized with the version, and rolled back."""
    made = caller.create("CreateDeployment", minimal_deployment(caller))
    where = {"deploymentId": made["id"]}
    clock.seconds += 30
    deploy = caller.create("CreateDeploy", {"type": "DAG_ONLY", "description": "first"}, **where)
    assert deploy["status"] == "INITIALIZED"
    caller("FinalizeDeploy", {}, deployId=deploy["id"], status=400, **where)
    blob = {"x-ms-blob-type": "BlockBlob"}
    with httpx.Client(verify=TLS) as stranger:
        refused = stranger.put(deploy["dagsUploadUrl"], content=b"x", headers={**blob, "Authorization": "Bearer x"})
        assert refused.status_code == 400
        assert stranger.put(deploy["dagsUploadUrl"], content=b"x").status_code == 400
        uploaded = stranger.put(deploy["dagsUploadUrl"], content=b"tarball", headers=blob)
    assert uploaded.status_code == 201
    version = uploaded.headers["x-ms-version-id"]
    caller("FinalizeDeploy", {"dagTarballVersion": version}, deployId=deploy["id"], status=200, **where)
    rolling = caller("GetDeployment", **where).json()
    assert (rolling["status"], rolling["desiredDagTarballVersion"]) == ("DEPLOYING", version)
    assert rolling.get("dagTarballVersion") != version
    clock.seconds += 30
    settled = caller("GetDeployment", **where).json()
    assert (settled["status"], settled["dagTarballVersion"]) == ("HEALTHY", version)
    assert caller("GetDeploy", deployId=deploy["id"], **where).json()["status"] == "DEPLOYED"
    caller("FinalizeDeploy", {"dagTarballVersion": version}, deployId=deploy["id"], status=400, **where)
    back = caller.create("DeployRollback", {"description": "back"}, deployId=deploy["id"], **where)
    assert back["rollbackFromId"] == deploy["id"]
    assert caller("GetDeployment", **where).json()["status"] == "DEPLOYING"
    changed = caller.create("UpdateDeploy", {"description": "renamed"}, deployId=deploy["id"], **where)
    assert changed["description"] == "renamed"
    assert caller("ListDeploys", **where).json()["totalCount"] == 2


def test_logs(caller: Caller) -> None:
    """Logs are searched by source and text, paged under one search id, and the same span holds the same lines."""
    where = {"deploymentId": caller.first("ListDeployments")["id"], "sources": ["scheduler", "worker"]}
    page = caller("GetDeploymentLogs", limit=50, **where).json()
    assert page["resultCount"] == len(page["results"]) == 50
    assert {line["source"] for line in page["results"]} == {"scheduler", "worker"}
    following = caller("GetDeploymentLogs", limit=50, offset=50, searchId=page["searchId"], **where).json()
    assert following["searchId"] == page["searchId"]
    assert following["results"][0] not in page["results"]
    assert caller("GetDeploymentLogs", limit=50, **where).json()["results"] == page["results"]
    read = caller("GetDeploymentLogs", searchText="up for retry", **where).json()["results"]
    assert read
    assert all("up for retry" in line["raw"] for line in read)
    caller("GetDeploymentLogs", status=400, startDate="2026-07-01T00:00:00Z", **where)
    caller("GetDeploymentLogs", status=400, searchId="nonsense", **where)
    caller("GetDeploymentLogs", status=400, deploymentId=where["deploymentId"])


def test_audit_logs_are_gzipped_lines(caller: Caller) -> None:
    """Audit logs come as NDJSON in gzip, as an octet stream, and so do their errors; a time span selects."""
    response = caller("GetOrganizationAuditLogs", startDate="2026-06-30T00:00:00Z", endDate="2026-07-01T00:00:00Z")
    assert response.headers["content-encoding"] == "gzip"
    assert response.headers["content-type"] == "application/octet-stream"
    lines = [orjson.loads(line) for line in response.text.splitlines()]
    assert len(lines) == 49
    assert lines[0]["timestamp"] == "2026-06-30T00:00:00Z"
    wrong = caller("GetOrganizationAuditLogs", startDate="soon", status=400)
    assert wrong.headers["content-type"] == "application/octet-stream"
    assert orjson.loads(wrong.content)["statusCode"] == 400


# ── The other resources ───────────────────────────────────────────────────────────────────────────────────────────────


def test_workspaces(caller: Caller) -> None:
    """Workspaces are created, changed and deleted; one that has Deployments is not deleted."""
    made = caller.create("CreateWorkspace", {"name": "Lab"})
    assert made["organizationName"] == "Northwind Data"
    caller("CreateWorkspace", {"name": "lab"}, status=400)
    body = {"name": "Lab 2", "description": "new", "cicdEnforcedDefault": True}
    assert caller.create("UpdateWorkspace", body, workspaceId=made["id"])["description"] == "new"
    deployment = caller.create("CreateDeployment", {"name": "d", "workspaceId": made["id"]})
    assert (deployment["isCicdEnforced"], deployment["workspaceName"]) == (True, "Lab 2")
    caller("DeleteWorkspace", workspaceId=made["id"], status=400)
    caller("DeleteDeployment", deploymentId=deployment["id"], status=204)
    caller("DeleteWorkspace", workspaceId=made["id"], status=204)
    caller("GetWorkspace", workspaceId=made["id"], status=404)


def test_clusters(caller: Caller, clock: Clock) -> None:
    """A cluster is CREATING, then CREATED; an update has other names in its response, and pools keep their ids."""
    body = {
        "cloudProvider": "AWS",
        "name": "new",
        "region": "us-east-1",
        "type": "DEDICATED",
        "vpcSubnetRange": "10.9.0.0/20",
    }
    made = caller.create("CreateCluster", body)
    where = {"clusterId": made["id"]}
    assert made["status"] == "CREATING"
    clock.seconds += 61
    assert caller("GetCluster", **where).json()["status"] == "CREATED"
    pool = made["nodePools"][0]
    pools = [{"id": pool["id"], "maxNodeCount": 5, "name": "default", "nodeInstanceType": "m5.xlarge"}]
    change = {"clusterType": "DEDICATED", "name": "newer", "k8sTags": [{"key": "a", "value": "b"}], "nodePools": pools}
    after = caller.create("UpdateCluster", change, **where)
    assert (after["name"], after["status"], after["tags"]) == ("newer", "UPDATING", [{"key": "a", "value": "b"}])
    assert (after["nodePools"][0]["id"], after["nodePools"][0]["isDefault"]) == (pool["id"], True)
    caller("DeleteCluster", status=204, **where)
    busy = next(c for c in caller("ListClusters").json()["clusters"] if c["cloudProvider"] == "GCP")
    caller("DeleteCluster", clusterId=busy["id"], status=400)


def test_organization_and_self(caller: Caller) -> None:
    """The organization is read and changed; GetSelfUser returns a user with roles."""
    body = {"name": "Northwind", "billingEmail": "bills@northwind.example", "isScimEnabled": True}
    after = caller.create("UpdateOrganization", body)
    assert (after["name"], after["isScimEnabled"]) == ("Northwind", True)
    assert caller("GetSelfUser").json()["roles"]


def test_teams_and_their_members(caller: Caller) -> None:
    """Members are added, listed with their names and their teams, and removed; roles are replaced as a whole."""
    users = caller("ListUsers", limit=3).json()["users"]
    ids = [user["id"] for user in users]
    made = caller.create("CreateTeam", {"name": "Night Shift", "memberIds": ids[:1]})
    where = {"teamId": made["id"]}
    caller("AddTeamMembers", {"memberIds": [ids[0], ids[1]]}, status=204, **where)
    members = caller("ListTeamMembers", sorts=["fullName:asc"], **where).json()["teamMembers"]
    assert [m["fullName"] for m in members] == sorted(u["fullName"] for u in users[:2])
    assert made["id"] in [t["id"] for t in caller("ListUserTeams", userId=ids[1]).json()["teams"]]
    caller("RemoveTeamMember", memberId=ids[1], status=204, **where)
    caller("RemoveTeamMember", memberId=ids[1], status=404, **where)
    caller("AddTeamMembers", {"memberIds": ["nobody"]}, status=400, **where)
    workspace = caller.first("ListWorkspaces")["id"]
    roles = {
        "organizationRole": "ORGANIZATION_MEMBER",
        "workspaceRoles": [{"workspaceId": workspace, "role": "WORKSPACE_MEMBER"}],
    }
    assert caller("UpdateTeamRoles", roles, **where).json()["workspaceRoles"] == roles["workspaceRoles"]
    assert caller("GetTeam", **where).json()["rolesCount"] == 2
    caller("UpdateTeamRoles", {"organizationRole": "ORGANIZATION_MEMBER"}, **where)
    assert not caller("GetTeam", **where).json().get("workspaceRoles")
    assert caller.create("UpdateTeam", {"name": "Day Shift"}, **where)["name"] == "Day Shift"
    caller("DeleteTeam", status=204, **where)


def test_users_and_invites(caller: Caller) -> None:
    """Roles of a user are replaced as a whole; an invite is created once, and withdrawn."""
    user = caller("ListUsers", limit=5).json()["users"][4]
    assert user["workspaceRoles"]
    caller("UpdateUserRoles", {"organizationRole": "ORGANIZATION_BILLING_ADMIN"}, userId=user["id"], status=200)
    after = caller("GetUser", userId=user["id"]).json()
    assert after["organizationRole"] == "ORGANIZATION_BILLING_ADMIN"
    assert not after.get("workspaceRoles")
    body = {"inviteeEmail": "new@example.com", "role": "ORGANIZATION_MEMBER"}
    invite = caller.create("CreateUserInvite", body)
    assert invite["invitee"]["username"] == "new@example.com"
    caller("CreateUserInvite", body, status=400)
    caller("DeleteUserInvite", inviteId=invite["inviteId"], status=204)
    caller("DeleteUserInvite", inviteId=invite["inviteId"], status=404)


def test_api_tokens_work(caller: Caller, paused: Sandbox) -> None:
    """A new token is shown once, works in its scope, and is invalid as soon as it is rotated or deleted."""
    home = caller.first("ListWorkspaces", names=["Training"])["id"]
    body = {
        "name": "ci",
        "scope": "WORKSPACE",
        "entityId": home,
        "role": "WORKSPACE_OWNER",
        "tokenExpiryPeriodInDays": 30,
    }
    made = caller.create("CreateApiToken", body)
    first, where = made["token"], {"tokenId": made["id"]}
    assert "token" not in caller("GetApiToken", **where).json()
    assert first not in caller("ListApiTokens", limit=100).text
    assert read_token(first, paused.spec.extensions.token).variables["workspaceId"] == home
    owner, caller.token = caller.token, first
    assert {d["workspaceId"] for d in caller("ListDeployments", limit=100).json()["deployments"]} == {home}
    assert caller.create("CreateDeployment", minimal_deployment(caller))["createdBy"]["apiTokenName"] == "ci"
    caller.token = owner
    assert caller("GetApiToken", **where).json()["lastUsedAt"]
    second = caller.create("RotateApiToken", None, **where)["token"]
    caller.token = first
    assert caller("ListDeployments", status=401).text == "Jwt is no longer valid"
    caller.token = second
    caller("ListDeployments", status=200)
    caller.token = owner
    reader = {"roles": [{"role": "WORKSPACE_MEMBER", "entityId": home, "entityType": "WORKSPACE"}]}
    shown = caller("UpdateApiTokenRoles", reader, status=200, **where).json()
    assert shown["workspaceRoles"] == [{"workspaceId": home, "role": "WORKSPACE_MEMBER"}]
    caller.token = second
    caller("CreateDeployment", minimal_deployment(caller, "refused"), status=403)
    caller.token = owner
    caller("DeleteApiToken", status=204, **where)
    caller.token = second
    caller("ListDeployments", status=401)


def test_api_token_expires(caller: Caller, clock: Clock) -> None:
    """A token with an expiry period ends with it."""
    body = {"name": "short", "scope": "ORGANIZATION", "role": "ORGANIZATION_MEMBER", "tokenExpiryPeriodInDays": 1}
    caller.token = caller.create("CreateApiToken", body)["token"]
    caller("ListDeployments", status=200)
    clock.seconds += 86_401
    assert caller("ListDeployments", status=401).text == "Jwt is expired"


def test_tokens_need_their_entity(caller: Caller) -> None:
    """A Workspace or Deployment token must name an entity that exists."""
    caller("CreateApiToken", {"name": "x", "scope": "WORKSPACE", "role": "WORKSPACE_OWNER"}, status=400)
    body = {"name": "x", "scope": "DEPLOYMENT", "role": "DEPLOYMENT_ADMIN", "entityId": "nowhere"}
    caller("CreateApiToken", body, status=400)


def test_custom_roles_grant_what_they_list(caller: Caller) -> None:
    """A custom role is created, changed and deleted; a token with it may do what it lists, and no more."""
    role = caller.create(
        "CreateCustomRole", {"name": "Peek", "permissions": ["deployment.get"], "scopeType": "DEPLOYMENT"}
    )
    deployment = caller.first("ListDeployments")["id"]
    body = {"name": "peek", "scope": "DEPLOYMENT", "entityId": deployment, "role": "Peek"}
    owner, caller.token = caller.token, caller.create("CreateApiToken", body)["token"]
    caller("GetDeployment", deploymentId=deployment, status=200)
    caller("DeleteDeployment", deploymentId=deployment, status=403)
    caller.token = owner
    where = {"customRoleId": role["id"], "roleId": role["id"]}
    after = caller.create("UpdateCustomRole", {"name": "Peek 2", "permissions": ["deployment.logs.get"]}, **where)
    assert after["permissions"] == ["deployment.logs.get"]
    assert caller("GetCustomRole", **where).json()["name"] == "Peek 2"
    caller("DeleteCustomRole", status=204, **where)
    caller("GetCustomRole", status=404, **where)


def test_agent_tokens(caller: Caller) -> None:
    """Agent tokens are below their Deployment, and are shown once."""
    made = caller.create("CreateDeployment", minimal_deployment(caller))
    where = {"deploymentId": made["id"]}
    token = caller.create("CreateAgentToken", {"name": "agent"}, **where)
    assert token["token"].count(".") == 2
    assert "token" not in caller("GetAgentToken", agentTokenId=token["id"], **where).json()
    assert caller("ListAgentTokens", sorts=["createdById:asc"], **where).json()["totalCount"] == 1
    caller("DeleteAgentToken", agentTokenId=token["id"], status=204, **where)
    caller("GetAgentToken", agentTokenId=token["id"], status=404, **where)


@pytest.mark.parametrize(
    ("kind", "part", "content", "change"),
    [
        ("CONNECTION", "connection", {"type": "http", "host": "a", "password": "p"}, {"type": "http", "host": "b"}),
        ("ENVIRONMENT_VARIABLE", "environmentVariable", {"value": "1", "isSecret": True}, {"value": "2"}),
        ("AIRFLOW_VARIABLE", "airflowVariable", {"value": "1"}, {"value": "2"}),
        (
            "METRICS_EXPORT",
            "metricsExport",
            {"endpoint": "https://m.example", "exporterType": "PROMETHEUS"},
            {"authType": "BASIC", "username": "u", "password": "p"},
        ),
    ],
)
def test_environment_objects(caller: Caller, kind: str, part: str, content: Any, change: Any) -> None:
    """Objects of every type are created (the response is an id), read, changed field by field, and deleted."""
    workspace = caller.first("ListWorkspaces")["id"]
    base = {"objectKey": "k", "objectType": kind, "scope": "WORKSPACE", "scopeEntityId": workspace}
    created = caller.create("CreateEnvironmentObject", {**base, part: content})
    assert set(created) == {"id"}
    caller("CreateEnvironmentObject", {**base, part: content}, status=409)
    where = {"environmentObjectId": created["id"]}
    before = caller("GetEnvironmentObject", **where).json()
    after = caller.create("UpdateEnvironmentObject", {part: change}, **where)
    assert set(before["setFields"]) <= set(after["setFields"])
    assert after[part].get("isSecret", False) == content.get("isSecret", False)
    deployment = caller.first("ListDeployments", workspaceIds=[workspace])["id"]
    caller.create("UpdateEnvironmentObject", {"links": [{"scope": "DEPLOYMENT", "scopeEntityId": deployment}]}, **where)
    linked = caller("ListEnvironmentObjects", deploymentId=deployment, resolveLinked="true", objectKey="k").json()
    assert linked["totalCount"] == 1
    response = caller("ExcludeLinkingEnvironmentObject", {"scope": "DEPLOYMENT", "scopeEntityId": deployment}, **where)
    assert (response.status_code, response.content) == (200, b"")
    read = caller("GetEnvironmentObject", **where).json()
    assert (read["links"], read["excludeLinks"][0]["scopeEntityId"]) == ([], deployment)
    caller("DeleteEnvironmentObject", status=204, **where)
    caller("GetEnvironmentObject", status=404, **where)


def test_ip_ranges_one_by_one_and_in_bulk(caller: Caller) -> None:
    """Ranges are created alone and in bulk; one that exists already in bulk is a 409 that creates none of them."""
    one = caller.create("CreateAllowedIpAddressRange", {"ipAddressRange": "10.0.0.0/24"})
    caller("CreateAllowedIpAddressRange", {"ipAddressRange": "10.0.0.0/24"}, status=400)
    taken = {"allowedIpAddressRanges": ["10.0.1.0/24", "10.0.0.0/24"]}
    caller("BulkCreateAllowedIpAddressRanges", taken, status=409)
    two = caller.create("BulkCreateAllowedIpAddressRanges", {"allowedIpAddressRanges": ["10.0.1.0/24", "10.0.2.0/24"]})
    ids = [entry["id"] for entry in two["allowedIpAddressRanges"]]
    assert caller("ListAllowedIpAddressRanges", sorts=["ipAddress:desc"]).json()["totalCount"] == 6
    caller("BulkDeleteAllowedIpAddressRanges", {"allowedIpAddressRangeIds": ids}, status=204)
    caller("BulkDeleteAllowedIpAddressRanges", {"allowedIpAddressRangeIds": ids}, status=204)
    caller("DeleteAllowedIpAddressRange", allowedIpAddressRangeId=one["id"], status=204)
    assert caller("ListAllowedIpAddressRanges").json()["totalCount"] == 3


def test_reset_goes_back_to_the_seed(caller: Caller) -> None:
    """After a reset everything is as in the beginning, and earlier tokens still work."""
    before = caller("ListDeployments", limit=100).json()
    for deployment in before["deployments"][:5]:
        caller("DeleteDeployment", deploymentId=deployment["id"], status=204)
    caller.create("CreateDeployment", minimal_deployment(caller))
    caller.sandbox.reset()
    assert caller("ListDeployments", limit=100).json() == before
