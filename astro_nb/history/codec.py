"""Exchanges as entries of the history, and back."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from ..call import Call
from ..contract import Violation
from ..environments import Provenance
from ..errors import UnknownName
from ..exchange import Attempt, CallGroup, Exchange, Failure
from ..frames import TIME
from ..json_text import read_json
from ..messages import Headers, Request, Response
from ..openapi import Operation, Spec

LARGEST_BODY = 1_000_000
"""Bytes of one body that are stored; the entry has their full number."""

LARGEST_BYTES = 100_000
"""Bytes that are stored of a request that is no text, such as files: what it was built from is in its call."""

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


def list_row(entry: tuple[Any, ...]) -> dict[str, Any]:
    """Return an entry as a row of the table of the history."""
    key, started, operation, status, ok, elapsed, size, request_id, message, environment, detail = entry
    details = read_json(detail).data
    return {
        "id": key,
        "when": datetime.fromtimestamp(started, UTC),
        "operation": operation,
        "status": status,
        "ok": bool(ok),
        "seconds": elapsed,
        "size": size,
        "attempts": len(details["attempts"]),
        "requestId": request_id or None,
        "message": message or None,
        "environment": environment,
        "fieldErrors": details["fieldErrors"],
    }


def encode_exchange(exchange: Exchange) -> dict[str, Any]:
    """Return what is stored of an exchange in addition to its columns and its body, for `write_json`."""
    response, error = exchange.response, exchange.error
    headers = exchange.masked.headers if exchange.masked else ()
    return {
        "call": exchange.call.to_dict(),
        "request": _encode_request(exchange.request),
        "response": _encode_response(response, headers) if response else None,
        "failure": exchange.failure,
        "attempts": exchange.attempts,
        "violations": exchange.violations,
        "fieldErrors": error.field_errors if error else (),
        "started": exchange.started.timestamp(),
        "elapsed": exchange.elapsed,
        "environment": exchange.environment,
        "group": exchange.group,
        **({"provenance": _encode_provenance(exchange.provenance)} if exchange.provenance else {}),
    }


def decode_exchange(spec: Spec, key: str, size: int, detail: Mapping[str, Any], content: bytes) -> Exchange:
    """Return the exchange of an entry.

    Args:
        spec: the document; it may have lost the operation since.
        key: the id of the exchange.
        size: bytes of the response's body, as it was received.
        detail: what `encode_exchange` returned.
        content: what was stored of the response's body.
    """
    call, request = Call.from_dict(detail["call"]), _decode_request(detail["request"])
    response = _decode_response(detail["response"], size, content) if detail["response"] else None
    return Exchange(
        id=key,
        operation=_operation(spec, call.operation, request),
        call=call,
        request=request,
        started=datetime.fromtimestamp(detail["started"], UTC),
        elapsed=detail["elapsed"],
        response=response,
        failure=Failure(**detail["failure"]) if detail["failure"] else None,
        attempts=tuple(Attempt(**attempt) for attempt in detail["attempts"]),
        violations=tuple(Violation(**{**v, "location": tuple(v["location"])}) for v in detail["violations"]),
        environment=detail["environment"],
        group=CallGroup(**{**detail["group"], "goal": tuple(detail["group"]["goal"])}),
        provenance=_decode_provenance(detail.get("provenance", {})),
    )


def _encode_request(request: Request) -> dict[str, Any]:
    encoded: dict[str, Any] = {"method": request.method, "url": request.url, "headers": request.headers}
    body = request.body[:LARGEST_BODY]
    try:
        return {**encoded, "body": body.decode()}
    except UnicodeDecodeError as error:
        if len(body) - error.start < 4 and len(body) < len(request.body):  # text that was cut inside a character
            return {**encoded, "body": body[: error.start].decode()}
        return {**encoded, "bytes": base64.b64encode(body[:LARGEST_BYTES]).decode()}


def _decode_request(encoded: Mapping[str, Any]) -> Request:
    body = base64.b64decode(encoded["bytes"]) if "bytes" in encoded else encoded["body"].encode()
    return Request(encoded["method"], encoded["url"], _pairs(encoded["headers"]), body)


def _encode_response(response: Response, headers: Headers) -> dict[str, Any]:
    return {"status": response.status, "reason": response.reason, "headers": headers, "version": response.http_version}


def _decode_response(encoded: Mapping[str, Any], size: int, content: bytes) -> Response:
    full_size = size if len(content) == LARGEST_BODY != size else None
    version = encoded.get("version", "HTTP/1.1")
    return Response(encoded["status"], _pairs(encoded["headers"]), content, encoded["reason"], version, full_size)


def _encode_provenance(provenance: Mapping[str, Provenance]) -> dict[str, Any]:
    return {
        name: {
            "operation": place.operation,
            "path": place.path,
            "exchange": place.exchange_id,
            "started": place.started.timestamp(),
        }
        for name, place in provenance.items()
    }


def _decode_provenance(encoded: Mapping[str, Any]) -> dict[str, Provenance]:
    return {
        name: Provenance(
            place["operation"], place["path"], place["exchange"], datetime.fromtimestamp(place["started"], UTC)
        )
        for name, place in encoded.items()
    }


def _pairs(headers: Any) -> Headers:
    return tuple((str(name), str(value)) for name, value in headers)


def _operation(spec: Spec, name: str, request: Request) -> Operation:
    """Return the operation with a name; if the document has lost it, one that is built from the entry itself."""
    try:
        return spec.operation(name)
    except UnknownName:
        gone = "The document has no such operation any more."
        return Operation(name, request.method, urlsplit(request.url).path, (), gone, {}, {}, spec)
