"""Why there is no response: each failure by its real cause, after two tries at the most, in both drivers."""

from __future__ import annotations

import http.server
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from support.servers import LocalServer

from astro_nb.call import Call
from astro_nb.exchange import Exchange, Failure
from astro_nb.http import Client, PreparedRequest, Retries
from astro_nb.messages import Request, Response
from astro_nb.openapi import load

SPEC = load(
    '{"openapi": "3.0.3", "info": {"title": "Things", "version": "1"},'
    ' "paths": {"/x": {"get": {"operationId": "get"}, "post": {"operationId": "post"}}}}'
)
SECRET = "secret-path"  # a value of a test
PROXY_VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")

Sender = Callable[[str], Exchange]


@pytest.fixture(autouse=True)
def no_settings_of_this_computer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove the proxy and certificate settings of the computer that runs the tests."""
    for name in (*PROXY_VARIABLES, *map(str.upper, PROXY_VARIABLES), "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(params=["send", "start"])
def send(request: pytest.FixtureRequest) -> Iterator[Sender]:
    """Send a GET with the usual number of retries, whose waits pass at once."""
    client = Client({"connect": 0.5, "read": 2.0}, Retries(base=0.001), sleep=lambda seconds: None)

    def send(url: str) -> Exchange:
        made = Request("GET", f"{url}/{SECRET}")
        prepared = PreparedRequest(SPEC.operation("get"), Call("get"), made, made)
        return client.send(prepared) if request.param == "send" else client.start(prepared).result(20)

    yield send
    client.close()


def failure(exchange: Exchange, attempts: int = 1) -> Failure:
    """Return the failure of an exchange, after so many attempts at the most."""
    assert exchange.failure is not None
    assert len(exchange.attempts) <= attempts, exchange.attempts
    assert SECRET not in repr(exchange.failure)
    for text in (exchange.failure.message, exchange.failure.fault, exchange.failure.todo):
        assert text.endswith(".")
    return exchange.failure


# --- certificates -----------------------------------------------------------------------------------------------------

_CONFIG = """
[ca]
default_ca = own
[own]
database = index.txt
new_certs_dir = .
serial = serial
default_md = sha256
policy = any
x509_extensions = names
[any]
commonName = supplied
[names]
subjectAltName = {name}
[req]
distinguished_name = any_name
[any_name]
"""


@pytest.fixture(scope="module")
def make_certificate(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Return a function that makes a self-signed certificate with its key, valid for a name and until a date."""
    made: dict[tuple[str, str], Path] = {}

    def make(name: str = "IP:127.0.0.1", end: str = "20991231235959Z") -> Path:
        if (name, end) not in made:
            folder = tmp_path_factory.mktemp("tls")
            for file, text in (("index.txt", ""), ("serial", "01"), ("own.cnf", _CONFIG.format(name=name))):
                (folder / file).write_text(text)
            request = "req -new -newkey rsa:2048 -nodes -subj /CN=test -keyout key.pem -out request.pem -config own.cnf"
            sign = "ca -batch -selfsign -config own.cnf -keyfile key.pem -in request.pem -out signed.pem -notext"
            for command in (request, f"{sign} -startdate 20200101000000Z -enddate {end}"):
                subprocess.run(["openssl", *command.split()], cwd=folder, check=True, capture_output=True)
            both = (folder / "signed.pem").read_text() + (folder / "key.pem").read_text()
            (folder / "both.pem").write_text(both)
            made[name, end] = folder / "both.pem"
        return made[name, end]

    return make


@pytest.fixture
def serve_tls() -> Iterator[Callable[[Path], str]]:
    """Return a function that starts a server with a certificate and returns its https address."""
    started: list[LocalServer] = []

    def serve(certificate: Path) -> str:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server = LocalServer()
        server.handle_error = lambda *each: None  # type: ignore[method-assign]  # a refused handshake is no error here
        server.socket = context.wrap_socket(server.socket, server_side=True)
        started.append(server.__enter__())
        return server.url.replace("http:", "https:")

    yield serve
    for server in started:
        server.__exit__()


