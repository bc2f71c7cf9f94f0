"""Four forms filled by keyboard alone and sent: the server receives what was typed."""

from __future__ import annotations

import base64
import email
import email.policy
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

from playwright.sync_api import Locator, expect
from support.lab import Lab
from support.servers import LocalServer
from support.typing_driver import TypingDriver, assert_looks_right

from astro_nb.messages import header

SECRET = "hunter3-is-Not/a+secret=either"
SANDBOX = """
import json, astro_nb as anb
api = anb.connect(history=None)
seen, serve = [], api.sandbox.serve
api.sandbox.serve = lambda request: (seen.append(request), serve(request))[1]
api.variables["workspaceId"] = api.call("ListWorkspaces")["$.workspaces[0].id"]
"""
SEEN = "json.loads(seen[-1].body)"


def open_explorer(lab: Lab, name: str, *cells: str) -> tuple[Locator, TypingDriver]:
    """Open a notebook whose last cell shows an explorer, with the focus in its search."""
    lab.viewport(1280, 1600)
    lab.open(lab.notebook(name, *cells))
    explorer = lab.page.locator(".anb").first
    expect(explorer.locator(".anb-form .anb-field").first).to_be_visible()
    explorer.locator(".anb-search input").focus()
    return explorer, TypingDriver(lab)


def spellings(secret: str) -> list[str]:
    """Return the spellings in which a secret may be written."""
    raw = secret.encode()
    return [secret, quote(secret, safe=""), base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode()]


def send(explorer: Locator, keys: TypingDriver) -> None:
    """Tab to Send and press Enter."""
    keys.tab_to("Send")
    keys.press("Enter")
    expect(explorer.locator(".anb-response").get_by_text("200 OK").first).to_be_visible()


def test_a_deployment_by_keyboard(lab: Lab) -> None:
    """Three branches that keep common values; queues as rows, one moved; a secret that is saved nowhere."""
    explorer, keys = open_explorer(lab, "keys-deployment", SANDBOX, 'api.explore("CreateDeployment")')
    form = explorer.locator(".anb-form")
    more = form.get_by_role("button", name="▸ More: ")
    keys.tab_to("type")
    keys.choose("D")
    expect(more).to_have_text("▸ More: 19 optional fields")
    keys.fill(name="by-keyboard", workspaceId="{{workspaceId}}")
    keys.tab_to("type", back=True)
    keys.choose("H")
    expect(more).to_have_text("▸ More: 13 optional fields")
    keys.tab_to("▸ More")
    keys.press("Enter")
    expect(form.get_by_label("taskPodNodePoolId")).to_be_visible()
    keys.fill(taskPodNodePoolId="pool")
    keys.tab_to("type", back=True)
    keys.choose("S")
    expect(form.get_by_label("taskPodNodePoolId")).to_have_count(0)
    expect(form.get_by_label("name").first).to_have_value("by-keyboard")

    keys.tab_to("+ Add to environmentVariables")
    keys.press("Enter")
    keys.wait_for_focus("isSecret")
    keys.choose("t")
    keys.fill(key="TOKEN")
    keys.tab_to("▸ More: 1 optional field of environmentVariables")
    keys.press("Enter")
    expect(form.locator("input[type=password]")).to_be_visible()
    keys.fill(value=SECRET, executor="C")
    for row in (1, 2):
        keys.tab_to("+ Add to workerQueues")
        keys.press("Enter")
        expect(form.get_by_title(f"Remove workerQueues {row}")).to_be_visible()
        keys.wait_for_focus("astroMachine")
        keys.choose("A")
        values = {"isDefault": "tf"[row - 1], "maxWorkerCount": "10", "minWorkerCount": str(row)}
        keys.fill(**values, name=("default", "heavy")[row - 1], workerConcurrency="5")
    keys.tab_to("Move up", back=True)
    keys.press("Enter")
    keys.wait_for_focus("Move down")
    assert_looks_right(lab, explorer, "keys-deployment")
    send(explorer, keys)
    queue = {"astroMachine": "A5", "maxWorkerCount": 10, "workerConcurrency": 5}
    assert lab.ask(SEEN) == {
        "type": "STANDARD",
        "name": "by-keyboard",
        "workspaceId": lab.ask("api.variables['workspaceId']"),
        "environmentVariables": [{"isSecret": True, "key": "TOKEN", "value": SECRET}],
        "executor": "CELERY",
        "workerQueues": [
            {**queue, "isDefault": False, "minWorkerCount": 2, "name": "heavy"},
            {**queue, "isDefault": True, "minWorkerCount": 1, "name": "default"},
        ],
    }
    lab.save_with_widgets()
    saved = (lab.root / "keys-deployment.ipynb").read_text(encoding="utf-8")
    assert "widget-state" in saved, "the widget state was not saved, so the test proves nothing"
    assert not [form for form in spellings(SECRET) if form in saved]


