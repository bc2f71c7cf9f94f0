"""The context bar of the explorer and its panels: servers, credentials, schemes, headers, environments."""

from __future__ import annotations

import html
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ipywidgets as widgets
import pytest
from support.form_driver import walk
from support.servers import LocalServer

from astro_nb import Workbench, connect
from astro_nb.environments import load_environment
from astro_nb.explorer import Explorer
from astro_nb.forms import parse_headers

SERVERS = [
    {"url": "https://eu.example.com/v1", "description": "Europe"},
    {
        "url": "https://{region}.example.com:{port}/v2",
        "variables": {"region": {"default": "us", "enum": ["us", "ca"]}, "port": {"default": "443"}},
    },
]
SCHEMES = {
    "key": {"type": "apiKey", "in": "header", "name": "X-Key"},
    "login": {"type": "http", "scheme": "basic"},
    "sso": {"type": "openIdConnect", "openIdConnectUrl": "https://id.example.com"},
}
JSON = {"application/json": {"schema": {"type": "object", "properties": {"a": {"type": "string"}}}}}
FORM = {"application/x-www-form-urlencoded": {"schema": {"type": "object", "properties": {"a": {"type": "string"}}}}}
TEXT = {"text/plain": {"schema": {"type": "string"}}}
SHOP = {"name": "shop", "in": "path", "required": True, "schema": {"type": "string"}}
LIMIT = {"name": "limit", "in": "query", "schema": {"type": "integer"}}
OK = {"200": {"description": "Fine."}}
PATHS = {
    "/shops/{shop}": {
        "parameters": [SHOP],
        "get": {
            "operationId": "read",
            "parameters": [LIMIT],
            "responses": OK,
            "security": [{"key": []}, {"login": []}],
        },
        "put": {"operationId": "write", "requestBody": {"content": {**JSON, **FORM, **TEXT}}, "responses": OK},
    },
    "/shops/{shop}/pets": {"get": {"operationId": "pets", "parameters": [SHOP, LIMIT], "responses": OK}},
}
DOCUMENT = {
    "openapi": "3.1.0",
    "info": {"title": "Shops", "version": "1"},
    "servers": SERVERS,
    "paths": PATHS,
    "components": {"securitySchemes": SCHEMES},
}


@pytest.fixture
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workbench]:
    monkeypatch.chdir(tmp_path)  # before `connect`, which fixes where the environments are
    workbench = connect(spec=DOCUMENT, history=None)
    yield workbench
    workbench.close()


@pytest.fixture
def server() -> Iterator[LocalServer]:
    """A server that answers every request with an empty object."""
    with LocalServer() as started:
        yield started


def last_headers(server: LocalServer) -> dict[str, str]:
    """Return the header fields of the last request, names in lower case."""
    return {name.lower(): value for name, value in server.requests[-1].headers}


def click(explorer: Explorer, text: str) -> None:
    next(w for w in walk(explorer.widget) if isinstance(w, widgets.Button) and w.description == text).click()
    assert explorer.status.last_error is None


def is_hidden(widget: Any) -> bool:
    return "anb-hidden" in widget._dom_classes


def form_of(explorer: Explorer) -> Any:
    assert explorer.form is not None
    return explorer.form.form


# --- servers ----------------------------------------------------------------------------------------------------------


def test_a_server_of_the_document_is_chosen_with_its_variables(api: Workbench) -> None:
    explorer = api.explore()
    servers = explorer.context_bar.servers
    assert not is_hidden(servers.widget)
    assert [label for label, _ in servers.server.options] == [
        "Europe · https://eu.example.com/v1",
        "https://{region}.example.com:{port}/v2",
    ]
    servers.server.value = 1
    assert api.environment.base_url == "https://us.example.com:443/v2"
    controls = {w.description: w for w in walk(servers.widget) if getattr(w, "description", "") in ("region", "port")}
    assert list(controls["region"].options) == ["us", "ca"]
    controls["region"].value, controls["port"].value = "ca", "8443"
    assert api.environment.base_url == "https://ca.example.com:8443/v2"
    assert "ca.example.com:8443" in explorer.context_bar.bar._facts.value
    assert explorer.status.last_error is None


@pytest.mark.parametrize("base_url", ["http://127.0.0.1:9", "https://elsewhere.example.com"])
def test_an_environment_with_a_base_url_of_its_own_has_no_choice_of_servers(base_url: str) -> None:
    workbench = connect(spec=DOCUMENT, base_url=base_url, history=None)
    assert is_hidden(workbench.explore().context_bar.servers.widget)
    workbench.close()


def test_a_single_server_without_variables_is_no_choice() -> None:
    workbench = connect(spec={**DOCUMENT, "servers": SERVERS[:1]}, history=None)
    assert is_hidden(workbench.explore().context_bar.servers.widget)
    workbench.close()


# --- credentials ------------------------------------------------------------------------------------------------------


