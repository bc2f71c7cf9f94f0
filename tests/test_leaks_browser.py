"""Planted secrets in a real JupyterLab: nothing that it saves has one, the state of the widgets included."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect
from support.lab import ROOT, Lab
from support.planted import BEARER, CLIENT, ONE_TIME, PASTED, TYPED, Seen, assert_clean, document, served

from astro_nb.secret_scan import scan

CONNECT = """
import json, logging, warnings
import astro_nb as anb
logging.basicConfig(filename="debug.log", level=logging.DEBUG)
client = {"client_id": "me", "client_secret": "dotenv:PLANTED_CLIENT", "token_url": "URL/token"}
credentials = {"T": "dotenv:PLANTED_BEARER", "OAuth": client}
environment = anb.Environment("planted", base_url="URL", credentials=credentials)
api = anb.connect(environment, spec=json.load(open("planted.json")))
"""
LOOKS = """
api.call("granted")
display(api.call("echo"), api.call("fails"), api.errors.frame(), api.history.frame(), api.variables, vars(api))
plan = api.session.prepare(api.session.build_call("echo", {}))
display(api.scan(), plan, vars(plan.shown), environment, api.variables.all("password"))
[api.session.snippet("curl", exchange.call) for exchange in api.session.exchanges]
"""


def find(explorer: Locator, operation: str) -> None:
    explorer.get_by_placeholder("Search 9 operations").fill(operation)
    expect(explorer.locator(".anb-op:visible")).to_have_count(1)
    explorer.locator(".anb-op:visible", has_text=operation).click()
    expect(explorer.locator(".anb-work strong").first).to_have_text(operation)


def send(explorer: Locator, seen: Seen, operation: str) -> None:
    """Open an operation and send it; return when the server has received it and the history shows it."""
    find(explorer, operation)
    explorer.get_by_role("button", name="Send", exact=True).click()
    expect(explorer.locator(".anb-history select").first.locator("option").first).to_contain_text(operation)
    expect(explorer.locator(".anb-response").get_by_text("200 OK").first).to_be_visible()
    assert any(path.partition("?")[0] == f"/{operation}" for _, path, _, _ in seen.requests)


def test_nothing_that_lab_saves_has_one(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pasted, a typed, a captured, a granted and a configured secret, by clicks: saved, exported, logged, scanned."""
    with served() as (url, seen):
        folder = lab.root / "planted"
        folder.mkdir()
        (folder / ".env").write_text(
            f"PLANTED_BEARER='{BEARER.replace(chr(92), chr(92) * 2)}'\nPLANTED_CLIENT='{CLIENT}'\n"
        )
        (folder / "planted.json").write_text(json.dumps(document()), encoding="utf-8")
        lab.viewport(1280, 1400)
        lab.open(
            lab.notebook("planted/planted", CONNECT.replace("URL", url), "api", LOOKS.split("\n", 1)[1]), run=False
        )
        lab.command("notebook:run-all-cells")
        lab.wait_idle()
        explorer = lab.page.locator(".anb").first
        expect(explorer).to_be_visible()
        explorer.get_by_role("button", name="Credentials").click()
        pasted = explorer.get_by_label("Paste the key").first
        pasted.fill(PASTED)
        pasted.press("Tab")
        expect(pasted).to_have_value("")
        _saved(lab, "before the button is pressed")
        explorer.get_by_role("button", name="Use for Key").click()
        send(explorer, seen, "keyed")
        find(explorer, "save")
        typed = explorer.locator(".anb-form input[type=password]").first
        more = explorer.locator(".anb-form").get_by_role("button", name="More").first
        expect(typed.or_(more).first).to_be_visible()
        if not typed.is_visible():
            more.click()
        typed.fill(TYPED)
        typed.press("Tab")
        expect(typed).to_have_value("")
        send(explorer, seen, "save")
        send(explorer, seen, "mint")
        send(explorer, seen, "back")
        _saved(lab, "at the end")
        lab.run_all()
        text = _saved(lab, "after all cells")
        assert "widget-state" in text, "the widget state was not saved: nothing is proved"
        for secret, where in ((BEARER, "Bearer"), (PASTED, "X-Key")):
            assert any(
                secret in headers.get("Authorization", "") + headers.get("X-Key", "")
                for _, _, headers, _ in seen.requests
            ), where
        assert any(json.loads(body).get("password") == TYPED for _, path, _, body in seen.requests if path == "/save")
        command = [sys.executable, "-m", "nbconvert", "--to", "html", str(folder / "planted.ipynb")]
        subprocess.run(command, check=True, capture_output=True, cwd=ROOT)
        _everything(folder)
        assert lab.console_errors() == []
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PLANTED_PASTED", PASTED)
    monkeypatch.setenv("PLANTED_TYPED", TYPED)
    monkeypatch.setenv("PLANTED_ONCE", ONE_TIME)
    named = [f"env:PLANTED_{name}" for name in ("PASTED", "TYPED", "ONCE")]
    assert [str(f) for f in scan([folder], secrets=named) if f.known] == []
    leaking = json.loads((folder / "planted.ipynb").read_text(encoding="utf-8"))
    state = next(iter(leaking["metadata"]["widgets"].values()))["state"]
    next(model for model in state.values() if "value" in model["state"])["state"]["value"] = TYPED
    (folder / "leaking.ipynb").write_text(json.dumps(leaking), encoding="utf-8")
    (found,) = {(f.part.partition(",")[0], f.secret) for f in scan(["leaking.ipynb"], secrets=named) if f.known}
    assert found == ("widget state", "env:PLANTED_TYPED")


def _saved(lab: Lab, when: str) -> str:
    lab.command("@jupyter-widgets/jupyterlab-manager:saveWidgetState")
    lab.save()
    text = (lab.root / "planted" / "planted.ipynb").read_text(encoding="utf-8")
    assert_clean(text, f"the notebook {when}")
    return text


def _everything(folder: Path) -> None:
    files = [file for file in folder.rglob("*") if file.is_file() and file.name != ".env"]
    assert {".ipynb", ".html", ".log", ".sqlite"} <= {file.suffix for file in files}
    for file in files:
        assert_clean(file.read_bytes().decode("latin-1"), file.name)
    for file in files:  # afterwards: whoever opens a database may take its journal away
        if file.suffix == ".sqlite":
            with sqlite3.connect(file) as database:
                bodies = [zlib.decompress(row[0]).decode() for row in database.execute("SELECT content FROM body")]
                assert_clean(
                    "\n".join([*bodies, *(repr(r) for r in database.execute("SELECT * FROM entry"))]), "the history"
                )
            database.close()
