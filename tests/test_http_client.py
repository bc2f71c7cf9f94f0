"""The client on a real socket: whatever the server does ends in an exchange, and nothing is sent too often."""

from __future__ import annotations

import gzip
import json
import os
import signal
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest

import astro_nb as anb
from astro_nb.call import Call
from astro_nb.errors import AstroNbWarning, DocumentNotFound
from astro_nb.exchange import Attempt, Exchange
from astro_nb.http import Client, PreparedRequest, Retries, Running, new_id, transport
from astro_nb.http.request_flow import redirect_address
from astro_nb.messages import Request
from astro_nb.openapi import load

SPEC = load()
TOKEN = "planted-token-1234"
Act = Callable[[socket.socket], Any]


def say(status: int = 200, body: bytes = b"{}", *headers: str, length: int | None = None) -> Act:
    """A response with this status and body; `length` is the Content-Length that it declares."""
    lines = [f"HTTP/1.1 {status} Word", f"Content-Length: {len(body) if length is None else length}", *headers]
    return lambda connection: connection.sendall("\r\n".join([*lines, "", ""]).encode() + body)


def reset(connection: socket.socket) -> None:
    """Break the connection hard."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def endless(connection: socket.socket) -> None:
    """A response that does not end."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        connection.sendall(b"1000\r\n" + b"x" * 4096 + b"\r\n")


def hang(connection: socket.socket) -> None:
    """No response until the client gives up."""
    connection.settimeout(5)
    connection.recv(1)


@dataclass
class Wire:
    """A server that responds to each request with the next act of a script; the last act is repeated."""

    script: list[Act]
    requests: list[bytes] = field(default_factory=list)
    url: str = ""

    def __enter__(self) -> Wire:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.listen, daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)  # else the port stays open until the next connection
        self.listener.close()

    def listen(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection: socket.socket) -> None:
        try:
            while head := self.read(connection):
                self.requests.append(head)
                act = self.script.pop(0) if len(self.script) > 1 else self.script[0]
                act(connection)
                if act in (reset, hang):
                    return
        except OSError:
            pass
        finally:
            connection.close()

    @staticmethod
    def read(connection: socket.socket) -> bytes:
        data = b""
        while not data.endswith(b"\r\n\r\n"):
            piece = connection.recv(65536)
            if not piece:
                return b""
            data += piece
        return data


def prepare(url: str, operation: str = "ListWorkspaces", path: str = "/secret-path") -> PreparedRequest:
    """Return a request of an operation, with a token in it."""
    found = SPEC.operation(operation)
    shown = Request(found.method, url + path, (("Authorization", "Bearer *****"), ("Accept", "*/*")))
    sent = Request(found.method, url + path, (("Authorization", f"Bearer {TOKEN}"), ("Accept", "*/*")), secret=True)
    return PreparedRequest(found, Call(operation), shown, sent, frozenset({TOKEN}))


Sender = Callable[[Client, PreparedRequest], Exchange]
WAYS: dict[str, Sender] = {
    "send": lambda client, prepared: client.send(prepared),
    "start": lambda client, prepared: client.start(prepared).result(4),
}


@pytest.fixture(params=WAYS)
def send(request: pytest.FixtureRequest) -> Sender:
    """Both drivers: the blocking one, and the one in the background."""
    return WAYS[request.param]


@pytest.fixture
def sleeps() -> list[float]:
    """The waits that the client asked for; no time passes."""
    return []


@pytest.fixture
def client(sleeps: list[float]) -> Iterator[Client]:
    """A client whose waits take no time and have no jitter."""
    made = Client({"connect": 2.0, "read": 2.0}, sleep=sleeps.append, chance=lambda: 1.0)
    yield made
    made.close()


def test_transient_errors_are_retried(client: Client, sleeps: list[float]) -> None:
    """A read succeeds after a 503, a reset and a 429; each attempt is reported, with its outcome and the next wait."""
    reported: list[Attempt] = []
    with Wire([say(503), reset, say(429, b"slow down", "Retry-After: 3"), say(200, b'{"ok":1}')]) as wire:
        exchange = client.send(prepare(wire.url), reported.append)
    assert exchange.ok
    assert sleeps == [1.0, 2.0, 3.0]
    assert list(exchange.attempts) == reported
    assert [(a.number, a.outcome, a.retry_in) for a in reported] == [
        (1, "503", 1.0),
        (2, "broken", 2.0),
        (3, "429", 3.0),
        (4, "200", 0.0),
    ]
    assert "429, too many requests" in reported[2].decision


