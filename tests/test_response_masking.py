"""Responses whatever they are: nothing but our errors is raised, and no secret field is in any output."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from support.bodies import PLANTED, SYNTAXES, response_parts, windows
from support.documents import make_document
from support.servers import LocalServer, json_response

import astro_nb as anb
from astro_nb.codegen import SNIPPETS
from astro_nb.errors import AstroNbError
from astro_nb.exchange.masking import MaskedResponse
from astro_nb.history import History, texts_in
from astro_nb.http import Retries
from astro_nb.messages import Response
from astro_nb.openapi import Spec, load

NAMES = ("token", "key", "password", "client_secret", "apiKey")
"""Fields that are secrets: by format, by description, by name."""

SECRET = {"type": "string", "format": "password"}
INNER = {
    "type": "object",
    "properties": {
        "n": {"type": "integer"},
        "token": SECRET,
        "key": {"type": "string", "title": "Key", "description": "The API key. Only set immediately after creation"},
        "value": {"type": "string", "x-astro-nb-secret": {"when": "hidden"}},
    },
}
BODY = {"type": "object", "properties": {"id": {"type": "string"}, "inner": {**INNER, "type": "object"}}}


def document(schema: Any = BODY, media: str = "application/json") -> Spec:
    """Return a document with two operations that respond with this schema."""
    responses = {"200": {"description": "", "content": {media: {"schema": schema}}}}
    return make_document(
        {
            "/made": {"post": {"operationId": "make", "responses": responses}},
            "/read": {"get": {"operationId": "read", "responses": responses}},
        }
    )


def made(body: bytes, media: str = "application/json", status: int = 200, spec: Spec | None = None) -> MaskedResponse:
    headers = (("Content-Type", media),) if media else ()
    return MaskedResponse((spec or document()).operation("read"), Response(status, headers, body))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[LocalServer, anb.Workbench, Path]]:
    """A server, a workbench that calls it, and the folder of its history."""
    folder = tmp_path_factory.mktemp("masking")
    with LocalServer() as server:
        environment = anb.Environment("local", base_url=server.url)
        api = anb.connect(environment, spec=dict(document().document), retries=Retries(1), history=folder / ".astro_nb")
        yield server, api, folder
        api.close()


def outputs(exchange: anb.Exchange) -> Iterator[tuple[str, str]]:
    """Everything that an exchange shows, by the name of the place."""
    yield "repr", repr(exchange)
    yield "text", exchange.text
    yield "html", exchange._repr_mimebundle_()["text/html"]
    yield "headers", repr(exchange.headers)
    yield "error", repr(exchange.error)
    yield "violations", repr(exchange.violations)
    yield "check", repr(exchange.check())
    yield "request id", exchange.request_id
    for name, read in {
        "json": exchange.json, "items": lambda: exchange.items, "frame": lambda: exchange.frame().to_dict(),
        "$": lambda: exchange["$"], "$..*": lambda: exchange["$..*"], "$.missing": lambda: exchange["$.missing"],
    }.items():  # fmt: skip
        try:
            yield name, repr(read())
        except AstroNbError as error:
            yield name, f"{error!r} {error} {error.data}"


def assert_hidden(text: str, where: str) -> None:
    for spelled in (text, text.replace("\0", ""), text.replace("&amp;", "&")):
        for part in windows():
            assert part not in spelled, f"a part of the secret is in {where}: {text[:300]!r}"


@given(response_parts(NAMES))
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_no_output_holds_a_secret_field(
    served: tuple[LocalServer, anb.Workbench, Path], parts: tuple[int, dict[str, str], bytes]
) -> None:
    """Any status, headers, coding, charset and syntax, cut anywhere: nothing that is shown or stored has the secret."""
    server, api, _ = served
    status, headers, body = parts
    server.respond = lambda request: Response(status, tuple(headers.items()), body)
    exchange = api.session.send(anb.Call("read"))
    checked = 0
    for name, text in outputs(exchange):
        assert_hidden(text, name)
        checked += 1
    assert checked > 10
    assert exchange.response is None or exchange.reveal() is not None
    stored = History(api.spec, api.history.path).get(exchange.id)
    for name, text in outputs(stored):
        assert_hidden(text, f"the history's {name}")
    assert stored.text == exchange.text or "not stored" in stored.text
    body_as_text = stored.response.body.decode("latin-1") if stored.response else ""
    assert_hidden(body_as_text, "the stored body")
    for kind in SNIPPETS:
        assert_hidden(api.session.snippet(kind, exchange.call), kind)


def test_neither_history_nor_runbook_holds_a_secret_field(served: tuple[LocalServer, anb.Workbench, Path]) -> None:
    """Every syntax once: the rows of the history's file, its bytes, and the notebook that is made of the calls."""
    server, api, folder = served
    for write in SYNTAXES.values():
        body = write("password", PLANTED).encode()
        server.respond = lambda request, body=body: Response(200, (("Content-Type", "application/json"),), body)
        assert api.session.send(anb.Call("read")).status == 200
    assert api.history.path is not None
    texts = [repr(content) for _, content in texts_in(api.history.path)]
    assert len(texts) >= len(SYNTAXES)
    for text in texts:
        assert_hidden(text, "a row of the history")
    api.runbook.write(folder / "made.ipynb")
    for path in folder.rglob("*"):
        if path.is_file():
            assert_hidden(path.read_bytes().decode("latin-1"), path.name)


