"""Calls are resolved, sent and stored, and secrets are extracted from them."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

import astro_nb as anb
from astro_nb.call import UNSET, Call
from astro_nb.environments import Environment
from astro_nb.errors import (
    AstroNbError,
    AstroNbWarning,
    MissingArgument,
    SecretMissing,
    SecretRefused,
    SettingsError,
    TokenExpired,
    UnknownName,
)
from astro_nb.exchange import WAITING, Attempt, Exchange
from astro_nb.http import Client, Retries
from astro_nb.secrets import MASK, Secret

PASSWORD = "planted-password-99"
CONNECTION = {"type": "postgres", "host": "db.example", "login": "me", "password": PASSWORD}


@pytest.fixture
def api() -> Iterator[anb.Workbench]:
    """A workbench on a fast sandbox without rate limits, and without retries."""
    workbench = anb.connect(history=None, retries=Retries(attempts=1))
    assert isinstance(workbench.sandbox, anb.Sandbox)
    workbench.sandbox.limits, workbench.sandbox.speed = False, 100
    yield workbench
    workbench.close()


def request_count(api: anb.Workbench) -> int:
    """The number of requests that the sandbox has seen."""
    assert api.sandbox is not None
    return api.sandbox.requests


def environment_object(api: anb.Workbench, **connection: Any) -> Call:
    """The call that creates a connection."""
    given = {"objectKey": "db", "objectType": "CONNECTION", "scope": "WORKSPACE", "scopeEntityId": "{{home}}"}
    return api.session.build_call("CreateEnvironmentObject", {**given, "connection": {**CONNECTION, **connection}})


def test_every_exchange_is_stored(api: anb.Workbench) -> None:
    """An exchange is the latest of the history and of the session, and has its environment and its call."""
    exchange = api.call("ListWorkspaces", limit=1)
    assert api.history[-1] is api.session.exchanges[-1] is exchange
    assert (exchange.environment, exchange.group.kind, exchange.ok) == ("sandbox", "call", True)
    assert exchange.call == Call("ListWorkspaces", {"limit": 1, "organizationId": "{{organizationId}}"})


def test_failed_exchanges_are_stored_too(api: anb.Workbench) -> None:
    """A 404 and a broken connection are entries like any other, and are in the table of errors."""
    assert api.sandbox is not None
    api.call("GetWorkspace", workspaceId="nope")
    api.sandbox.faults.add("reset")
    api.call("ListWorkspaces")
    assert [(e.status, e.ok) for e in api.history] == [(404, False), (None, False)]
    assert api.errors.frame()["operation"].tolist() == ["ListWorkspaces", "GetWorkspace"]


@pytest.mark.parametrize(
    ("operation", "arguments", "error"),
    [
        ("ListDeployment", {}, UnknownName),
        ("ListDeployments", {"limmit": 5}, UnknownName),
        ("GetDeployment", {}, MissingArgument),
        ("GetDeployment", {"deploymentId": ""}, MissingArgument),
        ("GetDeployment", {"deploymentId": None}, MissingArgument),
        ("GetDeployment", {"deploymentId": UNSET}, MissingArgument),
        ("GetDeployment", {"deploymentId": "{{nowhere}}"}, UnknownName),
        ("GetDeployment", {"deploymentId": "{{$nonsense}}"}, UnknownName),
        ("CreateWorkspace", {"name": "{{hidden}}"}, SecretMissing),
    ],
)
def test_your_mistakes_raise_and_send_nothing(
    operation: str, arguments: dict[str, Any], error: type[AstroNbError], api: anb.Workbench
) -> None:
    """A missing name or value is reported before anything is sent, and the message says what to do."""
    api.variables["hidden"] = Secret("env:ASTRO_NB_NO_SUCH_VARIABLE")
    with pytest.raises(error) as caught:
        api.call(operation, **arguments)
    assert caught.value.todo
    assert str(caught.value).endswith(caught.value.todo)
    assert (request_count(api), len(api.history)) == (0, 0)


def test_variables_come_from_the_tokens_claims(api: anb.Workbench) -> None:
    """The organization is read from the token without a request; a session variable overrides it."""
    assert api.variables.all("organizationId")[0].scope == "token"
    assert request_count(api) == 0
    assert api.call("GetOrganization").status == 200
    api.variables["organizationId"] = "another"
    assert api.call("GetOrganization").status == 404
    del api.variables["organizationId"]
    assert api.call("GetOrganization").status == 200


def test_the_request_shown_is_the_request_sent(api: anb.Workbench) -> None:
    """Dynamic values are generated once per call: the history shows the name that the server was given."""
    exchange = api.call("CreateWorkspace", name="{{$randomName}}", description="{{$uuid}} {{$randomInt}}")
    sent = json.loads(exchange.request.body)
    assert {name: exchange.json()[name] for name in ("name", "description")} == sent


def test_a_typed_secret_becomes_a_variable(api: anb.Workbench) -> None:
    """A literal password is moved into a session variable; the call has its template, and nothing shows it."""
    api.variables["home"] = api.call("ListWorkspaces")["$.workspaces[0].id"]
    call = environment_object(api)
    assert call.body["connection"]["password"] == "{{password}}"
    assert api.variables.all("password")[0].display_value == MASK
    exchange = api.session.send(call)
    assert exchange.ok, exchange
    texts = [repr(call), repr(exchange.call), repr(api.variables), repr(exchange.request.body), exchange.text]
    assert PASSWORD not in "".join(texts)
    assert json.loads(exchange.request.body)["connection"]["password"] == MASK


def test_equal_secrets_share_a_variable(api: anb.Workbench) -> None:
    """Typed twice, a secret is one variable; another value gets its own name, and the first is not lost."""
    first, again, other = (
        environment_object(api),
        environment_object(api),
        environment_object(api, password="different-1"),
    )
    assert first == again
    assert other.body["connection"]["password"] != first.body["connection"]["password"]
    assert api.variables["password"].reveal() == PASSWORD


@pytest.mark.parametrize("value", ["{{elsewhere}}", "x{{elsewhere}}y", "", None])
def test_templates_and_empty_values_are_no_secrets(value: Any, api: anb.Workbench) -> None:
    """A template in a secret field, an empty text and null stay as they are."""
    assert environment_object(api, password=value).body["connection"]["password"] == value
    assert "password" not in api.variables


@pytest.mark.parametrize(
    "reference",
    ["env:DB_PASSWORD", "dotenv:DB_PASSWORD", "keyring:astro/db user", "prompt:Database password", "env:1X"],
)
@pytest.mark.parametrize("place", ["password", "host"])
def test_a_secret_of_any_source_may_be_an_argument(reference: str, place: str, api: anb.Workbench) -> None:
    """A `Secret`, in any field, becomes the template of a variable that holds it."""
    call = environment_object(api, **{place: Secret(reference)})
    template = call.body["connection"][place]
    name = template.removeprefix("{{").removesuffix("}}")
    assert template == "{{" + name + "}}"
    assert api.variables[name] == Secret(reference)


def test_only_flagged_values_are_extracted(api: anb.Workbench) -> None:
    """A value with `isSecret` beside it is extracted, its neighbour without is not."""
    values = [{"key": "A", "value": PASSWORD, "isSecret": True}, {"key": "B", "value": "plain", "isSecret": False}]
    call = api.session.build_call("UpdateDeployment", {"deploymentId": "d", "environmentVariables": values})
    assert [v["value"] for v in call.body["environmentVariables"]] == ["{{value}}", "plain"]


def test_a_file_may_be_sent(api: anb.Workbench) -> None:
    """A body of bytes is sent and stored; nothing is raised after the request."""
    document = {
        "openapi": "3.0.3",
        "info": {"title": "Files", "version": "1"},
        "paths": {"/f": {"post": {"operationId": "put", "requestBody": {"content": {"application/zip": {}}}}}},
    }
    got: list[bytes] = []

    def serve(request: httpx.Request) -> httpx.Response:
        got.append(request.read())
        return httpx.Response(201)

    files = anb.connect(spec=document, base_url="http://localhost", history=None, transport=httpx.MockTransport(serve))
    assert files.call("put", body=b"PK\x03\x04\xff").status == 201
    assert (got, len(files.history)) == ([b"PK\x03\x04\xff"], 1)


def test_a_preview_sends_nothing_and_masks_secrets(api: anb.Workbench) -> None:
    """The previewed request has masked secrets and resolved values."""
    api.variables["hidden"] = Secret.in_memory(PASSWORD)
    call = api.session.build_call("CreateWorkspace", {"name": "a {{hidden}}"})
    shown = api.session.preview(call)
    assert json.loads(shown.body) == {"name": f"a {MASK}"}
    assert ("Authorization", f"Bearer {MASK}") in shown.headers
    assert api.session.resolve(["{{hidden}}", "{{organizationId}}"]) == [MASK, api.variables["organizationId"]]
    assert request_count(api) == 0


def test_another_environment_brings_its_own_variables(api: anb.Workbench) -> None:
    """After `switch`, variables of the old environment and its token are gone; session variables stay."""
    api.variables["mine"] = 1
    here = Environment("here", base_url=api.environment.base_url, variables={"region": "eu", "db": "env:NO_SUCH"})
    api.session.switch(here)
    assert (api.variables["mine"], api.variables["region"], "organizationId" in api.variables) == (1, "eu", False)
    assert api.variables["db"] == Secret("env:NO_SUCH")
    api.session.switch(Environment("there", base_url=api.environment.base_url))
    assert ("region" in api.variables, "mine" in api.variables) == (False, True)


def test_values_of_responses_are_suggested(api: anb.Workbench) -> None:
    """Ids of earlier responses are suggested by name."""
    assert api.session.linking.suggestions("workspaceId") == []
    listed = api.call("ListWorkspaces")
    offered = api.session.linking.suggestions("workspaceId")
    assert {s.value for s in offered} == {w["id"] for w in listed.items}
    assert {s.label for s in offered} == {w["name"] for w in listed.items}
    assert all(api.history[s.exchange_id][s.path] == s.value for s in offered)


def test_a_secret_does_not_leave_its_host() -> None:
    """The token is sent neither to a host of another environment, nor over plain HTTP except to loopback."""
    sent: list[httpx.Request] = []
    transport = httpx.MockTransport(lambda request: sent.append(request) or httpx.Response(200))  # type: ignore[func-returns-value]  # append, then the response
    token = Secret.in_memory(PASSWORD)
    for url in ("http://api.example.org/v1", "http://10.0.0.1/v1"):
        api = anb.connect("astro", base_url=url, token=token, history=None, transport=transport)
        with pytest.raises(SecretRefused, match="plain HTTP"):
            api.call("ListOrganizations")
    api = anb.connect("astro", base_url="https://api.example.org", token=token, history=None, transport=transport)
    assert api.call("ListOrganizations").ok
    assert len(sent) == 1


def test_an_expired_token_sends_nothing(api: anb.Workbench) -> None:
    """If the token expires during a session, the next call raises, names the token's source, and sends nothing."""
    assert isinstance(api.sandbox, anb.Sandbox)
    old = Secret.in_memory(api.sandbox.token(expired=True), "OLD")
    api.session.switch(Environment("late", base_url=api.environment.base_url, credentials={"token": old}))
    with pytest.raises(TokenExpired, match="OLD") as caught:
        api.call("ListOrganizations")
    assert "nothing was sent" in caught.value.what
    assert old.reveal() not in str(caught.value)
    assert request_count(api) == 0


