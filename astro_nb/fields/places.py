"""The fields of an operation: of its parameters, its body, its answers."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from weakref import WeakKeyDictionary

from ..call import UNSET
from ..errors import DanglingReference
from ..message import bare
from ..spec import Operation, Parameter, Spec
from .fit import keeps
from .tree import Field, read

_kept: WeakKeyDictionary[Operation, dict[Any, Any]] = WeakKeyDictionary()


def parameter_fields(operation: Operation) -> tuple[Field, ...]:
    """The fields of an operation's parameters, named by their keys, in the document's order."""
    found: tuple[Field, ...] = once(operation, "parameters", lambda: _parameters(operation))
    return found


def parameters_by_name(operation: Operation) -> Mapping[str, Field]:
    """The fields of an operation's parameters by their keys."""
    found: Mapping[str, Field] = once(operation, "by name", lambda: {f.name: f for f in parameter_fields(operation)})
    return found


def body_field(operation: Operation, media_type: str | None = None) -> Field | None:
    """The field of an operation's body; None where it takes none."""
    found: Field | None = once(operation, ("body", media_type), lambda: _body(operation, media_type))
    return found


def body_example(operation: Operation, media_type: str | None = None) -> Any:
    """The document's example of a whole body, if it keeps to the schema, for the caller to change; else UNSET."""
    field = body_field(operation, media_type)
    known = field is not None and field.whole is not UNSET and keeps(field, field.whole)
    return copy.deepcopy(field.whole) if field is not None and known else UNSET


def response_field(operation: Operation, status: int, media_type: str = "application/json") -> Field | None:
    """The field of an answer; None where the document does not declare it."""
    found: Field | None = once(operation, (status, media_type), lambda: _response(operation, status, media_type))
    return found


def once(operation: Operation, key: Any, read_it: Callable[[], Any]) -> Any:
    """What is read once for each operation, by a key of its own: every call and every answer needs it."""
    kept = _kept.setdefault(operation, {})
    if key not in kept:
        kept[key] = read_it()
    return kept[key]


def _parameters(operation: Operation) -> tuple[Field, ...]:
    return tuple(_parameter_field(operation.spec, parameter) for parameter in operation.parameters)


def _body(operation: Operation, media_type: str | None) -> Field | None:
    body = operation.body
    if body is None:
        return None
    wanted = bare(media_type or body.media_type)
    media = next((entry for name, entry in body.content.items() if bare(name) == wanted), {})
    found = read(operation.spec, body.schema(media_type), "", body.required)
    return replace(found, whole=_example(operation.spec, media))


def _example(spec: Spec, media: Mapping[str, Any]) -> Any:
    """The example of a media type, or the first of its examples."""
    if "example" in media:
        return media["example"]
    examples = media.get("examples")
    named = list(examples.values()) if isinstance(examples, Mapping) else []
    try:
        return spec.resolve(named[0]).get("value", UNSET) if named else UNSET
    except DanglingReference:
        return UNSET


def _response(operation: Operation, status: int, media_type: str) -> Field | None:
    declared = operation.response(status)
    schema = declared.schema(media_type) if declared else None
    return read(operation.spec, schema) if schema is not None else None


def _parameter_field(spec: Spec, parameter: Parameter) -> Field:
    found = read(spec, parameter.schema, parameter.key, parameter.required)
    if found.kind == "any" and parameter.media_type is None:  # where nothing is said, a parameter is text
        found = replace(found, kind="text", type_name="string")
    extra: dict[str, Any] = {}
    if parameter.description:
        extra["description"] = parameter.description
    if parameter.example is not None:
        extra["example"] = parameter.example
    return replace(found, schema={**found.schema, **extra})
