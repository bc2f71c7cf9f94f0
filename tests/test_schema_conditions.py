"""What conditions name and require, required read-only properties, undeclared names, and what is called `body`."""

from __future__ import annotations

from typing import Any

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.documents import make_document, make_field, make_operation, object_schema
from support.form_driver import make_form
from support.servers import LocalServer, json_response

import astro_nb as anb
from astro_nb.call import UNSET
from astro_nb.codegen import python_astro_nb
from astro_nb.contract import check_request_body
from astro_nb.environments import Environment, Resolver, Variables
from astro_nb.errors import UnknownName, UsageError
from astro_nb.openapi import Operation
from astro_nb.schema import active_rules, broken_rules, build_call, make_sample, mask_secrets, signature
from astro_nb.serialization import build_request

TEXT, NUMBER = {"type": "string"}, {"type": "integer"}


def when(name: str, value: Any, then: Any, **more: Any) -> dict[str, Any]:
    return {"if": {"properties": {name: {"const": value}}, "required": [name]}, "then": then, **more}


NEEDS_X = object_schema(("x",), x=TEXT)
NEEDS_Y = {"properties": {"y": NUMBER}, "required": ["y"]}
KIND = object_schema((), kind=TEXT)

CONDITIONS = [
    ("if at the top", {**KIND, **when("kind", "a", NEEDS_X)}, {"kind": "a"}, {"x"}, {"kind": "b"}),
    ("else", {**KIND, **when("kind", "a", {}, **{"else": NEEDS_Y})}, {"kind": "b"}, {"y"}, {"kind": "a"}),
    (
        "two in an allOf",
        {**KIND, "allOf": [when("kind", "a", NEEDS_X), when("kind", "b", NEEDS_Y)]},
        {"kind": "b"},
        {"y"},
        {"kind": "c"},
    ),
    ("one inside another", {**KIND, **when("kind", "a", when("x", "1", NEEDS_Y))},
     {"kind": "a", "x": "1"}, {"y"}, {"x": "1"}),
    ("by reference", {**KIND, **when("kind", "a", {"$ref": "#/components/schemas/X"})}, {"kind": "a"}, {"x"}, {}),
    ("nothing declared beside it", when("kind", "a", NEEDS_X), {"kind": "a"}, {"x"}, {}),
    ("dependentRequired", {**KIND, "dependentRequired": {"kind": ["x", "z"]}}, {"kind": "a"}, {"x", "z"}, {}),
    ("dependentSchemas", {**KIND, "dependentSchemas": {"kind": NEEDS_X}}, {"kind": "a"}, {"x"}, {}),
    ("of one that is not declared", {**KIND, "dependentRequired": {"w": ["kind"]}}, {"w": "1"}, {"kind"}, {}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("schema", "value", "names", "free"), [c[1:] for c in CONDITIONS], ids=[c[0] for c in CONDITIONS]
)
def test_what_a_condition_requires(schema: Any, value: Any, names: set[str], free: Any) -> None:
    """It is a field and an argument, required exactly while the condition holds, as the contract says."""
    op = make_operation(schema, X=NEEDS_X)
    field = make_field(schema, X=NEEDS_X)
    assert set(active_rules(field, value).required) == names
    assert set(active_rules(field, free).required) == set()
    assert list(broken_rules(field, value)) == []  # the contract reports it
    missing = {v.location[-1] for v in check_request_body(op, value) if v.keyword == "required"}
    assert missing == names
    found = {child.name: child for child in field.children}
    given = {name: make_sample(found[name]) for name in names}
    call = build_call(op, {**value, **given})
    assert call.body == {**value, **given}
    assert check_request_body(op, call.body) == ()
    assert not any(found[name].required for name in names)
    assert names <= set(signature(op).parameters)
    for full in (False, True):
        assert check_request_body(op, make_sample(field, full)) == ()


def test_a_form_shows_what_a_condition_requires() -> None:
    """The field is marked as required while the condition holds, and its value is checked."""
    form = make_form({**object_schema((), animal={"type": "boolean"}), **when("animal", True, NEEDS_X)})
    form.open_all()
    assert "required" not in form.text_at("x")
    form.choose("animal", "true")
    assert "required" in form.text_at("x")
    form.control("x").value = "hay"
    assert (form.body, form.without_control) == ({"animal": True, "x": "hay"}, {})
    form.choose("animal", "false")
    assert "required" not in form.text_at("x")


def test_secrets_that_only_a_condition_names_are_masked() -> None:
    secret = {"type": "string", "format": "password"}
    schema = {**KIND, **when("kind", "a", object_schema((), pin=secret))}
    assert mask_secrets(make_field(schema), {"kind": "a", "pin": "4711-secret"})["pin"] != "4711-secret"


@pytest.mark.parametrize("key", ["anyOf", "oneOf", "not"])
def test_names_that_only_an_alternative_requires(key: str) -> None:
    """They are fields although the document gives them no schema."""
    inner = {"required": ["a", "z"]}
    op = make_operation({**object_schema((), a=TEXT), key: inner if key == "not" else [inner, {"required": ["b"]}]})
    assert build_call(op, {"z": 1}).body == {"z": 1}
    assert "z" in signature(op).parameters


def test_a_required_name_without_a_schema_is_a_field() -> None:
    form = make_form({**object_schema(("q",), a=TEXT), "additionalProperties": NUMBER})
    form.control("q").value = "5"
    assert form.body == {"q": 5}


def test_both_unions_of_an_all_of_count() -> None:
    """The second one is checked, too: the first is the choice."""
    one, two = ([object_schema((name,), **{name: TEXT}) for name in names] for names in ("ab", "cd"))
    schema = {"allOf": [{"oneOf": one}, {"oneOf": two}]}
    op = make_operation(schema)
    assert check_request_body(op, make_sample(make_field(schema), full=True)) == ()
    assert build_call(op, {"a": "1", "d": "2"}).body == {"a": "1", "d": "2"}


def test_a_required_read_only_property_can_be_entered() -> None:
    """It is not required, and the document's word about it is shown; one that is not required is not offered."""
    read_only = {"type": "string", "readOnly": True}
    schema = object_schema(("id", "name"), id=read_only, name=TEXT, at=read_only)
    form = make_form(schema)
    form.open_all()
    assert "read-only" in form.text_at("id")
    assert ">required<" not in form.text_at("id")
    assert not form.controls("at")
    form.control("id").value = "5"
    assert form.body == {"id": "5"}
    op = make_operation(schema)
    assert str(signature(op)) == "(*, name: str, id: str = UNSET, body: Any = UNSET)"
    assert build_call(op, {"id": "5", "name": "n"}).body == {"id": "5", "name": "n"}
    with pytest.raises(UnknownName):
        build_call(op, {"at": "now"})


# --- names that the document allows -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("schema", "name", "value"),
    [
        ({**object_schema((), a=TEXT), "additionalProperties": TEXT}, "team", "x"),
        ({**object_schema((), a=TEXT), "additionalProperties": True}, "team", {"b": 1}),
        ({**object_schema((), a=TEXT), "patternProperties": {"^x_": NUMBER}}, "x_team", 5),
        ({"type": "object", "additionalProperties": NUMBER}, "team", 5),
        ({**object_schema((), a=TEXT), "unevaluatedProperties": NUMBER}, "team", 5),
        ({"type": "object", "propertyNames": {"pattern": "^te"}}, "team", 5),
        ({"type": "object"}, "team", [1]),
        ({"oneOf": [object_schema(("a",), a=TEXT), {"type": "object", "additionalProperties": NUMBER}]}, "team", 5),
        ({**object_schema((), a=TEXT), "additionalProperties": NUMBER}, "team", "{{variable}}"),
        ({**object_schema((), a=TEXT), "additionalProperties": TEXT}, "class_", "x"),
        ({**object_schema((), a=TEXT), "additionalProperties": NUMBER}, "team", numpy.int64(5)),
        ({**object_schema((), a=TEXT), "additionalProperties": NUMBER}, "team", anb.Secret("env:TEAM")),
    ],
)
def test_names_that_the_document_allows_are_arguments(schema: Any, name: str, value: Any) -> None:
    """By `additionalProperties`, by a pattern, or because an object declares no names."""
    op = make_operation(schema)
    assert build_call(op, {name: value}).body == {name.replace("class_", "class"): value}
    assert "others" in signature(op).parameters or "patternProperties" in schema


