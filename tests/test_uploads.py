"""Files in requests: which fields are files, Python's files as values, and how their content is written."""

from __future__ import annotations

import base64
import email
import io
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ipywidgets
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.form_driver import make_form, walk

import astro_nb as anb
from astro_nb.call import Call, Upload
from astro_nb.codegen import SNIPPETS
from astro_nb.contract import check_request_fully
from astro_nb.environments import Environment, Resolver, Variables
from astro_nb.errors import UsageError
from astro_nb.forms import Form
from astro_nb.messages import Request, header
from astro_nb.openapi import Operation, Spec
from astro_nb.schema import Field, body_field
from astro_nb.serialization import build_request
from astro_nb.session.secrets import extract_secrets_from

OCTETS = {"type": "string", "contentMediaType": "application/octet-stream"}
NULL = {"type": "null"}


def operation(schema: Any, media: str = "multipart/form-data", version: str = "3.1.0", **more: Any) -> Operation:
    """An operation with a body of that schema and media type; the component `F` is a file."""
    raw = {"operationId": "x", "requestBody": {"content": {media: {"schema": schema, **more}}}, "responses": {}}
    components = {"schemas": {"F": {"type": "string", "contentMediaType": "application/pdf"}}}
    document = {"openapi": version, "info": {"title": "T", "version": "1"}, "components": components}
    return next(iter(Spec({**document, "paths": {"/x": {"post": raw}}})))


def form(encoding: Any = None, version: str = "3.1.0", /, **properties: Any) -> Operation:
    """An operation with a multipart body of these properties."""
    more = {"encoding": encoding} if encoding else {}
    return operation({"type": "object", "properties": properties}, version=version, **more)


def sent(op: Operation, body: Any) -> Request:
    """The request of a body, as the session builds it."""
    call = extract_secrets_from(op, Call("x", {}, body), Variables())
    return build_request(op, call, Resolver(Variables(), Environment("e", base_url="https://h"), mode="revealed"))


def parts(request: Request) -> list[tuple[str, str | None, bytes]]:
    """The name, the file name and the decoded content of each part of a request."""
    head = f"Content-Type: {header(request.headers, 'content-type')}\r\n\r\n".encode()
    message = email.message_from_bytes(head + request.body)
    return [
        (str(p.get_param("name", header="content-disposition")), p.get_filename(), p.get_payload(decode=True))  # type: ignore[misc, union-attr]  # parts are messages
        for p in message.get_payload()
    ]


def kind_of(op: Operation, name: str) -> str:
    field: Field | None = body_field(op)
    assert field is not None
    member = field.child(name)
    assert member is not None
    return f"{member.item.kind}s" if member.kind == "array" and member.item else member.kind


@pytest.mark.parametrize(
    ("schema", "encoding", "kind"),
    [
        (OCTETS, {}, "file"),
        ({"type": "string", "contentMediaType": "image/png; charset=binary"}, {}, "file"),
        ({"contentMediaType": "IMAGE/PNG"}, {}, "file"),
        ({"type": "string", "contentEncoding": "base64"}, {}, "file"),
        ({"type": "string", "format": "binary"}, {}, "file"),
        ({"$ref": "#/components/schemas/F"}, {}, "file"),
        ({"allOf": [{"$ref": "#/components/schemas/F"}], "description": "The file."}, {}, "file"),
        ({"anyOf": [OCTETS, NULL]}, {}, "file"),
        ({"type": ["string", "null"], "contentMediaType": "application/zip"}, {}, "file"),
        ({"anyOf": [OCTETS, {"type": "string"}]}, {}, "file"),
        ({"type": "array", "items": OCTETS}, {}, "files"),
        ({"anyOf": [{"type": "array", "items": OCTETS}, NULL]}, {}, "files"),
        ({"type": "array", "items": {"$ref": "#/components/schemas/F"}}, {}, "files"),
        ({}, {"contentType": "image/png"}, "file"),
        ({"type": "string"}, {"contentType": "image/png, image/jpeg"}, "file"),
        ({"type": "array", "items": {}}, {"contentType": "application/x-tar"}, "files"),
        ({"type": "string"}, {"contentType": "text/plain"}, "text"),
        ({"type": "string"}, {"contentType": "application/json"}, "text"),
        ({"type": "string", "contentMediaType": "text/csv"}, {}, "text"),
        ({"type": "string", "contentMediaType": "application/jwt"}, {}, "text"),
        ({"type": "string"}, {}, "text"),
        ({"type": "integer"}, {"contentType": "image/png"}, "integer"),
        ({"type": "object", "properties": {"a": {}}}, {"contentType": "application/json"}, "object"),
        ({"type": "array", "items": {"type": "string"}}, {}, "texts"),
        ({}, {}, "any"),
    ],
)
def test_which_parts_are_files(schema: Any, encoding: Any, kind: str) -> None:
    op = form({"f": encoding}, f=schema)
    assert kind_of(op, "f") == kind


def test_a_string_in_json_is_no_file() -> None:
    """A token with a media type is typed as text; only forms have files."""
    op = operation({"type": "object", "properties": {"f": OCTETS}}, "application/json")
    assert kind_of(op, "f") == "text"