def test_an_undeclared_union_by_keyboard(lab: Lab) -> None:
    """objectType chooses the fields; values of another choice come back with it, and are not sent meanwhile."""
    explorer, keys = open_explorer(lab, "keys-object", SANDBOX, 'api.explore("CreateEnvironmentObject")')
    form = explorer.locator(".anb-form")
    keys.tab_to("objectType")
    keys.choose("C")
    keys.fill(objectKey="lake", scope="W", scopeEntityId="{{workspaceId}}")
    expect(form.get_by_role("button", name="▾ connection")).to_be_visible()
    keys.fill(type="postgres")
    keys.tab_to("objectType", back=True)
    keys.choose("M")
    expect(form.get_by_role("button", name="▾ metricsExport")).to_be_visible()
    expect(form.get_by_role("button", name="▾ connection")).to_have_count(0)
    keys.wait_for_focus("objectType")
    keys.fill(endpoint="https://metrics.example.com/", exporterType="P")
    keys.tab_to("objectType", back=True)
    keys.choose("C")
    expect(form.locator(".anb-group input").first).to_have_value("postgres")
    keys.choose("M")
    expect(form.locator(".anb-group input").first).to_have_value("https://metrics.example.com/")
    assert_looks_right(lab, explorer, "keys-object")
    send(explorer, keys)
    assert lab.ask(SEEN) == {
        "objectType": "METRICS_EXPORT",
        "objectKey": "lake",
        "scope": "WORKSPACE",
        "scopeEntityId": lab.ask("api.variables['workspaceId']"),
        "metricsExport": {"endpoint": "https://metrics.example.com/", "exporterType": "PROMETHEUS"},
    }


def test_null_and_absent_by_keyboard(lab: Lab, shared: Path) -> None:
    """Null, the empty text, a date-time and free names of an Airflow 3 run; a field left unset is absent."""
    with LocalServer() as server:
        document = str(shared / "specs" / "airflow3.yaml")
        cell = f"import astro_nb as anb\napi = anb.connect(spec={document!r}, base_url={server.url!r}, history=None)"
        explorer, keys = open_explorer(lab, "keys-null", cell, "api.explore('trigger_dag_run')")
        keys.fill(dag_id="etl", logical_date="null")
        keys.tab_to("▸ More")
        keys.press("Enter")
        expect(explorer.get_by_label("run_after")).to_be_visible()
        keys.fill(dag_run_id="by hand", run_after="2026-03-14T09:30:00Z")
        keys.tab_to("+ Add to conf")
        keys.press("Enter")
        keys.wait_for_focus("Name")
        keys.write("region")
        keys.fill(Value="emea", note='""')
        keys.press("Tab")
        expect(explorer.locator(".anb-form .anb-state")).to_have_text(["null", "empty text"])
        assert_looks_right(lab, explorer, "keys-null")
        send(explorer, keys)
    assert (server.requests[-1].method, server.requests[-1].url) == ("POST", "/api/v2/dags/etl/dagRuns")
    assert json.loads(server.requests[-1].body) == {
        "logical_date": None,
        "dag_run_id": "by hand",
        "run_after": "2026-03-14T09:30:00Z",
        "conf": {"region": "emea"},
        "note": "",
    }


