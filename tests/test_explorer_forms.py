"""Every construct of a schema as widgets, without a kernel: displayed, opened, typed into, and nothing lost."""

from __future__ import annotations

import copy
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import ipywidgets as widgets
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ipywidgets.widgets.widget import _instances as living
from support.documents import object_schema as obj
from support.form_driver import FormDriver, make_form
from support.schemas import ANYTHING, SCHEMAS, TEXTS
from support.schemas import drawn as values_of

from astro_nb.call import UNSET, Call, Upload
from astro_nb.errors import AstroNbError
from astro_nb.openapi import Operation, Spec, load
from astro_nb.schema import make_sample, read_field

STABLE = settings(deadline=None, max_examples=80)


def array(item: Any, **more: Any) -> dict[str, Any]:
    """Return the schema of an array."""
    return {"type": "array", "items": item, **more}


# --- additional properties --------------------------------------------------------------------------------------------

TAGS = obj((), tags={"type": "object", "additionalProperties": {"type": "string"}})


def test_additional_properties_are_added_named_and_removed() -> None:
    """A row gets a value before or after its name; without a name nothing is sent, and the row says so."""
    form = make_form(TAGS)
    form.click("More:")
    form.click("+ Add to tags")
    form.control("Value").value = "emea"
    assert form.body == {}
    assert "Sent once it has a name" in form.text()
    form.control("Name").value = "region"
    assert form.body == {"tags": {"region": "emea"}}
    form.control("Value").value = "apac"
    assert form.body == {"tags": {"region": "apac"}}
    form.click("Duplicate")
    form.controls("Name")[1].value = "home"
    assert form.body == {"tags": {"region": "apac", "home": "apac"}}
    form.click("Remove")
    form.click("Remove")
    assert form.body == {}


def test_a_name_is_changed_in_place() -> None:
    """Renaming keeps value and position; a name that is taken or empty is reported beside it, and nothing is lost."""
    form = make_form(TAGS, {"tags": {"a": "1", "b": "2"}})
    first = form.controls("Name")[0]
    first.value = "c"
    assert list(form.body["tags"].items()) == [("c", "1"), ("b", "2")]
    for wrong, message in (("b", "b already exists"), ("", "Enter a name")):
        first.value = wrong
        assert message in first.description
        assert form.body == {"tags": {"c": "1", "b": "2"}}
    first.value = "d"
    assert "anb-problem" not in first.description
    form.control("Value").value = "9"
    assert list(form.body["tags"].items()) == [("d", "9"), ("b", "2")]


def test_an_object_with_fields_has_rows_for_additional_properties() -> None:
    """An object with declared fields has rows for additional names; a declared name is refused there."""
    schema = {**obj((), name={"type": "string"}), "additionalProperties": {"type": "integer"}}
    form = make_form(schema, {"name": "n", "x": 1})
    assert form.control("Name").value == "x"
    form.control("Name").value = "name"
    assert "name already exists" in form.control("Name").description
    form.control("Value").value = "7"
    assert form.body == {"name": "n", "x": 7}


@pytest.mark.parametrize(
    "value", [5, "5", "text", True, "true", None, "null", "", {"a": [1]}, [1, "x"], '"q"', "{{x}}"]
)
def test_any_additional_value_round_trips(value: Any) -> None:
    """Typed JSON is a value, other text is text; typing the displayed text again gives the same value."""
    form = make_form({"type": "object"}, {"k": value})
    control = form.control("Value")
    text, control.value = control.value, "other"
    assert form.body == {"k": "other"}
    control.value = text
    assert form.body == {"k": value}
    assert type(form.body["k"]) is type(value)


def test_values_without_a_control_are_kept_and_listed() -> None:
    """Undeclared names, read-only values, and values of another shape are listed as text, and stay."""
    schema = obj((), a={"type": "string"}, r={"type": "string", "readOnly": True}, o=obj((), n={"type": "integer"}))
    body = {"a": "x", "r": "kept", "zz": 1, "o": "text"}
    form = make_form(schema, body)
    assert "2 more values are set in JSON: r, zz" in form.text()
    assert form.control("o").value == "text"
    assert "edit it as JSON" in form.control("o").description
    form.control("a").value = "y"
    assert form.body == {**body, "a": "y"}
    form.control("o").value = '{"n": 5}'
    assert form.control("n").value == "5"
    assert form.body["o"] == {"n": 5}


