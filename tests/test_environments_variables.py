"""Every variable in one table, values made anew, values from outside, and what resolving promises for any text."""

from __future__ import annotations

import itertools
import re
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import astro_nb as anb
from astro_nb.environments import Environment, Resolver, Variables
from astro_nb.environments.variables import DYNAMIC, SCOPES
from astro_nb.errors import SettingsError, UnknownName, UsageError
from astro_nb.secrets import MASK, Reference, Secret
from astro_nb.templates import LiteralText, resolve, template_names

STEADY = settings(deadline=None, max_examples=150)
PLANTED = "planted-3b9f-c0ffee"
NAMES = st.sampled_from("abcdef")
TEXTS = st.text(st.characters(codec="utf-8"), max_size=20)
ODD = st.lists(st.sampled_from(["{", "}", "{{", "}}", "\\", "a", ":-", "$", "$uuid", " ", "\n", "'", '"', "é"])).map(
    "".join
)


def resolve_text(data: Any, variables: Variables) -> Any:
    """Return data resolved for display."""
    return resolve(data, variables, lambda secret: MASK)


# --- for any text -----------------------------------------------------------------------------------------------------


@given(TEXTS | ODD | st.builds("{}{{{{{}}}}}{}".format, ODD, NAMES, ODD))
@example("\\\\{{a}}")
@example("{{a:-{{b}}}}")
@STEADY
def test_what_is_escaped_is_itself(text: str) -> None:
    """Any text is preserved, as an escaped template and as the value of a variable."""
    variables = Variables(session={**dict.fromkeys("abcdef", "no"), "literal": LiteralText(text).template})
    assert resolve_text(LiteralText(text).template, variables) == text
    assert resolve_text("{{literal}}", variables) == text
    assert resolve_text(["<", LiteralText(text).template, ">"], variables) == ["<", text, ">"]


@given(TEXTS | ODD)
@STEADY
def test_a_default_is_what_is_written(default: str) -> None:
    """Quotes, single braces, backslashes, line breaks and colons stay; only spaces at the end are removed."""
    if "}}" in default or default.endswith("}") or "{{" in default:
        return
    assert resolve_text("{{zz:-" + default + "}}", Variables()) == default.rstrip()
    assert resolve_text("<{{ zz :-" + default + "}}>", Variables()) == f"<{default.rstrip()}>"
    assert resolve_text("{{a:-" + default + "}}", Variables(session={"a": 5})) == 5


@given(st.dictionaries(NAMES, st.lists(NAMES, max_size=3), max_size=6))
@STEADY
def test_a_graph_of_variables_is_resolved_or_its_circle_reported(graph: dict[str, list[str]]) -> None:
    """A circle is reported with names of the graph; without one every value is found."""
    variables = Variables(session={n: "".join(f"{{{{{to}:-?}}}}" for to in ways) + n for n, ways in graph.items()})

    def spelled(name: str, way: tuple[str, ...]) -> str | None:
        if name in way:
            return None
        inner = [spelled(to, (*way, name)) for to in graph[name]] if name in graph else ["?"]
        return None if None in inner else "".join(map(str, inner)) + (name if name in graph else "")

    for name in graph:
        wanted = spelled(name, ())
        if wanted is not None:
            assert resolve_text(f"{{{{{name}}}}}", variables) == wanted
            continue
        with pytest.raises(UsageError, match="circle") as caught:
            resolve_text(f"{{{{{name}}}}}", variables)
        way = re.findall(r"[a-f](?= →|\.)", caught.value.what.partition("circle: ")[2])
        assert way[0] == name
        assert way[-1] in way[:-1]
        assert all(to in graph[of] for of, to in itertools.pairwise(way))


