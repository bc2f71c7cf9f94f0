"""Files, multipart, XML and sequences, as the document declares them and RFC 7578 requires."""

from __future__ import annotations

import email
import email.policy
from typing import Any
from xml.etree import ElementTree

import httpx
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_serialization_requests import body, built, operation, values

from astro_nb.call import Call, OmittedUpload, Upload
from astro_nb.errors import UsageError
from astro_nb.messages import header
from astro_nb.openapi import Spec
from astro_nb.serialization import build_request

STABLE = settings(deadline=None, max_examples=60)
FORM = "multipart/form-data"


def written(content: Any, media: str = FORM, **described: Any) -> tuple[str, str]:
    """A body as text, and its content type."""
    data, kind = body(content, media, **described)
    return data.decode("latin-1"), kind


def heads(content: Any, media: str = FORM, **described: Any) -> list[list[str]]:
    """The header lines of each part."""
    text, kind = written(content, media, **described)
    pieces = text.split("--" + kind.partition("boundary=")[2])[1:-1]
    return [piece.removeprefix("\r\n").partition("\r\n\r\n")[0].split("\r\n") for piece in pieces]


# --- files ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("upload", "described", "expected"),
    [
        (Upload("a.png", b"x", "image/png"), {}, "image/png"),
        (Upload("a.bin", b"x"), {}, "application/octet-stream"),
        (Upload("a.png", b"x", "image/png"), {"encoding": {"f": {"contentType": "image/*"}}}, "image/png"),
        (Upload("a.png", b"x", "image/png"), {"encoding": {"f": {"contentType": "image/gif, image/png"}}}, "image/png"),
        (Upload("a.png", b"x", "image/png"), {"encoding": {"f": {"contentType": "text/csv"}}}, "text/csv"),
        (Upload("a.bin", b"x"), {"encoding": {"f": {"contentType": "image/*, text/csv"}}}, "text/csv"),
        (Upload("a.bin", b"x"), {"encoding": {"f": {"contentType": "image/*"}}}, "application/octet-stream"),
        (Upload("a", b"x"), {"schema": {"properties": {"f": {"contentMediaType": "image/gif"}}}}, "image/gif"),
        (b"x", {"schema": {"properties": {"f": {"contentMediaType": "image/gif"}}}}, "image/gif"),
        (Upload("a", b"x", "text/csv"), {"encoding": {"f": {"style": "form"}}}, "text/csv"),
    ],
)
def test_a_files_type(upload: Any, described: dict[str, Any], expected: str) -> None:
    """Its own if the document allows it, else the document's: of the Encoding Object, then of the schema (4.8.15.1)."""
    ((_, kind),) = heads({"f": upload}, **described)
    assert kind == f"Content-Type: {expected}"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a b.png", "a b.png"),
        ("Grüße 日本.txt", "Grüße 日本.txt"),
        ('a"b\\c".txt', "c%22.txt"),
        ("a\r\nX-Evil: 1", "a%0D%0AX-Evil: 1"),
        ("../../etc/passwd", "passwd"),
        ("C:\\docs\\a.txt", "a.txt"),
        ("50%22", "50%22"),
    ],
)
def test_a_files_name(name: str, expected: str) -> None:
    """In UTF-8, quotes and line breaks escaped (RFC 7578, 4.2 and 5.1; WHATWG HTML), without folders."""
    ((line, *rest),) = heads({"f": Upload(name, b"x")})
    assert line.encode("latin-1").decode() == f'Content-Disposition: form-data; name="f"; filename="{expected}"'
    assert len(rest) == 1


NAMES = st.text(st.characters(codec="utf-8", min_codepoint=32, exclude_characters='\x7f"%\\/'), min_size=1, max_size=8)


@STABLE
@given(st.dictionaries(NAMES, st.binary(max_size=40) | st.sampled_from([b"--astro_nb-1", b"\r\n--astro_nb-1--\r\n"])))
def test_files_are_read_back(files: dict[str, bytes]) -> None:
    """Any content is sent unchanged, also the boundary itself; httpx sends what is shown."""
    request = built(operation(media=FORM), {name: Upload(f"{name}.bin", data) for name, data in files.items()})
    kind = header(request.headers, "content-type")
    text = request.body.decode("latin-1")
    pieces = text.split("--" + kind.partition("boundary=")[2])[1:-1]
    found = {}
    for piece in pieces:
        head, _, content = piece.partition("\r\n\r\n")
        name = head.encode("latin-1").decode().partition('name="')[2].partition('"')[0]
        found[name] = content.removesuffix("\r\n").encode("latin-1")
    assert found == files


