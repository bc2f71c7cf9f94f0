"""Five linked resources created in the explorer by clicks and keys, and created again by the recorded runbook."""

from __future__ import annotations

import contextlib
import re
import sqlite3
import zlib
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect
from support.lab import Lab
from test_browser import field
from test_browser_typing import spellings
from test_linking import made as created_resources

import astro_nb as anb
from astro_nb import Sandbox
from astro_nb.runbooks import run
from astro_nb.workbench import SANDBOX_URL

CONNECT = "import astro_nb as anb\napi = anb.connect()"
PRIVATE = "emea, which is in no file"
MOST_REQUESTS = 60


class ExplorerDriver:
    """Works an explorer that has sent nothing yet, by clicks and keys."""

    def __init__(self, explorer: Locator) -> None:
        self._explorer, self._sent = explorer, 0
        self._response = explorer.locator(".anb-response")

    def find(self, operation: str) -> None:
        """Search for an operation and open the first match."""
        self._explorer.get_by_placeholder("Search 75 operations").fill(operation)
        first = self._explorer.locator(".anb-op").first
        expect(first).to_have_text(operation)
        first.click()
        expect(self._explorer.locator(".anb-work strong").first).to_have_text(operation)

    def choose(self, **choices: str) -> None:
        """Choose from these lists."""
        for name, choice in choices.items():
            field(self._explorer, name).select_option(choice)

    def fill(self, **values: str) -> None:
        """Type into each of these fields, and tab on."""
        for name, text in values.items():
            field(self._explorer, name).fill(text)
            field(self._explorer, name).press("Tab")

    def unfold(self, name: str = "") -> None:
        """Open the optional fields of an object, or of the body itself."""
        label = rf"^▸ More: .* fields?{f' of {name}' if name else ''}$"
        self._explorer.get_by_role("button", name=re.compile(label)).click(timeout=5000)

    def expect(self, **values: str) -> None:
        """Expect these fields to be filled already."""
        for name, text in values.items():
            expect(field(self._explorer, name)).to_have_value(text)

    def send(self, operation: str) -> None:
        """Send the open form, and wait for the response."""
        self._explorer.get_by_role("button", name="Send", exact=True).click()
        self._sent += 1
        expect(self._explorer.locator(".anb-history select").first.locator("option")).to_have_count(self._sent)
        expect(self._response.locator("strong").first).to_have_text(operation)
        expect(self._response.get_by_text("200 OK").first).to_be_visible()

    def send_until(self, operation: str, state: str) -> None:
        """Send the open form repeatedly, until the response contains a state."""
        for _ in range(MOST_REQUESTS):
            self.send(operation)
            if self._response.get_by_text(f'"{state}"').count():
                return
        raise AssertionError(f"Not {state} after {MOST_REQUESTS} requests")

    def save_as_variable(self, path: str, name: str) -> None:
        """Save a value of the response as a variable, under the suggested name."""
        self._explorer.get_by_role("button", name="Save as variable", exact=True).click()
        self._explorer.get_by_label("Search paths and values").fill(path)
        paths = self._explorer.get_by_label("Paths and values", exact=True)
        expect(paths.locator("option").first).to_contain_text(f"{path} = ")
        paths.select_option(index=0)
        expect(self._explorer.get_by_label("Variable", exact=True)).to_have_value(name)
        self._response.locator(".anb-scroll").get_by_role("button", name="Save as variable").click()
        expect(self._explorer.get_by_text(f"Saved as variable {name}")).to_be_visible()


