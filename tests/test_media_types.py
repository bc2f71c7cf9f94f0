"""Bodies in YAML and CBOR, media types with parameters, and parameters with brackets: written, routed and judged."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from astro_nb.call import Call, Upload
from astro_nb.contract import check_request_fully, check_response, check_response_fully
from astro_nb.environments import Environment, Resolver, Variables
from astro_nb.forms import Form
from astro_nb.messages import Request, Response, closest_media_type, header, read_data
from astro_nb.openapi import Operation, Spec
from astro_nb.sandbox import Sandbox
from astro_nb.schema import build_call
from astro_nb.serialization import build_request
from astro_nb.yaml import load_yaml

SCHEMA = {
    "type": "object",
    "required": ["a"],
    "properties": {"a": {"type": "integer"}, "b": {"type": "string"}, "c": {"type": "array", "items": {}}},
}


def document(content: Any, parameters: Any = (), version: str = "3.1.0") -> Spec:
    raw = {"operationId": "x", "parameters": list(parameters)}
    raw |= {"requestBody": {"required": True, "content": content}} if content else {}
    raw["responses"] = {"200": {"description": "", **({"content": content} if content else {})}}
    return Spec({"openapi": version, "info": {"title": "T", "version": "1"}, "paths": {"/x": {"post": raw}}})


def operation(media: str, schema: Any = SCHEMA, version: str = "3.1.0") -> Operation:
    return document({media: {"schema": schema}}, version=version).operation("x")


def sent(op: Operation, call: Call, base_url: str = "http://localhost") -> Request:
    return build_request(op, call, Resolver(Variables(), Environment("e", base_url=base_url), mode="revealed"))


YAML = ["application/yaml", "application/apply-patch+yaml", "application/x-yaml", "text/yaml", "text/x-yaml"]
CBOR = ["application/cbor", "application/apply-patch+cbor"]
JSON = [
    "application/json", "application/JSON", "Application/Merge-Patch+JSON", "application/json; charset=UTF-8",
    "application/vnd.x+json;version=1", "application/json;odata=verbose;charset=utf-8", "application/*+json",
    'application/json; profile="a;b=c"', "text/json",
]  # fmt: skip


@pytest.mark.parametrize("version", ["3.0.3", "3.1.0"])
@pytest.mark.parametrize("media", [*YAML, *CBOR, *JSON])
def test_data_is_written_in_its_media_type_and_judged(media: str, version: str) -> None:
    """The form has a control for each field; the sandbox reads and answers; what is wrong is found by both checks."""
    op = operation(media, version=version)
    form = Form(op)
    assert form.body is not None
    assert form.body.kind == "object"
    form.fill(full=True)
    assert form.problems(lambda value: value) == {}
    sandbox = Sandbox(op.spec)
    request = sent(op, form.to_call(), sandbox.in_process_url)
    assert read_data(request.body, header(request.headers, "content-type")) == form.to_call().body
    assert check_request_fully(op, request) == ()
    response = sandbox.handle(request)
    assert response.status == 200
    assert (check_response(op, response), check_response_fully(op, request, response)) == ((), ())
    for body in ({"a": "no"}, {"b": "x"}):
        assert check_request_fully(op, sent(op, Call("x", {}, body)))
        form.set(("body",), body)
        assert form.problems(lambda value: value)


TEXT = st.text(st.characters(codec="utf-8"), max_size=8)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@settings(deadline=None, max_examples=60)
@given(PLAIN.filter(lambda value: not isinstance(value, str)))
def test_every_value_arrives(value: Any) -> None:
    """In YAML read by our own reader of YAML, and in CBOR."""
    assert load_yaml(sent(operation("application/yaml", {}), Call("x", {}, value)).body) == value
    assert cbor2.loads(sent(operation("application/cbor", {}), Call("x", {}, value)).body) == value


def test_a_text_is_yaml_already_and_files_are_byte_strings_in_cbor() -> None:
    assert sent(operation("application/yaml"), Call("x", {}, "a: 1\n")).body == b"a: 1\n"
    assert (
        check_request_fully(operation("application/yaml"), sent(operation("application/yaml"), Call("x", {}, "a: 1\n")))
        == ()
    )
    body = {"f": b"\xff", "g": Upload("a", b"\x00")}
    assert cbor2.loads(sent(operation("application/cbor", {}), Call("x", {}, body)).body) == {
        "f": b"\xff",
        "g": b"\x00",
    }


def test_a_body_that_is_not_of_its_type_is_a_violation() -> None:
    for media, broken in (("application/yaml", b"{a: ]"), ("application/cbor", b"\xff\xff")):
        op = operation(media)
        request = sent(op, Call("x", {}, {"a": 1}))
        assert [
            v.severity for v in check_response_fully(op, request, Response(200, (("Content-Type", media),), broken))
        ]
        found = check_request_fully(op, Request("POST", request.url, request.headers, broken))
        assert [violation.severity for violation in found] == ["error"]


# --- media types that differ by a parameter ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("media", "declared", "closest"),
    [
        ("application/json; charset=utf-8", ["text/plain", "application/json; charset=UTF-8"], 1),
        ("application/json", ["application/json; version=1", "application/json"], 1),
        ("application/json; version=2", ["application/json; version=1", "application/json; version=2"], 1),
        ('Application/JSON ; Version="2"', ["application/json; version=1", "application/json;version=2"], 1),
        ("application/json; version=2; charset=utf-8", ["application/json", "application/json; version=2"], 1),
        ("application/json; charset=utf-8", ["application/json; version=1", "application/json"], 1),
        ("application/json; version=3", ["application/json; version=1"], 0),
        ("image/png", ["*/*", "image/*"], 1),
        ("image/png", ["image/*", "image/png"], 1),
        ("image/png", ["text/plain", "application/json"], None),
        ("application/json", ["application/*+json", "*/*"], 0),
        ("image/png", ["application/*+json"], None),
    ],
)
def test_the_closest_media_type(media: str, declared: list[str], closest: int | None) -> None:
    assert closest_media_type(media, declared) == (None if closest is None else declared[closest])


def test_each_version_has_its_schema() -> None:
    content = {}
    for number in (1, 2):
        schema = {"type": "object", "required": [f"p{number}"], "properties": {f"p{number}": {"type": "integer"}}}
        content[f"application/json; version={number}"] = {"schema": schema}
    op = document(content).operation("x")
    for number, media in enumerate(content, 1):
        form = Form(op, media)
        form.fill(full=True)
        request = sent(op, form.to_call())
        assert request.body == b'{"p%d":1}' % number
        assert check_request_fully(op, request) == ()
        for other in (1, 2):
            response = Response(200, (("Content-Type", f"Application/JSON;VERSION={number}"),), b'{"p%d":1}' % other)
            found = check_response(op, response), check_response_fully(op, request, response)
            assert [len(violations) for violations in found] == ([0, 0] if other == number else [1, 1])


# --- parameters -------------------------------------------------------------------------------------------------------

ITEM = {"type": "object", "properties": {"name": {"type": "string"}, "n": {"type": "integer"}}}
TAGS = {"type": "array", "items": {"type": "string"}}
FILTER = {"type": "object", "properties": {"name": {}, "n": {"type": "integer"}, "tags": TAGS, "sub": ITEM}}
TEXTS = {"type": "object", "additionalProperties": {"type": "string"}}
NULL = {"type": "null"}


def array(kind: str = "string") -> dict[str, Any]:
    return {"type": "array", "items": {"type": kind}}


@pytest.mark.parametrize("version", ["3.0.3", "3.1.0"])
@pytest.mark.parametrize(
    ("name", "schema", "style", "value", "bad"),
    [
        ("state[]", array(), {}, ["a", "b"], None),
        ("state[]", array("integer"), {}, [1], ["a"]),
        ("ids[]", array("integer"), {"explode": False}, [1, 2], ["a"]),
        ("filter[name]", {"type": "string"}, {}, "x", None),
        ("page[size]", {"type": "integer"}, {}, 5, "x"),
        ("a.b", {"type": "integer"}, {}, 1, "x"),
        ("$filter", {"type": "string"}, {}, "x eq 'y'", None),
        ("é x", {"type": "string"}, {}, "ü", None),
        ("filter", FILTER, {"style": "deepObject"}, {"name": "a b", "n": 1}, {"n": "x"}),
        ("filter", FILTER, {"style": "deepObject"}, {"tags": ["a", "b"]}, None),
        ("filter", FILTER, {"style": "deepObject"}, {"sub": {"n": 1}}, {"sub": {"n": "x"}}),
        ("filter[]", FILTER, {"style": "deepObject"}, {"n": 1}, {"n": "x"}),
        ("fields[x]", FILTER, {"style": "deepObject"}, {"n": 1}, {"n": "x"}),
        ("f", TEXTS, {"style": "deepObject"}, {"a": "b", "c d": "e"}, None),
        ("o", ITEM, {}, {"name": "a", "n": 1}, {"n": "x"}),
        ("q", array("integer"), {"style": "spaceDelimited", "explode": False}, [1, 2], ["x"]),
        ("q", array(), {"style": "pipeDelimited", "explode": False}, ["a", "b"], None),
        ("q", {"anyOf": [array("integer"), NULL]}, {}, [1, 2], ["x"]),
        ("q", {"anyOf": [array("integer"), NULL]}, {}, [1], ["x"]),
        ("q", {"oneOf": [array("integer"), {"type": "boolean"}]}, {}, [1, 2], ["x"]),
        ("q", {"anyOf": [{"type": "integer"}, NULL]}, {}, 3, "x"),
    ],
)  # fmt: skip
def test_parameters_are_judged_as_they_are_sent(
    name: str, schema: Any, style: Any, value: Any, bad: Any, version: str
) -> None:
    """No false violation, and no true one is missed; the sandbox reads them as well."""
    if version == "3.0.3" and NULL in schema.get("anyOf", ()):
        schema = {**schema["anyOf"][0], "nullable": True}
    parameter = {"name": name, "in": "query", "required": True, "schema": schema, **style}
    spec = document(None, [parameter], version)
    op, sandbox = spec.operation("x"), Sandbox(spec)
    request = sent(op, build_call(op, {name: value}), sandbox.in_process_url)
    assert urlsplit(request.url).query
    assert check_request_fully(op, request) == ()
    assert sandbox.handle(request).status == 200
    if bad is not None:
        found = check_request_fully(op, sent(op, build_call(op, {name: bad})))
        assert [violation.severity for violation in found] == ["error"]
    missing = check_request_fully(op, Request("POST", "http://localhost/x"))
    assert [violation.severity for violation in missing] == ["error"]
