"""An exchange as an entry of the history, and back."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import orjson

from ..call import Call
from ..contract import Violation
from ..exchange import Attempt, Exchange, Failure
from ..frames import TIME
from ..message import Request, Response
from ..spec import Spec

LARGEST_BODY = 1_000_000
"""Bytes of one body that are kept; the entry says how many there were."""

COLUMNS = {
    "when": TIME,
    "operation": "string",
    "status": "Int64",
    "ok": "boolean",
    "seconds": "Float64",
    "size": "Int64",
    "attempts": "Int64",
    "requestId": "string",
    "message": "string",
    "environment": "string",
    "id": "string",
}
ERROR_COLUMNS = {
    "when": TIME,
    "operation": "string",
    "status": "Int64",
    "message": "string",
    "requestId": "string",
    "fieldErrors": "object",
    "id": "string",
}


def row_of(entry: tuple[Any, ...]) -> dict[str, Any]:
    key, started, operation, status, ok, elapsed, size, request_id, message, environment, detail = entry
    more = orjson.loads(detail)
    return {
        "id": key,
        "when": datetime.fromtimestamp(started, UTC),
        "operation": operation,
        "status": status,
        "ok": bool(ok),
        "seconds": elapsed,
        "size": size,
        "attempts": len(more["attempts"]),
        "requestId": request_id or None,
        "message": message or None,
        "environment": environment,
        "fieldErrors": more["fieldErrors"],
    }


def detail_of(exchange: Exchange) -> dict[str, Any]:
    answer, error = exchange.answer, exchange.error
    return {
        "call": exchange.call.to_dict(),
        "request": {
            "method": exchange.request.method,
            "url": exchange.request.url,
            "headers": exchange.request.headers,
            "body": exchange.request.body[:LARGEST_BODY].decode("utf-8", "replace"),
        },
        "answer": {"reason": answer.reason, "headers": exchange.headers, "status": answer.status} if answer else None,
        "failure": asdict(exchange.failure) if exchange.failure else None,
        "attempts": [asdict(attempt) for attempt in exchange.attempts],
        "violations": [asdict(violation) for violation in exchange.violations],
        "fieldErrors": [asdict(e) for e in error.field_errors] if error else [],
        "started": exchange.started.timestamp(),
        "elapsed": exchange.elapsed,
        "environment": exchange.environment,
        "via": exchange.via,
    }


def restored(spec: Spec, key: str, detail: dict[str, Any], content: bytes) -> Exchange:
    sent, came = detail["request"], detail["answer"]
    call = Call.from_dict(detail["call"])
    answer = None
    if came:
        headers = tuple((str(k), str(v)) for k, v in came["headers"].items())
        answer = Response(came["status"], headers, content, came["reason"])
    return Exchange(
        id=key,
        operation=spec.operation(call.operation),
        call=call,
        request=Request(sent["method"], sent["url"], tuple(map(tuple, sent["headers"])), sent["body"].encode()),
        started=datetime.fromtimestamp(detail["started"], UTC),
        elapsed=detail["elapsed"],
        answer=answer,
        failure=Failure(**detail["failure"]) if detail["failure"] else None,
        attempts=tuple(Attempt(**attempt) for attempt in detail["attempts"]),
        violations=tuple(Violation(**{**v, "location": tuple(v["location"])}) for v in detail["violations"]),
        environment=detail["environment"],
        via=detail["via"],
    )
