"""Loading documents from any source; malicious ones are rejected."""

from __future__ import annotations

import contextlib
import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest

from astro_nb.errors import DocumentError, DocumentInvalid, DocumentNotFound
from astro_nb.openapi import load
from astro_nb.openapi.parsing import MAX_BYTES, parse

HEAD = {"openapi": "3.0.3", "info": {"title": "Pets", "version": "1.2"}}


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("ASTRO_NB_CACHE", str(folder))
    return folder


def doc(paths: Any = None, **more: Any) -> dict[str, Any]:
    """A small document."""
    return {**HEAD, "paths": paths or {}, **more}


CPU_SECONDS = 10  # of a child process, its start included
PATIENCE = 120.0  # seconds, on a busy machine


def in_a_process(code: str) -> str:
    """The output of Python code in a process of its own, with limited CPU time: a document must not crash a kernel."""
    limit = f"import resource; resource.setrlimit(resource.RLIMIT_CPU, ({CPU_SECONDS}, {CPU_SECONDS}))\n"
    imports = "from astro_nb.errors import DocumentInvalid\nfrom astro_nb.openapi.parsing import parse\n"
    command = [sys.executable, "-c", limit + imports + code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, f"the process died: {done.returncode} {done.stderr[-200:]}"
    return done.stdout.strip()


REJECTED = "try: parse({}, 'x')\nexcept DocumentInvalid as error: print('rejected', bool(error.todo))"


# --- where a document lies --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind", ["mapping", "text", "bytes", "yaml", "path", "str", "file", "binary", "url", "bom", "utf-16"]
)
def test_any_source(kind: str, tmp_path: Path) -> None:
    """A mapping, JSON or YAML text, its bytes, a path, an open file, a URL: the same document comes of each."""
    text = orjson.dumps(doc({"/a": {"get": {}}})).decode()
    path = tmp_path / "ключ.json"
    path.write_bytes({"bom": text.encode("utf-8-sig"), "utf-16": text.encode("utf-16")}.get(kind, text.encode()))
    source: Any = {
        "mapping": orjson.loads(text), "text": f"  {text}", "bytes": text.encode(), "path": path, "str": str(path),
        "yaml": "openapi: 3.0.3\ninfo: {title: Pets, version: '1.2'}\npaths:\n  /a: {get: {}}\n",
        "file": io.StringIO(text), "binary": io.BytesIO(text.encode()), "url": "https://h/openapi.json", "bom": path,
        "utf-16": path,
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
        ("just\nwords\n", DocumentInvalid, "a string"),
        ("\n", DocumentInvalid, "null"),
        ("<!doctype html>\n<html></html>\n", DocumentInvalid, ""),
        ("openapi: 3.0.0\n---\nopenapi: 3.0.0\n", DocumentInvalid, "another document"),
        ("a: !!python/object/apply:os.system [true]\n", DocumentInvalid, "constructor"),
        ("? [a, b]\n: c\n? {a: b}\n: c\n", DocumentInvalid, ""),
        ({"swagger": "1.2"}, DocumentInvalid, "version 1.2"),
        ({"openapi": "4.0.0"}, DocumentInvalid, "version 4.0.0"),
        ({"openapi": "3.0.3", "paths": []}, DocumentInvalid, "a list"),
        (b"\x89PNG\r\n", DocumentInvalid, ""),
        (5, DocumentInvalid, ""),
        (None, DocumentInvalid, ""),
    ],
    ids=lambda value: repr(value)[:24],
)
def test_a_bad_source_is_an_error(source: Any, error: type[DocumentError], words: str) -> None:
    """No file, no document, another format: each is an error that ends in what to do."""
    with pytest.raises(error, match=words or None) as caught:
        load(source)
    assert caught.value.todo.endswith(".")


def test_too_many_bytes_are_rejected() -> None:
    """A document over the limit is rejected before it is parsed."""
    with pytest.raises(DocumentInvalid, match="limit"):
        parse(b"{" + b" " * MAX_BYTES, "x")


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


def test_every_name_is_a_text() -> None:
    """Numbers, truth values and null as names are written as JSON would; numbers of any size are read."""
    parsed = parse(b"{2: a, true: b, null: c, 1.5: d, 0x10: e, n: 18446744073709551616, m: 18446744073709551615}", "x")
    assert list(parsed) == ["2", "true", "null", "1.5", "16", "n", "m"]
    assert (parsed["n"], parsed["m"]) == (2**64, 2**64 - 1)


