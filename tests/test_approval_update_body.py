"""Which part of a state the body of its update may hold, and what the overlay declares about it."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from astro_nb.approval import (
    drop_excluded_fields,
    omission_rule,
    state_to_body,
    unprotected_secrets,
    without_stored_values,
    writable_part,
)
from astro_nb.contract import check_request_body
from astro_nb.diff import Entry, StoredValue, compare_values
from astro_nb.openapi import UpdateExtension, load, read_extensions
from astro_nb.schema import body_field, broken_rules, make_sample, read_field
from astro_nb.secrets import Secret


def update_of(**members: Any) -> UpdateExtension | None:
    """The extension for updates with these members, as it is read from an overlay."""
    return read_extensions({"x-astro-nb-update": members}).update


SPEC = load("astro-v1")
FIELD = read_field(
    load({"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": {}}),
    {
        "type": "object",
        "properties": {
            "id": {"type": "string", "readOnly": True},
            "name": {"type": "string"},
            "size": {"enum": ["S", "M"]},
            "note": {"type": ["string", "null"]},
            "free": {"type": "object", "additionalProperties": {"type": "string"}},
            "list": {"type": "array", "items": {"type": "object", "properties": {"key": {"type": "string"}}}},
        },
    },
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4) | st.just(StoredValue()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "name", "list", "key"]), inner),
)


@pytest.mark.parametrize(
    ("state", "held"),
    [
        ({"id": "1", "name": "n", "other": 2}, {"name": "n"}),
        ({"size": "", "note": None, "name": None}, {"note": None}),
        ({"size": "S", "free": {"a": "b"}}, {"size": "S", "free": {"a": "b"}}),
        ({"list": [{"key": "a", "at": 1}, {"at": 2}]}, {"list": [{"key": "a"}, {}]}),
        ({"name": ""}, {"name": ""}),
        ([1], [1]),
        ("text", "text"),
    ],
)
def test_a_body_holds_what_it_declares(state: Any, held: Any) -> None:
    """Read-only fields are dropped at every depth, and so are null and empty values where they are not allowed."""
    assert writable_part(FIELD, state) == held


def test_without_a_schema_the_state_is_returned() -> None:
    assert writable_part(None, {"any": [1]}) == {"any": [1]}


@given(VALUES)
def test_the_writable_part_is_stable(state: Any) -> None:
    """The writable part of a writable part is the same, and what is sent has no stored values."""
    held = writable_part(FIELD, state)
    assert writable_part(FIELD, held) == held
    assert "Hidden" not in repr(without_stored_values(held if isinstance(held, dict | list) else [held]))


@pytest.mark.parametrize("operation", [o.id for o in SPEC if o.extensions.update])
def test_a_valid_body_is_writable(operation: str) -> None:
    """A valid body loses only what its own rules exclude, and stays valid."""
    field = body_field(SPEC.operation(operation))
    assert field is not None
    for branch in [b.field for b in field.branches] or [field]:
        body = make_sample(branch, True)
        held = writable_part(field, body)
        assert list(broken_rules(field, held)) == []
        assert [v for v in check_request_body(SPEC.operation(operation), held) if v.severity == "error"] == []
        assert set(body) - set(held) <= {"workerQueues", "scalingSpec", "taskPodNodePoolId", "nodePools",
                                         "defaultClusterId", "defaultCloudProvider", "defaultRegion"}  # fmt: skip


def test_rules_that_exclude_each_other_leave_one_side() -> None:
    """A default cluster and a default region exclude each other: one is dropped, and the given one stays."""
    field = body_field(SPEC.operation("UpdateWorkspace"))
    body = {"name": "n", "defaultCloudProvider": "AWS", "defaultRegion": "eu", "defaultClusterId": "c"}
    assert drop_excluded_fields(field, body, {}) == {"name": "n", "defaultCloudProvider": "AWS", "defaultRegion": "eu"}
    assert drop_excluded_fields(field, body, {"defaultClusterId": "c"}) == {"name": "n", "defaultClusterId": "c"}


def test_no_queues_for_kubernetes_unless_they_are_given() -> None:
    """The rule drops them; given ones are sent, and the server may reject them."""
    field = body_field(SPEC.operation("UpdateDeployment"))
    body = {"type": "STANDARD", "executor": "KUBERNETES", "workerQueues": []}
    assert drop_excluded_fields(field, body, {}) == {"type": "STANDARD", "executor": "KUBERNETES"}
    assert drop_excluded_fields(field, body, {"workerQueues": []}) == body


def test_flags_at_the_root_and_conditional_fields() -> None:
    """A flag elsewhere marks a secret as stored; fields of `over` are dropped unless their flag is set."""
    note = {
        "keep": {"links[].value": "leave-out-when /parent.isSecret", "plain": "leave-out"},
        "over": {"override": "isActive", "region": "/hasRegion"},
    }
    state = {"links": [{"value": ""}, {"value": "x"}], "override": {"isActive": False}, "region": "", "plain": True}
    secret = state_to_body({**state, "parent": {"isSecret": True}, "hasRegion": False}, update_of(**note))
    assert secret["links"] == [{"value": StoredValue()}, {"value": StoredValue("x")}]
    assert secret["plain"] == StoredValue(True)
    assert not {"override", "region"} & set(secret)
    state = {**state, "parent": {"isSecret": False}, "hasRegion": True, "override": {"isActive": True}}
    open_ = state_to_body(state, update_of(**note))
    assert open_["links"] == state["links"]
    assert (open_["override"], open_["region"]) == ({"isActive": True}, "")


def test_a_secret_without_its_flag_is_unprotected() -> None:
    note = {"keep": {"vars[].value": "leave-out-when isSecret"}}
    entries = [
        {"isSecret": True, "value": StoredValue()},
        {"isSecret": False, "value": StoredValue()},
        {"isSecret": False},
    ]
    assert unprotected_secrets({"vars": entries}, update_of(**note)) == ["vars[].value"]
    assert without_stored_values({"vars": entries}) == {
        "vars": [{"isSecret": True}, {"isSecret": False}, {"isSecret": False}]
    }


def test_an_entry_that_a_list_leaves_out_is_removed() -> None:
    """Whatever the method: a list is one value (RFC 7396, section 2)."""
    inside = ("list", Entry("key", "a"))
    assert {omission_rule(None, method)(inside) for method in ("PUT", "PATCH", "POST")} == {"removed"}
    assert omission_rule(update_of(replaces=[]), "POST")(inside) == "removed"
    assert omission_rule(None, "PATCH")(("object", "field")) == "unchanged"


def test_secrets_stay_secrets() -> None:
    held = Secret.in_memory("planted-99", "x")
    assert writable_part(FIELD, {"name": held})["name"] is held


def test_a_state_as_deep_as_a_parser_allows() -> None:
    """Its conversion to a body is not limited by Python's stack."""
    state: Any = 1
    for _ in range(5000):
        state = {"a": [state]}
    body = state_to_body(state, None)
    assert body is not state
    assert body["a"] is not state["a"]
    assert writable_part(FIELD, body) == {}


