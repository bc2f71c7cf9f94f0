"""The front ends of the sandbox: a server on loopback, a transport in process, faults, and remote controls."""

from __future__ import annotations

import asyncio
import gzip
import http.client
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import orjson
import pytest
from support.sandbox import TLS, Caller, send_raw

from astro_nb.environments.environment import read_token
from astro_nb.errors import SettingsError, UnknownName, UsageError
from astro_nb.openapi import Spec
from astro_nb.sandbox import Sandbox, SandboxClient
from astro_nb.sandbox.faults import FAULT_KINDS

pytest_plugins = ["support.sandbox_fixtures"]

# ── Server and transport ──────────────────────────────────────────────────────────────────────────────────────────────


def test_start_and_stop_leave_nothing(spec: Spec) -> None:
    """Stopping closes the port and ends every thread, even while a client holds its connection; it may be repeated."""
    before = threading.active_count()
    server = Sandbox(spec)
    assert server.url == ""
    port = urlsplit(server.start().url).port
    assert server.start().url == f"http://127.0.0.1:{port}/v1"
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", "/v1/organizations")
    connection.getresponse().read()
    server.stop()
    server.stop()
    assert threading.active_count() == before
    assert server.url == ""
    with socket.socket() as probe:  # by binding: a connection to a free port may connect to itself
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port or 0))
    connection.close()


def test_several_at_once(spec: Spec) -> None:
    """Several sandboxes run at once, each on its own port with its own resources."""
    with Sandbox(spec) as one, Sandbox(spec) as two:
        assert one.url != two.url
        with (
            httpx.Client(verify=TLS, base_url=one.url + "/") as first,
            httpx.Client(verify=TLS, base_url=two.url + "/") as second,
        ):
            a, b = Caller(one, first), Caller(two, second)
            a.create("CreateWorkspace", {"name": "only here"})
            counts = [caller("ListWorkspaces").json()["totalCount"] for caller in (a, b)]
    assert counts == [5, 4]


def test_a_port_in_use_raises(paused: Sandbox, spec: Spec) -> None:
    """A port that is in use raises an error that says what to do."""
    with pytest.raises(SettingsError, match="Leave the port out"):
        Sandbox(spec).start(urlsplit(paused.url).port or 0)


def test_connections_are_kept_alive_and_counted(paused: Sandbox, caller: Caller) -> None:
    """Requests of one client share one TCP connection; a second client is a second."""
    for _ in range(5):
        caller("ListOrganizations")
    assert paused.connections == 1
    httpx.get(f"{paused.url}/organizations", verify=TLS)
    assert paused.connections == 2
    assert paused.requests == 7


def test_threads_do_not_interfere(paused: Sandbox, caller: Caller) -> None:
    """Many clients at once create as many resources as they requested, each with its own id."""
    ids: list[str] = []

    def work(number: int) -> None:
        with httpx.Client(verify=TLS, base_url=paused.url + "/") as client:
            mine = Caller(paused, client, caller.token)
            ids.extend(mine.create("CreateTeam", {"name": f"team {number}-{i}"})["id"] for i in range(5))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(ids)) == 40
    assert caller("ListTeams", limit=1).json()["totalCount"] == 46


def test_large_bodies_are_refused(paused: Sandbox) -> None:
    """A body over 32 MB is a 413 before it is read, and the connection is closed."""
    connection = http.client.HTTPConnection(urlsplit(paused.url).netloc)
    connection.putrequest("POST", "/v1/organizations/x/teams")
    connection.putheader("Content-Length", str(33 * 1024 * 1024))
    connection.endheaders()
    response = connection.getresponse()
    assert (response.status, response.getheader("connection")) == (413, "close")
    connection.close()


def test_chunked_bodies_are_read(caller: Caller) -> None:
    """A body that is sent in chunks is read."""
    pieces = iter([b'{"name": ', b'"chunky"}'])
    path = f"organizations/{caller.ids['organizationId']}/workspaces"
    response = caller.client.post(path, content=pieces, headers={"Authorization": f"Bearer {caller.token}"})
    assert response.json()["name"] == "chunky"


def test_in_process_transport(spec: Spec) -> None:
    """The in-process transport serves sync and async clients alike, without a socket, gzip included."""
    server = Sandbox(spec)
    with httpx.Client(verify=TLS, transport=server.transport(), base_url=server.in_process_url + "/") as client:
        caller = Caller(server, client)
        assert caller("ListDeployments").json()["totalCount"] == 48
        assert len(caller("GetOrganizationAuditLogs").text.splitlines()) > 100
    assert server.connections == 0

    async def later() -> int:
        async with httpx.AsyncClient(
            verify=TLS, transport=server.transport(), base_url=server.in_process_url
        ) as client:
            response = await client.get("/organizations", headers={"Authorization": f"Bearer {server.token()}"})
            return response.status_code

    assert asyncio.run(later()) == 200


