"""Every update of the Astro overlay changes what it is given, and leaves the rest as it was, secrets included."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

import astro_nb as anb
from astro_nb.contract import check_request_body
from astro_nb.diff import compare_values
from astro_nb.exchange import Exchange
from astro_nb.openapi import load
from astro_nb.schema import body_field, broken_rules

PLANTED = "planted-secret-{}"
MOVING = {"clusterType", "updatedAt", "updatedBy", "status", "statusReason", "_timeline", "lastUsedAt"}
"""What a write changes of itself."""


@pytest.fixture
def api() -> Iterator[anb.Workbench]:
    """A workbench on a sandbox without delays."""
    workbench = anb.connect(history=None)
    assert isinstance(workbench.sandbox, anb.Sandbox)
    workbench.sandbox.limits, workbench.sandbox.speed = False, 0
    yield workbench
    workbench.close()


@dataclass(frozen=True)
class Case:
    """One update: what creates the resource, what is changed, and the paths that are changed by it."""

    operation: str
    make: Callable[[anb.Workbench], dict[str, Any]]
    given: dict[str, Any]
    paths: set[str]
    kind: str
    store: set[str] = field(default_factory=set)  # the names of the store that change; by default those of the paths
    label: str = ""


def workspace(api: anb.Workbench) -> str:
    return str(api.call("ListWorkspaces")["$.workspaces[0].id"])


def ok(exchange: Exchange) -> Exchange:
    assert exchange.ok, exchange
    return exchange


_COUNT = iter(range(1_000_000))


def named(text: str) -> str:
    return f"{text} {next(_COUNT)}"


VARIABLES = [
    {"key": f"KEY_{n}", "value": PLANTED.format(n) if n % 10 == 3 else f"value {n}", "isSecret": n % 10 == 3}
    for n in range(30)
]
QUEUES = [
    {"name": name, "isDefault": name == "default", "astroMachine": "A5", "minWorkerCount": 1, "maxWorkerCount": 7,
     "workerConcurrency": 9}
    for name in ("default", "heavy")
]  # fmt: skip


def deployment(**more: Any) -> Callable[[anb.Workbench], dict[str, Any]]:
    def make(api: anb.Workbench) -> dict[str, Any]:
        given: dict[str, Any] = {
            "name": named("rich"), "workspaceId": workspace(api), "type": "STANDARD", "executor": "CELERY",
            "description": "All of it", "contactEmails": ["a@example.com", "b@example.com"], "schedulerSize": "MEDIUM",
            "isCicdEnforced": True, "isDagDeployEnabled": True, "isHighAvailability": True, "cloudProvider": "AWS",
            "region": "us-east-1", "defaultTaskPodCpu": "0.5", "defaultTaskPodMemory": "1Gi", "resourceQuotaCpu": "20",
            "resourceQuotaMemory": "40Gi", "astroRuntimeVersion": "3.1-2", "environmentVariables": VARIABLES,
            "workerQueues": QUEUES, "workloadIdentity": "arn:aws:iam::123456789012:role/mine", **more,
        }  # fmt: skip
        body = {name: value for name, value in given.items() if value is not None}
        made = ok(api.call("CreateDeployment", body=body))["$.id"]
        if "environmentVariables" not in (api.sandbox.engine.state.find("deployment", made) or {}):
            raise AssertionError(made)
        return {"deploymentId": made}

    return make


HYBRID = {
    "type": "HYBRID", "cloudProvider": None, "region": None, "schedulerSize": None, "isHighAvailability": None,
    "defaultTaskPodCpu": None, "defaultTaskPodMemory": None, "resourceQuotaCpu": None, "resourceQuotaMemory": None,
    "scheduler": {"au": 10, "replicas": 2},
    "workerQueues": [{**queue, "nodePoolId": "cm0000000000000000000pool"} for queue in QUEUES],
}  # fmt: skip
SLEEPER = {
    "isDevelopmentMode": True,
    "isHighAvailability": False,
    "scalingSpec": {
        "hibernationSpec": {
            "schedules": [{"hibernateAtCron": "1 * * * *", "wakeAtCron": "59 * * * *", "isEnabled": True}]
        }
    },
}


def deploy(api: anb.Workbench) -> dict[str, Any]:
    above = deployment()(api)
    made = ok(api.call("CreateDeploy", type="IMAGE_AND_DAG", description="first", **above))
    return {**above, "deployId": made["$.id"]}


def cluster(kind: str) -> Callable[[anb.Workbench], dict[str, Any]]:
    def make(api: anb.Workbench) -> dict[str, Any]:
        made = ok(api.call("CreateCluster", body={
            "name": named("cluster"), "cloudProvider": "AWS", "region": "us-east-1", "type": kind,
            "vpcSubnetRange": "172.20.0.0/20", "dbInstanceType": "db.m6g.large", "providerAccount": "123456789012",
            "k8sTags": [{"key": "team", "value": "data"}, {"key": "cost", "value": "7"}],
            "workspaceIds": [w["id"] for w in api.call("ListWorkspaces").json()["workspaces"][:2]],
        }))  # fmt: skip
        return {"clusterId": made["$.id"]}

    return make


def environment_object(kind: str, name: str, content: dict[str, Any], override: dict[str, Any]) -> Any:
    def make(api: anb.Workbench) -> dict[str, Any]:
        ids = [deployment()(api)["deploymentId"] for _ in range(3)]
        made = ok(api.call("CreateEnvironmentObject", body={
            "objectKey": named("key").replace(" ", "_"), "objectType": kind, "scope": "WORKSPACE",
            "scopeEntityId": workspace(api), "description": "unchanged", name: content, "autoLinkDeployments": True,
            "links": [
                {"scope": "DEPLOYMENT", "scopeEntityId": ids[0], "overrides": {name: override}},
                {"scope": "DEPLOYMENT", "scopeEntityId": ids[1]},
            ],
            "excludeLinks": [{"scope": "DEPLOYMENT", "scopeEntityId": ids[2]}],
        }))  # fmt: skip
        return {"environmentObjectId": made["$.id"]}

    return make


CONNECTION = environment_object(
    "CONNECTION", "connection",
    {"type": "postgres", "host": "db.example.com", "login": "me", "port": 5432, "schema": "public",
     "password": PLANTED.format("p"), "extra": {"sslmode": "require", "key": PLANTED.format("x")}},
    {"host": "other.example.com", "port": 6543},
)  # fmt: skip
SECRET_VARIABLE = environment_object(
    "ENVIRONMENT_VARIABLE", "environmentVariable", {"value": PLANTED.format("v"), "isSecret": True}, {}
)
PLAIN_VARIABLE = environment_object(
    "AIRFLOW_VARIABLE", "airflowVariable", {"value": r"plain \{{ ds }} \{{x}}", "isSecret": False}, {"value": "other"}
)
METRICS = environment_object(
    "METRICS_EXPORT", "metricsExport",
    {"exporterType": "PROMETHEUS", "endpoint": "https://metrics.example.com", "authType": "BASIC", "username": "me",
     "password": PLANTED.format("m"), "labels": {"team": "data"}, "headers": {"X-Key": PLANTED.format("h")}},
    {"endpoint": "https://other.example.com"},
)  # fmt: skip


def roles(api: anb.Workbench) -> dict[str, Any]:
    ids = [w["id"] for w in api.call("ListWorkspaces").json()["workspaces"][:2]]
    at = deployment()(api)["deploymentId"]
    return {
        "organizationRole": "ORGANIZATION_MEMBER",
        "workspaceRoles": [{"workspaceId": id_, "role": "WORKSPACE_MEMBER"} for id_ in ids],
        "deploymentRoles": [{"deploymentId": at, "role": "DEPLOYMENT_ADMIN"}],
        "dagRoles": [
            {"deploymentId": at, "dagId": "orders", "role": "DAG_VIEWER"},
            {"deploymentId": at, "dagTag": "nightly", "role": "DAG_VIEWER"},
        ],
    }


def team(api: anb.Workbench) -> dict[str, Any]:
    made = ok(api.call("CreateTeam", name=named("team"), description="unchanged"))["$.id"]
    ok(api.call("UpdateTeamRoles", teamId=made, **roles(api)))
    return {"teamId": made}


def user(api: anb.Workbench) -> dict[str, Any]:
    found = api.call("ListUsers", limit=1000)["$.users[5].id"]
    ok(api.call("UpdateUserRoles", userId=found, **roles(api)))
    return {"userId": found}


def token(api: anb.Workbench) -> dict[str, Any]:
    made = ok(api.call("CreateApiToken", name=named("token"), description="unchanged", scope="ORGANIZATION",
                       role="ORGANIZATION_MEMBER", tokenExpiryPeriodInDays=9))["$.id"]  # fmt: skip
    given = roles(api)
    every = [{"entityType": "ORGANIZATION", "entityId": "{{organizationId}}", "role": "ORGANIZATION_MEMBER"}]
    every += [
        {"entityType": "WORKSPACE", "entityId": r["workspaceId"], "role": r["role"]} for r in given["workspaceRoles"]
    ]
    every += [{"entityType": "DAG", "entityId": "orders", "role": "DAG_VIEWER",
               "deploymentId": given["deploymentRoles"][0]["deploymentId"]}]  # fmt: skip
    ok(api.call("UpdateApiTokenRoles", tokenId=made, roles=every))
    return {"tokenId": made}


def role(api: anb.Workbench) -> dict[str, Any]:
    made = ok(api.call("CreateCustomRole", name=named("role"), description="unchanged", scopeType="DEPLOYMENT",
                       permissions=["deployment.get", "deployment.update"],
                       restrictedWorkspaceIds=[workspace(api)]))  # fmt: skip
    return {"customRoleId": made["$.id"]}


def home(api: anb.Workbench) -> dict[str, Any]:
    made = ok(api.call("CreateWorkspace", name=named("home"), description="unchanged", cicdEnforcedDefault=True,
                       defaultCloudProvider="AWS", defaultRegion="us-east-1"))  # fmt: skip
    return {"workspaceId": made["$.id"]}


REGION = {"environmentVariables[KEY_7].value"}
CASES = [
    Case("UpdateOrganization", lambda api: {}, {"billingEmail": "new@example.com"}, {"billingEmail"}, "organization"),
    Case("UpdateCluster", cluster("DEDICATED"), {"k8sTags": {"team": "eu"}}, {"tags[team].value"}, "cluster"),
    Case("UpdateCluster", cluster("DEDICATED"), {"name": "renamed"}, {"name"}, "cluster", label="name"),
    Case("UpdateCluster", cluster("HYBRID"), {"workspaceIds": []}, {"workspaceIds[id]"}, "cluster",
         label="hybrid"),
    Case("UpdateDeployment", deployment(), {"environmentVariables": {"KEY_7": "eu"}}, REGION, "deployment"),
    Case("UpdateDeployment", deployment(workerQueues=None, executor="KUBERNETES"),
         {"environmentVariables": {"KEY_7": "eu"}}, REGION, "deployment", label="kubernetes"),
    Case("UpdateDeployment", deployment(type="DEDICATED", cloudProvider=None, region=None),
         {"environmentVariables": {"KEY_7": "eu"}}, REGION, "deployment", label="dedicated"),
    Case("UpdateDeployment", deployment(**HYBRID), {"environmentVariables": {"KEY_7": "eu"}}, REGION, "deployment",
         label="hybrid"),
    Case("UpdateDeployment", deployment(**SLEEPER), {"environmentVariables": {"KEY_7": "eu"}}, REGION, "deployment",
         label="development"),
    Case("UpdateDeployment", deployment(), {"workerQueues": {"heavy": {"maxWorkerCount": 3}}},
         {"workerQueues[id].maxWorkerCount"}, "deployment", label="queue"),
    Case("UpdateDeployment", deployment(), {"defaultTaskPodCpu": "1", "resourceQuotaMemory": "44Gi"},
         {"defaultTaskPodCpu", "defaultTaskPodMemory", "resourceQuotaCpu", "resourceQuotaMemory"}, "deployment",
         label="pods"),
    Case("UpdateDeployment", deployment(), {"executor": "KUBERNETES"}, {"executor", "workerQueues"}, "deployment",
         label="executor"),
    Case("UpdateDeploy", deploy, {"description": "second"}, {"description"}, "deploy"),
    Case("UpdateEnvironmentObject", CONNECTION, {"connection": {"host": "new.example.com"}}, {"connection.host"},
         "environmentObject"),
    Case("UpdateEnvironmentObject", SECRET_VARIABLE, {"description": "new"}, {"description"}, "environmentObject",
         label="secret"),
    Case("UpdateEnvironmentObject", PLAIN_VARIABLE, {"description": "new"}, {"description"}, "environmentObject",
         label="plain"),
    Case("UpdateEnvironmentObject", METRICS, {"metricsExport": {"labels": {"team": "eu"}}},
         {"metricsExport.labels.team"}, "environmentObject", label="metrics"),
    Case("UpdateCustomRole", role, {"description": "new"}, {"description"}, "role"),
    Case("UpdateTeam", team, {"description": "new"}, {"description"}, "team"),
    Case("UpdateTeamRoles", team, {"organizationRole": "ORGANIZATION_BILLING_ADMIN"}, {"organizationRole"}, "team"),
    Case("UpdateApiToken", token, {"description": "new"}, {"description"}, "apiToken"),
    Case("UpdateApiTokenRoles", token, {"roles": {"orders": {"role": "DAG_AUTHOR"}}}, {"roles[orders].role"},
         "apiToken"),
    Case("UpdateUserRoles", user, {"organizationRole": "ORGANIZATION_BILLING_ADMIN"}, {"organizationRole"}, "user"),
    Case("UpdateWorkspace", home, {"description": "new"}, {"description"}, "workspace"),
]  # fmt: skip


def test_every_update_of_the_overlay_has_its_case() -> None:
    assert {o.id for o in load("astro-v1") if o.extensions.update} == {case.operation for case in CASES}


def state(api: anb.Workbench, case: Case, at: dict[str, Any]) -> Any:
    """The resource as it is returned."""
    reader = api.spec.resources.reader_of(api.spec.operation(case.operation))
    assert reader is not None
    asked = {p.key: at[p.key] for p in reader.parameters if p.key in at}
    if case.operation == "UpdateCustomRole":
        asked = (
            {"customRoleId": at["customRoleId"]} if reader.parameter("customRoleId") else {"roleId": at["customRoleId"]}
        )
    return ok(api.call(reader.id, **asked)).json()


def stored(api: anb.Workbench, case: Case, at: dict[str, Any]) -> dict[str, Any]:
    """The resource as the sandbox stores it, secrets included."""
    assert isinstance(api.sandbox, anb.Sandbox)
    store = api.sandbox.engine.state
    item = store.find(case.kind, list(at.values())[-1]) if at else store.all(case.kind)[0]
    assert item is not None
    return {name: value for name, value in copy.deepcopy(item).items() if name not in MOVING}


def changed_paths(before: Any, after: Any) -> set[str]:
    rows = [row for row in compare_values(before, after) if row.kind != "unchanged"]
    return {re.sub(r"\[cm\w+\]", "[id]", row.path) for row in rows if not any(step in MOVING for step in row.steps)}


def bodies(api: anb.Workbench) -> list[Exchange]:
    return [e for e in api.history if e.group.kind == "change" and e.request.method != "GET"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.operation}-{case.label}".strip("-"))
def test_the_rest_stays_as_it_was(case: Case, api: anb.Workbench) -> None:
    """One field is changed; every other field is as before, in the response and in the store."""
    at = case.make(api)
    before, kept = state(api, case, at), stored(api, case, at)
    done = api.change(case.operation, **at, **case.given)
    assert done.ok, done
    assert done.sent, done
    assert done.altered == ()
    after, now = state(api, case, at), stored(api, case, at)
    shown = {
        path for path in changed_paths(before, after) if not path.startswith(("scalingStatus", "schedulerReplicas"))
    }
    assert shown == case.paths
    names = {path.partition(".")[0].partition("[")[0] for path in case.paths}
    assert {path.partition(".")[0].partition("[")[0] for path in changed_paths(kept, now)} == names
    assert json.dumps(now, default=str).count("planted-secret") == json.dumps(kept, default=str).count("planted-secret")
    sent = json.loads(done.exchange.request.body)
    operation = api.spec.operation(case.operation)
    assert [v for v in check_request_body(operation, sent) if v.severity == "error"] == []
    assert list(broken_rules(body_field(operation), sent)) == []
    assert not {"effectiveWorkloadIdentity", "workloadIdentity"} & set(sent)
    assert "planted-secret" not in done.exchange.request.body.decode() + repr(done) + str(done.exchange.call)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.operation}-{case.label}".strip("-"))
def test_a_change_of_nothing_sends_nothing(case: Case, api: anb.Workbench) -> None:
    """Values that are set already are not written again."""
    at = case.make(api)
    count = len(bodies(api))
    nothing = api.change(case.operation, **at)
    assert (nothing.sent, nothing.ok, nothing.change.count("unchanged")) == (False, True, len(nothing.change.rows))
    assert api.change(case.operation, **at, **case.given).sent
    again = api.change(case.operation, **at, **case.given)
    assert (again.sent, again.ok) == (False, True)
    assert len(bodies(api)) == count + 1
    assert "Nothing would change" in repr(again)


def test_exclusive_fields_are_not_sent_together(api: anb.Workbench) -> None:
    """A default cluster replaces cloud and region; that the sandbox keeps those is reported."""
    at = home(api)
    done = api.change("UpdateWorkspace", **at, defaultClusterId="cm0000000000000000000pool")
    sent = json.loads(done.exchange.request.body)
    assert not {"defaultCloudProvider", "defaultRegion"} & set(sent)
    assert {row.path for row in done.change.rows if row.kind == "removed"} == {"defaultCloudProvider", "defaultRegion"}
    assert {row.path for row in done.altered} <= {"defaultCloudProvider", "defaultRegion", "defaultClusterId"}
    assert done.altered
    assert "the server set it to" in repr(done)
