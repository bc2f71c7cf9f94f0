"""A list is whole only if something says so, in the response or the document; otherwise it is incomplete."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.servers import LocalServer, json_response

import astro_nb as anb
from astro_nb.errors import PagesIncomplete
from astro_nb.messages import Request, Response
from astro_nb.pagination import Pages
from astro_nb.pagination.signals import read_content_range, read_signals

ITEM = {"type": "object", "properties": {"id": {"type": "integer"}}}
ARRAY = {"type": "array", "items": ITEM}
OBJECT = {"type": "object", "properties": {"items": ARRAY}}

Slice = tuple[list[dict[str, int]], int, int, str]
"""The items of a page, the offset after them, the number of all items, and the URL of the next page."""


class SignalServer(LocalServer):
    """A server of one list that sends pages of at most `cap` items, with the signals of the style in the path."""

    def __init__(self) -> None:
        super().__init__(self.list_response)
        self.count, self.cap = 0, 10

    def list_response(self, request: Request) -> Response:
        parts = urlsplit(request.url)
        query = dict(parse_qsl(parts.query))
        size = min(int(query.get("per_page", self.cap)), self.cap)
        at = int(query.get("offset", 0)) or (int(query.get("page", 1)) - 1) * size or int(query.get("cursor", 0))
        items = [{"id": number} for number in range(self.count)][at : at + size]
        name = STYLES[parts.path.strip("/")][0]
        next_url = f"{self.url}{parts.path}?{name}={at // size + 2 if name == 'page' else at + size}&per_page={size}"
        body, headers = SIGNALS[parts.path.strip("/")]((items, at + len(items), self.count, next_url))
        status = int(headers.pop("status", 200))
        fields = {"Content-Type": "application/json", **headers}
        return Response(status, tuple(fields.items()), json.dumps(body).encode())


def has_more(page: Slice) -> bool:
    return page[1] < page[2]


def linked(page: Slice, relation: str = "next") -> dict[str, str]:
    return {"Link": f'<{page[3]}>; rel="{relation}"'} if has_more(page) else {}


STYLES: Mapping[str, tuple[str, dict[str, Any]]] = {
    "bare-page": ("page", ARRAY),
    "bare-page-link": ("page", ARRAY),
    "bare-page-total": ("page", ARRAY),
    "bare-page-pages": ("page", ARRAY),
    "bare-page-next-page": ("page", ARRAY),
    "bare-offset": ("offset", ARRAY),
    "bare-offset-range": ("offset", ARRAY),
    "bare-cursor-link": ("cursor", ARRAY),
    "bare-cursor-header": ("cursor", ARRAY),
    "page-null": ("page", OBJECT),
    "page-flag": ("page", OBJECT),
    "page-last": ("page", OBJECT),
    "page-odata": ("offset", OBJECT),
    "offset-count": ("offset", OBJECT),
    "page-wrong-total": ("page", OBJECT),
    "page-envelope": ("page", OBJECT),
}
"""The parameter for the position and the response's schema of each style; every one is whole once it is read."""