@pytest.mark.parametrize("act", [say(503), say(504), reset, hang, say(200, b"{", length=50)])
def test_a_create_is_never_sent_twice(act: Act, send: Sender, sleeps: list[float]) -> None:
    """After a 5xx, a break, a time-out or a truncated response, the attempt says that it may have been carried out."""
    client = Client({"read": 0.2}, sleep=sleeps.append)
    with Wire([act, act]) as wire:
        if act not in (reset, hang):
            wire.script[0] = wire.script[1] = lambda connection: (act(connection), connection.close())
        exchange = send(client, prepare(wire.url, "CreateWorkspace"))
    client.close()
    assert not exchange.ok
    assert len(wire.requests) == len(exchange.attempts) == 1
    assert "may have been carried out" in exchange.attempts[0].decision
    assert sleeps == []


def test_a_create_is_repeated_after_a_429(client: Client, sleeps: list[float]) -> None:
    """A 429 was refused before any work: even a create is sent again."""
    with Wire([say(429), say(200)]) as wire:
        assert client.send(prepare(wire.url, "CreateWorkspace")).ok
    assert (len(wire.requests), sleeps) == (2, [1.0])


def test_a_failed_connection_is_retried(send: Sender, sleeps: list[float]) -> None:
    """If nothing listens, every method is tried twice, and the message names the host, not the path."""
    with socket.create_server(("127.0.0.1", 0)) as gone:
        url = f"http://127.0.0.1:{gone.getsockname()[1]}"
    retries = Retries(attempts=3, base=0.001)
    client = Client(retries=retries, sleep=sleeps.append, chance=lambda: 1.0)
    exchange = send(client, prepare(url, "CreateWorkspace"))
    client.close()
    assert exchange.failure is not None
    assert (exchange.failure.kind, len(exchange.attempts)) == ("connect", 2)
    assert url.removeprefix("http://") in exchange.failure.message
    assert "secret-path" not in repr(exchange.failure) + repr(exchange)
    assert exchange.failure.todo.endswith(".")


def test_time_and_waits_are_bounded() -> None:
    """By the injected clock, no attempt begins after the total."""
    now = [0.0]
    retries = Retries(attempts=100, total=20.0)

    def sleep(seconds: float) -> None:
        now[0] += seconds

    client = Client(retries=retries, sleep=sleep, clock=lambda: now[0], chance=lambda: 1.0)
    with Wire([say(503)]) as wire:
        exchange = client.send(prepare(wire.url))
    client.close()
    assert [a.retry_in for a in exchange.attempts] == [1, 2, 4, 8, 0]
    assert exchange.elapsed == 15
    assert "total of 20 s" in exchange.attempts[-1].decision


def test_a_long_retry_after_is_reported(client: Client, sleeps: list[float]) -> None:
    """A client does not wait an hour; the exchange says how long the server asks to wait."""
    with Wire([say(429, b"", "Retry-After: 3600")]) as wire:
        exchange = client.send(prepare(wire.url))
    assert (exchange.status, sleeps) == (429, [])
    assert "the server asks to wait 3600 s" in exchange.attempts[0].decision


@pytest.mark.parametrize(
    ("act", "kind"),
    [
        (reset, "broken"),
        (hang, "timeout"),
        (lambda c: (say(200, b"{", length=50)(c), c.close()), "broken"),
        (say(200, b"\xff no gzip", "Content-Encoding: gzip"), "broken"),
        (say(200, gzip.compress(b"cut")[:-1], "Content-Encoding: gzip"), "broken"),
        (lambda c: (c.sendall(b"SSH-2.0-OpenSSH_9\r\n\r\n"), c.close()), "not http"),
        (lambda c: (c.sendall(b"HTTP/1.1 200 OK\r\nContent-Le"), c.close()), "broken"),
    ],
)
def test_each_break_is_a_failure(act: Act, kind: str, send: Sender) -> None:
    """Resets, time-outs, truncated and wrongly encoded responses and what is not HTTP raise nothing."""
    client = Client({"read": 0.2}, Retries(attempts=1))
    with Wire([act]) as wire:
        exchange = send(client, prepare(wire.url))
    client.close()
    assert exchange.failure is not None
    assert exchange.failure.kind == kind
    assert all(text.endswith(".") for text in (exchange.failure.message, exchange.failure.fault, exchange.failure.todo))
    assert TOKEN not in repr(exchange) + repr(exchange._repr_mimebundle_())


