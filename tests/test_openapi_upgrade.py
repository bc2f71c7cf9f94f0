"""Swagger 2.0 is converted to OpenAPI 3; what has no equivalent is a warning."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import orjson
import pytest
from support.documents import SHARED

from astro_nb.errors import AstroNbError, DocumentInvalid
from astro_nb.openapi import Operation, Spec, load

PETS: dict[str, Any] = {
    "swagger": "2.0",
    "info": {"title": "Pets", "version": "1"},
    "host": "pets.example:8443",
    "basePath": "/v2/",
    "schemes": ["https", "http"],
    "consumes": ["application/json", "application/xml"],
    "produces": ["application/json"],
    "tags": [{"name": "pet"}],
    "x-kept": 1,
    "parameters": {
        "Limit": {"in": "query", "name": "limit", "type": "integer", "format": "int32", "maximum": 50, "default": 20},
        "Pet": {"in": "body", "name": "pet", "required": True, "schema": {"$ref": "#/definitions/Pet"}},
        "Photo": {"in": "formData", "name": "photo", "type": "file"},
    },
    "responses": {"Missing": {"description": "none", "schema": {"$ref": "#/definitions/Error"}}},
    "securityDefinitions": {
        "plain": {"type": "basic", "description": "Name and word."},
        "key": {"type": "apiKey", "in": "header", "name": "X-Key"},
        "a": {"type": "oauth2", "flow": "implicit", "authorizationUrl": "https://a/", "scopes": {"r": "Read"}},
        "b": {"type": "oauth2", "flow": "password", "tokenUrl": "https://t/", "scopes": {}},
        "c": {"type": "oauth2", "flow": "application", "tokenUrl": "https://t/", "scopes": {"w": "Write"}},
        "d": {
            "type": "oauth2", "flow": "accessCode", "authorizationUrl": "https://a/", "tokenUrl": "https://t/",
            "scopes": {},
        },
    },
    "security": [{"key": []}],
    "definitions": {
        "Pet": {
            "type": "object", "discriminator": "kind", "required": ["kind"],
            "properties": {
                "kind": {"type": "string"}, "name": {"type": "string", "x-nullable": True},
                "mother": {"$ref": "#/definitions/Pet"}, "discriminator": {"type": "string"},
                "tags": {"type": "array", "items": {"type": "string"}},
            },
            "example": {"$ref": "#/definitions/Error"},
        },
        "Cat": {"allOf": [{"$ref": "#/definitions/Pet"}, {"properties": {"lives": {"type": "integer"}}}]},
        "Error": {"type": ["string", "null"]},
    },
    "paths": {
        "/pets": {
            "parameters": [{"$ref": "#/parameters/Limit"}],
            "get": {
                "operationId": "list", "tags": ["pet"], "produces": ["application/json", "text/csv"],
                "parameters": [
                    {"in": "query", "name": "csv", "type": "array", "items": {"type": "string", "enum": ["a", "b"]}},
                    {"in": "query", "name": "multi", "type": "array", "items": {}, "collectionFormat": "multi"},
                    {"in": "query", "name": "ssv", "type": "array", "items": {}, "collectionFormat": "ssv"},
                    {"in": "query", "name": "pipes", "type": "array", "items": {}, "collectionFormat": "pipes"},
                    {"in": "query", "name": "tsv", "type": "array", "items": {}, "collectionFormat": "tsv"},
                    {"in": "header", "name": "X-H", "type": "array", "items": {}, "x-example": ["e"]},
                ],
                "responses": {
                    "200": {
                        "description": "ok", "schema": {"type": "array", "items": {"$ref": "#/definitions/Pet"}},
                        "headers": {"X-Total": {"type": "integer", "description": "all"}},
                        "examples": {"application/json": [], "application/hal+json": {}},
                    },
                    "404": {"$ref": "#/responses/Missing"},
                },
            },
            "post": {
                "operationId": "add", "security": [], "schemes": ["http"],
                "parameters": [{"$ref": "#/parameters/Pet"}],
                "responses": {"201": {"description": "made"}, "default": {"$ref": "#/responses/Missing"}},
            },
            "put": {
                "operationId": "replace", "consumes": ["text/x"],
                "parameters": [
                    {
                        "in": "body", "name": "p", "description": "All.", "x-note": 2,
                        "x-examples": {"text/x": "e"}, "schema": {"type": "string"},
                    }
                ],
                "responses": {"204": {"description": "done"}},
            },
        },
        "/pets/{id}": {
            "parameters": [
                {"in": "path", "name": "id", "type": "string", "required": True, "pattern": "^p"},
                {"in": "formData", "name": "note", "type": "string"},
            ],
            "post": {
                "operationId": "form",
                "parameters": [
                    {"in": "formData", "name": "note", "type": "string", "required": True, "description": "own"},
                    {"in": "formData", "name": "l", "type": "array", "items": {}, "collectionFormat": "multi"},
                    {"in": "formData", "name": "t", "type": "array", "items": {}, "collectionFormat": "tsv"},
                ],
                "responses": {"204": {"description": "done"}},
            },
            "put": {
                "operationId": "upload", "consumes": ["application/x-www-form-urlencoded"],
                "parameters": [{"$ref": "#/parameters/Photo"}],
                "responses": {"200": {"description": "bytes", "schema": {"type": "file"}}},
            },
        },
    },
}  # fmt: skip
JSON = "application/json"
FIXTURES = sorted(SHARED.glob("fixtures/requests-from-specs/*.swagger.yaml"))


@pytest.fixture
def pets() -> Spec:
    """The document above as read."""
    return load(PETS)


def small(operation: Any = None, **more: Any) -> Spec:
    """A Swagger 2.0 document with one operation."""
    return load({"swagger": "2.0", "paths": {"/a": {"post": operation or {}}}, **more})


def media(op: Operation, kind: str | None = None) -> Any:
    """Return the entry of a media type in an operation's body."""
    assert op.body is not None
    return op.body.content[kind or op.body.media_type]


