"""The explorer in a real JupyterLab in a real Chromium, by mouse and by keyboard."""

from __future__ import annotations

import base64
import sqlite3
import zlib
from pathlib import Path
from urllib.parse import quote

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, expect
from support.lab import Lab

CONNECT = "import astro_nb as anb\napi = anb.connect()"
SECRET = "hunter2-is-Not/a+secret=really"


def open_explorer(lab: Lab, name: str, *cells: str) -> Locator:
    """Open a notebook that shows the explorer; return the explorer."""
    lab.viewport(1280, 1400)
    lab.open(lab.notebook(name, CONNECT, *cells, "api"))
    explorer = lab.page.locator(".anb").first
    expect(explorer).to_be_visible()
    return explorer


def find(explorer: Locator, operation: str) -> None:
    """Search for an operation and open it."""
    explorer.get_by_placeholder("Search 75 operations").fill(operation)
    explorer.locator(".anb-op", has_text=operation).first.click()
    expect(explorer.locator(".anb-work strong").first).to_have_text(operation)


def send(explorer: Locator, status: str) -> None:
    """Click Send and wait for the status of this request: an earlier response stays until the new one arrives."""
    rows = explorer.locator(".anb-history select").first.locator("option")
    before = rows.count()
    explorer.get_by_role("button", name="Send", exact=True).click()
    expect(rows).to_have_count(before + 1)
    expect(explorer.locator(".anb-response").get_by_text(status).first).to_be_visible()


def field(explorer: Locator, name: str) -> Locator:
    """Return the control of a field, by its label."""
    return explorer.locator(".anb-form .anb-field", has=explorer.page.locator(f"label > b:text-is('{name}')")).locator(
        "input, select, textarea"
    )


def test_a_session_by_mouse(lab: Lab) -> None:
    """List, fill, choose by name, send, fail, read the requestId, see the history; in both themes, accessible."""
    explorer = open_explorer(lab, "session")
    lab.screenshot("explorer-start")
    find(explorer, "ListWorkspaces")
    send(explorer, "200 OK")
    explorer.get_by_role("button", name="Table", exact=True).click()
    expect(explorer.get_by_text("4 rows")).to_be_visible()

    find(explorer, "CreateDeployment")
    field(explorer, "name").fill("from-the-browser")
    field(explorer, "workspaceId").fill("Training · from ListWorkspaces")
    field(explorer, "workspaceId").press("Tab")
    expect(field(explorer, "workspaceId")).not_to_have_value("Training · from ListWorkspaces")
    send(explorer, "200 OK")
    lab.screenshot("explorer-created")
    send(explorer, "400 Bad Request")
    expect(explorer.get_by_text("already exists in this workspace").first).to_be_visible()
    expect(explorer.locator(".anb-response").get_by_text("requestId c").first).to_be_visible()
    rows = explorer.locator(".anb-history select").first.locator("option")
    expect(rows.first).to_contain_text("400")
    expect(rows).to_have_count(3)
    lab.screenshot("explorer-error")
    lab.screenshot("explorer", explorer)
    for width, theme in ((800, "light"), (800, "dark"), (1280, "dark")):
        lab.viewport(width, 1400)
        lab.theme(theme)
        lab.screenshot(f"explorer-{theme}-{width}")
        found = Axe().run(lab.page, context=".anb")
        assert found.violations_count == 0, found.generate_report()
    lab.theme("light")
    assert lab.console_errors() == []


def test_the_keyboard_is_enough(lab: Lab) -> None:
    """Search, open, type and send without a mouse: the focus goes through the form in visual order."""
    explorer = open_explorer(lab, "keyboard")
    press = lab.page.keyboard.press
    explorer.get_by_placeholder("Search 75 operations").focus()
    lab.page.keyboard.type("CreateWorkspace")
    expect(explorer.locator(".anb-op")).to_have_count(1)
    press("Tab")
    press("Enter")
    expect(explorer.locator(".anb-form")).to_be_visible()
    field(explorer, "organizationId").focus()
    press("Tab")
    expect(field(explorer, "name")).to_be_focused()
    lab.page.keyboard.type("Keyboard")
    for _ in range(20):
        press("Tab")
        if lab.page.evaluate("document.activeElement.textContent").strip() == "Send":
            break
    press("Enter")
    expect(explorer.locator(".anb-response").get_by_text("200 OK").first).to_be_visible()
    expect(explorer.locator(".anb-response").get_by_text('"Keyboard"').first).to_be_visible()


def test_no_secret_is_saved(lab: Lab, tmp_path: Path) -> None:
    """A typed secret and the token are in neither the saved notebook, with its widget state, nor the history file."""
    explorer = open_explorer(lab, "secrets", "token = api.session.credentials.token_secret()")
    find(explorer, "CreateEnvironmentObject")
    field(explorer, "objectType").select_option("CONNECTION")
    field(explorer, "objectKey").fill("warehouse")
    field(explorer, "scope").select_option("WORKSPACE")
    field(explorer, "scopeEntityId").fill("no-such-workspace")
    field(explorer, "type").fill("postgres")
    explorer.get_by_role("button", name="▸ More: 7 optional fields of connection").click()
    field(explorer, "password").fill(SECRET)
    field(explorer, "password").press("Tab")
    expect(field(explorer, "password")).to_have_value("")
    send(explorer, "404 Not Found")
    explorer.get_by_role("button", name="curl", exact=True).click()
    expect(explorer.get_by_text("$PASSWORD")).to_be_visible()
    lab.save_with_widgets()
    saved = (lab.root / "secrets.ipynb").read_text(encoding="utf-8")
    assert "widget-state" in saved, "the widget state was not saved, so the test proves nothing"
    history = _history_text(lab.root / ".astro_nb" / "astro-api.sqlite")
    assert "CreateEnvironmentObject" in history
    for spelling in _spellings(SECRET):
        assert spelling not in saved
        assert spelling not in history
    assert "eyJ" not in saved + history, "tokens start with these letters"


def test_a_mistake_in_a_cell_is_one_sentence(lab: Lab) -> None:
    """A wrong name in a cell gives one sentence and what to do, without a traceback."""
    lab.open(lab.notebook("mistake", CONNECT, 'api.call("ListDeploymentz")'), run=False)
    lab.run_all(failing=True)
    output = lab.output(2)
    expect(output).to_contain_text("There is no operation named 'ListDeploymentz'.")
    expect(output).to_contain_text("Did you mean ListDeployments")
    expect(output).not_to_contain_text("Traceback")


def _spellings(secret: str) -> list[str]:
    raw = secret.encode()
    return [secret, quote(secret, safe=""), base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode()]


def _history_text(path: Path) -> str:
    """Return all text of a history file, bodies decompressed."""
    with sqlite3.connect(path) as database:
        rows = [str(row) for row in database.execute("SELECT * FROM entry")]
        bodies = [zlib.decompress(row[0]).decode() for row in database.execute("SELECT content FROM body")]
    return "\n".join([*rows, *bodies])
