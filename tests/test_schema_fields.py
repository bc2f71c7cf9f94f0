"""Fields: schemas are read into one tree for forms, samples and signatures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from keyword import iskeyword
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.documents import load_shared, make_field, make_operation

from astro_nb.contract import check_parameter, check_request_body
from astro_nb.errors import DocumentError
from astro_nb.openapi import Extensions, SecretExtension, load
from astro_nb.schema import (
    Field,
    body_field,
    body_fields,
    broken_rules,
    make_sample,
    parameter_fields,
    response_field,
    signature,
)

SHARED = Path(__file__).resolve().parents[2] / "shared"
DOCUMENTS = (
    *("astro-v1", "airflow2", "airflow3", "astro-v1beta1-iam", "astro-v1beta1-platform", "petstore3"),
    *("oai30-callback-example", "oai30-link-example", "oai30-petstore", "oai30-uspto"),
    *("oai31-tictactoe", "oai31-webhook-example", "oai32-tags"),
)
UNDECIDABLE = {"CreateCluster", "CreateDeployment", "UpdateDeployment"}
"""Bodies of v1beta1 whose `oneOf` has overlapping branches and no discriminator: what fits one fits several."""


def obj(required: tuple[str, ...] = (), **properties: Any) -> dict[str, Any]:
    """The schema of an object."""
    return {"type": "object", "properties": properties, "required": list(required)}


def below(field: Field, depth: int) -> Iterator[Field]:
    """A field and all below it, recursion cut off."""
    yield field
    parts = [*field.children, *(b.field for b in field.branches), *([field.item] if field.item else [])]
    for part in parts if depth else []:
        yield from below(part, depth - 1)


# --- every operation of every document --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_operation_has_fields_and_a_signature(name: str) -> None:
    """Each parameter, body and response of each operation has a field, and the signature lists the arguments."""
    for op in load_shared(name):
        assert [f.name for f in parameter_fields(op)] == [p.key for p in op.parameters], op.id
        roots = [*parameter_fields(op), *(body_field(op, media) for media in (op.body.content if op.body else ()))]
        roots += [response_field(op, int(s)) for s in op.responses if s.isdigit()]
        assert all(part.kind and part.type_name for root in roots if root for part in below(root, 3)), op.id
        names = {f.name for f in [*parameter_fields(op), *body_fields(op)]}
        assert {n for n in names if n.isidentifier() and not iskeyword(n)} <= set(signature(op).parameters), op.id


@pytest.mark.parametrize("name", DOCUMENTS)
@pytest.mark.parametrize("full", [False, True])
def test_every_sample_matches_the_contract(name: str, full: bool) -> None:
    """Samples of parameters and bodies are valid by the document and break no rule of the overlay."""
    wrong = []
    for op in load_shared(name):
        wrong += [(op.id, f.name) for f in parameter_fields(op) if check_parameter(op, f.name, make_sample(f, full))]
        for media in op.body.content if op.body else ():
            body = body_field(op, media)
            assert body is not None
            value = make_sample(body, full)
            broken = {v.keyword for v in check_request_body(op, value, media)}
            excused = name == "astro-v1beta1-platform" and op.id in UNDECIDABLE and broken == {"oneOf"}
            wrong += [(op.id, media)] if (broken and not excused) or list(broken_rules(body, value)) else []
    assert wrong == []


def test_published_documents_are_read() -> None:
    """No operation of some hundred published documents, valid or not, raises anything but an error with advice."""
    files = sorted(p for p in (SHARED / "fixtures" / "real-specs").rglob("*") if p.is_file())
    if not files:
        pytest.skip("../shared/fixtures/real-specs does not exist: it is not part of the repository")
    seen = 0
    for path in files:
        with suppress(DocumentError):
            for op in load(path):
                seen += 1
                with suppress(DocumentError):
                    for root in [*parameter_fields(op), *([body] if (body := body_field(op)) else [])]:
                        make_sample(root, full=True)
                    assert all(name.isidentifier() for name in signature(op).parameters), op.id
    assert seen > 2000


# --- the tree ---------------------------------------------------------------------------------------------------------

MAYBE = {"type": ["string", "null"]}


@pytest.mark.parametrize(
    ("schema", "kind", "nullable"),
    [
        ({"type": "string"}, "text", False),
        ({"type": "string", "format": "binary"}, "file", False),
        ({"type": "string", "nullable": True}, "text", True),
        (MAYBE, "text", True),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, "text", True),
        ({"oneOf": [{"const": None}, {"type": "integer"}]}, "integer", True),
        ({"enum": ["a", None]}, "choice", True),
        ({"allOf": [{"$ref": "#/components/schemas/Maybe"}], "description": "other words"}, "text", True),
        ({"type": "null"}, "any", True),
        ({"const": None}, "choice", True),
        ({"const": 5}, "choice", False),
        ({"properties": {"a": {}}}, "object", False),
        ({"type": "object", "additionalProperties": {"type": "string"}}, "map", False),
        ({"type": "object", "additionalProperties": False}, "object", False),
        ({"items": {}}, "array", False),
        ({"items": True}, "array", False),
        ({"minLength": 1}, "text", False),
        ({"maximum": 1}, "number", False),
        ({"type": ["string", "integer"]}, "union", False),
        ({}, "any", False),
        (True, "any", False),
        ({"$ref": "#/components/schemas/Gone"}, "any", True),
    ],
)
def test_kind_and_nullable(schema: Any, kind: str, nullable: bool) -> None:
    """Each way of writing a type gives one kind, and each way of allowing null gives `nullable`."""
    found = make_field(schema, Maybe=MAYBE)
    assert (found.kind, found.nullable) == (kind, nullable)


def test_a_dangling_reference_is_reported_in_the_field() -> None:
    """A broken reference affects only its own field, whose description says what is wrong."""
    found = make_field(obj(a={"$ref": "#/components/schemas/Gone"}, b={"type": "integer"}))
    assert [(c.name, c.kind) for c in found.children] == [("a", "any"), ("b", "integer")]
    assert "#/components/schemas/Gone" in found.children[0].info.description


def test_a_recursive_schema_is_read_on_access() -> None:
    """A schema that contains itself has fields at any depth."""
    found: Field | None = make_field({"$ref": "#/components/schemas/N"}, N=obj(next={"$ref": "#/components/schemas/N"}))
    for _ in range(40):
        assert found is not None
        found = found.child("next")


def test_all_of_merges_its_parts() -> None:
    """Properties, required names and bounds of all parts count; the tighter bound wins."""
    parts = [obj(("a",), a={"type": "string"}), obj(("b",), b={"type": "integer"}), {"description": "both"}]
    found = make_field({"allOf": parts})
    assert [(c.name, c.required) for c in found.children] == [("a", True), ("b", True)]
    assert found.info.description == "both"
    assert make_field({"allOf": [{"type": "integer", "maximum": 9}, {"maximum": 5}]}).info.bounds == ("at most 5",)


def test_all_of_merges_one_property_of_two_parts() -> None:
    """A part that adds to a property keeps what another part declares for it."""
    more = {"allOf": [obj(a={"enum": ["x", "y"]}, b={"type": "integer"})], "properties": {"a": {"description": "?"}}}
    found = make_field(more).child("a")
    assert found is not None
    assert (found.kind, found.info.choices, found.info.description) == ("choice", ("x", "y"), "?")


@pytest.mark.parametrize(
    ("schema", "nullable"),
    [
        ({"allOf": [MAYBE, {"type": "string"}]}, False),
        ({"allOf": [MAYBE, {"minLength": 1}]}, True),
        ({"allOf": [{"type": "string"}], "nullable": True}, True),
        ({"anyOf": [MAYBE, {"type": "integer"}]}, True),
        ({"anyOf": [{"$ref": "#/components/schemas/Null"}, {"type": "integer"}]}, True),
    ],
)
def test_null_is_allowed_where_every_part_allows_it(schema: Any, nullable: bool) -> None:
    """One part that forbids null is enough; one that does not mention types forbids nothing."""
    assert make_field(schema, Null={"enum": [None]}).nullable == nullable


def test_a_schema_that_is_a_part_of_itself_is_read() -> None:
    """Cycles through `allOf`, `anyOf` and a single branch end where they repeat."""
    ref = {"$ref": "#/components/schemas/C"}
    for circle in ({"allOf": [ref, ref, {"title": "c"}]}, {"anyOf": [ref, {"type": "null"}]}, {"oneOf": [ref, MAYBE]}):
        assert make_field(ref, C=circle).kind in ("any", "union")
        make_sample(make_field(ref, C=circle), full=True)


def test_each_type_of_a_list_has_the_common_bounds() -> None:
    """`type: [string, integer]` is a union whose branches keep the other keywords."""
    found = make_field({"type": ["string", "integer", "null"], "minLength": 2, "maximum": 9, "title": "t"})
    assert [(b.field.kind, b.field.schema.get("minLength")) for b in found.branches] == [("text", 2), ("integer", 2)]
    assert (found.info.description, found.nullable) == ("t", True)


def test_a_parameter_without_a_type_is_text() -> None:
    """A parameter without a type is edited and sampled as text: it is part of a path or a query."""
    given = {"name": "dag", "in": "query", "required": True, "schema": {"title": "Dag"}}
    (found,) = parameter_fields(make_operation(None, [given]))
    assert (found.kind, make_sample(found)) == ("text", "my-dag")


def test_everything_inside_a_secret_is_a_secret() -> None:
    """The parts of a secret object are secrets, so each has a password control."""
    found = make_field(obj(secret=obj(a={"type": "string"}, b={"type": "array", "items": {"type": "integer"}})))
    assert all(part.secret for part in below(found.children[0], 3))


def test_field_info() -> None:
    """Choices exclude null, examples of both versions of OpenAPI count, and the overlay's extensions are read."""
    assert make_field({"enum": [1, None, "a"]}).info.choices == (1, "a")
    assert make_field({"example": 0}).info.example == 0
    assert make_field({"examples": ["a", "b"]}).info.example == "a"
    assert make_field({"x-astro-nb-secret": True, "x-other": 1}).info.extensions == Extensions(
        secret=SecretExtension(True)
    )


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"minLength": 2, "pattern": "^a"}, ("at least 2 characters", "pattern ^a")),
        ({"minLength": 1}, ("at least 1 character",)),
        ({"minimum": 0, "maximum": 1}, ("at least 0", "at most 1")),
        ({"minimum": 5, "exclusiveMinimum": False}, ("at least 5",)),
        ({"minItems": 1}, ("at least 1 item",)),
    ],
)
def test_bounds(schema: Any, words: tuple[str, ...]) -> None:
    """Each limit is described, 0 and 1 too."""
    assert make_field(schema).info.bounds == words


