"""Where each credential goes, how it is shown, and to which hosts it may be sent."""

from __future__ import annotations

import base64
import time
from typing import Any
from urllib.parse import unquote, urlsplit

import orjson
import pytest

from astro_nb.call import UNSET, Call
from astro_nb.environments import Environment, Resolver, Variables
from astro_nb.errors import (
    AstroNbError,
    SecretMissing,
    SecretRefused,
    SettingsError,
    TokenExpired,
    UnknownName,
    UsageError,
)
from astro_nb.http.transport import to_httpx
from astro_nb.messages import Request, header
from astro_nb.openapi import Operation, Spec
from astro_nb.secrets import MASK, Secret
from astro_nb.serialization import SecurityChoice, build_request, security_choices

HOME = "https://api.example.com"
PLANTED = "planted/5d1c+="
LOGIN_TEXT = f"ada:{PLANTED}"
SCHEMES = {
    "Bearer": {"type": "http", "scheme": "bearer"},
    "OAuth": {"type": "oauth2", "flows": {}},
    "Connect": {"type": "openIdConnect", "openIdConnectUrl": "https://id.example.com"},
    "Basic": {"type": "http", "scheme": "basic"},
    "Key": {"type": "apiKey", "in": "header", "name": "X-Key"},
    "Query": {"type": "apiKey", "in": "query", "name": "key"},
    "Cookie": {"type": "apiKey", "in": "cookie", "name": "session"},
    "Certificate": {"type": "mutualTLS"},
    "Digest": {"type": "http", "scheme": "digest"},
}


def operation(*security: Any, path: str = "/x") -> Operation:
    """An operation with these security requirements, a parameter of each kind, and a body."""
    places = [{"name": where, "in": where, "schema": {}} for where in ("query", "header", "cookie")]
    raw = {"operationId": "x", "parameters": places, "security": list(security), "responses": {}}
    raw["requestBody"] = {"content": {"application/json": {}}}
    document = {"openapi": "3.1.1", "components": {"securitySchemes": SCHEMES}, "paths": {path: {"post": raw}}}
    return next(iter(Spec(document)))


def built(op: Operation, mode: Any = "revealed", base: str = HOME, **more: Any) -> Request:
    """The request of a call; `parameters` and `body` belong to the call, all else to the environment."""
    call = Call("x", more.pop("parameters", {}), more.pop("body", UNSET), security=more.pop("security", None))
    variables = Variables(shared={"secret": Secret.in_memory(PLANTED)})
    return build_request(op, call, Resolver(variables, Environment("e", base_url=base, **more), mode=mode))


def holding(*names: str) -> dict[str, Secret]:
    """Credentials for these schemes."""
    return {name: Secret.in_memory(LOGIN_TEXT if name == "Basic" else PLANTED) for name in names}


def jwt(**claims: Any) -> str:
    """A token with these claims, unsigned."""
    return f"e30.{base64.urlsafe_b64encode(orjson.dumps(claims)).decode().rstrip('=')}.sig"


# --- where a credential goes ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["Bearer", "OAuth", "Connect", "Basic", "Key", "Query", "Cookie"])
@pytest.mark.parametrize("mode", ["revealed", "masked"])
def test_each_scheme_has_its_place(name: str, mode: str) -> None:
    """The credential is where its scheme declares it: revealed in the request to send, masked in the one to show."""
    request = built(operation({name: []}), mode, credentials=holding(name))
    value = PLANTED if mode == "revealed" else MASK
    basic = base64.b64encode(LOGIN_TEXT.encode()).decode() if mode == "revealed" else MASK
    found = {
        "authorization": header(request.headers, "authorization"),
        "x-key": header(request.headers, "x-key"),
        "cookie": header(request.headers, "cookie"),
        "query": urlsplit(request.url).query,
    }
    encoded = "key=planted%2F5d1c%2B%3D" if mode == "revealed" else f"key={MASK}"
    expected = {
        "Basic": {"authorization": f"Basic {basic}"},
        "Key": {"x-key": value},
        "Query": {"query": encoded},
        "Cookie": {"cookie": f"session={value}"},
    }.get(name, {"authorization": f"Bearer {value}"})
    assert {k: v for k, v in found.items() if v} == expected
    assert request.secret == (mode == "revealed")