@given(st.lists(st.tuples(st.sampled_from(SCOPES), NAMES, st.integers() | st.none()), max_size=20))
@STEADY
def test_precedence_holds_after_any_changes(changes: list[tuple[str, str, int | None]]) -> None:
    """Set and removed in any order and scope, the innermost value wins, and the rows list what it hides."""
    variables, scopes = Variables(), {scope: {} for scope in SCOPES}  # type: dict[str, dict[str, int]]
    for scope, name, value in changes:
        if value is None:
            variables.remove(name, scope)
            scopes[scope].pop(name, None)
        else:
            variables.set(name, value, scope=scope)
            scopes[scope][name] = value
    assert {scope: variables.in_scope(scope) for scope in SCOPES} == scopes
    for row in variables.rows():
        having = [scope for scope in SCOPES if row.name in scopes[scope]]
        assert (row.scope, [text.partition(" ")[0] for text in row.shadows]) == (having[0], having[1:])
        assert row.value == str(scopes[having[0]][row.name]) == str(variables[row.name])
    assert [row.name for row in variables.rows()] == list(variables)


# --- one table --------------------------------------------------------------------------------------------------------


def test_one_frame_of_every_variable() -> None:
    """Name, value, type, scope, hidden values, source, and the places that use it."""
    variables = Variables(environment={"region": "eu", "host": "{{region}}.h"}, shared={"region": "us"})
    variables.fill_scope("environment", variables.in_scope("environment"), "production")
    variables.set("n", 5, "CreateDeployment $.n")
    variables.places = lambda: [("header X", "{{host}}"), ("ListDeployments", ({"limit": "{{n}}"}, ["{{n}}"]))]
    frame = variables.frame().set_index("name")
    assert list(frame.columns) == ["value", "type", "scope", "shadows", "source", "used_by"]
    assert frame.loc["region"].tolist() == ["eu", "text", "environment", "shared", "production", "variable host"]
    assert frame.loc["host"].tolist() == ["{{region}}.h", "template", "environment", "", "production", "header X"]
    assert frame.loc["n"].tolist() == ["5", "integer", "session", "", "CreateDeployment $.n", "ListDeployments"]
    assert Variables().frame().empty
    assert "no variables" in Variables()._repr_html_()


@pytest.mark.parametrize(
    ("value", "word"),
    [
        (True, "boolean"), (1, "integer"), (1.5, "number"), ("a", "text"), (None, "null"), ({}, "object"), ([], "list"),
        (Secret("env:X"), "secret"), (Reference("env:X"), "text"), (LiteralText("{{a}}"), "text"),
        ("{{a}}", "template"),
    ],
)  # fmt: skip
def test_each_type_has_its_name(value: Any, word: str) -> None:
    """A boolean is not a number, a text of a server not a template."""
    assert Variables(session={"v": value}).rows()[0].type == word


def test_the_table_shows_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """By reference, in memory, in a list, or copied into plain text; the HTML is escaped and has a limit."""
    monkeypatch.setenv("PLANTED", PLANTED)
    held = Secret.in_memory("planted-held-c0ffee")
    variables = Variables(shared={"a": Secret.in_memory("planted-hidden-1"), "e": "x-planted-hidden-1"})
    variables["a"], variables["b"], variables["c"] = Secret("env:PLANTED"), held, [held, {"k": held}]
    variables["d"], variables["h"] = "Bearer planted-held-c0ffee", "<script>" + "x" * 5000
    drawn = variables._repr_html_()
    found_text = drawn + variables.frame().to_csv() + repr(variables.rows())
    assert "planted" not in found_text
    assert MASK in drawn
    assert "<script>" not in drawn
    assert len(drawn) < 10_000


def test_the_users_of_a_variable_are_listed(api: anb.Workbench) -> None:
    """Calls of this session, the environment's headers and other variables count; older entries do not."""
    api.variables["workspace"] = "w"
    api.variables["alias"] = "{{workspace}}"
    api.call("ListDeployments", workspaceIds=["{{workspace}}"])
    api.call("ListWorkspaces")
    rows = {row.name: row for row in api.variables.rows()}
    assert rows["workspace"].used_by == ("ListDeployments", "variable alias")
    assert rows["organizationId"].used_by == ("ListDeployments", "ListWorkspaces")
    assert rows["alias"].used_by == ()


# --- made anew --------------------------------------------------------------------------------------------------------


