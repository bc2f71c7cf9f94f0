"""Bodies that are compressed, in every way that servers do it: read right, or reported; never cut or garbage."""

from __future__ import annotations

import contextlib
import gzip
import importlib.util
import socket
import threading
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.servers import LocalServer

import astro_nb as anb
from astro_nb.http.codings import CodingError, ResponseTooLarge, decode
from astro_nb.messages import Headers, Response
from astro_nb.workbench import Workbench

STEADY = settings(deadline=None, max_examples=100)
MOST = 10_000_000
TEXT = b'{"name": "a", "text": "' + "häufig ".encode() * 50 + b'"}'

Encode = Callable[[bytes], bytes]


def raw_deflate(data: bytes) -> bytes:
    """Return deflate data without zlib's header."""
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(data) + compressor.flush()


ENCODERS: dict[str, Encode] = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "Deflate": raw_deflate,
    "identity": lambda data: data,
}


def coded(*codings: str) -> Headers:
    """Return headers that declare these codings, one line each."""
    return tuple(("Content-Encoding", coding) for coding in codings)


def read(body: bytes, *codings: str, status: int = 200) -> tuple[bytes, str]:
    """Return a decoded body and its note."""
    return decode(body, coded(*codings), status, MOST)


@given(st.binary(max_size=2000), st.lists(st.sampled_from(sorted(ENCODERS)), max_size=4), st.booleans())
@STEADY
def test_every_coding_and_every_row_of_codings(data: bytes, codings: list[str], in_one_line: bool) -> None:
    """Codings are undone in reverse order, in one header or in several, under any spelling."""
    body = data
    for coding in codings:
        body = ENCODERS[coding](body)
    lines = [", ".join(codings)] if in_one_line else codings
    assert read(body, *lines) == (data, "") if data else True


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=5), st.integers(0, 9))
@STEADY
def test_every_member_of_gzip_data(parts: list[bytes], padding: int) -> None:
    """gzip data may have any number of members, and null bytes at its end (RFC 1952, section 2.2)."""
    body = b"".join(map(gzip.compress, parts)) + b"\0" * padding
    assert read(body, "gzip") == (b"".join(parts), "")


@given(st.binary(min_size=1, max_size=500), st.sampled_from(["gzip", "deflate", "Deflate"]), st.data())
@STEADY
def test_a_cut_body_is_never_read(data: bytes, coding: str, draw: st.DataObject) -> None:
    """Wherever a body is cut, also in its second member, it is an error."""
    whole = ENCODERS[coding](data)
    cut = whole[: draw.draw(st.integers(1, len(whole) - 1))]
    for body in (cut, ENCODERS["gzip"](data) + cut) if coding == "gzip" else (cut,):
        try:
            decoded, note = read(body, coding)
        except CodingError:
            continue
        assert decoded == body
        assert "as it was received" in note


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_bytes_after_the_end_are_noted(coding: str) -> None:
    """What follows the compressed data is ignored, and counted."""
    decoded, note = read(ENCODERS[coding](TEXT) + b"<!-- x -->", coding)
    assert decoded == TEXT
    assert note.startswith("10 bytes after the end")


@pytest.mark.parametrize("coding", ["gzip", "deflate", "zstd", "utf-8", "none", "gzip, x-unknown", "aws-chunked"])
def test_text_that_is_not_compressed_is_read(coding: str) -> None:
    """A header that is wrong about plain text does not hide it; it is noted."""
    decoded, note = read(TEXT, coding)
    assert decoded == TEXT
    assert "as it was received" in note
    assert read(b"", coding) == (b"", ""), "HEAD, 204, 304"


@pytest.mark.parametrize(("coding", "module"), [("br", "brotli"), ("zstd", "zstandard")])
def test_a_coding_that_was_not_asked_for(coding: str, module: str) -> None:
    """It is read if its package is installed; else the error names the package. It is never taken for text."""
    body = b"\x28\xb5\x2f\xfd\x04\x58\x09\x00\x00abc\xff"
    with pytest.raises(CodingError, match=module if importlib.util.find_spec(module) is None else "cut"):
        read(body, coding)


@given(st.binary(min_size=1, max_size=100), st.sampled_from(["gzip", "deflate", "br", "zstd", "compress", "x", ""]))
@STEADY
def test_no_body_is_garbage(body: bytes, coding: str) -> None:
    """Any bytes under any coding: decoded, refused, or with a note as they were received."""
    with contextlib.suppress(CodingError):
        decoded, note = read(body, coding)
        assert note or decoded != body or not coding


