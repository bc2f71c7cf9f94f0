"""Secrets extracted from a call, and texts of a server that are never resolved."""

from __future__ import annotations

from astro_nb import Call, Secret, Upload, Workbench
from astro_nb.messages import Request
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
