"""The extensions of the Astro overlay are true of the document: of ours, and of the published one where it is there.

A loop over extensions has a floor: it must fail when no extension is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from astro_nb.contract import check_request_body
from astro_nb.jsonpath import is_singular
from astro_nb.openapi import ErrorPaths, Operation, RateLimit, Rule, Spec, TokenExtension, UpdateExtension, load
from astro_nb.openapi.parsing import parse
from astro_nb.schema import (
    Field,
    active_rules,
    body_field,
    broken_rules,
    example_call,
    make_sample,
    mask_secrets,
    parameter_fields,
    read_field,
    response_field,
)
from astro_nb.secrets import MASK

ROOT = Path(__file__).resolve().parents[1]
OVERLAY = ROOT / "specs" / "astro-v1.overlay.yaml"
PUBLISHED = ROOT.parent / "shared" / "specs" / "astro-v1.yaml"
PLANTED = "planted-3b9f"

VARIABLES = ("EnvironmentVariable", "AirflowVariable")
VARIANTS = ("EnvironmentObject{}", "CreateEnvironmentObject{}Request", "UpdateEnvironmentObject{}Request")
OVERRIDES = tuple(name.replace("{}", "{}Overrides") for name in VARIANTS)
SECRETS: list[tuple[str, str]] = [
    ("ApiToken", "token"),
    ("Deploy", "dagsUploadUrl"),
    ("Deploy", "bundleUploadUrl"),
    *((v.format("Connection"), name) for v in VARIANTS + OVERRIDES for name in ("password", "extra")),
    *(
        (v.format("MetricsExport"), name)
        for v in VARIANTS + OVERRIDES
        for name in ("password", "basicToken", "headers")
    ),
    *((v.format(kind), "value") for v in (VARIANTS[2], *OVERRIDES) for kind in VARIABLES),
]
MARKED: list[str] = [
    "DeploymentEnvironmentVariable",
    "DeploymentEnvironmentVariableRequest",
    *(v.format(kind) for v in VARIANTS[:2] for kind in VARIABLES),
]
"""Schemas whose `value` is a secret if `isSecret` beside it says so."""


@pytest.fixture(scope="module", params=["ours", "published"])
def spec(request: pytest.FixtureRequest) -> Spec:
    """Each document with the overlay applied."""
    source = ROOT / "specs" / "astro-v1.yaml" if request.param == "ours" else PUBLISHED
    if not source.is_file():
        pytest.skip("the published document does not lie in ../shared/specs")
    return load(source, overlay=OVERLAY)


def schema_field(spec: Spec, name: str) -> Field:
    """The field of a named schema."""
    return read_field(spec, {"$ref": f"#/components/schemas/{name}"})


def answer(operation: Operation) -> Field:
    """The field of an operation's answer with status 200."""
    found = response_field(operation, 200)
    assert found is not None, operation.id
    return found


def resource_field(operation: Operation) -> Field:
    """The field of the resource in a response, or of one item of a list."""
    whole = answer(operation)
    page = operation.extensions.page
    listed = whole if page is None or page.items == "$" else whole.child(page.items)
    entry = listed.item if listed and listed.kind == "array" else listed
    assert entry is not None, operation.id
    return entry


def reach(fields: list[Field], path: str) -> list[Field]:
    """The fields at a dotted path, `[]` for entries, in any of several objects; empty where none has it."""
    for step in path.split("."):
        found = [c for f in objects(fields) if (c := f.child(step.removesuffix("[]")))]
        fields = [c.item for c in found if c.item] if step.endswith("[]") else found
    return fields


def objects(fields: list[Field]) -> list[Field]:
    """The fields, a union's branches in its place."""
    return [part for f in fields for part in ([b.field for b in f.branches] if f.kind == "union" else [f])]


def only_in_answer(answered: Field, sent: list[Field], at: str = "") -> Iterator[str]:
    """The dotted names that an answer has and no branch of the request."""
    for child in answered.children:
        same = reach(sent, child.name)
        if not same:
            yield at + child.name
        elif child.kind == "array" and child.item:
            yield from only_in_answer(child.item, [f.item for f in same if f.item], f"{at}{child.name}[].")
        else:
            yield from only_in_answer(child, same, f"{at}{child.name}.")


