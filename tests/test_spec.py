"""A document, ours or anyone's, as a table of operations; a bad one is told in words."""

from __future__ import annotations

import copy
import io
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from conftest import SHARED
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from astro_nb.errors import (
    AstroNbError,
    DanglingReference,
    DocumentError,
    DocumentInvalid,
    DocumentNotFound,
    UnknownName,
)
from astro_nb.spec import Operation, Parameter, RequestBody, ResponseSpec, Spec, apply_overlay, bundled, load
from astro_nb.spec.document import MOST_BYTES, parse

ACCESSORS = (
    "parameters",
    "body",
    "responses",
    "success",
    "security",
    "permissions",
    "notes",
    "description",
    "warnings",
)
PUBLISHED = sorted(SHARED.glob("specs/*"))
VALID = sorted(SHARED.glob("fixtures/real-specs/valid/*"))
INVALID = sorted(SHARED.glob("fixtures/real-specs/invalid/*"))
HEAD = {"openapi": "3.0.3", "info": {"title": "Pets", "version": "1.2"}}

needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason=f"{SHARED} holds other people's documents; not there")


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("ASTRO_NB_CACHE", str(folder))
    return folder


def doc(paths: Any = None, **more: Any) -> dict[str, Any]:
    """A small document."""
    return {**HEAD, "paths": paths or {}, **more}


def operation(raw: Any, path: str = "/a", item: Any = None, **more: Any) -> Operation:
    """The only operation of a small document: a GET."""
    return next(iter(load(doc({path: {**(item or {}), "get": raw}}, **more))))


def parameter(**raw: Any) -> Parameter:
    """One parameter as read."""
    return operation({"parameters": [{"name": "p", **raw}]}).parameters[0]


def parts(spec: Spec) -> Iterator[Any]:
    """Everything that is read of a document, one after the other."""
    yield from (spec.title, spec.version, spec.servers, spec.tags, spec.notes, spec.search("x"), repr(spec))
    for op in spec:
        yield from (getattr(op, name) for name in ACCESSORS)


def in_a_process(code: str, seconds: float = 3) -> str:
    """What a Python of its own prints: a document must not take the kernel with it."""
    code = f"from astro_nb.errors import DocumentInvalid\nfrom astro_nb.spec.document import parse\n{code}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=seconds)
    assert done.returncode == 0, f"the process died: {done.returncode} {done.stderr[-200:]}"
    return done.stdout.strip()


REFUSED = "try: parse({}, 'x')\nexcept DocumentInvalid as error: print('refused', bool(error.todo))"

# --- real documents ---------------------------------------------------------------------------------------------------


@needs_shared
@pytest.mark.parametrize("path", [*PUBLISHED, *VALID], ids=lambda path: path.stem)
def test_every_real_document_is_read(path: Path) -> None:
    """Whatever OpenAPI 3 people publish loads, its operations can all be read, and none has a warning."""
    spec = load(path)
    assert list(parts(spec))
    assert {op.id: op.warnings for op in spec if op.warnings} == {}
    assert len({op.id for op in spec}) == len(spec)
    assert all(spec.operation(op.id) is op for op in spec)


@needs_shared
@pytest.mark.parametrize("path", INVALID, ids=lambda path: path.stem)
def test_every_invalid_document_is_read_or_refused_in_words(path: Path) -> None:
    """A document with faults is read as far as it goes; what cannot be read is an error of ours, never a stray one."""
    try:
        assert list(parts(load(path)))
    except DocumentError as error:
        assert error.todo


@needs_shared
def test_our_astro_document_states_the_published_facts() -> None:
    """Ours differs from Astronomer's document in no fact, and has none of its sentences."""
    tool, published, ours = SHARED / "tools/spec_facts.py", SHARED / "specs/astro-v1.yaml", bundled("astro-v1.yaml")
    done = subprocess.run([sys.executable, tool, published, ours], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "0 differences in facts, 0 sentences word for word\n")


def test_the_bundled_document_is_the_default() -> None:
    """Without a word, Astro v1 is loaded with its overlay: 75 operations, one bearer scheme, permissions."""
    spec = load()
    assert (len(spec), len({op.method for op in spec}), spec.warnings) == (75, 3, ())
    assert {s.kind for op in spec for need in op.security for s in need} == {"bearer"}
    assert sum(bool(op.permissions) for op in spec) == 71
    assert spec.operation("CreateDeployment").permissions == ("workspace.deployments.create",)
    assert spec.notes["permission"] == "x-permission"
    assert spec.servers == ("https://api.astronomer.io/v1",)


