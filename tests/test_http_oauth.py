"""Tokens are got by OAuth 2.0 client credentials, from a real server on loopback: once, in time, and in secret."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from astro_nb.call import Call
from astro_nb.environments import Environment, Grant, Variables
from astro_nb.errors import AstroNbError, SecretRefused, SettingsError
from astro_nb.exchange import Exchange, Failure
from astro_nb.history import History
from astro_nb.http import Client, PreparedRequest, Retries
from astro_nb.http.request_flow import Authorize, request_flow
from astro_nb.messages import Request
from astro_nb.openapi import Spec, load
from astro_nb.secrets import Secret
from astro_nb.session import Session, open_session

CLIENT, SECRET = "client one", "planted:secret/7f3a"


class Server:
    """A token endpoint and a resource on one port: it counts, it may refuse, and its tokens may be short-lived."""

    def __init__(self) -> None:
        self.asked: list[tuple[dict[str, list[str]], str]] = []
        self.served: list[str] = []
        self.life: Any = 3600
        self.answer: tuple[int, Any] | None = None
        self.refuse: set[str] = set()
        self.delay = 0.0
        handler = type("Handler", (_Handler,), {"server_state": self})
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        threading.Thread(target=self._http.serve_forever, daemon=True).start()

    def token(self, form: dict[str, list[str]], login: str) -> tuple[int, Any]:
        """The answer to a request for a token."""
        time.sleep(self.delay)
        self.asked.append((form, login))
        if self.answer:
            return self.answer
        told = {"access_token": f"planted-token-{len(self.asked)}", "token_type": "Bearer"}
        return 200, told | ({} if self.life is None else {"expires_in": self.life})

    def close(self) -> None:
        """Stop."""
        self._http.shutdown()
        self._http.server_close()


class _Handler(BaseHTTPRequestHandler):
    server_state: Server
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:  # the standard library's name
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self._say(*self.server_state.token(parse_qs(body), self.headers.get("Authorization", "")))

    def do_GET(self) -> None:  # the standard library's name
        state, given = self.server_state, self.headers.get("Authorization", "")
        state.served.append(given)
        refused = not given or given.removeprefix("Bearer ") in state.refuse
        self._say(401 if refused else 200, {"echo": given})

    def _say(self, status: int, data: Any) -> None:
        content = data if isinstance(data, bytes) else json.dumps(data).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the standard library's name
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    """A fresh server."""
    started = Server()
    yield started
    started.close()


def session(server: Server, clock: Any = time.monotonic, history: Path | None = None, **credential: Any) -> Session:
    """A session whose environment holds a client for the scheme `OAuth`."""
    given = {
        "client_id": CLIENT,
        "client_secret": Secret.in_memory(SECRET, "SECRET"),
        "token_url": f"{server.url}/token",
    }
    schemes = {"OAuth": {"type": "oauth2", "flows": {}}}
    raw = {"operationId": "x", "security": [{"OAuth": []}], "responses": {}}
    document = {"openapi": "3.1.1", "components": {"securitySchemes": schemes}, "paths": {"/x": {"get": raw}}}
    spec = Spec(document)
    environment = Environment("e", base_url=server.url, credentials={"OAuth": {**given, **credential}})
    client = Client(clock=clock, retries=Retries(attempts=1))
    return open_session(spec, environment, Variables(), client, History(spec, history))


def test_the_client_gets_a_token_and_keeps_it(server: Server) -> None:
    """One request for a token, as RFC 6749 has it (2.3.1, 4.4.2); every call goes out with it."""
    asking = session(server, scopes=["read", "write"])
    assert [asking.call("x").status for _ in range(3)] == [200, 200, 200]
    assert server.served == ["Bearer planted-token-1"] * 3
    ((form, login),) = server.asked
    assert form == {"grant_type": ["client_credentials"], "scope": ["read write"]}
    assert base64.b64decode(login.removeprefix("Basic ")).decode() == "client+one:planted%3Asecret%2F7f3a"


def test_the_secret_may_stand_in_the_form(server: Server) -> None:
    """`client_secret_post`, for servers that know no Basic."""
    assert session(server, method="client_secret_post").call("x").ok
    ((form, login),) = server.asked
    assert (form["client_id"], form["client_secret"], login) == ([CLIENT], [SECRET], "")
    assert "scope" not in form


def test_a_token_is_renewed_before_it_ends(server: Server) -> None:
    """By the client's clock: shortly before `expires_in` it is not used any more; a text of digits is a number too."""
    now = [0.0]
    server.life = "100"
    asking = session(server, clock=lambda: now[0])
    for moment, tokens in ((0.0, 1), (89.0, 1), (91.0, 2), (180.0, 2), (182.0, 3)):
        now[0] = moment
        assert asking.call("x").ok
        assert len(server.asked) == tokens


def test_a_token_without_an_end_is_kept_until_it_is_refused(server: Server) -> None:
    """A 401 has it renewed once; what the second token is answered is what is told."""
    server.life = None
    asking = session(server)
    assert asking.call("x").ok
    server.refuse = {"planted-token-1"}
    assert asking.call("x").ok
    assert (len(server.asked), server.served[-2:]) == (2, ["Bearer planted-token-1", "Bearer planted-token-2"])
    server.refuse |= {f"planted-token-{n}" for n in range(2, 9)}
    assert asking.call("x").status == 401
    assert len(server.asked) == 3


