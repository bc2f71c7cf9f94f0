"""Whatever the cells hold and whatever fails: each row is sent as it is, and none is lost or sent twice."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import astro_nb as anb
from astro_nb.bulk import sending
from astro_nb.http import Retries

RESOURCE: dict[str, Any] = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "what": {}, "deep": {"type": "object", "properties": {"er": {}}}},
}
BODY = {"required": True, "content": {"application/json": {"schema": RESOURCE}}}
CREATED = {"200": {"description": "created", "content": {"application/json": {"schema": {}}}}}
ALL = {
    "200": {"description": "all", "content": {"application/json": {"schema": {"type": "array", "items": RESOURCE}}}},
}
KEY = {"name": "thingId", "in": "path", "required": True, "schema": {"type": "string"}}
DOCUMENT = {
    "openapi": "3.1.0",
    "info": {"title": "Things", "version": "1"},
    "paths": {
        "/things": {
            "post": {"operationId": "CreateThing", "requestBody": BODY, "responses": CREATED},
            "get": {"operationId": "ListThings", "responses": ALL},
        },
        "/things/{thingId}": {
            "put": {"operationId": "PutThing", "parameters": [KEY], "requestBody": BODY, "responses": CREATED},
        },
    },
}
RETRIES = Retries(attempts=10, base=0.001, cap=0.01)


class FaultyServer(ThreadingHTTPServer):
    """A server that carries out requests, or applies its next fault. `done` has what was carried out, in order."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.lock = threading.Lock()
        self.begin([])

    def begin(self, faults: list[str]) -> None:
        self.faults, self.done = list(faults), list[tuple[str, str, Any]]()
        self.declares_total = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def count_names(self) -> Counter[str]:
        return Counter(body["name"] for _, _, body in self.done)


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: FaultyServer
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.lock:
            fault = self.server.faults.pop(0) if self.server.faults else ""
            if fault in ("", "reset done", "502 done"):
                self.server.done.append((self.command, self.path, body))
        FAULTS[fault](self)

    do_PUT = do_POST  # noqa: N815  # the name that the base class looks for

    def do_GET(self) -> None:
        with self.server.lock:
            every = [{"id": str(number), **body} for number, (_, _, body) in enumerate(self.server.done)]
        self.reply(200, every, {"X-Total-Count": str(len(every))} if self.server.declares_total else {})

    def reply(self, status: int, data: Any, headers: Mapping[str, str] = MappingProxyType({})) -> None:
        content = json.dumps(data).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def reset_connection(self) -> None:
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def finish(self) -> None:
        try:
            super().finish()
        except (OSError, ValueError):  # the connection was reset on purpose
            return

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the name of the base class
        return


FAULTS = {
    "": lambda handler: handler.reply(200, {"id": "x"}),
    "429": lambda handler: handler.reply(429, {"message": "slower"}),
    "502": lambda handler: handler.reply(502, {"message": "away"}),
    "502 done": lambda handler: handler.reply(502, {"message": "away"}),
    "reset": Handler.reset_connection,
    "reset done": Handler.reset_connection,
    "400": lambda handler: handler.reply(400, {"message": "no"}),
}


@pytest.fixture(scope="module")
def faulty() -> Iterator[FaultyServer]:
    server = FaultyServer()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def api(faulty: FaultyServer) -> Iterator[anb.Workbench]:
    patch = pytest.MonkeyPatch()
    patch.setattr(sending, "SETTLE_TIME", 0.05)
    workbench = anb.connect(spec=DOCUMENT, base_url=faulty.url, history=None, retries=RETRIES)
    yield workbench
    workbench.close()
    patch.undo()


numbers = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
scalars = st.booleans() | numbers | st.text() | st.sampled_from(["{{x}}", "\\{{y}}", "{{$uuid}}", "{{responses.A.b}}"])


def nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    inner = inner | st.none()
    return st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)


values = st.recursive(scalars, nested, max_leaves=6)
cells = values | st.none()
rows_of = st.lists(st.tuples(cells, cells), min_size=1, max_size=8)
SETTINGS = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def make_table(rows: list[tuple[Any, Any]]) -> pd.DataFrame:
    """Return a DataFrame with these cells, and a name for each row."""
    columns = {"what": [what for what, _ in rows], "deep.er": [deep for _, deep in rows]}
    frame = pd.DataFrame({name: pd.Series(column, dtype="object") for name, column in columns.items()})
    return frame.assign(name=[f"row {number}" for number in range(len(rows))])


def expected(rows: list[tuple[Any, Any]]) -> dict[str, Any]:
    """Return the body of each row by its name; an empty cell is left out."""
    bodies: dict[str, Any] = {}
    for number, (what, deep) in enumerate(rows):
        body: dict[str, Any] = {"name": f"row {number}"}
        body |= {"what": what} if what is not None else {}
        bodies[body["name"]] = body | ({"deep": {"er": deep}} if deep is not None else {})
    return bodies


