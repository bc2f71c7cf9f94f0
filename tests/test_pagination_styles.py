"""Every style of paging is read to the end, each item once; an incomplete list says so."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import astro_nb as anb
from astro_nb.call import Call
from astro_nb.errors import PagesIncomplete, UsageError
from astro_nb.exchange import Exchange
from astro_nb.messages import Request, Response
from astro_nb.openapi import Operation, Spec, load
from astro_nb.pagination import Pages, first_call, paging_of
from astro_nb.pagination.collector import PageCollector
from astro_nb.pagination.paging import Paging, read_page
from astro_nb.templates import template_names

SPEC = load()
LISTS = [op.id for op in SPEC if op.extensions.page and op.extensions.page.style in ("offset", "search")]


def make_spec(*queries: dict[str, Any], response: dict[str, Any] | None = None) -> Spec:
    """Return a document with one list, `GET /things`, with these query parameters."""
    things = {"type": "array", "items": {"type": "object"}}
    schema = {"schema": response or {"type": "object", "properties": {"things": things, "total": {"type": "integer"}}}}
    listed = {
        "operationId": "listThings",
        "parameters": [{"in": "query", "schema": {"type": "integer"}, **query} for query in queries],
        "responses": {"200": {"description": "", "content": {"application/json": schema}}},
    }
    return load({"openapi": "3.0.3", "info": {"title": "T", "version": "1"}, "paths": {"/things": {"get": listed}}})


def make_exchange(operation: Operation, data: Any, headers: tuple[tuple[str, str], ...] = ()) -> Exchange:
    """Return an exchange with this JSON response."""
    response = Response(200, (("Content-Type", "application/json"), *headers), json.dumps(data).encode())
    request, now = Request("GET", "https://api.example.org/things"), datetime(2026, 6, 1, tzinfo=UTC)
    return Exchange("id", operation, Call(operation.id), request, now, 0.1, response=response)


def read_all(operation: Operation, call: Call, serve: Any, most: int = 50) -> Pages:
    """Read every page of a server that is a function of the call's parameters."""
    paging = paging_of(operation)
    assert paging is not None
    collector, next_call = PageCollector(operation, paging), first_call(paging, call)
    while next_call is not None:
        assert len(collector.exchanges) < most, "the pages do not end"
        collector.add(next_call, make_exchange(operation, serve(next_call.parameters)))
        next_call = next(collector.next_calls(), None)  # type: ignore[assignment]
    return Pages(collector)


@pytest.fixture
def quick() -> Iterator[anb.Workbench]:
    """Return a workbench without retries, on a sandbox without limits whose time stands still."""
    noon = datetime.now(UTC)
    box = anb.Sandbox(limits=False, now=lambda: noon).start()
    here = anb.Environment("sandbox", base_url=box.url, credentials={"token": anb.Secret.in_memory(box.token())})
    workbench = anb.connect(here, history=None, retries=anb.Retries(attempts=1))
    workbench.sandbox = box
    yield workbench
    workbench.close()


def test_the_overlay_declares_how_lists_page() -> None:
    """The lists of the following test are those that the overlay declares."""
    assert len(LISTS) >= 15


@pytest.mark.parametrize("name", LISTS)
def test_every_astro_list_is_read_to_its_end(name: str, quick: anb.Workbench) -> None:
    """Each list operation returns every item once, in small and in large pages, and as many as the total declares."""
    for resource, reader in (("deployment", "ListDeployments"), ("team", "ListTeams"), ("user", "ListUsers")):
        quick.variables[f"{resource}Id"] = quick.call(reader)[f"$.{resource}s[0].id"]
    more = {"sources": ["scheduler"]} if name == "GetDeploymentLogs" else {}
    small, large = quick.pages(name, limit=7, **more), quick.pages(name, **more)
    assert small.items() == large.items()
    assert small.complete
    assert small.total is None or len(small) == small.total
    texts = [json.dumps(item, sort_keys=True) for item in small]
    assert len(set(texts)) == len(texts)
    assert len(small.exchanges) >= len(small) // 7
    assert {(exchange.group, exchange.group.kind) for exchange in small.exchanges} == {
        (small.exchanges[0].group, "pages")
    }


