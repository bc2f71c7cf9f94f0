"""A document is a table of operations, each with its parameters, body, answers and security."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from astro_nb.errors import UnknownName
from astro_nb.openapi import Operation, PageExtension, Parameter, RequestBody, ResponseSpec, load

HEAD = {"openapi": "3.0.3", "info": {"title": "Pets", "version": "1.2"}}


def doc(paths: Any = None, **more: Any) -> dict[str, Any]:
    """A small document."""
    return {**HEAD, "paths": paths or {}, **more}


def operation(raw: Any, path: str = "/a", item: Any = None, **more: Any) -> Operation:
    """The only operation of a small document: a GET."""
    return next(iter(load(doc({path: {**(item or {}), "get": raw}}, **more))))


def parameter(**raw: Any) -> Parameter:
    """One parameter as read."""
    return operation({"parameters": [{"name": "p", **raw}]}, "/{p}" if raw["in"] == "path" else "/a").parameters[0]


def test_operations_without_an_id_get_a_stable_one() -> None:
    """Ids are derived from method and path, and a declared id is never taken away by a derived one."""
    spec = load(doc({
        "/": {"get": {}}, "/pets/{petId}/toys": {"get": {}, "post": {"operationId": "addToy"}},
        "/a": {"get": {}}, "/b": {"get": {"operationId": "get_a"}}, "/c": {"get": {"operationId": "two"}},
        "/d": {"get": {"operationId": "two"}}, "/e-f": {"get": {}}, "/e_f": {"get": {}},
    }))  # fmt: skip
    by_path = {(op.method, op.path): op.id for op in spec}
    assert len(spec) == 9
    assert by_path["GET", "/pets/{petId}/toys"] == "get_pets_by_petId_toys"
    assert (by_path["POST", "/pets/{petId}/toys"], by_path["GET", "/b"]) == ("addToy", "get_a")
    assert (by_path["GET", "/c"], by_path["GET", "/d"]) == ("get_c", "get_d")


def test_an_unknown_operation_offers_the_nearest() -> None:
    """A misspelt id is answered with the one that was meant."""
    with pytest.raises(UnknownName, match=r"Did you mean .*ListDeployments") as caught:
        load().operation("ListDeployment")
    assert caught.value.data["nearest"][0] in load()


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("HIBERNAT override", {"UpdateDeploymentHibernationOverride", "DeleteDeploymentHibernationOverride"}),
        ("no such", set()),
    ],
)  # fmt: skip
def test_search_wants_every_word(words: str, found: set[str]) -> None:
    """All words have to occur, anywhere and in any case."""
    assert found <= {op.id for op in load().search(words)}
    assert bool(found) == bool(load().search(words))


def test_search_reads_fields_and_tags() -> None:
    """A field of a body and a branch of a union are found; nothing typed finds all, in the document's order."""
    spec = load()
    assert "CreateDeployment" in {op.id for op in spec.search("schedulerSize")}
    assert spec.search("") == list(spec)


def test_search_follows_references() -> None:
    """The fields of a referenced body are found; a dangling reference hides nothing else."""
    body = {"content": {"a/b": {"$ref": "#/x-m"}, "c/d": {"$ref": "#/no"}}}
    op = operation({"requestBody": {"$ref": "#/x-b"}}, **{"x-b": body, "x-m": {"schema": {"properties": {"wing": {}}}}})
    assert op.spec.search("WING") == [op]


@pytest.mark.parametrize(
    ("where", "style", "explode", "required"),
    [
        ("path", "simple", False, True), ("query", "form", True, False),
        ("header", "simple", False, False), ("cookie", "form", True, False),
    ],
)  # fmt: skip
def test_parameter_defaults(where: str, style: str, explode: bool, required: bool) -> None:
    """What a parameter leaves out is filled in as the specification says; one in the path is always required."""
    read = parameter(**{"in": where})
    assert (read.style, read.explode, read.required, read.schema) == (style, explode, required, {})


