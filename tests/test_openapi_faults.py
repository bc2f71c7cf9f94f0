"""Faulty documents: what can be read is read, the rest becomes warnings."""

from __future__ import annotations

import copy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.documents import SHARED

from astro_nb.errors import AstroNbError, DanglingReference, DocumentInvalid
from astro_nb.openapi import Operation, Spec, bundled, load

ACCESSORS = (
    "parameters",
    "body",
    "responses",
    "success",
    "security",
    "servers",
    "permissions",
    "extensions",
    "description",
    "warnings",
)
PUBLISHED = sorted(SHARED.glob("specs/*"))
VALID = sorted(SHARED.glob("fixtures/real-specs/valid/*"))
INVALID = sorted(SHARED.glob("fixtures/real-specs/invalid/*"))
HEAD = {"openapi": "3.0.3", "info": {"title": "Pets", "version": "1.2"}}
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason=f"{SHARED} holds other people's documents; not there")


NOWHERE = ("responses: The reference #/components/schemas/HTTPValidationError points nowhere.",)
UNDECLARED = "parameters: the path has {%s}, which is not declared; it is treated as a string."
FAULTY = {
    "sharpely-api": dict.fromkeys(
        ("getAccessToken_core_getAccessToken_post", "getStocksMetricData_core_getStocksMetricData_post"), NOWHERE
    ),
    "unofficial-chatango": {
        "profile_v1_profile__user__get": (
            "parameters: name is declared as a path parameter, but the path has no {name}; it is ignored.",
            UNDECLARED % "user",
        )
    },
    "ssl-com": {"get_teams_by_team_id_domains_validation_candidates": (UNDECLARED % "team_id",)},
    "Hudini": {
        "get_booking_hotel_by_hotelId_details_by_confirmationId": (
            "parameters: arrivalDate in query is declared twice; the last one is used.",
        )
    },
    "axis-care": {
        "patch-api-visits-visitId": ("parameters: visitId in path is declared twice; the last one is used.",),
    },
}
"""Faults of documents that their validator let pass."""


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Use an empty cache."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("ASTRO_NB_CACHE", str(folder))
    return folder


def doc(paths: Any = None, **more: Any) -> dict[str, Any]:
    """A small document."""
    return {**HEAD, "paths": paths or {}, **more}


def operation(raw: Any, path: str = "/a", item: Any = None, **more: Any) -> Operation:
    """The only operation of a small document: a GET."""
    return next(iter(load(doc({path: {**(item or {}), "get": raw}}, **more))))


def parts(spec: Spec) -> Iterator[Any]:
    """Read every part of a document."""
    yield from (spec.title, spec.version, spec.servers, spec.tags, spec.extensions, spec.search("x"), repr(spec))
    for op in spec:
        yield from (getattr(op, name) for name in ACCESSORS)


# --- real documents ---------------------------------------------------------------------------------------------------


@needs_shared
@pytest.mark.parametrize("path", [*PUBLISHED, *VALID], ids=lambda path: path.stem)
def test_every_real_document_is_read(path: Path) -> None:
    """Published documents load, all their operations can be read, and warnings name real faults only."""
    spec = load(path)
    assert list(parts(spec))
    assert {op.id: op.warnings for op in spec if op.warnings} == next(
        (expected for name, expected in FAULTY.items() if name in path.stem), {}
    )
    assert len({op.id for op in spec}) == len(spec)
    assert all(spec.operation(op.id) is op for op in spec)


