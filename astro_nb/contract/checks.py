"""The check of every message: the body against its schema, in microseconds; and the wording of violations.

A violation is shown, logged and stored, so its message never holds a secret: objects and lists are never quoted, and a
value only as `mask_secrets` would show it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal
from weakref import WeakKeyDictionary

from ..call import UNSET
from ..data import Location, replace_value, walk
from ..json_text import Number
from ..jsonpath import to_path
from ..messages import Response, is_json
from ..openapi import Operation
from ..schema import (
    CompiledSchema,
    Field,
    body_field,
    compile_schema,
    mask_secrets,
    parameter_fields_by_name,
    response_field,
)
from ..secrets import MASK

MAX_VIOLATIONS = 50  # reported for one message
_MAX_QUOTED = 60  # characters of a value in a message
_MAX_LISTED = 12  # allowed values or names in a message


@dataclass(frozen=True)
class Violation:
    """One way in which a message does not match the document.

    Attributes:
        location: where in the body: names and indices.
        message: what is wrong; it never holds a secret.
        keyword: the schema keyword that is violated, or "status", "media type", "document", "json".
        severity: "error", or "note" for what the document leaves open.
        parameter: the name of the parameter that it is in; empty for the body or the whole message.
    """

    location: Location
    message: str
    keyword: str
    severity: Literal["error", "note"] = "error"
    parameter: str = ""

    @property
    def path(self) -> str:
        """The location as a JSONPath."""
        return to_path(self.location)


def check_request_body(operation: Operation, body: Any, media_type: str | None = None) -> tuple[Violation, ...]:
    """Return how a JSON body, with templates resolved, violates the operation's schema; empty if it is valid."""
    if operation.body is None:
        return (Violation((), f"{operation.id} takes no body.", "document"),)
    media = media_type or operation.body.media_type
    schema = operation.body.schema(media)
    return _check(operation, "request", media, schema, body, lambda: body_field(operation, media))


def check_parameter(operation: Operation, key: str, value: Any) -> tuple[Violation, ...]:
    """Return how one parameter's value violates its schema; empty if it is valid."""
    parameter = operation.parameter(key)
    if parameter is None:
        return ()
    field = lambda: parameter_fields_by_name(operation).get(key)  # noqa: E731  # only read if something is wrong
    return _check(operation, "request", f"parameter {key}", parameter.schema, value, field)


def check_response(operation: Operation, response: Response) -> tuple[Violation, ...]:
    """Return how a response does not match the document: its status, its media type, its body."""
    return (*check_reading(operation, response), *_check_declared(operation, response))


def check_reading(operation: Operation, response: Response) -> tuple[Violation, ...]:
    """Return a note on everything that is unusual about the body: its coding, its charset, NaN, a name given twice."""
    field = lambda: response_field(operation, response.status, response.media_type)  # noqa: E731  # rarely read
    found = [Violation((), response.note, "coding", "note")] if response.note else []
    if response.is_cut:
        found.append(Violation((), "The body ends in the middle of JSON: it was cut.", "json", "note"))
    for note in response.json_notes:
        message = note.message
        if note.earlier is not UNSET:
            data = response.json()
            earlier = MaskedValue(replace_value(data, note.location, note.earlier), field).describe(note.location)
            last = MaskedValue(data, field).describe(note.location)
            message += f" First: {_lower(earlier)}; last: {_lower(last)}."
        found.append(Violation(note.location, message, "json", "note"))
    return tuple(found)


def _lower(phrase: str) -> str:
    return phrase.lower() if phrase in ("An object", "A list") else "a secret" if phrase == "The value" else phrase


