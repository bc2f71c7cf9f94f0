"""References to other files: those in the document's folder or on its host are read, no others."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import orjson
import pytest

from astro_nb.contract import check_request_body
from astro_nb.errors import DanglingReference, DocumentNotFound
from astro_nb.openapi import Extensions, Operation, Spec, load, references
from astro_nb.schema import body_field

TEXT = {"type": "string"}
FEWER = "The document refers to more than 3 files."


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache of the test's own."""
    monkeypatch.setenv("ASTRO_NB_CACHE", str(tmp_path_factory.mktemp("cache")))


def doc(*refs: str, **more: Any) -> dict[str, Any]:
    """Return a document with an operation for each reference, which is the schema of its parameter."""
    paths = {
        f"/{n}": {"get": {"parameters": [{"in": "query", "name": "q", "schema": {"$ref": ref}}]}}
        for n, ref in enumerate(refs)
    }
    return {"openapi": "3.1.0", "info": {}, "paths": {**paths, "/ok": {"get": {}}}, **more}


def written(folder: Path, files: dict[str, Any]) -> Path:
    """A folder of files; the path of the document among them."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else orjson.dumps(content))
    return folder / "api.json"


def schema(spec: Spec, operation: str = "get_0") -> Any:
    """Return the resolved schema of the operation's parameter."""
    return spec.resolve(spec.operation(operation).parameters[0].schema)


# --- beside a file ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "ref",
    [
        "./schemas/pet.yaml", "schemas/pet.yaml", "schemas/./pet.yaml#", "schemas/pet.json#/Pet", "common.yaml#/a~1b/x",
        "sp%20ace.yaml#/P%20et", "schemas/../schemas/pet.yaml", "chain.yaml#/start", "api.json#/x-own", "#/x-own",
        "deep.yaml#/via/x",
    ],
)  # fmt: skip
def test_a_reference_to_a_file(tmp_path: Path, ref: str) -> None:
    """YAML and JSON, whole and in part, with blanks, from file to file, and back into the document itself."""
    path = written(tmp_path, {
        "api.json": doc(ref, **{"x-own": TEXT}), "schemas/pet.yaml": "type: string\n",
        "schemas/pet.json": {"Pet": TEXT}, "common.yaml": "a/b: {x: {type: string}}\n",
        "sp ace.yaml": "P et: {type: string}\n", "chain.yaml": "start: {$ref: 'schemas/link.yaml#/on'}\n",
        "schemas/link.yaml": "on: {$ref: ../common.yaml#/a~1b/x}\n",
        "deep.yaml": "via: {$ref: '#/to'}\nto: {x: {type: string}}\n",
    })  # fmt: skip
    spec = load(path)
    assert schema(spec) == TEXT
    assert spec.operation("get_0").warnings == ()
    assert (spec.extensions, spec.warnings) == (Extensions(), ())


def test_all_references_are_pointers_afterwards(tmp_path: Path) -> None:
    """Whoever reads the document needs to know of no file; names of files need no escaping."""
    path = written(tmp_path, {
        "api.json": doc("a b/ü.yaml", "a_b/_.yaml"),
        "a b/ü.yaml": "properties: {x: {$ref: '#'}, y: {$ref: 'z.yaml#/q'}}\n", "a_b/_.yaml": TEXT,
        "a b/z.yaml": "q: {discriminator: {propertyName: p, mapping: {d: z.yaml#/q, e: '#/q', f: Dog}}}\n",
    })  # fmt: skip
    spec = load(path)
    left = orjson.dumps(spec.document).decode().split('"$ref":"')[1:]
    assert all(ref.startswith("#/x-astro-nb-files/") for ref in left)
    assert not any(c in ref.partition('"')[0] for ref in left for c in "% ")
    mapping = spec.resolve(schema(spec)["properties"]["y"])["discriminator"]["mapping"]
    assert mapping["d"] == mapping["e"] == "#/x-astro-nb-files/a_b:z.yaml/q"
    assert mapping["f"] == "Dog"
    assert schema(spec, "get_1") == TEXT


