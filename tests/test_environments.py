"""The environments of a folder: made, changed, compared, on top of each other, and what all of them share."""

from __future__ import annotations

import string
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import astro_nb as anb
from astro_nb.call import UNSET
from astro_nb.environments import (
    Environment,
    Environments,
    Variables,
    environment_names,
    load_environment,
    load_shared,
    save_environment,
    save_shared,
)
from astro_nb.errors import AstroNbError, NewerFormat, SettingsError, UnknownName
from astro_nb.secrets import Secret

STEADY = settings(deadline=None, max_examples=60)
NAMES = st.text(string.ascii_letters + "_", min_size=1, max_size=6)
PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(codec="utf-8"), max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
SECONDS = st.floats(0.1, 100) | st.integers(1, 100)
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "spec": st.sampled_from(["astro-v1", "astro-v1beta1", "no", "1.0", "a: b #"]),
    "base_url": st.sampled_from(["https://h/v1", "http://localhost:8000", "sandbox"]),
    "production": st.booleans(),
    "color": st.sampled_from(["", "#5e35b1", "red", "0x10"]),
    "credentials": st.dictionaries(NAMES, st.sampled_from(["env:X", "keyring:a/b", "dotenv:Y"]), max_size=2),
    "variables": st.dictionaries(NAMES, PLAIN, max_size=4),
    "headers": st.dictionaries(NAMES, st.text(st.characters(codec="utf-8"), max_size=9), max_size=2),
    "hosts": st.lists(st.sampled_from(["h1", "h2", "no"]), max_size=2).map(tuple),
    "timeout": st.fixed_dictionaries({}, optional={"connect": SECONDS, "read": SECONDS}),
    "limits": st.dictionaries(st.sampled_from(["GET", "POST", "DELETE"]), SECONDS, max_size=2),
    "guard": st.booleans(),
}
SAID = st.fixed_dictionaries({}, optional=FIELDS)


@pytest.fixture
def environments(tmp_path: Path) -> Environments:
    return Environments(tmp_path)


def typed(data: Any) -> Any:
    """Return data with the type of every value: 1, 1.0 and True are not the same."""
    if isinstance(data, dict):
        return {name: typed(value) for name, value in data.items()}
    return [typed(value) for value in data] if isinstance(data, list | tuple) else (type(data), data)


def fields_of(environment: Environment) -> dict[str, Any]:
    return {field.name: typed(getattr(environment, field.name)) for field in fields(Environment) if field.compare}


# --- on top of each other ---------------------------------------------------------------------------------------------


@given(SAID)
@STEADY
def test_what_is_saved_is_loaded_exactly(tmp_path_factory: pytest.TempPathFactory, said: dict[str, Any]) -> None:
    """Plain values in any field are read back unchanged, with their types."""
    folder = tmp_path_factory.mktemp("e")
    environment = Environment("e", **said)
    save_environment(environment, folder)
    assert fields_of(load_environment("e", folder)) == fields_of(environment)


@given(st.lists(SAID, min_size=1, max_size=4))
@example([{}, {"timeout": {"read": 5}}])
@example([{"timeout": {"read": 5}}, {"timeout": {"connect": 5}}, {"base_url": "sandbox"}])
@STEADY
def test_a_chain_is_its_layers(tmp_path_factory: pytest.TempPathFactory, layers: list[dict[str, Any]]) -> None:
    """Mappings are merged by name, other fields replaced; saved and read again, it is the same environment."""
    environments = Environments(tmp_path_factory.mktemp("e"))
    wanted: dict[str, Any] = {}
    for number, said in enumerate(layers):
        below = {"extends": f"e{number - 1}"} if number else {}
        made = environments.create(f"e{number}", **below, **said)
        for field, value in said.items():
            wanted[field] = {**wanted.get(field, {}), **value} if isinstance(value, dict) else value
        assert fields_of(made) == fields_of(Environment(f"e{number}", **below, **wanted))
    text = (environments.folder / f"e{number}.yaml").read_bytes()
    save_environment(made, environments.folder)
    assert fields_of(environments[made.name]) == fields_of(made)
    environments.edit(made.name)
    assert len((environments.folder / f"{made.name}.yaml").read_bytes()) <= len(text) or not number


