"""Paths of values that follow renamed and moved parents, and the widgets that show problems at them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import ipywidgets as widgets

from ..call import UNSET
from ..data import Location
from ..forms import Form
from ..templates import template_names

_MAX_AUTO_DEPTH = 6  # levels that open by themselves: a required field may contain itself


class FieldPath:
    """The path of a value in a form. When a parent is renamed or moved, the paths of everything inside it follow."""

    def __init__(self, steps: Location, parent: FieldPath | None = None) -> None:
        self.steps, self.parent = steps, parent

    def __repr__(self) -> str:
        return f"<FieldPath {'.'.join(map(str, self.location))}>"

    @property
    def location(self) -> Location:
        """The current location."""
        return (*self.parent.location, *self.steps) if self.parent else self.steps

    @property
    def is_too_deep(self) -> bool:
        """Whether groups at this depth are opened only by hand."""
        return len(self.location) > _MAX_AUTO_DEPTH

    def child(self, step: str | int) -> FieldPath:
        """Return the path of a member or item."""
        return FieldPath((step,), self)

    def move_to(self, steps: Location, parent: FieldPath | None) -> None:
        """Move this path, with everything inside, to another parent."""
        self.steps, self.parent = steps, parent


@dataclass(frozen=True, eq=False)
class ProblemTarget:
    """A part of a form that can show a problem.

    Attributes:
        path: where its value is; it also shows problems inside that have no target of their own.
        widget: the widget it writes to; when that is closed, the target is dropped.
        write: takes the problem and the resolved template, as texts.
        open: whether the parts inside are visible.
    """

    path: FieldPath
    widget: widgets.Widget
    write: Callable[[str, str], None]
    open: Callable[[], bool] = lambda: True


class ProblemTargets:
    """All parts of a form that can show a problem."""

    def __init__(self) -> None:
        self._marks: list[ProblemTarget] = []

    def __len__(self) -> int:
        return len(self._marks)

    def add(self, mark: ProblemTarget) -> None:
        """Add a target; of two for one path the later one shows the problems."""
        self._marks.append(mark)

    def tell(self, form: Form, problems: Mapping[Location, str], resolved: Callable[[Any], str]) -> dict[Location, str]:
        """Show each problem at the nearest target; return the problems that no visible target shows."""
        self._marks = [mark for mark in self._marks if mark.widget.comm is not None]
        owners = {mark.path.location: mark for mark in self._marks}
        problem: dict[int, str] = {}
        left: dict[Location, str] = {}
        for at, text in problems.items():
            owner = _nearest_target(owners, at)
            if owner is None or not owner.open():
                left[at] = text
            if owner is not None:
                problem.setdefault(id(owner), _prefix_message(owner.path.location, at, text))
        for mark in self._marks:
            value = form.get(mark.path.location)
            shown = resolved(value) if value is not UNSET and template_names(value) else ""
            mark.write(problem.get(id(mark), ""), shown)
        return left


def _nearest_target(owners: Mapping[Location, ProblemTarget], at: Location) -> ProblemTarget | None:
    places: Iterable[Location] = (at[:depth] for depth in range(len(at), 0, -1))
    return next((owners[path] for path in places if path in owners), None)


def _prefix_message(path: Location, at: Location, text: str) -> str:
    inside = ".".join(map(str, at[len(path) :]))
    return f"{inside}: {text}" if inside and inside not in text else text
