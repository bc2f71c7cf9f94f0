"""Rows about large responses: reading them exactly, and drawing, tables and suggestions after one."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import orjson
from support.servers import LocalServer

import astro_nb as anb
from astro_nb.exchange import Exchange
from astro_nb.exchange.display import items_frame
from astro_nb.json_text import read_json
from astro_nb.messages import Response
from astro_nb.workbench import Workbench

from .processes import medians, seconds_of
from .registry import Figures, row

TIMES = 5
ITEM = {"type": "object", "properties": {name: {"type": "string"} for name in ("id", "name", "createdAt")}}
ID = {"name": "thingId", "in": "path", "required": True, "schema": {"type": "string"}}


def _responses(schema: Any) -> dict[str, Any]:
    return {"200": {"description": "", "content": {"application/json": {"schema": schema}}}}


DOCUMENT = {
    "openapi": "3.0.3",
    "info": {"title": "large", "version": "1"},
    "paths": {
        "/things": {"get": {"operationId": "ListThings", "responses": _responses({"type": "array", "items": ITEM})}},
        "/things/{thingId}": {"get": {"operationId": "GetThing", "parameters": [ID], "responses": _responses(ITEM)}},
    },
}


def _items(megabytes: float) -> list[dict[str, Any]]:
    """Return a list that has that size as JSON."""
    count = int(megabytes * 9000)
    return [
        {"id": f"thing-{n}", "name": f"thing {n} " + "x" * 40, "createdAt": "2026-06-01T09:00:00Z"}
        for n in range(count)
    ]


@contextmanager
def _called(megabytes: float) -> Iterator[tuple[Workbench, Exchange]]:
    """Yield a workbench that has called ListThings, and the exchange, in a folder of its own."""
    body, before = orjson.dumps(_items(megabytes)), os.getcwd()
    response = Response(200, (("Content-Type", "application/json"),), body)
    with tempfile.TemporaryDirectory() as folder, LocalServer(lambda request: response) as server:
        os.chdir(folder)
        try:
            api = anb.connect(spec=DOCUMENT, base_url=server.url)
            yield api, api.call("ListThings")
            api.close()
        finally:
            os.chdir(before)


@row
def json_read() -> Figures:
    """JSON of 5 MB, read with every number exact and names given twice noticed."""
    plain = orjson.dumps(_items(5))
    floats = orjson.dumps([{"id": n, "share": n / 7} for n in range(120_000)])
    indented = orjson.dumps(_items(5), option=orjson.OPT_INDENT_2)
    jobs = {
        "ours": lambda: read_json(plain),
        "orjson.loads": lambda: orjson.loads(plain),
        "ours, indented": lambda: read_json(indented),
        "orjson.loads, indented": lambda: orjson.loads(indented),
        "ours, decimals of 17 digits": lambda: read_json(floats),
        "orjson.loads, decimals of 17 digits": lambda: orjson.loads(floats),
    }
    found = medians({name: partial(seconds_of, job) for name, job in jobs.items()}, TIMES)
    ours, reference = found.pop("ours"), found.pop("orjson.loads")
    return Figures(ours, 2, "ratio", reference, "orjson.loads", beside=found)


@row
def draw_list() -> Figures:
    """The display of a list of 45 MB: it costs what is drawn, so that one of 0.5 MB takes as long."""
    with _called(45) as (_, large), _called(0.5) as (_, small):
        jobs = {"ours": large._repr_mimebundle_, "small": small._repr_mimebundle_}
        found = medians({name: partial(seconds_of, job) for name, job in jobs.items()}, TIMES)
    return Figures(found["ours"], 2, "ratio", found["small"], "the display of 0.5 MB")


@row
def wide_frame() -> Figures:
    """A table of 20 rows and 10,000 columns, with the values as they are."""
    import pandas as pd

    items = [{f"column{n}": n for n in range(10_000)} for _ in range(20)]
    jobs = {"ours": lambda: items_frame(items), "pandas": lambda: pd.DataFrame(items)}
    found = medians({name: partial(seconds_of, job) for name, job in jobs.items()}, TIMES)
    return Figures(found["ours"], 3, "ratio", found["pandas"], "pandas.DataFrame")


@row
def suggestions_after_list() -> Figures:
    """The values that a form suggests for a parameter after a response of 10 MB, compared with one of 0.1 MB."""
    with _called(10) as (large, _), _called(0.1) as (small, _):
        ask = {"ours": large.session.linking, "small": small.session.linking}
        assert all(len(linking.suggestions("thingId", operation="GetThing")) == 50 for linking in ask.values())
        jobs = {name: partial(linking.suggestions, "thingId", operation="GetThing") for name, linking in ask.items()}
        found = medians({name: partial(seconds_of, job) for name, job in jobs.items()}, TIMES)
    return Figures(found["ours"], 2, "ratio", found["small"], "the same after 0.1 MB")
