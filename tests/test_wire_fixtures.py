"""Wire against another generator: the requests that it builds from small documents are ours, or the case is named.

The documents and their HAR files are other people's (NeuraLegion/har-sdk, MIT); they lie beside the repository.
"""

from __future__ import annotations

import email
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import orjson
import pytest

from astro_nb.call import UNSET, Call
from astro_nb.environment import Environment, Secret, Values, Variables
from astro_nb.fields import Field, body_field, parameter_fields, sample
from astro_nb.message import Request, header
from astro_nb.spec import Operation, Spec, load
from astro_nb.wire import build_request

FOLDER = Path(__file__).resolve().parents[2] / "shared" / "fixtures" / "requests-from-specs"
KEY = "ZHVtbXkgYmluYXJ5IHNhbXBsZQA="
CREDENTIALS = dict.fromkeys(("Bearer", "apiKey", "queryAPIKey", "cookieAPIKey", "petstore_auth"), KEY)
NAMES = (
    *("cookies", "params-header", "params-path", "params-query", "params-values-precedence", "servers-with-variables"),
    *("params-body-default", "examples.oas31", "path-item.params.resolution", "refs", "scheme-security", "binary-body"),
    *("params-encoding", "params-encoding-defaults"),
)
BYTES = {"/binary": b"\xff\xd8\xff\xe0", "/byte": "iVBORw0KGgo=", "/base64": "AAABAA=="}
PARTS = {"file": b"\1\2\3\4\5", "base64": "AAABAA==", "binary": b"GIF87a", "byte": "iVBORw0KGgo="} | {
    "id": "fbdf5a53-161e-4460-98ad-0e39408d8689",
    "address": {},
    "profileImage": b"\x89PNG\r\n\x1a\n",
}
OURS: dict[tuple[str, str], tuple[str, str]] = {
    ("params-query", "/formStyleParamArray"): (
        "p=lorem,lorem",
        "the comma that divides entries is not data: OpenAPI 3.1.1, 4.8.12.4 (color=blue,black,brown)",
    ),
    ("params-query", "/formStyleParamObject"): ("p=key,x,value,42", "as for arrays (color=R,100,G,200,B,150)"),
    ("params-query", "/spaceDelimitedStyleParam"): (
        "p=42%2042&pExploded=42&pExploded=42",
        "the divider is %20 (color=blue%20black%20brown); + means a space in forms only, RFC 3986 knows no such thing",
    ),
    ("cookies", "/cookies"): (
        "foo=bar; baz=items,1; id=42; name=lorem",
        "an exploded object is its members, each with its name; theirs is the form without explode",
    ),
    ("scheme-security", "/pets/security-basic-and-bearer"): (
        f"Bearer {KEY}",
        "two Authorization fields are no valid message (RFC 9110, 5.3 and 11.6.2): one is sent, the last",
    ),
    ("scheme-security", "/pets/security-bearer-and-basic-or-empty"): (f"Bearer {KEY}", "as above"),
}
"""Where we differ, what is ours (the query, the cookies or the Authorization), and why it is right."""


def source(name: str) -> tuple[Spec, list[dict[str, Any]]]:
    """A document and the requests that belong to it."""
    stem = name if "." in name and name.endswith("31") else f"{name}.oas"
    path = next((p for p in (FOLDER / f"{stem}.yaml", FOLDER / f"{stem}.json") if p.is_file()), None)
    if path is None:
        pytest.skip(f"{FOLDER} does not exist: its documents are not part of the repository")
    return load(path), orjson.loads((FOLDER / f"{stem}.result.json").read_bytes())


def lorem(field: Field) -> Any:
    """The value that the other generator would give: an example, a default, else lorem and 42."""
    if field.example is not None or field.default is not None:
        return field.default if field.example is None else field.example
    if field.kind == "array" and field.item:
        return [lorem(field.item)] * field.schema.get("minItems", 1)
    if field.kind == "object":
        return {child.name: lorem(child) for child in field.children}
    return {"date-time": "2021-12-31T23:34:00Z"}.get(field.format) or (
        42 if field.kind in ("integer", "number") else "lorem"
    )


def request(operation: Operation) -> Request:
    """Our request for the operation, from the same values."""
    arguments = {f.name: lorem(f) for f in parameter_fields(operation)}
    if operation.path == "/cookies":
        arguments["baz"] = {"items": 1}  # its schema is malformed: `properties: {type: array, items: …}`
    body, media = body_field(operation), operation.body.media_type if operation.body else ""
    content: Any = UNSET if body is None else BYTES.get(operation.path)
    if body is not None and media == "multipart/form-data":
        content = {child.name: PARTS[child.name] for child in body.children if child.name in PARTS}
    elif body is not None and content is None:
        content = sample(body, full=True)
    secrets = {name: Secret.held(value) for name, value in CREDENTIALS.items()}
    secrets["Basic"] = Secret.held("dummy binary sample\0")
    environment = Environment("e", base_url=operation.spec.servers[0], credentials=secrets)
    return build_request(
        operation, Call(operation.id, arguments, content), Values(Variables(), environment, mode="revealed")
    )


