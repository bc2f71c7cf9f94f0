"""The values of a runbook that may differ from run to run."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from ..snippets import literal
from .steps import RESERVED, unique

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