REAL_FAULTS = {
    "vessel-router": {"get_route_by_routeId_geojson": "routeId declares no schema"},
    "pigeonhole": {
        "get_projects_by_id_assignments": "the path has {id}",
        "post_courses_by_course_id_students": "students has `in: body`",
        "": "/users: the path /users/{user_id} is nested inside it",
    },
    "base-structures": {"": "no operations"},
    "JRAN0323": {"post_clothes_return": "200 is next to `responses`"},
    "ConvoConvert": {
        "deleteCustomer": "CustomertId has no `in`",
        "updateCustomerById": "CustomerId has no `in`",
        "deleteSupervisors": "the path has {username}",
    },
    "mgm_api": {"post_dash_ranking": "2 operations have the id user_summary", "post_dash_user_summary": "no content"},
    "UEX-API": {"get_cities": "the scopes of application are not a list"},
    "thingsboard": {"getAlarmComments": "names query parameters", "post_api_auth_login": "'401 ' is not a status"},
    "DOMINIUM": {"": "tags: ", "get_auth_public_key": "declares its type next to its name"},
}
"""Some of what a validator finds in the documents that it refuses, by operation; that of the document under nothing."""


@needs_shared
@pytest.mark.parametrize("path", INVALID, ids=lambda path: path.stem)
def test_every_invalid_document_is_read_or_rejected(path: Path) -> None:
    """A faulty document is read as far as possible, quickly, with warnings at the faulty parts."""
    spec = load(path)
    assert list(parts(spec))
    wanted = next((expected for name, expected in REAL_FAULTS.items() if name in path.stem), {})
    found = {"": " ".join(spec.warnings), **{op.id: " ".join(op.warnings) for op in spec}}
    assert [words for name, words in wanted.items() if words not in found[name]] == []


@needs_shared
def test_our_astro_document_states_the_published_facts() -> None:
    """Ours has the same facts as Astronomer's document, and none of its sentences."""
    tool, published, ours = SHARED / "tools/spec_facts.py", SHARED / "specs/astro-v1.yaml", bundled("astro-v1.yaml")
    done = subprocess.run([sys.executable, tool, published, ours], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "0 differences in facts, 0 sentences word for word\n")


def test_the_bundled_document_is_the_default() -> None:
    """By default Astro v1 is loaded with its overlay: 75 operations, one bearer scheme, permissions."""
    spec = load()
    assert (len(spec), len({op.method for op in spec}), spec.warnings) == (75, 3, ())
    assert {s.kind for op in spec for need in op.security for s in need} == {"bearer"}
    assert sum(bool(op.permissions) for op in spec) == 71
    assert spec.operation("CreateDeployment").permissions == ("workspace.deployments.create",)
    assert spec.extensions.permission == "x-permission"
    assert spec.servers == ("https://api.astronomer.io/v1",)


# --- references -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ref", "wanted"),
    [
        ("#/components/schemas/A", {"type": "string"}), ("#/paths/~1p~1{x}/get", {"x": 1}), ("#/x-n/a~0b", {"y": 1}),
        ("#/paths/~1p~1%7Bx%7D/get", {"x": 1}), ("#/x-list/1", {"z": 1}), ("#/x-n/a%20b", {"s": 1}),
    ],
)  # fmt: skip
def test_a_reference_is_a_json_pointer(ref: str, wanted: dict[str, Any]) -> None:
    """A reference escapes `/` and `~`, may be URL-encoded and may count into a list (RFC 6901, sections 4 and 6)."""
    more = {"x-n": {"a~b": {"y": 1}, "a b": {"s": 1}}, "x-list": [{}, {"z": 1}]}
    spec = load(doc({"/p/{x}": {"get": {"x": 1}}}, components={"schemas": {"A": {"type": "string"}}}, **more))
    assert spec.resolve({"$ref": ref}) == wanted


def test_resolve_follows_on() -> None:
    """References are followed to the end, and keywords next to one override its target."""
    schemas = {"A": {"$ref": "#/components/schemas/B", "title": "A"}, "B": {"type": "string", "title": "B"}}
    spec = load(doc(components={"schemas": schemas}))
    assert spec.resolve({"$ref": "#/components/schemas/A", "deprecated": True}) == {
        "type": "string", "title": "A", "deprecated": True,
    }  # fmt: skip
    assert spec.resolve({"type": "x"}) == {"type": "x"}
    assert spec.resolve(None) == {}


