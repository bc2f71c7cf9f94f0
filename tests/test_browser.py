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


def opened(lab: Lab, name: str, *cells: str) -> Locator:
    """A notebook with the explorer in it; the explorer."""
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
    """Press Send and wait for the status, of this request: what was answered before stands there until it comes."""
    rows = explorer.locator(".anb-history select").first.locator("option")
    before = rows.count()
    explorer.get_by_role("button", name="Send", exact=True).click()
    expect(rows).to_have_count(before + 1)
    expect(explorer.locator(".anb-response").get_by_text(status).first).to_be_visible()


def field(explorer: Locator, name: str) -> Locator:
    """The control of a field, by its label."""
    return explorer.locator(".anb-form .anb-field", has=explorer.page.locator(f"label > b:text-is('{name}')")).locator(
        "input, select, textarea"
    )


def test_the_story_by_mouse(lab: Lab) -> None:
    """List, fill, choose by name, send, fail, read the requestId, see the history; in every look, and accessible."""
    explorer = opened(lab, "story")
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
    """Search, open, type, choose and send without a mouse: the focus goes through the form in visual order."""
    explorer = opened(lab, "keyboard")
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
    """A typed secret and the token are in no saved notebook, widget state included, and not in the history file."""
    explorer = opened(lab, "secrets", "token = api.session.credentials.token_secret()")
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
    assert "widget-state" in saved, "the widget state was not saved: nothing is proved"
    kept = _everything_in(lab.root / ".astro_nb" / "astro-api.sqlite")
    assert "CreateEnvironmentObject" in kept
    for form in _forms(SECRET):
        assert form not in saved
        assert form not in kept
    assert "eyJ" not in saved + kept, "a token begins like this"


def test_your_mistake_is_one_sentence(lab: Lab) -> None:
    """A wrong name in a cell gives one sentence and what to do, without a traceback."""
    lab.open(lab.notebook("mistake", CONNECT, 'api.call("ListDeploymentz")'), run=False)
    lab.run_all(failing=True)
    output = lab.output(2)
    expect(output).to_contain_text("There is no operation named 'ListDeploymentz'.")
    expect(output).to_contain_text("Did you mean ListDeployments")
    expect(output).not_to_contain_text("Traceback")


def _forms(secret: str) -> list[str]:
    raw = secret.encode()
    return [secret, quote(secret, safe=""), base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode()]


def _everything_in(path: Path) -> str:
    """All text of a history file, bodies unpacked."""
    with sqlite3.connect(path) as database:
        rows = [str(row) for row in database.execute("SELECT * FROM entry")]
        bodies = [zlib.decompress(row[0]).decode() for row in database.execute("SELECT content FROM body")]
    return "\n".join([*rows, *bodies])
