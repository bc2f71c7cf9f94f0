"""Lines that something wrote as time went by: logs that are searched, and logs that are handed out whole.

A line is made from its number alone, so the same span always holds the same lines. A sandbox file states `every`
(seconds between two lines), `make` (one line, with `at` its moment), and which query parameters mean what.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from ..message import Response
from .answers import json_answer, reason
from .ids import cuid, word
from .pace import read_stamp, stamp
from .template import Scope, compiled
from .visit import FieldError, Refused, Visit

MOST_LINES = 20_000


def search_answer(visit: Visit) -> Response:
    """One page of the lines that a search finds; the search is kept under its id, and a page of it can be asked for."""
    names: Mapping[str, str] = visit.deed.options["query"]
    search_id = str(visit.query.get(names["search"]) or "")
    if search_id and search_id not in visit.world.searches:
        raise Refused(400, f"Invalid request: there is no search '{search_id}'", (_field(names["search"], "exists"),))
    if not search_id:
        found = list(_found(visit, names))
        search_id = _uuid(visit, len(visit.world.searches))
        visit.world.searches[search_id] = found
    lines = visit.world.searches[search_id]
    offset, limit = int(visit.query.get("offset", 0)), int(visit.query.get("limit", 500))
    page = lines[offset : offset + limit]
    scope = visit.scope(search=search_id, lines=page, count=len(page), offset=offset, limit=limit)
    data = visit.deed.answer(scope) if visit.deed.answer else {"results": page}
    return json_answer(visit.plan.status, visit.plan.shape(data) if visit.plan.shape else data)


def lines_answer(visit: Visit) -> Response:
    """Every line of the span, one JSON object each; coded with gzip on the wire."""
    names: Mapping[str, str] = visit.deed.options["query"]
    body = b"".join(orjson.dumps(line) + b"\n" for line in _lines(visit, *_span(visit, names)))
    media = visit.plan.media_type or "application/x-ndjson"
    headers = (("Content-Type", media), ("Content-Encoding", "gzip"))
    return Response(visit.plan.status, headers, body, reason(visit.plan.status))


def _found(visit: Visit, names: Mapping[str, str]) -> Iterator[Any]:
    """The lines of the span that the query selects, newest first."""
    most = int(visit.query.get(names.get("most", ""), MOST_LINES))
    text = str(visit.query.get(names.get("text", "")) or "").lower()
    sources = visit.query.get(names.get("sources", ""))
    for line in reversed(list(_lines(visit, *_span(visit, names)))):
        if (sources and line.get("source") not in sources) or (text and text not in str(line.get("raw", "")).lower()):
            continue
        if most <= 0:
            return
        most -= 1
        yield line


def _span(visit: Visit, names: Mapping[str, str]) -> tuple[datetime, datetime]:
    """From when to when: both ends as the query gives them, else the seconds before now that it asks for."""
    start, end = (read_stamp(visit.query.get(names[side])) for side in ("start", "end"))
    if visit.deed.options.get("both-or-none") and (start is None) != (end is None):
        lost = names["start"] if start is None else names["end"]
        raise Refused(400, f"Invalid request: {lost} is required", (_field(lost, "required"),))
    end = end or visit.world.pace.now()
    seconds = int(visit.query.get(names.get("range", ""), visit.deed.options.get("usual", 3600)))
    start = start or end - timedelta(seconds=seconds)
    if start > end:
        raise Refused(
            400, f"Invalid request: {names['start']} is after {names['end']}", (_field(names["start"], "order"),)
        )
    return start, end


def _lines(visit: Visit, start: datetime, end: datetime) -> Iterator[Any]:
    every, make = int(visit.deed.options["every"]), visit.deed.make or compiled({})
    first, last = -(-int(start.timestamp()) // every), int(end.timestamp()) // every
    about = visit.target or {}
    base = visit.scope(about)
    for number in range(max(first, last - MOST_LINES + 1), last + 1):
        at = datetime.fromtimestamp(number * every, UTC)
        moment = {"at": stamp(at), "milliseconds": number * every * 1000, "number": number}
        label = f"{visit.operation.id}/{about.get(visit.kind.id, '')}"
        yield make(Scope(visit.world, about, {**base.names, **moment}, label, number))


def _field(name: str, code: str) -> FieldError:
    return FieldError(name, code, f"{name}: {code}")


def _uuid(visit: Visit, number: int) -> str:
    raw = cuid(visit.world.seed, "search", number) + word(8, number)
    plain = "".join(f"{ord(char):02x}" for char in raw)[:32]
    return "-".join((plain[:8], plain[8:12], "4" + plain[13:16], "8" + plain[17:20], plain[20:32]))
