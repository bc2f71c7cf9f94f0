"""Contract: bodies of every media type are checked by their values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from astro_nb.call import Call
from astro_nb.contract import check_request_fully, check_response_fully
from astro_nb.contract.full import read_parts
from astro_nb.environments import Environment, Resolver, Variables
from astro_nb.messages import Request, Response
from astro_nb.openapi import Operation, Spec, load
from astro_nb.schema import body_field
from astro_nb.secrets import Secret
from astro_nb.serialization import build_request

VALUES = Resolver(Variables(), Environment("test", base_url="http://localhost"))
PET = {
    "type": "object",
    "required": ["count", "file"],
    "additionalProperties": False,
    "properties": {
        "count": {"type": "integer", "maximum": 9},
        "open": {"type": "boolean"},
        "file": {"type": "string", "format": "binary"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "more": {"type": "object", "required": ["a"], "properties": {"a": {"type": "number"}}},
        "level": {"type": "integer", "enum": [1, 2]},
        "name": {"type": ["string", "null"]},
    },
}


def taking(schema: Any, media: str, version: str = "3.1.0", **more: Any) -> Operation:
    body = {"content": {media: {"schema": schema}}}
    post = {"operationId": "x", "requestBody": body, "responses": {"200": {"description": ""}}, **more}
    return next(iter(Spec({"openapi": version, "info": {}, "paths": {"/x/{p}": {"post": post}}})))


def request_of(op: Operation, body: Any, **parameters: Any) -> Request:
    return build_request(op, Call("x", {"p": "1", **parameters}, body), VALUES)


PATH = {"name": "p", "in": "path", "required": True, "schema": {"type": "string"}}


def full_check(op: Operation, body: Any, **parameters: Any) -> list[tuple[str, str]]:
    return [(v.keyword, v.severity) for v in check_request_fully(op, request_of(op, body, **parameters))]


@pytest.mark.parametrize("version", ["3.0.3", "3.1.0"])
def test_the_parts_of_a_multipart_body_are_checked_by_type(version: str) -> None:
    schema = {**PET, "properties": {k: v for k, v in PET["properties"].items() if k != "name"}}  # type: ignore[attr-defined, index]  # plain data
    op = taking(schema, "multipart/form-data", version, parameters=[PATH])
    good = {"count": 3, "open": True, "file": b"\xff\x00", "tags": ["a"], "more": {"a": 1.5}, "level": 2}
    assert full_check(op, good) == []
    assert full_check(op, {**good, "count": 10}) == [("maximum", "error")]
    assert full_check(op, {**good, "more": {}}) == [("required", "error")]
    assert full_check(op, {**good, "level": 3}) == [("enum", "error")]
    assert full_check(op, {"count": 3}) == [("required", "error")]
    assert full_check(op, {**good, "extra": "x"}) == [("additionalProperties", "error")]


def test_the_parts_are_read_back() -> None:
    op = taking(PET, "multipart/form-data", parameters=[PATH])
    body = {"count": 3, "open": False, "file": b"a", "tags": ["a", "b"], "more": {"a": 1}, "name": "3", "x": "1"}
    request = request_of(op, body)
    assert read_parts(body_field(op), request.headers, request.body) == {**body, "file": "a"}


@pytest.mark.parametrize(
    ("media", "schema", "body", "expected"),
    [
        ("application/octet-stream", {"type": "string", "format": "binary"}, b"\x00\xff", []),
        ("image/png", {"type": "string", "format": "binary"}, b"\x89PNG", []),
        ("text/plain", {"type": "string", "maxLength": 3}, "abc", []),
        ("text/plain", {"type": "string", "maxLength": 3}, "abcd", [("maxLength", "error")]),
        ("application/vnd.x+json", {"type": "object", "required": ["a"]}, {"a": 1}, []),
        ("application/merge-patch+json", {"type": "object", "required": ["a"]}, {}, [("required", "error")]),
        ("text/json", {"type": "array"}, [1], []),
        ("*/*", {"type": "object"}, {"a": 1}, []),
        ("application/xml", {"type": "object"}, "<a/>", [("document", "note")]),
        ("application/xml", {"type": "string"}, "<a/>", []),
    ],
)
def test_a_body_is_checked_by_its_media_type(
    media: str, schema: Any, body: Any, expected: list[tuple[str, str]]
) -> None:
    assert full_check(taking(schema, media, parameters=[PATH]), body) == expected


@pytest.mark.parametrize(
    ("parameter", "value", "violations"),
    [
        ({"name": "Accept", "in": "header", "schema": {"enum": ["application/json"]}}, None, []),
        ({"name": "q", "in": "query", "schema": {"type": "string", "readOnly": True}}, "a", []),
        ({"name": "q", "in": "query", "schema": {"type": ["integer", "null"]}}, 3, []),
        ({"name": "q", "in": "query", "schema": {"type": ["integer", "boolean"]}}, "x", [("anyOf", "error")]),
    ],
)
def test_parameters_that_openapi_core_cannot_handle(parameter: Any, value: Any, violations: Any) -> None:
    """A header that documents may not declare, `readOnly` where it has no meaning, several types."""
    op = taking({"type": "string"}, "text/plain", parameters=[PATH, parameter])
    given = {} if value is None else {parameter["name"]: value}
    assert full_check(op, "a", **given) == violations


def test_a_slash_in_a_value_does_not_split_the_path() -> None:
    op = taking({"type": "string"}, "text/plain", parameters=[PATH])
    assert full_check(op, "a", p="heads/feature") == []


def test_an_operation_with_its_own_server_is_checked() -> None:
    op = taking({"type": "string"}, "text/plain", parameters=[PATH], servers=[{"url": "https://uploads.example.com"}])
    assert full_check(op, "a") == []


def test_a_reference_into_another_path_is_followed() -> None:
    """With percent-encoded braces, as some tools write it."""
    there = {"parameters": [{**PATH, "schema": {"type": "string", "maxLength": 2}}]}
    get = {"operationId": "y", "parameters": [{"$ref": "#/paths/~1x~1%7Bp%7D/parameters/0"}], "responses": {}}
    paths = {"/x/{p}": there, "/y/{p}": {"get": get}}
    op = Spec({"openapi": "3.1.0", "info": {}, "paths": paths}).operation("y")
    assert check_request_fully(op, build_request(op, Call("y", {"p": "ab"}), VALUES)) == ()
    violations = check_request_fully(op, build_request(op, Call("y", {"p": "abc"}), VALUES))
    assert [v.keyword for v in violations] == ["maxLength"]


def test_a_reference_into_another_body_is_followed() -> None:
    """A part of a schema that is referred to by its location in another operation's body."""
    first = {"content": {"application/json": {"schema": {"properties": {"a": {"type": "integer", "minimum": 5}}}}}}
    ref = {"$ref": "#/paths/~1a/post/requestBody/content/application~1json/schema/properties/a"}
    second = {"content": {"application/json": {"schema": {"properties": {"b": ref}}}}}
    paths = {
        "/a": {"post": {"operationId": "a", "requestBody": first, "responses": {}}},
        "/b": {"post": {"operationId": "b", "requestBody": second, "responses": {}}},
    }
    op = Spec({"openapi": "3.1.0", "info": {}, "paths": paths}).operation("b")
    assert check_request_fully(op, build_request(op, Call("b", {}, {"b": 5}), VALUES)) == ()
    violations = check_request_fully(op, build_request(op, Call("b", {}, {"b": 4}), VALUES))
    assert [v.keyword for v in violations] == ["minimum"]


