"""Secrets are sent to no other host: redirects, look-alikes, plain HTTP, two environments at once."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.planted import BEARER, ONE_TIME, PASTED, TYPED, Seen, assert_clean, document, served

from astro_nb import Environment, Secret, Workbench, connect
from astro_nb.environments import save_environment
from astro_nb.errors import SecretRefused, UnknownName
from astro_nb.http.request_flow import redirected_request
from astro_nb.messages import Request, Response

RELATIVE = "https:api.example.com"
"""A relative reference (RFC 3986, section 5.2.2), but no URL of its own: it is resolved at the same host."""

HOME = Environment("home", base_url="https://api.example.com/v1", credentials={"T": "env:PLANTED_BEARER"})
AWAY = [
    "https://api.example.com.evil.test/v1", "https://api.example.com@evil.test/v1", "https://evil.test/api.example.com",
    "https://xapi.example.com/", "https://example.com/", "https://api.example.com./", "https://api-example.com/",
    "https://\u0430pi.example.com/", "https://xn--pi-7kc.example.com/", "https://api.example.com\u3002evil.test/",
    "https://api.example.com\\.evil.test/", "https://api.example.com\\@evil.test/", "https://evil.test#@api.example.com/",
    "https://evil.test?@api.example.com/", "https://evil.test/\\@api.example.com/", "https://[::ffff:1.2.3.4]/",
    "http://api.example.com/v1", "HTTP://API.EXAMPLE.COM/", "ftp://api.example.com/", "//api.example.com.evil.test/",
    "https://api.example.com%2eevil.test/", "https://api.example.com%00.evil.test/", RELATIVE,
]  # fmt: skip


@pytest.fixture(autouse=True)
def planted_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PLANTED_BEARER", BEARER)
    monkeypatch.chdir(tmp_path)


def bench(url: str, **more: Any) -> Workbench:
    """A workbench at a server, with the planted token."""
    environment = Environment("planted", base_url=url, credentials={"T": "env:PLANTED_BEARER"}, **more)
    return connect(environment, spec=document(), history=None)


# --- look-alikes ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("url", AWAY)
def test_a_look_alike_is_refused(url: str) -> None:
    """Another host in any spelling, and plain HTTP: refused with a message."""
    with pytest.raises(SecretRefused) as caught:
        HOME.require_allowed_host(url)
    assert caught.value.todo


@pytest.mark.parametrize(
    "url", ["https://API.Example.COM/x", "https://api.example.com:443/", "https://api.example.com:8443/"]
)
def test_the_same_host_in_other_spellings_is_allowed(url: str) -> None:
    """Case and port do not make another host of a public one."""
    HOME.require_allowed_host(url)


def test_each_environment_allows_its_own_hosts() -> None:
    """Each environment allows its own server and hosts, whatever was checked before."""
    away = Environment("away", base_url="https://evil.test/v1")
    wide = Environment("wide", base_url="https://api.example.com/v1", hosts=("evil.test",))
    for _ in range(2):
        for home, url in ((HOME, "https://evil.test/v1"), (away, "https://api.example.com/v1")):
            wide.require_allowed_host(url)
            with pytest.raises(SecretRefused):
                home.require_allowed_host(url)
    local = Environment("local", base_url="http://127.0.0.1:8080")
    local.require_allowed_host("http://127.0.0.1:8080/x?http://evil.test")
    with pytest.raises(SecretRefused):
        local.require_allowed_host("http://127.0.0.1:8081/x")


HOSTS = st.sampled_from(["api.example.com", "evil.test", "127.0.0.1", "user", "API.example.com"])
SIGNS = st.sampled_from([*"@:/\\?#.%[]\t\n 0;&,\u3002\uff0f\u2100", "//", "%40", "%2f", "%5c", ":443", "xn--"])


@given(st.lists(HOSTS | SIGNS, max_size=8).map("".join))
@example("evil.test\\@api.example.com")
@example("api.example.com\t.evil.test")
@settings(max_examples=1500, deadline=None)
def test_the_checked_host_is_the_requested_host(rest: str) -> None:
    """An allowed URL is sent to the allowed host: the check and the transport parse it alike."""
    try:
        HOME.require_allowed_host(f"https://{rest}")
        target = httpx.URL(f"https://{rest}")
    except (SecretRefused, httpx.InvalidURL, ValueError):
        return
    assert target.host == "api.example.com"


def redirected(url: str) -> Request | None:
    """The request that follows a redirect of a request with secrets in its headers and its body."""
    headers = (("Authorization", BEARER), ("X-Key", PASTED), ("Cookie", BEARER), ("Accept", "*/*"))
    request = Request("GET", "https://api.example.com/a?key=1", headers, TYPED.encode(), secret=True)
    return redirected_request(request, Response(302, (("Location", url),)))


@pytest.mark.parametrize("url", [url for url in AWAY if url != RELATIVE])
def test_a_redirect_to_a_look_alike_drops_secrets(url: str) -> None:
    """The redirect is followed without headers and body, and not marked as a request with a secret."""
    other = redirected(url)
    assert other is not None
    assert not other.url.startswith("https://api.example.com/")
    assert (other.headers, other.body, other.secret) == ((("Accept", "*/*"),), b"", False)
    assert_clean(other.url, "the address")


@pytest.mark.parametrize("url", ["/b", "https://API.example.com/b", RELATIVE])
def test_a_redirect_to_the_same_host_keeps_secrets(url: str) -> None:
    """The control of the test above: headers are removed only for another host."""
    other = redirected(url)
    assert other is not None
    assert ("Authorization", BEARER) in other.headers
    assert other.secret


# --- real servers -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "localhost"])
@pytest.mark.parametrize("way", ["cell", "background"])
def test_a_redirect_to_another_server_drops_the_token(host: str, way: str) -> None:
    """Another name, another address, another port on this machine: each is another host."""
    with ExitStack() as stack:
        away, seen = stack.enter_context(served(host))
        home, at_home = stack.enter_context(served("127.0.0.1", {"/echo": f"{away}/echo?q=1"}))
        api = bench(home)
        exchange = (
            api.call("echo") if way == "cell" else api.session.start(api.session.build_call("echo", {})).result(10)
        )
        api.close()
        assert exchange.status == 200
        assert "bearer-pl4nted" in at_home.text, "nothing is proved"
        assert [path for _, path, _, _ in seen.requests] == ["/echo?q=1"]
        assert_clean(seen.text, "what the other server got")
        assert "Authorization" not in seen.requests[0][2]
        assert "Cookie" not in seen.requests[0][2]


def test_a_redirect_on_the_same_server_keeps_the_token() -> None:
    """The same server still receives the credentials; cookies that it sets are not stored."""
    with served(redirects={"/echo": "/keyed"}) as (home, seen):
        api = bench(home)
        api.call("echo")
        api.call("echo")
        api.close()
    assert ["Authorization" in headers for _, _, headers, _ in seen.requests] == [True] * 4
    assert not any("Cookie" in headers for _, _, headers, _ in seen.requests)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "localhost"])
def test_a_document_sends_no_secret_elsewhere(host: str) -> None:
    """The servers that a document declares for an operation are not hosts of the environment."""
    with served() as (home, _), served(host) as (away, seen):
        raw = document()
        raw["servers"] = [{"url": home}]
        raw["paths"]["/echo"]["get"]["servers"] = [{"url": away}]
        api = connect(Environment("e", base_url=home, credentials={"T": "env:PLANTED_BEARER"}), spec=raw, history=None)
        with pytest.raises(SecretRefused, match=host):
            api.call("echo")
        api.close()
        assert seen.requests == []


def test_plain_http_is_for_this_machine() -> None:
    """127.0.0.2 is a loopback address that no environment trusts with a secret over plain HTTP."""
    with served("127.0.0.2") as (home, seen):
        api = bench(home)
        with pytest.raises(SecretRefused, match="plain HTTP"):
            api.call("echo")
        api.close()
        assert seen.requests == []


# --- two at once ------------------------------------------------------------------------------------------------------


@pytest.fixture
def two() -> Iterator[list[tuple[str, Seen]]]:
    with served() as first, served() as second:
        yield [first, second]


def test_two_environments_at_once_share_no_secret(two: list[tuple[str, Seen]], monkeypatch: pytest.MonkeyPatch) -> None:
    """Each server sees its own token, key, variable and typed secret alone, however the threads interleave."""
    names, benches = ("alpha", "omega"), []
    for name, (url, _) in zip(names, two, strict=True):
        monkeypatch.setenv(f"TOKEN_OF_{name}", f"{name}-token-123456")
        credentials = {"T": f"env:TOKEN_OF_{name}"}
        environment = Environment(name, base_url=url, credentials=credentials, variables={"whose": f"{name}-value"})
        api = connect(environment, spec=document(), history=".astro_nb")
        api.session.credentials.add("Key", f"{name}-pasted-654321")
        benches.append(api)
    start = threading.Barrier(4)

    def work(api: Workbench, name: str, background: bool) -> None:
        start.wait(10)
        for _ in range(15):
            call = api.session.build_call(
                "save", {"name": "{{whose}}", "password": Secret.in_memory(f"{name}-typed-999999")}
            )
            exchange = api.session.start(call).result(10) if background else api.send(call)
            assert exchange.environment == name
            assert f"{name}-value" in exchange.text
            api.call("keyed")

    threads = [
        threading.Thread(target=work, args=(api, name, background))
        for api, name in zip(benches, names, strict=True)
        for background in (False, True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    for (_, seen), api, own, other in zip(two, benches, names, names[::-1], strict=True):
        assert len(seen.requests) == 60
        assert f"{own}-token-123456" in seen.text
        assert f"{own}-pasted-654321" in seen.text
        assert f"{own}-typed-999999" in seen.text
        assert other not in seen.text
        assert "Cookie" not in seen.text.replace("Set-Cookie", "")
        assert {exchange.environment for exchange in api.session.exchanges} == {own}
        assert {exchange.environment for exchange in api.history.recent()} == {own}
        assert api.variables["whose"] == f"{own}-value"
        api.close()
    files = sorted(Path(".astro_nb").glob("*.sqlite"))
    assert len(files) == 2, "each server has a history of its own"
    for file in files:
        stored = file.read_bytes()
        assert b"token-123456" not in stored
        assert b"typed-999999" not in stored


def test_a_switched_environment_shares_no_values(two: list[tuple[str, Seen]], tmp_path: Path) -> None:
    """Pasted, typed, captured, suggested and remembered values of one environment are not available in the other."""
    for name, (url, _) in zip(("alpha", "omega"), two, strict=True):
        save_environment(Environment(name, spec="planted.json", base_url=url, variables={"whose": f"{name}-value"}))
    Path("planted.json").write_text(json.dumps(document()), encoding="utf-8")
    api = connect("alpha", history=None)
    explorer, session = api.explore("save"), api.session
    session.credentials.add("T", BEARER)
    session.credentials.add("Key", PASTED)
    saved = api.call("save", name="{{whose}}", password=Secret.in_memory(TYPED))
    made = api.call("mint")
    api.variables["captured"] = made["$.token"]
    assert [s.value for s in session.linking.suggestions("id")] == ["made-1"]

    explorer.context_bar._switch("omega")
    (_, alpha), (_, omega) = two
    before = len(alpha.requests)
    assert api.variables["whose"] == "omega-value"
    assert session.linking.suggestions("id") == []
    assert session.effective_environment.secret_for("Key") is None
    assert session.credentials.token_secret() is None
    for call in (saved.call, session.build_call("save", {"name": "{{captured}}"})):
        with pytest.raises(UnknownName):
            api.send(call)
    api.call("save", name="{{whose}}")
    api.call("echo")
    explorer.open("echo")
    assert len(alpha.requests) == before
    assert len(omega.requests) == 2
    assert "omega-value" in omega.text
    assert_clean(omega.text, "what the other server got")
    for _, _, headers, _ in omega.requests:
        assert not {"Authorization", "X-Key", "Cookie"} & set(headers)

    explorer.context_bar._switch("alpha")
    assert api.send(saved.call).ok
    assert api.variables["captured"].reveal() == ONE_TIME
    assert TYPED in json.loads(alpha.requests[-1][3])["password"]
    assert explorer.status.last_error is None
    api.close()


def test_a_port_with_the_same_beginning_is_another_server() -> None:
    """A form remembers what was sent to the current server, not to one whose address has the same beginning."""
    from astro_nb.messages import is_under_base_url

    assert is_under_base_url("http://127.0.0.1:80/x", "http://127.0.0.1:80/")
    assert is_under_base_url("https://api.example.com/v1?x", "https://api.example.com/v1")
    assert not is_under_base_url("http://127.0.0.1:8080/x", "http://127.0.0.1:80")
    assert not is_under_base_url("https://api.example.com.evil.test/", "https://api.example.com")
