"""YAML as plain data: by YAML 1.2's idea of scalars, within bounds, and back again."""

from __future__ import annotations

import math
import re
import subprocess
import sys
import textwrap
import time
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from astro_nb.yaml import MAX_DEPTH, YamlError, dump_yaml, load_yaml

STEADY = settings(deadline=None, max_examples=200)
ODD = st.text(st.sampled_from(list("\n\t -:#'\"|>&*!%@`x0\x85\u2028\r.~<=_+eEoinfaNF12")), max_size=8)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | ODD,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text() | ODD, inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2026-01-31", "2026-01-31"), ("2026-01-31T00:00:00Z", "2026-01-31T00:00:00Z"), ("12:30", "12:30"),
        ("12:30:45.5", "12:30:45.5"), ("on", "on"), ("NO", "NO"), ("y", "y"), ("yes", "yes"), ("=", "="),
        ("1_000", "1_000"), ("1.000.000", "1.000.000"), ("0b11", "0b11"), ("+-1", "+-1"), (".", "."), ("e3", "e3"),
        ("true", True), ("TRUE", True), ("False", False), ("tRUE", "tRUE"), ("~", None), ("null", None), ("", None),
        ("nULL", "nULL"), ("''", ""), ("'1'", "1"), ("0777", 777), ("0o17", 15), ("0x1F", 31), ("-5", -5), ("+5", 5),
        ("1e3", 1000.0), ("1.", 1.0), (".5", 0.5), ("-.5E-1", -0.05), ("1.10", 1.1), ("-.inf", -math.inf),
        (".INF", math.inf), ("!!str 5", "5"), ("!!int '5'", 5), ("!!float 5", 5.0), ("!!bool TRUE", True),
        ("!!binary aGk=", "aGk="), ("!!timestamp 2026-01-31", "2026-01-31"), ("!!float .inf", math.inf),
    ],
)  # fmt: skip
@pytest.mark.parametrize("encode", [str, str.encode], ids=["text", "bytes"])
def test_scalars(text: str, value: Any, encode: Any) -> None:
    """The core schema of YAML 1.2: no dates, no base 60, no underscores, two spellings of truth."""
    (found,) = load_yaml(encode(f"- {text}\n"))
    assert (found, type(found)) == (value, type(value))


def test_not_a_number() -> None:
    """`.nan` is not equal to itself, and read as what it is."""
    assert math.isnan(load_yaml(".nan"))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_encodings(encoding: str) -> None:
    """The encodings of YAML are detected by their first bytes."""
    assert load_yaml("ключ: {a: &a [é], b: *a}\n".encode(encoding)) == {"ключ": {"a": ["é"], "b": ["é"]}}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [\nb: }\n", "line 2, column 4"), ("{", "line"), ("a: 1\n---\nb: 2\n", "another document"),
        ("a: !!python/object/apply:os.system [true]", "constructor"), ("a: !!set {a, b}", "constructor"),
        ("a: !own b", "constructor"), ("? [a]\n: b", "unhashable"), ("a: *b", "alias"), ("a: \0", "not allowed"),
        ("\ta: b", "token"), ("!!bool maybe", "neither"), ("!!int ''", "int"), ("!!float x", "float"),
        ("!!str [a]", "scalar"), ("!!map [a]", "mapping"), ("<<: 5", "merging"), ("9" * 5000, "limit"),
        (b"\x89PNG\r\n", "UTF-8"), ("\ud800", "surrogates"), ("<<: [1]", "merging"),
    ],
    ids=lambda value: repr(value)[:24],
)  # fmt: skip
def test_invalid_yaml_is_reported(text: Any, words: str) -> None:
    """Every fault is one YamlError with a message of one line."""
    with pytest.raises(YamlError, match=words) as caught:
        load_yaml(text)
    assert "\n" not in str(caught.value)


