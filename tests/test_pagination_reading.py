"""Lists are read completely over real HTTP, even if they change meanwhile; otherwise the gap is reported."""

from __future__ import annotations

import gc
import itertools
import json
import math
import os
import signal
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.servers import LocalServer

import astro_nb as anb
from astro_nb.errors import PagesIncomplete, UsageError
from astro_nb.messages import Request, Response
from astro_nb.pagination import Pages, read_pages
from astro_nb.pagination.collector import PageCollector
from astro_nb.pagination.paging import Paging
from astro_nb.runbooks.steps import group_into_steps
from astro_nb.session import MAX_PARALLEL

Item = dict[str, Any]
Query = dict[str, str]


class Lists(LocalServer):
    """A server of one list with many styles of paging, each at a path of its own.

    Attributes:
        items: the items of the list, in order.
        cap: the largest page that it sends, whatever the request asks for.
        has_total: whether responses declare the total.
        before: called with the number of each request, from 0; it may return the status of an error.
        delay: returns the seconds that a response takes.
        truncated: the numbers of the requests whose responses end too early, with a matching Content-Length.
        declared_total: the total that responses declare instead of the true one.
        queries: every query, in the order of arrival.
    """

    def __init__(self) -> None:
        super().__init__(self.list_response)
        self.lock = threading.Lock()
        self.reset([])

    def reset(self, items: list[Any], cap: int = 1000, has_total: bool = True) -> None:
        self.items, self.cap, self.has_total = items, cap, has_total
        self.before: Callable[[int], int | None] = lambda number: None
        self.delay: Callable[[], float] = lambda: 0.0
        self.truncated: set[int] = set()
        self.declared_total: int | None = None
        self.queries: list[Query] = []
        self.active = self.most_active = 0

    def list_response(self, request: Request) -> Response:
        """Return one page of the list, in the style that the path names."""
        parts = urlsplit(request.url)
        query = dict(parse_qsl(parts.query))
        with self.lock:
            number = len(self.queries)
            self.queries.append(query)
            self.active += 1
            self.most_active = max(self.most_active, self.active)
            status = self.before(number) or 200
            body, headers = STYLES[parts.path.strip("/")](self, query)
        time.sleep(self.delay())
        with self.lock:
            self.active -= 1
        content = json.dumps(body if status == 200 else {"message": "no"}).encode()
        content = content[:-3] if number in self.truncated else content
        fields = {"Content-Type": "application/json", **headers}
        return Response(status, tuple((name, str(value)) for name, value in fields.items()), content)

    def slice(self, query: Query, at: int) -> list[Any]:
        return self.items[at : at + min(int(query.get("limit", 20)), self.cap)]

    def total(self) -> dict[str, int]:
        total = len(self.items) if self.declared_total is None else self.declared_total
        return {"total": total} if self.has_total else {}


Reply = tuple[Any, dict[str, str]]
"""The body and further headers."""


def by_offset(lists: Lists, query: Query) -> Reply:
    return {"things": lists.slice(query, int(query.get("offset", 0))), **lists.total()}, {}


def by_count(lists: Lists, query: Query) -> Reply:
    things = lists.slice(query, int(query.get("offset", 0)))
    return {"things": things, "count": len(things)}, {}


def by_page(lists: Lists, query: Query, first: int = 1) -> Reply:
    size = min(int(query.get("limit", 20)), lists.cap)
    return {"things": lists.slice(query, (int(query.get("page", first)) - first) * size), **lists.total()}, {}


def by_cursor(lists: Lists, query: Query) -> Reply:
    at = int(query.get("cursor", "c0")[1:])
    things = lists.slice(query, at)
    more = {"nextCursor": f"c{at + len(things)}"} if at + len(things) < len(lists.items) else {"nextCursor": None}
    return {"things": things, **more}, {}


def by_token(lists: Lists, query: Query) -> Reply:
    at = int(query.get("pageToken", "t0")[1:])
    things = lists.slice(query, at)
    more = at + len(things) < len(lists.items)
    return {"things": things, "meta": {"next_page_token": f"t{at + len(things)}" if more else ""}}, {}


