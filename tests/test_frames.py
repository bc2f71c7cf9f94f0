"""Tables have their dtypes from the schema, and lose nothing that does not fit it."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from astro_nb.exchange.display import items_frame
from astro_nb.frames import TIME, first_rows, make_frame
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


NAMES = st.text("ab.", min_size=1, max_size=4)
NESTED = st.recursive(st.integers(), lambda inner: st.dictionaries(NAMES, inner, max_size=3), max_leaves=6)
KINDS = st.sampled_from([{}, {"type": "object"}, {"type": "object", "properties": {"a": {}, "b": {}, "a.b": {}}}])


@settings(deadline=None, max_examples=150)
@given(st.lists(st.dictionaries(NAMES, NESTED, max_size=4), max_size=3), st.dictionaries(NAMES, KINDS, max_size=3))
def test_no_value_is_lost_or_in_two_columns(items: list[dict[str, Any]], properties: dict[str, Any]) -> None:
    """Names with dots, next to objects that would be spread to them: each value is in one column of its own."""
    for field in (None, read_field(SPEC, {"type": "object", "properties": properties})):
        frame = items_frame(items, field)
        assert frame.columns.is_unique
        for item, row in zip(items, first_rows(frame, len(items)), strict=True):
            cells = dict(zip(frame.columns, row, strict=True))
            for name, value in item.items():
                whole = cells.get(name) == value and (name in cells)
                spread = isinstance(value, dict) and all(cells.get(f"{name}.{key}") == v for key, v in value.items())
                assert whole or spread
            filled = [value for value in cells.values() if value is not None]
            leaves = sum(1 if cells.get(k) == v else len(v) for k, v in item.items())
            assert len(filled) <= leaves


def test_a_literal_name_is_not_a_nested_one() -> None:
    """Where `a.b` is a name of its own, the object `a` stays whole, in every row; others are spread as before."""
    frame = items_frame([{"a": {"b": 1}, "c": {"d": 2}}, {"a.b": 3}])
    assert list(frame.columns) == ["a", "c.d", "a.b"]
    assert frame["a"][0] == {"b": 1}
    mixed = items_frame([5, {"value": 6}])
    assert list(mixed.columns) == ["(value)", "value"]


def test_a_free_value_is_one_column() -> None:
    """An object whose names are not declared may have others in each item: it is one column, not many empty ones."""
    properties = {"free": {}, "map": {"type": "object"}, "by": {"type": "object", "properties": {"id": {}}}}
    field = read_field(SPEC, {"type": "object", "properties": properties})
    items = [{"free": {f"k{n}": n}, "map": {f"m{n}": n}, "by": {"id": n, "more": n}} for n in range(3)]
    frame = items_frame(items, field)
    assert set(frame.columns) == {"free", "map", "by.id", "by.more"}
    assert frame["free"].tolist() == [{"k0": 0}, {"k1": 1}, {"k2": 2}]


@pytest.mark.parametrize(
    "extreme",
    ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", "1677-01-01T00:00:00+05:00", "2262-04-12T00:00:00Z"],
)
def test_an_extreme_time_leaves_a_column_of_times(extreme: str) -> None:
    """Nanoseconds hold 1677 to 2262 only: the column has microseconds then, and every time is exact."""
    column = items_frame([{"at": text} for text in ("2026-06-01T11:00:00.123456+02:00", extreme, None)], ITEM)["at"]
    assert str(column.dtype) == "datetime64[us, UTC]"
    assert column[0].isoformat() == "2026-06-01T09:00:00.123456+00:00"
    assert column[1] == datetime.fromisoformat(extreme)
    assert column.isna().tolist() == [False, False, True]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "today",
        "NaT",
        "2026",
        "20260601",
        "2026-06-01T09:00:00.1234567891Z",
        "2026-06-01T23:59:60Z",
        "01/02/2026",
    ],
)
def test_what_is_no_time_is_unchanged(text: str) -> None:
    """pandas would read some of these, as the present time or as a missing one, and cut a long fraction."""
    frame = items_frame([{"at": "2026-06-01T09:00:00Z"}, {"at": text}], ITEM)
    assert frame["at"].tolist() == ["2026-06-01T09:00:00Z", text]


@pytest.mark.parametrize("value", [float("nan"), Decimal("0.12345678901234567890"), 10**30])
def test_odd_numbers_are_unchanged(value: Any) -> None:
    """A column of numbers has dtype object rather than another number, or none."""
    for name in ("count", "share"):
        found = items_frame([{name: 1}, {name: value}], ITEM)[name][1]
        assert repr(found) == repr(value)
