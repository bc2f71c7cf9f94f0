"""Forms: unset, null and values, in step with JSON; calls; problems with messages."""

from __future__ import annotations

import copy
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy
import pytest
from support.documents import make_operation, object_schema

from astro_nb.call import UNSET, Call
from astro_nb.environments import Environment, Resolver, Variables
from astro_nb.errors import UsageError
from astro_nb.forms import Form
from astro_nb.openapi import load
from astro_nb.schema import read_field

ASTRO = load("astro-v1")


def as_is(value: Any) -> Any:
    """Resolves nothing."""
    return value


ARRAY = {"type": "array", "items": {"type": "string"}}
NESTED = object_schema((), a=object_schema((), n={"type": "integer"}, m={}), need=object_schema((), k={}), tags=ARRAY)
NUMBER = read_field(ASTRO, {"type": "integer"})


def test_null_is_a_value_and_unset_is_not() -> None:
    """Unset fields are not in the body, null is; empty optional parents are removed, required ones stay."""
    form = Form(make_operation({**NESTED, "required": ["need"]}, required=True))
    assert form.to_call().body == {}
    form.set(("body", "a", "n"), None)
    form.set(("body", "need", "k"), 1)
    assert form.to_call().body == {"a": {"n": None}, "need": {"k": 1}}
    form.set(("body", "a", "n"), UNSET)
    form.set(("body", "need", "k"), UNSET)
    assert form.to_call().body == {"need": {}}
    assert form.get(("body", "a", "n")) is UNSET


def test_an_optional_body_that_is_emptied_is_not_sent() -> None:
    """An optional body is left out when its last field is unset."""
    form = Form(make_operation(NESTED))
    assert form.to_call().body is UNSET
    form.set(("body", "a", "n"), 1)
    form.set(("body", "a", "n"), UNSET)
    assert form.to_call().body is UNSET


def test_an_empty_body_that_was_set_is_sent() -> None:
    """An empty object that was set, typed or loaded stays; unsetting what is unset changes nothing."""
    for given in (
        lambda f: f.set(("body",), {}),
        lambda f: f.set_body_text("{}"),
        lambda f: f.load_call(Call("x", body={})),
    ):
        form = Form(make_operation(NESTED))
        given(form)
        form.set(("body", "a"), UNSET)
        assert form.to_call().body == {}


def test_a_value_that_is_set_is_copied() -> None:
    """A later change in the form does not change the caller's value."""
    form, mine = Form(make_operation(NESTED)), {"tags": ["a"]}
    form.set(("body",), mine)
    form.set(("body", "tags", 0), "b")
    assert mine == {"tags": ["a"]}


def test_items_are_added_in_order() -> None:
    """Setting the item after the last one appends; skipping one raises and changes nothing."""
    form = Form(make_operation(NESTED))
    form.set(("body", "tags", 0), "a")
    form.set(("body", "tags", 1), "b")
    for at in (("body", "tags", 3), ("body", "tags", -1), ("body", "a", 1, "n")):
        with pytest.raises(UsageError) as raised:
            form.set(at, "c")
        assert raised.value.todo
    assert form.to_call().body == {"tags": ["a", "b"]}


def test_input_errors_of_parents_and_moved_rows_are_cleared() -> None:
    """Setting a field clears the error of the whole body; removing a row clears errors in rows."""
    form = Form(
        make_operation(object_schema((), rows={"type": "array", "items": object_schema((), n={"type": "integer"})}))
    )
    form.set_body_text("{")
    form.set(("body", "rows", 0, "n"), 1)
    assert form.input_errors == {}
    form.set_text(("body", "rows", 1, "n"), NUMBER, "x")
    form.set(("body", "rows", 0), UNSET)
    assert form.input_errors == {}
    form.set_body_text("{")
    assert list(form.input_errors) == [("body",)]


@pytest.mark.parametrize(
    "change", [lambda f: f.set_body_text('{"a": {"n": 3}}'), lambda f: f.set(("body", "a"), UNSET)]
)
def test_replacing_a_value_clears_its_input_errors(change: Callable[[Form], None]) -> None:
    """Replacing a part of the body clears the input errors of that part."""
    form = Form(make_operation(NESTED))
    form.set_text(("body", "a", "n"), NUMBER, "x")
    change(form)
    assert form.problems(as_is) == {}


def test_invalid_json_blocks_the_call() -> None:
    """Text that is not JSON is kept and reported, and the earlier body is not sent; empty text unsets it."""
    form = Form(make_operation(NESTED))
    form.set_body_text('{"a": {"n": 1}}')
    form.set_body_text('{"a": ')
    assert form.body_text() == '{"a": '
    assert "not JSON" in form.problems(as_is)[("body",)]
    with pytest.raises(UsageError, match="This is not JSON"):
        form.to_call()
    form.set_body_text("  ")
    assert (form.to_call().body, form.input_errors, form.body_text()) == (UNSET, {}, "")


