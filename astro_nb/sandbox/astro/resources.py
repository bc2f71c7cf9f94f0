"""The resources of the Astro API: their defaults, what the server sets, what it computes, and their life cycles.

The data come from `specs/astro-v1.sandbox.yaml`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from functools import lru_cache
from typing import Any

from ...data import copy_data
from ...openapi import bundled
from ...openapi.parsing import parse
from ..behavior import Change, Item, Resource, Secret, Unique, fill_fields, merge_entries, set_fields
from ..clock import Event, LifeCycle, cuid, format_timestamp, parse_timestamp, word
from ..state import State, names_of_values, stamp_creation

_FILE = "astro-v1.sandbox.yaml"
AUTHORS = 12  # the first of `people` are the authors of what there is


@lru_cache(maxsize=1)
def astro_data() -> Mapping[str, Any]:
    """Return the data file, read once per process."""
    path = bundled(_FILE)
    data: Mapping[str, Any] = parse(path.read_bytes(), str(path))
    return data


def table_value(table: str, row: object, column: str) -> Any:
    """Return one value of a table of the data file, or None."""
    return (astro_data()[table].get(str(row)) or {}).get(column)


def join_words(text: str, separator: str) -> str:
    """Return a text as lower-case letters and digits without accents, its words joined by a separator."""
    bare = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", separator, bare.replace("'", "")).strip(separator)


def seeded_id(state: State, resource: str, number: int = 0) -> str:
    """Return the id of the n-th seeded resource of a type, counted from 0."""
    return cuid(state.seed, resource, number + 1)


def person(state: State, number: int) -> Item:
    """Return the profile of one of the people, as it is in `createdBy`."""
    name = str(astro_data()["people"][number]["name"])
    return {"id": seeded_id(state, "user", number), "subjectType": "USER", "fullName": name, **contact(name)}


def contact(name: str) -> Item:
    """Return the user name and the picture of a person."""
    return {
        "username": f"{join_words(name, '.')}@northwind.example",
        "avatarUrl": f"https://avatars.northwind.example/{join_words(name, '-')}.png",
    }


def days_after(timestamp: object, days: object) -> str | None:
    """Return the time some days after another (before it if negative); None if one of them is missing."""
    moment = parse_timestamp(timestamp)
    if moment is None or not isinstance(days, int | float):
        return None
    return format_timestamp(moment + timedelta(days=days))


def scale(quantity: object, factor: float, unit: str = "") -> str | None:
    """Return a quantity such as "0.5" or "0.5Gi" times a factor, with a unit; None if it is no quantity."""
    number = re.match(r"[\d.]+", str(quantity))
    return f"{float(number[0]) * factor:g}{unit}" if number else None


def compact(**fields: Any) -> Item:
    """Return the fields without those that are None."""
    return {name: value for name, value in fields.items() if value is not None}


_ORGANIZATION = "/organizations/{organizationId}"
_NO_ROLES: Mapping[str, Any] = {"workspaceRoles": [], "deploymentRoles": [], "dagRoles": []}


def set_update(change: Change, item: Item) -> None:
    """Set when a resource was last changed, and by whom."""
    item.update(updatedAt=change.now, updatedBy=change.subject)


def _set_update_time(change: Change, item: Item) -> None:
    item["updatedAt"] = change.now


def _fails_by(field: str) -> Callable[[Mapping[str, Any]], bool]:
    """Return whether a resource is to fail on purpose, for training: the word "fail" is in the field."""
    return lambda item: "fail" in str(item.get(field) or "").lower()


# Organizations and Workspaces


def _view_organization(state: State, item: Item) -> None:
    item["hasAllowedIpAddressRanges"] = bool(state.first("allowedIpAddressRange", organizationId=item["id"]))


def _show_organization_name(state: State, item: Item) -> None:
    organization = state.find("organization", item.get("organizationId")) or {}
    set_fields(item, organizationName=organization.get("name"))


# Deployments

_NOT_HYBRID = (
    "schedulerSize", "isDevelopmentMode", "isHighAvailability", "defaultTaskPodCpu", "defaultTaskPodMemory",
    "resourceQuotaCpu", "resourceQuotaMemory",
)  # fmt: skip


def _complete_deployment(change: Change, item: Item, before: Mapping[str, Any]) -> None:
    """Set what the server assumes of a Deployment that declares only its name and its Workspace."""
    state = change.state
    workspace = state.find("workspace", item.get("workspaceId")) or {}
    fill_fields(
        item,
        cloudProvider=workspace.get("defaultCloudProvider") or "AWS",
        region=workspace.get("defaultRegion") or "us-east-1",
        isCicdEnforced=workspace.get("cicdEnforcedDefault") or False,
        **copy_data(astro_data()["deploymentDefaults"]),
    )
    fill_fields(
        item,
        clusterId=seeded_id(state, "sharedCluster") if item["type"] == "STANDARD" else first_id(state, "cluster"),
        defaultTaskPodMemory=scale(item["defaultTaskPodCpu"], 2, "Gi"),
        resourceQuotaMemory=scale(item["resourceQuotaCpu"], 2, "Gi"),
    )
    if item["executor"] == "KUBERNETES":
        set_fields(item, workerQueues=None)
    if item["type"] == "HYBRID":
        set_fields(item, **dict.fromkeys(_NOT_HYBRID))

    def make_variable(entry: Item, old: Mapping[str, Any]) -> None:
        entry["updatedAt"] = change.now

    def make_queue(entry: Item, old: Mapping[str, Any]) -> None:
        machine = entry.get("astroMachine")
        entry["id"] = old.get("id") or state.ids.next("workerQueue")
        entry["podCpu"] = table_value("machines", machine, "cpu") or "1"
        entry["podMemory"] = table_value("machines", machine, "memory") or "2Gi"
        fill_fields(entry, podEphemeralStorage="10Gi")

    variables, queues = item["environmentVariables"], item.get("workerQueues")
    item["environmentVariables"] = merge_entries(
        variables, before.get("environmentVariables"), "key", make_variable, ("value",), "isSecret"
    )
    if queues is not None:
        item["workerQueues"] = merge_entries(queues, before.get("workerQueues"), "id", make_queue)


def first_id(state: State, resource: str) -> str | None:
    """Return the id of the first resource of a type; None if there is none."""
    item = state.first(resource)
    return str(item["id"]) if item else None


def _create_deployment(change: Change, item: Item) -> None:
    stamp_creation(change, item)
    words = [change.chance.choice(words) for words in astro_data()["namespaceWords"]]
    runtime = item["astroRuntimeVersion"]
    item.update(
        namespace="-".join((*words, str(change.chance.randint(1000, 9999)))),
        imageRepository="images.astronomer.cloud/baseimages/astro-runtime",
        imageTag=f"{runtime}-base",
        imageVersion=runtime,
    )


def _view_deployment(state: State, item: Item) -> None:
    short, cluster_id, is_standard = item["id"][-8:], item.get("clusterId"), item["type"] == "STANDARD"
    cluster = {} if is_standard else state.find("cluster", cluster_id) or {}
    workspace = state.find("workspace", item.get("workspaceId")) or {}
    airflow = table_value("runtimes", item["astroRuntimeVersion"], "airflow") or "NA"
    host = f"{cluster_id}.astronomer.run/{short}"
    api = f"{host}/api/v1" if airflow.startswith("2.") else f"{host}/api/v2"
    set_fields(
        item,
        workspaceName=workspace.get("name"),
        clusterName=cluster.get("name"),
        region=cluster.get("region"),
        cloudProvider=item.get("cloudProvider") if is_standard else None,
        runtimeVersion=item["astroRuntimeVersion"],
        airflowVersion=airflow,
        apiUrl=f"https://{api}",
        uiUrl=f"https://{host}?orgId={item['organizationId']}",
        webServerUrl=f"{host}?orgId={item['organizationId']}",
        webServerIngressHostname=host,
        webServerAirflowApiUrl=api,
        effectiveWorkloadIdentity=item.get("workloadIdentity")
        or f"arn:aws:iam::123456789012:role/AirflowS3Logs-{short}",
        effectiveDRWorkloadIdentity=item.get("drWorkloadIdentity"),
        oidcIssuerUrl=f"https://oidc.northwind.example/clusters/{str(cluster_id)[-8:]}",
        **astro_data()["deploymentView"],
    )
    _show_sizes(item)
    _show_status(item)
    remote = item.get("remoteExecution")
    if remote is not None:
        url = f"https://{cluster_id}.external.astronomer.run/{short}" if remote.get("enabled") else ""
        item["remoteExecution"] = {"allowedIpAddressRanges": [], **remote, "remoteApiUrl": url}


def _show_sizes(item: Item) -> None:
    scheduler, size = item.get("scheduler") or {}, item.get("schedulerSize")
    units, replicas = scheduler.get("au"), 2 if item.get("isHighAvailability") else 1
    set_fields(
        item,
        webServerReplicas=replicas,
        schedulerAu=units,
        schedulerCpu=table_value("schedulers", size, "cpu") or scale(units, 0.1) or "1",
        schedulerMemory=table_value("schedulers", size, "memory") or scale(units, 0.375, "Gi") or "2Gi",
        schedulerReplicas=scheduler.get("replicas") or replicas,
    )


def _show_status(item: Item) -> None:
    status = item["status"]
    desired = item.get("desiredDagTarballVersion") if item.get("isDagDeployEnabled") else None
    reason = item.get("_trouble") if status == "UNHEALTHY" else None
    set_fields(
        item,
        desiredDagTarballVersion=desired,
        dagTarballVersion=item.get("_tarball") if status == "DEPLOYING" else desired,
        statusReason=reason or astro_data()["statusReasons"].get(status),
        scalingStatus=None,
    )
    if item.get("isDevelopmentMode"):
        sleeps = status == "HIBERNATING"
        why = "Hibernating by override or schedule" if sleeps else "Awake"
        item["scalingStatus"] = {"hibernationStatus": {"isHibernating": sleeps, "reason": why}}


# Deploys and agent tokens


def _create_deploy(change: Change, item: Item) -> None:
    deployment = change.state.view_of("deployment", item["deploymentId"])
    fill_fields(
        item,
        createdAt=change.now,
        updatedAt=change.now,
        createdBySubject=change.subject,
        updatedBySubject=change.subject,
        _signature=word(43, change.state.seed, "deploy", item["id"]),
        imageTag=deployment["imageTag"] if item["type"] == "DAG_ONLY" else f"deploy-{to_minute(change.now)}",
        airflowVersion=deployment["airflowVersion"],
        isDagDeployEnabled=deployment["isDagDeployEnabled"],
    )
    set_fields(
        item, imageRepository=deployment["imageRepository"], astroRuntimeVersion=deployment["astroRuntimeVersion"]
    )
    if deployment["isDagDeployEnabled"] and change.origin:
        folder = f"{change.origin}/-/upload/{item['deploymentId']}/{item['id']}"
        query = f"sv=2025-01-05&sr=b&sp=cw&sig={item['_signature']}"
        if item["type"] in ("IMAGE_AND_DAG", "DAG_ONLY"):
            item["dagsUploadUrl"] = f"{folder}/dags.tar.gz?{query}"
        elif item["type"] == "BUNDLE":
            item["bundleUploadUrl"] = f"{folder}/bundle.tar.gz?{query}"


def to_minute(timestamp: str) -> str:
    """Return a time stamp up to its minute, as image tags hold it."""
    return timestamp[:16].replace(":", "-")


def _touch_deploy(change: Change, item: Item) -> None:
    item.update(updatedAt=change.now, updatedBySubject=change.subject)


def _create_agent_token(change: Change, item: Item) -> None:
    stamp_creation(change, item)
    _start_token(change, item, "agentToken", change.now)
    item.update(
        kind="STANDARD",
        scope="DEPLOYMENT",
        roles=[{"role": "DEPLOYMENT_AGENT", "entityId": item["deploymentId"], "entityType": "DEPLOYMENT"}],
    )


def _start_token(change: Change, item: Item, label: str, start: str) -> None:
    days = item.get("tokenExpiryPeriodInDays")
    set_fields(
        item,
        startAt=start,
        expiryPeriodInDays=days,
        endAt=days_after(start, days),
        shortToken=word(6, change.state.seed, label, item["id"]),
        _serial=change.state.ids.next("serial"),
    )


def _show_token(state: State, item: Item) -> Item:
    return {"token": state.tokens.create_for(item)}


# Clusters


def _complete_cluster(change: Change, item: Item, before: Mapping[str, Any]) -> None:
    provider = item.get("cloudProvider")
    pool = compact(
        name="default", isDefault=True, maxNodeCount=20, nodeInstanceType=table_value("providers", provider, "node")
    )
    fill_fields(
        item,
        dbInstanceType=table_value("providers", provider, "database"),
        workspaceIds=[],
        isDrEnabled=item.get("drRegion") is not None,
        nodePools=[pool],
    )

    def make_pool(entry: Item, old: Mapping[str, Any]) -> None:
        fill_fields(entry, isDefault=False, createdAt=change.now)
        set_fields(
            entry,
            id=old.get("id") or change.state.ids.next("nodePool"),
            updatedAt=change.now,
            clusterId=item["id"],
            cloudProvider=provider,
            supportedAstroMachines=["A5", "A10", "A20", "A40"],
        )

    item["nodePools"] = merge_entries(
        item["nodePools"], before.get("nodePools"), "id", make_pool, ("createdAt", "isDefault")
    )


def _create_cluster(change: Change, item: Item) -> None:
    fill_fields(item, createdAt=change.now, updatedAt=change.now)


def _view_cluster(state: State, item: Item) -> None:
    issuer = f"https://oidc.northwind.example/clusters/{item['id'][-8:]}"
    item.update(
        isFailedOver=item.get("isFailedOver") or False,
        **astro_data()["clusterView"],
        metadata={"externalIPs": ["203.0.113.40", "203.0.113.41"], "oidcIssuerUrl": issuer},
    )


# Environment objects

_PARTS = {
    "CONNECTION": "connection",
    "ENVIRONMENT_VARIABLE": "environmentVariable",
    "AIRFLOW_VARIABLE": "airflowVariable",
    "METRICS_EXPORT": "metricsExport",
}
"""The field that holds an environment object of each type."""


def _create_environment_object(change: Change, item: Item) -> None:
    stamp_creation(change, item)
    if item["scope"] == "WORKSPACE":
        fill_fields(item, autoLinkDeployments=False)
        workspace = item["scopeEntityId"]
    else:
        item.pop("autoLinkDeployments", None)
        workspace = (change.state.find("deployment", item["scopeEntityId"]) or {}).get("workspaceId")
    set_fields(item, _workspaceId=workspace)


def _view_environment_object(state: State, item: Item) -> None:
    value_part = _PARTS.get(item["objectType"], "")
    part = item.get(value_part)
    set_fields(item, setFields=None if part is None else sorted(names_of_values(part)))
    for name in _PARTS.values():
        if name in ("environmentVariable", "airflowVariable"):
            shown = {"isSecret": False, "value": "", **(part or {})} if name == value_part else None
            set_fields(item, **{name: shown})
    kind = table_value("authTypes", (part or {}).get("authTypeId"), "id")
    if value_part == "connection":
        auth = {"connectionAuthType": astro_data()["authTypes"][kind]} if kind else {}
        item["connection"] = {**(part or {}), **auth}
    else:
        item.pop("connection", None)
    item["_linked"] = [link.get("scopeEntityId") for link in item["links"]]
    item["links"] = [_view_link(link) for link in item["links"]]


def _view_link(link: Mapping[str, Any]) -> Item:
    overrides = link.get("overrides") or {}
    parts = {f"{name}Overrides": overrides.get(name) for name in _PARTS.values()}
    names = next((sorted(names_of_values(part)) for part in parts.values() if part is not None), [])
    return compact(scope=link.get("scope"), scopeEntityId=link.get("scopeEntityId"), **parts, setFields=names)


# Users, teams, API tokens and the rest


def _create_team(change: Change, item: Item) -> None:
    stamp_creation(change, item)
    item["isIdpManaged"] = False


def _view_team(state: State, item: Item) -> None:
    item["rolesCount"] = 1 + sum(len(item.get(name) or ()) for name in _NO_ROLES)


def _create_api_token(change: Change, item: Item) -> None:
    stamp_creation(change, item)
    scope, entity = item["scope"], item.get("entityId")
    _start_token(change, item, "apiToken", item["createdAt"])
    bound_to = item["organizationId"] if scope == "ORGANIZATION" else entity
    item["roles"] = [compact(role=item["role"], entityId=bound_to, entityType=scope)]
    deployment = change.state.find("deployment", entity) if scope == "DEPLOYMENT" else None
    set_fields(
        item,
        _deploymentId=entity if scope == "DEPLOYMENT" else None,
        _workspaceId=deployment["workspaceId"] if deployment else entity if scope == "WORKSPACE" else None,
    )


def _is_selected_token(item: Mapping[str, Any], only_organization: Any) -> bool:
    return not only_organization or item["scope"] == "ORGANIZATION"


_INVITE_DAYS = 14


def _create_invite(change: Change, item: Item) -> None:
    fill_fields(item, inviter=change.subject)
    item["userId"] = change.state.ids.next("user")
    item["invitee"] = {"id": item["userId"], "username": item["inviteeEmail"], "subjectType": "USER"}
    item["expiresAt"] = days_after(change.now, _INVITE_DAYS)
    _show_organization_name(change.state, item)


def _by_role(**others: str) -> dict[str, tuple[str, ...]]:
    """Return filters by what the roles of a user or a team are bound to."""
    workspace, deployment = ("workspaceRoles[].workspaceId",), ("deploymentRoles[].deploymentId",)
    return {"workspaceId": workspace, "deploymentId": deployment, **{name: (path,) for name, path in others.items()}}


def _unique_name(words: str, parent: str = "organization") -> tuple[Unique, ...]:
    """Return the rule that no two resources of a parent share a name."""
    return (Unique(("name",), f"{words} name '{{name}}' already exists in this {parent}", (f"{parent}Id",)),)


def _secrets() -> Iterator[Secret]:
    """Yield the secrets of an environment object, and of the overrides for the Deployments it is linked to."""
    for path in ("connection.password", "connection.extra", "metricsExport.password", "metricsExport.basicToken"):
        part, _, name = path.partition(".")
        yield Secret(path)
        yield Secret(f"links[].{part}Overrides.{name}")
    for part in ("environmentVariable", "airflowVariable"):
        yield Secret(f"{part}.value", "isSecret", "")
        yield Secret(f"links[].{part}Overrides.value", f"/{part}.isSecret", "")


_TABLE = (
    Resource(
        "organization",
        "/organizations",
        touch=set_update,
        unique=(Unique(("name",), "Organization name '{name}' is taken"),),
        view=_view_organization,
    ),
    Resource(
        "workspace",
        f"{_ORGANIZATION}/workspaces",
        scopes={"workspace": ("id",)},
        unique=_unique_name("Workspace"),
        defaults={"cicdEnforcedDefault": False, "description": ""},
        create=stamp_creation,
        touch=set_update,
        view=_show_organization_name,
    ),
    Resource(
        "deployment",
        f"{_ORGANIZATION}/deployments",
        scopes={"workspace": ("workspaceId",), "deployment": ("id",)},
        references={"workspaceId": "workspace"},
        unique=_unique_name("Deployment", "workspace"),
        secrets=(Secret("environmentVariables[].value", "isSecret"),),
        complete=_complete_deployment,
        create=_create_deployment,
        touch=set_update,
        view=_view_deployment,
        replaces=("environmentVariables", "workerQueues"),
        life=LifeCycle(
            "status",
            {
                "create": Event("HEALTHY", {"CREATING": 20}),
                "update": Event("HEALTHY", {"DEPLOYING": 15}, keep=("HIBERNATING",)),
                "deploy": Event("HEALTHY", {"DEPLOYING": 25}),
                "hibernate": Event("HIBERNATING", back="HEALTHY"),
                "wake": Event("HEALTHY"),
            },
            fails=_fails_by("description"),
            failures={"HEALTHY": "UNHEALTHY"},
        ),
        cascade={"deploy": "deploymentId", "agentToken": "deploymentId"},
    ),
    Resource(
        "agentToken",
        f"{_ORGANIZATION}/deployments/{{deploymentId}}/agent-tokens",
        unique=_unique_name("Agent token", "deployment"),
        defaults={"description": ""},
        create=_create_agent_token,
        once=_show_token,
        sorts={"createdById": "createdBy.id", "updatedById": "updatedBy.id"},
    ),
    Resource(
        "deploy",
        f"{_ORGANIZATION}/deployments/{{deploymentId}}/deploys",
        create=_create_deploy,
        touch=_touch_deploy,
        life=LifeCycle(
            "status",
            {"create": Event("INITIALIZED"), "finalize": Event("DEPLOYED", {"INITIALIZED": 15})},
            fails=_fails_by("description"),
            failures={"DEPLOYED": "FAILED"},
        ),
    ),
    Resource(
        "cluster",
        f"{_ORGANIZATION}/clusters",
        scopes={"workspace": ("workspaceIds[]",)},
        references={"workspaceIds[]": "workspace"},
        unique=_unique_name("Cluster"),
        complete=_complete_cluster,
        create=_create_cluster,
        touch=_set_update_time,
        view=_view_cluster,
        renames={"k8sTags": "tags", "enableDr": "isDrEnabled"},
        filters={"provider": ("cloudProvider",)},
        life=LifeCycle(
            "status",
            {"create": Event("CREATED", {"CREATING": 60}), "update": Event("CREATED", {"UPDATING": 30})},
            fails=_fails_by("name"),
            failures={"CREATED": "CREATE_FAILED"},
        ),
    ),
    Resource(
        "environmentObject",
        f"{_ORGANIZATION}/environment-objects",
        scopes={"workspace": ("_workspaceId",), "deployment": ("scopeEntityId",)},
        unique=(
            Unique(
                ("objectKey",),
                "Environment object '{objectKey}' already exists here",
                ("scopeEntityId", "objectType"),
                status=409,
            ),
        ),
        secrets=tuple(_secrets()),
        defaults={"links": [], "excludeLinks": [], "description": ""},
        create=_create_environment_object,
        touch=set_update,
        view=_view_environment_object,
        merges=tuple(_PARTS.values()),
        filters={"workspaceId": ("scopeEntityId",), "deploymentId": ("scopeEntityId", "_linked[]")},
    ),
    Resource(
        "user",
        f"{_ORGANIZATION}/users",
        touch=_set_update_time,
        filters=_by_role(dagId="dagRoles[].dagId", dagTags="dagRoles[].dagTag"),
        sorts={"userId": "id"},
    ),
    Resource(
        "team",
        f"{_ORGANIZATION}/teams",
        references={"memberIds[]": "user"},
        unique=_unique_name("Team"),
        defaults={"description": "", "organizationRole": "ORGANIZATION_MEMBER", "memberIds": [], **_NO_ROLES},
        create=_create_team,
        touch=set_update,
        view=_view_team,
        filters=_by_role(),
    ),
    Resource(
        "apiToken",
        f"{_ORGANIZATION}/tokens",
        scopes={"workspace": ("roles[].entityId", "_workspaceId"), "deployment": ("roles[].entityId",)},
        unique=_unique_name("Token"),
        defaults={"description": "", "kind": "STANDARD"},
        create=_create_api_token,
        touch=set_update,
        once=_show_token,
        filters={
            **dict.fromkeys(("workspaceId", "deploymentId", "dagId", "dagTags"), ("roles[].entityId",)),
            "includeOnlyOrganizationTokens": _is_selected_token,
        },
    ),
    Resource(
        "role",
        f"{_ORGANIZATION}/roles",
        references={"restrictedWorkspaceIds[]": "workspace"},
        unique=_unique_name("Role"),
        defaults={"description": "", "restrictedWorkspaceIds": []},
        create=stamp_creation,
        touch=set_update,
    ),
    Resource(
        "invite",
        f"{_ORGANIZATION}/invites",
        id="inviteId",
        unique=(Unique(("inviteeEmail",), "'{inviteeEmail}' is invited already", ("organizationId",)),),
        create=_create_invite,
    ),
    Resource(
        "allowedIpAddressRange",
        f"{_ORGANIZATION}/allowed-ip-address-ranges",
        unique=(Unique(("ipAddressRange",), "The range '{ipAddressRange}' is allowed already", ("organizationId",)),),
        create=stamp_creation,
        sorts={"ipAddress": "ipAddressRange"},
    ),
)

RESOURCES = {resource.name: resource for resource in _TABLE}
