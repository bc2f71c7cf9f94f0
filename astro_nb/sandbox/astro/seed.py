"""What the Astro double starts with: one organization and everything in it.

Names and counts are in the data file; the rest comes from random numbers that depend on the sandbox's seed, the
type of resource and the number of the row alone. The order of the draws decides the values.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from ...data import copy_data
from ..behavior import Change, Item
from ..clock import Timeline, word
from ..state import State
from .resources import (
    AUTHORS,
    RESOURCES,
    astro_data,
    compact,
    contact,
    days_after,
    join_words,
    person,
    seeded_id,
    table_value,
    to_minute,
)

Row = Mapping[str, Any]

_OBJECT_WORKSPACES = ("Data Platform", "Analytics", "Machine Learning")
_STAGES = ("prod", "staging", "dev")
_MOVE_SECONDS = 600  # for which one Deployment is DEPLOYING
_DEPLOYING = "feature-store-staging"

_DEPLOY_DAYS = (1, 3, 5, 8, 11)  # after the creation of the Deployment
_DEPLOY_COUNT = (2, 5)  # per Deployment


def _create(state: State, name: str) -> None:
    """Create the resources of a type."""
    resource, (rows, make) = RESOURCES[name], _TABLE[name]
    home = {} if name == "organization" else {"organizationId": seeded_id(state, "organization")}
    for number, row in enumerate(rows(state)):
        change = state.seeding(name, number)
        body = {key: value for key, value in make(change, row, number).items() if value is not None}
        item = state.build(resource, {**home, **body}, change)
        if resource.life:
            status = item.get(resource.life.state_field) or resource.life.begin("create", item, 0.0).end
            item["_timeline"] = Timeline((), status)
        if item.get("name") == _DEPLOYING:
            until = state.clock.start() + _MOVE_SECONDS
            item["_timeline"] = Timeline((("DEPLOYING", until),), "HEALTHY")
        state.add(resource, item)


def _seed_data(name: str) -> Any:
    return copy_data(astro_data()["seed"][name])


def _dates(change: Change, oldest: float = -365, newest: float = -200, later: float = 20) -> Item:
    """Return when a resource was created, some days before now, and last changed, up to `later` days after that."""
    created = days_after(change.now, change.chance.uniform(oldest, newest))
    return {"createdAt": created, "updatedAt": days_after(created, change.chance.uniform(0, later))}


def _authors(change: Change, suffix: str = "") -> Item:
    """Return who created and last changed a resource."""
    return {name + suffix: _someone(change) for name in ("createdBy", "updatedBy")}


def _someone(change: Change) -> Item:
    return person(change.state, change.chance.randint(0, AUTHORS - 1))


def _id_of(change: Change, resource: str, name: object) -> str | None:
    item = change.state.first(resource, name=name)
    return str(item["id"]) if item else None


def _choose(change: Change, **weights: int) -> str:
    return change.chance.choices(list(weights), list(weights.values()))[0]


def _organization(change: Change, row: Row, number: int) -> Item:
    state, owner = change.state, person(change.state, 0)
    home = seeded_id(state, "organization")
    return {
        **row,
        "updatedAt": days_after(change.now, change.chance.uniform(-40, -1)),
        "createdBy": owner,
        "updatedBy": owner,
        "managedDomains": [
            {"id": seeded_id(state, "domain", n), "organizationId": home, **domain}
            for n, domain in enumerate(row["managedDomains"])
        ],
        "productPlans": [
            {"productPlanId": seeded_id(state, "plan", n), "organizationId": home, **plan}
            for n, plan in enumerate(row["productPlans"])
        ],
    }


def _workspace(change: Change, row: Row, number: int) -> Item:
    return {**row, "cicdEnforcedDefault": number == 0, **_dates(change), **_authors(change)}


def _roles_in(change: Change, row: Row) -> list[Item]:
    return [compact(workspaceId=_id_of(change, "workspace", row["_workspace"]), role=row["_role"])]


def _user(change: Change, row: Row, number: int) -> Item:
    usual = {"status": "ACTIVE", "organizationRole": "ORGANIZATION_MEMBER", "deploymentRoles": [], "dagRoles": []}
    roles = _roles_in(change, row)
    return {**usual, **row, "fullName": row["name"], **contact(row["name"]), "workspaceRoles": roles, **_dates(change)}


def _cluster(change: Change, row: Row, number: int) -> Item:
    workspaces = [_id_of(change, "workspace", name) for name in row["_workspaces"]]
    usual = {"type": "DEDICATED", "isPrivateNetworkEgressEnabled": False}
    return {**row, **usual, "workspaceIds": workspaces, **_dates(change)}


def _deployment_rows(state: State) -> Iterable[Row]:
    for row, stage in itertools.product(_seed_data("deployments"), _STAGES):
        yield {**row, "_stage": stage}


def _deployment(change: Change, row: Row, number: int) -> Item:
    stage, name = row["_stage"], f"{row['_subject']}-{row['_stage']}"
    is_dev, is_prod, chance = stage == "dev", stage == "prod", change.chance
    body = {
        "name": name,
        "workspaceId": _id_of(change, "workspace", row["_workspace"]),
        "description": row["description"],
        "type": "DEDICATED" if "_cluster" in row else "STANDARD",
        "clusterId": _id_of(change, "cluster", row.get("_cluster")),
        "executor": _choose(change, CELERY=6, ASTRO=3, KUBERNETES=2),
        "astroRuntimeVersion": _choose(change, **{"3.1-2": 4, "3.0-9": 3, "13.3.0": 3, "12.10.0": 2, "11.19.0": 1}),
        "isDevelopmentMode": is_dev,
        "isHighAvailability": is_prod,
        "isCicdEnforced": is_prod,
        "schedulerSize": "MEDIUM" if is_prod else "SMALL",
        "contactEmails": [f"{join_words(row['_workspace'], '-')}-oncall@northwind.example"],
        "environmentVariables": [
            {"key": "ENVIRONMENT", "value": stage, "isSecret": False},
            {"key": "AIRFLOW__CORE__PARALLELISM", "value": chance.choice(("32", "64", "128")), "isSecret": False},
            {"key": "WAREHOUSE_PASSWORD", "value": f"wh-{name}-s3cr3t", "isSecret": True},
        ],
        "workerQueues": [
            {
                "name": "default", "isDefault": True, "astroMachine": chance.choice(("A5", "A10")),
                "minWorkerCount": 0, "maxWorkerCount": chance.choice((5, 10, 20)), "workerConcurrency": 5,
            },
            {
                "name": "heavy", "isDefault": False, "astroMachine": "A40",
                "minWorkerCount": 0, "maxWorkerCount": 4, "workerConcurrency": 20,
            },
        ],
    }  # fmt: skip
    if is_dev:
        body["scalingSpec"] = {"hibernationSpec": {"schedules": _seed_data("schedules")}}
    deployed = chance.uniform(1, 9)  # days
    body["status"] = _choose(change, HEALTHY=2, HIBERNATING=3) if is_dev else "HEALTHY"
    body |= {**_dates(change, -340, -15, 14), **_authors(change), **_seed_data("deploymentStates").get(name, {})}
    return {**body, "desiredDagTarballVersion": days_after(body["createdAt"], deployed)}


def _deploy_rows(state: State) -> Iterable[Row]:
    for deployment in state.all("deployment"):
        count = state.chance(f"deploy/{deployment['id']}", 0).randint(*_DEPLOY_COUNT)
        yield from itertools.repeat({"deployment": deployment}, count)


def _deploy(change: Change, row: Row, number: int) -> Item:
    deployment, chance, seed = row["deployment"], change.chance, change.state.seed
    kind = _choose(change, IMAGE_AND_DAG=2, DAG_ONLY=5, IMAGE_ONLY=1)
    description = chance.choice(_seed_data("deployDescriptions"))
    created = days_after(deployment["createdAt"], _DEPLOY_DAYS[number % len(_DEPLOY_DAYS)])
    return {
        "deploymentId": deployment["id"],
        "type": kind,
        "description": description,
        "createdAt": created,
        "updatedAt": days_after(created, 0.002),
        **_authors(change, "Subject"),
        "status": _choose(change, DEPLOYED=12, FAILED=1),
        "imageTag": f"deploy-{to_minute(created or '')}",
        "airflowVersion": table_value("runtimes", deployment["astroRuntimeVersion"], "airflow"),
        "isDagDeployEnabled": True,
        "dagTarballVersion": None if kind == "IMAGE_ONLY" else created,
        "git": {
            "provider": "GITHUB",
            "account": "northwind-data",
            "repo": deployment["name"],
            "branch": "main",
            "commitSha": word(40, seed, "deploy", number),
            "authorName": chance.choice(("Sofia Marchetti", "Priya Raman", "Lucas Moreau")),
        },
    }


def _team(change: Change, row: Row, number: int) -> Item:
    users, count = [user["id"] for user in change.state.all("user")], change.chance.randint(3, 7)
    members = change.chance.sample(users, count)
    roles = _roles_in(change, row)
    return {**row, "workspaceRoles": roles, "memberIds": members, **_dates(change), **_authors(change)}


def _api_token(change: Change, row: Row, number: int) -> Item:
    entity = _id_of(change, "workspace", row.get("_workspace")) or _id_of(change, "deployment", row.get("_deployment"))
    dates = _dates(change, -80, -10)
    last_used = days_after(change.now, change.chance.uniform(-5, 0))
    return {**row, "entityId": entity, **dates, "lastUsedAt": last_used, **_authors(change)}


def _agent_token(change: Change, row: Row, number: int) -> Item:
    deployment = _id_of(change, "deployment", row["_deployment"])
    return {**row, "deploymentId": deployment, **_dates(change), **_authors(change)}


def _with_dates(change: Change, row: Row, number: int) -> Item:
    return {**row, **_dates(change), **_authors(change)}


def _environment_object_rows(state: State) -> Iterable[Row]:
    for workspace, row in itertools.product(_OBJECT_WORKSPACES, _seed_data("environmentObjects")):
        yield {**row, "_workspace": workspace}


def _environment_object(change: Change, row: Row, number: int) -> Item:
    kind, workspace = row["objectType"], _id_of(change, "workspace", row["_workspace"])
    slug, snake = join_words(row["_workspace"], "-"), join_words(row["_workspace"], "_")
    parts: dict[str, Item] = {
        "CONNECTION": {
            "connection": {
                "type": "snowflake", "authTypeId": "snowflake-key-pair", "host": "northwind.snowflakecomputing.example",
                "login": snake, "password": f"sf-{slug}-s3cr3t", "port": 443, "schema": "public",
                "extra": {"region_name": "eu-central-1"},
            },
        },
        "ENVIRONMENT_VARIABLE": {"environmentVariable": {"isSecret": True, "value": f"key-{slug}-s3cr3t"}},
        "AIRFLOW_VARIABLE": {"airflowVariable": {"isSecret": False, "value": "5000"}},
        "METRICS_EXPORT": {
            "metricsExport": {
                "endpoint": "https://prometheus.northwind.example/api/v1/write", "exporterType": "PROMETHEUS",
                "authType": "BASIC", "username": snake, "password": f"pm-{slug}-s3cr3t", "labels": {"team": slug},
            },
        },
    }  # fmt: skip
    return {
        **row,
        "scope": "WORKSPACE",
        "scopeEntityId": workspace,
        "autoLinkDeployments": kind == "METRICS_EXPORT",
        **parts[kind],
        "links": _links(change, workspace) if kind == "CONNECTION" else None,
        **_dates(change),
        **_authors(change),
    }


def _links(change: Change, workspace: str | None) -> list[Item]:
    ids = [item["id"] for item in change.state.all("deployment") if item["workspaceId"] == workspace]
    chosen = change.chance.sample(ids, min(change.chance.randint(2, 3), len(ids)))
    overrides = {"connection": {"schema": "staging"}}
    return [{"scope": "DEPLOYMENT", "scopeEntityId": key, "overrides": overrides} for key in chosen]


def _invite(change: Change, row: Row, number: int) -> Item:
    return {**row, "inviter": person(change.state, 0)}


def _rows(name: str) -> Callable[[State], Iterable[Row]]:
    return lambda state: _seed_data(name)


_TABLE: dict[str, tuple[Callable[[State], Iterable[Row]], Callable[[Change, Row, int], Item]]] = {
    "organization": (_rows("organizations"), _organization),
    "workspace": (_rows("workspaces"), _workspace),
    "user": (lambda state: astro_data()["people"], _user),
    "cluster": (_rows("clusters"), _cluster),
    "deployment": (_deployment_rows, _deployment),
    "deploy": (_deploy_rows, _deploy),
    "team": (_rows("teams"), _team),
    "apiToken": (_rows("apiTokens"), _api_token),
    "agentToken": (_rows("agentTokens"), _agent_token),
    "role": (_rows("roles"), _with_dates),
    "environmentObject": (_environment_object_rows, _environment_object),
    "allowedIpAddressRange": (_rows("allowedIpAddressRanges"), _with_dates),
    "invite": (_rows("invites"), _invite),
}

SEEDS = {name: partial(_create, name=name) for name in _TABLE}
"""Creates the resources of each type that there are in the beginning."""