def test_another_library_reads_our_form() -> None:
    """The standard library's parser reads every part back unchanged."""
    data, kind = body({"f": Upload("a.csv", b"1,2\r\n", "text/csv"), "t": "ž", "o": {"a": 1}}, FORM)
    message = email.message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + data, policy=email.policy.HTTP)
    parts = list(message.iter_parts())  # type: ignore[attr-defined]  # an EmailMessage by its policy
    assert [p.get_filename() for p in parts] == ["a.csv", None, None]
    assert [p.get_payload(decode=True) for p in parts] == [b"1,2\r\n", "ž".encode(), b'{"a":1}']


def test_httpx_writes_the_same_form() -> None:
    """Both write the same lines, except for the boundary."""
    ours, kind = body({"f": Upload("a ü.csv", b"1,2", "text/csv"), "t": "ž"}, FORM)
    boundary = kind.partition("boundary=")[2]
    files: Any = [("f", ("a ü.csv", b"1,2", "text/csv")), ("t", (None, "ž".encode()))]
    theirs = httpx.Request(
        "POST", "http://x/", files=files, headers={"Content-Type": f"multipart/form-data; boundary={boundary}"}
    )
    assert theirs.read() == ours


def test_several_files_are_several_parts() -> None:
    """One part each under one name (RFC 7578, 4.3)."""
    found = heads({"f": [Upload("a", b"1", "text/csv"), Upload("b", b"2"), b"3"]})
    assert [line.partition("filename=")[2] for line, _ in found] == ['"a"', '"b"', '"f"']
    assert next(kind for _, kind in found) == "Content-Type: text/csv"


@pytest.mark.parametrize(
    ("media", "upload", "expected"),
    [
        ("application/octet-stream", Upload("a.png", b"\xff", "image/png"), "application/octet-stream"),
        ("image/*", Upload("a.png", b"\xff", "image/png"), "image/png"),
        ("*/*", Upload("a.png", b"\xff", "image/png"), "image/png"),
        ("image/*", Upload("a.csv", b"\xff", "text/csv"), "application/octet-stream"),
        ("image/*", Upload("a", b"\xff"), "application/octet-stream"),
        ("application/json", Upload("a.json", b"\xff"), "application/json"),
        ("text/csv", Upload("a.csv", b"\xff"), "text/csv"),
    ],
)
def test_a_file_as_the_whole_body(media: str, upload: Upload, expected: str) -> None:
    """Its bytes are unchanged; its own media type is used if the document allows several."""
    assert body(upload, media) == (b"\xff", expected)


def test_base64_stays_text() -> None:
    """`format: byte` and `contentEncoding` describe a text: it is not encoded again."""
    for schema in ({"format": "byte"}, {"contentEncoding": "base64", "contentMediaType": "image/png"}):
        text, _ = written({"f": "iVBORw0KGgo="}, schema={"properties": {"f": {"type": "string", **schema}}})
        assert "\r\n\r\niVBORw0KGgo=\r\n" in text


@pytest.mark.parametrize(("name", "found_text"), [("a.bin", "'a.bin' of 2.0 MB"), ("", "The file of 2.0 MB")])
def test_a_file_that_was_not_stored_has_to_be_given_again(name: str, found_text: str) -> None:
    """The history has its name only: nothing is sent instead."""
    cut = OmittedUpload(name, b"", "text/csv", 2_000_000, "00")
    for content, media in ((cut, "application/octet-stream"), ({"f": cut}, FORM)):
        with pytest.raises(UsageError, match=found_text) as raised:
            body(content, media)
        assert "Give the file again" in raised.value.todo


# --- parts ------------------------------------------------------------------------------------------------------------


def test_headers_of_a_part() -> None:
    """Those whose value the document fixes are sent; Content-Type is not among them (3.1.1, 4.8.15)."""
    listed = {
        "X-Const": {"schema": {"const": "a"}},
        "X-One": {"schema": {"enum": [5]}},
        "X-Default": {"schema": {"type": "string", "default": "d"}},
        "X-Open": {"schema": {"type": "string"}},
        "Content-Type": {"schema": {"const": "text/evil"}},
    }
    ((_, *rest),) = heads({"f": Upload("a", b"x", "text/csv")}, encoding={"f": {"headers": listed}})
    assert rest == ["Content-Type: text/csv", "X-Const: a", "X-One: 5", "X-Default: d"]
    with pytest.raises(UsageError, match="X-Evil"):
        body({"f": "x"}, FORM, encoding={"f": {"headers": {"X-Evil": {"schema": {"const": "a\r\nb"}}}}})


