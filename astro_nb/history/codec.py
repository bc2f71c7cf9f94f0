"""An exchange as an entry of the history, and back."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import orjson

from ..call import Call
from ..contract import Violation
from ..errors import UnknownName
from ..exchange import Attempt, CallGroup, Exchange, Failure
from ..frames import TIME
from ..messages import Headers, Request, Response
from ..openapi import Operation, Spec
from ..secrets import MASK, is_secret_header

LARGEST_BODY = 1_000_000
"""Bytes of one body that are kept; the entry says how many there were."""

LARGEST_BYTES = 100_000
"""Bytes of a request that is no text, such as a form of files, that are kept: what it was made of is in its call."""

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
    """What is kept of an exchange beside its columns and its answer's body; orjson takes dataclasses apart."""
    answer, error = exchange.response, exchange.error
    return {
        "call": exchange.call.to_dict(),
        "request": _request(exchange.request),
        "response": _answer(answer) if answer else None,
        "failure": exchange.failure,
        "attempts": exchange.attempts,
        "violations": exchange.violations,
        "fieldErrors": error.field_errors if error else (),
        "started": exchange.started.timestamp(),
        "elapsed": exchange.elapsed,
        "environment": exchange.environment,
        "group": exchange.group,
    }


def body_of(exchange: Exchange) -> bytes:
    """The body of an answer as it came; with stars, and laid out anew, where it holds a secret."""
    answer = exchange.response
    if answer is None or not answer.is_json or exchange.json() is answer.json():
        return answer.body if answer else b""
    return exchange.text.encode()


def restored(spec: Spec, key: str, size: int, detail: Mapping[str, Any], content: bytes) -> Exchange:
    """The exchange of an entry.

    Args:
        spec: the document; an operation that it has lost since is stood in for.
        key: the id of the exchange.
        size: bytes of the answer's body, as it came.
        detail: what `detail_of` gave.
        content: what was kept of the answer's body.
    """
    call, request = Call.from_dict(detail["call"]), _request_again(detail["request"])
    answer = _answer_again(detail["response"], size, content) if detail["response"] else None
    return Exchange(
        id=key,
        operation=_operation(spec, call.operation, request),
        call=call,
        request=request,
        started=datetime.fromtimestamp(detail["started"], UTC),
        elapsed=detail["elapsed"],
        response=answer,
        failure=Failure(**detail["failure"]) if detail["failure"] else None,
        attempts=tuple(Attempt(**attempt) for attempt in detail["attempts"]),
        violations=tuple(Violation(**{**v, "location": tuple(v["location"])}) for v in detail["violations"]),
        environment=detail["environment"],
        group=CallGroup(**{**detail["group"], "goal": tuple(detail["group"]["goal"])}),
    )


def _request(request: Request) -> dict[str, Any]:
    kept: dict[str, Any] = {"method": request.method, "url": request.url, "headers": request.headers}
    body = request.body[:LARGEST_BODY]
    try:
        return {**kept, "body": body.decode()}
    except UnicodeDecodeError as error:
        if len(body) - error.start < 4 and len(body) < len(request.body):  # a text, cut inside a character
            return {**kept, "body": body[: error.start].decode()}
        return {**kept, "bytes": base64.b64encode(body[:LARGEST_BYTES]).decode()}


def _request_again(sent: Mapping[str, Any]) -> Request:
    body = base64.b64decode(sent["bytes"]) if "bytes" in sent else sent["body"].encode()
    return Request(sent["method"], sent["url"], _pairs(sent["headers"]), body)


def _answer(answer: Response) -> dict[str, Any]:
    pairs = [(name, MASK if is_secret_header(name) else value) for name, value in answer.headers]
    return {"status": answer.status, "reason": answer.reason, "headers": pairs, "version": answer.http_version}


def _answer_again(came: Mapping[str, Any], size: int, content: bytes) -> Response:
    full_size = size if len(content) == LARGEST_BODY != size else None
    version = came.get("version", "HTTP/1.1")
    return Response(came["status"], _pairs(came["headers"]), content, came["reason"], version, full_size)


def _pairs(headers: Any) -> Headers:
    return tuple((str(name), str(value)) for name, value in headers)


def _operation(spec: Spec, name: str, request: Request) -> Operation:
    """The operation of that name; where the document has lost it, what the entry itself tells of it."""
    try:
        return spec.operation(name)
    except UnknownName:
        gone = "The document has no such operation any more."
        return Operation(name, request.method, urlsplit(request.url).path, (), gone, {}, {}, spec)
