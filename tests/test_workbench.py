"""`connect` connects to an API in every documented way, and its errors say why it cannot."""

from __future__ import annotations

import base64
import io
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.servers import LocalServer

import astro_nb as anb
from astro_nb.environments import Environment
from astro_nb.errors import (
    AstroNbError,
    DanglingReference,
    DocumentError,
    DocumentInvalid,
    DocumentNotFound,
    MissingArgument,
    NewerFormat,
    PickError,
    SecretMissing,
    SecretRefused,
    SettingsError,
    TokenExpired,
    UnknownName,
    UsageError,
)
from astro_nb.http import Retries
from astro_nb.messages import Request, Response
from astro_nb.openapi import bundled
from astro_nb.secrets import Secret
from astro_nb.workbench import SANDBOX_URL

ORGANIZATION = "cm0000000000000000000000x"
ONCE = Retries(attempts=1)


def jwt(exp: float) -> str:
    """A token that expires then, for one organization."""
    claims = {"permissions": [f"organizationId:{ORGANIZATION}"], "exp": int(exp)}
    return f"eyJhbGciOiJub25lIn0.{base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip('=')}.c2ln"


def document(**more: Any) -> dict[str, Any]:
    """A document of one operation that returns a Thing, which `more` may define."""
    responses = {"200": {"description": "", "content": {"application/json": {"schema": {}}}}}
    paths = {"/thing": {"get": {"operationId": "getThing", "responses": responses}}}
    return {"openapi": "3.1.0", "info": {"title": "Things", "version": "2"}, "paths": paths, **more}


def connect_to(handler: Callable[[httpx.Request], httpx.Response]) -> anb.Workbench:
    """A workbench whose transport is a function."""
    transport = httpx.MockTransport(handler)
    return anb.connect(spec=document(), base_url="http://localhost/v1", history=None, retries=ONCE, transport=transport)


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty working folder, and no token in the environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ASTRO_API_TOKEN", raising=False)


@pytest.fixture
def web(tmp_path: Path) -> Iterator[str]:
    """A web server for the documents of a folder."""
    folder = tmp_path / "web"
    folder.mkdir()

    def respond(request: Request) -> Response:
        path = folder / request.url.strip("/")
        return Response(200, (), path.read_bytes()) if path.is_file() else Response(404, (), b"<h1>no</h1>")

    with LocalServer(respond) as server:
        yield server.url


# --- the ways to connect ----------------------------------------------------------------------------------------------


def test_without_arguments_there_is_a_sandbox() -> None:
    """Astro v1 on an embedded server, with a token; the history is in the notebook's folder, and git ignores it."""
    api = anb.connect()
    assert (api.environment.name, api.spec.title, len(api.spec)) == ("sandbox", "Astro API", 75)
    assert api.environment.base_url == getattr(api.sandbox, "url", None)
    assert api.call("ListWorkspaces").ok
    assert Path(".astro_nb/.gitignore").read_text() == "*\n"
    assert repr(api) == f"<astro_nb: Astro API v1.0, 75 operations, sandbox at {api.environment.base_url}>"
    api.close()
    api.close()
    assert len(anb.connect().history) == 1


def test_the_history_folder(tmp_path: Path) -> None:
    """`history=` is the folder, as a path or a text; None keeps everything in memory."""
    for folder in (tmp_path / "a", str(tmp_path / "b")):
        anb.connect(history=folder).close()
        assert [p.name for p in Path(folder).glob("*.sqlite")] == ["astro-api.sqlite"]
    anb.connect(history=None).close()
    assert not Path(".astro_nb").exists()


