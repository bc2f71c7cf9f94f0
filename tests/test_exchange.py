"""An exchange tells what a server answered, whatever it answered, and shows no secret of it."""

from __future__ import annotations

import json
import pickle
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import astro_nb as anb
from astro_nb.call import Call
from astro_nb.errors import AstroNbError, PickError
from astro_nb.exchange import Attempt, Exchange, Failure, size_words, time_words
from astro_nb.messages import Request, Response
from astro_nb.openapi import load
from astro_nb.secrets import MASK, Secret

SPEC = load()
TOKEN = "eyJhbGciOiJub25lIn0.planted-one-time-token.c2ln"
BROKEN = Failure("broken", "The connection to example.org broke.", "The server or the network.", "Try again.")


def told(
    operation: str = "GetWorkspace",
    status: int = 200,
    data: Any = None,
    *,
    body: bytes | None = None,
    media: str = "application/json",
    headers: tuple[tuple[str, str], ...] = (),
    reason: str = "",
) -> Exchange:
    """An exchange that ended with this answer."""
    body = json.dumps(data).encode() if body is None else body
    answer = Response(status, ((("Content-Type", media),) if media else ()) + headers, body, reason)
    return blank(operation, response=answer)


def blank(operation: str = "GetWorkspace", **more: Any) -> Exchange:
    """An exchange without an answer, unless one is given."""
    request = Request("GET", "https://api.example.org/v1/things")
    now = datetime(2026, 6, 1, tzinfo=UTC)
    return Exchange("id-1", SPEC.operation(operation), Call(operation), request, now, 0.25, **more)


def surfaces(exchange: Exchange) -> str:
    """Everything that a notebook can show of an exchange, in one text."""
    bundle = exchange._repr_mimebundle_()
    parts = [repr(exchange), str(exchange), f"{exchange}", exchange.text, *bundle.values()]
    parts += [repr(exchange.json()), repr(exchange.items), exchange.frame().to_csv(), exchange.frame().to_html()]
    return "\n".join([*parts, repr(exchange.response), repr(exchange.request), repr(exchange["$"])])


@pytest.mark.parametrize(
    ("status", "ok"),
    [(200, True), (204, True), (304, True), (400, False), (404, False), (429, False), (500, False), (503, False)],
)
def test_ok_is_a_status_below_400(status: int, ok: bool) -> None:
    """`ok` says whether an answer of a status below 400 came; then, and only then, there is no error."""
    exchange = told(status=status, data={})
    assert exchange.ok is ok
    assert (exchange.error is None) is ok


def test_no_answer_is_data_not_an_exception() -> None:
    """Where no answer came, `ok` is false, everything can be shown, and what one picks from says what to do."""
    exchange = blank(failure=BROKEN)
    assert (exchange.ok, exchange.status, exchange.size, exchange.text, exchange.headers) == (False, None, 0, "", {})
    assert exchange.status_text == "broken"
    assert exchange.error is not None
    assert exchange.error.message == BROKEN.message
    assert BROKEN.fault in exchange._repr_mimebundle_()["text/html"]
    assert "$.id" not in exchange
    for read in (exchange.json, exchange.reveal, exchange.frame, lambda: exchange["$.id"], lambda: exchange.items):
        with pytest.raises(PickError) as caught:
            read()
        assert caught.value.todo == BROKEN.todo


def test_the_envelope_of_an_error_is_read() -> None:
    """An Astro error gives its message, its requestId and what is wrong with which field."""
    wrong = [{"field": "name", "code": "required", "message": "is needed"}, "not an object", {"message": 5}]
    data = {"message": "Invalid request: x", "requestId": "req-1", "statusCode": 400, "fieldErrors": wrong}
    exchange = told(status=400, data=data, reason="Bad Request")
    assert exchange.error is not None
    assert exchange.error.message == "Invalid request: x"
    assert exchange.error.request_id == exchange.request_id == "req-1"
    assert [(e.field, e.message, e.code) for e in exchange.error.field_errors] == [
        ("name", "is needed", "required"),
        ("", "5", ""),
    ]
    assert repr(exchange) == "<GetWorkspace → 400 Bad Request: Invalid request: x, requestId req-1>"
    html = exchange._repr_mimebundle_()["text/html"]
    assert all(text in html for text in ("400 Bad Request", "req-1", "is needed"))