def test_a_path_item_and_its_parts_in_files(tmp_path: Path) -> None:
    """A path, its parameters, bodies and responses may each be in a file of their own."""
    path = written(tmp_path, {
        "api.json": {"openapi": "3.0.0", "paths": {"/pets/{id}": {"$ref": "paths/pet.yaml"}}},
        "paths/pet.yaml": "parameters: [{$ref: ../parts.yaml#/id}]\n"
        "get: {operationId: get, responses: {'200': {$ref: ../parts.yaml#/ok}}}\n"
        "post: {operationId: add, requestBody: {$ref: ../parts.yaml#/body}}\n",
        "parts.yaml": "id: {in: path, name: id, schema: {$ref: '#/text'}}\ntext: {type: string}\n"
        "ok: {content: {application/json: {schema: {$ref: '#/text'}}}}\nbody: {content: {text/plain: {}}}\n",
    })  # fmt: skip
    spec = load(path)
    assert [op.id for op in spec] == ["get", "add"]
    assert spec.resolve(spec.operation("get").parameters[0].schema) == TEXT
    assert spec.resolve(spec.operation("get").responses["200"].schema()) == TEXT
    assert spec.operation("add").body is not None


def test_files_in_a_circle(tmp_path: Path) -> None:
    """Files that refer to one another are each read once."""
    path = written(tmp_path, {
        "api.json": doc("a.yaml"), "a.yaml": "properties: {b: {$ref: b.yaml}}\n",
        "b.yaml": "properties: {a: {$ref: a.yaml}, api: {$ref: api.json}}\n",
    })  # fmt: skip
    spec = load(path)
    assert set(spec.document["x-astro-nb-files"]) == {"a.yaml", "b.yaml"}
    b = spec.resolve(schema(spec)["properties"]["b"])
    assert spec.resolve(b["properties"]["a"]) == schema(spec)
    assert b["properties"]["api"] == {"$ref": "#"}


@pytest.mark.parametrize(
    ("ref", "words"),
    [
        ("no.yaml", "no file no.yaml"), ("../secret.yaml#/A", "outside"), ("/etc/hostname", "outside"),
        ("sub/../../secret.yaml", "outside"), ("link.yaml", "outside"), ("file:///etc/hostname", "not fetched"),
        ("http://h/x.yaml", "not fetched"), ("//h/x.yaml", "not fetched"), ("sub", "no file"), ("broken.yaml", "YAML"),
        ("fifo", "no file"), ("a\0b", "cannot be read"), ("%00", "cannot be read"), ("%2e%2e/secret.yaml", "outside"),
        ("list.yaml", "nowhere"), ("list.yaml#/7", "nowhere"), ("good.yaml#/no", "nowhere"), ("x" * 5000, "cannot"),
        ("good.yaml#name", "nowhere"), ("%23/x-own", "%23/x-own points nowhere"),
    ],
    ids=lambda value: value[:20],
)  # fmt: skip
def test_an_unreadable_file_disables_only_its_operation(tmp_path: Path, ref: str, words: str) -> None:
    """A missing, forbidden or unreadable file: a warning where it is used; the rest of the document is unchanged."""
    folder = tmp_path / "docs"
    path = written(
        folder, {"api.json": {}, "sub/x": "", "broken.yaml": "a: [", "list.yaml": "[]", "good.yaml": "a: {}"}
    )
    (tmp_path / "secret.yaml").write_text("A: {type: string}\n")
    (folder / "link.yaml").symlink_to(tmp_path / "secret.yaml")
    os.mkfifo(folder / "fifo")
    ref_is_bytes = orjson.dumps(doc("PLACE", "good.yaml#/a")).replace(b'"PLACE"', orjson.dumps(ref))
    path.write_bytes(ref_is_bytes)
    spec = load(path)
    assert (schema(spec, "get_1"), spec.operation("get_ok").warnings, spec.warnings) == ({}, (), ())
    with pytest.raises(DanglingReference, match=words):
        schema(spec)
    assert "string" not in str(spec.document)