@pytest.mark.parametrize("ref", ["#/nowhere", "#/info/title", "other.yaml#/A", "https://h/x.json", "#/x-a", "#/x-b"])
def test_a_dangling_reference_is_reported(ref: str) -> None:
    """Dangling, external and circular references: the error has the reference and what to do."""
    spec = load(doc(**{"x-a": {"$ref": "#/x-a"}, "x-b": {"$ref": "#/x-c"}, "x-c": {"$ref": "#/x-b"}}))
    with pytest.raises(DanglingReference) as caught:
        spec.resolve({"$ref": ref})
    assert caught.value.todo


def test_one_external_path_does_not_affect_the_rest() -> None:
    """A path item in another file is a warning; the other operations can be used."""
    spec = load(doc({"/a": {"$ref": "other.yaml"}, "/b": {"get": {}}}))
    assert [op.path for op in spec] == ["/b"]
    assert any("other.yaml" in warning for warning in spec.warnings)


# --- documents with a fault -------------------------------------------------------------------------------------------

WHOLE = doc(
    {
        "/a/{x}": {
            "parameters": [{"in": "path", "name": "x", "schema": {"type": "string"}}],
            "get": {
                "operationId": "A", "tags": ["t"], "security": [{"k": []}], "x-permission": [{"action": "p"}],
                "parameters": [{"in": "query", "name": "q", "examples": {"e": {"value": 1}}}],
                "requestBody": {"content": {"application/json": {"schema": {"properties": {"f": {}}}}}},
                "responses": {"200": {"content": {"application/json": {"schema": {"type": "object"}}}}},
            },
        }
    },
    servers=[{"url": "https://{r}/", "variables": {"r": {"default": "h"}}}], tags=[{"name": "t"}],
    components={"securitySchemes": {"k": {"type": "apiKey", "in": "header", "name": "K"}}},
    **{"x-astro-nb-permission": "x-permission"},
)  # fmt: skip


