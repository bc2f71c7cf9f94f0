"""One short session from connecting to a runbook: what has to work before anything else is worth testing."""

from __future__ import annotations

from pathlib import Path

import pytest

import astro_nb as anb


def test_a_session_from_connect_to_runbook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Connect to the embedded sandbox, call, chain, page, wait, change, preview a bulk, explore, record."""
    monkeypatch.chdir(tmp_path)
    api = anb.connect()
    try:
        workspace = api.call("CreateWorkspace", name="Smoke")
        assert workspace.ok
        assert workspace.request_id
        api.variables["workspaceId"] = workspace["$.id"]
        created = api.call("CreateDeployment", name="smoke", workspaceId="{{workspaceId}}")
        assert created.status == 200
        settled = api.wait("GetDeployment", deploymentId=created["$.id"], until="settled", timeout=600)
        assert settled.json()["status"] == "HEALTHY"
        pages = api.pages("ListDeployments")
        assert len(pages.frame()) == len(pages) > 20
        assert api.change("UpdateWorkspace", workspaceId=workspace["$.id"], description="changed").ok
        assert len(api.bulk("CreateWorkspace", [{"name": "a"}, {"name": "b"}]).preview()) == 2
        assert not api.call("GetDeployment", deploymentId="missing").ok
        assert len(api.errors.frame()) == 1
        assert len(api.history.frame()) >= 6
        api.explore()
        assert "Smoke" in "\n".join(api.runbook.source())
    finally:
        api.close()