def test_the_requestid_may_stand_in_a_header_alone() -> None:
    """A plain-text refusal of the gateway still has its requestId, from the header, in any case of letters."""
    headers = (("X-REQUEST-ID", "req-2"),)
    exchange = told(status=403, body=b"RBAC: access denied", media="text/plain", headers=headers)
    assert exchange.request_id == "req-2"
    assert exchange.error is not None
    assert exchange.error.message == "RBAC: access denied"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"title": "Not Found", "detail": "No such DAG"}, "No such DAG"),
        ({"title": "Not Found"}, "Not Found"),
        ({"error": {"message": "inner"}}, "inner"),
        ({"error": "invalid_grant", "error_description": "expired"}, "expired"),
        ({"error": "invalid_grant"}, "invalid_grant"),
        ({"detail": [{"loc": ["query"], "msg": "bad"}], "title": "Unprocessable"}, "Unprocessable"),
    ],
)
def test_other_envelopes_give_their_message(data: Any, message: str) -> None:
    """Problem details (RFC 9457) and the other usual shapes give their sentence."""
    exchange = told(status=404, data=data)
    assert exchange.error is not None
    assert exchange.error.message == message


@pytest.mark.parametrize(
    ("page", "message"),
    [
        (b"<!DOCTYPE html>\n<html><head><title>502 Bad  Gateway &amp; more</title>", "502 Bad Gateway & more"),
        (b"<html><body>nothing to read</body></html>", "without a title"),
    ],
)
def test_a_page_of_html_is_told_by_its_title(page: bytes, message: str) -> None:
    """A gateway's page is named for what it is, not quoted tag by tag."""
    exchange = told(status=502, body=page, media="text/html")
    assert exchange.error is not None
    assert exchange.error.message.startswith(f"{message} (a page of HTML")


def test_an_empty_error_is_told_by_its_status() -> None:
    """An error without a body says its status; no message is ever empty."""
    exchange = told(status=502, body=b"", media="", reason="Bad Gateway")
    assert exchange.error is not None
    assert exchange.error.message == "502 Bad Gateway"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
ENVELOPE = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("message", "requestId", "fieldErrors", "error", "detail", "roles"), JSON)
)


@settings(deadline=None, max_examples=100, derandomize=True)
@given(
    data=JSON | ENVELOPE,
    status=st.sampled_from([200, 400, 404, 500]),
    operation=st.sampled_from(["ListRoles", "GetWorkspace", "ListPermissionGroups", "CreateApiToken"]),
)
def test_nothing_that_a_server_answers_raises(data: Any, status: int, operation: str) -> None:
    """Whatever JSON a server answers, the exchange can be read, shown and put into a table."""
    exchange = told(operation, status, data)
    assert repr(exchange).startswith(f"<{operation} → {status}")
    assert set(exchange._repr_mimebundle_()) == {"text/plain", "text/html"}
    assert isinstance(exchange.request_id, str)
    assert exchange.error is None or exchange.error.message
    assert len(exchange.frame()) == len(exchange.items)
    assert json.loads(exchange.text) == exchange.json()


@pytest.mark.parametrize("depth", [300, 900])
def test_a_deeply_nested_answer_is_only_data(depth: int) -> None:
    """An answer nested as deep as the parser allows is read and shown without running out of stack."""
    exchange = told(body=b'{"a":' * depth + b"1" + b"}" * depth)
    assert exchange.response is not None
    assert exchange.response.is_json
    assert exchange.text.count("{") == depth
    assert "200" in exchange._repr_mimebundle_()["text/html"]


@pytest.mark.parametrize("operation", ["CreateApiToken", "RotateApiToken"])
def test_a_one_time_token_is_stars_wherever_it_is_shown(operation: str) -> None:
    """The token of a create or a rotate is stars on every surface, and a `Secret` where it is picked."""
    exchange = told(operation, data={"id": "tok-1", "name": "ci", "token": TOKEN})
    assert TOKEN not in surfaces(exchange)
    assert MASK in exchange.text
    picked = exchange["$.token"]
    assert isinstance(picked, Secret)
    assert picked.reveal() == TOKEN
    assert exchange.reveal()["token"] == TOKEN


