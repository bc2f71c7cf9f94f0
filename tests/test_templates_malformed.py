"""Double braces are a template, or escaped, or refused: none is ever sent in place of a value."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import astro_nb as anb
from astro_nb.call import UNSET, Call
from astro_nb.environments import Environment, Variables, load_environment
from astro_nb.errors import AstroNbError, SettingsError, UsageError
from astro_nb.secrets import MASK
from astro_nb.templates import LiteralText, resolve, template_names

MALFORMED = [
    "{{my var}}", "{{l[0]}}", "{{a|upper}}", "{{}}", "{{ }}", "{{1a}}", "{{é}}", "{{-a}}", "{{a?}}", "{{#if a}}",
    "{{a", "{{ a }", "{{a}b}}", "{{a()}}", "{{a + 1}}", "{{'a'}}", "{{a:b}}", "{{a:-{{b}}}}", "{{", "x {{ y", "{{$}}",
]  # fmt: skip

DOCUMENT = {
    "openapi": "3.0.3",
    "info": {"title": "T", "version": "1"},
    "paths": {
        "/x/{p}": {
            "post": {
                "operationId": "op",
                "parameters": [
                    {"name": "p", "in": "path", "required": True, "schema": {"type": "string"}},
                    {"name": "q", "in": "query", "schema": {"type": "string"}},
                    {"name": "X-H", "in": "header", "schema": {"type": "string"}},
                ],
                "requestBody": {
                    "content": {
                        "application/json": {
                            "schema": {"type": "object", "properties": {"password": {"type": "string"}}}
                        }
                    }
                },
                "responses": {"200": {"description": ""}},
            }
        }
    },
}


@pytest.fixture(scope="module")
def api() -> Iterator[anb.Workbench]:
    workbench = anb.connect(spec=DOCUMENT, base_url="http://127.0.0.1:9", history=None)
    yield workbench
    workbench.close()


def resolve_text(text: Any, **variables: Any) -> Any:
    return resolve(text, Variables(session=variables), lambda secret: MASK)


@pytest.mark.parametrize("place", ["path", "query", "header", "body", "nested", "variable", "environment", "secret"])
@pytest.mark.parametrize("text", MALFORMED[:8])
def test_braces_that_are_no_template_are_refused_before_the_send(text: str, place: str, api: anb.Workbench) -> None:
    """Wherever they are written, the error has what to write instead, and no request is made."""
    parameters = {"p": text if place == "path" else "p"} | ({"q": text} if place == "query" else {})
    if place == "variable":
        api.variables["v"] = text
        parameters["q"] = "a {{v}}"
    bodies = {"body": {"a": text}, "nested": {"a": [{"b": f"x{text}"}]}, "secret": {"password": text}}
    call = Call("op", parameters, bodies.get(place, UNSET), headers={"X-Other": text} if place == "header" else {})
    team = {"X-Team": text} if place == "environment" else {}
    used = anb.connect(Environment("e", base_url="http://127.0.0.1:9", headers=team), spec=DOCUMENT, history=None)
    used.variables.update(api.variables)
    with pytest.raises(UsageError) as caught:
        used.session.send(call)
    assert "{{name}}" in str(caught.value)
    assert r"\{{" in str(caught.value)
    assert len(used.history) == 0
    used.close()


@pytest.mark.parametrize("text", MALFORMED)
def test_every_malformed_template_can_be_escaped(text: str) -> None:
    """A backslash makes its braces literal, alone and inside a text."""
    with pytest.raises(UsageError):
        resolve_text(text, a="A", b="B")
    escaped = text.replace("{{", r"\{{")
    assert resolve_text(escaped) == text
    assert resolve_text(f"<{escaped}>{{{{a}}}}", a="A") == f"<{text}>A"


@settings(deadline=None, max_examples=200)
@given(st.lists(st.sampled_from([*"{}\\ a$.-:[]|", "{{", "}}", "{{a}}"]), max_size=10).map("".join))
@example("{{{a}}}")
@example("{{{")
@example("\\\\{{a}}")
def test_no_text_is_sent_with_the_braces_of_a_template(text: str) -> None:
    """A text resolves without an opening that is not escaped, or it is refused; its literal form is always itself."""
    try:
        resolved = resolve_text(text, a="A")
    except AstroNbError:
        resolved = ""
    assert "{{" not in str(resolved) or r"\{{" in text or "{{{" in text
    literal = LiteralText(text)
    assert resolve_text(literal) == text
    assert resolve_text(literal.template) == text


def test_single_braces_and_ends_stay() -> None:
    """Single braces, and JSON around templates, are text."""
    assert resolve_text('{"a":{"b":{{a}}}}', a=1) == '{"a":{"b":1}}'
    assert resolve_text("{a} }} {%x%} ${a}") == "{a} }} {%x%} ${a}"


def test_the_names_of_malformed_templates_are_found() -> None:
    """What looks like a template is not taken for a literal, for example for a secret."""
    assert template_names(["{{my var}}", r"\{{x y}}", "{{a", LiteralText("{{z z}}")]) == ["my var"]


VALUES = [
    dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC), dt.datetime(2026, 1, 2, 3, 4, 5), dt.date(2026, 1, 2), True, 1.5,
    1e16, 1e-7, Decimal("1.10"), 2**70, {"t": dt.date(2026, 1, 2)}, [1, None, True], None, "a b", 0, "",
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_value_is_written_inside_a_text_as_it_is_alone(value: Any, api: anb.Workbench) -> None:
    """Dates have T and Z, numbers are exact, true and null are those of JSON: as in a body, inside a text and alone."""
    api.variables["v"] = value
    call = api.session.build_call("op", {"p": "p"}, {"alone": "{{v}}", "inside": "<{{v}}>"})
    body = api.session.preview(call).body.decode()
    alone = body.removeprefix('{"alone":').rpartition(',"inside":')[0]
    inside = json.loads(body)["inside"]
    written = json.loads(alone) if alone[:1] == '"' else alone
    assert inside == f"<{written}>"


def test_a_file_is_no_part_of_a_text() -> None:
    """Bytes are not written as Python writes them."""
    with pytest.raises(UsageError, match="v is a file"):
        resolve_text("<{{v}}>", v=b"x")


@pytest.mark.parametrize(
    "base", ["https://{{host}}/v1", "https://{region}.example.com", "https://example.com/{{", "http://h/}"]
)
def test_a_base_url_has_no_braces(base: str, tmp_path: Path) -> None:
    """Variables are not resolved in it: the error says so before anything is sent, also for a file."""
    with pytest.raises(SettingsError, match="braces"):
        anb.connect(spec=DOCUMENT, base_url=base, history=None)
    (tmp_path / "e.yaml").write_text(json.dumps({"base_url": base}), encoding="utf-8")
    with pytest.raises(SettingsError, match="base_url"):
        load_environment("e", tmp_path)


@pytest.mark.parametrize("name", ["my var", "l[0]", "1a", "é", ""])
def test_a_variable_that_no_template_can_name_is_refused(name: str, tmp_path: Path) -> None:
    """A file, `connect` and Python refuse it, instead of never using it."""
    (tmp_path / "e.yaml").write_text(json.dumps({"variables": {name: 1}}), encoding="utf-8")
    with pytest.raises(SettingsError, match="cannot be a variable's name"):
        load_environment("e", tmp_path)
    with pytest.raises(UsageError, match="cannot be a variable's name"):
        Variables(session={name: 1})
