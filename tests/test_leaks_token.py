"""A planted token, looked for in everything that is written, printed or displayed."""

from __future__ import annotations

import base64
import contextlib
import json
import logging
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from ipywidgets.widgets.widget import _instances as living
from support.servers import LocalServer

from astro_nb import Workbench, connect
from astro_nb.environments import Environment
from astro_nb.errors import SecretRefused, TokenExpired
from astro_nb.http import Client
from astro_nb.messages import Request, Response, header
from astro_nb.runbooks import run

TOKEN = 'plant3d-T0ken/with+odd=chars&"quotes\\back.7f3a9'  # the planted one
NAME = "PLANTED_TOKEN"


def echo(request: Request) -> Response:
    """Return everything that was sent: in the body, in a header, and in an error's message."""
    sent = header(request.headers, "authorization")
    is_text = request.url.startswith("/text")
    charset = "utf-16" if request.url.startswith("/wide") else "utf-8"
    body: Any = {
        "message": f"bad token {sent}",
        "requestId": sent,
        "seen": [sent],
        "64": base64.b64encode(sent.encode()).decode(),
    }
    text = f"you sent {sent} and {quote(sent, safe='')}" if is_text else json.dumps(body)
    media_type = "text/plain" if is_text else "application/json"
    headers = (("Content-Type", f"{media_type}; charset={charset}"), ("X-Echo", quote(sent)))
    return Response(400 if request.url.startswith("/error") else 200, headers, text.encode(charset))


def _document() -> dict[str, Any]:
    responses = {"200": {"description": "", "content": {"application/json": {"schema": {"type": "object"}}}}}
    paths = {
        f"/{name}": {"get": {"operationId": name, "responses": responses}} for name in ("echo", "text", "error", "wide")
    }
    scheme = {"T": {"type": "http", "scheme": "bearer"}}
    info = {"title": "Echo", "version": "1"}
    return {
        "openapi": "3.0.3",
        "info": info,
        "paths": paths,
        "security": [{"T": []}],
        "components": {"securitySchemes": scheme},
    }


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Workbench]:
    """A workbench whose token is the planted one, with a server that echoes it in every way."""
    monkeypatch.setenv(NAME, TOKEN)
    monkeypatch.chdir(tmp_path)
    with (
        LocalServer(echo) as server,
        contextlib.closing(connect(spec=_document(), base_url=server.url, token=f"env:{NAME}")) as workbench,
    ):
        yield workbench


def forms(secret: str) -> set[str]:
    """A secret as it is, as JSON and Python escape it, URL-encoded, and in base64 at every alignment."""
    found = {
        secret,
        json.dumps(secret)[1:-1],
        repr(secret)[1:-1],
        quote(secret, safe=""),
        quote(secret),
        quote_plus(secret),
    }
    for shift in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            whole = encode(b"\0" * shift + secret.encode()).decode()
            found.add(whole[4 if shift else 0 : len(whole) - 4])
    return found


def assert_clean(text: str, where: str) -> None:
    for form in forms(TOKEN):
        assert form not in text, f"the token is in {where}, as {form[:12]}…"


def every_call(api: Workbench) -> list[Any]:
    return [api.call(name) for name in ("echo", "text", "error", "wide")]


def test_the_search_finds_each_planted_form() -> None:
    """Each spelling that is searched for is found in a text that contains it."""
    for form in forms(TOKEN):
        with pytest.raises(AssertionError):
            assert_clean(f"…{form}…", "a text")
    assert min(map(len, forms(TOKEN))) > 40


def test_the_token_is_really_sent(api: Workbench) -> None:
    """The token is sent; in the response it is masked."""
    exchange = api.call("echo")
    assert exchange["$.message"] == "bad token Bearer *****"


def test_responses_and_reprs(api: Workbench) -> None:
    """No view of a response shows it: text, JSON, revealed JSON, headers, error, HTML, frames, reprs."""
    for exchange in every_call(api):
        views = [
            exchange, exchange.text, exchange.headers, exchange.error, exchange.request, exchange.response,
            exchange.call, exchange._repr_mimebundle_(), exchange.request_id, vars(exchange),
        ]  # fmt: skip
        assert_clean(" ".join(map(repr, views)), "a view of a response")
        if exchange.response.is_json:
            assert_clean(repr(exchange.reveal()), "the revealed response")
    objects = [api, api.session, api.environment, api.variables, api.history, api.errors, api.runbook, api.ops.echo]
    assert_clean(" ".join(map(repr, objects)), "a repr")
    assert_clean(api.history.frame().to_csv() + api.errors.frame().to_html(), "a frame")