# --- what lies in files beside the document ---------------------------------------------------------------------------

FILE_PET = """
type: object
required: [name]
properties:
  name: {type: string, pattern: '(?<x>a', format: binary}
  odd: {type: nonsense, minimum: x}
  other: {$ref: 'more.yaml#/Other'}
  self: {$ref: pet.yaml}
  gone: {$ref: gone.yaml}
"""
MORE = """
Other: {type: object, properties: {n: {type: integer, minimum: 3, required: true}}}
ok:
  description: ok
  headers: {X-N: {schema: {$ref: '#/Other/properties/n'}}}
  content: {application/json: {schema: {$ref: pet.yaml}}}
"""
ITEM = """
parameters: [{$ref: '#/x-q'}]
put:
  operationId: put
  requestBody: {$ref: '#/x-b'}
  responses: {'200': {$ref: 'more.yaml#/ok'}}
x-q: {name: q, in: query, schema: {$ref: 'more.yaml#/Other/properties/n'}}
x-b: {content: {application/json: {schema: {$ref: pet.yaml}}}}
"""


def test_schemas_in_files_are_checked(tmp_path: Path) -> None:
    """In requests and responses; what cannot be checked is left out there, too."""
    (tmp_path / "parts").mkdir()
    for name, text in (("pet", FILE_PET), ("more", MORE), ("item", ITEM)):
        (tmp_path / "parts" / f"{name}.yaml").write_text(text)
    (tmp_path / "api.yaml").write_text("openapi: 3.0.3\npaths: {/a: {$ref: parts/item.yaml}}\n")
    op = load(tmp_path / "api.yaml").operation("put")

    def errors(violations: Any) -> list[tuple[Any, str]]:
        return [(v.location, v.keyword) for v in violations if v.severity == "error"]

    def check_both(q: int, body: Any) -> tuple[list[Any], list[Any]]:
        request = build_request(op, Call("put", {"q": q}, body), VALUES)
        response = Response(200, (("Content-Type", "application/json"), ("X-N", str(q))), orjson.dumps(body))
        return errors(check_request_fully(op, request)), errors(check_response_fully(op, request, response))

    assert check_both(5, {"name": "n", "other": {"n": 3}, "self": {"name": "m"}}) == ([], [])
    in_request, in_response = check_both(1, {"other": {"n": 1}, "self": {}})
    wrong = {(("other", "n"), "minimum"), ((), "required"), (("self",), "required")}
    assert wrong <= set(in_request)
    assert wrong <= set(in_response)
    assert ((), "minimum") in in_request  # the parameter's own


