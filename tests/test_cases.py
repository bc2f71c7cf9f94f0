"""Small documents with one difficulty each, and the right value beside it: one test for every file of the folder."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.documents import SHARED
from support.form_driver import FormDriver, button_with, visible_widgets, wait_until
from support.servers import LocalServer

from astro_nb import Workbench, connect
from astro_nb.forms import Form
from astro_nb.messages import Response
from astro_nb.openapi import Operation, load
from astro_nb.schema import signature

CASES = SHARED / "fixtures" / "cases"
Case = Callable[[str], "LoadedCase"]


class LoadedCase:
    """One document, its expected value, and a real server that answers everything with an empty object."""

    def __init__(self, name: str, server: LocalServer) -> None:
        self.path = CASES / f"{name}.json"
        if not self.path.is_file():
            pytest.skip(f"{self.path} does not exist: it is not part of the repository")
        self.expected = json.loads((CASES / f"{name}.expected.json").read_bytes())["expected"]
        self.server = server
        self._opened: list[Workbench] = []

    @property
    def operation(self) -> Operation:
        """The first operation."""
        return next(iter(load(self.path)))

    def connect(self, **options: Any) -> Workbench:
        """Return a workbench at the server."""
        self._opened.append(connect(**{"spec": self.path, "base_url": self.server.url, "history": None, **options}))
        return self._opened[-1]

    def form(self) -> FormDriver:
        """Return the form of the first operation."""
        return FormDriver(self.operation)

    def sent(self) -> list[Any]:
        """Return the JSON bodies that the server has received."""
        return [json.loads(request.body) for request in self.server.requests]

    def close(self) -> None:
        for workbench in self._opened:
            workbench.close()


@pytest.fixture
def case() -> Iterator[Case]:
    """Open cases by name."""
    opened: list[LoadedCase] = []
    with LocalServer() as server:

        def open_case(name: str) -> LoadedCase:
            opened.append(LoadedCase(name, server))
            return opened[-1]

        yield open_case
        for each in opened:
            each.close()


def test_every_case_has_a_test() -> None:
    """Each file of the folder is opened by a test here."""
    if not CASES.is_dir():
        pytest.skip(f"{CASES} does not exist: it is not part of the repository")
    names = {path.name.removesuffix(".expected.json") for path in CASES.glob("*.expected.json")}
    source = Path(__file__).read_text(encoding="utf-8")
    assert len(names) >= 15
    assert {name for name in names if f'case("{name}")' not in source} == set()


# --- sent and read ----------------------------------------------------------------------------------------------------


def test_01_sent_then_lost(case: Case) -> None:
    import numpy
    import pandas

    found = case("01-sent-then-lost")
    api = found.connect()
    moment = pandas.Timestamp("2026-01-02", tz="UTC")
    calls = [{"id": numpy.int64(5)}, {"id": 5, "since": moment}, {"id": 2**64}]
    exchanges = [api.call("d", **arguments) for arguments in calls]
    assert [(exchange.status, api.history[exchange.id].id == exchange.id) for exchange in exchanges] == [
        (200, True)
    ] * 3
    assert [request.url for request in found.server.requests] == [
        "/x/5",
        "/x/5?since=2026-01-02T00%3A00%3A00Z",
        f"/x/{2**64}",
    ]


def test_02_query_in_path(case: Case) -> None:
    found = case("02-query-in-path")
    found.connect().call("g", limit=5)
    (request,) = found.server.requests
    assert f"{request.method} {request.url}" == found.expected


def test_04_answer_integers(case: Case) -> None:
    found = case("04-answer-integers")
    answer = json.loads((CASES / "04-answer-integers.expected.json").read_bytes())["answer"]
    found.server.respond = lambda request: Response(200, (("Content-Type", "application/json"),), answer.encode())
    assert found.connect().call("g")["$.iccid"] == found.expected == 89490200001123456789


def test_08_file_of_31(case: Case) -> None:
    found = case("08-file-of-31")
    form = found.form()
    form.open_all()
    uploads = [widget for widget in form.visible() if "anb-upload" in widget._dom_classes]
    assert [upload.multiple for upload in uploads] == [False, True]
    form.form.fill(full=True)
    found.connect().send(form.form.to_call())
    assert b'name="file"; filename="' in found.server.requests[-1].body


# --- discriminators ---------------------------------------------------------------------------------------------------


def test_00_discriminator_without_mapping(case: Case) -> None:
    found = case("00-discriminator-without-mapping")
    form, right = found.form(), {"role": "user", "text": "hi"}
    form.choose("role", "user")
    form.control("text").value = "hi"
    assert form.body == right
    shown = FormDriver(found.operation, right)
    assert (shown.without_control, shown.control("text").value) == ({}, "hi")
    assert shown.form.problems(lambda value: value) == {}


def test_06_discriminator_on_the_parent(case: Case) -> None:
    found = case("06-discriminator-on-the-parent")
    form = found.form()
    assert [text for text, _ in form.control("kind").options] == ["–", "hound", "cat", "JSON"]
    found.connect().call("p", kind="hound", bark="loud")
    assert found.sent() == [{"kind": "hound", "bark": "loud"}]


# --- what is called body ----------------------------------------------------------------------------------------------


def test_05_body_field_called_body(case: Case) -> None:
    found = case("05-body-field-called-body")
    api = found.connect()
    api.call("p", body="hello")
    api.ops.p(title="t", body="hello")
    assert found.sent() == [json.loads(text) for text in found.expected]
    assert str(signature(found.operation)) == "(*, body: str, title: str = UNSET)"


def test_05b_parameter_called_body(case: Case) -> None:
    found = case("05b-parameter-called-body")
    found.connect().call("g", body="hello")
    (request,) = found.server.requests
    assert (f"{request.method} {request.url}", request.body) == (found.expected, b"")


# --- examples ---------------------------------------------------------------------------------------------------------


def fill_and_send(found: LoadedCase) -> Any:
    """Click "Fill with example" and "Send" in the explorer; return the body that arrives."""
    explorer = found.connect().explore(found.operation.id)
    button_with(visible_widgets(explorer.widget), "Fill with example").click()
    button_with(visible_widgets(explorer.widget), "Send").click()
    wait_until(lambda: found.server.requests or explorer.status.last_error)
    assert explorer.status.last_error is None
    return found.sent()[-1]


def test_09_example_of_the_schema(case: Case) -> None:
    found = case("09-example-of-the-schema")
    assert fill_and_send(found) == found.expected


def test_10_named_examples(case: Case) -> None:
    found = case("10-named-examples")
    assert fill_and_send(found) == {"a": 5}
    form = found.form()
    assert [text for text, _ in form.controls_named("Example")[0].options][2:] == ["good", "other"]
    form.form.use_example("other")
    assert form.body == {"a": 6}


def test_11_braces_in_the_documents_example(case: Case) -> None:
    found = case("11-braces-in-the-documents-example")
    assert fill_and_send(found) == {"text": "Hi {{name}}"}


def test_16_read_only_but_required(case: Case) -> None:
    found = case("16-read-only-but-required")
    form = found.form()
    form.open_all()
    for name in ("id", "type"):
        assert "read-only" in form.text_at(name)
    form.control("id").value = "P1"
    form.control("type").value = "service_reference"
    assert form.body == {"service": {"id": "P1", "type": "service_reference"}}
    example = Form(found.operation)
    example.fill(full=True)
    assert example.to_call().body == {"title": "t", "service": {"id": "P1", "type": "service_reference"}}


# --- conditions and undeclared names ----------------------------------------------------------------------------------


def test_12_if_then_else(case: Case) -> None:
    found = case("12-if-then-else")
    form = found.form()
    form.choose("animal", "true")
    assert "required" in form.text_at("food")
    form.choose("animal", "false")
    form.open_all()
    assert "required" not in form.text_at("food")
    found.connect().call("p", animal=True, food="hay")
    assert found.sent() == [{"animal": True, "food": "hay"}]


def test_17_any_names(case: Case) -> None:
    found = case("17-any-names")
    found.connect().call("p", a="1", team="x")
    assert found.sent() == [{"a": "1", "team": "x"}]


# --- servers ----------------------------------------------------------------------------------------------------------


def test_13_servers_of_an_operation(case: Case) -> None:
    found = case("13-servers-of-an-operation")
    api = found.connect(base_url="https://api.example.eu")
    preview = api.session.preview(api.session.build_call("p", {}))
    assert preview.url == "https://intake.example.eu/logs"
