"""Long work in a real JupyterLab in a real Chromium: progress, display, and the Stop button."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect
from support.lab import Lab

CONNECT = "import astro_nb as anb\napi = anb.connect(history=None)"
WAIT = """made = api.call("CreateDeployment", name="etl", workspaceId=api.call("ListWorkspaces")["$.workspaces[0].id"])
api.variables["deploymentId"] = made["$.id"]
waited = api.wait("GetDeployment")
waited"""
CHANGE = """api.wait("GetDeployment")
api.change("UpdateDeployment", environmentVariables={"REGION": "eu"})"""
RETRIED = """api.sandbox.faults.add("rate_limit", times=1, retry_after=1)
api.call("ListWorkspaces")"""
BULK = """rows = [{"name": f"team-{n}"} for n in range(60)] + [{"name": None}]
work = api.bulk("CreateWorkspace", rows)
work"""


def test_long_work_shows_its_progress_and_result(lab: Lab) -> None:
    """Attempts, states, a difference and a table of problems are shown, in light and dark, accessible."""
    lab.viewport(1280, 1600)
    lab.open(lab.notebook("long-work", CONNECT, RETRIED, WAIT, CHANGE, BULK))
    expect(lab.output(2)).to_contain_text("200 at attempt 2")
    expect(lab.output(3)).to_contain_text("Waiting for GetDeployment · HEALTHY after")
    expect(lab.output(3)).to_contain_text("CREATING")
    expect(lab.output(4)).to_contain_text("environmentVariables[REGION]")
    expect(lab.output(4)).to_contain_text("added")
    expect(lab.output(5)).to_contain_text("CreateWorkspace for 61 rows in sandbox")
    expect(lab.output(5)).to_contain_text("name is required")
    for width, theme in ((1280, "light"), (800, "dark")):
        lab.viewport(width, 1600)
        lab.theme(theme)
        lab.screenshot(f"long-work-{theme}-{width}")
        found = Axe().run(lab.page, context=".jp-OutputArea")
        assert found.violations_count == 0, found.generate_report()


def test_the_stop_button_stops_a_bulk_and_loses_nothing(lab: Lab) -> None:
    """A bulk that is stopped finishes its open requests, keeps the results, and continues when the cell runs again."""
    run = 'work.run()\nmade = {one["name"] for one in api.pages("ListWorkspaces")}\nprint(work.counts)'
    lab.open(lab.notebook("stopped", CONNECT, BULK, run), run=False)
    lab.run(1)
    lab.run(2)
    cell = lab.page.locator(".jp-Notebook .jp-Cell").nth(2)
    cell.locator(".cm-content").click()
    lab.page.keyboard.press("Control+Enter")
    expect(lab.output(3)).to_contain_text("rows/s")
    lab.command("notebook:interrupt-kernel")
    lab.wait_idle()
    expect(lab.output(3)).to_contain_text("'not sent'")
    begun = lab.ask("work.counts['done']")
    assert 0 < begun < 60
    lab.run(3)
    lab.wait_idle()
    expect(lab.output(3)).to_contain_text("'done': 60")
    assert lab.ask("len([name for name in made if name.startswith('team-')])") == 60