def test_a_pasted_credential_is_sent_and_displayed_nowhere(server: LocalServer) -> None:
    workbench = connect(spec=DOCUMENT, base_url=server.url, history=None)
    explorer = workbench.explore("read")
    click(explorer, "Credentials")
    field = explorer.context_bar.credentials.inputs["key"][0]
    field.value = "planted-91ac"
    click(explorer, "Use for key")
    assert field.value == ""
    assert workbench.call("read", shop="s").ok
    assert last_headers(server)["x-key"] == "planted-91ac"
    texts = [
        str(getattr(w, name, "")) for w in walk(explorer.widget) for name in ("value", "description", "placeholder")
    ]
    assert not any("planted-91ac" in text for text in texts)
    click(explorer, "Forget key")
    workbench.call("read", shop="s")
    assert "x-key" not in last_headers(server)
    workbench.close()


def test_a_user_name_and_a_password_are_two_fields(server: LocalServer) -> None:
    workbench = connect(spec=DOCUMENT, base_url=server.url, history=None)
    explorer = workbench.explore("read")
    click(explorer, "Credentials")
    user, password = explorer.context_bar.credentials.inputs["login"]
    user.value, password.value = "ada", "p:w"
    click(explorer, "Use for login")
    workbench.call("read", shop="s")
    assert last_headers(server)["authorization"] == "Basic YWRhOnA6dw=="
    workbench.close()


def test_an_empty_credential_is_reported(api: Workbench) -> None:
    explorer = api.explore()
    click(explorer, "Credentials")
    click(explorer, "Use for sso")
    assert "No credential entered for sso" in explorer.status.widget.value


def test_the_scheme_is_chosen_for_each_operation(server: LocalServer) -> None:
    workbench = connect(spec=DOCUMENT, base_url=server.url, history=None)
    workbench.session.credentials.add("key", "planted-key")
    workbench.session.credentials.add("login", "ada:planted-pass")
    explorer = workbench.explore("read")
    form_of(explorer).set(("parameters", "shop"), "s")
    chosen = explorer.options.security
    assert not is_hidden(chosen)
    labels = [label for label, _ in chosen.options]
    login = next(number for number, label in enumerate(labels) if "login" in label)
    chosen.value = login
    assert workbench.send(form_of(explorer).to_call()).ok
    assert last_headers(server)["authorization"].startswith("Basic ")
    assert "x-key" not in last_headers(server)
    none = len(labels) - 1
    chosen.value = none
    workbench.send(form_of(explorer).to_call())
    assert not {"authorization", "x-key"} & last_headers(server).keys()
    workbench.close()


# --- extra headers --------------------------------------------------------------------------------------------------


def test_extra_headers_are_sent_and_restored(server: LocalServer) -> None:
    workbench = connect(spec=DOCUMENT, base_url=server.url, history=None)
    explorer = workbench.explore("pets")
    explorer.options.headers.value = "X-Trace: on\n\nX-Note:  two words "
    form_of(explorer).set(("parameters", "shop"), "s")
    workbench.send(form_of(explorer).to_call())
    assert (last_headers(server)["x-trace"], last_headers(server)["x-note"]) == ("on", "two words")
    explorer.open("read")
    assert explorer.options.headers.value == ""
    explorer.open("pets")
    assert explorer.options.headers.value == "X-Trace: on\nX-Note: two words"
    workbench.close()


def test_a_header_without_a_colon_is_reported_and_kept(api: Workbench) -> None:
    explorer = api.explore("pets")
    explorer.options.headers.value = "X-Trace"
    assert "one `Name: value` per line" in explorer.status.widget.value
    assert explorer.options.headers.value == "X-Trace"
    assert parse_headers("A: b:c\n d :e") == {"A": "b:c", "d": "e"}


# --- restored values -------------------------------------------------------------------------------------------------


def test_a_required_name_keeps_its_value_from_operation_to_operation(api: Workbench) -> None:
    """An optional one does not: the limit of one list need not apply to another."""
    explorer = api.explore("read")
    form_of(explorer).set(("parameters", "shop"), "s1")
    form_of(explorer).set(("parameters", "limit"), 5)
    explorer.open("pets")
    assert form_of(explorer).to_call().parameters == {"shop": "s1"}
    form_of(explorer).set(("parameters", "shop"), "s2")
    explorer.open("read")
    assert form_of(explorer).to_call().parameters == {"shop": "s1", "limit": 5}


def test_last_values_are_restored_in_another_session(server: LocalServer, tmp_path: Path) -> None:
    """They come from the history, if they were sent to this server."""
    first = connect(spec=DOCUMENT, base_url=server.url, history=tmp_path)
    assert first.call("read", shop="s1", limit=5).ok
    first.close()
    second = connect(spec=DOCUMENT, base_url=server.url, history=tmp_path)
    assert form_of(second.explore("read")).to_call().parameters == {"shop": "s1", "limit": 5}
    second.close()
    third = connect(spec=DOCUMENT, base_url="http://127.0.0.1:9", history=tmp_path)
    assert form_of(third.explore("read")).to_call().parameters == {}
    third.close()


