"""Tables have their dtypes from the schema, and lose nothing that does not fit it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from astro_nb.exchange.display import items_frame
from astro_nb.frames import TIME, make_frame
from astro_nb.openapi import load
from astro_nb.schema import Field, read_field, response_field

SPEC = load()
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "count": {"type": "integer"},
        "share": {"type": "number"},
        "on": {"type": "boolean"},
        "state": {"type": "string", "enum": ["A", "B"]},
        "level": {"enum": [1, "two"]},
        "at": {"type": "string", "format": "date-time"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "by": {"type": "object", "properties": {"id": {"type": "string"}, "age": {"type": "integer"}}},
    },
}
ITEM = read_field(SPEC, SCHEMA)
WHOLE = {
    "id": "a", "count": 5, "share": 0.5, "on": True, "state": "A", "level": 1, "at": "2026-06-01T09:00:00Z",
    "tags": ["x", "y"], "by": {"id": "u1", "age": 7},
}  # fmt: skip


def dtype(frame: Any, column: str) -> str:
    return str(frame[column].dtype)


def test_dtypes_come_from_the_schema() -> None:
    """Every scalar has the nullable dtype of its schema; objects spread one step; lists stay as they are."""
    frame = items_frame([WHOLE, {"id": "b"}], ITEM)
    wanted = {
        "id": "string", "count": "Int64", "share": "Float64", "on": "boolean", "state": "string", "level": "object",
        "at": TIME, "tags": "object", "by.id": "string", "by.age": "Int64",
    }  # fmt: skip
    assert {column: dtype(frame, column) for column in frame} == wanted
    assert frame["tags"][0] == ["x", "y"]
    assert frame["count"].isna().tolist() == [False, True]


def test_columns_stand_in_the_documents_order_behind_the_lead() -> None:
    """The lead comes first, then the schema's order, then what the document does not know; no column is lost."""
    frame = items_frame([{"extra": 1, "by": {"id": "u"}, "id": "a"}], ITEM, leading=("state", "missing", "id"))
    known = [name for name in SCHEMA["properties"] if name not in ("state", "id", "by")]
    assert list(frame.columns) == ["state", "id", *known, "by.id", "extra"]


@pytest.mark.parametrize("items", [[], [{}], [None], ["text"], [5, {"id": "a"}], [[1, 2]], [{"by": None}]])
def test_odd_items_make_a_table_all_the_same(items: list[Any]) -> None:
    """A list of anything has one row per item."""
    assert len(items_frame(items, ITEM)) == len(items_frame(items)) == len(items)


def test_an_empty_list_has_the_columns_of_the_document() -> None:
    """An empty list has the same columns and dtypes, so that later code works on it."""
    frame = items_frame([], ITEM)
    assert dtype(frame, "at") == TIME
    assert dtype(frame, "count") == "Int64"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("count", 1.5),
        ("count", "many"),
        ("count", 2**64 - 1),
        ("count", True),
        ("share", "half"),
        ("share", 2**64 - 1),
        ("on", "yes"),
        ("at", "tomorrow"),
        ("at", "9999-12-31T23:59:59Z"),
        ("at", 12),
        ("id", ["a", "b"]),
        ("id", 5),
        ("by", "nobody"),
        ("state", {"code": 3}),
    ],
)
def test_values_that_do_not_convert_are_unchanged(name: str, value: Any) -> None:
    """A value that violates the schema is in the table unchanged: responses are shown, never corrected."""
    frame = items_frame([WHOLE, {**WHOLE, name: value}], ITEM)
    if isinstance(value, dict):
        assert frame[f"{name}.code"][1] == value["code"]
        return
    kept = frame[name][1]
    assert kept == value
    assert type(kept) in (type(value), str) or not isinstance(value, str | list)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object"},
        {"type": "object", "additionalProperties": {"type": "string"}},
        {"oneOf": [{"type": "object", "properties": {"a": {"type": "string"}}}, {"type": "object"}]},
        {},
    ],
)
def test_items_without_declared_columns_have_their_own_alone(schema: dict[str, Any]) -> None:
    """Objects whose schema declares no properties have a column for each name in them."""
    assert list(items_frame([{"a": "1", "b": "2"}], read_field(SPEC, schema)).columns) == ["a", "b"]


def test_scalars_fill_one_column() -> None:
    """A list of plain values is one column named "value", with its dtype."""
    frame = items_frame(["a", "b"], read_field(SPEC, {"type": "string"}))
    assert list(frame.columns) == ["value"]
    assert dtype(frame, "value") == "string"


def test_records_have_exactly_the_columns_asked_for() -> None:
    """`records_frame` has these columns in this order, the missing values empty, and an index where one is named."""
    frame = make_frame(iter([{"a": 1, "z": 9}, {"b": "x"}]), {"a": "Int64", "b": "string"})
    assert list(frame.columns) == ["a", "b"]
    assert frame["a"].isna().tolist() == [False, True]
    assert make_frame([{"a": 1, "b": "x"}], {"a": "Int64", "b": "string"}, index="b").index.tolist() == ["x"]
    assert len(make_frame([], {"a": "Int64"})) == 0


def test_times_of_all_offsets_are_utc() -> None:
    """Times with different offsets and precisions are one column in UTC."""
    texts = ["2026-06-01T09:00:00Z", "2026-06-01T11:00:00.123456+02:00", None]
    column = items_frame([{"at": text} for text in texts], ITEM)["at"]
    assert str(column.dtype) == TIME
    assert column.dt.hour.tolist()[:2] == [9, 9]


def _lists() -> list[tuple[str, Field]]:
    found = []
    for operation in SPEC:
        key = operation.extensions.page.items if operation.extensions.page else None
        field = response_field(operation, 200)
        child = field.child(key) if field and key else None
        if child and child.item:
            found.append((operation.id, child.item))
    return found


@pytest.mark.parametrize(("name", "item"), _lists(), ids=[name for name, _ in _lists()])
def test_every_list_of_the_document_has_a_table(name: str, item: Field) -> None:
    """Each list operation's items, even none, make a table whose columns are the document's."""
    frame = items_frame([], item)
    assert {c.name for c in item.children if c.kind not in ("object", "map")} <= set(frame.columns)


SCALARS = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(max_size=12)
VALUES = SCALARS | st.lists(SCALARS, max_size=2) | st.dictionaries(st.text(max_size=4), SCALARS, max_size=2)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.dictionaries(st.sampled_from([*SCHEMA["properties"], "new"]), VALUES), max_size=4))
def test_whatever_comes_is_a_table(items: list[dict[str, Any]]) -> None:
    """Any response, however far from its schema, can be made a table."""
    assert len(items_frame(items, ITEM)) == len(items)
