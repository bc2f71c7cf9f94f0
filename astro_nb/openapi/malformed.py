"""Reading the parts of a document, any of which may be malformed.

Rule 1: null counts as absent, since many tools write `parameters: null`.
Rule 2: a fault in one operation is raised when that part of the operation is read. A fault of the whole document leaves
        only the faulty part empty. Both appear in `warnings`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, Self, TypeVar, overload

from ..errors import DocumentError, DocumentInvalid
from ..json_text import Number

T = TypeVar("T")

READ_ERRORS = (AttributeError, KeyError, TypeError, ValueError)
"""The exceptions that reading a malformed part raises."""


def json_type_name(value: Any) -> str:
    """Return the type of a value in the terms of JSON, with its article: "a mapping", "a list", "a number"."""
    names = {dict: "a mapping", list: "a list", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number" if isinstance(value, Number) else f"a {type(value).__name__}")


def describe_error(error: Exception) -> str:
    """Return the message of an error that was raised while a part was read."""
    return f"{error} is missing" if isinstance(error, KeyError) else str(error)


def as_mapping(value: Any) -> Mapping[str, Any]:
    """Return the mapping itself, or an empty one for null.

    Raises:
        TypeError: The value is something else.
    """
    if value is None or isinstance(value, Mapping):
        return value or {}
    raise TypeError(f"expected a mapping, found {json_type_name(value)}")


def as_list(value: Any) -> list[Any]:
    """Return the list itself, or an empty one for null.

    Raises:
        TypeError: The value is something else.
    """
    if value is None or isinstance(value, list):
        return value or []
    raise TypeError(f"expected a list, found {json_type_name(value)}")


class parsed_part(cached_property[T]):  # noqa: N801  # used as a decorator, like the one that it extends
    """A cached property that reads one part of a document and raises DocumentInvalid if the part is malformed."""

    @overload
    def __get__(self, instance: None, owner: type[Any] | None = None) -> Self: ...
    @overload
    def __get__(self, instance: object, owner: type[Any] | None = None) -> T: ...
    def __get__(self, instance: object | None, owner: type[Any] | None = None) -> Any:
        return self if instance is None else self._read(instance)

    @property
    def label(self) -> str:
        """The name of the part as messages show it."""
        return str(self.attrname).strip("_").replace("_", " ")

    def find_fault(self, instance: object) -> str:
        """Return what is wrong with this part of an operation or document; empty if nothing is."""
        try:
            self.read_strictly(instance)
        except DocumentError as error:
            return f"{self.label}: {error.data.get('fault', error.what)}"
        return ""

    def read_strictly(self, instance: object) -> T:
        """Return the part as read.

        Raises:
            DocumentError: The part is malformed.
        """
        try:
            return super().__get__(instance)
        except READ_ERRORS as error:
            where, fault = getattr(instance, "id", "The document"), describe_error(error)
            what = f"{where} is malformed at {self.label}: {fault}."
            raise DocumentInvalid(what, "Fix the document, or use another operation.", fault=f"{fault}.") from error

    def _read(self, instance: object) -> T:
        return self.read_strictly(instance)


class _ParsedPartOr(parsed_part[T]):
    """A part with a default for when it is malformed."""

    def __init__(self, read: Callable[[Any], T], default: Any) -> None:
        super().__init__(read)
        self._default = default

    def _read(self, instance: object) -> Any:
        try:
            return self.read_strictly(instance)
        except DocumentError:
            return self._default


def parsed_part_or(default: Any) -> Callable[[Callable[[Any], T]], parsed_part[T]]:
    """Return a decorator like `parsed_part` that yields `default` if the part is malformed."""
    return lambda read: _ParsedPartOr(read, default)


def find_faults(instance: object) -> tuple[str, ...]:
    """Return what is wrong with the parts of an operation or document; usually nothing."""
    parts = [value for value in vars(type(instance)).values() if isinstance(value, parsed_part)]
    return tuple(filter(None, (part.find_fault(instance) for part in parts)))