def _check_declared(operation: Operation, response: Response) -> tuple[Violation, ...]:
    declared = operation.response(response.status)
    if declared is None:
        return (undeclared_status(response.status),)
    if not response.body or not declared.content:
        return _check_presence(bool(response.body), bool(declared.content), response.status)
    media = response.content_type
    schema = declared.schema(media)
    if schema is None:
        expected = " or ".join(declared.content)
        return (
            Violation(
                (), f"The body is {response.media_type or 'without a media type'}, not {expected}.", "media type"
            ),
        )
    if not is_json(media):
        return ()
    if not response.is_json:
        return (Violation((), "The body is declared as JSON, but it is not JSON.", "media type"),)
    field = lambda: response_field(operation, response.status, media)  # noqa: E731  # only read if something is wrong
    return _check(operation, "response", f"{declared.status} {media}", schema, response.json(), field)


def undeclared_status(status: int) -> Violation:
    """Return the note that the document does not declare a status."""
    return Violation((), f"The document does not declare status {status}.", "status", "note")


def _check_presence(has_body: bool, is_declared: bool, status: int) -> tuple[Violation, ...]:
    if has_body and not is_declared:
        message = f"The response with status {status} has a body; the document declares none."
        return (Violation((), message, "media type", "note"),)
    message = f"The document declares a body for status {status}; the response has none."
    return () if has_body == is_declared else (Violation((), message, "media type"),)


_compiled: WeakKeyDictionary[Operation, dict[tuple[str, str], CompiledSchema]] = WeakKeyDictionary()


def _check(
    operation: Operation,
    direction: Literal["request", "response"],
    label: str,
    schema: Any,
    value: Any,
    field: Callable[[], Field | None],
) -> tuple[Violation, ...]:
    cache = _compiled.setdefault(operation, {})
    if (direction, label) not in cache:
        cache[direction, label] = compile_schema(operation.spec, direction, schema)
    compiled = cache[direction, label]
    notes = tuple(Violation((), text, "document", "note") for text in compiled.warnings)
    try:
        if compiled.is_valid(value):
            return notes
        errors = itertools.islice(compiled.iter_errors(value), MAX_VIOLATIONS)
        masked = MaskedValue(value, field)
        return (*notes, *(_violation(error, masked) for error in errors))
    except ValueError:  # bytes, names that are not text, text that is not Unicode, hundreds of levels
        return (*notes, *_explain_unchecked(value))


_LIMITS = ("limit", "options", "types", "format", "pattern", "expected_value", "multiple_of", "unexpected")
"""The attributes of an error in jsonschema_rs that hold what its keyword requires."""


def _violation(error: Any, masked: MaskedValue) -> Violation:
    kind, location = error.kind, tuple(error.instance_path)
    keyword = str(getattr(kind, "name", ""))
    if keyword == "required":
        return Violation((*location, str(kind.property)), f"{kind.property} is required.", keyword)
    limit = next((getattr(kind, name) for name in _LIMITS if hasattr(kind, name)), None)
    return Violation(location, describe_violation(keyword, masked.describe(location), limit), keyword)


def _explain_unchecked(value: Any) -> tuple[Violation, ...]:
    """Return why a value cannot be checked: which parts of it are not JSON; else it is nested too deeply."""
    found = tuple(itertools.islice(_not_json(value), MAX_VIOLATIONS))
    return found or (Violation((), "It is nested too deeply to be checked here.", "json", "note"),)


def _not_json(value: Any) -> Iterator[Violation]:
    for location, inner in walk(value):
        if isinstance(inner, dict):
            for name in inner:
                if not _is_unicode(name):
                    yield Violation(location, f"A name is {_describe_type(name)}; JSON names are text.", "json")
        elif not (inner is None or isinstance(inner, Number | list | tuple) or _is_unicode(inner)):
            yield Violation(location, f"This is {_describe_type(inner)}, which JSON does not have.", "json")


def _is_unicode(value: Any) -> bool:
    return isinstance(value, str) and not any("\ud800" <= character <= "\udfff" for character in value)


def _describe_type(value: Any) -> str:
    return "text that is not Unicode" if isinstance(value, str) else f"of the type {type(value).__name__}"