SIGNALS: dict[str, Callable[[Slice], tuple[Any, dict[str, str]]]] = {
    "bare-page": lambda p: (p[0], {}),
    "bare-page-link": lambda p: (p[0], linked(p)),
    "bare-page-total": lambda p: (p[0], {"X-Total-Count": str(p[2])}),
    "bare-page-pages": lambda p: (p[0], {"X-WP-TotalPages": str(-(-p[2] // 10))}),
    "bare-page-next-page": lambda p: (p[0], {"X-Next-Page": "2" if has_more(p) else ""}),
    "bare-offset": lambda p: (p[0], {}),
    "bare-offset-range": lambda p: (p[0], {"Content-Range": f"items {p[1] - len(p[0])}-{p[1]}/{p[2]}"}),
    "bare-cursor-link": lambda p: (p[0], linked(p) or {"Link": "</>; rel=first"}),
    "bare-cursor-header": lambda p: (p[0], {"X-Next-Cursor": str(p[1]) if has_more(p) else ""}),
    "page-null": lambda p: ({"items": p[0], "count": p[2], "next": p[3] if has_more(p) else None}, {}),
    "page-flag": lambda p: ({"items": p[0], "hasMore": has_more(p)}, {}),
    "page-last": lambda p: ({"items": p[0], "page": {"last": not has_more(p)}}, {}),
    "page-odata": lambda p: ({"items": p[0], **({"@odata.nextLink": p[3]} if has_more(p) else {})}, {}),
    "offset-count": lambda p: ({"items": p[0], "count": len(p[0])}, {}),
    "page-wrong-total": lambda p: (
        {"items": p[0], "total": len(p[0]), "links": {"next": p[3] if has_more(p) else None}},
        {},
    ),
    "page-envelope": lambda p: ({"items": p[0], "_meta": {"totalItems": p[2]}}, {}),
    # never whole, and the reason
    "no-parameter-link": lambda p: (p[0], linked(p)),
    "no-parameter-total": lambda p: (p[0], {"Total-Count": str(p[2])}),
    "no-parameter-range": lambda p: (p[0], {"status": "206", "Content-Range": "items 0-9/*"}),
    "no-parameter-partial": lambda p: (p[0], {"status": "206"}),
    "no-parameter-json": lambda p: (p[0], {"X-Pagination": json.dumps({"TotalCount": p[2]})}),
    "no-parameter-cursor": lambda p: (p[0], {"x-ms-continuation": "abc"}),
    "cursor-silent": lambda p: (p[0], {}),
    "limit-silent": lambda p: (p[0], {}),
    "flag-only": lambda p: ({"items": p[0], "has_more": True}, {}),
    "no-parameter-silent": lambda p: (p[0], {}),
}
INCOMPLETE: Mapping[str, tuple[tuple[str, ...], str]] = {
    "no-parameter-link": ((), "the Link header has a next page, through 'offset'.*does not declare"),
    "no-parameter-total": ((), "total of 45, but sent only 10"),
    "no-parameter-range": ((), "206"),
    "no-parameter-partial": ((), "206"),
    "no-parameter-json": ((), "total of 45, but sent only 10"),
    "no-parameter-cursor": ((), "`x-ms-continuation` is given"),
    "cursor-silent": (("cursor", "per_page"), "may be incomplete: nothing in the response says"),
    "limit-silent": (("per_page",), "may be incomplete: nothing in the response says"),
    "flag-only": (("page",), "`has_more` is true, but the page is empty"),
}
for _name in INCOMPLETE:
    STYLES = {**STYLES, _name: ("offset", OBJECT if _name == "flag-only" else ARRAY)}
STYLES = {**STYLES, "no-parameter-silent": ("offset", ARRAY)}
WHOLE = [name for name in STYLES if name not in INCOMPLETE and name != "no-parameter-silent"]


def make_operation(name: str, parameters: tuple[str, ...], schema: dict[str, Any]) -> dict[str, Any]:
    declared = [
        {"name": each, "in": "query", "schema": {"type": "string" if each == "cursor" else "integer"}}
        for each in parameters
    ]
    content = {"application/json": {"schema": schema}}
    return {
        "get": {
            "operationId": name,
            "parameters": declared,
            "responses": {"200": {"description": "", "content": content}},
        }
    }


def make_document() -> dict[str, Any]:
    def parameters(name: str) -> tuple[str, ...]:
        if name in INCOMPLETE:
            return INCOMPLETE[name][0]
        return () if name == "no-parameter-silent" else (STYLES[name][0], "per_page")

    paths = {f"/{name}": make_operation(name, parameters(name), schema) for name, (_, schema) in STYLES.items()}
    return {"openapi": "3.0.3", "info": {"title": "Signals", "version": "1"}, "paths": paths}


@pytest.fixture(scope="module")
def server() -> Iterator[SignalServer]:
    with SignalServer() as running:
        yield running


@pytest.fixture(scope="module")
def reader(server: SignalServer) -> Iterator[anb.Workbench]:
    retries = anb.Retries(attempts=1)
    workbench = anb.connect(spec=make_document(), base_url=server.url, history=None, retries=retries)
    yield workbench
    workbench.close()


@settings(deadline=None, max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(WHOLE), count=st.integers(0, 45))
def test_every_signal_ends_a_list_that_is_read_whole(
    server: SignalServer, reader: anb.Workbench, name: str, count: int
) -> None:
    """Whatever says where a list ends, the document need not declare it: every item is read, and the list is whole."""
    server.count = count
    pages: Pages = reader.pages(name)
    assert [item["id"] for item in pages] == list(range(count))
    assert pages.complete
    assert pages.notes == []
    assert "incomplete" not in repr(pages)
    assert pages.frame().attrs == {}


@pytest.mark.parametrize("name", INCOMPLETE)
def test_a_list_whose_rest_cannot_be_read_is_incomplete(server: SignalServer, reader: anb.Workbench, name: str) -> None:
    """If something says that there is more, or nothing says that there is not, the items are not the list."""
    server.count = 45
    pages = reader.pages(name)
    assert not pages.complete
    with pytest.raises(PagesIncomplete, match=INCOMPLETE[name][1]) as caught:
        pages.items()
    assert "partial=True" in caught.value.todo
    assert pages.notes
    assert "incomplete" in repr(pages)
    frame = pages.frame(partial=True)
    assert len(frame) == len(pages) >= 10
    assert frame.attrs["incomplete"] == pages.notes[0]


def test_a_list_without_any_word_about_pages_is_marked(server: SignalServer, reader: anb.Workbench) -> None:
    """If neither document nor response knows pages, the items are returned, and repr, display and frame say so."""
    server.count = 7
    pages = reader.pages("no-parameter-silent")
    assert len(pages.items()) == 7
    assert "perhaps incomplete" in repr(pages)
    assert "perhaps incomplete" in pages._repr_mimebundle_()["text/html"]
    assert "Nothing in the response says" in pages.frame().attrs["incomplete"]


@pytest.mark.parametrize("past_end", [200, 404])
@pytest.mark.parametrize("is_shown", [True, False])
@pytest.mark.parametrize("first", [0, 1])
def test_the_number_of_the_first_page_is_found(first: int, is_shown: bool, past_end: int) -> None:
    """A server that counts pages from 0 is not asked for page 2 after page 0, whether or not its response shows it."""

    def respond(request: Request) -> Response:
        page = int(dict(parse_qsl(urlsplit(request.url).query)).get("page", first))
        items = [{"id": n} for n in range(25)][(page - first) * 10 :][:10] if page >= first else []
        body = {"items": items, **({"number": page} if is_shown else {})}
        return json_response(body, 200 if items else past_end)

    document = {**make_document(), "paths": {"/list": make_operation("list", ("page",), OBJECT)}}
    with LocalServer(respond) as counted:
        api = anb.connect(spec=document, base_url=counted.url, history=None)
        pages = api.pages("list")
        assert [item["id"] for item in pages] == list(range(25))
        assert pages.notes == []
        api.close()


@pytest.mark.parametrize(
    ("name", "body", "problem"),
    [
        ("bare-page", {"message": "Sign in"}, "Page 1 of .* is not a list"),
        ("no-parameter-silent", {}, "Page 1 of .* is not a list"),
        ("page-flag", {"error": {"code": 5}}, "has no 'items', but 'error'"),
        ("page-flag", {"items": {"1": {}}}, "has no list at 'items'"),
        ("page-flag", [{"id": 1}], "has no 'items'"),
    ],
)
def test_an_error_that_is_sent_as_a_success_is_no_empty_list(
    name: str, body: Any, problem: str, server: SignalServer, reader: anb.Workbench
) -> None:
    """A response without the list is reported; only null, or an object without items and errors, is an empty list."""
    usual, server.respond = server.respond, lambda request: json_response(body)
    try:
        with pytest.raises(PagesIncomplete, match=problem):
            reader.pages(name).items()
        for empty in ({"items": None}, {"kind": "list"}, {"items": []}):
            server.respond = lambda request, empty=empty: json_response(empty)  # type: ignore[misc]  # a default argument
            assert reader.pages("page-flag").items() == []
    finally:
        server.respond = usual


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"has_more": False, "next_cursor": "abc"}, "last"),
        ({"pageInfo": {"hasNextPage": True, "endCursor": None}}, "more"),
        ({"isLast": True}, "last"),
        ({"last": {"href": "/x"}}, ""),
        ({"next": None}, "last"),
        ({"next": ""}, "last"),
        ({"next": {"href": "/x?page=2"}}, "more"),
        ({"_links": {"self": {}, "first": {"href": "/x"}, "last": {"href": "/x?page=3"}}}, "last"),
        ({"_links": {"self": {"href": "/x"}}}, ""),
        ({"nextOffset": -1}, "last"),
        ({"total_pages": 3}, "more"),
        ({"meta": {"last_page": 1}}, "last"),
        ({"incomplete_results": False}, ""),
        ({"incomplete_results": True}, "more"),
        ({"metadata": {"remainingItemCount": 4}}, "more"),
        ({"done": True}, "last"),
        ({"items": [], "name": "x"}, ""),
        ([], ""),
        (None, ""),
        ("text", ""),
    ],
)
def test_the_body_says_whether_there_is_more(body: Any, kind: str) -> None:
    """The first signal in order of priority decides; other fields are no signals."""
    assert read_signals(None, body, 5).verdict.kind == kind


