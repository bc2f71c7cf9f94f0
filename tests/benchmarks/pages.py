"""Rows about lists of many pages."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import orjson

from .processes import from_here, medians, seconds_of
from .registry import Figures, row

OPERATION = "ListDeployments"
ITEMS = 10_000
FAR, NEAR = 0.05, 0.0
"""Seconds that a response takes: as over the Internet, and none."""

_SERVER = """
import asyncio, json, sys
from urllib.parse import parse_qs, urlsplit

items = open(sys.argv[1], "rb").read().split(b"\\n")
latency = float(sys.argv[2])

async def serve(reader, writer):
    try:
        while True:
            head = await reader.readuntil(b"\\r\\n\\r\\n")
            query = parse_qs(urlsplit(head.split(b" ", 2)[1].decode()).query)
            offset, limit = int(query.get("offset", ["0"])[0]), int(query.get("limit", ["20"])[0])
            tail = b'],"limit":%d,"offset":%d,"totalCount":%d}' % (limit, offset, len(items))
            body = b'{"deployments":[' + b",".join(items[offset : offset + limit]) + tail
            await asyncio.sleep(latency)
            length = b"Content-Length: %d\\r\\n\\r\\n" % len(body)
            writer.write(b"HTTP/1.1 200 OK\\r\\nContent-Type: application/json\\r\\n" + length + body)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()

async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()

asyncio.run(main())
"""


@row
def pages_10000() -> Figures:
    """10,000 Deployments in pages of 1,000, 50 ms a response, to a frame: ours validates and stores each page."""
    found: dict[str, float] = {}
    for latency, size in ((FAR, 1000), (FAR, 100), (NEAR, 1000)):
        with _served(latency) as url, tempfile.TemporaryDirectory() as folder:
            ours, loop = _jobs(url, folder, size)
            measured = medians({"ours": partial(seconds_of, ours), "loop": partial(seconds_of, loop)}, 7)
        where = f"{latency * 1000:.0f} ms, pages of {size}"
        found |= {f"ours, {where}": measured["ours"], f"the loop, {where}": measured["loop"]}
    figures = list(found.values())
    notes = tuple(
        f"{name.partition(', ')[2]}: {ours / loop:.2f} times the loop"
        for name, ours, loop in zip(list(found)[::2], figures[::2], figures[1::2], strict=True)
    )
    beside = dict(list(found.items())[2:])
    return Figures(
        figures[0], 1.0, "ratio", figures[1], "a loop of httpx.Client, to pandas", beside=beside, notes=notes
    )


def _jobs(url: str, folder: str, size: int) -> tuple[Any, Any]:
    """Return our pages and a loop written by hand, both to a DataFrame of all items."""
    import httpx
    import pandas as pd

    from astro_nb import connect

    api = connect("astro", base_url=url, token=_token(), history=folder, variables={"organizationId": "c" * 25})
    client = httpx.Client()

    def ours() -> None:
        pages = api.pages(OPERATION, limit=size)
        assert len(pages.frame()) == ITEMS
        assert not any(exchange.violations for exchange in pages.exchanges)

    def loop() -> None:
        rows: list[Any] = []
        while True:
            query = {"limit": size, "offset": len(rows)}
            response = client.get(f"{url}/organizations/{'c' * 25}/deployments", params=query)
            response.raise_for_status()
            data = response.json()
            rows += data["deployments"]
            if len(rows) >= data["totalCount"]:
                break
        assert len(pd.DataFrame(rows)) == ITEMS

    return ours, loop


def _token() -> Any:
    from astro_nb import Secret

    return Secret.in_memory("benchmark", "TOKEN")


@contextlib.contextmanager
def _served(latency: float) -> Iterator[str]:
    """Run a fast server of the list in another process; yield its URL."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "items"
        path.write_bytes(b"\n".join(_items()))
        command = [sys.executable, "-c", _SERVER, str(path), str(latency)]
        with subprocess.Popen(command, env={**os.environ, **from_here()}, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
            finally:
                process.terminate()


def _items() -> Iterator[bytes]:
    """Yield Deployments that match the document, each with its own id and name."""
    from astro_nb.openapi import load
    from astro_nb.schema import make_sample, response_field

    field = response_field(load().operation(OPERATION), 200, "application/json")
    listed = field.child("deployments") if field else None
    item = listed.item_at(0) if listed else None
    assert item is not None
    one = make_sample(item)
    for number in range(ITEMS):
        yield orjson.dumps({**one, "id": f"c{number:024d}", "name": f"deployment-{number}"})
