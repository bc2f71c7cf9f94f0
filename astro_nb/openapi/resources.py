"""What the operations of a document do to its resources: the one place where this is inferred.

`spec.resources` answers, for any document:

- `role(operation)`: does it list, read, create, update or delete a resource, or act on one, and of which collection;
- `reader_at(path)`, `reader_of(operation)`: which operation reads a path, or what an unsafe operation changes;
- `is_list(operation)`, `items_key(operation)`: does it list resources, and where in its response the items are;
- `id_field(operation)`, `label_fields(operation)`: which field identifies a resource, and which one names it.

The overlay decides first (`x-astro-nb-page`, `x-astro-nb-item`, `x-astro-nb-update`), then paths: a path that ends in a
parameter is one resource, and the path before it is its collection. Then schemas: a response is a list if it is an
array, or an object around one array that is not itself a resource. Names that are common among APIs are in the tables
here; names of one API belong to its overlay.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from ..call import Call
from ..errors import DocumentError
from .malformed import READ_ERRORS

if TYPE_CHECKING:
    from .operations import Operation
    from .spec import Spec

Action = Literal["list", "read", "create", "update", "delete", "act"]
"""What an operation does; "act" is anything else, such as starting or stopping."""

LABEL_FIELDS = ("name", "fullName", "username", "title", "key", "email")
"""Fields that name a resource, the likeliest first. An API's own go into the overlay (`x-astro-nb-item`, `name`)."""

ID_FIELD = "id"
"""The field that identifies a resource, unless the overlay names another."""

ENTRY_KEYS = ("key", "name", ID_FIELD)
"""Fields that identify the entries of a list inside a resource, the likeliest first."""

ITEMS_KEYS = ("items", "results", "data", "value", "values", "records", "entries", "list")
"""Usual names of the array that holds the items of a list."""

TOTAL_KEYS = ("totalCount", "total_entries", "total", "limit")
"""Usual names of the numbers next to the items of a list."""

_PARAMETER = re.compile(r"\{([^{}/]*)\}")
_MAX_MEMBERS = 8  # of an object around a list; one with more is a resource that contains a list
_MAX_SCHEMAS = 64  # that are read for one value: `allOf` may be circular


@dataclass(frozen=True)
class Role:
    """What one operation does to which resource.

    Attributes:
        action: what it does.
        collection: the path of the collection that the resource belongs to; empty if the document has none.
        id_parameter: the last parameter of the path, which identifies the resource; empty if there is none.
        is_single: whether the path is that of a single resource.
    """

    action: Action
    collection: str
    id_parameter: str
    is_single: bool


def path_shape(path: str) -> str:
    """Return a path without the names of its parameters: `/pets/{petId}` gives `/pets/{}`."""
    return _PARAMETER.sub("{}", path).rstrip("/")


def paths_upwards(path: str) -> list[str]:
    """Return a path and every path above it, the nearest first."""
    steps = path.split("/")
    return ["/".join(steps[:end]) for end in range(len(steps), 1, -1)]


def last_parameter(operation: Operation) -> str:
    """Return the parameter that identifies the resource of an operation; empty if its path has none."""
    return next(iter(reversed(_PARAMETER.findall(operation.path))), "")


def id_field(operation: Operation) -> str:
    """Return the field of a response that identifies its resource: see `Resources.id_field`."""
    return operation.spec.resources.id_field(operation)


def label_fields(operation: Operation | None) -> tuple[str, ...]:
    """Return the fields that may name a resource, the overlay's first."""
    item = operation.extensions.item if operation else None
    declared = filter(None, (item.name, item.label)) if item else ()
    return tuple(dict.fromkeys([*declared, *LABEL_FIELDS]))


def label_of(item: Mapping[str, Any], operation: Operation | None = None) -> str:
    """Return the label of a resource; empty if none of its fields has one."""
    found = (item.get(name) for name in label_fields(operation))
    return next((value for value in found if isinstance(value, str) and value), "")


