"""Malicious documents, and files that are no documents: each is read or rejected quickly."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest

from astro_nb.errors import AstroNbError, DocumentError, DocumentInvalid
from astro_nb.openapi import Extensions, load

HEAD = {"openapi": "3.0.3", "info": {"title": "T", "version": "1"}}
SECONDS = 5  # for the process as a whole, its start and the imports included


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache of the test's own."""
    monkeypatch.setenv("ASTRO_NB_CACHE", str(tmp_path_factory.mktemp("cache")))


def in_a_process(make: str, megabytes: int = 1500) -> str:
    """Load a document in a process with limited memory; return the number of operations, or the error."""
    code = f"""
import resource, time
resource.setrlimit(resource.RLIMIT_AS, ({megabytes} << 20, {megabytes} << 20))
from astro_nb.errors import AstroNbError
from astro_nb.openapi import load
HEAD = {HEAD!r}
source = {make}
begin = time.process_time()
try:
    spec = load(source)
    [op.warnings for op in list(spec)[:100]], spec.search('x'), spec.warnings
    print(len(spec), time.process_time() - begin)
except AstroNbError as error:
    print('rejected:', str(error)[:300], time.process_time() - begin)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, f"the process died: {done.returncode} {done.stderr[-500:]}"
    result, _, seconds = done.stdout.strip().rpartition(" ")
    assert float(seconds) < SECONDS
    return result


MANY = "b'{\"openapi\": \"3.0.0\", \"paths\": {' + b','.join(b'\"/%%d\":{%s}' %% n for n in range(%d)) + b'}}'"


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        ("b'[' * 100_000", "nested"),
        ("b'{\"openapi\":' * 100_000", "nested"),
        ("b'{\"openapi\": \"3.0.0\", \"x\":' + b'[' * 900 + b']' * 900 + b'}'", "0"),
        ("b'{\"openapi\": \"3.0.0\", \"x\":' + b'[' * 5000 + b']' * 5000 + b'}'", "nested"),
        ("'openapi: 3.0.0\\nx: ' + '[' * 100_000 + '\\n'", "nested"),
        ("'openapi: 3.0.0\\n' + ''.join(' ' * n + 'a:\\n' for n in range(2000))", "nested"),
        (MANY % ("", 1_000_000), "limit"), (MANY % ("", 50_000), "0"), (MANY % ('\\"get\\":{}', 40_000), "40000"),
        ("b'{\"openapi\": \"3.0.0\", \"' + b'k' * 30_000_000 + b'\": 1}'", "0"),
        ("b'{\"openapi\": \"3.0.0\", \"paths\": {\"/' + b'{a}' * 100_000 + b'\": {\"get\": {}}}}'", "1"),
        ("b'{\"openapi\": \"3.0.0\", \"paths\": {\"/' + b'{?' * 100_000 + b'\": {\"get\": {}}}}'", "1"),
        ("b'{' + b'\"a\":1,' * 5_000_000 + b'}'", "JSON"),
        ("b'{\"openapi\": \"3.0.0\", \"x\": ' + b'9' * 1_000_000 + b'}'", "number"),
        ("b'\\x1f\\x8b' + b'\\0' * 100_000", "compressed"),
    ],
    ids=lambda value: value[:60],
)  # fmt: skip
def test_loading_ends_soon(make: str, expected: str) -> None:
    """Documents that are too deep or too large are rejected, others read, within seconds and limited memory."""
    assert expected in in_a_process(make)


LINKS = "{f's{n}': {'$ref': f'#/components/schemas/s{n + 1}'} for n in range(10_000)}"
USED = "'paths': {'/a': {'get': {'parameters': [{'$ref': '#/components/schemas/s0'}]}}, '/b': {'get': {}}}"
LOOP = {"$ref": "#/components/schemas/s0/a/b/c/d/e"}


@pytest.mark.parametrize(
    "make",
    [
        f"{{**HEAD, {USED}, 'components': {{'schemas': {LINKS}}}}}",
        f"{{**HEAD, {USED}, 'components': {{'schemas': {{'s0': {{'$ref': '#/components/schemas/s0'}}}}}}}}",
        f"{{**HEAD, {USED}, 'components': {{'schemas': {{'s0': {LOOP}}}}}}}",
        f"{{**HEAD, {USED}, 'components': {{'schemas': {{'s0': {{'allOf': [{LOOP}] * 50, **{LOOP}}}}}}}}}",
        f"{{**HEAD, {USED}, 'components': {{'$ref': '#/components'}}}}",
        f"{{**HEAD, {USED}, 'components': {{'$ref': '#'}}}}",
        f"{{**HEAD, {USED}, '$ref': '#'}}",
        f"{{'swagger': '2.0', {USED}, 'definitions': {{'s0': {{'$ref': '#/definitions/s0'}}}}}}",
        "{**HEAD, 'paths': {'/b': {'get': {}}, **{f'/{n}': {'$ref': f'#/paths/~1{n + 1}'} for n in range(10_000)}}}",
        "{**HEAD, 'paths': {'/b': {'get': {}}, '/a': {'$ref': '#/paths/~1a'}}}",
    ],
    ids=range(10),
)
def test_endless_references(make: str) -> None:
    """Long chains and circles disable what refers to them; other operations can be used."""
    assert in_a_process(make) in ("1", "2")


def test_long_chains_of_files(tmp_path: Path) -> None:
    """A long chain of files, a file of long names, and one whose references are all different."""
    for n in range(300):
        (tmp_path / f"{n}.json").write_text(json.dumps({"$ref": f"{n + 1}.json"}))
    refs = [{"$ref": f"0.json#/{'x' * 50}{n}"} for n in range(20_000)]
    deep: dict[str, Any] = {"$anchor": "here"}
    for n in range(200):
        deep = {"k" * 10_000 + str(n): deep}
    document = {**HEAD, "paths": {"/a": {"get": {}}}, "x-refs": refs, "x-deep": deep, "x-use": {"$ref": "#here"}}
    (tmp_path / "api.json").write_text(json.dumps(document))
    assert in_a_process(repr(str(tmp_path / "api.json"))) == "1"


GET = ("paths", "/a", "get")
DANGLING = "The reference #/nowhere points nowhere."
NO_LIST = "expected a list, found a mapping."
NO_MAPPING = "expected a mapping, found a string."
PLACES: dict[tuple[Any, ...], str] = {
    ("paths",): f"$ref: {NO_MAPPING}",
    ("paths", "/a"): f"/a: {DANGLING}",
    GET: "",
    (*GET, "parameters"): f"parameters: {NO_LIST}",
    (*GET, "parameters", 0): f"parameters: {DANGLING}",
    (*GET, "parameters", 0, "schema"): "",
    (*GET, "requestBody"): f"body: {DANGLING}",
    (*GET, "requestBody", "content"): f"body: {NO_MAPPING}",
    (*GET, "requestBody", "content", "application/json"): f"body: {DANGLING}",
    (*GET, "responses"): f"responses: {NO_MAPPING}",
    (*GET, "responses", "200"): f"responses: {DANGLING}",
    (*GET, "responses", "200", "content"): f"responses: {NO_MAPPING}",
    (*GET, "security"): f"security: {NO_LIST}",
    (*GET, "tags"): f"tags: {NO_LIST}",
    ("servers",): f"servers: {NO_LIST}",
    ("servers", 0): "servers: 'url' is missing.",
    ("components",): "security: the scheme k is not defined; it is ignored.",
    ("components", "schemas"): "",
    ("components", "securitySchemes"): "security: the scheme k is not defined; it is ignored.",
    ("components", "securitySchemes", "k"): f"security: {DANGLING}",
    ("info",): "",
    ("tags",): f"tags: {NO_LIST}",
}
"""Places in a document, and the warning of a reference there that points nowhere; empty where it changes nothing."""


@pytest.mark.parametrize("version", ["3.1.0", "2.0"])
@pytest.mark.parametrize(
    "ref",
    ["#/nowhere", "#", "", "o.yaml", "%23/info", "#/paths/~1a", "#/%", "#/\ud7ff", "#//", "#/~2", 5, [], {}, None, 1e9],
    ids=repr,
)  # fmt: skip
@pytest.mark.parametrize("place", PLACES, ids=lambda place: "/".join(map(str, place)))
def test_a_reference_in_an_unexpected_place(place: tuple[Any, ...], ref: Any, version: str) -> None:
    """A `$ref` of any kind at any place: the document is read or rejected with advice, and `/b` can be used.

    One that points nowhere also has exactly the warning that its place has.
    """
    content = {"application/json": {"schema": {"type": "string"}}}
    get = {
        "parameters": [{"in": "query", "name": "q", "schema": {}}], "requestBody": {"content": content}, "tags": ["t"],
        "responses": {"200": {"content": content}}, "security": [{"k": []}],
    }  # fmt: skip
    document: Any = {
        "swagger" if version == "2.0" else "openapi": version, "info": {},
        "servers": [{"url": "/"}], "tags": [{"name": "t"}],
        "paths": {"/a": {"get": get}, "/b": {"get": {}}},
        "components": {"schemas": {}, "securitySchemes": {"k": {"type": "apiKey", "in": "query", "name": "k"}}},
    }  # fmt: skip
    holder = document
    for step in place[:-1]:
        holder = holder[step]
    holder[place[-1]] = {"$ref": ref}
    try:
        spec = load(orjson.dumps(document))
    except DocumentError as error:
        assert error.todo  # noqa: PT017  # a document that is accepted is read below
        return
    for op in spec:
        _ = (op.warnings, op.tags, op.servers, spec.search("x"), spec.tags, spec.servers, spec.warnings, repr(spec))
        for part in ("parameters", "body", "responses", "security"):
            try:
                getattr(op, part)
            except AstroNbError as error:
                assert error.todo  # noqa: PT017  # likewise
    if place != ("paths",):
        assert "get_b" in spec
    if (ref, version) == ("#/nowhere", "3.1.0"):
        warnings = {*spec.warnings, *(text for op in spec for text in op.warnings)}
        assert PLACES[place] in (warnings or {""})


# --- odd texts --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("kind", ["json", "yaml"])
def test_encodings_and_line_ends(encoding: str, newline: str, kind: str) -> None:
    """Marks at the beginning, wide characters, line ends of other systems."""
    text = '{\n  "openapi": "3.0.0",\n  "info": {"title": "Ä😀"}\n}\n'
    if kind == "yaml":
        text = "openapi: 3.0.0\ninfo:\n  title: Ä😀\n"
        if encoding in ("utf-16-le", "utf-16-be"):
            pytest.skip("YAML in UTF-16 begins with its mark")
    assert load(text.replace("\n", newline).encode(encoding)).title == "Ä😀"


def test_json_with_tabs_and_what_python_writes() -> None:
    """Tabs between tokens; NaN and infinities, which Python writes and JSON does not know, are null."""
    found = load(b'{\n\t"openapi": "3.0.0",\n\t"x-a": [NaN, Infinity, -Infinity, 1],\n\t"paths": {}\n}')
    assert found.document["x-a"] == [None, None, None, 1]
    assert load(b"{openapi: 3.0.0, info: {title: flow}}").title == "flow"


def test_keys_that_are_no_strings() -> None:
    """Numbers, dates, truth values and null as names; anchors and merge keys."""
    text = """
