"""Examples and presets of forms, texts of the document that hold braces, and input that blocks a call."""

from __future__ import annotations

import datetime
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.documents import make_document, make_operation, object_schema
from support.form_driver import FormDriver, label_of, make_form

from astro_nb.call import UNSET, Upload
from astro_nb.environments import Environment, Resolver, Variables
from astro_nb.errors import UsageError
from astro_nb.forms import Form, parse_headers
from astro_nb.openapi import Operation
from astro_nb.schema import example_call
from astro_nb.serialization import build_request

TEXT, NUMBER = {"type": "string"}, {"type": "integer"}
READ_ONLY = {"type": "string", "readOnly": True}
BODY = object_schema(("a",), a=NUMBER, b=TEXT)


def filled(operation: Operation, full: bool = True) -> Any:
    """Return the body that "Fill with example" makes."""
    form = Form(operation)
    form.fill(full)
    return form.to_call().body


def sent(operation: Operation, form: Form) -> Any:
    """Return the body of the request that a form makes, with no variable set."""
    values = Resolver(Variables(), Environment("x", base_url="https://localhost"), mode="revealed")
    return build_request(operation, form.to_call(), values).body


# --- which example ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("schema", "media", "body"),
    [
        (BODY, {"example": {"a": 1}}, {"a": 1}),
        (BODY, {"examples": {"bad": {"value": {"a": "x"}}, "good": {"value": {"a": 5}}}}, {"a": 5}),
        (BODY, {"examples": {"there": {"$ref": "#/components/examples/E"}}}, {"a": 1}),
        (BODY, {"examples": {"far": {"externalValue": "https://x"}, "near": {"value": {"a": 2}}}}, {"a": 2}),
        ({**BODY, "example": {"a": 7, "b": "x"}}, {}, {"a": 7, "b": "x"}),
        ({**BODY, "examples": [{"a": "bad"}, {"a": 8}]}, {}, {"a": 8}),
        ({**BODY, "example": {"b": "no a"}, "default": {"a": 9}}, {}, {"a": 9}),
        ({**BODY, "example": {"a": 7}}, {"example": {"a": 1}}, {"a": 1}),
        ({**BODY, "example": {"a": 7}}, {"example": {"a": "bad"}}, {"a": 7}),
        (object_schema((), o={**BODY, "example": {"a": 3}}), {}, {"o": {"a": 3}}),
        (object_schema((), n={"type": "integer", "default": 4}), {}, {"n": 4}),
        ({"type": "array", "items": {**BODY, "example": {"a": 3}}}, {}, [{"a": 3}]),
        ({"oneOf": [BODY, TEXT], "example": {"a": 6}}, {}, {"a": 6}),
        ({"allOf": [BODY, {"example": {"a": 6}}]}, {}, {"a": 6}),
    ],
)
def test_which_example_fills_a_form(schema: Any, media: Any, body: Any) -> None:
    """The media type's valid one, else the schema's own, else the default; each only if it is valid."""
    components = {"examples": {"E": {"value": {"a": 1}}}}
    content = {"application/json": {"schema": schema, **media}}
    post = {"operationId": "x", "requestBody": {"content": content}, "responses": {}}
    (op,) = make_document({"/x": {"post": post}}, **components)
    assert filled(op) == body
    assert example_call(op, full=True).body == body


def test_named_examples_can_be_chosen() -> None:
    """All of them, in a list above the body; one that is not valid says so."""
    media = {"examples": {"bad": {"value": {"a": "x"}}, "good": {"value": {"a": 5, "b": "{{b}}"}}}}
    form = FormDriver(make_operation(BODY, media=media))
    (chooser,) = form.controls_named("Example")
    assert [text for text, _ in chooser.options] == ["–", "bad · not valid by the schema", "good"]
    form.choose_named("Example", "good")
    assert form.control("a").value == "5"
    assert form.control("b").value == "{{b}}"
    assert sent(form.form.operation, form.form) == b'{"a":5,"b":"{{b}}"}'
    form.choose_named("Example", "bad · not valid by the schema")
    assert form.body == {"a": "x"}
    assert not make_form(BODY).controls_named("Example")