@SETTINGS
@given(rows=rows_of, faults=st.lists(st.sampled_from(["429", "", "502", "reset", "reset done"]), max_size=9))
def test_idempotent_rows_are_done_whatever_fails(
    rows: list[tuple[Any, Any]], faults: list[str], faulty: FaultyServer, api: anb.Workbench
) -> None:
    """Every row is sent to its own URL with its values, despite 429s, 502s and broken connections."""
    faulty.begin(faults)
    frame = make_table(rows)
    work = api.bulk("PutThing", frame.assign(thing_id=frame["name"])).run(parallel=3)
    assert work.counts["done"] == len(rows), work.frame().to_string()
    put = {path: body for method, path, body in faulty.done if method == "PUT"}
    assert put == {f"/things/{name.replace(' ', '%20')}": body for name, body in expected(rows).items()}


@SETTINGS
@given(
    rows=rows_of,
    faults=st.lists(st.sampled_from(["429", "", "502", "502 done", "reset", "reset done", "400"]), max_size=12),
)
def test_each_create_is_done_once_whatever_fails(
    rows: list[tuple[Any, Any]], faults: list[str], faulty: FaultyServer, api: anb.Workbench
) -> None:
    """A row that is done was done once, a failed one never; an unknown one is reconciled."""
    faulty.begin(faults)
    work = api.bulk("CreateThing", make_table(rows)).run(parallel=3)
    outcomes = dict(zip(work.frame()["name"], work.frame()["outcome"], strict=True))
    assert len(outcomes) == len(rows)
    seen = faulty.count_names()
    for name, outcome in outcomes.items():
        assert {"done": seen[name] == 1, "failed": seen[name] == 0, "unknown": seen[name] <= 1}[outcome]
    again = work
    for _ in range(len(faults) + 1):  # a row that is sent again may fail, too
        for _ in range(len(faults) + 1):
            again.run()
        again = api.bulk("CreateThing", again.failures()).run()
    assert faulty.count_names() == Counter(expected(rows).keys())
    assert {body["name"]: body for _, _, body in faulty.done} == expected(rows)


def test_a_list_that_may_be_incomplete_proves_no_absence(faulty: FaultyServer, api: anb.Workbench) -> None:
    """A row whose response was lost stays unknown if the list lacks it, and nothing says that the list is whole."""
    faulty.begin(["reset", "reset done"])
    faulty.declares_total = False
    work = api.bulk("CreateThing", pd.DataFrame({"name": ["lost before", "lost after"]})).run(parallel=1)
    assert work.outcomes == ["unknown", "done"] or work.run().outcomes == ["unknown", "done"]
    assert "may be incomplete" in work.unknown()["message"][0]
    assert faulty.count_names() == {"lost after": 1}
    faulty.declares_total = True
    assert work.run().outcomes == ["done", "done"]
    assert faulty.count_names() == {"lost before": 1, "lost after": 1}


def test_many_concurrent_rows_are_all_done(faulty: FaultyServer, api: anb.Workbench) -> None:
    """500 creates among 429s: each is done once, and the results have the number of attempts."""
    faulty.begin(["", "429", ""] * 100)
    rows = pd.DataFrame({"name": [f"row {number}" for number in range(500)]})
    work = api.bulk("CreateThing", rows).run()
    assert work.counts["done"] == 500, work.frame().query("outcome != 'done'").to_string()
    assert faulty.count_names() == Counter(rows["name"])
    assert (work.frame()["attempts"] > 1).sum() > 50


def test_a_run_ends_when_the_server_is_down_and_continues_later() -> None:
    """Rows without a connection are not sent, no more are started, and run() continues once the server is back."""
    with anb.Sandbox(limits=False) as sandbox:
        port, token = int(sandbox.url.split(":")[2].split("/")[0]), anb.Secret.in_memory(sandbox.token(), "TOKEN")
        environment = anb.Environment("gone", base_url=sandbox.url, credentials={"token": token}, limits={"POST": 1e6})
        api = anb.connect(environment, history=None, retries=Retries(attempts=2, base=0.01))
        work = api.bulk("CreateWorkspace", [{"name": f"made {n}"} for n in range(60)])
        sandbox.stop()
        counts = work.run(parallel=4).counts
        assert counts["not sent"] == 60
        assert len(api.history) <= 5  # only the active ones
        assert "No more rows were started; run() continues." in work._repr_mimebundle_()["text/plain"]
        sandbox.start(port)
        assert work.run().counts["done"] == 60
        names = Counter(item["name"] for item in api.pages("ListWorkspaces"))
        assert all(names[f"made {n}"] == 1 for n in range(60))
        api.close()
