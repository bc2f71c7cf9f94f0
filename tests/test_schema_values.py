"""Values: samples are valid, and secrets are found anywhere, masked, held and extracted."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.documents import make_field, make_operation, object_schema

from astro_nb.call import UNSET
from astro_nb.contract import check_request_body
from astro_nb.environments import Environment, Resolver, Variables
from astro_nb.openapi import Operation, load
from astro_nb.schema import (
    Field,
    body_example,
    body_field,
    example_call,
    extract_secrets,
    has_secret,
    hold_secrets,
    make_sample,
    mask_secrets,
)
from astro_nb.secrets import MASK, Secret

PLANTED = "planted-5d1c"
PASSWORD = {"type": "string", "format": "password"}
STABLE = settings(deadline=None, max_examples=100)


A = object_schema(("x",), kind={"enum": ["A", "B"]}, x={"type": "integer"})
B = object_schema((), kind={"enum": ["A", "B"]}, y=PASSWORD, z={"type": "string"})


def operation(schema: Any, **options: Any) -> Operation:
    """Return an operation with this schema; A and B are among the components."""
    return make_operation(schema, A=A, B=B, **options)


def field(schema: Any, **options: Any) -> Field:
    """Return the field of a body with this schema; A and B are among the components."""
    return make_field(schema, A=A, B=B, **options)


REFS = [{"$ref": "#/components/schemas/A"}, {"$ref": "#/components/schemas/B"}]
TAGGED = {"oneOf": REFS, "discriminator": {"propertyName": "kind"}, "x-astro-nb-default-branch": "B"}


@pytest.mark.parametrize(
    ("schema", "value", "masked"),
    [
        ({"type": "array", "items": {"type": "string"}}, ["a", 1, None], ["a", 1, None]),
        ({"type": "array", "items": PASSWORD}, ["a", "b"], [MASK, MASK]),
        ({"type": "array", "items": {"type": "string"}}, ["a", {"password": PLANTED}], ["a", {"password": MASK}]),
        ({"type": "array", "prefixItems": [PASSWORD], "items": {"type": "string"}}, ["a", "b"], [MASK, "b"]),
        ({"type": "array", "items": {"oneOf": [{"type": "integer"}, PASSWORD]}}, [1, "b"], [1, MASK]),
        (object_schema(secret={"type": "array", "items": {"type": "string"}}), {"secret": ["a"]}, {"secret": MASK}),
        (object_schema(a={"type": "string"}), {"a": {"password": PLANTED}}, {"a": {"password": MASK}}),
        (object_schema(a={"type": "string"}), {"a": "x", "password": PLANTED}, {"a": "x", "password": MASK}),
        (object_schema(a={"type": "string"}, p=PASSWORD), {"p": PLANTED}, {"p": MASK}),
    ],
)
def test_values_that_are_skipped_hold_no_secret(schema: Any, value: Any, masked: Any) -> None:
    """Only lists and objects without possible secrets are skipped."""
    assert mask_secrets(field(schema), value) == masked


# --- samples ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "number", "exclusiveMaximum": 1},
        {"type": "integer", "maximum": -3},
        {"type": "integer", "minimum": 4, "multipleOf": 3},
        {"type": "string", "minLength": 30, "maxLength": 30},
        {"type": "string", "maxLength": 2},
        {"type": ["string", "integer"], "minLength": 20},
        {"type": "array", "items": {"type": "string"}, "minItems": 2},
        {"type": "array", "items": {"enum": ["a", "b"]}, "minItems": 2, "uniqueItems": True},
        {"type": "array", "prefixItems": [{"type": "string"}], "minItems": 1},
        {"type": "object", "additionalProperties": {"type": "string"}, "required": ["a"]},
        {"type": "object", "additionalProperties": {"type": "string"}, "minProperties": 1},
        {"type": "string", "format": "date-time", "example": "yesterday"},
        {"type": "integer", "minimum": 5, "example": 1},
        {"type": "string", "minLength": 3, "default": "a"},
        {"type": "string", "maxLength": 3, "example": "abcd"},
        {"type": "null"},
        object_schema(("a",), a={"type": "array", "items": object_schema(("b",), b={"type": "boolean"})}),
        TAGGED,
    ],
)
def test_a_sample_is_valid(schema: dict[str, Any]) -> None:
    """A sample is within every bound; an invalid example or default is ignored."""
    value = make_sample(field(schema))
    assert check_request_body(operation(schema), value) == (), value


def test_a_sample_of_openapi_3_0_bounds() -> None:
    """In OpenAPI 3.0 an exclusive bound is a boolean beside the bound."""
    schema = {"type": "integer", "minimum": 5, "exclusiveMinimum": True}
    assert check_request_body(operation(schema, version="3.0.3"), make_sample(field(schema, version="3.0.3"))) == ()


def bounded(low: int, size: int, kind: str) -> dict[str, Any]:
    """A schema with two bounds that leave room."""
    names = {"string": ("minLength", "maxLength"), "array": ("minItems", "maxItems")}
    least, most = names.get(kind, ("minimum", "maximum"))
    return {"type": kind, least: abs(low) if kind in names else low, most: (abs(low) if kind in names else low) + size}


LEAVES = st.builds(bounded, st.integers(-9, 9), st.integers(0, 9), st.sampled_from(["string", "integer", "number"]))
SCHEMAS = st.recursive(
    LEAVES
    | st.sampled_from([{"type": "boolean"}, {"enum": [7, "a"]}, PASSWORD, {"type": ["integer", "null"]}, TAGGED]),
    lambda inner: st.one_of(
        st.builds(lambda s, n: {"type": "array", "items": s, "minItems": n}, inner, st.integers(0, 3)),
        st.builds(
            lambda p: object_schema(tuple(p)[::2], **p), st.dictionaries(st.sampled_from("abcd"), inner, max_size=4)
        ),
        st.builds(
            lambda p: {"allOf": [object_schema(tuple(p), **p), {"description": "d"}]},
            st.fixed_dictionaries({"a": inner}),
        ),
    ),
    max_leaves=8,
)


@STABLE
@given(SCHEMAS, st.booleans())
def test_any_sample_is_valid(schema: dict[str, Any], full: bool) -> None:
    """Samples are valid for any combination of types, bounds and structure."""
    value = make_sample(field(schema), full)
    assert check_request_body(operation(schema), value) == (), value


def test_samples_have_no_secrets_and_no_read_only_fields() -> None:
    """A full sample has every example except those of secrets and of read-only fields."""
    given_back = {"type": "string", "readOnly": True, "example": "1"}
    name = {"type": "string", "example": "n"}
    assert make_sample(
        field(object_schema(("id",), id=given_back, p={**PASSWORD, "example": "p"}, name=name)), full=True
    ) == {"name": "n"}


def test_a_sample_is_a_copy() -> None:
    """Changing a sample does not change the document's example."""
    body = field(object_schema(tags={"type": "array", "items": {"type": "string"}, "example": ["a"]}))
    make_sample(body, full=True)["tags"].append("b")
    assert make_sample(body, full=True) == {"tags": ["a"]}