# --- rows -------------------------------------------------------------------------------------------------------------

QUEUES = obj((), queues=array(obj(("name",), name={"type": "string"}, size={"type": "integer"}), maxItems=3))


def test_rows_are_duplicated_moved_and_removed() -> None:
    """A row is labelled by its number and its name; it is duplicated, moved with the focus, and removed."""
    form = make_form(QUEUES, {"queues": [{"name": "a"}, {"name": "b"}]})
    assert "queues 2: b" in form.text()
    form.click("Move down queues 1")
    assert [q["name"] for q in form.body["queues"]] == ["b", "a"]
    assert "queues 1: b" in form.text()
    form.click("Duplicate queues 2")
    assert [q["name"] for q in form.body["queues"]] == ["b", "a", "a"]
    add = next(w for w in form.visible() if getattr(w, "description", "") == "+ Add to queues")
    assert add.disabled
    form.controls("name")[2].value = "c"
    form.click("Move up queues 3")
    form.click("Remove queues 1")
    assert [q["name"] for q in form.body["queues"]] == ["c", "a"]
    assert not add.disabled
    assert "at most 3 items" in form.text()


def test_empty_and_null_are_reached_by_buttons() -> None:
    """The empty list, the empty object and null are values besides unset, and are displayed."""
    schema = obj((), q={**QUEUES["properties"]["queues"], "type": ["array", "null"]}, o={"type": ["object", "null"]})
    form = make_form(schema, {"q": [{"name": "a"}], "o": {"a": 1}})
    form.click("Set to empty list: q")
    form.click("Set to empty object: o")
    assert form.body == {"q": [], "o": {}}
    assert "empty list" in form.text()
    assert "empty object" in form.text()
    form.click("Set to null: q")
    form.click("Set to null: o")
    assert form.body == {"q": None, "o": None}
    form.click("Unset: q")
    form.click("Unset: o")
    assert form.body == {}


def test_lists_of_lists_of_unions_and_of_maps_are_rows() -> None:
    """Each item has the controls of its own schema."""
    union = {"oneOf": [{"type": "integer"}, obj(("k",), k={"type": "string"})]}
    schema = obj(
        ("m", "u", "n"),
        m=array(array({"type": "integer"})),
        u=array(union),
        n=array({"type": "object"}),
    )
    form = make_form(schema)
    form.click("+ Add to m")
    form.control("m 1").value = "1\n2"
    form.click("+ Add to u")
    form.choose("u 1", "object")
    form.control("k").value = "v"
    form.click("+ Add to n")
    form.click("+ Add to n 1")
    form.control("Name").value = "a"
    form.control("Value").value = "[1]"
    assert form.body == {"m": [[1, 2]], "u": [{"k": "v"}], "n": [{"a": [1]}]}


