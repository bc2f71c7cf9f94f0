"""Any Python value that a call accepts: the same bytes wherever it stands, and the same value in the history."""

from __future__ import annotations

import contextlib
import enum
import ipaddress
import json
import uuid
from collections import OrderedDict, deque, namedtuple
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import unquote

import httpx
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from support.documents import SHARED

import astro_nb as anb
from astro_nb.call import UNSET, Call, Upload
from astro_nb.errors import UsageError
from astro_nb.history import History
from astro_nb.plain import plain_value
from astro_nb.secrets import Secret
from astro_nb.templates import LiteralText

ANY = {"name": "v", "in": "query", "schema": {}}
OBJECT = {"type": "object", "properties": {"v": {}, "n": {"type": "integer"}}}
DOCUMENT = {
    "openapi": "3.0.3",
    "info": {"title": "Plain", "version": "1"},
    "paths": {
        "/q": {"get": {"operationId": "query", "parameters": [ANY], "responses": {"200": {"description": ""}}}},
        "/i/{id}": {
            "delete": {
                "operationId": "remove",
                "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}],
                "responses": {"200": {"description": ""}},
            }
        },
        "/b": {
            "post": {
                "operationId": "body",
                "requestBody": {"content": {"application/json": {"schema": OBJECT}}},
                "responses": {"200": {"description": ""}},
            }
        },
    },
}


class Wired:
    """A workbench whose requests are recorded instead of sent, with a history in a file."""

    def __init__(self, folder: Path) -> None:
        self.requests: list[httpx.Request] = []
        self.api = anb.connect(
            spec=DOCUMENT,
            base_url="http://h.example",
            history=folder,
            transport=httpx.MockTransport(self._respond),
        )

    def _respond(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return httpx.Response(200, json={})

    def body(self, value: Any) -> bytes:
        """Return the body `{"v": value}` as it was sent."""
        self.api.call("body", v=value)
        return self.requests[-1].content

    def query(self, value: Any) -> str:
        """Return the query of `?v=value` as it was sent."""
        self.api.call("query", v=value)
        return self.requests[-1].url.query.decode()

    def stored(self) -> Call:
        """Return the last call as another process reads it from the file."""
        return History(self.api.spec, self.api.history.path)[-1].call


@pytest.fixture(scope="module")
def wired(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wired]:
    """One workbench for all tests of this module."""
    made = Wired(tmp_path_factory.mktemp("history"))
    yield made
    made.api.close()


class Color(enum.Enum):
    """An Enum of texts."""

    RED = "red"


class Level(enum.IntEnum):
    """An Enum of integers."""

    HIGH = 3


@dataclass
class Point:
    """A dataclass with a value of NumPy in it."""

    x: Any
    y: Any = None


Named = namedtuple("Named", "a b")  # the plain one, as many libraries have it

FINITE = st.floats(allow_nan=False, allow_infinity=False)
MOMENTS = st.datetimes(datetime(1700, 1, 1), datetime(2200, 1, 1))
ZONES = st.sampled_from([None, UTC, timezone(timedelta(hours=2)), timezone(timedelta(hours=-9, minutes=-30))])
NUMPY = st.one_of(
    st.integers(-(2**31), 2**31 - 1).map(np.int32),
    st.integers(0, 2**64 - 1).map(np.uint64),
    FINITE.map(np.float64),
    st.floats(width=32, allow_nan=False, allow_infinity=False).map(np.float32),
    st.booleans().map(np.bool_),
    st.text("ab ü", max_size=5).map(np.str_),
    MOMENTS.map(lambda moment: np.datetime64(moment, "us")),
    MOMENTS.map(lambda moment: np.datetime64(moment.date(), "D")),
)
SCALARS = st.one_of(
    st.booleans(),
    st.integers(),
    st.integers(-(2**200), 2**200),
    FINITE,
    st.decimals(allow_nan=False, allow_infinity=False, places=4),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="{}"), max_size=10),
    st.builds(lambda moment, zone: moment.replace(tzinfo=zone), MOMENTS, ZONES),
    st.builds(lambda moment, zone: pd.Timestamp(moment).tz_localize(zone), MOMENTS, ZONES),
    st.dates(),
    st.times(),
    st.uuids(),
    st.ip_addresses(),
    st.sampled_from([*Color, *Level]),
    NUMPY,
)
KEYS = st.one_of(st.text("ab", min_size=1, max_size=4), st.integers(0, 9), st.sampled_from([True, None, Color.RED]))
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.lists(inner, max_size=3).map(deque),
        st.dictionaries(KEYS, inner, max_size=3),
        st.builds(Point, inner, inner),
        st.lists(st.integers(0, 99), max_size=3).map(np.array),
        st.lists(FINITE, max_size=3).map(np.array),
        st.sets(st.integers(0, 99), max_size=3),
    ),
    max_leaves=5,
)


