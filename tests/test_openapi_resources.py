"""What the operations of a document do to its resources: inferred once, from overlay, paths and schemas."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from astro_nb.call import Call
from astro_nb.openapi import (
    LABEL_FIELDS,
    Spec,
    call_to_read,
    field_named_by,
    id_field,
    label_fields,
    label_of,
    load,
    path_shape,
    paths_upwards,
    properties_of,
)

ASTRO = load("astro-v1")


def spec_of(paths: dict[str, dict[str, Any]], schemas: dict[str, Any] | None = None) -> Spec:
    """A document with these operations, named after method and path; a value is the schema of the response."""
    made = {
        path: {method: {"operationId": f"{method} {path}", **_operation(given)} for method, given in operations.items()}
        for path, operations in paths.items()
    }
    info = {"title": "t", "version": "1"}
    return load({"openapi": "3.1.0", "info": info, "paths": made, "components": {"schemas": schemas or {}}})


def _operation(given: dict[str, Any]) -> dict[str, Any]:
    extensions = {name: value for name, value in given.items() if name.startswith("x-")}
    schema = {name: value for name, value in given.items() if name not in extensions}
    ok = {"description": "ok", "content": {"application/json": {"schema": schema}}}
    return {"responses": {"200": ok}, **extensions}


PETS = spec_of(
    {
        "/pets": {"get": {"type": "array"}, "post": {}},
        "/pets/{petId}": {"get": {}, "put": {}, "delete": {}},
        "/pets/{id}/bath": {"post": {}},
        "/pets/{petId}/toys": {"get": {"type": "array"}, "post": {}},
        "/pets/{petId}/toys/{toy}": {"delete": {}},
        "/config": {"get": {}, "put": {}},
    }
)


@pytest.mark.parametrize(
    ("operation", "action", "collection", "parameter", "reader"),
    [
        ("get /pets", "list", "/pets", "", None),
        ("post /pets", "create", "/pets", "", None),
        ("get /pets/{petId}", "read", "/pets", "petId", None),
        ("put /pets/{petId}", "update", "/pets", "petId", "get /pets/{petId}"),
        ("delete /pets/{petId}", "delete", "/pets", "petId", "get /pets/{petId}"),
        ("post /pets/{id}/bath", "act", "/pets", "id", "get /pets/{petId}"),
        ("post /pets/{petId}/toys", "create", "/pets/{petId}/toys", "petId", "get /pets/{petId}"),
        ("delete /pets/{petId}/toys/{toy}", "delete", "/pets/{petId}/toys", "toy", "get /pets/{petId}/toys"),
        ("put /config", "update", "", "", "get /config"),
    ],
)
def test_a_role_follows_from_method_and_path(
    operation: str, action: str, collection: str, parameter: str, reader: str | None
) -> None:
    """Whatever the parameters of a path are called, it is the same resource."""
    found = PETS.operation(operation)
    role = PETS.resources.role(found)
    assert (role.action, role.collection, role.id_parameter) == (action, collection, parameter)
    assert role.is_single == operation.endswith("}")
    if reader is not None:
        read = PETS.resources.reader_of(found)
        assert read is not None
        assert read.id == reader


def test_the_roles_of_astro() -> None:
    """Every operation of the bundled document has its role; the counts change only on purpose."""
    roles = {operation.id: ASTRO.resources.role(operation) for operation in ASTRO}
    actions = Counter(role.action for role in roles.values())
    assert sum(actions.values()) == len(ASTRO) == 75
    assert {name for name, role in roles.items() if role.action == "delete"} >= {"DeleteCluster", "RemoveTeamMember"}
    assert all(roles[o.id].action == "update" for o in ASTRO if o.extensions.update)
    assert {roles[o.id].action for o in ASTRO if o.id.startswith("List")} == {"list"}
    assert {roles[o.id].action for o in ASTRO if o.method == "DELETE"} == {"delete", "act"}
    assert roles["CreateDeployment"].collection == "/organizations/{organizationId}/deployments"


def test_the_overlay_names_the_reader() -> None:
    """`read` of an update goes first; an unsafe operation is never taken for a reader."""
    update = {"x-astro-nb-update": {"read": "get /other"}}
    spec = spec_of({"/a/{id}": {"get": {}, "put": update}, "/other": {"get": {}, "post": {}}})
    reader = spec.resources.reader_of(spec.operation("put /a/{id}"))
    assert reader is spec.operation("get /other")
    unsafe = spec_of({"/a/{id}": {"put": {"x-astro-nb-update": {"read": "post /other"}}}, "/other": {"post": {}}})
    assert unsafe.resources.reader_of(unsafe.operation("put /a/{id}")) is None


ITEM = {"type": "object"}


@pytest.mark.parametrize(
    ("schema", "key"),
    [
        ({"type": "array", "items": ITEM}, "$"),
        ({"type": ["array", "null"], "items": ITEM}, "$"),
        ({"properties": {"things": {"type": "array"}, "total": {}}}, "things"),
        ({"properties": {"errors": {"type": "array"}, "items": {"type": "array"}}}, "items"),
        ({"properties": {"a": {"type": "array"}, "my_pets": {"type": "array"}}}, "my_pets"),
        ({"properties": {"a": {"type": "array"}, "b": {"type": "array"}}}, ""),
        ({"properties": {"id": {}, "tags": {"type": "array"}}}, ""),
        ({"properties": {"name": {}, "tags": {"type": "array"}}}, ""),
        ({"properties": {**{key: {} for key in "abcdefgh"}, "tags": {"type": "array"}}}, ""),
        ({"allOf": [{"properties": {"total": {}}}, {"$ref": "#/components/schemas/Page"}]}, "pets"),
        ({"anyOf": [{"$ref": "#/components/schemas/Page"}, {"type": "null"}]}, "pets"),
        ({"$ref": "#/components/schemas/Circle"}, ""),
        ({"$ref": "#/components/schemas/Nowhere"}, ""),
        ({"properties": {"x": {"type": "array"}}, "x-astro-nb-page": {"style": "whole", "items": "y"}}, "y"),
    ],
)
def test_where_the_items_of_a_list_are(schema: dict[str, Any], key: str) -> None:
    """In the array itself, in the only one of an object that is no resource, or in the one with the usual name."""
    page = {"properties": {"pets": {"type": "array"}}}
    circle = {"allOf": [{"$ref": "#/components/schemas/Circle"}]}
    spec = spec_of({"/my-pets": {"get": schema}}, {"Page": page, "Circle": circle})
    assert spec.resources.items_key(spec.operation("get /my-pets")) == key


def test_items_of_a_response_without_a_declaration() -> None:
    """The only array beside a total holds the items; one resource with a list in it is one resource."""
    operation = PETS.operation("get /config")
    find = PETS.resources.items_path
    assert find(operation, {"pets": [1], "totalCount": 1}) == "$['pets']"
    assert find(operation, {"pets": [1], "name": "x"}) == find(operation, [1]) == find(operation, "x") == "$"


def test_ids_and_labels() -> None:
    """The overlay's fields go first, then the usual ones; Astro's names are nowhere in the code."""
    link = ASTRO.operation("ListEnvironmentObjects")
    assert label_fields(link)[0] == "objectKey"
    assert label_fields(None) == label_fields(PETS.operation("get /pets")) == LABEL_FIELDS
    assert (id_field(ASTRO.operation("ListTeamMembers")), id_field(link)) == ("userId", "id")
    assert label_of({"title": "T", "objectKey": "K"}, link) == "K"
    assert label_of({"title": "T", "name": 3}) == "T"
    assert label_of({"size": "T"}) == ""
    assert not {"objectKey", "inviteeEmail", "ipAddressRange", "apiTokenId"} & set(LABEL_FIELDS)


@pytest.mark.parametrize(
    ("parameter", "names", "field"),
    [
        ("petId", ["id", "name"], "id"), ("pool_name", ["name", "id"], "name"), ("dag_id", ["dag_id", "id"], "dag_id"),
        ("slug", ["name"], "slug"), ("x", ["id"], "id"), ("ownerName", ["name", "owner_name"], "owner_name"),
    ],
)  # fmt: skip
def test_the_field_whose_value_a_parameter_takes(parameter: str, names: list[str], field: str) -> None:
    """The same name, else the longest field that the name ends in, else `id`."""
    assert field_named_by(parameter, names) == field


def test_the_call_that_reads_what_another_call_is_about() -> None:
    """Values go by their place in the path; a list is read with its largest page."""
    act = PETS.operation("post /pets/{id}/bath")
    read = call_to_read(PETS.operation("get /pets/{petId}"), act, Call(act.id, {"id": "7"}))
    assert (read.operation, read.parameters) == ("get /pets/{petId}", {"petId": "7"})
    remove = ASTRO.operation("RemoveTeamMember")
    given = {"organizationId": "o", "teamId": "t", "memberId": "m"}
    listed = call_to_read(ASTRO.operation("ListTeamMembers"), remove, Call(remove.id, given))
    assert listed.parameters == {"organizationId": "o", "teamId": "t", "limit": 1000}


def test_paths() -> None:
    """Shapes are without names, and the nearest path above comes first."""
    assert path_shape("/pets/{petId}/") == path_shape("/pets/{id}") == "/pets/{}"
    assert path_shape("/pets/{id}:feed") == "/pets/{}:feed"
    assert paths_upwards("/a/{b}/c") == ["/a/{b}/c", "/a/{b}", "/a"]


def test_hostile_schemas_end() -> None:
    """Schemas that refer to themselves, and parts of another type, are read in bounded time."""
    circle = {"allOf": [{"$ref": "#/components/schemas/C"}, {"properties": {"a": {}}}], "anyOf": "x", "oneOf": [1]}
    spec = spec_of({"/a": {"get": {}}}, {"C": circle})
    assert properties_of(spec, {"$ref": "#/components/schemas/C"}) == {"a": {}}
    assert properties_of(spec, {"properties": [1]}) == properties_of(spec, 3) == {}


def test_every_operation_has_a_role_and_its_reader_is_safe() -> None:
    """Over the bundled document: no error, and nothing unsafe ever reads."""
    readers = [ASTRO.resources.reader_of(operation) for operation in ASTRO if not operation.is_safe]
    assert len([reader for reader in readers if reader]) > 30
    assert all(reader.is_safe for reader in readers if reader)
