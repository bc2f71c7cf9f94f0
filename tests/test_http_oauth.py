"""OAuth 2.0 access tokens by client credentials, from a real server on loopback: once, in time, and in secret."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from support.servers import LocalServer, json_response

from astro_nb.call import Call
from astro_nb.environments import Environment, Grant, Variables
from astro_nb.errors import AstroNbError, SecretRefused, SettingsError
from astro_nb.exchange import Exchange, Failure
from astro_nb.history import History
from astro_nb.http import Client, PreparedRequest, Retries
from astro_nb.http.request_flow import Authorize, request_flow
from astro_nb.messages import Request, Response, header
from astro_nb.openapi import Spec, load
from astro_nb.secrets import Secret
from astro_nb.session import Session, open_session

CLIENT, SECRET = "client one", "planted:secret/7f3a"


class Server(LocalServer):
    """A token endpoint and a resource on one port: it records requests, and may refuse them."""

    def __init__(self) -> None:
        super().__init__(self.token_or_resource)
        self.token_requests: list[tuple[dict[str, list[str]], str]] = []
        self.served: list[str] = []
        self.life: Any = 3600
        self.response: tuple[int, Any] | None = None
        self.refuse: set[str] = set()
        self.delay = 0.0

    def token_or_resource(self, request: Request) -> Response:
        """Return the response to a request for a token (POST), or for the resource (GET)."""
        authorization = header(request.headers, "authorization")
        if request.method == "POST":
            status, data = self.token(parse_qs(request.body.decode()), authorization)
            return (
                replace(json_response(status=status), body=data)
                if isinstance(data, bytes)
                else json_response(data, status)
            )
        self.served.append(authorization)
        refused = not authorization or authorization.removeprefix("Bearer ") in self.refuse
        return json_response({"echo": authorization}, 401 if refused else 200)

    def token(self, form: dict[str, list[str]], login: str) -> tuple[int, Any]:
        """Return the response to a request for a token."""
        time.sleep(self.delay)
        self.token_requests.append((form, login))
        if self.response:
            return self.response
        data = {"access_token": f"planted-token-{len(self.token_requests)}", "token_type": "Bearer"}
        return 200, data | ({} if self.life is None else {"expires_in": self.life})


@pytest.fixture
def server() -> Iterator[Server]:
    """A fresh server."""
    with Server() as started:
        yield started


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


def test_the_client_gets_a_token_once(server: Server) -> None:
    """One request for a token (RFC 6749, sections 2.3.1 and 4.4.2); every call is sent with it."""
    client_session = session(server, scopes=["read", "write"])
    assert [client_session.call("x").status for _ in range(3)] == [200, 200, 200]
    assert server.served == ["Bearer planted-token-1"] * 3
    ((form, login),) = server.token_requests
    assert form == {"grant_type": ["client_credentials"], "scope": ["read write"]}
    assert base64.b64decode(login.removeprefix("Basic ")).decode() == "client+one:planted%3Asecret%2F7f3a"


def test_the_secret_may_be_in_the_form(server: Server) -> None:
    """`client_secret_post`, for servers that do not support Basic."""
    assert session(server, method="client_secret_post").call("x").ok
    ((form, login),) = server.token_requests
    assert (form["client_id"], form["client_secret"], login) == ([CLIENT], [SECRET], "")
    assert "scope" not in form


def test_a_token_is_renewed_before_it_expires(server: Server) -> None:
    """By the client's clock: shortly before `expires_in` it is no longer used; a string of digits is a number too."""
    now = [0.0]
    server.life = "100"
    client_session = session(server, clock=lambda: now[0])
    for moment, tokens in ((0.0, 1), (89.0, 1), (91.0, 2), (180.0, 2), (182.0, 3)):
        now[0] = moment
        assert client_session.call("x").ok
        assert len(server.token_requests) == tokens


def test_a_token_without_an_expiry_is_used_until_it_is_refused(server: Server) -> None:
    """A 401 renews it once; the response to the second token is the result."""
    server.life = None
    client_session = session(server)
    assert client_session.call("x").ok
    server.refuse = {"planted-token-1"}
    assert client_session.call("x").ok
    assert (len(server.token_requests), server.served[-2:]) == (2, ["Bearer planted-token-1", "Bearer planted-token-2"])
    server.refuse |= {f"planted-token-{n}" for n in range(2, 9)}
    assert client_session.call("x").status == 401
    assert len(server.token_requests) == 3