@pytest.mark.parametrize(
    ("raw", "wanted"),
    [
        ({"in": "query", "style": "deepObject"}, {"style": "deepObject", "explode": False}),
        ({"in": "query", "explode": False}, {"style": "form", "explode": False}),
        ({"in": "query", "allowReserved": True, "deprecated": True}, {"allow_reserved": True, "deprecated": True}),
        ({"in": "query", "example": 0}, {"examples": {"": 0}}),
        ({"in": "query", "examples": {"a": {"value": 1}, "b": {"value": 2}}}, {"examples": {"a": 1, "b": 2}}),
        ({"in": "query", "content": {"text/x": {"example": "e"}}}, {"examples": {"": "e"}}),
        (
            {"in": "query", "content": {"application/json": {"schema": {"type": "object"}}}},
            {"media_type": "application/json", "schema": {"type": "object"}},
        ),
    ],
)
def test_parameter_reads(raw: dict[str, Any], wanted: dict[str, Any]) -> None:
    """Style, explode, examples and content are taken from the document where it states them."""
    read = parameter(**raw)
    assert {name: getattr(read, name) for name in wanted} == wanted


def test_own_parameters_replace_those_of_the_path() -> None:
    """Same name and location: the operation's wins. Same name, two locations: the keys differ."""
    shared = [{"in": "query", "name": "a", "description": "path's"}, {"$ref": "#/components/parameters/B"}]
    op = operation(
        {"parameters": [{"in": "query", "name": "a", "description": "own"}, {"in": "header", "name": "b"}]},
        item={"parameters": shared},
        components={"parameters": {"B": {"in": "query", "name": "b", "required": True}}},
    )
    assert [(p.key, p.description) for p in op.parameters] == [("a", "own"), ("query.b", ""), ("header.b", "")]
    found = op.parameter("query.b")
    assert found is not None
    assert found.required
    assert op.parameter("b") is None


def test_headers_that_a_request_says_by_itself_are_no_parameters() -> None:
    """Accept, Content-Type and Authorization as header parameters are ignored (3.1.1, 4.8.12.1); elsewhere not."""
    names = ["Accept", "content-type", "AUTHORIZATION", "X-Accept"]
    raw = [{"in": where, "name": name} for where in ("header", "query") for name in names]
    assert [p.key for p in operation({"parameters": raw}).parameters] == [
        "header.X-Accept",
        *names[:3],
        "query.X-Accept",
    ]


@pytest.mark.parametrize(
    ("types", "chosen"),
    [
        (["text/plain", "application/json"], "application/json"),
        (["application/xml", "text/csv"], "application/xml"),
        (["text/csv", "application/vnd.api+json"], "application/vnd.api+json"),
        (["application/x-ndjson", "application/json"], "application/json"),
        (["text/csv", "Application/JSON; charset=utf-8"], "Application/JSON; charset=utf-8"),
    ],
)
def test_a_body_is_json_where_that_is_offered(types: list[str], chosen: str) -> None:
    """JSON is preferred to media types before it; NDJSON is not JSON, and case does not matter."""
    assert RequestBody(False, {t: {} for t in types}).media_type == chosen


def test_bodies_and_responses_follow_references() -> None:
    """A body and a response may be references; without content there is no body."""
    media = {"application/json": {"schema": {"type": "string"}}}
    components = {"requestBodies": {"B": {"required": True, "content": media}}, "responses": {"R": {"content": media}}}
    raw = {
        "requestBody": {"$ref": "#/components/requestBodies/B"},
        "responses": {"200": {"$ref": "#/components/responses/R"}, "204": {}, "4XX": {}, "default": {}},
    }
    op = operation(raw, components=components)
    assert op.body is not None
    assert (op.body.required, op.body.schema()) == (True, {"type": "string"})
    assert op.success is not None
    assert op.success.schema() == {"type": "string"}
    statuses = {s: r.status if (r := op.response(s)) else None for s in (200, 204, 404, 500)}
    assert statuses == {200: "200", 204: "204", 404: "4XX", 500: "default"}
    assert operation({"responses": {"200": {}}}).response(500) is None
    assert operation({"requestBody": {"content": {}}}).body is None


@pytest.mark.parametrize(
    ("declared", "asked", "found"),
    [
        ("application/json", "application/json", True), ("application/*", "application/json", True),
        ("*/*", "text/plain", True), ("text/*", "application/json", False),
        ("application/json;charset=utf-8", "application/json", True),
    ],
)  # fmt: skip
def test_a_response_is_found_by_type_or_range(declared: str, asked: str, found: bool) -> None:
    """An exact media type, a range, and one that is declared with its charset all have their schema."""
    answer = ResponseSpec("200", "", {declared: {"schema": {"type": "integer"}}})
    assert answer.schema(asked) == ({"type": "integer"} if found else None)