def test_a_part_of_a_body_is_not_decoded() -> None:
    """A range of compressed data (206) cannot be read alone: it is returned as it is, with a note."""
    body = gzip.compress(TEXT)[20:40]
    assert read(body, "gzip", status=206)[0] == body
    with pytest.raises(CodingError):
        read(body, "gzip")


def test_a_body_that_is_too_large_when_decoded() -> None:
    """The limit is for the decoded body, all members together."""
    member = gzip.compress(b"\0" * 600_000)
    assert len(decode(member, coded("gzip"), 200, 1_000_000)[0]) == 600_000
    for coding, body in (("gzip", member * 2), ("deflate", zlib.compress(b"\0" * 1_000_001))):
        with pytest.raises(ResponseTooLarge):
            decode(body, coded(coding), 200, 1_000_000)


RESPONSES = {"200": {"description": "", "content": {"application/json": {}}}}
DOCUMENT = {
    "openapi": "3.0.3",
    "info": {"title": "codings", "version": "1"},
    "paths": {"/a": {method: {"operationId": method, "responses": RESPONSES} for method in ("get", "post")}},
}


@pytest.fixture
def server() -> Iterator[LocalServer]:
    """A server whose response a test sets."""
    with LocalServer() as started:
        yield started


@pytest.fixture
def api(server: LocalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workbench:
    """The server's API, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return anb.connect(spec=DOCUMENT, base_url=server.url)


def respond(server: LocalServer, body: bytes, *fields: tuple[str, str]) -> None:
    """Let a server respond with a JSON body and these header fields."""
    response = Response(200, (("Content-Type", "application/json"), *fields), body)
    server.respond = lambda request: response


def test_a_cut_response_is_a_failure_that_says_so(api: Workbench, server: LocalServer) -> None:
    """A body cut inside its coding is incomplete: not a 200 with half a text; a POST may have been carried out."""
    respond(server, gzip.compress(TEXT)[:-12], ("Content-Encoding", "gzip"))
    exchange = api.call("post")
    assert not exchange.ok
    assert exchange.failure is not None
    assert "is cut, since its gzip data ends too early" in exchange.failure.message
    assert exchange.outcome == "unknown"
    assert len(server.requests) == 1


def test_a_response_that_cannot_be_decoded_is_told_at_once(api: Workbench, server: LocalServer) -> None:
    """Trying again would not help: the failure names the coding, and nothing of the body is taken for text."""
    respond(server, b"\x1b\xff\x00\xc3\x28", ("Content-Encoding", "compress"))
    for exchange in (api.call("get"), api.in_background(api.call, "get").result()):
        assert exchange.failure is not None
        assert exchange.failure.kind == "broken"
        assert "compress" in repr(exchange)
    assert len(server.requests) == 2


def test_several_members_and_a_wrong_header(api: Workbench, server: LocalServer) -> None:
    """Both are read whole; the note about the header is shown with the exchange, and is in its history."""
    respond(server, gzip.compress(TEXT[:40]) + gzip.compress(TEXT[40:]), ("Content-Encoding", "gzip"))
    assert api.call("get")["$.name"] == "a"
    respond(server, TEXT, ("Content-Encoding", "gzip"))
    exchange = api.call("get")
    assert exchange["$.name"] == "a"
    assert [violation.keyword for violation in exchange.violations] == ["coding"]
    assert "as it was received" in exchange._repr_mimebundle_()["text/html"]


@pytest.mark.parametrize("size", [1, 20, 60])
def test_json_that_ends_too_early_is_told(size: int, api: Workbench, server: LocalServer) -> None:
    """Where nothing in HTTP says that a body is cut, its JSON does: the exchange and its display show it."""
    respond(server, TEXT[:size])
    exchange = api.call("get")
    assert repr(exchange).endswith(f"{size} B, cut>")
    assert "it was cut" in exchange._repr_mimebundle_()["text/html"]
    assert [v.message for v in exchange.check() if v.severity == "note"] == [exchange.violations[0].message]
    respond(server, b"no JSON")
    assert "cut" not in repr(api.call("get"))


LONGER = ["Content-Length: 999", "Transfer-Encoding: chunked"]


@pytest.mark.parametrize("head", LONGER)
def test_a_body_shorter_than_its_framing_is_a_failure(head: str, api: Workbench) -> None:
    """A body of fewer bytes than its Content-Length, or without the last chunk, is incomplete (RFC 9112, section 8)."""
    message = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{head}\r\n\r\n7\r\n[1,2,3]\r\n".encode()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(message)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        exchange = anb.connect(spec=DOCUMENT, base_url=url).call("post")
        thread.join()
    assert exchange.failure is not None
    assert exchange.failure.kind == "broken"
    assert exchange.outcome == "unknown"
