"""Plain data as Python source in which some places are expressions.

The values of a runbook that may differ from run to run.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..codegen import literal
from .steps import RESERVED, unique

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


_SHORTEST = 3  # characters: a shorter text is found again by chance


@dataclass(frozen=True)
class Parameter:
    """One parameter: its name in the notebook, the value that was used, and what it is."""

    name: str
    value: Any
    comment: str


class Parameters:
    """The parameters found so far; the same text is the same parameter wherever it stands."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = {*RESERVED, *taken}
        self._found: dict[tuple[str, str], Parameter] = {}

    def __iter__(self) -> Iterator[Parameter]:
        return iter(self._found.values())

    def __len__(self) -> int:
        return len(self._found)

    def name_for(self, value: Any, wanted: str, subject: str = "", comment: str = "") -> str:
        """The name of the parameter for a value, made when there is none yet.

        Args:
            value: plain data.
            wanted: what the name should be.
            subject: set before it where the name is another value's already: `name`, then `workspace_name`.
            comment: what it is, for whoever runs the notebook.
        """
        key = _key(value, wanted)
        if key not in self._found:
            plain = _identifier(wanted)
            free = plain if plain not in self._taken or not subject else f"{_identifier(subject)}_{plain}"
            self._found[key] = Parameter(unique(free, self._taken), value, comment)
        return self._found[key].name

    def holding(self, text: str) -> str | None:
        """The name of the parameter that holds exactly this text, or None."""
        found = self._found.get(_key(text, "")) if len(text) >= _SHORTEST else None
        return found.name if found else None


def _key(value: Any, wanted: str) -> tuple[str, str]:
    """Texts are told apart by value alone; of a number the name counts too, for 5 is many things."""
    return (literal(value), "" if isinstance(value, str) and len(value) >= _SHORTEST else wanted)


def _identifier(name: str) -> str:
    plain = re.sub(r"\W+", "_", name).strip("_") or "value"
    return f"_{plain}" if plain[0].isdigit() else plain