@pytest.mark.parametrize(
    ("schema", "arguments", "words"),
    [
        (object_schema((), team=TEXT), {"taem": "x"}, r"Did you mean team\?"),
        ({**object_schema((), team=TEXT), "additionalProperties": TEXT}, {"taem": "x"}, r"Did you mean team\?.*body="),
        ({**object_schema((), a=TEXT), "additionalProperties": NUMBER}, {"team": "x"}, r"team.*does not match.*body="),
        ({**object_schema((), a=TEXT), "additionalProperties": False}, {"team": "x"}, "no argument"),
        ({**object_schema((), a=TEXT), "patternProperties": {"^x_": TEXT}}, {"team": "x"}, "no argument"),
        (object_schema((), a=TEXT), {"team": "x"}, "no argument"),
        ({"type": "object", "propertyNames": {"pattern": "^x_"}}, {"team": "x"}, "no argument"),
    ],
)
def test_other_names_are_refused(schema: Any, arguments: dict[str, Any], words: str) -> None:
    """Names that the document does not mention, misspelled ones, and values that do not match."""
    with pytest.raises(UsageError, match=words):
        build_call(make_operation(schema), arguments)


def test_a_read_only_column_is_sent_only_if_that_is_chosen() -> None:
    """A table made of responses has ids; a required read-only field can be given, but not by accident."""
    schema = object_schema(("id", "a"), a=TEXT, id={"type": "string", "readOnly": True})
    post = {"operationId": "p", "requestBody": {"content": {"application/json": {"schema": schema}}}, "responses": {}}
    api = anb.connect(spec=dict(make_document({"/x": {"post": post}}).document), base_url="http://x", history=None)
    rows = [{"id": "5", "a": "1"}]
    assert list(api.bulk("p", rows).preview()["body"]) == ['{"a":"1"}']
    assert list(api.bulk("p", rows, columns={"id": "id"}).preview()["body"]) == ['{"id":"5","a":"1"}']
    api.close()