def every_object(field: Field, depth: int = 0) -> Iterator[Field]:
    """A field and all objects below it."""
    if depth < 10:
        parts = [b.field for b in field.branches] or [*field.children, *([field.item] if field.item else [])]
        yield from [field] if field.kind == "object" else []
        for part in parts:
            yield from every_object(part, depth + 1)


def having(spec: Spec, name: str, at_least: int) -> Iterator[tuple[Operation, Any]]:
    """The operations with an extension, and the extension; there are so many at least."""
    found = [(operation, getattr(operation.extensions, name)) for operation in spec]
    given = [(operation, extension) for operation, extension in found if extension is not None]
    assert len(given) >= at_least
    yield from given


def ids_having(spec: Spec, name: str) -> list[str]:
    """The ids of the operations with an extension."""
    return [operation.id for operation, _ in having(spec, name, 1)]


def test_applies_without_a_warning(spec: Spec) -> None:
    """Every action fits the document."""
    assert spec.warnings == ()


def test_lies_beside_the_bundled_document() -> None:
    """The overlay is applied to the bundled document by default."""
    assert load("astro-v1").extensions.permission == "x-permission"


def test_every_target_is_the_path_of_one_place() -> None:
    """There is no filter and no wildcard: a target that no longer matches is named, and applying is fast."""
    actions = parse(OVERLAY.read_bytes(), OVERLAY.name)["actions"]
    assert [a["target"] for a in actions if not is_singular(a["target"])] == []


def test_adds_nothing_but_extensions_and_examples() -> None:
    """No path, schema or property is made up: an update gives extensions or an example, a removal takes an example."""
    for action in parse(OVERLAY.read_bytes(), OVERLAY.name)["actions"]:
        if action.get("remove"):
            assert action["target"].endswith(".example"), action
        else:
            assert all(key == "example" or key.startswith("x-astro-nb-") for key in action["update"]), action


def test_extensions_of_the_whole_api(spec: Spec) -> None:
    """The limits, the error envelope, the token's claims and the permission's name are at the root."""
    found = spec.extensions
    assert found.limits == {"GET": RateLimit(25), "POST": RateLimit(10), "DELETE": RateLimit(5)}
    error = spec.operation("GetDeployment").response(400)
    envelope = read_field(spec, error.schema() if error else None)
    assert found.error == ErrorPaths("$.message", "$.requestId", "$.statusCode", "$.fieldErrors")
    assert all(envelope.child(name) for name in ("message", "requestId", "statusCode"))
    assert found.token == TokenExtension("permissions", ("organizationId", "workspaceId", "deploymentId"))
    assert sum(bool(operation.permissions) for operation in spec) == 71
    assert ids_having(spec, "limit") == ["GetOrganizationAuditLogs"]


def test_every_list_has_a_page(spec: Spec) -> None:
    """A response with a total, a search or a bare array is read in pages, by names that it has."""
    found = {}
    for operation in spec:
        whole = response_field(operation, 200)
        if whole and (whole.kind == "array" or whole.child("totalCount") or whole.child("searchId")):
            page = operation.extensions.page
            found[operation.id] = page.style if page else ""
    styles = list(found.values())
    assert (styles.count("offset"), styles.count("search"), styles.count("whole")) == (14, 1, 3)
    assert set(found) | {"GetOrganizationAuditLogs", "BulkCreateAllowedIpAddressRanges"} == set(
        ids_having(spec, "page")
    )


def test_page_names_exist(spec: Spec) -> None:
    """The items, counts, cursors and parameters of every page are in the response and in the request."""
    for operation, page in having(spec, "page", 20):
        whole = response_field(operation, 200, "application/json")
        if page.style == "lines":
            continue
        assert whole is not None
        lists = [page.items, *page.also] if page.items != "$" else []
        assert all((c := whole.child(name)) and c.kind == "array" for name in lists), operation.id
        names = filter(None, (page.total, page.count, page.cursor))
        assert all(whole.child(name) for name in names), operation.id
        given = {f.name for f in parameter_fields(operation)}
        assert {page.offset, page.limit, page.cursor} - {""} <= given, operation.id


def test_page_size_and_order(spec: Spec) -> None:
    """A page asks for at most what `limit` allows, and for creation order wherever that can be had."""
    seen = 0
    for operation, page in having(spec, "page", 20):
        parameters = {f.name: f for f in parameter_fields(operation)}
        if page.style == "offset":
            seen += 1
            assert page.most == min(parameters["limit"].schema.get("maximum", 1000), 1000)
            allowed = parameters["sorts"].item if "sorts" in parameters else None
            assert page.sort == ("createdAt:asc" if allowed else ""), operation.id
            assert not allowed or page.sort in allowed.info.choices
    assert seen == 14


