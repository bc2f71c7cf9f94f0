"""Requests: which operation a method and a path mean, and the request's arguments in the types that it declares."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

from ..call import UNSET
from ..contract.parameters import read_spread
from ..errors import DocumentError
from ..json_text import JsonError, Number, parse_number, read_json
from ..messages import Headers, Request, closest_media_type, header, is_cbor, is_json, is_yaml, media_type, read_data
from ..openapi import Operation, Parameter
from ..schema import Field, body_field, parameter_fields
from .behavior import (
    Action,
    Behavior,
    Change,
    FieldError,
    Item,
    Refused,
    Resource,
    action_of,
    data_media_type,
    list_part,
    success_field,
    success_status,
)
from .clock import RateLimits, parse_timestamp
from .responses import Shape, shape_for
from .tokens import ANYONE, Subject

if TYPE_CHECKING:
    from .state import State


_NO_RESOURCE = Resource("")


@dataclass(frozen=True)
class Envelope:
    """How a list is wrapped: the fields of the items (empty for a bare array) and the total, and the shapes."""

    items: str
    total: str
    item: Shape
    wrap: Shape


class OperationPlan:
    """An operation with its action, its resource, the resources above it, and the form of its response."""

    def __init__(self, operation: Operation, resources: Mapping[str, Resource], behavior: Behavior) -> None:
        self.operation = operation
        self.action: Action = action_of(operation, resources, behavior)
        self.resource = resources.get(self.action.resource, _NO_RESOURCE)
        self.above = tuple(_resources_above(operation.path, resources))
        self.status = success_status(operation)

    def __repr__(self) -> str:
        return f"<OperationPlan {self.operation.id}: {self.action.kind} {self.action.resource}>"

    @cached_property
    def parameters(self) -> tuple[tuple[Parameter, Field], ...]:
        """The parameters in the query and the headers, each with its field."""
        pairs = zip(self.operation.parameters, parameter_fields(self.operation), strict=True)
        return tuple((parameter, field) for parameter, field in pairs if parameter.location in ("query", "header"))

    @cached_property
    def body(self) -> Field | None:
        """The field of the body, or None."""
        return body_field(self.operation)

    @cached_property
    def body_names(self) -> tuple[str, ...]:
        """The names of the body's fields, over all branches."""
        owners = [b.field for b in self.body.branches] or [self.body] if self.body else []
        return tuple(dict.fromkeys(child.name for owner in owners for child in owner.children))

    @cached_property
    def response(self) -> Field | None:
        """The field of the successful response; None if it has no JSON body."""
        return success_field(self.operation)

    @cached_property
    def shape(self) -> Shape | None:
        """The shape of the successful response; None if it has no JSON body."""
        return shape_for(self.response) if self.response else None

    @cached_property
    def envelope(self) -> Envelope | None:
        """How the response wraps a list; None if it is none."""
        part = list_part(self.operation, self.action.items)
        if part is None or self.response is None:
            return None
        total = next((c.name for c in self.response.children if re.search(r"(?i)total|count", c.name)), "")
        return Envelope(part[0], total, shape_for(part[1]), shape_for(self.response))

    @cached_property
    def media_type(self) -> str:
        """The media type of the successful response: JSON where it is offered, else the first one declared."""
        content: Mapping[str, Any] = self.operation.success.content if self.operation.success else {}
        return data_media_type(content) or next(iter(content), "")


def _resources_above(path: str, resources: Mapping[str, Resource]) -> Iterable[tuple[str, Resource]]:
    """Yield the path parameters that name resources, in order, each with the resource of the collection before it."""
    by_path = {resource.path: resource for resource in resources.values() if resource.path}
    before = ""
    for segment in path.strip("/").split("/"):
        if segment.startswith("{") and segment.endswith("}") and before in by_path:
            yield segment[1:-1], by_path[before]
        before = f"{before}/{segment}"


