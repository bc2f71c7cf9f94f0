"""Arguments: rules between fields, calls from keyword arguments, and signatures."""

from __future__ import annotations

import inspect
from typing import Any, Literal

import pytest
from support.documents import make_field, make_operation, object_schema

from astro_nb.call import UNSET
from astro_nb.errors import MissingArgument, UnknownName, UsageError
from astro_nb.schema import active_rules, body_fields, broken_rules, build_call, signature, snake_case

A = object_schema(("x",), kind={"enum": ["A", "B"]}, x={"type": "integer"})
B = object_schema((), kind={"enum": ["A", "B"]}, y={"type": "string"}, z={"type": "string"})
REFS = [{"$ref": "#/components/schemas/A"}, {"$ref": "#/components/schemas/B"}]
TAGGED = {"oneOf": REFS, "discriminator": {"propertyName": "kind"}}


# --- rules ------------------------------------------------------------------------------------------------------------

RULED = {
    **object_schema(
        (), kind={}, a={}, b={}, c={}, inner={"type": "array", "items": {"$ref": "#/components/schemas/R"}}
    ),
    "x-astro-nb-rules": [
        {"when": {"kind": ["A", "B"]}, "require": ["a"], "because": "A needs it"},
        {"when": {"kind": "C"}, "hide": ["a", "b"], "require": ["b"]},
        {"when": {"a": {"present": True}}, "one-of": ["b", "c"]},
    ],
}
UNION = {**object_schema(by={}, one={}, two={}), "x-astro-nb-union": {"by": "by", "branches": {"1": "one", "2": "two"}}}


@pytest.mark.parametrize(
    ("schema", "value", "required", "hidden"),
    [
        (RULED, {}, {}, {}),
        (RULED, {"kind": "B"}, {"a": "A needs it"}, {}),
        (RULED, {"kind": "C"}, {"b": "kind is C"}, {"a": "kind is C"}),
        (RULED, {"kind": ["A"]}, {}, {}),
        (RULED, None, {}, {}),
        (RULED, "{{body}}", {}, {}),
        (UNION, {"by": "2"}, {"two": "by is 2"}, {"one": "by is 2"}),
        (UNION, {}, {}, {}),
    ],
)
def test_rules_depend_on_siblings(schema: Any, value: Any, required: Any, hidden: Any) -> None:
    """A rule requires or hides fields with a reason; a required field is never hidden."""
    view = active_rules(make_field(schema, R=RULED), value)
    assert (view.required, view.hidden) == (required, hidden)


def test_broken_rules_are_found_at_any_depth() -> None:
    """Each broken rule is reported where it is broken, in arrays, maps and unions too."""
    value = {"kind": "A", "inner": [{"a": 1, "b": 2, "c": 3}, {"a": 1, "b": 2}]}
    problems = {p.location: p.message for p in broken_rules(make_field(RULED, R=RULED), value)}
    assert set(problems) == {("a",), ("inner", 0, "b")}
    assert problems["a",] == "a is required: A needs it"
    assert problems["inner", 0, "b"].startswith("exactly one of b, c is needed: a is given")
    inside = {"type": "object", "additionalProperties": {"anyOf": [{"$ref": "#/components/schemas/R"}]}}
    assert [p.location for p in broken_rules(make_field(inside, R=RULED), {"m": {"kind": "A"}})] == [("m", "a")]


# --- arguments --------------------------------------------------------------------------------------------------------

NEEDED = {"name": "orgId", "in": "query", "required": True, "schema": {"type": "string"}}
CLASH = {"name": "name", "in": "query", "schema": {"type": "string"}}
BODY = object_schema(("title",), name={}, title={}, size={"enum": ["S", "L"]}, id={"readOnly": True}, **{"from": {}})


