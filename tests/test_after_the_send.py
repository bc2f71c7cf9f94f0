"""After the send nothing is lost: a history, a disk or a display that fails, redirects, and transports of one's own."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import astro_nb as anb
from astro_nb.bulk import prepare_bulk
from astro_nb.call import UNSET, Call
from astro_nb.errors import AstroNbWarning, UsageError, WaitFailed
from astro_nb.exchange import Exchange
from astro_nb.explorer import Explorer
from astro_nb.history import History
from astro_nb.http import Retries
from astro_nb.progress import Progress

LIST = {"type": "object", "properties": {"items": {"type": "array", "items": {"type": "object"}},
        "totalCount": {"type": "integer"}}}  # fmt: skip
THING = {"type": "object", "properties": {"n": {"type": "integer"}, "name": {"type": "string"}}}


def _operation(name: str, body: bool = False, schema: Any = None, **more: Any) -> dict[str, Any]:
    content = {"content": {"application/json": {"schema": THING}}}
    answer = {"description": "", **({"content": {"application/json": {"schema": schema}}} if schema else {})}
    return {"operationId": name, "responses": {"200": answer}, **({"requestBody": content} if body else {}), **more}


PAGING = [{"name": name, "in": "query", "schema": {"type": "integer"}} for name in ("limit", "offset")]
DOCUMENT = {
    "openapi": "3.0.3",
    "info": {"title": "Kept", "version": "1"},
    "paths": {
        "/things": {
            "post": _operation("create", body=True),
            "get": _operation("list", schema=LIST, parameters=PAGING),
            "options": _operation("options"),
        },
        "/thing": {
            "get": _operation("read"),
            "head": _operation("head"),
            "put": _operation("replace", body=True),
            "patch": _operation("patch", body=True),
            "delete": _operation("delete"),
        },
    },
}
TOKEN = "one-time-token-0815"  # a value of a test


def respond(request: httpx.Request) -> httpx.Response:
    """Answer as a server would; the list has 7 items on pages of at most 2."""
    if request.url.path == "/things" and request.method == "GET":
        start, limit = (int(request.url.params.get(name, given)) for name, given in (("offset", 0), ("limit", 2)))
        items = [{"id": n} for n in range(start, min(start + min(limit, 2), 7))]
        return httpx.Response(200, json={"items": items, "totalCount": 7, "limit": 2, "offset": start})
    return httpx.Response(200, json={"id": 1, "note": TOKEN})


Connect = Callable[..., anb.Workbench]


@pytest.fixture
def connect(tmp_path: Path) -> Iterator[Connect]:
    """Return a function that connects over a given way to respond, with the history in a file."""
    made: list[anb.Workbench] = []

    def connect(answer: Callable[[httpx.Request], Any] = respond, **options: Any) -> anb.Workbench:
        options = {"transport": httpx.MockTransport(answer), "history": tmp_path / "history", **options}
        made.append(anb.connect(spec=DOCUMENT, base_url="http://h.example", **options))
        return made[-1]

    yield connect
    for api in made:
        api.close()


# --- what cannot be stored is returned --------------------------------------------------------------------------------


def lock(api: anb.Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process locks the file."""
    monkeypatch.setattr("astro_nb.history.database._LOCK_TIMEOUT", 0.01)
    api.history.close()
    other = sqlite3.connect(str(api.history.path), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    api.variables.places = lambda keep=other: ()  # keeps the connection open as long as the workbench


def fill(api: anb.Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk is full: SQLite may use no more pages than it has."""
    with api.history._database.writing() as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count={pages}")
        insert = "INSERT INTO body SELECT 'filler ' || value, zeroblob(900) FROM json_each(?)"
        with pytest.raises(sqlite3.OperationalError, match="full"):
            connection.execute(insert, (str(list(range(1000))),))
    for size in (900, 90, 9):  # fill what is left
        with contextlib.suppress(anb.errors.SettingsError), api.history._database.writing() as connection:
            for number in range(1000):
                connection.execute("INSERT INTO body VALUES (?, ?)", (f"filler {size} {number}", bytes(size)))
                connection.commit()


def damage(api: anb.Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody overwrites the file."""
    assert api.history.path is not None
    api.history.close()
    api.history.path.write_bytes(b"not a database at all" * 1000)


def drop(api: anb.Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A table is gone."""
    with api.history._database.writing() as connection:
        connection.execute("DROP TABLE entry")


def fail_to_encode(api: anb.Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is stored of an exchange cannot be encoded."""

    def broken(exchange: Exchange) -> Any:
        raise ZeroDivisionError("no detail")

    monkeypatch.setattr("astro_nb.history.history.encode_exchange", broken)


FAULTS = [lock, fill, damage, drop, fail_to_encode]
Fault = Callable[[anb.Workbench, pytest.MonkeyPatch], None]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("strict", [False, True])
def test_an_exchange_that_cannot_be_stored_is_returned(
    fault: Fault, strict: bool, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a warning, by every way to send; also where warnings are errors. A value of the response can be used."""
    api = connect()
    fault(api, monkeypatch)
    sends: list[Callable[[], Exchange]] = [
        lambda: api.call("create", n=1),
        lambda: api.send(Call("create", body={"n": 1})),
        lambda: api.start("create", n=1).result(10),
    ]
    for send in sends:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("error" if strict else "always")
            exchange = send()
        assert (exchange.ok, exchange["$.note"]) == (True, TOKEN)
        assert exchange.not_stored.strip()
        assert "not in the history" in repr(exchange)
        assert "not in the history" in exchange._repr_mimebundle_()["text/html"]
        assert strict or any("not in the history" in str(each.message) for each in caught)
        assert api.session.exchanges[-1].id == exchange.id


def test_an_interrupt_while_it_is_stored_loses_nothing(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """The interrupt ends the cell, and the exchange is among those of the session."""

    def interrupt(exchange: Exchange) -> Any:
        raise KeyboardInterrupt

    api = connect()
    monkeypatch.setattr("astro_nb.history.history.encode_exchange", interrupt)
    with pytest.raises(KeyboardInterrupt):
        api.call("create", n=1)
    assert api.session.exchanges[-1]["$.note"] == TOKEN


@pytest.mark.parametrize("fault", [lock, drop, fail_to_encode])
def test_lists_and_waits_go_on_without_the_history(
    fault: Fault, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All pages are read, and the condition is met."""
    api = connect()
    fault(api, monkeypatch)
    with pytest.warns(AstroNbWarning):
        pages = api.pages("list")
    assert [item["id"] for item in pages.items()] == list(range(7))
    assert all(exchange.not_stored for exchange in pages.exchanges)
    with pytest.warns(AstroNbWarning):
        assert api.wait("read", until=lambda exchange: exchange.ok, timeout=5).not_stored


def test_a_bulk_stops_when_its_journal_fails(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was sent is known, what was not sent is not, and the display says what happened; then it can go on."""
    sent: list[int] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(len(sent))
        if len(sent) == 3:
            monkeypatch.setattr("astro_nb.history.journal.Journal.mark", failing)
        return respond(request)

    def failing(*arguments: Any) -> None:
        raise anb.errors.SettingsError("The disk is full.", "Free some space.")

    api = connect(answer)
    work = api.bulk("create", [{"n": n} for n in range(9)])
    work.run(parallel=1)
    assert (work.counts["done"], work.counts["not sent"], len(sent)) == (3, 6, 3)
    assert "The disk is full." in repr(work._repr_mimebundle_())
    monkeypatch.undo()
    assert work.run(parallel=1).counts["done"] == 9
    assert len(sent) == 9


def test_the_explorer_shows_what_could_not_be_stored(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """The response is shown with a note, although the list of the history cannot be read any more."""
    api = connect()
    explorer = Explorer(api.session, None, "create")
    drop(api, monkeypatch)
    with pytest.warns(AstroNbWarning):
        exchange = api.call("create", n=1)
    explorer._on_response(exchange)
    assert "not in the history" in explorer.response._head.value
    assert "was sent, but the history cannot be read" in explorer.status.widget.value


@pytest.mark.parametrize("whole", [False, True], ids=["file", "folder"])
def test_a_history_that_is_deleted_begins_anew(whole: bool, connect: Connect) -> None:
    """What is sent after its file was deleted is not written to a file that nobody can open."""
    api = connect()
    api.call("create", n=1)
    assert api.history.path is not None
    if whole:
        shutil.rmtree(api.history.path.parent)
    else:
        api.history.path.unlink()
    for number in (2, 3):
        assert api.call("create", n=number).not_stored == ""
    assert [each.call.body for each in History(api.spec, api.history.path)] == [{"n": 2}, {"n": 3}]


def test_a_display_that_fails_loses_nothing(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """A progress bar, a report of an attempt and the quick check of the response may fail: the response counts."""

    def broken(*arguments: Any, **options: Any) -> Any:
        raise ZeroDivisionError("no display")

    monkeypatch.setattr("astro_nb.progress.in_notebook", lambda: True)
    monkeypatch.setattr("IPython.display.display", broken)
    monkeypatch.setattr("astro_nb.http.request_flow.check_response", broken)
    monkeypatch.delenv("ASTRO_NB_PROGRESS", raising=False)
    answers = iter([503, 200, *[200] * 20])
    api = connect(lambda request: httpx.Response(next(answers), json={"items": []}), retries=Retries(base=0.001))
    with pytest.warns(AstroNbWarning, match="no display"):
        exchange = api.call("read")
    assert (exchange.status, len(exchange.attempts)) == (200, 2)
    assert [violation.keyword for violation in exchange.violations] == ["unchecked"]
    with pytest.warns(AstroNbWarning, match="no display"):
        work = prepare_bulk(api.session, "create", [{"n": 1}, {"n": 2}], None, UNSET, Progress("Rows", delay=0.0)).run()
    assert work.counts["done"] == 2


BODIES = st.one_of(
    st.binary(max_size=60),
    st.sampled_from(
        [
            b'{"id": 1, "half": "\\ud800"}',
            b'{"n": NaN, "m": 1e400, "o": 89490200001123456789}',
            b'{"a": 1, "a": 2}',
            '{"name": "\u00fc"}'.encode("latin-1"),
            '{"name": "\u00fc"}'.encode("utf-16"),
            b'{"id": 1, "na',
            b'[{"id": 1}]\n[{"id": 2}]',
            b"[" * 3000 + b"]" * 3000,
            b"<a>text</a>",
            bytes(range(256)),
        ]
    ),
)
HEADERS = st.lists(
    st.sampled_from(
        [
            (b"Content-Type", b"application/json"),
            (b"Content-Type", b"application/json; charset=utf-16"),
            (b"Content-Type", b"text/html; charset=no-such"),
            (b"Content-Type", b"\xff\xfe"),
            (b"Content-Encoding", b"gzip"),
            (b"Content-Encoding", b"br"),
            (b"Location", b"http://["),
            (b"X-Latin", "\u00fc".encode("latin-1")),
            (b"Set-Cookie", b"a=b"),
            (b"Set-Cookie", b"c=d"),
            (b"X-Request-Id", b"\x80" * 300),
        ]
    ),
    max_size=4,
)


def test_every_response_is_kept(connect: Connect) -> None:
    """Whatever a server responds, nothing raises, and another process reads the exchange from the history."""
    answers: list[httpx.Response] = []
    api = connect(lambda request: answers.pop(), retries=Retries(attempts=1))

    @settings(max_examples=80, deadline=None)
    @given(status=st.integers(200, 599), headers=HEADERS, body=BODIES, operation=st.sampled_from(["read", "create"]))
    def keep(status: int, headers: list[tuple[bytes, bytes]], body: bytes, operation: str) -> None:
        answers.append(httpx.Response(status, headers=headers, stream=httpx.ByteStream(body)))
        before = len(api.history)
        exchange = api.call(operation)
        assert repr(exchange)
        assert exchange._repr_mimebundle_()["text/html"]
        assert exchange.not_stored == ""
        assert len(api.history) == before + 1
        stored = History(api.spec, api.history.path)[-1]
        for name in ("id", "call", "status", "size", "failure", "attempts", "ok", "outcome", "request_id", "started"):
            assert getattr(stored, name) == getattr(exchange, name), name
        assert stored.text == exchange.text

    keep()


# --- redirects --------------------------------------------------------------------------------------------------------

UNSAFE = ("create", "replace", "patch", "delete")


def redirect(status: int, location: str) -> Callable[[httpx.Request], httpx.Response]:
    """Answer everything with a redirect."""
    return lambda request: httpx.Response(status, headers={"Location": location} if location else {})


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 305, 307, 308, 399])
@pytest.mark.parametrize("operation", UNSAFE)
def test_an_unsafe_call_that_meets_a_redirect_is_not_carried_out(operation: str, status: int, connect: Connect) -> None:
    """Not ok; where the redirect leads and what to do are told, but no credential of the address."""
    secret = "https://user:word@other.example/things?signature=abc#part"  # a value of a test
    api = connect(redirect(status, secret), history=None)
    exchange = api.call(operation)
    assert (exchange.ok, exchange.outcome, exchange.status) == (False, "not carried out", status)
    assert exchange.error is not None
    assert "https://other.example/things" in exchange.error.message
    shown = repr(exchange) + exchange._repr_mimebundle_()["text/html"]
    assert "not carried out" in shown
    assert ("https://other.example" in exchange.advice) == (operation == "create")  # the same path on another host
    assert exchange.advice.endswith(".")
    assert not any(part in shown for part in ("signature=abc", "word@", "#part"))
    assert len(api.errors) == 1


@pytest.mark.parametrize(("location", "words"), [("/elsewhere", "/elsewhere"), ("", "to no address"), ("http://[", "")])
def test_a_redirect_is_told_whatever_its_address(location: str, words: str, connect: Connect) -> None:
    """A relative address is shown in full; none, and a malformed one, are told as well."""
    exchange = connect(redirect(307, location), history=None).call("create")
    assert exchange.error is not None
    assert words in exchange.error.message
    assert exchange.advice.endswith(".")


@pytest.mark.parametrize(
    ("operation", "status", "location", "done"),
    [
        ("read", 302, "", False),
        ("read", 300, "/other", False),
        ("read", 307, "http://[bad", False),
        ("options", 301, "/other", False),
        ("head", 305, "/other", False),
        ("read", 304, "", True),
    ],
)
def test_a_redirect_that_is_not_followed_is_not_done(
    operation: str, status: int, location: str, done: bool, connect: Connect
) -> None:
    """Nothing was read. A 304 answers a conditional request, and is no redirect."""
    exchange = connect(redirect(status, location), history=None).call(operation)
    assert (exchange.ok, exchange.outcome) == ((True, "done") if done else (False, "not carried out"))


def test_a_bulk_of_redirects_has_failed(connect: Connect) -> None:
    """No row is done; the message of each says where it was led, and a second run does not send it again."""
    api = connect(redirect(302, "https://other.example/things"))
    work = api.bulk("create", pd.DataFrame({"n": [1, 2]})).run()
    assert (work.counts["done"], work.counts["failed"]) == (0, 2)
    assert work.failures()["message"].str.contains("https://other.example/things").all()


def test_a_wait_and_a_list_end_at_a_redirect(connect: Connect) -> None:
    """The same request would be redirected again."""
    api = connect(redirect(302, ""), history=None)
    with pytest.raises(WaitFailed):
        api.wait("read", until="$.done == true", timeout=60)
    with pytest.raises(anb.errors.PagesIncomplete):
        api.pages("list").items()


def test_a_redirect_after_an_uncertain_attempt_is_unknown(connect: Connect) -> None:
    """The first attempt may have been carried out; a redirect does not settle it."""
    answers = iter([httpx.Response(503), httpx.Response(302, headers={"Location": "/login"})])
    api = connect(lambda request: next(answers), retries=Retries(base=0.001))
    assert api.call("replace", n=1).outcome == "unknown"


# --- transports -------------------------------------------------------------------------------------------------------


class SyncOnly(httpx.BaseTransport):
    """A transport that can be called, and not awaited, such as httpx.WSGITransport."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return respond(request)


class AsyncOnly(httpx.AsyncBaseTransport):
    """A transport that can be awaited, and not called, such as httpx.ASGITransport."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return respond(request)


async def respond_async(request: httpx.Request) -> httpx.Response:
    """Answer from an async handler."""
    return respond(request)


@pytest.mark.parametrize(
    "transport",
    [
        SyncOnly(),
        AsyncOnly(),
        httpx.MockTransport(respond),
        httpx.MockTransport(respond_async),
        httpx.WSGITransport(
            lambda environ, start: (start("200 OK", [("Content-Type", "application/json")]), [b'{"items":[]}'])[1]
        ),
    ],
    ids=["sync", "async", "mock", "async mock", "WSGI"],
)
def test_a_transport_serves_every_way_to_send(transport: Any, connect: Connect) -> None:
    """Blocking, in the background, pages, a bulk, a wait, and the explorer, whose sends are in the background."""
    api = connect(transport=transport)
    assert api.call("create", n=1).ok
    assert api.start("create", n=1).result(10).ok
    assert api.pages("list").complete
    assert api.bulk("create", [{"n": 1}, {"n": 2}]).run().counts["done"] == 2
    assert api.wait("read", until=lambda exchange: exchange.ok).ok
    explorer = Explorer(api.session, None, "create")
    explorer.sending.send(Call("create", body={"n": 1}))
    assert explorer.sending._running is not None
    assert explorer.sending._running.result(10).ok


@pytest.mark.parametrize("transport", [object(), "http://proxy", respond, httpx.BaseTransport])
def test_what_is_no_transport_is_refused(transport: Any, connect: Connect) -> None:
    """At `connect`, not at the first send."""
    with pytest.raises(UsageError, match="transport"):
        connect(transport=transport)


def test_a_transport_that_raises_is_a_failure(connect: Connect) -> None:
    """The request may have been sent: the exchange says so, is stored, and is not repeated."""
    calls: list[str] = []

    def broken(request: httpx.Request) -> httpx.Response:
        calls.append(request.method)
        raise KeyError("a bug")

    api = connect(broken)
    for exchange in (api.call("create", n=1), api.start("create", n=1).result(10)):
        assert exchange.failure is not None
        assert (exchange.failure.kind, exchange.outcome) == ("transport", "unknown")
        assert "KeyError" in exchange.failure.message
    assert (len(calls), len(api.history)) == (2, 2)
    with pytest.raises(WaitFailed):  # another request would fail as well
        api.wait("read", until="$.done == true", timeout=60)