@settings(deadline=None, max_examples=100)
@given(st.integers(0, 60), st.integers(1, 20), st.integers(0, 70), st.booleans(), st.booleans())
def test_offsets_give_every_item_once(count: int, size: int, start: int, has_total: bool, strict: bool) -> None:
    """Whatever the number of items, the page size and the first offset: each item is returned once, in order."""
    most = 11  # the largest page that the server sends

    def serve(query: Any) -> Any:
        at, limit = query.get("offset", 0), min(query["limit"], most if strict else 1000)
        return {"things": list(range(count))[at : at + limit], **({"total": count} if has_total else {})}

    operation = make_spec({"name": "offset"}, {"name": "limit"}).operation("listThings")
    pages = read_all(operation, Call("listThings", {"limit": size, "offset": start}), serve, most=80)
    assert pages.items() == list(range(count))[start:]
    assert pages.total == (count if has_total else None)


@pytest.mark.parametrize(("first", "schema"), [(1, {}), (1, {"default": 1}), (0, {"default": 0})])
def test_page_numbers_begin_at_the_declared_default(first: int, schema: dict[str, Any]) -> None:
    """A page parameter continues from its default, so that no page of an API that counts from 0 is missed."""
    page = {"name": "page", "schema": {"type": "integer", **schema}}
    operation = make_spec(page, {"name": "size"}).operation("listThings")

    def serve(query: Any) -> Any:
        at = (int(query.get("page", first)) - first) * 10
        return {"things": list(range(35))[at : at + 10], "total": 35}

    assert read_all(operation, Call("listThings"), serve).items() == list(range(35))


def test_cursors_are_followed_to_the_end() -> None:
    """A cursor in the response asks for the next page; null, an empty text or no cursor ends the list."""
    for end in ({"next": None}, {"next": ""}, {}):
        pages = {None: {"things": [1, 2], "next": "a"}, "a": {"things": [3], "next": "b"}, "b": {"things": [4], **end}}
        note = {"style": "cursor", "items": "things", "cursor": "next", "parameter": "after"}
        overlay = {"overlay": "1.0.0", "actions": [{"target": "$.paths.*.get", "update": {"x-astro-nb-page": note}}]}
        operation = load(make_spec({"name": "after"}).document, overlay).operation("listThings")
        found = read_all(operation, Call("listThings"), lambda query, pages=pages: pages[query.get("after")])
        assert found.items() == [1, 2, 3, 4]


LINKED = make_spec(
    {"name": "page"},
    {"name": "per_page"},
    {"name": "labels", "schema": {"type": "array", "items": {"type": "string"}}},
    response={"type": "array", "items": {"type": "object"}},
).operation("listThings")


@pytest.mark.parametrize(
    ("links", "page"),
    [
        (['<https://x.org/things?page=2>; rel="next"'], "2"),
        (['<https://x.org/things?page=1>; rel="prev", <https://x.org/things?page=3>; rel="next"'], "3"),
        (["<https://x.org/things?page=2>; rel=next"], "2"),
        (['</things?page=2>; title="more, much more"; rel="next"'], "2"),
        (['<https://x.org/things?page=9>; rel="last"', '<https://x.org/things?page=2>; rel="next"'], "2"),
        (['<https://x.org/things?page=2>; rel="next last"'], "2"),
        (['<https://x.org/things?page=9>; rel="last"'], None),
        (['<https://x.org/archive?page=9>; rel="next-archive"'], "2"),
        ([], "2"),
    ],
)
def test_link_headers_give_the_next_page(links: list[str], page: str | None) -> None:
    """The link with the relation type "next" (RFC 8288) gives the next call; without one, but with
    another relation of a list, the list ends. Without any such link the next page is asked for by its number.
    """
    paging = paging_of(LINKED)
    assert paging is not None
    headers = tuple(("Link", link) for link in links)
    found = read_page(paging, Call("listThings"), make_exchange(LINKED, [{"id": 1}], headers))
    assert (str(found.next_call.parameters["page"]) if found.next_call else None) == page


def test_a_filter_is_kept_on_every_page() -> None:
    """A repeated query parameter of a link keeps all its values."""
    paging = paging_of(LINKED)
    assert paging is not None
    link = ("Link", '<https://x.org/things?labels=a&labels=b&page=2>; rel="next"')
    page = read_page(paging, Call("listThings", {"labels": ["a", "b"]}), make_exchange(LINKED, [{"id": 1}], (link,)))
    assert page.next_call is not None
    assert page.next_call.parameters["labels"] == ["a", "b"]