def attempt(send: Callable[[], Any]) -> Any:
    """Return what was sent; UNSET if it was refused."""
    with contextlib.suppress(UsageError):
        return send()
    return UNSET


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(value=VALUES)
@example(value=2**70)
@example(value=("a name", "a text"))
@example(value=[np.datetime64("2026-01-02T03:04:05.000000007"), 1e22, -0.0])
@example(value={1: Decimal("1.10"), "n": {"$decimal": "5"}, "f": {"$decimal": None}})
def test_a_value_is_the_same_everywhere(value: Any, wired: Wired) -> None:
    """The same bytes in a body, a list, a bulk and from a variable; equal in the history; or refused everywhere."""
    before = len(wired.requests)
    alone = attempt(lambda: wired.body(value))
    if alone is UNSET:
        assert attempt(lambda: wired.body([value])) is UNSET
        assert wired.api.bulk("body", [{"v": value}]).run().counts["invalid"] == 1
        assert len(wired.requests) == before
        return
    assert wired.stored().body == wired.api.history[-1].call.body
    text = alone.removeprefix(b'{"v":').removesuffix(b"}")
    json.loads(text)
    assert wired.body([value, value]) == b'{"v":[' + text + b"," + text + b"]}"
    assert wired.body({"k": value}) == b'{"v":{"k":' + text + b"}}"
    assert wired.api.bulk("body", [{"v": value}]).run(resume=False).counts["done"] == 1
    assert wired.requests[-1].content == alone
    wired.api.variables["held"] = value
    assert wired.body("{{held}}") == alone


