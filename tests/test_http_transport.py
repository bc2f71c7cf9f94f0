"""Requests go out as they are, by the proxy and with the certificates of the environment; responses are bounded."""

from __future__ import annotations

import gzip
import http.server
import logging
import socket
import ssl
import subprocess
import threading
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import respx

import astro_nb as anb
from astro_nb.call import Call
from astro_nb.errors import SettingsError
from astro_nb.exchange import Exchange
from astro_nb.http import Client, PreparedRequest, Retries, transport
from astro_nb.http.transport import failure_of, to_httpx
from astro_nb.messages import Request
from astro_nb.openapi import load

DOCUMENT = (
    b'{"openapi": "3.0.3", "info": {"title": "Things", "version": "1"}, "paths": {"/x": {"get": {"operationId": "x"}}}}'
)
SPEC = load(DOCUMENT.decode())
ONCE = Retries(attempts=1)
HOST = "http://h.example"
PROXY_VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


def prepare(url: str, *headers: tuple[str, str]) -> PreparedRequest:
    request = Request("GET", url, headers)
    return PreparedRequest(SPEC.operation("x"), Call("x"), request, request)


Sender = Callable[[Client, PreparedRequest], Exchange]
SENDERS: dict[str, Sender] = {
    "send": lambda client, prepared: client.send(prepared),
    "start": lambda client, prepared: client.start(prepared).result(5),
}


@pytest.fixture(params=SENDERS)
def send(request: pytest.FixtureRequest) -> Sender:
    """Both drivers: the blocking one, and the one in the background."""
    return SENDERS[request.param]


@pytest.fixture
def client() -> Iterator[Client]:
    made = Client({"connect": 2.0, "read": 2.0}, ONCE)
    yield made
    made.close()


@pytest.fixture(autouse=True)
def no_proxy_of_this_computer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove the proxy settings of the computer that runs the tests."""
    for name in (*PROXY_VARIABLES, *map(str.upper, PROXY_VARIABLES), "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)


class Server(http.server.ThreadingHTTPServer):
    """A server on loopback that notes the target of each request: a whole URL, if it is used as a proxy."""

    def __init__(self) -> None:
        self.targets: list[str] = []
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def __exit__(self, *exc: object) -> None:
        self.shutdown()
        super().__exit__(*exc)


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:  # the standard library's name
        self.server.targets.append(self.path)
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(DOCUMENT)))
        self.end_headers()
        self.wfile.write(DOCUMENT)

    def do_CONNECT(self) -> None:  # the standard library's name
        """Join the two connections, as a proxy does for HTTPS."""
        self.server.targets.append(self.path)
        host, _, port = self.path.partition(":")
        with socket.create_connection((host, int(port)), 5) as there:
            self.send_response(200)
            self.end_headers()
            back = threading.Thread(target=_copy, args=(there, self.connection), daemon=True)
            back.start()
            _copy(self.connection, there)
            back.join(5)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the standard library's name
        """Log nothing."""


def _copy(source: socket.socket, target: socket.socket) -> None:
    try:
        while piece := source.recv(65_536):
            target.sendall(piece)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


# --- the environment's proxy and certificates -------------------------------------------------------------------------


def test_a_proxy_sees_the_calls(send: Sender, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """HTTP_PROXY is used for a call, in both drivers: the host itself need not even exist."""
    with Server() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        assert send(client, prepare(f"{HOST}/x?a=b")).ok
    assert proxy.targets == [f"{HOST}/x?a=b"]


def test_a_proxy_sees_the_fetch_of_a_document(monkeypatch: pytest.MonkeyPatch) -> None:
    """`connect` reads the document through the proxy, and its calls go the same way."""
    with Server() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        api = anb.connect(spec=f"{HOST}/openapi.json", base_url=HOST, history=None)
        assert api.call("x").ok
        api.close()
    assert proxy.targets == [f"{HOST}/openapi.json", f"{HOST}/x"]


@pytest.mark.parametrize(("no_proxy", "seen"), [("127.0.0.1", 0), ("other.example", 1), ("*", 0)])
def test_no_proxy_is_honoured(
    no_proxy: str, seen: int, send: Sender, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A host that NO_PROXY names is reached directly, any other one through the proxy."""
    with Server() as proxy, Server() as target:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("NO_PROXY", no_proxy)
        assert send(client, prepare(f"{target.url}/x")).ok
    assert (len(proxy.targets), len(target.targets)) == (seen, 1 - seen)


def test_the_embedded_sandbox_needs_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The embedded sandbox is reached without the proxy, which may not be able to reach this computer."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    api = anb.connect(history=None, retries=ONCE)
    assert api.call("ListWorkspaces").ok
    assert api.start("ListWorkspaces").result(5).ok
    api.close()