def test_names_that_the_document_allows_in_bulk() -> None:
    """Where they are chosen: in `columns`, and as constants; a column that nobody mentioned is not sent."""
    schema = {**object_schema((), a=TEXT), "additionalProperties": NUMBER}
    post = {"operationId": "p", "requestBody": {"content": {"application/json": {"schema": schema}}}, "responses": {}}
    api = anb.connect(spec=dict(make_document({"/x": {"post": post}}).document), base_url="http://x", history=None)
    rows = [{"a": "1", "team size": 5, "noise": 6}]
    found = api.bulk("p", rows, columns={"size": "team size"}, floor=2).preview()
    assert list(found["body"]) == ['{"floor":2,"size":5,"a":"1"}']
    api.close()


# --- what is called body ----------------------------------------------------------------------------------------------

FIELD = make_operation(object_schema(("body",), body=TEXT, title=TEXT))
PARAMETER = make_operation(object_schema((), a=TEXT), [{"name": "body", "in": "query", "schema": TEXT}])
NEITHER = make_operation(object_schema((), a=TEXT))


def test_a_field_or_a_parameter_called_body_wins() -> None:
    assert build_call(FIELD, {"body": "hello", "title": "t"}).body == {"body": "hello", "title": "t"}
    call = build_call(PARAMETER, {"body": "hello", "a": "x"})
    assert (call.parameters, call.body) == ({"body": "hello"}, {"a": "x"})
    assert build_call(NEITHER, {"body": {"a": "x"}}).body == {"a": "x"}


