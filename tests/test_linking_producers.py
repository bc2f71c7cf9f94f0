"""Which operations answer what another asks for: every path parameter of Astro's, and most of everyone's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from astro_nb.linking import consumers, producers
from astro_nb.linking.response_objects import is_kind_of, parse_name, resource_of_type, response_index, split_words
from astro_nb.openapi import Operation, Spec, load

SPEC = load()

ASTRO = {
    "organizationId": ("ListOrganizations", "$.organizations[*].id"),
    "allowedIpAddressRangeId": ("ListAllowedIpAddressRanges", "$.allowedIpAddressRanges[*].id"),
    "clusterId": ("ListClusters", "$.clusters[*].id"),
    "deploymentId": ("ListDeployments", "$.deployments[*].id"),
    "agentTokenId": ("ListAgentTokens", "$.tokens[*].id"),
    "deployId": ("ListDeploys", "$.deploys[*].id"),
    "environmentObjectId": ("ListEnvironmentObjects", "$.environmentObjects[*].id"),
    "inviteId": ("CreateUserInvite", "$.inviteId"),  # nothing lists invites
    "customRoleId": ("ListRoles", "$.roles[*].id"),
    "roleId": ("ListRoles", "$.roles[*].id"),
    "teamId": ("ListTeams", "$.teams[*].id"),
    "memberId": ("ListTeamMembers", "$.teamMembers[*].userId"),
    "tokenId": ("ListApiTokens", "$.tokens[*].id"),
    "userId": ("ListUsers", "$.users[*].id"),
    "workspaceId": ("ListWorkspaces", "$.workspaces[*].id"),
}
"""What a person who knows the API would name first."""


def asked(spec: Spec) -> list[tuple[Operation, str]]:
    """Every parameter of every path."""
    return [(o, p.key) for o in spec for p in o.parameters if p.location == "path"]


@pytest.mark.parametrize(("operation", "name"), asked(SPEC), ids=lambda v: v if isinstance(v, str) else v.id)
def test_every_path_parameter_of_astro_has_its_producer(operation: Operation, name: str) -> None:
    """The first producer is the list of that very resource, and its response has the path to the id."""
    first = producers(operation, name)[0]
    assert (first.operation.id, first.path) == ASTRO[name]


@pytest.mark.parametrize(
    ("document", "least"), [("airflow3.yaml", 0.98), ("petstore3.yaml", 1.0), ("github.json", 0.97)]
)
def test_most_path_parameters_have_a_producer(shared: Path, document: str, least: float) -> None:
    """Documents that nobody wrote an overlay for: nearly every parameter of a path has one, formats and kinds kept."""
    spec = load(str(shared / "specs" / document))
    found = [bool(producers(operation, name)) for operation, name in asked(spec)]
    assert sum(found) / len(found) >= least


@pytest.mark.parametrize(
    ("document", "operation", "name", "first", "path"),
    [
        ("airflow3.yaml", "get_dag_run", "dag_id", "get_dags", "$.dags[*].dag_id"),
        ("airflow3.yaml", "get_dag_run", "dag_run_id", "get_dag_runs", "$.dag_runs[*].dag_run_id"),
        ("airflow3.yaml", "get_pool", "pool_name", "get_pools", "$.pools[*].name"),
        ("airflow3.yaml", "get_variable", "variable_key", "get_variables", "$.variables[*].key"),
        ("petstore3.yaml", "getPetById", "petId", "addPet", "$.id"),
        ("petstore3.yaml", "getUserByName", "username", "createUser", "$.username"),
        ("petstore3.yaml", "deleteOrder", "orderId", "placeOrder", "$.id"),
        ("github.json", "repos/get", "repo", "repos/list-for-authenticated-user", "$[*].name"),
        ("github.json", "repos/get", "owner", "repos/list-for-authenticated-user", "$[*].owner.login"),
        ("github.json", "orgs/get", "org", "orgs/list-for-authenticated-user", "$[*].login"),
        ("github.json", "users/get-by-username", "username", "users/list", "$[*].login"),
        ("github.json", "issues/get", "issue_number", "issues/list-for-repo", "$[*].number"),
        ("github.json", "teams/get-by-name", "team_slug", "teams/list", "$[*].slug"),
        ("github.json", "repos/get-branch", "branch", "repos/list-branches", "$[*].name"),
    ],
)
def test_producers_of_other_apis(shared: Path, document: str, operation: str, name: str, first: str, path: str) -> None:
    """Names of all kinds: the key of a resource is found even if the response calls it otherwise."""
    found = producers(load(str(shared / "specs" / document)).operation(operation), name)
    assert (found[0].operation.id, found[0].path) == (first, path)


def test_a_large_document_is_indexed_once(shared: Path) -> None:
    """GitHub's document: the first question reads its responses, further ones find the index."""
    spec = load(str(shared / "specs" / "github.json"))
    assert producers(spec.operation("issues/get"), "issue_number")
    index = response_index(spec)
    assert len(index.objects) == len(spec) > 800
    before = index.objects
    assert producers(spec.operation("issues/update"), "issue_number")
    assert response_index(spec).objects is before


