"""The bytes of a document behind an address."""

from __future__ import annotations

from collections.abc import Callable

from ..errors import DocumentNotFound
from ..exchange import Failure
from ..message import Request, Response, header
from .conversation import REDIRECTS, Outcome, moved_to


def fetched(send: Callable[[Request], Outcome], url: str, stays: bool) -> bytes:
    """What a server gives for an address, redirects followed as far as they may lead; see `Client.fetch`."""
    outcome: Outcome = None
    for _ in range(5):
        outcome = send(Request("GET", url, (("Accept", "*/*"), ("Accept-Encoding", "gzip, deflate"))))
        if isinstance(outcome, Response) and outcome.status == 200:
            return outcome.body
        if not isinstance(outcome, Response) or outcome.status not in REDIRECTS:
            break
        url = moved_to(url, header(outcome.headers, "location"), stays)
    told = f"the server answered {outcome.status}" if isinstance(outcome, Response) else _told(outcome)
    raise DocumentNotFound(f"There is no document at {url}: {told}.", "Check the address, or save it as a file.")


def _told(outcome: Outcome) -> str:
    return outcome.message.rstrip(".") if isinstance(outcome, Failure) else "it redirects in a circle"