PICTURE = b"\x89PNG\r\n\x1a\n--boundary\x00"
PARTS = {
    "type": "object",
    "required": ["picture", "copies", "labels", "about"],
    "properties": {
        "picture": {"type": "string", "format": "binary", "description": "The picture itself."},
        "copies": {"type": "integer", "minimum": 1},
        "labels": {"type": "array", "items": {"type": "string"}},
        "about": {
            "type": "object",
            "required": ["title", "public"],
            "properties": {"title": {"type": "string"}, "public": {"type": "boolean"}},
        },
    },
}


def pictures(url: str) -> dict[str, Any]:
    """A document with two servers, the first with a variable, and an upload in parts."""
    body = {"required": True, "content": {"multipart/form-data": {"schema": PARTS}}}
    post = {"operationId": "AddPicture", "summary": "Add a picture", "requestBody": body, "responses": {}}
    version = {"default": "v1", "enum": ["v1", "v2"], "description": "The version of the API"}
    here = {"url": f"{url}/{{version}}", "description": "This machine", "variables": {"version": version}}
    tenant = {"tenant": {"default": "acme"}}
    there = {"url": "https://{tenant}.pictures.example.com", "description": "Production", "variables": tenant}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Pictures", "version": "1"},
        "servers": [here, there],
        "paths": {"/pictures": {"post": post}},
    }


def test_an_upload_by_keyboard(lab: Lab) -> None:
    """A file, a number, a list and JSON as parts of one body, to the server that was chosen."""
    with LocalServer() as server:
        (lab.root / "pictures.json").write_text(json.dumps(pictures(server.url)))
        cell = "import astro_nb as anb\napi = anb.connect(spec='pictures.json', history=None)"
        explorer, keys = open_explorer(lab, "keys-upload", cell, "api.explore('AddPicture')")
        keys.tab_to("version", back=True)
        keys.choose("v2")
        expect(explorer.locator(".anb-bar")).to_contain_text("/v2")
        keys.tab_to("Choose a file for picture")
        with lab.page.expect_file_chooser() as chooser:
            keys.press("Enter")
        chooser.value.set_files({"name": "sun set.png", "mimeType": "image/png", "buffer": PICTURE})
        expect(explorer.get_by_role("button", name="Remove sun set.png")).to_be_visible()
        keys.fill(copies="3", labels="warm", title="Sun set", public="t")
        keys.tab_to("labels", back=True)
        keys.press("Control+End")
        keys.press("Enter")
        keys.write("evening")
        keys.press("Tab")
        assert_looks_right(lab, explorer, "keys-upload")
        send(explorer, keys)
    assert (server.requests[-1].method, server.requests[-1].url) == ("POST", "/v2/pictures")
    head = f"Content-Type: {header(server.requests[-1].headers, 'content-type')}\r\n\r\n".encode()
    parts = list(email.message_from_bytes(head + server.requests[-1].body, policy=email.policy.HTTP).iter_parts())
    headers = [
        (p.get_param("name", header="content-disposition"), p.get_filename(), p.get_content_type()) for p in parts
    ]
    assert headers == [
        ("picture", "sun set.png", "image/png"),
        ("copies", None, "text/plain"),
        ("labels", None, "text/plain"),
        ("labels", None, "text/plain"),
        ("about", None, "application/json"),
    ]
    picture, *others, about = [part.get_payload(decode=True) for part in parts]
    assert picture == PICTURE
    assert others == [b"3", b"warm", b"evening"]
    assert json.loads(about) == {"title": "Sun set", "public": True}