@pytest.mark.parametrize("name", NAMES)
def test_every_syntax_is_masked_or_withheld(name: str) -> None:
    """Whole and cut at many places, declared as what it is or as something else."""
    checked = 0
    for syntax, write in SYNTAXES.items():
        body = write(name, PLANTED).encode()
        for end in range(len(body), -1, -16):
            for media in ("application/json", "text/plain"):
                masked = made(body[:end], media)
                assert_hidden(masked.text, syntax)
                assert_hidden(masked.body.decode("latin-1"), syntax)
                checked += 1
    assert checked > 400


@pytest.mark.parametrize(
    ("body", "media", "shown"),
    [
        (b'{"a": {"token": "s", "n": 1}', "application/json", '{"a": {"token": "*****", "n": 1}'),
        (b'{"a": {"value": "s", "n": 1}', "application/json", '{"a": {"value": "*****", "n": 1}'),
        (b'{"id": "x", "inner": {"token": "sec', "application/json", '{"id": "x", "inner": {"token": "*****'),
        (b'{"token": "a", "x": 1, "token": "b"}', "application/json", '{"token": "*****", "x": 1, "token": "*****"}'),
        (b'{"id": "x", "inner": {"token": "s"}}', "text/plain", None),
        (b'{"id": "x", "inner": {"token": "s"}}', "", None),
        (b'{"data": {"inner": {"token": "s"}}}', "application/json", None),
        (b"<a><password>s</password><b>t</b></a>", "application/xml", "<a><password>*****</password><b>t</b></a>"),
        (b"password=s&b=t", "application/x-www-form-urlencoded", "password=*****&b=t"),
        (b'{"password": "s"}\n{"id": "t"}\n', "application/x-ndjson", '{"password":"*****"}\n{"id": "t"}\n'),
    ],
)  # fmt: skip
def test_the_rest_of_a_body_is_shown(body: bytes, media: str, shown: str | None) -> None:
    """Only the values of secret fields are masked where it is known which they are."""
    text = made(body, media).text
    assert text == shown if shown is not None else (json.loads(text) and '"s"' not in text and "*****" in text)