@pytest.mark.parametrize(("media", "schema"), [("image/png", {}), ("application/zip", {}), ("audio/*", OCTETS)])
def test_a_whole_body_of_a_binary_type_is_a_file(media: str, schema: Any) -> None:
    edited = Form(operation(schema, media)).body
    assert edited is not None
    assert edited.kind == "file"


def test_files_have_file_controls_and_samples_have_file_names() -> None:
    driver = make_form(
        {"type": "object", "properties": {"file": OCTETS, "files": {"type": "array", "items": OCTETS}}},
        media_type="multipart/form-data",
    )
    driver.open_all()
    controls = [w for w in walk(driver.view.widget) if isinstance(w, ipywidgets.FileUpload)]
    assert [control.multiple for control in controls] == [False, True]
    files = {"type": "array", "items": OCTETS}
    op = operation({"type": "object", "properties": {"file": OCTETS, "files": files}, "required": ["file", "files"]})
    filled = Form(op)
    filled.fill(full=True)
    request = sent(op, filled.to_call().body)
    assert [(name, bool(file)) for name, file, _ in parts(request)] == [("file", True), ("files", True)]
    assert check_request_fully(op, request) == ()


def _spooled(content: bytes) -> Any:
    file = tempfile.SpooledTemporaryFile()  # noqa: SIM115  # the test gives it open
    file.write(content)
    file.seek(0)
    return file


