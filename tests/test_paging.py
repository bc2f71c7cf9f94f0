"""A list is read to its end, once, whatever way the API pages; and whoever reads it knows when it was not."""

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
from astro_nb.pagination import Pages, Paging, first_call, paging_of, read_page, skipped
from astro_nb.templates import template_names

SPEC = load()
LISTS = [op.id for op in SPEC if (op.notes.get("page") or {}).get("style") in ("offset", "search")]


def document(*queries: dict[str, Any], answer: dict[str, Any] | None = None) -> Spec:
    """A document of one list, `GET /things`, with these query parameters."""
    things = {"type": "array", "items": {"type": "object"}}
    schema = {"schema": answer or {"type": "object", "properties": {"things": things, "total": {"type": "integer"}}}}
    listed = {
        "operationId": "listThings",
        "parameters": [{"in": "query", "schema": {"type": "integer"}, **query} for query in queries],
        "responses": {"200": {"description": "", "content": {"application/json": schema}}},
    }
    return load({"openapi": "3.0.3", "info": {"title": "T", "version": "1"}, "paths": {"/things": {"get": listed}}})


def answered(operation: Operation, data: Any, headers: tuple[tuple[str, str], ...] = ()) -> Exchange:
    """An exchange that ended with this answer."""
    answer = Response(200, (("Content-Type", "application/json"), *headers), json.dumps(data).encode())
    request, now = Request("GET", "https://api.example.org/things"), datetime(2026, 6, 1, tzinfo=UTC)
    return Exchange("id", operation, Call(operation.id), request, now, 0.1, response=answer)


def walk(operation: Operation, call: Call, serve: Any, most: int = 50) -> Pages:
    """Every page that a server, as a function of the call's parameters, gives."""
    paging = paging_of(operation)
    assert paging is not None
    pages, following = Pages(operation, paging), first_call(paging, call)
    while following is not None:
        assert len(pages.exchanges) < most, "the pages do not end"
        following = pages.add(following, answered(operation, serve(following.parameters)))  # type: ignore[assignment]
    return pages


@pytest.fixture
def quick() -> Iterator[anb.Workbench]:
    """A workbench on a sandbox without limits, whose time stands still, that tries nothing twice."""
    noon = datetime.now(UTC)
    box = anb.Sandbox(limits=False, now=lambda: noon).start()
    here = anb.Environment("sandbox", base_url=box.url, credentials={"token": anb.Secret.in_memory(box.token())})
    workbench = anb.connect(here, history=None, retries=anb.Retries(attempts=1))
    workbench.sandbox = box
    yield workbench
    workbench.close()


@pytest.mark.parametrize("name", LISTS)
def test_every_list_of_astro_is_read_whole(name: str, quick: anb.Workbench) -> None:
    """Each list operation gives every item once, in small pages as in large ones, and as many as the total says."""
    for thing, listed in (("deployment", "ListDeployments"), ("team", "ListTeams"), ("user", "ListUsers")):
        quick.variables[f"{thing}Id"] = quick.call(listed)[f"$.{thing}s[0].id"]
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


@settings(deadline=None, max_examples=100, derandomize=True)
@given(st.integers(0, 60), st.integers(1, 20), st.integers(0, 70), st.booleans(), st.booleans())
def test_offsets_give_every_item_once(count: int, size: int, start: int, told: bool, strict: bool) -> None:
    """Whatever the number of items, the size of a page and the offset begun at: each item comes once, in order."""
    most = 11  # more is cut by the server, told or not

    def serve(given: Any) -> Any:
        at, limit = given.get("offset", 0), min(given["limit"], most if strict else 1000)
        return {"things": list(range(count))[at : at + limit], **({"total": count} if told else {})}

    operation = document({"name": "offset"}, {"name": "limit"}).operation("listThings")
    pages = walk(operation, Call("listThings", {"limit": size, "offset": start}), serve, most=80)
    assert pages.items() == list(range(count))[start:]
    assert pages.total == (count if told else None)


