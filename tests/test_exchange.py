"""An exchange shows what a server responded, whatever it responded, and no secret of it."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import astro_nb as anb
from astro_nb.call import Call
from astro_nb.errors import AstroNbError, PickError
from astro_nb.exchange import Attempt, Exchange, Failure, Outcome, advice_for, format_duration, format_size, outcome_of
from astro_nb.messages import Request, Response
from astro_nb.openapi import load
from astro_nb.secrets import MASK, Secret

SPEC = load()
TOKEN = "eyJhbGciOiJub25lIn0.planted-one-time-token.c2ln"
BROKEN = Failure("broken", "The connection to example.org broke.", "The server or the network.", "Try again.")


def respond(
    operation: str = "GetWorkspace",
    status: int = 200,
    data: Any = None,
    *,
    body: bytes | None = None,
    media: str = "application/json",
    headers: tuple[tuple[str, str], ...] = (),
    reason: str = "",
) -> Exchange:
    """Return an exchange that ended with this response."""
    body = json.dumps(data).encode() if body is None else body
    response = Response(status, ((("Content-Type", media),) if media else ()) + headers, body, reason)
    return make_exchange(operation, response=response)


def make_exchange(operation: str = "GetWorkspace", **more: Any) -> Exchange:
    """Return an exchange without a response, unless one is given."""
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
    """`ok` says whether there is a response with a status below 400; only then is there no error."""
    exchange = respond(status=status, data={})
    assert exchange.ok is ok
    assert (exchange.error is None) is ok


def test_no_response_is_data_not_an_exception() -> None:
    """Without a response `ok` is false, everything can be shown, and picking from it says what to do."""
    exchange = make_exchange(failure=BROKEN)
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
    exchange = respond(status=400, data=data, reason="Bad Request")
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


def test_the_request_id_may_be_in_a_header() -> None:
    """A plain-text refusal of the gateway still has its requestId, from the header, in any case of letters."""
    headers = (("X-REQUEST-ID", "req-2"),)
    exchange = respond(status=403, body=b"RBAC: access denied", media="text/plain", headers=headers)
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
    exchange = respond(status=404, data=data)
    assert exchange.error is not None
    assert exchange.error.message == message


@pytest.mark.parametrize(
    ("page", "message"),
    [
        (b"<!DOCTYPE html>\n<html><head><title>502 Bad  Gateway &amp; more</title>", "502 Bad Gateway & more"),
        (b"<html><body>nothing to read</body></html>", "without a title"),
    ],
)
def test_an_html_page_gives_its_title(page: bytes, message: str) -> None:
    """The page of a gateway is described as what it is, not quoted tag by tag."""
    exchange = respond(status=502, body=page, media="text/html")
    assert exchange.error is not None
    assert exchange.error.message.startswith(f"{message} (an HTML page")


def test_an_empty_error_gives_its_status() -> None:
    """An error without a body has its status as its message; no message is ever empty."""
    exchange = respond(status=502, body=b"", media="", reason="Bad Gateway")
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


@settings(deadline=None, max_examples=100)
@given(
    data=JSON | ENVELOPE,
    status=st.sampled_from([200, 400, 404, 500]),
    operation=st.sampled_from(["ListRoles", "GetWorkspace", "ListPermissionGroups", "CreateApiToken"]),
)
def test_no_response_of_a_server_raises(data: Any, status: int, operation: str) -> None:
    """Whatever JSON a server responds with, the exchange can be read, shown and put into a table."""
    exchange = respond(operation, status, data)
    assert repr(exchange).startswith(f"<{operation} → {status}")
    assert set(exchange._repr_mimebundle_()) == {"text/plain", "text/html"}
    assert isinstance(exchange.request_id, str)
    assert exchange.error is None or exchange.error.message
    assert len(exchange.frame()) == len(exchange.items)
    assert json.loads(exchange.text) == exchange.json()


@pytest.mark.parametrize("depth", [300, 900])
def test_a_deeply_nested_response_is_only_data(depth: int) -> None:
    """A response nested as deep as the parser allows is read and shown without running out of stack."""
    exchange = respond(body=b'{"a":' * depth + b"1" + b"}" * depth)
    assert exchange.response is not None
    assert exchange.response.is_json
    assert exchange.text.count("{") == depth
    assert "200" in exchange._repr_mimebundle_()["text/html"]


@pytest.mark.parametrize("operation", ["CreateApiToken", "RotateApiToken"])
def test_a_one_time_token_is_masked_wherever_it_is_shown(operation: str) -> None:
    """The token of a create or a rotate is masked everywhere, and a `Secret` when it is picked."""
    exchange = respond(operation, data={"id": "tok-1", "name": "ci", "token": TOKEN})
    assert TOKEN not in surfaces(exchange)
    assert MASK in exchange.text
    picked = exchange["$.token"]
    assert isinstance(picked, Secret)
    assert picked.reveal() == TOKEN
    assert exchange.reveal()["token"] == TOKEN


@pytest.mark.parametrize("status", [200, 201, 400, 500])
def test_a_secret_name_is_masked_where_the_document_declares_nothing(status: int) -> None:
    """An undeclared response has its secrets masked by name alone, at any depth."""
    exchange = respond(status=status, data={"inner": [{"password": TOKEN, "client_secret": TOKEN, "note": "shown"}]})
    assert TOKEN not in surfaces(exchange)
    assert "shown" in exchange.text


def test_a_pickled_exchange_holds_no_secret() -> None:
    """Pickling an exchange either fails or leaves the secrets of its response out."""
    exchange = respond("CreateApiToken", data={"id": "tok-1", "token": TOKEN})
    try:
        stored = pickle.dumps(exchange)
    except (TypeError, AstroNbError, pickle.PicklingError):
        return
    assert TOKEN.encode() not in stored


def test_headers_with_credentials_are_masked() -> None:
    """Set-Cookie and its like are masked; the other headers are there by name."""
    exchange = respond(data={}, headers=(("SET-Cookie", f"session={TOKEN}"), ("X-Thing", "seen")))
    assert exchange.headers["X-Thing"] == "seen"
    assert TOKEN not in repr(exchange.headers)


def test_values_are_picked_by_jsonpath() -> None:
    """A singular path gives the value, another a list, a missing one an error that says what there is."""
    exchange = respond("ListWorkspaces", data={"workspaces": [{"id": "a"}, {"id": "b"}], "totalCount": 2})
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
def test_items_are_those_of_a_list_or_the_one_object(operation: str, data: Any, count: int) -> None:
    """`items` finds the array by the overlay or by the shape of the response; one object is a list of one."""
    exchange = respond(operation, data=data)
    assert len(exchange.items) == len(exchange.frame()) == count


def test_a_table_begins_with_name_and_id(api: anb.Workbench) -> None:
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
    """Text is escaped and decoded as declared, binary is described by its size; no markup of a server gets through."""
    html = respond(body=body, media=media)._repr_mimebundle_()["text/html"]
    assert shown in html
    assert "<script" not in html
    assert "<img" not in html


def test_an_ok_response_that_is_not_json_says_so() -> None:
    """HTML under a 200 is shown as it is; asking it for JSON says what it is, and to read the text."""
    exchange = respond(body=b"<h1>Hello</h1>", media="text/html")
    assert exchange.ok
    assert exchange.text == "<h1>Hello</h1>"
    with pytest.raises(PickError, match=r"text/html.*response\.text"):
        exchange.json()


def test_a_large_response_is_drawn_small() -> None:
    """Five thousand items make a display that a notebook can keep, and it says what is left out."""
    data = {"workspaces": [{"id": f"id-{n}", "name": "x" * 40} for n in range(5000)]}
    html = respond("ListWorkspaces", data=data)._repr_mimebundle_()["text/html"]
    assert len(html) < 400_000
    assert "… 4,800 more items" in html
    assert "Not everything is shown; response.json() has it all." in html


def test_no_body_is_no_error() -> None:
    """A 204 is shown; to ask it for JSON says that it is empty."""
    exchange = respond("DeleteWorkspace", 204, body=b"", media="", reason="No Content")
    assert repr(exchange) == "<DeleteWorkspace → 204 No Content, 0 B>"
    assert "204 No Content" in exchange._repr_mimebundle_()["text/html"]
    with pytest.raises(PickError, match="empty"):
        exchange.json()


def test_a_repr_is_the_same_in_every_run() -> None:
    """No repr holds the address of an object: notebooks stay comparable."""
    exchange = make_exchange(failure=BROKEN, attempts=(Attempt(1, 0.0, 0.1, "broken"),))
    assert " at 0x" not in repr(exchange) + repr(exchange.attempts) + repr(exchange.failure)


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (12_345, "12.3 kB"), (4_500_000, "4.5 MB")]
)
def test_sizes_as_text(size: int, text: str) -> None:
    """Bytes have the unit that fits."""
    assert format_size(size) == text


@pytest.mark.parametrize(("seconds", "text"), [(0.0, "0 ms"), (0.085, "85 ms"), (1.239, "1.24 s"), (75, "75.00 s")])
def test_durations_as_text(seconds: float, text: str) -> None:
    """Durations have the unit that fits."""
    assert format_duration(seconds) == text


def test_a_path_into_an_error_reports_the_error() -> None:
    """Picking an id from an error response says why the call failed; what the response has is picked as usual."""
    refused = respond(
        "CreateWorkspace", 400, {"message": "workspaceId is required", "statusCode": 400}, reason="Bad Request"
    )
    with pytest.raises(PickError) as raised:
        refused["$.id"]
    assert str(raised.value) == (
        "CreateWorkspace ended with 400 Bad Request: workspaceId is required. It has no $.id. Fix that first."
    )
    assert refused["$.statusCode"] == 400
    with pytest.raises(PickError, match="matches nothing"):
        respond("GetWorkspace", 200, {"name": "x"})["$.id"]


def test_malformed_paths_of_the_overlay_find_nothing() -> None:
    """Only that part of the error is lost, not the exchange."""
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


def attempt(outcome: str, may_have_been_done: bool = False) -> Attempt:
    return Attempt(1, 0.0, 0.1, outcome, may_have_been_done=may_have_been_done)


@pytest.mark.parametrize(
    ("operation", "status", "uncertain", "outcome"),
    [
        ("GetWorkspace", 200, False, "done"),
        ("GetWorkspace", None, True, "failed"),  # a read changes nothing
        ("CreateWorkspace", 200, True, "done"),
        ("CreateWorkspace", 400, True, "failed"),
        ("CreateWorkspace", 502, True, "unknown"),
        ("CreateWorkspace", 501, False, "failed"),
        ("CreateWorkspace", None, True, "unknown"),
        ("CreateWorkspace", None, False, "failed"),
        ("DeleteWorkspace", 404, True, "done"),  # an earlier attempt did it
        ("DeleteWorkspace", 404, False, "failed"),
        ("DeleteWorkspace", 410, True, "done"),
        ("UpdateWorkspace", 404, True, "failed"),
    ],
)
def test_the_outcome_of_a_call(operation: str, status: int | None, uncertain: bool, outcome: str) -> None:
    """The outcome depends on the last response, and on whether an attempt may have been carried out."""
    response = None if status is None else Response(status)
    exchange = make_exchange(operation, response=response, attempts=(attempt("any text", uncertain),))
    assert outcome_of(exchange) == exchange.outcome == outcome
    assert outcome in get_args(Outcome)
    assert bool(advice_for(exchange)) is bool(exchange.advice) is (outcome == "unknown")


def test_advice_says_how_to_check() -> None:
    """What is safe to repeat can be repeated; a create is looked for first."""
    lost = (attempt("timeout", True),)
    assert "no harm" in make_exchange("UpdateWorkspace", attempts=lost).advice
    assert "Look with ListWorkspaces" in make_exchange("CreateWorkspace", attempts=lost).advice


def test_the_full_check_judges_request_and_response(api: anb.Workbench) -> None:
    """What matches has no violation; one in the body, and one in the request, are both found."""
    exchange = api.call("GetWorkspace", workspaceId=api.call("ListWorkspaces", limit=1)["$.workspaces[0].id"])
    assert exchange.check() == ()
    assert exchange.response is not None
    body = {**exchange.json(), "name": 5}
    wrong = replace(exchange, response=replace(exchange.response, body=json.dumps(body).encode()))
    assert [violation.path for violation in wrong.check()] == ["$.name"]
    listed = api.call("ListWorkspaces", limit=1)
    wrong = replace(listed, request=replace(listed.request, url=listed.request.url.replace("limit=1", "limit=x")))
    assert listed.check() == ()
    assert any("limit" in violation.path or "limit" in violation.message for violation in wrong.check())


def test_the_full_check_without_a_whole_response() -> None:
    """Without a response the request alone is checked; of a body that was cut nothing is claimed."""
    exchange = respond("ListWorkspaces", 200, body=b'{"workspaces":')
    assert exchange.response is not None
    cut = replace(exchange, response=replace(exchange.response, full_size=5000))
    assert [violation.severity for violation in cut.check() if violation.keyword == "truncated"] == ["note"]
    assert "truncated" not in [violation.keyword for violation in make_exchange(failure=BROKEN).check()]


def test_a_truncated_response() -> None:
    """It has the size that it was received with, is no JSON even if its beginning is, and is shown as text."""
    exchange = make_exchange(response=Response(200, (("Content-Type", "application/json"),), b"[1]", full_size=2_000))
    assert (exchange.size, exchange.text) == (2000, "[1]")
    with pytest.raises(PickError, match="only the first 3 of its 2000 bytes"):
        exchange.json()
    assert "$[0]" not in exchange
    assert "[1]" in exchange._repr_mimebundle_()["text/html"]
