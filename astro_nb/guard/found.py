"""The thing that an unsafe call is about, as it is now."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol
from urllib.parse import unquote, urlsplit

from ..call import UNSET, Call
from ..errors import AstroNbError
from ..exchange import Exchange, items_path
from ..message import Request
from ..spec import Operation
from .reading import call_to_read, last_parameter, lists, reader_of

Read = Callable[[Call], Exchange]
"""Sends a safe call and keeps what came of it."""


class Planned(Protocol):
    """What is asked about: a call made ready to be sent, as it is shown and as it goes out."""

    @property
    def operation(self) -> Operation: ...

    @property
    def call(self) -> Call: ...

    @property
    def shown(self) -> Request: ...

    @property
    def request(self) -> Request: ...

    @property
    def environment(self) -> str: ...


class Found(NamedTuple):
    """What reading gave: the operation that reads, the state, and why there is none."""

    reader: Operation | None = None
    state: Any = UNSET
    trouble: str = ""


def look(plan: Planned, read: Read) -> Found:
    """The present state, secrets as `Secret`; or why it is not known."""
    reader = reader_of(plan.operation)
    if reader is None:
        return Found(trouble="The document has no operation that reads it.")
    try:
        exchange = read(call_to_read(reader, plan.operation, plan.call))
    except AstroNbError as error:
        return Found(reader, trouble=f"{reader.id} could not be sent: {error.what}")
    return found_in(reader, exchange, path_value(plan, last_parameter(plan.operation)))


def found_in(reader: Operation, exchange: Exchange, wanted: str) -> Found:
    """What an answer tells of a thing; `wanted` is its id, by which it is found where many are listed."""
    if not (exchange.ok and exchange.answer and exchange.answer.is_json):
        told = f": {exchange.error.message}" if exchange.error else ", which is no JSON."
        return Found(reader, trouble=f"{reader.id} ended with {exchange.status_text}{told}")
    if lists(reader):
        return _listed(reader, exchange, wanted)
    return Found(reader, exchange["$"])


def _listed(reader: Operation, exchange: Exchange, wanted: str) -> Found:
    """The entry of a list that has that id."""
    note = reader.notes.get("item")
    known = str(note.get("id", "id")) if isinstance(note, Mapping) else "id"
    entries = exchange[items_path(reader, exchange.json())]
    same = (e for e in entries if isinstance(e, Mapping) and str(e.get(known)) == wanted)
    state = next(same, UNSET) if isinstance(entries, list) else UNSET
    return Found(reader, state, "" if state is not UNSET else f"{reader.id} does not list {wanted}.")


def path_value(plan: Planned, name: str) -> str:
    """The value of a path parameter as it is shown, read from the address."""
    template = plan.operation.path.strip("/").split("/")
    asked = urlsplit(plan.shown.url).path.strip("/").split("/")[-len(template) :]
    given = dict(zip(template, asked, strict=False))
    return unquote(given.get(f"{{{name}}}", "")) if name else ""