def field_named_by(parameter: str, names: Iterable[str]) -> str:
    """Return the field whose value a path parameter takes: `name` for `pool_name`, if there is no field `pool_name`.

    It is the field of the same name, else the longest whose words the parameter's name ends in, else `id`. Words count:
    `username` does not take a field `name`.
    """
    known = list(names)
    if parameter in known:
        return parameter
    wanted = _words(parameter)
    same = [name for name in known if _plain(name) == _plain(parameter)]
    ends = same or [name for name in known if (words := _words(name)) and wanted[-len(words) :] == words]
    return max(ends, key=len) if ends else ID_FIELD if ID_FIELD in known else parameter


def call_to_read(reader: Operation, operation: Operation, call: Call) -> Call:
    """Return the call that reads the resource of another call, by the values in its path."""
    by_position = dict(zip(_PARAMETER.findall(reader.path), _PARAMETER.findall(operation.path), strict=False))
    sources = {p.key: by_position.get(p.name, p.key) if p.location == "path" else p.key for p in reader.parameters}
    arguments = {key: call.parameters[source] for key, source in sources.items() if source in call.parameters}
    page = reader.extensions.page
    largest = {page.limit: page.most} if page and page.limit and page.most else {}
    return Call(reader.id, {**largest, **arguments}, security=call.security)


