"""Four forms filled by keyboard alone and sent: the server sees what was meant."""

from __future__ import annotations

import base64
import contextlib
import email
import email.policy
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from playwright.sync_api import Locator, expect
from support.lab import Lab
from support.typing_driver import Typist, assert_looks_right

SECRET = "hunter3-is-Not/a+secret=either"
SANDBOX = """
import json, astro_nb as anb
api = anb.connect(history=None)
seen, serve = [], api.sandbox.serve
api.sandbox.serve = lambda request: (seen.append(request), serve(request))[1]
api.variables["workspaceId"] = api.call("ListWorkspaces")["$.workspaces[0].id"]
"""
SEEN = "json.loads(seen[-1].body)"


class Got(NamedTuple):
    """A request as it came over the wire."""

    method: str
    path: str
    headers: Any
    body: bytes


@contextlib.contextmanager
def recorder() -> Iterator[tuple[str, list[Got]]]:
    """A server on the loopback that answers everything with 200; its address, and what it got."""
    got: list[Got] = []

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            got.append(Got(self.command, self.path, self.headers, body))
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        do_POST = do_PATCH = answer  # noqa: N815  # the names are http.server's

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", got
    finally:
        server.shutdown()
        server.server_close()


def opened(lab: Lab, name: str, *cells: str) -> tuple[Locator, Typist]:
    """A notebook whose last cell is an explorer, with the focus in its search."""
    lab.viewport(1280, 1600)
    lab.open(lab.notebook(name, *cells))
    explorer = lab.page.locator(".anb").first
    expect(explorer.locator(".anb-form .anb-field").first).to_be_visible()
    explorer.locator(".anb-search input").focus()
    return explorer, Typist(lab)


def written(secret: str) -> list[str]:
    """A secret as it may be written."""
    raw = secret.encode()
    return [secret, quote(secret, safe=""), base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode()]


def send(explorer: Locator, keys: Typist) -> None:
    """Walk to Send and press it."""
    keys.to("Send")
    keys.press("Enter")
    expect(explorer.locator(".anb-response").get_by_text("200 OK").first).to_be_visible()


def test_a_deployment_by_keyboard(lab: Lab) -> None:
    """Three branches looked at, what both know kept; queues as rows, one moved; a secret that is saved nowhere."""
    explorer, keys = opened(lab, "keys-deployment", SANDBOX, 'api.explore("CreateDeployment")')
    form = explorer.locator(".anb-form")
    more = form.get_by_role("button", name="▸ More: ")
    keys.to("type")
    keys.choose("D")
    expect(more).to_have_text("▸ More: 19 optional fields")
    keys.fill(name="by-keyboard", workspaceId="{{workspaceId}}")
    keys.to("type", back=True)
    keys.choose("H")
    expect(more).to_have_text("▸ More: 13 optional fields")
    keys.to("▸ More")
    keys.press("Enter")
    expect(form.get_by_label("taskPodNodePoolId")).to_be_visible()
    keys.fill(taskPodNodePoolId="pool")
    keys.to("type", back=True)
    keys.choose("S")
    expect(form.get_by_label("taskPodNodePoolId")).to_have_count(0)
    expect(form.get_by_label("name").first).to_have_value("by-keyboard")

    keys.to("+ Add to environmentVariables")
    keys.press("Enter")
    keys.waits_for("isSecret")
    keys.choose("t")
    keys.fill(key="TOKEN")
    keys.to("▸ More: 1 optional field of environmentVariables")
    keys.press("Enter")
    expect(form.locator("input[type=password]")).to_be_visible()
    keys.fill(value=SECRET, executor="C")
    for row in (1, 2):
        keys.to("+ Add to workerQueues")
        keys.press("Enter")
        expect(form.get_by_title(f"Remove workerQueues {row}")).to_be_visible()
        keys.waits_for("astroMachine")
        keys.choose("A")
        kept = {"isDefault": "tf"[row - 1], "maxWorkerCount": "10", "minWorkerCount": str(row)}
        keys.fill(**kept, name=("default", "heavy")[row - 1], workerConcurrency="5")
    keys.to("Move up", back=True)
    keys.press("Enter")
    keys.waits_for("Move down")
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
    assert "widget-state" in saved, "the widget state was not saved: nothing is proved"
    assert not [form for form in written(SECRET) if form in saved]