@pytest.mark.parametrize(("first", "schema"), [(1, {}), (1, {"default": 1}), (0, {"default": 0})])
def test_pages_are_counted_from_where_the_document_begins(first: int, schema: dict[str, Any]) -> None:
    """A page parameter goes on from its declared default, so that an API that counts from 0 loses no page."""
    page = {"name": "page", "schema": {"type": "integer", **schema}}
    operation = document(page, {"name": "size"}).operation("listThings")

    def serve(given: Any) -> Any:
        at = (int(given.get("page", first)) - first) * 10
        return {"things": list(range(35))[at : at + 10], "total": 35}

    assert walk(operation, Call("listThings"), serve).items() == list(range(35))


def test_cursors_are_followed_to_the_end() -> None:
    """A cursor of the answer asks for the next page; null, an empty text or none ends the list."""
    for end in ({"next": None}, {"next": ""}, {}):
        pages = {None: {"things": [1, 2], "next": "a"}, "a": {"things": [3], "next": "b"}, "b": {"things": [4], **end}}
        note = {"style": "cursor", "items": "things", "cursor": "next", "parameter": "after"}
        overlay = {"overlay": "1.0.0", "actions": [{"target": "$.paths.*.get", "update": {"x-astro-nb-page": note}}]}
        operation = load(document({"name": "after"}).document, overlay).operation("listThings")
        found = walk(operation, Call("listThings"), lambda given, pages=pages: pages[given.get("after")])
        assert found.items() == [1, 2, 3, 4]


LINKED = document(
    {"name": "page"},
    {"name": "per_page"},
    {"name": "labels", "schema": {"type": "array", "items": {"type": "string"}}},
    answer={"type": "array", "items": {"type": "object"}},
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
        (['<https://x.org/archive?page=9>; rel="next-archive"'], None),
        ([], None),
    ],
)
def test_link_headers_say_where_to_go_on(links: list[str], page: str | None) -> None:
    """The target of the relation "next" (RFC 8288) gives the next call, whatever stands around it; else it ends."""
    paging = paging_of(LINKED)
    assert paging is not None
    headers = tuple(("Link", link) for link in links)
    found = read_page(paging, Call("listThings"), answered(LINKED, [{"id": 1}], headers), 0)
    assert (str(found.following.parameters["page"]) if found.following else None) == page


def test_a_filter_stays_the_same_on_every_page() -> None:
    """A repeated query key of a link keeps all its values: the second page has the filter of the first."""
    paging = paging_of(LINKED)
    assert paging is not None
    link = ("Link", '<https://x.org/things?labels=a&labels=b&page=2>; rel="next"')
    page = read_page(paging, Call("listThings", {"labels": ["a", "b"]}), answered(LINKED, [{"id": 1}], (link,)), 0)
    assert page.following is not None
    assert page.following.parameters["labels"] == ["a", "b"]


@pytest.mark.parametrize("start", ["{{start}}", "40", 40])
def test_an_offset_may_be_a_template(start: Any, quick: anb.Workbench) -> None:
    """Where the first call skips by a variable or a text, no item comes twice."""
    quick.variables["start"] = 40
    pages = quick.pages("ListDeployments", offset=start, limit=3)
    ids = [item["id"] for item in pages]
    assert pages.total is not None
    assert len(ids) == len(set(ids)) == pages.total - 40


@pytest.mark.parametrize("told", [False, True])
@pytest.mark.parametrize("place", ["offset", "page"])
def test_a_server_that_does_not_go_on_is_told(place: str, told: bool) -> None:
    """A server that ignores the place in the list sends the first page again: reading stops there and says so."""
    operation = document({"name": place}, {"name": "limit"}).operation("listThings")
    again = {"things": [1, 2], **({"total": 9} if told else {})}
    pages = walk(operation, Call("listThings"), lambda _: again)
    assert (len(pages.exchanges), pages.complete, pages.items(partial=True)) == (2, False, [1, 2])
    with pytest.raises(PagesIncomplete, match=f"Page 2 of listThings is the same as the one before.*{place}"):
        pages.items()