@pytest.mark.parametrize("status", [200, 201, 400, 500])
def test_a_name_that_says_secret_is_masked_where_the_document_is_silent(status: int) -> None:
    """An undeclared answer has its secrets masked by name alone, at any depth."""
    exchange = told(status=status, data={"inner": [{"password": TOKEN, "client_secret": TOKEN, "note": "shown"}]})
    assert TOKEN not in surfaces(exchange)
    assert "shown" in exchange.text


def test_a_pickled_exchange_holds_no_secret() -> None:
    """Pickling an exchange either fails or leaves the secrets of its answer out."""
    exchange = told("CreateApiToken", data={"id": "tok-1", "token": TOKEN})
    try:
        stored = pickle.dumps(exchange)
    except (TypeError, AstroNbError, pickle.PicklingError):
        return
    assert TOKEN.encode() not in stored


def test_headers_with_credentials_are_stars() -> None:
    """Set-Cookie and its like are stars; the other headers are told by name."""
    exchange = told(data={}, headers=(("SET-Cookie", f"session={TOKEN}"), ("X-Thing", "seen")))
    assert exchange.headers["X-Thing"] == "seen"
    assert TOKEN not in repr(exchange.headers)


def test_values_are_picked_by_jsonpath() -> None:
    """A singular path gives the value, another a list, a missing one an error that says what there is."""
    exchange = told("ListWorkspaces", data={"workspaces": [{"id": "a"}, {"id": "b"}], "totalCount": 2})
    assert exchange["$.workspaces[0].id"] == "a"
    assert exchange["$.workspaces[*].id"] == ["a", "b"]
    assert "$.workspaces[1]" in exchange
    assert "$.workspaces[2]" not in exchange
    with pytest.raises(PickError) as caught:
        exchange["$.deployments"]
    assert "workspaces" in caught.value.todo


@pytest.mark.parametrize(
    ("operation", "data", "count"),
    [
        ("ListWorkspaces", {"workspaces": [{"id": "a"}, {"id": "b"}], "limit": 20, "offset": 0, "totalCount": 2}, 2),
        ("ListWorkspaces", {"workspaces": [], "totalCount": 0}, 0),
        ("ListRoles", {"defaultRoles": [{"name": "x"}], "roles": [{"id": "a"}, {"id": "b"}], "totalCount": 2}, 2),
        ("ListPermissionGroups", [{"name": "x"}, {"name": "y"}, {"name": "z"}], 3),
        ("GetWorkspace", {"id": "a", "name": "one"}, 1),
        ("GetWorkspace", {"things": [1, 2], "total": 2}, 2),
        ("GetWorkspace", 5, 1),
    ],
)
def test_items_are_the_entries_of_a_list_or_the_one_thing(operation: str, data: Any, count: int) -> None:
    """`items` finds the array by the overlay or by the shape of the answer; one thing is a list of one."""
    exchange = told(operation, data=data)
    assert len(exchange.items) == len(exchange.frame()) == count


def test_a_table_begins_with_what_tells_things_apart(api: anb.Workbench) -> None:
    """The frame of a list leads with name and id, and has its dtypes from the schema."""
    frame = api.call("ListDeployments", limit=5).frame()
    assert list(frame.columns[:3]) == ["name", "id", "status"]
    assert len(frame) == 5
    assert str(frame["createdAt"].dtype) == "datetime64[ns, UTC]"
    assert str(frame["isHighAvailability"].dtype) == "boolean"