def pairs(har: Mapping[str, Any], name: str) -> list[str]:
    """All values of one header in a HAR request."""
    return [entry["value"] for entry in har["headers"] if entry["name"] == name]


def parts(data: bytes, media: str) -> dict[str, tuple[str, bytes]]:
    """The content type and the bytes of each part of a multipart body."""
    found = email.message_from_bytes(f"Content-Type: {media}\r\n\r\n".encode() + data).get_payload()
    return {
        str(p.get_param("name", header="content-disposition")): (p.get_content_type(), p.get_payload(decode=True))
        for p in found
    }


@pytest.mark.parametrize("name", NAMES)
def test_target_and_method_are_theirs(name: str) -> None:
    """The same method, host and path; the same query, save where the specification is on our side."""
    spec, expected = source(name)
    for operation, har in zip(spec, expected, strict=True):
        ours, theirs = urlsplit((mine := request(operation)).url), urlsplit(har["url"])
        assert (mine.method, ours.netloc, ours.path) == (har["method"], theirs.netloc, theirs.path)
        query, why = OURS.get((name, operation.path), ("", "")) if name == "params-query" else ("", "")
        wanted = query or theirs.query
        assert sorted(ours.query.split("&")) == sorted(wanted.split("&")), why
        assert sorted(parse_qsl(ours.query)) == sorted(parse_qsl(theirs.query))


@pytest.mark.parametrize("name", NAMES)
def test_headers_and_cookies_are_theirs(name: str) -> None:
    """The same parameters, credentials and types, save where a message could not hold what they list."""
    spec, expected = source(name)
    for operation, har in zip(spec, expected, strict=True):
        mine = request(operation)
        named = OURS.get((name, operation.path), (None, ""))[0] if name != "params-query" else None
        cookies, secrets = "; ".join(pairs(har, "cookie")), ", ".join(pairs(har, "authorization"))
        assert header(mine.headers, "cookie") == (named if name == "cookies" else cookies)
        assert header(mine.headers, "authorization") == (secrets if named is None or name == "cookies" else named)
        for entry in har["headers"]:
            if entry["name"] == "accept":
                assert entry["value"] in header(mine.headers, "accept").split(", ")
            elif entry["name"] == "content-type":
                assert header(mine.headers, "content-type").partition(";")[0] == entry["value"]
            elif entry["name"] not in ("cookie", "authorization"):
                assert header(mine.headers, entry["name"]) == entry["value"]


@pytest.mark.parametrize("name", ["params-body-default", "examples.oas31"])
def test_a_body_is_the_documents_own_example(name: str) -> None:
    """The example of the media type, else those of the fields, are the sample."""
    spec, expected = source(name)
    for operation, har in zip(spec, expected, strict=True):
        assert orjson.loads(request(operation).body) == orjson.loads(har["postData"]["text"])


@pytest.mark.parametrize("path", list(BYTES))
def test_a_raw_body_is_sent_as_it_is(path: str) -> None:
    """An image's bytes, or the text that a schema of format `byte` asks for: nothing is encoded a second time."""
    spec, expected = source("binary-body")
    har = next(h for h in expected if h["url"].endswith(path))
    operation = next(o for o in spec if o.path == path)
    assert request(operation).body == har["postData"]["text"].encode("latin-1")


@pytest.mark.parametrize(
    ("name", "path", "compared"),
    [
        ("binary-body", "/multipart", ["base64", "binary"]),
        ("params-encoding", "/example", ["id", "address"]),
        ("params-encoding-defaults", "/v1/upload", ["file"]),
    ],
)
def test_a_multipart_body_is_theirs(name: str, path: str, compared: list[str]) -> None:
    """Each part's bytes, and the content type that the document's `encoding` gives it (OpenAPI 3.1.1, 4.8.15).

    Not compared: `byte` and `profileImage`, which they send as `image/*` and as `image/png, image/jpeg`, ranges that no
    message can have as its type; `historyMetadata`, an XML sample that we do not make; Content-Transfer-Encoding, which
    RFC 7578, section 4.7, has given up.
    """
    spec, expected = source(name)
    operation, har = next((o, h) for o, h in zip(spec, expected, strict=True) if o.path == path)
    mine, theirs = request(operation), har["postData"]
    found = parts(mine.body, header(mine.headers, "content-type"))
    wanted = parts(theirs["text"].encode("latin-1"), theirs["mimeType"])
    for part in compared:
        assert found[part][0] == wanted[part][0]
        assert found[part][1].strip() == theirs_bytes(theirs["text"], part)


def theirs_bytes(text: str, part: str) -> bytes:
    """A part of their body as it stands, before any transfer decoding."""
    after = text.split(f'name="{part}"', 1)[1].split("\r\n\r\n", 1)[1]
    return after.split("\r\n--", 1)[0].encode("latin-1")
