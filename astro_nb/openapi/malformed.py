"""What stands in a document where something else belongs: told in words, with its place, never a stray error.

Rule 1: null is the same as nothing; many tools write `parameters: null`.
Rule 2: one operation's fault is raised where that part of it is read; a fault of the whole document costs that part
alone, which is then empty. Both are told among the `warnings`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, Self, TypeVar, overload

from ..errors import DocumentError, DocumentInvalid

T = TypeVar("T")

FAULTS = (AttributeError, KeyError, TypeError, ValueError)
"""What reading a part raises when the part is not what it should be."""


def kind_of(value: Any) -> str:
    """What a value is, in words."""
    names = {dict: "a mapping", list: "a list", str: "a text", bool: "true or false", type(None): "nothing"}
    return names.get(type(value), "a number" if isinstance(value, int | float) else f"a {type(value).__name__}")


def mapping(value: Any) -> Mapping[str, Any]:
    """A mapping as it is, null as an empty one; TypeError for anything else."""
    if value is None or isinstance(value, Mapping):
        return value or {}
    raise TypeError(f"{kind_of(value)} stands where a mapping belongs")


def entries(value: Any) -> list[Any]:
    """A list as it is, null as an empty one; TypeError for anything else."""
    if value is None or isinstance(value, list):
        return value or []
    raise TypeError(f"{kind_of(value)} stands where a list belongs")


class part(cached_property[T]):  # noqa: N801  # used as a decorator, like the one that it extends
    """A part of a document, read when first looked at; a fault in it is raised as DocumentInvalid."""

    @overload
    def __get__(self, instance: None, owner: type[Any] | None = None) -> Self: ...
    @overload
    def __get__(self, instance: object, owner: type[Any] | None = None) -> T: ...
    def __get__(self, instance: object | None, owner: type[Any] | None = None) -> Any:
        return self if instance is None else self._read(instance)

    @property
    def label(self) -> str:
        """The name of the part, in words."""
        return str(self.attrname).strip("_").replace("_", " ")

    def fault(self, instance: object) -> str:
        """What is wrong with this part of one operation or document, in words; empty when nothing is."""
        try:
            self.strict(instance)
        except DocumentError as error:
            return f"{self.label}: {error.data.get('fault', error.what)}"
        return ""

    def strict(self, instance: object) -> T:
        """The part as read.

        Raises:
            DocumentError: there is a fault in it.
        """
        try:
            return super().__get__(instance)
        except FAULTS as error:
            where, fault = getattr(instance, "id", "The document"), words_of(error)
            what = f"{where} is malformed at {self.label}: {fault}."
            raise DocumentInvalid(what, "Mend the document, or use another operation.", fault=f"{fault}.") from error

    def _read(self, instance: object) -> T:
        return self.strict(instance)


class _PartOr(part[T]):
    """A part that is empty where there is a fault in it."""

    def __init__(self, read: Callable[[Any], T], empty: Any) -> None:
        super().__init__(read)
        self._empty = empty

    def _read(self, instance: object) -> Any:
        try:
            return self.strict(instance)
        except DocumentError:
            return self._empty


def part_or(empty: Any) -> Callable[[Callable[[Any], T]], part[T]]:
    """A `part` that is `empty` where there is a fault in it."""
    return lambda read: _PartOr(read, empty)


def faults_of(instance: object) -> tuple[str, ...]:
    """What is wrong with the parts of an operation or document, in words; mostly empty."""
    parts = [value for value in vars(type(instance)).values() if isinstance(value, part)]
    return tuple(filter(None, (p.fault(instance) for p in parts)))


def words_of(error: Exception) -> str:
    """What reading a part raised, in words."""
    return f"{error} is missing" if isinstance(error, KeyError) else str(error)