def test_it_is_openapi_3_afterwards(pets: Spec) -> None:
    """Version, tags and extensions are kept, no old keyword is left, and the source is unchanged."""
    assert pets.document["openapi"] == "3.0.3"
    assert (pets.title, list(pets.tags)[:1], pets.document["x-kept"]) == ("Pets", ["pet"], 1)
    assert not {"swagger", "definitions", "parameters", "host", "produces"} & set(pets.document)
    before = copy.deepcopy(PETS)
    load(PETS)
    assert before == PETS


def test_a_text_is_upgraded_like_a_mapping(pets: Spec) -> None:
    """As JSON, the document gives the same."""
    assert load(orjson.dumps(PETS)).document == pets.document


@pytest.mark.parametrize(
    ("fields", "home", "servers"),
    [
        ({"host": "h", "basePath": "/b", "schemes": ["http", "https"]}, "", ("http://h/b", "https://h/b")),
        ({"host": "h"}, "", ("https://h",)), ({"host": "h"}, "http://d/x.json", ("http://h",)),
        ({"basePath": "/b/"}, "", ("/b",)), ({"basePath": "b"}, "https://d/x/y.json", ("https://d/b",)),
        ({}, "https://d/x/y.json", ("https://d/",)), ({}, "", ("/",)), ({"host": "h", "basePath": "/"}, "", ("https://h",)),
        ({"host": "http://h/"}, "", ("https://h",)), ({"host": "h", "schemes": ["ws"]}, "", ("https://h",)),
        ({"host": 5, "basePath": None, "schemes": "https"}, "", ("https://5",)),
    ],
)  # fmt: skip
def test_host_and_base_path_are_servers(fields: Any, home: str, servers: tuple[str, ...]) -> None:
    """A missing host or scheme is that of the document's URL."""
    document = orjson.dumps({"swagger": "2.0", "paths": {}, **fields})
    assert load(home or document.decode(), fetch=lambda _: document).servers == servers


def test_invalid_hosts_and_schemes_are_reported() -> None:
    """A host with a scheme, and a scheme that is not HTTP's."""
    warnings = small(host="http://h", schemes=["ws", "http"]).warnings
    assert len(warnings) == 2
    assert ("ws" in warnings[1], "host" in warnings[0]) == (True, True)


def test_an_operation_has_schemes_of_its_own(pets: Spec) -> None:
    """They become servers of its own; without any it has none."""
    assert pets.servers == ("https://pets.example:8443/v2", "http://pets.example:8443/v2")
    assert pets.operation("add").servers == ("http://pets.example:8443/v2",)
    assert pets.operation("list").servers == ()


@pytest.mark.parametrize(
    ("key", "style", "explode"),
    [
        ("csv", "form", False), ("multi", "form", True), ("ssv", "spaceDelimited", False),
        ("pipes", "pipeDelimited", False), ("tsv", "form", False), ("X-H", "simple", False),
    ],
)  # fmt: skip
def test_collection_formats_are_styles(pets: Spec, key: str, style: str, explode: bool) -> None:
    """Comma-separated is what Swagger 2.0 means without a word, and not what OpenAPI 3 does."""
    found = pets.operation("list").parameter(key)
    assert found is not None
    assert (found.style, found.explode, found.schema["type"]) == (style, explode, "array")