@pytest.mark.parametrize("start", ["{{start}}", "40", 40])
def test_an_offset_may_be_a_template(start: Any, quick: anb.Workbench) -> None:
    """If the first offset is a variable or a text, no item is returned twice."""
    quick.variables["start"] = 40
    pages = quick.pages("ListDeployments", offset=start, limit=3)
    ids = [item["id"] for item in pages]
    assert pages.total is not None
    assert len(ids) == len(set(ids)) == pages.total - 40


@pytest.mark.parametrize("has_total", [False, True])
@pytest.mark.parametrize("place", ["offset", "page"])
def test_a_server_that_ignores_the_position_is_reported(place: str, has_total: bool) -> None:
    """A server that ignores the position sends the first page again: reading stops there with a message."""
    operation = make_spec({"name": place}, {"name": "limit"}).operation("listThings")
    again = {"things": [1, 2], **({"total": 9} if has_total else {})}
    pages = read_all(operation, Call("listThings"), lambda _: again)
    requests = 3 if place == "page" and not has_total else 2  # one more to find out whether pages count from 0
    assert (len(pages.exchanges), pages.complete, pages.items(partial=True)) == (requests, False, [1, 2])
    with pytest.raises(PagesIncomplete, match=f"Page 2 of listThings is the same as the one before.*{place}"):
        pages.items()


def test_a_cursor_that_does_not_change_ends_the_list() -> None:
    """A cursor that asks for its own page is not followed."""
    note = {"style": "cursor", "items": "things", "cursor": "next", "parameter": "after"}
    overlay = {"overlay": "1.0.0", "actions": [{"target": "$.paths.*.get", "update": {"x-astro-nb-page": note}}]}
    operation = load(make_spec({"name": "after"}).document, overlay).operation("listThings")
    pages = read_all(operation, Call("listThings"), lambda _: {"things": [1], "next": "a"})
    assert (len(pages.exchanges), pages.complete) == (2, False)


def test_items_of_another_kind_are_kept_apart() -> None:
    """Every page of the roles has the default roles too: they are kept apart, each once."""
    operation = SPEC.operation("ListRoles")
    default, roles = [{"name": "OWNER"}, {"name": "MEMBER"}], [{"id": f"r{n}", "name": f"n{n}"} for n in range(5)]

    def serve(query: Any) -> Any:
        at = query.get("offset", 0)
        return {"roles": roles[at : at + 2], "defaultRoles": default, "totalCount": 5, "limit": 2, "offset": at}

    pages = read_all(operation, Call("ListRoles", {"limit": 2}), serve)
    assert pages.items() == roles
    assert pages.other_items == {"defaultRoles": default}
    assert len(pages.frame()) == len(roles)


def read_lines(body: bytes) -> Pages:
    """Return the pages of a list of lines with this body."""
    operation = SPEC.operation("GetOrganizationAuditLogs")
    response = Response(200, (("Content-Type", "application/octet-stream"),), body)
    request, now = Request("GET", "https://api.example.org/logs"), datetime(2026, 6, 1, tzinfo=UTC)
    call, paging = Call(operation.id), paging_of(operation)
    assert paging is not None
    collector = PageCollector(operation, paging)
    collector.add(call, Exchange("id", operation, call, request, now, 0.1, response=response))
    assert list(collector.next_calls()) == []
    return Pages(collector)


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("count", [0, 1, 3])
def test_each_line_is_an_item_zipped_or_not(count: int, pack: Any) -> None:
    """Each line of JSON is an item, whether there is one or many, in a gzip file or not."""
    events = [{"n": n, "text": "ü"} for n in range(count)]
    pages = read_lines(pack(b"\n".join(json.dumps(event).encode() for event in events) + b"\r\n\n"))
    assert pages.items() == events
    assert len(pages.frame()) == count


def test_a_truncated_line_makes_the_list_incomplete() -> None:
    """The error names the lines that are not JSON; the others can be read with partial=True."""
    pages = read_lines(b'{"n": 1}\n{"n": 2\n{"n": 3}\n{"n"')
    with pytest.raises(PagesIncomplete, match=r"lines that are not JSON \(2, 4\)"):
        pages.items()
    assert pages.items(partial=True) == [{"n": 1}, {"n": 3}]
    assert pages.frame(partial=True)["n"].tolist() == [1, 3]


def test_secrets_in_lines_are_masked() -> None:
    """A field with a secret name is masked in a line as it is in any response."""
    assert read_lines(b'{"password": "planted-1"}').items() == [{"password": "*****"}]