@pytest.mark.parametrize(
    ("security", "has", "sent"),
    [
        ([{"Key": []}, {"Bearer": []}], ["Bearer"], ["authorization"]),
        ([{"Key": []}, {"Bearer": []}], ["Bearer", "Key"], ["x-key"]),
        ([{"Key": [], "Bearer": []}], ["Bearer", "Key"], ["authorization", "x-key"]),
        ([{"Key": [], "Bearer": []}], ["Bearer"], []),
        ([{"Bearer": []}, {}], ["Bearer"], ["authorization"]),
        ([{}, {"Bearer": []}], ["Bearer"], ["authorization"]),
        ([{}, {"Bearer": []}], ["Key"], []),
        ([{"Bearer": []}, {}], [], []),
        ([], ["Bearer"], []),
        ([{"Bearer": []}], [], []),
    ],
)
def test_the_first_alternative_that_can_be_met(security: Any, has: list[str], sent: list[str]) -> None:
    """The first alternative is used for which the environment has all secrets; without one, nothing is added."""
    names = {name.lower() for name, _ in built(operation(*security), credentials=holding(*has)).headers}
    assert sorted(names & {"authorization", "x-key"}) == sent


@pytest.mark.parametrize("name", ["Bearer", "OAuth", "Connect"])
def test_the_token_serves_every_bearer_scheme(name: str) -> None:
    """`token` is used for every bearer scheme, whatever its name in the document."""
    assert (
        header(built(operation({name: []}), credentials=holding("token")).headers, "authorization")
        == f"Bearer {PLANTED}"
    )


@pytest.mark.parametrize("name", ["Basic", "Key", "Query", "Cookie", "Certificate", "Undeclared"])
def test_the_token_serves_no_other_scheme(name: str) -> None:
    """It is not put into a URL, a cookie or a password, whatever the document, which is untrusted, declares."""
    request = built(operation({name: []}), credentials=holding("token"))
    assert PLANTED not in repr(request.headers)
    assert base64.b64encode(PLANTED.encode()).decode() not in repr(request.headers)
    assert "planted" not in request.url


@pytest.mark.parametrize("name", ["Certificate", "Undeclared"])
def test_what_has_no_place_in_a_request_is_not_sent(name: str) -> None:
    """A certificate belongs to the TLS connection, and an undeclared scheme has no place."""
    request = built(operation({name: []}), credentials=holding(name))
    assert PLANTED not in f"{request.headers}{request.url}"
    assert not request.secret


