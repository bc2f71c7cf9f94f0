"""Contract, the fast check by itself: each version's schema language, directions, discriminators, and its words."""

from __future__ import annotations

import functools
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.documents import make_operation

from astro_nb.contract import check_request_body, check_response
from astro_nb.messages import Response
from astro_nb.openapi import Spec
from astro_nb.secrets import Secret

PLANTED = "planted-5d1c"


def refused(schema: Any, value: Any, version: str = "3.1.0", **schemas: Any) -> list[tuple[str | int, ...]]:
    """Where the fast check finds an error in a body."""
    found = check_request_body(make_operation(schema, version=version, **schemas), value)
    return [violation.location for violation in found if violation.severity == "error"]


def make_response(value: Any, status: int = 200, media: str = "application/json") -> Response:
    """Return a JSON response."""
    return Response(status, (("Content-Type", media),), orjson.dumps(value))


def obj(required: tuple[str, ...] = (), **properties: Any) -> dict[str, Any]:
    """The schema of an object."""
    return {"type": "object", "properties": properties, "required": list(required)}


D = {"propertyName": "t", "mapping": {"a": "#/components/schemas/A", "b": "B"}}
UNION = {"oneOf": [{"$ref": "#/components/schemas/A"}, {"$ref": "#/components/schemas/B"}], "discriminator": D}
A = obj(("x",), t={"enum": ["a", "b"]}, x={"type": "integer"})
B = obj((), t={"enum": ["a", "b"]}, y={"type": "string"})


@pytest.mark.parametrize(
    ("value", "where"),
    [
        ({"t": "a", "x": 1}, []),
        ({"t": "a", "x": "s"}, [("x",)]),
        ({"t": "a"}, [("x",)]),
        ({"t": "b", "x": "s"}, []),
        ({"t": "b", "y": 1}, [("y",)]),
        ({"t": "c"}, [("t",)]),
        ({"y": "s"}, []),
        (None, [()]),
        ([], [()]),
    ],
)
def test_a_discriminator_chooses_the_branch(value: Any, where: Any) -> None:
    """Only that branch is checked; without it any may match; an unknown value is reported at the property."""
    assert refused(UNION, value, A=A, B=B) == where


def test_the_default_branch_of_the_overlay_is_checked() -> None:
    """Without a discriminator the branch that the API assumes counts."""
    union = {**UNION, "x-astro-nb-default-branch": "a"}
    assert refused(union, {"x": 1}, A=A, B=B) == []
    assert refused(union, {"y": "s"}, A=A, B=B) == [("x",)]


READ, WRITE = {"type": "string", "readOnly": True}, {"type": "string", "writeOnly": True}
REF = {"$ref": "#/components/schemas/Given"}


@pytest.mark.parametrize(
    "schema",
    [
        obj(("id",), id=READ),
        obj(("id",), id=REF),
        obj(("id",), id={"allOf": [REF], "description": "by the server"}),
        {"allOf": [obj((), id=READ), {"required": ["id"]}]},
        {"allOf": [{"$ref": "#/components/schemas/Thing"}, {"required": ["id"]}]},
        {"type": "array", "prefixItems": [obj(("id",), id=READ)]},
        {"properties": {"id": READ}, "anyOf": [{"required": ["id"]}]},
        {"allOf": [{"$ref": "#/components/schemas/Asks"}, obj((), id=READ)]},
    ],
)
@pytest.mark.parametrize("version", ["3.0.3", "3.1.0"])
def test_read_only_properties_are_not_required_in_requests(schema: Any, version: str) -> None:
    """`required` counts where a property is sent, however the schema is composed."""
    value = [{}] if schema.get("type") == "array" else {}
    schemas = {"Given": READ, "Thing": obj((), id=READ), "Asks": {"required": ["id"]}}
    op = make_operation(schema, version=version, **schemas)
    assert check_request_body(op, value) == ()
    assert check_response(op, make_response(value)) != ()


def test_write_only_properties_are_not_required_in_responses() -> None:
    """A password that must be sent is not returned."""
    op = make_operation(obj(("password",), password=WRITE))
    assert check_response(op, make_response({})) == ()
    assert [v.location for v in check_request_body(op, {})] == [("password",)]