@dataclass
class RequestContext:
    """What is known of a request so far; each check adds to it.

    Attributes:
        path: the values of the path parameters.
        query: the arguments of the query and the headers, typed.
        body: the body as plain data; UNSET if there is none.
        items: the resources that the path names, by type.
    """

    request: Request
    state: State
    plan: OperationPlan
    path: Mapping[str, str]
    limits: RateLimits
    subject: Subject = ANYONE
    query: dict[str, Any] = field(default_factory=dict)
    body: Any = UNSET
    items: dict[str, Item] = field(default_factory=dict)

    @property
    def operation(self) -> Operation:
        """The operation that is called."""
        return self.plan.operation

    @property
    def action(self) -> Action:
        """What the operation does."""
        return self.plan.action

    @property
    def resource(self) -> Resource:
        """The type of resource that the action applies to."""
        return self.plan.resource

    @property
    def target(self) -> Item | None:
        """The resource of that type that the path names, if it names one."""
        return self.items.get(self.resource.name)

    @property
    def fields(self) -> Mapping[str, Any]:
        """The fields of the body; none if it is not an object."""
        return self.body if isinstance(self.body, Mapping) else {}

    @cached_property
    def change(self) -> Change:
        """The circumstances of what the request changes."""
        return self.state.change(self.subject.profile, "/".join(self.request.url.split("/", 3)[:3]))

    def view(self, name: str) -> Item:
        """Return the view of a resource that the path names; an empty one if there is none."""
        item = self.items.get(name)
        return self.state.view(self.state.resources[name], item)[1] if item else {}


_TEMPLATE = re.compile(r"\{([^{}]+)\}")


@dataclass(frozen=True)
class Route:
    """An operation and the values of its path parameters."""

    operation: Operation
    path: Mapping[str, str]


@dataclass
class _Node:
    """One segment of the paths: literal segments by text, templates by pattern, and the operations here by method."""

    literal: dict[str, _Node] = field(default_factory=dict)
    templates: dict[str, _Node] = field(default_factory=dict)
    operations: dict[str, list[Operation]] = field(default_factory=dict)


class Router:
    """The document's paths as a tree. Two templates of the same form share a node; the method distinguishes them.

    Operations of one path and method, whose keys in `paths` have different queries or fragments, are distinguished
    by their parameters.
    """

    def __init__(self, operations: Iterable[Operation]) -> None:
        self._root = _Node()
        for operation in operations:
            node = self._root
            for segment in operation.path.strip("/").split("/"):
                is_template = "{" in segment
                children, key = (node.templates, _pattern(segment)) if is_template else (node.literal, segment)
                node = children.setdefault(key, _Node())
            node.operations.setdefault(operation.method, []).append(operation)

    def find(self, method: str, path: str, query: str = "", headers: Headers = ()) -> Route | frozenset[str]:
        """Return the route; or the methods that the path has: an empty set if the path is unknown."""
        segments = path.strip("/").split("/")
        best: frozenset[str] = frozenset()
        for node in _matching_nodes(self._root, segments):
            operations = node.operations.get(method)
            if operations:
                operation = operations[0] if len(operations) == 1 else _closest(operations, query, headers)
                return Route(operation, _path_values(operation.path, segments))
            best |= frozenset(node.operations)
        return best


def _closest(operations: Sequence[Operation], query: str, headers: Headers) -> Operation:
    """Return the operation that a request is for: the first one of those with the most fixed and required values.

    One that lacks a value that it fixes or requires comes after all others.
    """
    sent = dict(parse_qsl(query, keep_blank_values=True))

    def present(operation: Operation) -> Iterator[bool]:
        for _, text in operation.fixed_query:
            yield from (pair in sent.items() for pair in parse_qsl(text, keep_blank_values=True))
        for parameter, declared in zip(operation.parameters, parameter_fields(operation), strict=True):
            if parameter.required and parameter.location in ("query", "header"):
                in_query = parameter.location == "query"
                value = sent.get(parameter.name) if in_query else header(headers, parameter.name) or None
                choices = declared.info.choices
                yield value is not None and (not choices or value in map(str, choices))

    def score(operation: Operation) -> tuple[bool, int]:
        try:
            found = list(present(operation))
        except DocumentError:  # reported in the operation's warnings
            return False, 0
        return all(found), sum(found)

    return max(operations, key=score)


def _pattern(segment: str) -> str:
    parts = _TEMPLATE.split(segment)
    return "".join("(.+)" if i % 2 else re.escape(part) for i, part in enumerate(parts))


def _matching_nodes(node: _Node, segments: list[str]) -> Iterable[_Node]:
    if not segments:
        yield node
        return
    first, rest = segments[0], segments[1:]
    if first in node.literal:
        yield from _matching_nodes(node.literal[first], rest)
    for pattern, child in node.templates.items():
        if first and (pattern == "(.+)" or re.fullmatch(pattern, first)):
            yield from _matching_nodes(child, rest)


def _path_values(template: str, segments: list[str]) -> dict[str, str]:
    values: dict[str, str] = {}
    for part, segment in zip(template.strip("/").split("/"), segments, strict=True):
        names = _TEMPLATE.findall(part)
        if names:
            match = re.fullmatch(_pattern(part), segment)
            values.update(zip(names, map(unquote, match.groups() if match else ()), strict=False))
    return values


