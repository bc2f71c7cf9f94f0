"""All that is prepared once for an operation, so that a request finds it ready.

One request on its way through the sandbox, and the way in which it can be refused.

Which operation a method and a path mean.

A request's query, headers and body as values of the types that the document declares.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

import orjson

from ..call import UNSET
from ..messages import Request, header, is_json, media_type
from ..openapi import Operation, Parameter
from ..schema import Field, body_field, parameter_fields
from .clock import Limits, read_stamp
from .model import Deed, Kind, Knowledge, deed_of, list_part, success_field, success_status
from .shape import Shape, shape
from .tokens import ANYONE, Subject

if TYPE_CHECKING:
    from ..openapi import Operation
    from .state import Item, World
    from .template import Scope


_PAGE = {"offset": "offset", "limit": "limit"}
_NOTHING = Kind("")


@dataclass(frozen=True)
class Envelope:
    """How a list is wrapped: the name of the items (empty for a bare array), of the total, and one item's shape."""

    items: str
    total: str
    item: Shape
    wrap: Shape


class Plan:
    """An operation with what it does, to which kind, below which things, and in which form it answers."""

    def __init__(self, operation: Operation, kinds: Mapping[str, Kind], knowledge: Knowledge) -> None:
        self.operation = operation
        self.deed: Deed = deed_of(operation, kinds, knowledge)
        self.kind = kinds.get(self.deed.kind, _NOTHING)
        self.above = tuple(_above(operation.path, kinds))
        self.status = success_status(operation)

    def __repr__(self) -> str:
        return f"<Plan {self.operation.id}: {self.deed.does} {self.deed.kind}>"

    @cached_property
    def parameters(self) -> tuple[tuple[Parameter, Field], ...]:
        """The parameters outside the path, each with its field."""
        pairs = zip(self.operation.parameters, parameter_fields(self.operation), strict=True)
        return tuple((parameter, field) for parameter, field in pairs if parameter.location in ("query", "header"))

    @cached_property
    def body(self) -> Field | None:
        """The field of the body, or None."""
        return body_field(self.operation)

    @cached_property
    def body_names(self) -> tuple[str, ...]:
        """The names that a body may hold at its top, over all branches."""
        holders = [b.field for b in self.body.branches] or [self.body] if self.body else []
        return tuple(dict.fromkeys(child.name for holder in holders for child in holder.children))

    @cached_property
    def answer(self) -> Field | None:
        """The field of the answer of success; None where it has no JSON body."""
        return success_field(self.operation)

    @cached_property
    def shape(self) -> Shape | None:
        """The form of the answer of success."""
        return shape(self.answer) if self.answer else None

    @cached_property
    def envelope(self) -> Envelope | None:
        """How the answer wraps a list; None where it is none."""
        wanted = self.deed.options.get("items")
        child = self.answer.child(str(wanted)) if self.answer and wanted else None
        part = (str(wanted), child.item) if child and child.item else list_part(self.answer)
        if part is None or self.answer is None:
            return None
        total = next((c.name for c in self.answer.children if re.search(r"(?i)total|count", c.name)), "")
        return Envelope(part[0], total, shape(part[1]), shape(self.answer))

    @cached_property
    def media_type(self) -> str:
        """The media type of the answer of success: JSON where it is offered, else the first declared."""
        content: Mapping[str, Any] = self.operation.success.content if self.operation.success else {}
        return next((m for m in content if "json" in m and "nd" not in m), next(iter(content), ""))


def _above(path: str, kinds: Mapping[str, Kind]) -> list[tuple[str, Kind]]:
    """The kinds that the path's parameters name, in order: each by the collection that stands before it."""
    by_path = {kind.at: kind for kind in kinds.values() if kind.at}
    found, before = [], ""
    for segment in path.strip("/").split("/"):
        if segment.startswith("{") and segment.endswith("}") and before in by_path:
            found.append((segment[1:-1], by_path[before]))
        before = f"{before}/{segment}"
    return found


@dataclass(frozen=True)
class FieldError:
    """One field of a request that broke a rule."""

    field: str
    code: str
    message: str