@pytest.mark.parametrize("status", [200, 502])
@pytest.mark.parametrize(
    ("body", "media"),
    [
        (b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>", "text/html"),
        (b"upstream connect error or disconnect/reset before headers. reset reason: connection failure", "text/plain"),
        (b"Invalid API key.", "text/plain"),
        (b"id,name\n1,first\n2,second\n", "text/csv"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "image/png"),
        (b"apiVersion: v1\nkind: Pod\n", "application/yaml"),
        (b'{"id": 1, "tokenCount": 5, "nextPageToken": "abc",}', "application/json"),
        (b'{"id": "x", "inner": {"n": NaN}}', "application/json"),
    ],
)
def test_what_has_no_secret_is_shown_and_stored_as_it_is(body: bytes, media: str, status: int) -> None:
    """Pages of gateways, messages, tables and binary data, where the document declares no secret field."""
    spec = document({"type": "object", "properties": {"id": {"type": "string"}}})
    masked = made(body, media, status, spec)
    assert masked.text == body.decode("utf-8", "replace")
    assert masked.body == body


def test_a_secret_as_a_whole_is_withheld() -> None:
    """A text that is a secret itself has no name in it."""
    masked = made(b"pl4nted", "text/plain", spec=document(SECRET, "text/plain"))
    assert "pl4nted" not in masked.text
    assert "reveal()" in masked.text
    assert "not stored" in masked.body.decode()


def test_a_withheld_body_is_revealed_on_purpose(served: tuple[LocalServer, anb.Workbench, Path]) -> None:
    """In memory, as text; what is read from the history is the sentence that took its place."""
    server, api, _ = served
    body = f"password\n{PLANTED}\n"
    server.respond = lambda request: Response(200, (("Content-Type", "text/plain"),), body.encode())
    exchange = api.session.send(anb.Call("read"))
    assert exchange.reveal() == body
    assert "`reveal()` returns it" in exchange.text
    stored = History(api.spec, api.history.path).get(exchange.id)
    assert stored.reveal() == stored.text
    assert "It is not stored." in stored.text


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("X-Auth-Token", "abc", "*****"),
        ("Set-Cookie", "a=b", "*****"),
        ("Ocp-Apim-Subscription-Key", "7Kq2ZpXw9LmN4vRt8sYb", "*****"),
        ("Location", "https://h/cb?access_token=abc&x=1#id_token=def", "https://h/cb?access_token=*****&x=1#id_token=*****"),
        ("Link", '<https://h/x?page_token=abc>; rel="next"', '<https://h/x?page_token=abc>; rel="next"'),
        ("Access-Control-Allow-Headers", "authorization, x-api-key", "authorization, x-api-key"),
    ],
)  # fmt: skip
def test_headers_are_masked_by_their_names_and_by_the_urls_in_them(name: str, value: str, shown: str) -> None:
    """A redirect may have a token in its query."""
    masked = MaskedResponse(document().operation("read"), Response(200, ((name, value),)))
    assert masked.headers == ((name, shown),)


def test_an_error_is_read_from_the_masked_body(served: tuple[LocalServer, anb.Workbench, Path]) -> None:
    """A field of the error's body that is a secret is not its message."""
    server, api, _ = served
    server.respond = lambda request: json_response(
        {"requestId": "r1", "error": {"message": "no", "token": PLANTED}}, 400
    )
    exchange = api.session.send(anb.Call("read"))
    assert exchange.error is not None
    assert (exchange.error.message, exchange.request_id) == ("no", "r1")
    assert_hidden(exchange.text, "the text")


def test_a_page_that_is_not_shown_has_its_title(served: tuple[LocalServer, anb.Workbench, Path]) -> None:
    """A page with a form for a password, from a gateway."""
    server, api, _ = served
    page = f"<!doctype html><title>Sign in</title><input name='password' value='{PLANTED}'>"
    server.respond = lambda request: Response(403, (("Content-Type", "text/html"),), page.encode())
    exchange = api.session.send(anb.Call("read"))
    assert exchange.error is not None
    assert exchange.error.message.startswith("Sign in (an HTML page")
    assert "not shown" in exchange.text


def test_a_secret_by_its_name_in_xml() -> None:
    """The document may give a field another name in XML (OpenAPI 3.1.1, section 4.8.26)."""
    schema = {"type": "object", "properties": {"token": {**SECRET, "xml": {"name": "tk"}}}}
    masked = made(
        f"<r><tk>{PLANTED}</tk><a>b</a></r>".encode(), "application/xml", spec=document(schema, "application/xml")
    )
    assert masked.text == "<r><tk>*****</tk><a>b</a></r>"


def test_the_token_that_astro_makes_is_hidden_wherever_the_body_is_cut() -> None:
    """Astro's document, and a server that ends the body too early."""
    operation = load("astro-v1").operation("CreateApiToken")
    token = {"id": "cm1", "name": "n", "token": PLANTED, "createdAt": "2026-01-01T00:00:00Z", "type": "WORKSPACE"}
    body, shown = json.dumps(token).encode(), 0
    for end in range(1, len(body)):
        masked = MaskedResponse(operation, Response(200, (("Content-Type", "application/json"),), body[:end]))
        assert_hidden(masked.text + masked.body.decode(), f"a body of {end} bytes")
        shown += masked.text.startswith('{"id')
    assert shown > len(body) / 2
