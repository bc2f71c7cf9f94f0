"""JSON read and written with every number exact, whatever is unusual about the text."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from astro_nb.call import UNSET
from astro_nb.json_text import MAX_NOTES, JsonError, has_infinite, is_whole, parse_number, read_json, write_json

STEADY = settings(deadline=None, max_examples=150)
DIGITS = st.text("0123456789", min_size=1, max_size=40).map(lambda text: text.lstrip("0") or "0")
NUMBERS = st.builds(
    lambda sign, whole, fraction, exponent: f"{sign}{whole}{fraction}{exponent}",
    st.sampled_from(["", "-"]),
    DIGITS,
    st.one_of(st.just(""), st.text("0123456789", min_size=1, max_size=30).map(lambda text: f".{text}")),
    st.one_of(st.just(""), st.builds("{}{}".format, st.sampled_from(["e", "E", "e+", "E-"]), st.integers(0, 999))),
)
"""Numbers in every form of RFC 8259, section 6."""
PLACES = st.sampled_from(
    ["{}", "[{}]", '{{"a":{}}}', '{{ "a" : {} }}', '["e",\n{},1]', "[\t-1 ,{} ]", '[[[{}]], "12 {}"]']
)
EXACT = st.one_of(
    st.none(), st.booleans(), st.integers(), st.integers(-(2**200), 2**200), NUMBERS.map(parse_number),
    st.floats(allow_nan=False, allow_infinity=False), st.text(st.characters(exclude_categories=[]), max_size=8),
)  # fmt: skip
DATA = st.recursive(
    EXACT,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=4), inner, max_size=4)),
    max_leaves=12,
)


def same(one: Any, other: Any) -> bool:
    """Whether two values are equal and of the same types: 1 and 1.0 and True are not."""
    return repr(one) == repr(other)


@given(NUMBERS, PLACES)
@STEADY
def test_every_number_is_exact_wherever_it_is(text: str, place: str) -> None:
    """A number read and written again is the same number: its digits and its exponent are never lost."""
    document = place.format(text, text)
    written = write_json(read_json(document.encode()).data)
    reference = json.loads(document, parse_float=Decimal, parse_int=Decimal)
    assert json.loads(written, parse_float=Decimal, parse_int=Decimal) == reference


@given(DATA)
@STEADY
def test_what_is_written_is_read_as_the_same(value: Any) -> None:
    """Integers of any size, decimals and halves of characters come back as they were, indented or not."""
    for indent in (False, True):
        data, notes = read_json(write_json(value, indent=indent))
        assert same(data, value)
        assert notes == ()


@given(DATA)
@STEADY
def test_every_charset_of_json_is_read(value: Any) -> None:
    """UTF-8, UTF-16 and UTF-32 are found by a byte order mark or by null bytes; others need their declared name."""
    text = write_json(value).decode()
    for codec in ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"):
        assert same(read_json(text.encode(codec)).data, value)
        assert same(read_json(text.encode(codec), codec).data, value)
    latin = json.dumps(["é", text], ensure_ascii=False).encode("latin-1", "backslashreplace").decode("latin-1")
    assert read_json('["é"]'.encode("iso-8859-1"), "ISO-8859-1").data == ["é"]
    assert read_json('["é"]'.encode(), "ISO-8859-1").data == ["é"], "UTF-8 under the name of Latin-1"
    assert latin


@pytest.mark.parametrize(
    ("body", "charset"),
    [('["é"]'.encode("latin-1"), ""), ('["é"]'.encode("latin-1"), "utf-8"), (b'["\xff"]', "no-such-charset")],
)
def test_an_undeclared_charset_is_not_guessed(body: bytes, charset: str) -> None:
    """What is not UTF-8, and declares nothing else, is refused rather than read wrongly."""
    with pytest.raises(JsonError, match="UTF-8"):
        read_json(body, charset)


@pytest.mark.parametrize(
    ("text", "location", "earlier"),
    [
        ('{"a": 1, "a": 2}', ("a",), 1),
        ('[{"b": {"a": {"x": 1}, "c": ":", "a": ""}}]', (0, "b", "a"), {"x": 1}),
        ('{"a": "\\u003a", "\\u0061": 1}', ("a",), ":"),
        ('{"a":1,"b":"\\u003A\\u003a","a":2}', ("a",), 1),
    ],
)
def test_a_name_given_twice_is_noted(text: str, location: tuple[Any, ...], earlier: Any) -> None:
    """The last value counts, and the note has the one that it replaced; the message quotes neither."""
    data, (note,) = read_json(text)
    assert data == json.loads(text)
    assert (note.location, note.earlier) == (location, earlier)
    assert "given twice" in note.message


def test_many_names_given_twice_are_counted() -> None:
    """At most `MAX_NOTES` are listed; the rest is counted."""
    _, notes = read_json("[" + ",".join(['{"a":1,"a":2}'] * (MAX_NOTES + 3)) + "]")
    assert len(notes) == MAX_NOTES + 1
    assert notes[-1].message.startswith("3 more")


def test_numbers_that_are_not_finite_are_noted() -> None:
    """NaN and Infinity, which Python's servers write, are read, with one note; they are written the same."""
    data, (note,) = read_json(b'{"a": [1, NaN, Infinity, -Infinity]}')
    assert data["a"][2:] == [math.inf, -math.inf]
    assert note.location == ("a", 1)
    assert "2 more places" in note.message
    assert note.earlier is UNSET
    assert has_infinite(data)
    assert write_json(data) == b'{"a":[1,NaN,Infinity,-Infinity]}'


@pytest.mark.parametrize(
    "text",
    [
        "[1,]",
        '{"a":1',
        "",
        "[01]",
        "[.5]",
        "[+1]",
        "[1.]",
        "[NaN",
        "nan",
        "'a'",
        "[" * 100_000,
        '["\\u12"]',
        "[1e9999999999999999999]",
    ],
)
def test_what_is_not_json_is_refused(text: str) -> None:
    """Nothing that only looks like JSON is read, and no error repeats the text."""
    with pytest.raises(JsonError) as caught:
        read_json(f'["secret-7", {text}')
    assert "secret-7" not in str(caught.value)
    with pytest.raises(JsonError):
        read_json(text)


def test_data_nested_as_deeply_as_it_can_be_read_is_written() -> None:
    """orjson reads 1,024 levels, but writes 254: the rest is written too; data that contains itself is refused."""
    deep = "[" * 1000 + "1" + "]" * 1000
    assert write_json(read_json(deep).data) == deep.encode()
    circle: list[Any] = []
    circle.append(circle)
    with pytest.raises(TypeError):
        write_json(circle)


def test_other_objects_are_written_by_the_default() -> None:
    """`default` is called at any depth, next to what orjson cannot write too; without one they are refused."""
    assert write_json([2**70, {1, 2}], lambda value: sorted(value)) == b"[1180591620717411303424,[1,2]]"
    assert write_json({2**70: 1, 2: Decimal("0.10")}, any_keys=True) == b'{"1180591620717411303424":1,"2":0.10}'
    assert write_json({"b": 2**70, "a": 1}, sort=True) == b'{"a":1,"b":1180591620717411303424}'
    for value in ({1, 2}, {1: 2**70}):
        with pytest.raises(TypeError):
            write_json([2**70, value])


def test_whole_numbers() -> None:
    """1.0 is a whole number (JSON Schema), and so is 1E+400."""
    assert [is_whole(n) for n in (1.0, Decimal("1E+400"), 1.5, Decimal("0.12345678901234567890"), math.nan)] == [
        True, True, False, False, False
    ]  # fmt: skip