def test_the_example_of_a_media_type_is_the_body() -> None:
    """The document's example of the whole body is used before samples of its fields, if it is valid."""
    schema = object_schema(("name",), name={"type": "string"}, size={"type": "integer"})
    good, bad = {"name": "Fluffy", "size": 3}, {"name": 5}
    for media in ({"example": good}, {"examples": {"cat": {"value": good}}}):
        op = operation(schema, media=media)
        assert body_example(op) == example_call(op).body == make_sample(body_field(op) or field({}), full=True) == good
        body_example(op)["name"] = "changed"
        assert body_example(op) == good
    for media in ({"example": bad}, {"examples": {"cat": {"$ref": "#/nowhere"}}}, {"examples": []}):
        op = operation(schema, media=media)
        assert body_example(op) is UNSET
        assert example_call(op).body == {"name": "my-name"}


def test_an_example_call_is_complete() -> None:
    """A sample call has every required parameter and the fields that the rules of the overlay require."""
    call = example_call(load("astro-v1").operation("CreateDeployment"))
    assert set(call.parameters) == {"organizationId"}
    assert {"name", "workspaceId"} <= set(call.body)


# --- secrets: mask, redact and lift -----------------------------------------------------------------------------------

WHEN = object_schema(key={"type": "string"}, value={"type": "string", "x-astro-nb-secret": {"when": "hidden"}})
HIDDEN: list[tuple[Any, Any]] = [
    (object_schema(p=PASSWORD), {"p": PLANTED}),
    (object_schema(list={"type": "array", "items": object_schema(p=PASSWORD)}), {"list": [{}, {"p": PLANTED}]}),
    ({"type": "object", "additionalProperties": PASSWORD}, {"any": PLANTED}),
    ({**object_schema(a={}), "additionalProperties": PASSWORD}, {"other": PLANTED}),
    ({"type": "object", "patternProperties": {"^p": PASSWORD}}, {"p1": PLANTED}),
    (object_schema(m={"type": "object", "x-astro-nb-secret": True}), {"m": {"header": PLANTED}}),
    (WHEN, {"key": "k", "value": PLANTED, "hidden": True}),
    ({"type": "array", "items": PASSWORD}, [PLANTED]),
    (TAGGED, {"kind": "B", "y": PLANTED}),
    (TAGGED, {"y": PLANTED}),
    ({"anyOf": REFS}, {"y": PLANTED}),
    ({"anyOf": [PASSWORD, {"type": "integer"}]}, PLANTED),
    ({"anyOf": [{"type": "array", "items": object_schema(p=PASSWORD)}, {"type": "string"}]}, [{"p": PLANTED}]),
    ({"anyOf": [{"anyOf": REFS}, {"type": "integer"}]}, {"y": PLANTED}),
    *((schema, {"password": PLANTED}) for schema in (None, {}, object_schema(name={}))),
    *((object_schema(password=schema), {"password": PLANTED}) for schema in ({}, {"type": ["string", "integer"]})),
    (object_schema(name={"type": "string"}), {"name": {"password": PLANTED}}),
    (object_schema(o=object_schema(name={"type": "string"})), {"o": {"name": [{"password": PLANTED}]}}),
    (object_schema(password={"type": "integer"}), {"password": PLANTED}),
    ({"type": "object"}, {"password": PLANTED}),
    ({"type": "object", "additionalProperties": {"type": "string"}}, {"password": PLANTED}),
    ({"type": "array", "prefixItems": [PASSWORD], "items": {"type": "string"}}, [PLANTED, "b"]),
    ({"anyOf": [object_schema(a={}), object_schema(y=PASSWORD)]}, {"a": 1, "y": PLANTED}),
    (None, {"password": ["a", {"b": PLANTED}]}),
    *((schema, {"deep": [{"client_secret": PLANTED}]}) for schema in ({}, object_schema(deep={"type": "array"}))),
]
"""A schema (None: undeclared) and a value that holds a secret."""


