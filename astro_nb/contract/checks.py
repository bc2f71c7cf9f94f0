"""What is wrong with a value, in words that never hold a secret.

A violation is drawn, logged and stored. Objects and lists are never quoted, and a value only as `mask` would show it.

The check on every message: the body against its schema, in microseconds.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal
from weakref import WeakKeyDictionary

from ..data import Location
from ..jsonpath import to_path
from ..messages import Response, is_json
from ..openapi import Operation
from ..schema import Field, body_field, mask_secrets, parameter_fields, response_field
from ..secrets import MASK
from .json_schema import Direction, Translation, asks_too_much


class Shown:
    """A value as it may be shown, its secrets starred out when the first violation asks for it."""

    def __init__(self, value: Any, field: Callable[[], Field | None]) -> None:
        self._value = value
        self._field = field
        self._masked: list[Any] = []

    def at(self, location: Location) -> str:
        """The value at a location in words: a plain one as it is, all else by what it is."""
        if not self._masked:
            self._masked.append(mask_secrets(self._field(), self._value))
        found = self._masked[0]
        for step in location:
            if found == MASK:
                return "The value"  # it stands inside a secret
            inside = found if isinstance(found, dict) else dict(enumerate(found)) if isinstance(found, list) else {}
            found = inside.get(step, inside.get(str(step), MASK))  # a name of digits is told as a number, "" not at all
        return _quoted(found)


def told(keyword: str, shown: str, limit: Any) -> str:
    """What is wrong, from the broken keyword, the value as it may be shown, and what the keyword asks for."""
    words = _WORDS.get(keyword)
    return words(shown, limit) if words else f"{shown} does not keep to {keyword}."


def _quoted(value: Any) -> str:
    if isinstance(value, dict | list):
        return "An object" if isinstance(value, dict) else "A list"
    text = "The value" if value == MASK else repr(value)
    return text if len(text) < 60 else text[:57] + "…"


def _listed(limit: Any) -> str:
    return ", ".join(map(str, limit[:12])) if isinstance(limit, list | tuple) else str(limit)


def _types(limit: Any) -> str:
    return " or ".join(map(str, limit)) if isinstance(limit, list | tuple) else str(limit)


_WORDS: dict[str, Callable[[str, Any], str]] = {
    "enum": lambda shown, limit: f"{shown} is not one of {_listed(limit)}.",
    "const": lambda shown, limit: f"{shown} is not {limit!r}.",
    "type": lambda shown, limit: f"{shown} is not of type {_types(limit)}.",
    "format": lambda shown, limit: f"{shown} is not a valid {limit}.",
    "pattern": lambda shown, limit: f"{shown} does not match {limit}.",
    "maxLength": lambda shown, limit: f"It is longer than {limit} characters.",
    "minLength": lambda shown, limit: f"It is shorter than {limit} characters.",
    "maximum": lambda shown, limit: f"{shown} is more than {limit}.",
    "minimum": lambda shown, limit: f"{shown} is less than {limit}.",
    "exclusiveMaximum": lambda shown, limit: f"{shown} is not less than {limit}.",
    "exclusiveMinimum": lambda shown, limit: f"{shown} is not more than {limit}.",
    "multipleOf": lambda shown, limit: f"{shown} is not a multiple of {limit}.",
    "minItems": lambda shown, limit: f"At least {limit} entries are needed.",
    "maxItems": lambda shown, limit: f"At most {limit} entries are allowed.",
    "uniqueItems": lambda shown, limit: "Its entries are not all different.",
    "contains": lambda shown, limit: "Its entries are not what they must contain.",
    "minProperties": lambda shown, limit: f"At least {limit} names are needed.",
    "maxProperties": lambda shown, limit: f"At most {limit} names are allowed.",
    "additionalProperties": lambda shown, limit: f"{_names(limit)} is not allowed here.",
    "unevaluatedProperties": lambda shown, limit: f"{_names(limit)} is not allowed here.",
    "falseSchema": lambda shown, limit: f"{shown} is not allowed here.",
    "not": lambda shown, limit: f"{shown} is what it must not be.",
    "anyOf": lambda shown, limit: f"{shown} fits none of the alternatives.",
    "oneOf": lambda shown, limit: f"{shown} does not fit exactly one of the alternatives.",
    "oneOfMultiple": lambda shown, limit: f"{shown} fits more than one of the alternatives.",
}


def _names(limit: Any) -> str:
    return _listed(limit) if isinstance(limit, list) and limit else "A name that is not declared"


MOST = 50
"""Violations told of one message."""


@dataclass(frozen=True)
class Violation:
    """One way in which a message departs from the document.

    Attributes:
        location: where in the body: keys and indices.
        message: what is wrong, in words; it never holds a secret.
        keyword: the schema keyword that is broken, or "status", "media type", "document", "json".
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
    schema = operation.body.schema(media)
    return _check(operation, "request", media, schema, body, lambda: body_field(operation, media))


def check_parameter(operation: Operation, key: str, value: Any) -> tuple[Violation, ...]:
    """How one parameter's value departs from its schema."""
    parameter = operation.parameter(key)
    if parameter is None:
        return ()
    field = lambda: next((f for f in parameter_fields(operation) if f.name == key), None)  # noqa: E731  # read late
    return _check(operation, "request", f"parameter {key}", parameter.schema, value, field)


