"""Producers: which operations respond with a value that another operation needs. Consumers: the reverse.

Both are inferred from the document alone, in this order of reliability: the links of the document; the paths (what
`/deployments/{deploymentId}` needs, `/deployments` returns); the resources (a `workspaceId` comes from whatever returns
workspaces); the same name anywhere.

The scores order the candidates. From `RELIABLE` on, an operation returns the very resource; below, it mentions it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from ..frames import make_frame
from ..jsonpath import pointer_steps, to_path
from ..openapi import Operation, Spec, path_shape
from ..schema import Field, body_fields, parameter_fields
from .response_objects import (
    ParsedName,
    ResponseIndex,
    ResponseObject,
    Words,
    is_kind_of,
    parse_name,
    resource_of_type,
    response_index,
    split_words,
)

if TYPE_CHECKING:
    from ..frames import DataFrame


RELIABLE = 0.6
"""The score from which on a producer returns the very resource."""

USABLE = RELIABLE - 0.05
"""The score from which on a producer is used without a request for it."""

_CACHED_ANSWERS, _CACHED_CONSUMERS = 8192, 256


@dataclass(frozen=True)
class Producer:
    """An operation whose response holds a value, and the JSONPath of it; `reason` is how that is known."""

    operation: Operation = field(repr=False)
    path: str
    reason: str
    score: float

    def __repr__(self) -> str:
        return f"<Producer {self.operation.id} {self.path}: {self.reason}>"


@dataclass(frozen=True)
class Consumer:
    """An operation that takes a value of a response: as which parameter or field, and the JSONPath in the response."""

    operation: Operation = field(repr=False)
    name: str
    path: str
    reason: str
    score: float

    def __repr__(self) -> str:
        return f"<Consumer {self.operation.id}, {self.name} from {self.path}>"


@dataclass(frozen=True)
class _Input:
    """A value that an operation needs, and its place; many operations of a document need the same.

    Attributes:
        name: the name of the parameter or body field.
        kind, format: those of its values; empty if unknown.
        prefix: the path up to the parameter; None if it is no path parameter.
        next_parameter: the parameter that follows it at once in the path: of `/{owner}/{repo}` the repo.
        known: the path parameters that are known by then.
    """

    name: str
    kind: str
    format: str
    prefix: str | None
    next_parameter: str
    known: frozenset[str]

    @property
    def parsed(self) -> ParsedName:
        return parse_name(self.name)


_PARAMETER = re.compile(r"\{([^{}]*)\}")
_NEXT_PARAMETER = re.compile(r"\A/\{([^{}]*)\}")


def producers(operation: Operation, name: str) -> tuple[Producer, ...]:
    """Return the operations whose responses hold a value for a parameter or body field, the best first.

    >>> from astro_nb.openapi import load
    >>> [p.operation.id for p in producers(load().operation("DeleteWorkspace"), "workspaceId")[:2]]
    ['ListWorkspaces', 'CreateWorkspace']
    """
    return _producers(response_index(operation.spec), operation, name)


def producers_of(spec: Spec, name: str) -> tuple[Producer, ...]:
    """Return the producers for a name alone: as for the first operation with it in its path, else by the name."""
    asking = next((o for o in spec if "{" + name + "}" in o.path and o.parameter(name) is not None), None)
    if asking is not None:
        return producers(asking, name)
    return _best(_find(response_index(spec), _Input(name, "", "", None, "", frozenset())))


def consumers(operation: Operation) -> tuple[Consumer, ...]:
    """Return the operations that take a value of this one's response, the likeliest first.

    >>> from astro_nb.openapi import load
    >>> consumers(load().operation("ListWorkspaces"))[0]
    <Consumer GetWorkspace, workspaceId from $.workspaces[*].id>
    """
    return _consumers(response_index(operation.spec), operation)


@lru_cache(maxsize=_CACHED_CONSUMERS)
def _consumers(index: ResponseIndex, operation: Operation) -> tuple[Consumer, ...]:
    found = []
    for other in index.spec:
        for name in linkable_inputs(other) if other is not operation else ():
            candidates = (p for p in producers(other, name) if p.operation is operation and p.score >= USABLE)
            best = next(candidates, None)
            if best:
                found.append(Consumer(other, name, best.path, best.reason, best.score))
    return tuple(sorted(found, key=lambda consumer: -consumer.score))


def linkable_inputs(operation: Operation) -> tuple[str, ...]:
    """Return what a response may provide for an operation: its path parameters, and all names that are references."""
    path = [p.key for p in operation.parameters if p.location == "path"]
    rest = [p.key for p in operation.parameters if p.location != "path"] + [f.name for f in body_fields(operation)]
    return tuple(dict.fromkeys([*path, *(name for name in rest if parse_name(name).is_reference)]))


@lru_cache(maxsize=_CACHED_ANSWERS)
def _producers(index: ResponseIndex, operation: Operation, name: str) -> tuple[Producer, ...]:
    needed = _input(operation, name)
    found = (
        *_by_link(index, operation, name),
        *_find(index, needed),
        *_by_present_value(index, operation, needed),
    )
    return _best(found)


def _best(found: Iterable[Producer]) -> tuple[Producer, ...]:
    """Return each place once, with the best of its reasons; the best place first."""
    best: dict[tuple[str, str], Producer] = {}
    for producer in sorted(found, key=lambda p: -p.score):
        best.setdefault((producer.operation.id, producer.path), producer)
    return tuple(best.values())


def _input(operation: Operation, name: str) -> _Input:
    parameter, prefix, following = operation.parameter(name), None, ""
    if parameter is not None and parameter.location == "path":
        before, found, after = operation.path.partition("{" + parameter.name + "}")
        prefix = before.rstrip("/") if found and before.endswith("/") else None
        following = next(iter(_NEXT_PARAMETER.findall(after)), "")
    field = next((f for f in (*parameter_fields(operation), *body_fields(operation)) if f.name == name), None)
    field = field.item if field is not None and field.kind == "array" else field
    name = parameter.name if parameter else name
    known = frozenset(_PARAMETER.findall(operation.path if prefix is None else prefix)) - {name}
    kind, value_format = (field.kind, field.info.format) if field else ("", "")
    return _Input(name, kind, value_format if kind == "text" else "", prefix, following, known)


# --- ways to find one -------------------------------------------------------------------------------------------------

_CHOSEN_KINDS = ("boolean", "choice", "object", "map", "file")
"""Kinds of values that a user chooses, and that no response provides."""

_Candidates = tuple[tuple[Words, float], ...]
"""The resources that a value may belong to, each with a deduction from the score."""


def _by_link(index: ResponseIndex, operation: Operation, name: str) -> Iterator[Producer]:
    for link in index.links.get((operation.id, name), ()):
        path = to_path(tuple(int(s) if s.isdigit() else s for s in pointer_steps(link.pointer)))
        yield Producer(index.spec.operation(link.source), path, "the document links it", 1.0)


@lru_cache(maxsize=_CACHED_ANSWERS)
def _find(index: ResponseIndex, needed: _Input) -> tuple[Producer, ...]:
    if needed.kind in _CHOSEN_KINDS:
        return ()
    candidates = tuple(_candidate_resources(index, needed))
    found = list(_by_path(index, needed, candidates))
    if needed.parsed.is_reference or needed.prefix is not None:
        found += [*_by_resource(index, needed, candidates), *_by_name(index, needed)]
    return tuple(found)


def _candidate_resources(index: ResponseIndex, needed: _Input) -> Iterator[tuple[Words, float]]:
    """Yield what the value may belong to: by the words of its name, the step before it, the schema that is returned."""
    yield from ((words, 0.0 if number == 0 else 0.08) for number, words in enumerate(needed.parsed.resources))
    if needed.prefix is None or needed.next_parameter:
        return
    last = needed.prefix.rpartition("/")[2]
    if last and "{" not in last:
        yield split_words(last), 0.04
    for operation in index.spec.resources.at(f"{needed.prefix}/{{}}"):
        for each in index.objects[operation.id] if operation.method == "GET" else ():
            if each.path == "$":
                yield resource_of_type(each.field.type_name), 0.02


def _by_path(index: ResponseIndex, needed: _Input, candidates: _Candidates) -> Iterator[Producer]:
    """By the path: the collection that the parameter chooses from, and its neighbours."""
    if not needed.prefix:
        return
    wanted, resources = [words for words, _ in candidates], index.spec.resources
    reason = f"returns what is at {needed.prefix}"
    for operation in resources.at(needed.prefix):
        for each, key, deduction in _own_ids(index, operation, needed, wanted, is_strict=False):
            score = {"GET": 0.9, "POST": 0.88}.get(operation.method, 0.8) + 0.05 * each.is_listed - deduction
            yield Producer(operation, each.path_to(key), reason, score)
    for operation in index.below.get(path_shape(needed.prefix), ()):
        for each, key, deduction in _own_ids(index, operation, needed, wanted, is_strict=True):
            yield Producer(operation, each.path_to(key), reason, (0.76 if operation.is_safe else 0.7) - deduction)
    for operation in resources.at(f"{needed.prefix}/{{}}"):
        for each, key, deduction in _own_ids(index, operation, needed, wanted, is_strict=True):
            score = (0.6 if operation.is_safe else 0.56) - deduction
            yield Producer(operation, each.path_to(key), f"returns one of those at {needed.prefix}", score)


def _own_ids(
    index: ResponseIndex, operation: Operation, needed: _Input, wanted: list[Words], *, is_strict: bool
) -> Iterator[tuple[ResponseObject, str, float]]:
    """Yield where a response holds the id of its own resource: object, key, and a deduction from the score."""
    objects = [each for each in index.objects[operation.id] if not each.is_nested]
    matching = [each for each in objects if any(is_kind_of(r, w) for r in each.resources for w in wanted)]
    is_collection = (
        operation.method == "GET"
        and needed.prefix is not None
        and path_shape(operation.path) == path_shape(needed.prefix)
    )
    for each in matching or objects:
        key, deduction = _find_key(each, needed)
        is_sure = (matching or not is_strict) and (each.is_listed or not is_collection)
        if key is not None and (is_sure or key == needed.name):
            yield each, key, deduction


def _by_resource(index: ResponseIndex, needed: _Input, candidates: _Candidates) -> Iterator[Producer]:
    """By the resource: whatever returns one, or many."""
    following = parse_name(needed.next_parameter).resources[:1]
    for wanted, doubt in candidates:
        for each in index.by_resource.get(wanted[-1], ()) if wanted else ():
            if not any(is_kind_of(resource, wanted) for resource in each.resources):
                continue
            key, difference = _find_key(each, needed)
            if key is not None:
                near = 0.15 if any(is_kind_of(parent, r) for parent in each.parents for r in following) else 0.0
                score = _object_score(each) + near - doubt - difference - _cost(each.operation, needed)
                yield Producer(each.operation, each.path_to(key), f"returns {each.title}", score)


def _object_score(each: ResponseObject) -> float:
    if each.is_nested:
        return 0.5 if each.is_listed else 0.48
    if each.operation.is_safe:
        return 0.72 if each.is_listed else 0.64
    return 0.66 if each.operation.method == "POST" else 0.6


def _cost(operation: Operation, needed: _Input) -> float:
    """Return the deduction for path parameters that are not known yet, most of all for the one that is sought."""
    unknown = parameters_in(operation.path) - needed.known
    return 0.02 * min(len(unknown), 3) + (0.1 if needed.name in unknown else 0.0)


@lru_cache(maxsize=_CACHED_ANSWERS)
def parameters_in(path: str) -> frozenset[str]:
    """Return the names of the parameters in a path."""
    return frozenset(_PARAMETER.findall(path))


def _by_name(index: ResponseIndex, needed: _Input) -> Iterator[Producer]:
    """By the name: a response that has a field of the same name."""
    words = split_words(needed.name)
    for dropped in range(max(len(words) - 1, 1)):  # a `task_try_number` is a `try_number` at least
        for each, key in index.by_key.get(words[dropped:], ()):
            difference = _type_difference(each.field.child(key), needed)
            if difference is not None:
                score = (0.5 if each.is_listed else 0.45) - _cost(each.operation, needed) - difference
                score -= 0.1 * each.is_nested + 0.1 * dropped
                yield Producer(each.operation, each.path_to(key), f"returns a field named {key}", score)


def _by_present_value(index: ResponseIndex, operation: Operation, needed: _Input) -> Iterator[Producer]:
    """By the present value in the resource, for a field of the body that changes it."""
    if operation.body is None or operation.parameter(needed.name) is not None:
        return
    update = operation.extensions.update
    reader = update.read if update else ""
    for other in index.spec.resources.at(operation.path):
        for each in index.objects[other.id] if other.method == "GET" or other.id == reader else ():
            if each.path == "$" and needed.name in each.keys:
                yield Producer(other, each.path_to(needed.name), "returns the present value", 0.58)


# --- which key of an object it is -------------------------------------------------------------------------------------


def _find_key(each: ResponseObject, needed: _Input) -> tuple[str | None, float]:
    """Return the key by which an object holds the value, and a deduction from the score.

    The key is empty if a scalar is itself the value, and None if there is no such key.
    """
    if each.is_scalar:
        difference = _type_difference(each.field, needed)
        return ("", difference + 0.12) if difference is not None else (None, 0.0)
    for key in _candidate_keys(each, needed.parsed):
        difference = _type_difference(each.field.child(key), needed)
        if difference is not None:
            return key, difference
    return None, 0.0


def _candidate_keys(each: ResponseObject, name: ParsedName) -> Iterator[str]:
    keys = each.keys
    words = split_words(name.name)
    yield from (key for key in keys if key == name.name)
    yield from (key for key in keys if split_words(key) == words)
    if each.id_key in keys and name.key in ("", "id"):
        yield each.id_key
    yield from (key for key in name.keys if key in keys)


_COMPATIBLE_KINDS = {"integer": ("integer", "number"), "number": ("integer", "number"), "text": ("text",)}


def _type_difference(given: Field | None, needed: _Input) -> float | None:
    """Return the deduction for a field of another kind than what is needed; None if it cannot be the value."""
    if given is None or given.secret or given.kind not in ("text", "integer", "number", "any"):
        return None
    if needed.format and given.info.format and needed.format != given.info.format:
        return None
    return 0.0 if given.kind in _COMPATIBLE_KINDS.get(needed.kind, (given.kind,)) else 0.12


# --- tables -----------------------------------------------------------------------------------------------------------

_MOST_PRODUCERS = 3  # of one field
_SOURCES = dict.fromkeys(("field", "operation", "path", "reason"), "string")
_USES = dict.fromkeys(("operation", "field", "path", "reason"), "string")


def sources_frame(operation: Operation) -> DataFrame:
    """Return where the inputs of an operation can come from: a row for each field and producer, the best first."""
    names = dict.fromkeys(f.name for f in (*parameter_fields(operation), *body_fields(operation)))
    found = ((name, producer) for name in names for producer in producers(operation, name)[:_MOST_PRODUCERS])
    rows = [{"field": n, "operation": p.operation.id, "path": p.path, "reason": p.reason} for n, p in found]
    return make_frame(rows, _SOURCES)


def uses_frame(operation: Operation) -> DataFrame:
    """Return which operations take what this one returns, the likeliest first."""
    rows = [
        {"operation": c.operation.id, "field": c.name, "path": c.path, "reason": c.reason} for c in consumers(operation)
    ]
    return make_frame(rows, _USES)
