"""Rows about many requests at the rate that a server allows."""

from __future__ import annotations

from collections import Counter
from typing import Any

from .processes import sandbox_process, seconds_of
from .registry import Figures, row

GETS, POSTS = 2000, 500
ALLOWED = max(GETS / 25, POSTS / 10)
"""Seconds that the documented limits allow for both at once: 25 GETs and 10 POSTs a second."""


@row
def at_the_limits() -> Figures:
    """2,000 GETs and 500 POSTs by bulk, at once, against a sandbox in another process that keeps the real limits."""
    from astro_nb import Secret, connect
    from astro_nb.sandbox import SandboxClient

    with sandbox_process(limits=True) as served:
        api = connect(base_url=served.url, token=Secret.in_memory(served.token, "TOKEN"), history=None)
        known = api.call("CreateWorkspace", name="known")["$.id"]
        reads = api.bulk("GetWorkspace", [{"workspaceId": known}] * GETS)
        writes = api.bulk("CreateWorkspace", [{"name": f"created {number}"} for number in range(POSTS)])
        before = SandboxClient(served.url).requests

        def both() -> None:
            for running in [api.in_background(reads.run), api.in_background(writes.run)]:
                running.result()

        spent = seconds_of(both)
        received = SandboxClient(served.url).requests - before
        names = Counter(item["name"] for item in api.pages("ListWorkspaces"))
        api.close()
    return Figures(spent, 1 / 0.95, "ratio", ALLOWED, "the limits", notes=_check(reads, writes, names, received))


def _check(reads: Any, writes: Any, names: Counter[str], received: int) -> tuple[str, ...]:
    """Return a note about refused requests; fail if any was lost or sent twice."""
    created = [names[f"created {number}"] for number in range(POSTS)]
    assert reads.counts["done"] == GETS, reads.counts
    assert writes.counts["done"] == POSTS, writes.counts
    assert created == [1] * POSTS, Counter(created)
    refused = received - GETS - POSTS
    assert refused <= (GETS + POSTS) / 100, refused
    return (f"{refused} of {received} requests got 429 ({refused / received:.2%}); none lost, none sent twice",)