def test_a_part_has_one_name() -> None:
    """A Content-Disposition of the document is not added to that of the field (RFC 7578, section 4.2)."""
    described = {"encoding": {"a": {"headers": {"content-Disposition": {"schema": {"const": 'form-data; name="b"'}}}}}}
    (head,) = heads({"a": "x"}, **described)
    assert head == ['Content-Disposition: form-data; name="a"']


def test_the_style_of_a_part() -> None:
    """A style overrides the content type, and nothing is percent-encoded (appendix E.3)."""
    encoding = {"a": {"style": "form", "explode": False}, "d": {"style": "deepObject", "explode": True}}
    text, _ = written({"a": ["x y", "z"], "d": {"k": "ü"}}, encoding=encoding)
    assert 'name="a"\r\n\r\nx y,z\r\n' in text
    assert 'name="d[k]"\r\n\r\nü\r\n' in text.encode("latin-1").decode()


def test_parts_by_place() -> None:
    """OpenAPI 3.2: a list has `prefixEncoding` by position, then `itemEncoding`; its parts have no names."""
    described = {
        "prefixEncoding": [{"contentType": "application/json"}],
        "itemEncoding": {"contentType": "image/*", "headers": {"X-A": {"schema": {"const": "1"}}}},
    }
    found = heads(["t", Upload("a.png", b"x", "image/png"), b"y"], "multipart/mixed", **described)
    assert found == [
        ["Content-Type: application/json"],
        ['Content-Disposition: attachment; filename="a.png"', "Content-Type: image/png", "X-A: 1"],
        ["Content-Type: application/octet-stream", "X-A: 1"],
    ]
    assert written(["t"], "multipart/mixed")[1] == "multipart/mixed; boundary=astro_nb-1"
    with pytest.raises(UsageError, match="Give a dict"):
        body(["t"], FORM)


def test_the_field_of_a_union_describes_the_part() -> None:
    """The branch that the value belongs to."""
    branches = [
        {"type": "object", "required": [kind], "properties": {kind: {"contentMediaType": f"image/{kind}"}}}
        for kind in ("png", "gif")
    ]
    ((_, kind),) = heads({"gif": b"x"}, schema={"oneOf": branches})
    assert kind == "Content-Type: image/gif"


# --- XML --------------------------------------------------------------------------------------------------------------


def xml(content: Any, schema: Any, media: str = "application/xml") -> str:
    """A body of XML without its declaration; the schema is the component `Thing`."""
    body_of = {"content": {media: {"schema": {"$ref": "#/components/schemas/Thing"}}}}
    raw = {"operationId": "x", "requestBody": body_of, "responses": {}}
    document = {"openapi": "3.1.1", "paths": {"/x": {"post": raw}}, "components": {"schemas": {"Thing": schema}}}
    request = build_request(next(iter(Spec(document))), Call("x", {}, content), values())
    assert request.body.startswith(b'<?xml version="1.0" encoding="UTF-8"?>\n')
    ElementTree.fromstring(request.body)  # well-formed  # noqa: S314  # what we wrote a line above
    return request.body.decode().partition("\n")[2]


def prop(**described: Any) -> dict[str, Any]:
    """An object schema with these properties."""
    return {"type": "object", "properties": described}


TEXTS = {"type": "array", "items": {"type": "string"}}