def test_astro_reads_its_token_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """`connect("astro")` sends nothing; the organization is read from ASTRO_API_TOKEN."""
    sent: list[httpx.Request] = []

    def serve(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(200, json={"workspaces": [], "totalCount": 0})

    monkeypatch.setenv("ASTRO_API_TOKEN", jwt(time.time() + 3600))
    api = anb.connect("astro", history=None, transport=httpx.MockTransport(serve))
    assert (api.sandbox, sent) == (None, [])
    assert api.environment.base_url == "https://api.astronomer.io/v1"
    assert api.call("ListWorkspaces").ok
    assert sent[0].url == f"https://api.astronomer.io/v1/organizations/{ORGANIZATION}/workspaces"
    assert sent[0].headers["authorization"].startswith("Bearer eyJ")


def test_an_environment_is_a_file(monkeypatch: pytest.MonkeyPatch, sandbox: anb.Sandbox) -> None:
    """`connect("staging")` reads environments/staging.yaml: base URL, token, variables, headers, production."""
    Path("environments").mkdir()
    text = f"base_url: {sandbox.url}\nproduction: true\nvariables: {{region: eu}}\ncredentials: {{token: env:MINE}}\n"
    Path("environments/staging.yaml").write_text(text)
    monkeypatch.setenv("MINE", sandbox.token())
    api = anb.connect("staging", history=None)
    assert (api.environment.name, api.environment.production, api.variables["region"]) == ("staging", True, "eu")
    assert api.call("ListWorkspaces").ok


def test_an_environment_may_be_made_in_python(sandbox: anb.Sandbox) -> None:
    """An `Environment` is used as it is; `base_url=` and `token=` override it."""
    here = Environment("here", base_url="http://localhost:1", variables={"a": 1})
    token = Secret.in_memory(sandbox.token())
    api = anb.connect(here, base_url=sandbox.url, token=token, history=None, variables={"a": 2})
    assert api.call("ListWorkspaces").ok
    assert api.variables["a"] == 2


def test_a_document_of_any_kind(tmp_path: Path, web: str) -> None:
    """A document may be a dict, a text, a path as text or Path, an open file, a URL, or the name of a bundled one."""
    text = json.dumps(document())
    for path in (tmp_path / "things.json", tmp_path / "web" / "things.json"):
        path.write_text(text)
    sources = (document(), text, "things.json", tmp_path / "things.json", io.StringIO(text), io.BytesIO(text.encode()))
    for source in (*sources, f"{web}/things.json"):
        api = anb.connect(spec=source, base_url="http://localhost", history=None)
        assert (api.spec.title, [op.id for op in api.spec]) == ("Things", ["getThing"])
    assert len(anb.connect(spec="astro-v1", base_url="http://localhost", history=None).spec) == 75


@pytest.mark.parametrize(
    ("server", "wanted"),
    [("/api/v3", "/api/v3"), ("../v2", "/v2"), (".", "/spec"), ("http://x.org/a/", "http://x.org/a")],
)
def test_a_relative_server_is_resolved_against_the_document(server: str, wanted: str, web: str, tmp_path: Path) -> None:
    """A relative server URL is resolved against the document's URL (OpenAPI 3.1.1, section 4.8.5)."""
    (tmp_path / "web" / "spec").mkdir()
    (tmp_path / "web" / "spec" / "api.json").write_text(json.dumps(document(servers=[{"url": server}])))
    api = anb.connect(spec=f"{web}/spec/api.json", history=None)
    assert api.environment.base_url == (wanted if wanted.startswith("http") else web + wanted)


def test_any_document_has_a_sandbox(shared: Path) -> None:
    """`base_url="sandbox"` serves any document on this machine."""
    api = anb.connect(spec=shared / "specs" / "petstore3.yaml", base_url="sandbox", history=None)
    assert api.call("findPetsByStatus", status="available").ok
    api.close()


def test_an_overlay_may_be_given(tmp_path: Path) -> None:
    """`overlay=` is a mapping or a file; one in the document's folder is found by its name."""
    note = {"target": "$.paths['/thing'].get", "update": {"x-astro-nb-settled": {"state": "phase", "good": ["UP"]}}}
    overlay = {"overlay": "1.0.0", "info": {"title": "o", "version": "1"}, "actions": [note]}
    (tmp_path / "things.json").write_text(json.dumps(document()))
    (tmp_path / "things.overlay.yaml").write_text(json.dumps(overlay))
    more: dict[str, Any] = {"base_url": "http://localhost", "history": None}
    for api in (
        anb.connect(spec=document(), overlay=overlay, **more),
        anb.connect(spec=document(), overlay="things.overlay.yaml", **more),
        anb.connect(spec="things.json", **more),
    ):
        assert api.spec.operation("getThing").extensions.settled.good == ("UP",)


def test_a_sandbox_that_runs_already_is_used(sandbox: anb.Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """With ASTRO_NB_SANDBOX_URL set, no server is started, and closing does not stop the running one."""
    monkeypatch.setenv(SANDBOX_URL, sandbox.url)
    api = anb.connect(history=None)
    assert api.environment.base_url == sandbox.url
    assert api.call("ListWorkspaces").ok
    api.close()
    assert sandbox.url


# --- what can go wrong, each in one sentence --------------------------------------------------------------------------

BAD: dict[str, tuple[Callable[[], Any], type[AstroNbError]]] = {
    "no document": (lambda: anb.connect(spec="missing.yaml"), DocumentNotFound),
    "a folder": (lambda: anb.connect(spec=Path()), DocumentNotFound),
    "not bundled": (lambda: anb.connect(spec="astro-v9"), DocumentNotFound),
    "not YAML": (lambda: anb.connect(spec="a: [1,\nb: }"), DocumentInvalid),
    "not OpenAPI": (lambda: anb.connect(spec={"info": {}}), DocumentInvalid),
    "a text": (lambda: anb.connect(spec="just\nwords"), DocumentInvalid),
    "a list": (lambda: anb.connect(spec=io.StringIO("[]")), DocumentInvalid),
    "nothing": (lambda: anb.connect(spec=io.StringIO("")), DocumentInvalid),
    "Swagger 1": (lambda: anb.connect(spec={"swagger": "1.2", "paths": {}}), DocumentInvalid),
    "OpenAPI 4": (lambda: anb.connect(spec={"openapi": "4.0.0", "paths": {}}), DocumentInvalid),
    "HTML": (lambda: anb.connect(spec="<!DOCTYPE html>\n<html>Sign in</html>"), DocumentInvalid),
    "no server there": (lambda: anb.connect(spec="http://127.0.0.1:1/api.yaml"), DocumentNotFound),
    "no overlay": (lambda: anb.connect(spec=document(), overlay="missing.overlay.yaml"), DocumentError),
    "overlay is none": (lambda: anb.connect(spec=document(), overlay={"actions": []}), DocumentInvalid),
    "overlay not YAML": (lambda: anb.connect(spec=document(), overlay="overlay: [\n"), DocumentError),
    "no environment": (lambda: anb.connect("prodction"), UnknownName),
    "no server named": (lambda: anb.connect(spec=document(), history=None).call("getThing"), UsageError),
    "no token": (lambda: anb.connect("astro", history=None).call("ListOrganizations"), SecretMissing),
    "no organization": (lambda: anb.connect("astro", history=None).call("ListWorkspaces"), AstroNbError),
    "no plain HTTP": (
        lambda: anb.connect(base_url="http://x.org", token=Secret.in_memory("t"), history=None).call(
            "ListOrganizations"
        ),
        SecretRefused,
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_errors_say_what_happened_and_what_to_do(name: str) -> None:
    """Each wrong argument is an error of its own type, in one line, without a traceback in a notebook."""
    act, kind = BAD[name]
    with pytest.raises(kind) as caught:
        act()
    error = caught.value
    assert error.what
    assert error.todo
    assert str(error) == f"{error.what} {error.todo}"
    assert "\n" not in str(error)
    assert len(str(error)) < 400
    assert error._render_traceback_() == [f"{type(error).__name__}: {error.what}", f"  → {error.todo}"]


@pytest.mark.parametrize("place", ["schema", "parameter", "body", "response"])
def test_a_dangling_reference_disables_only_its_operation(place: str) -> None:
    """The document loads and its other operations work; the error of the broken one names the dangling reference."""
    nowhere = {"$ref": "#/components/nowhere"}
    broken: dict[str, dict[str, Any]] = {
        "schema": {"responses": {"200": {"description": "", "content": {"application/json": {"schema": nowhere}}}}},
        "parameter": {"parameters": [nowhere], "responses": {}},
        "body": {"requestBody": nowhere, "responses": {}},
        "response": {"responses": {"200": nowhere}},
    }
    whole = document()
    whole["paths"]["/bad"] = {"post": {"operationId": "bad", **broken[place]}}
    transport = httpx.MockTransport(lambda request: httpx.Response(200, json={"a": 1}))
    api = anb.connect(spec=whole, base_url="http://localhost", history=None, transport=transport)
    assert api.call("getThing").ok
    assert "bad" in dir(api.ops)
    if place == "schema":
        assert api.call("bad").ok
        return
    with pytest.raises(DanglingReference, match="#/components/nowhere") as caught:
        api.call("bad")
    assert caught.value.todo


def test_a_misspelt_name_is_reported_with_the_nearest(api: anb.Workbench) -> None:
    """Operations, arguments, variables and environments."""
    for act, nearest in (
        (lambda: api.call("ListDeployment"), "ListDeployments"),
        (lambda: api.call("GetWorkspace", workspaceID="x"), "workspaceId"),
        (lambda: api.call("GetWorkspace", workspaceId="{{organisationId}}"), "organizationId"),
        (lambda: anb.connect("sandbx"), "sandbox"),
    ):
        with pytest.raises(UnknownName) as caught:
            act()
        assert nearest in caught.value.data["nearest"]
        assert nearest in str(caught.value)
    with pytest.raises(MissingArgument, match="workspaceId"):
        api.call("GetWorkspace")


def test_an_expired_token_is_reported_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """`connect` reads the expiry of the token; after it, nothing is sent, and no server is left running."""
    token = jwt(time.time() - 60)
    monkeypatch.setenv("ASTRO_API_TOKEN", token)
    before = set(threading.enumerate())
    for arguments in ({"environment": "astro"}, {"environment": "sandbox", "token": "env:ASTRO_API_TOKEN"}):
        with pytest.raises(TokenExpired, match="ASTRO_API_TOKEN") as caught:
            anb.connect(history=None, **arguments)  # type: ignore[arg-type]  # two names and two texts
        assert "nothing was sent" in str(caught.value)
        assert token not in str(caught.value)
    assert not [t for t in set(threading.enumerate()) - before if "sandbox" in t.name]


@pytest.mark.parametrize("token", [jwt(4e9), "opaque-planted-token-value", "Bearer planted:token"])
def test_a_token_in_the_clear_is_never_shown(token: str) -> None:
    """A pasted token is rejected, or held as a secret: no repr and no error repeats it."""
    shown, todo = [], "none"
    try:
        api = anb.connect(
            "astro", token=token, history=None, transport=httpx.MockTransport(lambda r: httpx.Response(200))
        )
        shown += [repr(api), repr(api.environment), repr(api.session.credentials.token_secret()), repr(api.variables)]
        shown.append(repr(api.call("ListOrganizations")))
    except AstroNbError as error:
        todo = error.todo
        shown += [str(error), repr(error), repr(error.data), *error._render_traceback_()]
    assert token not in "".join(shown)
    assert todo


def test_a_history_that_cannot_be_used_leaves_no_server(tmp_path: Path) -> None:
    """If the history cannot be opened, the sandbox that was started is stopped again."""
    (tmp_path / "astro-api.sqlite").write_bytes(b"something else entirely, " * 50)
    before = set(threading.enumerate())
    with pytest.raises(SettingsError):
        anb.connect(history=tmp_path)
    assert not [t for t in set(threading.enumerate()) - before if "sandbox" in t.name]
    assert NewerFormat.__mro__[1] is SettingsError


def test_an_unreachable_server_is_an_exchange() -> None:
    """The exchange says so, and what to check; nothing is raised."""
    api = anb.connect(base_url="http://127.0.0.1:1", token=Secret.in_memory("x" * 20), history=None, retries=ONCE)
    exchange = api.call("ListOrganizations")
    assert (exchange.ok, exchange.status) == (False, None)
    assert exchange.failure is not None
    assert "127.0.0.1:1" in exchange.failure.message
    assert "base URL" in exchange.failure.todo


def test_html_instead_of_json_is_shown() -> None:
    """A sign-in page with status 200 has a contract violation; reading it as JSON says what it is."""
    exchange = connect_to(lambda request: httpx.Response(200, html="<h1>Sign in</h1>")).call("getThing")
    assert exchange.ok
    assert [v.keyword for v in exchange.violations] == ["media type"]
    with pytest.raises(PickError, match="text/html"):
        exchange.json()
    assert "&lt;h1&gt;Sign in" in exchange._repr_mimebundle_()["text/html"]


def test_no_content_is_a_response() -> None:
    """A 204 is ok, empty, and a violation if it is not declared."""
    exchange = connect_to(lambda request: httpx.Response(204)).call("getThing")
    assert (exchange.ok, exchange.size, exchange.text) == (True, 0, "")


def test_thirty_megabytes_are_read_displayed_and_stored() -> None:
    """30 MB of JSON are displayed in part, made a table, and stored in the history."""
    rows = [{"id": f"id-{n}", "name": "word " * 30, "number": n, "on": True} for n in range(140_000)]
    body = json.dumps(rows).encode()
    assert len(body) > 29_000_000
    api = connect_to(lambda request: httpx.Response(200, content=body, headers={"Content-Type": "application/json"}))
    exchange = api.call("getThing")
    html = exchange._repr_mimebundle_()["text/html"]
    assert (exchange.size, len(exchange.items)) == (len(body), 140_000)
    assert len(html) < 500_000
    assert api.history.frame()["size"][0] == len(body)
    assert exchange["$[139999].number"] == 139_999


# --- what is loaded, and when -----------------------------------------------------------------------------------------

SLOW = ("pandas", "ipywidgets", "openapi_core", "nbclient", "nbformat", "IPython", "keyring")


@pytest.mark.parametrize(
    "source",
    [
        "import astro_nb",
        "import astro_nb as anb; anb.connect; anb.Secret; anb.Environment",
        "import astro_nb as anb; api = anb.connect(history=None); assert api.call('ListWorkspaces').ok; repr(api)",
    ],
)
def test_nothing_slow_is_loaded_before_it_is_needed(source: str) -> None:
    """Importing, connecting and calling load no pandas, no widgets, no notebooks and no second validator."""
    code = f"{source}\nimport sys\nprint([m for m in {SLOW!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr


def test_the_public_names() -> None:
    """`__all__` is what can be imported, with `Sandbox` on first use; another name raises AttributeError."""
    assert anb.__all__ == [
        "UNSET", "AstroNbError", "Body", "Call", "Environment", "Environments", "Exchange", "Reference", "Retries",
        "Sandbox", "Secret", "Upload", "Workbench", "advice_for", "connect", "outcome_of",
    ]  # fmt: skip
    assert all(getattr(anb, name) is not None for name in anb.__all__)
    defined = {
        name: value for name, value in vars(anb).items() if getattr(value, "__module__", "").startswith("astro_nb")
    }
    assert {name for name in defined if not name.startswith("_")} <= set(anb.__all__)
    with pytest.raises(AttributeError):
        anb.nothing  # noqa: B018  # to look at it is the test
    assert bundled("astro-v1.yaml").is_file()
