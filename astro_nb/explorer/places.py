"""Where a value stands for as long as it is on the screen: names and numbers on the way there may change.

What each part of a form tells of its place: what is wrong there, and what a template becomes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import ipywidgets as widgets

from ..call import UNSET
from ..data import Location
from ..forms import Form
from ..templates import template_names

_DEEP = 6  # levels that open by themselves: a required field may hold itself


class Place:
    """A location that follows its holder: when an entry is renamed, all that is drawn inside it stands there too."""

    def __init__(self, steps: Location, holder: Place | None = None) -> None:
        self.steps, self.holder = steps, holder

    def __repr__(self) -> str:
        return f"<Place {'.'.join(map(str, self.at))}>"

    @property
    def at(self) -> Location:
        """The location as it is now."""
        return (*self.holder.at, *self.steps) if self.holder else self.steps

    @property
    def is_deep(self) -> bool:
        """Whether what is empty here is opened by hand alone."""
        return len(self.at) > _DEEP

    def inside(self, step: str | int) -> Place:
        """The place of a value inside this one."""
        return Place((step,), self)

    def go(self, steps: Location, holder: Place | None) -> None:
        """Stand elsewhere from now on, with all that is inside."""
        self.steps, self.holder = steps, holder


@dataclass(frozen=True, eq=False)
class Mark:
    """A part of a form that can tell.

    Attributes:
        place: the place that it tells of, with all inside that nobody else tells of.
        widget: what it is told on; once that is closed, the mark is gone.
        write: takes what is wrong and what a template becomes, both in words.
        open: whether the parts inside are on the screen.
    """

    place: Place
    widget: widgets.Widget
    write: Callable[[str, str], None]
    open: Callable[[], bool] = lambda: True


class Marks:
    """All parts of a form that can tell."""

    def __init__(self) -> None:
        self._marks: list[Mark] = []

    def __len__(self) -> int:
        return len(self._marks)

    def add(self, mark: Mark) -> None:
        """One more; of two for one place the later one tells what is wrong there."""
        self._marks.append(mark)

    def tell(self, form: Form, problems: Mapping[Location, str], becomes: Callable[[Any], str]) -> dict[Location, str]:
        """Tell each problem at the part that is nearest; what nobody on the screen tells comes back."""
        self._marks = [mark for mark in self._marks if mark.widget.comm is not None]
        owners = {mark.place.at: mark for mark in self._marks}
        wrong: dict[int, str] = {}
        left: dict[Location, str] = {}
        for at, text in problems.items():
            owner = _owner(owners, at)
            if owner is None or not owner.open():
                left[at] = text
            if owner is not None:
                wrong.setdefault(id(owner), _told(owner.place.at, at, text))
        for mark in self._marks:
            value = form.get(mark.place.at)
            shown = becomes(value) if value is not UNSET and template_names(value) else ""
            mark.write(wrong.get(id(mark), ""), shown)
        return left


def _owner(owners: Mapping[Location, Mark], at: Location) -> Mark | None:
    places: Iterable[Location] = (at[:depth] for depth in range(len(at), 0, -1))
    return next((owners[place] for place in places if place in owners), None)


def _told(place: Location, at: Location, text: str) -> str:
    inside = ".".join(map(str, at[len(place) :]))
    return f"{inside}: {text}" if inside and inside not in text else text