def test_a_secret_without_a_value_stops_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reference without a value raises an error when it has to be sent, not when the request is shown."""
    monkeypatch.delenv("ANB_NO_SUCH", raising=False)
    with pytest.raises(SecretMissing, match="Set the environment variable ANB_NO_SUCH"):
        built(operation({"Bearer": []}), credentials={"token": "env:ANB_NO_SUCH"})
    shown = built(operation({"Bearer": []}), "masked", credentials={"token": "env:ANB_NO_SUCH"})
    assert header(shown.headers, "authorization") == f"Bearer {MASK}"


def test_an_expired_token_is_not_sent() -> None:
    """A token that has expired by its own claims is refused before it is sent, and is not in the message."""
    old, young = jwt(exp=time.time() - 9), jwt(exp=time.time() + 99)
    with pytest.raises(TokenExpired) as raised:
        built(operation({"Bearer": []}), credentials={"token": Secret.in_memory(old)})
    assert old not in str(raised.value)
    assert raised.value.todo
    sent = built(operation({"Bearer": []}), credentials={"token": Secret.in_memory(young)})
    assert header(sent.headers, "authorization") == f"Bearer {young}"


@pytest.mark.parametrize("token", [" planted", "planted ", "planted\t"])
def test_a_token_that_was_pasted_with_blanks_is_sent_without(token: str) -> None:
    """A field value neither begins nor ends with a blank (RFC 9110, 5.5): sent so, it would break every attempt."""
    environment = Environment("e", base_url=HOME, credentials={"token": Secret.in_memory(token)})
    values = Resolver(Variables(), environment, mode="revealed")
    request = build_request(operation({"Bearer": []}), Call("x"), values)
    assert header(request.headers, "authorization") == "Bearer planted"
    assert "planted" in values.revealed  # an echo of what was sent is known as a secret


@pytest.mark.parametrize("token", ["plan\x01ted", "planted\x7f", "plan\nted", "plan\ud800ted"])
@pytest.mark.parametrize("name", ["Bearer", "Key", "Query", "Cookie"])
def test_a_token_with_forbidden_characters_is_rejected(token: str, name: str) -> None:
    """Control characters are reported before anything is sent, in a message without the token."""
    with pytest.raises(UsageError) as raised:
        built(operation({name: []}), credentials={name: Secret.in_memory(token)})
    assert raised.value.todo
    assert "plan" not in str(raised.value)


# --- what is shown ----------------------------------------------------------------------------------------------------

EVERYWHERE = {"query": "{{secret}}", "header": "a {{secret}}", "cookie": ["{{secret}}"]}


def test_the_shown_and_the_sent_request_differ_only_in_masks() -> None:
    """A secret variable in any place is masked in the request to show, and in the repr of both."""
    op, body = operation({"Bearer": []}), {"deep": ["{{secret}}", {"x": "{{secret}}"}]}
    arguments: dict[str, Any] = {"parameters": EVERYWHERE, "body": body, "credentials": holding("token")}
    shown, sent = built(op, "masked", **arguments), built(op, "revealed", **arguments)
    assert "planted" not in f"{shown.url}{shown.headers}{shown.body!r}{shown!r}{sent!r}"
    assert [name for name, _ in shown.headers] == [name for name, _ in sent.headers]
    assert orjson.loads(sent.body) == {"deep": [PLANTED, {"x": PLANTED}]}
    assert orjson.loads(shown.body) == {"deep": [MASK, {"x": MASK}]}
    assert f"a {PLANTED}" in dict(sent.headers).values()


def test_an_unknown_variable_is_reported_before_anything_is_sent() -> None:
    """The error has its name and the nearest one, but no values of others."""
    with pytest.raises(UnknownName, match="Did you mean secret") as raised:
        built(operation(), parameters={"query": "{{secrte}}"})
    assert PLANTED not in str(raised.value)


# --- to its own host --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [".evil.example/x", "@evil.example/x", ":443@evil.example/x", "\\@evil.example/x"])
def test_a_document_cannot_name_another_host(path: str) -> None:
    """A path of a hostile document cannot become part of the host, with a secret or without."""
    home = urlsplit(built(operation()).url).netloc
    for request in (
        built(operation({"Bearer": []}, path=path), credentials=holding("token")),
        built(operation(path=path)),
    ):
        assert urlsplit(request.url).netloc == to_httpx(request).url.netloc.decode() == home
        assert unquote(urlsplit(request.url).path).endswith(f"/{path}")


@pytest.mark.parametrize("base", ["http://api.example.com", "http://localhost.example.com", "http://10.0.0.1:8080"])
@pytest.mark.parametrize("where", ["credentials", "headers", "parameters", "body"])
def test_no_secret_is_sent_unencrypted(base: str, where: str) -> None:
    """Plain HTTP is allowed for this machine only, wherever in the request the secret is."""
    given = {
        "credentials": holding("token"),
        "headers": {"X-A": "{{secret}}"},
        "parameters": EVERYWHERE,
        "body": "{{secret}}",
    }
    with pytest.raises(SecretRefused, match="plain HTTP") as raised:
        built(operation({"Bearer": []}), base=base, **{where: given[where]})
    assert raised.value.todo
    assert "planted" not in str(raised.value)


@pytest.mark.parametrize(
    "base",
    ["http://localhost:8000", "http://127.0.0.1", "http://[::1]:9", "https://API.example.com/v1/", "https://h:8443"],
)
def test_a_secret_is_sent_to_the_hosts_of_the_environment(base: str) -> None:
    """It is sent over TLS to its host in any spelling, and to loopback; a request to show is not restricted."""
    request = built(operation({"Bearer": []}), base=base, credentials=holding("token"))
    assert header(request.headers, "authorization") == f"Bearer {PLANTED}"
    assert request.url == f"{base.rstrip('/')}/x"
    assert (
        built(operation({"Bearer": []}), "masked", "http://any.example.com", credentials=holding("token")).secret
        is False
    )


def test_requests_without_secrets_may_go_to_any_host() -> None:
    """The rule applies to secrets only: an open API may be called over plain HTTP."""
    assert built(operation(), base="http://open.example.com").url == "http://open.example.com/x"


@pytest.mark.parametrize("base", ["", "api.example.com", "ftp://x", "/v1", "sandbox"])
def test_a_base_url_has_to_be_one(base: str) -> None:
    """A base URL that is not a URL is reported with what to give."""
    with pytest.raises(UsageError, match="base_url="):
        built(operation(), base=base)


# --- chosen per call --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("security", "sent"),
    [
        (None, ["x-key"]),
        ("", []),
        ("Key", ["x-key"]),
        ("Bearer", ["authorization"]),
        ("Key + Bearer", ["authorization", "x-key"]),
        ("Cookie", ["cookie"]),
    ],
)
def test_the_alternative_that_is_chosen(security: str | None, sent: list[str]) -> None:
    """By name, also several schemes, one that the operation does not declare, and none at all."""
    op = operation({"Key": []}, {"Bearer": []}, {"Key": [], "Bearer": []})
    request = built(op, credentials=holding("Key", "Bearer", "Cookie"), security=security)
    assert sorted({name.lower() for name, _ in request.headers} & {"authorization", "x-key", "cookie"}) == sent


@pytest.mark.parametrize(
    ("security", "error", "words"),
    [
        ("Nope", UnknownName, "security scheme"),
        ("Bearer", SecretMissing, "no credential for Bearer"),
        ("Certificate", UsageError, "certificate"),
        ("Digest", UsageError, "digest authentication is not supported"),
    ],
)
def test_an_unavailable_scheme_is_reported(security: str, error: type[Exception], words: str) -> None:
    """The error ends in what to do; nothing is sent without the chosen credential."""
    with pytest.raises(error, match=words) as raised:
        built(operation({"Key": []}), credentials=holding("Key", "Digest", "Certificate"), security=security)
    assert getattr(raised.value, "todo", "")


def test_digest_is_reported_if_no_other_scheme_is_available() -> None:
    """Its credential cannot be used; another available alternative is preferred."""
    with pytest.raises(UsageError, match="digest"):
        built(operation({"Digest": []}), credentials=holding("Digest"))
    assert built(operation({"Digest": []}, {"Key": []}), credentials=holding("Digest", "Key")).secret
    assert not built(operation({"Digest": []})).secret


@pytest.mark.parametrize("user", ["me", "env:WIRE_USER"])
def test_user_and_password_of_their_own(user: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The mapping is one credential (RFC 7617), and both spellings of it are secrets."""
    monkeypatch.setenv("WIRE_USER", "me")
    monkeypatch.setenv("WIRE_PASSWORD", PLANTED)
    given = {"Basic": {"username": user, "password": "env:WIRE_PASSWORD"}}
    sent = header(built(operation({"Basic": []}), credentials=given).headers, "authorization")
    assert base64.b64decode(sent.removeprefix("Basic ")).decode() == f"me:{PLANTED}"
    shown = header(built(operation({"Basic": []}), "masked", credentials=given).headers, "authorization")
    assert shown == f"Basic {MASK}"
    holder = Resolver(Variables(), Environment("e", base_url=HOME, credentials=given), mode="revealed")
    build_request(operation({"Basic": []}), Call("x"), holder)
    assert {PLANTED, f"me:{PLANTED}"} <= holder.revealed