def test_rows_are_added_and_removed() -> None:
    """Items are added and removed one by one; without items the array is unset."""
    form = Form(make_operation(NESTED))
    assert [form.add_row(("body", "tags"), v) for v in ("x", "y")] == [0, 1]
    form.remove_row(("body", "tags"), 0)
    assert form.to_call().body == {"tags": ["y"]}
    form.remove_row(("body", "tags"), 0)
    assert form.get(("body", "tags")) is UNSET


PARAMETERS = [
    {"name": "id", "in": "query", "required": True, "schema": {"type": "string", "maxLength": 3}},
    {"name": "filter", "in": "query", "schema": object_schema(a={"type": "string"})},
]


def test_a_call_does_not_follow_the_form() -> None:
    """Neither the loaded call nor the one made from the form changes with later input."""
    shown = Call("x", {"filter": {"a": "old"}}, {"tags": ["old"]})
    form, before = Form(make_operation(NESTED, PARAMETERS)), copy.deepcopy(shown)
    form.load_call(shown)
    made = form.to_call()
    form.set(("parameters", "filter", "a"), "new")
    form.set(("body", "tags", 0), "new")
    assert (shown, made) == (before, before)


def test_filling_does_not_change_the_document() -> None:
    """Editing a sample leaves the document's example unchanged; templates stay, input errors are cleared."""
    op = make_operation(object_schema(tags={**ARRAY, "example": ["a"]}), PARAMETERS)
    form = Form(op)
    form.set(("parameters", "id"), "{{id}}")
    form.set_text(("body", "tags"), read_field(ASTRO, ARRAY), "[")
    form.fill(full=True)
    form.set(("body", "tags", 0), "changed")
    assert form.to_call() == Call("x", {"id": "{{id}}"}, {"tags": ["changed"]})
    assert form.input_errors == {}
    form.fill(full=True)
    assert form.to_call().body == {"tags": ["a"]}
    form.clear()
    assert form.to_call() == Call("x")


def test_the_call_names_another_media_type() -> None:
    """The call has a media type only if it is not the default; files do not break the JSON view."""
    upload = {"schema": object_schema(file={"type": "string", "format": "binary"})}
    op = make_operation(NESTED, content={"multipart/form-data": upload})
    assert Form(op).to_call().media_type is None
    form = Form(op, "multipart/form-data")
    form.set(("body", "file"), b"\xff")
    assert form.to_call() == Call("x", {}, {"file": b"\xff"}, "multipart/form-data")
    assert isinstance(form.body_text(), str)
    assert form.problems(as_is) == {}
    form.set_body_text(form.body_text())
    assert form.to_call().body == {"file": b"\xff"}


def test_filling_uses_the_example_of_the_whole_body() -> None:
    """The document's example of the body is used before samples of its fields."""
    whole = {"schema": object_schema(a={"type": "integer", "example": 1}), "example": {"a": 2}}
    form = Form(make_operation({}, media=whole))
    form.fill()
    assert form.to_call().body == {"a": 2}


# --- problems ---------------------------------------------------------------------------------------------------------


def test_problems_by_location() -> None:
    """Required, invalid, unresolved: each has a message at its location; templates are checked after resolving."""
    values = Resolver(Variables(shared={"long": "abcd", "ok": "abc"}), Environment("e"))
    form = Form(make_operation(object_schema(("b",), b={"type": "integer"}), PARAMETERS, required=True))
    assert form.problems(values.resolve) == {
        ("parameters", "id"): "id is required.",
        ("body", "b"): "b is required.",
    }
    form.set(("body", "b"), "{{nope}}")
    for value, message in (
        ("{{long}}", "longer than 3"),
        ("{{o}}", "no variable named 'o'"),
        ("abcd", "longer than 3"),
    ):
        form.set(("parameters", "id"), value)
        found = form.problems(values.resolve)
        assert message in found["parameters", "id"]
        assert "no variable named 'nope'" in found[("body",)]
    form.set(("parameters", "id"), "{{ok}}")
    form.set(("body", "b"), 1)
    assert form.problems(values.resolve) == {}


@pytest.mark.parametrize("value", [b"x", {1, 2}, {1: 2}, float("nan"), "\ud800", Decimal("NaN")])
def test_a_value_that_is_not_json_is_a_problem(value: Any) -> None:
    """It is reported at its field, and neither the check nor the JSON view raises."""
    form = Form(make_operation(object_schema(a={}), PARAMETERS))
    form.set(("body", "a"), value)
    form.set(("parameters", "filter"), [value])
    found = form.problems(as_is)
    assert found["body", "a"].startswith("body.a ")
    assert found["parameters", "filter", 0].startswith("filter.0 ")
    form.body_text().encode()


def test_a_numpy_number_is_no_problem() -> None:
    """A number of NumPy is checked as the number that is sent."""
    form = Form(make_operation(object_schema(a={"type": "integer"})))
    form.set(("body", "a"), numpy.int64(5))
    assert form.problems(as_is) == {}
    assert form.body_text() == '{\n  "a": 5\n}'