def test_an_undeclared_union_by_keyboard(lab: Lab) -> None:
    """objectType chooses which fields there are; what was filled for another choice is back with it, and not sent."""
    explorer, keys = opened(lab, "keys-object", SANDBOX, 'api.explore("CreateEnvironmentObject")')
    form = explorer.locator(".anb-form")
    keys.to("objectType")
    keys.choose("C")
    keys.fill(objectKey="lake", scope="W", scopeEntityId="{{workspaceId}}")
    expect(form.get_by_role("button", name="▾ connection")).to_be_visible()
    keys.fill(type="postgres")
    keys.to("objectType", back=True)
    keys.choose("M")
    expect(form.get_by_role("button", name="▾ metricsExport")).to_be_visible()
    expect(form.get_by_role("button", name="▾ connection")).to_have_count(0)
    keys.waits_for("objectType")
    keys.fill(endpoint="https://metrics.example.com/", exporterType="P")
    keys.to("objectType", back=True)
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
    """Null, the empty text, a date-time and free names of an Airflow 3 run; what is left out is absent."""
    with recorder() as (url, got):
        document = str(shared / "specs" / "airflow3.yaml")
        cell = f"import astro_nb as anb\napi = anb.connect(spec={document!r}, base_url={url!r}, history=None)"
        explorer, keys = opened(lab, "keys-null", cell, "api.explore('trigger_dag_run')")
        keys.fill(dag_id="etl", logical_date="null")
        keys.to("▸ More")
        keys.press("Enter")
        expect(explorer.get_by_label("run_after")).to_be_visible()
        keys.fill(dag_run_id="by hand", run_after="2026-03-14T09:30:00Z")
        keys.to("+ Add to conf")
        keys.press("Enter")
        keys.waits_for("Name")
        keys.write("region")
        keys.fill(Value="emea", note='""')
        keys.press("Tab")
        expect(explorer.locator(".anb-form .anb-state")).to_have_text(["null", "empty text"])
        assert_looks_right(lab, explorer, "keys-null")
        send(explorer, keys)
    assert (got[-1].method, got[-1].path) == ("POST", "/api/v2/dags/etl/dagRuns")
    assert json.loads(got[-1].body) == {
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
    with recorder() as (url, got):
        (lab.root / "pictures.json").write_text(json.dumps(pictures(url)))
        cell = "import astro_nb as anb\napi = anb.connect(spec='pictures.json', history=None)"
        explorer, keys = opened(lab, "keys-upload", cell, "api.explore('AddPicture')")
        keys.to("version", back=True)
        keys.choose("v2")
        expect(explorer.locator(".anb-bar")).to_contain_text("/v2")
        keys.to("Choose a file for picture")
        with lab.page.expect_file_chooser() as chooser:
            keys.press("Enter")
        chooser.value.set_files({"name": "sun set.png", "mimeType": "image/png", "buffer": PICTURE})
        expect(explorer.get_by_role("button", name="Remove sun set.png")).to_be_visible()
        keys.fill(copies="3", labels="warm", title="Sun set", public="t")
        keys.to("labels", back=True)
        keys.press("Control+End")
        keys.press("Enter")
        keys.write("evening")
        keys.press("Tab")
        assert_looks_right(lab, explorer, "keys-upload")
        send(explorer, keys)
    assert (got[-1].method, got[-1].path) == ("POST", "/v2/pictures")
    head = f"Content-Type: {got[-1].headers['Content-Type']}\r\n\r\n".encode()
    parts = list(email.message_from_bytes(head + got[-1].body, policy=email.policy.HTTP).iter_parts())
    told = [(p.get_param("name", header="content-disposition"), p.get_filename(), p.get_content_type()) for p in parts]
    assert told == [
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
