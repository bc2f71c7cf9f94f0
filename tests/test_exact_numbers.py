"""Numbers that a float cannot hold, from a response or a document to the next request, the history and a runbook."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.servers import LocalServer

import astro_nb as anb
from astro_nb.codegen import SNIPPETS
from astro_nb.errors import PickError, UsageError
from astro_nb.json_text import parse_number, read_json, write_json
from astro_nb.jsonpath import find, pick
from astro_nb.messages import Request, Response
from astro_nb.schema import body_field, make_sample
from astro_nb.serialization import to_json
from astro_nb.workbench import Workbench
from astro_nb.yaml import dump_yaml, load_yaml

BIG = 89490200001123456789
LONG = "0.12345678901234567890"
THING = {
    "type": "object",
    "required": ["iccid", "price"],
    "properties": {
        "iccid": {"type": "integer", "example": BIG, "minimum": BIG - 1},
        "price": {"type": "number", "example": "LONG", "maximum": "HUGE"},
        "name": {"type": "string"},
        "rest": {},
    },
}
CONTENT = {"content": {"application/json": {"schema": THING}}}
ID = {"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}
Q = {"name": "q", "in": "query", "schema": {"type": "number"}}
PUT = {"operationId": "PutThing", "requestBody": CONTENT, "responses": {"200": {"description": "", **CONTENT}}}
GET = {"operationId": "GetThing", "parameters": [Q], "responses": {"200": {"description": "", **CONTENT}}}
DOCUMENT = {
    "openapi": "3.0.3",
    "info": {"title": "exact", "version": "1"},
    "paths": {"/things/{id}": {"parameters": [ID], "get": GET, "put": PUT}},
}
REST = "[1.0, 1e2, -0.0, 0.10, 1e400, 2, 9007199254740993]"
STORED = f'{{"iccid": {BIG}, "price": {LONG}, "name": "a", "rest": {REST}}}'.encode()
"""As the server stores a thing."""


@pytest.fixture
def server() -> Iterator[LocalServer]:
    """A server that returns the stored thing to a reading, and to a writing what it was sent."""

    def respond(request: Request) -> Response:
        return Response(200, (("Content-Type", "application/json"),), request.body or STORED)

    with LocalServer(respond) as started:
        yield started


@pytest.fixture
def api(server: LocalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workbench:
    """The server's API, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    text = json.dumps(DOCUMENT).replace('"LONG"', LONG).replace('"HUGE"', "1e400")
    Path("exact.json").write_text(text, encoding="utf-8")
    return anb.connect(spec="exact.json", base_url=server.url)


def test_a_value_of_a_response_is_the_same_in_the_next_request(api: Workbench, server: LocalServer) -> None:
    """As a variable, by a reference to the response, and picked: in the path, the query and the body."""
    thing = api.call("GetThing", id=1)
    assert thing["$.iccid"] == BIG
    assert str(thing["$.price"]) == LONG
    api.variables["iccid"], api.variables["price"] = thing["$.iccid"], thing["$.price"]
    assert (api.variables["iccid"], api.variables["price"]) == (BIG, Decimal(LONG))
    api.call("GetThing", id="{{iccid}}", q="{{price}}")
    api.call("GetThing", id=thing["$.iccid"], q=thing["$.price"])
    assert [request.url for request in server.requests[-2:]] == [f"/things/{BIG}?q={LONG}"] * 2
    api.call("PutThing", id=1, iccid="{{iccid}}", price="{{price}}", name="no {{iccid}} for {{price}}")
    body = f'{{"iccid":{BIG},"price":{LONG},"name":"no {BIG} for {LONG}"}}'
    assert server.requests[-1].body.decode() == body


def test_a_change_writes_back_what_it_read(api: Workbench, server: LocalServer) -> None:
    """Every number that is not changed is the same number, whatever it looked like."""
    assert api.change("PutThing", id=7, name="b").ok
    written = server.requests[-1].body
    assert server.requests[-1].method == "PUT"
    as_decimals = [json.loads(text, parse_float=Decimal, parse_int=Decimal) for text in (written, STORED)]
    assert as_decimals[0] == {**as_decimals[1], "name": "b"}


def test_the_history_has_the_same_numbers(api: Workbench) -> None:
    """The call and the response that are read from the file are equal to those that were sent and received."""
    sent = api.call("PutThing", id=2**70, iccid=BIG, price=Decimal(LONG), rest=[2**64, -(2**63) - 1, {"a": 0.1}])
    assert sent.ok
    read = anb.connect(spec="exact.json", base_url=api.environment.base_url).history[-1]
    assert read is not sent
    assert read.call == sent.call
    assert read.json() == sent.json()
    assert read.text == sent.text