def check_response(operation: Operation, response: Response) -> tuple[Violation, ...]:
    """How an answer departs from the document: its status, its media type, its body."""
    declared = operation.response(response.status)
    if declared is None:
        return (Violation((), f"The document does not declare status {response.status}.", "status", "note"),)
    if not response.body or not declared.content:
        return _bodiless(bool(response.body), bool(declared.content), response.status)
    media = response.media_type
    schema = declared.schema(media)
    if schema is None:
        wanted = " or ".join(declared.content)
        return (Violation((), f"The body is {media or 'untyped'}, not {wanted}.", "media type"),)
    if not is_json(media):
        return ()
    if not response.is_json:
        return (Violation((), "The body is declared as JSON and is not.", "media type"),)
    field = lambda: response_field(operation, response.status, media)  # noqa: E731  # read where something is wrong
    return _check(operation, "response", f"{declared.status} {media}", schema, response.json(), field)


def _bodiless(given: bool, declared: bool, status: int) -> tuple[Violation, ...]:
    if given == declared:
        return ()
    if given:
        return (Violation((), f"A body came with {status}; the document declares none.", "media type", "note"),)
    return (Violation((), f"The document declares a body for {status}; none came.", "media type"),)


TOO_MUCH = Violation((), "The document's schema unfolds to more than can be checked.", "document", "note")
"""What is said of a message whose schema would keep the machine busy for ever."""

_Validators = dict[tuple[Direction, str], tuple[Any, tuple[Violation, ...]]]
_compiled: WeakKeyDictionary[Operation, _Validators] = WeakKeyDictionary()


def _check(
    operation: Operation, direction: Direction, label: str, schema: Any, value: Any, field: Callable[[], Field | None]
) -> tuple[Violation, ...]:
    kept = _compiled.setdefault(operation, {})
    if (direction, label) not in kept:
        kept[direction, label] = _compile(operation, direction, schema)
    validator, faults = kept[direction, label]
    try:
        if validator is None or validator.is_valid(value):
            return faults
        errors = itertools.islice(validator.iter_errors(value), MOST)
        shown = Shown(value, field)
        return (*faults, *(_violation(error, shown) for error in errors))
    except ValueError:  # bytes, names that are no text, a text that is no Unicode, hundreds of levels
        return (*faults, *_unjudged(value))


def _compile(operation: Operation, direction: Direction, schema: Any) -> tuple[Any, tuple[Violation, ...]]:
    import jsonschema_rs  # imported at first use: what a large document is read with has been given back by then

    translation = Translation(operation.spec, direction, _pattern_compiles)
    try:
        whole = translation.whole(schema)
        if asks_too_much(whole):
            return None, (TOO_MUCH,)
        validator = jsonschema_rs.Draft202012Validator(whole, validate_formats=True)
    except RecursionError:
        return None, (TOO_MUCH,)
    except (ValueError, jsonschema_rs.ValidationError) as error:
        text = str(error).split("\n")[0]
        return None, (Violation((), f"The document's schema cannot be used: {text}", "document", "note"),)
    return validator, tuple(Violation((), text, "document", "note") for text in translation.warnings)


@lru_cache(maxsize=1024)
def _pattern_compiles(pattern: str) -> bool:
    import jsonschema_rs  # as above

    try:
        jsonschema_rs.Draft202012Validator({"pattern": pattern})
    except (ValueError, jsonschema_rs.ValidationError):
        return False
    return True


_LIMITS = ("limit", "options", "types", "format", "pattern", "expected_value", "multiple_of", "unexpected")
"""What a kind of error tells of its keyword, by the names that jsonschema_rs has for it."""


def _violation(error: Any, shown: Shown) -> Violation:
    kind, location = error.kind, tuple(error.instance_path)
    keyword = str(getattr(kind, "name", ""))
    if keyword == "required":
        return Violation((*location, str(kind.property)), f"{kind.property} is required.", keyword)
    limit = next((getattr(kind, name) for name in _LIMITS if hasattr(kind, name)), None)
    return Violation(location, told(keyword, shown.at(location), limit), keyword)


def _unjudged(value: Any) -> tuple[Violation, ...]:
    """Why a value cannot be judged: what of it JSON cannot say, and where; else it is nested too deeply."""
    found = tuple(itertools.islice(_not_json(value), MOST))
    return found or (Violation((), "It is nested too deeply to be checked here.", "json", "note"),)


def _not_json(value: Any) -> Iterator[Violation]:
    left: list[tuple[Any, Location]] = [(value, ())]
    for inner, at in left:  # grows as it goes
        if isinstance(inner, dict):
            wrong = [name for name in inner if not _is_unicode(name)]
            yield from (Violation(at, f"A name is {_kind(name)}; in JSON it is a text.", "json") for name in wrong)
            left += [(deeper, (*at, name)) for name, deeper in inner.items() if _is_unicode(name)]
        elif isinstance(inner, list | tuple):
            left += [(deeper, (*at, index)) for index, deeper in enumerate(inner)]
        elif not (inner is None or isinstance(inner, int | float) or _is_unicode(inner)):
            yield Violation(at, f"This is {_kind(inner)}, which JSON cannot say.", "json")


def _is_unicode(value: Any) -> bool:
    return isinstance(value, str) and not any("\ud800" <= character <= "\udfff" for character in value)


def _kind(value: Any) -> str:
    return "a text that is no Unicode" if isinstance(value, str) else f"of the type {type(value).__name__}"