@pytest.mark.parametrize("url", ["http://[bad", "ftp://127.0.0.1", "http://127.0.0.1:99999", "http://a b", "http://"])
def test_a_malformed_url_is_a_failure(url: str, send: Sender) -> None:
    """It is reported as a failure; nothing is raised, and nothing hangs."""
    client = Client(retries=Retries(attempts=1))
    exchange = send(client, prepare(url, path=""))
    client.close()
    assert exchange.failure is not None
    assert exchange.failure.kind in ("invalid", "connect")
    assert exchange.failure.todo


def test_an_endless_response_is_ended(send: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is given up at the size limit, in both drivers."""
    monkeypatch.setattr(transport, "LARGEST_RESPONSE", 100_000)
    client = Client(retries=Retries(attempts=1))
    with Wire([endless]) as wire:
        exchange = send(client, prepare(wire.url))
    client.close()
    assert exchange.failure is not None
    assert exchange.failure.kind == "too large"


def test_thirty_megabytes_are_received(send: Sender, client: Client) -> None:
    """A response of 30 MB, compressed by gzip, is complete."""
    body = b'{"text":"' + b"0123456789" * 3_000_000 + b'"}'
    with Wire([say(200, gzip.compress(body, 1), "Content-Encoding: gzip", "Content-Type: application/json")]) as wire:
        exchange = send(client, prepare(wire.url))
    assert exchange.response is not None
    assert exchange.size == len(body)
    assert exchange.response.body == body


def test_a_redirect_of_the_same_server_is_followed(send: Sender, client: Client) -> None:
    """A read follows it, with its token."""
    with Wire([say(302, b"", "Location: /there?x=1"), say(200, b'{"a":1}')]) as wire:
        assert send(client, prepare(wire.url)).json() == {"a": 1}
    assert wire.requests[1].startswith(b"GET /there?x=1 ")
    assert TOKEN.encode() in wire.requests[1]


def test_a_redirect_to_another_host_carries_no_secret(send: Sender, client: Client) -> None:
    """Another port is another origin: neither the token nor any other header of ours goes there."""
    with Wire([say(200, b'{"a":1}')]) as other, Wire([say(307, b"", f"Location: {other.url}/")]) as wire:
        assert send(client, prepare(wire.url)).json() == {"a": 1}
    assert TOKEN.encode() not in other.requests[0]
    assert b"uthorization" not in other.requests[0]
    assert other.url.removeprefix("http://").encode() in other.requests[0]


@pytest.mark.parametrize(
    ("location", "status", "failure", "requests"),
    [
        ("http://[bad", 302, None, 1),  # no URL: the redirect itself is the response
        ("", 302, None, 1),
        ("ftp://example.org/", None, "invalid", 1),
        ("http://127.0.0.1:1/", None, "connect", 1),
        ("//", None, "redirect", 1),  # the same URL again: a circle
    ],
)
def test_a_bad_redirect_ends_in_an_exchange(
    location: str, status: int | None, failure: str | None, requests: int, send: Sender, sleeps: list[float]
) -> None:
    """A malformed Location is not followed; one that leads nowhere is a failure. Nothing is raised, nothing hangs."""
    client = Client(retries=Retries(attempts=1), sleep=sleeps.append)
    with Wire([say(302, b"", f"Location: {location}")]) as wire:
        exchange = send(client, prepare(wire.url))
    client.close()
    assert exchange.status == status
    assert (exchange.failure.kind if exchange.failure else None) == failure
    assert len(wire.requests) == requests


def test_circles_end_and_creates_are_not_redirected(send: Sender) -> None:
    """A redirect in a circle is the server's fault; a create is not redirected."""
    client = Client(retries=Retries(attempts=1))
    with Wire([say(302, b"", "Location: /again")]) as wire:
        exchange = send(client, prepare(wire.url))
        assert exchange.failure is not None
        assert "circle" in exchange.failure.message
        count = len(wire.requests)
        assert count <= 10
        assert send(client, prepare(wire.url, "CreateWorkspace")).status == 302
        assert len(wire.requests) == count + 1
    client.close()


@pytest.mark.parametrize("secret", [TOKEN, 'with "quotes" and \\', "pässwörd-日本"])
def test_an_echoed_secret_is_redacted(secret: str, send: Sender, client: Client) -> None:
    """A secret that was sent and that the server returns is removed, in whichever send JSON escapes it."""
    prepared = prepare("http://x")
    forms = [json.dumps({"message": f"<{secret}>"}, ensure_ascii=ascii_only).encode() for ascii_only in (True, False)]
    for form in forms:
        with Wire([say(400, form, "Content-Type: application/json")]) as wire:
            found = prepare(wire.url)
            exchange = send(
                client,
                PreparedRequest(prepared.operation, prepared.call, prepared.shown, found.request, frozenset({secret})),
            )
        assert exchange.error is not None
        assert secret not in repr(exchange) + exchange.text + exchange.error.message


def test_a_hundred_requests_share_one_connection(sandbox: anb.Sandbox, send: Sender) -> None:
    """A hundred requests, one after another, are one connection, in either driver."""
    sandbox.limits = False
    client = Client()
    token = sandbox.token()
    prepared = prepare(sandbox.url, path="/organizations")
    sent = Request("GET", prepared.request.url, (("Authorization", f"Bearer {token}"),), secret=True)
    exchanges = [
        send(client, PreparedRequest(prepared.operation, prepared.call, prepared.shown, sent)) for _ in range(100)
    ]
    client.close()
    assert all(exchange.ok for exchange in exchanges)
    assert sandbox.connections == 1


def test_threads_may_share_a_client(client: Client) -> None:
    """Eight threads send two hundred requests; each gets its own response, and connections are reused."""
    with Wire([say(200, b'{"a":1}')]) as wire, ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: client.send(prepare(wire.url)), range(200)))
    assert all(exchange.json() == {"a": 1} for exchange in found)
    assert len({exchange.id for exchange in found}) == 200