def test_a_proxy_that_is_not_there_is_a_failure(send: Sender, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """No connection could be made; nothing was sent."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    failure = send(client, prepare(f"{HOST}/x")).failure
    assert failure is not None
    assert failure.kind == "connect"


@pytest.mark.parametrize(("name", "value"), [("HTTP_PROXY", "ftp://x"), ("SSL_CERT_FILE", "/nowhere/ca.pem")])
def test_settings_that_cannot_be_used_are_reported(
    name: str, value: str, send: Sender, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is sent, with the names of the variables."""
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=name):
        send(client, prepare(f"{HOST}/x"))


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a self-signed certificate for 127.0.0.1, with its key."""
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    options = ["-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"]
    names = ["-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(
        ["openssl", "req", *options, *names, "-keyout", path.with_suffix(".key"), "-out", path],
        check=True,
        capture_output=True,
    )
    path.write_text(path.read_text() + path.with_suffix(".key").read_text())
    return path


@pytest.fixture
def secure(certificate: Path) -> Iterator[Server]:
    """A server on loopback that speaks TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with Server() as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.url = server.url.replace("http:", "https:")
        yield server


def test_certificates_of_the_environment_are_trusted(
    send: Sender, secure: Server, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SSL_CERT_FILE makes a private certificate trusted, for calls and documents; without it there is no connection."""
    before, after = Client(retries=ONCE), Client(retries=ONCE)
    failure = send(before, prepare(f"{secure.url}/x")).failure
    assert failure is not None
    assert (failure.kind, "certificate" in failure.message.lower()) == ("connect", True)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert send(after, prepare(f"{secure.url}/x")).ok
    assert after.fetch(f"{secure.url}/openapi.json") == DOCUMENT
    for client in (before, after):
        client.close()


def test_https_goes_through_a_proxy(
    send: Sender, client: Client, secure: Server, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The proxy of HTTPS_PROXY sees the host and nothing of the request."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with Server() as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        assert send(client, prepare(f"{secure.url}/x")).ok
        client.close()
    assert proxy.targets == [urlsplit(secure.url).netloc]
    assert secure.targets == ["/x"]


# --- what goes out, and what is read ----------------------------------------------------------------------------------


def test_exactly_our_headers_go_out(send: Sender, client: Client) -> None:
    """No header of httpx's own, and no cookie that another response has set."""
    with respx.mock:
        route = respx.get(f"{HOST}/x").respond(200, headers={"Set-Cookie": "a=b; Path=/"})
        for _ in range(2):
            assert send(client, prepare("http://user:word@h.example/x", ("X-A", "1"), ("x-a", "2"))).ok
    assert route.call_count == 2
    for call in route.calls:
        assert call.request.headers.raw == [(b"Host", b"h.example"), (b"X-A", b"1"), (b"x-a", b"2")]


@pytest.mark.parametrize(
    ("url", "target", "host"),
    [
        ("http://h.example/a/../b", b"/b", b"h.example"),
        ("http://H.Example/ä b?q=ü#part", b"/%C3%A4%20b?q=%C3%BC", b"H.Example"),
        ("http://user:word@h.example/x", b"/x", b"h.example"),
        ("http://[::1]:8080/x", b"/x", b"[::1]:8080"),
        ("http://h.example", b"/", b"h.example"),
        ("http://h.example/a.b/c..d/%7Bx%7D?n=a&n=b&q='*'", b"/a.b/c..d/%7Bx%7D?n=a&n=b&q='*'", b"h.example"),
    ],
)  # fmt: skip
def test_the_target_of_a_url(url: str, target: bytes, host: bytes) -> None:
    """What has to be encoded is; what is encoded already stays as it is."""
    request = to_httpx(Request("GET", url))
    assert (request.url.raw_path, request.headers.raw) == (target, [(b"Host", host)])


def test_a_malformed_redirect_is_a_response(send: Sender, client: Client) -> None:
    """httpx alone would raise on it; its Location is still among the headers."""
    with respx.mock:
        respx.get(f"{HOST}/x").respond(302, headers={"Location": "http://[bad", "X-A": "1"})
        exchange = send(client, prepare(f"{HOST}/x"))
    assert exchange.status == 302
    assert {name.lower(): value for name, value in exchange.headers.items()}["location"] == "http://[bad"


@pytest.mark.parametrize("coding", ["deflate", "gzip"])
def test_a_small_body_that_unpacks_to_a_large_one(
    coding: str, send: Sender, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is given up while it is decompressed, long before all of it is read."""
    monkeypatch.setattr(transport, "LARGEST_RESPONSE", 1_000_000)
    packed = zlib.compress(bytes(500_000_000), 9) if coding == "deflate" else gzip.compress(bytes(500_000_000), 9)
    pieces = [packed[at : at + 16_384] for at in range(0, len(packed), 16_384)]
    with respx.mock:
        respx.get(f"{HOST}/x").respond(200, headers={"Content-Encoding": coding}, stream=Pieces(pieces))
        tracemalloc.start()
        failure = send(client, prepare(f"{HOST}/x")).failure
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert failure is not None
    assert failure.kind == "too large"
    assert 1_000_000 < peak < 50_000_000


class Pieces(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body that is sent in pieces, and may break off."""

    def __init__(self, pieces: list[bytes], error: Exception | None = None) -> None:
        self._pieces, self._error = pieces, error

    def __iter__(self) -> Iterator[bytes]:
        yield from self._pieces
        if self._error:
            raise self._error

    async def __aiter__(self) -> Any:
        for piece in self:
            yield piece


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (httpx.ConnectError, "connect"),
        (httpx.ConnectTimeout, "connect"),
        (httpx.ProxyError, "connect"),
        (httpx.PoolTimeout, "timeout"),
        (httpx.ReadTimeout, "timeout"),
        (httpx.WriteTimeout, "timeout"),
        (httpx.ReadError, "broken"),
        (httpx.WriteError, "broken"),
        (httpx.CloseError, "broken"),
        (httpx.RemoteProtocolError, "broken"),
        (httpx.LocalProtocolError, "invalid"),
        (httpx.UnsupportedProtocol, "invalid"),
        (OSError, "broken"),
        (ssl.SSLError, "connect"),
    ],
)
def test_each_error_of_the_network_is_a_failure(
    error: type[Exception], kind: str, send: Sender, client: Client
) -> None:
    """It names the host and what to do, and nothing else of the request."""
    with respx.mock:
        respx.get(f"{HOST}/secret-path").mock(side_effect=error("it broke"))
        exchange = send(client, prepare(f"{HOST}/secret-path"))
    assert exchange.failure is not None
    assert exchange.failure.kind == exchange.attempts[0].outcome == kind
    assert "h.example" in exchange.failure.message
    assert "secret-path" not in repr(exchange.failure)
    assert exchange.failure.todo.endswith(".")
    assert exchange.attempts[0].may_have_been_done is (kind in ("timeout", "broken"))