def test_only_what_differs_is_written(environments: Environments) -> None:
    """Inherited fields are not written to the file of a derived environment; `extends` is."""
    environments.create("base", base_url="https://h", variables={"a": 1, "b": True}, headers={"X": "1"}, hosts=["f"])
    derived = environments.create("eu", extends="base", variables={"b": 1}, color="red")
    save_environment(derived, environments.folder)
    text = (environments.folder / "eu.yaml").read_text()
    assert text == "format: 1\nextends: base\ncolor: red\nvariables:\n  b: 1\n"
    assert derived.variables == {"a": 1, "b": 1}
    assert type(derived.variables["b"]) is int
    assert (derived.base_url, derived.hosts, derived.headers) == ("https://h", ("f",), {"X": "1"})
    environments.edit("base", variables={"a": 2, "c": 3})
    assert environments["eu"].variables == {"a": 2, "c": 3, "b": 1}


@pytest.mark.parametrize("length", [1, 2, 5])
def test_a_circle_is_reported_with_the_names_in_it(environments: Environments, length: int) -> None:
    """The message names every environment in the circle."""
    for n in range(length):
        (environments.folder / f"e{n}.yaml").write_text(f"extends: e{(n + 1) % length}\n")
    way = " → ".join(f"e{n % length}" for n in range(length + 1))
    with pytest.raises(SettingsError, match=f"circle: {way}"):
        environments["e0"]


def test_a_circle_is_not_written(environments: Environments) -> None:
    """An environment that could not be read again is refused before the file is changed."""
    environments.create("a")
    environments.create("b", extends="a")
    before = (environments.folder / "a.yaml").read_bytes()
    with pytest.raises(SettingsError, match="circle: a → b → a"):
        environments.edit("a", extends="b")
    with pytest.raises(UnknownName, match=r"a → bb\)") as caught:
        environments.edit("a", extends="bb")
    assert caught.value.todo
    assert (environments.folder / "a.yaml").read_bytes() == before


def test_a_long_chain_is_read(environments: Environments) -> None:
    """Hundreds of environments that extend each other are neither a circle nor a stack overflow."""
    for n in range(400):
        (environments.folder / f"e{n}.yaml").write_text(f"extends: e{n + 1}\nvariables: {{v{n}: {n}}}\n")
    (environments.folder / "e400.yaml").write_text("{}")
    assert len(environments["e0"].variables) == 400


def test_an_unknown_environment_to_extend_is_reported(environments: Environments) -> None:
    """The message has the chain that leads to it and the nearest name, at any depth."""
    (environments.folder / "a.yaml").write_text("extends: b\n")
    (environments.folder / "b.yaml").write_text("extends: production1\n")
    environments.create("production")
    with pytest.raises(UnknownName, match=r"a → b → production1.*Did you mean production") as caught:
        environments["a"]
    assert caught.value.data["nearest"] == ["production"]


def test_what_is_inherited_cannot_be_left_out(environments: Environments) -> None:
    """An inherited value cannot be removed: that is reported, and nothing is written."""
    environments.create("base", variables={"a": 1}, color="red")
    for lacking in (
        Environment("e", extends="base", color="red"),
        Environment("e", extends="base", variables={"a": 1}),
    ):
        with pytest.raises(SettingsError, match="cannot be left out"):
            save_environment(lacking, environments.folder)
    assert "e" not in environments


