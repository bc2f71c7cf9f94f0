"""A template refers to any place of any response, whatever its keys are called; what is missing is an error."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from astro_nb.call import Call
from astro_nb.environments import Variables
from astro_nb.errors import PickError, UnknownName, UsageError
from astro_nb.exchange import Exchange
from astro_nb.jsonpath import to_path, unquote_name
from astro_nb.linking.response_references import PENDING, ResponseReference, Responses, read_reference, write_reference
from astro_nb.messages import Request, Response
from astro_nb.openapi import Operation, Spec, load
from astro_nb.secrets import Secret
from astro_nb.templates import LiteralText, resolve, template_names

SPEC = load()


def spec_of(*ids: str) -> Spec:
    """A document whose operations are called so; one that is `POST` begins with "make"."""
    paths = {
        f"/p{number}": {
            "post" if name.startswith("make") else "get": {
                "operationId": name,
                "responses": {"200": {"description": ""}},
            }
        }
        for number, name in enumerate(ids)
    }
    return load({"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": paths})


def answered(operation: Operation, data: Any, age: float = 0, status: int = 200) -> Exchange:
    """An exchange that ended with this answer, some seconds ago."""
    answer = Response(status, (("Content-Type", "application/json"),), json.dumps(data).encode())
    began = datetime.now(UTC) - timedelta(seconds=age)
    return Exchange(
        "id-1", operation, Call(operation.id), Request("GET", "https://a.example"), began, 0.1, response=answer
    )


class Lookup:
    """Variables, and answers by operation."""

    def __init__(self, spec: Spec, *exchanges: Exchange, ask: Any = None, pending: str | None = None) -> None:
        by_id = {exchange.operation.id: exchange for exchange in exchanges}
        self.responses = Responses(spec, lambda operation: by_id.get(operation.id), ask, pending)

    def value_of(self, name: str) -> Any:
        return self.responses.value_of(name)

    def known(self) -> Iterable[str]:
        return ()


def filled(text: str, lookup: Lookup) -> Any:
    """What a text resolves to, secrets as stars."""
    return resolve(text, lookup, lambda secret: "*****")


PLAIN = spec_of("GetThing", "makeThing", "Get", "GetThing.more", "repos/get")
THING = PLAIN.operation("GetThing")

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20) | st.sampled_from(["{{region}}", "\\{{x}}", "{{responses.GetThing}}", "}}"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=10,
)  # fmt: skip


def places(data: Any, at: tuple[str | int, ...] = ()) -> list[tuple[tuple[str | int, ...], Any]]:
    """Every place of plain data, the root included."""
    inner = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return [(at, data), *(found for key, value in inner for found in places(value, (*at, key)))]


@settings(deadline=None, max_examples=300)
@given(JSON)
def test_every_place_of_every_answer_can_be_referred_to(data: Any) -> None:
    """Whatever the keys are called, the reference resolves to the very value, type and braces kept."""
    exchange = answered(THING, data)
    for location, value in places(data):
        template = write_reference(THING, location)
        assert template_names(template) == [template[2:-2]]
        found = filled(template, Lookup(PLAIN, exchange))
        assert (found, type(found)) == (value, type(value)), template


@settings(deadline=None, max_examples=200)
@given(st.text(max_size=12), st.text(max_size=12))
def test_any_key_between_any_texts(key: str, around: str) -> None:
    """Inside a text it becomes text; what stands around it is left alone."""
    before, after = around.replace("{", "").replace("\\", "") + "<", ">" + around.replace("{", "")
    template = write_reference(THING, (key,))
    assert filled(f"{before}{template}{after}", Lookup(PLAIN, answered(THING, {key: 7}))) == f"{before}7{after}"


IDS = st.text(min_size=1, max_size=10).filter(lambda name: name.strip() == name)


@settings(deadline=None, max_examples=150)
@given(
    st.lists(IDS, min_size=1, max_size=4, unique=True), st.lists(st.text(max_size=5) | st.integers(0, 9), max_size=3)
)
def test_any_operation_can_be_referred_to(ids: list[str], way: list[str | int]) -> None:
    """Operations are called what they like, the id of one may begin like another's: reading is writing's inverse."""
    spec = spec_of(*ids)
    for operation in spec:
        template = write_reference(operation, tuple(way))
        assert template_names(template) == [template[2:-2]]
        found = read_reference(template[2:-2], spec)
        assert (found.operation, found.ask, found.older) == (operation.id, "missing", None)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("responses.GetThing", ResponseReference("GetThing", "$")),
        ("responses.GetThing.id", ResponseReference("GetThing", "$.id")),
        ("responses.GetThing[0].id", ResponseReference("GetThing", "$[0].id")),
        ("responses.GetThing.$", ResponseReference("GetThing", "$")),
        ("responses.GetThing.$..id", ResponseReference("GetThing", "$..id")),
        ("responses.GetThing..id", ResponseReference("GetThing", "$..id")),
        ("responses.GetThing.$[?@.name=='a;b'].id", ResponseReference("GetThing", "$[?@.name=='a;b'].id")),
        ("responses['GetThing'].id", ResponseReference("GetThing", "$.id")),
        ('responses["repos/get"].id', ResponseReference("repos/get", "$.id")),
        ("responses.repos/get.id", ResponseReference("repos/get", "$.id")),
        ("responses.GetThing.more.id", ResponseReference("GetThing.more", "$.id")),
        ("responses['GetThing'].more.id", ResponseReference("GetThing", "$.more.id")),
        ("responses.Get.id; ask=never", ResponseReference("Get", "$.id", "never")),
        ("responses.Get.id ;older=10m; ask = always ", ResponseReference("Get", "$.id", "always", 600.0)),
        ("responses.Get; older=90", ResponseReference("Get", "$", "missing", 90.0)),
        ("responses.Get; older=2d", ResponseReference("Get", "$", "missing", 172800.0)),
    ],
)
def test_references_in_every_spelling(name: str, expected: ResponseReference) -> None:
    """Operation, path or JSONPath, and rules; all of it inside one template."""
    assert read_reference(name, PLAIN) == expected
    assert template_names(f"a {{{{ {name} }}}} b") == [name.rstrip()]


@pytest.mark.parametrize(
    ("name", "error", "words"),
    [
        ("responses.GetThong.id", UnknownName, "Did you mean GetThing"),
        ("responses['nope'].id", UnknownName, "operation"),
        ("responses.GetThing.id; older=soon", UsageError, "older=10m"),
        ("responses.GetThing.id; ask=maybe", UnknownName, "ask=never"),
        ("responses.GetThing.id; when=now", UnknownName, "ask"),
        ("responses.GetThing.$[", PickError, "RFC 9535"),
        ("responses[0].id", UnknownName, "operation"),
        ("responses.", UnknownName, "operation"),
    ],
)
def test_a_malformed_reference_is_an_error(name: str, error: type[UsageError], words: str) -> None:
    """An unknown operation, a rule that there is none of, a broken path: words that end in what to do."""
    lookup = Lookup(PLAIN, answered(THING, {"id": 1}))
    with pytest.raises(UsageError, match=words) as caught:
        filled(f"{{{{{name}}}}}", lookup)
    assert error is PickError or isinstance(caught.value, error)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{responses.Get.n:-5}}", "5"),
        ("{{responses.Get.n ; ask=never :- five }}", " five"),
        ("{{responses.GetThing.list[0:-1]}}", 1),
        ("{{responses.GetThing.gone:-}}", ""),
        ("{{responses.GetThing.list[0]:-9}}", 1),
        ("\\{{responses.Get.n}}", "{{responses.Get.n}}"),
        ("{{responses.GetThing.list}}", [1, 2, 3]),
        ("n={{responses.GetThing.list}}", "n=[1,2,3]"),
        ("{{responses.GetThing.$..x}}", "deep"),
    ],
)
def test_defaults_slices_escapes_and_types(text: str, expected: Any) -> None:
    """A default counts where there is no answer, or the answer lacks the value; a slice is no default."""
    exchange = answered(THING, {"list": [1, 2, 3], "in": {"x": "deep"}})
    assert filled(text, Lookup(PLAIN, exchange)) == expected


def test_text_of_a_server_is_not_a_template() -> None:
    """Braces in an answer stay braces, and are never looked up."""
    exchange = answered(THING, {"name": "{{secret}}", "inner": {"text": "{{responses.Get}}"}})
    assert filled("{{responses.GetThing.name}}", Lookup(PLAIN, exchange)) == "{{secret}}"
    assert filled("{{responses.GetThing.inner}}", Lookup(PLAIN, exchange)) == {"text": "{{responses.Get}}"}
    text = LiteralText("{{responses.GetThing.name}}")
    assert resolve(text.template, Lookup(PLAIN), lambda secret: "") == str(text)


@pytest.mark.parametrize(
    ("rule", "age", "asks"),
    [
        ("", 1e6, False),
        ("; ask=missing", 1e6, False),
        ("; ask=always", 0, True),
        ("; older=10m", 500, False),
        ("; older=10m", 700, True),
        ("; ask=never; older=10m", 500, False),
    ],
)
def test_when_a_response_is_requested_again(rule: str, age: float, asks: bool) -> None:
    """Never, always, or when the answer is older than so much; and for one request once."""
    asked: list[str] = []

    def ask(operation: Operation) -> Exchange:
        asked.append(operation.id)
        return answered(operation, {"id": "new"})

    lookup = Lookup(PLAIN, answered(THING, {"id": "old"}, age), ask=ask)
    text = f"{{{{responses.GetThing.id{rule}}}}}"
    assert filled([text, text], lookup) == (["new"] * 2 if asks else ["old"] * 2)  # type: ignore[arg-type]  # any data
    assert asked == (["GetThing"] if asks else [])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{{responses.GetThing.id; ask=never}}", "There is no response of GetThing"),
        ("{{responses.makeThing.id}}", "may change something is not called automatically"),
        ("{{responses.makeThing.id; ask=always}}", "not called automatically"),
    ],
)
def test_only_safe_operations_are_called_automatically(text: str, words: str) -> None:
    """Without a response: an error with the call to make. Nothing is sent."""

    def ask(operation: Operation) -> Exchange:
        raise AssertionError(operation)

    with pytest.raises(UsageError, match=words) as caught:
        filled(text, Lookup(PLAIN, ask=ask))
    assert "api.call(" in caught.value.todo


def test_a_stale_response_of_an_unsafe_operation_is_refused() -> None:
    """A response that is too old does not count, and no unsafe operation is called to replace it."""
    made = answered(PLAIN.operation("makeThing"), {"id": 1}, 100)
    assert filled("{{responses.makeThing.id; older=200s}}", Lookup(PLAIN, made)) == 1
    with pytest.raises(UsageError, match="too old"):
        filled("{{responses.makeThing.id; older=50s}}", Lookup(PLAIN, made))


def test_a_failed_call_for_a_reference_is_reported() -> None:
    """A 404 gives no value: the message of the server, or the default."""
    gone = Lookup(PLAIN, ask=lambda operation: answered(operation, {"message": "no such thing"}, status=404))
    with pytest.raises(UsageError, match="and failed: no such thing"):
        filled("{{responses.GetThing.id}}", gone)
    assert filled("{{responses.GetThing.id:-x}}", gone) == "x"


def test_a_preview_sends_nothing() -> None:
    """It shows what is there, however old, or that it is read when sent; what will not be is an error."""
    there = Lookup(PLAIN, answered(THING, {"id": "old"}, 1e6), pending=PENDING)
    assert filled("{{responses.GetThing.id; ask=always}}", there) == "old"
    assert filled("{{responses.Get.id}}", there) == PENDING
    with pytest.raises(UsageError, match="There is no response"):
        filled("{{responses.Get.id; ask=never}}", there)
    with pytest.raises(UsageError, match="There is no response"):
        filled("{{responses.Get.id}}", Lookup(PLAIN))


def test_a_secret_arrives_as_a_secret_and_a_mask_does_not() -> None:
    """A secret of an answer is a `Secret`; what the history left of one is refused."""
    create = SPEC.operation("CreateApiToken")
    lookup = Lookup(SPEC, answered(create, {"id": "tok-1", "token": "planted-4711"}))
    assert isinstance(lookup.value_of("responses.CreateApiToken.token"), Secret)
    assert filled("Bearer {{responses.CreateApiToken.token}}", lookup) == "Bearer *****"
    kept = Lookup(SPEC, answered(create, {"id": "tok-1", "token": "*****"}))
    for path in (".token", ""):
        with pytest.raises(UsageError, match="stores no secrets"):
            filled(f"{{{{responses.CreateApiToken{path}}}}}", kept)


def test_a_variable_cannot_be_called_like_a_reference() -> None:
    """`responses.x` would never be looked up; `responses` alone is a name like any other."""
    with pytest.raises(UsageError, match=r"cannot be a variable's name"):
        Variables()["responses.x"] = 1
    variables = Variables(session={"responses": 3, "responsesOf.x": 4})
    assert resolve(["{{responses}}", "{{responsesOf.x}}"], variables, str) == [3, 4]


@settings(deadline=None, max_examples=200)
@given(st.text(max_size=12))
def test_a_quoted_name_is_the_name(name: str) -> None:
    """The name between quotes in a JSONPath, with single or double ones."""
    path = to_path((f" {name}",))
    assert unquote_name(path[2:-1]) == f" {name}"
    assert unquote_name(json.dumps(name)) == name


def test_long_hostile_texts_do_not_backtrack() -> None:
    """Many beginnings of references with quotes that never close take time in proportion: a benchmark of itself."""
    for piece in ("{{responses.['", "{{responses.", '{{responses["', "{{responses['a'"):
        short, long = (min(_seconds(piece * count) for _ in range(3)) for count in (2_000, 20_000))
        assert long < 60 * max(short, 1e-4), piece  # ten times as long; backtracking would take a hundred times


def _seconds(text: str) -> float:
    begun = time.perf_counter()
    assert template_names(text) == []
    return time.perf_counter() - begun
