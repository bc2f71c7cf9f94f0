"""What the responses of a document's operations hold: each object in them, which resource it is, and its fields.

| to find                                                | use                                  |
|--------------------------------------------------------|--------------------------------------|
| which resource a parameter's or field's name refers to | `parse_name`                         |
| the objects in the response of an operation            | `response_index(spec).objects`       |
| the objects that are some resource, or have some key   | `by_resource`, `by_key` of the index |

Names are compared by their words, in lower case and in the singular, so that `dagRuns` and `dag_run` are alike.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache

from ..errors import DocumentError
from ..jsonpath import to_path
from ..openapi import Operation, Spec, path_shape
from ..openapi.resources import Link, links_of
from ..schema import Field, read_field

Words = tuple[str, ...]
"""A name as its words, the last one in the singular."""

_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+|[^\W\d_]+")
_PLURAL_ENDINGS = (("ies", "y"), ("is", ""), ("ss", "ss"), ("us", "us"), ("ias", "ias"), ("s", ""))
_KEYS = frozenset(
    ("id", "uuid", "guid", "number", "name", "slug", "key", "login", "sha", "hash", "ref", "digest", "token", "index")
)
_SIZES = ("full", "minimal", "simple", "public", "private", "basic", "base", "nullable", "detail", "details", "summary")
_WRAPPERS = ("paginated", "collection", "list", "response", "item", "dto", "model", "out", "read", "result", "results")
_EXTENT_WORDS = frozenset((*_SIZES, *_WRAPPERS))
"""Words in the name of a schema that say how much of a resource it holds, not which resource."""

_EQUIVALENT_KEYS: dict[str, tuple[str, ...]] = {
    "id": ("id", "uuid", "guid"),
    "name": ("login", "name", "key", "slug"),
    "": ("login", "slug", "key", "name", "id"),
}
"""The keys that may identify a resource, by the key that a name ends in (empty for none). Others have no equivalent."""

_CACHED_NAMES, _CACHED_WORDS, _CACHED_INDEXES = 4096, 16384, 8


@dataclass(frozen=True)
class ParsedName:
    """The name of a parameter or field, taken apart: `customRoleId` is the id of a custom role, or at least of a role.

    Attributes:
        resources: the words of the resource, then fewer of them; empty if the name has none.
        key: what identifies the resource: "id", "name", "number"; empty if the name does not say.
    """

    name: str
    resources: tuple[Words, ...]
    key: str

    @property
    def is_reference(self) -> bool:
        """Whether the name has both: a resource, and the key that identifies it."""
        return bool(self.resources and self.key)

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys under which the resource itself may hold the value."""
        return _EQUIVALENT_KEYS.get(self.key, (self.key,))


@lru_cache(maxsize=_CACHED_NAMES)
def parse_name(name: str) -> ParsedName:
    """Take the name of a parameter or field apart."""
    words = _split(name.rpartition(".")[2])
    if len(words) == 1 and words[0].endswith("name") and words[0] != "name":
        words = (words[0][:-4], "name")
    last = words[-1] if words else ""
    key = next((key for key in (last, last.removesuffix("s")) if key in _KEYS), "")
    resource = _singular(words[:-1] if key else words)
    return ParsedName(name, tuple(resource[start:] for start in range(len(resource))), key)


@lru_cache(maxsize=_CACHED_WORDS)
def split_words(text: str) -> Words:
    """Return the words of a name, for comparison."""
    return _singular(_split(text))


@lru_cache(maxsize=_CACHED_NAMES)
def resource_of_type(type_name: str) -> Words:
    """Return the resource that a schema describes, by its name: `full-repository` is a repository."""
    words = _split(type_name)
    return _singular(tuple(word for word in words if word not in _EXTENT_WORDS) or words)


def is_kind_of(resource: Words, wanted: Words) -> bool:
    """Whether a resource is a kind of another one: an agent token is a token."""
    return bool(wanted) and resource[-len(wanted) :] == wanted


def _split(text: str) -> Words:
    return tuple(word.lower() for word in _WORD.findall(re.sub(r"IDs\b", "Ids", text)))


