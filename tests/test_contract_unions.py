"""Contract of unions: what chooses a branch, and what is checked if nothing does."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import pytest
from support.documents import SHARED, make_operation

from astro_nb.contract import check_request_body, check_response
from astro_nb.messages import Response
from astro_nb.openapi import Operation, Spec, load
from astro_nb.schema import body_field, make_sample

PLATFORM = SHARED / "specs" / "astro-v1beta1-platform.yaml"
DEPLOYMENT = {
    "name": "etl", "workspaceId": "w", "astroRuntimeVersion": "11.3.0", "executor": "CELERY", "isCicdEnforced": False,
    "isDagDeployEnabled": True, "isHighAvailability": False, "schedulerSize": "SMALL", "type": "DEDICATED",
    "clusterId": "c", "defaultTaskPodCpu": "0.5", "defaultTaskPodMemory": "1Gi", "resourceQuotaCpu": "160",
    "resourceQuotaMemory": "320Gi",
}  # fmt: skip
CLUSTER = {
    "cloudProvider": "AWS",
    "name": "c",
    "region": "us-east-1",
    "type": "DEDICATED",
    "vpcSubnetRange": "10.0.0.0/19",
}
A = {"type": "object", "properties": {"t": {"type": "string"}, "x": {"type": "integer"}}, "required": ["x"]}
B = {"type": "object", "properties": {"t": {"type": "string"}, "y": {"type": "string"}}}
REFS = [{"$ref": "#/components/schemas/A"}, {"$ref": "#/components/schemas/B"}]


def operation(schema: Any, **schemas: Any) -> Operation:
    """Return an operation with this schema; A and B are among the components."""
    return make_operation(schema, **{"A": A, "B": B, **schemas})


def violations(schema: Any, value: Any, **schemas: Any) -> list[tuple[str, str]]:
    """Return severity and keyword of each violation of a body."""
    return [(v.severity, v.keyword) for v in check_request_body(operation(schema, **schemas), value)]


@lru_cache
def platform() -> Spec:
    """Astronomer's v1beta1 platform document: its unions have no discriminators, and their branches overlap."""
    if not PLATFORM.is_file():
        pytest.skip(f"{PLATFORM} does not exist: it is not part of the repository")
    return load(PLATFORM)


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("CreateDeployment", DEPLOYMENT),
        ("CreateCluster", CLUSTER),
        ("UpdateCluster", {"clusterType": "DEDICATED", "name": "n", "k8sTags": []}),
    ],
)
def test_a_valid_body_of_v1beta1_is_accepted(name: str, body: dict[str, Any]) -> None:
    """Nothing in the document says which of its overlapping models is meant, so matching two is allowed."""
    op = platform().operation(name)
    assert check_request_body(op, body) == ()
    assert check_request_body(op, {**body, "name": 5})
    assert check_request_body(op, {})


def test_every_sample_body_of_v1beta1_matches_the_contract() -> None:
    """What a form proposes for any operation of the document is accepted."""
    fields = [(op, body_field(op)) for op in platform()]
    assert {op.id: check_request_body(op, make_sample(f, full=True)) for op, f in fields if f} == {
        op.id: () for op, f in fields if f
    }


@pytest.mark.parametrize("nullable", [[], [{"type": "null"}]])
def test_models_without_a_discriminator_may_overlap(nullable: list[Any]) -> None:
    """A body that matches one of the models, or two, is valid; one that matches none is not."""
    union = {"oneOf": [*REFS, *nullable]}
    assert [violations(union, value) for value in ({"x": 1}, {"x": 1, "y": "s"}, {"y": "s"})] == [[], [], []]
    assert violations(union, {"x": "s", "y": 1})
    assert bool(violations(union, None)) is not bool(nullable)


def test_a_response_is_checked_as_declared() -> None:
    """A response that matches two models violates `oneOf` in both checks: the document is the server's own."""
    response = Response(200, (("Content-Type", "application/json"),), b'{"x": 1}')
    assert [v.keyword for v in check_response(operation({"oneOf": REFS}), response)] == ["oneOf"]


@pytest.mark.parametrize(
    ("union", "value"),
    [
        ({"type": "object", "oneOf": [{"required": ["a"]}, {"required": ["b"]}]}, {"a": 1, "b": 2}),
        ({"oneOf": [{"$ref": "#/components/schemas/Small"}, {"$ref": "#/components/schemas/Even"}]}, 4),
        ({"oneOf": [REFS[0], {"type": "object"}]}, {"x": 1}),
    ],
    ids=["inline", "scalars", "mixed"],
)
def test_inline_alternatives_stay_exclusive(union: Any, value: Any) -> None:
    """Alternatives that are written in place, or that are not objects, exclude one another as `oneOf` requires."""
    schemas = {"Small": {"type": "integer", "maximum": 5}, "Even": {"type": "integer", "multipleOf": 2}}
    assert violations(union, value, **schemas) == [("error", "oneOf")]


@pytest.mark.parametrize(
    ("mapping", "noted"),
    [
        (None, False),
        ({}, False),
        ({"c": "#/components/schemas/Gone"}, True),
        ({"c": "other.yaml"}, True),
    ],
)
def test_a_discriminator_without_a_mapping_uses_schema_names(mapping: Any, noted: bool) -> None:
    """The name of a schema is its value (OpenAPI 3.1.1, 4.8.25); a wrong mapping affects only itself."""
    union = {"oneOf": REFS, "discriminator": {"propertyName": "t", "mapping": mapping}}
    errors = [
        [keyword for severity, keyword in violations(union, value) if severity == "error"]
        for value in ({"t": "A", "x": 1}, {"t": "A"}, {"t": "B", "x": "s"}, {"t": "C"})
    ]
    assert errors == [[], ["required"], [], ["enum"]]
    assert (("note", "document") in violations(union, {"t": "B"})) is noted


@pytest.mark.parametrize("about", ["t", {}, {"propertyName": "t", "mapping": []}, {"propertyName": ["t"]}], ids=repr)
def test_an_invalid_discriminator_is_ignored(about: Any) -> None:
    """The union is checked without it: what matches is valid, what matches none is not."""
    union = {"oneOf": REFS, "discriminator": about}
    assert [s for s, _ in violations(union, {"t": "A", "x": 1, "y": "s"}) if s == "error"] == []
    assert [s for s, _ in violations(union, {"x": "s", "y": 1}) if s == "error"] != []


def test_a_mapping_may_be_partial() -> None:
    """A mapping may list only some values, use bare names, and map two values to one model."""
    mapping = {"one": "A", "eins": "#/components/schemas/A"}
    union = {"oneOf": REFS, "discriminator": {"propertyName": "t", "mapping": mapping}}
    assert [violations(union, {"t": t, "x": 1}) for t in ("one", "eins", "B")] == [[], [], []]
    assert violations(union, {"t": "A", "x": 1}) == [("error", "enum")]


def test_an_inline_branch_is_chosen_by_its_constant_or_disables_the_discriminator() -> None:
    """A branch written in place has no name; if it fixes no value either, the union is checked as it is declared."""
    inline = {"type": "object", "properties": {"t": {"const": "z"}}, "required": ["t", "z"]}
    union = {"oneOf": [REFS[0], inline], "discriminator": {"propertyName": "t"}}
    assert violations(union, {"t": "z", "z": 1}) == []
    assert violations(union, {"t": "z"}) == [("error", "required")]
    open_ = {**inline, "properties": {"t": {"type": "string"}}}
    assert violations({**union, "oneOf": [REFS[0], open_]}, {"t": "z"}) == [("error", "oneOf")]