def test_a_body_of_another_media_type_is_restored(api: Workbench) -> None:
    form = form_of(api.explore("write"))
    form.set(("body", "a"), "x")
    form.set_media_type("application/x-www-form-urlencoded")
    assert form.to_call().body == {"a": "x"}
    form.set_media_type("text/plain")
    assert form.get(("body",)) is not None
    form.set(("body",), "plain")
    form.set_media_type("application/json")
    assert form.to_call().body == {"a": "x"}
    form.set_media_type("text/plain")
    assert form.to_call().body == "plain"


# --- environments -----------------------------------------------------------------------------------------------------


def test_an_environment_is_created_duplicated_changed_compared_and_removed(
    api: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All in the panel; each environment is a file, and the bar lists it."""
    monkeypatch.chdir(tmp_path)
    explorer = api.explore()
    click(explorer, "Environments")
    panel = explorer.context_bar.environments
    panel.name.value = "eu"
    panel.fields["base_url"].value = "https://eu.example.com/v1"
    panel.fields["variables"].value = "region: eu\nreplicas: 3"
    click(explorer, "Create environment")
    assert load_environment("eu").variables == {"region": "eu", "replicas": 3}
    assert "eu" in explorer.context_bar.bar.environment.options
    panel.name.value = "us"
    click(explorer, "Duplicate as…")
    assert panel.which.value == "us"
    panel.fields["variables"].value = "region: us"
    panel.fields["guard"].value = True
    click(explorer, "Save")
    assert load_environment("us").variables == {"region": "us"}
    assert load_environment("us").requires_approval
    panel.other.value = "eu"
    click(explorer, "Compare")
    assert "variables.region" in panel.widget.children[-1].value
    explorer.context_bar.bar.environment.value = "us"
    assert api.variables["region"] == "us"
    panel.fields["variables"].value = "region: ca"
    click(explorer, "Save")
    assert load_environment("us").variables == {"region": "ca"}
    assert api.environment.name == "us"
    assert api.variables["region"] == "ca"
    panel.which.value = "eu"
    click(explorer, "Remove environment")
    assert not (tmp_path / "environments" / "eu.yaml").exists()
    assert "eu" not in explorer.context_bar.bar.environment.options


@pytest.mark.parametrize(
    ("field", "text", "message"),
    [
        ("variables", "region", "`name: value`"),
        ("variables", "a: [", "cannot be read"),
        ("base_url", "not an address", "address of a server"),
    ],
)
def test_invalid_input_is_reported_and_kept(
    field: str, text: str, message: str, api: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    explorer = api.explore()
    click(explorer, "Environments")
    panel = explorer.context_bar.environments
    panel.name.value = "eu"
    panel.fields[field].value = text
    next(w for w in walk(panel.widget) if getattr(w, "description", "") == "Create environment").click()
    assert message in html.unescape(explorer.status.widget.value)
    assert explorer.status.last_error is not None
    assert not (tmp_path / "environments" / "eu.yaml").exists()
    assert panel.fields[field].value == text


@pytest.mark.parametrize(
    ("field", "text", "is_kept"),
    [
        ("credentials", "token: planted-77aa", False),
        ("credentials", "login: {username: ada, password: planted-77aa}", False),
        ("credentials", "token: env:NAME", True),
        ("credentials", "login: {username: ada, password: env:NAME}", True),
        (
            "credentials",
            "app: {client_id: me, client_secret: env:NAME, token_url: 'https://id.example.com/token'}",
            True,
        ),
        ("variables", "password: planted-77aa", False),
        ("variables", "password: env:NAME\nregion: eu", True),
        ("variables", "owner: {from: env:USER, secret: false}", True),
        ("headers", "Authorization: Bearer planted-77aa", False),
        ("headers", "X-Team: data\nAuthorization: Bearer {{token}}", True),
    ],
)
def test_a_secret_in_clear_text_is_removed_from_the_environments_panel(
    field: str, text: str, is_kept: bool, api: Workbench
) -> None:
    """The text of a control may be saved with the notebook; references and templates may stay."""
    explorer = api.explore()
    click(explorer, "Environments")
    control = explorer.context_bar.environments.fields[field]
    control.value = text
    assert control.value == (text if is_kept else "")
    assert (explorer.status.last_error is None) == is_kept
    assert ("Enter a reference" in explorer.status.widget.value) != is_kept


def test_a_credential_among_extra_headers_is_removed_from_the_control(server: LocalServer) -> None:
    workbench = connect(spec=DOCUMENT, base_url=server.url, history=None)
    explorer = workbench.explore("pets")
    explorer.options.headers.value = "X-Trace: on\nAuthorization: Bearer planted-77aa"
    assert "planted" not in explorer.options.headers.value
    assert explorer.options.headers.value.startswith("X-Trace: on\nAuthorization: {{")
    form_of(explorer).set(("parameters", "shop"), "s")
    workbench.send(form_of(explorer).to_call())
    assert last_headers(server)["authorization"] == "Bearer planted-77aa"
    assert "planted" not in str(form_of(explorer).to_call())
    workbench.close()
