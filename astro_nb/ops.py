"""Operations as Python functions: `api.ops.list_deployments(limit=100)`.

Every operation is a real attribute with a real signature and docstring, so that completion and help work with and
without jedi. Tags are attributes too: `api.ops.deployment.list_deployments`.
"""

from __future__ import annotations

import inspect
import itertools
import keyword
import textwrap
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from . import html
from .exchange import Exchange
from .openapi import Operation, Spec
from .schema import Field, body_fields, parameter_fields, signature, snake

Caller = Callable[..., Exchange]


class OperationFunction:
    """One operation, callable with the document's own argument names."""

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
    def __doc__(self) -> str:  # type: ignore[override]  # made when it is looked at
        return describe(self.operation)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/plain": describe(self.operation), "text/html": str(draw_operation(self.operation))}


class Operations:
    """The operations of a document, or of one of its tags, as attributes."""

    def __init__(self, title: str, functions: Iterable[OperationFunction]) -> None:
        self._title = title
        self._functions = {function.__name__: function for function in functions}
        self.__dict__.update(self._functions)

    def __repr__(self) -> str:
        return f"<{self._title}: {len(self._functions)} operations>"

    def __dir__(self) -> list[str]:
        return sorted(name for name in self.__dict__ if not name.startswith("_"))

    def __iter__(self) -> Iterator[OperationFunction]:
        return iter(self._functions.values())

    def __len__(self) -> int:
        return len(self._functions)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        rows = [(html.method_pill(f.operation.method), html.code(f.__name__), f.operation.summary) for f in self]
        plain = "\n".join(f"{f.operation.method:7}{f.__name__}  {f.operation.summary}" for f in self)
        return {"text/plain": plain, "text/html": str(html.table(["method", "api.ops", "what it does"], rows))}


def operations(spec: Spec, caller: Caller) -> Operations:
    """All operations of a document as functions; an operation wins over a tag of the same name."""
    functions = [OperationFunction(operation, caller, name) for name, operation in _named(spec)]
    every = Operations(spec.title, functions)
    for label in spec.tags:
        tag = Operations(label, [f for f in functions if label in f.operation.tags])
        every.__dict__.setdefault(_sayable(label), tag)
    return every


def _named(spec: Spec) -> Iterator[tuple[str, Operation]]:
    """Each operation with a name that Python can say and that no other one has; whose id is such a name keeps it."""
    taken = {operation.id for operation in spec if _sayable(operation.id) == operation.id}
    for operation in spec:
        plain = _sayable(operation.id)
        names = itertools.chain((plain,), (f"{plain}_{number}" for number in itertools.count(2)))
        name = next(name for name in names if name not in taken or name == operation.id)
        taken.add(name)
        yield name, operation


def _sayable(name: str) -> str:
    """The snake case of a name, as an attribute that Python can say."""
    plain = snake(name)
    return f"{plain}_" if keyword.iskeyword(plain) else plain


def describe(operation: Operation) -> str:
    """An operation's documentation as plain text: what it does, and each argument."""
    head = f"{operation.summary or operation.id}\n\n{operation.method} {operation.path}"
    parts = [head, textwrap.fill(operation.description, 88)]
    if operation.permissions:
        parts.append(f"Permission: {', '.join(operation.permissions)}")
    fields = [*parameter_fields(operation), *body_fields(operation)]
    if fields:
        parts.append("Arguments:\n" + "\n".join(_argument(field) for field in fields))
    return "\n\n".join(part for part in parts if part)


def draw_operation(operation: Operation) -> html.Markup:
    """An operation's documentation as static HTML."""
    fields = [*parameter_fields(operation), *body_fields(operation)]
    rows = [
        (html.code(f.name), type_words(f), "required" if f.required else "", html.prose(f.description)) for f in fields
    ]
    return html.tag(
        "div",
        html.tag(
            "div",
            html.method_pill(operation.method),
            " ",
            html.tag("strong", operation.id),
            " ",
            html.code(operation.path),
        ),
        html.tag("p", html.prose(operation.description or operation.summary)),
        html.table(["argument", "type", "needed", "meaning"], rows) if rows else "",
    )


def type_words(field: Field) -> str:
    """A field's type in words, with its choices."""
    if field.kind == "choice":
        shown = ", ".join(map(str, field.choices[:8]))
        return shown + (" …" if len(field.choices) > 8 else "")
    return field.type_name


def _argument(field: Field) -> str:
    head = f"    {field.name} ({type_words(field)}{', required' if field.required else ''})"
    text = textwrap.fill(field.description, 88, initial_indent=" " * 8, subsequent_indent=" " * 8)
    return f"{head}\n{text}" if text else head