def by_address(lists: Lists, query: Query) -> Reply:
    at = int(query.get("cursor", "0"))
    things = lists.slice(query, at)
    more = at + len(things) < len(lists.items)
    limit = query.get("limit", 20)
    address = f"{lists.url}/address?cursor={at + len(things)}&limit={limit}" if more else None
    return {"results": things, "next": address, "previous": None}, {}


def by_link(lists: Lists, query: Query) -> Reply:
    page = int(query.get("page", 1))
    size = min(int(query.get("limit", 20)), lists.cap)
    things = lists.slice(query, (page - 1) * size)
    more = page * size < len(lists.items)
    link = {"Link": f'<{lists.url}/link?page={page + 1}&limit={query.get("limit", 20)}>; rel="next"'}
    return things, link if more else {}


STYLES: dict[str, Callable[[Lists, Query], Reply]] = {
    "offset": by_offset,
    "count": by_count,
    "page": by_page,
    "page0": lambda lists, query: by_page(lists, query, 0),
    "cursor": by_cursor,
    "token": by_token,
    "address": by_address,
    "link": by_link,
}
COUNTED = ("offset", "page", "page0")


def make_list(name: str, parameters: dict[str, Any], response: dict[str, Any]) -> dict[str, Any]:
    """Return the path item of a list."""
    limit = {"type": "integer", "maximum": 1000}
    known = [{"in": "query", "name": key, "schema": schema} for key, schema in {**parameters, "limit": limit}.items()]
    content = {"application/json": {"schema": response}}
    return {
        "get": {
            "operationId": name,
            "parameters": known,
            "responses": {"200": {"description": "", "content": content}},
        }
    }


def make_document() -> dict[str, Any]:
    """Return the document of `Lists`: every style at the path of its name."""
    meta = {"type": "object", "properties": {"next_page_token": {"type": "string"}}}
    integer, text, things = {"type": "integer"}, {"type": "string"}, {"type": "array", "items": {}}
    counted = {"type": "object", "properties": {"things": things, "total": integer}}

    def with_items(**more: Any) -> dict[str, Any]:
        return {"type": "object", "properties": {"things": things, **more}}

    paths = {
        "offset": make_list("offset", {"offset": integer}, counted),
        "count": make_list("count", {"offset": integer}, with_items(count=integer)),
        "page": make_list("page", {"page": integer}, counted),
        "page0": make_list("page0", {"page": {**integer, "minimum": 0}}, counted),
        "cursor": make_list("cursor", {"cursor": text}, with_items(nextCursor=text)),
        "token": make_list("token", {"pageToken": text}, with_items(meta=meta)),
        "address": make_list(
            "address", {"cursor": text},
            {"type": "object", "properties": {"results": things, "next": text, "previous": text}},
        ),
        "link": make_list("link", {"page": integer}, things),
    }  # fmt: skip
    return {
        "openapi": "3.0.3",
        "info": {"title": "Lists", "version": "1"},
        "paths": {f"/{name}": path for name, path in paths.items()},
    }


OVERLAY = {
    "overlay": "1.0.0",
    "info": {"title": "T", "version": "1"},
    "actions": [{"target": "$.paths.*.get", "update": {"x-astro-nb-item": {"id": "id"}}}],
}
"""An overlay that declares the id of the items."""


@pytest.fixture(scope="module")
def lists() -> Iterator[Lists]:
    with Lists() as server:
        yield server


def connect(lists: Lists, overlay: Any = None) -> anb.Workbench:
    retries = anb.Retries(attempts=1)
    return anb.connect(spec=make_document(), overlay=overlay, base_url=lists.url, history=None, retries=retries)


@pytest.fixture(scope="module")
def reader(lists: Lists) -> Iterator[anb.Workbench]:
    """Return a workbench without an overlay."""
    workbench = connect(lists)
    yield workbench
    workbench.close()


@pytest.fixture(scope="module")
def reader_with_ids(lists: Lists) -> Iterator[anb.Workbench]:
    """Return a workbench whose overlay declares the id of the items."""
    workbench = connect(lists, OVERLAY)
    yield workbench
    workbench.close()


def make_items(count: int) -> list[Item]:
    return [{"id": f"i{number}", "n": number} for number in range(count)]


EXAMPLES = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