@pytest.mark.parametrize(("where", "wanted"), [("path", "multi"), ("header", "pipes"), ("query", "tsv"), ("query", 5)])
def test_arrays_without_equivalent_are_warnings(where: str, wanted: Any) -> None:
    """It is a warning of the operation; so is an array of arrays."""
    raw = {"in": where, "name": "n", "type": "array", "items": {"type": "string"}, "collectionFormat": wanted}
    paths = {"/a/{n}" if where == "path" else "/a": {"get": {"parameters": [raw]}}}
    (op,) = load({"swagger": "2.0", "paths": paths})
    assert op.warnings == (
        f"parameters: OpenAPI 3 has no equivalent of `collectionFormat: {wanted}` (n); csv is used.",
    )
    nested = {**raw, "collectionFormat": "csv", "items": {"type": "array", "items": {}, "collectionFormat": "pipes"}}
    (op,) = small({"parameters": [{**nested, "in": "query"}]})
    assert op.warnings == ("parameters: OpenAPI 3 has no equivalent of the nested arrays in n.",)
    assert "collectionFormat" not in str(op.parameters[0].schema)


def test_parameters_have_schemas(pets: Spec) -> None:
    """Type, format, bounds, default, pattern and items move into the schema; references and examples are kept."""
    by_key = {p.key: p for op in pets for p in op.parameters}
    assert by_key["limit"].schema == {"type": "integer", "format": "int32", "maximum": 50, "default": 20}
    assert (by_key["id"].schema, by_key["id"].required) == ({"type": "string", "pattern": "^p"}, True)
    assert by_key["csv"].schema["items"] == {"type": "string", "enum": ["a", "b"]}
    assert by_key["X-H"].examples == {"": ["e"]}
    assert pets.document["paths"]["/pets"]["parameters"] == [{"$ref": "#/components/parameters/Limit"}]


def test_a_body_parameter_is_a_body(pets: Spec) -> None:
    """Shared or in place, with its media types, description, extensions and examples."""
    assert pets.operation("add").raw["requestBody"] == {"$ref": "#/components/requestBodies/Pet"}
    added = pets.operation("add").body
    assert added is not None
    assert (list(added.content), added.required) == (["application/json", "application/xml"], True)
    assert added.schema() == {"$ref": "#/components/schemas/Pet"}
    assert pets.operation("replace").raw["requestBody"] == {
        "description": "All.", "x-note": 2, "x-examples": {"text/x": "e"},
        "content": {"text/x": {"schema": {"type": "string"}, "example": "e"}},
    }  # fmt: skip


def test_a_shared_body_has_the_media_types_of_its_operation() -> None:
    """Where an operation consumes something else, the shared body is not shared."""
    shared = {"P": {"in": "body", "name": "p", "schema": {}}}
    (op,) = small({"consumes": ["text/x"], "parameters": [{"$ref": "#/parameters/P"}]}, parameters=shared)
    assert list(op.raw["requestBody"]["content"]) == ["text/x"]


def test_fields_of_a_form_are_a_body(pets: Spec) -> None:
    """An object with a property each; an own field goes before its path's; arrays are encoded as declared."""
    form = pets.operation("form")
    held = media(form, "application/x-www-form-urlencoded")
    assert list(form.raw["requestBody"]["content"]) == ["application/x-www-form-urlencoded"]
    assert held["schema"]["properties"]["note"] == {"type": "string", "description": "own"}
    assert (held["schema"]["required"], form.body and form.body.required) == (["note"], True)
    assert held["encoding"] == {"l": {"style": "form", "explode": True}, "t": {"style": "form", "explode": False}}
    assert form.warnings == ("parameters: OpenAPI 3 has no equivalent of `collectionFormat: tsv` (t); csv is used.",)
    assert [p.key for p in form.parameters] == ["id"]


def test_a_file_travels_as_a_part(pets: Spec) -> None:
    """A form with a file is multipart, whatever it declares; a file in a response is bytes."""
    upload = pets.operation("upload")
    assert media(upload, "multipart/form-data")["schema"]["properties"]["photo"] == {
        "type": "string", "format": "binary",
    }  # fmt: skip
    assert upload.responses["200"].schema("application/json") == {"type": "string", "format": "binary"}
    (op,) = small({"responses": {"200": {"schema": {"type": "file"}}}})
    assert list(op.responses["200"].content) == ["application/octet-stream"]