@pytest.mark.parametrize(
    "text",
    [
        "limits: {get: 5}", "limits: {GET: 0}", "limits: {GET: fast}", "limits: 5", "limits: {GET: true}", "guard: 1",
        "guard: maybe", "extends: ''", "extends: [a]", "extends: 5", "variables: {a: {from: 'env:X', secret: maybe}}",
        "variables: {a: {from: 'keyring:a/b', secret: false}}",
    ],
)  # fmt: skip
def test_new_fields_are_checked(tmp_path: Path, text: str) -> None:
    """It is reported like any other, with the name of the file."""
    (tmp_path / "e.yaml").write_text(text)
    with pytest.raises(SettingsError, match=r"e\.yaml") as caught:
        load_environment("e", tmp_path)
    assert caught.value.todo


@pytest.mark.parametrize(
    ("guard", "production", "asks"),
    [(None, True, True), (None, False, False), (False, True, False), (True, False, True)],
)
def test_guard_decides_whether_to_ask(guard: bool | None, production: bool, asks: bool) -> None:
    """As `guard` declares; without it, only in production."""
    assert Environment("e", guard=guard, production=production).requires_approval is asks


# --- made and changed -------------------------------------------------------------------------------------------------


def test_environments_are_created_copied_edited_removed(environments: Environments) -> None:
    """Each of them is written to its file and read back as it was given."""
    environments.create(Environment("a", variables={"x": 1}), color="red")
    assert (environments["a"].variables, environments["a"].color) == ({"x": 1}, "red")
    assert environments.copy("a", "b", variables={"x": 2}).variables == {"x": 2}
    assert environments.edit("a", color=None, guard=True).color is None
    assert (environments["a"].requires_approval, environments["b"].color) == (True, "red")
    assert list(environments) == ["sandbox", "astro", "a", "b"]
    assert environments._ipython_key_completions_() == list(environments)
    environments.remove("a")
    assert "a" not in environments
    assert len(environments) == 3


def test_a_copy_of_a_built_in_one_is_a_file(environments: Environments) -> None:
    """A copy contains every field of the built-in one; editing one writes a file that extends it."""
    assert environments.copy("astro", "mine").credentials == {"token": "env:ASTRO_API_TOKEN"}
    assert environments.edit("astro", color="#112233").extends == "astro"
    assert (environments.folder / "astro.yaml").read_text() == "format: 1\nextends: astro\ncolor: '#112233'\n"
    assert environments["astro"].credentials == {"token": "env:ASTRO_API_TOKEN"}
    assert environments.copy("astro", "other").color == "#112233"
    environments.remove("astro")
    assert environments["astro"].color == "#5e35b1"
    with pytest.raises(SettingsError, match="built in"):
        environments.remove("astro")


def test_an_unreadable_file_is_not_overwritten(environments: Environments) -> None:
    """An existing file, malformed or of a later format, is reported and not changed."""
    contents = {"there": "{}", "broken": "a: [", "newer": "format: 9\n"}
    for name, text in contents.items():
        (environments.folder / f"{name}.yaml").write_text(text)
    for name in contents:
        for act in (lambda n=name: environments.create(n), lambda n=name: environments.copy("sandbox", n)):
            with pytest.raises(SettingsError, match="exists already"):
                act()
    for name in ("broken", "newer"):
        for change in (lambda n=name: environments.edit(n, color="red"), lambda n=name: environments.remove(n)):
            with pytest.raises(SettingsError) as caught:
                change()
            assert caught.value.todo
    assert {name: (environments.folder / f"{name}.yaml").read_text() for name in contents} == contents


def test_what_others_extend_is_not_removed(environments: Environments) -> None:
    """The environments that extend it are named; an unreadable file does not prevent a removal."""
    environments.create("base")
    environments.create("eu", extends="base")
    (environments.folder / "broken.yaml").write_text("a: [")
    with pytest.raises(SettingsError, match="base is extended by eu"):
        environments.remove("base")
    environments.remove("eu")
    environments.remove("base")
    with pytest.raises(UnknownName, match="named 'base'"):
        environments.remove("base")