@pytest.mark.parametrize(
    ("operation", "name", "first"),
    [
        ("CreateDeployment", "workspaceId", "ListWorkspaces"),
        ("CreateDeployment", "clusterId", "ListClusters"),
        ("UpdateWorkspace", "defaultClusterId", "ListClusters"),
        ("ListDeployments", "workspaceIds", "ListWorkspaces"),
        ("UpdateWorkspace", "description", "GetWorkspace"),
    ],
)
def test_fields_of_a_body_and_of_a_query_have_producers_too(operation: str, name: str, first: str) -> None:
    """An id by its resource; a plain field of an update by its present value."""
    assert producers(SPEC.operation(operation), name)[0].operation.id == first


@pytest.mark.parametrize(
    ("operation", "name"),
    [
        ("CreateDeployment", "name"),
        ("CreateDeployment", "executor"),
        ("CreateDeployment", "isDagDeployEnabled"),
        ("ListDeployments", "limit"),
        ("ListDeployments", "offset"),
        ("ListDeployments", "no such name"),
    ],
)
def test_what_a_user_chooses_has_no_producer(operation: str, name: str) -> None:
    """Names of new resources, choices, flags, pages: no response holds them."""
    assert producers(SPEC.operation(operation), name) == ()


def document(paths: dict[str, Any]) -> Spec:
    return load({"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": paths})


def answers(schema: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"description": "ok", "content": {"application/json": {"schema": schema}}, **more}


ID = {"type": "object", "properties": {"id": {"type": "string"}}}
PETS: dict[str, Any] = {
    "/pets": {"get": {"operationId": "listPets", "responses": {"200": answers({"type": "array", "items": ID})}}},
    "/pets/{petId}": {"get": {"operationId": "getPet", "responses": {"200": answers(ID)}}},
}


@pytest.mark.parametrize(
    "link",
    [
        {"operationId": "getPet", "parameters": {"petId": "$response.body#/made/0/ref"}},
        {"operationRef": "#/paths/~1pets~1{petId}/get", "parameters": {"path.petId": "$response.body#/made/0/ref"}},
    ],
)
def test_links_win(link: dict[str, Any]) -> None:
    """A link of the document goes before everything that is inferred, by id and by reference."""
    order = {"post": {"operationId": "order", "responses": {"201": answers({}, links={"made": link})}}}
    spec = document({**PETS, "/orders": order})
    first, second, *_ = producers(spec.operation("getPet"), "petId")
    assert (first.operation.id, first.path, first.reason) == ("order", "$.made[0].ref", "the document links it")
    assert (second.operation.id, second.path) == ("listPets", "$[*].id")
    assert [c.operation.id for c in consumers(spec.operation("order"))] == ["getPet"]


