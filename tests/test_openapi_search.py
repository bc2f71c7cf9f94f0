"""Search among the operations of a document: what is found, and in which order."""

from __future__ import annotations

from typing import Any

import pytest

from astro_nb.openapi import Spec, load


def document(paths: dict[str, Any], **components: Any) -> Spec:
    return Spec({"openapi": "3.1.0", "info": {"title": "T", "version": "1"}, "paths": paths, "components": components})


def ids(spec: Spec, words: str) -> list[str]:
    return [operation.id for operation in spec.search(words)]


CURSOR = {"$ref": "#/components/parameters/Cursor"}
INNER = {"allOf": [{"properties": {"colour": {}}}, {"$ref": "#/components/schemas/T"}]}
COMPONENTS: dict[str, Any] = {
    "parameters": {"Cursor": {"name": "pageCursor", "in": "query"}, "Twice": CURSOR},
    "requestBodies": {"B": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/S"}}}}},
    "schemas": {"S": INNER, "T": {"properties": {"wing": {}}}},
    "pathItems": {"I": {"parameters": [CURSOR], "get": {"operationId": "inItem"}}},
}


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("pageCursor", ["own", "shared", "twice", "inItem"]),
        ("PAGECURSOR own", ["own"]),
        ("colour", ["body"]),
        ("wing", ["body"]),
        ("components", []),
    ],
)
def test_what_is_referred_to_is_searched(words: str, found: list[str]) -> None:
    """The names of parameters, bodies and fields behind `$ref`, and not the text of the reference."""
    spec = document(
        {
            "/a": {"get": {"operationId": "own", "parameters": [CURSOR]}},
            "/b": {"parameters": [CURSOR], "get": {"operationId": "shared"}},
            "/c": {"get": {"operationId": "twice", "parameters": [{"$ref": "#/components/parameters/Twice"}]}},
            "/d": {"post": {"operationId": "body", "requestBody": {"$ref": "#/components/requestBodies/B"}}},
            "/e": {"$ref": "#/components/pathItems/I"},
            "/f": {"get": {"operationId": "dangling", "parameters": [{"$ref": "#/components/parameters/No"}]}},
        },
        **COMPONENTS,
    )
    assert ids(spec, words) == found


def test_ids_come_first_then_paths_then_the_rest() -> None:
    named = [{"name": "widget", "in": "query"}]
    spec = document(
        {
            "/a": {"get": {"operationId": "x1", "parameters": named}},
            "/b": {"get": {"operationId": "x2", "summary": "All widgets."}},
            "/c": {"get": {"operationId": "x3", "tags": ["Widget"]}},
            "/widgets": {"get": {"operationId": "x4"}},
            "/d": {"get": {"operationId": "listWidgets"}, "post": {"operationId": "widgetMaker"}},
            "/e": {"get": {"operationId": "widget"}},
        }
    )
    assert ids(spec, "widget") == ["widget", "widgetMaker", "listWidgets", "x4", "x2", "x3", "x1"]
    assert ids(spec, "list widget") == ["listWidgets"]
    assert ids(spec, "") == [operation.id for operation in spec]


def test_the_words_of_an_id_find_it_first_in_a_large_document() -> None:
    spec = load()
    for operation in spec:
        assert spec.search(operation.id)[0] is operation
