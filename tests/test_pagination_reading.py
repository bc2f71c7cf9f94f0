"""What is read of a list is what is there, over real HTTP, whether it moves or stands still; or it is told."""

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
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import astro_nb as anb
from astro_nb.errors import PagesIncomplete, UsageError
from astro_nb.pagination import Pages, Paging, read_pages
from astro_nb.runbooks.steps import steps_of
from astro_nb.session import MAX_PARALLEL

Item = dict[str, Any]
Query = dict[str, str]


class Lists:
    """A server of one list that pages in many ways, each at a path of its own.

    Attributes:
        items: what it lists, in order.
        cap: the largest page that it gives, whatever it is asked for.
        told: whether it tells the total.
        before: called with the number of each request before it is answered, from 0; a number that it gives is the
            status of an error.
        slow: how many seconds an answer takes.
        spoiled: the requests whose answers are cut short, though their length says nothing of it.
        claimed: the total that it tells in place of the true one.
        asked: every query, in the order of arrival.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.reset([])
        lists = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                lists.answer(self)

            def log_message(self, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def reset(self, items: list[Any], cap: int = 1000, told: bool = True) -> None:
        self.items, self.cap, self.told = items, cap, told
        self.before: Callable[[int], int | None] = lambda number: None
        self.slow: Callable[[], float] = lambda: 0.0
        self.spoiled: set[int] = set()
        self.claimed: int | None = None
        self.asked: list[Query] = []
        self.under_way = self.most_at_once = 0

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(handler.path)
        query = dict(parse_qsl(parts.query))
        with self.lock:
            number = len(self.asked)
            self.asked.append(query)
            self.under_way += 1
            self.most_at_once = max(self.most_at_once, self.under_way)
            status = self.before(number) or 200
            body, headers = STYLES[parts.path.strip("/")](self, query)
        time.sleep(self.slow())
        with self.lock:
            self.under_way -= 1
        content = json.dumps(body if status == 200 else {"message": "no"}).encode()
        content = content[:-3] if number in self.spoiled else content
        handler.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": len(content), **headers}.items():
            handler.send_header(name, str(value))
        handler.end_headers()
        handler.wfile.write(content)

    def cut(self, query: Query, at: int) -> list[Any]:
        return self.items[at : at + min(int(query.get("limit", 20)), self.cap)]

    def total(self) -> dict[str, int]:
        total = len(self.items) if self.claimed is None else self.claimed
        return {"total": total} if self.told else {}


Answer = tuple[Any, dict[str, str]]


def by_offset(lists: Lists, query: Query) -> Answer:
    return {"things": lists.cut(query, int(query.get("offset", 0))), **lists.total()}, {}


def by_count(lists: Lists, query: Query) -> Answer:
    things = lists.cut(query, int(query.get("offset", 0)))
    return {"things": things, "count": len(things)}, {}


def by_page(lists: Lists, query: Query, first: int = 1) -> Answer:
    size = min(int(query.get("limit", 20)), lists.cap)
    return {"things": lists.cut(query, (int(query.get("page", first)) - first) * size), **lists.total()}, {}


def by_cursor(lists: Lists, query: Query) -> Answer:
    at = int(query.get("cursor", "c0")[1:])
    things = lists.cut(query, at)
    more = {"nextCursor": f"c{at + len(things)}"} if at + len(things) < len(lists.items) else {"nextCursor": None}
    return {"things": things, **more}, {}


def by_token(lists: Lists, query: Query) -> Answer:
    at = int(query.get("pageToken", "t0")[1:])
    things = lists.cut(query, at)
    more = at + len(things) < len(lists.items)
    return {"things": things, "meta": {"next_page_token": f"t{at + len(things)}" if more else ""}}, {}


def by_address(lists: Lists, query: Query) -> Answer:
    at = int(query.get("cursor", "0"))
    things = lists.cut(query, at)
    more = at + len(things) < len(lists.items)
    limit = query.get("limit", 20)
    address = f"{lists.url}/address?cursor={at + len(things)}&limit={limit}" if more else None
    return {"results": things, "next": address, "previous": None}, {}


def by_link(lists: Lists, query: Query) -> Answer:
    page = int(query.get("page", 1))
    size = min(int(query.get("limit", 20)), lists.cap)
    things = lists.cut(query, (page - 1) * size)
    more = page * size < len(lists.items)
    link = {"Link": f'<{lists.url}/link?page={page + 1}&limit={query.get("limit", 20)}>; rel="next"'}
    return things, link if more else {}


STYLES: dict[str, Callable[[Lists, Query], Answer]] = {
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


def operation(name: str, parameters: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    """A GET of a list, as a document has it."""
    limit = {"type": "integer", "maximum": 1000}
    known = [{"in": "query", "name": key, "schema": schema} for key, schema in {**parameters, "limit": limit}.items()]
    content = {"application/json": {"schema": answer}}
    return {
        "get": {
            "operationId": name,
            "parameters": known,
            "responses": {"200": {"description": "", "content": content}},
        }
    }


def document() -> dict[str, Any]:
    """The document of `Lists`: every style at the path of its name."""
    meta = {"type": "object", "properties": {"next_page_token": {"type": "string"}}}
    integer, text, things = {"type": "integer"}, {"type": "string"}, {"type": "array", "items": {}}
    counted = {"type": "object", "properties": {"things": things, "total": integer}}

    def beside(**more: Any) -> dict[str, Any]:
        return {"type": "object", "properties": {"things": things, **more}}

    paths = {
        "offset": operation("offset", {"offset": integer}, counted),
        "count": operation("count", {"offset": integer}, beside(count=integer)),
        "page": operation("page", {"page": integer}, counted),
        "page0": operation("page0", {"page": {**integer, "minimum": 0}}, counted),
        "cursor": operation("cursor", {"cursor": text}, beside(nextCursor=text)),
        "token": operation("token", {"pageToken": text}, beside(meta=meta)),
        "address": operation(
            "address", {"cursor": text},
            {"type": "object", "properties": {"results": things, "next": text, "previous": text}},
        ),
        "link": operation("link", {"page": integer}, things),
    }  # fmt: skip
    return {
        "openapi": "3.0.3",
        "info": {"title": "Lists", "version": "1"},
        "paths": {f"/{name}": path for name, path in paths.items()},
    }


NOTED = {
    "overlay": "1.0.0",
    "info": {"title": "T", "version": "1"},
    "actions": [{"target": "$.paths.*.get", "update": {"x-astro-nb-item": {"id": "id"}}}],
}
"""An overlay that knows what tells the items apart."""


@pytest.fixture(scope="module")
def lists() -> Iterator[Lists]:
    served = Lists()
    yield served
    served.server.shutdown()
    served.server.server_close()


def connected(lists: Lists, overlay: Any = None) -> anb.Workbench:
    once = anb.Retries(attempts=1)
    return anb.connect(spec=document(), overlay=overlay, base_url=lists.url, history=None, retries=once)


@pytest.fixture(scope="module")
def reader(lists: Lists) -> Iterator[anb.Workbench]:
    """A workbench that has to infer everything."""
    workbench = connected(lists)
    yield workbench
    workbench.close()


@pytest.fixture(scope="module")
def knowing(lists: Lists) -> Iterator[anb.Workbench]:
    """A workbench whose overlay knows what tells the items apart."""
    workbench = connected(lists, NOTED)
    yield workbench
    workbench.close()


def numbered(count: int) -> list[Item]:
    return [{"id": f"i{number}", "n": number} for number in range(count)]


EXAMPLES = settings(
    deadline=None, max_examples=60, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@EXAMPLES
@given(
    style=st.sampled_from(sorted(STYLES)),
    count=st.integers(0, 70),
    cap=st.integers(1, 30),
    size=st.integers(1, 30),
    told=st.booleans(),
)
def test_a_list_that_stands_still_is_read_whole(
    lists: Lists, reader: anb.Workbench, style: str, count: int, cap: int, size: int, told: bool
) -> None:
    """Any style, number of items, size and cap, total told or not: each item once, in order, and nothing to tell."""
    lists.reset(numbered(count), cap, told)
    pages = reader.pages(style, limit=size)
    assert pages.items() == lists.items
    assert (pages.complete, pages.notes, len(pages.duplicates)) == (True, [], 0)
    assert pages.total == (count if told and style in COUNTED else None)
    least = -(-count // min(size, cap))
    assert len(lists.asked) <= max(1, least) + 1


def test_pages_that_come_out_of_order_stand_in_order(lists: Lists, reader: anb.Workbench) -> None:
    """Pages are asked for at once, some come late: the items are in the order of the list, each page by its number."""
    for style in COUNTED:
        lists.reset(numbered(95))
        late = itertools.cycle((0.06, 0.0, 0.03, 0.01, 0.05))
        lists.slow = lambda late=late: next(late)
        pages = reader.pages(style, limit=5)
        assert pages.items() == lists.items
        assert 1 < lists.most_at_once <= MAX_PARALLEL
        assert len(lists.asked) == len(pages.exchanges) == 19
        assert pages.frame().index[-1] == (19, 5)
        assert pages.frame()["n"].tolist() == list(range(95))
        assert [e.json()["things"][0]["n"] for e in pages.exchanges] == list(range(0, 95, 5))


def test_a_recording_has_the_pages_in_the_order_of_the_list(lists: Lists, reader: anb.Workbench) -> None:
    """Whatever came first, a step of a runbook counts its pages, and the items on them, as the list does."""
    lists.reset(numbered(60))
    late = itertools.cycle((0.0, 0.08, 0.0, 0.04))
    lists.slow = lambda: next(late)
    pages = reader.pages("offset", limit=5)
    sent = [exchange for exchange in reader.session.exchanges if exchange.group == pages.exchanges[0].group]
    assert sent != pages.exchanges  # some were late
    (step,) = steps_of(sent)
    assert list(step.exchanges) == pages.exchanges
    assert (step.kind, step.call) == ("pages", pages.first)


def test_what_came_is_held_once(lists: Lists, reader: anb.Workbench) -> None:
    """The items are those of the exchanges themselves, no copies."""
    lists.reset(numbered(40))
    pages = reader.pages("offset", limit=10)
    assert all(item is pages.exchanges[n // 10].json()["things"][n % 10] for n, item in enumerate(pages))


@EXAMPLES
@given(
    count=st.integers(1, 60),
    cap=st.integers(1, 12),
    changes=st.lists(st.tuples(st.integers(0, 12), st.floats(0, 1)), min_size=1, max_size=4),
    deletes=st.booleans(),
    noted=st.booleans(),
    style=st.sampled_from(COUNTED),
)
def test_a_list_that_moves_loses_nothing_in_silence(
    lists: Lists,
    reader: anb.Workbench,
    knowing: anb.Workbench,
    count: int,
    cap: int,
    changes: list[tuple[int, float]],
    deletes: bool,
    noted: bool,
    style: str,
) -> None:
    """Items are inserted, or deleted, anywhere while it is read: what was there all the time is read, or it is told."""
    lists.reset(numbered(count), cap)
    there = {item["id"] for item in lists.items}
    fresh = itertools.count(1000)
    due = dict(changes)

    def move(number: int) -> None:
        if number not in due:
            return
        at = int(due[number] * len(lists.items))
        if not deletes:
            lists.items.insert(at, {"id": f"i{next(fresh)}", "n": -1})
        elif lists.items:
            there.discard(lists.items.pop(min(at, len(lists.items) - 1))["id"])

    lists.before = move
    pages = (knowing if noted else reader).pages(style, limit=12)
    got = [item["id"] for item in pages.items(partial=True)]
    if pages.complete:
        assert there <= set(got)
    else:
        assert pages.notes
    if noted:
        assert len(set(got)) == len(got)
    elif len(set(got)) < len(got):
        assert len(pages.duplicates) > 0


@EXAMPLES
@given(
    style=st.sampled_from(sorted(STYLES)),
    count=st.integers(1, 60),
    cap=st.integers(1, 20),
    failing=st.sets(st.integers(0, 12), min_size=1, max_size=5),
)
def test_a_reading_that_fails_goes_on_where_it_stopped(
    lists: Lists, reader: anb.Workbench, style: str, count: int, cap: int, failing: set[int]
) -> None:
    """Whichever requests fail, what came is kept and told to be a part; resuming asks for nothing that is here."""
    lists.reset(numbered(count), cap)
    lists.before = lambda number: 503 if number in failing else None
    pages = reader.pages(style, limit=15)
    rounds = 0
    while not pages.complete:
        with pytest.raises(PagesIncomplete, match=rf"{style}.*503") as caught:
            pages.items()
        assert "pages.resume()" in caught.value.todo
        assert caught.value.data["exchange"].status == 503
        assert any("503" in note for note in pages.notes)
        assert pages.resume() is pages
        rounds += 1
        assert rounds <= len(failing)
    assert pages.items() == lists.items
    came = [query for number, query in enumerate(lists.asked) if number not in failing]
    assert len({tuple(sorted(query.items())) for query in came}) == len(came)


def test_after_a_failure_nothing_more_is_sent(lists: Lists, reader: anb.Workbench) -> None:
    """Of 200 pages the third one fails: what is under way ends, is kept, and no other page is asked for."""
    lists.reset(numbered(2000))
    lists.before = lambda number: 500 if number == 2 else None
    pages = reader.pages("offset", limit=10)
    assert len(lists.asked) <= 2 * MAX_PARALLEL + 2
    assert len(pages) == 10 * (len(lists.asked) - 1)
    assert [exchange.status for exchange in pages.exchanges if not exchange.ok] == [500]
    lists.before = lambda number: None
    assert pages.resume().items() == lists.items


@pytest.mark.parametrize("style", ["offset", "cursor"])
def test_an_interrupt_ends_soon_and_loses_nothing(lists: Lists, reader: anb.Workbench, style: str) -> None:
    """Ctrl-C in the cell ends what is under way; the same call with resume=True asks for what did not come yet."""
    lists.reset(numbered(400))
    slow = threading.Event()

    def stop(number: int) -> None:
        if number == 20:
            slow.set()
            threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()

    lists.before, lists.slow = stop, lambda: 3.0 if slow.is_set() else 0.0
    begun = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        reader.pages(style, limit=10)
    assert time.monotonic() - begun < 2.5
    before = len(lists.asked)
    slow.clear()
    lists.before = lambda number: None
    other = reader.pages(style, resume=True, limit=200)  # another call: it begins at its own start
    assert len(other) == 400
    there = len(lists.asked)
    pages = reader.pages(style, resume=True, limit=10)
    assert pages.items() == lists.items
    assert len(lists.asked) - there < 40
    assert before > 20
    assert len(reader.pages(style, resume=True, limit=10).exchanges) == 40  # that one was finished: this is a new one


def test_an_interrupted_reading_says_so(lists: Lists, reader: anb.Workbench) -> None:
    """What an interrupt left is no list: it says that it was interrupted."""
    pages = Pages(reader.spec.operation("offset"), Paging("offset", "things"))
    pages.interrupted()
    with pytest.raises(PagesIncomplete, match="interrupted"):
        pages.items()
    with pytest.raises(UsageError, match=r"api\.pages"):
        pages.resume()


def half_read(lists: Lists) -> tuple[Pages, weakref.ref[Any]]:
    """A list whose second page failed, at a workbench that has gone on to another server and is forgotten."""
    lists.reset(numbered(30))
    lists.before = lambda number: 500 if number == 1 else None
    api = connected(lists)
    pages = api.pages("cursor", limit=10)
    api.session.switch(anb.Environment("other", base_url="http://127.0.0.1:9"))
    with pytest.raises(UsageError, match="not the one in use"):
        pages.resume()
    assert len(api.pages("cursor", resume=True, limit=10).items(partial=True)) == 0
    api.close()
    return pages, weakref.ref(api.session)


def test_a_list_goes_on_at_its_own_server_alone(lists: Lists) -> None:
    """Half a list of one server is not made whole at another, nor by a workbench that is gone; none is kept alive."""
    pages, session = half_read(lists)
    assert len(pages.items(partial=True)) == 10
    assert len(lists.asked) == 2
    gc.collect()
    assert session() is None
    with pytest.raises(UsageError, match="not the one in use"):
        pages.resume()


@pytest.mark.parametrize("style", ["offset", "cursor", "link"])
def test_an_item_that_comes_twice_is_told(
    lists: Lists, reader: anb.Workbench, knowing: anb.Workbench, style: str
) -> None:
    """What the overlay tells apart is here once, what is guessed at is kept; either way it is told where it stood."""
    again = [*numbered(12), {"id": "i3", "n": 3}]
    lists.reset(again, told=False)
    kept, once = reader.pages(style, limit=5), knowing.pages(style, limit=5)
    assert (kept.items(), once.items()) == (again, again[:-1])
    for pages in (kept, once):
        row = {"id": "i3", "page": 3, "position": 3, "first page": 1, "first position": 4}
        assert pages.duplicates.to_dict("records") == [row]
        assert "i3" in "".join(pages.notes)
        assert "pages.duplicates" in repr(pages)
        assert "pages.duplicates" in pages._repr_mimebundle_()["text/html"]


def test_what_is_no_identity_tells_nothing(lists: Lists, reader: anb.Workbench) -> None:
    """An "id" that one page has twice, or that an item lacks, does not tell items apart: nothing is said of it."""
    for items in ([{"id": 1}, {"id": 1}, {"id": 2}, {"id": 1}], [{"id": 1}, {}, {"id": 1}], [3, 3, 4, 3]):
        lists.reset(items)
        pages = reader.pages("offset", limit=2)
        assert (pages.items(), pages.notes, len(pages.duplicates)) == (items, [], 0)


@pytest.mark.parametrize("style", COUNTED)
def test_fewer_items_than_the_server_tells_are_a_gap(lists: Lists, knowing: anb.Workbench, style: str) -> None:
    """A total that nothing covers makes the list incomplete, in words that say how many came and what to do."""
    lists.reset(numbered(25))
    lists.claimed = 30
    pages = knowing.pages(style, limit=10)
    with pytest.raises(PagesIncomplete, match="there are 30, and only 25 different items came"):
        pages.frame()
    assert len(pages.frame(partial=True)) == 25
    assert len(lists.asked) <= 5


def test_a_page_that_is_short_in_the_middle_is_made_up_for(lists: Lists, reader: anb.Workbench) -> None:
    """A server that once gives fewer than before is asked for the rest; no item is missing, none comes twice."""
    lists.reset(numbered(100))

    def shorten(number: int) -> None:
        lists.cap = 3 if number == 4 else 1000

    lists.before = shorten
    pages = reader.pages("offset", limit=10)
    assert pages.items() == lists.items
    assert len(lists.asked) == 11
    assert pages.notes == []


@pytest.mark.parametrize("count", [0, 7, 45])
def test_a_server_that_counts_the_page_is_not_taken_at_its_word(
    reader: anb.Workbench, lists: Lists, count: int
) -> None:
    """A `count` that is the number of items on the page ends no list."""
    lists.reset(numbered(count))
    pages = reader.pages("count", limit=10)
    assert pages.items() == lists.items
    assert pages.notes == []


def test_a_later_page_that_is_no_json_is_told(lists: Lists, reader: anb.Workbench) -> None:
    """Half an answer in the middle of a list is a page that could not be read; what came around it is kept."""
    lists.reset(numbered(50))
    lists.spoiled = {3}
    pages = reader.pages("offset", limit=10)
    with pytest.raises(PagesIncomplete, match=r"could not be read.*JSON"):
        pages.items()
    assert len(pages) == 40
    assert pages.resume().items() == lists.items


def test_a_hostile_list_is_drawn_as_text_and_capped(lists: Lists, reader: anb.Workbench) -> None:
    """Names and values of a server are escaped; long texts, many columns and many rows are cut, and the cut is told."""
    nasty = "<img src=x onerror=alert(1)>"
    lists.reset([{nasty: nasty, "long": "x" * 9000, **{f"c{n}": n for n in range(50)}, "at": at} for at in range(300)])
    drawn = reader.pages("offset", limit=100)._repr_mimebundle_()
    assert "<img" not in drawn["text/html"]
    assert "&lt;img" in drawn["text/html"]
    assert len(drawn["text/html"]) < 20_000
    assert "295 more items and 45 more columns" in drawn["text/html"]
    assert drawn["text/plain"] == "<Pages of offset: 300 items on 3 pages>"


def test_progress_tells_how_many_how_quick_and_how_long_still(lists: Lists, reader: anb.Workbench) -> None:
    """Each page is told: items of all, pages, items a second, seconds left; the last one is the whole."""
    lists.reset(numbered(60))
    lists.slow = lambda: 0.02
    heard: list[tuple[float | None, str]] = []
    read_pages(reader.session, "offset", lambda: lambda done, words: heard.append((done, words)), False, limit=10)
    assert [done for done, _ in heard] == [n / 6 for n in range(1, 7)]
    assert heard[0][1].startswith("10 of 60 items, 1 page, ")
    assert "items/s" in heard[1][1]
    assert "s left" in heard[1][1]
    assert heard[-1][1].startswith("60 of 60 items, 6 pages")
    assert "left" not in heard[-1][1]


def test_the_nightly_job_deletes_the_development_deployments_and_no_other() -> None:
    """45 Deployments, more than twice a page of 20, a server in trouble: the right ones go at the first run."""
    with anb.Sandbox(limits=False) as box:
        token, limits = anb.Secret.in_memory(box.token()), dict.fromkeys(("GET", "POST", "DELETE"), math.inf)
        here = anb.Environment("sandbox", base_url=box.url, credentials={"token": token}, limits=limits)
        api = anb.connect(here, history=None)
        workspace = api.call("ListWorkspaces")["$.workspaces[0].id"]
        for old in api.pages("ListDeployments"):
            assert api.call("DeleteDeployment", deploymentId=old["id"]).ok
        made = [create(api, workspace, number) for number in range(45)]
        doomed = {one["id"] for one in made if one["isDevelopmentMode"]}
        assert 0 < len(doomed) < 45
        for kind, more in (("html", {}), ("rate_limit", {"retry_after": 0}), ("reset", {})):
            box.faults.add(kind, operation="ListDeployments", **more)
        box.faults.add("rate_limit", operation="DeleteDeployment", times=2, retry_after=0)
        box.faults.add("reset", operation="DeleteDeployment", done=True)

        deployments = api.pages("ListDeployments", limit=20).frame()
        development = deployments[deployments["isDevelopmentMode"].fillna(False)]
        deleted = api.bulk("DeleteDeployment", development[["id", "name"]]).run()

        assert deleted.counts["done"] == len(doomed)
        assert set(development["id"]) == doomed
        left = {one["id"] for one in api.pages("ListDeployments")}
        assert left == {one["id"] for one in made} - doomed
        assert len(box.faults) == 0
        api.close()


def create(api: anb.Workbench, workspace: str, number: int) -> Item:
    """A Deployment, every third one for development; as the API gives it."""
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
    made = api.call("CreateDeployment", name=f"job-{number}", workspaceId=workspace, **minimal, **development)
    assert made.ok, made
    found = made.json()
    return {**found, "isDevelopmentMode": bool(found.get("isDevelopmentMode"))}