A = obj(("x",), kind={"enum": ["A", "B"]}, x={"type": "integer"})
B = obj((), kind={"enum": ["A", "B"]}, y={"type": "string"}, z={"type": "string"})
REFS = [{"$ref": "#/components/schemas/A"}, {"$ref": "#/components/schemas/B"}]
TAGGED = {"oneOf": REFS, "discriminator": {"propertyName": "kind"}, "x-astro-nb-default-branch": "B"}


def test_a_discriminator_fixes_its_property() -> None:
    """A branch has its discriminator's value as label, requires it, and offers only that value."""
    found = make_field(TAGGED, A=A, B=B)
    assert [(b.label, b.tag) for b in found.branches] == [("A", ("kind", "A")), ("B", ("kind", "B"))]
    kind = found.branches[1].field.child("kind")
    assert kind is not None
    assert (kind.info.choices, kind.required) == (("B",), True)
    assert found.default_branch == found.branches[1]


def test_the_branch_of_a_value() -> None:
    """A value belongs to the branch that its discriminator names, else to the default branch, else by shape."""
    tagged, plain = make_field(TAGGED, A=A, B=B), make_field({"anyOf": REFS}, A=A, B=B)
    labels = [tagged.branch_for(v) for v in ({"kind": "A"}, {"kind": "B"}, {"kind": "C"}, {"y": "p"})]
    assert [b and b.label for b in labels] == ["A", "B", None, "B"]
    shapes = [plain.branch_for(v) for v in ({"x": 1}, {"y": "p", "z": "q"}, {}, 5)]
    assert [b and b.label for b in shapes] == ["A", "B", "B", None]


KEYWORDS = (
    *("type", "properties", "items", "enum", "required", "oneOf", "anyOf", "allOf", "nullable", "const", "format"),
    *("additionalProperties", "discriminator", "minimum", "maxLength", "$ref", "example", "x-astro-nb-secret"),
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 30) | st.sampled_from(["string", "object", "null", "#/components", ""]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYWORDS), inner, max_size=4),
    max_leaves=12,
)


@settings(deadline=None, max_examples=100)
@given(st.dictionaries(st.sampled_from(KEYWORDS), ANYTHING, max_size=4))
def test_every_schema_gives_a_field(schema: dict[str, Any]) -> None:
    """An invalid schema never raises; at worst the field is edited as JSON."""
    assert all(part.kind for part in below(make_field(schema, A=A), 3))