@pytest.mark.parametrize(
    "scheme", [{"type": "http", "scheme": "basic"}, {"type": "apiKey", "in": "header", "name": "X-K"}]
)
def test_a_security_scheme_in_a_file_is_checked(tmp_path: Path, scheme: Any) -> None:
    """openapi-core gets the resolved scheme, and reports a missing credential."""
    (tmp_path / "s.json").write_bytes(orjson.dumps({"S": scheme}))
    head = {"openapi": "3.1.0", "security": [{"S": []}, {"gone": []}], "paths": {"/a": {"get": {"responses": {}}}}}
    document = {**head, "components": {"securitySchemes": {"S": {"$ref": "s.json#/S"}}}}
    (tmp_path / "api.json").write_bytes(orjson.dumps(document))
    op = load(tmp_path / "api.json").operation("get_a")
    environment = Environment("e", base_url="http://localhost", credentials={"S": Secret.in_memory("user:password")})
    good = build_request(op, Call("get_a"), Resolver(Variables(), environment, mode="revealed"))
    assert check_request_fully(op, good) == ()
    (wrong,) = check_request_fully(op, build_request(op, Call("get_a"), VALUES))
    assert wrong.severity == "error"
    assert "ecurity" in wrong.message


@pytest.mark.parametrize(
    "components", [5, [], {"securitySchemes": {"$ref": "#/components/schemas/X"}}, {"securitySchemes": 5}]
)
def test_malformed_components_do_not_stop_the_check(components: Any) -> None:
    """Components that are not a mapping have no schemes."""
    raw = {
        "openapi": "3.1.0",
        "components": components,
        "paths": {"/a": {"get": {"security": [{"S": []}], "responses": {}}}},
    }
    op = next(iter(Spec(raw)))
    assert check_request_fully(op, build_request(op, Call("get_a"), VALUES)) == ()