@EXAMPLES
@given(
    style=st.sampled_from(sorted(STYLES)),
    count=st.integers(0, 70),
    cap=st.integers(1, 30),
    size=st.integers(1, 30),
    has_total=st.booleans(),
)
def test_a_stable_list_is_read_completely(
    lists: Lists, reader: anb.Workbench, style: str, count: int, cap: int, size: int, has_total: bool
) -> None:
    """Any style, number of items, page size and cap, with or without total: each item once, in order, without notes."""
    lists.reset(make_items(count), cap, has_total)
    pages = reader.pages(style, limit=size)
    assert pages.items() == lists.items
    assert (pages.complete, pages.notes, len(pages.duplicates)) == (True, [], 0)
    assert pages.total == (count if has_total and style in COUNTED else None)
    pages_needed = -(-count // min(size, cap))
    finds_first = style in ("link", "page") and not (has_total and style == "page")  # whether pages count from 0
    assert len(lists.queries) <= max(1, pages_needed) + 1 + finds_first


def test_pages_received_out_of_order_are_sorted(lists: Lists, reader: anb.Workbench) -> None:
    """Pages are requested together, and some are late: the items and the exchanges are in the order of the list."""
    for style in COUNTED:
        lists.reset(make_items(95))
        delays = itertools.cycle((0.06, 0.0, 0.03, 0.01, 0.05))
        lists.delay = lambda delays=delays: next(delays)
        pages = reader.pages(style, limit=5)
        assert pages.items() == lists.items
        assert 1 < lists.most_active <= MAX_PARALLEL
        assert len(lists.queries) == len(pages.exchanges) == 19
        assert pages.frame().index[-1] == (19, 5)
        assert pages.frame()["n"].tolist() == list(range(95))
        assert [e.json()["things"][0]["n"] for e in pages.exchanges] == list(range(0, 95, 5))


def test_a_runbook_step_has_the_pages_in_order(lists: Lists, reader: anb.Workbench) -> None:
    """Whatever was received first, a step of a runbook has the pages in the order of the list."""
    lists.reset(make_items(60))
    delays = itertools.cycle((0.0, 0.08, 0.0, 0.04))
    lists.delay = lambda: next(delays)
    pages = reader.pages("offset", limit=5)
    sent = [exchange for exchange in reader.session.exchanges if exchange.group == pages.exchanges[0].group]
    assert sent != pages.exchanges  # some were late
    (step,) = group_into_steps(sent)
    assert list(step.exchanges) == pages.exchanges
    assert (step.kind, step.call) == ("pages", pages.first_call)


def test_items_are_not_copied(lists: Lists, reader: anb.Workbench) -> None:
    """The items are the objects in the exchanges."""
    lists.reset(make_items(40))
    pages = reader.pages("offset", limit=10)
    assert all(item is pages.exchanges[n // 10].json()["things"][n % 10] for n, item in enumerate(pages))


@EXAMPLES
@given(
    count=st.integers(1, 60),
    cap=st.integers(1, 12),
    changes=st.lists(st.tuples(st.integers(0, 12), st.floats(0, 1)), min_size=1, max_size=4),
    deletes=st.booleans(),
    has_ids=st.booleans(),
    style=st.sampled_from(COUNTED),
)
def test_a_changing_list_reports_what_may_be_missing(
    lists: Lists,
    reader: anb.Workbench,
    reader_with_ids: anb.Workbench,
    count: int,
    cap: int,
    changes: list[tuple[int, float]],
    deletes: bool,
    has_ids: bool,
    style: str,
) -> None:
    """Items are inserted or deleted while the list is read: all other items are read, or the list is incomplete."""
    lists.reset(make_items(count), cap)
    stable = {item["id"] for item in lists.items}
    fresh = itertools.count(1000)
    due = dict(changes)

    def change(number: int) -> None:
        if number not in due:
            return
        at = int(due[number] * len(lists.items))
        if not deletes:
            lists.items.insert(at, {"id": f"i{next(fresh)}", "n": -1})
        elif lists.items:
            stable.discard(lists.items.pop(min(at, len(lists.items) - 1))["id"])

    lists.before = change
    pages = (reader_with_ids if has_ids else reader).pages(style, limit=12)
    ids = [item["id"] for item in pages.items(partial=True)]
    if pages.complete:
        assert stable <= set(ids)
    else:
        assert pages.notes
    if has_ids:
        assert len(set(ids)) == len(ids)
    elif len(set(ids)) < len(ids):
        assert len(pages.duplicates) > 0


@EXAMPLES
@given(
    style=st.sampled_from(sorted(STYLES)),
    count=st.integers(1, 60),
    cap=st.integers(1, 20),
    failing=st.sets(st.integers(0, 12), min_size=1, max_size=5),
)
def test_resume_requests_only_what_is_missing(
    lists: Lists, reader: anb.Workbench, style: str, count: int, cap: int, failing: set[int]
) -> None:
    """Whichever requests fail, the list is incomplete and keeps its pages; resume() requests no page again."""
    lists.reset(make_items(count), cap)
    lists.before = lambda number: 503 if number in failing else None
    pages = reader.pages(style, limit=15)
    resumed = 0
    while not pages.complete:
        with pytest.raises(PagesIncomplete, match=rf"{style}.*503") as caught:
            pages.items()
        assert "pages.resume()" in caught.value.todo
        assert caught.value.data["exchange"].status == 503
        assert any("503" in note for note in pages.notes)
        assert pages.resume() is pages
        resumed += 1
        assert resumed <= len(failing)
    assert pages.items() == lists.items
    succeeded = [query for number, query in enumerate(lists.queries) if number not in failing]
    assert len({tuple(sorted(query.items())) for query in succeeded}) == len(succeeded)


def test_no_page_is_requested_after_a_failure(lists: Lists, reader: anb.Workbench) -> None:
    """The third of 200 pages fails: active requests end and are kept, and no other page is requested."""
    lists.reset(make_items(2000))
    lists.before = lambda number: 500 if number == 2 else None
    pages = reader.pages("offset", limit=10)
    assert len(lists.queries) <= 2 * MAX_PARALLEL + 2
    assert len(pages) == 10 * (len(lists.queries) - 1)
    assert [exchange.status for exchange in pages.exchanges if not exchange.ok] == [500]
    lists.before = lambda number: None
    assert pages.resume().items() == lists.items


@pytest.mark.parametrize("style", ["offset", "cursor"])
def test_an_interrupted_list_can_be_resumed(lists: Lists, reader: anb.Workbench, style: str) -> None:
    """Ctrl-C cancels the active requests; the same call with resume=True requests what is missing."""
    lists.reset(make_items(400))
    is_slow = threading.Event()

    def stop(number: int) -> None:
        if number == 20:
            is_slow.set()
            threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()

    lists.before, lists.delay = stop, lambda: 3.0 if is_slow.is_set() else 0.0
    sent_before = len(reader.session.exchanges)
    with pytest.raises(KeyboardInterrupt):
        reader.pages(style, limit=10)
    sent = reader.session.exchanges[sent_before:]
    assert [e for e in sent if e.failure and e.failure.kind == "cancelled"]
    before = len(lists.queries)
    is_slow.clear()
    lists.before = lambda number: None
    other = reader.pages(style, resume=True, limit=200)  # another call begins anew
    assert len(other) == 400
    requests = len(lists.queries)
    pages = reader.pages(style, resume=True, limit=10)
    assert pages.items() == lists.items
    assert len(lists.queries) - requests < 40
    assert before > 20
    assert len(reader.pages(style, resume=True, limit=10).exchanges) == 40  # the list was complete: this is a new one


def test_an_interrupted_list_is_incomplete(lists: Lists, reader: anb.Workbench) -> None:
    """Reading its items raises; a list that no workbench reads cannot be resumed."""
    collector = PageCollector(reader.spec.operation("offset"), Paging("offset", "things"))
    collector.interrupt()
    pages = Pages(collector)
    with pytest.raises(PagesIncomplete, match="interrupted"):
        pages.items()
    with pytest.raises(UsageError, match=r"api\.pages"):
        pages.resume()


def read_half(lists: Lists) -> tuple[Pages, weakref.ref[Any]]:
    """Return a list whose second page failed, and a reference to its closed session, which uses another server now."""
    lists.reset(make_items(30))
    lists.before = lambda number: 500 if number == 1 else None
    api = connect(lists)
    pages = api.pages("cursor", limit=10)
    api.session.switch(anb.Environment("other", base_url="http://127.0.0.1:9"))
    with pytest.raises(UsageError, match="no longer uses the server"):
        pages.resume()
    assert len(api.pages("cursor", resume=True, limit=10).items(partial=True)) == 0
    api.close()
    return pages, weakref.ref(api.session)


def test_a_list_is_resumed_only_on_its_own_server(lists: Lists) -> None:
    """A list cannot be resumed on another server, nor without its session, which it does not keep alive."""
    pages, session = read_half(lists)
    assert len(pages.items(partial=True)) == 10
    assert len(lists.queries) == 2
    gc.collect()
    assert session() is None
    with pytest.raises(UsageError, match="no longer uses the server"):
        pages.resume()


@pytest.mark.parametrize("style", ["offset", "cursor", "link"])
def test_duplicates_are_reported(
    lists: Lists, reader: anb.Workbench, reader_with_ids: anb.Workbench, style: str
) -> None:
    """A duplicate by a declared id is kept once, by a guessed one twice; both are reported with their places."""
    again = [*make_items(12), {"id": "i3", "n": 3}]
    lists.reset(again, has_total=False)
    guessed, declared = reader.pages(style, limit=5), reader_with_ids.pages(style, limit=5)
    assert (guessed.items(), declared.items()) == (again, again[:-1])
    for pages in (guessed, declared):
        row = {"id": "i3", "page": 3, "position": 3, "first page": 1, "first position": 4}
        assert pages.duplicates.to_dict("records") == [row]
        assert "i3" in "".join(pages.notes)
        assert "pages.duplicates" in repr(pages)
        assert "pages.duplicates" in pages._repr_mimebundle_()["text/html"]


def test_an_id_that_is_not_unique_is_ignored(lists: Lists, reader: anb.Workbench) -> None:
    """An "id" that one page has twice, or that an item lacks, does not tell items apart: there is no note."""
    for items in ([{"id": 1}, {"id": 1}, {"id": 2}, {"id": 1}], [{"id": 1}, {}, {"id": 1}], [3, 3, 4, 3]):
        lists.reset(items)
        pages = reader.pages("offset", limit=2)
        assert (pages.items(), pages.notes, len(pages.duplicates)) == (items, [], 0)


@pytest.mark.parametrize("style", COUNTED)
def test_fewer_items_than_the_total_are_incomplete(lists: Lists, reader_with_ids: anb.Workbench, style: str) -> None:
    """A total that is larger than the number of items makes the list incomplete; the error has both numbers."""
    lists.reset(make_items(25))
    lists.declared_total = 30
    pages = reader_with_ids.pages(style, limit=10)
    with pytest.raises(PagesIncomplete, match="a total of 30, but sent only 25 different items"):
        pages.frame()
    assert len(pages.frame(partial=True)) == 25
    assert len(lists.queries) <= 5


def test_a_short_page_is_completed(lists: Lists, reader: anb.Workbench) -> None:
    """If a page is shorter than the others, the rest of it is requested; no item is missing or duplicated."""
    lists.reset(make_items(100))

    def shorten(number: int) -> None:
        lists.cap = 3 if number == 4 else 1000

    lists.before = shorten
    pages = reader.pages("offset", limit=10)
    assert pages.items() == lists.items
    assert len(lists.queries) == 11
    assert pages.notes == []


@pytest.mark.parametrize("count", [0, 7, 45])
def test_a_count_of_the_page_is_not_a_total(reader: anb.Workbench, lists: Lists, count: int) -> None:
    """A `count` that is the number of items on the page does not end the list."""
    lists.reset(make_items(count))
    pages = reader.pages("count", limit=10)
    assert pages.items() == lists.items
    assert pages.notes == []


def test_a_later_page_that_is_not_json_is_reported(lists: Lists, reader: anb.Workbench) -> None:
    """A truncated response in the middle of a list makes it incomplete; the other pages are kept."""
    lists.reset(make_items(50))
    lists.truncated = {3}
    pages = reader.pages("offset", limit=10)
    with pytest.raises(PagesIncomplete, match=r"could not be read.*JSON"):
        pages.items()
    assert len(pages) == 40
    assert pages.resume().items() == lists.items


def test_a_hostile_list_is_escaped_and_capped(lists: Lists, reader: anb.Workbench) -> None:
    """Names and values are escaped; long texts, columns and rows are cut, and what is left out is counted."""
    nasty = "<img src=x onerror=alert(1)>"
    lists.reset([{nasty: nasty, "long": "x" * 9000, **{f"c{n}": n for n in range(50)}, "at": at} for at in range(300)])
    drawn = reader.pages("offset", limit=100)._repr_mimebundle_()
    assert "<img" not in drawn["text/html"]
    assert "&lt;img" in drawn["text/html"]
    assert len(drawn["text/html"]) < 20_000
    assert "295 more items and 45 more columns" in drawn["text/html"]
    assert drawn["text/plain"] == "<Pages of offset: 300 items on 3 pages>"


def test_progress_reports_items_rate_and_time_left(lists: Lists, reader: anb.Workbench) -> None:
    """Each page reports items of all items, pages, items per second, and seconds left; the last one is complete."""
    lists.reset(make_items(60))
    lists.delay = lambda: 0.02
    reports: list[tuple[float | None, str]] = []
    read_pages(reader.session, "offset", lambda: lambda done, words: reports.append((done, words)), False, limit=10)
    assert [done for done, _ in reports] == [n / 6 for n in range(1, 7)]
    assert reports[0][1].startswith("10 of 60 items, 1 page, ")
    assert "items/s" in reports[1][1]
    assert "s left" in reports[1][1]
    assert reports[-1][1].startswith("60 of 60 items, 6 pages")
    assert "left" not in reports[-1][1]


def test_a_cleanup_job_deletes_exactly_the_development_deployments() -> None:
    """45 Deployments on pages of 20 and a server with faults: the first run deletes the right ones."""
    with anb.Sandbox(limits=False) as box:
        token, limits = anb.Secret.in_memory(box.token()), dict.fromkeys(("GET", "POST", "DELETE"), math.inf)
        here = anb.Environment("sandbox", base_url=box.url, credentials={"token": token}, limits=limits)
        api = anb.connect(here, history=None)
        workspace = api.call("ListWorkspaces")["$.workspaces[0].id"]
        for old in api.pages("ListDeployments"):
            assert api.call("DeleteDeployment", deploymentId=old["id"]).ok
        created = [create(api, workspace, number) for number in range(45)]
        to_delete = {one["id"] for one in created if one["isDevelopmentMode"]}
        assert 0 < len(to_delete) < 45
        for kind, more in (("html", {}), ("rate_limit", {"retry_after": 0}), ("reset", {})):
            box.faults.add(kind, operation="ListDeployments", **more)
        box.faults.add("rate_limit", operation="DeleteDeployment", times=2, retry_after=0)
        box.faults.add("reset", operation="DeleteDeployment", done=True)

        deployments = api.pages("ListDeployments", limit=20).frame()
        development = deployments[deployments["isDevelopmentMode"].fillna(False)]
        deleted = api.bulk("DeleteDeployment", development[["id", "name"]]).run()

        assert deleted.counts["done"] == len(to_delete)
        assert set(development["id"]) == to_delete
        left = {one["id"] for one in api.pages("ListDeployments")}
        assert left == {one["id"] for one in created} - to_delete
        assert len(box.faults) == 0
        api.close()


def create(api: anb.Workbench, workspace: str, number: int) -> Item:
    """Create a Deployment, every third one for development, and return it."""
    minimal = {
        "astroRuntimeVersion": "3.0-1",
        "cloudProvider": "AWS",
        "executor": "CELERY",
        "isCicdEnforced": False,
        "isDagDeployEnabled": True,
        "isHighAvailability": False,
        "region": "us-east-1",
        "schedulerSize": "SMALL",
        "type": "STANDARD",
    }
    development = {"isDevelopmentMode": True} if number % 3 == 0 else {}
    exchange = api.call("CreateDeployment", name=f"job-{number}", workspaceId=workspace, **minimal, **development)
    assert exchange.ok, exchange
    deployment = exchange.json()
    return {**deployment, "isDevelopmentMode": bool(deployment.get("isDevelopmentMode"))}
