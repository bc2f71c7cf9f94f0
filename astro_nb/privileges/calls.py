"""The operations that the code of a notebook calls, found without running it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NoReturn

from ..guard import reader_of
from ..ops import operations
from ..spec import Spec

_CALLERS = frozenset({"call", "change", "pages", "wait", "Call", "arrange"})
"""What takes the id of an operation as its first argument."""

_MAGIC = re.compile(r"(?m)^(\s*)[%!?].*$")


def calls_in(spec: Spec, cells: Iterable[str]) -> tuple[list[str], list[str]]:
    """The ids of the operations that some cells of code call, once for each place; and what could not be read."""
    functions = {f.__name__: f.operation.id for f in operations(spec, _never)}
    found: list[str] = []
    told: list[str] = []
    for number, source in enumerate(cells, 1):
        try:
            tree = ast.parse(_MAGIC.sub(r"\1pass", source))
        except (SyntaxError, ValueError, RecursionError):
            told.append(f"Code cell {number} is no Python that can be read.")
            continue
        for name, called in _named(tree, functions):
            known = any(operation.id == name for operation in spec)
            found += [name, *(_read_for(spec, name) if called == "change" else [])] if known else []
            told += [] if known else [f"Code cell {number} calls {name!r}, which the document does not have."]
    return found, told


def _read_for(spec: Spec, name: str) -> list[str]:
    """What a change reads first."""
    reader = reader_of(spec.operation(name))
    return [reader.id] if reader else []


def _named(tree: ast.Module, functions: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The ids in `api.call("…")` and its like, and those behind `api.ops.…`, each with what is called."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        function, first = node.func, node.args[0] if node.args else None
        called = getattr(function, "attr", getattr(function, "id", ""))
        if called in _CALLERS and isinstance(first, ast.Constant) and isinstance(first.value, str):
            yield first.value, called
        elif called in functions and isinstance(function, ast.Attribute) and "ops" in _steps(function.value):
            yield functions[called], called


def _steps(node: ast.expr) -> list[str]:
    """The names of `api.ops.deployment`, the last first."""
    found = []
    while isinstance(node, ast.Attribute):
        found.append(node.attr)
        node = node.value
    return [*found, node.id] if isinstance(node, ast.Name) else found


def _never(*arguments: object, **named: object) -> NoReturn:
    """The functions are only asked for their names."""
    raise AssertionError