def test_broken_rules_are_problems() -> None:
    """A condition of the overlay is reported at its field, by the branch that is chosen."""
    form = Form(ASTRO.operation("CreateEnvironmentObject"))
    form.fill()
    form.set(("body", "objectType"), "CONNECTION")
    form.set(("body", "connection"), UNSET)
    assert "connection is required" in form.problems(as_is)["body", "connection"]


def test_the_field_at_a_location_follows_the_branch() -> None:
    """The field depends on the branch that the values choose, or on the default branch."""
    form = Form(ASTRO.operation("CreateDeployment"))
    assumed = form.field_at(("body", "type"))
    form.set(("body", "type"), "HYBRID")
    chosen = form.field_at(("body", "type"))
    assert [f.info.choices for f in (assumed, chosen) if f] == [("STANDARD",), ("HYBRID",)]
    assert form.field_at(("parameters", "organizationId")) is None
    variable = form.field_at(("body", "environmentVariables", 0, "value"))
    assert variable is not None
    assert variable.secret_when == "isSecret"


@pytest.mark.parametrize("name", ["0", "", "a/b", "~"])
def test_a_problem_under_any_name_is_reported(name: str) -> None:
    """Names of digits and empty names do not raise; the problem is reported as near as possible."""
    inner = {"type": "object", "additionalProperties": {"type": "object", "additionalProperties": {"type": "integer"}}}
    form = Form(make_operation(object_schema(m=inner)))
    form.set(("body", "m"), {name: {name: "x"}})
    (at,) = form.problems(as_is)
    assert at[:2] == ("body", "m")
    assert name == "" or at == ("body", "m", name, name)


def test_items_are_copied_moved_and_renamed() -> None:
    """A copy is independent, a move stops at the ends, and renaming keeps value and position."""
    form = Form(
        make_operation(object_schema(rows={"type": "array", "items": object_schema(n={})}, m={"type": "object"}))
    )
    form.set(("body",), {"rows": [{"n": 1}, {"n": 2}], "m": {"a": 1, "b": 2}})
    assert form.copy_row(("body", "rows"), 0) == 1
    form.set(("body", "rows", 1, "n"), 9)
    assert form.move_row(("body", "rows"), 2, -5) == 0
    assert form.move_row(("body", "rows"), 0, 1) == 1
    assert form.get(("body", "rows")) == [{"n": 1}, {"n": 2}, {"n": 9}]
    form.rename(("body", "m"), "a", "z")
    assert list(form.get(("body", "m")).items()) == [("z", 1), ("b", 2)]
    for taken in ("b", ""):
        with pytest.raises(UsageError) as raised:
            form.rename(("body", "m"), "z", taken)
        assert raised.value.todo
    assert list(form.get(("body", "m"))) == ["z", "b"]


def test_an_example_that_is_there_twice_is_two_values() -> None:
    """A list that a YAML anchor puts in two places is edited in one of them."""
    form, same = Form(make_operation(object_schema(a=ARRAY, b=ARRAY))), ["x"]
    form.set(("body",), {"a": same, "b": same})
    form.set(("body", "a", 0), "y")
    assert form.get(("body",)) == {"a": ["y"], "b": ["x"]}


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("date-time", "2026-03-14 09:30", "The time zone is missing"),
        ("date-time", "2026-03-14", "Add the time"),
        ("date-time", "2026-03-14T09:30Z", "seconds are missing"),
        ("date-time", "2026-03-14 09:30:00Z", "Put a T"),
        ("date-time", "tomorrow", "Begin with the date"),
        ("date", "14.3.2026", "year, month and day"),
        ("uuid", "5", "{{$uuid}}"),
        ("byte", "a b", "not base64"),
        ("int32", 2**31, "32 bits"),
        ("int64", -(2**63) - 1, "64 bits"),
        ("duration", "1h", "PT1H30M"),
        ("email", "ada", "name@host"),
        ("uri", "example.com", "https://"),
    ],
)
def test_format_hints(name: str, value: Any, message: str) -> None:
    """The message says how to correct the value; a valid one has no problem."""
    kind = "integer" if isinstance(value, int) else "string"
    form = Form(make_operation(object_schema(a={"type": kind, "format": name})))
    form.set(("body", "a"), value)
    assert message in form.problems(as_is)["body", "a"]


def test_a_proposed_date_time_is_valid() -> None:
    """The date-time that is proposed for an incomplete one is accepted."""
    form = Form(make_operation(object_schema(a={"type": "string", "format": "date-time"})))
    for typed in ("2026-03-14 09:30", "2026-03-14", "2026-03-14T09:30Z", "x"):
        form.set(("body", "a"), typed)
        proposed = form.problems(as_is)["body", "a"].rpartition("For example ")[2].rstrip(".")
        form.set(("body", "a"), proposed)
        assert form.problems(as_is) == {}
