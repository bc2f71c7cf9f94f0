"""The state that a wait is for is found by the document or in the response, or the wait says that it cannot be."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.servers import LocalServer, json_response

import astro_nb as anb
from astro_nb.errors import UnknownName, WaitFailed, WaitTimeout
from astro_nb.http import Client, Retries
from astro_nb.openapi import load
from astro_nb.polling.conditions import build_condition
from astro_nb.polling.fields import is_failure, state_fields

TEXT: dict[str, Any] = {"type": "string"}


def enum(*values: str) -> dict[str, Any]:
    return {"type": "string", "enum": list(values)}


def object_of(**fields: Any) -> dict[str, Any]:
    return {"type": "object", "properties": fields}


JOB = enum("queued", "running", "success", "failed", "canceled")
SCHEMAS: dict[str, Any] = {
    "state": object_of(id=TEXT, state=JOB),
    "longName": object_of(id=TEXT, jobStatus=JOB, title=TEXT),
    "nested": object_of(metadata=object_of(name=TEXT), status=object_of(phase=enum("Pending", "Running", "Succeeded"))),
    "two": object_of(status=enum("queued", "in_progress", "completed"), conclusion=enum("success", "failure")),
    "oddName": object_of(id=TEXT, situation=enum("open", "shut")),
    "free": object_of(id=TEXT, state=TEXT),
    "union": {"oneOf": [object_of(status=enum("ready")), object_of(status=enum("broken", "gone_away"))]},
    "constants": object_of(status={"oneOf": [{"const": "on"}, {"const": "off", "title": "Off"}]}),
    "nullable": object_of(state={"anyOf": [enum("on", "off"), {"type": "null"}]}),
    "named": object_of(fields=object_of(status=object_of(name=TEXT, id=TEXT))),
    "silent": {},
    "noState": object_of(id=TEXT, name=TEXT),
}


def make_document() -> dict[str, Any]:
    def get(name: str, schema: Any) -> dict[str, Any]:
        ok = {"description": "", "content": {"application/json": {"schema": schema}}}
        return {"get": {"operationId": name, "responses": {"200": ok}}}

    paths = {f"/{name}": get(name, schema) for name, schema in SCHEMAS.items()}
    return {"openapi": "3.0.3", "info": {"title": "Jobs", "version": "1"}, "paths": paths}


SPEC = load(make_document())


class Jobs:
    """A workbench on a server that sends the given bodies in turn, the last one for ever."""

    def __init__(self, server: LocalServer) -> None:
        self.seconds = 0.0
        self.server = server
        self.api = anb.connect(spec=make_document(), base_url=server.url, history=None)
        self.api.session.client.close()
        retries = Retries(attempts=1)
        self.api.session.client = Client(retries=retries, sleep=self.sleep, clock=lambda: self.seconds)

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds

    def wait(self, name: str, until: Any, *bodies: Any, **options: Any) -> Any:
        left = list(bodies)
        self.server.requests.clear()
        self.server.respond = lambda request: json_response(left.pop(0) if len(left) > 1 else left[0])
        return self.api.wait(name, until=until, **options)


@pytest.fixture(scope="module")
def jobs() -> Iterator[Jobs]:
    with LocalServer() as server:
        found = Jobs(server)
        yield found
        found.api.close()


@pytest.mark.parametrize(
    ("name", "until", "bodies"),
    [
        ("state", "success", [{"state": "running"}, {"state": "success"}]),
        ("state", "SUCCESS", [{"state": "running"}, {"state": "success"}]),
        ("longName", "Success", [{"jobStatus": "queued"}, {"jobStatus": "success"}]),
        ("nested", "succeeded", [{"status": {"phase": "Running"}}, {"status": {"phase": "Succeeded"}}]),
        (
            "two",
            "success",
            [{"status": "in_progress", "conclusion": None}, {"status": "completed", "conclusion": "success"}],
        ),
        ("two", "in progress", [{"status": "queued"}, {"status": "in_progress"}]),
        ("oddName", "shut", [{"situation": "open"}, {"situation": "shut"}]),
        ("free", "whatever", [{"state": "other"}, {"state": "Whatever"}]),
        ("union", "ready", [{"status": "gone_away"}, {"status": "ready"}]),
        ("constants", "ON", [{"status": "off"}, {"status": "on"}]),
        ("nullable", "on", [{"state": None}, {"state": "on"}]),
        ("named", "Done", [{"fields": {"status": {"name": "To Do"}}}, {"fields": {"status": {"name": "Done"}}}]),
        ("silent", "Done", [{"status": {"name": "To Do"}}, {"status": {"name": "Done"}}]),
        ("silent", "done", [{"state": "new"}, {"state": "done"}]),
        ("silent", "done", [{"data": {"job_status": "new"}}, {"data": {"job_status": "DONE"}}]),
        ("noState", "done", [{"status": "new"}, {"status": "done"}]),
    ],
)
def test_a_wait_finds_the_state_in_its_field(jobs: Jobs, name: str, until: str, bodies: list[Any]) -> None:
    """A word is looked for in the field that can have it, whatever its name, its place, and the case of its letters."""
    found = jobs.wait(name, until, *bodies, timeout=60)
    assert found.json() == bodies[-1]
    assert len(jobs.server.requests) == len(bodies)
    assert len(found.transitions) == len(bodies)


@pytest.mark.parametrize(
    ("name", "until", "known"),
    [
        ("state", "sucess", "success"),
        ("state", "done", "queued"),
        ("two", "succeeded", "in_progress"),
        ("nested", "Failed", "Pending"),
        ("union", "done", "gone_away"),
        ("constants", "done", "off"),
        ("nullable", "done", "off"),
        ("state", ["success", "ok"], "success"),
    ],
)
def test_a_word_that_no_response_can_have_is_refused(jobs: Jobs, name: str, until: Any, known: str) -> None:
    """Nothing is sent, and the error lists the words that there are."""
    with pytest.raises(UnknownName) as caught:
        jobs.wait(name, until, {})
    assert known in str(caught.value)
    assert jobs.server.requests == []


@pytest.mark.parametrize(
    ("name", "until", "body", "word"),
    [
        ("state", "success", {"state": "failed"}, "failed"),
        ("state", "success", {"state": "canceled"}, "canceled"),
        ("two", "success", {"status": "completed", "conclusion": "failure"}, "failure"),
        ("two", "success", {"status": "error", "conclusion": None}, "error"),
        ("free", "ready", {"state": "Provisioning Failed"}, "Provisioning Failed"),
        ("silent", "done", {"result": {"status": "TIMED_OUT"}}, "TIMED_OUT"),
        ("silent", "done", {"id": 1}, "no field for a state"),
        ("silent", "done", ["done"], "no field for a state"),
        ("noState", "done", {"id": "1"}, "no field for a state"),
    ],
)
def test_a_wait_that_cannot_succeed_ends_at_once(jobs: Jobs, name: str, until: str, body: Any, word: str) -> None:
    """A state that means failure, or a response without any state, ends the wait after one request."""
    with pytest.raises(WaitFailed, match=word):
        jobs.wait(name, until, body)
    assert len(jobs.server.requests) == 1


def test_a_failure_that_is_waited_for_is_a_success(jobs: Jobs) -> None:
    """If the wanted state is a failure, it ends the wait well; another failure ends it with an error."""
    assert jobs.wait("state", "failed", {"state": "failed"}).ok
    assert jobs.wait("state", ["success", "failed"], {"state": "failed"}).ok
    with pytest.raises(WaitFailed, match="canceled"):
        jobs.wait("state", "failed", {"state": "canceled"})
    with pytest.raises(WaitTimeout):  # a condition says itself what it means
        jobs.wait("state", "$.state != 'failed'", {"state": "failed"}, timeout=1)


@settings(deadline=None, max_examples=100)
@given(
    st.lists(
        st.text("abcdefgh_-", min_size=1, max_size=8).filter(lambda w: w.strip("_-") and not is_failure(w)),
        min_size=1,
        max_size=6,
        unique_by=lambda w: w.strip("_-"),
    ),
    st.sampled_from(["status", "state", "phase", "lifecycle_state", "buildStatus"]),
    st.integers(0, 2),
    st.data(),
)
def test_every_word_of_an_enum_can_be_waited_for(words: list[str], name: str, depth: int, data: Any) -> None:
    """Each value of the enum, and no other word, is a state of the operation, however deep its field is."""
    schema: Any = object_of(**{name: enum(*words), "title": TEXT})
    for _ in range(depth):
        schema = object_of(data=schema, note=TEXT)
    document = {
        **make_document(),
        "paths": {
            "/x": {
                "get": {
                    "operationId": "x",
                    "responses": {"200": {"description": "", "content": {"application/json": {"schema": schema}}}},
                }
            }
        },
    }
    operation = load(document).operation("x")
    assert state_fields(operation)[0].path == ("data",) * depth + (name,)
    word = data.draw(st.sampled_from(words))
    assert word in build_condition(operation, word).alternatives[0].states
    with pytest.raises(UnknownName):
        build_condition(operation, "zz")