def test_a_cursor_that_stands_still_is_told() -> None:
    """A cursor that asks for the page that it came with is not followed."""
    note = {"style": "cursor", "items": "things", "cursor": "next", "parameter": "after"}
    overlay = {"overlay": "1.0.0", "actions": [{"target": "$.paths.*.get", "update": {"x-astro-nb-page": note}}]}
    operation = load(document({"name": "after"}).document, overlay).operation("listThings")
    pages = walk(operation, Call("listThings"), lambda _: {"things": [1], "next": "a"})
    assert (len(pages.exchanges), pages.complete) == (2, False)


def test_items_of_another_kind_stand_beside() -> None:
    """The default roles come with every page of the roles: they are kept apart, each once."""
    operation = SPEC.operation("ListRoles")
    default, roles = [{"name": "OWNER"}, {"name": "MEMBER"}], [{"id": f"r{n}", "name": f"n{n}"} for n in range(5)]

    def serve(given: Any) -> Any:
        at = given.get("offset", 0)
        return {"roles": roles[at : at + 2], "defaultRoles": default, "totalCount": 5, "limit": 2, "offset": at}

    pages = walk(operation, Call("ListRoles", {"limit": 2}), serve)
    assert pages.items() == roles
    assert pages.also == {"defaultRoles": default}
    assert len(pages.frame()) == len(roles)


def of_lines(body: bytes) -> Pages:
    """The pages of a list that was answered by these bytes, as lines."""
    operation = SPEC.operation("GetOrganizationAuditLogs")
    answer = Response(200, (("Content-Type", "application/octet-stream"),), body)
    request, now = Request("GET", "https://api.example.org/logs"), datetime(2026, 6, 1, tzinfo=UTC)
    call, paging = Call(operation.id), paging_of(operation)
    assert paging is not None
    pages = Pages(operation, paging)
    assert pages.add(call, Exchange("id", operation, call, request, now, 0.1, response=answer)) is None
    return pages


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("count", [0, 1, 3])
def test_lines_are_items_packed_or_not(count: int, pack: Any) -> None:
    """Each line of JSON is an item, one as well as many, in a gzip file as well as in the clear."""
    events = [{"n": n, "text": "ü"} for n in range(count)]
    pages = of_lines(pack(b"\n".join(json.dumps(event).encode() for event in events) + b"\r\n\n"))
    assert pages.items() == events
    assert len(pages.frame()) == count


def test_a_line_that_is_cut_is_told() -> None:
    """A line that is not JSON makes the list incomplete, and the error names it; the others can be had on purpose."""
    pages = of_lines(b'{"n": 1}\n{"n": 2\n{"n": 3}\n{"n"')
    with pytest.raises(PagesIncomplete, match=r"lines that are not JSON \(2, 4\)"):
        pages.items()
    assert pages.items(partial=True) == [{"n": 1}, {"n": 3}]
    assert pages.frame(partial=True)["n"].tolist() == [1, 3]


def test_secrets_in_lines_are_stars() -> None:
    """What its name calls secret is starred in a line as it is in any answer."""
    assert of_lines(b'{"password": "planted-1"}').items() == [{"password": "*****"}]


def test_a_list_ends_on_an_empty_page() -> None:
    """A total that is too large, as after a deletion, does not make a list endless."""
    operation = SPEC.operation("ListWorkspaces")
    served = iter([[{"id": "a"}], []])
    pages = walk(operation, Call("ListWorkspaces"), lambda _: {"workspaces": next(served), "totalCount": 9})
    assert len(pages) == 1
    assert len(pages.exchanges) == 2