def test_the_choices_in_words() -> None:
    """Automatic, each alternative, none; whether each is available, and what to paste if not."""
    client = {"client_id": "a", "client_secret": "env:A", "token_url": f"{HOME}/token"}
    environment = Environment("e", base_url=HOME, credentials={**holding("Key"), "OAuth": client})
    op = operation({"Key": []}, {"OAuth": []}, {"Basic": [], "Query": []}, {"Digest": []}, {})
    assert security_choices(op, environment) == (
        SecurityChoice("automatic", None, True),
        SecurityChoice("apiKey: header X-Key", "Key", True),
        SecurityChoice("OAuth2 client credentials", "OAuth", True),
        SecurityChoice(
            "user and password + apiKey: query key",
            "Basic + Query",
            False,
            (
                ("Basic", "Paste user and password with a colon between them, user:password."),
                ("Query", "Paste the API key."),
            ),
        ),
        SecurityChoice(
            "HTTP digest",
            "Digest",
            False,
            (("Digest", "HTTP digest authentication is not supported: it needs a challenge from the server first."),),
        ),
        SecurityChoice("none", "", True),
    )
    assert [c.is_available for c in security_choices(operation({"Bearer": []}), environment)] == [False, False, True]


def test_an_operations_own_server_gets_no_secret_of_another_host() -> None:
    """A document is untrusted: its servers are not hosts of the environment unless they are named there."""
    item = {"post": {"operationId": "x", "security": [{"Key": []}], "servers": [{"url": "https://evil.example"}]}}
    parts = {"components": {"securitySchemes": SCHEMES}, "servers": [{"url": HOME}], "paths": {"/x": item}}
    op = next(iter(Spec({"openapi": "3.1.1", **parts})))
    with pytest.raises(SecretRefused, match=r"evil\.example"):
        built(op, credentials=holding("Key"))
    assert built(op).url == "https://evil.example/x"
    assert built(op, credentials=holding("Key"), hosts=("evil.example",)).url == "https://evil.example/x"


