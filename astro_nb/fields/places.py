"""The fields of an operation: of its parameters, its body, its answers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..spec import Operation, Parameter, Spec
from .tree import Field, read


def parameter_fields(operation: Operation) -> tuple[Field, ...]:
    """The fields of an operation's parameters, named by their keys, in the document's order."""
    return tuple(_parameter_field(operation.spec, parameter) for parameter in operation.parameters)


def body_field(operation: Operation, media_type: str | None = None) -> Field | None:
    """The field of an operation's body; None where it takes none."""
    body = operation.body
    return read(operation.spec, body.schema(media_type), "", body.required) if body else None


def response_field(operation: Operation, status: int, media_type: str = "application/json") -> Field | None:
    """The field of an answer; None where the document does not declare it."""
    declared = operation.response(status)
    schema = declared.schema(media_type) if declared else None
    return read(operation.spec, schema) if schema is not None else None


def _parameter_field(spec: Spec, parameter: Parameter) -> Field:
    found = read(spec, parameter.schema, parameter.key, parameter.required)
    extra: dict[str, Any] = {}
    if parameter.description:
        extra["description"] = parameter.description
    if parameter.example is not None:
        extra["example"] = parameter.example
    return replace(found, schema={**found.schema, **extra})