@pytest.mark.parametrize("op", [FIELD, PARAMETER, NEITHER], ids=["field", "parameter", "neither"])
def test_a_body_is_given_whole(op: Operation) -> None:
    """By position or by name; what else is given as a Body, or twice, is refused."""
    whole = anb.Body({"a": "x"})
    assert build_call(op, {}, whole).body == build_call(op, {"body": whole}).body == {"a": "x"}
    with pytest.raises(UsageError, match="given twice"):
        build_call(op, {"body": whole}, whole)
    with pytest.raises(UsageError, match="is not a whole body"):
        build_call(op, {"title": whole})


@settings(max_examples=30)
@given(
    st.sampled_from([FIELD, PARAMETER, NEITHER]),
    st.dictionaries(st.sampled_from(["a", "body", "title", "z"]), st.text(max_size=3)),
)
def test_generated_code_makes_the_same_call(op: Operation, body: dict[str, str]) -> None:
    """Whatever the body has and however it is written: the line in Python is read as the same call."""
    call = anb.Call("x", {"body": "q"} if op is PARAMETER else {}, body)
    values = Resolver(Variables(), Environment("x", base_url="https://localhost"), mode="masked")
    source = python_astro_nb(op, call, build_request(op, call, values))
    made: list[Any] = []

    class Api:
        def call(self, name: str, body: Any = UNSET, /, **arguments: Any) -> None:
            made.append(build_call(op, arguments, body))

    exec(source, {"api": Api()})  # noqa: S102  # what the generator wrote is what the test is about
    assert made == [call]


def test_every_way_to_call_takes_a_whole_body() -> None:
    """`call`, `start` and functions of `ops`, with a real server; the explorer's line says the same."""
    post = {
        "operationId": "p",
        "requestBody": {"content": {"application/json": {"schema": object_schema((), body=TEXT)}}},
    }
    document = make_document({"/x": {"post": {**post, "responses": {"200": {"description": ""}}}}}).document
    with LocalServer() as server:
        api = anb.connect(spec=dict(document), base_url=server.url, history=None)
        whole = anb.Body(["whole"])
        api.call("p", whole)
        api.call("p", body=whole)
        api.ops.p(whole)
        api.start("p", whole).result(10)
        api.ops.p(body="hello")
        api.start("p", body="hello").result(10)
        api.bulk("p", [{"body": "hello"}]).run()
        api.bulk("p", [{"body": "hello"}], body=anb.Body({"z": 1})).run()
        with pytest.raises(UnknownName, match="no parameter or field of p named 'other'"):
            api.bulk("p", [{"body": "hello"}], other=1)
        bodies = [request.body for request in server.requests]
        assert bodies[:4] == [b'["whole"]'] * 4
        assert bodies[4:] == [b'{"body":"hello"}'] * 3 + [b'{"z":1,"body":"hello"}']
        api.close()


def test_a_runbook_repeats_what_is_called_body() -> None:
    """Each call is written so that it means the same: with the field, with a whole body, and beside a parameter."""
    shape = object_schema((), body=TEXT, title=TEXT)
    content = {
        "requestBody": {"content": {"application/json": {"schema": shape}}},
        "responses": {"200": {"description": ""}},
    }
    query = {"name": "body", "in": "query", "schema": TEXT}
    paths = {
        "/f": {"post": {"operationId": "field", **content}},
        "/p": {"post": {"operationId": "parameter", "parameters": [query], **content}},
    }
    with LocalServer() as server:
        api = anb.connect(spec=dict(make_document(paths).document), base_url=server.url, history=None)
        api.call("field", body="a")
        api.call("field", anb.Body({"body": "a", "z": 1}))
        api.call("parameter", anb.Body({"z": 1}), body="q")
        source = "\n".join(api.runbook.source())
        api.close()
    for line in (
        'api.call("field", body="a")',
        'api.call("field", anb.Body({"body": "a", "z": 1}))',
        'api.call("parameter", anb.Body({"z": 1}), body="q")',
    ):
        assert line in source


