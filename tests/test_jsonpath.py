"""A value is taken out of a response by JSONPath, and every place has its path and its pointer."""

from __future__ import annotations

from typing import Any

import jsonpath_rfc9535
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from astro_nb.data import leaves
from astro_nb.errors import PickError
from astro_nb.jsonpath import find, is_singular, pick, pointer_steps, to_path, to_pointer, unquote_name

STEADY = settings(deadline=None, max_examples=100)
NAMES = st.text(st.characters(codec="utf-8"), max_size=6) | st.sampled_from(
    ["id", "a.b", "it's", "a\\b", "~", "/", "", "0", "a]b", "ключ", '"', "a\nb", "'\n", "\\'", "$", "@", "日本"]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | NAMES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=15,
)
DATA = {"deployments": [{"id": "d1", "n": 1}, {"id": "d2", "n": None}], "totalCount": 2, "a-b": {"it's": True}}


def by_pointer(data: Any, pointer: str) -> Any:
    """What RFC 6901 says that a pointer means."""
    for step in pointer.split("/")[1:]:
        key = step.replace("~1", "/").replace("~0", "~")
        data = data[int(key)] if isinstance(data, list) else data[key]
    return data


def deep(depth: int) -> Any:
    """A list in a list in a list …, with one text at the bottom."""
    data: Any = "bottom"
    for _ in range(depth):
        data = [data]
    return data


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("$", DATA),
        ("$.totalCount", 2),
        ("$.deployments[0].id", "d1"),
        ("$['deployments'][1]['n']", None),
        ("$.deployments[-1].id", "d2"),
        ("$['a-b']['it\\'s']", True),
        ('$["a-b"]["it\'s"]', True),
        ("$.deployments[*].id", ["d1", "d2"]),
        ("$.deployments[?@.id == 'd2'].id", ["d2"]),
        ("$..id", ["d1", "d2"]),
        ("$.deployments[:1].id", ["d1"]),
    ],
)
def test_pick(path: str, wanted: Any) -> None:
    """A path that can match once gives the value; one that can match often gives a list, of one too."""
    assert pick(DATA, path) == wanted


@pytest.mark.parametrize(
    ("data", "path", "hint"),
    [
        (DATA, "$.deployment[0]", "deployments"),
        (DATA, "$.deployments[9].id", "deployments"),
        (DATA, "$.deployments.id", "deployments"),
        (DATA, "$.totalCount.x", "totalCount"),
        ([1, 2], "$.id", "$[0]"),
        ({}, "$.id", "no keys"),
        ("text", "$.id", "scalar"),
        (None, "$.id", "scalar"),
    ],
)
def test_a_path_without_matches_reports_the_existing_keys(data: Any, path: str, hint: str) -> None:
    """No match is an error that names what the top level has."""
    with pytest.raises(PickError) as caught:
        pick(data, path)
    assert hint in caught.value.todo
    assert caught.value.data["path"] == path


@pytest.mark.parametrize(
    "path",
    [
        "",
        "deployments",
        "$.",
        "$[",
        "$.a b",
        "$['a",
        "$[?]",
        "$ .a ",
        "a.b",
        "$[01]",
        "$[٣]",
        f"$[{'9' * 5000}]",
        "$['a\nb']",
        "$[-0]",
        "$..",
        "$.1a",
    ],
)
def test_a_malformed_path_is_rejected_with_an_example(path: str) -> None:
    """A path that RFC 9535 does not allow is an error with a valid example."""
    with pytest.raises(PickError) as caught:
        pick([1, 2, 3, 4], path)
    assert "not a JSONPath" in caught.value.what
    assert "$.deployments[0].id" in caught.value.todo


@given(JSON)
@STEADY
def test_the_path_of_every_leaf_finds_it(data: Any) -> None:
    """Names may hold quotes, backslashes, dots, line breaks, any letters: `to_path` writes what `find` reads."""
    for where, value in leaves(data):
        assert find(data, to_path(where)) == [(where, value)]
        assert is_singular(to_path(where))


@given(JSON)
@STEADY
def test_our_paths_are_those_of_the_rfc(data: Any) -> None:
    """What `to_path` writes, the reference implementation of RFC 9535 reads as the same place."""
    for where, value in leaves(data):
        nodes = jsonpath_rfc9535.find(to_path(where), data)
        assert [(tuple(n.location), n.value) for n in nodes] == [(where, value)]


@given(JSON)
@STEADY
def test_the_pointer_of_every_leaf_finds_it(data: Any) -> None:
    """`to_pointer` escapes `~` and `/` as RFC 6901 wants."""
    for where, value in leaves(data):
        assert by_pointer(data, to_pointer(where)) is value


@given(JSON, st.lists(st.sampled_from([".a", ".id", "[0]", "[1]", "['a.b']", "['']", "[-1]", "[*]", "..id"])))
@STEADY
def test_plain_paths_are_read_as_the_rfc_reads_them(data: Any, steps: list[str]) -> None:
    """The short way for plain paths finds what the reference implementation finds, in the same order."""
    path = "$" + "".join(steps)
    assert find(data, path) == [(tuple(n.location), n.value) for n in jsonpath_rfc9535.find(path, data)]


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("$", True), ("$.a[0]['b c']", True), ("$[-1]", True), ('$["a"]', True),
        ("$[*]", False), ("$..a", False), ("$[0:1]", False), ("$[?@.a]", False), ("$['a','b']", False),
    ],
)  # fmt: skip
def test_is_singular(path: str, wanted: bool) -> None:
    """A query is singular when it can match one value at the most."""
    assert is_singular(path) is wanted


def test_leaves_go_depth_first_and_stop() -> None:
    """Scalars are in document order, up to the limit; null is one, an empty list has none."""
    data = {"a": [1, {"b": None}], "c": [], "d": "x"}
    assert list(leaves(data)) == [(("a", 0), 1), (("a", 1, "b"), None), (("d",), "x")]
    assert list(leaves(data, limit=2)) == [(("a", 0), 1), (("a", 1, "b"), None)]
    assert list(leaves(5)) == [((), 5)]
    assert list(leaves(5, limit=0)) == []


def test_leaves_of_deep_data() -> None:
    """A value is found at any depth."""
    data = deep(3000)
    ((where, value),) = leaves(data)
    assert (len(where), value) == (3000, "bottom")
    assert pick(data, to_path(where)) == "bottom"


def test_a_search_in_deep_data_is_no_stray_error() -> None:
    """A server may nest deeper than the JSONPath library goes: that is a PickError."""
    with pytest.raises(PickError):
        find(deep(300), "$..bottom")


@STEADY
@given(st.lists(NAMES, max_size=5))
def test_the_steps_of_a_pointer_are_its_keys(keys: list[str]) -> None:
    """Reading a pointer is the inverse of writing it, slashes and tildes in keys included."""
    assert pointer_steps(to_pointer(tuple(keys))) == tuple(keys)


@pytest.mark.parametrize("text", ["'\\x'", "'\\u12'", '"a\nb"'])
def test_an_invalid_quoted_name_is_reported(text: str) -> None:
    """An escape that JSONPath does not know, a bare line break."""
    with pytest.raises(PickError, match="RFC 9535"):
        unquote_name(text)
