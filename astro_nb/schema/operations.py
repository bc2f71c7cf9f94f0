"""The fields of an operation: of its parameters, its body and its responses, each read once."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from ..call import UNSET
from ..errors import DanglingReference
from ..messages import bare_media_type
from ..openapi import Operation, Parameter, Spec
from .field import Field, read_field
from .validation import is_valid

T = TypeVar("T")

_cache: WeakKeyDictionary[Operation, dict[Any, Any]] = WeakKeyDictionary()


def parameter_fields(operation: Operation) -> tuple[Field, ...]:
    """Return the fields of an operation's parameters, named by their keys, in the document's order."""
    return cached(
        operation,
        "parameters",
        lambda: tuple(_parameter_field(operation.spec, parameter) for parameter in operation.parameters),
    )


def parameter_fields_by_name(operation: Operation) -> Mapping[str, Field]:
    """Return the fields of an operation's parameters by their keys."""
    return cached(operation, "parameters by name", lambda: {f.name: f for f in parameter_fields(operation)})


def body_field(operation: Operation, media_type: str | None = None) -> Field | None:
    """Return the field of an operation's body; None if it takes none."""
    return cached(operation, ("body", media_type), lambda: _read_body(operation, media_type))


def body_example(operation: Operation, media_type: str | None = None) -> Any:
    """Return a copy of the document's example of a whole body; UNSET if there is none, or if it is not valid."""
    field = body_field(operation, media_type)
    if field is None or field.body_example is UNSET or not is_valid(field, field.body_example):
        return UNSET
    return copy.deepcopy(field.body_example)


def response_field(operation: Operation, status: int, media_type: str = "application/json") -> Field | None:
    """Return the field of a response's body; None if the document does not declare it."""
    return cached(operation, (status, media_type), lambda: _read_response(operation, status, media_type))


def cached(operation: Operation, key: Any, compute: Callable[[], T]) -> T:
    """Return what `compute` returned for this operation and key the first time."""
    values = _cache.setdefault(operation, {})
    if key not in values:
        values[key] = compute()
    result: T = values[key]
    return result


def _read_body(operation: Operation, media_type: str | None) -> Field | None:
    body = operation.body
    if body is None:
        return None
    wanted = bare_media_type(media_type or body.media_type)
    media = next((entry for name, entry in body.content.items() if bare_media_type(name) == wanted), {})
    field = read_field(operation.spec, body.schema(media_type), "", body.required)
    return replace(field, body_example=_media_example(operation.spec, media))


def _media_example(spec: Spec, media: Mapping[str, Any]) -> Any:
    """Return the example of a media type, or the first of its examples; UNSET if there is none."""
    if "example" in media:
        return media["example"]
    examples = media.get("examples")
    listed = list(examples.values()) if isinstance(examples, Mapping) else []
    try:
        return spec.resolve(listed[0]).get("value", UNSET) if listed else UNSET
    except DanglingReference:
        return UNSET


def _read_response(operation: Operation, status: int, media_type: str) -> Field | None:
    declared = operation.response(status)
    schema = declared.schema(media_type) if declared else None
    return read_field(operation.spec, schema) if schema is not None else None


def _parameter_field(spec: Spec, parameter: Parameter) -> Field:
    field = read_field(spec, parameter.schema, parameter.key, parameter.required)
    if field.kind == "any" and parameter.media_type is None:  # a parameter without a type is text
        field = replace(field, kind="text", type_name="string")
    extra: dict[str, Any] = {}
    if parameter.description:
        extra["description"] = parameter.description
    if parameter.example is not None:
        extra["example"] = parameter.example
    return replace(field, schema={**field.schema, **extra})