def test_arguments_are_parameters_first_then_fields() -> None:
    """A name that both have is the parameter; UNSET leaves out; a trailing underscore avoids Python keywords."""
    op = make_operation(BODY, [NEEDED, CLASH])
    call = build_call(op, {"orgId": "o", "name": "n", "title": "t", "size": UNSET, "from_": 1})
    assert (call.parameters, call.body) == ({"orgId": "o", "name": "n"}, {"title": "t", "from": 1})
    assert build_call(op, {"orgId": UNSET}).parameters == {}
    whole = build_call(op, {"orgId": "o", "title": "t"}, body={"name": "n", "title": "old"})
    assert whole.body == {"name": "n", "title": "t"}
    assert build_call(op, {"orgId": "o"}, body=None).body is None


def test_a_required_parameter_comes_from_the_variable_of_its_name() -> None:
    """A missing parameter becomes a template if there is such a variable; else an error says what to do."""
    op = make_operation(None, [NEEDED])
    assert build_call(op, {}, known=["orgId"]).parameters == {"orgId": "{{orgId}}"}
    with pytest.raises(MissingArgument) as raised:
        build_call(op, {})
    assert raised.value.data == {"missing": ["orgId"]}
    assert 'api.variables["orgId"] = …' in raised.value.todo


@pytest.mark.parametrize(
    ("arguments", "body", "advice"),
    [
        ({"titel": 1}, UNSET, "Did you mean title"),
        ({"id": 1}, UNSET, "There are: "),
        ({"title": "t"}, [1], "Pass body=… alone"),
    ],
)
def test_wrong_arguments_raise_with_advice(arguments: dict[str, Any], body: Any, advice: str) -> None:
    """Unknown names, read-only fields, and fields beside a body that is not an object raise."""
    with pytest.raises(UsageError, match=advice):
        build_call(make_operation(BODY), arguments, body)


def test_an_operation_without_arguments_says_so() -> None:
    """The error says that the operation takes no arguments."""
    with pytest.raises(UnknownName, match="It takes no arguments"):
        build_call(make_operation(None), {"a": 1})


def test_a_signature_documents_the_operation() -> None:
    """Required names come first, in the document's order; enums are `Literal`; read-only fields are left out."""
    body = object_schema(("title",), name={}, title={}, size={"enum": ["S", "L"]}, id={"readOnly": True})
    found = signature(make_operation(body, [CLASH, NEEDED])).parameters
    assert list(found) == ["orgId", "title", "name", "size", "body"]
    assert found["size"].annotation == Literal["S", "L"]
    assert found["orgId"].default is inspect.Parameter.empty
    assert {p.kind for p in found.values()} == {inspect.Parameter.KEYWORD_ONLY}


def test_a_signature_of_any_names() -> None:
    """Python keywords and names that are not identifiers do not break it."""
    assert {"ok", "body"} <= set(
        signature(make_operation(object_schema(**{"from": {}, "class": {}, "a-b": {}, "ok": {}}))).parameters
    )


def test_the_fields_of_a_union_are_those_of_all_branches() -> None:
    """Each name once, with all its choices; required only if every branch requires it."""
    found = {f.name: f for f in body_fields(make_operation(TAGGED, A=A, B=B))}
    assert list(found) == ["kind", "x", "y", "z"]
    assert (found["kind"].info.choices, found["kind"].required, found["x"].required) == (("A", "B"), False, False)


def test_choices_need_not_be_hashable() -> None:
    """An enum may list objects and arrays; those of several branches are all offered, each once."""
    branches = [object_schema((), c={"enum": [{"x": 1}, [2]]}), object_schema((), c={"enum": [[2], {"y": 3}]})]
    (found,) = body_fields(make_operation({"anyOf": branches}))
    assert found.info.choices == ({"x": 1}, [2], {"y": 3})


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        *(("ListDeployments", "list_deployments"), ("getAPIToken", "get_api_token"), ("get-dag run", "get_dag_run")),
        *(("2fa", "op_2fa"), ("ÜberSicht", "über_sicht"), ("---", "op_")),
    ],
)
def test_snake_case(name: str, expected: str) -> None:
    """Any operation id gives a valid Python name."""
    assert snake_case(name) == expected
    assert snake_case(name).isidentifier()