def test_read_only_values_are_not_filled() -> None:
    """Not from any example; an object that requires nothing else keeps them."""
    item = object_schema((), id=READ_ONLY, n=TEXT)
    reference = object_schema(("id",), id=READ_ONLY)
    schema = object_schema(
        ("id",), id=READ_ONLY, name=TEXT, items={"type": "array", "items": item}, to=reference,
        seen=object_schema((), at=READ_ONLY),
    )  # fmt: skip
    example = {"id": "1", "name": "n", "items": [{"id": "2", "n": "m"}], "to": {"id": "3"}, "seen": {"at": "t"}}
    wanted = {"name": "n", "items": [{"n": "m"}], "to": {"id": "3"}}
    assert filled(make_operation(schema, media={"example": example})) == wanted
    assert filled(make_operation({**schema, "example": example})) == wanted


def test_examples_of_parameters() -> None:
    """By reference, the first valid one; several can be chosen."""
    examples = {"bad": {"value": "x"}, "one": {"$ref": "#/components/examples/One"}, "two": {"value": 2}}
    parameters = [
        {"name": "n", "in": "query", "required": True, "schema": NUMBER, "examples": examples},
        {"name": "t", "in": "query", "required": True, "schema": TEXT, "example": "{{not ours}} {{name}}"},
    ]
    get = {"operationId": "x", "parameters": parameters, "responses": {}}
    (op,) = make_document({"/x": {"get": get}}, examples={"One": {"value": 1}})
    form = FormDriver(op)
    assert list(form.control("n").options) == ["x · example", "1 · example", "2 · example"]
    form.form.fill()
    assert form.form.to_call().parameters == {"n": 1, "t": "{{not ours}} {{name}}"}
    values = Resolver(Variables(), Environment("x", base_url="https://localhost"), mode="revealed")
    assert build_request(op, form.form.to_call(), values).url.endswith(
        "/x?n=1&t=%7B%7Bnot%20ours%7D%7D%20%7B%7Bname%7D%7D"
    )


def test_a_required_field_with_one_allowed_value_is_preset() -> None:
    """In the body, in required objects, in new items, in a chosen variant, and among the parameters."""
    inner = object_schema(("type", "v"), type={"const": "x"}, v=TEXT)
    schema = object_schema(
        ("version", "need"), version={"enum": ["1"]}, need=inner, may=inner, many={"type": "array", "items": inner}
    )
    parameter = {"name": "v", "in": "query", "required": True, "schema": {"enum": ["2"]}}
    form = Form(make_operation(schema, [parameter], required=True))
    preset = {"version": "1", "need": {"type": "x"}}
    assert (form.to_call().body, form.to_call().parameters) == (preset, {"v": "2"})
    form.add_row(("body", "many"))
    assert form.get(("body", "many")) == [{"type": "x"}]
    form.clear()
    assert form.to_call().body == preset
    driver = make_form({"oneOf": [object_schema(("kind", "a"), kind={"const": "k"}, a=TEXT), {"type": "array"}]})
    driver.choose_named("body", label_text(driver, 1))
    assert driver.body == {"kind": "k"}


def label_text(driver: FormDriver, number: int) -> str:
    """Return the text of an option of the first choice."""
    return str(driver.controls_named("body")[0].options[number][0])


# --- braces -----------------------------------------------------------------------------------------------------------

BRACES = st.sampled_from(
    ["{{name}}", "a {{event.source}} b", "{{$uuid}}", "{{x:-y}}", "{{responses.A.b}}", "\\{{name}}", "{{{{a}}}}", "{x}"]
)


@settings(max_examples=40)
@given(st.lists(BRACES, min_size=1, max_size=3).map(" ".join), st.sampled_from(["example", "default", "const", "enum"]))
def test_braces_of_the_document_are_literal(text: str, keyword: str) -> None:
    """Whatever looks like a template in an example, a default or an allowed value is sent as it is."""
    own = {"type": "string", keyword: [text] if keyword == "enum" else text}
    op = make_operation(object_schema(("a",), a=own, b={"type": "array", "items": own}), required=True)
    form = Form(op)
    form.fill(full=True)
    body = orjson_body(op, form)
    assert body["a"] == text
    assert example_call(op).body["a"] == text
    assert orjson_body(op, edited(form))["a"] == text


def orjson_body(op: Operation, form: Form) -> Any:
    return orjson.loads(sent(op, form))


def edited(form: Form) -> Form:
    """Return the form after its body went through the JSON view."""
    form.set_body_text(form.body_text().replace("\n", " \n"))
    return form


def test_an_allowed_value_with_braces_is_chosen() -> None:
    """It is displayed as the document has it, and sent as it is."""
    form = make_form(object_schema(("a",), a={"enum": ["{{a}}", "{{b}}"]}))
    form.choose("a", "{{b}}")
    assert sent(form.form.operation, form.form) == b'{"a":"{{b}}"}'