def test_every_post_says_whether_it_may_be_repeated(spec: Spec) -> None:
    """No POST is left to a guess; updates may be repeated, creations and actions may not."""
    posts = [o for o in spec if o.method == "POST"]
    assert len(posts) == 31
    assert [o.id for o in posts if o.extensions.repeatable is None] == []
    assert [o.id for o in spec if o.method != "POST" and o.extensions.repeatable is not None] == []
    repeatable = {o.id for o in posts if o.extensions.repeatable}
    assert repeatable == {o.id for o in posts if o.id.startswith("Update")} | {"BulkDeleteAllowedIpAddressRanges"}


def test_item_names_exist(spec: Spec) -> None:
    """A resource has the fields that hold its id and its name."""
    for operation, item in having(spec, "item", 38):
        entry = resource_field(operation)
        for path in filter(None, (item.id, item.name)):
            assert reach([entry], path), (operation.id, path)
    labels = {o.id: item.label for o, item in having(spec, "item", 38) if item.label}
    assert labels == {"CreateEnvironmentObject": "objectKey", "CreateUserInvite": "inviteeEmail"}
    assert all(reach([body], labels[o.id]) for o in spec if o.id in labels and (body := body_field(o)))


def test_everything_with_an_id_is_named(spec: Spec) -> None:
    """Each list, get or create whose resource has an id says which fields hold its id and its name."""
    missing, seen = [], 0
    for operation in spec:
        if not operation.id.startswith(("List", "Get", "Create")) or response_field(operation, 200) is None:
            continue
        if operation.id != "GetOrganizationAuditLogs" and reach([resource_field(operation)], "id"):
            seen += 1
            missing += [operation.id] if operation.extensions.item is None else []
    assert missing == []
    assert seen >= 30


def test_settled_states_are_in_the_enum(spec: Spec) -> None:
    """Waiting is for states that the API has; no script waits for READY."""
    assert set(ids_having(spec, "settled")) == {"GetDeployment", "GetCluster", "GetDeploy"}
    for operation, settled in having(spec, "settled", 3):
        whole = answer(operation)
        (state,) = reach([whole], settled.state)
        assert {*settled.good, *settled.bad} <= set(state.info.choices)
        assert settled.good
        assert 0 < settled.grace < 60
        assert operation.id != "GetDeployment" or reach([whole], settled.reason)


def updates(spec: Spec) -> Iterator[tuple[Operation, UpdateExtension, Field, Field]]:
    """The updates: operation, extension, the field of the body, the field of the state that is read."""
    for operation, update in having(spec, "update", 12):
        body = body_field(operation)
        assert body is not None
        yield operation, update, body, answer(spec.operation(update.read))


def test_update_names_exist(spec: Spec) -> None:
    """What an update reads, replaces, strips, keeps and renames is in the response or in the request."""
    assert len(list(updates(spec))) == 12
    for operation, update, body, state in updates(spec):
        assert update.whole or update.replaces, operation.id
        assert spec.operation(update.read).method == "GET"
        assert all(reach([body], name) for name in update.replaces), operation.id
        assert all(f.kind == "array" for name in update.replaces for f in reach([body], name))
        assert [n for n in update.strip if not reach([state], n)] == [], operation.id
        for new, old in update.sources.items():
            assert reach([body], new), (operation.id, new)
            assert reach([state], old), (operation.id, old)
        for path, how in update.keep.items():
            flag = how.partition("leave-out-when ")[2]
            beside = f"{path.rpartition('.')[0]}.{flag}"
            assert how == "leave-out" or reach([state], flag[1:] if flag.startswith("/") else beside)
            assert reach([body], path), (operation.id, path)
        for path, flag in update.over.items():
            assert reach([body], path), (operation.id, path)
            at = flag[1:] if flag.startswith("/") else f"{path}.{flag}"
            assert [f.kind for f in reach([state], at)] == ["boolean"], at


