"""Answers: what the sandbox found, or why it refused, as a Response."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import orjson

from ..messages import Response
from ..openapi import Operation, Spec
from ..schema import Field, response_field
from .requests import Refused
from .shape import shape

JSON = "application/json"


def json_answer(status: int, data: Any, media: str = JSON) -> Response:
    """Plain data as an answer."""
    return Response(status, (("Content-Type", media or JSON),), orjson.dumps(data), reason(status))


def text_answer(status: int, text: str, media: str = "text/plain") -> Response:
    """A text as an answer."""
    return Response(status, (("Content-Type", media),), text.encode(), reason(status))


def empty_answer(status: int) -> Response:
    """An answer without a body."""
    return Response(status, (), b"", reason(status))


def reason(status: int) -> str:
    """The standard words for a status; empty for one that has none."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def refusal_answer(refused: Refused, request_id: str, operation: Operation | None, spec: Spec) -> Response:
    """A refusal in the document's own envelope, or as plain text where the gateway speaks."""
    if refused.plain:
        response = text_answer(refused.status, refused.message)
    else:
        refused.status = _usual_status(operation, refused.status)
        media, field = _declared(operation, refused.status) or _anywhere(spec) or (JSON, None)
        response = json_answer(refused.status, _envelope(refused, request_id, field), media)
    return Response(response.status, (*response.headers, *refused.headers.items()), response.body, response.reason)


def _usual_status(operation: Operation | None, status: int) -> int:
    """422 for a request that is wrong, in a document that says 422 where others say 400."""
    says = operation is not None and status == 400 and operation.response(400) is None and operation.response(422)
    return 422 if says else status


def _envelope(refused: Refused, request_id: str, field: Field | None) -> Any:
    code = reason(refused.status).upper().replace(" ", "_")
    known: dict[str, Any] = {
        **dict.fromkeys(("message", "detail", "error", "description"), refused.message),
        **dict.fromkeys(("statusCode", "status", "status_code"), refused.status),
        **dict.fromkeys(("requestId", "request_id"), request_id),
        "title": reason(refused.status),
        "code": code,
        "type": "about:blank",
    }
    if refused.fields:
        known["fieldErrors"] = [{"field": f.field, "code": f.code, "message": f.message} for f in refused.fields]
    details = field.child("detail") if field else None
    if details is not None and details.kind == "array":
        known["detail"] = [{"loc": [f.field], "msg": f.message, "type": f.code} for f in refused.fields]
    if field is None or not field.children:
        names = ("message", "requestId", "statusCode", "fieldErrors")
        return {name: known[name] for name in names if name in known}
    return shape(field)(known)


def _declared(operation: Operation | None, status: int) -> tuple[str, Field | None] | None:
    """The media type and the form that the document declares for an error of an operation, or for its likes."""
    if operation is None:
        return None
    for candidate in (status, 400, 404, 500):
        declared = operation.response(candidate)
        if declared and declared.content and not declared.status.startswith("2"):
            media = next(iter(declared.content))
            return media, response_field(operation, candidate, media)
    return None


def _anywhere(spec: Spec) -> tuple[str, Field | None] | None:
    found = (_declared(operation, 404) for operation in spec)
    return next((entry for entry in found if entry and "json" in entry[0]), None)


def with_headers(response: Response, extra: Mapping[str, str]) -> Response:
    """The same answer with further header fields."""
    headers = (*response.headers, *extra.items())
    return Response(response.status, headers, response.body, response.reason, response.http_version)