def test_a_background_request_is_stored(api: anb.Workbench) -> None:
    """The result of `start` is stored; a cancelled one too."""
    assert api.sandbox is not None
    call = api.session.build_call("ListWorkspaces", {})
    first = api.session.start(call).result(5)
    assert api.history[-1] is first
    api.sandbox.faults.add("latency", seconds=1)
    running = api.session.start(call)
    time.sleep(0.2)
    running.cancel()
    assert running.result(2) is api.history[-1]
    assert [e.failure.kind if e.failure else "" for e in api.history] == ["", "cancelled"]


def test_the_result_is_returned_if_it_cannot_be_stored(tmp_path: Path) -> None:
    """With a broken history, `result` returns the exchange, which says why it is not there."""
    api = anb.connect(history=tmp_path / "h")
    assert api.history.path is not None
    api.call("ListWorkspaces")
    api.history.close()
    api.history.path.write_bytes(b"no history" * 100)
    running = api.session.start(api.session.build_call("ListWorkspaces", {}))
    with pytest.warns(AstroNbWarning, match="not in the history"):
        exchange = running.result(5)
    assert exchange.ok
    assert "is not a history" in exchange.not_stored
    api.close()


def test_a_request_may_be_awaited(api: anb.Workbench) -> None:
    """`await` returns the exchange; cancelling the task cancels the request."""
    assert api.sandbox is not None
    call = api.session.build_call("ListWorkspaces", {})

    async def both() -> list[Exchange]:
        return list(await asyncio.gather(api.session.start(call), api.session.start(call)))

    assert [e.status for e in asyncio.run(both())] == [200, 200]
    api.sandbox.faults.add("latency", seconds=5)

    async def impatient() -> None:
        await asyncio.wait_for(api.session.start(call), 0.2)

    with pytest.raises(TimeoutError):
        asyncio.run(impatient())
    ended = time.monotonic() + 3
    while len(api.history) < 3 and time.monotonic() < ended:
        time.sleep(0.01)
    assert api.history[-1].failure is not None
    assert api.history[-1].failure.kind == "cancelled"