def test_a_change_of_what_is_called_body() -> None:
    """The field changes, and a `Body` gives several fields."""
    shape = object_schema((), body=TEXT, title=TEXT, id=TEXT)
    answer = {"200": {"description": "", "content": {"application/json": {"schema": shape}}}}
    key = {"name": "id", "in": "path", "required": True, "schema": TEXT}
    body = {"content": {"application/json": {"schema": object_schema((), body=TEXT, title=TEXT)}}}
    item = {
        "get": {"operationId": "g", "parameters": [key], "responses": answer},
        "patch": {"operationId": "u", "parameters": [key], "responses": answer, "requestBody": body},
    }
    with LocalServer(lambda request: json_response({"id": "1", "title": "t", "body": "old"})) as server:
        api = anb.connect(spec=dict(make_document({"/x/{id}": item}).document), base_url=server.url, history=None)
        api.change("u", id="1", body="new")
        api.change("u", anb.Body({"title": "other"}), id="1")
        sent = [request.body for request in server.requests if request.method == "PATCH"]
        assert b'"body":"new"' in sent[0]
        assert b'"title":"other"' in sent[1]
        api.close()


# --- an operation's own server ----------------------------------------------------------------------------------------


def own_server(url: str, base: str, **variables: Any) -> str:
    """Return the URL of a request to an operation with a server of its own."""
    site = {"default": "com", "enum": ["com", "eu"]}
    servers = [{"url": "https://{sub}.api.{site}/{version}", "variables": {
        "sub": {"default": "api"}, "site": site, "version": {"default": "v1"}}}]  # fmt: skip
    get = {"operationId": "g", "responses": {}, "servers": [{"url": url, "variables": variables}]}
    spec = make_document({"/x": {"get": get}})
    spec = type(spec)({**spec.document, "servers": servers})
    values = Resolver(Variables(), Environment("x", base_url=base), mode="masked")
    return build_request(spec.operation("g"), anb.Call("g"), values).url


@pytest.mark.parametrize(
    ("base", "wanted"),
    [
        ("https://api.api.com/v1", "https://intake.com/x"),
        ("https://api.api.eu/v1", "https://intake.eu/x"),
        ("https://other.api.eu/v2", "https://intake.eu/x"),
        ("https://mine.example", "https://mine.example/x"),
    ],
)
def test_variables_of_an_own_server_follow_the_base_url(base: str, wanted: str) -> None:
    """By name, where they were chosen; a server of the user's own replaces all."""
    assert own_server("https://intake.{site}", base, site={"default": "com", "enum": ["com", "eu"]}) == wanted


def test_variables_of_servers_are_chosen_in_the_environment() -> None:
    """For the document's first server and for own ones, in a file too; a value that is not allowed is refused."""
    servers = [{"url": "https://{region}.api.com", "variables": {"region": {"default": "us"}}}]
    own = [{"url": "https://logs-{zone}.com", "variables": {"zone": {"default": "a", "enum": ["a", "b"]}}}]
    paths = {"/x": {"get": {"operationId": "x", "responses": {}}},
             "/y": {"get": {"operationId": "y", "responses": {}, "servers": own}}}  # fmt: skip
    document = {**make_document(paths).document, "servers": servers}
    for zone, wanted in (("b", "https://logs-b.com/y"), ("c", None)):
        chosen = Environment("mine", server_variables={"region": "eu", "zone": zone})
        api = anb.connect(chosen, spec=document, history=None)
        assert api.session.preview(anb.Call("x")).url == "https://eu.api.com/x"
        if wanted:
            assert api.session.preview(anb.Call("y")).url == wanted
        else:
            with pytest.raises(UsageError, match="is not a value of the server variable zone"):
                api.session.preview(anb.Call("y"))
        api.close()


def test_a_value_that_an_own_server_does_not_allow_is_not_used() -> None:
    only_com = {"default": "com", "enum": ["com"]}
    assert own_server("https://intake.{site}", "https://api.api.eu/v1", site=only_com) == "https://intake.com/x"
    version = {"default": "v1"}
    assert own_server("https://i.com/{version}", "https://api.api.eu/v2", version=version) == "https://i.com/v2/x"
