"""Whether a value matches a schema. Only this module uses jsonschema-rs.

| question                                                     | function         |
|--------------------------------------------------------------|------------------|
| is a value valid: type, bounds, formats, all the way down?   | `is_valid`       |
| has a value the outward shape of a field: type, names, tags? | `matches_shape`  |
| what is wrong with a value?                                  | `compile_schema` |
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ..openapi import Spec
from .json_schema import Direction, Translation, bound_integers, is_too_large

if TYPE_CHECKING:
    from .field import Field

TOO_LARGE = "The document's schema unfolds to more than can be checked."
"""The warning of a schema whose check could take forever."""

_ENDLESS = re.compile(r"\((?:[^()\\]|\\.)*(?:[+*|]|\{\d+,)(?:[^()\\]|\\.)*\)(?:[+*]|\{\d+,)")
"""A group that repeats or chooses, and that is repeated without limit."""


@dataclass(frozen=True)
class CompiledSchema:
    """A schema that values can be checked against.

    Attributes:
        warnings: what of the schema cannot be checked.
    """

    warnings: tuple[str, ...]
    _validator: Any = None

    def is_valid(self, value: Any) -> bool:
        """Whether a value matches.

        Raises:
            ValueError: the value is not JSON, or it is nested hundreds of levels deep.
        """
        return self._validator is None or bool(self._validator.is_valid(value))

    def iter_errors(self, value: Any) -> Iterator[Any]:
        """Yield the errors of a value, as jsonschema-rs has them.

        Raises:
            ValueError: as `is_valid`.
        """
        return iter(()) if self._validator is None else self._validator.iter_errors(value)


def compile_schema(spec: Spec, direction: Direction, schema: Any) -> CompiledSchema:
    """Return a schema of a document, compiled; what cannot be checked is left out with a warning."""
    import jsonschema_rs  # imported at first use: loading a document needs the memory first

    translation = Translation(spec, direction, pattern_compiles)
    try:
        whole = translation.translate(schema)
        if is_too_large(whole):
            return CompiledSchema((TOO_LARGE,))
        validator = jsonschema_rs.Draft202012Validator(whole, validate_formats=True, formats=_OWN_FORMATS)
    except RecursionError:
        return CompiledSchema((TOO_LARGE,))
    except (ValueError, jsonschema_rs.ValidationError) as error:
        reason = str(error).split("\n")[0]
        return CompiledSchema((f"The document's schema cannot be used: {reason}",))
    return CompiledSchema(translation.warnings, validator)


@lru_cache(maxsize=1024)
def pattern_compiles(pattern: str) -> bool:
    """Whether jsonschema-rs can use a regular expression."""
    import jsonschema_rs  # as above

    try:
        jsonschema_rs.Draft202012Validator({"pattern": pattern})
    except (ValueError, jsonschema_rs.ValidationError):
        return False
    return True


def is_endless(pattern: str) -> bool:
    """Whether a regular expression may take forever in Python's engine, which has no limit."""
    return _ENDLESS.search(pattern) is not None


def is_valid(field: Field, value: Any) -> bool:
    """Whether a value matches the whole schema of a field, bounds and formats included.

    It is for samples and for the document's own examples, which may hold what only requests or only responses carry.
    Messages are checked by `contract/`.
    """
    if value is None:
        return field.nullable or (field.kind == "any" and "type" not in field.schema)
    if not matches_type(field, value):
        return False
    if field.kind == "file" or (field.kind != "any" and _UNLIMITED.issuperset(field.schema)):
        return True
    try:
        return field.compiled.is_valid(value)
    except ValueError:  # not JSON, or nested too deeply
        return False


def has_format(field: Field, value: Any) -> bool:
    """Whether an integer or a text has the format of its field, whatever else its schema requires."""
    return bool(_format_validator(field.info.format, field.kind == "integer").is_valid(value))


@lru_cache(maxsize=256)
def _format_validator(format_: str, is_integer: bool) -> Any:
    import jsonschema_rs  # as above

    schema: dict[str, Any] = {"type": "integer" if is_integer else "string", "format": format_}
    bound_integers(schema)
    return jsonschema_rs.Draft202012Validator(schema, validate_formats=True, formats=_OWN_FORMATS)


def matches_shape(field: Field, value: Any) -> bool:
    """Whether a value has the outward shape of a field: its type, its required names, and its constants."""
    if value is None:
        return field.nullable
    if field.kind == "choice":
        return value in field.info.choices
    if not matches_type(field, value):
        return False
    return field.kind != "object" or (
        all(child.name in value for child in field.children if child.required) and _matches_constants(field, value)
    )


def matches_type(field: Field, value: Any) -> bool:
    """Whether a value that is not null has the type of a field."""
    return _TYPE_CHECKS[field.kind](value)


def _matches_constants(field: Field, value: Mapping[str, Any]) -> bool:
    constants = [c for c in field.children if c.kind == "choice" and len(c.info.choices) == 1]
    return all(c.name not in value or value[c.name] in c.info.choices for c in constants)


def _is_base64(text: str) -> bool:
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return False
    return True


_OWN_FORMATS: dict[str, Callable[[str], bool]] = {"byte": _is_base64}
"""Formats that jsonschema-rs does not know (OpenAPI Format Registry)."""

_UNLIMITED = frozenset(("type", "title", "description", "example", "default", "deprecated", "readOnly", "writeOnly"))
"""Keywords of a scalar's schema beside which its type alone decides."""

_TYPE_CHECKS: Mapping[str, Callable[[Any], bool]] = {
    "text": lambda v: isinstance(v, str),
    "file": lambda v: isinstance(v, str | bytes),
    "integer": lambda v: isinstance(v, int) and not isinstance(v, bool),
    "number": lambda v: isinstance(v, int | float) and not isinstance(v, bool),
    "boolean": lambda v: isinstance(v, bool),
    "choice": lambda v: True,
    "array": lambda v: isinstance(v, list),
    "object": lambda v: isinstance(v, Mapping),
    "map": lambda v: isinstance(v, Mapping),
    "union": lambda v: True,
    "any": lambda v: True,
}
"""The type of each kind of field."""