# --- bounds -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? ", '{"a":'])
def test_depth_is_bounded(opening: str) -> None:
    """libyaml crashes the process at a great depth; it is rejected before that."""
    code = f"""
        from astro_nb.yaml import YamlError, load_yaml
        for text in ({opening!r} * 200_000, ({opening!r} * 200_000).encode()):
            try:
                load_yaml(text)
            except YamlError as error:
                print("nested" in str(error))
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "True\nTrue\n"), done.stderr


def test_an_honest_depth_is_read() -> None:
    """Up to the bound the depth does not matter."""
    depth = MAX_DEPTH - 1
    data = load_yaml("[" * depth + "]" * depth)
    for _ in range(depth - 1):
        (data,) = data
    assert data == []


@pytest.mark.parametrize(
    "lines",
    [
        ["x0: &x0 [a, a]", *(f"x{n + 1}: &x{n + 1} [{', '.join([f'*x{n}'] * 9)}]" for n in range(9))],
        ["x: &x [*x]"],
        ["x: &x {y: {z: [1, *x]}}"],
    ],
    ids=["laughs", "list in itself", "mapping in itself"],
)  # fmt: skip
def test_aliases_are_bounded(lines: list[str]) -> None:
    """A billion laughs, and an alias inside itself, are rejected at once."""
    with pytest.raises(YamlError, match="aliases"):
        load_yaml("\n".join(lines))


@pytest.mark.parametrize(
    "lines",
    [
        ["x0: &x0 {k: 1}", *(f"x{n + 1}: &x{n + 1} {{<<: [{', '.join([f'*x{n}'] * 9)}]}}" for n in range(12))],
        [f"x: &x {{{', '.join(f'k{n}: 1' for n in range(2000))}}}", f"y: {{<<: [{', '.join(['*x'] * 2000)}]}}"],
    ],
    ids=["deep", "wide"],
)
def test_merge_keys_are_bounded(lines: list[str]) -> None:
    """Merge keys multiply as aliases do: rejected before they have, or each merged once (PyYAML 6.0.4)."""
    begun = time.process_time()
    message, largest = "", 0
    try:
        largest = max(len(value) for value in load_yaml("\n".join(lines)).values())
    except YamlError as error:
        message = str(error)
    assert "merge keys" in message or 0 < largest <= 2000
    assert time.process_time() - begun < 5


def test_a_merge_key_in_itself() -> None:
    """A mapping that merges itself is rejected."""
    with pytest.raises(YamlError):
        load_yaml("a: &a {<<: *a, b: 1}")


def test_merge_keys() -> None:
    """Own keys override merged ones, the first of several wins, and aliases of one value are equal."""
    text = "a: &a {k: 1, l: 1}\nb: &b {k: 2, m: 2}\nc: {<<: [*a, *b], l: 3}\nd: {<<: {k: 4}}\ne: [*a, *a]\n"
    found = load_yaml(text)
    assert found["c"] == {"k": 1, "l": 3, "m": 2}
    assert (found["d"], found["e"]) == ({"k": 4}, [{"k": 1, "l": 1}] * 2)


def test_tabs_that_libyaml_rejects_are_read() -> None:
    """A line of white space with a tab, inside a block of text, is text: libyaml alone thinks otherwise."""
    text = "a: |\n \t\n  x\nb: 2\n"
    assert load_yaml(text) == load_yaml(text.encode()) == {"a": "\t\n x\n", "b": 2}


# --- writing ----------------------------------------------------------------------------------------------------------


@given(PLAIN)
@example({"a": "1e3", "b": "0o17", "c": "12:30", "d": "no", "e": "~", "f": "<<", "g": "=", "h": "\x85"})
@STEADY
def test_what_is_written_is_read(data: Any) -> None:
    """Plain data is read back unchanged, with its types."""
    text = dump_yaml(data)
    assert repr(load_yaml(text)) == repr(load_yaml(text.encode())) == repr(data)


@given(st.text() | ODD)
@example("1e3")
@example("0o17")
@STEADY
def test_a_reader_of_yaml_1_1_finds_the_same_text(text: str) -> None:
    """A text that either version would take for something else is quoted."""
    assert yaml.safe_load(dump_yaml([text])) == [text]


def test_what_is_written_can_be_read_by_people() -> None:
    """Names keep their order, letters stay letters, and there are no tags."""
    assert dump_yaml({"b": "ä", "a": ["x", 1], "c": ("y",)}) == "b: ä\na:\n- x\n- 1\nc:\n- y\n"


def test_what_is_no_plain_data_cannot_be_written() -> None:
    """An object that is not plain data is rejected; the message has its type, not its content."""

    class Odd:
        def __repr__(self) -> str:
            return "planted"

    with pytest.raises(YamlError, match=re.compile("Odd")) as caught:
        dump_yaml({"a": Odd()})
    assert "planted" not in str(caught.value)