def test_gzip_on_the_wire(paused: Sandbox) -> None:
    """The bytes on the wire are really gzip, with the length of the compressed body."""
    organization = read_token(paused.token(), paused.spec.extensions.token).variables["organizationId"]
    connection = http.client.HTTPConnection(urlsplit(paused.url).netloc)
    headers = {"Authorization": f"Bearer {paused.token()}"}
    connection.request("GET", f"/v1/organizations/{organization}/audit-logs", headers=headers)
    response = connection.getresponse()
    body = response.read()
    connection.close()
    assert int(response.getheader("content-length") or 0) == len(body)
    assert gzip.decompress(body).startswith(b"{")


def test_log_holds_no_secret(paused: Sandbox, caller: Caller) -> None:
    """The log holds requests and statuses, never a token or a body; nor does any repr."""
    caller.create("CreateTeam", {"name": "visible?"})
    seen = paused.log[-1]
    assert (seen.method, seen.operation, seen.status, len(seen.request_id)) == ("POST", "CreateTeam", 200, 25)
    shown = repr(paused.log) + repr(paused) + repr(paused.transport()) + repr(paused.faults)
    assert caller.token not in shown
    assert "visible?" not in shown
    assert " at 0x" not in shown


def test_no_noise(spec: Spec) -> None:
    """A process that starts a sandbox and ends without stopping it prints nothing and ends at once."""
    code = (
        "from astro_nb.sandbox import Sandbox; b = Sandbox().start(); import httpx; httpx.get(b.url + '/organizations')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=20, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


# ── Faults ────────────────────────────────────────────────────────────────────────────────────────────────────────────

BREAKS = {
    "reset": httpx.ReadError,
    "reset_midway": (httpx.ReadError, httpx.RemoteProtocolError),
    "short": httpx.RemoteProtocolError,
}


@pytest.fixture(params=["http", "in process"])
def any_caller(request: pytest.FixtureRequest, spec: Spec) -> Iterator[Caller]:
    """A caller for each front end: faults have the same effect with both."""
    with Sandbox(spec, limits=False) as server:
        real = request.param == "http"
        base = server.url if real else server.in_process_url
        with httpx.Client(verify=TLS, base_url=base + "/", transport=None if real else server.transport()) as client:
            yield Caller(server, client)


@pytest.mark.parametrize("kind", list(BREAKS))
def test_broken_connections(any_caller: Caller, kind: str) -> None:
    """A broken connection raises in the client, once, and the next request succeeds."""
    any_caller.sandbox.faults.add(kind)
    with pytest.raises(BREAKS[kind]):
        any_caller("ListDeployments")
    any_caller("ListDeployments", status=200)
    assert len(any_caller.sandbox.faults) == 0


def test_faults_with_a_response(any_caller: Caller) -> None:
    """Error statuses, rate limits, HTML and truncated JSON are responses with the right lengths."""
    faults, client = any_caller.sandbox.faults, any_caller.client
    headers = {"Authorization": f"Bearer {any_caller.token}"}
    faults.add("status", code=503, retry_after=7)
    response = client.get("organizations", headers=headers)
    assert (response.status_code, response.headers["retry-after"]) == (503, "7")
    assert response.json()["statusCode"] == 503
    faults.add("rate_limit", retry_after=2)
    response = client.get("organizations", headers=headers)
    assert (response.status_code, response.headers["retry-after"], response.text) == (429, "2", "Too many requests")
    faults.add("html")
    response = client.get("organizations", headers=headers)
    assert (response.status_code, response.headers["content-type"]) == (502, "text/html; charset=utf-8")
    faults.add("truncated")
    response = client.get("organizations", headers=headers)
    assert response.status_code == 200
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(response.content)


def test_latency_and_drip(any_caller: Caller) -> None:
    """Latency counts against the read timeout; a body that drips arrives whole."""
    any_caller.sandbox.faults.add("latency", seconds=0.2)
    headers = {"Authorization": f"Bearer {any_caller.token}"}
    with pytest.raises(httpx.ReadTimeout):
        any_caller.client.get("organizations", headers=headers, timeout=0.05)
    any_caller.sandbox.faults.add("drip", seconds=0.1)
    with any_caller.client.stream("GET", "organizations", headers=headers) as response:
        pieces = list(response.iter_raw())
    assert len(pieces) > 1
    assert orjson.loads(b"".join(pieces))["totalCount"] == 1


def test_faults_apply_to_some_requests(paused: Sandbox, caller: Caller) -> None:
    """A fault applies to its operation and method only, as many times as set, with its probability."""
    paused.faults.add("status", code=500, operation="ListTeams", times=2)
    caller("ListUsers", status=200)
    caller("ListTeams", status=500)
    caller("ListTeams", status=500)
    caller("ListTeams", status=200)
    paused.faults.add("status", code=500, method="POST", times=None)
    caller("ListTeams", status=200)
    assert all(caller("CreateTeam", {"name": "n"}).status_code == 500 for _ in range(3))
    paused.faults.clear()
    paused.faults.add("status", code=500, probability=0.5, times=None)
    hits = sum(caller("ListTeams").status_code == 500 for _ in range(40))
    assert 8 <= hits <= 32
    assert [str(fault) for fault in paused.faults] == ["status (code 500) · any operation · always, one in 2"]


def test_a_lost_response_may_have_had_an_effect(paused: Sandbox, caller: Caller) -> None:
    """By default a reset comes before the operation runs; with `done` after it, and only the response is lost."""
    for done, count in ((False, 6), (True, 7)):
        paused.faults.add("reset", done=done)
        with pytest.raises(httpx.ReadError):
            caller("CreateTeam", {"name": "lost"})
        assert caller("ListTeams").json()["totalCount"] == count


def test_handle_raises_for_a_reset(spec: Spec) -> None:
    """Called as a function, the sandbox raises where a connection would break."""
    server = Sandbox(spec)
    server.faults.add("reset")
    with pytest.raises(ConnectionResetError):
        send_raw(server, "GET", "/organizations", token=server.token())


def test_unknown_faults_are_refused(spec: Spec) -> None:
    """A fault or an option that does not exist raises, and names the known ones."""
    faults = Sandbox(spec).faults
    with pytest.raises(UnknownName, match="latency"):
        faults.add("latencyy")
    with pytest.raises(UnknownName, match="seconds"):
        faults.add("latency", second=3)
    with pytest.raises(UsageError):
        faults.add("reset", probability=2)
    assert len(faults) == 0
    assert set(FAULT_KINDS) == {
        "latency", "status", "rate_limit", "reset", "reset_midway", "truncated", "short", "html", "drip"
    }  # fmt: skip


# ── Controls over HTTP ────────────────────────────────────────────────────────────────────────────────────────────────


def test_remote_controls(paused: Sandbox) -> None:
    """A sandbox in another process has the same controls: faults, speed, limits, reset, tokens and counts."""
    client = SandboxClient(paused.url)
    assert client.url == paused.url
    client.speed = 10
    assert (paused.speed, client.speed) == (10, 10)
    client.limits = True
    assert paused.limits is True
    client.faults.add("status", code=500, times=2)
    assert [fault.to_dict() for fault in client.faults] == [fault.to_dict() for fault in paused.faults]
    client.faults.clear()
    assert len(paused.faults) == len(client.faults) == 0
    token = client.token("workspace")
    assert (
        httpx.get(f"{paused.url}/organizations", headers={"Authorization": f"Bearer {token}"}, verify=TLS).status_code
        == 200
    )
    assert (client.requests, client.connections > 5) == (1, True)
    client.reset()
    with pytest.raises(UsageError, match="planet"):
        client.token("planet")
    with pytest.raises(UnknownName):
        client.faults.add("nonsense")


def test_no_web_page_uses_the_controls(paused: Sandbox) -> None:
    """The controls refuse an Origin, a foreign Host and the requests of a page; their state holds no token."""
    base = paused.url.removesuffix("/v1")
    for headers in ({"Origin": "http://localhost"}, {"Host": "evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        assert httpx.post(f"{base}/-/reset", headers=headers, verify=TLS).status_code == 403
        assert httpx.get(f"{base}/-/token", headers=headers, verify=TLS).status_code == 403
    assert httpx.get(f"{base}/-/nothing", verify=TLS).status_code == 404
    assert httpx.post(f"{base}/-/speed", content=b"{", verify=TLS).status_code == 400
    assert httpx.post(f"{base}/-/speed", json={"speed": -1}, verify=TLS).status_code == 400
    assert "token" not in httpx.get(f"{base}/-/state", verify=TLS).text


def test_no_sandbox_at_the_url(spec: Spec) -> None:
    """A client of a URL without a sandbox raises an error that says what to do."""
    server = Sandbox(spec).start()
    url = server.url
    server.stop()
    with pytest.raises(SettingsError, match="Start one"):
        SandboxClient(url).state()