@pytest.mark.parametrize(
    ("version", "schema", "value", "valid"),
    [
        ("3.0.3", {"type": "string", "nullable": True}, None, True),
        ("3.0.3", {"type": "string", "nullable": True, "enum": ["a", None]}, None, True),
        ("3.0.3", {"type": "string", "nullable": True, "enum": ["a"]}, None, False),
        ("3.0.3", {"type": "string"}, None, False),
        ("3.1.0", {"type": "string", "nullable": True}, None, False),
        ("3.1.0", {"type": ["string", "null"]}, None, True),
        ("3.1.0", {"anyOf": [{"type": "string"}, {"type": "null"}]}, None, True),
        ("3.0.3", {"type": "integer", "minimum": 5, "exclusiveMinimum": True}, 5, False),
        ("3.0.3", {"type": "integer", "minimum": 5, "exclusiveMinimum": False}, 5, True),
        ("3.1.0", {"type": "integer", "exclusiveMinimum": 5}, 5, False),
        ("3.1.0", {"$ref": "#/components/schemas/Given", "minLength": 3}, "ab", False),
        ("3.0.3", {"$ref": "#/components/schemas/Given", "minLength": 3}, "ab", True),
        ("3.1.0", {"type": "object", "unevaluatedProperties": {"$ref": "#/components/schemas/Given"}}, {"a": 1}, False),
        ("3.1.0", {"type": "array", "contains": {"$ref": "#/components/schemas/Given"}}, [1], False),
        ("3.1.0", {"type": "array", "prefixItems": [{"$ref": "#/components/schemas/Given"}]}, [1], False),
        ("3.1.0", obj(example={"type": "string"}, title={"type": "integer"}), {"example": "a", "title": "b"}, False),
        ("3.1.0", {"type": "string", "pattern": "^\\p{L}+$"}, "ž", True),
        ("3.1.0", {"type": "string", "pattern": "^\\p{L}+$"}, "1", False),
        ("3.1.0", {"type": "string", "format": "date-time"}, "yesterday", False),
        ("3.1.0", {"type": "integer", "format": "int32"}, 5, True),
        ("3.1.0", {"type": "object", "required": ["a", "a"]}, {"a": 1}, True),
        ("3.1.0", {"enum": []}, 1, True),
        ("3.1.0", {"const": None}, 1, False),
        ("3.1.0", {"type": "integer", "minimum": 5, "exclusiveMinimum": True}, 5, True),
        ("3.1.0", {"type": "object", "unevaluatedProperties": False, "$ref": "#/components/schemas/O"}, {"a": 1}, True),
        (
            "3.1.0",
            {"type": "object", "unevaluatedProperties": False, "$ref": "#/components/schemas/O"},
            {"b": 1},
            False,
        ),
        ("3.0.3", {"nullable": True, "enum": ["a"]}, None, False),
        ("3.1.0", True, {"any": "value"}, True),
    ],
)
def test_each_version_has_its_own_schema_language(version: str, schema: Any, value: Any, valid: bool) -> None:
    """What 3.0 and 3.1 define differently is read by the document's version."""
    schemas = {"Given": {"type": "string"}, "O": obj((), a={"type": "integer"})}
    assert (refused(schema, value, version, **schemas) == []) == valid


def test_a_recursive_schema_is_checked_at_any_depth() -> None:
    """A schema that contains itself is checked as deep as the value is."""
    node = obj((), next={"$ref": "#/components/schemas/Node"})
    value: Any = 5
    for _ in range(30):
        value = {"next": value}
    assert refused({"$ref": "#/components/schemas/Node"}, value, Node=node) == [("next",) * 30]


@pytest.mark.parametrize(
    "broken",
    [
        {"type": "int"},
        {"type": "string", "pattern": "(?<=a)b("},
        {"type": "string", "minLength": "five"},
        {"type": "string", "pattern": 5},
        {"required": True},
        {"properties": ["a"]},
        {"oneOf": {}},
        {"$ref": "#/components/schemas/Gone"},
        {"$ref": "other.yaml#/A"},
    ],
)
def test_invalid_keywords_are_dropped_with_a_note(broken: Any) -> None:
    """An invalid keyword is reported as a note, and the rest of the schema is checked."""
    found = check_request_body(make_operation(obj(("a", "b"), a=broken)), {"a": "x"})
    assert [v.severity for v in found if v.keyword == "document"] == ["note"]
    assert [v.location for v in found if v.severity == "error"] == [("b",)]


# --- violations ------------------------------------------------------------------------------------------------------


def test_a_violation_has_location_and_message() -> None:
    """Its location as names and as a JSONPath, and a message with the limit."""
    schema = obj(("n",), a={"type": "array", "items": obj((), **{"b c": {"enum": ["x", "y"]}})}, m={"maximum": 5})
    found = {v.path: v.message for v in check_request_body(make_operation(schema), {"a": [{}, {"b c": "z"}], "m": 6})}
    assert found == {
        "$.a[1]['b c']": "'z' is not one of x, y.",
        "$.m": "6 is more than 5.",
        "$.n": "n is required.",
    }


def test_at_most_fifty_violations_are_reported() -> None:
    """Of ten thousand invalid items only the first fifty are reported."""
    violations = check_request_body(make_operation({"type": "array", "items": {"type": "integer"}}), ["x"] * 10_000)
    assert [v.location for v in violations] == [(index,) for index in range(50)]


