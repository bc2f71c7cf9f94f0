"""Every construct of a schema as widgets, without a kernel: drawn, opened, typed into, and nothing lost."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import ipywidgets as widgets
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ipywidgets.widgets.widget import _instances as living
from support.schemas import ANYTHING, SCHEMAS, TEXTS
from support.schemas import drawn as values_of

from astro_nb.call import UNSET, Call, Upload
from astro_nb.errors import AstroNbError
from astro_nb.explorer.form import FormView
from astro_nb.explorer.widgets import Status, close_tree
from astro_nb.forms import Form
from astro_nb.openapi import Operation, Spec, load
from astro_nb.schema import make_sample, read_field

STABLE = settings(deadline=None, max_examples=80)


def obj(required: tuple[str, ...] = (), **properties: Any) -> dict[str, Any]:
    """The schema of an object."""
    return {"type": "object", "properties": properties, "required": list(required)}


def rows_of(item: Any, **more: Any) -> dict[str, Any]:
    """The schema of an array."""
    return {"type": "array", "items": item, **more}


class Drawn:
    """A form on a screen that nobody sees: what stands there, and what is done to it."""

    def __init__(self, operation: Operation, body: Any = UNSET) -> None:
        self.form, self.status = Form(operation), Status()
        if body is not UNSET:
            self.form.load_call(Call(operation.id, body=body))
        self.secrets: dict[str, str] = {}
        self.view = FormView(self.form, self.status, lambda field: [], self._keep, self._changed)
        self._changed()

    def _keep(self, text: str, field: Any) -> str:
        self.secrets[field.name] = text
        return f"{{{{{field.name}}}}}"

    def _changed(self) -> None:
        view = getattr(self, "view", None)
        if view is not None:
            self.left = view.mark(self.form.problems(lambda value: value), lambda value: "known")

    @property
    def body(self) -> Any:
        return self.form.to_call().body

    def shown(self) -> list[Any]:
        """Every widget that is on the screen."""

        def seen(widget: Any) -> Iterator[Any]:
            if "anb-hidden" not in widget._dom_classes:
                yield widget
                for child in getattr(widget, "children", ()):
                    yield from seen(child)

        return list(seen(self.view.widget))

    def controls(self, name: str) -> list[Any]:
        """The controls whose label begins with a name."""
        return [w for w in self.shown() if getattr(w, "description", "").startswith(f"<b>{name}</b>")]

    def control(self, name: str) -> Any:
        found = self.controls(name)
        assert found, f"no control {name} among {[getattr(w, 'description', '')[:60] for w in self.shown()]}"
        return found[0]

    def told_at(self, name: str) -> str:
        """What stands at a control: in its label, and below it."""
        control = self.control(name)
        box = next(w for w in self.shown() if control in getattr(w, "children", ()))
        return control.description + " ".join(w.value for w in box.children if isinstance(w, widgets.HTML))

    def press(self, text: str) -> None:
        """Press the first button with this text, or with exactly this tooltip."""
        buttons = [w for w in self.shown() if isinstance(w, widgets.Button) and not w.disabled]
        next(w for w in buttons if text in w.description or text == w.tooltip).click()
        assert self.status.last_error is None

    def choose(self, name: str, text: str) -> None:
        """Choose from a list by what is shown."""
        control = self.control(name)
        control.value = next(value for label, value in control.options if label == text)
        assert self.status.last_error is None

    def open_all(self, levels: int = 4) -> None:
        """Open every group that there is, some levels deep."""
        for _ in range(levels):
            closed = [w for w in self.shown() if getattr(w, "description", "").startswith("▸")]
            for opener in closed[:40]:
                opener.click()
                assert self.status.last_error is None

    def told(self) -> str:
        """All words on the screen."""
        return " ".join(f"{getattr(w, 'description', '')} {getattr(w, 'value', '')}" for w in self.shown())

    def close(self) -> None:
        close_tree(self.view.widget)


def operation(schema: Any, media: str = "application/json", required: bool = True, **parts: Any) -> Operation:
    """An operation whose body has this schema; `parts` are the document's named schemas."""
    post = {"operationId": "x", "responses": {}}
    post["requestBody"] = {"required": required, "content": {media: {"schema": schema}}}  # type: ignore[assignment]  # plain data
    document = {"openapi": "3.1.0", "paths": {"/x": {"post": post}}, "components": {"schemas": parts}}
    return next(iter(Spec(document)))