def test_editing_an_example_keeps_its_braces_literal() -> None:
    """What the user types beside them is a template as anywhere."""
    op = make_operation(object_schema((), a={"type": "string", "example": "Hi {{name}}"}), required=True)
    form = FormDriver(op)
    form.form.fill(full=True)
    form.view.draw()
    form.control("a").value = "Hello {{name}}"
    assert sent(op, form.form) == b'{"a":"Hello {{name}}"}'
    form.control("a").value = "Hello {{name}} {{mine:-ME}}"
    assert sent(op, form.form) == b'{"a":"Hello {{name}} ME"}'
    form.control("a").value = ""
    form.control("a").value = "{{name:-variable}}"
    assert sent(op, form.form) == b'{"a":"variable"}'


# --- what cannot be used blocks the call ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        (NUMBER, "5", "five"),
        ({"type": "number"}, "1.5", "1,5"),
        ({"type": "array", "items": NUMBER}, "1\n2", "1\ntwo"),
        ({"type": "array", "items": TEXT}, '["a"]', '["a"'),
        ({}, '{"a": 1}', '{"a": '),
        ({"type": ["integer", "null"]}, "null", "nul"),
    ],
)
def test_text_that_is_no_value_blocks_the_call(schema: Any, good: str, bad: str) -> None:
    """Neither the text nor the earlier value is sent, the field says why, and mending it is enough."""
    form = make_form(object_schema((), v=schema, w=TEXT))
    form.open_all()
    form.control("w").value = "stays"
    form.control("v").value = good
    before = form.form.to_call()
    form.control("v").value = bad
    with pytest.raises(UsageError, match=r"^v: .*nothing was sent"):
        form.form.to_call()
    assert "anb-problem" in form.text_at("v")
    form.control("v").value = good
    assert form.form.to_call() == before


def test_headers_that_cannot_be_read_block_the_call() -> None:
    """The earlier headers are not sent in their place."""
    form = Form(make_operation(BODY))
    form.set_headers_text("X-A: 1")
    for text in ("X-A 2", ": 3", "X A: 4", "X-A: 5\nx-a: 6"):
        form.set_headers_text(text)
        with pytest.raises(UsageError, match=r"^headers: .*nothing was sent"):
            form.to_call()
        assert form.headers_text == text
    form.set_headers_text("X-B: 2")
    assert form.to_call().headers == {"X-B": "2"} == parse_headers("\n X-B : 2 ")


def test_names_of_a_map_that_cannot_be_used_block_the_call() -> None:
    """A name that is taken, or a value without a name: neither is dropped silently."""
    form = make_form({"type": "object", "additionalProperties": TEXT}, {"a": "1", "b": "2"})
    first, second = [w for w in form.visible() if label_of(w).startswith("<b>Name</b>")]
    second.value = "a"
    with pytest.raises(UsageError, match="already exists"):
        form.form.to_call()
    second.value = "c"
    assert form.form.to_call().body == {"a": "1", "c": "2"}
    form.click("+ Add to body")
    form.controls("Value")[-1].value = "3"
    with pytest.raises(UsageError, match="has no name"):
        form.form.to_call()
    form.view.draw()
    assert form.form.to_call().body == {"a": "1", "c": "2"}
    assert first is not None


def test_an_upload_that_does_not_arrive_clears_the_earlier_file() -> None:
    """Neither a failed nor a cut file is sent, nor the one before."""
    form = make_form(object_schema((), f={"type": "string", "format": "binary"}), media_type="multipart/form-data")
    form.open_all()
    (control,) = [w for w in form.visible() if "anb-upload" in w._dom_classes]
    entry = {"name": "a.txt", "type": "text/plain", "size": 2, "content": memoryview(b"hi"), "last_modified": 0}
    for fail in (lambda: setattr(control, "error", "too large"), lambda: control_take(control, {**entry, "size": 9})):
        control_take(control, entry)
        assert form.form.to_call().body == {"f": Upload("a.txt", b"hi", "text/plain")}
        fail()
        assert form.form.get(("body", "f")) is UNSET
        with pytest.raises(UsageError, match="did not arrive"):
            form.form.to_call()
        control.error = ""
    control_take(control, entry)
    assert form.form.to_call().body == {"f": Upload("a.txt", b"hi", "text/plain")}


def control_take(control: Any, entry: dict[str, Any]) -> None:
    """Give the control a file as the front end does."""
    control.value = ({**entry, "last_modified": datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)},)
