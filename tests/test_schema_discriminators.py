"""Discriminators: what chooses a branch, in forms, in samples and in both checks."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.documents import make_operation, object_schema
from support.form_driver import FormDriver

from astro_nb.contract import check_request_body, check_request_fully, check_response
from astro_nb.environments import Environment, Resolver, Variables
from astro_nb.messages import Response
from astro_nb.openapi import Operation
from astro_nb.schema import Field, body_field, build_call, make_sample, mask_secrets, signature
from astro_nb.serialization import build_request

KIND = {"propertyName": "kind"}
TEXT, NUMBER = {"type": "string"}, {"type": "integer"}


def ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def union(*names: str, key: str = "oneOf", **mapping: str) -> dict[str, Any]:
    about = {**KIND, "mapping": mapping} if mapping else KIND
    return {key: [ref(name) for name in names], "discriminator": about}


def parent(mapping: dict[str, str] | None = None, kind: Any = TEXT) -> dict[str, Any]:
    about = {**KIND, "mapping": mapping} if mapping else KIND
    return {**object_schema(("kind",), kind=kind, name=TEXT), "discriminator": about}


def child(of: str, *required: str, **properties: Any) -> dict[str, Any]:
    return {"allOf": [ref(of), object_schema(required, **properties)]}


def field_of(operation: Operation) -> Field:
    field = body_field(operation)
    assert field is not None
    return field


def errors(operation: Operation, body: Any) -> list[tuple[Any, str]]:
    return [(v.location, v.keyword) for v in check_request_body(operation, body) if v.severity == "error"]


def full_errors(operation: Operation, body: Any) -> list[str]:
    """What openapi-core finds in a request with this body."""
    call = build_call(operation, {}, body)
    values = Resolver(Variables(), Environment("x", base_url="https://localhost"), mode="revealed")
    found = check_request_fully(operation, build_request(operation, call, values))
    return [v.keyword for v in found if v.severity == "error"]


Z = object_schema((), kind=TEXT, z=NUMBER)
FAMILY = {"Pet": parent(), "Dog": child("Pet", "bark", bark=TEXT), "Cat": child("Pet", lives=NUMBER)}

CASES: list[tuple[str, Any, dict[str, Any], list[Any]]] = [
    ("enum of one", union("A", "Z"), {"A": object_schema((), kind={"enum": ["a"]}), "Z": Z}, ["a", "Z"]),
    ("const", union("A", "Z", key="anyOf"), {"A": object_schema((), kind={"const": "a"}), "Z": Z}, ["a", "Z"]),
    (
        "const in allOf, by reference",
        union("A", "Z"),
        {"Base": object_schema(("kind",), kind=TEXT), "A": child("Base", kind=ref("K")), "K": {"enum": ["a"]}, "Z": Z},
        ["a", "Z"],
    ),
    ("own constant before the mapping", union("A", "Z", alpha="A"),
     {"A": object_schema((), kind={"const": "a"}), "Z": Z}, ["a", "Z"]),
    ("two names", union("A", "Z", x="A", y="#/components/schemas/A"), {"A": object_schema((), kind=TEXT), "Z": Z},
     ["x", "y", "Z"]),
    ("names that the enum allows", union("A", "Z", x="A", y="A"),
     {"A": object_schema((), kind={"enum": ["y", "q"]}), "Z": Z}, ["y", "Z"]),
    ("an enum of several, without names", union("A", "Z"), {"A": object_schema((), kind={"enum": ["a", "b"]}), "Z": Z},
     ["a", "b", "Z"]),
    ("a schema's name that its enum has", union("A", "Z"), {"A": object_schema((), kind={"enum": ["A", "Z"]}), "Z": Z},
     ["A", "Z"]),
    ("numbers", union("A", "B", **{"1": "A", "2": "B"}),
     {"A": object_schema((), kind=NUMBER), "B": object_schema((), kind={"enum": [2]})}, [1, 2]),
    ("written in place", {"oneOf": [object_schema(("kind",), kind={"const": "a"}), ref("Z")], "discriminator": KIND},
     {"Z": Z}, ["a", "Z"]),
    ("one branch and null", {"oneOf": [ref("Z"), {"type": "null"}], "discriminator": KIND}, {"Z": Z}, ["Z"]),
    ("children of a parent", ref("Pet"), FAMILY, ["Dog", "Cat", "Pet"]),
    ("children by mapping", ref("Pet"), {**FAMILY, "Pet": parent({"hound": "Dog", "cat": "Cat"})}, ["hound", "cat"]),
    ("a mapping of some children", ref("Pet"), {**FAMILY, "Pet": parent({"hound": "Dog"})}, ["hound", "Cat"]),
    ("children that fix the value", ref("Pet"),
     {"Pet": parent(), "Dog": child("Pet", kind={"enum": ["d"]}), "Cat": child("Pet", kind={"const": "c"})},
     ["d", "c"]),
    ("a value left for the parent", ref("Pet"),
     {**FAMILY, "Pet": parent({"d": "Dog", "c": "Cat"}, {"enum": ["d", "c", "p"]})}, ["d", "c", "p"]),
    ("grandchildren", ref("Pet"), {**FAMILY, "Puppy": child("Dog", age=NUMBER)}, ["Dog", "Cat", "Puppy", "Pet"]),
    ("a child with children", ref("Dog"), {**FAMILY, "Puppy": child("Dog", age=NUMBER)}, ["Puppy", "Dog"]),
    ("a parent with a description", {"allOf": [ref("Pet")], "description": "d"}, FAMILY, ["Dog", "Cat", "Pet"]),
    ("a parent or null", {"anyOf": [ref("Pet"), {"type": "null"}]}, FAMILY, ["Dog", "Cat", "Pet"]),
    ("a parent that lists its children", ref("Pet"),
     {**FAMILY, "Pet": {**parent(), **union("Dog", "Cat")}}, ["Dog", "Cat"]),
    ("a union of children, without a discriminator of its own", {"oneOf": [ref("Cat"), ref("Dog")]},
     {**FAMILY, "Pet": parent({"hound": "Dog"})}, ["Cat", "hound"]),
    ("a mapping to schemas that do not inherit", ref("Pet"),
     {"Pet": {**parent({"a": "A", "b": "B", "c": "B"}), "required": ["kind", "name"]},
      "A": object_schema(("x",), x=NUMBER), "B": object_schema((), y=TEXT)}, ["a", "b", "c"]),
    ("a value in an extension", ref("Pet"),
     {**FAMILY, "Dog": {**child("Pet", bark=TEXT), "x-ms-discriminator-value": "Microsoft.Dog"}},
     ["Microsoft.Dog", "Cat"]),
    ("a parent with more", {"allOf": [ref("Pet"), object_schema(("x",), x=NUMBER)]}, FAMILY, ["Dog", "Cat", "Pet"]),
]  # fmt: skip


@pytest.mark.parametrize(("schema", "schemas", "values"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_what_chooses_a_branch(schema: Any, schemas: dict[str, Any], values: list[Any]) -> None:
    """Each value is a choice of the form; its sample is valid by both checks, and is read as that choice."""
    op = make_operation(schema, required=True, **schemas)
    field = field_of(op)
    assert [branch.tag for branch in field.branches] == [("kind", value) for value in values]
    for branch, value in zip(field.branches, values, strict=True):
        body = make_sample(branch.field, full=True)
        assert body["kind"] == value
        assert errors(op, body) == []
        assert full_errors(op, body) == []
        assert field.branch_for(body) == branch
        assert check_response(op, Response(200, (("Content-Type", "application/json"),), orjson.dumps(body))) == ()
    assert errors(op, {"kind": "nothing like it"}) != []


def test_the_form_of_a_branch_that_fixes_its_value() -> None:
    """The form sends the value that the branch allows, and displays a body that has it."""
    op = make_operation(
        union("A", "Z"), required=True, A=object_schema(("kind", "t"), kind={"enum": ["a"]}, t=TEXT), Z=Z
    )
    form = FormDriver(op)
    form.choose("kind", "a")
    form.control("t").value = "hi"
    assert form.body == {"kind": "a", "t": "hi"}
    shown = FormDriver(op, form.body)
    assert (shown.control("t").value, shown.without_control) == ("hi", {})


def test_a_parent_is_a_union_wherever_it_is_used() -> None:
    """In properties, in items, in maps and in responses; a family that contains itself ends."""
    node = {
        "Node": parent(),
        "Leaf": child("Node", v=NUMBER),
        "Inner": child("Node", kids={"type": "array", "items": ref("Node")}),
    }
    places = object_schema(
        (), one=ref("Node"), many={"type": "array", "items": ref("Node")},
        named={"type": "object", "additionalProperties": ref("Node")},
    )  # fmt: skip
    op = make_operation(places, **node)
    wrong = {"kind": "Inner", "kids": [{"kind": "Leaf", "v": "text"}]}
    assert errors(op, {"one": wrong}) == [(("one", "kids", 0, "v"), "type")]
    assert errors(op, {"many": [wrong], "named": {"a": wrong}}) == [
        (("many", 0, "kids", 0, "v"), "type"),
        (("named", "a", "kids", 0, "v"), "type"),
    ]
    body = field_of(op)
    found = [body.child("one"), body.children_by_name["many"].item, body.children_by_name["named"].item]
    assert [[b.label for b in f.branches] for f in found if f] == [["Leaf", "Inner", "Node"]] * 3


def test_secrets_of_children_are_masked() -> None:
    """A response field of the parent's type hides the secrets that only a child declares."""
    secret = {"type": "string", "format": "password"}
    op = make_operation(ref("Pet"), **{**FAMILY, "Dog": child("Pet", chip=secret)})
    assert mask_secrets(field_of(op), {"kind": "Dog", "chip": "1234-secret"})["chip"] != "1234-secret"