def drawn(schema: Any, body: Any = UNSET, **more: Any) -> Drawn:
    """The form of a body with this schema."""
    return Drawn(operation(schema, **more), body)


# --- names that are free ----------------------------------------------------------------------------------------------

TAGS = obj((), tags={"type": "object", "additionalProperties": {"type": "string"}})


def test_free_names_are_added_named_and_removed() -> None:
    """A row gets a value before or after its name; without a name nothing is sent, and the row says so."""
    form = drawn(TAGS)
    form.press("More:")
    form.press("+ Add to tags")
    form.control("Value").value = "emea"
    assert form.body == {}
    assert "Sent once it has a name" in form.told()
    form.control("Name").value = "region"
    assert form.body == {"tags": {"region": "emea"}}
    form.control("Value").value = "apac"
    assert form.body == {"tags": {"region": "apac"}}
    form.press("Duplicate")
    form.controls("Name")[1].value = "home"
    assert form.body == {"tags": {"region": "apac", "home": "apac"}}
    form.press("Remove")
    form.press("Remove")
    assert form.body == {}


def test_a_name_is_changed_in_place() -> None:
    """Renaming keeps value and place; a name that is taken or empty is told beside it, and nothing is lost."""
    form = drawn(TAGS, {"tags": {"a": "1", "b": "2"}})
    first = form.controls("Name")[0]
    first.value = "c"
    assert list(form.body["tags"].items()) == [("c", "1"), ("b", "2")]
    for wrong, told in (("b", "b already exists"), ("", "Enter a name")):
        first.value = wrong
        assert told in first.description
        assert form.body == {"tags": {"c": "1", "b": "2"}}
    first.value = "d"
    assert "anb-problem" not in first.description
    form.control("Value").value = "9"
    assert list(form.body["tags"].items()) == [("d", "9"), ("b", "2")]


def test_names_beside_declared_ones_are_free_where_the_schema_says_so() -> None:
    """An object with fields of its own has rows for the others; a declared name is no free one."""
    schema = {**obj((), name={"type": "string"}), "additionalProperties": {"type": "integer"}}
    form = drawn(schema, {"name": "n", "x": 1})
    assert form.control("Name").value == "x"
    form.control("Name").value = "name"
    assert "name already exists" in form.control("Name").description
    form.control("Value").value = "7"
    assert form.body == {"name": "n", "x": 7}


@pytest.mark.parametrize(
    "value", [5, "5", "text", True, "true", None, "null", "", {"a": [1]}, [1, "x"], '"q"', "{{x}}"]
)
def test_any_value_under_a_free_name_goes_round(value: Any) -> None:
    """Typed JSON is a value, other text is text; what is shown means the value that is there."""
    form = drawn({"type": "object"}, {"k": value})
    control = form.control("Value")
    text, control.value = control.value, "other"
    assert form.body == {"k": "other"}
    control.value = text
    assert form.body == {"k": value}
    assert type(form.body["k"]) is type(value)


def test_what_no_control_shows_is_kept_and_told() -> None:
    """Undeclared names, read-only values, and values of another shape are there, in words, and stay."""
    schema = obj((), a={"type": "string"}, r={"type": "string", "readOnly": True}, o=obj((), n={"type": "integer"}))
    body = {"a": "x", "r": "kept", "zz": 1, "o": "text"}
    form = drawn(schema, body)
    assert "2 more values are set in JSON: r, zz" in form.told()
    assert form.control("o").value == "text"
    assert "edit it as JSON" in form.control("o").description
    form.control("a").value = "y"
    assert form.body == {**body, "a": "y"}
    form.control("o").value = '{"n": 5}'
    assert form.control("n").value == "5"
    assert form.body["o"] == {"n": 5}


