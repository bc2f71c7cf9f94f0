"""What OpenAPI 3.1 and 3.2 added: methods of any name, whole queries, items that follow one another, shared parts."""

from __future__ import annotations

from typing import Any

import pytest

from astro_nb.errors import DocumentError
from astro_nb.openapi import OAuthFlow, Operation, Spec, load

TEXT = {"type": "string"}
OTHER = "something other than an operation"


def spec(item: Any = None, **more: Any) -> Spec:
    """A document of OpenAPI 3.2 with one path."""
    return load({"openapi": "3.2.0", "info": {}, "paths": {"/a": item or {}}, **more})


def operation(raw: Any, **more: Any) -> Operation:
    """The only operation of a document."""
    return spec({"get": raw}, **more).operation("get_a")


def test_methods_of_any_name() -> None:
    """`query` is a method like another and safe; those of `additionalOperations` are sent as they are written."""
    found = spec({"query": {}, "additionalOperations": {"COPY": {"operationId": "copy"}, "purge": {}, "LINK": {}}})
    assert [(op.id, op.method) for op in found] == [
        ("query_a", "QUERY"), ("copy", "COPY"), ("purge_a", "purge"), ("link_a", "LINK"),
    ]  # fmt: skip
    assert [op.is_safe for op in found] == [True, False, False, False]
    assert found.warnings == ()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([], "a list"), ({"GET": {}}, "is also in"), ({"a b": {}}, OTHER), ({"": {}}, OTHER),
        ({"X": "text"}, OTHER), ({"A\r\nHost: evil": {}}, OTHER), ({"x" * 99: {}}, OTHER),
    ],
)  # fmt: skip
def test_additional_operations_that_are_none(given: Any, words: str) -> None:
    """An invalid method, and one that the path item has already, are warnings; the rest of the path is read."""
    found = spec({"get": {}, "additionalOperations": given})
    assert [op.id for op in found] == ["get_a"]
    assert words in found.warnings[0]


def test_a_whole_query() -> None:
    """A parameter in `querystring` has its media type and schema."""
    raw = {"in": "querystring", "name": "q", "content": {"application/x-www-form-urlencoded": {"schema": TEXT}}}
    (found,) = operation({"parameters": [raw]}).parameters
    assert (found.key, found.location, found.media_type, found.schema) == (
        "q", "querystring", "application/x-www-form-urlencoded", TEXT,
    )  # fmt: skip
    assert operation({"parameters": [raw]}).warnings == ()


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ([{"in": "querystring", "name": "q", "schema": TEXT}], "one media type"),
        ([{"in": "querystring", "name": "q", "content": {"a/b": {}, "c/d": {}}}], "one media type"),
        ([{"in": "querystring", "name": n, "content": {"a/b": {}}} for n in "pq"], "whole query"),
        ([{"in": "querystring", "name": "q", "content": {"a/b": {}}}, {"in": "query", "name": "p"}], "whole"),
    ],
)  # fmt: skip
def test_a_whole_query_beside_others(parameters: Any, words: str) -> None:
    """It is exactly one, with one media type, and there is no other parameter in the query."""
    assert words in operation({"parameters": parameters}).warnings[-1]


def test_items_that_follow_one_another() -> None:
    """A sequence of items is read as an array; a `schema` beside it wins."""
    content = {"application/jsonl": {"itemSchema": TEXT}, "text/event-stream": {"schema": {}, "itemSchema": TEXT}}
    op = operation({"requestBody": {"content": content}, "responses": {"200": {"content": content}}})
    assert op.body is not None
    assert op.body.schema("application/jsonl") == {"type": "array", "items": TEXT}
    assert op.body.schema("text/event-stream") == {}
    assert op.responses["200"].schema("application/jsonl") == {"type": "array", "items": TEXT}
    assert operation({"requestBody": {"content": {"a/b": {"itemSchema": 5}}}}).warnings == (
        "body: expected a schema, found a number.",
    )


