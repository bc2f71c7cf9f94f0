"""What is read of a list is what is there, over real HTTP: quick or slow, moving or still, or it is told that it is not."""

from __future__ import annotations

import itertools
import json
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import astro_nb as anb
from astro_nb.errors import PagesIncomplete, UsageError
from astro_nb.paging import Pages, Paging
from astro_nb.rounds import PARALLEL, read_pages

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
        handler.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": len(content), **headers}.items():
            handler.send_header(name, str(value))
        handler.end_headers()
        handler.wfile.write(content)

    def cut(self, query: Query, at: int) -> list[Any]:
        return self.items[at : at + min(int(query.get("limit", 20)), self.cap)]

    def total(self) -> dict[str, int]:
        return {"total": len(self.items)} if self.told else {}


Answer = tuple[Any, dict[str, str]]


def by_offset(lists: Lists, query: Query) -> Answer:
    return {"things": lists.cut(query, int(query.get("offset", 0))), **lists.total()}, {}


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
    integer, text, things = {"type": "integer"}, {"type": "string"}, {"type": "array", "items": {}}
    counted = {"type": "object", "properties": {"things": things, "total": integer}}

    def beside(**more: Any) -> dict[str, Any]:
        return {"type": "object", "properties": {"things": things, **more}}

    paths = {
        "offset": operation("offset", {"offset": integer}, counted),
        "page": operation("page", {"page": integer}, counted),
        "page0": operation("page0", {"page": {**integer, "minimum": 0}}, counted),
        "cursor": operation("cursor", {"cursor": text}, beside(nextCursor=text)),
        "token": operation("token", {"pageToken": text}, beside(meta={"type": "object", "properties": {"next_page_token": text}})),
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
        chance = random.Random(4)
        lists.slow = lambda chance=chance: chance.random() * 0.06
        pages = reader.pages(style, limit=5)
        assert pages.items() == lists.items
        assert 1 < lists.most_at_once <= PARALLEL
        assert len(lists.asked) == len(pages.exchanges) == 19
        assert pages.frame().index[-1] == (19, 5)
        assert pages.frame()["n"].tolist() == list(range(95))
        assert [e.json()["things"][0]["n"] for e in pages.exchanges] == list(range(0, 95, 5))


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