def test_a_path_item_that_is_not_there_costs_its_path(tmp_path: Path) -> None:
    """It is a warning of the document, since no operation was found."""
    path = written(
        tmp_path, {"api.json": {"openapi": "3.0.0", "paths": {"/a": {"$ref": "no.yaml"}, "/b": {"get": {}}}}}
    )
    spec = load(path)
    assert [op.id for op in spec] == ["get_b"]
    assert "no file no.yaml" in spec.warnings[0]


def test_a_text_has_no_folder() -> None:
    """For a document given as text, a mapping or an open file, no other file is read."""
    for source in (doc("README.md"), orjson.dumps(doc("README.md")), orjson.dumps(doc("README.md")).decode()):
        with pytest.raises(DanglingReference, match="points outside the document"):
            schema(load(source))


def test_examples_are_not_followed(tmp_path: Path) -> None:
    """A `$ref` inside an example is a value; a property that is called so is a schema."""
    held = {"schema": {"properties": {"example": {"$ref": "a.yaml"}}, "example": {"$ref": "a.yaml"}}}
    raw = doc("a.yaml", **{"x-held": held})
    spec = load(written(tmp_path, {"api.json": raw, "a.yaml": TEXT}))
    kept = spec.document["x-held"]["schema"]
    assert kept["example"] == {"$ref": "a.yaml"}
    assert spec.resolve(kept["properties"]["example"]) == TEXT


def test_the_mapping_given_is_left_as_it_is() -> None:
    """References are rewritten in a copy."""
    given = doc("#pet", components={"schemas": {"Pet": {"$anchor": "pet", **TEXT}}})
    before = orjson.dumps(given)
    assert schema(load(given))["type"] == "string"
    assert orjson.dumps(given) == before


def test_a_document_without_references_to_files_is_not_walked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Most large documents have none, which a search in the bytes finds out."""
    monkeypatch.delattr(references, "_Bundler")
    assert schema(load(orjson.dumps(doc("#/x-a", **{"x-a": TEXT})))) == TEXT


def test_how_many_files_there_may_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Number and size are limited; the first files are kept."""
    files = {f"{n}.yaml": "type: string\n" for n in range(5)}
    path = written(tmp_path, {"api.json": doc(*files), **files})
    monkeypatch.setattr(references.FolderResolver, "max_files", 3)
    assert [_warnings_without_place(op) for op in load(path)][:4] == [
        [],
        [],
        [],
        ["The reference 3.yaml points nowhere: " + FEWER],
    ]
    monkeypatch.undo()
    monkeypatch.setattr(references, "MAX_BYTES", 30)
    assert ["MB" in "".join(_warnings_without_place(op)) for op in load(path)][:5] == [False, False, True, True, True]


# --- beside an address ------------------------------------------------------------------------------------------------


class Server:
    """A host: the files that it serves, and the URLs that were requested."""

    def __init__(self, **files: Any) -> None:
        self.files = files
        self.requested: list[str] = []

    def fetch(self, url: str, /, *, same_host: bool = False) -> bytes:
        """The bytes at a path of this host."""
        assert same_host == bool(self.requested)  # the files stay at the document's host, wherever that is
        self.requested.append(url)
        found = self.files.get(url.partition("://h/")[2].replace("/", "_").replace(".", "_"))
        if found is None:
            raise DocumentNotFound(f"There is no document at {url}.", "Check it.")
        return orjson.dumps(found)


def at(server: Server, url: str = "https://h/docs/api.json") -> Operation:
    """The first operation of the document at an address."""
    return load(url, fetch=server.fetch).operation("get_0")