def test_shared_media_types_and_path_items() -> None:
    """`components` may hold media types (3.2) and path items (3.1)."""
    components = {
        "mediaTypes": {"T": {"schema": TEXT}},
        "pathItems": {"P": {"summary": "shared", "post": {"operationId": "add"}}},
    }
    media = {"content": {"application/json": {"$ref": "#/components/mediaTypes/T"}}}
    found = load({
        "openapi": "3.2.0", "components": components, "webhooks": {"w": {"post": {"operationId": "w"}}},
        "paths": {"/a": {"get": {"responses": {"200": media}}}, "/b": {"$ref": "#/components/pathItems/P", "get": {}}},
    })  # fmt: skip
    assert found.operation("get_a").responses["200"].schema() == TEXT
    assert [op.id for op in found] == ["get_a", "get_b", "add"]


@pytest.mark.parametrize("paths", [{}, {"paths": None}, {"paths": {}}])
def test_a_document_without_paths(paths: Any) -> None:
    """One of webhooks or components alone is a document without operations, which is a warning."""
    found = load({"openapi": "3.1.0", "webhooks": {"w": {"post": {}}}, **paths})
    assert (len(found), found.warnings) == (0, ("The document has no operations.",))


def test_tags_with_more_to_them() -> None:
    """`parent`, `kind` and `summary` of a tag do not matter."""
    tags = [{"name": "a", "summary": "A"}, {"name": "b", "parent": "a", "kind": "nav", "description": "d"}]
    assert spec(tags=tags).tags == {"a": "", "b": "d"}


def test_examples_of_3_2() -> None:
    """`dataValue` is what `value` was."""
    raw = {"in": "query", "name": "q", "schema": TEXT, "examples": {"e": {"dataValue": "x"}}}
    assert operation({"parameters": [raw]}).parameters[0].examples == {"e": "x"}


# --- security schemes -------------------------------------------------------------------------------------------------


def test_a_scheme_says_how_to_get_a_token() -> None:
    """Each flow with its addresses and scopes; the device flow of 3.2 too; description and address of OpenID."""
    flows = {
        "clientCredentials": {"tokenUrl": "https://t", "refreshUrl": "https://r", "scopes": {"a": "A", "b": None}},
        "deviceAuthorization": {"deviceAuthorizationUrl": "https://d", "tokenUrl": "https://t", "scopes": {}},
        "authorizationCode": {"authorizationUrl": "https://a", "tokenUrl": "https://t"},
    }  # fmt: skip
    schemes = {
        "o": {"type": "oauth2", "description": "Ask.", "flows": flows},
        "i": {"type": "openIdConnect", "openIdConnectUrl": "https://i"},
    }
    found = spec({"get": {"security": [{"o": ["a"]}]}}, components={"securitySchemes": schemes})
    ((scheme,),) = found.operation("get_a").security
    assert (scheme.kind, scheme.description, scheme.scopes) == ("oauth2", "Ask.", ("a",))
    assert scheme.flows == {
        "clientCredentials": OAuthFlow("clientCredentials", "https://t", "", "https://r", {"a": "A", "b": ""}),
        "deviceAuthorization": OAuthFlow("deviceAuthorization", "https://t", device_url="https://d"),
        "authorizationCode": OAuthFlow("authorizationCode", "https://t", "https://a"),
    }
    assert found.scheme("i").openid_url == "https://i"
    assert (found.scheme("i").flows, hash(scheme) != 0) == ({}, True)


@pytest.mark.parametrize("flows", [[], "x", {"implicit": []}, {"implicit": {"scopes": ["a"], "tokenUrl": 5}}, None])
def test_malformed_flows_do_not_take_the_scheme_away(flows: Any) -> None:
    """A token can be sent, however malformed the flow to get it is."""
    schemes = {"o": {"type": "oauth2", "flows": flows}}
    found = spec({"get": {"security": [{"o": []}]}}, components={"securitySchemes": schemes})
    ((scheme,),) = found.operation("get_a").security
    assert (scheme.kind, found.operation("get_a").warnings) == ("oauth2", ())
    assert all(flow.token_url == "" for flow in scheme.flows.values())


@pytest.mark.parametrize("version", [3.1, "3.1", 3, " 3.0.3 ", "3.0.0-rc2", "3.2.0"])
def test_versions_as_people_write_them(version: Any) -> None:
    """A number, a short form, blanks around it."""
    found = load({"openapi": version, "paths": {"/a": {"get": {}}}})
    assert len(found) == 1
    assert isinstance(found.document["openapi"], str)
    assert len(load({"swagger": 2.0, "paths": {"/a": {"get": {}}}})) == 1
    with pytest.raises(DocumentError, match="version"):
        load({"openapi": "30.0"})