def test_an_unknown_field_is_reported(environments: Environments) -> None:
    """The message suggests the nearest field, and nothing is written."""
    for act in (environments.create, environments.edit):
        with pytest.raises(UnknownName, match="Did you mean variables"):
            act("sandbox" if act == environments.edit else "e", variable={})
    with pytest.raises(UnknownName):
        environments.create("e", name="f")
    assert list(environments.folder.iterdir()) == []


def test_a_comment_at_the_beginning_stays(environments: Environments) -> None:
    """The comment at the beginning of a file is not lost when a field is changed."""
    (environments.folder / "e.yaml").write_text("# Ours.\n# Ask Eva.\ncolor: red\n")
    environments.edit("e", color="blue")
    assert (environments.folder / "e.yaml").read_text() == "# Ours.\n# Ask Eva.\nformat: 1\ncolor: blue\n"


def test_what_cannot_be_read_again_is_not_written(environments: Environments) -> None:
    """A value that would make the file unreadable is refused before it is written."""
    for changes in ({"base_url": "nowhere"}, {"limits": {"get": 1}}, {"variables": {"a": object()}}):
        with pytest.raises(SettingsError):
            environments.create("e", **changes)
    with pytest.raises(SettingsError, match="held in memory"):
        environments.create("e", credentials={"token": Secret.in_memory("planted-3b9f-c0ffee")})
    assert "e" not in environments


# --- compared ---------------------------------------------------------------------------------------------------------


def test_two_are_compared_field_by_field(environments: Environments) -> None:
    """Variables and headers one by one; what is inherited is marked; types count."""
    environments.create("base", variables={"a": 1, "b": "x"}, headers={"X": "1"}, credentials={"token": "env:T"})
    environments.create("eu", extends="base", variables={"a": True})
    compared = environments.compare("base", "eu")
    rows = {row.field: row for row in compared}
    assert [row.field for row in compared.differing] == ["variables.a", "extends"]
    assert (rows["variables.a"].one, rows["variables.a"].other) == (1, True)
    assert (rows["extends"].one, rows["extends"].other) == (UNSET, "base")
    assert rows["credentials.token"].other == "env:T"
    assert {row.field for row in compared if row.other_inherited} >= {"variables.b", "headers.X", "credentials.token"}
    assert not any(row.one_inherited for row in compared)
    assert not rows["variables.a"].other_inherited
    frame = compared.frame()
    assert list(frame.columns) == ["field", "one", "other", "one_inherited", "other_inherited", "same"]
    assert len(frame) == len(compared)
    assert "(inherited)" in compared._repr_html_()


def test_a_comparison_shows_no_secret(environments: Environments, monkeypatch: pytest.MonkeyPatch) -> None:
    """In memory or by reference: neither repr, frame nor HTML has the value, and the HTML is escaped."""
    monkeypatch.setenv("PLANTED", "planted-3b9f-c0ffee")
    held = {"token": Secret.in_memory("planted-held-c0ffee"), "login": {"username": "me", "password": "env:PLANTED"}}
    one = Environment("<b>one", credentials=held, variables={"s": Secret("env:PLANTED"), "h": "<script>"})
    compared = environments.compare(one, "astro")
    found_text = compared._repr_html_() + compared.frame().to_csv() + repr(compared) + repr(compared.rows)
    assert "planted" not in found_text
    assert "env:PLANTED" in found_text
    assert "<script>" not in compared._repr_html_()
    assert "<b>" not in compared._repr_html_()


def test_the_table_of_environments_shows_what_cannot_be_read(environments: Environments) -> None:
    """One broken file does not hide the others; nothing of it is HTML."""
    (environments.folder / "broken<i>.yaml").write_text("a: [")
    environments.create("prod", production=True)
    table = environments._repr_html_()
    assert "cannot be read" in table
    assert "production" in table
    assert "<i>" not in table
    assert "prod" in repr(environments)