@pytest.mark.parametrize(
    ("content", "schema", "expected"),
    [
        ({"a": 1, "b": True}, prop(a={}, b={}), "<Thing><a>1</a><b>true</b></Thing>"),
        ({"a": 1}, {**prop(a={}), "xml": {"name": "other"}}, "<other><a>1</a></other>"),
        ({"a": 1}, prop(a={"type": "integer", "xml": {"attribute": True}}), '<Thing a="1" />'),
        ({"a": 1}, prop(a={"type": "integer", "xml": {"nodeType": "attribute"}}), '<Thing a="1" />'),
        ({"a": "x"}, prop(a={"type": "string", "xml": {"nodeType": "text"}}), "<Thing>x</Thing>"),
        ({"a": "x"}, prop(a={"type": "string", "xml": {"name": "b"}}), "<Thing><b>x</b></Thing>"),
        (
            {"a": "x"},
            prop(a={"type": "string", "xml": {"namespace": "http://n", "prefix": "p"}}),
            '<Thing><p:a xmlns:p="http://n">x</p:a></Thing>',
        ),
        ({"a": "x"}, {**prop(a={}), "xml": {"namespace": "http://n"}}, '<Thing xmlns="http://n"><a>x</a></Thing>'),
        ({"a": ["x", "y"]}, prop(a=TEXTS), "<Thing><a>x</a><a>y</a></Thing>"),
        ({"a": ["x"]}, prop(a={**TEXTS, "xml": {"wrapped": True}}), "<Thing><a><a>x</a></a></Thing>"),
        (
            {"a": ["x"]},
            prop(a={**TEXTS, "xml": {"wrapped": True, "name": "all"}}),
            "<Thing><all><all>x</all></all></Thing>",
        ),
        (
            {"a": ["x"]},
            prop(a={"type": "array", "items": {"type": "string", "xml": {"name": "i"}}, "xml": {"wrapped": True}}),
            "<Thing><a><i>x</i></a></Thing>",
        ),
        ({"a": {"b": [{"c": 1}]}}, prop(a=prop(b={"type": "array", "items": prop(c={})})), None),
        ({"a": None}, prop(a={"type": ["string", "null"]}), None),
        ({"a": "<&\"'>"}, prop(a={"type": "string"}), "<Thing><a>&lt;&amp;\"'&gt;</a></Thing>"),
        ({"undeclared": "x"}, prop(a={}), "<Thing><undeclared>x</undeclared></Thing>"),
        (
            [1, 2],
            {"type": "array", "items": {"type": "integer", "xml": {"name": "n"}}},
            "<Thing><n>1</n><n>2</n></Thing>",
        ),
    ],
)
def test_xml_by_the_hints_of_the_schema(content: Any, schema: Any, expected: str | None) -> None:
    """OpenAPI 3.1.1, section 4.8.26, and the node types of 3.2."""
    nil = '<Thing><a xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:nil="true" /></Thing>'
    deep = "<Thing><a><b><c>1</c></b></a></Thing>"
    assert xml(content, schema) == (expected or (nil if content == {"a": None} else deep))


def test_xml_as_text_is_sent_as_it_is() -> None:
    """A text is the document itself, whatever the schema says."""
    assert body("<a/>", "application/xml") == (b"<a/>", "application/xml")
    assert body(Upload("a.xml", b"<a/>"), "application/soap+xml")[0] == b"<a/>"


def test_xml_without_a_schema() -> None:
    """The only name is that of the root."""
    assert body({"a": {"b": 1}}, "text/xml")[0].partition(b"\n")[2] == b"<a><b>1</b></a>"
    with pytest.raises(UsageError, match="root"):
        body({"a": 1, "b": 2}, "application/xml")


@pytest.mark.parametrize("content", [{"a b": 1}, {"<": 1}, {"a": "\x00"}, {"1a": 1}, {"a": {"x>": 1}}])
def test_what_xml_cannot_represent_is_reported(content: Any) -> None:
    """Names and characters that XML does not allow are rejected."""
    with pytest.raises(UsageError) as raised:
        xml(content, prop(a={}))
    assert raised.value.todo


WORDS = st.text(st.characters(min_codepoint=32, codec="utf-8", exclude_characters="\x7f\ufffe\uffff"), max_size=10)


@STABLE
@given(st.dictionaries(st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_.-]{0,6}", fullmatch=True), WORDS, max_size=4))
def test_xml_is_read_back(members: dict[str, str]) -> None:
    """Another parser reads the same values."""
    request = built(operation(media="application/xml"), {"root": members})
    root = ElementTree.fromstring(request.body)  # noqa: S314  # what we wrote a line above
    assert {child.tag: child.text or "" for child in root} == members


# --- sequences, forms -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("media", "expected"),
    [
        ("application/jsonl", b'{"a":1}\n"b\\n"\nnull\n'),
        ("application/x-ndjson", b'{"a":1}\n"b\\n"\nnull\n'),
        ("application/json-seq", b'\x1e{"a":1}\n\x1e"b\\n"\n\x1enull\n'),
        ("application/geo+json-seq", b'\x1e{"a":1}\n\x1e"b\\n"\n\x1enull\n'),
    ],
)
def test_sequences(media: str, expected: bytes) -> None:
    """OpenAPI 3.2: one line per entry, or a record of RFC 7464; a text is sent unchanged."""
    assert body([{"a": 1}, "b\n", None], media) == (expected, media)
    lines = body([1, 2], media)[0].replace(b"\x1e", b"").splitlines()
    assert [orjson.loads(line) for line in lines] == [1, 2]
    assert body("1\n", media)[0] == b"1\n"


def test_a_form_as_text_is_sent_as_it_is() -> None:
    """A text is already encoded."""
    assert body("a=b+c&d", "application/x-www-form-urlencoded")[0] == b"a=b+c&d"


def test_a_form_keeps_json_where_the_schema_says_so() -> None:
    """`contentMediaType` of a property is its content type."""
    schema = {"properties": {"j": {"type": "string", "contentMediaType": "application/json"}}}
    assert body({"j": [1]}, "application/x-www-form-urlencoded", schema=schema)[0] == b"j=%5B1%5D"
