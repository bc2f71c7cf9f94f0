"""What came of a change: the difference, and the answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .. import html
from ..call import UNSET
from ..exchange import Exchange, Outcome
from ..guard import Change, Row, shown


@dataclass(frozen=True, repr=False)
class Changed:
    """What came of a change. What the server answered is read from it as from an exchange.

    Attributes:
        change: the difference, field by field; no secret is in it.
        exchange: the write; where nothing was written, the last reading.
        sent: whether the write was sent.
        remade: what the server made otherwise than it was written; `now` is what was written, `then` what came of it.
        told: why nothing was sent, in a sentence; else empty.
    """

    change: Change
    exchange: Exchange
    sent: bool
    remade: tuple[Row, ...] = ()
    told: str = ""

    @property
    def ok(self) -> bool:
        """Whether the thing is now as it was meant to be; of a dry run, whether it could be read."""
        return self.exchange.ok and not self.change.trouble

    @property
    def status(self) -> int | None:
        """The status of the answer; None where none came."""
        return self.exchange.status

    @property
    def outcome(self) -> Outcome:
        """What became of it, as of an exchange: of a write that may or may not have been done it is "unknown"."""
        return self.exchange.outcome

    def json(self) -> Any:
        """The answer as plain data, secrets as stars."""
        return self.exchange.json()

    def __getitem__(self, path: str) -> Any:
        """The value at a JSONPath of the answer, as of an exchange."""
        return self.exchange[path]

    def __contains__(self, path: str) -> bool:
        return path in self.exchange

    def __repr__(self) -> str:
        return "\n".join([self.change.text(), *self._words(), repr(self.exchange)])

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        told = [html.tag("div", words) for words in self._words()]
        answer = self.exchange._repr_mimebundle_()["text/html"]
        drawn = html.Markup(self.change.html())
        if self.sent:  # it was shown before it was written
            drawn = html.fold(f"What was changed of “{self.change.name}”", drawn)
        return {"text/plain": repr(self), "text/html": f"{answer}{html.tag('div', *told, drawn)}"}

    def _words(self) -> list[str]:
        made = [_made(row) for row in self.remade]
        return [*([self.told] if self.told else []), *made]


def _made(row: Row) -> str:
    written = "was left out" if row.now is UNSET else f"was written as {shown(row.now)}"
    return f"{row.path} {written}; the server made {shown(row.then)} of it."