def test_the_overlay_says_what_an_update_removes() -> None:
    """A whole update removes what is left out, and a replaced list its entries; the rest is unchanged or unknown."""
    whole, some = omission_rule(update_of(whole=True), "POST"), omission_rule(update_of(replaces=["queues"]), "POST")
    assert [whole(("a",)), some(("queues", Entry("key", "A"))), some(("a",)), some(("a", "b"))] == [
        "removed", "removed", "unchanged", "unknown"
    ]  # fmt: skip
    assert [omission_rule(None, m)(("a",)) for m in ("PUT", "PATCH", "POST")] == ["removed", "unchanged", "unknown"]


def test_a_state_is_converted_to_a_body() -> None:
    """`from`, `keep` and `strip` are applied, in lists too, and the state itself is not modified."""
    state = {
        "tags": ["x"], "updatedAt": "now", "q": [{"cpu": 1, "name": "d"}], "links": [{"old": 5}],
        "vars": [{"key": "A", "isSecret": True}, {"key": "B", "isSecret": False, "value": "b"}],
    }  # fmt: skip
    before = copy.deepcopy(state)
    note = {
        "from": {"k8sTags": "tags", "links[].new.it": "links[].old"},
        "keep": {"vars[].value": "leave-out-when isSecret"},
        "strip": ["tags", "updatedAt", "q[].cpu", "links[].old", "nowhere.at.all"],
    }
    assert state_to_body(state, update_of(**note)) == {
        "k8sTags": ["x"], "q": [{"name": "d"}], "links": [{"new": {"it": 5}}],
        "vars": [{"key": "A", "isSecret": True, "value": StoredValue()}, {"key": "B", "isSecret": False, "value": "b"}],
    }  # fmt: skip
    assert state == before


NOTES = st.just({"a[].b": "c"}) | st.just(["id", "key"]) | st.just({"list[].key": "leave-out-when /id"}) | VALUES


@given(VALUES, st.dictionaries(st.sampled_from(["from", "keep", "strip"]), NOTES))
def test_any_extension_and_any_state_can_be_compared(state: Any, note: Any) -> None:
    """Whatever an overlay declares, and whatever a server returns, the fields of an object are removed or stored."""
    body = state_to_body(state, read_extensions({"x-astro-nb-update": note}).update)
    rows = compare_values(body, {})
    if isinstance(body, dict):
        assert {row.kind for row in rows} <= {"removed", "unchanged"}
        assert {row.steps[0] for row in rows} == set(body)
    else:
        assert len(rows) == 1
