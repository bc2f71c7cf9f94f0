"""Plain data as Python source in which some places are expressions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..snippets import literal

WIDTH = 100
"""Columns that a line fills before it is broken, as in snippets."""

_INDENT = 4


@dataclass(frozen=True)
class Expression:
    """A place whose value the notebook computes: it stands in the source as it is, without quotes."""

    source: str


def render(value: Any, indent: int = 0, before: int = 0, width: int = WIDTH) -> str:
    """A value as Python source: on one line where that fits, else one entry a line.

    Args:
        value: plain data, with expressions anywhere but in keys.
        indent: columns by which the line is indented that the source begins on.
        before: columns of that line which are filled already.
        width: columns that a line may fill.
    """
    line = _line(value)
    if not isinstance(value, Mapping | list | tuple) or not value or indent + before + len(line) < width:
        return line
    inner = indent + _INDENT
    opened, closed = "{}" if isinstance(value, Mapping) else "[]"
    entries = [f"{' ' * inner}{head}{render(v, inner, len(head), width)}," for head, v in _entries(value)]
    return "\n".join([opened, *entries, " " * indent + closed])


def render_call(head: str, first: str, arguments: Iterable[tuple[str, Any]] = (), width: int = WIDTH) -> str:
    """A call of a function: `head(first, name=value, …)`.

    Args:
        head: what is called, with the assignment before it.
        first: the first argument as source.
        arguments: the others, each as its prefix ("name=", "**") and its value.
        width: columns that a line may fill.
    """
    given = list(arguments)
    line = f"{head}({', '.join([first, *(prefix + _line(value) for prefix, value in given)])})"
    if "\n" not in line and (len(line) <= width or not given):
        return line
    rows = [first, *(prefix + render(value, _INDENT, len(prefix), width) for prefix, value in given)]
    rows[0] = first.replace("\n", "\n" + " " * _INDENT)
    end = "," if given else ""
    return "\n".join([f"{head}(", *(f"{' ' * _INDENT}{row}{end}" for row in rows), ")"])


def _line(value: Any) -> str:
    if isinstance(value, Expression):
        return value.source
    if isinstance(value, Mapping):
        return "{" + ", ".join(head + _line(inner) for head, inner in _entries(value)) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_line, value)) + "]"
    return literal(value)


def _entries(value: Mapping[Any, Any] | list[Any] | tuple[Any, ...]) -> list[tuple[str, Any]]:
    if isinstance(value, Mapping):
        return [(f"{literal(key)}: ", inner) for key, inner in value.items()]
    return [("", inner) for inner in value]
