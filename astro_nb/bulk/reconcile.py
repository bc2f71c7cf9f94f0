"""Whether calls that may have happened did happen, told from the list of what there is."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from ..call import UNSET, Call
from ..errors import AstroNbError
from ..history import Mark
from ..openapi import Operation, call_to_read, id_field, label_fields
from ..pagination import paging_of, read_pages
from ..secrets import MASK
from ..session import Session

SETTLED = 10.0
"""Seconds after which a server is taken to have done what it was asked for, or never to do it."""

CLOCKS = 600.0
"""Seconds by which the server's clock and ours may differ: what was made earlier was not made by this run."""


@dataclass(frozen=True)
class Verdict:
    """What became of a row: "done" (`item` is what the list holds), "again" (it did not happen), or "unknown"."""

    state: str
    note: str = ""
    item: Any = None


@dataclass(frozen=True)
class Doubt:
    """A row that may have happened: its call, and what is known of it."""

    call: Call
    mark: Mark


def find_out(
    session: Session, operation: Operation, doubts: Mapping[int, Doubt], claimed: Iterable[str]
) -> dict[int, Verdict]:
    """What became of rows that may have happened; `claimed` are the ids of what other rows have made.

    The list is read once; where a row is not in it, once more when the server has had its time.
    """
    if operation.is_idempotent:
        return dict.fromkeys(doubts, Verdict("again"))
    resources = operation.spec.resources
    reader = resources.reader_at(operation.path)
    if reader is None or not resources.is_list(reader) or paging_of(reader) is None:
        return dict.fromkeys(doubts, Verdict("unknown", "The document has no list in which it would stand."))
    found = _look(session, reader, doubts, set(claimed))
    lost = [doubts[number].mark for number, verdict in found.items() if verdict.state == "again"]
    patience = max((_patience(mark, session.client.retries.total) for mark in lost), default=0.0)
    if patience > 0:
        session.pause(patience)
        found = _look(session, reader, doubts, set(claimed))
    return found


def _patience(mark: Mark, longest: float) -> float:
    """Seconds for which a server may still be at work on a row.

    One that was begun, and of which no end is known, may have gone out at any time since: it waits for its turn, and is
    tried again, for as long as `longest`.
    """
    age = time.time() - mark.at
    if mark.state == "begun":
        return SETTLED if age < longest + SETTLED else 0.0
    return SETTLED - age


def _look(session: Session, reader: Operation, doubts: Mapping[int, Doubt], claimed: set[str]) -> dict[int, Verdict]:
    read: dict[bytes, list[Any] | str] = {}
    verdicts = {}
    for number, doubt in doubts.items():
        operation = session.spec.operation(doubt.call.operation)
        arguments = _arguments(reader, call_to_read(reader, operation, doubt.call))
        key = orjson.dumps(arguments, default=str, option=orjson.OPT_SORT_KEYS)
        if key not in read:
            read[key] = _items(session, reader, arguments)
        items = read[key]
        if isinstance(items, str):
            verdicts[number] = Verdict("unknown", items)
            continue
        verdicts[number] = _verdict(reader, _body(session, doubt.call), items, claimed, doubt.mark.at)
        claimed |= {_id(reader, verdicts[number].item)} - {""}
    return verdicts


def _arguments(reader: Operation, call: Call) -> dict[str, Any]:
    paging = paging_of(reader)
    return {key: value for key, value in call.parameters.items() if paging is None or key != paging.limit}


def _items(session: Session, reader: Operation, arguments: Mapping[str, Any]) -> list[Any] | str:
    """What the list holds; a sentence where it could not be read to its end."""
    try:
        return list(read_pages(session, reader.id, None, **arguments).items())
    except AstroNbError as error:
        return f"{reader.id} could not be read: {error.what}"


def _verdict(reader: Operation, body: Mapping[str, Any], items: list[Any], claimed: set[str], at: float) -> Verdict:
    named = next((name for name in label_fields(reader) if _is_told(body.get(name))), None)
    if named is None:
        return Verdict("unknown", f"It has no name by which it could be found in {reader.id}.")
    same = [item for item in items if _is_same(item, body, named) and _id(reader, item) not in claimed]
    if not same:
        return Verdict("again")
    if len(same) > 1:
        return Verdict("unknown", f"{reader.id} has {len(same)} that are alike.")
    if _made_at(same[0]) < at - CLOCKS:
        return Verdict("unknown", f"{reader.id} has one that is alike, and was there before.")
    return Verdict("done", f"Its answer was lost; {reader.id} has it.", same[0])


def _body(session: Session, call: Call) -> Mapping[str, Any]:
    body = session.resolve(call.body) if call.body is not UNSET else {}
    return body if isinstance(body, Mapping) else {}


def _id(reader: Operation, item: Any) -> str:
    return str(item.get(id_field(reader)) or "") if isinstance(item, Mapping) else ""


def _is_same(item: Any, body: Mapping[str, Any], named: str) -> bool:
    """Whether a listed thing has a row's name, and the same in every other field that both tell."""
    if not isinstance(item, Mapping) or item.get(named) != body[named]:
        return False
    both = [name for name in body if _is_told(body[name]) and _is_told(item.get(name))]
    return all(item[name] == body[name] for name in both)


def _is_told(value: Any) -> bool:
    """Whether a value is a scalar that is not hidden."""
    return isinstance(value, str | int | float) and value != "" and not (isinstance(value, str) and MASK in value)


def _made_at(item: Mapping[str, Any]) -> float:
    """When a listed thing was made, in seconds since 1970; for ever in the future where it does not tell."""
    told = item.get("createdAt")
    try:
        return datetime.fromisoformat(str(told)).timestamp()
    except (ValueError, OverflowError, OSError):
        return float("inf")