@pytest.mark.parametrize(
    ("error", "kind"), [(httpx.ReadError("x"), "broken"), (httpx.ReadTimeout("x"), "timeout"), (OSError("x"), "broken")]
)
def test_a_body_that_breaks_off_is_a_failure(error: Exception, kind: str, send: Sender, client: Client) -> None:
    """Half of a body is a failure, whatever the status."""
    with respx.mock:
        respx.get(f"{HOST}/x").respond(200, stream=Pieces([b'{"a":'], error))
        exchange = send(client, prepare(f"{HOST}/x"))
    assert exchange.response is None
    assert exchange.failure is not None
    assert exchange.failure.kind == kind


def test_a_body_without_the_declared_encoding(send: Sender, client: Client) -> None:
    """Plain text is read, with a note; anything else is a failure, the server's fault, and no exception."""
    with respx.mock:
        respx.get(f"{HOST}/x").respond(200, headers={"Content-Encoding": "gzip"}, stream=Pieces([b"plain"]))
        exchange = send(client, prepare(f"{HOST}/x"))
        assert exchange.text == "plain"
        assert "declares gzip" in exchange.violations[0].message
        respx.get(f"{HOST}/y").respond(200, headers={"Content-Encoding": "gzip"}, stream=Pieces([b"\xff\xfe no gzip"]))
        failure = send(client, prepare(f"{HOST}/y")).failure
    assert failure is not None
    assert (failure.kind, failure.fault) == ("broken", "The server.")


def test_a_given_transport_is_used_and_left_open(send: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy is used for it, and closing the client does not close it."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    closed: list[str] = []

    class Given(httpx.MockTransport):
        def close(self) -> None:
            closed.append("close")

        async def aclose(self) -> None:
            closed.append("aclose")

    client = Client(retries=ONCE, transport=Given(lambda request: httpx.Response(200, json={"url": str(request.url)})))
    assert send(client, prepare(f"{HOST}/x")).json() == {"url": f"{HOST}/x"}
    client.close()
    assert closed == []


def test_logs_hold_no_path_and_no_query(send: Sender, client: Client, caplog: pytest.LogCaptureFixture) -> None:
    """httpx logs URLs: of ours only scheme and host are left; those of others stay whole."""
    caplog.set_level(logging.DEBUG)
    with Server() as server:
        assert send(client, prepare(f"{server.url}/path-secret?key=query-secret")).ok
        assert server.url in caplog.text
        assert "path-secret" not in caplog.text
        assert "query-secret" not in caplog.text
        httpx.get(f"{server.url}/of-others?a=b")
        assert f"{server.url}/of-others?a=b" in caplog.text


def test_what_is_no_error_of_httpx_is_a_malformed_request() -> None:
    """The last resort of the table."""
    failure = failure_of(ValueError("secret"), Request("GET", f"{HOST}/x"))
    assert (failure.kind, "secret" in repr(failure)) == ("invalid", False)


def test_raw_header_values_are_readable(send: Sender, client: Client) -> None:
    """UTF-8, and ISO-8859-1 as of old (RFC 9110, section 5.5); several fields of a name are all there."""
    fields = [(b"X-A", "grün".encode()), (b"X-B", "grün".encode("latin-1")), (b"Link", b"<a>"), (b"Link", b"<b>")]
    with respx.mock:
        respx.get(f"{HOST}/x").mock(return_value=httpx.Response(200, headers=fields, json={}))
        exchange = send(client, prepare(f"{HOST}/x"))
    assert [exchange.headers[name] for name in ("X-A", "X-B", "Link")] == ["grün", "grün", "<a>, <b>"]