class Refused(Exception):
    """The sandbox answers with an error. Never leaves the sandbox: whoever asked gets a Response.

    `plain` says that the gateway speaks: text instead of the document's envelope.
    """

    def __init__(
        self,
        status: int,
        message: str,
        fields: tuple[FieldError, ...] = (),
        headers: Mapping[str, str] | None = None,
        plain: bool = False,
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.fields = status, message, fields
        self.headers, self.plain = dict(headers or {}), plain


@dataclass
class Visit:
    """What is known of a request so far; the checks fill it in, one after the other."""

    request: Request
    world: World
    plan: Plan
    path: Mapping[str, str]
    limits: Limits
    subject: Subject = ANYONE
    query: dict[str, Any] = dataclasses.field(default_factory=dict)
    body: Any = UNSET
    items: dict[str, Item] = dataclasses.field(default_factory=dict)

    @property
    def operation(self) -> Operation:
        """The operation that was asked for."""
        return self.plan.operation

    @property
    def deed(self) -> Deed:
        """What it does."""
        return self.plan.deed

    @property
    def kind(self) -> Kind:
        """The kind that it does it to."""
        return self.plan.kind

    @property
    def target(self) -> Item | None:
        """The thing of the deed's kind that the path names, if it names one."""
        return self.items.get(self.kind.name)

    def scope(self, item: Mapping[str, Any] | None = None, **names: Any) -> Scope:
        """A scope for templates: path parameters, the things that the path names, query, body and subject."""
        origin = "/".join(self.request.url.split("/", 3)[:3])
        body = self.body if isinstance(self.body, Mapping) else {}
        store, kinds = self.world.store, self.world.kinds
        shown = {name: store.view(kinds[name], thing)[1] if thing else thing for name, thing in self.items.items()}
        known = {**self.path, **shown, "query": self.query, "body": body, "origin": origin}
        return self.world.scope(item or {}, self.kind.name, **{"subject": self.subject.profile, **known, **names})


_HOLE = re.compile(r"\{([^{}]+)\}")


@dataclass(frozen=True)
class Route:
    """An operation that was found, and what its path parameters hold."""

    operation: Operation
    path: Mapping[str, str]


@dataclass
class _Node:
    """One segment of the paths: fixed ones by text, then templates by pattern, then what ends here by method."""

    fixed: dict[str, _Node] = dataclasses.field(default_factory=dict)
    open: dict[str, _Node] = dataclasses.field(default_factory=dict)
    ends: dict[str, Operation] = dataclasses.field(default_factory=dict)


class Router:
    """The document's paths as a tree; two templates of one shape share their place, and the method tells them apart."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        self._root = _Node()
        for operation in operations:
            node = self._root
            for segment in operation.path.strip("/").split("/"):
                node = _child(node, segment)
            node.ends.setdefault(operation.method, operation)

    def find(self, method: str, path: str) -> Route | frozenset[str]:
        """The route; or the methods that the path does have, none at all where the path is unknown."""
        segments = path.strip("/").split("/")
        best: frozenset[str] = frozenset()
        for node in _walk(self._root, segments):
            operation = node.ends.get(method)
            if operation is not None:
                return Route(operation, _values(operation.path, segments))
            best |= frozenset(node.ends)
        return best


def _child(node: _Node, segment: str) -> _Node:
    if "{" not in segment:
        return node.fixed.setdefault(segment, _Node())
    return node.open.setdefault(_pattern(segment), _Node())


def _pattern(segment: str) -> str:
    parts = _HOLE.split(segment)
    return "".join("(.+)" if i % 2 else re.escape(part) for i, part in enumerate(parts))


def _walk(node: _Node, segments: list[str]) -> Iterable[_Node]:
    if not segments:
        yield node
        return
    first, rest = segments[0], segments[1:]
    if first in node.fixed:
        yield from _walk(node.fixed[first], rest)
    for pattern, child in node.open.items():
        if first and (pattern == "(.+)" or re.fullmatch(pattern, first)):
            yield from _walk(child, rest)


def _values(template: str, segments: list[str]) -> dict[str, str]:
    values: dict[str, str] = {}
    for part, segment in zip(template.strip("/").split("/"), segments, strict=True):
        names = _HOLE.findall(part)
        if names:
            found = re.fullmatch(_pattern(part), segment)
            values.update(zip(names, map(unquote, found.groups() if found else ()), strict=False))
    return values


def read_query(plan: Plan, request: Request) -> dict[str, Any]:
    """The arguments of the query and the headers, typed.

    Raises:
        Refused: a required one is missing, or a value does not fit its declaration.
    """
    raw: dict[str, list[str]] = {}
    query = urlsplit(request.url).query
    for name, value in parse_qsl(query, keep_blank_values=True) if query else ():
        raw.setdefault(name, []).append(value)
    values: dict[str, Any] = {}
    errors: list[FieldError] = []
    for parameter, field in plan.parameters:
        found = _raw(parameter, raw, request)
        if found:
            value, problem = _typed(field, parameter, found)
            if problem:
                errors.append(FieldError(parameter.name, *problem))
            values[parameter.name] = value
        elif parameter.required:
            errors.append(FieldError(parameter.name, "required", f"{parameter.name} is required"))
        elif field.info.default is not None:
            values[parameter.name] = field.info.default
    if errors:
        raise Refused(400, f"Invalid request: {'; '.join(e.message for e in errors)}", tuple(errors))
    return values


def read_body(plan: Plan, request: Request) -> Any:
    """The body as plain data, bytes where it is not JSON or a form; UNSET where there is none.

    Raises:
        Refused: it is needed and not there, or it cannot be read.
    """
    declared = plan.operation.body
    if declared is None:
        return UNSET
    if not request.body:
        if declared.required:
            raise Refused(400, "Invalid request: a body is required", (FieldError("body", "required", "is required"),))
        return UNSET
    media = media_type(request.headers)
    if media == "application/x-www-form-urlencoded":
        return dict(parse_qsl(request.body.decode(errors="replace"), keep_blank_values=True))
    if media and not is_json(media) and media in declared.content:
        return request.body
    try:
        return orjson.loads(request.body)
    except orjson.JSONDecodeError as error:
        raise Refused(400, f"Invalid request: the body is not JSON ({error})") from error


def _raw(parameter: Parameter, query: Mapping[str, list[str]], request: Request) -> list[str]:
    if parameter.location == "header":
        found = header(request.headers, parameter.name)
        return [found] if found else []
    return query.get(parameter.name, [])


Problem = tuple[str, str]


def _typed(field: Field, parameter: Parameter, raw: list[str]) -> tuple[Any, Problem | None]:
    if field.kind != "array":
        return _scalar(field, parameter.name, raw[-1])
    entries = raw if parameter.explode or len(raw) > 1 else raw[0].split(",")
    found = [_scalar(field.item, parameter.name, entry) if field.item else (entry, None) for entry in entries]
    return [value for value, _ in found], next((problem for _, problem in found if problem), None)


def _scalar(field: Field, name: str, text: str) -> tuple[Any, Problem | None]:
    if field.kind == "choice":
        value = next((choice for choice in field.info.choices if str(choice) == text), text)
        allowed = ", ".join(map(str, field.info.choices))
        return value, None if value in field.info.choices else (
            "enum",
            f"{name} must be one of {allowed}, not '{text}'",
        )
    value = _READERS.get(field.kind, str)(text)
    if value is UNSET:
        return text, ("type", f"{name} must be {_ARTICLES.get(field.kind, field.kind)}, not '{text}'")
    if field.info.format == "date-time" and read_stamp(text) is None:
        return text, ("format", f"{name} must be a date and time such as 2026-03-14T09:30:00Z, not '{text}'")
    return value, _out_of_bounds(field, name, value)


def _out_of_bounds(field: Field, name: str, value: Any) -> Problem | None:
    for key, words, broken in _BOUNDS:
        bound = field.schema.get(key)
        if isinstance(bound, int | float) and isinstance(value, int | float) and broken(value, bound):
            return key, f"{name} must be {words} {bound}"
    return None


_BOUNDS: tuple[tuple[str, str, Callable[[float, float], bool]], ...] = (
    ("minimum", "at least", lambda value, bound: value < bound),
    ("maximum", "at most", lambda value, bound: value > bound),
)


def _number(kind: Callable[[str], Any]) -> Callable[[str], Any]:
    def read(text: str) -> Any:
        try:
            return kind(text)
        except ValueError:
            return UNSET

    return read


_READERS: dict[str, Callable[[str], Any]] = {
    "integer": _number(int),
    "number": _number(float),
    "boolean": lambda text: {"true": True, "false": False}.get(text.lower(), UNSET),
}
_ARTICLES = {"integer": "a whole number", "number": "a number", "boolean": "true or false"}