# --- rows -------------------------------------------------------------------------------------------------------------

QUEUES = obj((), queues=rows_of(obj(("name",), name={"type": "string"}, size={"type": "integer"}), maxItems=3))


def test_rows_are_copied_moved_and_removed() -> None:
    """An entry is told by its number and its name; it is copied, moved with the focus, and removed."""
    form = drawn(QUEUES, {"queues": [{"name": "a"}, {"name": "b"}]})
    assert "queues 2: b" in form.told()
    form.press("Move down queues 1")
    assert [q["name"] for q in form.body["queues"]] == ["b", "a"]
    assert "queues 1: b" in form.told()
    form.press("Duplicate queues 2")
    assert [q["name"] for q in form.body["queues"]] == ["b", "a", "a"]
    add = next(w for w in form.shown() if getattr(w, "description", "") == "+ Add to queues")
    assert add.disabled
    form.controls("name")[2].value = "c"
    form.press("Move up queues 3")
    form.press("Remove queues 1")
    assert [q["name"] for q in form.body["queues"]] == ["c", "a"]
    assert not add.disabled
    assert "at most 3 items" in form.told()


def test_empty_and_null_are_reached_by_buttons() -> None:
    """The empty list, the empty object and null are values beside unset, and are shown."""
    schema = obj((), q={**QUEUES["properties"]["queues"], "type": ["array", "null"]}, o={"type": ["object", "null"]})
    form = drawn(schema, {"q": [{"name": "a"}], "o": {"a": 1}})
    form.press("Set to empty list: q")
    form.press("Set to empty object: o")
    assert form.body == {"q": [], "o": {}}
    assert "empty list" in form.told()
    assert "empty object" in form.told()
    form.press("Set to null: q")
    form.press("Set to null: o")
    assert form.body == {"q": None, "o": None}
    form.press("Unset: q")
    form.press("Unset: o")
    assert form.body == {}


def test_lists_of_lists_of_unions_and_of_maps_are_rows() -> None:
    """Whatever an entry is, it is drawn by its own kind."""
    union = {"oneOf": [{"type": "integer"}, obj(("k",), k={"type": "string"})]}
    schema = obj(
        ("m", "u", "n"), m=rows_of(rows_of({"type": "integer"})), u=rows_of(union), n=rows_of({"type": "object"})
    )
    form = drawn(schema)
    form.press("+ Add to m")
    form.control("m 1").value = "1\n2"
    form.press("+ Add to u")
    form.choose("u 1", "object")
    form.control("k").value = "v"
    form.press("+ Add to n")
    form.press("+ Add to n 1")
    form.control("Name").value = "a"
    form.control("Value").value = "[1]"
    assert form.body == {"m": [[1, 2]], "u": [{"k": "v"}], "n": [{"a": [1]}]}


