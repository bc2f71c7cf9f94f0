"""The logs of the Astro API: Deployment logs, which are searched, and audit logs, which come as JSON lines.

A line depends on its number alone, so that the same time span always holds the same lines.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import orjson

from ...messages import Response
from ..behavior import FieldError, Item, Refused
from ..clock import format_timestamp, parse_timestamp, word
from ..inference import uuid_of
from ..requests import RequestContext
from ..responses import json_response, reason_phrase
from .data import AUTHORS, person

_MOST_LINES = 20_000  # of one span
_PAGE = 500
_MOST_RESULTS = 10_000  # what `maxNumResults` is in the response where the request leaves it out
_SECONDS_BETWEEN_LINES = 3
_SECONDS_BETWEEN_AUDITS = 1800
_HOUR, _WEEK = 3600, 7 * 86_400  # seconds

_SOURCES = ("scheduler", "worker", "dag-processor", "scheduler", "triggerer", "webserver", "apiserver", "worker")
_TEXTS = (
    "INFO - Dag {dag}: run scheduled__{at} queued",
    "INFO - Task {dag}.{task} succeeded in {took} s",
    "INFO - Parsed dags/{dag}.py in 0.{took} s",
    "INFO - Sending {dag}.{task} to the executor",
    "INFO - {took} triggers are running",
    "INFO - GET /health 200 in {took} ms",
    "INFO - PATCH /execution/task-instances/{task}/run 200 in {took} ms",
    "WARNING - Task {dag}.{task} is up for retry after {took} s",
)
"""One text for each source of `_SOURCES`."""
_DAGS = ("orders_hourly", "customers_daily", "invoices", "churn_score", "inventory_sync")
_TASKS = ("extract", "transform", "load", "check", "notify")
_AUDITED = (
    "deployment.update", "deployment.deploys.create", "workspace.get", "organization.users.create",
    "organization.apiTokens.access", "deployment.get",
)  # fmt: skip


def search_logs(context: RequestContext) -> Response:
    """Respond with one page of the log lines of a Deployment that a search finds; further pages go by `searchId`."""
    state, query = context.state, context.query
    search_id = str(query.get("searchId") or "")
    if search_id and search_id not in state.searches:
        raise _refuse("searchId", "exists", f"there is no search '{search_id}'")
    if not search_id:
        lines = list(_search(context))
        search_id = uuid_of(state.seed, "search", len(state.searches))
        state.searches[search_id] = lines
    offset, limit = int(query.get("offset", 0)), int(query.get("limit", _PAGE))
    page = state.searches[search_id][offset : offset + limit]
    data = {
        "limit": limit,
        "offset": offset,
        "maxNumResults": query.get("maxNumResults") or _MOST_RESULTS,
        "resultCount": len(page),
        "results": page,
        "searchId": search_id,
    }
    return json_response(context.plan.status, context.plan.shape(data) if context.plan.shape else data)


def _search(context: RequestContext) -> Iterator[Item]:
    """Yield the lines of the span that the query selects, newest first."""
    query = context.query
    for name, other in (("startDate", "endDate"), ("endDate", "startDate")):
        if query.get(name) is None and query.get(other) is not None:
            raise _refuse(name, "required", f"{name} is required")
    seconds, most = int(query.get("range", _HOUR)), int(query.get("maxNumResults", _MOST_LINES))
    text, sources = str(query.get("searchText") or "").lower(), query.get("sources")
    span = _span(context, seconds)
    for line in reversed(list(_lines(context, span, _SECONDS_BETWEEN_LINES, _log_line))):
        if most <= 0:
            return
        if (not sources or line["source"] in sources) and text in line["raw"].lower():
            most -= 1
            yield line


def respond_with_audit_logs(context: RequestContext) -> Response:
    """Respond with every audit line of the span, one JSON object per line, in gzip on the wire."""
    lines = _lines(context, _span(context, _WEEK), _SECONDS_BETWEEN_AUDITS, _audit_line)
    body = b"".join(orjson.dumps(line) + b"\n" for line in lines)
    status, media = context.plan.status, context.plan.media_type or "application/x-ndjson"
    headers = (("Content-Type", media), ("Content-Encoding", "gzip"))
    return Response(status, headers, body, reason_phrase(status))


def _span(context: RequestContext, seconds: int) -> tuple[datetime, datetime]:
    """Return the start and the end that the query declares, by default the `seconds` before now."""
    start, end = (parse_timestamp(context.query.get(name)) for name in ("startDate", "endDate"))
    end = end or context.state.clock.now()
    start = start or end - timedelta(seconds=seconds)
    if start > end:
        raise _refuse("startDate", "order", "startDate is after endDate")
    return start, end


def _refuse(field: str, code: str, message: str) -> Refused:
    return Refused(400, f"Invalid request: {message}", (FieldError(field, code, message),))


Line = Callable[[RequestContext, str, int, random.Random], Item]


def _lines(context: RequestContext, span: tuple[datetime, datetime], every: int, make: Line) -> Iterator[Item]:
    first, last = -(-int(span[0].timestamp()) // every), int(span[1].timestamp()) // every
    target = context.target or {}
    for number in range(max(first, last - _MOST_LINES + 1), last + 1):
        chance = context.state.chance(f"{context.operation.id}/{target.get('id', '')}", number)
        yield make(context, format_timestamp(datetime.fromtimestamp(number * every, UTC)), number, chance)


def _log_line(context: RequestContext, at: str, number: int, chance: random.Random) -> Item:
    words = {"dag": chance.choice(_DAGS), "task": chance.choice(_TASKS), "took": chance.randint(1, 90)}
    kind = number % len(_SOURCES)
    raw = f"[{at}] {_TEXTS[kind].format(at=at, **words)}"
    return {"timestamp": number * _SECONDS_BETWEEN_LINES * 1000, "source": _SOURCES[kind], "raw": raw}


def _audit_line(context: RequestContext, at: str, number: int, chance: random.Random) -> Item:
    actor, organization = person(context.state, chance.randint(0, AUTHORS - 1)), context.target or {}
    label = f"{context.operation.id}/{organization.get('id', '')}"
    return {
        "timestamp": at,
        "organizationId": organization.get("id"),
        "requestId": word(25, context.state.seed, label, number),
        "action": chance.choice(_AUDITED),
        "actor": actor,
        "outcome": chance.choices(("SUCCESS", "DENIED"), (19, 1))[0],
        "sourceIp": "203.0.113.7",
    }