@pytest.mark.parametrize("moment", ["wait", "note"])
def test_an_interrupt_is_stored_and_raised(moment: str, api: anb.Workbench) -> None:
    """Whenever the kernel is interrupted, KeyboardInterrupt is raised, and a request that was sent is stored."""
    assert api.sandbox is not None

    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    api.session.client = Client(sleep=stop)
    api.sandbox.faults.add("status", code=503)
    on_attempt = stop if moment == "note" else None
    with pytest.raises(KeyboardInterrupt):
        api.session.send(api.session.build_call("ListWorkspaces", {}), on_attempt=on_attempt)
    if moment == "wait":
        assert api.history[-1].failure is not None
        assert api.history[-1].failure.kind == "cancelled"


def test_attempts_are_reported_as_they_end(api: anb.Workbench) -> None:
    """`on_attempt` is called with each attempt, in order, before the exchange is returned."""
    assert api.sandbox is not None
    attempts: list[Attempt] = []
    api.session.client = Client(sleep=lambda seconds: None)
    api.sandbox.faults.add("rate_limit", times=2)
    exchange = api.session.send(api.session.build_call("CreateWorkspace", {"name": "x"}), on_attempt=attempts.append)
    assert exchange.ok
    assert [a.outcome for a in attempts if a.outcome != WAITING] == ["429", "429", "200"]


