"""Where a value stands for as long as it is on the screen: names and numbers on the way there may change."""

from __future__ import annotations

from ..form import Location

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