@pytest.mark.parametrize(("schema", "value"), HIDDEN)
def test_secrets_are_masked_held_and_extracted(schema: Any, value: Any) -> None:
    """A secret that the document, the overlay or its name marks is masked, held and extracted."""
    known = field(schema) if schema is not None else None
    before = copy.deepcopy(value)
    assert MASK in repr(mask_secrets(known, value))
    extracted = extract_secrets(known, value, lambda secret: "{{saved}}")
    for hidden in (mask_secrets(known, value), hold_secrets(known, value), extracted):
        assert PLANTED not in repr(hidden)
    assert has_secret(known, value)
    assert value == before


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        (WHEN, {"key": "k", "value": "plain", "hidden": False}),
        (WHEN, {"key": "k", "value": "plain"}),
        (object_schema(p=PASSWORD), {"p": None}),
        (object_schema(name={"type": "string"}), {"name": "password", "tokens": ["a"], "token_count": 3}),
        (object_schema(has_password={"type": "boolean"}), {"has_password": True, "passwords": "many"}),
        (object_schema(password={"type": "boolean"}, secret={"type": "integer"}), {"password": True, "secret": 3}),
        (None, {"password": True, "api_key": 3, "secret": None}),
    ],
)
def test_other_values_are_unchanged(schema: Any, value: Any) -> None:
    """Null, a condition that does not apply, and names that only resemble a secret's hide nothing."""
    known = field(schema) if schema is not None else None
    assert mask_secrets(known, value) is value
    assert not has_secret(known, value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@STABLE
@given(JSON, st.sampled_from(["password", "client_secret", "api_key", "db_password", "access_token", "APIKEY"]))
def test_a_secret_is_found_by_name_in_any_response(around: Any, name: str) -> None:
    """In any surroundings, declared or not, the secret is masked and everything else is unchanged."""
    value = {"a": around, "b": [{name: PLANTED, "c": around}]}
    around_masked = mask_secrets(None, around)
    assert mask_secrets(None, value) == {"a": around_masked, "b": [{name: MASK, "c": around_masked}]}
    assert PLANTED not in repr(mask_secrets(field({}), value))


def test_a_default_branch_hides_its_secrets() -> None:
    """A Deployment without a `type` is STANDARD: its secret variables are extracted too."""
    body = body_field(load("astro-v1").operation("CreateDeployment"))
    value = {"name": "x", "environmentVariables": [{"key": "K", "value": PLANTED, "isSecret": True}]}
    assert PLANTED not in repr(extract_secrets(body, value, lambda secret: "{{saved}}"))


@pytest.mark.parametrize("value", [{"p": "{{name}}"}, {"p": ""}, {"p": None}, {}])
def test_templates_and_empty_values_are_not_extracted(value: Any) -> None:
    """Templates, empty text and null stay; no variable is created for them."""
    saved: list[Secret] = []
    assert extract_secrets(field(object_schema(p=PASSWORD)), value, lambda secret: saved.append(secret) or "") == value
    assert saved == []


def test_secret_objects_are_extracted_from_any_field() -> None:
    """A `Secret` in a field of any kind becomes a template; the call does not contain its value."""
    given_secrets = {"a": Secret.in_memory(PLANTED), "b": [Secret("env:X")]}
    assert extract_secrets(field(object_schema(a={"type": "string"})), given_secrets, lambda secret: "{{s}}") == {
        "a": "{{s}}",
        "b": ["{{s}}"],
    }


def test_a_secret_map_keeps_its_structure() -> None:
    """Its scalars are extracted one by one, under names that variables can have; flags and null stay."""
    named: list[str] = []

    def keep(secret: Secret) -> str:
        named.append(secret.reference.removeprefix("held:"))
        return f"{{{{{named[-1]}}}}}"

    secret = {"s": {"X Key": "abc", "n": [1, None, True, ""], "t": "{{saved}}"}}
    known = field(object_schema(s={"x-astro-nb-secret": True}))
    inside = {"X Key": "{{s.X_Key}}", "n": ["{{s.n}}", None, True, ""], "t": "{{saved}}"}
    assert extract_secrets(known, secret, keep) == {"s": inside}
    assert named == ["s.X_Key", "s.n"]
    assert hold_secrets(known, secret)["s"]["X Key"].reveal() == "abc"


@pytest.mark.parametrize("wrap", [lambda inner: {"a": inner}, lambda inner: [inner]])
def test_a_secret_is_found_at_any_depth(wrap: Any) -> None:
    """A response may be nested as deep as the parser allows, without a stack overflow."""
    value: Any = {"password": PLANTED}
    for _ in range(1000):
        value = wrap(value)
    for known in (None, field({})):
        hidden = mask_secrets(known, value)
        for _ in range(1000):
            hidden = hidden["a"] if isinstance(hidden, dict) else hidden[0]
        assert hidden == {"password": MASK}


@pytest.mark.parametrize(
    ("secret", "shown"),
    [
        ("text", MASK),
        ('with \\ and "quotes"', MASK),
        ("žluť", MASK),
        (12345, MASK),
        ({"X-Key": "abc", "n": [1, None]}, {"X-Key": MASK, "n": [MASK, None]}),
    ],
)
def test_an_extracted_secret_is_sent_with_its_type(secret: Any, shown: Any) -> None:
    """A secret keeps its type through session variables: a map stays a map, a number stays a number."""
    variables = Variables()

    def keep(secret: Secret) -> str:
        variables[f"saved{len(variables)}"] = secret
        return f"{{{{saved{len(variables) - 1}}}}}"

    extracted = extract_secrets(field(object_schema(s={"x-astro-nb-secret": True})), {"s": secret}, keep)
    assert "abc" not in str(extracted)
    assert Resolver(variables, Environment("e"), mode="revealed").resolve(extracted) == {"s": secret}
    assert Resolver(variables, Environment("e"), mode="masked").resolve(extracted) == {"s": shown}