@pytest.mark.parametrize(
    "schema",
    [
        obj((), password={"type": "string", "pattern": "^a$"}),
        obj((), password={"type": "string", "enum": ["a"]}),
        obj((), password={"type": "string", "format": "date"}),
        obj((), password={"type": "integer"}),
        obj((), password={"const": "a"}),
        {"anyOf": [obj(("x",)), {"type": "string"}]},
        {**obj(), "additionalProperties": False},
        {"not": {"type": "object"}},
        {"minProperties": 2},
        obj((), password={"type": "array"}),
        {"additionalProperties": {"x-astro-nb-secret": True, "maxLength": 1, "format": "uuid"}},
    ],
)
def test_no_violation_holds_a_secret(schema: Any) -> None:
    """Messages are displayed, logged and stored: they never quote a secret field."""
    op, value = make_operation(schema), {"password": PLANTED}
    assert check_request_body(op, value)
    assert PLANTED not in repr([*check_request_body(op, value), *check_response(op, make_response(value))])


# --- responses --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("response", "keyword", "severity"),
    [
        (Response(418), "status", "note"),
        (Response(204, (), b"x"), "media type", "note"),
        (Response(200), "media type", "error"),
        (Response(200, (("Content-Type", "text/html"),), b"<html>"), "media type", "error"),
        (Response(200, (), b"{}"), "media type", "error"),
        (Response(200, (("Content-Type", "application/json"),), b"{}x"), "media type", "error"),
        (make_response([]), "type", "error"),
    ],
)
def test_violations_of_a_response(response: Response, keyword: str, severity: str) -> None:
    """Status, media type, body: what the document leaves open is a note, not an error."""
    (found,) = check_response(make_operation(obj()), response)
    assert (found.keyword, found.severity) == (keyword, severity)
    assert found.message.endswith(".")


def test_how_a_body_was_read_is_noted() -> None:
    """A body that is cut, a name given twice and NaN are notes, whether the document declares the response or not."""
    fields = (("Content-Type", "application/json"),)
    for status in (200, 418):
        for body, words in ((b"{", "it was cut"), (b'{"a": 1, "a": {}}', "given twice"), (b"[NaN]", "NaN")):
            notes = [
                v for v in check_response(make_operation(obj()), Response(status, fields, body)) if v.keyword == "json"
            ]
            assert [note.severity for note in notes] == ["note"]
            assert words in notes[0].message
    secret = obj((), password={"type": "string", "format": "password"})
    twice = Response(200, fields, f'{{"password": "{PLANTED}", "password": "{PLANTED}2"}}'.encode())
    (note,) = check_response(make_operation(secret), twice)
    assert "First: a secret; last: a secret." in note.message
    assert PLANTED not in repr(note)


@pytest.mark.parametrize(
    ("declared", "sent"),
    [
        ("application/json", "application/json; charset=utf-8"),
        ("application/json; charset=utf-8", "application/json"),
        ("application/json; charset=utf-8", "application/json; charset=utf-8"),
        ("Application/JSON", "application/json"),
        ("application/*", "application/json"),
        ("*/*", "application/problem+json"),
        ("application/vnd.x+json", "application/vnd.x+json"),
    ],
)
def test_a_media_type_is_compared_without_its_parameters(declared: str, sent: str) -> None:
    """By name, without case, or by range (OpenAPI 3.1.1, 4.8.14); then the body is checked."""
    op = make_operation(obj(("a",)), media_type=declared)
    assert check_response(op, make_response({"a": 1}, media=sent)) == ()
    assert [v.location for v in check_response(op, make_response({}, media=sent))] == [("a",)]


# --- values that are not JSON -----------------------------------------------------------------------------------------

ODD = st.sampled_from([b"bytes", {1: 2}, "\ud800", float("nan"), 2**70, object(), {1, 2}, (1, 2), Secret("env:X")])


@settings(deadline=None, max_examples=60)
@given(st.one_of(ODD, st.lists(ODD, max_size=2), st.dictionaries(st.text(max_size=3), ODD, max_size=2)))
def test_a_value_that_is_not_json_is_a_violation(value: Any) -> None:
    """The check never raises, whatever the value is."""
    found = check_request_body(make_operation(obj((), a={"type": "integer"})), value)
    assert all(isinstance(violation.message, str) and violation.message for violation in found)


@pytest.mark.parametrize(
    ("value", "where", "severity"),
    [
        ({"a": b"bytes"}, ("a",), "error"),
        ([{"x": [1, {2: 3}]}], (0, "x", 1), "error"),
        ({"a": "\ud800"}, ("a",), "error"),
        (functools.reduce(lambda inner, _: [inner], range(900), 1), (), "note"),
    ],
)
def test_values_that_cannot_be_checked_are_reported(value: Any, where: Any, severity: str) -> None:
    """Values that are not JSON at their location; values that are nested too deeply as a note."""
    (found,) = check_request_body(make_operation({"enum": [[0]]}), value)
    assert (found.location, found.keyword, found.severity) == (where, "json", severity)


def test_a_body_that_the_operation_does_not_take() -> None:
    """The violation says that the operation takes no body."""
    bare = next(iter(Spec({"openapi": "3.1.0", "paths": {"/x": {"get": {"operationId": "x", "responses": {}}}}})))
    assert "takes no body" in check_request_body(bare, {})[0].message
