"""The last exchange of a wait, and all that was seen before it."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from .. import html
from ..exchange import Exchange, draw
from .drawing import draw as draw_transitions
from .transitions import Transitions


@dataclass(frozen=True, repr=False)
class Waited(Exchange):
    """The exchange that ended a wait; it can be used wherever an exchange can.

    Attributes:
        transitions: the states that were seen, with when, how long and why; `.frame()` makes a table of them.
        last: the exchange as the history holds it.
    """

    transitions: Transitions = field(default_factory=Transitions)
    last: Exchange | None = field(default=None, compare=False)

    @classmethod
    def of(cls, exchange: Exchange, transitions: Transitions) -> Waited:
        """The exchange, with what was seen; what is picked out of it counts as picked out of that one."""
        told = {f.name: getattr(exchange, f.name) for f in fields(Exchange) if f.init}
        made = cls(**told, transitions=transitions, last=exchange)
        object.__setattr__(made, "picked", exchange.picked)
        return made

    @property
    def size(self) -> int:
        """Bytes of the answer's body, as it came."""
        return self.last.size if self.last is not None else super().size

    def __repr__(self) -> str:
        return f"{super().__repr__()[:-1]}; {self.transitions}>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        drawn = html.join([draw_transitions(self.transitions), draw(self)])
        return {"text/plain": repr(self), "text/html": str(drawn)}