def test_the_permissions_of_a_session(api: anb.Workbench) -> None:
    """Each permission that was needed is listed once, in order of need."""
    api.call("ListWorkspaces")
    api.call("GetWorkspace", workspaceId="x")
    api.call("ListWorkspaces")
    assert api.permissions() == ["organization.workspaces.get", "workspace.get"]


# --- pasted credentials -----------------------------------------------------------------------------------------------


def test_a_pasted_credential_takes_precedence(api: anb.Workbench) -> None:
    """It is used at once, removed on request, and in no repr."""
    session, operation = api.session, api.spec.operation("ListWorkspaces")
    scheme = operation.security[0][0].name
    good = session.credentials.token_secret()
    assert good is not None
    session.credentials.add(scheme, "planted-but-wrong")
    assert api.call("ListWorkspaces", organizationId="o").status in (401, 403)
    session.credentials.add(scheme, good.reveal())
    assert api.call("ListWorkspaces").ok
    assert "planted" not in repr(session.environment) + repr(session.effective_environment) + repr(
        session.exchanges[-2]
    )
    session.credentials.remove(scheme)
    session.credentials.remove(scheme)
    assert session.effective_environment is session.environment
    assert api.call("ListWorkspaces").ok


def test_a_pasted_credential_stays_in_its_environment(api: anb.Workbench) -> None:
    """Another environment, or the same name at another server, never gets it; after switching back it is there."""
    session, here = api.session, api.session.environment
    scheme = api.spec.operation("ListWorkspaces").security[0][0].name
    session.credentials.add(scheme, "planted-pasted")
    for other in (Environment("other", base_url=here.base_url), here.with_base_url("https://other.example")):
        session.switch(other)
        assert session.effective_environment.credentials.get(scheme) is None
    session.switch(here)
    assert session.effective_environment.credentials[scheme] == Secret.in_memory("planted-pasted", scheme)


def test_invalid_credentials_are_rejected(api: anb.Workbench) -> None:
    """An unknown scheme, and an empty text."""
    with pytest.raises(UnknownName):
        api.session.credentials.add("Nope", "x")
    with pytest.raises(SettingsError, match="is empty"):
        api.session.credentials.add("token", " ")
    for wrong in (None, 5, b"x"):
        with pytest.raises(SettingsError, match="is no text"):
            api.session.credentials.add("token", wrong)  # type: ignore[arg-type]  # what is rejected
    for wrong_kind in ("Bearer abc", "me:pass", "x1 y2", "-----BEGIN PRIVATE KEY-----"):
        with pytest.raises(SettingsError) as raised:
            api.session.credentials.add("token", wrong_kind)
        assert wrong_kind not in str(raised.value)
    assert api.session.effective_environment is api.session.environment


def test_the_ways_to_authenticate_an_operation(api: anb.Workbench) -> None:
    """Each has a label, the value of `Call.security`, whether it is available, and which credentials are missing."""
    session, operation = api.session, api.spec.operation("ListWorkspaces")
    (first, choice, last), scheme = session.credentials.choices(operation), operation.security[0][0].name
    assert [(c.label, c.value, c.is_available) for c in (first, last)] == [
        ("automatic", None, True),
        ("none", "", True),
    ]
    assert (choice.value, choice.is_available, choice.missing) == (scheme, True, ())
    session.switch(Environment("bare", base_url=session.environment.base_url))
    assert [name for c in session.credentials.choices(operation) for name, _ in c.missing] == [scheme]
    assert session.send(Call("ListWorkspaces", {"organizationId": "o"}, security="")).status in (401, 403)
