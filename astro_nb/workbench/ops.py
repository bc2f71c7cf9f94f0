"""Operations as Python functions: `api.ops.list_deployments(limit=100)`.

Every operation is a real attribute with a signature and a docstring, so that completion and `help` work with and
without jedi. Tags are attributes too: `api.ops.deployment.list_deployments`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from .. import html
from ..exchange import Exchange
from ..openapi import Operation, Spec
from ..schema import describe_operation, operation_html, python_name, python_names, signature

Caller = Callable[..., Exchange]
"""Sends an operation by its id, with its arguments as keywords: `Session.call`."""


class OperationFunction:
    """One operation, callable with the argument names of the document.

    Attributes:
        operation: the operation.
    """

    def __init__(self, operation: Operation, caller: Caller, name: str) -> None:
        self.operation = operation
        self._caller = caller
        self.__name__ = self.__qualname__ = name

    def __call__(self, /, **arguments: Any) -> Exchange:
        return self._caller(self.operation.id, **arguments)

    def __repr__(self) -> str:
        return f"<{self.operation.id}: {self.operation.method} {self.operation.path}>"

    @property
    def __signature__(self) -> inspect.Signature:
        return signature(self.operation)

    @property
    def __doc__(self) -> str:  # type: ignore[override]  # computed when it is read
        return describe_operation(self.operation)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/plain": self.__doc__, "text/html": str(operation_html(self.operation))}


class Operations:
    """The operations of a document, or of one of its tags, as attributes."""

    def __init__(self, title: str, functions: Iterable[OperationFunction]) -> None:
        self._title = title
        self._functions = {function.__name__: function for function in functions}
        self.__dict__.update(self._functions)

    def __repr__(self) -> str:
        count = len(self._functions)
        return f"<{self._title}: {count} operation{'' if count == 1 else 's'}>"

    def __dir__(self) -> list[str]:
        return sorted(name for name in self.__dict__ if not name.startswith("_"))

    def __iter__(self) -> Iterator[OperationFunction]:
        return iter(self._functions.values())

    def __len__(self) -> int:
        return len(self._functions)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        rows = [(html.method_pill(f.operation.method), html.code(f.__name__), f.operation.summary) for f in self]
        plain = "\n".join(f"{f.operation.method:7}{f.__name__}  {f.operation.summary}" for f in self)
        return {"text/plain": plain, "text/html": str(html.table(["method", "api.ops", "summary"], rows))}


def make_operations(spec: Spec, caller: Caller) -> Operations:
    """Return all operations of a document as functions; an operation takes precedence over a tag of the same name."""
    functions = [OperationFunction(operation, caller, name) for name, operation in python_names(spec).items()]
    operations = Operations(spec.title, functions)
    for tag in spec.tags:
        tagged = Operations(tag, [function for function in functions if tag in function.operation.tags])
        operations.__dict__.setdefault(python_name(tag), tagged)
    return operations