def test_a_tuple_has_a_row_for_each_place() -> None:
    """The next position appears when the one before it is filled, each with its own field."""
    form = drawn(
        obj(("p",), p={"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}], "items": False})
    )
    form.control("p 1").value = "x"
    form.control("p 2").value = "5"
    assert form.body == {"p": ["x", 5]}
    assert not [w for w in form.shown() if "+ Add" in getattr(w, "description", "") and not w.disabled]


def test_entries_of_a_choice_are_chosen() -> None:
    """A list of allowed values is typed by line or chosen one by one; another value is told."""
    form = drawn(obj(("c",), c=rows_of({"enum": ["RED", "BLUE"]})))
    adder = next(w for w in form.shown() if "anb-adder" in w._dom_classes)
    adder.value = "BLUE"
    adder.value = "RED"
    assert form.body == {"c": ["BLUE", "RED"]}
    form.control("c").value = "GREEN"
    assert "GREEN" in form.told_at("c")


# --- null and empty texts ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "value", "state"),
    [("null", None, "null"), ('"null"', "null", ""), ('""', "", "empty text"), ("", UNSET, ""), ('"a"', '"a"', "")],
)
def test_a_nullable_text_has_all_its_states(typed: str, value: Any, state: str) -> None:
    """Null, the text "null", the empty text and unset are typed, told apart, and shown again as they were typed."""
    form = drawn(obj(("t",), t={"type": ["string", "null"]}))
    form.control("t").value = "before"
    form.control("t").value = typed
    assert form.form.get(("body", "t")) == value
    assert ("anb-state" in form.told_at("t")) == bool(state)
    assert state in form.told_at("t")
    form.view.draw()
    assert form.control("t").value == typed


# --- unions -----------------------------------------------------------------------------------------------------------

CAT = obj(("kind",), kind={"type": "string"}, name={"type": "string"}, lives={"type": "integer"})
DOG = obj(("kind",), kind={"type": "string"}, name={"type": "string"}, tricks=rows_of({"type": "string"}))
PET = {
    "oneOf": [{"$ref": "#/components/schemas/Cat"}, {"$ref": "#/components/schemas/Dog"}],
    "discriminator": {"propertyName": "kind"},
}


def test_a_branch_gets_back_what_it_had() -> None:
    """Switching keeps what both know, and on the way back the branch has its own again, and nothing else."""
    form = drawn(PET, {"kind": "Cat", "name": "Tom", "lives": 7}, Cat=CAT, Dog=DOG)
    form.choose("kind", "Dog")
    assert form.body == {"kind": "Dog", "name": "Tom"}
    form.control("name").value = "Rex"
    form.press("More:") if not form.controls("tricks") else None
    form.control("tricks").value = "sit"
    form.choose("kind", "Cat")
    assert form.body == {"kind": "Cat", "name": "Rex", "lives": 7}
    form.control("name").value = ""
    form.choose("kind", "Dog")
    assert form.body == {"kind": "Dog", "tricks": ["sit"]}


def test_a_value_that_fits_no_branch_is_json() -> None:
    """Nothing is lost: the chooser says JSON, the value stands in an editor, and one that fits is taken up."""
    form = drawn(PET, {"kind": "Bird", "wings": 2}, Cat=CAT, Dog=DOG)
    assert {v: k for k, v in form.control("kind").options}[form.control("kind").value] == "JSON"
    editor = form.control("body")
    assert '"wings": 2' in editor.value
    editor.value = '{"kind": "Cat", "lives": 9}'
    assert form.control("lives").value == "9"
    assert form.body == {"kind": "Cat", "lives": 9}


def test_unions_of_scalars_lists_and_null() -> None:
    """A union of anything: chosen by label, null among the choices, and each with its own control."""
    either = {
        "anyOf": [{"type": "integer"}, rows_of({"type": "string"}), obj((), a={"type": "string"}), {"type": "null"}]
    }
    form = drawn(obj(("e",), e=either))
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
    form = drawn(obj(("u",), u=outer))
    form.choose("u", "inner")
    inside = form.controls("u")[1]
    inside.value = next(value for label, value in inside.options if label == "flag")
    last = form.controls("u")[2]
    last.value = next(value for label, value in last.options if label == "true")
    assert form.body == {"u": True}
    assert form.status.last_error is None


# --- depth and breadth ------------------------------------------------------------------------------------------------


def test_recursion_is_opened_on_demand() -> None:
    """A tree is opened level by level; a type that needs itself does not open for ever."""
    node = obj((), name={"type": "string"}, children=rows_of({"$ref": "#/components/schemas/Node"}))
    before = len(living)
    form = drawn({"$ref": "#/components/schemas/Node"}, Node=node)
    assert len(living) - before < 12
    for _ in range(5):
        more = [w for w in form.shown() if getattr(w, "description", "").startswith("▸ More")]
        more[-1].click()
        adders = [w for w in form.shown() if getattr(w, "description", "").startswith("+ Add to children")]
        adders[0].click()  # the innermost one
    form.open_all(1)
    assert form.status.last_error is None
    assert str(form.body).count("children") == 5
    assert len(living) - before < 300


def test_what_needs_itself_does_not_open_for_ever() -> None:
    """A required object, a tuple, an assumed branch that hold themselves open some levels deep, then by hand."""
    again = {"$ref": "#/components/schemas/Endless"}
    union = {
        "oneOf": [{"$ref": "#/components/schemas/Only"}],
        "discriminator": {"propertyName": "kind"},
        "x-astro-nb-default-branch": "Only",
    }
    only = obj(("kind", "again"), kind={"type": "string"}, again=again)
    for endless in (obj(("again",), again=again), {"type": "array", "prefixItems": [again]}, union):
        before = len(living)
        form = drawn(again, Endless=endless, Only=only)
        assert form.status.last_error is None
        assert 2 < len(living) - before < 120
        form.close()


def test_many_fields_come_sixty_at_a_time_and_by_name() -> None:
    """A broad body draws what is asked for: the first sixty, more of them, or those of a name."""
    before = len(living)
    form = drawn(obj((), **{f"field{n}": {"type": "string"} for n in range(200)}))
    form.press("More: 200")
    assert len(form.controls("field59")) == 1
    assert not form.controls("field60")
    assert len(living) - before < 140, "two models a field that is typed into: the control, and the box of what is told"
    form.press("Show 60 more of 200")
    assert form.controls("field119")
    search = next(w for w in form.shown() if getattr(w, "description", "") == "Filter fields")
    search.value = "19"
    assert [bool(form.controls(name)) for name in ("field19", "field199", "field18")] == [True, True, False]
    form.control("field199").value = "x"
    assert form.body == {"field199": "x"}


# --- files and bodies that are no JSON --------------------------------------------------------------------------------


def chosen(name: str, content: bytes) -> dict[str, Any]:
    """A file as the browser hands it over."""
    return {
        "name": name,
        "type": "text/plain",
        "size": len(content),
        "content": memoryview(content),
        "last_modified": datetime.now(UTC),
    }


def uploads(form: Drawn) -> list[Any]:
    return [w for w in form.shown() if isinstance(w, widgets.FileUpload)]


def test_files_are_uploads_with_name_and_size() -> None:
    """A file is chosen, told by name and size, removed; its bytes leave the widget, and JSON only tells of it."""
    schema = obj(
        ("one", "many"),
        one={"type": "string", "format": "binary"},
        many=rows_of({"type": "string", "format": "binary"}),
    )
    form = drawn(schema, media="multipart/form-data")
    one, many = uploads(form)
    one.value = (chosen("a.txt", b"hello"),)
    many.value = (chosen("b.txt", b"b" * 2048), chosen("c.txt", b"c"))
    many.value = (chosen("d.txt", b"d"),)
    assert one.value == many.value == ()
    assert form.body["one"] == Upload("a.txt", b"hello", "text/plain")
    assert [file.name for file in form.body["many"]] == ["b.txt", "c.txt", "d.txt"]
    assert "→ b.txt, 2.0 KB; c.txt, 1 bytes; d.txt, 1 bytes" in form.told()
    before = form.body
    form.form.set_body_text(form.form.body_text())
    assert form.body == before
    form.press("Remove c.txt")
    form.press("Remove a.txt")
    assert [file.name for file in form.body["many"]] == ["b.txt", "d.txt"]
    assert "one" not in form.body


@pytest.mark.parametrize("media", ["text/plain", "application/xml", "application/soap+xml"])
def test_text_is_typed_as_it_is(media: str) -> None:
    """XML and plain text are an area of text, whatever the schema says: nothing is read as JSON."""
    form = drawn({"type": "object", "properties": {"a": {"type": "string"}}}, media=media)
    text = '<a b="1">\n  5\n</a>'
    form.control("body").value = text
    assert form.body == text
    form.control("body").value = "5"
    assert form.body == "5"


def test_bytes_are_an_upload() -> None:
    """A body of bytes is a file that is chosen."""
    form = drawn({}, media="application/octet-stream")
    uploads(form)[0].value = (chosen("a.bin", b"\x00\xff"),)
    assert form.body == Upload("a.bin", b"\x00\xff", "text/plain")


def test_another_media_type_is_chosen() -> None:
    """An operation that takes several has a list of them; what both know goes along, and the rest is back later."""
    content = {"application/json": {"schema": obj((), a={}, b={})}, "multipart/form-data": {"schema": obj((), a={})}}
    post = {"operationId": "x", "responses": {}, "requestBody": {"content": content}}
    form = Drawn(next(iter(Spec({"openapi": "3.1.0", "paths": {"/x": {"post": post}}}))), {"a": 1, "b": 2})

    def choose(media: str) -> None:
        next(w for w in form.shown() if getattr(w, "description", "") == "Body as").value = media

    choose("multipart/form-data")
    assert form.form.to_call() == Call("x", {}, {"a": 1}, "multipart/form-data")
    form.control("a").value = "5"
    choose("application/json")
    assert form.form.to_call() == Call("x", {}, {"a": 5, "b": 2})
    form.form.load_call(Call("x", {}, {"a": 2}, "multipart/form-data"))
    assert form.form.to_call().media_type == "multipart/form-data"


def test_labels_say_what_the_document_warns_of() -> None:
    """Deprecated, write-only, nullable, limits: in words; a description that only repeats the name is left out."""
    form = drawn(
        obj(
            ("a", "o"),
            a={"type": ["string", "null"], "deprecated": True, "writeOnly": True, "title": "A"},
            o={**obj((), n={"type": "array", "items": {"type": "string"}, "uniqueItems": True}), "deprecated": True},
        )
    )
    label = form.control("a").description
    assert all(word in label for word in ("string or null", "deprecated", "write-only", "required"))
    assert "anb-help" not in label
    form.open_all()
    assert "o · deprecated · required" in form.told()
    assert "unique items" in form.told()


def test_what_cannot_be_read_is_json_and_costs_the_rest_nothing() -> None:
    """A reference that leads nowhere is one field as JSON that says so; its neighbours are drawn."""
    form = drawn(
        obj(("bad", "rows", "good"), bad={"$ref": "#/nowhere"}, rows=rows_of({"$ref": "#/no"}), good={"type": "string"})
    )
    form.control("good").value = "x"
    form.control("bad").value = '{"a": 1}'
    assert "#/nowhere" in form.control("bad").description
    assert form.body == {"good": "x", "bad": {"a": 1}}


# --- secrets ----------------------------------------------------------------------------------------------------------


def test_secrets_are_held_replaced_and_removed() -> None:
    """A secret can be taken out again, a template is one, null may be; a value that came as JSON is not shown."""
    form = drawn(obj(("password",), password={"type": ["string", "null"]}), {"password": "hunter2"})
    control = form.control("password")
    assert "hunter2" not in str(control.get_state())
    form.press("Remove password")
    assert form.body == {}
    for typed, value in (("s3cret", "{{password}}"), ("{{mine}}", "{{mine}}"), ("null", None)):
        control.value = typed
        assert control.value == ""
        assert form.body == {"password": value}
    assert form.secrets == {"password": "s3cret"}


def test_a_list_of_secrets_is_typed_one_by_one() -> None:
    """Entries that are secrets are never lines of a text, and each is held under a name of its own."""
    form = drawn(obj(("keys",), keys=rows_of({"type": "string", "format": "password"})))
    for number, typed in enumerate(("hunter1", "hunter2"), 1):
        form.press("+ Add to keys")
        control = form.control(f"keys {number}")
        assert isinstance(control, widgets.Password)
        control.value = typed
    assert form.body == {"keys": ["{{keys}}", "{{keys_2}}"]}
    form.control("keys 2").value = "hunter3"
    form.press("Duplicate keys 1")
    form.control("keys 2").value = "hunter4"
    assert form.body == {"keys": ["{{keys}}", "{{keys_3}}", "{{keys_2}}"]}
    assert form.secrets == {"keys": "hunter1", "keys_2": "hunter3", "keys_3": "hunter4"}
    assert not any("hunter" in str(w.get_state()) for w in form.shown())


# --- any schema, any value --------------------------------------------------------------------------------------------


def same(one: Any, other: Any) -> bool:
    """Whether two values are alike, 1, 1.0 and true told apart."""
    return repr(one) == repr(other)


def retype(form: Drawn) -> None:
    """Type what stands in each control into it once more, after something else."""
    for control in [w for w in form.shown() if isinstance(w, widgets.Textarea | widgets.Combobox)]:
        if control.comm is not None and control.value:
            text, control.value = control.value, "{{other}}"
            control.value = text
            assert form.status.last_error is None


@STABLE
@given(SCHEMAS, ANYTHING)
def test_drawing_and_opening_change_nothing(schema: Any, value: Any) -> None:
    """Whatever the schema and whatever the value: it is drawn, opened, checked, and stays as it is."""
    form = drawn(obj(("v",), v=schema), {"v": copy.deepcopy(value)})
    form.open_all()
    assert form.status.last_error is None
    assert same(form.body, {"v": value})
    form.close()


@STABLE
@given(SCHEMAS, st.data())
def test_a_valid_value_is_shown_and_typed_again(schema: Any, data: st.DataObject) -> None:
    """What each control shows of a valid value, typed again, is that value; so is the JSON of the whole."""
    field = read_field(Spec({"openapi": "3.1.0", "paths": {}}), schema)
    value = data.draw(values_of(field) | st.just(make_sample(field, full=True)))
    form = drawn(obj(("v",), v=schema), {"v": value})
    form.open_all()
    retype(form)
    assert same(form.body, {"v": value})
    form.view.mark({}, str)
    form.form.set_body_text(form.form.body_text())
    assert same(form.body, {"v": value})
    form.close()


@STABLE
@given(TEXTS | st.text())
def test_every_text_is_typed_as_it_is_shown(text: str) -> None:
    """A text of any kind, nullable or not, comes back from its control."""
    for schema in (
        {"type": "string"},
        {"type": ["string", "null"]},
        {"type": ["integer", "null"]},
        {"enum": ["a", 5]},
        {},
    ):
        form = drawn(obj(("v",), v=schema), {"v": text})
        assert same(form.body, {"v": text})
        retype(form)
        if text != "{{other}}":
            assert same(form.body, {"v": text})
        form.close()


# --- the documents of others ------------------------------------------------------------------------------------------


def documents(shared: Path) -> list[Path]:
    """Every document that there is, great and small."""
    folders = (shared / "specs", shared / "fixtures" / "real-specs" / "valid")
    return [path for folder in folders for path in sorted(folder.iterdir()) if path.suffix in (".json", ".yaml")]


def test_every_body_of_every_document_is_drawn(shared: Path) -> None:
    """Forms of real documents: drawn empty and with examples, opened, and their values are as they were."""
    count = 0
    for path in documents(shared):
        bodies = [op for op in load(str(path)) if _has_body(op)]
        for op in bodies[:: max(1, len(bodies) // 25)]:
            form = Drawn(op)
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