@pytest.mark.parametrize("kind", ["{'type': 1}", "{}", "{0}", "{location.__class__}", "}", "{"])
def test_a_scheme_of_any_name_has_words(kind: str) -> None:
    """Its name in the document is plain text, not a format string."""
    raw = {"post": {"operationId": "x", "security": [{"S": []}], "responses": {}}}
    schemes = {"S": {"type": "http", "scheme": kind}}
    op = next(iter(Spec({"openapi": "3.1.1", "components": {"securitySchemes": schemes}, "paths": {"/x": raw}})))
    assert security_choices(op, Environment("e", base_url=HOME))[1].label == f"HTTP {kind}"


# --- credentials of another kind --------------------------------------------------------------------------------------

PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEpl4nted\n-----END RSA PRIVATE KEY-----"
LOGIN = {"username": "ada", "password": "env:PLANTED_VALUE"}
WRONG = [
    *((name, LOGIN) for name in ("Bearer", "OAuth", "Connect", "Key", "Query", "Cookie")),
    *((name, Secret.in_memory("ada:pl4nted")) for name in ("Bearer", "OAuth", "Connect")),
    *((name, Secret.in_memory(PEM)) for name in ("Bearer", "Basic", "Key", "Query")),
    *((name, Secret.in_memory('{"access_token": "pl4nted"}')) for name in ("Bearer", "Key")),
    *((name, Secret.in_memory('"pl4nted"')) for name in ("OAuth", "Key")),
    *((name, Secret.in_memory("env:pl4nted")) for name in ("Bearer", "Key")),
    *((name, Secret.in_memory("{{pl4nted}}")) for name in ("Bearer", "Basic", "Key")),
    *((name, Secret.in_memory("<pl4nted>")) for name in ("Bearer", "Key")),
    *(("Bearer", Secret.in_memory(text)) for text in ("Bearer pl4nted", "Authorization: Bearer pl4nted")),
    *(("Bearer", Secret.in_memory(text)) for text in ("pl4n ted", "pl4nted\nagain", "pl4nt…", "*****")),
    *(("Basic", Secret.in_memory(text)) for text in ("pl4nted", "Basic YWRhOnBsNG50ZWQ=", "YWRhOnBsNG50ZWQ=")),
    ("Key", Secret.in_memory("X-Key: pl4nted")),
]  # fmt: skip


@pytest.mark.parametrize(("name", "credential"), WRONG)
def test_a_credential_of_another_kind_is_refused(name: str, credential: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before it is sent, with what to do, and without the credential in the message."""
    monkeypatch.setenv("PLANTED_VALUE", "pl4nted")
    with pytest.raises(AstroNbError) as raised:
        built(operation({name: []}), credentials={name: credential})
    text = f"{raised.value} {raised.value.data}"
    assert "pl4n" not in text
    assert name in text
    assert "nothing was sent" in text or "cannot be sent" in text
    assert raised.value.todo


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Bearer", jwt(a=1)), ("Bearer", "secret-token:E92FB7EB-D882"), ("Bearer", " padded\n"),
        ("Bearer", "a+/=_-~.b"), ("Basic", "ada:pass word"), ("Basic", "sk_live_1:"), ("Basic", "ada:pässword"),
        ("Key", "user:key"), ("Key", "Bearer abc"), ("Key", "Token token=abc"), ("Query", "a b"), ("Cookie", "a=b"),
    ],
)  # fmt: skip
def test_unusual_credentials_of_the_right_kind_are_sent(name: str, value: str) -> None:
    """What a server may accept is not refused."""
    assert built(operation({name: []}), credentials={name: Secret.in_memory(value)}).secret


@pytest.mark.parametrize("name", ["Bearer", "Key"])
def test_user_and_password_are_refused_for_a_token_in_the_preview_too(name: str) -> None:
    """The preview reads no secret, and shows what would happen."""
    credential = {"username": "ada", "password": "env:NOT_SET"}
    with pytest.raises(SettingsError, match="user and password"):
        built(operation({name: []}), "masked", credentials={name: credential})