class _OnlyReads:
    """A file that offers nothing but `read`."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def read(self) -> bytes:
        return self._content


GIVEN: dict[str, Callable[[Path, bytes], Any]] = {
    "path": lambda path, content: path,
    "open file": lambda path, content: path.open("rb"),
    "unbuffered": lambda path, content: path.open("rb", buffering=0),
    "BytesIO": lambda path, content: io.BytesIO(content),
    "spooled": lambda path, content: _spooled(content),
    "reader": lambda path, content: _OnlyReads(content),
    "bytes": lambda path, content: content,
    "bytearray": lambda path, content: bytearray(content),
    "upload": lambda path, content: Upload("n.bin", content),
    "name and bytes": lambda path, content: ("n.bin", content),
    "name, bytes and type": lambda path, content: ("n.bin", content, "application/x-n"),
    "name and file": lambda path, content: ("n.bin", path.open("rb"), None),
    "name and path": lambda path, content: ("n.bin", path),
}


@settings(deadline=None, max_examples=25)
@given(st.binary(max_size=60), st.sampled_from(sorted(GIVEN)), st.sampled_from(sorted(GIVEN)))
def test_whatever_file_is_given_its_bytes_arrive_with_a_name(content: bytes, one: str, other: str) -> None:
    op = form(f=OCTETS, g={"type": "array", "items": {"type": "string", "format": "binary"}})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a ü.bin"
        path.write_bytes(content)
        given = [GIVEN[name](path, content) for name in (one, other, one)]
        request = sent(op, {"f": given[0], "g": given[1:]})
    found = parts(request)
    assert [(name, data) for name, _, data in found] == [("f", content), ("g", content), ("g", content)]
    assert all(file for _, file, _ in found)
    assert check_request_fully(op, request) == ()


def test_a_file_for_a_list_of_files_is_a_list_of_one(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"1")
    op = form(g={"type": "array", "items": OCTETS})
    for value in (path, ("a.txt", b"1"), [path], (path,)):
        assert parts(sent(op, {"g": value})) == [("g", "a.txt", b"1")]
    assert len(parts(sent(op, {"g": (path, path)}))) == 2


def test_a_file_is_read_from_its_position_and_stays_there() -> None:
    op = form(f=OCTETS)
    file = io.BytesIO(b"head and tail")
    file.seek(9)
    assert [parts(sent(op, {"f": file}))[0][2] for _ in range(2)] == [b"tail", b"tail"]


def _closed(path: Path) -> Any:
    with path.open("rb") as file:
        return file


def _at_end(path: Path) -> Any:
    file = io.BytesIO(b"all")
    file.read()
    return file


class _ReadsNothing:
    def read(self) -> None:
        return None


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: path.open(), "text mode"),
        (lambda path: io.StringIO("text"), "text mode"),
        (_closed, "closed"),
        (_at_end, "read to its end"),
        (lambda path: path.open("ab"), "cannot be read"),
        (lambda path: path.parent, "cannot be read"),
        (lambda path: path / "none", "cannot be read"),
        (lambda path: path.with_name("none"), "No such file"),
        (lambda path: Path("a\0b"), "cannot be read"),
        (lambda path: _ReadsNothing(), "no bytes to read"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, make: Callable[[Path], Any], message: str) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"x")
    op = form(f=OCTETS)
    with pytest.raises(UsageError, match=message) as caught:
        sent(op, {"f": make(path)})
    assert "body.f" in str(caught.value)
    assert "nothing was sent" in str(caught.value)


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"name": "PATH"}, "body.name"),
        ({"count": "PATH"}, "body.count"),
        ({"names": ["a", "PATH"]}, "body.names.1"),
        ({"inner": {"deep": "PATH"}}, "body.inner.deep"),
    ],
)
def test_a_file_where_there_is_no_file_is_refused(tmp_path: Path, body: Any, place: str) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"x")

    def with_path(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: with_path(inner) for name, inner in value.items()}
        return [with_path(inner) for inner in value] if isinstance(value, list) else path if value == "PATH" else value

    text = {"type": "string"}
    op = form(
        name=text, count={"type": "integer"}, names={"type": "array", "items": text},
        inner={"type": "object", "properties": {"deep": text}},
    )  # fmt: skip
    with pytest.raises(UsageError, match="nothing was sent") as caught:
        sent(op, with_path(body))
    assert place in str(caught.value)


def test_a_file_as_a_parameter_is_refused() -> None:
    op = form(f=OCTETS)
    with pytest.raises(UsageError, match="q is given a file"):
        extract_secrets_from(op, Call("x", {"q": io.BytesIO(b"x")}), Variables())


ENCODERS = {"base64": base64.b64encode, "base64url": base64.urlsafe_b64encode, "base16": base64.b16encode}


@settings(deadline=None, max_examples=30)
@given(st.binary(max_size=40), st.sampled_from(sorted(ENCODERS)))
def test_content_encoding_makes_text_of_a_file(content: bytes, name: str) -> None:
    """In a part, in JSON, in a form of text, and as the whole body."""
    schema, text = {"type": "string", "contentEncoding": name}, ENCODERS[name](content)
    members = {"type": "object", "properties": {"f": schema}}
    assert text in sent(operation(members), {"f": content}).body
    json = operation(members, "application/json")
    assert sent(json, {"f": io.BytesIO(content)}).body == b'{"f":"%s"}' % text
    assert check_request_fully(json, sent(json, {"f": content})) == ()
    assert sent(operation(schema, "image/png"), content).body == text
    assert sent(operation(schema, "image/png"), text.decode()).body == text
    if name == "base64":
        assert parts(sent(operation(members), {"f": content}))[0][2] == content  # readers of the header decode it


def test_format_byte_is_base64_too() -> None:
    op = operation({"type": "object", "properties": {"f": {"type": "string", "format": "byte"}}}, "application/json")
    assert sent(op, {"f": b"hi"}).body == b'{"f":"aGk="}'


@pytest.mark.parametrize("media", ["application/json", "application/x-www-form-urlencoded"])
def test_a_file_in_a_body_without_files_is_refused(media: str) -> None:
    op = operation({"type": "object", "properties": {"f": {"type": "string", "format": "binary"}}}, media)
    with pytest.raises(UsageError, match=r"body\.f is a file"):
        sent(op, {"f": Upload("a", b"x")})


def test_files_are_kept_in_the_history(tmp_path: Path) -> None:
    """Also a path as the whole body."""
    path = tmp_path / "a.png"
    path.write_bytes(b"\xff")
    upload = Upload("a.png", b"\xff", "image/png")
    image = {"type": "string", "contentMediaType": "image/png"}
    for op, body, kept in ((form(f=image), {"f": path}, {"f": upload}), (operation({}, "image/png"), path, upload)):
        api = anb.connect(spec=op.spec.document, base_url="sandbox", history=tmp_path / body.__class__.__name__)
        exchange = api.call("x", body=body)
        assert b"\xff" in exchange.request.body
        assert [entry.call.body for entry in api.history] == [kept]
        api.close()


@pytest.mark.parametrize("kind", ["Python (httpx)", "curl"])
@pytest.mark.parametrize("media", ["multipart/form-data", "image/png"])
def test_no_snippet_sends_the_bytes_of_a_file_that_is_sent_in_base64(kind: str, media: str) -> None:
    """A snippet names the file, so that it could send only its bytes."""
    schema = {"type": "string", "contentEncoding": "base64"}
    is_form = media.startswith("multipart")
    op = operation({"type": "object", "properties": {"f": schema}} if is_form else schema, media)
    upload = Upload("a.png", b"x", "image/png")
    call = Call("x", {}, {"f": upload} if is_form else upload)
    with pytest.raises(UsageError, match="contentEncoding"):
        SNIPPETS[kind](op, call, sent(op, call.body))
    assert "Upload(" in SNIPPETS["Python (astro_nb)"](op, call, sent(op, call.body))


def test_files_in_a_table_arrive_as_they_do_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"\xff")
    image = {"type": "string", "contentMediaType": "image/png"}
    api = anb.connect(spec=form(f=image).spec.document, base_url="sandbox", history=tmp_path / "history")
    files = [path, ("a.png", b"\xff"), ("a.png", b"\xff", "image/png"), Upload("a.png", b"\xff", "image/png")]
    for file in files:
        api.call("x", f=file)
    api.bulk("x", [{"f": file} for file in files]).run()
    assert [entry.call.body for entry in api.history] == [{"f": files[-1]}] * 8
    api.close()


def test_a_form_takes_an_open_file() -> None:
    op = form(f=OCTETS)
    filled = Form(op)
    filled.set(("body", "f"), io.BytesIO(b"x"))
    assert parts(sent(op, filled.to_call().body)) == [("f", "f", b"x")]