def test_a_response_may_have_a_value_that_the_document_does_not_know() -> None:
    """A server may know more children than its document; a request with such a value is probably a mistake."""
    op = make_operation(ref("Pet"), **FAMILY)
    body = b'{"kind": "Lizard"}'
    assert check_response(op, Response(200, (("Content-Type", "application/json"),), body)) == ()
    assert errors(op, {"kind": "Lizard"}) == [(("kind",), "enum")]


def test_a_parent_without_children_is_an_object() -> None:
    """Nothing is known to choose: its property is free text."""
    op = make_operation(ref("Pet"), Pet=parent())
    kind = field_of(op).child("kind")
    assert kind is not None
    assert kind.kind == "text"
    assert errors(op, {"kind": "anything"}) == []


def test_a_child_used_directly_has_its_own_value() -> None:
    """Its property offers only the value that chooses it."""
    kind = field_of(make_operation(ref("Cat"), **FAMILY)).child("kind")
    assert kind is not None
    assert kind.info.choices == ("Cat",)


def test_a_value_that_chooses_two_branches() -> None:
    """The shape decides between them, and their labels differ."""
    one = object_schema(("kind", "x"), kind={"const": "m"}, x=NUMBER)
    two = object_schema(("kind", "y"), kind={"const": "m"}, y=TEXT)
    op = make_operation(union("One", "Two"), One=one, Two=two)
    field = field_of(op)
    assert [branch.label for branch in field.branches] == ["m (One)", "m (Two)"]
    assert field.branch_for({"kind": "m", "y": "s"}) == field.branches[1]
    assert errors(op, {"kind": "m", "y": "s"}) == []
    assert errors(op, {"kind": "m", "y": 5}) != []