def places(node: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every node."""
    yield at
    for key, child in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        yield from places(child, (*at, key))


@pytest.mark.parametrize("wrong", [None, "text", [], {}, [None]], ids=repr)
def test_a_fault_anywhere_is_no_stray_error(wrong: Any) -> None:
    """A value of the wrong type anywhere in a document is read, or raises an AstroNbError."""
    stray = {}
    for *above, last in filter(None, places(WHOLE)):
        broken = copy.deepcopy(WHOLE)
        holder: Any = broken
        for step in above:
            holder = holder[step]
        holder[last] = copy.deepcopy(wrong)
        try:
            list(parts(load(broken)))
        except AstroNbError:
            pass
        except Exception as error:  # noqa: BLE001  # any other kind is what this test looks for
            stray["/".join(map(str, [*above, last]))] = repr(error)
    assert stray == {}


NULLS = dict.fromkeys(("parameters", "tags", "requestBody", "responses", "security", "servers", "description"))
QUERY = {"in": "query", "name": "a"}
TEXT, LIST = (f"expected a mapping, found a {kind}." for kind in ("string", "list"))


def test_null_is_the_same_as_nothing() -> None:
    """Tools write null for missing parts: the operation is read as if they were left out."""
    op = operation(
        NULLS, item={"parameters": None, "servers": None}, tags=None, servers=None, components=None, info=None
    )
    assert (op.warnings, op.spec.warnings) == ((), ())
    assert (op.parameters, op.body, op.responses, op.security, op.tags) == ((), None, {}, (), ("Other",))


@pytest.mark.parametrize(
    ("raw", "part", "warning"),
    [
        ({"parameters": {}}, "parameters", "expected a list, found a mapping."),
        ({"parameters": ["limit"]}, "parameters", TEXT),
        ({"parameters": [{"in": "query"}]}, "parameters", "'name' is missing."),
        ({"parameters": [{**QUERY, "schema": []}]}, "parameters", "expected a schema, found a list."),
        ({"requestBody": []}, "body", LIST),
        ({"requestBody": {"content": {"a/b": "x"}}}, "body", TEXT),
        ({"responses": [200]}, "responses", LIST),
        ({"responses": {"200": True}}, "responses", "expected a mapping, found a boolean."),
        ({"security": {"k": []}}, "security", "expected a list, found a mapping."),
    ],
)  # fmt: skip
def test_a_fault_has_its_place(raw: dict[str, Any], part: str, warning: str) -> None:
    """A malformed part is in the warnings; reading it raises an error with operation, part and what to do."""
    op = operation(raw)
    assert op.warnings == (f"{part}: {warning}",)
    with pytest.raises(DocumentInvalid, match=f"get_a is malformed at {part}: ") as caught:
        getattr(op, part)
    assert caught.value.what.endswith(warning)
    assert caught.value.todo


def test_malformed_descriptive_parts_are_empty() -> None:
    """Malformed tags, permissions and servers affect nothing else."""
    raw = {"tags": "pets", "servers": [{}], "x-permission": [{"name": "n"}]}
    op = operation(raw, **{"x-astro-nb-permission": "x-permission"})
    assert (op.tags, op.permissions, op.servers) == (("Other",), (), ())
    assert [w.partition(":")[0] for w in op.warnings] == ["permissions", "servers", "tags"]


def test_faults_of_the_whole_document_are_warnings() -> None:
    """A part of the document that is malformed is empty, and among the warnings; the operations can be used."""
    paths = {"/a": {"get": {}, "put": []}, "/b": "text", "x-note": "text"}
    spec = load(doc(paths, info=[], servers=["h"], tags=[{}], components={"securitySchemes": []}))
    assert (spec.title, spec.servers, spec.tags, spec.scheme_names) == ("Untitled API", (), {"Other": ""}, ())
    assert [op.id for op in spec] == ["get_a"]
    assert spec.warnings == (
        "/a: put is a list.",
        "/b: expected a mapping, found a string.",
        "info: expected a mapping, found a list.",
        "servers: expected a mapping, found a string.",
        "tags: 'name' is missing.",
        "security schemes: expected a mapping, found a list.",
    )


# --- parameters and paths that do not fit each other ------------------------------------------------------------------


def path_parameter(name: str, **more: Any) -> dict[str, Any]:
    """A parameter in the path."""
    return {"in": "path", "name": name, "required": True, "schema": {"type": "string"}, **more}


@pytest.mark.parametrize(
    ("path", "parameters", "keys", "words"),
    [
        ("/a/{id}", [], ["id"], "the path has {id}, which is not declared"),
        ("/a/{id}", [path_parameter("ID")], ["id"], "the path has {id}"),
        ("/a", [path_parameter("id")], [], "id is declared as a path parameter"),
        ("/a/{id}", [{"name": "id", "schema": {}}], ["id"], "id has no `in`; it is used"),
        ("/a/{id}", [path_parameter("id"), {"name": "x", "schema": {}}], ["id"], "x has no `in`"),
        ("/a", [{**QUERY, "in": "body", "schema": {}}], [], "a has `in: body`"),
        ("/a", [{**QUERY, "in": "Query", "schema": {}}], [], "a has `in: Query`"),
        ("/a", [{**QUERY, "schema": {}}, {**QUERY, "schema": {}}], ["a"], "a in query is declared twice"),
        ("/a", [{**QUERY, "type": "integer"}], ["a"], "its type next to its name"),
        ("/a", [QUERY], ["a"], "declares no schema"),
        ("/a", [{**QUERY, "schema": {}, "content": {"a/b": {}}}], ["a"], "both a schema and content"),
        ("/a/{x}.{y}/{x}", [path_parameter("x")], ["x", "y"], "the path has {y}"),
    ],
)  # fmt: skip
def test_parameters_that_do_not_match_are_warnings(path: str, parameters: Any, keys: list[str], words: str) -> None:
    """The operation can be used: parameters that the path lacks are ignored, those that it has are added."""
    op = operation({"parameters": parameters}, path)
    assert [p.key for p in op.parameters] == keys
    assert any(words in warning for warning in op.warnings)
    assert all(p.required for p in op.parameters if p.location == "path")


def test_the_last_of_two_counts_and_a_type_beside_the_name_too() -> None:
    """The warning describes what is done."""
    twice = [{**QUERY, "schema": {"type": t}} for t in ("string", "integer")]
    assert operation({"parameters": twice}).parameters[0].schema == {"type": "integer"}
    old = {**QUERY, "type": "array", "items": {"type": "integer"}, "default": [1]}
    assert operation({"parameters": [old]}).parameters[0].schema == {
        "type": "array", "items": {"type": "integer"}, "default": [1],
    }  # fmt: skip


def test_operations_with_one_id_or_path_are_warnings() -> None:
    """Both have a warning, no other operation has; their derived ids differ."""
    get = {"parameters": [], "operationId": "x"}
    spec = load(doc({"/a/{b}": {"get": {}}, "/a/{c}": {"get": {}, "put": {}}, "/d": {"get": get}, "/e": {"get": get}}))
    found = {op.id: [w for w in op.warnings if not w.startswith("parameters")] for op in spec}
    assert found == {
        "get_a_by_b": ["path: /a/{c} is the same path, with other parameter names."],
        "get_a_by_c": ["path: /a/{b} is the same path, with other parameter names."], "put_a_by_c": [],
        "get_d": ["id: 2 operations have the id x; this one is called get_d."],
        "get_e": ["id: 2 operations have the id x; this one is called get_e."],
    }  # fmt: skip


def test_query_parameters_in_a_path_are_removed() -> None:
    """`/a{?limit}` is RFC 6570 syntax, not the path of a server."""
    spec = load(doc({"/a/{b}{?limit,offset}": {"get": {"parameters": [path_parameter("b")]}}}))
    (op,) = spec
    assert (op.path, op.id, spec.warnings) == ("/a/{b}", "get_a_by_b", ())
    assert op.warnings == ("path: /a/{b}{?limit,offset} names query parameters; they are removed from the path.",)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ({"requestBody": {"description": "x"}}, "body: it declares no content"),
        (
            {"requestBody": {"content": {"a/b": {"schema": {"$ref": "#/no"}}}}},
            "body: The reference #/no points nowhere.",
        ),
        ({"responses": {"200": {"content": {"a/b": {"schema": {"$ref": "#/no"}}}}}}, "responses: The reference #/no"),
        ({"responses": {"2OO": {}}}, "'2OO' is not a status"),
        ({"security": [{"none": []}]}, "the scheme none is not defined"),
        ({"security": [{"k": {}}]}, "the scopes of k are not a list"),
    ],
)
def test_usable_oddities_are_warnings(raw: dict[str, Any], words: str) -> None:
    """A body without content, a dangling schema, an invalid status, an undefined scheme."""
    op = operation(raw, components={"securitySchemes": {"k": {"type": "http", "scheme": "bearer"}}})
    assert any(words in warning for warning in op.warnings)
    assert (op.parameters, op.body is None or bool(op.body.content), len(op.responses) < 2) == ((), True, True)
    assert len(op.security) == ("security" in raw)


def test_statuses_and_extensions_among_responses() -> None:
    """A blank around a status is ignored; an extension is not a response."""
    op = operation({"responses": {"401 ": {"description": "d"}, "x-note": "text", "2xx": {}}})
    assert list(op.responses) == ["401", "2xx"]
    assert op.warnings == ("responses: '401 ' is not a status.",)


def test_a_description_that_is_no_text() -> None:
    """The message describes the malformed value in JSON's terms, not in Python's."""
    op = operation({"description": {"$ref": "x.md"}, "requestBody": {"description": [1], "content": {"a/b": {}}}})
    assert (op.description, op.summary, op.body and op.body.description) == ("", "", "")