class MaskedValue:
    """A value for messages; its secrets are masked when the first violation needs it."""

    def __init__(self, value: Any, field: Callable[[], Field | None]) -> None:
        self._value = value
        self._field = field
        self._masked: list[Any] = []

    def describe(self, location: Location) -> str:
        """Return a phrase for the value at a location: the value if it is short and plain, else its type."""
        if not self._masked:
            self._masked.append(mask_secrets(self._field(), self._value))
        value = self._masked[0]
        for step in location:
            if value == MASK:
                return "The value"  # it is inside a secret
            inside = value if isinstance(value, dict) else dict(enumerate(value)) if isinstance(value, list) else {}
            # jsonschema_rs gives a name of digits as a number, and leaves out an empty name
            value = inside.get(step, inside.get(str(step), MASK))
        return _quote(value)


def describe_violation(keyword: str, value: str, limit: Any) -> str:
    """Return what is wrong with a value, as `MaskedValue.describe` names it; `limit` is what the keyword requires."""
    message = _MESSAGES.get(keyword)
    return message(value, limit) if message else f"{value} violates {keyword}."


def _quote(value: Any) -> str:
    if isinstance(value, dict | list):
        return "An object" if isinstance(value, dict) else "A list"
    text = "The value" if value == MASK else str(value) if isinstance(value, Decimal) else repr(value)
    return text if len(text) < _MAX_QUOTED else text[: _MAX_QUOTED - 3] + "…"


def _join(limit: Any, separator: str = ", ") -> str:
    return separator.join(map(str, limit[:_MAX_LISTED])) if isinstance(limit, list | tuple) else str(limit)


def _names(limit: Any) -> str:
    return _join(limit) if isinstance(limit, list) and limit else "An undeclared name"


def _count(limit: Any, singular: str, plural: str) -> str:
    return f"{limit} {singular if limit == 1 else plural}"


_MESSAGES: dict[str, Callable[[str, Any], str]] = {
    "enum": lambda value, limit: f"{value} is not one of {_join(limit)}.",
    "const": lambda value, limit: f"{value} is not {limit!r}.",
    "type": lambda value, limit: f"{value} is not of type {_join(limit, ' or ')}.",
    "format": lambda value, limit: f"{value} is not a valid {limit}.",
    "pattern": lambda value, limit: f"{value} does not match {limit}.",
    "maxLength": lambda value, limit: f"It is longer than {_count(limit, 'character', 'characters')}.",
    "minLength": lambda value, limit: f"It is shorter than {_count(limit, 'character', 'characters')}.",
    "maximum": lambda value, limit: f"{value} is more than {limit}.",
    "minimum": lambda value, limit: f"{value} is less than {limit}.",
    "exclusiveMaximum": lambda value, limit: f"{value} is not less than {limit}.",
    "exclusiveMinimum": lambda value, limit: f"{value} is not more than {limit}.",
    "multipleOf": lambda value, limit: f"{value} is not a multiple of {limit}.",
    "minItems": lambda value, limit: f"At least {_count(limit, 'item is', 'items are')} required.",
    "maxItems": lambda value, limit: f"At most {_count(limit, 'item is', 'items are')} allowed.",
    "uniqueItems": lambda value, limit: "Its items are not all different.",
    "contains": lambda value, limit: "It lacks an item that it must contain.",
    "minProperties": lambda value, limit: f"At least {_count(limit, 'name is', 'names are')} required.",
    "maxProperties": lambda value, limit: f"At most {_count(limit, 'name is', 'names are')} allowed.",
    "additionalProperties": lambda value, limit: f"{_names(limit)} is not allowed here.",
    "unevaluatedProperties": lambda value, limit: f"{_names(limit)} is not allowed here.",
    "falseSchema": lambda value, limit: f"{value} is not allowed here.",
    "not": lambda value, limit: f"{value} is what it must not be.",
    "anyOf": lambda value, limit: f"{value} matches none of the alternatives.",
    "oneOf": lambda value, limit: f"{value} does not match exactly one of the alternatives.",
    "oneOfMultiple": lambda value, limit: f"{value} matches more than one of the alternatives.",
}
"""The message of each keyword."""