# --- where a document lies --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["mapping", "text", "yaml", "path", "str", "file", "binary", "url", "bom", "utf-16"])
def test_any_source(kind: str, tmp_path: Path) -> None:
    """A mapping, JSON or YAML text, a path, an open file, a URL: the same document comes of each."""
    text = orjson.dumps(doc({"/a": {"get": {}}})).decode()
    path = tmp_path / "ключ.json"
    path.write_bytes({"bom": text.encode("utf-8-sig"), "utf-16": text.encode("utf-16")}.get(kind, text.encode()))
    source: Any = {
        "mapping": orjson.loads(text), "text": f"  {text}", "path": path, "str": str(path), "binary": io.BytesIO(text.encode()),
        "yaml": "openapi: 3.0.3\ninfo: {title: Pets, version: '1.2'}\npaths:\n  /a: {get: {}}\n",
        "file": io.StringIO(text), "url": "https://h/openapi.json", "bom": path, "utf-16": path,
    }[kind]  # fmt: skip
    spec = load(source, fetch=lambda url: text.encode())
    assert repr(spec) == "<Spec Pets 1.2: 1 operations>"


@pytest.mark.parametrize(
    ("source", "error", "words"),
    [
        ("no-such-file.yaml", DocumentNotFound, "no-such-file.yaml"),
        (Path("/no/such/file"), DocumentNotFound, "/no/such/file"),
        ("no-such-name", DocumentNotFound, "ships"),
        (".", DocumentNotFound, "directory"),
        ("a\0b", DocumentNotFound, ""),
        ("https://h/openapi.json", DocumentNotFound, "network"),
        ("- a\n- b\n", DocumentInvalid, "a list"),
        ("{", DocumentInvalid, "line"),
        ("a: [\nb: }\n", DocumentInvalid, "line 2"),
        ("{}", DocumentInvalid, "openapi"),
        ("just\nwords\n", DocumentInvalid, "a text"),
        ("\n", DocumentInvalid, "nothing"),
        ("<!doctype html>\n<html></html>\n", DocumentInvalid, ""),
        ("openapi: 3.0.0\n---\nopenapi: 3.0.0\n", DocumentInvalid, "another document"),
        ("a: !!python/object/apply:os.system [true]\n", DocumentInvalid, "constructor"),
        ("? [a, b]\n: c\n? {a: b}\n: c\n", DocumentInvalid, ""),
        ({"swagger": "2.0"}, DocumentInvalid, "version 2.0"),
        ({"openapi": "4.0.0"}, DocumentInvalid, "version 4.0.0"),
        ({"openapi": "3.0.3", "paths": []}, DocumentInvalid, "a list"),
        (b"\x89PNG\r\n", DocumentInvalid, ""),
        (5, DocumentInvalid, ""),
        (None, DocumentInvalid, ""),
    ],
    ids=lambda value: repr(value)[:24],
)
def test_a_bad_source_is_told(source: Any, error: type[DocumentError], words: str) -> None:
    """Nothing there, no document there, a document of another kind: each is told in words that end in what to do."""
    with pytest.raises(error, match=words or None) as caught:
        load(source)
    assert caught.value.todo.endswith(".")


def test_too_many_bytes_are_refused() -> None:
    """A document over the limit is refused before it is parsed."""
    with pytest.raises(DocumentInvalid, match="limit"):
        parse(b"{" + b" " * MOST_BYTES, "x")


def test_yaml_scalars_are_those_of_yaml_1_2() -> None:
    """Dates, times of day, `on` and `no` are text; true and null are not; a version stays what it is."""
    text = b"{a: 2026-01-31, b: on, c: NO, d: y, e: True, f: ~, g: 3.10.1, h: 1.5, i: 12:30, j: 12:30:45, k: 10}"
    assert parse(text, "x") == {
        "a": "2026-01-31", "b": "on", "c": "NO", "d": "y", "e": True, "f": None, "g": "3.10.1", "h": 1.5,
        "i": "12:30", "j": "12:30:45", "k": 10,
    }  # fmt: skip


def test_unquoted_statuses_are_names() -> None:
    """A YAML key `200` is the status "200", in a small document as in a large one, and a $ref finds it."""
    text = "openapi: 3.0.0\npaths:\n  /a:\n    get:\n      responses:\n        200: {description: ok}\n"
    text += "        404: {$ref: '#/paths/~1a/get/responses/200'}\n"
    for padding in ("", f"x-p: {'x' * 120_000}\n"):
        responses = load(text + padding).operation("get_a").responses
        assert {status: r.description for status, r in responses.items()} == {"200": "ok", "404": "ok"}