@pytest.mark.parametrize(
    "link",
    [
        "no mapping",
        {"operationId": "gone", "parameters": {"petId": "$response.body#/id"}},
        {"operationId": "getPet", "parameters": {"petId": "$request.path.id"}},
        {"operationId": "getPet", "parameters": {"petId": 5}},
        {"operationId": "getPet", "parameters": ["petId"]},
        {"operationRef": "#/nowhere"},
        {"operationRef": "https://example.org/other.yaml#/paths"},
        {"$ref": "#/components/links/gone"},
    ],
)
def test_a_link_that_leads_nowhere_is_left_out(link: Any) -> None:
    """Whatever stands where a link belongs, the document is read without it."""
    order = {"post": {"operationId": "order", "responses": {"201": answers({}, links={"made": link})}}}
    spec = document({**PETS, "/orders": order})
    assert producers(spec.operation("getPet"), "petId")[0].operation.id == "listPets"


def test_kinds_and_formats_are_respected() -> None:
    """A number is not served by a text, a date not by an id; a text takes a number, after all texts."""
    item = {"type": "object", "properties": {"id": {"type": "string", "format": "uuid"}, "petId": {"type": "boolean"}}}
    spec = document(
        {"/pets": {"get": {"operationId": "a", "responses": {"200": answers({"type": "array", "items": item})}}}}
    )
    for schema, count in (({"type": "string", "format": "date"}, 0), ({"type": "string"}, 1), ({"type": "boolean"}, 0)):
        took = {"operationId": "b", "parameters": [{"name": "petId", "in": "path", "required": True, "schema": schema}]}
        both = document({**spec.document["paths"], "/pets/{petId}": {"get": {**took, "responses": {}}}})
        assert len(producers(both.operation("b"), "petId")) == count, schema


def test_a_secret_is_never_offered_as_the_source() -> None:
    """A field that holds a secret produces nothing."""
    token = {"type": "object", "properties": {"id": {"type": "string", "format": "password"}}}
    spec = document({**PETS, "/pets": {"post": {"operationId": "make", "responses": {"200": answers(token)}}}})
    assert [p.operation.id for p in producers(spec.operation("getPet"), "petId")] == ["getPet"]


def test_consumers_are_the_other_way_round() -> None:
    """What ListClusters answers goes where a cluster is asked for; each consumer names a producer's place."""
    found = consumers(SPEC.operation("ListClusters"))
    assert {"GetCluster", "DeleteCluster", "CreateDeployment"} <= {c.operation.id for c in found}
    for consumer in found:
        places = {(p.operation.id, p.path) for p in producers(consumer.operation, consumer.name)}
        assert ("ListClusters", consumer.path) in places


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("dagRuns", "dag_run"),
        ("environment-objects", "environmentObject"),
        ("branches", "branch"),
        ("caches", "cache"),
        ("statuses", "status"),
        ("analyses", "analysis"),
        ("policies", "policy"),
        ("aliases", "alias"),
    ],
)
def test_words_are_equal_in_every_spelling_and_number(one: str, other: str) -> None:
    """Plural and singular, camel and snake and kebab: the same words."""
    assert split_words(one) == split_words(other)


def test_a_name_has_a_resource_and_a_key() -> None:
    """The resource, then fewer of its words, and the key; a bare key has no resource."""
    assert (parse_name("customRoleId").resources, parse_name("customRoleId").key) == (
        (("custom", "rol"), ("rol",)),
        "id",
    )
    assert (parse_name("username").resources, parse_name("username").key) == ((("user",),), "name")
    assert (parse_name("id").resources, parse_name("id").is_reference) == ((), False)
    assert is_kind_of(resource_of_type("full-repository"), split_words("repositories"))


@settings(deadline=None, max_examples=200)
@given(st.text(max_size=30))
def test_any_name_can_be_taken_apart(name: str) -> None:
    """Whatever a document calls its parameters, nothing is raised, and no words are made up."""
    found = parse_name(name)
    assert all(resource for resource in found.resources)
    assert len(split_words(name)) <= len(name)