@settings(max_examples=60, deadline=None)
@given(value=SCALARS)
def test_a_scalar_is_the_same_in_every_query(value: Any, wired: Wired) -> None:
    """Alone, repeated, and in a bulk: the same text, which is that of the body without its quotes."""
    before = len(wired.requests)
    alone = attempt(lambda: wired.query(value))
    if alone is UNSET:
        assert len(wired.requests) == before
        return
    assert wired.stored().parameters == wired.api.history[-1].call.parameters
    assert wired.query([value, value]) == f"{alone}&{alone}"
    in_body = json.loads(wired.body(value).removeprefix(b'{"v":').removesuffix(b"}"), parse_float=str, parse_int=str)
    text = in_body if isinstance(in_body, str) else json.dumps(in_body)
    assert unquote(alone) == f"v={text}"
    assert wired.query(np.array([value, value], dtype=object)) == f"{alone}&{alone}"
    assert wired.api.bulk("query", [{"v": value}]).run(resume=False).counts["done"] == 1
    assert wired.requests[-1].url.query.decode() == alone


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (np.int64(5), 5),
        (np.array(5), 5),
        (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
        (np.array([True, False]), [True, False]),
        (np.array(["a", "b"]), ["a", "b"]),
        (np.array(["2026-01-02T03"], "datetime64[h]"), ["2026-01-02T03:00:00Z"]),
        (np.datetime64("2026-01-02T03:04:05.100"), "2026-01-02T03:04:05.100000Z"),
        (np.datetime64("2026-01-02"), "2026-01-02"),
        (np.longdouble(0.5), 0.5),
        (pd.Series([1, 2], index=[7, 8]), [1, 2]),
        (pd.Index(["a"]), ["a"]),
        (pd.Categorical(["a", "a"]), ["a", "a"]),
        (pd.Series(pd.to_datetime(["2026-01-02T03:04Z"])), ["2026-01-02T03:04:00Z"]),
        (pd.array([1, 2], dtype="Int64"), [1, 2]),
        (pd.Timestamp("2026-01-02", tz="Europe/Berlin"), "2026-01-02T00:00:00+01:00"),
        (datetime(2026, 1, 2, tzinfo=timezone(timedelta(seconds=3208))), "2026-01-01T23:06:32Z"),
        (date(2026, 1, 2), "2026-01-02"),
        (time(3, 4), "03:04:00"),
        (Decimal("1.10"), Decimal("1.10")),
        ({3, 1, 2}, [1, 2, 3]),
        (frozenset({"b", 1}), ["b", 1]),
        (range(3), [0, 1, 2]),
        ((letter for letter in "ab"), ["a", "b"]),
        ({"a": 1}.values(), [1]),
        (bytearray(b"x"), b"x"),
        (MappingProxyType({1: None, 2: True}), {"1": None, "2": True}),
        (OrderedDict({None: 1, 1.5: 2, Color.RED: 3, uuid.UUID(int=1): 4}), {
            "null": 1, "1.5": 2, "red": 3, "00000000-0000-0000-0000-000000000001": 4}),
        (Point(np.int8(1), [Level.HIGH]), {"x": 1, "y": [3]}),
        (ipaddress.ip_network("10.0.0.0/8"), "10.0.0.0/8"),
        ({"a": UNSET, "b": [UNSET, 1]}, {"b": [1]}),
    ],
)  # fmt: skip
def test_what_a_value_becomes(value: Any, plain: Any) -> None:
    """The rules, one by one; the types too, since `True == 1` in Python."""
    assert repr(plain_value(value, "v")) == repr(plain)


@pytest.mark.parametrize(
    ("value", "place"),
    [
        (float("nan"), "v"),
        (float("-inf"), "v"),
        (np.float32("nan"), "v"),
        (Decimal("NaN"), "v"),
        (pd.NaT, "v"),
        (pd.NA, "v"),
        (np.datetime64("NaT"), "v"),
        (np.ma.masked, "v"),
        ({"a": [1, float("nan")]}, "v.a.1"),
        (np.array([1.0, np.nan]), "v.1"),
        (pd.Series([1, None]), "v.1"),
        (pd.array([1, None], dtype="Int64"), "v.1"),
        (np.ma.array([1, 2], mask=[False, True]), "v.1"),
        (timedelta(days=1), "v"),
        (np.timedelta64(1, "D"), "v"),
        (pd.Timedelta("1s"), "v"),
        ([10**5000], "v.0"),
        (1 + 2j, "v"),
        (np.complex64(1), "v"),
        (np.longdouble(1) / 3, "v"),
        (Fraction(1, 2), "v"),
        (pd.DataFrame({"a": [1]}), "v"),
        (pd.Period("2026-01"), "v"),
        (Named(1, 2), "v"),
        ({1: "a", "1": "b"}, "v"),
        ({(1, 2): "a"}, "v"),
        (object(), "v"),
        (dict, "v"),
        ({"deep": {"x": object()}}, "v.deep.x"),
    ],
)
def test_what_has_no_exact_value_is_refused(value: Any, place: str, wired: Wired) -> None:
    """Before anything is sent, with the place of the value, and in words that do not repeat the value."""
    before = len(wired.requests)
    for send in (wired.body, wired.query):
        with pytest.raises(UsageError, match=rf"^(body\.)?{place} .*nothing was sent") as refused:
            send(value)
        assert refused.value.todo.endswith(".")
    with pytest.raises(UsageError):
        wired.api.variables["x"] = value
    assert len(wired.requests) == before


