"""Which operations' answers hold a value that another operation asks for, told from the document alone.

Links of the document win. Then speak the paths: what `/deployments/{deploymentId}` needs, `/deployments` answers.
Then the things: who asks for a `workspaceId` is served by whatever answers workspaces. Last, the same name anywhere.

Where an answer's values can go: the operations that ask for what one operation answers.

Producers and consumers as tables.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from ..frames import make_frame
from ..jsonpath import pointer_steps, to_path
from ..openapi import Operation, Spec
from ..schema import Field, body_fields, parameter_fields
from .response_objects import Holder, Index, Named, Words, index_of, is_of, read_name, shape_of, thing_of_type, words_of

if TYPE_CHECKING:
    from ..frames import DataFrame


GOOD = 0.6
"""The score from which on a producer answers the very thing; below, it mentions it."""


@dataclass(frozen=True)
class Producer:
    """An operation whose answer holds a value, and where in it; `reason` says in words how that is known."""

    operation: Operation = field(repr=False)
    path: str
    reason: str
    score: float

    def __repr__(self) -> str:
        return f"<Producer {self.operation.id} {self.path}: {self.reason}>"


@dataclass(frozen=True)
class Question:
    """What is asked for, and where it stands; many operations of a document ask the same.

    Attributes:
        name: the parameter or the field of the body.
        kind, format: of its values; empty where nothing is known.
        prefix: the path up to the parameter; None where it is no parameter of the path.
        mate: the parameter that follows it in the path at once: of `/{owner}/{repo}` the repo.
        known: the parameters of the path that are known when it is asked.
    """

    name: str
    kind: str
    format: str
    prefix: str | None
    mate: str
    known: frozenset[str]

    @property
    def named(self) -> Named:
        """The name, taken apart."""
        return read_name(self.name)


_PARAMETER = re.compile(r"\{([^{}]*)\}")


def producers(operation: Operation, name: str) -> tuple[Producer, ...]:
    """The operations whose answers hold a value for a parameter or a field of the body, the best first.

    >>> from astro_nb.spec import load
    >>> [p.operation.id for p in producers(load().operation("DeleteWorkspace"), "workspaceId")[:2]]
    ['ListWorkspaces', 'CreateWorkspace']
    """
    return _producers(index_of(operation.spec), operation, name)


def producers_of(spec: Spec, name: str) -> tuple[Producer, ...]:
    """The producers for a name alone: as the first operation sees them whose path asks for it, else by the name."""
    index = index_of(spec)
    asking = next((o for o in spec if "{" + name + "}" in o.path and o.parameter(name) is not None), None)
    alone = Question(name, "", "", None, "", frozenset())
    return producers(asking, name) if asking is not None else _best(_found(index, alone))


@lru_cache(maxsize=8192)
def _producers(index: Index, operation: Operation, name: str) -> tuple[Producer, ...]:
    asked = _question(operation, name)
    return _best([*_linked(index, operation, name), *_found(index, asked), *_present(index, operation, asked)])


def _best(found: Iterable[Producer]) -> tuple[Producer, ...]:
    """Each place once, with the best of its reasons; the best place first."""
    best: dict[tuple[str, str], Producer] = {}
    for producer in sorted(found, key=lambda p: -p.score):
        best.setdefault((producer.operation.id, producer.path), producer)
    return tuple(best.values())


def _question(operation: Operation, name: str) -> Question:
    parameter, prefix, mate = operation.parameter(name), None, ""
    if parameter is not None and parameter.location == "path":
        before, found, after = operation.path.partition("{" + parameter.name + "}")
        prefix = before.rstrip("/") if found and before.endswith("/") else None
        mate = next(iter(_NEXT.findall(after)), "")
    field = next((f for f in (*parameter_fields(operation), *body_fields(operation)) if f.name == name), None)
    field = field.item if field is not None and field.kind == "array" else field
    name = parameter.name if parameter else name
    known = frozenset(_PARAMETER.findall(operation.path if prefix is None else prefix)) - {name}
    kind, form = (field.kind, field.info.format) if field else ("", "")
    return Question(name, kind, form if kind == "text" else "", prefix, mate, known)


_NEXT = re.compile(r"\A/\{([^{}]*)\}")


def _things(index: Index, asked: Question) -> Iterator[tuple[Words, float]]:
    """What the value may be of, each with a doubt: its name's own words, the step before it, the schema answered."""
    yield from ((thing, 0.0 if number == 0 else 0.08) for number, thing in enumerate(asked.named.things))
    if asked.prefix is None or asked.mate:
        return
    last = asked.prefix.rpartition("/")[2]
    if last and "{" not in last:
        yield words_of(last), 0.04
    for operation in index.by_path.get(shape_of(f"{asked.prefix}/{{}}"), ()):
        for holder in index.holders[operation.id] if operation.method == "GET" else ():
            if holder.path == "$":
                yield thing_of_type(holder.field.type_name), 0.02


