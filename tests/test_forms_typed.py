"""What is typed into a form, control by control, is the value that was meant: parse, show and the form between."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.documents import make_field, make_operation, object_schema
from support.schemas import drawn

from astro_nb.call import UNSET
from astro_nb.data import Location
from astro_nb.errors import UsageError
from astro_nb.forms import Form, format_value, parse_text
from astro_nb.openapi import Operation, load
from astro_nb.schema import Field, body_field

ASTRO = load("astro-v1")
STABLE = settings(deadline=None, max_examples=100)


def same(one: Any, other: Any) -> bool:
    """Whether two JSON values are alike, 1, 1.0 and true are distinguished."""
    dump = partial(orjson.dumps, option=orjson.OPT_SORT_KEYS)
    return dump(one) == dump(other)


# --- what is typed is what is read back: any value of any field -------------------------------------------------------


def leaves(field: Field | None, value: Any, at: Location) -> Iterator[tuple[Location, Field | None, Any]]:
    """A value as a form shows it: objects, unions and rows taken apart, each control with its field and its value."""
    if field is not None and field.kind == "union":
        branch = field.branch_for(value)
        field = branch.field if branch else None
    if field is not None and field.kind == "object" and isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from leaves(field.child(name), inner, (*at, name))
    elif field is not None and field.kind == "array" and isinstance(value, list) and value and has_rows(field):
        for index, inner in enumerate(value):
            yield from leaves(field.item, inner, (*at, index))
    else:
        yield at, field, value


def has_rows(field: Field) -> bool:
    """Whether an array's entries are drawn one by one, not as lines of one text."""
    return field.item is not None and field.item.kind in ("object", "union", "array")


def enter(form: Form, at: Location, field: Field | None, value: Any) -> None:
    """What a person does with a control: chooses from its list, or types into it."""
    chosen = field is None or field.kind in ("choice", "boolean", "object", "union") or value is None
    if chosen or field is None:
        form.set(at, value)
    else:
        form.set_text(at, field, format_value(field, value))


def entered(operation: Operation, value: Any) -> Form:
    """A form into which a body was entered, control by control."""
    form = Form(operation)
    for at, leaf, inner in leaves(form.body, value, ("body",)):
        enter(form, at, leaf, inner)
    return form


@STABLE
@given(st.sampled_from([operation.id for operation in ASTRO if operation.body]), st.data())
def test_any_body_of_astro_can_be_entered(name: str, data: st.DataObject) -> None:
    """Any body of the Astro API can be entered field by field, and the call has the same values."""
    body = body_field(ASTRO.operation(name))
    assert body is not None
    value = data.draw(drawn(body))
    form = entered(ASTRO.operation(name), value)
    assert same(form.to_call().body, value)
    assert form.input_errors == {}


KITCHEN = object_schema(
    (),
    text={"type": ["string", "null"]},
    integer={"type": ["integer", "null"]},
    number={"type": "number"},
    flag={"type": "boolean"},
    choice={"enum": ["a", 1, None]},
    lines={"type": "array", "items": {"type": "string"}},
    numbers={"type": "array", "items": {"type": "number"}},
    flags={"type": "array", "items": {"type": "boolean"}},
    codes={"type": "array", "items": {"enum": [1, 2]}},
    mixed={"type": "array"},
    matrix={"type": "array", "items": {"type": "array", "items": {"type": "integer"}}},
    rows={"type": "array", "items": object_schema((), n={"type": "integer"}, t={"type": "string"})},
    map={"type": "object", "additionalProperties": {"type": "string"}},
    any={},
    either={"anyOf": [{"type": "integer"}, {"type": "string"}, object_schema(("k",), k={"type": "string"})]},
    deep=object_schema((), deeper=object_schema((), deepest={"type": "integer"})),
)


@STABLE
@given(drawn(make_field(KITCHEN)))
def test_any_value_of_any_kind_can_be_entered(value: Any) -> None:
    """Each kind of field returns what was entered, including quotes, line breaks, brackets and templates."""
    form = entered(make_operation(KITCHEN, required=True), value)
    assert same(form.to_call().body, value)
    assert form.input_errors == {}


@STABLE
@given(drawn(make_field(KITCHEN)))
def test_form_and_json_show_the_same(value: Any) -> None:
    """The body as JSON text, set again, is the same body; so is the call loaded again."""
    form, again, third = (Form(make_operation(KITCHEN, required=True)) for _ in range(3))
    form.set(("body",), value)
    again.set_body_text(form.body_text())
    third.load_call(form.to_call())
    assert same(again.to_call().body, value)
    assert third.to_call() == form.to_call()
    assert again.input_errors == {}


@STABLE
@given(drawn(make_field(KITCHEN)))
def test_unset_values_are_not_in_the_body(value: Any) -> None:
    """A body whose fields were all set and unset again is as in a new form."""
    form = entered(make_operation(KITCHEN), value)
    for at, _, _ in reversed(list(leaves(form.body, value, ("body",)))):
        form.set(at, UNSET)
    assert [row for row in form.to_call().body or {} if row not in ("rows", "matrix")] == []


# --- parse and show ---------------------------------------------------------------------------------------------------

