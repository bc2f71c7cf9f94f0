"""Malicious servers and overlays: errors are clear, output is limited and never markup."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.servers import LocalServer

import astro_nb as anb
from astro_nb.environments import Environment
from astro_nb.errors import AstroNbError, WaitFailed, WaitTimeout
from astro_nb.http import Client, Retries
from astro_nb.messages import Request, Response
from astro_nb.openapi import Extensions, ItemExtension, PageExtension, StateExtension, UpdateExtension, load
from astro_nb.pagination import read_pages
from astro_nb.progress import progress_bar

MARK = "<img src=x onerror=alert(1)>"
EVIL = f"{MARK}\x1b[31m\x1b]0;owned\x07\x00\x08\u202e\r\n"
LARGE = EVIL * (10_000_000 // len(EVIL))
MAX_OUTPUT = 400_000
"""Characters that any output may have."""

Reply = tuple[int, Any, dict[str, str]]


class HostileServer(LocalServer):
    """A server that sends what the test defines.

    Attributes:
        reply: returns status, body (a string is sent as it is) and headers for a method, a path and a query.
        queries: the queries received.
    """

    def __init__(self) -> None:
        super().__init__(self.hostile_response)
        self.reply: Callable[[str, str, dict[str, str]], Reply] = lambda method, path, query: (200, {}, {})
        self.queries: list[dict[str, str]] = []

    def hostile_response(self, request: Request) -> Response:
        """Return the response that the test defines."""
        target = urlsplit(request.url)
        query = dict(parse_qsl(target.query))
        self.queries.append(query)
        status, body, headers = self.reply(request.method, target.path, query)
        fields = {"Content-Type": "application/json", **headers}
        return Response(status, tuple(fields.items()), (body if isinstance(body, str) else json.dumps(body)).encode())


@pytest.fixture(scope="module")
def hostile() -> Iterator[HostileServer]:
    with HostileServer() as server:
        yield server


RESOURCE = {
    "type": "object",
    "properties": {name: {"type": "string"} for name in ("id", "name", "status", "statusReason", "value")}
    | {"entries": {"type": "array", "items": {"type": "object", "properties": {"key": {"type": "string"}}}}},
}


def operation(name: str, schema: Any, *queries: str, **more: Any) -> dict[str, Any]:
    listed = [{"name": query, "in": "query", "schema": {}} for query in queries]
    return {
        "operationId": name,
        "parameters": [*listed, *more.pop("parameters", [])],
        "responses": {"200": {"description": "", "content": {"application/json": {"schema": schema}}}},
        **more,
    }


def document(style: str = "offset", extensions: dict[str, Any] | None = None, **whole: Any) -> dict[str, Any]:
    """A document with list, create, read and update of one resource; each operation has these extensions."""
    resources = {"type": "object", "properties": {"items": {"type": "array", "items": RESOURCE}}}
    page_parameters = {"offset": ("offset", "limit"), "cursor": ("cursor", "limit"), "link": ("page",)}[style]
    id_parameter = [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}]
    body = {"requestBody": {"content": {"application/json": {"schema": RESOURCE}}}}
    paths = {
        "/resources": {
            "get": operation(
                "List", {"type": "array"} if style == "link" else resources, *page_parameters, **(extensions or {})
            ),
            "post": operation("Make", RESOURCE, **body, **(extensions or {})),
        },
        "/resources/{id}": {
            "get": operation("Get", RESOURCE, parameters=id_parameter, **(extensions or {})),
            "put": operation("Set", RESOURCE, parameters=id_parameter, **body, **(extensions or {})),
        },
    }
    return {"openapi": "3.0.3", "info": {"title": "Evil", "version": "1"}, "paths": paths, **whole}


def connect_to(hostile: HostileServer, raw: dict[str, Any]) -> anb.Workbench:
    """A workbench for that server, with a clock on which waiting takes no time."""
    limits = dict.fromkeys(("GET", "POST", "PUT"), float("inf"))
    api = anb.connect(Environment("evil", base_url=hostile.url, limits=limits), spec=raw, history=None)
    passed = [0.0]

    def sleep(seconds: float) -> None:
        passed[0] += seconds

    api.session.client.close()
    api.session.client = Client(retries=Retries(attempts=1), sleep=sleep, clock=lambda: passed[0])
    return api


def output_of(shown: Any, limit: int = MAX_OUTPUT) -> str:
    """The text output of an object; it is limited, and has no markup or control codes of the server."""
    text = f"{shown!r} {shown}"
    bundle = shown._repr_mimebundle_() if hasattr(shown, "_repr_mimebundle_") else {}
    assert MARK not in bundle.get("text/html", "")
    assert len(text) < limit
    assert sum(map(len, bundle.values())) < limit
    assert "\x1b" not in text + bundle.get("text/plain", ""), "a terminal would interpret it"
    return text


# --- states and messages ----------------------------------------------------------------------------------------------


def test_a_reason_of_ten_megabytes_is_one_line(hostile: HostileServer) -> None:
    """State, reason and requestId of a malicious server: in the strip, the table, and the errors."""
    api = connect_to(hostile, document())
    hostile.reply = lambda *request: (200, {"status": EVIL, "statusReason": LARGE, "id": LARGE}, {"X-Request-Id": MARK})
    with pytest.raises(WaitTimeout) as caught:
        api.wait("Get", "HEALTHY", timeout=5, id="x")
    output_of(caught.value, 5_000)
    output_of(caught.value.data["transitions"], 20_000)
    output_of(caught.value.data["last"], 5_000)
    output_of(api.wait("Get", lambda exchange: True, id="x"))
    hostile.reply = lambda *request: (404, {"message": LARGE, "requestId": LARGE}, {})
    with pytest.raises(WaitFailed) as failed:
        api.wait("Get", "HEALTHY", timeout=5, id="x")
    output_of(failed.value, 5_000)
    output_of(failed.value.data["transitions"], 20_000)
    api.close()


@pytest.mark.parametrize("part", ["message", "requestId", "fieldErrors", "text"])
def test_a_large_error_is_cut(hostile: HostileServer, part: str) -> None:
    """Whichever part of an error is large, an exchange, a bulk, a list and a change show its beginning."""
    api = connect_to(hostile, document())
    many = [{"field": LARGE, "message": LARGE, "code": EVIL}] + [{"field": EVIL}] * 5000
    error: Any = LARGE if part == "text" else {part: many if part == "fieldErrors" else LARGE}
    hostile.reply = lambda *request: (400, error, {"Content-Type": "text/plain"} if part == "text" else {})
    output_of(api.call("Get", id="x"))
    bulk = api.bulk("Make", [{"name": "a"}, {"name": "b"}]).run()
    output_of(bulk)
    assert len(bulk.failures().to_html() + bulk.frame().to_csv()) < MAX_OUTPUT
    output_of(api.pages("List"))
    output_of(api.change("Set", id="x", name="new"))
    assert len(api.errors.frame().to_csv()) < 2 * MAX_OUTPUT
    api.close()


@pytest.mark.parametrize(
    "asked", ["9" * 400, "-1", "1e400", "NaN", "٣", "Thu, 01 Jan 99999999999 00:00:00 GMT", ";" * 9000]
)
def test_an_invalid_retry_after_ends(hostile: HostileServer, asked: str) -> None:
    """A Retry-After of any length is shown or ignored."""
    api = connect_to(hostile, document())
    api.session.client.retries = Retries(attempts=2)
    hostile.reply = lambda *_: (429, {}, {"Retry-After": asked.encode().decode("latin-1")})
    exchange = api.call("Get", id="x")
    assert exchange.status == 429
    assert len(output_of(exchange.attempts)) < 5_000
    api.close()


# --- lists ------------------------------------------------------------------------------------------------------------

ODD: list[Any] = [
    10**18, 2**64 - 1, 10**30, -1, "NaN", "many", True, [], {}, None, 1.5, float("1e308"), "9" * 5000,
]  # fmt: skip


@pytest.mark.parametrize("total", ODD, ids=lambda total: str(total)[:20])
@pytest.mark.parametrize("served", [3, 0])
def test_an_impossible_total_ends(hostile: HostileServer, total: Any, served: int) -> None:
    """A list with an impossible total is read as far as there are items."""
    extensions = {"x-astro-nb-page": {"items": "items", "offset": "offset", "limit": "limit", "total": "total"}}
    api = connect_to(hostile, document(extensions=extensions))
    hostile.queries.clear()

    def respond(method: str, path: str, query: dict[str, str]) -> Reply:
        at = int(query.get("offset", 0))
        return 200, {"items": [{"id": f"{n}"} for n in range(at, min(at + 2, served))], "total": total}, {}

    hostile.reply = respond
    pages = api.pages("List")
    assert [item["id"] for item in pages.items(partial=True)] == [f"{n}" for n in range(served)]
    assert len(hostile.queries) < 600
    output_of(pages)
    api.close()


@pytest.mark.parametrize(
    "ids",
    [
        [{"a": 1}, {"a": 1}], [[1], [1]], [2**64 - 1, 1e30], [1.5, 1.5], [None, None], [True, True], ["x", "x"],
        ["x", 1], [LARGE[:1_000_000], MARK],
    ],
)  # fmt: skip
def test_ids_of_every_kind_are_read(hostile: HostileServer, ids: list[Any]) -> None:
    """Ids that are objects, huge or duplicate: all items are returned, and they make a table."""
    api = connect_to(hostile, document())
    hostile.reply = lambda m, p, q: (
        200,
        {"items": [{"id": i} for i in ids] if "offset" not in q or q["offset"] == "0" else []},
        {},
    )
    pages = api.pages("List")
    assert [item["id"] for item in pages.items(partial=True)] == json.loads(json.dumps(ids))
    assert len(pages.frame(partial=True)) == len(ids)
    output_of(pages)
    assert len(pages.duplicates) <= len(ids)
    api.close()


@pytest.mark.parametrize(
    "where", [{"id": "nowhere"}, {"id": "a.b.c"}, {"id": "name"}, {"id": "$['"}, {"name": "nowhere"}]
)
def test_an_id_extension_that_matches_nothing(hostile: HostileServer, where: Any) -> None:
    """An id field that no item has: all items are kept, and waiting and changing work."""
    api = connect_to(hostile, document(extensions={"x-astro-nb-item": where}))
    hostile.reply = lambda m, p, q: (
        200,
        {"id": "x", "items": [{"id": "x"}, {"id": "y"}] if q.get("offset", "0") == "0" else []},
        {},
    )
    assert len(api.pages("List").items(partial=True)) == 2
    attempts(api)
    api.close()


@pytest.mark.parametrize(
    "cursor", [{"a": 1}, [], 10**30, "x" * 1_000_000, True, EVIL, "https://evil.test/?cursor=1", "//evil.test/?a=1"]
)
def test_a_cursor_of_any_kind_leads_to_the_same_server(hostile: HostileServer, cursor: Any) -> None:
    """An object is no cursor, a large string is one, and only the query of a URL is used."""
    spec = document("cursor", {"x-astro-nb-page": {"style": "cursor", "items": "items", "cursor": "next"}})
    api = connect_to(hostile, spec)
    hostile.queries.clear()
    hostile.reply = lambda m, p, q: (200, {"items": [{"id": "x"}], "next": cursor}, {})
    try:
        output_of(api.pages("List"))
    except AstroNbError as error:
        output_of(error)
    assert 1 <= len(hostile.queries) < 30
    api.close()


@pytest.mark.parametrize(
    "link",
    [
        '<https://evil.test/resources?page=2>; rel="next"', '<//evil.test?page=2>; rel=next', '<>; rel="next"',
        "<?page=2" + ";a= " * 10_000 + '>; rel="next"', "<x>" + "; a=   " * 8_000, '<http://[::1>; rel="next"',
        "<?page=" + "9" * 40_000 + '>; rel="next"', "<a>;rel=next" * 3_000,
    ],
)  # fmt: skip
def test_a_link_leads_to_no_other_server(hostile: HostileServer, link: str) -> None:
    """Links to other hosts and very long links: only the known server is asked, and not forever."""
    api = connect_to(hostile, document("link"))
    hostile.queries.clear()
    hostile.reply = lambda m, p, q: (
        200,
        [{"id": len(hostile.queries)}] if len(hostile.queries) < 5 else [],
        {"Link": link},
    )
    output_of(api.pages("List"))
    assert len(hostile.queries) < 30
    assert {exchange.request.host for exchange in api.session.exchanges} == {"127.0.0.1"}
    api.close()


def test_a_list_of_a_hundred_thousand_has_small_output(hostile: HostileServer) -> None:
    """A hundred thousand items in one response, and many columns in one item."""
    api = connect_to(hostile, document())
    wide = {f"{MARK}{n}": n for n in range(20_000)}
    hostile.reply = lambda m, p, q: (
        200,
        {"items": [wide, *({"id": str(n)} for n in range(100_000))] if q.get("offset", "0") == "0" else []},
        {},
    )
    pages = api.pages("List")
    assert len(pages.items(partial=True)) == 100_001
    output_of(pages)
    api.close()


# --- overlays ---------------------------------------------------------------------------------------------------------


class Named(list[Any]):
    """A list with a short repr, since its content is too deep to print."""

    def __repr__(self) -> str:
        return "DEEP"


DEEP: Any = {"a": 1}
for _ in range(400):
    DEEP = {"state": [DEEP], "by": DEEP} if _ % 2 else [DEEP]
DEEP = Named([DEEP])

WORDS = (
    "state",
    "good",
    "id",
    "items",
    "offset",
    "cursor",
    "read",
    "GET",
    "count",
    "per",
    "$",
    "",
    "entries",
    "List",
    "next",
)
SCALARS = st.sampled_from(
    [None, True, False, 0, -1, 2**70, 10**400, 0.5, float("nan"), float("inf"), float("-inf"), EVIL, *WORDS]
)
ANY: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*WORDS, 5, None]), inner, max_size=3),
    max_leaves=6,
)
MEMBERS = {
    "limits": ("GET", "POST", "PUT"),
    "limit": ("count", "per"),
    "settled": ("state", "reason", "good", "bad", "grace"),
    "update": ("read", "whole", "replaces", "from", "keep", "over", "entries", "follow", "strip"),
    "page": ("style", "items", "total", "parameter", "offset", "limit", "most", "cursor", "sort", "also", "first"),
    "item": ("id", "name"),
    "repeatable": (),
    "entries": ("entries",),
    "error": ("message", "requestId", "fieldErrors"),
    "permission": (),
    "token": ("list", "variables"),
    "rules": ("when", "require", "hide", "one-of", "because"),
    "union": ("by", "branches"),
    "default-branch": (),
}


def noted(names: tuple[str, ...]) -> st.SearchStrategy[Any]:
    """An extension with any content, often with some valid members."""
    style = st.sampled_from(["offset", "page", "search", "cursor", "link", "whole", "lines", "token", "no style"])
    known = {name: style | ANY if name == "style" else ANY for name in names}
    return st.just(DEEP) | ANY | st.fixed_dictionaries({}, optional=known)


NOTES = st.fixed_dictionaries({}, optional={f"x-astro-nb-{name}": noted(names) for name, names in MEMBERS.items()})


def attempts(api: anb.Workbench) -> None:
    """Use everything that extensions influence; errors are AstroNbError."""
    deeds: list[Callable[[], Any]] = [
        lambda: read_pages(api.session, "List"),
        lambda: api.wait("Get", timeout=30, id="x"),
        lambda: api.wait("Get", "HEALTHY", timeout=30, id="x"),
        lambda: api.change("Set", id="x", name="new", entries={"K": {"value": "v"}}),
        lambda: api.change("Set", id="x", name="new"),
        lambda: api.bulk("Make", [{"name": "a", "id": "x"}]).run(),
        lambda: api.bulk("Set", [{"name": "a", "id": "x"}]).run(),
        lambda: api.call("Get", id="x").frame(),
    ]
    for deed in deeds:
        try:
            made = deed()
        except AstroNbError as error:
            output_of(error, 20_000)
        else:
            output_of(made)
    assert api.runbook.notebook()


@given(whole=NOTES, own=NOTES, status=st.sampled_from([200, 200, 400, 503]))
@settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_arbitrary_extensions_break_nothing(hostile: HostileServer, whole: Any, own: Any, status: int) -> None:
    """A document with arbitrary extensions: malformed ones are ignored, and nothing breaks."""
    hostile.reply = lambda m, p, q: (
        status,
        {"id": "x", "name": "a", "status": "OK", "entries": [{"key": "K"}], "items": [{"id": "x"}], "state": {"a": 1}},
        {},
    )
    raw = document(extensions=own, **whole)
    for shape in (RESOURCE,):
        raw["components"] = {"schemas": {"T": {**shape, **own}}}
    raw["paths"]["/resources"]["post"]["requestBody"]["content"]["application/json"]["schema"] = {
        "$ref": "#/components/schemas/T"
    }
    api = connect_to(hostile, raw)
    try:
        attempts(api)
        assert all(isinstance(text, str) for op in api.session.spec for text in op.warnings)
    finally:
        api.close()


EMPTY = [
    Extensions(settled=StateExtension()), Extensions(page=PageExtension()), Extensions(item=ItemExtension()),
    Extensions(update=UpdateExtension()),
]  # fmt: skip
"""What is read of an extension whose every member is malformed."""


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("repeatable", "false"), ("repeatable", 1), ("limit", {"count": 0}), ("limit", [25]), ("limits", {"GET": "x"}),
        ("settled", []), ("settled", {"good": 3}), ("settled", {"grace": float("nan")}), ("page", {"most": 0}),
        ("page", {"also": "x"}), ("item", "id"), ("item", {"id": 4}), ("update", {"entries": {"a": "b"}}),
        ("union", {"by": "x"}), ("rules", {"when": {}}),
    ],
)  # fmt: skip
def test_a_malformed_extension_is_a_warning(name: str, value: Any) -> None:
    """A malformed part of an extension is ignored, and a warning names it."""
    spec = load(document(extensions={f"x-astro-nb-{name}": value}, **{f"x-astro-nb-{name}": value}))
    for warnings in (spec.warnings, spec.operation("List").warnings):
        assert any(f"extension {name}" in text and "malformed; it is ignored" in text for text in warnings)
    assert spec.operation("List").extensions in (Extensions(), *EMPTY)


def test_a_create_is_not_repeated_for_a_string(hostile: HostileServer) -> None:
    """The string "false" is not a boolean: the method decides."""
    api = connect_to(hostile, document(extensions={"x-astro-nb-repeatable": "false"}))
    api.session.client.retries = Retries(attempts=3, base=0.0)
    hostile.reply = lambda *request: (503, {}, {})
    assert len(api.call("Make", name="a").attempts) == 1
    api.close()


# --- names ------------------------------------------------------------------------------------------------------------


def test_names_of_the_document_are_shown_as_text(hostile: HostileServer) -> None:
    """Names of operations, fields and columns that look like markup, in all output, progress bars and attempts too."""
    text = json.dumps(document(extensions={"x-astro-nb-limit": {"count": 1, "per": 1}}))
    for name in ("List", "Make", "Get", "Set", "value"):
        text = text.replace(f'"{name}"', json.dumps(f"{MARK}{name}"))
    api = connect_to(hostile, json.loads(text))
    hostile.reply = lambda m, p, q: (200, {"id": "x", "status": MARK, "items": [{MARK: MARK}], "total": 1}, {})
    list_, make, get, set_ = (f"{MARK}{name}" for name in ("List", "Make", "Get", "Set"))
    waited = []
    api.session.on_attempt = lambda attempt: waited.append(attempt.progress(10))
    output_of(api.wait(get, MARK, timeout=1000, id="x"))
    output_of(api.wait(get, MARK, timeout=1000, id="x"))
    output_of(api.change(set_, id="x", name=MARK))
    bulk = api.bulk(make, [{f"{MARK}value": MARK, MARK: MARK}], name=MARK)
    output_of(bulk)
    output_of(bulk.run())
    output_of(api.pages(list_))
    assert any(MARK in words for words in waited), "nothing is proved"
    assert all(MARK not in progress_bar(f"Waiting for {get}", 0.5, words) for words in waited)
    api.close()
