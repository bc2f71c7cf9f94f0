"""A call is what the user means: plain data that holds no resolved value."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from astro_nb import UNSET, Call, Upload
from astro_nb.call import MAX_STORED_FILE, OmittedUpload

STEADY = settings(deadline=None, max_examples=80)
TEXT = st.text(st.characters(codec="utf-8"), max_size=12)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


def stored(call: Call) -> Call:
    """Return the call as the history reads it back."""
    return Call.from_dict(orjson.loads(orjson.dumps(call.to_dict())))


def pickled(value: Any) -> Any:
    """Return a value after pickling and unpickling."""
    return pickle.loads(pickle.dumps(value))  # noqa: S301  # made on this line


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, pickled])
def test_unset_is_one(again: Any) -> None:
    """There is one UNSET: copied or pickled it is still itself, so that `is` may be used."""
    assert again(UNSET) is UNSET
    assert again({"a": [UNSET]})["a"][0] is UNSET


def test_unset_is_neither_value_nor_null() -> None:
    """UNSET is false, equals only itself, and its repr is its name."""
    assert not UNSET
    assert repr(UNSET) == "UNSET"
    others: list[Any] = [None, False, "", 0, {}, "UNSET"]
    assert all(other != UNSET for other in others)


@given(TEXT, st.dictionaries(TEXT, JSON, max_size=4), st.just(UNSET) | JSON, st.dictionaries(TEXT, TEXT, max_size=3))
@STEADY
def test_is_the_same_after_storage(name: str, parameters: dict[str, Any], body: Any, headers: dict[str, str]) -> None:
    """For any JSON in a call, `from_dict` is the inverse of `to_dict`, also after serialization."""
    call = Call(name, parameters, body, "application/json", headers)
    assert stored(call) == call


@pytest.mark.parametrize("body", [UNSET, None, {}, [], "", 0, False], ids=repr)
def test_no_body_is_distinguished_from_an_empty_one(body: Any) -> None:
    """Unset, null and the empty values are seven different bodies, in storage too."""
    again = stored(Call("Op", body=body))
    assert (again.body is UNSET) == (body is UNSET)
    assert type(again.body) is type(body)
    assert again.body == body


def test_bytes_as_a_body_can_be_stored() -> None:
    """A file as body (application/octet-stream) makes a call that the history can keep: `to_dict` is plain JSON."""
    call = Call("Upload", body=b"\x00\xff", media_type="application/octet-stream")
    assert orjson.dumps(call.to_dict())
    assert stored(call) == call


@pytest.mark.parametrize(
    "body",
    [
        b"", {"file": b"\xff", "files": [b"a", {"n": [b"b"]}], "name": "n"}, {"$bytes": "AP8="}, {"$bytes": b"x"},
        Upload("a", b"\xff", "image/png"), {"f": [Upload("a", b""), b"x"], "$file": 1}, {"$file": {"name": "a"}},
        {"$file": Upload("b", b"c")}, {"$$file": {"$file": [b"x"]}}, {"$file": {"name": "a", "mediaType": ""}},
        {"$$bytes": {"$bytes": 5}}, {"$bytes": "not base64", "more": 1}, [{"$bytes": None}],
    ],
    ids=repr,
)  # fmt: skip
def test_bytes_anywhere_come_back_as_bytes(body: Any) -> None:
    """A file inside a form is read back unchanged, and so is a body that looks like encoded bytes."""
    call = Call("Upload", {"p": [b"x"]}, body)
    assert orjson.dumps(call.to_dict())
    assert stored(call) == call


def test_templates_stay() -> None:
    """A call keeps its templates, escaped ones too, as they were written."""
    call = Call("Op", {"id": "{{deploymentId}}"}, {"n": ["{{a:-1}}", r"\{{b}}"]}, headers={"X": "{{c}}"})
    assert stored(call) == call


def test_stored_calls_have_only_what_is_set() -> None:
    """What was left out is not in the stored form."""
    assert Call("Op").to_dict() == {"operation": "Op", "parameters": {}}


def test_from_dict_reads_the_least() -> None:
    """The operation alone makes a call; parameters, body, media type and headers are then those of an empty call."""
    assert Call.from_dict({"operation": "Op"}) == Call("Op")


def test_with_parameters_leaves_the_call_as_it_is() -> None:
    """A changed call is another one: new values win, others stay, and the first call has neither."""
    call = Call("Op", {"a": 1, "b": 2}, {"x": 1}, "application/json", {"H": "h"})
    changed = call.with_parameters(b=3, c=4)
    assert changed.parameters == {"a": 1, "b": 3, "c": 4}
    assert call.parameters == {"a": 1, "b": 2}
    assert dataclasses.replace(changed, parameters=call.parameters) == call


def test_stored_parameters_are_a_copy() -> None:
    """What is done to the stored form does not reach the call."""
    call = Call("Op", {"a": 1})
    call.to_dict()["parameters"]["a"] = 2
    assert call.parameters == {"a": 1}


def test_is_frozen() -> None:
    """A call is not changed in place."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        Call("Op").operation = "Other"  # type: ignore[misc]  # that is what is tested


def test_calls_share_no_defaults() -> None:
    """Two calls without arguments do not share their empty mappings."""
    assert Call("A").parameters is not Call("A").parameters


LARGE = b"x" * (MAX_STORED_FILE + 1)


@pytest.mark.parametrize("value", [Upload("a.bin", LARGE, "image/png"), LARGE])
def test_a_large_file_is_stored_by_its_name(value: Any) -> None:
    """Its size and hash are stored, its content is not; stored again, it is the same."""
    call = Call("Upload", body={"f": value})
    assert len(orjson.dumps(call.to_dict())) < 500
    again = stored(call)
    cut = again.body["f"]
    assert isinstance(cut, OmittedUpload)
    assert (cut.size, cut.content, len(cut.digest)) == (MAX_STORED_FILE + 1, b"", 32)
    assert (cut.name, cut.media_type) == (("a.bin", "image/png") if isinstance(value, Upload) else ("", ""))
    assert stored(again) == again


def test_a_file_of_the_largest_size_is_stored() -> None:
    """The limit itself is within it."""
    call = Call("Upload", body=Upload("a", b"x" * MAX_STORED_FILE))
    assert stored(call) == call


@pytest.mark.parametrize("security", [None, "", "Bearer", "Key + Basic"])
def test_the_security_choice_is_stored(security: str | None) -> None:
    """None and the empty string differ: the one chooses a scheme, the other sends none."""
    assert stored(Call("Op", security=security)) == Call("Op", security=security)


def test_a_files_content_is_in_no_repr() -> None:
    """It may be large, or a key."""
    assert "planted" not in repr(Call("Op", body={"f": Upload("a", b"planted")}))


def test_data_from_before_files_were_supported_is_read() -> None:
    """A body in an older history that looks like a file is read back unchanged."""
    data = {"operation": "Op", "body": {"$file": {"name": "a", "content": "AP8="}}}
    assert Call.from_dict(data).body == data["body"]