ARRAY = {"type": "array", "items": {"type": "string"}}


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        (ARRAY, ["a\nb"]),
        (ARRAY, [" a", ""]),
        (ARRAY, ["[x]", "y"]),
        (ARRAY, []),
        (ARRAY, ["a", "{{name}}"]),
        ({"type": "array", "items": {"type": "boolean"}}, [True, False]),
        ({"type": "array", "items": {"enum": [1, 2]}}, [2, 1]),
        ({"type": "array", "items": {"type": "integer"}}, [1, "{{n}}"]),
        ({"type": "object"}, {"a": "{{name}}"}),
        ({}, "{{name}}"),
        ({}, ["{{name}}", 1]),
        ({"type": "number"}, 2**53 + 1),
        ({"type": ["integer", "null"]}, None),
    ],
)
def test_format_value_is_the_inverse_of_parse_text(schema: Any, value: Any) -> None:
    """The text of a value is read as that value; a template inside a list or a map stays a template."""
    parsed, error = parse_text(make_field(schema), format_value(make_field(schema), value))
    assert (parsed, error, type(parsed)) == (value, "", type(value))


@pytest.mark.parametrize(
    ("schema", "text", "value"),
    [
        ({"type": "integer"}, " 5 ", 5),
        ({"type": "number"}, "5", 5),
        ({"type": "number"}, "5.0", 5.0),
        ({"type": "number"}, "1e3", 1000.0),
        ({"type": "string"}, "5", "5"),
        ({"type": "string"}, "true", "true"),
        ({"type": "integer"}, "{{limit}}", "{{limit}}"),
        (ARRAY, "a\n\n b \n", ["a", "b"]),
        (ARRAY, '["a", "b"]', ["a", "b"]),
        (ARRAY, "{{names}}", "{{names}}"),
        (ARRAY, " {{names}} ", "{{names}}"),
        (ARRAY, "{{a}}\n{{b}}", ["{{a}}", "{{b}}"]),
        (ARRAY, "x {{a}}", ["x {{a}}"]),
        ({"type": "array", "items": {"type": "integer"}}, '[1, "{{n}}"]', [1, "{{n}}"]),
        ({"type": "object"}, '{"a": {{n}}}', '{"a": {{n}}}'),
        ({"type": "boolean"}, "true", True),
        ({"type": "boolean"}, "{{flag}}", "{{flag}}"),
        ({"enum": [1, "a"]}, "1", 1),
        ({"enum": ["a", None]}, "null", None),
        ({"type": ["array", "null"]}, "null", None),
        ({"type": "number"}, "9007199254740993", 2**53 + 1),
        ({}, "[123456789012345678901]", [123456789012345678901]),
        ({"anyOf": [{"type": "integer"}, {"type": "string"}]}, "1.10", "1.10"),
        ({"anyOf": [{"type": "integer"}, {"type": "array"}]}, "[1]", [1]),
        ({"type": "object"}, '{"a": 1}', {"a": 1}),
        ({"type": "string"}, "", UNSET),
        ({}, "", UNSET),
    ],
)
def test_parse_text(schema: Any, text: str, value: Any) -> None:
    """Text is read by the field's kind; CPU and memory stay text; a template stays; empty text is unset."""
    parsed, error = parse_text(make_field(schema), text)
    assert (parsed, error, type(parsed)) == (value, "", type(value))


@pytest.mark.parametrize(
    ("schema", "text", "words"),
    [
        ({"type": "integer"}, "5.5", "is not an integer"),
        ({"type": "integer"}, "ten", "'ten' is not an integer"),
        ({"type": "number"}, "ten", "'ten' is not a number"),
        ({"type": "number"}, "nan", "is not a number"),
        ({"type": "number"}, "-Infinity", "is not a number"),
        ({"type": "number"}, "1e9999999999999999999", "is not a number"),
        ({"type": "boolean"}, "yes", "neither true nor false"),
        ({"type": "object"}, '{"a": 1e9999999999999999999}', "This is not JSON"),
        ({"type": "object"}, "{a: 1}", "This is not JSON"),
        ({"type": "array", "items": {"type": "integer"}}, "1\nx", "'x' is not an integer"),
        (ARRAY, '["a"', "This is not JSON"),
    ],
)
def test_invalid_text_is_stored_and_reported(schema: Any, text: str, words: str) -> None:
    """Invalid text stays in the form with an input error, and the JSON view can show it."""
    form = Form(make_operation(object_schema(a=schema)))
    form.set_text(("body", "a"), make_field(schema), text)
    assert words in form.problems(lambda value: value)["body", "a"]
    assert format_value(make_field(schema), form.get(("body", "a"))) == text
    assert same(orjson.loads(form.body_text()), form.draft().body)
    with pytest.raises(UsageError, match=r"^a: .*nothing was sent"):
        form.to_call()
    form.set_text(("body", "a"), make_field(schema), "")
    assert form.to_call().body is UNSET
    form.set_text(("body", "a"), make_field(schema), "")
    assert form.problems(lambda value: value) == {}


def test_a_number_of_more_than_64_bits_does_not_break_the_form() -> None:
    """More digits than 64 bits hold are displayed or reported, and drawing the body does not raise."""
    form = Form(make_operation(object_schema(a={"type": "integer"})))
    form.set_text(("body", "a"), make_field({"type": "integer"}), str(2**70))
    assert str(2**70) in form.body_text()