def test_a_value_that_contains_itself_is_refused(wired: Wired) -> None:
    """A circle has no end; nothing is sent."""
    circle: list[Any] = []
    circle.append({"a": circle})
    with pytest.raises(UsageError, match="contains itself"):
        wired.body(circle)


def test_placeholders_stay() -> None:
    """A secret, a literal text and a file are kept: only sending resolves them."""
    for value in (Secret("env:X"), LiteralText("{{x}}"), Upload("a", b"b")):
        assert plain_value([value], "v")[0] is value


def test_a_call_shares_nothing_with_its_caller(wired: Wired) -> None:
    """What is changed after the send does not change what is shown of it."""
    given_value = {"deep": [1]}
    exchange = wired.api.call("body", v=given_value)
    given_value["deep"].append(2)
    assert exchange.call.body == {"v": {"deep": [1]}}


@pytest.mark.parametrize(
    "given_id", [np.int64(5), np.float64(5.0), 5.0, pd.Series([5.0, None])[0], Level.HIGH + 2, "5"]
)
def test_an_id_of_a_table_is_an_integer(given_id: Any, wired: Wired) -> None:
    """A column with gaps has floats: the path has 5 all the same, and so has a bulk of that column."""
    wired.api.call("remove", id=given_id)
    assert wired.requests[-1].url.path == "/i/5"
    assert wired.stored().parameters in ({"id": 5}, {"id": "5"})
    wired.api.bulk("remove", pd.DataFrame({"id": [given_id]})).run(resume=False)
    assert wired.requests[-1].url.path == "/i/5"


def test_a_column_with_gaps_keeps_its_integers_as_text(wired: Wired) -> None:
    """A field without a type gets 5 from a column in which a gap made 5 a float, and 5.0 from one without gaps."""
    wired.api.bulk("body", pd.DataFrame({"v": [5, None], "n": [1, 2]})).run(resume=False, parallel=1)
    assert [request.content for request in wired.requests[-2:]] == [b'{"v":5,"n":1}', b'{"n":2}']
    wired.api.bulk("body", pd.DataFrame({"v": [5.0]})).run(resume=False)
    assert wired.requests[-1].content == b'{"v":5.0}'


def test_every_way_to_send_takes_the_same_values(wired: Wired) -> None:
    """A `Call`, a send in the background, a header, a constant of a bulk: all are plain before the send."""
    api = wired.api
    api.send(Call("body", body={"v": np.int64(5)}, headers={"X-Number": np.int64(7)}))
    assert (wired.requests[-1].content, wired.requests[-1].headers["x-number"]) == (b'{"v":5}', "7")
    assert wired.stored().headers == {"X-Number": 7}
    assert api.start("body", v=np.array([1])).result(5).request.body == b'{"v":[1]}'
    api.bulk("body", [{"n": 1}], v=np.array([1, 2])).run(resume=False)
    assert json.loads(wired.requests[-1].content) == {"v": [1, 2], "n": 1}
    assert api.call("body", body=Point(1), n=np.int8(2)).call.body == {"x": 1, "y": None, "n": 2}
    assert all(not exchange.not_stored for exchange in api.session.exchanges)


def test_the_case_that_was_sent_and_lost(tmp_path: Path) -> None:
    """The case of the collection: each call is answered, and is in the history."""
    path = SHARED / "fixtures" / "cases" / "01-sent-then-lost.json"
    if not path.is_file():
        pytest.skip("the collection of cases is not there")
    transport = httpx.MockTransport(lambda request: httpx.Response(200))
    api = anb.connect(spec=path, base_url="http://h.example", history=tmp_path, transport=transport)
    for arguments in ({"id": np.int64(5)}, {"id": 5, "since": pd.Timestamp("2026-01-02", tz="UTC")}, {"id": 2**64}):
        assert api.call("d", **arguments).status == 200
    assert [each.call.parameters["id"] for each in History(api.spec, api.history.path)] == [5, 5, 2**64]
    api.close()
