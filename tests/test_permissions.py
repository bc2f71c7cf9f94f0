"""What a token has to be allowed, compared with its claims and the server's responses."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat import v4

import astro_nb as anb
from astro_nb.environments import read_token
from astro_nb.errors import RunbookError, UnknownName
from astro_nb.openapi import TokenExtension, load
from astro_nb.permissions import Privileges, calls_in, privileges_of_calls, token_panel
from astro_nb.secrets import Secret

NAMES = ("organizationId", "workspaceId", "deploymentId")
NOTES = TokenExtension("permissions", NAMES)
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def token(*permissions: str, **claims: Any) -> str:
    parts = ({"alg": "none"}, {"permissions": list(permissions), **claims})
    head, body = (base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)
    return f"{head}.{body}.c2lnbmF0dXJl"


def verdicts(privileges: Privileges) -> dict[str, str]:
    return {need.operation: need.covered for need in privileges.needs}


def test_calls_are_counted_and_responses_decide(api: anb.Workbench) -> None:
    """One row per operation, with permission, scope and count; a response takes precedence over the claims."""
    found = api.call("ListDeployments", limit=1)
    for _ in range(2):
        api.call("GetDeployment", deploymentId=found["$.deployments[0].id"])
    api.call("ListOrganizations")
    frame = api.privileges().frame()
    assert frame["operation"].tolist() == ["ListDeployments", "GetDeployment", "ListOrganizations"]
    assert frame["used"].tolist() == [1, 2, 1]
    assert frame["permission"].tolist() == ["organization.deployments.get", "deployment.get", ""]
    assert frame["scope"][1] == f"deployment {found['$.deployments[0].id']}"
    assert frame["covered"].tolist() == ["yes"] * 3
    assert api.permissions() == api.privileges().permissions


def test_a_403_means_no(api: anb.Workbench) -> None:
    """A 403 decides; responses to another token say nothing about this one."""
    assert isinstance(api.sandbox, anb.Sandbox)
    assert api.call("ListTeams").ok
    assert verdicts(api.privileges()) == {"ListTeams": "yes"}
    api.session.credentials.add("token", api.sandbox.token("deployment"))
    assert verdicts(api.privileges()) == {"ListTeams": "no"}
    assert "restricted to one deployment" in api.privileges().needs[0].reason
    assert api.call("ListTeams").status == 403
    assert "403" in api.privileges().needs[0].reason


def test_one_operation_without_a_call(api: anb.Workbench) -> None:
    """An operation that was not called has no uses; for an unknown name the nearest one is suggested."""
    (need,) = api.privileges("CreateDeployment").needs
    assert (need.permission, need.scope, need.used, need.covered) == (
        "workspace.deployments.create", "workspace", 0, "unknown"
    )  # fmt: skip
    assert len(api.history) == 0
    with pytest.raises(UnknownName, match="CreateDeployment"):
        api.privileges("CreateDeploymnt")


@pytest.mark.parametrize(
    ("permissions", "claims", "covered"),
    [
        (["organizationId:o", "deployment.get"], {}, "yes"),
        (["organizationId:o", "deployment.*"], {}, "yes"),
        (["organizationId:o", "workspace.get"], {}, "no"),
        (["organizationId:o"], {}, "unknown"),
        (["deployment.get"], {"exp": 1}, "no"),
        ([], {}, "unknown"),
    ],
)
def test_the_claims_decide_without_a_response(permissions: list[str], claims: dict[str, Any], covered: str) -> None:
    """Names in the claims are patterns; an expired token covers nothing; roles are not guessed."""
    facts = read_token(token(*permissions, **claims), NOTES)
    found = privileges_of_calls(load("astro-v1"), {"GetDeployment": 1}, facts, NAMES)
    assert verdicts(found) == {"GetDeployment": covered}
    assert found.needs[0].reason


@pytest.mark.parametrize("facts", [None, read_token("opaque")])
def test_without_claims_nothing_is_known(facts: Any) -> None:
    """Without a token, or with an opaque one, the answer is unknown."""
    assert verdicts(privileges_of_calls(load("astro-v1"), {"GetTeam": 1}, facts, NAMES)) == {"GetTeam": "unknown"}


def test_a_token_for_another_id_does_not_cover(api: anb.Workbench) -> None:
    """The id in the URL is compared with the one that the token is restricted to."""
    api.session.credentials.add("token", token("organizationId:other", exp=4102444800))
    api.variables["organizationId"] = "mine"
    api.call("ListTeams")
    assert api.privileges().needs[0].covered == "no"
    assert "organization other" in api.privileges().needs[0].reason


def test_a_notebook_is_read_and_not_run(api: anb.Workbench, tmp_path: Path) -> None:
    """Calls in all spellings count, magics are skipped, and what cannot be read is noted."""
    cells = [
        "%matplotlib inline\nimport astro_nb as anb\napi = anb.connect()\n!ls",
        'api.call("ListTeams"); api.pages("ListTeams").frame()\nfor x in []:\n    %time\n    api.wait("GetDeployment")',
        "api.ops.create_deployment(name='x')\napi.ops.deployment.delete_deployment(deploymentId='x')",
        'api.session.send(anb.Call("RotateApiToken"))\nprint("UpdateTeam")\nother.create_team()',
        "def broken(:",
        'api.call("ListTeamz")\nraise SystemExit',
    ]
    path = tmp_path / "x.ipynb"
    nbformat.write(v4.new_notebook(cells=[v4.new_code_cell(c) for c in cells]), path)  # type: ignore[no-untyped-call]  # no types
    found = api.privileges(notebook=path)
    assert {n.operation: n.used for n in found.needs} == {
        "ListTeams": 2, "GetDeployment": 1, "CreateDeployment": 1, "DeleteDeployment": 1, "RotateApiToken": 1
    }  # fmt: skip
    assert [text.split()[2] for text in found.notes] == ["5", "6"]
    assert "ListTeamz" in found.ticket
    assert len(api.history) == 0
    with pytest.raises(RunbookError):
        api.privileges(notebook=tmp_path / "nowhere.ipynb")


def test_a_deeply_nested_cell_is_noted() -> None:
    """Code that cannot be parsed raises nothing."""
    assert calls_in(load("astro-v1"), ["(" * 5000, "\x00"])[0] == []


def test_the_ticket_has_a_line_per_permission(api: anb.Workbench) -> None:
    """One line for each permission and scope, with the operations that need it."""
    api.call("ListTeams")
    api.call("GetOrganization")
    ticket = api.privileges().ticket.splitlines()
    organization = api.variables["organizationId"]
    assert ticket == [
        "This token needs:",
        f"- organization.get for the organization {organization} (GetOrganization)",
        f"- organization.teams.get for the organization {organization} (ListTeams)",
    ]
    assert "nothing was called" in Privileges([]).ticket


def test_html_is_escaped(api: anb.Workbench) -> None:
    """A hostile id in a URL is text."""
    api.call("GetTeam", teamId="<script>alert(1)</script>")
    drawn = api.privileges()._repr_mimebundle_()
    assert "<script" not in drawn["text/html"]
    assert "organization.teams.get" in drawn["text/html"]


@pytest.mark.parametrize(
    ("left", "state"), [(timedelta(-1), "expired"), (timedelta(1), "expires soon"), (timedelta(30), "valid")]
)
def test_the_panel_describes_a_token_without_showing_it(left: timedelta, state: str) -> None:
    """Kind, scope, permissions, expiry and source, and no part of the token."""
    text = token("organizationId:o", "workspaceId:w", "deployment.get", exp=(NOW + left).timestamp())
    panel = token_panel(Secret.in_memory(text, "pasted"), read_token(text, NOTES), NAMES, NOW)
    assert (panel.kind, panel.scope, panel.state) == ("JSON Web Token", "workspace", state)
    assert panel.bound == (("organizationId", "o"), ("workspaceId", "w"))
    assert panel.permissions == ("deployment.get",)
    assert dict(panel.rows)["source"] == "memory (pasted)"
    assert not any(piece in f"{panel}{panel.rows}" for piece in text.split("."))


def test_the_panel_of_no_token(api: anb.Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    """No token, one without a value, and one that cannot be read."""
    monkeypatch.delenv("NO_SUCH_TOKEN", raising=False)
    assert token_panel(None, None, NAMES).rows == (("kind", "no token"),)
    assert token_panel(Secret("env:NO_SUCH_TOKEN"), None, NAMES).kind == "token without a value"
    assert token_panel(Secret.in_memory("planted-opaque"), read_token("planted-opaque"), NAMES).kind == "opaque token"
    assert api.session.credentials.token_panel().scope == "organization"