@pytest.mark.parametrize(
    ("value", "length"),
    [
        ("items 0-24/100", 100),
        ("items */0", 0),
        ("pages=0-9/45", 45),
        ("items 0-24/*", None),
        ("bytes 0-24/100", False),
        ("items", False),
        ("items 0-24/many", False),
        ("", False),
    ],
)
def test_a_content_range_has_the_length_of_the_list(value: str, length: int | bool | None) -> None:
    """RFC 9110, 14.4: the complete length may be unknown; a range of bytes says nothing about items."""
    found = read_content_range((("content-range", value),))
    assert found == (None if length is False else (value, length))


@pytest.mark.parametrize("has_more", [True, False])
def test_a_list_that_cannot_ask_for_another_page_is_read_once(has_more: bool) -> None:
    """Stripe's lists take the id of the last item: what was read is whole only if the response says so."""
    cursor = {**OBJECT, "properties": {**OBJECT["properties"], "has_more": {"type": "boolean"}}}
    document = {**make_document(), "paths": {"/stripe": make_operation("stripe", ("starting_after",), cursor)}}
    with LocalServer(lambda request: json_response({"items": [{"id": 1}], "has_more": has_more})) as stripe:
        api = anb.connect(spec=document, base_url=stripe.url, history=None)
        pages = api.pages("stripe")
        assert (pages.complete, bool(pages.notes), len(stripe.requests)) == (not has_more, has_more, 1)
        api.close()