def test_a_list_ends_on_an_empty_page() -> None:
    """A total that is too large, for example after a deletion, does not make a list endless."""
    operation = SPEC.operation("ListWorkspaces")
    served = iter([[{"id": "a"}], []])
    pages = read_all(operation, Call("ListWorkspaces"), lambda _: {"workspaces": next(served), "totalCount": 9})
    assert len(pages) == 1
    assert len(pages.exchanges) == 2


def test_the_first_call_asks_for_large_sorted_pages() -> None:
    """The first call asks for the largest page in order of creation, unless the caller asks for something else."""
    paging = paging_of(SPEC.operation("ListDeployments"))
    assert paging is not None
    assert first_call(paging, Call("ListDeployments")).parameters == {"limit": 1000, "sorts": ["createdAt:asc"]}
    own = {"limit": 5, "sorts": ["name:desc"], "names": ["a"]}
    assert first_call(paging, Call("ListDeployments", own)).parameters == own


def test_a_list_without_sorts_is_not_sorted() -> None:
    """ListDeploys has no `sorts`: no page of it asks for an order."""
    operation = SPEC.operation("ListDeploys")
    paging = paging_of(operation)
    assert paging is not None
    assert set(first_call(paging, Call("ListDeploys")).parameters) <= {p.key for p in operation.parameters}


@pytest.mark.parametrize("name", ["ListPermissionGroups", "GetClusterOptions", "ListRoleTemplates"])
def test_a_bare_array_is_one_whole_page(name: str, quick: anb.Workbench) -> None:
    """An operation that returns a bare array is read with one request."""
    more = {"provider": "AWS", "type": "DEDICATED"} if name == "GetClusterOptions" else {}
    pages = quick.pages(name, **more)
    assert len(pages.exchanges) == 1
    assert len(pages) == len(pages.frame()) > 0


def test_audit_logs_are_read_as_lines(quick: anb.Workbench) -> None:
    """Audit logs are lines of JSON with gzip encoding; each line is an item and a row."""
    pages = quick.pages("GetOrganizationAuditLogs")
    assert len(pages) == pages.exchanges[0].text.strip().count("\n") + 1 > 1
    assert len(pages.frame()) == len(pages)


@pytest.mark.parametrize("name", ["GetDeployment", "CreateDeployment", "DeleteWorkspace"])
def test_an_operation_that_returns_no_list_raises(name: str, api: anb.Workbench) -> None:
    """Pages of an operation that does not list raise before anything is sent."""
    assert paging_of(SPEC.operation(name)) is None
    with pytest.raises(UsageError, match=name) as caught:
        api.pages(name)
    assert "api.call" in caught.value.todo
    assert len(api.history) == 0


def test_a_failed_page_makes_the_list_incomplete(quick: anb.Workbench) -> None:
    """If the third page fails, reading the items raises; the received ones can be read with partial=True."""
    assert quick.sandbox is not None
    whole = quick.pages("ListDeployments", limit=10)
    collector = PageCollector(whole.operation, paging_of(whole.operation))  # type: ignore[arg-type]
    call = whole.exchanges[0].call
    for number in (1, 2, 3):
        if number == 3:
            quick.sandbox.faults.add("status", code=503)
        collector.add(call, quick.session.send(call))
        call = next(collector.next_calls(), call)
    assert list(collector.next_calls()) == []
    pages = Pages(collector)
    assert not pages.complete
    assert "incomplete" in repr(pages)
    for read in (pages.items, pages.frame, lambda: list(pages)):
        with pytest.raises(PagesIncomplete, match=r"Page 3 of ListDeployments .*503") as caught:
            read()
        assert "partial=True" in caught.value.todo
        assert caught.value.data["exchange"].status == 503
    assert pages.items(partial=True) == whole.items()[:20]
    assert len(pages.frame(partial=True)) == 20


def test_reading_stops_at_the_page_that_fails(quick: anb.Workbench) -> None:
    """`api.pages` sends nothing after a page that failed."""
    assert quick.sandbox is not None
    quick.sandbox.faults.add("html", operation="ListDeployments", times=None)
    pages = quick.pages("ListDeployments", limit=10)
    assert (len(pages.exchanges), len(pages), pages.complete) == (1, 0, False)


def test_a_frame_is_indexed_by_page_and_position(quick: anb.Workbench) -> None:
    """The frame of all pages is indexed by page and position, has dtypes, and is empty without items."""
    frame = quick.pages("ListDeployments", limit=20).frame()
    assert frame.index.names == ["page", "position"]
    assert frame.index[20] == (2, 1)
    assert str(frame["createdAt"].dtype) == "datetime64[ns, UTC]"
    none = quick.pages("ListDeployments", names=["no such name"]).frame()
    assert len(none) == 0
    assert "createdAt" in none.columns