@pytest.mark.parametrize(("depth", "read"), [(300, True), (450, True), (600, False), (100_000, False)])
@pytest.mark.parametrize("open_", ["[", "{a: "], ids=["list", "mapping"])
def test_yaml_may_nest_as_deep_as_any_document_does(open_: str, depth: int, read: bool) -> None:
    """Some hundred levels are read; a deeper document is rejected."""
    text = f"a: {open_ * depth}{(']' if open_ == '[' else '}') * depth}\n"
    with contextlib.nullcontext() if read else pytest.raises(DocumentInvalid, match="nested"):
        parse(text.encode(), "x")


@pytest.mark.parametrize("number", [".nan", ".inf"])
def test_what_json_cannot_say_is_no_stray_error(number: str) -> None:
    """NaN, infinity, half a character: read as null or rejected."""
    assert parse(f"a: {number}\n".encode(), "x") == {"a": None}
    with pytest.raises(DocumentInvalid, match="JSON"):
        parse(f"a: {number}\nb: 18446744073709551616\n".encode(), "x")
    with pytest.raises(DocumentInvalid, match="JSON"):
        parse(b'a: "\\ud800"\n', "x")


# --- documents that mean harm -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "lines",
    [
        ["x0: &x0 [a, a]", *(f"x{n + 1}: &x{n + 1} [{', '.join([f'*x{n}'] * 9)}]" for n in range(9))],
        ["x: &x [*x]"],
        ["x: &x {y: {z: [1, *x]}}"],
    ],
    ids=["laughs", "list in itself", "mapping in itself"],
)  # fmt: skip
def test_aliases_are_bounded(lines: list[str]) -> None:
    """A billion laughs, and an alias inside itself, are rejected at once."""
    with pytest.raises(DocumentInvalid, match="aliases"):
        load("\n".join(["openapi: 3.0.0", *lines]))


def test_aliases_of_aliases_do_not_nest_without_end() -> None:
    """A chain of aliases nests deeper than the text: it is rejected, too."""
    lines = ["x0: &x0 [1]", *(f"x{n + 1}: &x{n + 1} [*x{n}]" for n in range(3000))]
    with pytest.raises(DocumentInvalid):
        parse("\n".join(lines).encode(), "x")


def test_harmless_aliases_are_accepted() -> None:
    """Anchors that save typing are read as if written out."""
    text = "openapi: 3.0.0\nx-a: &a {k: 1}\nx-b: [*a, *a]\nx-c: {<<: *a, l: 2}\n"
    document = load(text).document
    assert (document["x-b"], document["x-c"]) == ([{"k": 1}, {"k": 1}], {"k": 1, "l": 2})


def test_merge_keys_are_bounded() -> None:
    """Merge keys unfold as aliases do: nine to the eighth entries are rejected, or merged once each."""
    code = "text = 'x0: &x0 {k: 1}\\n' + ''.join("
    code += "f'x{n + 1}: &x{n + 1} {{<<: [' + ','.join([f'*x{n}'] * 9) + ']}\\n' for n in range(8))\n"
    assert in_a_process(code + REJECTED.format("text.encode()")) in ("rejected True", "")  # "": read, and soon


def test_texts_that_repeat_do_not_fill_the_disk(cache: Path) -> None:
    """A long text used by many aliases is not written out for each of them into the cache."""
    text = f"x: &x {'y' * 110_000}\nl: [{','.join(['*x'] * 700)}]\n"
    with contextlib.suppress(DocumentInvalid):
        parse(text.encode(), "x")
    assert sum(f.stat().st_size for f in cache.rglob("*") if f.is_file()) <= MAX_BYTES


@pytest.mark.parametrize("text", ["b'[' * 200_000", "b'{\"a\":' * 200_000"], ids=["yaml", "json"])
def test_a_deep_document_does_not_end_the_kernel(text: str) -> None:
    """A document of a hundred thousand levels is rejected; the process survives."""
    assert in_a_process(REJECTED.format(text)) == "rejected True"


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


def test_keys_of_a_mapping_are_texts() -> None:
    """`200:` in a Python mapping is the status 200, as it is in YAML; a mapping that contains itself is refused."""
    responses = {200: {"description": "a"}, "4XX": {"description": "b"}, None: {"description": "c"}}
    spec = load({"openapi": "3.1.0", "paths": {"/a": {"get": {"responses": responses}}}})
    assert list(spec.operation("get_a").responses) == ["200", "4XX", "null"]
    circle: dict[str, Any] = {"openapi": "3.1.0", "paths": {}}
    circle["x-self"] = circle
    with pytest.raises(DocumentInvalid, match="contains itself"):
        load(circle)