# --- shared -----------------------------------------------------------------------------------------------------------


@given(st.dictionaries(NAMES, PLAIN, max_size=4))
@STEADY
def test_shared_variables_are_saved(tmp_path_factory: pytest.TempPathFactory, shared: dict[str, Any]) -> None:
    """Plain values are read back unchanged; the file is not an environment."""
    folder = tmp_path_factory.mktemp("e")
    save_shared(shared, folder)
    assert typed(load_shared(folder)) == typed(shared)
    assert environment_names(folder) == ["sandbox", "astro"]
    with pytest.raises(SettingsError, match="plain name"):
        load_environment("_shared", folder)


def test_shared_variables_come_last(environments: Environments) -> None:
    """They are set in memory and saved; references stay references; the session's own are not in the file."""
    variables = Variables(session={"mine": 1}, environment={"region": "eu"})
    environments.fill_shared(variables)
    variables.set("region", "us", scope="shared")
    variables.set("key", Secret("env:KEY"), scope="shared")
    assert variables["region"] == "eu"
    path = environments.save_shared(variables)
    assert path.read_text() == "format: 1\nvariables:\n  region: us\n  key: env:KEY\n"
    other = Variables()
    Environments(environments.folder).fill_shared(other)
    assert other.in_scope("shared") == {"region": "us", "key": Secret("env:KEY")}
    assert other.all("region")[0].source == str(path)


def test_shared_variables_that_someone_else_changed_are_not_written_over(environments: Environments) -> None:
    """A file that was not read is not overwritten: it is reported, and after it is read it can be saved."""
    variables = Variables(shared={"a": 1})
    (environments.folder / "_shared.yaml").write_text("variables: {b: 2}\n")
    with pytest.raises(SettingsError, match="changed since"):
        environments.save_shared(variables)
    assert load_shared(environments.folder) == {"b": 2}
    environments.fill_shared(variables)
    variables.set("a", 1, scope="shared")
    environments.save_shared(variables)
    assert load_shared(environments.folder) == {"b": 2, "a": 1}


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("region: eu", UnknownName), ("variables: [a]", SettingsError), ("format: 2", NewerFormat),
        ("a: [", SettingsError),
        ("variables: {1a: x}", SettingsError), ("variables: {1: x}", SettingsError), ("hosts: h", UnknownName),
    ],
)  # fmt: skip
def test_a_malformed_shared_file_is_reported_and_not_overwritten(
    tmp_path: Path, text: str, error: type[AstroNbError]
) -> None:
    """As an environment's file is."""
    (tmp_path / "_shared.yaml").write_text(text)
    with pytest.raises(error, match="_shared") as caught:
        load_shared(tmp_path)
    assert caught.value.todo
    if error is NewerFormat:
        with pytest.raises(NewerFormat):
            save_shared({}, tmp_path)
        assert (tmp_path / "_shared.yaml").read_text() == text


def test_connect_loads_the_shared_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A workbench starts with the shared variables and lists the environments."""
    monkeypatch.chdir(tmp_path)
    Environments().save_shared({"region": "eu"})
    Environments().create("mine", base_url="sandbox", variables={"region": "us"})
    api = anb.connect("mine", history=None)
    try:
        assert [(v.scope, v.value) for v in api.variables.all("region")] == [("environment", "us"), ("shared", "eu")]
        api.variables.set("n", 5, scope="shared")
        api.environments.save_shared(api.variables)
        assert load_shared() == {"region": "eu", "n": 5}
        assert "mine" in api.environments
    finally:
        api.close()


def test_a_limit_is_above_zero() -> None:
    """A limit of 0 is refused: it would allow no request, and does not mean "no limit"."""
    for limit in (0, -1.0, float("nan")):
        with pytest.raises(SettingsError, match="GET"):
            Environment("e", limits={"GET": limit})
    assert Environment("e", limits={"GET": float("inf")}).limits