def test_a_list_that_is_html_raises() -> None:
    """An HTML page with status 200 is an error, not an empty list."""
    html = httpx.MockTransport(lambda request: httpx.Response(200, html="<p>Sign in</p>"))
    plain = make_spec({"name": "offset"}).document
    api = anb.connect(spec=plain, base_url="http://localhost", history=None, transport=html)
    with pytest.raises(anb.AstroNbError, match="text/html"):
        api.pages("listThings")


@pytest.mark.parametrize(
    ("name", "operation", "style", "items", "limit"),
    [
        ("airflow3.yaml", "get_dags", "offset", "dags", "limit"),
        ("airflow2.yaml", "get_dags", "offset", "dags", "limit"),
        ("github.json", "issues/list-for-repo", "page", "$", "per_page"),
        ("petstore3.yaml", "findPetsByStatus", "whole", "$", ""),
    ],
)
def test_paging_is_inferred_without_an_overlay(
    name: str, operation: str, style: str, items: str, limit: str, shared: Path
) -> None:
    """Without an overlay the parameters and the response schema decide how a list pages."""
    paging = paging_of(load(shared / "specs" / name).operation(operation))
    assert paging is not None
    assert (paging.style, paging.items, paging.limit) == (style, items, limit)
    assert 1 <= paging.max_size <= 1000


def infer_paging(parameters: list[str], response: dict[str, Any]) -> Paging | None:
    """Return how a list pages that has these query parameters and this response schema."""
    integers = ("limit", "size", "count", "top", "max", "first", "offset", "page", "start", "skip")
    known = [
        {"name": name, "schema": {"type": "integer" if name.strip("$").lower().startswith(integers) else "string"}}
        for name in parameters
    ]
    return paging_of(make_spec(*known, response=response).operation("listThings"))


TEXT, INTEGER, THINGS = {"type": "string"}, {"type": "integer"}, {"type": "array", "items": {"type": "object"}}


def object_of(**fields: Any) -> dict[str, Any]:
    """Return the schema of an object."""
    return {"type": "object", "properties": fields}


@pytest.mark.parametrize(
    ("parameters", "response", "style", "parameter", "cursor"),
    [
        (
            ["pageSize", "pageToken"],
            object_of(items=THINGS, nextPageToken=TEXT),
            "cursor",
            "pageToken",
            "nextPageToken",
        ),
        (["maxResults", "nextToken"], object_of(tasks=THINGS, nextToken=TEXT), "cursor", "nextToken", "nextToken"),
        (["limit", "cursor"], object_of(data=THINGS, next_cursor=TEXT), "cursor", "cursor", "next_cursor"),
        (
            ["limit", "cursor"],
            object_of(members=THINGS, response_metadata=object_of(next_cursor=TEXT)),
            "cursor",
            "cursor",
            "$.response_metadata.next_cursor",
        ),
        (
            ["limit", "continue"],
            object_of(items=THINGS, metadata=object_of(**{"continue": TEXT, "remainingItemCount": INTEGER})),
            "cursor",
            "continue",
            "$.metadata.continue",
        ),
        (
            ["limit", "after"],
            object_of(results=THINGS, paging=object_of(cursors=object_of(after=TEXT, before=TEXT))),
            "cursor",
            "after",
            "$.paging.cursors.after",
        ),
        (["cursor", "page_size"], object_of(results=THINGS, next=TEXT, previous=TEXT), "cursor", "cursor", "next"),
        (
            ["cursor", "limit"],
            object_of(data=THINGS, _links=object_of(prev=object_of(href=TEXT), next=object_of(href=TEXT))),
            "cursor",
            "cursor",
            "$._links.next.href",
        ),
        (["offset", "limit"], object_of(defaults=THINGS, things=THINGS), "offset", "offset", ""),
        (["per_page", "after"], THINGS, "link", "after", ""),
        (["startAt", "maxResults"], object_of(values=THINGS, total=INTEGER), "offset", "startAt", ""),
        (["$skip", "$top"], object_of(value=THINGS), "offset", "$skip", ""),
        (["page", "per_page"], object_of(results=THINGS, errors=THINGS, total=INTEGER), "page", "page", ""),
        (
            ["page[number]", "page[size]"],
            object_of(data=THINGS, meta=object_of(total=INTEGER)),
            "page",
            "page[number]",
            "",
        ),
    ],
)
def test_styles_of_other_apis_are_inferred(
    parameters: list[str], response: dict[str, Any], style: str, parameter: str, cursor: str
) -> None:
    """The names of the parameters and of the response's fields decide the style, however they are spelled."""
    paging = infer_paging(parameters, response)
    assert paging is not None
    assert (paging.style, paging.parameter, paging.cursor) == (style, parameter, cursor)
    assert (paging.limit in parameters) == (len(parameters) == 2)