def test_a_wide_charset_hides_nothing(api: Workbench) -> None:
    """A response in UTF-16 that echoes the token is redacted too."""
    exchange = api.call("wide")
    assert "*****" in exchange.text
    assert_clean(exchange.response.text if exchange.response else "", "a response in UTF-16")


def test_files(api: Workbench, tmp_path: Path) -> None:
    """No file has it: the history with its journal, the runbook, and the executed notebook."""
    every_call(api)
    path = api.runbook.write("echo.ipynb")
    result = run(path, {"base_url": api.environment.base_url, "document": _written(tmp_path)})
    assert result.ok, result
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert {file.suffix for file in files} >= {".sqlite", ".ipynb"}
    for file in files:
        assert_clean(file.read_bytes().decode("latin-1"), file.name)


def test_logs(api: Workbench, caplog: pytest.LogCaptureFixture) -> None:
    """No library logs it, even at DEBUG."""
    with caplog.at_level(logging.DEBUG):
        every_call(api)
    assert_clean(caplog.text, "a log")


def test_tracebacks(api: Workbench) -> None:
    """Neither an error nor its traceback, locals included, contains it."""
    api.session.switch(Environment("elsewhere", base_url="http://example.com", credentials={"token": f"env:{NAME}"}))
    with pytest.raises(SecretRefused) as caught:
        api.call("echo")
    found_text = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
    assert "environment" in found_text
    assert_clean(found_text.replace("os.environ", ""), "a traceback")


def test_snippets_and_widgets(api: Workbench) -> None:
    """No snippet and no widget's state has it, the request shown in the explorer included."""
    explorer = api.explore("echo")
    for view in explorer.details.view.options:
        explorer.details.view.value = view
        assert_clean(explorer.details._shown.value, view)
    for exchange in every_call(api):
        explorer.response.show(exchange)
        for tab in explorer.response._tabs.options:
            explorer.response._tabs.value = tab
            assert_clean(str([w.get_state() for w in living.values()]), f"the widgets at {tab}")
    assert explorer.status.last_error is None


def test_an_expired_token_is_reported_before_any_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """A token that has expired by its own claims stops `connect`, and the error does not repeat it."""
    claims = base64.urlsafe_b64encode(json.dumps({"exp": 1_700_000_000}).encode()).decode().rstrip("=")
    token = f"eyJhbGciOiJub25lIn0.{claims}.signature"
    monkeypatch.setenv(NAME, token)
    with pytest.raises(TokenExpired) as caught:
        connect(
            spec=_document() | {"x-astro-nb-token": {}},
            base_url="http://127.0.0.1:9",
            token=f"env:{NAME}",
            history=None,
        )
    assert "2023-11-14" in str(caught.value)
    assert token not in str(caught.value)


def test_a_redirect_to_another_host_drops_secret_headers() -> None:
    """Headers with secrets are not sent along when a server redirects to another host."""
    from astro_nb.http.request_flow import redirected_request
    from astro_nb.messages import Request, Response

    request = Request("GET", "https://api.example.com/a", (("Authorization", TOKEN), ("Accept", "*/*")), secret=True)
    same = redirected_request(request, Response(302, (("Location", "/b"),)))
    assert same is not None
    assert ("Authorization", TOKEN) in same.headers
    for target in (
        "https://api.example.com.evil.test/b",
        "http://api.example.com/b",
        "//evil.test/",
        "https://api.example.com:444/",
    ):
        other = redirected_request(request, Response(302, (("Location", target),)))
        assert other is not None
        assert other.headers == (("Accept", "*/*"),)
    assert repr(Client()) == "<Client>"


def _written(folder: Path) -> str:
    path = folder / "echo.json"
    path.write_text(json.dumps(_document()), encoding="utf-8")
    return str(path)