def _singular(words: Words) -> Words:
    return (*words[:-1], _stem(words[-1])) if words else ()


def _stem(word: str) -> str:
    """Return a word without its plural ending; singular and plural give the same, which need not be a word."""
    for ending, replacement in _PLURAL_ENDINGS:
        if word.endswith(ending) and len(word) > len(ending) + 1:
            word = word[: -len(ending)] + replacement
            break
    return word.removesuffix("e") if len(word) > 3 else word


# --- objects ----------------------------------------------------------------------------------------------------------

_OBJECTS = ("object", "union")


@dataclass(frozen=True, eq=False)
class ResponseObject:
    """One object in a response, or one scalar of a list in it.

    Attributes:
        operation: the operation that responds with it.
        path: the JSONPath of all of them: `$.deployments[*]`.
        resources: which resource it may be: by the key above it, its schema, or the path of the operation.
        is_listed: whether a response holds many of them.
        is_nested: whether it is inside another object of the response.
        id_key: the key that identifies it, if the overlay declares one.
        parents: which resource that other object may be.
    """

    operation: Operation = field(repr=False)
    path: str
    field: Field = field(repr=False)
    resources: frozenset[Words]
    is_listed: bool
    is_nested: bool = False
    id_key: str = ""
    parents: frozenset[Words] = frozenset()

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of the object."""
        return tuple(self.field.schema.get("properties") or ()) if self.field.kind == "object" else ()

    @property
    def is_scalar(self) -> bool:
        """Whether it is a bare value, as in a list of names."""
        return self.field.kind in ("text", "integer")

    @property
    def title(self) -> str:
        """What it is, in the words of the document: "Deployment", "a list of Deployment"."""
        declared = self.field.type_name if self.field.type_name != "object" else ""
        keys = re.findall(r"\w+", self.path)
        title = declared or (keys[-1] if keys else self.operation.path.rpartition("/")[2])
        return f"a list of {title}" if self.is_listed else title

    def path_to(self, key: str) -> str:
        """Return the JSONPath of one of its fields; of the object itself if the key is empty."""
        return self.path + to_path((key,))[1:] if key else self.path


class ResponseIndex:
    """The objects in all responses of a document, by operation, by resource and by key."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self._fields: dict[tuple[object, ...], Field] = {}

    @cached_property
    def objects(self) -> Mapping[str, tuple[ResponseObject, ...]]:
        """The objects in the response of each operation, by the operation's id."""
        return {operation.id: tuple(self._read_response(operation)) for operation in self.spec}

    @cached_property
    def by_resource(self) -> Mapping[str, list[ResponseObject]]:
        """The objects by the last word of their resource."""
        found: dict[str, list[ResponseObject]] = {}
        for each in self._every_object():
            for last in {resource[-1] for resource in each.resources if resource}:
                found.setdefault(last, []).append(each)
        return found

    @cached_property
    def by_key(self) -> Mapping[Words, list[tuple[ResponseObject, str]]]:
        """The objects by the words of each of their keys."""
        found: dict[Words, list[tuple[ResponseObject, str]]] = {}
        for each in self._every_object():
            for key in each.keys:
                found.setdefault(split_words(key), []).append((each, key))
        return found

    @cached_property
    def below(self) -> Mapping[str, list[Operation]]:
        """The operations one plain step below a path: below `/pet` those of `/pet/findByStatus`."""
        found: dict[str, list[Operation]] = {}
        for operation in self.spec:
            above, _, last = path_shape(operation.path).rpartition("/")
            if last != "{}":
                found.setdefault(above, []).append(operation)
        return found

    @cached_property
    def links(self) -> Mapping[tuple[str, str], list[Link]]:
        """The document's own links, by the operation and the parameter that they lead to."""
        found: dict[tuple[str, str], list[Link]] = {}
        for link in links_of(self.spec):
            found.setdefault((link.target, link.parameter), []).append(link)
        return found

    def _every_object(self) -> Iterator[ResponseObject]:
        for objects in self.objects.values():
            yield from objects

    def _read_response(self, operation: Operation) -> Iterator[ResponseObject]:
        root = self._response_field(operation)
        if root is None:
            return
        item = operation.extensions.item
        id_key = item.id if item else ""
        step = _last_step(operation.path)
        for form in root.alternatives:
            if form.kind == "array":
                yield from self._read_list(operation, form, "$[*]", step, id_key)
            elif form.kind == "object":
                yield from self._read_object(operation, form, step, id_key)

    def _read_object(self, operation: Operation, form: Field, step: Words, id_key: str) -> Iterator[ResponseObject]:
        """Read an object that is a whole response: the lists in it, itself, and the objects in it."""
        lists = [child for child in self._shared(form).children if child.kind == "array"]
        items_key = self.spec.resources.items_key(operation)
        for child in lists:
            holds_items = child.name == items_key
            path = f"{to_path((child.name,))}[*]"
            words = split_words(child.name)
            for each in self._read_list(operation, child, path, words, id_key if holds_items else ""):
                is_item = holds_items and not each.is_nested
                yield replace(each, resources=each.resources | {step}) if is_item else each
        resources = _resources(form, step)
        own_id = "" if lists and items_key else id_key
        yield ResponseObject(operation, "$", form, resources, is_listed=False, id_key=own_id)
        yield from self._read_nested(operation, form, "$", False, resources)

    def _read_list(
        self, operation: Operation, array: Field, path: str, name: Words, id_key: str
    ) -> Iterator[ResponseObject]:
        item = array.item
        for form in item.alternatives if item else ():
            if form.kind in ("object", "text", "integer"):
                resources = _resources(form, name)
                yield ResponseObject(operation, path, form, resources, is_listed=True, id_key=id_key)
                yield from self._read_nested(operation, form, path, True, resources)
                yield from self._read_nested_lists(operation, form, path)

    def _read_nested_lists(self, operation: Operation, form: Field, path: str) -> Iterator[ResponseObject]:
        """Read the lists inside an item of a list."""
        for child in self._shared(form).children if form.kind == "object" else ():
            for inner in child.item.alternatives if child.kind == "array" and child.item else ():
                if inner.kind == "object":
                    place = f"{path}{to_path((child.name,))[1:]}[*]"
                    resources = _resources(inner, split_words(child.name))
                    yield ResponseObject(operation, place, inner, resources, is_listed=True, is_nested=True)

    def _read_nested(
        self, operation: Operation, form: Field, path: str, is_listed: bool, parents: frozenset[Words]
    ) -> Iterator[ResponseObject]:
        """Read the objects inside an object."""
        for child in self._shared(form).children if form.kind == "object" else ():
            place = path + to_path((child.name,))[1:]
            for inner in child.alternatives if child.kind in _OBJECTS else ():
                if inner.kind == "object":
                    resources = _resources(inner, split_words(child.name))
                    yield ResponseObject(operation, place, inner, resources, is_listed, True, parents=parents)

    def _shared(self, form: Field) -> Field:
        """Return one field for all that are read from the same schema, so that its children are read once."""
        if form.type_name == "object":  # it has no name to know it by
            return form
        return self._fields.setdefault((form.type_name, *(form.schema.get("properties") or ())), form)

    def _response_field(self, operation: Operation) -> Field | None:
        try:
            schema = operation.success.schema() if operation.success else None
        except DocumentError:  # reported by the operation's warnings
            return None
        return read_field(self.spec, schema) if schema is not None else None


@lru_cache(maxsize=_CACHED_INDEXES)
def response_index(spec: Spec) -> ResponseIndex:
    """Return the index of a document, made once; those of the last few documents are cached."""
    return ResponseIndex(spec)


def _last_step(path: str) -> Words:
    """Return the words of the last plain step of a path, if nothing but a parameter follows it."""
    steps = [step for step in path.split("/") if step]
    plain = [step for step in steps[-2:] if "{" not in step]
    return split_words(plain[-1]) if plain else ()


def _resources(form: Field, name: Words) -> frozenset[Words]:
    """Return which resource an object may be: what it is called there, and what its schema is called."""
    declared = resource_of_type(form.type_name) if form.kind == "object" and form.type_name != "object" else ()
    return frozenset(resource for resource in (name, declared) if resource)