openapi: 3.0.0
x-names: {2024-01-31: a, 1.5: b, true: c, null: d, 200: e}
x-base: &base {summary: s, tags: [t]}
paths:
  /a:
    get:
      <<: *base
      responses: {200: {description: ok}}
"""
    spec = load(text)
    assert set(spec.document["x-names"]) == {"2024-01-31", "1.5", "true", "null", "200"}
    op = spec.operation("get_a")
    assert (op.summary, op.tags, list(op.responses), op.warnings) == ("s", ("t",), ["200"], ())


def test_a_mapping_with_keys_that_are_no_strings() -> None:
    """Values that JSON does not have are read as far as possible."""
    import datetime

    spec = load(
        {
            "openapi": "3.0.0",
            5: 1,
            "paths": {"/a": {"get": {"responses": {200: {}}}}, 7: {}},
            "x": {datetime.date.min: {1}},
        }
    )
    assert list(spec.operation("get_a").responses) == ["200"]


@pytest.mark.parametrize("padding", ["", "x" * 20_000], ids=["small", "kept"])
def test_a_duplicate_key_is_a_warning(padding: str, tmp_path: Path) -> None:
    """The warning has its line, every time the document is read; a merged key may be repeated."""
    text = f"openapi: 3.0.0\nx-p: '{padding}'\npaths:\n  /a: {{get: {{}}}}\n  /a: {{put: {{}}}}\n"
    text += "x: &x {a: 1}\ny: {<<: *x, a: 2}\n"
    for _ in range(2):
        spec = load(text)
        assert [op.id for op in spec] == ["put_a"]
        assert spec.warnings == ("'/a' occurs twice in one mapping, again in line 5; the last one is used.",)
        assert (spec.extensions, spec.document["y"]) == (Extensions(), {"a": 2})


POSTMAN = {
    "info": {"_postman_id": "x", "schema": "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"}
}


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("<!DOCTYPE html>\n<html><title>Sign in</title></html>", "a web page"), ("<html></html>", "a web page"),
        (b"\xef\xbb\xbf\n <!-- c -->\n<!doctype HTML>", "a web page"), ("<?xml version='1.0'?>\n<definitions/>", "XML"),
        (POSTMAN, "a Postman collection"), (json.dumps(POSTMAN), "a Postman collection"),
        ({"collection": POSTMAN["info"]}, "a Postman collection"),
        ({"$schema": "https://json-schema.org/draft/2020-12/schema"}, "a JSON Schema"),
        ({"type": "object", "properties": {}}, "a JSON Schema"), ({"asyncapi": "3.0.0"}, "AsyncAPI"),
        ({"arazzo": "1.0.0"}, "Arazzo"), ({"overlay": "1.0.0"}, "an overlay"), ({"swaggerVersion": "1.2"}, "Swagger 1"),
        ({"log": {"entries": []}}, "HAR"), ({"_type": "export", "resources": []}, "Insomnia"),
        ({"data": {"__schema": {}}}, "GraphQL"),
        ("type Query {\n a: Int\n}\n", "GraphQL"), ("#%RAML 1.0\ntitle: x\n", "RAML"),
        ({"kind": "discovery#restDescription"}, "Google"), (b"PK\x03\x04abc", "compressed"), (b"%PDF-1.4\n", "PDF"),
        ({}, "no `openapi` field"), ({"openapi": None}, "no `openapi` field"), ({"openapi": {}}, "no `openapi` field"),
        ("FORMAT: 1A\n# API\n", "Blueprint"),
    ],
    ids=lambda value: str(value)[:30],
)  # fmt: skip
def test_another_format_is_named(source: Any, words: str) -> None:
    """One sentence names the format, another says what to do."""
    with pytest.raises(DocumentInvalid, match=words) as caught:
        load(source)
    assert caught.value.what.endswith(".")
    assert caught.value.todo.endswith(".")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{\n "openapi": "3.0.0",\n "paths": {},,\n}', "line 3, column 14"),
        ('{"openapi": "3.0.0"' + " " * 2_000_000, "line 1, column"),
        ("openapi: 3.0.0\npaths:\n  /a: [\n", "line 4"),
        ("openapi: 3.0.0\npaths:\n\t/a: {}\n", "line 3, column 1"),
        ('{\n "openapi": "3.0.0",\n "x": {"paths": 1},\n "paths": []\n}', r"#/paths, line 4"),
        ("openapi: 3.0.0\nx: [1, {paths: 2}]\n? [a]\n: b\npaths: text\n", r"line"),
        ("openapi: 3.0.0\ninfo: {paths: {}}\npaths: text\n", r"#/paths, line 3"),
        ("swagger: '2.0'\npaths: 5\n", r"#/paths, line 2"),
        (b"openapi: 3.0.0\ninfo: {title: \xe4}\n", "not UTF-8, line 2"),
        (b'{"openapi": "3.0.0",\n"info": {"title": "\xe4"}}', "not UTF-8, line 2"),
        ('{"x": ' + "9" * 5000 + "}", "number"),
    ],
    ids=range(11),
)  # fmt: skip
def test_a_syntax_error_has_its_place(text: Any, words: str) -> None:
    """Line and column where it cannot be read, pointer and line where it cannot be used."""
    with pytest.raises(DocumentInvalid, match=words):
        load(text)


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="this machine has no file without an end")
def test_an_endless_file_is_rejected() -> None:
    """No more is read than a document may have."""
    with pytest.raises(DocumentInvalid, match="the limit is"):
        load("/dev/zero")
