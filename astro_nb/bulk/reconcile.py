"""Find out whether calls whose response was lost were carried out, by reading the list of the resources."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import orjson

from ..call import UNSET, Call
from ..errors import AstroNbError
from ..history import Mark
from ..openapi import Operation, call_to_read, id_field, label_fields
from ..pagination import paging_of, read_pages
from ..secrets import MASK
from ..session import Session

SETTLE_TIME = 10.0
"""Seconds after which a server has carried out a request, or never will."""

MAX_CLOCK_SKEW = 600.0
"""Seconds by which the clocks of server and client may differ. An older resource was not created by this run."""


@dataclass(frozen=True)
class UnresolvedRow:
    """A row that may have been carried out: its call, and its mark in the journal."""

    call: Call
    mark: Mark


@dataclass(frozen=True)
class Resolution:
    """What became of an unresolved row.

    Attributes:
        state: "done", "not done" (it can be sent again), or "unknown".
        note: why, in sentences.
        item: the resource in the list, if the row is done.
    """

    state: Literal["done", "not done", "unknown"]
    note: str = ""
    item: Any = None


def reconcile(
    session: Session, operation: Operation, rows: Mapping[int, UnresolvedRow], claimed_ids: Iterable[str]
) -> dict[int, Resolution]:
    """Return what became of rows that may have been carried out.

    The list is read once, and a second time after the settle time if a row is not in it.

    Args:
        session: the session that reads.
        operation: the operation that was called.
        rows: the rows by number.
        claimed_ids: the ids of the resources that other rows have created.
    """
    if operation.is_idempotent:
        return {number: Resolution("not done") for number in rows}
    resources = operation.spec.resources
    reader = resources.reader_at(operation.path)
    if reader is None or not resources.is_list(reader) or paging_of(reader) is None:
        return {number: Resolution("unknown", "The document declares no list to look it up in.") for number in rows}
    resolutions = _look_up(session, reader, rows, set(claimed_ids))
    missing = [rows[number].mark for number, resolution in resolutions.items() if resolution.state == "not done"]
    delay = max((_settle_delay(mark, session.client.retries.total) for mark in missing), default=0.0)
    if delay > 0:
        session.pause(delay)
        resolutions = _look_up(session, reader, rows, set(claimed_ids))
    return resolutions


def _settle_delay(mark: Mark, retry_time: float) -> float:
    """Return the seconds for which a server may still be carrying out a row.

    A row that was started and has no end may have been sent at any time since: it may have waited for the rate limit
    or for a retry, for up to `retry_time`.
    """
    age = time.time() - mark.at
    if mark.state == "begun":
        return SETTLE_TIME if age < retry_time + SETTLE_TIME else 0.0
    return SETTLE_TIME - age


def _look_up(
    session: Session, reader: Operation, rows: Mapping[int, UnresolvedRow], claimed_ids: set[str]
) -> dict[int, Resolution]:
    lists_read: dict[bytes, list[Any] | str] = {}
    resolutions = {}
    for number, row in rows.items():
        operation = session.spec.operation(row.call.operation)
        arguments = _list_arguments(reader, call_to_read(reader, operation, row.call))
        key = orjson.dumps(arguments, default=str, option=orjson.OPT_SORT_KEYS)
        if key not in lists_read:
            lists_read[key] = _read_list(session, reader, arguments)
        items = lists_read[key]
        if isinstance(items, str):
            resolutions[number] = Resolution("unknown", items)
            continue
        resolutions[number] = _resolve(reader, _shown_body(session, row.call), items, claimed_ids, row.mark.at)
        claimed_ids |= {_item_id(reader, resolutions[number].item)} - {""}
    return resolutions


def _list_arguments(reader: Operation, call: Call) -> dict[str, Any]:
    paging = paging_of(reader)
    return {key: value for key, value in call.parameters.items() if paging is None or key != paging.limit}


def _read_list(session: Session, reader: Operation, arguments: Mapping[str, Any]) -> list[Any] | str:
    """Return the items of the list, or a message if it could not be read to its end."""
    try:
        return list(read_pages(session, reader.id, None, **arguments).items())
    except AstroNbError as error:
        return f"{reader.id} could not be read: {error.what}"


def _resolve(
    reader: Operation, body: Mapping[str, Any], items: list[Any], claimed_ids: set[str], sent_at: float
) -> Resolution:
    label = next((name for name in label_fields(reader) if _is_visible_scalar(body.get(name))), None)
    if label is None:
        return Resolution("unknown", f"It has no name to look for in {reader.id}.")
    matches = [item for item in items if _matches(item, body, label) and _item_id(reader, item) not in claimed_ids]
    if not matches:
        return Resolution("not done")
    if len(matches) > 1:
        return Resolution("unknown", f"{reader.id} lists {len(matches)} resources that match.")
    if _created_at(matches[0]) < sent_at - MAX_CLOCK_SKEW:
        return Resolution("unknown", f"{reader.id} lists a resource that matches, but is older than this run.")
    return Resolution("done", f"The response was lost; {reader.id} lists the resource.", matches[0])


def _shown_body(session: Session, call: Call) -> Mapping[str, Any]:
    """Return the body with its templates resolved and secrets masked."""
    body = session.resolve(call.body) if call.body is not UNSET else {}
    return body if isinstance(body, Mapping) else {}


def _item_id(reader: Operation, item: Any) -> str:
    return str(item.get(id_field(reader)) or "") if isinstance(item, Mapping) else ""


def _matches(item: Any, body: Mapping[str, Any], label: str) -> bool:
    """Whether a listed resource has the name in a body, and the same value in every other field that both have."""
    if not isinstance(item, Mapping) or item.get(label) != body[label]:
        return False
    shared = [name for name in body if _is_visible_scalar(body[name]) and _is_visible_scalar(item.get(name))]
    return all(item[name] == body[name] for name in shared)


def _is_visible_scalar(value: Any) -> bool:
    """Whether a value is a scalar that is neither empty nor masked."""
    return isinstance(value, str | int | float) and value != "" and not (isinstance(value, str) and MASK in value)


def _created_at(item: Mapping[str, Any]) -> float:
    """Return when a resource was created, in seconds since 1970; infinity if it has no such time."""
    try:
        return datetime.fromisoformat(str(item.get("createdAt"))).timestamp()
    except (ValueError, OverflowError, OSError):
        return float("inf")