def test_a_body_is_found_by_its_bare_type() -> None:
    """The schema of a body is found with and without the parameters of its media type, in any case."""
    declared = "Application/JSON; charset=utf-8"
    body = RequestBody(False, {declared: {"schema": {"type": "integer"}}, "text/csv": {}})
    for asked in (None, declared, "application/json", "application/json;v=1"):
        assert body.schema(asked) == {"type": "integer"}
    assert (body.schema("text/csv"), body.schema("text/xml")) == ({}, {})


def test_security() -> None:
    """Alternatives stay separate, schemes have their kind, an operation may need none."""
    schemes = {
        "b": {"type": "http", "scheme": "Bearer"}, "o": {"type": "oauth2"},
        "k": {"type": "apiKey", "in": "query", "name": "key"},
    }  # fmt: skip
    more: dict[str, Any] = {"components": {"securitySchemes": schemes}, "security": [{"b": []}]}
    op = operation({"security": [{"k": [], "o": ["read"]}, {}]}, **more)
    assert [[(s.name, s.kind, s.location, s.parameter, s.scopes) for s in need] for need in op.security] == [
        [("k", "apiKey", "query", "key", ()), ("o", "oauth2", "", "", ("read",))], []
    ]  # fmt: skip
    assert [s.kind for need in operation({}, **more).security for s in need] == ["bearer"]
    assert operation({"security": []}, **more).security == ()


def test_plain_facts_of_an_operation() -> None:
    """Summary, tags, safety and warnings are there, also if the document has none."""
    op = operation({"description": "Lists pets. All of them.", "deprecated": True, "x-astro-nb-page": {"items": "$"}})
    assert (op.summary, op.tags, op.is_safe, op.deprecated, op.warnings) == ("Lists pets", ("Other",), True, True, ())
    assert (op.extensions.page, repr(op)) == (PageExtension(items="$"), "<Operation get_a: GET /a>")
    assert operation({"parameters": [{"$ref": "#/no"}]}).warnings == ("parameters: The reference #/no points nowhere.",)


def test_servers_and_tags() -> None:
    """Server variables have their defaults; declared tags come first, used ones after."""
    servers = [{"url": "https://{r}.h/{v}", "variables": {"r": {"default": "eu"}, "v": {"default": "v1"}}}]
    spec = load(doc({"/a": {"get": {"tags": ["B", "A"]}}}, servers=servers, tags=[{"name": "A", "description": "d"}]))
    assert (spec.servers, dict(spec.tags), list(spec.tags)) == (("https://eu.h/v1",), {"A": "d", "B": ""}, ["A", "B"])


@pytest.mark.parametrize(
    ("source", "url", "wanted"),
    [
        ("https://h/docs/openapi.json", "/api/v3", "https://h/api/v3"),
        ("https://h/docs/openapi.json", "v3", "https://h/docs/v3"),
        ("https://h/docs/openapi.json", "//g/v3", "https://g/v3"),
        ("https://h/docs/openapi.json", "http://g/v3", "http://g/v3"),
        ("text", "/api/v3", "/api/v3"),
    ],
)
def test_a_relative_server_is_meant_against_the_address_of_the_document(source: str, url: str, wanted: str) -> None:
    """Where a document was fetched its relative servers are resolved (3.1.1, 4.6); elsewhere they stay as they are."""
    data = orjson.dumps(doc({"/a": {"get": {"servers": [{"url": url}]}}}, servers=[{"url": url}]))
    spec = load(data.decode() if source == "text" else source, fetch=lambda _: data)
    assert spec.servers == spec.operation("get_a").servers == (wanted,)


def test_an_operation_may_have_servers_of_its_own() -> None:
    """Its own ones go before its path's; the document's are not among them."""
    own, its_path = [{"url": "https://o/{v}", "variables": {"v": {"default": "1"}}}], [{"url": "https://p"}]
    paths = {"/a": {"servers": its_path, "get": {"servers": own}, "put": {}}, "/b": {"get": {}}}
    spec = load(doc(paths, servers=[{"url": "https://d"}]))
    assert {op.id: op.servers for op in spec} == {"get_a": ("https://o/1",), "put_a": ("https://p",), "get_b": ()}