@pytest.mark.parametrize(
    "ref", ["pet.json", "../docs/pet.json", "/docs/pet.json", "https://h/docs/pet.json", "//h/docs/pet.json"]
)
def test_files_of_the_same_host_are_fetched(ref: str) -> None:
    """Relative to the document or in full, each once."""
    server = Server(docs_api_json=doc(ref, ref), docs_pet_json=TEXT)
    op = at(server)
    assert op.spec.resolve(op.parameters[0].schema) == TEXT
    assert server.requested == ["https://h/docs/api.json", "https://h/docs/pet.json"]


@pytest.mark.parametrize(
    "ref",
    ["http://h/docs/pet.json", "https://g/pet.json", "https://h:8443/pet.json", "//g/pet.json", "file:///etc/hostname",
     "https://h@g/pet.json", "https://h.g/pet.json", "ftp://h/x", "https://[x", "data:,{}"],
)  # fmt: skip
def test_no_other_host_is_asked(ref: str) -> None:
    """Another host, scheme or port is not fetched: the operation has a warning."""
    server = Server(docs_api_json=doc(ref))
    op = at(server)
    with pytest.raises(DanglingReference, match="another host"):
        op.spec.resolve(op.parameters[0].schema)
    assert server.requested == ["https://h/docs/api.json"]


def test_a_fetched_file_leads_to_no_other_host_either() -> None:
    """What a file refers to is held to the same rule."""
    server = Server(docs_api_json=doc("a.json"), docs_a_json={"$ref": "https://g/b.json"})
    op = at(server)
    with pytest.raises(DanglingReference, match="another host"):
        op.spec.resolve(op.parameters[0].schema)
    assert server.requested == ["https://h/docs/api.json", "https://h/docs/a.json"]


def test_a_host_that_has_no_such_file() -> None:
    """It disables the operation, and the request is not repeated."""
    server = Server(docs_api_json=doc("no.json", "no.json"))
    assert any("no document at https://h/docs/no.json" in w for w in _warnings_without_place(at(server)))
    assert len(server.requested) == 2


def test_how_many_files_are_fetched() -> None:
    """A chain without end is cut off."""
    asked: list[str] = []

    def fetch(url: str, /, *, same_host: bool = False) -> bytes:
        asked.append(url)
        return orjson.dumps(doc("1.json") if "api" in url else {"$ref": f"{len(asked)}.json"})

    op = load("https://h/api.json", fetch=fetch).operation("get_0")
    assert len(asked) == references.MAX_FETCHED_FILES + 1
    with pytest.raises(DanglingReference):
        op.spec.resolve(op.parameters[0].schema)


def _warnings_without_place(op: Operation) -> list[str]:
    try:
        _ = op.parameters and op.spec.resolve(op.parameters[0].schema)
    except DanglingReference as error:
        return [error.what]
    return []


# --- anchors, ids and the document's own address ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "ref",
    [
        "#pet", "https://s/pet", "https://s/pet#/x", "pet", "urn:pets:1", "https://h/self.json#/x-own",
        "https://s/dir/toy",
    ],
)  # fmt: skip
def test_anchors_and_ids(ref: str) -> None:
    """`$anchor`, `$id` in full and as written, relative ids within others, and `$self`."""
    schemas = {
        "A": {"$anchor": "pet", **TEXT}, "B": {"$id": "https://s/pet", "x": TEXT, **TEXT}, "C": {"$id": "pet", **TEXT},
        "D": {"$id": "urn:pets:1", **TEXT}, "E": {"$id": "https://s/dir/", "properties": {"t": {"$id": "toy", **TEXT}}},
    }  # fmt: skip
    raw = doc(ref, components={"schemas": schemas}, **{"$self": "https://h/self.json", "x-own": TEXT})
    assert schema(load(raw))["type"] == "string"
    assert load(raw).operation("get_0").warnings == ()


@pytest.mark.parametrize("ref", ["#none", "https://s/none", "https://s/pet#none", "#", ""])
def test_an_anchor_that_is_nowhere(ref: str) -> None:
    """A sentence, as for any reference; the whole document is no schema, and no error either."""
    spec = load(doc(ref, components={"schemas": {"B": {"$id": "https://s/pet"}}}))
    if ref in ("#", ""):
        assert "openapi" in schema(spec)
        return
    with pytest.raises(DanglingReference) as caught:
        schema(spec)
    assert caught.value.todo