# --- ways to find one -------------------------------------------------------------------------------------------------


def _linked(index: Index, operation: Operation, name: str) -> Iterator[Producer]:
    for link in index.links.get((operation.id, name), ()):
        path = to_path(tuple(int(s) if s.isdigit() else s for s in pointer_steps(link.pointer)))
        yield Producer(index.spec.operation(link.source), path, "the document links it", 1.0)


@lru_cache(maxsize=8192)
def _found(index: Index, asked: Question) -> tuple[Producer, ...]:
    if asked.kind in _CHOSEN:
        return ()
    things = tuple(_things(index, asked))
    found = list(_placed(index, asked, things))
    if asked.named.refers or asked.prefix is not None:
        found += [*_of_thing(index, asked, things), *_same_name(index, asked)]
    return tuple(found)


_CHOSEN = ("boolean", "choice", "object", "map", "file")
Things = tuple[tuple[Words, float], ...]


def _placed(index: Index, asked: Question, things: Things) -> Iterator[Producer]:
    """By the path: the collection that the parameter chooses from, and what stands beside it there."""
    if not asked.prefix:
        return
    shape, wanted = shape_of(asked.prefix), [words for words, _ in things]
    for operation in index.by_path.get(shape, ()):
        for holder, key, doubt in _own(index, operation, asked, wanted, False):
            score = {"GET": 0.9, "POST": 0.88}.get(operation.method, 0.8) + 0.05 * holder.listed - doubt
            yield Producer(operation, holder.path_to(key), f"answers what is at {asked.prefix}", score)
    for operation in index.below.get(shape, ()):
        for holder, key, doubt in _own(index, operation, asked, wanted, True):
            score = (0.76 if operation.is_safe else 0.7) - doubt
            yield Producer(operation, holder.path_to(key), f"answers what is at {asked.prefix}", score)
    for operation in index.by_path.get(f"{shape}/{{}}", ()):
        for holder, key, doubt in _own(index, operation, asked, wanted, True):
            score = (0.6 if operation.is_safe else 0.56) - doubt
            yield Producer(operation, holder.path_to(key), f"answers the one at {asked.prefix}", score)


Own = tuple[Holder, str, float]


def _own(index: Index, operation: Operation, asked: Question, wanted: list[Words], strict: bool) -> Iterator[Own]:
    """The place of the id in what an operation answers: in the thing itself, where there are others beside it."""
    holders = [holder for holder in index.holders[operation.id] if not holder.inner]
    fitting = [holder for holder in holders if any(is_of(t, w) for t in holder.things for w in wanted)]
    alone = (
        operation.method == "GET" and asked.prefix is not None and shape_of(operation.path) == shape_of(asked.prefix)
    )
    for holder in fitting or holders:
        key, doubt = _key(holder, asked)
        sure = (fitting or not strict) and (holder.listed or not alone)
        if key is not None and (sure or key == asked.name):
            yield holder, key, doubt


def _of_thing(index: Index, asked: Question, things: Things) -> Iterator[Producer]:
    """By the thing: whatever answers one, or many."""
    mates = read_name(asked.mate).things[:1]
    for wanted, doubt in things:
        for holder in index.by_thing.get(wanted[-1], ()) if wanted else ():
            if not any(is_of(thing, wanted) for thing in holder.things):
                continue
            key, unlike = _key(holder, asked)
            if key is not None:
                near = 0.15 if any(is_of(thing, mate) for thing in holder.inside for mate in mates) else 0.0
                score = _worth(holder) + near - doubt - unlike - _unknown(holder.operation, asked)
                yield Producer(holder.operation, holder.path_to(key), f"answers {holder.called}", score)