def test_a_union_inside_a_union() -> None:
    """A branch that is a union itself is chosen by the values of its own branches."""
    own = {name: object_schema(("kind",), kind={"const": name.lower()}, f=NUMBER) for name in "ABE"}
    op = make_operation(union("Item", "E", key="anyOf"), Item=union("A", "B"), **own)
    field = field_of(op)
    assert [(b.label, b.tag) for b in field.branches] == [("Item", None), ("e", ("kind", "e"))]
    chosen = field.branch_for({"kind": "b", "f": 1})
    assert chosen == field.branches[0]
    assert errors(op, {"kind": "b", "f": "text"}) == [(("f",), "type")]
    form = FormDriver(op, {"kind": "b", "f": 1})
    assert form.control("f").value == "1"


def test_arguments_of_a_family() -> None:
    """The fields of all children are arguments, and the discriminator offers each value."""
    op = make_operation(ref("Pet"), **{**FAMILY, "Pet": parent({"hound": "Dog", "cat": "Cat"})})
    assert build_call(op, {"kind": "hound", "bark": "loud"}).body == {"kind": "hound", "bark": "loud"}
    assert str(signature(op).parameters["kind"]).startswith("kind: Literal['hound', 'cat']")


NAMES = st.lists(st.sampled_from(["A", "B", "C", "D"]), min_size=1, max_size=4, unique=True)
FIXED = st.sampled_from(["none", "const", "enum", "allOf", "two names"])


@settings(max_examples=60)
@given(st.data(), NAMES)
def test_any_union_offers_what_its_checks_accept(data: st.DataObject, names: list[str]) -> None:
    """However each branch says its value: every choice of the form makes a valid body, and reads its own body."""
    schemas, mapping = {}, {}
    for name in names:
        how = data.draw(FIXED)
        own = {"const": {"const": f"is {name}"}, "enum": {"enum": [f"is {name}"]}}.get(how, TEXT)
        plain = object_schema(("kind", name.lower()), kind=own, **{name.lower(): NUMBER})
        fixed = object_schema((), kind={"const": f"is {name}"})
        schemas[name] = {"allOf": [plain, fixed]} if how == "allOf" else plain
        if how == "two names":
            mapping |= {f"{name}1": name, f"{name}2": f"#/components/schemas/{name}"}
    op = make_operation(union(*names, key=data.draw(st.sampled_from(["oneOf", "anyOf"])), **mapping), **schemas)
    field = field_of(op)
    assert len(field.branches) == len(names) + len(mapping) // 2
    for branch in field.branches:
        body = make_sample(branch.field, full=True)
        assert errors(op, body) == []
        assert field.branch_for(body) == branch
