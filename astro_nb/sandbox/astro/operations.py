"""The operations of the Astro API whose method and path do not say what they do, what they refuse, and logs.

Deployment logs are searched, and audit logs are JSON lines. A line depends on its number alone, so that the same time
span always holds the same lines.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from ...json_text import write_json
from ...messages import Response
from ..behavior import Action, FieldError, Item, Refused, find_values, invalid, set_fields, uuid_of
from ..clock import format_timestamp, parse_timestamp, word
from ..requests import RequestContext
from ..responses import json_response, reason_phrase
from .resources import AUTHORS, astro_data, compact, days_after, person

_MOST_LINES = 20_000  # of one span
_PAGE = 500
_MOST_RESULTS = 10_000  # what `maxNumResults` is in the response where the request leaves it out
_SECONDS_BETWEEN_LINES = 3
_SECONDS_BETWEEN_AUDITS = 1800
_HOUR, _WEEK = 3600, 7 * 86_400  # seconds

_SOURCES = ("scheduler", "worker", "dag-processor", "scheduler", "triggerer", "webserver", "apiserver", "worker")
_TEXTS = (
    "INFO - Dag {dag}: run scheduled__{at} queued",
    "INFO - Task {dag}.{task} succeeded in {took} s",
    "INFO - Parsed dags/{dag}.py in 0.{took} s",
    "INFO - Sending {dag}.{task} to the executor",
    "INFO - {took} triggers are running",
    "INFO - GET /health 200 in {took} ms",
    "INFO - PATCH /execution/task-instances/{task}/run 200 in {took} ms",
    "WARNING - Task {dag}.{task} is up for retry after {took} s",
)
"""One text for each source of `_SOURCES`."""
_DAGS = ("orders_hourly", "customers_daily", "invoices", "churn_score", "inventory_sync")
_TASKS = ("extract", "transform", "load", "check", "notify")
_AUDITED = (
    "deployment.update", "deployment.deploys.create", "workspace.get", "organization.users.create",
    "organization.apiTokens.access", "deployment.get",
)  # fmt: skip


def search_logs(context: RequestContext) -> Response:
    """Respond with one page of the log lines of a Deployment that a search finds; further pages go by `searchId`."""
    state, query = context.state, context.query
    search_id = str(query.get("searchId") or "")
    if search_id and search_id not in state.searches:
        raise _refuse("searchId", "exists", f"there is no search '{search_id}'")
    if not search_id:
        lines = list(_search(context))
        search_id = uuid_of(state.seed, "search", len(state.searches))
        state.searches[search_id] = lines
    offset, limit = int(query.get("offset", 0)), int(query.get("limit", _PAGE))
    page = state.searches[search_id][offset : offset + limit]
    data = {
        "limit": limit,
        "offset": offset,
        "maxNumResults": query.get("maxNumResults") or _MOST_RESULTS,
        "resultCount": len(page),
        "results": page,
        "searchId": search_id,
    }
    return json_response(context.plan.status, context.plan.shape(data) if context.plan.shape else data)


def _search(context: RequestContext) -> Iterator[Item]:
    """Yield the lines of the span that the query selects, newest first."""
    query = context.query
    for name, other in (("startDate", "endDate"), ("endDate", "startDate")):
        if query.get(name) is None and query.get(other) is not None:
            raise _refuse(name, "required", f"{name} is required")
    seconds, most = int(query.get("range", _HOUR)), int(query.get("maxNumResults", _MOST_LINES))
    text, sources = str(query.get("searchText") or "").lower(), query.get("sources")
    span = _span(context, seconds)
    for line in reversed(list(_lines(context, span, _SECONDS_BETWEEN_LINES, _log_line))):
        if most <= 0:
            return
        if (not sources or line["source"] in sources) and text in line["raw"].lower():
            most -= 1
            yield line


def respond_with_audit_logs(context: RequestContext) -> Response:
    """Respond with every audit line of the span, one JSON object per line, in gzip on the wire."""
    lines = _lines(context, _span(context, _WEEK), _SECONDS_BETWEEN_AUDITS, _audit_line)
    body = b"".join(write_json(line) + b"\n" for line in lines)
    status, media = context.plan.status, context.plan.media_type or "application/x-ndjson"
    headers = (("Content-Type", media), ("Content-Encoding", "gzip"))
    return Response(status, headers, body, reason_phrase(status))


def _span(context: RequestContext, seconds: int) -> tuple[datetime, datetime]:
    """Return the start and the end that the query declares, by default the `seconds` before now."""
    start, end = (parse_timestamp(context.query.get(name)) for name in ("startDate", "endDate"))
    end = end or context.state.clock.now()
    start = start or end - timedelta(seconds=seconds)
    if start > end:
        raise _refuse("startDate", "order", "startDate is after endDate")
    return start, end


def _refuse(field: str, code: str, message: str) -> Refused:
    return Refused(400, f"Invalid request: {message}", (FieldError(field, code, message),))


Line = Callable[[RequestContext, str, int, random.Random], Item]


def _lines(context: RequestContext, span: tuple[datetime, datetime], every: int, make: Line) -> Iterator[Item]:
    first, last = -(-int(span[0].timestamp()) // every), int(span[1].timestamp()) // every
    target = context.target or {}
    for number in range(max(first, last - _MOST_LINES + 1), last + 1):
        chance = context.state.chance(f"{context.operation.id}/{target.get('id', '')}", number)
        yield make(context, format_timestamp(datetime.fromtimestamp(number * every, UTC)), number, chance)


def _log_line(context: RequestContext, at: str, number: int, chance: random.Random) -> Item:
    words = {"dag": chance.choice(_DAGS), "task": chance.choice(_TASKS), "took": chance.randint(1, 90)}
    kind = number % len(_SOURCES)
    raw = f"[{at}] {_TEXTS[kind].format(at=at, **words)}"
    return {"timestamp": number * _SECONDS_BETWEEN_LINES * 1000, "source": _SOURCES[kind], "raw": raw}


def _audit_line(context: RequestContext, at: str, number: int, chance: random.Random) -> Item:
    actor, organization = person(context.state, chance.randint(0, AUTHORS - 1)), context.target or {}
    label = f"{context.operation.id}/{organization.get('id', '')}"
    return {
        "timestamp": at,
        "organizationId": organization.get("id"),
        "requestId": word(25, context.state.seed, label, number),
        "action": chance.choice(_AUDITED),
        "actor": actor,
        "outcome": chance.choices(("SUCCESS", "DENIED"), (19, 1))[0],
        "sourceIp": "203.0.113.7",
    }


# Deployments


def _check_type(context: RequestContext) -> None:
    if context.fields.get("type") != context.view("deployment")["type"]:
        raise invalid("Invalid request: the type of a Deployment cannot be changed", "type")


def _update_event(context: RequestContext) -> str:
    sleeps = find_values(context.fields, "scalingSpec.hibernationSpec.override.isHibernating")
    return "hibernate" if sleeps == [True] else "update"


def _check_development_mode(context: RequestContext) -> None:
    if not context.view("deployment").get("isDevelopmentMode"):
        text = "Invalid request: only a Deployment in development mode can hibernate"
        raise invalid(text, "isDevelopmentMode")


def _check_can_hibernate(context: RequestContext) -> None:
    _check_development_mode(context)
    status = context.view("deployment")["status"]
    if status in ("CREATING", "DEPLOYING"):
        raise invalid(f"Invalid request: the Deployment is {status}; wait until it is HEALTHY")


def _override(context: RequestContext) -> Item:
    body = context.fields
    sleeps, until = body.get("isHibernating"), body.get("overrideUntil")
    return compact(isActive=True, isHibernating=sleeps, overrideUntil=until)


def _set_override(context: RequestContext, item: Item) -> None:
    scaling = item.get("scalingSpec") or {}
    hibernation = {**(scaling.get("hibernationSpec") or {}), "override": _override(context)}
    item["scalingSpec"] = {**scaling, "hibernationSpec": hibernation}


def _remove_override(context: RequestContext, item: Item) -> None:
    scaling = item.get("scalingSpec") or {}
    schedules = (scaling.get("hibernationSpec") or {}).get("schedules") or []
    item["scalingSpec"] = {**scaling, "hibernationSpec": {"schedules": schedules}}


# Deploys

_TARBALLS = {"IMAGE_AND_DAG": "dagTarballVersion", "DAG_ONLY": "dagTarballVersion", "BUNDLE": "bundleTarballVersion"}
"""The version that finalizing a deploy of each type needs."""


def _check_can_finalize(context: RequestContext) -> None:
    deploy = context.view("deploy")
    if deploy["status"] == "DEPLOYED":
        raise invalid("Invalid request: the deploy is finalized already")
    version = _TARBALLS.get(deploy["type"])
    if version and deploy.get("isDagDeployEnabled") and context.fields.get(version) is None:
        raise invalid(f"Invalid request: {version} is required", version)


def _set_tarball(context: RequestContext, item: Item) -> None:
    version = context.fields.get("dagTarballVersion") or item.get("dagTarballVersion")
    set_fields(item, dagTarballVersion=version)


def _roll_out(context: RequestContext, deploy: Item) -> None:
    """Bring a deploy to its Deployment."""
    state, change = context.state, context.change
    resource = state.resources["deployment"]
    item = dict(context.items["deployment"])
    set_fields(
        item,
        imageTag=deploy["imageTag"],
        _tarball=item.get("desiredDagTarballVersion"),
        desiredDagTarballVersion=deploy.get("dagTarballVersion") or item.get("desiredDagTarballVersion"),
        updatedAt=change.now,
        updatedBy=change.subject,
    )
    state.begin(resource, item, "deploy")
    state.put(resource, item)


def _check_can_roll_back(context: RequestContext) -> None:
    if context.view("deploy")["status"] != "DEPLOYED":
        raise invalid("Invalid request: only a deploy that is DEPLOYED can be rolled back to")


def _rollback_body(context: RequestContext) -> list[Item]:
    deploy = context.view("deploy")
    return [
        compact(
            type=deploy["type"],
            description=context.fields.get("description") or f"Rollback to {deploy['id']}",
            git=deploy.get("git"),
            dagTarballVersion=deploy.get("dagTarballVersion"),
            rollbackFromId=deploy["id"],
        )
    ]


# Clusters, Workspaces and environment objects


def _check_unused(field: str, parameter: str, message: str) -> Callable[[RequestContext], None]:
    """Return a check that refuses to delete what a Deployment still refers to."""

    def check(context: RequestContext) -> None:
        if context.state.first("deployment", **{field: context.path[parameter]}):
            raise invalid(f"Invalid request: {message}; delete them first")

    return check


def _check_scope_entity(context: RequestContext) -> None:
    name = {"WORKSPACE": "workspace", "DEPLOYMENT": "deployment"}.get(str(context.fields.get("scope")))
    if name:
        _require_scope_entity(context, name)


def _require_scope_entity(context: RequestContext, name: str = "deployment") -> None:
    key = context.fields.get("scopeEntityId")
    if context.state.find(name, key) is None:
        raise invalid(f"Not found: there is no {name} '{key}'", "scopeEntityId", status=404)


def _exclude_link(context: RequestContext, item: Item) -> None:
    entity, excluded = context.fields.get("scopeEntityId"), dict(context.fields)
    item["links"] = [link for link in item["links"] if link.get("scopeEntityId") != entity]
    others = [link for link in item["excludeLinks"] if link.get("scopeEntityId") != entity]
    item["excludeLinks"] = [*others, excluded]


# Teams, tokens and roles


def _is_member(context: RequestContext, user: Item) -> bool:
    return user["id"] in context.items["team"]["memberIds"]


def _has_member(context: RequestContext, team: Item) -> bool:
    return context.path["userId"] in team["memberIds"]


def _member_row(user: Item) -> Item:
    return {
        "userId": user["id"],
        **{name: user.get(name) for name in ("username", "fullName", "avatarUrl", "createdAt")},
    }


def _add_members(context: RequestContext, item: Item) -> None:
    item["memberIds"] = list(dict.fromkeys([*item["memberIds"], *context.fields["memberIds"]]))


def _remove_member(context: RequestContext, item: Item) -> None:
    item["memberIds"] = [key for key in item["memberIds"] if key != context.path["memberId"]]


def _check_is_member(context: RequestContext) -> None:
    member = context.path["memberId"]
    if member not in context.items["team"]["memberIds"]:
        raise Refused(404, f"Not found: '{member}' is no member of this team")


def _check_token_entity(context: RequestContext) -> None:
    scope = str(context.fields.get("scope"))
    name = {"WORKSPACE": "workspace", "DEPLOYMENT": "deployment"}.get(scope)
    if name and context.state.find(name, context.fields.get("entityId")) is None:
        raise invalid(f"Invalid request: entityId must name a {scope.title()}", "entityId")


def _rotate_token(context: RequestContext, item: Item) -> None:
    change = context.change
    serial = change.state.ids.next("serial")
    set_fields(
        item,
        _serial=serial,
        shortToken=word(6, change.state.seed, "apiToken", serial),
        lastRotatedAt=change.now,
        startAt=change.now,
        endAt=days_after(change.now, item.get("expiryPeriodInDays")),
    )


def _roles_of_token(context: RequestContext, token: Item) -> Item:
    """Return the roles of a token in the four fields of the response to `UpdateApiTokenRoles`."""
    roles: dict[str, list[Item]] = {"ORGANIZATION": [], "WORKSPACE": [], "DEPLOYMENT": [], "DAG": []}
    for role in token["roles"]:
        kind, entity = role.get("entityType"), role.get("entityId")
        roles.get("DAG" if kind == "DAG_TAG" else kind, []).append({
            "ORGANIZATION": {"role": role["role"]},
            "WORKSPACE": compact(workspaceId=entity, role=role["role"]),
            "DEPLOYMENT": compact(deploymentId=entity, role=role["role"]),
            "DAG": compact(deploymentId=role.get("deploymentId"), role=role["role"], dagId=entity),
            "DAG_TAG": compact(deploymentId=role.get("deploymentId"), role=role["role"], dagTag=entity),
        }[kind])  # fmt: skip
    return {
        **({"organizationRole": roles["ORGANIZATION"][0]["role"]} if roles["ORGANIZATION"] else {}),
        "workspaceRoles": roles["WORKSPACE"],
        "deploymentRoles": roles["DEPLOYMENT"],
        "dagRoles": roles["DAG"],
    }


def _default_roles(context: RequestContext, _: Any) -> Mapping[str, Any]:
    wanted = context.query.get("includeDefaultRoles")
    return {"defaultRoles": astro_data()["options"]["defaultRoles"]} if wanted else {}


def _self_user(context: RequestContext, _: Any) -> Item:
    state = context.state
    me = state.find("user", context.subject.profile.get("id")) or state.all("user")[0]
    organization = {"entityId": me["organizationId"], "type": "ORGANIZATION"}
    roles = [{"role": me["organizationRole"], "scope": organization}]
    for role in me.get("workspaceRoles") or ():
        roles.append({"role": role["role"], "scope": {"entityId": role["workspaceId"], "type": "WORKSPACE"}})
    return {**me, "isIdpManaged": False, "featureFlags": [], "invites": [], "roles": roles}


def _options(name: str, **filters: str) -> Action:
    """Return the action that responds with a table of the data file, filtered by query parameters."""

    def respond(context: RequestContext, _: Any) -> Any:
        rows = astro_data()["options"][name]
        for parameter, field in filters.items():
            value = context.query.get(parameter)
            if value not in (None, []):
                wanted = value if isinstance(value, list) else [value]
                rows = [row for row in rows if row.get(field) in wanted]
        return rows

    return Action("respond", respond=respond)


def _ranges_to_create(context: RequestContext) -> list[Item]:
    return [{"ipAddressRange": text} for text in context.fields["allowedIpAddressRanges"]]


ACTIONS: dict[str, Action] = {
    "ListOrganizations": Action("list", "organization"),
    "GetSelfUser": Action("respond", respond=_self_user),
    "CreateDeployment": Action("create", "deployment", assume={"type": "STANDARD"}),
    "UpdateDeployment": Action(
        "update", "deployment", assume={"type": "STANDARD"}, check=_check_type, event=_update_event
    ),
    "UpdateDeploymentHibernationOverride": Action(
        "act",
        "deployment",
        check=_check_can_hibernate,
        change=_set_override,
        event=lambda context: "hibernate" if context.fields.get("isHibernating") else "wake",
        until=lambda context: context.fields.get("overrideUntil"),
        respond=lambda context, _: _override(context),
    ),
    "DeleteDeploymentHibernationOverride": Action(
        "act", "deployment", check=_check_development_mode, change=_remove_override, event="wake"
    ),
    "GetDeploymentLogs": Action(resource="deployment", handle=search_logs),
    "GetOrganizationAuditLogs": Action(resource="organization", handle=respond_with_audit_logs),
    "CreateDeploy": Action("create", "deploy"),
    "FinalizeDeploy": Action(
        "act", "deploy", check=_check_can_finalize, change=_set_tarball, event="finalize", affect=_roll_out
    ),
    "DeployRollback": Action(
        "create", "deploy", check=_check_can_roll_back, bodies=_rollback_body, event="finalize", affect=_roll_out
    ),
    "UpdateCluster": Action("update", "cluster", assume={"clusterType": "DEDICATED"}),
    "DeleteCluster": Action(
        "delete", "cluster", check=_check_unused("clusterId", "clusterId", "Deployments run on this cluster")
    ),
    "DeleteWorkspace": Action(
        "delete", "workspace", check=_check_unused("workspaceId", "workspaceId", "the Workspace has Deployments")
    ),
    "CreateEnvironmentObject": Action("create", "environmentObject", check=_check_scope_entity),
    "ListEnvironmentObjects": Action("list", "environmentObject", reveal="showSecrets"),
    "ExcludeLinkingEnvironmentObject": Action(
        "act", "environmentObject", check=_require_scope_entity, change=_exclude_link
    ),
    "BulkCreateAllowedIpAddressRanges": Action(
        "create",
        "allowedIpAddressRange",
        bodies=_ranges_to_create,
        respond=lambda context, ranges: {"allowedIpAddressRanges": ranges},
        unique_status=409,
    ),
    "BulkDeleteAllowedIpAddressRanges": Action(
        "delete", "allowedIpAddressRange", keys=lambda context: context.fields["allowedIpAddressRangeIds"]
    ),
    "ListTeamMembers": Action("list", "user", where=_is_member, row=_member_row),
    "ListUserTeams": Action("list", "team", where=_has_member),
    "AddTeamMembers": Action("act", "team", references={"memberIds[]": "user"}, change=_add_members),
    "RemoveTeamMember": Action("act", "team", check=_check_is_member, change=_remove_member),
    "UpdateTeamRoles": Action("update", "team", replaces=("workspaceRoles", "deploymentRoles", "dagRoles")),
    "UpdateUserRoles": Action(
        "update", "user", replaces=("organizationRole", "workspaceRoles", "deploymentRoles", "dagRoles")
    ),
    "CreateApiToken": Action("create", "apiToken", check=_check_token_entity),
    "RotateApiToken": Action("act", "apiToken", change=_rotate_token, once=True),
    "UpdateApiTokenRoles": Action(
        "update", "apiToken", replaces=("roles",), respond=_roles_of_token
    ),
    "ListRoles": Action("list", "role", items="roles", respond=_default_roles),
    "ListRoleTemplates": _options("roleTemplates", scopeTypes="scopeType"),
    "ListPermissionGroups": _options("permissionGroups", scopeType="scope"),
    "GetClusterOptions": _options("clusterOptions", provider="provider"),
    "GetDeploymentOptions": _options("deploymentOptions"),
}  # fmt: skip
