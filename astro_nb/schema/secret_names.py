"""The names of all secret fields that a schema declares, at any depth and in any branch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..openapi import Operation, Spec
from .discriminators import read_discriminator, read_family
from .field import Field, read_field
from .operations import memoize

ROOT = ""
"""Stands for the whole value, if that is a secret."""

_BY_NAME = ("properties", "patternProperties", "dependentSchemas", "$defs")
_LISTED = ("allOf", "anyOf", "oneOf", "prefixItems")
_SINGLE = (
    "items",
    "additionalProperties",
    "unevaluatedItems",
    "unevaluatedProperties",
    "contains",
    "if",
    "then",
    "else",
)
_FIRST_ERROR = 400
_MAX_DEPTH = 4  # lists of lists, unions of unions


def response_secret_names(operation: Operation, status: int) -> Mapping[str, str | None]:
    """Return the names of the secret fields of a response, each with the sibling that decides whether it is one.

    All media types of the status count. For a status that the document does not declare, all responses count: the
    server may send the same body with another status.
    """
    return memoize(operation, ("secret names", status), lambda: _of_response(operation, status))


def _of_response(operation: Operation, status: int) -> Mapping[str, str | None]:
    declared = operation.response(status)
    responses = [declared] if declared and declared.content else list(operation.responses.values())
    found: dict[str, str | None] = {}
    for response in responses:
        for media in response.content:
            found.update(secret_names(operation.spec, response.schema(media)))
    if status >= _FIRST_ERROR and not (declared and declared.content):
        found.pop(ROOT, None)  # an error is no secret as a whole
    return found


def secret_names(spec: Spec, schema: Any) -> dict[str, str | None]:
    """Return the names of the secret fields of a schema, each with the sibling that decides whether it is one.

    `ROOT` is among them if the whole value is a secret.
    """
    found: dict[str, str | None] = {}
    if _holds_secret(read_field(spec, schema), _MAX_DEPTH):
        found[ROOT] = None
    seen: set[int] = set()
    pending = [schema]
    while pending:
        plain = spec.resolve_or_empty(pending.pop())
        if id(plain) in seen:
            continue
        seen.add(id(plain))
        properties = plain.get("properties")
        for name, inner in properties.items() if isinstance(properties, Mapping) else ():
            field = read_field(spec, inner, str(name))
            names = [str(name), *_name_in_xml(field.schema)]
            if _holds_secret(field, _MAX_DEPTH):
                found.update(dict.fromkeys(names))
            elif field.secret_when:
                found = {**dict.fromkeys(names, field.secret_when), **found}
        pending += _subschemas(spec, plain)
    return found


def _name_in_xml(schema: Mapping[str, Any]) -> Iterator[str]:
    """Yield the name of the element or attribute, if it is another one (OpenAPI 3.1.1, section 4.8.26)."""
    declared = schema.get("xml")
    name = declared.get("name") if isinstance(declared, Mapping) else None
    if isinstance(name, str):
        yield name


def _holds_secret(field: Field, depth: int) -> bool:
    """Whether a field, or what it holds without a name of its own, is a secret."""
    if field.secret or not depth:
        return field.secret
    forms = [form for form in field.alternatives if form is not field]
    inner = [*forms, *field.prefix, *([field.item] if field.item is not None else [])]
    return any(_holds_secret(part, depth - 1) for part in inner)


def _subschemas(spec: Spec, schema: Mapping[str, Any]) -> Iterator[Any]:
    for key in _BY_NAME:
        if isinstance(schema.get(key), Mapping):
            yield from schema[key].values()
    for key in _LISTED:
        if isinstance(schema.get(key), list):
            yield from schema[key]
    yield from (schema[key] for key in _SINGLE if isinstance(schema.get(key), Mapping))
    for discriminator in (read_discriminator(spec, schema), read_family(spec, schema)):
        yield from (branch.schema for branch in (discriminator.branches if discriminator else ()))
