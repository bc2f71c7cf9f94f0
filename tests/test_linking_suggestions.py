"""Values of earlier responses are suggested where they fit, with a label and the reason; secrets never."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import astro_nb as anb
from astro_nb.call import Call
from astro_nb.data import Location, get_value, index_objects, walk
from astro_nb.exchange import Exchange
from astro_nb.linking import suggest
from astro_nb.linking.response_objects import parse_name
from astro_nb.messages import Request, Response
from astro_nb.openapi import load
from astro_nb.secrets import MASK, Secret

SPEC = load()
TOKEN = "planted-token-4711"


def seen(operation: str, data: Any, status: int = 200, key: str = "id-1", media: str = "application/json") -> Exchange:
    """An exchange with this response."""
    body = data if isinstance(data, bytes) else json.dumps(data).encode()
    response = Response(status, (("Content-Type", media),), body)
    request, now = Request("GET", "https://api.example.org"), datetime(2026, 6, 1, tzinfo=UTC)
    return Exchange(key, SPEC.operation(operation), Call(operation), request, now, 0.1, response=response)


LISTED = seen(
    "ListDeployments",
    {
        "deployments": [
            {"id": "dep-one-1", "name": "demo", "workspaceId": "ws-1", "workspaceName": "Training"},
            {"id": "dep-two-2", "name": "", "workspaceId": "ws-1", "clusterId": "cl-1"},
        ],
        "totalCount": 2,
    },
)


def test_an_id_is_offered_by_name_with_its_reason() -> None:
    """The ids of what an operation about deployments answered are offered for `deploymentId`."""
    found = suggest("deploymentId", [LISTED])
    assert [(s.value, s.label, s.reason) for s in found] == [
        ("dep-one-1", "demo", "from ListDeployments"),
        ("dep-two-2", "dep-two-2", "from ListDeployments"),
    ]
    assert [s.path for s in found] == ["$.deployments[0].id", "$.deployments[1].id"]


def test_an_id_is_offered_wherever_it_stood() -> None:
    """A `workspaceId` inside a deployment is offered too, once, and called by the name that stands beside it."""
    assert [(s.value, s.label) for s in suggest("workspaceId", [LISTED])] == [("ws-1", "Training")]
    assert [s.value for s in suggest("clusterId", [LISTED])] == ["cl-1"]


def test_ids_of_other_resources_are_not_offered() -> None:
    """The id of a deployment is no id of a workspace, and that of who made it is no id of a deployment."""
    data = {"id": "dep-1", "name": "x", "createdBy": {"id": "user-1", "fullName": "Ada"}}
    assert [s.value for s in suggest("deploymentId", [seen("GetDeployment", data)])] == ["dep-1"]
    assert suggest("workspaceId", [seen("GetDeployment", data)]) == []


def test_the_newest_comes_first_and_each_value_once() -> None:
    """Values of later answers stand before those of earlier ones; a value seen twice has the label of its latest."""
    newer = seen("GetDeployment", {"id": "dep-two-2", "name": "renamed"}, key="id-2")
    found = suggest("deploymentId", [newer, LISTED])
    assert [(s.value, s.label, s.exchange_id) for s in found] == [
        ("dep-two-2", "renamed", "id-2"),
        ("dep-one-1", "demo", "id-1"),
    ]
    assert len(suggest("deploymentId", [newer, LISTED], most=1)) == 1


def test_every_item_of_a_long_response_is_offered(api: anb.Workbench) -> None:
    """All deployments of the sandbox are offered, not only the first few: each answer is looked at to its end."""
    listed = api.call("ListDeployments", limit=100)
    offered = {s.value for s in api.session.linking.suggestions("deploymentId", most=200)}
    assert offered == {item["id"] for item in listed.items}


@pytest.mark.parametrize(
    ("status", "data", "media"),
    [
        (404, {"id": "dep-1"}, "application/json"),
        (200, b"<html>", "text/html"),
        (204, b"", ""),
        (200, [], "application/json"),
        (200, {"id": None}, "application/json"),
        (200, {"id": ""}, "application/json"),
        (200, {"id": True}, "application/json"),
    ],
)
def test_nothing_is_suggested_from_an_empty_response(status: int, data: Any, media: str) -> None:
    """Errors, other formats, empty answers, and values that are no ids give no suggestion and no error."""
    assert suggest("deploymentId", [seen("GetDeployment", data, status, media=media)]) == []


def test_no_secret_and_no_stars_are_offered() -> None:
    """A one-time token is not offered for a field of its name, neither in the clear nor as stars."""
    found = suggest("token", [seen("CreateApiToken", {"id": "tok-1", "token": TOKEN, "name": "ci"})])
    assert TOKEN not in repr(found)
    assert [s.value for s in found if s.value == MASK or isinstance(s.value, Secret)] == []


@pytest.mark.parametrize(
    ("name", "resource"),
    [
        ("deploymentId", "deployment"),
        ("deployment_id", "deployment"),
        ("deploymentIds", "deployment"),
        ("deploymentID", "deployment"),
        ("path.deploymentId", "deployment"),
        ("customRoleId", "custom rol"),
        ("id", ""),
        ("name", ""),
        ("ids", ""),
        ("isPaid", ""),
        ("valid", ""),
        ("grid", ""),
        ("GRID", ""),
        ("isPAID", ""),
    ],
)
def test_what_an_id_is_of(name: str, resource: str) -> None:
    """The name of an id names the resource; a word that merely ends in those letters is no id."""
    found = parse_name(name)
    assert " ".join(found.resources[0] if found.key == "id" and found.resources else ()) == resource


@pytest.mark.parametrize("key", ["odd key", "it's", "a.b", "ü", "x-y", "[0]", "", "back\\slash"])
def test_an_oddly_named_key_has_a_path_too(key: str) -> None:
    """A value under a key that is no plain name is offered with a path that finds it."""
    exchange = seen("GetDeployment", {key: {"workspaceId": "ws-9"}, "workspace": {key: "ws-8"}})
    (below,) = suggest("workspaceId", [exchange])
    assert exchange[below.path] == "ws-9"
    for suggestion in suggest(key, [exchange]):
        assert exchange[suggestion.path] == suggestion.value


KEYS = st.sampled_from(["id", "name", "deploymentId", "odd key", "it's", "a.b", "[0]", "deployments", "ü", "x-y"])
TREES = st.recursive(
    st.text(max_size=10) | st.integers(-5, 5) | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=15,
)


@settings(deadline=None, max_examples=100)
@given(TREES, st.sampled_from(["deploymentId", "odd key", "name"]))
def test_the_path_of_a_suggestion_finds_its_value(data: Any, name: str) -> None:
    """Whatever the keys around it are called, the path picks the value that was offered."""
    exchange = seen("GetDeployment", data)
    for suggestion in suggest(name, [exchange]):
        assert exchange[suggestion.path] == suggestion.value


def test_a_response_is_indexed_once_for_all_fields() -> None:
    """A large list is walked once; each field then looks at the objects that have a member of its name."""
    items = [{"id": f"dep-{n}", "name": f"n{n}", "teamId": f"team-{n % 3}"} for n in range(30_000)]
    large = seen("ListDeployments", {"deployments": items, "by": {"id": "user-1"}})
    index = large.objects_by_name
    assert {name: len(found) for name, found in index.items()} == {
        **{"deployments": 1, "by": 1, "id": 30_001, "name": 30_000, "teamId": 30_000}
    }
    assert [s.value for s in suggest("teamId", [large])] == ["team-0", "team-1", "team-2"]
    assert [s.path for s in suggest("deploymentId", [large], 2)] == ["$.deployments[0].id", "$.deployments[1].id"]
    assert suggest("otherId", [large]) == []
    assert large.objects_by_name is index


NESTED = st.recursive(
    st.integers(0, 3), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner)
)


@given(NESTED, st.integers(0, 6), st.integers(0, 3))
@settings(deadline=None, max_examples=100)
def test_the_index_has_every_object_in_document_order(data: Any, most: int, depth: int) -> None:
    """Each object is listed under each of its names, as a walk over the data finds it, up to the limits."""

    def is_reached(at: Location) -> bool:
        return all(n < depth for n in range(len(at)) if isinstance(get_value(data, at[:n]), dict))

    reached = [(at, value) for at, value in walk(data) if isinstance(value, dict) and is_reached(at)]
    index = index_objects(data, most, depth)
    for name in "abc":
        wanted = [(at, v) for at, v in reached[:most] if name in v]
        assert [(found.location, found.value) for found in index.get(name, [])] == wanted