def test_generated_code_has_the_same_numbers(api: Workbench) -> None:
    """A runbook and every snippet repeat the number itself; the imports that they need are there."""
    sent = api.call("PutThing", id=1, iccid=BIG, price=Decimal(LONG))
    for label, snippet in SNIPPETS.items():
        source = snippet(sent.operation, sent.call, sent.request)
        assert str(BIG) in source
        assert LONG in source
        if label != "curl":
            compile(source, label, "exec")
    assert "from decimal import Decimal" in SNIPPETS["Python (astro_nb)"](sent.operation, sent.call, sent.request)
    api.runbook.write("exact.ipynb")
    cells = json.loads(Path("exact.ipynb").read_text(encoding="utf-8"))["cells"]
    code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    assert str(BIG) in code
    assert f'Decimal("{LONG}")' in code
    assert code.index("from decimal import Decimal") < code.index("Decimal(")


def test_a_documents_numbers_are_exact(api: Workbench) -> None:
    """Examples and bounds of the document: in the form, in samples, in both checks; JSON and YAML."""
    field = body_field(api.spec.operation("PutThing"))
    assert field is not None
    sample = make_sample(field, full=True)
    assert (sample["iccid"], str(sample["price"])) == (BIG, LONG)
    thing = api.call("GetThing", id=1)
    assert thing.violations == ()
    assert thing.check() == ()
    assert [v.keyword for v in api.call("PutThing", id=1, iccid=BIG - 2, price=1).violations] == ["minimum"]


@pytest.mark.parametrize("text", [LONG, str(BIG), "1E+400", "0.1", "-5.5e-7", "1e-400", "18446744073709551616.0"])
def test_yaml_has_the_same_numbers(text: str) -> None:
    """An environment file or a YAML document may have any number, and a variable is written as it was."""
    (value,) = load_yaml(f"[{text}]")
    assert Decimal(str(value)) == Decimal(text)
    assert repr(load_yaml(dump_yaml([value]))) == repr([value])


INTEGERS = st.integers(-(2**80), 2**80)
DECIMALS = st.decimals(allow_nan=False, allow_infinity=False, places=25, min_value=-1, max_value=1)
EXACT = st.one_of(INTEGERS, DECIMALS.map(lambda value: parse_number(str(value))))


@given(st.lists(EXACT, min_size=1, max_size=4), EXACT)
@settings(deadline=None, max_examples=100)
def test_a_filter_compares_exactly(values: list[Any], wanted: Any) -> None:
    """RFC 9535 compares numbers by value: neighbours beyond 2**53 are not equal, and their order is right."""
    data = [{"v": value} for value in [*values, wanted]]
    written = {value: write_json(value).decode() for value in {wanted, *values}}
    exact = {value: Decimal(written[value]) for value in written}
    for operator, holds in (("==", lambda a, b: a == b), ("<", lambda a, b: a < b), (">=", lambda a, b: a >= b)):
        found = find(data, f"$[?@.v {operator} {written[wanted]}].v")
        assert [value for _, value in found] == [v["v"] for v in data if holds(exact[v["v"]], exact[wanted])]


def test_a_filter_reads_literals_as_json() -> None:
    """Exponents and fractions that are whole compare with integers; a leading zero is refused."""
    data = [{"v": 1}, {"v": 100}, {"v": Decimal("1E+400")}, {"v": True}]
    assert pick(data, "$[?@.v == 1e2].v") == [100]
    assert pick(data, "$[?@.v == 1.0].v") == [1]
    assert pick(data, "$[?@.v > 1e399].v") == [Decimal("1E+400")]
    with pytest.raises(PickError):
        find(data, "$[?@.v == 01]")


@given(
    st.recursive(EXACT, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abcé", max_size=3), inner))
)
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
def test_a_body_is_sent_and_read_equal(value: Any) -> None:
    """What a request's body has is what the reader reads from it."""
    assert repr(read_json(to_json(value, "body")).data) == repr(value)


def test_a_table_of_long_ids(api: Workbench, server: LocalServer) -> None:
    """Each id of a table is sent as it is; one that pandas may have changed, as a float for a gap, is refused."""
    ids = [BIG, 2**53 + 1, 2**63]
    for table in ([{"id": number} for number in ids], pd.DataFrame({"id": ids}, dtype=object)):
        assert api.bulk("GetThing", table).run().frame()["outcome"].tolist() == ["done"] * 3
        assert sorted(request.url for request in server.requests[-3:]) == sorted(f"/things/{number}" for number in ids)
    with_gap = pd.DataFrame({"id": [1, 2], "iccid": pd.array([2**53 + 1, None], dtype="Int64"), "price": [1, 1]})
    assert json.loads(api.bulk("PutThing", with_gap).preview()["body"][0])["iccid"] == 2**53 + 1
    with pytest.raises(UsageError, match="float64"):
        api.bulk("GetThing", pd.DataFrame({"id": [2**53 + 1, None]}))