class Resources:
    """The resources of one document; see the head of this module. There is one for each `Spec`."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._roles: dict[str, Role] = {}
        self._items: dict[str, str] = {}
        self._ids: dict[str, str] = {}

    # --- paths --------------------------------------------------------------------------------------------------------

    @cached_property
    def by_shape(self) -> Mapping[str, tuple[Operation, ...]]:
        """The operations by the shape of their path, which ignores the names of its parameters."""
        found: dict[str, list[Operation]] = {}
        for operation in self._spec:
            found.setdefault(path_shape(operation.path), []).append(operation)
        return {shape: tuple(operations) for shape, operations in found.items()}

    def at(self, path: str) -> tuple[Operation, ...]:
        """Return the operations of a path."""
        return self.by_shape.get(path_shape(path), ())

    def reader_at(self, path: str) -> Operation | None:
        """Return the operation that reads a path; None if there is none."""
        return next((operation for operation in self.at(path) if operation.method == "GET"), None)

    def has_items(self, path: str) -> bool:
        """Whether there are single resources below a path, so that it is their collection."""
        shape = path_shape(path)
        return not shape.endswith("}") and f"{shape}/{{}}" in self.by_shape

    # --- operations ---------------------------------------------------------------------------------------------------

    def role(self, operation: Operation) -> Role:
        """Return what an operation does to which resource."""
        if operation.id not in self._roles:
            self._roles[operation.id] = self._role(operation)
        return self._roles[operation.id]

    def is_list(self, operation: Operation) -> bool:
        """Whether an operation reads a list of resources, by the overlay or by its path."""
        return operation.extensions.page is not None or self.has_items(operation.path)

    def reader_of(self, operation: Operation) -> Operation | None:
        """Return the safe operation that reads what an operation changes; None if there is none.

        It is the one that the overlay names, else the one at the same path. Otherwise, for a single resource, it is the
        list that contains it; for anything else, the nearest one above that reads a single resource.
        """
        update = operation.extensions.update
        named = next((o for o in self._spec if update and o.id == update.read and o.is_safe), None)
        path, *above = paths_upwards(operation.path)
        own = named or self.reader_at(path)
        if own and not self.is_list(own):
            return own
        if _is_single(operation):
            return self.reader_at(above[0]) if above else None
        found = (self.reader_at(path) for path in above)
        return next((reader for reader in found if reader and not self.is_list(reader)), None)

    def id_field(self, operation: Operation) -> str:
        """Return the field that identifies the resource of an operation: its value is the parameter of its path.

        The overlay declares it. Otherwise it is the field that the parameter is named after, such as `name` for
        `/pools/{pool_name}`, or else `id`.
        """
        if operation.id not in self._ids:
            item = operation.extensions.item
            self._ids[operation.id] = (item.id if item else "") or self._inferred_id(operation)
        return self._ids[operation.id]

    def fields(self, operation: Operation) -> list[str]:
        """Return the fields of the resource of an operation, as the document declares that it is read or listed."""
        shape = self._collection_shape(operation)
        paths = [operation.path, *([f"{shape}/{{}}", shape] if shape else [])]
        readers = (reader for path in paths if (reader := self.reader_at(path)) is not None)
        found = (self._declared_fields(reader) for reader in readers)
        return next((names for names in found if names), [])

    def _inferred_id(self, operation: Operation) -> str:
        single = self.at(f"{self._collection_shape(operation)}/{{}}")
        names = self.fields(operation)
        return field_named_by(last_parameter(single[0]), names) if single and names else ID_FIELD

    def _collection_shape(self, operation: Operation) -> str:
        """Return the shape of the path of the collection that an operation belongs to; empty if there is none."""
        return path_shape(next((path for path in paths_upwards(operation.path) if self.has_items(path)), ""))

    def _declared_fields(self, reader: Operation) -> list[str]:
        try:
            schema = reader.success.schema() if reader.success else None
            key = self.items_key(reader)
            if key and key != "$":
                schema = properties_of(self._spec, schema).get(key)
            items = next((part["items"] for part in _applicable_schemas(self._spec, schema) if "items" in part), None)
            return list(properties_of(self._spec, schema if items is None else items))
        except (DocumentError, *READ_ERRORS):  # reported by the operation's warnings
            return []

    def _role(self, operation: Operation) -> Role:
        single = _is_single(operation)
        collections = (path for path in paths_upwards(operation.path) if self.has_items(path))
        return Role(self._action(operation, single), next(collections, ""), last_parameter(operation), single)

    def _action(self, operation: Operation, single: bool) -> Action:
        if operation.is_safe:
            return "list" if self.is_list(operation) else "read"
        own = self.reader_at(operation.path)
        if operation.method == "DELETE":
            return "delete" if own or single else "act"
        if operation.extensions.update is not None or operation.method in ("PUT", "PATCH"):
            return "update"
        if own and single and not self.is_list(own):  # a list may have entries that cannot be read one by one
            return "update"
        return "create" if own or self.has_items(operation.path) else "act"

    # --- responses ----------------------------------------------------------------------------------------------------

    def items_key(self, operation: Operation) -> str:
        """Return the key of the array that holds the items of a list response.

        "$" if the response is the array; empty if it is not a list, or if it is not clear where the items are.
        """
        if operation.id not in self._items:
            page = operation.extensions.page
            self._items[operation.id] = (page.items if page else "") or self._declared_items(operation)
        return self._items[operation.id]

    def items_path(self, operation: Operation, data: Any) -> str:
        """Return the JSONPath of the items in a response; "$" if it is the list itself, or one resource.

        Unless the overlay names the key, it is that of the only array next to a total or a limit.
        """
        page = operation.extensions.page
        named = page.items if page else ""
        if not isinstance(data, Mapping):
            return "$"
        if named:
            return f"$['{named}']" if named != "$" and isinstance(data.get(named), list) else "$"
        lists = [key for key, value in data.items() if isinstance(value, list)]
        return f"$['{lists[0]}']" if len(lists) == 1 and set(TOTAL_KEYS) & set(data) else "$"

    def _declared_items(self, operation: Operation) -> str:
        try:
            schema = operation.success.schema() if operation.success else None
            return "" if schema is None else self._items_in(schema, operation.path)
        except (DocumentError, *READ_ERRORS):  # reported by the operation's warnings
            return ""

    def _items_in(self, schema: Any, path: str) -> str:
        if is_array(self._spec, schema):
            return "$"
        properties = properties_of(self._spec, schema)
        arrays = [name for name, inner in properties.items() if is_array(self._spec, inner)]
        usual = {_plain(name): name for name in arrays}
        wanted = (path.rstrip("/").rpartition("/")[2], *ITEMS_KEYS)
        found = next((usual[_plain(name)] for name in wanted if _plain(name) in usual), "")
        if found or len(arrays) != 1:
            return found
        is_resource = ID_FIELD in properties or any(name in properties for name in LABEL_FIELDS)
        return "" if is_resource or len(properties) >= _MAX_MEMBERS else arrays[0]


def _is_single(operation: Operation) -> bool:
    return path_shape(operation.path).endswith("}")


def _words(name: str) -> list[str]:
    """Return the words of a name in lower case: `poolName`, `pool_name` and `pool-name` have two."""
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", name)]


def _plain(name: str) -> str:
    return name.replace("_", "").replace("-", "").lower()


# --- raw schemas ------------------------------------------------------------------------------------------------------


def properties_of(spec: Spec, schema: Any) -> dict[str, Any]:
    """Return the properties that an object schema declares, following `$ref`, `allOf` and a nullable union."""
    found: dict[str, Any] = {}
    for part in _applicable_schemas(spec, schema):
        properties = part.get("properties")
        for name, inner in properties.items() if isinstance(properties, Mapping) else ():
            found.setdefault(str(name), inner)
    return found


def is_array(spec: Spec, schema: Any) -> bool:
    """Whether a schema declares an array."""
    types = (part.get("type") for part in _applicable_schemas(spec, schema))
    return any(kind == "array" or (isinstance(kind, list) and "array" in kind) for kind in types)


def _applicable_schemas(spec: Spec, schema: Any) -> Iterator[Mapping[str, Any]]:
    """Yield the schemas that apply to the same value: the schema itself, `allOf`, and the rest of a nullable union."""
    pending, count = [schema], 0
    while pending and count < _MAX_SCHEMAS:
        part = spec.resolve_or_empty(pending.pop(0))
        count += 1
        yield part
        every = part.get("allOf")
        pending.extend(every if isinstance(every, list) else ())
        for either in (part.get("anyOf"), part.get("oneOf")):
            options = [o for o in either if o != {"type": "null"}] if isinstance(either, list) else []
            pending.extend(options if len(options) == 1 else ())


# --- links ------------------------------------------------------------------------------------------------------------

_BODY = "$response.body#"


@dataclass(frozen=True)
class Link:
    """One value of a response that another operation takes (OpenAPI 3.1, section "Link Object").

    Attributes:
        source: the id of the operation whose response has the value.
        pointer: its location in the response's body (RFC 6901).
        target: the id of the operation that takes it.
        parameter: the key of the target's parameter; empty for its whole body.
    """

    source: str
    pointer: str
    target: str
    parameter: str


def links_of(spec: Spec) -> tuple[Link, ...]:
    """Return every link of a document from a value in a successful response; one that points nowhere is left out."""
    return tuple(link for operation in spec for link in _links_from(operation))


def _links_from(operation: Operation) -> Iterator[Link]:
    spec = operation.spec
    for status, response in _mapping_or_empty(operation.raw.get("responses")).items():
        is_success = str(status)[:1] in "2d"  # or "default"
        links = _mapping_or_empty(spec.resolve_or_empty(response).get("links")) if is_success else {}
        for raw in map(spec.resolve_or_empty, links.values()):
            target = _link_target(spec, raw)
            if target is not None:
                yield from _links_to(target, operation.id, raw)


def _links_to(target: Operation, source: str, raw: Mapping[str, Any]) -> Iterator[Link]:
    expressions = {str(name): value for name, value in _mapping_or_empty(raw.get("parameters")).items()}
    for name, value in {**expressions, "": raw.get("requestBody")}.items():
        if isinstance(value, str) and value.startswith(_BODY):
            place, _, bare = name.rpartition(".")  # "path.id" if two parameters share a name
            same = [p.key for p in target.parameters if p.key == name or (p.name, p.location) == (bare, place)]
            yield Link(source, value.removeprefix(_BODY), target.id, same[0] if same else name)


def _link_target(spec: Spec, raw: Mapping[str, Any]) -> Operation | None:
    """Return the operation of a link, by its id or by a reference into this document."""
    operation_id, ref = raw.get("operationId"), raw.get("operationRef")
    if isinstance(operation_id, str):
        return spec.operation(operation_id) if operation_id in spec else None
    target = spec.resolve_or_empty({"$ref": ref}) if isinstance(ref, str) and ref.startswith("#") else None
    return next((operation for operation in spec if operation.raw is target), None)


def _mapping_or_empty(node: Any) -> Mapping[str, Any]:
    return node if isinstance(node, Mapping) else {}