def read_query(plan: OperationPlan, request: Request) -> dict[str, Any]:
    """Return the arguments of the query and the headers, in the declared types.

    Raises:
        Refused: a required one is missing, or a value does not match its declaration.
    """
    raw: dict[str, list[str]] = {}
    query = urlsplit(request.url).query
    for name, value in parse_qsl(query, keep_blank_values=True) if query else ():
        raw.setdefault(name, []).append(value)
    pairs = [(name, value) for name, texts in raw.items() for value in texts]
    spread = read_spread(plan.operation, pairs)
    values: dict[str, Any] = {}
    errors: list[FieldError] = []
    for parameter, declared in plan.parameters:
        sent = header(request.headers, parameter.name) if parameter.location == "header" else ""
        texts = [sent] if sent else raw.get(parameter.name, []) if parameter.location == "query" else []
        if parameter.key in spread:
            values[parameter.name] = spread[parameter.key]
        elif texts:
            value, problem = _read_value(declared, parameter, texts)
            if problem:
                errors.append(FieldError(parameter.name, *problem))
            values[parameter.name] = value
        elif parameter.required:
            errors.append(FieldError(parameter.name, "required", f"{parameter.name} is required"))
        elif declared.info.default is not None:
            values[parameter.name] = declared.info.default
    if errors:
        raise Refused(400, f"Invalid request: {'; '.join(e.message for e in errors)}", tuple(errors))
    return values


def read_body(plan: OperationPlan, request: Request) -> Any:
    """Return the body as plain data, as bytes if it is neither JSON, YAML, CBOR nor a form, or UNSET if there is none.

    Raises:
        Refused: it is required and missing, or it is not valid JSON.
    """
    declared = plan.operation.body
    if declared is None:
        return UNSET
    if not request.body:
        if declared.required:
            raise Refused(400, "Invalid request: a body is required", (FieldError("body", "required", "is required"),))
        return UNSET
    media = media_type(request.headers)
    if is_yaml(media) or is_cbor(media):
        try:
            return read_data(request.body, media)
        except ValueError as error:
            raise Refused(400, f"Invalid request: the body cannot be read as {media}: {error}") from error
    if media == "application/x-www-form-urlencoded":
        return dict(parse_qsl(request.body.decode(errors="replace"), keep_blank_values=True))
    if media and not is_json(media) and closest_media_type(media, declared.content):
        return request.body
    try:
        return read_json(request.body).data
    except JsonError as error:
        raise Refused(400, f"Invalid request: the body is not JSON ({error})") from error


Problem = tuple[str, str]


def _read_value(declared: Field, parameter: Parameter, raw: list[str]) -> tuple[Any, Problem | None]:
    if declared.kind != "array":
        return _scalar(declared, parameter.name, raw[-1])
    texts = raw if parameter.explode or len(raw) > 1 else raw[0].split(",")
    entries = [_scalar(declared.item, parameter.name, text) if declared.item else (text, None) for text in texts]
    return [value for value, _ in entries], next((problem for _, problem in entries if problem), None)


def _scalar(field: Field, name: str, text: str) -> tuple[Any, Problem | None]:
    if field.kind == "choice":
        choices = field.info.choices
        value = next((choice for choice in choices if str(choice) == text), text)
        allowed = ", ".join(map(str, choices))
        return value, None if value in choices else ("enum", f"{name} must be one of {allowed}, not '{text}'")
    try:
        value = _READERS.get(field.kind, str)(text)
    except (ValueError, KeyError):
        return text, ("type", f"{name} must be {_ARTICLES.get(field.kind, field.kind)}, not '{text}'")
    if field.info.format == "date-time" and parse_timestamp(text) is None:
        return text, ("format", f"{name} must be a date and time such as 2026-03-14T09:30:00Z, not '{text}'")
    return value, _out_of_bounds(field, name, value)


def _out_of_bounds(field: Field, name: str, value: Any) -> Problem | None:
    for key, words, broken in _BOUNDS:
        bound = field.schema.get(key)
        if isinstance(bound, Number) and isinstance(value, Number) and broken(value, bound):
            return key, f"{name} must be {words} {bound}"
    return None


_BOUNDS: tuple[tuple[str, str, Callable[[Any, Any], bool]], ...] = (
    ("minimum", "at least", lambda value, bound: value < bound),
    ("maximum", "at most", lambda value, bound: value > bound),
)


_READERS: dict[str, Callable[[str], Any]] = {
    "integer": int,
    "number": parse_number,
    "boolean": lambda text: {"true": True, "false": False}[text.lower()],
}
"""Each returns the value of a text; a ValueError or a KeyError means that it is none."""

_ARTICLES = {"integer": "a whole number", "number": "a number", "boolean": "true or false"}