@pytest.mark.parametrize(
    ("parameters", "response"),
    [
        (["page"], object_of(name=TEXT)),
        (["page"], object_of(some=THINGS, others=THINGS)),
        ([], object_of(some=THINGS, others=THINGS)),
    ],
)
def test_an_unclear_response_has_no_paging(parameters: list[str], response: dict[str, Any]) -> None:
    """Without an array, or with two arrays that could both be the list, nothing is inferred."""
    assert infer_paging(parameters, response) is None


@pytest.mark.parametrize("parameters", [["q"], ["filter", "fields"], []])
@pytest.mark.parametrize("response", [object_of(things=THINGS), object_of(results=THINGS, count=INTEGER, next=TEXT)])
def test_a_list_without_a_parameter_for_pages_is_read_whole(parameters: list[str], response: dict[str, Any]) -> None:
    """In an object as in a bare array: what the responses say decides whether it is whole."""
    paging = infer_paging(parameters, response)
    assert paging is not None
    assert paging.items in response["properties"]
    assert (paging.style, paging.parameter) == ("whole", "")


CURSORED = make_spec({"name": "cursor", "schema": TEXT}, response=object_of(things=THINGS, next=TEXT)).operation(
    "listThings"
)


@pytest.mark.parametrize(
    ("cursor", "sent"),
    [
        ("abc", "abc"),
        ("/things?cursor=a%2Bb&x=1", "a+b"),
        ("https://elsewhere.example/other?cursor=abc", "abc"),
        ("http://[broken?cursor=abc", "abc"),
        ("a=b/c==", "a=b/c=="),
        ("{{secret}}", "{{secret}}"),
        ("", None),
        (None, None),
        (True, None),
        ({"a": 1}, None),
    ],
)
def test_a_cursor_may_be_a_token_or_a_url(cursor: Any, sent: str | None) -> None:
    """A token is sent as it is, never resolved; only the query of a URL is used, so no other host is called."""
    paging = paging_of(CURSORED)
    assert paging is not None
    page = read_page(paging, Call("listThings"), make_exchange(CURSORED, {"things": [1], "next": cursor}))
    value = page.next_call.parameters["cursor"] if page.next_call else None
    assert value == sent
    assert not template_names(value)


def test_an_empty_page_with_a_cursor_does_not_end_the_list() -> None:
    """Filters may leave a page empty in the middle of a list; a server that sends only empty pages is stopped."""
    served: list[list[dict[str, int]]] = [[], [{"n": 1}], [], [{"n": 2}]]

    def serve(query: Any) -> Any:
        at = int(query.get("cursor", 0))
        return {"things": served[at], "next": str(at + 1) if at < 3 else None}

    assert read_all(CURSORED, Call("listThings"), serve).items() == [{"n": 1}, {"n": 2}]
    number = iter(range(1000))
    endless = read_all(CURSORED, Call("listThings"), lambda _: {"things": [], "next": f"c{next(number)}"})
    assert not endless.complete
    assert "empty" in endless.notes[0]


def test_cursors_in_a_circle_end_the_list() -> None:
    """A cursor that leads back to an earlier page ends the list with a message."""
    next_of = {None: "a", "a": "b", "b": "a"}
    pages = read_all(CURSORED, Call("listThings"), lambda query: {"things": [1], "next": next_of[query.get("cursor")]})
    assert not pages.complete
    assert len(pages.exchanges) == 3
    assert "as the next page" in pages.notes[0]


@pytest.mark.parametrize(
    ("most", "size"),
    [(50, 50), (10**30, 1000), (float("inf"), 100), (float("nan"), 100), (-3, 1), (0.5, 1), ("x", 100)],
)
def test_the_page_size_is_limited(most: Any, size: int) -> None:
    """Whatever maximum the document declares, the requested page size is 1 to 1000."""
    limit = {"name": "limit", "schema": {"type": "integer", "maximum": most}}
    paging = paging_of(make_spec({"name": "offset"}, limit).operation("listThings"))
    assert paging is not None
    assert paging.max_size == size