# --- documents that mean harm -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "lines",
    [
        ["x0: &x0 [a, a, a, a, a, a, a, a, a]", *(f"x{n + 1}: &x{n + 1} [{', '.join([f'*x{n}'] * 9)}]" for n in range(9))],
        ["x: &x [*x]"],
        ["x: &x {y: {z: [1, *x]}}"],
    ],
    ids=["laughs", "list in itself", "mapping in itself"],
)  # fmt: skip
def test_aliases_are_bounded(lines: list[str]) -> None:
    """A billion laughs, and what contains itself, are refused at once."""
    with pytest.raises(DocumentInvalid, match="aliases"):
        load("\n".join(["openapi: 3.0.0", *lines]))


def test_honest_aliases_are_kept() -> None:
    """Anchors that save typing are read as if written out."""
    text = "openapi: 3.0.0\nx-a: &a {k: 1}\nx-b: [*a, *a]\nx-c: {<<: *a, l: 2}\n"
    document = load(text).document
    assert (document["x-b"], document["x-c"]) == ([{"k": 1}, {"k": 1}], {"k": 1, "l": 2})


def test_merge_keys_are_bounded() -> None:
    """Merge keys unfold as aliases do: nine to the eighth entries are refused, not counted out."""
    code = "text = 'x0: &x0 {k: 1}\\n' + ''.join("
    code += "f'x{n + 1}: &x{n + 1} {{<<: [' + ','.join([f'*x{n}'] * 9) + ']}\\n' for n in range(8))\n"
    assert in_a_process(code + REFUSED.format("text.encode()")) == "refused True"


def test_texts_that_repeat_do_not_fill_the_disk(cache: Path) -> None:
    """A long text used by many aliases is not written out for each of them into the cache."""
    text = f"x: &x {'y' * 110_000}\nl: [{','.join(['*x'] * 700)}]\n"
    try:
        parse(text.encode(), "x")
    except DocumentInvalid as error:
        assert error.todo
    assert sum(f.stat().st_size for f in cache.rglob("*") if f.is_file()) <= MOST_BYTES


@pytest.mark.parametrize("text", ["b'[' * 200_000", "b'{\"a\":' * 200_000"], ids=["yaml", "json"])
def test_a_deep_document_does_not_end_the_kernel(text: str) -> None:
    """Nested a hundred thousand times, a document is refused; the process lives on."""
    assert in_a_process(REFUSED.format(text)) == "refused True"


# --- the cache --------------------------------------------------------------------------------------------------------

LARGE = f"openapi: 3.0.3\ninfo: {{title: T, version: 1}}\npaths: {{}}\nx-p: {'x' * 120_000}\nx-1: {{1: a, true: b}}\n"


def test_a_large_document_is_parsed_once(cache: Path) -> None:
    """The second reading gives what the first gave, out of one file that is named by the content."""
    first = load(LARGE).document
    (kept,) = [f for f in cache.rglob("*") if f.is_file()]
    assert orjson.loads(kept.read_bytes()) == first
    assert load(LARGE).document == first
    load(LARGE + "x-2: 1\n")
    assert len([f for f in cache.rglob("*") if f.is_file()]) == 2


def test_a_broken_cache_is_read_past(cache: Path) -> None:
    """A cache that was cut off or cannot be written is no error."""
    first = load(LARGE).document
    (kept,) = [f for f in cache.rglob("*") if f.is_file()]
    kept.write_bytes(kept.read_bytes()[:50])
    assert load(LARGE).document == first
    kept.unlink()
    kept.parent.rmdir()
    kept.parent.write_text("a file where the folder should be")
    assert load(LARGE).document == first


# --- the overlay ------------------------------------------------------------------------------------------------------


def overlaid(document: dict[str, Any], *actions: dict[str, Any]) -> Spec:
    """A document with some actions applied."""
    return load(document, overlay={"overlay": "1.0.0", "actions": list(actions)})


def test_an_overlay_merges_appends_replaces_and_removes() -> None:
    """Mappings merge deeply, lists grow, scalars are replaced, and `remove` takes out every match."""
    document = doc({"/a": {"get": {"tags": ["x"], "x-m": {"a": {"b": 1}}}}}, tags=[{"name": n} for n in "abcd"])
    before = copy.deepcopy(document)
    spec = overlaid(
        document,
        {"target": "$.paths['/a'].get", "update": {"x-m": {"a": {"c": 2}}, "summary": "S"}},
        {"target": "$.paths['/a'].get.tags", "update": "y"},
        {"target": "$.info", "update": {"title": "T"}},
        {"target": "$.tags[?@.name != 'c']", "remove": True},
    )
    get = spec.document["paths"]["/a"]["get"]
    assert get == {"tags": ["x", "y"], "x-m": {"a": {"b": 1, "c": 2}}, "summary": "S"}
    assert (spec.title, spec.document["tags"]) == ("T", [{"name": "c"}])
    assert document == before