PATTERNS = {
    **dict.fromkeys(["uuid", "guid", "randomUUID"], r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab]\w{3}-[0-9a-f]{12}"),
    "timestamp": r"\d{10}", "isoTimestamp": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "date": r"\d{4}-\d\d-\d\d",
    "randomInt": r"\d{1,4}", "randomBoolean": "true|false", "randomAlphaNumeric": "[A-Za-z0-9]",
    "randomName": r"[a-z]+-[a-z]+-\d{3}", "randomEmail": r"[a-z]+\.[a-z]+\.\d{3}@example\.com",
    "randomPassword": r"[\w.~-]{20}",
}  # fmt: skip


@pytest.mark.parametrize("name", DYNAMIC)
def test_each_dynamic_value_looks_like_it(name: str) -> None:
    """Every name of the table resolves in a text; random values differ, and are repeatable with a seed."""
    variables = Variables()
    text = f"<{{{{${name}}}}}>"
    found = {resolve(text, variables, Secret.reveal) for _ in range(40)}
    assert all(re.fullmatch(f"<(?:{PATTERNS[name]})>", value) for value in found)
    if name in ("timestamp", "isoTimestamp", "date"):
        return
    assert len(found) > 1
    runs = []
    for _ in range(2):
        variables.seed(7)
        runs.append([resolve(text, variables, Secret.reveal) for _ in range(5)])
    assert runs[0] == runs[1]
    variables.seed(None)
    assert [resolve(text, variables, Secret.reveal) for _ in range(5)] != runs[0] or name == "randomBoolean"


def test_types_of_dynamic_values() -> None:
    """As the whole text, a number stays a number and a boolean a boolean."""
    found = resolve_text(["{{$randomInt}}", "{{$randomBoolean}}", "{{$timestamp}}", "{{$uuid}}"], Variables())
    assert [type(value) for value in found] == [int, bool, int, str]


def test_a_password_is_a_secret() -> None:
    """It is masked where it is shown, in the clear where it is sent, and redacted from the history."""
    values = Resolver(Variables(), Environment("e"), mode="revealed")
    sent = values.resolve({"password": "{{$randomPassword}}"})["password"]
    assert values.revealed == {sent}
    assert all(re.search(kind, sent) for kind in ("[a-z]", "[A-Z]", "[0-9]", "[-_.~]"))
    shown = Resolver(Variables(), Environment("e"), mode="masked", dynamic=values.dynamic.replay())
    assert shown.resolve("{{$randomPassword}}") == MASK
    assert sent not in repr(values)


def test_secrets_are_found_in_every_scope() -> None:
    """A shadowed secret is still a secret."""
    inner, outer = Secret.in_memory("inner-one", "a"), Secret.in_memory("outer-one", "b")
    variables = Variables(session={"a": inner, "n": 1}, environment={"a": outer}, shared={"t": "x"})
    assert variables.secrets() == [inner, outer]


def test_a_seed_makes_runs_repeatable() -> None:
    """`connect(seed=…)`: the same values are sent again."""
    sent = []
    for _ in range(2):
        api = anb.connect(history=None, seed=11)
        sent.append(api.call("CreateWorkspace", name="{{$uuid}}")["$.name"])
        api.close()
    assert sent[0] == sent[1]


# --- from outside -----------------------------------------------------------------------------------------------------


