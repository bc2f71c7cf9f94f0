"""Secrets extracted from a call, and texts of a server that are never resolved."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd
import pytest
from support.form_driver import wait_until

from astro_nb import Call, Secret, Upload, Workbench
from astro_nb.messages import Request
from astro_nb.openapi import Operation
from astro_nb.session import secrets
from astro_nb.session.secrets import mask_headers, to_templates
from astro_nb.templates import LiteralText


def test_what_a_server_said_is_never_resolved(api: Workbench) -> None:
    """Braces in a response are text, also when they are sent on, stored, and sent again from the history."""
    api.variables["hidden"] = Secret.in_memory("hunter2-hunter2", "hidden")
    first = api.session.send(
        Call("CreateWorkspace", {"organizationId": "{{organizationId}}"}, {"name": r"\{{hidden}}"})
    )
    said = first["$.name"]
    assert isinstance(said, LiteralText)
    assert said == "{{hidden}}"
    second = api.call("CreateTeam", name=said)
    assert second["$.name"] == "{{hidden}}"
    api.call("DeleteTeam", teamId=second["$.id"])
    restored = Call.from_dict(second.call.to_dict())
    assert api.session.send(restored)["$.name"] == "{{hidden}}"


def test_written_keeps_everything_else() -> None:
    """Only a `Literal` is written otherwise; templates, numbers and nested data stay."""
    value = {"a": ["{{x}}", 1, None], "b": LiteralText("{{x}}")}
    assert to_templates(value) == {"a": ["{{x}}", 1, None], "b": r"\{{x}}"}


def test_credentials_in_shown_headers_are_masked() -> None:
    """A header that carries a credential is masked in the shown request, whatever its value."""
    request = Request("GET", "https://x.test/", (("Authorization", "Bearer abc"), ("Accept", "*/*")))
    assert mask_headers(request).headers == (("Authorization", "*****"), ("Accept", "*/*"))


def test_a_secret_is_one_variable_however_often_it_is_given(api: Workbench) -> None:
    """The same secret given twice is held once, under the name of the field."""
    given = {"objectKey": "k", "objectType": "CONNECTION", "scope": "WORKSPACE", "scopeEntityId": "w"}
    for _ in range(2):
        api.call("CreateEnvironmentObject", connection={"type": "postgres", "password": "hunter2-hunter2"}, **given)
    held = [v.name for v in api.variables.entries() if isinstance(v.value, Secret)]
    assert held == ["password"]


def test_a_file_is_left_alone(api: Workbench) -> None:
    """Also under a name that says secret: its content is no variable."""
    body = {"private_key": Upload("key.pem", b"---"), "password": b"bytes", "nested": [Upload("a", b"{{x}}")]}
    call = Call("CreateWorkspace", {}, body, "multipart/form-data")
    assert api.session.extract_secrets(call) == call
    assert api.session.variables.all("password") == []


# --- once per send ----------------------------------------------------------------------------------------------------

ORGANIZATION = {"organizationId": "{{organizationId}}"}
CREATE = Call("CreateWorkspace", ORGANIZATION, {"name": "Sales"}, headers={"X-Api-Key": "hunter2-hunter2"})


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The operation of each search of a call for secrets; filled while the test runs."""
    found: list[str] = []
    extract = secrets._extract

    def count(operation: Operation, *rest: Any) -> Call:
        found.append(operation.id)
        return extract(operation, *rest)

    monkeypatch.setattr(secrets, "_extract", count)
    return found


def require_approval(api: Workbench) -> None:
    """Switch to an environment on the same server that asks before unsafe calls."""
    api.session.switch(replace(api.environment, name="live", production=True))


def test_a_call_is_searched_once_per_send(api: Workbench, passes: list[str]) -> None:
    """However it is sent: with arguments, as a call, in the background, in a bulk, again and again."""
    api.call("CreateWorkspace", name="a")
    assert passes == ["CreateWorkspace"]
    api.send(CREATE)
    assert passes == ["CreateWorkspace"] * 2
    assert api.start("CreateWorkspace", name="b").result().ok
    assert passes == ["CreateWorkspace"] * 3
    assert api.session.start(replace(CREATE, body={"name": "Support"})).result().ok
    assert passes == ["CreateWorkspace"] * 4
    api.bulk("CreateWorkspace", pd.DataFrame({"name": ["c", "d"]})).run()
    assert passes == ["CreateWorkspace"] * 6
    assert [exchange.ok for exchange in api.session.exchanges] == [True] * 6
    api.wait("ListWorkspaces", until=lambda exchange: len(api.session.exchanges) > 8, every=0.01)
    assert len(api.session.exchanges) == 9
    assert passes[6:] == ["ListWorkspaces"]


def test_a_previewed_call_is_searched_once(api: Workbench, passes: list[str]) -> None:
    """The explorer previews a change before it sends it, and the session the same for Python code."""
    require_approval(api)
    explorer = api.explore("CreateWorkspace")
    del passes[:]
    explorer.sending.send(CREATE)
    question = explorer.sending.confirmation
    wait_until(lambda: "anb-hidden" not in question.widget._dom_classes)
    assert passes == ["CreateWorkspace"]
    question.name.value = "Sales"
    explorer.sending.confirm(lambda: question.name.value)
    wait_until(lambda: bool(api.session.exchanges))
    assert passes == ["CreateWorkspace"]
    assert api.session.exchanges[-1].ok
    call = api.session.extract_secrets(CREATE)
    name = api.session.preview_change(call).name
    assert api.session.start(call, confirmed=name).result().call.headers == {"X-Api-Key": "{{X_Api_Key}}"}
    assert passes == ["CreateWorkspace"] * 2


def test_each_call_of_a_change_is_searched_once(api: Workbench, passes: list[str]) -> None:
    """The change as it is given, the two readings, and the update itself."""
    workspace = api.call("ListWorkspaces")["$.workspaces[0].id"]
    del passes[:]
    assert api.change("UpdateWorkspace", workspaceId=workspace, description="new").sent
    assert passes == ["UpdateWorkspace", "GetWorkspace", "UpdateWorkspace", "GetWorkspace"]


def test_a_changed_call_is_searched_again(api: Workbench, passes: list[str]) -> None:
    """A copy with other parts, the call of another document, and what an exchange returns are not trusted."""
    call = api.session.extract_secrets(CREATE)
    assert api.session.extract_secrets(call) is call
    assert len(passes) == 1
    altered = replace(call, headers={"X-Api-Key": "another-hunter2"})
    assert api.session.extract_secrets(altered).headers == {"X-Api-Key": "{{X_Api_Key2}}"}
    assert len(passes) == 2
    sent = api.session.send(call).call
    assert len(passes) == 2
    assert sent == call
    sent.headers["X-Api-Key"] = "changed-in-place"  # type: ignore[index]  # a dict, although it is declared as a Mapping
    again = api.session.send(sent)
    assert again.call.headers == {"X-Api-Key": "{{X_Api_Key3}}"}
    assert len(passes) == 3
    assert not call.is_extracted_for(None)