JSON = st.recursive(
    st.integers() | st.sampled_from("abc"), lambda i: st.lists(i) | st.dictionaries(st.sampled_from("abc"), i)
)
ACTIONS = st.lists(
    st.fixed_dictionaries({"target": st.sampled_from(["$.a", "$.a.b", "$.*", "$..c", "$.b[*]"]), "update": JSON})
    | st.fixed_dictionaries({"target": st.sampled_from(["$.a", "$.b[*]", "$..c"]), "remove": st.just(True)}),
    max_size=4,
)


@given(st.dictionaries(st.sampled_from("abc"), JSON), ACTIONS)
@example({"a": 1}, [{"target": "$.a", "update": {"b": {"c": 1}}}, {"target": "$.a.b", "update": {"a": 1}}])
@example({"b": [1, 2, 3]}, [{"target": "$.b[*]", "remove": True}])
@settings(deadline=None, max_examples=60, derandomize=True, phases=[Phase.explicit, Phase.generate])
def test_an_overlay_leaves_both_documents_as_they_are(document: dict[str, Any], actions: list[dict[str, Any]]) -> None:
    """Whatever the actions do, neither the document nor the overlay given is changed."""
    overlay = {"overlay": "1.0.0", "actions": actions}
    before = copy.deepcopy((document, overlay))
    apply_overlay(document, overlay)
    assert (document, overlay) == before


def test_an_action_that_fits_nothing_is_told() -> None:
    """One overlay serves several versions of a document: what does not fit is a warning that names its target."""
    (warning,) = overlaid(doc(), {"target": "$.paths['/gone']", "update": {}}).warnings
    assert "/gone" in warning


@pytest.mark.parametrize(
    "overlay",
    [
        {}, {"actions": []}, {"overlay": "1.0.0", "actions": {}}, {"overlay": "1.0.0", "actions": ["x"]},
        {"overlay": "1.0.0", "actions": [{"update": {}}]}, {"overlay": "1.0.0", "actions": [{"target": "$["}]},
        {"overlay": "1.0.0", "actions": [{"target": "$", "remove": True}]}, "no-such.overlay.yaml", Path("/no/such"),
    ],
    ids=str,
)  # fmt: skip
def test_a_bad_overlay_is_told(overlay: Any) -> None:
    """What is no overlay, has a bad target or is not there is refused in words."""
    with pytest.raises(DocumentError) as caught:
        load(doc(), overlay=overlay)
    assert caught.value.todo


def test_the_overlay_beside_a_document_is_taken(tmp_path: Path) -> None:
    """`api.yaml` finds `api.overlay.yaml` by itself; another one that is named takes its place."""
    (tmp_path / "api.yaml").write_text("openapi: 3.0.3\npaths: {}\n")
    (tmp_path / "api.overlay.yaml").write_text("overlay: 1.0.0\nactions: [{target: $, update: {x-astro-nb-k: 1}}]\n")
    assert load(tmp_path / "api.yaml").notes == {"k": 1}
    assert load(str(tmp_path / "api.yaml"), overlay={"overlay": "1.0.0"}).notes == {}


@needs_shared
def test_the_document_fetched_from_astronomer_gets_the_overlay_too() -> None:
    """What is known of Astro is applied to the bundled document and to one fetched from Astronomer alike."""
    data = (SHARED / "specs" / "astro-v1.yaml").read_bytes()
    spec = load("https://api.astronomer.io/spec/v1", fetch=lambda url: data)
    assert spec.notes.get("permission") == "x-permission"


# --- operations -------------------------------------------------------------------------------------------------------


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
    with pytest.raises(UnknownName, match="Did you mean .*ListDeployments") as caught:
        load().operation("ListDeployment")
    assert caught.value.data["nearest"][0] in load()


@pytest.mark.parametrize(
    ("words", "found"),
    [("HIBERNAT override", {"UpdateDeploymentHibernationOverride", "DeleteDeploymentHibernationOverride"}), ("no such", set())],
)  # fmt: skip
def test_search_wants_every_word(words: str, found: set[str]) -> None:
    """Words may stand anywhere, in any case; all of them have to."""
    assert found <= {op.id for op in load().search(words)}
    assert bool(found) == bool(load().search(words))


