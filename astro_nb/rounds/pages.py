"""Every page of a list, asked for one after another."""

from __future__ import annotations

from typing import Any

from ..call import Call
from ..client import new_id
from ..errors import UsageError
from ..paging import Pages, first_call, paging_of
from ..session import Session
from .told import Progress


def read_pages(session: Session, operation: str, progress: Progress | None = None, /, **arguments: Any) -> Pages:
    """Every page of a list, read one after another.

    Raises:
        UsageError: the operation does not list anything.
    """
    found = session.spec.operation(operation)
    paging = paging_of(found)
    if paging is None:
        raise UsageError(f"{operation} does not answer a list.", "Use api.call for it.")
    call: Call | None = first_call(paging, session.arrange(operation, arguments))
    pages, via = Pages(found, paging), f"pages:{new_id()}"
    while call is not None:
        call = pages.add(call, session.send(call, via))
        if progress:
            progress(len(pages) / pages.total if pages.total else None, f"{len(pages)} of {pages.total or '?'} items")
    return pages