def test_entries_and_what_follows_are_fields_of_the_body(spec: Spec) -> None:
    """Every list that is replaced says how its entries are known, or holds plain values; ratios are of two texts."""
    ratios = entries = 0
    for operation, update, body, _ in updates(spec):
        for name in update.replaces:
            plain = all(f.item and f.item.kind in ("text", "choice") for f in reach([body], name))
            assert plain or name in update.entries, (operation.id, name)
        for path, known in update.entries.items():
            entries += 1
            assert all(reach([body], f"{path}[].{name}") for name in filter(None, (known.by, known.value, *known.new)))
        for wanted, ratio in update.follow.items():
            ratios += 1
            assert {f.kind for f in [*reach([body], wanted), *reach([body], ratio.of)]} == {"text"}
            assert (ratio.times, ratio.unit) == (2, "Gi")
    assert (entries >= 5, ratios) == (True, 2)


def test_strip_leaves_what_the_request_takes(spec: Spec) -> None:
    """Stripped of those names, the state that was read is what the update takes, and nothing is stripped beyond."""
    for operation, update, body, state in updates(spec):
        assert set(only_in_answer(state, [body])) == set(update.strip), operation.id


def test_updates_can_be_filled_from_what_is_read(spec: Spec) -> None:
    """Every field that an update requires is in the response read, by its own or by an old name."""
    for operation, update, body, state in updates(spec):
        known = {n.partition(".")[0] for n in update.sources}
        needed = {c.name for branch in objects([body]) for c in branch.children if c.required}
        assert [n for n in needed - known if not reach([state], n)] == [], operation.id


@pytest.mark.parametrize(("schema", "name"), SECRETS, ids=lambda value: value)
def test_secret_is_masked(spec: Spec, schema: str, name: str) -> None:
    """A planted secret does not survive masking, whatever it looks like."""
    field = schema_field(spec, schema)
    child = field.child(name)
    assert child is not None
    assert child.secret
    value = PLANTED if child.kind == "text" else {"x": PLANTED}
    assert PLANTED not in str(mask_secrets(field, {name: value, "host": "db.example.com"}))
    assert mask_secrets(field, {"host": "db.example.com"}) == {"host": "db.example.com"}


@pytest.mark.parametrize("schema", MARKED)
def test_value_is_secret_if_marked(spec: Spec, schema: str) -> None:
    """The value of a variable is hidden if `isSecret` is true, and shown if it is false."""
    field = schema_field(spec, schema)
    assert mask_secrets(field, {"isSecret": True, "value": PLANTED})["value"] == MASK
    assert mask_secrets(field, {"isSecret": False, "value": PLANTED})["value"] == PLANTED


def test_secrets_are_masked_in_whole_answers_and_bodies(spec: Spec) -> None:
    """Lists, single answers, request branches and overrides deep inside lose their secrets alike."""
    variable = {"key": "A", "isSecret": True, "value": PLANTED}
    link = {"scope": "DEPLOYMENT", "connectionOverrides": {"password": PLANTED, "extra": {"key": PLANTED}}}
    answers: dict[str, Any] = {
        "ListDeploys": {"deploys": [{"dagsUploadUrl": PLANTED, "bundleUploadUrl": PLANTED}]},
        "GetDeploy": {"dagsUploadUrl": PLANTED},
        "RotateApiToken": {"token": PLANTED},
        "CreateAgentToken": {"token": PLANTED},
        "ListDeployments": {"deployments": [{"environmentVariables": [variable]}]},
        "ListEnvironmentObjects": {"environmentObjects": [{"links": [link], "connection": {"extra": {"a": PLANTED}}}]},
    }
    for name, value in answers.items():
        assert PLANTED not in str(mask_secrets(answer(spec.operation(name)), value)), name
    for kind in ("STANDARD", "DEDICATED", "HYBRID"):
        for name in ("CreateDeployment", "UpdateDeployment"):
            body = {"type": kind, "environmentVariables": [variable]}
            assert PLANTED not in str(mask_secrets(body_field(spec.operation(name)), body)), (name, kind)


def test_no_secret_has_an_example_in_a_sample(spec: Spec) -> None:
    """A full sample of a body carries no secret, so that none is learnt from a form."""
    seen, secret = 0, 0
    for operation in spec:
        field = body_field(operation)
        if field is not None:
            seen += 1
            secret += any(child.secret for part in every_object(field) for child in part.children)
            value = make_sample(field, full=True)
            assert mask_secrets(field, value) == value, operation.id
    assert seen >= 30
    assert secret >= 2  # bodies in which there is a secret at all