@pytest.mark.parametrize(
    ("operation", "glob", "body", "answer"),
    [
        ({}, {}, [JSON], [JSON]),
        ({}, {"consumes": ["a/b"], "produces": ["c/d", "e/f"]}, ["a/b"], ["c/d", "e/f"]),
        ({"consumes": ["g/h"], "produces": []}, {"consumes": ["a/b"], "produces": ["c/d"]}, ["g/h"], [JSON]),
        ({"consumes": [None], "produces": "x"}, {"consumes": ["a/b"]}, [JSON], [JSON]),
    ],
)  # fmt: skip
def test_media_types(operation: Any, glob: Any, body: list[str], answer: list[str]) -> None:
    """The operation's go before the document's, also when they are empty; without any it is JSON."""
    raw = {"parameters": [{"in": "body", "name": "b", "schema": {}}], "responses": {"200": {"schema": {}}}, **operation}
    (op,) = small(raw, **glob)
    assert op.body is not None
    assert (list(op.body.content), list(op.responses["200"].content)) == (body, answer)


def test_responses(pets: Spec) -> None:
    """Schemas, examples and headers are in their places; shared ones stay shared where the media types are the same."""
    ok = pets.operation("list").raw["responses"]["200"]
    each = {"type": "array", "items": {"$ref": "#/components/schemas/Pet"}}
    assert ok["content"] == {
        "application/json": {"schema": each, "example": []}, "text/csv": {"schema": each},
        "application/hal+json": {"schema": each, "example": {}},
    }  # fmt: skip
    assert ok["headers"] == {"X-Total": {"description": "all", "schema": {"type": "integer"}}}
    assert list(pets.operation("list").responses["404"].content) == ["application/json", "text/csv"]
    assert pets.operation("add").raw["responses"]["default"] == {"$ref": "#/components/responses/Missing"}
    assert pets.operation("add").responses["201"].content == {}


def test_schemas(pets: Spec) -> None:
    """References, discriminator, null and inheritance; examples, and properties that are called so, are left alone."""
    pet = pets.document["components"]["schemas"]["Pet"]
    assert pet["discriminator"] == {"propertyName": "kind"}
    assert pet["properties"]["name"] == {"type": "string", "nullable": True}
    assert pet["properties"]["mother"] == {"$ref": "#/components/schemas/Pet"}
    assert pet["properties"]["discriminator"] == {"type": "string"}
    assert pet["example"] == {"$ref": "#/definitions/Error"}
    assert pets.document["components"]["schemas"]["Cat"]["allOf"][0] == {"$ref": "#/components/schemas/Pet"}
    assert pets.document["components"]["schemas"]["Error"] == {"type": "string", "nullable": True}


def test_security(pets: Spec) -> None:
    """Basic is a scheme of HTTP, each flow has the name that OpenAPI 3 gives it."""
    assert [pets.scheme(name).kind for name in pets.scheme_names] == ["basic", "apiKey", *["oauth2"] * 4]
    assert pets.scheme("plain").description == "Name and word."
    flows = [flow for name in "abcd" for flow in pets.scheme(name).flows.values()]
    assert [(f.kind, f.authorization_url, f.token_url, dict(f.scopes)) for f in flows] == [
        ("implicit", "https://a/", "", {"r": "Read"}), ("password", "", "https://t/", {}),
        ("clientCredentials", "", "https://t/", {"w": "Write"}),
        ("authorizationCode", "https://a/", "https://t/", {}),
    ]  # fmt: skip
    assert pets.operation("add").security == ()
    assert small(securityDefinitions={"o": {"type": "oauth2", "flow": "x"}}).warnings == (
        "securityDefinitions: the flow of o is not one of Swagger 2.0.",
    )


def test_only_what_cannot_be_converted_is_reported(pets: Spec) -> None:
    """The document as a whole needs no word; the list in tabs does."""
    assert pets.warnings == ()
    assert {op.id for op in pets if op.warnings} == {"list", "form"}


