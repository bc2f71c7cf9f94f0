"""Responses: data in the form that the document declares, and refusals in its error envelope."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from ..json_text import read_json, write_json
from ..messages import Response, is_cbor
from ..openapi import Operation, Spec
from ..schema import Field, make_sample, response_field
from ..schema.validation import matches_shape
from .behavior import Refused

JSON = "application/json"


def json_response(status: int, data: Any, media: str = JSON) -> Response:
    """Return plain data (or `orjson.Fragment`s) as a response; YAML as JSON, which it contains."""
    if is_cbor(media):
        import cbor2  # imported at first use: few APIs have it

        data = read_json(write_json(data)).data
        return Response(status, (("Content-Type", media),), cbor2.dumps(data), reason_phrase(status))
    return Response(status, (("Content-Type", media or JSON),), write_json(data), reason_phrase(status))


def text_response(status: int, text: str, media: str = "text/plain") -> Response:
    """Return a text as a response."""
    return Response(status, (("Content-Type", media),), text.encode(), reason_phrase(status))


def empty_response(status: int) -> Response:
    """Return a response without a body."""
    return Response(status, (), b"", reason_phrase(status))


def reason_phrase(status: int) -> str:
    """Return the standard phrase of a status (RFC 9110, section 15); empty if it has none."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def with_headers(response: Response, extra: Mapping[str, str]) -> Response:
    """Return the response with further header fields."""
    headers = (*response.headers, *extra.items())
    return Response(response.status, headers, response.body, response.reason, response.http_version)


def refusal_response(refused: Refused, request_id: str, operation: Operation | None, spec: Spec) -> Response:
    """Return a refusal in the document's error envelope, or as plain text if it is the gateway's."""
    if refused.plain:
        return with_headers(text_response(refused.status, refused.message), refused.headers)
    status = _declared_status(operation, refused.status)
    media, field = _error_field(operation, status) or _any_error_field(spec) or (JSON, None)
    return with_headers(json_response(status, _envelope(refused, status, request_id, field), media), refused.headers)


def _declared_status(operation: Operation | None, status: int) -> int:
    """Return 422 instead of 400 for an operation that declares only 422."""
    uses_422 = operation is not None and status == 400 and operation.response(400) is None and operation.response(422)
    return 422 if uses_422 else status


def _envelope(refused: Refused, status: int, request_id: str, field: Field | None) -> Any:
    values: dict[str, Any] = {
        **dict.fromkeys(("message", "detail", "error", "description"), refused.message),
        **dict.fromkeys(("statusCode", "status", "status_code"), status),
        **dict.fromkeys(("requestId", "request_id"), request_id),
        "title": reason_phrase(status),
        "code": reason_phrase(status).upper().replace(" ", "_"),
        "type": "about:blank",
    }
    if refused.fields:
        values["fieldErrors"] = [{"field": f.field, "code": f.code, "message": f.message} for f in refused.fields]
    details = field.child("detail") if field else None
    if details is not None and details.kind == "array":
        values["detail"] = [{"loc": [f.field], "msg": f.message, "type": f.code} for f in refused.fields]
    if field is None or not field.children:
        names = ("message", "requestId", "statusCode", "fieldErrors")
        return {name: values[name] for name in names if name in values}
    return shape_for(field)(values)


def _error_field(operation: Operation | None, status: int) -> tuple[str, Field | None] | None:
    """Return the media type and the field that an operation declares for an error, or for another error."""
    if operation is None:
        return None
    for candidate in (status, 400, 404, 500):
        declared = operation.response(candidate)
        if declared and declared.content and not declared.status.startswith("2"):
            media = next(iter(declared.content))
            return media, response_field(operation, candidate, media)
    return None


def _any_error_field(spec: Spec) -> tuple[str, Field | None] | None:
    fields = (_error_field(operation, 404) for operation in spec)
    return next((entry for entry in fields if entry and "json" in entry[0]), None)


# Data in the form of a schema. What the document does not declare is dropped; what it requires and the data lack is
# filled with a sample. A value that an enum does not name is left as it is: real servers send such, too.

Shape = Callable[[Any], Any]
"""A function that brings a value into the form that a field declares."""


def shape_for(field: Field) -> Shape:
    """Return the function that brings a value into the form of a field; nested fields are prepared on first use."""
    return _SHAPES.get(field.kind, _scalar)(field)


def _object(field: Field) -> Shape:
    parts = [
        (child.name, child.required, child, _LazyShape(child)) for child in field.children if not child.info.write_only
    ]
    names = {child.name for child in field.children}
    is_open = bool(field.schema.get("additionalProperties")) or not names

    def shape(value: Any) -> Any:
        value = value if isinstance(value, Mapping) else {}
        out = {}
        for name, required, child, inner in parts:
            entry = value.get(name)
            if entry is not None:
                out[name] = inner(entry)
            elif name in value and child.nullable:
                out[name] = None
            elif required:
                out[name] = None if child.nullable else make_sample(child)
        if is_open:
            out.update({k: v for k, v in value.items() if k not in names and not k.startswith("_")})
        return out

    return shape


def _array(field: Field) -> Shape:
    inner = _LazyShape(field.item) if field.item else _unchanged
    return lambda value: [inner(entry) for entry in value] if isinstance(value, list) else make_sample(field)


def _map(field: Field) -> Shape:
    inner = _LazyShape(field.item) if field.item else _unchanged

    def shape(value: Any) -> Any:
        entries = value.items() if isinstance(value, Mapping) else ()
        return {name: inner(entry) for name, entry in entries if not str(name).startswith("_")}

    return shape


def _union(field: Field) -> Shape:
    def shape(value: Any) -> Any:
        branch = field.branch_for(value)
        return make_sample(field) if branch is None else shape_for(branch.field)(value)

    return shape


def _scalar(field: Field) -> Shape:
    return lambda value: value if matches_shape(field, value) else make_sample(field)


def _unchanged(value: Any) -> Any:
    return value


class _LazyShape:
    """A shape that is prepared on first use, so that recursive schemas end."""

    def __init__(self, field: Field) -> None:
        self._field = field
        self._shape: Shape | None = None

    def __call__(self, value: Any) -> Any:
        if self._shape is None:
            self._shape = shape_for(self._field)
        return self._shape(value)


_SHAPES: dict[str, Callable[[Field], Shape]] = {
    "object": _object,
    "array": _array,
    "map": _map,
    "union": _union,
    "choice": lambda field: _unchanged,
    "any": lambda field: _unchanged,
    "file": lambda field: _unchanged,
}