def test_a_branch_in_a_file_of_its_own_is_called_by_the_file(tmp_path: Path) -> None:
    """Without a mapping, the discriminator's value is the name of the schema: here the file's, without its ending."""
    cat = "type: object\nproperties: {kind: {type: string}, n: {type: integer}}\nrequired: [kind]\n"
    union = "oneOf: [{$ref: cat.v1.yaml}, {$ref: 'sub/My-Dog.json'}, {$ref: 'more.yaml#/a~1b'}]\n"
    path = written(tmp_path, {
        "api.json": {"openapi": "3.1.0", "paths": {"/a": {"post": {"requestBody": {"content": {"application/json": {
            "schema": {"$ref": "parts/union.yaml"}}}}}}}},
        "parts/union.yaml": f"{union}discriminator: {{propertyName: kind}}\n",
        "parts/cat.v1.yaml": cat, "parts/sub/My-Dog.json": {"type": "object"},
        "parts/more.yaml": "a/b: {type: object}\n",
    })  # fmt: skip
    op = load(path).operation("post_a")
    field = body_field(op)
    assert field is not None
    assert [branch.tag for branch in field.branches] == [("kind", "cat.v1"), ("kind", "My-Dog"), ("kind", "a/b")]
    wrong = check_request_body(op, {"kind": "cat.v1", "n": "x"})
    assert [v.location for v in wrong] == [("n",)]
    assert check_request_body(op, {"kind": "parts:cat.v1.yaml"})


def test_a_reference_into_a_file_is_reported_by_its_path(tmp_path: Path) -> None:
    """Not by the name that it has inside the one document."""
    path = written(tmp_path, {"api.json": doc("sub/a.yaml#/no/x"), "sub/a.yaml": "a: 1\n"})
    spec = load(path)
    with pytest.raises(DanglingReference, match=r"sub/a\.yaml#/no/x points nowhere"):
        spec.resolve(next(iter(spec)).parameters[0].schema)


@pytest.mark.parametrize("where", ["inside", "file"])
def test_the_branch_that_counts_without_a_discriminator(tmp_path: Path, where: str) -> None:
    """`defaultMapping` of OpenAPI 3.2, by name or by file: where the value is missing, and where it is not known."""
    cat = {"type": "object", "properties": {"kind": {"type": "string"}, "n": {"type": "integer"}}}
    dog = {"type": "object", "properties": {"kind": {"type": "string"}, "n": {"type": "string"}}}
    refs = {"inside": ("#/components/schemas/cat", "#/components/schemas/dog"), "file": ("p/cat.json", "p/dog.json")}[
        where
    ]
    about = {"propertyName": "kind", "defaultMapping": "dog" if where == "inside" else refs[1]}
    union = {"oneOf": [{"$ref": ref} for ref in refs], "discriminator": about}
    body = {"requestBody": {"content": {"application/json": {"schema": union}}}}
    schemas = {"components": {"schemas": {"cat": cat, "dog": dog}}} if where == "inside" else {}
    api = {"openapi": "3.2.0", **schemas, "paths": {"/a": {"post": body}}}
    op = load(written(tmp_path, {"api.json": api, "p/cat.json": cat, "p/dog.json": dog})).operation("post_a")
    field = body_field(op)
    assert field is not None
    assert field.default_branch is not None
    assert field.default_branch.label == "dog"
    for value, wrong in (({"n": "x"}, 0), ({"n": 1}, 1), ({"kind": "cow", "n": "x"}, 0), ({"kind": "cow", "n": 1}, 1),
                         ({"kind": "cat", "n": 1}, 0), ({"kind": "cat", "n": "x"}, 1)):  # fmt: skip
        assert len(check_request_body(op, value)) == wrong, value
        branch = field.branch_for(value)
        assert branch is not None
        assert branch.label == value.get("kind", "dog").replace("cow", "dog")