@pytest.mark.parametrize(
    ("operation", "words"),
    [
        ({"parameters": [{"in": "body", "name": "a", "schema": {}}] * 2 + [{"in": "body", "name": "b"}]}, ""),
        ({"parameters": [{"in": "body", "name": "a"}, {"in": "formData", "name": "f", "type": "string"}]}, "former"),
        ({"parameters": [{"in": "query", "name": "f", "type": "file"}]}, "cannot be a file"),
        ({"parameters": [{"in": "formData"}]}, "'name' is missing"),
        ({"parameters": {"in": "query"}}, "expected a list, found a mapping"),
        ({"parameters": ["x", {"$ref": "#/parameters/none"}]}, "found a string"),
        ({"parameters": [{"$ref": "#/parameters/none"}]}, "points nowhere"),
        ({"responses": {"200": {"$ref": "#/responses/none"}}}, "points nowhere"),
        ({"responses": {"200": {"examples": [1], "schema": {}}}}, "examples"),
        ({"responses": []}, ""), ({"responses": {"200": "ok"}}, "found a string"),
    ],
)  # fmt: skip
def test_a_fault_disables_only_its_operation(operation: Any, words: str) -> None:
    """A malformed operation has the warning that it would have in OpenAPI 3; others can be used."""
    paths = {"/a": {"post": operation}, "/b": {"get": {"parameters": [{"in": "query", "name": "q", "type": "string"}]}}}
    spec = load({"swagger": "2.0", "paths": paths})
    assert spec.operation("get_b").warnings == ()
    assert spec.operation("get_b").parameters[0].schema == {"type": "string"}
    assert words in " ".join(spec.operation("post_a").warnings)


@pytest.mark.parametrize("wrong", [None, "text", [], {}, [None], 7], ids=repr)
def test_a_fault_anywhere_is_no_stray_error(wrong: Any) -> None:
    """With a value of the wrong type at any place, a Swagger 2.0 document is read or rejected."""
    places: list[tuple[Any, ...]] = [()]
    for at in places:
        node: Any = PETS
        for step in at:
            node = node[step]
        inner = node if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ()
        places += [(*at, key) for key in inner]
    stray = {}
    for *above, last in places[1:]:
        broken = copy.deepcopy(PETS)
        holder: Any = broken
        for step in above:
            holder = holder[step]
        holder[last] = wrong
        try:
            spec = load(broken)
            [(op.warnings, op.summary, spec.search("x")) for op in spec]
            [(op.parameters, op.body, op.responses, op.security) for op in spec if not op.warnings]
        except AstroNbError:
            pass
        except Exception as error:  # noqa: BLE001  # any other kind is what this test looks for
            stray["/".join(map(str, [*above, last]))] = repr(error)
    assert stray == {}


def test_deep_nesting_is_rejected() -> None:
    """A schema of a thousand levels is no stray error."""
    schema: dict[str, Any] = {}
    for _ in range(5000):
        schema = {"items": schema}
    with pytest.raises(DocumentInvalid, match="nested"):
        load({"swagger": "2.0", "definitions": {"A": schema}})


def test_files_beside_it_are_upgraded_too(tmp_path: Path) -> None:
    """Path items, parameters and responses in files are brought in, their schemas are carried over."""
    (tmp_path / "api.yaml").write_text(
        "swagger: '2.0'\npaths:\n  /a: {$ref: more.yaml#/item}\nparameters: {Q: {$ref: more.yaml#/q}}\n"
        "definitions: {P: {$ref: more.yaml#/P}}\n"
    )
    (tmp_path / "more.yaml").write_text(
        "item:\n  get:\n    parameters: [{$ref: '#/q'}, {$ref: 'api.yaml#/parameters/Q'}]\n"
        "    responses: {'200': {schema: {$ref: '#/P'}}}\n"
        "q: {in: query, name: q, type: array, items: {type: string}}\nP: {type: string, x-nullable: true}\n"
    )
    spec = load(tmp_path / "api.yaml")
    op = spec.operation("get_a")
    assert [(p.key, p.style, p.explode) for p in op.parameters] == [("q", "form", False)]
    assert spec.resolve(op.responses["200"].schema()) == {"type": "string", "nullable": True}
    assert spec.resolve({"$ref": "#/components/schemas/P"}) == {"type": "string", "nullable": True}


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.stem)
def test_documents_that_another_reader_knows(path: Path) -> None:
    """Methods, addresses and media types are those that another generator of requests finds."""
    wanted = orjson.loads(path.with_suffix("").with_suffix(".swagger.result.json").read_bytes())
    spec = load(path)
    found = {(op.method, spec.servers[0] + op.path): op.body.media_type if op.body else None for op in spec}
    kinds = [{h["name"]: h["value"] for h in request["headers"]}.get("content-type") for request in wanted]
    assert found == {(r["method"], r["url"]): kind for r, kind in zip(wanted, kinds, strict=True)}


@pytest.mark.parametrize("base", ["//evil.example/v1", "///evil.example/v1", "evil.example/v1"])
def test_a_base_path_names_no_host(base: str) -> None:
    """Without a host, the servers are those of the document's address, whatever the base path begins with."""
    data = orjson.dumps({"swagger": "2.0", "basePath": base, "paths": {}})
    assert load("https://h/swagger.json", fetch=lambda _: data).servers == ("https://h/evil.example/v1",)