@pytest.mark.parametrize("driver", ["call", "start"])
def test_calls_at_one_time_get_one_token(server: Server, driver: str) -> None:
    """Calls that wait for the token share it, on threads and in the background."""
    server.delay = 0.2
    client_session = session(server)
    if driver == "call":
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda _: client_session.call("x"), range(8)))
    else:
        found = [running.result(10) for running in [client_session.start(Call("x")) for _ in range(8)]]
    assert all(exchange.ok for exchange in found)
    assert len(server.token_requests) == 1


@pytest.mark.parametrize(
    ("response", "reason"),
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
def test_each_error_is_a_failure_with_its_reason(server: Server, response: tuple[int, Any], reason: str) -> None:
    """The call is not sent, and its exchange says why and what to do, without the secret."""
    server.response = response
    exchange = session(server).call("x")
    assert exchange.failure is not None
    assert (exchange.failure.kind, exchange.ok, server.served) == ("token", False, [])
    assert reason in exchange.failure.message
    assert exchange.failure.todo
    assert SECRET not in exchange.failure.message


def test_a_token_endpoint_that_is_not_there(server: Server) -> None:
    """A failure like any other."""
    client_session = session(server, token_url="http://127.0.0.1:9/token")
    client_session.credentials.environment = replace(client_session.environment, hosts=("127.0.0.1:9",))
    exchange = client_session.call("x")
    assert exchange.failure is not None
    assert exchange.failure.kind == "connect"


@pytest.mark.parametrize("url", ["https://evil.example/token", "http://api.example.com/token", "//x"])
def test_no_other_host_sees_the_secret(server: Server, url: str) -> None:
    """The token endpoint must be on the environment's host or one of its `hosts`, with https except on loopback."""
    with pytest.raises(SecretRefused):
        session(server, token_url=url).call("x")
    assert server.token_requests == []


def test_an_unknown_endpoint_is_an_error(server: Server) -> None:
    """Neither the environment nor the document names one."""
    with pytest.raises(SettingsError, match="token_url"):
        session(server, token_url="").call("x")


def test_tokens_and_secrets_are_nowhere(server: Server, tmp_path: Path) -> None:
    """Not in the exchange, although the server echoes the token, nor in the history, a repr, a snippet or a request."""
    client_session = session(server, history=tmp_path / "h.sqlite")
    exchange = client_session.call("x")
    server.refuse = {"planted-token-1"}
    other = client_session.call("x")
    plan = client_session.prepare(Call("x"))
    kinds = ("Python (httpx)", "Python (astro_nb)", "curl")
    shown = [repr(plan), repr(plan.grant), repr(exchange), exchange.text, other.text, repr(exchange.request.headers)]
    shown += [client_session.snippet(kind, Call("x")) for kind in kinds] + [
        repr(client_session.history[0].request.headers)
    ]
    client_session.history.close()
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir()).decode("latin-1")
    for text in [*shown, kept]:
        assert "planted" not in text
    assert "*****" in exchange.text
    assert 'os.environ["OAUTH_TOKEN"]' in client_session.snippet("Python (httpx)", Call("x"))


def test_a_header_of_the_call_takes_precedence(server: Server) -> None:
    """With an Authorization header no token is requested."""
    client_session = session(server)
    assert client_session.send(Call("x", headers={"Authorization": "Bearer mine"})).ok
    assert (server.token_requests, server.served) == ([], ["Bearer mine"])


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
    """By its fields; the message does not repeat a value that may be the secret."""
    with pytest.raises(AstroNbError) as raised:
        Environment("e", credentials={"OAuth": given})
    assert "in the clear" not in str(raised.value)
    assert raised.value.todo


def test_a_token_failure_in_the_background(server: Server) -> None:
    """`start` returns the exchange with the failure too."""
    server.response = (400, {"error": "invalid_client"})
    client_session, found = session(server), list[Exchange]()
    found.append(client_session.start(Call("x")).result(10))
    deadline = time.monotonic() + 5
    while not found and time.monotonic() < deadline:
        time.sleep(0.01)
    assert found[0].failure is not None


def test_a_broken_token_endpoint_leaves_no_doubt_about_the_request() -> None:
    """Without a token nothing was sent: the failure is "connect", and the outcome "failed", not "unknown"."""
    grant = Grant("http://127.0.0.1:1/token", "me", "word-of-a-client", "", "post")
    sent = Request("POST", "http://127.0.0.1:1/x")
    plan = PreparedRequest(load().operation("CreateWorkspace"), Call("CreateWorkspace"), sent, sent, grant=grant)
    flow = request_flow(plan, Retries(attempts=1), time.monotonic, lambda: 0.0)
    assert isinstance(next(flow), Authorize)
    with pytest.raises(StopIteration) as ended:
        flow.send(Failure("timeout", "no token in time", "The server.", "Try again."))
    assert ended.value.value.failure.kind == "connect"
    assert ended.value.value.outcome == "failed"