def test_a_list_is_asked_for_in_large_and_stable_pages() -> None:
    """The first call asks for the largest page in order of creation; what the caller asks for stays."""
    paging = paging_of(SPEC.operation("ListDeployments"))
    assert paging is not None
    assert first_call(paging, Call("ListDeployments")).parameters == {"limit": 1000, "sorts": ["createdAt:asc"]}
    asked = {"limit": 5, "sorts": ["name:desc"], "names": ["a"]}
    assert first_call(paging, Call("ListDeployments", asked)).parameters == asked


def test_deploys_cannot_be_sorted_and_are_not() -> None:
    """ListDeploys has no `sorts`: no page of it asks for an order."""
    operation = SPEC.operation("ListDeploys")
    paging = paging_of(operation)
    assert paging is not None
    assert set(first_call(paging, Call("ListDeploys")).parameters) <= {p.key for p in operation.parameters}


@pytest.mark.parametrize("name", ["ListPermissionGroups", "GetClusterOptions", "ListRoleTemplates"])
def test_a_bare_array_is_one_whole_page(name: str, quick: anb.Workbench) -> None:
    """The operations that answer a bare array are read with one request."""
    more = {"provider": "AWS", "type": "DEDICATED"} if name == "GetClusterOptions" else {}
    pages = quick.pages(name, **more)
    assert len(pages.exchanges) == 1
    assert len(pages) == len(pages.frame()) > 0


def test_audit_logs_are_read_as_the_lines_that_they_are(quick: anb.Workbench) -> None:
    """Audit logs come as gzip-encoded lines of JSON; each line is an item and a row."""
    pages = quick.pages("GetOrganizationAuditLogs")
    assert len(pages) == pages.exchanges[0].text.strip().count("\n") + 1 > 1
    assert len(pages.frame()) == len(pages)


@pytest.mark.parametrize("name", ["GetDeployment", "CreateDeployment", "DeleteWorkspace"])
def test_what_lists_nothing_is_refused(name: str, api: anb.Workbench) -> None:
    """Pages of an operation that does not list are refused before anything is sent."""
    assert paging_of(SPEC.operation(name)) is None
    with pytest.raises(UsageError, match=name) as caught:
        api.pages(name)
    assert "api.call" in caught.value.todo
    assert len(api.history) == 0


def test_a_page_that_does_not_come_is_never_passed_over(quick: anb.Workbench) -> None:
    """When the third page fails, the list says that it is not whole; what there is comes only on purpose."""
    assert quick.sandbox is not None
    whole = quick.pages("ListDeployments", limit=10)
    pages = Pages(whole.operation, paging_of(whole.operation))  # type: ignore[arg-type]
    call = whole.exchanges[0].call
    for number in (1, 2, 3):
        if number == 3:
            quick.sandbox.faults.add("status", code=503)
        following = pages.add(call, quick.session.send(call))
        call = following or call
    assert following is None
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
    """`api.pages` sends nothing after a page that did not come."""
    assert quick.sandbox is not None
    quick.sandbox.faults.add("html", operation="ListDeployments", times=None)
    pages = quick.pages("ListDeployments", limit=10)
    assert (len(pages.exchanges), len(pages), pages.complete) == (1, 0, False)


def test_a_frame_tells_where_each_item_stood(quick: anb.Workbench) -> None:
    """The frame of all pages is indexed by page and position, has dtypes, and is empty without items."""
    frame = quick.pages("ListDeployments", limit=20).frame()
    assert frame.index.names == ["page", "position"]
    assert frame.index[20] == (2, 1)
    assert str(frame["createdAt"].dtype) == "datetime64[ns, UTC]"
    none = quick.pages("ListDeployments", names=["no such name"]).frame()
    assert len(none) == 0
    assert "createdAt" in none.columns