@pytest.mark.parametrize("way", ["call", "start"])
def test_calls_at_one_time_get_one_token(server: Server, way: str) -> None:
    """Whoever waits for the token gets the same one, on threads and in the background."""
    server.delay = 0.2
    asking = session(server)
    if way == "call":
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda _: asking.call("x"), range(8)))
    else:
        found = [running.result(10) for running in [asking.start(Call("x")) for _ in range(8)]]
    assert all(exchange.ok for exchange in found)
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((401, {"error": "invalid_client", "error_description": f"no {SECRET} here\n"}), "invalid_client: no"),
        ((400, {"error": "invalid_scope"}), "invalid_scope"),
        ((500, b"<html>"), "status 500 without a token"),
        ((200, {"token_type": "bearer"}), "without a token"),
        ((200, {"access_token": "a\nb"}), "without a token"),
        ((200, {"access_token": "abc", "token_type": "mac"}), "of a type that is not supported"),
        ((200, [1]), "without a token"),
    ],
)
def test_what_goes_wrong_is_told_in_a_sentence(server: Server, answer: tuple[int, Any], words: str) -> None:
    """The call is not sent, and its exchange says why and what to do, without the secret."""
    server.answer = answer
    exchange = session(server).call("x")
    assert exchange.failure is not None
    assert (exchange.failure.kind, exchange.ok, server.served) == ("token", False, [])
    assert words in exchange.failure.message
    assert exchange.failure.todo
    assert SECRET not in exchange.failure.message


def test_a_token_endpoint_that_is_not_there(server: Server) -> None:
    """A failure like any other."""
    asking = session(server, token_url="http://127.0.0.1:9/token")
    asking.credentials.environment = replace(asking.environment, hosts=("127.0.0.1:9",))
    exchange = asking.call("x")
    assert exchange.failure is not None
    assert exchange.failure.kind == "connect"


@pytest.mark.parametrize("url", ["https://evil.example/token", "http://api.example.com/token", "//x"])
def test_no_other_host_sees_the_secret(server: Server, url: str) -> None:
    """The environment's own host or one of its `hosts`, by https beyond loopback."""
    with pytest.raises(SecretRefused):
        session(server, token_url=url).call("x")
    assert server.asked == []


def test_an_endpoint_has_to_be_known(server: Server) -> None:
    """It is said in words where neither the environment nor the document names one."""
    with pytest.raises(SettingsError, match="token_url"):
        session(server, token_url="").call("x")


def test_tokens_and_secrets_are_nowhere(server: Server, tmp_path: Path) -> None:
    """Not in the exchange, which the server has echoed the token into, the history, a repr, a snippet or a plan."""
    asking = session(server, history=tmp_path / "h.sqlite")
    exchange = asking.call("x")
    server.refuse = {"planted-token-1"}
    other = asking.call("x")
    plan = asking.prepare(Call("x"))
    kinds = ("Python (httpx)", "Python (astro_nb)", "curl")
    shown = [repr(plan), repr(plan.grant), repr(exchange), exchange.text, other.text, repr(exchange.request.headers)]
    shown += [asking.snippet(kind, Call("x")) for kind in kinds] + [repr(asking.history[0].request.headers)]
    asking.history.close()
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir()).decode("latin-1")
    for text in [*shown, kept]:
        assert "planted" not in text
    assert "*****" in exchange.text
    assert 'os.environ["OAUTH_TOKEN"]' in asking.snippet("Python (httpx)", Call("x"))


def test_a_header_of_the_call_goes_before_a_token(server: Server) -> None:
    """Whoever writes Authorization means it; nothing is asked for."""
    asking = session(server)
    assert asking.send(Call("x", headers={"Authorization": "Bearer mine"})).ok
    assert (server.asked, server.served) == ([], ["Bearer mine"])


@pytest.mark.parametrize(
    "given",
    [
        {"client_id": "a"},
        {"client_id": "a", "client_secret": "in the clear"},
        {"client_id": "a", "client_secret": "env:A", "scope": "b"},
        {"client_id": "a", "client_secret": "env:A", "scopes": [1]},
        {"client_id": "a", "client_secret": "env:A", "method": "none"},
        {"client_id": 1, "client_secret": "env:A"},
        {"username": "a", "password": "in the clear"},
        {"user": "a", "password": "env:A"},
    ],
)
def test_a_credential_is_checked_when_it_is_given(given: dict[str, Any]) -> None:
    """By its fields, in words that do not repeat what may be the secret."""
    with pytest.raises(AstroNbError) as raised:
        Environment("e", credentials={"OAuth": given})
    assert "in the clear" not in str(raised.value)
    assert raised.value.todo


def test_an_exchange_in_the_background_is_kept(server: Server) -> None:
    """`start` hands over the exchange with the token's failure too."""
    server.answer = (400, {"error": "invalid_client"})
    asking, found = session(server), list[Exchange]()
    found.append(asking.start(Call("x")).result(10))
    deadline = time.monotonic() + 5
    while not found and time.monotonic() < deadline:
        time.sleep(0.01)
    assert found[0].failure is not None


def test_a_token_server_that_breaks_leaves_no_doubt_about_the_request() -> None:
    """Where no token came, nothing was sent: the failure is one of connecting, and the outcome is no "unknown"."""
    grant = Grant("http://127.0.0.1:1/token", "me", "word-of-a-client", "", "post")
    sent = Request("POST", "http://127.0.0.1:1/x")
    plan = PreparedRequest(load().operation("CreateWorkspace"), Call("CreateWorkspace"), sent, sent, grant=grant)
    talk = request_flow(plan, Retries(attempts=1), time.monotonic, lambda: 0.0)
    assert isinstance(next(talk), Authorize)
    with pytest.raises(StopIteration) as ended:
        talk.send(Failure("timeout", "no token came in time", "The server.", "Try again."))
    assert ended.value.value.failure.kind == "connect"
    assert ended.value.value.outcome == "failed"