def _worth(holder: Holder) -> float:
    if holder.inner:
        return 0.5 if holder.listed else 0.48
    if holder.operation.is_safe:
        return 0.72 if holder.listed else 0.64
    return 0.66 if holder.operation.method == "POST" else 0.6


def _unknown(operation: Operation, asked: Question) -> float:
    """What it costs that an operation needs values that the one who asks need not have, the one sought among them."""
    needed = parameters_in(operation.path) - asked.known
    return 0.02 * min(len(needed), 3) + (0.1 if asked.name in needed else 0.0)


@lru_cache(maxsize=8192)
def parameters_in(path: str) -> frozenset[str]:
    return frozenset(_PARAMETER.findall(path))


def _same_name(index: Index, asked: Question) -> Iterator[Producer]:
    """By the name: an answer that has a field called the same."""
    words = words_of(asked.name)
    for dropped in range(max(len(words) - 1, 1)):  # a `task_try_number` is a `try_number` at least
        for holder, key in index.by_key.get(words[dropped:], ()):
            unlike = _unlike(holder.field.child(key), asked)
            if unlike is not None:
                score = (0.5 if holder.listed else 0.45) - _unknown(holder.operation, asked) - unlike
                score -= 0.1 * holder.inner + 0.1 * dropped
                yield Producer(holder.operation, holder.path_to(key), f"answers a field of the name {key}", score)


def _present(index: Index, operation: Operation, asked: Question) -> Iterator[Producer]:
    """What the thing has now, for a field of the body that changes it."""
    if operation.body is None or operation.parameter(asked.name) is not None:
        return
    update = operation.extensions.update
    read = update.read if update else ""
    for other in index.by_path.get(shape_of(operation.path), ()):
        for holder in index.holders[other.id] if other.method == "GET" or other.id == read else ():
            if holder.path == "$" and asked.name in holder.names:
                yield Producer(other, holder.path_to(asked.name), "answers the present value", 0.58)


# --- which key of an object it is -------------------------------------------------------------------------------------


def _key(holder: Holder, asked: Question) -> tuple[str | None, float]:
    """The key by which an object holds what is asked for, and a doubt about it.

    Empty where the entry is itself the value; None where there is no such key.
    """
    if holder.is_scalar:
        unlike = _unlike(holder.field, asked)
        return ("", unlike + 0.12) if unlike is not None else (None, 0.0)
    for key in _keys(holder, asked.named):
        unlike = _unlike(holder.field.child(key), asked)
        if unlike is not None:
            return key, unlike
    return None, 0.0


def _keys(holder: Holder, named: Named) -> Iterator[str]:
    names = holder.names
    words = words_of(named.name)
    yield from (name for name in names if name == named.name)
    yield from (name for name in names if words_of(name) == words)
    if holder.id in names and named.key in ("", "id"):
        yield holder.id
    yield from (key for key in named.keys if key in names)


_LIKE = {"integer": ("integer", "number"), "number": ("integer", "number"), "text": ("text",)}


def _unlike(given: Field | None, asked: Question) -> float | None:
    """How much a field of an answer differs from what is asked for, by kind; None where it cannot be that."""
    if given is None or given.secret or given.kind not in ("text", "integer", "number", "any"):
        return None
    if asked.format and given.info.format and asked.format != given.info.format:
        return None
    return 0.0 if given.kind in _LIKE.get(asked.kind, (given.kind,)) else 0.12


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


_MOST = 3  # producers of one field
_SOURCES = dict.fromkeys(("field", "operation", "path", "reason"), "string")
_USES = dict.fromkeys(("operation", "field", "path", "reason"), "string")


def sources_frame(operation: Operation) -> DataFrame:
    """Which operations answer what one asks for: a row for each field and producer, the best of each field first."""
    names = dict.fromkeys(f.name for f in (*parameter_fields(operation), *body_fields(operation)))
    found = ((name, producer) for name in names for producer in producers(operation, name)[:_MOST])
    rows = [{"field": n, "operation": p.operation.id, "path": p.path, "reason": p.reason} for n, p in found]
    return make_frame(rows, _SOURCES)


def uses_frame(operation: Operation) -> DataFrame:
    """Which operations take what one answers, the likeliest first."""
    rows = [
        {"operation": c.operation.id, "field": c.name, "path": c.path, "reason": c.reason} for c in consumers(operation)
    ]
    return make_frame(rows, _USES)
