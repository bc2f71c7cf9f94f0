"""Conditions on plain data, as a sandbox file states them.

A path is dotted; `[]` steps into every entry of a list: `roles[].entityId`. A condition maps paths to what must stand
there: a value, a list of values, null (nothing stands there), `{has: text}`, `{not: value}` or `{given: true}`.

The state of a thing as a function of time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


def values_at(data: Any, path: str) -> list[Any]:
    """Everything that stands at a path; null counts as nothing."""
    found = [data]
    for step in path.split("."):
        name, every = step.removesuffix("[]"), step.endswith("[]")
        found = [entry[name] for entry in found if isinstance(entry, Mapping) and entry.get(name) is not None]
        if every:
            found = [item for entry in found if isinstance(entry, list) for item in entry]
    return found


def holds(conditions: Mapping[str, Any], data: Mapping[str, Any]) -> bool:
    """Whether every condition is met by the data."""
    return all(_met(wanted, values_at(data, path)) for path, wanted in conditions.items())


def _met(wanted: Any, found: list[Any]) -> bool:
    if wanted is None:
        return not found
    if isinstance(wanted, Mapping):
        return all(_TESTS[name](value, found) for name, value in wanted.items())
    if isinstance(wanted, list):
        return any(value in wanted for value in found)
    return wanted in found


_TESTS: dict[str, Callable[[Any, list[Any]], bool]] = {
    "has": lambda text, found: any(str(text).lower() in str(value).lower() for value in found),
    "not": lambda value, found: not _met(value, found),
    "given": lambda wanted, found: bool(found) == bool(wanted),
}


FOREVER = float("inf")


@dataclass(frozen=True)
class Life:
    """The states that a thing passes through, each up to a sandbox time, and the one in which it ends."""

    through: tuple[tuple[str, float], ...]
    end: str

    def at(self, time: float) -> tuple[str, float]:
        """The state at a time, and until when it holds."""
        return next(((state, until) for state, until in self.through if until > time), (self.end, FOREVER))


@dataclass(frozen=True)
class Cycle:
    """What a sandbox file says of a kind's states (`life`).

    Attributes:
        field: the field that shows the state.
        starts: the event that creation is.
        events: by name: `through` (state: seconds, in order), `to` (the state in the end), `keep` (final states that
            the event leaves as they are).
        lag: seconds for which the state before an event is still told after it, as gateways that cache do.
        fails: `when` (conditions on the thing), `on` (final states that then turn into) `to`.
    """

    field: str
    starts: str
    events: Mapping[str, Mapping[str, Any]]
    fails: Mapping[str, Any]
    lag: float = 0.0

    def begin(
        self, event: str, item: Mapping[str, Any], start: float, lasts: float = FOREVER, lag: float | None = None
    ) -> Life:
        """The life that an event begins; `lasts` seconds later the state `back` of the event takes over.

        A `lag` goes before that of the file.
        """
        plan = self.events.get(event) or {}
        before = item.get("_life")
        if isinstance(before, Life) and before.end in (plan.get("keep") or ()):
            return before
        steps, time = self._still(before, start, self.lag if lag is None else lag)
        for state, seconds in (plan.get("through") or {}).items():
            time += float(seconds)
            steps.append((str(state), time))
        end = self._end(str(plan.get("to", "")), item)
        if lasts < FOREVER and "back" in plan:
            return Life((*steps, (end, start + lasts)), str(plan["back"]))
        return Life(tuple(steps), end)

    def _still(self, before: Any, start: float, lag: float) -> tuple[list[tuple[str, float]], float]:
        """What is still told of the life before, and when the new one is told."""
        if not isinstance(before, Life) or lag <= 0:
            return [], start
        return [(before.at(start)[0], start + lag)], start + lag

    def _end(self, wanted: str, item: Mapping[str, Any]) -> str:
        if wanted in (self.fails.get("on") or ()) and holds(self.fails["when"], item):
            return str(self.fails["to"])
        return wanted
