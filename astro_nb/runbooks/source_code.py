"""Python source of runbooks: plain data with expressions in it, and the parameters of a run."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..codegen import literal
from .steps import RESERVED, unique_name

WIDTH = 100
"""The longest line in columns, as in snippets."""

_INDENT = 4


@dataclass(frozen=True)
class Expression:
    """Source that is written as it is, without quotes: the notebook computes the value."""

    source: str


def render(value: Any, indent: int = 0, before: int = 0, width: int = WIDTH) -> str:
    """Return a value as Python source: on one line if it fits, else one item per line.

    Args:
        value: plain data, with expressions anywhere but in keys.
        indent: the indentation of the first line, in columns.
        before: the columns of the first line that are already used.
        width: the longest line, in columns.
    """
    line = _inline(value)
    if not isinstance(value, Mapping | list | tuple) or not value or indent + before + len(line) < width:
        return line
    inner = indent + _INDENT
    opened, closed = "{}" if isinstance(value, Mapping) else "[]"
    entries = [f"{' ' * inner}{head}{render(v, inner, len(head), width)}," for head, v in _members(value)]
    return "\n".join([opened, *entries, " " * indent + closed])


def render_call(head: str, first: str, arguments: Iterable[tuple[str, Any]] = (), width: int = WIDTH) -> str:
    """Return the source of a function call: `head(first, name=value, …)`.

    Args:
        head: the function, with the assignment before it.
        first: the first argument as source.
        arguments: the other arguments, each as its prefix ("name=", "**") and value.
        width: the longest line, in columns.
    """
    given = list(arguments)
    line = f"{head}({', '.join([first, *(prefix + _inline(value) for prefix, value in given)])})"
    if "\n" not in line and (len(line) <= width or not given):
        return line
    rows = [first, *(prefix + render(value, _INDENT, len(prefix), width) for prefix, value in given)]
    rows[0] = first.replace("\n", "\n" + " " * _INDENT)
    end = "," if given else ""
    return "\n".join([f"{head}(", *(f"{' ' * _INDENT}{row}{end}" for row in rows), ")"])


def _inline(value: Any) -> str:
    if isinstance(value, Expression):
        return value.source
    if isinstance(value, Mapping):
        return "{" + ", ".join(head + _inline(inner) for head, inner in _members(value)) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_inline, value)) + "]"
    return literal(value)


def _members(value: Mapping[Any, Any] | list[Any] | tuple[Any, ...]) -> list[tuple[str, Any]]:
    if isinstance(value, Mapping):
        return [(f"{literal(key)}: ", inner) for key, inner in value.items()]
    return [("", inner) for inner in value]


_MIN_PARAMETER_LENGTH = 3  # characters; shorter texts match by chance


@dataclass(frozen=True)
class Parameter:
    """One parameter: its name in the notebook, the recorded value, and a comment."""

    name: str
    value: Any
    comment: str


class Parameters:
    """The parameters of a runbook; equal texts share one parameter."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = {*RESERVED, *taken}
        self._found: dict[tuple[str, str], Parameter] = {}

    def __iter__(self) -> Iterator[Parameter]:
        return iter(self._found.values())

    def __len__(self) -> int:
        return len(self._found)

    def name_for(self, value: Any, wanted: str, subject: str = "", comment: str = "") -> str:
        """Return the name of the parameter for a value; create the parameter if there is none.

        Args:
            value: plain data.
            wanted: the preferred name.
            subject: a prefix to use if the name is taken: `name`, then `workspace_name`.
            comment: the description for whoever runs the notebook.
        """
        key = _parameter_key(value, wanted)
        if key not in self._found:
            plain = _to_identifier(wanted)
            free = plain if plain not in self._taken or not subject else f"{_to_identifier(subject)}_{plain}"
            self._found[key] = Parameter(unique_name(free, self._taken), value, comment)
        return self._found[key].name

    def holding(self, text: str) -> str | None:
        """Return the name of the parameter with exactly this text, or None."""
        found = self._found.get(_parameter_key(text, "")) if len(text) >= _MIN_PARAMETER_LENGTH else None
        return found.name if found else None


def _parameter_key(value: Any, wanted: str) -> tuple[str, str]:
    """A text is identified by its value alone; a number also by its name, since 5 means many things."""
    return (literal(value), "" if isinstance(value, str) and len(value) >= _MIN_PARAMETER_LENGTH else wanted)


def _to_identifier(name: str) -> str:
    plain = re.sub(r"\W+", "_", name).strip("_") or "value"
    return f"_{plain}" if plain[0].isdigit() else plain