def test_a_list_that_answers_something_else_says_so() -> None:
    """A page of HTML under a 200 is an error in words, not an empty list."""
    html = httpx.MockTransport(lambda request: httpx.Response(200, html="<p>Sign in</p>"))
    plain = document({"name": "offset"}).document
    api = anb.connect(spec=plain, base_url="http://localhost", history=None, transport=html)
    with pytest.raises(anb.AstroNbError, match="text/html"):
        api.pages("listThings")


def test_skipping_counts_only_for_offsets() -> None:
    """Only an offset skips items; a page number or a cursor does not."""
    assert skipped(Paging("offset", "$", parameter="offset"), Call("x", {"offset": 7})) == 7
    assert skipped(Paging("page", "$", parameter="page"), Call("x", {"page": 7})) == 0


@pytest.mark.parametrize(
    ("name", "operation", "style", "items", "limit"),
    [
        ("airflow3.yaml", "get_dags", "offset", "dags", "limit"),
        ("airflow2.yaml", "get_dags", "offset", "dags", "limit"),
        ("github.json", "issues/list-for-repo", "link", "$", "per_page"),
        ("petstore3.yaml", "findPetsByStatus", "whole", "$", ""),
    ],
)
def test_paging_of_other_documents_is_inferred(
    name: str, operation: str, style: str, items: str, limit: str, shared: Path
) -> None:
    """Without an overlay the parameters and the answer tell how a list pages."""
    paging = paging_of(load(shared / "specs" / name).operation(operation))
    assert paging is not None
    assert (paging.style, paging.items, paging.limit) == (style, items, limit)
    assert 1 <= paging.most <= 1000


def listed(parameters: list[str], answer: dict[str, Any]) -> Paging | None:
    """How a list pages that has these query parameters and these fields in its answer."""
    integers = ("limit", "size", "count", "top", "max", "first", "offset", "page", "start", "skip")
    known = [
        {"name": name, "schema": {"type": "integer" if name.strip("$").lower().startswith(integers) else "string"}}
        for name in parameters
    ]
    return paging_of(document(*known, answer=answer).operation("listThings"))


TEXT, INTEGER, THINGS = {"type": "string"}, {"type": "integer"}, {"type": "array", "items": {"type": "object"}}


def holds(**fields: Any) -> dict[str, Any]:
    """The schema of an object."""
    return {"type": "object", "properties": fields}


@pytest.mark.parametrize(
    ("parameters", "answer", "style", "parameter", "cursor"),
    [
        (["pageSize", "pageToken"], holds(items=THINGS, nextPageToken=TEXT), "cursor", "pageToken", "nextPageToken"),
        (["maxResults", "nextToken"], holds(tasks=THINGS, nextToken=TEXT), "cursor", "nextToken", "nextToken"),
        (["limit", "cursor"], holds(data=THINGS, next_cursor=TEXT), "cursor", "cursor", "next_cursor"),
        (
            ["limit", "cursor"],
            holds(members=THINGS, response_metadata=holds(next_cursor=TEXT)),
            "cursor",
            "cursor",
            "$.response_metadata.next_cursor",
        ),
        (
            ["limit", "continue"],
            holds(items=THINGS, metadata=holds(**{"continue": TEXT, "remainingItemCount": INTEGER})),
            "cursor",
            "continue",
            "$.metadata.continue",
        ),
        (
            ["limit", "after"],
            holds(results=THINGS, paging=holds(cursors=holds(after=TEXT, before=TEXT))),
            "cursor",
            "after",
            "$.paging.cursors.after",
        ),
        (["cursor", "page_size"], holds(results=THINGS, next=TEXT, previous=TEXT), "cursor", "cursor", "next"),
        (
            ["cursor", "limit"],
            holds(data=THINGS, _links=holds(prev=holds(href=TEXT), next=holds(href=TEXT))),
            "cursor",
            "cursor",
            "$._links.next.href",
        ),
        (["offset", "limit"], holds(defaults=THINGS, things=THINGS), "offset", "offset", ""),
        (["per_page", "after"], THINGS, "link", "after", ""),
        (["startAt", "maxResults"], holds(values=THINGS, total=INTEGER), "offset", "startAt", ""),
        (["$skip", "$top"], holds(value=THINGS), "offset", "$skip", ""),
        (["page", "per_page"], holds(results=THINGS, errors=THINGS, total=INTEGER), "page", "page", ""),
        (["page[number]", "page[size]"], holds(data=THINGS, meta=holds(total=INTEGER)), "page", "page[number]", ""),
    ],
)
def test_styles_of_other_apis_are_inferred(
    parameters: list[str], answer: dict[str, Any], style: str, parameter: str, cursor: str
) -> None:
    """The names of the parameters and of the answer's fields tell the style, whatever way they are spelled."""
    paging = listed(parameters, answer)
    assert paging is not None
    assert (paging.style, paging.parameter, paging.cursor) == (style, parameter, cursor)
    assert (paging.limit in parameters) == (len(parameters) == 2)


