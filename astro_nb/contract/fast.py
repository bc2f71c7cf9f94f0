"""The check on every message: the body against its schema, in microseconds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal
from weakref import WeakKeyDictionary

import jsonschema_rs

from ..errors import DanglingReference
from ..message import Response, is_json
from ..pick import to_path
from ..spec import Operation
from .translate import Direction, Translation

MOST = 50
"""Violations told of one message."""


@dataclass(frozen=True)
class Violation:
    """One way in which a message departs from the document.

    Attributes:
        location: where in the body: keys and indices.
        message: what is wrong, in words.
        keyword: the schema keyword that is broken, or "status", "media type", "document".
        severity: "error", or "note" for what the document merely leaves unsaid.
    """

    location: tuple[str | int, ...]
    message: str
    keyword: str
    severity: Literal["error", "note"] = "error"

    @property
    def path(self) -> str:
        """The place as a JSONPath."""
        return to_path(self.location)


def check_request_body(operation: Operation, body: Any, media_type: str | None = None) -> tuple[Violation, ...]:
    """How a JSON body, templates resolved, departs from the operation's schema; empty when it keeps to it."""
    if operation.body is None:
        return (Violation((), f"{operation.id} takes no body.", "document"),)
    media = media_type or operation.body.media_type
    return _check(operation, "request", media, operation.body.schema(media), body)


def check_parameter(operation: Operation, key: str, value: Any) -> tuple[Violation, ...]:
    """How one parameter's value departs from its schema."""
    parameter = operation.parameter(key)
    return _check(operation, "request", f"parameter {key}", parameter.schema, value) if parameter else ()


def check_response(operation: Operation, response: Response) -> tuple[Violation, ...]:
    """How an answer departs from the document: its status, its media type, its body."""
    declared = operation.response(response.status)
    if declared is None:
        return (Violation((), f"The document does not declare status {response.status}.", "status", "note"),)
    if not response.body or not declared.content:
        return _bodiless(bool(response.body), bool(declared.content), response.status)
    schema = declared.schema(response.media_type)
    if schema is None:
        wanted = " or ".join(declared.content)
        return (Violation((), f"The body is {response.media_type or 'untyped'}, not {wanted}.", "media type"),)
    if not is_json(response.media_type):
        return ()
    if not response.is_json:
        return (Violation((), "The body is declared as JSON and is not.", "media type"),)
    return _check(operation, "response", f"{declared.status} {response.media_type}", schema, response.json())


def _bodiless(given: bool, declared: bool, status: int) -> tuple[Violation, ...]:
    if given == declared:
        return ()
    if given:
        return (Violation((), f"A body came with {status}; the document declares none.", "media type", "note"),)
    return (Violation((), f"The document declares a body for {status}; none came.", "media type"),)


_Validators = dict[tuple[Direction, str], tuple[Any, tuple[Violation, ...]]]
_compiled: WeakKeyDictionary[Operation, _Validators] = WeakKeyDictionary()


def _check(operation: Operation, direction: Direction, label: str, schema: Any, value: Any) -> tuple[Violation, ...]:
    kept = _compiled.setdefault(operation, {})
    if (direction, label) not in kept:
        kept[direction, label] = _compile(operation, direction, schema)
    validator, faults = kept[direction, label]
    if validator is None or validator.is_valid(value):
        return faults
    found = []
    for error in validator.iter_errors(value):
        found.append(_violation(error))
        if len(found) == MOST:
            break
    return (*faults, *found)


def _compile(operation: Operation, direction: Direction, schema: Any) -> tuple[Any, tuple[Violation, ...]]:
    translation = Translation(operation.spec, direction, _pattern_compiles)
    try:
        whole = translation.whole(schema)
        validator = jsonschema_rs.Draft202012Validator(whole, validate_formats=True)
    except (DanglingReference, ValueError, jsonschema_rs.ValidationError) as error:
        text = str(error).split("\n")[0]
        return None, (Violation((), f"The document's schema cannot be used: {text}", "document", "note"),)
    return validator, tuple(Violation((), text, "document", "note") for text in translation.warnings)


@lru_cache(maxsize=1024)
def _pattern_compiles(pattern: str) -> bool:
    try:
        jsonschema_rs.Draft202012Validator({"pattern": pattern})
    except (ValueError, jsonschema_rs.ValidationError):
        return False
    return True


def _violation(error: Any) -> Violation:
    kind = error.kind
    keyword = str(getattr(kind, "name", ""))
    location = tuple(error.instance_path)
    if keyword == "required":
        return Violation((*location, str(kind.property)), f"{kind.property} is required.", keyword)
    return Violation(location, _WORDS.get(keyword, _as_told)(error), keyword)


def _as_told(error: Any) -> str:
    text = str(error.message)
    return text if len(text) < 240 else text[:240] + " …"


def _value(error: Any) -> str:
    text = repr(error.instance) if not isinstance(error.instance, Mapping | list) else type(error.instance).__name__
    return text if len(text) < 60 else text[:57] + "…"


def _enum(error: Any) -> str:
    options = error.kind.options
    listed = ", ".join(map(str, options[:12])) if isinstance(options, list) else str(options)
    return f"{_value(error)} is not one of {listed}."


_WORDS: dict[str, Callable[[Any], str]] = {
    "enum": _enum,
    "type": lambda e: f"{_value(e)} is not of type {' or '.join(e.kind.types)}.",
    "maxLength": lambda e: f"It is longer than {e.kind.limit} characters.",
    "minLength": lambda e: f"It is shorter than {e.kind.limit} characters.",
    "maximum": lambda e: f"{_value(e)} is more than {e.kind.limit}.",
    "minimum": lambda e: f"{_value(e)} is less than {e.kind.limit}.",
    "minItems": lambda e: f"At least {e.kind.limit} entries are needed.",
    "maxItems": lambda e: f"At most {e.kind.limit} entries are allowed.",
    "format": lambda e: f"{_value(e)} is not a valid {e.kind.format}.",
    "pattern": lambda e: f"{_value(e)} does not match {e.kind.pattern}.",
}
