"""Where an answer's values can go: the operations that ask for what one operation answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

from ..fields import body_fields
from ..spec import Operation
from .holders import Index, index_of
from .names import read_name
from .producers import GOOD, producers


@dataclass(frozen=True)
class Consumer:
    """An operation that takes a value of an answer: as which parameter or field, and where in the answer it stands."""

    operation: Operation = field(repr=False)
    name: str
    path: str
    reason: str
    score: float

    def __repr__(self) -> str:
        return f"<Consumer {self.operation.id}, {self.name} from {self.path}>"


def consumers(operation: Operation) -> tuple[Consumer, ...]:
    """The operations that take a value of this one's answer, those that ask for just that first.

    >>> from astro_nb.spec import load
    >>> consumers(load().operation("ListWorkspaces"))[0]
    <Consumer GetWorkspace, workspaceId from $.workspaces[*].id>
    """
    return _consumers(index_of(operation.spec), operation)


def inputs_of(operation: Operation) -> tuple[str, ...]:
    """What an operation asks for and another may answer: the parameters of its path, and all whose name refers."""
    path = [p.key for p in operation.parameters if p.location == "path"]
    rest = [p.key for p in operation.parameters if p.location != "path"] + [f.name for f in body_fields(operation)]
    return tuple(dict.fromkeys([*path, *(name for name in rest if read_name(name).refers)]))


@lru_cache(maxsize=256)
def _consumers(index: Index, operation: Operation) -> tuple[Consumer, ...]:
    found = []
    for other in index.spec:
        for name in inputs_of(other) if other is not operation else ():
            made = next(
                (p for p in producers(other, name) if p.operation is operation and p.score >= GOOD - 0.05), None
            )
            if made:
                found.append(Consumer(other, name, made.path, made.reason, made.score))
    return tuple(sorted(found, key=lambda consumer: -consumer.score))