def test_rule_names_exist(spec: Spec) -> None:
    """Every rule and union names siblings that the object has, values that they allow, and its reason."""
    rules: set[int] = set()
    unions: set[str] = set()
    for operation in spec:
        body = body_field(operation)
        for part in every_object(body) if body else ():
            names = {child.name: child for child in part.children}
            for rule in part.info.extensions.rules:
                rules.add(hash(repr(rule)))
                _check_rule(rule, names)
            union = part.info.extensions.union
            if union:
                unions.add(union.by)
                assert set(union.branches) == set(names[union.by].info.choices)
                assert set(union.branches.values()) <= set(names)
    assert len(rules) > 30
    assert unions == {"objectType"}


def _check_rule(rule: Rule, names: Mapping[str, Field]) -> None:
    assert [bool(rule.require), bool(rule.hide), bool(rule.one_of)].count(True) == 1, rule
    assert rule.because
    assert {*rule.require, *rule.hide, *rule.one_of} <= set(names), rule
    assert not {n for n in rule.hide if names[n].required}, rule
    for name, condition in rule.when.items():
        allowed = names[name].info.choices
        if isinstance(condition, list) and allowed:
            assert set(condition) & set(allowed), rule


RULES: list[tuple[str, dict[str, Any], set[str]]] = [
    ("CreateApiTokenRequest", {"scope": "WORKSPACE"}, {"entityId"}),
    ("CreateApiTokenRequest", {"scope": "ORGANIZATION"}, set()),
    ("CreateAwsClusterRequest", {"type": "HYBRID"}, {"dbInstanceType", "providerAccount"}),
    ("CreateGcpClusterRequest", {"type": "DEDICATED"}, set()),
    ("CreateDeployRequest", {"type": "BUNDLE"}, {"bundleMountPath", "bundleType"}),
    ("CreateDeployRequest", {"type": "IMAGE_ONLY"}, set()),
    ("CreateDeployGitRequest", {"provider": "GITHUB"}, {"account", "repo"}),
    ("CreateDeployGitRequest", {"provider": "GENERIC"}, {"remoteUrl"}),
    ("CreateEnvironmentObjectRequest", {"objectType": "METRICS_EXPORT"}, {"metricsExport"}),
    ("ApiTokenRole", {"entityType": "DAG_TAG"}, {"deploymentId"}),
    ("DagRole", {}, {"dagId"}),
    ("DagRole", {"dagTag": "sales"}, set()),
    ("DagRole", {"dagTag": "sales", "dagId": "daily"}, {"dagId"}),
    ("UpdateUserRolesRequest", {"deploymentRoles": []}, {"organizationRole"}),
    ("CreateWorkspaceRequest", {"defaultRegion": "us-east-1"}, {"defaultCloudProvider"}),
    ("UpdateWorkspaceRequest", {"defaultClusterId": "c"}, set()),
    ("CreateStandardDeploymentRequest", {"cloudProvider": "AWS"}, {"region"}),
    ("CreateStandardDeploymentRequest", {"cloudProvider": "AWS", "clusterId": "c"}, set()),
]


@pytest.mark.parametrize(("schema", "value", "wanted"), RULES)
def test_rule_asks_for(spec: Spec, schema: str, value: dict[str, Any], wanted: set[str]) -> None:
    """What the document demands in prose is found missing, and nothing else."""
    found = {str(problem.location[-1]) for problem in broken_rules(schema_field(spec, schema), value)}
    assert found == wanted


HIDDEN: list[tuple[str, dict[str, Any], set[str]]] = [
    ("UpdateDedicatedDeploymentRequest", {"executor": "KUBERNETES"}, {"workerQueues"}),
    ("UpdateDedicatedDeploymentRequest", {"executor": "CELERY"}, set()),
    ("CreateHybridDeploymentRequest", {"executor": "CELERY"}, {"taskPodNodePoolId"}),
    ("CreateStandardDeploymentRequest", {}, {"scalingSpec"}),
    ("CreateStandardDeploymentRequest", {"isDevelopmentMode": True}, set()),
    ("UpdateStandardDeploymentRequest", {}, set()),
    ("UpdateWorkspaceRequest", {"defaultClusterId": "c"}, {"defaultCloudProvider", "defaultRegion"}),
    ("CreateEnvironmentObjectMetricsExportRequest", {"authType": "SIGV4"}, {"username", "password", "basicToken"}),
    ("UpdateDedicatedClusterRequest", {"clusterType": "DEDICATED"}, {"nodePools"}),
]