@pytest.mark.parametrize(
    ("parameters", "answer"),
    [
        (["token"], holds(things=THINGS)),
        (["page"], holds(name=TEXT)),
        (["page"], holds(some=THINGS, others=THINGS)),
        ([], holds(things=THINGS)),
    ],
)
def test_what_does_not_say_how_it_pages_is_not_guessed_at(parameters: list[str], answer: dict[str, Any]) -> None:
    """Without a way on, or with two arrays of which neither is the list, an operation is none that lists."""
    assert listed(parameters, answer) is None


CURSORED = document({"name": "cursor", "schema": TEXT}, answer=holds(things=THINGS, next=TEXT)).operation("listThings")


@pytest.mark.parametrize(
    ("told", "following"),
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
def test_a_cursor_may_be_a_token_or_an_address(told: Any, following: str | None) -> None:
    """A token is sent as it is, never resolved; of an address only its parameters count, and no other host is asked."""
    paging = paging_of(CURSORED)
    assert paging is not None
    page = read_page(paging, Call("listThings"), answered(CURSORED, {"things": [1], "next": told}), 0)
    sent = page.following.parameters["cursor"] if page.following else None
    assert sent == following
    assert not template_names(sent)


def test_an_empty_page_does_not_end_a_list_that_says_that_there_is_more() -> None:
    """Filters may leave a page empty in the middle of a list by cursor; a server that never ends is not believed."""
    served: list[list[dict[str, int]]] = [[], [{"n": 1}], [], [{"n": 2}]]

    def serve(given: Any) -> Any:
        at = int(given.get("cursor", 0))
        return {"things": served[at], "next": str(at + 1) if at < 3 else None}

    assert walk(CURSORED, Call("listThings"), serve).items() == [{"n": 1}, {"n": 2}]
    number = iter(range(1000))
    endless = walk(CURSORED, Call("listThings"), lambda _: {"things": [], "next": f"c{next(number)}"})
    assert not endless.complete
    assert "empty" in endless.notes[0]


def test_cursors_that_go_in_a_circle_are_told() -> None:
    """A cursor that leads back to a page that was read ends the list, and says so."""
    next_of = {None: "a", "a": "b", "b": "a"}
    pages = walk(CURSORED, Call("listThings"), lambda given: {"things": [1], "next": next_of[given.get("cursor")]})
    assert not pages.complete
    assert len(pages.exchanges) == 3
    assert "as the next one" in pages.notes[0]


@pytest.mark.parametrize(
    ("most", "size"),
    [(50, 50), (10**30, 1000), (float("inf"), 100), (float("nan"), 100), (-3, 1), (0.5, 1), ("x", 100)],
)
def test_the_largest_page_is_within_reason(most: Any, size: int) -> None:
    """Whatever a document declares as the maximum, pages of a size that can be asked for are."""
    limit = {"name": "limit", "schema": {"type": "integer", "maximum": most}}
    paging = paging_of(document({"name": "offset"}, limit).operation("listThings"))
    assert paging is not None
    assert paging.most == size
