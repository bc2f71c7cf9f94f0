"""Rows about getting through: many requests at the rate that a server allows."""

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
        writes = api.bulk("CreateWorkspace", [{"name": f"made {number}"} for number in range(POSTS)])
        before = SandboxClient(served.url).requests

        def both() -> None:
            for running in [api.in_background(reads.run), api.in_background(writes.run)]:
                running.result()

        spent = seconds_of(both)
        asked = SandboxClient(served.url).requests - before
        names = Counter(item["name"] for item in api.pages("ListWorkspaces"))
        api.close()
    return Figures(spent, 1 / 0.95, "ratio", ALLOWED, "the limits", notes=_told(reads, writes, names, asked))


def _told(reads: Any, writes: Any, names: Counter[str], asked: int) -> tuple[str, ...]:
    """What was refused, lost or doubled; whatever was lost or doubled ends the measurement."""
    made = [names[f"made {number}"] for number in range(POSTS)]
    assert reads.counts["done"] == GETS, reads.counts
    assert writes.counts["done"] == POSTS, writes.counts
    assert made == [1] * POSTS, Counter(made)
    refused = asked - GETS - POSTS
    assert refused <= (GETS + POSTS) / 100, refused
    return (f"{refused} of {asked} requests were answered 429 ({refused / asked:.2%}); none lost, none doubled",)