@pytest.mark.parametrize(("schema", "value", "wanted"), HIDDEN)
def test_rule_hides(spec: Spec, schema: str, value: dict[str, Any], wanted: set[str]) -> None:
    """A field that does not apply is hidden, and shown again when it does."""
    assert set(active_rules(schema_field(spec, schema), value).hidden) == wanted


def test_union_of_environment_objects(spec: Spec) -> None:
    """The object's type decides which one member holds its content."""
    field = schema_field(spec, "CreateEnvironmentObjectRequest")
    view = active_rules(field, {"objectType": "CONNECTION", "scope": "DEPLOYMENT"})
    assert set(view.required) == {"connection"}
    assert set(view.hidden) == {
        *("airflowVariable", "environmentVariable", "metricsExport"),
        *("autoLinkDeployments", "excludeLinks", "links"),
    }


@pytest.mark.parametrize("kind", [None, "STANDARD", "DEDICATED", "HYBRID"])
def test_least_deployment_breaks_no_rule(spec: Spec, kind: str | None) -> None:
    """A name and a Workspace are enough to create a Deployment of any type."""
    field = body_field(spec.operation("CreateDeployment"))
    body = {"name": "etl", "workspaceId": "w", **({"type": kind} if kind else {})}
    assert field is not None
    assert list(broken_rules(field, body)) == []
    control = {**body, "type": "STANDARD", "cloudProvider": "AWS"}
    assert [problem.location for problem in broken_rules(field, control)] == [("region",)]  # there are rules


@pytest.mark.parametrize("full", [False, True])
def test_samples_break_no_rule(spec: Spec, full: bool) -> None:
    """The example of every body is valid by its schema and by the rules, in every branch."""
    ruled = set()
    for operation in spec:
        field = body_field(operation)
        if field is None:
            continue
        ruled |= {operation.id for part in every_object(field) if part.info.extensions.rules}
        bodies = [example_call(operation, full).body, *(make_sample(b.field, full) for b in field.branches)]
        for body in bodies:
            assert list(broken_rules(field, body)) == [], operation.id
            assert check_request_body(operation, body) == (), operation.id
    assert len(ruled) == 13  # operations whose bodies have rules that could be broken


def test_examples_belong_to_their_branch(spec: Spec) -> None:
    """The example of a discriminator is the value that chooses the branch."""
    for name in ("CreateCluster", "UpdateCluster", "CreateDeployment", "UpdateDeployment"):
        body = body_field(spec.operation(name))
        assert body is not None
        discriminator = body.schema["discriminator"]
        for value, reference in discriminator["mapping"].items():
            chooser = spec.lookup(reference)["properties"][discriminator["propertyName"]]
            assert chooser["example"] == value, (name, reference)


@pytest.mark.parametrize("schema", ["UpdateTeamRolesRequest", "UpdateUserRolesRequest", "SubjectRoles"])
def test_role_example_is_one_role(spec: Spec, schema: str) -> None:
    """The example of a role is a role that invitations know, not five joined by commas."""
    child = schema_field(spec, schema).child("organizationRole")
    known = schema_field(spec, "CreateUserInviteRequest").child("role")
    assert child is not None
    assert known is not None
    assert child.info.example in known.info.choices


def test_queue_to_be_created_is_the_default_one_without_an_id(spec: Spec) -> None:
    """A sample Deployment has the queue that every Deployment needs, and no id that nothing has."""
    for schema in ("WorkerQueueRequest", "HybridWorkerQueueRequest"):
        queue = make_sample(schema_field(spec, schema), full=True)
        assert (queue["name"], "id" in queue) == ("default", False)


def test_version_examples_are_versions(spec: Spec) -> None:
    """No example of a version holds a sentence, and the API's path fits Airflow's version."""
    deployment, deploy = schema_field(spec, "Deployment"), schema_field(spec, "Deploy")
    for field in (deployment, deploy):
        version = field.child("airflowVersion")
        assert version is not None
        assert set(str(version.info.example)) <= set("0123456789.")
    url = deployment.child("apiUrl")
    assert url is not None
    assert str(url.info.example).endswith("/api/v2")
