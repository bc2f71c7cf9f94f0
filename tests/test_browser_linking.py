"""A chain of five made in the explorer, by clicks and keys alone, and run again from the notebook that it becomes."""

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
from test_browser_typing import written
from test_linking import made

import astro_nb as anb
from astro_nb import Sandbox
from astro_nb.runbooks import run
from astro_nb.workbench import SANDBOX_URL

CONNECT = "import astro_nb as anb\napi = anb.connect()"
UNSEEN = "emea, which nobody saw"
MOST_LOOKS = 60


class Hand:
    """Somebody who works in an explorer that has sent nothing yet."""

    def __init__(self, explorer: Locator) -> None:
        self._explorer, self._sent = explorer, 0
        self._answer = explorer.locator(".anb-response")

    def find(self, operation: str) -> None:
        """Search for an operation and open the first that is found."""
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
        """Type into each of these fields, and leave it."""
        for name, text in values.items():
            field(self._explorer, name).fill(text)
            field(self._explorer, name).press("Tab")

    def unfold(self, name: str = "") -> None:
        """Open the optional fields of an object, or of the body itself."""
        told = rf"^▸ More: .* fields?{f' of {name}' if name else ''}$"
        self._explorer.get_by_role("button", name=re.compile(told)).click(timeout=5000)

    def expect(self, **values: str) -> None:
        """These fields are filled already."""
        for name, text in values.items():
            expect(field(self._explorer, name)).to_have_value(text)

    def send(self, operation: str) -> None:
        """Send what is open, and wait until the answer stands there."""
        self._explorer.get_by_role("button", name="Send", exact=True).click()
        self._sent += 1
        expect(self._explorer.locator(".anb-history select").first.locator("option")).to_have_count(self._sent)
        expect(self._answer.locator("strong").first).to_have_text(operation)
        expect(self._answer.get_by_text("200 OK").first).to_be_visible()

    def send_until(self, operation: str, state: str) -> None:
        """Send what is open again and again, until the answer holds a state."""
        for _ in range(MOST_LOOKS):
            self.send(operation)
            if self._answer.get_by_text(f'"{state}"').count():
                return
        raise AssertionError(f"Not {state} after {MOST_LOOKS} looks")

    def use(self, path: str, name: str) -> None:
        """Make a variable of a value of the answer; its name is the one that is offered."""
        self._explorer.get_by_role("button", name="Save as variable", exact=True).click()
        self._explorer.get_by_label("Search paths and values").fill(path)
        paths = self._explorer.get_by_label("Paths and values", exact=True)
        expect(paths.locator("option").first).to_contain_text(f"{path} = ")
        paths.select_option(index=0)
        expect(self._explorer.get_by_label("Variable", exact=True)).to_have_value(name)
        self._explorer.get_by_role("button", name="Save as variable").click()
        expect(self._explorer.get_by_text(f"The variable {name} is set")).to_be_visible()


def make_five(hand: Hand) -> None:
    """Workspace, Deployment, variable of its environment, deploy and token; each from the answers before."""
    hand.find("CreateWorkspace")
    hand.fill(name="Five")
    hand.send("CreateWorkspace")
    hand.use("$.id", "workspaceId")

    hand.find("CreateDeployment")
    hand.fill(name="of-five", workspaceId="{{workspaceId}}")
    hand.send("CreateDeployment")
    hand.use("$.id", "deploymentId")

    hand.find("GetDeployment")
    hand.expect(deploymentId="{{deploymentId}}")
    hand.send_until("GetDeployment", "HEALTHY")

    hand.find("CreateEnvironmentObject")
    hand.choose(objectType="AIRFLOW_VARIABLE", scope="DEPLOYMENT")
    hand.unfold("airflowVariable")
    hand.fill(objectKey="region", scopeEntityId="{{deploymentId}}", value=UNSEEN)
    hand.send("CreateEnvironmentObject")

    hand.find("CreateDeploy")
    hand.expect(deploymentId="{{deploymentId}}")
    hand.choose(type="DAG_ONLY")
    hand.send("CreateDeploy")
    hand.use("$.id", "deployId")

    hand.find("FinalizeDeploy")
    hand.expect(deploymentId="{{deploymentId}}", deployId="{{deployId}}")
    hand.unfold()
    hand.fill(dagTarballVersion="2026-03-14T09:30:00.0000000Z")
    hand.send("FinalizeDeploy")

    hand.find("CreateApiToken")
    hand.choose(scope="WORKSPACE")
    hand.fill(name="ci-of-five", role="WORKSPACE_MEMBER", entityId="{{workspaceId}}")
    hand.send("CreateApiToken")
    hand.use("$.token", "token")


def kept(path: Path) -> str:
    """All text of a history file, bodies unpacked."""
    with sqlite3.connect(path) as database:
        rows = [str(row) for row in database.execute("SELECT * FROM entry")]
        bodies = [zlib.decompress(row[0]).decode() for row in database.execute("SELECT content FROM body")]
    return "\n".join([*rows, *bodies])


def test_a_chain_of_five_by_hand(lab: Lab, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Ids go from answer to form, the one-time token is shown and saved nowhere, and the runbook makes five anew."""
    lab.viewport(1280, 1600)
    path = lab.notebook("five/five", CONNECT, "api", 'api.runbook.write("chain.ipynb")')
    lab.open(path, run=False)
    lab.run(1)
    lab.run(2)
    explorer = lab.page.locator(".anb").first
    expect(explorer).to_be_visible()
    make_five(Hand(explorer))
    lab.screenshot("chain-token", explorer)
    lab.run(3)
    expect(lab.output(3)).to_contain_text("chain.ipynb")

    token = lab.ask("api.history[-1].reveal()['token']")
    assert lab.ask("api.variables.value_of('token').reveal()") == token
    lab.save_with_widgets()
    saved = path.read_text(encoding="utf-8")
    assert "widget-state" in saved, "the widget state was not saved: nothing is proved"
    recorded = (lab.root / "five" / "chain.ipynb").read_text(encoding="utf-8")
    places = {
        "page": lab.page.content(),
        "notebook": saved,
        "history": kept(lab.root / "five" / ".astro_nb" / "astro-api.sqlite"),
        "runbook": recorded,
    }
    assert not [
        (place, form) for place, text in places.items() for form in [*written(token), *written(UNSEEN)] if form in text
    ]
    assert lab.console_errors() == []
    assert 'until=\\"HEALTHY\\"' in recorded, "whoever looks until it is healthy has waited"

    with Sandbox(speed=10, limits=False, seed=7) as fresh:
        monkeypatch.setenv(SANDBOX_URL, fresh.url)
        monkeypatch.setenv("VALUE", UNSEEN)  # a value that was typed unseen is in no notebook
        monkeypatch.chdir(tmp_path)
        result = run(lab.root / "five" / "chain.ipynb", output=tmp_path / "done.ipynb", cwd=tmp_path)
        assert result.ok, result.error
        fresh.speed = 0  # what is under way is over
        with contextlib.closing(anb.connect(history=None)) as api:
            assert made(api) == ["Five", "of-five", "HEALTHY", "region", UNSEEN, "DAG_ONLY", "ci-of-five"]