@pytest.mark.parametrize(
    ("body", "media", "shown"),
    [
        (b"<html><script>alert(1)</script></html>", "text/html", "&lt;script&gt;"),
        (b'{"a": "<img src=x onerror=y>"}', "application/json", "&lt;img"),
        ("größer".encode("latin-1"), "text/plain; charset=latin-1", "größer"),
        ("日本 🚀".encode(), "text/plain", "日本 🚀"),
        (b"\0\1\2" * 400, "application/octet-stream", "1.2 kB of application/octet-stream"),
        (b"\xff\xfe{", "application/json", "\ufffd"),
    ],
)
def test_bodies_are_shown_escaped_and_by_their_kind(body: bytes, media: str, shown: str) -> None:
    """Text is escaped and decoded as declared, binary is told by its size; no markup of a server's gets through."""
    html = told(body=body, media=media)._repr_mimebundle_()["text/html"]
    assert shown in html
    assert "<script" not in html
    assert "<img" not in html


def test_an_ok_answer_that_is_not_json_says_so() -> None:
    """HTML under a 200 is shown as it is; whoever wants JSON of it is told what it is, and to read the text."""
    exchange = told(body=b"<h1>Hello</h1>", media="text/html")
    assert exchange.ok
    assert exchange.text == "<h1>Hello</h1>"
    with pytest.raises(PickError, match=r"text/html.*response\.text"):
        exchange.json()


def test_a_large_answer_is_drawn_small() -> None:
    """Five thousand items make a display that a notebook can keep, and the cut is said."""
    data = {"workspaces": [{"id": f"id-{n}", "name": "x" * 40} for n in range(5000)]}
    html = told("ListWorkspaces", data=data)._repr_mimebundle_()["text/html"]
    assert len(html) < 400_000
    assert "more lines are not shown; response.json() has them all" in html


def test_no_body_is_no_error() -> None:
    """A 204 is shown; to ask it for JSON says that it is empty."""
    exchange = told("DeleteWorkspace", 204, body=b"", media="", reason="No Content")
    assert repr(exchange) == "<DeleteWorkspace → 204 No Content, 0 B>"
    assert "204 No Content" in exchange._repr_mimebundle_()["text/html"]
    with pytest.raises(PickError, match="empty"):
        exchange.json()


def test_a_repr_is_the_same_in_every_run() -> None:
    """No repr holds the address of an object: notebooks stay comparable."""
    exchange = blank(failure=BROKEN, attempts=(Attempt(1, 0.0, 0.1, "broken"),))
    assert " at 0x" not in repr(exchange) + repr(exchange.attempts) + repr(exchange.failure)


@pytest.mark.parametrize(
    ("size", "words"), [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (12_345, "12.3 kB"), (4_500_000, "4.5 MB")]
)
def test_sizes_in_words(size: int, words: str) -> None:
    """Bytes are told in the unit that fits."""
    assert size_words(size) == words


@pytest.mark.parametrize(("seconds", "words"), [(0.0, "0 ms"), (0.085, "85 ms"), (1.239, "1.24 s"), (75, "75.00 s")])
def test_times_in_words(seconds: float, words: str) -> None:
    """Durations are told in the unit that fits."""
    assert time_words(seconds) == words


def test_a_path_into_an_error_tells_the_error() -> None:
    """Whoever picks an id out of a refusal reads why it was refused; what the refusal has is picked as ever."""
    refused = told(
        "CreateWorkspace", 400, {"message": "workspaceId is required", "statusCode": 400}, reason="Bad Request"
    )
    with pytest.raises(PickError) as raised:
        refused["$.id"]
    assert str(raised.value) == (
        "CreateWorkspace ended with 400 Bad Request: workspaceId is required. It has no $.id. Mend that first."
    )
    assert refused["$.statusCode"] == 400
    with pytest.raises(PickError, match="matches nothing"):
        told("GetWorkspace", 200, {"name": "x"})["$.id"]


def test_an_envelope_whose_paths_are_none_finds_nothing() -> None:
    """An overlay that names no JSONPath where one belongs costs the part, and no exchange."""
    document = {
        "openapi": "3.0.3",
        "info": {"title": "t", "version": "1"},
        "x-astro-nb-error": {"requestId": "<no path>", "message": "$["},
        "paths": {"/x": {"get": {"operationId": "x", "responses": {"200": {"description": ""}}}}},
    }
    api = anb.connect(spec=document, base_url="sandbox", history=None)
    exchange = api.call("x")
    assert exchange.request_id == exchange.headers.get("X-Request-Id", "")
    api.close()