def make_resources(driver: ExplorerDriver, lab: Lab) -> None:
    """Create a Workspace, a Deployment, an environment variable, a deploy and a token, each from earlier responses."""
    driver.find("CreateWorkspace")
    driver.fill(name="Five")
    driver.send("CreateWorkspace")
    driver.save_as_variable("$.id", "workspaceId")

    lab.ask("setattr(api.sandbox, 'speed', 0.001)")  # so that the first look finds it unfinished
    driver.find("CreateDeployment")
    driver.fill(name="of-five", workspaceId="{{workspaceId}}")
    driver.send("CreateDeployment")
    driver.save_as_variable("$.id", "deploymentId")

    driver.find("GetDeployment")
    driver.expect(deploymentId="{{deploymentId}}")
    driver.send_until("GetDeployment", "CREATING")
    lab.ask("setattr(api.sandbox, 'speed', 1000)")
    driver.send_until("GetDeployment", "HEALTHY")

    driver.find("CreateEnvironmentObject")
    driver.choose(objectType="AIRFLOW_VARIABLE", scope="DEPLOYMENT")
    driver.unfold("airflowVariable")
    driver.fill(objectKey="region", scopeEntityId="{{deploymentId}}", value=PRIVATE)
    driver.send("CreateEnvironmentObject")

    driver.find("CreateDeploy")
    driver.expect(deploymentId="{{deploymentId}}")
    driver.choose(type="DAG_ONLY")
    driver.send("CreateDeploy")
    driver.save_as_variable("$.id", "deployId")

    driver.find("FinalizeDeploy")
    driver.expect(deploymentId="{{deploymentId}}", deployId="{{deployId}}")
    driver.unfold()
    driver.fill(dagTarballVersion="2026-03-14T09:30:00.0000000Z")
    driver.send("FinalizeDeploy")

    driver.find("CreateApiToken")
    driver.choose(scope="WORKSPACE")
    driver.fill(name="ci-of-five", role="WORKSPACE_MEMBER", entityId="{{workspaceId}}")
    driver.send("CreateApiToken")
    driver.save_as_variable("$.token", "token")


def history_text(path: Path) -> str:
    """Return all text of a history file, bodies decompressed."""
    with sqlite3.connect(path) as database:
        rows = [str(row) for row in database.execute("SELECT * FROM entry")]
        bodies = [zlib.decompress(row[0]).decode() for row in database.execute("SELECT content FROM body")]
    return "\n".join([*rows, *bodies])


def test_five_linked_resources_by_hand(lab: Lab, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Ids go from response to form, the one-time token is saved nowhere, and the runbook creates all five again."""
    lab.viewport(1280, 1600)
    path = lab.notebook("five/five", CONNECT, "api", 'api.runbook.write("chain.ipynb")')
    lab.open(path, run=False)
    lab.run(1)
    lab.run(2)
    explorer = lab.page.locator(".anb").first
    expect(explorer).to_be_visible()
    make_resources(ExplorerDriver(explorer), lab)
    lab.screenshot("chain-token", explorer)
    lab.run(3)
    expect(lab.output(3)).to_contain_text("chain.ipynb")

    token = lab.ask("api.history[-1].reveal()['token']")
    assert lab.ask("api.variables.value_of('token').reveal()") == token
    lab.save_with_widgets()
    saved = path.read_text(encoding="utf-8")
    assert "widget-state" in saved, "the widget state was not saved, so the test proves nothing"
    recorded = (lab.root / "five" / "chain.ipynb").read_text(encoding="utf-8")
    places = {
        "page": lab.page.content(),
        "notebook": saved,
        "history": history_text(lab.root / "five" / ".astro_nb" / "astro-api.sqlite"),
        "runbook": recorded,
    }
    assert not [
        (place, form)
        for place, text in places.items()
        for form in [*spellings(token), *spellings(PRIVATE)]
        if form in text
    ]
    assert lab.console_errors() == []
    assert 'until=\\"HEALTHY\\"' in recorded, "repeated requests until it is healthy are a wait"

    with Sandbox(speed=10, limits=False, seed=7) as fresh:
        monkeypatch.setenv(SANDBOX_URL, fresh.url)
        monkeypatch.setenv("VALUE", PRIVATE)  # no notebook contains the typed value
        monkeypatch.chdir(tmp_path)
        result = run(lab.root / "five" / "chain.ipynb", output=tmp_path / "done.ipynb", cwd=tmp_path)
        assert result.ok, result.error
        fresh.speed = 0  # operations in progress end at once
        with contextlib.closing(anb.connect(history=None)) as api:
            assert created_resources(api) == ["Five", "of-five", "HEALTHY", "region", PRIVATE, "DAG_ONLY", "ci-of-five"]