def test_ids_are_unique_and_in_order_of_time() -> None:
    """Ids from many threads differ; a later one sorts after an earlier one."""
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda _: new_id(), range(5000)))) == 5000
    row = [new_id() for _ in range(200)]
    assert row == sorted(row)


def cancelled(running: Running, within: float = 3.0) -> None:
    began = time.monotonic()
    exchange = running.result(within)
    assert time.monotonic() - began < within
    assert exchange.failure is not None
    assert exchange.failure.kind == "cancelled"


def test_a_running_request_is_cancelled_at_once() -> None:
    """Cancel ends a request that waits for its response, and one that waits for its next attempt."""
    client = Client(retries=Retries(base=30))
    for act in (hang, say(503)):
        with Wire([act]) as wire:
            attempts: list[Attempt] = []
            running = client.start(prepare(wire.url), attempts.append)
            deadline = time.monotonic() + 3
            while not (wire.requests and (act is hang or attempts)) and time.monotonic() < deadline:
                time.sleep(0.01)
            assert "in progress" in repr(running)
            running.cancel()
            cancelled(running)
            assert "done" in repr(running)
    client.close()


def test_a_request_may_be_cancelled_before_it_begins(client: Client) -> None:
    """Cancel right after start: each of fifty requests has its exchange, none hangs."""
    with Wire([hang]) as wire:
        for _ in range(50):
            running = client.start(prepare(wire.url))
            running.cancel()
            cancelled(running)
        running.cancel()


def test_a_failing_callback_does_not_hang_the_request(client: Client) -> None:
    """What `on_attempt` raises is a warning: the request was sent, and its response counts."""

    def broken(attempt: Attempt) -> None:
        raise ZeroDivisionError

    for send in (client.send, lambda *each: client.start(*each).result(3)):
        with Wire([say(200)]) as wire, pytest.warns(AstroNbWarning, match="ZeroDivisionError"):
            assert send(prepare(wire.url), broken).status == 200


def interrupt_after_request(wire: Wire) -> None:
    """Interrupt this process shortly after the server has a request, so that a slow start does not move the moment."""
    deadline = time.monotonic() + 20
    while not wire.requests and time.monotonic() < deadline:
        time.sleep(0.002)
    time.sleep(0.3)
    os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize("where", ["sending", "waiting"])
