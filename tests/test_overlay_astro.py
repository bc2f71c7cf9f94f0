"""What the overlay says of Astro is true of the document: ours, and the published one where it lies beside."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from astro_nb.contract import check_request_body
from astro_nb.jsonpath import is_singular
from astro_nb.openapi import Operation, Spec, load
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


def thing(operation: Operation) -> Field:
    """What an operation answers with, or what its list lists."""
    whole = answer(operation)
    page = operation.notes.get("page")
    listed = whole if page is None or page["items"] == "$" else whole.child(page["items"])
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


def noted(spec: Spec, note: str) -> list[Operation]:
    """The operations that carry a note."""
    return [operation for operation in spec if note in operation.notes]


def test_applies_without_a_warning(spec: Spec) -> None:
    """Every action fits the document."""
    assert spec.warnings == ()


def test_lies_beside_the_bundled_document() -> None:
    """Without being asked for, the overlay is applied to the bundled document."""
    assert load("astro-v1").notes["permission"] == "x-permission"


def test_every_target_is_the_path_of_one_place() -> None:
    """No filter and no wildcard: an action that no longer fits is told by name, and application is quick."""
    actions = parse(OVERLAY.read_bytes(), OVERLAY.name)["actions"]
    assert [a["target"] for a in actions if not is_singular(a["target"])] == []


def test_adds_nothing_but_notes_and_examples() -> None:
    """No path, schema or property is made up: an update gives notes or an example, a removal takes an example."""
    for action in parse(OVERLAY.read_bytes(), OVERLAY.name)["actions"]:
        if action.get("remove"):
            assert action["target"].endswith(".example"), action
        else:
            assert all(key == "example" or key.startswith("x-astro-nb-") for key in action["update"]), action


def test_whole_api_notes(spec: Spec) -> None:
    """The limits, the error envelope, the token's claims and the permission's name stand at the root."""
    assert {m: (n["count"], n["per"]) for m, n in spec.notes["limits"].items()} == {
        "GET": (25, 1),
        "POST": (10, 1),
        "DELETE": (5, 1),
    }
    error = spec.operation("GetDeployment").response(400)
    envelope = read_field(spec, error.schema() if error else None)
    paths = {name: path.removeprefix("$.") for name, path in spec.notes["error"].items()}
    assert set(paths) == {"message", "requestId", "statusCode", "fieldErrors"}
    assert [name for name, path in paths.items() if not envelope.child(path)] in ([], ["fieldErrors"])
    assert spec.notes["token"]["list"] == "permissions"
    assert sum(bool(operation.permissions) for operation in spec) == 71
    assert [o.id for o in noted(spec, "limit")] == ["GetOrganizationAuditLogs"]


def test_every_list_has_a_page(spec: Spec) -> None:
    """An answer with a total, a search or a bare array is read in pages, by names that it has."""
    found = {}
    for operation in spec:
        whole = response_field(operation, 200)
        if whole and (whole.kind == "array" or whole.child("totalCount") or whole.child("searchId")):
            found[operation.id] = operation.notes["page"]["style"]
    styles = list(found.values())
    assert (styles.count("offset"), styles.count("search"), styles.count("whole")) == (14, 1, 3)
    assert set(found) | {"GetOrganizationAuditLogs", "BulkCreateAllowedIpAddressRanges"} == {
        o.id for o in noted(spec, "page")
    }


def test_page_names_exist(spec: Spec) -> None:
    """The items, counts, cursors and parameters of every page are in the answer and in the request."""
    for operation in noted(spec, "page"):
        page, whole = operation.notes["page"], response_field(operation, 200, "application/json")
        if page["style"] == "lines":
            continue
        assert whole is not None
        lists = [page["items"], *page.get("also", [])] if page["items"] != "$" else []
        assert all((c := whole.child(name)) and c.kind == "array" for name in lists), operation.id
        names = [page[key] for key in ("total", "count", "cursor") if key in page]
        assert all(whole.child(name) for name in names), operation.id
        given = {f.name for f in parameter_fields(operation)}
        assert {page[key] for key in ("offset", "limit", "cursor") if key in page} <= given, operation.id


def test_page_size_and_order(spec: Spec) -> None:
    """A page asks for at most what `limit` allows, and for creation order wherever that can be had."""
    for operation in noted(spec, "page"):
        page, parameters = operation.notes["page"], {f.name: f for f in parameter_fields(operation)}
        if page["style"] == "offset":
            assert page["most"] == min(parameters["limit"].schema.get("maximum", 1000), 1000)
            allowed = parameters["sorts"].item if "sorts" in parameters else None
            assert page.get("sort") == ("createdAt:asc" if allowed else None), operation.id
            assert not allowed or page["sort"] in allowed.info.choices


def test_every_post_says_whether_it_may_be_repeated(spec: Spec) -> None:
    """No POST is left to a guess; updates may be repeated, creations and deeds may not."""
    posts = [o for o in spec if o.method == "POST"]
    assert len(posts) == 31
    assert [o.id for o in posts if not isinstance(o.notes.get("repeatable"), bool)] == []
    assert [o.id for o in spec if o.method != "POST" and "repeatable" in o.notes] == []
    repeatable = {o.id for o in posts if o.notes["repeatable"]}
    assert repeatable == {o.id for o in posts if o.id.startswith("Update")} | {"BulkDeleteAllowedIpAddressRanges"}


def test_item_names_exist(spec: Spec) -> None:
    """Where the id and the name of a thing stand, the thing has such fields."""
    for operation in noted(spec, "item"):
        entry = thing(operation)
        for path in operation.notes["item"].values():
            assert reach([entry], path), (operation.id, path)


def test_everything_with_an_id_is_named(spec: Spec) -> None:
    """Each list, get or create whose thing has an id says where its id and its name stand."""
    missing = []
    for operation in spec:
        if not operation.id.startswith(("List", "Get", "Create")) or response_field(operation, 200) is None:
            continue
        if operation.id != "GetOrganizationAuditLogs" and reach([thing(operation)], "id"):
            missing += [operation.id] if "item" not in operation.notes else []
    assert missing == []


def test_settled_states_are_in_the_enum(spec: Spec) -> None:
    """Waiting is for states that the API has; no script waits for READY."""
    assert {o.id for o in noted(spec, "settled")} == {"GetDeployment", "GetCluster", "GetDeploy"}
    for operation in noted(spec, "settled"):
        note, whole = operation.notes["settled"], answer(operation)
        (state,) = reach([whole], note["state"])
        assert {*note["good"], *note["bad"]} <= set(state.info.choices)
        assert note["good"]
        assert 0 < note["grace"] < 60
        assert "reason" not in note or reach([whole], note["reason"])


def test_update_names_exist(spec: Spec) -> None:
    """What an update reads, replaces, strips, keeps and renames is in the answer or in the request."""
    assert len(noted(spec, "update")) == 12
    for operation in noted(spec, "update"):
        note, body = operation.notes["update"], body_field(operation)
        assert body is not None
        assert note.get("whole") or note.get("replaces"), operation.id
        state = answer(spec.operation(note["read"]))
        assert spec.operation(note["read"]).method == "GET"
        assert all(reach([body], name) for name in note.get("replaces", ())), operation.id
        assert all(f.kind == "array" for name in note.get("replaces", ()) for f in reach([body], name))
        assert [n for n in note["strip"] if not reach([state], n)] == [], operation.id
        for new, old in note.get("from", {}).items():
            assert reach([body], new), (operation.id, new)
            assert reach([state], old), (operation.id, old)
        for path, how in note.get("keep", {}).items():
            flag = how.partition("leave-out-when ")[2]
            beside = f"{path.rpartition('.')[0]}.{flag}"
            assert how == "leave-out" or reach([state], flag[1:] if flag.startswith("/") else beside)
            assert reach([body], path), (operation.id, path)
        for path, flag in note.get("over", {}).items():
            assert reach([body], path), (operation.id, path)
            at = flag[1:] if flag.startswith("/") else f"{path}.{flag}"
            assert [f.kind for f in reach([state], at)] == ["boolean"], at


def test_entries_and_what_follows_are_fields_of_the_body(spec: Spec) -> None:
    """Every list that is replaced says how its entries are known, or holds plain values; ratios are of two texts."""
    for operation in noted(spec, "update"):
        note, body = operation.notes["update"], body_field(operation)
        assert body is not None
        for name in note.get("replaces", ()):
            plain = all(f.item and f.item.kind in ("text", "choice") for f in reach([body], name))
            assert plain or name in note["entries"], (operation.id, name)
        for path, (by, *more) in note.get("entries", {}).items():
            value, new = [*more, "", {}][0], ([*more, "", {}][1] if len(more) > 1 else {})
            assert all(reach([body], f"{path}[].{name}") for name in (by, *([value] if value else []), *new))
        for wanted, (of, times, unit) in note.get("follow", {}).items():
            assert {f.kind for f in [*reach([body], wanted), *reach([body], of)]} == {"text"}
            assert (times, unit) == (2, "Gi")


def test_strip_leaves_what_the_request_takes(spec: Spec) -> None:
    """Stripped of those names, the state that was read is what the update takes, and nothing is stripped beyond."""
    for operation in noted(spec, "update"):
        note, body = operation.notes["update"], body_field(operation)
        assert body is not None
        state = answer(spec.operation(note["read"]))
        assert set(only_in_answer(state, [body])) == set(note["strip"]), operation.id


def test_updates_can_be_filled_from_what_is_read(spec: Spec) -> None:
    """Every field that an update requires is in the answer read, by its own or by an old name."""
    for operation in noted(spec, "update"):
        note, body = operation.notes["update"], body_field(operation)
        assert body is not None
        state, known = answer(spec.operation(note["read"])), {n.partition(".")[0] for n in note.get("from", {})}
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
    for operation in spec:
        field = body_field(operation)
        if field is not None:
            value = make_sample(field, full=True)
            assert mask_secrets(field, value) == value, operation.id


def test_rule_names_exist(spec: Spec) -> None:
    """Every rule and union names siblings that the object has, values that they allow, and its reason."""
    seen: set[int] = set()
    for operation in spec:
        body = body_field(operation)
        for part in every_object(body) if body else ():
            rules = part.info.extensions.get("rules") or ()
            names = {child.name: child for child in part.children}
            for rule in rules:
                seen.add(id(rule))
                _check_rule(rule, names)
            union = part.info.extensions.get("union")
            if union:
                assert set(union["branches"]) == set(names[union["by"]].info.choices)
                assert set(union["branches"].values()) <= set(names)
    assert len(seen) > 30


def _check_rule(rule: Mapping[str, Any], names: Mapping[str, Field]) -> None:
    assert len({"require", "hide", "one-of"} & set(rule)) == 1, rule
    assert set(rule) <= {"when", "require", "hide", "one-of", "because"}
    assert rule["because"]
    assert {n for key in ("require", "hide", "one-of") for n in rule.get(key, ())} <= set(names), rule
    assert not {n for n in rule.get("hide", ()) if names[n].required}, rule
    for name, condition in rule.get("when", {}).items():
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
    """What does not apply is put out of sight, and comes back when it does."""
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


@pytest.mark.parametrize("full", [False, True])
def test_samples_break_no_rule(spec: Spec, full: bool) -> None:
    """The example of every body is valid by its schema and by the rules, in every branch."""
    for operation in spec:
        field = body_field(operation)
        if field is None:
            continue
        bodies = [example_call(operation, full).body, *(make_sample(b.field, full) for b in field.branches)]
        for body in bodies:
            assert list(broken_rules(field, body)) == [], operation.id
            assert check_request_body(operation, body) == (), operation.id


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