def test_a_plain_value_is_read_when_it_is_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is read from the operating system or `.env` when it is sent, shown as it is, and never a template."""
    monkeypatch.chdir(tmp_path)
    variables = {
        "region": {"from": "env:ANB_REGION", "secret": False},
        "zone": {"from": "dotenv:ZONE", "secret": False},
    }
    environment = Environment("e", variables=variables)
    values = Resolver(Variables(environment=environment.parsed_variables()), environment)
    for region in ("eu", "{{zone}}", ""):
        monkeypatch.setenv("ANB_REGION", region)
        (tmp_path / ".env").write_text(f"ZONE=z{len(region)}\n")
        assert values.resolve(["{{region}}", "<{{zone}}>"]) == [region, f"<z{len(region)}>"]
        assert values.variables.all("region")[0].display_value == region
    assert values.revealed == set()


def test_a_missing_reference_is_reported_with_where_to_set_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message is one sentence; the table shows it too, and a default does not hide it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ANB_REGION", raising=False)
    variables = Variables(session={"region": Reference("env:ANB_REGION"), "zone": Reference("dotenv:ZONE")})
    with pytest.raises(SettingsError, match="Set the environment variable ANB_REGION"):
        resolve_text("{{region:-eu}}", variables)
    with pytest.raises(SettingsError, match=r"Add the line ZONE=… to a file named \.env"):
        resolve_text("{{zone}}", variables)
    assert "env:ANB_REGION is not set" in variables._repr_html_()


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ({"from": "env:A", "secret": False}, Reference("env:A")), ({"from": "env:A", "secret": True}, Secret("env:A")),
        ({"from": "env:A"}, Secret("env:A")), ({"from": "2026-01-01"}, {"from": "2026-01-01"}),
        ({"from": "env:A", "to": 1}, {"from": "env:A", "to": 1}), ({}, {}), ("env:A", Secret("env:A")), ("a", "a"),
    ],
)  # fmt: skip
def test_references_in_a_file_are_parsed(written: Any, meant: Any) -> None:
    """A mapping of `from` and `secret` is a reference; any other mapping is itself."""
    assert Environment("e", variables={"v": written}).parsed_variables() == {"v": meant}


@pytest.mark.parametrize("reference", ["keyring:a/b", "prompt:label", "held:x", PLANTED, "", 5])
def test_a_plain_value_cannot_be_read_from_a_secret_source(reference: Any) -> None:
    """Keyrings and prompts are only for secrets; the message does not repeat a value that is not a reference."""
    with pytest.raises(SettingsError, match="env:NAME or dotenv:NAME") as caught:
        Reference(reference)
    assert PLANTED not in repr(caught.value)


def test_a_runbook_reads_a_plain_value_again(api: anb.Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A value by reference is not a parameter of the notebook: it is read there too, alone or inside a text."""
    monkeypatch.setenv("ANB_NAME", "planted-name")
    for name in ("alone", "inside"):
        api.variables[name] = Reference("env:ANB_NAME")
    assert api.call("CreateWorkspace", name="{{alone}}", description="of {{inside}}").ok
    code = "\n".join(cell["source"] for cell in api.runbook.notebook().cells if cell["cell_type"] == "code")
    for name in ("alone", "inside"):
        assert f'api.variables["{name}"] = anb.Reference("env:ANB_NAME")' in code
    assert 'name="{{alone}}"' in code
    assert "planted-name" not in code


# --- hints ------------------------------------------------------------------------------------------------------------


def test_an_unknown_variable_is_reported_with_a_hint() -> None:
    """The nearest names, or how to set it, followed by the hint."""
    variables = Variables(session={"deploymentId": 1})
    variables.hint = lambda name: f"CreateThing returns {name}."
    values = Resolver(variables, Environment("e"))
    with pytest.raises(UnknownName, match=r"Did you mean deploymentId\? CreateThing returns deploymentIds\."):
        values.resolve("{{deploymentIds}}")
    with pytest.raises(UnknownName, match=r'api\.variables\["zz"\] = … CreateThing returns zz\.'):
        values.resolve("<{{zz}}>")
    assert values.resolve("{{zz:-d}}") == "d"
    assert str(UnknownName("variable", "a", ["ab"], hint="")).endswith("Did you mean ab?")


@pytest.mark.parametrize(
    "piece", ["{{a:-1", "{{responses.a:-1", "{{responses.a[0", "{{responses['a", "{{ a ", "\\{{a:-"]
)
def test_a_hostile_text_is_read_in_linear_time(piece: str) -> None:
    """A server's text is searched for templates in linear time."""
    begun = time.process_time()
    assert LiteralText(piece * 20_000).template == piece.replace("{{", r"\{{") * 20_000
    assert template_names(piece * 20_000) == []
    assert time.process_time() - begun < 2.0