def test_the_stop_button_ends_a_request(where: str) -> None:
    """An interrupt while a request is sent, or waits for its next attempt, ends it, and the exchange says so."""
    client = Client(retries=Retries(base=30))
    with Wire([hang if where == "sending" else say(503)]) as wire:
        threading.Thread(target=interrupt_after_request, args=(wire,), daemon=True).start()
        with pytest.raises(KeyboardInterrupt) as caught:
            client.send(prepare(wire.url))
    client.close()
    assert caught.value.exchange.failure.kind == "cancelled"  # type: ignore[attr-defined]  # what the client promises


def test_a_document_is_fetched(client: Client) -> None:
    """Through a redirect; if it does not exist, the error has its URL and the status."""
    with Wire([say(301, b"", "Location: /spec/v1.0"), say(200, b"openapi: 3.0.3"), say(404)]) as wire:
        assert client.fetch(f"{wire.url}/spec") == b"openapi: 3.0.3"
        with pytest.raises(DocumentNotFound, match=r"/gone: the server responded with 404\.") as caught:
            client.fetch(f"{wire.url}/gone")
    assert caught.value.todo
    with pytest.raises(DocumentNotFound, match="No connection"):
        Client(retries=Retries(attempts=1)).fetch(wire.url)


@pytest.mark.parametrize("location", ["", "http://[x", "file:///etc/hostname", "ftp://127.0.0.1/x", "data:,x"])
def test_a_document_redirected_to_no_url(client: Client, location: str) -> None:
    """A redirect to anything but HTTP is not followed, and the error says so."""
    with Wire([say(302, b"", f"Location: {location}")]) as wire, pytest.raises(DocumentNotFound, match="redirects"):
        client.fetch(f"{wire.url}/spec")


def test_the_files_of_a_document_stay_at_its_host(client: Client) -> None:
    """The document itself may move to another host; the files that it refers to may not."""
    with (
        Wire([say(200, b"{}"), say(200, b"{}")]) as other,
        Wire([say(302, b"", f"Location: {other.url}/x")] * 2) as wire,
    ):
        assert client.fetch(f"{wire.url}/spec") == b"{}"
        with pytest.raises(DocumentNotFound, match="redirects"):
            client.fetch(f"{wire.url}/spec", same_host=True)
        assert len(other.requests) == 1
    with Wire([say(302, b"", "Location: /y"), say(200, b"{}")]) as wire:
        assert client.fetch(f"{wire.url}/x", same_host=True) == b"{}"


@pytest.mark.parametrize(
    ("location", "same_host", "wanted"),
    [
        ("/b", True, "https://h/b"), ("https://h:443/b", False, "https://h:443/b"), ("https://g/b", False, "https://g/b"),
        ("https://g/b", True, None), ("http://h/b", False, None), ("http://h/b", True, None), ("//g/b", True, None),
    ],
)  # fmt: skip
def test_from_https_no_redirect_leads_to_http(location: str, same_host: bool, wanted: str | None) -> None:
    """An attacker in the network could change the document."""
    if wanted is None:
        with pytest.raises(DocumentNotFound, match="redirects"):
            redirect_address("https://h/a", location, same_host)
    else:
        assert redirect_address("https://h/a", location, same_host) == wanted


def client_threads(before: set[threading.Thread]) -> list[threading.Thread]:
    return [t for t in set(threading.enumerate()) - before if t.name == "astro_nb-client"]


def test_a_closed_client_has_no_thread(sandbox: anb.Sandbox) -> None:
    """Closing twice is safe, and the client can be used again."""
    before = set(threading.enumerate())
    client = Client()
    prepared = prepare(sandbox.url)
    assert client.start(prepared).result(5).status == client.send(prepared).status == 404
    client.close()
    client.close()
    deadline = time.monotonic() + 3
    while client_threads(before) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not client_threads(before)
    assert client.send(prepared).status == 404
    client.close()


def test_a_prepared_request_shows_no_secret() -> None:
    """No secret is in the repr of a prepared request, a request or a client."""
    prepared = prepare("http://x")
    assert TOKEN not in f"{prepared!r} {prepared.request!r} {prepared} {Client()!r}"