def test_a_tuple_has_a_row_for_each_place() -> None:
    """The next position appears when the one before it is filled, each with its own field."""
    form = make_form(
        obj(("p",), p={"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}], "items": False})
    )
    form.control("p 1").value = "x"
    form.control("p 2").value = "5"
    assert form.body == {"p": ["x", 5]}
    assert not [w for w in form.visible() if "+ Add" in getattr(w, "description", "") and not w.disabled]


def test_entries_of_a_choice_are_chosen() -> None:
    """Items of an enum are typed one per line or chosen one by one; any other value is reported."""
    form = make_form(obj(("c",), c=array({"enum": ["RED", "BLUE"]})))
    adder = next(w for w in form.visible() if "anb-adder" in w._dom_classes)
    adder.value = "BLUE"
    adder.value = "RED"
    assert form.body == {"c": ["BLUE", "RED"]}
    form.control("c").value = "GREEN"
    assert "GREEN" in form.text_at("c")


# --- null and empty texts ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "value", "state"),
    [("null", None, "null"), ('"null"', "null", ""), ('""', "", "empty text"), ("", UNSET, ""), ('"a"', '"a"', "")],
)
def test_a_nullable_text_has_all_its_states(typed: str, value: Any, state: str) -> None:
    """Null, the text "null", the empty text and unset are typed, distinguished, and displayed again as typed."""
    form = make_form(obj(("t",), t={"type": ["string", "null"]}))
    form.control("t").value = "before"
    form.control("t").value = typed
    assert form.form.get(("body", "t")) == value
    assert ("anb-state" in form.text_at("t")) == bool(state)
    assert state in form.text_at("t")
    form.view.draw()
    assert form.control("t").value == typed


# --- unions -----------------------------------------------------------------------------------------------------------

CAT = obj(("kind",), kind={"type": "string"}, name={"type": "string"}, lives={"type": "integer"})
DOG = obj(("kind",), kind={"type": "string"}, name={"type": "string"}, tricks=array({"type": "string"}))
PET = {
    "oneOf": [{"$ref": "#/components/schemas/Cat"}, {"$ref": "#/components/schemas/Dog"}],
    "discriminator": {"propertyName": "kind"},
}


def test_a_branch_restores_its_values() -> None:
    """Switching keeps common values; switching back restores the values of the branch, and nothing else."""
    form = make_form(PET, {"kind": "Cat", "name": "Tom", "lives": 7}, Cat=CAT, Dog=DOG)
    form.choose("kind", "Dog")
    assert form.body == {"kind": "Dog", "name": "Tom"}
    form.control("name").value = "Rex"
    form.click("More:") if not form.controls("tricks") else None
    form.control("tricks").value = "sit"
    form.choose("kind", "Cat")
    assert form.body == {"kind": "Cat", "name": "Rex", "lives": 7}
    form.control("name").value = ""
    form.choose("kind", "Dog")
    assert form.body == {"kind": "Dog", "tricks": ["sit"]}


def test_a_value_that_matches_no_branch_is_json() -> None:
    """Nothing is lost: the choice is JSON, an editor holds the value, and a value that matches a branch selects it."""
    form = make_form(PET, {"kind": "Bird", "wings": 2}, Cat=CAT, Dog=DOG)
    assert {v: k for k, v in form.control("kind").options}[form.control("kind").value] == "JSON"
    editor = form.control("body")
    assert '"wings": 2' in editor.value
    editor.value = '{"kind": "Cat", "lives": 9}'
    assert form.control("lives").value == "9"
    assert form.body == {"kind": "Cat", "lives": 9}


def test_unions_of_scalars_lists_and_null() -> None:
    """A union of anything: chosen by label, null among the choices, and each with its own control."""
    either = {
        "anyOf": [
            {"type": "integer"},
            array({"type": "string"}),
            obj((), a={"type": "string"}),
            {"type": "null"},
        ]
    }
    form = make_form(obj(("e",), e=either))
    labels = [label for label, _ in form.control("e").options]
    assert labels == ["–", "integer", "list of string", "object", "null", "JSON"]
    form.choose("e", "integer")
    form.controls("e")[1].value = "5"
    assert form.body == {"e": 5}
    form.choose("e", "list of string")
    form.controls("e")[1].value = "a\nb"
    assert form.body == {"e": ["a", "b"]}
    form.choose("e", "null")
    assert form.body == {"e": None}
    form.choose("e", "integer")
    assert form.body == {"e": 5}


def test_unions_inside_unions() -> None:
    """A branch that is a union has a chooser of its own."""
    inner = {"oneOf": [{"type": "integer", "title": "whole"}, {"type": "boolean", "title": "flag"}], "title": "inner"}
    outer = {"oneOf": [obj(("z",), z={"type": "string"}), inner], "title": "outer"}
    form = make_form(obj(("u",), u=outer))
    form.choose("u", "inner")
    inside = form.controls("u")[1]
    inside.value = next(value for label, value in inside.options if label == "flag")
    last = form.controls("u")[2]
    last.value = next(value for label, value in last.options if label == "true")
    assert form.body == {"u": True}
    assert form.status.last_error is None


# --- depth and breadth ------------------------------------------------------------------------------------------------


def test_recursion_is_opened_on_demand() -> None:
    """A tree is opened level by level; a recursive type does not open forever."""
    node = obj((), name={"type": "string"}, children=array({"$ref": "#/components/schemas/Node"}))
    before = len(living)
    form = make_form({"$ref": "#/components/schemas/Node"}, Node=node)
    assert len(living) - before < 12
    for _ in range(5):
        more = [w for w in form.visible() if getattr(w, "description", "").startswith("▸ More")]
        more[-1].click()
        adders = [w for w in form.visible() if getattr(w, "description", "").startswith("+ Add to children")]
        adders[0].click()  # the innermost one
    form.open_all(1)
    assert form.status.last_error is None
    assert str(form.body).count("children") == 5
    assert len(living) - before < 300


def test_required_recursion_does_not_open_forever() -> None:
    """A required object, a tuple and a default branch that contain themselves open some levels deep, then on click."""
    again = {"$ref": "#/components/schemas/Endless"}
    union = {
        "oneOf": [{"$ref": "#/components/schemas/Only"}],
        "discriminator": {"propertyName": "kind"},
        "x-astro-nb-default-branch": "Only",
    }
    only = obj(("kind", "again"), kind={"type": "string"}, again=again)
    for endless in (obj(("again",), again=again), {"type": "array", "prefixItems": [again]}, union):
        before = len(living)
        form = make_form(again, Endless=endless, Only=only)
        assert form.status.last_error is None
        assert 2 < len(living) - before < 120
        form.close()


def test_many_fields_come_sixty_at_a_time_and_by_name() -> None:
    """A body with many fields displays the first sixty, more on click, or those that match a filter."""
    before = len(living)
    form = make_form(obj((), **{f"field{n}": {"type": "string"} for n in range(200)}))
    form.click("More: 200")
    assert len(form.controls("field59")) == 1
    assert not form.controls("field60")
    assert len(living) - before < 140, "two models for each text field: the control, and the box with the text below"
    form.click("Show 60 more of 200")
    assert form.controls("field119")
    search = next(w for w in form.visible() if getattr(w, "description", "") == "Filter fields")
    search.value = "19"
    assert [bool(form.controls(name)) for name in ("field19", "field199", "field18")] == [True, True, False]
    form.control("field199").value = "x"
    assert form.body == {"field199": "x"}


# --- files and bodies that are not JSON -------------------------------------------------------------------------------


def file_from_browser(name: str, content: bytes) -> dict[str, Any]:
    """Return a file as the browser delivers it."""
    return {
        "name": name,
        "type": "text/plain",
        "size": len(content),
        "content": memoryview(content),
        "last_modified": datetime.now(UTC),
    }


def uploads(form: FormDriver) -> list[Any]:
    return [w for w in form.visible() if isinstance(w, widgets.FileUpload)]


def test_files_are_uploads_with_name_and_size() -> None:
    """A file is chosen, listed by name and size, removed; its bytes leave the widget, and JSON only describes it."""
    schema = obj(
        ("one", "many"),
        one={"type": "string", "format": "binary"},
        many=array({"type": "string", "format": "binary"}),
    )
    form = make_form(schema, media_type="multipart/form-data")
    one, many = uploads(form)
    one.value = (file_from_browser("a.txt", b"hello"),)
    many.value = (file_from_browser("b.txt", b"b" * 2048), file_from_browser("c.txt", b"c"))
    many.value = (file_from_browser("d.txt", b"d"),)
    assert one.value == many.value == ()
    assert form.body["one"] == Upload("a.txt", b"hello", "text/plain")
    assert [file.name for file in form.body["many"]] == ["b.txt", "c.txt", "d.txt"]
    assert "→ b.txt, 2.0 KB; c.txt, 1 bytes; d.txt, 1 bytes" in form.text()
    before = form.body
    form.form.set_body_text(form.form.body_text())
    assert form.body == before
    form.click("Remove c.txt")
    form.click("Remove a.txt")
    assert [file.name for file in form.body["many"]] == ["b.txt", "d.txt"]
    assert "one" not in form.body


@pytest.mark.parametrize("media", ["text/plain", "application/xml", "application/soap+xml"])
def test_text_is_typed_as_it_is(media: str) -> None:
    """XML and plain text have a text area, whatever the schema: nothing is parsed as JSON."""
    form = make_form({"type": "object", "properties": {"a": {"type": "string"}}}, media_type=media)
    text = '<a b="1">\n  5\n</a>'
    form.control("body").value = text
    assert form.body == text
    form.control("body").value = "5"
    assert form.body == "5"


def test_bytes_are_an_upload() -> None:
    """A binary body is a chosen file."""
    form = make_form({}, media_type="application/octet-stream")
    uploads(form)[0].value = (file_from_browser("a.bin", b"\x00\xff"),)
    assert form.body == Upload("a.bin", b"\x00\xff", "text/plain")


def test_another_media_type_is_chosen() -> None:
    """Several media types are a list; common values are kept, and the others restored later."""
    content = {
        "application/json": {"schema": obj((), a={}, b={})},
        "multipart/form-data": {"schema": obj((), a={})},
    }
    post = {"operationId": "x", "responses": {}, "requestBody": {"content": content}}
    form = FormDriver(next(iter(Spec({"openapi": "3.1.0", "paths": {"/x": {"post": post}}}))), {"a": 1, "b": 2})

    def choose(media: str) -> None:
        next(w for w in form.visible() if getattr(w, "description", "") == "Body as").value = media

    choose("multipart/form-data")
    assert form.form.to_call() == Call("x", {}, {"a": 1}, "multipart/form-data")
    form.control("a").value = "5"
    choose("application/json")
    assert form.form.to_call() == Call("x", {}, {"a": 5, "b": 2})
    form.form.load_call(Call("x", {}, {"a": 2}, "multipart/form-data"))
    assert form.form.to_call().media_type == "multipart/form-data"


def test_labels_describe_deprecation_and_limits() -> None:
    """Deprecated, write-only, nullable and limits are in the label; a description that repeats the name is not."""
    form = make_form(
        obj(
            ("a", "o"),
            a={"type": ["string", "null"], "deprecated": True, "writeOnly": True, "title": "A"},
            o={
                **obj((), n={"type": "array", "items": {"type": "string"}, "uniqueItems": True}),
                "deprecated": True,
            },
        )
    )
    label = form.control("a").description
    assert all(word in label for word in ("string or null", "deprecated", "write-only", "required"))
    assert "anb-help" not in label
    form.open_all()
    assert "o · deprecated · required" in form.text()
    assert "unique items" in form.text()


def test_an_unresolvable_reference_is_json_and_the_rest_works() -> None:
    """A field with an unresolvable reference is edited as JSON and says so; the other fields are displayed."""
    form = make_form(
        obj(
            ("bad", "rows", "good"),
            bad={"$ref": "#/nowhere"},
            rows=array({"$ref": "#/no"}),
            good={"type": "string"},
        )
    )
    form.control("good").value = "x"
    form.control("bad").value = '{"a": 1}'
    assert "#/nowhere" in form.control("bad").description
    assert form.body == {"good": "x", "bad": {"a": 1}}


# --- secrets ----------------------------------------------------------------------------------------------------------


def test_secrets_are_stored_replaced_and_removed() -> None:
    """A secret is removed, replaced by a template or by null; a value that came as JSON is not displayed."""
    form = make_form(obj(("password",), password={"type": ["string", "null"]}), {"password": "hunter2"})
    control = form.control("password")
    assert "hunter2" not in str(control.get_state())
    form.click("Remove password")
    assert form.body == {}
    for typed, value in (("s3cret", "{{password}}"), ("{{mine}}", "{{mine}}"), ("null", None)):
        control.value = typed
        assert control.value == ""
        assert form.body == {"password": value}
    assert form.secrets == {"password": "s3cret"}


def test_a_list_of_secrets_is_typed_one_by_one() -> None:
    """Items that are secrets are never lines of a text, and each is stored under its own name."""
    form = make_form(obj(("keys",), keys=array({"type": "string", "format": "password"})))
    for number, typed in enumerate(("hunter1", "hunter2"), 1):
        form.click("+ Add to keys")
        control = form.control(f"keys {number}")
        assert isinstance(control, widgets.Password)
        control.value = typed
    assert form.body == {"keys": ["{{keys}}", "{{keys_2}}"]}
    form.control("keys 2").value = "hunter3"
    form.click("Duplicate keys 1")
    form.control("keys 2").value = "hunter4"
    assert form.body == {"keys": ["{{keys}}", "{{keys_3}}", "{{keys_2}}"]}
    assert form.secrets == {"keys": "hunter1", "keys_2": "hunter3", "keys_3": "hunter4"}
    assert not any("hunter" in str(w.get_state()) for w in form.visible())


# --- any schema, any value --------------------------------------------------------------------------------------------


def same(one: Any, other: Any) -> bool:
    """Return whether two values are equal, with 1, 1.0 and true distinguished."""
    return repr(one) == repr(other)


def retype(form: FormDriver) -> None:
    """Type the text of each control again, after another text."""
    for control in [w for w in form.visible() if isinstance(w, widgets.Textarea | widgets.Combobox)]:
        if control.comm is not None and control.value:
            text, control.value = control.value, "{{other}}"
            control.value = text
            assert form.status.last_error is None


@STABLE
@given(SCHEMAS, ANYTHING)
def test_displaying_and_opening_change_nothing(schema: Any, value: Any) -> None:
    """Any value of any schema is displayed, opened and checked, and stays as it is."""
    form = make_form(obj(("v",), v=schema), {"v": copy.deepcopy(value)})
    form.open_all()
    assert form.status.last_error is None
    assert same(form.body, {"v": value})
    form.close()


@STABLE
@given(SCHEMAS, st.data())
def test_a_valid_value_survives_typing_it_again(schema: Any, data: st.DataObject) -> None:
    """Typing the displayed text of a valid value again gives that value; so does its JSON."""
    field = read_field(Spec({"openapi": "3.1.0", "paths": {}}), schema)
    value = data.draw(values_of(field) | st.just(make_sample(field, full=True)))
    form = make_form(obj(("v",), v=schema), {"v": value})
    form.open_all()
    retype(form)
    assert same(form.body, {"v": value})
    form.view.mark({}, str)
    form.form.set_body_text(form.form.body_text())
    assert same(form.body, {"v": value})
    form.close()


@STABLE
@given(TEXTS | st.text())
def test_every_text_is_typed_as_displayed(text: str) -> None:
    """Any text, nullable or not, comes back from its control."""
    for schema in (
        {"type": "string"},
        {"type": ["string", "null"]},
        {"type": ["integer", "null"]},
        {"enum": ["a", 5]},
        {},
    ):
        form = make_form(obj(("v",), v=schema), {"v": text})
        assert same(form.body, {"v": text})
        retype(form)
        if text != "{{other}}":
            assert same(form.body, {"v": text})
        form.close()


# --- documents of other people ----------------------------------------------------------------------------------------


def documents(shared: Path) -> list[Path]:
    """Return the paths of all documents."""
    folders = (shared / "specs", shared / "fixtures" / "real-specs" / "valid")
    return [path for folder in folders for path in sorted(folder.iterdir()) if path.suffix in (".json", ".yaml")]


def test_bodies_of_every_document_are_displayed(shared: Path) -> None:
    """Forms of real documents are displayed, empty and with examples, and opened; their values stay the same."""
    count = 0
    for path in documents(shared):
        bodies = [op for op in load(str(path)) if _has_body(op)]
        for op in bodies[:: max(1, len(bodies) // 25)]:
            form = FormDriver(op)
            form.open_all(2)
            form.form.fill(full=True)
            before = form.form.to_call()
            form.view.draw()
            form._changed()
            form.open_all(2)
            assert form.status.last_error is None, f"{path.name} {op.id}"
            assert form.form.to_call() == before, f"{path.name} {op.id}"
            form.close()
            count += 1
    assert count > 100


def _has_body(operation: Operation) -> bool:
    try:
        return operation.body is not None
    except AstroNbError:
        return False
