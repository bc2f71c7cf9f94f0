"""What the rows of a bulk hold is sent, or refused, or named as not sent; never dropped without a word."""

from __future__ import annotations

import string
from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import astro_nb as anb
from astro_nb.bulk import Bulk
from astro_nb.errors import UsageError
from astro_nb.openapi import id_field, load

TEXT, NUMBER = {"type": "string"}, {"type": "integer"}
POOL = {
    "type": "object",
    "properties": {"name": TEXT, "slots": NUMBER, "description": TEXT, "created_at": {**TEXT, "readOnly": True}},
}


def operation(name: str, *path: str, body: Any = None, response: Any = None) -> dict[str, Any]:
    found: dict[str, Any] = {
        "operationId": name,
        "parameters": [{"name": each, "in": "path", "required": True, "schema": TEXT} for each in path],
        "responses": {"200": {"description": "", "content": {"application/json": {"schema": response or {}}}}},
    }
    return found | ({"requestBody": {"content": {"application/json": {"schema": body}}}} if body else {})


DOCUMENT = {
    "openapi": "3.0.3",
    "info": {"title": "Pools", "version": "1"},
    "paths": {
        "/pools": {
            "get": operation("listPools", response={"type": "array", "items": POOL}),
            "post": operation("createPool", body=POOL, response=POOL),
        },
        "/pools/{pool_name}": {
            "get": operation("getPool", "pool_name", response=POOL),
            "patch": operation("patchPool", "pool_name", body=POOL, response=POOL),
            "delete": operation("deletePool", "pool_name"),
        },
        "/users": {
            "get": operation(
                "listUsers", response={"type": "array", "items": {"properties": {"id": NUMBER, "name": TEXT}}}
            )
        },
        "/users/{username}": {"delete": operation("deleteUser", "username")},
    },
}


@pytest.fixture(scope="module")
def api() -> Iterator[anb.Workbench]:
    workbench = anb.connect(spec=DOCUMENT, base_url="http://127.0.0.1:9", history=None)
    yield workbench
    workbench.close()


def places(bulk: Bulk) -> dict[str, str]:
    return {m.target.name: m.column for m in bulk.plan.mapping}


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (pd.DataFrame({"foo": [1, 2]}), ["'foo'", "no parameters or fields of createPool", "columns="]),
        (pd.DataFrame({"nam": ["a"]}), ["Did you mean name?"]),
        (pd.DataFrame({"name": ["a"], "desciption": ["b"]}), ["'desciption'", "description has no value"]),
        (pd.DataFrame({"name": ["a"], "slot": [1], "description": ["b"]}), ["'slot'", "slots"]),
        (pd.DataFrame({"name": [float("nan"), None]}), ["no value in any row", "'name'"]),
        (pd.DataFrame({"name": ["a"], "Name": ["b"]}), ["'name' and 'Name'", "columns="]),
        (pd.DataFrame([["a", "b"]], columns=["name", "name"]), ["Two columns are named 'name'"]),
        (pd.DataFrame(index=["a", "b"]), ["reset_index()"]),
        ([{}, {}], ["nothing of the rows would be sent"]),
    ],
)
def test_rows_whose_columns_land_nowhere_are_refused(rows: Any, words: list[str], api: anb.Workbench) -> None:
    """No empty request is sent for them: the error names the columns and the fields that are near."""
    with pytest.raises(UsageError) as caught:
        api.bulk("createPool", rows)
    assert all(word in str(caught.value) for word in words), str(caught.value)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.text(string.ascii_letters + " _-", min_size=1, max_size=12))
def test_a_column_is_sent_or_the_bulk_is_refused(name: str, api: anb.Workbench) -> None:
    """Whatever the only column is called: its values are in every request, or there is no bulk."""
    try:
        bulk = api.bulk("createPool", pd.DataFrame({name: ["value-1", "value-2"]}))
    except UsageError:
        return
    assert places(bulk).popitem()[1] == name
    assert all("value-" in str(row.body) for row in bulk.plan.rows)


@pytest.mark.parametrize("spell", [str, str.upper, str.title, lambda n: f" {n} ", lambda n: n.replace("_", " ")])
def test_names_are_compared_without_case_and_spaces(spell: Any, api: anb.Workbench) -> None:
    """A column of a spreadsheet goes where its name says."""
    frame = pd.DataFrame({spell("name"): ["a"], spell("slots"): [1]})
    assert places(api.bulk("createPool", frame)) == {"name": spell("name"), "slots": spell("slots")}
    assert places(api.bulk("deletePool", pd.DataFrame({spell("pool_name"): ["a"]}))) == {
        "pool_name": spell("pool_name")
    }


def test_columns_that_are_not_sent_are_named(api: anb.Workbench) -> None:
    """A column of the responses may be left out, an empty one as well; the display names both."""
    bulk = api.bulk("createPool", [{"name": "a", "slots": None, "created_at": "2026"}])
    shown = bulk._repr_mimebundle_()["text/plain"]
    assert "'created_at'" in shown
    assert "nothing is sent for them: slots" in shown


def test_a_row_without_values_is_invalid(api: anb.Workbench) -> None:
    """An empty row at the end of a spreadsheet creates nothing."""
    bulk = api.bulk("createPool", pd.DataFrame({"name": ["a", None], "slots": [1, None]}))
    assert bulk.outcomes == ["not sent", "invalid"]
    assert "no value" in bulk.preview()["problems"][1]


def test_an_index_with_ids_is_a_column(api: anb.Workbench) -> None:
    """`set_index` keeps its ids; an index that no parameter takes stays an index."""
    frame = pd.DataFrame({"slots": [1, 2]}, index=pd.Index(["a", "b"], name="pool_name"))
    assert [row.parameters["pool_name"] for row in api.bulk("deletePool", frame).plan.rows] == ["a", "b"]
    named = pd.DataFrame({"slots": [1]}, index=pd.Index(["a"], name="name"))
    assert places(api.bulk("patchPool", named)) == {"name": "name", "slots": "slots", "pool_name": "name"}
    other = pd.DataFrame({"name": ["a"]}, index=pd.Index([7], name="row"))
    assert api.bulk("createPool", other).preview().index.names == ["row"]


def test_ids_are_those_of_the_resource(api: anb.Workbench) -> None:
    """The field that a path's parameter is named after identifies the resource; a part of a word does not."""
    listed = [{"name": "a", "slots": 1}, {"name": "b", "slots": 2}]
    assert places(api.bulk("deletePool", listed)) == {"pool_name": "name"}
    spec = load(DOCUMENT)
    assert {name: id_field(spec.operation(name)) for name in ("listPools", "patchPool", "listUsers", "deleteUser")} == {
        "listPools": "name", "patchPool": "name", "listUsers": "id", "deleteUser": "id",
    }  # fmt: skip