@pytest.mark.parametrize(
    ("name", "end", "is_trusted", "words"),
    [
        ("IP:127.0.0.1", "20991231235959Z", False, ("not trusted", "SSL_CERT_FILE")),
        ("IP:127.0.0.1", "20200102000000Z", True, ("not valid today", "clock")),
        ("DNS:other.example", "20991231235959Z", True, ("another host name", "host name")),
    ],
    ids=["untrusted", "expired", "other name"],
)
def test_a_certificate_that_is_refused(
    name: str,
    end: str,
    is_trusted: bool,
    words: tuple[str, str],
    send: Sender,
    make_certificate: Callable[..., Path],
    serve_tls: Callable[[Path], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """At the first try, with the reason, and what to do about that."""
    certificate = make_certificate(name, end)
    if is_trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    found = failure(send(serve_tls(certificate)))
    assert (found.kind, found.permanent) == ("connect", True)
    assert words[0] in found.message
    assert words[1] in found.todo


def test_plain_http_on_a_port_for_tls(
    send: Sender, make_certificate: Callable[..., Path], serve_tls: Callable[[Path], str]
) -> None:
    """The server closes the connection without a word; one greeting of TLS tells why."""
    found = failure(send(serve_tls(make_certificate()).replace("https:", "http:")))
    assert (found.kind, found.permanent) == ("connect", True)
    assert "speaks TLS" in found.message
    assert "https://" in found.todo


def test_tls_on_a_port_for_plain_http(send: Sender) -> None:
    """The answer to the greeting is no TLS."""
    with LocalServer() as server:
        found = failure(send(server.url.replace("http:", "https:")))
    assert (found.kind, found.permanent) == ("connect", True)
    assert "does not speak TLS" in found.message
    assert "http://" in found.todo


def test_tls_that_gets_no_answer(send: Sender) -> None:
    """A server that waits for a line of HTTP accepts the connection, and never answers the greeting."""
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        found = failure(send(f"https://127.0.0.1:{silent.getsockname()[1]}"), attempts=2)
    assert "does not answer the greeting" in found.message
    assert "http://" in found.todo


# --- connections ------------------------------------------------------------------------------------------------------


def test_a_connection_that_is_refused(send: Sender) -> None:
    """Nothing listens: once more, since the server may just be starting, and no third time."""
    with closing(socket.create_server(("127.0.0.1", 0))) as gone:
        port = gone.getsockname()[1]
    found = failure(send(f"http://127.0.0.1:{port}"), attempts=2)
    assert "refuses connections" in found.message
    assert f"127.0.0.1:{port}" in found.message


def test_a_host_that_does_not_exist(send: Sender) -> None:
    """The name has no address (RFC 6761 reserves `invalid`); a computer without a network cannot know."""
    found = failure(send("http://no-such-host.invalid"), attempts=2)
    assert found.kind == "connect"
    assert "no-such-host.invalid" in found.message


class _RefusingProxy(http.server.BaseHTTPRequestHandler):
    """A proxy that wants a password."""

    def do_CONNECT(self) -> None:  # http.server looks this name up
        self.send_response(407)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name is http.server's
        """Print nothing."""


def test_a_proxy_that_refuses(send: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the proxy's fault, not that of the server, which never saw the request."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _RefusingProxy) as proxy:
        threading.Thread(target=proxy.serve_forever, args=(0.01,), daemon=True).start()
        monkeypatch.setenv("HTTPS_PROXY", f"http://user:pass-0815@127.0.0.1:{proxy.server_port}")
        found = failure(send("https://h.example"))
        proxy.shutdown()
    assert "proxy" in found.message
    assert "407" in found.message
    assert "HTTPS_PROXY" in found.todo
    assert "pass-0815" not in repr(found)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_is_not_there(scheme: str, send: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the proxy, and not the host that was asked for."""
    with closing(socket.create_server(("127.0.0.1", 0))) as gone:
        proxy = f"127.0.0.1:{gone.getsockname()[1]}"
    monkeypatch.setenv(f"{scheme.upper()}_PROXY", f"http://{proxy}")
    found = failure(send(f"{scheme}://h.example"), attempts=2)
    assert f"proxy {proxy}" in found.message
    assert "h.example" not in found.message


# --- what is no HTTP --------------------------------------------------------------------------------------------------


def answer_with(data: bytes) -> tuple[socket.socket, str]:
    """Start a server that answers every connection with these bytes; return it, and its address."""
    server = socket.create_server(("127.0.0.1", 0))

    def run() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:  # the test has ended
                return
            with connection:
                connection.recv(65_536)
                connection.sendall(data)

    threading.Thread(target=run, daemon=True).start()
    return server, f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\nBad Header: planted-value\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: planted-value\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nplanted-value\r\n",
        b"SSH-2.0-OpenSSH_9\r\n\r\n",
        b"\x15\x03\x01\x00\x02\x02F\r\n\r\n",
    ],
    ids=["header", "length", "two lengths", "chunk", "ssh", "alert"],
)
def test_a_response_that_is_no_http(data: bytes, send: Sender) -> None:
    """At the first try: the next response would be the same. Nothing of it is quoted, for it may be a secret."""
    server, url = answer_with(data)
    found = failure(send(url))
    server.close()
    assert (found.kind, found.permanent) == ("not http", True)
    assert "not valid HTTP" in found.message
    assert "planted-value" not in repr(found)


def test_a_connection_that_breaks_is_tried_again(send: Sender) -> None:
    """A response that was cut is no malformed one: a read is repeated as often as the retries allow."""
    server, url = answer_with(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
    exchange = send(url)
    server.close()
    assert exchange.failure is not None
    assert (exchange.failure.kind, len(exchange.attempts)) == ("broken", Retries().attempts)


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_a_redirect_circle(steps: int, send: Sender) -> None:
    """Told when an address comes again: as many requests as the circle has addresses."""

    def respond(request: Request) -> Response:
        step = int(request.url.rpartition("=")[2]) if "=" in request.url else 0
        target = f"/{SECRET}?step={(step + 1) % steps}" if (step + 1) % steps else f"/{SECRET}"
        return Response(302, (("Location", target),))

    with LocalServer(respond) as server:
        found = failure(send(server.url))
        assert len(server.requests) == steps
    assert (found.kind, found.permanent) == ("redirect", True)
    assert "circle" in found.message


def test_redirects_without_an_end(send: Sender) -> None:
    """Ten are followed, and no second attempt is made."""

    def respond(request: Request) -> Response:
        return Response(302, (("Location", f"{request.url}x"),))

    with LocalServer(respond) as server:
        found = failure(send(server.url))
        assert len(server.requests) == 10
    assert "10 times" in found.message
