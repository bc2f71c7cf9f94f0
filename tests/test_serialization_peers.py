"""Requests compared with those that another generator builds from the same documents and values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit
from xml.etree import ElementTree

import orjson
import pytest

from astro_nb.call import UNSET, Call
from astro_nb.environments import Environment, Resolver, Variables
from astro_nb.errors import DocumentInvalid
from astro_nb.messages import Request, bare_media_type, header
from astro_nb.openapi import Operation, load
from astro_nb.schema import Field, body_field, make_sample, parameter_fields
from astro_nb.secrets import Secret
from astro_nb.serialization import build_request

FOLDER = Path(__file__).resolve().parents[2] / "shared" / "fixtures" / "requests-from-specs"
STEMS = sorted(path.name.removesuffix(".result.json") for path in FOLDER.glob("*.result.json")) or ["none"]
KEY = "ZHVtbXkgYmluYXJ5IHNhbXBsZQA="
CREDENTIALS = dict.fromkeys(("Bearer", "apiKey", "queryAPIKey", "cookieAPIKey", "petstore_auth"), KEY)
PNG, GIF, JPEG = b"\x89PNG\r\n\x1a\n", b"GIF87a", b"\xff\xd8\xff\xe0"
BODIES: dict[str, Any] = {"/binary": JPEG, "/byte": "iVBORw0KGgo=", "/base64": "AAABAA=="}
PARTS: dict[str, dict[str, Any]] = {
    "binary-body.oas": {"base64": "AAABAA==", "binary": GIF, "byte": "iVBORw0KGgo="},
    "params-encoding-defaults.oas": {"file": b"\1\2\3\4\5"},
    "params-encoding.oas": {"address": {}, "historyMetadata": {}, "profileImage": PNG},
    "binary-body.swagger": {"base64": "lorem", "binary": "lorem", "byte": "lorem"},
}
"""The bodies and parts whose values the other generator makes up by their format or content type."""
FORMATS = {
    "date-time": "2021-12-31T23:34:00Z",
    "uuid": "fbdf5a53-161e-4460-98ad-0e39408d8689",
    "uri": "https://github.com/NeuraLegion/brokencrystals",
}

OURS: dict[tuple[str, str, str], tuple[Any, str]] = {
    ("params-query.oas", "GET /formStyleParamArray", "query"): (
        "p=lorem,lorem",
        "the comma that divides entries is not data: OpenAPI 3.1.1, 4.8.12.4 (color=blue,black,brown)",
    ),
    ("params-query.oas", "GET /formStyleParamObject", "query"): (
        "p=key,x,value,42",
        "as for arrays: OpenAPI 3.1.1, 4.8.12.4 (color=R,100,G,200,B,150)",
    ),
    ("params-query.oas", "GET /spaceDelimitedStyleParam", "query"): (
        "p=42%2042&pExploded=42&pExploded=42",
        "the divider is %20: OpenAPI 3.1.1, 4.8.12.4; + means a space in forms only, RFC 3986 does not define it",
    ),
    ("cookies.oas", "GET /cookies", "cookie"): (
        "foo=bar; baz=items,1; id=42; name=lorem",
        "an exploded object is its members, each with its name: OpenAPI 3.1.1, 4.8.12.4; theirs is without explode",
    ),
    ("scheme-security.oas", "GET /pets/security-basic-and-bearer", "authorization"): (
        f"Bearer {KEY}",
        "two Authorization fields are no valid message (RFC 9110, 5.3 and 11.6.2): one is sent, the last",
    ),
    ("scheme-security.oas", "GET /pets/security-basic-bearer-empty", "authorization"): (
        "Basic ZHVtbXk6YmluYXJ5IHNhbXBsZQA=",
        "the credential is user and password with a colon (RFC 7617, 2), and no other is accepted; theirs has none",
    ),
    ("scheme-security.oas", "GET /pets/security-bearer-and-basic-or-empty", "authorization"): (
        f"Bearer {KEY}",
        "two Authorization fields are no valid message (RFC 9110, 5.3 and 11.6.2): one is sent, the last",
    ),
    ("binary-body.oas", "POST /multipart", "part byte"): (
        ("", b"iVBORw0KGgo="),
        "a message has one type, and image/* is a range (RFC 9110, 8.3)",
    ),
    ("params-encoding.oas", "POST /example", "part profileImage"): (
        ("image/png", PNG),
        "a message has one type, and theirs is a list of two (RFC 9110, 8.3)",
    ),
    ("params-encoding.oas", "POST /example", "part historyMetadata"): (
        ("application/xml; charset=utf-8", b'<?xml version="1.0" encoding="UTF-8"?>\n<history-metadata />'),
        "theirs has no root element, so it is no XML (XML 1.0, 2.1); the name is that of the schema's `xml`",
    ),
}
"""Where we differ: by document, operation and what is compared, what is ours, and why it is right."""

Seen = dict[str, Any]
"""What is compared of a request: each under its name."""


def source(stem: str) -> list[tuple[Operation, dict[str, Any]]]:
    """The operations of a document, each with their request; skipped where its version is not read yet."""
    path = next((p for p in (FOLDER / f"{stem}.yaml", FOLDER / f"{stem}.json") if p.is_file()), None)
    if path is None:
        pytest.skip(f"{FOLDER} does not exist: its documents are not part of the repository")
    try:
        spec = load(path)
    except DocumentInvalid as error:
        if not str(error.data.get("version", "")).startswith("2"):
            raise
        pytest.skip(f"Swagger 2.0 is not read: {error.what}")
    expected = orjson.loads((FOLDER / f"{stem}.result.json").read_bytes())
    assert len(expected) == len(spec)
    return [(operation, next(har for har in expected if is_of(har, operation))) for operation in spec]


def is_of(har: Mapping[str, Any], operation: Operation) -> bool:
    """Whether a request is one of an operation."""
    pattern = re.sub(r"\\{.*?\\}", "[^/]+", re.escape(operation.path)) + r"\Z"
    path = unquote(urlsplit(har["url"]).path)
    return har["method"] == operation.method and re.search(pattern, path) is not None


def lorem(field: Field) -> Any:
    """The value that the other generator would give: an example, a default, else lorem and 42."""
    if field.info.example is not None or field.info.default is not None:
        return field.info.default if field.info.example is None else field.info.example
    if field.kind == "array" and field.item:
        return [lorem(field.item)] * field.schema.get("minItems", 1)
    if field.kind in ("object", "map", "any"):
        return {child.name: lorem(child) for child in field.children}
    return FORMATS.get(field.info.format) or (42 if field.kind in ("integer", "number") else "lorem")


def body(stem: str, operation: Operation, field: Field) -> Any:
    """The body that the other generator gives."""
    if operation.path in BODIES:
        return BODIES[operation.path]
    if field.body_examples:
        return make_sample(field, full=True)
    made = lorem(field)
    return {**made, **PARTS.get(stem, {})} if isinstance(made, dict) else made


def request(stem: str, operation: Operation) -> Request:
    """Our request for the operation, from the same values."""
    arguments = {f.name: lorem(f) for f in parameter_fields(operation)}
    if stem == "cookies.oas":
        arguments["baz"] = {"items": 1}  # its schema is malformed: `properties: {type: array, items: …}`
    field = body_field(operation)
    content = UNSET if field is None else body(stem, operation, field)
    secrets = {name: Secret.in_memory(value) for name, value in CREDENTIALS.items()}
    secrets["Basic"] = Secret.in_memory("dummy:binary sample\0")
    environment = Environment("e", base_url=operation.spec.servers[0], credentials=secrets)
    return build_request(
        operation, Call(operation.id, arguments, content), Resolver(Variables(), environment, mode="revealed")
    )


def parts(data: bytes, media: str) -> dict[str, tuple[str, bytes]]:
    """Return the content type and the bytes of each part.

    Content-Transfer-Encoding, which they send, is not looked at: RFC 7578, section 4.7, has given it up.
    """
    boundary = media.partition("boundary=")[2].encode()
    found = {}
    for piece in data.split(b"--" + boundary)[1:-1]:
        head, _, content = piece.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        name = re.search(r' name="([^"]*)"', head.decode())
        kind = re.search(r"(?mi)^content-type: (.*?)\r?$", head.decode())
        assert name
        found[name[1]] = (kind[1] if kind else "", content.removesuffix(b"\r\n"))
    return found


def content(data: bytes, media: str) -> Seen:
    """A body, so that two that mean the same are equal: JSON parsed, XML without blanks, a form part by part."""
    kind = bare_media_type(media)
    if kind == "multipart/form-data":
        return {f"part {name}": part for name, part in parts(data, media).items()}
    if kind == "application/json":
        return {"body": orjson.loads(data)}
    if kind == "application/xml":
        return {"body": ElementTree.canonicalize(data.decode(), strip_text=True)}
    return {"body": data}


def seen_in_ours(mine: Request) -> Seen:
    """What is compared of our request."""
    target = urlsplit(mine.url)
    given = {
        name.lower(): value for name, value in mine.headers if name.lower() not in ("user-agent", "accept-encoding")
    }
    media = given.pop("content-type", "")
    kinds = {entry.partition(";")[0] for entry in given.pop("accept").split(", ")}
    place = {"method": mine.method, "host": f"{target.scheme}://{target.netloc}", "path": unquote(target.path)}
    query = {"query": "&".join(sorted(target.query.split("&")))}
    found_text = content(mine.body, media) if media else {}
    return {**place, **query, **given, "content-type": bare_media_type(media), "accept": kinds, **found_text}


def seen_in_theirs(har: Mapping[str, Any], ours: Seen) -> Seen:
    """What is compared of theirs; what they accept is counted as ours where we accept it too."""
    target, found = urlsplit(har["url"]), dict[str, list[str]]()
    for entry in har["headers"]:
        found.setdefault(entry["name"].lower(), []).append(entry["value"])
    accepted, media = set(found.pop("accept", [])), found.pop("content-type", [""])[0]
    joints = {"cookie": "; "}
    given = {name: joints.get(name, ", ").join(values) for name, values in found.items()}
    sent = har.get("postData")
    place = {"method": har["method"], "host": f"{target.scheme}://{target.netloc}", "path": unquote(target.path)}
    query = {"query": "&".join(sorted(target.query.split("&")))}
    found_text = content(sent["text"].encode("latin-1"), sent["mimeType"]) if sent else {}
    kinds = ours["accept"] if accepted <= ours["accept"] else accepted
    return {**place, **query, **given, "content-type": media, "accept": kinds, **found_text}


@pytest.mark.parametrize("stem", STEMS)
def test_every_request_is_theirs(stem: str) -> None:
    """Method, host, path, query, headers, cookies and body: the same, save where the table says why they are not."""
    differing = {}
    for operation, har in source(stem):
        ours = seen_in_ours(request(stem, operation))
        theirs = seen_in_theirs(har, ours)
        for name in ours.keys() | theirs.keys():
            if ours.get(name) != theirs.get(name):
                differing[stem, f"{operation.method} {operation.path}", name] = ours.get(name)
    assert differing == {place: found_text for place, (found_text, _) in OURS.items() if place[0] == stem}


@pytest.mark.parametrize("stem", STEMS)
def test_what_a_query_means_is_the_same(stem: str) -> None:
    """Also where it is written otherwise, as by the table above, both are read as the same names and values."""
    for operation, har in source(stem):
        ours, theirs = urlsplit(request(stem, operation).url).query, urlsplit(har["url"]).query
        assert sorted(parse_qsl(ours)) == sorted(parse_qsl(theirs))


def test_every_difference_has_its_section() -> None:
    """A reason names what says so."""
    for _, why in OURS.values():
        assert re.search(r"OpenAPI 3|RFC \d+|XML 1", why)


def test_an_authorization_is_never_two(shared: Path) -> None:
    """The last of two schemes that want the same header is sent, in every document."""
    spec = load(shared / "fixtures" / "requests-from-specs" / "scheme-security.oas.yaml")
    for operation in spec:
        names = [name.lower() for name, _ in request("scheme-security.oas", operation).headers]
        assert names.count("authorization") <= 1
        assert header(request("scheme-security.oas", operation).headers, "authorization").count("Bearer") <= 1
