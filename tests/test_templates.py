"""Variables in their scopes, and what `{{name}}` becomes."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import astro_nb as anb
from astro_nb.environments import Variables
from astro_nb.environments.variables import DYNAMIC, SCOPES
from astro_nb.errors import UnknownName, UsageError
from astro_nb.secrets import MASK
from astro_nb.templates import LiteralText, as_literal, resolve, template_names

STEADY = settings(deadline=None, max_examples=100)
NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_.-]{0,8}", fullmatch=True)
LITERALS = st.text(st.characters(codec="utf-8", exclude_characters="{}\\"), max_size=8)
WORDS = st.text(st.characters(codec="utf-8", exclude_characters="{}\\", exclude_categories=["Z", "C"]), max_size=8)


def resolve_text(data: Any, variables: Variables) -> Any:
    """Return data resolved for display."""
    return resolve(data, variables, lambda secret: MASK)


@given(st.dictionaries(st.sampled_from(SCOPES), st.dictionaries(NAMES, st.integers(), max_size=4)))
@STEADY
def test_the_innermost_scope_wins(scopes: dict[str, dict[str, int]]) -> None:
    """Session before environment before token before shared; `all` lists the hidden ones in that order."""
    variables = Variables(None, **scopes)
    assert list(variables) == sorted({name for scope in scopes.values() for name in scope})
    for name in variables:
        having = [scope for scope in SCOPES if name in scopes.get(scope, {})]
        assert [v.scope for v in variables.all(name)] == having
        assert variables[name] == scopes[having[0]][name] == resolve_text("{{" + name + "}}", variables)
    assert len(variables) == len(variables.entries())


def test_what_is_set_goes_to_the_session() -> None:
    """Setting shadows, deleting uncovers; a variable of the environment cannot be deleted, only shadowed."""
    variables = Variables(environment={"a": 1})
    variables["a"] = 2
    assert (variables["a"], variables.all("a")[0].source) == (2, "set in Python")
    del variables["a"]
    assert variables["a"] == 1
    with pytest.raises(KeyError):
        del variables["a"]
    variables.fill_scope("environment", {"b": 1}, "production")
    assert ("a" in variables, variables.all("b")[0].source) == (False, "production")


@pytest.mark.parametrize("name", ["", "1a", "a b", "$uuid", "a}}", "{{a}}", "a\n"])
def test_a_name_that_no_template_can_use_is_refused(name: str) -> None:
    """A name that cannot be written as `{{name}}` cannot be set."""
    with pytest.raises(UsageError) as caught:
        Variables()[name] = 1
    assert caught.value.todo


def test_an_unknown_scope_is_refused() -> None:
    """A misspelt scope is an error at once, not a missing variable later."""
    with pytest.raises((UsageError, TypeError)):
        Variables(enviroment={"a": 1})


@pytest.mark.parametrize("value", [5, 1.5, True, None, "text", [1, {"a": None}], {"k": [True]}, "", 0])
def test_a_template_alone_keeps_the_type(value: Any) -> None:
    """`{{n}}` as a whole is the value itself; spaces inside the braces do not matter, spaces outside do."""
    variables = Variables(session={"n": value})
    for template in ("{{n}}", "{{ n }}", "{{n:-x}}"):
        assert resolve_text(template, variables) == value
        assert type(resolve_text(template, variables)) is type(value)
    assert isinstance(resolve_text(" {{n}}", variables), str)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (5, "5"), (True, "true"), (None, "null"), ("a", "a"), (0.5, "0.5"), ([1, None], "[1,null]"),
        ({"k": True}, '{"k":true}'),
    ],
)  # fmt: skip
def test_inside_a_text_a_value_is_text_as_in_json(value: Any, text: str) -> None:
    """Inside a text true is `true`, null is `null`, and a list or an object is JSON, not Python."""
    assert resolve_text("<{{v}}>", Variables(session={"v": value})) == f"<{text}>"


PARTS = st.lists(
    st.tuples(st.just("text"), LITERALS)
    | st.tuples(st.just("name"), st.sampled_from(["a", "b.c", "d-e"]))
    | st.tuples(st.just("default"), WORDS)
    | st.tuples(st.just("known"), WORDS)
    | st.tuples(st.just("escaped"), NAMES),
    min_size=2,
    max_size=5,
)
WRITE: dict[str, Callable[[str], str]] = {
    "text": str, "name": "{{{{{}}}}}".format, "default": "{{{{zz:-{}}}}}".format, "known": "{{{{a:-{}}}}}".format,
    "escaped": r"\{{{{{}}}}}".format,
}  # fmt: skip


@given(PARTS)
@example([("known", "1"), ("known", "2")])
@example([("known", "x"), ("text", "/"), ("name", "b.c")])
@STEADY
def test_each_template_in_a_text_is_resolved(parts: list[tuple[str, str]]) -> None:
    """Text, templates, defaults and escaped templates in any order: each is read by itself."""
    known = {"a": "A", "b.c": "B", "d-e": "D"}
    mean: dict[str, Callable[[str], Any]] = {
        "text": str, "name": known.get, "default": str, "known": lambda _: "A", "escaped": "{{{{{}}}}}".format,
    }  # fmt: skip
    text = "".join(WRITE[kind](value) for kind, value in parts)
    wanted = "".join(str(mean[kind](value)) for kind, value in parts)
    assert resolve_text(text, Variables(session=known)) == wanted


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | LITERALS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(LITERALS, inner, max_size=3),
    max_leaves=8,
)


@given(JSON)
@STEADY
def test_data_without_templates_stays(data: Any) -> None:
    """Plain data stays as it is, and contains no names."""
    assert resolve_text(data, Variables()) == data
    assert template_names(data) == []


@given(JSON, st.lists(NAMES, max_size=4))
@STEADY
def test_names_are_found_at_any_place(data: Any, wanted: list[str]) -> None:
    """`names_in` finds every template in order, not the escaped ones; with those names set, resolving works."""
    whole = [data, {"x": [f"a {{{{{name}}}}} \\{{{{not}}}}" for name in wanted]}]
    assert template_names(whole) == wanted
    resolve_text(whole, Variables(session=dict.fromkeys(wanted, 1)))


def test_values_are_resolved_in_turn() -> None:
    """A variable may refer to others, in data of any shape; tuples become lists, keys stay."""
    variables = Variables(session={"host": "{{region}}.h", "ids": ["{{n}}", "x"]}, environment={"region": "eu", "n": 5})
    assert resolve_text({"{{n}}": ("https://{{host}}/", "{{ids}}")}, variables) == {
        "{{n}}": ["https://eu.h/", [5, "x"]]
    }


@pytest.mark.parametrize("length", [1, 2, 5, 40])
def test_a_circle_of_variables_is_reported(length: int) -> None:
    """Variables that refer to each other in a circle are named."""
    circle = {f"v{n}": f"x{{{{v{(n + 1) % length}}}}}" for n in range(length)}
    with pytest.raises(UsageError, match="circle: v0 → ") as caught:
        resolve_text("{{v0}}", Variables(session=circle))
    assert caught.value.todo


def test_a_long_chain_is_no_circle() -> None:
    """Twenty variables in a chain are resolved, or the error does not call them a circle."""
    chain: dict[str, Any] = {f"v{n}": f"{{{{v{n + 1}}}}}" for n in range(20)}
    assert resolve_text("{{v0}}", Variables(session={**chain, "v20": 1})) == 1


def test_an_unknown_variable_gets_a_suggestion() -> None:
    """For a misspelt name the nearest one is suggested, for a new one the line that sets it."""
    variables = Variables(environment={"deploymentId": "d"})
    with pytest.raises(UnknownName, match="Did you mean deploymentId"):
        resolve_text("{{deploymentID}}", variables)
    with pytest.raises(UnknownName, match=re.escape('api.variables["zzz"] = …')):
        resolve_text("{{zzz}}", variables)
    with pytest.raises(UnknownName, match=r"\$uuid"):
        resolve_text("{{$uid}}", variables)


def test_dynamic_values() -> None:
    """They are generated at each use, random ones by the seed."""
    assert {f"${name}" for name in DYNAMIC} <= set(Variables().known())
    one, other, third = (Variables(seed) for seed in (1, 1, 2))
    text = ["{{$uuid}}", "{{$randomInt}}", "{{$randomName}}"]
    assert resolve_text(text, one) == resolve_text(text, other)
    assert resolve_text(text, one) == resolve_text(text, other) != resolve_text(text, third)
    assert re.fullmatch(
        r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", resolve_text(text[0], one)
    )
    assert abs(resolve_text("{{$timestamp}}", one) - datetime.now(UTC).timestamp()) < 5


def test_too_long_a_chain_is_no_circle_either() -> None:
    """A chain that is too long is refused with another message than a circle."""
    chain: dict[str, Any] = {f"v{n}": f"{{{{v{n + 1}}}}}" for n in range(200)}
    with pytest.raises(UsageError, match="chain: v0 → v1") as caught:
        resolve_text("{{v0}}", Variables(session=chain))
    assert "circle" not in caught.value.what


@pytest.mark.parametrize("act", [lambda v: v.set("a", 1, scope="sesion"), lambda v: v.fill_scope("sesion", {})])
def test_a_misspelt_scope_gets_a_suggestion(act: Callable[[Variables], Any]) -> None:
    """Wherever a scope is named, the nearest one is suggested for a wrong one."""
    with pytest.raises(UsageError, match="Did you mean session"):
        act(Variables())


# --- what a server sent -----------------------------------------------------------------------------------------------


def test_a_literal_is_never_resolved() -> None:
    """As data, as the value of a variable and inside a text: its braces stay, and no secret is requested."""
    literal, variables = LiteralText("{{s}} {{ ds }}"), Variables()
    variables["a"] = literal
    found = resolve_text({"x": [literal, "{{a}}", "<{{a}}>"]}, variables)
    assert found == {"x": [str(literal), str(literal), f"<{literal}>"]}
    assert [type(text) for text in found["x"]] == [str, str, str]
    assert template_names([literal, {"k": literal}]) == []


@given(JSON | st.sampled_from(["{{a}}", "x{{a:-}}}", "{"]))
@STEADY
def test_a_literal_equals_its_text(data: Any) -> None:
    """A literal text equals the original text, and stays so when it is resolved."""
    assert as_literal(data) == data
    assert resolve_text({"x": as_literal(data)}, Variables()) == {"x": data}


PIECES = st.sampled_from(["{", "}", "{{", "}}", "\\", "a", ":-", "$", " ", "\n", "{{a}}", "\\{{b:-c}}"])


@given(st.lists(PIECES).map("".join))
@STEADY
def test_the_template_of_a_literal_resolves_to_it(text: str) -> None:
    """Every text has a template that resolves to it."""
    assert resolve_text(LiteralText(text).template, Variables(session={"a": "A", "b": "B"})) == text


def test_a_text_of_a_server_resolves_no_secret(api: anb.Workbench) -> None:
    """A text with braces in a response is passed on unchanged: as an argument, by a variable, and inside a body."""
    api.variables["planted"] = anb.Secret.in_memory("planted-3b9f-c0ffee")
    sent = "{{planted}} {{ ds }} {{nope}}"
    first = api.call("CreateWorkspace", name="one", description=LiteralText(sent))
    assert first.ok
    found_text = first["$.description"]
    assert (found_text, first["$"]["description"]) == (sent, sent)
    api.variables["text"] = found_text
    for name, description in {"two": found_text, "three": "{{text}}", "four": first["$"]["description"]}.items():
        again = api.call("CreateWorkspace", name=name, description=description)
        assert orjson.loads(again.request.body)["description"] == again.json()["description"] == sent