def test_search_reads_fields_and_tags() -> None:
    """A field of a body and a branch of a union are found; nothing typed finds all, in the document's order."""
    spec = load()
    assert "CreateDeployment" in {op.id for op in spec.search("schedulerSize")}
    assert spec.search("") == list(spec)


@pytest.mark.parametrize(
    ("where", "style", "explode", "required"),
    [("path", "simple", False, True), ("query", "form", True, False), ("header", "simple", False, False), ("cookie", "form", True, False)],
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
        ({"in": "query", "example": 0}, {"example": 0}),
        ({"in": "query", "examples": {"a": {"value": 1}, "b": {"value": 2}}}, {"example": 1}),
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
    """Same name and place: the operation's counts. Same name, two places: the key tells them apart."""
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
    """JSON is preferred to what stands before it; NDJSON is not JSON, and case does not matter."""
    assert RequestBody(False, {t: {} for t in types}).media_type == chosen


def test_bodies_and_responses_follow_references() -> None:
    """A body and a response may stand elsewhere in the document; without content there is no body."""
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


def test_security() -> None:
    """Alternatives are kept apart, schemes are told by kind, an operation may need none at all."""
    schemes = {
        "b": {"type": "http", "scheme": "Bearer"}, "k": {"type": "apiKey", "in": "query", "name": "key"}, "o": {"type": "oauth2"},
    }  # fmt: skip
    more = {"components": {"securitySchemes": schemes}, "security": [{"b": []}]}
    op = operation({"security": [{"k": [], "o": ["read"]}, {}]}, **more)
    assert [[(s.name, s.kind, s.location, s.parameter, s.scopes) for s in need] for need in op.security] == [
        [("k", "apiKey", "query", "key", ()), ("o", "oauth2", "", "", ("read",))], []
    ]  # fmt: skip
    assert [s.kind for need in operation({}, **more).security for s in need] == ["bearer"]
    assert operation({"security": []}, **more).security == ()


def test_plain_facts_of_an_operation() -> None:
    """Summary, tags, safety and warnings are there, also where the document says nothing."""
    op = operation({"description": "Lists pets. All of them.", "deprecated": True, "x-astro-nb-page": {"items": "$"}})
    assert (op.summary, op.tags, op.is_safe, op.deprecated, op.warnings) == ("Lists pets", ("Other",), True, True, ())
    assert (op.notes, repr(op)) == ({"page": {"items": "$"}}, "<Operation get_a: GET /a>")
    assert operation({"parameters": [{"$ref": "#/no"}]}).warnings == ("parameters: The reference #/no points nowhere.",)


def test_servers_and_tags() -> None:
    """Server variables have their defaults; declared tags come first, used ones after."""
    servers = [{"url": "https://{r}.h/{v}", "variables": {"r": {"default": "eu"}, "v": {"default": "v1"}}}]
    spec = load(doc({"/a": {"get": {"tags": ["B", "A"]}}}, servers=servers, tags=[{"name": "A", "description": "d"}]))
    assert (spec.servers, dict(spec.tags), list(spec.tags)) == (("https://eu.h/v1",), {"A": "d", "B": ""}, ["A", "B"])


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
    """References are followed to the end, and what stands beside one wins."""
    schemas = {"A": {"$ref": "#/components/schemas/B", "title": "A"}, "B": {"type": "string", "title": "B"}}
    spec = load(doc(components={"schemas": schemas}))
    assert spec.resolve({"$ref": "#/components/schemas/A", "deprecated": True}) == {
        "type": "string", "title": "A", "deprecated": True,
    }  # fmt: skip
    assert spec.resolve({"type": "x"}) == {"type": "x"}
    assert spec.resolve(None) == {}


@pytest.mark.parametrize("ref", ["#/nowhere", "#/info/title", "other.yaml#/A", "https://h/x.json", "#/x-a", "#/x-b"])
def test_a_reference_that_leads_nowhere_is_told(ref: str) -> None:
    """Nowhere, outside, or in a circle: each names the reference and what to do."""
    spec = load(doc(**{"x-a": {"$ref": "#/x-a"}, "x-b": {"$ref": "#/x-c"}, "x-c": {"$ref": "#/x-b"}}))
    with pytest.raises(DanglingReference) as caught:
        spec.resolve({"$ref": ref})
    assert caught.value.todo


def test_one_path_that_leads_outside_does_not_spoil_the_rest() -> None:
    """A path item in another file is told as a warning; the other operations can be used."""
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
    """Wherever a document holds something of the wrong kind, reading it works or raises an error of the tree."""
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
